//! `[topics]`: requests and topics found in the background.

use std::num::{NonZeroU32, NonZeroU64};

use super::reader::settings;
use super::setting::{positive, positive_u32};

settings! {
    /// Requests and topics of the lake, kept up by `serve`. One process does it for a lake.
    Topics {
        /// Whether this process takes part.
        enabled: bool = true;
        /// How often it looks for what was said since, in seconds.
        look_every_s: NonZeroU64 = positive(10);
        /// How often requests are clustered again, in hours; earlier when as many have come as there were.
        run_every_hours: NonZeroU32 = positive_u32(24);
        /// Requests of so many days before the newest one are clustered; older ones are judged by what was learnt.
        window_days: NonZeroU32 = positive_u32(90);
        /// Requests from which topics are learnt at most; all are assigned.
        sample: NonZeroU32 = positive_u32(100_000);
    }
}
