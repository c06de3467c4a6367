//! The encrypted backend.

use crate::encoded::{Encoded, complete_facts, encode};
use crate::{Backend, ExecError, KeyId, KeyRef, KeySource, Progress, Refresher, Site};
use circuit::{Circuit, Counts, Fact, Op, RotationClass, Value};
use ckks::{Ciphertext, CiphertextExt, CkksError, Context, Digits, Plaintext};
use params::{GaloisElement, Rotation, Scale};
use std::borrow::Cow;
use std::sync::Mutex;

/// Most products that are summed in one pass.
const FUSED_PRODUCTS: usize = 32;

/// Most of them where plain vectors are encoded when used, for these live until the pass ends.
pub(crate) const FUSED_ENCODINGS: usize = 4;

/// An encrypted value.
#[derive(Clone)]
pub enum CkksValue {
    /// Basis Q, degree 1 or 2.
    Ct(Ciphertext),
    /// Basis QP.
    Ext(CiphertextExt),
    /// Decomposed.
    Digits(Digits),
}

impl CkksValue {
    fn as_ext(&self) -> Option<&CiphertextExt> {
        match self {
            Self::Ext(x) => Some(x),
            _ => None,
        }
    }

    /// A ciphertext of degree 1.
    fn as_linear(&self) -> Option<&Ciphertext> {
        match self {
            Self::Ct(x) if x.degree() == 1 => Some(x),
            _ => None,
        }
    }
}

/// Executes on ciphertexts with a circuit's keys.
pub struct CkksBackend<'a> {
    ctx: &'a Context,
    keys: &'a dyn KeySource,
    facts: Vec<Fact>,
    encoded: &'a Encoded,
    refresher: Option<&'a dyn Refresher>,
    counts: Mutex<Counts>,
}

impl<'a> CkksBackend<'a> {
    /// A backend for one circuit; `refresher` answers its refreshes.
    ///
    /// # Errors
    /// [`ExecError::Circuit`] if levels or scales are missing; [`ExecError::Keys`] if a key is; [`ExecError::Refresh`] if
    /// the circuit has refreshes and nobody answers them.
    pub fn new(
        ctx: &'a Context,
        circuit: &Circuit,
        keys: &'a dyn KeySource,
        encoded: &'a Encoded,
        refresher: Option<&'a dyn Refresher>,
    ) -> Result<Self, ExecError> {
        crate::check_refresher(circuit, refresher)?;
        crate::check_keys(circuit, keys)?;
        Ok(Self {
            ctx,
            keys,
            facts: complete_facts(circuit)?,
            encoded,
            refresher,
            counts: Mutex::default(),
        })
    }

    /// Encodes the plain vectors that are worth most while `budget` bytes last, as [`Encoded::ahead`] does.
    ///
    /// # Errors
    /// [`ExecError::Operation`] if a vector can not be encoded at its level and scale.
    pub fn encode_ahead(
        ctx: &Context,
        circuit: &Circuit,
        budget: u64,
        progress: &Progress<'_>,
    ) -> Result<Encoded, ExecError> {
        Encoded::ahead(ctx, circuit, budget, progress)
    }

