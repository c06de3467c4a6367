//! The binary as its users meet it: commands, files, errors.

mod bad_input;
mod chain;
mod common;
mod costs;
mod feeds;
mod options;
mod refreshes;
mod runs;
mod sharing;
