//! Whether the process is alive and ready.
//!
//! Alive: it answers. Ready: every named component is ready and the process is not stopping. A component that
//! is expected but has not reported yet is not ready, and without any component nothing is ready, so that a
//! forgotten report shows.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const STARTING: &str = "starting";
const STOPPING: &str = "stopping";

/// The health of the process; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<RwLock<State>>);

#[derive(Debug, Default)]
struct State {
    /// Why each component is not ready; `None` when it is.
    components: BTreeMap<&'static str, Option<String>>,
    is_stopping: bool,
}

/// What `GET /v1/health/ready` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthReport {
    /// True when events and queries are answered.
    pub ready: bool,
    /// Every component, by name.
    pub components: Vec<ComponentHealth>,
}

/// The state of one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ComponentHealth {
    /// Its name.
    #[schema(example = "lake")]
    pub name: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Why it is not; absent when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "starting")]
    pub reason: Option<String>,
}

impl Health {
    /// Health with the components that have to report, all still starting.
    #[must_use]
    pub fn expecting(components: &[&'static str]) -> Self {
        let health = Self::default();
        for component in components {
            health.not_ready(component, STARTING);
        }
        health
    }

    /// The component is ready.
    pub fn ready(&self, component: &'static str) {
        self.change(|state| state.components.insert(component, None));
    }

    /// The component is not ready; `reason` is for an operator and holds no value from outside.
    pub fn not_ready(&self, component: &'static str, reason: impl Into<String>) {
        let reason = Some(reason.into());
        self.change(|state| state.components.insert(component, reason));
    }

    /// From now on the process is not ready, whatever its components say.
    pub fn stop(&self) {
        self.change(|state| state.is_stopping = true);
    }

    /// True when the process is about to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_stopping
    }

    /// True when every component is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.report().ready
    }

    /// The state of everything.
    #[must_use]
    pub fn report(&self) -> HealthReport {
        // A panic while the lock was held leaves a complete map: each change is one insertion.
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let components: Vec<ComponentHealth> = state
            .components
            .iter()
            .map(|(name, reason)| {
                let stopping = state.is_stopping.then(|| STOPPING.to_owned());
                let reason = stopping.or_else(|| reason.clone());
                ComponentHealth {
                    name: (*name).to_owned(),
                    ready: reason.is_none(),
                    reason,
                }
            })
            .collect();
        HealthReport {
            ready: !components.is_empty() && components.iter().all(|c| c.ready),
            components,
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_needs_every_expected_component() {
        let health = Health::expecting(&["lake", "store"]);
        assert!(!health.is_ready());
        health.ready("lake");
        assert!(!health.is_ready());
        let reasons: Vec<_> = health.report().components;
        assert_eq!(reasons[0].reason, None);
        assert_eq!(reasons[1].reason.as_deref(), Some("starting"));
        let other_handle = health.clone();
        other_handle.ready("store");
        assert!(health.is_ready());
        health.not_ready("lake", "the folder cannot be written");
        assert!(!other_handle.is_ready());
    }

    #[test]
    fn nothing_expected_is_not_ready() {
        assert!(!Health::default().is_ready());
    }

    #[test]
    fn stopping_wins() {
        let health = Health::expecting(&["lake"]);
        health.ready("lake");
        health.stop();
        health.ready("lake");
        let report = health.report();
        assert!(!report.ready);
        assert_eq!(report.components[0].reason.as_deref(), Some("stopping"));
    }

    #[test]
    fn the_report_is_plain_json() {
        let health = Health::expecting(&["lake"]);
        health.ready("lake");
        assert_eq!(
            serde_json::to_value(health.report()).unwrap(),
            serde_json::json!({"ready": true, "components": [{"name": "lake", "ready": true}]})
        );
    }
}
