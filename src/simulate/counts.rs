//! Daily counts by topic without any words: the plan and chance alone.
//!
//! The same plan, calendar, drift, over-dispersion and effects as a full run;
//! no queues, no repeats but as a constant share. Invariant: the same options
//! give the same counts.

use super::Options;
use super::dice::{Dice, Stream};
use super::plan::{DAY_SHAPE, Plan, TOPIC_SHAPE};
use super::run::topics;
use super::scenario::Library;
use super::truth::{CountTruth, Row};
use crate::domain::Day;

/// Share of the contacts that reach a person.
const HUMAN: f64 = 0.66;

/// Customers for each interaction of a day.
const CUSTOMERS: f64 = 14.0;

/// Topics and changes of a run, and its counts by day and topic.
pub fn counts(options: &Options, library: &Library) -> Vec<Row> {
    let plan = Plan::new(options, library);
    let mut rows = topics(options, library, &plan);
    let shares: f64 = plan.topics.iter().map(|topic| topic.share).sum();
    let per_share = options.per_day() / shares.max(f64::MIN_POSITIVE);
    let customers = (options.per_day() * CUSTOMERS).max(320.0) as i64;
    for day in 0..options.days.max(1) {
        let mut dice = Dice::new(options.stream_seed(), Stream::Day, u64::from(day));
        let common = dice.gamma(DAY_SHAPE);
        for (index, topic) in plan.topics.iter().enumerate() {
            let intent = &library.intents[topic.intent];
            let mean = per_share
                * topic.share
                * plan.level(index, day)
                * plan.calendar_factor(intent, day)
                * common
                * dice.gamma(TOPIC_SHAPE);
            // A change has its effect on what people handle.
            let left = plan.left_by_interventions(index, f64::from(day) + 0.5);
            let human = dice.poisson(mean * HUMAN * left) as i64;
            let rest = dice.poisson(mean * (1.0 - HUMAN)) as i64;
            let row = CountTruth {
                day: Day(options.first_day() + day as i32).start(),
                topic: intent.code.clone(),
                interactions: human + rest,
                human_handled: human,
                active_customers: customers,
            };
            rows.push(row.into());
        }
    }
    rows
}
