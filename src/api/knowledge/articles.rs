//! `/v1/knowledge/articles`: one article at a time.

use actix_web::http::header::{ETAG, HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::{ArticleInput, ArticleView, VersionView};
use super::{change, changed, check_key, if_match, wrong};
use crate::api::auth::Caller;
use crate::api::body::Body;
use crate::api::describe::Problems;
use crate::api::filters::Filters;
use crate::api::interventions::topics_of;
use crate::api::problem::ApiError;
use crate::api::state::State;
use crate::error::ErrorCode;
use crate::store::article::{Article, Content, DEFAULT_BASE, Expected, Status, Written};

const MAX_LIMIT: u64 = 1_000;
const DEFAULT_LIMIT: u64 = 100;

/// Which articles.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ArticleFilters {
    /// The knowledge base.
    #[param(default = "default", example = "bank")]
    pub base: Option<String>,
    /// `draft`, `published` or `retired`; all without it.
    #[param(example = "published")]
    pub status: Option<String>,
    /// Items of the page, 1 to 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100, example = 100)]
    pub limit: Option<String>,
    /// Where the page begins: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which base.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InBase {
    /// The knowledge base.
    #[param(default = "default", example = "bank")]
    pub base: Option<String>,
}

impl InBase {
    /// Its name.
    pub fn name(&self) -> &str {
        self.base.as_deref().unwrap_or(DEFAULT_BASE)
    }
}

/// A page of articles.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArticlePage {
    /// By id.
    pub items: Vec<ArticleView>,
    /// The cursor of the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// The versions of an article.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionList {
    /// Newest first, at most 1,000.
    pub items: Vec<VersionView>,
    /// Always null.
    pub next_cursor: Option<String>,
}

