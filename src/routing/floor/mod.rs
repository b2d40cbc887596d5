//! A simulated floor that judges policies: who would have waited how long, had the desk served in this order.
//!
//! Calls come with everything that is random about them already drawn (service, patience), so that two policies see
//! the same day. Invariants: events come in order of time; a seat serves one call at a time, none outside its shift
//! but the one it has begun; a call is answered or gives up, never both. Not here: drawing ([`draws`]), formulas that
//! the floor is held against ([`theory`]), call logs (the command line reads them).

pub mod draws;
pub mod measure;
pub mod theory;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap};

/// A call with all that will be found out about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// When it joins the queue, s.
    pub at_s: f64,
    /// Its class; 0 is the first under static priority.
    pub class: usize,
    /// How long an agent has to do with it, s.
    pub service_s: f64,
    /// How long it waits at most, s.
    pub patience_s: f64,
    /// Its score without ageing.
    pub base: f64,
    /// What the customer is worth, 0 to 1; weighs the wait in one figure of the report.
    pub value: f64,
}

/// An agent's shift.
#[derive(Debug, Clone, PartialEq)]
pub struct Seat {
    /// Begin, s.
    pub from_s: f64,
    /// End, s.
    pub until_s: f64,
    /// Classes that it serves, its own first.
    pub classes: Vec<usize>,
}

/// In which order calls are served.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Policy {
    /// First come, first served.
    Fcfs,
    /// Always the first class that waits.
    Static,
    /// Base score plus ageing.
    Score {
        /// Added for each target wait.
        ageing: f64,
        /// The target wait, s.
        target_s: f64,
    },
    /// Each seat serves its own class alone, in order of arrival.
    Fixed,
}

impl Policy {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fcfs => "first_come_first_served",
            Self::Static => "static_priority",
            Self::Score { .. } => "score",
            Self::Fixed => "fixed_assignment",
        }
    }

    /// The greater, the sooner; it does not change while a call waits, because all age alike.
    fn key(self, call: &Call) -> (f64, f64) {
        match self {
            Self::Fcfs | Self::Fixed => (0.0, -call.at_s),
            Self::Static => (-(call.class as f64), -call.at_s),
            Self::Score { ageing, target_s } => {
                (call.base - ageing * call.at_s / target_s, -call.at_s)
            }
        }
    }
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fate {
    /// Its wait until it was answered or gave up, s.
    pub waited_s: f64,
    /// Whether it was answered.
    pub answered: bool,
}

/// What became of a day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Day {
    /// Of each call.
    pub fates: Vec<Fate>,
    /// Time that each seat was busy, s.
    pub busy_s: Vec<f64>,
}

#[derive(Clone, Copy, PartialEq)]
struct Time(f64);

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Of equal times in this order: whose shift is over takes nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Ends(usize),
    Begins(usize),
    Free(usize),
    Arrives(usize),
    GivesUp(usize),
}

struct Floor<'a> {
    calls: &'a [Call],
    seats: &'a [Seat],
    policy: Policy,
    due: BinaryHeap<Reverse<(Time, Due)>>,
    /// Waiting calls of each class; those that have gone are left out when they come up.
    lines: Vec<BinaryHeap<(Time, Time, Reverse<usize>)>>,
    waits: Vec<bool>,
    idle: BTreeSet<(Time, usize)>,
    on_shift: Vec<bool>,
    is_busy: Vec<bool>,
    day: Day,
}

/// The day of `calls` on `seats`. Calls that still wait when nobody comes any more give up when they would have.
#[must_use]
pub fn simulate(calls: &[Call], seats: &[Seat], policy: Policy) -> Day {
    let classes = calls.iter().map(|call| call.class + 1).max().unwrap_or(0);
    let mut due = BinaryHeap::with_capacity(calls.len() + 2 * seats.len());
    due.extend((0..calls.len()).filter_map(|call| {
        let at = Time(calls.get(call)?.at_s);
        Some(Reverse((at, Due::Arrives(call))))
    }));
    for (seat, shift) in seats.iter().enumerate() {
        due.push(Reverse((Time(shift.from_s), Due::Begins(seat))));
        due.push(Reverse((Time(shift.until_s), Due::Ends(seat))));
    }
    let mut floor = Floor {
        calls,
        seats,
        policy,
        due,
        lines: vec![BinaryHeap::new(); classes],
        waits: vec![false; calls.len()],
        idle: BTreeSet::new(),
        on_shift: vec![false; seats.len()],
        is_busy: vec![false; seats.len()],
        day: Day {
            fates: vec![Fate::default(); calls.len()],
            busy_s: vec![0.0; seats.len()],
        },
    };
    while let Some(Reverse((now, due))) = floor.due.pop() {
        floor.happen(now, due);
    }
    floor.day
}

