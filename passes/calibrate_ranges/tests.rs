use super::CalibrateRanges;
use ::graph::{Graph, ValueRange, parse};
use pass::{Calibration, Changed, Pass, PassCx, Refusal, Settings};
use std::sync::Arc;

const RELU: &str = "graph \"g\" {
  %0 \"x\" = input -> [2]
  %1 \"r\" = relu %0 from \"Relu 'relu1'\"
  return %1
}";

fn with(samples: &[&[f64]]) -> Settings {
    let samples = samples.iter().map(|x| vec![x.to_vec()]).collect();
    Settings {
        calibration: Some(Arc::new(Calibration { samples })),
        ..Settings::default()
    }
}

fn run(graph: &mut Graph, settings: &Settings) -> (Result<Changed, Refusal>, Vec<String>) {
    let mut cx = PassCx::new(settings);
    let result = CalibrateRanges::default().run(graph, &mut cx);
    (result, cx.notes().to_vec())
}

#[test]
fn every_node_gets_its_range_with_the_margin() {
    let mut graph = parse(RELU).unwrap();
    let settings = with(&[&[-3.0, 1.0], &[5.0, 0.0]]);
    let (changed, notes) = run(&mut graph, &settings);
    assert_eq!(changed, Ok(Changed::Yes));
    let range = |name| graph.node(graph.find(name).unwrap()).facts.range.unwrap();
    assert_eq!(
        range("x"),
        ValueRange {
            low: -3.4,
            high: 5.4
        }
    );
    assert_eq!(
        range("r"),
        ValueRange {
            low: -0.25,
            high: 5.25
        }
    );
    assert_eq!(
        notes,
        ["2 samples; widest range -3.400..5.400 at input 'x'"]
    );
    assert_eq!(run(&mut graph, &settings).0, Ok(Changed::No));
    let one = run(&mut graph, &with(&[&[-3.0, 1.0]])).1;
    assert!(one[0].starts_with("1 sample; widest"), "{}", one[0]);
}

#[test]
fn activations_without_calibration_are_refused() {
    let refusal = run(&mut parse(RELU).unwrap(), &Settings::default())
        .0
        .unwrap_err();
    assert_eq!(
        refusal.message,
        "Relu 'relu1' needs the range of its inputs"
    );
    let two = RELU.replace("  return %1", "  %2 \"s\" = relu %1\n  return %2");
    let refusal = run(&mut parse(&two).unwrap(), &Settings::default())
        .0
        .unwrap_err();
    assert_eq!(
        refusal.message,
        "2 activations (first Relu 'relu1') need the range of their inputs"
    );
    assert_eq!(
        refusal.help.as_deref(),
        Some("--calibration FILE with a few hundred typical inputs")
    );
}

#[test]
fn random_samples_stand_in_where_none_are_needed() {
    let mut graph = parse(&RELU.replace("relu %0", "polynomial %0 power [0, 0, 1]")).unwrap();
    let (changed, notes) = run(&mut graph, &Settings::default());
    assert_eq!(changed, Ok(Changed::Yes));
    assert_eq!(
        notes[0],
        "no calibration: 32 pseudo-random samples in 0..1 stand in"
    );
    let range = graph.node(graph.inputs()[0]).facts.range.unwrap();
    assert!(range.low > -0.1 && range.low < 0.2 && range.high > 0.8 && range.high < 1.1);
    assert_eq!(run(&mut graph, &Settings::default()).0, Ok(Changed::No));
}

#[test]
fn bad_samples_are_refused_by_number() {
    let refused = |samples: &[&[f64]], text: &str| {
        let settings = with(samples);
        run(&mut parse(text).unwrap(), &settings)
            .0
            .unwrap_err()
            .message
    };
    assert_eq!(
        refused(&[&[1.0, 2.0], &[1.0]], RELU),
        "calibration sample 2: input 'x' has 1 elements, expected 2"
    );
    assert_eq!(
        refused(&[&[1.0, f64::NAN]], RELU),
        "calibration sample 1: input 'x' has NaN at element 1, expected a finite number"
    );
    assert_eq!(
        refused(&[], RELU),
        "found no calibration samples, expected at least one"
    );
    assert_eq!(
        refused(
            &[&[800.0, 1.0]],
            &RELU
                .replace("relu %0", "exp %0")
                .replace("Relu 'relu1'", "Exp 'e'")
        ),
        "Exp 'e' is inf on calibration sample 1, expected a finite number"
    );
}
