//! Which format a document is, by the fields that only this format has.
//!
//! Invariants: acknowledgements and answers of the vendors' interfaces have
//! none of them, so they are no format; a wrapper `{"xml": "<…>"}`, as
//! recorders of callbacks write it, is looked into.

use serde_json::Value;

use super::{Format, xml};
use crate::contract::{RejectCode, Rejection};

/// A document that could be read.
pub(super) struct Opened {
    /// What it holds.
    pub(super) value: Value,
    /// Where that stands in the document.
    pub(super) pointer: &'static str,
    /// Whether it was XML with the root `xml`.
    pub(super) is_xml: bool,
}

/// The refusal of a document that is none of the formats.
pub(super) fn unknown() -> Rejection {
    let reason = format!(
        "none of the known formats ({}); an interface's answer is no event",
        Format::names()
    );
    Rejection::new(RejectCode::UnknownFormat, "", reason)
}

/// The refusal of a document that is not of the format that was asked for.
pub(super) fn other(wanted: Format) -> Rejection {
    let reason = format!("not a document of format `{wanted}`");
    Rejection::new(RejectCode::UnknownFormat, "", reason)
}

/// Reads JSON or XML.
pub(super) fn open(document: &[u8]) -> Result<Opened, Rejection> {
    let text = std::str::from_utf8(document).map_err(|error| {
        let reason = format!("byte {} is not UTF-8", error.valid_up_to());
        Rejection::new(RejectCode::InvalidUtf8, "", reason)
    })?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with('<') {
        return open_xml(text, "");
    }
    let value: Value = serde_json::from_str(text).map_err(|error| explain_syntax(text, &error))?;
    let inner = match &value {
        Value::String(inner) => Some((inner, "")),
        Value::Object(fields) => match fields.get("xml") {
            Some(Value::String(inner)) => Some((inner, "/xml")),
            _ => None,
        },
        _ => None,
    };
    match inner {
        Some((inner, pointer)) if inner.trim_start().starts_with('<') => {
            open_xml(inner.trim(), pointer)
        }
        _ => Ok(Opened {
            value,
            pointer: "",
            is_xml: false,
        }),
    }
}

fn open_xml(text: &str, pointer: &'static str) -> Result<Opened, Rejection> {
    let body = match text.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, body)| body),
        None => text,
    };
    if !body.trim_start().starts_with("<xml") {
        return Err(unknown());
    }
    let (_, value) = xml::parse(text).map_err(|rejection| Rejection {
        pointer: pointer.to_owned(),
        ..rejection
    })?;
    Ok(Opened {
        value,
        pointer: "/xml",
        is_xml: true,
    })
}

/// Says where JSON ends to be JSON, and why when that is plain to see.
fn explain_syntax(text: &str, error: &serde_json::Error) -> Rejection {
    let (line, column) = (error.line(), error.column());
    if error.is_eof() {
        let reason = format!("the document stops in the middle, at line {line} column {column}");
        return Rejection::new(RejectCode::TruncatedJson, "", reason);
    }
    let rest = text
        .lines()
        .nth(line.saturating_sub(1))
        .and_then(|line| line.as_bytes().get(column.saturating_sub(1)..))
        .unwrap_or_default();
    let why = if rest.starts_with(b"//") || rest.starts_with(b"/*") {
        ": a comment, which JSON does not have"
    } else if error.to_string().starts_with("trailing characters") {
        ": the document had ended before"
    } else if error.to_string().starts_with("trailing comma") {
        ": a comma with nothing after it"
    } else {
        ""
    };
    let reason = format!("not JSON at line {line} column {column}{why}");
    Rejection::new(RejectCode::MalformedJson, "", reason)
}

/// The format of what was read.
pub(super) fn format(opened: &Opened) -> Option<Format> {
    let value = &opened.value;
    let has = |key: &str| value.get(key).is_some_and(|field| !field.is_null());
    if opened.is_xml {
        let message = has("ToUserName") && (has("MsgType") || has("Encrypt"));
        return message.then_some(Format::WechatKf);
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let list = |key: &str| value.get(key).is_some_and(Value::is_array);
    if has("specversion") && has("type") {
        return Some(Format::Canonical);
    }
    if is_wechat(value) {
        return Some(Format::WechatKf);
    }
    match text("detail-type") {
        Some("Amazon Connect Contact Event") => return Some(Format::AmazonCtr),
        Some("Amazon Connect Cases Event") => return Some(Format::AmazonCase),
        _ => {}
    }
    if text("source") == Some("aws.cases") && has("detail") {
        return Some(Format::AmazonCase);
    }
    if has("AgentARN") && has("EventId") && has("EventType") {
        return Some(Format::AmazonAgent);
    }
    if has("ContactId") && is_segment_stream(value) {
        return Some(Format::AmazonRealtime);
    }
    if list("Transcript") && (list("Participants") || has("ConversationCharacteristics")) {
        return Some(Format::ContactLens);
    }
    if is_contact(value) || super::amazon_event::is_event(value) {
        return Some(Format::AmazonCtr);
    }
    if text("event").is_some_and(super::chatwoot::is_event) && (has("account") || has("id")) {
        return Some(Format::Chatwoot);
    }
    if super::tencent_cdr::is_cdr(value) {
        return Some(Format::TencentCdr);
    }
    super::genesys::is_detail(value).then_some(Format::Genesys)
}

fn is_wechat(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some_and(|field| !field.is_null());
    let event_type = value.get("event").and_then(|event| event.get("event_type"));
    value.get("msg_list").is_some_and(Value::is_array)
        || (has("msgtype") && event_type.is_some_and(Value::is_string))
        || (has("msgid") && has("msgtype") && (has("origin") || has("open_kfid")))
        || (has("touser") && has("open_kfid") && has("msgtype"))
        || (has("service_state") && has("open_kfid") && has("external_userid"))
}

fn is_segment_stream(value: &Value) -> bool {
    let kind = value
        .get("StreamingEventType")
        .or_else(|| value.get("EventType"));
    matches!(
        kind.and_then(Value::as_str),
        Some("STARTED" | "SEGMENTS" | "COMPLETED" | "FAILED")
    )
}

fn is_contact(value: &Value) -> bool {
    let described = value.get("Contact");
    if described.is_some_and(|contact| {
        contact.get("Id").is_some() && contact.get("InitiationMethod").is_some()
    }) {
        return true;
    }
    let has = |key: &str| value.get(key).is_some_and(|field| !field.is_null());
    has("AWSContactTraceRecordFormatVersion")
        || (has("ContactId")
            && (has("InitiationMethod") || has("InitiationTimestamp"))
            && (has("LastUpdateTimestamp") || has("Channel")))
}
