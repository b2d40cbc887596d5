//! `backup` and `restore`: a copy of all data beside a running server, and a new data folder from it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{CommonArgs, print};
use crate::app;

/// Arguments of `backup`.
#[derive(Args)]
#[command(
    after_help = "Example: tingchao backup /backups/2026-11-21 --link /backups/2026-11-20\n\nThe token key is not in a back-up: keep it apart."
)]
pub struct BackupArgs {
    /// The new folder.
    folder: PathBuf,
    /// An earlier back-up on the same disk: data files that it has are linked to it instead of copied.
    #[arg(long, value_name = "FOLDER")]
    link: Option<PathBuf>,
}

/// Arguments of `restore`.
#[derive(Args)]
#[command(after_help = "Example: tingchao --data tingchao-data restore /backups/2026-11-21")]
pub struct RestoreArgs {
    /// The back-up.
    folder: PathBuf,
}

pub fn backup(common: &CommonArgs, args: &BackupArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let runtime = crate::query::runtime()?;
    let done = app::back_up(&config, &args.folder, args.link.as_deref());
    let made = runtime.block_on(done)?;
    print::line(&format!(
        "{} files, {} bytes in {}; the token key {} is not in it: keep a copy of it in another place",
        made.files(),
        made.size_bytes(),
        args.folder.display(),
        config.token_key_file().display()
    ));
    Ok(ExitCode::SUCCESS)
}

pub fn restore(common: &CommonArgs, args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let runtime = crate::query::runtime()?;
    let done = runtime.block_on(app::restore(&config, &args.folder))?;
    print::line(&format!(
        "{} files of {} restored to {}",
        done.manifest.files(),
        done.manifest.made_at,
        config.data.dir.display()
    ));
    if !done.has_token_key {
        print::note(&format!(
            "put the token key with the fingerprint {} to {} before you start",
            done.manifest.token_key_fingerprint,
            done.token_key_file.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}
