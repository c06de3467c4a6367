//! Steps side by side.
//!
//! Every step is a task of the thread pool, ready once the values it reads are computed, its key is fetched and the
//! window has reached it. No task ever waits for another: a worker that waits inside an operation may pick up any other
//! task in the meantime, and would wait for itself.

use crate::run::{KeyUses, execute, key_uses, outputs};
use crate::{Backend, ExecError, KeyId, Progress, Run, Schedule, window};
use circuit::{Circuit, ValueId};
use rayon::ScopeFifo;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is shared by all steps of one run.
struct Runner<'a, B: Backend> {
    backend: &'a B,
    circuit: &'a Circuit,
    schedule: &'a Schedule,
    inputs: &'a [B::Value],
    progress: &'a Progress<'a>,
    /// Values that each step reads, each once.
    reads: Vec<Vec<ValueId>>,
    /// Steps that read each value.
    readers: Vec<Vec<usize>>,
    state: Mutex<State<B::Value>>,
}

struct State<V> {
    values: Vec<Option<Arc<V>>>,
    /// Per step, how much it still waits for: values, its key, the window.
    waits: Vec<usize>,
    /// Per value, how many steps have not read it yet.
    unread: Vec<usize>,
    keys: BTreeMap<KeyId, (KeyUses, Vec<usize>)>,
    done: Vec<bool>,
    n_done: usize,
    /// All steps before this one are done.
    first: usize,
    /// Steps before this one are in the window.
    entered: usize,
    live: u64,
    peak: u64,
    /// The failure of the earliest step that failed.
    failed: Option<(usize, ExecError)>,
}

/// What became ready.
enum Task {
    Step(usize),
    /// A key, and the step that asked for it first.
    Fetch(KeyId, usize),
}

/// Runs independent steps at the same time.
///
/// # Errors
/// As [`crate::run()`]; of several failures the one of the earliest step.
pub(crate) fn run_parallel<B: Backend>(
    backend: &B,
    circuit: &Circuit,
    schedule: &Schedule,
    inputs: &[B::Value],
    progress: &Progress<'_>,
) -> Result<Run<B::Value>, ExecError> {
    let n_steps = schedule.steps.len();
    let mut readers = vec![Vec::new(); circuit.values().len()];
    let mut reads = Vec::with_capacity(n_steps);
    for (i, step) in schedule.steps.iter().enumerate() {
        let mut read = step.reads(circuit);
        read.sort_unstable();
        read.dedup();
        read.iter().for_each(|v| readers[v.index()].push(i));
        reads.push(read);
    }
    let needs_key = |i: usize| usize::from(schedule.key(circuit, i).is_some());
    let state = State {
        values: vec![None; circuit.values().len()],
        waits: (0..n_steps)
            .map(|i| reads[i].len() + needs_key(i) + 1)
            .collect(),
        unread: readers.iter().map(Vec::len).collect(),
        keys: key_uses(circuit, schedule)
            .into_iter()
            .map(|(key, uses)| (key, (uses, Vec::new())))
            .collect(),
        done: vec![false; n_steps],
        n_done: 0,
        first: 0,
        entered: 0,
        live: 0,
        peak: 0,
        failed: None,
    };
    let runner = Runner {
        backend,
        circuit,
        schedule,
        inputs,
        progress,
        reads,
        readers,
        state: Mutex::new(state),
    };
    rayon::scope_fifo(|scope| {
        let mut ready = Vec::new();
        runner.enter(&mut runner.lock(), &mut ready);
        runner.start(scope, ready);
    });
    let state = runner
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some((_, error)) = state.failed {
        return Err(error);
    }
    Ok(Run {
        outputs: outputs(circuit, &|id| state.values[id.index()].as_deref())?,
        live_peak_bytes: state.peak,
    })
}

