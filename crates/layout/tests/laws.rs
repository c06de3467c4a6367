//! Laws: a plan run on plain vectors is the matrix product, in every slot.

mod common;

use std::collections::BTreeSet;

use common::{noise, noises, run};
use privet_layout::{
    ConvGeometry, Copy, Diagonals, IndexMap, LinearPlan, Periodic, PlanCosts, PlanOptions,
    SparseMatrix, plan_linear, spread_chain,
};
use proptest::prelude::*;

/// Plans, runs, and checks what holds of every plan.
fn law(matrix: &SparseMatrix, input: &Periodic, output: &Periodic, seed: u64) -> LinearPlan {
    let plan = plan_linear(matrix, input, output, &PlanOptions::default()).expect("a plan");
    run(matrix, &plan, seed);
    for layout in [&plan.input, &plan.output] {
        layout.check().expect("a layout");
        assert_eq!(
            &layout.to_string().parse::<Periodic>().expect("parses back"),
            layout
        );
    }
    let mut kept = 0;
    for cell in &plan.cells {
        assert!(cell.baby < input.n_slots && cell.giant < input.n_slots);
        assert!(!cell.entries.is_empty());
        assert!(cell.entries.is_sorted_by(|a, b| a.0 < b.0));
        assert!(
            cell.entries
                .iter()
                .all(|&(slot, weight)| slot < cell.period && weight != 0.0)
        );
        kept += cell.entries.len();
    }
    let weights = matrix.entries().filter(|entry| entry.2 != 0.0);
    let places = weights.map(|(row, _, _)| plan.output.positions(row).count());
    assert_eq!(kept, places.sum::<usize>());
    let counts = plan.counts;
    assert_eq!(
        counts.plain_products,
        counts.diagonals_total - counts.diagonals_zero
    );
    if output.copies.is_empty() {
        assert!(counts.babies + counts.giants <= all_babies(matrix, &plan));
    }
    let costly = PlanOptions {
        costs: PlanCosts {
            k_dec: 3.0,
            k_h: 1.0,
            k_g: 4.0,
            k_md: 1.5,
            k_rs: 1.0,
            c_mul: 0.25,
        },
        max_n1: 16,
    };
    run(
        matrix,
        &plan_linear(matrix, input, output, &costly).expect("a plan"),
        seed,
    );
    plan
}

/// Rotations of the plan that has no giants.
fn all_babies(matrix: &SparseMatrix, plan: &LinearPlan) -> u64 {
    let m = plan.input.period.min(plan.output.period);
    let n_slots = plan.input.n_slots;
    let amount = |(row, col, _)| {
        let (row, col) = (plan.output.position(row), plan.input.position(col));
        (col / n_slots, col.wrapping_sub(row) % m)
    };
    let used = matrix.entries().filter(|entry| entry.2 != 0.0).map(amount);
    used.filter(|&(_, baby)| baby != 0)
        .collect::<BTreeSet<_>>()
        .len() as u64
}

/// A layout of `n` elements: row-major or scattered, with a period longer than needed.
fn vector(n: u32, n_slots: u32, stretch: u32, scatter: Option<u32>) -> Periodic {
    let mut layout = match scatter {
        None => Periodic::vector(n, n_slots),
        Some(odd) => {
            let room = (2 * n).next_power_of_two();
            let at = |i: u32| (i.wrapping_mul(2 * odd + 1) + odd) & (room - 1);
            Periodic::table((0..n).map(at).collect::<Vec<_>>(), n_slots)
        }
    };
    if layout.n_ciphertexts == 1 {
        layout.period = (layout.period << stretch).min(n_slots);
    }
    layout
}

/// Starts and shares of copies, to be fitted.
fn copies() -> impl Strategy<Value = Vec<(u32, u32, u32)>> {
    prop::collection::vec((0u32..60, 0u32..40, 1u32..40), 0..4)
}

