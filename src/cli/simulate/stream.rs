//! A run as one stream of events, at a pace.
//!
//! Invariants: an event goes out at its turn, never before it is due; what is
//! due is out before the next wait.

#![expect(
    clippy::disallowed_methods,
    reason = "the command paces itself on its own thread"
)]

use std::time::{Duration, Instant};

use super::target::Target;
use crate::app::now;
use crate::cli::print;
use crate::domain::Micros;
use crate::simulate::{Library, Options, Run};

/// When events go out.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As fast as they are taken.
    Fastest,
    /// So many a second.
    Rate(f64),
    /// Each at its own time; those whose time has passed at once.
    RealTime,
}

/// A wait that is shorter is not worth a flush.
const TICK: Duration = Duration::from_millis(20);

/// Sends all events to `target`, or those up to `until`.
///
/// # Errors
/// When `target` does not take them.
pub fn write(
    options: &Options,
    library: &Library,
    mut target: Target,
    pace: Pace,
    until: Option<Micros>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    let (mut interactions, mut events, mut bytes) = (0, 0_u64, 0_u64);
    for day in Run::new(options, library) {
        interactions += day.interactions;
        for (at, line) in day.lines {
            if until.is_some_and(|until| at > until) {
                continue;
            }
            let early = until_due(pace, events, at, begun);
            if early > TICK {
                target.flush()?;
                std::thread::sleep(until_due(pace, events, at, begun));
            }
            events += 1;
            bytes += line.len() as u64 + 1;
            target.put(line)?;
        }
    }
    target.flush()?;
    print::note(&format!(
        "{interactions} interactions, {events} events, {bytes} bytes"
    ));
    Ok(())
}

/// How long the next event, of time `at`, has to wait.
fn until_due(pace: Pace, sent: u64, at: Micros, begun: Instant) -> Duration {
    match pace {
        Pace::Fastest => Duration::ZERO,
        Pace::Rate(rate) => {
            let due_s = sent as f64 / rate.max(f64::MIN_POSITIVE);
            let due = Duration::try_from_secs_f64(due_s).unwrap_or(Duration::MAX);
            due.saturating_sub(begun.elapsed())
        }
        Pace::RealTime => Duration::from_micros(u64::try_from(at.0 - now().0).unwrap_or_default()),
    }
}
