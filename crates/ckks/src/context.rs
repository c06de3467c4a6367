//! Everything that follows from a parameter set: tables of all primes, conversions, kernels.

use crate::CkksError;
use crate::counters::Counters;
use crate::ring::automorphism::AutomorphismTable;
use crate::ring::convert::Conversion;
use crate::ring::fft::FftTable;
use crate::ring::kernels::{Isa, Kernels};
use crate::ring::modulus::{Factor, Modulus};
use crate::ring::ntt::{NttTable, Scaling};
use crate::ring::poly::Poly;
use params::{GaloisElement, Level, Params, ParamsId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, Weak};

/// A parameter set with all its tables. Clones share them.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    params: Params,
    isa: Isa,
    kernels: &'static Kernels,
    /// One table per chain prime, then per special prime.
    tables: Vec<NttTable>,
    /// Entry `e`: from the primes of `e`'s digit up to and with `e`.
    mod_up: Vec<Conversion>,
    mod_down: Conversion,
    /// Entry `l`: from the special primes and `q_l`.
    mod_down_rescale: Vec<Conversion>,
    /// Entry `l`: from `q_l`.
    rescale: Vec<Conversion>,
    /// The product of the special primes, per chain prime.
    special_product: Vec<Factor>,
    fft: FftTable,
    /// Entry `k`: tables for size `2^k`, below the ring degree, of all primes.
    short: Vec<OnceLock<Vec<NttTable>>>,
    /// Weak, so that tables do not outlive the keys that use them, whosever keys those are.
    automorphisms: Mutex<HashMap<GaloisElement, Weak<AutomorphismTable>>>,
    counters: Counters,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Context({:?}, {})",
            self.params().id(),
            self.kernel_name()
        )
    }
}

impl Context {
    /// Builds all tables, for the best kernels of this machine.
    ///
    /// # Errors
    /// [`CkksError::DigitRange`] when a digit, or the special primes with one chain prime, sum to `2^52` or more.
    pub fn new(params: &Params) -> Result<Self, CkksError> {
        Self::with_isa(params, Isa::detect())
    }

    pub(crate) fn with_isa(params: &Params, isa: Isa) -> Result<Self, CkksError> {
        let n = params.ring_degree();
        let chain = params.q().len();
        let primes = [params.q(), params.special()].concat();
        let table = |&p: &u64| NttTable::new(Modulus::new(p), n, isa);
        let tables: Vec<NttTable> = primes.iter().map(table).collect();
        let conversion = |sources: Vec<usize>| {
            let bits = sources
                .iter()
                .map(|&i| u64::BITS - primes[i].leading_zeros())
                .max();
            let error = CkksError::DigitRange {
                count: sources.len(),
                bits: bits.unwrap_or(0),
            };
            Conversion::new(&tables, sources).ok_or(error)
        };
        let special: Vec<usize> = (chain..primes.len()).collect();
        let digit_ends = params
            .digit_ranges()
            .into_iter()
            .flat_map(|r| r.clone().map(move |e| r.start..e + 1));
        let mod_up = digit_ends
            .map(|r| conversion(r.collect()))
            .collect::<Result<_, _>>()?;
        let with_special = |l: usize| conversion([&special[..], &[l]].concat());
        let mod_down_rescale = (0..chain).map(with_special).collect::<Result<_, _>>()?;
        let rescale = (0..chain)
            .map(|l| conversion(vec![l]))
            .collect::<Result<_, _>>()?;
        let special_product = tables[..chain].iter().map(|t| {
            let m = &t.modulus;
            m.factor(
                params
                    .special()
                    .iter()
                    .fold(1, |acc, &p| m.mul(acc, m.reduce(p))),
            )
        });
        let special_product = special_product.collect();
        let mod_down = conversion(special.clone())?;
        let inner = Inner {
            params: params.clone(),
            kernels: isa.kernels(),
            mod_up,
            mod_down,
            mod_down_rescale,
            rescale,
            special_product,
            fft: FftTable::new(params.n_slots()),
            short: (0..params.log_n()).map(|_| OnceLock::new()).collect(),
            isa,
            automorphisms: Mutex::default(),
            counters: Counters::default(),
            tables,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The parameter set.
    pub fn params(&self) -> &Params {
        &self.inner.params
    }

    /// Instruction set of the kernels in use: `scalar`, `avx2` or `avx512ifma`. Results do not depend on it.
    pub fn kernel_name(&self) -> &'static str {
        self.inner.kernels.name
    }

    /// Work done through this context and its clones.
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// Hands the forward and the inverse transform of one limb to `measure`, for the cost table.
    #[doc(hidden)]
    pub fn transform_times(
        &self,
        prime: usize,
        mut measure: impl FnMut(&mut dyn FnMut()) -> f64,
    ) -> [f64; 2] {
        let mut poly = self.stale(1, 0);
        let limb = poly.limb_mut(0);
        limb.iter_mut().enumerate().for_each(|(i, x)| *x = i as u64);
        let scaling = self.tables()[prime].scaling(1);
        let forward = measure(&mut || self.forward(prime, limb));
        [
            forward,
            measure(&mut || self.inverse(prime, limb, &scaling)),
        ]
    }

    pub(crate) fn id(&self) -> ParamsId {
        self.inner.params.id()
    }

    pub(crate) fn n(&self) -> usize {
        self.inner.params.ring_degree()
    }

    /// Length of the full chain.
    pub(crate) fn chain(&self) -> usize {
        self.inner.params.q().len()
    }

    pub(crate) fn n_special(&self) -> usize {
        self.inner.params.special().len()
    }

    pub(crate) fn kernels(&self) -> &'static Kernels {
        self.inner.kernels
    }

