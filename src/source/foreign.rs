//! Files of the vendors' formats, document by document, and what became of each.
//!
//! A file whose first line holds whole documents is read line by line; any other
//! (pretty-printed, a list, XML over several lines) is read whole, up to 256 MiB
//! unpacked, and cut.
//!
//! Invariants: the n-th document of a file is always the n-th; a document of
//! more than 64 MiB is refused, not cut. Not here: what the fields mean
//! (`contract::format`).

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;

use super::lines::{LineError, Lines};
use super::{Document, RecordFormat};
use crate::contract::format::{Context, Converted, Format, convert, cut, is_whole_line};
use crate::contract::{RejectCode, Rejection};
use crate::domain::Micros;

const MAX_DOCUMENT_BYTES: usize = 64 << 20;
const MAX_FILE_BYTES: usize = 256 << 20;
const MAX_REASONS: usize = 20;

/// How documents are read as a vendor's.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForeignRules {
    /// The format; none finds out for each document.
    pub wanted: Option<Format>,
    /// Where made times begin.
    pub start: Option<Micros>,
}

impl ForeignRules {
    /// Converts one document of the file or topic `name`, written `at`.
    ///
    /// # Errors
    /// The refusal of the whole document.
    pub fn convert(
        &self,
        document: &[u8],
        name: Option<&str>,
        at: Option<Micros>,
    ) -> Result<(Format, Converted), Rejection> {
        let context = Context {
            name,
            at,
            start: self.start,
        };
        convert(self.wanted, document, &context)
    }

    /// The same, as a record holds it.
    pub fn document(&self, bytes: Bytes, name: Option<&str>, at: Option<Micros>) -> Document {
        match self.convert(&bytes, name, at) {
            Ok((_, converted)) => Document::Converted(Box::new(converted)),
            Err(rejection) => Document::Refused(rejection, bytes),
        }
    }
}

/// A topic's records have no name and, as far as formats need it, no time of their own.
impl RecordFormat for ForeignRules {
    fn document(&self, payload: Bytes) -> Document {
        Self::document(self, payload, None, None)
    }
}

/// What became of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// Its name.
    pub file: String,
    /// Documents by the format that was found; `none` when none was.
    pub formats: BTreeMap<&'static str, u64>,
    /// Documents.
    pub documents: u64,
    /// Events made.
    pub events: u64,
    /// Parts left out on purpose, by rule.
    pub left_out: BTreeMap<String, u64>,
    /// Fields that were not carried over, by name.
    pub dropped: BTreeMap<String, u64>,
    /// Refused documents and parts.
    pub refused: u64,
    /// The first refusals.
    pub refusals: Vec<Refusal>,
}

/// One refused document or part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Line on which its document begins.
    pub line: u64,
    /// Code, pointer and reason.
    #[serde(flatten)]
    pub rejection: Rejection,
}

/// The reports of the files of an import, while they grow.
#[derive(Clone, Debug, Default)]
pub struct Reports(Arc<Mutex<Vec<FileReport>>>);

impl Reports {
    /// The reports as they are now, one per file begun.
    pub fn get(&self) -> Vec<FileReport> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets everything: the files are read from the beginning.
    pub(super) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Adds a document to the report of the file that was begun last.
    pub(super) fn add(&self, document: &ForeignDocument) {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(report) = reports.last_mut() {
            report.add(document);
        }
    }

    /// Begins the report of a file.
    pub(super) fn begin(&self, file: &str) {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reports.push(FileReport {
            file: file.to_owned(),
            ..FileReport::default()
        });
    }
}

impl FileReport {
    fn add(&mut self, document: &ForeignDocument) {
        self.documents += 1;
        let mut refuse = |rejection: &Rejection| {
            self.refused += 1;
            if self.refusals.len() < MAX_REASONS {
                self.refusals.push(Refusal {
                    line: document.line,
                    rejection: rejection.clone(),
                });
            }
        };
        let format = match &document.outcome {
            Ok((format, converted)) => {
                self.events += converted.events.len() as u64;
                for (rejection, _) in &converted.refused {
                    refuse(rejection);
                }
                for (rule, count) in &converted.left_out {
                    *self.left_out.entry(rule.clone()).or_default() += count;
                }
                for (field, count) in &converted.dropped {
                    *self.dropped.entry(field.clone()).or_default() += count;
                }
                format.as_str()
            }
            Err(rejection) => {
                refuse(rejection);
                "none"
            }
        };
        *self.formats.entry(format).or_default() += 1;
    }
}

/// One document of a file.
pub struct ForeignDocument {
    /// Line on which it begins, from 1.
    pub line: u64,
    /// What it became.
    pub outcome: Result<(Format, Converted), Rejection>,
    /// The document itself.
    pub raw: Vec<u8>,
}

/// A document that waits to be converted: its line, its bytes, or why not.
struct Piece {
    line: u64,
    bytes: Vec<u8>,
    too_long: Option<usize>,
}

/// The documents of one file.
pub struct ForeignReader {
    rules: ForeignRules,
    name: String,
    lines: Option<Lines>,
    waiting: VecDeque<Piece>,
    line: u64,
}

