//! Compiling for the cheapest ring that fits.

use crate::{Client, Error, Model, Precision, ShareOptions, client::Port};
use circuit::{Circuit, CostTable};
use graph::{Basis, Graph, Op};
use params::{MAX_LOG_N, max_log_qp};
use pass::{
    Calibration, Compiler, Objective, PassReport, Pipeline, PipelineError, Refusal, Settings,
};

pub use pass::DumpText as Dump;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a user may decide.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// log2 of the ring degree; the cheapest that fits if absent.
    pub log_n: Option<u8>,
    /// log2 of the scale; as large as the ring allows, up to 40, if absent.
    pub scale_bits: Option<u8>,
    /// Inputs that show the values the network meets; needed for fitted activations.
    pub calibration: Option<Vec<Vec<f64>>>,
    /// Largest degree of a fitted activation; 15 if absent.
    pub max_degree: Option<usize>,
    /// Largest share of the output's root mean square that fitted activations may change it by.
    pub activation_error: Option<f64>,
    /// Results that will be given away; a larger scale is chosen for them.
    pub share: Option<ShareOptions>,
    /// Costs of operations on the server; those of a server core with AVX-512 IFMA if absent.
    pub costs: Option<CostTable>,
    /// What layouts and plans are chosen for.
    pub objective: Objective,
}

/// A compiled network: what the server runs, and the client's part of it.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What the data owner needs.
    pub client: Client,
    /// The circuit with weights.
    pub circuit: Circuit,
    /// The polynomial network the circuit computes; absent when read from a file.
    pub graph: Option<Graph>,
    /// What each pass did.
    pub passes: Vec<PassReport>,
    /// The report's model and layer sections, counts and sizes.
    pub report: report::Report,
    /// Predicted errors of the results; absent when read from a file.
    pub precision: Option<Precision>,
}

/// Smallest scale that is tried on its own account: below it, rounding reaches the third decimal of ordinary values.
const MIN_SCALE_BITS: u8 = 34;
/// Smallest scale there are primes for; results too large for it are refused by `choose-params`.
const LEAST_SCALE_BITS: u8 = 30;
/// Scale used where the ring allows it.
const FULL_SCALE_BITS: u8 = 40;
/// Smallest ring worth trying.
const MIN_LOG_N: u8 = 12;

/// Compiles a model with a compiler, [`passes::standard`] for most. Every ring degree from the smallest that fits is
/// tried until a larger one is no cheaper; `dump` is told of passes that depend on the ring for every ring that is
/// tried, the chosen one last.
///
/// # Errors
/// [`Error::Compile`] with the refusal of the pass that can not go on, naming the model's node.
pub fn compile(
    model: &Model,
    options: &Options,
    compiler: &Compiler,
    dump: &mut Dump<'_>,
) -> Result<Compiled, Error> {
    if model.graph.inputs().len() != 1 {
        let why = format!(
            "the network has {} inputs, one is supported",
            model.graph.inputs().len()
        );
        return Err(PipelineError::Refused(
            Refusal::new(why).help("export the network with its other inputs as constants"),
        )
        .into());
    }
    let calibration = options.calibration.as_ref().map(|samples| {
        Arc::new(Calibration {
            samples: samples.iter().map(|s| vec![s.clone()]).collect(),
        })
    });
    let mut settings = Settings {
        calibration,
        ..Settings::default()
    };
    if let Some(costs) = &options.costs {
        settings.costs = costs.clone();
    }
    settings.objective = options.objective;
    settings.max_degree = options.max_degree.unwrap_or(settings.max_degree);
    settings.activation_error = options
        .activation_error
        .unwrap_or(settings.activation_error);
    // What does not depend on the ring runs once.
    let (front, back) = split(&compiler.graph);
    let mut polynomial = model.graph.clone();
    let mut passes = front.run(&mut polynomial, &settings, &mut |at, name, g| {
        dump(at, name, &|| pass::Program::print(g), "graph")
    })?;
    let rest = Compiler {
        graph: back,
        ..compiler.clone()
    };
    let plan = ring_plan(&polynomial, &settings, options);
    let offset = passes.len();
    let mut dump = |at: usize, name: &str, text: &dyn Fn() -> String, word: &'static str| {
        dump(offset + at, name, text, word)
    };
    let name = &model.info.name;
    let (made, share) = match options.share {
        None => (
            cheapest(&polynomial, &settings, &rest, &plan, &mut dump)?,
            None,
        ),
        Some(asked) => {
            let (made, share) = crate::share::smallest_ring(
                &polynomial,
                &settings,
                &rest,
                &plan,
                &mut dump,
                name,
                asked,
            )?;
            (made, Some(share))
        }
    };
    passes.extend(made.passes);
    if !model.info.remarks.is_empty() {
        let import = PassReport {
            name: "import",
            changed: true,
            notes: model.info.remarks.clone(),
            before: BTreeMap::new(),
            after: BTreeMap::new(),
        };
        passes.insert(0, import);
    }
    let client =
        Client::new(&made.graph, &made.circuit, name).ok_or_else(|| unfinished(&made.circuit))?;
    let client = Client {
        circuit_id: crate::client::circuit_id(&made.circuit, share.as_ref()),
        share,
        n_calibration: options.calibration.as_ref().map_or(0, |samples| {
            u32::try_from(samples.len()).unwrap_or(u32::MAX)
        }),
        ..client
    };
    let report = crate::summary::compiled(
        &model.info,
        &made.graph,
        &made.circuit,
        &passes,
        &settings.costs,
    )?;
    let mut compiled = Compiled {
        client,
        circuit: made.circuit,
        graph: Some(made.graph),
        passes,
        report,
        precision: None,
    };
    let precision = compiled.predict_precision(options.calibration.as_deref().unwrap_or(&[]))?;
    compiled.report.error = Some(report::Error {
        predicted_precision_bits: Some(precision.bits(1)),
        ..report::Error::default()
    });
    compiled.precision = Some(precision);
    Ok(compiled)
}

