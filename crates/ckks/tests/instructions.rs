//! Instructions that the kernels execute, counted exactly and held to a committed table.
//!
//! A forked child asks to be traced, stops, runs one kernel and stops again; its parent steps it one instruction at a
//! time in between. This needs no performance counters and knows every instruction set. Where tracing is not permitted,
//! or in a build with debug assertions, the test says so and passes.
//!
//! `BLESS=1 cargo test --release -p privet-ckks --test instructions` rewrites the lines of this machine's sets.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use privet_ckks::bench_support::{Call, instruction_sets, kernels};
use std::collections::BTreeMap;
use std::path::Path;
use std::ptr::null_mut;

/// Words of a limb.
const N: usize = 1 << 7;

/// Words of a limb for the transforms of the vector sets: enough for several passes.
const N_PASSES: usize = 1 << 11;

const PRIME_BITS: u8 = 46;

/// How far a count may exceed the table, since compilers place spills and loop ends as they like.
const TOLERANCE: f64 = 0.03;

/// Instructions per call that may come and go with the compiler's choices around the loops.
const PER_CALL: f64 = 24.0;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/instructions.txt");

/// Exit status of a child that may not be traced.
const UNTRACEABLE: i32 = 77;

/// Instructions that `call` executes, plus a constant; `None` where tracing is not permitted.
fn steps(call: &mut dyn FnMut()) -> Option<u64> {
    // SAFETY: the child touches only memory that it has, takes no lock, and ends by `_exit`; the parent passes
    // pointers to its own variables, and requests that ignore their pointers.
    unsafe {
        let child = libc::fork();
        if child < 0 {
            return None;
        }
        if child == 0 {
            let nothing = null_mut::<libc::c_void>();
            if libc::ptrace(libc::PTRACE_TRACEME, 0, nothing, nothing) < 0 {
                libc::_exit(UNTRACEABLE);
            }
            libc::raise(libc::SIGSTOP);
            call();
            libc::raise(libc::SIGSTOP);
            libc::_exit(0);
        }
        let stop_signal = || {
            let mut status = 0;
            let waited = libc::waitpid(child, &mut status, 0);
            (waited == child && libc::WIFSTOPPED(status)).then(|| libc::WSTOPSIG(status))
        };
        if stop_signal() != Some(libc::SIGSTOP) {
            return None;
        }
        let mut count = 0;
        let ended = loop {
            // Steps without delivering the signal that stopped the child.
            let nothing = null_mut::<libc::c_void>();
            if libc::ptrace(libc::PTRACE_SINGLESTEP, child, nothing, nothing) < 0 {
                break false;
            }
            match stop_signal() {
                Some(libc::SIGTRAP) => count += 1,
                Some(libc::SIGSTOP) => break true,
                Some(_) => {}
                None => return None,
            }
        };
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, null_mut(), 0);
        ended.then_some(count)
    }
}

/// Instructions per word by set and kernel, or `None`.
fn measure() -> Option<BTreeMap<(String, String), f64>> {
    let overhead = steps(&mut || {})?;
    let mut table = BTreeMap::new();
    for set in instruction_sets() {
        let long = |(name, _): &Call| set != "scalar" && ["forward", "inverse"].contains(name);
        let all = kernels(set, PRIME_BITS, N).into_iter();
        let passes = kernels(set, PRIME_BITS, N_PASSES).into_iter().filter(long);
        let sizes = all
            .map(|call| (N, call))
            .chain(passes.map(|call| (N_PASSES, call)));
        for (n, (name, mut call)) in sizes {
            // Once untraced, for what happens only the first time.
            call();
            let count = steps(&mut *call)?.saturating_sub(overhead);
            let name = format!("{name}/{n}");
            table.insert((set.into(), name), count as f64 / n as f64);
        }
    }
    Some(table)
}

/// Lines of set, kernel and instructions per word.
fn read(path: &Path) -> BTreeMap<(String, String), f64> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [set, kernel, count] = words[..] else {
                panic!("{}: not three words: {line}", path.display());
            };
            let count = count.parse().expect("a number of instructions");
            ((set.into(), kernel.into()), count)
        })
        .collect()
}

fn write(path: &Path, table: &BTreeMap<(String, String), f64>) {
    let mut text =
        format!("# Set, kernel/words of a limb, instructions per word; {PRIME_BITS}-bit prime.\n");
    for ((set, kernel), count) in table {
        text += &format!("{set:<12}{kernel:<24}{count:>7.2}\n");
    }
    std::fs::write(path, text).expect("the table can be written");
}

#[test]
fn kernels_execute_no_more_instructions_than_before() {
    if cfg!(debug_assertions) {
        println!("skipped: counts are those of a build without debug assertions");
        return;
    }
    let Some(measured) = measure() else {
        println!("skipped: this system does not let a process trace its child");
        return;
    };
    let path = Path::new(TABLE);
    let mut table = read(path);
    if std::env::var_os("BLESS").is_some() {
        table.retain(|(set, _), _| !instruction_sets().contains(&set.as_str()));
        table.extend(measured);
        write(path, &table);
        return;
    }
    let mut worse = Vec::new();
    for ((set, kernel), count) in measured {
        let key = (set, kernel);
        let Some(&expected) = table.get(&key) else {
            worse.push(format!("{} {}: {count:.2}, not in the table", key.0, key.1));
            continue;
        };
        let line = format!(
            "{} {}: {count:.2} instructions per word, {expected:.2} in the table",
            key.0, key.1
        );
        let words = key.1.rsplit('/').next().and_then(|n| n.parse::<f64>().ok());
        let around = PER_CALL / words.expect("a kernel's name ends with its size");
        if count > expected * (1.0 + TOLERANCE) + around {
            worse.push(line);
        } else if count < expected * (1.0 - TOLERANCE) {
            println!("fewer, bless: {line}");
        }
    }
    assert!(
        worse.is_empty(),
        "more instructions than before; if that is meant, run\n  \
         BLESS=1 cargo test --release -p privet-ckks --test instructions\n{}",
        worse.join("\n")
    );
}
