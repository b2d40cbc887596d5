//! `demo`: the whole product on a simulated service desk and the samples.

use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use super::serve::DoorArgs;
use super::{CommonArgs, print, settings};
use crate::app::{Addresses, ServeOptions, now, serve};
use crate::contract::mapping::{Mapping, MappingOptions};
use crate::domain::{Day, Micros};
use crate::simulate::{ASR_NOISE, Options, Run};
use crate::source::{FileImport, Manifest, Rules, Source};

const CALL_LOG: (&str, &str, &str) = (
    "call_log.csv",
    include_str!("../../samples/mappings/call_log.csv"),
    include_str!("../../samples/mappings/call_log.toml"),
);
const DIALOGUE: (&str, &str, &str) = (
    "dialogue.jsonl",
    include_str!("../../samples/mappings/dialogue.jsonl"),
    include_str!("../../samples/mappings/dialogue_jsonl.toml"),
);

/// So long after the start closed days are stored for the first time, seconds.
const CLOSE_AFTER_S: NonZeroU64 = NonZeroU64::MIN.saturating_add(19);

/// Arguments of `demo`.
#[derive(Args)]
#[command(after_help = "Example: tingchao demo --http 127.0.0.1:8080")]
pub struct DemoArgs {
    #[command(flatten)]
    doors: DoorArgs,
    /// Interactions of the simulated desk.
    #[arg(long, default_value_t = 9_000)]
    interactions: u64,
    /// Days that they are spread over, ending yesterday.
    #[arg(long, default_value_t = 30)]
    days: u32,
}

pub fn run(common: &CommonArgs, args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let mut config = common.start_in("./tingchao-demo", &args.doors.settings())?;
    // The simulated month is taken in within seconds and has no stragglers to wait for.
    config.days.quiet_minutes = 0;
    config.maintenance.interval_s = CLOSE_AFTER_S;
    let data = config.data.dir.clone();
    let max_line_bytes = usize::try_from(config.ingest.max_line_bytes.get())?;
    let folder = data.join("demo");
    fs::create_dir_all(&folder).with_context(|| format!("{} can't be made", folder.display()))?;
    let options = options(args);
    let mut sources = simulated(&options, &folder, max_line_bytes)?;
    super::demo_articles::import(&config, &options)?;
    for (name, content, mapping) in [CALL_LOG, DIALOGUE] {
        sources.push(sample(&folder, name, content, mapping, max_line_bytes)?);
    }
    let served = ServeOptions {
        demo: true,
        sources,
        ..ServeOptions::default()
    };
    let sql = config.sql.addr;
    serve(&config, served, settings::faults()?, move |addresses| {
        print::line(&greeting(addresses, &data, &sql.to_string()));
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Days that are taken in by a source of their own, so that the newest answers come first.
const NEWEST: usize = 4;

/// The simulated desk: the days that end yesterday.
fn options(args: &DemoArgs) -> Options {
    let days = args.days.max(1);
    let start = Micros(now().day().start().0 - i64::from(days) * 86_400_000_000);
    Options {
        // Another start, another desk: ids of two demo days must not meet.
        seed: u64::try_from(start.day().0).unwrap_or_default(),
        interactions: Some(args.interactions),
        interactions_per_day: args.interactions as f64 / f64::from(days),
        start,
        days,
        turns: true,
        judge: false,
        asr_noise: ASR_NOISE,
        late: true,
        shuffle_within_day: false,
        threads: 2,
    }
}

/// The simulated desk's events up to now, a file a day in the data folder: the last days, and the rest.
fn simulated(
    options: &Options,
    folder: &Path,
    max_line_bytes: usize,
) -> anyhow::Result<Vec<Box<dyn Source>>> {
    let now = now();
    let desk = folder.join(format!("desk-{}", options.start.day()));
    if !desk.exists() {
        simulate(options, &desk, now)?;
    }
    let mut files: Vec<PathBuf> = fs::read_dir(&desk)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let newest = files.split_off(files.len().saturating_sub(NEWEST));
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for part in [newest, files].iter().filter(|part| !part.is_empty()) {
        let manifest = Manifest::of(part, "canonical")?;
        let import = FileImport::open(manifest, Rules::Canonical, max_line_bytes)?;
        sources.push(Box::new(import));
    }
    Ok(sources)
}

/// Writes the days up to now; the folder has its name only when it is whole.
fn simulate(options: &Options, desk: &Path, now: Micros) -> anyhow::Result<()> {
    let library = super::simulate::library(None)?;
    let staged = desk.with_extension("new");
    fs::create_dir_all(&staged).with_context(|| format!("{} can't be made", staged.display()))?;
    let (mut interactions, mut events) = (0, 0);
    for mut day in Run::new(options, &library) {
        day.lines.retain(|(at, _)| *at <= now);
        if day.lines.is_empty() {
            continue;
        }
        super::simulate::write_day(&staged.join(format!("{}.ndjson", day.day)), &day)?;
        interactions += day.interactions;
        events += day.lines.len();
        print::note(&format!(
            "  simulated {}: {interactions} interactions so far",
            day.day
        ));
    }
    fs::rename(&staged, desk)?;
    print::note(&format!(
        "  {interactions} interactions, {events} events: taking them in"
    ));
    Ok(())
}

fn sample(
    folder: &Path,
    name: &str,
    content: &str,
    mapping: &str,
    max_line_bytes: usize,
) -> anyhow::Result<Box<dyn Source>> {
    let path: PathBuf = folder.join(name);
    fs::write(&path, content).with_context(|| format!("{} can't be written", path.display()))?;
    let rules = Rules::Mapping(
        Arc::new(Mapping::parse(mapping)?),
        Arc::new(MappingOptions::default()),
    );
    let manifest = Manifest::of(&[path], &format!("mapping \n{mapping}"))?;
    Ok(Box::new(FileImport::open(manifest, rules, max_line_bytes)?))
}

/// What is printed once the doors are open: addresses and lines to try.
fn greeting(addresses: Addresses, data: &Path, sql: &str) -> String {
    let http = addresses.http;
    let today = now().day();
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tingchao"));
    format!(
        r#"
Tingchao (听潮) is up, on a simulated service desk and the samples.
  REST and docs  {scheme}://{http}/docs
  metrics        {scheme}://{admin}/metrics
  SQL            nothing listens on {sql} yet; use the lines below
  data           {data}

Try:
  curl -s '{scheme}://{http}/v1/interactions?limit=3'
  curl -s '{scheme}://{http}/v1/operations/profile?from={from}T00:00:00Z&to={to}T00:00:00Z&group_by=channel'
  curl -s '{scheme}://{http}/v1/sql' -H 'content-type: application/json' -d '{{"sql":"select channel, count(*) as interactions from interactions group by channel order by 2 desc"}}'
  '{program}' --data '{data}' query --sql "select queue, count(*) as offered, count(*) filter (where outcome = 'abandoned') as abandoned from legs where handler = 'queue' group by queue order by 2 desc"

Stop with Ctrl-C.
"#,
        scheme = addresses.scheme,
        admin = addresses.admin,
        from = Day(today.0 - 7),
        to = Day(today.0 + 1),
        data = data.display(),
        program = program.display(),
    )
}
