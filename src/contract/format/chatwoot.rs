//! Webhooks of Chatwoot.
//!
//! A conversation is an interaction, `chatwoot-<inbox>-<display id>`: the display
//! id is unique only inside an account, and webhooks of conversations do not name
//! the account, but the inbox, which belongs to one. There is no delivery id:
//! events are known by what they are about and its `updated_at`, messages by
//! their id. Private notes and activity lines are not said to the customer and
//! are left out.

use serde_json::Value;

use super::Converted;
use super::clock;
use super::draft::{Head, customer, object, push};
use super::node::Node;
use crate::contract::{EventType, Rejection};
use crate::domain::Micros;

const EVENTS: &[&str] = &[
    "conversation_created",
    "conversation_updated",
    "conversation_status_changed",
    "conversation_opened",
    "conversation_resolved",
    "conversation_typing_on",
    "conversation_typing_off",
    "message_created",
    "message_updated",
    "contact_created",
    "contact_updated",
    "inbox_created",
    "inbox_updated",
    "webwidget_triggered",
];

/// Whether `name` is an event of Chatwoot.
pub(super) fn is_event(name: &str) -> bool {
    EVENTS.contains(&name)
}

/// One conversation, and who tells of it.
struct Conversation<'a> {
    node: Node<'a>,
    inbox: String,
    source: String,
    id: String,
}

impl<'a> Conversation<'a> {
    fn new(root: &Node<'a>, node: Node<'a>) -> Result<Self, Rejection> {
        let inbox = inbox(root, &node)?;
        let display_id = node.any(&["id", "display_id"]).need_word()?;
        Ok(Self {
            source: format!("/chatwoot/{inbox}"),
            id: format!("chatwoot-{inbox}-{display_id}"),
            inbox,
            node,
        })
    }

    fn head(&self, id: String, time: Micros) -> Head<'_> {
        Head {
            id,
            source: &self.source,
            subject: Some(&self.id),
            time,
            revision: 0,
        }
    }

    /// The team, or the inbox when there is none.
    fn queue(&self) -> Result<String, Rejection> {
        if let Some(team) = self.node.at(&["meta", "team", "name"]).word()? {
            return Ok(team);
        }
        Ok(format!("inbox-{}", self.inbox))
    }

    fn assignee(&self) -> Result<Option<String>, Rejection> {
        let kind = self.node.at(&["meta", "assignee_type"]).word()?;
        let assignee = self.node.at(&["meta", "assignee"]);
        let bot = kind.as_deref() == Some("AgentBot")
            || assignee.get("type").word()?.as_deref() == Some("agent_bot");
        let id = assignee.get("id").word()?;
        Ok(id.filter(|_| !bot))
    }
}

/// The inbox that a conversation is in; old samples name the account only.
fn inbox(root: &Node<'_>, conversation: &Node<'_>) -> Result<String, Rejection> {
    let account = root.at(&["account", "id"]).word()?;
    let inbox = root.at(&["inbox", "id"]).word()?;
    match conversation.get("inbox_id").word()?.or(inbox) {
        Some(inbox) => Ok(inbox),
        None => match account {
            Some(account) => Ok(format!("account{account}")),
            None => conversation.get("inbox_id").need_word(),
        },
    }
}

pub(super) fn convert(root: &Node<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let event = root.get("event").need_word()?;
    match event.as_str() {
        "conversation_created" => created(&Conversation::new(root, root.clone())?, out),
        "conversation_status_changed" => {
            status_changed(root, &Conversation::new(root, root.clone())?, out)
        }
        "conversation_opened" | "conversation_resolved" => {
            status_changed(root, &Conversation::new(root, root.clone())?, out)
        }
        "conversation_updated" => updated(root, &Conversation::new(root, root.clone())?, out),
        "message_created" | "message_updated" => message(root, &event, out),
        "contact_created" | "contact_updated" => contact(root, out),
        _ => {
            out.leave_out(format!("event {event}"));
            Ok(())
        }
    }
}

fn channel(name: Option<&str>) -> &'static str {
    match name.unwrap_or_default().trim_start_matches("Channel::") {
        "Email" => "email",
        "Voice" => "call",
        "Api" => "app",
        "FacebookPage" | "Instagram" | "TwitterProfile" | "Telegram" | "Line" | "Whatsapp"
        | "Tiktok" => "social",
        _ => "chat",
    }
}

fn created(conversation: &Conversation<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let node = &conversation.node;
    let time = node.any(&["created_at", "timestamp"]).need_time()?;
    let status = node.get("status").word()?.unwrap_or_default();
    let assigned = conversation.assignee()?.is_some();
    let entry = match (status.as_str(), assigned) {
        ("pending", _) => "bot",
        (_, true) => "agent",
        _ => "queue",
    };
    let data = object([
        ("channel", channel(node.get("channel").text()?).into()),
        ("direction", direction(node)?.into()),
        ("customer", person(&node.at(&["meta", "sender"]))?),
        ("entry", entry.into()),
        ("attributes", node.get("custom_attributes").map()?.into()),
    ]);
    let id = format!("{}-started", conversation.id);
    push(out, EventType::Started, conversation.head(id, time), data);
    if entry == "queue" {
        let id = format!("{}-started-queued", conversation.id);
        let data = object([("queue", conversation.queue()?.into())]);
        push(out, EventType::Queued, conversation.head(id, time), data);
    }
    Ok(())
}

