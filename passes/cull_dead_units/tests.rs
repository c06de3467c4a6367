use super::CullDeadUnits;
use ::graph::{Graph, Op, Values, evaluate, parse};
use pass::{Changed, Pass, PassCx, Settings};

/// Runs the pass and checks that meaning is kept and a second run changes nothing.
fn culled(lines: &str) -> (Graph, Vec<String>) {
    let before = parse(&format!("graph \"g\" {{\n{lines}\n}}")).unwrap();
    let (mut after, settings) = (before.clone(), Settings::default());
    let run = |graph: &mut Graph| {
        let mut cx = PassCx::new(&settings);
        let changed = CullDeadUnits::default().run(graph, &mut cx).unwrap();
        (changed, cx.notes().to_vec())
    };
    let (_, notes) = run(&mut after);
    after.verify().unwrap();
    assert_eq!(
        run(&mut after).0,
        Changed::No,
        "{}",
        ::graph::print(&after, ::graph::Detail::Values)
    );
    let n = before.n_elements(before.inputs()[0]);
    let x: Values = (0..n).map(|k| (k as f64 * 0.7).sin()).collect();
    let ys =
        [&before, &after].map(|graph| evaluate(graph, std::slice::from_ref(&x)).unwrap().remove(0));
    for (a, b) in ys[0].iter().zip(&ys[1]) {
        assert!((a - b).abs() < 1e-9, "{a} became {b}");
    }
    (after, notes)
}

fn shape(graph: &Graph, name: &str) -> Vec<usize> {
    let id = graph
        .find(name)
        .unwrap_or_else(|| panic!("there is no {name}"));
    graph.shape(id).to_vec()
}

#[test]
fn a_chain_of_dead_units_goes_at_once() {
    // Unit 2 of `a` feeds only unit 1 of `b`, which nobody reads; unit 1 of `a` is constant.
    let (graph, notes) = culled(
        "%0 \"x\" = input -> [2]
         %1 \"a\" = dense %0 weight [[1, 2], [0, 0], [3, 4]] bias [1, 2, 3]
         %2 \"s\" = polynomial %1 power [1, 0, 1]
         %3 \"b\" = dense %2 weight [[1, 1, 0], [1, 1, 1]] bias [0, 1]
         %4 \"t\" = polynomial %3 power [0, 1, 1]
         %5 \"c\" = dense %4 weight [[2, 0]] bias [0]
         return %5",
    );
    assert_eq!((shape(&graph, "a"), shape(&graph, "b")), (vec![1], vec![1]));
    assert_eq!(
        notes,
        [
            "a: 2 of 3 units culled, 1 constant and 1 read by nobody",
            "b: 1 of 2 units culled, 0 constant and 1 read by nobody",
            "20 weights and biases became 7"
        ]
    );
}

#[test]
fn a_constant_channel_meets_zero_padding() {
    let (graph, _) = culled(
        "%0 \"x\" = input -> [1, 3, 3]
         %1 \"a\" = conv %0 out 2 kernel 1x1 stride 1,1 weight [[[[2]]], [[[0]]]] bias [0, 3]
         %2 \"b\" = conv %1 out 1 kernel 3x3 stride 1,1 pad 1,1,1,1 weight [[[[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1, 1, 1], [1, 1, 1], [1, 1, 2]]]] bias [1]
         return %2",
    );
    assert_eq!(shape(&graph, "a"), [1, 3, 3]);
    let b = &graph.node(graph.find("b").unwrap()).op;
    assert!(
        matches!(b, Op::Linear { .. }),
        "the border has other biases"
    );
}

#[test]
fn a_channel_goes_with_its_block_behind_a_flatten() {
    let (graph, _) = culled(
        "%0 \"x\" = input -> [1, 1, 2]
         %1 \"a\" = conv %0 out 3 kernel 1x1 stride 1,1 weight [[[[2]]], [[[1]]], [[[3]]]] bias [0, 3, 1]
         %2 \"m\" = affine %1 scale [[[1]], [[2]], [[3]]] shift [[[0]], [[1]], [[2]]]
         %3 \"f\" = reshape %2 -> [6]
         %4 \"b\" = dense %3 weight [[1, 2, 0, 0, 3, 4], [1, 2, 0, 0, 3, 0]] bias [0, 0]
         return %4",
    );
    assert_eq!(shape(&graph, "a"), [2, 1, 2]);
    assert_eq!(shape(&graph, "f"), [4]);
}

