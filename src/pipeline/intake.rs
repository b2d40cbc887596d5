//! A window of records into pending rows: decode, check the time, redact, mark.
//!
//! Invariants: records are taken in order; a record that a table has already is
//! dropped for that table; a refused record becomes one dead letter with a
//! redacted payload. Not here: commits.

use std::sync::Arc;

use rayon::prelude::*;

use super::asked;
use super::counts::Counts;
use super::identity::Identities;
use super::mood::{Moods, Words, words};
use super::open::OpenInteractions;
use crate::contract::{Event, RejectCode, Rejection, decode};
use crate::domain::{Micros, Partition, Position, Raw, Redacted};
use crate::enrich::topic::TopicSlot;
use crate::enrich::{EventRedactor, Models, SharedModels};
use crate::lake::{Lake, LakeError};
use crate::source::{Document, Record, Window};
use crate::tables::{DeadLetter, Meta, Pending, TableId, TableSet, tables_of};
use crate::telemetry::Flow;

/// Records that one core takes at a time.
const PIECE_RECORDS: usize = 256;

/// How far from the present an event of a stream may be.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimits {
    /// Longest past.
    pub max_past_micros: i64,
    /// Longest future.
    pub max_future_micros: i64,
}

impl TimeLimits {
    /// Refuses an event that is too far from `now`.
    ///
    /// # Errors
    /// `time_out_of_range` at `/time`.
    pub fn check(&self, time: Micros, now: Micros) -> Result<(), Rejection> {
        let age = now.0 - time.0;
        if age <= self.max_past_micros && -age <= self.max_future_micros {
            return Ok(());
        }
        const DAY: i64 = 86_400_000_000;
        let reason = format!(
            "expected a time at most {} days ago and {} days ahead; older data is imported",
            self.max_past_micros / DAY,
            self.max_future_micros / DAY
        );
        Err(Rejection::new(RejectCode::TimeOutOfRange, "/time", reason))
    }
}

/// What became of one window.
#[derive(Default)]
pub struct Taken {
    counts: Counts,
    /// Greatest event time in it.
    pub newest_event_at: Option<Micros>,
}

impl Taken {
    /// Tells the numbers of its source.
    pub fn report(&self, flow: &Flow, bytes: usize) {
        flow.received(self.counts.read, u64::try_from(bytes).unwrap_or(u64::MAX));
        flow.sent(self.counts.accepted + self.counts.repeated);
        for (code, count) in &self.counts.refused {
            flow.refused(code, *count);
        }
    }

    /// Adds these counts to those of the source.
    pub fn add_to(&self, total: &mut Counts) {
        self.counts.add_to(total);
    }
}

/// One decoded part of a record.
struct Part<'r> {
    offset: i64,
    item: i32,
    outcome: Outcome<'r>,
}

/// What the turns of an event say by themselves, in their order.
struct Said {
    words: Vec<Option<Words>>,
    topics: Vec<Option<String>>,
}

#[expect(clippy::large_enum_variant, reason = "almost all are events")]
enum Outcome<'r> {
    Event(Event<Redacted<'r>>, Said),
    Letter(Rejection, String),
}

/// Takes windows in; owns the rows that wait for a commit.
pub struct Intake {
    lake: Arc<Lake>,
    redactor: EventRedactor,
    times: TimeLimits,
    clock: fn() -> Micros,
    pending: Pending,
    identities: Identities,
    open: OpenInteractions,
    moods: Moods,
    topics: TopicSlot,
}

impl Intake {
    /// An intake with nothing pending.
    pub fn new(
        lake: Arc<Lake>,
        redactor: EventRedactor,
        times: TimeLimits,
        clock: fn() -> Micros,
        models: SharedModels,
    ) -> Self {
        Self {
            lake,
            redactor,
            times,
            clock,
            pending: Pending::default(),
            identities: Identities::default(),
            open: OpenInteractions::default(),
            moods: Moods::new(models),
            topics: TopicSlot::default(),
        }
    }

    /// Where the topics of turns come from.
    pub fn judge_by(&mut self, topics: TopicSlot) {
        self.topics = topics;
    }

    /// Rough size of what is pending.
    pub fn pending_bytes(&self) -> usize {
        self.pending.bytes()
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.pending.rows() == 0
    }

    /// What is pending, to be taken by a flush.
    pub fn pending_mut(&mut self) -> &mut Pending {
        &mut self.pending
    }

    /// Other processes may have written since: what they wrote is looked at
    /// before the next row is judged.
    pub fn look_again(&mut self) {
        self.identities.look_again();
    }

    /// Forgets all that was not committed.
    pub fn reset(&mut self) {
        self.pending = Pending::default();
        self.identities.clear();
        self.open.clear();
        self.moods.clear();
    }

    /// Remembers the talks of a partition from the facts that the lake has of it.
    ///
    /// # Errors
    /// When the facts can't be read.
    pub async fn remember(&mut self, partition: &Partition) -> Result<(), LakeError> {
        let (source, number) = (&partition.source, partition.number);
        let facts = super::past::talks(&self.lake, source, number).await?;
        self.moods.restore(source, number, facts.into_iter());
        Ok(())
    }

