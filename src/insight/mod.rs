//! What customers ask, and how it changes: topics, their identity over time, what goes with an outcome, where the
//! knowledge bases fail, and what a change did.
//!
//! Invariants: pure computation over redacted texts and counts; the same input and seed give the same bytes on any
//! number of threads. Not here: reading the lake (`query`), storing what people decided (`store`), schedules (`jobs`).

pub mod drivers;
pub mod effect;
pub mod gap_type;
pub mod gaps;
pub mod matching;
pub mod risk;
pub mod scorecard;
pub mod statistics;
pub mod topics;
