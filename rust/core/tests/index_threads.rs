//! Look-ups while others add, withdraw and merge: each answer is that of a state that there was during the call.

mod hashes;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use hashes::{Hash, Random, near, shaped};
use vangnet_core::hamming::distance;
use vangnet_core::index::{BuildOptions, Builder, Index, Match};

const LIST: &str = "pdq-full";
const RADIUS: u32 = 31;

/// A change that is made as a whole: one hash added, or one entry withdrawn.
enum Step {
    Add(Hash, u64),
    Withdraw(u64),
}

fn steps(random: &mut Random, centres: &[Hash], count: usize) -> Vec<Step> {
    (0..count)
        .map(|_| {
            let (id, bits) = (random.below(400), random.below(45) as u32);
            let centre = centres[random.below(centres.len() as u64) as usize];
            let hash = near(random, &centre, bits);
            if random.below(3) == 0 { Step::Withdraw(id) } else { Step::Add(hash, id) }
        })
        .collect()
}

/// What each centre's look-up gives after 0, 1, 2 … steps.
fn expected(start: &[(Hash, u64)], steps: &[Step], centres: &[Hash]) -> Vec<Vec<Vec<Match>>> {
    let mut entries = start.to_vec();
    let answers = |entries: &[(Hash, u64)]| -> Vec<Vec<Match>> {
        let answer = |centre: &Hash| {
            let found = entries.iter().map(|(hash, id)| Match { distance: distance(hash, centre), id: *id });
            let mut matches: Vec<Match> = found.filter(|found| found.distance <= RADIUS).collect();
            matches.sort_unstable();
            let mut seen = std::collections::BTreeSet::new();
            matches.retain(|found| seen.insert(found.id));
            matches
        };
        centres.iter().map(answer).collect()
    };
    let mut all = vec![answers(&entries)];
    for step in steps {
        match step {
            Step::Add(hash, id) => entries.push((*hash, *id)),
            Step::Withdraw(withdrawn) => entries.retain(|(_, id)| id != withdrawn),
        }
        all.push(answers(&entries));
    }
    all
}

#[test]
fn every_answer_is_that_of_a_state_there_was() {
    let mut random = Random(31);
    let centres: Vec<Hash> = (0..6).map(|_| random.hash()).collect();
    let start: Vec<(Hash, u64)> =
        shaped(&mut random, 0, 2000).into_iter().map(|(hash, id)| (hash, id + 1000)).collect();
    let steps = steps(&mut random, &centres, 1500);
    let expected = expected(&start, &steps, &centres);

    let folder = std::env::temp_dir().join(format!("vangnet-threads-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut builder = Builder::new();
    let (hashes, ids): (Vec<Hash>, Vec<u64>) = start.iter().copied().unzip();
    builder.add_hashes(LIST, &hashes, &ids).expect("as many hashes as ids");
    let path = folder.join("index");
    let options = BuildOptions { threads: 1, ..BuildOptions::default() };
    builder.write(&path, &options, &mut |_, _| true).expect("a file");
    let index = Index::open(&path).expect("the file");
    index.verify(1, &mut |_, _| true).expect("whole");

    let (begun, ended, over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let (asked, merged) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for reader in 0..3 {
            let (index, expected, centres) = (&index, &expected, &centres);
            let (begun, ended, over, asked) = (&begun, &ended, &over, &asked);
            scope.spawn(move || {
                let mut random = Random(reader);
                while !over.load(Ordering::SeqCst) {
                    let at = random.below(centres.len() as u64) as usize;
                    let before = ended.load(Ordering::SeqCst);
                    let answer = index.lookup(LIST, &centres[at], RADIUS).expect("a verified index");
                    let after = begun.load(Ordering::SeqCst);
                    let possible = (before..=after).any(|state| expected[state][at] == answer);
                    assert!(possible, "no state from {before} to {after} gives {answer:?}");
                    asked.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                index.merge(&path, &options, &mut |_, _| true).expect("a merge");
                merged.fetch_add(1, Ordering::SeqCst);
            }
        });
        for (at, step) in steps.iter().enumerate() {
            begun.store(at + 1, Ordering::SeqCst);
            match step {
                Step::Add(hash, id) => index.add_hashes(LIST, &[*hash], &[*id]).expect("one hash, one id"),
                Step::Withdraw(id) => index.withdraw(&[*id]),
            }
            ended.store(at + 1, Ordering::SeqCst);
            // Room for merges between changes: as many as it takes to have had one every so often.
            while at / 300 > merged.load(Ordering::SeqCst) {
                thread::yield_now();
            }
        }
        over.store(true, Ordering::SeqCst);
    });
    assert!(merged.into_inner() >= 4);
    assert!(asked.into_inner() > 100);
    index.merge(&path, &options, &mut |_, _| true).expect("a last merge");
    for (at, centre) in centres.iter().enumerate() {
        assert_eq!(index.lookup(LIST, centre, RADIUS).expect("verified"), expected[steps.len()][at]);
    }
    let _ = std::fs::remove_dir_all(folder);
}
