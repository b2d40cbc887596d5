//! Risks of customers: who may leave, who may come again; learnt from the tenant's own past and stored.
//!
//! Invariants: time is what the facts say, not the clock, so that an old import is scored as of its end; readers see
//! whole runs; a model that can't be learnt is told and its risk is null. Not here: the cards (`insight`), the
//! features (`queries/profiles/risk_*.sql`).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::{Micros, Role};
use crate::insight::risk::{DAY_US, Driver, RiskModel, Rows, train};
use crate::query::{Engine, Frame, QueryError, Request};
use crate::store::{RiskRun, RiskScore, Store, StoreError};
use crate::telemetry;

macro_rules! statement {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/queries/profiles/",
            $name,
            ".sql"
        ))
    };
}

const SPAN: &str = statement!("risk_span");
const CUSTOMERS: &str = statement!("risk_customers");
const CONTACTS: &str = statement!("risk_contacts");
const REPEATS: &str = statement!("risk_repeats");
const HOURS: &str = statement!("risk_hours");

const WEEK_US: i64 = 7 * DAY_US;
/// Dates of the training lie a week apart, over at most a year.
const MOST_DATES: i64 = 52;
/// Before the first date there must be something to look back on.
const WARM_US: i64 = 14 * DAY_US;
/// Contacts of so many days teach who comes again.
const REPEAT_PAST_US: i64 = 120 * DAY_US;
/// More customers are sampled.
const MOST_CUSTOMERS: f64 = 60_000.0;
const REPEAT_DAYS: u32 = 7;
const MOST_ATTRIBUTES: usize = 20;
/// In the background: looked at so often, learnt anew after a day.
const LOOK_EVERY: Duration = Duration::from_secs(600);
const LEARN_EVERY: Duration = Duration::from_secs(24 * 3600);

/// What a run learnt, as it is stored with it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Learnt {
    /// The models: `churn` and `repeat_contact`, as far as there are.
    pub models: Vec<RiskModel>,
    /// Why a model is missing.
    pub problems: Vec<String>,
}

/// Why a customer is at risk, as it is stored.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reasons {
    /// Of leaving.
    pub churn: Vec<Driver>,
    /// Of coming again.
    pub repeat_contact: Vec<Driver>,
}

/// What a round did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RiskRound {
    /// The customers.
    pub scores: Vec<RiskScore>,
    /// As of when, µs since 1970.
    pub scored_us: i64,
    /// What was learnt.
    pub learnt: Learnt,
}

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
pub enum RiskError {
    /// The lake could not be asked.
    #[error("features of risks can't be read")]
    Query(#[from] QueryError),
    /// The store.
    #[error("risks can't be stored")]
    Store(#[from] StoreError),
    /// A model or a reason.
    #[error("risks can't be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The computation died.
    #[error("the computation of risks broke off")]
    BrokenOff,
}

/// The job.
#[derive(Clone)]
pub struct Risks {
    /// Answers queries, without a caller's limits.
    pub engine: Engine,
    /// The present, for the id of a run.
    pub clock: fn() -> Micros,
}

/// The time that is looked at.
struct Span {
    first_us: i64,
    now_us: i64,
    customers: f64,
}

impl Risks {
    /// Learns and scores once, and stores it.
    ///
    /// # Errors
    /// When the lake can't be asked or the store fails.
    pub async fn round(&self, store: &Store) -> Result<RiskRound, RiskError> {
        let round = self.learn().await?;
        if round.learnt.models.is_empty() {
            return Ok(round);
        }
        let run = RiskRun {
            run: format!("risk-{}", (self.clock)().0),
            content: serde_json::to_string(&round.learnt)?,
            scored_us: round.scored_us,
        };
        store.write_risks(&run, &round.scores).await?;
        Ok(round)
    }

    /// Learns and scores once.
    ///
    /// # Errors
    /// When the lake can't be asked.
    pub async fn learn(&self) -> Result<RiskRound, RiskError> {
        let Some(span) = self.span().await? else {
            let mut round = RiskRound::default();
            let why = "there are no interactions".to_owned();
            round.learnt.problems.push(why);
            return Ok(round);
        };
        let every = (span.customers / MOST_CUSTOMERS).ceil().max(1.0) as i64;
        let churn = self.churn(&span, every).await?;
        let repeats = self.repeats(&span, every).await?;
        let hours = self
            .frame(HOURS, vec![json!(span.now_us - REPEAT_PAST_US)])
            .await?;
        let now_us = span.now_us;
        let computed =
            tokio::task::spawn_blocking(move || compute(&churn, &repeats, &hours, now_us));
        let (learnt, scores) = computed.await.map_err(|_| RiskError::BrokenOff)??;
        Ok(RiskRound {
            scores,
            learnt,
            scored_us: now_us,
        })
    }

    /// Rounds until `stop` is cancelled, once a day.
    pub async fn run(self, store: Store, stop: CancellationToken) {
        let mut last: Option<Instant> = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if last.is_some_and(|last| last.elapsed() < LEARN_EVERY) {
                continue;
            }
            let round = tokio::select! {
                () = stop.cancelled() => return,
                round = self.round(&store) => round,
            };
            match round {
                Ok(round) => {
                    telemetry::maintenance_run("risks", "done");
                    if !round.learnt.models.is_empty() {
                        last = Some(Instant::now());
                        tracing::info!(customers = round.scores.len(), "risks of customers scored");
                    }
                }
                Err(error) => {
                    telemetry::maintenance_run("risks", "failed");
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "risks of customers can't be scored"
                    );
                }
            }
        }
    }

