//! The inbox: the durable queue behind `POST /v1/events`.
//!
//! Redacted events and refusals are appended to segment files in the data
//! folder; the answer goes out when they are synced. The pipeline reads them
//! like any source and lets segments go once every table has them.
//!
//! Invariants: an offset is the number of the entry since the first ever; an
//! entry is one line; what was not acknowledged may be cut off at a restart,
//! what was acknowledged never; no raw customer text is written.

#![expect(
    clippy::disallowed_methods,
    reason = "a source has a thread of its own and may block it"
)]

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{Document, Polled, Record, Source, SourceError, Start, Window};
use crate::contract::{Event, RejectCode, Rejection};
use crate::disk::{FaultPoint, Faults, create_folder, remove_file, sync_file, sync_folder};
use crate::domain::{Partition, Redacted};

/// Name of the source, and of its folder.
pub const INBOX: &str = "inbox";
const SEGMENT_BYTES: u64 = 16 << 20;
const QUEUED_APPENDS: usize = 1024;
const GROUPED_BYTES: usize = 8 << 20;

/// Why the inbox could not keep something.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The folder or a file can't be used.
    #[error("inbox: {path} can't be used")]
    Disk {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Too much is waiting already.
    #[error("inbox: {0} bytes wait to be committed; try again later")]
    Full(u64),
    /// The writer has stopped after a failure.
    #[error("inbox: closed after a disk failure; nothing is accepted until a restart")]
    Closed,
}

/// One entry to be kept: a redacted event or a refusal.
pub struct InboxEntry(Vec<u8>);

/// How an entry is written; the keys are short because every event pays them.
#[derive(Serialize, Deserialize)]
struct Letter {
    code: String,
    pointer: String,
    reason: String,
    payload: String,
}

const EVENT_MARK: u8 = b'e';
const IMPORTED_MARK: u8 = b'i';
const LETTER_MARK: u8 = b'r';

impl InboxEntry {
    /// An accepted event. `None` when it can't be written as JSON, which the
    /// contract's types rule out.
    pub fn event(event: &Event<Redacted<'_>>) -> Option<Self> {
        Self::marked(EVENT_MARK, event)
    }

    /// An accepted event of an import, which may be of any time.
    pub fn imported(event: &Event<Redacted<'_>>) -> Option<Self> {
        Self::marked(IMPORTED_MARK, event)
    }

    fn marked(mark: u8, event: &Event<Redacted<'_>>) -> Option<Self> {
        let mut line = vec![mark];
        serde_json::to_writer(&mut line, event).ok()?;
        line.push(b'\n');
        Some(Self(line))
    }

    /// A refused line; `payload` is redacted.
    pub fn letter(rejection: &Rejection, payload: &str) -> Option<Self> {
        let letter = Letter {
            code: rejection.code.as_str().to_owned(),
            pointer: rejection.pointer.clone(),
            reason: rejection.reason.clone(),
            payload: payload.to_owned(),
        };
        let mut line = vec![LETTER_MARK];
        serde_json::to_writer(&mut line, &letter).ok()?;
        line.push(b'\n');
        Some(Self(line))
    }

    /// Size on the disk.
    pub fn len_bytes(&self) -> usize {
        self.0.len()
    }
}

/// What an append became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Offset of the first entry.
    pub first: i64,
    /// Offset after the last.
    pub next: i64,
}

struct Append {
    entries: Vec<InboxEntry>,
    done: oneshot::Sender<Result<Receipt, InboxError>>,
}

/// What writer, reader and doors share.
struct Shared {
    state: Mutex<State>,
    written: Condvar,
}

struct State {
    /// Segments by first offset, oldest first.
    segments: VecDeque<Segment>,
    /// Offset after the last synced entry.
    next: i64,
    /// Bytes that are not committed to the tables yet.
    waiting_bytes: u64,
}

struct Segment {
    first: i64,
    path: PathBuf,
    /// Synced bytes.
    bytes: u64,
}

/// The door's side: appends. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    appends: SyncSender<Append>,
    shared: Arc<Shared>,
    max_waiting_bytes: u64,
}

