//! Bits of a scan, the highest of each byte first.

use super::Unread;

/// So many bits are there after `refill`; zeros where there are no more.
pub const REFILLED: u32 = 56;
/// Zeros after the last byte, so that eight can always be taken at once where one is left.
const BEYOND: usize = 8;

/// The coded bytes up to a marker, with the zero that follows each 0xff taken out.
#[derive(Default)]
pub struct Coded {
    /// So many zeros as `BEYOND` says stand behind them.
    bytes: Vec<u8>,
    /// Where in the file the marker stands, or its end.
    marker: usize,
}

impl Coded {
    /// Takes in what stands in `data` from the byte `at` on.
    pub fn take(&mut self, data: &[u8], mut at: usize) {
        self.bytes.clear();
        loop {
            let rest = data.get(at..).unwrap_or_default();
            let free = until_ff(rest);
            self.bytes.extend_from_slice(&rest[..free]);
            at += free;
            if !data[at..].starts_with(&[0xff, 0]) {
                break;
            }
            self.bytes.push(0xff);
            at += 2;
        }
        self.marker = at;
        self.bytes.resize(self.bytes.len() + BEYOND, 0);
    }

    /// The bits of these bytes.
    pub fn bits(&self) -> Bits<'_> {
        Bits { bytes: &self.bytes, at: 0, window: 0, count: 0 }
    }

    /// The place of the marker in `data`, after `bits` were read: less than a byte may be left before it.
    pub fn end(&self, data: &[u8], bits: &Bits<'_>) -> Result<usize, Unread> {
        let left = bits.left().ok_or(Unread::Truncated)?;
        if left >= 8 {
            return Err(Unread::Damaged);
        }
        let mut at = self.marker;
        // Any number of 0xff may stand before a marker.
        while data.get(at + 1) == Some(&0xff) {
            at += 1;
        }
        if at + 1 < data.len() { Ok(at) } else { Err(Unread::Truncated) }
    }
}

/// How many bytes stand before the first 0xff.
fn until_ff(bytes: &[u8]) -> usize {
    const WORD: usize = 8;
    let (words, rest) = bytes.as_chunks::<WORD>();
    for (number, word) in words.iter().enumerate() {
        let ff = ff_of(u64::from_le_bytes(*word));
        if ff != 0 {
            return WORD * number + ff.trailing_zeros() as usize / 8;
        }
    }
    WORD * words.len() + rest.iter().position(|&byte| byte == 0xff).unwrap_or(rest.len())
}

/// Top bits: the lowest one is that of the lowest byte that is 0xff; 0 where none is.
fn ff_of(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A byte of the complement is zero where a borrow reaches its top bit and it had none.
    (!word).wrapping_sub(ONES) & word & (ONES << 7)
}

/// A place in coded bytes.
#[derive(Clone, Copy)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    /// The byte that comes next into the window. Where there are no more, it goes on all the same.
    at: usize,
    /// The next bits, the first on top. Below those that count stand zeros, or bits that come next anyway.
    window: u64,
    /// How many bits of the window count.
    count: u32,
}

// Sums here wrap: a check for each would cost a quarter of the time, and no place of memory rests on one. What a wrong sum
// would do is read a wrong picture, which comparison with another reader finds.
impl Bits<'_> {
    /// Brings the window up to at least `REFILLED` bits.
    #[inline(always)]
    pub fn refill(&mut self) {
        if let Some(eight) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            self.window |= u64::from_be_bytes(*eight).wrapping_shr(self.count);
        }
        self.at = self.at.wrapping_add((63_u32.wrapping_sub(self.count) >> 3) as usize);
        self.count |= REFILLED;
    }

    /// The next bits as a number, `COUNT` of them: 1 to 32, and no more than there are.
    #[inline(always)]
    pub fn peek<const COUNT: u32>(&self) -> usize {
        (self.window >> (64 - COUNT)) as usize
    }

    /// The `count` bits, 0 to 16, that come after the next `skipped`, as a number.
    #[inline(always)]
    pub fn peek_after(&self, skipped: u32, count: u32) -> u32 {
        ((self.window.wrapping_shl(skipped) >> 32) as u32).checked_shr(32_u32.wrapping_sub(count)).unwrap_or(0)
    }

    /// Steps over `count` bits, which must be there.
    #[inline(always)]
    pub fn skip(&mut self, count: u32) {
        self.window = self.window.wrapping_shl(count);
        self.count = self.count.wrapping_sub(count);
    }

    /// Whether more bits were taken than there are.
    #[inline(always)]
    pub fn overdrawn(&self) -> bool {
        self.left().is_none()
    }

    /// How many bits are left; none where more were taken than there are.
    #[inline(always)]
    fn left(&self) -> Option<usize> {
        let (all, taken) = ((self.bytes.len() - BEYOND) * 8, self.at * 8 - self.count as usize);
        all.checked_sub(taken)
    }
}
