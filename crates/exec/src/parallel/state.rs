//! What the drivers of a run know of it in common.

use crate::run::KeyUses;
use crate::{ExecError, KeyId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A step to execute, or a key to fetch for the first step that needs it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Task {
    pub step: usize,
    pub fetch: Option<KeyId>,
}

pub(super) struct State<V> {
    pub values: Vec<Option<Arc<V>>>,
    /// Per step, how much it still waits for: values, its key, the window.
    pub waits: Vec<usize>,
    /// Per value, how many steps have not read it yet.
    pub unread: Vec<usize>,
    /// Per key, its uses and the steps that wait for it.
    pub keys: BTreeMap<KeyId, (KeyUses, Vec<usize>)>,
    /// What can be done now, the earliest first.
    pub ready: BTreeSet<Task>,
    /// Drivers that were called and have not left.
    pub drivers: usize,
    /// Those of them that are at a task.
    pub busy: usize,
    pub done: Vec<bool>,
    pub n_done: usize,
    /// All steps before this one are done.
    pub first: usize,
    /// Steps before this one are in the window.
    pub entered: usize,
    pub live: u64,
    pub peak: u64,
    /// The failure of the earliest step that failed.
    pub failed: Option<(usize, ExecError)>,
}

impl<V> State<V> {
    /// Nothing done, nothing ready.
    pub fn new(waits: Vec<usize>, unread: Vec<usize>, keys: BTreeMap<KeyId, KeyUses>) -> Self {
        let n_steps = waits.len();
        Self {
            values: unread.iter().map(|_| None).collect(),
            waits,
            unread,
            keys: keys
                .into_iter()
                .map(|(key, uses)| (key, (uses, Vec::new())))
                .collect(),
            ready: BTreeSet::new(),
            drivers: 0,
            busy: 0,
            done: vec![false; n_steps],
            n_done: 0,
            first: 0,
            entered: 0,
            live: 0,
            peak: 0,
            failed: None,
        }
    }

    /// Something that step `i` waited for has come.
    pub fn one_less(&mut self, i: usize) {
        self.waits[i] -= 1;
        if self.waits[i] == 0 && self.failed.as_ref().is_none_or(|(failed, _)| i < *failed) {
            self.ready.insert(Task {
                step: i,
                fetch: None,
            });
        }
    }

    /// Step `i` failed: nothing after it is begun any more.
    pub fn fail(&mut self, i: usize, error: ExecError) {
        if self.failed.as_ref().is_none_or(|(first, _)| i < *first) {
            self.failed = Some((i, error));
            self.ready.retain(|task| task.step < i);
        }
    }
}
