//! How exact decrypted results will be.

use crate::{Client, Compiled, Error};
use circuit::{JointError, Prediction, ResultErrors, Sketch, SlotError, predict};
use pass::{PipelineError, Refusal};
use rayon::prelude::*;

/// Probability that no error exceeds the predicted one.
const PROBABILITY: f64 = 0.99;
/// Values whose error is followed back through the circuit; errors of others are scaled from the forward estimate.
const EXACT: usize = 12;
/// Typical samples on which errors are estimated.
const SAMPLES: usize = 16;

/// A predicted error beyond this share of the largest result is refused.
const WORST_ERROR: f64 = 0.01;

/// Predicted errors of a network's results.
///
/// Precision is −log2 of the largest absolute error of any output value. The reference is the exact value of the
/// compiled circuit: what polynomial activations change is no error here.
#[derive(Clone, Debug, PartialEq)]
pub struct Precision {
    errors: ResultErrors,
    largest: f64,
}

impl Precision {
    /// Follows the errors of CKKS through the circuit, without keys, on each of the samples.
    ///
    /// # Cost
    /// Twice that of evaluating the circuit in slots per sample, and once per output value, [`EXACT`] at most.
    ///
    /// # Errors
    /// [`Error::Data`] if there is no sample or one does not fit.
    pub(crate) fn predict(compiled: &Compiled, samples: &[Vec<f64>]) -> Result<Self, Error> {
        let places = places(&compiled.client);
        let forward = |sample: &Vec<f64>| -> Result<Prediction<'_>, Error> {
            let invalid =
                |e: circuit::CircuitError| exec::ExecError::Circuit { why: e.to_string() };
            Ok(predict(&compiled.circuit, &compiled.slots(sample)?).map_err(invalid)?)
        };
        // Of a prediction only two numbers are kept; that of the worst sample is made again.
        let sizes: Vec<(f64, f64)> = samples
            .par_iter()
            .map(|sample| {
                let prediction = forward(sample)?;
                let each = places.iter();
                let sum = each.map(|&(output, slot)| prediction.estimates()[output][slot]);
                let values = compiled.client.unpack(prediction.outputs(), 1, 1).concat();
                Ok((sum.sum(), values.iter().fold(0.0f64, |m, v| m.max(v.abs()))))
            })
            .collect::<Result<_, Error>>()?;
        let worst = (0..sizes.len()).max_by(|&a, &b| sizes[a].0.total_cmp(&sizes[b].0));
        let worst = worst.ok_or_else(|| Error::Data {
            why: "no sample to predict the precision on".to_owned(),
            help: "give at least one".to_owned(),
        })?;
        let most = sizes[worst].0.max(f64::MIN_POSITIVE);
        let (followed, others) = follow(&forward(&samples[worst])?, &places);
        Ok(Self {
            errors: ResultErrors {
                followed,
                others,
                inputs: sizes.iter().map(|(sum, _)| sum / most).collect(),
            },
            largest: sizes.iter().fold(0.0, |m, (_, l)| l.max(m)),
        })
    }

    /// Largest magnitude of any output value.
    pub fn largest(&self) -> f64 {
        self.largest
    }

    /// The error that all values of so many results under one key stay below, in 99 of 100 cases. The results are spread
    /// evenly over the samples.
    pub fn error(&self, results: usize) -> f64 {
        self.errors.worst(results, PROBABILITY)
    }

    /// −log2 of [`Precision::error`].
    pub fn bits(&self, results: usize) -> f64 {
        -self.error(results).max(f64::MIN_POSITIVE).log2()
    }
}

/// The errors at these results and slots: of those that are followed back, and estimates for the others, corrected as
/// the first ones were.
fn follow(prediction: &Prediction<'_>, places: &[(usize, usize)]) -> (JointError, Vec<SlotError>) {
    let estimate = |i: usize| {
        let (output, slot) = places[i];
        prediction.estimates()[output][slot].max(f64::MIN_POSITIVE)
    };
    let order = chosen(places.len(), estimate);
    let exact: Vec<(SlotError, Sketch)> = order
        .par_iter()
        .map(|&i| prediction.slot(places[i].0, places[i].1))
        .collect();
    let n = exact.len().max(1) as f64;
    let pairs = order.iter().zip(&exact);
    let ratio = pairs
        .map(|(&i, (e, _))| e.variance / estimate(i))
        .sum::<f64>()
        / n;
    let spread = exact.iter().map(|(e, _)| e.spread).sum::<f64>() / n;
    let others = (0..places.len()).filter(|i| !order.contains(i));
    let others = others.map(|i| SlotError {
        variance: estimate(i) * ratio,
        spread,
    });
    (JointError::new(&exact), others.collect())
}

/// Which of `n` values to follow back: all if they are few, else the largest, and as many from all over the rest.
fn chosen(n: usize, estimate: impl Fn(usize) -> f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| estimate(b).total_cmp(&estimate(a)));
    if n > EXACT {
        let step = (n / (EXACT / 2)).max(1);
        let rest: Vec<usize> = order[EXACT / 2..].iter().copied().step_by(step).collect();
        order.truncate(EXACT / 2);
        order.extend(rest);
    }
    order
}

impl Compiled {
    /// What CKKS's noise will do to the results of these samples.
    ///
    /// # Errors
    /// [`Error::Data`] if there is no sample or one does not fit.
    pub fn predict_for(&self, samples: &[Vec<f64>]) -> Result<Precision, Error> {
        Precision::predict(self, samples)
    }

    /// What CKKS's noise will do to the results of typical samples, of which [`SAMPLES`] are looked at; of a made-up one if
    /// none is given.
    ///
    /// # Errors
    /// [`Error::Compile`] if the error exceeds [`WORST_ERROR`] of the largest output: the result would mean nothing.
    pub(crate) fn predict_precision(&self, samples: &[Vec<f64>]) -> Result<Precision, Error> {
        let n = self.client.input.layout.n_elements;
        // Multiples of the golden ratio modulo one: spread evenly, the same everywhere.
        let made_up = || {
            (0..n)
                .map(|i| (f64::from(i) * 0.618_033_988_749_895).fract())
                .collect()
        };
        let precision = if samples.is_empty() {
            Precision::predict(self, &[made_up()])?
        } else {
            let step = samples.len().div_ceil(SAMPLES);
            let chosen: Vec<Vec<f64>> = samples.iter().step_by(step).cloned().collect();
            Precision::predict(self, &chosen)?
        };
        let (error, largest) = (precision.error(1), precision.largest());
        if error <= WORST_ERROR * largest || largest == 0.0 {
            return Ok(precision);
        }
        let scale_bits = self.client.spec.scale_bits;
        let why = format!(
            "results of {largest:.3e} would be off by {error:.1e}: values or weights are too far from 1 for a scale of 2^{scale_bits}"
        );
        let help = "rescale the model so that weights and activations lie near 1, or give typical inputs with --calibration";
        Err(PipelineError::Refused(Refusal::new(why).help(help)).into())
    }
}

/// Result and slot of every output value, all outputs one after another.
pub(crate) fn places(client: &Client) -> Vec<(usize, usize)> {
    let mut first = 0;
    let mut places = Vec::new();
    for output in &client.outputs {
        let layout = &output.layout;
        let n_slots = layout.n_slots as usize;
        places.extend((0..layout.n_elements).map(|element| {
            let at = layout.position(element) as usize;
            (first + at / n_slots, at % n_slots)
        }));
        first += layout.n_ciphertexts as usize;
    }
    places
}
