//! Metrics over REST and SQL: the worked example, comparisons, zones, mistakes.

mod agree;
mod reference;
mod world;

use serde_json::json;

use super::*;

/// A queue stay as a transcript: outcome and wait, in a queue of its own when it says so.
fn stay(id: &str, start: &str, queue: &str, outcome: &str, wait_ms: i64) -> Value {
    let start_us = Micros::parse(start).unwrap().0;
    let at = |ms: i64| Micros(start_us + ms * 1_000).to_string();
    let mut legs = vec![json!({
        "handler": "queue", "queue": queue, "started_at": at(0), "ended_at": at(wait_ms), "outcome": outcome
    })];
    if outcome == "answered" {
        legs.push(json!({
            "handler": "agent", "queue": queue, "agent_id": "ag", "started_at": at(wait_ms),
            "ended_at": at(wait_ms + 60_000), "hold_ms": 5_000, "wrap_up_ms": 10_000
        }));
    }
    let (reason, by) = if outcome == "abandoned" {
        ("abandoned", "customer")
    } else {
        ("completed", "agent")
    };
    json!({
        "specversion": "1.0", "id": id, "source": "/pbx", "type": "interaction.transcript.v1", "subject": id,
        "time": start,
        "data": {"channel": "call", "direction": "inbound", "entry": "queue", "legs": legs, "turns": [],
            "attributes": {"tier": if wait_ms > 30_000 { "gold" } else { "plain" }},
            "ended": {"time": at(wait_ms + 60_000), "reason": reason, "ended_by": by}}
    })
}

/// 100 queued: 70 answered in 20 s, 15 answered late, 10 abandoned at 10 s, 5 abandoned at 60 s.
fn example() -> Vec<Value> {
    let start = "2026-11-19T08:00:00Z";
    let mut events = Vec::new();
    for n in 0..100 {
        let (outcome, wait_ms) = match n {
            0..70 => ("answered", 20_000),
            70..85 => ("answered", 80_000),
            85..95 => ("abandoned", 10_000),
            _ => ("abandoned", 60_000),
        };
        events.push(stay(&format!("c{n:02}"), start, "q", outcome, wait_ms));
    }
    events
}

impl Server {
    async fn metric(&self, body: Value) -> Value {
        let answer = self
            .send_as(Role::Executive, post_json("/v1/metrics/query", &body))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        answer.json()
    }

    async fn sql(&self, sql: &str) -> Value {
        let body = json!({"sql": sql});
        let answer = self
            .send_as(Role::Analyst, post_json("/v1/sql", &body))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        answer.json()["rows"].clone()
    }
}

fn asked(metric: &str, parameters: Value) -> Value {
    json!({"metric": metric, "from": "2026-11-19", "to": "2026-11-20", "parameters": parameters})
}

#[actix_web::test]
async fn the_worked_example_gives_four_service_levels_and_what_explains_them() {
    let server = Server::start().await;
    server.store(&example()).await;
    let out = json!({"within_s": 20, "exclude_abandons": true});
    let sides = [
        ("service_level_amazon", json!({"within_s": 20}), 80.0),
        ("service_level_genesys", json!({}), 70.0),
        ("service_level_genesys", out, 100.0 * 70.0 / 85.0),
        ("service_level_seed", json!({"within_s": 20}), 70.0),
    ];
    for (metric, parameters, expected) in &sides {
        let answer = server.metric(asked(metric, parameters.clone())).await;
        let row = &answer["rows"][0];
        assert!(
            (row["value"].as_f64().unwrap() - expected).abs() < 1e-9,
            "{metric} {answer}"
        );
        assert_eq!(answer["definition"], format!("{metric}@1"));
        assert_eq!(answer["coverage"], 1.0);
        assert_eq!(answer["unit"], "percent");
    }
    let definitions: Vec<Value> = sides
        .iter()
        .map(|(metric, parameters, _)| json!({"metric": metric, "parameters": parameters}))
        .collect();
    let body = json!({"definitions": definitions, "from": "2026-11-19", "to": "2026-11-20"});
    let answer = server
        .send_as(Role::Planner, post_json("/v1/metrics/compare", &body))
        .await;
    let answer = answer.json();
    assert_eq!(answer["interactions"], 15, "{answer}");
    let groups = answer["differences"].as_array().unwrap();
    let ids = |range: std::ops::Range<usize>| -> Vec<String> {
        range.map(|n| format!("c{n:02}")).collect()
    };
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[0]["interaction_ids"], json!(ids(85..95)));
    assert_eq!(groups[1]["interaction_ids"], json!(ids(95..100)));
    let sums = |group: &Value| -> Vec<(f64, f64)> {
        let parts = group["contributions"].as_array().unwrap().iter();
        parts
            .map(|part| {
                let number = |name: &str| part[name].as_f64().unwrap();
                (number("numerator"), number("denominator"))
            })
            .collect()
    };
    assert_eq!(
        sums(&groups[0]),
        [(1.0, 1.0), (0.0, 1.0), (0.0, 0.0), (0.0, 1.0)]
    );
    assert_eq!(
        sums(&groups[1]),
        [(0.0, 1.0), (0.0, 1.0), (0.0, 0.0), (0.0, 1.0)]
    );
    assert_eq!(answer["definitions"][2]["denominator"], 85.0);
}

