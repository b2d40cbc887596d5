//! `/v1/routing` and the personal menu: who is served next, by whom, and what a phone menu should offer first.
//!
//! Invariants: what the caller says goes before what the lake knows; every input is told with where it comes from and
//! of when it is; ids are brought to their stored form before anything is looked up. Not here: the decisions
//! themselves (`crate::routing`).

mod facts;
pub(super) mod matching;
pub(super) mod menu;
pub(super) mod priority;

pub use facts::RoutingFacts;
