//! `[lake]`: the Delta tables.

use std::num::{NonZeroU32, NonZeroU64};

use super::reader::settings;
use super::setting::{LakeUrl, positive, positive_u32};

settings! {
    /// The Delta tables: where they live, when rows are committed, when files are tidied.
    Lake {
        /// A folder or `s3://bucket/prefix`. Not set: the folder `lake` in `data.dir`.
        url: Option<LakeUrl> = None, like "\"s3://bucket/prefix\"";
        /// The longest that an accepted row waits for its commit, in milliseconds.
        max_latency_ms: NonZeroU64 = positive(1_000);
        /// A batch of this many bytes in memory is committed at once.
        max_batch_bytes: NonZeroU64 = positive(32 << 20);
        /// A table that received nothing records its progress at least this often while its source moves, in seconds; a restart reads no more than that again.
        progress_interval_s: NonZeroU64 = positive(60);
        /// Data files below this size are candidates for compaction, in bytes.
        compact_below_bytes: u64 = 64 << 20;
        /// So many candidates in one day of one table are compacted by the next round of maintenance.
        compact_min_files: NonZeroU32 = positive_u32(10);
        /// So many candidates in one day of one table, of all writers together, are compacted at once.
        compact_at_files: NonZeroU32 = positive_u32(120);
        /// The size that compaction aims at, in bytes.
        target_file_bytes: NonZeroU64 = positive(128 << 20);
        /// A checkpoint is written after so many commits of a table.
        checkpoint_every_commits: NonZeroU32 = positive_u32(50);
        /// Files that no version needs are deleted when they are older than this, in hours; at least 24.
        retention_hours: u32 = 168;
        /// Log entries before the last checkpoint are deleted when they are older than this, in hours; at least `retention_hours`.
        log_retention_hours: u32 = 720;
    }
}
