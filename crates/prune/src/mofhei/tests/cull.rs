use super::super::*;
use super::networks::{Net, apply_masks, assert_same_function, lenet};
use privet::extend::Graph;
use privet::operations;
use train::{ParameterId, WeightMask, WeightMasks, parameters};

/// Masks that keep the first filters or neurons of the first layers.
fn first_units(graph: &Graph, units: &[usize], with_bias: bool) -> WeightMasks {
    let mut masks = WeightMasks::new();
    for (matrix, &n) in prunable(graph).iter().zip(units) {
        let len = matrix.rows * matrix.cols;
        let kept = (0..len).map(|k| k / matrix.rows < n).collect();
        masks.insert(matrix.parameter.clone(), WeightMask { kept });
        let kept = (0..matrix.cols).map(|k| k < n).collect();
        if with_bias {
            masks.insert(matrix.bias(), WeightMask { kept });
        }
    }
    masks
}

#[test]
fn pruned_lenets_cost_what_is_published() {
    let graph = lenet([6, 16, 120, 84]);
    // Units, operations, and the share of them that went, in tenths of a percent.
    let published = [
        ([6, 16, 120, 84], 877_972, 0),
        ([3, 8, 61, 48], 291_294, 668),
        ([3, 7, 51, 39], 266_917, 696),
        ([3, 5, 37, 29], 224_791, 744),
        ([2, 5, 32, 22], 152_938, 826),
        ([1, 3, 25, 18], 66_966, 924),
        ([1, 2, 16, 9], 58_261, 934),
        ([1, 1, 7, 5], 50_955, 942),
    ];
    for (units, total, removed) in published {
        let built = operations(&lenet(units)).expect("known");
        let masks = first_units(&graph, &units, true);
        let masked = culled_operations(&graph, &masks).expect("it culls");
        assert_eq!(masked, Some(built), "{units:?}");
        assert_eq!(built.total(), total);
        let share = 1000.0 * (1.0 - built.total() as f64 / 877_972.0);
        assert_eq!(share.round() as u64, removed, "{units:?}");
    }
}

#[test]
fn culling_keeps_the_function_and_the_names() {
    let graph = lenet([6, 16, 20, 12]);
    for with_bias in [true, false] {
        let masks = first_units(&graph, &[2, 5, 6, 4], with_bias);
        let masked = apply_masks(&graph, &masks);
        let culled = cull(&masked).expect("it culls");
        assert_same_function(&masked, &culled);
        let names =
            |g: &Graph| -> Vec<ParameterId> { parameters(g).into_iter().map(|(p, _)| p).collect() };
        assert_eq!(names(&graph), names(&culled));
        let small = lenet([2, 5, 6, 4]);
        assert_eq!(culled.n_parameters(), small.n_parameters());
    }
}

#[test]
fn batch_norms_and_depthwise_layers_lose_their_channels() {
    let graph = Net::new(&[2, 8, 8])
        .conv(6, 3, 1, 0)
        .batch_norm()
        .quadratic()
        .grouped(6, 3, 1, 0, 6)
        .square()
        .average()
        .conv(4, 2, 1, 0)
        .dense(3)
        .build();
    let masked = apply_masks(&graph, &first_units(&graph, &[4], true));
    let culled = cull(&masked).expect("it culls");
    assert_same_function(&masked, &culled);
    let shape = |name: &str| culled.shape(culled.find(name).expect("it stayed")).to_vec();
    assert_eq!([shape("n1")[0], shape("n2")[0], shape("n4")[0]], [4, 4, 4]);
}

#[test]
fn units_stay_where_their_constant_can_not_move() {
    let body = |pad| {
        let net = Net::new(&[1, 6, 6]).conv(4, 3, 1, 1).quadratic();
        net.conv(3, 3, 1, pad).square().dense(2).build()
    };
    for (pad, channels) in [(0, 2), (1, 4)] {
        let graph = body(pad);
        let masked = apply_masks(&graph, &first_units(&graph, &[2], true));
        let culled = cull(&masked).expect("it culls");
        assert_same_function(&masked, &culled);
        let first = culled.find("n1").expect("it stayed");
        assert_eq!(culled.shape(first)[0], channels);
    }
}

#[test]
fn a_residual_stream_keeps_what_one_side_needs() {
    let net = Net::new(&[1, 6, 6]).conv(4, 3, 1, 1).square();
    let skip = net.at;
    let graph = net.conv(4, 3, 1, 1).plus(skip).square().dense(2).build();
    for (units, channels) in [([2, 4], 4), ([4, 2], 4), ([3, 2], 3)] {
        let masked = apply_masks(&graph, &first_units(&graph, &units, true));
        let culled = cull(&masked).expect("it culls");
        assert_same_function(&masked, &culled);
        let first = culled.find("n1").expect("it stayed");
        assert_eq!(culled.shape(first)[0], channels, "{units:?}");
    }
}

#[test]
fn what_nobody_reads_goes_too() {
    let graph = Net::new(&[4])
        .dense(6)
        .square()
        .dense(5)
        .square()
        .dense(2)
        .build();
    let reader = ParameterId::weight("n3");
    let mut masks = WeightMasks::new();
    let kept = (0..30).map(|k| k % 6 != 1 && k % 6 != 4).collect();
    masks.insert(reader, WeightMask { kept });
    let masked = apply_masks(&graph, &masks);
    let culled = cull(&masked).expect("it culls");
    assert_same_function(&masked, &culled);
    assert_eq!(culled.n_parameters(), 4 * 4 + 4 + 4 * 5 + 5 + 5 * 2 + 2);
    assert_same_function(&graph, &cull(&graph).expect("nothing to do"));
}

#[test]
fn a_network_without_any_weight_left_still_computes() {
    let graph = lenet([2, 2, 3, 3]);
    let masked = apply_masks(&graph, &first_units(&graph, &[0, 0, 0, 0], false));
    let culled = cull(&masked).expect("it culls");
    assert_same_function(&masked, &culled);
}
