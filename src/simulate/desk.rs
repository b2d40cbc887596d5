//! The desk day by day: who arrives when, on which channel, about what.
//!
//! Invariants: interactions come in order of their first event within a day;
//! what one throws never changes what another does, but for the queues that
//! they share.

use std::collections::VecDeque;

use super::dice::{Dice, Stream};
use super::journey::{Journey, Sheet};
use super::people::Person;
use super::phrases::Matter;
use super::staff::{DAY, HOUR, SECOND, Staff};
use super::{Interaction, Options};
use crate::domain::{Channel, Micros};

/// Share of a day's arrivals in each hour of UTC (China is 8 hours ahead).
const HOURS: [f64; 24] = [
    4.0, 7.0, 8.0, 7.0, 5.0, 5.5, 6.5, 6.5, 6.5, 6.0, 5.5, 6.0, 6.0, 5.0, 3.0, 2.0, 1.0, 0.6, 0.4,
    0.3, 0.3, 0.4, 0.8, 1.8,
];

/// Share of a week's arrivals on each day from Monday.
const WEEKDAYS: [f64; 7] = [1.15, 1.05, 1.0, 1.0, 1.02, 0.78, 0.72];

/// Channels and their shares.
const CHANNELS: [(Channel, f64); 5] = [
    (Channel::Call, 0.55),
    (Channel::Chat, 0.18),
    (Channel::Wechat, 0.17),
    (Channel::Video, 0.03),
    (Channel::Email, 0.07),
];

/// How many past interactions may be followed by another.
const MEMORY: usize = 64;

/// What later interactions need to know of an earlier one.
pub(super) struct Past {
    pub id: String,
    pub initial_id: String,
    pub person: u64,
    pub at: i64,
}

/// The service desk.
pub(super) struct Desk {
    pub options: Options,
    pub staff: Staff,
    first_day: i64,
    day: u32,
    arrivals: VecDeque<i64>,
    shifts: VecDeque<usize>,
    served: u64,
    number: u64,
    unsolved: VecDeque<Past>,
    callbacks: VecDeque<Past>,
}

/// What an interaction goes on from.
pub(super) struct Earlier {
    pub past: Past,
    pub callback: bool,
}

impl Desk {
    pub(super) fn new(options: &Options) -> Self {
        let first_day = options.start.day().start().0;
        let mut desk = Self {
            options: options.clone(),
            staff: Staff::for_day(options.seed, first_day, 0.0),
            first_day,
            day: 0,
            arrivals: VecDeque::new(),
            shifts: VecDeque::new(),
            served: 0,
            number: 0,
            unsolved: VecDeque::new(),
            callbacks: VecDeque::new(),
        };
        desk.begin_day();
        desk
    }

    /// The first instant after the current day.
    pub(super) fn day_end(&self) -> i64 {
        self.day_start() + DAY
    }

    pub(super) fn day_start(&self) -> i64 {
        self.first_day + i64::from(self.day) * DAY
    }

    /// The next group of events of the current day, if any is left.
    pub(super) fn next_today(&mut self) -> Option<Interaction> {
        if let Some(index) = self.shifts.pop_front() {
            return Some(self.agent_day(index));
        }
        let at = self.arrivals.pop_front()?;
        self.number += 1;
        Some(self.interaction(at))
    }

    /// Goes to the next day; false after the last one.
    pub(super) fn next_day(&mut self) -> bool {
        if self.day + 1 >= self.options.days.max(1) {
            return false;
        }
        self.day += 1;
        self.begin_day();
        true
    }

