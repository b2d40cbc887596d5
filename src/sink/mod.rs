//! Where events go out of the product: topics of the brokers.
//!
//! Invariants: what is delivered is delivered at least once and carries a stable
//! id; only redacted text comes here. Not here: what is sent, and how far it has
//! come (`jobs`).

mod alerts;
mod kafka;

pub use alerts::AlertHub;
pub use kafka::{Outgoing, SinkError, TopicSink};
