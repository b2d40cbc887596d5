//! Instants and days, both UTC.
//!
//! Invariants: [`Micros`] lies in the years 0001 to 9999; [`Day`] is the UTC
//! calendar day of an instant. Not here: the current time.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Why a text is not a time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected an RFC 3339 time such as 2026-11-20T03:15:07.120Z")]
pub struct TimeError;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    /// Parses RFC 3339; digits beyond microseconds are cut.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        if let Some(micros) = parse_utc(text.as_bytes()) {
            return Ok(Self(micros));
        }
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| TimeError)?;
        Ok(Self(time.timestamp_micros()))
    }

    /// The UTC day that holds this instant.
    pub fn day(self) -> Day {
        Day(self.0.div_euclid(MICROS_PER_DAY) as i32)
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp_micros(self.0) {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{} us", self.0),
        }
    }
}

/// The common form `YYYY-MM-DDTHH:MM:SS[.f{1,9}]Z` without going through a
/// general parser: it is read once or twice per event.
fn parse_utc(text: &[u8]) -> Option<i64> {
    let (head, tail) = text.split_at_checked(19)?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = *head
    else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    let date = NaiveDate::from_ymd_opt(year as i32, number(&[m1, m2])?, number(&[d1, d2])?)?;
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = match tail {
        [b'Z'] => 0,
        [b'.', digits @ .., b'Z'] if (1..=9).contains(&digits.len()) => {
            let kept = digits.get(..6).unwrap_or(digits);
            let scale = 10_i64.pow(6 - kept.len() as u32);
            number(digits)?;
            i64::from(number(kept)?) * scale
        }
        _ => return None,
    };
    let days = i64::from(date.to_epoch_days());
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some(days * MICROS_PER_DAY + seconds * 1_000_000 + fraction)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value.checked_mul(10)?.checked_add(u32::from(digit - b'0')))?
    })
}

struct MicrosVisitor;

impl Visitor<'_> for MicrosVisitor {
    type Value = Micros;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 time")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Micros, E> {
        Micros::parse(text).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(MicrosVisitor)
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Micros {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time", "x-privacy": "closed"})
    }
}

/// Days since 1970-01-01, UTC; shown as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// Parses `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| TimeError)?;
        Ok(Self(date.to_epoch_days()))
    }

    /// The first instant of the day.
    pub fn start(self) -> Micros {
        Micros(i64::from(self.0) * MICROS_PER_DAY)
    }

    /// The first instant after the day.
    pub fn end(self) -> Micros {
        Day(self.0 + 1).start()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NaiveDate::from_epoch_days(self.0) {
            Some(date) => write!(f, "{}", date.format("%Y-%m-%d")),
            None => write!(f, "day {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_parser_agrees_with_the_general_one() {
        for text in [
            "2026-11-20T03:15:07.120Z",
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "2024-02-29T23:59:59.123456789Z",
            "9999-12-31T00:00:00.5Z",
        ] {
            let general = DateTime::parse_from_rfc3339(text)
                .unwrap()
                .timestamp_micros();
            assert_eq!(Micros::parse(text), Ok(Micros(general)), "{text}");
        }
    }

    #[test]
    fn zones_are_turned_into_utc_and_nonsense_is_refused() {
        let local = Micros::parse("1999-02-01T07:02:47+02:00").unwrap();
        assert_eq!(local.to_string(), "1999-02-01T05:02:47Z");
        for text in [
            "40000-01-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-11-20",
            "",
            "今天",
        ] {
            assert_eq!(Micros::parse(text), Err(TimeError), "{text}");
        }
    }

    #[test]
    fn a_day_holds_its_instants_also_before_1970() {
        assert_eq!(
            Micros::parse("1969-12-31T23:59:59Z").unwrap().day(),
            Day(-1)
        );
        let day = Day::parse("1999-02-01").unwrap();
        assert_eq!(day.to_string(), "1999-02-01");
        assert_eq!(day.start().day(), day);
        assert_eq!(day.end().day(), Day(day.0 + 1));
    }
}
