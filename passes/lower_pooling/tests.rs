use super::LowerPooling;
use ::graph::{Graph, Op, Values, evaluate, parse};
use pass::{Activations, Changed, Pass, PassCx, Settings};

fn run(graph: &mut Graph) -> Result<Changed, pass::Refusal> {
    let settings = Settings::default();
    LowerPooling::default().run(graph, &mut PassCx::new(&settings))
}

/// The operation that `op` on a 2x5x6 image becomes, meaning and shape kept.
fn lowered(op: &str) -> &'static str {
    let text =
        format!("graph \"g\" {{\n %0 \"x\" = input -> [2, 5, 6]\n %1 \"p\" = {op}\n return %1\n}}");
    let before = parse(&text).unwrap();
    let mut after = before.clone();
    assert_eq!(run(&mut after), Ok(Changed::Yes));
    after.verify().unwrap();
    assert_eq!(run(&mut after), Ok(Changed::No));
    let x: Values = (0..60).map(|k| (f64::from(k) * 0.7).sin()).collect();
    let ys =
        [&before, &after].map(|graph| evaluate(graph, std::slice::from_ref(&x)).unwrap().remove(0));
    assert_eq!(ys[0].len(), ys[1].len());
    for (a, b) in ys[0].iter().zip(&ys[1]) {
        assert!((a - b).abs() < 1e-9, "{a} became {b}");
    }
    after.node(after.outputs()[0]).op.word()
}

#[test]
fn averages_are_depthwise_convs() {
    assert_eq!(lowered("avg_pool %0 kernel 2x2 stride 2,2"), "conv");
    assert_eq!(
        lowered("avg_pool %0 kernel 3x2 stride 2,1 pad 1,1,2,0 count_include_pad"),
        "conv"
    );
    assert_eq!(lowered("global_avg_pool %0"), "conv");
}

#[test]
fn varying_divisors_and_paddings_are_linear() {
    assert_eq!(
        lowered("avg_pool %0 kernel 3x2 stride 2,1 pad 1,1,2,0"),
        "linear"
    );
    assert_eq!(lowered("pad %0 1,0,2,3"), "linear");
}

#[test]
fn moves_are_linear() {
    let lines = [
        "select %0 axes [2, 0, 1] take [6 from 5 by -1], [2 from 0], [1 empty, 3 from 1] fill 0.5",
        "select %0 take [2 from 0], [3 from 0 by 2], [6 from 0]",
        "mean %0 axes [0, 2]",
        "conv_transpose %0 out 1x10x12 kernel 2x2 stride 2,2 weight [[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]] bias [0.5]",
    ];
    for line in lines {
        assert_eq!(lowered(line), "linear");
    }
    assert_eq!(lowered("concat %0, %0, %0 axis 1"), "add");
}

#[test]
fn slices_of_images_stay_images() {
    let stride = |take: &str| {
        let text = format!(
            "graph \"g\" {{\n %0 \"x\" = input -> [2, 5, 6]\n %1 \"s\" = select %0 take {take}\n return %1\n}}"
        );
        let mut graph = parse(&text).unwrap();
        assert_eq!(run(&mut graph), Ok(Changed::Yes));
        match graph.node(graph.outputs()[0]).op {
            Op::Linear { stride, .. } => stride,
            _ => panic!("no linear node"),
        }
    };
    assert_eq!(
        stride("[2 from 0], [3 from 0 by 2], [6 from 0]"),
        Some((2, 1))
    );
    assert_eq!(
        stride("[1 from 1], [1 empty, 5 from 0], [4 from 1]"),
        Some((1, 1))
    );
    assert_eq!(stride("[2 from 0], [5 from 0], [6 from 5 by -1]"), None);
    assert_eq!(
        stride("[2 from 0], [5 from 0], [2 from 0 by 0, 1 from 1]"),
        None
    );
}

