//! What the stream knows of open interactions: their channel.
//!
//! Invariants: bounded; an interaction without an event for 30 minutes by event
//! time is forgotten, and so is the longest unheard one beyond the limit; what
//! is not known is null, and the views find it out.

use std::collections::HashMap;

use twox_hash::XxHash3_64;

use crate::contract::{Data, Event};
use crate::domain::{Channel, Micros, Redacted};

const KEPT_MICROS: i64 = 30 * 60 * 1_000_000;
const KEPT_INTERACTIONS: usize = 500_000;
const SWEEP_EVERY: u32 = 100_000;

/// The open interactions of this process.
#[derive(Default)]
pub struct OpenInteractions {
    channels: HashMap<u64, (Channel, Micros)>,
    newest: Option<Micros>,
    since_sweep: u32,
}

impl OpenInteractions {
    /// Takes note of `event` and gives the channel of its interaction.
    pub fn channel(&mut self, event: &Event<Redacted<'_>>) -> Option<Channel> {
        let interaction_id = event.subject.as_ref()?;
        let key = XxHash3_64::oneshot(interaction_id.as_str().as_bytes());
        self.newest = self.newest.max(Some(event.time));
        self.sweep();
        match &event.data {
            Data::Started(data) => {
                self.channels.insert(key, (data.channel, event.time));
                Some(data.channel)
            }
            Data::Transcript(data) => Some(data.channel),
            Data::Ended(_) => self.channels.get(&key).map(|(channel, _)| *channel),
            _ => {
                let (channel, heard) = self.channels.get_mut(&key)?;
                *heard = (*heard).max(event.time);
                Some(*channel)
            }
        }
    }

    /// Forgets everything, as after a restart.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn sweep(&mut self) {
        self.since_sweep += 1;
        if self.since_sweep < SWEEP_EVERY {
            return;
        }
        self.since_sweep = 0;
        let Some(newest) = self.newest else { return };
        self.channels
            .retain(|_, (_, heard)| newest.0 - heard.0 < KEPT_MICROS);
        if self.channels.len() > KEPT_INTERACTIONS {
            // Rare, and harmless: views ask the facts for a channel that is not known.
            self.channels.clear();
        }
    }
}
