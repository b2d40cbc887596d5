//! `/v1/scorecards`: questions about interactions, answered by rules and by people.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::header::{ETAG, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::findings::of_interaction;
use super::rules::{PageOf, page};
use super::{change, changed, check_id, if_match};
use crate::api::auth::Caller;
use crate::api::body::Body;
use crate::api::describe::Problems;
use crate::api::problem::ApiError;
use crate::api::rows::fetch;
use crate::api::state::State;
use crate::domain::Micros;
use crate::error::ErrorCode;
use crate::insight::review::{Answers, Scorecard, mean};
use crate::store::article::Expected;
use crate::store::quality::{Document, DocumentKind, Review, Stored};

const ONE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/interaction.sql"
));
/// Reviews that a summary looks at, newest first.
const MAX_REVIEWS: u32 = 10_000;

/// A question of a scorecard.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuestionDocument {
    /// Its name in answers.
    #[schema(example = "greeting")]
    pub id: String,
    /// What people read.
    pub text: String,
    /// Points that can be reached, above 0; 1 by default.
    #[schema(example = 2)]
    pub points: Option<f64>,
    /// Whether a failure makes the whole score zero; false by default.
    pub critical: Option<bool>,
    /// The rule that answers it.
    #[schema(example = "no-greeting")]
    pub rule_id: Option<String>,
    /// What a hit of the rule means: `fails` (default) or `passes`.
    pub hit: Option<String>,
}

/// A scorecard as people write it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"name": "Service", "questions": [
    {"id": "greeting", "text": "Did the agent greet?", "points": 2, "rule_id": "no-greeting"},
    {"id": "solved", "text": "Was it solved?", "points": 5}
]}))]
pub struct ScorecardDocument {
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub about: Option<String>,
    /// 1 to 100 questions.
    pub questions: Vec<QuestionDocument>,
}

/// A scorecard with its identity. Its fields are those of [`ScorecardDocument`].
#[derive(Debug, Serialize, ToSchema)]
pub struct ScorecardView {
    /// Its id.
    #[schema(example = "service")]
    pub id: String,
    /// 1, 2, 3 …; reviews name it.
    #[schema(example = 1)]
    pub version: i64,
    /// When its first version was written.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When this version was written.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The scorecard.
    #[serde(flatten)]
    #[schema(value_type = ScorecardDocument)]
    pub scorecard: Map<String, Value>,
}

impl From<Document> for ScorecardView {
    fn from(document: Document) -> Self {
        Self {
            id: document.id,
            version: document.version,
            created_at: Micros(document.created_at_us).to_string(),
            updated_at: Micros(document.updated_at_us).to_string(),
            scorecard: match document.content {
                Value::Object(scorecard) => scorecard,
                _ => Map::new(),
            },
        }
    }
}

/// A page of scorecards.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScorecardPage {
    /// By id.
    pub items: Vec<ScorecardView>,
    /// The cursor of the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// Answers of a person about an interaction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"interaction_id": "call-20261120-000123", "answers": {"greeting": 2, "solved": null}}))]
pub struct ReviewCreate {
    /// The interaction.
    pub interaction_id: String,
    /// Points by question, from 0; null for what does not apply. What is left out is left to the machine.
    #[schema(value_type = Object)]
    pub answers: Map<String, Value>,
}

/// Answers of machine and person about an interaction.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewView {
    /// Its id.
    pub id: String,
    /// Version of the scorecard then.
    #[schema(example = 1)]
    pub scorecard_version: i64,
    /// The interaction.
    pub interaction_id: String,
    /// Its first agent, where known.
    pub agent_id: Option<String>,
    /// Who answered: the id of the key.
    pub reviewer: String,
    /// Points that the rules gave, by question.
    #[schema(value_type = Object)]
    pub machine: Answers,
    /// Points that the reviewer gave, by question; null for what does not apply.
    #[schema(value_type = Object)]
    pub human: Answers,
    /// Score by the rules alone, 0 to 1; null when they answer nothing.
    #[schema(example = 1.0)]
    pub machine_score: Option<f64>,
    /// Score in which the reviewer's answers take the place of the machine's, 0 to 1; null when nothing applies.
    #[schema(example = 0.5)]
    pub score: Option<f64>,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
}

/// Reviews of a scorecard.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewList {
    /// Newest first.
    pub items: Vec<ReviewView>,
    /// Always null: at most 10,000 are told.
    pub next_cursor: Option<String>,
}

