//! `GET /v1/customers/{id}/ivr_menu`: the options of the phone menu in the order in which one customer wants them.

use std::collections::BTreeMap;

use actix_web::{get, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::facts::{self, SEPARATOR};
use crate::api::customers::CustomerLink;
use crate::api::describe::Problems;
use crate::api::filters::Filters;
use crate::api::problem::ApiError;
use crate::api::rows::{fetch, statement, time};
use crate::api::state::State;
use crate::routing::menu::{Mood, Past, person_first, rank};

const MENU: &str = statement!("profiles/routing_menu");
const LINKS: &str = statement!("profiles/customer_links");
const MAX_ROWS: u64 = 10_000;
const MAX_LINKS: u64 = 1_000;
const MAX_OPTIONS: usize = 50;
/// Options that are shown without another number: what a caller keeps in mind.
const DEFAULT_LIMIT: u64 = 5;
/// A greater probability of leaving speaks for a person.
const LEAVING: f64 = 0.2;

/// Which options, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MenuFilters {
    /// The options that the menu has, by comma; those of the last 90 days when left out.
    #[param(example = "billing,network")]
    pub options: Option<String>,
    /// Options at most, 1 to 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 50, default = 5, example = 5)]
    pub limit: Option<String>,
}

/// An option in its place.
#[derive(Debug, Serialize, ToSchema)]
pub struct MenuOption {
    /// The key to press.
    #[schema(example = "1")]
    pub key: String,
    /// The option: a queue or a node of the menu.
    #[schema(example = "billing")]
    pub option: String,
    /// What the menu calls it; null when no event said it.
    #[schema(example = "账单查询")]
    pub label: Option<String>,
    /// How likely the customer wants it.
    #[schema(example = 0.61)]
    pub probability: f64,
    /// `open_case`, `unsolved_lately`, `came_for_it_before` or `usual`.
    #[schema(example = "unsolved_lately")]
    pub reason: String,
}

/// The way to a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct MenuPerson {
    /// Whether it comes before the options.
    #[schema(example = false)]
    pub first: bool,
    /// The key to press: 1 when it comes first, else 0.
    #[schema(example = "0")]
    pub key: String,
    /// Why: `bad_mood`, `unsolved_repeatedly`, `gave_up_repeatedly`, `about_to_leave`.
    pub reasons: Vec<String>,
}

/// The menu of one customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct IvrMenu {
    /// The id or token that was asked for.
    #[schema(example = "c-4711")]
    pub customer_id: String,
    /// The way to a person.
    pub person: MenuPerson,
    /// The options, likeliest first.
    pub options: Vec<MenuOption>,
    /// Events before this time are expected to have come; null before the first event.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
}

#[derive(Debug, Deserialize)]
struct MenuRow {
    what: String,
    option: String,
    label: Option<String>,
    n: Option<f64>,
    age_days: Option<f64>,
    unsolved: Option<bool>,
}

