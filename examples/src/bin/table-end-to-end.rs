//! From an export with maximum pools to encrypted results: convert, prune, compile, run.
//!
//! `cargo run --release -p privet-examples --bin table-end-to-end`
