//! Trainings that go on where they were interrupted.
//!
//! A checkpoint is a `safetensors` file: weights, the best weights so far, masks, what the optimizer remembers, and the
//! epochs. It is written beside its place and moved there, so an interruption leaves the one before.

use crate::network::Leaves;
use crate::score::host;
use crate::update::flat;
use crate::{Dataset, Epoch, ParameterId, Recipe, Score, TrainError, WeightMasks, parameters};
use burn::optim::{StateSink, StateSource};
use burn::tensor::{Device, TensorData};
use graph::Graph;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// What is known between epochs, numbers only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub epochs: Vec<Epoch>,
    /// Epochs done when validation was best.
    pub best: usize,
    pub validation: Score,
    pub start: Score,
    /// Of the rate, after halving and after divergence.
    pub factor: f64,
    /// Epochs without a better one since the last halving.
    pub since: usize,
    /// How often training diverged.
    pub tries: usize,
    /// Whether masks changed since the best weights were kept.
    pub is_stale: bool,
}

impl Saved {
    pub(crate) fn new(start: Score) -> Self {
        Self {
            epochs: Vec::new(),
            best: 0,
            validation: start,
            start,
            factor: 1.0,
            since: 0,
            tries: 0,
            is_stale: false,
        }
    }
}

/// Where a training is kept, and what it belongs to.
pub(crate) struct Checkpoint {
    path: PathBuf,
    belongs_to: String,
}

/// A checkpoint that was read.
pub(crate) struct Loaded {
    pub saved: Saved,
    tensors: BTreeMap<String, Vec<f32>>,
    scalars: BTreeMap<String, usize>,
}

/// The tensor of bytes that holds [`Saved`].
const SAVED: &str = "epochs";
/// Keys of the metadata.
const SCALARS: &str = "privet-scalars";
const BELONGS_TO: &str = "privet-settings";

impl Checkpoint {
    pub(crate) fn new(
        path: &Path,
        graph: &Graph,
        data: &Dataset,
        masks: &WeightMasks,
        recipe: &Recipe,
    ) -> Self {
        let mut hash = blake3::Hasher::new();
        let mut settings = recipe.clone();
        let teacher = settings.distillation.take().map(|how| {
            hash_graph(&mut hash, &how.teacher);
            (how.share, how.temperature)
        });
        hash_graph(&mut hash, graph);
        hash.update(format!("{settings:?} {teacher:?} {}", data.len()).as_bytes());
        for (id, mask) in masks {
            hash.update(id.to_string().as_bytes());
            let bits: Vec<u8> = mask.kept.iter().map(|&kept| u8::from(kept)).collect();
            hash.update(&bits);
        }
        for k in [0, data.len() / 2, data.len() - 1] {
            let bytes: Vec<u8> = data.input(k).iter().flat_map(|v| v.to_le_bytes()).collect();
            hash.update(&bytes);
        }
        Self {
            path: path.to_owned(),
            belongs_to: hash.finalize().to_hex().to_string(),
        }
    }

    fn fault(&self, why: impl Into<String>) -> TrainError {
        TrainError::Checkpoint {
            path: self.path.clone(),
            why: why.into(),
        }
    }

