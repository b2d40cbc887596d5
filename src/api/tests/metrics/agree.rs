//! Random data: REST, SQL and a reference over events say the same for every metric.

use std::collections::BTreeMap;

use futures::StreamExt;
use serde_json::{Map, json};

use super::reference::{Reference, Unit};
use super::world::World;
use super::*;

/// The zone and interval of every question; the zone is no whole hour off.
const ZONE: &str = "Asia/Kolkata";
const OFFSET_MS: i64 = 19_800_000;
const DAY_MS: i64 = 86_400_000;
const FROM: &str = "2026-11-03";
const TO: &str = "2026-11-30";

type Key = (String, Option<String>);

/// What one interval and group should say.
#[derive(Debug, Default)]
struct Expected {
    nums: Vec<f64>,
    num: f64,
    den: f64,
    eligible: usize,
    known: usize,
}

fn day_of(ms: i64) -> String {
    let local = (ms + OFFSET_MS).div_euclid(DAY_MS) * DAY_MS;
    let day = Micros(local * 1_000).to_string();
    format!("{}T00:00:00+05:30", day.split('T').next().unwrap())
}

fn expected(units: &[Unit], by_channel: bool) -> BTreeMap<Key, Expected> {
    let start = Micros::parse("2026-11-02T18:30:00Z").unwrap().0 / 1_000;
    let mut groups: BTreeMap<Key, Expected> = BTreeMap::new();
    for unit in units.iter().filter(|unit| unit.at >= start) {
        let channel = unit.channel.clone().filter(|_| by_channel);
        let group = groups.entry((day_of(unit.at), channel)).or_default();
        group.eligible += usize::from(!unit.pending);
        if let Some(den) = unit.den {
            group.known += 1;
            group.num += unit.num;
            group.den += den;
            if den != 0.0 {
                group.nums.push(unit.num);
            }
        }
    }
    groups
}

/// The value by the formula of its kind.
fn value(kind: &str, percentile: Option<f64>, group: &Expected) -> Option<f64> {
    let ratio = (group.den != 0.0).then(|| group.num / group.den);
    match kind {
        "count" => Some(group.num),
        "mean" => ratio,
        "percentile" => {
            let mut sorted = group.nums.clone();
            sorted.sort_by(f64::total_cmp);
            let rank = (percentile.unwrap() * sorted.len() as f64 / 100.0)
                .ceil()
                .max(1.0) as usize;
            sorted.get(rank - 1).copied()
        }
        _ => ratio.map(|ratio| 100.0 * ratio),
    }
}

/// Wilson's interval as its score equation says: the shares at which the observed one is 1.96 errors away.
fn wilson(num: f64, n: f64) -> (f64, f64) {
    let z2 = 1.959_963_984_540_054_f64.powi(2);
    let p = num / n;
    // (p - x)^2 = z2 x (1 - x) / n, as a quadratic in x.
    let (a, b, c) = (1.0 + z2 / n, -2.0 * p - z2 / n, p * p);
    let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
    ((-b - root) / (2.0 * a), (-b + root) / (2.0 * a))
}

fn close(found: &Value, expected: Option<f64>) -> bool {
    match (found.as_f64(), expected) {
        (None, None) => true,
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        _ => false,
    }
}

