//! The product between real brokers: topics in, tables, dead letters out.
//!
//! Invariants: every test has topics and a consumer group of its own, but for the default topics, which one test
//! has. Not here: what happens when something breaks (`faults`).

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::broker::{Cluster, cluster};
use crate::events::{TABLES, events, time};
use crate::support::{Place, Server, repository, text, wait_for};

const SOON: Duration = Duration::from_secs(120);

const DEFAULT_TOPICS: [&str; 8] = [
    "tingchao.interactions.call",
    "tingchao.interactions.chat",
    "tingchao.interactions.wechat",
    "tingchao.interactions.other",
    "tingchao.surveys",
    "tingchao.agents",
    "tingchao.customers",
    "tingchao.knowledge",
];

fn place(cluster: &Cluster, group: &str) -> Place {
    Place::new()
        .with("TINGCHAO__KAFKA__BROKERS", &cluster.addresses)
        .with("TINGCHAO__KAFKA__GROUP", group)
}

fn source(topic: &str) -> String {
    format!("[[sources]]\nname = \"calls\"\nkind = \"kafka\"\ntopics = [\"{topic}\"]\n")
}

/// Sends events of every kind; their ids.
fn send_events(cluster: &Cluster, topic: &str, prefix: &str, count: usize) -> BTreeSet<String> {
    let sender = cluster.producer();
    let sent = events(prefix, 0, count, &time(0));
    for event in &sent {
        sender.send(topic, &event.id, Some(event.line.as_bytes()));
    }
    sender.flush();
    sent.into_iter().map(|event| event.id).collect()
}

fn count_of_ids(prefix: &str) -> String {
    let union: Vec<String> = TABLES
        .iter()
        .map(|table| format!("select event_id from raw.{}", table.name))
        .collect();
    format!(
        "select count(*), count(distinct event_id) from ({}) as e where event_id like '{prefix}-%'",
        union.join(" union all ")
    )
}

fn await_rows(server: &Server, prefix: &str, rows: usize) {
    let expected: Vec<Vec<serde_json::Value>> = vec![vec![rows.into(), rows.into()]];
    let mut last = Vec::new();
    wait_for(&format!("{rows} rows of {prefix}"), SOON, || {
        last = server.sql(&count_of_ids(prefix));
        let read = last[0][0].as_u64().unwrap_or_default();
        assert!(read <= rows as u64, "{last:?} of {rows}: {}", server.log());
        (last == expected).then_some(())
    });
}