/// Which reviews.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReviewFilters {
    /// Only of this interaction.
    #[param(example = "call-20261120-000123")]
    pub interaction_id: Option<String>,
}

/// What all reviews say together. Of one reviewer and interaction the newest counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScorecardSummary {
    /// The scorecard and its version, such as `service@1`.
    #[schema(example = "service@1")]
    pub definition: String,
    /// Reviews that count.
    pub n: usize,
    /// Mean score by the rules alone; zeros count.
    pub machine_mean: Option<f64>,
    /// Mean score with the answers of people; zeros count.
    pub mean: Option<f64>,
    /// By agent.
    pub agents: Vec<AgentScore>,
    /// How machine and people agree, by question that the machine answers.
    pub agreement: Vec<AgreementView>,
}

/// The scores of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentScore {
    /// The agent; null when not known.
    pub agent_id: Option<String>,
    /// Reviews that count.
    pub n: usize,
    /// Mean score with the answers of people; zeros count.
    pub mean: Option<f64>,
}

/// How machine and people agree on a question.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgreementView {
    /// The question.
    pub question: String,
    /// Reviews in which both have answered.
    pub n: u32,
    /// Share of equal answers (pass or fail).
    pub observed: Option<f64>,
    /// Cohen's kappa; null when everybody always says the same.
    pub kappa: Option<f64>,
}

/// List the scorecards
///
/// By id.
#[utoipa::path(
    operation_id = "scorecards_list",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(PageOf),
    responses(
        (status = 200, description = "The scorecards.", body = ScorecardPage, example = json!({
            "items": [{"id": "service", "version": 1, "created_at": "2026-11-20T03:15:07Z",
                "updated_at": "2026-11-20T03:15:07Z", "name": "Service",
                "questions": [{"id": "greeting", "text": "Did the agent greet?", "rule_id": "no-greeting"}]}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/scorecards")]
pub(in crate::api) async fn scorecards_list(
    state: web::Data<State>,
    query: web::Query<PageOf>,
) -> Result<web::Json<ScorecardPage>, ApiError> {
    let (items, next_cursor) = page(&state, DocumentKind::Scorecard, &query).await?;
    let items = items.into_iter().map(ScorecardView::from).collect();
    Ok(web::Json(ScorecardPage { items, next_cursor }))
}

/// Show a scorecard
#[utoipa::path(
    operation_id = "scorecard_get",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(("id" = String, Path, description = "The scorecard's id.", example = "service")),
    responses(
        (status = 200, description = "The scorecard, its version in `ETag`.", body = ScorecardView, example = json!({
            "id": "service", "version": 1, "created_at": "2026-11-20T03:15:07Z",
            "updated_at": "2026-11-20T03:15:07Z", "name": "Service",
            "questions": [{"id": "greeting", "text": "Did the agent greet?", "rule_id": "no-greeting"}]
        })),
        Problems,
    ),
)]
#[get("/v1/scorecards/{id}")]
pub(in crate::api) async fn scorecard_get(
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    Ok(answer(present(&state, &id).await?, false))
}

async fn present(state: &State, id: &str) -> Result<Document, ApiError> {
    let found = state.store.document(DocumentKind::Scorecard, id).await?;
    found.ok_or_else(|| changed("scorecard", 0))
}

/// Write a scorecard
///
/// `If-Match` names the version that is replaced; without it the scorecard must not exist yet.
#[utoipa::path(
    operation_id = "scorecard_put",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(
        ("id" = String, Path, description = "The scorecard's id.", example = "service"),
        ("If-Match" = Option<String>, Header, description = "The version that is replaced, or *.", example = "\"1\""),
    ),
    request_body(content = ScorecardDocument, description = "The scorecard.", content_type = "application/json"),
    responses(
        (status = 200, description = "The scorecard, its version in `ETag`; 201 when it was created.",
            body = ScorecardView, example = json!({
            "id": "service", "version": 2, "created_at": "2026-11-20T03:15:07Z",
            "updated_at": "2026-11-20T03:15:07Z", "name": "Service",
            "questions": [{"id": "greeting", "text": "Did the agent greet?", "rule_id": "no-greeting"}]
        })),
        Problems,
    ),
)]
#[put("/v1/scorecards/{id}")]
pub(in crate::api) async fn scorecard_put(
    state: web::Data<State>,
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
    body: Body<Value>,
) -> Result<HttpResponse, ApiError> {
    check_id(&id)?;
    let Body(mut scorecard) = body;
    if let Some(scorecard) = scorecard.as_object_mut() {
        for name in ["id", "version", "created_at", "updated_at"] {
            scorecard.remove(name);
        }
    }
    Scorecard::read(&scorecard).map_err(ApiError::parameters)?;
    let expected = if_match(&request)?.unwrap_or(Expected::Absent);
    let change = change(&state, &caller);
    let kind = DocumentKind::Scorecard;
    let stored = state
        .store
        .write_document(kind, &id, &scorecard, expected, &change)
        .await?;
    match stored {
        Stored::Created(document) => Ok(answer(document, true)),
        Stored::Updated(document) => Ok(answer(document, false)),
        Stored::Conflict(present) => Err(changed("scorecard", present)),
    }
}

/// Delete a scorecard
///
/// Its reviews stay.
#[utoipa::path(
    operation_id = "scorecard_delete",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(("id" = String, Path, description = "The scorecard's id.", example = "service")),
    responses(
        (status = 204, description = "It is deleted."),
        Problems,
    ),
)]
#[delete("/v1/scorecards/{id}")]
pub(in crate::api) async fn scorecard_delete(
    state: web::Data<State>,
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let expected = if_match(&request)?.unwrap_or(Expected::Any);
    let change = change(&state, &caller);
    let deleted = state
        .store
        .delete_document(DocumentKind::Scorecard, &id, expected, &change)
        .await?;
    deleted.map_err(|present| changed("scorecard", present))?;
    Ok(HttpResponse::NoContent().finish())
}

