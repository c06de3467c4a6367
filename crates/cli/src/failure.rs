//! Errors as the user meets them.

use crate::screen;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use privet::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Why a command stopped, what to do, and the exit code.
#[derive(Debug)]
pub struct Failure {
    message: String,
    help: Option<String>,
    code: u8,
}

/// The model or the settings.
const REFUSED: u8 = 1;

/// Files and usage.
const OUTSIDE: u8 = 2;

/// Our own fault.
const BROKE: u8 = 70;

/// Runs a command; a panic becomes a message and an exit code, and unwinding has removed half-written files.
///
/// # Errors
/// What the command returned, or the fault.
pub fn guarded(command: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    std::panic::set_hook(Box::new(|_| {}));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(command)).unwrap_or_else(|payload| {
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied());
        let message = format!(
            "a fault in Privet: {}",
            screen::one_line(text.unwrap_or("no message"))
        );
        Err(Failure {
            message,
            help: Some("please report it, with the command and the model".to_owned()),
            code: BROKE,
        })
    })
}

impl Failure {
    /// Something typed that does not fit.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: Some(help.into()),
            code: OUTSIDE,
        }
    }

    /// A model or settings that nothing can be done with.
    pub fn refused(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            code: REFUSED,
            ..Self::usage(message, help)
        }
    }

    /// A file that can not be read or written.
    pub fn io(action: &str, path: &Path, error: &io::Error) -> Self {
        let help = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free some space or choose another disk"
            }
            io::ErrorKind::NotFound => "check the name and its folder",
            io::ErrorKind::AlreadyExists => "add --force, or choose another name",
            _ => "check who may read and write the file and its folder",
        };
        Self::usage(
            format!("can not {action} {}: {error}", path.display()),
            help,
        )
    }

    /// Standard output that does not take what is printed.
    pub fn stdout(error: &io::Error) -> Self {
        let mut failure = Self::io("write", Path::new("standard output"), error);
        failure.help = matches!(error.kind(), io::ErrorKind::StorageFull)
            .then(|| "free some space or choose another disk".to_owned());
        failure
    }

    /// Names the file, where the message does not.
    #[must_use]
    pub fn about(mut self, path: &Path) -> Self {
        let name = screen::one_line(&path.display().to_string());
        if !self.message.contains(&name) {
            self.message = format!("{name}: {}", self.message);
        }
        self
    }

    /// Prints the message and gives the exit code.
    pub fn report(&self) -> ExitCode {
        screen::print_error(self.render().trim_end_matches('\n'));
        ExitCode::from(self.code)
    }

    fn render(&self) -> String {
        let mut text = String::new();
        let rendered = match screen::stderr_is_terminal() {
            true => {
                let theme = if screen::colors_on_stderr() {
                    GraphicalTheme::unicode()
                } else {
                    GraphicalTheme::unicode_nocolor()
                };
                GraphicalReportHandler::new_themed(theme)
                    .with_width(screen::width())
                    .render_report(&mut text, self)
            }
            false => fmt::Write::write_fmt(&mut text, format_args!("{}", Plain(self))),
        };
        // A message that can not be laid out is still told.
        if rendered.is_err() {
            format!("{}", Plain(self))
        } else {
            text
        }
    }
}

/// The form for logs and scripts.
struct Plain<'a>(&'a Failure);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.0.message)?;
        match &self.0.help {
            Some(help) => writeln!(f, "help: {help}"),
            None => Ok(()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            message: screen::one_line(&error.to_string()),
            help: error.help(),
            code: error.exit_code(),
        }
    }
}

impl From<prune::Error> for Failure {
    fn from(error: prune::Error) -> Self {
        use prune::{Error as Pruning, aligned::Error as Planning};
        use train::TrainError;
        let code = match &error {
            Pruning::Compile(error) | Pruning::Plan(Planning::Compile(error)) => error.exit_code(),
            Pruning::Folder { .. }
            | Pruning::Train(
                TrainError::Checkpoint { .. }
                | TrainError::Dataset(_)
                | TrainError::SampleLength { .. }
                | TrainError::Class { .. }
                | TrainError::TargetLength { .. },
            ) => OUTSIDE,
            _ => REFUSED,
        };
        let help = match &error {
            Pruning::Train(TrainError::Checkpoint { .. }) => Some(
                "run the command as it was begun, name another folder with --work, or remove that file to begin anew"
                    .to_owned(),
            ),
            _ => error.help(),
        };
        Self {
            message: screen::one_line(&error.to_string()),
            help,
            code,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
}
