//! `/v1/queries`: the named queries.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::Body;
use super::describe::Problems;
use super::problem::ApiError;
use super::sql::{RowSet, format, respond};
use super::state::State;
use crate::query::{NamedQuery, NamedRequest};

/// The queries that the caller may run.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueryList {
    /// The queries.
    pub items: Vec<QueryView>,
    /// Always null: the list is whole.
    pub next_cursor: Option<String>,
}

/// A named query.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueryView {
    /// The name under which it is run.
    #[schema(example = "interactions_by_day")]
    pub name: String,
    /// What it answers.
    #[schema(example = "Interactions by UTC day and channel.")]
    pub about: String,
    /// Its parameters, in order.
    pub parameters: Vec<QueryParameter>,
    /// The columns of its answer; empty when they depend on the tables.
    pub columns: Vec<QueryColumn>,
}

/// A parameter of a named query.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueryParameter {
    /// Its name.
    #[schema(example = "from")]
    pub name: String,
    /// Its type in the words of PostgreSQL.
    #[schema(example = "timestamptz")]
    pub r#type: String,
    /// True when it must be given.
    pub required: bool,
    /// What holds when it is not given; null for null.
    pub default: Option<String>,
}

/// A column of a named query.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueryColumn {
    /// Its name.
    #[schema(example = "day")]
    pub name: String,
    /// Its type in the words of PostgreSQL.
    #[schema(example = "date")]
    pub r#type: String,
    /// What it means.
    #[schema(example = "UTC day of the first event")]
    pub about: String,
}

impl From<&NamedQuery> for QueryView {
    fn from(query: &NamedQuery) -> Self {
        let parameters = query.params().iter().map(|param| QueryParameter {
            name: param.name.clone(),
            r#type: param.kind.as_str().to_owned(),
            required: param.required,
            default: param.default.clone(),
        });
        let columns = query.columns().iter().map(|column| QueryColumn {
            name: column.name.clone(),
            r#type: column.kind.clone(),
            about: column.about.clone(),
        });
        Self {
            name: query.name().to_owned(),
            about: query.about().to_owned(),
            parameters: parameters.collect(),
            columns: columns.collect(),
        }
    }
}

/// A call of a named query.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"parameters": {"from": "2026-11-01T00:00:00Z"}, "format": "json"}))]
pub struct QueryCall {
    /// Values by parameter name.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
    /// `json`, `ndjson`, `csv`, `arrow` or `parquet`; without it the `Accept` header decides, then `json`.
    pub format: Option<String>,
}

/// List the named queries
///
/// With parameters and columns; those that the caller's role may not run are left out.
#[utoipa::path(
    operation_id = "queries_list",
    tag = "sql",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("queries"))),
    responses(
        (status = 200, description = "The queries.", body = QueryList, example = json!({
            "items": [{"name": "interactions_by_day", "about": "Interactions by UTC day and channel.",
                "parameters": [{"name": "from", "type": "timestamptz", "required": false, "default": null}],
                "columns": [{"name": "day", "type": "date", "about": "UTC day of the first event"}]}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/queries")]
pub(super) async fn queries_list(state: web::Data<State>, caller: Caller) -> web::Json<QueryList> {
    let allowed = state
        .engine
        .named()
        .iter()
        .filter(|query| caller.role.allows(query.needs));
    let items = allowed.map(QueryView::from).collect();
    web::Json(QueryList {
        items,
        next_cursor: None,
    })
}

/// Run a named query
///
/// The answer is as that of `POST /v1/sql`.
#[utoipa::path(
    operation_id = "query_run",
    tag = "sql",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("queries"))),
    params(("name" = String, Path, description = "The query's name.", example = "interactions_by_day")),
    request_body(content = QueryCall, description = "The values of its parameters.", content_type = "application/json"),
    responses(
        (status = 200, description = "The rows, in the format that was asked for.", content(
            (RowSet = "application/json", example = json!({
                "columns": [{"name": "day", "type": "date"}, {"name": "interactions", "type": "bigint"}],
                "rows": [["2026-11-20", 1200]], "row_count": 1, "truncated": false
            })),
            (String = "application/x-ndjson", example = json!("{\"day\":\"2026-11-20\",\"interactions\":1200}\n{\"end\":true,\"rows\":1}\n")),
            (String = "text/csv", example = json!("day,interactions\r\n2026-11-20,1200\r\n")),
            (Vec<u8> = "application/vnd.apache.arrow.stream", example = json!("<Arrow IPC stream>")),
            (Vec<u8> = "application/vnd.apache.parquet", example = json!("<Parquet file>")),
        )),
        Problems,
    ),
)]
#[post("/v1/queries/{name}")]
pub(super) async fn query_run(
    state: web::Data<State>,
    http: HttpRequest,
    caller: Caller,
    name: web::Path<String>,
    body: Body<QueryCall>,
) -> Result<HttpResponse, ApiError> {
    let format = format(&http, body.format.as_deref())?;
    let Body(body) = body;
    let request = NamedRequest::new(name.into_inner(), body.parameters, caller.role);
    let answer = state.engine.run_named(request).await?;
    respond(&state, answer, format).await
}
