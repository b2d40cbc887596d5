//! After a stop, nothing of the stream is read again that all tables have.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::events::time;
use crate::support::{Place, Server, repository, wait_for};

/// The next offset of the inbox that each table has recorded last, from the log of the table itself.
fn progress(place: &Place) -> BTreeMap<String, i64> {
    let tables = fs::read_dir(place.data().join("lake")).expect("the lake");
    let tables = tables.map(|table| table.expect("an entry").path());
    let tables = tables.filter(|table| table.join("_delta_log").exists());
    let progress = tables.map(|table| {
        let mut entries: Vec<_> = fs::read_dir(table.join("_delta_log"))
            .expect("a log")
            .flatten()
            .collect();
        entries.retain(|entry| entry.path().extension().is_some_and(|end| end == "json"));
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut last = -1;
        for entry in entries {
            for line in fs::read_to_string(entry.path()).expect("an entry").lines() {
                let Ok(action) = serde_json::from_str::<Value>(line) else {
                    continue;
                };
                if action["txn"]["appId"] == "inbox:0" {
                    last = action["txn"]["version"].as_i64().unwrap_or(last);
                }
            }
        }
        (
            table
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            last,
        )
    });
    progress.collect()
}

fn committed(server: &Server) -> i64 {
    let rows = server.sql(r#"select "offset" from system.sources where source = 'inbox'"#);
    rows.first().and_then(|row| row[0].as_i64()).unwrap_or(-1)
}

#[test]
fn a_restart_reads_nothing_again() {
    let place = Place::new();
    let file = place.path("desk.ndjson").display().to_string();
    let start = time(2);
    place.done(&[
        "simulate",
        "--interactions",
        "4500",
        "--no-turns",
        "--start",
        &start,
        "--out",
        &file,
    ]);
    let stream = fs::read(&file).expect("the events");
    let server = Server::start(&place, None, false);
    let receipt = server.take(&stream);
    let events = receipt["accepted"].as_i64().unwrap_or(0);
    assert!(events > 20_000 && receipt["refused"] == 0, "{receipt}");
    let union = [
        "interaction_events",
        "agent_states",
        "agent_schedules",
        "surveys",
        "cases",
        "knowledge_events",
        "customer_updates",
        "turns",
    ]
    .map(|table| format!("select event_id from raw.{table}"))
    .join(" union all ");
    let sql = format!("select count(*) from ({union}) as e");
    wait_for("all rows", Duration::from_secs(120), || {
        (server.number(&sql) == events).then_some(())
    });
    server.stop();
    let tables = progress(&place);
    assert_eq!(tables.len(), 9, "{tables:?}");
    assert!(
        tables.values().all(|next| *next == events),
        "{events} events, {tables:?}"
    );
    let server = Server::start(&place, None, false);
    wait_for("the inbox", Duration::from_secs(10), || {
        (committed(&server) == events).then_some(())
    });
    assert_eq!(server.number(&sql), events);
    // After a kill, at most the progress interval and what was sent since is read again.
    server.kill();
    assert_eq!(progress(&place), tables);
}

#[test]
fn the_sample_of_the_demo_is_taken_whole() {
    let place = Place::new();
    let file = repository("samples/demo/desk.ndjson").display().to_string();
    let summary = place.import(&[&file]);
    assert!(
        summary["accepted"]
            .as_u64()
            .is_some_and(|events| events > 0),
        "{summary}"
    );
    assert_eq!(summary["refused"], serde_json::json!({}), "{summary}");
}
