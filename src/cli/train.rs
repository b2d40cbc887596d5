//! `train`: heads learnt again from the shipped recipes, or one from a user's own labelled texts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::json;

use super::teach::{Taught, Teaching, teach};
use super::{CommonArgs, print, read};
use crate::enrich::sentiment::Grams;
use crate::enrich::sentiment::corpus::{Example, Format, Head, Source, deduplicate};
use crate::enrich::sentiment::train::{Settings, dissatisfaction, polarity};
use crate::model::linear::Linear;

/// Arguments of `train`.
#[derive(Args)]
pub struct TrainArgs {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// A head of polarity: negative to positive.
    Sentiment(HeadArgs),
    /// A head of dissatisfaction with the service.
    Dissatisfaction(HeadArgs),
    /// Which turns say what the customer wants: what is added to the written rules.
    Request(LabelArgs),
    /// Encoder, ranker and P(answered) of search, from pairs of questions.
    Retrieval(super::retrieval::RetrievalArgs),
}

#[derive(Args)]
#[command(after_help = "Example: tingchao train request --labels --language zh")]
struct LabelArgs {
    /// Teach the running head with what people said of turns (`POST /v1/labels`); it is replaced when the taught one is better on labels that were held back.
    #[arg(long, required = true)]
    labels: bool,
    /// Compare only.
    #[arg(long)]
    trial: bool,
    /// Language of the texts.
    #[arg(long, value_enum, default_value = "zh")]
    language: Language,
    /// File for what was learnt.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    Zh,
    En,
}

impl Language {
    fn grams(self) -> Grams {
        match self {
            Self::Zh => Grams::Chinese,
            Self::En => Grams::English,
        }
    }
}

