//! Conversion alone: networks with maximum pools and other activations, to polynomials of degree 2.
//!
//! `cargo run --release -p privet-examples --bin table-conversion`

use privet::extend::Activation;
use privet::prelude::Model;
use privet_examples::table::{Table, spread};
use privet_examples::{Outcome, data, networks};
use prune::Trainer;
use prune::convert::{Conversion, convert};
use train::{Recipe, Schedule, WeightMasks, score, train};

const SEEDS: [u64; 3] = [1, 2, 3];

fn main() -> Outcome {
    let mut table = Table::new(
        "table-conversion",
        &[
            "network",
            "seeds",
            "original, test %",
            "converted, test %",
            "difference, points",
        ],
    );
    let file = "examples/convert/lenet5_mnist_relu_maxpool.onnx";
    let bundled = Model::import(file)?.graph;
    for (name, activation) in [
        ("lenet5_mnist_relu_maxpool, as exported", None),
        ("MOFHEI's LeNet, tanh", Some(Activation::Tanh)),
        ("MOFHEI's LeNet, ReLU", Some(Activation::Relu)),
    ] {
        let mut figures: [Vec<f64>; 3] = Default::default();
        for seed in SEEDS {
            let parts = data::mnist(seed, if activation.is_some() { 2 } else { 0 })?;
            let original = match activation {
                None => bundled.clone(),
                Some(activation) => {
                    let recipe = Recipe {
                        epochs: 8,
                        rate: 4e-3,
                        schedule: Schedule::OneCycle,
                        seed,
                        ..Recipe::default()
                    };
                    let graph = networks::lenet_32(activation, seed);
                    let (masks, validation) = (WeightMasks::new(), &parts.validation);
                    train(
                        &graph,
                        &parts.training,
                        validation,
                        &masks,
                        &recipe,
                        &mut (),
                        None,
                    )?
                    .graph
                }
            };
            let mut watch = ();
            let mut trainer = Trainer::new(&parts.training, &parts.validation, None, &mut watch)?;
            let settings = Conversion {
                seed,
                ..Conversion::default()
            };
            let converted = convert(&original, &settings, &mut trainer)?;
            let accuracy = |graph| -> Outcome<f64> {
                Ok(100.0 * score(graph, &parts.test)?.accuracy.unwrap_or(0.0))
            };
            let [before, after] = [accuracy(&original)?, accuracy(&converted.graph)?];
            println!("{name}, seed {seed}: {before:.2} to {after:.2}");
            for step in &converted.steps {
                println!(
                    "  {} {} → {}: validation {:.4} replaced, {:.4} and {:.4} after {} and {} epochs",
                    step.node,
                    step.from,
                    step.to,
                    step.replaced.accuracy.unwrap_or(0.0),
                    step.trained[0].accuracy.unwrap_or(0.0),
                    step.trained[1].accuracy.unwrap_or(0.0),
                    step.epochs[0],
                    step.epochs[1],
                );
            }
            for (all, value) in figures.iter_mut().zip([before, after, after - before]) {
                all.push(value);
            }
        }
        let [before, after, difference] = &figures;
        table.row(vec![
            name.to_owned(),
            format!("{SEEDS:?}"),
            spread(before, 2),
            spread(after, 2),
            spread(difference, 2),
        ]);
    }
    table.save()
}
