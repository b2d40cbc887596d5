//! What people decide about topics: names, pins, merges and their end.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, patch, post, web};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::super::auth::Caller;
use super::super::body::Body;
use super::super::describe::Problems;
use super::super::problem::ApiError;
use super::super::state::State;
use super::Basis;
use super::one::{MergeView, TopicDetail, detail, tagged, unknown};
use super::rows::Known;
use crate::error::ErrorCode;
use crate::store::Change;
use crate::store::topic::{Merging, TopicPatch, Undoing};

const MAX_NAME_CHARS: usize = 200;

/// A change of a topic; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "取消宽带", "pinned": true}))]
pub struct TopicChange {
    /// What it is called from now on, 1 to 200 characters; null gives it its label back.
    #[serde(default, deserialize_with = "told")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Option<String>>,
    /// Whether it keeps its id in the topic that has most of it, whatever a run finds.
    #[serde(default)]
    pub pinned: Option<bool>,
}

/// Tells null from nothing.
fn told<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

/// Where a topic goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"into": "t-1-4"}))]
pub struct TopicMergeRequest {
    /// The topic that it becomes a part of.
    #[schema(example = "t-1-4")]
    pub into: String,
}

fn change<'a>(state: &State, caller: &'a Caller) -> Change<'a> {
    Change {
        actor: &caller.actor,
        request_id: &caller.request_id,
        at_us: (state.clock)().0,
    }
}

/// The version that a change builds on; `None`: whatever it is. Without `If-Match` nobody may have decided before.
fn expected(request: &HttpRequest) -> Result<Option<i64>, ApiError> {
    let Some(value) = request.headers().get(header::IF_MATCH) else {
        return Ok(Some(0));
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.trim_start_matches("W/").trim_matches('"').parse();
    version.map(Some).map_err(|_| {
        let detail = "expected the `ETag` of the topic, such as \"3\", or *";
        ApiError::parameter("/If-Match", detail)
    })
}

fn patch_of(state: &State, asked: TopicChange) -> Result<TopicPatch, ApiError> {
    let name = match asked.name {
        None => None,
        Some(None) => Some(None),
        Some(Some(name)) => {
            let name = state.redactor.redactor().text(name.trim()).into_owned();
            let length = name.chars().count();
            if !(1..=MAX_NAME_CHARS).contains(&length) || name.chars().any(char::is_control) {
                let detail = format!("1 to {MAX_NAME_CHARS} characters in one line, or null");
                return Err(ApiError::parameter("/name", detail));
            }
            Some(Some(name))
        }
    };
    if name.is_none() && asked.pinned.is_none() {
        return Err(ApiError::parameter(
            "/name",
            "expected `name`, `pinned` or both",
        ));
    }
    Ok(TopicPatch {
        name,
        pinned: asked.pinned,
    })
}

/// Rename or pin a topic
///
/// What people decide holds in every later run until it is changed again.
#[utoipa::path(
    operation_id = "topic_change",
    tag = "topics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("topics_write"))),
    params(
        ("id" = String, Path, description = "The topic's id.", example = "t-1-4"),
        ("If-Match" = Option<String>, Header, description = "The version that is changed, or *. Needed once somebody \
            has changed it before.", example = "\"1\""),
    ),
    request_body(content = TopicChange, description = "What changes.", content_type = "application/json"),
    responses(
        (status = 200, description = "The topic, its new version in `ETag`.", body = TopicDetail, example = json!({
            "id": "t-1-4", "name": "取消宽带", "label": "取消 · 宽带", "keywords": ["取消", "宽带"],
            "status": "active", "pinned": true, "merged_into": null, "version": 2, "first_run": 1, "run": 3,
            "requests": 412, "share": 0.027,
            "trend": {"latest": 96, "before": 210, "ratio": 1.83, "low": 1.44, "high": 2.32, "q": 0.0004,
                "rising": true},
            "exemplars": ["我要取消宽带"], "size": 400, "basis": "restated",
            "days": [{"day": "2026-11-20", "requests": 14}], "lineage": [], "merges": []
        })),
        Problems,
    ),
)]
#[patch("/v1/topics/{id}")]
pub(in super::super) async fn topic_change(
    state: web::Data<State>,
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
    body: Body<TopicChange>,
) -> Result<HttpResponse, ApiError> {
    let Body(asked) = body;
    let patch = patch_of(&state, asked)?;
    let expected = expected(&request)?;
    if Known::read(&state).await?.row(&id).is_none() {
        return Err(unknown());
    }
    let change = change(&state, &caller);
    let decided = state.store.decide_topic(&id, &patch, expected, &change);
    if let Err(present) = decided.await? {
        let detail =
            format!("the topic is version {present}; read it, then send `If-Match: \"{present}\"`");
        return Err(ApiError::new(ErrorCode::PreconditionFailed, detail));
    }
    state.topics.wake();
    Ok(tagged(detail(&state, &id, Basis::Restated).await?))
}

