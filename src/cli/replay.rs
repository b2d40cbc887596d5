//! `replay`: dead letters after a fix, and recorded data at a pace.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::{CommonArgs, print, settings};
use crate::app::{DataFolder, Seen, pipeline_settings};
use crate::config::Config;
use crate::contract::decode;
use crate::domain::Role;
use crate::pipeline::{Counts, Monitor, Pipeline};
use crate::query::{Engine, NamedRequest, export::Format};
use crate::source::{FileImport, Manifest, Replay, Rules, Source};

/// Arguments of `replay`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tingchao replay dead-letters --code unknown_type\n  tingchao replay recording events.ndjson.gz --speed 60"
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
            ReplayCommand::DeadLetters { code, source } => {
                dead_letters(&config, handle, code.as_deref(), source.as_deref()).await
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

/// Payloads are redacted already, with whole tokens, so that what is accepted
/// now joins with what came before.
async fn dead_letters(
    config: &Config,
    handle: tokio::runtime::Handle,
    code: Option<&str>,
    source: Option<&str>,
) -> anyhow::Result<Counts> {
    let folder = DataFolder::open(config, "replay", settings::faults()?).await?;
    let inside = Arc::new(Seen(Monitor::default()));
    let engine = Engine::new(
        Arc::clone(&folder.lake),
        (&config.query).into(),
        inside,
        handle,
    )?;
    let payloads = payloads(&engine, code, source).await?;
    let sound: Vec<&str> = payloads
        .iter()
        .map(String::as_str)
        .filter(|line| decode(line.as_bytes()).is_ok())
        .collect();
    print::note(&format!(
        "{} of {} dead letters are accepted now",
        sound.len(),
        payloads.len()
    ));
    if sound.is_empty() {
        return Ok(Counts::default());
    }
    let file = folder.path.join("replay.ndjson");
    std::fs::write(&file, sound.join("\n") + "\n")
        .with_context(|| format!("{} can't be written", file.display()))?;
    let counts = replay_file(config, &folder, &file).await;
    std::fs::remove_file(&file)?;
    counts
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
        pipeline_settings(config),
        monitor.clone(),
    )?;
    pipeline.run(CancellationToken::new()).await?;
    Ok(monitor.counts(name))
}

/// The payloads of dead letters, oldest first.
async fn payloads(
    engine: &Engine,
    code: Option<&str>,
    source: Option<&str>,
) -> anyhow::Result<Vec<String>> {
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
    #[derive(serde::Deserialize)]
    struct Row {
        payload: Option<String>,
    }
    let rows = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let payloads = rows.filter_map(|line| serde_json::from_slice::<Row>(line).ok()?.payload);
    Ok(payloads.collect())
}
