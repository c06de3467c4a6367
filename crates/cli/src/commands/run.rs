//! The server's side: a compiled network on an encrypted input.

use super::encrypt::ciphertext_name;
use super::infer::note_counts;
use crate::args::Run;
use crate::failure::Failure;
use crate::screen::Lines;
use crate::{Session, progress, staging};
use privet::extend::{CkksBackend, KeyUse, check_refresher, counts};
use privet::prelude::{Compiled, Encrypted, Role, human_bytes};
use privet::{Error, run_encrypted};

/// Runs the command.
///
/// # Errors
/// [`Failure`] with the first thing that stands in the way.
pub fn run(session: &Session, args: &Run) -> Result<(), Failure> {
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| ciphertext_name(&args.input, "result.ct"));
    staging::check_outputs(
        session,
        &[Some(&output), args.report.as_deref()],
        &[&args.model, &args.input, &args.evaluation],
    )?;
    let compiled = Compiled::load(&args.model)?;
    // No one here holds a secret key.
    check_refresher(&compiled.circuit, None)
        .map_err(|e| Failure::from(Error::from(e)).about(&args.model))?;
    let client = &compiled.client;
    let mut report = compiled.report.clone();
    let cap = staging::memory_cap(args.memory);
    let plan = staging::plan(&compiled, cap, KeyUse::Scheduled, &mut report)?;
    let ctx = client.context()?;
    let input = Encrypted::load(&ctx, client, Role::Input, &args.input)?;
    let keys = client.load_evaluation(&ctx, &args.evaluation)?;
    input.check_key(
        &args.input,
        &keys.key_id,
        "use the evaluation keys that were made with the secret key of the input",
    )?;
    let mut lines = Lines::new();
    staging::circuit_lines(&mut lines, &report);
    staging::batch_line(&mut lines, client);
    staging::memory_line(&mut lines, &plan, KeyUse::Scheduled, cap);
    lines.print()?;

    let work = |tick: &(dyn Fn(usize, usize) + Sync)| {
        CkksBackend::encode_ahead(&ctx, &compiled.circuit, plan.kept_plaintext_bytes, tick)
    };
    let (encoded, encode_ms) = progress::count(session, "encoding weights", work);
    let encoded = encoded.map_err(Error::from)?;
    staging::weights_section(&mut report, &plan, encoded.bytes());
    let n_samples = input.n_samples;
    let (done, run_ms) = progress::count(session, "running", |tick| {
        run_encrypted(&ctx, &compiled, &keys, &encoded, input, tick)
    });
    let (result, _, executed) = done?;
    note_counts(session, &counts(&compiled.circuit), &executed);
    result.save(client, Role::Result, &output, session.force)?;

    let time = report.time.get_or_insert_default();
    (time.compile_ms, time.encode_ms, time.run_ms) = (None, Some(encode_ms), Some(run_ms));
    time.threads = Some(privet::threads() as u64);
    let mut lines = Lines::new();
    lines.gap();
    staging::time_line(&mut lines, &report);
    if n_samples > 1 {
        lines.line("run", &staging::run_words(run_ms, n_samples as usize)[..2]);
    }
    staging::used_line(&mut lines, &mut report);
    let bytes = std::fs::metadata(&output)
        .map(|m| human_bytes(m.len()))
        .unwrap_or_default();
    lines.line(
        "wrote",
        &[format!(
            "{}, the encrypted result, {bytes}",
            output.display()
        )],
    );
    staging::write_report(session, args.report.as_deref(), &report, &mut lines)?;
    lines.print()
}
