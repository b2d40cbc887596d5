//! What became of interventions, measured over the lake: table `effects`.
//!
//! A verdict is given once, when the days of its look are over and in the lake, and is not measured again: later
//! topic runs change nothing that was said. Only the share of false claims among a month's verdicts (Benjamini and
//! Hochberg) is looked at anew while the month grows. Invariants: done again it changes nothing; one process of a lake
//! does it, under a lease; days without any contact are not taken for a success, the last day counted is the last one
//! with a contact. Not here: the estimate (`insight`), the counts (`queries/jobs`), records (`store`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::domain::{Day, Micros};
use crate::insight::effect::{
    self, BEFORE_DAYS, Effect, LEFT_OUT_DAYS, LOOKS, Verdict, compared_days, estimate,
};
use crate::insight::statistics::false_discovery;
use crate::lake::{Lake, LakeError, Lease, LeaseError, Rewrite, UpkeepError};
use crate::query::{Engine, QueryError};
use crate::store::intervention::{Intervention, InterventionFilter};
use crate::store::{Store, StoreError};
use crate::tables::{EffectRow, InsightId};
use crate::telemetry;

/// Who may write the table.
const LEASE: &str = "effects";
const LEASE_S: i64 = 60;
/// Between two rounds beside a running process.
const EVERY: Duration = Duration::from_secs(600);
/// Records of so many days are looked at; older ones had their verdicts.
const LOOK_BACK_DAYS: i32 = 400;
/// Records read at a time.
const PAGE: u32 = 500;
/// Most records of a round.
const MOST_RECORDS: usize = 10_000;
/// False ones among the claims of a month.
const FALSE_DISCOVERY: f64 = 0.05;
const MINUTE_MS: f64 = 60_000.0;

const COUNTS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/jobs/effect_counts.sql"
));
const DAYS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/jobs/effect_days.sql"
));
const STORED: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/jobs/effects_stored.sql"
));

/// What measures interventions.
#[derive(Clone)]
pub struct Effects {
    /// The tables.
    pub lake: Arc<Lake>,
    /// An engine without the callers' limits.
    pub engine: Engine,
    /// The records.
    pub store: Store,
    /// Who we are to other processes.
    pub holder: String,
    /// The present.
    pub clock: fn() -> Micros,
}

/// Why a round over interventions broke off.
#[derive(Debug, thiserror::Error)]
pub enum EffectsError {
    /// A table.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The lease, or a table under it.
    #[error(transparent)]
    Upkeep(#[from] UpkeepError),
    /// Rows could not be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Records could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Rows could not be made: a mistake of ours.
    #[error("verdicts could not be written: {0}; they are given with the next round")]
    Unwritable(String),
}

impl From<LeaseError> for EffectsError {
    fn from(error: LeaseError) -> Self {
        Self::Upkeep(UpkeepError::Lease(error))
    }
}

/// A day and topic of the counts.
#[derive(Debug, Clone, Deserialize)]
struct CountRow {
    day: String,
    topic_id: String,
    contacts: i64,
    transferred: i64,
    repeated: i64,
    handle_ms: i64,
    run: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DaysRow {
    last_day: Option<String>,
    active_customers: i64,
}

/// What one topic had on one day.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Counts {
    contacts: f64,
    transferred: f64,
    repeated: f64,
    handle_ms: f64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.contacts += other.contacts;
        self.transferred += other.transferred;
        self.repeated += other.repeated;
        self.handle_ms += other.handle_ms;
    }

    fn per_contact(self, part: f64) -> Option<f64> {
        (self.contacts > 0.0).then(|| part / self.contacts)
    }
}

/// A verdict that is due.
struct Due<'i> {
    record: &'i Intervention,
    days_after: usize,
}

impl Due<'_> {
    fn first_day(&self) -> Day {
        let before = i32::try_from(BEFORE_DAYS + LEFT_OUT_DAYS).unwrap_or(i32::MAX);
        Day(self.record.content.day.0 - before)
    }

    /// One past the last day of the look.
    fn end(&self) -> Day {
        Day(self.record.content.day.0 + i32::try_from(self.days_after).unwrap_or(i32::MAX))
    }
}