    fn begin_day(&mut self) {
        let days = self.options.days.max(1);
        let weight = |day: u32| {
            let weekday = (Micros(self.first_day).day().0 + day as i32 + 3).rem_euclid(7);
            WEEKDAYS[weekday as usize]
        };
        let total: f64 = (0..days).map(weight).sum();
        let so_far: f64 = (0..=self.day).map(weight).sum();
        let until = (self.options.interactions as f64 * (so_far / total)).round() as u64;
        let today = until.min(self.options.interactions) - self.served;
        self.served += today;
        let per_day = self.options.interactions as f64 / total;
        self.number = 0;
        self.staff = Staff::for_day(self.options.seed, self.day_start(), per_day);
        self.shifts = (0..self.staff.agents.len()).collect();
        let mut dice = Dice::new(self.options.seed, Stream::Arrivals, u64::from(self.day));
        let start = self.day_start();
        let mut arrivals: Vec<i64> = (0..today)
            .map(|_| start + dice.weighted(&HOURS) as i64 * HOUR + dice.below(HOUR as u64) as i64)
            .collect();
        arrivals.sort_unstable();
        self.arrivals = arrivals.into();
    }

    fn interaction(&mut self, at: i64) -> Interaction {
        let seed = self.options.seed;
        let index = (u64::from(self.day) << 32) | self.number;
        let mut dice = Dice::new(seed, Stream::Journey, index);
        let earlier = self.earlier(at, &mut dice);
        let person_index = match &earlier {
            Some(earlier) => earlier.past.person,
            // Some people call far more often than others.
            None => (dice.unit().powi(2) * self.population()) as u64,
        };
        let channel = match &earlier {
            Some(Earlier { callback: true, .. }) => Channel::Call,
            _ => CHANNELS[dice.weighted(&CHANNELS.map(|(_, share)| share))].0,
        };
        let person = Person::new(seed, person_index);
        let matter = Matter::new(person.english, &mut dice);
        let day = self.day_start();
        let id = format!("{channel}-{}-s{seed}-{:06}", compact_day(day), self.number);
        let upset = dice.chance(if earlier.is_some() { 0.4 } else { 0.14 });
        let mut journey = Journey {
            sheet: Sheet::new(id),
            channel,
            person,
            matter,
            dice,
            words_seed: seed ^ index.rotate_left(17),
            turns: self.options.turns,
            turn_count: 0,
            upset,
        };
        let (ended_at, solved) = self.pass(&mut journey, earlier.as_ref(), at);
        if !solved {
            self.remember(
                &journey,
                earlier.map(|earlier| earlier.past),
                person_index,
                ended_at,
            );
        }
        journey.sheet.finish(true)
    }

    fn population(&self) -> f64 {
        (self.options.interactions as f64 / 2.5).max(200.0)
    }

    /// A call-back that is due, or now and then someone whose matter stayed open.
    fn earlier(&mut self, at: i64, dice: &mut Dice) -> Option<Earlier> {
        let due = |past: &Past, after: i64| past.at + after <= at;
        let again = dice.chance(0.11);
        if self
            .callbacks
            .front()
            .is_some_and(|past| due(past, 600 * SECOND))
        {
            let past = self.callbacks.pop_front()?;
            return Some(Earlier {
                past,
                callback: true,
            });
        }
        if again
            && self
                .unsolved
                .front()
                .is_some_and(|past| due(past, 900 * SECOND))
        {
            let past = self.unsolved.pop_front()?;
            return Some(Earlier {
                past,
                callback: false,
            });
        }
        None
    }

    /// Promises a call-back.
    pub(super) fn call_back_later(&mut self, journey: &Journey, at: i64) {
        let id = journey.sheet.id.clone();
        let past = Past {
            initial_id: id.clone(),
            id,
            person: journey.person.index,
            at,
        };
        self.callbacks.push_back(past);
    }

    fn remember(&mut self, journey: &Journey, earlier: Option<Past>, person: u64, at: i64) {
        let id = journey.sheet.id.clone();
        let is_callback = self.callbacks.back().is_some_and(|past| past.id == id);
        if is_callback {
            return;
        }
        let initial_id = earlier.map_or_else(|| id.clone(), |past| past.initial_id);
        self.unsolved.push_back(Past {
            id,
            initial_id,
            person,
            at,
        });
        if self.unsolved.len() > MEMORY {
            self.unsolved.pop_front();
        }
    }
}

fn compact_day(at: i64) -> String {
    Micros(at).day().to_string().replace('-', "")
}
