//! `GET /v1/customers`: customers who are likely to leave, with why and when to call; their risks in the profile.
//!
//! Invariants: what is shown comes from one run, which is told with its model, its quality and of when it is; a
//! reason is what the card adds, never a guess. Not here: learning (`jobs`, `insight`).

use actix_web::{get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::describe::Problems;
use super::filters::Filters;
use super::problem::ApiError;
use super::state::State;
use crate::domain::Micros;
use crate::insight::risk::{Driver, RiskModel};
use crate::jobs::{Learnt, Reasons};
use crate::store::{RiskRun, RiskScore};

const MAX_LIMIT: u64 = 1_000;
const DEFAULT_LIMIT: u64 = 100;

/// Which customers, and which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CustomerFilters {
    /// Customers with at least this probability of leaving, 0 to 1.
    #[param(value_type = Option<f64>, minimum = 0, maximum = 1, default = 0, example = 0.2)]
    pub churn_at_least: Option<String>,
    /// Items of the page, 1 to 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100, example = 100)]
    pub limit: Option<String>,
    /// Where the page begins: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// What speaks for a risk.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RiskReason {
    /// What it is: a count, a fading sum, or `attributes.<key>` of the CRM.
    #[schema(example = "unsolved_14")]
    pub driver: String,
    /// The customer's value; null when it is a word or not known.
    #[schema(example = 2.4)]
    pub value: Option<f64>,
    /// The customer's word, such as a tier.
    pub word: Option<String>,
    /// What it adds to the log-odds, against the average customer.
    #[schema(example = 1.3)]
    pub effect: f64,
}

impl From<Driver> for RiskReason {
    fn from(driver: Driver) -> Self {
        Self {
            driver: driver.driver,
            value: driver.value,
            word: driver.word,
            effect: driver.effect,
        }
    }
}

/// A probability with its reasons.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CustomerRisk {
    /// The probability.
    #[schema(example = 0.31)]
    pub probability: f64,
    /// Within so many days.
    #[schema(example = 30)]
    pub within_days: u32,
    /// What raises it most, greatest first.
    pub reasons: Vec<RiskReason>,
    /// As of when.
    #[schema(format = DateTime)]
    pub scored_at: String,
    /// Where the weights come from: always the tenant's own past.
    #[schema(example = "own_data")]
    pub trained_on: String,
}

/// A customer of the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct RiskyCustomer {
    /// The customer.
    #[schema(example = "c-4711")]
    pub customer_id: String,
    /// The risk of leaving.
    pub churn_risk: CustomerRisk,
    /// The risk of coming again about the last matter; null without a contact in the last week.
    pub repeat_contact_risk: Option<CustomerRisk>,
    /// The hour of the day, UTC, in which the customer is reached best.
    #[schema(example = 11)]
    pub best_hour_utc: Option<i64>,
}

/// A page of customers.
#[derive(Debug, Serialize, ToSchema)]
pub struct RiskyPage {
    /// Customers, likeliest to leave first.
    pub items: Vec<RiskyCustomer>,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
    /// What was learnt: `churn` and `repeat_contact`, each with its weights by bin and its quality on later dates than it was learnt from. Empty before the first run.
    #[schema(value_type = Vec<Object>)]
    pub models: Vec<RiskModel>,
    /// Why a model is missing.
    pub problems: Vec<String>,
    /// As of when customers were scored; null before the first run.
    #[schema(format = DateTime)]
    pub scored_at: Option<String>,
}

