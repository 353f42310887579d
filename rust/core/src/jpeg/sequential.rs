//! Scans that tell everything at once: DC is read, what follows in each block is stepped over.

use std::rc::Rc;

use super::Unread;
use super::bits::{Bits, Coded};
use super::first::First;
use super::frame::{Part, Plane, Scan, WAVES};
use super::huffman::{Ac, Dc, Tables};
use crate::simd::Level;
use crate::simd::lanes::{self, Machine, Work};

/// A scan in its file.
pub struct Place<'a, 'b> {
    /// The whole file.
    pub data: &'a [u8],
    /// Where the scan's coded bytes begin.
    pub at: usize,
    /// Its header.
    pub scan: &'b Scan,
    /// MCUs between two restart markers; 0 where there are none.
    pub restart: usize,
}

/// What is done with a block.
pub trait Blocks {
    /// Reads a block that becomes the one at `place` of luma.
    fn luma(&mut self, bits: &mut Bits<'_>, part: usize, place: usize) -> Result<(), Unread>;
    /// Steps over a block of another component.
    fn other(&mut self, bits: &mut Bits<'_>, part: usize) -> Result<(), Unread>;
    /// Begins anew after a restart marker.
    fn restart(&mut self);
}

impl<'a> Place<'a, '_> {
    /// The table of each part, made ready once each: both colours share theirs as a rule.
    pub fn tables<T>(
        &self,
        number: impl Fn(&Part) -> usize,
        ready: impl Fn(usize) -> Result<T, Unread>,
    ) -> Result<Vec<Rc<T>>, Unread> {
        let parts = &self.scan.parts;
        let mut made: Vec<Rc<T>> = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            let same = parts[..at].iter().position(|other| number(other) == number(part));
            made.push(match same {
                Some(same) => Rc::clone(&made[same]),
                None => Rc::new(ready(number(part))?),
            });
        }
        Ok(made)
    }

    /// Takes every block of the scan to `blocks`, whose luma has rows of `across` blocks; answers where the scan ends.
    pub fn read(&self, across: usize, blocks: &mut impl Blocks) -> Result<usize, Unread> {
        // Bits are shifted by ever other counts, for which newer processors have better instructions.
        lanes::run(Level::best(), Walk { place: self, across, blocks })
    }

    #[inline(always)]
    fn walk(&self, across: usize, blocks: &mut impl Blocks) -> Result<usize, Unread> {
        let mut coded = Coded::default();
        coded.take(self.data, self.at);
        let mut bits = coded.bits();
        let (mut left, mut restarts) = (self.restart, 0);
        let layout: Vec<Block> =
            self.scan.parts.iter().enumerate().flat_map(|(at, part)| layout(at, part, across)).collect();
        let (step, rows) = match self.scan.parts.iter().find(|part| part.component == 0) {
            Some(luma) => (luma.across, luma.down * across),
            None => (0, 0),
        };
        for mcu_row in 0..self.scan.mcus.1 {
            for mcu in 0..self.scan.mcus.0 {
                if self.restart > 0 {
                    if left == 0 {
                        let marker = coded.end(self.data, &bits)?;
                        #[allow(clippy::cast_possible_truncation)] // Numbers go from 0 to 7, and around.
                        if self.data[marker + 1] != 0xd0 + (restarts % 8) as u8 {
                            return Err(Unread::Damaged);
                        }
                        coded.take(self.data, marker + 2);
                        bits = coded.bits();
                        restarts += 1;
                        left = self.restart;
                        blocks.restart();
                    }
                    left -= 1;
                }
                for block in &layout {
                    match block.offset {
                        Some(offset) => blocks.luma(
                            &mut bits,
                            block.part,
                            (mcu_row * rows).wrapping_add(mcu.wrapping_mul(step)).wrapping_add(offset),
                        )?,
                        None => blocks.other(&mut bits, block.part)?,
                    }
                }
                if bits.overdrawn() {
                    return Err(Unread::Truncated);
                }
            }
        }
        coded.end(self.data, &bits)
    }
}

