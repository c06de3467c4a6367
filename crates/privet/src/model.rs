//! An imported network.

use crate::Error;
use graph::Graph;
use onnx::ModelInfo;
use std::path::Path;

/// A trained network as it was imported.
#[derive(Clone, Debug)]
pub struct Model {
    /// The network, nothing changed.
    pub graph: Graph,
    /// Facts about the file.
    pub info: ModelInfo,
}

impl Model {
    /// Reads an ONNX file.
    ///
    /// # Errors
    /// [`Error::Import`] with the node, what was found and what is supported; [`Error::Data`] for one of Privet's own files.
    pub fn import(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        match onnx::import_file(path) {
            Ok(onnx::Imported { graph, info }) => Ok(Self { graph, info }),
            Err(_) if format::is_privet(path) => Err(Error::Data {
                why: format!(
                    "{} is one of Privet's own files, expected an ONNX model",
                    path.display()
                ),
                help: "name the .onnx file; `privet run` executes a compiled circuit, `privet inspect` describes any file of Privet"
                    .to_owned(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// A network built in memory.
    pub fn from_graph(graph: Graph) -> Self {
        let info = ModelInfo {
            name: graph.name.clone(),
            sha256: String::new(),
            producer: String::new(),
            ir_version: 0,
            opset: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
            n_parameters: graph.n_parameters(),
            macs: 0,
            operators: std::collections::BTreeMap::new(),
            remarks: Vec::new(),
        };
        Self { graph, info }
    }

    /// Writes the network as an ONNX model, to a file that appears whole or not at all.
    ///
    /// Inputs and outputs keep the names they had in the file that was imported; a network built in memory has those of
    /// its nodes. Weights are rounded to f32, so that those that came from f32 stay what they were.
    ///
    /// # Errors
    /// [`Error::Export`] with the node and the reason; [`Error::File`] if the file exists and may not be overwritten, or
    /// the disk refuses.
    pub fn save(&self, path: impl AsRef<Path>, overwrite: bool) -> Result<(), Error> {
        let names = |ports: &[onnx::Port]| ports.iter().map(|port| port.name.clone()).collect();
        let ports = onnx::PortNames {
            inputs: names(&self.info.inputs),
            outputs: names(&self.info.outputs),
        };
        let bytes = onnx::export(&self.graph, &ports)?;
        crate::files::save_bytes(path.as_ref(), &bytes, overwrite)
    }

    /// Shape of one sample of the first input.
    pub fn input_shape(&self) -> &[usize] {
        self.graph
            .inputs()
            .first()
            .map_or(&[], |&id| self.graph.shape(id))
    }

    /// Number of values of all outputs together: the classes, for a classifier.
    pub fn n_outputs(&self) -> usize {
        let each = self.graph.outputs().iter();
        each.map(|&id| self.graph.n_elements(id)).sum()
    }

    /// Outputs of the network as it is, in f64.
    ///
    /// # Errors
    /// [`Error::Evaluate`] if the sample has the wrong length or is not finite.
    pub fn evaluate(&self, sample: &[f64]) -> Result<Vec<f64>, Error> {
        evaluate(&self.graph, sample)
    }
}

/// All outputs of a graph of one input, one after another.
pub(crate) fn evaluate(graph: &Graph, sample: &[f64]) -> Result<Vec<f64>, Error> {
    Ok(graph::evaluate(graph, &[sample.to_vec()])?.concat())
}
