//! `[ingest]`: which events are taken.

use std::num::NonZeroU64;

use super::reader::settings;
use super::setting::positive;

settings! {
    /// What is taken from streams and over REST. Imports take any time from 1970 on.
    Ingest {
        /// An event older than this goes to the dead letters, in days.
        max_past_days: u32 = 400;
        /// An event further ahead than this goes to the dead letters, in days.
        max_future_days: u32 = 1;
        /// A longer line or record is refused, in bytes.
        max_line_bytes: NonZeroU64 = positive(1 << 20);
        /// `POST /v1/events` answers 503 while more than this waits to be committed, in bytes.
        max_inbox_bytes: NonZeroU64 = positive(1 << 30);
    }
}
