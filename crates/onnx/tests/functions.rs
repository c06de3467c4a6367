//! Hand-built element-wise functions: which node they become, and that they compute what tract computes.

mod common;

use common::{Model, float, int, text, words};
use graph::{Activation, Op};

fn row() -> Model {
    Model::new(&["1", "60"])
}

fn function(operator: &str, attributes: &[tract_onnx::pb::AttributeProto]) -> Model {
    row().opset(20).node(operator, &["x"], "y", attributes)
}

fn only_polynomial(model: &Model) -> Vec<f64> {
    let graph = model.agrees();
    match &graph.node(graph.outputs()[0]).op {
        Op::Polynomial(p) if graph.len() == 2 => p.coefficients.clone(),
        _ => panic!("{}", graph::print(&graph, graph::Detail::Shapes)),
    }
}

fn only_activation(graph: &graph::Graph) -> Activation {
    match graph.node(graph.outputs()[0]).op {
        Op::Activation(a) if graph.len() == 2 => a,
        _ => panic!("{}", graph::print(graph, graph::Detail::Shapes)),
    }
}

#[test]
fn one_node_each() {
    let operators = [
        "Relu",
        "LeakyRelu",
        "Elu",
        "Sigmoid",
        "HardSigmoid",
        "HardSwish",
        "Tanh",
        "Softplus",
        "Softsign",
        "Erf",
        "Exp",
        "Abs",
        "Gelu",
        "Celu",
    ];
    for operator in operators {
        only_activation(&function(operator, &[]).agrees());
    }
    assert_eq!(
        only_activation(&function("LeakyRelu", &[float("alpha", 0.2)]).agrees()),
        Activation::LeakyRelu { slope: 0.2 }
    );
    assert_eq!(
        only_activation(&function("Elu", &[float("alpha", 0.5)]).agrees()),
        Activation::Elu { alpha: 0.5 }
    );
    let hard = [float("alpha", 0.25), float("beta", 0.4)];
    assert_eq!(
        only_activation(&function("HardSigmoid", &hard).agrees()),
        Activation::HardSigmoid {
            alpha: 0.25,
            beta: 0.4
        }
    );
    assert_eq!(
        only_activation(&function("Gelu", &[text("approximate", "tanh")]).agrees()),
        Activation::Gelu { tanh: true }
    );
    assert_eq!(words(&function("Selu", &[]).agrees()), ["elu", "affine"]);
    let positive = row()
        .node("Abs", &["x"], "a", &[])
        .node("Sqrt", &["a"], "y", &[]);
    assert_eq!(words(&positive.agrees()), ["abs", "sqrt"]);
    let prelu = row()
        .weight("s", &[1], &[0.25])
        .node("PRelu", &["x", "s"], "y", &[]);
    assert_eq!(
        only_activation(&prelu.agrees()),
        Activation::LeakyRelu { slope: 0.25 }
    );
}

#[test]
fn bounds() {
    let old = row()
        .opset(10)
        .node("Clip", &["x"], "y", &[float("min", 0.0), float("max", 0.5)]);
    assert_eq!(
        only_activation(&old.agrees()),
        Activation::Clip {
            low: 0.0,
            high: 0.5
        }
    );
    let bounds = row()
        .weight("l", &[], &[-0.5])
        .weight("h", &[], &[0.5])
        .weight("z", &[], &[0.0])
        .weight("inf", &[], &[f32::INFINITY]);
    assert_eq!(
        only_activation(
            &bounds
                .clone()
                .node("Clip", &["x", "l", "h"], "y", &[])
                .agrees()
        ),
        Activation::Clip {
            low: -0.5,
            high: 0.5
        }
    );
    assert_eq!(
        only_activation(
            &bounds
                .clone()
                .node("Clip", &["x", "z", "inf"], "y", &[])
                .agrees()
        ),
        Activation::Relu
    );
    assert_eq!(
        words(&bounds.clone().node("Clip", &["x", "l"], "y", &[]).agrees()),
        ["affine", "relu", "affine"]
    );
    assert_eq!(
        words(&bounds.clone().node("Min", &["x", "h"], "y", &[]).agrees()),
        ["affine", "relu", "affine"]
    );
    assert_eq!(
        only_activation(&bounds.clone().node("Max", &["z", "x"], "y", &[]).agrees()),
        Activation::Relu
    );
    let relu6 = bounds
        .node("Relu", &["x"], "r", &[])
        .node("Min", &["r", "h"], "y", &[]);
    assert_eq!(
        only_activation(&relu6.agrees()),
        Activation::Clip {
            low: 0.0,
            high: 0.5
        }
    );
}

