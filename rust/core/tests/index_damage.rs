//! Damaged index files: refused with a reason, or caught by the check before use. Never a panic, never a wrong answer.

mod hashes;

use std::path::PathBuf;

use hashes::{Hash, Random, shaped};
use vangnet_core::index::{Base, BuildOptions, Builder, Index, IndexError};

const LIST: &str = "pdq-full";
const PAGE: usize = 4096;
/// The header, the table of sections and the checksums of a small file.
const TABLES: usize = 4 * PAGE;

fn file(name: &str, rows: usize, parts: usize) -> (PathBuf, Vec<u8>, Vec<(Hash, u64)>) {
    let path = std::env::temp_dir().join(format!("vangnet-damage-{}-{name}", std::process::id()));
    let entries = shaped(&mut Random(11), 3, rows);
    let (hashes, ids): (Vec<Hash>, Vec<u64>) = entries.iter().copied().unzip();
    let mut builder = Builder::new();
    builder.add_hashes(LIST, &hashes, &ids).expect("as many hashes as ids");
    builder.add_digests("md5", 16, hashes.as_flattened(), &(0..2 * rows as u64).collect::<Vec<_>>()).expect("digests");
    let options = BuildOptions { threads: 1, mark: 0, parts: Some(parts) };
    builder.write(&path, &options, &mut |_, _| true).expect("a file");
    let bytes = std::fs::read(&path).expect("the file");
    (path, bytes, entries)
}

fn opened(bytes: &[u8]) -> Result<Index, IndexError> {
    let index = Index::new(Base::from_bytes(bytes)?);
    index.verify(1, &mut |_, _| true)?;
    Ok(index)
}

fn refused(bytes: &[u8], what: &str) {
    match opened(bytes) {
        Err(IndexError::Damaged(_) | IndexError::UnknownFormat { .. }) => {}
        Err(other) => panic!("{what}: {other}"),
        Ok(_) => panic!("{what} was not noticed"),
    }
}

#[test]
fn every_byte_of_a_small_file_flipped_is_noticed() {
    let (path, mut bytes, _) = file("flip", 40, 0);
    opened(&bytes).expect("whole as it is");
    let mut random = Random(1);
    for at in 0..bytes.len() {
        let flip = if random.below(2) == 0 { 0xff } else { 1 << random.below(8) };
        bytes[at] ^= flip;
        refused(&bytes, &format!("byte {at} flipped by {flip:#x}"));
        bytes[at] ^= flip;
    }
    let _ = std::fs::remove_file(path);
}

#[test]
fn a_flipped_byte_anywhere_in_a_file_with_parts_is_noticed() {
    let (path, mut bytes, _) = file("flip-parts", 60, 32);
    let mut random = Random(2);
    let some = (0..2 * PAGE).chain((0..2000).map(|_| random.below(bytes.len() as u64) as usize)).collect::<Vec<_>>();
    for at in some {
        bytes[at] ^= 0x10;
        refused(&bytes, &format!("byte {at}"));
        bytes[at] ^= 0x10;
    }
    let _ = std::fs::remove_file(path);
}

#[test]
fn a_file_cut_or_lengthened_anywhere_is_refused() {
    let (path, bytes, _) = file("cut", 40, 0);
    for length in 0..bytes.len() {
        assert!(matches!(Base::from_bytes(&bytes[..length]), Err(IndexError::Damaged(_))), "cut to {length}");
    }
    for more in [1, 7, PAGE] {
        let mut longer = bytes.clone();
        longer.resize(bytes.len() + more, 0);
        assert!(matches!(Base::from_bytes(&longer), Err(IndexError::Damaged(_))), "{more} bytes more");
    }
    // The same by way of the file system, where a cut file is mapped.
    for length in (0..bytes.len()).step_by(997) {
        std::fs::write(&path, &bytes[..length]).expect("a file");
        assert!(Index::open(&path).is_err(), "cut to {length}");
    }
    let _ = std::fs::remove_file(path);
}

