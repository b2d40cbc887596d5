//! `/v1/interventions`: dated changes, and what became of them; `/v1/knowledge/articles/{id}/effect`.
//!
//! Invariants: a change is recorded for topics that exist and for a day that has begun; topics of a record are set
//! once; a verdict is given after 14 and after 28 days and not before. Not here: how it is found (`jobs`, `insight`).

use std::collections::BTreeMap;

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, get, patch, post, web};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::auth::Caller;
use super::body::Body;
use super::describe::Problems;
use super::filters::Filters;
use super::problem::ApiError;
use super::rows::{fetch, statement};
use super::state::State;
use crate::domain::{Day, Micros};
use crate::enrich::segment::Segmenter;
use crate::error::{ErrorCode, FieldError};
use crate::insight::effect::{LOOKS, Verdict};
use crate::jobs::verdict_word;
use crate::query::listed;
use crate::store::Change;
use crate::store::article::{Content, DEFAULT_BASE};
use crate::store::intervention::{
    ArticleLink, FrozenTopics, Intervention, InterventionFilter, InterventionKind, NewIntervention,
    Origin,
};

const TOPICS: &str = statement!("api/topic_ids");
const EFFECTS: &str = statement!("api/effects_of");

const MAX_LIMIT: u64 = 1_000;
const DEFAULT_LIMIT: u64 = 100;
const MAX_TOPIC_ROWS: u64 = 100_000;
const MAX_EFFECTS: u64 = 2_000;
const MAX_OF_ARTICLE: u32 = 1_000;
/// Wordings of an article whose topics are looked at.
const MAX_WORDINGS: usize = 100;
const DEFINITION: &str = "effect@1";

/// Which changes; all given filters hold together.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InterventionFilters {
    /// `article`, `ivr_menu`, `app`, `policy`, `script` or `training`.
    #[param(example = "article")]
    pub kind: Option<String>,
    /// Its article; in the base `base`.
    #[param(example = "a-1")]
    pub article_id: Option<String>,
    /// The base of `article_id`.
    #[param(default = "default", example = "bank")]
    pub base: Option<String>,
    /// On this UTC day or later, YYYY-MM-DD.
    #[param(example = "2026-11-01")]
    pub from: Option<String>,
    /// Before this UTC day.
    #[param(example = "2026-12-01")]
    pub to: Option<String>,
    /// Items of the page, 1 to 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100, example = 100)]
    pub limit: Option<String>,
    /// Where the page begins: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A change to record.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "ivr_menu", "title": "账单菜单提前", "date": "2026-11-18", "topics": ["t-1-12"]}))]
pub struct InterventionInput {
    /// `article`, `ivr_menu`, `app`, `policy`, `script` or `training`.
    #[schema(example = "ivr_menu")]
    pub kind: String,
    /// What it is called, 1 to 300 characters.
    #[schema(example = "账单菜单提前")]
    pub title: String,
    /// First UTC day on which customers met it, not after today; today when left out.
    #[serde(default)]
    #[schema(example = "2026-11-18")]
    pub date: Option<String>,
    /// The topics that it is for, 1 to 50 ids of `GET /v1/topics`.
    #[schema(example = json!(["t-1-12"]))]
    pub topics: Vec<String>,
    /// The article, for a change of the knowledge base.
    #[serde(default)]
    pub article: Option<ArticleKey>,
}

/// Topics for a record that has none yet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"topics": ["t-1-12"]}))]
pub struct InterventionTopics {
    /// The topics that it is for, 1 to 50 ids of `GET /v1/topics`.
    #[schema(example = json!(["t-1-12"]))]
    pub topics: Vec<String>,
}

/// An article.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ArticleKey {
    /// Its base; `default` when left out.
    #[serde(default = "default_base")]
    #[schema(example = "bank")]
    pub base: String,
    /// Its id.
    #[schema(example = "a-1")]
    pub id: String,
    /// The version that was published.
    #[serde(default)]
    #[schema(example = 3)]
    pub version: Option<i64>,
}

fn default_base() -> String {
    DEFAULT_BASE.to_owned()
}

