//! Call records of Tencent Cloud Contact Center: the push, and the pages of
//! `DescribeTelCdr`.
//!
//! A record is one `interaction.transcript.v1` with legs by `SessionId`, one
//! `ivr_step` per key pressed, a `transferred` for each agent that handed on,
//! and the answer to the key survey after the call. Times are seconds, those of
//! pressed keys milliseconds; zero means that it did not happen.
//!
//! The survey's keys have no fixed scale, so they are kept as the comment and
//! never as a score.

use serde_json::Value;

use super::Converted;
use super::amazon_ctr::leg;
use super::clock;
use super::draft::{Head, customer, object, push};
use super::node::Node;
use crate::contract::{EventType, Rejection};
use crate::domain::Micros;

/// Whether a document is a record or a page of records.
pub(super) fn is_cdr(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some_and(|field| !field.is_null());
    let page = value.get("Response").unwrap_or(value);
    page.get("TelCdrs").is_some_and(Value::is_array)
        || (has("SessionId")
            && has("Direction")
            && (value.get("Caller").is_some() || value.get("Callee").is_some()))
}

pub(super) fn convert(root: &Node<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let response = root.get("Response");
    let page = if response.is_there() {
        response
    } else {
        root.clone()
    };
    let records = page.get("TelCdrs");
    if !records.is_there() {
        return record(root, out);
    }
    for field in ["TotalCount", "RequestId"] {
        page.get(field).implied();
    }
    for item in records.items()? {
        let mut part = Converted::default();
        let outcome = record(&item, &mut part).map(|()| part);
        out.part(&item, outcome);
    }
    Ok(())
}

/// The times of a call.
struct Times {
    started: Micros,
    queued: Option<Micros>,
    rang: Option<Micros>,
    accepted: Option<Micros>,
    ended: Option<Micros>,
}

fn record(root: &Node<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let session = root.get("SessionId").need_word()?;
    let source = match root.get("SdkAppId").word()? {
        Some(app) => format!("/tencent-ccc/{app}"),
        None => "/tencent-ccc".to_owned(),
    };
    let times = Times {
        started: match root
            .any(&["StartTimestamp", "StartTimeStamp", "Time"])
            .time()?
        {
            Some(time) => time,
            None => root.get("StartTimestamp").need_time()?,
        },
        queued: root.get("QueuedTimestamp").time()?,
        rang: root.get("RingTimestamp").time()?,
        accepted: root.get("AcceptTimestamp").time()?,
        ended: root.get("EndedTimestamp").time()?,
    };
    for field in ["Duration", "IVRDuration", "IVRKeyPressed", "CallType"] {
        root.get(field).implied();
    }
    let head = |what: &str, time: Micros| Head {
        id: format!("cdr-{session}{what}"),
        source: &source,
        subject: Some(&session),
        time,
        revision: 0,
    };
    let data = transcript(root, &times)?;
    push(out, EventType::Transcript, head("", times.started), data);
    for (index, key) in root.get("IVRKeyPressedEx").items()?.iter().enumerate() {
        let (time, data) = pressed(key, &times)?;
        push(
            out,
            EventType::IvrStep,
            head(&format!("-ivr-{index}"), time),
            data,
        );
    }
    for (index, agent) in root.get("ServeParticipants").items()?.iter().enumerate() {
        let to = agent.get("TransferTo").word()?;
        let kind = agent.get("TransferToType").word()?;
        let (Some(to), Some(time)) = (to, agent.get("EndedTimestamp").time()?) else {
            continue;
        };
        let group = kind
            .as_deref()
            .is_some_and(|kind| kind.to_lowercase().contains("group"));
        let data = object([
            ("from_agent_id", agent_id(agent)?.into()),
            (if group { "to_queue" } else { "to_agent_id" }, to.into()),
            ("kind", if group { "queue" } else { "blind" }.into()),
        ]);
        push(
            out,
            EventType::Transferred,
            head(&format!("-transfer-{index}"), time),
            data,
        );
    }
    survey(root, &session, &source, &times, out)
}

