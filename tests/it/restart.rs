//! After a stop, nothing of the stream is read again that all tables have; after a kill, no more than a minute of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::events::time;
use crate::support::{Place, Server, pause, repository, setting, wait_for};

/// The next offset of a source partition that each table has recorded last, from the log of the table itself.
fn progress(place: &Place, app: &str) -> BTreeMap<String, i64> {
    let tables = fs::read_dir(place.data().join("lake")).expect("the lake");
    let tables = tables.map(|table| table.expect("an entry").path());
    // What is made of the facts by jobs holds no progress of sources.
    let made = [
        "interactions",
        "legs",
        "metric_cells",
        "requests",
        "topics",
        "topic_lineage",
        "request_matches",
        "gaps",
        "effects",
    ];
    let made = made.map(|name| place.data().join("lake").join(name));
    let tables = tables.filter(|table| table.join("_delta_log").exists() && !made.contains(table));
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
                if action["txn"]["appId"] == app {
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

/// The ids of all stored events.
fn all_events() -> String {
    [
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
    .join(" union all ")
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
    let sql = format!("select count(*) from ({}) as e", all_events());
    wait_for("all rows", Duration::from_secs(120), || {
        (server.number(&sql) == events).then_some(())
    });
    server.stop();
    let tables = progress(&place, "inbox:0");
    assert_eq!(tables.len(), 11, "{tables:?}");
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
    assert_eq!(progress(&place, "inbox:0"), tables);
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

/// How long the stream of the long run lasts: the last progress of all tables lies well back when it ends.
const STREAM: Duration = Duration::from_secs(155);
const STREAM_EVENTS: u64 = 1_000_000;

/// Events of the simulated desk, one a line.
fn simulated(place: &Place, events: usize) -> Vec<u8> {
    let interactions = (events / 4).to_string();
    let out = place.path("made.ndjson").display().to_string();
    let start = time(2);
    place.done(&[
        "simulate",
        "--interactions",
        &interactions,
        "--no-turns",
        "--start",
        &start,
        "--out",
        &out,
    ]);
    fs::read(&out).expect("the events")
}

/// Appends `lines` to `file` as a stream that lasts as long as [`STREAM`]; how many were there when.
fn append(file: &mut File, lines: &[&[u8]], mut written: usize) -> Vec<(Instant, usize)> {
    let begun = Instant::now();
    let mut there = vec![(begun, written)];
    while written < lines.len() {
        pause(Duration::from_millis(100));
        let share = begun.elapsed().as_secs_f64() / STREAM.as_secs_f64();
        let due = (lines.len() as f64 * share) as usize;
        let due = due.clamp(written, lines.len());
        file.write_all(&lines[written..due].concat())
            .expect("lines");
        written = due;
        there.push((Instant::now(), written));
    }
    there
}

#[test]
#[ignore = "takes minutes; `make torture` runs it"]
fn after_a_kill_at_most_a_minute_of_the_stream_is_read_again() {
    let events = setting("TINGCHAO_TEST_EVENTS").unwrap_or(STREAM_EVENTS);
    let events = usize::try_from(events).expect("a number");
    let place = Place::new().with_config(
        "[[sources]]\nname = \"desk\"\nkind = \"file\"\npath = \"desk.ndjson\"\nfollow = true\n",
    );
    let made = simulated(&place, events);
    let lines = made.split_inclusive(|byte| *byte == b'\n');
    let lines: Vec<&[u8]> = lines.take(events).collect();
    assert_eq!(lines.len(), events, "too few events were made");
    // A file is known by its beginning, so it begins with something.
    let mut file = File::create(place.path("desk.ndjson")).expect("a file");
    let first = 500;
    file.write_all(&lines[..first].concat()).expect("lines");
    let server = Server::start(&place, None, false);
    let begun = Instant::now();
    let there = append(&mut file, &lines, first);
    let offsets = "select source, \"offset\" from system.sources where source <> 'inbox'";
    let source = server.sql(offsets)[0][0]
        .as_str()
        .expect("a name")
        .to_owned();
    // What is read between the two is not counted, so the figure is rather too small by what a moment brings.
    let read = server.metric("tingchao_received_records_total", &source) as usize;
    server.kill();

    let tables = progress(&place, &format!("{source}:0"));
    let kept = *tables.values().min().expect("tables");
    let kept = usize::try_from(kept).unwrap_or(0);
    // When an event was there to be read.
    let at = |event: usize| {
        let mut later = there.iter().filter(|(_, lines)| *lines > event);
        later.next().or(there.last()).map_or(begun, |(at, _)| *at)
    };
    let behind = at(read) - at(kept);
    println!(
        "{events} events, {read} of them read before the kill; {kept} are in the progress of every table, so {} \
         events or {behind:?} of the stream are read again\n{tables:?}",
        read.saturating_sub(kept)
    );

    let server = Server::start(&place, None, false);
    let all = Value::from(events);
    wait_for("every event", Duration::from_secs(600), || {
        let sources = server.sql(offsets);
        sources
            .first()
            .is_some_and(|row| row[1] == all)
            .then_some(())
    });
    let again = server.metric("tingchao_received_records_total", &source);
    println!("{again} records were read after the restart");
    assert_eq!(again as usize, events - kept);
    let sql = format!(
        "select count(*) as rows, count(distinct event_id) as ids from ({}) as e",
        all_events()
    );
    assert_eq!(server.sql(&sql), [[all.clone(), all]]);
    assert!(
        behind <= Duration::from_secs(60),
        "{behind:?} of the stream are read again"
    );
    server.stop();
}
