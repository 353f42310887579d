//! Huffman tables: from their definition in the file to tables that are looked up by the next bits.
//!
//! Luma's DC must be known; of all other coefficients only how many bits they take. So an entry of an AC table stands for
//! as many symbols as the bits it is found by tell of, with the bits of their values, which follow unread: about two at a
//! time.

use super::bits::Bits;
use super::{TABLES, Unread};

/// Bits of the longest code.
const LONGEST: usize = 16;
/// Bits by which an AC table is looked up. 16 kB: two of them fit the nearest cache together.
const AC_BITS: u32 = 13;
/// Bits by which single codes are looked up.
pub const ONE_BITS: u32 = 10;
/// The widest value of a DC difference, for samples of 8 bits (T.81, table F.1).
const DC_WIDEST: u8 = 11;

/// Added to the steps of an entry that ends its block.
pub const END: u32 = 128;
/// The places of an entry whose code is longer than the bits that it is found by: beyond all others.
const LONGER: u32 = 255;
/// Coefficients of a block.
const COEFFICIENTS: u32 = 64;

/// A table as the file defines it: how many codes there are of each length, and the symbols in the order of their codes.
#[derive(Clone, Copy, Debug)]
pub struct Definition<'a> {
    counts: &'a [u8; LONGEST],
    symbols: &'a [u8],
}

/// The tables that a file has defined so far. They are made ready only where a scan is read by them.
#[derive(Debug, Default)]
pub struct Tables<'a> {
    dc: [Option<Definition<'a>>; TABLES],
    ac: [Option<Definition<'a>>; TABLES],
}

impl<'a> Tables<'a> {
    /// Takes in definitions.
    pub fn take(&mut self, mut content: &'a [u8]) -> Result<(), Unread> {
        while let Some((&kind, rest)) = content.split_first() {
            let (counts, rest) = rest.split_first_chunk().ok_or(Unread::Damaged)?;
            let count = counts.iter().map(|&count| usize::from(count)).sum::<usize>();
            if count > 256 {
                return Err(Unread::Damaged);
            }
            let (symbols, rest) = rest.split_at_checked(count).ok_or(Unread::Damaged)?;
            let tables = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(Unread::Damaged),
            };
            *tables.get_mut(usize::from(kind & 15)).ok_or(Unread::Damaged)? = Some(Definition { counts, symbols });
            content = rest;
        }
        Ok(())
    }

    /// The codes of DC under `number`.
    pub fn dc(&self, number: usize) -> Result<Codes<'a>, Unread> {
        let codes = Codes::find_in(&self.dc, number)?;
        // Wider values are for samples of 12 bits.
        if codes.symbols.iter().any(|&width| width > DC_WIDEST) { Err(Unread::Precision) } else { Ok(codes) }
    }

    /// The codes of AC under `number`.
    pub fn ac(&self, number: usize) -> Result<Codes<'a>, Unread> {
        Codes::find_in(&self.ac, number)
    }
}

/// What any code can be read by, length by length.
pub struct Codes<'a> {
    /// Of each length, so many.
    pub counts: &'a [u8; LONGEST],
    /// In the order of their codes.
    pub symbols: &'a [u8],
    /// For each length: the first 16 bits beyond its codes, and what leads from a code to its symbol's place.
    lengths: [(u32, i32); LONGEST + 1],
}

impl<'a> Codes<'a> {
    fn find_in(definitions: &[Option<Definition<'a>>; TABLES], number: usize) -> Result<Self, Unread> {
        let &Definition { counts, symbols } =
            definitions.get(number).and_then(Option::as_ref).ok_or(Unread::MissingTables)?;
        let mut lengths = [(0, 0); LONGEST + 1];
        let (mut code, mut place) = (0_u32, 0_i32);
        for (length, &count) in (1..).zip(counts) {
            code <<= 1;
            #[allow(clippy::cast_possible_wrap)] // At most 2^16.
            let offset = place - code as i32;
            code += u32::from(count);
            place += i32::from(count);
            // A code of ones alone is not allowed.
            if count > 0 && code >= 1 << length {
                return Err(Unread::Damaged);
            }
            lengths[length] = (code << (LONGEST - length), offset);
        }
        Ok(Self { counts, symbols, lengths })
    }

    /// The symbol whose code the next 16 bits begin with, and the code's length.
    fn find(&self, sixteen: u32) -> Option<(u8, u32)> {
        for (length, &(beyond, offset)) in self.lengths.iter().enumerate().skip(1) {
            if sixteen < beyond {
                #[allow(clippy::cast_possible_wrap)] // At most 2^16.
                let place = (sixteen >> (LONGEST - length)) as i32 + offset;
                #[allow(clippy::cast_possible_truncation)] // At most 16.
                return Some((*self.symbols.get(usize::try_from(place).ok()?)?, length as u32));
            }
        }
        None
    }

    /// The symbol whose code comes next, and the code's length.
    pub fn next(&self, bits: &Bits<'_>) -> Option<(u8, u32)> {
        #[allow(clippy::cast_possible_truncation)] // 16 bits.
        self.find(bits.peek::<16>() as u32)
    }

    /// For each number of `bits` bits: the length (low 8 bits) and the symbol of the code that it begins with; 0 where that is
    /// longer.
    pub fn spread(&self, bits: u32) -> Vec<u16> {
        let mut found = Vec::with_capacity(1 << bits);
        let mut symbols = self.symbols.iter();
        for (length, &count) in (1..=bits).zip(self.counts) {
            for &symbol in symbols.by_ref().take(usize::from(count)) {
                let entry = u16::from(symbol) << 8 | length as u16;
                found.resize(found.len() + (1 << (bits - length)), entry);
            }
        }
        found.resize(1 << bits, 0);
        found
    }
}

/// How DC differences are read.
pub struct Dc<'a> {
    /// By the next bits: bits of code and value together (5 bits), of the code (5 bits), of the value (4 bits); 0 for longer
    /// codes.
    near: Box<[u16; 1 << ONE_BITS]>,
    codes: Codes<'a>,
}

