//! Passes that put units elsewhere: whether that spares anything is known when the circuit is.

use crate::Error;
use graph::Graph;
use pass::{Compiler, PassReport, Pipeline};

/// The passes, in the order in which they are left out.
const ARRANGING: [&str; 2] = ["co-permute-layers", "cull-dead-units"];

/// Graph passes that need no ring, and those from the first on that does or whose gain depends on it.
pub(crate) fn split(graph: &Pipeline<Graph>) -> (Pipeline<Graph>, Pipeline<Graph>) {
    let is_late = |name: &&str| ARRANGING.contains(name) || *name == "choose-packing";
    match graph.names().into_iter().find(is_late) {
        Some(first) => graph.split_before(first),
        None => (graph.clone(), Pipeline::new()),
    }
}

/// The compiler without arranging passes.
fn plain(compiler: &Compiler) -> Compiler {
    let mut plain = compiler.clone();
    for name in ARRANGING {
        if let Ok(graph) = plain.graph.clone().without(name) {
            plain.graph = graph;
        }
    }
    plain
}

/// The cheapest of what a compiler makes, and of what it makes without arranging passes that changed the graph. It is
/// the last that was made.
///
/// # Errors
/// Those of the whole compiler, if it can not do without arranging passes either.
pub(crate) fn cheapest<T>(
    compiler: &Compiler,
    passes: impl Fn(&T) -> &[PassReport],
    cost: impl Fn(&T) -> f64,
    mut make: impl FnMut(&Compiler) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut best = match make(compiler) {
        Ok(best) => best,
        // Selections at the ends may fit no layout that was asked for.
        Err(refused) => return make(&plain(compiler)).map_err(|_| refused),
    };
    let (mut chosen, mut without) = (compiler.clone(), compiler.clone());
    let changed: Vec<&str> = ARRANGING
        .into_iter()
        .filter(|name| {
            passes(&best)
                .iter()
                .any(|pass| pass.name == *name && pass.changed)
        })
        .collect();
    let mut is_last = true;
    for name in changed {
        let Ok(graph) = without.graph.clone().without(name) else {
            continue;
        };
        without.graph = graph;
        // What does not compile without them compiles with them.
        let other = make(&without).ok();
        is_last = other
            .as_ref()
            .is_some_and(|other| cost(other) < cost(&best));
        if let Some(other) = other.filter(|_| is_last) {
            (best, chosen) = (other, without.clone());
        }
    }
    match is_last {
        true => Ok(best),
        false => make(&chosen),
    }
}