/// A campaign writes first; everybody else is written to.
fn direction(node: &Node<'_>) -> Result<&'static str, Rejection> {
    let campaign = node.at(&["additional_attributes", "campaign_id"]);
    let outbound = campaign.word()?.is_some() || node.get("campaign_id").word()?.is_some();
    Ok(if outbound { "outbound" } else { "inbound" })
}

fn person(sender: &Node<'_>) -> Result<Value, Rejection> {
    let id = sender.get("id").word()?;
    sender.get("type").implied();
    Ok(customer(
        id.map(|id| format!("chatwoot-contact-{id}")),
        &[
            ("phone", sender.get("phone_number").word()?),
            ("email", sender.get("email").word()?),
            ("account", sender.get("identifier").word()?),
        ],
    ))
}

/// A value before and after.
type Change = (Option<String>, Option<String>);

/// What a field was before and is now, of `changed_attributes`: a list of
/// objects, in other versions an object of pairs.
fn change(root: &Node<'_>, field: &str) -> Result<Option<Change>, Rejection> {
    let changed = root.get("changed_attributes");
    if changed.value().is_object() {
        let pair = changed.get(field).items()?;
        let [before, now] = pair.as_slice() else {
            return Ok(None);
        };
        return Ok(Some((before.word()?, now.word()?)));
    }
    for item in changed.items()? {
        let change = item.get(field);
        if change.is_there() {
            let before = change.get("previous_value").word()?;
            return Ok(Some((before, change.get("current_value").word()?)));
        }
    }
    Ok(None)
}

fn status_changed(
    root: &Node<'_>,
    conversation: &Conversation<'_>,
    out: &mut Converted,
) -> Result<(), Rejection> {
    let node = &conversation.node;
    let status = node.get("status").need_word()?;
    let time = node
        .any(&["updated_at", "last_activity_at", "timestamp"])
        .need_time()?;
    let before = change(root, "status")?.and_then(|(before, _)| before);
    let id = format!("{}-{status}-{}", conversation.id, clock::as_millis(time));
    match status.as_str() {
        "resolved" => {
            let assigned = conversation.assignee()?.is_some();
            let mut labels = Vec::new();
            for label in node.get("labels").items()? {
                labels.extend(label.word()?);
            }
            let labels = (!labels.is_empty()).then(|| labels.join(", "));
            let data = object([
                ("reason", "completed".into()),
                ("ended_by", if assigned { "agent" } else { "system" }.into()),
                ("disposition", labels.into()),
            ]);
            push(out, EventType::Ended, conversation.head(id, time), data);
        }
        "open" => {
            if before.as_deref() == Some("pending") {
                let data = object([("kind", "bot_to_human".into())]);
                push(
                    out,
                    EventType::Transferred,
                    conversation.head(id.clone(), time),
                    data,
                );
            }
            if conversation.assignee()?.is_none() {
                let data = object([("queue", conversation.queue()?.into())]);
                let head = conversation.head(format!("{id}-queued"), time);
                push(out, EventType::Queued, head, data);
            }
        }
        _ => out.leave_out(format!("status {}", super::amazon_event::word(&status))),
    }
    Ok(())
}

/// The only update that tells of the journey is that of the assignee.
fn updated(
    root: &Node<'_>,
    conversation: &Conversation<'_>,
    out: &mut Converted,
) -> Result<(), Rejection> {
    let Some((before, now)) = change(root, "assignee_id")? else {
        out.leave_out("conversation update without a new assignee");
        return Ok(());
    };
    let Some(now) = now else {
        out.leave_out("assignee taken away");
        return Ok(());
    };
    let node = &conversation.node;
    let time = node
        .any(&["updated_at", "last_activity_at", "timestamp"])
        .need_time()?;
    let id = format!("{}-assigned-{}", conversation.id, clock::as_millis(time));
    if let Some(before) = before {
        let data = object([
            ("from_agent_id", before.into()),
            ("to_agent_id", now.clone().into()),
            ("kind", "blind".into()),
        ]);
        let head = conversation.head(format!("{id}-transferred"), time);
        push(out, EventType::Transferred, head, data);
    }
    let data = object([
        ("agent_id", now.into()),
        ("queue", conversation.queue()?.into()),
    ]);
    push(out, EventType::Answered, conversation.head(id, time), data);
    Ok(())
}

/// The words of `message_type`, which some versions send as numbers.
fn message_type(word: &str) -> &str {
    match word {
        "0" => "incoming",
        "1" => "outgoing",
        "2" => "activity",
        "3" => "template",
        other => other,
    }
}

fn message(root: &Node<'_>, event: &str, out: &mut Converted) -> Result<(), Rejection> {
    let node = root.get("conversation");
    node.need_object()?;
    let conversation = Conversation::new(root, node)?;
    let id = root.get("id").need_word()?;
    let kind = root.get("message_type").need_word()?;
    let kind = message_type(&kind);
    if root.get("private").flag()? == Some(true) {
        out.leave_out("private note");
        return Ok(());
    }
    if kind == "activity" {
        out.leave_out("activity message");
        return Ok(());
    }
    let created = root.get("created_at").need_time()?;
    let changed = root
        .get("updated_at")
        .time()?
        .filter(|_| event == "message_updated");
    let details = root.get("content_attributes");
    if details.get("deleted").flag()? == Some(true) {
        let data = object([("turn_id", id.clone().into())]);
        let head = conversation.head(format!("message-{id}-deleted"), changed.unwrap_or(created));
        push(out, EventType::TurnRecalled, head, data);
        return Ok(());
    }
    let survey = details.at(&["submitted_values", "csat_survey_response"]);
    if survey.is_there() {
        return answer(&conversation, &id, &survey, changed.unwrap_or(created), out);
    }
    let attached = attachment(root)?;
    let content = root.get("content").text()?.unwrap_or_default();
    let later = changed.map_or(i32::from(event == "message_updated"), |changed| {
        i32::try_from((changed.0 - created.0) / 1_000_000 + 1).unwrap_or(i32::MAX)
    });
    let data = object([
        ("turn_id", id.clone().into()),
        ("speaker", speaker(root, kind)?),
        ("text", content.into()),
        (
            "content_type",
            attached.unwrap_or(content_type(root)?).into(),
        ),
    ]);
    let mut head = conversation.head(format!("message-{id}"), created);
    head.revision = later.max(0);
    push(out, EventType::Turn, head, data);
    Ok(())
}

fn attachment(root: &Node<'_>) -> Result<Option<&'static str>, Rejection> {
    let attachments = root.get("attachments").items()?;
    let Some(first) = attachments.first() else {
        return Ok(None);
    };
    Ok(Some(match first.get("file_type").word()?.as_deref() {
        Some("image") => "image",
        Some("audio") => "voice",
        Some("location" | "contact" | "fallback") => "other",
        _ => "file",
    }))
}

fn content_type(root: &Node<'_>) -> Result<&'static str, Rejection> {
    Ok(match root.get("content_type").word()?.as_deref() {
        None | Some("text" | "incoming_email" | "0") => "text",
        Some("input_select" | "cards" | "form" | "article" | "input_csat") => "menu",
        Some(_) => "other",
    })
}

fn speaker(root: &Node<'_>, kind: &str) -> Result<Value, Rejection> {
    let sender = root.get("sender");
    let who = sender.get("type").word()?.unwrap_or_default();
    let id = sender.get("id").word()?;
    Ok(match (kind, who.as_str()) {
        ("incoming", _) => object([("role", "customer".into())]),
        ("template", _) | (_, "agent_bot" | "captain_assistant" | "AgentBot") => {
            object([("role", "bot".into())])
        }
        _ if id.is_none() => object([("role", "bot".into())]),
        _ => object([("role", "agent".into()), ("id", id.into())]),
    })
}

fn answer(
    conversation: &Conversation<'_>,
    message: &str,
    survey: &Node<'_>,
    time: Micros,
    out: &mut Converted,
) -> Result<(), Rejection> {
    let rating = survey.get("rating").integer()?;
    let channel = channel(conversation.node.get("channel").text()?);
    let data = object([
        ("survey_id", message.into()),
        ("interaction_id", conversation.id.clone().into()),
        ("channel", channel.into()),
        ("about", "interaction".into()),
        ("csat", rating.into()),
        ("comment", survey.get("feedback_message").text()?.into()),
    ]);
    let mut head = conversation.head(format!("message-{message}-survey"), time);
    head.subject = None;
    push(out, EventType::SurveyAnswered, head, data);
    Ok(())
}

fn contact(root: &Node<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let account = root.at(&["account", "id"]).word()?;
    let id = root.get("id").need_word()?;
    let time = match root.get("updated_at").time()? {
        Some(time) => time,
        None => root.get("created_at").need_time()?,
    };
    let known = person(root)?;
    let data = object([
        ("customer_id", known.get("id").cloned().into()),
        ("identities", known.get("identities").cloned().into()),
        ("attributes", root.get("custom_attributes").map()?.into()),
    ]);
    let head = Head {
        id: format!("contact-{id}-{}", clock::as_millis(time)),
        source: &account.map_or("/chatwoot".into(), |id| format!("/chatwoot/account{id}")),
        subject: None,
        time,
        revision: 0,
    };
    push(out, EventType::CustomerUpdated, head, data);
    Ok(())
}
