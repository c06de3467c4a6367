//! Pruned networks, compiled.

mod networks;

use networks::chain;
use privet::extend::{Compiler, Graph, evaluate};
use privet::prelude::{Compiled, Model, Options, Packing, compile};
use privet_prune::PruneError;
use privet_prune::engine::Pruned;
use privet_prune::hepex::{HePex, Scheme, Tiles};
use train::{WeightMasks, parameters, set_parameter};

const TILES: [usize; 2] = [4, 8];

/// Tiles of 4 x 8 for 256 samples in a ring of 2^14.
fn options() -> Options {
    Options {
        log_n: Some(14),
        packing: Packing::Tile(Some(vec![4, 8, 256])),
        ..Options::default()
    }
}

fn compiled(graph: &Graph, compiler: &Compiler) -> Compiled {
    let model = Model::from_graph(graph.clone());
    compile(&model, &options(), compiler, &mut |_, _, _, _| {}).unwrap()
}

/// The standard compiler, which leaves units where they are.
fn in_place() -> Compiler {
    let mut compiler = privet::passes::standard();
    for name in ["co-permute-layers", "cull-dead-units"] {
        compiler.graph = compiler.graph.without(name).unwrap();
    }
    compiler
}

/// Training that moves every weight that is kept away from zero.
fn moved(mut graph: Graph, masks: &WeightMasks) -> Result<Graph, PruneError> {
    for (id, tensor) in parameters(&graph) {
        let nudge = |(k, v): (usize, &f64)| v + 1e-3 * (1.0 + (k % 7) as f64);
        let values: Vec<f64> = tensor.values().iter().enumerate().map(nudge).collect();
        let kept = masks.get(&id).map(|mask| mask.apply(&values));
        assert!(set_parameter(&mut graph, &id, kept.unwrap_or(values)));
    }
    Ok(graph)
}

fn pruned(scheme: Scheme) -> Pruned {
    let graph = chain(&[64, 64, 32], 0.7, 5);
    let hepex = HePex::new(scheme, TILES, 0.9);
    hepex.run(graph, &mut moved).unwrap().0
}

fn tiles_in_use(pruned: &Pruned) -> u64 {
    let tiles = Tiles::new(&pruned.graph, TILES).unwrap().empty(pruned);
    (tiles.total - tiles.dropped) as u64
}

/// Products of layers with tiles of weights.
fn tile_products(compiled: &Compiled) -> u64 {
    let layers = compiled.report.layers.iter();
    let products = layers.filter_map(|layer| {
        let tiles = layer.tiles.as_ref()?;
        let products = tiles.total - tiles.zero;
        // The first layer clears no slots beside sums, and what it writes may be read by nobody.
        assert!(layer.name != "fc1" || layer.counts.mul_plain <= products);
        Some(products)
    });
    products.sum()
}

#[test]
fn expansion_costs_no_operation() {
    for (plain, expanded) in [(Scheme::P3, Scheme::P3E), (Scheme::P4, Scheme::P4E)] {
        let networks = [plain, expanded].map(pruned);
        let n_zeros = networks.each_ref().map(|p| p.dropped_weights().dropped);
        assert!(n_zeros[0] > n_zeros[1], "{plain}: weights came back");
        let made = networks.each_ref().map(|p| compiled(&p.graph, &in_place()));
        assert_eq!(made[0].report.counts, made[1].report.counts, "{plain}");
        for (pruned, made) in networks.iter().zip(&made) {
            assert_eq!(tile_products(made), tiles_in_use(pruned), "{plain}");
        }
    }
}

#[test]
fn tiles_that_pruning_emptied_are_not_executed() {
    let dense = Pruned::new(chain(&[64, 64, 32], 0.7, 5));
    let all = compiled(&dense.graph, &privet::passes::standard());
    assert_eq!(tile_products(&all), tiles_in_use(&dense));
    for scheme in [Scheme::P2, Scheme::P3E, Scheme::P4E] {
        let pruned = pruned(scheme);
        let made = compiled(&pruned.graph, &privet::passes::standard());
        let (executed, left) = (tile_products(&made), tiles_in_use(&pruned));
        assert!(
            executed <= left,
            "{scheme}: {executed} products, {left} tiles"
        );
    }
}

#[test]
fn permuted_ends_are_packed_and_read_back_in_order() {
    let pruned = pruned(Scheme::P4E);
    for compiler in [in_place(), privet::passes::standard()] {
        let made = compiled(&pruned.graph, &compiler);
        for port in [&made.client.input, &made.client.outputs[0]] {
            port.layout.check().unwrap();
            assert!(port.layout.n_ciphertexts > 1);
        }
        let sample: Vec<f64> = (0..64).map(|k| (f64::from(k) * 0.7).sin()).collect();
        let expected = evaluate(&pruned.graph, std::slice::from_ref(&sample)).unwrap();
        let found = made.run_slots_batch(&[&sample]).unwrap();
        let largest = expected[0].iter().map(|v| v.abs()).fold(0.0, f64::max);
        for (expected, found) in expected[0].iter().zip(&found[0]) {
            assert!((expected - found).abs() < 1e-9 * largest);
        }
    }
}