impl Effects {
    /// Gives the verdicts that are due; how many.
    ///
    /// # Errors
    /// When another process does it, or the lake or the store can't be read or written.
    pub async fn round(&self) -> Result<usize, EffectsError> {
        let records = self.records().await?;
        if records.is_empty() {
            return Ok(0);
        }
        let now = (self.clock)();
        let lease = Lease::take(self.lake.storage(), LEASE, &self.holder, now, LEASE_S).await?;
        let done = lease.during(self.clock, self.under(&records, &lease)).await;
        lease.release((self.clock)()).await;
        done
    }

    /// Rounds until `stop` is cancelled.
    pub async fn keep(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            let done = tokio::select! {
                () = stop.cancelled() => return,
                done = self.round() => done,
            };
            match done {
                Ok(_) => telemetry::maintenance_run("effects", "done"),
                Err(EffectsError::Upkeep(UpkeepError::Lease(LeaseError::Held { .. }))) => {}
                Err(error) => {
                    telemetry::maintenance_run("effects", "failed");
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "effects wait for the next round"
                    );
                }
            }
        }
    }

    /// Records with topics, newest first.
    async fn records(&self) -> Result<Vec<Intervention>, EffectsError> {
        let today = (self.clock)().day();
        let filter = InterventionFilter {
            from: Some(Day(today.0 - LOOK_BACK_DAYS)),
            to: Some(today),
            ..InterventionFilter::default()
        };
        let mut found: Vec<Intervention> = Vec::new();
        loop {
            let after = found.last().map(|last| (last.content.day, last.id.clone()));
            let after = after.as_ref().map(|(day, id)| (*day, id.as_str()));
            let page = self.store.interventions(&filter, after, PAGE).await?;
            if page.is_empty() || found.len() >= MOST_RECORDS {
                break;
            }
            found.extend(page);
        }
        Ok(found)
    }

    async fn under(&self, records: &[Intervention], lease: &Lease) -> Result<usize, EffectsError> {
        self.engine.refresh().await?;
        let mut stored: Vec<EffectRow> = self.engine.typed_rows(STORED, Vec::new()).await?;
        let seen: BTreeSet<(&str, i32)> = stored
            .iter()
            .map(|row| (row.intervention_id.as_str(), row.days_after))
            .collect();
        let known = |id: &str, days: usize| {
            i32::try_from(days).is_ok_and(|days| seen.contains(&(id, days)))
        };
        let complete = self.complete().await?;
        let due: Vec<Due<'_>> = records
            .iter()
            .filter(|record| !record.content.frozen.topics.is_empty())
            .flat_map(|record| LOOKS.map(|days_after| Due { record, days_after }))
            .filter(|due| due.end() <= complete && !known(&due.record.id, due.days_after))
            .collect();
        let mut given = Vec::new();
        for one in &due {
            given.push(self.measure(one, records).await?);
        }
        let count = given.len();
        let before = stored.clone();
        stored.extend(given);
        discover(&mut stored);
        self.write(&before, &stored, lease).await?;
        Ok(count)
    }

    /// The first day that is not over, or not in the lake.
    async fn complete(&self) -> Result<Day, EffectsError> {
        let today = (self.clock)().day();
        let row = self.days(today, today).await?;
        let last = row.last_day.and_then(|day| Day::parse(&day).ok());
        Ok(last.map_or(Day(i32::MIN), |last| Day(last.0 + 1).min(today)))
    }

    async fn days(&self, from: Day, to: Day) -> Result<DaysRow, EffectsError> {
        let rows = self.engine.typed_rows(DAYS, range(from, to)).await?;
        let nothing = DaysRow {
            last_day: None,
            active_customers: 0,
        };
        Ok(rows.into_iter().next().unwrap_or(nothing))
    }

    async fn measure(
        &self,
        due: &Due<'_>,
        records: &[Intervention],
    ) -> Result<EffectRow, EffectsError> {
        let (from, to) = (due.first_day(), due.end());
        let rows: Vec<CountRow> = self.engine.typed_rows(COUNTS, range(from, to)).await?;
        let customers = self.days(from, to).await?.active_customers;
        let changed: BTreeSet<&str> = records
            .iter()
            .filter(|record| (from..to).contains(&record.content.day))
            .flat_map(|record| &record.content.frozen.topics)
            .map(String::as_str)
            .collect();
        let table = Table::of(&rows, from, to);
        let verdict = table.judge(due, &changed);
        Ok(table.row(due, verdict, customers, (self.clock)()))
    }

    /// Replaces the days whose rows are others than before.
    async fn write(
        &self,
        before: &[EffectRow],
        after: &[EffectRow],
        lease: &Lease,
    ) -> Result<(), EffectsError> {
        let (before, after) = (by_day(before), by_day(after));
        let mut rewrite = Rewrite::begin(self.lake.insight(InsightId::Effects)).await?;
        for (day, rows) in &after {
            if before.get(day) == Some(rows) {
                continue;
            }
            rewrite.take_away(*day);
            let batch = EffectRow::batch(rows.iter().copied());
            let batch = batch.map_err(|error| EffectsError::Unwritable(error.to_string()))?;
            rewrite.put(*day, batch);
        }
        rewrite.commit(&[], lease, self.clock).await?;
        Ok(())
    }
}

