//! Contact records of Amazon Connect (CTR), and the answers of `DescribeContact`,
//! which say the same under `Contact`.
//!
//! One record is one `interaction.transcript.v1` with legs, and a
//! `interaction.transferred.v1` when the contact went on. Records come at least
//! once and grow: `LastUpdateTimestamp` (seconds) is the revision, the greatest
//! holds. A transfer makes a new contact; `related` chains them.

use serde_json::{Value, json};

use super::amazon::{channel, direction_and_entry, end, id_of, related, source};
use super::draft::{Head, customer, instant, object, push};
use super::node::Node;
use super::{Converted, clock};
use crate::contract::{EventType, Rejection};
use crate::domain::Micros;

/// The times of a record that cut it into stays.
struct Times {
    initiated: Micros,
    connected: Option<Micros>,
    enqueued: Option<Micros>,
    dequeued: Option<Micros>,
    answered: Option<Micros>,
    ended: Option<Micros>,
}

pub(super) fn convert(root: &Node<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let described = root.get("Contact");
    let root = if described.is_there() {
        &described
    } else {
        root
    };
    let contact = match root.get("ContactId").word()? {
        None if described.is_there() => root.get("Id").need_word()?,
        Some(id) => id,
        None => root.get("ContactId").need_word()?,
    };
    let source = source(&root.any(&["InstanceARN", "InstanceArn"]))?;
    let times = times(root)?;
    let agent_id = agent(root)?;
    let updated = root.get("LastUpdateTimestamp").time()?;
    let revision = updated.map_or(0, clock::as_revision);
    let data = transcript(root, &times, agent_id.as_deref())?;
    root.get("AWSContactTraceRecordFormatVersion").implied();
    let head = Head {
        id: format!("ctr-{contact}"),
        source: &source,
        subject: Some(&contact),
        time: times.initiated,
        revision,
    };
    push(out, EventType::Transcript, head, data);
    let gone = root.get("TransferCompletedTimestamp").time()?;
    let next = root.get("NextContactId").word()?;
    let kind = match (gone, next, times.answered) {
        (Some(_), ..) => "external",
        (None, Some(_), Some(_)) => "blind",
        (None, Some(_), None) => "queue",
        (None, None, _) => return Ok(()),
    };
    let head = Head {
        id: format!("ctr-{contact}-next"),
        source: &source,
        subject: Some(&contact),
        time: gone.or(times.ended).unwrap_or(times.initiated),
        revision,
    };
    let data = object([("from_agent_id", agent_id.into()), ("kind", kind.into())]);
    push(out, EventType::Transferred, head, data);
    Ok(())
}

fn times(root: &Node<'_>) -> Result<Times, Rejection> {
    let connected = root.get("ConnectedToSystemTimestamp").time()?;
    let initiated = match (root.get("InitiationTimestamp").time()?, connected) {
        (Some(time), _) | (None, Some(time)) => time,
        (None, None) => root.get("InitiationTimestamp").need_time()?,
    };
    let queue = root.any(&["Queue", "QueueInfo"]);
    root.at(&["Queue", "Duration"]).implied();
    Ok(Times {
        initiated,
        connected,
        enqueued: queue.get("EnqueueTimestamp").time()?,
        dequeued: queue.get("DequeueTimestamp").time()?,
        answered: root
            .any(&["Agent", "AgentInfo"])
            .get("ConnectedToAgentTimestamp")
            .time()?,
        ended: root.get("DisconnectTimestamp").time()?,
    })
}

fn agent(root: &Node<'_>) -> Result<Option<String>, Rejection> {
    let agent = root.any(&["Agent", "AgentInfo"]);
    match id_of(&agent.any(&["ARN", "Arn"]))? {
        Some(id) => Ok(Some(id)),
        None => match agent.get("Id").word()? {
            Some(id) => Ok(Some(id)),
            None => agent.get("Username").word(),
        },
    }
}

fn queue_name(root: &Node<'_>) -> Result<Option<String>, Rejection> {
    let queue = root.any(&["Queue", "QueueInfo"]);
    let id = id_of(&queue.any(&["ARN", "Arn", "Id"]))?;
    Ok(queue.get("Name").word()?.or(id))
}

