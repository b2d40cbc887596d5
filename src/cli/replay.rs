//! `replay`: dead letters after a fix, and recorded data at a pace.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::{CommonArgs, print, settings};
use crate::app::{DataFolder, Seen, known_topics, pipeline_settings};
use crate::config::Config;
use crate::contract::decode;
use crate::contract::mapping::{MappedOutcome, Mapping, MappingOptions};
use crate::domain::Role;
use crate::pipeline::{Counts, Monitor, Pipeline};
use crate::query::{Engine, NamedRequest, export::Format};
use crate::source::{FileImport, ForeignRules, Manifest, Replay, Rules, Source};

/// Arguments of `replay`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tingchao replay dead-letters --code unknown_type\n  tingchao replay dead-letters --code mapping_failed --mapping call_log.toml --header \"id,date,queue\"\n  tingchao replay recording events.ndjson.gz --speed 60"
)]
pub struct ReplayArgs {
    #[command(subcommand)]
    command: ReplayCommand,
}

#[derive(Subcommand)]
enum ReplayCommand {
    /// Take refused events in again: those that are accepted now. The others stay dead letters.
    DeadLetters {
        /// Only this code.
        #[arg(long)]
        code: Option<String>,
        /// Only from this source.
        #[arg(long)]
        source: Option<String>,
        /// The mapping for rows that a mapping had refused, corrected.
        #[arg(long, value_name = "FILE")]
        mapping: Option<PathBuf>,
        /// First line of the table that the rows came from, when it has a header.
        #[arg(long, value_name = "LINE", requires = "mapping")]
        header: Option<String>,
    },
    /// Take recorded canonical events in, at their own pace or a faster one.
    Recording {
        /// Files: plain, .gz or .zst.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How many times faster than they happened.
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
    },
}

pub fn run(common: &CommonArgs, args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let runtime = crate::query::runtime()?;
    let handle = runtime.handle().clone();
    let counts = runtime.block_on(async {
        match &args.command {
            ReplayCommand::DeadLetters {
                code,
                source,
                mapping,
                header,
            } => {
                let rows = rows_mapping(mapping.as_deref(), header.as_deref())?;
                let asked = (code.as_deref(), source.as_deref());
                dead_letters(&config, handle, asked, rows).await
            }
            ReplayCommand::Recording { files, speed } => recording(&config, files, *speed).await,
        }
    })?;
    print::line(&format!(
        "replayed {} records: {} accepted, {} repeated",
        counts.read, counts.accepted, counts.repeated
    ));
    Ok(ExitCode::SUCCESS)
}

async fn recording(config: &Config, files: &[PathBuf], speed: f64) -> anyhow::Result<Counts> {
    let import = open(config, files, "recording")?;
    let folder = DataFolder::open(config, "replay", settings::faults()?).await?;
    let name = Arc::clone(import.name());
    run_pipeline(config, &folder, Box::new(Replay::new(import, speed)), &name).await
}

/// How rows that a mapping refused are read again.
struct Rows {
    mapping: Mapping,
    header: Option<String>,
}

fn rows_mapping(path: Option<&Path>, header: Option<&str>) -> anyhow::Result<Option<Rows>> {
    let Some(path) = path else { return Ok(None) };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("mapping {} can't be read", path.display()))?;
    let mapping =
        Mapping::parse(&text).with_context(|| format!("mapping {} is wrong", path.display()))?;
    Ok(Some(Rows {
        mapping,
        header: header.map(str::to_owned),
    }))
}

/// Payloads are redacted already, with whole tokens, so that what is accepted
/// now joins with what came before. A payload is tried as a canonical event,
/// then as a document of a vendor's format, then as a row of the mapping.
async fn dead_letters(
    config: &Config,
    handle: tokio::runtime::Handle,
    (code, source): (Option<&str>, Option<&str>),
    rows: Option<Rows>,
) -> anyhow::Result<Counts> {
    let folder = DataFolder::open(config, "replay", settings::faults()?).await?;
    let inside = Arc::new(Seen(Monitor::default()));
    let engine = Engine::new(
        Arc::clone(&folder.lake),
        (&config.query).into(),
        inside,
        handle,
    )?;
    let letters = letters(&engine, code, source).await?;
    let mut sound = Vec::new();
    let mut accepted = 0;
    for letter in &letters {
        let events = match accepted_now(letter) {
            Some(events) => events,
            None => match &rows {
                Some(rows) => row_events(rows, letter)?,
                None => Vec::new(),
            },
        };
        accepted += usize::from(!events.is_empty());
        sound.extend(events);
    }
    print::note(&format!(
        "{accepted} of {} dead letters are accepted now",
        letters.len()
    ));
    if sound.is_empty() {
        return Ok(Counts::default());
    }
    let file = folder.path.join("replay.ndjson");
    sound.push(Vec::new());
    std::fs::write(&file, sound.join(&b'\n'))
        .with_context(|| format!("{} can't be written", file.display()))?;
    let counts = replay_file(config, &folder, &file).await;
    std::fs::remove_file(&file)?;
    counts
}

