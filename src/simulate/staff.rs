//! The agents: who they are, what they can, when they work.
//!
//! Invariants: the same seed gives the same people; who is on duty follows from
//! the planned load of the day and a rotation; every queue of calls has someone
//! at any hour. Not here: whom they serve.

use super::dice::{Dice, Stream};
use super::scenario::Library;

pub(super) const MS: i64 = 1_000;
pub(super) const SECOND: i64 = 1_000 * MS;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 3_600 * SECOND;
pub(super) const DAY: i64 = 24 * HOUR;

/// Queues that are no intent's own.
pub(super) const VIDEO: &str = "video";
pub(super) const EMAIL: &str = "email";

/// Start and end in hours after 00:00 UTC: early, late and night in China.
const SHIFTS: [(i64, i64); 3] = [(0, 8), (6, 15), (13, 24)];

/// Share of a day's load that each shift is staffed for.
const SHIFT_LOAD: [f64; 3] = [0.55, 0.46, 0.17];

/// Share of a shift in which an agent can be busy.
const OCCUPANCY: f64 = 0.82;

/// A queue of the desk.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub name: String,
    /// Customers that one agent serves at once.
    pub capacity: u32,
    /// Where overflow goes and second skills lie.
    pub neighbour: Option<usize>,
    pub is_voice: bool,
}

/// One agent.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub id: String,
    /// His own queue first.
    pub queues: Vec<usize>,
    pub capacity: u32,
    /// How good he is, 0.2 to 1.
    pub level: f64,
    /// In service since, µs.
    pub since: i64,
    /// Index into the shifts.
    pub shift: usize,
}

/// One agent's day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Duty {
    pub agent: usize,
    pub from: i64,
    pub until: i64,
    pub rest_at: i64,
    pub rest: i64,
}

/// All queues and agents.
pub(super) struct Staff {
    pub queues: Vec<Queue>,
    pub agents: Vec<Agent>,
    /// Agents by queue and shift.
    teams: Vec<[Vec<usize>; 3]>,
    seed: u64,
}

impl Staff {
    /// The queues of a library: calls, their texts, video, e-mail.
    pub(super) fn new(seed: u64, library: &Library) -> Self {
        let mut queues: Vec<Queue> = Vec::new();
        let mut add = |name: &str, capacity: u32, is_voice: bool| {
            if queues.iter().all(|queue| queue.name != name) {
                queues.push(Queue {
                    name: name.to_owned(),
                    capacity,
                    neighbour: None,
                    is_voice,
                });
            }
        };
        for queue in &library.queues {
            add(&queue.name, 1, true);
        }
        for queue in &library.queues {
            add(&queue.text, 3, false);
        }
        add(VIDEO, 1, true);
        add(EMAIL, 1, false);
        let neighbours: Vec<Option<usize>> = queues
            .iter()
            .map(|queue| neighbour(queue, &queues, library))
            .collect();
        for (queue, neighbour) in queues.iter_mut().zip(neighbours) {
            queue.neighbour = neighbour;
        }
        let teams = queues.iter().map(|_| Default::default()).collect();
        Self {
            queues,
            agents: Vec::new(),
            teams,
            seed,
        }
    }

    pub(super) fn queue(&self, name: &str) -> usize {
        self.queues
            .iter()
            .position(|queue| queue.name == name)
            .unwrap_or(0)
    }

    /// How many are needed in a shift for `minutes` of work on a day.
    pub(super) fn seats(&self, queue: usize, shift: usize, minutes: f64) -> usize {
        let (start, end) = SHIFTS[shift];
        let queue = &self.queues[queue];
        let work = minutes * SHIFT_LOAD[shift] / f64::from(queue.capacity);
        let busy = work / ((end - start) as f64 * 60.0);
        // What a small team needs beyond its load (square-root rule).
        let seats = busy / OCCUPANCY + 0.35 * busy.sqrt();
        let office = matches!(queue.name.as_str(), VIDEO | EMAIL);
        let least = usize::from(shift < 2 || !office);
        if office && shift == 2 {
            0
        } else {
            (seats.round() as usize).max(least)
        }
    }

