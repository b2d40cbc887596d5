//! `dead_letters`: one row a refused record.
//!
//! Invariants: its identity is its position; two equal lines are two rows. The
//! payload is redacted, with whole tokens, so that it can be replayed.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use serde_json::json;

use super::{Pending, TableId, table};
use crate::contract::{DEAD_LETTER_TYPE, Rejection};
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

/// The rows as events for the topic of dead letters: stable id (the position)
/// and document, as the AsyncAPI document describes it.
pub fn outgoing(rows: &RecordBatch) -> Vec<(String, Vec<u8>)> {
    let text = |name: &str, row: usize| {
        let column = rows.column_by_name(name)?.as_string_opt::<i32>()?;
        column.is_valid(row).then(|| column.value(row))
    };
    let long = |name: &str, row: usize| {
        let column = rows.column_by_name(name)?;
        let column = column.as_primitive_opt::<Int64Type>()?;
        Some(column.value(row))
    };
    let int = |name: &str, row: usize| {
        let column = rows.column_by_name(name)?;
        let column = column.as_primitive_opt::<Int32Type>()?;
        Some(column.value(row))
    };
    let letters = (0..rows.num_rows()).map(|row| {
        let source = text("source", row).unwrap_or_default();
        let (partition, offset) = (int("partition", row), long("offset", row));
        let item = int("item", row);
        let id = format!(
            "{source}/{}/{}/{}",
            partition.unwrap_or_default(),
            offset.unwrap_or_default(),
            item.unwrap_or_default()
        );
        let received_at = rows.column_by_name("received_at").and_then(|column| {
            let column = column.as_primitive_opt::<TimestampMicrosecondType>()?;
            Some(Micros(column.value(row)).to_string())
        });
        let document = json!({
            "specversion": "1.0",
            "id": id,
            "source": "/tingchao/dead-letters",
            "type": DEAD_LETTER_TYPE,
            "time": received_at,
            "data": {
                "source": source,
                "partition": partition,
                "offset": offset,
                "item": item,
                "topic": text("topic", row),
                "code": text("code", row),
                "pointer": text("pointer", row),
                "reason": text("reason", row),
                "payload": text("payload", row),
            }
        });
        (id, document.to_string().into_bytes())
    });
    letters.collect()
}