fn unfinished(circuit: &Circuit) -> Error {
    let missing = if circuit.params().is_none() {
        "parameters"
    } else {
        "a key manifest"
    };
    PipelineError::Refused(
        Refusal::new(format!("the pipeline left the circuit without {missing}"))
            .help("keep choose-params and plan-keys in the pipeline"),
    )
    .into()
}

/// A ring and a scale to try.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ring {
    log_n: u8,
    scale_bits: u8,
}

/// Rings to try in rising degree, each with the scales to try in falling size.
fn ring_plan(graph: &Graph, settings: &Settings, options: &Options) -> Vec<Vec<Ring>> {
    let depth = depth(graph);
    let bound = passes::util::bound::result_bound(graph, settings).unwrap_or(0.0);
    // Sign and guard bits as choose-params wants them.
    let result_bits = bound.max(1.0).log2().ceil() as u32 + 3;
    // The last prime holds scale and result in 48 bits.
    let full = FULL_SCALE_BITS
        .min(48u32.saturating_sub(result_bits) as u8)
        .max(LEAST_SCALE_BITS);
    let degrees: Vec<u8> = options
        .log_n
        .map_or_else(|| (MIN_LOG_N..=MAX_LOG_N).collect(), |n| vec![n]);
    let scales = |log_n: u8| -> Vec<Ring> {
        if let Some(scale_bits) = options.scale_bits {
            return vec![Ring { log_n, scale_bits }];
        }
        let Some(room) = max_log_qp(log_n) else {
            return vec![Ring {
                log_n,
                scale_bits: full,
            }];
        };
        let fits = |s: u8| u32::from(s) * (depth + 2) + result_bits <= room;
        let fitting: Vec<Ring> = (MIN_SCALE_BITS.min(full)..=full)
            .rev()
            .filter(|&s| fits(s))
            .map(|scale_bits| Ring { log_n, scale_bits })
            .collect();
        if fitting.is_empty() {
            vec![Ring {
                log_n,
                scale_bits: MIN_SCALE_BITS.min(full),
            }]
        } else {
            fitting
        }
    };
    degrees.into_iter().map(scales).collect()
}

/// Levels the polynomial network needs.
fn depth(graph: &Graph) -> u32 {
    let mut levels: BTreeMap<graph::NodeId, u32> = BTreeMap::new();
    for id in graph.order() {
        let below = graph
            .operands(id)
            .iter()
            .map(|o| levels[o])
            .max()
            .unwrap_or(0);
        let own = match &graph.node(id).op {
            Op::Conv { .. } | Op::Dense { .. } | Op::Linear { .. } | Op::Mul => 1,
            Op::Affine { scale, .. } => u32::from(scale.values().iter().any(|v| *v != 1.0)),
            Op::Polynomial(p) => match p.basis {
                Basis::Power if p.is_square() => 1,
                _ => (p.degree() as u32 + 1).next_power_of_two().trailing_zeros(),
            },
            _ => 0,
        };
        levels.insert(id, below + own);
    }
    graph
        .outputs()
        .iter()
        .filter_map(|o| levels.get(o))
        .copied()
        .max()
        .unwrap_or(0)
}

