//! Hashes for tests: even, clustered, repeated, correlated. All made from a seed that a failing test prints.

pub type Hash = [u8; 32];

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub fn hash(&mut self) -> Hash {
        let mut hash = [0; 32];
        for chunk in hash.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes());
        }
        hash
    }
}

/// A hash that differs from `hash` in exactly `bits` bits.
pub fn near(random: &mut Random, hash: &Hash, bits: u32) -> Hash {
    let mut places: Vec<usize> = (0..256).collect();
    let mut hash = *hash;
    for at in 0..bits as usize {
        let other = at + random.below((256 - at) as u64) as usize;
        places.swap(at, other);
        hash[places[at] / 8] ^= 1 << (places[at] % 8);
    }
    hash
}

/// Entries of one of six shapes, ids in order.
pub fn shaped(random: &mut Random, shape: u8, size: usize) -> Vec<(Hash, u64)> {
    let centres: Vec<Hash> = (0..size / 40 + 1).map(|_| random.hash()).collect();
    let centre = |random: &mut Random| centres[random.below(centres.len() as u64) as usize];
    let one = |random: &mut Random| match shape {
        // Even.
        0 => random.hash(),
        // Each of a few hashes many times.
        1 => centre(random),
        // Clusters of hashes within the usual radius of each other.
        2 => {
            let (hash, bits) = (centre(random), random.below(16) as u32);
            near(random, &hash, bits)
        }
        // Some of each.
        3 => match random.below(3) {
            0 => random.hash(),
            1 => centre(random),
            _ => {
                let (hash, bits) = (centre(random), random.below(70) as u32);
                near(random, &hash, bits)
            }
        },
        // Long stretches of bits that are always the same: all in one bucket of many parts.
        4 => {
            let mut hash = random.hash();
            hash[3..19].fill(0xa5);
            hash
        }
        // Bits that follow each other, and few ones among them.
        _ => {
            let mut hash = [0; 32];
            for byte in &mut hash {
                *byte = if random.below(4) == 0 { random.next() as u8 } else { 0xff * (random.below(2) as u8) };
            }
            hash
        }
    };
    (0..size as u64).map(|id| (one(random), id)).collect()
}
