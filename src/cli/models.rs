//! `models`: the heads in use, one replaced by a file, the last replacement taken back.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};

use super::{CommonArgs, labels, print, teach};
use crate::app::{DataFolder, now};
use crate::disk::Faults;
use crate::enrich::models::HeadId;
use crate::jobs::models::{history, publish, roll_back};
use crate::model::linear::Linear;

/// Arguments of `models`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tingchao models list\n  tingchao models publish polarity-zh.bin\n  tingchao models rollback\n\nRunning processes take a change up within 10 seconds."
)]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Subcommand)]
enum ModelsCommand {
    /// List what was published and taken back, and what is in use now.
    List,
    /// Use the head of a file from now on, if it is better on the labels that were held back.
    Publish {
        /// An artefact of `train`; its name says which head it replaces.
        file: PathBuf,
        /// Use it whatever the labels say.
        #[arg(long)]
        force: bool,
    },
    /// Go back to what was in use before the last change.
    Rollback,
}

pub fn run(common: &CommonArgs, args: &ModelsArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let runtime = crate::query::runtime()?;
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let folder = DataFolder::open_with(&config, Arc::new(Faults::none())).await?;
        let storage = folder.lake.storage();
        match &args.command {
            ModelsCommand::List => {
                for version in history(storage).await? {
                    print::line(&serde_json::to_string(&version)?);
                }
                let models = folder.models.get();
                print::line(&format!(
                    "in use: {} {}",
                    models.polarity_version(),
                    models.sentiment().dissatisfaction_version()
                ));
            }
            ModelsCommand::Publish { file, force } => {
                let bytes = std::fs::read(file)
                    .with_context(|| format!("reading {}", file.display()))?;
                let head = Linear::read(&bytes).map_err(|error| anyhow!(error))?;
                let known = HeadId::ALL.map(HeadId::as_str).join(", ");
                let id = HeadId::parse(head.name()).with_context(|| {
                    format!("the head is named {:?}; known are {known}", head.name())
                })?;
                let labelled = labels::read(&config, &folder, handle).await?;
                let compared = teach::compare(&folder.models.get(), &labelled, id, &head);
                if !force && !compared.is_some_and(|compared| compared.is_better) {
                    let told = serde_json::to_string(&compared)?;
                    bail!(
                        "the head was not shown to be better on labels that were held back ({told}); the running one stays; --force uses it anyway"
                    );
                }
                let compared = serde_json::to_value(compared)?;
                let version = publish(storage, (id, &head), "cli", now(), compared).await?;
                print::line(&serde_json::to_string(&version)?);
            }
            ModelsCommand::Rollback => {
                let version = roll_back(storage, "cli", now()).await?;
                print::line(&serde_json::to_string(&version)?);
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
