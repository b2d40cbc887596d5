//! Stays in queues and with agents, the same for every channel.
//!
//! Invariants: a queue stay ends before the agent stay after it begins; who
//! waits beyond his patience leaves; what an agent does lies within his stay.

use super::contact::{Contact, Shown, Stay, Step};
use super::desk::{Desk, State, Timer};
use super::plan::Gap;
use super::staff::{MINUTE, MS, SECOND};
use crate::domain::{Actor, Channel, EndReason, EndedBy, LegOutcome, TransferKind};

/// Mean patience, ms, by channel; an e-mail has all the time.
fn patience(contact: &mut Contact) -> Option<i64> {
    let mean_ms = match contact.channel {
        Channel::Email => return None,
        Channel::Chat | Channel::Wechat => 420_000.0,
        _ => 300_000.0,
    };
    // Who is angry hangs up sooner.
    let mood = 1.0 + 0.15 * contact.mood;
    Some((contact.dice.exponential_ms(mean_ms * mood) + 3_000) * MS)
}

impl Desk<'_> {
    /// The contact comes to its queue.
    pub(super) fn joins(&mut self, number: u64, at: i64) {
        let Some(mut contact) = self.contacts.remove(&number) else {
            return;
        };
        let queue = contact.queue;
        let (ahead, agents) = self.floor.ahead(queue);
        let priority = if contact.mood < -1.0 { 3 } else { 5 };
        let expected_ms = (ahead * 240_000) / agents.max(1);
        let announces = contact.channel != Channel::Email && contact.dice.chance(0.6);
        contact.steps.push(Step::Queued {
            at,
            queue,
            priority,
            announced_ms: announces
                .then_some((expected_ms / 30_000 * 30_000).min(3_600_000) as u32),
        });
        contact.joined_at = at;
        if contact.channel != Channel::Email && !self.floor.is_staffed(queue) {
            let outcome = LegOutcome::System;
            contact.steps.push(Step::Dequeued {
                at: at + 5 * SECOND,
                queue,
                outcome,
            });
            self.unserved(contact, at + 5 * SECOND, outcome, "closed");
            return;
        }
        let patience = patience(&mut contact);
        contact.patience = patience;
        let offers = contact.channel == Channel::Call && contact.dice.chance(0.14);
        let overflows = contact.hops == 0
            && self.staff.queues[queue].neighbour.is_some()
            && contact.dice.chance(0.3);
        self.contacts.insert(number, contact);
        self.floor.join(number, queue, priority, patience);
        if offers {
            self.timer(at + 60 * SECOND, number, Timer::OffersCallback);
        } else if overflows {
            self.timer(at + 150 * SECOND, number, Timer::Overflows);
        }
    }

    /// An agent takes the contact.
    pub(super) fn taken(&mut self, number: u64, queue: usize, agent: usize, at: i64) {
        let Some(mut contact) = self.contacts.remove(&number) else {
            self.floor.busy(at, agent);
            return;
        };
        let outbound = contact.is_outbound() && contact.hops == 0;
        if !outbound {
            contact.waited += at - contact.joined_at;
            let outcome = LegOutcome::Answered;
            contact.steps.push(Step::Dequeued { at, queue, outcome });
        } else if contact.dice.chance(0.18) {
            // The customer does not pick up.
            self.floor.busy(at + 40 * SECOND, agent);
            let end = at + 35 * SECOND;
            self.finish(contact, end, EndReason::TimedOut, EndedBy::System, None);
            return;
        }
        self.stay(contact, (!outbound).then_some(queue), agent, at);
    }

    /// The stay with an agent from `at`.
    fn stay(&mut self, mut contact: Contact, queue: Option<usize>, agent: usize, at: i64) {
        let intent = self.intent(contact.topic);
        let skill = self.staff.skill(agent, &intent.code);
        let (low, high) = if contact.is_voice() {
            (1_200, 9_000)
        } else {
            (400, 4_000)
        };
        let ring_ms = contact.dice.between(low, high);
        let from = at + ring_ms * MS;
        let slow = 1.28 - 0.42 * skill;
        let (median_ms, spread) = match contact.channel {
            Channel::Email => (240_000.0, 0.5),
            Channel::Chat | Channel::Wechat => (intent.minutes * 114_000.0 * slow, 0.55),
            _ => (intent.minutes * 60_000.0 * slow, 0.55),
        };
        let talk_ms = contact
            .dice
            .service_ms(median_ms, spread)
            .clamp(12_000, 3_600_000);
        let until = from + talk_ms * MS;
        let wrap_ms = contact.dice.exponential_ms(26_000.0) + 3_000;
        let knows = self.knows(&mut contact, skill);
        let solves = if knows { intent.solve + 0.14 } else { 0.1 };
        let solved = contact.dice.chance(solves.min(0.97));
        let wrong_house = contact.hops == 0 && self.queue_is_wrong(&contact, queue);
        let hands_on = contact.hops < 2
            && contact.channel != Channel::Email
            && contact.dice.chance(match (wrong_house, knows) {
                (true, _) => 0.8,
                (_, true) => 0.02,
                (_, false) => 0.16,
            });
        let stay = Stay {
            agent,
            queue,
            ring_ms: ring_ms as u32,
            from,
            until,
            wrap_ms: wrap_ms as u32,
            hold: hold(&mut contact, from, until),
            skill,
            knows,
            solved,
            hands_on,
        };
        contact.steps.push(Step::Stay(stay));
        self.look_up(&mut contact, &stay);
        self.floor.busy(until + wrap_ms * MS, agent);
        if contact.is_voice() {
            self.state(from, agent, State::Talks);
            self.state(until, agent, State::WrapsUp);
        }
        let number = contact.number;
        self.contacts.insert(number, contact);
        self.timer(until, number, Timer::StayEnds);
    }

    /// Whether the agent knows the true answer.
    fn knows(&self, contact: &mut Contact, skill: f64) -> bool {
        let likely = match contact.gap {
            Gap::Answered => 0.55 + 0.5 * skill,
            Gap::NoContent => 0.1 + 0.55 * skill,
            Gap::NotFound | Gap::Conflict => 0.25 + 0.5 * skill,
            Gap::Outdated | Gap::Rejected => 0.3 + 0.5 * skill,
            Gap::OutOfScope => 0.2,
        };
        contact.dice.chance(likely)
    }

    /// Whether the customer came to another house than his matter's.
    fn queue_is_wrong(&self, contact: &Contact, queue: Option<usize>) -> bool {
        let spec = &self.library.queues[self.intent(contact.topic).queue];
        contact.channel == Channel::Call
            && queue.is_some_and(|queue| self.staff.queues[queue].name != spec.name)
    }

    /// Sometimes the agent asks the knowledge base.
    fn look_up(&self, contact: &mut Contact, stay: &Stay) {
        if !contact.dice.chance(0.6 - 0.35 * stay.skill) || contact.failing {
            return;
        }
        let at = stay.from + (stay.until - stay.from) / 4;
        let shown = self.search(contact);
        let accepted = if shown == Shown::Nothing {
            None
        } else {
            Some(Self::accepts(contact, shown))
        };
        self.used(contact, at, shown, Actor::Agent, accepted);
    }

    /// The talk is over: on to the next, or the end.
    pub(super) fn stay_ends(&mut self, number: u64, at: i64) {
        let Some(mut contact) = self.contacts.remove(&number) else {
            return;
        };
        let Some(stay) = contact.last_stay().copied() else {
            return;
        };
        if !stay.hands_on {
            let by = if contact.dice.chance(0.7) {
                EndedBy::Customer
            } else {
                EndedBy::Agent
            };
            self.finish(contact, at, EndReason::Completed, by, Some(stay.solved));
            return;
        }
        contact.hops += 1;
        let from = Some(stay.agent);
        let home = self.home_of(&contact);
        let colleague = self.floor.idle(home, stay.agent);
        match (contact.dice.weighted(&[0.6, 0.32, 0.08]), colleague) {
            (1, Some(to)) => {
                let kind = TransferKind::Consult;
                contact.steps.push(Step::Transferred {
                    at,
                    from,
                    to: Some(to),
                    queue: None,
                    kind,
                });
                self.floor.hand_to(to);
                self.stay(contact, None, to, at);
            }
            (2, _) => {
                let kind = TransferKind::External;
                contact.steps.push(Step::Transferred {
                    at,
                    from,
                    to: None,
                    queue: None,
                    kind,
                });
                self.finish(contact, at, EndReason::Completed, EndedBy::Agent, None);
            }
            _ => {
                let kind = TransferKind::Blind;
                contact.steps.push(Step::Transferred {
                    at,
                    from,
                    to: None,
                    queue: Some(home),
                    kind,
                });
                contact.queue = home;
                self.contacts.insert(number, contact);
                self.timer(at + SECOND, number, Timer::Joins);
            }
        }
    }

    /// The queue that the matter belongs to.
    fn home_of(&self, contact: &Contact) -> usize {
        let spec = &self.library.queues[self.intent(contact.topic).queue];
        match contact.channel {
            Channel::Video | Channel::Email => contact.queue,
            channel if Self::is_text(channel) => self.staff.queue(&spec.text),
            _ => self.staff.queue(&spec.name),
        }
    }

    /// Patience is over.
    pub(super) fn abandoned(&mut self, number: u64, queue: usize, at: i64) {
        let Some(mut contact) = self.contacts.remove(&number) else {
            return;
        };
        if contact.is_outbound() && contact.hops == 0 {
            self.finish(contact, at, EndReason::TimedOut, EndedBy::System, None);
            return;
        }
        contact.waited += at - contact.joined_at;
        let outcome = LegOutcome::Abandoned;
        contact.steps.push(Step::Dequeued { at, queue, outcome });
        self.unserved(contact, at, outcome, "wait_beyond_patience");
    }

    /// Who still waits may be called back.
    pub(super) fn offers_callback(&mut self, number: u64, at: i64) {
        if !self.floor.leave(number) {
            return;
        }
        let Some(mut contact) = self.contacts.remove(&number) else {
            return;
        };
        contact.waited += at - contact.joined_at;
        let (queue, outcome) = (contact.queue, LegOutcome::Callback);
        contact.steps.push(Step::Dequeued { at, queue, outcome });
        self.unserved(contact, at, outcome, "call_back");
    }

    /// Who still waits goes to the queue beside.
    pub(super) fn overflows(&mut self, number: u64, at: i64) {
        let Some(queue) = self.contacts.get(&number).map(|contact| contact.queue) else {
            return;
        };
        let Some(beside) = self.staff.queues[queue].neighbour else {
            return;
        };
        if !self.floor.is_staffed(beside) || !self.floor.leave(number) {
            return;
        }
        let Some(contact) = self.contacts.get_mut(&number) else {
            return;
        };
        contact.waited += at - contact.joined_at;
        contact.joined_at = at;
        contact.queue = beside;
        let left = contact
            .patience
            .map(|patience| (patience - contact.waited).max(MINUTE / 4));
        let (outcome, kind) = (LegOutcome::FlowOut, TransferKind::Queue);
        contact.steps.push(Step::Dequeued { at, queue, outcome });
        contact.steps.push(Step::Transferred {
            at,
            from: None,
            to: None,
            queue: Some(beside),
            kind,
        });
        contact.steps.push(Step::Queued {
            at,
            queue: beside,
            priority: 4,
            announced_ms: None,
        });
        self.floor.join(number, beside, 4, left);
    }
}

/// Sometimes one hold, in the middle of the talk.
fn hold(contact: &mut Contact, from: i64, until: i64) -> Option<(i64, i64)> {
    let long = until - from >= MINUTE;
    if !contact.is_voice() || !long || !contact.dice.chance(0.22) {
        return None;
    }
    let held = from + (until - from) / 3;
    let length = contact.dice.between(8_000, (until - from) / 3 / MS) * MS;
    Some((held, held + length))
}
