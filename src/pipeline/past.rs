//! The turns of a partition that may still matter to new ones, read from the facts.
//!
//! Invariants: gives what `mood` and `rules` would remember, in the order of positions; reads the newest days that have rows
//! of the partition, two at most, and two columns first, so that texts are read only of the last 2.5 hours.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, PrimitiveArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};

use super::mood::{KEPT_MICROS, SILENCE_MICROS, Spoken, key_of, turn_key};
use super::rules::{Fact, JUDGED_MICROS, What, is_judged};
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

/// What happened in the interactions of the partition that are still open, before the offset `until` and by
/// position: what the quality rules remember.
///
/// # Errors
/// When the tables can't be read.
pub(super) async fn open_facts(
    lake: &Lake,
    source: &Arc<str>,
    partition: i32,
    until: i64,
) -> Result<Vec<Fact>, LakeError> {
    let (turns, events) = (
        lake.table(TableId::Turns),
        lake.table(TableId::InteractionEvents),
    );
    let mut days: Vec<Day> = days_of(turns)?;
    days.extend(days_of(events)?);
    days.sort_unstable();
    days.dedup();
    let days: Vec<Day> = days.into_iter().rev().take(DAYS_LOOKED_AT).collect();
    let mut moments: Vec<(Micros, u64)> = Vec::new();
    for table in [turns, events] {
        for day in &days {
            let columns = ["interaction_id", "at", "source", "partition", "offset"];
            read_day(table, *day, &columns, |rows| {
                let found = moments_of(rows, (source, partition), until);
                moments.extend(found.unwrap_or_default());
            })
            .await?;
        }
    }
    let Some(newest) = moments.iter().map(|(at, _)| *at).max() else {
        return Ok(Vec::new());
    };
    let recent = moments
        .iter()
        .filter(|(at, _)| newest.0 - at.0 <= SILENCE_MICROS);
    let open: HashSet<u64> = recent.map(|(_, interaction)| *interaction).collect();
    let from = Micros(newest.0 - JUDGED_MICROS - 2 * SILENCE_MICROS);
    let wanted = Wanted {
        source,
        partition,
        until,
        from,
        open: &open,
    };
    let mut facts = Vec::new();
    for day in days.iter().filter(|day| **day >= from.day()) {
        read_day(turns, *day, &JUDGED_COLUMNS, |rows| {
            facts.extend(wanted.turns(rows).unwrap_or_default());
        })
        .await?;
        read_day(events, *day, &EVENT_COLUMNS, |rows| {
            facts.extend(wanted.events(rows).unwrap_or_default());
        })
        .await?;
    }
    facts.sort_by_key(|(position, _)| *position);
    // The newest moment of the partition counts also when its interaction has been forgotten.
    Ok(facts.into_iter().map(|(_, fact)| fact).collect())
}

const JUDGED_COLUMNS: [&str; 16] = [
    "interaction_id",
    "turn_id",
    "speaker",
    "speaker_id",
    "at",
    "started_at",
    "ended_at",
    "content_type",
    "text",
    "sentiment_label",
    "recalled",
    "from_transcript",
    "source",
    "partition",
    "offset",
    "item",
];
const EVENT_COLUMNS: [&str; 7] = [
    "interaction_id",
    "type",
    "at",
    "channel",
    "source",
    "partition",
    "offset",
];

/// Times and interactions of the partition's rows before the offset `until`.
fn moments_of(
    rows: &RecordBatch,
    (source, partition): (&str, i32),
    until: i64,
) -> Option<Vec<(Micros, u64)>> {
    let interactions = rows
        .column_by_name("interaction_id")?
        .as_string_opt::<i32>()?;
    let at = rows
        .column_by_name("at")?
        .as_primitive_opt::<TimestampMicrosecondType>()?;
    let offsets = rows
        .column_by_name("offset")?
        .as_primitive_opt::<Int64Type>()?;
    let mine = mine(rows, source, partition)?.into_iter();
    let before = mine.filter(|row| offsets.value(*row) < until);
    let found = before.map(|row| (Micros(at.value(row)), key_of(interactions.value(row))));
    Some(found.collect())
}

/// Which facts are read back.
struct Wanted<'a> {
    source: &'a str,
    partition: i32,
    until: i64,
    from: Micros,
    open: &'a HashSet<u64>,
}

/// Offset and item of a fact.
type Placed = ((i64, i32), Fact);

