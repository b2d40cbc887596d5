//! An article written for a gap, in one step from its evidence.
//!
//! Invariants: the article is in store and index before the gap says that it was published; what is left out of the
//! article comes from the gap: its base, its question, the shortest questions of its evidence. Publishing opens an
//! intervention; what it did to the contacts is measured there (`insight::effect`).

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::board::{Board, moved, unknown};
use super::change::{expected, questions, write};
use super::view::GapView;
use crate::api::auth::Caller;
use crate::api::body::Body;
use crate::api::describe::Problems;
use crate::api::knowledge::view::{ArticleInput, ArticleView};
use crate::api::knowledge::{change, check_key, wrong};
use crate::api::problem::ApiError;
use crate::api::state::State;
use crate::error::ErrorCode;
use crate::store::article::{Content, DEFAULT_BASE, Expected, MAX_QUESTION_CHARS, Written};
use crate::store::gap::{GapAction, GapArticle, GapStatus};
use crate::store::intervention::FrozenTopics;

/// What publishing led to.
#[derive(Debug, Serialize, ToSchema)]
pub struct GapPublished {
    /// The article as it stands.
    pub article: ArticleView,
    /// The gap.
    pub gap: GapView,
}

/// Publish an article for a gap
///
/// It opens an intervention over the gap's topics, whose effect is measured from then on. The article needs an `answer`; question, similar questions and base come from the gap when they are left out, and it
/// is valid from now on. With the id of the article that the gap is about, a new version of that one is written.
#[utoipa::path(
    operation_id = "gap_publish",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge_write"))),
    params(
        ("id" = String, Path, description = "The gap's id.", example = "g-1f3a90c2"),
        ("If-Match" = Option<String>, Header, description = "The version of the gap that was seen, or *. \"0\" when left out.",
            example = "\"0\""),
    ),
    request_body(content = ArticleInput, description = "The article.", content_type = "application/json",
        example = json!({"answer": "小型宠物可以托运，需要提前2天预约。"})),
    responses(
        (status = 201, description = "The article and the gap.", body = GapPublished, example = json!({
            "article": {"base": "bank", "id": "a-211", "version": 1, "kind": "faq", "question": "宠物能不能托运",
                "similar_questions": [], "answer": "小型宠物可以托运。", "attachments": [], "channels": [],
                "language": null, "valid_from": "2026-11-20T03:15:07Z", "valid_to": null, "owner": null,
                "status": "published", "created_at": "2026-11-20T03:15:07Z", "updated_at": "2026-11-20T03:15:07Z"},
            "gap": {"id": "g-1f3a90c2", "version": 1, "status": "published"}
        })),
        Problems,
    ),
)]
#[post("/v1/knowledge/gaps/{id}/publish")]
pub(in crate::api) async fn gap_publish(
    state: web::Data<State>,
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
    body: Body<ArticleInput>,
) -> Result<HttpResponse, ApiError> {
    let Body(mut input) = body;
    let _writing = state.knowledge.writing().await;
    let board = Board::read(&state, Some(&id)).await?;
    let gap = board.view(&id).ok_or_else(unknown)?;
    let (mut review, version) = board.review(&id);
    if expected(&request)?.is_some_and(|expected| expected != version) {
        return Err(moved(version));
    }
    check(&gap, &input)?;
    let base = base_of(&mut input, &gap);
    let article_id = input
        .id
        .take()
        .unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    check_key(&base, &article_id)?;
    let is_own = gap.figures.article_id.as_deref() == Some(&article_id);
    fill(&mut input, &gap, questions(&board, &id));
    if !is_own {
        input
            .valid_from
            .get_or_insert_with(|| (state.clock)().to_string());
    }
    let content = input.content().map_err(wrong)?;
    let expected = if is_own {
        Expected::Any
    } else {
        Expected::Absent
    };
    let key = (base.as_str(), article_id.as_str());
    let written = publish(&state, &caller, key, (content, expected), &gap).await?;
    let (Written::Created(article) | Written::Updated(article)) = written else {
        return Err(ApiError::new(
            ErrorCode::Conflict,
            "the base has another article with this id; leave `id` out, or link the gap to that article",
        ));
    };
    review.status = GapStatus::Published;
    review.title.get_or_insert(gap.title);
    review.article = Some(GapArticle {
        base: base.clone(),
        id: article_id.clone(),
        version: article.version,
    });
    write(
        &state,
        &caller,
        &id,
        (Some(version), GapAction::Publish, None),
        review,
    )
    .await?;
    let board = Board::read(&state, Some(&id)).await?;
    let gap = board.view(&id).ok_or_else(unknown)?;
    Ok(HttpResponse::Created().json(GapPublished {
        article: article.into(),
        gap,
    }))
}

/// Whether the gap can have an article, and this one.
fn check(gap: &GapView, input: &ArticleInput) -> Result<(), ApiError> {
    if gap.status == GapStatus::Merged.as_str() {
        return Err(ApiError::new(
            ErrorCode::Conflict,
            "the gap is part of another one; publish for that one",
        ));
    }
    if input
        .answer
        .as_deref()
        .is_none_or(|answer| answer.trim().is_empty())
    {
        return Err(ApiError::parameter(
            "/answer",
            "an article for a gap needs an answer; the gap's drafts are material",
        ));
    }
    Ok(())
}

/// Where the article goes: where it says, else where the gap is.
fn base_of(input: &mut ArticleInput, gap: &GapView) -> String {
    let own = input.base.take().filter(|base| !base.is_empty());
    let base = own
        .or_else(|| gap.base.clone())
        .filter(|base| !base.is_empty());
    base.unwrap_or_else(|| DEFAULT_BASE.to_owned())
}

/// What is left out comes from the gap.
fn fill(input: &mut ArticleInput, gap: &GapView, questions: Vec<String>) {
    let title: String = gap.title.chars().take(MAX_QUESTION_CHARS).collect();
    let question = input.question.get_or_insert(title).clone();
    let asked = questions.into_iter().filter(|text| *text != question);
    input
        .similar_questions
        .get_or_insert_with(|| asked.collect());
}

/// Writes the article into store and index; an intervention over the gap's topics opens in the same transaction.
async fn publish(
    state: &State,
    caller: &Caller,
    key: (&str, &str),
    (content, expected): (Content, Expected),
    gap: &GapView,
) -> Result<Written, ApiError> {
    let frozen = FrozenTopics {
        topics: gap.figures.topic_ids.clone(),
        run: None,
    };
    let about = (&frozen, Some(gap.id.as_str()));
    let change = change(state, caller);
    let written = state
        .store
        .publish_article(key, content, expected, about, &change)
        .await?;
    if let Written::Created(article) | Written::Updated(article) = &written {
        state.knowledge.set(key.0, vec![article.clone()])?;
    }
    Ok(written)
}