/// A recorded change.
#[derive(Debug, Serialize, ToSchema)]
pub struct InterventionView {
    /// Its id.
    #[schema(example = "i-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")]
    pub id: String,
    /// `article`, `ivr_menu`, `app`, `policy`, `script` or `training`.
    #[schema(example = "article")]
    pub kind: String,
    /// What it is called.
    #[schema(example = "怎么修改密码")]
    pub title: String,
    /// First UTC day on which customers met it.
    #[schema(example = "2026-11-18")]
    pub date: String,
    /// The topics that it is for; empty until they are known.
    #[schema(example = json!(["t-1-12"]))]
    pub topics: Vec<String>,
    /// The topic run that knew them.
    #[schema(example = "4")]
    pub topic_run: Option<String>,
    /// The article.
    pub article: Option<ArticleKey>,
    /// The gap that it closes.
    #[schema(example = "g-12")]
    pub gap_id: Option<String>,
    /// `recorded` by somebody, or `published` with an article.
    #[schema(value_type = String, example = "published")]
    pub origin: Origin,
    /// The key that made it.
    #[schema(example = "9f86d081884c7d65")]
    pub created_by: String,
    /// When it was made.
    #[schema(format = DateTime, example = "2026-11-18T03:15:07Z")]
    pub created_at: String,
}

/// A page of changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct InterventionPage {
    /// Newest day first.
    pub items: Vec<InterventionView>,
    /// The cursor of the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// What became of a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct EffectView {
    /// The definition of the measure, with its version.
    #[schema(example = "effect@1")]
    pub definition: String,
    /// The change.
    pub intervention: InterventionView,
    /// The last verdict: `helped`, `no_effect`, `harmed`, `not_comparable`; `too_early` before the first one.
    #[schema(example = "helped")]
    pub verdict: String,
    /// The day on which the next verdict can be given; null after the last one.
    #[schema(example = "2026-12-16")]
    pub next_verdict_on: Option<String>,
    /// Every verdict, by day.
    pub looks: Vec<EffectLook>,
    /// The time before which every source has delivered.
    #[schema(format = DateTime, example = "2026-12-05T03:15:07Z")]
    pub watermark: Option<String>,
}

/// What became of the changes of an article.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArticleEffects {
    /// Newest change first, at most 1,000.
    pub items: Vec<EffectView>,
}

/// A verdict.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EffectLook {
    #[serde(skip_serializing)]
    #[schema(ignore)]
    intervention_id: String,
    /// The topic run that told topics apart.
    #[schema(example = "4")]
    pub topic_run: Option<String>,
    /// 14 or 28.
    #[schema(example = 14)]
    pub days_after: i32,
    /// `helped`, `no_effect`, `harmed` or `not_comparable`.
    #[schema(example = "helped")]
    pub verdict: String,
    /// Relative change of human-handled contacts against topics alike: -0.2 is a fifth less.
    #[schema(example = -0.2)]
    pub change: Option<f64>,
    /// Lower end of its 90 % interval.
    #[schema(example = -0.29)]
    pub change_low: Option<f64>,
    /// Upper end of its 90 % interval.
    #[schema(example = -0.1)]
    pub change_high: Option<f64>,
    /// Two-sided p-value of no change.
    #[schema(example = 0.002)]
    pub p_value: Option<f64>,
    /// The same among all verdicts of the month (Benjamini-Hochberg).
    #[schema(example = 0.01)]
    pub q_value: Option<f64>,
    /// p-value of the test that both sides moved alike before.
    #[schema(example = 0.6)]
    pub pre_trend_p_value: Option<f64>,
    /// Topics that it was compared with.
    #[schema(example = json!(["t-1-3", "t-1-8"]))]
    pub controls: Vec<String>,
    /// Customers that were active in these days.
    #[schema(example = 42_000)]
    pub active_customers: Option<i64>,
    /// Days before that were compared with.
    #[schema(example = 28)]
    pub days_before: Option<i32>,
    /// Human-handled contacts on those days.
    #[schema(example = 1_400)]
    pub contacts_before: Option<i64>,
    /// Human-handled contacts on the days after.
    #[schema(example = 1_100)]
    pub contacts_after: Option<i64>,
    /// Human-handled contacts for each 1,000 active customers and day, before.
    #[schema(example = 1.19)]
    pub rate_before: Option<f64>,
    /// The same after.
    #[schema(example = 0.94)]
    pub rate_after: Option<f64>,
    /// Share of these contacts with a transfer, before.
    #[schema(example = 0.12)]
    pub transfer_before: Option<f64>,
    /// The same after.
    #[schema(example = 0.11)]
    pub transfer_after: Option<f64>,
    /// Share that follows one of the same customer and topic within 7 days, before.
    #[schema(example = 0.2)]
    pub repeat_before: Option<f64>,
    /// The same after.
    #[schema(example = 0.15)]
    pub repeat_after: Option<f64>,
    /// Handle minutes of a contact, before.
    #[schema(example = 6.1)]
    pub handle_minutes_before: Option<f64>,
    /// The same after.
    #[schema(example = 5.9)]
    pub handle_minutes_after: Option<f64>,
    /// When it was measured.
    #[schema(format = DateTime, example = "2026-12-02T00:10:00Z")]
    pub measured_at: String,
}

