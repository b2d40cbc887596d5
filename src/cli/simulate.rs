//! `simulate`: the events of a made-up service desk as NDJSON.

#![expect(
    clippy::disallowed_methods,
    reason = "the command paces itself on its own thread"
)]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;

use super::print;
use crate::app::now;
use crate::domain::Micros;
use crate::simulate::{Options, simulate, write_ndjson};

/// Arguments of `simulate`.
#[derive(Args)]
#[command(
    after_help = "Example: tingchao simulate --interactions 300 --days 3 --seed 7 --out events.ndjson"
)]
pub struct SimulateArgs {
    /// Same seed, same events.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many interactions.
    #[arg(long, default_value_t = 300)]
    interactions: u64,
    /// Over how many days.
    #[arg(long, default_value_t = 1)]
    days: u32,
    /// First day (RFC 3339); today without it.
    #[arg(long)]
    start: Option<String>,
    /// Leave out what people say.
    #[arg(long)]
    no_turns: bool,
    /// Events a second; as fast as possible without it.
    #[arg(long)]
    rate: Option<f64>,
    /// Mix up the events of each day.
    #[arg(long)]
    shuffle_within_day: bool,
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl SimulateArgs {
    fn options(&self) -> anyhow::Result<Options> {
        let start = match &self.start {
            Some(text) => Micros::parse(text).with_context(|| format!("--start {text}"))?,
            None => now().day().start(),
        };
        Ok(Options {
            seed: self.seed,
            interactions: self.interactions,
            start,
            days: self.days,
            turns: !self.no_turns,
            rate_per_second: self.rate,
            shuffle_within_day: self.shuffle_within_day,
        })
    }
}

pub fn run(args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    let options = args.options()?;
    let mut out: Box<dyn Write> = match &args.out {
        Some(path) => {
            let file = File::create(path)
                .with_context(|| format!("{} can't be written", path.display()))?;
            Box::new(BufWriter::with_capacity(1 << 20, file))
        }
        None => Box::new(BufWriter::new(io::stdout())),
    };
    match options.rate_per_second {
        Some(rate) => paced(&options, rate, &mut out)?,
        None => {
            let counts = write_ndjson(&options, &mut out)?;
            print::note(&format!(
                "{} interactions, {} events, {} bytes",
                counts.interactions, counts.events, counts.bytes
            ));
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn paced(options: &Options, rate: f64, out: &mut dyn Write) -> io::Result<()> {
    let begun = Instant::now();
    let mut written = 0_u64;
    for interaction in simulate(options) {
        for event in interaction.events {
            let due_s = written as f64 / rate.max(f64::MIN_POSITIVE);
            let due = Duration::try_from_secs_f64(due_s).unwrap_or(Duration::MAX);
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
            out.write_all(&event)?;
            out.write_all(b"\n")?;
            out.flush()?;
            written += 1;
        }
    }
    Ok(())
}
