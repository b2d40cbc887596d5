//! `job RUN`: scheduled work, now.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::{CommonArgs, print};
use crate::app::{DataFolder, maintain_settings};
use crate::disk::Faults;
use crate::jobs::maintain_once;

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
}

pub fn run(common: &CommonArgs, args: &JobArgs) -> anyhow::Result<ExitCode> {
    let Job::Maintain = args.job;
    let config = common.start(&[])?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let faults: Arc<Faults> = super::settings::faults()?;
        let folder = DataFolder::open_with(&config, faults).await?;
        anyhow::Ok(maintain_once(&folder.lake, &maintain_settings(&config), true).await?)
    })?;
    print::line(&format!(
        "{} files compacted, {} checkpoints written, {} files and {} log entries deleted",
        done.compacted_files, done.checkpoints, done.deleted_files, done.deleted_log_entries
    ));
    Ok(ExitCode::SUCCESS)
}
