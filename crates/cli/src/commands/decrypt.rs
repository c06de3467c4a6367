//! The result in plain.

use super::infer::{batch_predictions, predictions};
use crate::args::Decrypt;
use crate::failure::Failure;
use crate::screen::{self, Lines};
use crate::{Session, staging, warn};
use privet::Error;
use privet::prelude::{Client, Encrypted, Role, ShareCounter, write_npy};

/// Outputs shown one by one; more go to a file.
const SHOWN: usize = 16;

/// Runs the command.
///
/// # Errors
/// [`Failure`] with the first thing that stands in the way.
pub fn run(session: &Session, args: &Decrypt) -> Result<(), Failure> {
    staging::check_outputs(
        session,
        &[args.output.as_deref()],
        &[&args.client, &args.result, &args.secret],
    )?;
    let client = Client::load(&args.client)?;
    let n_values: usize = client
        .outputs
        .iter()
        .map(|o| o.shape.iter().product::<usize>())
        .sum();
    if args.share && n_values > SHOWN && args.output.is_none() {
        // A result that nobody sees would be counted all the same.
        return Err(Failure::usage(
            format!("the result has {n_values} values, more than the screen shows"),
            "--output FILE.npy takes them; nothing was counted",
        ));
    }
    let ctx = client.context()?;
    let secret = client.load_secret(&ctx, &args.secret)?;
    let result = Encrypted::load(&ctx, &client, Role::Result, &args.result)?;
    result.check_key(
        &args.result,
        &privet::key_id(&secret),
        "decrypt with the secret key that encrypted the input",
    )?;
    let (all, shared) = if args.share {
        let counter = ShareCounter::beside(&args.secret);
        let shared = client.decrypt_for_sharing(&ctx, &secret, &result, &counter)?;
        let allowed = client.share.map_or(0, |s| s.results);
        let parts = [
            format!("noise of {}", screen::difference(shared.deviation)),
            format!("result {} of {allowed} under this key", shared.used),
        ];
        (vec![shared.values], Some(parts))
    } else {
        (client.decrypt_batch(&ctx, &secret, &result)?, None)
    };
    all.iter()
        .for_each(|values| warn::too_large(&client, values));
    match &all[..] {
        [values] => screen::print(&predictions(&[("decrypted", values)]))?,
        _ => screen::print(&batch_predictions(&all))?,
    }
    let mut lines = Lines::new();
    if let Some(parts) = shared {
        lines.gap().line("shared", &parts);
    }
    if let [values] = &all[..]
        && values.len() <= SHOWN
    {
        let shown: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(i, v)| format!("{i}: {}", screen::value(*v)))
            .collect();
        lines.gap().line("outputs", &shown);
    } else if args.output.is_none() {
        lines.gap().line(
            "outputs",
            &[
                screen::plural((all.len() * n_values) as u64, "value"),
                "--output FILE.npy writes them".to_owned(),
            ],
        );
    }
    if let Some(path) = &args.output {
        write_npy(path, &all, &[n_values], session.force).map_err(Error::from)?;
        lines.line("wrote", &[format!("{}, the outputs", path.display())]);
    }
    lines.print()
}
