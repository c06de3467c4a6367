//! What can be typed.

mod pruning;

pub use pruning::{Convert, Prune, SchemeKind, ScopeKind, TrainedFiles};

use crate::sizes::parse_bytes;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use privet::prelude::Packing;
use std::path::PathBuf;

/// Runs trained networks on encrypted data.
///
/// `infer` does everything in one process. The other commands are its links: the data owner calls `keygen`, `encrypt`
/// and `decrypt`, the service calls `compile` and `run` and never holds a secret key.
#[derive(Debug, Parser)]
#[command(
    name = "privet",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Example: privet infer model.onnx --input digit.png\n\nExit codes: 1 the model or the settings were refused, 2 files or usage, 70 a fault in Privet."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub global: Global,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Threads to use; if absent all cores, and one for measure-costs
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Say what happens inside, on standard error; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// No progress bars and no remarks on standard error; errors and warnings stay
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Overwrite output files that exist
    #[arg(long, global = true)]
    pub force: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compile, make keys, encrypt, run, decrypt and compare, in one go
    Infer(Infer),
    /// Compile an ONNX network for encrypted data
    Compile(Compile),
    /// Say what a file holds: ONNX, compiled network, keys, ciphertexts
    Inspect(Inspect),
    /// Make a secret key and the evaluation keys that a compiled network needs
    Keygen(Keygen),
    /// Encrypt one sample, or several side by side
    Encrypt(Encrypt),
    /// Run a compiled network on an encrypted input
    Run(Run),
    /// Decrypt a result
    Decrypt(Decrypt),
    /// Compare plaintext, polynomial and encrypted results over a data set
    Check(Check),
    /// Retrain a network so that all its activations are polynomials and its pools averages
    Convert(Convert),
    /// Retrain a network without what its compiled circuit pays for, and say what that spares
    Prune(Box<Prune>),
    /// Measure how long operations take on this machine, for the planner
    MeasureCosts(MeasureCosts),
}

/// How numbers of a file become the network's. Any of these replaces everything that is said elsewhere.
#[derive(Clone, Debug, Default, Args)]
#[command(
    next_help_heading = "How inputs are fed, if not as MODEL.feed.json or the client file says"
)]
pub struct FeedArgs {
    /// Factor for every number, such as 1/255; 1 takes numbers as they are
    #[arg(long, value_name = "FACTOR", allow_hyphen_values = true)]
    pub scale: Option<String>,
    /// Subtracted after scaling: one number, or one per channel
    #[arg(
        long,
        value_name = "M,..",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub mean: Vec<f64>,
    /// Divided by after that: one number, or one per channel
    #[arg(long, value_name = "S,..", value_delimiter = ',')]
    pub std: Vec<f64>,
    /// Zeros around each picture: top,bottom,left,right
    #[arg(long, value_name = "T,B,L,R", value_delimiter = ',', num_args = 1)]
    pub pad: Vec<u32>,
}

/// What compiling may be told.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Compiling")]
pub struct CompileArgs {
    /// Typical inputs, needed where activations are fitted; MODEL.calibration.npz or .npy beside the model if absent
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
    /// Factor for the numbers of the calibration data, where it is not --scale
    #[arg(long, value_name = "FACTOR", allow_hyphen_values = true)]
    pub calibration_scale: Option<String>,
    /// Fix the ring degree to 2^N; the cheapest that fits if absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(12..=16))]
    pub log_n: Option<u8>,
    /// Times of operations on the server, from measure-costs; those of a server core with AVX-512 IFMA if absent
    #[arg(long, value_name = "FILE")]
    pub costs: Option<PathBuf>,
    /// Largest degree of a fitted activation; 15 if absent, 7 with --activations sign
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u8).range(2..=63))]
    pub max_degree: Option<u8>,
    /// What activations may become
    #[arg(long, value_enum, default_value_t = ActivationKind::Polynomial)]
    pub activations: ActivationKind,
    /// Largest change of the output by activations and maxima, as a share of its root mean square; 0.1 if absent
    #[arg(long, value_name = "SHARE", value_parser = positive)]
    pub activation_error: Option<f64>,
    /// What layouts and rotations are planned for
    #[arg(long, value_enum, default_value_t = PlanFor::Latency)]
    pub objective: PlanFor,
    /// Who may decrypt and encrypt values between layers where no ring holds the network's depth; whoever does sees them
    #[arg(long, value_enum, value_name = "WHO")]
    pub refresh: Option<RefreshBy>,
    /// How tensors lie in slots: auto, diagonal, tile, tile:T1,T2,BATCH, or batch
    #[arg(long, value_name = "PACKING", default_value = "auto", value_parser = packing)]
    pub packing: Packing,
    /// Most ciphertexts of an input in tiles; if absent, the power of two above what it fills, any number with tile:T1,T2,BATCH
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_input_ciphertexts: Option<u32>,
    /// Samples of one run; as many as fit beside each other anyway if absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_BATCH))]
    pub batch: Option<u32>,
    /// Memory that evaluation keys may take, such as 500MiB; rotations are then made of others where their keys do not fit
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub key_memory: Option<u64>,
}

