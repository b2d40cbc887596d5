//! `eval knowledge` and `train retrieval`: search measured on labelled queries, its models learnt from pairs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::{print, read};
use crate::contract::delimited::split_delimited;
use crate::search::Models;
use crate::search::encoder::Encoder;
use crate::search::lessons::{admit, sentence_key, teach};
use crate::search::measure::{Labelled, LabelledQuery, Split, measure, split};
use crate::search::shipped::Weights;
use crate::search::train::{Pair, Settings};

const ENCODER_FILE: &str = "encoder.bin";
const WEIGHTS_FILE: &str = "weights.json";

/// Arguments of `eval knowledge`.
#[derive(Args)]
#[command(after_help = "Examples:
  tingchao eval knowledge --articles faq.jsonl --queries queries.jsonl [--questions-only]
  tingchao eval knowledge --texts banking.csv --text-column text --label-column category --known 0.8 --shots 10
  tingchao eval knowledge --pairs synonyms.csv
Articles: JSONL with id (or faq_id), question, similar_questions (or similar). Queries: JSONL with text (or query),
article_id (or faq_id; null = no article answers), overlap. Pairs: CSV with sentence1, sentence2, group.
Files may end in .gz.")]
pub struct KnowledgeArgs {
    /// Articles, JSONL.
    #[arg(long, value_name = "FILE", requires = "queries")]
    articles: Option<PathBuf>,
    /// Queries with their articles, JSONL.
    #[arg(long, value_name = "FILE", requires = "articles")]
    queries: Option<PathBuf>,
    /// Texts with labels, CSV or JSONL: each label becomes an article, some texts its queries.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["articles", "pairs"])]
    texts: Option<PathBuf>,
    /// Pairs that mean the same, CSV: the first sentence searches, the second ones are the articles.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["articles", "texts"])]
    pairs: Option<PathBuf>,
    /// Column or field of the text.
    #[arg(long, default_value = "text")]
    text_column: String,
    /// Column or field of the label.
    #[arg(long, default_value = "label")]
    label_column: String,
    /// Label of texts that no article answers.
    #[arg(long, default_value = "oos")]
    outside: String,
    /// Share of the texts that the base gets.
    #[arg(long, default_value_t = 0.8)]
    known: f64,
    /// At most as many texts of a label.
    #[arg(long)]
    shots: Option<usize>,
    /// Share of the labels that are withheld as gaps.
    #[arg(long, default_value_t = 0.0)]
    withheld: f64,
    /// Seed of the split.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave similar questions out.
    #[arg(long)]
    questions_only: bool,
    /// Folder with encoder.bin and weights.json instead of the shipped models.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
}

/// Arguments of `train retrieval`.
#[derive(Args)]
#[command(after_help = "Example:
  tingchao train retrieval --pairs a.csv --pairs b.csv --exclude faq.jsonl --out models/retrieval
