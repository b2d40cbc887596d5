//! Back-ups: made while events arrive, restored elsewhere, every event once; damage and mistakes are named.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::events::{Sent, TABLES, events};
use crate::support::{Place, Server, admin_key, pause, text, wait_for};

const AT: &str = "2026-11-20T03:15:07Z";
const BATCH: usize = 40;

fn now() -> String {
    chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn body(sent: &[Sent]) -> String {
    sent.iter().map(|sent| format!("{}\n", sent.line)).collect()
}

/// The ids that a server has, by table, each as often as it is there.
fn ids(server: &Server) -> Vec<String> {
    let mut found = Vec::new();
    for table in &TABLES {
        let rows = server.sql(&format!("select event_id from raw.{}", table.name));
        found.extend(rows.iter().map(|row| row[0].as_str().unwrap().to_owned()));
    }
    found
}

/// Every id once, and all of `expected`.
fn holds(server: &Server, expected: &[Sent]) {
    let found = wait_for("the events", Duration::from_secs(60), || {
        let found = ids(server);
        let set: BTreeSet<&String> = found.iter().collect();
        expected
            .iter()
            .all(|sent| set.contains(&sent.id))
            .then_some(found)
    });
    let distinct: BTreeSet<&String> = found.iter().collect();
    assert_eq!(distinct.len(), found.len(), "an event is there twice");
}

fn back_up(place: &Place, target: &std::path::Path, link: Option<&std::path::Path>) {
    let target = target.to_string_lossy().into_owned();
    let mut arguments = vec!["backup".to_owned(), target];
    if let Some(link) = link {
        arguments.extend(["--link".to_owned(), link.to_string_lossy().into_owned()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = place.done(&arguments);
    assert!(said.contains("token key"), "{said}");
}

#[test]
fn a_backup_beside_a_busy_server_holds_what_was_acknowledged_and_goes_on_after_a_restoration() {
    let place = Place::new().quick();
    let server = Server::start(&place, None, false);
    let at = now();
    let first = events("before", 0, BATCH, &at);
    let taken = server.take(body(&first).as_bytes());
    assert_eq!(taken["accepted"], BATCH, "{taken}");
    let (one, two) = (place.path("one"), place.path("two"));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                server.take(body(&events("during", number * BATCH, BATCH, &at)).as_bytes());
                pause(Duration::from_millis(5));
            }
        });
        back_up(&place, &one, None);
        back_up(&place, &two, Some(&one));
        stop.store(true, Ordering::Relaxed);
    });
    server.kill();
    let manifest: Value =
        serde_json::from_slice(&fs::read(two.join("backup.json")).unwrap()).unwrap();
    assert!(manifest["files"].as_object().unwrap().len() > TABLES.len());
    let key = fs::read(place.path("data.token-key")).unwrap();
    for folder in [&one, &two] {
        let other = Place::new().quick();
        other.file("data.token-key", &key);
        other.done(&["restore", &folder.to_string_lossy()]);
        let server = Server::launch(&other, None, Some(admin_key(&other)))
            .unwrap_or_else(|(_, log)| panic!("{log}"));
        holds(&server, &first);
        // Offsets go on where the tables are, not where the copied inbox was.
        let after = events("after", 0, BATCH, &at);
        server.take(body(&after).as_bytes());
        holds(&server, &after);
        server.stop();
    }
}

#[test]
fn what_is_damaged_in_use_or_without_its_key_is_said() {
    let place = Place::new();
    let file = place.file("events.ndjson", body(&events("kept", 0, BATCH, AT)));
    place.import(&[&file.to_string_lossy()]);
    let folder = place.path("kept");
    back_up(&place, &folder, None);
    let shown = folder.to_string_lossy().into_owned();

    let twice = place.run(&["backup", &shown], None);
    assert_eq!(twice.status.code(), Some(1));
    assert!(text(&twice.stderr).contains("is there already"));
    let over = place.run(&["restore", &shown], None);
    assert!(text(&over.stderr).contains("is not empty"), "{over:?}");

    let other = Place::new();
    let done = other.run(&["restore", &shown], None);
    assert!(done.status.success(), "{done:?}");
    assert!(text(&done.stderr).contains("put the token key"), "{done:?}");
    let without = other.run(&["query", "--sql", "select 1"], None);
    assert!(text(&without.stderr).contains("is missing"), "{without:?}");
    fs::copy(place.path("data.token-key"), other.path("data.token-key")).unwrap();
    let count = "select count(*) from interaction_events";
    assert_eq!(other.query(count), place.query(count));

    let log = folder.join("lake/turns/_delta_log/00000000000000000000.json");
    let mut content = fs::read(&log).unwrap();
    content[10] ^= 1;
    fs::write(&log, content).unwrap();
    let third = Place::new();
    let damaged = third.run(&["restore", &shown], None);
    assert!(text(&damaged.stderr).contains("is damaged"), "{damaged:?}");
    assert!(!third.data().exists());
    let nothing = third.run(&["backup", "x"], None);
    assert!(
        text(&nothing.stderr).contains("there is no lake"),
        "{nothing:?}"
    );
}
