//! Plaintext, polynomial and encrypted results side by side.

use crate::model::evaluate;
use crate::{Client, ClientRefresh, Compiled, Encrypted, Error, Model, key_id, short_id};
use ckks::{Context, Randomness, SecretKey};
use exec::{
    CkksBackend, CkksValue, Encoded, KeySource, KeyUse, MemoryPlan, Progress, Refresher, Run,
};
use rayon::prelude::*;
use std::borrow::Cow;

/// What to compare.
#[derive(Clone, Debug, Default)]
pub struct CheckOptions {
    /// True classes, one per sample, for accuracies.
    pub labels: Option<Vec<u32>>,
    /// How many of the first samples are encrypted too, as many in a run as lie side by side.
    pub encrypted: usize,
    /// How keys and encoded weights are held; all in memory if absent. With [`KeyUse::Scheduled`] the keys go to a file
    /// in the system's folder for temporary ones, which is gone when the check ends.
    pub plan: Option<MemoryPlan>,
}

/// Two kinds of results compared over samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Samples compared.
    pub samples: usize,
    /// Samples whose largest output is the same.
    pub same_argmax: usize,
    /// Largest difference of any output.
    pub max_abs: f64,
    /// Largest magnitude of any output of the reference.
    pub largest: f64,
}

impl Comparison {
    /// Adds one sample.
    pub fn add(&mut self, reference: &[f64], found: &[f64]) {
        self.samples += 1;
        self.same_argmax += usize::from(argmax(reference) == argmax(found));
        let gap = |(a, b): (&f64, &f64)| (a - b).abs();
        // A value that is not a number is an unbounded error, not none.
        let worst = reference.iter().zip(found).map(gap).fold(0.0, |m: f64, d| {
            if d.is_nan() { f64::INFINITY } else { m.max(d) }
        });
        self.max_abs = self.max_abs.max(worst);
        self.largest = reference.iter().fold(self.largest, |m, v| m.max(v.abs()));
    }

    /// Largest difference as a share of the largest output.
    pub fn max_rel(&self) -> f64 {
        if self.largest > 0.0 {
            self.max_abs / self.largest
        } else {
            0.0
        }
    }
}

/// Index of the largest value, the first of equals.
pub fn argmax(values: &[f64]) -> Option<usize> {
    let better = |best: Option<(usize, f64)>, (i, &v): (usize, &f64)| match best {
        Some((_, b)) if v <= b => best,
        _ => Some((i, v)),
    };
    values.iter().enumerate().fold(None, better).map(|(i, _)| i)
}

/// The result of a check.
#[derive(Clone, Debug, Default)]
pub struct Check {
    /// Samples evaluated in plain.
    pub samples: usize,
    /// Shares of samples classified correctly, where labels were given: plaintext, polynomial, encrypted.
    pub accuracy: Option<[Option<f64>; 3]>,
    /// Polynomial against plaintext network.
    pub polynomial: Comparison,
    /// Decrypted against polynomial network.
    pub encrypted: Comparison,
    /// Largest magnitude of any output of the polynomial network.
    pub largest_result: f64,
    /// Values of all samples outside the calibrated input range, and the largest excess.
    pub out_of_range: (usize, f64),
    /// Milliseconds of each run, without encryption and decryption.
    pub run_ms: Vec<f64>,
    /// Samples of a run, the last of which may have fewer.
    pub samples_per_run: usize,
    /// Bits of precision that were predicted for so many encrypted samples.
    pub predicted_bits: Option<f64>,
    /// Bytes of the weights that were encoded before the runs; the rest was encoded in each.
    pub kept_plaintext_bytes: u64,
    /// Bytes that refreshes by the client sent, both ways, in each run.
    pub refresh_bytes: u64,
    /// Whether executed counts were the planned ones, in every run.
    pub counts_agree: bool,
}

impl From<Encrypted> for Cow<'_, Encrypted> {
    fn from(encrypted: Encrypted) -> Self {
        Cow::Owned(encrypted)
    }
}