fn transcript(root: &Node<'_>, times: &Times, agent_id: Option<&str>) -> Result<Value, Rejection> {
    let method = root.get("InitiationMethod").word()?;
    let (direction, entry) = direction_and_entry(method.as_deref());
    let initial = root.get("InitialContactId").word()?;
    let previous = root
        .any(&["PreviousContactId", "RelatedContactId"])
        .word()?;
    let related = related(initial, previous, method);
    let reason = root.get("DisconnectReason").text()?;
    let ended = times.ended.map(|time| {
        let answered = times.answered.is_some();
        let (reason, ended_by) = end(reason, answered, times.enqueued.is_some());
        json!({"time": time.to_string(), "reason": reason, "ended_by": ended_by})
    });
    let attributes = root.get("Attributes").map()?;
    Ok(object([
        ("channel", channel(root.get("Channel").text()?).into()),
        ("direction", direction.into()),
        ("customer", endpoint(root)?),
        ("entry", entry.into()),
        ("language", language(root)?.into()),
        ("related", related.into()),
        ("attributes", attributes.into()),
        ("legs", legs(root, times, agent_id)?.into()),
        ("ended", ended.into()),
    ]))
}

fn language(root: &Node<'_>) -> Result<Option<String>, Rejection> {
    root.get("LanguageCode").word()
}

/// The customer's side of the line.
pub(super) fn endpoint(root: &Node<'_>) -> Result<Value, Rejection> {
    let endpoint = root.get("CustomerEndpoint");
    let kind = endpoint.get("Type").word()?.unwrap_or_default();
    let address = endpoint.get("Address").word()?;
    let id = root.get("CustomerId").word()?;
    let kind = match kind.as_str() {
        "EMAIL_ADDRESS" => "email",
        "TELEPHONE_NUMBER" | "" => "phone",
        _ => "account",
    };
    Ok(customer(id, &[(kind, address)]))
}

fn legs(root: &Node<'_>, times: &Times, agent_id: Option<&str>) -> Result<Vec<Value>, Rejection> {
    let mut legs = Vec::new();
    let queue = queue_name(root)?;
    let agent = root.any(&["Agent", "AgentInfo"]);
    let flow_start = times.connected.unwrap_or(times.initiated);
    let flow_end = times.enqueued.or(times.answered).or(times.ended);
    if let Some(flow_end) = flow_end.filter(|end| *end > flow_start) {
        legs.push(leg("ivr", flow_start, flow_end, []));
    }
    if let Some(enqueued) = times.enqueued {
        let left = times.dequeued.or(times.answered).or(times.ended);
        let outcome = match (times.answered, &root.get("NextContactId").word()?) {
            (Some(_), _) => "answered",
            (None, Some(_)) => "flow_out",
            (None, None) => "abandoned",
        };
        if let Some(left) = left.filter(|left| *left >= enqueued) {
            let fields = [("queue", queue.clone().into()), ("outcome", outcome.into())];
            legs.push(leg("queue", enqueued, left, fields));
        }
    }
    let hold_ms = agent.get("CustomerHoldDuration").duration_ms(1000.0)?;
    let talk_ms = agent.get("AgentInteractionDuration").duration_ms(1000.0)?;
    let work_ms = wrap_up_ms(&agent)?;
    if let Some(answered) = times.answered {
        let stay = i64::from(talk_ms.unwrap_or(0)) + i64::from(hold_ms.unwrap_or(0));
        let counted = talk_ms.map(|_| Micros(answered.0 + stay * 1000));
        let left = counted.or(times.ended).filter(|left| *left >= answered);
        let fields = [
            ("queue", queue.into()),
            ("agent_id", agent_id.into()),
            ("hold_ms", hold_ms.into()),
            ("wrap_up_ms", work_ms.into()),
        ];
        legs.push(leg("agent", answered, left.unwrap_or(answered), fields));
    }
    Ok(legs)
}

/// Work after the contact: as counted by the vendor, else between its times.
fn wrap_up_ms(agent: &Node<'_>) -> Result<Option<u32>, Rejection> {
    let counted = agent.get("AfterContactWorkDuration").duration_ms(1000.0)?;
    let start = agent.get("AfterContactWorkStartTimestamp").time()?;
    let end = agent.get("AfterContactWorkEndTimestamp").time()?;
    Ok(counted.or_else(|| clock::between_ms(start?, end?)))
}

/// One stay.
pub(super) fn leg<const N: usize>(
    handler: &str,
    start: Micros,
    end: Micros,
    fields: [(&str, Value); N],
) -> Value {
    let mut leg = object([
        ("handler", handler.into()),
        ("started_at", instant(start)),
        ("ended_at", instant(end)),
    ]);
    if let Some(known) = leg.as_object_mut() {
        let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
        known.extend(fields.map(|(key, value)| (key.to_owned(), value)));
    }
    leg
}
