//! One list of perceptual hashes inside an index file: what its sections say, and how it is searched.

use std::ops::Range;
use std::sync::Arc;

use crate::index::error::IndexError;
use crate::index::layout::Layout;
use crate::index::order::{BITS, BitOrder};
use crate::index::plan::Plans;
use crate::index::search::{Bucket, Postings};
use crate::map::as_numbers;
use crate::simd::{self, Words};

/// Bytes of the section that describes a list: rows, entries, parts, and the order of bits.
pub const DESCRIPTION_BYTES: usize = 8 + 8 + 8 + BITS;

/// Where a part's three arrays lie in the file.
#[derive(Clone, Debug, Default)]
pub struct PartPlaces {
    /// For each bucket, and one past the last, the position at which it begins: 4 bytes each.
    pub offsets: Range<usize>,
    /// For each position the signature: 2 bytes each.
    pub signatures: Range<usize>,
    /// For each position the row: 4 bytes each.
    pub rows: Range<usize>,
}

/// Where a list's arrays lie in the file.
#[derive(Clone, Debug, Default)]
pub struct NearPlaces {
    /// The description.
    pub description: Range<usize>,
    /// For each row its hash, bits in the list's order: 32 bytes each.
    pub hashes: Range<usize>,
    /// For each row, and one past the last, the position of its first entry: 4 bytes each.
    pub firsts: Range<usize>,
    /// The entries' ids, row by row: 8 bytes each.
    pub ids: Range<usize>,
    /// The parts.
    pub parts: Vec<PartPlaces>,
}

/// A list of perceptual hashes in a file.
#[derive(Debug)]
pub struct Near {
    rows: usize,
    entries: usize,
    order: Arc<BitOrder>,
    plans: Plans,
    places: NearPlaces,
}

/// What describes a list.
pub struct Description<'a> {
    /// Different hashes.
    pub rows: usize,
    /// Pairs of hash and id.
    pub entries: usize,
    /// Parts.
    pub parts: usize,
    /// The order of bits.
    pub order: &'a [u8; BITS],
}

impl Description<'_> {
    /// As it stands in the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(DESCRIPTION_BYTES);
        for number in [self.rows, self.entries, self.parts] {
            bytes.extend((number as u64).to_le_bytes());
        }
        bytes.extend(self.order);
        bytes
    }
}

impl Near {
    /// Reads the description, and checks that every array has the length it says.
    pub fn open(memory: &[u8], places: NearPlaces) -> Result<Self, IndexError> {
        let description = &memory[places.description.clone()];
        if description.len() != DESCRIPTION_BYTES {
            return Err(IndexError::damaged("a list's description has the wrong length"));
        }
        let numbers = &description[..24];
        let number = |at: usize| -> Result<usize, IndexError> {
            let mut eight = [0; 8];
            eight.copy_from_slice(&numbers[8 * at..8 * at + 8]);
            match u32::try_from(u64::from_le_bytes(eight)) {
                Ok(number) if number < u32::MAX => Ok(number as usize),
                _ => Err(IndexError::damaged("a list claims more rows than a file can have")),
            }
        };
        let (rows, entries, parts) = (number(0)?, number(1)?, number(2)?);
        let order = BitOrder::from_bytes(&description[24..])
            .ok_or_else(|| IndexError::damaged("the order of bits names a bit twice"))?;
        let layout =
            Layout::of(parts).ok_or_else(|| IndexError::damaged("a list has a count of parts that cannot be"))?;
        let lengths = [(&places.hashes, rows * 32), (&places.firsts, rows * 4 + 4), (&places.ids, entries * 8)];
        let mut right = lengths.iter().all(|(place, length)| place.len() == *length) && places.parts.len() == parts;
        for (place, part) in places.parts.iter().zip(&layout.parts) {
            right &= place.offsets.len() == (part.buckets() + 1) * 4;
            right &= place.signatures.len() == rows * 2 && place.rows.len() == rows * 4;
        }
        if !right {
            return Err(IndexError::damaged("a list's sections do not have the lengths that its description says"));
        }
        Ok(Self { rows, entries, order: Arc::new(order), plans: Plans::of(layout), places })
    }