#[actix_web::test]
async fn sql_and_rest_give_the_same_and_filters_hold() {
    let server = Server::start().await;
    server.store(&example()).await;
    let rest = server
        .metric(json!({
            "metric": "abandonment_rate_b", "from": "2026-11-19", "to": "2026-11-20", "granularity": "hour",
            "timezone": "Asia/Shanghai", "group_by": ["queue", "attributes.tier"],
            "filters": {"channel": "call", "outcome": ["answered", "abandoned"], "wait_ms": {"from": 10_000, "to": 80_000}},
            "parameters": {"short_s": 10}
        }))
        .await;
    let rows = rest["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{rest}");
    assert_eq!(rows[0]["interval_start"], "2026-11-19T16:00:00+08:00");
    assert_eq!(rows[0]["attributes.tier"], "gold");
    let figures = |row: &Value| (row["numerator"].clone(), row["denominator"].clone());
    assert_eq!(figures(&rows[0]), (json!(5), json!(5)));
    assert_eq!(figures(&rows[1]), (json!(0), json!(70)));
    let call = "select interval_start, queue, \"attributes.tier\", value, numerator, denominator, n, low, high, coverage, definition \
        from metrics.abandonment_rate_b('2026-11-19', date '2026-11-20', 'hour', 'Asia/Shanghai', 'queue, attributes.tier', \
        '{\"channel\":\"call\",\"outcome\":[\"answered\",\"abandoned\"],\"wait_ms\":{\"from\":10000,\"to\":80000}}', \
        '{\"short_s\":10}') order by 3";
    let rows_sql = server.sql(call).await;
    for (row, sql) in rows.iter().zip(rows_sql.as_array().unwrap()) {
        let rest = json!([
            row["queue"],
            row["attributes.tier"],
            row["value"],
            row["numerator"],
            row["denominator"],
            row["n"],
            row["interval"]["low"],
            row["interval"]["high"],
            row["coverage"],
            "abandonment_rate_b@1"
        ]);
        assert_eq!(sql.as_array().unwrap()[1..], rest.as_array().unwrap()[..]);
    }
    // A name of the caller does not come between a metric and its marts.
    let shadowed = "with legs as (select 1 as x) select numerator from metrics.offered($1, '2026-11-20') as m, legs";
    let body = json!({"sql": shadowed, "parameters": ["2026-11-19"]});
    let answer = server
        .send_as(Role::Analyst, post_json("/v1/sql", &body))
        .await;
    assert_eq!(answer.json()["rows"], json!([[100]]), "{:?}", answer.body);
}

#[actix_web::test]
async fn intervals_follow_the_clocks_of_the_zone() {
    let server = Server::start().await;
    let events = [
        // The last hour of summer time, the same hour of winter time, and the next day.
        stay("a", "2026-10-25T00:30:00Z", "q", "answered", 1_000),
        stay("b", "2026-10-25T01:30:00Z", "q", "answered", 1_000),
        stay("c", "2026-10-25T22:59:00Z", "q", "answered", 1_000),
        stay("d", "2026-10-25T23:00:00Z", "q", "answered", 1_000),
    ];
    server.store(&events).await;
    let starts = async |granularity: &str| {
        let body = json!({"metric": "offered", "from": "2026-10-24", "to": "2026-10-27", "timezone": "Europe/Berlin",
            "granularity": granularity});
        let answer = server.metric(body).await;
        let rows = answer["rows"].as_array().unwrap().clone();
        let row = |row: &Value| {
            (
                row["interval_start"].as_str().unwrap().to_owned(),
                row["numerator"].as_i64().unwrap(),
            )
        };
        rows.iter().map(row).collect::<Vec<_>>()
    };
    let of = |rows: &[(&str, i64)]| -> Vec<(String, i64)> {
        rows.iter().map(|(at, n)| ((*at).to_owned(), *n)).collect()
    };
    assert_eq!(
        starts("hour").await,
        of(&[
            ("2026-10-25T02:00:00+02:00", 1),
            ("2026-10-25T02:00:00+01:00", 1),
            ("2026-10-25T23:00:00+01:00", 1),
            ("2026-10-26T00:00:00+01:00", 1)
        ])
    );
    assert_eq!(
        starts("day").await,
        of(&[
            ("2026-10-25T00:00:00+02:00", 3),
            ("2026-10-26T00:00:00+01:00", 1)
        ])
    );
    assert_eq!(
        starts("week").await,
        of(&[
            ("2026-10-19T00:00:00+02:00", 3),
            ("2026-10-26T00:00:00+01:00", 1)
        ])
    );
    assert_eq!(
        starts("month").await,
        of(&[("2026-10-01T00:00:00+02:00", 4)])
    );
    assert_eq!(starts("all").await, of(&[("2026-10-24T00:00:00+02:00", 4)]));
}

