//! The inner loops of every level of the processor give what plain Rust gives, and the order of bits changes no distance.

mod hashes;

use hashes::{Hash, Random, shaped};
use proptest::prelude::*;
use vangnet_core::hamming;
use vangnet_core::index::BitOrder;
use vangnet_core::simd::{self, Level, Words};

fn words(random: &mut Random) -> Words {
    [random.next(), random.next(), random.next(), random.next()]
}

proptest! {
    #[test]
    fn signatures_are_sifted_alike(seed: u64, length in 0..200_usize, bound in 0..20_u32) {
        let mut random = Random(seed);
        let signatures: Vec<u16> = (0..length).map(|_| random.next() as u16).collect();
        let query = random.next() as u16;
        let expected: Vec<u32> = (0..length as u32)
            .filter(|at| (signatures[*at as usize] ^ query).count_ones() <= bound)
            .collect();
        for level in Level::available() {
            let mut found = Vec::new();
            simd::near_signatures(level, &signatures, query, bound, &mut found);
            prop_assert_eq!(&found, &expected, "{:?}", level);
        }
    }

    #[test]
    fn lines_of_a_page_are_compared_alike(seed: u64, bound in 1..6_u32, line in 0..16_usize) {
        let mut random = Random(seed);
        let query = random.next() as u16;
        let mut lines: Vec<u16> = (0..16 * 32).map(|_| query ^ (random.next() & random.next() & random.next()) as u16).collect();
        for first in lines.iter_mut().step_by(32) {
            *first = random.below(32) as u16 | if random.below(4) == 0 { 1 << 15 } else { 0 };
        }
        let near = |line: usize, bound: u32| -> u32 {
            let count = lines[line * 32] & 0x7fff;
            (1..=count)
                .filter(|slot| (lines[line * 32 + usize::from(*slot)] ^ query).count_ones() <= bound)
                .map(|slot| 1 << slot)
                .sum()
        };
        let asked = [line, line ^ 1, line ^ 2, line ^ 4, line ^ 8];
        for level in Level::available() {
            let found = simd::near_in_lines(level, &lines, line, query, bound);
            for (at, line) in asked.into_iter().enumerate() {
                prop_assert_eq!(found.slots[at], near(line, bound - u32::from(at > 0)), "{:?}", level);
                let whole = simd::near_in_line(level, &lines[line * 32..][..32], query, bound);
                prop_assert_eq!(whole, near(line, bound), "{:?}", level);
            }
            prop_assert_eq!(found.goes_on, asked.iter().any(|line| lines[line * 32] >> 15 == 1));
        }
    }

    #[test]
    fn hashes_are_scanned_and_verified_alike(seed: u64, length in 0..100_usize, radius in 0..=256_u32) {
        let mut random = Random(seed);
        let query = words(&mut random);
        let rows: Vec<Words> = (0..length)
            .map(|_| {
                // Some near, so that small radii find some.
                let mask = words(&mut random);
                let other = words(&mut random);
                let near = random.below(2) == 0;
                std::array::from_fn(|at| query[at] ^ if near { mask[at] & other[at] & 0x1111 } else { mask[at] })
            })
            .collect();
        let distance = |row: &Words| row.iter().zip(&query).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
        let all = rows.iter().enumerate().map(|(at, row)| (at as u32, distance(row)));
        let expected: Vec<(u32, u32)> = all.filter(|(_, distance)| *distance <= radius).collect();
        let named: Vec<u32> = (0..length as u32).collect();
        for level in Level::available() {
            let (mut scanned, mut verified) = (Vec::new(), Vec::new());
            simd::scan(level, &rows, &query, radius, &mut scanned);
            prop_assert_eq!(&scanned, &expected, "{:?}", level);
            prop_assert!(simd::verify(level, &rows, &named, &query, radius, &mut verified));
            prop_assert_eq!(&verified, &expected, "{:?}", level);
            prop_assert!(!simd::verify(level, &rows, &[length as u32], &query, radius, &mut verified));
        }
    }

    #[test]
    fn an_order_of_bits_changes_no_distance_and_can_be_undone(seed: u64, shape in 0..6_u8) {
        let mut random = Random(seed);
        let hashes: Vec<Hash> = shaped(&mut random, shape, 600).into_iter().map(|(hash, _)| hash).collect();
        for order in [BitOrder::identity(), BitOrder::chosen_for(&hashes)] {
            let again = BitOrder::from_bytes(order.as_bytes()).expect("each bit named once");
            for pair in hashes.windows(2).take(50) {
                let (a, b) = (order.apply(&pair[0]), again.apply(&pair[1]));
                prop_assert_eq!(simd::distance(&a, &b), hamming::distance(&pair[0], &pair[1]));
                prop_assert_eq!(order.undo(&a), pair[0]);
            }
        }
    }
}

#[test]
fn an_order_that_names_a_bit_twice_is_refused() {
    let mut order = *BitOrder::identity().as_bytes();
    assert!(BitOrder::from_bytes(&order).is_some());
    order[7] = order[8];
    assert!(BitOrder::from_bytes(&order).is_none());
    assert!(BitOrder::from_bytes(&order[..255]).is_none());
}
