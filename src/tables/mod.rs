//! The tables of the lake as Arrow: schemas, and events to rows.
//!
//! One file per table (or family). Every fact row carries the identity of its
//! event, its position and `suspect`: whether a repeat, a revision, a recall or
//! an unknown channel may concern its interaction, so that views clean just
//! those. Invariants: rows hold redacted strings only; `dt`, the UTC day of the
//! event's time, is the partition and not a column of the batch.
//! Not here: files, commits (`lake`), SQL (`query`).

mod batch;
mod dead_letters;
mod effects;
mod events;
mod gaps;
mod insight;
mod marts;
mod others;
mod turns;

use std::collections::HashMap;
use std::sync::Arc;

pub use batch::{Batch, Column, Kind, LegValues, TableSpec};
pub use dead_letters::{DeadLetter, outgoing as outgoing_letters};
pub use effects::EffectRow;
pub use gaps::{GapRow, MatchRow, Matched};
pub use insight::{GivenTopic, InsightId, LineageRow, RequestRow, TopicRow};
pub use marts::MartId;

use crate::contract::{Data, Event};
use crate::domain::{Channel, Day, Micros, Position, Redacted};
use crate::enrich::sentiment::Mood;

/// The stored logs, in the order in which they are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableId {
    /// Utterances and messages.
    Turns,
    /// What happened to interactions.
    InteractionEvents,
    /// Surveys sent and answered.
    Surveys,
    /// Cases.
    Cases,
    /// Agents' states.
    AgentStates,
    /// Agents' schedules.
    AgentSchedules,
    /// News from the CRM.
    CustomerUpdates,
    /// Uses of the knowledge base.
    KnowledgeEvents,
    /// Refused records.
    DeadLetters,
}

impl TableId {
    /// Every stored log.
    pub const ALL: &'static [Self] = &[
        Self::Turns,
        Self::InteractionEvents,
        Self::Surveys,
        Self::Cases,
        Self::AgentStates,
        Self::AgentSchedules,
        Self::CustomerUpdates,
        Self::KnowledgeEvents,
        Self::DeadLetters,
    ];

    /// Name and columns.
    pub const fn spec(self) -> &'static TableSpec {
        match self {
            Self::Turns => &turns::SPEC,
            Self::InteractionEvents => &events::SPEC,
            Self::Surveys => &others::SURVEYS,
            Self::Cases => &others::CASES,
            Self::AgentStates => &others::AGENT_STATES,
            Self::AgentSchedules => &others::AGENT_SCHEDULES,
            Self::CustomerUpdates => &others::CUSTOMER_UPDATES,
            Self::KnowledgeEvents => &others::KNOWLEDGE_EVENTS,
            Self::DeadLetters => &dead_letters::SPEC,
        }
    }

    /// Name in SQL.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }
}

/// Name and columns of the stored log or mart that is called `name`.
pub fn spec_of(name: &str) -> Option<&'static TableSpec> {
    let logs = TableId::ALL.iter().map(|id| id.spec());
    let marts = MartId::ALL.iter().map(|id| id.spec());
    let insights = InsightId::ALL.iter().map(|id| id.spec());
    logs.chain(marts)
        .chain(insights)
        .find(|spec| spec.name == name)
}

/// What every fact row says of its event besides the data.
#[derive(Clone, Copy)]
pub struct Meta<'a> {
    /// Where the event stood.
    pub position: &'a Position,
    /// When we took it in.
    pub ingested_at: Micros,
    /// The interaction's channel as far as the stream knows it.
    pub channel: Option<Channel>,
    /// Tables that have this event already, one bit each.
    pub skips: TableSet,
    /// The mood of each of its turns, in their order; none where nobody looked.
    pub moods: &'a [TurnMood],
    /// The topic of each of its turns; none where nobody asks for anything or no topic is known.
    pub topics: &'a [Option<String>],
}

/// How a turn feels, as its row says it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnMood {
    /// Polarity; none for what has no words in a known language.
    pub polarity: Option<Mood>,
    /// Probability that the customer is dissatisfied with the service.
    pub dissatisfaction: Option<f64>,
    /// The models that said so, `name@version` apart by spaces.
    pub models: Option<Arc<str>>,
}

/// A set of tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableSet(u16);

impl TableSet {
    /// Adds `table`.
    pub fn insert(&mut self, table: TableId) {
        self.0 |= 1 << table as u16;
    }

