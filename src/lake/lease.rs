//! Who may maintain the lake: a lease with a fencing number.
//!
//! A lease is an object `_tingchao/maintenance/<number>.json`, made with a
//! conditional put, so of several processes one gets the next number. It holds
//! until its expiry or until its holder goes on to the next number.
//!
//! Invariants: numbers only grow; at most one process holds the greatest number
//! while it is in date. Clocks of the processes may differ by less than the
//! lease's length.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::disk::write_private;
use crate::domain::Micros;

const KEPT_LEASES: i64 = 8;

/// What a lease object says.
#[derive(Serialize, Deserialize)]
struct Content {
    holder: String,
    expires_at: i64,
}

/// A lease that is held.
#[derive(Debug)]
pub struct Lease {
    folder: PathBuf,
    holder: String,
    /// Fencing number.
    number: i64,
    expires_at: Micros,
}

/// Why the lease can't be had or used.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another process maintains the lake.
    #[error("maintenance belongs to {holder} for {left_s} s more")]
    Held {
        /// Who.
        holder: String,
        /// For how long, s.
        left_s: i64,
    },
    /// The lease was lost to another process or ran out.
    #[error("the maintenance lease {number} no longer holds; nothing more is changed")]
    Lost {
        /// Our number.
        number: i64,
    },
    /// The lease objects can't be used.
    #[error("maintenance lease in {folder} can't be used")]
    Disk {
        /// Where.
        folder: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Lease {
    /// Takes the next number for `holder` (unique to the process), for
    /// `length_s` seconds.
    ///
    /// # Errors
    /// [`LeaseError::Held`] while another holder's lease is in date.
    pub fn take(lake: &Path, holder: &str, now: Micros, length_s: i64) -> Result<Self, LeaseError> {
        let folder = lake.join("_tingchao").join("maintenance");
        let disk = |source| LeaseError::Disk {
            folder: folder.display().to_string(),
            source,
        };
        let newest = newest(&folder).map_err(disk)?;
        if let Some((_, content)) = &newest
            && content.holder != holder
            && content.expires_at > now.0
        {
            let left_s = (content.expires_at - now.0) / 1_000_000;
            return Err(LeaseError::Held {
                holder: content.holder.clone(),
                left_s,
            });
        }
        let number = newest.map_or(0, |(number, _)| number) + 1;
        let expires_at = Micros(now.0 + length_s * 1_000_000);
        let content = Content {
            holder: holder.to_owned(),
            expires_at: expires_at.0,
        };
        let text = serde_json::to_vec(&content).map_err(|error| disk(error.into()))?;
        match write_private(&path(&folder, number), &text) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(LeaseError::Held {
                    holder: "another process".into(),
                    left_s: length_s,
                });
            }
            Err(error) => return Err(disk(error)),
        }
        // Old numbers say nothing any more; one that stays is harmless.
        drop(fs::remove_file(path(&folder, number - KEPT_LEASES)));
        Ok(Self {
            folder,
            holder: holder.to_owned(),
            number,
            expires_at,
        })
    }

    /// The fencing number.
    pub fn number(&self) -> i64 {
        self.number
    }

    /// Lets the lease go: the next number begins expired. Without it (a crash)
    /// others wait until the expiry.
    pub fn release(self, now: Micros) {
        let content = Content {
            holder: self.holder,
            expires_at: now.0,
        };
        let written = serde_json::to_vec(&content)
            .map_err(io::Error::from)
            .and_then(|text| write_private(&path(&self.folder, self.number + 1), &text));
        if let Err(error) = written {
            tracing::debug!(%error, "the maintenance lease runs out instead of being released");
        }
    }

    /// Makes sure, right before a commit, that the lease still holds.
    ///
    /// # Errors
    /// [`LeaseError::Lost`].
    pub fn check(&self, now: Micros) -> Result<(), LeaseError> {
        let disk = |source| LeaseError::Disk {
            folder: self.folder.display().to_string(),
            source,
        };
        let newest = newest(&self.folder).map_err(disk)?;
        let ours = newest.is_some_and(|(number, content)| {
            number == self.number && content.holder == self.holder
        });
        if ours && now < self.expires_at {
            return Ok(());
        }
        Err(LeaseError::Lost {
            number: self.number,
        })
    }
}

fn path(folder: &Path, number: i64) -> PathBuf {
    folder.join(format!("{number:012}.json"))
}

fn newest(folder: &Path) -> io::Result<Option<(i64, Content)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut newest = None;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse::<i64>().ok());
        newest = newest.max(number);
    }
    let Some(number) = newest else {
        return Ok(None);
    };
    let content = serde_json::from_slice(&fs::read(path(folder, number))?)?;
    Ok(Some((number, content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_000_000_000);

    #[test]
    fn one_holder_at_a_time_and_numbers_grow() {
        let lake = tempfile::tempdir().unwrap();
        let first = Lease::take(lake.path(), "a", NOW, 60).unwrap();
        assert!(matches!(
            Lease::take(lake.path(), "b", NOW, 60),
            Err(LeaseError::Held { .. })
        ));
        let again = Lease::take(lake.path(), "a", NOW, 60).unwrap();
        assert!(again.number() > first.number());
        assert!(matches!(first.check(NOW), Err(LeaseError::Lost { .. })));
        assert!(again.check(NOW).is_ok());
        let later = Micros(NOW.0 + 61_000_000);
        let other = Lease::take(lake.path(), "b", later, 60).unwrap();
        assert!(other.number() > again.number());
        assert!(matches!(again.check(later), Err(LeaseError::Lost { .. })));
        other.release(later);
        assert!(Lease::take(lake.path(), "a", later, 60).is_ok());
    }

    #[test]
    fn of_many_at_once_one_gets_it() {
        let lake = tempfile::tempdir().unwrap();
        let takes: Vec<_> = (0..8)
            .map(|holder| {
                let lake = lake.path().to_owned();
                std::thread::spawn(move || Lease::take(&lake, &holder.to_string(), NOW, 60).is_ok())
            })
            .collect();
        let won = takes
            .into_iter()
            .map(|take| take.join().unwrap())
            .filter(|won| *won);
        assert_eq!(won.count(), 1);
    }
}