impl ForeignReader {
    /// Reads `input`, the unpacked content of the file `name`.
    ///
    /// # Errors
    /// When the input can't be read.
    pub fn open(input: Box<dyn Read + Send>, name: &str, rules: ForeignRules) -> io::Result<Self> {
        let mut reader = Self {
            rules,
            name: name.to_owned(),
            lines: None,
            waiting: VecDeque::new(),
            line: 0,
        };
        let mut lines = Lines::new(input, MAX_DOCUMENT_BYTES);
        let mut text = Vec::new();
        while text.iter().all(u8::is_ascii_whitespace) {
            let Some(line) = lines.next_line()? else {
                break;
            };
            text.extend_from_slice(&line.bytes);
            text.push(b'\n');
            reader.line += 1;
            if let Some(LineError::TooLong(bytes)) = line.error {
                reader.too_long(1, text, bytes);
                reader.lines = Some(lines);
                return Ok(reader);
            }
        }
        if is_whole_line(&text) {
            let read = std::mem::take(&mut reader.line);
            reader.take(&text);
            reader.line = read;
            reader.lines = Some(lines);
            return Ok(reader);
        }
        reader.read_whole(lines, text)?;
        Ok(reader)
    }

    fn too_long(&mut self, line: u64, bytes: Vec<u8>, length: usize) {
        self.waiting.push_back(Piece {
            line,
            bytes,
            too_long: Some(length),
        });
    }

    /// Cuts `text`, which begins behind line `self.line`.
    fn take(&mut self, text: &[u8]) {
        for piece in cut(text) {
            let bytes = text.get(piece.bytes).unwrap_or_default().to_vec();
            let too_long = (bytes.len() > MAX_DOCUMENT_BYTES).then_some(bytes.len());
            self.waiting.push_back(Piece {
                line: self.line + piece.line,
                bytes,
                too_long,
            });
        }
    }

    fn read_whole(&mut self, mut lines: Lines, mut text: Vec<u8>) -> io::Result<()> {
        while let Some(line) = lines.next_line()? {
            let length = match line.error {
                Some(LineError::TooLong(bytes)) => bytes,
                None => line.bytes.len(),
            };
            if line.error.is_some() || text.len() + length > MAX_FILE_BYTES {
                text.truncate(MAX_DOCUMENT_BYTES);
                let length = text.len() + length;
                self.too_long(1, text, length);
                return Ok(());
            }
            text.extend_from_slice(&line.bytes);
            text.push(b'\n');
        }
        self.line = 0;
        self.take(&text);
        Ok(())
    }

    /// The next document; `None` at the end.
    ///
    /// # Errors
    /// When the file can't be read or unpacked.
    pub fn next_document(&mut self) -> io::Result<Option<ForeignDocument>> {
        loop {
            if let Some(piece) = self.waiting.pop_front() {
                return Ok(Some(self.convert(piece)));
            }
            let Some(lines) = &mut self.lines else {
                return Ok(None);
            };
            let Some(line) = lines.next_line()? else {
                self.lines = None;
                continue;
            };
            match line.error {
                Some(LineError::TooLong(length)) => {
                    self.too_long(self.line + 1, line.bytes, length);
                }
                None => self.take(&line.bytes),
            }
            self.line += 1;
        }
    }

    fn convert(&self, piece: Piece) -> ForeignDocument {
        let outcome = match piece.too_long {
            Some(length) => {
                let line = piece.line;
                let reason = format!(
                    "the document on line {line} has {length} bytes, the limit is {MAX_DOCUMENT_BYTES}"
                );
                Err(Rejection::new(RejectCode::LineTooLong, "", reason))
            }
            None => self.rules.convert(&piece.bytes, Some(&self.name), None),
        };
        ForeignDocument {
            line: piece.line,
            outcome,
            raw: piece.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u64, String)> {
        let input = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
        let mut reader = ForeignReader::open(input, "f", ForeignRules::default()).unwrap();
        let mut found = Vec::new();
        while let Some(document) = reader.next_document().unwrap() {
            found.push((document.line, String::from_utf8(document.raw).unwrap()));
        }
        found
    }

    #[test]
    fn lines_and_whole_files_give_the_same_documents() {
        let lines = "\n{\"a\":1}\n{\"b\":2}{\"c\":3}\n\n<xml></xml>\nrest\n";
        let found = read(lines);
        let expected = [
            (2, "{\"a\":1}"),
            (3, "{\"b\":2}"),
            (3, "{\"c\":3}"),
            (5, "<xml></xml>"),
            (6, "rest"),
        ];
        let expected = expected.map(|(line, text)| (line, text.to_owned()));
        assert_eq!(found, expected);
        let pretty = "{\n\"a\": 1\n}\n[\n{\"b\":2}\n]\n";
        let expected = [(1, "{\n\"a\": 1\n}"), (5, "{\"b\":2}")];
        assert_eq!(
            read(pretty),
            expected.map(|(line, text)| (line, text.to_owned()))
        );
        assert_eq!(read(" \n"), []);
    }
}
