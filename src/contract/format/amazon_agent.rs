//! The agent event stream of Amazon Connect.
//!
//! Every event, a heartbeat too, says the state that the agent is in: one
//! `agent.state_changed.v1` with the vendor's `EventId`.

use super::Converted;
use super::amazon::{id_of, source};
use super::draft::{Head, object, push};
use super::node::Node;
use crate::contract::{EventType, RejectCode, Rejection};

pub(super) fn convert(root: &Node<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let event = root.get("EventType").need_word()?;
    let known = ["STATE_CHANGE", "HEART_BEAT", "LOGIN", "LOGOUT"];
    if !known.contains(&event.as_str()) {
        let reason = format!("expected one of {}", known.join(", "));
        return Err(root
            .get("EventType")
            .refuse(RejectCode::InvalidValue, reason));
    }
    let id = root.get("EventId").need_word()?;
    let time = root.get("EventTimestamp").need_time()?;
    let agent_id = match id_of(&root.get("AgentARN"))? {
        Some(id) => id,
        None => root.get("AgentARN").need_word()?,
    };
    let now = root.get("CurrentAgentSnapshot");
    let state = if event == "LOGOUT" && !now.is_there() {
        "offline"
    } else {
        state(&now)?
    };
    let profile = now.at(&["Configuration", "RoutingProfile"]);
    let mut queues = Vec::new();
    for queue in profile.get("InboundQueues").items()? {
        queues.extend(queue.get("Name").word()?);
    }
    let mut capacity = None;
    for channel in profile.get("Concurrency").items()? {
        let slots = channel.get("MaximumSlots").integer()?;
        capacity = capacity.max(slots.and_then(|slots| i32::try_from(slots).ok()));
    }
    root.get("Version").implied();
    let data = object([
        ("agent_id", agent_id.into()),
        ("state", state.into()),
        ("queues", (!queues.is_empty()).then_some(queues).into()),
        ("capacity", capacity.into()),
    ]);
    let head = Head {
        id,
        source: &source(&root.get("InstanceARN"))?,
        subject: None,
        time,
        revision: 0,
    };
    push(out, EventType::AgentStateChanged, head, data);
    Ok(())
}

/// A contact in hand goes before the status that the agent has set.
fn state(now: &Node<'_>) -> Result<&'static str, Rejection> {
    let mut after_work = false;
    for contact in now.get("Contacts").items()? {
        match contact.get("State").word()?.as_deref() {
            Some("ENDED" | "REJECTED" | "ERROR" | "MISSED") => after_work = true,
            Some(_) => return Ok("on_interaction"),
            None => {}
        }
    }
    let status = now.get("AgentStatus");
    let kind = status.get("Type").word()?.unwrap_or_default();
    let name = status.get("Name").word()?.unwrap_or_default();
    let name = name.to_lowercase();
    Ok(
        if kind == "OFFLINE" || name == "offline" || name.is_empty() {
            "offline"
        } else if after_work {
            "wrap_up"
        } else if kind == "ROUTABLE" || name == "available" {
            "available"
        } else if ["train", "coach", "培训"]
            .iter()
            .any(|word| name.contains(word))
        {
            "training"
        } else {
            "break"
        },
    )
}
