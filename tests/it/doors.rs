//! The doors beside plain HTTP: TLS, the socket in the data folder, and an import through a running server.
//!
//! Not here: what is asked and answered there, which is the same at every door.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Output};
use std::time::Duration;

use serde_json::{Value, json};

use crate::events::{events, refused_line, time};
use crate::support::{Place, Server, admin_key, repository, text, wait_for};

/// What is compared of a dead letter: how it came is another matter.
const LETTERS: &str = "select code, pointer, reason, payload from dead_letters order by 1, 2, 3, 4";

/// Events of today, one of 1999, and three lines that are none.
fn mixed_lines() -> String {
    let mut lines: Vec<String> = events("mixed", 0, 40, &time(0))
        .into_iter()
        .map(|event| event.line)
        .collect();
    lines.push(events("old", 0, 1, "1999-02-01T10:00:00Z").remove(0).line);
    lines.push(refused_line("mixed", 1, &time(0)).0);
    lines.push("{\"specversion\":".to_owned());
    lines.push("call me at 13800138000".to_owned());
    lines.join("\n") + "\n"
}

/// Runs a command beside a server that runs already, which counts as one.
fn beside(place: &Place, arguments: &[&str]) -> Output {
    let mut command = place.command(None);
    command
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// The standard output of a command that has to succeed.
fn done(place: &Place, arguments: &[&str]) -> String {
    let output = beside(place, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// The standard error of a command that has to fail.
fn failed(place: &Place, arguments: &[&str]) -> String {
    let output = beside(place, arguments);
    assert!(
        !output.status.success(),
        "{arguments:?}: {}",
        text(&output.stdout)
    );
    text(&output.stderr)
}

#[test]
fn an_import_through_a_server_stores_what_a_direct_one_stores() {
    let shared = Place::new();
    // With one key the same values become the same tokens.
    let place = || {
        Place::new().with(
            "TINGCHAO__PRIVACY__TOKEN_KEY_FILE",
            shared.path("key").display(),
        )
    };
    let (direct, served) = (place(), place().quick());
    let call_log = fs::read_to_string(repository("samples/mappings/call_log.csv")).unwrap();
    let lines = shared
        .file("mixed.ndjson", mixed_lines())
        .display()
        .to_string();
    let calls = call_log.replace(
        "LN01,502,K2201,2,CARD,2025-03-03",
        "LN01,502,K2201,2,CARD,soon",
    );
    let calls = shared.file("calls.csv", calls).display().to_string();
    let mapping = repository("samples/mappings/call_log.toml")
        .display()
        .to_string();
    let vendors = "tests/fixtures/formats/genesys/details.json";
    let vendors = repository(vendors).display().to_string();
    let imports: [&[&str]; 3] = [
        &[&lines],
        &["--mapping", &mapping, &calls],
        &["--format", "auto", &vendors],
    ];
    let expected = imports.map(|import| direct.import(import));
    let counted = ["interaction_events", "turns", "interactions", "legs"]
        .map(|table| format!("select '{table}' as name, count(*) as n from {table}"))
        .join(" union all ")
        + " order by 1";
    let (rows, letters) = (direct.query(&counted), direct.query(LETTERS));
    assert_eq!(letters.len(), 5, "{letters:?}");

    let server = Server::start(&served, None, false);
    let url = format!("http://{}", server.address());
    for (import, expected) in imports.iter().zip(expected) {
        let through = [
            &["import", "--json", "--url", &url, "--key", server.key()],
            *import,
        ]
        .concat();
        let import = || serde_json::from_str::<Value>(&done(&served, &through)).expect("a summary");
        assert_eq!(import(), expected);
        // Again: nothing new, and the server says so.
        let again = import();
        assert_eq!(again["accepted"], 0, "{again}");
        assert_eq!(again["repeated"], expected["accepted"], "{again}");
    }
    wait_for("the same rows", Duration::from_secs(30), || {
        (server.sql(&counted) == rows).then_some(())
    });
    // A refused line that is sent again is another dead letter.
    let kept = || server.sql(&LETTERS.replace("select", "select distinct"));
    wait_for("the same dead letters", Duration::from_secs(30), || {
        (kept() == letters).then_some(())
    });
    let refused = failed(
        &served,
        &["import", "--url", &url, "--key", "tc_no.key", &lines],
    );
    assert!(refused.contains("unauthenticated"), "{refused}");
    server.stop();
}

#[test]
fn commands_reach_the_server_by_the_socket_in_its_folder() {
    let place = Place::new();
    let mut server = Server::start(&place, None, false);
    let socket = place.data().join("admin.sock");
    assert_eq!(
        fs::metadata(&socket).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // Only the process itself knows what its sources do.
    let sources = "select source, state from system.sources";
    wait_for("the inbox as a source", Duration::from_secs(30), || {
        let answer = done(&place, &["query", "--format", "json", "--sql", sources]);
        let answer: Value = serde_json::from_str(&answer).expect("an answer");
        (answer["rows"] == json!([["inbox", "reading"]])).then_some(())
    });
    assert!(done(&place, &["query"]).contains("abandoned_by_queue"));
    let wrong = failed(&place, &["query", "--sql", "select nonsense from turns"]);
    assert!(wrong.contains("nonsense"), "{wrong}");
    let key = done(
        &place,
        &["keys", "create", "--name", "late", "--role", "analyst"],
    );
    server.use_key(key.trim());
    assert_eq!(server.number("select 7"), 7);
    let listed = done(&place, &["keys", "list"]);
    let line = listed.lines().find(|line| line.ends_with(" late")).unwrap();
    let id = line.split(' ').next().unwrap();
    done(&place, &["keys", "revoke", id]);
    let answer = server.request("GET", "/v1/queries", "", &[]).unwrap();
    assert_eq!(answer.status, 401, "{}", text(&answer.body));
    let second = failed(
        &place,
        &["serve", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
    );
    assert!(second.contains("tingchao serve, process"), "{second}");
    server.stop();
    assert!(!socket.exists());
    assert!(place.done(&["keys", "list"]).contains("revoked"));
}

/// A server that only speaks TLS; ended when dropped.
struct Encrypted {
    child: Child,
    rest: String,
    admin: String,
}

impl Encrypted {
    fn start(place: &Place) -> Self {
        let path = place.path("tls.log");
        let log = File::create(&path).unwrap();
        let mut command = place.command(None);
        command.args(["serve", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let mut started = Self {
            child: command.spawn().expect("the program starts"),
            rest: String::new(),
            admin: String::new(),
        };
        wait_for("the addresses", Duration::from_secs(60), || {
            let log = fs::read_to_string(&path).unwrap_or_default();
            let address = |word: &str| {
                let line = log
                    .lines()
                    .find(|line| line.trim_start().starts_with(word))?;
                let (_, address) = line.split_once("https://127.0.0.1:")?;
                Some(address.split('/').next()?.trim().to_owned())
            };
            started.rest = address("REST")?;
            started.admin = address("metrics")?;
            Some(())
        });
        started
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a port says to plain HTTP.
fn plain(port: &str) -> String {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
        .write_all(b"GET /v1/health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    // It may hang up in the middle of the request.
    drop(stream.read_to_end(&mut answer));
    text(&answer)
}

#[test]
fn with_a_certificate_the_ports_speak_tls_and_nothing_else() {
    let certificate = repository("tests/fixtures/tls/localhost.crt");
    let place = Place::new()
        .with("TINGCHAO__TLS__CERT", certificate.display())
        .with(
            "TINGCHAO__TLS__KEY",
            repository("tests/fixtures/tls/localhost.key").display(),
        );
    let key = admin_key(&place);
    let server = Encrypted::start(&place);
    for port in [&server.rest, &server.admin] {
        let said = plain(port);
        assert!(!said.starts_with("HTTP/"), "{said}");
    }
    let lines: Vec<String> = events("tls", 0, 30, &time(0))
        .into_iter()
        .map(|event| event.line)
        .collect();
    let file = place
        .file("tls.ndjson", lines.join("\n"))
        .display()
        .to_string();
    let url = format!("https://localhost:{}", server.rest);
    let import = |trusted: &std::path::Path| {
        let mut command = place.command(None);
        command
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR");
        command.args(["import", "--json", "--url", &url, "--key", &key, &file]);
        command.output().expect("the program starts")
    };
    let done = import(&certificate);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(summary["accepted"], 30, "{summary}");
    let stranger = import(&repository("tests/fixtures/tls/stranger.crt"));
    assert!(!stranger.status.success());
    assert!(
        text(&stranger.stderr).contains("certificate"),
        "{}",
        text(&stranger.stderr)
    );
}
