//! The simulated events as one NDJSON stream, in order of time.
//!
//! Invariants: memory holds the events of one day and what was put off to
//! later days; every event stands in the part of its own UTC day.

use std::io::{self, Write};

use super::Options;
use super::desk::Desk;
use super::dice::{Dice, Stream};

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Interactions, complete ones.
    pub interactions: u64,
    /// Lines.
    pub events: u64,
    /// Bytes, newlines included.
    pub bytes: u64,
}

/// The event times and lines of a day.
type Lines = Vec<(i64, Vec<u8>)>;

/// Writes all events as NDJSON: the days in order, in a day by time, or mixed
/// when the options say so.
///
/// # Errors
/// What `out` fails with.
pub fn write_ndjson(options: &Options, out: &mut dyn Write) -> io::Result<Counts> {
    let mut desk = Desk::new(options);
    let mut counts = Counts::default();
    let mut later = Lines::new();
    loop {
        let day_end = desk.day_end();
        let mut today = Lines::new();
        later.retain_mut(|(at, line)| {
            let now = *at < day_end;
            if now {
                today.push((*at, std::mem::take(line)));
            }
            !now
        });
        while let Some(group) = desk.next_today() {
            counts.interactions += u64::from(group.is_interaction);
            for (at, line) in group.at.iter().zip(group.events) {
                let part = if at.0 < day_end {
                    &mut today
                } else {
                    &mut later
                };
                part.push((at.0, line));
            }
        }
        write_day(options, desk.day_start(), today, out, &mut counts)?;
        if !desk.next_day() {
            break;
        }
    }
    write_rest(options, later, out, &mut counts)?;
    Ok(counts)
}

/// What happens after the last day, still day by day.
fn write_rest(
    options: &Options,
    mut rest: Lines,
    out: &mut dyn Write,
    counts: &mut Counts,
) -> io::Result<()> {
    use super::staff::DAY;
    rest.sort_by_key(|(at, _)| at.div_euclid(DAY));
    while let Some(day) = rest.first().map(|(at, _)| at.div_euclid(DAY)) {
        let length = rest.partition_point(|(at, _)| at.div_euclid(DAY) == day);
        let after = rest.split_off(length);
        write_day(
            options,
            day * DAY,
            std::mem::replace(&mut rest, after),
            out,
            counts,
        )?;
    }
    Ok(())
}

fn write_day(
    options: &Options,
    day_start: i64,
    mut lines: Lines,
    out: &mut dyn Write,
    counts: &mut Counts,
) -> io::Result<()> {
    lines.sort_by_key(|(at, _)| *at);
    if options.shuffle_within_day {
        let mut dice = Dice::new(options.seed, Stream::Shuffle, day_start as u64);
        for last in (1..lines.len()).rev() {
            let other = dice.below(last as u64 + 1) as usize;
            lines.swap(last, other);
        }
    }
    for (_, mut line) in lines {
        line.push(b'\n');
        out.write_all(&line)?;
        counts.events += 1;
        counts.bytes += line.len() as u64;
    }
    Ok(())
}
