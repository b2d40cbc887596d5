//! `GET /v1/system/sources`: how far the sources have come.

use actix_web::{get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::describe::Problems;
use super::state::State;
use crate::query::SourceRow;

/// The sources of this process.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceList {
    /// One item for each partition.
    pub items: Vec<SourceReport>,
    /// Always null: the list is whole.
    pub next_cursor: Option<String>,
}

/// How far one partition of a source has come.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceReport {
    /// Name of the source.
    #[schema(example = "inbox")]
    pub name: String,
    /// Partition within the source.
    #[schema(example = 0)]
    pub partition: i32,
    /// Offset after the last record that was read.
    #[schema(example = 1_200)]
    pub next_offset: i64,
    /// Records that are known to wait; null when the source cannot tell.
    #[schema(example = 0)]
    pub lag: Option<i64>,
    /// Events before this time are expected to have come; null before the first event.
    #[schema(format = DateTime, example = "2026-11-20T03:05:07.120Z")]
    pub watermark: Option<String>,
    /// `reading`, `finished`, `paused` or `failed`.
    #[schema(example = "reading")]
    pub state: String,
}

impl From<SourceRow> for SourceReport {
    fn from(row: SourceRow) -> Self {
        Self {
            name: row.source,
            partition: row.partition,
            next_offset: row.offset,
            lag: row.lag,
            watermark: row.watermark.map(|at| at.to_string()),
            state: row.state,
        }
    }
}

/// List the sources
///
/// Every partition of every source of this process, with its position, lag and watermark.
#[utoipa::path(
    operation_id = "sources_list",
    tag = "system",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("system"))),
    responses(
        (status = 200, description = "The sources.", body = SourceList, example = json!({
            "items": [{"name": "inbox", "partition": 0, "next_offset": 1200, "lag": 0,
                "watermark": "2026-11-20T03:05:07.120Z", "state": "reading"}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/system/sources")]
pub(super) async fn sources_list(state: web::Data<State>) -> web::Json<SourceList> {
    let items = state
        .inside
        .sources()
        .into_iter()
        .map(SourceReport::from)
        .collect();
    web::Json(SourceList {
        items,
        next_cursor: None,
    })
}
