//! Where a stream of events goes: text, a running server, or the brokers.
//!
//! Invariants: events keep their order, in Kafka those of one subject; what the
//! server or the brokers do not take now is tried again, and an end without an
//! error means that they have all. Not here: when an event is due.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::cli::client::Client;
use crate::cli::print;
use crate::cli::upload;
use crate::config::{DEFAULT_TOPICS, Kafka};
use crate::sink::{Outgoing, TopicSink};

/// A request or a batch of records is not greater.
const BATCH_BYTES: usize = 512 << 10;
const PATH: &str = "v1/events";

/// See the module.
pub struct Target {
    kind: Kind,
    waiting_bytes: usize,
}

enum Kind {
    Text(Box<dyn Write>),
    Server(Box<Server>),
    Kafka(Box<Topics>),
}

struct Server {
    client: Client,
    runtime: tokio::runtime::Runtime,
    lines: Vec<u8>,
    refused: u64,
}

struct Topics {
    kafka: Kafka,
    /// All events go there; without it each goes to the default topic of its kind.
    only: Option<String>,
    sinks: BTreeMap<String, TopicSink>,
    waiting: BTreeMap<String, Vec<(String, Outgoing)>>,
}

impl Target {
    /// A file, or standard output.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn text(out: Option<&Path>) -> anyhow::Result<Self> {
        let output: Box<dyn Write> = match out {
            Some(path) => {
                let file = File::create(path)
                    .with_context(|| format!("{} can't be written", path.display()))?;
                Box::new(BufWriter::with_capacity(1 << 20, file))
            }
            None => Box::new(BufWriter::new(io::stdout())),
        };
        Ok(Self::of(Kind::Text(output)))
    }

    /// `POST /v1/events` of a running server.
    ///
    /// # Errors
    /// When the address is none.
    pub fn server(url: &str, key: Option<String>) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self::of(Kind::Server(Box::new(Server {
            client: Client::remote(url, key)?,
            runtime,
            lines: Vec::new(),
            refused: 0,
        }))))
    }

    /// The brokers of the settings, one topic or the default ones.
    ///
    /// # Errors
    /// When the settings name no broker.
    pub fn kafka(kafka: Kafka, only: Option<String>) -> anyhow::Result<Self> {
        anyhow::ensure!(
            !kafka.brokers.is_empty(),
            "--kafka needs brokers: set TINGCHAO__KAFKA__BROKERS or `brokers` of [kafka]"
        );
        Ok(Self::of(Kind::Kafka(Box::new(Topics {
            kafka,
            only,
            sinks: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }))))
    }

    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            waiting_bytes: 0,
        }
    }

    /// Takes one event; it is out after the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// When it can't be written or sent.
    pub fn put(&mut self, line: Vec<u8>) -> anyhow::Result<()> {
        self.waiting_bytes += line.len() + 1;
        match &mut self.kind {
            Kind::Text(output) => {
                output.write_all(&line)?;
                output.write_all(b"\n")?;
            }
            Kind::Server(server) => {
                server.lines.extend_from_slice(&line);
                server.lines.push(b'\n');
            }
            Kind::Kafka(topics) => topics.put(line)?,
        }
        if self.waiting_bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes or sends what was taken.
    ///
    /// # Errors
    /// When it can't be written or is not taken.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.waiting_bytes = 0;
        match &mut self.kind {
            Kind::Text(output) => output.flush()?,
            Kind::Server(server) => server.flush()?,
            Kind::Kafka(topics) => topics.flush()?,
        }
        Ok(())
    }
}

impl Server {
    fn flush(&mut self) -> anyhow::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            return Ok(());
        }
        let sent = upload::send(&self.client, PATH, &lines);
        let receipt = self.runtime.block_on(sent)?;
        if receipt.refused > 0 && self.refused == 0 {
            let why = receipt.first_refusal().unwrap_or("other");
            print::note(&format!("the server refuses some events: {why}"));
        }
        self.refused += receipt.refused;
        Ok(())
    }
}

impl Topics {
    fn put(&mut self, line: Vec<u8>) -> anyhow::Result<()> {
        let (topic, key, id) = {
            let head: Head<'_> = serde_json::from_slice(&line)?;
            let topic = self.only.clone();
            let topic = topic.unwrap_or_else(|| topic_of(&head).to_owned());
            (topic, head.subject.into_owned(), head.id.into_owned())
        };
        let outgoing = Outgoing { id, payload: line };
        self.waiting.entry(topic).or_default().push((key, outgoing));
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        for (topic, waiting) in std::mem::take(&mut self.waiting) {
            if !self.sinks.contains_key(&topic) {
                let sink = TopicSink::open(&self.kafka, &topic)?;
                self.sinks.insert(topic.clone(), sink);
            }
            if let Some(sink) = self.sinks.get(&topic) {
                sink.deliver_by(&waiting, |(key, outgoing)| (key, outgoing))?;
            }
        }
        Ok(())
    }
}

/// What says where an event goes.
#[derive(Deserialize)]
struct Head<'e> {
    #[serde(borrow)]
    id: Cow<'e, str>,
    #[serde(borrow, default)]
    subject: Cow<'e, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'e, str>,
}

/// The default topic of an event: interactions by their channel, which begins their ids.
fn topic_of(head: &Head<'_>) -> &'static str {
    let kind = &*head.kind;
    let channel = head.subject.split('-').next().unwrap_or_default();
    let name = match kind.split('.').next().unwrap_or_default() {
        "survey" => "surveys",
        "agent" => "agents",
        "customer" | "case" => "customers",
        "knowledge" => "knowledge",
        _ => channel,
    };
    let named = |topic: &&&str| topic.rsplit('.').next() == Some(name);
    let known = DEFAULT_TOPICS.iter().find(named);
    known.copied().unwrap_or("tingchao.interactions.other")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Micros;
    use crate::simulate::{Library, Options, Run};

    #[test]
    fn every_default_topic_gets_events_and_an_interaction_has_one() {
        let options = Options {
            seed: 3,
            interactions: Some(120),
            interactions_per_day: 120.0,
            start: Micros(0),
            days: 1,
            turns: false,
            judge: false,
            asr_noise: 0.0,
            late: false,
            shuffle_within_day: false,
            threads: 1,
        };
        let library = Library::built_in().unwrap();
        let mut topics: BTreeMap<&str, usize> = BTreeMap::new();
        let mut subjects: BTreeMap<String, &str> = BTreeMap::new();
        for day in Run::new(&options, &library) {
            for (_, line) in &day.lines {
                let head: Head<'_> = serde_json::from_slice(line).unwrap();
                let topic = topic_of(&head);
                *topics.entry(topic).or_default() += 1;
                if head.kind.starts_with("interaction.") {
                    let subject = head.subject.into_owned();
                    assert_eq!(*subjects.entry(subject).or_insert(topic), topic);
                }
            }
        }
        assert_eq!(topics.len(), DEFAULT_TOPICS.len(), "{topics:?}");
    }

    #[test]
    fn without_brokers_it_says_what_to_set() {
        let told = Target::kafka(Kafka::default(), None).err().unwrap();
        assert!(told.to_string().contains("TINGCHAO__KAFKA__BROKERS"));
    }
}