#[test]
fn powers_are_polynomials() {
    let power = |e: f32| {
        row()
            .weight("e", &[], &[e])
            .node("Pow", &["x", "e"], "y", &[])
    };
    assert_eq!(only_polynomial(&power(2.0)), [0.0, 0.0, 1.0]);
    assert_eq!(only_polynomial(&power(5.0)), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(
        only_polynomial(&row().int64s("e", &[3]).node("Pow", &["x", "e"], "y", &[])),
        [0.0, 0.0, 0.0, 1.0]
    );
    assert_eq!(
        only_polynomial(&row().node("Mul", &["x", "x"], "y", &[])),
        [0.0, 0.0, 1.0]
    );
    let cube = row()
        .node("Mul", &["x", "x"], "s", &[])
        .node("Mul", &["s", "x"], "y", &[]);
    assert_eq!(only_polynomial(&cube), [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn polynomials_written_as_sums_and_products() {
    let net = row()
        .weight("a", &[], &[0.5])
        .weight("b", &[1], &[2.0])
        .weight("c", &[1, 1], &[3.0]);
    // 0.5 x² + 2 x − 3, as a sum of terms and by Horner's scheme.
    let sum = net
        .clone()
        .node("Mul", &["x", "x"], "s", &[])
        .node("Mul", &["a", "s"], "t", &[])
        .node("Mul", &["x", "b"], "u", &[]);
    let sum = sum
        .node("Add", &["t", "u"], "v", &[])
        .node("Sub", &["v", "c"], "y", &[]);
    assert_eq!(only_polynomial(&sum), [-3.0, 2.0, 0.5]);
    let horner = net
        .node("Mul", &["x", "a"], "s", &[])
        .node("Add", &["b", "s"], "t", &[])
        .node("Mul", &["t", "x"], "u", &[]);
    let horner = horner
        .node("Sub", &["u", "c"], "v", &[])
        .node("Neg", &["v"], "y", &[]);
    assert_eq!(only_polynomial(&horner), [3.0, -2.0, -0.5]);
    let graph = horner.graph();
    let origin: Vec<&String> = graph.node(graph.outputs()[0]).origin.iter().collect();
    assert_eq!(
        origin,
        [
            "Add 'Add_1'",
            "Mul 'Mul_0'",
            "Mul 'Mul_2'",
            "Neg 'Neg_4'",
            "Sub 'Sub_3'"
        ]
    );
}

#[test]
fn gelu_in_five_nodes() {
    let net = row()
        .weight("r", &[], &[std::f32::consts::SQRT_2])
        .weight("one", &[], &[1.0])
        .weight("half", &[], &[0.5]);
    let erf = net
        .clone()
        .node("Div", &["x", "r"], "d", &[])
        .node("Erf", &["d"], "e", &[])
        .node("Add", &["e", "one"], "a", &[]);
    let after =
        erf.clone()
            .node("Mul", &["x", "a"], "m", &[])
            .node("Mul", &["m", "half"], "y", &[]);
    assert_eq!(
        only_activation(&after.agrees()),
        Activation::Gelu { tanh: false }
    );
    let before = erf
        .node("Mul", &["x", "half"], "m", &[])
        .node("Mul", &["m", "a"], "y", &[]);
    assert_eq!(
        only_activation(&before.agrees()),
        Activation::Gelu { tanh: false }
    );
}

#[test]
fn gelu_by_tanh_in_eight_nodes() {
    let net = row()
        .weight("k", &[], &[0.797_884_6])
        .weight("c", &[], &[0.044715])
        .weight("three", &[], &[3.0])
        .weight("one", &[], &[1.0])
        .weight("half", &[], &[0.5]);
    let net = net
        .node("Pow", &["x", "three"], "p", &[])
        .node("Mul", &["c", "p"], "q", &[])
        .node("Add", &["x", "q"], "s", &[])
        .node("Mul", &["s", "k"], "i", &[]);
    let net = net
        .node("Tanh", &["i"], "t", &[])
        .node("Add", &["one", "t"], "a", &[])
        .node("Mul", &["x", "a"], "m", &[])
        .node("Mul", &["half", "m"], "y", &[]);
    assert_eq!(
        only_activation(&net.agrees()),
        Activation::Gelu { tanh: true }
    );
}

#[test]
fn gated_forms() {
    let silu = row()
        .node("Sigmoid", &["x"], "s", &[])
        .node("Mul", &["x", "s"], "y", &[]);
    assert_eq!(
        only_activation(&silu.agrees()),
        Activation::Silu { beta: 1.0 }
    );
    let hard = row()
        .node("HardSigmoid", &["x"], "s", &[float("alpha", 1.0 / 6.0)])
        .node("Mul", &["s", "x"], "y", &[]);
    assert_eq!(only_activation(&hard.agrees()), Activation::HardSwish);
    let net = row()
        .weight("three", &[], &[3.0])
        .weight("six", &[], &[6.0])
        .weight("zero", &[], &[0.0])
        .node("Add", &["x", "three"], "a", &[]);
    let net = net
        .node("Clip", &["a", "zero", "six"], "c", &[])
        .node("Mul", &["x", "c"], "m", &[])
        .node("Div", &["m", "six"], "y", &[]);
    assert_eq!(only_activation(&net.agrees()), Activation::HardSwish);
    let mish = row()
        .node("Softplus", &["x"], "p", &[])
        .node("Tanh", &["p"], "t", &[])
        .node("Mul", &["x", "t"], "y", &[]);
    assert_eq!(words(&mish.agrees()), ["mish"]);
}

#[test]
fn forms_end_where_a_layer_begins() {
    let net = row()
        .random("w", &[60, 60])
        .node("Mul", &["x", "x"], "s", &[])
        .node("MatMul", &["s", "w"], "m", &[])
        .node("Mul", &["m", "m"], "t", &[]);
    assert_eq!(
        words(&net.node("Add", &["t", "s"], "y", &[]).agrees()),
        ["polynomial", "dense", "polynomial", "add"]
    );
}

#[test]
fn constants_with_axes() {
    let image = Model::new(&["1", "3", "4", "5"])
        .random("c", &[3, 1, 1])
        .random("r", &[1, 1, 1, 5])
        .random("f", &[3, 4, 5]);
    let net = image
        .node("Mul", &["c", "x"], "a", &[])
        .node("Add", &["a", "r"], "b", &[])
        .node("Sub", &["f", "b"], "d", &[])
        .node("Div", &["d", "r"], "y", &[]);
    assert_eq!(words(&net.agrees()), ["affine"; 4]);
}

#[test]
fn differences_and_sums() {
    let net = row()
        .node("Relu", &["x"], "r", &[])
        .node("Sigmoid", &["x"], "s", &[]);
    assert_eq!(
        words(&net.clone().node("Sub", &["r", "s"], "y", &[]).agrees()).last(),
        Some(&"add")
    );
    let net = net
        .random("b", &[60])
        .node("Sum", &["r", "s", "x", "b"], "y", &[]);
    assert_eq!(words(&net.agrees()).last(), Some(&"affine"));
    assert_eq!(
        words(&row().node("Add", &["x", "x"], "y", &[]).agrees()),
        ["affine"]
    );
    let training = row()
        .opset(12)
        .node("Dropout", &["x"], "y", &[int("seed", 1)]);
    assert_eq!(training.words(), Vec::<&str>::new());
}

#[test]
fn functions_of_other_names() {
    let both = |a: &str, b: &str| {
        row()
            .opset(20)
            .node(a, &["x"], "h", &[])
            .node(b, &["h"], "y", &[])
    };
    let mish = only_activation(&function("Mish", &[]).agrees());
    assert_eq!(mish, Activation::Mish);
    let written = both("Softplus", "Tanh").node("Mul", &["x", "y"], "z", &[]);
    let graph = written.agrees();
    assert_eq!(words(&graph), ["mish"]);
    let positive = function("Exp", &[]).node("Log", &["y"], "z", &[]);
    assert_eq!(words(&positive.agrees()), ["exp", "log"]);
    let sigmoid = both("Sigmoid", "Log").agrees();
    assert_eq!(words(&sigmoid), ["affine", "softplus", "affine"]);
    let one = function("Exp", &[])
        .weight("one", &[], &[1.0])
        .node("Add", &["y", "one"], "s", &[]);
    assert_eq!(
        words(&one.clone().node("Log", &["s"], "z", &[]).agrees()),
        ["softplus"]
    );
    let logistic = one.node("Div", &["one", "s"], "z", &[]).agrees();
    assert_eq!(words(&logistic), ["affine", "sigmoid"]);
    function("Sin", &[]).agrees();
    function("Cos", &[]).agrees();
    // Where tract forgets the factor before the exponential.
    let celu = function("Celu", &[float("alpha", 2.0)]).graph();
    let y = graph::evaluate(&celu, &[vec![-1.0; 60]]).unwrap().remove(0);
    assert!((y[0] - 2.0 * (-0.5f64).exp_m1()).abs() < 1e-12);
    let threshold = function("ThresholdedRelu", &[float("alpha", 0.5)]).agrees();
    assert_eq!(
        only_activation(&threshold),
        Activation::ThresholdedRelu { threshold: 0.5 }
    );
    let soft = [float("lambd", 0.4), float("bias", 0.4)];
    assert_eq!(
        words(&function("Shrink", &soft).agrees()),
        ["clip", "affine", "add"]
    );
    let slopes = Model::new(&["1", "4", "3", "5"]).weight("s", &[4, 1, 1], &[0.1, 0.2, -0.3, 0.4]);
    let slopes = slopes.node("PRelu", &["x", "s"], "y", &[]).agrees();
    assert_eq!(words(&slopes), ["affine", "relu", "affine", "add"]);
    for operator in ["Max", "Min"] {
        let bounds = row()
            .random("c", &[60])
            .node(operator, &["c", "x"], "y", &[]);
        assert_eq!(words(&bounds.agrees()), ["affine", "relu", "affine"]);
    }
    let over = function("Exp", &[])
        .weight("two", &[], &[2.0])
        .node("Div", &["two", "y"], "z", &[]);
    assert_eq!(words(&over.agrees()), ["exp", "reciprocal", "affine"]);
}
