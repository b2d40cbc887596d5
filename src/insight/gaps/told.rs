//! What is told of a gap: its type, its title, what it costs, and what shows it.
//!
//! Invariants: a gap of fewer than [`LEAST_CUSTOMERS`] customers is none; the title is the article's question, else the
//! request at the middle. Not here: which requests belong together ([`super::form`]).

use std::collections::{BTreeMap, BTreeSet};

use super::case::{Case, DAY_US};
use super::draft::{Usual, extracts};
use super::form::{Gap, Group, Input, LEAST_CUSTOMERS, MOST_EVIDENCE, STRONGER_SHARE, WINDOW_DAYS};
use super::impact::{Counts, Impact};
use super::saying::Saying;
use crate::insight::gap_type::Outcome;
use crate::insight::statistics::risk_ratio;

/// Days whose rate is compared with those before.
const RECENT_DAYS: i64 = 7;

/// The time that counts are of.
pub(super) struct Span {
    weeks: f64,
    recent_from_us: i64,
    recent: u64,
    earlier: u64,
    usual_minutes: f64,
}

impl Span {
    pub(super) fn of(input: &Input<'_>) -> Self {
        let first = input
            .cases
            .iter()
            .map(|case| case.at_us)
            .min()
            .unwrap_or(input.until_us);
        let days = ((input.until_us - first) as f64 / DAY_US as f64).clamp(1.0, WINDOW_DAYS as f64);
        let recent_from_us = input.until_us - RECENT_DAYS * DAY_US;
        let recent = input
            .cases
            .iter()
            .filter(|case| case.at_us >= recent_from_us)
            .count() as u64;
        let minutes: Vec<f64> = input
            .cases
            .iter()
            .filter_map(|case| case.handle_minutes)
            .collect();
        Self {
            weeks: days / 7.0,
            recent_from_us,
            recent,
            earlier: input.cases.len() as u64 - recent,
            usual_minutes: mean(&minutes).unwrap_or(0.0),
        }
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// One gap, with everything that is told of it; `None` when it has too few customers.
pub(super) fn gap(
    input: &Input<'_>,
    id: String,
    group: &Group,
    usual: &Usual,
    span: &Span,
) -> Option<Gap> {
    let mut failed: Vec<usize> = group.failed.clone();
    let case = |place: &usize| input.cases.get(*place);
    failed.sort_by_key(|place| case(place).map(|case| (-case.at_us, case.request_id.clone())));
    let cases: Vec<&Case> = failed.iter().filter_map(case).collect();
    if customers(cases.iter()) < LEAST_CUSTOMERS {
        return None;
    }
    let answered: Vec<&Case> = group.answered.iter().filter_map(case).collect();
    let impact = impact_of(&cases, &answered, span);
    let mut outcomes: BTreeMap<&'static str, usize> = BTreeMap::new();
    for place in &failed {
        if let Some(judged) = input.judged.get(*place) {
            *outcomes.entry(judged.outcome.as_str()).or_default() += 1;
        }
    }
    let kind = kind_of(input, group, &failed);
    let article = group.article.clone();
    let key = article
        .as_ref()
        .map(|article| (group.base.clone(), article.clone()));
    let rival = key.as_ref().filter(|_| kind == Outcome::Conflict);
    let rival = rival
        .and_then(|key| input.shelf.rivals(key, input.until_us).next())
        .map(|key| key.1.clone());
    let question = key.and_then(|key| Some(input.shelf.articles.get(&key)?.question.clone()));
    let (title, evidence) = middle(input, &failed);
    let recent = cases
        .iter()
        .filter(|case| case.at_us >= span.recent_from_us)
        .count() as u64;
    let earlier = failed.len() as u64 - recent;
    let times = cases.iter().map(|case| case.at_us);
    Some(Gap {
        id,
        base: group.base.clone(),
        kind,
        title: question
            .filter(|question| !question.is_empty())
            .unwrap_or(title),
        article,
        rival,
        answered: answered.len(),
        outcomes,
        impact,
        trend: risk_ratio(recent, span.recent, earlier, span.earlier),
        seen_us: (times.clone().min().unwrap_or(0), times.max().unwrap_or(0)),
        drafts: extracts(&cases, usual),
        evidence,
        failed,
    })
}

/// Distinct customers; who is not known is one of his own.
fn customers<'c>(cases: impl Iterator<Item = &'c &'c Case>) -> usize {
    let who =
        |case: &&'c Case| -> &'c str { case.customer.as_deref().unwrap_or(&case.interaction_id) };
    cases.map(who).collect::<BTreeSet<&str>>().len()
}

fn impact_of(failed: &[&Case], answered: &[&Case], span: &Span) -> Impact {
    let minutes: Vec<f64> = failed
        .iter()
        .filter_map(|case| case.handle_minutes)
        .collect();
    let again = |wanted: Option<bool>| {
        failed
            .iter()
            .filter(|case| case.came_again == wanted)
            .count()
    };
    let negative = failed.iter().filter(|case| case.is_negative).count();
    Impact::of(Counts {
        customers: customers(failed.iter().chain(answered)),
        weeks: span.weeks,
        failed: failed.len(),
        known: failed.len() + answered.len(),
        handle_minutes: mean(&minutes).unwrap_or(span.usual_minutes),
        came_again: (again(Some(true)), again(Some(true)) + again(Some(false))),
        negative: (negative, failed.len()),
    })
}

/// What names a gap: conflict and outdated explain a refusal, so a good part of them is enough.
fn kind_of(input: &Input<'_>, group: &Group, failed: &[usize]) -> Outcome {
    let count = |wanted: Outcome| {
        let is = |place: &&usize| {
            input
                .judged
                .get(**place)
                .is_some_and(|judged| judged.outcome == wanted)
        };
        failed.iter().filter(is).count()
    };
    let enough = |wanted: Outcome| {
        count(wanted) as f64 >= STRONGER_SHARE * failed.len() as f64 && count(wanted) > 0
    };
    for wanted in [Outcome::Conflict, Outcome::Outdated] {
        if enough(wanted) {
            return wanted;
        }
    }
    let most = [Outcome::Rejected, Outcome::NotFound, Outcome::NoContent]
        .into_iter()
        .rev()
        .max_by_key(|wanted| count(*wanted))
        .unwrap_or(Outcome::NoContent);
    if most == Outcome::NoContent && group.article.is_some() {
        Outcome::NotFound
    } else {
        most
    }
}

/// The request at the middle of a gap, and the places of those nearest to it, newest among equals.
fn middle(input: &Input<'_>, failed: &[usize]) -> (String, Vec<usize>) {
    const LOOKED_AT: usize = 80;
    let step = failed.len().div_ceil(LOOKED_AT).max(1);
    let read: Vec<(usize, Saying)> = failed
        .iter()
        .step_by(step)
        .filter_map(|place| Some((*place, Saying::of(&input.cases.get(*place)?.text))))
        .collect();
    let mut scored: Vec<(f64, usize)> = read
        .iter()
        .map(|(place, own)| {
            let sum: f64 = read
                .iter()
                .filter(|(other, _)| other != place)
                .map(|(_, other)| own.likeness(other))
                .sum();
            (sum, *place)
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let title = scored
        .first()
        .and_then(|(_, place)| input.cases.get(*place));
    let title = title
        .map(|case| case.text.chars().take(200).collect())
        .unwrap_or_default();
    (
        title,
        scored
            .into_iter()
            .map(|(_, place)| place)
            .take(MOST_EVIDENCE)
            .collect(),
    )
}
