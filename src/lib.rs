//! Tingchao (听潮): contact-centre analytics.
//!
//! Data flows one way: source -> contract -> enrich -> tables -> lake -> query -> api.
//! A module may use those above it in this list, never those below.

pub mod config;
pub mod contract;
pub mod disk;
pub mod domain;
pub mod error;
pub mod telemetry;

pub mod api;
pub mod app;
pub mod cli;
pub mod enrich;
pub mod insight;
pub mod jobs;
pub mod lake;
pub mod model;
pub mod pipeline;
pub mod query;
pub mod routing;
pub mod search;
pub mod simulate;
pub mod sink;
pub mod source;
pub mod store;
pub mod tables;
