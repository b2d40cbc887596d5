//! What became of the records of a source.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::contract::RejectCode;
use crate::domain::Micros;

/// Counts since the start; `read` is rows or lines, the others say what became
/// of the events in them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows or lines.
    pub read: u64,
    /// Events taken in for the first time.
    pub accepted: u64,
    /// Events seen before.
    pub repeated: u64,
    /// Rows that a mapping skips on purpose, by rule.
    pub skipped: BTreeMap<String, u64>,
    /// Items within rows that a mapping leaves out, such as empty utterances.
    pub skipped_items: u64,
    /// Parts of vendors' documents that are left out on purpose, by rule.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// Refused events or rows, by code.
    pub refused: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Adds these to `total`.
    pub fn add_to(&self, total: &mut Self) {
        total.read += self.read;
        total.accepted += self.accepted;
        total.repeated += self.repeated;
        total.skipped_items += self.skipped_items;
        for (rule, count) in &self.skipped {
            *total.skipped.entry(rule.clone()).or_default() += count;
        }
        for (rule, count) in &self.left_out {
            *total.left_out.entry(rule.clone()).or_default() += count;
        }
        for (code, count) in &self.refused {
            *total.refused.entry(code).or_default() += count;
        }
    }

    /// One more refusal.
    pub fn refuse(&mut self, code: RejectCode) {
        *self.refused.entry(code.as_str()).or_default() += 1;
    }

    /// One more row skipped by `rule`.
    pub fn skip(&mut self, rule: &str) {
        match self.skipped.get_mut(rule) {
            Some(count) => *count += 1,
            None => {
                self.skipped.insert(rule.to_owned(), 1);
            }
        }
    }
}

/// How a source is doing, for `GET /v1/system/sources` and `system.sources`.
#[derive(Clone, Debug, Serialize)]
pub struct SourceState {
    /// Name of the source.
    pub name: String,
    /// Partition.
    pub partition: i32,
    /// Next offset to read.
    pub next_offset: i64,
    /// Next offset that every table has durably seen.
    pub committed_offset: i64,
    /// Records known to wait.
    pub lag: Option<u64>,
    /// Greatest event time so far.
    #[serde(skip)]
    pub newest_event_at: Option<Micros>,
    /// When the last record came.
    #[serde(skip)]
    pub heard_at: Option<Micros>,
    /// `reading`, `failed`, `finished`.
    pub state: &'static str,
}