#[test]
fn another_format_is_told_apart_from_damage() {
    let (path, mut bytes, _) = file("format", 3, 0);
    bytes[8] = 2;
    mend(&mut bytes);
    let error = Base::from_bytes(&bytes).expect_err("format 2 does not exist");
    assert!(matches!(error, IndexError::UnknownFormat { found: 2, known: 1 }), "{error}");
    let _ = std::fs::remove_file(path);
}

/// The opener against whoever can write files and checksums: nothing it is fed makes it panic or read elsewhere.
#[test]
fn hostile_files_with_right_checksums_never_panic() {
    let mut random = Random(20_261_121);
    let mut answered = 0;
    for (parts, rounds) in [(0, 6000), (32, 2500)] {
        let (path, whole, entries) = file(&format!("hostile-{parts}"), 80, parts);
        for _ in 0..rounds {
            let mut bytes = whole.clone();
            for _ in 0..=random.below(3) {
                mutate(&mut random, &mut bytes);
            }
            mend(&mut bytes);
            let Ok(index) = opened(&bytes) else { continue };
            for (hash, _) in entries.iter().step_by(17) {
                // A listed entry may be gone or another there: the checksums vouch for it. It must only not panic.
                let _ = index.lookup(LIST, hash, random.below(65) as u32);
                let _ = index.find_digest("md5", &hash[..16]);
            }
            let _ = index.info();
            answered += 1;
        }
        let _ = std::fs::remove_file(path);
    }
    assert!(answered > 100, "only {answered} files got as far as a look-up");
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    // Half of the time in the tables, where every field means something.
    let limit = if random.below(2) == 0 { TABLES.min(bytes.len()) } else { bytes.len() };
    let at = random.below(limit as u64) as usize;
    match random.below(6) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.next() as u8,
        2 => write(bytes, at / 8 * 8, &random.next().to_le_bytes()),
        3 => write(bytes, at / 4 * 4, &[0xff; 4]),
        4 => write(bytes, at / 4 * 4, &(random.below(200) as u32).to_le_bytes()),
        _ => {
            let length = random.below(bytes.len() as u64) as usize / PAGE * PAGE;
            bytes.truncate(length.max(PAGE));
        }
    }
}

fn write(bytes: &mut [u8], at: usize, value: &[u8]) {
    let end = bytes.len().min(at + value.len());
    bytes[at..end].copy_from_slice(&value[..end - at]);
}

/// Makes every checksum right again, as far as the file still has places for them.
fn mend(bytes: &mut [u8]) {
    let number =
        |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    let long = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let length = (bytes.len() as u64).to_le_bytes();
    write(bytes, 16, &length);
    let count = number(bytes, 12).min(1000);
    let table = PAGE..(PAGE + (count * 64).next_multiple_of(PAGE)).min(bytes.len());
    if table.is_empty() {
        return;
    }
    let mut blocks = Vec::new();
    for entry in (table.start..table.end.saturating_sub(63)).step_by(64).take(count) {
        let (start, size, first) = (long(bytes, entry + 40), long(bytes, entry + 48), long(bytes, entry + 56));
        if let (Ok(start), Ok(size), Ok(first)) =
            (usize::try_from(start), usize::try_from(size), usize::try_from(first))
            && let Some(end) = size.checked_next_multiple_of(PAGE).and_then(|size| start.checked_add(size))
            && end <= bytes.len()
            && first < 100_000
        {
            blocks.extend(
                (start..end)
                    .step_by(1 << 20)
                    .enumerate()
                    .map(|(at, from)| (first + at, from..end.min(from + (1 << 20)))),
            );
        }
    }
    let checks = table.end..(table.end + (blocks.len() * 4).next_multiple_of(PAGE)).min(bytes.len());
    for (at, block) in blocks {
        let sum = crc32fast::hash(&bytes[block]).to_le_bytes();
        if checks.start + at * 4 + 4 <= checks.end {
            write(bytes, checks.start + at * 4, &sum);
        }
    }
    let sums = [crc32fast::hash(&bytes[table]), crc32fast::hash(&bytes[checks])];
    write(bytes, 32, &sums[0].to_le_bytes());
    write(bytes, 36, &sums[1].to_le_bytes());
    let header = crc32fast::hash(&bytes[..PAGE - 4]);
    write(bytes, PAGE - 4, &header.to_le_bytes());
}
