//! `job RUN`: scheduled work, now.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::{CommonArgs, print};
use crate::app::{
    DataFolder, cleaner, effects, gaps, maintain_settings, requests, risks, topic_pace,
};
use crate::disk::Faults;
use crate::jobs::{RiskRound, Storing, Topics, close_once, maintain_once};
use crate::lake::{Done, Round};
use crate::pipeline::Monitor;
use crate::search::Knowledge;
use crate::store::Store;

/// Arguments of `job`.
#[derive(Args)]
#[command(after_help = "Example: tingchao job maintain")]
pub struct JobArgs {
    /// Which job.
    #[arg(value_enum)]
    job: Job,
}

#[derive(Clone, Copy, ValueEnum)]
enum Job {
    /// Compact, write checkpoints, delete what is no longer used.
    Maintain,
    /// Rewrite closed days without repeats, superseded revisions and recalled texts, and store their marts.
    CloseDays,
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
