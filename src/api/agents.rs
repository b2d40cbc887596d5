//! `/v1/agents`: agents in figures, beside what their mix of cases lets one expect.
//!
//! Invariants: every figure is computed by the statements of `queries/profiles/`; an agent is called better or
//! worse than expected only when the interval of the figure does not hold the expectation. Not here: skill by
//! topic, tone and findings, which need jobs that fill their columns.

use actix_web::{get, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::describe::Problems;
use super::filters::Filters;
use super::problem::ApiError;
use super::rows::{fetch, json_text, statement, time};
use super::state::State;
use crate::domain::Micros;
use crate::error::ErrorCode;

const AGENTS: &str = statement!("profiles/agents");
const PARTS: &str = statement!("profiles/agent_parts");
const EVIDENCE: &str = statement!("profiles/agent_evidence");

const MAX_AGENTS: u64 = 100_000;
const MAX_PARTS: u64 = 10_000;
const MAX_LIMIT: u64 = 1_000;
const DEFAULT_LIMIT: u64 = 100;

/// Which time, and which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AgentFilters {
    /// Stays that began at this time or later, RFC 3339.
    #[param(format = DateTime, example = "2026-11-01T00:00:00Z")]
    pub from: Option<String>,
    /// Stays that began before this time, RFC 3339.
    #[param(format = DateTime, example = "2026-12-01T00:00:00Z")]
    pub to: Option<String>,
    /// Items of the page, 1 to 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100, example = 100)]
    pub limit: Option<String>,
    /// Where the page begins: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of agents.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentPage {
    /// The agents, who handled most first.
    pub items: Vec<AgentFigures>,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

/// An agent in figures. What is not known is null.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AgentFigures {
    /// The agent's id.
    #[schema(example = "a-17")]
    pub agent_id: String,
    /// In service since.
    #[schema(format = DateTime)]
    pub since: Option<String>,
    /// Skills with their levels, as last reported.
    #[serde(deserialize_with = "json_text")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub skills: Option<Value>,
    /// Stays with the agent.
    pub handled: i64,
    /// Interactions among them.
    pub interactions: i64,
    /// Stays with a known length: the base of the handle time.
    pub n_handle: i64,
    /// Mean of talk, hold and wrap-up, ms.
    pub average_handle_time_ms: Option<f64>,
    /// Lower end of its interval at 95 %.
    pub average_handle_time_low_ms: Option<f64>,
    /// Upper end of its interval at 95 %.
    pub average_handle_time_high_ms: Option<f64>,
    /// The mean of all agents in the same channels and queues, weighted by this agent's stays, ms.
    pub expected_handle_time_ms: Option<f64>,
    /// Rated interactions: the base of the satisfaction.
    pub n_csat: i64,
    /// Mean satisfaction, 1 to 5.
    pub csat_mean: Option<f64>,
    /// Lower end of its interval at 95 %.
    pub csat_low: Option<f64>,
    /// Upper end of its interval at 95 %.
    pub csat_high: Option<f64>,
    /// The mean of all agents in the same channels and queues, weighted likewise.
    pub expected_csat: Option<f64>,
    /// Stays after which another agent went on.
    pub transferred: i64,
    /// Transferred of handled, percent.
    pub transfer_rate: Option<f64>,
    /// The rate of all agents in the same channels and queues, weighted likewise, percent.
    pub expected_transfer_rate: Option<f64>,
    /// Interactions of which it is said whether they were resolved.
    pub n_resolved: i64,
    /// Resolved among them.
    pub resolved: i64,
    /// Resolved of those of which it is known, percent.
    pub resolved_rate: Option<f64>,
    /// Mean mood of the customers, -1 to 1.
    pub sentiment_score: Option<f64>,
    /// Start of the first stay.
    #[schema(format = DateTime)]
    pub first_at: Option<String>,
    /// Start of the last stay.
    #[schema(format = DateTime)]
    pub last_at: Option<String>,
}