    async fn frame(&self, sql: &str, parameters: Vec<Value>) -> Result<Frame, QueryError> {
        let mut request = Request::new(sql, Role::Admin);
        request.parameters = parameters;
        request.door = "job";
        self.engine.frame(request).await
    }

    async fn span(&self) -> Result<Option<Span>, RiskError> {
        let span = self.frame(SPAN, Vec::new()).await?;
        let of = |name: &str| {
            span.numbers(name)
                .first()
                .copied()
                .filter(|n| n.is_finite())
        };
        let Some((first, last)) = of("first_us").zip(of("last_us")) else {
            return Ok(None);
        };
        Ok(Some(Span {
            first_us: first as i64,
            now_us: last as i64 + 1,
            customers: of("customers").unwrap_or(0.0),
        }))
    }

    /// Customers on weekly dates up to now, with whether they left within the horizon.
    async fn churn(&self, span: &Span, every: i64) -> Result<Churn, RiskError> {
        let past = (span.now_us - span.first_us - WARM_US).max(0) / WEEK_US;
        let steps = past.min(MOST_DATES);
        let first = span.now_us - steps * WEEK_US;
        let horizon_days = match (span.now_us - span.first_us) / DAY_US {
            150.. => 30,
            50.. => 14,
            _ => 7,
        };
        let customers = self.frame(CUSTOMERS, vec![json!(every)]).await?;
        let dates = [json!(first), json!(WEEK_US), json!(steps + 1), json!(every)];
        let contacts = self.frame(CONTACTS, dates.to_vec()).await?;
        let dates: Vec<i64> = (0..=steps).map(|step| first + step * WEEK_US).collect();
        let (now_customers, now_contacts) = if every > 1 {
            let now = [json!(span.now_us), json!(WEEK_US), json!(1), json!(1)];
            let customers = self.frame(CUSTOMERS, vec![json!(1)]).await?;
            (
                Some(customers),
                Some(self.frame(CONTACTS, now.to_vec()).await?),
            )
        } else {
            (None, None)
        };
        Ok(Churn {
            customers,
            contacts,
            dates,
            horizon_days,
            now_customers,
            now_contacts,
        })
    }

