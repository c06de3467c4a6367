//! No bytes make a reader panic: the fuzzer's corpus, and systematic damage to its seeds and to whole files.

#[path = "../../../fuzz/src/untrusted.rs"]
mod untrusted;

use ckks::Context;
use privet::extend::graph;
use privet::passes;
use privet::prelude::*;
use std::path::{Path, PathBuf};
use untrusted::{Counting, Target, repair_hash, repair_lengths, repair_sections};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// Names and contents of the files of one target's corpus, in order.
fn corpus_of(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = std::fs::read_dir(corpus().join(target)).expect("a folder for every target");
    let mut files: Vec<(String, Vec<u8>)> = folder
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.display().to_string();
            (name, std::fs::read(path).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

/// A small generator with a fixed seed.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below.max(1)
    }
}

/// Says which input a target panicked on.
fn hold(target: Target, what: &str, bytes: &[u8]) {
    if std::panic::catch_unwind(|| target(bytes)).is_err() {
        panic!("{what}: {}", bytes.escape_ascii());
    }
}

#[test]
fn the_corpus_is_held() {
    let mut n_bytes = 0;
    for (name, target) in untrusted::TARGETS {
        let files = corpus_of(name);
        assert!(!files.is_empty(), "{name} has no corpus");
        for (what, bytes) in files {
            n_bytes += bytes.len();
            hold(target, &what, &bytes);
        }
    }
    assert!(n_bytes <= 1 << 20, "a corpus of {n_bytes} bytes");
    for entry in corpus().read_dir().expect("the corpus") {
        let target = entry.expect("an entry").file_name();
        let known = untrusted::TARGETS.iter().any(|(name, _)| target == **name);
        assert!(known, "{target:?} is the corpus of no target");
    }
}

#[test]
fn the_seeds_are_written_as_they_are_kept() {
    for (target, name, bytes) in untrusted::seeds() {
        let path = corpus().join(target).join(format!("seed-{name}"));
        let kept = std::fs::read(&path).unwrap_or_default();
        let path = path.display();
        assert!(
            kept == bytes,
            "{path} is out of date; cargo run --release --example seeds, in fuzz/"
        );
    }
}

/// Every prefix, every byte changed in several ways, and splices of two seeds.
#[test]
fn damaged_seeds_are_held() {
    let mut next = numbers();
    let seeds = untrusted::seeds();
    for (name, target) in untrusted::TARGETS {
        let own: Vec<&Vec<u8>> = seeds.iter().filter(|s| s.0 == name).map(|s| &s.2).collect();
        for bytes in &own {
            for length in 0..bytes.len() {
                hold(target, name, &bytes[..length]);
            }
            for at in 0..bytes.len() {
                for value in [0, 0x7f, 0x80, 0xff, bytes[at] ^ 1, next(256) as u8] {
                    let mut damaged = bytes.to_vec();
                    damaged[at] = value;
                    hold(target, name, &damaged);
                }
            }
        }
        for _ in 0..2000 {
            let (a, b) = (own[next(own.len())], own[next(own.len())]);
            let (to, from) = (next(a.len() + 1), next(b.len() + 1));
            hold(target, name, &[&a[..to], &b[from..]].concat());
        }
    }
}

const NETWORK: &str = r#"graph "g" {
  %0 "x" = input -> [4]
  %1 "fc" = dense %0 weight [[0.5, -0.25, 0.125, 1], [0.25, 0.5, 0, -1]] bias [0.5, 0]
  %2 "act" = polynomial %1 power [0, 0, 1]
  return %2
}
"#;

/// All files of a small network, and how each is read.
struct Files {
    folder: tempfile::TempDir,
    compiled: Compiled,
    ctx: Context,
}

type Reading = fn(&Files, &Path) -> Result<(), Error>;

impl Files {
    fn new() -> Self {
        let network = graph::parse(NETWORK).expect("a network");
        let options = Options {
            calibration: Some(vec![vec![1.0, -1.0, 0.5, 0.25]]),
            ..Options::default()
        };
        let compiled = compile(
            &Model::from_graph(network),
            &options,
            &passes::standard(),
            &mut |_, _, _, _| {},
        );
        let mut compiled = compiled.expect("the network compiles");
        compiled.client.feed = Some(Feed {
            scale: 1.0 / 255.0,
            mean: vec![0.5],
            std: vec![0.25],
            ..Feed::default()
        });
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            ctx: compiled.client.context().expect("a context"),
            compiled,
        }
    }

    /// Writes one file of each kind; its name and how to read it.
    fn write(&self) -> Vec<(&'static str, Reading)> {
        let (client, at) = (&self.compiled.client, |name| self.folder.path().join(name));
        let ctx = &self.ctx;
        let keys = client.keygen(ctx, &|_, _| {});
        let input = client
            .encrypt(ctx, &keys.secret, &[1.0, -1.0, 0.5, 0.25])
            .expect("an input");
        let done = "the file is written";
        self.compiled.save(at("compiled"), true).expect(done);
        client.save(at("client"), true).expect(done);
        client
            .save_secret(&keys.secret, at("secret"), true)
            .expect(done);
        client
            .save_evaluation(ctx, &keys.evaluation, keys.key_id, at("keys"), true)
            .expect(done);
        input
            .save(client, Role::Input, at("input"), true)
            .expect(done);
        vec![
            ("compiled", |_, path| Compiled::load(path).map(drop)),
            ("client", |_, path| Client::load(path).map(drop)),
            ("compiled", |_, path| Client::load(path).map(drop)),
            ("client", |_, path| FileInfo::read(path).map(drop)),
            ("secret", |files, path| {
                let client = &files.compiled.client;
                client.load_secret(&files.ctx, path).map(drop)
            }),
            ("keys", |files, path| {
                let client = &files.compiled.client;
                client.load_evaluation(&files.ctx, path)?.check_all()
            }),
            ("input", |files, path| {
                let client = &files.compiled.client;
                Encrypted::load(&files.ctx, client, Role::Input, path).map(drop)
            }),
        ]
    }
}

/// Every file cut short, and changed with all hashes made right again, is read or refused with a message.
#[test]
fn damaged_files_are_read_or_refused() {
    let files = Files::new();
    let mut next = numbers();
    for (name, read) in files.write() {
        let path = files.folder.path().join(name);
        let bytes = std::fs::read(&path).expect("the file is there");
        read(&files, &path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let damaged = files.folder.path().join("damaged");
        let mut n_refused = 0;
        let mut attempt = |bytes: &[u8]| {
            std::fs::write(&damaged, bytes).expect("a file is written");
            if let Err(error) = read(&files, &damaged) {
                let text = error.to_string();
                assert!(!text.is_empty() && text.len() < 2000, "{name}: {text}");
                let _ = error.help();
                n_refused += 1;
            }
        };
        // Large files hold mostly limbs: a share of their places is enough.
        let places = |from: usize, most: usize, next: &mut dyn FnMut(usize) -> usize| {
            let all = from..bytes.len();
            match all.len() {
                n if n <= most => all.collect::<Vec<usize>>(),
                n => (0..most).map(|_| from + next(n)).collect(),
            }
        };
        for length in places(0, 300, &mut next) {
            attempt(&bytes[..length]);
        }
        for at in places(16, 1000, &mut next) {
            let mut changed = bytes.clone();
            changed[at] = [0, 0x7f, 0xff, changed[at] ^ 1, next(256) as u8][next(5)];
            repair_sections(&mut changed);
            repair_lengths(&mut changed);
            repair_hash(&mut changed);
            attempt(&changed);
        }
        assert!(n_refused > 300, "{name}: {n_refused} refused");
    }
}
