//! A cluster of three real brokers for the tests that need one, and clients of it.
//!
//! Invariants: one cluster for the whole run, made on first use, on loopback, ended with this process even if it
//! is killed; where Java and Maven are missing the tests are left out, and say so, unless
//! `TINGCHAO_TEST_KAFKA=1` asks for them. Not here: what the tests expect.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::{pause, repository, setting, text};

/// Nodes of the cluster; a topic has as many copies.
pub const NODES: i32 = 3;

/// The brokers.
pub struct Cluster {
    dir: PathBuf,
    /// Where they listen in the clear.
    pub addresses: String,
    /// Where they listen with TLS and passwords.
    pub secure: String,
}

static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();

/// The cluster, or `None` where there can be none.
pub fn cluster() -> Option<&'static Cluster> {
    SHARED.get_or_init(start).as_ref()
}

fn script(arguments: &[&str]) -> Command {
    let mut command = Command::new(repository("scripts/kafka"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn start() -> Option<Cluster> {
    let wanted = setting("TINGCHAO_TEST_KAFKA") == Some(1);
    let check = script(&["check"]).output().expect("scripts/kafka runs");
    if !check.status.success() {
        let why = text(&check.stderr);
        assert!(!wanted, "the broker is asked for: {why}");
        // Past the capture of test output: whoever runs the tests shall see it.
        drop(writeln!(
            std::io::stderr(),
            "LEFT OUT: the tests against a real broker. {why}"
        ));
        return None;
    }
    let dir = tempfile::tempdir().expect("a folder").keep();
    let dir_text = dir.display().to_string();
    let (port, master) = (free_ports().to_string(), std::process::id().to_string());
    let nodes = NODES.to_string();
    // Into files: the brokers inherit these ends, so a pipe would never close.
    let out = fs::File::create(dir.join("start.out")).expect("a file");
    let log = fs::File::create(dir.join("start.log")).expect("a file");
    let started = script(&[
        "start", &dir_text, "--nodes", &nodes, "--port", &port, "--for", &master,
    ])
    .stdout(out)
    .stderr(log)
    .status()
    .expect("scripts/kafka runs");
    let said = fs::read_to_string(dir.join("start.log")).unwrap_or_default();
    assert!(started.success(), "no cluster: {said}");
    let env = fs::read_to_string(dir.join("env")).expect("the addresses");
    let value = |name: &str| {
        let line = env
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.expect("an address").to_owned()
    };
    Some(Cluster {
        addresses: value("addresses"),
        secure: value("secure"),
        dir,
    })
}

/// A port below the ephemeral ones with all that the nodes need free behind it.
fn free_ports() -> u16 {
    let begin = 20_000 + u16::try_from(std::process::id() % 100).unwrap_or_default() * 100;
    (begin..32_000)
        .step_by(50)
        .find(|port| (0..3 * 10).all(|next| TcpListener::bind(("127.0.0.1", port + next)).is_ok()))
        .expect("free ports")
}

impl Cluster {
    /// The certificate of the authority.
    pub fn ca(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.addresses);
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().expect("an admin client")
    }

    /// Makes topics, unless they are there.
    pub fn topics(&self, names: &[&str], partitions: i32) {
        let topics: Vec<_> = names
            .iter()
            .map(|name| NewTopic::new(name, partitions, TopicReplication::Fixed(NODES)))
            .collect();
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        let admin = self.admin();
        let made = admin.create_topics(&topics, &options);
        for topic in futures::executor::block_on(made).expect("topics") {
            if let Err((name, code)) = topic {
                assert_eq!(code, RDKafkaErrorCode::TopicAlreadyExists, "{name}");
            }
        }
    }

    /// Removes the records of a partition before `offset`, as retention does.
    pub fn forget(&self, topic: &str, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset))
            .expect("an offset");
        let admin = self.admin();
        let options = AdminOptions::new();
        let forgotten = admin.delete_records(&list, &options);
        futures::executor::block_on(forgotten).expect("records removed");
    }

    /// A producer that loses nothing and doubles nothing.
    pub fn producer(&self) -> Sender {
        let mut config = self.config();
        config
            .set("enable.idempotence", "true")
            .set("compression.type", "lz4")
            .set("linger.ms", "20")
            .set("queue.buffering.max.messages", "200000")
            .set("message.timeout.ms", "120000");
        let producer = config
            .create_with_context(Acknowledged::default())
            .expect("a producer");
        Sender(producer)
    }

    /// The records of all partitions of a topic until `enough` says so.
    pub fn read(&self, topic: &str, enough: impl Fn(&[Vec<u8>]) -> bool) -> Vec<Vec<u8>> {
        let mut config = self.config();
        config
            .set("group.id", "reader")
            .set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let metadata = consumer
            .fetch_metadata(Some(topic), Duration::from_secs(30))
            .expect("metadata");
        let mut list = TopicPartitionList::new();
        for partition in metadata.topics()[0].partitions() {
            list.add_partition_offset(topic, partition.id(), Offset::Beginning)
                .expect("an offset");
        }
        consumer.assign(&list).expect("an assignment");
        let (begun, mut found) = (Instant::now(), Vec::new());
        while !enough(&found) {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{topic}: only {} records: {:?}",
                found.len(),
                found.iter().map(|record| text(record)).collect::<Vec<_>>()
            );
            let message: Option<Result<BorrowedMessage<'_>, KafkaError>> =
                consumer.poll(Duration::from_millis(200));
            if let Some(Ok(message)) = message {
                found.push(message.payload().unwrap_or_default().to_vec());
            }
        }
        found
    }

    /// Where the listeners are that announce a proxy on the port after theirs.
    pub fn proxied_ports(&self) -> Vec<u16> {
        let ports = self.addresses.split(',').map(|address| {
            let (_, port) = address.rsplit_once(':').expect("a port");
            port.parse::<u16>().expect("a port") + 3
        });
        ports.collect()
    }

    /// The process of a node.
    pub fn pid(&self, node: i32) -> String {
        let file = self.dir.join(format!("node-{node}.pid"));
        fs::read_to_string(file)
            .expect("a process")
            .trim()
            .to_owned()
    }

    /// The node that leads a partition.
    pub fn leader(&self, topic: &str, partition: i32) -> i32 {
        let consumer: BaseConsumer = self.config().create().expect("a consumer");
        let metadata = consumer
            .fetch_metadata(Some(topic), Duration::from_secs(30))
            .expect("metadata");
        let partitions = metadata.topics()[0].partitions();
        partitions
            .iter()
            .find(|found| found.id() == partition)
            .expect("the partition")
            .leader()
    }

    /// Starts a node again.
    pub fn start_node(&self, node: i32) {
        let log = fs::File::create(self.dir.join("again.log")).expect("a file");
        let dir = self.dir.display().to_string();
        let status = script(&["start-node", &dir, &node.to_string()])
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .status()
            .expect("scripts/kafka runs");
        assert!(status.success(), "node {node} does not start again");
        // Its copies have to catch up before another node may go.
        pause(Duration::from_secs(2));
    }
}

/// What the brokers have answered.
#[derive(Default)]
pub struct Acknowledged {
    taken: AtomicU64,
    refused: AtomicU64,
}

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() {
            &self.taken
        } else {
            &self.refused
        };
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

/// A producer.
pub struct Sender(ThreadedProducer<Acknowledged>);

impl Sender {
    /// Sends one record; waits while the queue is full.
    pub fn send(&self, topic: &str, key: &str, payload: Option<&[u8]>) {
        loop {
            let mut record = BaseRecord::<str, [u8]>::to(topic).key(key);
            record.payload = payload;
            match self.0.send(record) {
                Ok(()) => return,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    pause(Duration::from_millis(5));
                }
                Err((error, _)) => panic!("{topic}: {error}"),
            }
        }
    }

    /// So many records have been acknowledged.
    pub fn taken(&self) -> u64 {
        self.0.context().taken.load(Ordering::SeqCst)
    }

    /// Waits until everything is with the brokers.
    pub fn flush(&self) {
        self.0
            .flush(Duration::from_secs(120))
            .expect("the brokers take it");
        assert_eq!(
            self.0.context().refused.load(Ordering::SeqCst),
            0,
            "refused by the brokers"
        );
    }
}
