//! Contact events of Amazon Connect, bare or in their EventBridge envelope.
//!
//! They are best effort and unordered; the contact record corrects them. Each
//! one also tells the start of its contact (and an answer its queueing): those
//! events have ids of their own, so that whichever comes first counts and the
//! others are repeats.

use serde_json::Value;

use super::amazon::{channel, direction_and_entry, end, id_of, related, source};
use super::amazon_ctr::endpoint;
use super::draft::{Head, object, push};
use super::node::Node;
use super::{Converted, clock};
use crate::contract::{EventType, Rejection};
use crate::domain::Micros;

/// Whether a document is one, by its own fields or those of its envelope.
pub(super) fn is_event(value: &Value) -> bool {
    let detail = value.get("detail").unwrap_or(value);
    let has = |key: &str| detail.get(key).is_some_and(|field| !field.is_null());
    value.get("detail-type").and_then(Value::as_str) == Some("Amazon Connect Contact Event")
        || (has("contactId") && has("eventType"))
}

/// A contact and what is told of it.
struct Contact<'a> {
    detail: Node<'a>,
    id: String,
    source: String,
    /// When the envelope was written.
    written: Option<Micros>,
}

impl Contact<'_> {
    fn push(
        &self,
        out: &mut Converted,
        event_type: EventType,
        what: &str,
        time: Micros,
        data: Value,
    ) {
        let id = match event_type {
            EventType::Started => format!("contact-{}-{what}", self.id),
            _ => format!("contact-{}-{what}-{}", self.id, clock::as_millis(time)),
        };
        let head = Head {
            id,
            source: &self.source,
            subject: Some(&self.id),
            time,
            revision: 0,
        };
        push(out, event_type, head, data);
    }

    /// The time in `node`, else that of the envelope.
    fn time(&self, node: &Node<'_>) -> Result<Micros, Rejection> {
        match node.time()?.or(self.written) {
            Some(time) => Ok(time),
            None => node.need_time(),
        }
    }
}

pub(super) fn convert(root: &Node<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let enveloped = root.get("detail-type").is_there();
    let detail = if enveloped {
        root.get("detail")
    } else {
        root.clone()
    };
    detail.need_object()?;
    for field in ["version", "id", "detail-type", "source"] {
        root.get(field).implied();
    }
    let contact = Contact {
        id: detail.get("contactId").need_word()?,
        source: source(&detail.get("instanceArn"))?,
        written: if enveloped {
            root.get("time").time()?
        } else {
            None
        },
        detail,
    };
    let kind = contact.detail.get("eventType").need_word()?;
    let queue_info = contact.detail.any(&["queueInfo", "QueueInfo"]);
    let agent_info = contact.detail.any(&["agentInfo", "AgentInfo"]);
    let enqueued = queue_info.get("enqueueTimestamp");
    let answered = agent_info.get("connectedToAgentTimestamp");
    let queue = id_of(&queue_info.any(&["queueArn", "QueueArn"]))?;
    let agent_id = id_of(&agent_info.any(&["agentArn", "AgentArn"]))?;
    let was_answered = answered.time()?.is_some() || agent_id.is_some();
    let was_queued = enqueued.time()?.is_some();
    started(&contact, out)?;
    match kind.as_str() {
        "INITIATED" | "CONNECTED_TO_SYSTEM" => {}
        "QUEUED" => queued(&contact, &enqueued, queue.as_deref(), out)?,
        "CONNECTED_TO_AGENT" => {
            if was_queued {
                queued(&contact, &enqueued, queue.as_deref(), out)?;
            }
            let time = contact.time(&answered)?;
            let data = object([("agent_id", agent_id.into()), ("queue", queue.into())]);
            contact.push(out, EventType::Answered, "answered", time, data);
        }
        "DISCONNECTED" => {
            let time = contact.time(&contact.detail.get("disconnectTimestamp"))?;
            let why = contact.detail.get("disconnectReason").text()?;
            let (reason, ended_by) = end(why, was_answered, was_queued);
            let data = object([("reason", reason.into()), ("ended_by", ended_by.into())]);
            contact.push(out, EventType::Ended, "ended", time, data);
        }
        _ => out.leave_out(format!("contact event {}", word(&kind))),
    }
    Ok(())
}

/// The vendor's word when it looks like one.
pub(super) fn word(kind: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphabetic() || "_-. ".contains(c);
    if kind.len() <= 48 && kind.chars().all(plain) {
        kind
    } else {
        "of another kind"
    }
}

fn started(contact: &Contact<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let detail = &contact.detail;
    let method = detail.get("initiationMethod").word()?;
    let connected = detail.get("connectedToSystemTimestamp").time()?;
    let Some(time) = detail.get("initiationTimestamp").time()?.or(connected) else {
        return Ok(());
    };
    let (direction, entry) = direction_and_entry(method.as_deref());
    let initial = detail.get("initialContactId").word()?;
    let previous = detail
        .any(&["previousContactId", "relatedContactId"])
        .word()?;
    let related = related(initial, previous, method);
    let data = object([
        ("channel", channel(detail.get("channel").text()?).into()),
        ("direction", direction.into()),
        ("customer", endpoint(detail)?),
        ("entry", entry.into()),
        ("related", related.into()),
        ("attributes", detail.get("contactAttributes").map()?.into()),
    ]);
    contact.push(out, EventType::Started, "started", time, data);
    Ok(())
}

fn queued(
    contact: &Contact<'_>,
    enqueued: &Node<'_>,
    queue: Option<&str>,
    out: &mut Converted,
) -> Result<(), Rejection> {
    let time = contact.time(enqueued)?;
    let data = object([("queue", queue.unwrap_or("unknown").into())]);
    contact.push(out, EventType::Queued, "queued", time, data);
    Ok(())
}
