//! Samples to ciphertexts.

use crate::args::Encrypt;
use crate::failure::Failure;
use crate::screen::Lines;
use crate::{Session, feed, progress, staging, warn};
use privet::prelude::{Client, Role, human_bytes, human_ms};
use std::path::{Path, PathBuf};

/// Runs the command.
///
/// # Errors
/// [`Failure`] with the first thing that stands in the way.
pub fn run(session: &Session, args: &Encrypt) -> Result<(), Failure> {
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| ciphertext_name(&args.input, "ct"));
    staging::check_outputs(
        session,
        &[Some(&output)],
        &[&args.client, &args.secret, &args.input],
    )?;
    let client = Client::load(&args.client)?;
    let feed = args.feed.feed_for(session, &client)?;
    let (n, width) = (args.batch as usize, client.batch_width());
    if n > width {
        return Err(Failure::usage(
            format!("--batch {n}, {} takes up to {width} at once", client.model),
            format!("--batch {width}, or compile the network with --batch {n}"),
        ));
    }
    let (name, samples) =
        feed::some_samples(&args.input, args.sample, n, &feed, &client.input.shape)?;
    let ctx = client.context()?;
    let secret = client.load_secret(&ctx, &args.secret)?;
    warn::inputs(&client, &samples);
    let samples: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
    let (encrypted, ms) = progress::spin(session, "encrypting", || {
        client.encrypt_batch(&ctx, &secret, &samples)
    });
    let encrypted = encrypted?;
    encrypted.save(&client, Role::Input, &output, session.force)?;
    let bytes = std::fs::metadata(&output)
        .map(|m| human_bytes(m.len()))
        .unwrap_or_default();
    let mut lines = Lines::new();
    lines.line(
        "input",
        &[
            feed::names(name, n),
            format!("for {}", client.model),
            format!("key {}", privet::short_id(&encrypted.key_id)),
            human_ms(ms),
        ],
    );
    lines.line(
        "wrote",
        &[format!(
            "{}, the encrypted input, {bytes}",
            output.display()
        )],
    );
    lines.print()
}

/// `digit.ct` in the current folder for `pictures/digit.png`.
pub fn ciphertext_name(input: &Path, ending: &str) -> PathBuf {
    let stem = input.file_stem().unwrap_or_default();
    Path::new(stem).with_added_extension(ending)
}
