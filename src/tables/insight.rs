//! Tables that jobs derive from the logs: requests, topics, what became of topics.
//!
//! Invariants: one row a request; days of it are replaced, never patched, so any
//! engine reads one truth; texts are redacted, since they come from the logs.
//! Not here: how rows are found (`jobs`), the relations over them (`queries/views`).

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;

use super::batch::{Batch, Row, TableSpec};
use super::{gaps, table};
use crate::domain::Micros;

/// A table that a job makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InsightId {
    /// What customers want, one row each.
    Requests,
    /// Topics, one row for each run and topic.
    Topics,
    /// What became of topics from run to run, and by people.
    TopicLineage,
    /// What the knowledge base had for each request, and what became of it.
    RequestMatches,
    /// Where the knowledge bases fail, as the newest run says.
    Gaps,
    /// What became of interventions.
    Effects,
}

impl InsightId {
    /// Every derived table.
    pub const ALL: &'static [Self] = &[
        Self::Requests,
        Self::Topics,
        Self::TopicLineage,
        Self::RequestMatches,
        Self::Gaps,
        Self::Effects,
    ];

    /// Name and columns.
    pub const fn spec(self) -> &'static TableSpec {
        match self {
            Self::Requests => &REQUESTS,
            Self::Topics => &TOPICS,
            Self::TopicLineage => &TOPIC_LINEAGE,
            Self::RequestMatches => &gaps::REQUEST_MATCHES,
            Self::Gaps => &gaps::GAPS,
            Self::Effects => &super::effects::EFFECTS,
        }
    }

    /// Name in SQL and in the lake.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }
}

table!(REQUESTS, R, "requests", {
    RequestId = "request_id": Text(required),
    InteractionId = "interaction_id": Text(required),
    Number = "number": Int(required),
    At = "at": Time(required),
    EndedAt = "ended_at": Time,
    Channel = "channel": Text,
    Queue = "queue": Text,
    CustomerId = "customer_id": Text,
    Language = "language": Text,
    Text = "text": Text,
    TurnIds = "turn_ids": Texts,
    TopicId = "topic_id": Text,
    TopicRun = "topic_run": Int,
    TopicConfidence = "topic_confidence": Real,
    RestatedTopicId = "restated_topic_id": Text,
    RestatedRun = "restated_run": Int,
    RestatedConfidence = "restated_confidence": Real,
    ExtractedAt = "extracted_at": Time(required),
});

table!(TOPICS, T, "topics", {
    Run = "run": Int(required),
    TopicId = "topic_id": Text(required),
    Name = "name": Text,
    Label = "label": Text,
    Keywords = "keywords": Texts,
    Exemplars = "exemplars": Texts,
    Size = "size": Long,
    Status = "status": Text,
    Pinned = "pinned": Bool,
    MergedInto = "merged_into": Text,
    At = "at": Time(required),
});

table!(TOPIC_LINEAGE, L, "topic_lineage", {
    Run = "run": Int(required),
    Change = "change": Text(required),
    FromTopicId = "from_topic_id": Text,
    ToTopicId = "to_topic_id": Text,
    Shared = "shared": Long,
    Jaccard = "jaccard": Real,
    By = "by": Text,
    At = "at": Time(required),
});

/// The topic of a request, as one run says.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenTopic {
    /// The run.
    pub run: i32,
    /// None: the request is unclassified.
    pub topic_id: Option<String>,
    /// How sure, 0 to 1.
    pub confidence: f64,
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRow {
    /// Made of the interaction and its first turn.
    pub request_id: String,
    /// Where it was made.
    pub interaction_id: String,
    /// Its place among the requests of the interaction, from 1.
    pub number: i32,
    /// When its first turn was said.
    pub at: Micros,
    /// When its last turn ended.
    pub ended_at: Option<Micros>,
    /// Of its turns.
    pub channel: Option<String>,
    /// The first queue of the interaction, as far as known when it was read.
    pub queue: Option<String>,
    /// The customer of the interaction.
    pub customer_id: Option<String>,
    /// BCP 47, by its words, else as the turn says.
    pub language: Option<String>,
    /// The words of its turns, joined; redacted.
    pub text: String,
    /// Its turns, in order.
    pub turn_ids: Vec<String>,
    /// The topic that it was given first: what reports have shown.
    pub reported: Option<GivenTopic>,
    /// The topic that it has by the newest run that judged it.
    pub restated: Option<GivenTopic>,
    /// When it was found.
    pub extracted_at: Micros,
}

