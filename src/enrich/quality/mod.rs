//! Quality rules: what people watch for in conversations, judged turn by turn.
//!
//! A [`Rule`] has conditions (an operator with role, range and anchor) and an expression over them; a [`RuleSet`]
//! is all rules in force, compiled into one automaton; a [`Talk`] is what is remembered of one open interaction,
//! at most 4 KB. Invariants: pure and synchronous, no clock; the same turns in the same order give the same hits,
//! in the stream, in a batch and at the door; only redacted text is looked at. Not here: where rules are kept
//! (`store`), when a talk is forgotten and what becomes of a hit (`pipeline`).

mod compiled;
mod expression;
mod judge;
mod pairs;
mod pattern;
mod phrases;
mod read;
mod rule;
mod scan;
mod talk;
#[cfg(test)]
mod tests;

pub use compiled::{CompileError, RuleSet, Versioned};
pub use expression::Truth;
pub use judge::{Evidence, Heard, Hit};
pub use phrases::{GROUPS, List, PHRASES};
pub use rule::{Check, Operator, Per, Rule, Severity};
pub use scan::Scratch;
pub use talk::{MAX_TALK_BYTES, Talk};
