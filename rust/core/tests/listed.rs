//! Lines of lists, packed hashes, codes: whatever the bytes.

use proptest::prelude::*;
use vangnet_core::listed::{Categories, Layout, Line, PdqColumns, hashes, lines, strongest};
use vangnet_core::mac::Key;

fn layout() -> Layout {
    Layout {
        delimiter: b',',
        width: 5,
        digests: vec![(1, 1, 16)],
        pdq: Some(PdqColumns {
            hash: 2,
            convention: None,
            quality: Some(3),
            conventions: vec!["full".into(), "floor512".into()],
        }),
        reference: Some(4),
        category: Some(0),
        ..Layout::default()
    }
}

fn read<'a>(block: &'a [u8], categories: &mut Categories) -> Vec<Line<'a>> {
    lines(block, &layout(), categories).collect()
}

#[test]
fn a_plain_line_is_packed() {
    let line = format!("A1,{},{},70,S-1\r", "0a".repeat(16), "Ff".repeat(32));
    let mut categories = Categories::default();
    let found = read(line.as_bytes(), &mut categories);
    let [Line::Plain(plain)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((plain.category, plain.video, plain.reference, plain.note), (0, false, "S-1", ""));
    assert_eq!(categories.seen(), [(String::new(), "A1".to_owned())]);
    let told: Vec<_> = hashes(&plain.packed).map(Result::unwrap).collect();
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].code, told[0].value), (1, &[0x0a; 16][..]));
    assert_eq!((told[1].code, told[1].quality, told[1].value), (4, Some(70), &[0xff; 32][..]));
    assert_eq!(strongest(&plain.packed).unwrap(), told[0]);
}

#[test]
fn codes_are_those_of_the_rfc() {
    // RFC 4231, test case 2.
    let code = Key::new(b"Jefe").code(b"what do ya want for nothing?");
    let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

proptest! {
    #[test]
    fn every_line_is_answered_once(
        block in prop::collection::vec(prop::sample::select(b"A1,\"\n\r 0f\xe9".to_vec()), 0..300)
    ) {
        let found = read(&block, &mut Categories::default());
        prop_assert_eq!(found.len(), block.iter().filter(|byte| **byte == b'\n').count() + 1);
        let others: usize = found.iter().filter(|line| matches!(line, Line::Other(_))).count();
        let plain = found.len() - others;
        prop_assert_eq!(plain, 0, "no line of these letters has a whole hash");
    }

    #[test]
    fn packed_hashes_are_read_to_their_end_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let packed = [&[1], &bytes[..]].concat();
        let told: Vec<_> = hashes(&packed).collect();
        let failures = told.iter().filter(|hash| hash.is_err()).count();
        prop_assert!(failures == 0 || failures == 1 && told.last().is_some_and(Result::is_err));
        prop_assert_eq!(strongest(&packed).is_ok(), failures == 0 && !told.is_empty());
    }
}
