//! The picture's sides and components, the headers of its scans, and where luma is put down.

use super::{BLOCK, TABLES, Unread};

/// Blocks of an MCU, at most (T.81, B.2.3).
const BLOCKS_MOST: usize = 10;
/// What a mean is shifted by, so that it is a pixel.
const MIDDLE: i32 = 128;

/// One of the components of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Component {
    id: u8,
    /// Blocks of an MCU along a row.
    pub across: usize,
    /// Blocks of an MCU along a column.
    pub down: usize,
    table: usize,
}

/// What a frame's header says.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Whether it is told in ever finer scans.
    pub progressive: bool,
    components: Vec<Component>,
}

impl Frame {
    /// Reads a frame's header.
    pub fn parse(header: &[u8], progressive: bool, most_pixels: usize) -> Result<Self, Unread> {
        let Some(([precision, height @ .., width_high, width_low, count], rest)) = header.split_first_chunk::<6>()
        else {
            return Err(Unread::Damaged);
        };
        let height = usize::from(u16::from_be_bytes(*height));
        let width = usize::from(u16::from_be_bytes([*width_high, *width_low]));
        if *precision != 8 {
            return Err(Unread::Precision);
        }
        if !matches!(count, 1 | 3) {
            return Err(Unread::Colours);
        }
        if width == 0 || rest.len() != 3 * usize::from(*count) {
            return Err(Unread::Damaged);
        }
        if height == 0 {
            return Err(Unread::HeightLater);
        }
        if width * height > most_pixels {
            return Err(Unread::TooLarge);
        }
        let mut components: Vec<Component> = Vec::with_capacity(3);
        for &[id, factors, table] in rest.as_chunks().0 {
            let (across, down) = (usize::from(factors >> 4), usize::from(factors & 15));
            let table = usize::from(table);
            if table >= TABLES || components.iter().any(|other| other.id == id) {
                return Err(Unread::Damaged);
            }
            if !(1..=4).contains(&across) || !(1..=4).contains(&down) {
                return Err(Unread::Sampling);
            }
            components.push(Component { id, across, down, table });
        }
        if let [alone] = &mut components[..] {
            // A component alone comes block by block, whatever its factors.
            (alone.across, alone.down) = (1, 1);
        }
        let luma = components[0];
        // A decoder would bring coarser luma up to the size of the others.
        if components.iter().any(|other| other.across > luma.across || other.down > luma.down) {
            return Err(Unread::Sampling);
        }
        Ok(Self { width, height, progressive, components })
    }

    /// How many components there are.
    pub fn components(&self) -> usize {
        self.components.len()
    }

    /// The number of a component's quantization table.
    pub fn table_of(&self, component: usize) -> usize {
        self.components[component].table
    }

    /// Blocks of luma along a row, without those that only fill up an MCU.
    pub fn across(&self) -> usize {
        self.width.div_ceil(BLOCK)
    }

    /// Blocks of luma along a column.
    pub fn down(&self) -> usize {
        self.height.div_ceil(BLOCK)
    }

    /// MCUs along a row and along a column, where several components take turns.
    fn mcus(&self) -> (usize, usize) {
        let luma = self.components[0];
        (self.width.div_ceil(BLOCK * luma.across), self.height.div_ceil(BLOCK * luma.down))
    }
}

/// Whether the three components are luma and two colours, as libjpeg guesses it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Colours {
    jfif: bool,
    adobe: Option<u8>,
}

impl Colours {
    /// Takes in the content of an APP0 segment.
    pub fn take_jfif(&mut self, content: &[u8]) {
        self.jfif |= content.len() >= 14 && content.starts_with(b"JFIF\0");
    }

    /// Takes in the content of an APP14 segment.
    pub fn take_adobe(&mut self, content: &[u8]) {
        if let (true, Some(&transform)) = (content.starts_with(b"Adobe"), content.get(11)) {
            self.adobe = Some(transform);
        }
    }

    /// Fails where the first component is not luma.
    pub fn check(self, frame: &Frame) -> Result<(), Unread> {
        let [red, green, blue] = *frame.components else { return Ok(()) };
        let stored_as_rgb = match (self.jfif, self.adobe) {
            (true, _) => false,
            (false, Some(transform)) => transform == 0,
            (false, None) => [red.id, green.id, blue.id] == *b"RGB",
        };
        if stored_as_rgb { Err(Unread::Colours) } else { Ok(()) }
    }
}

/// What the first coefficients of a block are multiplied by, in the order of the file.
pub type Steps = [u16; KEPT];

/// Takes in quantization tables: of each, what counts here.
pub fn take_steps(mut content: &[u8], steps: &mut [Option<Steps>; TABLES]) -> Result<(), Unread> {
    while let Some((&kind, rest)) = content.split_first() {
        let (length, number) = (64 << (kind >> 4 & 1), usize::from(kind & 15));
        if kind >> 4 > 1 || number >= TABLES {
            return Err(Unread::Damaged);
        }
        let (table, rest) = rest.split_at_checked(length).ok_or(Unread::Damaged)?;
        let step = |at| {
            if length == 64 { u16::from(table[at]) } else { u16::from_be_bytes([table[2 * at], table[2 * at + 1]]) }
        };
        let kept: Steps = std::array::from_fn(step);
        // Decoders differ in how they take larger ones.
        if kept.iter().any(|&step| step > 0x7fff) {
            return Err(Unread::Damaged);
        }
        steps[number] = Some(kept);
        content = rest;
    }
    Ok(())
}

