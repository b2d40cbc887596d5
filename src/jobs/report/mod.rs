//! The monthly report: figures of the metric registry and of named queries for one month beside the month before.
//!
//! Invariants: every figure is the answer of a definition that the report names, over the month in the asked zone;
//! nothing is computed here but the difference of two months. Not here: the words and the pages (`page`, `words`).

mod page;
mod words;

use std::collections::BTreeMap;

use chrono_tz::Tz;
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::{Day, Role};
use crate::query::export::Format;
use crate::query::{Answer, Engine, MetricRequest, NamedRequest, QueryError};

pub use page::{csv, html};
pub use words::Language;

/// The metrics of the first table, in its order.
const METRICS: [&str; 20] = [
    "interactions",
    "offered",
    "answered",
    "abandoned",
    "abandonment_rate_a",
    "service_level_seed",
    "average_speed_of_answer",
    "wait_p90",
    "average_handle_time",
    "transfer_rate_session",
    "fcr_ours",
    "self_service_rate",
    "containment_rate",
    "bot_to_human_rate",
    "csat_mean",
    "nps",
    "complaint_rate",
    "sentiment_score",
    "occupancy",
    "cost_per_interaction",
];
/// Those that are told by queue too.
const BY_QUEUE: [&str; 4] = [
    "offered",
    "abandonment_rate_a",
    "service_level_seed",
    "average_handle_time",
];
/// Questions at once.
const AT_ONCE: usize = 2;
const MAX_ROWS: u64 = 1_000;
/// Rows of the lists below the figures.
const LISTED: usize = 10;

/// A month of the operation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// `YYYY-MM`.
    pub month: String,
    /// The zone whose month it is.
    pub timezone: String,
    /// The figures, and those of them by queue.
    pub figures: Vec<Figure>,
    /// Why customers gave up: rows of the query `abandon_summary`, the most frequent first.
    pub abandons: Vec<Map<String, Value>>,
    /// What customers came for: rows of `hot_topics`.
    pub topics: Vec<Map<String, Value>>,
    /// What could be better: rows of `improvement_opportunities`.
    pub opportunities: Vec<Map<String, Value>>,
}

/// A metric of the month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Its id.
    pub metric: String,
    /// The definition with its version.
    pub definition: String,
    /// Unit of the value.
    pub unit: String,
    /// The queue; null for all.
    pub queue: Option<String>,
    /// The value; null when there was nothing.
    pub value: Option<f64>,
    /// Lower end of its interval at 95 %, of rates.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Units counted.
    pub n: i64,
    /// Units of which all is known among those that should count.
    pub coverage: Option<f64>,
    /// The value of the month before.
    pub before: Option<f64>,
    /// What is aimed at, where a target is published.
    pub target: Option<f64>,
}

/// The first day of a month and of the next one.
///
/// # Errors
/// What is wrong, in words.
pub fn month_of(text: &str) -> Result<(Day, Day), String> {
    let wrong = || format!("`{text}` is no month; write it as 2026-11");
    let (year, month) = text.split_once('-').ok_or_else(wrong)?;
    let first = Day::parse(&format!("{year}-{month}-01")).map_err(|_| wrong())?;
    if year.len() != 4 || month.len() != 2 {
        return Err(wrong());
    }
    Ok((first, month_after(first)))
}

/// The first day of the month after the one that begins on `first`.
fn month_after(first: Day) -> Day {
    // A month is no longer than 31 days and no shorter than 28.
    let within = Day(first.0 + 31).to_string();
    let month: String = within.chars().take(7).collect();
    Day::parse(&format!("{month}-01")).unwrap_or(Day(first.0 + 31))
}

/// The months with interactions, the latest first, `YYYY-MM`.
///
/// # Errors
/// What stopped the query.
pub async fn months(engine: &Engine, zone: Tz) -> Result<Vec<String>, QueryError> {
    let request = MetricRequest {
        metric: "interactions".to_owned(),
        from: "1970-01-02".to_owned(),
        to: "2199-12-01".to_owned(),
        granularity: Some("month".to_owned()),
        timezone: Some(zone.name().to_owned()),
        ..MetricRequest::default()
    };
    let (_, answer) = engine.run_metric(&request, MAX_ROWS, Role::Admin).await?;
    let rows = rows(engine, answer).await?;
    let mut months: Vec<String> = rows.iter().map(|row| month(row, zone)).collect();
    months.sort_unstable_by(|a, b| b.cmp(a));
    Ok(months)
}

/// The month in which a row's interval begins; exports write times in UTC.
fn month(row: &Map<String, Value>, zone: Tz) -> String {
    use chrono::{DateTime, Utc};
    let start = row.get("interval_start").and_then(Value::as_str);
    let start = start.and_then(|text| text.parse::<DateTime<Utc>>().ok());
    start.map_or_else(String::new, |start| {
        start.with_timezone(&zone).format("%Y-%m").to_string()
    })
}

