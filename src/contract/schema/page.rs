//! The reference page of the events.

use std::fmt::Write;

use serde_json::Value;

use super::super::event::EventType;
use super::examples;

const HEAD: &str = "# Events

<!-- Generated from the code. To change it, change the types and run the tests with UPDATE_GENERATED=1. -->

One JSON document per record: CloudEvents 1.0 in structured mode. Times are RFC 3339, durations
milliseconds. `null` says the same as leaving a field out. Unknown fields are ignored; unknown types
and broken documents become dead letters with code, JSON pointer and reason.

No event needs another one to be accepted and order is free. Events of equal time are read in the order
of this page. An event is known by (`source`, `id`); of equal ones the greatest `revision` holds.

The column *privacy* says what becomes of a string before it is stored: a **key** is kept or, when it is or
looks like a personal value, replaced by a token; **text** is redacted; a **closed** word is one of a list.
Ids have 1 to 200 characters, no quotes, semicolons, backslashes or control characters.

## Envelope

| field | type | required | about |
|---|---|---|---|
| `specversion` | `\"1.0\"` | yes | Version of CloudEvents |
| `id` | id | yes | With `source` the identity of the event |
| `source` | id | yes | The system that sent it |
| `type` | word | yes | One of the types below |
| `subject` | id | for `interaction.*` | The interaction id |
| `time` | time | yes | When it happened, 1970 to 9999 |
| `revision` | integer | | 0 to 2147483647, 0 when absent |
| `data` | object | yes | By type |
";

/// The page, from the schemas of all types.
pub(super) fn page(schemas: &[(EventType, Value)]) -> String {
    let mut page = HEAD.to_owned();
    for (event_type, schema) in schemas {
        let name = event_type.as_str();
        let _ = write!(
            page,
            "\n## `{name}`\n\n{}\n\n",
            examples::about(*event_type)
        );
        page.push_str(
            "| field of `data` | type | required | privacy | about |\n|---|---|---|---|---|\n",
        );
        if let Some(data) = schema.pointer("/properties/data") {
            rows(data, "", &mut page);
        }
        let _ = write!(page, "\n```json\n{}\n```\n", examples::of(*event_type));
    }
    page
}

/// One row for each field, those of nested objects with their path.
fn rows(object: &Value, prefix: &str, page: &mut String) {
    let Some(properties) = object.get("properties").and_then(Value::as_object) else {
        return;
    };
    let required = object.get("required").and_then(Value::as_array);
    let is_required = |name: &str| {
        required.is_some_and(|required| required.iter().any(|item| item.as_str() == Some(name)))
    };
    let mut names: Vec<&String> = properties.keys().collect();
    names.sort_by_key(|name| (!is_required(name), *name));
    for name in names {
        let Some(property) = properties.get(name) else {
            continue;
        };
        let items = property.get("items");
        let path = format!("{prefix}{name}{}", if items.is_some() { "[]" } else { "" });
        let privacy = [Some(property), items]
            .into_iter()
            .flatten()
            .find_map(|schema| schema.get("x-privacy"));
        let about = property
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let _ = writeln!(
            page,
            "| `{path}` | {} | {} | {} | {} |",
            type_of(items.unwrap_or(property)),
            if is_required(name) { "yes" } else { "" },
            privacy.and_then(Value::as_str).unwrap_or_default(),
            about.trim_end_matches('.').replace('|', "\\|"),
        );
        rows(items.unwrap_or(property), &format!("{path}."), page);
    }
}

fn type_of(schema: &Value) -> String {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<String> = words
            .iter()
            .filter_map(Value::as_str)
            .map(|word| format!("`{word}`"))
            .collect();
        return words.join(" ");
    }
    let name = match schema.get("type") {
        Some(Value::String(name)) => name.as_str(),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .unwrap_or_default(),
        _ => "",
    };
    let range = |key: &str| schema.get(key).and_then(Value::as_f64);
    match (name, range("minimum"), range("maximum")) {
        ("string", ..) if schema.get("format").is_some() => "time".to_owned(),
        ("string", ..) if schema.get("pattern").is_some() => "id".to_owned(),
        (name, Some(low), Some(high)) => format!("{name}, {low} to {high}"),
        (name, Some(low), None) => format!("{name}, from {low}"),
        (name, ..) => name.to_owned(),
    }
}
