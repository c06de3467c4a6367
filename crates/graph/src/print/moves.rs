//! Attributes of operations with windows, and of those that move elements.

use super::list;
use crate::text::Number;
use crate::{Run, Selection};
use layout::ConvGeometry;
use std::fmt::{self, Display};

/// `kernel 3x3 stride 1,1 pad 1,1,1,1 dilation 2,2 groups 4`
pub(super) fn window(f: &mut fmt::Formatter<'_>, g: &ConvGeometry) -> fmt::Result {
    write!(f, " kernel {}x{}", g.kernel.0, g.kernel.1)?;
    write!(f, " stride {},{}", g.stride.0, g.stride.1)?;
    super::pads(f, g.pad)?;
    if g.dilation != (1, 1) {
        write!(f, " dilation {},{}", g.dilation.0, g.dilation.1)?;
    }
    if g.groups != 1 {
        write!(f, " groups {}", g.groups)?;
    }
    Ok(())
}

/// `axes [1, 0] take [3 from 0], [2 empty, 4 from 7 by -2] fill 1`
pub(super) fn select(f: &mut fmt::Formatter<'_>, selection: &Selection) -> fmt::Result {
    if !selection.axes.is_sorted() {
        write!(f, " axes [{}]", list(&selection.axes))?;
    }
    let along = |runs: &Vec<Run>| format!("[{}]", list(runs));
    write!(f, " take {}", list(selection.places.iter().map(along)))?;
    if selection.fill != 0.0 {
        write!(f, " fill {}", Number(selection.fill))?;
    }
    Ok(())
}

impl Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start, self.step) {
            (None, _) => write!(f, "{} empty", self.count),
            (Some(start), 1) => write!(f, "{} from {start}", self.count),
            (Some(start), step) => write!(f, "{} from {start} by {step}", self.count),
        }
    }
}
