//! Lists of hashes as people exchange them: 64 hex digits a line.

use crate::hamming::HASH_BYTES;

/// A line that is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The line's number within the text, from 0.
    pub line: usize,
    /// How many bytes the line has, without what ends it.
    pub length: usize,
}

/// The hashes of a text, one a line, digits in either case; every line must be one, and a last line may lack its end.
///
/// # Errors
/// The first line that is not 64 hex digits.
pub fn parse_hashes(text: &[u8]) -> Result<Vec<[u8; HASH_BYTES]>, BadLine> {
    let mut hashes = Vec::with_capacity(text.len() / (2 * HASH_BYTES + 1) + 1);
    let text = text.strip_suffix(b"\n").map_or(text, |without| if without.is_empty() { text } else { without });
    if text.is_empty() {
        return Ok(hashes);
    }
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match parse_hash(line) {
            Some(hash) => hashes.push(hash),
            None => {
                return Err(BadLine { line: number, length: line.len() });
            }
        }
    }
    Ok(hashes)
}

/// One hash of 64 hex digits.
#[must_use]
pub fn parse_hash(digits: &[u8]) -> Option<[u8; HASH_BYTES]> {
    if digits.len() != 2 * HASH_BYTES {
        return None;
    }
    let mut hash = [0; HASH_BYTES];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = VALUES[usize::from(pair[0])] << 4 | VALUES[usize::from(pair[1])] & 15;
        if VALUES[usize::from(pair[0])] | VALUES[usize::from(pair[1])] == NO_DIGIT {
            return None;
        }
    }
    Some(hash)
}

/// What no hex digit is worth; together with any digit by "or" it stays itself.
const NO_DIGIT: u8 = 0xff;

const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u8;
        values[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};
