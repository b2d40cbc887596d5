//! `POST /v1/topics/drivers`: the topics and phrases that go with an outcome.

use std::collections::BTreeSet;

use actix_web::{post, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::body::Body;
use super::super::describe::Problems;
use super::super::problem::ApiError;
use super::super::rows::{fetch, statement, time};
use super::super::state::State;
use super::rows::Known;
use super::{Basis, probability, rounded};
use crate::domain::Micros;
use crate::enrich::segment::Segmenter;
use crate::enrich::topic::label_terms;
use crate::error::FieldError;
use crate::insight::drivers::{Driver, Drivers, Factor, Observed, Rule, drivers};

const STATEMENT: &str = statement!("api/topic_drivers");
const DEFINITION: &str = "topic_drivers@1";
/// Interactions that are looked at, the newest ones.
const MAX_INTERACTIONS: u64 = 100_000;
/// Characters of the requests of one interaction that are read for phrases.
const MAX_CHARS: usize = 2_000;
/// Columns that `field` may name; anything else is the key of an attribute.
const FIELD: &str = "field";

/// Outcomes that have a name, and what they mean.
const OUTCOMES: &[(&str, &str)] = &[
    ("abandoned", "the customer left the queue"),
    (
        "dissatisfied",
        "dissatisfaction of at least 0.5, or a csat of at most 2",
    ),
    ("complained", "words or a disposition of complaint"),
    ("refused", "a disposition of refusal"),
    (
        "churned",
        "the customer was told to be leaving or gone afterwards",
    ),
    ("transferred", "at least one transfer"),
    ("unresolved", "said not to be resolved"),
    ("repeated", "the customer came back within 7 days"),
];

/// What is asked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"outcome": "abandoned", "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}))]
pub struct DriversRequest {
    /// `abandoned`, `dissatisfied`, `complained`, `refused`, `churned`, `transferred`, `unresolved` or `repeated`; or
    /// leave it out and name a `field`.
    #[serde(default)]
    #[schema(example = "abandoned")]
    pub outcome: Option<String>,
    /// `disposition`, `outcome`, `end_reason`, `ended_by`, `queue`, `channel`, `agent_id`, `direction`, `language`, or
    /// the key of an attribute: the outcome is that it has one of `values`.
    #[serde(default)]
    pub field: Option<String>,
    /// What the field says when the outcome happened.
    #[serde(default)]
    pub values: Vec<String>,
    /// Requests at or after this time.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub from: Option<String>,
    /// Requests before this time.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub to: Option<String>,
    /// One channel.
    #[serde(default)]
    pub channel: Option<String>,
    /// `restated` or `as_reported`.
    #[serde(default)]
    #[schema(default = "restated")]
    pub basis: Option<String>,
    /// Expected share of false ones among the drivers, above 0 and at most 0.5.
    #[serde(default)]
    #[schema(default = 0.05)]
    pub false_discovery_rate: Option<f64>,
    /// Interactions that a topic or phrase needs.
    #[serde(default)]
    #[schema(default = 5)]
    pub least: Option<u64>,
    /// Drivers at most, 1 to 100.
    #[serde(default)]
    #[schema(default = 20)]
    pub limit: Option<u64>,
}

/// What goes with the outcome.
#[derive(Debug, Serialize, ToSchema)]
pub struct DriversAnswer {
    /// How it is made.
    #[schema(example = "topic_drivers@1")]
    pub definition: &'static str,
    /// The outcome.
    #[schema(example = "abandoned")]
    pub outcome: String,
    /// What it means.
    #[schema(example = "the customer left the queue")]
    pub about: String,
    /// Which topics history is read by.
    pub basis: Basis,
    /// Interactions with a request.
    #[schema(example = 9_000)]
    pub n: u64,
    /// Those with the outcome.
    #[schema(example = 610)]
    pub outcomes: u64,
    /// Topics and phrases that were tested.
    #[schema(example = 1_840)]
    pub tested: usize,
    /// Strongest evidence first. What goes with an outcome need not be its cause.
    pub items: Vec<DriverView>,
    /// Whether there were more interactions than are looked at: these are the newest.
    pub truncated: bool,
    /// Events before this time are expected to have come; null before the first event.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
}

/// A topic or phrase that goes with the outcome.
#[derive(Debug, Serialize, ToSchema)]
pub struct DriverView {
    /// `topic` or `phrase`.
    #[schema(example = "topic")]
    pub kind: &'static str,
    /// The topic's id; null for a phrase.
    #[schema(example = "t-1-4")]
    pub topic_id: Option<String>,
    /// The topic's name, or the phrase.
    #[schema(example = "取消 · 宽带")]
    pub value: String,
    /// Interactions with it.
    #[schema(example = 410)]
    pub interactions: u64,
    /// Those of them with the outcome.
    #[schema(example = 96)]
    pub outcomes: u64,
    /// Share of the outcome with it over the share in all interactions.
    #[schema(example = 3.45)]
    pub lift: f64,
    /// Share of the outcome with it over the share without it.
    #[schema(example = 3.92)]
    pub ratio: f64,
    /// Lower end of the ratio's interval at 95 %.
    #[schema(example = 3.2)]
    pub low: f64,
    /// Upper end of the ratio's interval at 95 %.
    #[schema(example = 4.8)]
    pub high: f64,
    /// Probability of so many or more by chance (Fisher's exact test, one side).
    #[schema(example = 0.0)]
    pub p: f64,
    /// Adjusted for all that was tested (Benjamini and Hochberg).
    #[schema(example = 0.0)]
    pub q: f64,
}

#[derive(Debug, Deserialize)]
struct Row {
    topics: Option<Vec<Option<String>>>,
    text: Option<String>,
    outcome: Option<bool>,
}

/// What was asked, checked.
struct Asked {
    outcome: String,
    about: String,
    basis: Basis,
    parameters: Vec<Value>,
    rule: Rule,
}

/// Mistakes of the request.
#[derive(Default)]
struct Mistakes(Vec<FieldError>);

impl Mistakes {
    fn add(&mut self, name: &str, detail: impl Into<String>) {
        self.0.push(FieldError {
            pointer: format!("/{name}"),
            detail: detail.into(),
        });
    }

    fn time(&mut self, name: &str, text: Option<&str>) -> Option<Micros> {
        let read = text.map(Micros::parse).transpose();
        read.map_err(|error| self.add(name, error.to_string()))
            .ok()
            .flatten()
    }
}

/// The outcome and what it means.
fn outcome(request: &DriversRequest, wrong: &mut Mistakes) -> (String, String) {
    match (&request.outcome, &request.field) {
        (Some(outcome), None) => {
            if let Some((name, about)) = OUTCOMES.iter().find(|(name, _)| name == outcome) {
                return ((*name).to_owned(), (*about).to_owned());
            }
            let names: Vec<&str> = OUTCOMES.iter().map(|(name, _)| *name).collect();
            wrong.add("outcome", format!("expected one of {}", names.join(", ")));
        }
        (None, Some(field)) => {
            if request.values.is_empty() || request.values.len() > 100 {
                wrong.add("values", "expected 1 to 100 values of the field");
            }
            let about = format!("{field} is {}", request.values.join(" or "));
            return (FIELD.to_owned(), about);
        }
        _ => wrong.add("outcome", "expected either an outcome or a field"),
    }
    (String::new(), String::new())
}

fn rule(request: &DriversRequest, wrong: &mut Mistakes) -> Rule {
    let standard = Rule::default();
    let rate = request.false_discovery_rate;
    let rate = rate.unwrap_or(standard.false_discovery_rate);
    if !(rate > 0.0 && rate <= 0.5) {
        let detail = "expected a number above 0 and at most 0.5";
        wrong.add("false_discovery_rate", detail);
    }
    let limit = request.limit.unwrap_or(standard.most as u64);
    if !(1..=100).contains(&limit) {
        wrong.add("limit", "expected a whole number from 1 to 100");
    }
    Rule {
        false_discovery_rate: rate,
        least: request.least.unwrap_or(standard.least).max(1),
        most: usize::try_from(limit).unwrap_or(standard.most),
    }
}

fn read(request: &DriversRequest) -> Result<Asked, ApiError> {
    let mut wrong = Mistakes::default();
    let (outcome, about) = outcome(request, &mut wrong);
    let from = wrong.time("from", request.from.as_deref());
    let to = wrong.time("to", request.to.as_deref());
    if from.zip(to).is_some_and(|(from, to)| to.0 <= from.0) {
        wrong.add("to", "expected a time after `from`");
    }
    let basis = request.basis.as_deref().unwrap_or("restated");
    let basis = Basis::parse(basis).unwrap_or_else(|| {
        wrong.add("basis", "expected as_reported or restated");
        Basis::Restated
    });
    let rule = rule(request, &mut wrong);
    if !wrong.0.is_empty() {
        return Err(ApiError::parameters(wrong.0));
    }
    let values = (!request.values.is_empty()).then(|| request.values.join("\n"));
    Ok(Asked {
        parameters: vec![
            time(from),
            time(to),
            json!(basis == Basis::Restated),
            json!(outcome),
            json!(request.field),
            json!(values),
            json!(request.channel),
        ],
        outcome,
        about,
        basis,
        rule,
    })
}

/// An interaction as the test wants it.
fn observed(row: Row) -> Observed {
    let text = row.text.unwrap_or_default();
    let text: String = text.chars().take(MAX_CHARS).collect();
    let mut phrases = BTreeSet::new();
    label_terms(Segmenter::shared(), &text, |_, parts| {
        let spaced = parts.iter().all(|part| part.is_ascii());
        let phrase = parts.join(if spaced { " " } else { "" });
        if phrase.chars().count() > 1 {
            phrases.insert(phrase);
        }
    });
    Observed {
        outcome: row.outcome.unwrap_or_default(),
        topics: row.topics.into_iter().flatten().flatten().collect(),
        phrases,
    }
}

fn view(known: &Known, driver: Driver) -> DriverView {
    let is_topic = driver.factor == Factor::Topic;
    DriverView {
        kind: driver.factor.as_str(),
        value: if is_topic {
            known.name_of(&driver.value)
        } else {
            driver.value.clone()
        },
        topic_id: is_topic.then_some(driver.value),
        interactions: driver.with_factor,
        outcomes: driver.with_both,
        lift: rounded(driver.lift),
        ratio: rounded(driver.ratio.value),
        low: rounded(driver.ratio.low),
        high: rounded(driver.ratio.high),
        p: probability(driver.p),
        q: probability(driver.q),
    }
}

/// Find what goes with an outcome
///
/// For any yes or no outcome of interactions: the topics and phrases of their requests that are over-represented where
/// it happened, with lift, interval and false-discovery control over all that was tested. An association is no cause.
#[utoipa::path(
    operation_id = "topic_drivers",
    tag = "topics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("topics"))),
    request_body(content = DriversRequest, description = "The outcome, and where to look.",
        content_type = "application/json"),
    responses(
        (status = 200, description = "What goes with it.", body = DriversAnswer, example = json!({
            "definition": "topic_drivers@1", "outcome": "abandoned", "about": "the customer left the queue",
            "basis": "restated", "n": 9000, "outcomes": 610, "tested": 1840,
            "items": [{"kind": "topic", "topic_id": "t-1-4", "value": "取消 · 宽带", "interactions": 410,
                "outcomes": 96, "lift": 3.45, "ratio": 3.92, "low": 3.2, "high": 4.8, "p": 0.0, "q": 0.0}],
            "truncated": false, "watermark": "2026-11-20T03:15:07Z"
        })),
        Problems,
    ),
)]
#[post("/v1/topics/drivers")]
pub(in super::super) async fn topic_drivers(
    state: web::Data<State>,
    body: Body<DriversRequest>,
) -> Result<web::Json<DriversAnswer>, ApiError> {
    let Body(request) = body;
    let asked = read(&request)?;
    let known = Known::read(&state).await?;
    let mut rows: Vec<Row> =
        fetch(&state, STATEMENT, asked.parameters, MAX_INTERACTIONS + 1).await?;
    let length = usize::try_from(MAX_INTERACTIONS).unwrap_or(usize::MAX);
    let truncated = rows.len() > length;
    rows.truncate(length);
    let rule = asked.rule;
    let by_whole = asked.basis == Basis::Restated;
    // Words are cut off the thread that answers.
    let found = tokio::task::spawn_blocking(move || {
        let mut observed: Vec<Observed> = rows.into_iter().map(observed).collect();
        if by_whole {
            for one in &mut observed {
                let topics = std::mem::take(&mut one.topics).into_iter();
                one.topics = topics.map(|id| known.whole(&id).to_owned()).collect();
            }
        }
        (drivers(&observed, rule), known)
    });
    let broken = |error: tokio::task::JoinError| ApiError::internal(error.to_string());
    let (found, known): (Drivers, Known) = found.await.map_err(broken)?;
    let items = found.drivers.into_iter();
    Ok(web::Json(DriversAnswer {
        definition: DEFINITION,
        outcome: asked.outcome,
        about: asked.about,
        basis: asked.basis,
        n: found.interactions,
        outcomes: found.outcomes,
        tested: found.tested,
        items: items.map(|driver| view(&known, driver)).collect(),
        truncated,
        watermark: state.watermark().map(|at| at.to_string()),
    }))
}
