use super::FoldLinear;
use ::graph::{Graph, Op, Values, evaluate, parse};
use pass::{Changed, Pass, PassCx, Settings};

/// Runs the pass and checks that meaning is kept and a second run changes nothing.
fn folded(lines: &str) -> (Graph, Changed) {
    let before = parse(&format!("graph \"g\" {{\n{lines}\n}}")).unwrap();
    let (mut after, settings) = (before.clone(), Settings::default());
    let run = |graph: &mut Graph| {
        FoldLinear::default()
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

const INPUT: &str = "%0 \"x\" = input -> [1, 6, 6]";
const CONV: &str =
    "out 1 kernel 3x3 stride 1,1 pad 1,1,1,1 weight [[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]] bias [3]";
const POOL: &str = "out 1 kernel 2x2 stride 2,2 weight [[[[0.25, 0.25], [0.25, 0.25]]]] bias [0]";

fn stride(graph: &Graph, name: &str) -> Option<(u32, u32)> {
    match &graph.node(graph.find(name).unwrap()).op {
        Op::Linear { stride, .. } => *stride,
        op => panic!("{name} is {}", op.word()),
    }
}

#[test]
fn a_pool_behind_a_conv_folds_into_it() {
    let (graph, _) = folded(&format!(
        "{INPUT}\n%1 \"c\" = conv %0 {CONV} from \"Conv 'c'\"\n%2 \"p\" = conv %1 {POOL} from \"AveragePool 'p'\"\n%3 \"r\" = relu %2\nreturn %3"
    ));
    assert_eq!(graph.len(), 3);
    assert_eq!(stride(&graph, "c"), Some((2, 2)));
    let origin = &graph.node(graph.find("c").unwrap()).origin;
    assert_eq!(
        origin.iter().collect::<Vec<_>>(),
        ["AveragePool 'p'", "Conv 'c'"]
    );
}

#[test]
fn a_pool_behind_an_activation_folds_into_what_follows() {
    let (graph, _) = folded(&format!(
        "{INPUT}\n%1 \"c\" = conv %0 {CONV}\n%2 \"r\" = relu %1\n%3 \"p\" = conv %2 {POOL}\n%4 \"f\" = reshape %3 -> [9]\n%5 \"d\" = dense %4 weight [[1, 2, 3, 4, 5, 6, 7, 8, 9]] bias [1]\nreturn %5"
    ));
    let word = |id| graph.node(id).op.word();
    let words: Vec<&str> = graph.order().into_iter().map(word).collect();
    assert_eq!(words, ["input", "conv", "relu", "linear"]);
    assert_eq!(stride(&graph, "d"), None);
}

#[test]
fn a_dense_product_stays_apart() {
    let wide = "[[1], [1], [1], [1], [1], [1]]";
    let narrow = "[[1, 1, 1, 1, 1, 1]]";
    let chain = |first: &str, second: &str, n: usize| {
        folded(&format!(
            "%0 \"x\" = input -> [{n}]\n%1 \"a\" = dense %0 weight {first} bias [{}]\n%2 \"b\" = dense %1 weight {second} bias [{}]\nreturn %2",
            vec!["1"; first.matches("[").count() - 1].join(", "),
            vec!["1"; second.matches("[").count() - 1].join(", "),
        ))
        .1
    };
    assert_eq!(chain(narrow, wide, 6), Changed::No);
    assert_eq!(chain(wide, narrow, 1), Changed::Yes);
}

#[test]
fn a_value_with_two_readers_is_not_folded_across() {
    let (_, changed) = folded(&format!(
        "{INPUT}\n%1 \"c\" = conv %0 {CONV}\n%2 \"p\" = conv %1 {POOL}\n%3 \"r\" = reshape %1 -> [36]\nreturn %2, %3"
    ));
    assert_eq!(changed, Changed::No);
}

const PART: &str = "dense %0 weight [[1, 2], [3, 4], [0, 0], [0, 0]] bias [1, 1, 0, 0]";
const REST: &str = "weight [[0, 0], [0, 0], [5, 6], [7, 8]] bias [0, 0, 2, 2]";

fn words(graph: &Graph) -> Vec<&str> {
    let word = |id| graph.node(id).op.word();
    graph.order().into_iter().map(word).collect()
}

#[test]
fn a_sum_of_layers_of_one_value_is_one_layer() {
    let (graph, _) = folded(&format!(
        "%0 \"x\" = input -> [2]\n%1 \"a\" = {PART}\n%2 \"b\" = dense %0 {REST}\n%3 \"s\" = add %1, %2\nreturn %3"
    ));
    assert_eq!(words(&graph), ["input", "linear"]);
}

#[test]
fn a_layer_moves_into_a_sum_of_sparse_layers() {
    let parts = format!(
        "%0 \"x\" = input -> [2]\n%1 \"r\" = relu %0\n%2 \"a\" = {PART}\n%3 \"b\" = dense %1 {REST}\n%4 \"s\" = add %2, %3"
    );
    let (graph, _) = folded(&format!(
        "{parts}\n%5 \"d\" = dense %4 weight [[1, 2, 3, 4]] bias [5]\nreturn %5"
    ));
    assert_eq!(words(&graph), ["input", "relu", "linear", "linear", "add"]);
    let (graph, _) = folded(&format!(
        "{parts}\n%5 \"d\" = affine %4 scale [1, 2, 3, 4] shift 5\nreturn %5"
    ));
    assert_eq!(words(&graph), ["input", "relu", "linear", "linear", "add"]);
    let (_, changed) = folded(&format!("{parts}\nreturn %4"));
    assert_eq!(changed, Changed::No);
}
