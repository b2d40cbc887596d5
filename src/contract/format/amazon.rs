//! What the formats of Amazon Connect have in common.
//!
//! Invariants: an interaction is a contact, by its contact id as it is; an agent
//! and a queue without a name are the last part of their ARN, because events
//! know nothing else.

use serde_json::Value;

use super::draft::object;
use super::node::Node;
use crate::contract::Rejection;

/// The last part of an ARN: the id of what it names.
pub(super) fn tail(arn: &str) -> &str {
    arn.rsplit(['/', ':'])
        .find(|part| !part.is_empty())
        .unwrap_or(arn)
}

/// The id at the end of the ARN in `node`.
pub(super) fn id_of(node: &Node<'_>) -> Result<Option<String>, Rejection> {
    Ok(node.word()?.map(|arn| tail(&arn).to_owned()))
}

/// CloudEvents `source` of an instance, by its ARN or id.
pub(super) fn source(instance: &Node<'_>) -> Result<String, Rejection> {
    Ok(match instance.word()? {
        Some(arn) => format!("/amazon-connect/{}", tail(&arn)),
        None => "/amazon-connect".to_owned(),
    })
}

/// The channel of the contract for Amazon's.
pub(super) fn channel(name: Option<&str>) -> &'static str {
    let name = name.unwrap_or_default().to_ascii_uppercase();
    match name.as_str() {
        "CHAT" => "chat",
        "TASK" => "ticket",
        "EMAIL" => "email",
        "VIDEO" => "video",
        _ => "call",
    }
}

/// Who began a contact and where the customer came in, by `InitiationMethod`.
pub(super) fn direction_and_entry(method: Option<&str>) -> (&'static str, &'static str) {
    match method.unwrap_or_default().to_ascii_uppercase().as_str() {
        "OUTBOUND" | "EXTERNAL_OUTBOUND" | "AGENT_REPLY" => ("outbound", "agent"),
        "CALLBACK" => ("outbound", "queue"),
        "TRANSFER" | "QUEUE_TRANSFER" => ("inbound", "queue"),
        "MONITOR" | "DISCONNECT" => ("inbound", "agent"),
        _ => ("inbound", "ivr"),
    }
}

/// What a contact follows from, if anything.
pub(super) fn related(
    initial: Option<String>,
    previous: Option<String>,
    reason: Option<String>,
) -> Option<Value> {
    (initial.is_some() || previous.is_some()).then(|| {
        object([
            ("initial_id", initial.into()),
            ("previous_id", previous.into()),
            ("reason", reason.into()),
        ])
    })
}

/// Why and by whom a contact ended, by `DisconnectReason` (often absent).
pub(super) fn end(
    reason: Option<&str>,
    answered: bool,
    queued: bool,
) -> (&'static str, &'static str) {
    let reason = reason.unwrap_or_default().to_ascii_uppercase();
    let untold = if answered || !queued {
        ("completed", "system")
    } else {
        ("abandoned", "customer")
    };
    match reason.as_str() {
        "AGENT_DISCONNECT" | "AGENT_COMPLETED" | "AGENT_DELETED" => ("completed", "agent"),
        "TELECOM_PROBLEM"
        | "AGENT_NETWORK_DISCONNECT"
        | "CUSTOMER_NETWORK_DISCONNECT"
        | "CUSTOMER_CONNECTION_NOT_ESTABLISHED"
        | "OUTBOUND_DESTINATION_ENDPOINT_ERROR"
        | "OUTBOUND_RESOURCE_ERROR"
        | "OUTBOUND_ATTEMPT_FAILED"
        | "OUTBOUND_PREVIEW_DISCARDED" => ("failed", "system"),
        "EXPIRED" | "IDLE_DISCONNECT" => ("timed_out", "system"),
        "CONTACT_FLOW_DISCONNECT" | "API" | "BARGED" | "THIRD_PARTY_DISCONNECT" | "OTHER" => {
            ("completed", "system")
        }
        "CUSTOMER_DISCONNECT" if untold.0 == "completed" => ("completed", "customer"),
        _ => untold,
    }
}

/// The role of a participant.
pub(super) fn role(name: &str) -> &'static str {
    match name.to_ascii_uppercase().as_str() {
        "CUSTOMER" => "customer",
        "AGENT" | "SUPERVISOR" => "agent",
        "CUSTOM_BOT" | "BOT" => "bot",
        _ => "system",
    }
}

/// What a chat message carries, by its MIME type.
pub(super) fn content_type(mime: Option<&str>) -> &'static str {
    let mime = mime.unwrap_or("text/plain");
    if mime.starts_with("text/") {
        "text"
    } else if mime.contains("interactive") {
        "menu"
    } else {
        "other"
    }
}

/// What the first attachment of `node` is: its MIME type, never its name.
pub(super) fn attachment_type(node: &Node<'_>) -> Result<&'static str, Rejection> {
    let items = node.items()?;
    let mime = match items.first() {
        Some(item) => item.get("ContentType").text()?.unwrap_or_default(),
        None => "",
    };
    Ok(match mime.split('/').next() {
        Some("image") => "image",
        Some("audio") => "voice",
        _ => "file",
    })
}

/// The mean of the numbers in a list, to one thousandth; `null` items don't count.
pub(super) fn mean(node: &Node<'_>) -> Result<Option<f64>, Rejection> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for item in node.items()? {
        if let Some(number) = item.maybe_number() {
            sum += number;
            count += 1;
        }
    }
    Ok((count > 0).then(|| (sum / f64::from(count) * 1000.0).round() / 1000.0))
}