fn set<T>(list: &mut [T], index: usize, value: T) {
    if let Some(slot) = list.get_mut(index) {
        *slot = value;
    }
}

impl Floor<'_> {
    fn happen(&mut self, now: Time, due: Due) {
        match due {
            Due::Arrives(call) => self.arrives(now, call),
            Due::GivesUp(call) => {
                if self.waits.get(call) == Some(&true) {
                    self.decide(now, call, false);
                }
            }
            Due::Free(seat) => {
                set(&mut self.is_busy, seat, false);
                self.next(now, seat);
            }
            Due::Begins(seat) => {
                set(&mut self.on_shift, seat, true);
                self.next(now, seat);
            }
            Due::Ends(seat) => {
                set(&mut self.on_shift, seat, false);
                self.idle.retain(|(_, idle)| *idle != seat);
            }
        }
    }

    fn serves(&self, seat: usize, class: usize) -> bool {
        let Some(seat) = self.seats.get(seat) else {
            return false;
        };
        match self.policy {
            Policy::Fixed => seat.classes.first() == Some(&class),
            _ => seat.classes.contains(&class),
        }
    }

    fn arrives(&mut self, now: Time, number: usize) {
        let Some(call) = self.calls.get(number) else {
            return;
        };
        set(&mut self.waits, number, true);
        let free = self.idle.iter().copied();
        let free = free
            .into_iter()
            .find(|(_, seat)| self.serves(*seat, call.class));
        if let Some(place) = free {
            self.idle.remove(&place);
            self.serve(now, number, place.1);
            return;
        }
        let (score, age) = self.policy.key(call);
        if let Some(line) = self.lines.get_mut(call.class) {
            line.push((Time(score), Time(age), Reverse(number)));
        }
        if call.patience_s.is_finite() {
            let at = Time(now.0 + call.patience_s);
            self.due.push(Reverse((at, Due::GivesUp(number))));
        }
    }

    fn decide(&mut self, now: Time, number: usize, answered: bool) {
        set(&mut self.waits, number, false);
        let at_s = self.calls.get(number).map_or(now.0, |call| call.at_s);
        let fate = Fate {
            waited_s: now.0 - at_s,
            answered,
        };
        set(&mut self.day.fates, number, fate);
    }

    fn serve(&mut self, now: Time, number: usize, seat: usize) {
        self.decide(now, number, true);
        let service_s = self.calls.get(number).map_or(0.0, |call| call.service_s);
        set(&mut self.is_busy, seat, true);
        if let Some(busy) = self.day.busy_s.get_mut(seat) {
            *busy += service_s;
        }
        let until = Time(now.0 + service_s);
        self.due.push(Reverse((until, Due::Free(seat))));
    }

    /// The seat takes who is next, or idles.
    fn next(&mut self, now: Time, seat: usize) {
        let here = self.on_shift.get(seat) == Some(&true) && self.is_busy.get(seat) == Some(&false);
        if !here {
            return;
        }
        let mut best = None;
        for class in 0..self.lines.len() {
            if !self.serves(seat, class) {
                continue;
            }
            let head = self.head(class);
            if head > best {
                best = head;
            }
        }
        let Some((_, _, Reverse(number))) = best else {
            self.idle.insert((now, seat));
            return;
        };
        self.serve(now, number, seat);
    }

    /// Who is next in a line, after those who have gone are left out.
    fn head(&mut self, class: usize) -> Option<(Time, Time, Reverse<usize>)> {
        let line = self.lines.get_mut(class)?;
        while let Some((score, age, Reverse(number))) = line.peek().copied() {
            if self.waits.get(number) == Some(&true) {
                return Some((score, age, Reverse(number)));
            }
            line.pop();
        }
        None
    }
}

#[cfg(test)]
mod tests;
