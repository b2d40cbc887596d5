//! The committed files, the schemas and the decoder say the same.

use std::path::Path;

use super::super::decode;
use super::*;
use crate::contract::{RejectCode, Rejection};

/// Every schema below `schema` with its pointer into documents; `*` for items.
fn walk<'a>(schema: &'a Value, pointer: &str, visit: &mut dyn FnMut(&str, &'a Value)) {
    visit(pointer, schema);
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        walk(property, &format!("{pointer}/{name}"), visit);
    }
    if let Some(items) = schema.get("items") {
        walk(items, &format!("{pointer}/0"), visit);
    }
    assert!(
        schema.get("$ref").is_none() && schema.get("anyOf").is_none(),
        "{pointer}"
    );
}

fn names(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn refusal(document: &Value) -> Option<Rejection> {
    decode(document.to_string().as_bytes()).err()
}

#[test]
fn the_committed_files_are_what_the_types_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    #[expect(
        clippy::disallowed_methods,
        reason = "a test is asked to rewrite what it checks"
    )]
    let update = std::env::var_os("UPDATE_GENERATED").is_some();
    let mut known = Vec::new();
    for (path, content) in files() {
        let path = root.join(path);
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &content).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == content,
            "{} differs: run with UPDATE_GENERATED=1",
            path.display()
        );
        known.push(path);
    }
    for entry in std::fs::read_dir(root.join("schemas/events")).unwrap() {
        let path = entry.unwrap().path();
        assert!(
            known.contains(&path),
            "{} belongs to no type",
            path.display()
        );
    }
}

#[test]
fn every_string_has_a_privacy_class() {
    for (event_type, schema) in schemas() {
        let mut strings = 0;
        walk(&schema, "", &mut |pointer, schema| {
            let free =
                names(schema).contains(&"object") && schema.get("additionalProperties").is_some();
            let is_string = names(schema).contains(&"string") || schema.get("const").is_some();
            if !is_string && !free {
                return;
            }
            strings += 1;
            let class = schema.get("x-privacy").and_then(Value::as_str);
            let closed = schema.get("enum").is_some() || schema.get("const").is_some();
            let fits = match class {
                Some("closed") => closed || schema.get("format").is_some(),
                Some("key" | "text") => !closed,
                _ => false,
            };
            assert!(fits, "{}{pointer}: {class:?}", event_type.as_str());
        });
        assert!(strings > 6, "{}", event_type.as_str());
    }
}

#[test]
fn every_type_of_every_schema_is_named() {
    for (event_type, schema) in schemas() {
        walk(&schema, "", &mut |pointer, schema| {
            let described = pointer.ends_with("/0")
                || pointer == "/data"
                || schema.get("description").is_some();
            assert!(
                !names(schema).is_empty() && described,
                "{}{pointer}",
                event_type.as_str()
            );
        });
    }
}

#[test]
fn every_example_decodes_and_shows_every_field() {
    for (event_type, example) in examples() {
        let decoded = decode(example.as_bytes());
        assert!(
            decoded.is_ok_and(|event| event.data.event_type() == event_type),
            "{}",
            event_type.as_str()
        );
    }
    for (event_type, schema) in schemas() {
        let example = example_value(event_type);
        // A queue leg has no agent: the second leg shows what the first leaves out.
        let second = |pointer: &str| pointer.replace("/legs/0", "/legs/1");
        walk(&schema, "", &mut |pointer, _| {
            let optional = ["/revision", "/datacontenttype"].contains(&pointer);
            let shown = example
                .pointer(pointer)
                .or_else(|| example.pointer(&second(pointer)));
            assert!(
                optional || shown.is_some(),
                "{}{pointer}",
                event_type.as_str()
            );
        });
    }
}

