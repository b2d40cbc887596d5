//! What a gap costs in a week: distinct customers × P(failed) × minutes of people × (1 + repeat share) × (1 + negative
//! share), with the lower 90 % bound by which gaps are ranked.
//!
//! Invariants: the bound multiplies the lower bounds of the parts (Poisson for the count, Wilson for shares), so few
//! cases never rank above many; minutes are a mean without a bound. Every part is in the answer.

use serde::{Deserialize, Serialize};

use super::bounds::{poisson_low, wilson_low};

/// A share with its lower 90 % bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Part of whole.
    pub value: f64,
    /// Its lower bound.
    pub low: f64,
    /// The whole.
    pub n: u64,
}

impl Share {
    /// `part` of `whole`; 0 of nothing.
    #[must_use]
    pub fn of(part: usize, whole: usize) -> Self {
        let (a, n) = (part as f64, whole as f64);
        Self {
            value: if whole == 0 { 0.0 } else { a / n },
            low: wilson_low(a, n),
            n: whole as u64,
        }
    }
}

/// What a gap costs in a week, in parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Impact {
    /// Minutes of people a week, as estimated.
    pub minutes_per_week: f64,
    /// Its lower 90 % bound: what gaps are ranked by.
    pub minutes_per_week_low: f64,
    /// Distinct customers a week.
    pub customers_per_week: f64,
    /// Its lower bound.
    pub customers_per_week_low: f64,
    /// Failed of those whose outcome is known.
    pub p_failed: Share,
    /// Mean minutes of people for one that reached a person.
    pub handle_minutes: f64,
    /// Came again within 7 days.
    pub repeat_share: Share,
    /// Negative or dissatisfied.
    pub negative_share: Share,
}

/// What the parts are counted from.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// Distinct customers over all weeks; a request without a customer is one of its own.
    pub customers: usize,
    /// Length of the time, weeks.
    pub weeks: f64,
    /// Requests that failed.
    pub failed: usize,
    /// Requests whose outcome is known.
    pub known: usize,
    /// Mean minutes of people.
    pub handle_minutes: f64,
    /// Failed requests after which the customer came again, of those whose 7 days are over.
    pub came_again: (usize, usize),
    /// Failed requests of negative or dissatisfied customers, of all failed.
    pub negative: (usize, usize),
}

impl Impact {
    /// The impact of counts; nothing costs nothing.
    #[must_use]
    pub fn of(counts: Counts) -> Self {
        let weeks = counts.weeks.max(1.0 / 7.0);
        let customers = counts.customers as f64;
        let p_failed = Share::of(counts.failed, counts.known);
        let repeat_share = Share::of(counts.came_again.0, counts.came_again.1);
        let negative_share = Share::of(counts.negative.0, counts.negative.1);
        let customers_per_week = customers / weeks;
        let customers_per_week_low = poisson_low(customers) / weeks;
        let minutes = counts.handle_minutes;
        Self {
            minutes_per_week: customers_per_week
                * p_failed.value
                * minutes
                * (1.0 + repeat_share.value)
                * (1.0 + negative_share.value),
            minutes_per_week_low: customers_per_week_low
                * p_failed.low
                * minutes
                * (1.0 + repeat_share.low)
                * (1.0 + negative_share.low),
            customers_per_week,
            customers_per_week_low,
            p_failed,
            handle_minutes: minutes,
            repeat_share,
            negative_share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(factor: usize) -> Counts {
        Counts {
            customers: 8 * factor,
            weeks: 2.0,
            failed: 9 * factor,
            known: 10 * factor,
            handle_minutes: 5.0,
            came_again: (2 * factor, 8 * factor),
            negative: (3 * factor, 9 * factor),
        }
    }

    #[test]
    fn parts_multiply() {
        let impact = Impact::of(counts(1));
        let wanted = 4.0 * 0.9 * 5.0 * 1.25 * (1.0 + 1.0 / 3.0);
        assert!((impact.minutes_per_week - wanted).abs() < 1e-9);
        assert!(impact.minutes_per_week_low < impact.minutes_per_week);
    }

    #[test]
    fn few_cases_rank_below_many_at_the_same_rate() {
        let few = Impact::of(counts(1));
        let many = Impact::of(Counts {
            weeks: 20.0,
            ..counts(10)
        });
        assert!((few.minutes_per_week - many.minutes_per_week).abs() < 1e-9);
        assert!(few.minutes_per_week_low < many.minutes_per_week_low);
        assert_eq!(Impact::of(Counts::default()).minutes_per_week_low, 0.0);
    }
}
