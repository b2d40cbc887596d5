//! The desk: who comes when, and what follows from what.
//!
//! One event after the other, in order of time; waits and abandons are the
//! floor's. Invariants: what a contact throws never changes what another
//! throws; a contact is handed out once, when it is over. Not here: words,
//! documents.

use std::collections::{BTreeSet, HashMap};

use super::Options;
use super::contact::{Contact, Earlier, Step};
use super::customers::{Customers, Leaver};
use super::dice::{Dice, Stream};
use super::floor::{self, Floor, Happened};
use super::people::{has_second, is_english};
use super::plan::{DAY_SHAPE, Plan, TOPIC_SHAPE};
use super::quota::Quota;
use super::scenario::{Intent, Library};
use super::staff::{DAY, Duty, EMAIL, HOUR, MINUTE, SECOND, Staff, VIDEO};
use crate::domain::{Channel, EndReason, EndedBy, LegOutcome, Micros};

/// Share of a day's arrivals in each hour of UTC (China is 8 hours ahead).
const HOURS: [f64; 24] = [
    4.0, 7.0, 8.0, 7.0, 5.0, 5.5, 6.5, 6.5, 6.5, 6.0, 5.5, 6.0, 6.0, 5.0, 3.0, 2.0, 1.0, 0.6, 0.4,
    0.3, 0.3, 0.4, 0.8, 1.8,
];

/// Channels and their shares.
const CHANNELS: [(Channel, f64); 5] = [
    (Channel::Call, 0.55),
    (Channel::Chat, 0.18),
    (Channel::Wechat, 0.17),
    (Channel::Video, 0.03),
    (Channel::Email, 0.07),
];

/// Share of the contacts that are somebody's first about his matter.
const FIRST: f64 = 0.8;

/// Customers for each interaction of a day.
const CUSTOMERS_PER_INTERACTION: f64 = 14.0;

/// Something that is over and can be written.
pub(super) enum Finished {
    /// An interaction.
    Contact(Box<Contact>),
    /// An agent's plan for a day.
    Duty(Duty),
    /// An agent's state changed.
    State(i64, usize, State),
    /// A customer as the CRM knows him on the first day.
    Known(i64, u64),
    /// A customer said that he leaves.
    Leaves(Leaver),
}

/// States of agents that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Floor(floor::Duty),
    Talks,
    WrapsUp,
}

/// What a timer is for; with a contact's number it is one `u64`.
#[derive(Clone, Copy)]
pub(super) enum Timer {
    Day = 0,
    Arrives = 1,
    Joins = 2,
    StayEnds = 3,
    OffersCallback = 4,
    Overflows = 5,
}

/// The service desk.
pub(super) struct Desk<'l> {
    pub options: Options,
    pub library: &'l Library,
    pub plan: Plan,
    pub staff: Staff,
    pub floor: Floor,
    pub customers: Customers,
    pub contacts: HashMap<u64, Contact>,
    /// When the number of interactions is fixed.
    pub quota: Option<Quota>,
    /// Contacts that began and are not over, by begin.
    open: BTreeSet<(i64, u64)>,
    finished: Vec<Finished>,
    number: u64,
    seed: u64,
    day: u32,
    now: i64,
    /// Contacts a day for one unit of share.
    per_share: f64,
}

impl<'l> Desk<'l> {
    pub(super) fn new(options: &Options, library: &'l Library) -> Self {
        let seed = options.stream_seed();
        let plan = Plan::new(options, library);
        let staff = Staff::new(seed, library);
        let population = (options.per_day() * CUSTOMERS_PER_INTERACTION).max(320.0) as u64;
        let floor = Floor::new(staff.queues.len());
        let shares: f64 = plan.topics.iter().map(|topic| topic.share).sum();
        let mut desk = Self {
            options: options.clone(),
            library,
            plan,
            staff,
            floor,
            customers: Customers::new(seed, population),
            contacts: HashMap::new(),
            quota: None,
            open: BTreeSet::new(),
            finished: Vec::new(),
            number: 0,
            seed,
            day: 0,
            now: options.start_micros(),
            per_share: options.per_day() * FIRST / shares.max(f64::MIN_POSITIVE),
        };
        desk.floor.timer(desk.now, Timer::Day as u64);
        if let Some(total) = options.interactions {
            desk.limit_to(total);
        }
        desk
    }

    /// The next things that are over, some hundreds at a time; `None` at the end.
    pub(super) fn next_batch(&mut self, at_least: usize) -> Option<Vec<Finished>> {
        while self.finished.len() < at_least {
            let Some((at, happened)) = self.floor.next() else {
                break;
            };
            self.now = at;
            self.happen(at, happened);
        }
        if self.finished.is_empty() {
            // E-mails that nobody answered stay open.
            let (_, number) = self.open.pop_first()?;
            let contact = self.contacts.remove(&number)?;
            self.finished.push(Finished::Contact(Box::new(contact)));
        }
        Some(std::mem::take(&mut self.finished))
    }

