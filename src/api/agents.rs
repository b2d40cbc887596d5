//! `/v1/agents`: agents in figures, beside what their mix of cases lets one expect.
//!
//! Invariants: every figure is computed by the statements of `queries/profiles/` and the named query `agent_fair`; an
//! agent is called better or worse than others only when the interval of the effect lies beyond zero. Not here:
//! findings of rules.

use actix_web::{get, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::describe::Problems;
use super::filters::Filters;
use super::problem::ApiError;
use super::rows::{fetch, fetch_named, json_text, statement, time};
use super::state::State;
use crate::domain::Micros;
use crate::error::ErrorCode;

const AGENTS: &str = statement!("profiles/agents");
const PARTS: &str = statement!("profiles/agent_parts");
const EVIDENCE: &str = statement!("profiles/agent_evidence");
/// The named query that compares agents.
const FAIR: &str = "agent_fair";

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
    /// `all`, `queue`, `disposition` (the reason of the case), `week` or `week_in_service`.
    #[schema(example = "queue")]
    pub part: String,
    /// The queue, the reason, the Monday of the week (UTC), or the number of the week in service from 0.
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
    /// Stays after which somebody else went on, percent.
    pub handed_on_rate: Option<f64>,
    /// Mean mood of customers at the beginning of a stay, -1 to 1.
    pub mood_before: Option<f64>,
    /// Mean mood of customers at the end of a stay.
    pub mood_after: Option<f64>,
    /// Stays with both.
    pub n_mood: i64,
    /// Mean score of the agent's own words, -1 to 1.
    pub tone: Option<f64>,
    /// Searches in the knowledge base.
    pub searches: Option<i64>,
    /// Answers taken from it.
    pub accepted: Option<i64>,
}

/// An agent beside all others in the same cases: channel, queue and reason. Effects are the agent's own part, shrunk
/// by how few stays tell of it; intervals hold it with 90 %. More is better in each.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AgentFair {
    /// The agent.
    #[schema(example = "a-17")]
    pub agent_id: String,
    /// The reason that it is about; null for all cases.
    pub reason: Option<String>,
    /// Stays.
    pub stays: Option<i64>,
    /// One figure for handle time, resolution, hand-overs, rating and mood: mean 0 and deviation 1 over the agents.
    #[schema(example = 0.8)]
    pub skill: Option<f64>,
    /// Lower end.
    pub skill_low: Option<f64>,
    /// Upper end.
    pub skill_high: Option<f64>,
    /// Stays with a known length.
    pub handle_n: Option<i64>,
    /// Percent shorter than the same cases with others.
    pub handle_effect: Option<f64>,
    /// Lower end.
    pub handle_low: Option<f64>,
    /// Upper end.
    pub handle_high: Option<f64>,
    /// Last stays of which it is said whether the interaction was resolved.
    pub resolved_n: Option<i64>,
    /// Points of percent more often resolved.
    pub resolved_effect: Option<f64>,
    /// Lower end.
    pub resolved_low: Option<f64>,
    /// Upper end.
    pub resolved_high: Option<f64>,
    /// Stays.
    pub handed_on_n: Option<i64>,
    /// Points of percent more rarely handed on.
    pub handed_on_effect: Option<f64>,
    /// Lower end.
    pub handed_on_low: Option<f64>,
    /// Upper end.
    pub handed_on_high: Option<f64>,
    /// Rated stays.
    pub csat_n: Option<i64>,
    /// Points of 1 to 5 better rated.
    pub csat_effect: Option<f64>,
    /// Lower end.
    pub csat_low: Option<f64>,
    /// Upper end.
    pub csat_high: Option<f64>,
    /// Stays with a mood at the beginning and at the end.
    pub mood_n: Option<i64>,
    /// By how much more the customer's mood rose.
    pub mood_effect: Option<f64>,
    /// Lower end.
    pub mood_low: Option<f64>,
    /// Upper end.
    pub mood_high: Option<f64>,
}

/// An interaction that shows a strength or a coaching point.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AgentEvidence {
    /// `long`, `short`, `praised`, `criticised`, `unresolved`, `resolved`, `handed_on`, `cheered` or `upset`.
    #[schema(example = "long")]
    pub point: String,
    /// The interaction.
    #[schema(example = "call-20261120-000123")]
    pub interaction_id: String,
    /// Its queue.
    pub queue: Option<String>,
    /// Why the customer came.
    pub reason: Option<String>,
    /// Its handle time with the agent, ms.
    pub handle_ms: Option<i64>,
    /// What is usual in its channel, queue and reason, ms.
    pub usual_handle_ms: Option<f64>,
    /// Its rating.
    pub csat: Option<i64>,
    /// How the customer's mood changed during the stay, -2 to 2.
    pub mood_change: Option<f64>,
}

