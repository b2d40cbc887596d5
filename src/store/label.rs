//! What people say of turns: their sentiment, whether they are requests, their topic.
//!
//! Invariants: a label names a turn and holds no word of it; the latest label of a turn and kind holds, earlier
//! ones stay; a label may be taken back. Not here: whether the turn exists (the door asks the lake).

use super::audit::Change;
use super::{Backend, Store, StoreError};

/// Longest id of a turn, an interaction or a topic, characters.
pub const MAX_LABEL_ID_CHARS: usize = 200;

/// What a label is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LabelKind {
    /// The sentiment: `negative`, `neutral` or `positive`.
    Sentiment,
    /// Whether the customer says what he wants: `true` or `false`.
    Request,
    /// The topic's id.
    Topic,
}

impl LabelKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Sentiment, Self::Request, Self::Topic];

    /// The closed word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sentiment => "sentiment",
            Self::Request => "request",
            Self::Topic => "topic",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A label that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLabel {
    /// The interaction, as it is stored.
    pub interaction_id: String,
    /// The turn, as it is stored.
    pub turn_id: String,
    /// What it is about.
    pub kind: LabelKind,
    /// What it says; `None` takes the label back.
    pub value: Option<String>,
}

/// A label as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Grows with every label.
    pub seq: i64,
    /// Turn, kind and value; the value is `None` where the label was taken back.
    pub label: NewLabel,
    /// Who said so: the id of a key, or `cli`.
    pub actor: String,
    /// When, microseconds UTC.
    pub at_us: i64,
}

/// Which labels.
#[derive(Debug, Clone, Default)]
pub struct WhichLabels {
    /// Only this kind.
    pub kind: Option<LabelKind>,
    /// Only of this interaction.
    pub interaction_id: Option<String>,
    /// Also those that no longer hold, and withdrawals.
    pub with_history: bool,
    /// Only those before this number.
    pub before: Option<i64>,
}

impl Store {
    /// Writes labels, all or none; each is audited.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write_labels(
        &self,
        labels: &[NewLabel],
        change: &Change<'_>,
    ) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.write_labels(labels, change).await,
        }
    }

    /// Labels, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn labels(&self, which: &WhichLabels, limit: u32) -> Result<Vec<Label>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.labels(which, limit).await,
        }
    }
}
