use super::{Axes, Segment};
use ::graph::{Graph, parse};

fn graph(lines: &str) -> Graph {
    parse(&format!("graph \"g\" {{\n{lines}\n}}")).unwrap()
}

fn of(graph: &Graph, axes: &Axes, name: &str) -> Vec<Segment> {
    axes.segments(graph.find(name).unwrap())
}

/// Units, elements per unit and group of a tensor of one class.
fn one(graph: &Graph, axes: &Axes, name: &str) -> (usize, usize, usize) {
    match of(graph, axes, name)[..] {
        [Segment { class, block }] => (axes.size(class), block, axes.group(class)),
        ref other => panic!("{name} has {} classes", other.len()),
    }
}

fn same(graph: &Graph, axes: &Axes, a: &str, b: &str) -> bool {
    let classes = |name| of(graph, axes, name).into_iter().map(|s| s.class);
    classes(a).eq(classes(b))
}

#[test]
fn layers_separate_and_elementwise_operations_tie() {
    let g = graph(
        "%0 \"x\" = input -> [2]
         %1 \"a\" = dense %0 weight [[1, 2], [3, 4], [5, 6]] bias [0, 0, 0]
         %2 \"p\" = polynomial %1 power [0, 0, 1]
         %3 \"m\" = affine %2 scale [1, 2, 3] shift [0, 0, 0]
         %4 \"r\" = relu %3
         %5 \"b\" = dense %4 weight [[1, 1, 1]] bias [0]
         return %5",
    );
    let axes = Axes::new(&g);
    assert!(same(&g, &axes, "a", "p") && same(&g, &axes, "a", "m") && same(&g, &axes, "a", "r"));
    assert!(!same(&g, &axes, "x", "a") && !same(&g, &axes, "a", "b"));
    assert_eq!(one(&g, &axes, "a"), (3, 1, 3));
}

const CONV: &str = "kernel 1x1 stride 1,1";

#[test]
fn channels_are_units_and_move_as_blocks_behind_a_flatten() {
    let g = graph(&format!(
        "%0 \"x\" = input -> [1, 1, 2]
         %1 \"a\" = conv %0 out 2 {CONV} weight [[[[1]]], [[[2]]]] bias [0, 0]
         %2 \"f\" = reshape %1 -> [4]
         %3 \"b\" = dense %2 weight [[1, 1, 1, 1]] bias [0]
         return %3"
    ));
    let axes = Axes::new(&g);
    assert_eq!(one(&g, &axes, "a"), (2, 2, 2));
    assert!(same(&g, &axes, "a", "f"));
    assert_eq!(one(&g, &axes, "f"), (2, 2, 2));
}

#[test]
fn neurons_that_become_an_image_move_as_channels() {
    let g = graph(&format!(
        "%0 \"x\" = input -> [1]
         %1 \"a\" = dense %0 weight [[1], [2], [3], [4]] bias [0, 0, 0, 0]
         %2 \"i\" = reshape %1 -> [2, 1, 2]
         %3 \"c\" = conv %2 out 1 {CONV} weight [[[[1]], [[2]]]] bias [0]
         return %3"
    ));
    let axes = Axes::new(&g);
    assert_eq!(one(&g, &axes, "a"), (2, 2, 2));
}

#[test]
fn depthwise_ties_in_to_out_and_other_groups_stay_apart() {
    let g = graph(&format!(
        "%0 \"x\" = input -> [1, 1, 1]
         %1 \"a\" = conv %0 out 4 {CONV} weight [[[[1]]], [[[2]]], [[[3]]], [[[4]]]] bias [0, 0, 0, 0]
         %2 \"d\" = conv %1 out 4 {CONV} groups 4 weight [[[[1]]], [[[2]]], [[[3]]], [[[4]]]] bias [0, 0, 0, 0]
         %3 \"g\" = conv %2 out 2 {CONV} groups 2 weight [[[[1]], [[2]]], [[[3]], [[4]]]] bias [0, 0]
         return %3"
    ));
    let axes = Axes::new(&g);
    assert!(same(&g, &axes, "a", "d"));
    assert_eq!(one(&g, &axes, "a"), (4, 1, 2), "inside a group only");
    assert_eq!(one(&g, &axes, "g").2, 1);
}

