//! Writing an index file: beside its final place first, then put there whole.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::index::error::{IndexError, while_doing};
use crate::index::file::{FORMAT, MAGIC, NAME_BYTES, PAGE, Places, SECTIONS_MAX, Section};

/// Bytes that are written at once, on a boundary of as many: the system then keeps them in one large page, and look-ups
/// find their way to an address with fewer steps.
const PIECE: usize = 2 << 20;

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
        let mut checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
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
            let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
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
        for ((section, place), first) in self.sections.iter().zip(&self.places.sections).zip(&self.places.first_checks)
        {
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
