//! The demo, as a new user meets it: the printed lines are run as they are.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::events::time;
use crate::support::{Place, Server, text, wait_for};

/// The commands that are printed below "Try:".
fn printed_lines(log: &str) -> Vec<String> {
    let below = log.lines().skip_while(|line| line.trim() != "Try:").skip(1);
    below
        .map(|line| line.trim().to_owned())
        .take_while(|line| !line.is_empty())
        .collect()
}

fn run(line: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", line])
        .output()
        .expect("sh runs");
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Rows of an answer: items or rows of a JSON body, lines behind the header of CSV.
fn rows(answer: &str) -> usize {
    match serde_json::from_str::<Value>(answer) {
        Ok(body) => ["items", "data", "rows"]
            .iter()
            .find_map(|list| body[list].as_array())
            .map_or(0, Vec::len),
        Err(_) => answer.lines().count().saturating_sub(1),
    }
}

/// A call that was abandoned in a queue, beginning now.
fn abandoned_call() -> String {
    let now = time(0);
    let event = |number: u8, event_type: &str, data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"demo-{number}","source":"/test","subject":"demo-call","type":"interaction.{event_type}.v1","time":"{now}","data":{data}}}"#
        )
    };
    [
        event(
            1,
            "started",
            r#"{"channel":"call","direction":"inbound","entry":"queue"}"#,
        ),
        event(2, "queued", r#"{"queue":"queue of the test"}"#),
        event(
            3,
            "dequeued",
            r#"{"queue":"queue of the test","outcome":"abandoned"}"#,
        ),
        event(
            4,
            "ended",
            r#"{"reason":"abandoned","ended_by":"customer"}"#,
        ),
    ]
    .join("\n")
}

#[test]
fn the_printed_lines_answer_and_change() {
    let curl = Command::new("curl").arg("--version").output();
    assert!(
        curl.is_ok(),
        "this test runs the printed lines, which use curl: install curl"
    );
    let place = Place::new();
    let server = Server::start(&place, None, true);
    let lines = printed_lines(&server.log());
    assert_eq!(lines.len(), 4, "{}", server.log());
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.starts_with("curl "))
            .count(),
        3
    );
    for line in &lines {
        wait_for(line, Duration::from_secs(60), || {
            (rows(&run(line)) > 0).then_some(())
        });
    }
    let (newest, queues) = (&lines[0], &lines[3]);
    assert!(!run(newest).contains("demo-call") && !run(queues).contains("queue of the test"));
    let receipt = server.take(abandoned_call().as_bytes());
    assert_eq!(receipt["accepted"], 4, "{receipt}");
    for (line, word) in [(newest, "demo-call"), (queues, "queue of the test")] {
        wait_for(line, Duration::from_secs(30), || {
            run(line).contains(word).then_some(())
        });
    }
    let answer = server
        .request("GET", "/v1/interactions/demo-call", "", &[])
        .expect("an answer");
    assert_eq!(answer.status, 200, "{}", text(&answer.body));
    server.stop();
}
