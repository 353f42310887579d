//! Read-only memory that an index lies in: a mapped file, or an aligned copy of some bytes.
//!
//! Together with `simd.rs` this is the only module with `unsafe`. It hands out slices of numbers; whoever uses those
//! numbers as positions checks them, because what lies in a file may be damaged.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::marker::PhantomData;

// The file format is little-endian and read in place.
#[cfg(target_endian = "big")]
compile_error!("the index is read in place and needs a little-endian machine");

/// No system has smaller pages.
const SMALLEST_PAGE: usize = 4096;

/// The bytes of an index.
#[derive(Debug)]
pub enum Memory {
    /// A file, mapped read-only; every thread and every process that maps it shares the same pages.
    Mapped(memmap2::Mmap),
    /// A copy, in words of eight bytes so that every number in it is aligned; the second field is its length in bytes.
    Owned(Vec<u64>, usize),
}

impl Memory {
    /// Maps a file.
    ///
    /// # Errors
    /// What the system answered.
    pub fn map(file: &File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self::copy_of(&[])); // A mapping of no bytes is refused by the system.
        }
        // SAFETY: a mapping is sound as long as nobody changes or shortens the file. Index files are written under
        // another name, renamed into place and never written again; the documentation tells operators not to edit them.
        let map = unsafe { memmap2::Mmap::map(file)? };
        #[cfg(target_os = "linux")]
        {
            // Large pages save address translations in look-ups that jump about; a system that has none for files
            // refuses, and nothing but speed depends on it.
            let _ = map.advise(memmap2::Advice::HugePage);
        }
        Ok(Self::Mapped(map))
    }

    /// An aligned copy of `bytes`.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        let words = bytes
            .chunks(8)
            .map(|chunk| {
                let mut eight = [0; 8];
                eight[..chunk.len()].copy_from_slice(chunk);
                u64::from_le_bytes(eight)
            })
            .collect();
        Self::Owned(words, bytes.len())
    }

    /// All bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned(words, length) => &as_bytes(words)[..*length],
        }
    }
}

/// Asks the system for large pages under memory that is about to be filled: fewer faults and fewer address translations.
///
/// Changes nothing but the time, and only for what is larger than such a page.
pub fn prefer_large_pages<T>(memory: &[T]) {
    #[cfg(target_os = "linux")]
    {
        const LARGE: usize = 2 << 20;
        let start = memory.as_ptr().addr().next_multiple_of(LARGE);
        let end = (memory.as_ptr().addr() + size_of_val(memory)) / LARGE * LARGE;
        if end > start {
            let start_of = memory.as_ptr().cast::<u8>().wrapping_add(start - memory.as_ptr().addr());
            // SAFETY: the range lies inside the slice, and this advice changes no content. A system that does not know
            // it answers with an error, which is of no interest.
            unsafe { libc::madvise(start_of.cast_mut().cast(), end - start, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

/// An empty vector for `capacity` elements, on large pages where it is large.
#[must_use]
pub fn with_large_pages<T>(capacity: usize) -> Vec<T> {
    let mut vector = Vec::with_capacity(capacity);
    prefer_large_pages(vector.spare_capacity_mut());
    vector
}

/// A vector of zeros, on large pages where it is large.
#[must_use]
pub fn zeros<T: Number + Default>(length: usize) -> Vec<T> {
    // Zeros come from the system as they are; nothing is written to them yet.
    let vector = vec![T::default(); length];
    prefer_large_pages(&vector);
    vector
}

/// Zeros on large pages, lying on the boundary of one; the system provides each page when it is first written to.
#[derive(Debug)]
pub struct Zeroed<T> {
    map: memmap2::MmapMut,
    what: PhantomData<T>,
}

impl<T: Number> Zeroed<T> {
    /// So many zeros.
    ///
    /// # Errors
    /// What the system answered.
    pub fn new(length: usize) -> io::Result<Self> {
        let map = memmap2::MmapMut::map_anon(length * size_of::<T>())?;
        prefer_large_pages(&map[..]);
        Ok(Self { map, what: PhantomData })
    }

    /// The numbers.
    #[must_use]
    pub fn get(&self) -> &[T] {
        // SAFETY: `Number` promises that any bytes are valid; a mapping begins on the boundary of a page.
        unsafe { self.map.align_to::<T>() }.1
    }

    /// The numbers, to be changed.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut [T] {
        // SAFETY: as above.
        unsafe { self.map.align_to_mut::<T>() }.1
    }

    /// Has the system provide piece `piece` of `pieces` equal ones.
    pub fn provide(&mut self, piece: usize, pieces: usize) {
        let length = self.map.len().div_ceil(pieces);
        for byte in self.map.iter_mut().skip(piece * length).take(length).step_by(SMALLEST_PAGE) {
            // SAFETY: a byte is replaced by itself; `volatile` keeps the compiler from seeing that this changes nothing.
            unsafe { std::ptr::write_volatile(byte, std::ptr::read_volatile(byte)) };
        }
    }
}

/// A number that is read in place: every pattern of bits is one, and it has no padding.
///
/// # Safety
/// Only for types of which both are true.
pub unsafe trait Number: Copy + 'static {}

// SAFETY: plain integers, and arrays of them.
unsafe impl Number for u16 {}
// SAFETY: as above.
unsafe impl Number for u32 {}
// SAFETY: as above.
unsafe impl Number for u64 {}
// SAFETY: as above.
unsafe impl Number for [u64; 4] {}

/// The bytes as numbers; `None` if they do not begin on such a number's boundary or are not a whole count of them.
#[must_use]
pub fn as_numbers<T: Number>(bytes: &[u8]) -> Option<&[T]> {
    // SAFETY: `Number` promises that any bytes are valid; `align_to` cuts off what is not aligned.
    let (before, numbers, after) = unsafe { bytes.align_to::<T>() };
    (before.is_empty() && after.is_empty()).then_some(numbers)
}

/// Numbers as the bytes that are written to a file.
#[must_use]
pub fn as_bytes<T: Number>(numbers: &[T]) -> &[u8] {
    // SAFETY: `Number` promises that there is no padding, and bytes have no alignment.
    let (_, bytes, _) = unsafe { numbers.align_to::<u8>() };
    bytes
}