/// The layout with those of the copies that leave it valid.
fn copied(layout: Periodic, wanted: &[(u32, u32, u32)]) -> Periodic {
    let mut layout = layout;
    for &(further, from, length) in wanted {
        let mut copies = layout.copies.to_vec();
        copies.push(Copy {
            // Behind all others, or between them where that fits.
            offset: match further % 2 {
                0 => layout.extent() + further / 2,
                _ => further,
            },
            from,
            to: from + length,
        });
        let more = layout.clone().with_copies(copies);
        if more.check().is_ok() {
            layout = more;
        }
    }
    layout
}

fn dense(rows: u32, cols: u32, density: f64, seed: u64) -> SparseMatrix {
    let thin = |index: usize| match noise(!seed, index).abs() < density {
        true => noise(seed, index),
        false => 0.0,
    };
    let values: Vec<f64> = (0..(rows * cols) as usize).map(thin).collect();
    SparseMatrix::from_dense(rows, cols, &values)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn dense_layer(
        (rows, cols) in (1u32..70, 1u32..70),
        log_slots in 3u32..9,
        stretch in 0u32..5,
        scatter in (prop::option::of(0u32..9), prop::option::of(0u32..9)),
        density in prop::sample::select(vec![0.0, 0.05, 0.5, 1.0]),
        seed in any::<u64>(),
    ) {
        let n_slots = 1 << log_slots;
        let input = vector(cols, n_slots, stretch, scatter.0);
        let output = vector(rows, n_slots, 0, scatter.1);
        law(&dense(rows, cols, density, seed), &input, &output, seed);
    }

    /// Copies at random places, of all elements or some, in what is read and in what is written.
    #[test]
    fn copied_dense_layer(
        (rows, cols) in (1u32..40, 1u32..40),
        log_slots in 6u32..10,
        (read, written) in (copies(), copies()),
        scatter in prop::option::of(0u32..9),
        density in prop::sample::select(vec![0.05, 0.5, 1.0]),
        seed in any::<u64>(),
    ) {
        let n_slots = 1 << log_slots;
        let input = copied(vector(cols, n_slots, 0, scatter), &read);
        let output = copied(vector(rows, n_slots, 0, None), &written);
        let matrix = dense(rows, cols, density, seed);
        let plan = law(&matrix, &input, &output, seed);
        let diagonals = Diagonals::new(&matrix, &input, &output).expect("diagonals");
        let costs = PlanCosts::default();
        let bounds = [
            diagonals.least_cost(&input, &plan.output, &costs),
            diagonals.least_cost_of_choices(&input, &plan.output, &costs),
        ];
        prop_assert!(bounds.iter().all(|bound| *bound <= costs.total(&plan)));
    }

    /// Copies chosen along a chain of layers never cost more than none, and every layer still computes its product.
    #[test]
    fn spread_chains(
        sizes in prop::collection::vec(1u32..60, 2..5),
        log_slots in 6u32..10,
        is_first_free in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let n_slots = 1 << log_slots;
        let tensors: Vec<Periodic> = sizes.iter().map(|&n| Periodic::vector(n, n_slots)).collect();
        let matrices: Vec<SparseMatrix> =
            sizes.windows(2).map(|pair| dense(pair[1], pair[0], 1.0, seed)).collect();
        let layers: Vec<Diagonals<'_>> = matrices.iter().enumerate()
            .map(|(i, matrix)| Diagonals::new(matrix, &tensors[i], &tensors[i + 1]).expect("diagonals"))
            .collect();
        let options = PlanOptions::default();
        let spread = |limit: f64| spread_chain(&layers, is_first_free, &options, limit).expect("layouts");
        let (chosen, found) = spread(f64::INFINITY).expect("a path");
        prop_assert_eq!(spread(found), None);
        prop_assert_eq!(chosen.len(), tensors.len());
        prop_assert!(is_first_free || chosen[0].copies.is_empty());
        prop_assert!(chosen[tensors.len() - 1].copies.is_empty());
        let cost = |layouts: &[Periodic]| -> u64 {
            let plans = matrices.iter().enumerate().map(|(i, matrix)| {
                law(matrix, &layouts[i], &layouts[i + 1], seed).counts.rotations()
            });
            plans.sum()
        };
        prop_assert_eq!(cost(&chosen) as f64, found);
        prop_assert!(cost(&chosen) <= cost(&tensors));
    }

    #[test]
    fn convolution(
        (in_group, out_group, groups) in (1u32..4, 1u32..4, 1u32..4),
        (in_height, in_width) in (1u32..9, 1u32..9),
        kernel in (1u32..4, 1u32..4),
        stride in (1u32..4, 1u32..4),
        pad in prop::array::uniform4(0u32..3),
        dilation in (1u32..3, 1u32..3),
        (in_gap, out_gap) in ((1u32..4, 1u32..4), (1u32..4, 1u32..4)),
        (in_phases, out_phases) in ((1u32..4, 1u32..4), (1u32..3, 1u32..4)),
        (in_spare, out_spare) in ((0u32..3, 0u32..3), (0u32..3, 0u32..3)),
        log_slots in 6u32..11,
        stretch in 0u32..4,
        seed in any::<u64>(),
    ) {
        let geometry = ConvGeometry {
            in_channels: in_group * groups, in_height, in_width, out_channels: out_group * groups,
            kernel, stride, pad, dilation, groups,
        };
        prop_assume!(geometry.check().is_ok());
        let n_slots = 1 << log_slots;
        let (out_height, out_width) = geometry.out_size();
        let image = |[c, h, w]: [u32; 3], phases: (u32, u32), gap: (u32, u32), spare: (u32, u32)| {
            let frame = (h.div_ceil(phases.0) * gap.0 + spare.0, w.div_ceil(phases.1) * gap.1 + spare.1);
            Periodic::planes([c, h, w], phases, gap, frame, n_slots)
        };
        let in_shape = [geometry.in_channels, in_height, in_width];
        let mut input = image(in_shape, in_phases, in_gap, in_spare);
        if input.n_ciphertexts == 1 {
            input.period = (input.period << stretch).min(n_slots);
        }
        let out_shape = [geometry.out_channels, out_height, out_width];
        let output = image(out_shape, out_phases, out_gap, out_spare);
        for layout in [&input, &output] {
            let text = layout.to_string();
            prop_assert_eq!(&text.parse::<Periodic>().expect("a layout"), layout);
        }
        let weights = noises(seed, (geometry.out_channels * in_group * kernel.0 * kernel.1) as usize);
        let matrix = geometry.matrix(&weights);

        let x = noises(!seed, matrix.cols() as usize);
        let direct = convolve(&geometry, &weights, &x);
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
        prop_assert!(matrix.matvec(&x).iter().zip(&direct).all(close));
        law(&matrix, &input, &output, seed);
    }

    #[test]
    fn matrix_product((rows, inner, cols) in (1u32..9, 1u32..9, 1u32..9), seed in any::<u64>()) {
        let (left, right) = (dense(rows, inner, 0.5, seed), dense(inner, cols, 0.5, !seed));
        let mut product = left.product(&right);
        let factors = noises(seed, rows.max(cols) as usize);
        product.scale_rows(&factors[..rows as usize]);
        product.scale_cols(&factors[..cols as usize]);
        product.drop_zeros();
        let x = noises(seed, cols as usize);
        let scaled: Vec<f64> = x.iter().zip(&factors).map(|(x, factor)| x * factor).collect();
        let expected = left.matvec(&right.matvec(&scaled));
        for ((found, expected), factor) in product.matvec(&x).iter().zip(expected).zip(&factors) {
            prop_assert!((found - expected * factor).abs() < 1e-12);
        }
        prop_assert!(product.entries().all(|(_, _, value)| value != 0.0));
        let rebuilt = SparseMatrix::from_triplets(rows, cols, product.entries());
        prop_assert_eq!(rebuilt, product);
    }

    #[test]
    fn text_never_panics(text in "(periodic [0-9]{1,4}/[0-9]{1,4} x[0-9] \\[)?[0-9a-z ,x\\]]{0,40}") {
        if let Ok(layout) = text.parse::<Periodic>() {
            prop_assert_eq!(layout.to_string(), text);
        }
    }
}

