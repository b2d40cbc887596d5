//! The lake in a bucket of an S3-compatible store.
//!
//! Invariants: the store is one of this run and ends with it; where Python is missing the tests are left out, and
//! say so, unless `TINGCHAO_TEST_S3=1` asks for them.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::events::{events, time};
use crate::support::{Place, Server, repository, setting, text, wait_for};

static STORE: OnceLock<Option<u16>> = OnceLock::new();

/// The port of the store, or `None` where there can be none.
fn store() -> Option<u16> {
    *STORE.get_or_init(|| {
        let script = repository("scripts/s3");
        let check = Command::new(&script)
            .arg("check")
            .output()
            .expect("scripts/s3 runs");
        if !check.status.success() {
            let why = text(&check.stderr);
            assert!(
                setting("TINGCHAO_TEST_S3") != Some(1),
                "the store is asked for: {why}"
            );
            drop(writeln!(
                std::io::stderr(),
                "LEFT OUT: the tests on an S3 store. {why}"
            ));
            return None;
        }
        let begin = 12_000 + u16::try_from(std::process::id() % 1000).unwrap_or_default() * 5;
        let port =
            (begin..begin + 500).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
        let port = port.expect("a free port");
        let dir = tempfile::tempdir().expect("a folder").keep();
        let log = File::create(dir.join("start.log")).expect("a file");
        let started = Command::new(&script)
            .arg("start")
            .arg(&dir)
            .args([&port.to_string(), "--for", &std::process::id().to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .status()
            .expect("scripts/s3 runs");
        let said = fs::read_to_string(dir.join("start.log")).unwrap_or_default();
        assert!(started.success(), "no store: {said}");
        Some(port)
    })
}

/// One request to the store; the head of its answer.
fn request(port: u16, head: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the store");
    let text = format!(
        "{head} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(text.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn place(port: u16, url: &str) -> Place {
    Place::new()
        .with("TINGCHAO__LAKE__URL", url)
        .with("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .with("AWS_ACCESS_KEY_ID", "test")
        .with("AWS_SECRET_ACCESS_KEY", "test")
        .with("AWS_REGION", "us-east-1")
}

#[test]
fn a_lake_in_a_bucket_is_served_killed_maintained_and_shared() {
    let Some(port) = store() else { return };
    assert!(request(port, "PUT /calls").contains("200"), "no bucket");
    let url = "s3://calls/the/lake";
    let first = place(port, url).with("TINGCHAO__LAKE__COMPACT_MIN_FILES", 2);
    let server = Server::start(&first, None, false);
    let lines = |prefix: &str| -> String {
        let events = events(prefix, 0, 48, &time(0)).into_iter();
        events.map(|event| event.line + "\n").collect()
    };
    let turns = "select count(*), count(distinct event_id) from raw.turns";
    let rows = |server: &Server| server.sql(turns)[0][0].as_u64().unwrap_or_default();
    for prefix in ["a", "b", "c"] {
        assert_eq!(server.take(lines(prefix).as_bytes())["accepted"], 48);
        // At least two flushes, so that there is something to compact.
        wait_for("the first turns", Duration::from_secs(120), || {
            (rows(&server) >= 16).then_some(())
        });
    }
    server.kill();
    let server = Server::start(&first, None, false);
    let expected = 3 * 16;
    wait_for("all turns", Duration::from_secs(120), || {
        (rows(&server) == expected).then_some(())
    });
    let maintained = first.done(&["job", "maintain"]);
    assert!(!maintained.starts_with("0 files"), "{maintained}");
    assert_eq!(server.sql(turns)[0], [expected, expected]);
    // Another data folder, another process, the same lake; the key is shared.
    let key = first.data().with_extension("token-key");
    let second = place(port, url).with("TINGCHAO__PRIVACY__TOKEN_KEY_FILE", key.display());
    let file = second.file("more.ndjson", lines("d"));
    assert_eq!(
        second.import(&[&file.display().to_string()])["accepted"],
        48
    );
    wait_for(
        "the rows of the other process",
        Duration::from_secs(60),
        || (rows(&server) == expected + 16).then_some(()),
    );
    let without = place(port, url).run(&["query", "--sql", "select 1"], None);
    assert!(
        text(&without.stderr).contains("token-key"),
        "{}",
        text(&without.stderr)
    );
    server.stop();
}