impl Inbox {
    /// Opens the inbox in `folder` and cuts off what a crash left half written.
    /// Gives the door's side and the pipeline's.
    ///
    /// # Errors
    /// When the folder can't be used.
    pub fn open(
        folder: &Path,
        max_waiting_bytes: u64,
        faults: Arc<Faults>,
    ) -> Result<(Self, InboxSource), InboxError> {
        let disk = |source| InboxError::Disk {
            path: folder.display().to_string(),
            source,
        };
        create_folder(folder, &faults).map_err(disk)?;
        let (segments, next) = recover(folder, &faults).map_err(disk)?;
        let waiting_bytes = segments.iter().map(|segment| segment.bytes).sum();
        let state = State {
            segments,
            next,
            waiting_bytes,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            written: Condvar::new(),
        });
        let (appends, requests) = sync_channel(QUEUED_APPENDS);
        let writer = SegmentWriter {
            folder: folder.to_owned(),
            shared: Arc::clone(&shared),
            faults: Arc::clone(&faults),
            file: None,
        };
        std::thread::Builder::new()
            .name("inbox-writer".into())
            .spawn(move || writer.run(&requests))
            .map_err(disk)?;
        let source = InboxSource::new(Arc::clone(&shared), faults);
        Ok((
            Self {
                appends,
                shared,
                max_waiting_bytes,
            },
            source,
        ))
    }

    /// Keeps `entries`; the receipt comes when they are on the disk.
    ///
    /// # Errors
    /// [`InboxError::Full`] when too much waits; disk failures.
    pub async fn append(&self, entries: Vec<InboxEntry>) -> Result<Receipt, InboxError> {
        let waiting = self.waiting_bytes();
        if waiting > self.max_waiting_bytes {
            return Err(InboxError::Full(waiting));
        }
        let (done, receipt) = oneshot::channel();
        let append = Append { entries, done };
        match self.appends.try_send(append) {
            Ok(()) => {}
            Err(std::sync::mpsc::TrySendError::Full(_)) => return Err(InboxError::Full(waiting)),
            Err(std::sync::mpsc::TrySendError::Disconnected(_)) => return Err(InboxError::Closed),
        }
        receipt.await.unwrap_or(Err(InboxError::Closed))
    }

    /// Bytes that wait for a commit.
    pub fn waiting_bytes(&self) -> u64 {
        lock(&self.shared).waiting_bytes
    }

    /// Offset after the last kept entry.
    pub fn next(&self) -> i64 {
        lock(&self.shared).next
    }
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, State> {
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn segment_path(folder: &Path, first: i64) -> PathBuf {
    folder.join(format!("{first:020}.log"))
}

/// Finds the segments, cuts the last one after its last whole line, counts its
/// entries. What a process wrote that died before its sync is counted too, so it
/// is synced first: the tables must never be ahead of the disk.
fn recover(folder: &Path, faults: &Faults) -> io::Result<(VecDeque<Segment>, i64)> {
    let mut segments = VecDeque::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let first = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse::<i64>().ok());
        let (Some(first), Some("log")) = (first, path.extension().and_then(|e| e.to_str())) else {
            continue;
        };
        let bytes = fs::metadata(&path)?.len();
        segments.push_back(Segment { first, path, bytes });
    }
    segments
        .make_contiguous()
        .sort_by_key(|segment| segment.first);
    let Some(last) = segments.back_mut() else {
        return Ok((segments, 0));
    };
    let (entries, whole_bytes) = count_lines(&last.path)?;
    let file = OpenOptions::new().write(true).open(&last.path)?;
    if whole_bytes < last.bytes {
        file.set_len(whole_bytes)?;
        last.bytes = whole_bytes;
    }
    sync_file(&file, &last.path, faults)?;
    sync_folder(folder, faults)?;
    let next = last.first + entries;
    Ok((segments, next))
}

/// A copied inbox: its newest entries without a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxCopy {
    /// Offset of the first entry behind the last hole.
    pub first: i64,
    /// Offset after the last entry.
    pub next: i64,
}

/// Copies the inbox in `folder` to `target`, also while it is written and let go; what an earlier call has copied stays
/// or becomes longer. `None` when there is no inbox, or nothing is in it.
///
/// # Errors
/// When a folder can't be used.
pub fn copy_inbox(folder: &Path, target: &Path) -> Result<Option<InboxCopy>, InboxError> {
    let disk = |path: &Path| {
        let path = path.display().to_string();
        move |source| InboxError::Disk { path, source }
    };
    if !folder.is_dir() {
        return Ok(None);
    }
    let none = Faults::none();
    create_folder(target, &none).map_err(disk(target))?;
    for entry in fs::read_dir(folder).map_err(disk(folder))? {
        let path = entry.map_err(disk(folder))?.path();
        if path.extension().is_none_or(|end| end != "log") {
            continue;
        }
        match fs::copy(&path, target.join(path.file_name().unwrap_or_default())) {
            Ok(_) => {}
            // Let go meanwhile: the tables have what was in it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(disk(&path)(error)),
        }
    }
    // The last line may have been half written.
    let (segments, next) = recover(target, &none).map_err(disk(target))?;
    let mut first = next;
    for segment in segments.iter().rev() {
        let path = &segment.path;
        let (entries, _) = count_lines(path).map_err(disk(path))?;
        if segment.first + entries < first {
            break;
        }
        first = segment.first;
        let file = File::open(path).map_err(disk(path))?;
        sync_file(&file, path, &none).map_err(disk(path))?;
    }
    Ok((!segments.is_empty()).then_some(InboxCopy { first, next }))
}

