//! WeChat customer service (微信客服): pages of `sync_msg`, single messages of
//! them, and the operator's own log of what was sent (`send_msg` with a time)
//! and of the service states that were set (`service_state/trans` with a time).
//!
//! Messages sent through the interface do not come back in `sync_msg`, so the
//! log is where the bot's words come from; both name messages by `msgid`, so
//! what is in both is one turn.
//!
//! Invariants: each message is converted alone; a wrong one is refused and the
//! rest of its page is not. Within a page the start of an interaction is told
//! once, by its earliest message.

use std::collections::BTreeMap;

use serde_json::Value;

use super::amazon_event::word;
use super::clock;
use super::draft::{Head, object, push};
use super::node::Node;
use super::wechat::Session;
use super::{Context, Converted};
use crate::contract::{EventType, RejectCode, Rejection};
use crate::domain::Micros;

pub(super) fn convert(
    root: &Node<'_>,
    context: &Context<'_>,
    out: &mut Converted,
) -> Result<(), Rejection> {
    let page = root.get("msg_list");
    if root.value().get("msg_list").is_none() {
        return single(root, context, true, out);
    }
    if root.get("errcode").integer()?.unwrap_or(0) != 0 {
        let reason = "expected 0: the interface answered with an error";
        return Err(root.get("errcode").refuse(RejectCode::InvalidValue, reason));
    }
    for field in ["errmsg", "next_cursor", "has_more"] {
        root.get(field).implied();
    }
    let messages = page.items()?;
    let mut first: BTreeMap<String, (Micros, usize)> = BTreeMap::new();
    for (index, message) in messages.iter().enumerate() {
        if let Ok(Some((session, time))) = tells_start(message) {
            let known = first.entry(session.id).or_insert((time, index));
            *known = (*known).min((time, index));
        }
    }
    let tellers: Vec<usize> = first.into_values().map(|(_, index)| index).collect();
    for (index, message) in messages.iter().enumerate() {
        let mut part = Converted::default();
        let outcome = single(message, context, tellers.contains(&index), &mut part);
        out.part(message, outcome.map(|()| part));
    }
    Ok(())
}

/// The session whose start this message tells: the customer came in or wrote.
fn tells_start(message: &Node<'_>) -> Result<Option<(Session, Micros)>, Rejection> {
    let event = message.get("event");
    let wrote = message.get("origin").integer()? == Some(3);
    let entered = event.get("event_type").word()?.as_deref() == Some("enter_session");
    if !wrote && !entered {
        return Ok(None);
    }
    let time = message.get("send_time").need_time()?;
    let owner = if entered { &event } else { message };
    Ok(Some((
        session(message, owner, "external_userid", time)?,
        time,
    )))
}

/// The session by the ids in `owner`; events carry them inside.
fn session(
    message: &Node<'_>,
    owner: &Node<'_>,
    field: &str,
    time: Micros,
) -> Result<Session, Rejection> {
    let account = match owner.get("open_kfid").word()? {
        Some(account) => account,
        None => message.get("open_kfid").need_word()?,
    };
    message.get("open_kfid").implied();
    let customer = match owner.get(field).word()? {
        Some(customer) => customer,
        None => message.get(field).need_word()?,
    };
    let kind = ("wechat_external_userid", customer.as_str());
    let source = format!("/wechat-kf/{account}");
    Ok(Session::new("wxkf", source, &account, kind, time))
}

fn single(
    message: &Node<'_>,
    context: &Context<'_>,
    starts: bool,
    out: &mut Converted,
) -> Result<(), Rejection> {
    if message.get("service_state").is_there() {
        return state(message, context, out);
    }
    if message.get("touser").is_there() {
        return sent(message, context, out);
    }
    let time = message.get("send_time").need_time()?;
    let kind = message.get("msgtype").need_word()?;
    if kind == "event" {
        return event(message, time, starts, out);
    }
    let id = message.get("msgid").need_word()?;
    let session = session(message, message, "external_userid", time)?;
    let origin = message.get("origin").integer()?;
    let agent = message.get("servicer_userid").word()?;
    let speaker = match origin {
        Some(3) => object([("role", "customer".into())]),
        Some(5) => object([("role", "agent".into()), ("id", agent.into())]),
        Some(4) => object([("role", "system".into())]),
        _ => {
            let reason = "expected 3 (customer), 4 (system) or 5 (agent)";
            return Err(message
                .get("origin")
                .refuse(RejectCode::InvalidValue, reason));
        }
    };
    if origin == Some(3) && starts {
        session.start(time, Value::Null, out);
    }
    turn(&session, id, time, speaker, content(message, &kind)?, out);
    Ok(())
}

fn turn(
    session: &Session,
    id: String,
    time: Micros,
    speaker: Value,
    (text, content_type): (String, &str),
    out: &mut Converted,
) {
    let data = object([
        ("turn_id", id.clone().into()),
        ("speaker", speaker),
        ("text", text.into()),
        ("content_type", content_type.into()),
    ]);
    push(out, EventType::Turn, session.head(id, time), data);
}

