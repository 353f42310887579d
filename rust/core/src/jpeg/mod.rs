//! A JPEG's picture at an eighth of its size, read from the mean of each block alone.
//!
//! A JPEG keeps each block of 8 x 8 pixels as 64 strengths of waves; the first, called DC, is the block's mean. A decoder that
//! scales down by eight uses nothing else. So the others are stepped over and never decoded, and of the colours only luma
//! is kept. The pixels are those of libjpeg-turbo at 1/8 with grey output, bit for bit (`draft("L", …)` in Pillow).
//!
//! Only what is whole and usual is read: Huffman-coded, 8 bits, grey or luma with two colours, sequential or progressive.
//! Everything else, and all that is the least bit out of order, is left to a real decoder, with the reason (`Unread`). So
//! a damaged file is never called whole here, and nothing is guessed.
//!
//! Where a picture is small, the three slowest waves of each block may be asked for as well: they tell how brightness slopes
//! through it (`screen_waves.rs`).
//!
//! The bytes are hostile and this may run beside secrets. There is no unsafe code in here. Time is linear in the length of
//! the file, whatever its header promises; memory is at most 200 times that length, and an eighth of a byte a pixel of
//! what the caller allows.
#![forbid(unsafe_code)]

mod bits;
mod exif;
mod first;
mod frame;
mod huffman;
mod progressive;
mod segments;
mod sequential;

use frame::{Frame, Plane, Scan};
use segments::{Segment, Segments};
use sequential::Place;

/// Pixels of a side of a block.
const BLOCK: usize = 8;
/// Tables of each kind that a file may have at a time.
const TABLES: usize = 4;

/// The luma of a picture, eight times smaller.
#[derive(Clone, Debug, PartialEq)]
pub struct Eighth {
    /// One byte a pixel, row by row; sides are those of the original divided by eight, rounded up.
    pub luma: Vec<u8>,
    /// Pixels of a row of the original, as it is stored.
    pub width: usize,
    /// Rows of the original, as it is stored.
    pub height: usize,
    /// How EXIF says that it is to be turned, 1 (not at all) to 8.
    pub orientation: u8,
    /// Of each pixel the slowest waves of its block, if they were asked for and the file is sequential: across, down, and
    /// both, as the coefficients that the standard numbers (0, 1), (1, 0) and (1, 1). Otherwise empty.
    pub waves: Vec<[f32; 3]>,
}

/// What is read of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// The means of blocks.
    #[default]
    Means,
    /// Their slowest waves, too.
    Waves,
    /// The waves of pictures with a side shorter than this, and of others the means.
    WavesBelow(usize),
}

/// Why a file is left to a real decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It does not begin as a JPEG.
    Foreign,
    /// Coded arithmetically.
    Arithmetic,
    /// Samples of other than 8 bits.
    Precision,
    /// Coded without loss.
    Lossless,
    /// A pyramid of several frames.
    Hierarchical,
    /// Inks, or colours without a luma of their own.
    Colours,
    /// Luma that is coarser than another component, or factors that the standard does not allow.
    Sampling,
    /// The height is told after the picture only.
    HeightLater,
    /// More pixels than the caller allows.
    TooLarge,
    /// A table is used that the file does not have.
    MissingTables,
    /// It ends before its picture does.
    Truncated,
    /// Something in it contradicts the standard.
    Damaged,
    /// Scans that a decoder would interpret, not just read: luma twice, out of order, or a picture that is never made exact.
    Scans,
    /// EXIF or XMP tell of an orientation in an unusual way.
    Orientation,
}

impl Unread {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::Foreign,
        Self::Arithmetic,
        Self::Precision,
        Self::Lossless,
        Self::Hierarchical,
        Self::Colours,
        Self::Sampling,
        Self::HeightLater,
        Self::TooLarge,
        Self::MissingTables,
        Self::Truncated,
        Self::Damaged,
        Self::Scans,
        Self::Orientation,
    ];

    /// The reason in one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Arithmetic => "arithmetic",
            Self::Precision => "precision",
            Self::Lossless => "lossless",
            Self::Hierarchical => "hierarchical",
            Self::Colours => "colours",
            Self::Sampling => "sampling",
            Self::HeightLater => "height_later",
            Self::TooLarge => "too_large",
            Self::MissingTables => "missing_tables",
            Self::Truncated => "truncated",
            Self::Damaged => "damaged",
            Self::Scans => "scans",
            Self::Orientation => "orientation",
        }
    }
}

