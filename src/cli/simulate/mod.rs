//! `simulate`: a service desk whose truth is known, as events and truth tables.

mod folder;
mod stream;
mod target;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use chrono::{Months, NaiveDate};
use clap::Args;

pub use folder::write_day;

use super::{CommonArgs, print};
use crate::app::now;
use crate::domain::{Day, Micros};
use crate::simulate::{ASR_NOISE, Library, Options, ScenarioFile};
use stream::Pace;
use target::Target;

/// Arguments of `simulate`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tingchao simulate --months 1 --interactions-per-day 3000 --seed 7 --out months\n  \
                  tingchao simulate --interactions 300 --days 3 --seed 7 --out events.ndjson\n  \
                  tingchao simulate --interactions 3000 --url http://127.0.0.1:8080 --key \"$KEY\" --rate 200\n  \
                  TINGCHAO__KAFKA__BROKERS=127.0.0.1:9092 tingchao simulate --interactions-per-day 3000 --days 1 --kafka --real-time"
)]
pub struct SimulateArgs {
    /// Same seed, same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Calendar months; `--out` is then a folder: one file a day, `truth/`, `knowledge/`.
    #[arg(long, value_name = "N")]
    months: Option<u32>,
    /// Interactions of an ordinary day.
    #[arg(long, value_name = "M", conflicts_with = "interactions")]
    interactions_per_day: Option<f64>,
    /// Exactly so many interactions over all days; 300 without it and without --months.
    #[arg(long, value_name = "N")]
    interactions: Option<u64>,
    /// Over how many days, without --months.
    #[arg(long, default_value_t = 1, conflicts_with = "months")]
    days: u32,
    /// First day (YYYY-MM-DD or RFC 3339); without it the run ends today, and yesterday where it is sent at once.
    #[arg(long)]
    start: Option<String>,
    /// The judge's part: his topics too, his wordings and seeds only.
    #[arg(long)]
    judge: bool,
    /// Only counts by day and topic, without words; needs --months or --days and a folder.
    #[arg(long)]
    counts: bool,
    /// Read scenario files (*.toml) from this folder instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// How much a speech recogniser gets wrong in calls, 0 to 1.
    #[arg(long, default_value_t = ASR_NOISE)]
    asr_noise: f64,
    /// Leave out what people say.
    #[arg(long)]
    no_turns: bool,
    /// Events a second; as fast as they are taken without it.
    #[arg(long, conflicts_with = "real_time")]
    rate: Option<f64>,
    /// Every event when its time comes; those whose time has passed at once.
    #[arg(long)]
    real_time: bool,
    /// Send the events to the running server at this address.
    #[arg(long, value_name = "URL", conflicts_with_all = ["kafka", "out", "months", "counts"])]
    url: Option<String>,
    /// API key for the server, of a role that may send events.
    #[arg(long, value_name = "KEY", env = "TINGCHAO_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Send the events to the brokers of the settings, each to the default topic of its kind.
    #[arg(long, conflicts_with_all = ["out", "months", "counts"])]
    kafka: bool,
    /// Send them all to this topic.
    #[arg(long, value_name = "TOPIC", requires = "kafka")]
    topic: Option<String>,
    /// Mix up the events of each day.
    #[arg(long)]
    shuffle_within_day: bool,
    /// Threads that write; they change no byte.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// A file, or a folder for events, knowledge base and truth: with --months, with --counts, or where
    /// a folder is or the path ends with `/`. Standard output without it.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Print the figures of the run as Markdown instead of events.
    #[arg(long)]
    describe: bool,
}

