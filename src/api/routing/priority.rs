//! `POST /v1/routing/priority`: how urgent waiting contacts are, and in which order to serve them.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::{post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::facts::{self, CustomerFacts, InteractionFacts};
use crate::api::body::Large;
use crate::api::describe::Problems;
use crate::api::problem::ApiError;
use crate::api::state::State;
use crate::error::FieldError;
use crate::routing::priority::{self, Priority, Tier, Urgency, Week, Weights};

/// Contacts of one request.
pub(super) const MAX_CONTACTS: usize = 10_000;
/// What makes a contact an emergency.
const EMERGENCIES: [&str; 4] = ["payment_failed", "account_locked", "fraud", "safety"];
/// Tiers of the CRM that are VIPs unless the request says others.
const VIP_TIERS: [&str; 3] = ["vip", "diamond", "platinum"];
/// The wait that is aimed at without another one, ms.
const TARGET_MS: f64 = 30_000.0;
/// What an unknown customer is worth: neither much nor little.
const UNKNOWN_VALUE: f64 = 0.5;

/// Waiting contacts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"contacts": [{"id": "q-1", "customer_id": "c-4711", "waited_ms": 42000},
    {"id": "q-2", "value": 0.9, "emotion": 0.7, "waited_ms": 3000, "emergency": "payment_failed"}]}))]
pub struct PriorityBody {
    /// The contacts, 1 to 10000.
    pub contacts: Vec<PriorityContact>,
    /// Other weights.
    pub weights: Option<PriorityWeights>,
    /// Tiers of the CRM that are VIPs; `vip`, `diamond`, `platinum` when left out.
    pub vip_tiers: Option<Vec<String>>,
}

/// A waiting contact. What is said here goes before what is known.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriorityContact {
    /// The caller's id for it.
    pub id: String,
    /// Who waits: value, behaviour and emotion are looked up.
    pub customer_id: Option<String>,
    /// The interaction: its customer and present mood are looked up.
    pub interaction_id: Option<String>,
    /// The customer's value, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub value: Option<f64>,
    /// The customer's effort so far, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub behaviour: Option<f64>,
    /// Intensity of negative emotion, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub emotion: Option<f64>,
    /// Wait so far, ms.
    #[schema(minimum = 0)]
    pub waited_ms: Option<f64>,
    /// The wait that is aimed at, ms; 30000 when left out.
    #[schema(minimum = 1)]
    pub target_ms: Option<f64>,
    /// `payment_failed`, `account_locked`, `fraud` or `safety`: served before everybody else.
    pub emergency: Option<String>,
    /// Whether the customer is a VIP; else by tier.
    pub vip: Option<bool>,
    /// Whether the customer comes again about the same matter; else by the last week.
    pub repeat: Option<bool>,
}

/// How much each part counts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriorityWeights {
    /// The name of these weights; answers carry it.
    #[schema(example = "default@1")]
    pub id: String,
    /// Of value.
    #[schema(example = 0.5)]
    pub value: f64,
    /// Of behaviour.
    #[schema(example = 0.3)]
    pub behaviour: f64,
    /// Of emotion.
    #[schema(example = 0.2)]
    pub emotion: f64,
    /// Added for each target wait that has passed.
    #[serde(default = "ageing")]
    #[schema(example = 0.5)]
    pub ageing: f64,
    /// Added for a VIP.
    #[serde(default = "vip_boost")]
    #[schema(example = 0.25)]
    pub vip_boost: f64,
    /// Added for who comes again.
    #[serde(default = "repeat_boost")]
    #[schema(example = 0.1)]
    pub repeat_boost: f64,
}

fn ageing() -> f64 {
    Weights::default().ageing
}

fn vip_boost() -> f64 {
    Weights::default().vip_boost
}

fn repeat_boost() -> f64 {
    Weights::default().repeat_boost
}

impl From<Weights> for PriorityWeights {
    fn from(weights: Weights) -> Self {
        Self {
            id: weights.id,
            value: weights.value,
            behaviour: weights.behaviour,
            emotion: weights.emotion,
            ageing: weights.ageing,
            vip_boost: weights.vip_boost,
            repeat_boost: weights.repeat_boost,
        }
    }
}

/// An input of a score.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PriorityPart {
    /// The input, 0 to 1.
    #[schema(example = 0.8)]
    pub input: f64,
    /// Weight times input.
    #[schema(example = 0.4)]
    pub contribution: f64,
    /// `request`, `crm`, `profile`, `interaction`, or `unknown` when a neutral value was taken.
    #[schema(example = "crm")]
    pub source: String,
    /// Of when the input is; null when it came with the request or is unknown.
    #[schema(format = DateTime)]
    pub at: Option<String>,
}