impl RequestRow {
    /// Rows for the lake.
    ///
    /// # Errors
    /// When a required column is missing: a mistake of ours.
    pub fn batch(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        let mut batch = Batch::new(&REQUESTS);
        for request in rows {
            request.append(&mut batch.row());
        }
        batch.finish()
    }

    fn append(&self, row: &mut Row<'_>) {
        row.text(R::RequestId as usize, Some(&self.request_id));
        row.text(R::InteractionId as usize, Some(&self.interaction_id));
        row.int(R::Number as usize, Some(self.number));
        row.time(R::At as usize, Some(self.at));
        row.time(R::EndedAt as usize, self.ended_at);
        row.text(R::Channel as usize, self.channel.as_deref());
        row.text(R::Queue as usize, self.queue.as_deref());
        row.text(R::CustomerId as usize, self.customer_id.as_deref());
        row.text(R::Language as usize, self.language.as_deref());
        row.text(R::Text as usize, Some(&self.text));
        row.texts(
            R::TurnIds as usize,
            Some(self.turn_ids.iter().map(String::as_str)),
        );
        if let Some(given) = &self.reported {
            row.text(R::TopicId as usize, given.topic_id.as_deref());
            row.int(R::TopicRun as usize, Some(given.run));
            row.real(R::TopicConfidence as usize, Some(given.confidence));
        }
        if let Some(given) = &self.restated {
            row.text(R::RestatedTopicId as usize, given.topic_id.as_deref());
            row.int(R::RestatedRun as usize, Some(given.run));
            row.real(R::RestatedConfidence as usize, Some(given.confidence));
        }
        row.time(R::ExtractedAt as usize, Some(self.extracted_at));
    }

    /// Takes over from the row that was there before what a repeated reading must not change: when it was found,
    /// and, as long as it says the same, its topics.
    pub fn goes_on_from(&mut self, before: &Self) {
        if self.text == before.text {
            self.reported.clone_from(&before.reported);
            self.restated.clone_from(&before.restated);
        }
        self.extracted_at = before.extracted_at;
    }

    /// The interactions of rows of the lake that have this column alone.
    pub fn interactions(rows: &RecordBatch) -> impl Iterator<Item = &str> {
        let ids = rows
            .columns()
            .first()
            .and_then(|ids| ids.as_string_opt::<i32>());
        ids.into_iter().flat_map(|ids| ids.iter().flatten())
    }

    /// Rows of the lake, all columns in order.
    #[must_use]
    pub fn read(rows: &RecordBatch) -> Vec<Self> {
        (0..rows.num_rows())
            .map(|place| {
                let cells = Cells { rows, place };
                Self {
                    request_id: cells.text(R::RequestId as usize).unwrap_or_default(),
                    interaction_id: cells.text(R::InteractionId as usize).unwrap_or_default(),
                    number: cells.int(R::Number as usize).unwrap_or_default(),
                    at: cells.time(R::At as usize).unwrap_or(Micros(0)),
                    ended_at: cells.time(R::EndedAt as usize),
                    channel: cells.text(R::Channel as usize),
                    queue: cells.text(R::Queue as usize),
                    customer_id: cells.text(R::CustomerId as usize),
                    language: cells.text(R::Language as usize),
                    text: cells.text(R::Text as usize).unwrap_or_default(),
                    turn_ids: cells.texts(R::TurnIds as usize),
                    reported: cells.given(R::TopicId as usize),
                    restated: cells.given(R::RestatedTopicId as usize),
                    extracted_at: cells.time(R::ExtractedAt as usize).unwrap_or(Micros(0)),
                }
            })
            .collect()
    }
}

