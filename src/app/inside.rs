//! What SQL and REST see of the running process: sources and jobs.

use crate::domain::Micros;
use crate::pipeline::Monitor;
use crate::query::{Inside, JobRow, SourceRow};

/// A source's watermark is its newest event less this.
const WATERMARK_DELAY_MICROS: i64 = 10 * 60 * 1_000_000;

/// The pipeline as seen from outside.
pub struct Seen(pub Monitor);

impl Inside for Seen {
    fn sources(&self) -> Vec<SourceRow> {
        let sources = self.0.sources().into_iter();
        let rows = sources.map(|state| SourceRow {
            source: state.name,
            partition: state.partition,
            offset: state.committed_offset,
            lag: state.lag.and_then(|lag| i64::try_from(lag).ok()),
            watermark: state
                .newest_event_at
                .map(|at| Micros(at.0 - WATERMARK_DELAY_MICROS)),
            state: state.state.to_owned(),
        });
        rows.collect()
    }

    fn jobs(&self) -> Vec<JobRow> {
        Vec::new()
    }
}
