//! The text form parses back, and the parser and the verifier say what is wrong.

use privet_circuit::{Detail, Layer, counts, parse, print, run_slots, verify};

const SAMPLE: &str = "\
; params: n=2^14 q=48,40,40 p=48 digits=1,1,1 scale=2^40
; bound: 30.5
; keys: 1@L2 2@L2 relinearize@L1
; layer 0: fc1
; layer 1: act
plain @fc1.d period 4 = {0: 0.5, 3: -0.25}
circuit (%0: ct L2 2^40, %1: ct L2 2^40) {
  %2 = decompose %0 #0
  %3 = rotate_hoisted %2 by 1 baby #0
  %4 = mul_plain %3 * @fc1.d at q2 #0
  %5 = rotate_hoisted %2 by 2 baby #0
  %6 = mul_plain %5 * [0.5, 1.0] at q2 #0
  %7 = extend %0 #0
  %8 = mul_plain %7 * [2.0] at q2 #0
  %9 = sum %4, %6, %8 #0
  %10 = mod_down_rescale %9 #0
  %11 = add_plain %10 + [1.0] #0
  %12 = square %11 #1
  %13 = relinearize %12 #1
  %14 = rescale %13 #1
  %15 = drop_level %1 to L0
  %16 = mul_scalar %14 * 0.5 at 2^2
  return %16, %15
}
";

#[test]
fn print_then_parse_is_identity() {
    let circuit = parse(SAMPLE).unwrap();
    let text = print(&circuit, Detail::Values);
    assert_eq!(parse(&text).unwrap(), circuit);
    assert_eq!(print(&parse(&text).unwrap(), Detail::Values), text);
    assert!(
        text.contains("%10 = mod_down_rescale %9 #0") && text.contains("; ct L1 2^40"),
        "{text}"
    );
    verify(&circuit).unwrap();
}

#[test]
fn counts_and_depth_are_exact() {
    let circuit = parse(SAMPLE).unwrap();
    let c = counts(&circuit);
    assert_eq!(
        (
            c.rotations,
            c.baby,
            c.rotations_hoisted,
            c.key_products,
            c.decompose,
            c.mod_down
        ),
        (2, 2, 2, 3, 2, 2)
    );
    assert_eq!(
        (
            c.mul_plain,
            c.add,
            c.add_plain,
            c.mul,
            c.rescale,
            c.mul_scalar,
            c.encode
        ),
        (3, 2, 1, 1, 2, 1, 4)
    );
    assert_eq!((circuit.depth(), circuit.n_galois_keys()), (2, 2));
    assert_eq!(circuit.needed_keys().as_ref(), circuit.keys());
}

#[test]
fn the_interpreter_follows_the_definition() {
    let circuit = parse(SAMPLE).unwrap();
    let n = circuit.n_slots();
    let x: Vec<f64> = (0..n).map(|i| (i % 7) as f64).collect();
    let out = run_slots(&circuit, &[x.clone(), x.clone()], None).unwrap();
    for i in [0, 1, 3, n - 1] {
        let d = [0.5, 0.0, 0.0, -0.25][i % 4];
        let e = [0.5, 1.0][i % 2];
        let y = d * x[(i + 1) % n] + e * x[(i + 2) % n] + 2.0 * x[i] + 1.0;
        assert!((out[0][i] - 0.5 * y * y).abs() < 1e-12);
        assert_eq!(out[1][i], x[i]);
    }
}