/// List the articles
///
/// Of one knowledge base, by id.
#[utoipa::path(
    operation_id = "articles_list",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge"))),
    params(ArticleFilters),
    responses(
        (status = 200, description = "The articles.", body = ArticlePage, example = json!({
            "items": [{"base": "bank", "id": "a-1", "version": 3, "kind": "faq", "question": "怎么修改密码",
                "similar_questions": ["更改密码"], "answer": "打开**设置**，点「修改密码」。", "attachments": [],
                "channels": [], "language": "zh", "valid_from": null, "valid_to": null, "owner": null,
                "status": "published", "created_at": "2026-11-20T03:15:07Z", "updated_at": "2026-11-20T03:15:07Z"}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/knowledge/articles")]
pub(in crate::api) async fn articles_list(
    state: web::Data<State>,
    query: web::Query<ArticleFilters>,
) -> Result<web::Json<ArticlePage>, ApiError> {
    let asked = query.into_inner();
    let mut filters = Filters::default();
    let limit = filters
        .whole("limit", asked.limit.as_deref(), 1..=MAX_LIMIT)
        .unwrap_or(DEFAULT_LIMIT);
    let status = filters.checked(
        "status",
        asked.status.as_deref(),
        "expected draft, published or retired",
        Status::parse,
    );
    let after = filters.checked(
        "cursor",
        asked.cursor.as_deref(),
        "expected `next_cursor` of a page",
        |text| String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok(),
    );
    filters.finish()?;
    let base = asked.base.as_deref().unwrap_or(DEFAULT_BASE);
    check_key(base, "-")?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let length = u32::try_from(limit + 1).unwrap_or(u32::MAX);
    let after = after.unwrap_or_default();
    let mut found = state.store.articles(base, &after, status, length).await?;
    let has_more = found.len() > wanted;
    found.truncate(wanted);
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|last| BASE64URL_NOPAD.encode(last.id.as_bytes()));
    let items = found.into_iter().map(ArticleView::from).collect();
    Ok(web::Json(ArticlePage { items, next_cursor }))
}

/// Create an article
///
/// It must not exist yet; `PUT` replaces one that does.
#[utoipa::path(
    operation_id = "article_create",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge_write"))),
    request_body(content = ArticleInput, description = "The article.", content_type = "application/json"),
    responses(
        (status = 201, description = "The article, its version in `ETag`.", body = ArticleView, example = json!({
            "base": "bank", "id": "a-1", "version": 1, "kind": "faq", "question": "怎么修改密码",
            "similar_questions": [], "answer": "打开**设置**。", "attachments": [], "channels": [], "language": "zh",
            "valid_from": null, "valid_to": null, "owner": null, "status": "published",
            "created_at": "2026-11-20T03:15:07Z", "updated_at": "2026-11-20T03:15:07Z"
        })),
        Problems,
    ),
)]
#[post("/v1/knowledge/articles")]
pub(in crate::api) async fn article_create(
    state: web::Data<State>,
    caller: Caller,
    body: Body<ArticleInput>,
) -> Result<HttpResponse, ApiError> {
    let Body(input) = body;
    let base = input.base().to_owned();
    let id = input
        .id
        .clone()
        .unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    match write(&state, &caller, &base, &id, input, Expected::Absent).await? {
        Written::Created(article) | Written::Updated(article) => Ok(answer(article, true)),
        Written::Conflict(_) => Err(ApiError::new(
            ErrorCode::Conflict,
            "the base has an article with this id; replace it with PUT and `If-Match`",
        )),
    }
}

/// Show an article
#[utoipa::path(
    operation_id = "article_get",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge"))),
    params(("id" = String, Path, description = "The article's id, percent-encoded.", example = "a-1"), InBase),
    responses(
        (status = 200, description = "The article, its version in `ETag`.", body = ArticleView, example = json!({
            "base": "bank", "id": "a-1", "version": 1, "kind": "faq", "question": "怎么修改密码",
            "similar_questions": [], "answer": "打开**设置**。", "attachments": [], "channels": [], "language": "zh",
            "valid_from": null, "valid_to": null, "owner": null, "status": "published",
            "created_at": "2026-11-20T03:15:07Z", "updated_at": "2026-11-20T03:15:07Z"
        })),
        Problems,
    ),
)]
#[get("/v1/knowledge/articles/{id}")]
pub(in crate::api) async fn article_get(
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<InBase>,
) -> Result<HttpResponse, ApiError> {
    match state.store.article(query.name(), &id).await? {
        Some(article) => Ok(answer(article, false)),
        None => Err(changed(0)),
    }
}

/// Write an article
///
/// Creates it, or replaces the version that `If-Match` names. Without `If-Match` an article that exists is not
/// touched: 412.
#[utoipa::path(
    operation_id = "article_put",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge_write"))),
    params(
        ("id" = String, Path, description = "The article's id, percent-encoded.", example = "a-1"),
        InBase,
        ("If-Match" = Option<String>, Header, description = "The version that is replaced, or *.", example = "\"3\""),
    ),
    request_body(content = ArticleInput, description = "The article. `id` and `base` may be left out.",
        content_type = "application/json"),
    responses(
        (status = 200, description = "The article, its version in `ETag`; 201 when it was created.", body = ArticleView,
            example = json!({
            "base": "bank", "id": "a-1", "version": 4, "kind": "faq", "question": "怎么修改密码",
            "similar_questions": [], "answer": "打开**设置**。", "attachments": [], "channels": [], "language": "zh",
            "valid_from": null, "valid_to": null, "owner": null, "status": "published",
            "created_at": "2026-11-20T03:15:07Z", "updated_at": "2026-11-20T03:15:07Z"
        })),
        Problems,
    ),
)]
#[put("/v1/knowledge/articles/{id}")]
pub(in crate::api) async fn article_put(
    state: web::Data<State>,
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
    query: web::Query<InBase>,
    body: Body<ArticleInput>,
) -> Result<HttpResponse, ApiError> {
    let Body(input) = body;
    let base = query
        .base
        .clone()
        .unwrap_or_else(|| input.base().to_owned());
    let expected = if_match(&request)?.unwrap_or(Expected::Absent);
    match write(&state, &caller, &base, &id, input, expected).await? {
        Written::Created(article) => Ok(answer(article, true)),
        Written::Updated(article) => Ok(answer(article, false)),
        Written::Conflict(present) => Err(changed(present)),
    }
}