    /// Whether `table` is in the set.
    pub fn contains(self, table: TableId) -> bool {
        self.0 & (1 << table as u16) != 0
    }
}

/// Answers whether an identity may have been seen before on that day.
pub trait Seen {
    /// Records the identity made of `parts` and says whether it was there.
    fn seen(&mut self, table: TableId, day: Day, parts: &[&str]) -> bool;
}

/// The tables that an event of this type writes to.
pub fn tables_of<S>(data: &Data<S>) -> &'static [TableId] {
    match data {
        Data::Turn(_) => &[TableId::Turns],
        Data::TurnRecalled(_) | Data::Transcript(_) => {
            &[TableId::InteractionEvents, TableId::Turns]
        }
        Data::SurveySent(_) | Data::SurveyAnswered(_) => &[TableId::Surveys],
        Data::CaseChanged(_) => &[TableId::Cases],
        Data::AgentStateChanged(_) => &[TableId::AgentStates],
        Data::AgentScheduled(_) => &[TableId::AgentSchedules],
        Data::CustomerUpdated(_) => &[TableId::CustomerUpdates],
        Data::KnowledgeUsed(_) => &[TableId::KnowledgeEvents],
        _ => &[TableId::InteractionEvents],
    }
}

/// Rows waiting for a commit, by table and day.
#[derive(Default)]
pub struct Pending {
    batches: HashMap<(TableId, Day), Batch>,
}

impl Pending {
    /// Adds the rows of one event.
    pub fn event(&mut self, event: &Event<Redacted<'_>>, meta: &Meta<'_>, seen: &mut dyn Seen) {
        for table in tables_of(&event.data) {
            if meta.skips.contains(*table) {
                continue;
            }
            match (table, &event.data) {
                (TableId::Turns, Data::Turn(turn)) => turns::append(self, event, turn, meta, seen),
                (TableId::Turns, Data::TurnRecalled(recall)) => {
                    turns::append_recall(self, event, recall, meta, seen);
                }
                (TableId::Turns, Data::Transcript(whole)) => {
                    turns::append_transcript(self, event, whole, meta, seen);
                }
                (TableId::InteractionEvents, _) => events::append(self, event, meta, seen),
                _ => others::append(self, *table, event, meta, seen),
            }
        }
    }

    /// Adds one refused record.
    pub fn dead_letter(&mut self, letter: &DeadLetter<'_>) {
        dead_letters::append(self, letter);
    }

    fn batch(&mut self, table: TableId, day: Day) -> &mut Batch {
        self.batches
            .entry((table, day))
            .or_insert_with(|| Batch::new(table.spec()))
    }

    /// Rough size in memory.
    pub fn bytes(&self) -> usize {
        self.batches.values().map(Batch::bytes).sum()
    }

    /// Rows of all tables.
    pub fn rows(&self) -> usize {
        self.batches.values().map(Batch::rows).sum()
    }

    /// Takes the rows of `table`, in order of days.
    pub fn take(&mut self, table: TableId) -> Vec<(Day, Batch)> {
        let days = self
            .batches
            .keys()
            .filter(|(id, _)| *id == table)
            .map(|(_, day)| *day);
        let mut days: Vec<Day> = days.collect();
        days.sort_unstable();
        let taken = days.into_iter().filter_map(|day| {
            let batch = self.batches.remove(&(table, day))?;
            (batch.rows() > 0).then_some((day, batch))
        });
        taken.collect()
    }
}

/// Declares a table with an enum of its columns; `(required)` marks those that every row has.
macro_rules! table {
    (@ required) => { true };
    (@) => { false };
    ($spec:ident, $columns:ident, $name:literal, { $($id:ident = $column:literal : $kind:ident $(($required:ident))?),+ $(,)? }) => {
        #[derive(Clone, Copy)]
        #[allow(dead_code, reason = "columns filled later, by position or by SQL have no use of their name")]
        #[allow(clippy::enum_variant_names, reason = "the names are the columns'")]
        enum $columns { $($id),+ }

        #[doc = concat!("The table `", $name, "`.")]
        pub const $spec: crate::tables::TableSpec = crate::tables::TableSpec {
            name: $name,
            columns: &[$(crate::tables::Column {
                name: $column,
                kind: crate::tables::Kind::$kind,
                required: crate::tables::table!(@ $($required)?),
            }),+],
        };
    };
}
pub(crate) use table;
