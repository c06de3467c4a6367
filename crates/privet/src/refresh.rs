//! The client's side of refreshes, in the process that runs the circuit.

use ckks::{Basis, Ciphertext, CkksError, Context, Randomness, SecretKey};
use exec::Refresher;
use params::{Level, Scale};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// A data owner who decrypts what a run asks to be refreshed, and encrypts it again.
///
/// Only real parts are encrypted again: the circuit's values are real, what is left beside them is error. Values go back
/// as they are, in all slots, for the layouts in between belong to the server.
pub struct ClientRefresh<'a> {
    ctx: &'a Context,
    secret: &'a SecretKey,
    randomness: Mutex<Randomness>,
    bytes: AtomicU64,
}

impl<'a> ClientRefresh<'a> {
    /// A client with its key.
    pub fn new(ctx: &'a Context, secret: &'a SecretKey) -> Self {
        Self {
            ctx,
            secret,
            randomness: Mutex::new(Randomness::from_os()),
            bytes: AtomicU64::new(0),
        }
    }

    /// Bytes of the ciphertexts that came and went so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Refresher for ClientRefresh<'_> {
    fn refresh(&self, x: &Ciphertext, to: Level, scale: &Scale) -> Result<Ciphertext, CkksError> {
        let slots = {
            let plaintext = Zeroizing::new(self.ctx.decrypt(x, self.secret));
            Zeroizing::new(self.ctx.decode(&plaintext))
        };
        let plaintext = Zeroizing::new(self.ctx.encode(&slots, scale, to, Basis::Q)?);
        let lock = self.randomness.lock();
        let mut randomness = lock.unwrap_or_else(PoisonError::into_inner);
        let fresh = self.ctx.encrypt(&plaintext, self.secret, &mut randomness);
        let bytes = (x.bytes() + fresh.bytes()) as u64;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(fresh)
    }
}
