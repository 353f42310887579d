//! Bits of a scan, the highest of each byte first, with the zero that follows each 0xff taken out.

use super::Unread;

/// So many bits are there after `refill`; zeros where the scan has no more.
pub const REFILLED: u32 = 56;

/// A place in a scan. It is copied in and out of the seldom taken path, so that it stays in registers on the other.
#[derive(Clone, Copy)]
pub struct Bits<'a> {
    data: &'a [u8],
    /// The byte that comes next into the window.
    at: usize,
    /// The next bits, the first on top. Below those that count stand zeros, or bits that come next anyway.
    window: u64,
    /// How many bits of the window count.
    count: u32,
    /// How many of them are zeros in the place of bytes that are not there.
    missing: u32,
}

impl<'a> Bits<'a> {
    /// The bits from the byte `at` on.
    pub fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, window: 0, count: 0, missing: 0 }
    }

    /// Brings the window up to at least `REFILLED` bits.
    #[inline(always)]
    pub fn refill(&mut self) {
        if let Some(eight) = self.data.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_be_bytes(*eight);
            if !has_ff(word) {
                self.window |= word >> self.count;
                self.at += ((63 - self.count) >> 3) as usize;
                self.count |= REFILLED;
                return;
            }
        }
        *self = self.refilled_by_bytes();
    }

    #[cold]
    #[inline(never)]
    fn refilled_by_bytes(mut self) -> Self {
        while self.count < REFILLED {
            let byte = match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xff), Some(0)) => {
                    self.at += 2;
                    0xff
                }
                // A marker, or the end of the file: no bits are beyond it.
                (Some(0xff), _) | (None, _) => {
                    self.missing += 8;
                    0
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.window |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
        self
    }

    /// The next bits as a number, `COUNT` of them: 1 to 32, and no more than there are.
    #[inline(always)]
    pub fn peek<const COUNT: u32>(&self) -> usize {
        (self.window >> (64 - COUNT)) as usize
    }

    /// The `count` bits, 0 to 16, that come after the next `skipped`, as a number.
    #[inline(always)]
    pub fn peek_after(&self, skipped: u32, count: u32) -> u32 {
        (((self.window << skipped) >> 32) as u32).checked_shr(32 - count).unwrap_or(0)
    }

    /// Steps over `count` bits, which must be there.
    #[inline(always)]
    pub fn skip(&mut self, count: u32) {
        self.window <<= count;
        self.count -= count;
    }

    /// Whether more bits were taken than there are.
    #[inline(always)]
    pub fn overdrawn(&self) -> bool {
        self.count < self.missing
    }

    /// The place of the marker that ends these bits: less than a byte may be left before it.
    pub fn end(&self) -> Result<usize, Unread> {
        let left = self.count.checked_sub(self.missing).ok_or(Unread::Truncated)?;
        if left >= 8 {
            return Err(Unread::Damaged);
        }
        let mut at = self.at;
        // Any number of 0xff may stand before a marker.
        while self.data.get(at + 1) == Some(&0xff) && self.data[at] == 0xff {
            at += 1;
        }
        match (self.data.get(at), self.data.get(at + 1)) {
            (Some(0xff), Some(1..)) => Ok(at),
            (Some(0xff), None) | (None, _) => Err(Unread::Truncated),
            _ => Err(Unread::Damaged),
        }
    }

    /// The bits after the restart marker `number`, which must be next.
    pub fn after_restart(&self, number: usize) -> Result<Self, Unread> {
        let at = self.end()?;
        #[allow(clippy::cast_possible_truncation)] // Numbers go from 0 to 7, and around.
        let marker = 0xd0 + (number % 8) as u8;
        if self.data[at + 1] == marker { Ok(Self::new(self.data, at + 2)) } else { Err(Unread::Damaged) }
    }
}

/// Whether one of the eight bytes is 0xff.
#[inline(always)]
fn has_ff(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A byte of the complement is zero where a borrow reaches its top bit and it had none.
    (!word).wrapping_sub(ONES) & word & (ONES << 7) != 0
}