    /// Takes one window in. `by_table` is the next offset that each table wants.
    ///
    /// # Errors
    /// When the identities of a day can't be read from the lake.
    pub async fn take(
        &mut self,
        is_stream: bool,
        window: &Window,
        by_table: &[i64],
    ) -> Result<Taken, LakeError> {
        let now = (self.clock)();
        let mut taken = Taken::default();
        let models = self.moods.models();
        let parts = self.decode_all(window, is_stream, now, &models, &mut taken.counts);
        self.load_identities(&parts).await?;
        for part in &parts {
            let position = Position {
                source: Arc::clone(&window.partition.source),
                partition: window.partition.number,
                offset: part.offset,
            };
            let skips = skips(part.offset, by_table);
            match &part.outcome {
                Outcome::Event(event, said) => {
                    taken.newest_event_at = taken.newest_event_at.max(Some(event.time));
                    // What the table of turns has already was remembered on assign.
                    let moods = if skips.contains(TableId::Turns) {
                        Vec::new()
                    } else {
                        let Partition { source, number } = &window.partition;
                        self.moods
                            .judge(&models, source, *number, event, &said.words)
                    };
                    let meta = Meta {
                        position: &position,
                        ingested_at: now,
                        channel: self.open.channel(event),
                        skips,
                        moods: &moods,
                        topics: &said.topics,
                    };
                    self.identities.begin_event();
                    self.pending.event(event, &meta, &mut self.identities);
                    if self.identities.was_repeated() {
                        taken.counts.repeated += 1;
                    } else {
                        taken.counts.accepted += 1;
                    }
                }
                Outcome::Letter(rejection, payload) => {
                    taken.counts.refuse(rejection.code);
                    if skips.contains(TableId::DeadLetters) {
                        continue;
                    }
                    self.pending.dead_letter(&DeadLetter {
                        position: &position,
                        item: part.item,
                        topic: window.topic.as_deref(),
                        rejection,
                        payload,
                        received_at: now,
                    });
                }
            }
        }
        Ok(taken)
    }

    /// What looks at one record alone, on all cores; the parts come in the order of the records.
    fn decode_all<'r>(
        &self,
        window: &'r Window,
        is_stream: bool,
        now: Micros,
        models: &Models,
        counts: &mut Counts,
    ) -> Vec<Part<'r>> {
        let pieces = window.records.par_chunks(PIECE_RECORDS);
        let pieces = pieces.map(|records| {
            let mut counts = Counts::default();
            let parts = self.decode(records, is_stream, now, models, &mut counts);
            (parts, counts)
        });
        let mut parts = Vec::with_capacity(window.records.len());
        for (piece, of_piece) in pieces.collect::<Vec<_>>() {
            parts.extend(piece);
            of_piece.add_to(counts);
        }
        parts
    }

    fn decode<'r>(
        &self,
        records: &'r [Record],
        is_stream: bool,
        now: Micros,
        models: &Models,
        counts: &mut Counts,
    ) -> Vec<Part<'r>> {
        let mut parts = Vec::with_capacity(records.len());
        for Record { offset, document } in records {
            counts.read += 1;
            let mut push = |item: usize, outcome| {
                let item = i32::try_from(item).unwrap_or(i32::MAX);
                parts.push(Part {
                    offset: *offset,
                    item,
                    outcome,
                });
            };
            match document {
                Document::Canonical(bytes) => push(0, self.event(bytes, is_stream, now, models)),
                Document::Imported(bytes) => push(0, self.event(bytes, false, now, models)),
                Document::Mapped(events, skipped_items) => {
                    counts.skipped_items += skipped_items;
                    for (item, event) in events.iter().enumerate() {
                        push(item, self.event(event, is_stream, now, models));
                    }
                }
                Document::Converted(converted) => {
                    for (rule, count) in &converted.left_out {
                        *counts.left_out.entry(rule.clone()).or_default() += count;
                    }
                    let events = converted.events.iter();
                    for (item, event) in events.enumerate() {
                        push(item, self.event(event, is_stream, now, models));
                    }
                    let refused = converted.refused.iter().enumerate();
                    for (item, (rejection, raw)) in refused {
                        let letter = Outcome::Letter(rejection.clone(), self.payload(raw));
                        push(converted.events.len() + item, letter);
                    }
                }
                Document::Skipped(rule) => counts.skip(rule),
                Document::Refused(rejection, raw) => {
                    push(0, Outcome::Letter(rejection.clone(), self.payload(raw)));
                }
                Document::Letter(rejection, payload) => {
                    push(0, Outcome::Letter(rejection.clone(), payload.clone()));
                }
            }
        }
        parts
    }

    fn event<'r>(
        &self,
        document: &'r [u8],
        is_stream: bool,
        now: Micros,
        models: &Models,
    ) -> Outcome<'r> {
        let checked = decode(document).and_then(|event: Event<Raw<'r>>| {
            if is_stream {
                self.times.check(event.time, now)?;
            }
            Ok(event)
        });
        match checked {
            Ok(event) => {
                let event = self.redactor.event(event);
                let said = Said {
                    words: words(models, &event),
                    topics: asked::topics(&self.topics, &event),
                };
                Outcome::Event(event, said)
            }
            Err(rejection) => Outcome::Letter(rejection, self.payload(document)),
        }
    }

    fn payload(&self, raw: &[u8]) -> String {
        const KEPT_BYTES: usize = 64 * 1024;
        self.redactor
            .redactor()
            .payload(raw.get(..KEPT_BYTES).unwrap_or(raw))
    }

    async fn load_identities(&mut self, parts: &[Part<'_>]) -> Result<(), LakeError> {
        let mut last = None;
        for part in parts {
            let Outcome::Event(event, _) = &part.outcome else {
                continue;
            };
            let needed = (event.data.event_type(), event.time.day());
            if last == Some(needed) {
                continue;
            }
            last = Some(needed);
            for table in tables_of(&event.data) {
                self.identities
                    .load(&self.lake, *table, event.time.day())
                    .await?;
            }
        }
        Ok(())
    }
}

/// The tables that have the record at `offset` already.
fn skips(offset: i64, by_table: &[i64]) -> TableSet {
    let mut skips = TableSet::default();
    for (table, next) in TableId::ALL.iter().zip(by_table) {
        if offset < *next {
            skips.insert(*table);
        }
    }
    skips
}
