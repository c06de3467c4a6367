//! What pruning came to, as tables.

use crate::progress::score_words;
use crate::screen;
use privet::prelude::{Report, human_bytes, human_count, human_ms};
use prune::budget::Point;
use prune::engine::StepReport;
use prune::report::{PruningReport, Scores};

/// Points of a search that are listed in full; of more, only those that were taken.
const FEW: usize = 16;

/// Steps of a published scheme; nothing if there are none.
pub fn steps(steps: &[StepReport]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let row = |step: &StepReport| {
        vec![
            step.name.clone(),
            screen::percent(step.weights.share()),
            screen::percent(step.groups.share()),
        ]
    };
    let rows: Vec<Vec<String>> = steps.iter().map(row).collect();
    screen::table(&["step", "weights gone", "tiles gone"], &rows) + "\n"
}

/// What a search tried; nothing if nothing was.
pub fn points(points: &[Point]) -> String {
    if points.is_empty() {
        return String::new();
    }
    let listed = points.iter().filter(|p| points.len() <= FEW || p.taken);
    let row = |point: &Point| {
        vec![
            point.round.to_string(),
            point.way.clone(),
            human_ms(point.cost.us / 1000.0),
            human_count(point.cost.rotations),
            score_words(&point.validation),
            if point.taken { "yes" } else { "no" }.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = listed.map(row).collect();
    let heads = [
        "round",
        "what went",
        "planned run",
        "rotations",
        "validation",
        "taken",
    ];
    let mut text = screen::table(&heads, &rows);
    if rows.len() < points.len() {
        let others = points.len() - rows.len();
        let others = screen::plural(others as u64, "network");
        text.push_str(&format!(
            "{others} that were tried and not taken are left out\n"
        ));
    }
    text + "\n"
}

/// The network before and after.
pub fn comparison(report: &PruningReport) -> String {
    let (before, after) = (&report.before, &report.after);
    let mut rows = Vec::new();
    let mut row = |name: &str, of: fn(&Report) -> Option<f64>, words: fn(f64) -> String| {
        if let (Some(before), Some(after)) = (of(before), of(after)) {
            rows.push(vec![
                name.to_owned(),
                words(before),
                words(after),
                ratio(before, after),
            ]);
        }
    };
    let count = |v: f64| human_count(v as u64);
    let bytes = |v: f64| human_bytes(v as u64);
    row("rotations", |r| Some(r.counts.rotations as f64), count);
    let products = |r: &Report| Some((r.counts.mul_plain + r.counts.mul_scalar) as f64);
    row("plain products", products, count);
    row("ciphertext products", |r| Some(r.counts.mul as f64), count);
    let keys = |r: &Report| Some(r.keys.as_ref()?.rotation as f64);
    row("rotation keys", keys, count);
    row(
        "keys, expanded",
        |r| Some(r.keys.as_ref()?.bytes as f64),
        bytes,
    );
    row(
        "weights, encoded",
        |r| Some(r.plaintexts?.bytes as f64),
        bytes,
    );
    row("run, predicted", |r| r.time?.predicted_ms, human_ms);
    let memory = |r: &Report| Some(r.memory?.predicted_peak_bytes? as f64);
    row("memory, predicted", memory, bytes);
    row(
        "levels",
        |r| Some(f64::from(r.params.as_ref()?.n_levels)),
        count,
    );
    let ring = |r: &Report| Some(f64::from(r.params.as_ref()?.log_n));
    row("ring, log2 of N", ring, count);
    let tiles = |r: &Report| used(r.layers.iter().map(|layer| Some(layer.tiles?.used())));
    row("weight tiles", tiles, count);
    let diagonals = |r: &Report| used(r.layers.iter().map(|layer| Some(layer.diagonals?.used())));
    row("weight diagonals", diagonals, count);
    rows.push(zero_weights(report));
    rows.push(score_row("validation", &report.validation));
    rows.extend(report.test.iter().map(|test| score_row("test", test)));
    screen::table(&["", "before", "after", "ratio"], &rows)
}

/// A sum over layers that have any.
fn used(layers: impl Iterator<Item = Option<u64>>) -> Option<f64> {
    let known: Vec<u64> = layers.flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<u64>() as f64)
}

/// The share of weights that are zero.
fn zero_weights(report: &PruningReport) -> Vec<String> {
    let shares = report.zero_weights.map(|w| screen::percent(w.share()));
    [
        vec!["zero weights".to_owned()],
        shares.to_vec(),
        vec![String::new()],
    ]
    .concat()
}

fn score_row(name: &str, scores: &Scores) -> Vec<String> {
    let (name, ratio) = match scores.before.accuracy {
        Some(_) => (format!("{name} accuracy"), String::new()),
        None => (
            format!("{name} error"),
            ratio(scores.before.loss, scores.after.loss),
        ),
    };
    let words = [scores.before, scores.after].map(|s| score_words(&s));
    [vec![name], words.to_vec(), vec![ratio]].concat()
}

/// What is left of something.
fn ratio(before: f64, after: f64) -> String {
    match before {
        0.0 => "–".to_owned(),
        _ => format!("{:.3}", after / before),
    }
}
