//! `POST /v1/routing/match`: which agent serves which contact.

use std::collections::HashMap;

use actix_web::{post, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::facts::{self, AgentFacts, InteractionFacts};
use super::priority::{
    Judged, MAX_CONTACTS, PriorityContact, PriorityWeights, check, count, finish, judge, weights,
    wrong,
};
use crate::api::body::Large;
use crate::api::describe::Problems;
use crate::api::problem::ApiError;
use crate::api::state::State;
use crate::domain::Micros;
use crate::error::FieldError;
use crate::routing::matching::{
    Agent, Contact, Fit, FitWeights, Name, best_agent, best_contact, best_pairs,
};

const MAX_AGENTS: usize = 10_000;
/// Contacts times agents of a batch: each pair is weighed.
const MAX_PAIRS: usize = 4_000_000;

/// Contacts and agents to pair.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "contacts": [{"id": "q-1", "topics": [{"topic": "billing", "probability": 0.8}], "language": "zh", "waited_ms": 42000}],
    "agents": [{"agent_id": "a-17", "skills": [{"name": "billing", "level": 0.9}], "languages": ["zh"],
        "seniority": 0.6, "load": 0, "capacity": 1, "idle_ms": 12000}]
}))]
pub struct MatchBody {
    /// The contacts, 1 to 10000.
    pub contacts: Vec<MatchContact>,
    /// The agents, 1 to 10000; who is on duty by the last reported state when left out.
    pub agents: Option<Vec<MatchAgent>>,
    /// Other weights of priority.
    pub weights: Option<PriorityWeights>,
    /// Other weights of fit.
    pub fit_weights: Option<MatchWeights>,
}

/// A waiting contact. What is said here goes before what is known.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchContact {
    /// The caller's id for it.
    pub id: String,
    /// Who waits.
    pub customer_id: Option<String>,
    /// The interaction: its queue, language and matter are looked up.
    pub interaction_id: Option<String>,
    /// What it may be about; else the queue.
    #[serde(default)]
    pub topics: Vec<MatchTopic>,
    /// Its language: only agents who speak it are taken.
    pub language: Option<String>,
    /// Its queue: only agents who serve it are taken.
    pub queue: Option<String>,
    /// How complex it is, 0 to 1: complex matters go to senior agents.
    #[schema(minimum = 0, maximum = 1)]
    pub complexity: Option<f64>,
    /// As for `/v1/routing/priority`.
    #[schema(minimum = 0, maximum = 1)]
    pub value: Option<f64>,
    /// As for `/v1/routing/priority`.
    #[schema(minimum = 0, maximum = 1)]
    pub behaviour: Option<f64>,
    /// As for `/v1/routing/priority`.
    #[schema(minimum = 0, maximum = 1)]
    pub emotion: Option<f64>,
    /// Wait so far, ms.
    #[schema(minimum = 0)]
    pub waited_ms: Option<f64>,
    /// The wait that is aimed at, ms; 30000 when left out.
    #[schema(minimum = 1)]
    pub target_ms: Option<f64>,
    /// As for `/v1/routing/priority`.
    pub emergency: Option<String>,
    /// Whether the customer is a VIP; else by tier.
    pub vip: Option<bool>,
}

/// A topic with how likely it is.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchTopic {
    /// The topic; agents have a skill of this name.
    #[schema(example = "billing")]
    pub topic: String,
    /// How likely, 0 to 1.
    #[schema(minimum = 0, maximum = 1, example = 0.8)]
    pub probability: f64,
}

/// An agent.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchAgent {
    /// The agent's id.
    pub agent_id: String,
    /// Skills with their levels.
    #[serde(default)]
    pub skills: Vec<MatchSkill>,
    /// Languages; all when empty.
    #[serde(default)]
    pub languages: Vec<String>,
    /// Queues; all when empty.
    #[serde(default)]
    pub queues: Vec<String>,
    /// Experience, 0 to 1; 0.5 when left out.
    #[schema(minimum = 0, maximum = 1)]
    pub seniority: Option<f64>,
    /// Contacts now.
    #[serde(default)]
    pub load: u32,
    /// Contacts at most; 1 when left out.
    pub capacity: Option<u32>,
    /// Idle so long, ms.
    #[serde(default)]
    pub idle_ms: f64,
}

/// What an agent can.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchSkill {
    /// The topic or queue.
    #[schema(example = "billing")]
    pub name: String,
    /// How well, 0 to 1.
    #[schema(minimum = 0, maximum = 1, example = 0.9)]
    pub level: f64,
}

