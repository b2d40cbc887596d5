//! Interactions that arrive whole, when they are over.
//!
//! Invariants: only a contact that one agent took from one queue is written so;
//! the queue leg ends before the agent leg begins; turns lie in the agent leg.

use std::borrow::Cow;

use super::contact::{Contact, Stay, Step};
use super::render::Pen;
use super::sheet::Text;
use super::staff::MS;
use super::talk::Turn;
use crate::contract::Data;
use crate::contract::event::{
    SpeakerRef, Transcript, TranscriptEnded, TranscriptLeg, TranscriptTurn,
};
use crate::domain::{
    Channel, ContentType, Direction, EndReason, EndedBy, Entry, Handler, LegOutcome, Micros,
    Speaker,
};

/// Whether a contact can be written as one document.
pub(super) fn fits(contact: &Contact) -> bool {
    let count =
        |wanted: fn(&Step) -> bool| contact.steps.iter().filter(|step| wanted(step)).count();
    contact.earlier.is_none()
        && contact.channel != Channel::Email
        && count(|step| matches!(step, Step::Stay(_))) == 1
        && count(|step| matches!(step, Step::Queued { .. })) == 1
        && count(|step| matches!(step, Step::Bot { .. } | Step::Transferred { .. })) == 0
}

/// Writes the contact as a transcript.
pub(super) fn write(pen: &mut Pen<'_>) {
    let contact = pen.contact;
    let Some(stay) = contact.last_stay().copied() else {
        return;
    };
    let queued = contact.steps.iter().find_map(|step| match step {
        Step::Queued { at, queue, .. } => Some((*at, *queue)),
        _ => None,
    });
    let (queued_at, queue) = queued.unwrap_or((contact.started_at, contact.queue));
    let left_at = stay.from - i64::from(stay.ring_ms) * MS;
    let agent = pen.agent(stay.agent);
    let waited = TranscriptLeg {
        outcome: Some(LegOutcome::Answered),
        ..leg(Handler::Queue, pen.queue(queue), (queued_at, left_at))
    };
    let held = stay.hold.map_or(0, |(from, until)| (until - from) / MS);
    let served = TranscriptLeg {
        agent_id: Some(agent.clone()),
        ring_ms: Some(stay.ring_ms),
        hold_ms: Some(held as u32),
        wrap_up_ms: Some(stay.wrap_ms),
        ..leg(Handler::Agent, pen.queue(queue), (stay.from, stay.until))
    };
    let turns = pen.world.options.turns.then(|| {
        let said = pen.agent_talk(&stay);
        said.into_iter()
            .map(|turn| written(pen, turn, &agent))
            .collect()
    });
    let customer = pen.customer();
    let transcript = Transcript {
        channel: contact.channel,
        direction: Direction::Inbound,
        customer: Some(customer),
        entry: Entry::Queue,
        language: Some(Cow::Borrowed(pen.language.tag)),
        related: None,
        attributes: None,
        time_source: None,
        legs: Some(vec![waited, served]),
        turns,
        ended: Some(ended(pen, &stay)),
    };
    pen.put(contact.started_at, Data::Transcript(transcript));
}

fn ended(pen: &Pen<'_>, stay: &Stay) -> TranscriptEnded<Text<'static>> {
    TranscriptEnded {
        time: Micros(stay.until - stay.until.rem_euclid(MS)),
        reason: EndReason::Completed,
        ended_by: EndedBy::Customer,
        disposition: Some(Cow::Owned(pen.intent.code.clone())),
        resolved: Some(stay.solved),
        wrap_up_ms: None,
    }
}

fn written<'t>(pen: &mut Pen<'_>, turn: Turn, agent: &Text<'t>) -> TranscriptTurn<Text<'t>> {
    let turn_id = pen.told(&turn);
    TranscriptTurn {
        at: Micros(turn.at - turn.at.rem_euclid(MS)),
        turn_id: Cow::Owned(turn_id),
        speaker: SpeakerRef {
            role: turn.speaker,
            id: (turn.speaker == Speaker::Agent).then(|| agent.clone()),
        },
        text: Cow::Owned(turn.spoken.text),
        started_at: None,
        ended_at: None,
        content_type: ContentType::Text,
        asr: None,
        signals: None,
        language: None,
    }
}

fn leg<'t>(
    handler: Handler,
    queue: Text<'t>,
    (from, until): (i64, i64),
) -> TranscriptLeg<Text<'t>> {
    TranscriptLeg {
        handler,
        queue: Some(queue),
        agent_id: None,
        started_at: Micros(from - from.rem_euclid(MS)),
        ended_at: Micros(until - until.rem_euclid(MS)),
        outcome: None,
        ring_ms: None,
        hold_ms: None,
        wrap_up_ms: None,
    }
}
