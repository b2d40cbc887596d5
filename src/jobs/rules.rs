//! Quality rules as objects of the lake: `serve` publishes what its store has, every process follows.
//!
//! Invariants: an edition is written whole under its own name before the pointer to it moves, and never changed; a
//! process that can't read it goes on with the rules that it has; a rule that this version can't read is left out
//! and said. Without a published edition there are no rules. Not here: the meaning of rules (`enrich::quality`).

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::enrich::quality::{CompileError, Rule, RuleSet, Versioned};
use crate::lake::{Lake, LakeError};
use crate::pipeline::RuleBook;
use crate::store::quality::{Document, DocumentKind};
use crate::store::{Store, StoreError};

const CURRENT: &str = "_tingchao/rules/current.json";
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Most rules of a lake.
pub const MAX_RULES: u32 = 5_000;

/// Why rules can't be put in force.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The rules together.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

/// A rule as it is published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Published {
    id: String,
    version: i64,
    rule: Value,
}

/// All rules at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Edition {
    edition: i64,
    rules: Vec<Published>,
}

impl Edition {
    /// Compiles the rules that this version understands.
    fn compile(&self) -> Result<RuleSet, CompileError> {
        let read = |one: &Published| match Rule::read(&one.rule) {
            Ok(rule) => Some(Versioned {
                id: one.id.clone(),
                version: one.version,
                rule,
            }),
            Err(wrong) => {
                let pointer = wrong.first().map_or("", |wrong| wrong.pointer.as_str());
                tracing::warn!(rule.id = one.id, pointer, "a published rule can't be read");
                None
            }
        };
        RuleSet::compile(self.rules.iter().filter_map(read).collect())
    }
}

/// The rules of this process, and the way to change them.
pub struct RuleDesk {
    lake: Arc<Lake>,
    book: RuleBook,
    /// Held while an edition is made, so that editions follow each other; what was applied last.
    applied: Mutex<Edition>,
}

impl RuleDesk {
    /// A desk over `lake` for those who judge by `book`.
    #[must_use]
    pub fn new(lake: Arc<Lake>, book: RuleBook) -> Self {
        Self {
            lake,
            book,
            applied: Mutex::default(),
        }
    }

    /// The rules in force.
    #[must_use]
    pub fn book(&self) -> &RuleBook {
        &self.book
    }

    /// The tables.
    #[must_use]
    pub fn lake(&self) -> &Arc<Lake> {
        &self.lake
    }

    /// Whether the rules of the store could be in force together if the rule `id` were `rule`.
    ///
    /// # Errors
    /// When they could not, or the store fails.
    pub async fn check(&self, store: &Store, id: &str, rule: &Value) -> Result<(), RulesError> {
        let mut edition = of_store(store).await?;
        edition.rules.retain(|one| one.id != id);
        edition.rules.push(Published {
            id: id.to_owned(),
            version: 1,
            rule: rule.clone(),
        });
        edition.compile()?;
        Ok(())
    }

    /// Puts the rules of the store in force here, and publishes them for other processes.
    ///
    /// # Errors
    /// When the store or the lake fails; what was in force stays.
    pub async fn apply(&self, store: &Store) -> Result<(), RulesError> {
        let mut applied = self.applied.lock().await;
        let mut edition = of_store(store).await?;
        if edition.rules == applied.rules && applied.edition > 0 {
            return Ok(());
        }
        let published = read_current(&self.lake).await?;
        if edition.rules.is_empty() && published.is_none() {
            return Ok(());
        }
        let set = edition.compile()?;
        let published = published.unwrap_or_default();
        if published.rules == edition.rules {
            edition.edition = published.edition;
        } else {
            edition.edition = edition.edition.max(published.edition + 1);
            publish(&self.lake, &edition).await?;
        }
        self.book.replace(set);
        *applied = edition;
        Ok(())
    }

    /// Puts the published rules in force, if they are others; whether they were.
    ///
    /// # Errors
    /// When the lake can't be read, or the rules are too large for this version.
    pub async fn load(&self) -> Result<bool, RulesError> {
        let mut applied = self.applied.lock().await;
        let Some(edition) = read_current(&self.lake).await? else {
            return Ok(false);
        };
        if edition == *applied {
            return Ok(false);
        }
        self.book.replace(edition.compile()?);
        *applied = edition;
        Ok(true)
    }

    /// Loads what others publish, until `stop`.
    pub async fn follow(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            match self.load().await {
                Ok(true) => tracing::info!("quality rules changed"),
                Ok(false) => {}
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "quality rules can't be read, those in force stay"
                ),
            }
        }
    }
}

async fn of_store(store: &Store) -> Result<Edition, StoreError> {
    let revision = store.document_revision(DocumentKind::Rule).await?;
    let documents = store.documents(DocumentKind::Rule, "", MAX_RULES).await?;
    let published = |document: Document| Published {
        id: document.id,
        version: document.version,
        rule: document.content,
    };
    Ok(Edition {
        edition: revision,
        rules: documents.into_iter().map(published).collect(),
    })
}

async fn read_current(lake: &Lake) -> Result<Option<Edition>, LakeError> {
    let text = lake.storage().get(CURRENT).await?;
    // A damaged object is as none: the next publication replaces it.
    Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
}

async fn publish(lake: &Lake, edition: &Edition) -> Result<(), LakeError> {
    let text = serde_json::to_vec(edition).unwrap_or_default();
    let name = format!("_tingchao/rules/{:010}.json", edition.edition);
    lake.storage().create(&name, &text).await?;
    lake.storage().put(CURRENT, &text).await
}
