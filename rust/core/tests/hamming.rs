//! Distance against a second, bit-by-bit implementation, and the laws every distance obeys.

use proptest::prelude::*;
use vangnet_core::hamming::{HASH_BYTES, distance};

fn bit_by_bit(a: &[u8; HASH_BYTES], b: &[u8; HASH_BYTES]) -> u32 {
    (0..256)
        .filter(|bit| (a[bit / 8] >> (bit % 8)) & 1 != (b[bit / 8] >> (bit % 8)) & 1)
        .count()
        .try_into()
        .expect("at most 256")
}

#[test]
fn extremes() {
    let zeros = [0x00; HASH_BYTES];
    let ones = [0xff; HASH_BYTES];
    assert_eq!(distance(&zeros, &zeros), 0);
    assert_eq!(distance(&zeros, &ones), 256);
}

#[test]
fn each_single_bit_counts_once() {
    let zeros = [0; HASH_BYTES];
    for bit in 0..256 {
        let mut one = zeros;
        one[bit / 8] |= 1 << (bit % 8);
        assert_eq!(distance(&zeros, &one), 1, "bit {bit}");
    }
}

proptest! {
    #[test]
    fn agrees_with_counting_bit_by_bit(a: [u8; HASH_BYTES], b: [u8; HASH_BYTES]) {
        prop_assert_eq!(distance(&a, &b), bit_by_bit(&a, &b));
    }

    #[test]
    fn is_a_metric(a: [u8; HASH_BYTES], b: [u8; HASH_BYTES], c: [u8; HASH_BYTES]) {
        prop_assert_eq!(distance(&a, &b), distance(&b, &a));
        prop_assert_eq!(distance(&a, &a), 0);
        prop_assert!(distance(&a, &c) <= distance(&a, &b) + distance(&b, &c));
    }
}