impl Wanted<'_> {
    /// Rows of open interactions: row, interaction and time.
    fn rows(&self, rows: &RecordBatch) -> Option<Vec<(usize, u64, Micros)>> {
        let interactions = rows
            .column_by_name("interaction_id")?
            .as_string_opt::<i32>()?;
        let at = rows
            .column_by_name("at")?
            .as_primitive_opt::<TimestampMicrosecondType>()?;
        let offsets = rows
            .column_by_name("offset")?
            .as_primitive_opt::<Int64Type>()?;
        let mine = mine(rows, self.source, self.partition)?.into_iter();
        let wanted = mine.filter(|row| offsets.value(*row) < self.until);
        let placed = wanted.map(|row| {
            let interaction = key_of(interactions.value(row));
            (row, interaction, Micros(at.value(row)))
        });
        let open = placed.filter(|(_, key, at)| *at >= self.from && self.open.contains(key));
        Some(open.collect())
    }

    fn turns(&self, rows: &RecordBatch) -> Option<Vec<Placed>> {
        let column = |name: &str| rows.column_by_name(name)?.as_string_opt::<i32>();
        let flag = |name: &str| rows.column_by_name(name)?.as_boolean_opt();
        let time = |name: &str| {
            rows.column_by_name(name)?
                .as_primitive_opt::<TimestampMicrosecondType>()
        };
        let (ids, texts) = (column("turn_id")?, column("text")?);
        let (speakers, contents) = (column("speaker")?, column("content_type")?);
        let (who, labels) = (column("speaker_id")?, column("sentiment_label")?);
        let (recalled, whole) = (flag("recalled")?, flag("from_transcript")?);
        let (started, ended) = (time("started_at")?, time("ended_at")?);
        let offsets = rows
            .column_by_name("offset")?
            .as_primitive_opt::<Int64Type>()?;
        let items = rows
            .column_by_name("item")?
            .as_primitive_opt::<Int32Type>()?;
        let mut found = Vec::new();
        for (row, interaction, at) in self.rows(rows)? {
            if recalled.value(row) || whole.value(row) || texts.is_null(row) {
                continue;
            }
            let (Some(speaker), Some(content)) = (
                speakers.value(row).parse::<Speaker>().ok(),
                contents.value(row).parse::<ContentType>().ok(),
            ) else {
                continue;
            };
            if !is_judged(speaker, content, texts.value(row)) {
                continue;
            }
            let moment = |of: &PrimitiveArray<TimestampMicrosecondType>| {
                of.is_valid(row).then(|| Micros(of.value(row)))
            };
            let spoken = super::rules::Spoken {
                turn: turn_key(ids.value(row)),
                started_at: moment(started),
                ended_at: moment(ended),
                speaker,
                speaker_id: who.is_valid(row).then(|| who.value(row).to_owned()),
                text: texts.value(row).to_owned(),
                mood: labels.is_valid(row).then(|| match labels.value(row) {
                    "negative" => -1,
                    "positive" => 1,
                    _ => 0,
                }),
            };
            let position = (offsets.value(row), items.value(row));
            let what = What::Turn(spoken);
            found.push((
                position,
                Fact {
                    interaction,
                    at,
                    what,
                },
            ));
        }
        Some(found)
    }

    fn events(&self, rows: &RecordBatch) -> Option<Vec<Placed>> {
        let column = |name: &str| rows.column_by_name(name)?.as_string_opt::<i32>();
        let (types, channels) = (column("type")?, column("channel")?);
        let offsets = rows
            .column_by_name("offset")?
            .as_primitive_opt::<Int64Type>()?;
        let mut found = Vec::new();
        for (row, interaction, at) in self.rows(rows)? {
            let what = match types.value(row) {
                "interaction.started.v1" => match channels.value(row).parse() {
                    Ok(channel) => What::Started(channel),
                    Err(_) => continue,
                },
                "interaction.ended.v1" => What::Ended,
                _ => continue,
            };
            let position = (offsets.value(row), 0);
            found.push((
                position,
                Fact {
                    interaction,
                    at,
                    what,
                },
            ));
        }
        Some(found)
    }
}

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
type Said = ((i64, i32), u64, Spoken);

fn spoken_of(rows: &RecordBatch, source: &str, partition: i32, from: Micros) -> Vec<Said> {
    read(rows, source, partition, from).unwrap_or_default()
}

fn read(rows: &RecordBatch, source: &str, partition: i32, from: Micros) -> Option<Vec<Said>> {
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
