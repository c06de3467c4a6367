//! How exact decrypted results will be.

use crate::{Client, Compiled, Error};
use circuit::{Prediction, SlotError, predict, worst_error};
use pass::{PipelineError, Refusal};
use rayon::prelude::*;

/// Probability that no error exceeds the predicted one.
const PROBABILITY: f64 = 0.99;
/// Values whose error is followed back through the circuit; errors of others are scaled from the forward estimate.
const EXACT: usize = 12;
/// Samples on which errors are estimated.
const SAMPLES: usize = 16;

/// A predicted error beyond this share of the largest result is refused.
const WORST_ERROR: f64 = 0.01;
/// Predicted errors of a network's results.
///
/// Precision is −log2 of the largest absolute error of any output value. The reference is the exact value of the
/// compiled circuit: what polynomial activations change is no error here.
#[derive(Clone, Debug, PartialEq)]
pub struct Precision {
    /// Of each output value, on the sample where they are largest.
    errors: Vec<SlotError>,
    /// By sample, its variances as a share of those in `errors`.
    inputs: Vec<f64>,
    largest: f64,
}

impl Precision {
    /// Follows the errors of CKKS through the circuit, without keys and without random numbers, on at most [`SAMPLES`]
    /// of the samples, evenly spaced.
    ///
    /// # Cost
    /// Twice that of evaluating the circuit in slots per sample, and once per output value, [`EXACT`] at most.
    ///
    /// # Errors
    /// [`Error::Data`] if there is no sample or one does not fit.
    pub(crate) fn predict(compiled: &Compiled, samples: &[Vec<f64>]) -> Result<Self, Error> {
        let places = places(&compiled.client);
        let step = samples.len().div_ceil(SAMPLES).max(1);
        let chosen: Vec<&Vec<f64>> = samples.iter().step_by(step).collect();
        let predictions: Vec<Prediction<'_>> = chosen
            .par_iter()
            .map(|sample| {
                let inputs = compiled.slots(sample)?;
                let invalid =
                    |e: circuit::CircuitError| exec::ExecError::Circuit { why: e.to_string() };
                Ok(predict(&compiled.circuit, &inputs).map_err(invalid)?)
            })
            .collect::<Result<_, Error>>()?;
        let sum = |p: &Prediction<'_>| -> f64 {
            places
                .iter()
                .map(|&(output, slot)| p.estimates()[output][slot])
                .sum()
        };
        let sums: Vec<f64> = predictions.iter().map(sum).collect();
        let worst = (0..sums.len()).max_by(|&a, &b| sums[a].total_cmp(&sums[b]));
        let worst = worst.ok_or_else(|| Error::Data {
            why: "no sample to predict the precision on".to_owned(),
            help: "give at least one".to_owned(),
        })?;
        let largest = |p: &Prediction<'_>| {
            let values = compiled.client.unpack(p.outputs());
            values.iter().fold(0.0f64, |m, v| m.max(v.abs()))
        };
        Ok(Self {
            errors: follow(&predictions[worst], &places),
            inputs: sums
                .iter()
                .map(|s| s / sums[worst].max(f64::MIN_POSITIVE))
                .collect(),
            largest: predictions.iter().map(largest).fold(0.0, f64::max),
        })
    }

    /// Standard deviation of each output value's error, on the worst sample.
    pub fn deviations(&self) -> impl Iterator<Item = f64> {
        self.errors.iter().map(|e| e.variance.sqrt())
    }

    /// Largest magnitude of any output value.
    pub fn largest(&self) -> f64 {
        self.largest
    }

    /// The error that all values of so many results under one key stay below, in 99 of 100 cases.
    pub fn error(&self, results: usize) -> f64 {
        worst_error(&self.errors, &self.inputs, results.max(1), PROBABILITY)
    }

    /// −log2 of [`Precision::error`].
    pub fn bits(&self, results: usize) -> f64 {
        -self.error(results).max(f64::MIN_POSITIVE).log2()
    }
}

/// The errors at these results and slots: exact for some, for the others the estimate, corrected as those were.
fn follow(prediction: &Prediction<'_>, places: &[(usize, usize)]) -> Vec<SlotError> {
    let estimate = |i: usize| {
        let (output, slot) = places[i];
        prediction.estimates()[output][slot].max(f64::MIN_POSITIVE)
    };
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| estimate(b).total_cmp(&estimate(a)));
    if order.len() > EXACT {
        // The largest, and as many from all over the rest.
        let step = (order.len() / (EXACT / 2)).max(1);
        let rest: Vec<usize> = order[EXACT / 2..].iter().copied().step_by(step).collect();
        order.truncate(EXACT / 2);
        order.extend(rest);
    }
    let exact: Vec<SlotError> = order
        .par_iter()
        .map(|&i| prediction.slot(places[i].0, places[i].1))
        .collect();
    let n = exact.len().max(1) as f64;
    let ratios = order
        .iter()
        .zip(&exact)
        .map(|(&i, e)| e.variance / estimate(i));
    let (ratio, spread) = (
        ratios.sum::<f64>() / n,
        exact.iter().map(|e| e.spread).sum::<f64>() / n,
    );
    let mut errors: Vec<SlotError> = (0..places.len())
        .map(|i| SlotError {
            variance: estimate(i) * ratio,
            spread,
        })
        .collect();
    order
        .into_iter()
        .zip(exact)
        .for_each(|(i, e)| errors[i] = e);
    errors
}

impl Compiled {
    /// What CKKS's noise will do to results, on the worst of some samples; on a made-up one if none is given.
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
            Precision::predict(self, samples)?
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
