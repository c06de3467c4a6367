//! Laws that hold for every registered pass, on networks made from seeds and on the inputs of all golden files.
//!
//! A law takes one step, a program before and after one pass, and says what is wrong. The last tests run wrong passes
//! and check that the laws catch them.

use privet::extend::graph::{self, Op as Node};
use privet::extend::layout::Periodic;
use privet::extend::{
    Changed, Circuit, Compiler, Graph, Op, Pass, PassCx, PassInfo, PassReport, Pipeline,
    PipelineError, Program, Refusal, Rotation, Settings, Value, evaluate, rule, run_slots,
};
use privet::passes;
use privet_tests::golden::{Form, Golden};
use privet_tests::networks::{self, Case, Net, all, corpus};
use privet_tests::render::diff;
use privet_tests::rng::Rng;
use privet_tests::{files_below, golden_folder};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// One pass on one program.
struct Step<P: Program> {
    case: String,
    pass: Arc<dyn Pass<P>>,
    settings: Settings,
    before: P,
    after: P,
    report: PassReport,
}

impl<P: Program> Step<P> {
    /// Runs the pass, then compacts and verifies as the pipeline does.
    fn run(
        case: &str,
        pass: &Arc<dyn Pass<P>>,
        before: &P,
        settings: &Settings,
    ) -> Result<Self, PipelineError> {
        let mut after = before.clone();
        let reports =
            Pipeline::new()
                .then(pass.clone())
                .run(&mut after, settings, &mut |_, _, _| {})?;
        let report = reports
            .into_iter()
            .next()
            .ok_or_else(|| Refusal::new("no pass ran"))?;
        Ok(Self {
            case: case.to_owned(),
            pass: pass.clone(),
            settings: settings.clone(),
            before: before.clone(),
            after,
            report,
        })
    }

    fn who(&self) -> String {
        format!("{} on {}", self.report.name, self.case)
    }
}

/// A graph and its circuit.
struct Lowered {
    case: String,
    graph: Graph,
    circuit: Circuit,
}

#[derive(Default)]
struct Steps {
    graph: Vec<Step<Graph>>,
    lowered: Vec<Lowered>,
    circuit: Vec<Step<Circuit>>,
    /// Cases that went through the whole pipeline.
    finished: usize,
}

/// Every step the laws look at.
fn steps() -> &'static Steps {
    static STEPS: OnceLock<Steps> = OnceLock::new();
    STEPS.get_or_init(|| {
        let mut steps = Steps::default();
        corpus().iter().for_each(|case| steps.network(case));
        steps.goldens();
        steps
    })
}

impl Steps {
    /// The standard pipeline, pass by pass; rings too small for the security table end before parameters are chosen.
    fn network(&mut self, case: &Case) {
        let Compiler {
            graph: graph_passes,
            lower,
            circuit: circuit_passes,
        } = passes::standard();
        let mut graph = case.graph.clone();
        for pass in graph_passes.passes() {
            let step = Step::run(&case.name, pass, &graph, &case.settings)
                .unwrap_or_else(|e| panic!("{}: {e}", case.name));
            graph = step.after.clone();
            self.graph.push(step);
        }
        let mut circuit = lower
            .lower(&graph, &mut PassCx::new(&case.settings))
            .unwrap_or_else(|e| panic!("{}: {e}", case.name));
        circuit.compact();
        self.lowered.push(Lowered {
            case: case.name.clone(),
            graph,
            circuit: circuit.clone(),
        });
        let is_secure = case.settings.log_n > 10;
        for pass in circuit_passes.passes() {
            if pass.info().name == "choose-params" && !is_secure {
                return;
            }
            let step = Step::run(&case.name, pass, &circuit, &case.settings)
                .unwrap_or_else(|e| panic!("{}: {}: {e}", case.name, pass.info().name));
            circuit = step.after.clone();
            self.circuit.push(step);
        }
        self.finished += 1;
    }