#[test]
fn one_dimension_works_too() {
    let mut graph = parse(
        "graph \"g\" {\n %0 \"x\" = input -> [2, 6]\n %1 \"a\" = pad %0 0,1,0,2\n %2 \"p\" = avg_pool %1 kernel 1x3 stride 1,3\n return %2\n}",
    )
    .unwrap();
    let x = [vec![1.0; 12]];
    let expected = evaluate(&graph, &x);
    assert_eq!(run(&mut graph), Ok(Changed::Yes));
    graph.verify().unwrap();
    assert_eq!(evaluate(&graph, &x), expected);
}

#[test]
fn a_maximum_is_refused_by_name() {
    let mut graph = parse(
        "graph \"g\" {\n %0 \"x\" = input -> [1, 4, 4]\n %1 \"p\" = max_pool %0 kernel 2x2 stride 2,2 from \"MaxPool 'pool1'\"\n return %1\n}",
    )
    .unwrap();
    let refusal = run(&mut graph).unwrap_err();
    assert_eq!(
        refusal.message,
        "MaxPool 'pool1' takes maxima over 2x2 windows, expected averages"
    );
    assert!(refusal.help.unwrap().starts_with("--activations sign"));
}

/// Absolute values and levels of linear layers that a pool of a 2x7x6 image, or a 2x7 one, takes; meaning kept.
fn maxima(shape: &str, pool: &str) -> (usize, usize) {
    let text = format!(
        "graph \"g\" {{\n %0 \"x\" = input -> [{shape}]\n %1 \"p\" = max_pool %0 {pool}\n return %1\n}}"
    );
    let before = parse(&text).unwrap();
    let mut after = before.clone();
    let settings = Settings {
        activations: Activations::Sign,
        ..Settings::default()
    };
    let mut cx = PassCx::new(&settings);
    let changed = LowerPooling::default().run(&mut after, &mut cx);
    assert_eq!(changed, Ok(Changed::Yes));
    after.verify().unwrap();
    let n = before.n_elements(before.inputs()[0]);
    let x: Values = (0..n).map(|k| (k as f64 * 1.7).sin() - 2.0).collect();
    let ys =
        [&before, &after].map(|graph| evaluate(graph, std::slice::from_ref(&x)).unwrap().remove(0));
    assert_eq!(ys[0].len(), ys[1].len());
    for (a, b) in ys[0].iter().zip(&ys[1]) {
        assert!((a - b).abs() < 1e-9, "{pool}: {a} became {b}");
    }
    let count = |word: &str| {
        let is = |id: &graph::NodeId| after.node(*id).op.word() == word;
        after.order().iter().filter(|id| is(id)).count()
    };
    (count("abs"), count("linear"))
}

#[test]
fn maxima_are_averages_and_distances() {
    let image = |pool| maxima("2, 7, 6", pool);
    assert_eq!(image("kernel 2x2 stride 2,2"), (2, 4));
    assert_eq!(image("kernel 3x3 stride 2,2"), (4, 8));
    assert_eq!(image("kernel 3x2 stride 2,1 pad 1,1,1,0"), (3, 6));
    assert_eq!(image("kernel 5x1 stride 1,2 pad 4,0,3,0"), (3, 7));
    assert_eq!(image("kernel 7x6 stride 1,1"), (6, 12));
    assert_eq!(maxima("2, 7", "kernel 1x3 stride 1,2 pad 0,1,0,1"), (2, 4));
}

#[test]
fn orders_of_inputs_and_results_stay() {
    let mut graph = parse(
        "graph \"g\" {
         %0 \"x\" = input -> [3]
         %1 \"in\" = select %0 take [1 from 2, 2 from 0] -> [3]
         %2 \"a\" = dense %1 weight [[1, 2, 3], [4, 5, 6]] bias [0, 0]
         %3 \"out\" = select %2 take [2 from 1 by -1] -> [2]
         return %3\n}",
    )
    .unwrap();
    assert_eq!(run(&mut graph), Ok(Changed::No));
}
