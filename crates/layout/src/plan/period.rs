//! Periods of input and output.

use super::search::least_cost_of;
use super::{PlanCosts, PlanCounts};
use crate::Periodic;

/// Periods of input and output of one candidate plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    pub input: u32,
    pub output: u32,
}

impl Period {
    pub fn m(self) -> u32 {
        self.input.min(self.output)
    }

    pub fn largest(self) -> u32 {
        self.input.max(self.output)
    }

    pub fn collapse(self) -> Vec<u32> {
        let halve = |&k: &u32| Some(k / 2);
        std::iter::successors(Some(self.input / 2), halve)
            .take_while(|&k| k >= self.output && k > 0)
            .collect()
    }
}

/// Periods to plan for: the shortest, and with several inputs the widest too, which leaves nothing to add up.
pub(super) fn periods(input: &Periodic, output: &Periodic) -> (Period, Option<Period>) {
    let narrowest = Period {
        input: input.period,
        output: output.period,
    };
    let wide = Period {
        output: input.n_slots,
        ..narrowest
    };
    let is_choice = input.n_ciphertexts > 1 && output.period < input.n_slots;
    (narrowest, is_choice.then_some(wide))
}

/// What a plan of so many diagonals costs at least.
pub(super) fn least_total(
    input: &Periodic,
    output: &Periodic,
    period: Period,
    diagonals: u64,
    costs: &PlanCosts,
) -> f64 {
    let counts = PlanCounts {
        decomposed: u64::from(input.n_ciphertexts),
        // Ciphertexts that no weight reaches are not added up.
        collapse: period.collapse().len() as u64 * diagonals.min(1),
        plain_products: diagonals,
        ..PlanCounts::default()
    };
    let is_single = input.n_ciphertexts == 1 && output.n_ciphertexts == 1;
    let split = match is_single {
        true => least_cost_of(diagonals as u32, costs),
        false => 0.0,
    };
    split + costs.of(output, &counts)
}