impl<'a> Dc<'a> {
    /// Makes the codes ready.
    pub fn new(codes: Codes<'a>) -> Self {
        let spread = codes.spread(ONE_BITS);
        let mut near = Box::new([0; 1 << ONE_BITS]);
        for (entry, found) in near.iter_mut().zip(spread) {
            let (length, width) = (found & 31, found >> 8);
            *entry = width << 10 | length << 5 | (length + width);
        }
        Self { near, codes }
    }

    /// The next difference; takes at most 27 bits of those that are there.
    #[inline(always)]
    pub fn read(&self, bits: &mut Bits<'_>) -> Result<i32, Unread> {
        let entry = self.next(bits)?;
        let value = extended(bits.peek_after(entry >> 5 & 31, entry >> 10), entry >> 10);
        bits.skip(entry & 31);
        Ok(value)
    }

    /// Steps over the next difference.
    #[inline(always)]
    pub fn skip(&self, bits: &mut Bits<'_>) -> Result<(), Unread> {
        bits.skip(self.next(bits)? & 31);
        Ok(())
    }

    /// As it stands in `near`.
    #[inline(always)]
    fn next(&self, bits: &Bits<'_>) -> Result<u32, Unread> {
        match self.near[bits.peek::<ONE_BITS>()] {
            0 => self.longer(bits),
            entry => Ok(u32::from(entry)),
        }
    }

    #[cold]
    #[inline(never)]
    fn longer(&self, bits: &Bits<'_>) -> Result<u32, Unread> {
        let (width, length) = self.codes.next(bits).ok_or(Unread::Damaged)?;
        let width = u32::from(width);
        Ok(width << 10 | length << 5 | (length + width))
    }
}

/// How the rest of a block is stepped over.
pub struct Ac<'a> {
    /// By the next bits: how many bits to skip (5 bits), and from bit 8 on by how many coefficients that leads on, with `END`
    /// where the block ends; `LONGER` for longer codes.
    near: Box<[u16; 1 << AC_BITS]>,
    codes: Codes<'a>,
}

impl<'a> Ac<'a> {
    /// Makes the codes ready.
    pub fn new(codes: Codes<'a>) -> Self {
        Self { near: joined(&codes), codes }
    }

    /// Steps over the coefficients of a block after DC. Refills first.
    #[inline(always)]
    pub fn skip_block(&self, bits: &mut Bits<'_>) -> Result<(), Unread> {
        let mut at = 1_u32;
        loop {
            bits.refill();
            // A step takes 28 bits at most: two fit a refill.
            for _ in 0..2 {
                let entry = u32::from(self.near[bits.peek::<AC_BITS>()]);
                let next = at.wrapping_add(entry >> 8);
                if next < COEFFICIENTS {
                    bits.skip(entry & 31);
                    at = next;
                    continue;
                }
                // An end of block is the last of its entry. Where it came after the last coefficient, that was the next
                // block's, and so may be what else led beyond.
                if next == COEFFICIENTS || (END..END + COEFFICIENTS).contains(&next) {
                    bits.skip(entry & 31);
                    return Ok(());
                }
                (*bits, at) = self.skip_by_symbols(*bits, at)?;
                if at == COEFFICIENTS {
                    return Ok(());
                }
                break;
            }
        }
    }

    /// One symbol. Answers the place after it and how far it leads.
    #[cold]
    #[inline(never)]
    fn skip_by_symbols<'b>(&self, mut bits: Bits<'b>, at: u32) -> Result<(Bits<'b>, u32), Unread> {
        bits.refill();
        let (symbol, length) = self.codes.next(&bits).ok_or(Unread::Damaged)?;
        bits.skip(length + u32::from(symbol & 15));
        let next = match steps(symbol) {
            END => COEFFICIENTS,
            steps => at + steps,
        };
        // A decoder would leave out what is beyond the block, and go on.
        if next > COEFFICIENTS { Err(Unread::Damaged) } else { Ok((bits, next)) }
    }
}