/// A contact in its place.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PriorityItem {
    /// The caller's id.
    #[schema(example = "q-1")]
    pub id: String,
    /// Its place among the contacts of the request, from 1.
    #[schema(example = 1)]
    pub rank: usize,
    /// `emergency`, `vip` or `usual`.
    #[schema(example = "usual")]
    pub tier: String,
    /// Parts, ageing and boosts together.
    #[schema(example = 0.93)]
    pub score: f64,
    /// The weighted parts alone.
    #[schema(example = 0.63)]
    pub base: f64,
    /// The customer's value.
    pub value: PriorityPart,
    /// The customer's effort so far.
    pub behaviour: PriorityPart,
    /// Negative emotion.
    pub emotion: PriorityPart,
    /// What the wait adds.
    #[schema(example = 0.3)]
    pub ageing: f64,
    /// What being a VIP adds.
    #[schema(example = 0.0)]
    pub vip_boost: f64,
    /// What coming again adds.
    #[schema(example = 0.0)]
    pub repeat_boost: f64,
    /// Wait after which the contact goes before every newcomer that is no emergency, ms; null without ageing.
    #[schema(example = 81000)]
    pub overtakes_after_ms: Option<f64>,
}

/// Contacts with their priorities, in the order of the request.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriorityAnswer {
    /// The contacts.
    pub items: Vec<PriorityItem>,
    /// The weights that were used.
    pub weights: PriorityWeights,
    /// Events before this time are expected to have come; null before the first event.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
}

/// Rank waiting contacts
///
/// A weighted score of value, behaviour and negative emotion, plus ageing, so that nobody waits without end; emergencies are a line of their own, boosts for VIPs and repeated contacts are told apart.
#[utoipa::path(
    operation_id = "routing_priority",
    tag = "routing",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("routing"))),
    request_body(content = PriorityBody, description = "The contacts.", content_type = "application/json"),
    responses(
        (status = 200, description = "Priorities with their parts.", body = PriorityAnswer, example = json!({
            "items": [{"id": "q-1", "rank": 1, "tier": "usual", "score": 1.33, "base": 0.63,
                "value": {"input": 0.8, "contribution": 0.4, "source": "crm", "at": "2026-11-20T03:15:07Z"},
                "behaviour": {"input": 0.5, "contribution": 0.15, "source": "profile", "at": "2026-11-20T03:15:07Z"},
                "emotion": {"input": 0.4, "contribution": 0.08, "source": "profile", "at": "2026-11-20T03:15:07Z"},
                "ageing": 0.7, "vip_boost": 0.0, "repeat_boost": 0.0, "overtakes_after_ms": 81000.0}],
            "weights": {"id": "default@1", "value": 0.5, "behaviour": 0.3, "emotion": 0.2, "ageing": 0.5,
                "vip_boost": 0.25, "repeat_boost": 0.1},
            "watermark": "2026-11-20T03:15:07Z"
        })),
        Problems,
    ),
)]
#[post("/v1/routing/priority")]
pub(in crate::api) async fn routing_priority(
    state: web::Data<State>,
    body: Large<PriorityBody>,
) -> Result<web::Json<PriorityAnswer>, ApiError> {
    let asked = body.0;
    let mut errors = Vec::new();
    count(&mut errors, "/contacts", asked.contacts.len(), MAX_CONTACTS);
    check(&mut errors, &asked.contacts);
    let weights = weights(&mut errors, asked.weights.as_ref());
    finish(errors)?;
    let judged = judge(
        &state,
        &asked.contacts,
        &weights,
        asked.vip_tiers.as_deref(),
    )
    .await?;
    let mut order: Vec<usize> = (0..judged.len()).collect();
    let priority = |place: usize| judged.get(place).map(|judged| &judged.priority);
    order.sort_by(|a, b| match (priority(*a), priority(*b)) {
        (Some(a), Some(b)) => a.order(b),
        _ => a.cmp(b),
    });
    let mut ranks = vec![0; judged.len()];
    for (rank, place) in order.into_iter().enumerate() {
        if let Some(slot) = ranks.get_mut(place) {
            *slot = rank + 1;
        }
    }
    let bound = weights.bound();
    let contacts = asked.contacts.into_iter().zip(judged).zip(ranks);
    let items = contacts.map(|((contact, judged), rank)| item(contact, judged, rank, bound));
    Ok(web::Json(PriorityAnswer {
        items: items.collect(),
        weights: weights.into(),
        watermark: state.watermark().map(|at| at.to_string()),
    }))
}

