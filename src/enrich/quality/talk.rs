//! What is remembered of one open interaction while rules wait for what comes.
//!
//! Invariants: at most [`MAX_TALK_BYTES`], whatever is said and however many rules there are; only what was found
//! is kept, so an interaction in which nothing was found costs a few hundred bytes. It holds no text but the
//! stored id of the agent who spoke last. Not here: what it means (`judge`), when it is forgotten (`pipeline`).

use std::collections::VecDeque;

use super::pairs::Sketch;
use crate::domain::{Channel, Micros, Speaker};

/// The most that a [`Talk`] may take.
pub const MAX_TALK_BYTES: usize = 4_096;
const KEPT_TURNS: usize = 20;
const KEPT_SKETCHES: usize = 10;
const KEPT_ENTRIES: usize = 160;
const KEPT_HITS: usize = 120;
const KEPT_AGENT_BYTES: usize = 64;

/// The condition was found in a turn.
pub(super) const FOUND: u8 = 1;
/// It holds.
pub(super) const TRUE: u8 = 2;
/// It does not.
pub(super) const FALSE: u8 = 4;
/// It may be found while the window behind its anchor is open.
pub(super) const OPEN: u8 = 8;

/// What is known of one condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The condition.
    pub condition: u16,
    /// [`FOUND`] and its like.
    pub flags: u8,
    /// Of a script: number of the last step that was said, from 1.
    pub highest: u8,
    /// Turns of its role so far when it was found, or when its anchor was.
    pub role_turn: u16,
    /// Number of the turn in which it was found.
    pub turn: u16,
    /// Of a script: the steps that were said.
    pub steps: u16,
    /// Milliseconds since the first turn when it was found, or its anchor was.
    pub at_ms: u32,
}

impl Entry {
    pub const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The state of one interaction; see the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Talk {
    pub(super) first_at: Option<Micros>,
    pub(super) now_ms: u32,
    /// End of the last turn, by role.
    pub(super) ends: [Option<Micros>; 4],
    pub(super) last_speaker: Option<Speaker>,
    /// Turns so far by role; the last: all.
    pub(super) counts: [u16; 5],
    /// Turns in a row with a mood, by role: negative, positive.
    pub(super) runs: [[u8; 2]; 4],
    pub(super) channel: Option<Channel>,
    pub(super) sketches: VecDeque<Sketch>,
    pub(super) has_ended: bool,
    /// Times of rules that have passed.
    pub(super) due: u16,
    heard: VecDeque<u32>,
    entries: Vec<Entry>,
    hits: Vec<u16>,
    agent: Option<Box<str>>,
}

impl Talk {
    /// Notes the channel, when the interaction begins.
    pub fn set_channel(&mut self, channel: Channel) {
        self.channel = Some(channel);
    }

    /// The stored id of the agent who spoke last.
    #[must_use]
    pub fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }

    /// The channel, when it is known.
    #[must_use]
    pub fn channel(&self) -> Option<Channel> {
        self.channel
    }

    /// Time of the first turn.
    #[must_use]
    pub fn first_at(&self) -> Option<Micros> {
        self.first_at
    }

    /// Turns heard.
    #[must_use]
    pub fn turns(&self) -> u16 {
        self.counts[4]
    }

    /// Its size in memory, bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.sketches.capacity() * size_of::<Sketch>()
            + self.heard.capacity() * size_of::<u32>()
            + self.entries.capacity() * size_of::<Entry>()
            + self.hits.capacity() * size_of::<u16>()
            + self.agent.as_ref().map_or(0, |agent| agent.len())
    }

    pub(super) fn set_agent(&mut self, agent: &str) {
        if agent.len() <= KEPT_AGENT_BYTES && self.agent.as_deref() != Some(agent) {
            self.agent = Some(agent.into());
        }
    }

    /// Notes a turn by the hash of its id; false when it was heard before.
    pub(super) fn note_turn(&mut self, turn: u64) -> bool {
        let short = u32::try_from(turn >> 32).unwrap_or(0);
        if self.heard.contains(&short) {
            return false;
        }
        if self.heard.len() >= KEPT_TURNS {
            self.heard.pop_front();
        }
        self.heard
            .reserve_exact(usize::from(self.heard.capacity() == self.heard.len()) * 4);
        self.heard.push_back(short);
        true
    }

    pub(super) fn note_sketch(&mut self, sketch: Sketch) {
        if self.sketches.len() >= KEPT_SKETCHES {
            self.sketches.pop_front();
        }
        if self.sketches.capacity() == self.sketches.len() {
            self.sketches.reserve_exact(2);
        }
        self.sketches.push_back(sketch);
    }

    pub(super) fn entry(&self, condition: u16) -> Option<Entry> {
        let place = self.place(condition).ok()?;
        self.entries.get(place).copied()
    }

    fn place(&self, condition: u16) -> Result<usize, usize> {
        self.entries
            .binary_search_by_key(&condition, |entry| entry.condition)
    }

    /// The entry of a condition, made when there is none; none when the state is full.
    pub(super) fn entry_mut(&mut self, condition: u16) -> Option<&mut Entry> {
        let place = match self.place(condition) {
            Ok(place) => place,
            Err(_) if self.entries.len() >= KEPT_ENTRIES => return None,
            Err(place) => {
                if self.entries.capacity() == self.entries.len() {
                    self.entries.reserve_exact(8);
                }
                let fresh = Entry {
                    condition,
                    ..Entry::default()
                };
                self.entries.insert(place, fresh);
                place
            }
        };
        self.entries.get_mut(place)
    }

    /// Entries whose window is open.
    pub(super) fn open_windows(&self) -> impl Iterator<Item = Entry> {
        self.entries.iter().copied().filter(|entry| entry.has(OPEN))
    }

    pub(super) fn has_hit(&self, rule: u16) -> bool {
        self.hits.binary_search(&rule).is_ok()
    }

    /// Notes that a rule has hit; false when there is no room, and it is as if it had hit before.
    pub(super) fn note_hit(&mut self, rule: u16) -> bool {
        match self.hits.binary_search(&rule) {
            Ok(_) => false,
            Err(_) if self.hits.len() >= KEPT_HITS => false,
            Err(place) => {
                if self.hits.capacity() == self.hits.len() {
                    self.hits.reserve_exact(4);
                }
                self.hits.insert(place, rule);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_talk_stays_below_its_bound_whatever_is_found() {
        let mut talk = Talk::default();
        let sketch = Sketch::of("我的快递什么时候到").unwrap();
        for n in 0..10_000_u16 {
            talk.note_turn(u64::from(n) << 32);
            talk.note_sketch(sketch);
            if let Some(entry) = talk.entry_mut(n) {
                entry.flags = FOUND;
            }
            talk.note_hit(n);
            talk.set_agent(&"x".repeat(usize::from(n % 100)));
        }
        assert!(talk.bytes() <= MAX_TALK_BYTES, "{} bytes", talk.bytes());
        assert!(Talk::default().bytes() < 400, "{}", Talk::default().bytes());
    }
}
