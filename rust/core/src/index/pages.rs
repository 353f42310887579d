//! Where additions are indexed: one page of memory for each byte of the hash and each of its values.
//!
//! What a look-up among many hashes pays for is the number of pages it touches: each must be found in the system's tables
//! of pages first, and only a few such searches are under way at a time. So all that may be asked for about one byte of a
//! query lies in one page, 32 pages in all. In the page, rows are sorted into 16 lines by the next four bits; the five
//! lines that can hold a near hash are compared, one instruction each.

use std::io;

use crate::hamming::HASH_BYTES;
use crate::index::layout::bits_at;
use crate::index::search::Bucket;
use crate::map::{Zeroed, as_bytes, as_numbers};
use crate::simd::{self, Level, Words};

/// Bits of the hash that a page stands for, and bits after them that a line stands for.
pub const OWN_BITS: usize = 8;
/// See `OWN_BITS`.
pub const AHEAD_BITS: usize = 4;
/// Pages are numbered by the byte's place, then its value; buckets are their lines.
pub const PAGES: usize = HASH_BYTES << OWN_BITS;
/// The largest radius for which `near` finds everything.
pub const RADIUS_FOUND: u32 = HASH_BYTES as u32 - 1;

/// Numbers of two bytes in a page of 4,096 bytes.
const PAGE: usize = 2048;
/// Lines that are named by the bits ahead, and further ones for whatever these have no room for.
const NAMED: usize = 1 << AHEAD_BITS;
const LINES: usize = NAMED + 2;
/// Numbers in a line of signatures, 64 bytes. The first tells how many rows follow, and whether there are more elsewhere.
pub const LINE: usize = 32;
/// Rows that a line has room for.
const ROOM: usize = LINE - 1;
/// Set in a line's first number if there are more rows elsewhere: in the lines that are not named; in `longer`.
pub const GOES_ON: u16 = 1 << 15;
// What stands where in a page: for each line its signatures; for each of its rows the 8 bits after the signature, two in a
// number; for each of its rows the row's number, four bytes; and where the page's further rows are.
const SECONDS: usize = LINES * LINE;
const ROWS: usize = SECONDS + LINES * LINE / 2;
const LONGER: usize = ROWS + LINES * ROOM * 2;
const _: () = assert!(LONGER + 2 <= PAGE, "a page has room for all of it");

/// Additions, by each of their bytes.
#[derive(Debug)]
pub struct Pages {
    memory: Zeroed<u16>,
    longer: Vec<Longer>,
}

/// The rows that a page has no room for.
#[derive(Debug, Default)]
struct Longer {
    signatures: Vec<u16>,
    rows: Vec<u32>,
}

/// Where a hash stands for one of its bytes, and the bits that follow those of its line.
#[derive(Clone, Copy, Default)]
struct Name {
    page: usize,
    line: usize,
    signature: u16,
    second: u8,
}

impl Name {
    fn of(hash: &Words, at: usize) -> Self {
        // Of at least 32 bits from each place on, as many as are needed.
        let (bits, further) = (bits_at(hash, at * 8), bits_at(hash, (at * 8 + 28) % 256));
        Self {
            page: at << OWN_BITS | (bits & 0xff) as usize,
            line: (bits >> 8 & 0xf) as usize,
            signature: (bits >> 12 & 0xffff) as u16,
            second: (further & 0xff) as u8,
        }
    }
}

/// A row whose signature is near.
#[derive(Clone, Copy)]
struct Candidate {
    page: u16,
    line: u8,
    slot: u8,
    differing: u8,
    second: u8,
}

/// Which lines may hold a near hash beside the query's own, as numbers to flip it with.
pub const FLIPS: [usize; 1 + AHEAD_BITS] = [0, 1, 2, 4, 8];
/// A hash that is to be found by a byte differs from there on in at most no bit of this byte, 1 of two bytes, and so on
/// (DESIGN.md): so in at most 3 of the four bytes that the signature reaches into,
const BOUND: u32 = 3;
/// and in at most 4 of the five bytes that the 8 bits after it reach into.
const BOUND_SECOND: u32 = 4;

impl Pages {
    /// Empty pages. Their memory is taken when it is first written to.
    ///
    /// # Errors
    /// What the system answered: it has no such memory.
    pub fn new() -> io::Result<Self> {
        Ok(Self { memory: Zeroed::new(PAGES * PAGE)?, longer: Vec::new() })
    }

    /// Has the system provide the memory of piece `piece` of `pieces`, so that nobody waits for all of it at once.
    pub fn provide(&mut self, piece: usize, pieces: usize) {
        self.memory.provide(piece, pieces);
    }

    /// Adds a row.
    pub fn add(&mut self, hash: &Words, row: u32) {
        for at in 0..HASH_BYTES {
            self.add_to(Name::of(hash, at), row);
        }
    }

    fn add_to(&mut self, Name { page, line, signature, second }: Name, row: u32) {
        let page = &mut self.memory.get_mut()[page * PAGE..][..PAGE];
        for line in [line, NAMED, NAMED + 1] {
            let count = usize::from(page[line * LINE] & !GOES_ON);
            if count < ROOM {
                let slot = count + 1;
                page[line * LINE + slot] = signature;
                page[SECONDS + (line * LINE + slot) / 2] |= u16::from(second) << (slot % 2 * 8);
                put(page, ROWS + (line * ROOM + count) * 2, row);
                page[line * LINE] += 1;
                return;
            }
            if line <= NAMED {
                page[line * LINE] |= GOES_ON;
            }
        }
        let last = (NAMED + 1) * LINE;
        if page[last] & GOES_ON == 0 {
            page[last] |= GOES_ON;
            put(page, LONGER, self.longer.len() as u32);
            self.longer.push(Longer::default());
        }
        let longer = &mut self.longer[get(page, LONGER) as usize];
        longer.signatures.push(signature);
        longer.rows.push(row);
    }

