//! What people decide about a gap: assign, rename, accept, reject, merge, split, link, and the last of these undone.
//!
//! Invariants: a change without `If-Match` is one of a gap that nobody has decided about; a circle of merges is refused
//! with the way that it would take; an undo takes an article back only when nobody has changed it since.

use actix_web::{HttpRequest, HttpResponse, patch, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::board::{Board, moved, unknown};
use super::list::shown;
use super::view::GapView;
use crate::api::auth::Caller;
use crate::api::body::Body;
use crate::api::describe::Problems;
use crate::api::knowledge::articles::write_content;
use crate::api::knowledge::{change, if_match};
use crate::api::problem::ApiError;
use crate::api::state::State;
use crate::error::ErrorCode;
use crate::store::article::{Content, Expected, MAX_SIMILAR_QUESTIONS, Written};
use crate::store::gap::{
    GapAction, GapArticle, GapReview, GapStatus, GapWrite, RejectReason, SplitOff, check_merge,
};

/// Longest name, title or note, characters.
const MAX_CHARS: usize = 1_000;
/// Most requests that a split begins with.
const MAX_SPLIT: usize = 1_000;
/// Questions of the evidence that are taken by themselves.
const OWN_QUESTIONS: usize = 5;
/// A longer request is no question for an index, characters.
const LONGEST_QUESTION: usize = 60;

/// One decision about a gap. `action` says which; the other fields belong to it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"action": "reject", "reason": "for_people", "note": "每次都要核对证件"}))]
pub struct GapPatch {
    /// `assign` (`assignee`), `rename` (`title`), `accept`, `reject` (`reason`, `note`), `merge` (`into`), `split`
    /// (`requests`, `title`) or `link` (`article_id`, `questions`).
    pub action: String,
    /// Who works on it; null takes it from whoever does.
    pub assignee: Option<String>,
    /// What it is called; of a split, the new gap.
    pub title: Option<String>,
    /// `out_of_scope` (its requests no longer count as failures), `not_a_gap`, `too_small`, `for_people` or `other`.
    pub reason: Option<String>,
    /// More about the decision.
    pub note: Option<String>,
    /// The gap that it becomes part of.
    pub into: Option<String>,
    /// Requests of its evidence that become a gap of their own, with all that is nearer to them than to the rest.
    pub requests: Option<Vec<String>>,
    /// The article that answers it, in the gap's base.
    pub article_id: Option<String>,
    /// Questions that are added to the article; without them the shortest of the evidence.
    pub questions: Option<Vec<String>>,
}

/// Decide about a gap
///
/// `If-Match` has the version that the caller has seen; 412 says that somebody else was faster. Every decision can be
/// undone. Merges and splits shape the figures from the next run on.
#[utoipa::path(
    operation_id = "gap_patch",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge_write"))),
    params(
        ("id" = String, Path, description = "The gap's id.", example = "g-1f3a90c2"),
        ("If-Match" = Option<String>, Header, description = "The version that was seen, or *. \"0\" when left out.",
            example = "\"0\""),
    ),
    request_body(content = GapPatch, description = "The decision.", content_type = "application/json"),
    responses(
        (status = 200, description = "The gap, its version in `ETag`.", body = super::view::GapDetail, example = json!({
            "id": "g-1f3a90c2", "version": 1, "status": "rejected", "reason": "for_people", "evidence": [], "drafts": [],
            "history": []
        })),
        Problems,
    ),
)]
#[patch("/v1/knowledge/gaps/{id}")]
pub(in crate::api) async fn gap_patch(
    state: web::Data<State>,
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
    body: Body<GapPatch>,
) -> Result<HttpResponse, ApiError> {
    let Body(asked) = body;
    // Decisions follow each other, so an article is not written for one that comes too late.
    let _writing = state.knowledge.writing().await;
    let board = Board::read(&state, Some(&id)).await?;
    let gap = board.view(&id).ok_or_else(unknown)?;
    let expected = expected(&request)?;
    let (mut review, version) = board.review(&id);
    if expected.is_some_and(|expected| expected != version) {
        return Err(moved(version));
    }
    if gap.status == GapStatus::Merged.as_str() && asked.action != "assign" {
        return Err(ApiError::new(
            ErrorCode::Conflict,
            "the gap is part of another one; undo the merge first",
        ));
    }
    let action = decide((&state, &caller), (&board, gap), asked, &mut review).await?;
    write(&state, &caller, &id, (Some(version), action, None), review).await?;
    shown(&state, &id).await
}

