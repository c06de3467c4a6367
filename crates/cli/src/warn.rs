//! Remarks and warnings on standard error.

use crate::{Session, screen};
use privet::Client;
use privet::prelude::Feed;
use std::path::Path;

/// Fewer calibration samples than this say little about a network's values.
const FEW: usize = 30;
/// Inputs that fill less than this share of the calibrated range are not what the network was compiled for.
const NARROW: f64 = 0.05;
/// Fewer values than this may well be alike.
const MANY_VALUES: usize = 16;
/// Scales at most this large are for pixels and the like, whose numbers go far beyond 1.
const PIXEL_SCALE: f64 = 1.0 / 16.0;

/// Says something useful that nobody has to act upon; silent with `--quiet`.
pub fn note(session: &Session, text: &str) {
    if session.chatty {
        screen::print_error(&format!("note: {}", screen::one_line(text)));
    }
}

/// Says something that may spoil the result.
pub fn warning(text: &str) {
    let head = if screen::colors_on_stderr() {
        "\u{1b}[33mwarning:\u{1b}[0m"
    } else {
        "warning:"
    };
    screen::print_error(&format!("{head} {}", screen::one_line(text)));
}

/// Warns about inputs that leave the range the network was compiled for, and about those that hardly use it.
pub fn inputs(client: &Client, samples: &[Vec<f64>]) {
    let Some(expected) = client.input.range else {
        return;
    };
    let values = || samples.iter().flatten().copied();
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    });
    let (found, wanted) = (
        screen::range(low, high),
        screen::range(expected.low, expected.high),
    );
    let range = match client.n_calibration {
        0 => format!("{wanted}, the range assumed without calibration data"),
        _ => format!("the calibrated range {wanted}"),
    };
    let width = expected.high - expected.low;
    let outside: usize = samples.iter().map(|s| client.out_of_range(s).0).sum();
    if outside > 0 {
        let values = screen::plural(outside as u64, "input value");
        // Pixels of 0 to 255 for a network that takes 0 to 1 are the usual cause.
        let far = (expected.low - low).max(high - expected.high) > 10.0 * width;
        let hint = match (far, client.n_calibration) {
            (true, _) => "is a scale missing? --scale 1/255 brings pixels to 0..1",
            (false, 0) => "compile with --calibration if such inputs are usual",
            (false, _) => "compile with --calibration data that has such inputs",
        };
        warning(&format!(
            "{values} outside {range} (found {found}): results may be far off; {hint}"
        ));
    } else if high - low < NARROW * width && values().take(MANY_VALUES).count() == MANY_VALUES {
        warning(&format!(
            "input values of {found} hardly use {range}: results may be far off; are they scaled twice? --scale 1 takes a file's numbers as they are"
        ));
    }
}

/// Warns when a file's numbers look as if they had been scaled before; `option` is the one that says how to scale them.
pub fn scaled_already(path: &Path, feed: &Feed, samples: &[Vec<f64>], option: &str) {
    let plain = feed.mean.is_empty() && feed.std.is_empty();
    let largest = samples.iter().flatten().fold(0.0f64, |m, v| m.max(v.abs())) / feed.scale.abs();
    if plain && feed.scale.abs() <= PIXEL_SCALE && largest > 0.0 && largest <= 1.0 + 1e-9 {
        warning(&format!(
            "{} has numbers up to {} and is scaled by {} all the same: {option} 1 takes them as they are",
            path.display(),
            screen::short(largest),
            crate::feed::factor(feed.scale),
        ));
    }
}

/// Warns when ranges and fitted activations rest on few samples.
pub fn few_samples(path: &Path, n: usize) {
    if n < FEW {
        warning(&format!(
            "{} has {}: the ranges and activations fitted to so few may be far off for other inputs; --calibration takes a few hundred typical ones",
            path.display(),
            screen::plural(n as u64, "calibration sample"),
        ));
    }
}

/// Warns about results that the chosen parameters can not hold.
pub fn too_large(client: &Client, results: &[f64]) {
    let largest = results.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    if largest > 0.9 * client.result_limit {
        warning(&format!(
            "results up to {} where the parameters hold {}: decrypted results are wrong beyond that; compile with --calibration",
            screen::short(largest),
            screen::short(client.result_limit)
        ));
    }
}