    /// Asks for all memory that `near` reads first.
    pub fn prefetch(&self, query: &Words) {
        for at in 0..HASH_BYTES {
            let name = Name::of(query, at);
            for flip in FLIPS {
                simd::prefetch_later(self.memory.get(), name.page * PAGE + (name.line ^ flip) * LINE);
            }
        }
    }

    /// Rows among which are all within `RADIUS_FOUND` of the query, some of them more than once; `None` if there are more
    /// than `most`.
    pub fn near(&self, level: Level, query: &Words, most: usize) -> Option<Vec<u32>> {
        let (mut candidates, mut going_on) = (Vec::with_capacity(64), Vec::with_capacity(HASH_BYTES));
        for at in 0..HASH_BYTES {
            let name = Name::of(query, at);
            let page = self.page(name.page);
            let lines = simd::near_in_lines(level, &page[..NAMED * LINE], name.line, name.signature, BOUND);
            for (flip, slots) in FLIPS.into_iter().zip(lines.slots) {
                push_candidates(page, name, name.line ^ flip, slots, flip.count_ones(), &mut candidates);
            }
            if lines.goes_on {
                simd::prefetch_one(page, NAMED * LINE);
                going_on.push(name);
            }
        }
        let mut found = Vec::with_capacity(64);
        for name in going_on {
            self.near_elsewhere(level, name, &mut candidates, &mut found);
            if found.len() > most {
                return None;
            }
        }
        for Candidate { page, line, slot, differing, second } in candidates {
            let page = self.page(page.into());
            let (line, slot) = (usize::from(line), usize::from(slot));
            if u32::from(differing) + (second_at(page, line, slot) ^ second).count_ones() <= BOUND_SECOND {
                found.push(get(page, ROWS + (line * ROOM + slot - 1) * 2));
            }
        }
        (found.len() <= most).then_some(found)
    }

    /// The same in what the named lines have no room for.
    fn near_elsewhere(&self, level: Level, name: Name, candidates: &mut Vec<Candidate>, found: &mut Vec<u32>) {
        let page = self.page(name.page);
        for line in NAMED..LINES {
            let slots = simd::near_in_line(level, &page[line * LINE..][..LINE], name.signature, BOUND);
            push_candidates(page, name, line, slots, 0, candidates);
            if page[line * LINE] & GOES_ON == 0 {
                return;
            }
        }
        let longer = &self.longer[get(page, LONGER) as usize];
        let mut positions = Vec::new();
        simd::near_signatures(level, &longer.signatures, name.signature, BOUND, &mut positions);
        found.extend(positions.into_iter().map(|position| longer.rows[position as usize]));
    }

    #[inline]
    fn page(&self, number: usize) -> &[u16] {
        &self.memory.get()[number * PAGE..][..PAGE]
    }

    /// The rows of a bucket, perhaps among others, in one or more stretches: byte `part`, the line named by its value and
    /// the bits ahead.
    pub fn bucket<'a>(&'a self, part: usize, value: u32, take: &mut impl FnMut(Bucket<'a>)) {
        let (own, named) = (value as usize & ((1 << OWN_BITS) - 1), value as usize >> OWN_BITS);
        let page = self.page(part << OWN_BITS | own);
        let rows = as_numbers(as_bytes(&page[ROWS..LONGER])).unwrap_or_default();
        for line in [named, NAMED, NAMED + 1] {
            let count = usize::from(page[line * LINE] & !GOES_ON);
            take(Bucket { signatures: &page[line * LINE + 1..][..count], rows: &rows[line * ROOM..][..count] });
            if page[line * LINE] & GOES_ON == 0 {
                return;
            }
        }
        let longer = &self.longer[get(page, LONGER) as usize];
        take(Bucket { signatures: &longer.signatures, rows: &longer.rows });
    }
}

#[inline]
fn push_candidates(
    page: &[u16],
    name: Name,
    line: usize,
    mut slots: u32,
    flipped: u32,
    candidates: &mut Vec<Candidate>,
) {
    while slots != 0 {
        let slot = slots.trailing_zeros() as usize;
        simd::prefetch_one(page, SECONDS + (line * LINE + slot) / 2);
        let differing = (page[line * LINE + slot] ^ name.signature).count_ones() + flipped;
        candidates.push(Candidate {
            page: name.page as u16,
            line: line as u8,
            slot: slot as u8,
            differing: differing as u8,
            second: name.second,
        });
        slots &= slots - 1;
    }
}

#[inline]
fn second_at(page: &[u16], line: usize, slot: usize) -> u8 {
    (page[SECONDS + (line * LINE + slot) / 2] >> (slot % 2 * 8) & 0xff) as u8
}

/// The number of four bytes that begins with number `at` of two bytes.
#[inline]
fn get(page: &[u16], at: usize) -> u32 {
    u32::from(page[at]) | u32::from(page[at + 1]) << 16
}

fn put(page: &mut [u16], at: usize, number: u32) {
    page[at] = (number & 0xffff) as u16;
    page[at + 1] = (number >> 16) as u16;
}
