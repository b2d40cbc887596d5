//! `job RUN`: scheduled work, now.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use chrono_tz::Tz;
use clap::{Args, ValueEnum};
use tokio::runtime::Handle;

use super::{CommonArgs, print};
use crate::app::{
    DataFolder, cleaner, effects, gaps, maintain_settings, now, requests, risks, topic_pace,
};
use crate::config::Config;
use crate::disk::Faults;
use crate::domain::Day;
use crate::jobs::report::{Language, csv, html, make, month_of};
use crate::jobs::{HistoryJob, RiskRound, RuleDesk, Storing, Topics, close_once, maintain_once};
use crate::lake::{Done, Round};
use crate::pipeline::{Monitor, RuleBook};
use crate::query::Engine;
use crate::search::Knowledge;
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
    /// `quality`: first day, such as 2026-11-01; the first of all without it.
    #[arg(long)]
    from: Option<String>,
    /// `quality`: last day; the last of all without it.
    #[arg(long)]
    to: Option<String>,
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
    /// Judge history by the quality rules in force and add the findings that are not there yet.
    Quality,
    /// Write the report of a month, as HTML and CSV.
    MonthlyReport,
    /// Find the requests in what was said since the last round.
    Requests,
    /// Give the verdicts on interventions that are due.
    Effects,
    /// Take in new requests, cluster them, and restate the topics of all.
    Topics,
    /// Learn who may leave and who may come again from the own past, and score every customer.
    Churn,
    /// Match requests with the knowledge bases, tell what became of them, and rank the gaps.
    Gaps,
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
            Job::Quality => judge_history(&config, args, folder, handle).await?,
            Job::MonthlyReport => {
                monthly_report(&config, folder, args, handle).await?;
            }
            Job::Effects => {
                let store = Store::open(&config.store_url()).await?;
                let given = effects(&config, folder.lake, store, handle)?
                    .round()
                    .await?;
                print::line(&format!("{given} verdicts on interventions given"));
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
            Job::Churn => {
                let store = Store::open(&config.store_url()).await?;
                let cleaner = cleaner(&config, folder.lake, Monitor::default(), handle)?;
                told(&risks(&cleaner).round(&store).await?);
            }
            Job::Gaps => {
                let store = Store::open(&config.store_url()).await?;
                let knowledge = Knowledge::new()?;
                knowledge.load(&store).await?;
                let job = gaps(&config, folder.lake, (knowledge, store), handle)?;
                let done = job.all().await?;
                print::line(&format!(
                    "{} requests judged, {} of them matched now, {} days written, {} gaps",
                    done.requests, done.matched, done.days, done.gaps
                ));
            }
        }
        anyhow::Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn judge_history(
    config: &Config,
    args: &JobArgs,
    folder: DataFolder,
    queries: Handle,
) -> anyhow::Result<()> {
    let day = |text: &Option<String>, otherwise: i32| match text {
        Some(text) => {
            Day::parse(text).with_context(|| format!("`{text}` is no day such as 2026-11-01"))
        }
        None => Ok(Day(otherwise)),
    };
    // From 1900 to 2100: all days that there can be.
    let (from, to) = (day(&args.from, -25_567)?, day(&args.to, 47_846)?);
    let desk = RuleDesk::new(Arc::clone(&folder.lake), RuleBook::default());
    desk.load().await?;
    let settings = maintain_settings(config);
    let cleaner = cleaner(
        config,
        Arc::clone(&folder.lake),
        Monitor::default(),
        queries,
    )?;
    let job = HistoryJob {
        lake: folder.lake,
        engine: cleaner.engine,
        rules: desk.book().rules(),
        holder: settings.holder,
        clock: settings.clock,
    };
    let done = job.run(from, to).await?;
    print::line(&format!(
        "{} interactions with {} turns judged, {} findings added, {} were there already",
        done.interactions, done.turns, done.written, done.known
    ));
    Ok(())
}

/// Writes the report of a month.
async fn monthly_report(
    config: &Config,
    folder: DataFolder,
    args: &JobArgs,
    queries: Handle,
) -> anyhow::Result<()> {
    let out = args.out.clone();
    let out = out.unwrap_or_else(|| folder.path.join("reports"));
    let engine = Engine::new(folder.lake, (&config.query).into(), Arc::new(()), queries)?
        .with_metric_settings(config.into());
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
    let report = make(&engine, days, zone).await?;
    std::fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
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

fn told(round: &RiskRound) {
    for model in &round.learnt.models {
        let quality = model.quality.as_ref().map_or_else(String::new, |quality| {
            format!(
                "; on later dates: AUROC {:.3}, lift of the first tenth {:.1}, calibration slope {:.2}",
                quality.auroc, quality.lift_10, quality.slope
            )
        });
        print::line(&format!(
            "{} within {} days: {} of {} rows{quality}",
            model.kind, model.horizon_days, model.positives, model.rows
        ));
    }
    for problem in &round.learnt.problems {
        print::line(problem);
    }
    print::line(&format!("{} customers scored", round.scores.len()));
}

fn report(done: Done) {
    print::line(&format!(
        "{} files compacted, {} checkpoints written, {} files and {} log entries deleted",
        done.compacted_files, done.checkpoints, done.deleted_files, done.deleted_log_entries
    ));
}