struct Walk<'a, 'b, 'c, B> {
    place: &'c Place<'a, 'b>,
    across: usize,
    blocks: &'c mut B,
}

impl<B: Blocks> Work for Walk<'_, '_, '_, B> {
    type Output = Result<usize, Unread>;

    #[inline(always)]
    fn run<M: Machine>(self, _: M) -> Self::Output {
        self.place.walk(self.across, self.blocks)
    }
}

/// A block of an MCU: which part of the scan it belongs to and, for luma, its place beside the MCU's first.
struct Block {
    part: usize,
    offset: Option<usize>,
}

fn layout(at: usize, part: &Part, across: usize) -> impl Iterator<Item = Block> {
    let &Part { component, across: wide, down, .. } = part;
    (0..down).flat_map(move |row| {
        (0..wide).map(move |column| Block { part: at, offset: (component == 0).then_some(row * across + column) })
    })
}

/// Reads the scan at `place` into `plane`; answers where it ends.
pub fn read<'a>(place: &Place<'a, '_>, tables: &Tables<'a>, plane: &mut Plane) -> Result<usize, Unread> {
    let dc = place.tables(|part| part.dc, |number| tables.dc(number).map(Dc::new))?;
    let ac = place.tables(|part| part.ac, |number| tables.ac(number).map(Ac::new))?;
    let parts: Vec<Codes<'_, 'a>> = dc.iter().zip(&ac).map(|(dc, ac)| Codes { dc, ac }).collect();
    let luma_at = place.scan.parts.iter().position(|part| part.component == 0).ok_or(Unread::Damaged)?;
    let (luma, across, means) = (parts[luma_at], plane.across, &mut plane.means[..]);
    if plane.waves.is_empty() {
        return place.read(across, &mut Whole { luma, parts, before: 0, means, waves: Untold });
    }
    let first = First::new(tables.ac(place.scan.parts[luma_at].ac)?);
    let waves = Told { first, waves: &mut plane.waves };
    place.read(across, &mut Whole { luma, parts, before: 0, means, waves })
}

/// What becomes of a luma block's coefficients after DC, before they are stepped over.
trait Waves {
    fn take(&mut self, bits: &Bits<'_>, place: usize);
}

/// Nothing.
struct Untold;

impl Waves for Untold {
    #[inline(always)]
    fn take(&mut self, _: &Bits<'_>, _: usize) {}
}

/// The slow ones are kept.
struct Told<'a, 'b> {
    first: First<'a>,
    waves: &'b mut [[i16; WAVES.len()]],
}

impl Waves for Told<'_, '_> {
    #[inline(always)]
    fn take(&mut self, bits: &Bits<'_>, place: usize) {
        let mut bits = *bits;
        bits.refill();
        let kept = self.first.read(bits);
        self.waves[place] = WAVES.map(|at| kept[at]);
    }
}

/// By what a component is read.
#[derive(Clone, Copy)]
struct Codes<'a, 'b> {
    dc: &'a Dc<'b>,
    ac: &'a Ac<'b>,
}

struct Whole<'a, 'b, W> {
    luma: Codes<'a, 'b>,
    parts: Vec<Codes<'a, 'b>>,
    /// The luma block before.
    before: i32,
    means: &'a mut [i16],
    waves: W,
}

impl<W: Waves> Blocks for Whole<'_, '_, W> {
    #[inline(always)]
    fn luma(&mut self, bits: &mut Bits<'_>, _: usize, place: usize) -> Result<(), Unread> {
        bits.refill();
        self.before = self.before.wrapping_add(self.luma.dc.read(bits)?);
        #[allow(clippy::cast_possible_truncation)] // As libjpeg keeps it.
        let mean = self.before as i16;
        self.means[place] = mean;
        self.waves.take(bits, place);
        self.luma.ac.skip_block(bits)
    }

    #[inline(always)]
    fn other(&mut self, bits: &mut Bits<'_>, part: usize) -> Result<(), Unread> {
        bits.refill();
        let Codes { dc, ac } = self.parts[part];
        dc.skip(bits)?;
        ac.skip_block(bits)
    }

    fn restart(&mut self) {
        self.before = 0;
    }
}