#[test]
fn a_residual_unit_goes_only_when_no_branch_needs_it() {
    let net = |shortcut: &str| {
        format!(
            "%0 \"x\" = input -> [2]
             %1 \"a\" = dense %0 weight [[1, 2], [0, 0], [0, 0]] bias [1, 2, 0]
             %2 \"p\" = dense %0 weight {shortcut} bias [1, 1, 0]
             %3 \"s\" = add %1, %2
             %4 \"t\" = polynomial %3 power [0, 0, 1]
             %5 \"c\" = dense %4 weight [[2, 1, 3]] bias [0]
             return %5"
        )
    };
    let (graph, _) = culled(&net("[[1, 2], [3, 4], [0, 0]]"));
    assert_eq!(shape(&graph, "s"), [2], "the shortcut holds unit 1");
    let (graph, _) = culled(&net("[[1, 2], [0, 0], [0, 0]]"));
    assert_eq!(shape(&graph, "s"), [1]);
}

#[test]
fn groups_of_convolutions() {
    let depthwise = "%0 \"x\" = input -> [3, 2, 2]
         %1 \"a\" = conv %0 out 3 kernel 2x2 stride 1,1 groups 3 weight [[[[1, 2], [3, 4]]], [[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]] bias [1, 2, 3]
         %2 \"b\" = dense %1 weight [[1, 0, 2]] bias [0]
         return %2";
    let (graph, _) = culled(
        &depthwise
            .replace(
                "input -> [3, 2, 2]",
                "input -> [3, 2, 2]\n %9 \"q\" = polynomial %0 power [0, 1, 1]",
            )
            .replace("conv %0", "conv %9"),
    );
    assert_eq!(shape(&graph, "a"), [2, 1, 1]);
    let a = &graph.node(graph.find("a").unwrap()).op;
    assert!(matches!(a, Op::Conv { geometry, .. } if geometry.groups == 2));
    // Channel 1 of the first group is unread: the groups become uneven, and the conv a matrix.
    let (graph, _) = culled(
        "%0 \"x\" = input -> [1, 1, 1]
         %1 \"a\" = conv %0 out 4 kernel 1x1 stride 1,1 weight [[[[1]]], [[[2]]], [[[3]]], [[[4]]]] bias [1, 2, 3, 4]
         %2 \"s\" = polynomial %1 power [0, 0, 1]
         %3 \"b\" = conv %2 out 2 kernel 1x1 stride 1,1 groups 2 weight [[[[1]], [[0]]], [[[2]], [[3]]]] bias [0, 1]
         return %3",
    );
    assert_eq!(shape(&graph, "a"), [3, 1, 1]);
    assert!(matches!(
        graph.node(graph.find("b").unwrap()).op,
        Op::Linear { .. }
    ));
}

#[test]
fn unread_inputs_stay_with_the_client() {
    let (graph, notes) = culled(
        "%0 \"x\" = input -> [1, 2, 4]
         %1 \"f\" = reshape %0 -> [8]
         %2 \"a\" = dense %1 weight [[0, 1, 0, 0, 2, 0, 0, 3], [0, 1, 0, 0, 2, 0, 4, 3]] bias [0, 1]
         return %2",
    );
    assert_eq!(shape(&graph, "x"), [1, 2, 4]);
    assert_eq!(shape(&graph, "f"), [4]);
    assert_eq!(notes[0], "x: 4 of 8 inputs are read");
}

#[test]
fn a_network_without_weights_keeps_one_unit() {
    let (graph, _) = culled(
        "%0 \"x\" = input -> [2]
         %1 \"a\" = dense %0 weight [[0, 0], [0, 0]] bias [1, 2]
         %2 \"b\" = dense %1 weight [[1, 2], [3, 4]] bias [0, 0]
         return %2",
    );
    assert_eq!((shape(&graph, "a"), shape(&graph, "b")), (vec![1], vec![2]));
}
