//! The data owner's side: keys, encryption, decryption.

use crate::{Error, Share};
use circuit::{Circuit, KeyManifest};
use ckks::{Basis, Ciphertext, Context, EvaluationKeys, Randomness, SecretKey};
use exec::Progress;
use graph::{Graph, NodeId, ValueRange};
use layout::Periodic;
use params::{Level, Params, ParamsSpec, Scale};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A network input or output in slots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Port {
    /// The ONNX value's name.
    pub name: String,
    /// Shape of one sample.
    pub shape: Vec<usize>,
    /// Where the elements of one sample sit, in the slots that belong to it: see [`Client::batch_width`].
    pub layout: Periodic,
    /// Bounds seen on calibration data, or on made-up inputs.
    pub range: Option<ValueRange>,
}

/// What the data owner needs to know of a compiled network: parameters, layouts, keys to make. No weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// The model's name.
    pub model: String,
    /// Identity of the circuit.
    pub circuit_id: [u8; 32],
    /// Sizes of the parameters.
    pub spec: ParamsSpec,
    /// Level of fresh ciphertexts.
    pub input_level: Level,
    /// Scale of fresh ciphertexts.
    pub input_scale: Scale,
    /// The network's input.
    pub input: Port,
    /// The network's outputs in order.
    pub outputs: Vec<Port>,
    /// Keys to make.
    pub keys: KeyManifest,
    /// Largest magnitude a result can have; beyond it, it wraps around unnoticed.
    pub result_limit: f64,
    /// What sharing decrypted results rests on; absent where they must not be shared.
    pub share: Option<Share>,
    /// Calibration samples that the ranges come from; 0 where made-up inputs stood in.
    pub n_calibration: u32,
    /// How the numbers of a file become an input, where the network was compiled with something said about it.
    pub feed: Option<input::Feed>,
}

/// A secret key and the evaluation keys made from it.
pub struct Keys {
    /// Stays with the data owner.
    pub secret: SecretKey,
    /// Goes to the server.
    pub evaluation: EvaluationKeys,
    /// Names this key pair in files.
    pub key_id: [u8; 16],
}

/// Ciphertexts of samples that lie side by side, or of their results.
#[derive(Clone)]
pub struct Encrypted {
    /// In layout order.
    pub cts: Vec<Ciphertext>,
    /// Samples in them.
    pub n_samples: u32,
    /// The key pair they are encrypted under.
    pub key_id: [u8; 16],
    /// The circuit they were made for.
    pub circuit_id: [u8; 32],
}

impl Client {
    /// Extracts the client's part; `None` until parameters, levels and keys are known.
    pub(crate) fn new(graph: &Graph, circuit: &Circuit, model: &str) -> Option<Self> {
        let port = |id: NodeId| {
            let node = graph.node(id);
            Some(Port {
                name: node.name.clone(),
                shape: node.shape.clone(),
                layout: node.facts.layout.clone()?,
                range: node.facts.range,
            })
        };
        let fact = circuit.inputs().first()?;
        Some(Self {
            model: model.to_owned(),
            circuit_id: circuit_id(circuit, None),
            spec: circuit.params()?.spec().clone(),
            input_level: fact.level?,
            input_scale: fact.scale.clone()?,
            input: port(*graph.inputs().first()?)?,
            outputs: graph
                .outputs()
                .iter()
                .map(|&o| port(o))
                .collect::<Option<_>>()?,
            keys: circuit.keys()?.clone(),
            result_limit: result_limit(circuit)?,
            share: None,
            n_calibration: 0,
            feed: None,
        })
    }

    /// The parameters, checked against the security table again.
    ///
    /// # Errors
    /// [`Error::Params`] if they are not secure.
    pub fn params(&self) -> Result<Params, Error> {
        Ok(Params::new(self.spec.clone())?)
    }

