//! What `simplify` saves: on bundled networks, on networks made from seeds, and on circuits written naively.
//!
//! `cargo test --release -p privet-tests --test savings -- --nocapture` prints the table.

use privet::extend::{
    Changed, Circuit, Compiler, CostTable, Counts, Graph, Pass, PassCx, PassInfo, Pipeline,
    Program, Refusal, Settings, counts, run_slots,
};
use privet::prelude::{Options, compile};
use privet::{passes, passes::Simplify};
use privet_tests::golden::Golden;
use privet_tests::models::bundled;
use privet_tests::networks::Net;
use privet_tests::rng::Rng;
use privet_tests::{golden_folder, networks};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const NAME: &str = "simplify";

fn without() -> Compiler {
    let standard = passes::standard();
    Compiler {
        circuit: standard.circuit.clone().without(NAME).expect("it is there"),
        ..standard
    }
}

/// Rotations, key products, decompositions, mod downs, products and predicted time, if known.
fn figures(counts: &Counts) -> [u64; 5] {
    let products = counts.mul_plain + counts.mul_scalar + counts.mul;
    [
        counts.rotations,
        counts.key_products,
        counts.decompose,
        counts.mod_down,
        products,
    ]
}

fn row(name: &str, before: &Counts, after: &Counts, rest: &str) {
    let pairs = figures(before).into_iter().zip(figures(after));
    let cells: Vec<String> = pairs.map(|(b, a)| format!("{b:>5} {a:<5}")).collect();
    println!("{name:<38} | {} | {rest}", cells.join(" | "));
}

fn head() {
    println!(
        "{:<38} | rotations   | key products| decompose   | mod down    | products",
        "without, with"
    );
}

/// The pass, and the time it took in all.
struct Timed(Arc<AtomicU64>);

impl Pass<Circuit> for Timed {
    fn info(&self) -> PassInfo {
        Simplify::default().info()
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let start = Instant::now();
        let changed = Simplify::default().run(circuit, cx);
        let us = start.elapsed().as_micros() as u64;
        self.0.fetch_add(us, Ordering::Relaxed);
        changed
    }
}

#[test]
fn bundled_networks_never_cost_more() {
    head();
    let us = Arc::new(AtomicU64::new(0));
    let timed = without();
    let timed = Compiler {
        circuit: timed
            .circuit
            .insert_before("eliminate-common", Timed(us.clone()))
            .expect("it is there"),
        ..timed
    };
    let costs = CostTable::default();
    for trained in bundled() {
        let (model, _, calibration) = trained.load();
        let options = Options {
            calibration: Some(calibration),
            ..Options::default()
        };
        let made = |compiler: &Compiler| {
            let made = compile(&model, &options, compiler, &mut |_, _, _, _| {});
            made.unwrap_or_else(|e| panic!("{}: {e}", trained.name))
        };
        us.store(0, Ordering::Relaxed);
        let after = made(&timed);
        let is_changed = after.passes.iter().any(|p| p.name == NAME && p.changed);
        let took = us.load(Ordering::Relaxed) as f64 / 1e3;
        // Compiled without the pass only where that makes a difference.
        let before = is_changed.then(|| made(&without()).circuit);
        let before = before.as_ref().unwrap_or(&after.circuit);
        let price = |c: &Circuit| costs.circuit_us(c).expect("it verifies").0 / 1e3;
        let ms = [price(before), price(&after.circuit)];
        let rest = format!(
            "predicted {:.1} {:.1} ms, the pass took {took:.1} ms",
            ms[0], ms[1]
        );
        row(
            &trained.name,
            &counts(before),
            &counts(&after.circuit),
            &rest,
        );
        assert!(ms[1] <= ms[0], "{}: {ms:?} ms predicted", trained.name);
    }
}

/// Networks in which two linear layers meet in a sum.
fn joined() -> Vec<(&'static str, Graph)> {
    let net = Net::new("dense shortcut", &[32], 31);
    let entry = net.last();
    let net = net.dense(32).square().dense(32);
    let branch = net.last();
    let dense = net.from(entry).dense(32).plus(branch).square().dense(4);
    let net = Net::new("conv shortcut", &[2, 8, 8], 32);
    let entry = net.last();
    let net = net.conv(4, (3, 3), (2, 2), [1; 4], 1).square();
    let net = net.conv(4, (3, 3), (1, 1), [1; 4], 1);
    let branch = net.last();
    let conv = net
        .from(entry)
        .conv(4, (1, 1), (2, 2), [0; 4], 1)
        .plus(branch);
    let conv = conv.square().reshape(&[64]).dense(4);
    vec![
        ("dense shortcut", dense.done()),
        ("conv shortcut", conv.done()),
    ]
}

#[test]
fn networks_with_branches_cost_less() {
    let mut n_less = 0;
    head();
    for (name, graph) in networks::all().into_iter().chain(joined()) {
        let case = networks::case(name, graph, 15, 38);
        let made = |compiler: &Compiler| {
            let made = compiler.compile(&case.graph, &case.settings, &mut |_, _, _, _| {});
            made.unwrap_or_else(|e| panic!("{}: {e}", case.name))
                .circuit
        };
        let (before, after) = (made(&without()), made(&passes::standard()));
        let us = |c: &Circuit| case.settings.costs.circuit_us(c).expect("it verifies").0;
        let us = [us(&before), us(&after)];
        if before != after {
            let rest = format!("predicted {:.1} {:.1} ms", us[0] / 1e3, us[1] / 1e3);
            row(&case.name, &counts(&before), &counts(&after), &rest);
        }
        n_less += usize::from(us[1] < us[0]);
        assert!(us[1] <= us[0], "{}: {us:?} us predicted", case.name);
    }
    println!("{n_less} networks cost less");
    assert!(n_less > 0, "no network is cheaper");
}

