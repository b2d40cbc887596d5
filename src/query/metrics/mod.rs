//! The metric registry: one file of `queries/metrics/` a KPI, one generator for every door.
//!
//! A definition says which rows count ([`definition`]); a request says which time, how it is cut, grouped and
//! filtered ([`ask`]); [`sql`] makes one statement of both. `POST /v1/metrics/query` and the table functions of
//! schema `metrics` ([`function`]) run that statement and nothing else, so they give the same number.
//!
//! Invariants: a value of a request enters a statement as a literal of the parsed tree, never as text; intervals
//! are cut in the zone that is asked for by its own transitions ([`zone`]). Not here: HTTP, which
//! days are stored.

mod ask;
mod cells;
mod compare;
mod definition;
mod function;
mod hours;
mod registry;
mod sql;
mod zone;

pub(crate) use crate::domain::listed;
pub use ask::MetricRequest;
pub(super) use cells::{CELLS, CellDays, relation as cells};
pub(crate) use compare::MAX_GROUPS;
pub use compare::{CompareRequest, Compared, Side};
pub use definition::{Definition, Kind, MetricParam};
pub(super) use function::{Circumstances, expand};
pub use registry::Registry;

/// What the deployment says about costs and opening hours.
#[derive(Debug, Clone, Default)]
pub struct MetricSettings {
    /// The rows of `[[costs]]`.
    pub costs: Vec<crate::config::Cost>,
    /// The tables of `[business_hours]`, by queue; `"*"` is every other queue.
    pub business_hours: std::collections::BTreeMap<String, crate::config::BusinessHours>,
}

impl From<&crate::config::Config> for MetricSettings {
    fn from(config: &crate::config::Config) -> Self {
        Self {
            costs: config.costs.clone(),
            business_hours: config.business_hours.clone().into_iter().collect(),
        }
    }
}
