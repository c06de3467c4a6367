//! Plans for linear layers on periodic layouts.
//!
//! With `p` the input's period, `h` the output's and `m = min(h, p)`, an entry of the matrix may use any rotation
//! congruent to `col - row` modulo `m`, so diagonals that agree modulo `m` merge. See [`plan_linear`] for where weights go.

mod cells;
mod copies;
mod diagonals;
mod digits;
mod linear;
mod outline;
mod period;
mod search;
mod shifts;
mod simulate;
mod tiles;
mod trial;

use serde::{Deserialize, Serialize};

use crate::{LayoutError, Periodic};

pub use diagonals::Diagonals;
pub use linear::plan_linear;
pub use outline::PlanOutline;
pub use tiles::{count_tiles, plan_tiles};

/// How a linear layer runs.
///
/// `z_i = Σ_{b in giants_i} rot( Σ_j Σ_{a in babies_j} P'_{ij,a,b} · rot(x_j, a), b )`,
/// then for each amount `k` of `collapse` in order `z_i += rot(z_i, k)`, then a product with `mask` if there is one, then
/// for each amount `k` of `duplicate` in order `z_i += rot(z_i, k)` again. A ciphertext without cells stays 0 throughout.
/// Giants may be nested, see [`BsgsPlan::nested`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearPlan {
    /// The input's layout.
    pub input: Periodic,
    /// The output's layout with its resulting period. Every slot holds a complete sum, or zero where no element sits, or
    /// what nobody knows where the layout says so.
    pub output: Periodic,
    /// Rotation amounts.
    pub plan: BsgsPlan,
    /// Rotate-and-add amounts, in order; the same for each output ciphertext.
    pub collapse: Vec<u32>,
    /// Clears the slots around sums; costs a level.
    pub mask: Option<Mask>,
    /// Rotate-and-add amounts that copy sums into further slots, in order; the same for each output ciphertext.
    pub duplicate: Vec<u32>,
    /// The plaintexts, by output ciphertext, giant, input ciphertext, baby. Pairs without a non-zero weight are absent.
    pub cells: Vec<Cell>,
    /// What the plan costs.
    pub counts: PlanCounts,
}

/// One plaintext: the weights that meet one rotated input before one giant rotation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Output ciphertext.
    pub out_ct: u32,
    /// Input ciphertext.
    pub in_ct: u32,
    /// Rotation of the input, in `0..n_slots`.
    pub baby: u32,
    /// Rotation of the sum, in `0..n_slots`.
    pub giant: u32,
    /// The plaintext repeats every `period` slots.
    pub period: u32,
    /// Slot below `period` and weight, sorted by slot, already rotated by `-giant`; other slots are zero.
    pub entries: Vec<(u32, f64)>,
}

/// A plaintext of zeros and ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mask {
    /// The plaintext repeats every `period` slots.
    pub period: u32,
    /// Slots below `period` that hold 1, ascending.
    pub slots: Vec<u32>,
}

/// Baby and giant rotation amounts, ascending, in `0..n_slots`; 0 is listed where it is used, and an output no weight reaches has no giants. Then the split that made them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BsgsPlan {
    /// Per input ciphertext.
    pub babies: Vec<Vec<u32>>,
    /// Per output ciphertext.
    pub giants: Vec<Vec<u32>>,
    /// Baby digits are residues modulo `n1`; at `2·lift` nothing is left for giants.
    pub n1: u32,
    /// If not 0, giants are digits modulo `n2` of what the first digit leaves, and babies take the rest too:
    /// for a convolution, columns and channel blocks to one side, rows to the other.
    pub n2: u32,
    /// Shifts were taken modulo `lift` before splitting.
    pub lift: u32,
    /// Representatives modulo `lift` lie around zero instead of above it.
    pub signed: bool,
    /// Where digits lie.
    pub digits: DigitRange,
    /// Digits became giants, and their complements babies.
    pub exchanged: bool,
    /// Giants `b_0 < b_1 < …` are evaluated from the last one down, as `rot(y_0 + rot(y_1 + rot(y_2 + …, b_2 - b_1),
    /// b_1 - b_0), b_0)`: as many rotations, but a key per different step instead of one per giant.
    pub nested: bool,
}

impl BsgsPlan {
    /// Per giant of an output, in order, how far what has been summed up to there is rotated; not by 0 but for the first.
    pub fn steps(&self, output: usize) -> Vec<u32> {
        let giants = self.giants.get(output).map_or(&[][..], Vec::as_slice);
        if !self.nested {
            return giants.to_vec();
        }
        let before = std::iter::once(&0).chain(giants);
        giants.iter().zip(before).map(|(b, a)| b - a).collect()
    }

