//! A failed run ends the same with any number of threads, and lets go of its keys.

use circuit::{Circuit, ValueId, parse};
use ckks::CkksError;
use privet_exec::{Backend, ExecError, KeyId, Site, run, silent};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

const WIDTH: u32 = 12;

/// Rotations of one value, each by another amount, and their sum.
fn rotations() -> Circuit {
    let mut text = "; slots: 64\ncircuit (%0: ct) {\n".to_owned();
    for i in 1..=WIDTH {
        text += &format!("  %{i} = rotate %0 by {i}\n");
    }
    let terms: Vec<String> = (1..=WIDTH).map(|i| format!("%{i}")).collect();
    let sum = WIDTH + 1;
    text += &format!("  %{sum} = sum {}\n  return %{sum}\n}}\n", terms.join(", "));
    parse(&text).expect("a circuit")
}

/// Fails at some values, at those with a pause after it.
#[derive(Default)]
struct Failing {
    values: BTreeMap<u32, u64>,
    /// Which fetch fails, counted from one, in the order of their steps.
    key: Option<usize>,
    fetched: Mutex<Vec<KeyId>>,
    held: Mutex<BTreeMap<KeyId, i32>>,
}

impl Backend for Failing {
    type Value = ();

    fn apply(&self, site: Site<'_>, _: &[&()]) -> Result<(), ExecError> {
        let Some(pause) = self.values.get(&site.id.0) else {
            return Ok(());
        };
        std::thread::sleep(Duration::from_millis(*pause));
        Err(ExecError::Operation {
            value: site.id,
            op: site.op().word(),
            source: CkksError::NoOperands,
        })
    }

    fn fetch_key(&self, key: KeyId) -> Result<(), ExecError> {
        let mut fetched = self.fetched.lock().expect("no panic");
        fetched.push(key);
        if Some(fetched.len()) == self.key {
            return Err(ExecError::KeyFile("no such key".into()));
        }
        *self.held.lock().expect("no panic").entry(key).or_default() += 1;
        Ok(())
    }

    fn release_key(&self, key: KeyId) {
        *self.held.lock().expect("no panic").entry(key).or_default() -= 1;
    }

    fn bytes(&self, (): &()) -> u64 {
        1
    }
}

fn run_on(threads: usize, backend: &Failing) -> ExecError {
    let circuit = rotations();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads");
    let run = pool.install(|| run(backend, &circuit, &[()], &silent));
    run.expect_err("a step fails")
}

#[test]
fn the_earliest_failure_is_reported() {
    for threads in [1, 2, 4] {
        // The later ones fail first where several run at once.
        let backend = Failing {
            values: [(3, 20), (4, 10), (6, 0), (7, 0)].into(),
            ..Failing::default()
        };
        let error = run_on(threads, &backend);
        assert!(
            matches!(
                error,
                ExecError::Operation {
                    value: ValueId(3),
                    ..
                }
            ),
            "{threads} threads: {error}"
        );
    }
}

#[test]
fn a_failed_run_holds_no_key() {
    for threads in [1, 2, 4] {
        for (values, key) in [([(5, 1)].into(), None), (BTreeMap::new(), Some(4))] {
            let backend = Failing {
                values,
                key,
                ..Failing::default()
            };
            let error = run_on(threads, &backend);
            assert_eq!(matches!(error, ExecError::KeyFile(_)), key.is_some());
            let held = backend.held.lock().expect("no panic");
            assert!(
                held.values().all(|n| *n == 0),
                "{threads} threads: {held:?}"
            );
        }
    }
}