    /// Every pass by itself on every golden input of its form; what it refuses is no step.
    fn goldens(&mut self) {
        for path in files_below(&golden_folder()).iter().filter(|p| {
            p.extension()
                .is_some_and(|e| e == "graph" || e == "circuit")
        }) {
            let golden = Golden::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let name = path
                .file_stem()
                .map(|s| s.to_string_lossy().into_owned())
                .unwrap_or_default();
            let settings = golden.settings().unwrap_or_else(|e| panic!("{name}: {e}"));
            match golden.form {
                Form::Graph => {
                    let program = golden.graph().unwrap_or_else(|e| panic!("{name}: {e}"));
                    add_all(
                        &mut self.graph,
                        &name,
                        &passes::graph().standard(),
                        &program,
                        &settings,
                    );
                }
                Form::Circuit => {
                    let program = golden.circuit().unwrap_or_else(|e| panic!("{name}: {e}"));
                    add_all(
                        &mut self.circuit,
                        &name,
                        &passes::circuit().standard(),
                        &program,
                        &settings,
                    );
                }
                Form::Model => {}
            }
        }
    }
}

fn add_all<P: Program>(
    steps: &mut Vec<Step<P>>,
    name: &str,
    pipeline: &Pipeline<P>,
    program: &P,
    settings: &Settings,
) {
    for pass in pipeline.passes() {
        match Step::run(name, pass, program, settings) {
            Ok(step) => steps.push(step),
            Err(PipelineError::Refused(_)) => {}
            // What a pass needs may be missing here; then the verifier has the word.
            Err(PipelineError::Broke { pass, faults, .. }) => assert!(
                !pass_needs(pass).is_empty(),
                "{pass} on {name} broke: {faults:?}"
            ),
        }
    }
}

fn pass_needs(name: &str) -> &'static str {
    let infos = passes::graph()
        .infos()
        .into_iter()
        .chain(passes::circuit().infos());
    infos
        .filter(|i| i.name == name)
        .map(|i| i.needs)
        .next()
        .unwrap_or_default()
}

