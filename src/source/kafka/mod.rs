//! Kafka: one member of the consumer group, over all configured topics.
//!
//! The group decides which partitions are ours; where each begins is asked of
//! the tables. A partition that is taken away is let go only when everything
//! read of it has been committed (the poll after `Polled::Revoked` lets go), so
//! the next owner finds its beginning in the tables.
//!
//! Invariants: the offset that the group keeps is for people to look at; an
//! offset that retention has removed unread is never jumped over silently; what
//! waits in memory is bounded. Not here: decoding, commits, which formats there
//! are.

mod client;
mod gather;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use regex::Regex;

use super::{Polled, RecordFormat, Source, SourceError, Start, Window};
use crate::config::{Kafka, MissingOffsets};
use crate::domain::Partition;
pub use client::connection;
use client::{Notes, Rebalance, TopicPartition, membership};
use gather::Slot;

/// How long a broker may take to say where a partition begins and ends.
const ASK_WITHIN: Duration = Duration::from_secs(10);
/// How long messages are gathered into windows after the first has come.
const GATHER: Duration = Duration::from_millis(20);
const MAX_GATHERED: usize = 50_000;
/// The group's own offsets are renewed this often.
const NOTE_EVERY: Duration = Duration::from_secs(5);
/// The same trouble is told this often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Topics that are read alike.
#[derive(Clone)]
pub struct TopicRule {
    /// Name of the source that lists them: part of the positions.
    pub source: Arc<str>,
    /// A topic, or a pattern that begins with `^`.
    pub topic: String,
    /// How a record becomes documents.
    pub format: Arc<dyn RecordFormat>,
}

/// Why the consumer can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum KafkaSourceError {
    /// A setting that librdkafka refuses.
    #[error("the Kafka consumer can't be set up: {0}")]
    Setup(String),
    /// The file with the password.
    #[error("kafka.sasl_password: the file can't be read")]
    Password(#[from] std::io::Error),
    /// A pattern that is none.
    #[error("topic pattern `{0}` is not a regular expression")]
    Pattern(String),
}

struct Rule {
    rule: TopicRule,
    pattern: Option<Regex>,
}

/// See the module.
pub struct KafkaSource {
    name: Arc<str>,
    consumer: BaseConsumer<Notes>,
    rules: Vec<Rule>,
    missing: MissingOffsets,
    max_bytes: usize,
    slots: Vec<Slot>,
    last_slot: usize,
    /// Ours, but not begun yet, with their starts as far as they are known.
    pending: Option<Vec<(TopicPartition, Partition, Option<Start>)>>,
    /// To be let go with the next poll.
    releasing: Option<Vec<TopicPartition>>,
    /// Begun before, to begin again.
    again: Vec<Start>,
    ready: VecDeque<Window>,
    is_paused: bool,
    to_note: Vec<(Partition, i64)>,
    noted_at: Instant,
    told: Option<(String, Instant)>,
}

impl KafkaSource {
    /// Joins the group for the topics of `rules`; topics in `ignored` are not
    /// read even if a pattern fits. Records beyond `max_bytes` are refused.
    ///
    /// # Errors
    /// When a setting or a pattern is wrong; brokers that are not there are no
    /// error, they may come.
    pub fn open(
        kafka: &Kafka,
        rules: Vec<TopicRule>,
        ignored: &[String],
        max_bytes: usize,
    ) -> Result<Self, KafkaSourceError> {
        let setup = |error: KafkaError| KafkaSourceError::Setup(error.to_string());
        let consumer: BaseConsumer<Notes> = membership(kafka, ignored)?
            .create_with_context(Notes::default())
            .map_err(setup)?;
        let mut checked = Vec::with_capacity(rules.len());
        for rule in rules {
            let pattern = rule.topic.starts_with('^').then(|| Regex::new(&rule.topic));
            let pattern = pattern.transpose();
            let pattern = pattern.map_err(|_| KafkaSourceError::Pattern(rule.topic.clone()))?;
            checked.push(Rule { rule, pattern });
        }
        let topics: Vec<&str> = checked
            .iter()
            .map(|rule| rule.rule.topic.as_str())
            .collect();
        consumer.subscribe(&topics).map_err(setup)?;
        Ok(Self {
            name: "kafka".into(),
            consumer,
            rules: checked,
            missing: kafka.missing_offsets,
            max_bytes,
            slots: Vec::new(),
            last_slot: 0,
            pending: None,
            releasing: None,
            again: Vec::new(),
            ready: VecDeque::new(),
            is_paused: false,
            to_note: Vec::new(),
            noted_at: Instant::now(),
            told: None,
        })
    }

