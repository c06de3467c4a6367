//! The data owner's keys.

use crate::args::Keygen;
use crate::failure::Failure;
use crate::screen::{self, Lines};
use crate::{Session, progress, staging};
use privet::prelude::{Client, ShareCounter, human_bytes, human_ms};

/// Runs the command.
///
/// # Errors
/// [`Failure`] with the first thing that stands in the way.
pub fn run(session: &Session, args: &Keygen) -> Result<(), Failure> {
    let client = Client::load(&args.client)?;
    let counter = ShareCounter::beside(&args.secret);
    let counted = client.share.is_some().then(|| counter.path());
    staging::check_outputs(
        session,
        &[Some(&args.secret), Some(&args.evaluation), counted],
        &[&args.client],
    )?;
    let ctx = client.context()?;
    let (keys, ms) = progress::count(session, "making keys", |tick| client.keygen(&ctx, tick));
    // The large file first: a full disk must not cost the secret key that --force would replace.
    let (saved, _) = progress::spin(session, "writing keys", || {
        client.save_evaluation(
            &ctx,
            &keys.evaluation,
            keys.key_id,
            &args.evaluation,
            session.force,
        )
    });
    saved?;
    let mut is_saved = false;
    let mut secret = || {
        client.save_secret(&keys.secret, &args.secret, session.force)?;
        is_saved = true;
        Ok(())
    };
    let all = match counted {
        Some(_) => counter.create(&keys.key_id, session.force, secret),
        None => secret(),
    };
    if let Err(error) = all {
        if !is_saved {
            // Evaluation keys whose secret is lost serve nobody.
            let _ = std::fs::remove_file(&args.evaluation);
        }
        return Err(error.into());
    }
    let n = keys.evaluation.iter().count() as u64;
    let bytes = std::fs::metadata(&args.evaluation)
        .map(|m| human_bytes(m.len()))
        .unwrap_or_default();
    let mut lines = Lines::new();
    lines.line(
        "keys",
        &[
            format!(
                "key {} for {}",
                privet::short_id(&keys.key_id),
                client.model
            ),
            screen::plural(n, "evaluation key"),
            human_ms(ms),
        ],
    );
    lines.line(
        "wrote",
        &[format!(
            "{}, the secret key: keep it to yourself",
            args.secret.display()
        )],
    );
    if let Some(path) = counted {
        lines.line(
            "wrote",
            &[format!(
                "{}, the count of shared results: stays beside the key",
                path.display()
            )],
        );
    }
    lines.line(
        "wrote",
        &[format!(
            "{}, the evaluation keys for the server, {bytes}",
            args.evaluation.display()
        )],
    );
    lines.print()
}
