//! Keys and key switching: secrets, public and key-switch keys, decompose, key product, mod down.
//!
//! Knows no slots and no scales.

pub(crate) mod divide;
pub(crate) mod keys;
pub(crate) mod public;
pub(crate) mod secret;
pub(crate) mod switch;
