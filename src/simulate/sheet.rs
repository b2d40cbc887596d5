//! Canonical documents while they are collected.
//!
//! Invariants: ids are unique over all sheets of a run; leaving the turns out
//! changes no other event, its id included.

use std::borrow::Cow;

use super::staff::MS;
use crate::contract::{Data, Event};
use crate::domain::{Channel, Micros};

/// Strings of the events that are written.
pub(super) type Text<'a> = Cow<'a, str>;

pub(super) const SURVEYS: &str = "/survey/main";
pub(super) const CRM: &str = "/crm/main";
pub(super) const CASES: &str = "/cases/main";
pub(super) const KNOWLEDGE: &str = "/knowledge/main";
pub(super) const STAFF: &str = "/workforce/main";

/// Where events of a channel come from (CloudEvents `source`).
pub(super) const fn source(channel: Channel) -> &'static str {
    match channel {
        Channel::Call => "/pbx/shanghai-1",
        Channel::Video => "/video/shanghai-1",
        Channel::Wechat => "/wechat/service-account",
        Channel::Email => "/mail/service-desk",
        _ => "/chat/web-1",
    }
}

/// One document.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub at: i64,
    pub rank: i32,
    pub bytes: Vec<u8>,
}

/// Documents of one subject.
pub(super) struct Sheet {
    id: String,
    next: u32,
    pub lines: Vec<Line>,
}

impl Sheet {
    pub(super) fn new(id: String) -> Self {
        Self {
            id,
            next: 0,
            lines: Vec::with_capacity(24),
        }
    }

    /// Adds an event; `subject` is the sheet's own id without one.
    pub(super) fn put(
        &mut self,
        source: &str,
        subject: Option<&str>,
        at: i64,
        data: Data<Text<'_>>,
    ) {
        self.next += 1;
        let id = format!("{}-{}", self.id, self.next);
        self.write(id, source, subject, at, data);
    }

    /// Adds a turn, or what happens to one; `name` is the turn's id or begins with it.
    pub(super) fn put_turn(&mut self, source: &str, name: &str, at: i64, data: Data<Text<'_>>) {
        let id = format!("{}-{name}", self.id);
        self.write(id, source, None, at, data);
    }

    fn write(
        &mut self,
        id: String,
        source: &str,
        subject: Option<&str>,
        at: i64,
        data: Data<Text<'_>>,
    ) {
        let at = at - at.rem_euclid(MS);
        let rank = data.event_type().rank();
        let event = Event {
            id: Cow::Owned(id),
            source: Cow::Borrowed(source),
            subject: Some(Cow::Borrowed(subject.unwrap_or(&self.id))),
            time: Micros(at),
            revision: 0,
            data,
        };
        let mut bytes = Vec::with_capacity(384);
        // A `Vec` takes every write and the contract's types have no key that
        // is no string, so there is nothing that could fail here.
        let written = serde_json::to_writer(&mut bytes, &event);
        debug_assert!(written.is_ok());
        self.lines.push(Line { at, rank, bytes });
    }
}
