//! `/v1/customers`: who a customer is and what happened.
//!
//! Identities are resolved when asked: events that share an identity belong to one customer. Nothing is merged in
//! the tables, and every link names the event that makes it. Invariants: personal values come in bodies only and are
//! tokenised before anything looks for them. Not here: how risks are learnt, and the
//! list to call (`risks`).

use actix_web::{get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::body::Body;
use super::describe::Problems;
use super::problem::ApiError;
use super::risks::{CustomerRisk, of_customer};
use super::rows::{fetch, statement};
use super::state::State;
use crate::domain::IdentityKind;
use crate::error::ErrorCode;

const LINKS: &str = statement!("profiles/customer_links");
const SUMMARY: &str = statement!("profiles/customer_summary");
const TIMELINE: &str = statement!("profiles/customer_timeline");
const FACTS: &str = statement!("profiles/customer_facts");
const REASONS: &str = statement!("profiles/customer_reasons");

/// Between the items of a list that is bound as one text: no id holds it.
const SEPARATOR: &str = "\u{1f}";

const MAX_LINKS: u64 = 1_000;
/// Interactions of the timeline.
const MAX_TIMELINE: u64 = 200;

/// A link between an identity and a customer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CustomerLink {
    /// Kind and token.
    #[schema(example = "phone:5rt6nkj6zgjzokgfoula")]
    pub identity: String,
    /// The customer's id; null where an event names the identity alone.
    pub customer_id: Option<String>,
    /// When it was first seen.
    #[schema(format = DateTime)]
    pub first_at: String,
    /// When it was last seen.
    #[schema(format = DateTime)]
    pub last_at: String,
    /// Events that say so.
    pub events: i64,
    /// Source of the first of them.
    pub event_source: String,
    /// Id of the first of them.
    pub event_id: String,
}

/// A customer in figures. What is not known is null.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CustomerSummary {
    /// Interactions.
    pub interactions: i64,
    /// Start of the first.
    #[schema(format = DateTime)]
    pub first_at: Option<String>,
    /// Start of the last.
    #[schema(format = DateTime)]
    pub last_at: Option<String>,
    /// The channel that the customer begins most often.
    #[schema(example = "wechat")]
    pub preferred_channel: Option<String>,
    /// The hour of the day, UTC, in which the customer begins most often.
    #[schema(example = 11)]
    pub preferred_hour_utc: Option<i64>,
    /// Interactions within 7 days after another one with the same disposition or queue.
    pub repeat_contacts: i64,
    /// Given up in a queue.
    pub abandoned: i64,
    /// Time of agents, ms.
    pub handle_ms: Option<i64>,
    /// Ratings.
    pub n_csat: i64,
    /// Mean rating, 1 to 5.
    pub csat_mean: Option<f64>,
    /// Interactions with a mood.
    pub n_sentiment: i64,
    /// Mean mood, -1 to 1.
    pub sentiment_score: Option<f64>,
}

/// What a customer comes for, or how a month was.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CustomerPart {
    /// `reason` or `month`.
    #[serde(skip_serializing)]
    pub part: String,
    /// The reason (topic of the first request, else the disposition), or the month, `YYYY-MM`, UTC.
    #[schema(example = "billing")]
    pub label: String,
    /// Interactions.
    pub interactions: i64,
    /// Within 7 days after another one with the same reason.
    pub repeats: i64,
    /// Start of the first.
    #[schema(format = DateTime)]
    pub first_at: String,
    /// Start of the last.
    #[schema(format = DateTime)]
    pub last_at: String,
    /// The last one.
    pub last_interaction_id: String,
    /// How it went.
    pub last_outcome: Option<String>,
    /// The last one was given up, is said to be unresolved, or goes on.
    pub is_open: bool,
    /// Mean mood, -1 to 1.
    pub sentiment_score: Option<f64>,
    /// Mean probability that the customer was dissatisfied at the end.
    pub dissatisfaction: Option<f64>,
}

/// What a customer is worth, as the CRM says and as the desk has seen.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerValue {
    /// 0 to 1, the CRM's last word.
    pub value_score: Option<f64>,
    /// The CRM's last word.
    pub tier: Option<String>,
    /// Minutes of agents so far.
    pub handle_minutes: Option<f64>,
}

