//! The passes, one directory each, and the one place that shows their order.
//!
//! Passes see no ciphertext and no key, and never import one another; they share [`util`].

pub mod approximate_activations;
pub mod assign_levels;
pub mod calibrate_ranges;
pub mod choose_packing;
pub mod choose_params;
pub mod co_permute_layers;
pub mod cull_dead_units;
pub mod delay_mod_down;
pub mod eliminate_common;
pub mod eliminate_zero_diagonals;
pub mod fold_batch_norm;
pub mod fold_constants;
pub mod fold_linear;
pub mod hoist_rotations;
pub mod lower_pooling;
pub mod lower_to_circuit;
pub mod match_scales;
pub mod place_relinearize;
pub mod place_rescale;
pub mod plan_keys;
pub mod plan_rotations;
pub mod simplify;
pub mod util;

use ::circuit::Circuit;
use ::graph::Graph;
use pass::{Compiler, Registry};
use std::sync::Arc;

pub use approximate_activations::ApproximateActivations;
pub use assign_levels::AssignLevels;
pub use calibrate_ranges::CalibrateRanges;
pub use choose_packing::ChoosePacking;
pub use choose_params::ChooseParams;
pub use co_permute_layers::CoPermuteLayers;
pub use cull_dead_units::CullDeadUnits;
pub use delay_mod_down::DelayModDown;
pub use eliminate_common::EliminateCommon;
pub use eliminate_zero_diagonals::EliminateZeroDiagonals;
pub use fold_batch_norm::FoldBatchNorm;
pub use fold_constants::FoldConstants;
pub use fold_linear::FoldLinear;
pub use hoist_rotations::HoistRotations;
pub use lower_pooling::LowerPooling;
pub use lower_to_circuit::LowerToCircuit;
pub use match_scales::MatchScales;
pub use place_relinearize::PlaceRelinearize;
pub use place_rescale::PlaceRescale;
pub use plan_keys::PlanKeys;
pub use plan_rotations::PlanRotations;
pub use simplify::Simplify;

/// Graph passes in standard order.
pub fn graph() -> Registry<Graph> {
    Registry::new()
        .with::<FoldConstants>()
        .with::<FoldBatchNorm>()
        .with::<LowerPooling>()
        .with::<FoldLinear>()
        .with::<CalibrateRanges>()
        .with::<ApproximateActivations>()
        .with::<CullDeadUnits>()
        .with::<CoPermuteLayers>()
        .with::<ChoosePacking>()
        .with::<EliminateZeroDiagonals>()
        .with::<PlanRotations>()
}

/// Circuit passes in standard order.
pub fn circuit() -> Registry<Circuit> {
    Registry::new()
        .with::<Simplify>()
        .with::<EliminateCommon>()
        .with::<HoistRotations>()
        .with::<DelayModDown>()
        .with::<PlaceRelinearize>()
        .with::<PlaceRescale>()
        .with::<AssignLevels>()
        .with::<MatchScales>()
        .with::<ChooseParams>()
        .with::<PlanKeys>()
}

/// The standard compiler.
pub fn standard() -> Compiler {
    Compiler {
        graph: graph().standard(),
        lower: Arc::new(LowerToCircuit),
        circuit: circuit().standard(),
    }
}