/// How much each side of a fit counts.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchWeights {
    /// Of level times probability of the topic.
    #[schema(example = 0.7)]
    pub skill: f64,
    /// Of complexity against seniority.
    #[schema(example = 0.2)]
    pub complexity: f64,
    /// Of a light load.
    #[schema(example = 0.1)]
    pub load: f64,
    /// Of the fit against the priority, when contacts compete for an agent.
    #[schema(example = 1.0)]
    pub fit: f64,
}

/// A contact and its agent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MatchPair {
    /// The contact.
    #[schema(example = "q-1")]
    pub contact_id: String,
    /// The agent.
    #[schema(example = "a-17")]
    pub agent_id: String,
    /// How well they fit, 0 to 1.
    #[schema(example = 0.83)]
    pub fit: f64,
    /// Level times probability, over the topics.
    #[schema(example = 0.78)]
    pub skill: f64,
    /// 1 when seniority is as the complexity asks.
    #[schema(example = 1.0)]
    pub complexity: f64,
    /// 1 when the agent has no other contact.
    #[schema(example = 1.0)]
    pub load: f64,
    /// The contact's priority score.
    #[schema(example = 0.93)]
    pub priority: f64,
    /// The contact's line: `emergency`, `vip` or `usual`.
    #[schema(example = "usual")]
    pub tier: String,
}

/// Who serves whom.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchAnswer {
    /// The pairs, in the order of the contacts.
    pub pairs: Vec<MatchPair>,
    /// Contacts that nobody serves now.
    pub unmatched: Vec<String>,
    /// `best_agent` for one contact, `best_contact` for one agent, else `assignment`.
    #[schema(example = "best_agent")]
    pub decided_by: String,
    /// Agents that were looked at.
    #[schema(example = 12)]
    pub agents: usize,
    /// The weights of priority.
    pub weights: PriorityWeights,
    /// The weights of fit.
    pub fit_weights: MatchWeights,
    /// Events before this time are expected to have come; null before the first event.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
}

/// Match contacts and agents
///
/// The best agent for one contact, the best contact for one agent, or the pairing of many with many that is best as a whole. Among equals the agent who is idle longest.
#[utoipa::path(
    operation_id = "routing_match",
    tag = "routing",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("routing"))),
    request_body(content = MatchBody, description = "Contacts and agents.", content_type = "application/json"),
    responses(
        (status = 200, description = "Who serves whom.", body = MatchAnswer, example = json!({
            "pairs": [{"contact_id": "q-1", "agent_id": "a-17", "fit": 0.83, "skill": 0.78, "complexity": 1.0,
                "load": 1.0, "priority": 0.93, "tier": "usual"}],
            "unmatched": [], "decided_by": "best_agent", "agents": 12,
            "weights": {"id": "default@1", "value": 0.5, "behaviour": 0.3, "emotion": 0.2, "ageing": 0.5,
                "vip_boost": 0.25, "repeat_boost": 0.1},
            "fit_weights": {"skill": 0.7, "complexity": 0.2, "load": 0.1, "fit": 1.0},
            "watermark": "2026-11-20T03:15:07Z"
        })),
        Problems,
    ),
)]
#[post("/v1/routing/match")]
pub(in crate::api) async fn routing_match(
    state: web::Data<State>,
    body: Large<MatchBody>,
) -> Result<web::Json<MatchAnswer>, ApiError> {
    let asked = body.0;
    let waiting: Vec<PriorityContact> = asked.contacts.iter().map(urgency).collect();
    let mut errors = Vec::new();
    count(&mut errors, "/contacts", asked.contacts.len(), MAX_CONTACTS);
    check(&mut errors, &waiting);
    check_contacts(&mut errors, &asked.contacts);
    check_agents(&mut errors, asked.agents.as_deref());
    let weights = weights(&mut errors, asked.weights.as_ref());
    let fit_weights = fit_weights(&mut errors, asked.fit_weights.as_ref());
    finish(errors)?;
    let agents = match asked.agents {
        Some(agents) => agents,
        None => on_duty(&state).await?,
    };
    let pairs = asked.contacts.len() * agents.len();
    if asked.contacts.len() > 1 && agents.len() > 1 && pairs > MAX_PAIRS {
        let detail = format!("a batch has at most {MAX_PAIRS} pairs of contact and agent");
        return Err(ApiError::parameter("/contacts", detail));
    }
    let judged = judge(&state, &waiting, &weights, None).await?;
    let ids = asked
        .contacts
        .iter()
        .filter_map(|contact| contact.interaction_id.as_deref());
    let interactions = facts::interactions(&state, ids).await?;
    let mut names = Names::default();
    let shown: Vec<Agent> = agents.iter().map(|agent| names.agent(agent)).collect();
    let contacts = asked.contacts.iter().zip(&judged).map(|(contact, judged)| {
        let known = contact
            .interaction_id
            .as_ref()
            .and_then(|id| interactions.get(id));
        names
            .contact(contact, known)
            .with_priority(&judged.priority)
    });
    let contacts: Vec<Contact> = contacts.collect();
    let (decided_by, found) =
        tokio::task::spawn_blocking(move || decide(&fit_weights, &contacts, &shown))
            .await
            .map_err(|_| ApiError::internal("the matching was cut off"))?;
    let (pairs, unmatched) = told(asked.contacts, &judged, &agents, found);
    Ok(web::Json(MatchAnswer {
        pairs,
        unmatched,
        decided_by: decided_by.to_owned(),
        agents: agents.len(),
        weights: weights.into(),
        fit_weights: MatchWeights {
            skill: fit_weights.skill,
            complexity: fit_weights.complexity,
            load: fit_weights.load,
            fit: fit_weights.fit,
        },
        watermark: state.watermark().map(|at| at.to_string()),
    }))
}

