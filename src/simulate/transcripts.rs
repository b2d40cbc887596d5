//! Interactions that arrive whole, when they are over.
//!
//! Invariants: the queue leg ends before the agent leg begins; turns lie in the
//! agent leg.

use std::borrow::Cow;

use super::desk::Desk;
use super::journey::{Journey, Text};
use super::staff::{MS, Queue, SECOND};
use super::talk::written;
use crate::contract::Data;
use crate::contract::event::{Transcript, TranscriptEnded, TranscriptLeg};
use crate::domain::{Channel, Direction, EndReason, EndedBy, Entry, Handler, LegOutcome, Micros};

impl Desk {
    /// One transcript. Gives the time of its end and whether the matter was
    /// solved; `None`, and nothing is written, when nobody is there to take it.
    pub(super) fn transcript(&mut self, journey: &mut Journey, at: i64) -> Option<(i64, bool)> {
        let queue = match journey.channel {
            Channel::Call => journey.matter.intent.queue,
            Channel::Video => Queue::Video,
            _ => journey.matter.intent.queue.for_text(),
        };
        let free = self.staff.next_free(queue, at);
        let (from, agent) = free.filter(|(from, _)| from - at < 90 * SECOND)?;
        let ring = journey.dice.between(900, 5_000);
        let talk = journey
            .dice
            .service_ms(170_000.0, 0.5)
            .clamp(10_000, 1_800_000);
        let wrap = journey.dice.between(5_000, 60_000);
        let (answered_at, until) = (from + ring * MS, from + (ring + talk) * MS);
        self.staff.occupy(queue, until + wrap * MS);
        let agent_id = self.staff.agents[agent].id.clone();
        let waited = TranscriptLeg {
            outcome: Some(LegOutcome::Answered),
            ..leg(Handler::Queue, queue, (at, from))
        };
        let served = TranscriptLeg {
            agent_id: Some(Cow::Owned(agent_id.clone())),
            ring_ms: Some(ring as u32),
            hold_ms: Some(0),
            wrap_up_ms: Some(wrap as u32),
            ..leg(Handler::Agent, queue, (answered_at, until))
        };
        let solved = journey.dice.chance(0.8);
        let said = journey
            .turns
            .then(|| written(journey, &agent_id, (answered_at, until)));
        let transcript = Transcript {
            legs: Some(vec![waited, served]),
            turns: said,
            ..finished(journey, until, solved)
        };
        journey.put(at, Data::Transcript(transcript));
        Some((until, solved))
    }
}

fn leg(handler: Handler, queue: Queue, (from, until): (i64, i64)) -> TranscriptLeg<Text<'static>> {
    TranscriptLeg {
        handler,
        queue: Some(Cow::Borrowed(queue.as_str())),
        agent_id: None,
        started_at: Micros(from - from % MS),
        ended_at: Micros(until - until % MS),
        outcome: None,
        ring_ms: None,
        hold_ms: None,
        wrap_up_ms: None,
    }
}

/// Head and end, without legs and turns.
fn finished(journey: &Journey, until: i64, solved: bool) -> Transcript<Text<'static>> {
    let ended = TranscriptEnded {
        time: Micros(until - until % MS),
        reason: EndReason::Completed,
        ended_by: EndedBy::Customer,
        disposition: Some(Cow::Borrowed(journey.matter.intent.query)),
        resolved: Some(solved),
        wrap_up_ms: None,
    };
    Transcript {
        channel: journey.channel,
        direction: Direction::Inbound,
        customer: Some(journey.person.on_channel(journey.channel, true)),
        entry: Entry::Queue,
        language: Some(journey.language()),
        related: None,
        attributes: None,
        time_source: None,
        legs: None,
        turns: None,
        ended: Some(ended),
    }
}
