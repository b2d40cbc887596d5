//! `train … --labels` and `eval labels`: heads taught with what people said of turns, compared with those in use.
//!
//! A taught head replaces the running one only when it is better on labels that were held back from both.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::labels::{Labelled, read, requests, sentiments};
use super::{CommonArgs, print};
use crate::app::{DataFolder, now};
use crate::disk::Faults;
use crate::enrich::Models;
use crate::enrich::models::{HeadId, request_rule};
use crate::enrich::segment::Segmenter;
use crate::enrich::sentiment::Grams;
use crate::enrich::sentiment::taught::{
    Compared, compare_polarity, compare_request, is_held_back, teach_polarity, teach_request,
};
use crate::jobs::models::publish;
use crate::model::linear::Linear;
use crate::store::label::LabelKind;

/// What is taught.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Taught {
    /// Polarity.
    Sentiment,
    /// Requests.
    Request,
}

/// How it is taught.
pub struct Teaching {
    /// What.
    pub what: Taught,
    /// In which language.
    pub grams: Grams,
    /// Also written there.
    pub out: Option<PathBuf>,
    /// Compared only; the running head stays.
    pub is_trial: bool,
}

fn rule(text: &str) -> f32 {
    request_rule(Segmenter::shared(), text)
}

/// Teaches a head, compares it with the running one, and lets the better one be used.
pub fn teach(common: &CommonArgs, teaching: &Teaching) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let runtime = crate::query::runtime()?;
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let folder = DataFolder::open_with(&config, std::sync::Arc::new(Faults::none())).await?;
        let labelled = read(&config, &folder, handle).await?;
        let models = folder.models.get();
        let (id, head, compared) = taught(&models, &labelled, teaching)?;
        if let Some(out) = &teaching.out {
            std::fs::write(out, head.bytes())?;
        }
        let mut told = json!({
            "head": id.as_str(), "version": head.version(), "compared": compared, "file": teaching.out,
        });
        let outcome = if teaching.is_trial {
            json!({"replaced": false, "why": "a trial"})
        } else if compared.is_better {
            let compared = serde_json::to_value(compared)?;
            let version =
                publish(folder.lake.storage(), (id, &head), "cli", now(), compared).await?;
            json!({"replaced": true, "published": version.number})
        } else {
            let why = "it is not better on the labels that were held back, or there are too few of them";
            json!({"replaced": false, "why": why})
        };
        if let (Some(told), Value::Object(outcome)) = (told.as_object_mut(), outcome) {
            told.extend(outcome);
        }
        print::line(&serde_json::to_string_pretty(&told)?);
        Ok(ExitCode::SUCCESS)
    })
}

fn taught(
    models: &Models,
    labelled: &[Labelled],
    teaching: &Teaching,
) -> anyhow::Result<(HeadId, Linear, Compared)> {
    let grams = teaching.grams;
    let bad = |error| anyhow!("{error} (labels: {})", labelled.len());
    Ok(match teaching.what {
        Taught::Sentiment => {
            let lessons = sentiments(labelled, grams);
            let running = models.sentiment().polarity_head(grams);
            let head = teach_polarity(running, &lessons, grams).map_err(bad)?;
            let compared = compare_polarity(running, &head, &lessons, grams);
            (HeadId::polarity(grams), head, compared)
        }
        Taught::Request => {
            let lessons = requests(labelled, grams);
            let (id, running) = (HeadId::request(grams), models.request_head(grams));
            let head = teach_request(id.as_str(), running, &lessons, grams, &rule).map_err(bad)?;
            let compared = compare_request(running, &head, &lessons, grams, &rule);
            (id, head, compared)
        }
    })
}

/// Compares a head of a file with the running one.
pub fn compare(
    models: &Models,
    labelled: &[Labelled],
    id: HeadId,
    head: &Linear,
) -> Option<Compared> {
    let grams = if id.as_str().ends_with("-zh") {
        Grams::Chinese
    } else {
        Grams::English
    };
    if id == HeadId::polarity(grams) {
        let running = models.sentiment().polarity_head(grams);
        let lessons = sentiments(labelled, grams);
        return Some(compare_polarity(running, head, &lessons, grams));
    }
    if id == HeadId::request(grams) {
        let lessons = requests(labelled, grams);
        return Some(compare_request(
            models.request_head(grams),
            head,
            &lessons,
            grams,
            &rule,
        ));
    }
    None
}

/// `eval labels`: the running models on the labels that were held back.
pub fn eval(common: &CommonArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let runtime = crate::query::runtime()?;
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let folder = DataFolder::open_shared(&config).await?;
        let labelled = read(&config, &folder, handle).await?;
        let models = folder.models.get();
        let mut report = serde_json::Map::new();
        for (language, grams) in [("zh", Grams::Chinese), ("en", Grams::English)] {
            let head = models.sentiment().polarity_head(grams);
            let found = compare_polarity(head, head, &sentiments(&labelled, grams), grams);
            report.insert(
                format!("sentiment_{language}"),
                json!({"model": format!("{}@{}", head.name(), head.version()), "held_back": found.n,
                    "found": found.running}),
            );
            let lessons = requests(&labelled, grams);
            let running = models.request_head(grams);
            let worth = match running {
                Some(head) => compare_request(running, head, &lessons, grams, &rule),
                // Without a head both sides of the comparison would be the rules; a head of zeros is the same.
                None => compare_request(None, &nothing()?, &lessons, grams, &rule),
            };
            let version = running.map_or("rules", Linear::version);
            report.insert(
                format!("request_{language}"),
                json!({"model": version, "held_back": worth.n, "found": worth.running}),
            );
        }
        report.insert("topic".to_owned(), topics(&labelled));
        let shown = json!({
            "kind": "labels",
            "labels": labelled.len(),
            "held_back": labelled.iter().filter(|one| is_held_back(&one.text)).count(),
            "report": report,
        });
        print::line(&serde_json::to_string_pretty(&shown)?);
        Ok(ExitCode::SUCCESS)
    })
}

fn nothing() -> anyhow::Result<Linear> {
    let plain = crate::model::linear::Calibration {
        slope: 1.0,
        offset: 0.0,
    };
    Linear::quantise("request", 0.0, &[0.0; 256], plain, Vec::new()).map_err(|error| anyhow!(error))
}

/// How often the topic of a turn is the one that people say.
fn topics(labelled: &[Labelled]) -> Value {
    let of: Vec<&Labelled> = labelled
        .iter()
        .filter(|one| one.kind == LabelKind::Topic)
        .collect();
    let given = of.iter().filter(|one| one.topic_id.is_some()).count();
    let right = of
        .iter()
        .filter(|one| one.topic_id.as_deref() == Some(one.value.as_str()))
        .count();
    json!({"labels": of.len(), "turns_with_a_topic": given, "right": right})
}
