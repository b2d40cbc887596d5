//! Files as a source: an import of one or many, and a file that is followed.
//!
//! An import reads its files in the order of a manifest, which fixes name,
//! head and length of each; its offsets count rows over all of them. Bytes that
//! a file gains later belong to the next import. A followed file is a stream of
//! its own and goes on where it was.
//!
//! Invariants: a file is known by its name and a hash of its first bytes, as
//! many as it had (at most 64 KiB) when first seen; the same manifest gives the
//! same records at the same offsets.

#![expect(
    clippy::disallowed_methods,
    reason = "a source has a thread of its own and may block it"
)]

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::foreign::{ForeignReader, ForeignRules, Reports};
use super::lines::{Line, LineError, Lines, open_file};
use super::{Document, Polled, Record, Source, SourceError, Start, Window};
use crate::contract::mapping::{MappedOutcome, Mapping, MappingOptions, MappingReader};
use crate::contract::{RejectCode, Rejection};
use crate::domain::Partition;

const HEAD_BYTES: u64 = 64 * 1024;

/// One file of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Where it is.
    pub path: PathBuf,
    /// Hash of its first `head_bytes`.
    pub head_hash: String,
    /// How many bytes were hashed.
    pub head_bytes: u64,
    /// How many bytes belong to the import.
    pub length_bytes: u64,
}

/// The files of one import, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The files.
    pub files: Vec<ManifestFile>,
    /// Hash of the mapping or the format's name: other rules, other import.
    pub rules: String,
}

/// Hash of the first `length` bytes of `path`.
///
/// # Errors
/// When the file can't be read.
pub fn head_hash(path: &Path, length: u64) -> io::Result<String> {
    let mut head = Vec::new();
    File::open(path)?.take(length).read_to_end(&mut head)?;
    Ok(data_encoding::HEXLOWER.encode(&Sha256::digest(&head)))
}

impl Manifest {
    /// Looks at the files as they are now.
    ///
    /// # Errors
    /// When a file can't be read.
    pub fn of(paths: &[PathBuf], rules: &str) -> Result<Self, FileImportError> {
        let files = paths.iter().map(|path| {
            let read = |source| FileImportError::Read {
                path: path.display().to_string(),
                source,
            };
            let length_bytes = std::fs::metadata(path).map_err(read)?.len();
            let head_bytes = length_bytes.min(HEAD_BYTES);
            Ok::<_, FileImportError>(ManifestFile {
                path: path.clone(),
                head_hash: head_hash(path, head_bytes).map_err(read)?,
                head_bytes,
                length_bytes,
            })
        });
        let rules = data_encoding::HEXLOWER.encode(&Sha256::digest(rules.as_bytes()));
        Ok(Self {
            files: files.collect::<Result<_, _>>()?,
            rules,
        })
    }

    /// Name of the import: the same for the same files, wherever they lie.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.rules);
        for file in &self.files {
            let name = file.path.file_name().unwrap_or_default();
            hash.update(name.as_encoded_bytes());
            hash.update(&file.head_hash);
            hash.update(file.length_bytes.to_le_bytes());
        }
        let digest = data_encoding::HEXLOWER.encode(&hash.finalize());
        format!("import-{}", digest.get(..16).unwrap_or(&digest))
    }
}