    /// Tables for encryption and evaluation.
    ///
    /// # Errors
    /// As [`Client::params`].
    pub fn context(&self) -> Result<Context, Error> {
        Ok(Context::new(&self.params()?)?)
    }

    /// Makes a secret key and exactly the evaluation keys the circuit uses.
    pub fn keygen(&self, ctx: &Context, progress: &Progress<'_>) -> Keys {
        let mut randomness = Randomness::from_os();
        let secret = SecretKey::generate(ctx, &mut randomness);
        let evaluation = exec::make_keys(ctx, &secret, &self.keys, &mut randomness, progress);
        let key_id = key_id(&secret);
        Keys {
            secret,
            evaluation,
            key_id,
        }
    }

    /// Samples that lie side by side in each ciphertext: slot `s` of sample `b` is slot `s · width + b`.
    pub fn batch_width(&self) -> usize {
        let n_slots = 1usize << (self.spec.log_n - 1);
        n_slots / (self.input.layout.n_slots as usize).clamp(1, n_slots)
    }

    /// Packs, encodes and encrypts one sample.
    ///
    /// # Errors
    /// As [`Client::encrypt_batch`].
    pub fn encrypt(
        &self,
        ctx: &Context,
        secret: &SecretKey,
        sample: &[f64],
    ) -> Result<Encrypted, Error> {
        self.encrypt_batch(ctx, secret, &[sample])
    }

    /// Packs, encodes and encrypts samples side by side, as many as [`Client::batch_width`] at most.
    ///
    /// # Errors
    /// [`Error::Data`] if there is none or too many, or one has the wrong length, is not finite or exceeds the bound for
    /// shared results, [`Error::Ckks`] if it is too large for the scale.
    pub fn encrypt_batch(
        &self,
        ctx: &Context,
        secret: &SecretKey,
        samples: &[&[f64]],
    ) -> Result<Encrypted, Error> {
        for sample in samples {
            self.check_input_bound(sample)?;
        }
        let mut randomness = Randomness::from_os();
        let encrypt = |slots: Vec<f64>| {
            let slots = Zeroizing::new(slots);
            let plaintext = ctx.encode(&slots, &self.input_scale, self.input_level, Basis::Q)?;
            Ok(ctx.encrypt(&Zeroizing::new(plaintext), secret, &mut randomness))
        };
        let cts = self
            .input
            .pack(samples, self.batch_width())?
            .into_iter()
            .map(encrypt)
            .collect::<Result<_, Error>>()?;
        Ok(Encrypted {
            cts,
            n_samples: samples.len() as u32,
            key_id: key_id(secret),
            circuit_id: self.circuit_id,
        })
    }

    /// Decrypts a result and unpacks its first sample, all outputs one after another.
    ///
    /// # Errors
    /// As [`Client::decrypt_batch`].
    pub fn decrypt(
        &self,
        ctx: &Context,
        secret: &SecretKey,
        result: &Encrypted,
    ) -> Result<Vec<f64>, Error> {
        let mut all = self.decrypt_batch(ctx, secret, result)?;
        Ok(all.swap_remove(0))
    }

    /// Decrypts a result and unpacks it sample by sample, all outputs of each one after another. What lies between
    /// ciphertext and values is wiped.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if it was encrypted under another key or made by another circuit; [`Error::Data`] if it holds
    /// another number of samples than fit.
    pub fn decrypt_batch(
        &self,
        ctx: &Context,
        secret: &SecretKey,
        result: &Encrypted,
    ) -> Result<Vec<Vec<f64>>, Error> {
        let (n_samples, width) = (result.n_samples as usize, self.batch_width());
        if !(1..=width).contains(&n_samples) {
            return Err(Error::Data {
                why: format!("a result of {n_samples} samples, the network takes 1 to {width}"),
                help: "decrypt what a run of this network wrote".to_owned(),
            });
        }
        let needed: u32 = self.outputs.iter().map(|o| o.layout.n_ciphertexts).sum();
        if result.circuit_id != self.circuit_id || result.cts.len() != needed as usize {
            return Err(mismatch(
                "the result",
                "another circuit",
                "this one",
                "decrypt with the circuit that was run",
            ));
        }
        if result.key_id != key_id(secret) {
            return Err(mismatch(
                "the result",
                "another key",
                "this one",
                "decrypt with the secret key that encrypted the input",
            ));
        }
        let decode = |ct| ctx.decode(&Zeroizing::new(ctx.decrypt(ct, secret)));
        let slots: Zeroizing<Vec<Vec<f64>>> =
            Zeroizing::new(result.cts.iter().map(decode).collect());
        Ok(self.unpack(&slots, n_samples, width))
    }

