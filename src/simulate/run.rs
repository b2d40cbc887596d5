//! A run, day by day: lines in order of delivery, and rows of the truth.
//!
//! The desk runs on one thread; what is over is written by several, in parts
//! that are joined in order, so that their number changes no byte. Invariants:
//! a day is handed out when nothing of it can come any more; memory holds the
//! days that are not handed out and one small record a customer.

use std::collections::BTreeMap;

use super::customers::{Facts, log_hazard};
use super::desk::{Desk, Finished};
use super::dice::{Dice, Stream};
use super::knowledge::{self, answer_text, article_id, contrary_id};
use super::people::{Person, has_second, true_id};
use super::plan::{Gap, Plan};
use super::render::{self, World, Written};
use super::scenario::Library;
use super::sheet::Line;
use super::staff::DAY;
use super::truth::{
    ChurnTruth, CountTruth, IdentityTruth, InterventionTruth, Row, SkillTruth, TopicTruth,
};
use super::{Options, after};
use crate::domain::{Day, Micros};

/// Contacts that are written together.
const BATCH: usize = 2_048;

/// Share of the events that come late, and of those that come twice.
const LATE: (f64, f64) = (0.004, 0.003);

/// One day of the run.
pub struct SimulatedDay {
    /// UTC day on which its lines are delivered.
    pub day: Day,
    /// When each line is delivered, and the canonical document without newline.
    pub lines: Vec<(Micros, Vec<u8>)>,
    /// What is true, as far as it is known by then.
    pub rows: Vec<Row>,
    /// Interactions that began on the day.
    pub interactions: u64,
}

/// Interactions and those with a person, by topic.
type Tally = Vec<(i64, i64)>;

/// When, rank of the type, number in the day, document.
type Delivered = (i64, i32, u64, Vec<u8>);

/// The run; an iterator over its days.
pub struct Run<'l> {
    desk: Desk<'l>,
    options: Options,
    days: BTreeMap<i32, Vec<Delivered>>,
    tallies: BTreeMap<i32, Tally>,
    rows: Vec<Row>,
    lines: u64,
    over: bool,
}

/// The knowledge base and the dated changes of a run: file name and NDJSON.
pub fn documents(options: &Options, library: &Library) -> BTreeMap<&'static str, Vec<u8>> {
    let plan = Plan::new(options, library);
    knowledge::documents(options, library, &plan)
}

impl<'l> Run<'l> {
    /// A run of `library`.
    pub fn new(options: &Options, library: &'l Library) -> Self {
        let desk = Desk::new(options, library);
        let mut rows = topics(options, library, &desk.plan);
        let world = World {
            options,
            library,
            plan: &desk.plan,
            staff: &desk.staff,
            seed: options.stream_seed(),
        };
        for customer in 0..desk.customers.records.len() as u64 {
            identities(world, customer, &mut rows);
        }
        Self {
            desk,
            options: options.clone(),
            days: BTreeMap::new(),
            tallies: BTreeMap::new(),
            rows,
            lines: 0,
            over: false,
        }
    }

    fn fill(&mut self) {
        let Some(batch) = self.desk.next_batch(BATCH) else {
            self.over = true;
            self.finish();
            return;
        };
        for finished in &batch {
            self.tally(finished);
        }
        let world = World {
            options: &self.options,
            library: self.desk.library,
            plan: &self.desk.plan,
            staff: &self.desk.staff,
            seed: self.options.stream_seed(),
        };
        for written in write_all(world, &batch, self.options.threads.max(1)) {
            self.rows.extend(written.rows);
            for line in written.lines {
                self.deliver(line);
            }
        }
    }

    fn tally(&mut self, finished: &Finished) {
        let Finished::Contact(contact) = finished else {
            return;
        };
        let topics = self.desk.plan.topics.len();
        let day = Micros(contact.started_at).day().0;
        let tally = self
            .tallies
            .entry(day)
            .or_insert_with(|| vec![(0, 0); topics]);
        tally[contact.topic].0 += 1;
        tally[contact.topic].1 += i64::from(contact.last_stay().is_some());
    }

