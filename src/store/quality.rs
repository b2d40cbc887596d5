//! Quality rules, scorecards, reviews and webhooks: what the store does with them, the same for every backend.
//!
//! Invariants: a version is never changed, only followed by the next one; a review is never changed; the secret of
//! a webhook is handed out for signing alone. Not here: what a rule or a scorecard may say.

use serde_json::Value;

use super::article::Expected;
use super::audit::Change;
use super::{Backend, Store, StoreError};

/// A kind of versioned document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// A quality rule.
    Rule,
    /// A scorecard.
    Scorecard,
}

impl DocumentKind {
    /// The word in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Scorecard => "scorecard",
        }
    }

    const fn written(self) -> &'static str {
        match self {
            Self::Rule => "rule.write",
            Self::Scorecard => "scorecard.write",
        }
    }

    const fn deleted(self) -> &'static str {
        match self {
            Self::Rule => "rule.delete",
            Self::Scorecard => "scorecard.delete",
        }
    }
}

/// A document as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its id.
    pub id: String,
    /// 1, 2, 3 …
    pub version: i64,
    /// What people wrote.
    pub content: Value,
    /// When the first version was written, microseconds UTC.
    pub created_at_us: i64,
    /// When this version was written, microseconds UTC.
    pub updated_at_us: i64,
}

/// A version of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentVersion {
    /// 1, 2, 3 …
    pub version: i64,
    /// What it said; `None` when this version is a deletion.
    pub content: Option<Value>,
    /// Who wrote it.
    pub actor: String,
    /// When, microseconds UTC.
    pub at_us: i64,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// There was none before.
    Created(Document),
    /// There was one before.
    Updated(Document),
    /// It was not as expected; the present version, 0 without.
    Conflict(i64),
}

/// Where alerts are sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// The address.
    pub url: String,
    /// What signs.
    pub secret: String,
    /// Which alerts, JSON.
    pub filter: Value,
    /// When it was made, microseconds UTC.
    pub created_at_us: i64,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The answers to the questions of a scorecard for one interaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// Its id.
    pub id: String,
    /// The scorecard.
    pub scorecard_id: String,
    /// Its version then.
    pub scorecard_version: i64,
    /// The interaction.
    pub interaction_id: String,
    /// Its agent, where known.
    pub agent_id: Option<String>,
    /// Who answered.
    pub reviewer: String,
    /// Answers of the machine by question.
    pub machine: Value,
    /// Answers of the reviewer by question.
    pub human: Value,
    /// When, microseconds UTC.
    pub at_us: i64,
}

impl Store {
    /// A document as it stands.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn document(
        &self,
        kind: DocumentKind,
        id: &str,
    ) -> Result<Option<Document>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.document(kind, id).await,
        }
    }

    /// Documents by id, those after `after` (all when empty).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn documents(
        &self,
        kind: DocumentKind,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.documents(kind, after, limit).await,
        }
    }

    /// The versions of a document, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn document_versions(
        &self,
        kind: DocumentKind,
        id: &str,
    ) -> Result<Vec<DocumentVersion>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.document_versions(kind, id).await,
        }
    }

    /// How often documents of a kind were changed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn document_revision(&self, kind: DocumentKind) -> Result<i64, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.document_revision(kind).await,
        }
    }

    /// Writes a document. The same content again makes no new version.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write_document(
        &self,
        kind: DocumentKind,
        id: &str,
        content: &Value,
        expected: Expected,
        change: &Change<'_>,
    ) -> Result<Stored, StoreError> {
        let entry = change.audits(kind.written(), id);
        match &self.backend {
            Backend::Sqlite(sqlite) => {
                sqlite
                    .write_document(kind, id, content, expected, &entry)
                    .await
            }
        }
    }

    /// Deletes a document; its versions stay. `Err` inside is the present version, 0 without.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_document(
        &self,
        kind: DocumentKind,
        id: &str,
        expected: Expected,
        change: &Change<'_>,
    ) -> Result<Result<(), i64>, StoreError> {
        let entry = change.audits(kind.deleted(), id);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.delete_document(kind, id, expected, &entry).await,
        }
    }

    /// Every webhook, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.webhooks().await,
        }
    }

    /// Adds a webhook.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_webhook(
        &self,
        webhook: &Webhook,
        change: &Change<'_>,
    ) -> Result<(), StoreError> {
        let entry = change.audits("webhook.create", &webhook.id);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.add_webhook(webhook, &entry).await,
        }
    }

    /// Removes a webhook; whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_webhook(&self, id: &str, change: &Change<'_>) -> Result<bool, StoreError> {
        let entry = change.audits("webhook.delete", id);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.delete_webhook(id, &entry).await,
        }
    }

    /// Adds a review.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_review(&self, review: &Review, change: &Change<'_>) -> Result<(), StoreError> {
        let entry = change.audits("review.create", &review.id);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.add_review(review, &entry).await,
        }
    }

    /// The reviews of a scorecard, newest first; of one interaction when one is given.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reviews(
        &self,
        scorecard_id: &str,
        interaction_id: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Review>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.reviews(scorecard_id, interaction_id, limit).await,
        }
    }
}
