//! Which shifts a matrix uses.

use crate::{Periodic, SparseMatrix};

/// The shifts `col - row` of a matrix on packed positions, per pair of an output and an input ciphertext.
///
/// Shifts are integers, not residues: slot of the column minus slot of the row, both below `n_slots`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shifts {
    pub n_inputs: usize,
    pub n_outputs: usize,
    /// Pairs with a stored entry, by output, then input.
    pub pairs: Vec<Pair>,
}

/// Shifts between one output and one input ciphertext.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pair {
    pub output: usize,
    pub input: usize,
    /// Shifts with a stored entry, ascending.
    pub stored: Vec<i32>,
    /// Shifts with a weight other than zero, ascending.
    pub used: Vec<i32>,
}

impl Shifts {
    /// Shifts of the rows whose first position lies in `rows`.
    pub fn new(
        matrix: &SparseMatrix,
        input: &Periodic,
        output: &Periodic,
        rows: std::ops::Range<u32>,
    ) -> Self {
        let n_slots = input.n_slots;
        let n_inputs = input.n_ciphertexts as usize;
        let n_outputs = output.n_ciphertexts as usize;
        let col_at: Vec<u32> = (0..matrix.cols()).map(|col| input.position(col)).collect();
        let mut sets: Vec<Option<[BitSet; 2]>> = Vec::new();
        sets.resize_with(n_inputs * n_outputs, || None);
        for row in 0..matrix.rows() {
            let row_at = output.position(row);
            if !rows.contains(&row_at) {
                continue;
            }
            let base = (row_at / n_slots) as usize * n_inputs;
            for (col, value) in matrix.row(row) {
                let at = col_at[col as usize];
                let bit = (at % n_slots + n_slots - row_at % n_slots) as usize;
                let new = || [BitSet::new(2 * n_slots), BitSet::new(2 * n_slots)];
                let [stored, used] = sets[base + (at / n_slots) as usize].get_or_insert_with(new);
                stored.insert(bit);
                if value != 0.0 {
                    used.insert(bit);
                }
            }
        }
        let shifts = |set: &BitSet| set.iter().map(|bit| bit as i32 - n_slots as i32).collect();
        let pair = |(at, sets): (usize, Option<[BitSet; 2]>)| {
            sets.map(|[stored, used]| Pair {
                output: at / n_inputs,
                input: at % n_inputs,
                stored: shifts(&stored),
                used: shifts(&used),
            })
        };
        Self {
            n_inputs,
            n_outputs,
            pairs: sets.into_iter().enumerate().filter_map(pair).collect(),
        }
    }

    /// Different residues modulo `m`, a power of two, over all pairs: stored, and used.
    pub fn n_residues(&self, m: u32) -> (u64, u64) {
        let count = |shifts: &[i32]| {
            let mut set = BitSet::new(m);
            shifts
                .iter()
                .for_each(|&d| set.insert(residue(d, m) as usize));
            set.iter().count() as u64
        };
        let sum = |f: fn(&Pair) -> &[i32]| self.pairs.iter().map(|pair| count(f(pair))).sum();
        (sum(|pair| &pair.stored), sum(|pair| &pair.used))
    }
}

/// The residue of a shift modulo `m`, a power of two.
pub(super) fn residue(shift: i32, m: u32) -> u32 {
    shift as u32 & (m - 1)
}

/// A set of small numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BitSet(Vec<u64>);

impl BitSet {
    pub fn new(n: u32) -> Self {
        Self(vec![0; n.div_ceil(64) as usize])
    }

    pub fn contains(&self, bit: usize) -> bool {
        self.0[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// Takes a number out; whether it was there.
    pub fn remove(&mut self, bit: usize) -> bool {
        let was = self.contains(bit);
        self.0[bit / 64] &= !(1 << (bit % 64));
        was
    }

    pub fn insert(&mut self, bit: usize) {
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(word, &bits)| {
            (0..64)
                .filter(move |bit| bits >> bit & 1 == 1)
                .map(move |bit| word * 64 + bit)
        })
    }
}