fn count_lines(path: &Path) -> io::Result<(i64, u64)> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut lines, mut whole_bytes) = (0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok((lines, whole_bytes));
        }
        lines += 1;
        whole_bytes += read as u64;
    }
}

/// The thread that writes: groups what waits into one sync.
struct SegmentWriter {
    folder: PathBuf,
    shared: Arc<Shared>,
    faults: Arc<Faults>,
    /// The segment that is written.
    file: Option<(PathBuf, File)>,
}

impl SegmentWriter {
    fn run(mut self, requests: &Receiver<Append>) {
        while let Ok(first) = requests.recv() {
            let mut group = vec![first];
            let mut bytes = 0;
            while bytes < GROUPED_BYTES {
                let Ok(more) = requests.try_recv() else { break };
                bytes += more
                    .entries
                    .iter()
                    .map(InboxEntry::len_bytes)
                    .sum::<usize>();
                group.push(more);
            }
            if let Err(error) = self.write(group) {
                // A half-written segment must not be appended to: stop taking
                // anything in; a restart cuts the segment and goes on.
                tracing::error!(%error, "inbox can't write, nothing more is accepted");
                return;
            }
        }
    }

    fn write(&mut self, group: Vec<Append>) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut counts = Vec::with_capacity(group.len());
        for append in &group {
            append
                .entries
                .iter()
                .for_each(|entry| bytes.extend_from_slice(&entry.0));
            counts.push(append.entries.len() as i64);
        }
        self.write_synced(&bytes)?;
        self.faults.hit(FaultPoint::AfterInboxSync);
        let mut first = {
            let mut state = lock(&self.shared);
            let first = state.next;
            state.next += counts.iter().sum::<i64>();
            state.waiting_bytes += bytes.len() as u64;
            if let Some(segment) = state.segments.back_mut() {
                segment.bytes += bytes.len() as u64;
            }
            first
        };
        self.shared.written.notify_all();
        for (append, count) in group.into_iter().zip(counts) {
            let receipt = Receipt {
                first,
                next: first + count,
            };
            first += count;
            // A door that has gone away gets no answer; its events are kept all the same.
            drop(append.done.send(Ok(receipt)));
        }
        Ok(())
    }

    fn write_synced(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.roll_if_needed()?;
        self.faults.disk_write(bytes.len())?;
        let Some((path, file)) = &mut self.file else {
            return Err(io::Error::other("no open segment"));
        };
        file.write_all(bytes)?;
        self.faults.hit(FaultPoint::BeforeInboxSync);
        sync_file(file, path, &self.faults)
    }

    /// Begins a new segment when there is none, or the last one is long.
    fn roll_if_needed(&mut self) -> io::Result<()> {
        let (next, last) = {
            let state = lock(&self.shared);
            let last = state.segments.back();
            (
                state.next,
                last.map(|segment| (segment.path.clone(), segment.bytes)),
            )
        };
        match last {
            Some((path, bytes)) if bytes < SEGMENT_BYTES => {
                if self.file.is_none() {
                    let file = OpenOptions::new().append(true).open(&path)?;
                    self.file = Some((path, file));
                }
                Ok(())
            }
            _ => {
                let path = segment_path(&self.folder, next);
                let file = OpenOptions::new()
                    .create_new(true)
                    .append(true)
                    .open(&path)?;
                sync_file(&file, &path, &self.faults)?;
                sync_folder(&self.folder, &self.faults)?;
                self.file = Some((path.clone(), file));
                lock(&self.shared).segments.push_back(Segment {
                    first: next,
                    path,
                    bytes: 0,
                });
                Ok(())
            }
        }
    }
}

/// The pipeline's side: one partition of kept entries.
pub struct InboxSource {
    name: Arc<str>,
    shared: Arc<Shared>,
    faults: Arc<Faults>,
    assigned: bool,
    paused: bool,
    next: i64,
    reading: Option<(i64, BufReader<File>, i64)>,
}