/// Delete an article
///
/// Its versions stay and can be read and written again.
#[utoipa::path(
    operation_id = "article_delete",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge_write"))),
    params(
        ("id" = String, Path, description = "The article's id, percent-encoded.", example = "a-1"),
        InBase,
        ("If-Match" = Option<String>, Header, description = "The version that is deleted, or *. Required.",
            example = "\"3\""),
    ),
    responses(
        (status = 204, description = "It is deleted."),
        Problems,
    ),
)]
#[delete("/v1/knowledge/articles/{id}")]
pub(in crate::api) async fn article_delete(
    state: web::Data<State>,
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
    query: web::Query<InBase>,
) -> Result<HttpResponse, ApiError> {
    let base = query.name();
    let expected = if_match(&request)?.unwrap_or(Expected::Absent);
    let _writing = state.knowledge.writing().await;
    let change = change(&state, &caller);
    if let Err(present) = state
        .store
        .delete_article(base, &id, expected, &change)
        .await?
    {
        return Err(changed(present));
    }
    state.knowledge.remove(base, &id)?;
    Ok(HttpResponse::NoContent().finish())
}

/// List the versions of an article
///
/// Also of a deleted one. To undo a change, write an older version again.
#[utoipa::path(
    operation_id = "article_versions",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge"))),
    params(("id" = String, Path, description = "The article's id, percent-encoded.", example = "a-1"), InBase),
    responses(
        (status = 200, description = "The versions.", body = VersionList, example = json!({
            "items": [{"version": 2, "content": null, "actor": "9f86d081884c7d65", "at": "2026-11-20T03:15:07Z"}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/knowledge/articles/{id}/versions")]
pub(in crate::api) async fn article_versions(
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<InBase>,
) -> Result<web::Json<VersionList>, ApiError> {
    let versions = state.store.article_versions(query.name(), &id).await?;
    if versions.is_empty() {
        return Err(changed(0));
    }
    Ok(web::Json(VersionList {
        items: versions.into_iter().map(VersionView::from).collect(),
        next_cursor: None,
    }))
}

async fn write(
    state: &State,
    caller: &Caller,
    base: &str,
    id: &str,
    input: ArticleInput,
    expected: Expected,
) -> Result<Written, ApiError> {
    check_key(base, id)?;
    let content = input.content().map_err(wrong)?;
    let _writing = state.knowledge.writing().await;
    write_content(state, caller, (base, id), content, expected).await
}

/// Writes an article into store and index; the caller holds [`crate::search::Knowledge::writing`].
pub(super) async fn write_content(
    state: &State,
    caller: &Caller,
    (base, id): (&str, &str),
    content: Content,
    expected: Expected,
) -> Result<Written, ApiError> {
    let change = change(state, caller);
    let frozen = topics_of(state, &content);
    let written = state
        .store
        .publish_article((base, id), content, expected, (&frozen, None), &change)
        .await?;
    if let Written::Created(article) | Written::Updated(article) = &written {
        state.knowledge.set(base, vec![article.clone()])?;
    }
    Ok(written)
}

fn answer(article: Article, is_new: bool) -> HttpResponse {
    let mut response = if is_new {
        HttpResponse::Created()
    } else {
        HttpResponse::Ok()
    };
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", article.version)) {
        response.insert_header((ETAG, tag));
    }
    let address: String = url::form_urlencoded::byte_serialize(article.id.as_bytes()).collect();
    let address = format!(
        "/v1/knowledge/articles/{}?base={}",
        address.replace('+', "%20"),
        article.base
    );
    if let Ok(address) = HeaderValue::from_str(&address) {
        response.insert_header((LOCATION, address));
    }
    response.json(ArticleView::from(article))
}