#[derive(Debug, Deserialize)]
struct TopicRow {
    topic_id: String,
    name: Option<String>,
    run: Option<String>,
}

impl From<Intervention> for InterventionView {
    fn from(record: Intervention) -> Self {
        let content = record.content;
        Self {
            id: record.id,
            kind: content.kind.as_str().to_owned(),
            title: content.title,
            date: content.day.to_string(),
            topics: content.frozen.topics,
            topic_run: content.frozen.run,
            article: content.article.map(|link| ArticleKey {
                base: link.base,
                id: link.id,
                version: link.version,
            }),
            gap_id: content.gap_id,
            origin: record.origin,
            created_by: record.created_by,
            created_at: Micros(record.created_at_us).to_string(),
        }
    }
}

/// List the interventions
///
/// Dated changes whose effect is measured, newest first.
#[utoipa::path(
    operation_id = "interventions_list",
    tag = "interventions",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("interventions"))),
    params(InterventionFilters),
    responses(
        (status = 200, description = "The changes.", body = InterventionPage, example = json!({
            "items": [{"id": "i-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77", "kind": "article", "title": "怎么修改密码",
                "date": "2026-11-18", "topics": ["t-1-12"], "topic_run": "4",
                "article": {"base": "bank", "id": "a-1", "version": 3}, "gap_id": "g-12", "origin": "published",
                "created_by": "9f86d081884c7d65", "created_at": "2026-11-18T03:15:07Z"}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/interventions")]
pub(super) async fn interventions_list(
    state: web::Data<State>,
    query: web::Query<InterventionFilters>,
) -> Result<web::Json<InterventionPage>, ApiError> {
    let asked = query.into_inner();
    let mut filters = Filters::default();
    let limit = filters
        .whole("limit", asked.limit.as_deref(), 1..=MAX_LIMIT)
        .unwrap_or(DEFAULT_LIMIT);
    let kind = filters.checked(
        "kind",
        asked.kind.as_deref(),
        kinds(asked.kind.as_deref().unwrap_or_default()),
        InterventionKind::parse,
    );
    let expected = "expected a day as YYYY-MM-DD";
    let mut day = |name, text: Option<String>| {
        filters.checked(name, text.as_deref(), expected, |text| {
            Day::parse(text).ok()
        })
    };
    let (from, to) = (day("from", asked.from), day("to", asked.to));
    let after = filters.checked(
        "cursor",
        asked.cursor.as_deref(),
        "expected `next_cursor` of a page",
        read_cursor,
    );
    filters.finish()?;
    let base = asked.base.unwrap_or_else(default_base);
    let filter = InterventionFilter {
        kind,
        article: asked.article_id.map(|id| (base, id)),
        from,
        to,
    };
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let length = u32::try_from(limit + 1).unwrap_or(u32::MAX);
    let after = after.as_ref().map(|(day, id)| (*day, id.as_str()));
    let mut found = state.store.interventions(&filter, after, length).await?;
    let has_more = found.len() > wanted;
    found.truncate(wanted);
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|last| {
        let place = format!("{} {}", last.content.day, last.id);
        BASE64URL_NOPAD.encode(place.as_bytes())
    });
    let items = found.into_iter().map(InterventionView::from).collect();
    Ok(web::Json(InterventionPage { items, next_cursor }))
}

fn read_cursor(text: &str) -> Option<(Day, String)> {
    let text = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
    let (day, id) = text.split_once(' ')?;
    Some((Day::parse(day).ok()?, id.to_owned()))
}

fn kinds(given: &str) -> String {
    let words = InterventionKind::ALL.map(InterventionKind::as_str);
    format!("expected one of {}", listed(given, words))
}

/// Record an intervention
///
/// A dated change for some topics. Publishing an article records one by itself.
#[utoipa::path(
    operation_id = "intervention_create",
    tag = "interventions",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("interventions"))),
    request_body(content = InterventionInput, description = "The change.", content_type = "application/json"),
    responses(
        (status = 201, description = "It is recorded.", body = InterventionView, example = json!({
            "id": "i-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77", "kind": "ivr_menu", "title": "账单菜单提前",
            "date": "2026-11-18", "topics": ["t-1-12"], "topic_run": "4", "article": null, "gap_id": null,
            "origin": "recorded", "created_by": "9f86d081884c7d65", "created_at": "2026-11-18T03:15:07Z"
        })),
        Problems,
    ),
)]
#[post("/v1/interventions")]
pub(super) async fn intervention_create(
    state: web::Data<State>,
    caller: Caller,
    body: Body<InterventionInput>,
) -> Result<HttpResponse, ApiError> {
    let Body(input) = body;
    let now = (state.clock)();
    let mut mistakes = Vec::new();
    let kind = InterventionKind::parse(&input.kind);
    if kind.is_none() {
        mistakes.push(mistake("kind", kinds(&input.kind)));
    }
    let today = now.day();
    let day = match input.date.as_deref().map(Day::parse) {
        None => today,
        Some(Ok(day)) => day,
        Some(Err(_)) => {
            mistakes.push(mistake(
                "date",
                format!("a day as YYYY-MM-DD, not after today ({today}, UTC)"),
            ));
            today
        }
    };
    let known = fetch(&state, TOPICS, Vec::new(), MAX_TOPIC_ROWS).await?;
    mistakes.extend(unknown_topics(&input.topics, &known));
    if let Some(link) = &input.article
        && state.store.article(&link.base, &link.id).await?.is_none()
    {
        let allowed = format!(
            "an article of the base `{}`; there is none with this id",
            link.base
        );
        mistakes.push(mistake("article/id", allowed));
    }
    let new = NewIntervention {
        kind: kind.unwrap_or(InterventionKind::Article),
        title: input.title.trim().to_owned(),
        day,
        frozen: frozen(input.topics, &known),
        article: input.article.map(|link| ArticleLink {
            base: link.base,
            id: link.id,
            version: link.version,
        }),
        gap_id: None,
    };
    let wrong = new.check(today).into_iter();
    mistakes.extend(wrong.map(|wrong| mistake(wrong.field, wrong.allowed)));
    if !mistakes.is_empty() {
        return Err(ApiError::parameters(mistakes));
    }
    let made = state
        .store
        .create_intervention(new, &change(&caller, now))
        .await?;
    let address = format!("/v1/interventions/{}", made.id);
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, address))
        .json(InterventionView::from(made)))
}