/// A ring twice as large does twice the work per limb; it can win only where it spares this many digits or more.
const MANY_DIGITS: usize = 4;

/// Tries rings in rising degree until one that fits is followed by one that is no cheaper.
pub(crate) fn cheapest(
    graph: &Graph,
    settings: &Settings,
    compiler: &Compiler,
    plan: &[Vec<Ring>],
    dump: &mut Dump<'_>,
) -> Result<pass::Compiled, Error> {
    let needed = depth(graph);
    let mut best: Option<(f64, Ring, pass::Compiled)> = None;
    let mut last_tried = None;
    let mut refused = None;
    for rings in plan {
        let least = rings
            .iter()
            .map(|r| u32::from(r.scale_bits))
            .min()
            .unwrap_or(0);
        let room = rings.first().and_then(|r| max_log_qp(r.log_n)).unwrap_or(0);
        // Planning a layer for a ring that can not hold the network's depth would be wasted.
        if least * (needed + 1) > room {
            if rings == plan.last().unwrap_or(rings) && best.is_none() {
                refused.get_or_insert_with(|| too_deep(graph, needed, least, rings[0].log_n, room));
            }
            continue;
        }
        let mut found = None;
        for ring in rings {
            last_tried = Some(*ring);
            match attempt(graph, settings, compiler, *ring, dump) {
                Ok((us, made)) => {
                    found = Some((us, *ring, made));
                    break;
                }
                Err(error) => refused = Some(error),
            }
        }
        match (found, &best) {
            (Some((us, ..)), Some((least, ..))) if us >= *least => break,
            (Some(found), _) => best = Some(found),
            (None, Some(_)) => break,
            (None, None) => continue,
        }
        let digits = best
            .as_ref()
            .and_then(|(.., made)| made.circuit.params())
            .map_or(0, |p| p.spec().digits.len());
        if digits < MANY_DIGITS {
            break;
        }
    }
    match (best, refused) {
        (Some((us, ring, made)), _) => {
            tracing::debug!(
                log_n = ring.log_n,
                scale_bits = ring.scale_bits,
                predicted_us = us,
                "ring chosen"
            );
            if last_tried == Some(ring) {
                Ok(made)
            } else {
                Ok(attempt(graph, settings, compiler, ring, dump)?.1)
            }
        }
        (None, Some(error)) => Err(error),
        (None, None) => Err(PipelineError::Refused(Refusal::new("no ring degree to try")).into()),
    }
}

fn too_deep(graph: &Graph, levels: u32, scale_bits: u32, log_n: u8, room: u32) -> Error {
    let polynomials = graph
        .order()
        .into_iter()
        .filter(|&id| matches!(graph.node(id).op, Op::Polynomial(_)))
        .count();
    let why = format!(
        "the network needs {levels} levels ({polynomials} activations among them), about {} bits of modulus; ring degree 2^{log_n} allows {room} at 128-bit security",
        (levels + 2) * scale_bits
    );
    let help = if log_n < MAX_LOG_N {
        format!("--log-n {} or none", log_n + 1)
    } else {
        "--max-degree 3 or fewer layers; networks this deep need bootstrapping, which is not available yet".to_owned()
    };
    PipelineError::Refused(Refusal {
        pass: Some("choose-params"),
        ..Refusal::new(why).help(help)
    })
    .into()
}

/// Passes that put units elsewhere, which mostly spares operations: a circuit without them is made too, and the cheaper
/// one stays.
const ARRANGING: [&str; 2] = ["co-permute-layers", "cull-dead-units"];

/// Graph passes that need no ring, and those from the first on that does or whose gain depends on it.
fn split(graph: &Pipeline<Graph>) -> (Pipeline<Graph>, Pipeline<Graph>) {
    let is_late = |name: &&str| ARRANGING.contains(name) || *name == "choose-packing";
    match graph.names().into_iter().find(is_late) {
        Some(first) => graph.split_before(first),
        None => (graph.clone(), Pipeline::new()),
    }
}