    /// Different rotation amounts, ascending, with those of `collapse`.
    fn amounts(&self, collapse: &[u32]) -> Vec<u32> {
        let steps = (0..self.giants.len()).flat_map(|output| self.steps(output));
        let babies = self.babies.iter().flatten().copied();
        let mut amounts: Vec<u32> = babies
            .chain(steps)
            .chain(collapse.iter().copied())
            .collect();
        amounts.retain(|&k| k != 0);
        amounts.sort_unstable();
        amounts.dedup();
        amounts
    }
}

impl LinearPlan {
    /// Different rotation amounts, ascending: the keys it needs.
    pub fn amounts(&self) -> Vec<u32> {
        self.plan
            .amounts(&[&self.collapse[..], &self.duplicate].concat())
    }
}

/// Where digits modulo `n` lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DigitRange {
    /// In `0..n`.
    #[default]
    Above,
    /// In `-n/2..n/2`.
    Around,
    /// The first digit around zero, the second in `-n/4..3n/4`: one side of a kernel's taps, then blocks of channels.
    Mixed,
}

/// Counts of one plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCounts {
    /// Diagonals with a stored entry, merged modulo `m`, over all pairs of ciphertexts.
    pub diagonals_total: u64,
    /// Those of them whose weights are all zero; the plan leaves them out.
    pub diagonals_zero: u64,
    /// Rotations of inputs, not by 0.
    pub babies: u64,
    /// Rotations of inner sums, not by 0.
    pub giants: u64,
    /// Inputs that are rotated, so that each is decomposed once.
    pub decomposed: u64,
    /// Rotate-and-adds of sums.
    pub collapse: u64,
    /// Rotate-and-adds that copy sums into further slots.
    pub conversion: u64,
    /// Products with a mask.
    pub masks: u64,
    /// Products with a plaintext.
    pub plain_products: u64,
    /// Different rotation amounts, hence rotation keys.
    pub rotation_keys: u64,
}

impl PlanCounts {
    /// All rotations.
    pub fn rotations(&self) -> u64 {
        self.babies + self.giants + self.collapse + self.conversion
    }
}

/// What the planner minimizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanOptions {
    /// Cost of each primitive.
    pub costs: PlanCosts,
    /// Every baby count up to this is tried; beyond it only `{1, 3, 5, 7}·2^k`.
    pub max_n1: u32,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            costs: PlanCosts::default(),
            max_n1: 256,
        }
    }
}

/// Cost of the primitives of a plan, in any one unit, at the level of execution; [`PlanCosts::total`] adds them up.
///
/// The default weighs every rotation 1 and the rest 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanCosts {
    /// Decompose and mod up of one input.
    pub k_dec: f64,
    /// One hoisted rotation without mod down.
    pub k_h: f64,
    /// One full rotation.
    pub k_g: f64,
    /// The final mod down of one output.
    pub k_md: f64,
    /// The final rescale of one output.
    pub k_rs: f64,
    /// One product with a plaintext.
    pub c_mul: f64,
}

impl Default for PlanCosts {
    fn default() -> Self {
        Self {
            k_dec: 0.0,
            k_h: 1.0,
            k_g: 1.0,
            k_md: 0.0,
            k_rs: 0.0,
            c_mul: 0.0,
        }
    }
}

impl PlanCosts {
    /// The cost of a plan.
    ///
    /// `Σ_j (k_dec + |A_j \ 0|·k_h) + Σ_i (|B_i \ 0|·k_g + k_md + k_rs) + plain_products·c_mul`, plus `k_g` per
    /// rotate-and-add and `c_mul + k_rs` per mask. Inputs that nothing rotates have no `k_dec`; where none is rotated,
    /// nothing is left to bring down.
    pub fn total(&self, plan: &LinearPlan) -> f64 {
        self.of(&plan.output, &plan.counts)
    }

    /// The cost of a plan with these counts that writes this layout, as [`PlanCosts::total`].
    pub fn of(&self, output: &Periodic, counts: &PlanCounts) -> f64 {
        let outputs = f64::from(output.n_ciphertexts);
        let brought_down = if counts.decomposed == 0 { 0.0 } else { outputs };
        counts.decomposed as f64 * self.k_dec
            + brought_down * self.k_md
            + (outputs + counts.masks as f64) * self.k_rs
            + counts.babies as f64 * self.k_h
            + (counts.giants + counts.collapse + counts.conversion) as f64 * self.k_g
            + (counts.plain_products + counts.masks) as f64 * self.c_mul
    }

    fn check(&self) -> Result<(), LayoutError> {
        let costs = [
            ("k_dec", self.k_dec),
            ("k_h", self.k_h),
            ("k_g", self.k_g),
            ("k_md", self.k_md),
            ("k_rs", self.k_rs),
            ("c_mul", self.c_mul),
        ];
        match costs
            .iter()
            .find(|(_, cost)| !cost.is_finite() || *cost < 0.0)
        {
            Some(&(what, _)) => Err(LayoutError::BadCost { what }),
            None => Ok(()),
        }
    }
}
