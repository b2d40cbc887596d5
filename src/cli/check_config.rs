//! `check-config`: are the settings right; `--print`: all of them.

use std::process::ExitCode;

use clap::Args;

use super::{CommonArgs, print};
use crate::config::default_toml;

/// Arguments of `check-config`.
#[derive(Args)]
#[command(after_help = "Example: tingchao check-config --print > tingchao.toml")]
pub struct CheckConfigArgs {
    /// Print a commented file of all settings with their defaults.
    #[arg(long)]
    print: bool,
}

pub fn run(common: &CommonArgs, args: &CheckConfigArgs) -> anyhow::Result<ExitCode> {
    if args.print {
        print::line(default_toml().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    common.load(&[])?;
    print::line("the settings are right");
    Ok(ExitCode::SUCCESS)
}
