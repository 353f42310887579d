//! The reader of a JPEG's means and slowest waves for Python.

use std::panic;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vangnet_core::jpeg::{self, Eighth, Unread, Wanted};
use vangnet_core::screen_waves::screened_by_waves;

use crate::pdq;

/// What stands for a reason where the reader itself went wrong, which no file should bring about.
const FAILED: &str = "failed";

/// Something that was read, or the reason why it was not.
#[derive(IntoPyObject)]
pub enum Answer<T> {
    Read(T),
    Unread(&'static str),
}

type Luma<'py> = (Bound<'py, PyBytes>, usize, usize, u8);
type Screen<'py> = (Option<(Bound<'py, PyBytes>, u8)>, Luma<'py>);

/// The luma of the JPEG `data` at an eighth of its size, one byte a pixel, as it is stored; the sides of the original; and the
/// EXIF orientation, 1 to 8. Or, in one word, why a real decoder must look at the file; one of more than `most_pixels` is
/// not looked at.
#[pyfunction]
#[pyo3(signature = (data, most_pixels, /))]
pub fn jpeg_eighth<'py>(py: Python<'py>, data: &[u8], most_pixels: usize) -> Answer<Luma<'py>> {
    match read(py, || jpeg::read_eighth(data, most_pixels, Wanted::Means)) {
        Ok(eighth) => Answer::Read(luma(py, &eighth)),
        Err(word) => Answer::Unread(word),
    }
}

/// The same, and with it the transform of the picture upright if a side is shorter than `waves_below`: 256 coefficients and
/// the quality, from the slowest waves of each block besides its luma. None for longer sides, and where the file is
/// progressive, as its waves are told in pieces.
#[pyfunction]
#[pyo3(signature = (data, most_pixels, waves_below, /))]
pub fn jpeg_screen<'py>(
    py: Python<'py>,
    data: &[u8],
    most_pixels: usize,
    waves_below: usize,
) -> PyResult<Answer<Screen<'py>>> {
    let work = || {
        let eighth = jpeg::read_eighth(data, most_pixels, Wanted::WavesBelow(waves_below))?;
        let transform = if eighth.waves.is_empty() { None } else { screened_by_waves(&eighth).ok() };
        Ok((eighth, transform))
    };
    Ok(match read(py, work) {
        Ok((eighth, transform)) => {
            let transform = transform.map(|transform| pdq::answer(py, &transform)).transpose()?;
            Answer::Read((transform, luma(py, &eighth)))
        }
        Err(word) => Answer::Unread(word),
    })
}

/// Does `work` without the interpreter's lock. A mistake of ours ends no process: it leaves the file to the decoder, as every
/// doubt does.
fn read<T: Send>(
    py: Python<'_>,
    work: impl Fn() -> Result<T, Unread> + Send + panic::UnwindSafe,
) -> Result<T, &'static str> {
    py.detach(|| panic::catch_unwind(work)).map_or(Err(FAILED), |answer| answer.map_err(Unread::word))
}

fn luma<'py>(py: Python<'py>, eighth: &Eighth) -> Luma<'py> {
    (PyBytes::new(py, &eighth.luma), eighth.width, eighth.height, eighth.orientation)
}
