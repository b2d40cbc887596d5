//! Gaps of the knowledge bases: what became of each request ([`judge`]), which failures belong together ([`form`]),
//! what they cost ([`impact`]) and what people answered ([`draft`]).
//!
//! Invariants: pure; a request without evidence of use is counted and never ranked; a failure of ours is no gap.
//! Not here: where cases come from and where gaps go (`jobs`), what people decide about gaps (`store`).

pub mod bounds;
pub mod case;
pub mod draft;
pub mod form;
pub mod impact;
pub mod judge;
pub mod saying;
#[cfg(test)]
mod tests;
pub mod texts;
mod told;

pub use case::{Action, AgentTurn, Article, ArticleKey, Candidate, Case, Match, Shelf, Use};
pub use form::{Before, Clusters, Gap, Input, Split, form};
pub use judge::{Judged, judge};
pub use texts::TextClusters;
