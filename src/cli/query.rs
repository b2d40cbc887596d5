//! `query`: one statement or named query on the data folder, beside whoever
//! holds it.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use futures::StreamExt;

use super::{CommonArgs, print};
use crate::app::{DataFolder, Seen};
use crate::domain::Role;
use crate::pipeline::Monitor;
use crate::query::export::Format;
use crate::query::{Engine, NamedRequest, Request};

/// Arguments of `query`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tingchao query --sql 'select channel, count(*) from interactions group by 1'\n  tingchao query abandoned_by_queue\n  tingchao query turns_of_interaction --param interaction_id=c-1"
)]
pub struct QueryArgs {
    /// A named query; without name and --sql all of them are listed.
    name: Option<String>,
    /// A statement instead of a name.
    #[arg(long, conflicts_with = "name")]
    sql: Option<String>,
    /// Parameter of a named query, `key=value`; can be repeated.
    #[arg(long = "param", value_name = "KEY=VALUE")]
    parameters: Vec<String>,
    /// Format of the answer.
    #[arg(long, value_enum, default_value = "csv")]
    format: AnswerFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum AnswerFormat {
    Csv,
    Json,
    Ndjson,
    Arrow,
    Parquet,
}

pub fn run(common: &CommonArgs, args: &QueryArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let runtime = crate::query::runtime()?;
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let folder = DataFolder::open_shared(&config).await?;
        let inside = Arc::new(Seen(Monitor::default()));
        let engine = Engine::new(folder.lake, (&config.query).into(), inside, handle)?
            .with_metric_settings((&config).into());
        answer(&engine, args).await
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn answer(engine: &Engine, args: &QueryArgs) -> anyhow::Result<()> {
    let format = match args.format {
        AnswerFormat::Csv => Format::Csv,
        AnswerFormat::Json => Format::Json,
        AnswerFormat::Ndjson => Format::Ndjson,
        AnswerFormat::Arrow => Format::Arrow,
        AnswerFormat::Parquet => Format::Parquet,
    };
    let answer = match (&args.sql, &args.name) {
        (Some(sql), _) => {
            let mut request = Request::new(sql.clone(), Role::Admin);
            request.door = "cli";
            engine.run(request).await?
        }
        (None, Some(name)) => {
            let mut request = NamedRequest::new(name.clone(), parameters(args)?, Role::Admin);
            request.door = "cli";
            engine.run_named(request).await?
        }
        (None, None) => {
            for query in engine.named() {
                print::line(&format!("{:<28} {}", query.name(), query.header.about));
            }
            return Ok(());
        }
    };
    let mut bytes = engine.export(answer, format).await?;
    let mut out = std::io::stdout();
    while let Some(chunk) = bytes.next().await {
        out.write_all(&chunk?)?;
    }
    Ok(())
}

fn parameters(args: &QueryArgs) -> anyhow::Result<BTreeMap<String, serde_json::Value>> {
    let mut parameters = BTreeMap::new();
    for parameter in &args.parameters {
        let (key, value) = parameter
            .split_once('=')
            .with_context(|| format!("--param {parameter}: expected KEY=VALUE"))?;
        if parameters.insert(key.to_owned(), value.into()).is_some() {
            bail!("--param {key} is there twice");
        }
    }
    Ok(parameters)
}
