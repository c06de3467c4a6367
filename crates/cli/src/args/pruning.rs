//! What can be typed of conversion and pruning.

use super::{MAX_BATCH, PlanFor, packing, positive};
use crate::training::TrainingArgs;
use clap::{Args, ValueEnum};
use privet::prelude::Packing;
use prune::artemis::Grouping;
use prune::hepex;
use prune::mofhei::Block;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Example: privet convert lenet.onnx --data mnist --scale 1/255 -o lenet2.onnx\n\nAn interrupted run goes on with the same command."
)]
pub struct Convert {
    /// The ONNX file
    pub model: PathBuf,
    #[command(flatten)]
    pub files: TrainedFiles,
    /// Degree of the polynomials
    #[arg(long, value_name = "D", default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=4))]
    pub degree: u8,
    /// Most epochs after each replacement: of the layers from there on, then of all; each ends where nothing is lost any more
    #[arg(long, value_name = "TRANSFER,FINETUNE", default_value = "1,2", value_parser = two_epochs)]
    pub epochs: [usize; 2],
    /// Epochs of all layers at the end
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub last_epochs: usize,
    #[command(flatten)]
    pub training: TrainingArgs,
}

/// What a command that trains writes.
#[derive(Clone, Debug, Args)]
pub struct TrainedFiles {
    /// The new network; MODEL.converted.onnx or MODEL.pruned.onnx if absent. How inputs are fed and typical ones are written beside it
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Folder of what an interrupted run goes on with, removed at the end; OUTPUT.work if absent
    #[arg(long, value_name = "DIR")]
    pub work: Option<PathBuf>,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: privet prune lenet2.onnx --data mnist --scale 1/255 --budget-accuracy 0.5 -o lenet3.onnx\n\nAn interrupted run goes on with the same command."
)]
pub struct Prune {
    /// The ONNX file, without activations other than polynomials
    pub model: PathBuf,
    #[command(flatten)]
    pub files: TrainedFiles,
    /// What is removed, and how it is chosen
    #[arg(long, value_enum, default_value_t = SchemeKind::Privet)]
    pub scheme: SchemeKind,
    /// Epochs of a retraining; between the rounds of the scheme privet it is one. 0: weights stay as they are
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub epochs: usize,
    /// Largest learning rate; half of it between the rounds of the scheme privet
    #[arg(long, value_name = "RATE", default_value_t = 2e-3, value_parser = positive)]
    pub rate: f64,
    #[command(flatten)]
    pub goal: GoalArgs,
    #[command(flatten)]
    pub scheme_args: SchemeArgs,
    #[command(flatten)]
    pub pricing: PricingArgs,
    #[command(flatten)]
    pub training: TrainingArgs,
}

/// Which scheme prunes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemeKind {
    /// What the compiled circuit pays for, until the budget is spent
    Privet,
    /// Weights, then tiles: HE-PEx
    Hepex,
    /// Blocks of layers, for the batch layout: MOFHEI
    Mofhei,
    /// Groups of rotations of convolutions: Artemis
    Artemis,
}

/// Where the scheme privet ends.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Scheme privet")]
pub struct GoalArgs {
    /// Percentage points of validation accuracy that may be lost; 0.5 if nothing else is asked for
    #[arg(long, value_name = "POINTS", conflicts_with_all = ["target_cost", "budget_loss"], value_parser = not_negative)]
    pub budget_accuracy: Option<f64>,
    /// Per cent by which the mean squared error may grow, with --reconstruct; 5 if nothing else is asked for
    #[arg(long, value_name = "PERCENT", conflicts_with = "target_cost", value_parser = not_negative)]
    pub budget_loss: Option<f64>,
    /// Share of the predicted time to reach, whatever is lost
    #[arg(long, value_name = "SHARE", value_parser = below_one)]
    pub target_cost: Option<f64>,
}

