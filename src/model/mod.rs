//! Replaceable models: what a head is, the built-in linear one, how it learns and how it is measured; models from
//! ONNX files and behind endpoints.
//!
//! Invariants: the built-in heads are pure functions of hashed features and know no text; only `endpoint` speaks to
//! anything, only `onnx` reads files, both when the settings name them. Not here: which features a text has
//! (`enrich`), which model is in use (`enrich::models`, `app`).

pub mod endpoint;
pub mod learn;
pub mod linear;
pub mod measure;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod replace;
pub mod wordpiece;
