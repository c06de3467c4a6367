//! Tables of the negacyclic number-theoretic transform of one prime.

use super::kernels::Isa;
use super::modulus::{Factor, Modulus};
use super::ntt_double::DoubleTwiddles;

/// Layers that the last pass of the vector transform does inside blocks of 64 words.
const BLOCK_LAYERS: usize = 6;

/// What a pass does to its inputs before its first layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prelude {
    /// Nothing: earlier offsets suffice.
    None,
    /// Adds the offset.
    Offset,
    /// Reduces below `2p`, then adds the offset.
    Reduce,
}

/// One pass of the vector transform over a limb: `layers` layers from the one with `blocks` twiddles on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    pub blocks: usize,
    pub layers: usize,
    pub prelude: Prelude,
    pub offset: u64,
}

/// Twiddles in the form that one kernel family reads.
pub(crate) enum Twiddles {
    /// `(value, shoup)` in bit-reversed order, forward and inverse.
    Scalar {
        forward: Vec<[u64; 2]>,
        inverse: Vec<[u64; 2]>,
    },
    /// `(mont, mont_inv)` in bit-reversed order for all but the last three layers; `mont` of the last three in vectors
    /// in the order of use.
    Vector {
        forward: Vec<[u64; 2]>,
        forward_tail: super::buffer::Buffer,
        inverse: Vec<[u64; 2]>,
        inverse_tail: super::buffer::Buffer,
        passes: Vec<Pass>,
    },
    Double(DoubleTwiddles),
}

/// The transform of size `n` modulo one prime.
///
/// Index `i` of the transformed limb is the value at `psi^(2·brv(i)+1)`, with `psi = g^((p-1)/2n)` for the smallest
/// quadratic non-residue `g`.
pub(crate) struct NttTable {
    pub modulus: Modulus,
    pub n: usize,
    pub twiddles: Twiddles,
    /// The only twiddle of the inverse's last layer.
    last_inverse: u64,
    n_inv: u64,
}

/// A constant that the inverse transform multiplies by, prepared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scaling {
    /// `c / n`.
    pub sum: Factor,
    /// `c / n` times the last layer's twiddle.
    pub difference: Factor,
}

/// Reverses the low `bits` bits.
pub(crate) fn reverse_bits(i: usize, bits: u32) -> usize {
    if bits == 0 {
        0
    } else {
        i.reverse_bits() >> (usize::BITS - bits)
    }
}

/// The canonical primitive `2n`-th root of unity.
///
/// # Panics
/// If `p` is not 1 modulo `2n`.
pub(crate) fn canonical_root(modulus: &Modulus, n: usize) -> u64 {
    let order = 2 * n as u64;
    assert_eq!(
        (modulus.p - 1) % order,
        0,
        "the prime has no root of this order"
    );
    let non_residue = (2..).find(|&g| modulus.pow(g, (modulus.p - 1) / 2) == modulus.p - 1);
    let g = non_residue.expect("every prime has a non-residue");
    modulus.pow(g, (modulus.p - 1) / order)
}

/// Powers `root^brv(k)` for `k < n`.
fn bit_reversed_powers(modulus: &Modulus, root: u64, n: usize) -> Vec<u64> {
    let bits = n.trailing_zeros();
    let mut powers = vec![0; n];
    let mut power = 1;
    for k in 0..n {
        powers[reverse_bits(k, bits)] = power;
        power = modulus.mul(power, root);
    }
    powers
}

