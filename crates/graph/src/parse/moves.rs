//! Operations that move elements.

use crate::text::Cursor;
use crate::{Run, Selection};

/// `axes [1, 0] take [3 from 0], [2 empty, 4 from 7 by -2] fill 1`, of an operand with `rank` axes.
pub(super) fn select(rank: usize, cursor: &mut Cursor) -> Result<Selection, String> {
    let axes = if cursor.eat_word("axes") {
        cursor.list(|cursor| cursor.whole("an axis"))?
    } else {
        (0..rank).collect()
    };
    cursor.expect_word("take")?;
    let mut places = vec![cursor.list(run)?];
    while cursor.eat(",") {
        places.push(cursor.list(run)?);
    }
    let filled = cursor.eat_word("fill");
    let fill = if filled { cursor.number()? } else { 0.0 };
    Ok(Selection { axes, places, fill })
}

fn run(cursor: &mut Cursor) -> Result<Run, String> {
    let count = cursor.whole("a number of places")?;
    if cursor.eat_word("empty") {
        return Ok(Run::empty(count));
    }
    cursor.expect_word("from")?;
    let start = cursor.whole("a position")?;
    if !cursor.eat_word("by") {
        return Ok(Run::from(start, count));
    }
    let is_negative = cursor.eat("-");
    let step: i32 = cursor.whole("a step")?;
    Ok(Run {
        start: Some(start),
        step: if is_negative { -step } else { step },
        count,
    })
}
