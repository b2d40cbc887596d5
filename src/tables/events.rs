//! `interaction_events`: one row for each event of an interaction but turns.
//!
//! Invariants: one row an event; a transcript is one row with its legs as a
//! list. Columns that a type does not have are null.

use super::batch::{LegValues, Row};
use super::{Meta, Pending, Seen, TableId, table};
use crate::contract::event::{
    Customer, Ended, Identity, Related, Transcript, TranscriptLeg, Transferred,
};
use crate::contract::{Data, Event};
use crate::domain::{Channel, Direction, Entry, Json, LegOutcome, Redacted};

table!(SPEC, C, "interaction_events", {
    InteractionId = "interaction_id": Text(required),
    Type = "type": Text(required),
    TypeRank = "type_rank": Int(required),
    At = "at": Time(required),
    Channel = "channel": Text,
    Direction = "direction": Text,
    CustomerId = "customer_id": Text,
    Identities = "identities": Texts,
    Entry = "entry": Text,
    Language = "language": Text,
    InitialId = "initial_id": Text,
    PreviousId = "previous_id": Text,
    RelatedReason = "related_reason": Text,
    Attributes = "attributes": Text,
    Node = "node": Text,
    Action = "action": Text,
    Input = "input": Text,
    Label = "label": Text,
    Queue = "queue": Text,
    Skills = "skills": Texts,
    Priority = "priority": Int,
    AnnouncedWaitMs = "announced_wait_ms": Long,
    Outcome = "outcome": Text,
    AgentId = "agent_id": Text,
    RingMs = "ring_ms": Long,
    ToAgentId = "to_agent_id": Text,
    TransferKind = "transfer_kind": Text,
    TurnId = "turn_id": Text,
    EndReason = "end_reason": Text,
    EndedBy = "ended_by": Text,
    EndedAt = "ended_at": Time,
    Disposition = "disposition": Text,
    Resolved = "resolved": Bool,
    WrapUpMs = "wrap_up_ms": Long,
    TimeSource = "time_source": Text,
    Legs = "legs": Legs,
    EventSource = "event_source": Text(required),
    EventId = "event_id": Text(required),
    Revision = "revision": Int(required),
    Source = "source": Text(required),
    Partition = "partition": Int(required),
    Offset = "offset": Long(required),
    IngestedAt = "ingested_at": Time(required),
    Suspect = "suspect": Bool(required),
});

pub(super) fn append(
    pending: &mut Pending,
    event: &Event<Redacted<'_>>,
    meta: &Meta<'_>,
    seen: &mut dyn Seen,
) {
    let day = event.time.day();
    let identity = [event.source.as_str(), event.id.as_str()];
    let repeated = seen.seen(TableId::InteractionEvents, day, &identity);
    let event_type = event.data.event_type();
    let mut row = pending.batch(TableId::InteractionEvents, day).row();
    row.text(
        C::InteractionId as usize,
        text(event.subject.as_ref()).or(Some("")),
    );
    row.text(C::Type as usize, Some(event_type.as_str()));
    row.int(C::TypeRank as usize, Some(event_type.rank()));
    row.time(C::At as usize, Some(event.time));
    append_data(&mut row, &event.data);
    row.text(C::EventSource as usize, Some(event.source.as_str()));
    row.text(C::EventId as usize, Some(event.id.as_str()));
    row.int(C::Revision as usize, Some(event.revision));
    row.text(C::Source as usize, Some(&meta.position.source));
    row.int(C::Partition as usize, Some(meta.position.partition));
    row.long(C::Offset as usize, Some(meta.position.offset));
    row.time(C::IngestedAt as usize, Some(meta.ingested_at));
    row.bool(C::Suspect as usize, Some(repeated || event.revision > 0));
}

fn append_data(row: &mut Row<'_>, data: &Data<Redacted<'_>>) {
    match data {
        Data::Started(data) => append_start(
            row,
            (data.channel, data.direction, data.entry),
            data.customer.as_ref(),
            data.language.as_ref(),
            data.related.as_ref(),
            data.attributes.as_ref(),
        ),
        Data::IvrStep(data) => {
            row.text(C::Node as usize, Some(data.node.as_str()));
            row.text(C::Action as usize, Some(data.action.as_str()));
            row.text(C::Input as usize, text(data.input.as_ref()));
            row.text(C::Label as usize, text(data.label.as_ref()));
        }
        Data::Queued(data) => {
            row.text(C::Queue as usize, Some(data.queue.as_str()));
            row.texts(C::Skills as usize, texts(data.skills.as_ref()));
            row.int(C::Priority as usize, data.priority);
            row.long(
                C::AnnouncedWaitMs as usize,
                data.announced_wait_ms.map(i64::from),
            );
        }
        Data::Dequeued(data) => {
            row.text(C::Queue as usize, Some(data.queue.as_str()));
            row.text(C::Outcome as usize, Some(data.outcome.as_str()));
        }
        Data::Answered(data) => {
            row.text(C::AgentId as usize, text(data.agent_id.as_ref()));
            row.text(C::Queue as usize, text(data.queue.as_ref()));
            row.long(C::RingMs as usize, data.ring_ms.map(i64::from));
        }
        Data::Held(data) => row.text(C::AgentId as usize, Some(data.agent_id.as_str())),
        Data::Resumed(data) => row.text(C::AgentId as usize, Some(data.agent_id.as_str())),
        Data::Transferred(data) => append_transfer(row, data),
        Data::TurnRecalled(data) => row.text(C::TurnId as usize, Some(data.turn_id.as_str())),
        Data::Ended(data) => append_end(row, data),
        Data::WrappedUp(data) => {
            row.text(C::AgentId as usize, Some(data.agent_id.as_str()));
            row.long(C::WrapUpMs as usize, Some(i64::from(data.wrap_up_ms)));
            row.text(C::Disposition as usize, text(data.disposition.as_ref()));
        }
        Data::Transcript(data) => append_transcript(row, data),
        _ => {}
    }
}

