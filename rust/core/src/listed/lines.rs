//! The plain lines of a list as CSV, of which ten million are read at once.
//!
//! A line is plain where nothing can be said against it and nothing about it is unusual: no quote, no letter beyond ASCII,
//! no blank at the edge of a cell, each hash once and as it must be. Every other line is given back as it is, for the
//! reader in `vangnet.registry.formats.csv`, which answers any line and says what is wrong with it. So what a row means is
//! decided there, and only there; a plain line means the same here.

use std::collections::HashMap;

const VERSION: u8 = 1;
const PDQ: u8 = 4;
const NO_QUALITY: u8 = 255;
const PDQ_BYTES: usize = 32;
const REFERENCE_MAX: usize = 200;
const NOTE_MAX: usize = 1000;
const CATEGORY_MAX: usize = 100;
const LINE_MAX: usize = 1024 * 1024;
/// So many categories are kept; a supplier has a dozen.
const CATEGORIES_KEPT: usize = 1000;

/// Where in a line each column stands, from 0; `None` for those that the file does not have.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// What stands between two cells.
    pub delimiter: u8,
    /// How many cells a line has.
    pub width: usize,
    /// Digests in the order in which they are packed: their place, their code, their bytes.
    pub digests: Vec<(usize, u8, usize)>,
    /// The columns of PDQ hashes.
    pub pdq: Option<PdqColumns>,
    /// Empty, or `add`.
    pub action: Option<usize>,
    /// The supplier's own name for the entry.
    pub reference: Option<usize>,
    /// Empty, `image` or `video`.
    pub media_kind: Option<usize>,
    /// Whose word the category is.
    pub scheme: Option<usize>,
    /// The category.
    pub category: Option<usize>,
    /// A remark.
    pub note: Option<usize>,
    /// Columns that are empty in a plain line.
    pub empty: Vec<usize>,
}

impl Layout {
    /// Every place that is looked at.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        let single = [self.action, self.reference, self.media_kind, self.scheme, self.category, self.note];
        let pdq = self.pdq.iter().flat_map(|pdq| [Some(pdq.hash), pdq.convention, pdq.quality]);
        let digests = self.digests.iter().map(|(place, ..)| *place);
        single.into_iter().chain(pdq).flatten().chain(digests).chain(self.empty.iter().copied())
    }
}

/// Where the columns of PDQ hashes stand.
#[derive(Clone, Debug)]
pub struct PdqColumns {
    /// The hash.
    pub hash: usize,
    /// The convention by which it was made.
    pub convention: Option<usize>,
    /// Its quality.
    pub quality: Option<usize>,
    /// What the conventions are called, in the order of their numbers; the first is the usual one.
    pub conventions: Vec<String>,
}

/// The categories that were seen, by scheme and name as they stand in the file.
#[derive(Clone, Debug, Default)]
pub struct Categories {
    seen: Vec<(String, String)>,
    /// By name, then scheme.
    numbers: HashMap<Vec<u8>, HashMap<Vec<u8>, usize>>,
}

impl Categories {
    /// Scheme and name of those that were seen, by number.
    #[must_use]
    pub fn seen(&self) -> &[(String, String)] {
        &self.seen
    }

    fn number(&mut self, scheme: &[u8], name: &[u8]) -> Option<usize> {
        if let Some(number) = self.numbers.get(name).and_then(|schemes| schemes.get(scheme)) {
            return Some(*number);
        }
        if self.seen.len() == CATEGORIES_KEPT || name.is_empty() {
            return None;
        }
        let entry = (text(scheme, CATEGORY_MAX)?.to_owned(), text(name, CATEGORY_MAX)?.to_owned());
        let number = self.seen.len();
        self.seen.push(entry);
        self.numbers.entry(name.to_vec()).or_default().insert(scheme.to_vec(), number);
        Some(number)
    }
}

/// One line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// It can be an entry.
    Plain(Plain<'a>),
    /// Somebody else must look at it. Without its end.
    Other(&'a [u8]),
}

/// A line that can be an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain<'a> {
    /// The number of its category among those that were seen.
    pub category: usize,
    /// Moving pictures.
    pub video: bool,
    /// The supplier's own name for it; may be empty.
    pub reference: &'a str,
    /// A remark; may be empty.
    pub note: &'a str,
    /// Its hashes.
    pub packed: Vec<u8>,
}

