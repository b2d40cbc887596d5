//! `[days]`: when a day is closed.

use super::reader::settings;

settings! {
    /// When a UTC day is closed and its marts are materialised.
    Days {
        /// Every watermark and the clock must be this far past the end of the day, in hours.
        close_after_hours: u32 = 6;
        /// No event of that day may have come for so long, in minutes.
        quiet_minutes: u32 = 10;
        /// A source that delivers nothing for so long holds no day open, in minutes.
        silent_source_minutes: u32 = 30;
        /// A source's watermark is its greatest event time less this, in minutes.
        watermark_delay_minutes: u32 = 10;
    }
}