fn append_start(
    row: &mut Row<'_>,
    (channel, direction, entry): (Channel, Direction, Entry),
    customer: Option<&Customer<Redacted<'_>>>,
    language: Option<&Redacted<'_>>,
    related: Option<&Related<Redacted<'_>>>,
    attributes: Option<&Json<Redacted<'_>>>,
) {
    row.text(C::Channel as usize, Some(channel.as_str()));
    row.text(C::Direction as usize, Some(direction.as_str()));
    row.text(C::Entry as usize, Some(entry.as_str()));
    row.text(C::Language as usize, text(language));
    if let Some(customer) = customer {
        row.text(C::CustomerId as usize, text(customer.id.as_ref()));
        row.texts(
            C::Identities as usize,
            identities(customer.identities.as_ref()),
        );
    }
    if let Some(related) = related {
        row.text(C::InitialId as usize, text(related.initial_id.as_ref()));
        row.text(C::PreviousId as usize, text(related.previous_id.as_ref()));
        row.text(C::RelatedReason as usize, text(related.reason.as_ref()));
    }
    row.text(C::Attributes as usize, json(attributes).as_deref());
}

fn append_transfer(row: &mut Row<'_>, data: &Transferred<Redacted<'_>>) {
    row.text(C::AgentId as usize, text(data.from_agent_id.as_ref()));
    row.text(C::ToAgentId as usize, text(data.to_agent_id.as_ref()));
    row.text(C::Queue as usize, text(data.to_queue.as_ref()));
    row.text(C::TransferKind as usize, Some(data.kind.as_str()));
}

fn append_end(row: &mut Row<'_>, data: &Ended<Redacted<'_>>) {
    row.text(C::EndReason as usize, Some(data.reason.as_str()));
    row.text(C::EndedBy as usize, Some(data.ended_by.as_str()));
    row.text(C::Disposition as usize, text(data.disposition.as_ref()));
    row.bool(C::Resolved as usize, data.resolved);
    row.long(C::WrapUpMs as usize, data.wrap_up_ms.map(i64::from));
}

fn append_transcript(row: &mut Row<'_>, data: &Transcript<Redacted<'_>>) {
    append_start(
        row,
        (data.channel, data.direction, data.entry),
        data.customer.as_ref(),
        data.language.as_ref(),
        data.related.as_ref(),
        data.attributes.as_ref(),
    );
    row.text(
        C::TimeSource as usize,
        data.time_source.map(|source| source.as_str()),
    );
    if let Some(legs) = &data.legs {
        row.legs(C::Legs as usize, legs.iter().map(leg));
    }
    let Some(ended) = &data.ended else { return };
    row.time(C::EndedAt as usize, Some(ended.time));
    row.text(C::EndReason as usize, Some(ended.reason.as_str()));
    row.text(C::EndedBy as usize, Some(ended.ended_by.as_str()));
    row.text(C::Disposition as usize, text(ended.disposition.as_ref()));
    row.bool(C::Resolved as usize, ended.resolved);
    row.long(C::WrapUpMs as usize, ended.wrap_up_ms.map(i64::from));
}

fn leg<'a>(leg: &'a TranscriptLeg<Redacted<'a>>) -> LegValues<'a> {
    LegValues {
        handler: leg.handler.as_str(),
        queue: text(leg.queue.as_ref()),
        agent_id: text(leg.agent_id.as_ref()),
        started_at: leg.started_at,
        ended_at: leg.ended_at,
        outcome: leg.outcome.map(LegOutcome::as_str),
        ring_ms: leg.ring_ms.map(i64::from),
        hold_ms: leg.hold_ms.map(i64::from),
        wrap_up_ms: leg.wrap_up_ms.map(i64::from),
    }
}

pub(super) fn text<'a>(value: Option<&'a Redacted<'_>>) -> Option<&'a str> {
    value.map(Redacted::as_str)
}

pub(super) fn texts<'a>(
    values: Option<&'a Vec<Redacted<'_>>>,
) -> Option<impl Iterator<Item = &'a str>> {
    values.map(|values| values.iter().map(Redacted::as_str))
}

pub(super) fn identities<'a>(
    values: Option<&'a Vec<Identity<Redacted<'_>>>>,
) -> Option<impl Iterator<Item = &'a str>> {
    values.map(|values| values.iter().map(|identity| identity.value.as_str()))
}

pub(super) fn json(value: Option<&Json<Redacted<'_>>>) -> Option<String> {
    value.and_then(|value| serde_json::to_string(value).ok())
}