/// A topic of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicRow {
    /// The run.
    pub run: i32,
    /// Its stable id.
    pub topic_id: String,
    /// What people call it, else its label.
    pub name: String,
    /// What the run calls it.
    pub label: String,
    /// Terms that set it apart, most telling first.
    pub keywords: Vec<String>,
    /// Redacted requests at its middle.
    pub exemplars: Vec<String>,
    /// Requests that the run gave to it.
    pub size: i64,
    /// `active`, `merged` or `candidate`.
    pub status: String,
    /// Whether a person has pinned it.
    pub pinned: bool,
    /// The topic that a person has made it a part of.
    pub merged_into: Option<String>,
    /// When the run ended.
    pub at: Micros,
}

impl TopicRow {
    /// Rows for the lake.
    ///
    /// # Errors
    /// When a required column is missing: a mistake of ours.
    pub fn batch(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        let mut batch = Batch::new(&TOPICS);
        for topic in rows {
            let mut row = batch.row();
            row.int(T::Run as usize, Some(topic.run));
            row.text(T::TopicId as usize, Some(&topic.topic_id));
            row.text(T::Name as usize, Some(&topic.name));
            row.text(T::Label as usize, Some(&topic.label));
            row.texts(
                T::Keywords as usize,
                Some(topic.keywords.iter().map(String::as_str)),
            );
            row.texts(
                T::Exemplars as usize,
                Some(topic.exemplars.iter().map(String::as_str)),
            );
            row.long(T::Size as usize, Some(topic.size));
            row.text(T::Status as usize, Some(&topic.status));
            row.bool(T::Pinned as usize, Some(topic.pinned));
            row.text(T::MergedInto as usize, topic.merged_into.as_deref());
            row.time(T::At as usize, Some(topic.at));
        }
        batch.finish()
    }

    /// Rows of the lake, all columns in order.
    #[must_use]
    pub fn read(rows: &RecordBatch) -> Vec<Self> {
        (0..rows.num_rows())
            .map(|place| {
                let cells = Cells { rows, place };
                Self {
                    run: cells.int(T::Run as usize).unwrap_or_default(),
                    topic_id: cells.text(T::TopicId as usize).unwrap_or_default(),
                    name: cells.text(T::Name as usize).unwrap_or_default(),
                    label: cells.text(T::Label as usize).unwrap_or_default(),
                    keywords: cells.texts(T::Keywords as usize),
                    exemplars: cells.texts(T::Exemplars as usize),
                    size: cells.long(T::Size as usize).unwrap_or_default(),
                    status: cells.text(T::Status as usize).unwrap_or_default(),
                    pinned: cells.flag(T::Pinned as usize),
                    merged_into: cells.text(T::MergedInto as usize),
                    at: cells.time(T::At as usize).unwrap_or(Micros(0)),
                }
            })
            .collect()
    }
}

/// What became of a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct LineageRow {
    /// The run with which it happened, or during which a person did it.
    pub run: i32,
    /// `continued`, `split`, `merged`, `new`, `retired`; by people also `unmerged`.
    pub change: String,
    /// The topic before.
    pub from: Option<String>,
    /// The topic after.
    pub to: Option<String>,
    /// Requests that both have.
    pub shared: i64,
    /// Requests of both over requests of either, among those that both runs saw.
    pub jaccard: f64,
    /// `run` or `person`.
    pub by: String,
    /// When.
    pub at: Micros,
}

impl LineageRow {
    /// Rows for the lake.
    ///
    /// # Errors
    /// When a required column is missing: a mistake of ours.
    pub fn batch(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        let mut batch = Batch::new(&TOPIC_LINEAGE);
        for change in rows {
            let mut row = batch.row();
            row.int(L::Run as usize, Some(change.run));
            row.text(L::Change as usize, Some(&change.change));
            row.text(L::FromTopicId as usize, change.from.as_deref());
            row.text(L::ToTopicId as usize, change.to.as_deref());
            row.long(L::Shared as usize, Some(change.shared));
            row.real(L::Jaccard as usize, Some(change.jaccard));
            row.text(L::By as usize, Some(&change.by));
            row.time(L::At as usize, Some(change.at));
        }
        batch.finish()
    }
}

