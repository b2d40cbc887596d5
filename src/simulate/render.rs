//! Finished contacts as canonical documents and rows of the truth.
//!
//! Pure: a contact and the plan in, bytes and rows out, so that any number of
//! threads may do it. Invariants: every path begins with `started` and ends with
//! `ended`, or is one transcript; an e-mail that nobody answered stays open.

use std::borrow::Cow;

use super::Options;
use super::after;
use super::contact::{Contact, Key, Node, Shown, Stay, Step};
use super::dice::{Dice, Stream};
use super::knowledge::{article_id, contrary_id};
use super::people::Person;
use super::phrases::Phrases;
use super::plan::{Gap, Plan};
use super::scenario::{Intent, Language, Library};
use super::sheet::{KNOWLEDGE, Line, Sheet, Text, source};
use super::staff::{MS, SECOND, Staff};
use super::talk::Talk;
use super::transcripts;
use super::truth::Row;
use crate::contract::Data;
use crate::contract::event::{
    self, Answered, Dequeued, Ended, Held, IvrStep, KnowledgeUsed, Queued, Related, Resumed,
    Started, Transferred, WrappedUp,
};
use crate::domain::{
    Channel, Direction, EndReason, EndedBy, Entry, IvrAction, Json, KnowledgeAction, Micros,
};

/// Spread (log) of how well lines and voices are recognised.
const LINES: f64 = 0.5;

/// What rendering needs besides the contact.
#[derive(Clone, Copy)]
pub(super) struct World<'a> {
    pub options: &'a Options,
    pub library: &'a Library,
    pub plan: &'a Plan,
    pub staff: &'a Staff,
    pub seed: u64,
}

/// A written contact.
#[derive(Default)]
pub(super) struct Written {
    pub lines: Vec<Line>,
    pub rows: Vec<Row>,
}

/// One contact while it is written.
pub(super) struct Pen<'a> {
    pub world: World<'a>,
    pub contact: &'a Contact,
    pub intent: &'a Intent,
    pub language: &'a Language,
    pub person: &'a Person,
    pub sheet: Sheet,
    /// What is drawn for the documents.
    pub dice: Dice,
    /// What is drawn for the turns, so that leaving them out changes nothing else.
    pub turn_dice: Dice,
    pub rows: Vec<Row>,
    pub turns: u32,
    pub asked: bool,
    pub request: Option<String>,
    pub turning: Option<String>,
    pub last_mood: Option<i64>,
}

/// Writes a contact.
pub(super) fn contact(world: World<'_>, contact: &Contact) -> Written {
    let intent = &world.library.intents[world.plan.topics[contact.topic].intent];
    let person = Person::new(world.seed, contact.customer, contact.second, world.library);
    let mut pen = Pen {
        world,
        contact,
        intent,
        language: &world.library.languages[intent.language],
        person: &person,
        sheet: Sheet::new(contact.id.clone()),
        dice: Dice::new(world.seed, Stream::Delivery, contact.number),
        turn_dice: Dice::new(world.seed, Stream::Delivery, (1 << 40) | contact.number),
        rows: Vec::new(),
        turns: 0,
        asked: false,
        request: None,
        turning: None,
        last_mood: None,
    };
    let whole = contact.whole && transcripts::fits(contact);
    if whole {
        transcripts::write(&mut pen);
    } else {
        pen.started();
        for step in &contact.steps {
            pen.step(step);
        }
    }
    after::all(&mut pen);
    pen.truth();
    Written {
        lines: pen.sheet.lines,
        rows: pen.rows,
    }
}

impl<'a> Pen<'a> {
    pub(super) fn put(&mut self, at: i64, data: Data<Text<'_>>) {
        self.sheet.put(source(self.contact.channel), None, at, data);
    }

