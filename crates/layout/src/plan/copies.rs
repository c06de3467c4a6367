//! Which copy of an input element serves which output element.

use super::shifts::{BitSet, Pair, Shifts, residue};
use crate::Periodic;
use std::collections::BinaryHeap;

/// Copies to choose from: with base positions `c` and `r`, input copies at `c + i` and output copies at `r + o`, an entry
/// may use any shift `c - r + (i - o)`, modulo `m`, and must do so for every output copy.
#[derive(Clone, Debug)]
pub(super) struct Copies {
    m: u32,
    /// Displacements `i - o` per output place, the least by magnitude of each residue; the output itself comes first.
    displacements: Vec<Vec<i32>>,
    rule: Rule,
    /// For [`Rule::Above`]: where the window begins.
    origin: i32,
    /// For [`Rule::Fewest`]: residues that serve every entry.
    kept: BitSet,
}

/// How an entry chooses among its shifts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    /// The copy that lies as the output's does: a convolution then acts on each copy alike.
    Nearest,
    /// The least residue from an origin on: what remains is a window. The origin is near zero and splits no cluster of
    /// shifts, such as the taps of a convolution's kernel.
    Above,
    /// The residue nearest to zero.
    Around,
    /// One of few residues that together serve all, found greedily.
    Fewest,
}

impl Rule {
    pub const ALL: [Self; 4] = [Self::Above, Self::Around, Self::Nearest, Self::Fewest];
}

impl Copies {
    pub fn new(input: &Periodic, output: &Periodic, m: u32, rule: Rule) -> Self {
        let shared = shared_offsets(input, m);
        let place = |o: u32| {
            let one = |&i: &u32| around(i as i32 - o as i32, m);
            let mut place: Vec<i32> = shared.iter().map(one).collect();
            place.sort_by_key(|&w| (w.unsigned_abs(), w));
            place.dedup();
            place
        };
        let offsets = std::iter::once(0).chain(output.copies.iter().map(|copy| copy.offset));
        Self {
            m,
            displacements: offsets.map(place).collect(),
            rule,
            origin: 0,
            kept: BitSet::new(m),
        }
    }

    /// Whether every entry has one shift only.
    pub fn is_forced(&self) -> bool {
        self.displacements.iter().all(|place| place.len() == 1)
    }

    /// Most shifts that an entry may choose among.
    pub fn most(&self) -> u64 {
        let most = self.displacements.iter().map(Vec::len).max();
        most.unwrap_or(1).max(1) as u64
    }

    /// The shift of an entry for one place of the output, given the difference of base positions.
    pub fn shift(&self, place: usize, difference: i32) -> i32 {
        self.choose(&self.displacements[place], difference)
    }

    fn choose(&self, place: &[i32], difference: i32) -> i32 {
        let m = self.m;
        let mut residues = place.iter().map(|&w| residue(difference + w, m));
        match self.rule {
            Rule::Nearest => difference + place[0],
            Rule::Above => {
                let above = place
                    .iter()
                    .map(|&w| residue(difference + w - self.origin, m));
                above.min().map_or(difference, |r| r as i32 + self.origin)
            }
            Rule::Around => {
                let nearest = residues.map(|r| around(r as i32, m));
                nearest
                    .min_by_key(|r| r.unsigned_abs())
                    .unwrap_or(difference)
            }
            Rule::Fewest => {
                let kept = residues.find(|&r| self.kept.contains(r as usize));
                kept.map_or(difference, |r| around(r as i32, m))
            }
        }
    }

    /// Shifts that remain once every entry has chosen, given those of each place of the output.
    pub fn applied(&mut self, places: &[&Shifts]) -> Shifts {
        let first = places[0];
        if self.rule == Rule::Above {
            self.origin = first.pairs.first().map_or(0, |pair| origin(&pair.used));
        }
        let pair = |pair: &Pair| {
            let (output, input) = (pair.output, pair.input);
            let of = |all: &Shifts| {
                all.pairs
                    .iter()
                    .find(|p| (p.output, p.input) == (output, input))
                    .cloned()
            };
            let pairs: Vec<Option<Pair>> = places.iter().map(|place| of(place)).collect();
            let mut chosen = |side: fn(&Pair) -> &[i32]| {
                let side =
                    |pair: &Option<Pair>| pair.as_ref().map_or(Vec::new(), |p| side(p).to_vec());
                self.chosen(&pairs.iter().map(side).collect::<Vec<_>>())
            };
            Pair {
                output,
                input,
                stored: chosen(|pair| &pair.stored),
                used: chosen(|pair| &pair.used),
            }
        };
        Shifts {
            n_inputs: first.n_inputs,
            n_outputs: first.n_outputs,
            pairs: first.pairs.iter().map(pair).collect(),
        }
    }

