//! Redaction: personal values in text become keyed tokens before anything leaves `enrich`.
//!
//! Invariants: `text(text(x)) == text(x)`; no value that a detector finds is left in the result;
//! the same person in any spelling gets the same token under one key; tokens that are there
//! already are recognised and kept; nothing panics on any input. There is no way to switch it off.
//! It does not decode events and does not decide which field of an event is of which privacy class.
//!
//! How: a one-pass [`prefilter`] lets clean text pass untouched. Else the text is seen as
//! normalised characters ([`view`]), detectors report spans, the spans are collapsed to stand-ins
//! and the detectors run again until they find nothing, which makes the result a fixed point.

mod address;
mod address_en;
mod allow;
mod canonical;
mod cards;
mod char_set;
mod codes;
mod digits;
mod landline;
mod names;
mod names_en;
mod payload;
mod phone;
mod prefilter;
mod spans;
mod token;
mod view;
mod web;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use hmac::Hmac;
use sha2::Sha256;

pub use allow::AllowList;
pub use token::{KeyError, TokenKey};

use prefilter::Hints;
use view::View;

/// What sort of personal value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PiiKind {
    /// Telephone number, mobile or landline.
    Phone,
    /// E-mail address.
    Email,
    /// Resident identity card of China, 15 or 18 characters.
    IdCard,
    /// Bank card number.
    BankCard,
    /// Licence plate of China.
    Plate,
    /// Passport number.
    Passport,
    /// WeChat id.
    Wechat,
    /// QQ number.
    Qq,
    /// IP address.
    Ip,
    /// Social security number of the USA.
    Ssn,
    /// A person's name.
    Name,
    /// A postal address.
    Address,
    /// An account identity (identities of events only).
    Account,
    /// A device identity (identities of events only).
    Device,
    /// A customer id that is to be tokenised (identities of events only).
    Customer,
}

impl PiiKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Phone,
        Self::Email,
        Self::IdCard,
        Self::BankCard,
        Self::Plate,
        Self::Passport,
        Self::Wechat,
        Self::Qq,
        Self::Ip,
        Self::Ssn,
        Self::Name,
        Self::Address,
        Self::Account,
        Self::Device,
        Self::Customer,
    ];

    /// The name in key columns and JSON, `snake_case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.names().0
    }

    /// The name inside a token in text, upper case.
    #[must_use]
    pub fn tag(self) -> &'static str {
        self.names().1
    }

    /// The kind with this `as_str` name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.tag() == tag)
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Phone => ("phone", "PHONE"),
            Self::Email => ("email", "EMAIL"),
            Self::IdCard => ("id_card", "ID_CARD"),
            Self::BankCard => ("bank_card", "BANK_CARD"),
            Self::Plate => ("plate", "PLATE"),
            Self::Passport => ("passport", "PASSPORT"),
            Self::Wechat => ("wechat", "WECHAT"),
            Self::Qq => ("qq", "QQ"),
            Self::Ip => ("ip", "IP"),
            Self::Ssn => ("ssn", "SSN"),
            Self::Name => ("name", "NAME"),
            Self::Address => ("address", "ADDRESS"),
            Self::Account => ("account", "ACCOUNT"),
            Self::Device => ("device", "DEVICE"),
            Self::Customer => ("customer", "CUSTOMER"),
        }
    }
}

/// A personal value or its token in a text: `start..end` count Unicode scalar values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pii {
    /// What it is.
    pub kind: PiiKind,
    /// First character.
    pub start: usize,
    /// Character after the last.
    pub end: usize,
}

/// A redacted text and where its tokens are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redaction {
    /// The text with tokens.
    pub text: String,
    /// The tokens: offsets into `text`, ascending.
    pub pii: Vec<Pii>,
    /// The values (or tokens) that they stand for: offsets into the input, same order.
    pub source_pii: Vec<Pii>,
}

/// How a token is written in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenForm {
    /// The first 6 characters: what people read.
    Short,
    /// All 20: where the value must be joined again, as in dead letters.
    Whole,
}

/// Finds personal values and puts tokens in their place. `Send + Sync`; share it by `Arc`.
pub struct Redactor {
    mac: Hmac<Sha256>,
    allow: AllowList,
}

