//! How articles are used: `GET /v1/knowledge/top` for a help page, `GET /v1/knowledge/use` for its editors.
//!
//! Every count is one SQL statement over `knowledge_events`; here articles of the store are put beside the counts.
//! Events name articles by id alone, so the base that is asked decides whose article an id is.

use std::collections::HashMap;

use actix_web::{get, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::check_key;
use crate::api::describe::Problems;
use crate::api::filters::Filters;
use crate::api::problem::ApiError;
use crate::api::rows::{fetch, time};
use crate::api::state::State;
use crate::domain::Micros;
use crate::store::article::{Article, DEFAULT_BASE, Status};

const USE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/article_use.sql"
));
const WITHOUT_RESULT: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/queries_without_result.sql"
));

const BY_QUERY: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/query_use.sql"
));
const ASKED: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/article_asked.sql"
));

const DAY_US: i64 = 86_400_000_000;
const DEFAULT_DAYS: i64 = 28;
/// Acceptance of the last days is compared with that before.
const RECENT_DAYS: i64 = 7;
/// Judgements that each side of the comparison needs.
const LEAST_JUDGED: i64 = 10;
const MAX_ROWS: u64 = 10_000;
const MAX_QUERIES: u64 = 1_000;
const MAX_NEVER_USED: usize = 1_000;

/// Which uses count.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UseFilters {
    /// The knowledge base.
    #[param(default = "default", example = "bank")]
    pub base: Option<String>,
    /// Only uses in interactions on this channel.
    #[param(example = "app")]
    pub channel: Option<String>,
    /// Uses from this time on, RFC 3339; 28 days ago when left out.
    #[param(format = DateTime, example = "2026-11-01T00:00:00Z")]
    pub from: Option<String>,
    /// Uses before this time, RFC 3339; now when left out.
    #[param(format = DateTime, example = "2026-12-01T00:00:00Z")]
    pub to: Option<String>,
    /// Items, 1 to 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 10, example = 10)]
    pub limit: Option<String>,
}

/// The most used articles.
#[derive(Debug, Serialize, ToSchema)]
pub struct TopArticles {
    /// Most clicked and accepted first.
    pub items: Vec<UsedArticle>,
}

/// An article with its uses.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UsedArticle {
    /// Its id.
    #[schema(example = "a-1")]
    pub article_id: String,
    /// Its question.
    #[schema(example = "怎么修改密码")]
    pub question: String,
    /// How often it was shown.
    #[schema(example = 120)]
    pub shown: i64,
    /// How often it was clicked.
    #[schema(example = 80)]
    pub clicked: i64,
    /// How often it was accepted as the answer.
    #[schema(example = 40)]
    pub accepted: i64,
    /// How often it was rejected.
    #[schema(example = 5)]
    pub rejected: i64,
}

/// How a base is used.
#[derive(Debug, Serialize, ToSchema)]
pub struct UseReport {
    /// Most clicked and accepted first.
    pub most_used: Vec<UsedArticle>,
    /// What requests are about, whether it was shown or not, most asked first.
    pub most_asked: Vec<AskedArticle>,
    /// What searches led to, by query and article, most searched first.
    pub by_query: Vec<QueryUse>,
    /// Published articles without any use, at most 1,000.
    pub never_used: Vec<String>,
    /// Articles that people accept less than before.
    pub falling: Vec<FallingArticle>,
    /// What was searched without a result, most frequent first.
    pub without_result: Vec<QueryCount>,
}

/// An article that requests are about.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AskedArticle {
    /// Its id.
    #[schema(example = "a-1")]
    pub article_id: String,
    /// Requests about it.
    #[schema(example = 160)]
    pub asked: i64,
    /// Of these answered.
    #[schema(example = 120)]
    pub answered: i64,
    /// Of these failed: rejected, not found, outdated or in conflict.
    #[schema(example = 31)]
    pub failed: i64,
}

/// What the searches with one query led to for one article.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct QueryUse {
    /// The query, redacted.
    #[schema(example = "改密码")]
    pub query: String,
    /// The article; null for searches that showed none.
    #[schema(example = "a-1")]
    pub article_id: Option<String>,
    /// Searches.
    #[schema(example = 30)]
    pub searched: i64,
    /// How often it was shown.
    #[schema(example = 28)]
    pub shown: i64,
    /// How often it was clicked.
    #[schema(example = 20)]
    pub clicked: i64,
    /// How often it was accepted.
    #[schema(example = 15)]
    pub accepted: i64,
    /// How often it was rejected.
    #[schema(example = 2)]
    pub rejected: i64,
}

