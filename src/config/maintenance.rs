//! `[maintenance]`: compaction, checkpoints, closed days.

use std::num::NonZeroU64;

use chrono::NaiveTime;

use super::reader::settings;
use super::setting::positive;

settings! {
    /// The task that compacts, writes checkpoints, deletes old files and materialises closed days. One process does it for a lake.
    Maintenance {
        /// Whether this process takes part.
        enabled: bool = true;
        /// How often it looks for work, in seconds.
        interval_s: NonZeroU64 = positive(60);
        /// When days with late events are rebuilt, UTC.
        rebuild_at: NaiveTime = NaiveTime::from_hms_opt(2, 0, 0).unwrap_or(NaiveTime::MIN);
    }
}