/// Review an interaction
///
/// The machine answers the questions that have a rule, from the findings of the interaction as they are now; both
/// answers are kept.
#[utoipa::path(
    operation_id = "review_create",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(("id" = String, Path, description = "The scorecard's id.", example = "service")),
    request_body(content = ReviewCreate, description = "Interaction and answers.", content_type = "application/json"),
    responses(
        (status = 201, description = "The review.", body = ReviewView, example = json!({
            "id": "0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77", "scorecard_version": 1,
            "interaction_id": "call-20261120-000123", "agent_id": "a-17", "reviewer": "9f86d081884c7d65",
            "machine": {"greeting": 2.0}, "human": {"greeting": 0.0, "solved": null}, "machine_score": 1.0, "score": 0.0,
            "at": "2026-11-20T03:15:07Z"
        })),
        Problems,
    ),
)]
#[post("/v1/scorecards/{id}/reviews")]
pub(in crate::api) async fn review_create(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
    body: Body<ReviewCreate>,
) -> Result<HttpResponse, ApiError> {
    let document = present(&state, &id).await?;
    let card = read(&document)?;
    let human = card.answers(&body.answers).map_err(ApiError::parameters)?;
    let redactor = state.redactor.redactor();
    let interaction_id = redactor.id(&body.interaction_id).into_owned();
    let key = Value::String(interaction_id.clone());
    let found: Vec<Map<String, Value>> = fetch(&state, ONE, vec![key.clone()], 1).await?;
    let interaction = found
        .into_iter()
        .next()
        .ok_or_else(|| ApiError::new(ErrorCode::NotFound, "there is no such interaction"))?;
    let hits = of_interaction(&state, key).await?;
    let hits: BTreeSet<String> = hits.into_iter().map(|hit| hit.rule_id).collect();
    let machine = card.machine(&hits);
    let agent_id = interaction.get("agent_id").and_then(Value::as_str);
    let review = Review {
        id: uuid::Uuid::now_v7().to_string(),
        scorecard_id: document.id.clone(),
        scorecard_version: document.version,
        interaction_id,
        agent_id: agent_id.map(str::to_owned),
        reviewer: caller.actor.clone(),
        machine: json!(machine),
        human: json!(human),
        at_us: (state.clock)().0,
    };
    state
        .store
        .add_review(&review, &change(&state, &caller))
        .await?;
    Ok(HttpResponse::Created().json(view(&card, review)))
}