impl LineageRow {
    /// Rows of the lake, all columns in order.
    #[must_use]
    pub fn read(rows: &RecordBatch) -> Vec<Self> {
        (0..rows.num_rows())
            .map(|place| {
                let cells = Cells { rows, place };
                Self {
                    run: cells.int(L::Run as usize).unwrap_or_default(),
                    change: cells.text(L::Change as usize).unwrap_or_default(),
                    from: cells.text(L::FromTopicId as usize),
                    to: cells.text(L::ToTopicId as usize),
                    shared: cells.long(L::Shared as usize).unwrap_or_default(),
                    jaccard: cells.real(L::Jaccard as usize).unwrap_or_default(),
                    by: cells.text(L::By as usize).unwrap_or_default(),
                    at: cells.time(L::At as usize).unwrap_or(Micros(0)),
                }
            })
            .collect()
    }
}

/// One row being read; a cell of another type reads as missing.
struct Cells<'r> {
    rows: &'r RecordBatch,
    place: usize,
}

impl Cells<'_> {
    fn column(&self, column: usize) -> Option<&dyn Array> {
        let column = self.rows.columns().get(column)?;
        column.is_valid(self.place).then_some(column.as_ref())
    }

    fn text(&self, column: usize) -> Option<String> {
        let column = self.column(column)?.as_string_opt::<i32>()?;
        Some(column.value(self.place).to_owned())
    }

    fn texts(&self, column: usize) -> Vec<String> {
        let list = self
            .column(column)
            .and_then(|column| column.as_list_opt::<i32>());
        let Some(items) = list.map(|list| list.value(self.place)) else {
            return Vec::new();
        };
        let Some(items) = items.as_string_opt::<i32>() else {
            return Vec::new();
        };
        items.iter().flatten().map(str::to_owned).collect()
    }

    fn int(&self, column: usize) -> Option<i32> {
        let column = self.column(column)?.as_primitive_opt::<Int32Type>()?;
        Some(column.value(self.place))
    }

    fn long(&self, column: usize) -> Option<i64> {
        let column = self.column(column)?.as_primitive_opt::<Int64Type>()?;
        Some(column.value(self.place))
    }

    fn real(&self, column: usize) -> Option<f64> {
        let column = self.column(column)?.as_primitive_opt::<Float64Type>()?;
        Some(column.value(self.place))
    }

    fn flag(&self, column: usize) -> bool {
        let column = self
            .column(column)
            .and_then(|column| column.as_boolean_opt());
        column.is_some_and(|column| column.value(self.place))
    }

    fn time(&self, column: usize) -> Option<Micros> {
        let column = self.column(column)?;
        let column = column.as_primitive_opt::<TimestampMicrosecondType>()?;
        Some(Micros(column.value(self.place)))
    }

    /// A topic, its run and how sure it is stand side by side.
    fn given(&self, column: usize) -> Option<GivenTopic> {
        Some(GivenTopic {
            run: self.int(column + 1)?,
            topic_id: self.text(column),
            confidence: self.real(column + 2).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let given = |topic: Option<&str>| GivenTopic {
            run: 3,
            topic_id: topic.map(str::to_owned),
            confidence: 0.25,
        };
        let full = RequestRow {
            request_id: "r".to_owned(),
            interaction_id: "i".to_owned(),
            number: 2,
            at: Micros(5),
            ended_at: Some(Micros(6)),
            channel: Some("chat".to_owned()),
            queue: None,
            customer_id: Some("c".to_owned()),
            language: Some("zh".to_owned()),
            text: "我要退款".to_owned(),
            turn_ids: vec!["a".to_owned(), "b".to_owned()],
            reported: Some(given(None)),
            restated: Some(given(Some("t-1-1"))),
            extracted_at: Micros(9),
        };
        let bare = RequestRow {
            ended_at: None,
            channel: None,
            reported: None,
            restated: None,
            turn_ids: Vec::new(),
            ..full.clone()
        };
        let rows = [full, bare];
        assert_eq!(RequestRow::read(&RequestRow::batch(&rows).unwrap()), rows);
        let topic = TopicRow {
            run: 1,
            topic_id: "t".to_owned(),
            name: "n".to_owned(),
            label: "l".to_owned(),
            keywords: vec!["k".to_owned()],
            exemplars: Vec::new(),
            size: 7,
            status: "active".to_owned(),
            pinned: true,
            merged_into: None,
            at: Micros(1),
        };
        let rows = [topic];
        assert_eq!(TopicRow::read(&TopicRow::batch(&rows).unwrap()), rows);
    }
}