impl InboxSource {
    fn new(shared: Arc<Shared>, faults: Arc<Faults>) -> Self {
        Self {
            name: INBOX.into(),
            shared,
            faults,
            assigned: false,
            paused: false,
            next: 0,
            reading: None,
        }
    }

    fn disk(&self, path: &Path) -> impl FnOnce(io::Error) -> SourceError + use<> {
        let (source_name, path) = (self.name.to_string(), path.display().to_string());
        move |cause| SourceError::Read {
            source_name,
            path,
            cause,
        }
    }

    /// Waits until an entry behind `self.next` is synced; its segment and the
    /// offset after the last synced entry.
    fn wait(&self, wait: Duration) -> Option<(i64, PathBuf, i64)> {
        let state = lock(&self.shared);
        let (state, _) = self
            .shared
            .written
            .wait_timeout_while(state, wait, |state| state.next <= self.next)
            .unwrap_or_else(PoisonError::into_inner);
        if state.next <= self.next {
            return None;
        }
        let segment = state
            .segments
            .iter()
            .rev()
            .find(|segment| segment.first <= self.next)?;
        Some((segment.first, segment.path.clone(), state.next))
    }

    /// The open file of the segment, at the line of `self.next`.
    fn reader(&mut self, first: i64, path: &Path) -> io::Result<&mut BufReader<File>> {
        let at = match &self.reading {
            Some((open, _, line)) if *open == first && *line == self.next => None,
            _ => Some(first),
        };
        if let Some(first) = at {
            let mut reader = BufReader::new(File::open(path)?);
            reader.seek(SeekFrom::Start(0))?;
            let mut skipped = Vec::new();
            for _ in first..self.next {
                skipped.clear();
                reader.read_until(b'\n', &mut skipped)?;
            }
            self.reading = Some((first, reader, self.next));
        }
        match &mut self.reading {
            Some((_, reader, _)) => Ok(reader),
            None => Err(io::Error::other("no open segment")),
        }
    }

    fn read(
        &mut self,
        (first, path, end): (i64, &Path, i64),
        max_bytes: usize,
    ) -> io::Result<(Vec<Record>, usize)> {
        let start = self.next;
        let reader = self.reader(first, path)?;
        let (mut records, mut bytes, mut offset) = (Vec::new(), 0, start);
        while offset < end && bytes < max_bytes {
            let mut line = Vec::new();
            reader.by_ref().read_until(b'\n', &mut line)?;
            if line.pop() != Some(b'\n') {
                break;
            }
            bytes += line.len();
            records.push(Record {
                offset,
                document: document(&line),
            });
            offset += 1;
        }
        self.next = offset;
        if let Some((_, _, line)) = &mut self.reading {
            *line = offset;
        }
        Ok((records, bytes))
    }
}

fn document(line: &[u8]) -> Document {
    match line.split_first() {
        Some((&EVENT_MARK, event)) => Document::Canonical(Bytes::copy_from_slice(event)),
        Some((&IMPORTED_MARK, event)) => Document::Imported(Bytes::copy_from_slice(event)),
        Some((&LETTER_MARK, letter)) => match serde_json::from_slice::<Letter>(letter) {
            Ok(letter) => {
                let code = RejectCode::ALL
                    .iter()
                    .find(|code| code.as_str() == letter.code);
                let code = code.copied().unwrap_or(RejectCode::UnknownFormat);
                let rejection = Rejection::new(code, letter.pointer, letter.reason);
                Document::Letter(rejection, letter.payload)
            }
            Err(_) => unreadable(letter),
        },
        _ => unreadable(line),
    }
}

fn unreadable(line: &[u8]) -> Document {
    let rejection = Rejection::new(RejectCode::UnknownFormat, "", "an unreadable inbox entry");
    Document::Refused(rejection, Bytes::copy_from_slice(line))
}

