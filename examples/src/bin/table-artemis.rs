//! Artemis's groups on a LeNet of squares: rotations against accuracy, and ours.
//!
//! `cargo run --release -p privet-examples --bin table-artemis [SEED]…`

use privet::extend::Graph;
use privet::prelude::*;
use privet_examples::prepare::{Stages, first, trained};
use privet_examples::table::{Table, spread};
use privet_examples::{Outcome, data, networks};
use prune::artemis::{Grouping, Scope, network_rotations};
use prune::budget::{DiagonalPlanner, Goal, Planner, Settings, search};
use prune::{Scheme, Trainer, prune, retraining};
use train::{WeightMasks, score};

/// Slots of a ciphertext.
const SLOTS: usize = 8192;
/// Shares of groups that go.
const SHARES: [f64; 3] = [0.5, 0.75, 0.9];
/// Losses of accuracy, as shares, that ours is allowed.
const OURS: [f64; 2] = [0.003, 0.01];
/// Published groupings, the strength of a group lasso before, and their names.
const GROUPINGS: [(Grouping, f64, &str); 6] = [
    (Grouping::Filter, 0.0, "filters"),
    (Grouping::Positional, 0.0, "taps of blocks"),
    (Grouping::DiagonalPerBlock, 0.0, "diagonals per block"),
    (Grouping::DiagonalShared, 0.0, "diagonals of all blocks"),
    (
        Grouping::DiagonalPerBlock,
        1e-3,
        "diagonals per block, lasso",
    ),
    (
        Grouping::DiagonalShared,
        1e-3,
        "diagonals of all blocks, lasso",
    ),
];

#[derive(Default)]
struct Row {
    accuracy: Vec<f64>,
    ours: Vec<f64>,
    naive: Vec<f64>,
    bsgs: Vec<f64>,
    us: Vec<f64>,
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
    let mut table = Table::new(
        "table-artemis",
        &[
            "groups",
            "test %",
            "rotations, compiled",
            "predicted ms",
            "by published rule",
            "by published rule, baby and giant steps",
        ],
    );
    for (name, row) in &rows {
        table.row(vec![
            name.clone(),
            spread(&row.accuracy, 2),
            spread(&row.ours, 0),
            spread(&row.us, 1),
            spread(&row.naive, 0),
            spread(&row.bsgs, 0),
        ]);
    }
    table.save()
}

fn one(seed: u64, rows: &mut Vec<(String, Row)>) -> Outcome {
    let parts = data::mnist(seed, 0)?;
    let folder = data::work("artemis", seed);
    let file = folder.join("original.safetensors");
    let graph = trained(&networks::lenet_wide(seed), &parts, &first(6, seed), &file)?;
    let options = Options {
        calibration: Some(data::samples(&parts.training, 50)),
        log_n: Some(14),
        ..Options::default()
    };
    let planner = DiagonalPlanner::new(&Model::from_graph(graph.clone()), &options)?;
    let mut add = |name: String, graph: &Graph| -> Outcome {
        let at = rows
            .iter()
            .position(|(known, _)| *known == name)
            .unwrap_or(rows.len());
        if at == rows.len() {
            rows.push((name.clone(), Row::default()));
        }
        let row = &mut rows[at].1;
        let accuracy = 100.0 * score(graph, &parts.test)?.accuracy.unwrap_or(0.0);
        let cost = planner.cost(graph, &WeightMasks::new())?;
        row.accuracy.push(accuracy);
        row.ours.push(cost.rotations as f64);
        row.us.push(cost.us / 1e3);
        let published = network_rotations(graph, &WeightMasks::new(), SLOTS)?;
        row.naive.push(published.without_bsgs() as f64);
        row.bsgs.push(published.bsgs as f64);
        println!(
            "{name}, seed {seed}: {accuracy:.2} %, {} rotations, {:.1} ms, by rule {} and {}",
            cost.rotations,
            cost.us / 1e3,
            published.without_bsgs(),
            published.bsgs
        );
        Ok(())
    };
    add("none".to_owned(), &graph)?;
    for (loss, way) in OURS.iter().zip(["ours, 0.3 points", "ours, 1 point"]) {
        let mut watch = Stages;
        let own = folder.join(way);
        let mut trainer = Trainer::new(&parts.training, &parts.validation, Some(&own), &mut watch)?;
        let settings = Settings {
            epochs: [1, 5],
            ..Settings::new(Goal::Loss(*loss), seed)
        };
        let found = search(&graph, &planner, &settings, &mut trainer)?;
        for point in &found.points {
            println!(
                "  {:2} {:28} {:8.1} us {:4} rotations {:.4} {}",
                point.round,
                point.way,
                point.cost.us,
                point.cost.rotations,
                point.validation.accuracy.unwrap_or(0.0),
                if point.taken { "taken" } else { "" }
            );
        }
        add(way.to_owned(), &found.graph)?;
    }
    for (grouping, lasso, name) in GROUPINGS {
        for share in SHARES {
            let name = format!("{name}, {:.0} %", 100.0 * share);
            let mut watch = Stages;
            let own = folder.join(&name);
            let mut trainer =
                Trainer::new(&parts.training, &parts.validation, Some(&own), &mut watch)?;
            let scheme = Scheme::Artemis {
                grouping,
                scope: Scope::Layer,
                sparsity: share,
                lasso,
                n_slots: SLOTS,
            };
            let recipe = retraining(&graph, 3, 1e-3, seed);
            let pruned = prune(&graph, &scheme, &recipe, &mut trainer)?.graph;
            add(name, &pruned)?;
        }
    }
    Ok(())
}