/// The pairs, and the contacts that have none.
fn told(
    contacts: Vec<MatchContact>,
    judged: &[Judged],
    agents: &[MatchAgent],
    found: Found,
) -> (Vec<MatchPair>, Vec<String>) {
    let (mut pairs, mut unmatched) = (Vec::new(), Vec::new());
    for ((contact, judged), found) in contacts.into_iter().zip(judged).zip(found) {
        let agent = found.and_then(|(place, fit)| Some((agents.get(place)?, fit)));
        let Some((agent, fit)) = agent else {
            unmatched.push(contact.id);
            continue;
        };
        pairs.push(MatchPair {
            contact_id: contact.id,
            agent_id: agent.agent_id.clone(),
            fit: fit.fit,
            skill: fit.skill,
            complexity: fit.complexity,
            load: fit.load,
            priority: judged.priority.score,
            tier: judged.priority.tier.as_str().to_owned(),
        });
    }
    (pairs, unmatched)
}

/// The agent of each contact, by its place.
type Found = Vec<Option<(usize, Fit)>>;

fn decide(weights: &FitWeights, contacts: &[Contact], agents: &[Agent]) -> (&'static str, Found) {
    match (contacts, agents) {
        ([contact], _) => ("best_agent", vec![best_agent(weights, contact, agents)]),
        (_, [agent]) => {
            let mut found = vec![None; contacts.len()];
            if let Some((place, fit)) = best_contact(weights, agent, contacts)
                && let Some(slot) = found.get_mut(place)
            {
                *slot = Some((0, fit));
            }
            ("best_contact", found)
        }
        _ => ("assignment", best_pairs(weights, contacts, agents)),
    }
}

fn urgency(contact: &MatchContact) -> PriorityContact {
    PriorityContact {
        id: contact.id.clone(),
        customer_id: contact.customer_id.clone(),
        interaction_id: contact.interaction_id.clone(),
        value: contact.value,
        behaviour: contact.behaviour,
        emotion: contact.emotion,
        waited_ms: contact.waited_ms,
        target_ms: contact.target_ms,
        emergency: contact.emergency.clone(),
        vip: contact.vip,
        repeat: None,
    }
}

/// Numbers for the names of one request.
#[derive(Default)]
struct Names {
    skills: HashMap<String, Name>,
    languages: HashMap<String, Name>,
    queues: HashMap<String, Name>,
}

fn number(known: &mut HashMap<String, Name>, name: &str) -> Name {
    if let Some(number) = known.get(name) {
        return *number;
    }
    let number = Name::try_from(known.len()).unwrap_or(Name::MAX);
    known.insert(name.to_owned(), number);
    number
}

/// What comes before the region: who speaks `zh` speaks `zh-CN`.
fn language(tag: &str) -> String {
    tag.split('-').next().unwrap_or(tag).to_ascii_lowercase()
}

impl Names {
    fn agent(&mut self, agent: &MatchAgent) -> Agent {
        let mut levels = Vec::new();
        for skill in &agent.skills {
            let place = number(&mut self.skills, &skill.name) as usize;
            if levels.len() <= place {
                levels.resize(place + 1, -1.0);
            }
            if let Some(slot) = levels.get_mut(place) {
                *slot = skill.level as f32;
            }
        }
        let languages = agent
            .languages
            .iter()
            .map(|tag| number(&mut self.languages, &language(tag)));
        let queues = agent
            .queues
            .iter()
            .map(|queue| number(&mut self.queues, queue));
        Agent {
            levels,
            languages: languages.collect(),
            queues: queues.collect(),
            seniority: agent.seniority.unwrap_or(0.5),
            load: agent.load,
            capacity: agent.capacity.unwrap_or(1),
            idle_ms: agent.idle_ms,
        }
    }

