//! Foreign formats: one file each, all turned into canonical events.
//!
//! A document (a webhook body, a record of a stream, one file) becomes none,
//! one or many canonical JSON documents, which then go through `decode`,
//! redaction and the rest like any other. docs/FORMATS.md says field by field
//! what becomes of what.
//!
//! Invariants: the same document gives the same events, byte by byte: no clock,
//! no memory between documents, so replays and any cut into partitions change
//! nothing; `source` and `id` come from the vendor's own ids, so a repeat is a
//! repeat; a document that is none of these formats is refused with
//! `unknown_format` and never becomes an event; a refusal names the pointer in
//! the vendor's document and no value.
//! Not here: reading files (`source`), redaction (`enrich`).

mod amazon;
mod amazon_agent;
mod amazon_case;
mod amazon_ctr;
mod amazon_event;
mod amazon_realtime;
mod chatwoot;
mod clock;
mod contact_lens;
mod cut;
mod detect;
mod draft;
mod genesys;
mod node;
mod tencent_cdr;
mod wechat;
mod wechat_callback;
mod wechat_kf;
mod xml;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

pub use cut::{Cut, cut, is_whole_line};

use super::Rejection;
use crate::domain::Micros;
use node::{Node, Seen};

/// A format by its name in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Contract v1 itself.
    Canonical,
    /// WeChat customer service: sync pages, single messages, callbacks.
    WechatKf,
    /// Contact Lens files of Amazon Connect, voice and chat.
    ContactLens,
    /// Contact records and contact events of Amazon Connect.
    AmazonCtr,
    /// The agent event stream of Amazon Connect.
    AmazonAgent,
    /// The real-time analysis segments of Amazon Connect.
    AmazonRealtime,
    /// Case events of Amazon Connect.
    AmazonCase,
    /// Webhooks of Chatwoot.
    Chatwoot,
    /// Call records of Tencent Cloud Contact Center.
    TencentCdr,
    /// Conversation details of Genesys Cloud.
    Genesys,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[
        Self::Canonical,
        Self::WechatKf,
        Self::ContactLens,
        Self::AmazonCtr,
        Self::AmazonAgent,
        Self::AmazonRealtime,
        Self::AmazonCase,
        Self::Chatwoot,
        Self::TencentCdr,
        Self::Genesys,
    ];

    /// The name as in settings and summaries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Canonical => "canonical",
            Self::WechatKf => "wechat-kf",
            Self::ContactLens => "contact-lens",
            Self::AmazonCtr => "amazon-ctr",
            Self::AmazonAgent => "amazon-agent",
            Self::AmazonRealtime => "amazon-realtime",
            Self::AmazonCase => "amazon-case",
            Self::Chatwoot => "chatwoot",
            Self::TencentCdr => "tencent-cdr",
            Self::Genesys => "genesys",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|known| known.as_str() == name)
    }

    /// All names in a row, for messages.
    #[must_use]
    pub fn names() -> String {
        let names: Vec<&str> = Self::ALL.iter().map(|known| known.as_str()).collect();
        names.join(", ")
    }

    /// The format of a document, from what it holds.
    ///
    /// # Errors
    /// `unknown_format` when it is none of them; `malformed_json`,
    /// `truncated_json`, `malformed_xml` or `invalid_utf8` when it can't be read.
    pub fn detect(document: &[u8]) -> Result<Self, Rejection> {
        let opened = detect::open(document)?;
        detect::format(&opened).ok_or_else(detect::unknown)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known about a document beside what it says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// Name of the file: some vendors put id and time there only.
    pub name: Option<&'a str>,
    /// When the record was written (a Kafka timestamp), for documents without a
    /// time of their own.
    pub at: Option<Micros>,
    /// Where made times begin when nothing tells the time; 1970 when not set.
    pub start: Option<Micros>,
}