impl<'a> From<&'a Encrypted> for Cow<'a, Encrypted> {
    fn from(encrypted: &'a Encrypted) -> Self {
        Cow::Borrowed(encrypted)
    }
}

/// Result of an encrypted run, what the runner says of it, and the operations that it executed.
pub type Executed = (Encrypted, Run<CkksValue>, circuit::Counts);

/// Runs encrypted samples with keys and weights at hand, without the client. The results are taken out of what is said
/// about the run.
///
/// # Errors
/// [`Error::Run`] if keys or ciphertexts do not fit, or the client has to refresh values.
pub fn run_encrypted<'a>(
    ctx: &Context,
    compiled: &Compiled,
    keys: &dyn KeySource,
    encoded: &Encoded,
    input: impl Into<Cow<'a, Encrypted>>,
    progress: &Progress<'_>,
) -> Result<Executed, Error> {
    run_refreshed(ctx, compiled, keys, encoded, input, None, progress)
}

/// As [`run_encrypted`], with a client who refreshes values where the circuit asks for it.
///
/// # Errors
/// [`Error::Run`] if keys or ciphertexts do not fit, or refreshes are needed and there is no client.
pub fn run_refreshed<'a>(
    ctx: &Context,
    compiled: &Compiled,
    keys: &dyn KeySource,
    encoded: &Encoded,
    input: impl Into<Cow<'a, Encrypted>>,
    client: Option<&dyn Refresher>,
    progress: &Progress<'_>,
) -> Result<Executed, Error> {
    let backend = CkksBackend::new(ctx, &compiled.circuit, keys, encoded, client)?;
    // Inputs that are given away are dropped after their last use.
    let input = input.into().into_owned();
    let inputs = input.cts.into_iter().map(CkksValue::Ct).collect();
    let mut run = exec::run_owned(&backend, &compiled.circuit, inputs, progress)?;
    let cts = std::mem::take(&mut run.outputs)
        .into_iter()
        .filter_map(|v| match v {
            CkksValue::Ct(ct) => Some(ct),
            _ => None,
        })
        .collect();
    Ok((
        Encrypted {
            cts,
            n_samples: input.n_samples,
            key_id: input.key_id,
            circuit_id: input.circuit_id,
        },
        run,
        backend.counts(),
    ))
}

impl Compiled {
    /// Runs the circuit on encrypted samples, encoding weights as they are used.
    ///
    /// # Errors
    /// [`Error::Run`] if keys or ciphertexts do not fit.
    pub fn run(
        &self,
        ctx: &Context,
        keys: &dyn KeySource,
        input: &Encrypted,
    ) -> Result<Encrypted, Error> {
        let encoded = CkksBackend::encode_ahead(ctx, &self.circuit, 0, &exec::silent)?;
        run_encrypted(ctx, self, keys, &encoded, input, &exec::silent).map(|(result, ..)| result)
    }
}

/// A secret key, and its evaluation keys where `key_use` wants them: in memory, or in a file in the system's folder for
/// temporary ones, which is gone with them.
///
/// # Errors
/// [`Error::File`] if the file can not be written.
pub fn make_keys(
    client: &Client,
    ctx: &Context,
    key_use: KeyUse,
    progress: &Progress<'_>,
) -> Result<(SecretKey, Box<dyn KeySource>), Error> {
    if key_use == KeyUse::Resident {
        let keys = client.keygen(ctx, progress);
        return Ok((keys.secret, Box::new(keys.evaluation)));
    }
    let secret = SecretKey::generate(ctx, &mut Randomness::from_os());
    let id = short_id(&key_id(&secret));
    let path = std::env::temp_dir().join(format!("privet-{}-{id}.keys", std::process::id()));
    client.make_evaluation(ctx, &secret, &path, false, progress)?;
    let keys = client.load_evaluation(ctx, &path);
    // Open as it is, the file needs no name, and goes when it is closed.
    let _ = std::fs::remove_file(&path);
    Ok((secret, Box::new(keys?)))
}