    fn contact(&mut self, contact: &MatchContact, known: Option<&InteractionFacts>) -> Contact {
        let queue = contact.queue.as_deref().or_else(|| known?.queue.as_deref());
        let tag = contact
            .language
            .as_deref()
            .or_else(|| known?.language.as_deref());
        let matter = known
            .and_then(|known| known.disposition.as_deref())
            .or(queue);
        let mut topics: Vec<(Name, f32)> = contact
            .topics
            .iter()
            .map(|topic| {
                (
                    number(&mut self.skills, &topic.topic),
                    topic.probability as f32,
                )
            })
            .collect();
        if let Some(matter) = matter.filter(|_| topics.is_empty()) {
            topics.push((number(&mut self.skills, matter), 1.0));
        }
        Contact {
            topics,
            language: tag.map(|tag| number(&mut self.languages, &language(tag))),
            queue: queue.map(|queue| number(&mut self.queues, queue)),
            complexity: contact.complexity,
            urgency: 0.0,
            emergency: false,
        }
    }
}

/// Who is on duty, as the last reported states say.
async fn on_duty(state: &State) -> Result<Vec<MatchAgent>, ApiError> {
    let now = (state.clock)();
    let agents = facts::agents(state).await?;
    Ok(agents.iter().map(|agent| of_state(agent, now)).collect())
}

fn of_state(agent: &AgentFacts, now: Micros) -> MatchAgent {
    let since = agent
        .state_at
        .as_deref()
        .and_then(|at| Micros::parse(at).ok());
    let is_available = agent.state == "available";
    let idle_ms = since.map_or(0.0, |since| (now.0 - since.0).max(0) as f64 / 1_000.0);
    let skills = agent.skills.as_ref().and_then(Value::as_array);
    let skill = |skill: &Value| {
        Some(MatchSkill {
            name: skill.get("name")?.as_str()?.to_owned(),
            level: skill.get("level")?.as_f64()?,
        })
    };
    MatchAgent {
        agent_id: agent.agent_id.clone(),
        skills: skills.into_iter().flatten().filter_map(skill).collect(),
        languages: agent.languages.clone().unwrap_or_default(),
        queues: agent.queues.clone().unwrap_or_default(),
        seniority: agent.seniority,
        load: u32::from(!is_available),
        capacity: u32::try_from(agent.capacity).ok(),
        idle_ms: if is_available { idle_ms } else { 0.0 },
    }
}

fn check_contacts(errors: &mut Vec<FieldError>, contacts: &[MatchContact]) {
    let is_share = |value: f64| (0.0..=1.0).contains(&value);
    for (place, contact) in contacts.iter().enumerate() {
        if contact.complexity.is_some_and(|value| !is_share(value)) {
            wrong(
                errors,
                format!("/contacts/{place}/complexity"),
                "expected a number from 0 to 1",
            );
        }
        let sum: f64 = contact.topics.iter().map(|topic| topic.probability).sum();
        let all = contact
            .topics
            .iter()
            .all(|topic| is_share(topic.probability));
        if !all || sum > 1.0 + 1e-6 {
            let detail = "expected probabilities from 0 to 1 that add up to at most 1";
            wrong(errors, format!("/contacts/{place}/topics"), detail);
        }
    }
}

fn check_agents(errors: &mut Vec<FieldError>, agents: Option<&[MatchAgent]>) {
    let Some(agents) = agents else { return };
    count(errors, "/agents", agents.len(), MAX_AGENTS);
    let is_share = |value: f64| (0.0..=1.0).contains(&value);
    for (place, agent) in agents.iter().enumerate() {
        if !agent.skills.iter().all(|skill| is_share(skill.level)) {
            wrong(
                errors,
                format!("/agents/{place}/skills"),
                "expected levels from 0 to 1",
            );
        }
        if agent.seniority.is_some_and(|value| !is_share(value)) {
            wrong(
                errors,
                format!("/agents/{place}/seniority"),
                "expected a number from 0 to 1",
            );
        }
        if !(0.0..1e15).contains(&agent.idle_ms) {
            wrong(
                errors,
                format!("/agents/{place}/idle_ms"),
                "expected milliseconds from 0",
            );
        }
    }
}

fn fit_weights(errors: &mut Vec<FieldError>, given: Option<&MatchWeights>) -> FitWeights {
    let ordinary = FitWeights::default();
    let Some(given) = given else {
        return ordinary;
    };
    for (name, value) in [
        ("skill", given.skill),
        ("complexity", given.complexity),
        ("load", given.load),
        ("fit", given.fit),
    ] {
        if !(0.0..=100.0).contains(&value) {
            wrong(
                errors,
                format!("/fit_weights/{name}"),
                "expected a number from 0 to 100",
            );
        }
    }
    FitWeights {
        skill: given.skill,
        complexity: given.complexity,
        load: given.load,
        fit: given.fit,
        ..ordinary
    }
}