fn range(from: Day, to: Day) -> Vec<Value> {
    vec![
        Value::String(from.to_string()),
        Value::String(to.to_string()),
    ]
}

/// The day of a verdict: the first one after the days that it is about.
fn verdict_day(row: &EffectRow) -> Day {
    let published = Day::parse(&row.intervention_date).unwrap_or(Day(0));
    Day(published.0 + row.days_after)
}

fn by_day(rows: &[EffectRow]) -> BTreeMap<Day, Vec<&EffectRow>> {
    let mut days: BTreeMap<Day, Vec<&EffectRow>> = BTreeMap::new();
    for row in rows {
        days.entry(verdict_day(row)).or_default().push(row);
    }
    for rows in days.values_mut() {
        rows.sort_by(|a, b| {
            (&a.intervention_id, a.days_after).cmp(&(&b.intervention_id, b.days_after))
        });
    }
    days
}

/// Holds the claims of each month to a rate of false ones: those beyond it become `no_effect`.
fn discover(rows: &mut [EffectRow]) {
    let mut months: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        let is_judged =
            row.p_value.is_some() && row.verdict != verdict_word(Verdict::NotComparable);
        if is_judged {
            let month = verdict_day(row).to_string().chars().take(7).collect();
            months.entry(month).or_default().push(place);
        }
    }
    for places in months.into_values() {
        let of = |place: &usize| rows.get(*place).and_then(|row| row.p_value).unwrap_or(1.0);
        let adjusted = false_discovery(&places.iter().map(of).collect::<Vec<_>>());
        for (place, q_value) in places.into_iter().zip(adjusted) {
            let Some(row) = rows.get_mut(place) else {
                continue;
            };
            let p_value = row.p_value.unwrap_or(1.0);
            let holds = q_value <= FALSE_DISCOVERY;
            let verdict = effect::verdict(row.change.unwrap_or(0.0), p_value, holds);
            row.q_value = Some(q_value);
            row.verdict = verdict_word(verdict).to_owned();
        }
    }
}

/// The word of a verdict in SQL and JSON.
#[must_use]
pub const fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Helped => "helped",
        Verdict::NoEffect => "no_effect",
        Verdict::Harmed => "harmed",
        Verdict::TooEarly => "too_early",
        Verdict::NotComparable => "not_comparable",
    }
}

/// Counts by topic and day of one record's days.
struct Table<'r> {
    topics: BTreeMap<&'r str, Vec<Counts>>,
    days: usize,
    run: Option<String>,
}

impl<'r> Table<'r> {
    fn of(rows: &'r [CountRow], from: Day, to: Day) -> Self {
        let days = usize::try_from(to.0 - from.0).unwrap_or(0);
        let mut topics: BTreeMap<&str, Vec<Counts>> = BTreeMap::new();
        for row in rows {
            let day = Day::parse(&row.day).ok();
            let place = day.and_then(|day| usize::try_from(day.0 - from.0).ok());
            let series = topics.entry(row.topic_id.as_str());
            let series = series.or_insert_with(|| vec![Counts::default(); days]);
            if let Some(slot) = place.and_then(|place| series.get_mut(place)) {
                slot.add(Counts {
                    contacts: row.contacts as f64,
                    transferred: row.transferred as f64,
                    repeated: row.repeated as f64,
                    handle_ms: row.handle_ms as f64,
                });
            }
        }
        Self {
            topics,
            days,
            run: rows.iter().filter_map(|row| row.run.clone()).max(),
        }
    }