/// The words of a message, and what it carries.
fn content(message: &Node<'_>, kind: &str) -> Result<(String, &'static str), Rejection> {
    let body = message.get(kind);
    let words = |fields: &[&str]| -> Result<String, Rejection> {
        let mut words = Vec::new();
        for field in fields {
            words.extend(body.get(field).text()?);
        }
        Ok(words.join("\n"))
    };
    Ok(match kind {
        "text" => {
            let content = body.get("content");
            match content.text()? {
                Some(text) => (text.to_owned(), "text"),
                None => (content.need_word()?, "text"),
            }
        }
        "image" => (String::new(), "image"),
        "voice" => (String::new(), "voice"),
        "file" => (String::new(), "file"),
        "location" => (words(&["name", "address"])?, "other"),
        "link" => (words(&["title", "desc", "url"])?, "other"),
        "miniprogram" => (words(&["title"])?, "other"),
        "msgmenu" => (menu(&body)?, "menu"),
        "channels_shop_product" => (words(&["title", "sales_price"])?, "other"),
        "channels" => (words(&["title", "nickname"])?, "other"),
        "note" | "merged_msg" => (words(&["title"])?, "other"),
        _ => (String::new(), "other"),
    })
}

fn menu(body: &Node<'_>) -> Result<String, Rejection> {
    let mut lines = Vec::new();
    lines.extend(body.get("head_content").text()?);
    for item in body.get("list").items()? {
        for kind in ["click", "view", "miniprogram", "text"] {
            lines.extend(item.get(kind).get("content").text()?);
        }
    }
    lines.extend(body.get("tail_content").text()?);
    Ok(lines.join("\n"))
}

/// The time of a log line, which the interface itself does not define.
fn logged_time(line: &Node<'_>, context: &Context<'_>) -> Result<Micros, Rejection> {
    let told = line.any(&["send_time", "time", "timestamp", "create_time"]);
    match told.time()?.or(context.at) {
        Some(time) => Ok(time),
        None => line.get("send_time").need_time(),
    }
}

/// A message that was sent through the interface: by the bot, or by an agent
/// when the log names one.
fn sent(line: &Node<'_>, context: &Context<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let time = logged_time(line, context)?;
    let kind = line.get("msgtype").need_word()?;
    let id = line.get("msgid").need_word()?;
    let session = session(line, line, "touser", time)?;
    let agent = line.get("servicer_userid").word()?;
    let role = if agent.is_some() { "agent" } else { "bot" };
    let speaker = object([("role", role.into()), ("id", agent.into())]);
    turn(&session, id, time, speaker, content(line, &kind)?, out);
    Ok(())
}

/// A service state that was set: 0 new, 1 bot, 2 waiting, 3 with an agent, 4 ended.
fn state(line: &Node<'_>, context: &Context<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let time = logged_time(line, context)?;
    let session = session(line, line, "external_userid", time)?;
    let queue = line.get("open_kfid").word()?;
    let node = line.get("service_state");
    let state = node.integer()?.unwrap_or(-1);
    let before = line.any(&["old_service_state", "from_state"]).integer()?;
    let agent = line.get("servicer_userid").word()?;
    let from = line.get("old_servicer_userid").word()?;
    let head = |what: &str| {
        let seconds = clock::as_seconds(time);
        session.head(
            format!("state-{}-{state}-{seconds}{what}", session.id),
            time,
        )
    };
    match state {
        0 | 1 => session.start(time, Value::Null, out),
        2 => {
            let data = object([("queue", queue.into())]);
            push(out, EventType::Queued, head(""), data);
        }
        3 => {
            if let Some(from) = from.filter(|from| Some(from) != agent.as_ref()) {
                let data = object([
                    ("from_agent_id", from.into()),
                    ("to_agent_id", agent.clone().into()),
                    ("kind", "blind".into()),
                ]);
                push(out, EventType::Transferred, head("-transferred"), data);
            }
            let data = object([("agent_id", agent.into()), ("queue", queue.into())]);
            push(out, EventType::Answered, head(""), data);
        }
        4 => {
            let (reason, by) = match before {
                Some(2) => ("abandoned", "customer"),
                _ if from.is_some() || before == Some(3) => ("completed", "agent"),
                _ => ("completed", "system"),
            };
            let data = object([("reason", reason.into()), ("ended_by", by.into())]);
            push(out, EventType::Ended, head(""), data);
        }
        _ => {
            let reason = "expected a service state from 0 to 4";
            return Err(node.refuse(RejectCode::InvalidValue, reason));
        }
    }
    Ok(())
}

