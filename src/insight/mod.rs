//! What the facts say about topics, gaps and changes; pure, on plain numbers.

pub mod effect;
pub mod gap_type;
