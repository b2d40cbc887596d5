//! What people said of turns, with the words of the turns: labels from the store, words from the lake.
//!
//! Works beside a running server: both are only read. Labels whose turn is gone (erased, recalled) are left out.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;

use crate::app::{DataFolder, Seen};
use crate::config::Config;
use crate::domain::Role;
use crate::enrich::language;
use crate::enrich::sentiment::taught::Lesson;
use crate::enrich::sentiment::{Grams, Label};
use crate::pipeline::Monitor;
use crate::query::export::Format;
use crate::query::{Engine, Request};
use crate::store::Store;
use crate::store::label::{LabelKind, NewLabel, WhichLabels};

const TURNS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/labelled_turns.sql"
));
const SEPARATOR: &str = "\u{1f}";
/// Labels of one page, turns of one question.
const PAGE: u32 = 1_000;

/// A turn with what people say of it.
pub struct Labelled {
    /// Its words, redacted.
    pub text: String,
    /// The language that heads see in it; none for another one.
    pub grams: Option<Grams>,
    /// The topic that it has in the lake.
    pub topic_id: Option<String>,
    /// What it is about.
    pub kind: LabelKind,
    /// What it says.
    pub value: String,
}

#[derive(Deserialize)]
struct Row {
    interaction_id: String,
    turn_id: String,
    language: Option<String>,
    text: Option<String>,
    topic_id: Option<String>,
}

/// All labels that hold, in the order of their turns' texts.
pub async fn read(
    config: &Config,
    folder: &DataFolder,
    queries: tokio::runtime::Handle,
) -> anyhow::Result<Vec<Labelled>> {
    let store = Store::open(&config.store_url()).await?;
    let mut labels: Vec<NewLabel> = Vec::new();
    let mut which = WhichLabels::default();
    loop {
        let page = store.labels(&which, PAGE).await?;
        let Some(last) = page.last() else { break };
        which.before = Some(last.seq);
        labels.extend(page.into_iter().map(|one| one.label));
    }
    store.close().await;
    let inside = Arc::new(Seen(Monitor::default()));
    let engine = Engine::new(
        Arc::clone(&folder.lake),
        (&config.query).into(),
        inside,
        queries,
    )?;
    let mut found = Vec::new();
    for part in labels.chunks(PAGE as usize) {
        let rows = rows(&engine, part).await?;
        for label in part {
            let key = (label.interaction_id.clone(), label.turn_id.clone());
            let Some((row, text)) = rows
                .get(&key)
                .and_then(|row| Some((row, row.text.clone()?)))
            else {
                continue;
            };
            found.push(Labelled {
                grams: language::grams(row.language.as_deref(), &text),
                topic_id: row.topic_id.clone(),
                text,
                kind: label.kind,
                value: label.value.clone().unwrap_or_default(),
            });
        }
    }
    found.sort_by(|a, b| (a.kind, &a.text, &a.value).cmp(&(b.kind, &b.text, &b.value)));
    Ok(found)
}

async fn rows(
    engine: &Engine,
    labels: &[NewLabel],
) -> anyhow::Result<HashMap<(String, String), Row>> {
    let joined = |of: fn(&NewLabel) -> &str| {
        let mut ids: Vec<&str> = labels.iter().map(of).collect();
        ids.sort_unstable();
        ids.dedup();
        json!(ids.join(SEPARATOR))
    };
    let mut request = Request::new(TURNS, Role::Admin);
    request.door = "cli";
    request.parameters = vec![
        joined(|label| &label.interaction_id),
        joined(|label| &label.turn_id),
    ];
    let answer = engine.run(request).await?;
    let mut bytes = engine.export(answer, Format::Ndjson).await?;
    let mut text = Vec::new();
    while let Some(chunk) = bytes.next().await {
        text.extend_from_slice(&chunk?);
    }
    let text = String::from_utf8(text).context("the engine answered with what is no text")?;
    let mut rows = HashMap::new();
    for line in text.lines() {
        // The last line says that it is the end.
        if let Ok(row) = serde_json::from_str::<Row>(line) {
            rows.insert((row.interaction_id.clone(), row.turn_id.clone()), row);
        }
    }
    Ok(rows)
}

/// The sentiments of a language.
pub fn sentiments(labelled: &[Labelled], grams: Grams) -> Vec<Lesson<Label>> {
    of(labelled, LabelKind::Sentiment, grams, Label::parse)
}

/// Whether texts of a language are requests.
pub fn requests(labelled: &[Labelled], grams: Grams) -> Vec<Lesson<bool>> {
    of(labelled, LabelKind::Request, grams, |word| {
        word.parse().ok()
    })
}

fn of<L>(
    labelled: &[Labelled],
    kind: LabelKind,
    grams: Grams,
    read: fn(&str) -> Option<L>,
) -> Vec<Lesson<L>> {
    let own = labelled
        .iter()
        .filter(|one| one.kind == kind && one.grams == Some(grams));
    let lesson = |one: &Labelled| {
        Some(Lesson {
            label: read(&one.value)?,
            text: one.text.clone(),
        })
    };
    own.filter_map(lesson).collect()
}
