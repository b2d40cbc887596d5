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
    let found: Vec<CustomerSummary> = fetch(&state, SUMMARY, values.clone(), 1).await?;
    let facts: Vec<Map<String, Value>> = fetch(&state, FACTS, vec![joined], MAX_LINKS).await?;
    let summary = found.into_iter().next();
    let Some(summary) = summary.filter(|found| found.interactions > 0 || !facts.is_empty()) else {
        return Err(ApiError::new(
            ErrorCode::NotFound,
            "there is no such customer",
        ));
    };
    let (churn_risk, repeat_contact_risk) = of_customer(&state, &customer_ids).await?;
    let timeline = fetch(&state, TIMELINE, values, MAX_TIMELINE).await?;
    let is = |row: &Map<String, Value>, name: &str, word: &str| {
        row.get(name).and_then(Value::as_str) == Some(word)
    };
    let (crm, cases): (Vec<_>, Vec<_>) = facts.into_iter().partition(|row| is(row, "fact", "crm"));
    let open_cases = cases.into_iter().filter(|row| !is(row, "status", "closed"));
    Ok(web::Json(CustomerProfile {
        customer_id: id,
        customer_ids,
        links,
        summary,
        crm,
        open_cases: open_cases.collect(),
        churn_risk,
        repeat_contact_risk,
        timeline,
        watermark: state.watermark().map(|at| at.to_string()),
    }))
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
