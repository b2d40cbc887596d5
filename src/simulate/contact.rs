//! One interaction on its way through the desk: what happened, without words.
//!
//! Invariants: steps are in order of time within a stay; nothing here depends
//! on what is said.

use super::dice::Dice;
use super::plan::Gap;
use crate::domain::{
    Actor, Channel, EndReason, EndedBy, IvrAction, KnowledgeAction, LegOutcome, TransferKind,
};

/// The interaction before.
#[derive(Clone, Debug)]
pub(super) struct Earlier {
    pub initial: String,
    pub previous: String,
    pub reason: &'static str,
    /// How often the customer has tried already.
    pub tries: u8,
    /// Whether the desk calls the customer.
    pub outbound: bool,
}

/// How the bot's part ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BotEnd {
    Solved,
    HandedOver,
    Left,
}

/// What the knowledge base showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    /// The topic's article.
    Right,
    /// The second of two that disagree.
    Contrary,
    /// Another topic's article.
    Wrong(usize),
}

/// Where in the phone menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Root,
    Queue(usize),
}

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    None,
    Digit(char),
    /// The key of a queue.
    Queue(usize),
    Phone,
}

/// Something that happened, with its times.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Ivr {
        at: i64,
        node: Node,
        action: IvrAction,
        key: Key,
    },
    Bot {
        from: i64,
        until: i64,
        shown: Shown,
        end: BotEnd,
    },
    Queued {
        at: i64,
        queue: usize,
        priority: i32,
        announced_ms: Option<u32>,
    },
    Dequeued {
        at: i64,
        queue: usize,
        outcome: LegOutcome,
    },
    Stay(Stay),
    Transferred {
        at: i64,
        from: Option<usize>,
        to: Option<usize>,
        queue: Option<usize>,
        kind: TransferKind,
    },
    Knowledge {
        at: i64,
        shown: Shown,
        action: KnowledgeAction,
        actor: Actor,
    },
    Ended {
        at: i64,
        reason: EndReason,
        by: EndedBy,
        resolved: Option<bool>,
    },
}

/// A stay with an agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    pub agent: usize,
    /// `None` for a call-back or a colleague.
    pub queue: Option<usize>,
    pub ring_ms: u32,
    pub from: i64,
    pub until: i64,
    pub wrap_ms: u32,
    pub hold: Option<(i64, i64)>,
    /// Skill of the agent in this topic.
    pub skill: f64,
    /// Whether he knows the answer.
    pub knows: bool,
    pub solved: bool,
    /// Whether it goes on with somebody else.
    pub hands_on: bool,
}

/// One interaction.
pub(super) struct Contact {
    pub number: u64,
    pub id: String,
    pub started_at: i64,
    pub channel: Channel,
    pub customer: u64,
    pub second: bool,
    /// Index into the plan's topics.
    pub topic: usize,
    /// Whose words are used.
    pub wording: usize,
    pub gap: Gap,
    pub failing: bool,
    /// -2 furious to 2 delighted.
    pub mood: f64,
    pub mood_end: f64,
    pub earlier: Option<Earlier>,
    pub steps: Vec<Step>,
    pub queue: usize,
    pub joined_at: i64,
    pub waited: i64,
    pub patience: Option<i64>,
    /// Why it was abandoned.
    pub cause: Option<&'static str>,
    pub hops: u8,
    pub solved: bool,
    pub used_knowledge: bool,
    pub by_bot: bool,
    pub ended_at: Option<i64>,
    pub whole: bool,
    pub dice: Dice,
}

impl Contact {
    pub(super) fn is_voice(&self) -> bool {
        matches!(self.channel, Channel::Call | Channel::Video)
    }

    pub(super) fn is_outbound(&self) -> bool {
        self.earlier
            .as_ref()
            .is_some_and(|earlier| earlier.outbound)
    }

    /// The agent of the last stay.
    pub(super) fn last_stay(&self) -> Option<&Stay> {
        self.steps.iter().rev().find_map(|step| match step {
            Step::Stay(stay) => Some(stay),
            _ => None,
        })
    }
}