/// Order a phone menu
///
/// Open cases and what was not solved lately come first, then what the customer came for before, then what everybody comes for. Whoever is upset or failed repeatedly gets a person at once. A customer that nobody knows gets the usual order.
#[utoipa::path(
    operation_id = "customer_ivr_menu",
    tag = "routing",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("routing"))),
    params(("id" = String, Path, description = "The customer's id or a token, percent-encoded.", example = "c-4711"), MenuFilters),
    responses(
        (status = 200, description = "The menu.", body = IvrMenu, example = json!({
            "customer_id": "c-4711",
            "person": {"first": false, "key": "0", "reasons": []},
            "options": [{"key": "1", "option": "billing", "label": "账单查询", "probability": 0.61,
                "reason": "unsolved_lately"}],
            "watermark": "2026-11-20T03:15:07Z"
        })),
        Problems,
    ),
)]
#[get("/v1/customers/{id}/ivr_menu")]
pub(in crate::api) async fn customer_ivr_menu(
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<MenuFilters>,
) -> Result<web::Json<IvrMenu>, ApiError> {
    let mut filters = Filters::default();
    let limit = filters.whole("limit", query.limit.as_deref(), 1..=MAX_OPTIONS as u64);
    let given: Option<Vec<&str>> = query
        .options
        .as_deref()
        .map(|list| list.split(',').map(str::trim).collect());
    let is_wrong =
        |list: &Vec<&str>| list.len() > MAX_OPTIONS || list.iter().any(|name| name.is_empty());
    if given.as_ref().is_some_and(is_wrong) {
        filters.wrong(
            "options",
            format!("expected 1 to {MAX_OPTIONS} names by comma"),
        );
    }
    filters.finish()?;
    let id = state.redactor.redactor().id(&id).into_owned();
    let links: Vec<CustomerLink> = fetch(&state, LINKS, vec![json!(id)], MAX_LINKS).await?;
    let ids = unique(
        links
            .iter()
            .filter_map(|link| link.customer_id.as_deref())
            .chain([id.as_str()]),
    );
    let identities = unique(links.iter().map(|link| link.identity.as_str()));
    let values = vec![
        json!(ids.join(SEPARATOR)),
        json!(identities.join(SEPARATOR)),
        time(Some((state.clock)())),
    ];
    let rows: Vec<MenuRow> = fetch(&state, MENU, values, MAX_ROWS).await?;
    let known = facts::customers(&state, ids.iter().copied()).await?;
    let mut mood = Mood::default();
    for facts in known.values() {
        mood.emotion = mood.emotion.max(facts.upset.unwrap_or(0.0));
        mood.unsolved += facts.unsolved_7d as u32;
        mood.abandoned += facts.abandoned_7d as u32;
        mood.leaving |= facts.status.as_deref() == Some("leaving");
    }
    for id in &ids {
        let churn = state
            .store
            .risk_score(id)
            .await?
            .and_then(|score| score.churn);
        mood.leaving |= churn.is_some_and(|churn| churn >= LEAVING);
    }
    let reasons = person_first(&mood);
    let first = !reasons.is_empty();
    let limit = usize::try_from(limit.unwrap_or(DEFAULT_LIMIT)).unwrap_or(usize::MAX);
    let options = options(&rows, given.as_deref(), limit, 1 + usize::from(first));
    Ok(web::Json(IvrMenu {
        customer_id: id.clone(),
        person: MenuPerson {
            first,
            key: if first { "1" } else { "0" }.to_owned(),
            reasons: reasons.into_iter().map(str::to_owned).collect(),
        },
        options,
        watermark: state.watermark().map(|at| at.to_string()),
    }))
}

fn unique<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = all.collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn options(
    rows: &[MenuRow],
    given: Option<&[&str]>,
    limit: usize,
    first_key: usize,
) -> Vec<MenuOption> {
    let usual = rows.iter().filter(|row| row.what == "usual");
    let usual: BTreeMap<&str, &MenuRow> = usual.map(|row| (row.option.as_str(), row)).collect();
    let names: Vec<&str> = match given {
        Some(given) => given.to_vec(),
        None => rows
            .iter()
            .filter(|row| row.what == "usual")
            .map(|row| row.option.as_str())
            .collect(),
    };
    let shares = names
        .iter()
        .map(|name| usual.get(name).and_then(|row| row.n).unwrap_or(0.0));
    let shares: Vec<f64> = shares.collect();
    let past = rows
        .iter()
        .filter(|row| row.what != "usual")
        .filter_map(|row| {
            Some(Past {
                option: names.iter().position(|name| *name == row.option)?,
                age_days: row.age_days.unwrap_or(0.0),
                unsolved: row.unsolved.unwrap_or(false),
                open: row.what == "open",
            })
        });
    let past: Vec<Past> = past.collect();
    let ranked = rank(&shares, &past)
        .into_iter()
        .take(limit)
        .zip(first_key..);
    let shown = ranked.filter_map(|(ranked, key)| {
        let name = names.get(ranked.option)?;
        Some(MenuOption {
            key: key.to_string(),
            option: (*name).to_owned(),
            label: usual.get(name).and_then(|row| row.label.clone()),
            probability: ranked.probability,
            reason: ranked.reason.as_str().to_owned(),
        })
    });
    shown.collect()
}
