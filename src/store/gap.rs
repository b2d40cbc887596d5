//! What people decide about gaps of the knowledge bases.
//!
//! Invariants: a gap without a decision is open, at version 0; every change is one version, with what stood before it;
//! an undo is a version too and takes back the last change that is not undone. Not here: what gaps are (`insight`),
//! who may decide (`api`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::audit::Change;
use super::{Backend, Store, StoreError};

/// How far the review of a gap has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapStatus {
    /// Nobody has decided.
    #[default]
    Open,
    /// It is one, and somebody works on it.
    Accepted,
    /// It is none; it comes back when it grows.
    Rejected,
    /// An article was published for it.
    Published,
    /// Its questions were added to an article.
    Linked,
    /// It is part of another gap.
    Merged,
}

impl GapStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Open,
        Self::Accepted,
        Self::Rejected,
        Self::Published,
        Self::Linked,
        Self::Merged,
    ];

    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Published => "published",
            Self::Linked => "linked",
            Self::Merged => "merged",
        }
    }

    /// The status of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// Why a gap is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Nothing that this business answers; its requests no longer count as failures.
    OutOfScope,
    /// The base answers it.
    NotAGap,
    /// It is not worth an article.
    TooSmall,
    /// A person shall answer it.
    ForPeople,
    /// Something else, told in the note.
    Other,
}

impl RejectReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::OutOfScope,
        Self::NotAGap,
        Self::TooSmall,
        Self::ForPeople,
        Self::Other,
    ];

    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfScope => "out_of_scope",
            Self::NotAGap => "not_a_gap",
            Self::TooSmall => "too_small",
            Self::ForPeople => "for_people",
            Self::Other => "other",
        }
    }

    /// The reason of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// Requests that a person took out of a gap, as a gap of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitOff {
    /// The new gap.
    pub into: String,
    /// What it is called.
    pub title: String,
    /// Its first requests.
    pub requests: Vec<String>,
}

/// An article that a gap led to, and what stood there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapArticle {
    /// Its base.
    pub base: String,
    /// Its id.
    pub id: String,
    /// The version that was written for the gap.
    pub version: i64,
}

/// What people decided about one gap.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GapReview {
    /// How far it has come.
    pub status: GapStatus,
    /// Who works on it.
    pub assignee: Option<String>,
    /// What people call it.
    pub title: Option<String>,
    /// Why it was rejected.
    pub reason: Option<RejectReason>,
    /// More about the decision.
    pub note: Option<String>,
    /// Customers a week when it was rejected: it comes back when there are clearly more.
    pub rejected_at: Option<f64>,
    /// The gap that it is part of.
    pub merged_into: Option<String>,
    /// Gaps that were taken out of it.
    pub splits: Vec<SplitOff>,
    /// The article that was written or extended for it.
    pub article: Option<GapArticle>,
}

/// A decision as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Reviewed {
    /// The gap.
    pub gap_id: String,
    /// Counts its changes.
    pub version: i64,
    /// The decision.
    pub review: GapReview,
    /// When it was last changed, microseconds UTC.
    pub updated_at_us: i64,
}

/// One change of a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct GapChange {
    /// The version that it made.
    pub version: i64,
    /// What was done, such as `reject`.
    pub action: String,
    /// What stood before.
    pub before: GapReview,
    /// What stood after.
    pub after: GapReview,
    /// Who did it.
    pub actor: String,
    /// When, microseconds UTC.
    pub at_us: i64,
    /// Whether it was taken back.
    pub is_undone: bool,
}

/// What is done to a decision, with its word in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapAction {
    /// Given to somebody, or taken from him.
    Assign,
    /// Called something else.
    Rename,
    /// Taken as a gap.
    Accept,
    /// Taken as none.
    Reject,
    /// Made part of another gap.
    Merge,
    /// Requests taken out.
    Split,
    /// Its questions added to an article.
    Link,
    /// An article published for it.
    Publish,
    /// The last change taken back.
    Undo,
}

impl GapAction {
    /// The word in the history.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let audit = self.audit();
        audit.strip_prefix("gap.").unwrap_or(audit)
    }

    const fn audit(self) -> &'static str {
        match self {
            Self::Assign => "gap.assign",
            Self::Rename => "gap.rename",
            Self::Accept => "gap.accept",
            Self::Reject => "gap.reject",
            Self::Merge => "gap.merge",
            Self::Split => "gap.split",
            Self::Link => "gap.link",
            Self::Publish => "gap.publish",
            Self::Undo => "gap.undo",
        }
    }
}

/// A change that is to be written.
#[derive(Debug, Clone)]
pub struct GapWrite<'a> {
    /// The gap.
    pub gap_id: &'a str,
    /// The version that the caller has seen; `None` takes any.
    pub expected: Option<i64>,
    /// What is done.
    pub action: GapAction,
    /// The decision from now on.
    pub review: GapReview,
    /// The change that an undo takes back.
    pub undoes: Option<i64>,
}

/// Which gaps are part of which, or why a merge would go in a circle.
///
/// # Errors
/// The way from `into` back to `gap_id`.
pub fn check_merge(
    merged: &BTreeMap<String, String>,
    gap_id: &str,
    into: &str,
) -> Result<(), Vec<String>> {
    let mut way = vec![into.to_owned()];
    let mut at = into;
    while at != gap_id {
        match merged.get(at) {
            Some(next) if !way.contains(next) => {
                way.push(next.clone());
                at = next;
            }
            _ => return Ok(()),
        }
    }
    Err(way)
}

impl Store {
    /// Every decision, by gap.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn gap_reviews(&self) -> Result<Vec<Reviewed>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.gap_reviews().await,
        }
    }

    /// The decision about one gap; `None` when nobody has decided anything.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn gap_review(&self, gap_id: &str) -> Result<Option<Reviewed>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.gap_review(gap_id).await,
        }
    }

    /// The changes of the decision about one gap, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn gap_changes(&self, gap_id: &str) -> Result<Vec<GapChange>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.gap_changes(gap_id).await,
        }
    }

    /// Writes a change. `Err` inside is the present version: somebody else was faster, and nothing is written.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn review_gap(
        &self,
        write: GapWrite<'_>,
        change: &Change<'_>,
    ) -> Result<Result<Reviewed, i64>, StoreError> {
        let entry = change.audits(write.action.audit(), write.gap_id);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.review_gap(&write, &entry).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_seen_before_they_close() {
        let merged = BTreeMap::from([
            ("a".to_owned(), "b".to_owned()),
            ("b".to_owned(), "c".to_owned()),
        ]);
        assert_eq!(
            check_merge(&merged, "c", "a"),
            Err(vec!["a".into(), "b".into(), "c".into()])
        );
        assert_eq!(check_merge(&merged, "c", "c"), Err(vec!["c".into()]));
        assert_eq!(check_merge(&merged, "c", "d"), Ok(()));
        assert_eq!(check_merge(&merged, "d", "a"), Ok(()));
    }
}
