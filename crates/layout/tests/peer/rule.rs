//! Rotations by the rule of Orion, and by better choices in the same layout.

use super::{Layer, Net};
use std::collections::BTreeMap;

/// How the number of babies is chosen.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// Per block a power of two, by the ratio `2^r` of babies to giants: 0 as released, 1 as documented.
    Ratio(u32),
    /// Per block the best of all.
    Best,
    /// Per layer the best of all; blocks in one column share babies, blocks in one row giants.
    Shared,
}

/// Diagonals modulo `modulus`, per pair of ciphertexts.
struct Residues {
    modulus: u32,
    collapse: u32,
    blocks: Vec<((u32, u32), Vec<u32>)>,
}

/// Rotations of each layer, however often the network has it.
///
/// A layer of one output ciphertext uses residues modulo `h`, the least power of two that holds its rows, and adds up
/// `log2(n_slots / h)` times. The last layer and those of several outputs use residues modulo the slots.
pub fn count(net: &Net, kind: Kind) -> Vec<u32> {
    let last = net.layers.len() - 1;
    let layers = net.layers.iter().enumerate();
    let layers = layers.map(|(at, layer)| Residues::new(layer, at == last));
    layers.map(|layer| layer.count(kind)).collect()
}

impl Residues {
    fn new(layer: &Layer, is_last: bool) -> Self {
        let modulus = match is_last || layer.output.extent() > layer.n_slots {
            true => layer.n_slots,
            false => layer.output.extent().next_power_of_two(),
        };
        let residues = layer.blocks.iter().map(|(&at, diagonals)| {
            let residue = |&d: &i32| d.rem_euclid(modulus as i32) as u32;
            (at, distinct(diagonals.keys().map(residue)))
        });
        Self {
            modulus,
            collapse: (layer.n_slots / modulus).ilog2(),
            blocks: residues.collect(),
        }
    }

    fn count(&self, kind: Kind) -> u32 {
        let each = |f: &dyn Fn(&[u32]) -> u32| self.blocks.iter().map(|block| f(&block.1)).sum();
        let rotations: u32 = match kind {
            Kind::Ratio(r) => each(&|block| by_ratio(block, self.modulus, r)),
            Kind::Best => each(&|block| {
                let splits = n1s(self.modulus).map(|digit| split(block, self.modulus, digit));
                let rotations = splits.map(|sides| sides.map(|side| moved(&side)));
                rotations.map(|[a, b]| a + b).min().expect("a split")
            }),
            Kind::Shared => {
                let splits = n1s(self.modulus).map(|digit| self.shared(digit));
                splits.min().expect("a split")
            }
        };
        rotations + self.collapse
    }

    fn shared(&self, digit: Digit) -> u32 {
        let mut babies: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut giants = babies.clone();
        for ((output, input), block) in &self.blocks {
            let [a, b] = split(block, self.modulus, digit);
            babies.entry(*input).or_default().extend(a);
            giants.entry(*output).or_default().extend(b);
        }
        let sets = babies.into_values().chain(giants.into_values());
        sets.map(|set| moved(&distinct(set.into_iter()))).sum()
    }
}

/// The first power of two at which babies outweigh giants by `2^r`, or the one before it if they do by more.
fn by_ratio(block: &[u32], modulus: u32, r: u32) -> u32 {
    let at = |n1| {
        let is_centred = false;
        split(block, modulus, Digit { n1, is_centred })
    };
    let mut n1 = 1;
    loop {
        let [babies, giants] = at(n1).map(|side| side.len() as u32 - 1);
        // Without giants the ratio is infinite.
        if giants == 0 || babies > giants << r {
            n1 = (n1 / 2).max(1);
            break;
        }
        if babies == giants << r {
            break;
        }
        n1 *= 2;
    }
    at(n1).map(|side| moved(&side)).iter().sum()
}

/// Babies are digits modulo `n1`, from 0 on or from `-n1/2` on.
#[derive(Clone, Copy)]
struct Digit {
    n1: u32,
    is_centred: bool,
}

fn n1s(modulus: u32) -> impl Iterator<Item = Digit> {
    let n1s = super::reference::n1s(modulus);
    n1s.into_iter()
        .flat_map(|n1| [false, true].map(|is_centred| Digit { n1, is_centred }))
}

/// Babies and giants of residues. Digits from `-n1/2` on are those of representatives from `-n1/2` on.
fn split(block: &[u32], modulus: u32, digit: Digit) -> [Vec<u32>; 2] {
    let origin = if digit.is_centred { digit.n1 / 2 } else { 0 };
    let origin = origin % modulus;
    let baby = |&d: &u32| (d + origin) % modulus % digit.n1 + modulus - origin;
    let babies = block.iter().map(|d| baby(d) % modulus);
    let giants = block.iter().map(|d| (d + 2 * modulus - baby(d)) % modulus);
    [distinct(babies), distinct(giants)]
}

fn moved(set: &[u32]) -> u32 {
    set.iter().filter(|&&k| k != 0).count() as u32
}

fn distinct(numbers: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
