//! Local time by the transitions of a zone, as exact integers.
//!
//! Between two transitions a zone has one offset, so an instant becomes local time by adding a number. The
//! pieces of a zone within a time are found once; statements get them as plain numbers. Invariants: a local time
//! that a change of clocks skips stands for the instant of the change, one that comes twice for the first; no
//! interval overlaps another. Not here: which interval is asked for.

use std::fmt::Write as _;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// Microseconds.
pub(super) const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// Transitions lie further apart than this in every zone of the database.
const STEP: i64 = DAY;

/// A time with one offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its first instant, microseconds; the first piece of a list counts from ever.
    pub(super) from: i64,
    /// Local time less UTC, microseconds.
    pub(super) offset: i64,
}

/// The pieces of `zone` from a month before `from` to a day after `to`.
pub(super) fn pieces(zone: Tz, from: i64, to: i64) -> Vec<Piece> {
    let end = to.saturating_add(DAY);
    let mut at = from.saturating_sub(32 * DAY);
    let mut offset = offset_at(zone, at);
    let mut pieces = vec![Piece { from: at, offset }];
    while at < end {
        let next = at + STEP;
        let later = offset_at(zone, next);
        if later != offset {
            let from = transition(zone, at, next);
            pieces.push(Piece {
                from,
                offset: later,
            });
            offset = later;
        }
        at = next;
    }
    pieces
}

/// The first second of another offset after `low`, by halving.
fn transition(zone: Tz, mut low: i64, mut high: i64) -> i64 {
    let before = offset_at(zone, low);
    while high - low > SECOND {
        let middle = low + (high - low) / (2 * SECOND) * SECOND;
        let middle = if middle == low { low + SECOND } else { middle };
        if offset_at(zone, middle) == before {
            low = middle;
        } else {
            high = middle;
        }
    }
    high.div_euclid(SECOND) * SECOND
}

fn offset_at(zone: Tz, at: i64) -> i64 {
    let Some(utc) = DateTime::from_timestamp_micros(at) else {
        return 0;
    };
    let offset = zone.offset_from_utc_datetime(&utc.naive_utc()).fix();
    i64::from(offset.local_minus_utc()) * SECOND
}

/// The instant of a local time.
pub(super) fn instant_of(zone: Tz, local: i64) -> i64 {
    let pieces = pieces(zone, local, local);
    for (index, piece) in pieces.iter().enumerate() {
        let next = pieces.get(index + 1);
        if next.is_none_or(|next| local < next.from + piece.offset) {
            let instant = local - piece.offset;
            return if index == 0 {
                instant
            } else {
                instant.max(piece.from)
            };
        }
    }
    local
}

/// An expression for the offset at the instant `us`, an expression of microseconds.
pub(super) fn offset_sql(pieces: &[Piece], us: &str) -> String {
    choose(
        pieces,
        us,
        |next, _| next.from,
        |piece, _| piece.offset.to_string(),
    )
}

/// An expression for the instant of the local time `local`.
pub(super) fn instant_sql(pieces: &[Piece], local: &str) -> String {
    choose(
        pieces,
        local,
        |next, piece| next.from + piece.offset,
        |piece, is_first| {
            if is_first {
                format!("{local} - ({})", piece.offset)
            } else {
                format!("greatest({local} - ({}), {})", piece.offset, piece.from)
            }
        },
    )
}

/// An expression for the first instant of the piece that holds the instant `us`; far back for the first.
pub(super) fn piece_start_sql(pieces: &[Piece], us: &str) -> String {
    choose(
        pieces,
        us,
        |next, _| next.from,
        |piece, _| piece.from.to_string(),
    )
}

/// `case` over the pieces: `bound` says where one ends, by the next and itself.
fn choose(
    pieces: &[Piece],
    value: &str,
    bound: impl Fn(&Piece, &Piece) -> i64,
    then: impl Fn(&Piece, bool) -> String,
) -> String {
    let Some((last, _)) = pieces.split_last() else {
        return "0".to_owned();
    };
    if pieces.len() == 1 {
        return then(last, true);
    }
    let mut text = "case".to_owned();
    for (index, pair) in pieces.windows(2).enumerate() {
        if let [piece, next] = pair {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                " when {value} < {} then {}",
                bound(next, piece),
                then(piece, index == 0)
            );
        }
    }
    let _ = write!(text, " else {} end", then(last, false));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Micros;

    fn at(text: &str) -> i64 {
        Micros::parse(text).unwrap().0
    }

    #[test]
    fn pieces_begin_at_the_transitions() {
        let berlin = pieces(
            Tz::Europe__Berlin,
            at("2026-03-01T00:00:00Z"),
            at("2026-11-30T00:00:00Z"),
        );
        let starts: Vec<(i64, i64)> = berlin
            .iter()
            .skip(1)
            .map(|piece| (piece.from, piece.offset / HOUR))
            .collect();
        assert_eq!(
            starts,
            [
                (at("2026-03-29T01:00:00Z"), 2),
                (at("2026-10-25T01:00:00Z"), 1)
            ]
        );
        let one = pieces(
            Tz::Asia__Shanghai,
            at("2026-01-01T00:00:00Z"),
            at("2026-12-31T00:00:00Z"),
        );
        assert_eq!(one.len(), 1);
    }

    #[test]
    fn skipped_and_repeated_local_times_have_one_instant() {
        // Beirut skips midnight in spring.
        let local = at("2026-03-29T00:00:00Z");
        assert_eq!(
            instant_of(Tz::Asia__Beirut, local),
            at("2026-03-28T22:00:00Z")
        );
        let local = at("2026-03-29T02:30:00Z");
        assert_eq!(
            instant_of(Tz::Europe__Berlin, local),
            at("2026-03-29T01:00:00Z")
        );
        let local = at("2026-10-25T02:30:00Z");
        assert_eq!(
            instant_of(Tz::Europe__Berlin, local),
            at("2026-10-25T00:30:00Z")
        );
        let local = at("1999-02-01T00:00:00Z");
        assert_eq!(
            instant_of(Tz::Asia__Jerusalem, local),
            at("1999-01-31T22:00:00Z")
        );
    }
}
