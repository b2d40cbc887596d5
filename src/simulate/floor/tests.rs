//! The floor against queueing theory.

use super::*;
use crate::simulate::dice::{Dice, Stream};

const SECOND: f64 = 1_000_000.0;

/// Probability of waiting, mean wait (s, of all) and share of abandons of M/M/n+M, from the
/// balance equations of its birth-death chain, cut where states are rarer than 1e-14.
fn erlang_a(per_s: f64, service_s: f64, patience_s: f64, agents: usize) -> (f64, f64, f64) {
    let mut weights = vec![1.0_f64];
    for state in 1..agents + 4_000 {
        let served = state.min(agents) as f64 / service_s;
        let left = state.saturating_sub(agents) as f64 / patience_s;
        let weight = weights[state - 1] * per_s / (served + left);
        weights.push(weight);
        if state > agents && weight < 1e-14 * weights.iter().copied().fold(0.0, f64::max) {
            break;
        }
    }
    let total: f64 = weights.iter().sum();
    let waits: f64 = weights.iter().skip(agents).sum::<f64>() / total;
    let line: f64 = weights
        .iter()
        .enumerate()
        .map(|(state, weight)| state.saturating_sub(agents) as f64 * weight)
        .sum::<f64>()
        / total;
    // Little's law; who abandons does so at the rate 1 / patience for each who waits.
    (waits, line / per_s, line / patience_s / per_s)
}

/// The same three figures of one day on the floor.
fn simulated(seed: u64, per_s: f64, service_s: f64, patience_s: f64, agents: usize) -> [f64; 3] {
    let mut dice = Dice::new(seed, Stream::Plan, 9);
    let mut floor = Floor::new(1);
    for _ in 0..agents {
        let agent = floor.hire(&[0], 1);
        floor.shift(agent, 0, i64::MAX - 1, None);
    }
    let draw = |dice: &mut Dice, mean_s: f64| (-(1.0 - dice.unit()).ln() * mean_s * SECOND) as i64;
    let (warm, end) = ((3_600.0 * SECOND) as i64, (90_000.0 * SECOND) as i64);
    let mut joined: HashMap<u64, i64> = HashMap::new();
    let (mut offered, mut waited, mut wait_s, mut left) = (0.0, 0.0, 0.0, 0.0);
    let mut next = 0;
    floor.timer(1, 0);
    while let Some((at, happened)) = floor.next() {
        if at > end {
            break;
        }
        match happened {
            Happened::Timer(contact) => {
                joined.insert(contact, at);
                next += 1;
                let patience = draw(&mut dice, patience_s);
                let arrival = at + draw(&mut dice, 1.0 / per_s);
                floor.timer(arrival, next);
                floor.join(contact, 0, 5, Some(patience));
            }
            Happened::Taken { contact, agent, .. } => {
                floor.busy(at + draw(&mut dice, service_s), agent);
                if let Some(since) = joined.remove(&contact).filter(|since| *since >= warm) {
                    offered += 1.0;
                    waited += f64::from(u8::from(at > since));
                    wait_s += (at - since) as f64 / SECOND;
                }
            }
            Happened::Abandoned { contact, .. } => {
                if let Some(since) = joined.remove(&contact).filter(|since| *since >= warm) {
                    offered += 1.0;
                    waited += 1.0;
                    left += 1.0;
                    wait_s += (at - since) as f64 / SECOND;
                }
            }
            Happened::Agent { .. } => {}
        }
    }
    [waited / offered, wait_s / offered, left / offered]
}

#[test]
fn waits_and_abandons_agree_with_erlang_a_at_three_loads() {
    // 100 calls in half an hour of 180 s each, patience 120 s: 10 erlangs.
    for agents in [7, 10, 13] {
        let (per_s, service_s, patience_s) = (100.0 / 1_800.0, 180.0, 120.0);
        let theory = erlang_a(per_s, service_s, patience_s, agents);
        let days: Vec<[f64; 3]> = (0..24)
            .map(|seed| simulated(seed, per_s, service_s, patience_s, agents))
            .collect();
        for (index, expected) in [theory.0, theory.1, theory.2].into_iter().enumerate() {
            let mean = days.iter().map(|day| day[index]).sum::<f64>() / 24.0;
            let variance = days
                .iter()
                .map(|day| (day[index] - mean).powi(2))
                .sum::<f64>()
                / 23.0;
            let error = (variance / 24.0).sqrt();
            assert!(
                (mean - expected).abs() <= 3.0 * error,
                "{agents} agents, figure {index}: {mean} is not {expected} within 3 x {error}"
            );
        }
    }
}

#[test]
fn the_formula_gives_the_figures_of_the_published_tables() {
    // 10 erlangs, patience two thirds of the service, 7, 10 and 13 agents.
    for (agents, waits, wait_s, left) in [
        (7, 0.816_505_02, 40.062_907, 0.333_857_56),
        (10, 0.496_852_75, 16.495_659, 0.137_463_83),
        (13, 0.193_722_23, 4.611_165, 0.038_426_37),
    ] {
        let told = erlang_a(100.0 / 1_800.0, 180.0, 120.0, agents);
        assert!((told.0 - waits).abs() < 1e-6, "{agents}: {told:?}");
        assert!((told.1 - wait_s).abs() < 1e-4, "{agents}: {told:?}");
        assert!((told.2 - left).abs() < 1e-6, "{agents}: {told:?}");
    }
}

#[test]
fn a_break_waits_for_the_customer_and_nobody_serves_in_it() {
    let mut floor = Floor::new(1);
    let agent = floor.hire(&[0], 1);
    floor.shift(agent, 0, 1_000, Some((100, 50)));
    for (at, contact) in [(90, 1), (120, 2), (2_000, 3)] {
        floor.timer(at, contact);
    }
    let mut taken = Vec::new();
    let mut states = Vec::new();
    while let Some((at, happened)) = floor.next() {
        match happened {
            Happened::Timer(contact) => floor.join(contact, 0, 5, Some(500)),
            Happened::Taken { contact, .. } => {
                taken.push((contact, at));
                floor.busy(at + 40, agent);
            }
            Happened::Abandoned { contact, .. } => assert_eq!((contact, at), (3, 2_500)),
            Happened::Agent { state, .. } => states.push((at, state)),
        }
    }
    assert_eq!(taken, [(1, 90), (2, 180)]);
    assert_eq!(
        states,
        [
            (0, Duty::Begins),
            (130, Duty::Rests),
            (180, Duty::Free),
            (220, Duty::Free),
            (1_000, Duty::Gone)
        ]
    );
}
