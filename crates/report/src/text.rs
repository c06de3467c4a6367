//! The summary for a terminal.

use crate::{Counts, Error, Keys, Layer, Memory, Model, Params, Report, Share, Time};
use crate::{human_bytes, human_count, human_ms};
use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle,
};

/// Columns of the line heads.
const HEAD: usize = 10;
/// Narrower than this, a table is not readable, wherever it ends.
const MIN_WIDTH: u16 = 80;
/// One line under the heads, nothing else.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

pub(crate) fn render(report: &Report, width: u16) -> String {
    let width = width.max(MIN_WIDTH);
    let mut text = String::new();
    let mut line =
        |head: &str, parts: Vec<String>| text.push_str(&wrap(head, &parts, width.into()));
    line("model", model(&report.model));
    if let Some(params) = &report.params {
        line("params", self::params(params));
    }
    if !report.layers.is_empty() {
        text.push('\n');
        text.push_str(&layers(&report.layers, width));
        text.push_str("\n\n");
    }
    let mut line =
        |head: &str, parts: Vec<String>| text.push_str(&wrap(head, &parts, width.into()));
    line("rotations", vec![rotations(&report.counts)]);
    let counts = counts(&report.counts);
    if !counts.is_empty() {
        line("counts", counts);
    }
    if let Some(found) = report.ciphertexts {
        let mut parts = vec![
            format!("{} in", human_count(found.input)),
            format!("{} out", human_count(found.output)),
            format!("{} alive at most", human_count(found.live_peak)),
            format!("{} up", human_bytes(found.upload_bytes)),
            format!("{} down", human_bytes(found.download_bytes)),
        ];
        if found.refresh_bytes > 0 {
            parts.push(format!(
                "{} for refreshes",
                human_bytes(found.refresh_bytes)
            ));
        }
        line("ct", parts);
    }
    if let Some(found) = report.plaintexts {
        let kept = found.total.saturating_sub(found.zero);
        let kept = format!(
            "{} of {} vectors kept",
            human_count(kept),
            human_count(found.total)
        );
        line("weights", vec![kept, human_bytes(found.bytes)]);
    }
    if let Some(keys) = &report.keys {
        line("keys", self::keys(keys));
    }
    if let Some(memory) = &report.memory {
        line("memory", self::memory(memory));
    }
    if let Some(time) = &report.time {
        line("time", self::time(time));
    }
    if let Some(error) = &report.error {
        line("error", self::error(error));
    }
    if let Some(found) = report.accuracy {
        let mut parts: Vec<String> = [
            ("plaintext", found.plaintext),
            ("polynomial", found.polynomial),
            ("encrypted", found.encrypted),
        ]
        .into_iter()
        .filter_map(|(name, share)| Some(format!("{name} {}", percent(share?))))
        .collect();
        let s = if found.samples == 1 { "" } else { "s" };
        parts.push(format!("{} sample{s}", human_count(found.samples)));
        line("accuracy", parts);
    }
    text
}

/// A head and its parts, broken between parts where the line would be too long.
fn wrap(head: &str, parts: &[String], width: usize) -> String {
    let mut text = String::new();
    let mut line = format!("{head:HEAD$}");
    for (i, part) in parts.iter().enumerate() {
        let part = if i + 1 < parts.len() {
            format!("{part}, ")
        } else {
            part.clone()
        };
        let used = line.chars().count();
        if used > HEAD && used + part.trim_end().chars().count() > width {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(HEAD);
        }
        line.push_str(&part);
    }
    text.push_str(line.trim_end());
    text.push('\n');
    text
}

fn model(model: &Model) -> Vec<String> {
    let shapes = |tensors: &[crate::TensorShape]| {
        let shapes: Vec<String> = tensors
            .iter()
            .map(|tensor| format!("{:?}", tensor.shape))
            .collect();
        shapes.join(" ")
    };
    let mut parts = vec![plain(&model.name)];
    if !model.inputs.is_empty() {
        parts.push(format!(
            "{} → {}",
            shapes(&model.inputs),
            shapes(&model.outputs)
        ));
    }
    parts.push(format!("{} parameters", human_count(model.parameters)));
    parts.push(format!("{} multiplications", human_count(model.macs)));
    parts
}

fn params(params: &Params) -> Vec<String> {
    vec![
        format!("N = 2^{}", params.log_n),
        format!("log Q = {:.0}", params.log_q),
        format!("log QP = {:.0}", params.log_qp),
        format!("{}-bit security", params.security_bits),
        format!("{} levels", params.n_levels),
        format!("scale 2^{}", params.scale_bits),
        format!("{} special", params.n_special),
        format!("{} digits", params.n_digits),
    ]
}

