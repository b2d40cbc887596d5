//! `query`: one statement or named query, by the server that holds the data
//! folder, or on its files while none runs.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use futures::StreamExt;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::Client;
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
        if let Some(server) = Client::local(&config)? {
            return through(&server, args).await;
        }
        let folder = DataFolder::open_shared(&config).await?;
        let inside = Arc::new(Seen(Monitor::default()));
        let engine = Engine::new(folder.lake, (&config.query).into(), inside, handle)?
            .with_metric_settings((&config).into());
        answer(&engine, args).await
    })?;
    Ok(ExitCode::SUCCESS)
}

impl From<AnswerFormat> for Format {
    fn from(format: AnswerFormat) -> Self {
        match format {
            AnswerFormat::Csv => Self::Csv,
            AnswerFormat::Json => Self::Json,
            AnswerFormat::Ndjson => Self::Ndjson,
            AnswerFormat::Arrow => Self::Arrow,
            AnswerFormat::Parquet => Self::Parquet,
        }
    }
}

#[derive(Deserialize)]
struct Named {
    name: String,
    about: String,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Named>,
}

/// The same by the server that holds the folder.
async fn through(server: &Client, args: &QueryArgs) -> anyhow::Result<()> {
    let format = Format::from(args.format).as_str();
    let (path, body) = match (&args.sql, &args.name) {
        (Some(sql), _) => ("v1/sql".to_owned(), json!({"sql": sql, "format": format})),
        (None, Some(name)) => {
            // Names of queries are plain words; another one is not there.
            if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                bail!("there is no query {name}; `tingchao query` lists them");
            }
            let parameters = parameters(args)?;
            let body = json!({"parameters": parameters, "format": format});
            (format!("v1/queries/{name}"), body)
        }
        (None, None) => {
            let list: List = server.json(Method::GET, "v1/queries", None).await?;
            list.items
                .iter()
                .for_each(|query| show(&query.name, &query.about));
            return Ok(());
        }
    };
    let mut answer = server.ask(Method::POST, &path, Some(&body)).await?;
    let mut out = std::io::stdout();
    while let Some(chunk) = answer.chunk().await? {
        out.write_all(&chunk)?;
    }
    Ok(())
}

fn show(name: &str, about: &str) {
    print::line(&format!("{name:<28} {about}"));
}

async fn answer(engine: &Engine, args: &QueryArgs) -> anyhow::Result<()> {
    let format = args.format.into();
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
                show(query.name(), query.about());
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