/// What the decision makes of the review.
async fn decide(
    (state, caller): (&State, &Caller),
    (board, gap): (&Board, GapView),
    asked: GapPatch,
    review: &mut GapReview,
) -> Result<GapAction, ApiError> {
    Ok(match asked.action.as_str() {
        "assign" => {
            review.assignee = short("/assignee", asked.assignee)?;
            GapAction::Assign
        }
        "rename" => {
            review.title = Some(needed("/title", short("/title", asked.title)?)?);
            GapAction::Rename
        }
        "accept" => {
            review.status = GapStatus::Accepted;
            GapAction::Accept
        }
        "reject" => {
            reject(review, asked)?;
            review.title.get_or_insert(gap.title);
            review.rejected_at = gap
                .figures
                .impact
                .map(|impact| impact.customers_per_week.value);
            GapAction::Reject
        }
        "merge" => {
            let into = needed("/into", asked.into)?;
            merge(state, &gap.id, &into).await?;
            review.title.get_or_insert(gap.title);
            review.status = GapStatus::Merged;
            review.merged_into = Some(into);
            GapAction::Merge
        }
        "split" => {
            review.splits.push(split(board, &gap.id, asked)?);
            GapAction::Split
        }
        "link" => {
            let article = link(state, caller, board, &gap.id, asked).await?;
            review.status = GapStatus::Linked;
            review.article = Some(article);
            GapAction::Link
        }
        _ => {
            return Err(ApiError::parameter(
                "/action",
                "expected assign, rename, accept, reject, merge, split or link",
            ));
        }
    })
}

/// Undo the last decision about a gap
///
/// The last that is not undone. What it wrote into an article is taken back when nobody has changed the article since.
#[utoipa::path(
    operation_id = "gap_undo",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge_write"))),
    params(
        ("id" = String, Path, description = "The gap's id.", example = "g-1f3a90c2"),
        ("If-Match" = Option<String>, Header, description = "The version that was seen, or *. \"0\" when left out.",
            example = "\"1\""),
    ),
    responses(
        (status = 200, description = "The gap, its version in `ETag`.", body = super::view::GapDetail, example = json!({
            "id": "g-1f3a90c2", "version": 2, "status": "open", "evidence": [], "drafts": [], "history": []
        })),
        Problems,
    ),
)]
#[post("/v1/knowledge/gaps/{id}/undo")]
pub(in crate::api) async fn gap_undo(
    state: web::Data<State>,
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let expected = expected(&request)?;
    let _writing = state.knowledge.writing().await;
    let present = state.store.gap_review(&id).await?.ok_or_else(unknown)?;
    if expected.is_some_and(|expected| expected != present.version) {
        return Err(moved(present.version));
    }
    let changes = state.store.gap_changes(&id).await?;
    let undo = GapAction::Undo.as_str();
    let last = changes
        .into_iter()
        .find(|one| !one.is_undone && one.action != undo);
    let last = last.ok_or_else(|| {
        ApiError::new(
            ErrorCode::Conflict,
            "there is no decision about this gap that could be undone",
        )
    })?;
    if last.after.article != last.before.article
        && let Some(article) = &last.after.article
    {
        take_back(&state, &caller, article).await?;
    }
    let version = Some(present.version);
    write(
        &state,
        &caller,
        &id,
        (version, GapAction::Undo, Some(last.version)),
        last.before,
    )
    .await?;
    shown(&state, &id).await
}

/// The version that the caller has seen; `None` takes any.
pub(super) fn expected(request: &HttpRequest) -> Result<Option<i64>, ApiError> {
    Ok(match if_match(request)? {
        Some(Expected::Any) => None,
        Some(Expected::Version(version)) => Some(version),
        Some(Expected::Absent) | None => Some(0),
    })
}

/// Writes a decision: the version that was seen, what is done, and which change it takes back.
pub(super) async fn write(
    state: &State,
    caller: &Caller,
    gap_id: &str,
    (expected, action, undoes): (Option<i64>, GapAction, Option<i64>),
    review: GapReview,
) -> Result<(), ApiError> {
    let write = GapWrite {
        gap_id,
        expected,
        action,
        review,
        undoes,
    };
    let written = state
        .store
        .review_gap(write, &change(state, caller))
        .await?;
    written.map(|_| ()).map_err(moved)
}

fn short(pointer: &str, text: Option<String>) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.trim().is_empty() || text.chars().count() > MAX_CHARS => {
            let expected = format!("1 to {MAX_CHARS} characters, not blank");
            Err(ApiError::parameter(pointer, expected))
        }
        text => Ok(text),
    }
}

fn needed<T>(pointer: &str, value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::parameter(pointer, "this action needs it"))
}

fn reject(review: &mut GapReview, asked: GapPatch) -> Result<(), ApiError> {
    let allowed = "expected out_of_scope, not_a_gap, too_small, for_people or other";
    let reason = asked.reason.as_deref().and_then(RejectReason::parse);
    let reason = reason.ok_or_else(|| ApiError::parameter("/reason", allowed))?;
    let note = short("/note", asked.note)?;
    if reason == RejectReason::Other && note.is_none() {
        return Err(ApiError::parameter(
            "/note",
            "the reason `other` needs a note",
        ));
    }
    review.status = GapStatus::Rejected;
    review.reason = Some(reason);
    review.note = note;
    Ok(())
}

