//! What the lake knows of customers and agents, kept for a moment so that decisions are quick.
//!
//! Invariants: at most [`MAX_KEPT`] customers are kept, none longer than [`KEPT_FOR`]; a customer that nobody knows is
//! kept as such. Not here: what is made of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::problem::ApiError;
use crate::api::rows::{fetch, json_text, statement, time};
use crate::api::state::State;
use crate::domain::Micros;

const CUSTOMERS: &str = statement!("profiles/routing_customers");
const INTERACTIONS: &str = statement!("profiles/routing_interactions");
const AGENTS: &str = statement!("profiles/routing_agents");

/// Customers that are kept.
pub const MAX_KEPT: usize = 100_000;
/// How long what is known of a customer is believed.
pub const KEPT_FOR: Duration = Duration::from_secs(30);
/// The same of agents, who change quickly.
const AGENTS_KEPT_FOR: Duration = Duration::from_secs(2);
/// Customers of one statement.
const PIECE: usize = 2_000;
const MAX_AGENTS: u64 = 10_000;
/// An agent whose last word is older is not on duty.
const ON_DUTY_US: i64 = 16 * 3_600_000_000;
/// Between the items of a list that is bound as one text: no id holds it.
pub(super) const SEPARATOR: &str = "\u{1f}";

/// What is known of a customer.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct CustomerFacts {
    pub(super) customer_id: String,
    pub(super) value_score: Option<f64>,
    pub(super) tier: Option<String>,
    pub(super) crm_at: Option<String>,
    pub(super) status: Option<String>,
    pub(super) contacts_7d: f64,
    pub(super) unsolved_7d: f64,
    pub(super) abandoned_7d: f64,
    pub(super) channels_7d: f64,
    pub(super) open_cases: f64,
    pub(super) upset: Option<f64>,
    pub(super) last_at: Option<String>,
}

/// What is known of an interaction that goes on.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct InteractionFacts {
    pub(super) interaction_id: String,
    pub(super) customer_id: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) language: Option<String>,
    pub(super) disposition: Option<String>,
    pub(super) upset: Option<f64>,
    pub(super) at: Option<String>,
}

/// What is known of an agent on duty.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct AgentFacts {
    pub(super) agent_id: String,
    pub(super) state: String,
    pub(super) state_at: Option<String>,
    #[serde(deserialize_with = "json_text")]
    pub(super) skills: Option<Value>,
    pub(super) queues: Option<Vec<String>>,
    pub(super) languages: Option<Vec<String>>,
    pub(super) capacity: i64,
    pub(super) seniority: Option<f64>,
}

type Kept = HashMap<String, (Instant, Arc<CustomerFacts>)>;

/// What is kept; shared by the workers of the door.
#[derive(Default)]
pub struct RoutingFacts {
    customers: Mutex<Kept>,
    agents: Mutex<Option<(Instant, Arc<Vec<AgentFacts>>)>>,
}

impl RoutingFacts {
    fn known(&self, id: &str) -> Option<Arc<CustomerFacts>> {
        let kept = self
            .customers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (at, facts) = kept.get(id)?;
        (at.elapsed() < KEPT_FOR).then(|| Arc::clone(facts))
    }

    fn keep(&self, found: Vec<CustomerFacts>) {
        let mut kept = self
            .customers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if kept.len() + found.len() > MAX_KEPT {
            kept.retain(|_, (at, _)| at.elapsed() < KEPT_FOR);
        }
        if kept.len() + found.len() > MAX_KEPT {
            kept.clear();
        }
        let now = Instant::now();
        for facts in found.into_iter().take(MAX_KEPT) {
            kept.insert(facts.customer_id.clone(), (now, Arc::new(facts)));
        }
    }
}

/// What is known of customers, by stored id.
pub(super) async fn customers(
    state: &State,
    ids: impl Iterator<Item = &str>,
) -> Result<HashMap<String, Arc<CustomerFacts>>, ApiError> {
    let mut all = HashMap::new();
    let mut missing = Vec::new();
    for id in ids {
        match state.routing.known(id) {
            Some(facts) => drop(all.insert(id.to_owned(), facts)),
            None => missing.push(id.to_owned()),
        }
    }
    missing.sort_unstable();
    missing.dedup();
    for piece in missing.chunks(PIECE) {
        let values = vec![json!(piece.join(SEPARATOR)), time(Some((state.clock)()))];
        let rows = u64::try_from(PIECE).unwrap_or(u64::MAX);
        let found: Vec<CustomerFacts> = fetch(state, CUSTOMERS, values, rows).await?;
        for facts in &found {
            all.insert(facts.customer_id.clone(), Arc::new(facts.clone()));
        }
        state.routing.keep(found);
    }
    Ok(all)
}

/// What is known of interactions.
pub(super) async fn interactions(
    state: &State,
    ids: impl Iterator<Item = &str>,
) -> Result<HashMap<String, InteractionFacts>, ApiError> {
    let mut wanted: Vec<&str> = ids.collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut all = HashMap::new();
    for piece in wanted.chunks(PIECE) {
        let rows = u64::try_from(PIECE).unwrap_or(u64::MAX);
        let values = vec![json!(piece.join(SEPARATOR))];
        let found: Vec<InteractionFacts> = fetch(state, INTERACTIONS, values, rows).await?;
        all.extend(
            found
                .into_iter()
                .map(|facts| (facts.interaction_id.clone(), facts)),
        );
    }
    Ok(all)
}

/// The agents that are on duty, as they last said.
pub(super) async fn agents(state: &State) -> Result<Arc<Vec<AgentFacts>>, ApiError> {
    let known = {
        let kept = state
            .routing
            .agents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let fresh = kept
            .as_ref()
            .filter(|(at, _)| at.elapsed() < AGENTS_KEPT_FOR);
        fresh.map(|(_, agents)| Arc::clone(agents))
    };
    if let Some(known) = known {
        return Ok(known);
    }
    let from = Micros((state.clock)().0 - ON_DUTY_US);
    let found: Vec<AgentFacts> = fetch(state, AGENTS, vec![time(Some(from))], MAX_AGENTS).await?;
    let found = Arc::new(found);
    let mut kept = state
        .routing
        .agents
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    *kept = Some((Instant::now(), Arc::clone(&found)));
    Ok(found)
}