/// The number that `width` bits stand for: those with a zero on top are negative (T.81, F.2.2.1).
#[inline(always)]
pub fn extended(bits: u32, width: u32) -> i32 {
    #[allow(clippy::cast_possible_wrap)] // At most 16 bits.
    let value = bits as i32;
    let beyond = 1_i32.wrapping_shl(width);
    // All ones where it is negative, without a branch that would be guessed wrong every other time.
    let negative = value.wrapping_sub(beyond >> 1) >> 31;
    value.wrapping_add(negative & 1_i32.wrapping_sub(beyond))
}

/// By how many coefficients a symbol leads on: a run of zeros and a value; 16 zeros; or `END`.
pub fn steps(symbol: u8) -> u32 {
    match (symbol >> 4, symbol & 15) {
        (15, 0) => 16,
        (_, 0) => END,
        (run, _) => u32::from(run) + 1,
    }
}

/// For each number of `AC_BITS` bits: all symbols whose codes they hold whole. The last one's value may be beyond them.
///
/// What follows a symbol is one of the entries for fewer bits, so those are made first, and each is used over and over.
fn joined(codes: &Codes<'_>) -> Box<[u16; 1 << AC_BITS]> {
    // The entries for so many bits begin at 2 to the power of that number.
    let mut entries = vec![0; 2 << AC_BITS];
    for bits in 1..=AC_BITS {
        let (fewer, these) = entries.split_at_mut(1 << bits);
        let mut these = &mut these[..1 << bits];
        let mut symbols = codes.symbols.iter();
        for (length, &count) in (1..=bits).zip(codes.counts) {
            for &symbol in symbols.by_ref().take(usize::from(count)) {
                let (run, rest) = these.split_at_mut(1 << (bits - length));
                fill(run, fewer, bits, (length, symbol));
                these = rest;
            }
        }
        if bits == AC_BITS {
            these.fill((LONGER << 8) as u16);
        }
    }
    let mut near = Box::new([0; 1 << AC_BITS]);
    near.copy_from_slice(&entries[1 << AC_BITS..]);
    near
}

/// Fills the entries for `bits` bits that begin with the code of a symbol, from those for `fewer` bits.
fn fill(run: &mut [u16], fewer: &[u16], bits: u32, (length, symbol): (u32, u8)) {
    let (steps, used) = (steps(symbol) as u16, (length + u32::from(symbol & 15)) as u16);
    if u32::from(steps) == END || u32::from(used) >= bits {
        return run.fill(steps << 8 | used);
    }
    let follow = 1 << (bits - u32::from(used));
    for (entry, &after) in run.iter_mut().zip(&fewer[follow..2 * follow]) {
        let places = (after >> 8) + steps;
        // Too many for any block: only what symbols tell one by one says where the block ends.
        let most = if after >> 8 < END as u16 { COEFFICIENTS } else { END + COEFFICIENTS - 1 } as u16;
        let (places, skip) = (if places > most { LONGER as u16 } else { places }, (after & 31) + used);
        *entry = places << 8 | skip;
    }
    // The value itself does not matter.
    let mut filled = follow;
    while filled < run.len() {
        run.copy_within(..filled, filled);
        filled *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same for one number, symbol by symbol; those that lead beyond a block are left out.
    fn joined_slowly(codes: &Codes<'_>, bits: u32) -> (u32, u32) {
        let (mut used, mut sum) = (0, 0);
        while used < AC_BITS {
            let Some((symbol, length)) = codes.find(bits << (16 - AC_BITS + used) & 0xffff) else { break };
            if length > AC_BITS - used {
                break;
            }
            used += length + u32::from(symbol & 15);
            if sum > COEFFICIENTS {
                return (LONGER, 0);
            }
            sum += steps(symbol);
            if steps(symbol) == END {
                break;
            }
        }
        let too_many = COEFFICIENTS < sum && sum < END || sum >= END + COEFFICIENTS;
        if used == 0 || too_many { (LONGER, 0) } else { (sum, used) }
    }

    #[test]
    fn an_entry_stands_for_its_symbols() {
        let short = [0, 1, 1, 2, 0, 3, 1, 0, 1, 2, 1, 1, 0, 2, 1, 4];
        let shortest = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        let sparse = [0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 2];
        let symbols = [0x01, 0x00, 0xf0, 0x11, 0x02, 0xf1, 0x05, 0x3f, 0xf0, 0x21, 0x00, 0x0a, 0x71, 0xff, 0x03, 0x12];
        let turned: Vec<u8> = symbols.iter().cycle().skip(2).take(32).copied().collect();
        for (counts, symbols) in [(&short, &turned[3..23]), (&shortest, &turned[..16]), (&sparse, &symbols[..5])] {
            let mut tables = Tables::default();
            tables.ac[0] = Some(Definition { counts, symbols });
            let codes = tables.ac(0).expect("codes");
            for (bits, &entry) in (0..).zip(joined(&codes).iter()) {
                let (places, used) = joined_slowly(&codes, bits);
                assert_eq!(u32::from(entry >> 8), places, "{bits:013b}");
                // Where it is looked for symbol by symbol, the bits don't matter.
                assert!(places == LONGER || u32::from(entry & 31) == used, "{bits:013b}");
            }
        }
    }
}
