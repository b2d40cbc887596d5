//! What a simulated day is worth: service level, waits, abandons and fairness, by class.

use super::{Call, Day, Policy, Seat};

/// One class.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClassFigures {
    /// Calls.
    pub offered: usize,
    /// Calls that gave up.
    pub abandoned: usize,
    /// Answered within the target, of the offered.
    pub service_level: f64,
    /// Mean wait of all, s.
    pub mean_wait_s: f64,
    /// 95th percentile of the waits of all, s.
    pub p95_wait_s: f64,
    /// The longest wait, s.
    pub longest_wait_s: f64,
}

/// A policy's day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// Which policy.
    pub policy: &'static str,
    /// By class.
    pub classes: Vec<ClassFigures>,
    /// All classes together.
    pub all: ClassFigures,
    /// Greatest 95th percentile of a class over the smallest: 1 is even.
    pub spread: f64,
    /// Jain's index of the classes' mean waits: 1 is even, 1 / classes when one class waits alone.
    pub jain: f64,
    /// Mean wait weighted by the customers' worth, s.
    pub value_wait_s: f64,
    /// Busy time of shift time.
    pub occupancy: f64,
    /// Standard deviation of the seats' occupancies.
    pub occupancy_spread: f64,
}

/// What a day was like. Calls before `warm_s` are left out of the figures of calls.
#[must_use]
pub fn measure(
    policy: Policy,
    calls: &[Call],
    seats: &[Seat],
    day: &Day,
    target_s: f64,
    warm_s: f64,
) -> Figures {
    let count = calls.iter().map(|call| call.class + 1).max().unwrap_or(0);
    let of = |class: Option<usize>| {
        let fates = calls.iter().zip(&day.fates);
        let counted = fates.filter(|(call, _)| {
            call.at_s >= warm_s && class.is_none_or(|class| class == call.class)
        });
        let fates: Vec<_> = counted.map(|(_, fate)| *fate).collect();
        let offered = fates.len();
        let n = offered.max(1) as f64;
        let abandoned = fates.iter().filter(|fate| !fate.answered).count();
        let in_time = fates
            .iter()
            .filter(|fate| fate.answered && fate.waited_s <= target_s);
        let mut waits: Vec<f64> = fates.iter().map(|fate| fate.waited_s).collect();
        waits.sort_by(f64::total_cmp);
        let rank = (0.95 * offered as f64).ceil() as usize;
        ClassFigures {
            offered,
            abandoned,
            service_level: in_time.count() as f64 / n,
            mean_wait_s: waits.iter().sum::<f64>() / n,
            p95_wait_s: waits.get(rank.saturating_sub(1)).copied().unwrap_or(0.0),
            longest_wait_s: waits.last().copied().unwrap_or(0.0),
        }
    };
    let classes: Vec<ClassFigures> = (0..count).map(|class| of(Some(class))).collect();
    let waits = classes.iter().map(|class| class.mean_wait_s);
    let squares: f64 = waits.clone().map(|wait| wait * wait).sum();
    let p95 = || classes.iter().map(|class| class.p95_wait_s);
    let least = p95().fold(f64::INFINITY, f64::min);
    let (mut worth, mut weighted) = (0.0, 0.0);
    for (call, fate) in calls.iter().zip(&day.fates) {
        worth += call.value;
        weighted += call.value * fate.waited_s;
    }
    let (occupancy, occupancy_spread) = occupancies(calls, seats, day);
    Figures {
        policy: policy.as_str(),
        all: of(None),
        spread: p95().fold(0.0, f64::max) / least.max(1.0),
        jain: if squares > 0.0 {
            waits.sum::<f64>().powi(2) / (count as f64 * squares)
        } else {
            1.0
        },
        classes,
        value_wait_s: if worth > 0.0 { weighted / worth } else { 0.0 },
        occupancy,
        occupancy_spread,
    }
}

fn occupancies(calls: &[Call], seats: &[Seat], day: &Day) -> (f64, f64) {
    let end = calls.iter().map(|call| call.at_s).fold(0.0, f64::max);
    let shift = |seat: &Seat| (seat.until_s.min(end) - seat.from_s).max(0.0);
    let shifts: f64 = seats.iter().map(shift).sum();
    let busy: f64 = day.busy_s.iter().sum();
    let shares = seats.iter().zip(&day.busy_s);
    let shares: Vec<f64> = shares
        .filter(|(seat, _)| shift(seat) > 0.0)
        .map(|(seat, busy)| busy / shift(seat))
        .collect();
    let n = shares.len().max(1) as f64;
    let mean = shares.iter().sum::<f64>() / n;
    let variance = shares
        .iter()
        .map(|share| (share - mean).powi(2))
        .sum::<f64>()
        / n;
    (busy / shifts.max(f64::MIN_POSITIVE), variance.sqrt())
}
