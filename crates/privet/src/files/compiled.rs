//! Compiled networks and the client's part of them.

use super::{Header, content, decode, encode};
use crate::client::circuit_id;
use crate::{Client, Compiled, Error, Port};
use circuit::{Circuit, CircuitForm, CircuitParts};
use format::{FileKind, Options, Reader, Writer};
use params::{Level, Params};
use std::path::Path;

const CLIENT: &str = "client";
const CIRCUIT: &str = "circuit";
const NUMBERS: &str = "numbers";
const SLOTS: &str = "slots";
const REPORT: &str = "report";
/// Most ciphertexts of an input, and of all results together.
const MAX_CIPHERTEXTS: u32 = 1 << 12;

impl Compiled {
    /// Writes circuit, weights and the client's part; not the network it was compiled from.
    ///
    /// # Errors
    /// [`Error::File`] if the file exists and may not be overwritten, or the disk refuses.
    pub fn save(&self, path: impl AsRef<Path>, overwrite: bool) -> Result<(), Error> {
        let path = path.as_ref();
        let options = Options {
            secret: false,
            overwrite,
        };
        let header = Header::new(&self.client, None, None);
        let mut writer = Writer::create(
            path,
            FileKind::Compiled,
            self.client.params()?.id().0,
            &header,
            options,
        )?;
        let parts = self.circuit.to_parts();
        writer.section(CLIENT, &encode(path, &self.client)?)?;
        writer.section(CIRCUIT, &encode(path, &parts.form)?)?;
        writer.section_parts(
            NUMBERS,
            parts
                .numbers
                .chunks(8192)
                .map(|c| c.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()),
        )?;
        writer.section_parts(
            SLOTS,
            parts
                .slots
                .chunks(8192)
                .map(|c| c.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()),
        )?;
        writer.section(REPORT, self.report.to_json().as_bytes())?;
        Ok(writer.finish()?)
    }

    /// Reads a compiled network and checks all of it again: circuit, parameters, layouts, identity.
    ///
    /// # Errors
    /// [`Error::File`] if the file is no sound compiled network, [`Error::Content`] if its parts contradict one another.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let reader = Reader::open(path, FileKind::Compiled)?;
        let client = read_client(&reader)?;
        let form: CircuitForm = decode(&reader, CIRCUIT)?;
        let (n_numbers, n_slots) = form.declared();
        let numbers = words(&reader, NUMBERS, n_numbers)?
            .into_iter()
            .map(f64::from_le_bytes)
            .collect();
        let slots = words(&reader, SLOTS, n_slots)?
            .into_iter()
            .map(u32::from_le_bytes)
            .collect();
        let circuit = Circuit::from_parts(CircuitParts {
            form,
            numbers,
            slots,
        })
        .map_err(|e| content(path, e.to_string()))?;
        client
            .check_circuit(&circuit)
            .map_err(|why| content(path, why))?;
        let report = reader.section(REPORT)?;
        let report =
            String::from_utf8(report).map_err(|_| content(path, "the report is not text"))?;
        let report =
            report::Report::from_json(&report).map_err(|e| content(path, e.to_string()))?;
        Ok(Self {
            client,
            circuit,
            graph: None,
            passes: Vec::new(),
            report,
            precision: None,
        })
    }
}

/// Reads a section of `count` words.
fn words<const N: usize>(
    reader: &Reader,
    section: &str,
    count: u64,
) -> Result<Vec<[u8; N]>, Error> {
    let expected = count.checked_mul(N as u64);
    if let Some(found) = reader.section_length(section)
        && Some(found) != expected
    {
        let why = format!("section {section:?} has {found} bytes, expected {count} times {N}");
        return Err(content(reader.path(), why));
    }
    Ok(reader.section(section)?.as_chunks::<N>().0.to_vec())
}

impl Client {
    /// Writes what the data owner needs; no weights.
    ///
    /// # Errors
    /// [`Error::File`] if the file exists and may not be overwritten, or the disk refuses.
    pub fn save(&self, path: impl AsRef<Path>, overwrite: bool) -> Result<(), Error> {
        let path = path.as_ref();
        let options = Options {
            secret: false,
            overwrite,
        };
        let mut writer = Writer::create(
            path,
            FileKind::Client,
            self.params()?.id().0,
            &Header::new(self, None, None),
            options,
        )?;
        writer.section(CLIENT, &encode(path, self)?)?;
        Ok(writer.finish()?)
    }

