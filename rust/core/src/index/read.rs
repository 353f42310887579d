//! Reading an index file: the tables when it is opened, every byte when it is verified.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::index::Progress;
use crate::index::error::IndexError;
use crate::index::file::{ENTRY_BYTES, FORMAT, Kind, MAGIC, NAME_BYTES, PAGE, Places, SECTIONS_MAX, Section};

/// The table of a file that is being read.
#[derive(Debug)]
pub struct Contents {
    /// Whatever the writer set.
    pub mark: u64,
    /// The sections.
    pub sections: Vec<Section>,
    places: Places,
    checks: Vec<u32>,
}

impl Contents {
    /// Reads header, table and checksums, and checks that all three are whole and fit together.
    pub fn read(memory: &[u8]) -> Result<Self, IndexError> {
        let header = memory
            .get(..PAGE)
            .ok_or_else(|| IndexError::damaged(format!("it has {} bytes, fewer than its header", memory.len())))?;
        if header[..8] != MAGIC {
            return Err(IndexError::damaged("it does not begin as an index does"));
        }
        if crc32fast::hash(&header[..PAGE - 4]) != u32_at(header, PAGE - 4) {
            return Err(IndexError::damaged("the header does not agree with its checksum"));
        }
        if u32_at(header, 8) != FORMAT {
            return Err(IndexError::UnknownFormat { found: u32_at(header, 8), known: FORMAT });
        }
        let (count, length, mark) = (u32_at(header, 12) as usize, u64_at(header, 16), u64_at(header, 24));
        if length != memory.len() as u64 {
            return Err(IndexError::damaged(format!("it has {} bytes instead of {length}", memory.len())));
        }
        if count > SECTIONS_MAX {
            return Err(IndexError::damaged(format!("it claims {count} sections")));
        }
        let table_bytes = (count * ENTRY_BYTES).next_multiple_of(PAGE);
        let table = checked(memory, PAGE..PAGE + table_bytes, u32_at(header, 32), "the table of sections")?;
        let sections: Vec<Section> =
            table.chunks_exact(ENTRY_BYTES).take(count).map(section).collect::<Result<_, _>>()?;
        let lengths: Vec<usize> = sections.iter().map(|section| section.length).collect();
        let places = Places::of(&lengths).filter(|places| places.end == memory.len());
        let places = places.ok_or_else(|| IndexError::damaged("the sections do not fill the file"))?;
        for (at, entry) in table.chunks_exact(ENTRY_BYTES).take(count).enumerate() {
            if u64_at(entry, 40) != places.sections[at].start as u64
                || u64_at(entry, 56) != places.first_checks[at] as u64
            {
                return Err(IndexError::damaged("a section does not follow the one before"));
            }
        }
        let sums = checked(memory, places.checks.clone(), u32_at(header, 36), "the table of checksums")?;
        let checks = sums.chunks_exact(4).map(|sum| u32_at(sum, 0)).collect();
        Ok(Self { mark, sections, places, checks })
    }

    /// Where a section lies.
    pub fn place(&self, section: usize) -> Range<usize> {
        self.places.sections[section].clone()
    }

    /// Bytes from the first section's beginning to the end: what `verify` reads.
    pub fn bytes(&self) -> usize {
        self.places.end - self.places.checks.end
    }

    /// Checks one section, as `verify` does.
    pub fn verify_section(&self, memory: &[u8], section: usize) -> Result<(), IndexError> {
        let first = self.places.first_checks[section];
        for (at, block) in self.places.blocks(section).enumerate() {
            self.verify_block(memory, first + at, block)?;
        }
        Ok(())
    }

    /// Checks every block of every section on `threads` threads; `progress` is told (bytes done, bytes in all).
    pub fn verify(&self, memory: &[u8], threads: usize, progress: &mut Progress<'_>) -> Result<(), IndexError> {
        let blocks: Vec<(usize, Range<usize>)> = (0..self.sections.len())
            .flat_map(|section| {
                let first = self.places.first_checks[section];
                self.places.blocks(section).enumerate().map(move |(at, block)| (first + at, block))
            })
            .collect();
        let (next, done, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        let one = || -> Option<Result<(), IndexError>> {
            let (check, block) = blocks.get(next.fetch_add(1, Ordering::Relaxed))?;
            let checked = self.verify_block(memory, *check, block.clone());
            failed.fetch_or(checked.is_err(), Ordering::Relaxed);
            done.fetch_add(block.len(), Ordering::Relaxed);
            Some(checked)
        };
        let all = |told: &mut dyn FnMut() -> bool| -> Result<(), IndexError> {
            while !failed.load(Ordering::Relaxed) {
                match one() {
                    Some(checked) => checked?,
                    None => break,
                }
                if !told() {
                    failed.store(true, Ordering::Relaxed);
                    return Err(IndexError::Stopped);
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| all(&mut || true))).collect();
            let mut result = all(&mut || progress(done.load(Ordering::Relaxed), self.bytes()));
            for other in others {
                let theirs = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                result = result.and(theirs);
            }
            result
        })?;
        if progress(self.bytes(), self.bytes()) { Ok(()) } else { Err(IndexError::Stopped) }
    }

    fn verify_block(&self, memory: &[u8], check: usize, block: Range<usize>) -> Result<(), IndexError> {
        let bytes = memory.get(block.clone());
        if bytes.map(crc32fast::hash) == self.checks.get(check).copied() && bytes.is_some() {
            return Ok(());
        }
        Err(IndexError::damaged(format!(
            "the bytes from {} to {} do not agree with their checksum",
            block.start, block.end
        )))
    }
}

fn checked<'a>(memory: &'a [u8], place: Range<usize>, sum: u32, what: &str) -> Result<&'a [u8], IndexError> {
    let bytes = memory.get(place).ok_or_else(|| IndexError::damaged(format!("{what} is cut off")))?;
    if crc32fast::hash(bytes) != sum {
        return Err(IndexError::damaged(format!("{what} does not agree with its checksum")));
    }
    Ok(bytes)
}

fn section(entry: &[u8]) -> Result<Section, IndexError> {
    let kind = Kind::from_number(u32_at(entry, 0))
        .ok_or_else(|| IndexError::damaged("the table names a kind of section that there is not"))?;
    let name = &entry[8..8 + NAME_BYTES];
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES);
    let name = std::str::from_utf8(&name[..end]).map_err(|_| IndexError::damaged("a section's name is no text"))?;
    let length = usize::try_from(u64_at(entry, 48)).map_err(|_| IndexError::damaged("a section is too long"))?;
    Ok(Section { kind, part: u32_at(entry, 4), name: name.to_owned(), length })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}