/// An article that people accept less than before.
#[derive(Debug, Serialize, ToSchema)]
pub struct FallingArticle {
    /// Its id.
    #[schema(example = "a-1")]
    pub article_id: String,
    /// Accepted of judged in the last 7 days, percent.
    #[schema(example = 30.0)]
    pub recent_acceptance: f64,
    /// Judged in the last 7 days.
    #[schema(example = 20)]
    pub recent_n: i64,
    /// Accepted of judged before, percent.
    #[schema(example = 75.0)]
    pub earlier_acceptance: f64,
    /// Judged before.
    #[schema(example = 80)]
    pub earlier_n: i64,
}

/// A query with how often it was asked.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct QueryCount {
    /// The query, redacted.
    #[schema(example = "怎么开发票")]
    pub query: String,
    /// Searches.
    #[schema(example = 14)]
    pub searches: i64,
}

#[derive(Debug, Deserialize)]
struct Row {
    article_id: String,
    shown: i64,
    clicked: i64,
    accepted: i64,
    rejected: i64,
    recent_accepted: i64,
    recent_judged: i64,
    earlier_accepted: i64,
    earlier_judged: i64,
}

/// List the most used articles
///
/// For the help page of an app: published articles that people click and accept most.
#[utoipa::path(
    operation_id = "knowledge_top",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("search"))),
    params(UseFilters),
    responses(
        (status = 200, description = "The articles.", body = TopArticles, example = json!({"items": [{"article_id": "a-1",
            "question": "怎么修改密码", "shown": 120, "clicked": 80, "accepted": 40, "rejected": 5}]})),
        Problems,
    ),
)]
#[get("/v1/knowledge/top")]
pub(in crate::api) async fn knowledge_top(
    state: web::Data<State>,
    query: web::Query<UseFilters>,
) -> Result<web::Json<TopArticles>, ApiError> {
    let asked = Asked::read(&state, query.into_inner())?;
    let articles = articles(&state, &asked.base).await?;
    let rows = asked.rows(&state).await?;
    Ok(web::Json(TopArticles {
        items: used_articles(&rows, &articles, asked.limit),
    }))
}

/// Show how a base is used
///
/// Most used, most asked, never used, losing acceptance, what searches led to, and searches without a result.
#[utoipa::path(
    operation_id = "knowledge_use",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge"))),
    params(UseFilters),
    responses(
        (status = 200, description = "The report.", body = UseReport, example = json!({
            "most_used": [{"article_id": "a-1", "question": "怎么修改密码", "shown": 120, "clicked": 80, "accepted": 40,
                "rejected": 5}],
            "most_asked": [{"article_id": "a-1", "asked": 160, "answered": 120, "failed": 31}],
            "by_query": [{"query": "改密码", "article_id": "a-1", "searched": 30, "shown": 28, "clicked": 20,
                "accepted": 15, "rejected": 2}],
            "never_used": ["a-7"],
            "falling": [{"article_id": "a-2", "recent_acceptance": 30.0, "recent_n": 20, "earlier_acceptance": 75.0,
                "earlier_n": 80}],
            "without_result": [{"query": "怎么开发票", "searches": 14}]
        })),
        Problems,
    ),
)]
#[get("/v1/knowledge/use")]
pub(in crate::api) async fn knowledge_use(
    state: web::Data<State>,
    query: web::Query<UseFilters>,
) -> Result<web::Json<UseReport>, ApiError> {
    let asked = Asked::read(&state, query.into_inner())?;
    let articles = articles(&state, &asked.base).await?;
    let rows = asked.rows(&state).await?;
    let range = vec![time(Some(asked.from)), time(Some(asked.to))];
    let channel = asked.channel.clone().map_or(Value::Null, Value::String);
    let used = [range.clone(), vec![channel.clone()]].concat();
    let mut by_query: Vec<QueryUse> = fetch(&state, BY_QUERY, used, MAX_QUERIES).await?;
    by_query.truncate(asked.limit);
    let about = [
        vec![Value::String(asked.base.clone())],
        range.clone(),
        vec![channel],
    ]
    .concat();
    let mut most_asked: Vec<AskedArticle> = fetch(&state, ASKED, about, MAX_QUERIES).await?;
    most_asked.truncate(asked.limit);
    let without_result: Vec<QueryCount> = fetch(&state, WITHOUT_RESULT, range, MAX_QUERIES).await?;
    let mut never_used: Vec<String> = articles
        .keys()
        .filter(|id| !rows.iter().any(|row| &row.article_id == *id))
        .cloned()
        .collect();
    never_used.sort();
    never_used.truncate(MAX_NEVER_USED);
    Ok(web::Json(UseReport {
        most_used: used_articles(&rows, &articles, asked.limit),
        most_asked,
        by_query,
        never_used,
        falling: rows.iter().filter_map(falling).collect(),
        without_result,
    }))
}

