//! Networks whose rectifiers and maxima are made of signs: graph, circuit and slots agree with the original.

use privet::extend::graph::Op;
use privet::extend::layout::Periodic;
use privet::extend::{
    Activation, Calibration, Circuit, Graph, PassCx, PoolGeometry, Settings, counts, evaluate,
    run_slots,
};
use privet::passes;
use privet::prelude::Activations;
use privet_tests::models::{bundled, shared};
use privet_tests::networks::{Net, samples};
use std::sync::Arc;

/// The network of polynomials, its circuit with rescales, and what the passes noted.
fn compiled(model: &Graph, settings: &Settings) -> (Graph, Circuit, Vec<String>) {
    let compiler = passes::standard();
    let mut graph = model.clone();
    let quiet = &mut |_: usize, _: &str, _: &Graph| {};
    let reports = compiler.graph.run(&mut graph, settings, quiet);
    let reports = reports.unwrap_or_else(|refusal| panic!("{refusal}"));
    let circuit = compiler.lower.lower(&graph, &mut PassCx::new(settings));
    let mut circuit = circuit.unwrap_or_else(|refusal| panic!("{refusal}"));
    let (front, _) = compiler.circuit.split_before("assign-levels");
    let done = front.run(&mut circuit, settings, &mut |_, _, _| {});
    done.unwrap_or_else(|refusal| panic!("{refusal}"));
    let notes = reports.into_iter().flat_map(|report| report.notes);
    (graph, circuit, notes.collect())
}

fn on_slots(graph: &Graph, circuit: &Circuit, sample: &[f64]) -> Vec<f64> {
    let layout = |id| -> Periodic { graph.node(id).facts.layout.clone().expect("a layout") };
    let packed = layout(graph.inputs()[0]).pack(sample);
    let whole = |ct: Vec<f64>| ct.into_iter().cycle().take(circuit.n_slots()).collect();
    let inputs: Vec<Vec<f64>> = packed.into_iter().map(whole).collect();
    let slots = run_slots(circuit, &inputs, None).expect("the circuit runs");
    layout(graph.outputs()[0]).unpack(&slots)
}

fn result(graph: &Graph, sample: &[f64]) -> Vec<f64> {
    evaluate(graph, &[sample.to_vec()]).expect("the sample fits")[0].clone()
}

fn argmax(values: &[f64]) -> usize {
    let best = values.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(k, _)| k)
}

/// Root-mean-square difference as a share of what is expected.
fn share(found: &[Vec<f64>], expected: &[Vec<f64>]) -> f64 {
    let (mut difference, mut size) = (0.0, 0.0);
    for (f, e) in found.iter().flatten().zip(expected.iter().flatten()) {
        difference += (f - e) * (f - e);
        size += e * e;
    }
    (difference / size).sqrt()
}

fn maxima(kernel: u32, stride: u32, pad: u32) -> Op {
    Op::MaxPool(PoolGeometry {
        kernel: (kernel, kernel),
        stride: (stride, stride),
        pad: [pad; 4],
        count_include_pad: false,
    })
}

fn settings(samples: Vec<Vec<Vec<f64>>>, error: f64, log_n: u8) -> Settings {
    Settings {
        calibration: Some(Arc::new(Calibration { samples })),
        activation_error: error,
        activations: Activations::Sign,
        log_n,
        ..Settings::default()
    }
}

#[test]
fn seeded_networks_keep_their_results_on_slots() {
    let relu = || Op::Activation(Activation::Relu);
    let clip = Op::Activation(Activation::Clip {
        low: -0.5,
        high: 1.0,
    });
    let first = |seed| Net::new("net", &[1, 8, 8], seed).conv(2, (3, 3), (1, 1), [1; 4], 1);
    let nets = [
        first(1)
            .then(relu(), &[])
            .then(maxima(2, 2, 0), &[])
            .dense(4)
            .done(),
        first(2)
            .then(maxima(3, 2, 1), &[])
            .then(relu(), &[])
            .dense(4)
            .done(),
        first(3).then(clip, &[]).dense(4).done(),
    ];
    for graph in nets {
        let settings = settings(samples(&graph, 64, 7), 0.02, 12);
        let (after, circuit, notes) = compiled(&graph, &settings);
        assert!(
            notes.iter().any(|note| note.contains("sign of degrees")),
            "{notes:?}"
        );
        let fresh = samples(&graph, 20, 11);
        let of = |graph: &Graph| -> Vec<Vec<f64>> {
            fresh
                .iter()
                .map(|sample| result(graph, &sample[0]))
                .collect()
        };
        let (expected, found) = (of(&graph), of(&after));
        // Not the samples of the fit, so somewhat more than the budget.
        assert!(share(&found, &expected) < 0.03, "{notes:?}");
        for (sample, found) in fresh.iter().zip(&found) {
            let slots = on_slots(&after, &circuit, &sample[0]);
            let gap = slots.iter().zip(found).map(|(a, b)| (a - b).abs());
            assert!(gap.fold(0.0, f64::max) < 1e-8);
        }
    }
}

#[test]
fn products_and_levels_are_those_that_were_planned() {
    let relu = Op::Activation(Activation::Relu);
    let graph = Net::new("net", &[16], 5)
        .dense(16)
        .then(relu, &[])
        .dense(4)
        .done();
    let settings = settings(samples(&graph, 64, 7), 0.001, 12);
    let (_, circuit, notes) = compiled(&graph, &settings);
    let sign = notes.iter().find(|note| note.contains("sign of degrees"));
    let levels = notes
        .iter()
        .find_map(|note| note.split_once(" levels of activations"));
    let levels: u64 = levels
        .and_then(|(n, _)| n.parse().ok())
        .expect("a note says levels");
    // One level for each of the dense layers.
    assert_eq!(circuit.depth(), levels + 2, "{sign:?}");
    let products = counts(&circuit).mul;
    assert!(products < 3 * levels, "{products} products, {sign:?}");
}

/// LeNet-5 with rectifiers and maxima, as exported; skipped where it is not beside the workspace.
#[test]
fn lenet_with_maxima_keeps_its_answers() {
    let all = shared();
    let Some(maximal) = all.iter().find(|t| t.name == "lenet5_mnist_relu_maxpool") else {
        eprintln!("skipped: no lenet5_mnist_relu_maxpool in the shared folder");
        return;
    };
    let bundled = bundled();
    let average = bundled
        .iter()
        .find(|t| t.name == "lenet5_mnist_relu_avgpool");
    let (_, _, digits) = average.expect("it is bundled").load();
    let (model, fresh, _) = maximal.load();
    let calibration: Vec<_> = digits.iter().step_by(4).map(|s| vec![s.clone()]).collect();
    let settings = settings(calibration, 0.1, 15);
    let (after, circuit, _) = compiled(&model.graph, &settings);
    for sample in fresh.iter().take(4) {
        let (exact, found) = (result(&model.graph, sample), result(&after, sample));
        let slots = on_slots(&after, &circuit, sample);
        let gap = slots.iter().zip(&found).map(|(a, b)| (a - b).abs());
        assert!(gap.fold(0.0, f64::max) < 1e-6);
        assert_eq!(argmax(&slots), argmax(&exact));
        assert!(share(&[slots], &[exact]) < 0.3);
    }
}