/// Checks a law on every step and lists who breaks it.
fn hold<P: Program>(steps: &[Step<P>], law: impl Fn(&Step<P>) -> Result<(), String>) {
    let broken: Vec<String> = steps
        .iter()
        .filter_map(|s| law(s).err().map(|why| format!("{}: {why}", s.who())))
        .collect();
    assert!(
        broken.is_empty(),
        "{} of {} steps break the law\n{}",
        broken.len(),
        steps.len(),
        broken
            .iter()
            .take(8)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}

/// Largest difference of two lists of vectors as a share of the largest value of the first, or of 1.
fn distance(expected: &[Vec<f64>], found: &[Vec<f64>]) -> f64 {
    let same_sizes = expected.len() == found.len()
        && expected.iter().zip(found).all(|(a, b)| a.len() == b.len());
    if !same_sizes {
        return f64::INFINITY;
    }
    let largest = expected
        .iter()
        .flatten()
        .fold(1.0f64, |m, v| m.max(v.abs()));
    let pairs = expected.iter().flatten().zip(found.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs()).fold(
        0.0,
        |m: f64, d| if d.is_nan() { f64::INFINITY } else { m.max(d) },
    ) / largest
}

const TOLERANCE: f64 = 1e-9;

fn close(expected: &[Vec<f64>], found: &[Vec<f64>]) -> Result<(), String> {
    let distance = distance(expected, found);
    if distance <= TOLERANCE {
        Ok(())
    } else {
        Err(format!(
            "results differ by {distance:.2e} of the largest, allowed are {TOLERANCE:.0e}"
        ))
    }
}

// ---- the laws

fn graph_meaning(step: &Step<Graph>) -> Result<(), String> {
    let replaces = |id| matches!(step.before.node(id).op, Node::Activation(_));
    if step.report.name == "approximate-activations"
        && step.before.order().into_iter().any(replaces)
    {
        return Ok(()); // Its work is to change them; accuracy has tests of its own.
    }
    for sample in networks::samples(&step.before, 2, 99) {
        let results = |graph: &Graph| evaluate(graph, &sample).map_err(|e| e.to_string());
        let expected = results(&step.before)?;
        if expected.iter().flatten().all(|v| v.is_finite()) {
            close(&expected, &results(&step.after)?)?;
        }
    }
    Ok(())
}

fn slots_of(circuit: &Circuit, seed: u64) -> Vec<Vec<f64>> {
    let mut rng = Rng::new(seed);
    (0..circuit.inputs().len())
        .map(|_| rng.vector(circuit.n_slots(), 1.0))
        .collect()
}

/// On slots that do not even repeat: rewriting a circuit keeps every slot of every result.
fn circuit_meaning(step: &Step<Circuit>) -> Result<(), String> {
    let inputs = slots_of(&step.before, 5);
    let results = |circuit: &Circuit| run_slots(circuit, &inputs, None).map_err(|e| e.to_string());
    close(&results(&step.before)?, &results(&step.after)?)
}

fn changed_is_told(step: &Step<impl Program>) -> Result<(), String> {
    let (before, after) = (step.before.print(), step.after.print());
    match (step.report.changed, before == after) {
        (true, true) => Err("says it changed the program and did not".to_owned()),
        (false, false) => Err(format!(
            "says it changed nothing, and\n{}",
            diff(&before, &after)
        )),
        _ => Ok(()),
    }
}

/// Bounded searches: from where one ended, another may go on.
const SEARCHES: [&str; 1] = ["co-permute-layers"];

fn second_run(step: &Step<impl Program>) -> Result<(), String> {
    if SEARCHES.contains(&step.report.name) {
        return Ok(());
    }
    let again = Step::run(&step.case, &step.pass, &step.after, &step.settings)
        .map_err(|e| format!("the second run: {e}"))?;
    let (first, second) = (step.after.print(), again.after.print());
    if again.report.changed || first != second {
        return Err(format!("the second run changes\n{}", diff(&first, &second)));
    }
    Ok(())
}

fn verifies(step: &Step<impl Program>) -> Result<(), String> {
    match step.after.verify().as_slice() {
        [] => Ok(()),
        faults => Err(faults.join("; ")),
    }
}

/// Kernel plans are printed as comments and made anew.
fn without_plans(text: &str) -> String {
    text.lines()
        .map(|l| format!("{}\n", l.split(" ; plan ").next().unwrap_or_default()))
        .collect()
}

fn graph_parses_back(graph: &Graph) -> Result<(), String> {
    let text = without_plans(&graph.print());
    let again = graph::parse(&text).map_err(|e| format!("{e}\n{text}"))?;
    let second = again.print();
    if second != text {
        return Err(diff(&text, &second));
    }
    let sample = networks::samples(graph, 1, 3).remove(0);
    // Bit for bit: the text holds the numbers themselves.
    let results = |graph: &Graph| format!("{:?}", evaluate(graph, &sample));
    if results(graph) == results(&again) {
        Ok(())
    } else {
        Err("what was parsed has other results".to_owned())
    }
}

fn circuit_parses_back(circuit: &Circuit) -> Result<(), String> {
    let text = circuit.print();
    let mut again = privet::extend::parse(&text).map_err(|e| e.to_string())?;
    let second = again.print();
    if second != text {
        return Err(diff(&text, &second));
    }
    // Plain vectors in the order of their first use, as after every pass.
    again.compact();
    if again == *circuit {
        Ok(())
    } else {
        Err("what was parsed prints the same and is another circuit".to_owned())
    }
}

/// Counts that a pass may raise, and why; all others may only fall.
const MAY_RISE: [(&str, &[&str], &str); 13] = [
    (
        "fold-batch-norm",
        &["linear"],
        "a conv that takes different factors per element becomes a matrix",
    ),
    (
        "lower-pooling",
        &["conv", "linear", "add", "abs"],
        "pools become layers, concatenations sums of them, maxima absolute values of differences",
    ),
    (
        "fold-linear",
        &["linear"],
        "products of layers are matrices",
    ),
    (
        "approximate-activations",
        &["affine", "linear", "polynomial"],
        "maps to and from the interval of a series, until a layer takes them in",
    ),
    (
        "cull-dead-units",
        &["linear", "select", "reshape"],
        "uneven groups and borders become matrices, unread inputs stay with the client",
    ),
    (
        "choose-packing",
        &["linear"],
        "what one operand of a sum needs to lie as the other does",
    ),
    (
        "co-permute-layers",
        &["select", "reshape"],
        "the client puts inputs and results in order",
    ),
    (
        "eliminate-zero-diagonals",
        &["linear"],
        "a layer without its zeros is a matrix",
    ),
    (
        "simplify",
        &["keys", "mul_scalar"],
        "fewer rotations may be by more different amounts, a product with a vector may become one with a number",
    ),
    (
        "hoist-rotations",
        &["rotations_hoisted"],
        "hoisting is what it does",
    ),
    (
        "delay-mod-down",
        &["rotations_hoisted"],
        "a rotation whose mod down is delayed is a hoisted one",
    ),
    (
        "place-rescale",
        &["rescale", "depth"],
        "placing rescales is what it does",
    ),
    (
        "assign-levels",
        &["refresh"],
        "where the chain ends, the client refreshes if the user allows it",
    ),
];
/// Only where a drop becomes a product with one, which its note says.
const ADJUSTED: [&str; 3] = ["mul_scalar", "rescale", "depth"];

fn counts_do_not_rise(step: &Step<impl Program>) -> Result<(), String> {
    let name = step.report.name;
    let mut may: BTreeSet<&str> = MAY_RISE
        .iter()
        .filter(|(pass, ..)| *pass == name)
        .flat_map(|(_, counts, _)| counts.iter().copied())
        .collect();
    if name == "match-scales" && step.report.notes.iter().any(|n| n.contains("adjusted")) {
        may.extend(ADJUSTED);
    }
    let before = step.before.count();
    for (count, after) in step.after.count() {
        let before = before.get(&count).copied().unwrap_or(0);
        if after > before && !may.contains(count.as_str()) {
            return Err(format!("{count} rose from {before} to {after}"));
        }
    }
    Ok(())
}

#[test]
fn every_pass_is_among_the_steps_and_edits_somewhere() {
    let steps = steps();
    let infos = passes::graph()
        .infos()
        .into_iter()
        .chain(passes::circuit().infos());
    let names = steps
        .graph
        .iter()
        .map(|s| &s.report)
        .chain(steps.circuit.iter().map(|s| &s.report));
    let mut edits: BTreeMap<&str, (usize, usize)> = infos.map(|i| (i.name, (0, 0))).collect();
    for report in names {
        let (runs, changes) = edits.entry(report.name).or_default();
        *runs += 1;
        *changes += usize::from(report.changed);
    }
    for (name, (runs, changes)) in &edits {
        println!("{name}: {runs} programs, {changes} changed");
        assert!(
            *runs >= 20 && *changes >= 3,
            "{name} runs on {runs} programs and changes {changes}: too few to tell anything"
        );
    }
    assert!(
        steps.lowered.len() >= 60 && steps.finished >= 20,
        "{} lowered, {} finished",
        steps.lowered.len(),
        steps.finished
    );
}

#[test]
fn meaning_is_kept_by_graph_passes() {
    hold(&steps().graph, graph_meaning);
}

#[test]
fn meaning_is_kept_by_circuit_passes() {
    hold(&steps().circuit, circuit_meaning);
}

/// Slots of a sample, every period written out.
fn packed(layout: &Periodic, values: &[f64], n_slots: usize) -> Vec<Vec<f64>> {
    layout
        .pack(values)
        .into_iter()
        .map(|ct| ct.iter().copied().cycle().take(n_slots).collect())
        .collect()
}

/// Results of a circuit for a sample of the graph it was made from.
fn results_on_slots(graph: &Graph, circuit: &Circuit, sample: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let layout = |id| graph.node(id).facts.layout.clone().expect("a layout");
    let inputs: Vec<Vec<f64>> = graph
        .inputs()
        .iter()
        .zip(sample)
        .flat_map(|(&id, values)| packed(&layout(id), values, circuit.n_slots()))
        .collect();
    let slots = run_slots(circuit, &inputs, None).expect("the circuit runs");
    let mut at = 0;
    let mut unpack = |id| {
        let layout: Periodic = layout(id);
        let from = at;
        at += layout.n_ciphertexts as usize;
        layout.unpack(&slots[from..at])
    };
    graph.outputs().iter().map(|&id| unpack(id)).collect()
}

#[test]
fn meaning_is_kept_by_lowering() {
    for Lowered {
        case,
        graph,
        circuit,
    } in &steps().lowered
    {
        for sample in networks::samples(graph, 2, 31) {
            let expected = evaluate(graph, &sample).expect("the sample fits");
            close(&expected, &results_on_slots(graph, circuit, &sample))
                .unwrap_or_else(|why| panic!("{case}: {why}"));
        }
    }
}

#[test]
fn the_verifier_accepts_what_passes_leave() {
    hold(&steps().graph, verifies);
    hold(&steps().circuit, verifies);
}

#[test]
fn a_pass_says_whether_it_changed_the_program() {
    hold(&steps().graph, changed_is_told);
    hold(&steps().circuit, changed_is_told);
}

#[test]
fn a_second_run_changes_nothing() {
    hold(&steps().graph, second_run);
    hold(&steps().circuit, second_run);
}

#[test]
fn what_is_printed_parses_back() {
    hold(&steps().graph, |s| graph_parses_back(&s.after));
    hold(&steps().circuit, |s| circuit_parses_back(&s.after));
    for Lowered { case, circuit, .. } in &steps().lowered {
        circuit_parses_back(circuit).unwrap_or_else(|why| panic!("{case}: {why}"));
    }
}

#[test]
fn counts_only_fall() {
    hold(&steps().graph, counts_do_not_rise);
    hold(&steps().circuit, |s| {
        // Under a cap on keys this is its work; then it is keys that fall.
        if s.report.name == "plan-keys" && s.settings.key_memory.is_some() {
            let keys = |circuit: &Circuit| circuit.needed_keys().map(|k| k.rotations.len());
            let (before, after) = (keys(&s.before), keys(&s.after));
            return (after <= before)
                .then_some(())
                .ok_or_else(|| format!("keys rose from {before:?} to {after:?}"));
        }
        counts_do_not_rise(s)
    });
}

fn compiled(compiler: &Compiler, case: &Case) -> Circuit {
    let made = compiler.compile(&case.graph, &case.settings, &mut |_, _, _, _| {});
    made.unwrap_or_else(|e| panic!("{}: {e}", case.name))
        .circuit
}

#[test]
fn equal_networks_give_equal_circuits() {
    let compiler = passes::standard();
    for (name, graph) in all() {
        let case = networks::case(name, graph, 15, 38);
        let first = compiled(&compiler, &case).print();
        let second = compiled(&compiler, &case).print();
        assert!(first == second, "{name}\n{}", diff(&first, &second));
        let graph = graph::parse(&case.graph.print()).expect("it parses back");
        let third = compiled(&compiler, &Case { graph, ..case }).print();
        assert!(first == third, "{name}, parsed\n{}", diff(&first, &third));
    }
}

#[test]
fn the_circuit_computes_the_network_in_every_ring() {
    let compiler = passes::standard();
    for (name, graph) in all() {
        for (log_n, scale_bits) in [(14, 34), (15, 38), (15, 40)] {
            let case = networks::case(name, graph.clone(), log_n, scale_bits);
            let made = match compiler.compile(&case.graph, &case.settings, &mut |_, _, _, _| {}) {
                Ok(made) => made,
                // The smaller ring is not for every network.
                Err(PipelineError::Refused(refusal))
                    if log_n == 14 && refusal.pass == Some("choose-params") =>
                {
                    continue;
                }
                Err(e) => panic!("{}: {e}", case.name),
            };
            assert!(
                made.circuit.params().is_some() && made.circuit.keys().is_some(),
                "{}",
                case.name
            );
            for sample in networks::samples(&case.graph, 2, 57) {
                let expected = evaluate(&case.graph, &sample).expect("the sample fits");
                let found = results_on_slots(&made.graph, &made.circuit, &sample);
                let distance = distance(&expected, &found);
                assert!(
                    distance <= 1e-6,
                    "{}: results differ by {distance:.2e} of the largest",
                    case.name
                );
            }
        }
    }
}

/// Passes that only save work may be left out; the circuit still computes the network and still gets parameters.
#[test]
fn passes_that_save_work_can_be_left_out() {
    let saves = [
        "fold-constants",
        "fold-batch-norm",
        "cull-dead-units",
        "co-permute-layers",
        "eliminate-zero-diagonals",
        "simplify",
        "eliminate-common",
        "hoist-rotations",
        "delay-mod-down",
        "place-relinearize",
    ];
    let without = |names: &[&str]| {
        let mut compiler = passes::standard();
        for name in names {
            compiler = match compiler.graph.clone().without(name) {
                Ok(graph) => Compiler { graph, ..compiler },
                Err(_) => Compiler {
                    circuit: compiler.circuit.clone().without(name).expect("it is there"),
                    ..compiler
                },
            };
        }
        compiler
    };
    let compilers: Vec<(String, Compiler)> = saves
        .iter()
        .map(|s| ((*s).to_owned(), without(&[s])))
        .chain([("all of them".to_owned(), without(&saves))])
        .collect();
    for (name, graph) in all() {
        let case = networks::case(name, graph, 15, 34);
        let sample = networks::samples(&case.graph, 1, 77).remove(0);
        let expected = evaluate(&case.graph, &sample).expect("the sample fits");
        for (left_out, compiler) in &compilers {
            let made = compiler
                .compile(&case.graph, &case.settings, &mut |_, _, _, _| {})
                .unwrap_or_else(|e| panic!("{} without {left_out}: {e}", case.name));
            let distance = distance(
                &expected,
                &results_on_slots(&made.graph, &made.circuit, &sample),
            );
            assert!(
                distance <= 1e-6,
                "{} without {left_out}: results differ by {distance:.2e}",
                case.name
            );
        }
    }
}

#[test]
fn zero_diagonals_cost_nothing_and_change_nothing() {
    for n in [8usize, 16] {
        for keep in [1, 2, 3] {
            let is_zero = move |row: usize, col: usize| (col + n - row) % n % 4 >= keep;
            let graph = Net::new("diagonals", &[n], n as u64)
                .dense(n)
                .without(is_zero)
                .square()
                .dense(n)
                .without(is_zero)
                .done();
            let case = networks::case("diagonals", graph, 14, 38);
            let sample = networks::samples(&case.graph, 1, 41).remove(0);
            let with = passes::standard();
            let without = Compiler {
                graph: with
                    .graph
                    .clone()
                    .without("eliminate-zero-diagonals")
                    .expect("it is there"),
                ..with.clone()
            };
            let [sparse, dense] = [with, without].map(|c| {
                c.compile(&case.graph, &case.settings, &mut |_, _, _, _| {})
                    .expect("it compiles")
            });
            close(
                &results_on_slots(&dense.graph, &dense.circuit, &sample),
                &results_on_slots(&sparse.graph, &sparse.circuit, &sample),
            )
            .expect("equal results");
            let products = |c: &Circuit| privet::extend::counts(c).mul_plain;
            // Copies of values merge further diagonals.
            let left = 2 * (n / 4 * keep) as u64;
            assert!(
                (1..=left).contains(&products(&sparse.circuit)),
                "at most one product for each of {left} diagonals that are left"
            );
            assert!(products(&dense.circuit) >= products(&sparse.circuit));
        }
    }
}

// ---- wrong passes are caught

/// A pass made of a function, for passes that are wrong on purpose.
struct Wrong<F>(F);

impl<P: Program, F: Fn(&mut P) -> bool + Send + Sync> Pass<P> for Wrong<F> {
    fn info(&self) -> PassInfo {
        PassInfo::new("wrong", "wrong on purpose")
    }

    fn run(&self, program: &mut P, _: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        Ok((self.0)(program).into())
    }
}

fn sample_circuit() -> Circuit {
    let text = "; slots: 8\ncircuit (%0: ct) {\n  %1 = rotate %0 by 1\n  %2 = mul_plain %1 * [1.0, 2.0]\n  %3 = add %2, %0\n  return %3\n}\n";
    privet::extend::parse(text).expect("it parses")
}

fn step_of<P: Program>(pass: impl Pass<P> + 'static, program: &P) -> Step<P> {
    let pass: Arc<dyn Pass<P>> = Arc::new(pass);
    Step::run("a wrong pass", &pass, program, &Settings::default())
        .unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn the_meaning_law_catches_wrong_circuits() {
    let rotates_too_far = rule("wrong", |c, v| match *c.op(v) {
        Op::Rotate { x, by } if by.amount() == 1 => Some(Op::Rotate {
            x,
            by: Rotation::new(2, c.n_slots()),
        }),
        _ => None,
    });
    let swaps_sub = rule("wrong", |c, v| match *c.op(v) {
        Op::Add(a, b) => Some(Op::Sub(b, a)),
        _ => None,
    });
    let circuit = sample_circuit();
    for step in [
        step_of(rotates_too_far, &circuit),
        step_of(swaps_sub, &circuit),
    ] {
        assert!(circuit_meaning(&step).is_err_and(|why| why.contains("results differ")));
    }
    let forgets_a_slot = Wrong(|c: &mut Circuit| {
        // One slot of one period off by a millionth.
        *c = privet::extend::parse(&c.print().replace("[1.0, 2.0]", "[1.0, 2.000001]"))
            .expect("it parses");
        true
    });
    assert!(circuit_meaning(&step_of(forgets_a_slot, &circuit)).is_err());
    assert!(circuit_meaning(&step_of(Wrong(|_: &mut Circuit| false), &circuit)).is_ok());
}

#[test]
fn the_meaning_law_catches_wrong_graphs() {
    let graph = Net::new("mlp", &[4], 1).dense(3).square().dense(2).done();
    let forgets_a_bias = Wrong(|g: &mut Graph| {
        let id = g.find("dense1").expect("it is there");
        if let Node::Dense { bias, .. } = &mut g.node_mut(id).op {
            *bias = bias.map(|_| 0.0);
        }
        true
    });
    assert!(
        graph_meaning(&step_of(forgets_a_bias, &graph))
            .is_err_and(|why| why.contains("results differ"))
    );
}

#[test]
fn the_other_laws_catch_wrong_passes() {
    let circuit = sample_circuit();
    let negates_twice = rule("wrong", |c, v| {
        matches!(c.op(v), Op::Rotate { .. }).then_some(Op::Neg(v))
    });
    assert!(second_run(&step_of(negates_twice, &circuit)).is_err());
    let is_silent = Wrong(|c: &mut Circuit| {
        *c = c.rebuild(|next, _, value| next.push(value));
        let out = c.outputs()[0];
        let neg = c.push(Value {
            op: Op::Neg(out),
            layer: None,
            class: None,
        });
        c.set_outputs(vec![neg]);
        false
    });
    assert!(
        changed_is_told(&step_of(is_silent, &circuit))
            .is_err_and(|why| why.contains("changed nothing"))
    );
    assert!(changed_is_told(&step_of(Wrong(|_: &mut Circuit| true), &circuit)).is_err());
    let rotates_more = rule("wrong", |c, v| match *c.op(v) {
        Op::Add(a, b) => (a != b).then_some(Op::Add(b, b)),
        _ => None,
    });
    assert!(counts_do_not_rise(&step_of(rotates_more, &circuit)).is_ok());
    let adds_more = rule("wrong", |c, v| {
        matches!(c.op(v), Op::Rotate { .. }).then_some(Op::Add(v, v))
    });
    assert!(
        counts_do_not_rise(&step_of(adds_more, &circuit))
            .is_err_and(|why| why.contains("add rose from 1 to 2"))
    );
}

#[test]
fn the_verifier_stops_a_pass_that_breaks_the_program() {
    let breaks = rule("wrong", |c, v| {
        matches!(c.op(v), Op::Add(..)).then_some(Op::Square(v))
    });
    let pass: Arc<dyn Pass<Circuit>> = Arc::new(breaks);
    let error = Step::run(
        "a wrong pass",
        &pass,
        &sample_circuit(),
        &Settings::default(),
    )
    .err();
    assert!(
        matches!(error, Some(PipelineError::Broke { pass: "wrong", .. })),
        "{error:?}"
    );
}
