//! Search in the knowledge bases: which article answers a question, and how likely it answers at all.
//!
//! A query goes through two candidate indexes (full text by tantivy, learnt vectors scanned whole) and, in bases
//! with many questions for each article, linear separators; a pair ranker orders the candidates; a logistic model
//! says how likely the best one answers. Shipped models serve any base; each base learns its own on top.
//!
//! Invariants: everything here is a projection of the articles in the store and is rebuilt from them; a changed
//! article is found from the return of [`Knowledge::apply`] on; a search never waits for a model to be learnt.
//! No query is kept.

pub mod analysis;
pub mod answered;
pub mod assist;
pub mod base;
pub mod encoder;
pub mod features;
pub mod fit;
pub mod intents;
mod knowledge;
pub mod lessons;
pub mod lexical;
pub mod measure;
pub mod rank;
mod shelf;
pub mod shipped;
mod snippet;
pub mod synonyms;
#[cfg(test)]
mod tests;
pub mod tokenizer;
pub mod train;
pub mod turns;

pub use knowledge::{BaseState, Found, Item, Knowledge, SearchError, SearchQuery, SearchResult};
pub use shipped::{Models, ShippedError};