    async fn repeats(&self, span: &Span, every: i64) -> Result<Repeats, RiskError> {
        let from = span.first_us.max(span.now_us - REPEAT_PAST_US);
        let past = self.frame(REPEATS, vec![json!(from), json!(every)]).await?;
        let lately = [json!(span.now_us - WEEK_US), json!(1)];
        let lately = self.frame(REPEATS, lately.to_vec()).await?;
        Ok(Repeats { past, lately })
    }
}

/// What churn is learnt from.
struct Churn {
    customers: Frame,
    contacts: Frame,
    dates: Vec<i64>,
    horizon_days: u32,
    now_customers: Option<Frame>,
    now_contacts: Option<Frame>,
}

/// What repeated contacts are learnt from, and the contacts of the last week.
struct Repeats {
    past: Frame,
    lately: Frame,
}

fn compute(
    churn: &Churn,
    repeats: &Repeats,
    hours: &Frame,
    now_us: i64,
) -> Result<(Learnt, Vec<RiskScore>), RiskError> {
    let mut learnt = Learnt::default();
    let rows = churn_rows(
        &churn.customers,
        &churn.contacts,
        &churn.dates,
        churn.horizon_days,
    );
    let churn_model = learn_one(&mut learnt, "churn", &rows, churn.horizon_days, now_us);
    let present = match (&churn.now_customers, &churn.now_contacts) {
        (Some(customers), Some(contacts)) => {
            churn_rows(customers, contacts, &[now_us], churn.horizon_days)
        }
        _ => churn_rows(
            &churn.customers,
            &churn.contacts,
            &[now_us],
            churn.horizon_days,
        ),
    };
    drop(rows);
    let past = repeat_rows(&repeats.past);
    let repeat_model = learn_one(&mut learnt, "repeat_contact", &past, REPEAT_DAYS, now_us);
    let lately = repeat_rows(&repeats.lately);
    let mut scores: BTreeMap<&str, (RiskScore, Reasons)> = BTreeMap::new();
    let blank = |customer: &str| RiskScore {
        customer_id: customer.to_owned(),
        churn: None,
        repeat_contact: None,
        best_hour_utc: None,
        reasons: String::new(),
    };
    for (row, customer) in present.customer.iter().enumerate() {
        let entry = scores
            .entry(customer)
            .or_insert_with(|| (blank(customer), Reasons::default()));
        if let Some(risk) = churn_model.as_ref().map(|model| model.risk(&present, row)) {
            entry.0.churn = Some(risk.probability);
            entry.1.churn = risk.reasons;
        }
    }
    // The rows of a customer are in order of time, so the last contact is what stays.
    for (row, customer) in lately.customer.iter().enumerate() {
        let entry = scores
            .entry(customer)
            .or_insert_with(|| (blank(customer), Reasons::default()));
        if let Some(risk) = repeat_model.as_ref().map(|model| model.risk(&lately, row)) {
            entry.0.repeat_contact = Some(risk.probability);
            entry.1.repeat_contact = risk.reasons;
        }
    }
    Ok((learnt, stored(scores, hours)?))
}

/// Scores by customer as they are stored, with the best hour.
fn stored(
    scores: BTreeMap<&str, (RiskScore, Reasons)>,
    hours: &Frame,
) -> Result<Vec<RiskScore>, serde_json::Error> {
    let best = hours
        .texts("customer_id")
        .iter()
        .zip(hours.numbers("hour_utc"));
    let best: HashMap<&str, f64> = best
        .filter_map(|(customer, hour)| Some((customer.as_deref()?, *hour)))
        .collect();
    let mut stored = Vec::with_capacity(scores.len());
    for (customer, (mut score, reasons)) in scores {
        score.best_hour_utc = best.get(customer).map(|hour| *hour as i64);
        score.reasons = serde_json::to_string(&reasons)?;
        stored.push(score);
    }
    Ok(stored)
}

fn learn_one(
    learnt: &mut Learnt,
    kind: &str,
    rows: &Rows,
    horizon_days: u32,
    now_us: i64,
) -> Option<RiskModel> {
    match train(kind, rows, horizon_days, now_us) {
        Ok(model) => {
            learnt.models.push(model.clone());
            Some(model)
        }
        Err(few) => {
            learnt.problems.push(format!("{kind}: {few}"));
            None
        }
    }
}