    /// Who works on `day`, given the minutes of work by queue; hires who is
    /// missing. `hire` gives a new agent his seat.
    pub(super) fn duties(
        &mut self,
        day: u32,
        day_start: i64,
        minutes: &[f64],
        mut hire: impl FnMut(&[usize], u32) -> usize,
    ) -> Vec<Duty> {
        let mut duties = Vec::new();
        for (queue, minutes) in minutes.iter().enumerate() {
            for shift in 0..SHIFTS.len() {
                let seats = self.seats(queue, shift, *minutes);
                // Two of seven days are free.
                let roster = (seats * 7).div_ceil(5) + usize::from(seats > 0);
                while self.teams[queue][shift].len() < roster {
                    let agent = self.hired(queue, shift, &mut hire);
                    self.teams[queue][shift].push(agent);
                }
                let team = &self.teams[queue][shift];
                let first = day as usize * (team.len() - seats.min(team.len()));
                for place in 0..seats {
                    let agent = team[(first + place) % team.len()];
                    duties.push(self.duty(agent, day, day_start));
                }
            }
        }
        duties
    }

    fn hired(
        &mut self,
        queue: usize,
        shift: usize,
        hire: &mut impl FnMut(&[usize], u32) -> usize,
    ) -> usize {
        let index = self.agents.len();
        let mut dice = Dice::new(self.seed, Stream::Staff, index as u64);
        let mut queues = vec![queue];
        if let Some(neighbour) = self.queues[queue].neighbour.filter(|_| dice.chance(0.35)) {
            queues.push(neighbour);
        }
        let capacity = self.queues[queue].capacity;
        let level = (0.66 + 0.17 * dice.normal()).clamp(0.2, 1.0);
        let since = (1_420_070_400 + dice.between(0, 330_000_000)) * SECOND;
        let seat = hire(&queues, capacity);
        debug_assert_eq!(seat, index, "an agent's seat has his own number");
        self.agents.push(Agent {
            id: format!("a-{:04}", 1001 + index),
            queues,
            capacity,
            level,
            since,
            shift,
        });
        index
    }

    fn duty(&self, agent: usize, day: u32, day_start: i64) -> Duty {
        let (start, end) = SHIFTS[self.agents[agent].shift];
        let index = (u64::from(day) << 20) | agent as u64;
        let mut dice = Dice::new(self.seed ^ 0xd07e, Stream::Staff, index);
        let from = day_start + start * HOUR;
        Duty {
            agent,
            from,
            until: day_start + end * HOUR,
            rest_at: from + dice.between(150, 300) * MINUTE,
            rest: 30 * MINUTE,
        }
    }

    /// How well an agent knows a topic, 0 to 1.
    pub(super) fn skill(&self, agent: usize, topic_code: &str) -> f64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in topic_code.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let mut dice = Dice::new(self.seed ^ hash, Stream::Staff, 1_000_000 + agent as u64);
        (self.agents[agent].level + 0.13 * dice.normal()).clamp(0.05, 1.0)
    }
}

/// The queue beside: another call queue of the same texts, else the texts' own next.
fn neighbour(queue: &Queue, queues: &[Queue], library: &Library) -> Option<usize> {
    let texts_of = |name: &str| {
        let own = library.queues.iter().find(|known| known.name == name);
        own.map(|known| known.text.clone())
    };
    let own = texts_of(&queue.name);
    let beside = |other: &Queue| {
        other.name != queue.name
            && other.is_voice == queue.is_voice
            && other.capacity == queue.capacity
            && ![VIDEO, EMAIL].contains(&other.name.as_str())
            && match &own {
                Some(own) => texts_of(&other.name).as_ref() == Some(own),
                None => false,
            }
    };
    queues.iter().position(beside)
}
