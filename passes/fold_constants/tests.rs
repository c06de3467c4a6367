use super::FoldConstants;
use ::graph::{Graph, Values, evaluate, parse};
use pass::{Changed, Pass, PassCx, Settings};

/// Runs the pass and checks that meaning is kept and a second run changes nothing.
fn folded(text: &str) -> (Graph, Changed) {
    let before = parse(text).unwrap();
    let (mut after, settings) = (before.clone(), Settings::default());
    let run = |graph: &mut Graph| {
        FoldConstants::default()
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

fn words(graph: &Graph) -> Vec<&'static str> {
    let word = |id| graph.node(id).op.word();
    graph.order().into_iter().map(word).collect()
}

#[test]
fn padding_merges_into_its_only_reader() {
    let (graph, _) = folded(
        "graph \"g\" {
  %0 \"x\" = input -> [1, 3, 4]
  %1 \"a\" = pad %0 1,0,0,1
  %2 \"b\" = pad %1 0,1,1,0
  %3 \"c\" = conv %2 out 1 kernel 2x3 stride 1,2 pad 1,0,0,0 weight [[[[1, 2, 3], [4, 5, 6]]]] bias [1]
  return %3
}",
    );
    assert_eq!(words(&graph), ["input", "conv"]);
}

#[test]
fn padding_before_an_average_counts_as_before() {
    let pooled = |pool: &str| {
        folded(&format!(
            "graph \"g\" {{
  %0 \"x\" = input -> [1, 4, 4]
  %1 \"a\" = pad %0 1,1,1,1
  %2 \"c\" = avg_pool %1 kernel 3x3 stride 1,1{pool}
  return %2
}}"
        ))
    };
    assert_eq!(words(&pooled("").0), ["input", "avg_pool"]);
    assert_eq!(words(&pooled(" pad 1,1,0,0 count_include_pad").0).len(), 2);
    // A pool may not pad by its whole window.
    assert_eq!(words(&pooled(" pad 2,2,2,2 count_include_pad").0).len(), 3);
    assert_eq!(words(&pooled(" pad 1,1,1,1").0).len(), 3);
    let (graph, _) = folded(
        "graph \"g\" {
  %0 \"x\" = input -> [1, 4, 4]
  %1 \"a\" = pad %0 1,0,1,0
  %2 \"c\" = avg_pool %1 kernel 3x3 stride 1,1 pad 1,1,1,1 count_include_pad
  return %2
}",
    );
    assert_eq!(words(&graph), ["input", "avg_pool"]);
}

#[test]
fn reshapes_and_affine_maps_shrink() {
    let (graph, _) = folded(
        "graph \"g\" {
  %0 \"x\" = input -> [2, 3]
  %1 \"a\" = reshape %0 -> [6]
  %2 \"b\" = reshape %1 -> [3, 2]
  %3 \"c\" = affine %2 scale [2] shift [[1], [2], [3]]
  %4 \"d\" = affine %3 scale [3, 4] shift [1]
  %5 \"e\" = affine %4 scale [1] shift [0]
  %6 \"f\" = pad %5 0,0,0,0
  %7 \"g\" = reshape %6 -> [3, 2]
  return %7
}",
    );
    assert_eq!(words(&graph), ["input", "reshape", "affine"]);
    assert!(graph.find("d").is_some());
}

#[test]
fn values_with_two_readers_stay() {
    let text = "graph \"g\" {
  %0 \"x\" = input -> [1, 3, 3]
  %1 \"a\" = pad %0 1,1,1,1
  %2 \"b\" = conv %1 out 1 kernel 1x1 stride 1,1 weight [[[[2]]]] bias [0]
  %3 \"c\" = add %1, %2
  return %3
}";
    assert_eq!(folded(text).1, Changed::No);
}
