//! Canonical events as they are put together.
//!
//! Invariants: an event is complete JSON of contract v1 and passes through
//! `decode` like any other; fields that are not known are left away. Not here:
//! what the vendors' fields mean.

use serde_json::{Map, Value, json};

use super::Converted;
use crate::contract::EventType;
use crate::domain::Micros;

/// Who an event is about and when it happened.
pub(super) struct Head<'a> {
    /// CloudEvents `id`.
    pub(super) id: String,
    /// CloudEvents `source`.
    pub(super) source: &'a str,
    /// The interaction.
    pub(super) subject: Option<&'a str>,
    /// When.
    pub(super) time: Micros,
    /// The vendor's version of it.
    pub(super) revision: i32,
}

/// The fields of an object that are known.
pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let known = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(
        known
            .map(|(key, value)| (key.to_owned(), value))
            .collect::<Map<_, _>>(),
    )
}

/// A time as the contract writes it.
pub(super) fn instant(time: Micros) -> Value {
    Value::String(time.to_string())
}

/// Adds an event.
pub(super) fn push(out: &mut Converted, event_type: EventType, head: Head<'_>, data: Value) {
    let mut event = json!({
        "specversion": "1.0",
        "id": head.id,
        "source": head.source,
        "type": event_type.as_str(),
        "time": head.time.to_string(),
        "data": data,
    });
    if let (Some(subject), Some(fields)) = (head.subject, event.as_object_mut()) {
        fields.insert("subject".into(), subject.into());
    }
    if let (1.., Some(fields)) = (head.revision, event.as_object_mut()) {
        fields.insert("revision".into(), head.revision.into());
    }
    out.events.push(event.to_string().into_bytes());
}

/// The ways to reach a customer that are known.
pub(super) fn customer(id: Option<String>, identities: &[(&str, Option<String>)]) -> Value {
    let identities: Vec<Value> = identities
        .iter()
        .filter_map(|(kind, value)| Some(json!({"kind": kind, "value": value.as_ref()?})))
        .collect();
    if id.is_none() && identities.is_empty() {
        return Value::Null;
    }
    let identities = if identities.is_empty() {
        Value::Null
    } else {
        identities.into()
    };
    object([("id", id.into()), ("identities", identities)])
}