/// List reviews
///
/// Newest first.
#[utoipa::path(
    operation_id = "reviews_list",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(("id" = String, Path, description = "The scorecard's id.", example = "service"), ReviewFilters),
    responses(
        (status = 200, description = "The reviews.", body = ReviewList, example = json!({
            "items": [], "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/scorecards/{id}/reviews")]
pub(in crate::api) async fn reviews_list(
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<ReviewFilters>,
) -> Result<web::Json<ReviewList>, ApiError> {
    let card = read(&present(&state, &id).await?)?;
    let redactor = state.redactor.redactor();
    let interaction_id = query.interaction_id.as_deref();
    let interaction_id = interaction_id.map(|id| redactor.id(id).into_owned());
    let reviews = state
        .store
        .reviews(&id, interaction_id.as_deref(), MAX_REVIEWS)
        .await?;
    Ok(web::Json(ReviewList {
        items: reviews
            .into_iter()
            .map(|review| view(&card, review))
            .collect(),
        next_cursor: None,
    }))
}

/// Summarise a scorecard
///
/// Mean scores by the rules and with the answers of people, by agent too, and how machine and people agree.
#[utoipa::path(
    operation_id = "scorecard_summary",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(("id" = String, Path, description = "The scorecard's id.", example = "service")),
    responses(
        (status = 200, description = "The summary.", body = ScorecardSummary, example = json!({
            "definition": "service@1", "n": 50, "machine_mean": 0.8, "mean": 0.7,
            "agents": [{"agent_id": "a-17", "n": 50, "mean": 0.7}],
            "agreement": [{"question": "greeting", "n": 50, "observed": 0.7, "kappa": 0.4}]
        })),
        Problems,
    ),
)]
#[get("/v1/scorecards/{id}/summary")]
pub(in crate::api) async fn scorecard_summary(
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<web::Json<ScorecardSummary>, ApiError> {
    let document = present(&state, &id).await?;
    let card = read(&document)?;
    let reviews = state.store.reviews(&id, None, MAX_REVIEWS).await?;
    let mut seen = BTreeSet::new();
    let newest = reviews
        .into_iter()
        .filter(|review| seen.insert((review.reviewer.clone(), review.interaction_id.clone())));
    let views: Vec<ReviewView> = newest.map(|review| view(&card, review)).collect();
    let mut by_agent: BTreeMap<Option<&str>, Vec<Option<f64>>> = BTreeMap::new();
    for review in &views {
        let scores = by_agent.entry(review.agent_id.as_deref()).or_default();
        scores.push(review.score);
    }
    let agents = by_agent.into_iter().map(|(agent_id, scores)| AgentScore {
        agent_id: agent_id.map(str::to_owned),
        n: scores.len(),
        mean: mean(scores.into_iter()),
    });
    let agents = agents.collect();
    let pairs: Vec<(Answers, Answers)> = views
        .iter()
        .map(|review| (review.machine.clone(), review.human.clone()))
        .collect();
    let agreement = card.agreement(&pairs).into_iter();
    Ok(web::Json(ScorecardSummary {
        definition: format!("{}@{}", document.id, document.version),
        n: views.len(),
        machine_mean: mean(views.iter().map(|review| review.machine_score)),
        mean: mean(views.iter().map(|review| review.score)),
        agents,
        agreement: agreement
            .map(|one| AgreementView {
                question: one.question,
                n: one.n,
                observed: one.observed,
                kappa: one.kappa,
            })
            .collect(),
    }))
}

fn read(document: &Document) -> Result<Scorecard, ApiError> {
    Scorecard::read(&document.content)
        .map_err(|_| ApiError::internal("a stored scorecard can't be read"))
}

fn view(card: &Scorecard, review: Review) -> ReviewView {
    let machine: Answers = serde_json::from_value(review.machine).unwrap_or_default();
    let human: Answers = serde_json::from_value(review.human).unwrap_or_default();
    ReviewView {
        machine_score: card.score(&machine),
        score: card.score(&Scorecard::merged(&machine, &human)),
        id: review.id,
        scorecard_version: review.scorecard_version,
        interaction_id: review.interaction_id,
        agent_id: review.agent_id,
        reviewer: review.reviewer,
        machine,
        human,
        at: Micros(review.at_us).to_string(),
    }
}

fn answer(document: Document, is_new: bool) -> HttpResponse {
    let mut response = if is_new {
        HttpResponse::Created()
    } else {
        HttpResponse::Ok()
    };
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", document.version)) {
        response.insert_header((ETAG, tag));
    }
    response.json(ScorecardView::from(document))
}