/// Compiles for one ring; the result and its predicted microseconds. Where arranging passes changed the graph, it is
/// compiled without them too, and the cheaper circuit is the result and the last that `dump` sees.
fn attempt(
    graph: &Graph,
    settings: &Settings,
    compiler: &Compiler,
    ring: Ring,
    dump: &mut Dump<'_>,
) -> Result<(f64, pass::Compiled), Error> {
    let mut best = attempt_once(graph, settings, compiler, ring, dump);
    let mut compiler = compiler.clone();
    let mut is_last = true;
    let mut chosen = compiler.clone();
    for name in ARRANGING {
        let changed = |passes: &[PassReport]| passes.iter().any(|p| p.name == name && p.changed);
        let arranges = match &best {
            Ok((_, made)) => changed(&made.passes),
            Err(_) => true,
        };
        let Some(graph_passes) = compiler
            .graph
            .clone()
            .without(name)
            .ok()
            .filter(|_| arranges)
        else {
            continue;
        };
        compiler.graph = graph_passes;
        let other = attempt_once(graph, settings, &compiler, ring, dump);
        is_last = match (&best, &other) {
            (Ok((least, _)), Ok((us, _))) => us < least,
            (Err(_), _) => true,
            (Ok(_), Err(_)) => false,
        };
        if is_last {
            chosen = compiler.clone();
            best = other;
        }
    }
    match is_last {
        true => best,
        false => attempt_once(graph, settings, &chosen, ring, dump),
    }
}

fn attempt_once(
    graph: &Graph,
    settings: &Settings,
    compiler: &Compiler,
    ring: Ring,
    dump: &mut Dump<'_>,
) -> Result<(f64, pass::Compiled), Error> {
    let settings = Settings {
        log_n: ring.log_n,
        scale_bits: ring.scale_bits,
        ..settings.clone()
    };
    let made = compiler.compile(graph, &settings, dump)?;
    Ok((predicted_us(&made.circuit, &settings.costs)?, made))
}

fn predicted_us(circuit: &Circuit, costs: &CostTable) -> Result<f64, Error> {
    let (us, _) = costs
        .circuit_us(circuit)
        .map_err(|e| exec::ExecError::Circuit { why: e.to_string() })?;
    Ok(us)
}

impl Compiled {
    /// Outputs of the polynomial network in f64; `None` when read from a file.
    ///
    /// # Errors
    /// [`Error::Evaluate`] if the sample does not fit.
    pub fn evaluate_polynomial(&self, sample: &[f64]) -> Option<Result<Vec<f64>, Error>> {
        self.graph
            .as_ref()
            .map(|g| crate::model::evaluate(g, sample))
    }

    /// One full slot vector per input ciphertext.
    pub(crate) fn slots(&self, sample: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        let n = self.circuit.n_slots();
        let fill = |values: Vec<f64>| values.iter().copied().cycle().take(n).collect::<Vec<f64>>();
        Ok(self
            .client
            .input
            .pack(sample)?
            .into_iter()
            .map(fill)
            .collect())
    }

    /// Outputs of the slot simulator.
    ///
    /// # Errors
    /// [`Error::Data`] if the sample does not fit, [`Error::Run`] if the circuit does not.
    pub fn run_slots(&self, sample: &[f64]) -> Result<Vec<f64>, Error> {
        let inputs = self.slots(sample)?;
        let run = exec::run(&exec::Slots, &self.circuit, &inputs, &exec::silent)?;
        Ok(self.client.unpack(&run.outputs))
    }
}

impl Port {
    /// Slot values of a sample, one period per ciphertext.
    ///
    /// # Errors
    /// [`Error::Data`] if the sample has the wrong length or is not finite.
    pub fn pack(&self, sample: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        let expected = self.layout.n_elements as usize;
        if sample.len() != expected {
            let why = format!(
                "{} takes {expected} values of shape {:?}, found {}",
                self.name,
                self.shape,
                sample.len()
            );
            return Err(Error::Data {
                why,
                help: "check the input's shape".to_owned(),
            });
        }
        if let Some(i) = sample.iter().position(|v| !v.is_finite()) {
            let why = format!(
                "value {i} of {} is {}, expected a finite number",
                self.name, sample[i]
            );
            return Err(Error::Data {
                why,
                help: "check how the input was made".to_owned(),
            });
        }
        Ok(self.layout.pack(sample))
    }
}