/// The events of a payload that is sound now: one that was canonical, or the
/// document of a vendor's format, whole.
fn accepted_now(letter: &Letter) -> Option<Vec<Vec<u8>>> {
    let payload = letter.payload.as_deref()?.as_bytes();
    if decode(payload).is_ok() {
        return Some(vec![one_line(payload)]);
    }
    let rules = ForeignRules::default();
    let (_, converted) = rules.convert(payload, letter.topic.as_deref(), None).ok()?;
    let whole = converted.refused.is_empty() && !converted.events.is_empty();
    whole.then_some(converted.events)
}

/// A document without line ends, which stand between tokens only.
fn one_line(document: &[u8]) -> Vec<u8> {
    let spaced = document.iter().map(|byte| match byte {
        b'\n' | b'\r' => b' ',
        byte => *byte,
    });
    spaced.collect()
}

/// The events of a row that the mapping takes now; none when it does not.
fn row_events(rows: &Rows, letter: &Letter) -> anyhow::Result<Vec<Vec<u8>>> {
    let Some(payload) = &letter.payload else {
        return Ok(Vec::new());
    };
    let text = match &rows.header {
        Some(header) => format!("{header}\n{payload}\n"),
        None => format!("{payload}\n"),
    };
    let name = letter.topic.as_deref().unwrap_or("rows.jsonl");
    let input = Box::new(std::io::Cursor::new(text.into_bytes()));
    let mut events = Vec::new();
    for row in rows
        .mapping
        .reader(input, name, &MappingOptions::default())?
    {
        match row.outcome {
            MappedOutcome::Events(made) => events.extend(made),
            MappedOutcome::Skipped { .. } | MappedOutcome::Refused { .. } => return Ok(Vec::new()),
        }
    }
    let sound = events.iter().all(|event| decode(event).is_ok());
    Ok(if sound { events } else { Vec::new() })
}

async fn replay_file(config: &Config, folder: &DataFolder, file: &Path) -> anyhow::Result<Counts> {
    let import = open(config, &[file.to_owned()], "dead letters")?;
    let name = Arc::clone(import.name());
    run_pipeline(config, folder, Box::new(import), &name).await
}

fn open(config: &Config, files: &[PathBuf], rules: &str) -> anyhow::Result<FileImport> {
    let max_line_bytes = usize::try_from(config.ingest.max_line_bytes.get())?;
    let manifest = Manifest::of(files, rules)?;
    Ok(FileImport::open(
        manifest,
        Rules::Canonical,
        max_line_bytes,
    )?)
}

async fn run_pipeline(
    config: &Config,
    folder: &DataFolder,
    source: Box<dyn Source>,
    name: &str,
) -> anyhow::Result<Counts> {
    let monitor = Monitor::default();
    let pipeline = Pipeline::start(
        Arc::clone(&folder.lake),
        folder.redactor.clone(),
        vec![source],
        pipeline_settings(config, folder.models.clone()),
        monitor.clone(),
    )?;
    let pipeline = pipeline.judged_by(known_topics(&folder.lake).await);
    pipeline.run(CancellationToken::new()).await?;
    Ok(monitor.counts(name))
}

/// One dead letter as it is taken in again.
#[derive(serde::Deserialize)]
struct Letter {
    payload: Option<String>,
    topic: Option<String>,
}

/// Dead letters, oldest first.
async fn letters(
    engine: &Engine,
    code: Option<&str>,
    source: Option<&str>,
) -> anyhow::Result<Vec<Letter>> {
    let parameters = [("code", code), ("source", source)].into_iter();
    let parameters = parameters.filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
    let mut request =
        NamedRequest::new("dead_letters_to_replay", parameters.collect(), Role::Admin);
    request.door = "cli";
    let answer = engine.run_named(request).await?;
    let mut bytes = Vec::new();
    let mut chunks = engine.export(answer, Format::Ndjson).await?;
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    let rows = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    Ok(rows
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}
