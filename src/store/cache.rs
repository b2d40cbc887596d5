//! Keys that were proven a moment ago, so that a request does not cost a read of the database.
//!
//! Invariants: nothing older than [`MAX_AGE`] is believed (another process may have revoked the key); after
//! [`KeyCache::clear`] nothing that was read before it is believed, even if it is inserted later.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::key::KeyRow;

/// How long an entry is believed.
pub(super) const MAX_AGE: Duration = Duration::from_secs(10);

/// More keys than this in use at once are rare; the cache then starts anew.
const MAX_ENTRIES: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct KeyCache(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// Counts the clearings.
    generation: u64,
    by_id: HashMap<String, (KeyRow, Instant)>,
}

impl KeyCache {
    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    pub(super) fn get(&self, id: &str, now: Instant) -> Option<KeyRow> {
        let entries = self.lock();
        let (row, read_at) = entries.by_id.get(id)?;
        let is_fresh = now.saturating_duration_since(*read_at) < MAX_AGE;
        is_fresh.then(|| row.clone())
    }

    /// Keeps a row that was read at `read_at`, unless the cache was cleared since `generation` was taken.
    pub(super) fn insert(&self, row: KeyRow, generation: u64, read_at: Instant) {
        let mut entries = self.lock();
        if entries.generation != generation {
            return;
        }
        if entries.by_id.len() >= MAX_ENTRIES {
            entries.by_id.clear();
        }
        entries.by_id.insert(row.id.clone(), (row, read_at));
    }

    pub(super) fn clear(&self) {
        let mut entries = self.lock();
        entries.generation = entries.generation.wrapping_add(1);
        entries.by_id.clear();
    }

    /// A panic under the lock leaves at worst fewer entries, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::generate;
    use super::*;
    use crate::domain::Role;

    fn row() -> KeyRow {
        generate("n", Role::Admin, 0).unwrap().1
    }

    #[test]
    fn entries_grow_old() {
        let cache = KeyCache::default();
        let (row, start) = (row(), Instant::now());
        cache.insert(row.clone(), cache.generation(), start);
        let just_fresh = start + MAX_AGE.checked_sub(Duration::from_millis(1)).unwrap();
        assert!(cache.get(&row.id, just_fresh).is_some());
        assert!(cache.get(&row.id, start + MAX_AGE).is_none());
    }

    #[test]
    fn what_was_read_before_a_clearing_is_not_kept() {
        let cache = KeyCache::default();
        let (row, start) = (row(), Instant::now());
        let generation = cache.generation();
        cache.clear();
        cache.insert(row.clone(), generation, start);
        assert!(cache.get(&row.id, start).is_none());
        cache.insert(row.clone(), cache.generation(), start);
        assert!(cache.get(&row.id, start).is_some());
        cache.clear();
        assert!(cache.get(&row.id, start).is_none());
    }

    #[test]
    fn the_cache_stays_small() {
        let cache = KeyCache::default();
        for _ in 0..MAX_ENTRIES + 10 {
            cache.insert(row(), cache.generation(), Instant::now());
        }
        assert!(cache.lock().by_id.len() <= MAX_ENTRIES);
    }
}
