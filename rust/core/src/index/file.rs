//! The file: one page of header, a table of sections, the checksums, then the sections, each on a page of its own.
//!
//! Every number is little-endian. Where each section lies follows from the lengths before it, so that a table that says
//! anything else is refused. DESIGN.md, "Index", has the layout byte by byte.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use crate::index::Progress;
use crate::index::error::{IndexError, while_doing};

/// The format that this program reads and writes.
pub const FORMAT: u32 = 1;
/// Names of lists and algorithms have at most so many bytes.
pub const NAME_BYTES: usize = 32;
const MAGIC: [u8; 8] = *b"VANGNETX";
/// Sections begin on pages, so that they can be mapped and read as numbers.
const PAGE: usize = 4096;
/// Bytes under one checksum: small enough that a check can stop soon, large enough that the sums take no room.
const BLOCK: usize = 1 << 20;
/// Bytes that are written at once, on a boundary of as many: the system then keeps them in one large page, and look-ups
/// find their way to an address with fewer steps.
const PIECE: usize = 2 << 20;
const ENTRY_BYTES: usize = 64;
/// More sections than any index has: 32 parts of three sections for each list.
const SECTIONS_MAX: usize = 1 << 16;

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
    fn from_number(number: u32) -> Option<Self> {
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
struct Places {
    table: Range<usize>,
    checks: Range<usize>,
    /// Each section without its padding.
    sections: Vec<Range<usize>>,
    /// For each section the number of its first checksum.
    first_checks: Vec<usize>,
    end: usize,
}

impl Places {
    /// `None` if the sum of the lengths is more than a machine can address.
    fn of(lengths: &[usize]) -> Option<Self> {
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
    fn blocks(&self, section: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let place = &self.sections[section];
        let (start, end) = (place.start, place.start + place.len().next_multiple_of(PAGE));
        (start..end).step_by(BLOCK).map(move |from| from..end.min(from + BLOCK))
    }
}

// --- writing ------------------------------------------------------------------------------------------------------

/// Writes an index beside its final place; `finish` puts it there.
///
/// Sections may be written in any order and from several threads. Without `finish`, nothing is left behind.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    mark: u64,
    sections: Vec<Section>,
    places: Places,
    checks: Mutex<Vec<u32>>,
    unsynced: AtomicU64,
    finished: bool,
}

impl Writer {
    /// Begins a file of these sections.
    pub fn create(path: &Path, mark: u64, sections: Vec<Section>) -> Result<Self, IndexError> {
        let lengths: Vec<usize> = sections.iter().map(|section| section.length).collect();
        let places = Places::of(&lengths).ok_or_else(|| IndexError::invalid("the index would be too large"))?;
        if sections.len() > SECTIONS_MAX {
            return Err(IndexError::invalid(format!("an index has at most {SECTIONS_MAX} sections")));
        }
        let (temporary, file) = create_beside(path).map_err(while_doing("creating the index"))?;
        let count = places.first_checks.last().zip(sections.len().checked_sub(1));
        let checks = count.map_or(0, |(first, last)| first + places.blocks(last).count());
        Ok(Self {
            path: path.to_owned(),
            temporary,
            file,
            mark,
            sections,
            places,
            checks: Mutex::new(vec![0; checks]),
            unsynced: AtomicU64::new(0),
            finished: false,
        })
    }

    /// Writes one section.
    pub fn put(&self, section: usize, bytes: &[u8]) -> Result<(), IndexError> {
        assert_eq!(bytes.len(), self.sections[section].length, "a section is written as long as it was announced");
        let place = self.places.sections[section].clone();
        let zeros = [0; PAGE];
        let padding = &zeros[..bytes.len().next_multiple_of(PAGE) - bytes.len()];
        let mut sums = Vec::new();
        for block in self.places.blocks(section) {
            let from = block.start - place.start;
            let mut sum = crc32fast::Hasher::new();
            sum.update(&bytes[from..bytes.len().min(from + block.len())]);
            if block.end > place.end {
                sum.update(padding);
            }
            sums.push(sum.finalize());
        }
        let mut at = place.start;
        while at < place.end {
            let end = place.end.min((at + 1).next_multiple_of(PIECE));
            self.write_at(&bytes[at - place.start..end - place.start], at)?;
            at = end;
        }
        self.write_at(padding, place.end)?;
        let first = self.places.first_checks[section];
        let mut checks = self.checks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        checks[first..first + sums.len()].copy_from_slice(&sums);
        Ok(())
    }

    /// How many bytes were written since the last `flush`.
    pub fn unsynced(&self) -> u64 {
        self.unsynced.load(Ordering::Relaxed)
    }

    /// Has what was written so far carried to the disk, so that little is left to wait for at the end.
    pub fn flush(&self) -> Result<(), IndexError> {
        self.unsynced.store(0, Ordering::Relaxed);
        self.file.sync_data().map_err(while_doing("writing the index"))
    }

    /// Writes table, checksums and header, waits until all is on the disk, and renames the file into place.
    pub fn finish(mut self) -> Result<(), IndexError> {
        let table = self.table();
        let checks = {
            let checks = self.checks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let mut bytes: Vec<u8> = checks.iter().flat_map(|check| check.to_le_bytes()).collect();
            bytes.resize(self.places.checks.len(), 0);
            bytes
        };
        self.write_at(&table, self.places.table.start)?;
        self.write_at(&checks, self.places.checks.start)?;
        self.write_at(&self.header(&table, &checks), 0)?;
        let replaced = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(&self.temporary, &self.path))
            .and_then(|()| File::open(folder_of(&self.path))?.sync_all());
        replaced.map_err(while_doing("putting the index in place"))?;
        self.finished = true;
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], at: usize) -> Result<(), IndexError> {
        self.file.write_all_at(bytes, at as u64).map_err(while_doing("writing the index"))?;
        self.unsynced.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn table(&self) -> Vec<u8> {
        let mut table = Vec::with_capacity(self.places.table.len());
        for ((section, place), first) in self.sections.iter().zip(&self.places.sections).zip(&self.places.first_checks) {
            table.extend((section.kind as u32).to_le_bytes());
            table.extend(section.part.to_le_bytes());
            let mut name = section.name.clone().into_bytes();
            name.resize(NAME_BYTES, 0);
            table.extend(name);
            for number in [place.start, place.len(), *first] {
                table.extend((number as u64).to_le_bytes());
            }
        }
        table.resize(self.places.table.len(), 0);
        table
    }

    fn header(&self, table: &[u8], checks: &[u8]) -> Vec<u8> {
        let mut header = Vec::with_capacity(PAGE);
        header.extend(MAGIC);
        header.extend(FORMAT.to_le_bytes());
        header.extend((self.sections.len() as u32).to_le_bytes());
        header.extend((self.places.end as u64).to_le_bytes());
        header.extend(self.mark.to_le_bytes());
        header.extend(crc32fast::hash(table).to_le_bytes());
        header.extend(crc32fast::hash(checks).to_le_bytes());
        header.resize(PAGE - 4, 0);
        let sum = crc32fast::hash(&header);
        header.extend(sum.to_le_bytes());
        header
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing more can be done for a file that cannot be removed, and the reason was told by what failed.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new file in the folder of `path`, for its owner alone: listed hashes are secrets.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    loop {
        let mut temporary = name.to_owned();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        temporary.push(format!(".{}-{number}.new", std::process::id()));
        let temporary = folder_of(path).join(temporary);
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(file) => return Ok((temporary, file)),
        }
    }
}

// --- reading ------------------------------------------------------------------------------------------------------

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
        let header = memory.get(..PAGE).ok_or_else(|| {
            IndexError::damaged(format!("it has {} bytes, fewer than its header", memory.len()))
        })?;
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
            if u64_at(entry, 40) != places.sections[at].start as u64 || u64_at(entry, 56) != places.first_checks[at] as u64 {
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
    pub fn verify(
        &self,
        memory: &[u8],
        threads: usize,
        progress: &mut Progress<'_>,
    ) -> Result<(), IndexError> {
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
        })
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
