//! Who is served next, and by whom: priority, matching, the order of a phone menu, and a simulated floor that
//! judges policies.
//!
//! Invariants: pure computation over what the caller knows, no clock and no I/O; the same input gives the same
//! answer, also among equals; nothing here is learnt from anything. Not here: where the inputs come from
//! (`queries/profiles/routing_*.sql`), HTTP.

pub mod assignment;
pub mod floor;
pub mod matching;
pub mod menu;
pub mod priority;
