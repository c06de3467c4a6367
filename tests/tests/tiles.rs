//! Networks in tiles: planned is executed, and the search takes what is predicted to be cheapest.

use privet::extend::{CostTable, Counting, counts, run, silent};
use privet::prelude::{Compiled, Model, Options, Packing};
use privet::{Comparison, compile, passes};
use privet_tests::models::{Trained, bundled};

/// Largest difference of the slot simulator from the polynomial network, as a share of the largest output.
const SIMULATED: f64 = 1e-6;

fn made(trained: &Trained, packing: Packing, log_n: Option<u8>, batch: u32) -> Compiled {
    let (model, _, calibration): (Model, _, _) = trained.load();
    let options = Options {
        calibration: Some(calibration),
        packing,
        log_n,
        batch: Some(batch),
        ..Options::default()
    };
    compile(&model, &options, &passes::standard(), &mut |_, _, _, _| {})
        .unwrap_or_else(|e| panic!("{}: {e}", trained.name))
}

/// Planned and counted operations are the same, and the simulator computes the polynomial network.
fn check(trained: &Trained, compiled: &Compiled) {
    let name = &trained.name;
    let planned = counts(&compiled.circuit);
    let counting = Counting::new();
    let inputs = vec![(); compiled.circuit.inputs().len()];
    run(&counting, &compiled.circuit, &inputs, &silent).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(counting.counts(), planned, "{name}: counted");
    let (_, samples, _) = trained.load();
    let samples: Vec<&[f64]> = samples.iter().take(2).map(Vec::as_slice).collect();
    let batch = if compiled.client.batch_width() > 1 {
        2
    } else {
        1
    };
    let found = compiled
        .run_slots_batch(&samples[..batch])
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut gap = Comparison::default();
    for (sample, found) in samples.iter().zip(&found) {
        let expected = compiled.evaluate_polynomial(sample);
        gap.add(&expected.expect("the network").expect("fits"), found);
    }
    assert!(gap.max_rel() <= SIMULATED, "{name}: {:.2e}", gap.max_rel());
}

fn tiled_layers(compiled: &Compiled) -> usize {
    let layers = compiled.report.layers.iter();
    layers.filter(|layer| layer.tiles.is_some()).count()
}

#[test]
fn given_tile_sizes() {
    let networks = bundled();
    let mlp = networks
        .iter()
        .find(|n| n.name.contains("mlp"))
        .expect("an MLP");
    for (sizes, batch) in [([128, 64, 1], 1), ([1024, 8, 1], 1), ([4, 16, 128], 128)] {
        let made = made(mlp, Packing::Tile(Some(sizes.to_vec())), Some(14), batch);
        assert_eq!(tiled_layers(&made), 2);
        check(mlp, &made);
    }
}

/// Each family alone computes the network, and the search's choice is predicted to be no slower.
#[test]
fn auto_is_never_slower() {
    // Deeper networks take long to compile so often.
    let small = |trained: &&Trained| !trained.name.starts_with("lenet5");
    for trained in bundled().iter().filter(small) {
        for batch in [1, 512] {
            let cost = |packing: Packing| {
                let made = made(trained, packing, None, batch);
                check(trained, &made);
                let price = CostTable::default().circuit_us(&made.circuit);
                (price.expect("a circuit").0, tiled_layers(&made))
            };
            let (auto, auto_tiled) = cost(Packing::Auto);
            let (diagonal, _) = cost(Packing::Diagonal);
            let (tile, tiled) = cost(Packing::Tile(None));
            println!(
                "{} x{batch}: diagonal {diagonal:.0} us, tile {tile:.0} us ({tiled} layers), auto {auto:.0} us ({auto_tiled})",
                trained.name
            );
            assert!(tiled > 0, "{}", trained.name);
            assert!(auto <= diagonal.min(tile), "{} x{batch}", trained.name);
        }
    }
}
