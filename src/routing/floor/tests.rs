//! The floor against queueing theory, and policies against each other.

use super::draws::{Stream, calls, seats};
use super::measure::{Figures, measure};
use super::theory::erlang_a;
use super::*;

const STREAM: Stream = Stream {
    per_s: 100.0 / 1_800.0,
    service_s: 180.0,
    patience_s: 120.0,
    base: 0.0,
    value: 0.5,
};

fn figures(policy: Policy, calls: &[Call], seats: &[Seat]) -> Figures {
    let day = simulate(calls, seats, policy);
    measure(policy, calls, seats, &day, 20.0, 3_600.0)
}

#[test]
fn one_class_agrees_with_erlang_a_within_three_standard_errors() {
    const DAYS: usize = 24;
    for (agents, policy) in [(7, Policy::Fcfs), (10, Policy::Static), (13, Policy::Fcfs)] {
        let theory = erlang_a(STREAM.per_s, STREAM.service_s, STREAM.patience_s, agents);
        let floor = seats(agents, |_| vec![0]);
        let days: Vec<[f64; 3]> = (100..100 + DAYS as u64)
            .map(|seed| {
                let calls = calls(seed, &[STREAM], 72_000.0);
                let day = simulate(&calls, &floor, policy);
                let warm = calls.iter().zip(&day.fates);
                let fates: Vec<Fate> = warm
                    .filter(|(call, _)| call.at_s > 3_600.0)
                    .map(|(_, fate)| *fate)
                    .collect();
                let n = fates.len() as f64;
                let waited = fates.iter().filter(|fate| fate.waited_s > 0.0).count();
                let left = fates.iter().filter(|fate| !fate.answered).count();
                let wait_s: f64 = fates.iter().map(|fate| fate.waited_s).sum();
                [waited as f64 / n, wait_s / n, left as f64 / n]
            })
            .collect();
        let expected = [theory.waits, theory.wait_s, theory.abandons];
        for (index, expected) in expected.into_iter().enumerate() {
            let values = days.iter().map(|day| day[index]);
            let mean = values.clone().sum::<f64>() / DAYS as f64;
            let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
            let error = (squares / (DAYS - 1) as f64 / DAYS as f64).sqrt();
            assert!(
                (mean - expected).abs() <= 3.0 * error,
                "{agents} agents, figure {index}: {mean} is not {expected} within 3 x {error}"
            );
        }
    }
}

fn two_classes(per_s: f64) -> Vec<Call> {
    let first = Stream {
        per_s: per_s * 0.6,
        patience_s: 3_000.0,
        base: 0.9,
        ..STREAM
    };
    let second = Stream {
        per_s: per_s * 0.4,
        base: 0.1,
        ..first
    };
    calls(5, &[first, second], 60_000.0)
}

#[test]
fn static_priority_starves_whom_the_score_does_not() {
    let calls = two_classes(10.4 / 180.0);
    let floor = seats(10, |_| vec![0, 1]);
    let fcfs = figures(Policy::Fcfs, &calls, &floor);
    let starving = figures(Policy::Static, &calls, &floor);
    let score = Policy::Score {
        ageing: 0.5,
        target_s: 60.0,
    };
    let score = figures(score, &calls, &floor);
    // Nobody gains over first come, first served, but by whom another one loses.
    let lowest = |figures: &Figures| figures.classes[1].p95_wait_s;
    assert!(
        lowest(&starving) > 2.0 * lowest(&fcfs),
        "{starving:?} {fcfs:?}"
    );
    assert!(lowest(&score) < 0.6 * lowest(&starving), "{score:?}");
    assert!(score.classes[0].mean_wait_s < fcfs.classes[0].mean_wait_s);
    assert!(starving.jain < score.jain && score.jain < fcfs.jain);
    // A newcomer is at most 0.8 ahead, which 1.6 targets make up for: order is kept beyond that.
    assert!(score.classes[1].mean_wait_s - score.classes[0].mean_wait_s <= 1.6 * 60.0 + 1.0);
}

#[test]
fn two_skills_each_are_nearly_as_good_as_all() {
    const CLASSES: usize = 6;
    let stream = Stream {
        per_s: 9.0 / 180.0,
        ..STREAM
    };
    let calls = calls(8, &[stream; CLASSES], 40_000.0);
    let abandoned = |skills: usize| {
        let floor = seats(60, |seat| {
            (0..skills)
                .map(|skill| (seat + skill * (1 + seat / CLASSES % 5)) % CLASSES)
                .collect()
        });
        figures(Policy::Fcfs, &calls, &floor).all.abandoned as f64
    };
    let (one, two, all) = (abandoned(1), abandoned(2), abandoned(CLASSES));
    assert!(all < two && two < one, "{one} {two} {all}");
    assert!(one - two > 0.7 * (one - all), "{one} {two} {all}");
}

#[test]
fn shifts_bound_who_serves() {
    let call = |at_s: f64, patience_s: f64| Call {
        at_s,
        class: 0,
        service_s: 10.0,
        patience_s,
        base: 0.0,
        value: 1.0,
    };
    let day_of = |calls: &[Call]| {
        let seat = Seat {
            from_s: 100.0,
            until_s: 120.0,
            classes: vec![0],
        };
        simulate(calls, &[seat], Policy::Fcfs)
    };
    let day = day_of(&[
        call(0.0, 50.0),
        call(60.0, 50.0),
        call(65.0, 500.0),
        call(119.0, 30.0),
    ]);
    let told: Vec<(bool, f64)> = day
        .fates
        .iter()
        .map(|fate| (fate.answered, fate.waited_s))
        .collect();
    assert_eq!(
        told,
        [(false, 50.0), (true, 40.0), (true, 45.0), (false, 30.0)]
    );
    assert_eq!(day.busy_s, [20.0]);
}
