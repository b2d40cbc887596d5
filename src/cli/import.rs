//! `import`: files into the lake, as canonical events, by a mapping or from a vendor's format.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::upload::upload;
use super::{CommonArgs, print, settings};
use crate::app::{DataFolder, known_topics, pipeline_settings};
use crate::config::Config;
use crate::contract::format::{Converted, Format};
use crate::contract::mapping::{MappedOutcome, Mapping, MappingOptions};
use crate::contract::{Rejection, decode};
use crate::domain::Micros;
use crate::pipeline::{Counts, Monitor, Pipeline};
use crate::source::{
    FileImport, FileReport, ForeignReader, ForeignRules, Manifest, Rules, Source, open_file,
};

/// Arguments of `import`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tingchao import events.ndjson.gz\n  tingchao import --mapping samples/mappings/call_log.toml calls.csv\n  tingchao import --mapping call_log.toml --dry-run 3 calls.csv\n  tingchao import --format contact-lens analysis/*.json\n  tingchao import --format auto --json exports/*\n  tingchao import --url https://tingchao.example:8080 --key \"$KEY\" events.ndjson.gz"
)]
pub struct ImportArgs {
    /// Files: plain, .gz or .zst.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How rows become events (TOML); see docs/MAPPING.md.
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    mapping: Option<PathBuf>,
    /// Format of the files; `auto` finds it out for each document; see docs/FORMATS.md.
    /// Not given: `canonical`, one event a line.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Where made times begin (RFC 3339), for files without times.
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Show the first N events and every row that would be refused; store nothing.
    #[arg(long, value_name = "N")]
    dry_run: Option<usize>,
    /// Through the running server at this address instead of into the data folder.
    #[arg(long, value_name = "URL", requires = "key", conflicts_with = "dry_run")]
    url: Option<String>,
    /// API key for the server, of a role that may send events.
    #[arg(long, value_name = "KEY", env = "TINGCHAO_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
    /// Exit with 1 when a row was refused.
    #[arg(long)]
    strict: bool,
}

pub fn run(common: &CommonArgs, args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let rules = rules(args)?;
    if let Some(shown) = args.dry_run {
        return dry_run(args, &rules, shown, &config);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let source = open(&config, args, rules)?;
    let reports = source.reports();
    let counts = runtime.block_on(async {
        match &args.url {
            Some(url) => upload(source, &Client::remote(url, args.key.clone())?).await,
            None => import(&config, source).await,
        }
    })?;
    let summary = Summary {
        counts,
        files: reports.get(),
    };
    show(args, &summary)?;
    let failed = args.strict && !summary.counts.refused.is_empty();
    Ok(ExitCode::from(u8::from(failed)))
}

/// What an import did.
#[derive(serde::Serialize)]
struct Summary {
    #[serde(flatten)]
    counts: Counts,
    /// One per file of a vendor's format.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileReport>,
}

fn open(config: &Config, args: &ImportArgs, rules: ImportRules) -> anyhow::Result<FileImport> {
    let manifest = Manifest::of(&args.files, &rules.identity)?;
    let max_line_bytes = usize::try_from(config.ingest.max_line_bytes.get())?;
    Ok(FileImport::open(manifest, rules.rules, max_line_bytes)?)
}

/// The rules and a text that stands for them in the import's identity.
struct ImportRules {
    rules: Rules,
    identity: String,
}

fn rules(args: &ImportArgs) -> anyhow::Result<ImportRules> {
    match (&args.mapping, args.format.as_deref()) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("mapping {} can't be read", path.display()))?;
            let mapping = Mapping::parse(&text)
                .with_context(|| format!("mapping {} is wrong", path.display()))?;
            let options = match &args.start {
                Some(start) => MappingOptions::with_start_text(start)
                    .with_context(|| format!("--start {start}: expected an RFC 3339 time"))?,
                None => MappingOptions::default(),
            };
            let start = args.start.as_deref().unwrap_or_default();
            let identity = format!("mapping {start}\n{text}");
            Ok(ImportRules {
                rules: Rules::Mapping(Arc::new(mapping), Arc::new(options)),
                identity,
            })
        }
        (None, None | Some("canonical")) => Ok(ImportRules {
            rules: Rules::Canonical,
            identity: "canonical".into(),
        }),
        (None, Some(name)) => {
            let wanted = Format::parse(name);
            if wanted.is_none() && name != "auto" {
                bail!(
                    "--format {name}: expected `auto` or one of {}",
                    Format::names()
                );
            }
            let start = match &args.start {
                Some(text) => Some(Micros::parse(text).ok().with_context(|| {
                    format!(
                        "--start {text}: expected an RFC 3339 time such as 2026-03-01T00:00:00Z"
                    )
                })?),
                None => None,
            };
            let shown = args.start.as_deref().unwrap_or_default();
            Ok(ImportRules {
                rules: Rules::Foreign(ForeignRules { wanted, start }),
                identity: format!("format {name} {shown}"),
            })
        }
    }
}

async fn import(config: &Config, source: FileImport) -> anyhow::Result<Counts> {
    let name = Arc::clone(source.name());
    let folder = DataFolder::open(config, "import", settings::faults()?).await?;
    let monitor = Monitor::default();
    let pipeline = Pipeline::start(
        Arc::clone(&folder.lake),
        folder.redactor.clone(),
        vec![Box::new(source)],
        pipeline_settings(config, folder.models.clone()),
        monitor.clone(),
    )?;
    let pipeline = pipeline.judged_by(known_topics(&folder.lake).await);
    pipeline.run(CancellationToken::new()).await?;
    if let Some(trouble) = monitor.trouble() {
        bail!("not everything could be committed: {trouble}");
    }
    Ok(monitor.counts(&name))
}

