//! The network step by step over all samples at once, so that a change is evaluated from where it acts.

use super::fit::Fit;
use super::search::{Class, MOST_SIGN_DEPTH, classes};
use super::sign::{Composition, Piecewise, compositions};
use super::target::Target;
use crate::util::linear::linear_after;
use ::graph::{Activation, Graph, NodeId, Op, Values, evaluate};
use pass::{Activations, Settings};
use std::rc::Rc;

/// An activation to be replaced.
pub(super) struct Layer {
    pub(super) id: NodeId,
    activation: Activation,
    n_units: usize,
    scales_out: bool,
    /// What may replace it, by depth.
    pub(super) classes: Vec<Class>,
}

enum Kind {
    Input(usize),
    /// A layer, by number.
    Layer(usize),
    /// A graph of this node alone.
    Node(Box<Graph>),
}

struct Step {
    kind: Kind,
    operands: Vec<usize>,
    /// The last step that reads the result; none for an output.
    last_reader: Option<usize>,
}

/// A graph prepared for evaluation with some activations replaced.
pub(super) struct Network {
    steps: Vec<Step>,
    pub(super) layers: Vec<Layer>,
    outputs: Vec<usize>,
    margin: f64,
    /// Signs to choose from; none where no layer asks for them.
    compositions: Vec<Composition>,
    /// Products per sample, about.
    pub(super) macs: usize,
}

/// Results of all steps, as far as kept, per sample.
#[derive(Clone)]
pub(super) struct State {
    values: Vec<Option<Rc<Vec<Values>>>>,
    pub(super) fits: Vec<Option<Fit>>,
}

impl Network {
    /// Prepares a graph; `None` if a node can not stand alone, which no valid graph has.
    pub(super) fn new(graph: &Graph, settings: &Settings) -> Option<Self> {
        let may_sign = settings.activations == Activations::Sign;
        let order = graph.order();
        let place = |id: &NodeId| order.iter().position(|other| other == id);
        let (mut steps, mut layers, mut macs) = (Vec::new(), Vec::new(), 0);
        for (at, &id) in order.iter().enumerate() {
            let node = graph.node(id);
            let operands: Vec<usize> = graph
                .operands(id)
                .iter()
                .map(place)
                .collect::<Option<_>>()?;
            let kind = match &node.op {
                Op::Input { .. } => Kind::Input(graph.inputs().iter().position(|i| *i == id)?),
                Op::Activation(activation) => {
                    layers.push(Layer {
                        id,
                        activation: *activation,
                        n_units: node.shape.first().copied().unwrap_or(1),
                        scales_out: linear_after(graph, id).is_some(),
                        classes: classes(
                            settings.max_degree,
                            may_sign && Piecewise::of(*activation).is_some(),
                        ),
                    });
                    Kind::Layer(layers.len() - 1)
                }
                _ => Kind::Node(Box::new(alone(graph, id)?)),
            };
            macs += products(graph, id);
            let readers = graph.consumers(id);
            let last = readers.iter().filter_map(place).max().unwrap_or(at);
            let is_output = graph.outputs().contains(&id);
            steps.push(Step {
                kind,
                operands,
                last_reader: (!is_output).then_some(last),
            });
        }
        let outputs = graph.outputs().iter().map(place).collect::<Option<_>>()?;
        let is_sign = |class: &Class| matches!(class, Class::Sign { .. });
        let asked = layers.iter().any(|l: &Layer| l.classes.iter().any(is_sign));
        Some(Self {
            steps,
            layers,
            outputs,
            margin: settings.range_margin,
            compositions: match asked {
                true => compositions(MOST_SIGN_DEPTH - 1),
                false => Vec::new(),
            },
            macs,
        })
    }

    fn empty(&self) -> State {
        State {
            values: vec![None; self.steps.len()],
            fits: vec![None; self.layers.len()],
        }
    }

    /// The original network, all results kept; `None` when a value is not finite.
    pub(super) fn exact(&self, samples: &[Vec<Values>]) -> Option<State> {
        let mut state = self.empty();
        for at in 0..self.steps.len() {
            self.advance(at, samples, &mut state, None)?;
        }
        Some(state)
    }

    /// The network with every activation replaced by a fit of its class, made for what arrives there and what the exact
    /// network gives; `None` when a value is not finite. Given `known`, only what layer `from` changes is computed.
    pub(super) fn replaced(
        &self,
        samples: &[Vec<Values>],
        exact: &State,
        classes: &[Class],
        known: Option<(&State, usize)>,
    ) -> Option<State> {
        let mut state = known.map_or_else(|| self.empty(), |(state, _)| state.clone());
        let mut is_new = vec![known.is_none(); self.steps.len()];
        for (at, step) in self.steps.iter().enumerate() {
            let changed = matches!(step.kind, Kind::Layer(l) if known.is_some_and(|(_, k)| k == l));
            is_new[at] |= changed || step.operands.iter().any(|&o| is_new[o]);
            if is_new[at] {
                let wanted = exact.values[at].as_deref();
                self.advance(at, samples, &mut state, wanted.map(|w| (classes, &w[..])))?;
            }
        }
        Some(state)
    }

