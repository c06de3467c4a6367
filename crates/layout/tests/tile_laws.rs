//! Laws of tile tensors: random layers and chains against plain products, with NaN in every unknown slot.

#[path = "common/noise.rs"]
mod noise;

use noise::{noise, noises};
use privet_layout::{
    ConvGeometry, LinearPlan, Periodic, PlanOptions, SparseMatrix, TileDim, TileTensor,
    plan_linear, plan_tiles,
};
use proptest::prelude::*;

/// Slots of a tile that the layout says nothing about.
fn unknown_slots(layout: &Periodic, tile: u32) -> Vec<usize> {
    let Some(tensor) = layout.as_tiles() else {
        return Vec::new();
    };
    let is_unknown = |slot: &u32| {
        let (mut tile, mut is_unknown) = (tile, false);
        for (i, dim) in tensor.dims.iter().enumerate().rev() {
            let inner = slot / tensor.stride(i) % dim.tile;
            let outer = tile % dim.n_tiles();
            tile /= dim.n_tiles();
            let index = match dim.is_interleaved() {
                true => inner * dim.n_tiles() + outer,
                false => outer * dim.tile + inner,
            };
            is_unknown |= dim.is_unknown() && index >= dim.size;
        }
        is_unknown
    };
    (0..layout.n_slots)
        .filter(is_unknown)
        .map(|slot| slot as usize)
        .collect()
}

/// All slots of the values, NaN where nobody knows.
fn written(layout: &Periodic, values: &[f64]) -> Vec<Vec<f64>> {
    let slots = layout
        .pack(values)
        .into_iter()
        .zip(0..)
        .map(|(slots, tile)| {
            let mut all: Vec<f64> = slots
                .into_iter()
                .cycle()
                .take(layout.n_slots as usize)
                .collect();
            unknown_slots(layout, tile)
                .into_iter()
                .for_each(|slot| all[slot] = f64::NAN);
            all
        });
    slots.collect()
}

/// Runs a plan on values and compares every slot that is known; the results.
fn run(matrix: &SparseMatrix, plan: &LinearPlan, x: &[f64]) -> Vec<f64> {
    for layout in [&plan.input, &plan.output] {
        layout.check().expect("a layout");
        assert_eq!(
            &layout.to_string().parse::<Periodic>().expect("parses"),
            layout
        );
    }
    let (found, counts) = plan.simulate(&written(&plan.input, x));
    let product = matrix.matvec(x);
    for (found, expected) in found.iter().zip(written(&plan.output, &product)) {
        assert_eq!(found.len(), expected.len());
        for (slot, (found, expected)) in found.iter().zip(expected).enumerate() {
            let is_close = (found - expected).abs() < 1e-9;
            assert!(
                is_close || expected.is_nan(),
                "slot {slot}: {found}, not {expected}"
            );
        }
    }
    let planned = plan.counts;
    assert_eq!(
        [
            planned.babies,
            planned.giants,
            planned.collapse,
            planned.conversion,
            planned.masks
        ],
        [
            counts.babies,
            counts.giants,
            counts.collapse,
            counts.conversion,
            counts.masks
        ]
    );
    assert_eq!(planned.plain_products, counts.plain_products);
    product
}

fn dense(rows: u32, cols: u32, density: f64, seed: u64) -> SparseMatrix {
    let thin = |index: usize| match noise(!seed, index).abs() < density {
        true => noise(seed, index),
        false => 0.0,
    };
    let values: Vec<f64> = (0..(rows * cols) as usize).map(thin).collect();
    SparseMatrix::from_dense(rows, cols, &values)
}