/// The report of a month that begins on `first` and ends before `next`.
///
/// # Errors
/// What stopped a query.
pub async fn make(
    engine: &Engine,
    (first, next): (Day, Day),
    zone: Tz,
) -> Result<Report, QueryError> {
    let month: String = first.to_string().chars().take(7).collect();
    let asked = METRICS.iter().map(|metric| (*metric, false));
    let by_queue = BY_QUEUE.iter().map(|metric| (*metric, true));
    let figures: Vec<Vec<Figure>> = futures::stream::iter(asked.chain(by_queue))
        .map(|(metric, by_queue)| figures(engine, metric, by_queue, (first, next), zone))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let named = async |name: &str| listed(engine, name, (first, next), zone).await;
    Ok(Report {
        month,
        timezone: zone.name().to_owned(),
        figures: figures.concat(),
        abandons: named("abandon_summary").await?,
        topics: named("hot_topics").await?,
        opportunities: named("improvement_opportunities").await?,
    })
}

/// The first instant of a day in a zone, RFC 3339.
fn begins(day: Day, zone: Tz) -> String {
    use chrono::{DateTime, TimeZone};
    let local = DateTime::from_timestamp_micros(day.start().0).map(|at| at.naive_utc());
    let at = local.and_then(|local| zone.from_local_datetime(&local).earliest());
    at.map_or_else(|| format!("{day}T00:00:00Z"), |at| at.to_rfc3339())
}

async fn listed(
    engine: &Engine,
    name: &str,
    (first, next): (Day, Day),
    zone: Tz,
) -> Result<Vec<Map<String, Value>>, QueryError> {
    let given = [("from", first), ("to", next)];
    let given = given.map(|(name, day)| (name.to_owned(), Value::String(begins(day, zone))));
    let request = NamedRequest::new(name, BTreeMap::from(given), Role::Admin);
    let mut rows = rows(engine, engine.run_named(request).await?).await?;
    rows.truncate(LISTED);
    Ok(rows)
}

/// A metric of the month and of the one before, in one question.
async fn figures(
    engine: &Engine,
    metric: &str,
    by_queue: bool,
    (first, next): (Day, Day),
    zone: Tz,
) -> Result<Vec<Figure>, QueryError> {
    let (before, _) = month_of(
        &Day(first.0 - 1)
            .to_string()
            .chars()
            .take(7)
            .collect::<String>(),
    )
    .unwrap_or((first, next));
    let request = MetricRequest {
        metric: metric.to_owned(),
        from: before.to_string(),
        to: next.to_string(),
        granularity: Some("month".to_owned()),
        timezone: Some(zone.name().to_owned()),
        group_by: by_queue.then(|| "queue".to_owned()).into_iter().collect(),
        ..MetricRequest::default()
    };
    let (definition, answer) = engine.run_metric(&request, MAX_ROWS, Role::Admin).await?;
    let this: String = first.to_string().chars().take(7).collect();
    let (mut figures, mut earlier) = (Vec::new(), BTreeMap::new());
    for row in rows(engine, answer).await? {
        let number = |name: &str| row.get(name).and_then(Value::as_f64);
        let queue = row.get("queue").and_then(Value::as_str).map(str::to_owned);
        if month(&row, zone) != this {
            earlier.insert(queue, number("value"));
            continue;
        }
        figures.push(Figure {
            metric: metric.to_owned(),
            definition: definition.label(),
            unit: definition.unit.clone(),
            queue,
            value: number("value"),
            low: number("low"),
            high: number("high"),
            n: row.get("n").and_then(Value::as_i64).unwrap_or(0),
            coverage: number("coverage"),
            before: None,
            target: definition.target,
        });
    }
    for figure in &mut figures {
        figure.before = earlier.get(&figure.queue).copied().flatten();
    }
    Ok(figures)
}

/// The rows of an answer as JSON objects.
async fn rows(engine: &Engine, answer: Answer) -> Result<Vec<Map<String, Value>>, QueryError> {
    let parts: Vec<bytes::Bytes> = engine
        .export(answer, Format::Ndjson)
        .await?
        .try_collect()
        .await?;
    let text = parts.concat();
    let lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    for line in lines {
        let row = serde_json::from_slice(line).map_err(|_| QueryError::Internal {
            what: "reading rows of a report",
            source: None,
        })?;
        rows.push(row);
    }
    // The last line says that it is the end.
    rows.pop();
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_their_length() {
        let days = |text: &str| {
            let (first, next) = month_of(text).unwrap();
            (first.to_string(), next.0 - first.0)
        };
        assert_eq!(days("2026-02"), ("2026-02-01".to_owned(), 28));
        assert_eq!(days("2024-02").1, 29);
        assert_eq!(days("2026-12").1, 31);
        for wrong in ["2026", "2026-13", "2026-1", "x-y", "2026-11-01"] {
            assert!(month_of(wrong).unwrap_err().contains("2026-11"), "{wrong}");
        }
        let shanghai: Tz = "Asia/Shanghai".parse().unwrap();
        assert_eq!(
            begins(Day::parse("2026-11-01").unwrap(), shanghai),
            "2026-11-01T00:00:00+08:00"
        );
    }
}