/// Make a topic a part of another
///
/// Its requests count for the other one from now on, in every later run too; restated figures show it for the past.
/// The runs go on to know it, so the merge can be taken back at any time.
#[utoipa::path(
    operation_id = "topic_merge",
    tag = "topics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("topics_write"))),
    params(("id" = String, Path, description = "The id of the part.", example = "t-1-9")),
    request_body(content = TopicMergeRequest, description = "The whole.", content_type = "application/json"),
    responses(
        (status = 200, description = "It holds.", body = MergeView, example = json!({
            "id": "m-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77", "from": "t-1-9", "into": "t-1-4",
            "at": "2026-11-20T03:15:07Z", "undone_at": null
        })),
        Problems,
    ),
)]
#[post("/v1/topics/{id}/merge")]
pub(in super::super) async fn topic_merge(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
    body: Body<TopicMergeRequest>,
) -> Result<web::Json<MergeView>, ApiError> {
    let known = Known::read(&state).await?;
    if known.row(&id).is_none() {
        return Err(unknown());
    }
    if known.row(&body.into).is_none() {
        let detail = "there is no such topic; `GET /v1/topics` lists them";
        return Err(ApiError::parameter("/into", detail));
    }
    let merge = format!("m-{}", caller.request_id);
    let change = change(&state, &caller);
    let done = state.store.merge_topic(&merge, &id, &body.into, &change);
    let merged = match done.await? {
        Merging::Merged(merged) => merged,
        Merging::Taken(whole) => {
            let detail =
                format!("the topic is a part of {whole} already; take that merge back first");
            return Err(ApiError::new(ErrorCode::Conflict, detail));
        }
        Merging::Circle => {
            let detail = "expected another topic, which is not a part of this one";
            return Err(ApiError::parameter("/into", detail));
        }
    };
    state.topics.wake();
    Ok(web::Json(merged.into()))
}

/// Take a merge back
///
/// The part is a topic of its own again, for the past as well.
#[utoipa::path(
    operation_id = "topic_merge_undo",
    tag = "topics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("topics_write"))),
    params(("id" = String, Path, description = "The merge's id.",
        example = "m-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")),
    responses(
        (status = 200, description = "It no longer holds.", body = MergeView, example = json!({
            "id": "m-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77", "from": "t-1-9", "into": "t-1-4",
            "at": "2026-11-20T03:15:07Z", "undone_at": "2026-11-21T08:00:00Z"
        })),
        Problems,
    ),
)]
#[post("/v1/topics/merges/{id}/undo")]
pub(in super::super) async fn topic_merge_undo(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<web::Json<MergeView>, ApiError> {
    let change = change(&state, &caller);
    match state.store.undo_topic_merge(&id, &change).await? {
        Undoing::Undone(merge) => {
            state.topics.wake();
            Ok(web::Json(merge.into()))
        }
        Undoing::Already => Err(ApiError::new(
            ErrorCode::Conflict,
            "the merge was taken back before",
        )),
        Undoing::NotFound => Err(ApiError::new(
            ErrorCode::NotFound,
            "there is no such merge; `GET /v1/topics/{id}` shows those of a topic",
        )),
    }
}
