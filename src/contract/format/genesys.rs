//! Conversation details of Genesys Cloud analytics: one conversation, or a page
//! of them (query or job result).
//!
//! A conversation is one `interaction.transcript.v1` with legs and one
//! `survey.answered.v1` per finished survey. Details grow after the end (wrap-up,
//! surveys, resolutions) and have no version: the latest time that the document
//! holds, in seconds, is the revision.

use serde_json::Value;

use super::amazon_ctr::leg;
use super::draft::{Head, customer, object, push};
use super::node::Node;
use super::{Converted, clock};
use crate::contract::{EventType, Rejection};
use crate::domain::Micros;

/// Whether a document is a conversation or a page of them.
pub(super) fn is_detail(value: &Value) -> bool {
    let one = |value: &Value| {
        value.get("conversationId").is_some()
            && (value.get("participants").is_some_and(Value::is_array)
                || value.get("conversationStart").is_some())
    };
    let page = value.get("conversations").and_then(Value::as_array);
    one(value) || page.is_some_and(|items| items.iter().any(one))
}

pub(super) fn convert(root: &Node<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let page = root.get("conversations");
    if !page.is_there() {
        return conversation(root, out);
    }
    for field in ["totalHits", "cursor", "dataAvailabilityDate"] {
        root.get(field).implied();
    }
    for item in page.items()? {
        let mut part = Converted::default();
        let outcome = conversation(&item, &mut part).map(|()| part);
        out.part(&item, outcome);
    }
    Ok(())
}

/// What is gathered from participants, sessions and segments.
#[derive(Default)]
struct Found {
    legs: Vec<(Micros, Value)>,
    latest: Option<Micros>,
    media: Option<String>,
    customer_id: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    account: Option<String>,
    first_purpose: Option<(Micros, &'static str)>,
    answered: bool,
    queued: bool,
    disconnect: Option<String>,
    wrap_up_code: Option<String>,
}

impl Found {
    fn saw(&mut self, time: Option<Micros>) {
        self.latest = self.latest.max(time);
    }
}

fn conversation(root: &Node<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let id = root.get("conversationId").need_word()?;
    let started = root.get("conversationStart").need_time()?;
    let ended = root.get("conversationEnd").time()?;
    let mut found = Found::default();
    found.saw(Some(started));
    found.saw(ended);
    for participant in root.get("participants").items()? {
        read_participant(&participant, ended, &mut found)?;
    }
    for resolution in root.get("resolutions").items()? {
        found.saw(resolution.get("eventTime").time()?);
    }
    let channel = channel(found.media.as_deref());
    let source = "/genesys";
    let mut surveys = Converted::default();
    for survey in root.get("surveys").items()? {
        let time = read_survey(&survey, &id, channel, source, &mut surveys)?;
        found.saw(time);
    }
    let head = Head {
        id: format!("detail-{id}"),
        source,
        subject: Some(&id),
        time: started,
        revision: found.latest.map_or(0, clock::as_revision),
    };
    let outbound = root.get("originatingDirection").word()?.as_deref() == Some("outbound");
    let data = transcript(found, channel, outbound, ended);
    push(out, EventType::Transcript, head, data);
    out.events.extend(surveys.events);
    Ok(())
}

fn transcript(mut found: Found, channel: &str, outbound: bool, ended: Option<Micros>) -> Value {
    found.legs.sort_by_key(|(start, _)| *start);
    let entry = match found.first_purpose {
        Some((_, purpose)) => purpose,
        None if outbound => "agent",
        None => "queue",
    };
    let end = ended.map(|time| {
        let (reason, by) = match (found.answered, found.queued, found.disconnect.as_deref()) {
            (false, _, Some("error" | "noroute" | "uncallable")) => ("failed", "system"),
            (false, true, _) => ("abandoned", "customer"),
            (_, _, Some("timeout")) => ("timed_out", "system"),
            (_, _, Some("client")) => ("completed", "customer"),
            (_, _, Some("peer")) if !found.answered => ("completed", "customer"),
            (true, _, _) => ("completed", "agent"),
            _ => ("completed", "system"),
        };
        object([
            ("time", time.to_string().into()),
            ("reason", reason.into()),
            ("ended_by", by.into()),
            ("disposition", found.wrap_up_code.into()),
        ])
    });
    let identities = [
        ("phone", found.phone),
        ("email", found.email),
        ("account", found.account),
    ];
    let legs: Vec<Value> = found.legs.into_iter().map(|(_, leg)| leg).collect();
    object([
        ("channel", channel.into()),
        (
            "direction",
            if outbound { "outbound" } else { "inbound" }.into(),
        ),
        ("customer", customer(found.customer_id, &identities)),
        ("entry", entry.into()),
        ("legs", legs.into()),
        ("ended", end.into()),
    ])
}

fn channel(media: Option<&str>) -> &'static str {
    match media.unwrap_or_default() {
        "email" => "email",
        "video" | "videocomm" | "screenshare" => "video",
        "chat" | "webchat" | "webmessaging" | "message" | "open" | "sms" => "chat",
        "wechat" => "wechat",
        "facebook" | "twitter" | "line" | "whatsapp" | "instagram" | "apple" | "social" => "social",
        _ => "call",
    }
}

