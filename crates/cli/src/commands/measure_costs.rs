//! Times of operations on this machine.

use crate::args::MeasureCosts;
use crate::failure::Failure;
use crate::screen::{self, Lines};
use crate::{Session, progress, staging};
use privet::Error;
use privet::extend::{CostTable, Measured, measure_costs};
use std::collections::BTreeSet;

/// Runs the command.
///
/// # Errors
/// [`Failure`] with the first thing that stands in the way.
pub fn run(session: &Session, args: &MeasureCosts) -> Result<(), Failure> {
    staging::check_outputs(session, &[args.out.as_deref()], &[])?;
    let rings: BTreeSet<u8> = args.log_n.iter().copied().collect();
    let rings: Vec<u8> = rings.into_iter().collect();
    let (table, _) = progress::count(session, "measuring", |tick| measure_costs(&rings, tick));
    let table = table.map_err(Error::from)?;
    let json = table.to_json();
    if let Some(path) = &args.out {
        privet::save_text(path, &json, session.force)?;
    }
    if args.json {
        return screen::print(&json);
    }
    for log_n in rings {
        screen::print(&times(&table, log_n))?;
    }
    let mut lines = Lines::new();
    let threads = screen::plural(table.threads().into(), "thread");
    lines.line("kernels", &[table.machine().to_owned(), threads]);
    if let Some(path) = &args.out {
        let what = format!("{}, the cost table", path.display());
        lines.line("wrote", &[what]);
        let next = format!("privet compile MODEL.onnx --costs {}", path.display());
        lines.line("next", &[next]);
    }
    lines.print()
}

/// Medians of one ring: operations down, limbs across.
fn times(table: &CostTable, log_n: u8) -> String {
    let rows = || table.rows().iter().filter(|r| r.log_n == log_n);
    let limbs: BTreeSet<u8> = rows().map(|r| r.limbs).collect();
    let heads: Vec<String> = [format!("N = 2^{log_n}, µs")]
        .into_iter()
        .chain(limbs.iter().map(|&m| screen::plural(m.into(), "limb")))
        .collect();
    let cell = |op: Measured, m: u8| {
        rows()
            .find(|r| r.op == op && r.limbs == m)
            .map_or_else(|| "–".to_owned(), |r| format!("{:.1}", r.us))
    };
    let body: Vec<Vec<String>> = Measured::ALL
        .iter()
        .map(|&op| {
            let name = op.name().to_owned();
            [name]
                .into_iter()
                .chain(limbs.iter().map(|&m| cell(op, m)))
                .collect()
        })
        .collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    screen::table(&heads, &body) + "\n"
}
