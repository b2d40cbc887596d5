//! Turns of history against the rules, interaction by interaction.
//!
//! Invariants: rows come sorted by interaction and time; an interaction is judged by itself and ended when its end is
//! known; the findings are those that a whole transcript of it would have.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};

use super::mood::turn_key;
use super::rules::{Told, findings, is_judged};
use crate::domain::{Channel, ContentType, Micros, Speaker};
use crate::enrich::quality::{Heard, RuleSet, Scratch, Talk};
use crate::tables::Finding;

/// See the module.
pub struct History {
    rules: Arc<RuleSet>,
    scratch: Scratch,
    current: Option<Current>,
    /// Interactions so far.
    pub interactions: u64,
    /// Turns so far.
    pub turns: u64,
}

struct Current {
    interaction_id: String,
    talk: Talk,
    last_at: Micros,
    closed_at: Option<Micros>,
}

/// A row.
struct Row<'a> {
    interaction_id: &'a str,
    turn_id: &'a str,
    speaker: Option<Speaker>,
    speaker_id: Option<&'a str>,
    channel: Option<Channel>,
    content: Option<ContentType>,
    text: &'a str,
    mood: Option<i8>,
    at: Micros,
    started_at: Option<Micros>,
    ended_at: Option<Micros>,
    closed_at: Option<Micros>,
}

impl History {
    /// Judges by `rules`.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>) -> Self {
        Self {
            rules,
            scratch: Scratch::default(),
            current: None,
            interactions: 0,
            turns: 0,
        }
    }

    /// The findings of the next rows.
    ///
    /// # Errors
    /// When a column is missing or of another type.
    pub fn take(&mut self, rows: &RecordBatch) -> Result<Vec<Finding>, String> {
        let columns = Columns::of(rows)?;
        let mut found = Vec::new();
        for place in 0..rows.num_rows() {
            let row = columns.row(place);
            let is_next = self
                .current
                .as_ref()
                .is_none_or(|current| current.interaction_id != row.interaction_id);
            if is_next {
                found.extend(self.finish());
                self.begin(&row);
            }
            found.extend(self.hear(&row));
        }
        Ok(found)
    }

    /// The findings of the end of the last interaction.
    pub fn finish(&mut self) -> Vec<Finding> {
        let Some(mut current) = self.current.take() else {
            return Vec::new();
        };
        let Some(closed_at) = current.closed_at else {
            return Vec::new();
        };
        let hits = self.rules.end(&mut current.talk);
        let told = Told::end(closed_at.max(current.last_at), &current.talk);
        findings(&self.rules, hits, &current.interaction_id, &told)
    }

    fn begin(&mut self, row: &Row<'_>) {
        self.interactions += 1;
        let mut talk = Talk::default();
        if let Some(channel) = row.channel {
            talk.set_channel(channel);
        }
        self.current = Some(Current {
            interaction_id: row.interaction_id.to_owned(),
            talk,
            last_at: row.at,
            closed_at: row.closed_at,
        });
    }

    fn hear(&mut self, row: &Row<'_>) -> Vec<Finding> {
        let (Some(speaker), Some(content)) = (row.speaker, row.content) else {
            return Vec::new();
        };
        let Some(current) = self.current.as_mut() else {
            return Vec::new();
        };
        if !is_judged(speaker, content, row.text) {
            return Vec::new();
        }
        self.turns += 1;
        current.last_at = current.last_at.max(row.at);
        let heard = Heard {
            turn: turn_key(row.turn_id),
            at: row.at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            speaker,
            speaker_id: row.speaker_id,
            text: row.text,
            mood: row.mood,
        };
        let hits = self
            .rules
            .hear(&mut current.talk, &heard, &mut self.scratch);
        let told = Told::of_turn(row.turn_id, speaker, row.at, &current.talk);
        findings(&self.rules, hits, &current.interaction_id, &told)
    }
}

/// A column of texts as texts, whatever the engine made of it.
///
/// # Errors
/// When there is no such column of texts.
pub fn texts_of(rows: &RecordBatch, name: &str) -> Result<Vec<String>, String> {
    let column = rows
        .column_by_name(name)
        .ok_or_else(|| format!("no column {name}"))?;
    let column = cast(column, &DataType::Utf8).map_err(|error| error.to_string())?;
    let texts = column
        .as_string_opt::<i32>()
        .ok_or_else(|| format!("{name} holds no texts"))?;
    Ok(texts.iter().flatten().map(str::to_owned).collect())
}

/// The columns of a batch in known types.
struct Columns {
    texts: [arrow::array::ArrayRef; 8],
    times: [arrow::array::ArrayRef; 4],
}

const TEXTS: [&str; 8] = [
    "interaction_id",
    "turn_id",
    "speaker",
    "speaker_id",
    "channel",
    "content_type",
    "text",
    "sentiment_label",
];
const TIMES: [&str; 4] = ["at", "started_at", "ended_at", "closed_at"];

impl Columns {
    fn of(rows: &RecordBatch) -> Result<Self, String> {
        let column = |name: &str, kind: &DataType| {
            let column = rows
                .column_by_name(name)
                .ok_or_else(|| format!("no column {name}"))?;
            cast(column, kind).map_err(|error| error.to_string())
        };
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let texts: Result<Vec<_>, String> = TEXTS
            .iter()
            .map(|name| column(name, &DataType::Utf8))
            .collect();
        let times: Result<Vec<_>, String> = TIMES.iter().map(|name| column(name, &time)).collect();
        let short = |_| "a column is missing".to_owned();
        Ok(Self {
            texts: texts?.try_into().map_err(short)?,
            times: times?.try_into().map_err(short)?,
        })
    }

    fn text(&self, column: usize, row: usize) -> Option<&str> {
        let texts = self.texts.get(column)?.as_string_opt::<i32>()?;
        texts.is_valid(row).then(|| texts.value(row))
    }

    fn time(&self, column: usize, row: usize) -> Option<Micros> {
        let times = self.times.get(column)?;
        let times = times.as_primitive_opt::<TimestampMicrosecondType>()?;
        times.is_valid(row).then(|| Micros(times.value(row)))
    }

    fn row(&self, row: usize) -> Row<'_> {
        let word = |column| self.text(column, row);
        Row {
            interaction_id: word(0).unwrap_or_default(),
            turn_id: word(1).unwrap_or_default(),
            speaker: word(2).and_then(|word| word.parse().ok()),
            speaker_id: word(3),
            channel: word(4).and_then(|word| word.parse().ok()),
            content: word(5).and_then(|word| word.parse().ok()),
            text: word(6).unwrap_or_default(),
            mood: word(7).map(|label| match label {
                "negative" => -1,
                "positive" => 1,
                _ => 0,
            }),
            at: self.time(0, row).unwrap_or(Micros(0)),
            started_at: self.time(1, row),
            ended_at: self.time(2, row),
            closed_at: self.time(3, row),
        }
    }
}
