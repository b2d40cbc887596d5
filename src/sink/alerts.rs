//! Alerts for everybody in this process who wants to hear of them at once.
//!
//! Invariants: telling never waits; whoever is too slow misses some and learns how many, and reads them from the
//! table. Every alert has the id of its finding. Not here: delivery that survives a crash (`jobs`).

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::tables::Alert;

/// Alerts that wait for the slowest listener.
const KEPT: usize = 4_096;

/// See the module. Clones are the same hub.
#[derive(Clone)]
pub struct AlertHub(broadcast::Sender<Arc<Alert>>);

impl Default for AlertHub {
    fn default() -> Self {
        Self(broadcast::channel(KEPT).0)
    }
}

impl AlertHub {
    /// Tells an alert to those who listen now.
    pub fn tell(&self, alert: Alert) {
        // An error means that nobody listens.
        drop(self.0.send(Arc::new(alert)));
    }

    /// Hears of alerts from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<Alert>> {
        self.0.subscribe()
    }
}
