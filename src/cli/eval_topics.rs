//! `eval topics`: how well topics match labels, beside a plain method, as one JSON report.
//!
//! The data is CSV with a header, JSONL, or a JSON array of objects; plain, `.gz` or `.zst`. Nothing of it is stored.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::{print, read};
use crate::contract::delimited::split_delimited;
use crate::enrich::segment::Segmenter;
use crate::insight::topics::{Agreement, Scored, Settings, score};

/// Arguments of `eval topics`.
#[derive(Args)]
#[command(
    after_help = "Example: tingchao eval topics --data requests.csv --text-column text --label-column intent"
)]
pub struct TopicsArgs {
    /// CSV with a header, JSONL or a JSON array; plain, .gz or .zst.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Column or field of the text.
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// Column or field of the label.
    #[arg(long, value_name = "NAME", default_value = "label")]
    label_column: String,
    /// How many topics; without it the number is chosen.
    #[arg(long)]
    topics: Option<usize>,
    /// First seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
}

pub fn run(args: &TopicsArgs) -> anyhow::Result<ExitCode> {
    ensure!(
        args.seeds > 0 && args.topics != Some(0),
        "--seeds and --topics are at least 1"
    );
    let content = read::text(&args.data)?;
    let rows = rows(&content, &args.data, &args.text_column, &args.label_column)?;
    ensure!(!rows.is_empty(), "{} holds no rows", args.data.display());
    let texts: Vec<&str> = rows.iter().map(|(text, _)| text.as_str()).collect();
    let labels: Vec<&str> = rows.iter().map(|(_, label)| label.as_str()).collect();
    let segmenter = Segmenter::shared();
    let scored: Vec<Scored> = (0..args.seeds)
        .map(|step| {
            let settings = Settings {
                topics: args.topics,
                seed: args.seed.wrapping_add(step),
                ..Settings::default()
            };
            score(segmenter, &texts, &labels, settings)
        })
        .collect();
    let mean = |of: fn(&Scored) -> f64| scored.iter().map(of).sum::<f64>() / scored.len() as f64;
    let shown =
        |agreement: Agreement| json!({"accuracy": agreement.accuracy, "nmi": agreement.nmi});
    let runs = scored.iter().map(|run| {
        json!({"seed": run.seed, "topics": run.topics, "found": shown(run.found), "plain": shown(run.plain)})
    });
    let report = json!({
        "kind": "topics",
        "data": args.data.file_name().map(|name| name.to_string_lossy()),
        "data_sha256": read::sha256(content.as_bytes()),
        "texts": texts.len(),
        "labels": labels.iter().collect::<BTreeSet<_>>().len(),
        "number": if args.topics.is_some() { "given" } else { "chosen" },
        "mean": {
            "topics": mean(|run| run.topics as f64),
            "found": {"accuracy": mean(|run| run.found.accuracy), "nmi": mean(|run| run.found.nmi)},
            "plain": {"accuracy": mean(|run| run.plain.accuracy), "nmi": mean(|run| run.plain.nmi)},
        },
        "runs": runs.collect::<Vec<Value>>(),
    });
    print::line(&serde_json::to_string_pretty(&report)?);
    Ok(ExitCode::SUCCESS)
}

/// Text and label of each row.
pub(super) fn rows(
    body: &str,
    path: &Path,
    text: &str,
    label: &str,
) -> anyhow::Result<Vec<(String, String)>> {
    let body = body.trim_start_matches('\u{feff}');
    let missing = |number: usize| {
        format!(
            "row {number} of {} has no `{text}` or no `{label}`",
            path.display()
        )
    };
    let of = |number: usize, row: &Value| -> anyhow::Result<(String, String)> {
        let field = |name: &str| match row.get(name)? {
            Value::String(value) => Some(value.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        field(text)
            .zip(field(label))
            .with_context(|| missing(number))
    };
    if body.trim_start().starts_with('[') {
        let all: Vec<Value> =
            serde_json::from_str(body).context("the JSON array cannot be read")?;
        return all
            .iter()
            .zip(1..)
            .map(|(row, number)| of(number, row))
            .collect();
    }
    if body.trim_start().starts_with('{') {
        let lines = body
            .lines()
            .zip(1..)
            .filter(|(line, _)| !line.trim().is_empty());
        let read = lines.map(|(line, number)| {
            let row: Value =
                serde_json::from_str(line).with_context(|| format!("line {number} is no JSON"))?;
            of(number, &row)
        });
        return read.collect();
    }
    let records = split_delimited(body, ',').map_err(|line| {
        anyhow!(
            "{}: the quotation that begins on line {line} never ends",
            path.display()
        )
    })?;
    let mut records = records.into_iter().map(|record| record.fields);
    let header = records.next().unwrap_or_default();
    let place = |name: &str| {
        let found = header.iter().position(|column| column == name);
        found.with_context(|| {
            format!(
                "{} has no column `{name}`; it has {}",
                path.display(),
                header.join(", ")
            )
        })
    };
    let (text, label) = (place(text)?, place(label)?);
    let read = records.zip(2..).map(|(record, number)| {
        let pair = record.get(text).cloned().zip(record.get(label).cloned());
        pair.with_context(|| missing(number))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_every_form() {
        let read = |body: &str| rows(body, Path::new("x"), "t", "l").unwrap();
        let wanted = [
            ("a, \"b\"".to_owned(), "1".to_owned()),
            ("c\nd".to_owned(), "2".to_owned()),
        ];
        assert_eq!(read("l,t\r\n1,\"a, \"\"b\"\"\"\r\n2,\"c\nd\"\r\n"), wanted);
        assert_eq!(
            read("{\"t\":\"a, \\\"b\\\"\",\"l\":1}\n\n{\"t\":\"c\\nd\",\"l\":\"2\"}\n"),
            wanted
        );
        assert_eq!(
            read("[{\"t\":\"a, \\\"b\\\"\",\"l\":\"1\"},{\"t\":\"c\\nd\",\"l\":2}]"),
            wanted
        );
        let no = rows("x,l\n1,2\n", Path::new("x.csv"), "t", "l")
            .unwrap_err()
            .to_string();
        assert!(no.contains("`t`") && no.contains("x, l"), "{no}");
        assert!(rows("{\"l\":1}", Path::new("x"), "t", "l").is_err());
    }
}