fn read_participant(
    participant: &Node<'_>,
    conversation_end: Option<Micros>,
    found: &mut Found,
) -> Result<(), Rejection> {
    let purpose = participant.get("purpose").word()?.unwrap_or_default();
    let agent_id = participant.get("userId").word()?;
    if matches!(purpose.as_str(), "customer" | "external") {
        let id = participant.get("externalContactId").word()?;
        found.customer_id = found.customer_id.take().or(id);
    }
    for session in participant.get("sessions").items()? {
        if matches!(purpose.as_str(), "customer" | "external") {
            read_customer(&session, found)?;
        }
        let counted = read_metrics(&session, found)?;
        let stay = read_stay(&session, conversation_end, found)?;
        let kind = session.any(&["messageType", "mediaType"]).word()?;
        let media = session.get("mediaType").word()?;
        found.media = found.media.take().or(kind).or(media);
        let handler = match purpose.as_str() {
            "ivr" | "workflow" => "ivr",
            "botflow" | "bot" => "bot",
            "acd" => "queue",
            "agent" | "user" => "agent",
            _ => continue,
        };
        if let Some(stay) = stay {
            let outcome = counted.unwrap_or(if stay.transferred {
                "answered"
            } else {
                "abandoned"
            });
            add_leg(handler, agent_id.as_deref(), outcome, stay, found);
        }
    }
    Ok(())
}

