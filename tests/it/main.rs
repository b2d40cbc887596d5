//! The product as a whole: the real binary under bad input, kills and restarts, and the rules of the house.
//!
//! Every server and folder is a test's own. Tests wait for conditions with bounds and never for a time.

#[cfg(test)]
mod backup;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod broker;
mod close_days;
#[cfg(test)]
mod compose;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod events;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod import;
#[cfg(test)]
mod kafka;
#[cfg(test)]
mod models;
#[cfg(test)]
mod object_store;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod overlap;
#[cfg(test)]
#[expect(
    dead_code,
    reason = "where a value stands is for those who count precision"
)]
mod pii_planter;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod power;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod simulate;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod upgrade;
