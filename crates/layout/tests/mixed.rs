//! One network in both families of layouts: 784-128-128-10 with copies first, then tiles, run on plain vectors.

#[path = "common/noise.rs"]
mod noise;

use noise::noises;
use privet_layout::{
    Diagonals, LinearPlan, Periodic, PlanOptions, SparseMatrix, TileDim, TileTensor, plan_linear,
    plan_tiles, spread_chain,
};

const N_SLOTS: u32 = 16384;

fn dense(rows: u32, cols: u32) -> SparseMatrix {
    SparseMatrix::from_dense(rows, cols, &noises(5, (rows * cols) as usize))
}

fn tiles(first: TileDim, second: TileDim) -> Periodic {
    Periodic::tiles(TileTensor::new([first, second]))
}

/// A dense layer whose input comes in copies.
fn spread(matrix: &SparseMatrix, options: &PlanOptions) -> LinearPlan {
    let [input, output] = [matrix.cols(), matrix.rows()].map(|n| Periodic::vector(n, N_SLOTS));
    let layer = [Diagonals::new(matrix, &input, &output).expect("diagonals")];
    let found = spread_chain(&layer, true, options, f64::INFINITY).expect("layouts");
    let (at, _) = found.expect("a path");
    let outline = layer[0].outline(&at[0], &at[1], options, f64::INFINITY);
    layer[0].fill(outline.expect("layouts fit").expect("a plan"))
}

/// Rotations of each plan, masks of all; the last result is that of the matrices.
fn run(matrices: &[SparseMatrix; 3], plans: [&LinearPlan; 3]) -> ([u64; 3], u64) {
    let mut values = noises(7, matrices[0].cols() as usize);
    let mut slots = plans[0].input.pack(&values);
    let mut masks = 0;
    let rotations = [0, 1, 2].map(|at| {
        let (written, counts) = plans[at].simulate(&slots);
        (slots, values) = (written, matrices[at].matvec(&values));
        masks += counts.masks;
        counts.rotations()
    });
    for (found, expected) in plans[2].output.unpack(&slots).iter().zip(&values) {
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
    }
    (rotations, masks)
}

/// Sums that end in one slot each, beside unknown values, go on as they are, or masked and duplicated at a level's cost.
#[test]
fn dense_network() {
    let matrices = [dense(128, 784), dense(128, 128), dense(10, 128)];
    let options = PlanOptions::default();
    let first = spread(&matrices[0], &options);

    let ends = tiles(TileDim::values(128, 128), TileDim::unknown(1, 128));
    let second = plan_tiles(&matrices[1], &first.output, &ends).expect("a plan");
    let output = Periodic::vector(10, N_SLOTS);
    let third = plan_linear(&matrices[2], &second.output, &output, &options).expect("a plan");
    let counts = run(&matrices, [&first, &second, &third]);
    assert_eq!(counts, ([11, 7, 15], 0));

    let full = tiles(TileDim::values(128, 128), TileDim::replicated(128));
    let second = plan_tiles(&matrices[1], &first.output, &full).expect("a plan");
    let output = tiles(TileDim::replicated(128), TileDim::values(10, 128));
    let third = plan_tiles(&matrices[2], &second.output, &output).expect("a plan");
    let counts = run(&matrices, [&first, &second, &third]);
    assert_eq!(counts, ([11, 14, 7], 1));
}