pub fn run(common: &CommonArgs, args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    let library = library(args.scenarios.as_deref())?;
    let options = args.options()?;
    if args.describe {
        print::line(&crate::simulate::describe(&options, &library));
        return Ok(ExitCode::SUCCESS);
    }
    let is_folder = args.months.is_some() || args.counts;
    match &args.out {
        Some(out) if is_folder || names_folder(out) => {
            folder::write(&options, &library, out, args.counts)?;
        }
        None if is_folder => {
            anyhow::bail!("--out DIR is needed with --months and --counts: a folder for the files");
        }
        _ => {
            // Who takes part in the present is not told of the future.
            let until = (args.is_sent() && !args.real_time).then(now);
            stream::write(
                &options,
                &library,
                args.target(common)?,
                args.pace()?,
                until,
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn names_folder(out: &Path) -> bool {
    out.is_dir() || out.as_os_str().as_encoded_bytes().ends_with(b"/")
}

impl SimulateArgs {
    fn target(&self, common: &CommonArgs) -> anyhow::Result<Target> {
        match &self.url {
            Some(url) => Target::server(url, self.key.clone()),
            None if self.kafka => {
                let config = common.start(&[])?;
                Target::kafka(config.kafka, self.topic.clone())
            }
            None => Target::text(self.out.as_deref()),
        }
    }

    /// Whether a server or brokers take the events.
    const fn is_sent(&self) -> bool {
        self.url.is_some() || self.kafka
    }

    fn pace(&self) -> anyhow::Result<Pace> {
        match self.rate {
            _ if self.real_time => Ok(Pace::RealTime),
            None => Ok(Pace::Fastest),
            Some(rate) if rate > 0.0 && rate.is_finite() => Ok(Pace::Rate(rate)),
            Some(rate) => anyhow::bail!("--rate {rate} is not above 0"),
        }
    }

    fn options(&self) -> anyhow::Result<Options> {
        anyhow::ensure!(
            (0.0..=1.0).contains(&self.asr_noise),
            "--asr-noise {} is not from 0 to 1",
            self.asr_noise
        );
        let given = self.start.as_deref().map(first_day).transpose()?;
        let (start, days) = match self.months {
            Some(months) => span(given, months)?,
            None => {
                // A day that is sent at once has to be over.
                let today = now().day().0 - i32::from(self.is_sent() && !self.real_time);
                (
                    given.unwrap_or(Day(today + 1 - self.days as i32)),
                    self.days,
                )
            }
        };
        let days = days.max(1);
        let total = match (self.interactions, self.interactions_per_day) {
            (None, None) if self.months.is_none() => Some(300),
            (total, _) => total,
        };
        let per_day = match (total, self.interactions_per_day) {
            (Some(total), _) => total as f64 / f64::from(days),
            (None, per_day) => per_day.unwrap_or(300.0),
        };
        anyhow::ensure!(
            (1.0 / 1_000.0..=1_000_000.0).contains(&per_day),
            "{per_day} interactions a day are not from 0.001 to 1000000"
        );
        Ok(Options {
            seed: self.seed,
            interactions: total,
            interactions_per_day: per_day,
            start: start.start(),
            days,
            turns: !self.no_turns,
            judge: self.judge,
            asr_noise: self.asr_noise,
            late: self.months.is_some(),
            shuffle_within_day: self.shuffle_within_day,
            threads: self.threads.max(1),
        })
    }
}

fn first_day(text: &str) -> anyhow::Result<Day> {
    Day::parse(text)
        .or_else(|_| Micros::parse(text).map(Micros::day))
        .with_context(|| format!("--start {text}"))
}

/// First day and number of days of so many calendar months.
fn span(start: Option<Day>, months: u32) -> anyhow::Result<(Day, u32)> {
    let date = |day: Day| NaiveDate::from_epoch_days(day.0).context("--start is out of range");
    let months = Months::new(months.max(1));
    let range = "so many months are out of range";
    let (from, until) = match start {
        Some(start) => {
            let from = date(start)?;
            (from, from.checked_add_months(months).context(range)?)
        }
        None => {
            let until = date(now().day())?;
            (until.checked_sub_months(months).context(range)?, until)
        }
    };
    let days = u32::try_from((until - from).num_days()).context(range)?;
    Ok((Day(from.to_epoch_days()), days))
}

/// The scenario library; every mistake in it is told.
pub fn library(folder: Option<&Path>) -> anyhow::Result<Library> {
    let mut files = Vec::new();
    if let Some(folder) = folder {
        let read = || format!("{} can't be read", folder.display());
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .with_context(read)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .with_context(read)?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
        paths.sort();
        anyhow::ensure!(!paths.is_empty(), "{} holds no *.toml", folder.display());
        for path in paths {
            let name = path.display().to_string();
            let text =
                fs::read_to_string(&path).with_context(|| format!("{name} can't be read"))?;
            files.push(ScenarioFile { name, text });
        }
    }
    Library::load(&files).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(
            "{} mistakes in the scenario files\n{}",
            lines.len(),
            lines.join("\n")
        )
    })
}
