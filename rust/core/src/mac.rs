//! HMAC-SHA-256 (RFC 2104) of many short messages with one key.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A key that was taken in once, for as many messages as there are.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// A key of any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        // HMAC takes keys of every length: longer ones are hashed first.
        Self(Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC has no key length that it refuses")))
    }

    /// The code of `message`.
    #[must_use]
    pub fn code(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}
