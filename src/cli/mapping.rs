//! `mapping new FILE`: a first draft of a mapping from a file's header.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::print;
use crate::contract::mapping::draft;
use crate::source::open_file;

/// Arguments of `mapping`.
#[derive(Args)]
#[command(after_help = "Example: tingchao mapping new calls.csv > calls.toml")]
pub struct MappingArgs {
    #[command(subcommand)]
    command: MappingCommand,
}

#[derive(Subcommand)]
enum MappingCommand {
    /// Draft a mapping from the header and the first rows of a file.
    New {
        /// CSV, XLSX or JSONL, plain, .gz or .zst.
        file: PathBuf,
    },
}

pub fn run(args: &MappingArgs) -> anyhow::Result<ExitCode> {
    let MappingCommand::New { file } = &args.command;
    let mut input = open_file(file, None)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    print::line(draft(&name, &mut input)?.trim_end());
    Ok(ExitCode::SUCCESS)
}
