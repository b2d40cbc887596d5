//! What is known of requests, read from the lake and put together.
//!
//! Invariants: uses and agents' turns belong to the last request of their interaction that was made before them (uses
//! before the first request to the first); the same customer has come again when a later interaction within seven days
//! is about the same topic or article, or about anything where neither is known.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::Value;

use super::GapsError;
use crate::domain::{Day, Micros};
use crate::insight::gaps::case::DAY_US;
use crate::insight::gaps::{Action, AgentTurn, Candidate, Case, Match, Use};
use crate::query::Engine;

macro_rules! statement {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/queries/jobs/",
            $name,
            ".sql"
        ))
    };
}

const NEWEST: &str = statement!("gap_newest");
const REQUESTS: &str = statement!("gap_requests");
const USES: &str = statement!("gap_uses");
const ANSWERS: &str = statement!("gap_answers");
const MATCHES: &str = statement!("gap_matches");

/// Days in which a contact is a repeat.
const REPEAT_DAYS: i64 = 7;
/// Likeness of P from which two requests with the same best article are about the same.
const SAME_ARTICLE: f64 = 0.3;
/// A longer text is cut, characters.
const MOST_CHARS: usize = 2_000;
/// Agents' turns that are kept of one request.
const MOST_ANSWERS: usize = 60;

/// A request's row as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// The search; `None` when it was never matched.
    pub(super) matched: Option<(Match, i64)>,
    pub(super) outcome: String,
    pub(super) evidence: String,
    pub(super) article_id: Option<String>,
    pub(super) gap_id: Option<String>,
    pub(super) day: Day,
}

/// Everything about the requests of a time.
pub(super) struct Loaded {
    /// Oldest first.
    pub(super) cases: Vec<Case>,
    /// When each was matched, in the same order.
    pub(super) matched_at: Vec<Option<i64>>,
    /// Base that the interaction names, in the same order.
    pub(super) named_base: Vec<Option<String>>,
    /// What was there before, by request.
    pub(super) stored: BTreeMap<String, Stored>,
}

#[derive(Deserialize)]
struct NewestRow {
    at_us: Option<i64>,
}

#[derive(Deserialize)]
struct RequestRow {
    request_id: String,
    interaction_id: String,
    turn_id: Option<String>,
    at_us: i64,
    text: Option<String>,
    topic_id: Option<String>,
    customer_id: Option<String>,
    channel: Option<String>,
    had_bot: bool,
    reached_person: bool,
    has_failed: bool,
    handle_minutes: Option<f64>,
    was_transferred: bool,
    is_negative: bool,
    resolved: Option<bool>,
    attributes: Option<String>,
}

#[derive(Deserialize)]
struct UseRow {
    interaction_id: String,
    at_us: i64,
    action: String,
    article_id: Option<String>,
}

#[derive(Deserialize)]
struct AnswerRow {
    interaction_id: String,
    turn_id: String,
    at_us: i64,
    agent_id: Option<String>,
    text: String,
}

#[derive(Deserialize)]
struct MatchRow {
    request_id: String,
    at_us: i64,
    base: Option<String>,
    article_set: Option<i64>,
    is_restated: Option<bool>,
    matched_at_us: Option<i64>,
    candidates: Option<String>,
    outcome: String,
    evidence: Option<String>,
    article_id: Option<String>,
    gap_id: Option<String>,
}

/// When the newest request was made; `None` without any.
pub(super) async fn newest(engine: &Engine) -> Result<Option<i64>, GapsError> {
    let mut newest = None;
    engine
        .typed(NEWEST, Vec::new(), |row: NewestRow| newest = row.at_us)
        .await?;
    Ok(newest)
}

/// The requests of `from_us` and later, and what happened to them up to a week after the last.
pub(super) async fn load(
    engine: &Engine,
    from_us: i64,
    until_us: i64,
) -> Result<Loaded, GapsError> {
    let day = |at_us: i64| Value::String(Micros(at_us).day().to_string());
    let range = |more: i64| vec![day(from_us), day(until_us + (1 + more) * DAY_US)];
    let (mut cases, mut named_base) = (Vec::new(), Vec::new());
    engine
        .typed(REQUESTS, range(0), |row: RequestRow| {
            named_base.push(row.attributes.as_deref().and_then(named));
            cases.push(case(row));
        })
        .await?;
    let places = Places::of(&cases);
    engine
        .typed(USES, range(REPEAT_DAYS), |row: UseRow| {
            let at = places.find(&cases, &row.interaction_id, row.at_us);
            if let (Some(case), Some(action)) = (
                at.and_then(|at| cases.get_mut(at)),
                Action::parse(&row.action),
            ) {
                case.uses.push(Use {
                    at_us: row.at_us,
                    action,
                    article_id: row.article_id,
                });
            }
        })
        .await?;
    engine
        .typed(ANSWERS, range(1), |row: AnswerRow| {
            let at = places.find(&cases, &row.interaction_id, row.at_us);
            let Some(case) = at.and_then(|at| cases.get_mut(at)) else {
                return;
            };
            if row.at_us >= case.at_us && case.answers.len() < MOST_ANSWERS {
                case.answers.push(AgentTurn {
                    turn_id: row.turn_id,
                    agent: row.agent_id,
                    text: row.text.chars().take(MOST_CHARS).collect(),
                });
            }
        })
        .await?;
    let stored = stored(engine, range(0)).await?;
    let mut matched_at = vec![None; cases.len()];
    for (case, slot) in cases.iter_mut().zip(&mut matched_at) {
        if let Some((matched, at)) = stored
            .get(&case.request_id)
            .and_then(|stored| stored.matched.clone())
        {
            (case.matched, *slot) = (matched, Some(at));
        }
    }
    Ok(Loaded {
        cases,
        matched_at,
        named_base,
        stored,
    })
}

