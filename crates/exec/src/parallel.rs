//! Steps side by side.
//!
//! Tasks of the thread pool drive a run: each takes the earliest step that is ready, its operands computed, its key fetched
//! and the window at it, and the next when that is done. One that finds none lends a hand with parts of the operations
//! under way, and leaves when there are none for a while. So the pool's queues hold parts only, and a worker that waits
//! inside an operation for its last part does not begin a whole step meanwhile.
//!
//! No task ever waits for another: drivers of several runs may meet on one worker's stack, and would wait for themselves.

mod state;

use crate::run::{Inputs, execute, key_uses, outputs, release_held};
use crate::{Backend, ExecError, KeyId, Progress, Run, Schedule, window};
use circuit::{Circuit, ValueId};
use rayon::{Scope, Yield};
use state::{State, Task};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often in a row a driver looks for work in vain before it leaves, about a millisecond's worth. Calling it back takes
/// as long as a small operation.
const LOOKS: usize = 1000;

/// What is shared by all drivers of one run.
struct Runner<'a, B: Backend> {
    backend: &'a B,
    circuit: &'a Circuit,
    schedule: &'a Schedule,
    inputs: &'a Inputs<'a, B::Value>,
    progress: &'a Progress<'a>,
    /// Values that each step reads, each once.
    reads: Vec<Vec<ValueId>>,
    /// Steps that read each value.
    readers: Vec<Vec<usize>>,
    state: Mutex<State<B::Value>>,
    /// How many tasks are ready, to be read without the lock.
    n_ready: AtomicUsize,
    /// Nothing more will become ready, unless a driver is at work on it.
    over: AtomicBool,
    /// Steps done as told last.
    told: Mutex<usize>,
}