fn event(
    message: &Node<'_>,
    time: Micros,
    starts: bool,
    out: &mut Converted,
) -> Result<(), Rejection> {
    let event = message.get("event");
    event.need_object()?;
    let kind = event.get("event_type").need_word()?;
    let id = message.get("msgid").word()?;
    let id = match id {
        Some(id) => id,
        None => message.get("msgid").need_word()?,
    };
    message.get("origin").implied();
    let owner = || session(message, &event, "external_userid", time);
    match kind.as_str() {
        "enter_session" if !starts => {
            event.implied();
            out.leave_out("later enter_session of the page");
        }
        "enter_session" => owner()?.start(time, entered(&event)?, out),
        "session_status_change" => changed(&owner()?, &event, id, time, out)?,
        "user_recall_msg" | "servicer_recall_msg" => {
            let session = owner()?;
            let turn = event.get("recall_msgid").need_word()?;
            event.get("servicer_userid").implied();
            recall(&session, &turn, id, time, out);
        }
        "servicer_status_change" => servicer(message, &event, id, time, out)?,
        _ => out.leave_out(format!("event {}", word(&kind))),
    }
    Ok(())
}

/// Where the customer came from; the welcome code is good for a few seconds
/// only and is not kept.
fn entered(event: &Node<'_>) -> Result<Value, Rejection> {
    let channels = event.get("wechat_channels");
    let attributes = object([
        ("scene", event.get("scene").word()?.into()),
        ("scene_param", event.get("scene_param").word()?.into()),
        (
            "wechat_channels_scene",
            channels.get("scene").word()?.into(),
        ),
    ]);
    let empty = attributes
        .as_object()
        .is_some_and(serde_json::Map::is_empty);
    Ok(if empty { Value::Null } else { attributes })
}

fn recall(session: &Session, turn: &str, id: String, time: Micros, out: &mut Converted) {
    let data = || object([("turn_id", turn.into())]);
    if let Some(before) = session.before(time) {
        let mut head = session.head(format!("{id}-before"), time);
        head.subject = Some(&before);
        push(out, EventType::TurnRecalled, head, data());
    }
    push(out, EventType::TurnRecalled, session.head(id, time), data());
}

/// 1 taken from the pool, 2 handed on, 3 ended, 4 taken up again.
fn changed(
    session: &Session,
    event: &Node<'_>,
    id: String,
    time: Micros,
    out: &mut Converted,
) -> Result<(), Rejection> {
    let from = event.get("old_servicer_userid").word()?;
    let to = event.get("new_servicer_userid").word()?;
    let queue = event.get("open_kfid").word()?;
    let node = event.get("change_type");
    let answered =
        |to: Option<String>| object([("agent_id", to.into()), ("queue", queue.clone().into())]);
    match node.integer()? {
        Some(1) => push(
            out,
            EventType::Answered,
            session.head(id, time),
            answered(to),
        ),
        Some(kind @ (2 | 4)) => {
            let moved = kind == 2 || from.as_ref().is_some_and(|from| Some(from) != to.as_ref());
            let answer_id = if moved {
                format!("{id}-answered")
            } else {
                id.clone()
            };
            if moved {
                let data = object([
                    ("from_agent_id", from.into()),
                    ("to_agent_id", to.clone().into()),
                    ("kind", "blind".into()),
                ]);
                push(out, EventType::Transferred, session.head(id, time), data);
            }
            push(
                out,
                EventType::Answered,
                session.head(answer_id, time),
                answered(to),
            );
        }
        Some(3) => {
            // Without an agent it ended while it waited.
            let (reason, by) = match from {
                Some(_) => ("completed", "agent"),
                None => ("abandoned", "customer"),
            };
            let data = object([("reason", reason.into()), ("ended_by", by.into())]);
            push(out, EventType::Ended, session.head(id, time), data);
        }
        _ => {
            let reason = "expected a change_type from 1 to 4";
            return Err(node.refuse(RejectCode::InvalidValue, reason));
        }
    }
    Ok(())
}

/// An agent took up or stopped service; `stop_type` 1 is a pause.
fn servicer(
    message: &Node<'_>,
    event: &Node<'_>,
    id: String,
    time: Micros,
    out: &mut Converted,
) -> Result<(), Rejection> {
    let account = match event.get("open_kfid").word()? {
        Some(account) => account,
        None => message.get("open_kfid").need_word()?,
    };
    let agent_id = event.get("servicer_userid").need_word()?;
    let node = event.get("status");
    let state = match (node.integer()?, event.get("stop_type").integer()?) {
        (Some(1), _) => "available",
        (Some(2), Some(1)) => "break",
        (Some(2), _) => "offline",
        _ => {
            let reason = "expected 1 (in service) or 2 (stopped)";
            return Err(node.refuse(RejectCode::InvalidValue, reason));
        }
    };
    let head = Head {
        id,
        source: &format!("/wechat-kf/{account}"),
        subject: None,
        time,
        revision: 0,
    };
    let data = object([
        ("agent_id", agent_id.into()),
        ("state", state.into()),
        ("queues", vec![account.clone()].into()),
    ]);
    push(out, EventType::AgentStateChanged, head, data);
    Ok(())
}
