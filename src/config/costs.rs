//! `[[costs]]`: what a minute and a session cost.

use chrono::NaiveDate;

use super::reader::settings;

settings! {
    /// What interactions cost. For each channel the row with the latest `valid_from` that is not after the day counts; `"*"` is every channel without a row of its own.
    Cost {
        /// The channel, or `"*"`.
        channel: String = "*".to_owned();
        /// The first day that it holds for.
        valid_from: NaiveDate = NaiveDate::default() => required, like "\"2026-01-01\"";
        /// For each minute of an agent.
        per_agent_minute: f64 = 0.0;
        /// For each interaction, whoever handled it.
        per_session: f64 = 0.0;
        /// The currency; the same in all rows.
        currency: String = "CNY".to_owned();
    }
}
