//! `POST /v1/sql`: one reading statement in, rows out.
//!
//! Invariants: the guard and the limits are the engine's; a client that goes away drops the stream, which stops
//! the query. Not here: encodings (`query::export`).

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::Body;
use super::describe::Problems;
use super::problem::ApiError;
use super::state::State;
use crate::error::ErrorCode;
use crate::query::export::Format;
use crate::query::{Answer, Request};

/// A statement to run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "sql": "select channel, count(*) as n from interactions where started_at >= $1 group by channel",
    "parameters": ["2026-11-01T00:00:00Z"], "format": "json"
}))]
pub struct SqlRequest {
    /// One statement that only reads, in the dialect of PostgreSQL.
    pub sql: String,
    /// The values of `$1`, `$2`, …
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub parameters: Vec<Value>,
    /// `json`, `ndjson`, `csv`, `arrow` or `parquet`; without it the `Accept` header decides, then `json`.
    pub format: Option<String>,
}

/// Rows as JSON.
#[derive(Debug, Serialize, ToSchema)]
pub struct RowSet {
    /// The columns, in order.
    columns: Vec<RowColumn>,
    /// The rows, each with one value per column. Integers beyond 2^53 and decimals are strings.
    #[schema(value_type = Vec<Vec<Object>>)]
    rows: Vec<Vec<Value>>,
    /// How many rows there are.
    row_count: u64,
    /// True when the row limit cut the answer.
    truncated: bool,
}

/// A column of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct RowColumn {
    /// Its name.
    name: String,
    /// Its type in the words of PostgreSQL.
    r#type: String,
}

/// Run SQL
///
/// One statement that only reads, under the limits of the server. NDJSON ends with `{"end":true,…}`; an answer
/// that breaks off before its end is incomplete.
#[utoipa::path(
    operation_id = "sql_run",
    tag = "sql",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("sql"))),
    request_body(content = SqlRequest, description = "The statement.", content_type = "application/json"),
    responses(
        (status = 200, description = "The rows, in the format that was asked for.", content(
            (RowSet = "application/json", example = json!({
                "columns": [{"name": "channel", "type": "text"}, {"name": "n", "type": "bigint"}],
                "rows": [["call", 17313]], "row_count": 1, "truncated": false
            })),
            (String = "application/x-ndjson", example = json!("{\"channel\":\"call\",\"n\":17313}\n{\"end\":true,\"rows\":1}\n")),
            (String = "text/csv", example = json!("channel,n\r\ncall,17313\r\n")),
            (Vec<u8> = "application/vnd.apache.arrow.stream", example = json!("<Arrow IPC stream>")),
            (Vec<u8> = "application/vnd.apache.parquet", example = json!("<Parquet file>")),
        )),
        Problems,
    ),
)]
#[post("/v1/sql")]
pub(super) async fn sql_run(
    state: web::Data<State>,
    http: HttpRequest,
    caller: Caller,
    body: Body<SqlRequest>,
) -> Result<HttpResponse, ApiError> {
    let format = format(&http, body.format.as_deref())?;
    let Body(body) = body;
    let mut request = Request::new(body.sql, caller.role);
    request.parameters = body.parameters;
    let answer = state.engine.run(request).await?;
    respond(&state, answer, format).await
}

/// The format that the body or the `Accept` header asks for.
pub(super) fn format(http: &HttpRequest, word: Option<&str>) -> Result<Format, ApiError> {
    if let Some(word) = word {
        let known = Format::ALL
            .into_iter()
            .find(|format| format.as_str() == word);
        return known.ok_or_else(|| {
            ApiError::parameter("/format", "expected json, ndjson, csv, arrow or parquet")
        });
    }
    let Some(accept) = http.headers().get(header::ACCEPT) else {
        return Ok(Format::Json);
    };
    let accept = accept.to_str().unwrap_or_default().to_ascii_lowercase();
    let ranges = accept
        .split(',')
        .map(|range| range.split(';').next().unwrap_or_default().trim());
    let mut found = ranges.filter_map(format_of);
    found.next().ok_or_else(|| {
        let types: Vec<&str> = Format::ALL.into_iter().map(essence).collect();
        ApiError::new(
            ErrorCode::NotAcceptable,
            format!("there are {}", types.join(", ")),
        )
    })
}

fn format_of(range: &str) -> Option<Format> {
    if matches!(range, "" | "*/*" | "application/*") {
        return Some(Format::Json);
    }
    Format::ALL
        .into_iter()
        .find(|format| essence(*format) == range)
}

fn essence(format: Format) -> &'static str {
    format.content_type().split(';').next().unwrap_or_default()
}

/// An answer as a streamed response.
pub(super) async fn respond(
    state: &State,
    answer: Answer,
    format: Format,
) -> Result<HttpResponse, ApiError> {
    let bytes = state.engine.export(answer, format).await?;
    // A failure after the first bytes breaks the answer off; the engine has logged it.
    let bytes = futures::StreamExt::map(bytes, |part| part.map_err(ApiError::from));
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .streaming(bytes))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_body_decides_then_the_accept_header() {
        let with = |accept: Option<&str>, word: Option<&str>| {
            let request = accept.map_or_else(TestRequest::get, |accept| {
                TestRequest::get().insert_header(("accept", accept))
            });
            format(&request.to_http_request(), word).ok()
        };
        assert_eq!(with(None, None), Some(Format::Json));
        assert_eq!(with(Some("text/csv"), None), Some(Format::Csv));
        assert_eq!(with(Some("text/html, */*;q=0.1"), None), Some(Format::Json));
        assert_eq!(
            with(Some("application/vnd.apache.arrow.stream"), None),
            Some(Format::Arrow)
        );
        assert_eq!(
            with(Some("text/csv"), Some("parquet")),
            Some(Format::Parquet)
        );
        assert_eq!(with(Some("image/png"), None), None);
        assert_eq!(with(None, Some("xml")), None);
    }
}
