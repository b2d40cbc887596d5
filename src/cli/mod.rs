//! The command line: one file a command, settings from file, environment, flag.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong use.

mod analyze;
mod backup;
mod check_config;
mod client;
mod demo;
mod demo_articles;
mod describe;
mod eval;
mod eval_churn;
mod eval_effects;
mod eval_routing;
mod eval_topics;
mod import;
mod ingest;
mod job;
mod keys;
mod labels;
mod mapping;
mod models;
mod print;
mod query;
mod read;
mod replay;
mod retrieval;
mod serve;
mod settings;
mod simulate;
mod suite;
mod teach;
mod train;
mod upload;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use settings::CommonArgs;

/// Contact-centre analytics: interactions in, true rows out.
#[derive(Parser)]
#[command(name = "tingchao", version, about, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    common: CommonArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The whole product on a simulated service desk; loopback needs no key.
    Demo(demo::DemoArgs),
    /// The whole product on the data folder.
    Serve(serve::ServeArgs),
    /// Take events from Kafka into the lake; any number of processes share a group.
    Ingest(ingest::IngestArgs),
    /// Take events from files into the lake.
    Import(import::ImportArgs),
    /// Take dead letters or recorded data in again.
    Replay(replay::ReplayArgs),
    /// Do scheduled work now.
    Job(job::JobArgs),
    /// Copy all data into a new folder, also beside a running server.
    Backup(backup::BackupArgs),
    /// Make a new data folder from a back-up.
    Restore(backup::RestoreArgs),
    /// API keys.
    Keys(keys::KeysArgs),
    /// Work on mappings: `mapping new FILE` drafts one from a file's header.
    Mapping(mapping::MappingArgs),
    /// Ask the lake: a named query or a statement.
    Query(query::QueryArgs),
    /// Texts in, findings out: redaction, language, mood.
    Analyze(analyze::AnalyzeArgs),
    /// Learn a model from data of your own, or from what people said of turns.
    Train(train::TrainArgs),
    /// The models in use: list, replace, take back.
    Models(models::ModelsArgs),
    /// Score what the product finds on labelled texts of your own.
    Eval(eval::EvalArgs),
    /// Make up the events of a service desk, seeded.
    Simulate(simulate::SimulateArgs),
    /// Check the settings, or print all of them with their defaults.
    CheckConfig(check_config::CheckConfigArgs),
    /// Print the description of the REST interface (OpenAPI).
    Openapi,
    /// List or write the JSON Schemas of the events.
    Schemas(describe::SchemasArgs),
}

/// Runs the command line; the process's exit code.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Demo(args) => demo::run(&cli.common, &args),
        Command::Serve(args) => serve::run(&cli.common, &args),
        Command::Ingest(args) => ingest::run(&cli.common, &args),
        Command::Replay(args) => replay::run(&cli.common, &args),
        Command::Job(args) => job::run(&cli.common, &args),
        Command::Backup(args) => backup::backup(&cli.common, &args),
        Command::Restore(args) => backup::restore(&cli.common, &args),
        Command::Keys(args) => keys::run(&cli.common, &args),
        Command::Openapi => describe::openapi(),
        Command::Schemas(args) => describe::schemas(&args),
        Command::Import(args) => import::run(&cli.common, &args),
        Command::Mapping(args) => mapping::run(&args),
        Command::Query(args) => query::run(&cli.common, &args),
        Command::Analyze(args) => analyze::run(&cli.common, &args),
        Command::Train(args) => train::run(&cli.common, &args),
        Command::Models(args) => models::run(&cli.common, &args),
        Command::Eval(args) => eval::run(&cli.common, &args),
        Command::Simulate(args) => simulate::run(&cli.common, &args),
        Command::CheckConfig(args) => check_config::run(&cli.common, &args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            print::error(&error);
            ExitCode::from(1)
        }
    }
}
