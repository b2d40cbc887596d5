//! `/v1/knowledge/bases/{base}`: how a base stands, and its articles as a file.

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::archive;
use super::markdown;
use super::records::{csv_head, csv_line, json_line};
use super::view::ArticleView;
use crate::api::describe::Problems;
use crate::api::problem::ApiError;
use crate::api::state::State;
use crate::search::SearchError;

/// How a base stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct BaseView {
    /// Its name.
    #[schema(example = "bank")]
    pub base: String,
    /// Articles, drafts and retired ones included.
    #[schema(example = 210)]
    pub articles: usize,
    /// Articles that are published.
    #[schema(example = 203)]
    pub published: usize,
    /// Questions and similar questions in the index.
    #[schema(example = 1480)]
    pub texts: u32,
    /// Counts changes since the start of the process.
    #[schema(example = 17)]
    pub index_version: u64,
    /// Counts models that the base has learnt since the start; 0 = the shipped model answers alone.
    #[schema(example = 3)]
    pub model_version: u64,
    /// Whether the model was learnt from the present articles.
    #[schema(example = true)]
    pub model_ready: bool,
}

/// Show a base
///
/// After a change `model_ready` is false until the base has learnt from its present articles; searches are answered
/// meanwhile.
#[utoipa::path(
    operation_id = "base_get",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("search"))),
    params(("base" = String, Path, description = "Its name.", example = "bank")),
    responses(
        (status = 200, description = "The base.", body = BaseView, example = json!({"base": "bank", "articles": 210,
            "published": 203, "texts": 1480, "index_version": 17, "model_version": 3, "model_ready": true})),
        Problems,
    ),
)]
#[get("/v1/knowledge/bases/{base}")]
pub(in crate::api) async fn base_get(
    state: web::Data<State>,
    base: web::Path<String>,
) -> Result<web::Json<BaseView>, ApiError> {
    let Some(found) = state.knowledge.base(&base) else {
        return Err(SearchError::UnknownBase.into());
    };
    Ok(web::Json(BaseView {
        base: base.into_inner(),
        articles: found.articles,
        published: found.published,
        texts: found.texts,
        index_version: found.index_version,
        model_version: found.model_version,
        model_ready: found.model_ready,
    }))
}

/// How to write the articles.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportFormat {
    /// `jsonl`, `csv`, or `markdown` for a tar archive of Markdown files, one an article.
    #[param(default = "jsonl", example = "csv")]
    pub format: Option<String>,
}

/// Export a base
///
/// Every article, in a form that the import takes back.
#[utoipa::path(
    operation_id = "base_export",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge"))),
    params(("base" = String, Path, description = "Its name.", example = "bank"), ExportFormat),
    responses(
        (status = 200, description = "The articles by id.", content(
            (String = "application/x-ndjson", example = json!("{\"base\":\"bank\",\"id\":\"a-1\",\"question\":\"怎么修改密码\"}\n")),
            (String = "text/csv", example = json!("id,base,kind,question,similar_questions,answer\r\na-1,bank,faq,怎么修改密码,更改密码,打开设置\r\n")),
            (Vec<u8> = "application/x-tar"),
        )),
        Problems,
    ),
)]
#[get("/v1/knowledge/bases/{base}/export")]
pub(in crate::api) async fn base_export(
    state: web::Data<State>,
    base: web::Path<String>,
    query: web::Query<ExportFormat>,
) -> Result<HttpResponse, ApiError> {
    let format = query.format.as_deref().unwrap_or("jsonl");
    let kind = match format {
        "csv" => "text/csv; charset=utf-8",
        "jsonl" => "application/x-ndjson",
        "markdown" => "application/x-tar",
        _ => {
            return Err(ApiError::parameter(
                "/format",
                "expected jsonl, csv or markdown",
            ));
        }
    };
    if state.knowledge.base(&base).is_none() {
        return Err(SearchError::UnknownBase.into());
    }
    let mut body = Vec::new();
    if format == "csv" {
        body.extend_from_slice(csv_head().as_bytes());
    }
    let mut after = String::new();
    loop {
        let page = state.store.articles(&base, &after, None, 500).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        for article in page {
            let view = ArticleView::from(article);
            match format {
                "csv" => body.extend_from_slice(csv_line(&view).as_bytes()),
                "markdown" => {
                    let text = markdown::write(&view);
                    archive::put(&mut body, &markdown::path(&view.id), text.as_bytes());
                }
                _ => body.extend_from_slice(json_line(&view).as_bytes()),
            }
        }
    }
    if format == "markdown" {
        archive::end(&mut body);
    }
    Ok(HttpResponse::Ok().content_type(kind).body(body))
}
