//! What the desk's history does to its customers: who leaves, and why.
//!
//! Invariants: a customer who left does not come again; the hazard of a day is
//! a function of the drivers alone (`hazard`). Memory is one small record a
//! customer, however long the run. Not here: names and numbers.

use super::dice::{Dice, Stream};

/// What the CRM knows of a customer from the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Facts {
    /// 0 standard to 3 diamond.
    pub tier: u8,
    pub months_with_us: u16,
    /// Months until the contract ends; 0 when it is over.
    pub contract_months: u16,
    pub value: f64,
}

/// The tiers' names.
pub(super) const TIERS: [&str; 4] = ["standard", "silver", "gold", "diamond"];

impl Facts {
    pub(super) fn of(seed: u64, customer: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0xfac7, Stream::Person, customer);
        Self {
            tier: dice.weighted(&[0.6, 0.22, 0.13, 0.05]) as u8,
            months_with_us: dice.between(1, 160) as u16,
            contract_months: dice.between(0, 24) as u16,
            value: dice.between(0, 100) as f64 / 100.0,
        }
    }
}

/// What happened to a customer; fades over some weeks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Record {
    /// Contacts that solved nothing.
    pub unsolved: f32,
    /// Contacts that ended in a bad mood.
    pub upset: f32,
    /// Queues left.
    pub abandoned: f32,
    pub contacts: u16,
    /// Whether the CRM's record of him was written.
    pub known: bool,
    /// When he said that he leaves, µs; 0 when he stays.
    pub leaving_at: i64,
    /// When he left, µs; 0 when he is here.
    pub left_at: i64,
}

/// What of a grief is left after a day (half in 16 days).
const FADES: f32 = 0.957;

/// One who leaves, from today.
pub(super) struct Leaver {
    pub customer: u64,
    pub at: i64,
    pub left_at: i64,
}

/// Everybody.
pub(super) struct Customers {
    pub records: Vec<Record>,
    seed: u64,
}

/// The log-odds of leaving on one day: intercept and what each driver adds.
pub(super) fn log_hazard(facts: Facts, record: &Record) -> f64 {
    let contract_over = f64::from(u8::from(facts.contract_months == 0));
    -8.6 + 0.85 * f64::from(record.unsolved)
        + 0.55 * f64::from(record.upset)
        + 0.45 * f64::from(record.abandoned)
        + 1.1 * contract_over
        - 0.008 * f64::from(facts.months_with_us)
        - 0.35 * f64::from(facts.tier)
}

impl Customers {
    pub(super) fn new(seed: u64, population: u64) -> Self {
        Self {
            records: vec![Record::default(); population as usize],
            seed,
        }
    }

    pub(super) fn is_gone(&self, customer: u64, at: i64) -> bool {
        let record = self.records.get(customer as usize);
        record.is_some_and(|record| record.left_at != 0 && record.left_at <= at)
    }

    /// Keeps what a contact was like.
    pub(super) fn remember(&mut self, customer: u64, solved: bool, mood: f64, abandoned: bool) {
        let Some(record) = self.records.get_mut(customer as usize) else {
            return;
        };
        record.contacts = record.contacts.saturating_add(1);
        record.unsolved += f32::from(u8::from(!solved));
        record.upset += f32::from(u8::from(mood <= -1.0));
        record.abandoned += f32::from(u8::from(abandoned));
    }

    /// A night passes: griefs fade, some decide to leave.
    pub(super) fn pass_day(&mut self, day: u32, day_start: i64) -> Vec<Leaver> {
        const HOUR: i64 = 3_600_000_000;
        let mut dice = Dice::new(self.seed, Stream::Day, u64::from(day));
        let mut leavers = Vec::new();
        for (customer, record) in self.records.iter_mut().enumerate() {
            let chance = dice.unit();
            if record.leaving_at != 0 {
                continue;
            }
            let odds = log_hazard(Facts::of(self.seed, customer as u64), record).exp();
            let hazard = odds / (1.0 + odds);
            if chance < hazard {
                record.leaving_at = day_start + dice.between(1, 14) * HOUR;
                record.left_at = record.leaving_at + dice.between(2, 15) * 24 * HOUR;
                leavers.push(Leaver {
                    customer: customer as u64,
                    at: record.leaving_at,
                    left_at: record.left_at,
                });
            }
            record.unsolved *= FADES;
            record.upset *= FADES;
            record.abandoned *= FADES;
        }
        leavers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_left_alone_with_his_trouble_leaves_more_often() {
        let left = |unsolved: f32| {
            let mut customers = Customers::new(5, 20_000);
            for record in &mut customers.records {
                record.unsolved = unsolved;
            }
            customers.pass_day(0, 0).len()
        };
        let (calm, angry) = (left(0.0), left(3.0));
        assert!(calm > 0 && angry > 5 * calm, "{calm} {angry}");
    }

    #[test]
    fn nobody_leaves_twice_and_who_left_is_gone() {
        let mut customers = Customers::new(5, 500);
        let mut seen = std::collections::HashSet::new();
        for day in 0..200 {
            for record in &mut customers.records {
                record.unsolved = 3.0;
            }
            for leaver in customers.pass_day(day, 0) {
                assert!(seen.insert(leaver.customer));
                assert!(!customers.is_gone(leaver.customer, leaver.at));
                assert!(customers.is_gone(leaver.customer, leaver.left_at));
            }
        }
        assert!(seen.len() > 100);
    }
}
