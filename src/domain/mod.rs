//! The words of the product as types: ids, times, closed words, positions.
//!
//! Invariants: a value of these types is valid (parsed, not validated later);
//! raw customer text ([`Raw`]) has no `Debug`, `Display` or `Serialize`.
//! Not here: I/O, clocks, anything that knows JSON documents or tables.

mod json;
mod nearest;
mod position;
mod raw;
mod role;
mod time;
mod words;

pub use json::Json;
pub use nearest::listed;
pub use position::{AppId, Checkpoint, Partition, Position};
pub use raw::{Raw, Redacted};
pub use role::{Permission, Role};
pub use time::{Day, Micros, TimeError};
pub use words::{
    Actor, AgentState, CaseStatus, Channel, ContentType, CustomerStatus, Direction, EndReason,
    EndedBy, Entry, Handler, IdentityKind, IvrAction, KnowledgeAction, LegOutcome, Speaker,
    SurveyAbout, TimeSource, TransferKind,
};
