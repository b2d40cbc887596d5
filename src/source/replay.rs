//! A recorded data set at its own or a faster pace.
//!
//! Invariants: the records and their offsets are those of the file; only the
//! moment changes at which they are handed out, by the times in the events.

#![expect(
    clippy::disallowed_methods,
    reason = "a source has a thread of its own and may block it"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Document, FileImport, Polled, Record, Source, SourceError, Start, Window};
use crate::domain::{Micros, Partition};

/// Hands out a file's events no faster than they happened, times `speed`.
pub struct Replay {
    file: FileImport,
    speed: f64,
    begun: Option<(Instant, Micros)>,
    waiting: Option<Window>,
}

impl Replay {
    /// Replays `file`; at `speed` 2 an hour takes half an hour.
    pub fn new(file: FileImport, speed: f64) -> Self {
        Self {
            file,
            speed: speed.max(f64::MIN_POSITIVE),
            begun: None,
            waiting: None,
        }
    }

    /// How long the event at `time` is still to wait.
    fn due_in(&mut self, time: Micros) -> Duration {
        let (begun, first) = *self.begun.get_or_insert_with(|| (Instant::now(), time));
        let apart_s = (time.0 - first.0) as f64 / 1e6 / self.speed;
        let due = Duration::try_from_secs_f64(apart_s.max(0.0)).unwrap_or(Duration::MAX);
        due.saturating_sub(begun.elapsed())
    }

    /// Splits `window` before the first record that is not due.
    fn take_due(&mut self, mut window: Window) -> (Option<Window>, Duration) {
        let mut due = window.records.len();
        let mut wait = Duration::ZERO;
        for (index, record) in window.records.iter().enumerate() {
            let Some(time) = time_of(record) else {
                continue;
            };
            wait = self.due_in(time);
            if !wait.is_zero() {
                due = index;
                break;
            }
        }
        let later = window.records.split_off(due);
        let split_at = later.first().map(|record| record.offset);
        if let Some(first) = split_at {
            self.waiting = Some(Window {
                partition: window.partition.clone(),
                topic: window.topic.clone(),
                first,
                next: window.next,
                records: later,
                bytes: window.bytes,
                lag: window.lag,
            });
            window.next = first;
        }
        ((!window.records.is_empty()).then_some(window), wait)
    }
}

/// The time of a canonical event, without decoding the rest.
fn time_of(record: &Record) -> Option<Micros> {
    #[derive(serde::Deserialize)]
    struct OnlyTime {
        time: Micros,
    }
    let bytes = match &record.document {
        Document::Canonical(bytes) => bytes.as_ref(),
        Document::Mapped(events, _) => events.first()?.as_slice(),
        Document::Converted(converted) => converted.events.first()?.as_slice(),
        _ => return None,
    };
    serde_json::from_slice::<OnlyTime>(bytes)
        .ok()
        .map(|event| event.time)
}

impl Source for Replay {
    fn name(&self) -> &Arc<str> {
        self.file.name()
    }

    fn is_stream(&self) -> bool {
        false
    }

    fn poll(&mut self, max_bytes: usize, wait: Duration) -> Result<Polled, SourceError> {
        let window = match self.waiting.take() {
            Some(window) => window,
            None => match self.file.poll(max_bytes, wait)? {
                Polled::Window(window) => window,
                other => return Ok(other),
            },
        };
        let (due, until_next) = self.take_due(window);
        match due {
            Some(window) => Ok(Polled::Window(window)),
            None => {
                std::thread::sleep(until_next.min(wait));
                Ok(Polled::Idle)
            }
        }
    }

    fn seek(&mut self, start: &Start) -> Result<(), SourceError> {
        self.waiting = None;
        self.file.seek(start)
    }

    fn pause(&mut self) {
        self.file.pause();
    }

    fn resume(&mut self) {
        self.file.resume();
    }

    fn committed(&mut self, partition: &Partition, next: i64) -> Result<(), SourceError> {
        self.file.committed(partition, next)
    }
}