fn change(caller: &Caller, now: Micros) -> Change<'_> {
    Change {
        actor: &caller.actor,
        request_id: &caller.request_id,
        at_us: now.0,
    }
}

fn mistake(field: &str, allowed: impl Into<String>) -> FieldError {
    FieldError {
        pointer: format!("/{field}"),
        detail: allowed.into(),
    }
}

fn frozen(mut topics: Vec<String>, known: &[TopicRow]) -> FrozenTopics {
    topics.sort();
    topics.dedup();
    FrozenTopics {
        topics,
        run: known.first().and_then(|row| row.run.clone()),
    }
}

/// A mistake for each topic that does not exist, with those that do, closest first.
fn unknown_topics(topics: &[String], known: &[TopicRow]) -> Vec<FieldError> {
    if topics.is_empty() {
        return vec![mistake("topics", "at least one id of `GET /v1/topics`")];
    }
    let names: BTreeMap<&str, Option<&str>> = known
        .iter()
        .map(|row| (row.topic_id.as_str(), row.name.as_deref()))
        .collect();
    let unknown = topics.iter().enumerate();
    let unknown = unknown.filter(|(_, topic)| !names.contains_key(topic.as_str()));
    unknown
        .map(|(place, topic)| {
            let allowed = if names.is_empty() {
                "there are no topics yet; they come with the first topic run".to_owned()
            } else {
                let shown: Vec<String> = names
                    .iter()
                    .map(|(id, name)| {
                        name.map_or_else(|| (*id).to_owned(), |name| format!("{id} ({name})"))
                    })
                    .collect();
                let closest = listed(topic, shown.iter().map(String::as_str));
                format!("no such topic; known, closest first: {closest}")
            };
            mistake(&format!("topics/{place}"), allowed)
        })
        .collect()
}

