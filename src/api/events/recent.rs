//! The identities of the last 24 hours, so that a repeated event is counted as one.
//!
//! An identity is (`event_source`, `event_id`, `revision`) as stored, kept as 64 bits of its hash. Invariants:
//! bounded ([`RecentIdentities::MAX`]; beyond it the oldest hour is let go early); a wrong answer changes a
//! count in an answer, never what is stored. Not here: identity in the tables (views keep one of equal events).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use hashbrown::HashSet;
use twox_hash::XxHash3_128;

use crate::domain::Micros;

const MICROS_PER_HOUR: i64 = 3_600_000_000;
const KEPT_HOURS: i64 = 24;

/// One identity, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity(u64);

impl Identity {
    /// The identity of a stored event.
    pub(super) fn new(source: &str, id: &str, revision: i32) -> Self {
        let mut bytes = Vec::with_capacity(source.len() + id.len() + 12);
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        bytes.extend_from_slice(&(source.len() as u64).to_le_bytes());
        bytes.extend_from_slice(source.as_bytes());
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&revision.to_le_bytes());
        let hash = XxHash3_128::oneshot(&bytes);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "half of the hash is enough for a count"
        )]
        let half = hash as u64;
        Self(half)
    }
}

/// The identities of the last 24 hours.
#[derive(Debug, Default)]
pub struct RecentIdentities(Mutex<Hours>);

/// Sets by hour, the newest last.
#[derive(Debug, Default)]
struct Hours {
    sets: VecDeque<(i64, HashSet<Identity>)>,
    len: usize,
}

impl RecentIdentities {
    /// How many identities are kept: some 80 MiB at most.
    pub const MAX: usize = 4_000_000;

    /// Notes that `identity` was taken at `now`; true when it was there already.
    pub(super) fn note(&self, identity: Identity, now: Micros) -> bool {
        let hour = now.0.div_euclid(MICROS_PER_HOUR);
        let mut hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hours.forget_before(hour - KEPT_HOURS + 1);
        if hours.sets.iter().any(|(_, set)| set.contains(&identity)) {
            return true;
        }
        hours.insert(hour, identity);
        false
    }

    /// Takes back what was noted for events that could not be kept.
    pub(super) fn forget(&self, identities: &[Identity]) {
        let mut hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for identity in identities {
            let removed = hours.sets.iter_mut().any(|(_, set)| set.remove(identity));
            hours.len -= usize::from(removed);
        }
    }
}

impl Hours {
    fn forget_before(&mut self, first: i64) {
        while self.sets.front().is_some_and(|(hour, _)| *hour < first) {
            self.pop();
        }
    }

    fn insert(&mut self, hour: i64, identity: Identity) {
        while self.len >= RecentIdentities::MAX {
            self.pop();
        }
        let at = self.sets.partition_point(|(known, _)| *known < hour);
        if self.sets.get(at).is_none_or(|(known, _)| *known != hour) {
            self.sets.insert(at, (hour, HashSet::new()));
        }
        if let Some((_, set)) = self.sets.get_mut(at) {
            self.len += usize::from(set.insert(identity));
        }
    }

    fn pop(&mut self) {
        let dropped = self.sets.pop_front().map_or(0, |(_, set)| set.len());
        self.len -= dropped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = MICROS_PER_HOUR;

    #[test]
    fn an_identity_is_known_for_24_hours() {
        let recent = RecentIdentities::default();
        let identity = Identity::new("/pbx", "1", 0);
        assert!(!recent.note(identity, Micros(0)));
        assert!(recent.note(identity, Micros(23 * HOUR)));
        assert!(
            !recent.note(identity, Micros(24 * HOUR)),
            "noted in hour 0, gone in hour 24"
        );
        assert!(recent.note(identity, Micros(24 * HOUR)));
    }

    #[test]
    fn source_id_and_revision_all_count() {
        let all = [
            Identity::new("ab", "c", 0),
            Identity::new("a", "bc", 0),
            Identity::new("ab", "c", 1),
            Identity::new("ab", "d", 0),
        ];
        let recent = RecentIdentities::default();
        assert!(
            all.into_iter()
                .all(|identity| !recent.note(identity, Micros(0)))
        );
    }

    #[test]
    fn what_was_not_kept_is_forgotten() {
        let recent = RecentIdentities::default();
        let identity = Identity::new("/pbx", "1", 0);
        recent.note(identity, Micros(0));
        recent.forget(&[identity]);
        recent.forget(&[identity]);
        assert!(!recent.note(identity, Micros(0)));
    }

    #[test]
    fn late_hours_are_sorted_in() {
        let recent = RecentIdentities::default();
        let (early, late) = (Identity::new("a", "1", 0), Identity::new("a", "2", 0));
        recent.note(late, Micros(5 * HOUR));
        recent.note(early, Micros(2 * HOUR));
        assert!(!recent.note(early, Micros(27 * HOUR)));
        assert!(recent.note(late, Micros(27 * HOUR)));
    }
}
