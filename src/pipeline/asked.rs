//! The topic of each turn in which a customer says what he wants, on its way to the tables.
//!
//! It is what the turn's own words say by the topics that hold when it comes; `requests` has the topic of the request
//! as a whole. Invariants: without topics nothing is judged; other speakers' turns have none. Not here: how topics
//! come to be (`jobs`).

use crate::contract::{Data, Event};
use crate::domain::{Redacted, Speaker};
use crate::enrich::request::is_request;
use crate::enrich::segment::Segmenter;
use crate::enrich::topic::TopicSlot;

/// The topic of each turn of an event, in their order.
pub fn topics(slot: &TopicSlot, event: &Event<Redacted<'_>>) -> Vec<Option<String>> {
    let Some(current) = slot.get() else {
        return Vec::new();
    };
    let judge = |speaker: Speaker, text: &Redacted<'_>| {
        let segmenter = Segmenter::shared();
        let asks = speaker == Speaker::Customer && is_request(segmenter, text.as_str());
        asks.then(|| current.judge(segmenter, text.as_str()).shown)
            .flatten()
    };
    match &event.data {
        Data::Turn(turn) => vec![judge(turn.speaker.role, &turn.text)],
        Data::Transcript(whole) => {
            let turns = whole.turns.iter().flatten();
            turns
                .map(|turn| judge(turn.speaker.role, &turn.text))
                .collect()
        }
        _ => Vec::new(),
    }
}
