//! Who may do what only one process of a lake may: a lease with a fencing number.
//!
//! A lease is an object `_tingchao/<what>/<number>.json`, made with a
//! conditional put, so of several processes one gets the next number. It holds
//! until its expiry or until its holder goes on to the next number.
//!
//! Invariants: numbers only grow; at most one process holds the greatest number
//! while it is in date. Clocks of the processes may differ by less than the
//! lease's length.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{LakeError, Storage};
use crate::domain::Micros;

const KEPT_LEASES: i64 = 8;

/// The lease of maintenance.
pub const MAINTENANCE: &str = "maintenance";

/// What a lease object says.
#[derive(Serialize, Deserialize)]
struct Content {
    holder: String,
    expires_at: i64,
}

/// A lease that is held.
pub struct Lease {
    storage: Storage,
    what: &'static str,
    holder: String,
    length_s: i64,
    /// Fencing number.
    number: AtomicI64,
    expires_at: AtomicI64,
}

/// Why the lease can't be had or used.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another process has it.
    #[error("{what} belongs to {holder} for {left_s} s more")]
    Held {
        /// What the lease is for.
        what: &'static str,
        /// Who.
        holder: String,
        /// For how long, s.
        left_s: i64,
    },
    /// The lease was lost to another process or ran out.
    #[error("the {what} lease {number} no longer holds; nothing more is changed")]
    Lost {
        /// What the lease is for.
        what: &'static str,
        /// Our number.
        number: i64,
    },
    /// The lease objects can't be used.
    #[error(transparent)]
    Storage(#[from] LakeError),
}

impl Lease {
    /// Takes the next number of `what` for `holder` (unique to the process), for
    /// `length_s` seconds.
    ///
    /// # Errors
    /// [`LeaseError::Held`] while another holder's lease is in date.
    pub async fn take(
        storage: &Storage,
        what: &'static str,
        holder: &str,
        now: Micros,
        length_s: i64,
    ) -> Result<Self, LeaseError> {
        let newest = newest(storage, what).await?;
        if let Some((_, content)) = &newest
            && content.holder != holder
            && content.expires_at > now.0
        {
            let left_s = (content.expires_at - now.0) / 1_000_000;
            return Err(LeaseError::Held {
                what,
                holder: content.holder.clone(),
                left_s,
            });
        }
        let number = newest.map_or(0, |(number, _)| number) + 1;
        let lease = Self {
            storage: storage.clone(),
            what,
            holder: holder.to_owned(),
            length_s,
            number: AtomicI64::new(number),
            expires_at: AtomicI64::new(0),
        };
        lease
            .write(number, Micros(now.0 + length_s * 1_000_000))
            .await?;
        Ok(lease)
    }

    async fn write(&self, number: i64, expires_at: Micros) -> Result<(), LeaseError> {
        let content = Content {
            holder: self.holder.clone(),
            expires_at: expires_at.0,
        };
        let text = serde_json::to_vec(&content).unwrap_or_default();
        if !self.storage.create(&path(self.what, number), &text).await? {
            return Err(LeaseError::Held {
                what: self.what,
                holder: "another process".into(),
                left_s: self.length_s,
            });
        }
        self.number.store(number, Ordering::SeqCst);
        self.expires_at.store(expires_at.0, Ordering::SeqCst);
        // Old numbers say nothing any more; one that stays is harmless.
        drop(
            self.storage
                .remove(&path(self.what, number - KEPT_LEASES))
                .await,
        );
        Ok(())
    }

    /// The fencing number.
    pub fn number(&self) -> i64 {
        self.number.load(Ordering::SeqCst)
    }

    /// Goes on to the next number, so that the lease holds for its length from
    /// `now` on.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] when it does not hold any more.
    pub async fn renew(&self, now: Micros) -> Result<(), LeaseError> {
        self.check(now).await?;
        let expires_at = Micros(now.0 + self.length_s * 1_000_000);
        self.write(self.number() + 1, expires_at).await
    }

