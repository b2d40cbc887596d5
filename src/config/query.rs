//! `[query]`: the limits of every read-only door.

use std::num::{NonZeroU32, NonZeroU64};

use super::reader::settings;
use super::setting::{positive, positive_u32};

settings! {
    /// The limits of every query, through any door. A query cannot lift them.
    Query {
        /// A query that takes longer is stopped, in seconds.
        timeout_s: NonZeroU64 = positive(60);
        /// The answer is cut after so many rows and says so.
        max_rows: NonZeroU64 = positive(1_000_000);
        /// A query that needs more memory is stopped, in bytes.
        max_memory_bytes: NonZeroU64 = positive(1 << 30);
        /// So many queries run at once; others wait within their time limit.
        max_concurrent: NonZeroU32 = positive_u32(4);
    }
}