/// Why an import can't begin.
#[derive(Debug, thiserror::Error)]
pub enum FileImportError {
    /// A file can't be read.
    #[error("{path} can't be read")]
    Read {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file does not fit the mapping at all.
    #[error(transparent)]
    Mapping(#[from] crate::contract::mapping::MappingError),
}

/// How the rows of a file become events.
#[derive(Clone)]
pub enum Rules {
    /// Each line is a canonical event.
    Canonical,
    /// A mapping turns each row into events.
    Mapping(Arc<Mapping>, Arc<MappingOptions>),
    /// Each document is one of a vendor's format.
    Foreign(ForeignRules),
}

enum Reading {
    Lines(Lines),
    Mapped(Box<MappingReader>),
    Foreign(Box<ForeignReader>),
}

/// An import of files: one partition, finished after the last row.
pub struct FileImport {
    name: Arc<str>,
    manifest: Manifest,
    rules: Rules,
    max_line_bytes: usize,
    file: usize,
    reading: Option<Reading>,
    /// Line in the current file, for messages.
    line: u64,
    reports: Reports,
    next: i64,
    assigned: bool,
    paused: bool,
}

impl FileImport {
    /// Opens the first file to find out whether the rules fit it.
    ///
    /// # Errors
    /// When a file can't be read or does not fit the mapping.
    pub fn open(
        manifest: Manifest,
        rules: Rules,
        max_line_bytes: usize,
    ) -> Result<Self, FileImportError> {
        let mut import = Self {
            name: manifest.id().into(),
            manifest,
            rules,
            max_line_bytes,
            file: 0,
            reading: None,
            line: 0,
            reports: Reports::default(),
            next: 0,
            assigned: false,
            paused: false,
        };
        for file in &import.manifest.files {
            match import.rules {
                // No file fits or fails as a whole: its documents do.
                Rules::Foreign(_) => drop(import.open_input(file)?),
                _ => drop(import.open_one(file)?),
            }
        }
        import.rewind();
        Ok(import)
    }

    /// The files.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What becomes of each file of a vendor's format, while it is read.
    pub fn reports(&self) -> Reports {
        self.reports.clone()
    }

    fn rewind(&mut self) {
        self.reports.clear();
        self.file = 0;
        self.reading = None;
        self.line = 0;
        self.next = 0;
    }

    fn open_input(&self, file: &ManifestFile) -> Result<Box<dyn Read + Send>, FileImportError> {
        open_file(&file.path, Some(file.length_bytes)).map_err(|source| FileImportError::Read {
            path: file.path.display().to_string(),
            source,
        })
    }

    fn open_one(&self, file: &ManifestFile) -> Result<Reading, FileImportError> {
        let failed = |source| FileImportError::Read {
            path: file.path.display().to_string(),
            source,
        };
        let input = self.open_input(file)?;
        Ok(match &self.rules {
            Rules::Foreign(rules) => {
                let name = file.path.file_name().unwrap_or_default().to_string_lossy();
                let reader = ForeignReader::open(input, &name, *rules).map_err(failed)?;
                Reading::Foreign(Box::new(reader))
            }
            Rules::Canonical => Reading::Lines(Lines::new(input, self.max_line_bytes)),
            Rules::Mapping(mapping, options) => {
                let name = file.path.file_name().unwrap_or_default().to_string_lossy();
                Reading::Mapped(Box::new(mapping.reader(input, &name, options)?))
            }
        })
    }

    fn topic(&self) -> Option<Arc<str>> {
        let file = self.manifest.files.get(self.file)?;
        Some(file.path.file_name()?.to_string_lossy().into())
    }

    /// The next record and its rough size; `None` at the end of the file.
    fn next_in_file(&mut self) -> io::Result<Option<(Document, usize)>> {
        match &mut self.reading {
            None => Ok(None),
            Some(Reading::Lines(lines)) => loop {
                let Some(line) = lines.next_line()? else {
                    return Ok(None);
                };
                self.line += 1;
                if !line.bytes.iter().all(u8::is_ascii_whitespace) || line.error.is_some() {
                    let size = line.bytes.len();
                    return Ok(Some((
                        canonical(line, self.max_line_bytes, self.line),
                        size,
                    )));
                }
            },
            Some(Reading::Foreign(documents)) => {
                let Some(found) = documents.next_document()? else {
                    return Ok(None);
                };
                self.reports.add(&found);
                let size = found.raw.len();
                let document = match found.outcome {
                    Ok((_, converted)) => Document::Converted(Box::new(converted)),
                    Err(rejection) => Document::Refused(rejection, Bytes::from(found.raw)),
                };
                Ok(Some((document, size)))
            }
            Some(Reading::Mapped(rows)) => Ok(rows.next().map(|row| {
                let skipped = row.skipped_items;
                match row.outcome {
                    MappedOutcome::Events(events) => {
                        let size = events.iter().map(Vec::len).sum();
                        (Document::Mapped(events, skipped), size)
                    }
                    MappedOutcome::Skipped { rule } => (Document::Skipped(rule), 0),
                    MappedOutcome::Refused {
                        code,
                        pointer,
                        reason,
                        raw,
                    } => {
                        let size = raw.len();
                        let rejection = Rejection::from_mapping(code, pointer, reason);
                        (Document::Refused(rejection, Bytes::from(raw)), size)
                    }
                }
            })),
        }
    }

    /// Moves to the next file; false when there is none.
    fn advance(&mut self) -> Result<bool, FileImportError> {
        if self.reading.is_some() {
            self.file += 1;
            self.line = 0;
            self.reading = None;
        }
        let Some(file) = self.manifest.files.get(self.file) else {
            return Ok(false);
        };
        self.reading = Some(self.open_one(file)?);
        if matches!(self.rules, Rules::Foreign(_)) {
            self.reports.begin(&file.path.display().to_string());
        }
        Ok(true)
    }

    fn failed(&self, cause: io::Error) -> SourceError {
        let file = self.manifest.files.get(self.file);
        SourceError::Read {
            source_name: self.name.to_string(),
            path: file.map_or_else(String::new, |file| file.path.display().to_string()),
            cause,
        }
    }

    /// The next record over all files.
    fn next_record(&mut self) -> Result<Option<(Document, usize)>, SourceError> {
        loop {
            match self.next_in_file() {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(cause) => return Err(self.failed(cause)),
            }
            let more = self
                .advance()
                .map_err(|error| self.failed(io::Error::other(error)))?;
            if !more {
                return Ok(None);
            }
        }
    }
}

/// A line as a document; what is not whole is refused with the reason.
fn canonical(line: Line, max_line_bytes: usize, number: u64) -> Document {
    if let Some(LineError::TooLong(bytes)) = line.error {
        let reason = format!("line {number} has {bytes} bytes, the limit is {max_line_bytes}");
        let rejection = Rejection::new(RejectCode::LineTooLong, "", reason);
        return Document::Refused(rejection, Bytes::from(line.bytes));
    }
    Document::Canonical(Bytes::from(line.bytes))
}

impl Source for FileImport {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn is_stream(&self) -> bool {
        false
    }

    fn poll(&mut self, max_bytes: usize, wait: Duration) -> Result<Polled, SourceError> {
        if !self.assigned {
            self.assigned = true;
            return Ok(Polled::Assigned(vec![Partition::only(&self.name)]));
        }
        if self.paused {
            std::thread::sleep(wait.min(Duration::from_millis(50)));
            return Ok(Polled::Idle);
        }
        let first = self.next;
        let (mut records, mut bytes) = (Vec::new(), 0);
        let mut topic = None;
        while bytes < max_bytes && records.len() < 50_000 {
            let file = self.file;
            let Some((document, size)) = self.next_record()? else {
                break;
            };
            topic = topic.or_else(|| self.topic());
            bytes += size + 64;
            records.push(Record {
                offset: self.next,
                document,
            });
            self.next += 1;
            if self.file != file {
                break;
            }
        }
        if records.is_empty() {
            return Ok(Polled::Finished);
        }
        Ok(Polled::Window(Window {
            partition: Partition::only(&self.name),
            topic,
            first,
            next: self.next,
            records,
            bytes,
            lag: None,
        }))
    }

    fn seek(&mut self, start: &Start) -> Result<(), SourceError> {
        let (partition, next) = (start.partition.number, start.offset());
        self.rewind();
        while self.next < next {
            if self.next_record()?.is_none() {
                return Err(SourceError::Seek {
                    source_name: self.name.to_string(),
                    partition,
                    offset: next,
                    what: format!("the files hold {} rows", self.next),
                });
            }
            self.next += 1;
        }
        Ok(())
    }

    fn pause(&mut self) {
        self.paused = true;
    }

    fn resume(&mut self) {
        self.paused = false;
    }

    fn committed(&mut self, _partition: &Partition, _next: i64) -> Result<(), SourceError> {
        Ok(())
    }
}

/// A file of `[[sources]]` that grows: a stream with its own app id.
pub struct FollowedFile {
    name: Arc<str>,
    path: PathBuf,
    max_line_bytes: usize,
    /// Set when each line is a document of a vendor's format.
    foreign: Option<ForeignRules>,
    lines: Option<Lines>,
    pending: Vec<u8>,
    line: u64,
    next: i64,
    assigned: bool,
    paused: bool,
}

impl FollowedFile {
    /// Follows `path`; `known_head_bytes` is the length that was hashed when
    /// the file was first seen. Gives the source and the length hashed now.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn open(
        path: &Path,
        known_head_bytes: Option<u64>,
        max_line_bytes: usize,
    ) -> Result<(Self, u64), FileImportError> {
        let read = |source| FileImportError::Read {
            path: path.display().to_string(),
            source,
        };
        let length = std::fs::metadata(path).map_err(read)?.len();
        let head_bytes = known_head_bytes.unwrap_or(length.min(HEAD_BYTES));
        let hash = head_hash(path, head_bytes).map_err(read)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let source = Self {
            name: format!("file-{name}-{}", hash.get(..12).unwrap_or(&hash)).into(),
            path: path.to_owned(),
            max_line_bytes,
            foreign: None,
            lines: None,
            pending: Vec::new(),
            line: 0,
            next: 0,
            assigned: false,
            paused: false,
        };
        Ok((source, head_bytes))
    }

    /// Reads each line as a document of a vendor's format.
    #[must_use]
    pub fn with_format(mut self, rules: ForeignRules) -> Self {
        self.foreign = Some(rules);
        self
    }

    fn document(&self, line: Line) -> Document {
        match (
            canonical(line, self.max_line_bytes, self.line),
            self.foreign,
        ) {
            (Document::Canonical(bytes), Some(rules)) => {
                let name = self.path.file_name().map(|name| name.to_string_lossy());
                rules.document(bytes, name.as_deref(), None)
            }
            (document, _) => document,
        }
    }

    fn failed(&self, cause: io::Error) -> SourceError {
        SourceError::Read {
            source_name: self.name.to_string(),
            path: self.path.display().to_string(),
            cause,
        }
    }

    /// The next whole line. A last line without its newline is not whole yet:
    /// its beginning waits in `pending`.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        if self.lines.is_none() {
            self.lines = Some(Lines::new(
                open_file(&self.path, None)?,
                self.max_line_bytes,
            ));
        }
        let Some(lines) = &mut self.lines else {
            return Ok(None);
        };
        let Some(mut line) = lines.next_line()? else {
            return Ok(None);
        };
        if !line.ended {
            self.pending.append(&mut line.bytes);
            return Ok(None);
        }
        if !self.pending.is_empty() {
            let mut whole = std::mem::take(&mut self.pending);
            whole.append(&mut line.bytes);
            line.bytes = whole;
        }
        self.line += 1;
        Ok(Some(line))
    }
}

