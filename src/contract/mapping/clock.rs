//! Reading of dates, clock times and durations as exports write them. Pure
//! text to numbers: no zones, no columns.

use std::borrow::Cow;

use chrono::{FixedOffset, NaiveDate, NaiveDateTime, TimeDelta};

/// A time as written: local, or with the offset that stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub local: NaiveDateTime,
    pub offset: Option<FixedOffset>,
}

/// Year-first dates with an optional clock time and offset: ISO 8601 and what
/// spreadsheets and Chinese systems write (`2026/1/5 9:03`, `2026年1月5日`,
/// `20260105`, `20260105090300`).
pub(super) fn read_date_time(text: &str) -> Option<Written> {
    let text = text.trim();
    if let Some(written) = read_compact(text) {
        return Some(written);
    }
    let split = text.find(|letter: char| letter.is_whitespace() || letter == 'T' || letter == '日');
    let Some(split) = split else {
        let local = read_date(text)?.and_hms_opt(0, 0, 0)?;
        return Some(Written {
            local,
            offset: None,
        });
    };
    let date = read_date(text.get(..split)?)?;
    let rest = text.get(split..)?.trim_start_matches(['T', '日']).trim();
    let (clock, offset) = split_offset(rest)?;
    let since_midnight = if clock.is_empty() {
        TimeDelta::zero()
    } else {
        read_clock(clock)?
    };
    let local = date
        .and_hms_opt(0, 0, 0)?
        .checked_add_signed(since_midnight)?;
    Some(Written { local, offset })
}

fn read_compact(text: &str) -> Option<Written> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let date = NaiveDate::parse_from_str(text.get(..8)?, "%Y%m%d").ok()?;
    let clock = text.get(8..)?;
    let part = |from: usize| clock.get(from..from + 2)?.parse::<u32>().ok();
    let local = match clock.len() {
        0 => date.and_hms_opt(0, 0, 0)?,
        4 => date.and_hms_opt(part(0)?, part(2)?, 0)?,
        6 => date.and_hms_opt(part(0)?, part(2)?, part(4)?)?,
        _ => return None,
    };
    Some(Written {
        local,
        offset: None,
    })
}

/// Year, month, day with `-`, `/`, `.` or 年月日 between; eight digits too.
/// What follows the day after a blank or `T` is ignored.
pub(super) fn read_date(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let text = text
        .split(|letter: char| letter.is_whitespace() || letter == 'T' || letter == '日')
        .next()?;
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return NaiveDate::parse_from_str(text, "%Y%m%d").ok();
    }
    let mut parts = text.split(['-', '/', '.', '年', '月']);
    let year: i32 = parts.next()?.parse().ok()?;
    let month: u32 = parts.next()?.parse().ok()?;
    let day: u32 = parts.next()?.parse().ok()?;
    if parts.next().is_some() || !(1000..=9999).contains(&year) {
        return None;
    }
    NaiveDate::from_ymd_opt(year, month, day)
}

/// `7:02`, `07:02:47`, `7:02:47.5`, `25:10:00` (next day), with `AM`, `PM`,
/// 上午 or 下午: the time since midnight.
pub(super) fn read_clock(text: &str) -> Option<TimeDelta> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b':');
    let lower = if plain {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.trim().to_lowercase())
    };
    let (half, digits) = if plain {
        (None, text)
    } else {
        take_half(&lower)
    };
    let mut parts = digits.trim().split([':', '：', '时', '分']);
    let hour: i64 = parts.next()?.trim().parse().ok()?;
    let minute: i64 = parts.next()?.trim().parse().ok()?;
    let seconds = match parts.next().map(|text| text.trim_end_matches('秒')) {
        None | Some("") => 0.0,
        Some(text) => text.trim().parse::<f64>().ok()?,
    };
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    let in_range = (0..=99).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..61.0).contains(&seconds)
        && parts.next().is_none_or(str::is_empty);
    in_range.then(|| TimeDelta::milliseconds((hour * 60 + minute) * 60_000 + millis(seconds)))
}

#[allow(clippy::cast_possible_truncation, reason = "at most 61 seconds")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

/// `Some(true)` for the afternoon, and the text without that word.
fn take_half(text: &str) -> (Option<bool>, &str) {
    for (word, afternoon) in [("am", false), ("pm", true), ("上午", false), ("下午", true)] {
        if let Some(rest) = text.strip_suffix(word).or_else(|| text.strip_prefix(word)) {
            return (Some(afternoon), rest);
        }
    }
    (None, text)
}

/// Splits `09:03:00+08:00`, `09:03Z`, `09:03 +0800`, `09:03 UTC`.
fn split_offset(text: &str) -> Option<(&str, Option<FixedOffset>)> {
    for word in ["Z", "z", "UTC", "GMT"] {
        if let Some(clock) = text.strip_suffix(word) {
            return Some((clock.trim(), FixedOffset::east_opt(0)));
        }
    }
    let Some(sign) = text.rfind(['+', '-']).filter(|at| *at > 0) else {
        return Some((text, None));
    };
    let digits = text.get(sign + 1..)?.replace(':', "");
    let number: i32 = digits.parse().ok()?;
    let seconds = match digits.len() {
        1 | 2 => number * 3600,
        4 => (number / 100) * 3600 + (number % 100) * 60,
        _ => return None,
    };
    let east = if text.get(sign..)?.starts_with('-') {
        -seconds
    } else {
        seconds
    };
    Some((text.get(..sign)?.trim(), Some(FixedOffset::east_opt(east)?)))
}

/// `"90s"`, `"2m"`, `"1h"`, `"1d"`, `"500ms"`.
pub(super) fn read_span(text: &str) -> Option<TimeDelta> {
    let text = text.trim();
    let split = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let count: i64 = text.get(..split)?.trim().parse().ok()?;
    let factor = match text.get(split..)? {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    TimeDelta::try_milliseconds(count.checked_mul(factor)?)
}
