//! Remarks and warnings on standard error.

use crate::{Session, screen};

/// Says something useful that nobody has to act upon; silent with `--quiet`.
pub fn note(session: &Session, text: &str) {
    if session.chatty {
        eprintln!("note: {}", screen::one_line(text));
    }
}

/// Says something that may spoil the result.
pub fn warning(text: &str) {
    let head = if screen::colors_on_stderr() {
        "\u{1b}[33mwarning:\u{1b}[0m"
    } else {
        "warning:"
    };
    eprintln!("{head} {}", screen::one_line(text));
}

/// Warns about inputs outside the range that the network was compiled for.
pub fn out_of_range(client: &privet::Client, outside: (usize, f64)) {
    let (n, excess) = outside;
    if let (Some(range), true) = (client.input.range, n > 0) {
        let values = screen::plural(n as u64, "input value");
        // Pixels of 0 to 255 for a network that takes 0 to 1 are the usual cause.
        let hint = if excess > 10.0 * (range.high - range.low) {
            "; is a --scale missing?"
        } else {
            ""
        };
        warning(&format!(
            "{values} outside the calibrated range {:.4}..{:.4}, by up to {excess:.4}: results may be far off{hint}",
            range.low, range.high
        ));
    }
}

/// Warns about results that the chosen parameters can not hold.
pub fn too_large(client: &privet::Client, results: &[f64]) {
    let largest = results.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    if largest > 0.9 * client.result_limit {
        warning(&format!(
            "results up to {largest:.4} where the parameters hold {:.4}: decrypted results are wrong beyond that; compile with --calibration",
            client.result_limit
        ));
    }
}
