//! The worst-case bound on circuits that passes do not make, but files may hold.

use params::{Params, ParamsSpec};
use privet_circuit::{Circuit, Op, PlainValues, PlainVector, ValueId, verify, worst_case};

/// A circuit with so many inputs at the top of a chain of this scale.
fn fresh(n_inputs: usize, scale_bits: u8) -> (Circuit, Params) {
    let spec = ParamsSpec {
        log_n: 13,
        chain_bits: vec![48, scale_bits, scale_bits],
        special_bits: vec![48],
        digits: vec![1, 1, 1],
        scale_bits,
    };
    let params = Params::new(spec).expect("secure");
    let mut circuit = Circuit::new(params.n_slots(), n_inputs);
    for input in circuit.inputs_mut() {
        input.level = Some(params.max_level());
        input.scale = Some(params.scale());
    }
    circuit.set_params(params.clone());
    (circuit, params)
}

fn finished(mut circuit: Circuit, output: ValueId) -> Circuit {
    circuit.set_outputs(vec![output]);
    let keys = circuit.needed_keys();
    circuit.set_keys(keys);
    verify(&circuit).expect("sound");
    circuit
}

#[test]
fn a_term_may_be_summed_twice() {
    let (mut circuit, _) = fresh(2, 40);
    let (a, b) = (ValueId(0), ValueId(1));
    let sum = circuit.push_op(Op::Sum(vec![a, b, a]), None);
    let again = circuit.push_op(Op::Add(sum, a), None);
    let circuit = finished(circuit, again);
    let bounds = worst_case(&circuit, 1.0).expect("it fits the modulus");
    // Three times one input and once the other.
    assert!(bounds[0].value.iter().all(|&v| (4.0..4.1).contains(&v)));
}

#[test]
fn the_tails_of_four_billion_encryptions_are_counted() {
    let (circuit, params) = fresh(1, 40);
    let circuit = finished(circuit, ValueId(0));
    let bounds = worst_case(&circuit, 1.0).expect("it fits the modulus");
    let n = params.ring_degree() as f64;
    // Two tails of each of N coordinates; together they are exceeded with a probability of at most 2^-128.
    let log = (2.0 * n).ln() + (32.0 + 128.0) * std::f64::consts::LN_2;
    let least = (2.0 * n * 10.5 * log).sqrt() / 2.0f64.powi(40);
    assert!(
        bounds[0]
            .error
            .iter()
            .all(|&e| e >= least && e < 1.01 * least)
    );
}

#[test]
fn a_summand_is_rounded_at_the_scale_of_the_sum() {
    let (mut circuit, params) = fresh(1, 36);
    let n = params.n_slots();
    let values = (0..n).map(|i| 0.25 + (i % 3) as f64).collect();
    let plain = circuit.add_plain(PlainVector {
        name: "summand".to_owned(),
        period: n as u32,
        each: 1,
        values: PlainValues::Dense(values),
    });
    let sum = circuit.push_op(
        Op::AddPlain {
            x: ValueId(0),
            plain,
        },
        None,
    );
    let circuit = finished(circuit, sum);
    let bounds = worst_case(&circuit, 1e-9).expect("it fits the modulus");
    // The input's N coefficients and the summand's are each off by up to a half.
    let rounded = 2.0 * n as f64 / 2.0f64.powi(36);
    let least = |i: usize| 0.25 + (i % 3) as f64 + rounded;
    let all = bounds[0].value.iter().enumerate();
    assert!(all.clone().all(|(i, &v)| v >= least(i)));
    assert!(all.clone().all(|(i, &v)| v < least(i) + 1e-8));
}