impl Source for InboxSource {
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
        if self.paused {
            std::thread::sleep(wait.min(Duration::from_millis(50)));
            return Ok(Polled::Idle);
        }
        let Some((segment, path, end)) = self.wait(wait) else {
            return Ok(Polled::Idle);
        };
        let first = self.next;
        let (records, bytes) = self
            .read((segment, &path, end), max_bytes)
            .map_err(self.disk(&path))?;
        if records.is_empty() {
            // The segment ends here; the next one begins at this offset.
            self.reading = None;
            return Ok(Polled::Idle);
        }
        Ok(Polled::Window(Window {
            partition: Partition::only(&self.name),
            topic: None,
            first,
            next: self.next,
            records,
            bytes,
            lag: u64::try_from(end - self.next).ok(),
        }))
    }

    fn seek(&mut self, start: &Start) -> Result<(), SourceError> {
        let (partition, next) = (start.partition.number, start.offset());
        let mut state = lock(&self.shared);
        let oldest = state
            .segments
            .front()
            .map_or(state.next, |segment| segment.first);
        if state.segments.is_empty() && state.next < next {
            // Every entry was let go and the folder is empty: go on counting.
            state.next = next;
        }
        if next < oldest || next > state.next {
            return Err(SourceError::Seek {
                source_name: self.name.to_string(),
                partition,
                offset: next,
                what: format!("the folder holds {oldest} to {}", state.next),
            });
        }
        drop(state);
        self.next = next;
        self.reading = None;
        Ok(())
    }

    fn pause(&mut self) {
        self.paused = true;
    }

    fn resume(&mut self) {
        self.paused = false;
    }

    fn committed(&mut self, _partition: &Partition, next: i64) -> Result<(), SourceError> {
        let mut done = Vec::new();
        {
            let mut state = lock(&self.shared);
            // The last segment stays: it says where counting goes on.
            while state
                .segments
                .get(1)
                .is_some_and(|second| second.first <= next)
            {
                if let Some(segment) = state.segments.pop_front() {
                    state.waiting_bytes = state.waiting_bytes.saturating_sub(segment.bytes);
                    done.push(segment.path);
                }
            }
        }
        for path in done {
            remove_file(&path, &self.faults).map_err(self.disk(&path))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::RejectCode;

    fn letter(text: &str) -> InboxEntry {
        let rejection = Rejection::new(RejectCode::MalformedJson, "", "not JSON");
        InboxEntry::letter(&rejection, text).unwrap()
    }

    fn read_all(source: &mut InboxSource) -> Vec<(i64, String)> {
        let mut found = Vec::new();
        loop {
            match source.poll(1 << 20, Duration::ZERO).unwrap() {
                Polled::Window(window) => found.extend(window.records.into_iter().map(|record| {
                    let Document::Letter(_, payload) = record.document else {
                        panic!("no letter")
                    };
                    (record.offset, payload)
                })),
                Polled::Idle => return found,
                _ => {}
            }
        }
    }

    #[tokio::test]
    async fn entries_survive_a_restart_and_a_torn_tail_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Inbox::open(folder.path(), 1 << 30, Arc::new(Faults::none())).unwrap();
        let (inbox, _) = open();
        let receipt = inbox
            .append(vec![letter("一"), letter("二")])
            .await
            .unwrap();
        assert_eq!(receipt, Receipt { first: 0, next: 2 });
        drop(inbox);
        let segment = segment_path(folder.path(), 0);
        let mut file = OpenOptions::new().append(true).open(&segment).unwrap();
        file.write_all(b"r{\"code\":\"half").unwrap();
        drop(file);
        let (inbox, mut source) = open();
        source
            .seek(&Start::at(Partition::only(source.name()), 1))
            .unwrap();
        assert_eq!(read_all(&mut source), [(1, "二".to_owned())]);
        assert_eq!(inbox.append(vec![letter("三")]).await.unwrap().first, 2);
        assert_eq!(read_all(&mut source), [(2, "三".to_owned())]);
    }

    #[tokio::test]
    async fn committed_segments_are_let_go_and_old_offsets_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (inbox, mut source) =
            Inbox::open(folder.path(), 1 << 30, Arc::new(Faults::none())).unwrap();
        let long = "长".repeat(SEGMENT_BYTES as usize / 3);
        for _ in 0..3 {
            inbox.append(vec![letter(&long)]).await.unwrap();
        }
        source
            .seek(&Start::at(Partition::only(source.name()), 0))
            .unwrap();
        assert_eq!(read_all(&mut source).len(), 3);
        let partition = Partition::only(source.name());
        source.committed(&partition, 3).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(matches!(
            source.seek(&Start::at(Partition::only(source.name()), 0)),
            Err(SourceError::Seek { .. })
        ));
        assert!(
            source
                .seek(&Start::at(Partition::only(source.name()), 3))
                .is_ok()
        );
    }

    #[tokio::test]
    async fn a_full_inbox_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let (inbox, _source) = Inbox::open(folder.path(), 10, Arc::new(Faults::none())).unwrap();
        inbox.append(vec![letter("一")]).await.unwrap();
        let refused = inbox.append(vec![letter("二")]).await;
        assert!(matches!(refused, Err(InboxError::Full(_))));
    }
}