    /// The original network and the one with fits, side by side; only outputs and fits are kept.
    pub(super) fn both(
        &self,
        samples: &[Vec<Values>],
        classes: &[Class],
    ) -> Option<(State, State)> {
        let (mut exact, mut found) = (self.empty(), self.empty());
        for (at, step) in self.steps.iter().enumerate() {
            self.advance(at, samples, &mut exact, None)?;
            let wanted = exact.values[at].clone()?;
            self.advance(at, samples, &mut found, Some((classes, &wanted)))?;
            for &o in step
                .operands
                .iter()
                .filter(|&&o| self.steps[o].last_reader == Some(at))
            {
                (exact.values[o], found.values[o]) = (None, None);
            }
        }
        Some((exact, found))
    }

    /// Computes one step; layers are fitted to their class and what is wanted, if given, else exact.
    fn advance(
        &self,
        at: usize,
        samples: &[Vec<Values>],
        state: &mut State,
        fitted: Option<(&[Class], &[Values])>,
    ) -> Option<()> {
        let step = &self.steps[at];
        let operand = |&o: &usize| state.values[o].clone();
        let operands: Vec<Rc<Vec<Values>>> =
            step.operands.iter().map(operand).collect::<Option<_>>()?;
        let result: Vec<Values> = match (&step.kind, fitted) {
            (Kind::Input(k), _) => samples.iter().map(|sample| sample[*k].clone()).collect(),
            (Kind::Layer(l), None) => {
                let activation = self.layers[*l].activation;
                let exact = |x: &Values| x.iter().map(|&x| activation.eval(x)).collect();
                operands[0].iter().map(exact).collect()
            }
            (Kind::Layer(l), Some((classes, wanted))) => {
                let layer = &self.layers[*l];
                let target = Target {
                    activation: layer.activation,
                    inputs: &operands[0],
                    wanted,
                    n_units: layer.n_units,
                    scales_out: layer.scales_out,
                    margin: self.margin,
                };
                let fit = target.fit(classes[*l], &self.compositions);
                let result = operands[0].iter().map(|x| fit.eval(x)).collect();
                state.fits[*l] = Some(fit);
                result
            }
            (Kind::Node(graph), _) => {
                let of = |k: usize| {
                    let inputs: Vec<Values> = operands.iter().map(|o| o[k].clone()).collect();
                    evaluate(graph, &inputs).ok()?.pop()
                };
                (0..samples.len()).map(of).collect::<Option<_>>()?
            }
        };
        state.values[at] = Some(Rc::new(result));
        Some(())
    }

    /// Outputs, per output and sample.
    pub(super) fn outputs(&self, state: &State) -> Vec<Rc<Vec<Values>>> {
        let of = |&at: &usize| state.values[at].clone();
        self.outputs.iter().filter_map(of).collect()
    }
}

/// Root-mean-square difference of outputs as a share of the expected ones' root mean square.
pub(super) fn output_error(found: &[Rc<Vec<Values>>], expected: &[Rc<Vec<Values>>]) -> f64 {
    let (mut difference, mut size) = (0.0, 0.0);
    for (found, expected) in found.iter().zip(expected) {
        for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
            difference += (found - expected).powi(2);
            size += expected.powi(2);
        }
    }
    let share = (difference / size).sqrt();
    match difference == 0.0 {
        true => 0.0,
        false if share.is_nan() => f64::INFINITY,
        false => share,
    }
}

/// The node with inputs in the place of its operands.
fn alone(graph: &Graph, id: NodeId) -> Option<Graph> {
    let mut single = Graph::new("");
    let mut operands = Vec::new();
    for operand in graph.operands(id) {
        let shape = graph.shape(operand).to_vec();
        operands.push(single.add("x", Op::Input { shape }, &[]).ok()?);
    }
    let node = single.add("y", graph.node(id).op.clone(), &operands).ok()?;
    single.set_outputs(&[node]);
    Some(single)
}

fn products(graph: &Graph, id: NodeId) -> usize {
    match &graph.node(id).op {
        Op::Conv { weight, bias, .. } => weight.len() * graph.n_elements(id) / bias.len(),
        Op::Dense { weight, .. } => weight.len(),
        Op::Linear { matrix, .. } => matrix.nnz(),
        _ => graph.n_elements(id),
    }
}