/// The convolution from its definition, on zero-padded images.
fn convolve(geometry: &ConvGeometry, weights: &[f64], x: &[f64]) -> Vec<f64> {
    let ConvGeometry {
        in_channels,
        in_height,
        in_width,
        out_channels,
        groups,
        ..
    } = *geometry;
    let (kernel, stride, dilation) = (geometry.kernel, geometry.stride, geometry.dilation);
    let (out_height, out_width) = geometry.out_size();
    let mut y = Vec::new();
    for (o, oy, ox) in (0..out_channels)
        .flat_map(|o| (0..out_height).flat_map(move |oy| (0..out_width).map(move |ox| (o, oy, ox))))
    {
        let per_group = in_channels / groups;
        let mut sum = 0.0;
        for (i, ky, kx) in (0..per_group).flat_map(|i| {
            (0..kernel.0).flat_map(move |ky| (0..kernel.1).map(move |kx| (i, ky, kx)))
        }) {
            let channel = o / (out_channels / groups) * per_group + i;
            let iy = i64::from(oy * stride.0 + ky * dilation.0) - i64::from(geometry.pad[0]);
            let ix = i64::from(ox * stride.1 + kx * dilation.1) - i64::from(geometry.pad[1]);
            let inside = iy >= 0 && ix >= 0 && iy < in_height.into() && ix < in_width.into();
            if inside {
                let at = (channel * in_height + iy as u32) * in_width + ix as u32;
                let weight = ((o * per_group + i) * kernel.0 + ky) * kernel.1 + kx;
                sum += weights[weight as usize] * x[at as usize];
            }
        }
        y.push(sum);
    }
    y
}

