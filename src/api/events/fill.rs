//! Reads the identities of the last 24 hours from the lake, so that a restart does not forget them.
//!
//! Runs once, in the background, when the process is ready. Until it is done a repeat can be counted as
//! accepted; what is stored does not depend on it.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, TimeUnit, TimestampMicrosecondType};
use futures::StreamExt;
use serde_json::Value;

use super::recent::{Identity, RecentIdentities};
use crate::api::state::State;
use crate::domain::{Micros, Role};
use crate::query::{QueryError, Request};

const SQL: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/recent_identities.sql"
));
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Fills `state.recent` with what the inbox took in the last 24 hours.
///
/// # Errors
/// When the lake cannot be read. Nothing depends on it but the count of repeats.
pub async fn fill_recent(state: &State) -> Result<usize, QueryError> {
    let since = Micros((state.clock)().0 - MICROS_PER_DAY);
    let mut request = Request::new(SQL, Role::Admin);
    request.door = "start";
    request.parameters = vec![Value::String(since.to_string())];
    let mut rows = state.engine.run(request).await?.batches;
    let mut noted = 0;
    while let Some(batch) = rows.next().await {
        noted += note(&state.recent, &batch?).unwrap_or(0);
    }
    Ok(noted)
}

/// Notes the rows of a batch; `None` when it has other columns than the statement names.
fn note(recent: &RecentIdentities, batch: &RecordBatch) -> Option<usize> {
    let column = |name: &str, kind: &DataType| cast(batch.column_by_name(name)?, kind).ok();
    let sources = column("event_source", &DataType::Utf8)?;
    let ids = column("event_id", &DataType::Utf8)?;
    let revisions = column("revision", &DataType::Int32)?;
    let times = column(
        "ingested_at",
        &DataType::Timestamp(TimeUnit::Microsecond, None),
    )?;
    let (sources, ids) = (sources.as_string_opt::<i32>()?, ids.as_string_opt::<i32>()?);
    let revisions = revisions.as_primitive_opt::<Int32Type>()?;
    let times = times.as_primitive_opt::<TimestampMicrosecondType>()?;
    for row in 0..batch.num_rows() {
        let identity = Identity::new(sources.value(row), ids.value(row), revisions.value(row));
        recent.note(identity, Micros(times.value(row)));
    }
    Some(batch.num_rows())
}
