//! All detectors over one view, in order of certainty: an earlier detector's span is never taken
//! by a later one.
//!
//! Invariants: spans are disjoint, ascending, not empty. Canonical values are computed once here.

use super::allow::AllowList;
use super::canonical::canonical;
use super::digits::{self, Group};
use super::prefilter::Hints;
use super::view::{TOKEN, View};
use super::{PiiKind, address, cards, codes, landline, names, phone, web};

/// A found value: normalised characters `start..end`.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub kind: PiiKind,
    pub start: usize,
    pub end: usize,
    pub canonical: String,
}

/// What was found so far in one pass.
#[derive(Debug, Default)]
pub(super) struct Spans {
    found: Vec<Span>,
    /// One flag for each character: part of a find.
    taken: Vec<bool>,
}

impl Spans {
    /// Whether nothing found so far lies in `start..end`.
    pub fn free(&self, start: usize, end: usize) -> bool {
        !self
            .taken
            .get(start..end)
            .unwrap_or_default()
            .contains(&true)
    }

    /// Adds a find unless it is empty or overlaps an earlier one.
    pub fn add(&mut self, kind: PiiKind, start: usize, end: usize) -> bool {
        if start >= end || !self.free(start, end) {
            return false;
        }
        for taken in self.taken.iter_mut().take(end).skip(start) {
            *taken = true;
        }
        self.found.push(Span {
            kind,
            start,
            end,
            canonical: String::new(),
        });
        true
    }
}

/// One pass of all detectors.
pub(super) fn find(view: &View, hints: Hints, allow: &AllowList) -> Vec<Span> {
    let mut spans = Spans {
        found: Vec::new(),
        taken: vec![false; view.len()],
    };
    if hints.mail {
        web::emails(view, &mut spans);
    }
    if hints.numbers {
        numbers(view, &mut spans);
    }
    if hints.codes {
        codes::wechat(view, &mut spans);
    }
    if hints.address {
        address::find(view, &mut spans);
    }
    if hints.names {
        names::find(view, &mut spans);
    }
    let mut found = spans.found;
    for span in &mut found {
        span.canonical = canonical(span.kind, &view.string(span.start, span.end));
    }
    found.retain(|s| {
        !allow.keeps(&s.canonical) && view.slice(s.start, s.end).iter().any(|&c| c != TOKEN)
    });
    found.sort_by_key(|s| s.start);
    found
}

fn numbers(view: &View, spans: &mut Spans) {
    web::ips(view, spans);
    codes::plates(view, spans);
    codes::passports(view, spans);
    let groups = digits::groups(view);
    if groups.is_empty() {
        return;
    }
    number_kinds(view, &groups, spans);
    if let Some(trimmed) = digits::without_words(&groups) {
        number_kinds(view, &trimmed, spans);
    }
}

fn number_kinds(view: &View, groups: &[Group], spans: &mut Spans) {
    cards::id_cards(view, groups, spans);
    cards::bank_cards(view, groups, spans);
    phone::international(view, groups, spans);
    phone::mobiles(view, groups, spans);
    landline::chinese(view, groups, spans);
    landline::north_american(view, groups, spans);
    cards::social_security(view, groups, spans);
    codes::qq(view, groups, spans);
    landline::labelled(view, groups, spans);
}