impl NttTable {
    pub fn new(modulus: Modulus, n: usize, isa: Isa) -> Self {
        let root = canonical_root(&modulus, n);
        let forward = bit_reversed_powers(&modulus, root, n);
        let inverse = bit_reversed_powers(&modulus, modulus.invert(root), n);
        let last_inverse = inverse[1];
        let n_inv = modulus.invert(n as u64);
        let twiddles = if isa.vector_transform(n) {
            let form = |list: &[u64]| -> Vec<[u64; 2]> {
                list[..n / 8]
                    .iter()
                    .map(|&w| modulus.factor(w))
                    .map(|f| [f.mont, f.mont_inv])
                    .collect()
            };
            Twiddles::Vector {
                forward: form(&forward),
                forward_tail: tail(&modulus, &forward, n),
                inverse: form(&inverse),
                inverse_tail: tail(&modulus, &inverse, n),
                passes: plan(&modulus, n),
            }
        } else if isa.double_transform(n) {
            Twiddles::Double(DoubleTwiddles::new(&modulus, &forward, &inverse))
        } else {
            let form = |list: &[u64]| -> Vec<[u64; 2]> {
                list.iter()
                    .map(|&w| modulus.factor(w))
                    .map(|f| [f.value, f.shoup])
                    .collect()
            };
            Twiddles::Scalar {
                forward: form(&forward),
                inverse: form(&inverse),
            }
        };
        Self {
            modulus,
            n,
            twiddles,
            last_inverse,
            n_inv,
        }
    }

    /// Prepares the inverse transform to multiply by `c`.
    pub fn scaling(&self, c: u64) -> Scaling {
        let sum = self.modulus.mul(c, self.n_inv);
        let difference = self.modulus.mul(sum, self.last_inverse);
        Scaling {
            sum: self.modulus.factor(sum),
            difference: self.modulus.factor(difference),
        }
    }
}

/// Vectors of the last three layers: per block of 64 words, for the eight groups of eight words in it, one twiddle of
/// the layer with `n/8`, two of the layer with `n/4`, four of the layer with `n/2` twiddles; as `mont` alone, since the
/// companion costs one instruction and memory traffic costs more.
fn tail(modulus: &Modulus, powers: &[u64], n: usize) -> super::buffer::Buffer {
    let mut words = super::buffer::Buffer::stale(n / 64 * 7 * 8);
    for (block, out) in words.chunks_exact_mut(7 * 8).enumerate() {
        let mut vectors = out.chunks_exact_mut(8);
        for layer in 0..3 {
            let per_group = 1 << layer;
            for h in 0..per_group {
                let vector = vectors.next().expect("seven vectors per block");
                for (group, word) in vector.iter_mut().enumerate() {
                    let index = n / 8 * per_group + per_group * (8 * block + group) + h;
                    *word = modulus.factor(powers[index]).mont;
                }
            }
        }
    }
    words
}

/// Cuts the layers into passes and places reductions so that no value reaches `2^52`.
///
/// # Range
/// A layer widens `[0, r·p)` by `p` on both sides, so with an offset of `k·p` the next `k` layers end in
/// `[0, (r+2k)·p)`, which must stay within `floor(2^52/p)·p`.
fn plan(modulus: &Modulus, n: usize) -> Vec<Pass> {
    let strided = n.trailing_zeros() as usize - BLOCK_LAYERS;
    let mut sizes = Vec::new();
    let mut left = strided;
    while left > 0 {
        let layers = if left == 4 { 2 } else { left.min(3) };
        sizes.push(layers);
        left -= layers;
    }
    sizes.push(BLOCK_LAYERS);
    let budget = modulus.budget as usize;
    let mut passes: Vec<Pass> = Vec::new();
    let (mut first, mut done) = (0, 0);
    while first < sizes.len() {
        let start = if first == 0 { 1 } else { 2 };
        let mut covered = 0;
        let mut last = first;
        while last < sizes.len() && start + 2 * (covered + sizes[last]) <= budget {
            covered += sizes[last];
            last += 1;
        }
        assert!(last > first, "the prime leaves no headroom");
        for (i, &layers) in sizes[first..last].iter().enumerate() {
            let prelude = match (i, first) {
                (0, 0) => Prelude::Offset,
                (0, _) => Prelude::Reduce,
                _ => Prelude::None,
            };
            passes.push(Pass {
                blocks: 1 << done,
                layers,
                prelude,
                offset: covered as u64 * modulus.p,
            });
            done += layers;
        }
        first = last;
    }
    passes
}
