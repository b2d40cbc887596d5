//! Redaction of what is no clean text: payloads of refused events and opaque ids.
//!
//! Invariants: escapes `\uXXXX` of printable characters are undone first, so that nothing hides in
//! them; the string after a `"value"` key and in the vendors' fields of WeChat ids becomes a
//! key-column token whether or not the JSON or XML is whole; a second redaction changes nothing.

use std::borrow::Cow;

use super::canonical::is_mobile;
use super::cards::is_id_with_checksum;
use super::prefilter::Hints;
use super::view::View;
use super::{PiiKind, Redactor, TokenForm, spans, token};
use crate::enrich::normalise::normalise;

pub(super) fn redact(redactor: &Redactor, bytes: &[u8]) -> String {
    let text = unescape(&String::from_utf8_lossy(bytes));
    let text = values(redactor, &text);
    let keys: Vec<&str> = text.split_inclusive('\n').collect();
    keys.into_iter()
        .map(|line| redactor.redact(line, Hints::ALL, TokenForm::Whole).text)
        .collect()
}

/// Undoes `\uXXXX` (pairs too) where the character needs no escape in JSON.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once("\\u") {
        out.push_str(head);
        // A backslash that is itself escaped starts no escape.
        let escaped = head.bytes().rev().take_while(|&b| b == b'\\').count() % 2 == 1;
        if let Some((c, after)) = escape(tail).filter(|_| !escaped) {
            out.push(c);
            rest = after;
        } else {
            out.push_str("\\u");
            rest = tail;
        }
    }
    out.push_str(rest);
    out
}

fn escape(tail: &str) -> Option<(char, &str)> {
    let unit = u32::from_str_radix(tail.get(..4)?, 16).ok()?;
    let after = tail.get(4..)?;
    if (0xd800..0xdc00).contains(&unit) {
        let low = u32::from_str_radix(after.strip_prefix("\\u")?.get(..4)?, 16).ok()?;
        let c = char::from_u32(0x10000 + ((unit - 0xd800) << 10) + low.checked_sub(0xdc00)?)?;
        return Some((c, after.get(6..)?));
    }
    let c = char::from_u32(unit)?;
    (!c.is_control() && c != '"' && c != '\\').then_some((c, after))
}

/// Fields of vendors' documents whose string is a WeChat id: no text looks like one.
const WECHAT_FIELDS: &[&str] = &[
    "\"external_userid\"",
    "\"touser\"",
    "\"openid\"",
    "\"FromUserName\"",
    "\"OpenID\"",
    "\"ExternalUserID\"",
];
/// The same in callback XML.
const WECHAT_ELEMENTS: &[&str] = &["<FromUserName>", "<OpenID>", "<ExternalUserID>"];
const VALUE_FIELD: &str = "\"value\"";

/// The field of the list that comes first in `text`.
fn first_of<'f>(text: &str, fields: impl Iterator<Item = &'f str>) -> Option<(usize, &'f str)> {
    fields
        .filter_map(|field| Some((text.find(field)?, field)))
        .min()
}

/// Tokenises every string after `"value":` and after the fields of WeChat ids.
fn values(redactor: &Redactor, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let fields = || WECHAT_FIELDS.iter().copied().chain([VALUE_FIELD]);
    while let Some((at, field)) = first_of(rest, fields()) {
        let (head, tail) = rest.split_at(at + field.len());
        out.push_str(head);
        let Some((lead, value, after)) = string_value(tail) else {
            rest = tail;
            continue;
        };
        out.push_str(lead);
        if value.is_empty() {
            rest = after;
            continue;
        }
        let kind = if field == VALUE_FIELD {
            kind_near(head, after)
        } else {
            PiiKind::Wechat
        };
        out.push_str(&written(redactor, kind, value));
        rest = after;
    }
    out.push_str(rest);
    elements(redactor, &out)
}

/// The token of a value. That of a WeChat id is written as in text: the words
/// `wechat:` introduce an id, so its key form would be taken for one.
fn written(redactor: &Redactor, kind: PiiKind, value: &str) -> String {
    let key = redactor.key(kind, value);
    match key.strip_prefix("wechat:") {
        Some(code) => format!("<WECHAT:{code}>"),
        None => key.into_owned(),
    }
}

