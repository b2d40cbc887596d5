//! Tingchao (听潮): contact-centre analytics.
//!
//! Data flows one way: source -> contract -> enrich -> tables -> lake -> query -> api.
//! A module may use those above it in this list, never those below.

pub mod domain;
pub mod error;
pub mod config;
pub mod telemetry;
pub mod disk;
pub mod contract;

pub mod enrich;
pub mod tables;
pub mod source;
pub mod lake;
pub mod query;
pub mod pipeline;
pub mod simulate;
pub mod jobs;
pub mod api;
pub mod app;
pub mod cli;
pub mod store;
