use super::FoldBatchNorm;
use ::graph::{Graph, Op, Values, evaluate, parse};
use pass::{Changed, Pass, PassCx, Settings};

/// Runs the pass and checks that meaning is kept and a second run changes nothing.
fn folded(text: &str) -> (Graph, Changed) {
    let before = parse(text).unwrap();
    let (mut after, settings) = (before.clone(), Settings::default());
    let run = |graph: &mut Graph| {
        FoldBatchNorm::default()
            .run(graph, &mut PassCx::new(&settings))
            .unwrap()
    };
    let changed = run(&mut after);
    after.verify().unwrap();
    assert_eq!(run(&mut after), Changed::No);
    let n = before.n_elements(before.inputs()[0]);
    let x: Values = (0..n).map(|k| (k as f64 * 0.7).sin()).collect();
    let ys =
        [&before, &after].map(|graph| evaluate(graph, std::slice::from_ref(&x)).unwrap().remove(0));
    for (a, b) in ys[0].iter().zip(&ys[1]) {
        assert!((a - b).abs() < 1e-9, "{a} became {b}");
    }
    (after, changed)
}

const CONV: &str = "conv %0 out 2 kernel 2x2 stride 1,1 weight [[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]] bias [1, 2]";

fn behind(affine: &str) -> (Graph, Changed) {
    folded(&format!(
        "graph \"g\" {{
  %0 \"x\" = input -> [1, 3, 3]
  %1 \"c\" = {CONV}
  %2 \"bn\" = affine %1 {affine} from \"BatchNormalization 'bn'\"
  %3 \"r\" = relu %2
  return %3
}}"
    ))
}

#[test]
fn batch_norm_behind_a_conv_keeps_it_a_conv() {
    let (graph, _) = behind("scale [[[2]], [[-3]]] shift [[[1]], [[0.5]]]");
    let conv = graph.find("c").unwrap();
    assert!(matches!(graph.node(conv).op, Op::Conv { .. }));
    assert!(graph.node(conv).origin.contains("BatchNormalization 'bn'"));
    assert_eq!(graph.len(), 3);
}

#[test]
fn a_factor_per_pixel_makes_the_conv_linear() {
    let (graph, _) = behind("scale [2, 3] shift [1]");
    let conv = graph.find("c").unwrap();
    let stride = Some((1, 1));
    assert!(matches!(&graph.node(conv).op, Op::Linear { stride: s, .. } if *s == stride));
}

#[test]
fn affine_before_a_conv_folds_forward() {
    let before = |pad: &str, shift: &str| {
        let conv = CONV
            .replace("%0", "%2")
            .replace(" weight", &format!("{pad} weight"));
        let (graph, _) = folded(&format!(
            "graph \"g\" {{
  %0 \"x\" = input -> [9]
  %1 \"bn\" = affine %0 scale [2] shift {shift}
  %2 \"v\" = reshape %1 -> [1, 3, 3]
  %3 \"c\" = {conv}
  return %3
}}"
        ));
        assert_eq!(graph.len(), 3);
        graph.node(graph.find("c").unwrap()).op.word()
    };
    assert_eq!(before("", "[3]"), "conv");
    assert_eq!(before(" pad 1,1,1,1", "[0]"), "conv");
    assert_eq!(before(" pad 1,1,1,1", "[3]"), "linear");
    assert_eq!(before("", "[1, 2, 3, 4, 5, 6, 7, 8, 9]"), "linear");
}

#[test]
fn dense_layers_take_both_sides() {
    let (graph, _) = folded(
        "graph \"g\" {
  %0 \"x\" = input -> [2]
  %1 \"a\" = affine %0 scale [2, 3] shift [4, 5]
  %2 \"d\" = dense %1 weight [[1, 2], [3, 4], [5, 6]] bias [1, 2, 3]
  %3 \"b\" = affine %2 scale [2, 3, 4] shift [1]
  return %3
}",
    );
    assert_eq!(graph.len(), 2);
    assert_eq!(graph.node(graph.outputs()[0]).op.word(), "dense");
}

#[test]
fn a_value_with_two_readers_stays() {
    let (_, changed) = folded(
        "graph \"g\" {
  %0 \"x\" = input -> [2]
  %1 \"d\" = dense %0 weight [[1, 2], [3, 4]] bias [1, 2]
  %2 \"b\" = affine %1 scale [2] shift [1]
  %3 \"s\" = add %1, %2
  return %3
}",
    );
    assert_eq!(changed, Changed::No);
}
