//! The file: one page of header, a table of sections, the checksums, then the sections, each on a page of its own.
//!
//! Every number is little-endian. Where each section lies follows from the lengths before it, so that a table that says
//! anything else is refused. DESIGN.md, "Index", has the layout byte by byte.

use std::ops::Range;

/// The format that this program reads and writes.
pub const FORMAT: u32 = 1;
/// Names of lists and algorithms have at most so many bytes.
pub const NAME_BYTES: usize = 32;
/// What a file begins with.
pub const MAGIC: [u8; 8] = *b"VANGNETX";
/// Sections begin on pages, so that they can be mapped and read as numbers.
pub const PAGE: usize = 4096;
/// Bytes under one checksum: small enough that a check can stop soon, large enough that the sums take no room.
pub const BLOCK: usize = 1 << 20;
/// Bytes of a section's line in the table.
pub const ENTRY_BYTES: usize = 64;
/// More sections than any index has: 32 parts of three sections for each list.
pub const SECTIONS_MAX: usize = 1 << 16;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// A list of perceptual hashes: its description.
    NearDescription = 1,
    /// Its hashes.
    NearHashes = 2,
    /// For each row the position of its first entry.
    NearFirsts = 3,
    /// Its entries' ids.
    NearIds = 4,
    /// A part: where its buckets begin.
    PartOffsets = 5,
    /// A part: its signatures.
    PartSignatures = 6,
    /// A part: its rows.
    PartRows = 7,
    /// A list of digests: its description.
    DigestDescription = 16,
    /// Its values, in order.
    DigestValues = 17,
    /// Its entries' ids.
    DigestIds = 18,
    /// Where the values with each beginning begin.
    DigestTable = 19,
}

impl Kind {
    /// The kind that a file means by a number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        [
            Self::NearDescription,
            Self::NearHashes,
            Self::NearFirsts,
            Self::NearIds,
            Self::PartOffsets,
            Self::PartSignatures,
            Self::PartRows,
            Self::DigestDescription,
            Self::DigestValues,
            Self::DigestIds,
            Self::DigestTable,
        ]
        .into_iter()
        .find(|kind| *kind as u32 == number)
    }
}

/// One section.
#[derive(Clone, Debug)]
pub struct Section {
    /// What it holds.
    pub kind: Kind,
    /// Which part it belongs to, for those that belong to one.
    pub part: u32,
    /// The list's name.
    pub name: String,
    /// Bytes, without the zeros that fill its last page.
    pub length: usize,
}

/// Where things lie, as worked out from the lengths of the sections.
#[derive(Debug)]
pub struct Places {
    /// The table of sections, padding included.
    pub table: Range<usize>,
    /// The checksums, padding included.
    pub checks: Range<usize>,
    /// Each section without its padding.
    pub sections: Vec<Range<usize>>,
    /// For each section the number of its first checksum.
    pub first_checks: Vec<usize>,
    /// The length of the file.
    pub end: usize,
}

impl Places {
    /// `None` if the sum of the lengths is more than a machine can address.
    pub fn of(lengths: &[usize]) -> Option<Self> {
        let padded = |length: usize| length.checked_next_multiple_of(PAGE);
        let mut checks = 0_usize;
        let mut first_checks = Vec::with_capacity(lengths.len());
        for length in lengths {
            first_checks.push(checks);
            checks = checks.checked_add(padded(*length)?.div_ceil(BLOCK))?;
        }
        let table = PAGE..PAGE + padded(lengths.len() * ENTRY_BYTES)?;
        let checks = table.end..table.end.checked_add(padded(checks.checked_mul(4)?)?)?;
        let mut end = checks.end;
        let mut sections = Vec::with_capacity(lengths.len());
        for length in lengths {
            sections.push(end..end.checked_add(*length)?);
            end = end.checked_add(padded(*length)?)?;
        }
        Some(Self { table, checks, sections, first_checks, end })
    }

    /// The checksummed blocks of a section, padding included.
    pub fn blocks(&self, section: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let place = &self.sections[section];
        let (start, end) = (place.start, place.start + place.len().next_multiple_of(PAGE));
        (start..end).step_by(BLOCK).map(move |from| from..end.min(from + BLOCK))
    }
}
