//! What can go wrong with an index.

use std::fmt;
use std::io;

/// Why an index could not do what was asked.
#[derive(Debug)]
pub enum IndexError {
    /// The file is not an index, was cut short, or its bytes were changed; the sentence says how that shows.
    Damaged(String),
    /// The file is an index of a format that this program does not know.
    UnknownFormat {
        /// The format's number in the file.
        found: u32,
        /// The format's number that this program reads and writes.
        known: u32,
    },
    /// A look-up came before the checksums were checked.
    NotVerified,
    /// The caller handed over something that cannot be taken; the sentence names the limit.
    Invalid(String),
    /// The caller asked to stop.
    Stopped,
    /// Something else is under way that must end first.
    Busy(&'static str),
    /// The system refused; the sentence says what was being done.
    Io {
        /// What was being done, for example "opening the index".
        doing: &'static str,
        /// What the system answered.
        source: io::Error,
    },
}

impl IndexError {
    pub(super) fn damaged(how: impl Into<String>) -> Self {
        Self::Damaged(how.into())
    }

    pub(super) fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid(what.into())
    }
}

impl fmt::Display for IndexError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(how) => write!(out, "the index is damaged: {how}"),
            Self::UnknownFormat { found, known } => {
                write!(out, "the index has format {found}, and this program reads format {known}")
            }
            Self::NotVerified => write!(out, "the checksums of the index must be checked before it is used"),
            Self::Invalid(what) => write!(out, "{what}"),
            Self::Stopped => write!(out, "stopped as asked"),
            Self::Busy(with) => write!(out, "{with}"),
            Self::Io { doing, source } => write!(out, "{doing}: {source}"),
        }
    }
}

impl std::error::Error for IndexError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Turns what the system answered into an `IndexError` that says what was being done.
pub(super) fn while_doing(doing: &'static str) -> impl Fn(io::Error) -> IndexError {
    move |source| IndexError::Io { doing, source }
}
