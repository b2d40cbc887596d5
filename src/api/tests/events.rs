//! `POST /v1/events`.

use std::io::Write;

use serde_json::{Value, json};

use super::*;

const NDJSON: &str = "application/x-ndjson";

/// A good event with one field changed.
fn changed(pointer: &str, value: Value) -> Value {
    let mut event = event("1");
    *event.pointer_mut(pointer).unwrap() = value;
    event
}

/// Every kind of bad document with its code and pointer.
fn bad_documents() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let text = |value: Value| value.to_string().into_bytes();
    let mut cut = text(event("1"));
    cut.truncate(cut.len() / 2);
    let mut not_utf8 = text(event("1"));
    let at = not_utf8.iter().position(|byte| *byte == b'p').unwrap();
    not_utf8[at] = 0xff;
    let mut missing = event("1");
    missing.as_object_mut().unwrap().remove("id");
    vec![
        (b"{not json}".to_vec(), "malformed_json", ""),
        (cut, "truncated_json", ""),
        (not_utf8, "invalid_utf8", ""),
        (b"[1]".to_vec(), "invalid_type", ""),
        (text(missing), "missing_field", "/id"),
        (text(changed("/id", json!(1))), "invalid_type", "/id"),
        (
            text(changed("/id", json!("1'; drop table turns; --"))),
            "invalid_id",
            "/id",
        ),
        (
            text(changed("/time", json!("+40000-01-01T00:00:00Z"))),
            "invalid_time",
            "/time",
        ),
        (
            text(changed("/time", json!("2025-01-01T00:00:00Z"))),
            "time_out_of_range",
            "/time",
        ),
        (
            text(changed("/time", json!("2026-11-22T00:00:00Z"))),
            "time_out_of_range",
            "/time",
        ),
        (
            text(changed("/type", json!("interaction.sung.v1"))),
            "unknown_type",
            "/type",
        ),
        (
            text(changed("/data/text", json!(7))),
            "invalid_type",
            "/data/text",
        ),
        (
            text(changed("/data/content_type", json!("smell"))),
            "invalid_value",
            "/data/content_type",
        ),
    ]
}

async fn take(server: &Server, content_type: &str, body: impl Into<Bytes>) -> Answer {
    server
        .send_as(Role::Ingest, post("/v1/events", content_type, body))
        .await
}

#[actix_web::test]
async fn good_events_are_durable_and_redacted_when_the_answer_comes() {
    let mut server = Server::start().await;
    let answer = take(&server, "application/json", event("1").to_string()).await;
    let wanted = json!({"accepted": 1, "repeated": 0, "refused": 0, "first_refusals": []});
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, wanted));
    let answer = take(
        &server,
        "application/json",
        json!([event("2"), event("1")]).to_string(),
    )
    .await;
    assert_eq!(answer.json()["accepted"], 1);
    assert_eq!(
        answer.json()["repeated"],
        1,
        "known from the request before"
    );
    let entries = server.entries();
    assert_eq!(entries.len(), 3, "a repeat is stored; views keep one");
    for entry in entries {
        let entry = entry.unwrap();
        assert!(!entry.contains("13812345678"), "{entry}");
        assert!(entry.contains("我的号码是"), "{entry}");
    }
}

