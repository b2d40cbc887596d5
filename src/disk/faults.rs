//! Points at which a test can make the process die or the disk fail.
//!
//! Invariants: without a plan every call is one relaxed load; plans are read
//! only in builds with debug assertions, so a packaged binary ignores them.
//! A plan is `point=N` (die the N-th time the point is reached),
//! `power_off_at=N` (die right before the N-th step of the disk),
//! `disk_full_after_bytes=N` (writes fail from then on), `store_errors=N`
//! (every N-th write to the lake fails, in turn before and after it has had
//! its effect), `log=FILE` (append each point reached) or `journal=FILE`
//! (record what has reached the disk, see `journal`), joined by commas.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::journal::Journal;

/// A place in the write path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPoint {
    /// Before a data file is written.
    BeforeDataFile,
    /// After a data file is on the disk.
    AfterDataFile,
    /// After a flush has put the data files of one of its tables on the disk.
    AfterUpload,
    /// Before a log entry is written.
    BeforeLogEntry,
    /// After a log entry is on the disk.
    AfterLogEntry,
    /// After a flush was committed to every table, before its acknowledgement.
    BeforeAcknowledge,
    /// After the acknowledgement.
    AfterAcknowledge,
    /// During a compaction, between writing the new file and its commit.
    DuringCompaction,
    /// While closed days are stored, after each mart's commit.
    BetweenMarts,
    /// After the inbox has written, before it has synced.
    BeforeInboxSync,
    /// After the inbox has synced, before it answers.
    AfterInboxSync,
}

impl FaultPoint {
    /// Every point.
    pub const ALL: &'static [Self] = &[
        Self::BeforeDataFile,
        Self::AfterDataFile,
        Self::AfterUpload,
        Self::BeforeLogEntry,
        Self::AfterLogEntry,
        Self::BeforeAcknowledge,
        Self::AfterAcknowledge,
        Self::DuringCompaction,
        Self::BetweenMarts,
        Self::BeforeInboxSync,
        Self::AfterInboxSync,
    ];

    /// Name in a plan and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeDataFile => "before_data_file",
            Self::AfterDataFile => "after_data_file",
            Self::AfterUpload => "after_upload",
            Self::BeforeLogEntry => "before_log_entry",
            Self::AfterLogEntry => "after_log_entry",
            Self::BeforeAcknowledge => "before_acknowledge",
            Self::AfterAcknowledge => "after_acknowledge",
            Self::DuringCompaction => "during_compaction",
            Self::BetweenMarts => "between_marts",
            Self::BeforeInboxSync => "before_inbox_sync",
            Self::AfterInboxSync => "after_inbox_sync",
        }
    }
}

/// How a write fails that a plan lets fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// Nothing was written.
    BeforeEffect,
    /// It was written, and only the answer is lost.
    AfterEffect,
}

/// A plan that can't be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "fault plan `{0}`: expected point=N, power_off_at=N, disk_full_after_bytes=N, store_errors=N, log=FILE or journal=FILE"
)]
pub struct FaultPlanError(String);

/// What shall go wrong, and where.
#[derive(Debug, Default)]
pub struct Faults {
    die_at: Option<(FaultPoint, AtomicI64)>,
    steps_left: Option<AtomicI64>,
    disk_bytes_left: Option<AtomicI64>,
    store_errors: Option<u64>,
    stored: AtomicU64,
    log: Option<PathBuf>,
    journal: Option<Journal>,
    /// Points reached; held while a line is written, so that lines are in order.
    reached: Mutex<u64>,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// When a part of the plan is none of the known ones.
    pub fn parse(plan: &str) -> Result<Self, FaultPlanError> {
        let mut faults = Self::default();
        for part in plan.split(',').filter(|part| !part.is_empty()) {
            let wrong = || FaultPlanError(part.to_owned());
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            match name {
                "store_errors" => {
                    faults.store_errors = Some(value.parse().map_err(|_| wrong())?);
                }
                "log" => faults.log = Some(PathBuf::from(value)),
                "journal" => {
                    faults.journal = Some(Journal::open(Path::new(value)).map_err(|_| wrong())?);
                }
                "power_off_at" => {
                    faults.steps_left = Some(value.parse::<i64>().map_err(|_| wrong())?.into());
                }
                "disk_full_after_bytes" => {
                    faults.disk_bytes_left =
                        Some(value.parse::<i64>().map_err(|_| wrong())?.into());
                }
                _ => {
                    let point = FaultPoint::ALL.iter().find(|point| point.name() == name);
                    let count = value.parse::<i64>().map_err(|_| wrong())?;
                    faults.die_at = Some((*point.ok_or_else(wrong)?, count.into()));
                }
            }
        }
        Ok(faults)
    }