/// A part of an agent's work.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AgentPart {
    /// `queue`, `disposition` or `week`.
    #[schema(example = "queue")]
    pub part: String,
    /// The queue, the disposition, or the Monday of the week (UTC).
    #[schema(example = "billing")]
    pub label: Option<String>,
    /// Stays.
    pub handled: i64,
    /// Mean of talk, hold and wrap-up, ms.
    pub average_handle_time_ms: Option<f64>,
    /// Mean satisfaction, 1 to 5.
    pub csat_mean: Option<f64>,
    /// Rated interactions.
    pub n_csat: i64,
    /// Resolved of those of which it is known, percent.
    pub resolved_rate: Option<f64>,
    /// Interactions of which it is said whether they were resolved.
    pub n_resolved: i64,
}

/// An interaction that shows a strength or a coaching point.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AgentEvidence {
    /// `long`, `short`, `praised` or `criticised`.
    #[schema(example = "long")]
    pub point: String,
    /// The interaction.
    #[schema(example = "call-20261120-000123")]
    pub interaction_id: String,
    /// Its queue.
    pub queue: Option<String>,
    /// Its handle time with the agent, ms.
    pub handle_ms: Option<i64>,
    /// What is usual in its channel and queue, ms.
    pub usual_handle_ms: Option<f64>,
    /// Its rating.
    pub csat: Option<i64>,
}

/// What stands out.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentPoint {
    /// What it is about: `handle_time` or `csat`.
    #[schema(example = "handle_time")]
    pub about: String,
    /// The agent's figure.
    pub value: f64,
    /// What the mix of cases lets one expect.
    pub expected: f64,
    /// Interactions that show it.
    pub evidence: Vec<AgentEvidence>,
}

/// What is known of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentProfile {
    /// The agent in figures.
    pub agent: AgentFigures,
    /// By queue, by disposition and by week.
    pub parts: Vec<AgentPart>,
    /// Better than expected, beyond the interval.
    pub strengths: Vec<AgentPoint>,
    /// Worse than expected, beyond the interval.
    pub coaching: Vec<AgentPoint>,
    /// The interactions that stand out.
    pub evidence: Vec<AgentEvidence>,
    /// Events before this time are expected to have come; null before the first event.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
}