impl Source for FollowedFile {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn poll(&mut self, max_bytes: usize, wait: Duration) -> Result<Polled, SourceError> {
        if !self.assigned {
            self.assigned = true;
            return Ok(Polled::Assigned(vec![Partition::only(&self.name)]));
        }
        let first = self.next;
        let (mut records, mut bytes) = (Vec::new(), 0);
        while !self.paused && bytes < max_bytes {
            let line = self.next_line().map_err(|cause| self.failed(cause))?;
            let Some(line) = line else { break };
            bytes += line.bytes.len() + 64;
            let document = self.document(line);
            records.push(Record {
                offset: self.next,
                document,
            });
            self.next += 1;
        }
        if records.is_empty() {
            std::thread::sleep(wait.min(Duration::from_millis(200)));
            return Ok(Polled::Idle);
        }
        let topic = self
            .path
            .file_name()
            .map(|name| name.to_string_lossy().into());
        Ok(Polled::Window(Window {
            partition: Partition::only(&self.name),
            topic,
            first,
            next: self.next,
            records,
            bytes,
            lag: None,
        }))
    }

    fn seek(&mut self, start: &Start) -> Result<(), SourceError> {
        let (partition, next) = (start.partition.number, start.offset());
        self.lines = None;
        self.pending.clear();
        (self.line, self.next) = (0, 0);
        while self.next < next {
            if self
                .next_line()
                .map_err(|cause| self.failed(cause))?
                .is_none()
            {
                return Err(SourceError::Seek {
                    source_name: self.name.to_string(),
                    partition,
                    offset: next,
                    what: format!("the file holds {} lines", self.next),
                });
            }
            self.next += 1;
        }
        Ok(())
    }

