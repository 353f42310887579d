//! Scans that tell everything at once: DC is read, what follows in each block is stepped over.

use super::Unread;
use super::bits::Bits;
use super::frame::{Part, Plane, Scan};
use super::huffman::{Ac, Dc, Tables};

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
    let parts = &place.scan.parts;
    let dc = parts.iter().map(|part| tables.dc(part.dc).map(Dc::new)).collect::<Result<Vec<_>, _>>()?;
    let ac = parts.iter().map(|part| tables.ac(part.ac).map(Ac::new)).collect::<Result<Vec<_>, _>>()?;
    let across = plane.across;
    place.walk(across, &mut Whole { dc, ac, before: 0, means: &mut plane.means })
}

struct Whole<'a, 'b> {
    dc: Vec<Dc<'a>>,
    ac: Vec<Ac<'a>>,
    /// The luma block before.
    before: i32,
    means: &'b mut [i16],
}

impl Blocks for Whole<'_, '_> {
    #[inline(always)]
    fn luma(&mut self, bits: &mut Bits<'_>, part: usize, place: usize) -> Result<(), Unread> {
        bits.refill();
        self.before = self.before.wrapping_add(self.dc[part].read(bits)?);
        #[allow(clippy::cast_possible_truncation)] // As libjpeg keeps it.
        let mean = self.before as i16;
        self.means[place] = mean;
        self.ac[part].skip_block(bits)
    }

    #[inline(always)]
    fn other(&mut self, bits: &mut Bits<'_>, part: usize) -> Result<(), Unread> {
        bits.refill();
        self.dc[part].skip(bits)?;
        self.ac[part].skip_block(bits)
    }

    fn restart(&mut self) {
        self.before = 0;
    }
}
