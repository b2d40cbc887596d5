//! Stays in queues and with agents, the same for every channel.
//!
//! Invariants: a queue stay ends before the agent stay after it begins; the
//! customer leaves when the wait would pass his patience; what an agent does
//! lies within his stay.

use std::borrow::Cow;

use super::desk::Desk;
use super::journey::{Journey, Text, source};
use super::staff::{HOUR, MS, Queue, SECOND};
use super::talk::{Partner, speak};
use crate::contract::Data;
use crate::contract::event::{
    AgentStateChanged, Answered, Dequeued, Ended, Held, KnowledgeUsed, Queued, Resumed,
    Transferred, WrappedUp,
};
use crate::domain::{
    Actor, AgentState, Channel, EndReason, EndedBy, KnowledgeAction, LegOutcome, TransferKind,
};

/// How a queue stay ended.
pub(super) enum Stay {
    /// An agent takes it at this time.
    Answered(i64, usize),
    /// The customer left, or will be called back.
    Left(i64, LegOutcome),
}

/// How long a customer of this channel waits, and how long an agent needs.
pub(super) fn patience(journey: &mut Journey) -> i64 {
    let mean_ms = match journey.channel {
        Channel::Email => return 72 * HOUR,
        Channel::Chat | Channel::Wechat => 420_000.0,
        _ => 260_000.0,
    };
    (journey.dice.exponential_ms(mean_ms) + 4_000) * MS
}

fn service(journey: &mut Journey) -> i64 {
    let ms = match journey.channel {
        Channel::Email => journey.dice.service_ms(240_000.0, 0.5),
        Channel::Chat | Channel::Wechat => journey.dice.service_ms(330_000.0, 0.6),
        _ => journey.dice.service_ms(165_000.0, 0.7),
    };
    ms.clamp(8_000, 3_600_000) * MS
}

fn ring(journey: &mut Journey) -> i64 {
    let (low, high) = match journey.channel {
        Channel::Call | Channel::Video => (1_200, 9_000),
        _ => (400, 4_000),
    };
    journey.dice.between(low, high) * MS
}

impl Desk {
    /// One stay in `queue` from `at`.
    pub(super) fn wait(&mut self, journey: &mut Journey, queue: Queue, at: i64) -> Stay {
        let free = self.staff.next_free(queue, at);
        let wait_ms = free.map(|(from, _)| (from - at) / MS);
        let announced = wait_ms.filter(|_| queue != Queue::Email && journey.dice.chance(0.6));
        let queued = Queued {
            queue: Cow::Borrowed(queue.as_str()),
            skills: Some(vec![Cow::Borrowed(journey.matter.intent.code)]),
            priority: Some(if journey.upset { 3 } else { 5 }),
            announced_wait_ms: announced
                .map(|ms| (ms / 30_000 * 30_000).clamp(0, 3_600_000) as u32),
        };
        journey.put(at, Data::Queued(queued));
        let patience = patience(journey);
        let offers_callback = matches!(journey.channel, Channel::Call) && journey.dice.chance(0.12);
        let stay = match free {
            None if patience < 10 * 60 * SECOND => Stay::Left(at + patience, LegOutcome::Abandoned),
            None => Stay::Left(at + 10 * 60 * SECOND, LegOutcome::System),
            Some((from, _))
                if from - at > 75 * SECOND && patience > 60 * SECOND && offers_callback =>
            {
                Stay::Left(at + 60 * SECOND, LegOutcome::Callback)
            }
            Some((from, _)) if from - at > patience => {
                Stay::Left(at + patience, LegOutcome::Abandoned)
            }
            Some((from, agent)) => Stay::Answered(from, agent),
        };
        let (left_at, outcome) = match stay {
            Stay::Answered(from, _) => (from, LegOutcome::Answered),
            Stay::Left(left_at, outcome) => (left_at, outcome),
        };
        let dequeued = Dequeued {
            queue: Cow::Borrowed(queue.as_str()),
            outcome,
        };
        journey.put(left_at, Data::Dequeued(dequeued));
        stay
    }

    /// Waits in `queue` and, when answered, is served to the end. Gives the
    /// time of the end and whether the matter was solved.
    pub(super) fn serve(&mut self, journey: &mut Journey, queue: Queue, at: i64) -> (i64, bool) {
        match self.wait(journey, queue, at) {
            Stay::Answered(from, agent) => self.agent_stay(journey, Some(queue), agent, from, 0),
            Stay::Left(left_at, outcome) => {
                left(journey, left_at, outcome);
                if outcome == LegOutcome::Callback {
                    self.call_back_later(journey, left_at);
                }
                (left_at, false)
            }
        }
    }

