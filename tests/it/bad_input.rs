//! Bad input through the door and from files: each mistake has its code and pointer, and harms nothing else.

use std::time::Duration;

use serde_json::{Value, json};

use crate::events::{events, time};
use crate::support::{Place, Server, wait_for};

/// A good event's row is there within this, on a machine that runs other tests too.
const QUERYABLE_WITHIN: Duration = Duration::from_secs(10);

struct Bad {
    what: &'static str,
    line: Vec<u8>,
    code: &'static str,
    pointer: &'static str,
}

/// A turn that is right but for `change`.
fn turn(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut event = json!({"specversion": "1.0", "id": "bad-1", "source": "/bad", "subject": "bad",
        "type": "interaction.turn.v1", "time": time(0), "data": {"turn_id": "t", "speaker": {"role": "customer"},
        "content_type": "text", "text": "好的"}});
    change(&mut event);
    event.to_string().into_bytes()
}

fn invalid_utf8() -> Vec<u8> {
    let mut line = turn(|event| event["data"]["text"] = "@@".into());
    let at = line.windows(2).position(|two| two == b"@@");
    line[at.expect("the mark")] = 0xff;
    line
}

/// A sound event of `bytes`, beyond the limit.
fn long_line(bytes: usize) -> Vec<u8> {
    let mut line = turn(|_| {});
    line.pop();
    line.extend(br#","note":""#);
    line.resize(bytes, b'x');
    line.extend(b"\"}");
    line
}

/// The mistakes: what, the line, its code and pointer. The last one ends a body or a file in the middle.
fn mistakes() -> Vec<Bad> {
    let wrong = |pointer: &'static str, value: Value| {
        turn(|event| *event.pointer_mut(pointer).expect("a field") = value)
    };
    let sql = "x'; drop table turns; --";
    let broken = br#"{"specversion":"1.0",,"id":"b"}"#.to_vec();
    let half = br#"{"specversion":"1.0","id":"b"#.to_vec();
    let (text, role) = ("/data/text", "/data/speaker/role");
    let year = json!("40000-01-01T00:00:00Z");
    let all = [
        ("broken JSON", broken, "malformed_json", ""),
        (
            "a wrong type",
            wrong("/id", json!(5)),
            "invalid_type",
            "/id",
        ),
        (
            "a wrong type in the data",
            wrong(text, json!(5)),
            "invalid_type",
            text,
        ),
        (
            "a line of 50 MB",
            long_line(50_000_000),
            "line_too_long",
            "",
        ),
        ("invalid UTF-8", invalid_utf8(), "invalid_utf8", ""),
        (
            "the year 40000",
            wrong("/time", year),
            "invalid_time",
            "/time",
        ),
        (
            "SQL in an id",
            wrong("/id", json!(sql)),
            "invalid_id",
            "/id",
        ),
        (
            "an unknown type",
            wrong("/type", json!("no.such.v1")),
            "unknown_type",
            "/type",
        ),
        (
            "no source",
            wrong("/source", Value::Null),
            "missing_field",
            "/source",
        ),
        (
            "an unknown word",
            wrong(role, json!("ghost")),
            "invalid_value",
            role,
        ),
        ("the end in the middle", half, "truncated_json", ""),
    ];
    let bad = |(what, line, code, pointer)| Bad {
        what,
        line,
        code,
        pointer,
    };
    all.into_iter().map(bad).collect()
}

/// A good event is taken and can be queried.
fn good_event_after(server: &Server, what: &str, number: usize) {
    let event = events("good", number * 12, 1, &time(0)).remove(0);
    let receipt = server.take(event.line.as_bytes());
    assert_eq!(receipt["accepted"], 1, "after {what}: {receipt}");
    let sql = format!("select count(*) from turns where event_id = '{}'", event.id);
    wait_for(&format!("the event after {what}"), QUERYABLE_WITHIN, || {
        (server.number(&sql) == 1).then_some(())
    });
}

#[test]
fn bad_lines_over_http_have_their_code_and_harm_nothing() {
    let place = Place::new();
    let server = Server::start(&place, None, false);
    let mistakes = mistakes();
    for (number, bad) in mistakes.iter().enumerate() {
        let receipt = server.take(&bad.line);
        assert_eq!(receipt["refused"], 1, "{}: {receipt}", bad.what);
        let refusal = &receipt["first_refusals"][0];
        assert_eq!(refusal["code"], bad.code, "{}: {refusal}", bad.what);
        assert_eq!(refusal["pointer"], bad.pointer, "{}: {refusal}", bad.what);
        assert_eq!(refusal["line"], 1, "{}", bad.what);
        good_event_after(&server, bad.what, number);
    }
    let many: String = (0..10_000)
        .map(|number| format!("{{\"bad\":{number}}}\n"))
        .collect();
    let receipt = server.take(many.as_bytes());
    assert_eq!(receipt["refused"], 10_000, "{receipt}");
    assert_eq!(receipt["first_refusals"].as_array().map(Vec::len), Some(20));
    good_event_after(&server, "10,000 bad events", mistakes.len());
    let letters = server.sql(r#"select code, pointer, count(*), count(distinct "offset") from dead_letters group by 1, 2"#);
    for bad in &mistakes {
        let wanted = [json!(bad.code), json!(bad.pointer)];
        let row = letters.iter().find(|row| row.starts_with(&wanted));
        assert!(
            row.is_some_and(|row| row[2] == row[3]),
            "{}: {letters:?}",
            bad.what
        );
    }
    let missing: Vec<_> = letters
        .iter()
        .filter(|row| row[0] == "missing_field" && row[1] == "/specversion")
        .collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0][2], 10_000);
    let all = 10_000 + mistakes.len();
    assert_eq!(
        server.number("select count(*) from dead_letters"),
        i64::try_from(all).expect("a small number")
    );
    server.stop();
}

