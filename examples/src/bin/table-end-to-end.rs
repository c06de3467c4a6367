//! From an export with maximum pools to encrypted results: convert, prune, compile, run.
//!
//! `cargo run --release -p privet-examples --bin table-end-to-end [SEED]…`

use privet::extend::Graph;
use privet::prelude::*;
use privet_examples::measure::{Encrypted, encrypted};
use privet_examples::table::{Table, spread};
use privet_examples::{Outcome, data};
use prune::Trainer;
use prune::budget::{DiagonalPlanner, Goal, Settings, search};
use prune::convert::{Conversion, convert};
use train::score;

/// Points of accuracy that may go, as a share.
const BUDGET: f64 = 0.004;

fn main() -> Outcome {
    let mut table = Table::new(
        "table-end-to-end",
        &[
            "network",
            "seeds",
            "test %",
            "rotations",
            "run ms",
            "MiB",
            "largest error",
        ],
    );
    let asked: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|seed| seed.parse().ok())
        .collect();
    let seeds = if asked.is_empty() {
        vec![1, 2, 3]
    } else {
        asked
    };
    let file = "examples/convert/lenet5_mnist_relu_maxpool.onnx";
    let original = Model::import(file)?.graph;
    let mut rows: [Vec<(f64, Option<Encrypted>)>; 3] = Default::default();
    for &seed in &seeds {
        let parts = data::mnist(seed, 0)?;
        let accuracy = |graph: &Graph| -> Outcome<f64> {
            Ok(100.0 * score(graph, &parts.test)?.accuracy.unwrap_or(0.0))
        };
        let folder = data::work("end-to-end", seed);
        let mut watch = ();
        let mut trainer = Trainer::new(
            &parts.training,
            &parts.validation,
            Some(&folder),
            &mut watch,
        )?;
        let conversion = Conversion {
            seed,
            ..Conversion::default()
        };
        let converted = convert(&original, &conversion, &mut trainer)?.graph;
        let options = Options {
            calibration: Some(data::samples(&parts.training, 200)),
            ..Options::default()
        };
        let planner = DiagonalPlanner::new(&Model::from_graph(converted.clone()), &options)?;
        let settings = Settings::new(Goal::Loss(BUDGET), seed);
        let found = search(&converted, &planner, &settings, &mut trainer)?;
        for point in &found.points {
            println!(
                "{} {:>3} {:24} {:8.1} us {:4} rotations {:.4} {}",
                seed,
                point.round,
                point.way,
                point.cost.us,
                point.cost.rotations,
                point.validation.accuracy.unwrap_or(0.0),
                if point.taken { "taken" } else { "" }
            );
        }
        let images = data::folder("PRIVET_MNIST", "mnist")?.join("t10k-images-idx3-ubyte.gz");
        rows[0].push((accuracy(&original)?, None));
        for (row, graph) in rows[1..].iter_mut().zip([&converted, &found.graph]) {
            let run = encrypted(graph, &folder, &images, 20, &["--scale", "1/255"])?;
            println!("{:.2} % {run:?}", accuracy(graph)?);
            row.push((accuracy(graph)?, Some(run)));
        }
    }
    let names = ["as exported", "converted, unpruned", "converted, pruned"];
    for (name, row) in names.iter().zip(&rows) {
        let of = |f: fn(&Encrypted) -> f64, digits| {
            let values: Vec<f64> = row
                .iter()
                .filter_map(|(_, run)| run.as_ref().map(f))
                .collect();
            spread(&values, digits)
        };
        let accuracy: Vec<f64> = row.iter().map(|(accuracy, _)| *accuracy).collect();
        table.row(vec![
            (*name).to_owned(),
            format!("{seeds:?}"),
            spread(&accuracy, 2),
            of(|run| run.rotations as f64, 0),
            of(|run| run.ms, 1),
            of(|run| run.mebibytes, 0),
            row.iter()
                .filter_map(|(_, run)| run.as_ref().map(|run| run.error))
                .reduce(f64::max)
                .map_or("–".to_owned(), |error| format!("{error:.1e}")),
        ]);
    }
    table.save()
}