/// The passes before parameters are chosen.
fn planned(circuit: &Circuit, compiler: &Compiler) -> Circuit {
    let mut circuit = circuit.clone();
    let pipeline = compiler
        .circuit
        .up_to("place-rescale")
        .expect("it is there");
    pipeline
        .run(&mut circuit, &Settings::default(), &mut |_, _, _| {})
        .unwrap_or_else(|e| panic!("{e}"));
    circuit
}

#[test]
fn naive_circuits_cost_less() {
    head();
    for name in [
        "naive-per-tap-convolution",
        "naive-rotate-and-sum",
        "siblings-that-rotate-on-their-own",
    ] {
        let path = golden_folder().join(NAME).join(format!("{name}.circuit"));
        let golden = Golden::read(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let circuit = golden.circuit().unwrap_or_else(|e| panic!("{name}: {e}"));
        let (before, after) = (
            planned(&circuit, &without()),
            planned(&circuit, &passes::standard()),
        );
        let rest = format!("levels {} {}", before.depth(), after.depth());
        row(name, &counts(&before), &counts(&after), &rest);
        let [b, a] = [&before, &after].map(|c| figures(&counts(c)));
        assert!(a.iter().zip(&b).all(|(a, b)| a <= b) && a != b, "{name}");
        assert!(after.depth() <= before.depth(), "{name}");
    }
}

/// Sums, masks and rotations at random: every result stays, slot by slot, and the price falls or nothing changes.
#[test]
fn random_circuits_keep_every_slot() {
    let pass: Arc<dyn Pass<Circuit>> = Arc::new(Simplify::default());
    let mut n_changed = 0;
    for seed in 0..60 {
        let circuit = random(&mut Rng::new(seed));
        let mut next = circuit.clone();
        let reports = Pipeline::new()
            .then(pass.clone())
            .run(&mut next, &Settings::default(), &mut |_, _, _| {})
            .unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        n_changed += usize::from(reports[0].changed);
        let refused = reports[0].notes.iter().any(|n| n.contains("failed"));
        assert!(!refused, "seed {seed}: {:?}", reports[0].notes);
        let mut rng = Rng::new(seed + 1000);
        let inputs: Vec<Vec<f64>> = (0..circuit.inputs().len())
            .map(|_| rng.vector(circuit.n_slots(), 1.0))
            .collect();
        let [old, new] = [&circuit, &next].map(|c| run_slots(c, &inputs, None).expect("it runs"));
        let largest = old.iter().flatten().fold(1.0f64, |m, v| m.max(v.abs()));
        for (a, b) in old.iter().flatten().zip(new.iter().flatten()) {
            let text = || format!("{}\n{}", circuit.print(), next.print());
            assert!((a - b).abs() <= 1e-9 * largest, "seed {seed}\n{}", text());
        }
    }
    assert!(n_changed >= 30, "only {n_changed} circuits change");
}

/// A number below `n`.
fn below(rng: &mut Rng, n: usize) -> usize {
    (rng.bits() % n as u64) as usize
}

/// A circuit of 4 to 40 operations on two inputs, as text.
fn random(rng: &mut Rng) -> Circuit {
    let n_ops = 4 + below(rng, 36);
    let mut text = "; slots: 8\ncircuit (%0: ct, %1: ct) {\n".to_owned();
    let mut values = vec![0, 1];
    let mut next = 2;
    for _ in 0..n_ops {
        let mut pick = || values[below(rng, values.len())];
        let (a, b, c) = (pick(), pick(), pick());
        let small = |rng: &mut Rng| ["0.0", "0.0", "1.0", "2.0", "-0.5"][below(rng, 5)];
        let vector = |rng: &mut Rng| {
            let numbers: Vec<&str> = (0..1 << below(rng, 4)).map(|_| small(rng)).collect();
            numbers.join(", ")
        };
        let op = match below(rng, 12) {
            0..=3 => format!("rotate %{a} by {}", 1 + below(rng, 7)),
            4 | 5 => format!("mul_plain %{a} * [{}]", vector(rng)),
            6 => format!("mul_scalar %{a} * {}", small(rng)),
            7 => format!("add_plain %{a} + [{}]", vector(rng)),
            8 => format!("sub %{a}, %{b}"),
            9 => format!("neg %{a}"),
            10 => format!("sum %{a}, %{b}, %{c}"),
            _ => format!("add %{a}, %{b}"),
        };
        text += &format!("  %{next} = {op}\n");
        if next % 11 == 0 {
            text += &format!("  %{} = mul %{next}, %{b}\n", next + 1);
            text += &format!("  %{} = relinearize %{}\n", next + 2, next + 1);
            next += 2;
        }
        values.push(next);
        next += 1;
    }
    let (last, other) = (next - 1, values[values.len() / 2]);
    text += &format!("  return %{last}, %{other}\n}}\n");
    privet::extend::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}
