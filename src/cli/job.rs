//! `job RUN`: scheduled work, now.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use chrono_tz::Tz;
use clap::{Args, ValueEnum};

use super::{CommonArgs, print};
use crate::app::{DataFolder, cleaner, maintain_settings, now, requests, topic_pace};
use crate::disk::Faults;
use crate::domain::Day;
use crate::jobs::report::{Language, csv, html, make, month_of};
use crate::jobs::{Storing, Topics, close_once, maintain_once};
use crate::lake::{Done, Round};
use crate::pipeline::Monitor;
use crate::query::Engine;
use crate::store::Store;

/// Arguments of `job`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tingchao job maintain\n  tingchao job monthly-report --month 2026-11 --language en"
)]
pub struct JobArgs {
    /// Which job.
    #[arg(value_enum)]
    job: Job,
    /// Month of the report, YYYY-MM; the last one without it.
    #[arg(long, value_name = "MONTH")]
    month: Option<String>,
    /// Language of the report: zh-CN or en.
    #[arg(long, value_name = "TAG", default_value = "zh-CN")]
    language: String,
    /// Zone of the report's month.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    timezone: String,
    /// Folder for the report, instead of `reports` in the data folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Job {
    /// Compact, write checkpoints, delete what is no longer used.
    Maintain,
    /// Rewrite closed days without repeats, superseded revisions and recalled texts, and store their marts.
    CloseDays,
    /// Write the report of a month, as HTML and CSV.
    MonthlyReport,
    /// Find the requests in what was said since the last round.
    Requests,
    /// Take in new requests, cluster them, and restate the topics of all.
    Topics,
}

pub fn run(common: &CommonArgs, args: &JobArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let runtime = crate::query::runtime()?;
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let faults: Arc<Faults> = super::settings::faults()?;
        let folder = DataFolder::open_with(&config, faults).await?;
        let settings = maintain_settings(&config);
        match args.job {
            Job::Maintain => report(maintain_once(&folder.lake, &settings, Round::Vacuum).await?),
            Job::CloseDays => {
                let cleaner = cleaner(&config, folder.lake, Monitor::default(), handle)?;
                let done = close_once(&cleaner, &mut Storing::default(), &settings).await?;
                print::line(&format!(
                    "{} closed days rewritten clean, {} stored as marts",
                    done.cleaned, done.stored
                ));
            }
            Job::MonthlyReport => {
                let inside = Arc::new(());
                let engine = Engine::new(folder.lake, (&config.query).into(), inside, handle)?
                    .with_metric_settings((&config).into());
                let out = args.out.clone();
                let out = out.unwrap_or_else(|| folder.path.join("reports"));
                monthly_report(&engine, args, &out).await?;
            }
            Job::Topics => {
                let store = Store::open(&config.store_url()).await?;
                let requests = requests(&config, folder.lake, handle)?;
                let topics = Topics { requests, store };
                let done = topics.run(topic_pace(&config).run).await?;
                topics.publish().await?;
                print::line(&format!(
                    "run {}: {} topics of {} requests",
                    done.run,
                    done.topics.len(),
                    done.requests
                ));
            }
            Job::Requests => {
                let read = requests(&config, folder.lake, handle)?.round().await?;
                print::line(&format!("{read} interactions read for requests"));
            }
        }
        anyhow::Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the report of a month into the folder `out`.
async fn monthly_report(engine: &Engine, args: &JobArgs, out: &Path) -> anyhow::Result<()> {
    let zone: Tz = args
        .timezone
        .parse()
        .map_err(|_| anyhow!("--timezone: expected an IANA time zone such as Asia/Shanghai"))?;
    let language = Language::of(&args.language);
    let language = language.ok_or_else(|| anyhow!("--language: expected zh-CN or en"))?;
    let last = now().day().to_string();
    let this: String = last.chars().take(7).collect();
    let days = match &args.month {
        Some(month) => month_of(month).map_err(|why| anyhow!("--month: {why}"))?,
        None => {
            let (first, _) = month_of(&this).map_err(|why| anyhow!(why))?;
            let before: String = Day(first.0 - 1).to_string().chars().take(7).collect();
            month_of(&before).map_err(|why| anyhow!(why))?
        }
    };
    let report = make(engine, days, zone).await?;
    std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    let pages = [
        (
            format!("{}.{}.html", report.month, language.tag()),
            html(&report, language),
        ),
        (format!("{}.csv", report.month), csv(&report)),
    ];
    for (name, content) in pages {
        let path = out.join(name);
        std::fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        print::line(&path.display().to_string());
    }
    Ok(())
}

fn report(done: Done) {
    print::line(&format!(
        "{} files compacted, {} checkpoints written, {} files and {} log entries deleted",
        done.compacted_files, done.checkpoints, done.deleted_files, done.deleted_log_entries
    ));
}