/// Who refreshes values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RefreshBy {
    /// The data owner, who holds the secret key and takes part in the run
    Client,
}

/// Slots of the largest ring, and so the samples that lie side by side at most.
const MAX_BATCH: i64 = 1 << 15;

/// What activations may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ActivationKind {
    /// One polynomial each; max pooling is refused
    Polynomial,
    /// Products with signs too, where one polynomial is not exact enough, and max pooling: many levels
    Sign,
}

/// What a compilation makes least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFor {
    /// Time of one run, by the cost table
    Latency,
    /// Time per sample: as wide a batch as pays
    Throughput,
    /// Memory of one run
    Memory,
    /// Rotations, whatever they cost
    Rotations,
}

/// Where infer computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendKind {
    /// The network as it is, in double precision
    Plain,
    /// The network with polynomial activations, in double precision
    Polynomial,
    /// The compiled circuit on plain slots
    Slots,
    /// The compiled circuit on ciphertexts
    Ckks,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: privet infer lenet.onnx --input digit.png --scale 1/255 --calibration train.npy"
)]
pub struct Infer {
    /// The ONNX file
    pub model: PathBuf,
    /// One sample or several: .npy, .npz, FILE.npz:ARRAY, .png, .jpg, IDX
    #[arg(short, long, value_name = "FILE")]
    pub input: PathBuf,
    /// Which sample of the file, from zero; with --batch the first of them
    #[arg(long, value_name = "I", default_value_t = 0)]
    pub sample: usize,
    /// Where to compute
    #[arg(long, value_enum, default_value = "ckks")]
    pub backend: BackendKind,
    /// Write the outputs as .npy
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Memory to stay under, such as 8GiB; four fifths of what is free if absent
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub memory: Option<u64>,
    #[command(flatten)]
    pub compile: CompileArgs,
    #[command(flatten)]
    pub feed: FeedArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: privet compile lenet.onnx --calibration train.npy -o lenet.privet"
)]
pub struct Compile {
    /// The ONNX file
    pub model: PathBuf,
    /// The compiled network; MODEL.privet if absent
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE", conflicts_with = "stop_after")]
    pub report: Option<PathBuf>,
    /// Write the program after this pass, or after `all`
    #[arg(long, value_name = "PASS")]
    pub dump_after: Option<String>,
    /// Folder of the dumps; MODEL.passes if absent
    #[arg(long, value_name = "DIR")]
    pub dump_dir: Option<PathBuf>,
    /// Stop after this pass and write its program, to --output if given, and no compiled network
    #[arg(long, value_name = "PASS")]
    pub stop_after: Option<String>,
    /// Compile for N results, at most, that will be given away under one key; larger and slower
    #[arg(long, value_name = "N", conflicts_with = "refresh", value_parser = clap::value_parser!(u32).range(1..))]
    pub share: Option<u32>,
    /// With --share, largest magnitude of an input value; that of the calibration data if absent
    #[arg(long, value_name = "B", requires = "share", value_parser = positive, allow_hyphen_values = true)]
    pub input_bound: Option<f64>,
    #[command(flatten)]
    pub compile: CompileArgs,
    #[command(flatten)]
    pub feed: FeedArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: privet inspect lenet.privet --client lenet.client")]
pub struct Inspect {
    /// An ONNX file, a compiled network, a client file, keys or ciphertexts
    pub file: PathBuf,
    /// Write the part of a compiled network that the data owner needs
    #[arg(long, value_name = "OUT")]
    pub client: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: privet keygen lenet.client --secret my.key --evaluation lenet.evk"
)]
pub struct Keygen {
    /// A client file, or a compiled network
    pub client: PathBuf,
    /// The secret key: stays with the data owner, mode 0600
    #[arg(long, value_name = "FILE")]
    pub secret: PathBuf,
    /// The evaluation keys, for the server
    #[arg(long, value_name = "FILE")]
    pub evaluation: PathBuf,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: privet encrypt lenet.client --secret my.key --input digit.png -o digit.ct\n\nInputs are fed as the network was compiled with, unless options say otherwise."
)]
pub struct Encrypt {
    /// A client file, or a compiled network
    pub client: PathBuf,
    /// The secret key
    #[arg(long, value_name = "FILE")]
    pub secret: PathBuf,
    /// One sample or several: .npy, .npz, FILE.npz:ARRAY, .png, .jpg, IDX
    #[arg(short, long, value_name = "FILE")]
    pub input: PathBuf,
    /// Which sample of the file, from zero
    #[arg(long, value_name = "I", default_value_t = 0)]
    pub sample: usize,
    /// How many samples from that one on lie side by side, if the network was compiled for as many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=MAX_BATCH))]
    pub batch: u32,
    /// The ciphertexts; INPUT.ct if absent
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub feed: FeedArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: privet run lenet.privet --evaluation lenet.evk digit.ct -o result.ct"
)]
pub struct Run {
    /// The compiled network
    pub model: PathBuf,
    /// The encrypted input
    pub input: PathBuf,
    /// The evaluation keys
    #[arg(long, value_name = "FILE")]
    pub evaluation: PathBuf,
    /// The encrypted result; INPUT.result.ct if absent
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Memory to stay under, such as 8GiB; four fifths of what is free if absent
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub memory: Option<u64>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: privet decrypt lenet.client --secret my.key result.ct --output scores.npy"
)]
pub struct Decrypt {
    /// A client file, or a compiled network
    pub client: PathBuf,
    /// The encrypted result
    pub result: PathBuf,
    /// The secret key
    #[arg(long, value_name = "FILE")]
    pub secret: PathBuf,
    /// Write the outputs as .npy
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Add noise that makes the result safe to give away, and count it beside the secret key
    #[arg(long)]
    pub share: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: privet check lenet.onnx --data test.npz:x --labels test.npz:y --encrypted 20"
)]
pub struct Check {
    /// The ONNX file
    pub model: PathBuf,
    /// Samples: .npy, .npz, FILE.npz:ARRAY, IDX
    #[arg(short, long, value_name = "FILE")]
    pub data: PathBuf,
    /// True classes from 0, one per sample: .npy, .npz, FILE.npz:ARRAY, IDX, text
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// How many of the first samples to encrypt and run as well
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub encrypted: usize,
    /// Use at most so many samples
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Memory to stay under, such as 8GiB; four fifths of what is free if absent
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub memory: Option<u64>,
    #[command(flatten)]
    pub compile: CompileArgs,
    #[command(flatten)]
    pub feed: FeedArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: privet measure-costs --out costs.json; privet compile lenet.onnx --costs costs.json\n\nOne thread unless --threads says otherwise: the planner compares times of one thread."
)]
pub struct MeasureCosts {
    /// Rings to measure, as log2 of the degree; 16 takes as long as the others together
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_values_t = [13, 14, 15], value_parser = clap::value_parser!(u8).range(13..=16))]
    pub log_n: Vec<u8>,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Write the cost table, as JSON
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Reads a family of layouts.
fn packing(text: &str) -> Result<Packing, String> {
    let sizes = |list: &str| -> Option<Vec<u32>> {
        let sizes = list.split(',').map(|size| size.parse().ok());
        let sizes: Vec<u32> = sizes.collect::<Option<_>>()?;
        (sizes.len() == 3 && sizes.iter().all(|s| s.is_power_of_two())).then_some(sizes)
    };
    match text {
        "auto" => Ok(Packing::Auto),
        "diagonal" => Ok(Packing::Diagonal),
        "tile" => Ok(Packing::Tile(None)),
        "batch" => Ok(Packing::Batch),
        _ => match text.strip_prefix("tile:").map(sizes) {
            Some(Some(sizes)) => Ok(Packing::Tile(Some(sizes))),
            Some(None) => Err("expected three powers of two, such as tile:4,8,512".to_owned()),
            None => Err("expected auto, diagonal, tile, tile:4,8,512 or batch".to_owned()),
        },
    }
}

/// A family of layouts as it is typed.
pub fn packing_words(packing: &Packing) -> String {
    match packing {
        Packing::Auto => "auto".to_owned(),
        Packing::Diagonal => "diagonal".to_owned(),
        Packing::Tile(None) => "tile".to_owned(),
        Packing::Tile(Some(sizes)) => {
            let sizes: Vec<String> = sizes.iter().map(u32::to_string).collect();
            format!("tile:{}", sizes.join(","))
        }
        Packing::Batch => "batch".to_owned(),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("expected a number above 0".to_owned()),
    }
}
