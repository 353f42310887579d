//! `vangnet._core`: checks what Python hands over, then calls `vangnet-core`.

mod cuts;
mod digests;
mod index;
mod jpeg;
mod listed;
mod pdq;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use vangnet_core::hamming::{self, HASH_BYTES};

/// The functions of Vangnet that must be fast.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use super::cuts::{find_cuts, paint_strips};
    #[pymodule_export]
    use super::digests::{Digester, digests};
    #[pymodule_export]
    use super::hamming_distance;
    #[pymodule_export]
    use super::index::{Index, IndexBuilder, IndexBusy, IndexUnusable, parse_hashes};
    #[pymodule_export]
    use super::jpeg::{jpeg_eighth, jpeg_screen};
    #[pymodule_export]
    use super::listed::{ListLines, addition_lines, hmac_sha256, packed_hashes, strongest_hashes};
    #[pymodule_export]
    use super::pdq::{pdq_dihedral_hashes, pdq_hash, pdq_transform, pdq_transform_scaled};
}

/// In how many of their 256 bits two perceptual hashes of 32 bytes differ.
#[pyfunction]
#[pyo3(signature = (a, b, /))]
fn hamming_distance(a: &[u8], b: &[u8]) -> PyResult<u32> {
    Ok(hamming::distance(hash("a", a)?, hash("b", b)?))
}

fn hash<'bytes>(name: &str, bytes: &'bytes [u8]) -> PyResult<&'bytes [u8; HASH_BYTES]> {
    bytes
        .try_into()
        .map_err(|_| PyValueError::new_err(format!("`{name}` must be {HASH_BYTES} bytes long, not {}", bytes.len())))
}
