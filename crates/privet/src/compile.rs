//! Compiling for the cheapest ring that fits.

use crate::arrange;
use crate::batch::Batch;
use crate::rings::{Ring, depth, is_too_deep, refresh_plan, ring_plan, too_deep};
use crate::{Client, Error, Model, Precision, ShareOptions, client::Port};
use circuit::{Circuit, CostTable};
use graph::Graph;
use params::max_log_qp;
use pass::{
    Activations, Calibration, Compiler, Objective, Packing, PassReport, PipelineError, Refreshes,
    Refusal, Settings,
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
    /// Largest degree of a fitted activation; 15 if absent, 7 beside signs.
    pub max_degree: Option<usize>,
    /// Largest share of the output's root mean square that fitted activations may change it by.
    pub activation_error: Option<f64>,
    /// What activations may become: one polynomial each, or products with signs where that is not exact enough.
    pub activations: Activations,
    /// Results that will be given away; a larger scale is chosen for them.
    pub share: Option<ShareOptions>,
    /// Costs of operations on the server; those of a server core with AVX-512 IFMA if absent.
    pub costs: Option<CostTable>,
    /// What layouts and plans are chosen for.
    pub objective: Objective,
    /// Which family of layouts is used.
    pub packing: Packing,
    /// Most ciphertexts of an input in tiles; if absent, as many as it fills, rounded up to a power of two, and any number
    /// in tiles of given sizes.
    pub max_input_ciphertexts: Option<u32>,
    /// Samples of one run; as many as the layouts hold anyway if absent.
    pub batch: Option<u32>,
    /// Whether the client may refresh values where no ring holds the network's depth. It sees them then.
    pub client_refresh: bool,
    /// Most bytes that the evaluation keys may take, expanded.
    pub key_memory: Option<u64>,
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

/// Highest degree of a single polynomial where signs are allowed: higher ones leave less room for unseen values.
const SERIES_DEGREE_BESIDE_SIGNS: usize = 7;

impl Options {
    /// Settings of passes, but for what is found by trying: ring, scale and batch width.
    pub fn settings(&self) -> Settings {
        let calibration = self.calibration.as_ref().map(|samples| {
            Arc::new(Calibration {
                samples: samples.iter().map(|s| vec![s.clone()]).collect(),
            })
        });
        let mut settings = Settings {
            calibration,
            ..Settings::default()
        };
        if let Some(costs) = &self.costs {
            settings.costs = costs.clone();
        }
        settings.objective = self.objective;
        settings.packing = match &self.packing {
            // Terms of sharing are searched along with the ring, for one family.
            Packing::Auto if self.share.is_some() => Packing::Diagonal,
            packing => packing.clone(),
        };
        settings.max_input_ciphertexts = self.max_input_ciphertexts;
        settings.key_memory = self.key_memory;
        settings.activations = self.activations;
        let usual_degree = match settings.activations {
            Activations::Polynomial => settings.max_degree,
            Activations::Sign => SERIES_DEGREE_BESIDE_SIGNS,
        };
        settings.max_degree = self.max_degree.unwrap_or(usual_degree);
        settings.activation_error = self.activation_error.unwrap_or(settings.activation_error);
        settings
    }
}

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
    let mut settings = options.settings();
    // What does not depend on the ring runs once.
    let (front, back) = arrange::split(&compiler.graph);
    let mut polynomial = model.graph.clone();
    let mut passes = front.run(&mut polynomial, &settings, &mut |at, name, g| {
        dump(at, name, &|| pass::Program::print(g), "graph")
    })?;
    let rest = Compiler {
        graph: back,
        ..compiler.clone()
    };
    let plan = ring_plan(&polynomial, &settings, options);
    let batch = Batch(options.batch);
    if options.share.is_some() {
        let is_wide = match &options.packing {
            Packing::Batch => true,
            Packing::Tile(Some(sizes)) => sizes.last().is_some_and(|&width| width > 1),
            _ => options.batch.is_some_and(|n| n > 1),
        };
        if is_wide {
            let refusal = Refusal::new("results of a batch can not be shared")
                .help("compile for sharing without --batch, --packing batch and tiles of a batch");
            return Err(PipelineError::Refused(refusal).into());
        }
    }
    let offset = passes.len();
    let mut dump = |at: usize, name: &str, text: &dyn Fn() -> String, word: &'static str| {
        dump(offset + at, name, text, word)
    };
    let name = &model.info.name;
    let (made, share) = match options.share {
        None => {
            let made = cheapest(&polynomial, &settings, &rest, &plan, batch, &mut dump);
            let made = match made {
                Err(error) if options.client_refresh && is_too_deep(&error) => {
                    let largest = passes::util::bound::value_bound(&polynomial, &settings);
                    settings.refresh = Some(Refreshes { largest });
                    let plan = refresh_plan(&polynomial, &settings, options)?;
                    cheapest(&polynomial, &settings, &rest, &plan, batch, &mut dump)
                }
                made => made,
            };
            (made?, None)
        }
        Some(_) if options.client_refresh => {
            let why = "results of a network with refreshes by the client can not be shared";
            let refusal = Refusal::new(why).help("leave out --share, or --refresh");
            return Err(PipelineError::Refused(refusal).into());
        }
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
    let mut graph = made.graph;
    for id in graph.order() {
        // Its weights are in the circuit now.
        graph.node_mut(id).facts.plan = None;
    }
    let mut compiled = Compiled {
        client,
        circuit: made.circuit,
        graph: Some(graph),
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

/// A ring twice as large does twice the work per limb; it can win only where it spares this many digits or more.
const MANY_DIGITS: usize = 4;

/// Tries rings in rising degree until one that fits is followed by one that is no cheaper.
pub(crate) fn cheapest(
    graph: &Graph,
    settings: &Settings,
    compiler: &Compiler,
    plan: &[Vec<Ring>],
    batch: Batch,
    dump: &mut Dump<'_>,
) -> Result<pass::Compiled, Error> {
    let refreshes = settings.refresh.is_some();
    let needed = if refreshes { 0 } else { depth(graph) };
    let mut best: Option<(Ring, Candidate)> = None;
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
        let mut found: Option<(Ring, Candidate)> = None;
        let mut is_final = false;
        for ring in rings {
            for width in batch.widths(*ring, settings) {
                last_tried = Some((*ring, width));
                match attempt(graph, settings, compiler, *ring, width, batch, dump) {
                    Ok(made) => {
                        if found.as_ref().is_none_or(|(_, best)| made.cost < best.cost) {
                            found = Some((*ring, made));
                        }
                    }
                    Err(error) => {
                        // Another scale makes no smaller keys.
                        is_final |= enough(&error).is_some();
                        refused = Some(nearer(refused, error));
                    }
                }
            }
            if found.is_some() || is_final {
                break;
            }
        }
        match (found, &best) {
            (Some((_, made)), Some((_, least))) if made.cost >= least.cost => break,
            (Some(found), _) => best = Some(found),
            (None, Some(_)) => break,
            (None, None) => continue,
        }
        let digits = best
            .as_ref()
            .and_then(|(_, made)| made.compiled.circuit.params())
            .map_or(0, |p| p.spec().digits.len());
        if digits < MANY_DIGITS && !refreshes {
            break;
        }
    }
    match (best, refused) {
        (Some((ring, made)), _) => {
            tracing::debug!(
                log_n = ring.log_n,
                scale_bits = ring.scale_bits,
                batch_width = made.width,
                cost = made.cost,
                "ring and batch chosen"
            );
            if last_tried == Some((ring, made.width)) {
                Ok(made.compiled)
            } else {
                let again = attempt(graph, settings, compiler, ring, made.width, batch, dump)?;
                Ok(again.compiled)
            }
        }
        (None, Some(error)) => Err(error),
        (None, None) => Err(batch.too_large(plan)),
    }
}

fn enough(error: &Error) -> Option<u64> {
    match error {
        Error::Compile(PipelineError::Refused(refusal)) => refusal.enough,
        _ => None,
    }
}

/// Of two refusals the later, but of two that say what would be enough the one that asks for less.
fn nearer(before: Option<Error>, error: Error) -> Error {
    match before {
        Some(before) if enough(&before).is_some_and(|b| enough(&error).is_none_or(|e| b <= e)) => {
            before
        }
        _ => error,
    }
}

/// One compilation among several.
struct Candidate {
    /// What is made least.
    cost: f64,
    width: u32,
    compiled: pass::Compiled,
}

/// Compiles for one ring and batch width.
fn attempt(
    graph: &Graph,
    settings: &Settings,
    compiler: &Compiler,
    ring: Ring,
    width: u32,
    batch: Batch,
    dump: &mut Dump<'_>,
) -> Result<Candidate, Error> {
    let settings = Settings {
        log_n: ring.log_n,
        scale_bits: ring.scale_bits,
        batch_width: width,
        ..settings.clone()
    };
    arrange::cheapest(
        compiler,
        |made: &Candidate| &made.compiled.passes,
        |made| made.cost,
        |compiler| cheaper_family(graph, &settings, compiler, batch, dump),
    )
}

/// Compiles in tiles or diagonals; where the graph passes chose tiles, the finished circuits are compared, as which
/// family is cheaper was estimated before there was a circuit.
fn cheaper_family(
    graph: &Graph,
    settings: &Settings,
    compiler: &Compiler,
    batch: Batch,
    dump: &mut Dump<'_>,
) -> Result<Candidate, Error> {
    let mut compiled = compiler.compile(graph, settings, dump)?;
    let mut cost = batch.cost(&compiled.circuit, settings)?;
    let is_price = settings.objective != Objective::Rotations;
    if is_price && settings.packing == Packing::Auto && is_tiled(&compiled.graph) {
        let diagonal = Settings {
            packing: Packing::Diagonal,
            ..settings.clone()
        };
        let other = compiler.compile(graph, &diagonal, &mut |_, _, _, _| {})?;
        let other_cost = batch.cost(&other.circuit, &diagonal)?;
        if other_cost < cost {
            compiled = compiler.compile(graph, &diagonal, dump)?;
            cost = other_cost;
        }
    }
    Ok(Candidate {
        cost,
        width: settings.batch_width,
        compiled,
    })
}

fn is_tiled(graph: &Graph) -> bool {
    let plans = graph.order().into_iter();
    let mut plans = plans.filter_map(|id| graph.node(id).facts.plan.as_ref());
    plans.any(|plan| plan.output.as_tiles().is_some())
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

    /// One vector per input ciphertext, with one value for each slot of a sample.
    pub(crate) fn slots(&self, sample: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        self.filled(&[sample], 1)
    }

    /// One vector per input ciphertext, with `width` values for each slot of a sample.
    fn filled(&self, samples: &[&[f64]], width: usize) -> Result<Vec<Vec<f64>>, Error> {
        let n = self.client.input.layout.n_slots as usize * width;
        let packed = self.client.input.pack(samples, width)?.into_iter();
        Ok(packed
            .map(|values| values.iter().copied().cycle().take(n).collect())
            .collect())
    }

    /// Outputs of the slot simulator.
    ///
    /// # Errors
    /// [`Error::Data`] if the sample does not fit, [`Error::Run`] if the circuit does not.
    pub fn run_slots(&self, sample: &[f64]) -> Result<Vec<f64>, Error> {
        let inputs = self.slots(sample)?;
        let run = exec::run_owned(&exec::Slots, &self.circuit, inputs, &exec::silent)?;
        Ok(self.client.unpack(&run.outputs, 1, 1).concat())
    }

    /// Outputs of the slot simulator for as many samples as lie side by side, at most; every slot is simulated.
    ///
    /// # Errors
    /// As [`Compiled::run_slots`]; [`Error::Data`] for too many samples.
    pub fn run_slots_batch(&self, samples: &[&[f64]]) -> Result<Vec<Vec<f64>>, Error> {
        let width = self.client.batch_width();
        let inputs = self.filled(samples, width)?;
        let run = exec::run_owned(&exec::Slots, &self.circuit, inputs, &exec::silent)?;
        Ok(self.client.unpack(&run.outputs, samples.len(), width))
    }
}

impl Port {
    /// Slot values of samples, one period per ciphertext: value `b` of a group of `width` slots belongs to sample `b`.
    /// Groups are filled with zeros.
    ///
    /// # Errors
    /// [`Error::Data`] if there is no sample or too many, or one has the wrong length or is not finite.
    pub fn pack(&self, samples: &[&[f64]], width: usize) -> Result<Vec<Vec<f64>>, Error> {
        if samples.is_empty() || samples.len() > width {
            return Err(Error::Data {
                why: format!(
                    "{} samples, the network takes 1 to {width} at once",
                    samples.len()
                ),
                help: "encrypt them in groups, or compile with a larger --batch".to_owned(),
            });
        }
        let layout = &self.layout;
        let mut all =
            vec![vec![0.0; layout.period as usize * width]; layout.n_ciphertexts as usize];
        for (b, sample) in samples.iter().enumerate() {
            self.check_sample(sample)?;
            for (slots, own) in all.iter_mut().zip(layout.pack(sample)) {
                let places = slots.iter_mut().skip(b).step_by(width);
                places.zip(own).for_each(|(slot, value)| *slot = value);
            }
        }
        Ok(all)
    }

    fn check_sample(&self, sample: &[f64]) -> Result<(), Error> {
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
        match sample.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(i) => Err(Error::Data {
                why: format!(
                    "value {i} of {} is {}, expected a finite number",
                    self.name, sample[i]
                ),
                help: "check how the input was made".to_owned(),
            }),
        }
    }
}