    /// The process reaches `point`: dies there if the plan says so.
    pub fn hit(&self, point: FaultPoint) {
        if !cfg!(debug_assertions) {
            return;
        }
        if let Err(error) = self.record(|journal| journal.point(point.name())) {
            tracing::warn!(%error, "the journal can't be written");
        }
        if self.die_at.is_none() && self.log.is_none() {
            return;
        }
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let dies = self.die_at.as_ref().is_some_and(|(planned, left)| {
            *planned == point && left.fetch_sub(1, Ordering::SeqCst) == 1
        });
        self.write_log(*reached, point, dies);
        if dies {
            die();
        }
        *reached += 1;
    }

    /// The disk is about to take one more step: dies there if the plan says so.
    pub(super) fn step(&self) {
        let planned = self.steps_left.as_ref().filter(|_| cfg!(debug_assertions));
        if planned.is_some_and(|left| left.fetch_sub(1, Ordering::SeqCst) == 1) {
            die();
        }
    }

    /// Writes to the journal, if there is one.
    pub(super) fn record(&self, write: impl FnOnce(&Journal) -> io::Result<()>) -> io::Result<()> {
        match self.journal.as_ref().filter(|_| cfg!(debug_assertions)) {
            Some(journal) => write(journal),
            None => Ok(()),
        }
    }

    /// What `folder` holds now, for a later line of the journal.
    pub(super) fn entries(&self, folder: &Path) -> io::Result<Value> {
        match self.journal.as_ref().filter(|_| cfg!(debug_assertions)) {
            Some(_) => Journal::entries(folder),
            None => Ok(Value::Null),
        }
    }

    fn write_log(&self, serial: u64, point: FaultPoint, dies: bool) {
        let Some(path) = &self.log else { return };
        let line = format!(
            "{serial} {}{}\n",
            point.name(),
            if dies { " died" } else { "" }
        );
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        if let Err(error) = written {
            tracing::warn!(%error, "the log of fault points can't be written");
        }
    }

    /// A write to the lake begins; the failure that it shall have.
    pub fn store_write(&self) -> Option<StoreFailure> {
        let every = self.store_errors.filter(|every| *every > 0)?;
        let number = self.stored.fetch_add(1, Ordering::Relaxed) + 1;
        if !number.is_multiple_of(every) {
            return None;
        }
        Some(if (number / every).is_multiple_of(2) {
            StoreFailure::AfterEffect
        } else {
            StoreFailure::BeforeEffect
        })
    }

    /// The disk is about to take `bytes` more.
    ///
    /// # Errors
    /// `StorageFull` once the plan's bytes are used up.
    pub fn disk_write(&self, bytes: usize) -> io::Result<()> {
        self.step();
        let Some(left) = &self.disk_bytes_left else {
            return Ok(());
        };
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if left.fetch_sub(bytes, Ordering::SeqCst) < bytes {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "dying here is what the plan is for"
)]
fn die() {
    std::process::abort();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_and_nonsense_is_refused() {
        let faults = Faults::parse("after_log_entry=3,disk_full_after_bytes=10").unwrap();
        assert!(faults.disk_write(10).is_ok());
        assert!(faults.disk_write(1).is_err());
        let faults = Faults::parse("store_errors=2").unwrap();
        let failures: Vec<_> = (0..4).map(|_| faults.store_write()).collect();
        let (before, after) = (StoreFailure::BeforeEffect, StoreFailure::AfterEffect);
        assert_eq!(failures, [None, Some(before), None, Some(after)]);
        for wrong in ["nowhere=1", "after_log_entry", "after_log_entry=x"] {
            assert!(Faults::parse(wrong).is_err(), "{wrong}");
        }
    }
}