#[test]
fn what_the_schema_requires_the_decoder_requires_and_nothing_else() {
    for (event_type, schema) in schemas() {
        let example = example_value(event_type);
        walk(&schema, "", &mut |parent, schema| {
            let required: Vec<&str> = schema
                .get("required")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            for name in schema
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .map(|(name, _)| name)
            {
                let mut document = example.clone();
                let Some(Value::Object(object)) = document.pointer_mut(parent) else {
                    continue;
                };
                object.remove(name);
                let pointer = format!("{parent}/{name}");
                let refused = refusal(&document).map(|refusal| (refusal.code, refusal.pointer));
                let expected = required
                    .contains(&name.as_str())
                    .then_some((RejectCode::MissingField, pointer.clone()));
                assert_eq!(
                    refused,
                    expected,
                    "{} without {pointer}",
                    event_type.as_str()
                );
            }
        });
    }
}

#[test]
fn what_the_schema_forbids_the_decoder_refuses() {
    let mut tried = 0;
    for (event_type, schema) in schemas() {
        let example = example_value(event_type);
        walk(&schema, "", &mut |pointer, schema| {
            // `attributes` takes any JSON value, though sources are told to send an object.
            let lenient = pointer.is_empty() || pointer.ends_with("/attributes");
            if example.pointer(pointer).is_none() || lenient {
                return;
            }
            let number = |key: &str| schema.get(key).and_then(Value::as_f64);
            let mut wrong = Vec::new();
            if !names(schema).contains(&"boolean") {
                wrong.push(json!(true));
            }
            if schema.get("pattern").is_some() || schema.get("minLength").is_some() {
                wrong.extend([json!(""), json!("x".repeat(201))]);
            }
            if schema.get("pattern").is_some() {
                wrong.extend([json!("a;b"), json!(" a"), json!("a\u{7}b"), json!("a\\b")]);
            }
            if schema.get("enum").is_some()
                || schema.get("const").is_some()
                || schema.get("format") == Some(&json!("date-time"))
            {
                wrong.push(json!("no such word"));
            }
            wrong.extend(number("minimum").map(|low| json!(low as i64 - 1)));
            wrong.extend(number("maximum").map(|high| json!(high as i64 + 1)));
            for value in wrong {
                let mut document = example.clone();
                *document.pointer_mut(pointer).unwrap() = value.clone();
                let refused = refusal(&document).map(|refusal| refusal.pointer);
                assert_eq!(
                    refused.as_deref(),
                    Some(pointer),
                    "{}{pointer} = {value}",
                    event_type.as_str()
                );
                tried += 1;
            }
        });
    }
    assert!(tried > 500, "{tried}");
}

#[test]
fn null_says_the_same_as_leaving_out_exactly_where_the_schema_says_so() {
    for (event_type, schema) in schemas() {
        let example = example_value(event_type);
        walk(&schema, "", &mut |pointer, schema| {
            let mut document = example.clone();
            let Some(value) = document
                .pointer_mut(pointer)
                .filter(|_| !pointer.is_empty())
            else {
                return;
            };
            *value = Value::Null;
            let accepted = refusal(&document).is_none();
            assert_eq!(
                accepted,
                names(schema).contains(&"null"),
                "{}{pointer}",
                event_type.as_str()
            );
        });
    }
}

#[test]
fn every_type_travels_on_a_topic() {
    let document = asyncapi::document();
    let channels = document
        .pointer("/channels")
        .and_then(Value::as_object)
        .unwrap();
    assert_eq!(
        channels.len(),
        10,
        "eight topics in, dead letters and alerts out"
    );
    let letters = &document["operations"]["send_dead_letters"];
    assert_eq!(letters["action"], "send");
    let topics: Vec<&str> = channels
        .iter()
        .filter(|(name, _)| {
            document["operations"]
                .get(format!("receive_{name}"))
                .is_some()
        })
        .filter_map(|(_, channel)| channel["address"].as_str())
        .collect();
    let mut defaults = crate::config::DEFAULT_TOPICS.to_vec();
    defaults.sort_unstable();
    let mut topics = topics;
    topics.sort_unstable();
    assert_eq!(topics, defaults, "what is described is what is read");
    for event_type in EventType::ALL {
        let carried = channels
            .values()
            .any(|channel| channel["messages"].get(event_type.as_str()).is_some());
        assert!(carried, "{}", event_type.as_str());
    }
}
