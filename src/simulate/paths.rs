//! The way of an interaction through its channel, up to the queue.
//!
//! Invariants: every path begins with `started` and ends with `ended`, or is
//! one transcript; an e-mail that nobody answers stays open.

use std::borrow::Cow;

use super::after;
use super::desk::{Desk, Earlier};
use super::journey::Journey;
use super::staff::{MS, Queue, SECOND};
use super::stays::{end, knowledge};
use super::talk::{Partner, speak};
use crate::contract::Data;
use crate::contract::event::{IvrStep, Related, Started, Transferred};
use crate::domain::{
    Actor, Channel, Direction, EndReason, EndedBy, Entry, IvrAction, Json, KnowledgeAction,
    SurveyAbout, TransferKind,
};

/// First level of the phone menu: key, node, caption, queue.
const MENU: [(&str, &str, &str, Queue); 5] = [
    ("1", "bill", "话费与套餐", Queue::Billing),
    ("2", "broadband", "宽带报修", Queue::Broadband),
    ("3", "orders", "订单与物流", Queue::Orders),
    ("4", "returns", "退换货", Queue::Returns),
    ("9", "english", "English", Queue::English),
];

impl Desk {
    /// The whole interaction. Gives the time of its end and whether the matter
    /// was solved.
    pub(super) fn pass(
        &mut self,
        journey: &mut Journey,
        earlier: Option<&Earlier>,
        at: i64,
    ) -> (i64, bool) {
        let at_once =
            earlier.is_none() && journey.dice.chance(0.03) && journey.channel != Channel::Email;
        if at_once && let Some(ended) = self.transcript(journey, at) {
            after::all(journey, ended, SurveyAbout::Interaction);
            return ended;
        }
        let callback = earlier.is_some_and(|earlier| earlier.callback);
        started(journey, earlier, at);
        let (ended, about) = match journey.channel {
            Channel::Call if callback => (self.call_back(journey, at), SurveyAbout::Interaction),
            Channel::Call => self.call(journey, at),
            Channel::Video | Channel::Email => self.straight(journey, at),
            _ => self.chat(journey, at),
        };
        after::all(journey, ended, about);
        ended
    }

    fn call(&mut self, journey: &mut Journey, at: i64) -> ((i64, bool), SurveyAbout) {
        let mut at = at + journey.dice.between(200, 900) * MS;
        let wanted = journey.matter.intent.queue;
        let entry = MENU
            .iter()
            .find(|(.., queue)| *queue == wanted)
            .unwrap_or(&MENU[0]);
        let (key, node, caption, queue) = *entry;
        step(journey, at, "root", IvrAction::Menu, None, Some("主菜单"));
        at += journey.dice.between(4_000, 16_000) * MS;
        // A wrong key leads round once more, some never find the right one.
        let mut loops = 0;
        while loops < 4 && journey.dice.chance(0.17) {
            let wrong = *journey.dice.pick(&["0", "7", "8", "#"]);
            step(journey, at, "root", IvrAction::Input, Some(wrong), None);
            step(
                journey,
                at + 700 * MS,
                "root",
                IvrAction::Menu,
                None,
                Some("主菜单"),
            );
            at += journey.dice.between(6_000, 18_000) * MS;
            loops += 1;
        }
        step(journey, at, "root", IvrAction::Input, Some(key), None);
        at += SECOND;
        step(journey, at, node, IvrAction::Menu, None, Some(caption));
        at += journey.dice.between(3_000, 14_000) * MS;
        match journey
            .dice
            .weighted(&[0.09 + 0.08 * f64::from(loops), 0.17, 0.74])
        {
            0 => {
                step(journey, at, node, IvrAction::HangUp, None, None);
                end(journey, at, EndReason::Abandoned, EndedBy::Customer, None);
                ((at, false), SurveyAbout::SelfService)
            }
            1 => (self_service(journey, at, node), SurveyAbout::SelfService),
            _ => {
                step(journey, at, node, IvrAction::ToAgent, Some("0"), None);
                (
                    self.serve(journey, queue, at + 800 * MS),
                    SurveyAbout::Interaction,
                )
            }
        }
    }

    /// The agent dials; the customer picks up or not.
    fn call_back(&mut self, journey: &mut Journey, at: i64) -> (i64, bool) {
        let queue = journey.matter.intent.queue;
        match self.staff.next_free(queue, at) {
            Some((from, agent)) if from - at < 1_200 * SECOND && journey.dice.chance(0.82) => {
                self.agent_stay(journey, None, agent, from, 1)
            }
            _ => {
                let at = at + 35 * SECOND;
                end(journey, at, EndReason::TimedOut, EndedBy::System, None);
                (at, false)
            }
        }
    }

