//! Errors as a golden file shows them.

use privet::Error;
use privet::extend::{PipelineError, Refusal};

/// `refused by PASS: message`, or `error: message`; the help; the exit code of the command line.
pub fn error(error: &Error) -> String {
    let mut text = match error {
        Error::Compile(PipelineError::Refused(Refusal {
            pass: Some(pass),
            message,
            ..
        })) => format!("refused by {pass}: {message}\n"),
        other => format!("error: {other}\n"),
    };
    if let Some(help) = error.help() {
        text += &format!("help: {help}\n");
    }
    text + &format!("exit code: {}\n", error.exit_code())
}

/// The lines where two texts differ, with two lines around them.
pub fn diff(want: &str, found: &str) -> String {
    let (want, found): (Vec<&str>, Vec<&str>) = (want.lines().collect(), found.lines().collect());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = want.iter().zip(&found).take_while(same).count();
    let most = want.len().min(found.len()) - head;
    let tail = want
        .iter()
        .rev()
        .zip(found.iter().rev())
        .take(most)
        .take_while(same)
        .count();
    let mut text = String::new();
    let mut show = |sign: char, lines: &[&str]| {
        for line in lines.iter().take(24) {
            text += &format!("{sign} {line}\n");
        }
        if lines.len() > 24 {
            text += &format!("{sign} … {} more lines\n", lines.len() - 24);
        }
    };
    show(' ', &want[head.saturating_sub(2)..head]);
    show('-', &want[head..want.len() - tail]);
    show('+', &found[head..found.len() - tail]);
    show(
        ' ',
        &want[want.len() - tail..(want.len() - tail + 2).min(want.len())],
    );
    text
}

#[cfg(test)]
mod tests {
    use super::diff;

    #[test]
    fn a_diff_shows_what_changed_and_two_lines_around_it() {
        assert_eq!(
            diff("a\nb\nc\nd\ne\nf\n", "a\nb\nc\nX\ne\nf\n"),
            "  b\n  c\n- d\n+ X\n  e\n  f\n"
        );
        assert_eq!(diff("a\n", "a\nb\n"), "  a\n+ b\n");
    }
}
