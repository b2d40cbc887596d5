//! `/v1/knowledge/gaps`: where the bases fail, what people decide about it, and the article that closes it.
//!
//! Figures are those of the newest run of the job `gaps`; decisions of people are laid over them at once and become
//! part of the next run. Invariants: every change takes the version that its caller has seen; every change is audited
//! and can be undone. Not here: how gaps are found (`jobs`), what is stored of decisions (`store`).

mod board;
mod change;
mod list;
mod publish;
mod view;

pub(in crate::api) use change::{gap_patch, gap_undo};
pub(in crate::api) use list::{gap_get, gaps_list};
pub(in crate::api) use publish::gap_publish;