    fn broker(&self, what: impl std::fmt::Display) -> SourceError {
        SourceError::Broker {
            source_name: self.name.to_string(),
            what: what.to_string(),
        }
    }

    /// The rule of a topic; an exact name goes before a pattern.
    fn rule_of(&self, topic: &str) -> Option<&TopicRule> {
        let exact = self.rules.iter().find(|rule| rule.rule.topic == topic);
        let fitting = || {
            self.rules.iter().find(|rule| {
                rule.pattern
                    .as_ref()
                    .is_some_and(|pattern| pattern.is_match(topic))
            })
        };
        exact.or_else(fitting).map(|rule| &rule.rule)
    }

    fn partition_of(&self, (topic, number): &TopicPartition) -> Partition {
        let source = self.rule_of(topic).map_or("kafka", |rule| &rule.source);
        Partition {
            source: format!("{source}:{topic}").into(),
            number: *number,
        }
    }

    /// Answers the group about what was revoked: all of it has been committed.
    fn release(&mut self) -> Result<(), SourceError> {
        let Some(gone) = self.releasing.take() else {
            return Ok(());
        };
        self.note(true);
        self.consumer
            .incremental_unassign(&list(&gone))
            .map_err(|error| self.broker(error))
    }

    /// What the group has decided, as news for the pipeline.
    fn decision(&mut self) -> Option<Polled> {
        match self.consumer.context().rebalance()? {
            Rebalance::Assign(pairs) => {
                let pending: Vec<_> = pairs
                    .into_iter()
                    .map(|pair| {
                        let partition = self.partition_of(&pair);
                        (pair, partition, None)
                    })
                    .collect();
                let partitions = pending.iter().map(|(_, partition, _)| partition.clone());
                let assigned = Polled::Assigned(partitions.collect());
                self.pending = Some(pending);
                Some(assigned)
            }
            Rebalance::Revoke(pairs) => {
                let is_gone =
                    |slot: &Slot| pairs.iter().any(|(topic, number)| slot.is(topic, *number));
                let partitions: Vec<_> = pairs.iter().map(|pair| self.partition_of(pair)).collect();
                self.slots.retain(|slot| !is_gone(slot));
                self.ready
                    .retain(|window| !partitions.contains(&window.partition));
                self.again
                    .retain(|start| !partitions.contains(&start.partition));
                self.releasing = Some(pairs);
                Some(Polled::Revoked(partitions))
            }
        }
    }

    /// Begins what was assigned, once it is known where.
    fn begin(&mut self) -> Result<(), SourceError> {
        let is_known = |pending: &Vec<(TopicPartition, Partition, Option<Start>)>| {
            pending.iter().all(|(_, _, start)| start.is_some())
        };
        let Some(pending) = self.pending.take_if(|pending| is_known(pending)) else {
            return Ok(());
        };
        let begun = self.begin_at(&pending);
        if let Err(SourceError::Broker { .. }) = &begun {
            // Asked again with the next poll.
            self.pending = Some(pending);
        }
        begun
    }

