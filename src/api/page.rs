//! `docs/API.md`, made from the description of the interface.

use std::fmt::Write;

use serde_json::Value;

use super::describe::{TAGS, openapi};

const HEAD: &str = "\
# REST interface

<!-- Generated from the handlers in src/api; a test keeps it equal. Refresh: UPDATE_GENERATED=1 make test -->

The whole description is `openapi.yaml`; a running server shows it at `/docs` and hands it out at `/openapi.yaml`
and `/openapi.json`. JSON is in snake_case, times are RFC 3339, durations in milliseconds.

- **Keys** travel as `Authorization: Bearer <key>`. The demo needs none from the same machine. The column
  *permission* names what the key's role must allow.
- **Pages** are `{items, next_cursor}`: pass `next_cursor` as `cursor` until it is null.
- **Failures** are problem documents (RFC 9457, `application/problem+json`); act on `code`, see `docs/ERRORS.md`.
  Every answer carries `X-Request-Id`.
- **Limits**: a body has at most 1 MiB, on `POST /v1/analyze` 64 MiB, but NDJSON on `POST /v1/events` is streamed
  without a limit, 1 MiB a line.
- Fields may be added within v1, never renamed.
";

/// The text of `docs/API.md`.
#[must_use]
pub fn api_markdown() -> String {
    let description = serde_json::to_value(openapi()).unwrap_or_default();
    let mut text = HEAD.to_owned();
    for (tag, about) in TAGS {
        text.push_str(&format!("\n## {tag}\n\n{about}\n"));
        let paths = description.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let tags = operation.get("tags").and_then(Value::as_array);
                if tags.is_some_and(|tags| tags.iter().any(|known| known == tag)) {
                    text.push_str(&section(&description, method, path, operation));
                }
            }
        }
    }
    text
}

fn section(description: &Value, method: &str, path: &str, operation: &Value) -> String {
    let word = |name: &str| {
        operation
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let mut text = format!(
        "\n### `{} {path}`\n\n{}. {}\n\nPermission: {}.\n",
        method.to_uppercase(),
        word("summary"),
        word("description").replace('\n', " "),
        word("x-permission"),
    );
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let rows: Vec<String> = parameters.into_iter().flatten().map(parameter).collect();
    if !rows.is_empty() {
        text.push_str("\n| parameter | in | required | meaning |\n|---|---|---|---|\n");
        text.push_str(&rows.concat());
    }
    if let Some(content) = operation
        .pointer("/requestBody/content")
        .and_then(Value::as_object)
    {
        let types: Vec<String> = content
            .iter()
            .map(|(kind, media)| shape(kind, media))
            .collect();
        text.push_str(&format!("\nBody: {}\n", types.join("; ")));
        text.push_str(
            &content
                .values()
                .find_map(|media| example(description, media))
                .unwrap_or_default(),
        );
    }
    let responses = operation.get("responses").and_then(Value::as_object);
    for (status, response) in responses
        .into_iter()
        .flatten()
        .filter(|(status, _)| status.starts_with('2'))
    {
        text.push_str(&answer(description, status, response));
    }
    text
}

fn parameter(parameter: &Value) -> String {
    let word = |name: &str| {
        parameter
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let required = parameter
        .get("required")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let about = word("description").replace('\n', " ");
    let required = if required { "yes" } else { "no" };
    format!(
        "| `{}` | {} | {required} | {about} |\n",
        word("name"),
        word("in")
    )
}

fn answer(description: &Value, status: &str, response: &Value) -> String {
    let about = response
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut text = format!("\n{status}: {about}");
    let Some(content) = response.get("content").and_then(Value::as_object) else {
        text.push('\n');
        return text;
    };
    let types: Vec<String> = content
        .iter()
        .map(|(kind, media)| shape(kind, media))
        .collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, " {}", types.join("; "));
    text.push_str(
        &content
            .get("application/json")
            .and_then(|media| example(description, media))
            .unwrap_or_default(),
    );
    text
}

fn shape(kind: &str, media: &Value) -> String {
    let name = media.pointer("/schema/$ref").and_then(Value::as_str);
    match name.and_then(|name| name.rsplit('/').next()) {
        Some(name) => format!("`{kind}` (`{name}`)"),
        None => format!("`{kind}`"),
    }
}

/// The example of a media type, or of the schema that it names, as a code block.
fn example(description: &Value, media: &Value) -> Option<String> {
    let of_schema = || {
        let name = media.pointer("/schema/$ref")?.as_str()?.strip_prefix('#')?;
        description.pointer(name)?.get("example")
    };
    let example = media.get("example").or_else(of_schema)?;
    let json = serde_json::to_string_pretty(example).ok()?;
    Some(format!("\n```json\n{json}\n```\n"))
}
