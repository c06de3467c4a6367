//! The worst-case bound on circuits that passes do not make, but files may hold.

use params::{Params, ParamsSpec};
use privet_circuit::{Circuit, Op, ValueId, verify, worst_case};

#[test]
fn a_term_may_be_summed_twice() {
    let spec = ParamsSpec {
        log_n: 13,
        chain_bits: vec![48, 40, 40],
        special_bits: vec![48],
        digits: vec![1, 1, 1],
        scale_bits: 40,
    };
    let params = Params::new(spec).expect("secure");
    let mut circuit = Circuit::new(params.n_slots(), 2);
    for input in circuit.inputs_mut() {
        input.level = Some(params.max_level());
        input.scale = Some(params.scale());
    }
    circuit.set_params(params);
    let (a, b) = (ValueId(0), ValueId(1));
    let sum = circuit.push_op(Op::Sum(vec![a, b, a]), None);
    let again = circuit.push_op(Op::Add(sum, a), None);
    circuit.set_outputs(vec![again]);
    let keys = circuit.needed_keys();
    circuit.set_keys(keys);
    verify(&circuit).expect("sound");
    let bounds = worst_case(&circuit, 1.0, 1).expect("it fits the modulus");
    // Three times one input and once the other.
    assert!(bounds[0].value.iter().all(|&v| (4.0..4.1).contains(&v)));
}
