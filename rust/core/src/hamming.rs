//! Hamming distance: in how many bits two hashes differ.

/// Bytes of one 256-bit perceptual hash.
pub const HASH_BYTES: usize = 32;

/// In how many of their 256 bits two perceptual hashes differ: 0 (the same hash) to 256 (each other's complement).
///
/// PDQ's makers call two pictures alike at a distance of at most 31
/// (ThreatExchange, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm", 2019).
#[must_use]
pub fn distance(a: &[u8; HASH_BYTES], b: &[u8; HASH_BYTES]) -> u32 {
    // Four 64-bit words are what the processor's population count works on; the compiler unrolls the loop.
    let (a, b) = (words(a), words(b));
    a.iter().zip(&b).map(|(x, y)| (x ^ y).count_ones()).sum()
}

fn words(hash: &[u8; HASH_BYTES]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(hash.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(bytes);
        *word = u64::from_ne_bytes(eight);
    }
    words
}
