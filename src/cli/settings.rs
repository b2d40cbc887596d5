//! Settings of a command: file < environment < flag. The one place that reads
//! the environment.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line is where the environment is read"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use crate::config::{Config, Overrides};
use crate::disk::Faults;
use crate::telemetry;

/// Flags of every command.
#[derive(Args, Clone)]
pub struct CommonArgs {
    /// Settings file (TOML); see `check-config --print`.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder, instead of ./tingchao-data.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl CommonArgs {
    /// The settings, with `flags` (key, flag, text) on top.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn load(&self, flags: &[(&str, &str, Option<String>)]) -> anyhow::Result<Config> {
        let text = self.config.as_ref().map(|path| {
            std::fs::read_to_string(path)
                .with_context(|| format!("settings file {} can't be read", path.display()))
        });
        let text = text.transpose()?;
        let mut overrides = Overrides::default();
        if let Some(data) = &self.data {
            overrides.set("data.dir", "--data", data.display().to_string());
        }
        for (key, flag, value) in flags {
            if let Some(value) = value {
                overrides.set(key, flag, value.clone());
            }
        }
        Ok(Config::load(text.as_deref(), &environment(), &overrides)?)
    }

    /// Like [`start`](Self::start), with another data folder where none is named.
    ///
    /// # Errors
    /// Wrong settings.
    pub fn start_in(
        &self,
        default_data: &str,
        flags: &[(&str, &str, Option<String>)],
    ) -> anyhow::Result<Config> {
        let mut common = self.clone();
        common.data.get_or_insert_with(|| default_data.into());
        common.start(flags)
    }

    /// The settings, and logging begun as they say.
    ///
    /// # Errors
    /// Wrong settings.
    pub fn start(&self, flags: &[(&str, &str, Option<String>)]) -> anyhow::Result<Config> {
        let config = self.load(flags)?;
        telemetry::init_logging(config.log.format, config.log.level)?;
        Ok(config)
    }
}

fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(key, _)| key.starts_with("TINGCHAO__"))
        .collect()
}

/// The plan of failures that a test has put into the environment.
///
/// # Errors
/// When the plan can't be read.
pub fn faults() -> anyhow::Result<Arc<Faults>> {
    let plan = std::env::var_os("TINGCHAO_FAULTS").and_then(|plan| plan.into_string().ok());
    Ok(Arc::new(plan.map_or_else(
        || Ok(Faults::none()),
        |plan| Faults::parse(&plan),
    )?))
}
