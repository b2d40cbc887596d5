//! The articles of the simulated desk, put into the store of the demo before it opens.
//!
//! Invariants: an article that is there stays as it is, so that what was edited in a demo survives its next start.

use anyhow::Context;
use serde::Deserialize;

use crate::app::now;
use crate::config::Config;
use crate::domain::Micros;
use crate::simulate::{Options, documents};
use crate::store::article::Content;
use crate::store::{Change, Store};

const ARTICLES: &str = "knowledge/articles.jsonl";

#[derive(Deserialize)]
struct Line {
    id: String,
    base: String,
    #[serde(flatten)]
    content: Content,
    valid_from: Option<String>,
    valid_to: Option<String>,
}

/// Imports the articles that are missing.
pub(super) fn import(config: &Config, options: &Options) -> anyhow::Result<()> {
    let library = super::simulate::library(None)?;
    let documents = documents(options, &library);
    let lines = documents
        .get(ARTICLES)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let time = |text: Option<String>| {
        text.and_then(|text| Micros::parse(&text).ok())
            .map(|at| at.0)
    };
    let mut articles: Vec<(String, String, Content)> = Vec::new();
    for line in lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let line: Line =
            serde_json::from_slice(line).context("an article of the simulated desk")?;
        let content = Content {
            valid_from_us: time(line.valid_from),
            valid_to_us: time(line.valid_to),
            ..line.content
        };
        articles.push((line.base, line.id, content));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let store = Store::open(&config.store_url()).await?;
        let change = Change {
            actor: "demo",
            request_id: "demo",
            at_us: now().0,
        };
        while let Some((base, ..)) = articles.last() {
            let base = base.clone();
            let mut missing = Vec::new();
            for (_, id, content) in articles.extract_if(.., |article| article.0 == base) {
                if store.article_versions(&base, &id).await?.is_empty() {
                    missing.push((id, content));
                }
            }
            if !missing.is_empty() {
                store.import_articles(&base, &missing, &change).await?;
            }
        }
        store.close().await;
        anyhow::Ok(())
    })
}
