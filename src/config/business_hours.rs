//! `[business_hours.<queue>]`: when a queue is open.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::reader::settings;
use super::setting::{Setting, quote};

use toml::Value;

/// A span of a day, in minutes after midnight, local time; the end is excluded and may be 1,440.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSpan {
    /// First open minute.
    pub from_minute: u32,
    /// First closed minute.
    pub to_minute: u32,
}

impl OpenSpan {
    const WHOLE_DAY: Self = Self {
        from_minute: 0,
        to_minute: 1_440,
    };

    fn minute(text: &str) -> Option<u32> {
        let (hours, minutes) = text.trim().split_once(':')?;
        let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
        let total = hours.checked_mul(60)?.checked_add(minutes)?;
        (minutes < 60 && total <= 1_440).then_some(total)
    }
}

impl Setting for OpenSpan {
    fn expected() -> String {
        "a span such as \"09:00-18:00\"".to_owned()
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    fn from_text(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let (from_minute, to_minute) = (Self::minute(from)?, Self::minute(to)?);
        (from_minute < to_minute).then_some(Self {
            from_minute,
            to_minute,
        })
    }

    fn to_toml(&self) -> Option<String> {
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        Some(quote(&format!(
            "{}-{}",
            clock(self.from_minute),
            clock(self.to_minute)
        )))
    }
}

settings! {
    /// When a queue is open. The table `"*"` is for every queue without a table of its own; without any, queues are always open.
    BusinessHours {
        /// The zone of the spans and days.
        timezone: Tz = Tz::UTC;
        /// Open spans; an empty list is a closed day.
        monday: Vec<OpenSpan> = vec![OpenSpan::WHOLE_DAY];
        /// Open spans.
        tuesday: Vec<OpenSpan> = vec![OpenSpan::WHOLE_DAY];
        /// Open spans.
        wednesday: Vec<OpenSpan> = vec![OpenSpan::WHOLE_DAY];
        /// Open spans.
        thursday: Vec<OpenSpan> = vec![OpenSpan::WHOLE_DAY];
        /// Open spans.
        friday: Vec<OpenSpan> = vec![OpenSpan::WHOLE_DAY];
        /// Open spans.
        saturday: Vec<OpenSpan> = vec![OpenSpan::WHOLE_DAY];
        /// Open spans.
        sunday: Vec<OpenSpan> = vec![OpenSpan::WHOLE_DAY];
        /// Days on which the queue is closed, such as `["2026-10-01"]`.
        closed_on: Vec<NaiveDate> = Vec::new();
    }
}
