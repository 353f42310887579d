//! The DC-only reader against files of a plain writer, and against anything at all.
//!
//! `VANGNET_FUZZ_SECONDS=3600 cargo test --release -p vangnet-core --test jpeg -- --nocapture` damages files for an hour.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use vangnet_core::jpeg::{Eighth, Unread, Wanted, read_eighth};

const MOST_PIXELS: usize = 1 << 26;

/// Symbols of AC with codes of all lengths up to the longest: (symbol, length).
const AC: [(u8, u32); 8] = [(0x00, 1), (0x01, 2), (0xf0, 3), (0xf1, 4), (0x25, 9), (0x13, 13), (0x3a, 15), (0x0a, 16)];
/// Bits of a DC code: one for each width of 0 to 11, all alike.
const DC_LENGTH: u32 = 4;

/// Puts bits together to bytes, with a zero after each 0xff.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    bits: Vec<bool>,
}

impl Writer {
    fn put(&mut self, value: u32, length: u32) {
        self.bits.extend((0..length).rev().map(|at| value >> at & 1 == 1));
    }

    /// Fills up the last byte with ones, and writes all.
    fn align(&mut self) {
        while !self.bits.len().is_multiple_of(8) {
            self.bits.push(true);
        }
        for eight in self.bits.chunks(8) {
            let byte = eight.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
            self.bytes.push(byte);
            if byte == 0xff {
                self.bytes.push(0);
            }
        }
        self.bits.clear();
    }

    fn segment(&mut self, marker: u8, content: &[u8]) {
        self.bytes.extend([0xff, marker]);
        self.bytes.extend((content.len() as u16 + 2).to_be_bytes());
        self.bytes.extend(content);
    }
}

/// What a file is to hold: means row by row, each with the AC symbols (places in `AC`, values) of its block.
#[derive(Clone, Debug)]
struct Made {
    across: usize,
    means: Vec<i32>,
    waves: Vec<Vec<(usize, u32)>>,
    step: u8,
    restart: usize,
}

impl Made {
    fn written(&self) -> Vec<u8> {
        let mut to = Writer { bytes: vec![0xff, 0xd8], ..Writer::default() };
        to.segment(0xdb, &[&[0][..], &[self.step; 64]].concat());
        let down = self.means.len() / self.across;
        let [height, width] = [(down * 8) as u16, (self.across * 8) as u16].map(u16::to_be_bytes);
        to.segment(0xc0, &[8, height[0], height[1], width[0], width[1], 1, 1, 0x11, 0]);
        let mut dc = [0; 29];
        dc[DC_LENGTH as usize] = 12;
        (0..12).for_each(|width| dc[17 + width] = width as u8);
        to.segment(0xc4, &dc);
        let mut ac = vec![0x10; 17];
        (1..17).for_each(|length| ac[length] = AC.iter().filter(|(_, its)| *its as usize == length).count() as u8);
        ac.extend(AC.map(|(symbol, _)| symbol));
        to.segment(0xc4, &ac);
        to.segment(0xdd, &(self.restart as u16).to_be_bytes());
        to.segment(0xda, &[1, 1, 0, 0, 63, 0]);
        let mut before = 0;
        for (number, (&mean, waves)) in self.means.iter().zip(&self.waves).enumerate() {
            if self.restart > 0 && number > 0 && number % self.restart == 0 {
                to.align();
                to.bytes.extend([0xff, 0xd0 + ((number / self.restart - 1) % 8) as u8]);
                before = 0;
            }
            put_valued(&mut to, mean - before);
            before = mean;
            put_waves(&mut to, waves);
        }
        to.align();
        to.bytes.extend([0xff, 0xd9]);
        to.bytes
    }

    fn eighth(&self) -> Eighth {
        let pixel =
            |&mean: &i32| (f64::from(mean * i32::from(self.step)) / 8.0 + 128.5).floor().clamp(0.0, 255.0) as u8;
        let luma = self.means.iter().map(pixel).collect();
        Eighth {
            luma,
            width: self.across * 8,
            height: self.means.len() / self.across * 8,
            orientation: 1,
            waves: vec![],
        }
    }
}

fn put_valued(to: &mut Writer, value: i32) {
    let width = 32 - value.unsigned_abs().leading_zeros();
    to.put(width, DC_LENGTH);
    to.put((if value < 0 { value - 1 } else { value } as u32) & ((1 << width) - 1), width);
}

fn put_waves(to: &mut Writer, waves: &[(usize, u32)]) {
    let mut at = 1;
    for &(place, value) in waves {
        let (symbol, _) = AC[place];
        let next = at + usize::from(symbol >> 4) + 1;
        if next > 64 {
            break;
        }
        put_code(to, place);
        to.put(value & ((1 << (symbol & 15)) - 1), u32::from(symbol & 15));
        at = next;
    }
    if at < 64 {
        put_code(to, 0);
    }
}

/// The canonical code of the symbol at `place` of `AC`.
fn put_code(to: &mut Writer, place: usize) {
    let (mut code, mut length) = (0_u32, AC[0].1);
    for &(_, next) in &AC[1..=place] {
        code = (code + 1) << (next - length);
        length = next;
    }
    to.put(code, length);
}