#[derive(Args)]
#[command(
    after_help = "Examples:\n  tingchao train sentiment --recipes models/recipes.toml --root corpora --out models\n  tingchao train sentiment --data reviews.csv --text-column review --label-column label --positive 1 --negative 0 --language zh --out polarity-zh.bin\n  tingchao train sentiment --labels --language zh"
)]
struct HeadArgs {
    /// Recipes of heads; every head of this kind in it is learnt.
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    recipes: Option<PathBuf>,
    /// Teach the running polarity head with what people said of turns (`POST /v1/labels`); it is replaced when the taught one is better on labels that were held back.
    #[arg(long, conflicts_with_all = ["data", "recipes"])]
    labels: bool,
    /// With --labels: compare only.
    #[arg(long, requires = "labels")]
    trial: bool,
    /// Folder that the paths of recipes are below; own lines are below the recipes' own folder.
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Only the head of this name.
    #[arg(long, requires = "recipes")]
    only: Option<String>,
    /// Labelled texts, CSV, TSV or JSONL (plain, .gz, .zst); can be repeated.
    #[arg(long, value_name = "FILE")]
    data: Vec<PathBuf>,
    /// Column or field with the text.
    #[arg(long, default_value = "text")]
    text_column: String,
    /// Column or field with the label.
    #[arg(long, default_value = "label")]
    label_column: String,
    /// Labels of positive texts; can be repeated.
    #[arg(long, default_values = ["1", "positive", "pos"])]
    positive: Vec<String>,
    /// Labels of negative texts (or of dissatisfied customers); can be repeated.
    #[arg(long, default_values = ["0", "negative", "neg"])]
    negative: Vec<String>,
    /// Language of the texts.
    #[arg(long, value_enum, default_value = "zh")]
    language: Language,
    /// Folder (with --recipes) or file for what was learnt.
    #[arg(long, value_name = "PATH", required_unless_present = "labels")]
    out: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeFile {
    language: String,
    head: String,
    sources: Vec<Source>,
}

pub fn run(common: &CommonArgs, args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let (head, args) = match &args.kind {
        Kind::Sentiment(args) => (Head::Polarity, args),
        Kind::Dissatisfaction(args) => (Head::Dissatisfaction, args),
        Kind::Retrieval(args) => return super::retrieval::train(args),
        Kind::Request(args) => {
            let teaching = Teaching {
                what: Taught::Request,
                grams: args.language.grams(),
                out: args.out.clone(),
                is_trial: args.trial,
            };
            return teach(common, &teaching);
        }
    };
    if args.labels {
        if head == Head::Dissatisfaction {
            bail!("people label sentiment, requests and topics; use `train sentiment --labels`");
        }
        let teaching = Teaching {
            what: Taught::Sentiment,
            grams: args.language.grams(),
            out: args.out.clone(),
            is_trial: args.trial,
        };
        return teach(common, &teaching);
    }
    let out = args.out.as_deref().context("--out is needed")?;
    match &args.recipes {
        Some(recipes) => from_recipes(head, recipes, args, out)?,
        None => from_data(head, args, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn from_recipes(head: Head, recipes: &Path, args: &HeadArgs, out: &Path) -> anyhow::Result<()> {
    let text = read::text(recipes)?;
    let all: BTreeMap<String, RecipeFile> =
        toml::from_str(&text).with_context(|| format!("reading {}", recipes.display()))?;
    let package = recipes
        .parent()
        .and_then(Path::parent)
        .unwrap_or(Path::new("."));
    let mut done = 0;
    for (name, recipe) in &all {
        let kind = match recipe.head.as_str() {
            "polarity" => Head::Polarity,
            "dissatisfaction" => Head::Dissatisfaction,
            other => bail!("head {other:?} of {name}: expected polarity or dissatisfaction"),
        };
        if kind != head || args.only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let grams = match recipe.language.as_str() {
            "zh" => Grams::Chinese,
            "en" => Grams::English,
            other => bail!("language {other:?} of {name}: expected zh or en"),
        };
        let mut examples = Vec::new();
        for source in &recipe.sources {
            let below = if source.format == Format::OwnLines {
                package
            } else {
                &args.root
            };
            let content = read::text(&below.join(&source.path))?;
            examples.extend(source.examples(&content, head));
        }
        learn(
            name,
            head,
            grams,
            examples,
            &out.join(format!("{name}.bin")),
        )?;
        done += 1;
    }
    if done == 0 {
        bail!("no head of this kind in {}", recipes.display());
    }
    Ok(())
}

fn from_data(head: Head, args: &HeadArgs, out: &Path) -> anyhow::Result<()> {
    if args.data.is_empty() {
        bail!("--data or --recipes is needed");
    }
    let mut examples = Vec::new();
    for path in &args.data {
        let source = Source {
            path: path.display().to_string(),
            format: Format::Labelled,
            text: args.text_column.clone(),
            label: args.label_column.clone(),
            positive: args.positive.clone(),
            negative: args.negative.clone(),
            weight: 1.0,
        };
        let found = source.examples(&read::text(path)?, head);
        if found.is_empty() {
            bail!(
                "{}: no row with a text in {:?} and a known label in {:?}",
                path.display(),
                args.text_column,
                args.label_column
            );
        }
        examples.extend(found);
    }
    let (grams, language) = match args.language {
        Language::Zh => (Grams::Chinese, "zh"),
        Language::En => (Grams::English, "en"),
    };
    let kind = if head == Head::Polarity {
        "polarity"
    } else {
        "dissatisfaction"
    };
    learn(&format!("{kind}-{language}"), head, grams, examples, out)
}

fn learn(
    name: &str,
    head: Head,
    grams: Grams,
    mut examples: Vec<Example>,
    out: &Path,
) -> anyhow::Result<()> {
    let read = examples.len();
    deduplicate(&mut examples);
    let model: Linear = match head {
        Head::Polarity => polarity(name, &examples, &Settings::polarity(grams)),
        Head::Dissatisfaction => {
            dissatisfaction(name, &examples, &Settings::dissatisfaction(grams))
        }
    }
    .map_err(|error| anyhow!(error))?;
    let bytes = model.bytes();
    std::fs::write(out, &bytes).with_context(|| format!("writing {}", out.display()))?;
    let line = json!({
        "head": name, "version": model.version(), "read": read, "after_deduplication": examples.len(),
        "bytes": bytes.len(), "file": out,
    });
    print::line(&line.to_string());
    Ok(())
}
