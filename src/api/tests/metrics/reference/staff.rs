//! Agents second by second: states, plans, contacts.

use std::collections::{BTreeMap, BTreeSet};

use super::super::world::Happened;
use super::{Reference, Stay, Unit, ms, unit, yes};

impl Reference {
    /// Agents second by second.
    pub(super) fn shifts(&self, id: &str) -> Option<Vec<Unit>> {
        if !matches!(
            id,
            "occupancy" | "occupancy_concurrent" | "adherence" | "conformance"
        ) {
            return None;
        }
        let states: Vec<&Happened> = self
            .others
            .iter()
            .filter(|event| event.kind == "agent.state_changed.v1")
            .collect();
        let agents: BTreeSet<&str> = states.iter().map(|event| event.subject.as_str()).collect();
        let frontier = states.iter().map(|event| event.at).max()?;
        let mut cells: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
        for agent in agents {
            let own: Vec<&&Happened> = states
                .iter()
                .filter(|event| event.subject == agent)
                .collect();
            let plan = self.plan_of(agent);
            let stays: Vec<&Stay> = self
                .contacts
                .iter()
                .flat_map(|contact| contact.of("agent"))
                .filter(|stay| stay.agent == agent)
                .collect();
            let start = own.first()?.at;
            let end = plan.iter().map(|(_, to, _)| *to).fold(frontier, i64::max);
            let (mut place, mut capacity) = (0, None);
            for at in (start..end).step_by(1_000) {
                while place < own.len() && own[place].at <= at {
                    capacity = own[place].data["capacity"].as_f64().or(capacity);
                    place += 1;
                }
                let state = if at < frontier {
                    own[place - 1].data["state"].as_str()?
                } else {
                    "unknown"
                };
                let logged = matches!(state, "available" | "on_interaction" | "wrap_up");
                let planned = plan.iter().find(|(from, to, _)| *from <= at && at < *to);
                let second = Second {
                    at,
                    state,
                    logged,
                    planned: planned.map(|(.., work)| *work),
                    capacity: capacity.unwrap_or(1.0),
                    has_plan: !plan.is_empty(),
                };
                let (num, den) = second.adds(id, &stays);
                let cell = cells.entry(at - at % 900_000).or_default();
                cell.0 += 1_000.0 * num;
                cell.1 += 1_000.0 * den;
            }
        }
        let of = |(at, (num, den)): (i64, (f64, f64))| unit(at, "", num, Some(den));
        Some(cells.into_iter().map(of).collect())
    }

    /// What is planned for an agent: from, to, whether it is work.
    fn plan_of(&self, agent: &str) -> Vec<(i64, i64, bool)> {
        let plans = self.others.iter();
        plans
            .filter(|event| event.kind == "agent.scheduled.v1" && event.subject == agent)
            .map(|event| {
                let at = |name: &str| ms(&event.data, name).unwrap();
                (at("/from"), at("/to"), event.data["activity"] == "work")
            })
            .collect()
    }
}

/// What is known of an agent in one second.
struct Second<'a> {
    at: i64,
    state: &'a str,
    logged: bool,
    /// Whether work is planned; `None` without a plan.
    planned: Option<bool>,
    capacity: f64,
    has_plan: bool,
}

impl Second<'_> {
    fn adds(&self, id: &str, stays: &[&Stay]) -> (f64, f64) {
        let (at, logged) = (self.at, self.logged);
        match id {
            "occupancy" => {
                let handled = stays
                    .iter()
                    .any(|stay| stay.start <= at && at < stay.end + stay.wrap.unwrap_or(0));
                (
                    yes(logged && (self.state != "available" || handled)),
                    yes(logged),
                )
            }
            "occupancy_concurrent" => {
                let active = stays
                    .iter()
                    .filter(|stay| stay.start <= at && at < stay.end);
                (
                    yes(logged) * active.count() as f64,
                    yes(logged) * self.capacity,
                )
            }
            "adherence" => (
                yes(self.planned == Some(logged)),
                yes(self.planned.is_some()),
            ),
            _ => (
                yes(logged && self.has_plan),
                yes(self.planned == Some(true)),
            ),
        }
    }
}
