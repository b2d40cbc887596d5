//! A made-up service desk, to feed the demo and the benches.
//!
//! A telecom and e-commerce desk in China with calls, chats, WeChat, video and
//! e-mail writes canonical events: menus, queues, agents, what is said, and
//! what follows (surveys, cases, the CRM, shifts).
//!
//! Invariants: the same options give the same bytes; every line decodes under
//! the contract; event ids are unique within a seed; without turns the other
//! events stay as they were; memory holds one day. Nothing here is read by
//! `enrich`, `insight` or `routing`, and nothing of theirs is read here.
//! Not here: a truth to judge by, trends, holidays.

mod after;
mod desk;
mod dice;
mod journey;
mod paths;
mod people;
mod phrases;
mod staff;
mod stays;
mod talk;
mod transcripts;
mod words;
mod write;

pub use write::{Counts, write_ndjson};

use crate::domain::Micros;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Options {
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Interactions over all days.
    pub interactions: u64,
    /// The first day is the UTC day of this instant.
    pub start: Micros,
    /// Days on which interactions begin, at least 1; what follows them may
    /// come up to two days later.
    pub days: u32,
    /// Whether to write what is said.
    pub turns: bool,
    /// Events per second. Not used here: whoever sends them keeps the pace.
    pub rate_per_second: Option<f64>,
    /// Whether [`write_ndjson`] mixes the events of a day.
    pub shuffle_within_day: bool,
}

/// The events of one interaction, or of one agent's day, in order of time.
pub struct Interaction {
    /// Interaction id, or the agent's id with the day.
    pub id: String,
    /// Whether this is an interaction and not an agent's day.
    pub is_interaction: bool,
    /// Canonical documents, without a newline.
    pub events: Vec<Vec<u8>>,
    /// When each event happened; as long as `events`.
    pub at: Vec<Micros>,
}

/// All events, group by group; days in order, and in a day first the agents,
/// then the interactions by their first event.
pub fn simulate(options: &Options) -> impl Iterator<Item = Interaction> + use<> {
    let mut desk = desk::Desk::new(options);
    std::iter::from_fn(move || {
        loop {
            if let Some(group) = desk.next_today() {
                return Some(group);
            }
            if !desk.next_day() {
                return None;
            }
        }
    })
}

#[cfg(test)]
mod tests;