    /// The stay with an agent who takes the interaction at `from`, and all that
    /// follows from it. `hops` counts the transfers before.
    pub(super) fn agent_stay(
        &mut self,
        journey: &mut Journey,
        queue: Option<Queue>,
        agent: usize,
        from: i64,
        hops: u32,
    ) -> (i64, bool) {
        let home = self.staff.agents[agent].queue;
        let agent_id = self.staff.agents[agent].id.clone();
        let ring = ring(journey);
        let answered_at = from + ring;
        let talk = service(journey);
        let until = answered_at + talk;
        let wrap = journey.dice.exponential_ms(28_000.0) * MS + 3 * SECOND;
        self.staff.occupy(home, until + wrap);
        let answered = Answered {
            agent_id: Some(Cow::Borrowed(&*agent_id)),
            queue: queue.map(|queue| Cow::Borrowed(queue.as_str())),
            ring_ms: Some((ring / MS) as u32),
        };
        journey.put(answered_at, Data::Answered(answered));
        let holds = hold(journey, &agent_id, (answered_at, until));
        look_up(journey, (answered_at, until));
        speak(
            journey,
            Partner::Agent(&agent_id),
            (answered_at, until),
            &holds,
        );
        let solved = !journey.dice.chance(if journey.upset { 0.45 } else { 0.22 });
        states(journey, &agent_id, (answered_at, until), wrap);
        let moves_on = hops == 0 && journey.channel != Channel::Email && journey.dice.chance(0.09);
        let ended = if moves_on {
            self.hand_on(journey, &agent_id, home, until)
        } else {
            let by = if journey.dice.chance(0.7) {
                EndedBy::Customer
            } else {
                EndedBy::Agent
            };
            end(journey, until, EndReason::Completed, by, Some(solved));
            (until, solved)
        };
        wrap_up(journey, &agent_id, until, wrap);
        ended
    }

    /// From one agent to another queue, another agent, or out of the house.
    fn hand_on(
        &mut self,
        journey: &mut Journey,
        agent_id: &str,
        home: Queue,
        at: i64,
    ) -> (i64, bool) {
        let to = match home {
            Queue::Billing => Queue::Broadband,
            Queue::Broadband => Queue::Billing,
            Queue::Orders => Queue::Returns,
            Queue::Returns | Queue::Video => Queue::Orders,
            Queue::English => Queue::English,
            Queue::ChatTelecom => Queue::ChatShop,
            Queue::ChatShop | Queue::Email => Queue::ChatTelecom,
        };
        let by_agent = Some(Cow::Borrowed(agent_id));
        let transferred = |kind, to_agent_id, to_queue| {
            Data::Transferred(Transferred {
                from_agent_id: by_agent.clone(),
                to_agent_id,
                to_queue,
                kind,
            })
        };
        let colleague = self.staff.next_free(to, at).filter(|(from, _)| *from == at);
        match (journey.dice.weighted(&[0.55, 0.35, 0.1]), colleague) {
            (1, Some((_, other))) if self.staff.agents[other].id != agent_id => {
                let name: Text<'_> = self.staff.agents[other].name().into_owned().into();
                journey.put(at, transferred(TransferKind::Consult, Some(name), None));
                self.agent_stay(journey, None, other, at, 1)
            }
            (2, _) => {
                journey.put(at, transferred(TransferKind::External, None, None));
                end(journey, at, EndReason::Completed, EndedBy::Agent, None);
                (at, false)
            }
            _ => {
                let queue = Some(Cow::Borrowed(to.as_str()));
                journey.put(at, transferred(TransferKind::Blind, None, queue));
                match self.wait(journey, to, at + SECOND) {
                    Stay::Answered(from, other) => {
                        self.agent_stay(journey, Some(to), other, from, 1)
                    }
                    Stay::Left(left_at, outcome) => {
                        left(journey, left_at, outcome);
                        (left_at, false)
                    }
                }
            }
        }
    }
}

/// The work after a stay that ended at `until`.
fn wrap_up(journey: &mut Journey, agent_id: &str, until: i64, wrap: i64) {
    let wrapped = WrappedUp {
        agent_id: Cow::Borrowed(agent_id),
        wrap_up_ms: (wrap / MS) as u32,
        disposition: Some(Cow::Borrowed(journey.matter.intent.code)),
    };
    journey.put(until + wrap, Data::WrappedUp(wrapped));
}

