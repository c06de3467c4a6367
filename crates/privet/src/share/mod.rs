//! Decrypted results that may be given away.
//!
//! A CKKS result carries the error of its ciphertext, from which the key follows. Where results are to be shared, the
//! compiler bounds that error for every admissible input, makes the scale large enough, and the data owner adds Gaussian
//! noise that hides it.

mod flood;
mod plan;

pub use flood::Shared;
pub(crate) use plan::smallest_ring;

use crate::{Client, Error};
use circuit::{Circuit, worst_case};
use serde::{Deserialize, Serialize};

/// Statistical security of shared results, in bits.
pub const STATISTICAL_BITS: u32 = 30;

/// What the user asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShareOptions {
    /// Results that will be shared under one key, at most.
    pub results: u32,
    /// Largest magnitude of an input value; that of the calibration samples if absent.
    pub input_bound: Option<f64>,
}

/// What was proven about a circuit, so that its results can be shared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Results that may be shared under one key.
    pub results: u32,
    /// Largest magnitude of an input value; `encrypt` refuses others.
    pub input_bound: f64,
    /// Largest error of any output value, for all admissible inputs, decoding in double precision included.
    pub error_bound: f64,
    /// Deviation of the noise that sharing adds to each output value.
    pub deviation: f64,
}

impl Share {
    /// Bounds the error of a circuit's output values.
    ///
    /// # Errors
    /// [`circuit::WorstError`] if a value may wrap around.
    pub(crate) fn certify(
        client: &Client,
        circuit: &Circuit,
        results: u32,
        input_bound: f64,
    ) -> Result<Self, circuit::WorstError> {
        let bounds = worst_case(circuit, input_bound)?;
        let places = crate::precision::places(client);
        let of_circuit = places
            .iter()
            .map(|&(output, slot)| bounds[output].error[slot]);
        let error = of_circuit.fold(0.0, f64::max);
        let decoding = bounds
            .iter()
            .map(|b| decoding(&b.value, &b.error))
            .fold(0.0, f64::max);
        let error_bound = error + decoding;
        let noise = flood::Noise::new(places.len(), results, error_bound);
        Ok(Self {
            results,
            input_bound,
            error_bound,
            deviation: noise.map_or(f64::INFINITY, |n| n.deviation()),
        })
    }

    /// Checks that the numbers mean something.
    pub(crate) fn check_numbers(&self) -> Result<(), String> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        let all = [self.input_bound, self.error_bound, self.deviation];
        if self.results > 0 && all.into_iter().all(positive) {
            Ok(())
        } else {
            Err(format!("{self:?} bounds nothing"))
        }
    }

    /// Checks what a file says against the circuit.
    pub(crate) fn check(&self, client: &Client, circuit: &Circuit) -> Result<(), String> {
        let own = Self::certify(client, circuit, self.results, self.input_bound)
            .map_err(|e| e.to_string())?;
        // The last bits may differ between machines.
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b;
        if close(self.error_bound, own.error_bound) && close(self.deviation, own.deviation) {
            Ok(())
        } else {
            Err(format!(
                "shared results are said to be off by at most {:.3e}, the circuit gives {:.3e}",
                self.error_bound, own.error_bound
            ))
        }
    }
}

/// Largest error that decoding in double precision makes in a slot.
///
/// The Fourier transform of `n` values has a relative error in the Euclidean norm below `log2(n) · 2^-50`, and its
/// operand one below `2^-50`; no slot's error exceeds the norm.
///
/// # Source
/// Higham, Accuracy and Stability of Numerical Algorithms, theorem 24.2.
fn decoding(value: &[f64], error: &[f64]) -> f64 {
    let squares = value.iter().zip(error).map(|(v, e)| (v + e).powi(2));
    let norm = squares.sum::<f64>().sqrt();
    ((value.len() as f64).log2() + 2.0) * norm / (1u64 << 50) as f64
}

impl Client {
    /// Refuses values that the bound on shared results does not cover.
    pub(crate) fn check_input_bound(&self, sample: &[f64]) -> Result<(), Error> {
        let Some(share) = &self.share else {
            return Ok(());
        };
        let largest = sample.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        if largest <= share.input_bound {
            return Ok(());
        }
        Err(Error::Data {
            why: format!(
                "an input value of {largest}, the network was compiled for shared results with inputs up to {}",
                share.input_bound
            ),
            help: format!("scale the input, or compile with --input-bound {largest}"),
        })
    }
}