/// Show an intervention
#[utoipa::path(
    operation_id = "intervention_get",
    tag = "interventions",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("interventions"))),
    params(("id" = String, Path, description = "Its id.", example = "i-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")),
    responses(
        (status = 200, description = "The change.", body = InterventionView, example = json!({
            "id": "i-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77", "kind": "ivr_menu", "title": "账单菜单提前",
            "date": "2026-11-18", "topics": ["t-1-12"], "topic_run": "4", "article": null, "gap_id": null,
            "origin": "recorded", "created_by": "9f86d081884c7d65", "created_at": "2026-11-18T03:15:07Z"
        })),
        Problems,
    ),
)]
#[get("/v1/interventions/{id}")]
pub(super) async fn intervention_get(
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<web::Json<InterventionView>, ApiError> {
    let record = state.store.intervention(&id).await?.ok_or_else(missing)?;
    Ok(web::Json(record.into()))
}

/// The topics of what an article answers, as the topics that hold now tell them apart: that of its question, and every
/// one that a third of all its wordings have. None before the first topic run.
pub(super) fn topics_of(state: &State, content: &Content) -> FrozenTopics {
    let Some(topics) = state.topics.topics.requests.slot.get() else {
        return FrozenTopics::default();
    };
    let segmenter = Segmenter::shared();
    let judge = |text: &String| topics.judge(segmenter, text).shown;
    let wordings = content.similar_questions.iter().take(MAX_WORDINGS);
    let given: Vec<String> = wordings.filter_map(judge).collect();
    let mut votes: BTreeMap<String, usize> = BTreeMap::new();
    for topic in given.iter().cloned() {
        *votes.entry(topic).or_default() += 1;
    }
    votes.retain(|_, votes| *votes * 3 >= given.len().max(1));
    let mut topics_found: Vec<String> = votes.into_keys().collect();
    topics_found.extend(judge(&content.question));
    topics_found.sort();
    topics_found.dedup();
    FrozenTopics {
        run: Some(topics.run.to_string()),
        topics: topics_found,
    }
}

fn missing() -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        "there is no such intervention; `GET /v1/interventions` lists them",
    )
}

/// Name the topics of an intervention
///
/// For a record that was opened before its topics were known. They are set once: what is measured does not change
/// under way.
#[utoipa::path(
    operation_id = "intervention_topics",
    tag = "interventions",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("interventions"))),
    params(("id" = String, Path, description = "Its id.", example = "i-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")),
    request_body(content = InterventionTopics, description = "The topics.", content_type = "application/json"),
    responses(
        (status = 200, description = "The change with its topics.", body = InterventionView, example = json!({
            "id": "i-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77", "kind": "article", "title": "怎么修改密码",
            "date": "2026-11-18", "topics": ["t-1-12"], "topic_run": "4",
            "article": {"base": "bank", "id": "a-1", "version": 3}, "gap_id": null, "origin": "published",
            "created_by": "9f86d081884c7d65", "created_at": "2026-11-18T03:15:07Z"
        })),
        Problems,
    ),
)]
#[patch("/v1/interventions/{id}")]
pub(super) async fn intervention_topics(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
    body: Body<InterventionTopics>,
) -> Result<web::Json<InterventionView>, ApiError> {
    let Body(input) = body;
    state.store.intervention(&id).await?.ok_or_else(missing)?;
    let known = fetch(&state, TOPICS, Vec::new(), MAX_TOPIC_ROWS).await?;
    let mistakes = unknown_topics(&input.topics, &known);
    if !mistakes.is_empty() {
        return Err(ApiError::parameters(mistakes));
    }
    let frozen = frozen(input.topics, &known);
    let change = change(&caller, (state.clock)());
    if !state.store.freeze_topics(&id, &frozen, &change).await? {
        return Err(ApiError::new(
            ErrorCode::Conflict,
            "the record has its topics; record another intervention for other topics",
        ));
    }
    let record = state.store.intervention(&id).await?.ok_or_else(missing)?;
    Ok(web::Json(record.into()))
}

