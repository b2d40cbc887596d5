//! Every fixture against the events that were written down before its importer.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Context, Converted, Format, convert, cut, is_whole_line};
use crate::contract::{RejectCode, decode};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats")
}

/// The fixtures: folder, path, text, expected lines.
fn fixtures() -> Vec<(String, PathBuf, Vec<u8>, Vec<Value>)> {
    let mut found = Vec::new();
    for format in fs::read_dir(folder()).unwrap().map(Result::unwrap) {
        if !format.path().is_dir() {
            continue;
        }
        for file in fs::read_dir(format.path()).unwrap().map(Result::unwrap) {
            let name = file.file_name().into_string().unwrap();
            if name.ends_with(".expected.ndjson") {
                continue;
            }
            let expected =
                fs::read_to_string(format.path().join(format!("{name}.expected.ndjson"))).unwrap();
            let expected = expected
                .lines()
                .map(|line| serde_json::from_str(line).unwrap());
            let text = fs::read(file.path()).unwrap();
            let format = format.file_name().into_string().unwrap();
            found.push((format, file.path(), text, expected.collect()));
        }
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    found
}

/// Where `actual` is not what `expected` says; what it does not say is free.
fn difference(expected: &Value, actual: &Value, path: &str) -> Option<String> {
    match (expected, actual) {
        (Value::Object(fields), Value::Object(_)) => fields.iter().find_map(|(key, value)| {
            difference(
                value,
                actual.get(key).unwrap_or(&Value::Null),
                &format!("{path}/{key}"),
            )
        }),
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => items
            .iter()
            .zip(others)
            .enumerate()
            .find_map(|(index, (item, other))| difference(item, other, &format!("{path}/{index}"))),
        _ if expected == actual => None,
        _ => Some(format!("{path}: expected {expected}, found {actual}")),
    }
}

/// A whole file, converted document by document.
fn convert_file(wanted: Option<Format>, path: &Path, text: &[u8]) -> Converted {
    let name = path.file_name().unwrap().to_str().unwrap();
    let context = Context {
        name: Some(name),
        ..Context::default()
    };
    let mut all = Converted::default();
    let first = text.split_inclusive(|byte| *byte == b'\n').next();
    let parts: Vec<&[u8]> = if first.is_some_and(is_whole_line) {
        text.split(|byte| *byte == b'\n').collect()
    } else {
        vec![text]
    };
    let documents = parts.into_iter().flat_map(|part| {
        let pieces = cut(part).into_iter();
        pieces.map(|piece| &part[piece.bytes])
    });
    for document in documents {
        match convert(wanted, document, &context) {
            Ok((_, done)) => all.merge(done),
            Err(rejection) => all.refused.push((rejection, document.to_vec())),
        }
    }
    all
}

/// Everything that differs, by line of the expectation.
fn compare(expected: &[Value], actual: &Converted) -> Vec<String> {
    let mut problems = Vec::new();
    let (mut events, mut refused) = (actual.events.iter(), actual.refused.iter());
    for line in expected {
        if let Some(code) = line.get("refused") {
            let Some((rejection, _)) = refused.next() else {
                problems.push(format!("not refused: {line}"));
                continue;
            };
            let found = json!({"refused": rejection.code.as_str(), "pointer": rejection.pointer, "reason": rejection.reason});
            problems.extend(difference(line, &found, "refusal"));
            assert!(code.is_string());
        } else if let Some(left_out) = line.get("left_out") {
            if *left_out != json!(actual.left_out) {
                problems.push(format!(
                    "left out: expected {left_out}, found {:?}",
                    actual.left_out
                ));
            }
        } else if let Some(dropped) = line.get("dropped").and_then(Value::as_array) {
            for name in dropped.iter().filter_map(Value::as_str) {
                if !actual.dropped.contains_key(name) {
                    problems.push(format!(
                        "not named as dropped: {name}; {:?}",
                        actual.dropped
                    ));
                }
            }
        } else {
            let Some(event) = events.next() else {
                problems.push(format!("no event for {line}"));
                continue;
            };
            let event: Value = serde_json::from_slice(event).unwrap();
            problems.extend(difference(
                line,
                &event,
                event.get("id").unwrap().as_str().unwrap(),
            ));
        }
    }
    problems.extend(events.map(|event| format!("more: {}", String::from_utf8_lossy(event))));
    problems.extend(refused.map(|(rejection, _)| format!("refused: {rejection:?}")));
    if !expected.iter().any(|line| line.get("left_out").is_some()) && !actual.left_out.is_empty() {
        problems.push(format!("left out: {:?}", actual.left_out));
    }
    problems
}

#[test]
fn every_fixture_becomes_the_events_that_were_expected() {
    let mut problems = Vec::new();
    let fixtures = fixtures();
    assert!(fixtures.len() >= 23, "{}", fixtures.len());
    for (format, path, text, expected) in &fixtures {
        for wanted in [None, Format::parse(format)] {
            let actual = convert_file(wanted, path, text);
            let found = compare(expected, &actual);
            problems.extend(
                found
                    .into_iter()
                    .map(|problem| format!("{}: {problem}", path.display())),
            );
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_event_made_is_a_sound_event_and_the_same_each_time() {
    for (_, path, text, _) in fixtures() {
        let (first, again) = (
            convert_file(None, &path, &text),
            convert_file(None, &path, &text),
        );
        assert_eq!(first.events, again.events);
        for event in first.events {
            if let Err(rejection) = decode(&event) {
                panic!(
                    "{}: {rejection:?} {}",
                    path.display(),
                    String::from_utf8_lossy(&event)
                );
            }
        }
    }
}

#[test]
fn a_document_of_another_format_is_not_taken() {
    for (format, path, text, _) in fixtures() {
        let other = if format == "genesys" {
            Format::Chatwoot
        } else {
            Format::Genesys
        };
        let done = convert_file(Some(other), &path, &text);
        assert!(done.events.is_empty(), "{}", path.display());
        let codes = [
            RejectCode::UnknownFormat,
            RejectCode::MalformedJson,
            RejectCode::MalformedXml,
        ];
        for (rejection, _) in done.refused {
            assert!(
                codes.contains(&rejection.code),
                "{}: {rejection:?}",
                path.display()
            );
        }
    }
}

#[test]
fn damage_is_refused_and_never_half_an_event_more() {
    for (_, path, text, _) in fixtures() {
        for cut_at in (1..text.len()).step_by(97) {
            let part = convert_file(None, &path, &text[..cut_at]);
            for event in part.events {
                assert!(decode(&event).is_ok(), "{}", path.display());
            }
        }
        for at in (0..text.len()).step_by(61) {
            let mut damaged = text.clone();
            damaged[at] ^= 0x15;
            let done = convert_file(None, &path, &damaged);
            for (rejection, _) in &done.refused {
                assert!(!rejection.reason.is_empty());
            }
        }
    }
}

#[test]
fn a_refusal_never_repeats_a_value() {
    let secret = "13800138000";
    let pages = [
        json!({"msg_list": [{"msgid": "1", "msgtype": "text", "origin": secret, "send_time": 1}]}),
        json!({"SessionId": "s", "Direction": 0, "Caller": {"x": secret}, "StartTimestamp": secret.repeat(3)}),
        json!({"conversationId": "c", "conversationStart": secret.repeat(3), "participants": [secret]}),
        json!({"event": "message_created", "id": 1, "account": {"id": 1}, "conversation": secret}),
        json!({"ContactId": secret, "EventType": "SEGMENTS", "Segments": [{"Transcript": {"Content": secret}}]}),
        json!({"ContactId": secret, "InitiationMethod": "INBOUND", "Channel": "VOICE", "InitiationTimestamp": secret.repeat(3)}),
    ];
    for page in pages {
        let refusals: Vec<_> = match convert(None, page.to_string().as_bytes(), &Context::default())
        {
            Ok((_, done)) => done
                .refused
                .into_iter()
                .map(|(rejection, _)| rejection)
                .collect(),
            Err(rejection) => vec![rejection],
        };
        assert!(!refusals.is_empty(), "{page}");
        assert!(!format!("{refusals:?}").contains(secret), "{refusals:?}");
    }
}

#[test]
fn names_of_formats_read_back() {
    for format in Format::ALL {
        assert_eq!(Format::parse(format.as_str()), Some(*format));
    }
    assert_eq!(Format::parse("auto"), None);
    let event = br#"{"specversion":"1.0","type":"x","id":"1"}"#;
    assert_eq!(Format::detect(event), Ok(Format::Canonical));
}
