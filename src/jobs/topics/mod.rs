//! Requests and topics of the lake: what customers want, found as it is said.
//!
//! One process of a lake does this, under one lease. Invariants: everything here can be done again and changes
//! nothing; what it has read travels as progress in the commit of its rows. Not here: the doors (`api`), clustering
//! (`insight`), what a request is (`enrich`).

mod candidates;
mod keep;
mod published;
mod requests;
mod run;
#[cfg(test)]
mod tests;

use crate::lake::{LakeError, LeaseError, UpkeepError};
use crate::query::QueryError;
use crate::store::StoreError;

pub use keep::{LakeRun, LakeTopics, TopicPace};
pub use published::{follow_topics, load_topics};
pub use requests::Requests;
pub use run::{RunDone, RunSettings, Topics};

/// Who may write the derived tables.
const LEASE: &str = "topics";
/// Status of a topic that may become one.
const CANDIDATE: &str = "candidate";
/// Renewed while it is needed; after a crash others wait so long.
const LEASE_S: i64 = 20;

/// Why a round over requests or topics broke off.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    /// A table.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The lease, or a table under it.
    #[error(transparent)]
    Upkeep(#[from] UpkeepError),
    /// Rows could not be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// What people decided could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work itself broke off.
    #[error("{doing} broke off: {why}; it is tried again with the next round")]
    Broken {
        /// What.
        doing: &'static str,
        /// Why.
        why: String,
    },
}

impl From<LeaseError> for TopicsError {
    fn from(error: LeaseError) -> Self {
        Self::Upkeep(UpkeepError::Lease(error))
    }
}

fn broken(doing: &'static str, why: &dyn std::fmt::Display) -> TopicsError {
    TopicsError::Broken {
        doing,
        why: why.to_string(),
    }
}
