//! An index file that was opened: what it holds, whether its checksums were checked, and the look-ups in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::index::Progress;
use crate::index::error::{IndexError, while_doing};
use crate::index::exact::{Exact, ExactPlaces};
use crate::index::file::Kind;
use crate::index::near::{Near, NearPlaces, PartPlaces};
use crate::index::read::Contents;
use crate::map::Memory;

/// The unchanging part of an index.
#[derive(Debug)]
pub struct Base {
    memory: Memory,
    contents: Option<Contents>,
    near: BTreeMap<String, Near>,
    exact: BTreeMap<String, Exact>,
    verified: AtomicBool,
}

impl Base {
    /// Opens a file: reads and checks header, tables and descriptions, and nothing else yet.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let file = File::open(path).map_err(while_doing("opening the index"))?;
        Self::from_memory(Memory::map(&file).map_err(while_doing("mapping the index"))?)
    }

    /// Opens a copy of a file's bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IndexError> {
        Self::from_memory(Memory::copy_of(bytes))
    }

    /// An index without entries.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            memory: Memory::copy_of(&[]),
            contents: None,
            near: BTreeMap::new(),
            exact: BTreeMap::new(),
            verified: AtomicBool::new(true),
        }
    }

    fn from_memory(memory: Memory) -> Result<Self, IndexError> {
        let bytes = memory.bytes();
        let contents = Contents::read(bytes)?;
        let (mut near, mut exact) = (BTreeMap::new(), BTreeMap::new());
        for (name, places) in near_places(&contents, bytes)? {
            near.insert(name, Near::open(bytes, places)?);
        }
        for (name, places) in exact_places(&contents, bytes)? {
            exact.insert(name, Exact::open(bytes, places)?);
        }
        Ok(Self { memory, contents: Some(contents), near, exact, verified: AtomicBool::new(false) })
    }

    /// Checks every byte against its checksum; after that, and not before, look-ups are answered.
    pub fn verify(&self, threads: usize, progress: &mut Progress<'_>) -> Result<(), IndexError> {
        let Some(contents) = &self.contents else {
            return Ok(());
        };
        let bytes = self.memory.bytes();
        contents.verify(bytes, threads, progress)?;
        for near in self.near.values() {
            near.view(bytes)?.check()?;
        }
        for exact in self.exact.values() {
            exact.check(bytes)?;
        }
        self.verified.store(true, Ordering::Release);
        Ok(())
    }

    /// Refuses as long as the checksums were not checked.
    pub fn must_be_verified(&self) -> Result<(), IndexError> {
        if self.is_verified() { Ok(()) } else { Err(IndexError::NotVerified) }
    }

    /// Whether the checksums were checked.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified.load(Ordering::Acquire)
    }

    /// All of the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.memory.bytes()
    }

    /// Whatever the writer set.
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.contents.as_ref().map_or(0, |contents| contents.mark)
    }

    /// The lists of perceptual hashes, by name.
    #[must_use]
    pub fn near(&self) -> &BTreeMap<String, Near> {
        &self.near
    }

    /// The lists of digests, by algorithm.
    #[must_use]
    pub fn exact(&self) -> &BTreeMap<String, Exact> {
        &self.exact
    }

    /// Bytes of the sections of one list.
    #[must_use]
    pub fn section_bytes(&self, near: bool, name: &str) -> usize {
        let Some(contents) = &self.contents else {
            return 0;
        };
        let ours = contents
            .sections
            .iter()
            .filter(|section| section.name == name && near == ((section.kind as u32) < Kind::DigestDescription as u32));
        ours.map(|section| section.length).sum()
    }
}

/// A place that was not yet given; a section that comes twice is refused.
fn put(place: &mut Range<usize>, range: Range<usize>) -> Result<(), IndexError> {
    if *place != Range::default() {
        return Err(IndexError::damaged("a section comes twice"));
    }
    *place = range;
    Ok(())
}

fn near_places(contents: &Contents, bytes: &[u8]) -> Result<BTreeMap<String, NearPlaces>, IndexError> {
    const PARTS_MAX: usize = 32;
    let mut lists: BTreeMap<String, NearPlaces> = BTreeMap::new();
    for (at, section) in contents.sections.iter().enumerate() {
        let range = contents.place(at);
        let part = section.part as usize;
        if section.kind as u32 >= Kind::DigestDescription as u32 {
            continue;
        }
        let list = lists.entry(section.name.clone()).or_default();
        if part >= PARTS_MAX {
            return Err(IndexError::damaged(format!("a list claims {part} parts")));
        }
        if matches!(section.kind, Kind::PartOffsets | Kind::PartSignatures | Kind::PartRows) && list.parts.len() <= part
        {
            list.parts.resize(part + 1, PartPlaces::default());
        }
        match section.kind {
            Kind::NearDescription => {
                // It is read now, so it is checked now.
                contents.verify_section(bytes, at)?;
                put(&mut list.description, range)?;
            }
            Kind::NearHashes => put(&mut list.hashes, range)?,
            Kind::NearFirsts => put(&mut list.firsts, range)?,
            Kind::NearIds => put(&mut list.ids, range)?,
            Kind::PartOffsets => put(&mut list.parts[part].offsets, range)?,
            Kind::PartSignatures => put(&mut list.parts[part].signatures, range)?,
            Kind::PartRows => put(&mut list.parts[part].rows, range)?,
            _ => {}
        }
    }
    Ok(lists)
}

fn exact_places(contents: &Contents, bytes: &[u8]) -> Result<BTreeMap<String, ExactPlaces>, IndexError> {
    let mut lists: BTreeMap<String, ExactPlaces> = BTreeMap::new();
    for (at, section) in contents.sections.iter().enumerate() {
        let range = contents.place(at);
        if (section.kind as u32) < Kind::DigestDescription as u32 {
            continue;
        }
        let list = lists.entry(section.name.clone()).or_default();
        match section.kind {
            Kind::DigestDescription => {
                contents.verify_section(bytes, at)?;
                put(&mut list.description, range)?;
            }
            Kind::DigestValues => put(&mut list.values, range)?,
            Kind::DigestIds => put(&mut list.ids, range)?,
            Kind::DigestTable => put(&mut list.table, range)?,
            _ => {}
        }
    }
    Ok(lists)
}