#[actix_web::test]
async fn mistakes_are_named_with_what_is_allowed() {
    let server = Server::start().await;
    let tell = async |body: Value| {
        let answer = server
            .send_as(Role::Analyst, post_json("/v1/metrics/query", &body))
            .await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let errors = answer.problem().errors.into_iter();
        errors
            .map(|error| (error.pointer, error.detail))
            .collect::<Vec<_>>()
    };
    let wrong = tell(
        json!({"metric": "abandonment_rat_a", "from": "x", "to": "2026-11-20", "granularity": "dya",
        "timezone": "Asia/Shanghia"}),
    )
    .await;
    let of = |pointer: &str| {
        let found = wrong.iter().find(|(known, _)| known == pointer);
        found
            .unwrap_or_else(|| panic!("{pointer} in {wrong:?}"))
            .1
            .clone()
    };
    assert!(of("/metric").contains("there are: abandonment_rate_a, "));
    assert!(of("/timezone").contains("there are: Asia/Shanghai, "));
    assert!(of("/granularity").contains(": day, "));
    assert!(of("/from").contains("RFC 3339"));
    let wrong = tell(json!({"metric": "service_level_dynamics", "from": "2026-11-20", "to": "2026-11-19",
        "group_by": ["quee"], "filters": {"chanel": "call", "wait_ms": "long", "outcome": {"least": 1}},
        "parameters": {"within_s": 25, "withn_s": 20}}))
    .await;
    let of = |pointer: &str| {
        let found = wrong.iter().find(|(known, _)| known == pointer);
        found
            .unwrap_or_else(|| panic!("{pointer} in {wrong:?}"))
            .1
            .clone()
    };
    assert!(of("/group_by/0").contains("there are: queue, "));
    assert!(of("/filters/chanel").contains("there are: channel, "));
    assert!(of("/filters/wait_ms").contains("bigint"));
    assert!(of("/filters/outcome").contains("`from`"));
    assert!(of("/parameters/withn_s").contains("within_s"));
    assert!(of("/parameters/within_s").contains("10, 20, 30, 40, 60, 120"));
    assert!(of("/to").contains("after `from`"));
}

#[actix_web::test]
async fn mistakes_of_a_call_and_unknown_metrics_are_named() {
    let server = Server::start().await;
    let answer = server
        .send_as(
            Role::Analyst,
            post_json(
                "/v1/sql",
                &json!({"sql": "select * from metrics.offred('2026-11-19', '2026-11-20')"}),
            ),
        )
        .await;
    assert!(answer.problem().detail.contains("there are: offered, "));
    let answer = server
        .send_as(
            Role::Analyst,
            post_json(
                "/v1/sql",
                &json!({"sql": "select * from metrics.offered('2026-11-19', x, 'day')"}),
            ),
        )
        .await;
    assert!(answer.problem().detail.contains("`to` has to be a literal"));
    let missing = TestRequest::get().uri("/v1/metrics/offred");
    let answer = server.send_as(Role::Executive, missing).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.problem().detail.contains("offered"));
}

#[actix_web::test]
async fn the_registry_says_what_a_metric_is() {
    let server = Server::start().await;
    let list = server
        .send_as(Role::Planner, TestRequest::get().uri("/v1/metrics"))
        .await
        .json();
    let items = list["items"].as_array().unwrap();
    assert!(items.len() > 80);
    for item in items {
        for key in [
            "formula",
            "numerator",
            "denominator",
            "clock",
            "unit",
            "source",
        ] {
            assert!(!item[key].as_str().unwrap().is_empty(), "{key} of {item}");
        }
    }
    let one = TestRequest::get().uri("/v1/metrics/service_level_genesys");
    let one = server.send_as(Role::Executive, one).await.json();
    assert_eq!(one["definition"], "service_level_genesys@1");
    assert_eq!(one["parameters"].as_array().unwrap().len(), 5);
    let refused = server
        .send_as(Role::Ingest, TestRequest::get().uri("/v1/metrics"))
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
