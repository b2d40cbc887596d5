//! Messages as they come, mixed over partitions, into windows of one partition.
//!
//! Invariants: the records of a window are consecutive messages of its
//! partition; their bytes lie in one allocation; an empty or too long message
//! becomes a refusal, never a gap.

use std::sync::Arc;

use bytes::Bytes;

use crate::contract::{RejectCode, Rejection};
use crate::domain::Partition;
use crate::source::{Document, Record, RecordFormat, Window};

/// Of a message that is too long so much is kept for its dead letter.
const KEPT_OF_TOO_LONG: usize = 64 * 1024;

enum Item {
    Payload { end: usize },
    Empty { reason: &'static str },
    TooLong { end: usize, bytes: usize },
}

/// One assigned partition.
pub(super) struct Slot {
    pub partition: Partition,
    pub topic: Arc<str>,
    pub format: Arc<dyn RecordFormat>,
    /// Next offset to hand out.
    pub next: i64,
    /// Offset after the last record of the partition, as far as it is known.
    pub end: Option<i64>,
    items: Vec<(i64, Item)>,
    data: Vec<u8>,
}

impl Slot {
    pub(super) fn new(
        partition: Partition,
        topic: Arc<str>,
        format: Arc<dyn RecordFormat>,
        next: i64,
    ) -> Self {
        Self {
            partition,
            topic,
            format,
            next,
            end: None,
            items: Vec::new(),
            data: Vec::new(),
        }
    }

    /// Whether it is this partition.
    pub(super) fn is(&self, topic: &str, number: i32) -> bool {
        self.partition.number == number && *self.topic == *topic
    }

    /// Takes a message; the bytes that it adds.
    pub(super) fn add(&mut self, offset: i64, payload: Option<&[u8]>, max_bytes: usize) -> usize {
        if offset < self.next {
            return 0;
        }
        self.next = offset + 1;
        let item = match payload {
            None => Item::Empty {
                reason: "expected one JSON document, found a record without a value (a tombstone)",
            },
            Some([]) => Item::Empty {
                reason: "expected one JSON document, found an empty record",
            },
            Some(payload) if payload.len() > max_bytes => {
                self.data
                    .extend_from_slice(payload.get(..KEPT_OF_TOO_LONG).unwrap_or(payload));
                Item::TooLong {
                    end: self.data.len(),
                    bytes: payload.len(),
                }
            }
            Some(payload) => {
                self.data.extend_from_slice(payload);
                Item::Payload {
                    end: self.data.len(),
                }
            }
        };
        self.items.push((offset, item));
        payload.map_or(0, <[u8]>::len)
    }

    /// Throws away what was not handed out and begins again at `next`.
    pub(super) fn restart(&mut self, next: i64) {
        self.items.clear();
        self.data.clear();
        self.next = next;
    }

    /// Whether a window can be taken.
    pub(super) fn has_records(&self) -> bool {
        !self.items.is_empty()
    }

    /// Everything taken since the last window.
    pub(super) fn window(&mut self, max_bytes: usize) -> Option<Window> {
        let first = self.items.first()?.0;
        let items = std::mem::take(&mut self.items);
        let data = Bytes::from(std::mem::take(&mut self.data));
        let (bytes, mut begin) = (data.len(), 0);
        let records = items.into_iter().map(|(offset, item)| {
            let document = match item {
                Item::Payload { end } => {
                    let payload = data.slice(begin..end);
                    begin = end;
                    self.format.document(payload)
                }
                Item::Empty { reason } => Document::Refused(
                    Rejection::new(RejectCode::MalformedJson, "", reason),
                    Bytes::new(),
                ),
                Item::TooLong { end, bytes } => {
                    let payload = data.slice(begin..end);
                    begin = end;
                    let reason = format!("{bytes} bytes; at most {max_bytes} are taken");
                    Document::Refused(Rejection::new(RejectCode::LineTooLong, "", reason), payload)
                }
            };
            Record { offset, document }
        });
        let records = records.collect();
        let lag = self.end.map(|end| end.saturating_sub(self.next).max(0));
        Some(Window {
            partition: self.partition.clone(),
            topic: Some(Arc::clone(&self.topic)),
            first,
            next: self.next,
            records,
            bytes,
            lag: lag.and_then(|lag| u64::try_from(lag).ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Canonical;

    fn slot() -> Slot {
        let partition = Partition {
            source: "kafka:calls".into(),
            number: 3,
        };
        Slot::new(partition, "calls".into(), Arc::new(Canonical), 10)
    }

    #[test]
    fn messages_become_records_and_bad_ones_refusals() {
        let mut slot = slot();
        slot.add(9, Some(b"old"), 100);
        slot.add(10, Some(b"one"), 100);
        slot.add(11, None, 100);
        slot.add(12, Some(b""), 100);
        // A control record had offset 13.
        slot.add(14, Some(&[b'x'; 101]), 100);
        slot.add(15, Some("二".as_bytes()), 100);
        slot.end = Some(20);
        let window = slot.window(100).unwrap();
        assert_eq!((window.first, window.next, window.lag), (10, 16, Some(4)));
        let shown: Vec<_> = window
            .records
            .iter()
            .map(|record| match &record.document {
                Document::Canonical(bytes) => {
                    (record.offset, String::from_utf8_lossy(bytes).into_owned())
                }
                Document::Refused(rejection, _) => (record.offset, rejection.code.to_string()),
                _ => (record.offset, "?".to_owned()),
            })
            .collect();
        let expected = [
            (10, "one"),
            (11, "malformed_json"),
            (12, "malformed_json"),
            (14, "line_too_long"),
            (15, "二"),
        ];
        assert_eq!(
            shown,
            expected.map(|(offset, text)| (offset, text.to_owned()))
        );
        assert!(slot.window(100).is_none());
    }

    #[test]
    fn a_restart_forgets_what_was_gathered() {
        let mut slot = slot();
        slot.add(10, Some(b"one"), 100);
        slot.restart(5);
        assert!(!slot.has_records());
        slot.add(5, Some(b"five"), 100);
        assert_eq!(slot.window(100).unwrap().first, 5);
    }
}
