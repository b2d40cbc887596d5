//! A topic that records are sent to.
//!
//! Invariants: `deliver` returns without an error only when every record is with
//! all in-sync copies; it blocks, so it belongs on a thread that may.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use crate::config::Kafka;
use crate::source::connection;

/// How long the brokers may take for one record, retries included, ms.
const DELIVER_WITHIN_MS: &str = "30000";
const FLUSH_WITHIN: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(10);

/// A record on its way out.
pub struct Outgoing {
    /// Stable over repeats: the header `id`, and the key unless another one is given.
    pub id: String,
    /// The document.
    pub payload: Vec<u8>,
}

/// Why records did not go out.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// A setting that librdkafka refuses.
    #[error("the Kafka producer can't be set up: {0}")]
    Setup(String),
    /// The file with the password.
    #[error("kafka.sasl_password: the file can't be read")]
    Password(#[from] std::io::Error),
    /// The brokers did not take them.
    #[error("topic `{topic}`: {what}; tried again later")]
    Delivery {
        /// The topic.
        topic: String,
        /// What they said.
        what: String,
    },
}

#[derive(Default)]
struct Answers(Mutex<Option<KafkaError>>);

impl Answers {
    fn set(&self, error: Option<KafkaError>) -> Option<KafkaError> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *slot, error)
    }
}

impl ClientContext for Answers {
    fn log(&self, _level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, "kafka: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "kafka: {reason}");
    }
}

impl ProducerContext for Answers {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.set(Some(error.clone()));
        }
    }
}

/// See the module.
pub struct TopicSink {
    producer: BaseProducer<Answers>,
    topic: String,
}

impl TopicSink {
    /// A producer for `topic`; brokers that are not there are no error yet.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn open(kafka: &Kafka, topic: &str) -> Result<Self, SinkError> {
        let producer = connection(kafka)?
            .set("enable.idempotence", "true")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("message.timeout.ms", DELIVER_WITHIN_MS)
            .create_with_context(Answers::default())
            .map_err(|error: KafkaError| SinkError::Setup(error.to_string()))?;
        Ok(Self {
            producer,
            topic: topic.to_owned(),
        })
    }

    /// Sends `records` in order and waits for the brokers. Blocks.
    ///
    /// # Errors
    /// When one of them was not taken; others may have been.
    pub fn deliver(&self, records: &[Outgoing]) -> Result<(), SinkError> {
        self.deliver_by(records, |outgoing| (&outgoing.id, outgoing))
    }

    /// Like [`deliver`](Self::deliver); `key_of` gives a record's key and the
    /// record: those of one key are in one partition and stay in order.
    ///
    /// # Errors
    /// When one of them was not taken; others may have been.
    pub fn deliver_by<R>(
        &self,
        records: &[R],
        key_of: impl Fn(&R) -> (&str, &Outgoing),
    ) -> Result<(), SinkError> {
        let failed = |error: KafkaError| SinkError::Delivery {
            topic: self.topic.clone(),
            what: error.to_string(),
        };
        let answers = self.producer.context();
        answers.set(None);
        let begun = Instant::now();
        for outgoing in records {
            let (key, outgoing) = key_of(outgoing);
            let mut record = self.record(outgoing, key);
            while let Err((error, back)) = self.producer.send(record) {
                let is_full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
                if !is_full || begun.elapsed() > FLUSH_WITHIN {
                    return Err(failed(error));
                }
                record = back;
                self.producer.poll(POLL);
            }
            self.producer.poll(Duration::ZERO);
        }
        self.producer.flush(FLUSH_WITHIN).map_err(failed)?;
        answers.set(None).map_or(Ok(()), |error| Err(failed(error)))
    }

    fn record<'r>(&'r self, outgoing: &'r Outgoing, key: &'r str) -> BaseRecord<'r, str, [u8]> {
        let headers = OwnedHeaders::new()
            .insert(Header {
                key: "id",
                value: Some(outgoing.id.as_str()),
            })
            .insert(Header {
                key: "content-type",
                value: Some("application/cloudevents+json"),
            });
        BaseRecord::to(&self.topic)
            .key(key)
            .payload(outgoing.payload.as_slice())
            .headers(headers)
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::message::Message;
    use rdkafka::mocking::MockCluster;

    use super::*;

    #[test]
    fn what_is_delivered_is_there_in_order_and_a_missing_broker_is_an_error() {
        let mock = MockCluster::new(1).unwrap();
        mock.create_topic("letters", 1, 1).unwrap();
        let kafka = Kafka {
            brokers: vec![mock.bootstrap_servers()],
            ..Kafka::default()
        };
        let sink = TopicSink::open(&kafka, "letters").unwrap();
        let records: Vec<_> = (0..50)
            .map(|number| Outgoing {
                id: format!("calls/0/{number}/0"),
                payload: format!("{number}").into_bytes(),
            })
            .collect();
        sink.deliver(&records).unwrap();
        let consumer: BaseConsumer = rdkafka::ClientConfig::new()
            .set("bootstrap.servers", mock.bootstrap_servers())
            .set("group.id", "test")
            .set("auto.offset.reset", "earliest")
            .create()
            .unwrap();
        consumer.subscribe(&["letters"]).unwrap();
        let mut found = Vec::new();
        while found.len() < records.len() {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                found.push(message.key().unwrap().to_vec());
            }
        }
        assert_eq!(found.last().unwrap(), b"calls/0/49/0");
    }
}