fn layers(layers: &[Layer], width: u16) -> String {
    let share = |share: Option<Share>| {
        share.map_or("–".into(), |share| {
            format!("{}/{}", share.used(), share.total)
        })
    };
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    let heads = [
        "layer",
        "op",
        "tiles",
        "diagonals",
        "baby/giant/collapse",
        "products",
        "level",
    ];
    table.set_header(heads);
    for layer in layers {
        table.add_row([
            Cell::new(plain(&layer.name)),
            Cell::new(plain(&layer.op)),
            number(share(layer.tiles)),
            number(share(layer.diagonals)),
            number(format!("{}/{}/{}", layer.baby, layer.giant, layer.collapse)),
            number(human_count(layer.counts.total_products())),
            number(format!("{}→{}", layer.level_in, layer.level_out)),
        ]);
    }
    // Names may break; numbers may not.
    for column in table.column_iter_mut().skip(2) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_string())
        .collect();
    lines.join("\n")
}

/// A name from a file, without what would move a terminal's cursor.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn number(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// Rotations, and what they are for.
fn rotations(counts: &Counts) -> String {
    let classes: Vec<String> = [
        ("baby", counts.baby),
        ("giant", counts.giant),
        ("collapse", counts.collapse),
        ("conversion", counts.conversion),
        ("other", counts.other_rotations()),
    ]
    .into_iter()
    .filter(|&(_, count)| count > 0)
    .map(|(name, count)| format!("{} {name}", human_count(count)))
    .collect();
    let total = human_count(counts.total_rotations());
    if classes.is_empty() {
        total
    } else {
        format!("{total} = {}", classes.join(" + "))
    }
}

/// The other counts that are not zero, under their names in the schema.
fn counts(counts: &Counts) -> Vec<String> {
    let shown = ["rotations", "baby", "giant", "collapse", "conversion"];
    counts
        .fields()
        .filter(|(name, count)| *count > 0 && !shown.contains(name))
        .map(|(name, count)| format!("{} {name}", human_count(count)))
        .collect()
}

fn keys(keys: &Keys) -> Vec<String> {
    vec![
        format!("{} rotation keys", human_count(keys.rotation)),
        format!("{} in memory", human_bytes(keys.bytes)),
        format!("{} with seeds", human_bytes(keys.bytes_seeded)),
    ]
}

fn memory(memory: &Memory) -> Vec<String> {
    [
        ("predicted peak", memory.predicted_peak_bytes),
        ("peak of the process", memory.peak_rss_bytes),
    ]
    .into_iter()
    .filter_map(|(name, bytes)| Some(format!("{name} {}", human_bytes(bytes?))))
    .collect()
}

fn time(time: &Time) -> Vec<String> {
    let mut parts: Vec<String> = [
        ("compile", time.compile_ms),
        ("keygen", time.keygen_ms),
        ("encode", time.encode_ms),
        ("encrypt", time.encrypt_ms),
        ("run", time.run_ms),
        ("decrypt", time.decrypt_ms),
        ("predicted run", time.predicted_ms),
    ]
    .into_iter()
    .filter_map(|(name, ms)| Some(format!("{name} {}", human_ms(ms?))))
    .collect();
    parts.extend(time.threads.map(|n| {
        if n == 1 {
            "1 thread".into()
        } else {
            format!("{n} threads")
        }
    }));
    parts
}

fn error(error: &Error) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(error.max_abs.map(|value| format!("max abs {value:.2e}")));
    parts.extend(error.max_rel.map(|value| format!("max rel {value:.2e}")));
    match (error.precision_bits, error.predicted_precision_bits) {
        (Some(found), Some(predicted)) => {
            parts.push(format!("{found:.1} bits ({predicted:.1} predicted)"))
        }
        (Some(found), None) => parts.push(format!("{found:.1} bits")),
        (None, Some(predicted)) => parts.push(format!("{predicted:.1} bits predicted")),
        (None, None) => {}
    }
    parts.extend(
        error
            .argmax_agreement
            .map(|share| format!("argmax agrees {}", percent(share))),
    );
    parts.extend(
        error
            .out_of_range
            .filter(|&n| n > 0)
            .map(|n| format!("{} out of range", human_count(n))),
    );
    parts
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}
