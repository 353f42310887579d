//! The segments of a file: markers, and what stands after them.

use super::Unread;

/// What a marker begins.
#[derive(Clone, Copy, Debug)]
pub enum Segment<'a> {
    /// Sides and components of the picture (SOF).
    Frame {
        /// Whether it is told in ever finer scans.
        progressive: bool,
        /// The header.
        header: &'a [u8],
    },
    /// Quantization tables (DQT).
    Quantization(&'a [u8]),
    /// Huffman tables (DHT).
    Huffman(&'a [u8]),
    /// How many MCUs stand between restart markers (DRI).
    Restart(usize),
    /// What JFIF says.
    App0(&'a [u8]),
    /// What EXIF or XMP say.
    App1(&'a [u8]),
    /// What Adobe says.
    App14(&'a [u8]),
    /// Comments, profiles, and whatever else applications say.
    Other,
    /// A scan's header (SOS); its coded bytes follow.
    Scan(&'a [u8]),
    /// The end of the picture (EOI).
    End,
}

/// Goes from segment to segment.
pub struct Segments<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    /// The segments of the file `data`, which must begin with the marker of a JPEG.
    pub fn new(data: &'a [u8]) -> Result<Self, Unread> {
        if data.starts_with(&[0xff, 0xd8]) { Ok(Self { data, at: 2 }) } else { Err(Unread::Foreign) }
    }

    /// Where the next segment begins, or the coded bytes of the scan that was told last.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes on at the marker that stands `at`.
    pub fn resume_at(&mut self, at: usize) {
        self.at = at;
    }

    /// The next segment.
    pub fn read(&mut self) -> Result<Segment<'a>, Unread> {
        match self.marker()? {
            0xc0 | 0xc1 => Ok(Segment::Frame { progressive: false, header: self.content()? }),
            0xc2 => Ok(Segment::Frame { progressive: true, header: self.content()? }),
            0xc3 => Err(Unread::Lossless),
            0xc4 => Ok(Segment::Huffman(self.content()?)),
            0xc5..=0xc7 | 0xcd..=0xcf | 0xde | 0xdf => Err(Unread::Hierarchical),
            0xc9..=0xcc => Err(Unread::Arithmetic),
            0xd9 => Ok(Segment::End),
            0xda => Ok(Segment::Scan(self.content()?)),
            0xdb => Ok(Segment::Quantization(self.content()?)),
            0xdc => Err(Unread::HeightLater),
            0xdd => match *self.content()? {
                [high, low] => Ok(Segment::Restart(usize::from(u16::from_be_bytes([high, low])))),
                _ => Err(Unread::Damaged),
            },
            0xe0 => Ok(Segment::App0(self.content()?)),
            0xe1 => Ok(Segment::App1(self.content()?)),
            0xee => Ok(Segment::App14(self.content()?)),
            0xe2..=0xed | 0xef | 0xfe => self.content().map(|_| Segment::Other),
            _ => Err(Unread::Damaged),
        }
    }

    fn byte(&mut self) -> Result<u8, Unread> {
        let byte = *self.data.get(self.at).ok_or(Unread::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    fn marker(&mut self) -> Result<u8, Unread> {
        if self.byte()? != 0xff {
            return Err(Unread::Damaged);
        }
        loop {
            // Any number of 0xff may stand before a marker.
            let byte = self.byte()?;
            if byte != 0xff {
                return Ok(byte);
            }
        }
    }

    fn content(&mut self) -> Result<&'a [u8], Unread> {
        let length = usize::from(u16::from_be_bytes([self.byte()?, self.byte()?]));
        let length = length.checked_sub(2).ok_or(Unread::Damaged)?;
        let content = self.data[self.at..].get(..length).ok_or(Unread::Truncated)?;
        self.at += length;
        Ok(content)
    }
}

/// Bytes that are looked at together.
const STRIDE: usize = 64;

/// Where the marker stands that ends the coded bytes from `at` on. Restart markers don't.
pub fn end_of_scan(data: &[u8], mut at: usize) -> Result<usize, Unread> {
    loop {
        let (strides, _) = data[at..].as_chunks::<STRIDE>();
        // Without an early exit the compiler compares a whole stride at once.
        let free = |stride: &&[u8; STRIDE]| !stride.iter().fold(false, |found, &byte| found | (byte == 0xff));
        at += STRIDE * strides.iter().take_while(free).count();
        let rest = &data[at..];
        at += rest.iter().position(|&byte| byte == 0xff).ok_or(Unread::Truncated)?;
        match data.get(at + 1).ok_or(Unread::Truncated)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Ok(at),
        }
    }
}