    fn treated(&self, due: &Due<'_>) -> Vec<Counts> {
        let mut sum = vec![Counts::default(); self.days];
        for topic in &due.record.content.frozen.topics {
            let own = self.topics.get(topic.as_str()).into_iter().flatten();
            for (total, counts) in sum.iter_mut().zip(own) {
                total.add(*counts);
            }
        }
        sum
    }

    /// The estimate, with the controls by name.
    fn judge(&self, due: &Due<'_>, changed: &BTreeSet<&str>) -> (Effect, Vec<String>) {
        let contacts = |series: &[Counts]| series.iter().map(|day| day.contacts).collect();
        let treated: Vec<f64> = contacts(&self.treated(due));
        let candidates: Vec<(&str, Vec<f64>)> = self
            .topics
            .iter()
            .filter(|(topic, _)| !changed.contains(*topic))
            .map(|(topic, series)| (*topic, contacts(series)))
            .collect();
        let series: Vec<&[f64]> = candidates.iter().map(|one| one.1.as_slice()).collect();
        // The same record is resampled alike wherever it is measured.
        let seed = twox_hash::XxHash3_64::oneshot(due.record.id.as_bytes());
        let effect = estimate(&treated, &series, BEFORE_DAYS + LEFT_OUT_DAYS, seed);
        let names = effect.controls.iter();
        let names = names
            .filter_map(|place| candidates.get(*place))
            .map(|one| one.0.to_owned())
            .collect();
        (effect, names)
    }

