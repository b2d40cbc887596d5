//! `[targets.<queue>]`: what is aimed at.

use super::reader::settings;

settings! {
    /// What is aimed at, per queue. The table `"*"` is for every queue without a table of its own.
    Target {
        /// The share of offered interactions that is answered in time, in percent.
        service_level_percent: f64 = 90.0;
        /// What "in time" is, in seconds.
        answer_within_s: u32 = 30;
        /// The highest share of offered interactions that is abandoned, in percent.
        abandonment_percent: f64 = 5.0;
        /// The share of requests that is settled at the first contact, in percent.
        first_contact_resolution_percent: f64 = 85.0;
        /// The mean satisfaction, 1 to 5.
        csat_mean: f64 = 4.5;
        /// The longest mean handle time, in seconds. Not set: no target.
        handle_time_s: Option<u32> = None, like "300";
    }
}
