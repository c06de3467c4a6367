//! The command line. It alone prints and ends the process; everything it does goes through the facade.

mod args;
mod commands;
mod failure;
mod feed;
mod progress;
mod screen;
mod sizes;
mod staging;
mod trained;
mod training;
mod warn;

use args::{Cli, Command};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Everything that each command may look at.
pub struct Session {
    /// Bars and remarks are wanted.
    pub chatty: bool,
    /// Output files may be overwritten.
    pub force: bool,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // Nobody is left to tell when even this can not be printed.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    start_tracing(cli.global.verbose);
    let alone = matches!(cli.command, Command::MeasureCosts(_)).then_some(1);
    let done = start_threads(cli.global.threads.or(alone)).and_then(|()| {
        let session = Session {
            chatty: !cli.global.quiet,
            force: cli.global.force,
        };
        failure::guarded(|| dispatch(&session, cli.command))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::Infer(args) => commands::infer::run(session, &args),
        Command::Compile(args) => commands::compile::run(session, &args),
        Command::Inspect(args) => commands::inspect::run(session, &args),
        Command::Keygen(args) => commands::keygen::run(session, &args),
        Command::Encrypt(args) => commands::encrypt::run(session, &args),
        Command::Run(args) => commands::run::run(session, &args),
        Command::Decrypt(args) => commands::decrypt::run(session, &args),
        Command::Check(args) => commands::check::run(session, &args),
        Command::Convert(args) => commands::convert::run(session, &args),
        Command::Prune(args) => commands::prune::run(session, &args),
        Command::MeasureCosts(args) => commands::measure_costs::run(session, &args),
    }
}

fn start_tracing(verbose: u8) {
    let level = match verbose {
        0 => tracing::Level::WARN,
        1 => tracing::Level::DEBUG,
        _ => tracing::Level::TRACE,
    };
    // Libraries speak only when something is wrong; at trace level they would print weights.
    let ours = Targets::new()
        .with_default(tracing::Level::WARN)
        .with_target("privet", level);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(screen::colors_on_stderr())
        .without_time()
        .with_target(verbose > 1);
    tracing_subscriber::registry().with(layer).with(ours).init();
}

fn start_threads(threads: Option<u16>) -> Result<(), Failure> {
    match threads {
        Some(n) if !privet::use_threads(usize::from(n)) => Err(Failure::usage(
            "the number of threads is settled already",
            "leave out --threads",
        )),
        _ => Ok(()),
    }
}
