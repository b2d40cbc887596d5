//! How the brokers are reached, and what they tell a consumer between records.
//!
//! Invariants: a rebalance is only noted here and answered by the source, when
//! the pipeline has committed or said where to begin; nothing that librdkafka
//! says is printed, it goes to the log; passwords are in no message.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::util::Timeout;

use crate::config::Kafka;

/// A member that is silent for longer has died; its partitions go to others.
const SESSION_TIMEOUT_MS: u32 = 10_000;
const HEARTBEAT_MS: u32 = 2_000;
/// What a consumer fetches ahead, KiB.
const QUEUED_KBYTES: u32 = 32 * 1024;

/// The connection settings that consumers and producers share.
///
/// # Errors
/// When the file with the password can't be read.
pub fn connection(kafka: &Kafka) -> std::io::Result<ClientConfig> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", kafka.brokers.join(","))
        .set("client.id", "tingchao")
        .set("security.protocol", kafka.security_protocol.as_str())
        .set("socket.keepalive.enable", "true")
        // A dead connection is noticed by the requests on it.
        .set("socket.timeout.ms", "15000")
        .set("reconnect.backoff.max.ms", "2000")
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set_log_level(RDKafkaLogLevel::Warning);
    if let Some(mechanism) = kafka.sasl_mechanism {
        config.set("sasl.mechanism", mechanism.as_str());
    }
    if let Some(username) = &kafka.sasl_username {
        config.set("sasl.username", username);
    }
    if let Some(password) = &kafka.sasl_password {
        config.set("sasl.password", password.value()?);
    }
    if let Some(ca) = &kafka.ssl_ca {
        config.set("ssl.ca.location", ca.to_string_lossy());
    }
    Ok(config)
}

/// The settings of a member of the group; `ignored` topics do not exist for it.
pub(super) fn membership(kafka: &Kafka, ignored: &[String]) -> std::io::Result<ClientConfig> {
    let mut config = connection(kafka)?;
    config
        .set("group.id", &kafka.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // An offset that is gone is an error, never a silent jump.
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", SESSION_TIMEOUT_MS.to_string())
        .set("heartbeat.interval.ms", HEARTBEAT_MS.to_string())
        .set("allow.auto.create.topics", "false")
        .set("fetch.wait.max.ms", "100")
        .set("queued.max.messages.kbytes", QUEUED_KBYTES.to_string())
        // With a bounded queue the default of a second makes gaps.
        .set("fetch.queue.backoff.ms", "50")
        .set("statistics.interval.ms", "1000");
    if !ignored.is_empty() {
        let patterns: Vec<String> = ignored
            .iter()
            .map(|topic| format!("^{}$", topic.replace('.', "\\.")))
            .collect();
        config.set("topic.blacklist", patterns.join(","));
    }
    Ok(config)
}

/// A topic and a partition of it.
pub(super) type TopicPartition = (String, i32);

/// What the group has decided.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rebalance {
    /// These are ours.
    Assign(Vec<TopicPartition>),
    /// These are no longer ours.
    Revoke(Vec<TopicPartition>),
}

/// How far a partition reaches, as the last answers of its broker said.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub topic: String,
    pub partition: i32,
    /// Offset after the last committed record.
    pub end: i64,
    /// Whether everything before it has been fetched and handed over.
    pub is_drained: bool,
}

#[derive(Default)]
struct Noted {
    rebalances: VecDeque<Rebalance>,
    ends: Option<Vec<End>>,
}

/// What callbacks leave for the source.
#[derive(Default)]
pub(super) struct Notes {
    noted: Mutex<Noted>,
    closing: AtomicBool,
}

impl Notes {
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next decision of the group that waits for its answer.
    pub(super) fn rebalance(&self) -> Option<Rebalance> {
        self.lock().rebalances.pop_front()
    }

    /// Whether the group waits for an answer.
    pub(super) fn has_rebalance(&self) -> bool {
        !self.lock().rebalances.is_empty()
    }

    /// New ends of partitions, if there are any.
    pub(super) fn ends(&self) -> Option<Vec<End>> {
        self.lock().ends.take()
    }

    /// From now on the group is answered at once: nobody reads any more.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }
}

impl ClientContext for Notes {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => tracing::warn!(facility, "kafka: {message}"),
            _ => tracing::debug!(facility, "kafka: {message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "kafka: {reason}");
    }

    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.into_values().flat_map(|topic| {
            let name = topic.topic;
            topic
                .partitions
                .into_values()
                .filter(|known| known.partition >= 0 && known.ls_offset >= 0)
                .map(move |known| End {
                    topic: name.clone(),
                    partition: known.partition,
                    end: known.ls_offset,
                    // Control records have offsets and are never handed over.
                    is_drained: known.fetchq_cnt == 0 && known.next_offset >= known.ls_offset,
                })
        });
        self.lock().ends = Some(partitions.collect());
    }
}

fn pairs(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .map(|element| (element.topic().to_owned(), element.partition()))
        .collect()
}

impl ConsumerContext for Notes {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let is_assign = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if list.count() > 0 && !self.closing.load(Ordering::SeqCst) {
            let pairs = pairs(list);
            self.lock().rebalances.push_back(if is_assign {
                Rebalance::Assign(pairs)
            } else {
                Rebalance::Revoke(pairs)
            });
            return;
        }
        let answered = if is_assign {
            consumer.incremental_assign(list)
        } else {
            consumer.incremental_unassign(list)
        };
        if let Err(error) = answered {
            tracing::warn!(%error, "the consumer group could not be answered");
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        // The group's offsets are for people to look at; reading begins where the tables say.
        if let Err(error) = result {
            tracing::debug!(%error, "offsets were not noted by the group");
        }
    }

    fn main_queue_min_poll_interval(&self) -> Timeout {
        Timeout::After(Duration::from_millis(100))
    }
}
