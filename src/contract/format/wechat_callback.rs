//! Callback XML of WeChat: messages to official accounts and WeCom apps, the
//! session events of the older customer service, and the nudge of WeChat
//! customer service.
//!
//! A message is a turn of the customer; `kf_create_session`,
//! `kf_switch_session` and `kf_close_session` are answer, transfer and end.
//! Other events (followed, menu clicked, contact changed, …) are no part of a
//! conversation and are left out by name. An encrypted envelope is refused: the
//! key is the receiver's and has no business here.

use serde_json::Value;

use super::Converted;
use super::amazon_event::word;
use super::clock;
use super::draft::{object, push};
use super::node::Node;
use super::wechat::Session;
use crate::contract::{EventType, RejectCode, Rejection};
use crate::domain::Micros;

pub(super) fn convert(root: &Node<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let envelope = root.get("Encrypt");
    if envelope.is_there() {
        let reason = "the envelope is encrypted: decrypt it where the callback is received (EncodingAESKey) and import the message inside";
        return Err(envelope.refuse(RejectCode::InvalidValue, reason));
    }
    let kind = root.get("MsgType").need_word()?;
    let event = root.get("Event").word()?;
    if let ("event" | "device_event", Some(event)) = (kind.as_str(), event.as_deref())
        && !event.starts_with("kf_") | (event == "kf_msg_or_event")
    {
        out.leave_out(format!("event {}", word(event)));
        return Ok(());
    }
    if kind.starts_with("device_") {
        out.leave_out("message of a device");
        return Ok(());
    }
    let time = root.get("CreateTime").need_time()?;
    let account = root.get("ToUserName").need_word()?;
    let sender = root.get("FromUserName").need_word()?;
    // A WeCom app hears members of the company, known by their account.
    let known_by = if root.get("AgentID").is_there() {
        "account"
    } else {
        "wechat_openid"
    };
    root.get("AgentID").implied();
    let source = format!("/wechat/{account}");
    let session = Session::new("wx", source, &account, (known_by, &sender), time);
    if kind == "event" {
        return service(root, &session, &root.get("Event").need_word()?, time, out);
    }
    let id = root.get("MsgId").need_word()?;
    session.start(time, Value::Null, out);
    let (text, content_type) = content(root, &kind)?;
    // Ids of messages are unique for one kind of message.
    let turn_id = format!("{}-{id}", word(&kind));
    let data = object([
        ("turn_id", turn_id.clone().into()),
        ("speaker", object([("role", "customer".into())])),
        ("text", text.into()),
        ("content_type", content_type.into()),
    ]);
    push(out, EventType::Turn, session.head(turn_id, time), data);
    Ok(())
}

/// The words of a message, and what it carries.
fn content(root: &Node<'_>, kind: &str) -> Result<(String, &'static str), Rejection> {
    let words = |fields: &[&str]| -> Result<String, Rejection> {
        let mut words = Vec::new();
        for field in fields {
            words.extend(root.get(field).text()?);
        }
        Ok(words.join("\n"))
    };
    Ok(match kind {
        "text" => (words(&["Content"])?, "text"),
        "image" => (String::new(), "image"),
        "voice" => (words(&["Recognition"])?, "voice"),
        "location" => (words(&["Label"])?, "other"),
        "link" => (words(&["Title", "Description", "Url"])?, "other"),
        "file" => (String::new(), "file"),
        _ => (String::new(), "other"),
    })
}

/// The session events of the older customer service.
fn service(
    root: &Node<'_>,
    session: &Session,
    event: &str,
    time: Micros,
    out: &mut Converted,
) -> Result<(), Rejection> {
    let head = |what: &str| {
        let seconds = clock::as_seconds(time);
        session.head(format!("{event}-{}-{seconds}{what}", session.id), time)
    };
    match event {
        "kf_create_session" => {
            let agent = root.get("KfAccount").need_word()?;
            let data = object([("agent_id", agent.into())]);
            push(out, EventType::Answered, head(""), data);
        }
        "kf_switch_session" => {
            let from = root.get("FromKfAccount").word()?;
            let to = root.get("ToKfAccount").need_word()?;
            let data = object([
                ("from_agent_id", from.into()),
                ("to_agent_id", to.clone().into()),
                ("kind", "blind".into()),
            ]);
            push(out, EventType::Transferred, head(""), data);
            let data = object([("agent_id", to.into())]);
            push(out, EventType::Answered, head("-answered"), data);
        }
        "kf_close_session" => {
            root.get("KfAccount").implied();
            let data = object([("reason", "completed".into()), ("ended_by", "agent".into())]);
            push(out, EventType::Ended, head(""), data);
        }
        _ => out.leave_out(format!("event {}", word(event))),
    }
    Ok(())
}
