//! MD5, SHA-1 and SHA-256 of the same bytes in one pass.
//!
//! MD5 and SHA-1 can be forged; they are here because hash lists still carry them, and what a match on them alone is
//! worth is decided elsewhere.

use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

/// Bytes taken by one digest after the other before the next bytes are touched: they stay in the processor's cache.
const BLOCK: usize = 32 * 1024;

/// The three digests of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// RFC 1321.
    pub md5: [u8; 16],
    /// FIPS 180-4.
    pub sha1: [u8; 20],
    /// FIPS 180-4.
    pub sha256: [u8; 32],
}

impl Digests {
    /// The digests of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut digester = Digester::default();
        digester.update(bytes);
        digester.finish()
    }
}

/// Digests under way, for what comes in pieces.
#[derive(Clone, Default)]
pub struct Digester {
    md5: Md5,
    sha1: Sha1,
    sha256: Sha256,
}

impl Digester {
    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        for block in bytes.chunks(BLOCK) {
            self.md5.update(block);
            self.sha1.update(block);
            self.sha256.update(block);
        }
    }

    /// The digests of all pieces so far.
    #[must_use]
    pub fn finish(&self) -> Digests {
        let Self { md5, sha1, sha256 } = self.clone();
        Digests { md5: md5.finalize().into(), sha1: sha1.finalize().into(), sha256: sha256.finalize().into() }
    }
}
