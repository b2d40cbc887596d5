//! `analyze`: texts in, findings out, one JSON document a line.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};

use super::{CommonArgs, read};
use crate::app::DataFolder;
use crate::domain::{Raw, Redacted, Speaker};
use crate::enrich::redact::{AllowList, Redactor, TokenKey};
use crate::enrich::{Analyser, Analysis, Models, Said};

/// Arguments of `analyze`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  echo '三天了还没人处理' | tingchao analyze -\n  tingchao analyze texts.jsonl > findings.jsonl\n\nA line is a text, or a JSON object with text and, if known, id, speaker, previous and language."
)]
pub struct AnalyzeArgs {
    /// File with one text a line (plain, .gz, .zst), `-` for standard input.
    file: PathBuf,
}

pub fn run(common: &CommonArgs, args: &AnalyzeArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let (redactor, models) = if config.data.dir.exists() {
        let runtime = crate::query::runtime()?;
        let folder = runtime.block_on(DataFolder::open_shared(&config))?;
        (folder.redactor.shared(), folder.models.get())
    } else {
        // Without a data folder there is nothing that tokens could be joined with.
        let allow = AllowList::new(&config.privacy.allow_list);
        let redactor = Arc::new(Redactor::new(TokenKey::generate()?, allow));
        let models = Models::shipped().map_err(|error| anyhow!(error))?;
        (redactor, Arc::new(models))
    };
    let analyser = Analyser::new(&redactor, &models);
    let text = read::text(&args.file)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let answer = answer(&analyser, line);
        writeln!(out, "{answer}")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn answer(analyser: &Analyser<'_>, line: &str) -> Value {
    let object = line.trim_start().starts_with('{');
    let parsed: Option<Value> = serde_json::from_str(line).ok().filter(|_| object);
    let field = |name: &str| {
        parsed
            .as_ref()
            .and_then(|p| p.get(name))
            .and_then(Value::as_str)
    };
    let text = Raw::new(field("text").unwrap_or(line));
    let previous = field("previous").map(Raw::new);
    let speaker = field("speaker").and_then(|s| s.parse().ok());
    let analysis = analyser.analyse(&Said {
        text: &text,
        speaker: speaker.unwrap_or(Speaker::Customer),
        previous: previous.as_ref(),
        language: field("language"),
    });
    let id = field("id").map(|id| analyser.id(&Raw::new(id)));
    shown(id.as_ref(), &analysis)
}

fn shown(id: Option<&Redacted<'_>>, analysis: &Analysis) -> Value {
    let mood = analysis.mood;
    let pii = analysis.pii.iter();
    let pii = pii.map(|p| json!({"kind": p.kind.as_str(), "start": p.start, "end": p.end}));
    let terms = analysis.explanation.iter();
    let terms = terms.map(|t| json!({"term": t.term, "weight": t.weight}));
    json!({
        "id": id,
        "language": analysis.language,
        "text": analysis.text,
        "pii": pii.collect::<Vec<_>>(),
        "sentiment": {
            "label": mood.label.as_str(),
            "score": mood.score,
            "probabilities": {
                "negative": mood.negative, "neutral": mood.neutral, "positive": mood.positive
            },
            "explanation": terms.collect::<Vec<_>>(),
        },
        "dissatisfaction": analysis.dissatisfaction.map(|p| json!({"probability": p})),
        "keywords": analysis.keywords,
        "is_request": analysis.is_request,
    })
}