#[actix_web::test]
async fn json_is_all_or_nothing_and_lists_every_bad_item() {
    let mut server = Server::start().await;
    let batch = json!([
        event("1"),
        changed("/time", json!("now")),
        event("2"),
        changed("/data/speaker/role", json!("dog")),
        7,
    ]);
    let answer = take(&server, "application/json", batch.to_string()).await;
    let problem = answer.problem();
    assert_eq!(
        (problem.status, problem.code.as_str()),
        (422, "invalid_events")
    );
    let pointers: Vec<_> = problem
        .errors
        .iter()
        .map(|error| error.pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/1/time", "/3/data/speaker/role", "/4"]);
    assert!(problem.errors[0].detail.starts_with("invalid_time: "));
    assert!(server.entries().is_empty());
    let again = take(
        &server,
        "application/json",
        json!([event("1"), event("2")]).to_string(),
    )
    .await;
    assert_eq!(
        again.json()["accepted"],
        2,
        "what was refused is not known as seen"
    );
}

#[actix_web::test]
async fn each_bad_document_has_its_code_and_pointer_as_json() {
    let mut server = Server::start().await;
    for (document, code, pointer) in bad_documents() {
        let answer = take(&server, "application/json", document).await;
        let problem = answer.problem();
        assert!(matches!(problem.status, 400 | 422), "{code}");
        let (wanted, error) = (format!("{code}: "), &problem.errors[0]);
        // An array is a batch: its one item is the bad one.
        let pointer = if code == "invalid_type" && pointer.is_empty() {
            "/0"
        } else {
            pointer
        };
        assert!(error.detail.starts_with(&wanted), "{code} {error:?}");
        assert_eq!(error.pointer, pointer, "{code}");
    }
    assert!(server.entries().is_empty());
}

#[actix_web::test]
async fn each_bad_line_is_one_dead_letter_and_the_next_line_goes_on() {
    let mut server = Server::start().await;
    let mut body = Vec::new();
    let mut wanted = Vec::new();
    for (number, (document, code, pointer)) in bad_documents().into_iter().enumerate() {
        // A document that is cut off has no line end inside.
        body.extend(document);
        body.extend(format!("\n{}\n", event(&format!("good-{number}"))).into_bytes());
        wanted.push((2 * number as u64 + 1, code, pointer));
    }
    let answer = take(&server, NDJSON, body).await;
    let receipt = answer.json();
    let bad = wanted.len();
    assert_eq!(
        (&receipt["accepted"], &receipt["refused"]),
        (&json!(bad), &json!(bad)),
        "{receipt}"
    );
    let refusals = receipt["first_refusals"].as_array().unwrap();
    for (refusal, (line, code, pointer)) in refusals.iter().zip(&wanted) {
        assert_eq!(refusal["line"], *line, "{code}");
        assert_eq!(
            (&refusal["code"], &refusal["pointer"]),
            (&json!(code), &json!(pointer))
        );
    }
    let entries = server.entries();
    let letters: Vec<_> = entries
        .iter()
        .filter_map(|entry| entry.as_ref().err())
        .collect();
    assert_eq!(letters.len(), bad);
    assert_eq!(entries.len(), 2 * bad);
    for (code, payload) in letters {
        assert!(!payload.contains("13812345678"), "{code}: {payload}");
    }
}

#[actix_web::test]
async fn ten_thousand_bad_lines_are_ten_thousand_letters_and_twenty_reasons() {
    let mut server = Server::start().await;
    let mut body = "{\"id\":1}\n".repeat(10_000);
    body.push_str(&event("1").to_string());
    let receipt = take(&server, NDJSON, body).await.json();
    assert_eq!(
        (&receipt["accepted"], &receipt["refused"]),
        (&json!(1), &json!(10_000))
    );
    assert_eq!(receipt["first_refusals"].as_array().unwrap().len(), 20);
    let entries = server.entries();
    assert_eq!(
        entries.iter().filter(|entry| entry.is_err()).count(),
        10_000
    );
    assert!(
        entries.last().unwrap().is_ok(),
        "the last line needs no line end"
    );
}

#[actix_web::test]
async fn a_line_of_50_mb_is_refused_and_the_next_is_taken() {
    let mut server = Server::start().await;
    let mut body = event("1")
        .to_string()
        .replace("13812345678", &"好".repeat(50_000_000 / 3));
    body.push('\n');
    body.push_str(&event("2").to_string());
    let receipt = take(&server, NDJSON, body).await.json();
    assert_eq!(
        (&receipt["accepted"], &receipt["refused"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(receipt["first_refusals"][0]["code"], "line_too_long");
    let entries = server.entries();
    let (_, payload) = entries[0].as_ref().unwrap_err();
    assert!(
        payload.len() < 100_000,
        "only the head is kept: {}",
        payload.len()
    );
}

#[actix_web::test]
async fn packed_lines_are_taken() {
    let server = Server::start().await;
    let body = format!("{}\n{}\n", event("1"), event("2"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body.as_bytes()).unwrap();
    let request = post("/v1/events", NDJSON, gzip.finish().unwrap());
    let request = request.insert_header(("content-encoding", "gzip"));
    assert_eq!(
        server.send_as(Role::Ingest, request).await.json()["accepted"],
        2
    );
    let broken = post("/v1/events", NDJSON, "no gzip").insert_header(("content-encoding", "gzip"));
    assert_eq!(
        server.send_as(Role::Ingest, broken).await.mistake().0,
        "malformed_json"
    );
    let other = post("/v1/events", NDJSON, "").insert_header(("content-encoding", "br"));
    assert_eq!(
        server.send_as(Role::Ingest, other).await.mistake().0,
        "unsupported_media_type"
    );
}

#[actix_web::test]
async fn limits_and_media_types_are_named() {
    let server = Server::start().await;
    let large = format!("[{}]", " ".repeat(1 << 20));
    let answer = take(&server, "application/json", large).await;
    let problem = answer.problem();
    assert_eq!(
        (problem.status, problem.code.as_str()),
        (413, "payload_too_large")
    );
    assert!(problem.detail.contains("1048576"));
    for other in ["text/plain", "application/xml", "multipart/form-data"] {
        let answer = take(&server, other, "{}").await;
        assert_eq!(answer.status.as_u16(), 415, "{other}");
        assert!(answer.problem().detail.contains(NDJSON));
    }
}

#[actix_web::test]
async fn a_full_inbox_asks_to_come_back_and_nothing_counts_as_seen() {
    let server = Server::start_with(false, 10).await;
    assert_eq!(
        take(&server, NDJSON, event("1").to_string()).await.status,
        200
    );
    for _ in 0..2 {
        let answer = take(&server, NDJSON, event("2").to_string()).await;
        assert_eq!(answer.mistake().0, "overloaded");
        assert!(answer.headers.contains_key("retry-after"));
    }
}