#[test]
fn pruned_diagonals_are_counted() {
    let mut values = vec![1.0; 64];
    (0..8).for_each(|row| values[row * 8 + (row + 3) % 8] = 0.0);
    let layout = Periodic::vector(8, 32);
    let plan = law(
        &SparseMatrix::from_dense(8, 8, &values),
        &layout,
        &layout,
        1,
    );
    assert_eq!(
        (plan.counts.diagonals_total, plan.counts.diagonals_zero),
        (8, 1)
    );
    let plan = law(
        &SparseMatrix::from_dense(8, 8, &[0.0; 64]),
        &layout,
        &layout,
        1,
    );
    assert_eq!(
        (plan.counts.diagonals_zero, plan.counts.rotations()),
        (8, 0)
    );
}

#[test]
fn layouts_are_checked() {
    let message = |text: &str| text.parse::<Periodic>().expect_err(text).to_string();
    let fine = |text: &str| assert_eq!(text.parse::<Periodic>().expect(text).to_string(), text);
    fine("periodic 2048/8192 x1 [6x14x14 gap 2,2 frame 32x32]");
    fine("periodic 1024/8192 x1 [1x28x28 phases 2,2 gap 1,1 frame 14x14]");
    fine("periodic 4096/4096 x2 [6000]");
    fine("periodic 8/64 x1 [table 7 0 3]");
    fine("periodic 16/64 x1 [5, copies 8+0..3 8+3..9]");
    assert_eq!(
        message("periodic 16/64 x1 [5, copies 4+0..5]"),
        "two elements sit at position 4"
    );
    assert_eq!(
        message("periodic 16/64 x1 [5, copies]"),
        "expected  , found `]`"
    );
    assert_eq!(
        message("periodic 16/64 x1 [5, copies 12+0..5]"),
        "positions reach 17, the layout has room for 16"
    );
    // Room is not what is looked at.
    fine("periodic 16777216/16777216 x4294967295 [table 0]");
    for bad in ["0+0..5", "8+3..3", "8+5..9"] {
        let text = format!("periodic 16/64 x1 [5, copies {bad}]");
        assert!(
            message(&text).contains("without offset or positions"),
            "{text}"
        );
    }
    assert_eq!(
        message("periodic 8/64 x1 [table 7 0 7]"),
        "two elements sit at position 7"
    );
    assert_eq!(
        message("periodic 8/64 x1 [9]"),
        "positions reach 9, the layout has room for 8"
    );
    assert_eq!(
        message("periodic 8/64 x2 [9]"),
        "period 8 does not fit 2 ciphertexts of 64 slots"
    );
    assert_eq!(
        message("periodic 8/48 x1 [4]"),
        "the slot count is 48, expected a power of two"
    );
    assert_eq!(message("periodic 8/64 [4]"), "expected  x, found ` [4]`");
    let image = Periodic::image(4, 4, 4, (2, 2), (8, 6), 64);
    assert!(
        image.check().is_err(),
        "{:?}",
        image.index == IndexMap::RowMajor
    );
}

