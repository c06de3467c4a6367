//! Measures networks: counts, error and time of encrypted predictions, one line each.
//!
//! `measure MODEL.onnx SAMPLES.npz|npy|idx COUNT [SCALE [MEAN STD [PAD]]]`

use privet::prelude::*;
use std::error::Error as StdError;

fn main() {
    if let Err(error) = measure() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn measure() -> Result<(), Box<dyn StdError>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [model, data, count, rest @ ..] = words.as_slice() else {
        return Err("measure MODEL SAMPLES COUNT [SCALE [MEAN STD [PAD]]]".into());
    };
    let mut feed = Feed::default();
    if let Some(scale) = rest.first() {
        feed.scale = Feed::parse_scale(scale)?;
    }
    if let [_, mean, std, ..] = rest {
        feed.mean = vec![mean.parse()?];
        feed.std = vec![std.parse()?];
    }
    if let Some(pad) = rest.get(3) {
        feed.pad = [pad.parse()?; 4];
    }
    let model = Model::import(model)?;
    let samples = read_samples(data.as_ref(), &feed, model.input_shape())?;
    let start = std::time::Instant::now();
    let calibration: Vec<Vec<f64>> = samples.values.iter().rev().take(500).cloned().collect();
    let compiled = compile(
        &model,
        &Options {
            calibration: Some(calibration),
            ..Options::default()
        },
        &privet::passes::standard(),
        &mut |_, _, _, _| {},
    )?;
    println!("{}", compiled.report.render_text(120));
    for pass in &compiled.report.passes {
        for note in &pass.notes {
            println!("{}: {note}", pass.name);
        }
    }
    println!("compiled in {:.1} s", start.elapsed().as_secs_f64());
    let options = CheckOptions {
        encrypted: count.parse()?,
        ..CheckOptions::default()
    };
    let values: Vec<Vec<f64>> = samples.values.iter().take(200).cloned().collect();
    let slots = compiled.run_slots(&values[0])?;
    let polynomial = compiled
        .evaluate_polynomial(&values[0])
        .ok_or("no network")??;
    println!(
        "slots {:?}\npoly  {:?}",
        &slots[..slots.len().min(4)],
        &polynomial[..polynomial.len().min(4)]
    );
    let check = check(&model, &compiled, &values, &options, &|_, _| {})?;
    let mut times = check.run_ms.clone();
    times.sort_by(f64::total_cmp);
    println!(
        "{}: rotations {} polynomial {:?} encrypted {:?} (rel {:.2e}) counts {} run_ms {:.1?}",
        model.info.name,
        compiled.report.counts.rotations,
        check.polynomial,
        check.encrypted,
        check.encrypted.max_rel(),
        check.counts_agree,
        times
    );
    Ok(())
}