/// A layout for `n` values that a dense layer may write after `before`: values change sides, or spread over both.
fn next(before: &TileTensor, n: u32, choice: u32) -> TileTensor {
    let [t1, t2] = [before.dims[0].tile, before.dims[1].tile];
    let values = TileDim::values;
    let dims = match (before.dims[0].is_replicated(), choice) {
        (true, 0) => [values(n, t1), TileDim::replicated(t2)],
        (true, 1) => [values(n, t1), TileDim::unknown(1, t2)],
        (true, 2) => [TileDim::replicated(t1), values(n, t2)],
        (true, 3) => [values(n, t1), values(1, t2)],
        (true, _) => {
            // Half of the columns hold replicas.
            let half = TileDim::replicated(t2.div_ceil(2));
            return TileTensor::new([values(n, t1), values(1, t2 / half.tile), half]);
        }
        (false, _) if before.dims.len() > 2 => {
            let few = n.min(before.dims[2].tile);
            [
                TileDim::replicated(t1),
                values(few, t2 * before.dims[2].tile),
            ]
        }
        (false, 0 | 1) => [TileDim::replicated(t1), values(n, t2)],
        (false, _) => [values(n, t1), before.dims[1]],
    };
    TileTensor::new(dims)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn dense_chains(
        (log_t1, log_t2) in (0u32..6, 0u32..6),
        first in 0usize..3,
        sizes in prop::collection::vec(1u32..40, 2..5),
        choices in prop::collection::vec(0u32..5, 4),
        density in prop::sample::select(vec![0.0, 0.05, 1.0]),
        seed in any::<u64>(),
    ) {
        let (t1, t2) = (1 << log_t1, 1 << log_t2);
        let n = sizes[0];
        let [one, other, neither] = [
            [TileDim::values(n, t1), TileDim::replicated(t2)],
            [TileDim::replicated(t1), TileDim::values(n, t2)],
            [TileDim::values(n, t1), TileDim::values(1, t2)],
        ];
        let mut x = TileTensor::new([one, other, neither][first]);
        let mut values = noises(seed, n as usize);
        for (layer, pair) in sizes.windows(2).enumerate() {
            let out = next(&x, pair[1], choices[layer]);
            let matrix = dense(out.n_values() as u32, x.n_values() as u32, density, seed);
            let (input, output) = (Periodic::tiles(x), Periodic::tiles(out.clone()));
            let plan = plan_tiles(&matrix, &input, &output);
            let plan = plan.unwrap_or_else(|why| panic!("{input} to {output}: {why}"));
            values = run(&matrix, &plan, &values);
            x = out;
        }
    }

    #[test]
    fn interleaved_convolutions(
        (channels, filters) in (1u32..4, 1u32..5),
        (height, width) in (3u32..9, 3u32..9),
        (log_y, log_x, log_c, log_f) in (0u32..3, 0u32..3, 0u32..3, 0u32..3),
        (kernel, stride, pad) in ((1u32..4, 1u32..4), (1u32..3, 1u32..3), 0u32..2),
        is_first_form in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let geometry = ConvGeometry {
            in_channels: channels,
            in_height: height,
            in_width: width,
            out_channels: filters,
            kernel,
            stride,
            pad: [pad; 4],
            dilation: (1, 1),
            groups: 1,
        };
        prop_assume!(height + 2 * pad >= kernel.0 && width + 2 * pad >= kernel.1);
        let (out_height, out_width) = geometry.out_size();
        let taps = channels * filters * kernel.0 * kernel.1;
        let matrix = geometry.matrix(&noises(seed, taps as usize));
        let (c, f) = (1 << log_c, 1 << log_f);
        let image = |first: TileDim, h: u32, w: u32, last: TileDim| {
            let [y, x] = [TileDim::interleaved(h, 1 << log_y), TileDim::interleaved(w, 1 << log_x)];
            let order = if last.is_replicated() { vec![0, 1, 2] } else { vec![3, 1, 2] };
            let order: Vec<u8> = match first.is_replicated() || last.is_replicated() {
                true => order,
                false => vec![0, 1, 2, 3],
            };
            Periodic::tiles_in_order(TileTensor::new([first, y, x, last]), order)
        };
        let (input, output) = match is_first_form {
            true => (
                image(TileDim::values(channels, c), height, width, TileDim::replicated(f)),
                image(TileDim::replicated(c), out_height, out_width, TileDim::values(filters, f)),
            ),
            false => (
                image(TileDim::replicated(f), height, width, TileDim::values(channels, c)),
                image(TileDim::values(filters, f), out_height, out_width, TileDim::replicated(c)),
            ),
        };
        let plan = plan_tiles(&matrix, &input, &output).expect("a plan");
        let features = run(&matrix, &plan, &noises(!seed, matrix.cols() as usize));
        // Dense layers read all of it, and take the tiles as rows and columns.
        let rows = 5;
        let last = dense(rows, matrix.rows(), 1.0, seed);
        let all = plan.output.n_slots;
        let output = match is_first_form {
            true => [TileDim::values(rows, c), TileDim::replicated(all / c)],
            false => [TileDim::replicated(all / c), TileDim::values(rows, c)],
        };
        let output = Periodic::tiles(TileTensor::new(output));
        let plan = plan_tiles(&last, &plan.output, &output).expect("a plan");
        let results = run(&last, &plan, &features);
        let output = match is_first_form {
            true => [TileDim::replicated(c), TileDim::values(3, all / c)],
            false => [TileDim::values(3, all / c), TileDim::replicated(c)],
        };
        let next = dense(3, rows, 1.0, !seed);
        let plan = plan_tiles(&next, &plan.output, &Periodic::tiles(TileTensor::new(output))).expect("a plan");
        run(&next, &plan, &results);
    }

    /// A vector that repeats is a tile tensor, and tiles are read by diagonals.
    #[test]
    fn between_families(
        sizes in (1u32..40, 1u32..40, 1u32..40, 1u32..40),
        (log_t1, is_dirty) in (1u32..4, any::<bool>()),
        seed in any::<u64>(),
    ) {
        let (a, b, c, d) = sizes;
        let n_slots = 256;
        let first = dense(b, a, 1.0, seed);
        let input = Periodic::vector(a, n_slots);
        let plan = plan_linear(&first, &input, &Periodic::vector(b, n_slots), &PlanOptions::default()).expect("a plan");
        let values = run(&first, &plan, &noises(seed, a as usize));
        let t2 = plan.output.period.max(1 << log_t1);
        let ending = match is_dirty {
            true => TileDim::unknown(1, t2),
            false => TileDim::replicated(t2),
        };
        let tiles = Periodic::tiles(TileTensor::new([TileDim::values(c, n_slots / t2), ending]));
        let second = dense(c, b, 1.0, !seed);
        let plan = plan_tiles(&second, &plan.output, &tiles).expect("a plan");
        let values = run(&second, &plan, &values);
        let third = dense(d, c, 1.0, seed);
        let plan = plan_linear(&third, &plan.output, &Periodic::vector(d, n_slots), &PlanOptions::default()).expect("a plan");
        run(&third, &plan, &values);
    }
}