/// Runs independent steps at the same time.
///
/// # Errors
/// As [`crate::run()`], and the same one: steps before one that failed are still executed, for one of them may fail too.
pub(crate) fn run_parallel<B: Backend>(
    backend: &B,
    circuit: &Circuit,
    schedule: &Schedule,
    inputs: &Inputs<'_, B::Value>,
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
    let waits = (0..n_steps)
        .map(|i| reads[i].len() + usize::from(schedule.key(circuit, i).is_some()) + 1)
        .collect();
    let unread = readers.iter().map(Vec::len).collect();
    let state = State::new(waits, unread, key_uses(circuit, schedule));
    let runner = Runner {
        backend,
        circuit,
        schedule,
        inputs,
        progress,
        reads,
        readers,
        state: Mutex::new(state),
        n_ready: AtomicUsize::new(0),
        over: AtomicBool::new(n_steps == 0),
        told: Mutex::new(0),
    };
    rayon::scope(|scope| {
        let mut state = runner.lock();
        runner.enter(&mut state);
        runner.unlock(scope, state);
    });
    let state = runner
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some((_, error)) = state.failed {
        release_held(backend, state.keys.values().map(|(uses, _)| uses));
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

    /// Ends a change of the state: calls drivers for what has become ready.
    fn unlock<'s>(&'s self, scope: &Scope<'s>, mut state: MutexGuard<'s, State<B::Value>>) {
        let wanted = rayon::current_num_threads().min(state.busy + state.ready.len());
        let called = wanted.saturating_sub(state.drivers);
        state.drivers += called;
        self.n_ready.store(state.ready.len(), Ordering::Release);
        let over = state.failed.is_some() || state.n_done == state.done.len();
        self.over.store(over, Ordering::Release);
        drop(state);
        for _ in 0..called {
            scope.spawn(|scope| self.drive(scope));
        }
    }

    fn drive<'s>(&'s self, scope: &Scope<'s>) {
        let mut looks = 0;
        while looks < LOOKS {
            match self.take() {
                Some(Task { step, fetch: None }) => self.step(scope, step),
                Some(Task {
                    step,
                    fetch: Some(key),
                }) => self.fetch(scope, key, step),
                None if self.over.load(Ordering::Acquire) => break,
                None if rayon::yield_now() != Some(Yield::Executed) => {
                    looks += 1;
                    std::thread::yield_now();
                    continue;
                }
                None => {}
            }
            looks = 0;
        }
        let mut state = self.lock();
        state.drivers -= 1;
        self.unlock(scope, state);
    }

    /// The earliest task that is ready.
    fn take(&self) -> Option<Task> {
        if self.n_ready.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut state = self.lock();
        let task = state.ready.pop_first()?;
        state.busy += 1;
        self.n_ready.store(state.ready.len(), Ordering::Release);
        Some(task)
    }

    /// Moves the window on, and asks for the keys of what comes into it. All that comes before a failure is in it already.
    fn enter(&self, state: &mut State<B::Value>) {
        if state.failed.is_some() {
            return;
        }
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
                        state.ready.insert(Task {
                            step: i,
                            fetch: Some(uses.key),
                        });
                    }
                    waiting.push(i);
                }
            }
            state.one_less(i);
        }
        state.entered = state.entered.max(end);
    }

    fn fetch<'s>(&'s self, scope: &Scope<'s>, key: KeyId, asked_by: usize) {
        let result = self.backend.fetch_key(key);
        let mut state = self.lock();
        state.busy -= 1;
        match result {
            Ok(()) => {
                if let Some((uses, waiting)) = state.keys.get_mut(&key) {
                    uses.fetched = true;
                    for i in std::mem::take(waiting) {
                        state.one_less(i);
                    }
                }
            }
            Err(error) => state.fail(asked_by, error),
        }
        self.unlock(scope, state);
    }

    fn step<'s>(&'s self, scope: &Scope<'s>, i: usize) {
        let step = &self.schedule.steps[i];
        let operands: Vec<(ValueId, Option<Arc<B::Value>>)> = {
            let state = self.lock();
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

        let mut state = self.lock();
        state.busy -= 1;
        match result {
            Err(error) => {
                state.fail(i, error);
                self.unlock(scope, state);
            }
            Ok(value) => {
                let dead = self.keep(&mut state, i, value);
                let spent = self.finish(&mut state, i);
                let n_done = state.n_done;
                self.unlock(scope, state);
                drop(dead);
                if let Some(key) = spent {
                    self.backend.release_key(key);
                }
                self.tell(n_done);
            }
        }
    }

    /// Hands the value of step `i` to its readers; gives those that nothing reads any more.
    fn keep(&self, state: &mut State<B::Value>, i: usize, value: B::Value) -> Vec<Arc<B::Value>> {
        state.live += self.backend.bytes(&value);
        state.peak = state.peak.max(state.live);
        let made = self.schedule.steps[i].result();
        state.values[made.index()] = Some(Arc::new(value));
        for &reader in &self.readers[made.index()] {
            state.one_less(reader);
        }
        for v in &self.reads[i] {
            state.unread[v.index()] -= 1;
        }
        let mut dead = Vec::new();
        for &v in self.reads[i].iter().chain([&made]) {
            if state.unread[v.index()] == 0 && !self.circuit.outputs().contains(&v) {
                dead.extend(state.values[v.index()].take());
            }
        }
        state.live -= dead.iter().map(|v| self.backend.bytes(v)).sum::<u64>();
        dead
    }

    /// Step `i` is done; gives its key if no other step needs it.
    fn finish(&self, state: &mut State<B::Value>, i: usize) -> Option<KeyId> {
        let spent = self.schedule.key(self.circuit, i).and_then(|key| {
            let (uses, _) = state.keys.get_mut(&key)?;
            uses.left -= 1;
            (uses.left == 0).then_some(key)
        });
        state.done[i] = true;
        state.n_done += 1;
        while state.done.get(state.first) == Some(&true) {
            state.first += 1;
        }
        self.enter(state);
        spent
    }

    /// Reports progress, never backwards. One driver at a time does, and no other waits for it but at the end.
    fn tell(&self, n_done: usize) {
        let total = self.schedule.steps.len();
        let told = if n_done == total {
            Some(self.told.lock().unwrap_or_else(PoisonError::into_inner))
        } else {
            self.told.try_lock().ok()
        };
        if let Some(mut told) = told.filter(|told| **told < n_done) {
            *told = n_done;
            (self.progress)(n_done, total);
        }
    }
}
