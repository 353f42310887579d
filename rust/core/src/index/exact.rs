//! Lists of digests: sorted values, a table of where each beginning begins, and the entries' ids.

use std::ops::Range;

use crate::index::error::IndexError;
use crate::map::as_numbers;

/// Values under one entry of the table, about: they lie in one or two pages, and the table stays small.
const VALUES_A_BUCKET: usize = 16;
/// The table has at most 2 to the power of this many entries: 64 MiB.
const TABLE_BITS_MAX: u32 = 24;
/// A digest is at most this long. PhotoDNA's hashes are 144 bytes.
pub const LENGTH_MAX: usize = 4096;

/// How long the digests of a known algorithm are; `None` for one that the index takes as it comes.
#[must_use]
pub fn known_length(algorithm: &str) -> Option<usize> {
    match algorithm {
        "md5" => Some(16),
        "sha1" => Some(20),
        "sha256" => Some(32),
        _ => None,
    }
}

/// Where a list's arrays lie in the file.
#[derive(Clone, Debug, Default)]
pub struct ExactPlaces {
    /// The description.
    pub description: Range<usize>,
    /// The values, in order.
    pub values: Range<usize>,
    /// For each value the entry's id: 8 bytes each.
    pub ids: Range<usize>,
    /// For each beginning, and one past the last, the position of its first value: 4 bytes each.
    pub table: Range<usize>,
}

/// A list of digests in a file.
#[derive(Debug)]
pub struct Exact {
    length: usize,
    entries: usize,
    bits: u32,
    places: ExactPlaces,
}

impl Exact {
    /// Reads the description, and checks that every array has the length it says.
    pub fn open(memory: &[u8], places: ExactPlaces) -> Result<Self, IndexError> {
        let numbers: &[u64] = array(memory, &places.description)?;
        let &[length, entries, bits] = numbers else {
            return Err(IndexError::damaged("a list of digests has a description of the wrong length"));
        };
        let right = length >= 1
            && length <= LENGTH_MAX as u64
            && entries < u64::from(u32::MAX)
            && bits <= u64::from(TABLE_BITS_MAX)
            && places.values.len() as u64 == entries * length
            && places.ids.len() as u64 == entries * 8
            && places.table.len() as u64 == ((1 << bits) + 1) * 4;
        if !right {
            return Err(IndexError::damaged("a list of digests has sections of the wrong length"));
        }
        Ok(Self { length: length as usize, entries: entries as usize, bits: bits as u32, places })
    }

    /// Bytes of each digest.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Pairs of digest and id.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// The ids of all entries with exactly this digest, in order.
    pub fn find<'a>(&self, memory: &'a [u8], value: &[u8]) -> Result<&'a [u64], IndexError> {
        if value.len() != self.length {
            return Ok(&[]);
        }
        let outside = || IndexError::damaged("a table of digests points outside of its list");
        let table: &[u32] = array(memory, &self.places.table)?;
        let beginning = beginning(value, self.bits);
        let bounds = table.get(beginning..beginning + 2).ok_or_else(outside)?;
        let (first, last) = (bounds[0] as usize, bounds[1] as usize);
        let values = memory.get(self.places.values.clone()).ok_or_else(outside)?;
        let some = first
            .checked_mul(self.length)
            .zip(last.checked_mul(self.length))
            .and_then(|(from, to)| values.get(from..to))
            .ok_or_else(outside)?;
        let below = |limit: &dyn Fn(&[u8]) -> bool| {
            let (mut low, mut high) = (0, last - first);
            while low < high {
                let middle = low.midpoint(high);
                if limit(&some[middle * self.length..(middle + 1) * self.length]) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low
        };
        let range = first + below(&|other| other < value)..first + below(&|other| other <= value);
        let ids: &[u64] = array(memory, &self.places.ids)?;
        ids.get(range).ok_or_else(outside)
    }

    /// Every digest with its id.
    pub fn all<'a>(&self, memory: &'a [u8]) -> Result<impl Iterator<Item = (&'a [u8], u64)> + use<'a>, IndexError> {
        let values = memory.get(self.places.values.clone());
        let values = values.ok_or_else(|| IndexError::damaged("the digests lie outside of the file"))?;
        let ids: &[u64] = array(memory, &self.places.ids)?;
        Ok(values.chunks_exact(self.length).zip(ids.iter().copied()))
    }

    /// Whether the arrays can be true: values in order, and each under its own beginning.
    pub fn check(&self, memory: &[u8]) -> Result<(), IndexError> {
        let table: &[u32] = array(memory, &self.places.table)?;
        let ends = table.first() == Some(&0) && table.last().map(|last| *last as usize) == Some(self.entries);
        if !ends || table.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(IndexError::damaged("the table of digests is not in order"));
        }
        let mut before: &[u8] = &[];
        for (value, _) in self.all(memory)? {
            if before > value {
                return Err(IndexError::damaged("the digests are not in order"));
            }
            before = value;
        }
        Ok(())
    }
}

fn array<'a, T: crate::map::Number>(memory: &'a [u8], place: &Range<usize>) -> Result<&'a [T], IndexError> {
    memory
        .get(place.clone())
        .and_then(as_numbers)
        .ok_or_else(|| IndexError::damaged("a section does not begin on the boundary of a number"))
}

/// The first `bits` bits of a value, taken as a number.
fn beginning(value: &[u8], bits: u32) -> usize {
    let mut four = [0; 4];
    let known = value.len().min(4);
    four[..known].copy_from_slice(&value[..known]);
    (u64::from(u32::from_be_bytes(four)) >> (32 - bits)) as usize
}

/// A list of digests, ready to be written.
#[derive(Debug)]
pub struct Sorted {
    /// The description.
    pub description: Vec<u64>,
    /// The values, in order.
    pub values: Vec<u8>,
    /// Their ids.
    pub ids: Vec<u64>,
    /// The table of beginnings.
    pub table: Vec<u32>,
}

impl Sorted {
    /// Sorts digests of `length` bytes; a pair of digest and id that comes twice is kept once.
    #[must_use]
    pub fn of(length: usize, values: &[u8], ids: &[u64]) -> Self {
        let value = |at: u32| &values[at as usize * length..(at as usize + 1) * length];
        // Eight bytes beside the position decide nearly every comparison without a fetch from elsewhere.
        let mut order: Vec<(u64, u32)> = (0..ids.len()).map(|at| (first_eight(value(at as u32)), at as u32)).collect();
        let key = |at: u32| (value(at), ids[at as usize]);
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(&key(b.1))));
        order.dedup_by(|a, b| a.0 == b.0 && key(a.1) == key(b.1));
        let buckets = (order.len() / VALUES_A_BUCKET).max(1);
        let bits = buckets.next_power_of_two().trailing_zeros().min(TABLE_BITS_MAX);
        let mut sorted = Self {
            description: vec![length as u64, order.len() as u64, u64::from(bits)],
            values: Vec::with_capacity(order.len() * length),
            ids: Vec::with_capacity(order.len()),
            table: vec![0; (1 << bits) + 1],
        };
        for (_, at) in order {
            sorted.values.extend(value(at));
            sorted.ids.push(ids[at as usize]);
            sorted.table[beginning(value(at), bits) + 1] += 1;
        }
        let mut sum = 0;
        for count in &mut sorted.table {
            sum += *count;
            *count = sum;
        }
        sorted
    }
}

fn first_eight(value: &[u8]) -> u64 {
    let mut eight = [0; 8];
    let known = value.len().min(8);
    eight[..known].copy_from_slice(&value[..known]);
    u64::from_be_bytes(eight)
}
