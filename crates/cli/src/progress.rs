//! Bars for what takes longer than a moment, on standard error, when it is a terminal.

use crate::{Session, screen, warn};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use train::{Epoch, Score, Step, Watch};

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

/// A bar for each training of a run on a terminal; a line for each epoch elsewhere, which logs keep.
pub struct Trainings<'a> {
    session: &'a Session,
    bar: Option<ProgressBar>,
    stage: String,
}

impl<'a> Trainings<'a> {
    /// Before the first training.
    pub fn new(session: &'a Session) -> Self {
        Self {
            session,
            bar: None,
            stage: String::new(),
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Trainings<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl prune::Progress for Trainings<'_> {
    fn stage(&mut self, name: &str) {
        self.clear();
        self.stage = screen::one_line(name);
        if !self.session.chatty || !screen::stderr_is_terminal() {
            return;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let template = "  {prefix}  {bar:24} {pos}/{len}  {msg}  left {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.set_prefix(self.stage.clone());
        self.bar = Some(bar);
    }
}

impl Watch for Trainings<'_> {
    fn step(&mut self, step: &Step) -> bool {
        if let Some(bar) = &self.bar {
            bar.set_length((step.epochs * step.steps) as u64);
            bar.set_position((step.epoch * step.steps + step.step + 1) as u64);
            let best = step.best.as_ref().map_or_else(String::new, score_words);
            bar.set_message(format!("loss {:.4}  best {best}", step.loss));
        }
        true
    }

    fn epoch(&mut self, epoch: &Epoch) {
        if self.bar.is_none() {
            let text = format!(
                "{}, epoch {}: loss {:.4}, validation {}",
                self.stage,
                epoch.number,
                epoch.loss,
                score_words(&epoch.validation)
            );
            warn::note(self.session, &text);
        }
    }
}

/// An accuracy, or a mean squared error.
pub fn score_words(score: &Score) -> String {
    match score.accuracy {
        Some(accuracy) => screen::percent(accuracy),
        None => screen::short(score.loss),
    }
}
