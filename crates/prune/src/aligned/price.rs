//! What a network costs, from its plans: much faster than compiling it.

use super::Error;
use super::levels::{below, taken};
use privet::extend::graph::Op;
use privet::extend::layout::PlanCounts;
use privet::extend::{Graph, NodeId, Pipeline, PipelineError, Settings};
use privet::passes::util::price::Prices;
use privet::prelude::{Model, Options, Packing};

/// Passes that put units elsewhere, in the order in which they are left out: whether they spare anything depends on
/// the plans.
const ARRANGING: [&str; 2] = ["co-permute-layers", "cull-dead-units"];

/// A network with plans and what they cost.
#[derive(Clone, Debug)]
pub struct Priced {
    /// Microseconds of one run, estimated: layers, activations and nothing else.
    pub us: f64,
    /// Rotations of one run.
    pub rotations: u64,
    /// Linear layers, in the graph's order.
    pub layers: Vec<LayerPrice>,
    /// The network after the graph passes, with layouts and plans.
    pub graph: Graph,
}

/// What one linear layer costs.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerPrice {
    /// The layer's name.
    pub name: String,
    /// Microseconds.
    pub us: f64,
    /// What its plan holds.
    pub counts: PlanCounts,
    /// Levels left below its result.
    pub below: u32,
}

/// Prices networks of one architecture for one ring.
///
/// It plans as the compiler does, with and without the passes that arrange units, and keeps the cheapest. Circuit passes do
/// not run; what they change is a small part.
#[derive(Clone)]
pub struct Pricer {
    settings: Settings,
    pipelines: Vec<Pipeline<Graph>>,
}

impl Pricer {
    /// A pricer for the ring, batch width and family of layouts that a network compiles to; compiles it once.
    ///
    /// # Errors
    /// [`Error::Compile`] if it does not compile, [`Error::NoPlans`] if layers have no plans.
    pub fn new(model: &Model, options: &Options) -> Result<Self, Error> {
        let compiler = privet::passes::standard();
        let compiled = privet::compile(model, options, &compiler, &mut |_, _, _, _| {})?;
        let mut settings = options.settings();
        let spec = compiled.circuit.params().map(|params| params.spec());
        if let Some(spec) = spec {
            settings.log_n = spec.log_n;
            settings.scale_bits = spec.scale_bits;
        }
        settings.batch_width = u32::try_from(compiled.client.batch_width()).unwrap_or(u32::MAX);
        if settings.packing == Packing::Auto && !compiled.graph.as_ref().is_some_and(is_tiled) {
            settings.packing = Packing::Diagonal;
        }
        if settings.sample_slots() == 1 {
            let model = model.graph.name.clone();
            return Err(Error::NoPlans { model });
        }
        Ok(Self::with(settings))
    }

    /// A pricer for settings whose ring is known.
    pub fn with(settings: Settings) -> Self {
        let mut pipeline = privet::passes::graph().standard();
        let mut pipelines = vec![pipeline.clone()];
        for name in ARRANGING {
            pipeline = pipeline.without(name).expect("a standard pass");
            pipelines.push(pipeline.clone());
        }
        Self {
            settings,
            pipelines,
        }
    }

    /// What passes are told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What a network costs.
    ///
    /// # Errors
    /// [`Error::Compile`] with the pass that refuses it.
    pub fn price(&self, graph: &Graph) -> Result<Priced, Error> {
        let (mut best, mut changed) = self.planned(&self.pipelines[0], graph)?;
        for (name, pipeline) in ARRANGING.iter().zip(&self.pipelines[1..]) {
            if !changed.contains(name) {
                continue;
            }
            let (other, still) = self.planned(pipeline, graph)?;
            if other.us < best.us {
                best = other;
            }
            changed = still;
        }
        Ok(best)
    }

    /// What a network costs whose units stay where they are.
    ///
    /// # Errors
    /// As [`Pricer::price`].
    pub fn price_in_place(&self, graph: &Graph) -> Result<Priced, Error> {
        let last = self
            .pipelines
            .last()
            .expect("one for each that is left out");
        Ok(self.planned(last, graph)?.0)
    }

    /// Plans a network; names the passes that changed it.
    fn planned(
        &self,
        pipeline: &Pipeline<Graph>,
        graph: &Graph,
    ) -> Result<(Priced, Vec<&'static str>), Error> {
        let mut planned = graph.clone();
        let reports = pipeline
            .run(&mut planned, &self.settings, &mut |_, _, _| {})
            .map_err(|e: PipelineError| Error::Compile(e.into()))?;
        let changed = reports.iter().filter(|report| report.changed);
        let changed = changed.map(|report| report.name).collect();
        Ok((priced(planned, &self.settings), changed))
    }
}

fn is_tiled(graph: &Graph) -> bool {
    let layouts = graph.order().into_iter();
    let mut layouts = layouts.filter_map(|id| graph.node(id).facts.layout.as_ref());
    layouts.any(|layout| layout.as_tiles().is_some())
}

/// Adds up what a planned network costs.
fn priced(graph: Graph, settings: &Settings) -> Priced {
    let below = below(&graph);
    let levels = graph.inputs().iter().map(|id| below[id]).max().unwrap_or(0);
    let prices = Prices::new(settings, levels);
    let mut layers = Vec::new();
    let mut us = 0.0;
    for id in graph.order() {
        let node = graph.node(id);
        let Some(plan) = &node.facts.plan else {
            us += between(&graph, id, below[&id], &prices);
            continue;
        };
        let own = prices.layer(&plan.output, &plan.counts, below[&id]);
        us += own;
        layers.push(LayerPrice {
            name: node.name.clone(),
            us: own,
            counts: plan.counts,
            below: below[&id],
        });
    }
    Priced {
        us,
        rotations: layers.iter().map(|layer| layer.counts.rotations()).sum(),
        layers,
        graph,
    }
}

/// What a node costs that is no layer: products of ciphertexts and rescales, on every ciphertext of its result.
fn between(graph: &Graph, id: NodeId, below: u32, prices: &Prices<'_>) -> f64 {
    let node = graph.node(id);
    let n_ciphertexts = node.facts.layout.as_ref().map_or(1, |l| l.n_ciphertexts);
    let each = match &node.op {
        Op::Mul => prices.product(below),
        Op::Polynomial(polynomial) => {
            let levels = taken(graph, id).max(1);
            // About as many as baby and giant steps of the powers together, spread over the levels.
            let products = (polynomial.degree() as f64)
                .sqrt()
                .mul_add(2.0, -1.5)
                .ceil();
            let at = (0..levels).map(|level| prices.product(below + level));
            products.max(0.0) * at.sum::<f64>() / f64::from(levels)
        }
        Op::Affine { .. } if taken(graph, id) > 0 => {
            let at = prices.plan(below + 1);
            at.c_mul + at.k_rs
        }
        _ => 0.0,
    };
    each * f64::from(n_ciphertexts)
}
