//! Contact Lens files of Amazon Connect, voice and chat, raw and redacted; the
//! post-call files of Amazon Transcribe Call Analytics have the same layout.
//!
//! One file is one `interaction.transcript.v1` without legs (the contact record
//! has them). Of the raw and the redacted file of a contact the raw one holds:
//! it has revision 1.
//!
//! Invariants: contact id and start are taken from the file, then from its
//! name; without an id the interaction is named after the document's hash,
//! without a start its times are made (`time_source`). Turn ids that stand
//! there twice are numbered.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::amazon::{attachment_type, channel, content_type, mean, role, source};
use super::draft::{Head, instant, object, push};
use super::node::Node;
use super::{Context, Converted, clock};
use crate::contract::{EventType, RejectCode, Rejection};
use crate::domain::Micros;

/// Where times of a voice file count from.
struct Start {
    time: Micros,
    made: bool,
}

pub(super) fn convert(
    root: &Node<'_>,
    document: &[u8],
    context: &Context<'_>,
    out: &mut Converted,
) -> Result<(), Rejection> {
    let customer = root.get("CustomerMetadata");
    let contact = match customer.get("ContactId").word()? {
        Some(id) => id,
        None => contact_in_name(context).unwrap_or_else(|| hashed(document)),
    };
    let status = root.get("JobStatus").word()?.unwrap_or_default();
    if status == "FAILED" {
        let reason = "expected a finished analysis; the job failed";
        return Err(root
            .get("JobStatus")
            .refuse(RejectCode::InvalidValue, reason));
    }
    let items = root.get("Transcript").items()?;
    let start = start(root, &items, context)?;
    let roles = roles(root)?;
    let mut turns = Vec::with_capacity(items.len());
    let mut used = BTreeMap::new();
    for item in &items {
        turns.extend(turn(item, &start, &roles, &mut used, out)?);
    }
    let output = root.at(&["ContentMetadata", "Output"]).word()?;
    let lasted = root
        .get("ConversationCharacteristics")
        .any(&["TotalConversationDurationMillis", "ContactDurationMillis"])
        .duration_ms(1.0)?;
    let ended = lasted.map(|ms| {
        let time = Micros(start.time.0 + i64::from(ms) * 1000);
        json!({"time": time.to_string(), "reason": "completed", "ended_by": "system"})
    });
    let channel = channel(root.get("Channel").text()?);
    let language = root.get("LanguageCode").word()?;
    root.get("Version").implied();
    let data = object([
        ("channel", channel.into()),
        ("direction", "inbound".into()),
        ("entry", "agent".into()),
        ("language", language.into()),
        ("time_source", start.made.then_some("made").into()),
        ("turns", turns.into()),
        ("ended", ended.into()),
    ]);
    let head = Head {
        id: format!("lens-{contact}"),
        source: &source(&customer.get("InstanceId"))?,
        subject: Some(&contact),
        time: start.time,
        revision: i32::from(output.as_deref() == Some("Raw")),
    };
    push(out, EventType::Transcript, head, data);
    Ok(())
}

/// The contact id at the front of `<contact>_analysis_<time>.json`.
fn contact_in_name(context: &Context<'_>) -> Option<String> {
    let (contact, _) = context.name?.split_once("_analysis_")?;
    (!contact.is_empty()).then(|| contact.to_owned())
}

fn hashed(document: &[u8]) -> String {
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(document));
    format!("lens-{}", digest.get(..24).unwrap_or(&digest))
}

fn start(root: &Node<'_>, items: &[Node<'_>], context: &Context<'_>) -> Result<Start, Rejection> {
    let mut first = None;
    for item in items {
        let time = item.get("AbsoluteTime").time()?;
        first = match (first, time) {
            (Some(first), Some(time)) if first <= time => Some(first),
            (first, time) => time.or(first),
        };
    }
    let recording = root.at(&["CustomerMetadata", "InputS3Uri"]).text()?;
    let told = first
        .or_else(|| context.name.and_then(clock::in_name))
        .or_else(|| recording.and_then(clock::in_name))
        .or(context.at);
    Ok(Start {
        time: told.or(context.start).unwrap_or(Micros(0)),
        made: told.is_none(),
    })
}

