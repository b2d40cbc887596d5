//! `/v1/topics`: what customers ask for.

mod runs;

pub(super) use runs::{topic_run_get, topic_run_start};