/// What the metrics of a queue's session say about how the wait ended.
fn read_metrics(session: &Node<'_>, found: &mut Found) -> Result<Option<&'static str>, Rejection> {
    let mut outcome = None;
    for metric in session.get("metrics").items()? {
        found.saw(metric.get("emitDate").time()?);
        let named = match metric.get("name").word()?.as_deref() {
            Some("tAbandon" | "nAbandon") => "abandoned",
            Some("tFlowOut" | "nFlowOut") => "flow_out",
            Some("tAnswered" | "nAnswered") => "answered",
            _ => continue,
        };
        metric.get("value").implied();
        outcome = Some(named);
    }
    Ok(outcome)
}

/// The customer's addresses, and how he left.
fn read_customer(session: &Node<'_>, found: &mut Found) -> Result<(), Rejection> {
    let outbound = session.get("direction").word()?.as_deref() == Some("outbound");
    let (own, other) = if outbound {
        ("dnis", "ani")
    } else {
        ("ani", "dnis")
    };
    session.get(other).implied();
    let address = session
        .any(&[own, "addressFrom"])
        .word()?
        .unwrap_or_default();
    let (scheme, bare) = address.split_once(':').unwrap_or(("", &address));
    let bare = bare.split(';').next().unwrap_or_default().to_owned();
    if !bare.is_empty() {
        let is_number = bare
            .chars()
            .all(|c| c.is_ascii_digit() || "+-() ".contains(c));
        let slot = if scheme != "sip" && bare.contains('@') {
            &mut found.email
        } else if scheme == "tel" || is_number {
            &mut found.phone
        } else {
            &mut found.account
        };
        *slot = slot.take().or(Some(bare));
    }
    for segment in session.get("segments").items()? {
        let how = segment.get("disconnectType").word()?;
        found.disconnect = how.or(found.disconnect.take());
    }
    Ok(())
}

/// One session of one participant.
struct Stay {
    start: Micros,
    end: Micros,
    interacted: bool,
    queue: Option<String>,
    ring_ms: u32,
    hold_ms: u32,
    wrap_up_ms: Option<u32>,
    transferred: bool,
}

fn read_stay(
    session: &Node<'_>,
    conversation_end: Option<Micros>,
    found: &mut Found,
) -> Result<Option<Stay>, Rejection> {
    let (mut start, mut end): (Option<Micros>, Option<Micros>) = (None, None);
    let (mut ring_ms, mut hold_ms, mut wrap_up_ms) = (0, 0, None);
    let (mut interacted, mut transferred, mut queue) = (false, false, None);
    for segment in session.get("segments").items()? {
        let kind = segment.get("segmentType").word()?.unwrap_or_default();
        let from = segment.get("segmentStart").time()?;
        let to = segment.get("segmentEnd").time()?;
        found.saw(to.or(from));
        queue = segment.get("queueId").word()?.or(queue);
        let how = segment.get("disconnectType").word()?;
        transferred |= how.as_deref().is_some_and(|how| how.contains("ransfer"));
        if let Some(code) = segment.get("wrapUpCode").word()? {
            found.wrap_up_code = Some(code);
        }
        let Some(from) = from else { continue };
        let to = to.or(conversation_end).unwrap_or(from).max(from);
        let lasted = clock::between_ms(from, to).unwrap_or(0);
        match kind.as_str() {
            "alert" | "contacting" | "dialing" => {
                ring_ms += lasted;
                continue;
            }
            "wrapup" => {
                wrap_up_ms = Some(wrap_up_ms.unwrap_or(0) + lasted);
                continue;
            }
            "system" | "scheduled" | "converting" | "transmitting" | "delay" => continue,
            "hold" => hold_ms += lasted,
            "interact" => interacted = true,
            _ => {}
        }
        start = Some(start.map_or(from, |start| start.min(from)));
        end = end.max(Some(to));
    }
    let (Some(start), Some(end)) = (start, end) else {
        return Ok(None);
    };
    Ok(Some(Stay {
        start,
        end,
        interacted,
        queue,
        ring_ms,
        hold_ms,
        wrap_up_ms,
        transferred,
    }))
}

fn add_leg(
    handler: &'static str,
    agent_id: Option<&str>,
    outcome: &str,
    stay: Stay,
    found: &mut Found,
) {
    let earlier = found
        .first_purpose
        .is_some_and(|(first, _)| first <= stay.start);
    if !earlier {
        found.first_purpose = Some((stay.start, handler));
    }
    let fields = match handler {
        "queue" => {
            found.queued = true;
            vec![
                ("queue", stay.queue.into()),
                ("outcome", Value::from(outcome)),
            ]
        }
        "agent" if !stay.interacted => return,
        "agent" => {
            found.answered = true;
            vec![
                ("queue", stay.queue.into()),
                ("agent_id", agent_id.into()),
                ("ring_ms", stay.ring_ms.into()),
                ("hold_ms", stay.hold_ms.into()),
                ("wrap_up_ms", stay.wrap_up_ms.into()),
            ]
        }
        _ => Vec::new(),
    };
    let mut value = leg(handler, stay.start, stay.end, []);
    if let Some(known) = value.as_object_mut() {
        let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
        known.extend(fields.map(|(key, value)| (key.to_owned(), value)));
    }
    found.legs.push((stay.start, value));
}

fn read_survey(
    survey: &Node<'_>,
    conversation: &str,
    channel: &str,
    source: &str,
    out: &mut Converted,
) -> Result<Option<Micros>, Rejection> {
    let status = survey.get("surveyStatus").word()?;
    let time = survey.any(&["surveyCompletedDate", "eventTime"]).time()?;
    survey.get("eventTime").implied();
    let promoter = survey.get("surveyPromoterScore").integer()?;
    let id = survey.any(&["surveyId", "surveyFormContextId"]).word()?;
    let (Some(id), Some(time)) = (id, time) else {
        out.leave_out("survey without an id or a time");
        return Ok(time);
    };
    if !matches!(
        status.as_deref(),
        None | Some("Finished" | "finished" | "FINISHED")
    ) {
        out.leave_out("unfinished survey");
        return Ok(Some(time));
    }
    let data = object([
        ("survey_id", id.clone().into()),
        ("interaction_id", conversation.into()),
        ("channel", channel.into()),
        ("about", "interaction".into()),
        ("nps", promoter.into()),
    ]);
    let head = Head {
        id: format!("survey-{id}"),
        source,
        subject: None,
        time,
        revision: 0,
    };
    push(out, EventType::SurveyAnswered, head, data);
    Ok(Some(time))
}