fn transcript(root: &Node<'_>, times: &Times) -> Result<Value, Rejection> {
    let outbound = root.get("Direction").integer()? == Some(1);
    let number = |outer: &str, kept: &str| -> Result<(Option<String>, Option<String>), Rejection> {
        Ok((root.get(outer).word()?, root.get(kept).word()?))
    };
    let (phone, protected) = if outbound {
        root.get("Caller").implied();
        number("Callee", "ProtectedCallee")?
    } else {
        root.get("Callee").implied();
        number("Caller", "ProtectedCaller")?
    };
    let entry = match (outbound, times.queued) {
        (true, _) => "agent",
        (false, Some(queued)) if queued <= times.started => "queue",
        (false, _) => "ivr",
    };
    let status = status(root)?;
    let attributes = object([
        ("end_status", status.clone().into()),
        ("caller_location", root.get("CallerLocation").word()?.into()),
        ("uui", root.any(&["Uui", "UUI"]).word()?.into()),
        ("remark", root.get("Remark").word()?.into()),
    ]);
    let side = root.get("HungUpSide").word()?;
    let ended = times.ended.map(|time| {
        let (reason, by) = end(status.as_deref(), side.as_deref(), times, outbound);
        object([
            ("time", time.to_string().into()),
            ("reason", reason.into()),
            ("ended_by", by.into()),
        ])
    });
    Ok(object([
        ("channel", "call".into()),
        (
            "direction",
            if outbound { "outbound" } else { "inbound" }.into(),
        ),
        (
            "customer",
            customer(None, &[("phone", phone), ("account", protected)]),
        ),
        ("entry", entry.into()),
        ("attributes", attributes),
        ("legs", legs(root, times, outbound)?.into()),
        ("ended", ended.into()),
    ]))
}

/// `EndStatus` in words, for records that say it as a number only.
fn status(root: &Node<'_>) -> Result<Option<String>, Rejection> {
    let number = root.get("EndStatus").integer()?;
    if let Some(word) = root.get("EndStatusString").word()? {
        return Ok(Some(word));
    }
    let word = match number {
        Some(1) => "ok",
        Some(0) => "error",
        Some(102) => "ivrGiveUp",
        Some(103) => "waitingGiveUp",
        Some(104) => "ringingGiveUp",
        Some(105) => "noSeatOnline",
        Some(106) => "notWorkTime",
        Some(107) => "ivrEnd",
        Some(202) => "notAnswer",
        _ => return Ok(None),
    };
    Ok(Some(word.to_owned()))
}

/// The ends by which no conversation came about.
const FAILED: &[&str] = &[
    "error",
    "unconnected",
    "blackList",
    "noSeatOnline",
    "notWorkTime",
    "restrictedCallee",
    "restrictedArea",
    "restrictedTime",
    "tooManyRequest",
    "unknown",
    "userReject",
    "powerOff",
    "numberNotExist",
    "busy",
    "outOfCredit",
    "operatorError",
    "callerCancel",
    "notInService",
    "clientError",
    "carrierBlocked",
    "seatGiveUp",
];

fn end(
    status: Option<&str>,
    side: Option<&str>,
    times: &Times,
    outbound: bool,
) -> (&'static str, &'static str) {
    let by = match side {
        Some("user") => "customer",
        Some("seat") => "agent",
        _ => "system",
    };
    match status {
        Some("waitingGiveUp" | "ringingGiveUp" | "ivrGiveUp") => ("abandoned", "customer"),
        Some("notAnswer") => ("timed_out", "system"),
        Some(status) if FAILED.contains(&status) => ("failed", "system"),
        Some("ok" | "ivrEnd" | "seatForward") => ("completed", by),
        _ if times.accepted.is_none() && !outbound => ("abandoned", "customer"),
        _ => ("completed", by),
    }
}

/// How the vendor says that a wait ended without an agent.
fn outcome(status: Option<&str>) -> &'static str {
    match status {
        Some("noSeatOnline" | "notWorkTime" | "error" | "clientError") => "system",
        Some("ok" | "ivrEnd") => "flow_out",
        _ => "abandoned",
    }
}

