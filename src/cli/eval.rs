//! `eval`: what the heads are worth on a user's own labelled texts, as JSON.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use super::{CommonArgs, print, read};
use crate::enrich::sentiment::corpus::{Example, labelled, rated};
use crate::enrich::sentiment::report::{self, Truth, truth};
use crate::enrich::sentiment::{Label, Sentiment};

/// Arguments of `eval`.
#[derive(Args)]
pub struct EvalArgs {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// Polarity of labelled or numerically rated texts.
    Sentiment(DataArgs),
    /// Dissatisfaction: labels 1 and 0, or rated dialogues.
    Dissatisfaction(DataArgs),
    /// Clustering: accuracy and NMI against labels.
    Topics(super::eval_topics::TopicsArgs),
    /// Search in a knowledge base: right articles, synonyms, gaps; beside plain BM25.
    Knowledge(Box<super::retrieval::KnowledgeArgs>),
    /// Policies of routing on a log of calls, and the floor against Erlang A.
    Routing(Box<super::eval_routing::RoutingArgs>),
    /// Risks of leaving and of coming again, on later dates than they were learnt from.
    Churn(super::eval_churn::ChurnArgs),
    /// The running models on what people said of turns, as far as it was held back from training.
    Labels,
    /// Verdicts on interventions: false claims, coverage and what is found, on simulated daily counts.
    Effects(super::eval_effects::EffectsArgs),
    /// All figures on the public corpora, as a page.
    Suite(super::suite::SuiteArgs),
}

#[derive(Args)]
#[command(
    after_help = "Example: tingchao eval sentiment --data reviews.csv --text-column review --label-column label"
)]
struct DataArgs {
    /// Labelled texts, CSV, TSV or JSONL (plain, .gz, .zst).
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Column or field with the text.
    #[arg(long, default_value = "text")]
    text_column: String,
    /// Column or field with the label.
    #[arg(long, default_value = "label")]
    label_column: String,
    /// Language of the texts (BCP 47); found out without it.
    #[arg(long)]
    language: Option<String>,
    /// The file holds rated dialogues: role, text, action, ratings with tabs, an empty line between dialogues.
    #[arg(long)]
    dialogues: bool,
}

pub fn run(common: &CommonArgs, args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let heads = Sentiment::shipped().map_err(|error| anyhow!(error))?;
    let (data, report) = match &args.kind {
        Kind::Sentiment(args) => (args, polarity(heads, args)?),
        Kind::Dissatisfaction(args) => (args, dissatisfaction(heads, args)?),
        Kind::Labels => return super::teach::eval(common),
        Kind::Topics(args) => return super::eval_topics::run(args),
        Kind::Knowledge(args) => return super::retrieval::eval(args),
        Kind::Effects(args) => return super::eval_effects::run(args),
        Kind::Suite(args) => return super::suite::run(args),
        Kind::Routing(args) => return super::eval_routing::run(args),
        Kind::Churn(args) => return super::eval_churn::run(common, args),
    };
    let content = std::fs::read(&data.data)?;
    let shown = json!({
        "data": data.data, "sha256": read::sha256(&content),
        "models": {"sentiment": heads.polarity_version(), "dissatisfaction": heads.dissatisfaction_version()},
        "report": report,
    });
    print::line(&serde_json::to_string_pretty(&shown)?);
    Ok(ExitCode::SUCCESS)
}

fn value(report: impl Serialize) -> anyhow::Result<Value> {
    Ok(serde_json::to_value(report)?)
}

/// Text and truth of each row with a usable label.
fn truths(args: &DataArgs) -> anyhow::Result<Vec<(String, Truth)>> {
    let rows = labelled(
        &read::text(&args.data)?,
        &args.text_column,
        &args.label_column,
    );
    let numbers = rows
        .iter()
        .filter_map(|(_, label)| label.trim().parse::<f64>().ok());
    let is_binary = numbers.clone().all(|n| n == 0.0 || n == 1.0 || n == -1.0);
    let usable: Vec<(String, Truth)> = rows
        .into_iter()
        .filter_map(|(text, label)| Some((text, truth(&label, is_binary)?)))
        .collect();
    if usable.is_empty() {
        bail!(
            "{}: no row with a text in {:?} and a known label in {:?}",
            args.data.display(),
            args.text_column,
            args.label_column
        );
    }
    Ok(usable)
}

fn polarity(heads: &Sentiment, args: &DataArgs) -> anyhow::Result<Value> {
    if args.dialogues {
        bail!("rated dialogues are scored with `eval dissatisfaction`");
    }
    value(report::polarity(
        heads,
        &truths(args)?,
        args.language.as_deref(),
    ))
}

fn dissatisfaction(heads: &Sentiment, args: &DataArgs) -> anyhow::Result<Value> {
    let examples: Vec<Example> = if args.dialogues {
        let turns = rated(&read::text(&args.data)?);
        turns.iter().map(|turn| turn.example(1.0)).collect()
    } else {
        // A label of 1, like "positive", is the class that is asked for.
        let rows = truths(args)?.into_iter();
        rows.filter_map(|(text, truth)| match truth {
            Truth::Class(Label::Positive) => Some(Example::new(&text, 1.0, 1.0, true)),
            Truth::Class(_) => Some(Example::new(&text, 0.0, 1.0, true)),
            Truth::Number(_) => None,
        })
        .collect()
    };
    value(report::dissatisfaction(
        heads,
        &examples,
        args.language.as_deref(),
    ))
}