#[test]
fn arguments_are_checked() {
    let matrix = SparseMatrix::from_dense(2, 4, &[1.0; 8]);
    let (input, output) = (Periodic::vector(4, 16), Periodic::vector(2, 16));
    let options = PlanOptions::default();
    let message = |input: &Periodic, output: &Periodic, options: &PlanOptions| {
        plan_linear(&matrix, input, output, options)
            .expect_err("a refusal")
            .to_string()
    };
    let found = message(&output, &output, &options);
    assert_eq!(found, "the matrix has 4 columns, its layout has 2 elements");
    let found = message(&input, &input, &options);
    assert_eq!(found, "the matrix has 2 rows, its layout has 4 elements");
    let found = message(&input, &Periodic::vector(2, 8), &options);
    assert_eq!(found, "the input has 16 slots, the output 8");
    let found = message(&Periodic::vector(4, 0), &Periodic::vector(2, 0), &options);
    assert_eq!(found, "the slot count is 0, expected a power of two");
    let found = message(&Periodic::table([0, 9, 1, 9], 16), &output, &options);
    assert_eq!(found, "two elements sit at position 9");
    for k_h in [f64::NAN, f64::INFINITY, -1.0] {
        let costs = PlanCosts {
            k_h,
            ..PlanCosts::default()
        };
        let options = PlanOptions {
            costs,
            ..options.clone()
        };
        let found = message(&input, &output, &options);
        assert_eq!(found, "cost k_h is negative or not a finite number");
    }
}

#[test]
fn geometry_is_checked() {
    let fine = ConvGeometry {
        in_channels: 4,
        in_height: 1,
        in_width: 8,
        out_channels: 6,
        kernel: (1, 3),
        stride: (1, 2),
        pad: [0, 1, 0, 0],
        dilation: (1, 1),
        groups: 2,
    };
    assert_eq!((fine.check(), fine.out_size()), (Ok(()), (1, 4)));
    let message = |geometry: ConvGeometry| geometry.check().expect_err("a refusal").to_string();
    let found = message(ConvGeometry {
        groups: 3,
        ..fine.clone()
    });
    assert_eq!(
        found,
        "convolution groups that do not divide the input channels"
    );
    let found = message(ConvGeometry {
        kernel: (2, 3),
        ..fine.clone()
    });
    assert_eq!(found, "a convolution kernel larger than the padded image");
    let found = message(ConvGeometry {
        pad: [u32::MAX; 4],
        ..fine.clone()
    });
    assert_eq!(found, "a convolution of more than 2^31 elements");
    let found = message(ConvGeometry {
        stride: (1, 0),
        ..fine
    });
    assert_eq!(found, "a convolution of stride zero");
}