    /// Reads a client file, or the client's part of a compiled network.
    ///
    /// # Errors
    /// [`Error::File`] if it is neither, [`Error::Content`] if its parts contradict one another.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let any = Reader::open_any(path)?;
        // Another kind is reported as not being a client file.
        let reader = if any.kind() == FileKind::Compiled {
            any
        } else {
            Reader::open(path, FileKind::Client)?
        };
        read_client(&reader)
    }

    /// Checks parameters and layouts by themselves.
    fn check(&self) -> Result<Params, String> {
        let params = self.params().map_err(|e| e.to_string())?;
        if self.input_level > params.max_level() {
            return Err(format!(
                "fresh ciphertexts at {}, the chain ends at {}",
                self.input_level,
                params.max_level()
            ));
        }
        let bits = self.input_scale.log2(params.q());
        let known = self.input_scale.value(params.q()).is_some();
        if !known || !(0.0..=params.log_q()).contains(&bits) {
            return Err(format!(
                "fresh ciphertexts have scale {}, expected 1 to 2^{:.1}",
                self.input_scale,
                params.log_q()
            ));
        }
        if self.result_limit.is_nan() || self.result_limit <= 0.0 {
            return Err(format!(
                "results are up to {}, expected a positive number",
                self.result_limit
            ));
        }
        if self.outputs.is_empty() {
            return Err("it has no outputs".to_owned());
        }
        for port in self.outputs.iter().chain([&self.input]) {
            port.check(&params, self.input.layout.n_slots)
                .map_err(|why| format!("{:?}: {why}", port.name))?;
        }
        if let Some(share) = &self.share {
            share.check_numbers()?;
            if self.batch_width() > 1 {
                return Err("results of a batch can not be shared".to_owned());
            }
        }
        if let Some(feed) = &self.feed {
            feed.check_numbers().map_err(|e| e.to_string())?;
        }
        let n_results = self
            .outputs
            .iter()
            .map(|o| u64::from(o.layout.n_ciphertexts));
        let n_results: u64 = n_results.sum();
        if n_results > u64::from(MAX_CIPHERTEXTS) {
            return Err(format!(
                "{n_results} ciphertexts of results, expected at most {MAX_CIPHERTEXTS}"
            ));
        }
        let bad = |level: &Level| *level > params.max_level();
        let keys = &self.keys;
        let amounts_fit = keys
            .rotations
            .keys()
            .all(|r| !r.is_zero() && (r.amount() as usize) < params.n_slots());
        if !amounts_fit
            || keys
                .rotations
                .values()
                .chain(&keys.conjugation)
                .chain(&keys.relinearization)
                .any(bad)
        {
            return Err(
                "the key manifest asks for keys that these parameters do not have".to_owned(),
            );
        }
        Ok(params)
    }

    /// Checks that this is the client's part of a circuit.
    fn check_circuit(&self, circuit: &Circuit) -> Result<(), String> {
        if circuit_id(circuit, self.share.as_ref()) != self.circuit_id {
            return Err("the circuit is not the one its identity names".to_owned());
        }
        if circuit.params().map(Params::spec) != Some(&self.spec)
            || circuit.keys() != Some(&self.keys)
        {
            return Err("circuit and client part have different parameters or keys".to_owned());
        }
        let inputs_agree = circuit.inputs().iter().all(|i| {
            i.level == Some(self.input_level) && i.scale.as_ref() == Some(&self.input_scale)
        });
        let n_outputs: usize = self
            .outputs
            .iter()
            .map(|o| o.layout.n_ciphertexts as usize)
            .sum();
        if !inputs_agree
            || circuit.inputs().len() != self.input.layout.n_ciphertexts as usize
            || circuit.outputs().len() != n_outputs
        {
            return Err("circuit and client part have different inputs or outputs".to_owned());
        }
        let width = self.batch_width();
        if !circuit.moves_by(width as u32) {
            return Err(format!("the circuit mixes the {width} samples of a batch"));
        }
        let facts = circuit::facts(circuit).map_err(|e| e.to_string())?;
        if let Some(i) = facts
            .iter()
            .position(|f| f.level.is_none() || f.scale.is_none())
        {
            return Err(format!("%{i} has no level or no scale"));
        }
        match &self.share {
            Some(share) => share.check(self, circuit),
            None => Ok(()),
        }
    }
}

impl Port {
    /// Checks by itself a port whose samples have `n_slots` of the slots each.
    fn check(&self, params: &Params, n_slots: u32) -> Result<(), String> {
        let layout = &self.layout;
        if layout.n_slots != n_slots
            || layout.n_slots as usize > params.n_slots()
            || !(1..=MAX_CIPHERTEXTS).contains(&layout.n_ciphertexts)
        {
            return Err(format!(
                "{} ciphertexts of {} slots per sample, expected at most {MAX_CIPHERTEXTS} of {n_slots}, all in {}",
                layout.n_ciphertexts,
                layout.n_slots,
                params.n_slots()
            ));
        }
        layout.check().map_err(|e| e.to_string())?;
        let elements = self.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if elements != Some(layout.n_elements as usize) {
            return Err(format!(
                "a layout of {} elements for the shape {:?}",
                layout.n_elements, self.shape
            ));
        }
        match self.range {
            Some(r) if !(r.low.is_finite() && r.high.is_finite() && r.low <= r.high) => {
                Err(format!("the range {}..{} is none", r.low, r.high))
            }
            _ => Ok(()),
        }
    }
}

fn read_client(reader: &Reader) -> Result<Client, Error> {
    let header: Header = reader.header()?;
    let client: Client = decode(reader, CLIENT)?;
    let params = client.check().map_err(|why| content(reader.path(), why))?;
    reader.check_params(&params.id().0)?;
    if header.circuit_id != client.circuit_id {
        return Err(content(
            reader.path(),
            "header and client part name different circuits",
        ));
    }
    Ok(client)
}
