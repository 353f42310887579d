//! The fast, pure part of Vangnet.
//!
//! It knows bytes and bits and nothing else: no files, no network, no Python. The binding in `rust/python` checks
//! arguments and releases the interpreter's lock; everything that computes is here, where `cargo test` reaches it.

mod box_filter;
pub mod cuts;
pub mod digest;
pub mod dihedral;
pub mod hamming;
pub mod index;
pub mod jpeg;
pub mod listed;
pub mod mac;
mod map;
pub mod pdq;
mod pdq_filter;
mod pixels;
pub mod screen;
pub mod screen_waves;
pub mod simd;
