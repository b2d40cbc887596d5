//! Queues, agents and when an agent is free.
//!
//! Waits are not drawn: a queue hands customers to its agents in order of
//! arrival, so waits follow from arrivals, shifts and handling times.
//! Invariants: an agent (or one of his parallel places in text channels) serves
//! one customer at a time and none outside his shift or in his break.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::dice::{Dice, Stream};
use crate::domain::Micros;

pub(super) const MS: i64 = 1_000;
pub(super) const SECOND: i64 = 1_000 * MS;
pub(super) const HOUR: i64 = 3_600 * SECOND;
pub(super) const DAY: i64 = 24 * HOUR;

/// Where customers wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Queue {
    Billing,
    Broadband,
    Orders,
    Returns,
    English,
    ChatTelecom,
    ChatShop,
    Video,
    Email,
}

impl Queue {
    pub(super) const ALL: [Self; 9] = [
        Self::Billing,
        Self::Broadband,
        Self::Orders,
        Self::Returns,
        Self::English,
        Self::ChatTelecom,
        Self::ChatShop,
        Self::Video,
        Self::Email,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Billing => "billing",
            Self::Broadband => "broadband",
            Self::Orders => "orders",
            Self::Returns => "returns",
            Self::English => "english",
            Self::ChatTelecom => "chat_telecom",
            Self::ChatShop => "chat_shop",
            Self::Video => "video",
            Self::Email => "email",
        }
    }

    /// The queue of text channels for the same matters.
    pub(super) const fn for_text(self) -> Self {
        match self {
            Self::Billing | Self::Broadband => Self::ChatTelecom,
            Self::English => Self::English,
            _ => Self::ChatShop,
        }
    }

    /// Customers that one agent serves at once.
    pub(super) const fn capacity(self) -> i32 {
        match self {
            Self::ChatTelecom | Self::ChatShop => 3,
            _ => 1,
        }
    }

    /// Share of all interactions that wait here times the minutes that one
    /// takes of an agent; from these the teams are sized.
    const fn minutes_per_interaction(self) -> f64 {
        match self {
            Self::Billing => 0.114 * 4.6,
            Self::Broadband => 0.069 * 4.6,
            Self::Orders | Self::Returns => 0.093 * 4.6,
            Self::English => 0.034 * 4.9,
            Self::ChatTelecom => 0.090 * 2.6,
            Self::ChatShop => 0.092 * 2.6,
            Self::Video => 0.030 * 4.6,
            Self::Email => 0.070 * 5.5,
        }
    }
}

/// Start and end in hours after 00:00 UTC: early, late and night in China.
const SHIFTS: [(i64, i64); 3] = [(0, 8), (6, 14), (13, 24)];

/// Share of a day's load that each shift is staffed for.
const SHIFT_LOAD: [f64; 3] = [0.57, 0.46, 0.16];

/// Share of a shift in which an agent can be busy.
const OCCUPANCY: f64 = 0.74;

/// An agent and his working day.
pub(super) struct Agent {
    pub id: String,
    pub queue: Queue,
    pub since: Micros,
    pub level: f64,
    pub shift: (i64, i64),
    pub rest: (i64, i64),
}

impl Agent {
    /// What events call him.
    pub(super) fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }
}

/// Everybody who works on one day.
pub(super) struct Staff {
    pub agents: Vec<Agent>,
    places: [BinaryHeap<Reverse<(i64, usize)>>; 9],
}

impl Staff {
    /// The teams of the day that begins at `day_start`, sized for a day of
    /// `interactions`.
    pub(super) fn for_day(seed: u64, day_start: i64, interactions: f64) -> Self {
        let mut staff = Self {
            agents: Vec::new(),
            places: Default::default(),
        };
        for queue in Queue::ALL {
            for (&(start, end), load) in SHIFTS.iter().zip(SHIFT_LOAD) {
                let minutes = interactions * load * queue.minutes_per_interaction();
                let seats = minutes / ((end - start) as f64 * 60.0 * OCCUPANCY);
                let seats = (seats.round() as usize).max(1);
                for _ in 0..seats {
                    let shift = (day_start + start * HOUR, day_start + end * HOUR);
                    staff.hire(seed, queue, shift, if seats > 1 { 30 } else { 10 });
                }
            }
        }
        staff
    }

    fn hire(&mut self, seed: u64, queue: Queue, shift: (i64, i64), break_minutes: i64) {
        let index = self.agents.len();
        let mut dice = Dice::new(seed, Stream::Staff, index as u64);
        let rest = shift.0 + dice.between(150, 300) * 60 * SECOND;
        let since = 1_420_070_400 + dice.between(0, 330_000_000);
        for _ in 0..queue.capacity() {
            self.places[queue as usize].push(Reverse((shift.0, index)));
        }
        self.agents.push(Agent {
            id: format!("a-{:04}", 1001 + index),
            queue,
            since: Micros(since * SECOND),
            level: dice.between(30, 100) as f64 / 100.0,
            shift,
            rest: (rest, rest + break_minutes * 60 * SECOND),
        });
    }

    /// When the next agent of `queue` can take a customer who stands in front
    /// at `at`, and who it is; `None` when nobody works any more.
    pub(super) fn next_free(&mut self, queue: Queue, at: i64) -> Option<(i64, usize)> {
        let places = &mut self.places[queue as usize];
        loop {
            let Reverse((free_at, index)) = places.pop()?;
            let agent = &self.agents[index];
            let from = free_at.max(at);
            if from >= agent.shift.1 {
                continue;
            }
            if (agent.rest.0..agent.rest.1).contains(&from) {
                places.push(Reverse((agent.rest.1, index)));
                continue;
            }
            // Someone who is free earlier than this one may stand behind him
            // only through a break: the order of the heap is checked again.
            places.push(Reverse((free_at, index)));
            return Some((from, index));
        }
    }

    /// Gives the place that [`Self::next_free`] named to a customer, until `until`.
    pub(super) fn occupy(&mut self, queue: Queue, until: i64) {
        if let Some(Reverse((_, index))) = self.places[queue as usize].pop() {
            self.places[queue as usize].push(Reverse((until, index)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_waits_for_the_agent_who_is_free_first() {
        let mut staff = Staff::for_day(1, 0, 300.0);
        let (first, agent) = staff.next_free(Queue::Video, HOUR).unwrap();
        assert_eq!(first, HOUR);
        staff.occupy(Queue::Video, 2 * HOUR);
        assert_eq!(
            staff.next_free(Queue::Video, HOUR + 1),
            Some((2 * HOUR, agent))
        );
        assert_eq!(staff.next_free(Queue::Video, DAY), None);
    }

    #[test]
    fn nobody_serves_in_his_break_or_outside_his_shift() {
        let mut staff = Staff::for_day(1, DAY, 20_000.0);
        let mut at = DAY;
        while let Some((from, index)) = staff.next_free(Queue::Orders, at) {
            let agent = &staff.agents[index];
            assert!(from >= agent.shift.0 && from < agent.shift.1);
            assert!(!(agent.rest.0..agent.rest.1).contains(&from));
            staff.occupy(Queue::Orders, from + 300 * SECOND);
            at += 10 * SECOND;
        }
    }
}