/// Settings of the published schemes, absent where they are not typed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Published schemes")]
pub struct SchemeArgs {
    /// hepex: steps, of P2, P2T-min, P2T-max, P2T-mean, P3, P3E, P4, P4E; P4E if absent
    #[arg(long, value_name = "STEPS")]
    pub hepex: Option<hepex::Scheme>,
    /// hepex: units per tile, alternating along layers; those of --packing, or 4,8
    #[arg(long, value_name = "T1,T2", value_parser = two_sizes)]
    pub tile: Option<[usize; 2]>,
    /// hepex: share of the weights, or of the tiles, of dense layers that goes first; 0.9 if absent
    #[arg(long, value_name = "SHARE", value_parser = below_one)]
    pub fraction: Option<f64>,
    /// hepex: the share of convolutions; 0 if absent
    #[arg(long, value_name = "SHARE", value_parser = below_one)]
    pub convolutions: Option<f64>,
    /// hepex: tiles with at most this share of their weights left go too; 0.0625 if absent
    #[arg(long, value_name = "SHARE", value_parser = below_one)]
    pub max_density: Option<f64>,
    /// hepex, artemis: what each share is taken from; local if absent
    #[arg(long, value_enum)]
    pub scope: Option<ScopeKind>,
    /// mofhei: what goes as one: column, row, scalar, or ROWSxCOLUMNS; column if absent
    #[arg(long, value_name = "BLOCK", value_parser = block)]
    pub block: Option<Block>,
    /// artemis: what goes as one; shared-diagonal if absent
    #[arg(long, value_enum)]
    pub grouping: Option<GroupingKind>,
    /// artemis: strength of a group lasso that is trained with first; none if absent
    #[arg(long, value_name = "STRENGTH", value_parser = positive)]
    pub lasso: Option<f64>,
    /// mofhei, artemis: share of the blocks or groups that goes; 0.5 if absent
    #[arg(long, value_name = "SHARE", value_parser = below_one)]
    pub sparsity: Option<f64>,
}

/// What a share is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScopeKind {
    /// Each pair of blocks of channels of a layer, for artemis
    Block,
    /// Each layer
    Local,
    /// The whole network
    Global,
}

/// Groups of weights of convolutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GroupingKind {
    /// An output channel
    Filter,
    /// A tap of all weights that read a block of channels
    Positional,
    /// A diagonal of one block
    Diagonal,
    /// A diagonal of all blocks
    SharedDiagonal,
}

impl From<GroupingKind> for Grouping {
    fn from(kind: GroupingKind) -> Self {
        match kind {
            GroupingKind::Filter => Self::Filter,
            GroupingKind::Positional => Self::Positional,
            GroupingKind::Diagonal => Self::DiagonalPerBlock,
            GroupingKind::SharedDiagonal => Self::DiagonalShared,
        }
    }
}

/// What the network is priced for, as it will be compiled.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Prices, as compile is told")]
pub struct PricingArgs {
    /// How tensors lie in slots: auto, diagonal, tile, tile:T1,T2,BATCH, or batch; if absent auto, tiles for hepex, batch for mofhei
    #[arg(long, value_name = "PACKING", value_parser = packing)]
    pub packing: Option<Packing>,
    /// Samples of one run; as many as fit beside each other anyway if absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_BATCH))]
    pub batch: Option<u32>,
    /// What layouts and rotations are planned for
    #[arg(long, value_enum, default_value_t = PlanFor::Latency)]
    pub objective: PlanFor,
    /// Fix the ring degree to 2^N; the cheapest that fits if absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(12..=16))]
    pub log_n: Option<u8>,
    /// Times of operations on the server, from measure-costs; those of a server core with AVX-512 IFMA if absent
    #[arg(long, value_name = "FILE")]
    pub costs: Option<PathBuf>,
}

fn two<T: std::str::FromStr>(text: &str) -> Option<[T; 2]> {
    let (first, second) = text.split_once(',')?;
    Some([first.parse().ok()?, second.parse().ok()?])
}

fn two_epochs(text: &str) -> Result<[usize; 2], String> {
    two(text).ok_or_else(|| "expected two numbers of epochs, such as 1,2".to_owned())
}

fn two_sizes(text: &str) -> Result<[usize; 2], String> {
    let sizes = two(text).filter(|sizes: &[usize; 2]| sizes.iter().all(|s| s.is_power_of_two()));
    sizes.ok_or_else(|| "expected two powers of two, such as 4,8".to_owned())
}

fn block(text: &str) -> Result<Block, String> {
    match text {
        "column" => Ok(Block::Column),
        "row" => Ok(Block::Row),
        "scalar" => Ok(Block::Scalar),
        _ => {
            let sizes = two(&text.replacen('x', ",", 1));
            match sizes.filter(|sizes: &[usize; 2]| !sizes.contains(&0)) {
                Some([rows, cols]) => Ok(Block::Sized { rows, cols }),
                None => Err("expected column, row, scalar, or sizes such as 2x4".to_owned()),
            }
        }
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..=100.0).contains(&number) => Ok(number),
        _ => Err("expected a number from 0 to 100".to_owned()),
    }
}

fn below_one(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("expected a share from 0 to 1, such as 0.5".to_owned()),
    }
}
