//! Bars for what takes longer than a second, on standard error, when it is a terminal.

use crate::{Session, screen};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// Runs `work` under a spinner and measures it in milliseconds.
pub fn spin<T>(session: &Session, what: &'static str, work: impl FnOnce() -> T) -> (T, f64) {
    let bar = visible(session, None);
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg}  {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(120));
    let start = Instant::now();
    let done = work();
    bar.finish_and_clear();
    (done, ms(start))
}

/// Runs `work` under a bar that it moves itself, and measures it in milliseconds.
pub fn count<T>(session: &Session, what: &'static str, work: impl FnOnce(&(dyn Fn(usize, usize) + Sync)) -> T) -> (T, f64) {
    let bar = visible(session, Some(1));
    if let Ok(style) = ProgressStyle::with_template("  {msg:<16} {bar:32} {pos}/{len}  {elapsed}  left {eta}") {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_message(what);
    let start = Instant::now();
    let moved = |done: usize, total: usize| {
        // Nothing flickers over what is done at once.
        if start.elapsed() > Duration::from_millis(300) {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
    };
    let done = work(&moved);
    bar.finish_and_clear();
    (done, ms(start))
}

fn visible(session: &Session, len: Option<u64>) -> ProgressBar {
    let target = if session.chatty && screen::stderr_is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    ProgressBar::with_draw_target(len, target)
}

fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
