//! Pruned networks, compiled.

mod networks;

use networks::chain;
use privet::extend::Graph;
use privet::prelude::{Compiled, Model, Options, Packing, compile};
use privet_prune::PruneError;
use privet_prune::engine::Pruned;
use privet_prune::hepex::{HePex, Scheme, Tiles};
use train::WeightMasks;

const TILES: [usize; 2] = [4, 8];

/// Tiles of 4 x 8 for 256 samples in a ring of 2^14.
fn options() -> Options {
    Options {
        log_n: Some(14),
        packing: Packing::Tile(Some(vec![4, 8, 256])),
        ..Options::default()
    }
}

fn compiled(graph: &Graph) -> Compiled {
    let model = Model::from_graph(graph.clone());
    compile(
        &model,
        &options(),
        &privet::passes::standard(),
        &mut |_, _, _, _| {},
    )
    .unwrap()
}

fn as_it_is(graph: Graph, _: &WeightMasks) -> Result<Graph, PruneError> {
    Ok(graph)
}

fn pruned(scheme: Scheme, skew: f64) -> Pruned {
    let graph = chain(&[64, 64, 32], skew, 5);
    let hepex = HePex::new(scheme, TILES, 0.9);
    hepex.run(graph, &mut as_it_is).unwrap().0
}
#[test]
fn debug() {
    for s in [Scheme::P2, Scheme::P3, Scheme::P3E, Scheme::P4, Scheme::P4E] {
        let p = pruned(s, 0.7);
        let t = Tiles::new(&p.graph, TILES).unwrap().empty(&p);
        let c = compiled(&p.graph);
        println!("{s}: {t:?} {:?}", c.report.counts);
        for p in &c.passes {
            println!("   {} {} {:?}", p.name, p.changed, p.notes);
        }
    }
}