/// What is known of a customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerProfile {
    /// The id or token that was asked for.
    #[schema(example = "c-4711")]
    pub customer_id: String,
    /// Every id that belongs to the same customer.
    pub customer_ids: Vec<String>,
    /// The identities, with what links them.
    pub links: Vec<CustomerLink>,
    /// The customer in figures.
    pub summary: CustomerSummary,
    /// What the customer comes for, the latest first.
    pub topics: Vec<CustomerPart>,
    /// Those of them whose last interaction left them open.
    pub open_issues: Vec<String>,
    /// The customer's mood, month by month.
    pub mood: Vec<CustomerPart>,
    /// What the customer is worth.
    pub value: CustomerValue,
    /// What the CRM says, by id: `tier`, `value_score`, `status`.
    #[schema(value_type = Vec<Object>)]
    pub crm: Vec<Map<String, Value>>,
    /// Cases that are not closed.
    #[schema(value_type = Vec<Object>)]
    pub open_cases: Vec<Map<String, Value>>,
    /// The risk of leaving, with its reasons; null before risks were learnt.
    pub churn_risk: Option<CustomerRisk>,
    /// The risk of coming again about the last matter; null without a contact in the last week.
    pub repeat_contact_risk: Option<CustomerRisk>,
    /// Interactions, newest first.
    #[schema(value_type = Vec<Object>)]
    pub timeline: Vec<Map<String, Value>>,
    /// Events before this time are expected to have come; null before the first event.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
}

/// An identity of a customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "phone", "value": "13800000000"}))]
pub struct CustomerLookup {
    /// `phone`, `email`, `wechat_external_userid`, `wechat_openid`, `account` or `device`.
    pub kind: String,
    /// The value or its token.
    pub value: String,
}

/// Who an identity belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerFound {
    /// Kind and token of the identity.
    #[schema(example = "phone:5rt6nkj6zgjzokgfoula")]
    pub identity: String,
    /// The ids that it belongs to; more than one when sources give the customer several.
    pub customer_ids: Vec<String>,
    /// What links them.
    pub links: Vec<CustomerLink>,
}

