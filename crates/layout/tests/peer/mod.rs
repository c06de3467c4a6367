//! Networks as sets of diagonals, and planners that count their rotations by rules written down here: slow twins of ours.

mod layers;
mod nets;
mod reference;
mod rule;

pub use layers::{Layer, Net};
pub use nets::{lenet, lola, mlp, resnet20, vgg16};
pub use reference::{Plan, lifted, optima, replicas, unlifted};
pub use rule::{Kind, count};
