//! What every fuzz target does with its bytes; the workspace's tests replay the corpus through the same functions.
//!
//! A target panics if the code under test panics, if what was accepted is not written back as it was read, or if
//! reading allocates more than the bytes justify. The first byte of an input says what the target repairs before it
//! reads, so that a hash or an identity does not keep everything else from being reached.

#[path = "untrusted.rs"]
mod untrusted;

pub use untrusted::*;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