    /// Nothing that is yet to come is earlier than this.
    pub(super) fn safe_until(&self) -> i64 {
        self.open
            .first()
            .map_or(self.now, |(at, _)| (*at).min(self.now))
    }

    fn happen(&mut self, at: i64, happened: Happened) {
        match happened {
            Happened::Agent { agent, state } => {
                self.finished
                    .push(Finished::State(at, agent, State::Floor(state)));
            }
            Happened::Taken {
                contact,
                queue,
                agent,
            } => self.taken(contact, queue, agent, at),
            Happened::Abandoned { contact, queue } => self.abandoned(contact, queue, at),
            Happened::Timer(timer) => {
                let number = timer >> 4;
                match timer & 15 {
                    0 => self.begin_day(at),
                    1 => self.arrives(number, at),
                    2 => self.joins(number, at),
                    3 => self.stay_ends(number, at),
                    4 => self.offers_callback(number, at),
                    _ => self.overflows(number, at),
                }
            }
        }
    }

    pub(super) fn timer(&mut self, at: i64, number: u64, timer: Timer) {
        self.floor.timer(at, (number << 4) | timer as u64);
    }

    pub(super) fn end(&self) -> i64 {
        self.options.start_micros() + i64::from(self.options.days.max(1)) * DAY
    }

    /// Days since the start of the run.
    pub(super) fn day_of(&self, at: i64) -> f64 {
        (at - self.options.start_micros()) as f64 / DAY as f64
    }

