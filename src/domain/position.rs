//! Where an event stood in its source, and how far a table has come.
//!
//! Invariants: `offset` of a [`Position`] is the record's own; a checkpoint
//! holds the *next* offset to read (the convention of Kafka), and only grows.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// One record of one partition of one source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Name of the source: `inbox`, `import:<manifest>`, `file:<name>`, and for
    /// Kafka `<name of the source>:<topic>`.
    pub source: Arc<str>,
    /// Partition within the source, from 0.
    pub partition: i32,
    /// Record within the partition, from 0.
    pub offset: i64,
}

/// One partition of a source; positions and progress carry both parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// Name of the source, as in [`Position::source`].
    pub source: Arc<str>,
    /// Number within the source, from 0.
    pub number: i32,
}

impl Partition {
    /// The one partition of a source that has no more.
    pub fn only(source: &Arc<str>) -> Self {
        Self {
            source: Arc::clone(source),
            number: 0,
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.number)
    }
}

/// The name under which one source partition records its progress in a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(Arc<str>);

impl AppId {
    /// `<source>:<partition>`; the same for every table.
    pub fn new(source: &str, partition: i32) -> Self {
        Self(format!("{source}:{partition}").into())
    }

    /// The name of `partition`.
    pub fn of(partition: &Partition) -> Self {
        Self::new(&partition.source, partition.number)
    }

    /// As written in the Delta log.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Next offset to read for each source partition that a table has durably seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint(BTreeMap<AppId, i64>);

impl Checkpoint {
    /// The next offset of `app`, if anything of it was recorded.
    pub fn next(&self, app: &AppId) -> Option<i64> {
        self.0.get(app).copied()
    }

    /// Moves `app` forward to `next`; a smaller value changes nothing.
    pub fn advance(&mut self, app: &AppId, next: i64) {
        let entry = self.0.entry(app.clone()).or_insert(next);
        *entry = (*entry).max(next);
    }

    /// All partitions with their next offsets.
    pub fn iter(&self) -> impl Iterator<Item = (&AppId, i64)> {
        self.0.iter().map(|(app, next)| (app, *next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_never_moves_back() {
        let app = AppId::new("inbox", 0);
        let mut checkpoint = Checkpoint::default();
        assert_eq!(checkpoint.next(&app), None);
        checkpoint.advance(&app, 20);
        checkpoint.advance(&app, 15);
        assert_eq!(checkpoint.next(&app), Some(20));
    }
}
