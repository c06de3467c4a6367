//! MOFHEI on its LeNet in the batch layout: its own curve, and ours.
//!
//! `cargo run --release -p privet-examples --bin table-mofhei [SEED]…`

use privet::extend::{Activation, CostTable, Graph};
use privet::operations;
use privet::prelude::*;
use privet_examples::measure::{Encrypted, encrypted};
use privet_examples::prepare::{Stages, lenet_32};
use privet_examples::table::{Table, spread};
use privet_examples::{Outcome, data};
use prune::budget::{BatchPlanner, Goal, Settings, search};
use prune::mofhei::Block;
use prune::{Scheme, Trainer, prune, retraining};
use std::collections::BTreeMap;
use train::score;

/// Published shares of operations that go, by share of blocks that go.
const PUBLISHED: [(f64, &str); 7] = [
    (0.50, "66.8 %, .9861"),
    (0.60, "69.6 %, .9865"),
    (0.70, "74.4 %, .9845"),
    (0.75, "82.6 %, .9808"),
    (0.80, "92.4 %, .9838"),
    (0.90, "93.4 %, .9741"),
    (0.95, "94.2 %, .9135"),
];
/// Shares of the measured cost that ours is asked for.
const OURS: [f64; 3] = [0.10, 0.06, 0.04];
/// Rows whose first seed is run encrypted, and on how many images.
const RUN: [&str; 4] = ["HE-friendly", "MOFHEI .90", "ours 0.10", "ours 0.04"];
const IMAGES: usize = 500;

#[derive(Default)]
struct Row {
    accuracy: Vec<f64>,
    operations: Vec<f64>,
    maps: Vec<f64>,
    run: Vec<Encrypted>,
}

fn main() -> Outcome {
    let asked: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|seed| seed.parse().ok())
        .collect();
    let seeds = if asked.is_empty() {
        vec![1, 2, 3]
    } else {
        asked
    };
    let mut rows: Vec<(String, Row)> = Vec::new();
    for &seed in &seeds {
        one(seed, &mut rows)?;
    }
    write(&rows)
}

/// All rows of one seed.
fn one(seed: u64, rows: &mut Vec<(String, Row)>) -> Outcome {
    let parts = data::mnist(seed, 2)?;
    let folder = data::work("mofhei", seed);
    let [original, friendly] = lenet_32(Activation::Tanh, &parts, seed, &folder)?;
    let mut add = |name: &str, graph: &Graph| -> Outcome {
        let accuracy = 100.0 * score(graph, &parts.test)?.accuracy.unwrap_or(0.0);
        let at = rows
            .iter()
            .position(|(known, _)| known == name)
            .unwrap_or(rows.len());
        if at == rows.len() {
            rows.push((name.to_owned(), Row::default()));
        }
        let row = &mut rows[at].1;
        row.accuracy.push(accuracy);
        let total = operations(graph).map_or(f64::NAN, |o| o.total() as f64);
        row.operations.push(total);
        row.maps.push(maps(graph));
        let gone = 100.0 * (1.0 - total / rows_total(&rows_first(rows)));
        println!("{name}, seed {seed}: {accuracy:.2} %, {total} operations, {gone:.1} % gone");
        if RUN.contains(&name) && rows[at].1.run.is_empty() {
            let images = data::folder("PRIVET_MNIST", "mnist")?.join("t10k-images-idx3-ubyte.gz");
            let options = ["--packing", "batch", "--scale", "1/255", "--pad", "2"];
            let run = encrypted(graph, &folder.join("run"), &images, IMAGES, &options)?;
            println!("  {run:?}");
            rows[at].1.run.push(run);
        }
        Ok(())
    };
    add("as trained, tanh and maximum pools", &original)?;
    add("HE-friendly", &friendly)?;
    for (sparsity, _) in PUBLISHED {
        let name = format!("MOFHEI .{:02.0}", 100.0 * sparsity);
        let mut watch = Stages;
        let own = folder.join(&name);
        let mut trainer = Trainer::new(&parts.training, &parts.validation, Some(&own), &mut watch)?;
        let scheme = Scheme::Mofhei {
            block: Block::Column,
            sparsity,
        };
        let recipe = retraining(&friendly, 5, 1e-3, seed);
        let pruned = prune(&friendly, &scheme, &recipe, &mut trainer)?.graph;
        add(&name, &pruned)?;
    }
    let planner = planner(&friendly, &parts)?;
    for share in OURS {
        let name = format!("ours {share:.2}");
        let mut watch = Stages;
        let own = folder.join(&name);
        let mut trainer = Trainer::new(&parts.training, &parts.validation, Some(&own), &mut watch)?;
        let settings = Settings::new(Goal::Cost(share), seed);
        let found = search(&friendly, &planner, &settings, &mut trainer)?;
        add(&name, &found.graph)?;
    }
    Ok(())
}

