//! The parts of the operations profile: each the rows of one named query, so that REST and SQL say the same.
//!
//! Invariants: nothing is computed here. Not here: the figures by interval (`operations`).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::problem::ApiError;
use super::rows::{collect, fetch_named, time};
use super::state::State;
use crate::domain::{Micros, Role};
use crate::query::MetricRequest;

/// Rows of a part.
type Rows = Vec<Map<String, Value>>;

const MAX_ROWS: u64 = 1_000;

/// What is behind the figures of the operation.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperationsParts {
    /// What each channel achieves and what it takes: the query `operations_channels`.
    #[schema(value_type = Vec<Object>)]
    pub channels: Rows,
    /// What an interaction costs, by channel: the metric `cost_per_interaction`; `numerator` is the sum. Empty values
    /// without `[[costs]]`.
    #[schema(value_type = Vec<Object>)]
    pub costs: Rows,
    /// What becomes of those who begin in the menu or with the bot: the query `self_service_funnel`.
    #[schema(value_type = Vec<Object>)]
    pub self_service: Rows,
    /// Why customers give up: the query `abandon_summary`.
    #[schema(value_type = Vec<Object>)]
    pub abandons: Rows,
    /// What customers come for and what grows: the query `hot_topics`.
    #[schema(value_type = Vec<Object>)]
    pub topics: Rows,
    /// What could move to self-service or to messages, what could be saved by fewer repeats and transfers, each with
    /// the size of the prize and interactions behind it: the query `improvement_opportunities`.
    #[schema(value_type = Vec<Object>)]
    pub opportunities: Rows,
}

/// The parts between two times.
pub(super) async fn parts(
    state: &State,
    from: Micros,
    to: Micros,
) -> Result<OperationsParts, ApiError> {
    let of = |name: &'static str| {
        let given = [("from", time(Some(from))), ("to", time(Some(to)))];
        let given = given.map(|(name, value)| (name.to_owned(), value));
        fetch_named::<Map<String, Value>>(state, name, BTreeMap::from(given), MAX_ROWS)
    };
    let (channels, costs, self_service, abandons, topics, opportunities) = tokio::try_join!(
        of("operations_channels"),
        costs(state, from, to),
        of("self_service_funnel"),
        of("abandon_summary"),
        of("hot_topics"),
        of("improvement_opportunities"),
    )?;
    Ok(OperationsParts {
        channels,
        costs,
        self_service,
        abandons,
        topics,
        opportunities,
    })
}

async fn costs(state: &State, from: Micros, to: Micros) -> Result<Rows, ApiError> {
    let request = MetricRequest {
        metric: "cost_per_interaction".to_owned(),
        from: from.to_string(),
        to: to.to_string(),
        group_by: vec!["channel".to_owned()],
        ..MetricRequest::default()
    };
    let (_, answer) = state
        .engine
        .run_metric(&request, MAX_ROWS, Role::Admin)
        .await?;
    let mut rows: Rows = collect(answer).await?;
    for row in &mut rows {
        row.retain(|name, _| {
            ["channel", "value", "numerator", "n", "coverage"].contains(&name.as_str())
        });
        row.insert("definition".to_owned(), json!("cost_per_interaction"));
    }
    Ok(rows)
}