impl<B: Backend> Runner<'_, B> {
    fn lock(&self) -> MutexGuard<'_, State<B::Value>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start<'s>(&'s self, scope: &ScopeFifo<'s>, ready: Vec<Task>) {
        for task in ready {
            scope.spawn_fifo(move |scope| match task {
                Task::Step(i) => self.step(scope, i),
                Task::Fetch(key, i) => self.fetch(scope, key, i),
            });
        }
    }

    /// Moves the window on, and asks for the keys of what comes into it.
    fn enter(&self, state: &mut State<B::Value>, ready: &mut Vec<Task>) {
        let n_steps = self.schedule.steps.len();
        let end = n_steps.min(state.first + window(rayon::current_num_threads()));
        for i in state.entered..end {
            if let Some((uses, waiting)) = self
                .schedule
                .key(self.circuit, i)
                .and_then(|key| state.keys.get_mut(&key))
            {
                if uses.fetched {
                    state.waits[i] -= 1;
                } else {
                    if waiting.is_empty() {
                        ready.push(Task::Fetch(uses.key, i));
                    }
                    waiting.push(i);
                }
            }
            state.one_less(i, ready);
        }
        state.entered = state.entered.max(end);
    }

    fn fetch<'s>(&'s self, scope: &ScopeFifo<'s>, key: KeyId, asked_by: usize) {
        let result = self.backend.fetch_key(key);
        let mut ready = Vec::new();
        let mut state = self.lock();
        match result {
            Ok(()) => {
                if let Some((uses, waiting)) = state.keys.get_mut(&key) {
                    uses.fetched = true;
                    for i in std::mem::take(waiting) {
                        state.one_less(i, &mut ready);
                    }
                }
            }
            Err(error) => state.fail(asked_by, error),
        }
        drop(state);
        self.start(scope, ready);
    }

    fn step<'s>(&'s self, scope: &ScopeFifo<'s>, i: usize) {
        let step = &self.schedule.steps[i];
        let operands: Vec<(ValueId, Option<Arc<B::Value>>)> = {
            let state = self.lock();
            if state.failed.is_some() {
                return;
            }
            let read = self.reads[i].iter();
            read.map(|v| (*v, state.values[v.index()].clone()))
                .collect()
        };
        let get = |id: ValueId| {
            let found = operands.iter().find(|(v, _)| *v == id);
            found.and_then(|(_, value)| value.as_deref())
        };
        let result = execute(self.backend, self.circuit, step, self.inputs, &get);
        drop(operands);

        let mut ready = Vec::new();
        let mut dead = Vec::new();
        let mut state = self.lock();
        match result {
            Err(error) => state.fail(i, error),
            Ok(value) => {
                state.live += self.backend.bytes(&value);
                state.peak = state.peak.max(state.live);
                let made = step.result();
                state.values[made.index()] = Some(Arc::new(value));
                for &reader in &self.readers[made.index()] {
                    state.one_less(reader, &mut ready);
                }
                for v in &self.reads[i] {
                    state.unread[v.index()] -= 1;
                }
                for &v in self.reads[i].iter().chain([&made]) {
                    if state.unread[v.index()] == 0 && !self.circuit.outputs().contains(&v) {
                        dead.extend(state.values[v.index()].take());
                    }
                }
                state.live -= dead.iter().map(|v| self.backend.bytes(v)).sum::<u64>();
                self.finish(&mut state, i, &mut ready);
            }
        }
        drop(state);
        drop(dead);
        self.start(scope, ready);
    }

    fn finish(&self, state: &mut State<B::Value>, i: usize, ready: &mut Vec<Task>) {
        if let Some((uses, _)) = self
            .schedule
            .key(self.circuit, i)
            .and_then(|key| state.keys.get_mut(&key))
        {
            uses.left -= 1;
            if uses.left == 0 {
                self.backend.release_key(uses.key);
            }
        }
        state.done[i] = true;
        state.n_done += 1;
        while state.done.get(state.first) == Some(&true) {
            state.first += 1;
        }
        self.enter(state, ready);
        (self.progress)(state.n_done, state.done.len());
    }
}

impl<V> State<V> {
    /// Something that step `i` waited for has come.
    fn one_less(&mut self, i: usize, ready: &mut Vec<Task>) {
        self.waits[i] -= 1;
        if self.waits[i] == 0 {
            ready.push(Task::Step(i));
        }
    }

    fn fail(&mut self, i: usize, error: ExecError) {
        if self.failed.as_ref().is_none_or(|(first, _)| i < *first) {
            self.failed = Some((i, error));
        }
    }
}
