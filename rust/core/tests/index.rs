//! The index against brute force: whatever the hashes, the radius, the way, and what was added and withdrawn before.

mod hashes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hashes::{Hash, Random, near, shaped};
use proptest::prelude::*;
use vangnet_core::hamming::distance;
use vangnet_core::index::{Base, BuildOptions, Builder, Index, IndexError, Match, RADIUS_MAX, Way};

const LIST: &str = "pdq-full";
const WAYS: [Way; 4] = [Way::Cheapest, Way::Scan, Way::Buckets, Way::CrowdedBuckets];

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("vangnet-index-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn options(parts: Option<usize>) -> BuildOptions {
    BuildOptions { threads: 2, mark: 7, parts }
}

fn built(folder: &Folder, entries: &[(Hash, u64)], parts: Option<usize>) -> Index {
    let (hashes, ids): (Vec<Hash>, Vec<u64>) = entries.iter().copied().unzip();
    let mut builder = Builder::new();
    builder.add_hashes(LIST, &hashes, &ids).expect("as many hashes as ids");
    let path = folder.0.join("index");
    builder.write(&path, &options(parts), &mut |_, _| true).expect("a file that can be written");
    let index = Index::open(&path).expect("a file that was just written");
    index.verify(2, &mut |_, _| true).expect("bytes that were just written");
    index
}

/// Nearest first, then by id; an entry with several hashes at its least distance.
fn brute_force(entries: &[(Hash, u64)], query: &Hash, radius: u32) -> Vec<Match> {
    let mut least: BTreeMap<u64, u32> = BTreeMap::new();
    for (hash, id) in entries {
        let found = distance(hash, query);
        if found <= radius {
            least.entry(*id).and_modify(|known| *known = found.min(*known)).or_insert(found);
        }
    }
    let mut matches: Vec<Match> = least.into_iter().map(|(id, distance)| Match { distance, id }).collect();
    matches.sort_unstable();
    matches
}

fn same_as_brute_force(index: &Index, entries: &[(Hash, u64)], query: &Hash, radius: u32) {
    let expected = brute_force(entries, query, radius);
    for way in WAYS {
        let found = index.lookup_by(LIST, query, radius, way).expect("a verified index");
        assert_eq!(found, expected, "{way:?}, radius {radius}, {} entries", entries.len());
    }
}

