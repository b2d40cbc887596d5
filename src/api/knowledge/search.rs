//! `POST /v1/knowledge/search`: a batch of queries against one base.

use actix_web::{post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::Body;
use crate::api::describe::Problems;
use crate::api::filters::Filters;
use crate::api::problem::ApiError;
use crate::api::state::State;
use crate::search::{Item, SearchQuery, SearchResult};
use crate::store::article::{DEFAULT_BASE, Kind};

const MAX_QUERIES: usize = 1_000;
const MAX_QUERY_CHARS: usize = 10_000;
const MAX_LIMIT: u32 = 100;
const DEFAULT_LIMIT: u32 = 5;

/// Queries against one base.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"base": "bank", "queries": [{"id": "q1", "query": "怎么更改密码"}], "limit": 5}))]
pub struct SearchBody {
    /// The knowledge base; `default` when left out.
    pub base: Option<String>,
    /// At most 1,000.
    pub queries: Vec<QueryInput>,
    /// Items of each answer, 1 to 100; 5 when left out.
    pub limit: Option<u32>,
    /// Only articles for this channel, and those for all channels.
    pub channel: Option<String>,
}

/// One query.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryInput {
    /// Comes back in the answer.
    #[schema(example = "q1")]
    pub id: Option<String>,
    /// What is asked, at most 10,000 characters.
    #[schema(example = "怎么更改密码")]
    pub query: String,
}

/// The answers, in the order of the queries.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchAnswer {
    /// One for each query.
    pub results: Vec<ResultView>,
}

/// The answer to one query.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResultView {
    /// The id of the query.
    #[schema(example = "q1")]
    pub id: Option<String>,
    /// How likely the base answers it, 0 to 1; 0 without items.
    #[schema(example = 0.91)]
    pub p_answered: f64,
    /// Best first.
    pub items: Vec<ItemView>,
}

/// An article that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemView {
    /// Its id.
    #[schema(example = "a-1")]
    pub article_id: String,
    /// `faq`, `steps` or `script`.
    #[schema(value_type = String, example = "faq")]
    pub kind: Kind,
    /// Its question.
    #[schema(example = "怎么修改密码")]
    pub question: String,
    /// The question or similar question that is most like the query.
    #[schema(example = "更改密码")]
    pub matched_question: String,
    /// The part of the answer that speaks of the query.
    #[schema(example = "打开设置，点修改密码。")]
    pub snippet: String,
    /// Words of the query and their synonyms in the snippet.
    pub highlights: Vec<Highlight>,
    /// Comparable within one base and model only.
    #[schema(example = 12.3)]
    pub score: f64,
    /// How likely it answers, 0 to 1.
    #[schema(example = 0.91)]
    pub p_answered: f64,
}

/// A place in a snippet, in Unicode scalar values.
#[derive(Debug, Serialize, ToSchema)]
pub struct Highlight {
    /// The first.
    #[schema(example = 6)]
    pub start: usize,
    /// One past the last.
    #[schema(example = 8)]
    pub end: usize,
}

impl From<Item> for ItemView {
    fn from(item: Item) -> Self {
        let highlights = item.highlights.into_iter();
        Self {
            article_id: item.article_id,
            kind: item.kind,
            question: item.question,
            matched_question: item.matched,
            snippet: item.snippet,
            highlights: highlights
                .map(|(start, end)| Highlight { start, end })
                .collect(),
            score: item.score,
            p_answered: item.p_answered,
        }
    }
}

/// Search a base
///
/// Finds published articles that are valid now. `p_answered` comes from the model that the base has learnt from its
/// own articles, until then from the shipped one (`model_ready` of the base).
#[utoipa::path(
    operation_id = "knowledge_search",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("search"))),
    request_body(content = SearchBody, description = "Base and queries.", content_type = "application/json"),
    responses(
        (status = 200, description = "The answers.", body = SearchAnswer, example = json!({"results": [{"id": "q1",
            "p_answered": 0.91, "items": [{"article_id": "a-1", "kind": "faq", "question": "怎么修改密码",
            "matched_question": "更改密码", "snippet": "打开设置，点修改密码。", "highlights": [{"start": 6, "end": 8}],
            "score": 12.3, "p_answered": 0.91}]}]})),
        Problems,
    ),
)]
#[post("/v1/knowledge/search")]
pub(in crate::api) async fn knowledge_search(
    state: web::Data<State>,
    body: Body<SearchBody>,
) -> Result<web::Json<SearchAnswer>, ApiError> {
    let Body(asked) = body;
    check(&asked)?;
    let at_us = (state.clock)().0;
    let knowledge = state.knowledge.clone();
    let found = tokio::task::spawn_blocking(move || {
        let base = asked.base.as_deref().unwrap_or(DEFAULT_BASE);
        let limit = usize::try_from(asked.limit.unwrap_or(DEFAULT_LIMIT)).unwrap_or(usize::MAX);
        let mut results = Vec::with_capacity(asked.queries.len());
        for one in &asked.queries {
            let SearchResult { p_answered, items } = knowledge.search(SearchQuery {
                base,
                query: &one.query,
                limit,
                channel: asked.channel.as_deref(),
                at_us,
            })?;
            results.push(ResultView {
                id: one.id.clone(),
                p_answered,
                items: items.into_iter().map(ItemView::from).collect(),
            });
        }
        Ok::<_, crate::search::SearchError>(results)
    });
    let results = found
        .await
        .map_err(|_| ApiError::internal("the search was cut off"))??;
    Ok(web::Json(SearchAnswer { results }))
}

fn check(asked: &SearchBody) -> Result<(), ApiError> {
    let mut filters = Filters::default();
    if asked.queries.is_empty() || asked.queries.len() > MAX_QUERIES {
        filters.wrong("queries", format!("expected 1 to {MAX_QUERIES} queries"));
    }
    let long = |one: &QueryInput| one.query.chars().nth(MAX_QUERY_CHARS).is_some();
    if asked.queries.iter().any(long) {
        filters.wrong(
            "queries",
            format!("a query has at most {MAX_QUERY_CHARS} characters"),
        );
    }
    if !(1..=MAX_LIMIT).contains(&asked.limit.unwrap_or(DEFAULT_LIMIT)) {
        filters.wrong(
            "limit",
            format!("expected a whole number from 1 to {MAX_LIMIT}"),
        );
    }
    filters.finish()
}