    pub(crate) fn fft(&self) -> &FftTable {
        &self.inner.fft
    }

    pub(crate) fn tables(&self) -> &[NttTable] {
        &self.inner.tables
    }

    pub(crate) fn modulus(&self, prime: usize) -> &Modulus {
        &self.inner.tables[prime].modulus
    }

    /// Index among all primes of limb `j` of a polynomial with `n_q` chain limbs.
    pub(crate) fn prime_of_limb(&self, j: usize, n_q: usize) -> usize {
        if j < n_q { j } else { self.chain() + j - n_q }
    }

    pub(crate) fn limb_modulus(&self, j: usize, n_q: usize) -> &Modulus {
        self.modulus(self.prime_of_limb(j, n_q))
    }

    pub(crate) fn forward(&self, prime: usize, limb: &mut [u64]) {
        self.counters().count_transform();
        (self.kernels().forward)(&self.inner.tables[prime], limb);
    }

    /// The transform of a limb shorter than the ring degree, as if of that ring.
    pub(crate) fn forward_short(&self, prime: usize, limb: &mut [u64]) {
        self.counters().count_transform();
        let build = || {
            let table = |t: &NttTable| NttTable::new(t.modulus, limb.len(), self.inner.isa);
            self.tables().iter().map(table).collect::<Vec<_>>()
        };
        let tables = self.inner.short[limb.len().trailing_zeros() as usize].get_or_init(build);
        (self.kernels().forward)(&tables[prime], limb);
    }

    /// Blocks of a limb that [`Context::forward_rest`] transforms one by one.
    pub(crate) fn blocks(&self) -> usize {
        (self.kernels().blocks)(&self.inner.tables[0])
    }

    /// Finishes a transform in one block, the first pass being done; `ahead` are limbs of which the same block is needed
    /// next.
    pub(crate) fn forward_rest(
        &self,
        prime: usize,
        limb: &mut [u64],
        block: usize,
        ahead: [&[u64]; 2],
    ) {
        if block == 0 {
            self.counters().count_transform();
        }
        (self.kernels().forward_rest)(&self.inner.tables[prime], limb, block, ahead);
    }