/// What stands out.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentPoint {
    /// What it is about: `handle_time`, `resolved`, `handed_on`, `csat`, `mood` or `skill` (in one reason).
    #[schema(example = "handle_time")]
    pub about: String,
    /// The reason, when it is about one.
    pub reason: Option<String>,
    /// The agent's own effect, as in `fair`.
    pub value: f64,
    /// Lower end of its interval at 90 %.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Interactions that show it.
    pub evidence: Vec<AgentEvidence>,
}

/// What is known of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentProfile {
    /// The agent in figures.
    pub agent: AgentFigures,
    /// Beside all others in the same cases.
    pub fair: Option<AgentFair>,
    /// Likewise by reason of the case: the agent's skills.
    pub skills_by_reason: Vec<AgentFair>,
    /// All stays, and by queue, by reason, by week and by week in service.
    pub parts: Vec<AgentPart>,
    /// Better than others in the same cases, beyond the interval.
    pub strengths: Vec<AgentPoint>,
    /// Worse than others in the same cases, beyond the interval.
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
/// Figures, the comparison with others in the same cases, skill by reason, the course by week in service, and what
/// stands out with the interactions that show it.
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
    let fair = |by_reason: bool| {
        let given = [
            ("from", time(asked.from)),
            ("to", time(asked.to)),
            ("agent_id", json!(id)),
            ("by_reason", json!(by_reason)),
        ];
        given
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    };
    let (parts, evidence, all, skills_by_reason) = tokio::try_join!(
        fetch(&state, PARTS, values.clone(), MAX_PARTS),
        fetch::<AgentEvidence>(&state, EVIDENCE, values.clone(), MAX_PARTS),
        fetch_named::<AgentFair>(&state, FAIR, fair(false), 1),
        fetch_named::<AgentFair>(&state, FAIR, fair(true), MAX_PARTS),
    )?;
    let fair = all.into_iter().next();
    let (strengths, coaching) = points(fair.as_ref(), &skills_by_reason, &evidence);
    Ok(web::Json(AgentProfile {
        agent,
        fair,
        skills_by_reason,
        parts,
        strengths,
        coaching,
        evidence,
        watermark: state.watermark().map(|at| at.to_string()),
    }))
}

/// Strengths and coaching points: effects whose interval lies beyond zero.
fn points(
    fair: Option<&AgentFair>,
    by_reason: &[AgentFair],
    evidence: &[AgentEvidence],
) -> (Vec<AgentPoint>, Vec<AgentPoint>) {
    let (mut strengths, mut coaching) = (Vec::new(), Vec::new());
    let mut judge =
        |about: &str, reason: Option<&str>, figures: [Option<f64>; 3], shows: [&str; 2]| {
            let [Some(value), Some(low), Some(high)] = figures else {
                return;
            };
            let (to, point) = if low > 0.0 {
                (&mut strengths, shows[0])
            } else if high < 0.0 {
                (&mut coaching, shows[1])
            } else {
                return;
            };
            let shown = evidence.iter().filter(|shown| {
                shown.point == point && (reason.is_none() || shown.reason.as_deref() == reason)
            });
            to.push(AgentPoint {
                about: about.to_owned(),
                reason: reason.map(str::to_owned),
                value,
                low,
                high,
                evidence: shown.cloned().collect(),
            });
        };
    if let Some(fair) = fair {
        let handle = [fair.handle_effect, fair.handle_low, fair.handle_high];
        judge("handle_time", None, handle, ["short", "long"]);
        let resolved = [fair.resolved_effect, fair.resolved_low, fair.resolved_high];
        judge("resolved", None, resolved, ["resolved", "unresolved"]);
        let handed_on = [
            fair.handed_on_effect,
            fair.handed_on_low,
            fair.handed_on_high,
        ];
        judge("handed_on", None, handed_on, ["resolved", "handed_on"]);
        let csat = [fair.csat_effect, fair.csat_low, fair.csat_high];
        judge("csat", None, csat, ["praised", "criticised"]);
        let mood = [fair.mood_effect, fair.mood_low, fair.mood_high];
        judge("mood", None, mood, ["cheered", "upset"]);
    }
    for fair in by_reason {
        let skill = [fair.skill, fair.skill_low, fair.skill_high];
        judge(
            "skill",
            fair.reason.as_deref(),
            skill,
            ["resolved", "unresolved"],
        );
    }
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