    pub(super) fn intent(&self, topic: usize) -> &'l Intent {
        &self.library.intents[self.plan.topics[topic].intent]
    }

    fn begin_day(&mut self, at: i64) {
        let (day, last) = (self.day, self.options.days.max(1));
        if day == 0 && self.knows_all() {
            for customer in 0..self.customers.records.len() as u64 {
                let known = at + (customer as i64 * 7_919_000) % (6 * HOUR);
                self.finished.push(Finished::Known(known, customer));
            }
        }
        if day < last {
            for leaver in self.customers.pass_day(day, at) {
                self.finished.push(Finished::Leaves(leaver));
            }
        }
        let minutes = self.expected_minutes(day.min(last - 1));
        let floor = &mut self.floor;
        let duties = self.staff.duties(day, at, &minutes, |queues, capacity| {
            floor.hire(queues, capacity)
        });
        for duty in duties {
            let rest = Some((duty.rest_at, duty.rest));
            self.floor.shift(duty.agent, duty.from, duty.until, rest);
            self.finished.push(Finished::Duty(duty));
        }
        // One day more for what is still open, without anybody new.
        if day < last {
            self.arrivals(day, at);
            self.timer(at + DAY, 0, Timer::Day);
        }
        self.day += 1;
    }

    /// Whether the CRM writes all customers on the first day; in short runs it
    /// writes those who come, when they come first.
    const fn knows_all(&self) -> bool {
        self.options.days >= 28
    }

    /// Contacts that a topic has on a day, before chance.
    fn rate(&self, topic: usize, day: u32, calendar: f64) -> f64 {
        let middle = f64::from(day) + 0.5;
        self.per_share
            * self.plan.topics[topic].share
            * self.plan.level(topic, day)
            * calendar
            * self.plan.left_by_interventions(topic, middle)
    }

    /// Contacts that every topic has on a day, before chance.
    pub(super) fn rates(&self, day: u32) -> Vec<f64> {
        let rate = |topic| {
            let calendar = self.plan.calendar_factor(self.intent(topic), day);
            self.rate(topic, day, calendar)
        };
        (0..self.plan.topics.len()).map(rate).collect()
    }

    /// Makes all rates so many times as great, first contacts and others.
    pub(super) fn scale_rates(&mut self, factor: f64) {
        self.per_share *= factor * FIRST;
    }

    /// What the planners expect of a day, in minutes of work by queue. They
    /// know the week and underrate the peaks of the year.
    fn expected_minutes(&self, day: u32) -> Vec<f64> {
        let mut minutes = vec![0.0; self.staff.queues.len()];
        for topic in 0..self.plan.topics.len() {
            let intent = self.intent(topic);
            let calendar = self.plan.calendar_factor(intent, day);
            let rate = self.rate(topic, day, calendar.min(1.0 + (calendar - 1.0) * 0.8)) / FIRST;
            let spec = &self.library.queues[intent.queue];
            let talk = intent.minutes * 1.19 + 0.75;
            for (channel, share) in CHANNELS {
                let (queue, work) = match channel {
                    Channel::Call => (spec.name.as_str(), 0.72 * talk),
                    Channel::Video => (VIDEO, talk),
                    Channel::Email => (EMAIL, 5.6),
                    _ => (spec.text.as_str(), 0.66 * (talk * 1.9 + 0.5)),
                };
                minutes[self.staff.queue(queue)] += rate * share * work;
            }
        }
        minutes
    }

    fn arrivals(&mut self, day: u32, day_start: i64) {
        let mut dice = Dice::new(self.seed, Stream::Arrivals, u64::from(day));
        let common = dice.gamma(DAY_SHAPE);
        let fixed = self.fixed_counts(day, &mut dice);
        let rates = self.rates(day);
        for (topic, rate) in rates.into_iter().enumerate() {
            let count = match fixed.as_ref().and_then(|counts| counts.get(topic)) {
                Some(count) => *count,
                None => {
                    let mean = rate * common * dice.gamma(TOPIC_SHAPE);
                    dice.poisson(mean)
                }
            };
            for _ in 0..count {
                let hour = dice.weighted(&HOURS) as i64 * HOUR;
                let at = day_start + hour + dice.below(HOUR as u64) as i64;
                let channel = CHANNELS[dice.weighted(&CHANNELS.map(|(_, share)| share))].0;
                let customer = self.customer(topic, at, &mut dice);
                self.book(at, channel, customer, topic, None);
            }
        }
    }

    fn customer(&self, topic: usize, at: i64, dice: &mut Dice) -> u64 {
        let english = self.library.languages[self.intent(topic).language].is_english();
        let population = self.customers.records.len() as u64;
        let mut customer = 0;
        for _ in 0..6 {
            // Some people call far more often than others.
            customer = (dice.unit().powf(1.25) * (population - 16) as f64) as u64;
            if english {
                customer = customer - customer % 16 + 3;
            } else if is_english(customer) {
                customer += 1;
            }
            if !self.customers.is_gone(customer, at) {
                break;
            }
        }
        customer
    }

    /// Plans that a customer comes at `at`.
    pub(super) fn book(
        &mut self,
        at: i64,
        channel: Channel,
        customer: u64,
        topic: usize,
        earlier: Option<Earlier>,
    ) {
        self.number += 1;
        let number = self.number;
        if earlier.is_none() {
            self.expects(at, number);
        }
        let mut dice = Dice::new(self.seed, Stream::Journey, number);
        let day = self.day_of(at);
        let tries = earlier.as_ref().map_or(0, |earlier| earlier.tries);
        let mood = self.intent(topic).mood + 0.75 * dice.normal() - 0.5 * f64::from(tries);
        let date = Micros(at).day().to_string().replace('-', "");
        let contact = Contact {
            number,
            id: format!("{channel}-{date}-s{}-{number:06}", self.options.seed),
            started_at: at,
            channel,
            customer,
            second: has_second(customer) && dice.chance(0.4),
            topic,
            wording: self.plan.wording_of(topic, day, &mut dice),
            gap: self.plan.gap_at(topic, day),
            failing: self.plan.is_failing(day),
            mood: mood.clamp(-2.0, 2.0),
            mood_end: 0.0,
            earlier,
            steps: Vec::with_capacity(8),
            queue: self.queue_for(channel, topic),
            joined_at: at,
            waited: 0,
            patience: None,
            cause: None,
            hops: 0,
            solved: false,
            used_knowledge: false,
            by_bot: false,
            ended_at: None,
            whole: dice.chance(0.03),
            dice,
        };
        self.contacts.insert(number, contact);
        self.timer(at, number, Timer::Arrives);
    }

    fn queue_for(&self, channel: Channel, topic: usize) -> usize {
        let spec = &self.library.queues[self.intent(topic).queue];
        match channel {
            Channel::Call => self.staff.queue(&spec.name),
            Channel::Video => self.staff.queue(VIDEO),
            Channel::Email => self.staff.queue(EMAIL),
            _ => self.staff.queue(&spec.text),
        }
    }

    /// The customer is there: menu, bot, or straight to the queue.
    fn arrives(&mut self, number: u64, at: i64) {
        let Some(mut contact) = self.contacts.remove(&number) else {
            return;
        };
        self.came(at, number);
        if self.customers.is_gone(contact.customer, at) && !self.replace_gone(&mut contact, at) {
            return;
        }
        self.open.insert((at, number));
        let everybody = self.knows_all();
        let record = self.customers.records.get_mut(contact.customer as usize);
        if record.is_some_and(|record| !std::mem::replace(&mut record.known, true)) && !everybody {
            self.finished.push(Finished::Known(at, contact.customer));
        }
        match contact.channel {
            _ if contact.is_outbound() => {
                contact.joined_at = at;
                self.floor.join(number, contact.queue, 1, Some(40 * MINUTE));
                self.contacts.insert(number, contact);
            }
            Channel::Call => self.menu(contact, at),
            Channel::Chat | Channel::Wechat => self.bot(contact, at),
            _ => {
                self.contacts.insert(number, contact);
                self.timer(at + SECOND / 3, number, Timer::Joins);
            }
        }
    }

    /// The contact is over.
    pub(super) fn finish(
        &mut self,
        mut contact: Contact,
        at: i64,
        reason: EndReason,
        by: EndedBy,
        resolved: Option<bool>,
    ) {
        contact.ended_at = Some(at);
        contact.steps.push(Step::Ended {
            at,
            reason,
            by,
            resolved,
        });
        contact.solved = resolved == Some(true);
        let wait_s = contact.waited as f64 / SECOND as f64;
        let skill = contact.last_stay().map_or(0.5, |stay| stay.skill);
        let outcome = if contact.solved { 0.9 } else { -0.7 };
        let slow =
            (wait_s / 240.0).min(1.2) * f64::from(u8::from(contact.channel != Channel::Email));
        let mood = contact.mood + outcome + 0.8 * (skill - 0.6) - slow;
        contact.mood_end = mood.clamp(-2.0, 2.0);
        let abandoned = reason == EndReason::Abandoned;
        let (customer, solved) = (contact.customer, contact.solved);
        self.customers
            .remember(customer, solved, contact.mood_end, abandoned);
        self.again(&mut contact, at, abandoned);
        self.open.remove(&(contact.started_at, contact.number));
        self.finished.push(Finished::Contact(Box::new(contact)));
    }

    /// Who got no help comes again, some on another channel.
    fn again(&mut self, contact: &mut Contact, at: i64, abandoned: bool) {
        let tries = contact.earlier.as_ref().map_or(0, |earlier| earlier.tries);
        let by_callback = contact.cause == Some("call_back");
        let likely = match (contact.solved, abandoned) {
            _ if tries >= 4 => 0.0,
            (true, _) => 0.03,
            (false, true) => 0.62,
            (false, false) => 0.5,
        };
        if !by_callback && !contact.dice.chance(likely) {
            return;
        }
        let delay = match (by_callback, abandoned) {
            (true, _) => 15 * MINUTE + contact.dice.exponential_ms(1_500_000.0) * 1_000,
            (_, true) => 4 * MINUTE + contact.dice.exponential_ms(3_600_000.0) * 1_000,
            _ => 20 * MINUTE + contact.dice.exponential_ms(32_400_000.0) * 1_000,
        };
        let mut next = at + delay;
        if matches!((next.rem_euclid(DAY)) / HOUR, 15..=22) {
            // Nobody does so at night; the next morning.
            next += 9 * HOUR;
        }
        if next >= self.end() || !self.makes_room(next) {
            return;
        }
        let switches = !by_callback && contact.dice.chance(0.35);
        let channel = match (by_callback, switches) {
            (true, _) => Channel::Call,
            (_, true) => CHANNELS[contact.dice.weighted(&CHANNELS.map(|(_, share)| share))].0,
            _ => contact.channel,
        };
        let earlier = Earlier {
            initial: contact
                .earlier
                .as_ref()
                .map_or_else(|| contact.id.clone(), |earlier| earlier.initial.clone()),
            previous: contact.id.clone(),
            reason: match (by_callback, contact.solved) {
                (true, _) => "callback",
                (_, true) => "again",
                _ => "unsolved",
            },
            tries: tries + u8::from(!by_callback),
            outbound: by_callback,
        };
        self.book(
            next,
            channel,
            contact.customer,
            contact.topic,
            Some(earlier),
        );
    }

    /// An agent's state, to be written.
    pub(super) fn state(&mut self, at: i64, agent: usize, state: State) {
        self.finished.push(Finished::State(at, agent, state));
    }

    /// The end of an interaction that nobody took.
    pub(super) fn unserved(
        &mut self,
        mut contact: Contact,
        at: i64,
        outcome: LegOutcome,
        cause: &'static str,
    ) {
        contact.cause = Some(cause);
        let (reason, by) = match outcome {
            LegOutcome::Abandoned => (EndReason::Abandoned, EndedBy::Customer),
            LegOutcome::Callback => (EndReason::Completed, EndedBy::System),
            _ => (EndReason::Failed, EndedBy::System),
        };
        self.finish(contact, at, reason, by, None);
    }
}