    fn row(
        &self,
        due: &Due<'_>,
        (effect, controls): (Effect, Vec<String>),
        customers: i64,
        now: Micros,
    ) -> EffectRow {
        let content = &due.record.content;
        let series = self.treated(due);
        let (before, after) = compared_days(BEFORE_DAYS + LEFT_OUT_DAYS, due.days_after);
        let sum = |days: &std::ops::Range<usize>| {
            let mut total = Counts::default();
            let part = series.get(days.clone()).unwrap_or_default();
            part.iter().for_each(|day| total.add(*day));
            total
        };
        let (b, a) = (sum(&before), sum(&after));
        let rate = |counts: Counts, days: usize| {
            let thousands = customers as f64 / 1_000.0;
            (customers > 0).then(|| counts.contacts / thousands / days as f64)
        };
        let is_estimated =
            !controls.is_empty() && effect.p_value < 1.0 || effect.verdict == Verdict::NoEffect;
        let told = |value: f64| is_estimated.then_some(value);
        let article = content.article.as_ref();
        EffectRow {
            intervention_id: due.record.id.clone(),
            kind: content.kind.as_str().to_owned(),
            intervention_date: content.day.to_string(),
            base: article.map(|link| link.base.clone()),
            article_id: article.map(|link| link.id.clone()),
            topics: content.frozen.topics.clone(),
            topic_run: self.run.clone(),
            days_after: i32::try_from(due.days_after).unwrap_or(i32::MAX),
            verdict: verdict_word(effect.verdict).to_owned(),
            change: told(effect.change),
            change_low: told(effect.interval[0]),
            change_high: told(effect.interval[1]),
            p_value: told(effect.p_value),
            q_value: None,
            pre_trend_p_value: told(effect.pre_trend_p_value),
            controls,
            active_customers: Some(customers),
            days_before: i32::try_from(before.len()).ok(),
            contacts_before: Some(b.contacts as i64),
            contacts_after: Some(a.contacts as i64),
            rate_before: rate(b, before.len()),
            rate_after: rate(a, after.len()),
            transfer_before: b.per_contact(b.transferred),
            transfer_after: a.per_contact(a.transferred),
            repeat_before: b.per_contact(b.repeated),
            repeat_after: a.per_contact(a.repeated),
            handle_minutes_before: b.per_contact(b.handle_ms / MINUTE_MS),
            handle_minutes_after: a.per_contact(a.handle_ms / MINUTE_MS),
            measured_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::intervention::{FrozenTopics, InterventionKind, NewIntervention, Origin};

    fn row(id: &str, p_value: f64) -> EffectRow {
        EffectRow {
            intervention_id: id.to_owned(),
            kind: "article".to_owned(),
            intervention_date: "2026-10-05".to_owned(),
            base: None,
            article_id: None,
            topics: vec!["t".to_owned()],
            topic_run: None,
            days_after: 14,
            verdict: "helped".to_owned(),
            change: Some(-0.2),
            change_low: None,
            change_high: None,
            p_value: Some(p_value),
            q_value: None,
            pre_trend_p_value: None,
            controls: Vec::new(),
            active_customers: None,
            days_before: None,
            contacts_before: None,
            contacts_after: None,
            rate_before: None,
            rate_after: None,
            transfer_before: None,
            transfer_after: None,
            repeat_before: None,
            repeat_after: None,
            handle_minutes_before: None,
            handle_minutes_after: None,
            measured_at: Micros(0),
        }
    }

    #[test]
    fn the_claims_of_a_month_share_one_error() {
        let mut alone = vec![row("a", 0.02)];
        discover(&mut alone);
        assert_eq!(alone[0].verdict, "helped");
        let mut many: Vec<EffectRow> = (0..9).map(|n| row(&n.to_string(), 0.5)).collect();
        many.extend(alone);
        discover(&mut many);
        let last = many.last().unwrap();
        assert_eq!(last.verdict, "no_effect");
        assert!((last.q_value.unwrap() - 0.2).abs() < 1e-9);
        // Done again it says the same.
        let before = many.clone();
        discover(&mut many);
        assert_eq!(many, before);
    }

    /// 30 topics with 40 contacts a day of whom a quarter is transferred; the first one loses half of them on the day
    /// of its change.
    #[test]
    fn a_change_is_measured_on_its_topics_alone() {
        let from = Day::parse("2026-09-01").unwrap();
        let record = Intervention {
            id: "i".to_owned(),
            content: NewIntervention {
                kind: InterventionKind::App,
                title: "t".to_owned(),
                day: Day(from.0 + 35),
                frozen: FrozenTopics {
                    topics: vec!["t00".to_owned()],
                    run: None,
                },
                article: None,
                gap_id: None,
            },
            origin: Origin::Recorded,
            created_by: "k".to_owned(),
            created_at_us: 0,
        };
        let mut rows = Vec::new();
        for topic in 0..30 {
            for day in 0..63 {
                // Weekends are quiet, and days differ a little, by topic and day.
                let usual = if day % 7 < 5 { 40 } else { 24 } + (day * 7 + topic * 5) % 6;
                let halved = topic == 0 && day >= 35;
                let contacts = if halved { usual / 2 } else { usual };
                rows.push(CountRow {
                    day: Day(from.0 + day as i32).to_string(),
                    topic_id: format!("t{topic:02}"),
                    contacts,
                    transferred: contacts / 4,
                    repeated: 0,
                    handle_ms: contacts * 120_000,
                    run: Some("3".to_owned()),
                });
            }
        }
        let due = Due {
            record: &record,
            days_after: 28,
        };
        let table = Table::of(&rows, due.first_day(), due.end());
        let judged = table.judge(&due, &BTreeSet::from(["t00", "t07"]));
        let row = table.row(&due, judged, 2_000, Micros(0));
        assert_eq!(row.verdict, "helped");
        let change = row.change.unwrap();
        assert!((change + 0.5).abs() < 0.05, "{change}");
        assert_eq!((row.days_before, row.days_after), (Some(28), 28));
        assert!(!row.controls.contains(&"t07".to_owned()) && row.controls.len() == 20);
        let (before, after) = (row.rate_before.unwrap(), row.rate_after.unwrap());
        assert!((after / before - 0.5).abs() < 0.05 && (15.0..25.0).contains(&before));
        assert!((row.handle_minutes_after.unwrap() - 2.0).abs() < 1e-9);
        assert_eq!(
            (row.topic_run.as_deref(), row.repeat_after),
            (Some("3"), Some(0.0))
        );
    }

    #[test]
    fn a_verdict_belongs_to_the_day_after_its_days() {
        assert_eq!(verdict_day(&row("a", 1.0)).to_string(), "2026-10-19");
    }
}
