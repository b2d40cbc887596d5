//! A simulated service desk whose truth is known.
//!
//! A telecom and e-commerce desk in China with calls, chats, WeChat, video and
//! e-mail writes canonical events: menus, bots, queues, agents, what is said,
//! and what follows (surveys, cases, the CRM, shifts). Beside them stands what
//! is true: topics, gaps, moods, causes, effects, churn.
//!
//! Invariants: the same options and scenarios give the same bytes on any number
//! of threads; every line decodes under the contract; event ids are unique
//! within a seed but for events that are delivered twice on purpose; without
//! turns the other events stay as they were; memory holds some days, not the
//! run. Nothing here is read by `enrich`, `insight` or `routing`, and nothing of
//! theirs is read here. Not here: files, servers, Parquet.

mod after;
mod calendar;
mod contact;
mod counts;
mod customers;
mod describe;
mod desk;
mod dice;
mod floor;
mod knowledge;
mod noise;
mod paths;
mod people;
mod phrases;
mod plan;
mod quota;
mod render;
mod run;
mod scenario;
mod sheet;
mod spoken;
mod staff;
mod stays;
mod talk;
mod transcripts;
pub mod truth;

pub use counts::counts;
pub use describe::describe;
pub use run::{Run, SimulatedDay, documents};
pub use scenario::{LEAST_PHRASINGS, Library, Mistake, ScenarioFile};

use crate::domain::Micros;

/// Share of the characters of calls that a recogniser gets wrong, unless told
/// otherwise: what is usual for telephones (8 kHz) in several dialects.
pub const ASR_NOISE: f64 = 0.22;

const DAY_MICROS: i64 = 86_400_000_000;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Options {
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Interactions of an ordinary day.
    pub interactions_per_day: f64,
    /// Exactly so many interactions over all days; without it chance decides.
    pub interactions: Option<u64>,
    /// The first day is the UTC day of this instant.
    pub start: Micros,
    /// Days on which interactions begin, at least 1; what follows them may
    /// come up to three days later.
    pub days: u32,
    /// Whether to write what is said.
    pub turns: bool,
    /// Use what is kept for the judge: his topics too, his wordings and seeds only.
    pub judge: bool,
    /// Rate of the recogniser's mistakes in calls, 0 to 1.
    pub asr_noise: f64,
    /// Deliver some events late and some twice.
    pub late: bool,
    /// Mix the events of a day.
    pub shuffle_within_day: bool,
    /// Threads that write; changes no byte.
    pub threads: usize,
}

impl Options {
    /// One seed for each pair of seed and part, so that no run of the one part
    /// is a run of the other.
    fn stream_seed(&self) -> u64 {
        self.seed
            .wrapping_mul(2)
            .wrapping_add(u64::from(self.judge))
    }

    fn per_day(&self) -> f64 {
        self.interactions_per_day.max(0.0)
    }

    fn first_day(&self) -> i32 {
        self.start.day().0
    }

    fn start_micros(&self) -> i64 {
        self.start.day().start().0
    }

    fn end_micros(&self) -> i64 {
        self.start_micros() + i64::from(self.days.max(1)) * DAY_MICROS
    }
}

#[cfg(test)]
mod tests;
