//! A plain planner for periodic layouts: one digit, every lift.

use super::{Layer, Net};
use std::collections::BTreeSet;

/// Rotations of one layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Modulo the shorter period.
    pub diagonals: u32,
    pub babies_and_giants: u32,
    pub collapse: u32,
}

impl Plan {
    pub fn rotations(self) -> u32 {
        self.babies_and_giants + self.collapse
    }
}

/// Plans of each layer; shifts are taken modulo several powers of two, above zero or around it.
pub fn lifted(net: &Net) -> Vec<Plan> {
    net.layers
        .iter()
        .map(|layer| Shifts::new(layer).plan(&lifts(layer)))
        .collect()
}

/// Plans of each layer; shifts are residues modulo the shorter period.
pub fn unlifted(net: &Net) -> Vec<Plan> {
    let plan = |layer| {
        let shifts = Shifts::new(layer);
        shifts.plan(&[(shifts.m, 0)])
    };
    net.layers.iter().map(plan).collect()
}

/// Babies and giants, 0 among them where it is used, of every lifted split that takes fewest rotations.
pub fn optima(layer: &Layer) -> Vec<[BTreeSet<i32>; 2]> {
    let shifts = Shifts::new(layer);
    let mut optima = Vec::new();
    let mut least = u32::MAX;
    shifts.each_split(&lifts(layer), |rotations, split| {
        if rotations < least {
            optima.clear();
            least = rotations;
        }
        if rotations == least {
            optima.push(split.sets(shifts.m));
        }
    });
    optima
}

/// A dense layer whose input comes in as many shifted copies as the slots hold.
///
/// Copies lie a power of two apart that holds input and output; `q` copies leave `h / q` diagonals.
pub fn replicas(cols: u32, rows: u32, n_slots: u32) -> Plan {
    let h = rows.next_power_of_two();
    let pitch = (cols + h).next_power_of_two();
    let diagonals = h / (n_slots / pitch).min(h);
    let net = Net::vector(diagonals, n_slots).dense(diagonals);
    Plan {
        collapse: (n_slots / h).ilog2(),
        ..lifted(&net)[0]
    }
}

/// Every number of babies that is tried.
pub fn n1s(limit: u32) -> BTreeSet<u32> {
    let powers = |odd: u32| (0..20).map(move |k| odd << k);
    let strided = [1, 3, 5, 7].into_iter().flat_map(powers);
    let tried = (1..=256).chain(strided).filter(|&n1| n1 <= limit);
    // Nothing is left for giants.
    tried.chain([2 * limit]).collect()
}

/// Moduli of representatives, and how far these lie below zero.
fn lifts(layer: &Layer) -> Vec<(i32, i32)> {
    let [p, h] = periods(layer);
    let largest = p.max(h);
    let lifts = [
        p.min(h),
        largest,
        2 * largest,
        4 * largest,
        layer.n_slots as i32,
    ];
    let signs = |lift| [(lift, 0), (lift, lift / 2)];
    BTreeSet::from(lifts).into_iter().flat_map(signs).collect()
}

fn periods(layer: &Layer) -> [i32; 2] {
    [&layer.input, &layer.output].map(|map| map.extent().next_power_of_two() as i32)
}

/// The diagonals of a layer between one ciphertext and one.
struct Shifts {
    m: i32,
    collapse: u32,
    all: Vec<i32>,
}

impl Shifts {
    fn new(layer: &Layer) -> Self {
        assert_eq!(layer.blocks.len(), 1, "one ciphertext to one");
        let [p, h] = periods(layer);
        let m = p.min(h);
        Self {
            m,
            collapse: (p / m).ilog2(),
            all: layer.blocks[&(0, 0)].keys().copied().collect(),
        }
    }

    fn plan(&self, lifts: &[(i32, i32)]) -> Plan {
        let residues: BTreeSet<i32> = self.all.iter().map(|d| d.rem_euclid(self.m)).collect();
        let mut least = u32::MAX;
        self.each_split(lifts, |rotations, _| least = least.min(rotations));
        Plan {
            diagonals: residues.len() as u32,
            babies_and_giants: least,
            collapse: self.collapse,
        }
    }

    /// Calls `found` with every split and its rotations.
    fn each_split(&self, lifts: &[(i32, i32)], mut found: impl FnMut(u32, Split<'_>)) {
        let mut used = Used {
            now: 0,
            babies: vec![0; self.m as usize],
            giants: vec![0; self.m as usize],
        };
        for &(lift, below) in lifts {
            let representative = |d: &i32| (d + below).rem_euclid(lift) - below;
            let lifted: BTreeSet<i32> = self.all.iter().map(representative).collect();
            let lifted = Vec::from_iter(lifted);
            for n1 in n1s(lift as u32) {
                let n1 = n1 as i32;
                for origin in [0, n1 / 2] {
                    let shifts = &lifted;
                    let split = Split { shifts, n1, origin };
                    found(used.count(&split, self.m), split);
                }
            }
        }
    }
}

/// Babies are digits modulo `n1`, from `-origin` on.
struct Split<'a> {
    shifts: &'a [i32],
    n1: i32,
    origin: i32,
}

impl Split<'_> {
    /// Baby and giant of each shift, modulo `m`, a power of two.
    fn pairs(&self, m: i32) -> impl Iterator<Item = [i32; 2]> {
        self.shifts.iter().map(move |&shift| {
            let baby = (shift + self.origin).rem_euclid(self.n1) - self.origin;
            [baby, shift - baby].map(|amount| amount & (m - 1))
        })
    }

    fn sets(&self, m: i32) -> [BTreeSet<i32>; 2] {
        let pairs = || self.pairs(m);
        [0, 1].map(|side| pairs().map(|pair| pair[side]).collect())
    }
}

/// Amounts in use in the current count.
struct Used {
    now: u32,
    babies: Vec<u32>,
    giants: Vec<u32>,
}

impl Used {
    /// Babies and giants other than 0.
    fn count(&mut self, split: &Split<'_>, m: i32) -> u32 {
        self.now += 1;
        let mut n = 0;
        for [baby, giant] in split.pairs(m) {
            for (amount, used) in [(baby, &mut self.babies), (giant, &mut self.giants)] {
                let used = &mut used[amount as usize];
                n += u32::from(amount != 0 && *used != self.now);
                *used = self.now;
            }
        }
        n
    }
}
