//! Closed days rewritten clean: without repeats, superseded revisions and
//! recalled texts, so that nothing of them is cleaned on read any more.
//!
//! Invariants: a day is rewritten only when it is closed (its end is hours past
//! by the clock and by every live source's watermark, and nothing of it came
//! lately) and only if no file of it has changed since it was read.

use std::sync::Arc;

use crate::domain::{Day, Micros};
use crate::lake::{Lake, LakeError, Lease, UpkeepError, rewrite_day};
use crate::pipeline::Monitor;
use crate::query::{Engine, QueryError};
use crate::tables::TableId;

/// When a day counts as closed.
#[derive(Clone, Copy, Debug)]
pub struct Closing {
    /// How far clock and watermarks must be past the day's end.
    pub after_micros: i64,
    /// How long nothing of the day may have come.
    pub quiet_micros: i64,
    /// How long a source must have been silent to hold nothing back.
    pub silent_micros: i64,
    /// A source's watermark is its newest event less this.
    pub watermark_delay_micros: i64,
}

/// Why a day could not be rewritten.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// The lease or a table.
    #[error(transparent)]
    Upkeep(#[from] UpkeepError),
    /// The view could not be read.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// What a round needs.
pub struct Cleaner {
    /// The tables.
    pub lake: Arc<Lake>,
    /// An engine without the callers' limits.
    pub engine: Engine,
    /// What the sources have reached.
    pub monitor: Monitor,
    /// When a day counts as closed.
    pub closing: Closing,
    /// The present.
    pub clock: fn() -> Micros,
}

/// Tables with marks; dead letters have none.
const CLEANED: &[TableId] = &[
    TableId::Turns,
    TableId::InteractionEvents,
    TableId::Surveys,
    TableId::Cases,
    TableId::AgentStates,
    TableId::AgentSchedules,
    TableId::CustomerUpdates,
    TableId::KnowledgeEvents,
];

impl Cleaner {
    /// Rewrites every closed day that has marked rows; how many.
    ///
    /// # Errors
    /// The first failure; days rewritten before it stay so.
    pub async fn round(&self, lease: &Lease) -> Result<usize, CleanError> {
        let mut rewritten = 0;
        for table in CLEANED {
            for (day, last_at) in self.engine.marked_days(*table).await? {
                if self.is_closed(day, last_at) && self.rewrite(*table, day, lease).await? {
                    rewritten += 1;
                }
            }
        }
        Ok(rewritten)
    }

    /// The last day that can be closed by the clock.
    pub(super) fn last_closable(&self) -> Day {
        let day = Micros((self.clock)().0 - self.closing.after_micros).day();
        Day(day.0 - 1)
    }

    /// Whether nothing more is expected of `day`, of which the last row came in at `last_at`.
    pub(super) fn is_closed(&self, day: Day, last_at: Micros) -> bool {
        let now = (self.clock)();
        let closes_at = day.end().0 + self.closing.after_micros;
        if now.0 < closes_at || now.0 - last_at.0 < self.closing.quiet_micros {
            return false;
        }
        self.monitor.sources().iter().all(|source| {
            let silent = source
                .heard_at
                .is_none_or(|heard| now.0 - heard.0 >= self.closing.silent_micros);
            let watermark = source
                .newest_event_at
                .map(|newest| newest.0 - self.closing.watermark_delay_micros);
            source.state != "reading" || silent || watermark.is_none_or(|at| at >= closes_at)
        })
    }

    /// False when the day moved while it was read; the next round tries again.
    async fn rewrite(&self, id: TableId, day: Day, lease: &Lease) -> Result<bool, CleanError> {
        let table = self.lake.table(id);
        let snapshot = table.latest();
        let mut rows = self.engine.clean_day(id, day).await?;
        let version = snapshot
            .version()
            .and_then(|version| i64::try_from(version).ok());
        if rows.version != version {
            return Ok(false);
        }
        let mut batches = Vec::new();
        while let Some(batch) = rows.next().await? {
            batches.push(batch);
        }
        match rewrite_day(&self.lake, id, day, &snapshot, &batches, lease, self.clock).await {
            Ok(()) => Ok(true),
            Err(UpkeepError::Lake(LakeError::Stale { .. })) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::testing::{import, open_lake, rows};
    use crate::query::Limits;

    /// 2026-11-25T00:00:00Z: days after the events.
    fn now() -> Micros {
        Micros::parse("2026-11-25T00:00:00Z").unwrap()
    }

    const EVENTS: &str = r#"{"specversion":"1.0","id":"s","source":"t","type":"interaction.started.v1","subject":"c","time":"2026-11-20T01:00:00Z","data":{"channel":"chat","direction":"inbound","entry":"bot"}}
{"specversion":"1.0","id":"1","source":"t","type":"interaction.turn.v1","subject":"c","time":"2026-11-20T01:00:01Z","data":{"turn_id":"t1","speaker":{"role":"customer"},"text":"first","content_type":"text"}}
{"specversion":"1.0","id":"1","source":"t","type":"interaction.turn.v1","subject":"c","time":"2026-11-20T01:00:01Z","data":{"turn_id":"t1","speaker":{"role":"customer"},"text":"first","content_type":"text"}}
{"specversion":"1.0","id":"2","source":"t","type":"interaction.turn.v1","subject":"c","time":"2026-11-20T01:00:02Z","data":{"turn_id":"t2","speaker":{"role":"customer"},"text":"secret slip","content_type":"text"}}
{"specversion":"1.0","id":"3","source":"t","type":"interaction.turn_recalled.v1","subject":"c","time":"2026-11-20T01:00:03Z","data":{"turn_id":"t2"}}
{"specversion":"1.0","id":"4","source":"t","type":"interaction.turn.v1","subject":"other","time":"2026-11-20T01:00:03Z","data":{"turn_id":"t1","speaker":{"role":"agent"},"text":"hello","content_type":"text"}}
"#;

    #[test]
    fn a_closed_day_loses_its_repeats_and_recalled_words_and_the_view_stays() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = crate::query::runtime().unwrap();
        runtime.block_on(async {
            let lake = open_lake(folder.path()).await;
            import(&lake, folder.path(), "events", EVENTS).await;
            let limits = Limits::from(&crate::config::Query::default());
            let handle = tokio::runtime::Handle::current();
            let engine = Engine::new(Arc::clone(&lake), limits, Arc::new(()), handle).unwrap();
            let view = "select interaction_id, turn_id, seq, channel, text, recalled from turns order by 1, 2";
            let raw = "select turn_id, text, suspect from raw.turns order by 1, 2";
            let before = rows(&engine, view).await;
            assert_eq!(before.len(), 3, "{before:?}");
            assert_eq!(rows(&engine, raw).await.len(), 5);
            let cleaner = Cleaner {
                lake: Arc::clone(&lake),
                engine: engine.clone(),
                monitor: Monitor::default(),
                closing: Closing {
                    after_micros: 0,
                    quiet_micros: 0,
                    silent_micros: 0,
                    watermark_delay_micros: 0,
                },
                clock: now,
            };
            let lease = Lease::take(lake.storage(), crate::lake::MAINTENANCE, "test", now(), 600).await.unwrap();
            assert_eq!(cleaner.round(&lease).await.unwrap(), 1);
            assert_eq!(rows(&engine, view).await, before);
            let clean = rows(&engine, raw).await;
            assert_eq!(clean.len(), 3, "{clean:?}");
            assert!(clean.iter().all(|row| row.contains("false") && !row.contains("slip")), "{clean:?}");
            assert_eq!(cleaner.round(&lease).await.unwrap(), 0);
        });
    }
}
