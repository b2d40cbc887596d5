//! `import`: files into the lake, by a mapping or as canonical events.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{CommonArgs, print, settings};
use crate::app::{DataFolder, pipeline_settings};
use crate::config::Config;
use crate::contract::mapping::{MappedOutcome, Mapping, MappingOptions};
use crate::contract::{Rejection, decode};
use crate::pipeline::{Counts, Monitor, Pipeline};
use crate::source::{FileImport, Manifest, Rules, Source, open_file};

/// Arguments of `import`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tingchao import events.ndjson.gz\n  tingchao import --mapping samples/mappings/call_log.toml calls.csv\n  tingchao import --mapping call_log.toml --dry-run 3 calls.csv"
)]
pub struct ImportArgs {
    /// Files: plain, .gz or .zst.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How rows become events (TOML); see docs/MAPPING.md.
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    mapping: Option<PathBuf>,
    /// Format of the files: `canonical` (one event a line).
    #[arg(long)]
    format: Option<String>,
    /// Where made times begin (RFC 3339), for files without times.
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Show the first N events and every row that would be refused; store nothing.
    #[arg(long, value_name = "N")]
    dry_run: Option<usize>,
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
    let counts = runtime.block_on(import(&config, args, rules))?;
    summary(args, &counts)
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
        (None, None | Some("canonical" | "auto")) => Ok(ImportRules {
            rules: Rules::Canonical,
            identity: "canonical".into(),
        }),
        (None, Some(other)) => bail!("--format {other}: this build knows `canonical`"),
    }
}

async fn import(config: &Config, args: &ImportArgs, rules: ImportRules) -> anyhow::Result<Counts> {
    let manifest = Manifest::of(&args.files, &rules.identity)?;
    let max_line_bytes = usize::try_from(config.ingest.max_line_bytes.get())?;
    let source = FileImport::open(manifest, rules.rules, max_line_bytes)?;
    let name = Arc::clone(source.name());
    let folder = DataFolder::open(config, "import", settings::faults()?).await?;
    let monitor = Monitor::default();
    let pipeline = Pipeline::start(
        Arc::clone(&folder.lake),
        folder.redactor.clone(),
        vec![Box::new(source)],
        pipeline_settings(config),
        monitor.clone(),
    )?;
    pipeline.run(CancellationToken::new()).await?;
    if let Some(trouble) = monitor.trouble() {
        bail!("not everything could be committed: {trouble}");
    }
    Ok(monitor.counts(&name))
}

fn summary(args: &ImportArgs, counts: &Counts) -> anyhow::Result<ExitCode> {
    if args.json {
        print::line(&serde_json::to_string(counts)?);
    } else {
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
    let failed = args.strict && !counts.refused.is_empty();
    Ok(ExitCode::from(u8::from(failed)))
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
