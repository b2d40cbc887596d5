//! `/v1/topics`: what customers ask for.
//!
//! Invariants: what people decide is in the store before the answer goes out and counts in it at once; tables follow
//! with the next round; every answer over history says whether it is as reported or restated. Not here: runs and
//! their tables (`jobs`), statistics (`insight`).

mod change;
mod drivers;
mod list;
mod one;
mod rows;
mod runs;

pub(super) use change::{topic_change, topic_merge, topic_merge_undo};
pub(super) use drivers::topic_drivers;
pub(super) use list::topics_list;
pub(super) use one::topic_get;
pub(super) use runs::{topic_run_get, topic_run_start};

use serde::Serialize;
use utoipa::ToSchema;

use super::filters::Filters;

/// Which topics history is read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Those that were given first.
    AsReported,
    /// Those of the newest run, with the merges that hold now.
    Restated,
}

impl Basis {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "as_reported" => Some(Self::AsReported),
            "restated" => Some(Self::Restated),
            _ => None,
        }
    }

    fn read(filters: &mut Filters, text: Option<&str>) -> Self {
        let expected = "expected as_reported or restated";
        let basis = filters.checked("basis", text, expected, Self::parse);
        basis.unwrap_or(Self::Restated)
    }
}

/// Four digits are more than a figure is worth.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// More digits where small values matter.
fn probability(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}