prop_compose! {
    fn made()(across in 1_usize..9, down in 1_usize..9, step in 1_u8..9)
        (
            means in prop::collection::vec(-128_i32..128, across * down),
            waves in prop::collection::vec(prop::collection::vec((1..AC.len(), any::<u32>()), 0..70), across * down),
            restart in 0_usize..5,
            across in Just(across),
            step in Just(step),
        ) -> Made {
        Made { across, means, waves, step, restart }
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(made in made()) {
        prop_assert_eq!(read_eighth(&made.written(), MOST_PIXELS, Wanted::Means), Ok(made.eighth()));
    }

    #[test]
    fn a_file_that_breaks_off_is_never_read(made in made(), share in 0.0..1.0) {
        let file = made.written();
        prop_assert!(read_eighth(&file[..(file.len() as f64 * share) as usize], MOST_PIXELS, Wanted::Waves).is_err());
    }

    #[test]
    fn noise_is_refused(mut noise in prop::collection::vec(any::<u8>(), 0..3000), begins in any::<bool>()) {
        if begins {
            noise.splice(..0, [0xff, 0xd8]);
        }
        prop_assert!(read_eighth(&noise, MOST_PIXELS, Wanted::Waves).is_err());
    }
}

#[test]
fn a_short_file_that_promises_a_large_picture_is_refused_at_once() {
    let made = Made { across: 1, means: vec![0], waves: vec![vec![]], step: 1, restart: 0 };
    let mut file = made.written();
    let frame = file.windows(2).position(|two| two == [0xff, 0xc0]).expect("a frame");
    file[frame + 5..frame + 9].fill(0xff);
    assert_eq!(read_eighth(&file, MOST_PIXELS, Wanted::Waves), Err(Unread::TooLarge));
    assert_eq!(read_eighth(&file, usize::MAX, Wanted::Means), Err(Unread::Truncated));
}

#[test]
fn every_reason_has_a_word_of_its_own() {
    let words: std::collections::HashSet<_> = Unread::ALL.iter().map(|unread| unread.word()).collect();
    assert_eq!(words.len(), Unread::ALL.len());
}

/// Numbers that a seed makes, the same each time (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % end as u64) as usize
    }
}

/// Changes a few bytes of a file: bits, bytes, markers, whole pieces.
fn damage(file: &mut Vec<u8>, random: &mut Random) {
    const MARKERS: [u8; 14] = [0xc0, 0xc1, 0xc2, 0xc4, 0xd0, 0xd1, 0xd7, 0xd9, 0xda, 0xdb, 0xdd, 0xe1, 0xff, 0x00];
    for _ in 0..=random.below(4) {
        let at = random.below(file.len());
        let length = (1 + random.below(40)).min(file.len() - at);
        match random.below(6) {
            0 => file[at] ^= 1 << random.below(8),
            1 => file[at] = random.below(256) as u8,
            2 => file[at..][..length.min(2)].copy_from_slice(&[0xff, MARKERS[random.below(14)]][..length.min(2)]),
            3 if file.len() > length => drop(file.drain(at..at + length)),
            4 => {
                let piece = file[at..at + length].to_vec();
                let to = random.below(file.len());
                file.splice(to..to, piece);
            }
            _ => file.truncate(at + 1),
        }
    }
}

/// A file of a seed: sequential as it is written, or made progressive by its markers, which reaches that part too.
fn from_seed(random: &mut Random) -> Vec<u8> {
    let (across, down) = (1 + random.below(8), 1 + random.below(8));
    let mut waves =
        || (0..random.below(20)).map(|_| (1 + random.below(AC.len() - 1), random.below(1 << 16) as u32)).collect();
    let waves: Vec<_> = (0..across * down).map(|_| waves()).collect();
    let means = (0..across * down).map(|_| random.below(256) as i32 - 128).collect();
    let mut file = Made { across, means, waves, step: 2, restart: random.below(4) }.written();
    if random.below(2) == 1 {
        let frame = file.windows(2).position(|two| two == [0xff, 0xc0]).expect("a frame");
        file[frame + 1] = 0xc2;
        let scan = file.windows(2).position(|two| two == [0xff, 0xda]).expect("a scan");
        file[scan + 8] = 0;
        let wave = [&[0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0][..], &[0; 9], &[0xff, 0xd9]].concat();
        let end = file.len() - 2;
        file.splice(end.., wave);
    }
    file
}

#[test]
fn damage_ends_in_an_answer() {
    let seconds = std::env::var("VANGNET_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let (least, longest) = (20_000, Duration::from_secs(seconds.unwrap_or(0)));
    let start = Instant::now();
    let (mut cases, mut read, mut slowest) = (0_u64, 0_u64, 0.0_f64);
    while cases < least || start.elapsed() < longest {
        let mut random = Random(cases);
        let mut file = from_seed(&mut random);
        damage(&mut file, &mut random);
        let began = Instant::now();
        // A panic would name the case: its number is its seed.
        let answer = std::panic::catch_unwind(|| read_eighth(&file, MOST_PIXELS, Wanted::Waves));
        slowest = slowest.max(began.elapsed().as_secs_f64() * 1e9 / file.len() as f64);
        let answer = answer.unwrap_or_else(|_| panic!("case {cases}"));
        read += u64::from(answer.is_ok());
        cases += 1;
    }
    println!("{cases} damaged files, {read} of them read; the slowest took {slowest:.0} ns a byte");
    assert!(read > cases / 1000 && read < cases, "{read} of {cases}");
}