    /// Does `work` and renews the lease meanwhile.
    pub async fn during<T>(&self, clock: fn() -> Micros, work: impl Future<Output = T>) -> T {
        let every = Duration::from_millis(u64::try_from(self.length_s).unwrap_or(1) * 250);
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(every) => {
                    if let Err(error) = self.renew(clock()).await {
                        // The work notices it at its next commit.
                        tracing::warn!(error = &error as &dyn std::error::Error, "lease not renewed");
                    }
                }
            }
        }
    }

    /// Lets the lease go: the next number begins expired. Without it (a crash)
    /// others wait until the expiry.
    pub async fn release(self, now: Micros) {
        let number = self.number() + 1;
        if let Err(error) = self.write(number, now).await {
            tracing::debug!(%error, "the lease runs out instead of being released");
        }
    }

    /// Makes sure, right before a commit, that the lease still holds.
    ///
    /// # Errors
    /// [`LeaseError::Lost`].
    pub async fn check(&self, now: Micros) -> Result<(), LeaseError> {
        let number = self.number();
        let newest = newest(&self.storage, self.what).await?;
        let ours = newest
            .is_some_and(|(newest, content)| newest == number && content.holder == self.holder);
        if ours && now.0 < self.expires_at.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(LeaseError::Lost {
            what: self.what,
            number,
        })
    }
}

fn path(what: &str, number: i64) -> String {
    format!("_tingchao/{what}/{number:012}.json")
}

async fn newest(storage: &Storage, what: &str) -> Result<Option<(i64, Content)>, LakeError> {
    let names = storage.names(&format!("_tingchao/{what}")).await?;
    let numbers = names
        .iter()
        .filter_map(|name| name.strip_suffix(".json")?.parse::<i64>().ok());
    let Some(number) = numbers.max() else {
        return Ok(None);
    };
    let Some(text) = storage.get(&path(what, number)).await? else {
        return Ok(None);
    };
    let content = serde_json::from_slice(&text).map_err(|error| LakeError::Unusable {
        url: storage.shown().to_owned(),
        what: format!("lease {} can't be read: {error}", path(what, number)),
    })?;
    Ok(Some((number, content)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::Faults;

    const NOW: Micros = Micros(1_000_000_000);

    fn storage(folder: &tempfile::TempDir) -> Storage {
        Storage::folder(folder.path(), Arc::new(Faults::none())).unwrap()
    }

    async fn take(storage: &Storage, holder: &str, now: Micros) -> Result<Lease, LeaseError> {
        Lease::take(storage, MAINTENANCE, holder, now, 60).await
    }

    #[tokio::test]
    async fn one_holder_at_a_time_and_numbers_grow() {
        let folder = tempfile::tempdir().unwrap();
        let lake = storage(&folder);
        let first = take(&lake, "a", NOW).await.unwrap();
        assert!(matches!(
            take(&lake, "b", NOW).await,
            Err(LeaseError::Held { .. })
        ));
        let again = take(&lake, "a", NOW).await.unwrap();
        assert!(again.number() > first.number());
        assert!(matches!(
            first.check(NOW).await,
            Err(LeaseError::Lost { .. })
        ));
        assert!(again.check(NOW).await.is_ok());
        let later = Micros(NOW.0 + 61_000_000);
        let other = take(&lake, "b", later).await.unwrap();
        assert!(other.number() > again.number());
        assert!(matches!(
            again.check(later).await,
            Err(LeaseError::Lost { .. })
        ));
        other.release(later).await;
        assert!(take(&lake, "a", later).await.is_ok());
    }

    #[tokio::test]
    async fn a_renewed_lease_holds_longer_and_a_lost_one_is_not_renewed() {
        let folder = tempfile::tempdir().unwrap();
        let lake = storage(&folder);
        let lease = take(&lake, "a", NOW).await.unwrap();
        let later = Micros(NOW.0 + 50_000_000);
        lease.renew(later).await.unwrap();
        let end = Micros(NOW.0 + 100_000_000);
        assert!(lease.check(end).await.is_ok());
        assert!(take(&lake, "b", end).await.is_err());
        let past = Micros(NOW.0 + 120_000_000);
        take(&lake, "b", past).await.unwrap();
        assert!(matches!(
            lease.renew(past).await,
            Err(LeaseError::Lost { .. })
        ));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_at_once_one_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let lake = storage(&folder);
        let takes: Vec<_> = (0..8)
            .map(|holder: i32| {
                let lake = lake.clone();
                tokio::spawn(async move { take(&lake, &holder.to_string(), NOW).await.is_ok() })
            })
            .collect();
        let mut won = 0;
        for end in takes {
            won += usize::from(end.await.unwrap());
        }
        assert_eq!(won, 1);
    }
}