/// Half of a layer's tiles are zero: they are neither multiplied nor, where a whole output tile dies, rotated.
#[test]
fn zero_tiles() {
    let (t1, t2) = (8, 4);
    let value = |i: u32| {
        let (row, col) = (i / 64, i % 64);
        match (row / t2 + col / t1).is_multiple_of(2) {
            true => noise(1, i as usize),
            false => 0.0,
        }
    };
    let matrix = SparseMatrix::from_dense(16, 64, &(0..16 * 64).map(value).collect::<Vec<_>>());
    let layouts = |rows| {
        let input = Periodic::tiles(TileTensor::new([
            TileDim::values(64, t1),
            TileDim::replicated(t2),
        ]));
        let output = Periodic::tiles(TileTensor::new([
            TileDim::replicated(t1),
            TileDim::values(rows, t2),
        ]));
        (input, output)
    };
    let (input, output) = layouts(16);
    let plan = plan_tiles(&matrix, &input, &output).expect("a plan");
    run(&matrix, &plan, &noises(2, 64));
    let counts = plan.counts;
    assert_eq!(
        (
            counts.diagonals_total,
            counts.diagonals_zero,
            counts.plain_products
        ),
        (32, 16, 16)
    );
    assert_eq!(
        counts.collapse,
        4 * 3,
        "every output tile still has a weight"
    );

    let dead = |(row, col, value): (u32, u32, f64)| (row, col, if row < t2 { 0.0 } else { value });
    let matrix = SparseMatrix::from_triplets(16, 64, matrix.entries().map(dead));
    let plan = plan_tiles(&matrix, &input, &output).expect("a plan");
    run(&matrix, &plan, &noises(2, 64));
    assert_eq!(
        (plan.counts.plain_products, plan.counts.collapse),
        (12, 3 * 3)
    );
}
