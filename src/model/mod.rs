//! Replaceable models: what a head is, the built-in linear one, how it learns and how it is measured.
//!
//! Invariants: nothing here does I/O or knows text; the built-in heads are pure functions of hashed features.
//! Not here: which features a text has (`enrich`), files (`cli`, `app`).

pub mod learn;
pub mod linear;
pub mod measure;