/// What was known of a customer from a time on.
struct News<'f> {
    at_us: i64,
    status: Option<&'f str>,
    tier: Option<&'f str>,
    value: f64,
    attributes: Option<BTreeMap<String, f64>>,
}

/// Numbers and truths of the CRM's attributes.
fn attributes(text: &str) -> Option<BTreeMap<String, f64>> {
    let Ok(Value::Object(map)) = serde_json::from_str(text) else {
        return None;
    };
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(is) => Some(f64::from(u8::from(*is))),
        _ => None,
    };
    let numbers = map
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), number(value)?)));
    Some(numbers.collect())
}

fn news(customers: &Frame) -> BTreeMap<&str, Vec<News<'_>>> {
    let mut all: BTreeMap<&str, Vec<News<'_>>> = BTreeMap::new();
    let ids = customers.texts("customer_id").iter();
    let texts = |name: &str, row: usize| customers.texts(name).get(row).and_then(Option::as_deref);
    let numbers = |name: &str, row: usize| customers.numbers(name).get(row).copied();
    for (row, id) in ids.enumerate() {
        let Some(id) = id else { continue };
        all.entry(id).or_default().push(News {
            at_us: numbers("at_us", row).map_or(i64::MAX, |at| at as i64),
            status: texts("status", row),
            tier: texts("tier", row),
            value: numbers("value_score", row).unwrap_or(f64::NAN),
            attributes: texts("attributes", row).and_then(attributes),
        });
    }
    all
}

fn is_leaving(status: &str) -> bool {
    matches!(status, "leaving" | "left")
}

/// The drivers that the statement gives, and what holds where nothing happened.
const DRIVERS: [(&str, f64); 8] = [
    ("contacts_7d", 0.0),
    ("contacts_30d", 0.0),
    ("contacts_90d", 0.0),
    ("repeats_30d", 0.0),
    ("channel_switches_30d", 0.0),
    ("transfers_30d", 0.0),
    ("longest_wait_30d_s", 0.0),
    ("days_since_last", f64::NAN),
];

fn drivers() -> Vec<(String, f64)> {
    use crate::insight::risk::{FADING, HALF_LIVES};
    let fading = FADING
        .iter()
        .flat_map(|head| HALF_LIVES.map(|days| (format!("{head}_{days}"), 0.0)));
    let plain = DRIVERS
        .iter()
        .map(|(name, none)| ((*name).to_owned(), *none));
    plain.chain(fading).collect()
}

/// Customers who are known and have not left, on each date.
fn churn_rows(customers: &Frame, contacts: &Frame, dates: &[i64], horizon_days: u32) -> Rows {
    let horizon_us = i64::from(horizon_days) * DAY_US;
    let ids = contacts.texts("customer_id").iter();
    let at = contacts.numbers("date_us");
    let happened: HashMap<(&str, i64), usize> = ids
        .zip(at)
        .enumerate()
        .filter_map(|(row, (id, at))| Some(((id.as_deref()?, *at as i64), row)))
        .collect();
    let people = news(customers);
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    for key in people
        .values()
        .flatten()
        .filter_map(|news| news.attributes.as_ref())
    {
        for key in key.keys() {
            *keys.entry(key.clone()).or_default() += 1;
        }
    }
    let mut keys: Vec<(String, usize)> = keys.into_iter().collect();
    keys.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    keys.truncate(MOST_ATTRIBUTES);
    let drivers = drivers();
    let mut rows = Rows::default();
    let mut tiers = Vec::new();
    for (customer, news) in &people {
        for date in dates {
            let Some(known) = before(news, *date) else {
                continue;
            };
            let leaves = |news: &News<'_>| {
                news.status.is_some_and(is_leaving)
                    && (*date..date + horizon_us).contains(&news.at_us)
            };
            rows.customer.push((*customer).to_owned());
            rows.at_us.push(*date);
            rows.label.push(news.iter().any(leaves));
            let row = happened.get(&(*customer, *date)).copied();
            for (name, none) in &drivers {
                let value = row.and_then(|row| contacts.numbers(name).get(row).copied());
                push(&mut rows, name, value.unwrap_or(*none));
            }
            push(&mut rows, "value_score", known.value);
            for (key, _) in &keys {
                let value = known.attributes.and_then(|all| all.get(key).copied());
                push(
                    &mut rows,
                    &format!("attributes.{key}"),
                    value.unwrap_or(f64::NAN),
                );
            }
            tiers.push(known.tier.map(str::to_owned));
        }
    }
    rows.words.insert("tier".to_owned(), tiers);
    rows
}

