//! The scheme `privet`: prune what the compiled circuit pays for.
//!
//! [`Pricer`] says what a network would cost, layer by layer, from its plans alone. [`options`] draws for each layer the curve
//! of what can be spared against what is lost, [`unit_options`] the same for neurons and channels, and [`choose`] picks a
//! point on each. [`align()`] does all of it for a target, and places neurons where less is lost.
//!
//! Absences: nothing here trains, or knows what a loss of importance does to accuracy.

mod align;
mod assign;
mod cells;
mod error;
mod grids;
mod groups;
mod knapsack;
mod layer;
mod levels;
mod price;
mod select;
mod split;
mod taps;
mod units;

pub use align::{Aligned, Importance, align, align_layers, arranged};
pub use assign::{Link, Orders, Placement};
pub use cells::{Members, PlannedLayer, layers};
pub use error::Error;
pub use groups::{Family, Group, groups};
pub use knapsack::{Combination, Target, choose};
pub use layer::{Choice, Curve, options};
pub use price::{LayerPrice, Priced, Pricer};
pub use select::{Grid, Selection};
pub use split::{Split, splits};
pub use units::{UnitClass, unit_classes, unit_options, without_units};