    fn begin_at(
        &mut self,
        pending: &[(TopicPartition, Partition, Option<Start>)],
    ) -> Result<(), SourceError> {
        let mut slots = Vec::with_capacity(pending.len());
        let mut assignment = TopicPartitionList::with_capacity(pending.len());
        for ((topic, number), partition, start) in pending {
            let Some(start) = start else { continue };
            let first = self.first_offset(topic, start)?;
            assignment
                .add_partition_offset(topic, *number, Offset::Offset(first))
                .map_err(|error| self.broker(error))?;
            let Some(rule) = self.rule_of(topic) else {
                continue;
            };
            let format = Arc::clone(&rule.format);
            slots.push(Slot::new(
                partition.clone(),
                topic.as_str().into(),
                format,
                first,
            ));
        }
        self.consumer
            .incremental_assign(&assignment)
            .map_err(|error| self.broker(error))?;
        if self.is_paused {
            drop(self.consumer.pause(&assignment));
        }
        self.slots.extend(slots);
        Ok(())
    }

    /// Where a partition really begins, or why it can't.
    fn first_offset(&self, topic: &str, start: &Start) -> Result<i64, SourceError> {
        let number = start.partition.number;
        let (low, high) = self
            .consumer
            .fetch_watermarks(topic, number, ASK_WITHIN)
            .map_err(|error| {
                self.broker(format_args!(
                    "partition {number} of `{topic}` can't be asked for its offsets: {error}"
                ))
            })?;
        let seek = |offset, what| SourceError::Seek {
            source_name: start.partition.source.to_string(),
            partition: number,
            offset,
            what,
        };
        if let Some(next) = start.next.filter(|next| *next > high) {
            let what = format!(
                "the topic ends at {high}: it was made anew or is that of another cluster. Give the source another name to read it from its beginning"
            );
            return Err(seek(next, what));
        }
        if let Some(recorded) = start.recorded.filter(|recorded| *recorded < low) {
            let lost = low - recorded;
            if self.missing == MissingOffsets::Stop {
                let what = format!(
                    "retention has removed {lost} offsets before {low} that were not read yet. Set kafka.missing_offsets = \"continue\" to go on without them"
                );
                return Err(seek(recorded, what));
            }
            tracing::error!(
                topic,
                partition = number,
                from = recorded,
                to = low,
                "retention has removed offsets that were not read; going on without them"
            );
        }
        Ok(start.next.map_or(low, |next| next.max(low)))
    }

    /// Begins partitions again that are ours already.
    fn begin_again(&mut self) -> Result<(), SourceError> {
        if self.again.is_empty() {
            return Ok(());
        }
        let mut positions = TopicPartitionList::new();
        let mut firsts = Vec::new();
        for start in &self.again {
            let slot = self
                .slots
                .iter()
                .position(|slot| slot.partition == start.partition);
            let Some((index, slot)) = slot.and_then(|index| Some((index, self.slots.get(index)?)))
            else {
                continue;
            };
            let first = self.first_offset(&slot.topic, start)?;
            positions
                .add_partition_offset(&slot.topic, slot.partition.number, Offset::Offset(first))
                .map_err(|error| self.broker(error))?;
            firsts.push((index, first));
        }
        if firsts.is_empty() {
            self.again.clear();
            return Ok(());
        }
        let sought = self
            .consumer
            .seek_partitions(positions, ASK_WITHIN)
            .map_err(|error| self.broker(error))?;
        for element in sought.elements() {
            element.error().map_err(|error| self.broker(error))?;
        }
        for (index, first) in firsts {
            if let Some(slot) = self.slots.get_mut(index) {
                slot.restart(first);
            }
        }
        self.again.clear();
        Ok(())
    }

