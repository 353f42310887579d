//! Scans that tell everything at once: DC is read, what follows in each block is stepped over.

use std::rc::Rc;

use super::Unread;
use super::bits::Bits;
use super::frame::{KEPT, Part, Plane, Scan, WAVES};
use super::huffman::{Ac, COEFFICIENTS, Dc, Tables};

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
    #[inline(always)]
    pub fn walk(&self, across: usize, blocks: &mut impl Blocks) -> Result<usize, Unread> {
        let mut bits = Bits::new(self.data, self.at);
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
                        bits = bits.after_restart(restarts)?;
                        restarts += 1;
                        left = self.restart;
                        blocks.restart();
                    }
                    left -= 1;
                }
                for block in &layout {
                    match block.offset {
                        Some(offset) => blocks.luma(&mut bits, block.part, mcu_row * rows + mcu * step + offset)?,
                        None => blocks.other(&mut bits, block.part)?,
                    }
                }
                if bits.overdrawn() {
                    return Err(Unread::Truncated);
                }
            }
        }
        bits.end()
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
    let across = plane.across;
    let means = &mut plane.means[..];
    if plane.waves.is_empty() {
        place.walk(across, &mut Whole { dc, ac, before: 0, means, waves: Untold })
    } else {
        place.walk(across, &mut Whole { dc, ac, before: 0, means, waves: &mut plane.waves[..] })
    }
}

/// What becomes of a luma block's coefficients after the first.
trait Waves {
    fn take(&mut self, bits: &mut Bits<'_>, ac: &Ac<'_>, place: usize) -> Result<(), Unread>;
}

/// They are stepped over.
struct Untold;

impl Waves for Untold {
    #[inline(always)]
    fn take(&mut self, bits: &mut Bits<'_>, ac: &Ac<'_>, _: usize) -> Result<(), Unread> {
        ac.skip_block(bits, 1)
    }
}

impl Waves for &mut [[i16; WAVES.len()]] {
    #[inline(always)]
    fn take(&mut self, bits: &mut Bits<'_>, ac: &Ac<'_>, place: usize) -> Result<(), Unread> {
        let mut kept = [0; KEPT];
        let at = ac.read(bits, &mut kept)?;
        self[place] = WAVES.map(|at| kept[at]);
        if at < COEFFICIENTS { ac.skip_block(bits, at) } else { Ok(()) }
    }
}

struct Whole<'a, 'b, W> {
    dc: Vec<Rc<Dc<'a>>>,
    ac: Vec<Rc<Ac<'a>>>,
    /// The luma block before.
    before: i32,
    means: &'b mut [i16],
    waves: W,
}

impl<W: Waves> Blocks for Whole<'_, '_, W> {
    #[inline(always)]
    fn luma(&mut self, bits: &mut Bits<'_>, part: usize, place: usize) -> Result<(), Unread> {
        bits.refill();
        self.before = self.before.wrapping_add(self.dc[part].read(bits)?);
        #[allow(clippy::cast_possible_truncation)] // As libjpeg keeps it.
        let mean = self.before as i16;
        self.means[place] = mean;
        self.waves.take(bits, &self.ac[part], place)
    }

    #[inline(always)]
    fn other(&mut self, bits: &mut Bits<'_>, part: usize) -> Result<(), Unread> {
        bits.refill();
        self.dc[part].skip(bits)?;
        self.ac[part].skip_block(bits, 1)
    }

    fn restart(&mut self) {
        self.before = 0;
    }
}
