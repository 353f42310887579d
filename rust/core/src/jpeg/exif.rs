//! How a picture is to be turned, as EXIF tells (CIPA DC-008, 4.6.4). What is told in an unusual way is left to others.

use super::Unread;

const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// XMP's word for it: counts where EXIF has none.
const XMP_ORIENTATION: &[u8] = b"tiff:Orientation";
const TAG: u16 = 0x0112;
const SHORT: u16 = 3;
/// Bytes of an entry of a directory.
const ENTRY: usize = 12;

/// What a file's segments said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Orientation<'a> {
    exif: Option<&'a [u8]>,
    in_xmp: bool,
}

impl<'a> Orientation<'a> {
    /// Takes in the content of an APP1 segment.
    pub fn take(&mut self, content: &'a [u8]) -> Result<(), Unread> {
        if let Some(tiff) = content.strip_prefix(EXIF) {
            if self.exif.replace(tiff).is_some() {
                return Err(Unread::Orientation);
            }
        } else if content.starts_with(XMP) {
            self.in_xmp = content.windows(XMP_ORIENTATION.len()).any(|text| text == XMP_ORIENTATION);
        }
        Ok(())
    }

    /// 1 (upright) to 8.
    pub fn value(&self) -> Result<u8, Unread> {
        let told = match self.exif {
            None | Some([]) => None,
            Some(tiff) => Tiff::parse(tiff).ok_or(Unread::Orientation)?.orientation().ok_or(Unread::Orientation)?,
        };
        match told {
            #[allow(clippy::cast_possible_truncation)] // 1 to 8.
            Some(value @ 1..=8) => Ok(value as u8),
            // What is no orientation turns nothing.
            Some(_) => Ok(1),
            None if self.in_xmp => Err(Unread::Orientation),
            None => Ok(1),
        }
    }
}

struct Tiff<'a> {
    content: &'a [u8],
    little_endian: bool,
}

impl<'a> Tiff<'a> {
    fn parse(content: &'a [u8]) -> Option<Self> {
        match content.first_chunk()? {
            b"II*\0" => Some(Self { content, little_endian: true }),
            b"MM\0*" => Some(Self { content, little_endian: false }),
            _ => None,
        }
    }

    /// The orientation that the first directory tells; `Some(None)` where it tells none.
    fn orientation(&self) -> Option<Option<u16>> {
        let directory = self.content.get(usize::try_from(self.long(4)?).ok()?..)?;
        let count = usize::from(self.short_of(directory.first_chunk()?));
        let (entries, _) = directory.get(2..2 + count * ENTRY)?.as_chunks::<ENTRY>();
        let mut told = None;
        for entry in entries {
            let [tag, kind, high, low, value, _] = *entry.as_chunks::<2>().0 else { return None };
            if self.short_of(&tag) == TAG {
                let one = if self.little_endian { [1, 0, 0, 0] } else { [0, 0, 0, 1] };
                if self.short_of(&kind) != SHORT || [high[0], high[1], low[0], low[1]] != one || told.is_some() {
                    return None;
                }
                told = Some(self.short_of(&value));
            }
        }
        Some(told)
    }

    fn short_of(&self, bytes: &[u8; 2]) -> u16 {
        if self.little_endian { u16::from_le_bytes(*bytes) } else { u16::from_be_bytes(*bytes) }
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = *self.content.get(at..)?.first_chunk()?;
        Some(if self.little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }
}
