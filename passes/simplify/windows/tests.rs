//! Windows are convex, and a window put back where it was changes nothing.

use super::*;
use ::circuit::{parse, run_slots};

fn circuit(n_ops: u32) -> Circuit {
    let mut text = "; slots: 8\ncircuit (%0: ct, %1: ct) {\n".to_owned();
    let mut state = 7u32;
    let mut id = 2;
    while id < n_ops {
        state = state.wrapping_mul(0x9e37_79b1).wrapping_add(12345);
        let back = |shift: u32| id - 1 - (state >> shift) % id.min(9);
        let (a, b) = (back(8), back(16));
        if state >> 28 == 0 {
            text += &format!("%{id} = mul %{a}, %{b}\n%{} = relinearize %{id}\n", id + 1);
            // Only relinearized products are read.
            text += &format!(
                "%{} = conjugate %{}\n%{} = add %{}, %{a}\n",
                id + 2,
                id + 1,
                id + 3,
                id + 1
            );
            id += 4;
            text += &format!("%{id} = rotate %{} by 1\n", id - 1);
            let again = (1..9).map(|i| format!("%{} = rotate %{id} by 1\n", id + i));
            text.extend(again);
            id += 9;
            continue;
        }
        text += &match state >> 30 {
            0 => format!("%{id} = rotate %{a} by 3\n"),
            1 => format!("%{id} = mul_plain %{a} * [1.0, 0.5]\n"),
            _ => format!("%{id} = add %{a}, %{b}\n"),
        };
        id += 1;
    }
    text += &format!("return %{}, %{}\n}}\n", id - 1, id / 2 + 3);
    parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// No value outside is computed from a member and read by one, however indirectly.
fn is_convex(circuit: &Circuit, window: &Window) -> bool {
    let inside: BTreeSet<ValueId> = window.members.iter().copied().collect();
    let mut left = vec![false; circuit.values().len()];
    for (id, op) in circuit.ops() {
        let operands = op.operands();
        if inside.contains(&id) {
            if operands.iter().any(|o| left[o.index()]) {
                return false;
            }
        } else {
            left[id.index()] = operands
                .iter()
                .any(|o| left[o.index()] || inside.contains(o));
        }
    }
    true
}

#[test]
fn windows_are_convex_and_can_be_put_back() {
    let whole = circuit(700);
    let input = |seed: u32| {
        (0..8)
            .map(|i| f64::from((i * 37 + seed) % 11) / 11.0)
            .collect()
    };
    let inputs: Vec<Vec<f64>> = vec![input(3), input(8)];
    let before = run_slots(&whole, &inputs, None).expect("it runs");
    let mut n_windows = 0;
    for root in (5..690).step_by(23) {
        let roots = [ValueId(root), ValueId(root + 7)];
        let Some(window) = around(&whole, &roots) else {
            continue;
        };
        n_windows += 1;
        assert!(window.members.len() <= MAX_OPS && is_convex(&whole, &window));
        assert!(window.part.outputs().len() == window.outputs.len());
        let next = window.replaced(&whole, &window.part);
        let after = run_slots(&next, &inputs, None).expect("it runs");
        assert_eq!(before, after, "window at {root}");
    }
    assert!(n_windows > 15, "{n_windows} windows");
}

#[test]
fn groups_share_what_they_read() {
    let text = "; slots: 8\ncircuit (%0: ct, %1: ct) {\n%2 = rotate %0 by 1\n%3 = rotate %2 by 1\n%4 = rotate %2 by 2\n%5 = rotate %1 by 1\n%6 = rotate %5 by 1\nreturn %3, %4, %6\n}\n";
    let circuit = parse(text).expect("it parses");
    let seeds = super::super::seeds::seeds(&circuit);
    assert_eq!(seeds, [ValueId(3), ValueId(4), ValueId(6)]);
    let groups = groups(&circuit, &seeds);
    assert_eq!(groups, [vec![ValueId(6)], vec![ValueId(4), ValueId(3)]]);
}
