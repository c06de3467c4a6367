//! Bars for what takes longer than a moment, on standard error, when it is a terminal.

use crate::{Session, screen};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Nothing flickers over what is done by then.
const PATIENCE: Duration = Duration::from_millis(700);

/// Runs `work` under a spinner and measures it in milliseconds.
pub fn spin<T>(session: &Session, what: &'static str, work: impl FnOnce() -> T) -> (T, f64) {
    under(session, what, "  {spinner} {msg}  {elapsed}", |_| work())
}

/// Runs `work` under a bar that it moves itself, and measures it in milliseconds.
pub fn count<T>(
    session: &Session,
    what: &'static str,
    work: impl FnOnce(&(dyn Fn(usize, usize) + Sync)) -> T,
) -> (T, f64) {
    under(
        session,
        what,
        "  {msg:<16} {bar:32} {pos}/{len}  {elapsed}  left {eta}",
        |bar| {
            work(&|done, total| {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            })
        },
    )
}

fn under<T>(
    session: &Session,
    what: &'static str,
    template: &str,
    work: impl FnOnce(&ProgressBar) -> T,
) -> (T, f64) {
    let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_message(what);
    let start = Instant::now();
    let done = if session.chatty && screen::stderr_is_terminal() {
        std::thread::scope(|scope| {
            // Dropped when the work is done, also by a panic; that ends the waiting.
            let (_working, finished) = mpsc::channel::<()>();
            let shown = bar.clone();
            scope.spawn(move || {
                if finished.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                    shown.set_draw_target(ProgressDrawTarget::stderr());
                    shown.enable_steady_tick(Duration::from_millis(120));
                }
            });
            work(&bar)
        })
    } else {
        work(&bar)
    };
    bar.finish_and_clear();
    (done, start.elapsed().as_secs_f64() * 1e3)
}