/// What does not fit, in words.
fn mismatch(metric: &Value, row: &Map<String, Value>, group: &Expected) -> Option<String> {
    let kind = metric["kind"].as_str().unwrap();
    let percentile = metric["parameters"][0]["default"]
        .as_str()
        .and_then(|text| text.parse().ok());
    let expected = value(kind, percentile, group);
    let is_amount = kind == "share" && metric["grain"] == "agents";
    let coverage = (group.eligible > 0).then(|| group.known as f64 / group.eligible as f64);
    let mut wrong = Vec::new();
    let mut check = |name: &str, expected: Option<f64>| {
        if !close(&row[name], expected) {
            wrong.push(format!("{name}: {} is not {expected:?}", row[name]));
        }
    };
    check("value", expected);
    check("numerator", Some(group.num));
    check("denominator", Some(group.den));
    if !is_amount {
        check("n", Some(group.nums.len() as f64));
        check("coverage", coverage);
    }
    if kind == "rate" && group.den > 0.0 {
        let (low, high) = wilson(group.num, group.den);
        let interval = &row["interval"];
        if !close(&interval["low"], Some(100.0 * low))
            || !close(&interval["high"], Some(100.0 * high))
        {
            wrong.push(format!("interval {interval} is not {low} to {high}"));
        }
    }
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

struct Desk {
    server: Server,
    reference: Reference,
    metrics: Vec<Value>,
}

impl Desk {
    async fn open(seed: u64) -> Self {
        let server = Server::start().await;
        let world = World::new(seed, 90);
        let mut events: Vec<Value> = Vec::new();
        for (number, event) in world.events.iter().enumerate() {
            let mut sent = event.json(number);
            if event.kind == "interaction.dequeued.v1" && number % 3 == 0 {
                // What was said first is superseded.
                let mut first = sent.clone();
                first["data"]["outcome"] = json!("system");
                events.push(first);
                sent["revision"] = json!(1);
            }
            events.push(sent);
            // Some are sent twice, some late.
            if number % 7 == 0 {
                events.push(events[events.len() - 1].clone());
            }
        }
        let late = events.split_off(events.len() / 2);
        server.store_suspect(&late, 0).await;
        server.store_suspect(&events, 10).await;
        let list = server
            .send_as(Role::Planner, TestRequest::get().uri("/v1/metrics"))
            .await
            .json();
        let metrics = list["items"].as_array().unwrap().clone();
        let reference = Reference::new(&world.events);
        Self {
            server,
            reference,
            metrics,
        }
    }

    async fn rest(&self, id: &str, by_channel: bool) -> Vec<Map<String, Value>> {
        let groups = if by_channel {
            json!(["channel"])
        } else {
            json!([])
        };
        let body = json!({"metric": id, "from": FROM, "to": TO, "granularity": "day", "timezone": ZONE,
            "group_by": groups});
        let answer = self.server.metric(body).await;
        let rows = answer["rows"].as_array().unwrap().iter();
        rows.map(|row| row.as_object().unwrap().clone()).collect()
    }

    /// Compares one metric; one sentence for each row that does not fit.
    async fn compare(&self, metric: &Value, runs_sql: bool) -> Vec<String> {
        let id = metric["id"].as_str().unwrap();
        let dimensions = metric["dimensions"].as_array().unwrap();
        let by_channel = dimensions.contains(&json!("channel"));
        let Some(units) = self.reference.units(id) else {
            return vec![format!("{id}: the reference does not know it")];
        };
        let mut groups = expected(&units, by_channel);
        groups.retain(|_, group| group.eligible > 0 || group.known > 0 || !group.nums.is_empty());
        let rows = self.rest(id, by_channel).await;
        let mut wrong = Vec::new();
        for row in &rows {
            let start = row["interval_start"].as_str().unwrap().to_owned();
            let channel = row
                .get("channel")
                .and_then(Value::as_str)
                .map(str::to_owned);
            let key = (start, channel);
            match groups.remove(&key) {
                Some(group) => {
                    wrong.extend(
                        mismatch(metric, row, &group).map(|why| format!("{id} {key:?}: {why}")),
                    );
                }
                // Units that are all too young to be judged.
                None if row["n"] == 0 => {}
                None => wrong.push(format!("{id} {key:?}: nothing happened")),
            }
        }
        wrong.extend(
            groups
                .keys()
                .map(|key| format!("{id} {key:?}: it is missing")),
        );
        if runs_sql {
            wrong.extend(self.compare_sql(id, by_channel, &rows).await);
        }
        wrong
    }

    async fn compare_sql(
        &self,
        id: &str,
        by_channel: bool,
        rows: &[Map<String, Value>],
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let group = if by_channel { "channel" } else { "" };
        let columns = if by_channel { "channel, " } else { "" };
        let call = format!(
            "select interval_start, {columns}value, numerator, denominator, n, coverage \
             from metrics.{id}('{FROM}', '{TO}', 'day', '{ZONE}', '{group}') order by interval_start {}",
            if by_channel {
                ", channel nulls last"
            } else {
                ""
            }
        );
        let sql = self.server.sql(&call).await;
        let sql = sql.as_array().unwrap();
        if sql.len() != rows.len() {
            wrong.push(format!(
                "{id}: SQL has {} rows, REST {}",
                sql.len(),
                rows.len()
            ));
        }
        for (sql, rest) in sql.iter().zip(rows) {
            let skipped = usize::from(by_channel) + 1;
            let names = ["value", "numerator", "denominator", "n", "coverage"];
            for (found, name) in sql.as_array().unwrap()[skipped..].iter().zip(names) {
                if !close(found, rest[name].as_f64()) {
                    wrong.push(format!(
                        "{id}: SQL says {found} of {name}, REST {}",
                        rest[name]
                    ));
                }
            }
        }
        wrong
    }
}

impl Desk {
    /// The cells that closed days are answered from, against the reference.
    async fn compare_cells(&self) -> Vec<String> {
        let sql = "select metric, sum(eligible), sum(analysed), sum(n), sum(numerator), sum(denominator) \
            from metric_cells where interval_start >= timestamptz '2026-11-02T18:30:00Z' group by metric";
        let rows = self.server.sql(sql).await;
        let rows = rows.as_array().unwrap();
        let mut wrong = Vec::new();
        if rows.len() < 24 {
            wrong.push(format!("only {} metrics have cells", rows.len()));
        }
        for row in rows {
            let id = row[0].as_str().unwrap();
            let units = self.reference.units(id).unwrap();
            let groups = expected(&units, false);
            let sum = |of: fn(&Expected) -> f64| groups.values().map(of).sum::<f64>();
            let sums = [
                sum(|group| group.eligible as f64),
                sum(|group| group.known as f64),
                sum(|group| group.nums.len() as f64),
                sum(|group| group.num),
                sum(|group| group.den),
            ];
            for (found, expected) in row.as_array().unwrap()[1..].iter().zip(sums) {
                if !close(found, Some(expected)) {
                    wrong.push(format!("cells of {id}: {row}, expected {sums:?}"));
                    break;
                }
            }
        }
        wrong
    }
}

/// Every so many metrics are asked over SQL too; that a call is the same statement for each is tested beside it.
const SQL_STEP: usize = 8;

/// Questions at once.
const AT_ONCE: usize = 4;

#[actix_web::test]
async fn rest_sql_and_a_reference_over_events_agree_on_every_metric() {
    let desk = Desk::open(20_261_121).await;
    let numbered = desk.metrics.iter().enumerate();
    let asked = numbered.map(|(index, metric)| desk.compare(metric, index % SQL_STEP == 0));
    let wrong: Vec<Vec<String>> = futures::stream::iter(asked)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut wrong = wrong.concat();
    wrong.extend(desk.compare_cells().await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is written wrong: inequalities first.
const FLIPS: [(&str, &str); 12] = [
    (" = 1 then 1", " = 2 then 1"),
    (" <= ", " < "),
    (" < ", " <= "),
    (" >= ", " > "),
    (" > ", " >= "),
    (" <= ", " > "),
    (" > ", " <= "),
    (" = '", " <> '"),
    (" in (", " not in ("),
    ("end as m_num", "end + 1 as m_num"),
    (" as m_num", " + 1 as m_num"),
    ("1 as m_den", "2 as m_den"),
];

impl Desk {
    /// Whether a definition with one flip gives other figures than the reference; `None` when the flip does not
    /// apply.
    async fn is_caught(&self, id: &str, place: usize, flip: (&str, &str)) -> Option<bool> {
        let engine = &self.server.state.engine;
        let mutated = engine.metrics().mutated(id, place, flip.0, flip.1)?;
        let request = crate::query::MetricRequest {
            metric: id.to_owned(),
            from: FROM.to_owned(),
            to: TO.to_owned(),
            granularity: Some("day".to_owned()),
            timezone: Some(ZONE.to_owned()),
            ..crate::query::MetricRequest::default()
        };
        // A statement that does not run is no mistake that anybody would ship.
        let answer = engine.run_metric_of(&mutated, &request).await.ok()?;
        let rows: Vec<Map<String, Value>> = crate::api::rows::collect(answer).await.ok()?;
        let units = self.reference.units(id)?;
        let mut groups = expected(&units, false);
        let differs = rows.iter().any(|row| {
            let start = row["interval_start"].as_str().unwrap().to_owned();
            let group = groups.remove(&(start, None)).unwrap_or_default();
            let number = |name: &str, expected: f64| !close(&row[name], Some(expected));
            number("numerator", group.num)
                || number("denominator", group.den)
                || number("n", group.nums.len() as f64)
        });
        Some(differs || groups.values().any(|group| group.known > 0))
    }

    /// Whether some flip of the definition is caught.
    async fn catches(&self, id: &str) -> bool {
        for flip in FLIPS {
            for place in 0..6 {
                match self.is_caught(id, place, flip).await {
                    Some(true) => return true,
                    Some(false) => {}
                    None => break,
                }
            }
        }
        false
    }
}

#[actix_web::test]
async fn a_flipped_condition_of_every_metric_is_caught() {
    let desk = Desk::open(20_261_121).await;
    // Nothing scores moods or costs here, so every unit of these is unknown.
    let unknown = |id: &str| id.starts_with("sentiment") || id == "cost_per_interaction";
    let ids = desk
        .metrics
        .iter()
        .map(|metric| metric["id"].as_str().unwrap());
    let desk = &desk;
    let asked = ids
        .filter(|id| !unknown(id))
        .map(|id| async move { (id, desk.catches(id).await) });
    let found: Vec<(&str, bool)> = futures::stream::iter(asked)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let missed: Vec<&str> = found
        .iter()
        .filter(|(_, caught)| !caught)
        .map(|(id, _)| *id)
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
}
