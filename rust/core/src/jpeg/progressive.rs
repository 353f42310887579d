//! Scans of a progressive file: one tells the upper bits of DC, others a bit more each; those of AC are not looked at.

use std::rc::Rc;

use super::Unread;
use super::bits::Bits;
use super::frame::{Plane, Scan};
use super::huffman::{Dc, Tables};
use super::sequential::{Blocks, Place};

/// The most low bits that may be left for later scans (T.81, table B.3).
const LOW_MOST: u8 = 13;
const COEFFICIENTS: usize = 64;
/// Components of a picture that is read, at most.
const COMPONENTS: usize = 3;
/// How many low bits are unknown of what was not told at all.
const UNTOLD: u8 = u8::MAX;

/// How many low bits are unknown of the 64 coefficients of each component.
///
/// A decoder smooths a picture of which not all is known exactly, and its pixels are more than means then: those of luma,
/// too, where only colours are coarse. So only files are read that are complete at the end, made so in the order that
/// the standard demands.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    unknown: [[u8; COEFFICIENTS]; COMPONENTS],
}

impl Default for Progress {
    fn default() -> Self {
        Self { unknown: [[UNTOLD; COEFFICIENTS]; COMPONENTS] }
    }
}

impl Progress {
    /// Notes what a scan tells. Fails where it is out of order.
    pub fn check(&mut self, scan: &Scan) -> Result<(), Unread> {
        let order = match scan.first {
            0 => scan.last == 0,
            first => (first..COEFFICIENTS).contains(&scan.last) && scan.parts.len() == 1,
        };
        let refines = scan.high == 0 || scan.high == scan.low + 1;
        if !order || !refines || scan.low > LOW_MOST {
            return Err(Unread::Scans);
        }
        let expected = if scan.high == 0 { UNTOLD } else { scan.high };
        for part in &scan.parts {
            for unknown in &mut self.unknown[part.component][scan.first..=scan.last] {
                if *unknown != expected {
                    return Err(Unread::Scans);
                }
                *unknown = scan.low;
            }
        }
        Ok(())
    }

    /// Whether nothing is left to be told of the first `components`.
    pub fn is_exact(&self, components: usize) -> bool {
        self.unknown[..components].as_flattened().iter().all(|&bits| bits == 0)
    }
}

/// Reads the first scan of luma's DC at `place` into `plane`; answers where it ends.
pub fn read_first<'a>(place: &Place<'a, '_>, tables: &Tables<'a>, plane: &mut Plane) -> Result<usize, Unread> {
    let dc = place.tables(|part| part.dc, |number| tables.dc(number).map(Dc::new))?;
    let across = plane.across;
    place.read(across, &mut First { dc, low: place.scan.low, before: 0, means: &mut plane.means })
}

/// Adds the bit of DC that the scan at `place` tells; answers where it ends.
pub fn refine(place: &Place<'_, '_>, plane: &mut Plane) -> Result<usize, Unread> {
    let across = plane.across;
    place.read(across, &mut Refined { bit: 1 << place.scan.low, means: &mut plane.means })
}

struct First<'a, 'b> {
    dc: Vec<Rc<Dc<'a>>>,
    low: u8,
    /// The luma block before.
    before: i32,
    means: &'b mut [i16],
}

impl Blocks for First<'_, '_> {
    #[inline(always)]
    fn luma(&mut self, bits: &mut Bits<'_>, part: usize, place: usize) -> Result<(), Unread> {
        bits.refill();
        self.before = self.before.wrapping_add(self.dc[part].read(bits)?);
        #[allow(clippy::cast_possible_truncation)] // As libjpeg keeps it.
        let mean = (self.before << self.low) as i16;
        self.means[place] = mean;
        Ok(())
    }

    #[inline(always)]
    fn other(&mut self, bits: &mut Bits<'_>, part: usize) -> Result<(), Unread> {
        bits.refill();
        self.dc[part].skip(bits)
    }

    fn restart(&mut self) {
        self.before = 0;
    }
}

struct Refined<'b> {
    bit: i16,
    means: &'b mut [i16],
}

impl Blocks for Refined<'_> {
    #[inline(always)]
    fn luma(&mut self, bits: &mut Bits<'_>, _: usize, place: usize) -> Result<(), Unread> {
        bits.refill();
        if bits.peek::<1>() == 1 {
            self.means[place] |= self.bit;
        }
        bits.skip(1);
        Ok(())
    }

    #[inline(always)]
    fn other(&mut self, bits: &mut Bits<'_>, _: usize) -> Result<(), Unread> {
        bits.refill();
        bits.skip(1);
        Ok(())
    }

    fn restart(&mut self) {}
}
