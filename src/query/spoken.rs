//! The turns of some interactions, read as one state, for those who look for requests in them.
//!
//! Invariants: turns are clean (no repeats, nothing recalled) and stand in the order of their interaction; only
//! days from the asked one on are read. Not here: what a request is (`enrich`), storing it (`jobs`).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use futures::StreamExt;

use super::answer::BatchStream;
use super::catalog::Snapshot;
use super::engine::Engine;
use super::error::QueryError;
use super::marts::{Stored, ids};
use crate::domain::{Day, Micros};

const TURNS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/jobs/request_turns.sql"
));
const INTERACTIONS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/jobs/request_interactions.sql"
));
/// All days are before it, so every row is one of an asked interaction.
const LAST: Day = Day(2_932_896);

/// A turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenTurn {
    /// Where it was said.
    pub interaction_id: String,
    /// Its id there.
    pub turn_id: String,
    /// `customer`, `agent`, `bot` or `system`.
    pub speaker: String,
    /// Where known.
    pub channel: Option<String>,
    /// When it was said.
    pub at: Micros,
    /// When it ended.
    pub ended_at: Option<Micros>,
    /// BCP 47, as its event says.
    pub language: Option<String>,
    /// Redacted words.
    pub text: String,
}

/// What is known of an interaction as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpokenIn {
    /// Where known.
    pub channel: Option<String>,
    /// The first queue.
    pub queue: Option<String>,
    /// Who called.
    pub customer_id: Option<String>,
}

/// Some interactions as of one state of the tables.
pub struct Spoken {
    engine: Engine,
    snapshot: Arc<Snapshot>,
}

/// Turns on their way.
pub struct SpokenTurns(BatchStream);

impl Engine {
    /// The interactions `ids`, their turns of `from` and later.
    ///
    /// # Errors
    /// When the lake can't be read.
    pub async fn spoken(&self, wanted: &BTreeSet<String>, from: Day) -> Result<Spoken, QueryError> {
        let current = self.catalog().snapshot().await?;
        let stored = Stored {
            through: Some(LAST),
            touched: Some((ids(wanted)?, from)),
            ..Stored::nothing()
        };
        Ok(Spoken {
            engine: self.clone(),
            snapshot: self.catalog().variant(&current, stored),
        })
    }
}

impl Spoken {
    /// Their turns, by interaction and order.
    ///
    /// # Errors
    /// When the query can't begin.
    pub async fn turns(&self) -> Result<SpokenTurns, QueryError> {
        let answer = self
            .engine
            .maintain_at(TURNS.to_owned(), Arc::clone(&self.snapshot))
            .await?;
        Ok(SpokenTurns(answer.batches))
    }

    /// What is known of each.
    ///
    /// # Errors
    /// What stopped the query.
    pub async fn interactions(&self) -> Result<HashMap<String, SpokenIn>, QueryError> {
        let answer = self
            .engine
            .maintain_at(INTERACTIONS.to_owned(), Arc::clone(&self.snapshot))
            .await?;
        let mut batches = answer.batches;
        let mut found = HashMap::new();
        while let Some(rows) = batches.next().await {
            let columns = Columns::of(&rows?, &[])?;
            for place in 0..columns.rows {
                let said = SpokenIn {
                    channel: columns.text(1, place),
                    queue: columns.text(2, place),
                    customer_id: columns.text(3, place),
                };
                found.insert(columns.text(0, place).unwrap_or_default(), said);
            }
        }
        Ok(found)
    }
}

impl SpokenTurns {
    /// The next turns; `None` at the end.
    ///
    /// # Errors
    /// What stopped the query.
    pub async fn next(&mut self) -> Result<Option<Vec<SpokenTurn>>, QueryError> {
        let Some(rows) = self.0.next().await else {
            return Ok(None);
        };
        let columns = Columns::of(&rows?, &[4, 5])?;
        let turn = |place| SpokenTurn {
            interaction_id: columns.text(0, place).unwrap_or_default(),
            turn_id: columns.text(1, place).unwrap_or_default(),
            speaker: columns.text(2, place).unwrap_or_default(),
            channel: columns.text(3, place),
            at: columns.time(4, place).unwrap_or(Micros(0)),
            ended_at: columns.time(5, place),
            language: columns.text(6, place),
            text: columns.text(7, place).unwrap_or_default(),
        };
        Ok(Some((0..columns.rows).map(turn).collect()))
    }
}

/// Columns as plain text, and times as they are.
struct Columns {
    columns: Vec<ArrayRef>,
    rows: usize,
}

impl Columns {
    fn of(rows: &RecordBatch, times: &[usize]) -> Result<Self, QueryError> {
        let plain = |(place, column): (usize, &ArrayRef)| {
            if times.contains(&place) {
                Ok(Arc::clone(column))
            } else {
                cast(column, &DataType::Utf8)
            }
        };
        let columns = rows.columns().iter().enumerate().map(plain);
        let columns = columns.collect::<Result<_, _>>();
        Ok(Self {
            columns: columns
                .map_err(|error| QueryError::internal("reading turns", error.into()))?,
            rows: rows.num_rows(),
        })
    }

    fn text(&self, column: usize, place: usize) -> Option<String> {
        let column = self.columns.get(column)?.as_string_opt::<i32>()?;
        column
            .is_valid(place)
            .then(|| column.value(place).to_owned())
    }

    fn time(&self, column: usize, place: usize) -> Option<Micros> {
        let column = self.columns.get(column)?;
        let column = column.as_primitive_opt::<TimestampMicrosecondType>()?;
        column.is_valid(place).then(|| Micros(column.value(place)))
    }
}
