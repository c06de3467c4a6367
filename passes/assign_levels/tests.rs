//! The search against all choices there are, on circuits small enough for that.

use super::prices::Prices;
use super::search::{Site, Tensors};
use super::{Needed, at_levels, needed_levels};
use ::circuit::{Circuit, LayerId, Op, ValueId, facts};
use pass::Settings;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// A circuit of so many tensors of `width` ciphertexts each: squares, sums with skipped ones and rotations.
fn network(r: &mut Random, n_tensors: usize, width: usize) -> Circuit {
    let mut circuit = Circuit::new(1 << 12, width);
    let mut tensors: Vec<Vec<ValueId>> = vec![(0..width as u32).map(ValueId).collect()];
    for i in 0..n_tensors {
        let layer = Some(circuit.add_layer(::circuit::Layer {
            name: format!("layer {i}"),
        }));
        let last = tensors[tensors.len() - 1].clone();
        let other = tensors[r.below(tensors.len())].clone();
        let what = r.below(4);
        let next = (0..width).map(|j| {
            let (x, y) = (last[j], other[j]);
            // Every second tensor mixes its ciphertexts, as a convolution does.
            let x = match width > 1 && i % 2 == 1 {
                true => circuit.push_op(Op::Add(x, last[(j + 1) % width]), layer),
                false => x,
            };
            if what == 0 && x != y {
                return circuit.push_op(Op::Add(x, y), layer);
            }
            let product = match what {
                1 => Op::Mul(x, y),
                _ => Op::Square(x),
            };
            let product = circuit.push_op(product, layer);
            let product = circuit.push_op(Op::Relinearize(product), layer);
            circuit.push_op(Op::Rescale(product), layer)
        });
        let next = next.collect();
        tensors.push(next);
    }
    let last = tensors.swap_remove(n_tensors);
    circuit.set_outputs(last);
    circuit
}

fn settings() -> Settings {
    Settings {
        log_n: 13,
        scale_bits: 34,
        ..Settings::default()
    }
}

/// The cheapest of all choices, each priced by itself.
fn by_trying_all(site: &Site<'_>) -> Option<f64> {
    let n = site.tensors.len();
    let choices = (0..1u32 << n).map(|bits| (0..n).map(|t| bits >> t & 1 == 1).collect::<Vec<_>>());
    let prices = choices.filter_map(|choice| Some(site.plan_of(&choice)?.us));
    prices.min_by(f64::total_cmp)
}

#[test]
fn the_search_finds_what_trying_all_finds() {
    let settings = settings();
    let (mut feasible, mut refreshed) = (0, 0);
    for seed in 0..150u64 {
        let mut r = Random(seed);
        let width = 1 + r.below(3);
        let n_tensors = 3 + r.below(8);
        let circuit = network(&mut r, n_tensors, width);
        let tensors = Tensors::new(&circuit);
        for (top, source) in [(1, 0), (2, 0), (3, 0), (2, 1), (3, 1)] {
            let prices = Prices::new(&circuit, &settings, top, source).expect("a chain that fits");
            let site = Site {
                circuit: &circuit,
                tensors: &tensors,
                prices: &prices,
                source,
            };
            let (found, expected) = (site.cheapest(), by_trying_all(&site));
            let us = found.as_ref().map(|plan| plan.us);
            match (us, expected) {
                (None, None) => continue,
                (Some(us), Some(best)) if (us - best).abs() <= 1e-9 * best => {}
                _ => {
                    panic!("seed {seed}, {top} levels from {source}: {us:?}, expected {expected:?}")
                }
            }
            feasible += 1;
            let plan = found.expect("a plan");
            let again = site.plan_of(&plan.refreshed).expect("the plan fits");
            assert!((again.us - plan.us).abs() <= 1e-9 * plan.us, "seed {seed}");
            refreshed += usize::from(plan.refreshed.contains(&true));
            if let Some(everywhere) = site.plan_of(&vec![true; tensors.len()]) {
                assert!(plan.us <= everywhere.us * (1.0 + 1e-9), "seed {seed}");
            }
        }
    }
    assert!(
        feasible > 400 && refreshed > 200,
        "{feasible} plans, {refreshed} with refreshes"
    );
}

#[test]
fn a_plan_s_levels_fit_its_chain() {
    let settings = settings();
    for seed in 0..60u64 {
        let mut r = Random(1000 + seed);
        let circuit = network(&mut r, 12, 2);
        let tensors = Tensors::new(&circuit);
        let prices = Prices::new(&circuit, &settings, 2, 0).expect("a chain that fits");
        let site = Site {
            circuit: &circuit,
            tensors: &tensors,
            prices: &prices,
            source: 0,
        };
        let plan = site.cheapest().expect("one level a layer");
        let refreshed: Vec<(ValueId, u8)> = circuit
            .ops()
            .filter(|(id, _)| tensors.of(*id).is_some_and(|t| plan.refreshed[t]))
            .map(|(id, _)| (id, 0))
            .collect();
        let needed = needed_levels(&circuit, &refreshed).expect("few levels");
        assert!(
            needed.iter().all(|n| n.read <= 2 && n.made <= n.read),
            "seed {seed}"
        );
        let placed = at_levels(&circuit, &needed);
        let facts = facts(&placed).expect("the circuit verifies");
        assert!(
            facts.iter().all(|f| f.level.is_some_and(|l| l.0 <= 2)),
            "seed {seed}"
        );
        let count = needed
            .iter()
            .filter(|Needed { made, read }| read > made)
            .count() as u64;
        assert_eq!(::circuit::counts(&placed).refresh, count, "seed {seed}");
    }
}

#[test]
fn ciphertexts_of_one_layer_are_one_tensor() {
    let circuit = network(&mut Random(5), 4, 3);
    let tensors = Tensors::new(&circuit);
    let layers: std::collections::BTreeSet<Option<LayerId>> = circuit
        .ops()
        .filter(|(id, _)| tensors.of(*id).is_some())
        .map(|(id, _)| circuit.value(id).layer)
        .collect();
    // The last layer's values are results, which nothing reads.
    assert_eq!((tensors.len(), layers.len()), (3, 3));
}