/// Each line of a block of whole lines, without the end of the last.
pub fn lines<'a>(block: &'a [u8], layout: &Layout, categories: &mut Categories) -> impl Iterator<Item = Line<'a>> {
    let mut cells = Vec::with_capacity(layout.width);
    block.split(|byte| *byte == b'\n').map(move |line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match plain(line, layout, categories, &mut cells) {
            Some(plain) => Line::Plain(plain),
            None => Line::Other(line),
        }
    })
}

fn plain<'a>(
    line: &'a [u8],
    layout: &Layout,
    categories: &mut Categories,
    cells: &mut Vec<&'a [u8]>,
) -> Option<Plain<'a>> {
    if line.len() > LINE_MAX {
        return None;
    }
    cells.clear();
    cells.extend(line.split(|byte| *byte == layout.delimiter));
    if cells.len() != layout.width || line.contains(&b'"') {
        return None;
    }
    if layout.empty.iter().any(|place| !cells[*place].is_empty()) || !matches!(at(cells, layout.action), b"" | b"add") {
        return None;
    }
    let video = match at(cells, layout.media_kind) {
        b"" | b"image" => false,
        b"video" => true,
        _ => return None,
    };
    Some(Plain {
        category: categories.number(at(cells, layout.scheme), at(cells, layout.category))?,
        video,
        reference: text(at(cells, layout.reference), REFERENCE_MAX)?,
        note: text(at(cells, layout.note), NOTE_MAX)?,
        packed: packed(cells, layout)?,
    })
}

/// The hashes of a row; there must be one.
fn packed(cells: &[&[u8]], layout: &Layout) -> Option<Vec<u8>> {
    let mut packed = Vec::with_capacity(128);
    packed.push(VERSION);
    for &(place, code, length) in &layout.digests {
        if !cells[place].is_empty() {
            packed.push(code);
            push_hex(&mut packed, cells[place], length)?;
        }
    }
    if let Some(columns) = &layout.pdq
        && !cells[columns.hash].is_empty()
    {
        let convention = match at(cells, columns.convention) {
            b"" => 0,
            name => columns.conventions.iter().position(|known| known.as_bytes() == name)?,
        };
        packed.extend([PDQ, u8::try_from(convention).ok()?, quality(at(cells, columns.quality))?]);
        push_hex(&mut packed, cells[columns.hash], PDQ_BYTES)?;
    }
    (packed.len() > 1).then_some(packed)
}

fn at<'a>(cells: &[&'a [u8]], place: Option<usize>) -> &'a [u8] {
    place.map_or(b"", |place| cells[place])
}

/// Printable ASCII without a blank at either end.
fn text(cell: &[u8], longest: usize) -> Option<&str> {
    let printable = cell.len() <= longest && cell.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let edges = cell.first() == Some(&b' ') || cell.last() == Some(&b' ');
    if printable && !edges { str::from_utf8(cell).ok() } else { None }
}

/// A whole number from 0 to 100, as it is usually written.
fn quality(cell: &[u8]) -> Option<u8> {
    match cell {
        b"" | b"-" => Some(NO_QUALITY),
        b"100" => Some(100),
        [digit @ b'0'..=b'9'] => Some(digit - b'0'),
        [tens @ b'1'..=b'9', digit @ b'0'..=b'9'] => Some((tens - b'0') * 10 + digit - b'0'),
        _ => None,
    }
}

fn push_hex(into: &mut Vec<u8>, digits: &[u8], length: usize) -> Option<()> {
    if digits.len() != 2 * length {
        return None;
    }
    for pair in digits.chunks_exact(2) {
        into.push(value_of(pair[0])? << 4 | value_of(pair[1])?);
    }
    Some(())
}

fn value_of(digit: u8) -> Option<u8> {
    match VALUES[usize::from(digit)] {
        NO_DIGIT => None,
        value => Some(value),
    }
}

const NO_DIGIT: u8 = 0xff;

const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u8;
        values[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};