/// List agents
///
/// With volume, handle time, satisfaction and transfers, each beside what the agent's mix of queues and channels
/// lets one expect.
#[utoipa::path(
    operation_id = "agents_list",
    tag = "profiles",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("agents"))),
    params(AgentFilters),
    responses(
        (status = 200, description = "A page of agents.", body = AgentPage, example = json!({
            "items": [{"agent_id": "a-17", "handled": 240, "average_handle_time_ms": 231000.0,
                "expected_handle_time_ms": 239000.0, "csat_mean": 4.4, "expected_csat": 4.2}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/agents")]
pub(super) async fn agents_list(
    state: web::Data<State>,
    query: web::Query<AgentFilters>,
) -> Result<web::Json<AgentPage>, ApiError> {
    let asked = read(query.into_inner())?;
    let values = vec![time(asked.from), time(asked.to), Value::Null];
    let mut items: Vec<AgentFigures> = fetch(&state, AGENTS, values, MAX_AGENTS).await?;
    let mut items = items.split_off(asked.first.min(items.len()));
    let next_cursor = (items.len() > asked.limit).then(|| (asked.first + asked.limit).to_string());
    items.truncate(asked.limit);
    Ok(web::Json(AgentPage { items, next_cursor }))
}

/// Show an agent
///
/// Figures, their parts by queue, disposition and week, and what stands out with the interactions that show it.
#[utoipa::path(
    operation_id = "agent_profile",
    tag = "profiles",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("agents"))),
    params(("id" = String, Path, description = "The agent's id, percent-encoded.", example = "a-17"), AgentFilters),
    responses(
        (status = 200, description = "The agent.", body = AgentProfile, example = json!({
            "agent": {"agent_id": "a-17", "handled": 240, "average_handle_time_ms": 231000.0},
            "parts": [{"part": "queue", "label": "billing", "handled": 200}],
            "strengths": [], "coaching": [], "evidence": [], "watermark": "2026-11-20T03:15:07Z"
        })),
        Problems,
    ),
)]
#[get("/v1/agents/{id}/profile")]
pub(super) async fn agent_profile(
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<AgentFilters>,
) -> Result<web::Json<AgentProfile>, ApiError> {
    let asked = read(query.into_inner())?;
    let id = state.redactor.redactor().id(&id).into_owned();
    let values = vec![time(asked.from), time(asked.to), json!(id)];
    let found: Vec<AgentFigures> = fetch(&state, AGENTS, values.clone(), 1).await?;
    let Some(agent) = found.into_iter().next() else {
        let detail = "there is no such agent with a stay in this time";
        return Err(ApiError::new(ErrorCode::NotFound, detail));
    };
    let parts = fetch(&state, PARTS, values.clone(), MAX_PARTS).await?;
    let evidence: Vec<AgentEvidence> = fetch(&state, EVIDENCE, values, MAX_PARTS).await?;
    let (strengths, coaching) = points(&agent, &evidence);
    Ok(web::Json(AgentProfile {
        agent,
        parts,
        strengths,
        coaching,
        evidence,
        watermark: state.watermark().map(|at| at.to_string()),
    }))
}

/// Strengths and coaching points: figures whose interval does not hold the expectation.
fn points(agent: &AgentFigures, evidence: &[AgentEvidence]) -> (Vec<AgentPoint>, Vec<AgentPoint>) {
    let (mut strengths, mut coaching) = (Vec::new(), Vec::new());
    let shown = |point: &str| -> Vec<AgentEvidence> {
        evidence
            .iter()
            .filter(|shown| shown.point == point)
            .cloned()
            .collect()
    };
    let mut judge = |about: &str, figures: [Option<f64>; 4], signs: [&str; 2]| {
        let [Some(value), Some(low), Some(high), Some(expected)] = figures else {
            return;
        };
        let point = |evidence| AgentPoint {
            about: about.to_owned(),
            value,
            expected,
            evidence,
        };
        let [below, above] = signs;
        let sign = match (high < expected, low > expected) {
            (true, _) => below,
            (_, true) => above,
            _ => return,
        };
        if matches!(sign, "short" | "praised") {
            strengths.push(point(shown(sign)));
        } else {
            coaching.push(point(shown(sign)));
        }
    };
    let handle = [
        agent.average_handle_time_ms,
        agent.average_handle_time_low_ms,
        agent.average_handle_time_high_ms,
        agent.expected_handle_time_ms,
    ];
    judge("handle_time", handle, ["short", "long"]);
    let csat = [
        agent.csat_mean,
        agent.csat_low,
        agent.csat_high,
        agent.expected_csat,
    ];
    judge("csat", csat, ["criticised", "praised"]);
    (strengths, coaching)
}

/// What was asked, checked.
struct Asked {
    from: Option<Micros>,
    to: Option<Micros>,
    limit: usize,
    first: usize,
}

/// Times that hold all there is.
const EVER: (&str, &str) = ("1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z");

fn read(asked: AgentFilters) -> Result<Asked, ApiError> {
    let mut filters = Filters::default();
    let (from, to) = (
        filters.time("from", Some(asked.from.as_deref().unwrap_or(EVER.0))),
        filters.time("to", Some(asked.to.as_deref().unwrap_or(EVER.1))),
    );
    filters.order(from, to);
    let limit = filters
        .whole("limit", asked.limit.as_deref(), 1..=MAX_LIMIT)
        .unwrap_or(DEFAULT_LIMIT);
    let expected = "expected `next_cursor` of a page";
    let first = filters.checked("cursor", asked.cursor.as_deref(), expected, |text| {
        text.parse().ok()
    });
    filters.finish()?;
    Ok(Asked {
        from,
        to,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        first: first.unwrap_or(0),
    })
}