/// List customers at risk
///
/// Customers by their probability of leaving, with what raises it and the hour in which they are reached best. Learnt once a day from the tenant's own past (`tingchao job churn` does it now).
#[utoipa::path(
    operation_id = "customers_list",
    tag = "profiles",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("profiles"))),
    params(CustomerFilters),
    responses(
        (status = 200, description = "A page of customers.", body = RiskyPage, example = json!({
            "items": [{"customer_id": "c-4711", "best_hour_utc": 11, "repeat_contact_risk": null,
                "churn_risk": {"probability": 0.31, "within_days": 30, "scored_at": "2026-11-20T03:15:07Z",
                    "trained_on": "own_data",
                    "reasons": [{"driver": "unsolved_14", "value": 2.4, "word": null, "effect": 1.3}]}}],
            "next_cursor": null, "models": [], "problems": [], "scored_at": "2026-11-20T03:15:07Z"
        })),
        Problems,
    ),
)]
#[get("/v1/customers")]
pub(super) async fn customers_list(
    state: web::Data<State>,
    query: web::Query<CustomerFilters>,
) -> Result<web::Json<RiskyPage>, ApiError> {
    let asked = query.into_inner();
    let mut filters = Filters::default();
    let least = filters.checked(
        "churn_at_least",
        asked.churn_at_least.as_deref(),
        "expected a number from 0 to 1",
        |text| {
            text.parse::<f64>()
                .ok()
                .filter(|least| (0.0..=1.0).contains(least))
        },
    );
    let limit = filters
        .whole("limit", asked.limit.as_deref(), 1..=MAX_LIMIT)
        .unwrap_or(DEFAULT_LIMIT);
    let expected = "expected `next_cursor` of a page";
    let after = filters.checked("cursor", asked.cursor.as_deref(), expected, read_cursor);
    filters.finish()?;
    let run = state.store.risk_run().await?;
    let (learnt, scored_us) = read_run(run.as_ref())?;
    let wanted = u32::try_from(limit).unwrap_or(u32::MAX);
    let after = after.as_ref().map(|(churn, id)| (*churn, id.as_str()));
    let mut found = state
        .store
        .risk_page(least.unwrap_or(0.0), after, wanted + 1)
        .await?;
    let more = found.len() > wanted as usize;
    found.truncate(wanted as usize);
    let next_cursor = found.last().filter(|_| more).and_then(|last| {
        Some(format!(
            "{:016x}.{}",
            last.churn?.to_bits(),
            last.customer_id
        ))
    });
    let items = found.into_iter().filter_map(|score| {
        let (churn_risk, repeat_contact_risk) = risks(&score, &learnt, scored_us);
        Some(RiskyCustomer {
            churn_risk: churn_risk?,
            repeat_contact_risk,
            best_hour_utc: score.best_hour_utc,
            customer_id: score.customer_id,
        })
    });
    Ok(web::Json(RiskyPage {
        items: items.collect(),
        next_cursor,
        models: learnt.models.clone(),
        problems: learnt.problems.clone(),
        scored_at: run.map(|run| Micros(run.scored_us).to_string()),
    }))
}

/// A page ends after a probability, all of its digits, and a customer.
fn read_cursor(text: &str) -> Option<(f64, String)> {
    let (bits, id) = text.split_once('.')?;
    let churn = f64::from_bits(u64::from_str_radix(bits, 16).ok()?);
    (0.0..=1.0).contains(&churn).then(|| (churn, id.to_owned()))
}

fn read_run(run: Option<&RiskRun>) -> Result<(Learnt, i64), ApiError> {
    let Some(run) = run else {
        return Ok((Learnt::default(), 0));
    };
    let learnt: Learnt = serde_json::from_str(&run.content)
        .map_err(|_| ApiError::internal("a stored risk run has another shape"))?;
    Ok((learnt, run.scored_us))
}

/// The risks of a score: of leaving, of coming again.
fn risks(
    score: &RiskScore,
    learnt: &Learnt,
    scored_us: i64,
) -> (Option<CustomerRisk>, Option<CustomerRisk>) {
    let reasons: Reasons = serde_json::from_str(&score.reasons).unwrap_or_default();
    let risk = |kind: &str, probability: Option<f64>, reasons: Vec<Driver>| {
        let model = learnt.models.iter().find(|model| model.kind == kind)?;
        Some(CustomerRisk {
            probability: probability?,
            within_days: model.horizon_days,
            reasons: reasons.into_iter().map(RiskReason::from).collect(),
            scored_at: Micros(scored_us).to_string(),
            trained_on: "own_data".to_owned(),
        })
    };
    (
        risk("churn", score.churn, reasons.churn),
        risk(
            "repeat_contact",
            score.repeat_contact,
            reasons.repeat_contact,
        ),
    )
}

/// The risks of a customer by any of the ids that belong together: the greatest of each.
pub(super) async fn of_customer(
    state: &State,
    ids: &[String],
) -> Result<(Option<CustomerRisk>, Option<CustomerRisk>), ApiError> {
    let mut found = (None, None);
    let mut scores = Vec::new();
    for id in ids {
        scores.extend(state.store.risk_score(id).await?);
    }
    if scores.is_empty() {
        return Ok(found);
    }
    let (learnt, scored_us) = read_run(state.store.risk_run().await?.as_ref())?;
    for score in &scores {
        let (churn, repeat) = risks(score, &learnt, scored_us);
        found = (greater(found.0, churn), greater(found.1, repeat));
    }
    Ok(found)
}

fn greater(a: Option<CustomerRisk>, b: Option<CustomerRisk>) -> Option<CustomerRisk> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.probability > a.probability { b } else { a }),
        (a, b) => a.or(b),
    }
}