async fn merge(state: &State, id: &str, into: &str) -> Result<(), ApiError> {
    let all = Board::read(state, None).await?;
    let target = all.view(into).ok_or_else(|| {
        ApiError::parameter(
            "/into",
            "there is no such gap; `GET /v1/knowledge/gaps?status=any` lists them",
        )
    })?;
    check_merge(&all.merged(), id, into).map_err(|way| {
        let detail = format!(
            "the merge would go in a circle: {} -> {}",
            id,
            way.join(" -> ")
        );
        ApiError::parameter("/into", detail)
    })?;
    let own = all.view(id).and_then(|gap| gap.base);
    if own.is_some() && target.base.is_some() && own != target.base {
        return Err(ApiError::parameter(
            "/into",
            "expected a gap of the same base",
        ));
    }
    Ok(())
}

fn split(board: &Board, id: &str, asked: GapPatch) -> Result<SplitOff, ApiError> {
    let title = needed("/title", short("/title", asked.title)?)?;
    let requests = asked.requests.unwrap_or_default();
    if requests.is_empty() || requests.len() > MAX_SPLIT {
        let expected = format!("1 to {MAX_SPLIT} ids of requests of this gap's evidence");
        return Err(ApiError::parameter("/requests", expected));
    }
    let evidence = board
        .rows
        .get(id)
        .and_then(|row| row.evidence.clone())
        .unwrap_or_default();
    let unknown = requests
        .iter()
        .position(|request| !evidence.contains(&format!("\"{request}\"")));
    if let Some(place) = unknown {
        return Err(ApiError::parameter(
            format!("/requests/{place}"),
            "expected the id of a request of this gap's evidence",
        ));
    }
    let into = format!("g-{}", uuid::Uuid::now_v7().simple());
    Ok(SplitOff {
        into,
        title,
        requests,
    })
}

async fn link(
    state: &State,
    caller: &Caller,
    board: &Board,
    id: &str,
    asked: GapPatch,
) -> Result<GapArticle, ApiError> {
    let article_id = needed("/article_id", asked.article_id)?;
    let base = board.view(id).and_then(|gap| gap.base).unwrap_or_default();
    let missing = || ApiError::parameter("/article_id", "expected an article of the gap's base");
    let article = state
        .store
        .article(&base, &article_id)
        .await?
        .ok_or_else(missing)?;
    let own = questions(board, id);
    let questions = asked.questions.unwrap_or(own);
    let mut content = article.content;
    for question in questions {
        let known = question == content.question || content.similar_questions.contains(&question);
        if !known && content.similar_questions.len() < MAX_SIMILAR_QUESTIONS {
            content.similar_questions.push(question);
        }
    }
    let expected = Expected::Version(article.version);
    match write_content(state, caller, (&base, &article_id), content, expected).await? {
        Written::Created(article) | Written::Updated(article) => Ok(GapArticle {
            base,
            id: article_id,
            version: article.version,
        }),
        Written::Conflict(_) => Err(ApiError::new(
            ErrorCode::Conflict,
            "the article was changed meanwhile; try again",
        )),
    }
}

/// The shortest different questions of a gap's evidence, its title first.
pub(super) fn questions(board: &Board, id: &str) -> Vec<String> {
    let evidence = board
        .rows
        .get(id)
        .and_then(|row| row.evidence.as_deref())
        .unwrap_or("[]");
    let evidence: Vec<serde_json::Value> = serde_json::from_str(evidence).unwrap_or_default();
    let texts = evidence.iter().filter_map(|one| one.get("text")?.as_str());
    let mut texts: Vec<String> = texts
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty() && text.chars().count() <= LONGEST_QUESTION)
        .collect();
    texts.sort_by_key(|text| text.chars().count());
    texts.dedup();
    texts.truncate(OWN_QUESTIONS);
    texts
}

/// Takes an article back to the version before the one that was written for a gap; deletes one that was new.
async fn take_back(state: &State, caller: &Caller, article: &GapArticle) -> Result<(), ApiError> {
    let changed = || {
        ApiError::new(
            ErrorCode::Conflict,
            "the article has been changed since; write the version that it shall have, then decide again",
        )
    };
    let present = state.store.article(&article.base, &article.id).await?;
    let Some(present) = present else {
        return Ok(());
    };
    if present.version != article.version {
        return Err(changed());
    }
    let versions = state
        .store
        .article_versions(&article.base, &article.id)
        .await?;
    let before = versions
        .into_iter()
        .find(|one| one.version < article.version);
    let before: Option<Content> = before.and_then(|one| one.content);
    let key = (article.base.as_str(), article.id.as_str());
    let expected = Expected::Version(article.version);
    if let Some(content) = before {
        return match write_content(state, caller, key, content, expected).await? {
            Written::Conflict(_) => Err(changed()),
            _ => Ok(()),
        };
    }
    let change = change(state, caller);
    let deleted = state
        .store
        .delete_article(key.0, key.1, expected, &change)
        .await?;
    deleted.map_err(|_| changed())?;
    state.knowledge.remove(key.0, key.1)?;
    Ok(())
}