    fn pause(&mut self) {
        self.paused = true;
    }

    fn resume(&mut self) {
        self.paused = false;
    }

    fn committed(&mut self, _partition: &Partition, _next: i64) -> Result<(), SourceError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &mut dyn Source) -> Vec<(i64, String)> {
        let mut found = Vec::new();
        loop {
            match source.poll(1 << 20, Duration::ZERO).unwrap() {
                Polled::Window(window) => found.extend(window.records.into_iter().map(|record| {
                    let text = match record.document {
                        Document::Canonical(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                        Document::Refused(rejection, _) => rejection.code.to_string(),
                        _ => "other".to_owned(),
                    };
                    (record.offset, text)
                })),
                Polled::Assigned(_) => {}
                _ => return found,
            }
        }
    }

    #[test]
    fn an_import_counts_rows_over_its_files_and_ignores_later_growth() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().join("a"), folder.path().join("b")];
        std::fs::write(&paths[0], "1\n\n2\n").unwrap();
        std::fs::write(&paths[1], "3\n4").unwrap();
        let manifest = Manifest::of(&paths, "canonical").unwrap();
        std::fs::write(&paths[1], "3\n4\n5\n").unwrap();
        let mut import = FileImport::open(manifest.clone(), Rules::Canonical, 100).unwrap();
        let all: Vec<_> = (0..4).map(|i| (i, (i + 1).to_string())).collect();
        assert_eq!(texts(&mut import), all);
        import
            .seek(&Start::at(Partition::only(import.name()), 3))
            .unwrap();
        assert_eq!(texts(&mut import), all[3..]);
        assert!(
            import
                .seek(&Start::at(Partition::only(import.name()), 5))
                .is_err()
        );
        assert_ne!(
            Manifest::of(&paths, "canonical").unwrap().id(),
            manifest.id()
        );
    }

    #[test]
    fn a_followed_file_waits_for_the_end_of_a_line_and_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls.ndjson");
        std::fs::write(&path, "one\ntw").unwrap();
        let (mut followed, head_bytes) = FollowedFile::open(&path, None, 100).unwrap();
        assert_eq!(texts(&mut followed), [(0, "one".to_owned())]);
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        let rest = [(1, "two".to_owned()), (2, "three".to_owned())];
        assert_eq!(texts(&mut followed), rest);
        let (mut again, _) = FollowedFile::open(&path, Some(head_bytes), 100).unwrap();
        assert_eq!(again.name(), followed.name());
        again
            .seek(&Start::at(Partition::only(again.name()), 1))
            .unwrap();
        assert_eq!(texts(&mut again), rest);
    }
}
