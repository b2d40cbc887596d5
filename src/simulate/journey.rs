//! The events of one interaction while they are collected.
//!
//! Invariants: ids are unique over all journeys of a run; leaving the turns out
//! changes no other event, its id included.

use std::borrow::Cow;

use super::Interaction;
use super::dice::Dice;
use super::people::Person;
use super::phrases::Matter;
use super::staff::MS;
use crate::contract::{Data, Event};
use crate::domain::{Channel, Micros};

/// Strings of the events that are written.
pub(super) type Text<'a> = Cow<'a, str>;

/// Where events come from (CloudEvents `source`).
pub(super) mod source {
    use crate::domain::Channel;

    pub(in super::super) const SURVEYS: &str = "/survey/main";
    pub(in super::super) const CRM: &str = "/crm/main";
    pub(in super::super) const CASES: &str = "/cases/main";
    pub(in super::super) const KNOWLEDGE: &str = "/knowledge/main";
    pub(in super::super) const STAFF: &str = "/workforce/main";

    pub(in super::super) const fn of(channel: Channel) -> &'static str {
        match channel {
            Channel::Call => "/pbx/shanghai-1",
            Channel::Video => "/video/shanghai-1",
            Channel::Wechat => "/wechat/service-account",
            Channel::Email => "/mail/service-desk",
            _ => "/chat/web-1",
        }
    }
}

struct Collected {
    at: i64,
    rank: i32,
    line: Vec<u8>,
}

/// Events of one subject.
pub(super) struct Sheet {
    pub id: String,
    next: u32,
    collected: Vec<Collected>,
}

impl Sheet {
    pub(super) fn new(id: String) -> Self {
        Self {
            id,
            next: 0,
            collected: Vec::with_capacity(24),
        }
    }

    /// Adds an event of the interaction itself.
    pub(super) fn put(&mut self, source: &str, at: i64, data: Data<Text<'_>>) {
        self.next += 1;
        let id = format!("{}-{}", self.id, self.next);
        let subject = self.id.clone();
        self.write(id, source, Some(subject), at, data);
    }

    /// Adds an event whose subject isn't the interaction.
    pub(super) fn put_beside(
        &mut self,
        source: &str,
        subject: &str,
        at: i64,
        data: Data<Text<'_>>,
    ) {
        self.next += 1;
        let id = format!("{}-{}", self.id, self.next);
        self.write(id, source, Some(subject.to_owned()), at, data);
    }

    /// Adds a turn, or what happens to one; `name` is the turn's id or begins with it.
    pub(super) fn put_turn(&mut self, source: &str, name: &str, at: i64, data: Data<Text<'_>>) {
        let id = format!("{}-{name}", self.id);
        let subject = self.id.clone();
        self.write(id, source, Some(subject), at, data);
    }

    fn write(
        &mut self,
        id: String,
        source: &str,
        subject: Option<String>,
        at: i64,
        data: Data<Text<'_>>,
    ) {
        let at = at - at % MS;
        let rank = data.event_type().rank();
        let event = Event {
            id: Cow::Owned(id),
            source: Cow::Borrowed(source),
            subject: subject.map(Cow::Owned),
            time: Micros(at),
            revision: 0,
            data,
        };
        let mut line = Vec::with_capacity(320);
        // A `Vec` takes every write and the contract's types have no key that
        // is no string, so there is nothing that could fail here.
        let written = serde_json::to_writer(&mut line, &event);
        debug_assert!(written.is_ok());
        self.collected.push(Collected { at, rank, line });
    }

    /// Everything in order of time.
    pub(super) fn finish(mut self, is_interaction: bool) -> Interaction {
        self.collected.sort_by_key(|event| (event.at, event.rank));
        let at = self
            .collected
            .iter()
            .map(|event| Micros(event.at))
            .collect();
        let events = self.collected.into_iter().map(|event| event.line).collect();
        Interaction {
            id: self.id,
            is_interaction,
            events,
            at,
        }
    }
}

/// One interaction on its way through the desk.
pub(super) struct Journey {
    pub sheet: Sheet,
    pub channel: Channel,
    pub person: Person,
    pub matter: Matter,
    /// What happens is thrown with these, what is said with others.
    pub dice: Dice,
    pub words_seed: u64,
    pub turns: bool,
    pub turn_count: u32,
    pub upset: bool,
}

impl Journey {
    /// Adds an event of the interaction from its own channel.
    pub(super) fn put(&mut self, at: i64, data: Data<Text<'_>>) {
        self.sheet.put(source::of(self.channel), at, data);
    }

    /// BCP 47 tag of what is spoken.
    pub(super) fn language(&self) -> Text<'static> {
        Cow::Borrowed(self.matter.language.tag)
    }
}