Pairs: CSV with sentence1, sentence2, label (1 = same meaning), or JSONL with these fields; each file is one corpus.
Excluded: every text of the file; pairs with one of them are not used.")]
pub struct RetrievalArgs {
    /// Pairs of sentences; can be repeated.
    #[arg(long, value_name = "FILE", required = true)]
    pairs: Vec<PathBuf>,
    /// Files whose sentences must not be seen, CSV or JSONL; can be repeated.
    #[arg(long, value_name = "FILE")]
    exclude: Vec<PathBuf>,
    /// Where the models go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Rounds over the pairs.
    #[arg(long, default_value_t = 20)]
    epochs: u32,
    /// Texts that a term must stand in to get a vector.
    #[arg(long, default_value_t = 5)]
    least_seen: u32,
    /// Of the order of the pairs.
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

pub fn eval(args: &KnowledgeArgs) -> anyhow::Result<ExitCode> {
    let models = match &args.models {
        Some(folder) => {
            let encoder = Encoder::from_bytes(&std::fs::read(folder.join(ENCODER_FILE))?)?;
            let weights: Weights =
                serde_json::from_slice(&std::fs::read(folder.join(WEIGHTS_FILE))?)?;
            Models::new(encoder, weights)?
        }
        None => Models::shipped()?,
    };
    let (labelled, files) = labelled(args)?;
    ensure!(
        !labelled.queries.is_empty() && !labelled.articles.is_empty(),
        "the files hold no articles or no queries"
    );
    let report = measure(models.parts(), &labelled, args.questions_only)?;
    let mut digests = BTreeMap::new();
    for file in files {
        digests.insert(
            file.display().to_string(),
            read::sha256(&std::fs::read(file)?),
        );
    }
    let shown = json!({
        "data": digests,
        "questions_only": args.questions_only,
        "known": args.known, "shots": args.shots, "withheld": args.withheld, "seed": args.seed,
        "report": report,
    });
    print::line(&serde_json::to_string_pretty(&shown)?);
    Ok(ExitCode::SUCCESS)
}

pub fn train(args: &RetrievalArgs) -> anyhow::Result<ExitCode> {
    let mut excluded = HashSet::new();
    for file in &args.exclude {
        for row in rows(file)? {
            strings(&row, &mut |text| {
                excluded.insert(sentence_key(text));
            });
        }
    }
    let mut corpora = Vec::new();
    let mut counts = Vec::new();
    for file in &args.pairs {
        let read: Vec<Pair> = rows(file)?.iter().filter_map(pair).collect();
        ensure!(
            !read.is_empty(),
            "{}: no pair with sentence1, sentence2 and label",
            file.display()
        );
        let before = read.len();
        let admitted = admit(read, &excluded);
        counts.push(json!({"pairs": file, "sha256": read::sha256(&std::fs::read(file)?), "read": before, "used": admitted.len()}));
        corpora.push(admitted);
    }
    let settings = Settings {
        epochs: args.epochs,
        least_seen: args.least_seen,
        seed: args.seed,
        ..Settings::default()
    };
    let (encoder, weights) = teach(&corpora, settings)?;
    std::fs::create_dir_all(&args.out)?;
    std::fs::write(args.out.join(ENCODER_FILE), encoder.to_bytes())?;
    std::fs::write(args.out.join(WEIGHTS_FILE), serde_json::to_vec(&weights)?)?;
    print::line(&serde_json::to_string_pretty(
        &json!({"corpora": counts, "out": args.out}),
    )?);
    Ok(ExitCode::SUCCESS)
}

fn labelled(args: &KnowledgeArgs) -> anyhow::Result<(Labelled, Vec<&Path>)> {
    if let (Some(articles), Some(queries)) = (&args.articles, &args.queries) {
        return Ok((faq(articles, queries)?, vec![articles, queries]));
    }
    if let Some(file) = &args.texts {
        let mut texts = Vec::new();
        for row in rows(file)? {
            let (Some(text), Some(label)) = (
                field(&row, &[&args.text_column]),
                field(&row, &[&args.label_column]),
            ) else {
                continue;
            };
            texts.push((
                text.to_owned(),
                (label != args.outside).then(|| label.to_owned()),
            ));
        }
        let settings = Split {
            known: args.known,
            shots: args.shots,
            withheld: args.withheld,
            seed: args.seed,
        };
        return Ok((split(texts, settings), vec![file]));
    }
    let Some(file) = &args.pairs else {
        bail!("nothing to measure; give --articles and --queries, --texts or --pairs");
    };
    Ok((synonym_pairs(file)?, vec![file]))
}

pub(super) fn faq(articles: &Path, queries: &Path) -> anyhow::Result<Labelled> {
    let mut made = Labelled::default();
    let mut places: HashMap<String, usize> = HashMap::new();
    for row in rows(articles)? {
        let (Some(id), Some(question)) =
            (field(&row, &["id", "faq_id"]), field(&row, &["question"]))
        else {
            bail!("{}: an article needs id and question", articles.display());
        };
        places.insert(id.to_owned(), made.articles.len());
        let mut texts = vec![question.to_owned()];
        for name in ["similar_questions", "similar"] {
            let similar = row
                .get(name)
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            texts.extend(similar.filter_map(Value::as_str).map(str::to_owned));
        }
        made.articles.push(texts);
    }
    for row in rows(queries)? {
        let Some(text) = field(&row, &["text", "query"]) else {
            bail!("{}: a query needs text", queries.display());
        };
        let right = match field(&row, &["article_id", "faq_id"]) {
            Some(id) => vec![*places.get(id).with_context(|| {
                format!("{}: a query names an unknown article", queries.display())
            })?],
            None => Vec::new(),
        };
        let overlap = row.get("overlap").and_then(Value::as_f64);
        made.queries.push(LabelledQuery {
            text: text.to_owned(),
            right,
            overlap,
        });
    }
    Ok(made)
}

/// Every second sentence of the same group is right.
pub(super) fn synonym_pairs(file: &Path) -> anyhow::Result<Labelled> {
    let mut made = Labelled::default();
    let mut groups: HashMap<String, Vec<usize>> = HashMap::new();
    let mut asked = Vec::new();
    for row in rows(file)? {
        let (Some(first), Some(second)) =
            (field(&row, &["sentence1"]), field(&row, &["sentence2"]))
        else {
            bail!("{}: a pair needs sentence1 and sentence2", file.display());
        };
        let place = made.articles.len();
        let group = field(&row, &["group"]).map_or_else(|| place.to_string(), str::to_owned);
        groups.entry(group.clone()).or_default().push(place);
        made.articles.push(vec![second.to_owned()]);
        asked.push((first.to_owned(), group));
    }
    made.queries = asked
        .into_iter()
        .map(|(text, group)| LabelledQuery {
            text,
            right: groups.get(&group).cloned().unwrap_or_default(),
            overlap: None,
        })
        .collect();
    Ok(made)
}

fn pair(row: &Value) -> Option<Pair> {
    Some(Pair {
        first: field(row, &["sentence1"])?.to_owned(),
        second: field(row, &["sentence2"])?.to_owned(),
        same: field(row, &["label"])? == "1",
    })
}

/// The first of the fields that holds text.
fn field<'r>(row: &'r Value, names: &[&str]) -> Option<&'r str> {
    names.iter().find_map(|name| row.get(*name)?.as_str())
}

/// Every string in a value.
fn strings(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, found)),
        _ => {}
    }
}

/// The rows of CSV with a header, or of JSONL, as JSON objects; plain or .gz.
pub(super) fn rows(file: &Path) -> anyhow::Result<Vec<Value>> {
    let text = read::text(file)?;
    if text.trim_start().starts_with('{') {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        return lines.map(|line| Ok(serde_json::from_str(line)?)).collect();
    }
    let Ok(records) = split_delimited(&text, ',') else {
        bail!("{}: a quotation never ends", file.display());
    };
    let mut records = records.into_iter();
    let head = records.next().map(|head| head.fields).unwrap_or_default();
    Ok(records
        .map(|record| {
            head.iter()
                .cloned()
                .zip(record.fields.into_iter().map(Value::String))
                .collect::<serde_json::Map<_, _>>()
        })
        .map(Value::Object)
        .collect())
}