/// What one document became.
#[derive(Debug, Default)]
pub struct Converted {
    /// Canonical events, JSON.
    pub events: Vec<Vec<u8>>,
    /// Parts left out on purpose, by rule: they carry nothing that the contract
    /// has a place for.
    pub left_out: BTreeMap<String, u64>,
    /// Fields that were there and were not carried over, by name.
    pub dropped: BTreeMap<String, u64>,
    /// Parts that were refused, with the part itself; the rest of the document
    /// is not touched by it.
    pub refused: Vec<(Rejection, Vec<u8>)>,
}

impl Converted {
    fn leave_out(&mut self, rule: impl Into<String>) {
        *self.left_out.entry(rule.into()).or_default() += 1;
    }

    /// Sets aside events that the contract refuses (an id with a quote in it, an
    /// end before its start): the rest of the document is sound.
    fn check(&mut self) {
        let events = std::mem::take(&mut self.events);
        for event in events {
            match super::decode(&event) {
                Ok(_) => self.events.push(event),
                Err(rejection) => self.refused.push((rejection, event)),
            }
        }
    }

    /// Takes a part in, or notes its refusal.
    fn part(&mut self, part: &Node<'_>, outcome: Result<Self, Rejection>) {
        match outcome {
            Ok(done) => {
                if done.events.is_empty() {
                    part.implied();
                }
                self.merge(done);
            }
            Err(rejection) => {
                part.implied();
                let raw = part.value().to_string().into_bytes();
                self.refused.push((rejection, raw));
            }
        }
    }

    fn merge(&mut self, done: Self) {
        self.events.extend(done.events);
        self.refused.extend(done.refused);
        for (rule, count) in done.left_out {
            *self.left_out.entry(rule).or_default() += count;
        }
        for (field, count) in done.dropped {
            *self.dropped.entry(field).or_default() += count;
        }
    }
}

/// Turns a document into canonical events; without a `wanted` format it is
/// found out.
///
/// # Errors
/// The refusal of the whole document.
pub fn convert(
    wanted: Option<Format>,
    document: &[u8],
    context: &Context<'_>,
) -> Result<(Format, Converted), Rejection> {
    if wanted == Some(Format::Canonical) {
        return Ok((Format::Canonical, canonical(document)));
    }
    let opened = detect::open(document)?;
    let found = detect::format(&opened).ok_or_else(|| match wanted {
        Some(wanted) => detect::other(wanted),
        None => detect::unknown(),
    })?;
    if wanted.is_some_and(|wanted| wanted != found) {
        return Err(detect::other(wanted.unwrap_or(found)));
    }
    if found == Format::Canonical {
        return Ok((found, canonical(document)));
    }
    let seen = Seen::default();
    let root = Node::new(&opened.value, opened.pointer, &seen);
    let mut out = Converted::default();
    match found {
        Format::Canonical => {}
        Format::WechatKf if opened.is_xml => wechat_callback::convert(&root, &mut out)?,
        Format::WechatKf => wechat_kf::convert(&root, context, &mut out)?,
        Format::ContactLens => contact_lens::convert(&root, document, context, &mut out)?,
        Format::AmazonCtr if amazon_event::is_event(&opened.value) => {
            amazon_event::convert(&root, &mut out)?;
        }
        Format::AmazonCtr => amazon_ctr::convert(&root, &mut out)?,
        Format::AmazonAgent => amazon_agent::convert(&root, &mut out)?,
        Format::AmazonRealtime => amazon_realtime::convert(&root, context, &mut out)?,
        Format::AmazonCase => amazon_case::convert(&root, &mut out)?,
        Format::Chatwoot => chatwoot::convert(&root, &mut out)?,
        Format::TencentCdr => tencent_cdr::convert(&root, &mut out)?,
        Format::Genesys => genesys::convert(&root, &mut out)?,
    }
    // What is left out as a whole is named by its rule.
    if !out.events.is_empty() {
        seen.dropped(&opened.value, &mut out.dropped);
    }
    out.check();
    Ok((found, out))
}

fn canonical(document: &[u8]) -> Converted {
    Converted {
        events: vec![document.to_vec()],
        ..Converted::default()
    }
}
