//! Base conversion: from residues modulo some primes to residues modulo others, exactly and centred.

use super::kernels::Kernels;
use super::modulus::{Factor, Modulus};
use super::ntt::{NttTable, Scaling};
use smallvec::SmallVec;

type Moduli<'a> = SmallVec<[&'a Modulus; 8]>;

/// Columns that are converted and go through the transform's first pass together.
const TILE: usize = 1024;

/// Conversion from the product `D` of some primes to every prime.
///
/// With `y_i = [x · (D/p_i)^-1]_{p_i}` the centred value is `Σ y_i · D/p_i - u·D`, `u = round(Σ y_i/p_i)`.
///
/// # Range
/// The source primes and their number sum to less than `2^52`. `u` is exact up to ties within `2^-28` of one half.
///
/// # Source
/// Halevi, Polyakov and Shoup, ePrint 2018/117, with integers in place of doubles.
pub(crate) struct Conversion {
    /// Source primes, as indices into all primes.
    pub sources: Vec<usize>,
    /// Per source, the inverse transform's constant `(D/p_i)^-1`.
    pub scalings: Vec<Scaling>,
    weights: Vec<u64>,
    shift: u32,
    /// Per prime, `D/p_i` for every source, then `-D`.
    rows: Vec<Vec<Factor>>,
    /// Per prime, `D^-1`; unset for sources.
    pub inverse_product: Vec<Factor>,
}

impl Conversion {
    /// `None` if the source primes are too many or too large.
    pub fn new(tables: &[NttTable], sources: Vec<usize>) -> Option<Self> {
        let prime = |i: usize| tables[i].modulus.p;
        let bound: u64 = sources.iter().map(|&i| prime(i) + 1).sum();
        if bound >= 1 << 52 {
            return None;
        }
        let smallest = sources.iter().map(|&i| prime(i)).min()?;
        let shift = u64::BITS - smallest.leading_zeros() - 1;
        let weights = sources
            .iter()
            .map(|&i| ((1u128 << (52 + shift)) / u128::from(prime(i))) as u64);
        // The product of all sources but one, modulo the prime of `table`.
        let product = |table: &NttTable, skip: Option<usize>| {
            let m = &table.modulus;
            let others = sources.iter().filter(|&&i| Some(i) != skip);
            others.fold(1, |acc, &i| m.mul(acc, m.reduce(prime(i))))
        };
        let scalings = sources.iter().map(|&i| {
            let c = tables[i].modulus.invert(product(&tables[i], Some(i)));
            tables[i].scaling(c)
        });
        let rows = tables.iter().map(|table| {
            let m = &table.modulus;
            let mut row: Vec<Factor> = sources
                .iter()
                .map(|&i| m.factor(product(table, Some(i))))
                .collect();
            row.push(m.factor(m.neg(product(table, None))));
            row
        });
        let inverse_product = tables.iter().enumerate().map(|(j, table)| {
            let m = &table.modulus;
            if sources.contains(&j) {
                Factor::default()
            } else {
                m.factor(m.invert(product(table, None)))
            }
        });
        Some(Self {
            weights: weights.collect(),
            shift,
            scalings: scalings.collect(),
            rows: rows.collect(),
            inverse_product: inverse_product.collect(),
            sources,
        })
    }

    /// `u` for the scaled source residues `y`.
    pub fn quotient(&self, kernels: &Kernels, u: &mut [u64], y: &[&[u64]]) {
        (kernels.round_quotient)(u, y, &self.weights, self.shift);
    }

    /// The centred value modulo each target prime, each into its own limb, after the first pass of its forward transform;
    /// `y_and_u` are the scaled source residues and their quotient, read once for up to four targets.
    pub fn convert(
        &self,
        kernels: &Kernels,
        tables: &[NttTable],
        targets: &mut [(usize, &mut [u64])],
        y_and_u: &[&[u64]],
    ) {
        let Some((first, _)) = targets.first() else {
            return;
        };
        let moduli = targets
            .iter()
            .map(|(prime, _)| &tables[*prime].modulus)
            .collect::<Moduli>();
        let rows = targets
            .iter()
            .map(|(prime, _)| &self.rows[*prime][..])
            .collect::<SmallVec<[_; 8]>>();
        let (n, blocks) = (tables[*first].n, (kernels.blocks)(&tables[*first]));
        let columns = n / blocks;
        for tile in (0..columns).step_by(TILE.min(columns)) {
            let tile = tile..tile + TILE.min(columns);
            for block in 0..blocks {
                let range = block * columns + tile.start..block * columns + tile.end;
                let inputs = y_and_u
                    .iter()
                    .map(|limb| &limb[range.clone()])
                    .collect::<SmallVec<[_; 12]>>();
                let out = targets.iter_mut().map(|(_, limb)| &mut limb[range.clone()]);
                (kernels.dot)(
                    &moduli,
                    &mut out.collect::<SmallVec<[_; 8]>>(),
                    &inputs,
                    &rows,
                );
            }
            for (prime, limb) in &mut *targets {
                (kernels.forward_head)(&tables[*prime], limb, tile.clone());
            }
        }
    }
}