    /// The choices of all entries, given the differences of base positions per place.
    fn chosen(&mut self, differences: &[Vec<i32>]) -> Vec<i32> {
        let mut chosen: Vec<i32> = Vec::new();
        if self.rule == Rule::Nearest {
            for (place, differences) in self.displacements.iter().zip(differences) {
                chosen.extend(differences.iter().map(|d| d + place[0]));
            }
            chosen.sort_unstable();
            chosen.dedup();
            return chosen;
        }
        let residues: Vec<BitSet> = differences.iter().map(|d| self.residues(d)).collect();
        if self.rule == Rule::Fewest {
            self.kept = self.fewest(&residues);
        }
        for (place, residues) in self.displacements.iter().zip(&residues) {
            chosen.extend(residues.iter().map(|d| self.choose(place, d as i32)));
        }
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }

    fn residues(&self, differences: &[i32]) -> BitSet {
        let mut all = BitSet::new(self.m);
        let at = |&d: &i32| residue(d, self.m) as usize;
        differences.iter().for_each(|d| all.insert(at(d)));
        all
    }

    /// Residues that hit the choices of every entry: always the one that serves most of those not served yet.
    fn fewest(&self, residues: &[BitSet]) -> BitSet {
        let m = self.m;
        let mut kept = BitSet::new(m);
        let mut waiting = residues.to_vec();
        let mut count = vec![0u32; m as usize];
        let mut left = 0;
        for (place, residues) in self.displacements.iter().zip(residues) {
            for d in residues.iter() {
                left += 1;
                place
                    .iter()
                    .for_each(|&w| count[residue(d as i32 + w, m) as usize] += 1);
            }
        }
        // Counts only fall: what lies on top with its present count serves most.
        let rank = |count: u32, at: usize| {
            let nearest = around(at as i32, m).unsigned_abs();
            (count, u32::MAX - nearest, at)
        };
        let counted = count.iter().enumerate().filter(|(_, n)| **n > 0);
        let mut queue: BinaryHeap<_> = counted.map(|(at, &n)| rank(n, at)).collect();
        while left > 0 {
            let Some((n, _, best)) = queue.pop() else {
                break;
            };
            if n > count[best] {
                queue.push(rank(count[best], best));
                continue;
            }
            kept.insert(best);
            for (place, waiting) in self.displacements.iter().zip(&mut waiting) {
                for &w in place {
                    let d = residue(best as i32 - w, m);
                    if waiting.remove(d as usize) {
                        left -= 1;
                        place
                            .iter()
                            .for_each(|&w| count[residue(d as i32 + w, m) as usize] -= 1);
                    }
                }
            }
        }
        kept
    }
}

/// The least shift of the cluster that holds the shift nearest to zero; a gap of half the widest ends a cluster.
fn origin(shifts: &[i32]) -> i32 {
    let gap = |pair: &[i32]| pair[1] - pair[0];
    let widest = shifts.windows(2).map(gap).max().unwrap_or(0);
    let nearest = (0..shifts.len()).min_by_key(|&at| shifts[at].unsigned_abs());
    let Some(mut at) = nearest else { return 0 };
    while at > 0 && 2 * (shifts[at] - shifts[at - 1]) < widest {
        at -= 1;
    }
    shifts[at].min(0)
}

/// Offsets, as residues modulo `m`, at which every element of the input has a copy.
fn shared_offsets(input: &Periodic, m: u32) -> Vec<u32> {
    let mut cuts: Vec<u32> = input
        .copies
        .iter()
        .flat_map(|copy| [copy.from, copy.to])
        .collect();
    cuts.push(0);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.retain(|&cut| cut == 0 || u64::from(cut) < input.base_extent());
    let offsets_at = |cut: u32| -> Vec<u32> {
        let holds = input
            .copies
            .iter()
            .filter(|copy| (copy.from..copy.to).contains(&cut));
        holds.map(|copy| copy.offset & (m - 1)).chain([0]).collect()
    };
    let mut shared = offsets_at(cuts[0]);
    for &cut in &cuts[1..] {
        let here = offsets_at(cut);
        shared.retain(|offset| here.contains(offset));
    }
    shared.sort_unstable();
    shared.dedup();
    shared
}

/// The representative of a residue that is nearest to zero.
fn around(shift: i32, m: u32) -> i32 {
    let above = residue(shift, m) as i32;
    let m = m as i32;
    if above > m / 2 { above - m } else { above }
}