/// Show the effect of an intervention
///
/// Human-handled contacts of its topics before and after, against topics alike without a change; verdicts after 14
/// and 28 days.
#[utoipa::path(
    operation_id = "intervention_effect",
    tag = "interventions",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("interventions"))),
    params(("id" = String, Path, description = "Its id.", example = "i-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")),
    responses(
        (status = 200, description = "What became of it.", body = EffectView, example = json!({
            "definition": "effect@1", "intervention": {"id": "i-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77",
                "kind": "ivr_menu", "title": "账单菜单提前", "date": "2026-11-18", "topics": ["t-1-12"],
                "topic_run": "4", "article": null, "gap_id": null, "origin": "recorded",
                "created_by": "9f86d081884c7d65", "created_at": "2026-11-18T03:15:07Z"},
            "verdict": "too_early", "next_verdict_on": "2026-12-02", "looks": [], "watermark": null
        })),
        Problems,
    ),
)]
#[get("/v1/interventions/{id}/effect")]
pub(super) async fn intervention_effect(
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<web::Json<EffectView>, ApiError> {
    let record = state.store.intervention(&id).await?.ok_or_else(missing)?;
    let asked = vec![Value::String(record.id.clone()), Value::Null, Value::Null];
    let looks: Vec<EffectLook> = fetch(&state, EFFECTS, asked, MAX_EFFECTS).await?;
    Ok(web::Json(effect_view(&state, record, looks)))
}

/// Show the effect of an article
///
/// What became of each change of it, newest first.
#[utoipa::path(
    operation_id = "article_effect",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("interventions"))),
    params(
        ("id" = String, Path, description = "The article's id, percent-encoded.", example = "a-1"),
        super::knowledge::articles::InBase,
    ),
    responses(
        (status = 200, description = "What became of its changes.", body = ArticleEffects,
            example = json!({"items": []})),
        Problems,
    ),
)]
#[get("/v1/knowledge/articles/{id}/effect")]
pub(super) async fn article_effect(
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<super::knowledge::articles::InBase>,
) -> Result<web::Json<ArticleEffects>, ApiError> {
    let base = query.name().to_owned();
    let id = id.into_inner();
    if state.store.article_versions(&base, &id).await?.is_empty() {
        return Err(ApiError::new(
            ErrorCode::NotFound,
            "there is no such article",
        ));
    }
    let filter = InterventionFilter {
        article: Some((base.clone(), id.clone())),
        ..InterventionFilter::default()
    };
    let records = state
        .store
        .interventions(&filter, None, MAX_OF_ARTICLE)
        .await?;
    let asked = vec![Value::Null, Value::String(base), Value::String(id)];
    let looks: Vec<EffectLook> = fetch(&state, EFFECTS, asked, MAX_EFFECTS).await?;
    let items = records.into_iter().map(|record| {
        let own = looks
            .iter()
            .filter(|look| look.intervention_id == record.id);
        let own = own.cloned().collect();
        effect_view(&state, record, own)
    });
    Ok(web::Json(ArticleEffects {
        items: items.collect(),
    }))
}

fn effect_view(state: &State, record: Intervention, looks: Vec<EffectLook>) -> EffectView {
    let last = looks.last();
    let given = last.map_or(0, |look| look.days_after);
    let next = LOOKS
        .into_iter()
        .filter_map(|days| i32::try_from(days).ok());
    let next = next.filter(|days| *days > given).min();
    let verdict = last.map_or(verdict_word(Verdict::TooEarly), |look| &look.verdict);
    EffectView {
        definition: DEFINITION.to_owned(),
        verdict: verdict.to_owned(),
        next_verdict_on: next.map(|days| Day(record.content.day.0 + days).to_string()),
        intervention: record.into(),
        looks,
        watermark: state.watermark().map(|at| at.to_string()),
    }
}