fn item(contact: PriorityContact, judged: Judged, rank: usize, bound: Option<f64>) -> PriorityItem {
    let Judged { priority, inputs } = judged;
    let [value, behaviour, emotion] = inputs;
    let part = |input: Input, contribution: f64| PriorityPart {
        input: input.value,
        contribution,
        source: input.source.to_owned(),
        at: input.at,
    };
    PriorityItem {
        id: contact.id,
        rank,
        tier: priority.tier.as_str().to_owned(),
        score: priority.score,
        base: priority.base,
        value: part(value, priority.value),
        behaviour: part(behaviour, priority.behaviour),
        emotion: part(emotion, priority.emotion),
        ageing: priority.ageing,
        vip_boost: priority.vip_boost,
        repeat_boost: priority.repeat_boost,
        overtakes_after_ms: bound
            .filter(|_| priority.tier != Tier::Emergency)
            .map(|bound| bound * contact.target_ms.unwrap_or(TARGET_MS)),
    }
}

/// An input with where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Input {
    value: f64,
    source: &'static str,
    at: Option<String>,
}

/// A contact with its priority and what it was made of: value, behaviour, emotion.
pub(super) struct Judged {
    pub(super) priority: Priority,
    inputs: [Input; 3],
}

/// The priorities of contacts, with what is known of them.
pub(super) async fn judge(
    state: &State,
    contacts: &[PriorityContact],
    weights: &Weights,
    vip_tiers: Option<&[String]>,
) -> Result<Vec<Judged>, ApiError> {
    let ids = contacts
        .iter()
        .filter_map(|contact| contact.interaction_id.as_deref());
    let interactions = facts::interactions(state, ids).await?;
    let who = |contact: &PriorityContact| -> Option<String> {
        let interaction = contact
            .interaction_id
            .as_ref()
            .and_then(|id| interactions.get(id));
        let said = contact.customer_id.as_deref();
        let said = said.map(|id| state.redactor.redactor().id(id).into_owned());
        said.or_else(|| interaction?.customer_id.clone())
    };
    let people: Vec<Option<String>> = contacts.iter().map(who).collect();
    let known = facts::customers(state, people.iter().flatten().map(String::as_str)).await?;
    let is_vip_tier = |tier: &str| match vip_tiers {
        Some(tiers) => tiers.iter().any(|vip| vip == tier),
        None => VIP_TIERS.contains(&tier),
    };
    let judged = contacts.iter().zip(&people).map(|(contact, person)| {
        let interaction = contact
            .interaction_id
            .as_ref()
            .and_then(|id| interactions.get(id));
        let customer = person.as_ref().and_then(|id| known.get(id));
        one(contact, customer, interaction, weights, &is_vip_tier)
    });
    Ok(judged.collect())
}

/// What a customer went through lately.
fn week(customer: &CustomerFacts) -> Week {
    Week {
        contacts: customer.contacts_7d,
        unsolved: customer.unsolved_7d,
        abandoned: customer.abandoned_7d,
        channels: customer.channels_7d,
        open_cases: customer.open_cases,
    }
}