/// What the phone system reports of the agent around a call.
fn states(journey: &mut Journey, agent_id: &str, (from, until): (i64, i64), wrap: i64) {
    if !matches!(journey.channel, Channel::Call | Channel::Video) {
        return;
    }
    let moments = [
        (from, AgentState::OnInteraction),
        (until, AgentState::WrapUp),
        (until + wrap, AgentState::Available),
    ];
    for (at, state) in moments {
        let changed = Data::AgentStateChanged(bare_state(agent_id, state));
        journey
            .sheet
            .put_beside(source::STAFF, agent_id, at, changed);
    }
}

/// The end of an interaction that nobody took.
fn left(journey: &mut Journey, at: i64, outcome: LegOutcome) {
    let (reason, ended_by) = match outcome {
        LegOutcome::Abandoned => (EndReason::Abandoned, EndedBy::Customer),
        LegOutcome::Callback => (EndReason::Completed, EndedBy::System),
        _ => (EndReason::Failed, EndedBy::System),
    };
    end(journey, at, reason, ended_by, None);
}

/// A change of state that repeats nothing of the agent's profile.
pub(super) fn bare_state(agent_id: &str, state: AgentState) -> AgentStateChanged<Text<'_>> {
    AgentStateChanged {
        agent_id: Cow::Borrowed(agent_id),
        state,
        queues: None,
        skills: None,
        languages: None,
        capacity: None,
        since: None,
    }
}

/// The end of the interaction.
pub(super) fn end(
    journey: &mut Journey,
    at: i64,
    reason: EndReason,
    ended_by: EndedBy,
    resolved: Option<bool>,
) {
    let disposition = resolved.map(|_| Cow::Borrowed(journey.matter.intent.query));
    journey.put(
        at,
        Data::Ended(Ended {
            reason,
            ended_by,
            disposition,
            resolved,
            wrap_up_ms: None,
        }),
    );
}

/// Sometimes one hold, in the middle of the talk.
fn hold(journey: &mut Journey, agent_id: &str, (from, until): (i64, i64)) -> Vec<(i64, i64)> {
    let can_hold = matches!(journey.channel, Channel::Call | Channel::Video);
    if !can_hold || until - from < 60 * SECOND || !journey.dice.chance(0.22) {
        return Vec::new();
    }
    let held = from + (until - from) / 3;
    let resumed = held + journey.dice.between(8_000, (until - from) / 3 / MS) * MS;
    journey.put(
        held,
        Data::Held(Held {
            agent_id: Cow::Borrowed(agent_id),
        }),
    );
    journey.put(
        resumed,
        Data::Resumed(Resumed {
            agent_id: Cow::Borrowed(agent_id),
        }),
    );
    vec![(held, resumed)]
}

/// Sometimes the agent asks the knowledge base.
fn look_up(journey: &mut Journey, (from, until): (i64, i64)) {
    if !journey.dice.chance(0.3) {
        return;
    }
    let at = from + (until - from) / 4;
    knowledge(journey, at, KnowledgeAction::Searched, Actor::Agent);
    if journey.dice.chance(0.8) {
        knowledge(
            journey,
            at + 2 * SECOND,
            KnowledgeAction::Shown,
            Actor::Agent,
        );
        let judged = if journey.dice.chance(0.7) {
            KnowledgeAction::Accepted
        } else {
            KnowledgeAction::Rejected
        };
        knowledge(journey, at + 9 * SECOND, judged, Actor::Agent);
    }
}

/// One use of the knowledge base.
pub(super) fn knowledge(journey: &mut Journey, at: i64, action: KnowledgeAction, actor: Actor) {
    let intent = journey.matter.intent;
    let searched = action == KnowledgeAction::Searched;
    let interaction_id = journey.sheet.id.clone();
    let used = KnowledgeUsed {
        article_id: (!searched).then_some(Cow::Borrowed(intent.article)),
        query: searched.then_some(Cow::Borrowed(intent.query)),
        action,
        actor,
        interaction_id: Some(Cow::Borrowed(&*interaction_id)),
    };
    journey.sheet.put_beside(
        source::KNOWLEDGE,
        intent.article,
        at,
        Data::KnowledgeUsed(used),
    );
}
