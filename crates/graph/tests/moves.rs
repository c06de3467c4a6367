//! Operations that pick, join, average and spread elements.

mod common;

use common::{conv_transpose, geometry, input, tensor};
use layout::ConvGeometry;
use privet_graph::{Graph, Op, Selection, Tensor, evaluate, parse};
use proptest::prelude::*;

fn apply(op: Op, shapes: &[&[usize]]) -> Result<Vec<f64>, String> {
    let mut graph = Graph::new("one");
    let mut wires = Vec::new();
    for (k, shape) in shapes.iter().enumerate() {
        wires.push(input(&mut graph, &format!("x{k}"), shape));
    }
    let y = graph.add("y", op, &wires).map_err(|e| e.to_string())?;
    graph.set_outputs(&[y]);
    graph.verify().map_err(|faults| faults[0].to_string())?;
    let mut next = 0.0;
    let inputs = shapes.iter().map(|shape| {
        let n: usize = shape.iter().product();
        let values = (0..n).map(|k| next + k as f64).collect();
        next += n as f64;
        values
    });
    Ok(evaluate(&graph, &inputs.collect::<Vec<_>>())
        .unwrap()
        .remove(0))
}

#[test]
fn selections_pick_axis_by_axis() {
    let turned = Selection::transposed(&[2, 3], &[1, 0]);
    let y = apply(Op::Select(turned.clone()), &[&[2, 3]]);
    assert_eq!(y, Ok(vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
    let mut padded = turned.along(1, [None, Some(1), Some(0), Some(0)]);
    padded.fill = -1.0;
    let y = apply(Op::Select(padded), &[&[2, 3]]);
    assert_eq!(y.unwrap()[..8], [-1.0, 3.0, 0.0, 0.0, -1.0, 4.0, 1.0, 1.0]);
}

#[test]
fn concatenation_joins_along_any_axis() {
    let y = apply(Op::Concat { axis: 0 }, &[&[1, 2], &[2, 2]]);
    assert_eq!(y, Ok(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    let y = apply(Op::Concat { axis: 1 }, &[&[2, 2], &[2, 1], &[2, 1]]);
    assert_eq!(y, Ok(vec![0.0, 1.0, 4.0, 6.0, 2.0, 3.0, 5.0, 7.0]));
}

#[test]
fn means_keep_their_axes() {
    let mean = |axes: &[usize]| {
        let axes = axes.to_vec();
        apply(Op::Mean { axes }, &[&[2, 2, 3]]).unwrap()
    };
    assert_eq!(mean(&[2]), [1.0, 4.0, 7.0, 10.0]);
    assert_eq!(mean(&[0, 1]), [4.5, 5.5, 6.5]);
    assert_eq!(mean(&[0, 1, 2]), [5.5]);
}

#[test]
fn a_transposed_convolution_spreads_each_element() {
    let op = Op::ConvTranspose {
        geometry: ConvGeometry {
            stride: (1, 2),
            ..geometry([1, 1, 6], 1, (1, 3))
        },
        weight: Tensor::new(&[1, 1, 1, 3], vec![1.0, 10.0, 100.0]).unwrap(),
        bias: Tensor::vector(vec![0.5]),
    };
    // The last column is beyond every window.
    let y = apply(op, &[&[1, 2]]);
    assert_eq!(y, Ok(vec![0.5, 0.5, 1.5, 10.5, 100.5, 0.5]));
}

#[test]
fn what_does_not_fit_is_said() {
    let refused = |op: Op, shapes: &[&[usize]], why: &str| {
        let error = apply(op, shapes).unwrap_err();
        assert!(error.contains(why), "{error}");
    };
    refused(
        Op::Concat { axis: 1 },
        &[&[2, 3], &[3, 3]],
        "agree elsewhere, found [2, 3] and [3, 3]",
    );
    refused(Op::Concat { axis: 2 }, &[&[2, 3]], "have axis 2");
    refused(Op::Mean { axes: vec![1, 1] }, &[&[2, 3]], "axes [1, 1]");
    refused(Op::Mean { axes: vec![2] }, &[&[2, 3]], "axes [2] of [2, 3]");
    let beyond = Selection::all(&[2, 3]).along(1, [Some(1), Some(3)]);
    refused(
        Op::Select(beyond),
        &[&[2, 3]],
        "2 places from 1 by 2 on axis 1",
    );
    let twice = Selection::transposed(&[2, 3], &[0, 0]);
    refused(Op::Select(twice), &[&[2, 3]], "axes [0, 0]");
    let infinite = Selection {
        fill: f64::INFINITY,
        ..Selection::all(&[2])
    };
    refused(Op::Select(infinite), &[&[2]], "fills with inf");
    let nothing = Selection::all(&[2]).along(0, []);
    refused(Op::Select(nothing), &[&[2]], "empty axis");
    let spread = conv_transpose(geometry([2, 4, 4], 3, (2, 2)));
    refused(
        spread,
        &[&[3, 4, 4]],
        "expects an input of 3x3x3, found [3, 4, 4]",
    );
}

#[test]
fn the_text_is_short() {
    let line = |line: &str| {
        let text = format!("graph \"g\" {{\n %0 \"x\" = input -> [4, 9]\n {line}\n return %1\n}}");
        let graph = parse(&text).map_err(|e| e.to_string())?;
        let printed = graph.to_string();
        let line = printed.lines().nth(2).unwrap_or_default().trim().to_owned();
        Ok::<_, String>(line)
    };
    let same = [
        r#"%1 "s" = select %0 axes [1, 0] take [9 from 8 by -1], [1 empty, 4 from 0] fill 0.5 -> [9, 5]"#,
        r#"%1 "s" = select %0 take [2 from 0 by 2], [9 from 0] -> [2, 9]"#,
        r#"%1 "c" = concat %0, %0, %0 axis 1 -> [4, 27]"#,
        r#"%1 "m" = mean %0 axes [0, 1] -> [1, 1]"#,
        r#"%1 "t" = conv_transpose %0 out 1x1x18 kernel 1x2 stride 1,2 weight [[[[1, 2]]], [[[3, 4]]], [[[5, 6]]], [[[7, 8]]]] bias [0] -> [1, 18]"#,
    ];
    for text in same {
        assert_eq!(line(text).as_deref(), Ok(text));
    }
    let wrong = [
        (r#"%1 "s" = select %0 take [2 of 3]"#, "expected `from`"),
        (r#"%1 "s" = select %0 take [4 from 0]"#, "along 1 axes"),
        (
            r#"%1 "s" = select %0 take [4294967295 from 0], [9 from 0]"#,
            "4294967295 places from 0 by 1",
        ),
        (r#"%1 "c" = concat axis 0"#, "expected `%`"),
        (r#"%1 "m" = mean %0 axes []"#, "axes []"),
    ];
    for (text, why) in wrong {
        let error = line(text).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

fn any_geometry() -> impl Strategy<Value = ConvGeometry> {
    let pair = || (1u32..4, 1u32..4);
    (
        (1u32..3, 1u32..3, 1u32..3),
        (1u32..8, 1u32..8),
        pair(),
        pair(),
        pair(),
        prop::array::uniform4(0u32..3),
    )
        .prop_map(
            |((groups, inner, outer), size, kernel, stride, dilation, pad)| ConvGeometry {
                in_channels: groups * inner,
                in_height: size.0,
                in_width: size.1,
                out_channels: groups * outer,
                kernel,
                stride,
                pad,
                dilation,
                groups,
            },
        )
}

proptest! {
    #[test]
    fn conv_transpose_is_the_transposed_matrix(
        g in any_geometry().prop_filter("fits", |g| g.check().is_ok())
    ) {
        let (height, width) = g.out_size();
        let shape = [g.out_channels, height, width].map(|n| n as usize);
        let op = conv_transpose(g.clone());
        let Op::ConvTranspose { weight, bias, .. } = &op else { unreachable!() };
        let mut expected = g.matrix(weight.values()).transposed().matvec(tensor(&shape).values());
        let plane = (g.in_height * g.in_width) as usize;
        expected.iter_mut().enumerate().for_each(|(k, y)| *y += bias.values()[k / plane]);
        let mut graph = Graph::new("one");
        let x = input(&mut graph, "x", &shape);
        let y = graph.add("y", op, &[x]).unwrap();
        graph.set_outputs(&[y]);
        let found = evaluate(&graph, &[tensor(&shape).values().to_vec()]).unwrap().remove(0);
        for (a, b) in found.iter().zip(&expected) {
            prop_assert!((a - b).abs() < 1e-12, "{a} is not {b}");
        }
    }
}