    /// Reads for at most `wait`, and gathers for a moment once there is something.
    fn gather(&mut self, max_bytes: usize, wait: Duration) -> Result<(), SourceError> {
        let mut until = Instant::now() + wait;
        let (mut bytes, mut count) = (0, 0_usize);
        while bytes < max_bytes && count < MAX_GATHERED {
            let left = until.saturating_duration_since(Instant::now());
            match self.consumer.poll(left) {
                Some(Ok(message)) => {
                    let (topic, number) = (message.topic(), message.partition());
                    let found = find(&self.slots, self.last_slot, topic, number);
                    let Some(index) = found else { continue };
                    self.last_slot = index;
                    if let Some(slot) = self.slots.get_mut(index)
                        && !self
                            .again
                            .iter()
                            .any(|start| start.partition == slot.partition)
                    {
                        bytes += slot.add(message.offset(), message.payload(), self.max_bytes);
                        if count == 0 {
                            until = until.min(Instant::now() + GATHER);
                        }
                        count += 1;
                    }
                }
                Some(Err(error)) => self.trouble(&error)?,
                // Also after a rebalance: go round.
                None if self.consumer.context().has_rebalance() => break,
                None if left.is_zero() => break,
                None => {}
            }
        }
        Ok(())
    }

    /// Moves what was gathered to the windows that wait.
    fn close_windows(&mut self) {
        for slot in &mut self.slots {
            if let Some(window) = slot.window(self.max_bytes) {
                self.ready.push_back(window);
            }
        }
    }

    /// What librdkafka reports: some of it is ours to handle.
    fn trouble(&mut self, error: &KafkaError) -> Result<(), SourceError> {
        if let KafkaError::MessageConsumptionFatal(code) = error {
            return Err(SourceError::Ended {
                source_name: self.name.to_string(),
                what: code.to_string(),
            });
        }
        let text = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PartitionEOF) => return Ok(()),
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                // It does not say which: all are checked against their brokers.
                let starts = self
                    .slots
                    .iter()
                    .map(|slot| Start::at(slot.partition.clone(), slot.next));
                self.again = starts.collect();
                return Ok(());
            }
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition,
            ) => {
                tracing::debug!(%error, "a topic is not there yet");
                return Ok(());
            }
            _ => error.to_string(),
        };
        let is_new = self
            .told
            .as_ref()
            .is_none_or(|(told, at)| *told != text || at.elapsed() > TELL_EVERY);
        if !is_new {
            return Ok(());
        }
        self.told = Some((text.clone(), Instant::now()));
        Err(self.broker(text))
    }

    /// Lags by the newest ends, for partitions without new windows as well.
    fn lags(&mut self) -> Option<Polled> {
        let ends = self.consumer.context().ends()?;
        let mut lags = Vec::with_capacity(self.slots.len());
        for slot in &mut self.slots {
            let known = ends.iter().find(|end| slot.is(&end.topic, end.partition));
            let Some(known) = known else { continue };
            slot.end = Some(known.end);
            let waits = slot.has_records()
                || self
                    .ready
                    .iter()
                    .any(|window| window.partition == slot.partition);
            let lag = if known.is_drained && !waits {
                0
            } else {
                known.end.saturating_sub(slot.next).max(0)
            };
            lags.push((
                slot.partition.clone(),
                u64::try_from(lag).unwrap_or_default(),
            ));
        }
        (!lags.is_empty()).then_some(Polled::Lags(lags))
    }

    /// Tells the group how far the tables are, now and then.
    fn note(&mut self, now: bool) {
        if self.to_note.is_empty() || !now && self.noted_at.elapsed() < NOTE_EVERY {
            return;
        }
        self.noted_at = Instant::now();
        let mut offsets = TopicPartitionList::new();
        for (partition, next) in self.to_note.drain(..) {
            // `<source>:<topic>`; names of sources have no colon.
            let Some((_, topic)) = partition.source.split_once(':') else {
                continue;
            };
            let added = offsets.add_partition_offset(topic, partition.number, Offset::Offset(next));
            if let Err(error) = added {
                tracing::debug!(%error, "an offset can't be noted");
            }
        }
        if let Err(error) = self.consumer.commit(&offsets, CommitMode::Async) {
            tracing::debug!(%error, "offsets were not noted by the group");
        }
    }

    fn assignment(&self) -> TopicPartitionList {
        let mut assignment = TopicPartitionList::with_capacity(self.slots.len());
        for slot in &self.slots {
            assignment.add_partition(&slot.topic, slot.partition.number);
        }
        assignment
    }
}