#[test]
fn json_is_all_or_nothing() {
    let place = Place::new();
    let server = Server::start(&place, None, false);
    let good = events("json", 0, 2, &time(0));
    let body = format!(
        "[{},{{\"specversion\":\"1.0\"}},{}]",
        good[0].line, good[1].line
    );
    let answer = server
        .request("POST", "/v1/events", "application/json", body.as_bytes())
        .expect("an answer");
    assert_eq!(answer.status, 422);
    assert!(
        answer.json().to_string().contains("missing_field"),
        "{}",
        answer.json()
    );
    good_event_after(&server, "a refused array", 0);
    assert_eq!(
        server.number("select count(*) from raw.turns where event_id like 'json-%'"),
        0
    );
    assert_eq!(server.number("select count(*) from dead_letters"), 0);
    server.stop();
}

#[test]
fn bad_lines_in_files_have_their_code_and_harm_nothing() {
    let place = Place::new();
    let mistakes = mistakes();
    let good = events("file", 0, mistakes.len(), &time(0));
    let mut content = Vec::new();
    for (bad, good) in mistakes.iter().zip(&good) {
        content.extend_from_slice(good.line.as_bytes());
        content.push(b'\n');
        content.extend_from_slice(&bad.line);
        content.push(b'\n');
    }
    content.pop();
    let file = place.file("bad.ndjson", content).display().to_string();
    let summary = place.import(&[&file]);
    assert_eq!(summary["accepted"], good.len(), "{summary}");
    let letters = place.query("select code, pointer from dead_letters order by \"offset\"");
    let wanted: Vec<Vec<Value>> = mistakes
        .iter()
        .map(|bad| vec![json!(bad.code), json!(bad.pointer)])
        .collect();
    assert_eq!(letters, wanted);
    let offsets = place.query("select \"offset\" from dead_letters order by 1");
    assert_eq!(offsets[0][0], 1, "offsets count lines");
}

#[test]
fn a_dead_letter_is_replayed_and_joins_with_what_came_in_the_clear() {
    let place = Place::new();
    let phone = "13900000042";
    let started = |id: &str, at: &str| {
        json!({"specversion": "1.0", "id": id, "source": "/pbx", "subject": id, "type": "interaction.started.v1",
            "time": at, "data": {"channel": "call", "direction": "inbound", "entry": "ivr", "customer":
            {"id": phone, "identities": [{"kind": "phone", "value": phone}]}}})
        .to_string()
    };
    let server = Server::start(&place, None, false);
    let receipt = server.take(
        format!(
            "{}\n{}\n",
            started("old", &time(500)),
            started("new", &time(0))
        )
        .as_bytes(),
    );
    assert_eq!(
        receipt["first_refusals"][0]["code"], "time_out_of_range",
        "{receipt}"
    );
    assert_eq!(
        receipt["first_refusals"][0]["pointer"], "/time",
        "{receipt}"
    );
    wait_for("both rows", QUERYABLE_WITHIN, || {
        let sql = "select (select count(*) from raw.interaction_events) + (select count(*) from dead_letters)";
        (server.number(sql) == 2).then_some(())
    });
    server.stop();
    let said = place.done(&["replay", "dead-letters", "--code", "time_out_of_range"]);
    assert!(said.contains("1 accepted"), "{said}");
    let rows = place.query(
        "select event_id, customer_id, identities from interaction_events order by event_id",
    );
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!([&rows[0][0], &rows[1][0]], ["new", "old"]);
    assert_eq!(rows[0][1..], rows[1][1..], "tokens join");
    assert!(
        rows[0][1].is_string() && !format!("{rows:?}").contains(phone),
        "{rows:?}"
    );
    let joined = "select count(*) from interactions as a join interactions as b on a.customer_id = b.customer_id \
        where a.interaction_id = 'old' and b.interaction_id = 'new'";
    assert_eq!(place.query(joined), [[json!(1)]]);
    // Replayed again, nothing changes: the letter stays and its event is known.
    place.done(&["replay", "dead-letters"]);
    assert_eq!(
        place.query("select count(*) from interaction_events"),
        [[json!(2)]]
    );
}