/// Tokenises what stands in the XML elements of WeChat ids.
fn elements(redactor: &Redactor, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, element)) = first_of(rest, WECHAT_ELEMENTS.iter().copied()) {
        let (head, tail) = rest.split_at(at + element.len());
        out.push_str(head);
        let quoted = tail.strip_prefix("<![CDATA[");
        let (value, after) = match quoted {
            Some(inside) => inside.split_once("]]>").unwrap_or((inside, "")),
            None => tail.split_at(tail.find('<').unwrap_or(tail.len())),
        };
        let value = value.trim();
        if value.is_empty() {
            rest = tail;
            continue;
        }
        out.push_str("<![CDATA[");
        out.push_str(&written(redactor, PiiKind::Wechat, value));
        out.push_str("]]>");
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Splits `: "abc" …` into what leads to the string, its inside and the rest from its closing
/// quote (or the end of the text, when it never closes).
fn string_value(tail: &str) -> Option<(&str, &str, &str)> {
    let trimmed = tail.trim_start().strip_prefix(':')?.trim_start();
    let inside = trimmed.strip_prefix('"').or_else(|| {
        trimmed
            .starts_with(|c: char| c.is_ascii_digit() || c == '+')
            .then_some(trimmed)
    })?;
    let bare = inside.len() == trimmed.len();
    let mut escaped = false;
    let length = inside
        .char_indices()
        .find(|&(_, c)| {
            let ends = if bare {
                ",}] \n".contains(c)
            } else {
                c == '"' && !escaped
            };
            escaped = c == '\\' && !escaped;
            ends
        })
        .map_or(inside.len(), |(i, _)| i);
    let lead = tail.get(..tail.len() - inside.len())?;
    Some((lead, inside.get(..length)?, inside.get(length..)?))
}

/// The `"kind"` that stands in the same object, before or after the value.
fn kind_near(head: &str, after: &str) -> PiiKind {
    let object = head.rsplit_once('{').map_or(head, |(_, o)| o);
    let behind = after.split_once('}').map_or(after, |(o, _)| o);
    let name = |part: &str| {
        let (_, tail) = part.rsplit_once("\"kind\"")?;
        let (_, value, _) = string_value(tail)?;
        Some(identity_kind(value))
    };
    name(object)
        .or_else(|| name(behind))
        .unwrap_or(PiiKind::Customer)
}

/// The kind of an identity of an event.
fn identity_kind(name: &str) -> PiiKind {
    match name {
        "wechat_external_userid" | "wechat_openid" => PiiKind::Wechat,
        other => PiiKind::from_name(other).unwrap_or(PiiKind::Customer),
    }
}

/// Personal values inside an opaque id become key-column tokens.
pub(super) fn redact_id<'t>(redactor: &Redactor, value: &'t str) -> Cow<'t, str> {
    if !value.contains('@')
        && value.chars().filter(|c| c.is_numeric()).count() < 11
        && value.is_ascii()
    {
        return Cow::Borrowed(value);
    }
    let normal = normalise(value);
    if let Some(kind) = whole_kind(normal.trim()) {
        return redactor.key(kind, &normal).into_owned().into();
    }
    let redacted = numbers_in_id(redactor, &mails_in_id(redactor, &normal));
    if redacted == normal {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(redacted)
    }
}

/// A separated mobile number that is the whole id.
fn whole_kind(id: &str) -> Option<PiiKind> {
    let number = id
        .chars()
        .all(|c| c.is_ascii_digit() || " +-().".contains(c));
    let digits: String = id.chars().filter(char::is_ascii_digit).collect();
    (number && is_mobile(super::canonical::strip_country(&digits))).then_some(PiiKind::Phone)
}

fn mails_in_id(redactor: &Redactor, id: &str) -> String {
    if !id.contains('@') {
        return id.to_owned();
    }
    let chars: Vec<char> = id.chars().collect();
    let (view, _) = View::new(&chars);
    let hints = Hints {
        mail: true,
        ..Hints::default()
    };
    let mut out = String::new();
    let mut at = 0;
    for span in spans::find(&view, hints, &redactor.allow) {
        out.extend(view.slice(at, span.start));
        out.push_str(&redactor.key(PiiKind::Email, &view.string(span.start, span.end)));
        at = span.end;
    }
    out.extend(view.slice(at, view.len()));
    out
}

fn numbers_in_id(redactor: &Redactor, id: &str) -> String {
    let mut out = String::new();
    let mut rest = id;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (head, tail) = rest.split_at(at);
        let length = tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (run, after) = tail.split_at(length);
        let with_letter = format!("{run}{}", after.get(..1).unwrap_or_default());
        if !is_token_code(head, tail) && run.len() == 17 && is_id_with_checksum(&with_letter) {
            out.push_str(head);
            out.push_str(&redactor.key(PiiKind::IdCard, &with_letter));
            rest = after.get(1..).unwrap_or_default();
            continue;
        }
        let kind = if is_id_with_checksum(run) {
            Some(PiiKind::IdCard)
        } else if is_mobile(super::canonical::strip_country(run)) && run.len() != 12 {
            Some(PiiKind::Phone)
        } else {
            None
        };
        if let Some(kind) = kind.filter(|_| !is_token_code(head, tail)) {
            out.push_str(head.strip_suffix('+').unwrap_or(head));
            out.push_str(&redactor.key(kind, run));
        } else {
            out.push_str(head);
            out.push_str(run);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The digits begin inside the code of a token that was put there before.
fn is_token_code(head: &str, tail: &str) -> bool {
    let Some((before, code)) = head.rsplit_once(':') else {
        return false;
    };
    let start = before
        .rfind(|c: char| !(c.is_ascii_lowercase() || c == '_'))
        .map_or(0, |i| i + 1);
    let name = before.get(start..).unwrap_or_default();
    let rest: String = tail
        .chars()
        .take(token::WHOLE_CHARS.saturating_sub(code.len()))
        .collect();
    PiiKind::ALL
        .iter()
        .any(|kind| name.ends_with(kind.as_str()))
        && token::parse_key(&format!("phone:{code}{rest}")).is_some()
}
