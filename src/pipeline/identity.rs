//! Which identities a day has already seen, so that views clean only the
//! interactions that may need it.
//!
//! Invariants: a day's set is loaded from the lake before its first row is
//! judged, so a restart forgets nothing; a false hit is harmless (the
//! interaction is cleaned for nothing), a miss is not possible within one
//! process, nor after partitions have moved between processes. Days that were
//! not used lately are let go and loaded again on demand.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, AsArray, RecordBatch};
use twox_hash::XxHash3_64;

use crate::domain::Day;
use crate::lake::{Lake, LakeError, read_new_files};
use crate::tables::{Seen, TableId};

/// Identities of a day beyond which old days are let go.
const KEPT_IDENTITIES: usize = 8_000_000;

/// The identities of the days in use.
#[derive(Default)]
pub struct Identities {
    days: HashMap<(TableId, Day), DaySet>,
    clock: u64,
    looks: u64,
    /// Whether the event being added was seen before.
    repeated: bool,
}

#[derive(Default)]
struct DaySet {
    hashes: HashSet<u64>,
    /// Data files that were read.
    files: HashSet<String>,
    /// Number of the look at the lake.
    looked: u64,
    used: u64,
}

/// The columns that make the identity of a row.
const fn identity_columns(table: TableId) -> [&'static str; 2] {
    match table {
        TableId::Turns => ["interaction_id", "turn_id"],
        TableId::Findings => ["finding_id", "interaction_id"],
        _ => ["event_source", "event_id"],
    }
}

fn hash(parts: &[&str]) -> u64 {
    parts.iter().fold(0, |seed, part| {
        XxHash3_64::oneshot_with_seed(seed ^ part.len() as u64, part.as_bytes())
    })
}

impl Identities {
    /// Makes sure that the identities of `day` are known.
    ///
    /// # Errors
    /// When the day can't be read from the lake.
    pub async fn load(&mut self, lake: &Lake, table: TableId, day: Day) -> Result<(), LakeError> {
        self.clock += 1;
        let (clock, looks) = (self.clock, self.looks);
        let is_new = !self.days.contains_key(&(table, day));
        let known = self.days.entry((table, day)).or_default();
        known.used = clock;
        if !is_new && known.looked == looks {
            return Ok(());
        }
        let columns = identity_columns(table);
        let DaySet { hashes, files, .. } = known;
        let read = read_new_files(lake.table(table), day, &columns, files, |rows| {
            add_rows(hashes, rows, columns);
        });
        if let Err(error) = read.await {
            // Half a set would miss repeats.
            self.days.remove(&(table, day));
            return Err(error);
        }
        known.looked = looks;
        self.let_go();
        Ok(())
    }

    /// Files that are not known yet are read before the next row of their day.
    pub fn look_again(&mut self) {
        self.looks += 1;
    }

    /// Forgets everything: what was added may not have been committed.
    pub fn clear(&mut self) {
        self.days.clear();
    }

    /// Begins a new event; says afterwards whether it was seen before.
    pub fn begin_event(&mut self) {
        self.repeated = false;
    }

    /// Whether any row of the event was seen before.
    pub fn was_repeated(&self) -> bool {
        self.repeated
    }

    fn let_go(&mut self) {
        let mut total: usize = self.days.values().map(|day| day.hashes.len()).sum();
        while total > KEPT_IDENTITIES && self.days.len() > 1 {
            let oldest = self
                .days
                .iter()
                .min_by_key(|(_, day)| day.used)
                .map(|(key, _)| *key);
            let Some(removed) = oldest.and_then(|key| self.days.remove(&key)) else {
                return;
            };
            total -= removed.hashes.len();
        }
    }
}

fn add_rows(hashes: &mut HashSet<u64>, rows: &RecordBatch, columns: [&str; 2]) {
    let [Some(first), Some(second)] = columns.map(|name| rows.column_by_name(name)) else {
        return;
    };
    let (first, second) = (first.as_string::<i32>(), second.as_string::<i32>());
    for row in 0..first.len() {
        hashes.insert(hash(&[first.value(row), second.value(row)]));
    }
}

impl Seen for Identities {
    fn seen(&mut self, table: TableId, day: Day, parts: &[&str]) -> bool {
        let clock = self.clock;
        let looks = self.looks;
        let set = self.days.entry((table, day)).or_insert_with(|| DaySet {
            looked: looks,
            used: clock,
            ..DaySet::default()
        });
        let seen = !set.hashes.insert(hash(parts));
        self.repeated |= seen;
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let mut identities = Identities::default();
        let mut seen = |parts: &[&str]| identities.seen(TableId::Turns, Day(1), parts);
        assert!(!seen(&["ab", "c"]));
        assert!(!seen(&["a", "bc"]));
        assert!(seen(&["ab", "c"]));
    }

    #[test]
    fn days_and_tables_are_apart() {
        let mut identities = Identities::default();
        assert!(!identities.seen(TableId::Turns, Day(1), &["a", "b"]));
        assert!(!identities.seen(TableId::Turns, Day(2), &["a", "b"]));
        assert!(!identities.seen(TableId::Surveys, Day(1), &["a", "b"]));
        identities.begin_event();
        assert!(identities.seen(TableId::Surveys, Day(1), &["a", "b"]));
        assert!(identities.was_repeated());
    }
}
