//! The lines of additions in the stream of changes, as `vangnet.registry.model.feed` states them: canonical JSON (RFC 8785).

use std::fmt::Write;

/// An entry that was added.
#[derive(Clone, Copy, Debug)]
pub struct Addition<'a> {
    /// The number of its category.
    pub category: i64,
    /// Image or video.
    pub media: &'a str,
    /// The state in which it was added.
    pub state: &'a str,
    /// Its hashes.
    pub packed: &'a [u8],
    /// The supplier's own name for it.
    pub reference: Option<&'a str>,
    /// A remark.
    pub note: Option<&'a str>,
    /// The entry of which it is the correction.
    pub replaces: Option<i64>,
}

/// Appends the line of the addition that has the number `seq`, with its line end.
pub fn push_addition(line: &mut String, seq: i64, added: &Addition<'_>) {
    push_number(line, "{\"category\":", added.category);
    line.push_str(",\"change\":\"entry_added\",\"hashes\":\"");
    push_base64(line, added.packed);
    line.push_str("\",\"media\":");
    push_text(line, Some(added.media));
    line.push_str(",\"note\":");
    push_text(line, added.note);
    line.push_str(",\"reference\":");
    push_text(line, added.reference);
    match added.replaces {
        None => line.push_str(",\"replaces\":null"),
        Some(number) => push_number(line, ",\"replaces\":", number),
    }
    push_number(line, ",\"seq\":", seq);
    line.push_str(",\"state\":");
    push_text(line, Some(added.state));
    line.push_str("}\n");
}

fn push_number(line: &mut String, before: &str, number: i64) {
    // Writing to a string does not fail.
    let _ = write!(line, "{before}{number}");
}

fn push_text(line: &mut String, text: Option<&str>) {
    let Some(text) = text else {
        return line.push_str("null");
    };
    line.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|letter: char| letter < ' ' || letter == '"' || letter == '\\') {
        line.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => line.push_str("\\\""),
            b'\\' => line.push_str("\\\\"),
            b'\n' => line.push_str("\\n"),
            b'\r' => line.push_str("\\r"),
            b'\t' => line.push_str("\\t"),
            8 => line.push_str("\\b"),
            12 => line.push_str("\\f"),
            control => {
                let _ = write!(line, "\\u{control:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    line.push_str(rest);
    line.push('"');
}

const SIXTY_FOUR: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648, section 4).
fn push_base64(line: &mut String, bytes: &[u8]) {
    for three in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            let letter = if place > three.len() { b'=' } else { SIXTY_FOUR[(bits >> (18 - 6 * place) & 63) as usize] };
            line.push(char::from(letter));
        }
    }
}