fn query_among(random: &mut Random, entries: &[(Hash, u64)]) -> Hash {
    match random.below(entries.len() as u64 + 4) {
        at if (at as usize) < entries.len() => {
            let bits = random.below(70) as u32;
            near(random, &entries[at as usize].0, bits)
        }
        _ => random.hash(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_file_equals_brute_force(
        seed: u64,
        size in prop_oneof![Just(0_usize), Just(1), 2..40_usize, 40..2000_usize, 2000..6000_usize],
        shape in 0..6_u8,
        parts in prop::sample::select(vec![None, None, Some(0), Some(32), Some(29), Some(20), Some(17), Some(16)]),
    ) {
        let folder = Folder::new(&format!("file-{seed}"));
        let mut random = Random(seed);
        let entries = shaped(&mut random, shape, size);
        let index = built(&folder, &entries, parts);
        for _ in 0..12 {
            let query = query_among(&mut random, &entries);
            same_as_brute_force(&index, &entries, &query, random.below(u64::from(RADIUS_MAX) + 1) as u32);
            same_as_brute_force(&index, &entries, &query, 31);
        }
    }

    #[test]
    fn additions_withdrawals_and_merges_equal_brute_force(
        seed: u64,
        size in prop_oneof![Just(0_usize), 1..50_usize, 50..3000_usize],
        shape in 0..6_u8,
        steps in prop::collection::vec(0..8_u8, 1..24),
    ) {
        let folder = Folder::new(&format!("steps-{seed}"));
        let mut random = Random(seed);
        let mut entries = shaped(&mut random, shape, size);
        let index = built(&folder, &entries, None);
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                0..4 => {
                    let size = random.below(80) as usize;
                    let mut more = shaped(&mut random, shape, size);
                    for (hash, id) in &mut more {
                        // Some under ids that are listed, or were.
                        *id = random.below(4000);
                        if random.below(3) == 0 && !entries.is_empty() {
                            *hash = entries[random.below(entries.len() as u64) as usize].0;
                        }
                    }
                    let (hashes, ids): (Vec<Hash>, Vec<u64>) = more.iter().copied().unzip();
                    index.add_hashes(LIST, &hashes, &ids).expect("as many hashes as ids");
                    entries.extend(more);
                }
                4..7 => {
                    let ids: BTreeSet<u64> = (0..random.below(60)).map(|_| random.below(4000)).collect();
                    index.withdraw(&ids.iter().copied().collect::<Vec<_>>());
                    entries.retain(|(_, id)| !ids.contains(id));
                }
                _ => {
                    let path = folder.0.join(format!("merged-{}", number % 2));
                    index.merge(&path, &options(None), &mut |_, _| true).expect("a merge");
                    prop_assert_eq!(index.info().additions, 0);
                    prop_assert_eq!(index.info().withdrawals, 0);
                }
            }
            for _ in 0..4 {
                let query = query_among(&mut random, &entries);
                same_as_brute_force(&index, &entries, &query, random.below(u64::from(RADIUS_MAX) + 1) as u32);
            }
        }
    }

    #[test]
    fn exactly_the_radius_matches_and_one_bit_more_does_not(seed: u64, radius in 0..=RADIUS_MAX, in_delta: bool) {
        let folder = Folder::new(&format!("radius-{seed}"));
        let mut random = Random(seed);
        let entries = shaped(&mut random, 0, 3000);
        let index = built(&folder, &entries, None);
        let query = random.hash();
        let (inside, outside) = (near(&mut random, &query, radius), near(&mut random, &query, radius + 1));
        index.add_hashes(LIST, &[inside, outside], &[1_000_001, 1_000_002]).expect("two hashes and two ids");
        if !in_delta {
            index.merge(&folder.0.join("merged"), &options(None), &mut |_, _| true).expect("a merge");
        }
        for way in WAYS {
            let found = index.lookup_by(LIST, &query, radius, way).expect("a verified index");
            prop_assert!(found.contains(&Match { distance: radius, id: 1_000_001 }), "{:?}", way);
            prop_assert!(found.iter().all(|found| found.id != 1_000_002), "{:?}", way);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_large_delta_equals_brute_force(
        seed: u64,
        size in prop_oneof![250..264_usize, 505..1100_usize, 1100..9000_usize],
        shape in 0..6_u8,
    ) {
        let folder = Folder::new(&format!("delta-{seed}"));
        let mut random = Random(seed);
        let mut entries = shaped(&mut random, shape, size + 40);
        let index = built(&folder, &entries[..40], None);
        let (hashes, ids): (Vec<Hash>, Vec<u64>) = entries[40..].iter().copied().unzip();
        index.add_hashes(LIST, &hashes, &ids).expect("as many hashes as ids");
        for _ in 0..2 {
            for _ in 0..10 {
                let query = query_among(&mut random, &entries);
                same_as_brute_force(&index, &entries, &query, random.below(u64::from(RADIUS_MAX) + 1) as u32);
                // At the largest radius that the pages of the delta are made for, exactly on it and one beyond.
                let listed = entries[random.below(entries.len() as u64) as usize].0;
                for bits in [30, 31, 32] {
                    same_as_brute_force(&index, &entries, &near(&mut random, &listed, bits), 31);
                }
            }
            let withdrawn: Vec<u64> = (0..size as u64 / 4).map(|_| random.below(size as u64)).collect();
            index.withdraw(&withdrawn);
            entries.retain(|(_, id)| !withdrawn.contains(id));
        }
    }
}

#[test]
fn a_hash_that_only_one_byte_can_find_is_found() {
    // 31 bits that differ, one in each byte but one: from that byte on, as many as may be, wherever they lie.
    let mut random = Random(20_261_123);
    let index = Index::new(Base::empty());
    let mut entries = shaped(&mut random, 0, 2000);
    let queries: Vec<(usize, Hash)> =
        (0..32).flat_map(|byte| (0..40).map(move |_| byte)).map(|byte| (byte, random.hash())).collect();
    for (byte, query) in &queries {
        let mut listed = *query;
        for (at, other) in listed.iter_mut().enumerate() {
            *other ^= if at == *byte { 0 } else { 1 << random.below(8) };
        }
        entries.push((listed, entries.len() as u64));
    }
    let (hashes, ids): (Vec<Hash>, Vec<u64>) = entries.iter().copied().unzip();
    index.add_hashes(LIST, &hashes, &ids).expect("as many hashes as ids");
    for (at, (byte, query)) in queries.into_iter().enumerate() {
        for way in WAYS {
            let found = index.lookup_by(LIST, &query, 31, way).expect("verified");
            assert_eq!(found, [Match { distance: 31, id: 2000 + at as u64 }], "{way:?}, byte {byte}");
        }
    }
}

#[test]
fn a_delta_of_more_than_its_pages_have_room_for_equals_brute_force() {
    let folder = Folder::new("many");
    let mut random = Random(20_261_122);
    let mut entries = shaped(&mut random, 0, 150_000);
    for (copy, entry) in shaped(&mut random, 4, 20_000).into_iter().enumerate() {
        entries.push((entry.0, 150_000 + copy as u64));
    }
    let index = built(&folder, &entries[..2000], None);
    let (hashes, ids): (Vec<Hash>, Vec<u64>) = entries[2000..].iter().copied().unzip();
    index.add_hashes(LIST, &hashes, &ids).expect("as many hashes as ids");
    for radius in [0, 1, 16, 31, 31, 31, 32, 47, 64] {
        let listed = entries[random.below(entries.len() as u64) as usize].0;
        for query in [near(&mut random, &listed, radius), query_among(&mut random, &entries)] {
            same_as_brute_force(&index, &entries, &query, radius);
        }
    }
}

#[test]
fn a_power_of_two_of_equal_hashes_is_found_whole_after_saving_and_loading() {
    for exponent in [0, 1, 10, 14] {
        let folder = Folder::new(&format!("equal-{exponent}"));
        let mut random = Random(exponent);
        let hash = random.hash();
        let entries: Vec<(Hash, u64)> = (0..1 << exponent).map(|id| (hash, id)).collect();
        let index = built(&folder, &entries, None);
        assert_eq!(index.info().lists[0].different, Some(1));
        same_as_brute_force(&index, &entries, &near(&mut random, &hash, 31), 31);
        same_as_brute_force(&index, &entries, &near(&mut random, &hash, 32), 31);
    }
}

#[test]
fn a_hundred_thousand_clustered_hashes_equal_brute_force() {
    let folder = Folder::new("clustered");
    let mut random = Random(20_261_121);
    let entries = shaped(&mut random, 3, 100_000);
    for parts in [None, Some(16), Some(18)] {
        let index = built(&folder, &entries, parts);
        for radius in [0, 1, 7, 15, 30, 31, 32, 33, 47, 64] {
            let query = query_among(&mut random, &entries);
            same_as_brute_force(&index, &entries, &query, radius);
        }
    }
}

#[test]
fn each_hash_of_a_batch_has_its_own_radius() {
    let folder = Folder::new("batch");
    let mut random = Random(3);
    let entries = shaped(&mut random, 3, 5000);
    let index = built(&folder, &entries, None);
    let queries: Vec<Hash> = (0..50).map(|_| query_among(&mut random, &entries)).collect();
    let radii: Vec<u32> = (0..50).map(|at| (at * 13) % 65).collect();
    for threads in [1, 3] {
        let answers = index.lookup_batch(LIST, &queries, &radii, threads).expect("a verified index");
        for ((query, radius), answer) in queries.iter().zip(&radii).zip(answers) {
            assert_eq!(answer, brute_force(&entries, query, *radius));
        }
    }
    assert!(matches!(index.lookup_batch(LIST, &queries, &[1], 1), Err(IndexError::Invalid(_))));
}

#[test]
fn digests_are_found_by_equality_before_and_after_a_merge() {
    let folder = Folder::new("digests");
    let mut random = Random(5);
    for (algorithm, length) in [("md5", 16), ("sha1", 20), ("sha256", 32), ("photodna", 144), ("short", 1)] {
        let value = |random: &mut Random| -> Vec<u8> {
            // A common beginning, as opaque hashes may have, and a few values only for some.
            (0..length).map(|at| if at < 2 { 0 } else { random.next() as u8 }).collect()
        };
        let values: Vec<Vec<u8>> = (0..500).map(|_| value(&mut random)).collect();
        let mut entries: Vec<(Vec<u8>, u64)> =
            (0..900).map(|id| (values[random.below(500) as usize].clone(), id)).collect();
        let (first, second) = entries.split_at(600);
        let mut builder = Builder::new();
        let flat =
            |entries: &[(Vec<u8>, u64)]| entries.iter().flat_map(|(value, _)| value.clone()).collect::<Vec<u8>>();
        let ids = |entries: &[(Vec<u8>, u64)]| entries.iter().map(|(_, id)| *id).collect::<Vec<u64>>();
        builder.add_digests(algorithm, length, &flat(first), &ids(first)).expect("whole digests");
        let path = folder.0.join("index");
        builder.write(&path, &options(None), &mut |_, _| true).expect("a file");
        let index = Index::open(&path).expect("the file");
        index.verify(1, &mut |_, _| true).expect("whole");
        index.add_digests(algorithm, length, &flat(second), &ids(second)).expect("whole digests");
        index.withdraw(&[3, 700]);
        entries.retain(|(_, id)| ![3, 700].contains(id));
        for merged in [false, true] {
            if merged {
                index.merge(&path, &options(None), &mut |_, _| true).expect("a merge");
            }
            for value in values.iter().chain([&vec![1; length], &vec![0xff; length]]) {
                let expected: Vec<u64> =
                    entries.iter().filter(|(known, _)| known == value).map(|(_, id)| *id).collect();
                assert_eq!(index.find_digest(algorithm, value).expect("verified"), expected);
            }
        }
        assert_eq!(index.find_digest(algorithm, &vec![0; length + 1]).expect("verified"), Vec::<u64>::new());
        assert!(matches!(
            index.add_digests(algorithm, length + 1, &vec![0; length + 1], &[1]),
            Err(IndexError::Invalid(_))
        ));
    }
}

#[test]
fn a_lookup_before_the_check_is_refused() {
    let folder = Folder::new("unchecked");
    drop(built(&folder, &[([0; 32], 1)], None));
    let index = Index::open(&folder.0.join("index")).expect("the file");
    assert!(matches!(index.lookup(LIST, &[0; 32], 31), Err(IndexError::NotVerified)));
    assert!(matches!(index.find_digest("md5", &[0; 16]), Err(IndexError::NotVerified)));
    index.verify(1, &mut |_, _| true).expect("whole");
    assert_eq!(index.lookup(LIST, &[0; 32], 31).expect("verified").len(), 1);
    assert!(matches!(index.lookup(LIST, &[0; 32], 65), Err(IndexError::Invalid(_))));
    assert_eq!(index.info().mark, 7);
}

#[test]
fn work_that_is_told_to_stop_leaves_nothing_behind() {
    let folder = Folder::new("stopped");
    let mut random = Random(1);
    let entries = shaped(&mut random, 0, 3000);
    let index = built(&folder, &entries, None);
    let before = std::fs::read(folder.0.join("index")).expect("the file");
    index.withdraw(&[1]);
    for steps in [0, 3, 20] {
        let mut told = 0;
        let alone = BuildOptions { threads: 1, ..options(None) };
        let stopped = index.merge(&folder.0.join("index"), &alone, &mut |_, _| {
            told += 1;
            told <= steps
        });
        assert!(matches!(stopped, Err(IndexError::Stopped)), "{steps}");
    }
    assert_eq!(std::fs::read_dir(&folder.0).expect("the folder").count(), 1);
    assert_eq!(std::fs::read(folder.0.join("index")).expect("the file"), before);
    assert!(index.verify(2, &mut |_, _| false).is_err());
    let remaining: Vec<(Hash, u64)> = entries.into_iter().filter(|(_, id)| *id != 1).collect();
    same_as_brute_force(&index, &remaining, &remaining[5].0, 31);
}