    /// Different hashes.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Pairs of hash and id.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// The order of bits.
    #[must_use]
    pub fn order(&self) -> &Arc<BitOrder> {
        &self.order
    }

    /// The parts.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        self.plans.layout()
    }

    /// The arrays themselves.
    pub fn view<'a>(&'a self, memory: &'a [u8]) -> Result<NearView<'a>, IndexError> {
        let mut parts = Vec::with_capacity(self.places.parts.len());
        for place in &self.places.parts {
            parts.push(PartView {
                offsets: numbers(memory, &place.offsets)?,
                signatures: numbers(memory, &place.signatures)?,
                rows: numbers(memory, &place.rows)?,
            });
        }
        Ok(NearView {
            near: self,
            hashes: numbers(memory, &self.places.hashes)?,
            firsts: numbers(memory, &self.places.firsts)?,
            ids: numbers(memory, &self.places.ids)?,
            parts,
        })
    }
}

fn numbers<'a, T: crate::map::Number>(memory: &'a [u8], place: &Range<usize>) -> Result<&'a [T], IndexError> {
    memory
        .get(place.clone())
        .and_then(as_numbers)
        .ok_or_else(|| IndexError::damaged("a section does not begin on the boundary of a number"))
}

struct PartView<'a> {
    offsets: &'a [u32],
    signatures: &'a [u16],
    rows: &'a [u32],
}

/// A list with its arrays at hand.
pub struct NearView<'a> {
    near: &'a Near,
    hashes: &'a [Words],
    firsts: &'a [u32],
    ids: &'a [u64],
    parts: Vec<PartView<'a>>,
}

impl<'a> NearView<'a> {
    /// The ids of a row.
    pub fn ids(&self, row: usize) -> Result<&'a [u64], IndexError> {
        let bound = |at: usize| self.firsts.get(at).map(|first| *first as usize);
        bound(row)
            .zip(bound(row + 1))
            .and_then(|(from, to)| self.ids.get(from..to))
            .ok_or_else(|| IndexError::damaged("a row's entries lie outside of the list"))
    }

    /// Whether the arrays can be true: every bucket and every row in range and in order.
    ///
    /// The checksums tell whether the bytes are those that were written; this tells whether they were written rightly.
    pub fn check(&self) -> Result<(), IndexError> {
        let rising = |offsets: &[u32], end: usize| {
            offsets.first() == Some(&0)
                && offsets.last().map(|last| *last as usize) == Some(end)
                && offsets.windows(2).all(|pair| pair[0] <= pair[1])
        };
        let rows = self.near.rows;
        if !rising(self.firsts, self.near.entries) {
            return Err(IndexError::damaged("the entries of the rows are not in order"));
        }
        for part in &self.parts {
            if !rising(part.offsets, rows) || part.rows.iter().any(|row| *row as usize >= rows) {
                return Err(IndexError::damaged("the buckets of a part do not hold the rows of the list"));
            }
        }
        Ok(())
    }
}

impl Postings for NearView<'_> {
    fn plans(&self) -> &Plans {
        &self.near.plans
    }

    fn hashes(&self) -> &[Words] {
        self.hashes
    }

    #[inline]
    fn prefetch(&self, part: usize, value: u32) {
        simd::prefetch_one(self.parts[part].offsets, value as usize);
    }

    #[inline]
    fn bucket<'b>(&'b self, part: usize, value: u32, take: &mut impl FnMut(Bucket<'b>)) -> Result<(), IndexError> {
        let part = &self.parts[part];
        let value = value as usize;
        let bounds = part.offsets.get(value..value + 2);
        bounds
            .map(|bounds| bounds[0] as usize..bounds[1] as usize)
            .and_then(|range| part.signatures.get(range.clone()).zip(part.rows.get(range)))
            .map(|(signatures, rows)| take(Bucket { signatures, rows }))
            .ok_or_else(|| IndexError::damaged("a bucket lies outside of its part"))
    }
}
