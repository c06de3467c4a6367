//! Encryption and decryption.

use super::types::{Ciphertext, Plaintext};
use crate::context::Context;
use crate::ring::parallel::each;
use crate::ring::sample::{Expansion, Randomness};
use crate::rlwe::public::PublicKey;
use crate::rlwe::secret::{SecretKey, SecretPoly, transform_small};

/// Label of the uniform part of ciphertexts.
const EXPANSION_ID: u64 = 4;

impl Context {
    /// Encrypts with the secret key: `(-a·s + e + m, a)`.
    ///
    /// # Cost
    /// One transform per limb.
    ///
    /// # Panics
    /// If plaintext or key belong to other parameters.
    pub fn encrypt(
        &self,
        plaintext: &Plaintext,
        secret: &SecretKey,
        randomness: &mut Randomness,
    ) -> Ciphertext {
        assert_eq!(
            plaintext.params,
            self.id(),
            "the plaintext belongs to other parameters"
        );
        assert_eq!(
            secret.params_id(),
            self.id(),
            "the secret belongs to other parameters"
        );
        let n_q = plaintext.level.n_limbs();
        let seed = randomness.seed();
        let expansion = Expansion {
            params: self.id(),
            seed: &seed,
            id: EXPANSION_ID,
        };
        let mut a = self.stale(n_q, 0);
        each(a.limbs_mut(), |j, limb| {
            expansion.fill(self.modulus(j), 0, j as u32, limb)
        });
        let mut b = transform_small(self, &randomness.error(self.n()), n_q, false);
        each(b.limbs_mut().zip(a.limbs()), |j, (b, a)| {
            let (k, m) = (self.kernels(), self.modulus(j));
            let mut mask = SecretPoly(self.stale(1, 0));
            let mask = mask.0.limb_mut(0);
            (k.mul)(m, mask, a, secret.residues.0.limb(j));
            (k.sub_assign)(m, b, mask);
            (k.add_assign)(m, b, plaintext.poly.limb(j));
        });
        let scale = plaintext.scale.clone();
        Ciphertext {
            params: self.id(),
            parts: vec![b, a],
            level: plaintext.level,
            scale,
        }
    }

    /// Encrypts with the public key, modulo QP, then divides by P: the noise is that of rounding.
    ///
    /// # Cost
    /// `5 · (limbs + specials)` transforms.
    ///
    /// # Panics
    /// If plaintext or key belong to other parameters.
    pub fn encrypt_public(
        &self,
        plaintext: &Plaintext,
        key: &PublicKey,
        randomness: &mut Randomness,
    ) -> Ciphertext {
        assert_eq!(
            plaintext.params,
            self.id(),
            "the plaintext belongs to other parameters"
        );
        assert_eq!(
            key.params_id(),
            self.id(),
            "the key belongs to other parameters"
        );
        let mut parts = key.encrypt_zero(self, plaintext.level, randomness);
        each(parts[0].limbs_mut(), |j, b| {
            (self.kernels().add_assign)(self.modulus(j), b, plaintext.poly.limb(j));
        });
        let scale = plaintext.scale.clone();
        Ciphertext {
            params: self.id(),
            parts: parts.into(),
            level: plaintext.level,
            scale,
        }
    }

    /// `c0 + c1·s + c2·s²`. For the key holder alone: the result contains the error, and with it the key.
    ///
    /// # Cost
    /// No transform.
    ///
    /// # Panics
    /// If ciphertext or key belong to other parameters.
    pub fn decrypt(&self, ciphertext: &Ciphertext, secret: &SecretKey) -> Plaintext {
        assert_eq!(
            ciphertext.params,
            self.id(),
            "the ciphertext belongs to other parameters"
        );
        assert_eq!(
            secret.params_id(),
            self.id(),
            "the secret belongs to other parameters"
        );
        let (c0, rest) = ciphertext
            .parts
            .split_first()
            .expect("a ciphertext has parts");
        let (last, middle) = rest.split_last().expect("a ciphertext has two parts");
        let mut poly = last.clone();
        each(poly.limbs_mut(), |j, sum| {
            // Horner in s.
            let (k, m) = (self.kernels(), self.modulus(j));
            let s = secret.residues.0.limb(j);
            for part in middle.iter().rev().chain([c0]) {
                (k.mul_assign)(m, sum, s);
                (k.add_assign)(m, sum, part.limb(j));
            }
        });
        let (level, scale) = (ciphertext.level, ciphertext.scale.clone());
        Plaintext {
            params: self.id(),
            poly,
            level,
            scale,
        }
    }
}