    /// Operations executed so far, counted where the backend executes them.
    pub fn counts(&self) -> Counts {
        *self
            .counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn count(&self, add: impl FnOnce(&mut Counts)) {
        add(&mut self
            .counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    fn key(&self, galois: GaloisElement) -> Result<KeyRef<'a>, CkksError> {
        self.keys
            .get(Some(galois))
            .ok_or(CkksError::MissingRotationKey { galois })
    }

    fn rotation_key(&self, by: Rotation) -> Result<KeyRef<'a>, CkksError> {
        self.key(by.galois(self.ctx.params().log_n()))
    }

    fn count_rotation(&self, value: &Value, hoisted: bool) {
        self.count(|c| {
            c.rotations += 1;
            c.key_products += 1;
            match value.class {
                Some(RotationClass::Baby) => c.baby += 1,
                Some(RotationClass::Giant) => c.giant += 1,
                Some(RotationClass::Collapse) => c.collapse += 1,
                _ => c.conversion += 1,
            }
            if hoisted {
                c.rotations_hoisted += 1;
            } else {
                c.decompose += 1;
                c.mod_down += 1;
            }
        });
    }

    fn add(&self, a: &CkksValue, b: &CkksValue) -> Result<CkksValue, CkksError> {
        self.count(|c| c.add += 1);
        self.plus(a, b)
    }

    fn plus(&self, a: &CkksValue, b: &CkksValue) -> Result<CkksValue, CkksError> {
        match (a, b) {
            (CkksValue::Ct(a), CkksValue::Ct(b)) => self.ctx.add(a, b).map(CkksValue::Ct),
            (CkksValue::Ext(a), CkksValue::Ext(b)) => self.ctx.add_ext(a, b).map(CkksValue::Ext),
            _ => Err(CkksError::BasisMismatch),
        }
    }

    fn multiply(&self, site: Site<'_>, x: &CkksValue) -> Result<CkksValue, CkksError> {
        self.count(|c| c.mul_plain += 1);
        let plain = self.plaintext(site)?;
        match x {
            CkksValue::Ct(x) => self.ctx.mul_plain(x, &plain).map(CkksValue::Ct),
            CkksValue::Ext(x) => self.ctx.mul_plain_ext(x, &plain).map(CkksValue::Ext),
            CkksValue::Digits(_) => Err(CkksError::BasisMismatch),
        }
    }

    /// The operation's encoded plain vector, made now unless it was ahead.
    fn plaintext(&self, site: Site<'_>) -> Result<Cow<'_, Plaintext>, CkksError> {
        self.count(|c| c.encode += 1);
        match self.encoded.get(site.id) {
            Some(plaintext) => Ok(Cow::Borrowed(plaintext)),
            None => encode(self.ctx, site.circuit, site.op(), &self.facts)
                .unwrap_or(Err(CkksError::BasisMismatch))
                .map(Cow::Owned),
        }
    }

    /// The sum of products with numbers, other terms, and a total so far, in one pass where all are of degree 1.
    fn sum_scalar_products(
        &self,
        products: &[(Site<'_>, &CkksValue)],
        others: &[&CkksValue],
        total: Option<&CkksValue>,
    ) -> Result<CkksValue, CkksError> {
        let addends = || others.iter().copied().chain(total);
        self.count(|c| {
            c.mul_scalar += products.len() as u64;
            c.add += (products.len() - 1 + addends().count()) as u64;
        });
        let terms = products.iter().map(|(site, x)| {
            let (factor, scale) = Self::number(site)?;
            Some((x.as_linear()?, factor, scale))
        });
        let addends_linear = addends().map(CkksValue::as_linear);
        if let (Some(terms), Some(addends)) = (
            terms.collect::<Option<Vec<_>>>(),
            addends_linear.collect::<Option<Vec<_>>>(),
        ) {
            let sum = self.ctx.sum_scalar_products(&terms, &addends);
            return sum.map(CkksValue::Ct);
        }
        let mut terms = products.iter().map(|(site, x)| {
            let (factor, scale) = Self::number(site).ok_or(CkksError::BasisMismatch)?;
            self.scaled(x, factor, scale)
        });
        let first = terms.next().ok_or(CkksError::NoOperands)??;
        let sum = terms.try_fold(first, |sum, x| self.plus(&sum, &x?))?;
        addends().try_fold(sum, |sum, x| self.plus(&sum, x))
    }

    /// The number and its scale.
    fn number<'c>(site: &Site<'c>) -> Option<(f64, &'c Scale)> {
        match site.op() {
            Op::MulScalar { factor, scale, .. } => scale.as_ref().map(|scale| (*factor, scale)),
            _ => None,
        }
    }

    fn scaled(&self, x: &CkksValue, factor: f64, scale: &Scale) -> Result<CkksValue, CkksError> {
        match x {
            CkksValue::Ct(x) => self.ctx.mul_scalar(x, factor, scale).map(CkksValue::Ct),
            CkksValue::Ext(x) => self
                .ctx
                .mul_scalar_ext(x, factor, scale)
                .map(CkksValue::Ext),
            CkksValue::Digits(_) => Err(CkksError::BasisMismatch),
        }
    }

    /// The sum of some products, other terms, and a total so far, in one pass where all are of degree 1.
    fn sum_products(
        &self,
        products: &[(Site<'_>, &CkksValue)],
        others: &[&CkksValue],
        total: Option<&CkksValue>,
    ) -> Result<CkksValue, CkksError> {
        let plain = products
            .iter()
            .map(|(site, _)| self.plaintext(*site))
            .collect::<Result<Vec<_>, _>>()?;
        let values = || {
            products
                .iter()
                .map(|(_, x)| *x)
                .zip(plain.iter().map(Cow::as_ref))
        };
        let addends = || others.iter().copied().chain(total);
        self.count(|c| {
            c.mul_plain += products.len() as u64;
            c.add += (products.len() - 1 + others.len() + usize::from(total.is_some())) as u64;
        });
        let terms = values()
            .map(|(x, p)| Some((x.as_ext()?, p)))
            .collect::<Option<Vec<_>>>();
        if let (Some(terms), Some(addends)) = (
            terms,
            addends().map(CkksValue::as_ext).collect::<Option<Vec<_>>>(),
        ) {
            return self
                .ctx
                .sum_plain_products_ext(&terms, &addends)
                .map(CkksValue::Ext);
        }
        let terms = values()
            .map(|(x, p)| Some((x.as_linear()?, p)))
            .collect::<Option<Vec<_>>>();
        if let (Some(terms), Some(addends)) = (
            terms,
            addends()
                .map(CkksValue::as_linear)
                .collect::<Option<Vec<_>>>(),
        ) {
            return self
                .ctx
                .sum_plain_products(&terms, &addends)
                .map(CkksValue::Ct);
        }
        let multiply = |x: &CkksValue, p: &Plaintext| match x {
            CkksValue::Ct(x) => self.ctx.mul_plain(x, p).map(CkksValue::Ct),
            CkksValue::Ext(x) => self.ctx.mul_plain_ext(x, p).map(CkksValue::Ext),
            CkksValue::Digits(_) => Err(CkksError::BasisMismatch),
        };
        let mut terms = values().map(|(x, p)| multiply(x, p));
        let first = terms.next().ok_or(CkksError::NoOperands)??;
        let sum = terms.try_fold(first, |sum, x| self.plus(&sum, &x?))?;
        addends().try_fold(sum, |sum, x| self.plus(&sum, x))
    }

    fn one(&self, site: Site<'_>, operands: &[&CkksValue]) -> Result<CkksValue, CkksError> {
        use CkksValue as V;
        let ctx = self.ctx;
        let wrong = Err(CkksError::BasisMismatch);
        let value = site.circuit.value(site.id);
        match (site.op(), operands) {
            (Op::Input { .. }, [V::Ct(x)]) => Ok(V::Ct(x.clone())),
            (Op::Add(..), [a, b]) => self.add(a, b),
            (Op::Sum(_), [first, rest @ ..]) => rest
                .iter()
                .try_fold((*first).clone(), |total, x| self.add(&total, x)),
            (Op::Sub(..), [a, b]) => {
                self.count(|c| c.add += 1);
                match (a, b) {
                    (V::Ct(a), V::Ct(b)) => ctx.sub(a, b).map(V::Ct),
                    (V::Ext(a), V::Ext(b)) => ctx.sub_ext(a, b).map(V::Ext),
                    _ => wrong,
                }
            }
            (Op::Neg(_), [V::Ct(x)]) => ctx.neg(x).map(V::Ct),
            (Op::Neg(_), [V::Ext(x)]) => ctx.neg_ext(x).map(V::Ext),
            (Op::AddPlain { plain, .. }, [V::Ct(x)]) => {
                self.count(|c| c.add_plain += 1);
                match site.circuit.plain(*plain).as_splat() {
                    Some(number) => {
                        self.count(|c| c.encode += 1);
                        ctx.add_scalar(x, number).map(V::Ct)
                    }
                    None => ctx.add_plain(x, self.plaintext(site)?.as_ref()).map(V::Ct),
                }
            }
            (Op::MulPlain { .. }, [x]) => self.multiply(site, x),
            (
                Op::MulScalar {
                    factor,
                    scale: Some(scale),
                    ..
                },
                [x],
            ) => {
                self.count(|c| c.mul_scalar += 1);
                self.scaled(x, *factor, scale)
            }
            (Op::Mul(..), [V::Ct(a), V::Ct(b)]) => {
                self.count(|c| c.mul += 1);
                ctx.mul(a, b).map(V::Ct)
            }
            (Op::Square(_), [V::Ct(x)]) => {
                self.count(|c| c.mul += 1);
                ctx.square(x).map(V::Ct)
            }
            (Op::Relinearize(_), [V::Ct(x)]) => {
                self.count(|c| {
                    c.relinearize += 1;
                    c.decompose += 1;
                    c.key_products += 1;
                    c.mod_down += 1;
                });
                let key = self.keys.get(None);
                ctx.relinearize(x, &*key.ok_or(CkksError::MissingRelinearizationKey)?)
                    .map(V::Ct)
            }
            (Op::Rescale(_), [V::Ct(x)]) => {
                self.count(|c| c.rescale += 1);
                ctx.rescale(x).map(V::Ct)
            }
            (Op::DropLevel { to, .. }, [V::Ct(x)]) => ctx.drop_level(x, *to).map(V::Ct),
            (Op::DropLevel { to, .. }, [V::Ext(x)]) => ctx.drop_level_ext(x, *to).map(V::Ext),
            (Op::Rotate { by, .. }, [V::Ct(x)]) => {
                self.count_rotation(value, false);
                ctx.rotate(x, &*self.rotation_key(*by)?).map(V::Ct)
            }
            (Op::Conjugate(_), [V::Ct(x)]) => {
                self.count(|c| {
                    c.conjugate += 1;
                    c.decompose += 1;
                    c.key_products += 1;
                    c.mod_down += 1;
                });
                let galois = GaloisElement::conjugation(ctx.params().log_n());
                ctx.conjugate(x, &*self.key(galois)?).map(V::Ct)
            }
            (Op::Decompose(_), [V::Ct(x)]) => {
                self.count(|c| c.decompose += 1);
                ctx.decompose(x).map(V::Digits)
            }
            (Op::Decompose(_), [V::Ext(x)]) => {
                self.count(|c| c.decompose += 1);
                ctx.decompose_ext(x).map(V::Digits)
            }
            (Op::RotateHoisted { by, .. }, [V::Digits(d)]) => {
                self.count_rotation(value, true);
                ctx.rotate_hoisted(d, &*self.rotation_key(*by)?).map(V::Ext)
            }
            (
                Op::Refresh {
                    to,
                    scale: Some(scale),
                    ..
                },
                [V::Ct(x)],
            ) => {
                self.count(|c| c.refresh += 1);
                match self.refresher {
                    Some(client) => client.refresh(x, *to, scale).map(V::Ct),
                    None => wrong,
                }
            }
            (Op::Extend(_), [V::Ct(x)]) => ctx.extend(x).map(V::Ext),
            (Op::ModDown { rescale, .. }, [V::Ext(x)]) => {
                self.count(|c| {
                    c.mod_down += 1;
                    c.rescale += u64::from(*rescale);
                });
                if *rescale {
                    ctx.mod_down_rescale(x)
                } else {
                    ctx.mod_down(x)
                }
                .map(V::Ct)
            }
            _ => wrong,
        }
    }
}

impl Backend for CkksBackend<'_> {
    type Value = CkksValue;

    fn apply(&self, site: Site<'_>, operands: &[&CkksValue]) -> Result<CkksValue, ExecError> {
        self.one(site, operands)
            .map_err(|source| ExecError::Operation {
                value: site.id,
                op: site.op().word(),
                source,
            })
    }

    fn multiply_sum(
        &self,
        sum: Site<'_>,
        products: &[(Site<'_>, &CkksValue)],
        others: &[&CkksValue],
    ) -> Result<CkksValue, ExecError> {
        let fused = || -> Result<CkksValue, CkksError> {
            let mut others = others;
            let mut total = None;
            let is_scalar =
                |(site, _): &&(Site<'_>, &CkksValue)| matches!(site.op(), Op::MulScalar { .. });
            let (scalar, plain): (Vec<_>, Vec<_>) =
                products.iter().partition::<Vec<_>, _>(is_scalar);
            if !scalar.is_empty() {
                let scalar: Vec<_> = scalar.into_iter().copied().collect();
                total = Some(self.sum_scalar_products(&scalar, others, None)?);
                others = &[];
            }
            let products: Vec<_> = plain.into_iter().copied().collect();
            let kept = |(site, _): &(Site<'_>, &CkksValue)| self.encoded.get(site.id).is_some();
            let most = if products.iter().all(kept) {
                FUSED_PRODUCTS
            } else {
                FUSED_ENCODINGS
            };
            for products in products.chunks(most) {
                let sum = self.sum_products(products, others, total.as_ref())?;
                (total, others) = (Some(sum), &[]);
            }
            total.ok_or(CkksError::NoOperands)
        };
        fused().map_err(|source| ExecError::Operation {
            value: sum.id,
            op: sum.op().word(),
            source,
        })
    }

    fn fetch_key(&self, key: KeyId) -> Result<(), ExecError> {
        self.keys.fetch(key)
    }

    fn release_key(&self, key: KeyId) {
        self.keys.release(key);
    }

    fn bytes(&self, value: &CkksValue) -> u64 {
        (match value {
            CkksValue::Ct(x) => x.bytes(),
            CkksValue::Ext(x) => x.bytes(),
            CkksValue::Digits(x) => x.bytes(),
        }) as u64
    }
}
