//! Queues and agents as a discrete-event simulation.
//!
//! Waits and abandons are not drawn: they follow from who joins when, how long
//! he stays, which agents are there and how long they take. Invariants: events
//! come in order of time, of equal times in the order in which they were
//! planned; an agent serves at most his capacity, none outside his shift and
//! none in his break (both begin when his last customer has left). Not here:
//! why anybody comes.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Timer(u64),
    Patience { contact: u64, stay: u64 },
    Free(usize),
    ShiftStart { agent: usize, until: i64 },
    ShiftEnd(usize),
    Break { agent: usize, length: i64 },
    BreakEnd(usize),
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// A timer of the caller.
    Timer(u64),
    /// An agent takes the contact; say with [`Floor::busy`] for how long.
    Taken {
        contact: u64,
        queue: usize,
        agent: usize,
    },
    /// The contact lost patience.
    Abandoned { contact: u64, queue: usize },
    /// The agent's state is another one.
    Agent { agent: usize, state: Duty },
}

/// What an agent does, as far as the floor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// His shift began.
    Begins,
    /// He can take a customer.
    Free,
    /// He is in his break.
    Rests,
    /// His shift is over.
    Gone,
}

#[derive(Default)]
struct Seat {
    /// Queues with their rank; the first rank is his own queue.
    queues: Vec<usize>,
    capacity: u32,
    load: u32,
    on_shift: bool,
    resting: bool,
    /// A break that waits for his last customer to leave.
    wants_rest: Option<i64>,
    idle_since: i64,
}

impl Seat {
    fn can_take(&self) -> bool {
        self.on_shift && !self.resting && self.wants_rest.is_none() && self.load < self.capacity
    }
}

/// Less is served first.
type Place = (i32, i64, u64);

struct Waiting {
    queue: usize,
    place: Place,
    stay: u64,
}

/// How much longer a customer of a second queue must have waited.
const SECOND_QUEUE: i64 = 45_000_000;

/// All queues and agents.
pub(super) struct Floor {
    due: BinaryHeap<Reverse<(i64, u64, Due)>>,
    planned: u64,
    now: i64,
    seats: Vec<Seat>,
    /// Agents by queue.
    by_queue: Vec<Vec<usize>>,
    lines: Vec<BTreeSet<Place>>,
    waiting: HashMap<u64, Waiting>,
    happened: VecDeque<Happened>,
}

impl Floor {
    pub(super) fn new(queues: usize) -> Self {
        Self {
            due: BinaryHeap::new(),
            planned: 0,
            now: i64::MIN,
            seats: Vec::new(),
            by_queue: vec![Vec::new(); queues],
            lines: vec![BTreeSet::new(); queues],
            waiting: HashMap::new(),
            happened: VecDeque::new(),
        }
    }

    /// A new agent who serves `queues`, his own first; `capacity` at once.
    pub(super) fn hire(&mut self, queues: &[usize], capacity: u32) -> usize {
        let agent = self.seats.len();
        for queue in queues {
            self.by_queue[*queue].push(agent);
        }
        self.seats.push(Seat {
            queues: queues.to_vec(),
            capacity,
            ..Seat::default()
        });
        agent
    }

    fn plan(&mut self, at: i64, due: Due) {
        self.planned += 1;
        self.due.push(Reverse((at, self.planned, due)));
    }

    /// A timer of the caller.
    pub(super) fn timer(&mut self, at: i64, timer: u64) {
        self.plan(at, Due::Timer(timer));
    }

    /// A shift with one break: its begin and length.
    pub(super) fn shift(&mut self, agent: usize, from: i64, until: i64, rest: Option<(i64, i64)>) {
        self.plan(from, Due::ShiftStart { agent, until });
        if let Some((at, length)) = rest {
            self.plan(at, Due::Break { agent, length });
        }
    }

    /// A contact waits in `queue` until an agent takes it or `patience` is over.
    pub(super) fn join(
        &mut self,
        contact: u64,
        queue: usize,
        priority: i32,
        patience: Option<i64>,
    ) {
        self.planned += 1;
        let stay = self.planned;
        let place = (priority, self.now, contact);
        self.lines[queue].insert(place);
        self.waiting.insert(contact, Waiting { queue, place, stay });
        if let Some(patience) = patience {
            self.plan(self.now + patience, Due::Patience { contact, stay });
        }
        let free = self.by_queue[queue]
            .iter()
            .copied()
            .filter(|agent| self.seats[*agent].can_take());
        let own = |agent: usize| self.seats[agent].queues.first() != Some(&queue);
        let best = free.min_by_key(|agent| {
            let seat = &self.seats[*agent];
            (own(*agent), seat.load, seat.idle_since, *agent)
        });
        if let Some(agent) = best {
            self.serve_next(agent);
        }
    }