    pub(crate) fn save(
        &self,
        saved: &Saved,
        leaves: &Leaves,
        best: &Leaves,
        factors: &Leaves,
        updates: &StateSink,
    ) -> Result<(), TrainError> {
        let mut tensors: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (kind, leaves) in [("weights", leaves), ("best", best), ("masks", factors)] {
            for (id, leaf) in leaves {
                tensors.insert(format!("{kind}/{id}"), bytes(&host(leaf.clone())));
            }
        }
        for (name, data) in &updates.tensors {
            let values: Vec<f32> = data.iter::<f32>().collect();
            tensors.insert(format!("optimizer/{name}"), bytes(&values));
        }
        let whole = |value| usize::try_from(value).unwrap_or_default();
        let scalars: BTreeMap<&String, usize> = updates
            .scalars
            .iter()
            .map(|(name, value)| (name, whole(*value)))
            .collect();
        let json = |value: serde_json::Result<String>| value.map_err(|e| self.fault(e.to_string()));
        let meta = HashMap::from([
            (SCALARS.to_owned(), json(serde_json::to_string(&scalars))?),
            (BELONGS_TO.to_owned(), self.belongs_to.clone()),
        ]);
        let epochs = postcard::to_stdvec(saved).map_err(|e| self.fault(e.to_string()))?;
        let view = |dtype, size, bytes| {
            TensorView::new(dtype, vec![size], bytes).expect("as many bytes as elements take")
        };
        let views = tensors
            .iter()
            .map(|(name, bytes)| (name.as_str(), view(Dtype::F32, bytes.len() / 4, bytes)))
            .chain([(SAVED, view(Dtype::U8, epochs.len(), &epochs))]);
        let file =
            safetensors::serialize(views, Some(meta)).map_err(|e| self.fault(e.to_string()))?;
        let partial = self.path.with_extension("part");
        std::fs::write(&partial, file)
            .and_then(|()| std::fs::rename(&partial, &self.path))
            .map_err(|e| self.fault(e.to_string()))
    }

    /// What was saved, if anything was.
    pub(crate) fn load(&self) -> Result<Option<Loaded>, TrainError> {
        let file = match std::fs::read(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.fault(e.to_string())),
        };
        let damaged = |e: String| self.fault(format!("it is no checkpoint: {e}"));
        let (_, header) = SafeTensors::read_metadata(&file).map_err(|e| damaged(e.to_string()))?;
        let meta = header.metadata().clone().unwrap_or_default();
        let read = |key: &str| meta.get(key).ok_or_else(|| damaged(format!("no {key}")));
        if *read(BELONGS_TO)? != self.belongs_to {
            return Err(self.fault(
                "it belongs to a training of another network, other data or other settings",
            ));
        }
        let scalars = serde_json::from_str(read(SCALARS)?).map_err(|e| damaged(e.to_string()))?;
        let tensors = SafeTensors::deserialize(&file).map_err(|e| damaged(e.to_string()))?;
        let saved = tensors.tensor(SAVED).map_err(|e| damaged(e.to_string()))?;
        let saved = postcard::from_bytes(saved.data()).map_err(|e| damaged(e.to_string()))?;
        let tensors = tensors.iter().filter(|(name, _)| *name != SAVED);
        let tensors = tensors.map(|(name, view)| {
            let values = view.data().chunks_exact(4);
            let values = values.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            (name.to_owned(), values.collect())
        });
        Ok(Some(Loaded {
            saved,
            tensors: tensors.collect(),
            scalars,
        }))
    }
}

impl Loaded {
    fn of(&self, kind: &str, device: &Device) -> Leaves {
        let leaf = |(name, values): (&String, &Vec<f32>)| {
            let (node, word) = name.strip_prefix(kind)?.rsplit_once('.')?;
            Some((ParameterId::new(node, word), flat(values.clone(), device)))
        };
        self.tensors.iter().filter_map(leaf).collect()
    }

    pub(crate) fn leaves(&self, device: &Device) -> Leaves {
        self.of("weights/", device)
    }

    pub(crate) fn best(&self, device: &Device) -> Leaves {
        self.of("best/", device)
    }

    /// What masks multiplied weights with.
    pub(crate) fn factors(&self, device: &Device) -> Leaves {
        self.of("masks/", device)
    }

    /// What the optimizer remembered.
    pub(crate) fn source(&self) -> StateSource {
        let whole = |(name, value): (&String, &usize)| (name.clone(), (*value).into());
        let mut source = StateSource::new(self.scalars.iter().map(whole).collect());
        for (name, values) in &self.tensors {
            if let Some(name) = name.strip_prefix("optimizer/") {
                let data = TensorData::new(values.clone(), [values.len()]);
                source.insert_tensor(name.to_owned(), data);
            }
        }
        source
    }
}

fn hash_graph(hash: &mut blake3::Hasher, graph: &Graph) {
    hash.update(graph::print(graph, graph::Detail::Shapes).as_bytes());
    for (id, tensor) in parameters(graph) {
        hash.update(id.to_string().as_bytes());
        let bytes: Vec<u8> = tensor
            .values()
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        hash.update(&bytes);
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
