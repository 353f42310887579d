//! Digests for Python.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vangnet_core::digest::{self, Digests};

type Three<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// MD5, SHA-1 and SHA-256 of `data`.
#[pyfunction]
#[pyo3(signature = (data, /))]
pub fn digests<'py>(py: Python<'py>, data: &[u8]) -> Three<'py> {
    let digests = py.detach(|| Digests::of(data));
    three(py, &digests)
}

/// MD5, SHA-1 and SHA-256 of what comes in pieces.
#[pyclass(module = "vangnet._core", frozen)]
pub struct Digester(std::sync::Mutex<digest::Digester>);

#[pymethods]
impl Digester {
    #[new]
    fn new() -> Self {
        Self(std::sync::Mutex::default())
    }

    /// Takes the next piece.
    #[pyo3(signature = (data, /))]
    fn update(&self, py: Python<'_>, data: &[u8]) {
        py.detach(|| self.lock().update(data));
    }

    /// The digests of all pieces so far.
    fn finish<'py>(&self, py: Python<'py>) -> Three<'py> {
        let digests = py.detach(|| self.lock().finish());
        three(py, &digests)
    }
}

impl Digester {
    fn lock(&self) -> std::sync::MutexGuard<'_, digest::Digester> {
        // A panic while the lock was held cannot leave a digest half-way that anybody would use: it ends the call.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn three<'py>(py: Python<'py>, digests: &Digests) -> Three<'py> {
    (PyBytes::new(py, &digests.md5), PyBytes::new(py, &digests.sha1), PyBytes::new(py, &digests.sha256))
}