    /// A contact leaves its line; false when it isn't in one.
    pub(super) fn leave(&mut self, contact: u64) -> bool {
        let Some(waiting) = self.waiting.remove(&contact) else {
            return false;
        };
        self.lines[waiting.queue].remove(&waiting.place)
    }

    /// The agent has one customer more, until `until`.
    pub(super) fn busy(&mut self, until: i64, agent: usize) {
        self.plan(until, Due::Free(agent));
    }

    /// An agent of `queue` who could take someone at once.
    pub(super) fn idle(&self, queue: usize, not: usize) -> Option<usize> {
        let agents = self.by_queue[queue].iter().copied();
        agents
            .filter(|agent| *agent != not && self.seats[*agent].can_take())
            .min_by_key(|agent| (self.seats[*agent].idle_since, *agent))
    }

    /// Gives `agent` a contact past every line.
    pub(super) fn hand_to(&mut self, agent: usize) {
        self.seats[agent].load += 1;
    }

    /// Whether anybody serves `queue` now.
    pub(super) fn is_staffed(&self, queue: usize) -> bool {
        self.by_queue[queue]
            .iter()
            .any(|agent| self.seats[*agent].on_shift)
    }

    /// Contacts in front of a new one, and agents on shift.
    pub(super) fn ahead(&self, queue: usize) -> (usize, usize) {
        let agents = self.by_queue[queue].iter();
        let on_shift = agents.filter(|agent| self.seats[**agent].on_shift).count();
        (self.lines[queue].len(), on_shift)
    }

    /// The next thing that happens; `None` when nothing is planned any more.
    pub(super) fn next(&mut self) -> Option<(i64, Happened)> {
        loop {
            if let Some(happened) = self.happened.pop_front() {
                return Some((self.now, happened));
            }
            let Reverse((at, _, due)) = self.due.pop()?;
            self.now = at;
            self.happen(due);
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Timer(timer) => self.happened.push_back(Happened::Timer(timer)),
            Due::Patience { contact, stay } => {
                let waits = self
                    .waiting
                    .get(&contact)
                    .filter(|waiting| waiting.stay == stay);
                if let Some(queue) = waits.map(|waiting| waiting.queue) {
                    self.leave(contact);
                    self.happened
                        .push_back(Happened::Abandoned { contact, queue });
                }
            }
            Due::Free(agent) => {
                self.seats[agent].load -= 1;
                self.seats[agent].idle_since = self.now;
                self.settle(agent);
            }
            Due::ShiftStart { agent, until } => {
                let seat = &mut self.seats[agent];
                seat.on_shift = true;
                seat.resting = false;
                seat.wants_rest = None;
                seat.idle_since = self.now;
                self.plan(until, Due::ShiftEnd(agent));
                self.tell(agent, Duty::Begins);
                self.fill(agent);
            }
            Due::ShiftEnd(agent) => {
                self.seats[agent].on_shift = false;
                self.seats[agent].wants_rest = None;
                self.settle(agent);
            }
            Due::Break { agent, length } => {
                if self.seats[agent].on_shift {
                    self.seats[agent].wants_rest = Some(length);
                    self.settle(agent);
                }
            }
            Due::BreakEnd(agent) => {
                if std::mem::take(&mut self.seats[agent].resting) {
                    self.settle(agent);
                }
            }
        }
    }

    /// What an agent does after a change: goes, rests, or takes the next one.
    fn settle(&mut self, agent: usize) {
        let seat = &mut self.seats[agent];
        if seat.load == 0 {
            if !seat.on_shift {
                seat.resting = false;
                self.tell(agent, Duty::Gone);
                return;
            }
            if let Some(length) = seat.wants_rest.take() {
                seat.resting = true;
                self.tell(agent, Duty::Rests);
                self.plan(self.now + length, Due::BreakEnd(agent));
                return;
            }
            if !seat.resting {
                self.tell(agent, Duty::Free);
            }
        }
        self.fill(agent);
    }

    fn fill(&mut self, agent: usize) {
        while self.seats[agent].can_take() && self.serve_next(agent) {}
    }

    fn tell(&mut self, agent: usize, state: Duty) {
        self.happened.push_back(Happened::Agent { agent, state });
    }

    /// The agent takes who should be served next; false when nobody waits.
    fn serve_next(&mut self, agent: usize) -> bool {
        let queues = &self.seats[agent].queues;
        let first = queues.iter().enumerate().filter_map(|(rank, queue)| {
            let (priority, since, contact) = *self.lines[*queue].first()?;
            let later = if rank == 0 { 0 } else { SECOND_QUEUE };
            Some(((priority, since + later, contact), *queue))
        });
        let Some(((_, _, contact), queue)) = first.min() else {
            return false;
        };
        self.leave(contact);
        self.seats[agent].load += 1;
        self.happened.push_back(Happened::Taken {
            contact,
            queue,
            agent,
        });
        true
    }
}

#[cfg(test)]
mod tests;