/// Where the requests of an interaction stand.
struct Places(HashMap<String, Vec<usize>>);

impl Places {
    fn of(cases: &[Case]) -> Self {
        let mut of: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, case) in cases.iter().enumerate() {
            of.entry(case.interaction_id.clone())
                .or_default()
                .push(place);
        }
        Self(of)
    }

    /// The last request of an interaction that was made by then, else its first.
    fn find(&self, cases: &[Case], interaction_id: &str, at_us: i64) -> Option<usize> {
        let places = self.0.get(interaction_id)?;
        let made = |place: &&usize| cases.get(**place).is_some_and(|case| case.at_us <= at_us);
        let last = places.iter().rev().find(made);
        last.or_else(|| places.first()).copied()
    }
}

async fn stored(engine: &Engine, range: Vec<Value>) -> Result<BTreeMap<String, Stored>, GapsError> {
    let mut stored = BTreeMap::new();
    engine
        .typed(MATCHES, range, |row: MatchRow| {
            let candidates: Vec<Candidate> = row
                .candidates
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default();
            let matched = row.matched_at_us.map(|at| {
                let matched = Match {
                    base: row.base.unwrap_or_default(),
                    article_set: row.article_set.unwrap_or_default(),
                    is_restated: row.is_restated.unwrap_or_default(),
                    candidates,
                };
                (matched, at)
            });
            let one = Stored {
                matched,
                outcome: row.outcome,
                evidence: row.evidence.unwrap_or_default(),
                article_id: row.article_id,
                gap_id: row.gap_id,
                day: Micros(row.at_us).day(),
            };
            stored.insert(row.request_id, one);
        })
        .await?;
    Ok(stored)
}

fn case(row: RequestRow) -> Case {
    let text = row.text.unwrap_or_default();
    Case {
        request_id: row.request_id,
        interaction_id: row.interaction_id,
        turn_id: row.turn_id,
        at_us: row.at_us,
        text: text.chars().take(MOST_CHARS).collect(),
        topic_id: row.topic_id,
        customer: row.customer_id,
        channel: row.channel,
        had_bot: row.had_bot,
        reached_person: row.reached_person,
        has_failed: row.has_failed,
        handle_minutes: row.handle_minutes.filter(|_| row.reached_person),
        was_transferred: row.was_transferred,
        is_negative: row.is_negative,
        resolved: row.resolved,
        ..Case::default()
    }
}

/// The base that an interaction names.
fn named(attributes: &str) -> Option<String> {
    let attributes: Value = serde_json::from_str(attributes).ok()?;
    attributes
        .get("knowledge_base")?
        .as_str()
        .map(str::to_owned)
}

/// Says of each request whether its customer came again with it.
pub(super) fn repeats(cases: &mut [Case]) {
    let until = cases.last().map_or(0, |case| case.at_us);
    let mut of: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, case) in cases.iter().enumerate() {
        if let Some(customer) = &case.customer {
            of.entry(customer).or_default().push(place);
        }
    }
    let again: Vec<Option<bool>> = cases
        .iter()
        .map(|case| {
            let end = case.at_us + REPEAT_DAYS * DAY_US;
            let places = of.get(case.customer.as_deref()?)?;
            let later = places.iter().filter_map(|place| cases.get(*place));
            let came = later
                .filter(|other| other.at_us > case.at_us && other.at_us < end)
                .any(|other| other.interaction_id != case.interaction_id && same(case, other));
            if came {
                Some(true)
            } else {
                (end <= until).then_some(false)
            }
        })
        .collect();
    let unknown = |case: &Case| (case.at_us + REPEAT_DAYS * DAY_US <= until).then_some(false);
    for (case, again) in cases.iter_mut().zip(again) {
        // Who is not known can't be seen to come again.
        case.came_again = if case.customer.is_some() {
            again
        } else {
            unknown(case)
        };
    }
}

fn same(a: &Case, b: &Case) -> bool {
    let article = |case: &Case| {
        let best = case
            .matched
            .best()
            .filter(|best| best.p_answered >= SAME_ARTICLE);
        best.map(|best| (case.matched.base.clone(), best.article_id.clone()))
    };
    match ((&a.topic_id, &b.topic_id), (article(a), article(b))) {
        ((Some(x), Some(y)), _) => x == y,
        (_, (Some(x), Some(y))) => x == y,
        _ => true,
    }
}
