//! Where events go out of the product: topics of the brokers, webhooks, and whoever listens in this process.
//!
//! Invariants: what is delivered is delivered at least once and carries a stable
//! id; only redacted text comes here. Not here: what is sent, and how far it has
//! come (`jobs`).

mod alerts;
mod kafka;
mod webhook;

pub use alerts::AlertHub;
pub use kafka::{Outgoing, SinkError, TopicSink};
pub use webhook::{AllowedHosts, DeliveryError, Message, WebhookClient, signature};
