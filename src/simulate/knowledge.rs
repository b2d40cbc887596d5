//! The knowledge base of the run: what it holds, lacks, hides and gets wrong.
//!
//! Articles come in the shape of `POST /v1/knowledge/articles/import`.
//! Invariants: a topic with the gap `no_content` has no article until an
//! intervention publishes one; `conflict` has two that disagree.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Options;
use super::dice::{Dice, Stream};
use super::people::Person;
use super::phrases::{Phrases, other_numbers};
use super::plan::{Gap, Plan};
use super::scenario::{Intent, Library};
use super::staff::DAY;
use crate::domain::Micros;

/// Base of all articles.
const BASE: &str = "desk";

#[derive(Serialize)]
struct Article<'a> {
    id: String,
    base: &'static str,
    kind: &'static str,
    question: &'a str,
    similar_questions: Vec<String>,
    answer: String,
    language: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to: Option<Micros>,
}

#[derive(Serialize)]
struct Change<'a> {
    id: &'a str,
    kind: &'static str,
    topics: [&'a str; 1],
    at: Micros,
    #[serde(skip_serializing_if = "Option::is_none")]
    article_id: Option<String>,
    base: &'static str,
}

/// Id of the article of a topic.
pub(super) fn article_id(intent: &Intent) -> String {
    format!("kb-{}", intent.code)
}

/// Id of the article that contradicts it.
pub(super) fn contrary_id(intent: &Intent) -> String {
    format!("kb-{}-b", intent.code)
}

/// The answer with its values filled in; `other` facts when the numbers are others.
pub(super) fn answer_text(library: &Library, intent: &Intent, other: bool) -> String {
    let person = Person::new(0, 0, false, library);
    let language = &library.languages[intent.language];
    let dice = Dice::new(0, Stream::Plan, 1);
    let mut phrases = Phrases::new(language, intent, &person, 0, dice);
    let text = phrases.answer().finished().text;
    if other { other_numbers(&text) } else { text }
}

/// Articles as NDJSON, and the dated changes as NDJSON.
pub(super) fn documents(
    options: &Options,
    library: &Library,
    plan: &Plan,
) -> BTreeMap<&'static str, Vec<u8>> {
    let mut articles = Vec::new();
    for index in 0..plan.topics.len() {
        articles_of(index, options, library, plan, &mut articles);
    }
    let changes = changes(options, library, plan);
    BTreeMap::from([
        ("knowledge/articles.jsonl", articles),
        ("knowledge/interventions.jsonl", changes),
    ])
}

/// The articles of one topic.
fn articles_of(index: usize, options: &Options, library: &Library, plan: &Plan, out: &mut Vec<u8>) {
    let at = |day: f64| Micros(options.start_micros() + (day * DAY as f64) as i64);
    let topic = &plan.topics[index];
    let intent = &library.intents[topic.intent];
    let closed_at = plan
        .interventions
        .iter()
        .find(|change| change.topic == index && change.closes_gap)
        .map(|change| at(change.day));
    if topic.gap == Gap::OutOfScope {
        return;
    }
    let article = |id: String, answer: String, from: Option<Micros>, to: Option<Micros>| Article {
        id,
        base: BASE,
        kind: "faq",
        question: &intent.question,
        similar_questions: intent.similar.clone(),
        answer,
        language: if library.languages[intent.language].is_english() {
            "en"
        } else {
            "zh"
        },
        valid_from: from,
        valid_to: to,
    };
    let own = |other: bool| answer_text(library, intent, other);
    let id = article_id(intent);
    match topic.gap {
        Gap::NoContent => {}
        Gap::Rejected => {
            let vague = vague(library, intent);
            put(out, &article(id.clone(), vague, None, closed_at));
        }
        Gap::Outdated => put(out, &article(id.clone(), own(false), None, closed_at)),
        Gap::Conflict => {
            put(out, &article(id.clone(), own(false), None, None));
            let contrary = article(contrary_id(intent), own(true), None, closed_at);
            put(out, &contrary);
        }
        _ => put(out, &article(id.clone(), own(false), None, None)),
    }
    if let Some(from) =
        closed_at.filter(|_| topic.gap != Gap::Conflict && topic.gap != Gap::NotFound)
    {
        let right = own(topic.gap == Gap::Outdated);
        put(out, &article(format!("{id}-new"), right, Some(from), None));
    }
}

/// The dated changes as NDJSON.
fn changes(options: &Options, library: &Library, plan: &Plan) -> Vec<u8> {
    let at = |day: f64| Micros(options.start_micros() + (day * DAY as f64) as i64);
    let mut changes = Vec::new();
    for change in &plan.interventions {
        let intent = &library.intents[plan.topics[change.topic].intent];
        let id = article_id(intent);
        let article = change
            .closes_gap
            .then(|| match plan.topics[change.topic].gap {
                // The right article is there: it is found now, or the other one is gone.
                Gap::Conflict | Gap::NotFound => id,
                _ => format!("{id}-new"),
            });
        put(
            &mut changes,
            &Change {
                id: &change.id,
                kind: change.kind,
                topics: [&intent.code],
                at: at(change.day),
                article_id: article,
                base: BASE,
            },
        );
    }
    changes
}

/// An answer that helps nobody.
fn vague(library: &Library, intent: &Intent) -> String {
    let person = Person::new(0, 0, false, library);
    let language = &library.languages[intent.language];
    let dice = Dice::new(1, Stream::Plan, intent.code.len() as u64);
    let mut phrases = Phrases::new(language, intent, &person, 0, dice);
    phrases.add(super::scenario::Part::Unsure).finished().text
}

fn put(out: &mut Vec<u8>, document: &impl Serialize) {
    // A `Vec` takes every write and no key is anything but a string.
    let written = serde_json::to_writer(&mut *out, document);
    debug_assert!(written.is_ok());
    out.push(b'\n');
}
