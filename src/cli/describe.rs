//! `openapi` and `schemas`: what the product promises to the outside.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::print;
use crate::api::openapi_yaml;
use crate::contract::schema;

/// Arguments of `schemas`.
#[derive(Args)]
#[command(after_help = "Example: tingchao schemas --out schemas/")]
pub struct SchemasArgs {
    /// Write the files below this folder instead of listing them.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the description of the REST interface.
pub fn openapi() -> anyhow::Result<ExitCode> {
    print::line(openapi_yaml()?.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Lists or writes the schemas of the events.
pub fn schemas(args: &SchemasArgs) -> anyhow::Result<ExitCode> {
    for (path, content) in schema::files() {
        let Some(folder) = &args.out else {
            print::line(&path);
            continue;
        };
        let target = folder.join(&path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(target, content)?;
    }
    Ok(ExitCode::SUCCESS)
}