    fn deliver(&mut self, line: Line) {
        self.lines += 1;
        let mut at = line.at;
        if self.options.late {
            let seed = self.options.stream_seed();
            let mut dice = Dice::new(seed, Stream::Delivery, (1 << 50) | self.lines);
            let throw = dice.unit();
            if throw < LATE.0 {
                at += dice.exponential_ms(1_200_000.0).min(18_000_000) * 1_000;
            } else if throw < LATE.0 + LATE.1 {
                let again = at + dice.exponential_ms(300_000.0).min(18_000_000) * 1_000;
                self.put(again, line.rank, line.bytes.clone());
            }
        }
        self.put(at, line.rank, line.bytes);
    }

    fn put(&mut self, at: i64, rank: i32, bytes: Vec<u8>) {
        let day = Micros(at).day().0;
        let lines = self.days.entry(day).or_default();
        let number = lines.len() as u64;
        lines.push((at, rank, number, bytes));
    }

    /// The first day that nothing more can come to.
    fn ready(&self) -> Option<i32> {
        let safe = Micros(self.desk.safe_until()).day().0;
        let first = self.days.keys().next().copied()?;
        (self.over || first < safe).then_some(first)
    }

    fn hand_out(&mut self, day: i32) -> SimulatedDay {
        let mut lines = self.days.remove(&day).unwrap_or_default();
        lines.sort_unstable_by_key(|line| (line.0, line.1, line.2));
        if self.options.shuffle_within_day {
            let mut dice = Dice::new(self.options.seed, Stream::Shuffle, day as u64);
            for last in (1..lines.len()).rev() {
                let other = dice.below(last as u64 + 1) as usize;
                lines.swap(last, other);
            }
        }
        let mut rows = std::mem::take(&mut self.rows);
        let tally = self.tallies.remove(&day).unwrap_or_default();
        let interactions = tally.iter().map(|(all, _)| *all).sum::<i64>() as u64;
        rows.extend(self.counted(day, tally));
        SimulatedDay {
            day: Day(day),
            lines: lines
                .into_iter()
                .map(|(at, _, _, bytes)| (Micros(at), bytes))
                .collect(),
            rows,
            interactions,
        }
    }

    fn counted(&self, day: i32, tally: Tally) -> Vec<Row> {
        let start = Day(day).start();
        let records = self.desk.customers.records.iter();
        let gone = records
            .filter(|record| record.left_at != 0 && record.left_at < start.0 + DAY)
            .count();
        let active = (self.desk.customers.records.len() - gone) as i64;
        let row = |(topic, (interactions, human_handled)): (usize, (i64, i64))| {
            Row::from(CountTruth {
                day: start,
                topic: self.desk.intent(topic).code.clone(),
                interactions,
                human_handled,
                active_customers: active,
            })
        };
        tally.into_iter().enumerate().map(row).collect()
    }

    /// What is known at the end: who left, what agents can.
    fn finish(&mut self) {
        let seed = self.options.stream_seed();
        for (index, record) in self.desk.customers.records.iter().enumerate() {
            let customer = index as u64;
            let facts = Facts::of(seed, customer);
            let odds = log_hazard(facts, record).exp();
            let time = |at: i64| (at != 0).then_some(Micros(at));
            let row = ChurnTruth {
                true_customer: true_id(customer),
                customer_id: format!("cust-{:07}", customer * 2),
                leaves: record.leaving_at != 0,
                leaving_at: time(record.leaving_at),
                left_at: time(record.left_at),
                contacts: u32::from(record.contacts),
                unsolved: f64::from(record.unsolved),
                upset: f64::from(record.upset),
                abandoned: f64::from(record.abandoned),
                tier: u32::from(facts.tier),
                months_with_us: u32::from(facts.months_with_us),
                contract_months: u32::from(facts.contract_months),
                hazard: odds / (1.0 + odds),
            };
            self.rows.push(row.into());
        }
        for (index, agent) in self.desk.staff.agents.iter().enumerate() {
            for topic in 0..self.desk.plan.topics.len() {
                let intent = self.desk.intent(topic);
                let row = SkillTruth {
                    agent_id: agent.id.clone(),
                    topic: intent.code.clone(),
                    skill: self.desk.staff.skill(index, &intent.code),
                };
                self.rows.push(row.into());
            }
        }
    }
}

