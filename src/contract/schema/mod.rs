//! JSON Schemas of every event, the AsyncAPI document and the reference page,
//! all from the types that decode.
//!
//! Invariants: the same types give the same text; every string has its privacy
//! class (`x-privacy`: `key`, `text`, `closed`); every example decodes. A test
//! holds the committed files to what this module says.
//! Not here: deciding whether a document is right (`decode`, `check`).

mod asyncapi;
mod examples;
mod outgoing;
mod page;

pub use outgoing::{ALERT_TYPE, DEAD_LETTER_TYPE};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::event::{EventType, data_schemas};

/// Where the schemas live on the wire; a name, not an address to fetch.
const BASE_ID: &str = "urn:tingchao:events:";

/// Characters that ids may not have, see `check`.
const ID_PATTERN: &str = "^[^\\s'\"`;\\\\\\u0000-\\u001f\\u007f-\\u009f]([^'\"`;\\\\\\u0000-\\u001f\\u007f-\\u009f]*[^\\s'\"`;\\\\\\u0000-\\u001f\\u007f-\\u009f])?$";

/// Fields of `data` that are held to the rules of ids.
const ID_FIELDS: &[&str] = &[
    "agent_id",
    "case_id",
    "customer_id",
    "from_agent_id",
    "id",
    "interaction_id",
    "survey_id",
    "to_agent_id",
    "turn_id",
];

/// Every generated file: path relative to the package, and content.
#[must_use]
pub fn files() -> Vec<(String, String)> {
    let schemas = schemas();
    let mut files: Vec<(String, String)> = schemas
        .iter()
        .map(|(event_type, schema)| (path(*event_type), pretty(schema)))
        .collect();
    files.push((
        "schemas/asyncapi.json".to_owned(),
        pretty(&asyncapi::document()),
    ));
    files.push(("docs/EVENTS.md".to_owned(), page::page(&schemas)));
    files
}

/// One complete document of each type, with every field of the contract.
#[must_use]
pub fn examples() -> Vec<(EventType, String)> {
    let example = |event_type: &EventType| (*event_type, examples::of(*event_type).to_owned());
    EventType::ALL.iter().map(example).collect()
}

fn path(event_type: EventType) -> String {
    format!("schemas/events/{}.schema.json", event_type.as_str())
}

/// The schema of the whole document of each type.
fn schemas() -> Vec<(EventType, Value)> {
    let inline = |settings: &mut SchemaSettings| settings.inline_subschemas = true;
    let mut generator = SchemaSettings::draft2020_12().with(inline).into_generator();
    let whole = |(event_type, data): (EventType, schemars::Schema)| {
        let mut data = Value::from(data);
        if let Some(data) = data.as_object_mut() {
            data.remove("description");
        }
        constrain_ids(&mut data);
        (event_type, envelope(event_type, &data))
    };
    data_schemas(&mut generator)
        .into_iter()
        .map(whole)
        .collect()
}

fn envelope(event_type: EventType, data: &Value) -> Value {
    let interaction = event_type.is_interaction();
    let subject = if interaction {
        "The interaction id."
    } else {
        "What the event is about."
    };
    let mut required = vec!["specversion", "id", "source", "type", "time", "data"];
    if interaction {
        required.push("subject");
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("{BASE_ID}{}", event_type.as_str()),
        "title": event_type.as_str(),
        "description": examples::about(event_type),
        "type": "object",
        "properties": {
            "specversion": closed("Version of CloudEvents.", "1.0"),
            "type": closed("The event type.", event_type.as_str()),
            "id": id("With `source` the identity of the event."),
            "source": id("The system that sent it."),
            "subject": if interaction { id(subject) } else { optional(id(subject)) },
            "time": {
                "description": "When it happened; 1970 to 9999.",
                "type": "string", "format": "date-time", "x-privacy": "closed"
            },
            "datacontenttype": optional(closed("Always JSON; ignored.", "application/json")),
            "revision": {
                "description": "Of equal identities the greatest revision holds; 0 when absent.",
                "type": ["integer", "null"], "minimum": 0, "maximum": i32::MAX, "default": 0
            },
            "data": data,
        },
        "required": required,
        "examples": [example_value(event_type)],
    })
}

fn closed(description: &str, word: &str) -> Value {
    json!({"description": description, "type": "string", "const": word, "x-privacy": "closed"})
}

fn id(description: &str) -> Value {
    let mut schema = json!({"description": description, "type": "string", "x-privacy": "key"});
    if let Some(schema) = schema.as_object_mut() {
        constrain_id(schema);
    }
    schema
}

/// `null` says the same as leaving the field out.
fn optional(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("type".to_owned(), json!(["string", "null"]));
        if let Some(word) = schema.remove("const") {
            schema.insert("enum".to_owned(), json!([word, null]));
        }
    }
    schema
}

fn constrain_id(schema: &mut Map<String, Value>) {
    schema.insert("minLength".to_owned(), json!(1));
    schema.insert("maxLength".to_owned(), json!(200));
    schema.insert("pattern".to_owned(), json!(ID_PATTERN));
}

/// Writes the rules of `check` for ids into the schema of `data`.
fn constrain_ids(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, property) in properties {
            match (name.as_str(), property.as_object_mut()) {
                (name, Some(property)) if ID_FIELDS.contains(&name) => constrain_id(property),
                ("interaction_ids", Some(property)) => {
                    if let Some(items) = property.get_mut("items").and_then(Value::as_object_mut) {
                        constrain_id(items);
                    }
                }
                ("value", Some(property)) => {
                    property.insert("minLength".to_owned(), json!(1));
                    property.insert("maxLength".to_owned(), json!(200));
                }
                _ => constrain_ids(property),
            }
        }
    }
    if let Some(items) = schema.get_mut("items") {
        constrain_ids(items);
    }
}

fn example_value(event_type: EventType) -> Value {
    serde_json::from_str(examples::of(event_type)).unwrap_or_default()
}

/// JSON with sorted keys, so that no feature of a library changes the text.
fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(&sorted(value)).unwrap_or_default();
    text + "\n"
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let sort = |(key, value): (&String, &Value)| (key.clone(), sorted(value));
            Value::Object(entries.into_iter().map(sort).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests;
