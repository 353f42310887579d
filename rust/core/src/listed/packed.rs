//! Hashes of an entry as bytes, in the form of `vangnet.registry.model.packing`, which tells it and writes it.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

const VERSION: u8 = 1;
const MD5: u8 = 1;
const SHA1: u8 = 2;
const SHA256: u8 = 3;
const PDQ: u8 = 4;
/// PDQ of a part of the picture.
const PDQ_WINDOW: u8 = 5;
/// PhotoDNA and others, which are kept as they are.
const OPAQUE: RangeInclusive<u8> = 16..=21;
const OTHER: u8 = 31;
const CONVENTIONS: u8 = 3;
const NO_QUALITY: u8 = 255;

/// One of an entry's hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash<'a> {
    /// Which algorithm made it.
    pub code: u8,
    /// By which convention a PDQ hash was made; 0 for any other hash.
    pub convention: u8,
    /// The quality of a PDQ hash, where it is told.
    pub quality: Option<u8>,
    /// The hash.
    pub value: &'a [u8],
}

/// The bytes break off, or have a version or a code that is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPacked;

/// The hashes of an entry, in their order. After an error there are no more.
pub fn hashes(packed: &[u8]) -> impl Iterator<Item = Result<Hash<'_>, BadPacked>> {
    let mut rest = match packed {
        [VERSION, rest @ ..] => Ok(rest),
        _ => Err(BadPacked),
    };
    std::iter::from_fn(move || match rest {
        Ok([]) => None,
        Ok(bytes) => match first(bytes) {
            Some((hash, after)) => {
                rest = Ok(after);
                Some(Ok(hash))
            }
            None => {
                rest = Ok(&[]);
                Some(Err(BadPacked))
            }
        },
        Err(bad) => {
            rest = Ok(&[]);
            Some(Err(bad))
        }
    })
}

/// The hash that tells whether two entries are the same: SHA-256 before SHA-1, MD5, PDQ, then any other by its code.
///
/// # Errors
/// The bytes are none of ours, or hold no hash.
pub fn strongest(packed: &[u8]) -> Result<Hash<'_>, BadPacked> {
    let mut best: Option<Hash<'_>> = None;
    for hash in hashes(packed) {
        let hash = hash?;
        // Of several of one kind, the first.
        if best.is_none_or(|best| rank(hash.code) < rank(best.code)) {
            best = Some(hash);
        }
    }
    best.ok_or(BadPacked)
}

fn rank(code: u8) -> u8 {
    match code {
        SHA256 => 0,
        SHA1 => 1,
        MD5 => 2,
        other => other,
    }
}

fn first(bytes: &[u8]) -> Option<(Hash<'_>, &[u8])> {
    let (&code, rest) = bytes.split_first()?;
    let (convention, quality, length, rest) = match code {
        MD5 => (0, None, 16, rest),
        SHA1 => (0, None, 20, rest),
        SHA256 | PDQ_WINDOW => (0, None, 32, rest),
        PDQ => {
            let (&[convention, quality], rest) = rest.split_first_chunk()?;
            if convention >= CONVENTIONS {
                return None;
            }
            (convention, (quality != NO_QUALITY).then_some(quality), 32, rest)
        }
        code if OPAQUE.contains(&code) || code == OTHER => {
            let (length, rest) = rest.split_first_chunk()?;
            (0, None, usize::try_from(NonZeroU32::new(u32::from_be_bytes(*length))?.get()).ok()?, rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((Hash { code, convention, quality, value }, rest))
}
