//! Values that the client encrypts anew: text, rules, counts, noise, prices, bounds.

use privet_circuit::{
    Circuit, CostTable, Detail, Link, NoiseModel, Op, SlotNoise, ValueId, counts, facts, parse,
    predict, print, run_slots, verify, worst_case,
};

const TEXT: &str = "\
; params: n=2^12 q=34,30 p=36 digits=1,1 scale=2^30
; layer 0: fc
circuit (%0: ct L1 2^30) {
  %1 = mul_plain %0 * [2.0] at q1
  %2 = rescale %1
  %3 = refresh %2 to L1 at 2^30 #0
  %4 = mul_plain %3 * [0.5, 1.0] at q1
  %5 = rescale %4
  return %5
}
";

fn circuit() -> Circuit {
    parse(TEXT).expect("the circuit parses")
}

fn ramp(circuit: &Circuit) -> Vec<f64> {
    let n = circuit.n_slots();
    (0..n).map(|i| i as f64 / n as f64).collect()
}

#[test]
fn the_text_form_parses_back_and_so_do_the_parts() {
    let circuit = circuit();
    verify(&circuit).expect("the circuit verifies");
    let text = print(&circuit, Detail::Values);
    assert!(text.contains("%3 = refresh %2 to L1 at 2^30 #0"), "{text}");
    assert_eq!(parse(&text).as_ref(), Ok(&circuit));
    assert_eq!(Circuit::from_parts(circuit.to_parts()), Ok(circuit.clone()));
    assert_eq!((counts(&circuit).refresh, circuit.depth()), (1, 2));
    let facts = facts(&circuit).expect("the circuit verifies");
    assert_eq!(facts[3].level.map(|l| l.0), Some(1));
}

#[test]
fn what_a_refresh_does_not_take_is_named() {
    let fault = |from: &str, to: &str| {
        let text = print(&circuit(), Detail::Values).replace(from, to);
        match parse(&text) {
            Ok(circuit) => verify(&circuit).expect_err("a fault")[0].to_string(),
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(
        fault("to L1 at 2^30", "to L0 at 2^30"),
        "%3 = refresh: L0 is not above L0"
    );
    assert_eq!(
        fault("%2 = rescale %1", "%2 = decompose %0"),
        "%3 = refresh: does not take digits"
    );
    assert!(fault("%3 = refresh %2 to L1", "%3 = refresh %2 to L2").contains("above the chain's"));
    assert!(fault("%2 to L1 at 2^30", "%2").contains("expected `refresh %x to "));
}

#[test]
fn slots_stay_and_errors_grow_by_a_fresh_one() {
    let circuit = circuit();
    let input = ramp(&circuit);
    let exact = &run_slots(&circuit, std::slice::from_ref(&input), None).expect("it runs")[0];
    assert_eq!((exact[0], exact[1]), (0.0, 2.0 * input[1]));
    let noisy = run_slots(
        &circuit,
        std::slice::from_ref(&input),
        Some(&mut SlotNoise::new(1)),
    );
    let noisy = &noisy.expect("it runs")[0];
    let n = exact.len() as f64;
    let squares = exact.iter().zip(noisy).map(|(a, b)| (a - b).powi(2));
    let found = squares.sum::<f64>() / n;
    let prediction = predict(&circuit, &[input]).expect("it runs");
    let mean = prediction.estimates()[0].iter().sum::<f64>() / n;
    assert!((0.9..1.1).contains(&(found / mean)), "{found:e}, {mean:e}");
    // A refresh adds what encrypting an input adds.
    let facts = facts(&circuit).expect("it verifies");
    let model = NoiseModel::new(circuit.params().expect("it has parameters"));
    let added = |i: usize| {
        let id = ValueId(i as u32);
        model
            .added(&circuit, &facts, circuit.op(id), &facts[i])
            .flat
    };
    assert!(added(3) > 0.0 && added(3) == added(0));
}

#[test]
fn the_way_to_the_client_has_its_price() {
    let circuit = circuit();
    let near = Link {
        megabits_per_s: 8.0,
        round_trip_ms: 1.0,
    };
    let price = |link: Link| {
        let costs = CostTable::default().with_link(link).expect("a sound link");
        let again = CostTable::from_json(&costs.to_json()).expect("what is written is read");
        assert_eq!(again, costs);
        costs.circuit_us(&circuit).expect("it verifies")
    };
    let far = Link {
        megabits_per_s: 4.0,
        round_trip_ms: 3.0,
    };
    let ((less, _), (more, layers)) = (price(near), price(far));
    // One limb comes and two go, at two and one microseconds a byte; the round trip takes two milliseconds more.
    let bytes = 3.0 * 2.0 * 8.0 * 4096.0;
    assert!(
        (more - less - bytes - 2000.0).abs() < 1e-3,
        "{}",
        more - less
    );
    assert!(layers[0] > bytes, "the layer pays");
    let refused = |link: Link| CostTable::default().with_link(link).expect_err("refused");
    let slow = refused(Link {
        megabits_per_s: 0.0,
        ..near
    });
    assert_eq!(
        slow.to_string(),
        "link.megabits_per_s is 0, expected above 0, up to 1e9"
    );
    let never = refused(Link {
        round_trip_ms: f64::NAN,
        ..near
    });
    assert!(never.to_string().contains("link.round_trip_ms is NaN"));
}

#[test]
fn nothing_is_bounded_beyond_a_refresh() {
    let circuit = circuit();
    assert!(
        circuit
            .ops()
            .any(|(_, op)| matches!(op, Op::Refresh { .. }))
    );
    let error = worst_case(&circuit, 1.0).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "%3 is refreshed by the client, which no bound on shared results covers"
    );
}
