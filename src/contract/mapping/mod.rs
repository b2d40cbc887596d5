//! Mapped import: a CSV, XLSX or JSONL export of a phone system, chat tool or
//! helpdesk becomes canonical events by a TOML file, the mapping. Every key is
//! explained in `docs/MAPPING.md`.
//!
//! Invariants: every row of a file comes out exactly once and in order, as
//! events, skipped by a named rule, or refused with a reason; one bad row
//! never stops the file. The same file and mapping give the same bytes. Memory
//! is bounded by one record (workbooks are read whole). Reasons name lines and
//! columns, never values.
//!
//! It does not decompress, does not check events against the contract's ranges
//! and closed words (the canonical decoder does) and does not know tables.

mod clock;
mod condition;
mod decode;
mod delimited;
mod draft;
mod error;
mod event;
mod fields;
mod input;
mod keys;
mod record;
mod records;
mod scope;
mod shape;
mod sheet;
mod spec;
mod template;
mod time;
mod value;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use draft::draft;
pub use error::{MappingError, MappingErrors, Mistake};

use error::Refusal;
use records::{Record, Records};
use scope::Frame;
use spec::Spec;

/// A parsed mapping. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mapping {
    spec: Arc<Spec>,
}

/// What the command line may set over the mapping.
#[derive(Debug, Clone, Default)]
pub struct MappingOptions {
    /// Where made times count from, instead of `[made] start`.
    pub start: Option<DateTime<Utc>>,
}

impl MappingOptions {
    /// Reads `--start`: RFC 3339, or a local time taken as UTC.
    #[must_use]
    pub fn with_start_text(text: &str) -> Option<Self> {
        time::parse_start(text, chrono_tz::Tz::UTC)
            .map(|start| MappingOptions { start: Some(start) })
    }
}

/// One row of a file and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedRow {
    /// 1-based line in the file where the row starts; in a workbook its row.
    pub line: u64,
    /// 0-based number of the data row; a group of rows counts as one.
    pub row: u64,
    /// Events, skipped or refused.
    pub outcome: MappedOutcome,
    /// Items of `each` that its `skip` left out, such as empty utterances.
    pub skipped_items: u64,
}

/// What became of a row. Its `Debug` form hides what the row says.
#[derive(Clone, PartialEq)]
pub enum MappedOutcome {
    /// Canonical JSON documents, at least one, to be decoded like any other.
    Events(Vec<Vec<u8>>),
    /// Left out on purpose.
    Skipped {
        /// Name of the `[[skip]]` rule; `no_event` when no event's `when` held.
        rule: String,
    },
    /// Cannot become events.
    Refused {
        /// Stable word: `bad_time`, `ragged_row`, …; listed in `docs/MAPPING.md`.
        code: &'static str,
        /// JSON pointer with the column as its step; empty for the whole row.
        pointer: String,
        /// For people: names line and column, never a value.
        reason: String,
        /// The row as UTF-8 text, unredacted, for the dead letter.
        raw: Vec<u8>,
    },
}

impl fmt::Debug for MappedOutcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MappedOutcome::Events(events) => write!(out, "Events({})", events.len()),
            MappedOutcome::Skipped { rule } => write!(out, "Skipped({rule})"),
            MappedOutcome::Refused {
                code,
                pointer,
                reason,
                raw,
            } => write!(
                out,
                "Refused({code} {pointer:?} {reason}; {} bytes)",
                raw.len()
            ),
        }
    }
}

