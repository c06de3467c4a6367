//! What errors of different slots have in common.

use params::{Params, ParamsSpec};
use privet_circuit::{Circuit, Op, ValueId, predict};

#[test]
fn sketches_give_the_correlations_of_errors() {
    let spec = ParamsSpec {
        log_n: 13,
        chain_bits: vec![48, 40, 40],
        special_bits: vec![48],
        digits: vec![1, 1, 1],
        scale_bits: 40,
    };
    let params = Params::new(spec).expect("secure");
    let n = params.n_slots();
    let mut circuit = Circuit::new(n, 2);
    for input in circuit.inputs_mut() {
        input.level = Some(params.max_level());
        input.scale = Some(params.scale());
    }
    circuit.set_params(params);
    let (a, b) = (ValueId(0), ValueId(1));
    let minus = circuit.push_op(Op::Neg(a), None);
    let sum = circuit.push_op(Op::Add(a, b), None);
    circuit.set_outputs(vec![a, b, minus, sum]);
    let inputs = vec![vec![0.5; n]; 2];
    let prediction = predict(&circuit, &inputs).expect("sound");
    let (of_a, sketch) = prediction.slot(0, 7);
    let correlation = |output, slot| sketch.correlation(&prediction.slot(output, slot).1);
    for (output, slot, expected) in [
        (0, 7, 1.0),
        (0, 8, 0.0),
        (1, 7, 0.0),
        (2, 7, -1.0),
        (3, 7, 0.5f64.sqrt()),
    ] {
        let found = correlation(output, slot);
        assert!((found - expected).abs() < 0.1, "{found}, not {expected}");
    }
    let both = prediction.slot(3, 7).0;
    assert!((both.variance / of_a.variance - 2.0).abs() < 1e-9);
}
