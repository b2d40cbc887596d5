//! The times of foreign documents.
//!
//! Invariants: a time without a zone is UTC; a bare count is seconds below
//! 10^11 (the year 5138), milliseconds below 10^14, else microseconds.
//! Not here: the current time.

use chrono::{DateTime, NaiveDateTime};
use serde_json::Number;

use crate::domain::Micros;

/// Formats that have a zone beside RFC 3339.
const ZONED: &[&str] = &["%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%dT%H:%M:%S%.f%z"];
/// Formats without a zone.
const LOCAL: &[&str] = &[
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H-%M-%S",
    "%Y%m%dT%H:%M",
    "%Y%m%dT%H:%M:%S",
];

/// A time in words or digits.
pub(super) fn parse(text: &str) -> Option<Micros> {
    let text = text.trim();
    if let Ok(time) = Micros::parse(text) {
        return Some(time);
    }
    if let Ok(number) = text.parse::<f64>() {
        return from_f64(number);
    }
    let zoned = ZONED
        .iter()
        .find_map(|format| DateTime::parse_from_str(text, format).ok());
    if let Some(time) = zoned {
        return Some(Micros(time.timestamp_micros()));
    }
    let bare = [" UTC", "_UTC", "Z"]
        .iter()
        .find_map(|zone| text.strip_suffix(zone))
        .unwrap_or(text);
    LOCAL
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(bare, format).ok())
        .or_else(|| {
            // chrono wants seconds; a recording's name has none.
            NaiveDateTime::parse_from_str(&format!("{bare}:00"), "%Y%m%dT%H:%M:%S").ok()
        })
        .map(|time| Micros(time.and_utc().timestamp_micros()))
}

/// Whether a text is a count of zero: some vendors write so that nothing happened.
pub(super) fn is_zero(text: &str) -> bool {
    text.trim() == "0"
}

/// A count since 1970.
pub(super) fn from_number(number: &Number) -> Option<Micros> {
    match number.as_i64() {
        Some(count) => from_integer(count),
        None => from_f64(number.as_f64()?),
    }
}

fn from_integer(count: i64) -> Option<Micros> {
    let scale = match count {
        i64::MIN..=0 => return None,
        1..100_000_000_000 => 1_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000,
        _ => 1,
    };
    count.checked_mul(scale).map(Micros)
}

fn from_f64(number: f64) -> Option<Micros> {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        return from_integer(number as i64);
    }
    (number > 0.0 && number < 1e11).then(|| Micros((number * 1e6).round() as i64))
}

/// The time in a file's name such as `…_analysis_2026-03-05T09:30:00Z.json` or
/// `…_20260305T09:30_UTC.wav`.
pub(super) fn in_name(name: &str) -> Option<Micros> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let parts: Vec<&str> = name.split('_').collect();
    parts.iter().enumerate().find_map(|(index, part)| {
        let part = part.split('.').next().unwrap_or(part);
        if !part.contains('T') || part.len() < 13 {
            return None;
        }
        let zone = parts
            .get(index + 1)
            .is_some_and(|next| next.starts_with("UTC"));
        parse(&if zone {
            format!("{part}_UTC")
        } else {
            part.to_owned()
        })
    })
}

/// Seconds since 1970, as a revision.
pub(super) fn as_revision(time: Micros) -> i32 {
    i32::try_from(time.0.div_euclid(1_000_000).max(0)).unwrap_or(i32::MAX)
}

/// Milliseconds since 1970, as part of an id.
pub(super) fn as_millis(time: Micros) -> i64 {
    time.0.div_euclid(1_000)
}

/// Seconds since 1970, as part of an id.
pub(super) fn as_seconds(time: Micros) -> i64 {
    time.0.div_euclid(1_000_000)
}

/// From `start` to `end` in milliseconds; none when it is not in order.
pub(super) fn between_ms(start: Micros, end: Micros) -> Option<u32> {
    u32::try_from((end.0 - start.0).div_euclid(1_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_times_are_read() {
        let expected = Micros::parse("2026-03-05T09:30:00Z").ok();
        for text in [
            "2026-03-05T09:30:00Z",
            "2026-03-05T17:30:00+08:00",
            "2026-03-05T09:30:00.000+0000",
            "2026-03-05 09:30:00 UTC",
            "2026-03-05 09:30:00",
            "2026-03-05T09:30:00",
            "2026-03-05T09-30-00Z",
            "20260305T09:30_UTC",
            "1772703000",
            "1772703000000",
            "1772703000000000",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        for text in ["", "yesterday", "2026-02-30T00:00:00Z", "-5", "2026-03-05"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(
            from_f64(1_772_703_000.25),
            Some(Micros(1_772_703_000_250_000))
        );
    }

    #[test]
    fn a_name_may_tell_the_time() {
        let expected = Micros::parse("2026-03-05T09:30:00Z").ok();
        for name in [
            "c-1_analysis_2026-03-05T09:30:00Z.json",
            "a/b/c-1_analysis_redacted_2026-03-05T09-30-00Z.json.gz",
            "s3://b/c-1_20260305T09:30_UTC.wav",
        ] {
            assert_eq!(in_name(name), expected, "{name}");
        }
        assert_eq!(in_name("Transcript_of_a_call.json"), None);
    }
}