fn push(rows: &mut Rows, name: &str, value: f64) {
    match rows.numbers.get_mut(name) {
        Some(values) => values.push(value),
        None => {
            rows.numbers.insert(name.to_owned(), vec![value]);
        }
    }
}

/// What was known on a date.
struct Known<'n> {
    tier: Option<&'n str>,
    value: f64,
    attributes: Option<&'n BTreeMap<String, f64>>,
}

/// What was known of a customer before `date`; `None` when nothing was, or the customer had left.
fn before<'n>(news: &'n [News<'n>], date: i64) -> Option<Known<'n>> {
    let past = || news.iter().rev().filter(|news| news.at_us < date);
    past().next()?;
    let status = past().find_map(|news| news.status);
    if status.is_some_and(is_leaving) {
        return None;
    }
    Some(Known {
        tier: past().find_map(|news| news.tier),
        value: past()
            .map(|news| news.value)
            .find(|value| value.is_finite())
            .unwrap_or(f64::NAN),
        attributes: past().find_map(|news| news.attributes.as_ref()),
    })
}

/// Ended contacts.
fn repeat_rows(frame: &Frame) -> Rows {
    let mut rows = Rows::default();
    let customers = frame.texts("customer_id").iter();
    rows.customer = customers.map(|id| id.clone().unwrap_or_default()).collect();
    rows.at_us = frame.numbers("at_us").iter().map(|at| *at as i64).collect();
    rows.label = frame
        .numbers("came_again")
        .iter()
        .map(|is| *is > 0.5)
        .collect();
    for name in [
        "wait_s",
        "handle_s",
        "transfers",
        "contacts_before_7d",
        "upset",
        "csat",
    ] {
        rows.numbers
            .insert(name.to_owned(), frame.numbers(name).to_vec());
    }
    for name in ["ending", "channel", "matter"] {
        rows.words
            .insert(name.to_owned(), frame.texts(name).to_vec());
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<'n>(at_us: i64, status: Option<&'n str>, tier: Option<&'n str>) -> News<'n> {
        News {
            at_us,
            status,
            tier,
            value: f64::NAN,
            attributes: None,
        }
    }

    #[test]
    fn a_date_knows_what_was_told_before_it_and_who_has_left_is_no_row() {
        let news = [
            told(10, None, None),
            told(20, Some("active"), Some("gold")),
            told(30, Some("leaving"), None),
            told(40, Some("active"), Some("silver")),
        ];
        assert!(before(&news, 10).is_none());
        assert_eq!(before(&news, 15).unwrap().tier, None);
        assert_eq!(before(&news, 30).unwrap().tier, Some("gold"));
        assert!(before(&news, 35).is_none());
        assert_eq!(before(&news, 50).unwrap().tier, Some("silver"));
    }

    #[test]
    fn attributes_are_numbers_and_truths() {
        let found = attributes(r#"{"a": 1.5, "b": true, "c": "x", "d": null}"#).unwrap();
        assert_eq!(
            found,
            BTreeMap::from([("a".to_owned(), 1.5), ("b".to_owned(), 1.0)])
        );
        assert!(attributes("[1]").is_none());
    }
}
