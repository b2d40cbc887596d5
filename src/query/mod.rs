//! SQL over the lake: sessions over live table versions, a guard for every read-only door, named queries,
//! exports.
//!
//! Invariants (design: read-only doors): a door can't write, read files or lift its limits; every query has a
//! deadline, a row limit and a memory limit; a vanished client stops its query; a query sees one state of all
//! tables. Every SQL statement of the product is a file under `queries/`. Not here: HTTP and the Postgres wire
//! (`api`, `pgwire`), writing of marts (`jobs`).

mod answer;
mod catalog;
mod clean;
mod engine;
mod error;
pub mod export;
mod files;
mod frame;
mod functions;
mod guard;
mod header;
mod log;
mod marts;
mod metrics;
mod parameters;
mod run;
mod spoken;
mod system;
#[cfg(test)]
mod tests;
mod typed;

pub use self::metrics::{
    CompareRequest, Compared, Definition, Kind, MetricParam, MetricRequest, MetricSettings,
    Registry, Side,
};
pub(crate) use self::metrics::{MAX_GROUPS, listed};
pub use answer::{Answer, BatchStream};
pub use catalog::Versions;
pub use clean::CleanDay;
pub use engine::{Engine, Limits, NamedRequest, Request, Spill, runtime};
pub use error::QueryError;
pub use files::NamedQuery;
pub use frame::Frame;
pub use header::{Column, Header, Param, SqlType};
pub use marts::{MartBuild, MartNews, MartRows};
pub use spoken::{Spoken, SpokenIn, SpokenTurn, SpokenTurns};
pub use system::{Inside, JobRow, SourceRow, watermark};