#[test]
fn a_residual_stream_is_one_class() {
    let g = graph(
        "%0 \"x\" = input -> [2]
         %1 \"a\" = dense %0 weight [[1, 2], [3, 4]] bias [0, 0]
         %2 \"b\" = dense %1 weight [[1, 2], [3, 4]] bias [0, 0]
         %3 \"s\" = add %1, %2
         %4 \"m\" = mul %3, %0
         return %4",
    );
    let axes = Axes::new(&g);
    assert!(
        ["a", "b", "s", "m"]
            .iter()
            .all(|name| same(&g, &axes, "x", name))
    );
}

#[test]
fn a_concatenation_has_a_class_per_part() {
    let g = graph(
        "%0 \"x\" = input -> [2]
         %1 \"a\" = dense %0 weight [[1, 2], [3, 4], [5, 6]] bias [0, 0, 0]
         %2 \"c\" = concat %0, %1 axis 0
         %3 \"p\" = polynomial %2 power [0, 0, 1]
         %4 \"b\" = dense %2 weight [[1, 1, 1, 1, 1]] bias [0]
         return %4",
    );
    let axes = Axes::new(&g);
    let parts = of(&g, &axes, "c");
    assert_eq!(parts, [of(&g, &axes, "x"), of(&g, &axes, "a")].concat());
    let chosen = [
        (parts[0].class, vec![1, 0]),
        (parts[1].class, vec![2, 0, 1]),
    ]
    .into();
    assert_eq!(
        axes.elements(g.find("c").unwrap(), &chosen),
        [1, 0, 4, 2, 3]
    );
}

#[test]
fn what_can_not_move_is_pinned() {
    let g = graph(
        "%0 \"x\" = input -> [2, 3]
         %1 \"m\" = mean %0 axes [0]
         return %1",
    );
    let axes = Axes::new(&g);
    assert_eq!(one(&g, &axes, "x").2, 1);
    let uneven = graph(
        "%0 \"x\" = input -> [2, 3]
         %1 \"c\" = conv %0 out 2 kernel 1x1 stride 1,1 weight [[[[1]], [[1]]], [[[1]], [[1]]]] bias [0, 0]
         %2 \"r\" = reshape %1 -> [3, 2]
         %3 \"d\" = conv %2 out 1 kernel 1x1 stride 1,1 weight [[[[1]], [[1]], [[1]]]] bias [0]
         return %3",
    );
    let axes = Axes::new(&uneven);
    assert_eq!(one(&uneven, &axes, "c").2, 1);
    assert_eq!(one(&uneven, &axes, "r").2, 1);
}

#[test]
fn pools_keep_channels_apart() {
    let g = graph(&format!(
        "%0 \"x\" = input -> [1, 2, 4]
         %1 \"a\" = conv %0 out 3 {CONV} weight [[[[1]]], [[[2]]], [[[3]]]] bias [0, 0, 0]
         %2 \"p\" = avg_pool %1 kernel 2x2 stride 2,2
         %3 \"f\" = reshape %2 -> [6]
         %4 \"b\" = dense %3 weight [[1, 1, 1, 1, 1, 1]] bias [0]
         return %4"
    ));
    let axes = Axes::new(&g);
    assert_eq!(one(&g, &axes, "a"), (3, 8, 3));
    assert_eq!(one(&g, &axes, "f"), (3, 2, 3));
    assert!(same(&g, &axes, "a", "p"));
}

#[test]
fn channels_keep_together_through_pools_and_paddings() {
    let g = graph(&format!(
        "%0 \"x\" = input -> [1, 4, 4]
         %1 \"a\" = conv %0 out 2 {CONV} weight [[[[1]]], [[[2]]]] bias [0, 0]
         %2 \"p\" = avg_pool %1 kernel 2x2 stride 2,2
         %3 \"d\" = pad %2 1,1,1,1
         %4 \"m\" = global_avg_pool %3
         return %4"
    ));
    let axes = Axes::new(&g);
    assert_eq!(one(&g, &axes, "a"), (2, 16, 2));
    assert_eq!(one(&g, &axes, "m"), (2, 1, 2));
    assert!(
        ["p", "d", "m"]
            .iter()
            .all(|name| same(&g, &axes, "a", name))
    );
}