/// The luma of the file `data` at an eighth of its size, if it has at most `most_pixels`; and its slowest waves if they are
/// `wanted`.
///
/// # Errors
/// Why a real decoder must look at it.
pub fn read_eighth(data: &[u8], most_pixels: usize, wanted: Wanted) -> Result<Eighth, Unread> {
    let mut segments = Segments::new(data)?;
    let mut file = File { most_pixels, wanted, ..File::default() };
    loop {
        match segments.read()? {
            Segment::End => return file.eighth(),
            Segment::Scan(header) => segments.resume_at(file.read_scan(header, data, segments.at())?),
            other => file.take(other)?,
        }
    }
}

/// What a file has told so far.
#[derive(Default)]
struct File<'a> {
    most_pixels: usize,
    wanted: Wanted,
    frame: Option<Frame>,
    colours: frame::Colours,
    exif: exif::Orientation<'a>,
    steps: [Option<frame::Steps>; TABLES],
    tables: huffman::Tables<'a>,
    /// MCUs between two restart markers; 0 where there are none.
    restart: usize,
    /// Luma's steps, as they were when luma was first read.
    luma_steps: frame::Steps,
    plane: Option<Plane>,
    /// How exactly all coefficients are known, in a progressive file.
    progress: progressive::Progress,
}

impl<'a> File<'a> {
    /// Takes in everything but scans.
    fn take(&mut self, segment: Segment<'a>) -> Result<(), Unread> {
        match segment {
            Segment::Frame { progressive, header } => {
                if self.frame.is_some() {
                    return Err(Unread::Damaged);
                }
                self.frame = Some(Frame::parse(header, progressive, self.most_pixels)?);
            }
            Segment::Quantization(tables) => frame::take_steps(tables, &mut self.steps)?,
            Segment::Huffman(tables) => self.tables.take(tables)?,
            Segment::Restart(interval) => self.restart = interval,
            Segment::App0(content) => self.colours.take_jfif(content),
            Segment::App1(content) => self.exif.take(content)?,
            Segment::App14(content) => self.colours.take_adobe(content),
            Segment::Other | Segment::Scan(_) | Segment::End => {}
        }
        Ok(())
    }

    /// Reads the scan whose coded bytes begin `at`, and answers where they end.
    fn read_scan(&mut self, header: &[u8], data: &'a [u8], at: usize) -> Result<usize, Unread> {
        let frame = self.frame.as_ref().ok_or(Unread::Damaged)?;
        let scan = Scan::parse(header, frame)?;
        if self.plane.is_none() {
            // What is told of colours counts as it stands when the first scan begins.
            self.colours.check(frame)?;
        }
        if frame.progressive {
            self.progress.check(&scan)?;
        } else if !scan.is_sequential() || (scan.has_luma() && self.plane.is_some()) {
            return Err(Unread::Scans);
        }
        self.check_tables(frame, &scan)?;
        if !scan.has_luma() || scan.first > 0 {
            return segments::end_of_scan(data, at);
        }
        if self.plane.is_none() {
            self.luma_steps = self.steps[frame.table_of(0)].ok_or(Unread::MissingTables)?;
            let waves = match self.wanted {
                Wanted::Means => false,
                Wanted::Waves => true,
                Wanted::WavesBelow(side) => frame.width.min(frame.height) < side,
            };
            self.plane = Some(Plane::new(frame, data.len() - at, waves && !frame.progressive)?);
        }
        let plane = self.plane.as_mut().ok_or(Unread::Damaged)?;
        let place = Place { data, at, scan: &scan, restart: self.restart };
        match (frame.progressive, scan.high) {
            (false, _) => sequential::read(&place, &self.tables, plane),
            (true, 0) => progressive::read_first(&place, &self.tables, plane),
            (true, _) => progressive::refine(&place, plane),
        }
    }

    /// Fails where a table is missing or wrong that a decoder would need, though here it may not be.
    fn check_tables(&self, frame: &Frame, scan: &Scan) -> Result<(), Unread> {
        for part in &scan.parts {
            if self.steps[frame.table_of(part.component)].is_none() {
                return Err(Unread::MissingTables);
            }
            if scan.first == 0 && scan.high == 0 {
                self.tables.dc(part.dc)?;
            }
            if scan.last > 0 {
                self.tables.ac(part.ac)?;
            }
        }
        Ok(())
    }

    fn eighth(self) -> Result<Eighth, Unread> {
        let (Some(frame), Some(plane)) = (self.frame, self.plane) else {
            return Err(Unread::Truncated);
        };
        if frame.progressive && !self.progress.is_exact(frame.components()) {
            return Err(Unread::Scans);
        }
        Ok(Eighth {
            luma: plane.pixels(&frame, self.luma_steps[0]),
            waves: plane.waves(&frame, &self.luma_steps),
            width: frame.width,
            height: frame.height,
            orientation: self.exif.value()?,
        })
    }
}
