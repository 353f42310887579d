//! The slow waves of a block: its first coefficients after DC, read while the block is stepped over.

use super::bits::Bits;
use super::frame::KEPT;
use super::huffman::{Codes, END, ONE_BITS, extended, steps};

/// Bits by which codes are looked up with their values. Four of them fit a refill.
const VALUED_BITS: u32 = 11;

/// How a block's first coefficients after DC are read.
pub struct First<'a> {
    /// By the next bits: one code with its value.
    near: Box<[Valued; 1 << VALUED_BITS]>,
    /// By the next bits: length (low 8 bits) and symbol of one code; 0 for longer ones.
    one: Vec<u16>,
    codes: Codes<'a>,
}

/// A code with its value.
#[derive(Clone, Copy, Debug, Default)]
struct Valued {
    /// Bits of both; 0 where they are more than those that it is found by.
    used: u8,
    /// By how many coefficients it leads on.
    steps: u8,
    value: i16,
}

impl<'a> First<'a> {
    /// Makes the codes ready.
    pub fn new(codes: Codes<'a>) -> Self {
        let mut near = Box::new([Valued::default(); 1 << VALUED_BITS]);
        let (mut begin, mut symbols) = (0, codes.symbols.iter());
        for (length, &count) in (1..=VALUED_BITS).zip(codes.counts) {
            for &symbol in symbols.by_ref().take(usize::from(count)) {
                let width = u32::from(symbol & 15);
                if let Some(left) = VALUED_BITS.checked_sub(length + width) {
                    for (bits, same) in (0..1 << width).zip(near[begin..].chunks_exact_mut(1 << left)) {
                        same.fill(Valued::new(symbol, length + width, extended(bits, width)));
                    }
                }
                begin += 1 << (VALUED_BITS - length);
            }
        }
        Self { near, one: codes.spread(ONE_BITS), codes }
    }

    /// The first coefficients of the block that begins with the refilled `bits`, DC left at zero; the last place is for all
    /// others. Where codes are wrong, so are these: whoever steps over the block finds that out.
    ///
    /// As the place in the block is a copy, the processor does this while it steps over the block. It goes on for as long as
    /// no block's coefficients can, for an end that it had to guess would cost more: what comes after them, or after the
    /// block, lands in the last place.
    #[inline(always)]
    pub fn read(&self, mut bits: Bits<'_>) -> [i16; KEPT + 1] {
        let mut kept = [0; KEPT + 1];
        let mut at = 0_usize;
        for _ in 1..KEPT {
            let mut valued = self.near[bits.peek::<VALUED_BITS>()];
            if valued.used == 0 {
                bits.refill();
                valued = self.longer(&bits);
                bits.skip(u32::from(valued.used));
                bits.refill();
            } else {
                bits.skip(u32::from(valued.used));
            }
            at = at.wrapping_add(usize::from(valued.steps));
            kept[at.min(KEPT)] = valued.value;
        }
        kept
    }

    #[cold]
    #[inline(never)]
    fn longer(&self, bits: &Bits<'_>) -> Valued {
        let found = match self.one[bits.peek::<ONE_BITS>()] {
            0 => self.codes.next(bits),
            one => Some(((one >> 8) as u8, u32::from(one & 0xff))),
        };
        let Some((symbol, length)) = found else { return Valued { used: 1, steps: END as u8, value: 0 } };
        let width = u32::from(symbol & 15);
        Valued::new(symbol, length + width, extended(bits.peek_after(length, width), width))
    }
}

impl Valued {
    /// A symbol whose code takes `used` bits together with its value.
    fn new(symbol: u8, used: u32, value: i32) -> Self {
        Self { used: used as u8, steps: steps(symbol) as u8, value: value as i16 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::Coded;
    use super::super::huffman::Tables;
    use super::*;

    /// The first coefficients of a block, symbol by symbol, as a decoder reads them.
    fn first_slowly(codes: &Codes<'_>, mut bits: Bits<'_>) -> [i16; KEPT] {
        let (mut kept, mut at) = ([0; KEPT], 0);
        while at < KEPT - 1 {
            bits.refill();
            let Some((symbol, length)) = codes.next(&bits) else { break };
            let (run, width) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if width == 0 && run < 15 {
                break;
            }
            at += run + 1;
            if at < KEPT && width > 0 {
                let value = bits.peek_after(length, width) as i32;
                kept[at] = (if value >> (width - 1) == 0 { value + 1 - (1 << width) } else { value }) as i16;
            }
            bits.skip(length + width);
        }
        kept
    }

    #[test]
    fn first_coefficients_are_those_of_their_symbols() {
        let counts = [0, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 1, 0, 1, 1, 2];
        let symbols = [
            0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x0a, 0xf0, 0x13, 0x0e, 0xff, 0x2f, 0x41, 0x51,
        ];
        let definition = [&[0x10][..], &counts, &symbols].concat();
        let mut tables = Tables::default();
        tables.take(&definition).expect("a table");
        let codes = tables.ac(0).expect("codes");
        let first = First::new(tables.ac(0).expect("codes"));
        let mut state = 1_u64;
        let mut longer = 0;
        for _ in 0..20_000 {
            let data: [u8; 24] = std::array::from_fn(|_| {
                // A generator of Marsaglia (2003), xorshift64.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32) as u8
            });
            let mut coded = Coded::default();
            coded.take(&data, 0);
            let mut bits = coded.bits();
            bits.refill();
            longer += u32::from(first.near[bits.peek::<VALUED_BITS>()].used == 0);
            let read = first.read(bits);
            assert_eq!(read[..KEPT], first_slowly(&codes, bits), "{data:?}");
        }
        assert!(longer > 1000, "long ones were met {longer} times");
    }
}