    /// Elements of all outputs, per sample, from slots that `width` samples share.
    pub(crate) fn unpack(
        &self,
        slots: &[Vec<f64>],
        n_samples: usize,
        width: usize,
    ) -> Vec<Vec<f64>> {
        let mut values = vec![Vec::new(); n_samples];
        for (b, values) in values.iter_mut().enumerate() {
            let own = |slots: &Vec<f64>| slots.iter().skip(b).step_by(width).copied().collect();
            let own = Zeroizing::new(slots.iter().map(own).collect::<Vec<Vec<f64>>>());
            let mut from = 0;
            for output in &self.outputs {
                let to = from + output.layout.n_ciphertexts as usize;
                values.extend(output.layout.unpack(&own[from..to]));
                from = to;
            }
        }
        values
    }

    /// How many values of a sample leave the calibrated range, and by how much at most.
    pub fn out_of_range(&self, sample: &[f64]) -> (usize, f64) {
        let Some(range) = self.input.range else {
            return (0, 0.0);
        };
        let excess = |v: f64| (range.low - v).max(v - range.high);
        let outside: Vec<f64> = sample
            .iter()
            .map(|&v| excess(v))
            .filter(|e| *e > 0.0)
            .collect();
        (outside.len(), outside.into_iter().fold(0.0, f64::max))
    }
}

/// Identity of a circuit and of the terms on which its results are shared: a hash of its text, which is not kept. A
/// ciphertext made on other terms is one for another circuit.
pub(crate) fn circuit_id(circuit: &Circuit, share: Option<&Share>) -> [u8; 32] {
    struct Text(blake3::Hasher);
    impl std::fmt::Write for Text {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    let mut text = Text(blake3::Hasher::new());
    circuit::write_text(circuit, circuit::Detail::Values, &mut text)
        .expect("hashing takes any text");
    if let Some(share) = share {
        text.0.update(&share.results.to_le_bytes());
        text.0.update(&share.input_bound.to_le_bytes());
    }
    *text.0.finalize().as_bytes()
}

/// Half the modulus over the scale, least over all results.
fn result_limit(circuit: &Circuit) -> Option<f64> {
    let params = circuit.params()?;
    let facts = circuit::facts(circuit).ok()?;
    let limit = |o: &circuit::ValueId| {
        let fact = &facts[o.index()];
        let log_q: f64 = params.q()[..fact.level?.n_limbs()]
            .iter()
            .map(|&q| (q as f64).log2())
            .sum();
        Some((log_q - 1.0 - fact.scale.as_ref()?.log2(params.q())).exp2())
    };
    circuit
        .outputs()
        .iter()
        .map(limit)
        .try_fold(f64::INFINITY, |least, l| Some(least.min(l?)))
}

pub(crate) fn mismatch(what: &str, found: &str, expected: &str, help: &str) -> Error {
    Error::Mismatch {
        what: what.to_owned(),
        found: found.to_owned(),
        expected: expected.to_owned(),
        help: help.to_owned(),
    }
}

/// Public name of a secret key: a hash under its own label, which says nothing about the key.
pub(crate) fn key_id(secret: &SecretKey) -> [u8; 16] {
    let hash = blake3::derive_key("privet key id v1", &secret.to_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    id
}