/// Show a customer
///
/// Identities resolved across channels with what links them, figures, cases and the interactions so far.
#[utoipa::path(
    operation_id = "customer_profile",
    tag = "profiles",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("profiles"))),
    params(("id" = String, Path, description = "The customer's id or a token, percent-encoded.", example = "c-4711")),
    responses(
        (status = 200, description = "The customer.", body = CustomerProfile, example = json!({
            "customer_id": "c-4711", "customer_ids": ["c-4711"],
            "links": [{"identity": "phone:5rt6nkj6zgjzokgfoula", "customer_id": "c-4711",
                "first_at": "2026-11-20T05:12:14Z", "last_at": "2026-11-22T11:05:07Z", "events": 5,
                "event_source": "/pbx/shanghai-1", "event_id": "01J0"}],
            "summary": {"interactions": 6, "preferred_channel": "call", "preferred_hour_utc": 11,
                "repeat_contacts": 2, "abandoned": 0, "n_csat": 1, "csat_mean": 5.0, "n_sentiment": 0},
            "topics": [{"label": "billing", "interactions": 2, "repeats": 1, "first_at": "2026-11-20T05:12:14Z",
                "last_at": "2026-11-22T11:05:07Z", "last_interaction_id": "call-20261122-000007",
                "last_outcome": "abandoned", "is_open": true, "sentiment_score": -0.4, "dissatisfaction": 0.6}],
            "open_issues": ["billing"], "mood": [],
            "value": {"value_score": 0.11, "tier": "gold", "handle_minutes": 14.5},
            "crm": [{"id": "c-4711", "tier": "gold", "value_score": 0.11, "status": "active"}],
            "open_cases": [], "timeline": [{"interaction_id": "call-20261120-000015", "outcome": "answered"}],
            "watermark": "2026-11-22T10:55:07Z"
        })),
        Problems,
    ),
)]
#[get("/v1/customers/{id}/profile")]
pub(super) async fn customer_profile(
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<web::Json<CustomerProfile>, ApiError> {
    let id = state.redactor.redactor().id(&id).into_owned();
    let links = links(&state, &id).await?;
    let mut customer_ids = ids_of(&links);
    if !id.contains(':') && !customer_ids.contains(&id) {
        customer_ids.push(id.clone());
    }
    let mut identities: Vec<String> = links.iter().map(|link| link.identity.clone()).collect();
    identities.sort_unstable();
    identities.dedup();
    let joined = json!(customer_ids.join(SEPARATOR));
    let values = vec![joined.clone(), json!(identities.join(SEPARATOR))];
    let (found, facts, reasons, timeline) = tokio::try_join!(
        fetch::<CustomerSummary>(&state, SUMMARY, values.clone(), 1),
        fetch::<Map<String, Value>>(&state, FACTS, vec![joined], MAX_LINKS),
        fetch::<CustomerPart>(&state, REASONS, values.clone(), MAX_LINKS),
        fetch(&state, TIMELINE, values.clone(), MAX_TIMELINE),
    )?;
    let summary = found.into_iter().next();
    let Some(summary) = summary.filter(|found| found.interactions > 0 || !facts.is_empty()) else {
        return Err(ApiError::new(
            ErrorCode::NotFound,
            "there is no such customer",
        ));
    };
    let (churn_risk, repeat_contact_risk) = of_customer(&state, &customer_ids).await?;
    let is = |row: &Map<String, Value>, name: &str, word: &str| {
        row.get(name).and_then(Value::as_str) == Some(word)
    };
    let (crm, cases): (Vec<_>, Vec<_>) = facts.into_iter().partition(|row| is(row, "fact", "crm"));
    let open_cases = cases.into_iter().filter(|row| !is(row, "status", "closed"));
    let (topics, mood): (Vec<_>, Vec<_>) =
        reasons.into_iter().partition(|part| part.part == "reason");
    let open = topics.iter().filter(|topic| topic.is_open);
    #[expect(clippy::cast_precision_loss, reason = "minutes of one customer")]
    let handle_minutes = summary.handle_ms.map(|ms| ms as f64 / 60_000.0);
    let value = CustomerValue {
        value_score: last_said(&crm, "value_score").and_then(Value::as_f64),
        tier: last_said(&crm, "tier")
            .and_then(Value::as_str)
            .map(str::to_owned),
        handle_minutes,
    };
    Ok(web::Json(CustomerProfile {
        customer_id: id,
        customer_ids,
        links,
        open_issues: open.map(|topic| topic.label.clone()).collect(),
        topics,
        mood,
        value,
        summary,
        crm,
        open_cases: open_cases.collect(),
        churn_risk,
        repeat_contact_risk,
        timeline,
        watermark: state.watermark().map(|at| at.to_string()),
    }))
}

/// The latest word of the CRM under any of the ids; rows come newest first.
fn last_said<'a>(crm: &'a [Map<String, Value>], name: &str) -> Option<&'a Value> {
    crm.iter()
        .filter_map(|row| row.get(name))
        .find(|value| !value.is_null())
}

/// Look a customer up
///
/// By an identity in the body, so that no personal value travels in a URL.
#[utoipa::path(
    operation_id = "customer_lookup",
    tag = "profiles",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("profiles"))),
    request_body(content = CustomerLookup, description = "The identity.", content_type = "application/json"),
    responses(
        (status = 200, description = "Who it belongs to.", body = CustomerFound, example = json!({
            "identity": "phone:5rt6nkj6zgjzokgfoula", "customer_ids": ["c-4711"], "links": []
        })),
        Problems,
    ),
)]
#[post("/v1/customers/lookup")]
pub(super) async fn customer_lookup(
    state: web::Data<State>,
    body: Body<CustomerLookup>,
) -> Result<web::Json<CustomerFound>, ApiError> {
    let kind: IdentityKind = body.kind.parse().map_err(|_| {
        let words = IdentityKind::ALL.iter().map(|kind| kind.as_str());
        let words: Vec<&str> = words.collect();
        ApiError::parameter("/kind", format!("expected one of {}", words.join(", ")))
    })?;
    let identity = state.redactor.identity_key(kind, &body.value);
    let links = links(&state, &identity).await?;
    let customer_ids = ids_of(&links);
    if links.is_empty() {
        return Err(ApiError::new(
            ErrorCode::NotFound,
            "nobody was seen with this identity",
        ));
    }
    Ok(web::Json(CustomerFound {
        identity,
        customer_ids,
        links,
    }))
}

async fn links(state: &State, id: &str) -> Result<Vec<CustomerLink>, ApiError> {
    fetch(state, LINKS, vec![json!(id)], MAX_LINKS).await
}

/// The ids of links, each once, in their order.
fn ids_of(links: &[CustomerLink]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for id in links.iter().filter_map(|link| link.customer_id.as_ref()) {
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    ids
}
