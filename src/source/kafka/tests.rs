//! The source against librdkafka's mock cluster.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};

use super::*;
use crate::source::{Canonical, Document};

const PATIENCE: Duration = Duration::from_secs(60);

struct Brokers {
    mock: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

impl Brokers {
    fn with_topic(topic: &str, partitions: i32) -> Self {
        let mock = MockCluster::new(1).unwrap();
        mock.create_topic(topic, partitions, 1).unwrap();
        let mut config = rdkafka::ClientConfig::new();
        config.set("bootstrap.servers", mock.bootstrap_servers());
        let producer = config.create().unwrap();
        Self { mock, producer }
    }

    fn send(&self, topic: &str, partition: i32, payloads: &[Option<&str>]) {
        for payload in payloads {
            let mut record = BaseRecord::<str, str>::to(topic).partition(partition);
            record.payload = *payload;
            self.producer.send(record).unwrap();
        }
        self.producer.flush(PATIENCE).unwrap();
    }

    fn member(&self, topic: &str) -> KafkaSource {
        let kafka = Kafka {
            brokers: vec![self.mock.bootstrap_servers()],
            ..Kafka::default()
        };
        let rule = TopicRule {
            source: "calls".into(),
            topic: topic.to_owned(),
            format: Arc::new(Canonical),
        };
        KafkaSource::open(&kafka, vec![rule], &[], 1000).unwrap()
    }
}

fn poll(source: &mut KafkaSource) -> Polled {
    source.poll(1 << 20, Duration::from_millis(50)).unwrap()
}

/// Polls until `found`, beginning every assigned partition at `next`.
fn until<T>(
    source: &mut KafkaSource,
    next: Option<i64>,
    mut found: impl FnMut(&Polled) -> Option<T>,
) -> T {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let polled = poll(source);
        if let Polled::Assigned(partitions) = &polled {
            for partition in partitions {
                let start = Start {
                    partition: partition.clone(),
                    next,
                    recorded: next,
                };
                source.seek(&start).unwrap();
            }
        }
        if let Some(found) = found(&polled) {
            return found;
        }
    }
    panic!("nothing came");
}

fn texts(window: &Window) -> Vec<(i64, String)> {
    let records = window.records.iter().map(|record| {
        let text = match &record.document {
            Document::Canonical(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Document::Refused(rejection, _) => rejection.code.to_string(),
            _ => "?".to_owned(),
        };
        (record.offset, text)
    });
    records.collect()
}

fn read(source: &mut KafkaSource, next: Option<i64>, count: usize) -> Vec<(i64, String)> {
    let mut all = Vec::new();
    until(source, next, |polled| {
        if let Polled::Window(window) = polled {
            assert_eq!(&*window.partition.source, "calls:calls");
            assert_eq!(window.topic.as_deref(), Some("calls"));
            all.extend(texts(window));
        }
        (all.len() >= count).then(|| all.clone())
    })
}

fn pairs(pairs: &[(i64, &str)]) -> Vec<(i64, String)> {
    pairs
        .iter()
        .map(|(offset, text)| (*offset, (*text).to_owned()))
        .collect()
}

#[test]
fn it_reads_from_where_it_is_told_and_again_when_told_so() {
    let brokers = Brokers::with_topic("calls", 1);
    brokers.send("calls", 0, &[Some("a"), Some("b"), None, Some("c")]);
    let mut source = brokers.member("calls");
    let rest = pairs(&[(1, "b"), (2, "malformed_json"), (3, "c")]);
    assert_eq!(read(&mut source, Some(1), 3), rest);
    let partition = Partition {
        source: "calls:calls".into(),
        number: 0,
    };
    source.seek(&Start::at(partition.clone(), 2)).unwrap();
    assert_eq!(read(&mut source, None, 2), rest[1..]);
    source.committed(&partition, 4).unwrap();
    brokers.send("calls", 0, &[Some("d")]);
    assert_eq!(read(&mut source, None, 1), pairs(&[(4, "d")]));
    let lag = until(&mut source, None, |polled| match polled {
        Polled::Lags(lags) => lags.first().map(|(_, lag)| *lag),
        _ => None,
    });
    assert_eq!(lag, 0);
}

#[test]
fn an_offset_beyond_the_end_is_refused() {
    let brokers = Brokers::with_topic("calls", 1);
    brokers.send("calls", 0, &[Some("a")]);
    let mut source = brokers.member("calls");
    let partitions = loop {
        if let Polled::Assigned(partitions) = poll(&mut source) {
            break partitions;
        }
    };
    source.seek(&Start::at(partitions[0].clone(), 7)).unwrap();
    let refused = source.poll(1, Duration::ZERO);
    assert!(matches!(refused, Err(SourceError::Seek { offset: 7, .. })));
}

#[test]
fn a_partition_goes_to_another_member_only_after_the_next_poll() {
    let brokers = Brokers::with_topic("calls", 2);
    let mut first = brokers.member("calls");
    until(&mut first, None, |polled| match polled {
        Polled::Assigned(partitions) if partitions.len() == 2 => Some(()),
        _ => None,
    });
    let mut second = brokers.member("calls");
    let begun = Instant::now();
    let gone = loop {
        assert!(begun.elapsed() < PATIENCE, "nothing was revoked");
        if let Polled::Revoked(gone) = poll(&mut first) {
            break gone;
        }
        assert!(!matches!(poll(&mut second), Polled::Assigned(_)));
    };
    assert_eq!(gone.len(), 1);
    for _ in 0..10 {
        // The first one is still committing.
        assert!(!matches!(poll(&mut second), Polled::Assigned(_)));
    }
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < PATIENCE, "nothing was handed over");
        assert!(!matches!(poll(&mut first), Polled::Window(_)));
        if let Polled::Assigned(taken) = poll(&mut second) {
            assert_eq!(taken, gone);
            break;
        }
    }
}

#[test]
fn patterns_are_checked_and_exact_names_go_first() {
    let brokers = Brokers::with_topic("calls", 1);
    let kafka = Kafka {
        brokers: vec![brokers.mock.bootstrap_servers()],
        ..Kafka::default()
    };
    let rule = |source: &str, topic: &str| TopicRule {
        source: source.into(),
        topic: topic.to_owned(),
        format: Arc::new(Canonical),
    };
    let wrong = KafkaSource::open(&kafka, vec![rule("a", "^(")], &[], 1);
    assert!(matches!(wrong, Err(KafkaSourceError::Pattern(_))));
    let rules = vec![rule("all", "^calls.*"), rule("calls", "calls.eu")];
    let source = KafkaSource::open(&kafka, rules, &[], 1).unwrap();
    let name = |topic: &str| {
        source
            .partition_of(&(topic.to_owned(), 0))
            .source
            .to_string()
    };
    assert_eq!(name("calls.eu"), "calls:calls.eu");
    assert_eq!(name("calls.us"), "all:calls.us");
}
