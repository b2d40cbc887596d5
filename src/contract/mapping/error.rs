//! What can go wrong with a mapping, with opening a file through it, and with
//! one row of that file.
//!
//! Invariant: no text of this module repeats a value of the imported file. It
//! names the line, the column and the form that was expected; the row itself
//! travels apart, in the dead letter, where it is redacted.

use std::fmt;

use thiserror::Error;

/// One mistake in a mapping file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// TOML key path, such as `times.start.format` or `events[0].data.legs[1]`;
    /// empty when the whole file is meant.
    pub path: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return write!(out, "{}", self.message);
        }
        write!(out, "{}: {}", self.path, self.message)
    }
}

/// Every mistake of one mapping file, in the order of the file's sections.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct MappingErrors {
    /// Never empty.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for MappingErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the mapping has {} mistake(s):", self.mistakes.len())?;
        for mistake in &self.mistakes {
            write!(out, "\n  {mistake}")?;
        }
        Ok(())
    }
}

/// Why a file cannot be read through a mapping at all. Mistakes of single rows
/// are refusals instead.
#[derive(Debug, Error)]
pub enum MappingError {
    /// The bytes could not be read.
    #[error("cannot read {file}: {source}; check the file and its permissions")]
    Read {
        /// Name of the file as given by the caller.
        file: String,
        /// What the operating system or the decompressor said.
        source: std::io::Error,
    },
    /// Neither the mapping nor the name of the file says what it is.
    #[error(
        "cannot tell what {file} is; set [input] format to \"csv\", \"jsonl\" or \"xlsx\" in the mapping"
    )]
    UnknownFormat {
        /// Name of the file as given by the caller.
        file: String,
    },
    /// The file has no header line or no rows to learn columns from.
    #[error("{file} has no header line; set [input] header = false if it has only data rows")]
    NoHeader {
        /// Name of the file as given by the caller.
        file: String,
    },
    /// The file lacks columns that the mapping reads.
    #[error(
        "{file} lacks the column(s) {}; it has {}. Correct the names, or list a column under [input] optional",
        .missing.join(", "), .present.join(", ")
    )]
    MissingColumns {
        /// Name of the file as given by the caller.
        file: String,
        /// Columns that the mapping names and the file lacks.
        missing: Vec<String>,
        /// Columns of the file.
        present: Vec<String>,
    },
    /// Times are counted up, but nothing says from where.
    #[error("the mapping counts times up but has no start; set [made] start or give --start")]
    NoStart,
    /// The workbook cannot be opened or lacks the sheet.
    #[error("cannot open {file} as a workbook: {reason}")]
    Workbook {
        /// Name of the file as given by the caller.
        file: String,
        /// What is wrong and, for a sheet, which ones exist.
        reason: String,
    },
}

/// Why one row was refused: the stable code, the place and the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: &'static str,
    /// JSON pointer with the column (or the event field) as its only step.
    pub pointer: String,
    pub reason: String,
}

impl Refusal {
    /// `name` is the column, value, time or field where it went wrong.
    pub fn new(code: &'static str, name: &str, reason: impl Into<String>) -> Self {
        let pointer = if name.is_empty() {
            String::new()
        } else {
            format!("/{}", name.replace('~', "~0").replace('/', "~1"))
        };
        Refusal {
            code,
            pointer,
            reason: reason.into(),
        }
    }
}