fn one(
    contact: &PriorityContact,
    customer: Option<&Arc<CustomerFacts>>,
    interaction: Option<&InteractionFacts>,
    weights: &Weights,
    is_vip_tier: &impl Fn(&str) -> bool,
) -> Judged {
    let said = |value: Option<f64>| {
        value.map(|value| Input {
            value,
            source: "request",
            at: None,
        })
    };
    let unknown = |value: f64| Input {
        value,
        source: "unknown",
        at: None,
    };
    let value = said(contact.value).or_else(|| {
        let customer = customer?;
        Some(Input {
            value: customer.value_score?.clamp(0.0, 1.0),
            source: "crm",
            at: customer.crm_at.clone(),
        })
    });
    let week = customer.map(|customer| week(customer));
    let of_profile = |value: f64| Input {
        value,
        source: "profile",
        at: customer.and_then(|customer| customer.last_at.clone()),
    };
    let seen = week.filter(|_| customer.is_some_and(|customer| customer.last_at.is_some()));
    let behaviour =
        said(contact.behaviour).or_else(|| seen.map(|week| of_profile(priority::behaviour(&week))));
    let emotion = said(contact.emotion)
        .or_else(|| {
            let interaction = interaction?;
            Some(Input {
                value: interaction.upset?,
                source: "interaction",
                at: interaction.at.clone(),
            })
        })
        .or_else(|| Some(of_profile(customer?.upset?)));
    let inputs = [
        value.unwrap_or_else(|| unknown(UNKNOWN_VALUE)),
        behaviour.unwrap_or_else(|| unknown(0.0)),
        emotion.unwrap_or_else(|| unknown(0.0)),
    ];
    let week = week.unwrap_or_default();
    let [value, behaviour, emotion] = &inputs;
    let tier = customer.and_then(|customer| customer.tier.as_deref());
    let urgency = Urgency {
        value: value.value,
        behaviour: behaviour.value,
        emotion: emotion.value,
        waited_ms: contact.waited_ms.unwrap_or(0.0),
        target_ms: contact.target_ms.unwrap_or(TARGET_MS),
        emergency: contact.emergency.is_some(),
        vip: contact.vip.unwrap_or_else(|| tier.is_some_and(is_vip_tier)),
        repeat: contact.repeat.unwrap_or(week.unsolved > 0.0),
    };
    Judged {
        priority: priority::priority(weights, &urgency),
        inputs,
    }
}

pub(super) fn count(errors: &mut Vec<FieldError>, pointer: &str, found: usize, most: usize) {
    if !(1..=most).contains(&found) {
        wrong(
            errors,
            pointer.to_owned(),
            format!("expected 1 to {most} items"),
        );
    }
}

pub(super) fn wrong(errors: &mut Vec<FieldError>, pointer: String, detail: impl Into<String>) {
    errors.push(FieldError {
        pointer,
        detail: detail.into(),
    });
}

pub(super) fn finish(errors: Vec<FieldError>) -> Result<(), ApiError> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::parameters(errors))
}

/// Shares lie in 0..=1, ids are there once, emergencies are known.
pub(super) fn check(errors: &mut Vec<FieldError>, contacts: &[PriorityContact]) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (place, contact) in contacts.iter().enumerate() {
        let at = |name: &str| format!("/contacts/{place}/{name}");
        if contact.id.is_empty() || seen.insert(&contact.id, place).is_some() {
            wrong(errors, at("id"), "expected an id that no other contact has");
        }
        for (name, value) in [
            ("value", contact.value),
            ("behaviour", contact.behaviour),
            ("emotion", contact.emotion),
        ] {
            if value.is_some_and(|value| !(0.0..=1.0).contains(&value)) {
                wrong(errors, at(name), "expected a number from 0 to 1");
            }
        }
        if contact
            .waited_ms
            .is_some_and(|ms| !(0.0..1e12).contains(&ms))
        {
            wrong(errors, at("waited_ms"), "expected milliseconds from 0");
        }
        if contact
            .target_ms
            .is_some_and(|ms| !(1.0..1e12).contains(&ms))
        {
            wrong(errors, at("target_ms"), "expected milliseconds from 1");
        }
        let emergency = contact.emergency.as_deref();
        if emergency.is_some_and(|word| !EMERGENCIES.contains(&word)) {
            wrong(
                errors,
                at("emergency"),
                format!("expected one of {}", EMERGENCIES.join(", ")),
            );
        }
    }
}

/// The weights of a request, or the ordinary ones.
pub(super) fn weights(errors: &mut Vec<FieldError>, given: Option<&PriorityWeights>) -> Weights {
    let Some(given) = given else {
        return Weights::default();
    };
    for (name, value) in [
        ("value", given.value),
        ("behaviour", given.behaviour),
        ("emotion", given.emotion),
        ("ageing", given.ageing),
        ("vip_boost", given.vip_boost),
        ("repeat_boost", given.repeat_boost),
    ] {
        if !(0.0..=100.0).contains(&value) {
            wrong(
                errors,
                format!("/weights/{name}"),
                "expected a number from 0 to 100",
            );
        }
    }
    if given.id.is_empty() || given.id.chars().count() > 100 {
        wrong(
            errors,
            "/weights/id".to_owned(),
            "expected 1 to 100 characters",
        );
    }
    Weights {
        id: given.id.clone(),
        value: given.value,
        behaviour: given.behaviour,
        emotion: given.emotion,
        ageing: given.ageing,
        vip_boost: given.vip_boost,
        repeat_boost: given.repeat_boost,
    }
}
