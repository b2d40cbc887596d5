//! Exactly so many interactions, when a run was asked for a number.
//!
//! All of them are drawn as first contacts; who comes again takes the place of a
//! first contact that is yet to come. Invariants: contacts that came and those
//! that are planned are the number that was asked for, at any time. Not here:
//! who comes when.

use std::collections::BTreeSet;

use super::contact::Contact;
use super::desk::Desk;
use super::dice::{Dice, Stream};
use super::people::is_english;
use super::plan::{DAY_SHAPE, TOPIC_SHAPE};

/// First contacts that are yet to come.
pub(super) struct Quota {
    /// By day, for days that have not begun.
    days: Vec<u64>,
    /// Of today: when, and the number of the contact.
    today: BTreeSet<(i64, u64)>,
}

/// Whose place a repeated contact takes.
enum Place {
    /// Of a contact of today.
    Contact(u64),
    /// Of one who was not drawn yet.
    LaterDay,
}

impl Quota {
    /// `total` contacts over days with these expected numbers.
    fn new(seed: u64, total: u64, expected: &[f64]) -> Self {
        let mut dice = Dice::new(seed, Stream::Arrivals, 1 << 40);
        let weights: Vec<f64> = expected
            .iter()
            .map(|mean| mean * dice.gamma(DAY_SHAPE))
            .collect();
        Self {
            days: draw(&mut dice, total, &weights),
            today: BTreeSet::new(),
        }
    }

    /// First contacts of a day that begins.
    fn begin(&mut self, day: u32) -> u64 {
        self.days.get_mut(day as usize).map_or(0, std::mem::take)
    }

    /// Gives up a first contact near `at`, which lies on `day`.
    fn give_up(&mut self, day: usize, at: i64) -> Option<Place> {
        let later = self.today.range((at, 0)..).next().copied();
        if let Some(place) = later.or_else(|| self.today.last().copied())
            && self.days.get(day).is_none_or(|count| *count == 0)
        {
            self.today.remove(&place);
            return Some(Place::Contact(place.1));
        }
        let is_open = |index: &usize| self.days.get(*index).is_some_and(|count| *count > 0);
        let open = (day..self.days.len())
            .find(is_open)
            .or_else(|| (0..day.min(self.days.len())).rfind(is_open))?;
        let count = self.days.get_mut(open)?;
        *count -= 1;
        Some(Place::LaterDay)
    }
}

/// `total` draws from `weights`, counted.
fn draw(dice: &mut Dice, total: u64, weights: &[f64]) -> Vec<u64> {
    let mut sums = Vec::with_capacity(weights.len());
    let mut sum = 0.0;
    for weight in weights {
        sum += weight;
        sums.push(sum);
    }
    let mut counts = vec![0; weights.len()];
    for _ in 0..total {
        let throw = dice.unit() * sum;
        let index = sums.partition_point(|sum| *sum <= throw);
        let last = counts.len().saturating_sub(1);
        if let Some(count) = counts.get_mut(index.min(last)) {
            *count += 1;
        }
    }
    counts
}

impl Desk<'_> {
    /// Prepares for exactly `total` interactions; staffing follows.
    pub(super) fn limit_to(&mut self, total: u64) {
        let days = self.options.days.max(1);
        let expected: Vec<f64> = (0..days)
            .map(|day| self.rates(day).iter().sum::<f64>())
            .collect();
        let sum = expected.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        self.scale_rates(total as f64 / sum);
        self.quota = Some(Quota::new(self.options.stream_seed(), total, &expected));
    }

    /// First contacts of a day by topic, when their number is fixed.
    pub(super) fn fixed_counts(&mut self, day: u32, dice: &mut Dice) -> Option<Vec<u64>> {
        let total = self.quota.as_mut()?.begin(day);
        let rates = self.rates(day);
        let weights: Vec<f64> = rates
            .iter()
            .map(|rate| rate * dice.gamma(TOPIC_SHAPE))
            .collect();
        Some(draw(dice, total, &weights))
    }

    /// Notes a first contact that is planned for today.
    pub(super) fn expects(&mut self, at: i64, number: u64) {
        if let Some(quota) = &mut self.quota {
            quota.today.insert((at, number));
        }
    }

    /// A planned contact is there.
    pub(super) fn came(&mut self, at: i64, number: u64) {
        if let Some(quota) = &mut self.quota {
            quota.today.remove(&(at, number));
        }
    }

    /// Whether one more contact at `at` fits; it takes another one's place.
    pub(super) fn makes_room(&mut self, at: i64) -> bool {
        let day = self.day_of(at).max(0.0) as usize;
        let Some(quota) = &mut self.quota else {
            return true;
        };
        match quota.give_up(day, at) {
            Some(Place::Contact(number)) => {
                self.contacts.remove(&number);
                true
            }
            Some(Place::LaterDay) => true,
            None => false,
        }
    }

    /// Where the number is fixed somebody else comes for one who has left.
    pub(super) fn replace_gone(&self, contact: &mut Contact, at: i64) -> bool {
        if self.quota.is_none() {
            return false;
        }
        let population = self.customers.records.len() as u64;
        let english = is_english(contact.customer);
        let other = (1..population)
            .map(|step| (contact.customer + step) % population)
            .find(|other| is_english(*other) == english && !self.customers.is_gone(*other, at));
        contact.customer = other.unwrap_or(contact.customer);
        contact.second = false;
        contact.earlier = None;
        true
    }
}
