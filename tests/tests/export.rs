//! Networks that are written as ONNX and read again.

use privet::Model;
use privet::extend::graph::{Detail, Op, print};
use privet::extend::{Graph, Tensor, evaluate};
use privet_tests::{models, networks};
use std::path::Path;

fn again(model: &Model, folder: &Path) -> Model {
    let path = folder.join(format!("{}.onnx", model.graph.name.replace(' ', "-")));
    model
        .save(&path, true)
        .unwrap_or_else(|e| panic!("{}: {e}", model.graph.name));
    let mut read = Model::import(&path).unwrap_or_else(|e| panic!("{}: {e}", model.graph.name));
    read.graph.name.clone_from(&model.graph.name);
    read
}

/// The text form with constants as f32 numbers, and without what a file does not hold.
fn rounded(graph: &Graph) -> String {
    let mut graph = graph.clone();
    let f32s = |tensor: &mut Tensor| *tensor = tensor.map(|v| f64::from(v as f32));
    for id in graph.order() {
        let node = graph.node_mut(id);
        node.origin.clear();
        match &mut node.op {
            Op::Conv { weight, bias, .. }
            | Op::ConvTranspose { weight, bias, .. }
            | Op::Dense { weight, bias } => [weight, bias].into_iter().for_each(f32s),
            Op::Affine { scale, shift } => [scale, shift].into_iter().for_each(f32s),
            Op::Polynomial(polynomial) => {
                let coefficients = polynomial.coefficients.iter_mut();
                coefficients.for_each(|c| *c = f64::from(*c as f32));
            }
            _ => {}
        }
    }
    print(&graph, Detail::Values)
}

fn alike(a: &Graph, b: &Graph, samples: &[Vec<Vec<f64>>]) {
    for sample in samples {
        let expected = evaluate(a, sample).expect("a sample").concat();
        let found = evaluate(b, sample).expect("a sample").concat();
        assert_eq!(found.len(), expected.len(), "{}", a.name);
        let largest = expected.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            let error = (found - expected).abs() / largest;
            assert!(
                error < 1e-5,
                "{}: found {found}, expected {expected}",
                a.name
            );
        }
    }
}

#[test]
fn trained_networks_stay_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    for trained in models::bundled() {
        let (model, samples, _) = trained.load();
        let once = again(&model, folder.path());
        assert_eq!(
            rounded(&once.graph),
            rounded(&model.graph),
            "{}",
            trained.name
        );
        let names = |model: &Model| -> Vec<String> {
            let ports = model.info.inputs.iter().chain(&model.info.outputs);
            ports.map(|port| port.name.clone()).collect()
        };
        assert_eq!(names(&once), names(&model), "{}", trained.name);
        let samples: Vec<_> = samples.into_iter().take(2).map(|s| vec![s]).collect();
        alike(&model.graph, &once.graph, &samples);
        let twice = again(&once, folder.path());
        assert_eq!(
            rounded(&twice.graph),
            rounded(&once.graph),
            "{}",
            trained.name
        );
    }
}

#[test]
fn networks_made_from_seeds_are_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, graph) in networks::all() {
        let once = again(&Model::from_graph(graph.clone()), folder.path());
        let twice = again(&once, folder.path());
        assert_eq!(
            print_plain(&twice.graph),
            print_plain(&once.graph),
            "{name}: the second time"
        );
        assert_eq!(rounded(&once.graph), rounded(&graph), "{name}");
        alike(&graph, &once.graph, &networks::samples(&graph, 2, 5));
    }
}

fn print_plain(graph: &Graph) -> String {
    let mut graph = graph.clone();
    for id in graph.order() {
        graph.node_mut(id).origin.clear();
    }
    print(&graph, Detail::Values)
}

#[test]
fn files_are_replaced_only_when_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.onnx");
    let (_, graph) = networks::all().remove(0);
    let model = Model::from_graph(graph);
    model.save(&path, false).expect("a new file");
    assert!(model.save(&path, false).is_err());
    model.save(&path, true).expect("replaced");
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("the folder")
            .count(),
        1
    );
}