    /// The inverse transform of `limb`, into `out`.
    pub(crate) fn inverse_of(
        &self,
        prime: usize,
        out: &mut [u64],
        scaling: &Scaling,
        limb: &[u64],
    ) {
        self.counters().count_transform();
        (self.kernels().inverse_of)(&self.inner.tables[prime], out, scaling, limb);
    }

    pub(crate) fn inverse(&self, prime: usize, limb: &mut [u64], scaling: &Scaling) {
        self.counters().count_transform();
        (self.kernels().inverse)(&self.inner.tables[prime], limb, scaling);
    }

    /// How many of `limbs` limbs to convert at a time, each thread having some: the more, the fewer times the sources are
    /// read, as long as the results stay in cache.
    pub(crate) fn group(&self, limbs: usize) -> usize {
        let most = if self.params().log_n() < 14 { 8 } else { 4 };
        limbs.div_ceil(rayon::current_num_threads()).clamp(1, most)
    }

    /// Conversion from the chain primes `first..=last` of one digit.
    pub(crate) fn mod_up(&self, last: usize) -> &Conversion {
        &self.inner.mod_up[last]
    }

    pub(crate) fn mod_down_conversion(&self) -> &Conversion {
        &self.inner.mod_down
    }

    pub(crate) fn mod_down_rescale_conversion(&self, level: Level) -> &Conversion {
        &self.inner.mod_down_rescale[usize::from(level.0)]
    }

    pub(crate) fn rescale_conversion(&self, level: Level) -> &Conversion {
        &self.inner.rescale[usize::from(level.0)]
    }

    /// The product of the special primes modulo chain prime `j`.
    pub(crate) fn special_product(&self, j: usize) -> Factor {
        self.inner.special_product[j]
    }

    /// The permutation of an automorphism, shared while anyone holds it.
    ///
    /// # Errors
    /// [`CkksError::GaloisElement`] for an even or too large exponent.
    pub(crate) fn automorphism(
        &self,
        g: GaloisElement,
    ) -> Result<Arc<AutomorphismTable>, CkksError> {
        self.check_galois(g)?;
        let lookup = self.inner.automorphisms.lock();
        let mut cache = lookup.unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(table) = cache.get(&g).and_then(Weak::upgrade) {
            return Ok(table);
        }
        let table = Arc::new(AutomorphismTable::new(g.0, self.n()));
        cache.insert(g, Arc::downgrade(&table));
        Ok(table)
    }

    /// # Errors
    /// [`CkksError::GaloisElement`] for an even or too large exponent.
    pub(crate) fn check_galois(&self, g: GaloisElement) -> Result<(), CkksError> {
        let bound = 2 * self.n() as u64;
        let valid = g.0 % 2 == 1 && g.0 < bound;
        if valid {
            Ok(())
        } else {
            Err(CkksError::GaloisElement {
                element: g.0,
                bound,
            })
        }
    }

    /// # Errors
    /// [`CkksError::Memory`] if the system has not the memory.
    pub(crate) fn try_stale(&self, n_q: usize, n_special: usize) -> Result<Poly, CkksError> {
        Poly::try_stale(self.n(), n_q, n_special).ok_or(CkksError::Memory {
            bytes: 8 * self.n() * (n_q + n_special),
        })
    }

    pub(crate) fn stale(&self, n_q: usize, n_special: usize) -> Poly {
        Poly::stale(self.n(), n_q, n_special)
    }

    /// # Errors
    /// [`CkksError::ParamsMismatch`] unless `id` is this context's.
    pub(crate) fn check(&self, id: ParamsId) -> Result<(), CkksError> {
        if id == self.id() {
            Ok(())
        } else {
            Err(CkksError::ParamsMismatch {
                found: id,
                expected: self.id(),
            })
        }
    }

    /// # Errors
    /// [`CkksError::LevelRange`] for a level above the chain's.
    pub(crate) fn check_level(&self, level: Level) -> Result<(), CkksError> {
        let available = self.params().max_level();
        if level > available {
            Err(CkksError::LevelRange {
                wanted: level,
                available,
            })
        } else {
            Ok(())
        }
    }
}