impl Iterator for Run<'_> {
    type Item = SimulatedDay;

    fn next(&mut self) -> Option<SimulatedDay> {
        loop {
            if let Some(day) = self.ready() {
                return Some(self.hand_out(day));
            }
            if self.over {
                return None;
            }
            self.fill();
        }
    }
}

/// Writes a batch on `threads` threads; the order is that of the batch.
fn write_all(world: World<'_>, batch: &[Finished], threads: usize) -> Vec<Written> {
    let write = |part: &[Finished]| -> Vec<Written> {
        part.iter()
            .map(|finished| write_one(world, finished))
            .collect()
    };
    let size = batch.len().div_ceil(threads).max(1);
    if threads == 1 || batch.len() < 64 {
        return write(batch);
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = batch
            .chunks(size)
            .map(|part| scope.spawn(move || write(part)))
            .collect();
        let mut all = Vec::with_capacity(batch.len());
        for worker in workers {
            match worker.join() {
                Ok(written) => all.extend(written),
                Err(cause) => std::panic::resume_unwind(cause),
            }
        }
        all
    })
}

fn write_one(world: World<'_>, finished: &Finished) -> Written {
    let lines = match finished {
        Finished::Contact(contact) => return render::contact(world, contact),
        Finished::Duty(duty) => after::planned(world, duty),
        Finished::State(at, agent, state) => after::state(world, *at, *agent, *state),
        Finished::Known(at, customer) => after::known(world, *at, *customer),
        Finished::Leaves(leaver) => after::leaves(world, leaver),
    };
    Written {
        lines,
        rows: Vec::new(),
    }
}

/// The planted topics and changes.
pub(super) fn topics(options: &Options, library: &Library, plan: &Plan) -> Vec<Row> {
    let at = |day: f64| Micros(options.start_micros() + (day * DAY as f64) as i64);
    let code = |topic: usize| library.intents[plan.topics[topic].intent].code.clone();
    let mut rows = Vec::new();
    for topic in &plan.topics {
        let intent = &library.intents[topic.intent];
        let has_article = !matches!(topic.gap, Gap::NoContent | Gap::OutOfScope);
        let outdated = topic.gap == Gap::Outdated;
        let row = TopicTruth {
            topic: intent.code.clone(),
            name: intent.name.clone(),
            queue: library.queues[intent.queue].name.clone(),
            language: library.languages[intent.language].tag,
            judge: intent.judge,
            share: topic.share,
            way: topic.way.as_str(),
            way_at: (topic.way.as_str() != "steady").then(|| at(topic.way_day)),
            other_topic: topic.way.other().map(code),
            gap_type: topic.gap.as_str(),
            gap_since: outdated.then(|| at(topic.outdated_day)),
            article_id: has_article.then(|| article_id(intent)),
            contrary_article_id: (topic.gap == Gap::Conflict).then(|| contrary_id(intent)),
            answer: answer_text(library, intent, outdated),
        };
        rows.push(row.into());
    }
    for change in &plan.interventions {
        let row = InterventionTruth {
            intervention_id: change.id.clone(),
            kind: change.kind,
            topic: code(change.topic),
            at: at(change.day),
            effect: change.effect,
            at_peak: change.at_peak,
            closes_gap: change.closes_gap,
        };
        rows.push(row.into());
    }
    rows
}

fn identities(world: World<'_>, customer: u64, rows: &mut Vec<Row>) {
    for second in [false, true] {
        if second && !has_second(customer) {
            continue;
        }
        let person = Person::new(world.seed, customer, second, world.library);
        for identity in person.identities() {
            let row = IdentityTruth {
                true_customer: true_id(customer),
                customer_id: person.id.clone(),
                kind: identity.kind.as_str(),
                value: identity.value.into_owned(),
            };
            rows.push(row.into());
        }
    }
}