fn legs(root: &Node<'_>, times: &Times, outbound: bool) -> Result<Vec<Value>, Rejection> {
    let mut legs = Vec::new();
    let group = root.any(&["QueuedSkillGroupName", "SkillGroup", "QueuedSkillGroupId"]);
    let queue = group.word()?;
    root.get("QueuedSkillGroupId").implied();
    let inbound = |time: Option<Micros>| time.filter(|_| !outbound);
    let flow_end = [times.queued, times.accepted, times.ended]
        .into_iter()
        .flatten()
        .min();
    if let Some(end) = inbound(flow_end)
        && end > times.started
    {
        legs.push(leg("ivr", times.started, end, []));
    }
    let agents = root.get("ServeParticipants").items()?;
    if let Some(queued) = inbound(times.queued)
        && let Some(left) = times
            .accepted
            .or(times.ended)
            .filter(|left| *left >= queued)
    {
        let status = status(root)?;
        let outcome = match times.accepted {
            Some(_) => "answered",
            None => outcome(status.as_deref()),
        };
        let fields = [("queue", queue.clone().into()), ("outcome", outcome.into())];
        legs.push(leg("queue", queued, left, fields));
    }
    for agent in &agents {
        legs.extend(agent_leg(agent, queue.as_ref())?);
    }
    if let (true, Some(accepted), Some(ended)) = (agents.is_empty(), times.accepted, times.ended) {
        let rang = times
            .rang
            .and_then(|rang| clock::between_ms(rang, accepted));
        let fields = [
            ("queue", queue.into()),
            ("agent_id", agent_id(&root.get("SeatUser"))?.into()),
            ("ring_ms", rang.into()),
        ];
        legs.push(leg("agent", accepted, ended.max(accepted), fields));
    }
    Ok(legs)
}

/// One agent's stay; who did not pick up has none.
fn agent_leg(agent: &Node<'_>, queue: Option<&String>) -> Result<Option<Value>, Rejection> {
    let group = agent.get("SkillGroupName").word()?;
    agent.get("SkillGroupId").implied();
    let id = agent_id(agent)?;
    let accepted = agent.get("AcceptTimestamp").time()?;
    let ended = agent.get("EndedTimestamp").time()?;
    let rang = agent.get("RingTimestamp").time()?;
    let (Some(accepted), Some(ended)) = (accepted, ended) else {
        return Ok(None);
    };
    let rang = rang.and_then(|rang| clock::between_ms(rang, accepted));
    let fields = [
        ("queue", group.or_else(|| queue.cloned()).into()),
        ("agent_id", id.into()),
        ("ring_ms", rang.into()),
    ];
    Ok(Some(leg("agent", accepted, ended.max(accepted), fields)))
}

/// The account that names an agent everywhere in these records.
fn agent_id(agent: &Node<'_>) -> Result<Option<String>, Rejection> {
    for field in ["Mail", "UserId", "StaffNumber", "StaffUserId", "Phone"] {
        if let Some(id) = agent.get(field).word()? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn pressed(key: &Node<'_>, times: &Times) -> Result<(Micros, Value), Rejection> {
    let time = key.get("Timestamp").time()?.unwrap_or(times.started);
    let label = key.get("Label").word()?;
    let node = key.get("NodeLabel").word()?.or_else(|| label.clone());
    let data = object([
        ("node", node.unwrap_or_else(|| "menu".into()).into()),
        ("action", "menu".into()),
        ("input", key.get("Key").word()?.into()),
        ("label", label.into()),
    ]);
    Ok((time, data))
}

fn survey(
    root: &Node<'_>,
    session: &str,
    source: &str,
    times: &Times,
    out: &mut Converted,
) -> Result<(), Rejection> {
    let mut said = Vec::new();
    for key in root
        .any(&["PostIVRKeyPressed", "PostIVRKeyPressedEx"])
        .items()?
    {
        let pressed = key.get("Key").word()?;
        if pressed.as_deref() == Some("noInput") {
            continue;
        }
        said.extend(pressed);
        said.extend(key.get("Label").word()?);
    }
    if said.is_empty() {
        return Ok(());
    }
    let id = format!("cdr-{session}-survey");
    let data = object([
        ("survey_id", id.clone().into()),
        ("interaction_id", session.into()),
        ("channel", "call".into()),
        ("about", "interaction".into()),
        ("comment", said.join(" ").into()),
    ]);
    let head = Head {
        id,
        source,
        subject: None,
        time: times.ended.unwrap_or(times.started),
        revision: 0,
    };
    push(out, EventType::SurveyAnswered, head, data);
    Ok(())
}