/// Roles by participant id; in older files the id is the role.
fn roles(root: &Node<'_>) -> Result<BTreeMap<String, String>, Rejection> {
    let mut roles = BTreeMap::new();
    for participant in root.get("Participants").items()? {
        let role = participant.get("ParticipantRole").word()?;
        if let (Some(id), Some(role)) = (participant.get("ParticipantId").word()?, role) {
            roles.insert(id, role);
        }
    }
    Ok(roles)
}

fn turn(
    item: &Node<'_>,
    start: &Start,
    roles: &BTreeMap<String, String>,
    used: &mut BTreeMap<String, u32>,
    out: &mut Converted,
) -> Result<Option<Value>, Rejection> {
    let kind = item.get("Type").word()?;
    if kind.as_deref() == Some("EVENT") {
        for field in [
            "Id",
            "ParticipantId",
            "ParticipantRole",
            "ContentType",
            "DisplayName",
        ] {
            item.get(field).implied();
        }
        out.leave_out("chat event");
        return Ok(None);
    }
    let turn_id = numbered(item.get("Id").need_word()?, used);
    let attached = kind.as_deref() == Some("ATTACHMENT");
    let absolute = item.get("AbsoluteTime").time()?;
    let content = item.get("Content");
    let text = match content.text()? {
        Some(text) => text,
        None if attached || item.get("ContentType").is_there() => "",
        None => return Err(content.refuse(RejectCode::MissingField, "field `Content` is missing")),
    };
    let mime = item.get("ContentType").text()?;
    let content_type = match (absolute, attached) {
        (_, true) => attachment_type(&item.get("Attachments"))?,
        (Some(_), false) => content_type(mime),
        (None, false) => "speech",
    };
    let offset = |field: &str| -> Result<Option<Micros>, Rejection> {
        let ms = item.get(field).duration_ms(1.0)?;
        Ok(ms.map(|ms| Micros(start.time.0 + i64::from(ms) * 1000)))
    };
    let began = offset("BeginOffsetMillis")?;
    let ended = offset("EndOffsetMillis")?;
    let at = match absolute.or(began) {
        Some(at) => at,
        None => item.get("BeginOffsetMillis").need_time()?,
    };
    let loudness = mean(&item.any(&["LoudnessScore", "LoudnessScores"]))?;
    Ok(Some(object([
        ("at", instant(at)),
        ("turn_id", turn_id.into()),
        ("speaker", speaker(item, roles)?),
        ("text", text.into()),
        ("started_at", began.map(instant).into()),
        ("ended_at", ended.map(instant).into()),
        ("content_type", content_type.into()),
        (
            "asr",
            confidence(item)?
                .map(|mean| json!({"confidence": mean}))
                .into(),
        ),
        (
            "signals",
            loudness.map(|db| json!({"loudness_db": db})).into(),
        ),
    ])))
}

/// An id that stands there a second time gets a number.
pub(super) fn numbered(id: String, used: &mut BTreeMap<String, u32>) -> String {
    let count = used.entry(id.clone()).or_default();
    *count += 1;
    match *count {
        1 => id,
        count => format!("{id}-{count}"),
    }
}

fn speaker(item: &Node<'_>, roles: &BTreeMap<String, String>) -> Result<Value, Rejection> {
    let id = item.get("ParticipantId").word()?;
    let known = id.as_ref().and_then(|id| roles.get(id)).cloned();
    let name = match item.get("ParticipantRole").word()?.or(known) {
        Some(name) => name,
        None => item.get("ParticipantId").need_word()?,
    };
    let id = id.filter(|id| !id.eq_ignore_ascii_case(&name));
    Ok(object([("role", role(&name).into()), ("id", id.into())]))
}

/// How sure the recogniser was of the words, on average.
fn confidence(item: &Node<'_>) -> Result<Option<f64>, Rejection> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for word in item.get("Items").items()? {
        let kind = word.get("Type").word()?;
        let sure = word.get("Confidence").number()?;
        for field in ["Content", "BeginOffsetMillis", "EndOffsetMillis"] {
            word.get(field).implied();
        }
        if let (Some(sure), Some("pronunciation")) = (sure, kind.as_deref()) {
            sum += sure.clamp(0.0, 1.0);
            count += 1;
        }
    }
    Ok((count > 0).then(|| (sum / f64::from(count) * 1000.0).round() / 1000.0))
}
