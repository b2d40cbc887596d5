//! `openapi.yaml` and `docs/API.md` equal the code, and the description keeps its rules.
//!
//! The rules read the serialised description, as every client does.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::describe::TAGS;
use crate::api::{api_markdown, openapi, openapi_yaml};
use crate::domain::Permission;

#[expect(
    clippy::disallowed_methods,
    reason = "a switch of the test run, not a setting"
)]
fn assert_current(file: &str, generated: &str) {
    let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "{file} is not current: run with UPDATE_GENERATED=1"
    );
}

#[test]
fn the_description_is_current() {
    assert_current("openapi.yaml", &openapi_yaml().unwrap());
}

#[test]
fn the_page_is_current() {
    assert_current("docs/API.md", &api_markdown());
}

fn description() -> Value {
    serde_json::to_value(openapi()).unwrap()
}

/// The broken rules of an operation.
fn mistakes(operation: &Value) -> Vec<&'static str> {
    let text = |name: &str| operation[name].as_str().unwrap_or_default();
    let id = text("operationId");
    let tags: Vec<&str> = operation["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let permission = text("x-permission");
    let is_open = permission == "none";
    let security = operation["security"].as_array();
    let rules = [
        (
            id.contains('_') && id.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
            "operation id is resource_verb",
        ),
        (
            !text("summary").is_empty() && !text("summary").ends_with('.'),
            "a summary without a full stop",
        ),
        (
            tags.len() == 1 && TAGS.iter().any(|(known, _)| known == &tags[0]),
            "one tag of the list",
        ),
        (
            is_open
                || Permission::ALL
                    .iter()
                    .any(|known| known.as_str() == permission),
            "a permission",
        ),
        (
            security.is_some_and(|all| {
                all.iter()
                    .all(|one| one.get("api_key").is_some() != is_open)
            }),
            "security is stated",
        ),
        (
            ["4XX", "5XX"]
                .iter()
                .all(|status| is_problem(&operation["responses"][status])),
            "problems on 4XX and 5XX",
        ),
        (successes(operation).count() > 0, "a success"),
        (
            successes(operation).all(has_examples),
            "an example on every success",
        ),
        (
            operation
                .get("requestBody")
                .is_none_or(|body| body["description"].is_string()),
            "a described body",
        ),
        (parameters_are_described(operation), "described parameters"),
    ];
    rules
        .into_iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, rule)| rule)
        .collect()
}

fn is_problem(response: &Value) -> bool {
    response["content"]["application/problem+json"]["schema"]["$ref"]
        == "#/components/schemas/Problem"
}

fn successes(operation: &Value) -> impl Iterator<Item = &Value> {
    let responses = operation["responses"].as_object().into_iter().flatten();
    responses
        .filter(|(status, _)| status.starts_with('2'))
        .map(|(_, response)| response)
}

fn has_examples(response: &Value) -> bool {
    let content = response.get("content").and_then(Value::as_object);
    content
        .into_iter()
        .flatten()
        .all(|(_, media)| media.get("example").is_some())
}

fn parameters_are_described(operation: &Value) -> bool {
    let parameters = operation["parameters"].as_array();
    parameters
        .into_iter()
        .flatten()
        .all(|parameter| parameter["description"].is_string())
}

#[test]
fn every_operation_keeps_the_rules() {
    let description = description();
    let mut ids = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let broken = mistakes(operation);
            assert!(broken.is_empty(), "{method} {path}: {broken:?}");
            assert!(
                ids.insert(operation["operationId"].to_string()),
                "{path}: operation ids are unique"
            );
        }
    }
}

#[test]
fn the_rules_can_be_broken() {
    let mut description = description();
    let operation = &mut description["paths"]["/v1/sql"]["post"];
    assert!(mistakes(operation).is_empty());
    for field in [
        "operationId",
        "summary",
        "tags",
        "x-permission",
        "security",
        "responses",
    ] {
        let mut broken = operation.clone();
        broken.as_object_mut().unwrap().remove(field);
        assert!(!mistakes(&broken).is_empty(), "{field}");
    }
}

#[test]
fn every_property_is_described() {
    let description = description();
    let mut missing = Vec::new();
    for (name, schema) in description["components"]["schemas"].as_object().unwrap() {
        let parts = schema["allOf"]
            .as_array()
            .into_iter()
            .flatten()
            .chain([schema]);
        for (property, shape) in parts
            .filter_map(|part| part["properties"].as_object())
            .flatten()
        {
            // What may be null is described beside its reference.
            let mut kinds = shape["oneOf"].as_array().into_iter().flatten();
            let is_described = shape["description"].is_string()
                || kinds.any(|kind| kind["description"].is_string());
            if !is_described {
                missing.push(format!("{name}.{property}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_reference_resolves() {
    fn walk<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|field| walk(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let description = description();
    let mut references = Vec::new();
    walk(&description, &mut references);
    assert!(references.len() > 10);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
}