/// A component of a scan.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Which of the frame's components it is; 0 is luma.
    pub component: usize,
    /// The number of its DC table.
    pub dc: usize,
    /// The number of its AC table.
    pub ac: usize,
    /// Blocks of an MCU of this scan along a row, and along a column.
    pub across: usize,
    /// See `across`.
    pub down: usize,
}

/// What a scan's header says.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Its components, in the order in which they take turns.
    pub parts: Vec<Part>,
    /// The first coefficient that it tells of, from 0 for DC.
    pub first: usize,
    /// The last.
    pub last: usize,
    /// How many low bits were unknown before it; 0 where all were.
    pub high: u8,
    /// How many low bits are unknown after it.
    pub low: u8,
    /// MCUs along a row, and along a column.
    pub mcus: (usize, usize),
}

impl Scan {
    /// Reads a scan's header.
    pub fn parse(header: &[u8], frame: &Frame) -> Result<Self, Unread> {
        let (&count, rest) = header.split_first().ok_or(Unread::Damaged)?;
        let (parts, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or(Unread::Damaged)?;
        let &[first, last, approximation] = rest else { return Err(Unread::Damaged) };
        let parts = parts.as_chunks().0.iter().map(|part| Part::parse(*part, frame)).collect::<Result<Vec<_>, _>>()?;
        let twice =
            parts.iter().enumerate().any(|(at, part)| parts[..at].iter().any(|o| o.component == part.component));
        if parts.is_empty() || twice {
            return Err(Unread::Damaged);
        }
        let mut scan = Self {
            parts,
            first: usize::from(first),
            last: usize::from(last),
            high: approximation >> 4,
            low: approximation & 15,
            mcus: frame.mcus(),
        };
        if let [alone] = &mut scan.parts[..] {
            // A component alone comes block by block, in its own rows.
            (alone.across, alone.down) = (1, 1);
            scan.mcus = (frame.across(), frame.down());
        }
        if scan.parts.iter().map(|part| part.across * part.down).sum::<usize>() > BLOCKS_MOST {
            return Err(Unread::Sampling);
        }
        Ok(scan)
    }

    /// Whether luma is among its components.
    pub fn has_luma(&self) -> bool {
        self.parts.iter().any(|part| part.component == 0)
    }

    /// Whether it tells all of its components at once.
    pub fn is_sequential(&self) -> bool {
        (self.first, self.last, self.high, self.low) == (0, 63, 0, 0)
    }
}

impl Part {
    fn parse([id, tables]: [u8; 2], frame: &Frame) -> Result<Self, Unread> {
        let component = frame.components.iter().position(|component| component.id == id).ok_or(Unread::Damaged)?;
        let Component { across, down, .. } = frame.components[component];
        Ok(Self { component, dc: usize::from(tables >> 4), ac: usize::from(tables & 15), across, down })
    }
}

/// Coefficients of a block that are ever kept: the first ones of the zigzag.
pub const KEPT: usize = 5;
/// Those of them that are slow waves: across, down, and both.
pub const WAVES: [usize; 3] = [1, 2, 4];

/// The DC coefficients of luma, and its slowest waves where they are asked for.
pub struct Plane {
    /// Row by row, with the blocks that fill up an MCU.
    pub means: Vec<i16>,
    /// The same for the waves, in the order of `WAVES`; empty where they are not asked for.
    pub waves: Vec<[i16; WAVES.len()]>,
    /// Blocks of a row.
    pub across: usize,
}

impl Plane {
    /// Room for the luma of a picture of which `bytes` are left: fails where they cannot be enough, as each block takes a
    /// bit at least. So a short file that promises a large picture gets no memory.
    pub fn new(frame: &Frame, bytes: usize, waves: bool) -> Result<Self, Unread> {
        let (luma, mcus) = (frame.components[0], frame.mcus());
        let across = mcus.0 * luma.across;
        let blocks = across * mcus.1 * luma.down;
        if blocks > bytes.saturating_mul(8) {
            return Err(Unread::Truncated);
        }
        Ok(Self { means: vec![0; blocks], waves: vec![[0; WAVES.len()]; if waves { blocks } else { 0 }], across })
    }

    /// The pixels: (DC x step, divided by 8, rounded) + 128, kept within 0 to 255. What a damaged file makes of it beyond
    /// 10 bits wraps, as it does in libjpeg.
    pub fn pixels(&self, frame: &Frame, step: u16) -> Vec<u8> {
        let mut luma = Vec::with_capacity(frame.across() * frame.down());
        for row in self.means.chunks_exact(self.across).take(frame.down()) {
            luma.extend(row[..frame.across()].iter().map(|&mean| pixel(mean, step)));
        }
        luma
    }

    /// The waves of each pixel of `pixels`, multiplied by their steps.
    pub fn waves(&self, frame: &Frame, steps: &Steps) -> Vec<[f32; WAVES.len()]> {
        let mut waves = Vec::with_capacity(frame.across() * frame.down());
        for row in self.waves.chunks_exact(self.across).take(frame.down()) {
            let scaled =
                |wave: &[i16; WAVES.len()]| std::array::from_fn(|at| f32::from(wave[at]) * f32::from(steps[WAVES[at]]));
            waves.extend(row[..frame.across()].iter().map(scaled));
        }
        waves
    }
}

fn pixel(mean: i16, step: u16) -> u8 {
    let eighth = (i32::from(mean) * i32::from(step) + 4) >> 3;
    // The lowest 10 bits, with their sign.
    let wrapped = (eighth << 22) >> 22;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Clamped.
    let pixel = (wrapped + MIDDLE).clamp(0, 255) as u8;
    pixel
}
