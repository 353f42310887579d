//! Hash lists on their way in: what must be done for every one of ten million rows.

mod additions;
mod lines;
mod packed;

pub use additions::{Addition, push_addition};
pub use lines::{Categories, Layout, Line, PdqColumns, Plain, lines};
pub use packed::{BadPacked, Hash, hashes, strongest};