/// What was asked, checked.
struct Asked {
    base: String,
    channel: Option<String>,
    from: Micros,
    to: Micros,
    limit: usize,
}

impl Asked {
    fn read(state: &State, asked: UseFilters) -> Result<Self, ApiError> {
        let mut filters = Filters::default();
        let limit = filters
            .whole("limit", asked.limit.as_deref(), 1..=1_000)
            .unwrap_or(10);
        let from = filters.time("from", asked.from.as_deref());
        let to = filters.time("to", asked.to.as_deref());
        filters.order(from, to);
        filters.finish()?;
        let base = asked.base.unwrap_or_else(|| DEFAULT_BASE.to_owned());
        check_key(&base, "-")?;
        let to = to.unwrap_or_else(|| (state.clock)());
        Ok(Self {
            base,
            channel: asked.channel,
            from: from.unwrap_or(Micros(to.0 - DEFAULT_DAYS * DAY_US)),
            to,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        })
    }

    async fn rows(&self, state: &State) -> Result<Vec<Row>, ApiError> {
        let channel = self.channel.clone().map_or(Value::Null, Value::String);
        let recent = Micros(self.to.0 - RECENT_DAYS * DAY_US);
        let parameters = vec![
            time(Some(self.from)),
            time(Some(self.to)),
            channel,
            time(Some(recent)),
        ];
        fetch(state, USE, parameters, MAX_ROWS).await
    }
}

/// Published articles of a base by id.
async fn articles(state: &State, base: &str) -> Result<HashMap<String, Article>, ApiError> {
    let mut found = HashMap::new();
    let mut after = String::new();
    loop {
        let page = state
            .store
            .articles(base, &after, Some(Status::Published), 500)
            .await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        found.extend(
            page.into_iter()
                .map(|article| (article.id.clone(), article)),
        );
    }
    Ok(found)
}

fn used_articles(
    rows: &[Row],
    articles: &HashMap<String, Article>,
    limit: usize,
) -> Vec<UsedArticle> {
    let known = rows
        .iter()
        .filter_map(|row| Some((row, articles.get(&row.article_id)?)));
    known
        .take(limit)
        .map(|(row, article)| UsedArticle {
            article_id: row.article_id.clone(),
            question: article.content.question.clone(),
            shown: row.shown,
            clicked: row.clicked,
            accepted: row.accepted,
            rejected: row.rejected,
        })
        .collect()
}

/// Acceptance fell by half or more, with enough judgements on both sides.
fn falling(row: &Row) -> Option<FallingArticle> {
    if row.recent_judged < LEAST_JUDGED || row.earlier_judged < LEAST_JUDGED {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of judgements")]
    let percent = |part: i64, whole: i64| 100.0 * part as f64 / whole as f64;
    let recent = percent(row.recent_accepted, row.recent_judged);
    let earlier = percent(row.earlier_accepted, row.earlier_judged);
    (recent <= earlier / 2.0).then(|| FallingArticle {
        article_id: row.article_id.clone(),
        recent_acceptance: recent,
        recent_n: row.recent_judged,
        earlier_acceptance: earlier,
        earlier_n: row.earlier_judged,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acceptance_falls_when_it_is_halved() {
        let row = |recent_accepted, recent_judged| Row {
            article_id: "a".to_owned(),
            shown: 0,
            clicked: 0,
            accepted: 0,
            rejected: 0,
            recent_accepted,
            recent_judged,
            earlier_accepted: 60,
            earlier_judged: 80,
        };
        assert!(falling(&row(6, 20)).is_some());
        assert!(falling(&row(10, 20)).is_none());
        assert!(falling(&row(1, 9)).is_none());
    }
}
