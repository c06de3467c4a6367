//! The binary as its users meet it: commands, files, errors.

mod bad_input;
mod batches;
mod chain;
mod common;
mod convert;
mod costs;
mod feeds;
mod options;
mod prune;
mod refreshes;
mod runs;
mod sharing;