/// The slot of a partition; messages come in runs, so the last one goes first.
fn find(slots: &[Slot], last: usize, topic: &str, number: i32) -> Option<usize> {
    if slots.get(last).is_some_and(|slot| slot.is(topic, number)) {
        return Some(last);
    }
    slots.iter().position(|slot| slot.is(topic, number))
}

fn list(pairs: &[TopicPartition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(pairs.len());
    for (topic, number) in pairs {
        list.add_partition(topic, *number);
    }
    list
}

impl Source for KafkaSource {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn poll(&mut self, max_bytes: usize, wait: Duration) -> Result<Polled, SourceError> {
        self.release()?;
        self.begin()?;
        self.begin_again()?;
        self.note(false);
        if let Some(decided) = self.decision() {
            return Ok(decided);
        }
        if self.is_paused {
            // Records that were on their way are kept; the rest waits with the brokers.
            self.gather(1, wait)?;
            return Ok(self.decision().unwrap_or(Polled::Idle));
        }
        if self.ready.is_empty() {
            if let Some(lags) = self.lags() {
                return Ok(lags);
            }
            self.gather(max_bytes, wait)?;
            self.close_windows();
        }
        match self.ready.pop_front() {
            Some(window) => Ok(Polled::Window(window)),
            None => Ok(self.decision().unwrap_or(Polled::Idle)),
        }
    }

    fn seek(&mut self, start: &Start) -> Result<(), SourceError> {
        let waiting = self.pending.iter_mut().flatten();
        for (_, partition, known) in waiting {
            if *partition == start.partition {
                *known = Some(start.clone());
                return Ok(());
            }
        }
        self.again
            .retain(|other| other.partition != start.partition);
        self.ready
            .retain(|window| window.partition != start.partition);
        let slot = self
            .slots
            .iter_mut()
            .find(|slot| slot.partition == start.partition);
        if let Some(slot) = slot {
            slot.restart(start.offset());
            self.again.push(start.clone());
        }
        Ok(())
    }

    fn pause(&mut self) {
        self.is_paused = true;
        if let Err(error) = self.consumer.pause(&self.assignment()) {
            tracing::debug!(%error, "the consumer can't be paused");
        }
    }

    fn resume(&mut self) {
        self.is_paused = false;
        if let Err(error) = self.consumer.resume(&self.assignment()) {
            tracing::debug!(%error, "the consumer can't be resumed");
        }
    }

    fn committed(&mut self, partition: &Partition, next: i64) -> Result<(), SourceError> {
        self.to_note.retain(|(noted, _)| noted != partition);
        self.to_note.push((partition.clone(), next));
        Ok(())
    }
}

impl Drop for KafkaSource {
    /// Leaves the group at once, so that others read on without a time-out.
    fn drop(&mut self) {
        self.note(true);
        self.consumer.context().close();
        if let Some(pending) = self.pending.take() {
            let pairs: Vec<_> = pending.into_iter().map(|(pair, _, _)| pair).collect();
            let mut assignment = list(&pairs);
            drop(assignment.set_all_offsets(Offset::End));
            drop(self.consumer.incremental_assign(&assignment));
        }
        drop(self.release());
        while let Some(decided) = self.consumer.context().rebalance() {
            match decided {
                Rebalance::Assign(pairs) => {
                    let mut assignment = list(&pairs);
                    drop(assignment.set_all_offsets(Offset::End));
                    drop(self.consumer.incremental_assign(&assignment));
                }
                Rebalance::Revoke(pairs) => {
                    drop(self.consumer.incremental_unassign(&list(&pairs)));
                }
            }
        }
    }
}
