//! `dead_letters`: one row a refused record.
//!
//! Invariants: its identity is its position; two equal lines are two rows. The
//! payload is redacted, with whole tokens, so that it can be replayed.

use super::{Pending, TableId, table};
use crate::contract::Rejection;
use crate::domain::{Micros, Position};

table!(SPEC, C, "dead_letters", {
    Source = "source": Text(required),
    Partition = "partition": Int(required),
    Offset = "offset": Long(required),
    Item = "item": Int(required),
    Topic = "topic": Text,
    Code = "code": Text(required),
    Pointer = "pointer": Text,
    Reason = "reason": Text,
    Payload = "payload": Text,
    ReceivedAt = "received_at": Time(required),
});

/// One refused record.
pub struct DeadLetter<'a> {
    /// Where it stood.
    pub position: &'a Position,
    /// Which part of the record, from 0 (a mapped row can hold several events).
    pub item: i32,
    /// The Kafka topic or the file.
    pub topic: Option<&'a str>,
    /// Why.
    pub rejection: &'a Rejection,
    /// The record, redacted.
    pub payload: &'a str,
    /// When.
    pub received_at: Micros,
}

pub(super) fn append(pending: &mut Pending, letter: &DeadLetter<'_>) {
    let mut row = pending
        .batch(TableId::DeadLetters, letter.received_at.day())
        .row();
    row.text(C::Source as usize, Some(&letter.position.source));
    row.int(C::Partition as usize, Some(letter.position.partition));
    row.long(C::Offset as usize, Some(letter.position.offset));
    row.int(C::Item as usize, Some(letter.item));
    row.text(C::Topic as usize, letter.topic);
    row.text(C::Code as usize, Some(letter.rejection.code.as_str()));
    row.text(C::Pointer as usize, Some(&letter.rejection.pointer));
    row.text(C::Reason as usize, Some(&letter.rejection.reason));
    row.text(C::Payload as usize, Some(letter.payload));
    row.time(C::ReceivedAt as usize, Some(letter.received_at));
}
