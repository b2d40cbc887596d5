//! The turns of a partition that may still matter to the mood of new ones, read from the facts.
//!
//! Invariants: gives what `mood` would remember, in the order of positions; reads the newest days that have rows
//! of the partition, two at most, and two columns first, so that texts are read only of the last 2.5 hours.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};

use super::mood::{KEPT_MICROS, SILENCE_MICROS, Spoken, key_of};
use crate::domain::{ContentType, Day, Micros, Speaker};
use crate::lake::{Lake, LakeError, days_of, read_day};
use crate::tables::TableId;

const DAYS_LOOKED_AT: usize = 3;

/// Interaction and turn of each fact of the last 2.5 hours of the partition, by position.
///
/// # Errors
/// When the table can't be read.
pub(super) async fn talks(
    lake: &Lake,
    source: &Arc<str>,
    partition: i32,
) -> Result<Vec<(u64, Spoken)>, LakeError> {
    let table = lake.table(TableId::Turns);
    let days: Vec<Day> = days_of(table)?
        .into_iter()
        .rev()
        .take(DAYS_LOOKED_AT)
        .collect();
    let mut newest: Option<Micros> = None;
    for day in &days {
        read_day(table, *day, &["at", "source", "partition"], |rows| {
            newest = newest.max(newest_of(rows, source, partition));
        })
        .await?;
    }
    let Some(newest) = newest else {
        return Ok(Vec::new());
    };
    let from = Micros(newest.0 - KEPT_MICROS - SILENCE_MICROS);
    let mut facts = Vec::new();
    for day in days.iter().filter(|day| **day >= from.day()) {
        read_day(table, *day, &COLUMNS, |rows| {
            facts.extend(spoken_of(rows, source, partition, from));
        })
        .await?;
    }
    facts.sort_by_key(|(position, _, _)| *position);
    Ok(facts
        .into_iter()
        .map(|(_, key, spoken)| (key, spoken))
        .collect())
}

const COLUMNS: [&str; 12] = [
    "interaction_id",
    "turn_id",
    "speaker",
    "at",
    "content_type",
    "text",
    "recalled",
    "from_transcript",
    "source",
    "partition",
    "offset",
    "item",
];

fn newest_of(rows: &RecordBatch, source: &str, partition: i32) -> Option<Micros> {
    let mine = mine(rows, source, partition)?;
    let at = rows
        .column_by_name("at")?
        .as_primitive_opt::<TimestampMicrosecondType>()?;
    mine.into_iter().map(|row| Micros(at.value(row))).max()
}

/// Rows of the partition.
fn mine(rows: &RecordBatch, source: &str, partition: i32) -> Option<Vec<usize>> {
    let sources = rows.column_by_name("source")?.as_string_opt::<i32>()?;
    let partitions = rows
        .column_by_name("partition")?
        .as_primitive_opt::<Int32Type>()?;
    let is_mine =
        |row: &usize| sources.value(*row) == source && partitions.value(*row) == partition;
    Some((0..rows.num_rows()).filter(is_mine).collect())
}

/// Position in its partition, interaction, turn.
type Fact = ((i64, i32), u64, Spoken);

fn spoken_of(rows: &RecordBatch, source: &str, partition: i32, from: Micros) -> Vec<Fact> {
    read(rows, source, partition, from).unwrap_or_default()
}

fn read(rows: &RecordBatch, source: &str, partition: i32, from: Micros) -> Option<Vec<Fact>> {
    let text = |name: &str| rows.column_by_name(name)?.as_string_opt::<i32>();
    let flag = |name: &str| rows.column_by_name(name)?.as_boolean_opt();
    let (interactions, turns) = (text("interaction_id")?, text("turn_id")?);
    let (speakers, contents, texts) = (text("speaker")?, text("content_type")?, text("text")?);
    let (recalled, whole) = (flag("recalled")?, flag("from_transcript")?);
    let at = rows
        .column_by_name("at")?
        .as_primitive_opt::<TimestampMicrosecondType>()?;
    let offsets = rows
        .column_by_name("offset")?
        .as_primitive_opt::<Int64Type>()?;
    let items = rows
        .column_by_name("item")?
        .as_primitive_opt::<Int32Type>()?;
    let mut found = Vec::new();
    for row in mine(rows, source, partition)? {
        let time = Micros(at.value(row));
        if time < from || recalled.value(row) || whole.value(row) || texts.is_null(row) {
            continue;
        }
        let (Some(speaker), Some(content)) = (
            speakers.value(row).parse::<Speaker>().ok(),
            contents.value(row).parse::<ContentType>().ok(),
        ) else {
            continue;
        };
        let spoken = Spoken::new(turns.value(row), time, speaker, content, texts.value(row));
        if let Some(spoken) = spoken {
            let position = (offsets.value(row), items.value(row));
            found.push((position, key_of(interactions.value(row)), spoken));
        }
    }
    Some(found)
}