    /// Channels without a machine in front.
    fn straight(&mut self, journey: &mut Journey, at: i64) -> ((i64, bool), SurveyAbout) {
        let queue = if journey.channel == Channel::Email {
            Queue::Email
        } else {
            Queue::Video
        };
        let at = at + 300 * MS;
        if queue == Queue::Email && self.staff.next_free(queue, at).is_none() {
            // Comes after the last shift of the day; tomorrow's mail is another.
            return ((at, false), SurveyAbout::Interaction);
        }
        (self.serve(journey, queue, at), SurveyAbout::Interaction)
    }

    fn chat(&mut self, journey: &mut Journey, at: i64) -> ((i64, bool), SurveyAbout) {
        let until = at + journey.dice.between(15_000, 95_000) * MS;
        speak(journey, Partner::Bot, (at + 500 * MS, until), &[]);
        if journey.dice.chance(0.6) {
            knowledge(
                journey,
                at + (until - at) / 2,
                KnowledgeAction::Shown,
                Actor::Bot,
            );
        }
        match journey.dice.weighted(&[0.36, 0.09, 0.55]) {
            0 => {
                end(
                    journey,
                    until,
                    EndReason::Completed,
                    EndedBy::Customer,
                    Some(true),
                );
                ((until, true), SurveyAbout::Bot)
            }
            1 => {
                let at = until + 300 * SECOND;
                end(
                    journey,
                    at,
                    EndReason::TimedOut,
                    EndedBy::System,
                    Some(false),
                );
                ((at, false), SurveyAbout::Bot)
            }
            _ => {
                let queue = journey.matter.intent.queue.for_text();
                let transferred = Transferred {
                    from_agent_id: None,
                    to_agent_id: None,
                    to_queue: Some(Cow::Borrowed(queue.as_str())),
                    kind: TransferKind::BotToHuman,
                };
                journey.put(until, Data::Transferred(transferred));
                (
                    self.serve(journey, queue, until + 200 * MS),
                    SurveyAbout::Interaction,
                )
            }
        }
    }
}

fn self_service(journey: &mut Journey, at: i64, node: &str) -> (i64, bool) {
    let at = if journey.dice.chance(0.5) {
        let number = format!("{}#", journey.person.phone);
        step(journey, at, node, IvrAction::Input, Some(&number), None);
        at + 4 * SECOND
    } else {
        at
    };
    step(
        journey,
        at,
        node,
        IvrAction::Info,
        None,
        Some(journey.matter.intent.query),
    );
    let done = at + journey.dice.between(8_000, 40_000) * MS;
    step(
        journey,
        done,
        node,
        IvrAction::SelfServiceCompleted,
        None,
        None,
    );
    end(
        journey,
        done + SECOND,
        EndReason::Completed,
        EndedBy::Customer,
        Some(true),
    );
    (done + SECOND, true)
}

fn step(
    journey: &mut Journey,
    at: i64,
    node: &str,
    action: IvrAction,
    input: Option<&str>,
    label: Option<&str>,
) {
    let step = IvrStep {
        node: Cow::Borrowed(node),
        action,
        input: input.map(Cow::Borrowed),
        label: label.map(Cow::Borrowed),
    };
    journey.put(at, Data::IvrStep(step));
}

fn started(journey: &mut Journey, earlier: Option<&Earlier>, at: i64) {
    let callback = earlier.is_some_and(|earlier| earlier.callback);
    let entry = match journey.channel {
        _ if callback => Entry::Agent,
        Channel::Call => Entry::Ivr,
        Channel::Video | Channel::Email => Entry::Queue,
        _ => Entry::Bot,
    };
    let related = earlier.map(|earlier| Related {
        initial_id: Some(Cow::Owned(earlier.past.initial_id.clone())),
        previous_id: Some(Cow::Owned(earlier.past.id.clone())),
        reason: Some(Cow::Borrowed(if callback {
            "callback"
        } else {
            "unsolved"
        })),
    });
    let known = journey.dice.chance(0.7);
    let brand = if journey.dice.chance(0.5) {
        "听潮通信"
    } else {
        "听潮商城"
    };
    let text = |value: &'static str| Json::Text(Cow::Borrowed(value));
    let attributes = Json::Map(vec![
        (Cow::Borrowed("brand"), text(brand)),
        (Cow::Borrowed("city"), text(journey.person.city)),
    ]);
    let started = Started {
        channel: journey.channel,
        direction: if callback {
            Direction::Outbound
        } else {
            Direction::Inbound
        },
        customer: Some(journey.person.on_channel(journey.channel, known)),
        entry,
        language: Some(journey.language()),
        related,
        attributes: Some(attributes),
    };
    journey.put(at, Data::Started(started));
}
