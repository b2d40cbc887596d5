//! The way of a contact up to the queue: the phone menu and the bot.
//!
//! Invariants: a path ends the contact or lets it join a queue; the menu can go
//! round, and some never find out.

use super::contact::{BotEnd, Contact, Key, Node, Shown, Step};
use super::desk::{Desk, Timer};
use super::plan::Gap;
use super::staff::{MS, SECOND};
use crate::domain::{Actor, Channel, EndReason, EndedBy, IvrAction, KnowledgeAction, TransferKind};

impl Desk<'_> {
    /// The phone menu.
    pub(super) fn menu(&mut self, mut contact: Contact, at: i64) {
        let mut at = at + contact.dice.between(200, 900) * MS;
        let wanted = self.intent(contact.topic).queue;
        let ivr = |contact: &mut Contact, at: i64, node, action, key| {
            contact.steps.push(Step::Ivr {
                at,
                node,
                action,
                key,
            });
        };
        ivr(&mut contact, at, Node::Root, IvrAction::Menu, Key::None);
        at += contact.dice.between(4_000, 16_000) * MS;
        // A wrong key leads round once more, some never find the right one.
        let mut loops = 0_u8;
        while loops < 4 && contact.dice.chance(0.16) {
            let wrong = *contact.dice.pick(&['0', '7', '8', '#']);
            ivr(
                &mut contact,
                at,
                Node::Root,
                IvrAction::Input,
                Key::Digit(wrong),
            );
            ivr(
                &mut contact,
                at + 700 * MS,
                Node::Root,
                IvrAction::Menu,
                Key::None,
            );
            at += contact.dice.between(6_000, 18_000) * MS;
            loops += 1;
        }
        // Some choose the queue beside, and are handed on later.
        let queues = self.library.queues.len();
        let strays = queues > 1 && contact.dice.chance(0.06);
        let chosen = if strays {
            (wanted + 1 + contact.dice.below(queues as u64 - 1) as usize) % queues
        } else {
            wanted
        };
        ivr(
            &mut contact,
            at,
            Node::Root,
            IvrAction::Input,
            Key::Queue(chosen),
        );
        at += SECOND;
        let node = Node::Queue(chosen);
        ivr(&mut contact, at, node, IvrAction::Menu, Key::None);
        at += contact.dice.between(3_000, 14_000) * MS;
        self.choose(contact, (at, chosen, loops));
    }

    /// What is chosen in the menu of a queue.
    fn choose(&mut self, mut contact: Contact, (at, chosen, loops): (i64, usize, u8)) {
        let node = Node::Queue(chosen);
        let step = |action, key| Step::Ivr {
            at,
            node,
            action,
            key,
        };
        let self_service = if self.intent(contact.topic).self_service {
            0.38
        } else {
            0.05
        };
        let lost = 0.07 + 0.09 * f64::from(loops);
        match contact.dice.weighted(&[lost, self_service, 0.74]) {
            0 => {
                contact.steps.push(step(IvrAction::HangUp, Key::None));
                contact.cause = Some(if loops > 1 {
                    "lost_in_menu"
                } else {
                    "gave_up_in_menu"
                });
                self.finish(contact, at, EndReason::Abandoned, EndedBy::Customer, None);
            }
            1 => self.self_service(contact, at, node),
            _ => {
                contact
                    .steps
                    .push(step(IvrAction::ToAgent, Key::Digit('0')));
                contact.queue = self.staff.queue(&self.library.queues[chosen].name);
                let number = contact.number;
                self.contacts.insert(number, contact);
                self.timer(at + 800 * MS, number, Timer::Joins);
            }
        }
    }

    fn self_service(&mut self, mut contact: Contact, mut at: i64, node: Node) {
        if contact.dice.chance(0.5) {
            contact.steps.push(Step::Ivr {
                at,
                node,
                action: IvrAction::Input,
                key: Key::Phone,
            });
            at += 4 * SECOND;
        }
        contact.steps.push(Step::Ivr {
            at,
            node,
            action: IvrAction::Info,
            key: Key::None,
        });
        let done = at + contact.dice.between(8_000, 40_000) * MS;
        contact.steps.push(Step::Ivr {
            at: done,
            node,
            action: IvrAction::SelfServiceCompleted,
            key: Key::None,
        });
        self.finish(
            contact,
            done + SECOND,
            EndReason::Completed,
            EndedBy::Customer,
            Some(true),
        );
    }

    /// What a search for the contact's matter shows.
    pub(super) fn search(&self, contact: &mut Contact) -> Shown {
        let other = |contact: &mut Contact| {
            Shown::Wrong(contact.dice.below(self.plan.topics.len() as u64) as usize)
        };
        let throw = contact.dice.unit();
        match contact.gap {
            _ if contact.failing => Shown::Nothing,
            Gap::Answered | Gap::Outdated | Gap::Rejected if throw < 0.93 => Shown::Right,
            Gap::Conflict if throw < 0.48 => Shown::Right,
            Gap::Conflict if throw < 0.94 => Shown::Contrary,
            Gap::NoContent | Gap::NotFound | Gap::OutOfScope if throw < 0.45 => other(contact),
            Gap::Answered | Gap::Outdated | Gap::Rejected | Gap::Conflict if throw < 0.97 => {
                other(contact)
            }
            _ => Shown::Nothing,
        }
    }

    /// Whether the customer is content with what was shown.
    pub(super) fn accepts(contact: &mut Contact, shown: Shown) -> bool {
        let likely = match (shown, contact.gap) {
            (Shown::Nothing, _) => 0.0,
            (Shown::Wrong(_), _) => 0.03,
            (_, Gap::Answered) => 0.76,
            (_, Gap::Conflict) => 0.42,
            (_, Gap::Outdated) => 0.28,
            (_, Gap::Rejected) => 0.12,
            _ => 0.05,
        };
        contact.dice.chance(likely)
    }

    /// The bot in front of chats.
    pub(super) fn bot(&mut self, mut contact: Contact, at: i64) {
        let until = at + contact.dice.between(18_000, 95_000) * MS;
        let shown = self.search(&mut contact);
        let accepted = Self::accepts(&mut contact, shown);
        let middle = at + (until - at) / 2;
        let asks_person = contact.dice.chance(0.12);
        let end = match (accepted && !asks_person, contact.dice.unit()) {
            (true, throw) if throw < 0.9 => BotEnd::Solved,
            (_, throw) if throw > 0.88 => BotEnd::Left,
            _ => BotEnd::HandedOver,
        };
        if !contact.failing {
            self.used(&mut contact, middle, shown, Actor::Bot, Some(accepted));
        }
        let from = at + SECOND / 2;
        contact.steps.push(Step::Bot {
            from,
            until,
            shown,
            end,
        });
        contact.by_bot = end == BotEnd::Solved;
        match end {
            BotEnd::Solved => {
                self.finish(
                    contact,
                    until,
                    EndReason::Completed,
                    EndedBy::Customer,
                    Some(true),
                );
            }
            BotEnd::Left => {
                contact.cause = Some("gave_up_with_bot");
                let at = until + 300 * SECOND;
                self.finish(
                    contact,
                    at,
                    EndReason::TimedOut,
                    EndedBy::System,
                    Some(false),
                );
            }
            BotEnd::HandedOver => {
                let queue = Some(contact.queue);
                let kind = TransferKind::BotToHuman;
                contact.steps.push(Step::Transferred {
                    at: until,
                    from: None,
                    to: None,
                    queue,
                    kind,
                });
                let number = contact.number;
                self.contacts.insert(number, contact);
                self.timer(until + 200 * MS, number, Timer::Joins);
            }
        }
    }

    /// A search, what it showed, and what became of it.
    pub(super) fn used(
        &self,
        contact: &mut Contact,
        at: i64,
        shown: Shown,
        actor: Actor,
        accepted: Option<bool>,
    ) {
        contact.used_knowledge = true;
        let mut put = |at: i64, shown: Shown, action: KnowledgeAction| {
            contact.steps.push(Step::Knowledge {
                at,
                shown,
                action,
                actor,
            });
        };
        put(at, Shown::Nothing, KnowledgeAction::Searched);
        if shown == Shown::Nothing {
            return;
        }
        put(at + 900 * MS, shown, KnowledgeAction::Shown);
        match accepted {
            Some(true) => {
                if actor == Actor::Bot {
                    put(at + 3 * SECOND, shown, KnowledgeAction::Clicked);
                }
                put(at + 7 * SECOND, shown, KnowledgeAction::Accepted);
            }
            Some(false) if contact.dice.chance(0.7) => {
                contact.steps.push(Step::Knowledge {
                    at: at + 6 * SECOND,
                    shown,
                    action: KnowledgeAction::Rejected,
                    actor,
                });
            }
            _ => {}
        }
    }

    /// Whether chats of this channel have a bot in front.
    pub(super) fn is_text(channel: Channel) -> bool {
        matches!(channel, Channel::Chat | Channel::Wechat)
    }
}