fn show(args: &ImportArgs, summary: &Summary) -> anyhow::Result<()> {
    let counts = &summary.counts;
    if args.json {
        print::line(&serde_json::to_string(summary)?);
    } else {
        summary.files.iter().for_each(show_file);
        print::line(&format!("read       {:>10}", counts.read));
        print::line(&format!("accepted   {:>10}", counts.accepted));
        print::line(&format!("repeated   {:>10}", counts.repeated));
        let skipped: u64 = counts.skipped.values().sum();
        print::line(&format!("skipped    {skipped:>10}"));
        for (rule, count) in &counts.skipped {
            print::line(&format!("  {rule:<20} {count:>10}"));
        }
        if counts.skipped_items > 0 {
            print::line(&format!(
                "  items left out       {:>10}",
                counts.skipped_items
            ));
        }
        let refused: u64 = counts.refused.values().sum();
        print::line(&format!("refused    {refused:>10}"));
        for (code, count) in &counts.refused {
            print::line(&format!("  {code:<20} {count:>10}"));
        }
    }
    Ok(())
}

/// One file of a vendor's format: what it is, what became of it.
fn show_file(report: &FileReport) {
    print::line(&report.file);
    let listed = |counts: Vec<String>| counts.join(", ");
    let formats = report.formats.iter();
    let formats = formats.map(|(name, count)| format!("{name} ({count})"));
    print::line(&format!("  formats  {}", listed(formats.collect())));
    print::line(&format!("  events   {}", report.events));
    if !report.left_out.is_empty() {
        let rules = report.left_out.iter();
        let rules = rules.map(|(rule, count)| format!("{rule} ({count})"));
        print::line(&format!("  left out {}", listed(rules.collect())));
    }
    if !report.dropped.is_empty() {
        let fields = report.dropped.keys().cloned().collect();
        print::line(&format!("  dropped  {}", listed(fields)));
    }
    for refusal in &report.refusals {
        let rejection = &refusal.rejection;
        let (code, pointer) = (rejection.code, &rejection.pointer);
        let at = if pointer.is_empty() { "" } else { " at " };
        print::line(&format!(
            "  refused  line {}: {code}{at}{pointer}: {}",
            refusal.line, rejection.reason
        ));
    }
    let more = report.refused.saturating_sub(report.refusals.len() as u64);
    if more > 0 {
        print::line(&format!("  refused  {more} more"));
    }
}

/// Shows what an import would do: the first events, and every refusal.
fn dry_run(
    args: &ImportArgs,
    rules: &ImportRules,
    shown: usize,
    config: &Config,
) -> anyhow::Result<ExitCode> {
    let mut left = shown;
    let mut refused = 0_u64;
    for path in &args.files {
        match &rules.rules {
            Rules::Mapping(mapping, options) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                for row in mapping.reader(open_file(path, None)?, &name, options)? {
                    refused += show_row(row.line, row.outcome, &mut left);
                }
            }
            Rules::Foreign(rules) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let input = open_file(path, None)?;
                let mut documents = ForeignReader::open(input, &name, *rules)?;
                while let Some(found) = documents.next_document()? {
                    for outcome in outcomes(found.outcome) {
                        refused += show_row(found.line, outcome, &mut left);
                    }
                }
            }
            Rules::Canonical => {
                let max = usize::try_from(config.ingest.max_line_bytes.get())?;
                let mut lines = crate::source::Lines::new(open_file(path, None)?, max);
                let mut number = 0;
                while let Some(line) = lines.next_line()? {
                    number += 1;
                    refused += show_row(number, MappedOutcome::Events(vec![line.bytes]), &mut left);
                }
            }
        }
    }
    print::note(&format!("{refused} rows would be refused"));
    Ok(ExitCode::from(u8::from(args.strict && refused > 0)))
}

/// A vendor's document as rows: its events, then each refusal.
fn outcomes(outcome: Result<(Format, Converted), Rejection>) -> Vec<MappedOutcome> {
    let (events, refused) = match outcome {
        Ok((_, converted)) => (converted.events, converted.refused),
        Err(rejection) => (Vec::new(), vec![(rejection, Vec::new())]),
    };
    let refused = refused
        .into_iter()
        .map(|(rejection, raw)| MappedOutcome::Refused {
            code: rejection.code.as_str(),
            pointer: rejection.pointer,
            reason: rejection.reason,
            raw,
        });
    std::iter::once(MappedOutcome::Events(events))
        .chain(refused)
        .collect()
}

/// Prints a row's events while `left` lasts, and every refusal; 1 if refused.
fn show_row(line: u64, outcome: MappedOutcome, left: &mut usize) -> u64 {
    match outcome {
        MappedOutcome::Events(events) => {
            let mut refused = 0;
            for event in events {
                match decode(&event) {
                    Err(rejection) => {
                        refused = 1;
                        let (code, pointer) = (rejection.code, &rejection.pointer);
                        print::line(&format!(
                            "line {line}: {code} at {pointer}: {}",
                            rejection.reason
                        ));
                    }
                    Ok(_) if *left > 0 => {
                        *left -= 1;
                        print::line(&String::from_utf8_lossy(&event));
                    }
                    Ok(_) => {}
                }
            }
            refused
        }
        MappedOutcome::Skipped { .. } => 0,
        MappedOutcome::Refused {
            code,
            pointer,
            reason,
            ..
        } => {
            let refused = Rejection::from_mapping(code, pointer, reason);
            print::line(&format!(
                "line {line}: {} at {}: {}",
                refused.code, refused.pointer, refused.reason
            ));
            1
        }
    }
}