impl Redactor {
    /// A redactor under this key that leaves alone what the list allows.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the key is consumed so that its bytes are overwritten"
    )]
    pub fn new(key: TokenKey, allow: AllowList) -> Self {
        Self {
            mac: key.mac(),
            allow,
        }
    }

    /// The redacted text, short tokens; borrowed when there is nothing to redact.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let hints = prefilter::hints(text);
        if !hints.any() {
            return Cow::Borrowed(text);
        }
        let redaction = self.redact(text, hints, TokenForm::Short);
        if redaction.pii.is_empty() || redaction.text == text {
            return Cow::Borrowed(text);
        }
        Cow::Owned(redaction.text)
    }

    /// The redacted text, short tokens, with the places of its tokens. Tokens that were in the
    /// input are reported too, so the list can be rebuilt from redacted text.
    #[must_use]
    pub fn text_with_pii(&self, text: &str) -> Redaction {
        let hints = prefilter::hints(text);
        if !hints.any() {
            return Redaction {
                text: text.to_owned(),
                pii: Vec::new(),
                source_pii: Vec::new(),
            };
        }
        self.redact(text, hints, TokenForm::Short)
    }

    /// A refused event's payload, readable again as the same event: broken UTF-8 replaced, whole
    /// tokens, and every `"value"` string (identities) tokenised even where the JSON is broken.
    #[must_use]
    pub fn payload(&self, bytes: &[u8]) -> String {
        payload::redact(self, bytes)
    }

    /// The key-column form of a value, always a token: `phone:` and 20 characters. What is a whole
    /// token already comes back in its key form.
    #[must_use]
    pub fn key<'t>(&self, kind: PiiKind, value: &'t str) -> Cow<'t, str> {
        if let Some(key) = token::parse_key(value) {
            return if key == value {
                Cow::Borrowed(value)
            } else {
                Cow::Owned(key)
            };
        }
        Cow::Owned(self.token_of(kind, value))
    }

    /// An opaque id with the personal values inside it replaced by their key-column tokens: mobile
    /// numbers that are alone in their digit run, e-mail addresses, resident ids with checksum.
    #[must_use]
    pub fn id<'t>(&self, value: &'t str) -> Cow<'t, str> {
        if let Some(key) = token::parse_key(value) {
            return if key == value {
                Cow::Borrowed(value)
            } else {
                Cow::Owned(key)
            };
        }
        payload::redact_id(self, value)
    }

    /// `kind:` and the 20 characters of the value's token.
    fn token_of(&self, kind: PiiKind, value: &str) -> String {
        let code = token::whole(&self.mac, kind, &canonical::canonical(kind, value));
        format!("{}:{code}", kind.as_str())
    }

    fn redact(&self, text: &str, hints: Hints, form: TokenForm) -> Redaction {
        let source: Vec<char> = text.chars().collect();
        let (mut view, present) = View::new(&source);
        let mut found: Vec<Stand> = present
            .into_iter()
            .map(|p| Stand {
                kind: p.kind,
                code: p.code,
                from: p.from,
                to: p.to,
            })
            .collect();
        loop {
            let spans = spans::find(&view, hints, &self.allow);
            if spans.is_empty() {
                break;
            }
            for span in &spans {
                let (from, to) = view.source_range(span.start, span.end);
                let code = token::whole(&self.mac, span.kind, &span.canonical);
                // Tokens inside a span are part of it (an address around a name).
                if view.slice(span.start, span.end).contains(&view::TOKEN) {
                    found.retain(|f| f.to <= from || f.from >= to);
                }
                found.push(Stand {
                    kind: span.kind,
                    code,
                    from,
                    to,
                });
            }
            let ranges: Vec<(usize, usize)> = spans.iter().map(|s| (s.start, s.end)).collect();
            view = view.collapse(&ranges);
        }
        found.sort_by_key(|f| f.from);
        write(&source, &found, form)
    }
}

/// The tokens, short or whole, that stand in a text, ascending; finds no personal values.
#[must_use]
pub fn tokens_in(text: &str) -> Vec<Pii> {
    let mut found = Vec::new();
    let mut chars = 0;
    let mut rest = text;
    while let Some((plain, tail)) = rest.split_once('<') {
        chars += plain.chars().count();
        // The longest token is `<BANK_CARD:` and 20 characters; tokens are ASCII.
        let head: Vec<char> = std::iter::once('<').chain(tail.chars().take(31)).collect();
        let token = token::parse_in_text(&head)
            .and_then(|(kind, _, length)| Some((kind, length, tail.get(length - 1..)?)));
        let (length, after) = match token {
            Some((kind, length, after)) => {
                found.push(Pii {
                    kind,
                    start: chars,
                    end: chars + length,
                });
                (length, after)
            }
            None => (1, tail),
        };
        chars += length;
        rest = after;
    }
    found
}

/// A token that stands for the source characters `from..to`.
struct Stand {
    kind: PiiKind,
    code: String,
    from: usize,
    to: usize,
}

fn write(source: &[char], found: &[Stand], form: TokenForm) -> Redaction {
    let mut out = Redaction {
        text: String::new(),
        pii: Vec::new(),
        source_pii: Vec::new(),
    };
    let mut length = 0;
    let mut at = 0;
    for stand in found {
        let plain = source.get(at..stand.from).unwrap_or_default();
        out.text.extend(plain);
        length += plain.len();
        let shown = match form {
            TokenForm::Short => stand.code.get(..token::SHORT_CHARS).unwrap_or(&stand.code),
            TokenForm::Whole => &stand.code,
        };
        let token = format!("<{}:{shown}>", stand.kind.tag());
        out.pii.push(Pii {
            kind: stand.kind,
            start: length,
            end: length + token.len(),
        });
        out.source_pii.push(Pii {
            kind: stand.kind,
            start: stand.from,
            end: stand.to,
        });
        length += token.len();
        out.text.push_str(&token);
        at = stand.to;
    }
    out.text.extend(source.get(at..).unwrap_or_default());
    out
}
