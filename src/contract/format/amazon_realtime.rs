//! Real-time analysis segments of Amazon Connect, voice (1.0.0) and chat (2.0.0).
//!
//! `STARTED` begins the interaction, each final transcript segment is a turn;
//! partial utterances are parts of it. Voice segments tell offsets from the
//! start of the contact and no start: with the time of the record the last
//! segment ended then, without it times count from `start`.

use std::collections::BTreeMap;

use super::amazon::{attachment_type, channel, content_type, role, source};
use super::contact_lens::numbered;
use super::draft::{Head, instant, object, push};
use super::node::Node;
use super::{Context, Converted};
use crate::contract::{EventType, RejectCode, Rejection};
use crate::domain::Micros;

/// What every segment of a record shares.
struct Stream {
    contact: String,
    source: String,
    language: Option<String>,
    /// Offset 0 of the contact.
    start: Micros,
}

pub(super) fn convert(
    root: &Node<'_>,
    context: &Context<'_>,
    out: &mut Converted,
) -> Result<(), Rejection> {
    let segments = root.get("Segments").items()?;
    let language = root.any(&["LanguageCode"]).word()?;
    let settings = root.at(&["StreamingSettings", "LanguageCode"]).word()?;
    root.get("Version").implied();
    let mut stream = Stream {
        contact: root.get("ContactId").need_word()?,
        source: source(&root.get("InstanceId"))?,
        language: language.or(settings).filter(|tag| is_tag(tag)),
        start: context.at.or(context.start).unwrap_or(Micros(0)),
    };
    if let Some(at) = context.at {
        stream.start = Micros(at.0 - last_offset_ms(&segments)? * 1000);
    }
    let channel = channel(root.get("Channel").text()?);
    match root
        .any(&["StreamingEventType", "EventType"])
        .need_word()?
        .as_str()
    {
        "STARTED" => {
            let data = object([
                ("channel", channel.into()),
                ("direction", "inbound".into()),
                ("entry", "agent".into()),
                ("language", stream.language.clone().into()),
            ]);
            let head = stream.head("started", stream.start);
            push(out, EventType::Started, head, data);
        }
        "SEGMENTS" => {
            let mut used = BTreeMap::new();
            for segment in &segments {
                stream.segment(segment, &mut used, out)?;
            }
        }
        "COMPLETED" if context.at.is_some() => {
            let data = object([
                ("reason", "completed".into()),
                ("ended_by", "system".into()),
            ]);
            push(
                out,
                EventType::Ended,
                stream.head("ended", stream.start),
                data,
            );
        }
        "COMPLETED" => out.leave_out("end of analysis without a time"),
        _ => out.leave_out("failed analysis"),
    }
    Ok(())
}

/// A language tag, not a placeholder.
fn is_tag(tag: &str) -> bool {
    tag.len() <= 16 && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn last_offset_ms(segments: &[Node<'_>]) -> Result<i64, Rejection> {
    let mut last = 0;
    for segment in segments {
        let ended = segment.at(&["Transcript", "EndOffsetMillis"]);
        last = last.max(i64::from(ended.duration_ms(1.0)?.unwrap_or(0)));
    }
    Ok(last)
}

impl Stream {
    fn head(&self, what: &str, time: Micros) -> Head<'_> {
        Head {
            id: format!("rt-{}-{what}", self.contact),
            source: &self.source,
            subject: Some(&self.contact),
            time,
            revision: 0,
        }
    }

    fn segment(
        &self,
        segment: &Node<'_>,
        used: &mut BTreeMap<String, u32>,
        out: &mut Converted,
    ) -> Result<(), Rejection> {
        let transcript = segment.get("Transcript");
        let attachments = segment.any(&["Attachments", "Attachment"]);
        let rules = [
            ("Utterance", "partial utterance"),
            ("Categories", "matched categories"),
            ("Issues", "detected issues"),
            ("Issue", "detected issues"),
            ("Event", "chat event"),
            ("PostContactSummary", "contact summary"),
        ];
        if transcript.is_there() {
            return self.turn(&transcript, None, used, out);
        }
        if attachments.is_there() {
            let kind = attachment_type(&attachments.get("Attachments"))?;
            return self.turn(&attachments, Some(kind), used, out);
        }
        for (field, rule) in rules {
            if segment.get(field).is_there() {
                segment.get(field).implied();
                out.leave_out(rule);
                return Ok(());
            }
        }
        out.leave_out("segment of another kind");
        Ok(())
    }

    fn turn(
        &self,
        node: &Node<'_>,
        attached: Option<&'static str>,
        used: &mut BTreeMap<String, u32>,
        out: &mut Converted,
    ) -> Result<(), Rejection> {
        let turn_id = numbered(node.get("Id").need_word()?, used);
        let content = node.get("Content");
        let text = match (content.text()?, attached) {
            (Some(text), _) => text,
            (None, Some(_)) => "",
            (None, None) => {
                let reason = "field `Content` is missing";
                return Err(content.refuse(RejectCode::MissingField, reason));
            }
        };
        let absolute = node.any(&["Time", "AbsoluteTime"]);
        let absolute = match absolute.get("AbsoluteTime").time()? {
            None if node.get("AbsoluteTime").is_there() => node.get("AbsoluteTime").time()?,
            time => time,
        };
        let offset = |field: &str| -> Result<Option<Micros>, Rejection> {
            let ms = node.get(field).duration_ms(1.0)?;
            Ok(ms.map(|ms| Micros(self.start.0 + i64::from(ms) * 1000)))
        };
        let began = offset("BeginOffsetMillis")?;
        let ended = offset("EndOffsetMillis")?;
        let at = match absolute.or(began) {
            Some(at) => at,
            None => node.get("BeginOffsetMillis").need_time()?,
        };
        let kind = match (attached, absolute) {
            (Some(kind), _) => kind,
            (None, Some(_)) => content_type(node.get("ContentType").text()?),
            (None, None) => "speech",
        };
        let id = node.get("ParticipantId").word()?;
        let name = match node.get("ParticipantRole").word()? {
            Some(name) => name,
            None => node.get("ParticipantId").need_word()?,
        };
        let id = id.filter(|id| !id.eq_ignore_ascii_case(&name));
        let data = object([
            ("turn_id", turn_id.clone().into()),
            (
                "speaker",
                object([("role", role(&name).into()), ("id", id.into())]),
            ),
            ("text", text.into()),
            ("started_at", began.map(instant).into()),
            ("ended_at", ended.map(instant).into()),
            ("content_type", kind.into()),
            ("language", self.language.clone().into()),
        ]);
        push(out, EventType::Turn, self.head(&turn_id, at), data);
        Ok(())
    }
}