/// A row that cannot be read further than this is not kept whole.
const MAX_RAW_BYTES: usize = 64 * 1024;

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// All mistakes at once, each with its TOML key path.
    pub fn parse(toml: &str) -> Result<Mapping, MappingErrors> {
        Spec::parse(toml).map(|spec| Mapping {
            spec: Arc::new(spec),
        })
    }

    /// The mapping's `name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The `source` of every event of this mapping.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.spec.source
    }

    /// Opens a file. `input` is already decompressed; `file_name` decides the
    /// format when the mapping does not (a `.gz` or `.zst` at its end is
    /// ignored) and is used in messages.
    ///
    /// # Errors
    /// When the file cannot be read at all: unknown format, no header, missing
    /// columns, no such sheet, made times without a start.
    pub fn reader(
        &self,
        input: Box<dyn Read + Send>,
        file_name: &str,
        options: &MappingOptions,
    ) -> Result<MappingReader, MappingError> {
        let start = options.start.or(self.spec.made.start);
        if start.is_none() && self.spec.makes_times() {
            return Err(MappingError::NoStart);
        }
        let records = Records::open(input, file_name, &self.spec.input)?;
        if !records.is_json() {
            let missing: Vec<String> = self
                .spec
                .columns_read()
                .into_iter()
                .filter(|name| records.header.width > 0 && records.header.index(name).is_none())
                .collect();
            if !missing.is_empty() {
                return Err(MappingError::MissingColumns {
                    file: file_name.to_owned(),
                    missing,
                    present: records.header.names(),
                });
            }
        }
        Ok(MappingReader {
            spec: Arc::clone(&self.spec),
            records,
            start: start.unwrap_or_default(),
            row: 0,
            line: 0,
            ended: false,
        })
    }
}

/// Rows of one file, mapped one by one. Constant memory, workbooks excepted.
pub struct MappingReader {
    spec: Arc<Spec>,
    records: Records,
    start: DateTime<Utc>,
    row: u64,
    line: u64,
    ended: bool,
}

impl Iterator for MappingReader {
    type Item = MappedRow;

    fn next(&mut self) -> Option<MappedRow> {
        if self.ended {
            return None;
        }
        let row = self.row;
        self.row += 1;
        match self.records.next_record() {
            Ok(Some(record)) => {
                self.line = record.line;
                Some(self.mapped(record, row))
            }
            Ok(None) => {
                self.ended = true;
                None
            }
            // The rest of the file is lost, and the user must learn that.
            Err(error) => {
                self.ended = true;
                let reason = format!(
                    "reading failed after the row of line {} ({}); the rest of the file was not read",
                    self.line,
                    error.kind()
                );
                Some(MappedRow {
                    line: self.line + 1,
                    row,
                    outcome: refused(Refusal::new("read_failed", "", reason), ""),
                    skipped_items: 0,
                })
            }
        }
    }
}

impl MappingReader {
    fn mapped(&self, record: Record, row: u64) -> MappedRow {
        let Record { line, raw, rows } = record;
        let mut mapped = MappedRow {
            line,
            row,
            outcome: MappedOutcome::Events(Vec::new()),
            skipped_items: 0,
        };
        let rows = match rows {
            Ok(rows) => rows,
            Err(refusal) => {
                mapped.outcome = refused(refusal, &raw);
                return mapped;
            }
        };
        let place = (line, row);
        let frame = Frame::new(&self.spec, &self.records.header, &rows, place, self.start);
        mapped.outcome = self
            .outcome(&frame)
            .unwrap_or_else(|refusal| refused(refusal, &raw));
        if matches!(mapped.outcome, MappedOutcome::Events(_)) {
            mapped.skipped_items = frame.skipped_items.get();
        }
        mapped
    }

    fn outcome(&self, frame: &Frame) -> Result<MappedOutcome, Refusal> {
        let scope = frame.scope();
        for rule in &self.spec.skip {
            if rule.when.holds(&scope)? {
                let rule = rule.name.clone();
                return Ok(MappedOutcome::Skipped { rule });
            }
        }
        for rule in &self.spec.refuse {
            if rule.when.holds(&scope)? {
                let reason = format!("line {}: the rule {} refuses it", frame.line, rule.name);
                return Err(Refusal::new("refused_by_rule", &rule.name, reason));
            }
        }
        let mut events = Vec::new();
        for event in &self.spec.events {
            event.write(&scope, &mut events)?;
        }
        if events.is_empty() {
            let rule = "no_event".to_owned();
            return Ok(MappedOutcome::Skipped { rule });
        }
        Ok(MappedOutcome::Events(events))
    }
}

fn refused(refusal: Refusal, raw: &str) -> MappedOutcome {
    let mut end = raw.len().min(MAX_RAW_BYTES);
    while !raw.is_char_boundary(end) {
        end -= 1;
    }
    let kept = raw.get(..end).unwrap_or_default();
    MappedOutcome::Refused {
        code: refusal.code,
        pointer: refusal.pointer,
        reason: refusal.reason,
        raw: kept.replace(decode::BAD, "\u{FFFD}").into_bytes(),
    }
}