#[test]
fn default_topics_reach_the_tables_and_refusals_the_dead_letters() {
    let Some(cluster) = cluster() else { return };
    cluster.topics(&DEFAULT_TOPICS, 3);
    cluster.topics(&["tingchao.dead-letters"], 2);
    let place = place(cluster, "defaults").with("TINGCHAO__INGEST__MAX_LINE_BYTES", 4_000);
    let sender = cluster.producer();
    let mut sent = 0;
    for (number, topic) in DEFAULT_TOPICS.iter().enumerate() {
        for event in events(&format!("d{number}"), 0, 40, &time(0)) {
            sender.send(topic, &event.id, Some(event.line.as_bytes()));
            sent += 1;
        }
    }
    let long = vec![b'x'; 4_001];
    let bad: [(&str, Option<&[u8]>, &str); 5] = [
        ("tombstone", None, "malformed_json"),
        ("empty", Some(b""), "malformed_json"),
        ("garbage", Some(b"\x00\x01garbage"), "malformed_json"),
        (
            "acknowledgement",
            Some(br#"{"errcode":0,"errmsg":"ok"}"#),
            "missing_field",
        ),
        ("long", Some(&long), "line_too_long"),
    ];
    for (key, payload, _) in &bad {
        sender.send(DEFAULT_TOPICS[0], key, *payload);
    }
    sender.flush();
    let server = Server::start(&place, None, false);
    let letters = "select count(*) from dead_letters where topic = 'tingchao.interactions.call'";
    wait_for("dead letters", SOON, || {
        (server.number(letters) == bad.len() as i64).then_some(())
    });
    await_rows(&server, "d%", sent);
    let found = server.sql(
        r#"select source, topic, code, "partition" >= 0 and "offset" >= 0 from dead_letters order by code"#,
    );
    for row in &found {
        assert_eq!(row[0], "kafka:tingchao.interactions.call");
        assert_eq!(row[3], true);
    }
    let mut codes: Vec<_> = found.iter().filter_map(|row| row[2].as_str()).collect();
    let mut expected: Vec<_> = bad.iter().map(|(_, _, code)| *code).collect();
    codes.sort_unstable();
    expected.sort_unstable();
    assert_eq!(codes, expected);
    the_same_letters_are_in_their_topic(cluster, &server, bad.len());
    // Dead at once, and again: nothing is read twice, nothing is left out.
    server.kill();
    let server = Server::start(&place, None, false);
    let more = send_events(cluster, "tingchao.agents", "late", 100);
    await_rows(&server, "late", more.len());
    await_rows(&server, "d%", sent);
    assert_eq!(server.number(letters), bad.len() as i64);
    server.stop();
}

/// Every letter of the table is in the topic, under its position, in the shape that is described.
fn the_same_letters_are_in_their_topic(cluster: &Cluster, server: &Server, letters: usize) {
    let described = std::fs::read_to_string(repository("schemas/asyncapi.json")).expect("a file");
    let described: Value = serde_json::from_str(&described).expect("JSON");
    let described =
        &described["components"]["messages"]["tingchao.dead_letter.v1"]["payload"]["properties"];
    let rows = server.sql(
        r#"select concat(source, '/', "partition", '/', "offset", '/', item), code from dead_letters
           where topic = 'tingchao.interactions.call'"#,
    );
    let expected: BTreeSet<_> = rows
        .iter()
        .map(|row| (row[0].to_string(), row[1].to_string()))
        .collect();
    let ours = |records: &[Vec<u8>]| -> Vec<Value> {
        let records = records.iter().map(|record| serde_json::from_slice(record));
        let records = records.map(|record| record.expect("JSON"));
        records
            .filter(|record: &Value| record["data"]["topic"] == "tingchao.interactions.call")
            .collect()
    };
    let found = cluster.read("tingchao.dead-letters", |records| {
        ours(records).len() >= letters
    });
    let found = ours(&found);
    let keys = |value: &Value| -> BTreeSet<String> {
        value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect()
    };
    for record in &found {
        assert_eq!(keys(record), keys(described));
        assert_eq!(
            keys(&record["data"]),
            keys(&described["data"]["properties"])
        );
    }
    let found: BTreeSet<_> = found
        .iter()
        .map(|record| (record["id"].to_string(), record["data"]["code"].to_string()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn lag_falls_from_a_known_backlog_to_nothing() {
    let Some(cluster) = cluster() else { return };
    // Enough that the first question comes before the last record is read.
    let (topic, backlog) = ("backlog", 200_000);
    cluster.topics(&[topic], 4);
    send_events(cluster, topic, "b", backlog);
    let place = place(cluster, "backlog").with_config(&source(topic));
    let server = Server::start(&place, None, false);
    let lags = "select coalesce(sum(lag), -1), count(lag), min(source) from system.sources where source <> 'inbox'";
    let mut greatest = 0;
    wait_for("no lag", SOON, || {
        let row = server.sql(lags).remove(0);
        let lag = row[0].as_i64().unwrap_or_default();
        greatest = greatest.max(lag);
        assert!(lag <= backlog as i64, "{row:?}");
        let is_known = row[1] == 4 && row[2] == "calls:backlog";
        (lag == 0 && is_known && greatest > 0).then_some(())
    });
    assert!(
        greatest > backlog as i64 / 100,
        "{greatest} was the most that was seen"
    );
    await_rows(&server, "b", backlog);
    server.stop();
}

#[test]
fn offsets_that_retention_removed_unread_stop_the_process_loudly() {
    let Some(cluster) = cluster() else { return };
    let topic = "retention";
    cluster.topics(&[topic], 1);
    let place = place(cluster, "retention").with_config(&source(topic));
    send_events(cluster, topic, "r", 100);
    let server = Server::start(&place, None, false);
    await_rows(&server, "r", 100);
    server.stop();
    send_events(cluster, topic, "s", 100);
    cluster.forget(topic, 0, 150);
    let output = place.run(&["ingest"], None);
    let said = text(&output.stderr);
    assert!(!output.status.success(), "it went on");
    assert!(
        said.contains("calls:retention") && said.contains("removed 50 offsets before 150"),
        "{said}"
    );
    let place = place.with("TINGCHAO__KAFKA__MISSING_OFFSETS", "continue");
    let server = Server::start(&place, None, false);
    await_rows(&server, "s", 50);
    server.stop();
}

#[test]
fn a_partition_without_progress_is_read_from_its_beginning() {
    let Some(cluster) = cluster() else { return };
    let topic = "begin";
    cluster.topics(&[topic], 1);
    send_events(cluster, topic, "old", 30);
    cluster.forget(topic, 0, 20);
    let place = place(cluster, "begin").with_config(&source("^begin$"));
    let server = Server::start(&place, None, false);
    await_rows(&server, "old", 10);
    server.stop();
}

#[test]
fn tls_and_passwords_are_spoken_and_wrong_ones_refused() {
    let Some(cluster) = cluster() else { return };
    let topic = "secret";
    cluster.topics(&[topic], 1);
    send_events(cluster, topic, "t", 24);
    let ca = cluster.ca();
    let secure = |user: &str, mechanism: &str, password: &str| {
        Place::new()
            .with("TINGCHAO__KAFKA__BROKERS", &cluster.secure)
            .with(
                "TINGCHAO__KAFKA__GROUP",
                format!("secret-{user}-{password}"),
            )
            .with("TINGCHAO__KAFKA__SECURITY_PROTOCOL", "sasl_ssl")
            .with("TINGCHAO__KAFKA__SASL_MECHANISM", mechanism)
            .with("TINGCHAO__KAFKA__SASL_USERNAME", user)
            .with("TINGCHAO__KAFKA__SASL_PASSWORD", password)
            .with("TINGCHAO__KAFKA__SSL_CA", ca.display())
            .with_config(&source(topic))
    };
    for (user, mechanism) in [("alice", "SCRAM-SHA-256"), ("bob", "PLAIN")] {
        let place = secure(user, mechanism, &format!("{user}-secret"));
        let server = Server::start(&place, None, false);
        await_rows(&server, "t", 24);
        server.stop();
    }
    let place = secure("alice", "SCRAM-SHA-256", "guessed");
    let server = Server::start(&place, None, false);
    wait_for("a complaint", SOON, || {
        server.log().contains("Authentication").then_some(())
    });
    assert!(
        !server.log().contains("guessed"),
        "the password is in the log"
    );
    assert_eq!(server.sql(&count_of_ids("t"))[0][0], 0);
    server.stop();
}