#[test]
fn the_parser_says_what_is_wrong() {
    let body = |line: &str| format!("; slots: 8\ncircuit (%0: ct) {{\n  {line}\n  return %0\n}}\n");
    for (line, why) in [
        ("%1 = spin %0", "line 3: `spin` is no operation"),
        ("%1 = add %0, %7", "line 3: `%7` is not defined above"),
        (
            "%1 = rotate %0 by x",
            "line 3: expected an amount, found `x`",
        ),
        ("%0 = neg %0", "line 3: `%0` is defined twice"),
        (
            "%1 = mul_plain %0 * [1, 2, 3]",
            "line 3: a period is a power of two, found 3",
        ),
        (
            "%1 = mul_plain %0 * @w",
            "line 3: plain vector @w is not defined; print with values to get a text that parses back",
        ),
        (
            "%1 = drop_level %0 to 3",
            "line 3: expected a level such as L2, found `3`",
        ),
        (
            "%1 = neg %0 #0",
            "line 3: expected the number of one of 0 layers, found `#0`",
        ),
        (
            "%1 = mul_scalar %0 * 1e999",
            "line 3: expected a finite number, found `1e999`",
        ),
        (
            "%1 = add_plain %0 + {0: 1}",
            "line 3: a plain vector without a name is a list of at most 16 values",
        ),
        (
            "plain @w period 1 = [1]",
            "line 3: plain vectors come before the circuit",
        ),
        (
            "circuit (%0: ct) {",
            "line 3: a second circuit begins, expected one",
        ),
        ("return %0", "line 4: only `}` may follow `return`"),
    ] {
        assert_eq!(parse(&body(line)).unwrap_err().to_string(), why);
    }
    for (head, why) in [
        (
            "; slots: 9223372036854775808",
            "line 1: a slot count is a power of two up to 65536, found 9223372036854775808",
        ),
        (
            "; slots: 8\n; slots: 16",
            "line 2: 16 slots, 8 were given above",
        ),
        (
            "; slots: 8\ncircuit (%0: ct, %0: ct) {",
            "line 2: the inputs %0 and %1 have one name",
        ),
        (
            "plain @ period 1 = [1]",
            "line 1: a short plain vector without a name is written where it is used",
        ),
        (
            "; slots: 8\ncircuit (%0: ct 2^9000) {",
            "line 2: expected a scale such as 2^40 or 2^80/q2, found `2^9000`",
        ),
    ] {
        assert_eq!(parse(head).unwrap_err().to_string(), why);
    }
    assert_eq!(
        parse("circuit (%0: ct) {").unwrap_err().to_string(),
        "line 1: expected a line `; params: …` or `; slots: N` before the circuit"
    );
    assert_eq!(
        parse("; slots: 8\ncircuit (%0: ct) {\n")
            .unwrap_err()
            .to_string(),
        "line 2: the circuit has no closing brace"
    );
}

#[test]
fn names_of_layers_stay_on_their_line() {
    let text = "; slots: 8\n; layer 0: a b\ncircuit (%0: ct) {\n  %1 = neg %0 #0\n  return %1\n}\n";
    let mut circuit = parse(text).unwrap();
    assert!(print(&circuit, Detail::Names).contains("; layer 0: a b\n"));
    let name = " a\n; slots: 4\\u{20} ";
    circuit.add_layer(Layer { name: name.into() });
    let printed = print(&circuit, Detail::Names);
    assert!(
        printed.contains("\n; layer 1: \\u{20}a\\u{a}; slots: 4\\u{5c}u{20}\\u{20}\n"),
        "{printed}"
    );
    assert_eq!(parse(&printed), Ok(circuit));
}

#[test]
fn the_verifier_says_what_is_wrong() {
    let body = |line: &str| {
        format!(
            "; slots: 8\ncircuit (%0: ct L1 2^40, %1: ct L0 2^40, %2: ct L1 2^41) {{\n  {line}\n  return %3\n}}\n"
        )
    };
    for (line, why) in [
        ("%3 = add %0, %1", "%3 = add: %0 is at L1, %1 at L0"),
        (
            "%3 = add %0, %2",
            "%3 = add: %0 has scale 2^40, %2 has 2^41",
        ),
        (
            "%3 = rescale %1",
            "%3 = rescale: nothing is left to rescale at L0",
        ),
        (
            "%3 = drop_level %1 to L1",
            "%3 = drop_level: can not raise L0 to L1",
        ),
        ("%3 = relinearize %0", "%3 = relinearize: does not take ct"),
        ("%3 = square %0", "%3 = return: an output is ct, found ct3"),
        (
            "%3 = rotate %0 by 8",
            "%3 = rotate: amount 0 is outside 1..8",
        ),
    ] {
        let faults = verify(&parse(&body(line)).unwrap()).unwrap_err();
        assert_eq!(faults[0].to_string(), why);
    }
}
