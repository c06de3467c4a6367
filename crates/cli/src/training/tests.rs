//! Training data as typed, from files made here.

use super::*;
use clap::{CommandFactory, Parser};
use privet::extend::graph::{Graph, Op, Tensor};
use std::fs;
use tempfile::TempDir;

#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    training: TrainingArgs,
}

/// A folder, and options with the names of its files.
struct Case {
    folder: TempDir,
    model: Model,
}

impl Case {
    /// For a dense network of so many inputs and outputs.
    fn new(inputs: usize, outputs: usize) -> Case {
        let mut graph = Graph::new("case");
        let shape = vec![inputs];
        let x = graph.add("x", Op::Input { shape }, &[]).expect("an input");
        let tensor = |shape: &[usize]| {
            Tensor::new(shape, vec![0.5; shape.iter().product()]).expect("a tensor")
        };
        let dense = Op::Dense {
            weight: tensor(&[outputs, inputs]),
            bias: tensor(&[outputs]),
        };
        let y = graph.add("y", dense, &[x]).expect("a layer");
        graph.set_outputs(&[y]);
        Case {
            folder: tempfile::tempdir().expect("a folder"),
            model: Model::from_graph(graph),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("written");
    }

    /// An IDX file of `n` samples of two bytes: their index, and 1.
    fn samples(&self, name: &str, n: u8) {
        let data = (0..n).flat_map(|i| [i, 1]);
        let head = [0, 0, 8, 2, 0, 0, 0, n, 0, 0, 0, 2];
        self.put(name, &head.into_iter().chain(data).collect::<Vec<u8>>());
    }

    fn labels(&self, name: &str, labels: &[u8]) {
        let head = [0, 0, 8, 1, 0, 0, 0, labels.len() as u8];
        self.put(name, &[&head, labels].concat());
    }

    /// Loads what the words say; those that begin with `@` are files.
    fn load(&self, words: &str) -> Result<TrainingData, Failure> {
        let word = |word: &str| match word.strip_prefix('@') {
            Some(name) => self.path(name).into_os_string(),
            None => word.into(),
        };
        let all = ["privet"].into_iter().chain(words.split_whitespace());
        let typed = Typed::try_parse_from(all.map(word)).expect("options");
        let session = Session {
            chatty: false,
            force: false,
        };
        let path = self.path("case.onnx");
        typed.training.load(&session, &path, &self.model)
    }

    /// The message, with the folder left out.
    fn refusal(&self, words: &str) -> String {
        let failure = self.load(words).expect_err("a refusal");
        let here = format!("{}/", self.folder.path().display());
        failure.to_string().replace(&here, "")
    }
}

fn firsts(data: &Dataset) -> Vec<f32> {
    (0..data.len()).map(|k| data.input(k)[0]).collect()
}

#[test]
fn options_agree_with_each_other() {
    Typed::command().debug_assert();
    let parse = |words: &str| {
        let all = ["privet"].into_iter().chain(words.split_whitespace());
        Typed::try_parse_from(all).map_err(|e| e.to_string())
    };
    assert!(parse("--data x --validation-share 0.3 --seed 7").is_ok());
    for bad in [
        "--labels y",
        "--data x --test-labels y",
        "--data x --validation v --validation-share 0.2",
        "--data x --labels y --reconstruct",
        "--data x --validation-share 1",
        "--data x --validation-share 0",
        "--data x --validation-share nan",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn validation_is_a_share_drawn_by_the_seed() {
    let case = Case::new(2, 4);
    case.samples("x", 20);
    let labels: Vec<u8> = (0..20).map(|i| i % 4).collect();
    case.labels("y", &labels);
    let load = |more: &str| {
        let data = case.load(&format!("--data @x --labels @y {more}"));
        data.expect("data")
    };
    let data = load("--validation-share 0.25");
    assert_eq!((data.training.len(), data.validation.len()), (15, 5));
    assert!(data.test.is_none() && data.class_names.is_empty());
    // Two floats, a place and a class each.
    assert_eq!(data.memory_bytes(), 20 * 16);
    let mut all = [firsts(&data.training), firsts(&data.validation)].concat();
    for (k, &first) in firsts(&data.training).iter().enumerate() {
        assert_eq!(data.training.class(k), Some(first as u32 % 4));
    }
    all.sort_by(f32::total_cmp);
    assert_eq!(all, (0..20).map(|i| i as f32).collect::<Vec<_>>());
    let same = load("--validation-share 0.25 --seed 0");
    let other = load("--validation-share 0.25 --seed 1");
    assert_eq!(firsts(&same.validation), firsts(&data.validation));
    assert_ne!(firsts(&other.validation), firsts(&data.validation));
}

#[test]
fn validation_and_test_come_from_files_of_their_own() {
    let case = Case::new(2, 2);
    for (n, part) in [(3, "train"), (2, "validation"), (1, "test")] {
        case.samples(&format!("{part}.x"), n);
        case.labels(&format!("{part}.y"), &vec![1; n.into()]);
    }
    let data = case.load("--data @train.x --labels @train.y --validation @validation.x --validation-labels @validation.y --test @test.x --test-labels @test.y");
    let data = data.expect("data");
    let test = data.test.expect("test samples");
    assert_eq!(
        [data.training.len(), data.validation.len(), test.len()],
        [3, 2, 1]
    );
}

#[test]
fn a_folder_brings_its_test_samples_and_the_model_its_feed() {
    let case = Case::new(2, 10);
    for (n, part) in [(4, "train"), (2, "t10k")] {
        case.samples(&format!("{part}-images-idx3-ubyte"), n);
        case.labels(&format!("{part}-labels-idx1-ubyte"), &vec![9; n.into()]);
    }
    case.put("case.feed.json", br#"{"scale": "1/2", "mean": [1]}"#);
    let data = case.load("--data @").expect("data");
    let test = data.test.expect("test samples");
    assert_eq!(firsts(&test), [-1.0, -0.5]);
    assert_eq!((test.class(1), data.feed.scale), (Some(9), 0.5));
    let fed = case.load("--data @ --scale 2").expect("data");
    assert_eq!(firsts(&fed.test.expect("test samples")), [0.0, 2.0]);
    // The same folder, named for its test samples.
    case.samples("x", 3);
    case.labels("y", &[0; 3]);
    let named = case.load("--data @x --labels @y --test @").expect("data");
    assert_eq!(named.test.map(|test| test.len()), Some(2));
}

#[test]
fn an_auto_encoder_needs_no_labels() {
    let case = Case::new(2, 2);
    case.samples("x", 4);
    let data = case.load("--data @x --reconstruct").expect("data");
    assert_eq!(data.training.target(0), Some(data.training.input(0)));
    assert_eq!(data.memory_bytes(), 4 * 12);
    let wide = Case::new(2, 3);
    wide.samples("x", 4);
    assert_eq!(
        wide.refusal("--data @x --reconstruct"),
        "the network has 3 outputs for 2 inputs, expected as many with --reconstruct"
    );
}

#[test]
fn data_that_do_not_fit_are_refused() {
    let case = Case::new(2, 3);
    case.samples("x", 3);
    case.samples("one", 1);
    case.labels("y", &[0, 1, 3]);
    case.labels("short", &[0, 1]);
    case.labels("zero", &[0]);
    for (words, message) in [
        ("--seed 1", "there are no data to train on"),
        ("--data @x", "x has no labels"),
        (
            "--data @x --labels @y",
            "y: label 2 is 3, expected a class from 0 to 2: the network has 3 outputs",
        ),
        (
            "--data @x --labels @short",
            "short has 2 labels, x has 3 samples",
        ),
        (
            "--data @one --labels @zero",
            "one has 1 sample, expected at least 2: one for validation",
        ),
        (
            "--data @one --labels @zero --validation @x",
            "x has no labels",
        ),
    ] {
        assert_eq!(case.refusal(words), message, "{words}");
    }
    let wide = Case::new(5, 3);
    wide.samples("x", 3);
    assert_eq!(
        wide.refusal("--data @x"),
        "x has the shape [3, 2], expected [5] for each sample"
    );
    let missing = case.refusal("--data @nowhere");
    assert!(missing.starts_with("can not open nowhere"), "{missing}");
}

#[test]
fn classes_of_test_data_are_those_of_training() {
    let case = Case::new(784, 10);
    let inputs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/inputs");
    for (class, digit) in [("all/one", 3), ("all/two", 7), ("some/two", 7)] {
        fs::create_dir_all(case.path(class)).expect("a folder");
        let name = format!("digit-{digit}.png");
        fs::copy(inputs.join(&name), case.path(class).join(&name)).expect("copied");
    }
    let data = case.load("--data @all --test @all").expect("data");
    assert_eq!(data.class_names, ["one", "two"]);
    assert_eq!(
        case.refusal("--data @all --test @some"),
        "some has the classes two, expected one, two as in all"
    );
}

#[test]
fn mnist_where_it_lies_beside_the_workspace() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("PRIVET_SHARED").map_or(beside, PathBuf::from);
    let folder = shared.join("data/mnist");
    if !folder.exists() {
        println!("skipped: data/mnist is not there (set PRIVET_SHARED)");
        return;
    }
    let case = Case::new(784, 10);
    let words = format!("--data {} --scale 1/255", folder.display());
    let data = case.load(&words).expect("data");
    let test = data.test.as_ref().expect("test samples");
    assert_eq!(
        [data.training.len(), data.validation.len(), test.len()],
        [54_000, 6_000, 10_000]
    );
    assert_eq!(data.memory_bytes(), 70_000 * (784 * 4 + 8));
    assert_eq!((test.class(0), data.training.n_classes()), (Some(7), 10));
}
