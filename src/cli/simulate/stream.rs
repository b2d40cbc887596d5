//! A run as one NDJSON stream, to a file or standard output, at a pace.

#![expect(
    clippy::disallowed_methods,
    reason = "the command paces itself on its own thread"
)]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::cli::print;
use crate::simulate::{Library, Options, Run};

/// Writes all events to `out`, or to standard output; `rate` is in events a second.
pub fn write(
    options: &Options,
    library: &Library,
    out: Option<&Path>,
    rate: Option<f64>,
) -> anyhow::Result<()> {
    let mut output: Box<dyn Write> = match out {
        Some(path) => {
            let file = File::create(path)
                .with_context(|| format!("{} can't be written", path.display()))?;
            Box::new(BufWriter::with_capacity(1 << 20, file))
        }
        None => Box::new(BufWriter::new(io::stdout())),
    };
    let begun = Instant::now();
    let (mut interactions, mut events, mut bytes) = (0, 0_u64, 0_u64);
    for day in Run::new(options, library) {
        interactions += day.interactions;
        for (_, line) in day.lines {
            if let Some(rate) = rate {
                let due_s = events as f64 / rate.max(f64::MIN_POSITIVE);
                let due = Duration::try_from_secs_f64(due_s).unwrap_or(Duration::MAX);
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
            }
            output.write_all(&line)?;
            output.write_all(b"\n")?;
            if rate.is_some() {
                output.flush()?;
            }
            events += 1;
            bytes += line.len() as u64 + 1;
        }
    }
    output.flush()?;
    print::note(&format!(
        "{interactions} interactions, {events} events, {bytes} bytes"
    ));
    Ok(())
}