/// Compares the three networks on samples; the first `encrypted` ones are encrypted, run and decrypted.
///
/// # Errors
/// [`Error::Data`] if labels and samples differ in number, and whatever evaluating, encrypting or running returns.
pub fn check(
    model: &Model,
    compiled: &Compiled,
    samples: &[Vec<f64>],
    options: &CheckOptions,
    progress: &Progress<'_>,
) -> Result<Check, Error> {
    if let Some(labels) = options.labels.as_ref().filter(|l| l.len() != samples.len()) {
        let why = format!("{} samples and {} labels", samples.len(), labels.len());
        return Err(Error::Data {
            why,
            help: "give one label per sample".to_owned(),
        });
    }
    let graph = compiled.graph.as_ref().ok_or_else(|| Error::Data {
        why: "a compiled file holds no network to compare with".to_owned(),
        help: "check the ONNX file".to_owned(),
    })?;
    let pairs: Vec<(Vec<f64>, Vec<f64>)> = samples
        .par_iter()
        .map(|s| Ok((evaluate(&model.graph, s)?, evaluate(graph, s)?)))
        .collect::<Result<_, Error>>()?;
    let mut result = Check {
        samples: samples.len(),
        counts_agree: true,
        ..Check::default()
    };
    pairs
        .iter()
        .for_each(|(plain, polynomial)| result.polynomial.add(plain, polynomial));
    result.largest_result = pairs
        .iter()
        .flat_map(|p| &p.1)
        .fold(0.0, |m, v| m.max(v.abs()));
    for sample in samples {
        let (n, excess) = compiled.client.out_of_range(sample);
        result.out_of_range = (result.out_of_range.0 + n, result.out_of_range.1.max(excess));
    }
    let mut decrypted: Vec<Vec<f64>> = Vec::new();
    if options.encrypted > 0 {
        let planned = circuit::counts(&compiled.circuit);
        let ctx = compiled.client.context()?;
        let key_use = options.plan.map_or(KeyUse::Resident, |plan| plan.key_use);
        let budget = options.plan.map_or(u64::MAX, |p| p.kept_plaintext_bytes);
        let (secret, keys) = make_keys(&compiled.client, &ctx, key_use, &exec::silent)?;
        let encoded = CkksBackend::encode_ahead(&ctx, &compiled.circuit, budget, &exec::silent)?;
        result.kept_plaintext_bytes = encoded.bytes();
        let total = options.encrypted.min(samples.len());
        // Errors differ by input: what was predicted for typical ones is not for these.
        let precision = compiled.predict_for(&samples[..total])?;
        result.predicted_bits = Some(precision.bits(total));
        let width = compiled.client.batch_width();
        result.samples_per_run = width.min(total);
        for group in samples[..total].chunks(width) {
            let group: Vec<&[f64]> = group.iter().map(Vec::as_slice).collect();
            let input = compiled.client.encrypt_batch(&ctx, &secret, &group)?;
            let start = std::time::Instant::now();
            let owner = ClientRefresh::new(&ctx, &secret);
            let (output, _, executed) = run_refreshed(
                &ctx,
                compiled,
                &*keys,
                &encoded,
                input,
                Some(&owner),
                &exec::silent,
            )?;
            result.run_ms.push(start.elapsed().as_secs_f64() * 1e3);
            result.refresh_bytes = owner.bytes();
            result.counts_agree &= executed == planned;
            for values in compiled.client.decrypt_batch(&ctx, &secret, &output)? {
                result.encrypted.add(&pairs[decrypted.len()].1, &values);
                decrypted.push(values);
            }
            progress(decrypted.len(), total);
        }
    }
    result.accuracy = options.labels.as_ref().map(|labels| {
        let share = |outputs: &mut dyn Iterator<Item = &Vec<f64>>| {
            let hits: Vec<bool> = outputs
                .zip(labels)
                .map(|(o, &l)| argmax(o) == Some(l as usize))
                .collect();
            (!hits.is_empty())
                .then(|| hits.iter().filter(|h| **h).count() as f64 / hits.len() as f64)
        };
        [
            share(&mut pairs.iter().map(|p| &p.0)),
            share(&mut pairs.iter().map(|p| &p.1)),
            share(&mut decrypted.iter()),
        ]
    });
    Ok(result)
}