    /// Head of `started` and of a transcript.
    pub(super) fn customer(&mut self) -> event::Customer<Cow<'static, str>> {
        let known = self.dice.chance(0.7);
        self.person.on_channel(self.contact.channel, known)
    }

    fn started(&mut self) {
        let contact = self.contact;
        let entry = match contact.channel {
            _ if contact.is_outbound() => Entry::Agent,
            Channel::Call => Entry::Ivr,
            Channel::Video | Channel::Email => Entry::Queue,
            _ => Entry::Bot,
        };
        let related = contact.earlier.as_ref().map(|earlier| Related {
            initial_id: Some(Cow::Borrowed(&*earlier.initial)),
            previous_id: Some(Cow::Borrowed(&*earlier.previous)),
            reason: Some(Cow::Borrowed(earlier.reason)),
        });
        let customer = self.customer();
        let city = self.person.city.clone();
        let attributes = Json::Map(vec![
            (
                Cow::Borrowed("brand"),
                Json::Text(Cow::Borrowed(&*self.intent.brand)),
            ),
            (Cow::Borrowed("city"), Json::Text(Cow::Owned(city))),
        ]);
        let direction = if contact.is_outbound() {
            Direction::Outbound
        } else {
            Direction::Inbound
        };
        self.put(
            contact.started_at,
            Data::Started(Started {
                channel: contact.channel,
                direction,
                customer: Some(customer),
                entry,
                language: Some(Cow::Borrowed(self.language.tag)),
                related,
                attributes: Some(attributes),
            }),
        );
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Ivr {
                at,
                node,
                action,
                key,
            } => self.ivr(*at, *node, *action, *key),
            Step::Bot {
                from,
                until,
                shown,
                end,
                ..
            } => self.bot((*from, *until), *shown, *end),
            Step::Queued {
                at,
                queue,
                priority,
                announced_ms,
            } => {
                let queued = Queued {
                    queue: self.queue(*queue),
                    skills: Some(vec![Cow::Borrowed(&*self.intent.code)]),
                    priority: Some(*priority),
                    announced_wait_ms: *announced_ms,
                };
                self.put(*at, Data::Queued(queued));
            }
            Step::Dequeued { at, queue, outcome } => {
                let queue = self.queue(*queue);
                self.put(
                    *at,
                    Data::Dequeued(Dequeued {
                        queue,
                        outcome: *outcome,
                    }),
                );
            }
            Step::Stay(stay) => self.stay(stay),
            Step::Transferred {
                at,
                from,
                to,
                queue,
                kind,
            } => {
                let transferred = Transferred {
                    from_agent_id: from.map(|agent| self.agent(agent)),
                    to_agent_id: to.map(|agent| self.agent(agent)),
                    to_queue: queue.map(|queue| self.queue(queue)),
                    kind: *kind,
                };
                self.put(*at, Data::Transferred(transferred));
            }
            Step::Knowledge {
                at,
                shown,
                action,
                actor,
            } => self.knowledge(*at, *shown, *action, *actor),
            Step::Ended {
                at,
                reason,
                by,
                resolved,
            } => self.ended(*at, *reason, *by, *resolved),
        }
    }

    pub(super) fn queue(&self, queue: usize) -> Text<'a> {
        Cow::Borrowed(&*self.world.staff.queues[queue].name)
    }

    pub(super) fn agent(&self, agent: usize) -> Text<'a> {
        Cow::Borrowed(&*self.world.staff.agents[agent].id)
    }

    fn ivr(&mut self, at: i64, node: Node, action: IvrAction, key: Key) {
        let queues = &self.world.library.queues;
        let (name, label): (Text<'_>, &str) = match node {
            Node::Root => ("root".into(), "主菜单"),
            Node::Queue(queue) => (Cow::Borrowed(&*queues[queue].name), &*queues[queue].label),
        };
        let input = match key {
            Key::None => None,
            Key::Digit(digit) => Some(Cow::Owned(digit.to_string())),
            Key::Queue(queue) => Some(Cow::Borrowed(&*queues[queue].key)),
            Key::Phone => Some(Cow::Owned(format!("{}#", self.person.phone))),
        };
        let label = match action {
            IvrAction::Menu => Some(Cow::Borrowed(label)),
            IvrAction::Info => Some(Cow::Borrowed(&*self.intent.name)),
            _ => None,
        };
        self.put(
            at,
            Data::IvrStep(IvrStep {
                node: name,
                action,
                input,
                label,
            }),
        );
    }

    /// The article that was shown.
    pub(super) fn article(&self, shown: Shown) -> Option<(String, &'a Intent)> {
        match shown {
            Shown::Nothing => None,
            Shown::Right => Some((self.right_article(), self.intent)),
            Shown::Contrary => Some((contrary_id(self.intent), self.intent)),
            Shown::Wrong(topic) => {
                let intent = &self.world.library.intents[self.world.plan.topics[topic].intent];
                Some((article_id(intent), intent))
            }
        }
    }

    /// The topic's article as it is at the contact's time.
    pub(super) fn right_article(&self) -> String {
        let planted = self.world.plan.topics[self.contact.topic].gap;
        let replaced = planted != self.contact.gap
            && self.contact.gap == Gap::Answered
            && matches!(planted, Gap::NoContent | Gap::Rejected)
            || planted == Gap::Outdated && self.outdated_and_closed();
        let id = article_id(self.intent);
        if replaced { format!("{id}-new") } else { id }
    }

    fn outdated_and_closed(&self) -> bool {
        let day = (self.contact.started_at - self.world.options.start_micros()) as f64
            / super::staff::DAY as f64;
        let changes = &self.world.plan.interventions;
        changes.iter().any(|change| {
            change.topic == self.contact.topic && change.closes_gap && day >= change.day
        })
    }

    fn knowledge(
        &mut self,
        at: i64,
        shown: Shown,
        action: KnowledgeAction,
        actor: crate::domain::Actor,
    ) {
        let searched = action == KnowledgeAction::Searched;
        let article = if searched { None } else { self.article(shown) };
        let subject = article
            .as_ref()
            .map_or("search", |(id, _)| id.as_str())
            .to_owned();
        let used = KnowledgeUsed {
            article_id: article.map(|(id, _)| Cow::Owned(id)),
            query: searched.then(|| Cow::Borrowed(&*self.intent.query)),
            action,
            actor,
            interaction_id: Some(Cow::Borrowed(&*self.contact.id)),
        };
        self.sheet
            .put(KNOWLEDGE, Some(&subject), at, Data::KnowledgeUsed(used));
    }

    fn ended(&mut self, at: i64, reason: EndReason, by: EndedBy, resolved: Option<bool>) {
        let disposition = resolved.map(|_| Cow::Borrowed(&*self.intent.code));
        self.put(
            at,
            Data::Ended(Ended {
                reason,
                ended_by: by,
                disposition,
                resolved,
                wrap_up_ms: None,
            }),
        );
    }

    fn stay(&mut self, stay: &Stay) {
        let agent = self.agent(stay.agent);
        self.put(
            stay.from,
            Data::Answered(Answered {
                agent_id: Some(agent.clone()),
                queue: stay.queue.map(|queue| self.queue(queue)),
                ring_ms: Some(stay.ring_ms),
            }),
        );
        if let Some((held, resumed)) = stay.hold {
            self.put(
                held,
                Data::Held(Held {
                    agent_id: agent.clone(),
                }),
            );
            self.put(
                resumed,
                Data::Resumed(Resumed {
                    agent_id: agent.clone(),
                }),
            );
        }
        if self.world.options.turns {
            for turn in self.agent_talk(stay) {
                self.turn(turn, Some(&agent));
            }
        }
        let wrapped = WrappedUp {
            agent_id: agent,
            wrap_up_ms: stay.wrap_ms,
            disposition: Some(Cow::Borrowed(&*self.intent.code)),
        };
        self.put(
            stay.until + i64::from(stay.wrap_ms) * MS,
            Data::WrappedUp(wrapped),
        );
    }

    /// Moods before and after the answer of a stay.
    pub(super) fn moods(&self, stay: Option<&Stay>) -> (f64, f64) {
        let contact = self.contact;
        let slow = contact.waited > 120 * SECOND && contact.channel != Channel::Email;
        let begin = contact.mood - if slow && stay.is_some() { 0.6 } else { 0.0 };
        match stay {
            Some(stay) if !stay.hands_on => (begin, contact.mood_end),
            Some(_) => (begin, begin - 0.3),
            None if contact.by_bot => (begin, contact.mood_end),
            None => (begin, begin - 0.3),
        }
    }

    pub(super) fn phrases(&self, salt: u64, agent_id: &'a str) -> Phrases<'a> {
        let contact = self.contact;
        let wording = &self.world.library.intents[self.world.plan.topics[contact.wording].intent];
        let seed = self.world.seed ^ contact.number.rotate_left(17);
        let dice = Dice::new(seed, Stream::Words, salt);
        // What belongs to a matter stays the same when the customer comes again.
        let first = contact
            .earlier
            .as_ref()
            .map_or(&contact.id, |earlier| &earlier.initial);
        let matter = first.bytes().fold(seed_of(self.world.seed), |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut phrases = Phrases::new(self.language, wording, self.person, matter, dice);
        phrases.agent_id = agent_id;
        phrases.today = Micros(contact.started_at).day();
        phrases.judge = self.world.options.judge;
        phrases
    }

    /// How much the recogniser gets wrong in this contact: lines and voices
    /// differ, by a factor with mean 1; nothing in writing.
    fn noise(&self) -> f64 {
        if !self.contact.is_voice() {
            return 0.0;
        }
        let mut line = Dice::new(
            self.world.seed,
            Stream::Words,
            (1 << 41) | self.contact.number,
        );
        let factor = (LINES * line.normal() - LINES * LINES / 2.0).exp();
        self.world.options.asr_noise * factor
    }

    pub(super) fn talk_of(
        &self,
        stay: Option<&Stay>,
        title: &'a str,
        shows_answer: bool,
    ) -> Talk<'a> {
        let contact = self.contact;
        Talk {
            channel: contact.channel,
            gap: contact.gap,
            mood: self.moods(stay),
            asked: self.asked,
            noise: self.noise(),
            shown_title: title,
            shows_answer,
            failing: contact.failing,
        }
    }
}

fn seed_of(seed: u64) -> u64 {
    seed ^ 0xcbf2_9ce4_8422_2325
}