/// The total operations of the HE-friendly network, or nothing yet.
fn rows_first(rows: &[(String, Row)]) -> Vec<f64> {
    let found = rows.iter().find(|(name, _)| name == "HE-friendly");
    found.map_or(Vec::new(), |(_, row)| row.operations.clone())
}

fn rows_total(totals: &[f64]) -> f64 {
    totals.last().copied().unwrap_or(f64::NAN)
}

/// Ciphertexts that hold all feature maps at once.
fn maps(graph: &Graph) -> f64 {
    let order = graph.order();
    order.iter().map(|&id| graph.n_elements(id) as f64).sum()
}

/// Prices of the ring that the unpruned network compiles to.
fn planner(graph: &Graph, parts: &data::Parts) -> Outcome<BatchPlanner> {
    let options = Options {
        packing: Packing::Batch,
        calibration: Some(data::samples(&parts.training, 50)),
        ..Options::default()
    };
    let model = Model::from_graph(graph.clone());
    let standard = privet::passes::standard();
    let compiled = compile(&model, &options, &standard, &mut |_, _, _, _| {})?;
    let params = compiled
        .circuit
        .params()
        .ok_or("a circuit without parameters")?;
    Ok(BatchPlanner::Measured(Box::new((
        CostTable::default(),
        params.clone(),
    ))))
}

fn write(rows: &[(String, Row)]) -> Outcome {
    let mut table = Table::new(
        "table-mofhei",
        &[
            "network",
            "test %",
            "operations",
            "gone %",
            "all maps, times less",
            "run s",
            "MiB",
            "published",
        ],
    );
    let published: BTreeMap<String, &str> = PUBLISHED
        .iter()
        .map(|(s, text)| (format!("MOFHEI .{:02.0}", 100.0 * s), *text))
        .collect();
    let friendly = rows.iter().find(|(name, _)| name == "HE-friendly");
    let (_, friendly) = friendly.ok_or("no network to compare with")?;
    for (name, row) in rows {
        let pairs = |f: fn(f64, f64) -> f64, own: &[f64], base: &[f64]| -> Vec<f64> {
            own.iter().zip(base).map(|(a, b)| f(*a, *b)).collect()
        };
        let gone = pairs(
            |a, b| 100.0 * (1.0 - a / b),
            &row.operations,
            &friendly.operations,
        );
        let less = pairs(|a, b| b / a, &row.maps, &friendly.maps);
        let run = |f: fn(&Encrypted) -> f64| {
            let values: Vec<f64> = row.run.iter().map(f).collect();
            spread(&values, 1)
        };
        table.row(vec![
            name.clone(),
            spread(&row.accuracy, 2),
            spread(&row.operations, 0),
            spread(&gone, 1),
            spread(&less, 2),
            run(|run| run.ms / 1e3),
            run(|run| run.mebibytes),
            published.get(name).map_or("", |text| *text).to_owned(),
        ]);
    }
    table.save()
}
