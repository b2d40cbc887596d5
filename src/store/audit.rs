//! Who changed what, when, under which request.

use serde::Serialize;

/// Who makes a change, when, and under which request. Every change of the store asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The id of the key, or `cli` for the command line.
    pub actor: &'a str,
    /// The request's id, or another id under which the log holds more.
    pub request_id: &'a str,
    /// Now, microseconds UTC.
    pub at_us: i64,
}

impl<'a> Change<'a> {
    pub(super) fn audits(&self, action: &'static str, target: &'a str) -> AuditEntry<'a> {
        AuditEntry {
            at_us: self.at_us,
            actor: self.actor,
            action,
            target,
            request_id: self.request_id,
        }
    }
}

/// A row that is to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct AuditEntry<'a> {
    pub at_us: i64,
    pub actor: &'a str,
    pub action: &'static str,
    pub target: &'a str,
    pub request_id: &'a str,
}

/// A row of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    /// Grows with every row.
    pub seq: i64,
    /// When, microseconds UTC.
    pub at_us: i64,
    /// The id of the key, or `cli`.
    pub actor: String,
    /// What was done, such as `key.create`.
    pub action: String,
    /// The id of what it was done to.
    pub target: String,
    /// The request.
    pub request_id: String,
}
