//! Interactions, SQL, named queries and the operations profile.

use serde_json::json;

use super::*;
use crate::contract::decode;
use crate::domain::{AppId, Day, Position};
use crate::lake::{Progress, data_file};
use crate::query::Header;
use crate::tables::{Meta, Pending, Seen, TableId, TableSet};

struct NothingSeen;

impl Seen for NothingSeen {
    fn seen(&mut self, _: TableId, _: Day, _: &[&str]) -> bool {
        false
    }
}

struct AllSeen;

impl Seen for AllSeen {
    fn seen(&mut self, _: TableId, _: Day, _: &[&str]) -> bool {
        true
    }
}

/// A call that waited and was answered or abandoned, as a transcript.
fn call(id: &str, channel: &str, queue: &str, start: &str, answered: bool, wait_s: i64) -> Value {
    let start_us = Micros::parse(start).unwrap().0;
    let at = |seconds: i64| Micros(start_us + seconds * 1_000_000).to_string();
    let outcome = if answered { "answered" } else { "abandoned" };
    let mut legs = vec![json!({
        "handler": "queue", "queue": queue, "started_at": at(0), "ended_at": at(wait_s), "outcome": outcome
    })];
    if id == "i1" {
        legs.push(json!({
            "handler": "agent", "queue": queue, "agent_id": "ag", "started_at": at(wait_s),
            "ended_at": at(wait_s + 105), "hold_ms": 5_000, "wrap_up_ms": 10_000, "ring_ms": 0
        }));
    }
    json!({
        "specversion": "1.0", "id": id, "source": "/pbx", "type": "interaction.transcript.v1", "subject": id,
        "time": start,
        "data": {"channel": channel, "direction": "inbound", "entry": "queue", "legs": legs, "turns": [],
            "ended": {"time": at(wait_s + 105), "reason": "completed", "ended_by": "customer"}}
    })
}

impl Server {
    /// Puts events into the tables.
    pub(super) async fn store(&self, events: &[Value]) {
        self.put(events, 0, &mut NothingSeen).await;
    }

    /// Puts events into the tables, every row marked as one that may need cleaning.
    pub(super) async fn store_suspect(&self, events: &[Value], first: i64) {
        self.put(events, first, &mut AllSeen).await;
    }

    async fn put(&self, events: &[Value], first: i64, seen: &mut dyn Seen) {
        let position = Position {
            source: "test".into(),
            partition: 0,
            offset: first,
        };
        let meta = Meta {
            position: &position,
            ingested_at: noon(),
            channel: None,
            skips: TableSet::default(),
            moods: &[],
            topics: &[],
        };
        let mut pending = Pending::default();
        for event in events {
            let text = event.to_string();
            let decoded = decode(text.as_bytes()).unwrap();
            pending.event(&self.state.redactor.event(decoded), &meta, seen);
        }
        for id in TableId::ALL {
            let mut files: Vec<_> = pending
                .take(*id)
                .into_iter()
                .map(|(day, mut batch)| data_file(&batch.finish().unwrap(), day).unwrap())
                .collect();
            if files.is_empty() {
                continue;
            }
            let progress = [Progress {
                app: AppId::new("test", 0),
                first,
                next: first + 10,
            }];
            let lake = Arc::clone(&self.lake);
            let stored = RUNTIME.spawn(async move {
                let table = lake.table(*id);
                table.upload(&mut files).await.unwrap();
                table.commit(&files, &progress, noon()).await.unwrap();
            });
            stored.await.unwrap();
        }
    }

    async fn with_calls() -> Self {
        let server = Self::start().await;
        let calls = [
            call("i1", "call", "a", "2026-11-20T01:00:00Z", true, 10),
            call("i2", "call", "a", "2026-11-20T01:40:00Z", false, 30),
            call("i3", "chat", "b", "2026-11-20T17:00:00Z", true, 40),
        ];
        server.store(&calls).await;
        server
    }

    async fn get(&self, path: &str) -> Answer {
        self.send_as(Role::Admin, TestRequest::get().uri(path))
            .await
    }
}

#[actix_web::test]
async fn sql_answers_in_every_format() {
    let server = Server::start().await;
    let ask = async |body: Value| {
        server
            .send_as(Role::Analyst, post_json("/v1/sql", &body))
            .await
    };
    let sql = "select cast($1 as bigint) as n, '听潮' as name";
    let answer = ask(json!({"sql": sql, "parameters": [7]})).await;
    assert_eq!(
        answer.json()["rows"],
        json!([[7, "听潮"]]),
        "{:?}",
        answer.body
    );
    assert_eq!(answer.json()["row_count"], 1);
    for (format, content_type, start) in [
        ("ndjson", "application/x-ndjson", "{\"n\":7".as_bytes()),
        ("csv", "text/csv", b"n,name"),
        (
            "arrow",
            "application/vnd.apache.arrow.stream",
            b"\xff\xff\xff\xff",
        ),
        ("parquet", "application/vnd.apache.parquet", b"PAR1"),
    ] {
        let answer = ask(json!({"sql": sql, "parameters": [7], "format": format})).await;
        let told = answer
            .headers
            .get("content-type")
            .unwrap()
            .to_str()
            .unwrap();
        assert!(told.starts_with(content_type), "{told}");
        assert!(answer.body.starts_with(start), "{format}");
    }
}

#[actix_web::test]
async fn wrong_sql_is_named() {
    let server = Server::start().await;
    for (body, code, pointer) in [
        (json!({"sql": "selec 1"}), "sql_syntax", None),
        (json!({"sql": "delete from turns"}), "sql_forbidden", None),
        (json!({"sql": "select 1; select 2"}), "sql_forbidden", None),
        (
            json!({"sql": "select * from nowhere"}),
            "unknown_table",
            None,
        ),
        (
            json!({"sql": "select nothing from turns"}),
            "unknown_column",
            None,
        ),
        (
            json!({"sql": "select $1", "parameters": []}),
            "invalid_parameter",
            Some("/parameters"),
        ),
        (
            json!({"sql": "select 1", "format": "xml"}),
            "invalid_parameter",
            Some("/format"),
        ),
        (json!({"sql": 1}), "invalid_parameter", Some("/sql")),
        (json!({}), "invalid_parameter", Some("/sql")),
        (
            json!({"sql": "select 1", "parameters": {}}),
            "invalid_parameter",
            Some("/parameters"),
        ),
    ] {
        let answer = server
            .send_as(Role::Analyst, post_json("/v1/sql", &body))
            .await;
        let (got, pointers) = answer.mistake();
        assert_eq!(got, code, "{body}");
        assert_eq!(pointers.first().map(String::as_str), pointer, "{body}");
    }
    let broken = post("/v1/sql", "application/json", "{\"sql\": ");
    assert_eq!(
        server.send_as(Role::Analyst, broken).await.mistake().0,
        "malformed_json"
    );
    let plain = post("/v1/sql", "text/plain", "select 1");
    assert_eq!(
        server.send_as(Role::Analyst, plain).await.mistake().0,
        "unsupported_media_type"
    );
    let large = post("/v1/sql", "application/json", " ".repeat((1 << 20) + 1));
    assert_eq!(
        server.send_as(Role::Analyst, large).await.mistake().0,
        "payload_too_large"
    );
}

#[actix_web::test]
async fn named_queries_are_listed_and_run() {
    let server = Server::start().await;
    let listed = server.get("/v1/queries").await.json();
    assert!(
        listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|query| query["name"] == "interactions_by_day")
    );
    let run = post_json("/v1/queries/interactions_by_day", &json!({}));
    let answer = server.send_as(Role::Analyst, run).await;
    assert_eq!(answer.status.as_u16(), 200, "{:?}", answer.body);
    let unknown = post_json("/v1/queries/nothing", &json!({}));
    assert_eq!(
        server.send_as(Role::Analyst, unknown).await.mistake().0,
        "not_found"
    );
    let wrong = post_json(
        "/v1/queries/interactions_by_day",
        &json!({"parameters": {"from": "now"}}),
    );
    let mistake = server.send_as(Role::Analyst, wrong).await.mistake();
    assert_eq!(
        mistake,
        ("invalid_parameter".into(), vec!["/parameters/from".into()])
    );
}

#[actix_web::test]
async fn pages_of_interactions_follow_each_other() {
    let server = Server::with_calls().await;
    let mut path = "/v1/interactions?limit=1".to_owned();
    let mut ids = Vec::new();
    loop {
        let page = server.get(&path).await.json();
        let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
        assert!(items.len() <= 1);
        ids.extend(
            items
                .iter()
                .map(|item| item["interaction_id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/interactions?limit=1&cursor={cursor}");
    }
    assert_eq!(ids, ["i3", "i2", "i1"], "newest first, each once");
}

#[actix_web::test]
async fn filters_hold_together() {
    let server = Server::with_calls().await;
    for (filters, wanted) in [
        ("channel=call", vec!["i2", "i1"]),
        ("channel=call&outcome=abandoned", vec!["i2"]),
        ("queue=b", vec!["i3"]),
        ("agent_id=ag", vec!["i1"]),
        (
            "from=2026-11-20T01:40:00Z&to=2026-11-20T17:00:00Z",
            vec!["i2"],
        ),
        ("from=2026-11-20T09:40:00%2B08:00", vec!["i3", "i2"]),
        ("customer_id=nobody", vec![]),
    ] {
        let page = server
            .get(&format!("/v1/interactions?{filters}"))
            .await
            .json();
        let ids: Vec<_> = page["items"]
            .as_array()
            .unwrap_or_else(|| panic!("{page}"))
            .iter()
            .map(|item| item["interaction_id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids, wanted, "{filters}");
    }
}

#[actix_web::test]
async fn wrong_filters_are_all_named() {
    let server = Server::start().await;
    let answer = server
        .get("/v1/interactions?from=now&limit=0&is_open=maybe&cursor=!")
        .await;
    let (code, pointers) = answer.mistake();
    assert_eq!(code, "invalid_parameter");
    assert_eq!(pointers, ["/limit", "/from", "/is_open", "/cursor"]);
    for path in [
        "/v1/interactions?chanel=call",
        "/v1/interactions?limit=1001",
        "/v1/operations/profile",
    ] {
        assert_eq!(
            server.get(path).await.mistake().0,
            "invalid_parameter",
            "{path}"
        );
    }
}

#[actix_web::test]
async fn one_interaction_comes_with_all_that_belongs_to_it() {
    let server = Server::with_calls().await;
    let detail = server.get("/v1/interactions/i1").await.json();
    assert_eq!(detail["interaction_id"], "i1", "{detail}");
    let handlers: Vec<_> = detail["legs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|leg| &leg["handler"])
        .collect();
    assert_eq!(handlers, ["queue", "agent"]);
    assert_eq!(detail["legs"][0]["wait_ms"], 10_000);
    assert_eq!(detail["timeline"][0]["type"], "interaction.transcript.v1");
    assert_eq!(detail["findings"], json!([]));
    assert_eq!(
        server.get("/v1/interactions/%E6%97%A0").await.mistake().0,
        "not_found"
    );
}

#[actix_web::test]
async fn the_profile_counts_as_defined() {
    let server = Server::with_calls().await;
    let path = "/v1/operations/profile?from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z";
    let whole = server.get(path).await.json();
    assert_eq!(
        (&whole["definition"], &whole["n"]),
        (&json!("operations_profile@1"), &json!(3)),
        "{whole}"
    );
    let row = &whole["rows"][0];
    for (field, value) in [
        ("interval_start", json!(null)),
        ("interactions", json!(3)),
        ("offered", json!(3)),
        ("answered", json!(2)),
        ("abandoned", json!(1)),
        ("n_wait", json!(3)),
        ("average_speed_of_answer_ms", json!(25_000.0)),
        ("average_abandon_wait_ms", json!(30_000.0)),
        ("wait_p50_ms", json!(30_000)),
        ("wait_p90_ms", json!(40_000)),
        ("handled", json!(1)),
        ("average_handle_time_ms", json!(115_000.0)),
    ] {
        assert_eq!(row[field], value, "{field}: {row}");
    }
    // Wilson's interval of 1 out of 3, by hand.
    let rate = &row["abandonment_rate"];
    let near = |value: &Value, wanted: f64| (value.as_f64().unwrap() - wanted).abs() < 0.005;
    assert!(
        near(&rate["value"], 33.33) && near(&rate["low"], 6.15) && near(&rate["high"], 79.23),
        "{rate}"
    );
    assert_eq!(row["service_level_20_s"]["numerator"], 1);
}

#[actix_web::test]
async fn the_profile_cuts_days_in_the_zone_that_is_asked_for() {
    let server = Server::with_calls().await;
    let base = "/v1/operations/profile?from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z&timezone=Asia/Shanghai";
    let days = server
        .get(&format!("{base}&granularity=day&group_by=channel"))
        .await
        .json();
    let rows: Vec<_> = days["rows"]
        .as_array()
        .unwrap_or_else(|| panic!("{days}"))
        .iter()
        .map(|row| {
            (
                row["interval_start"].as_str().unwrap().to_owned(),
                row["channel"].clone(),
                row["offered"].clone(),
            )
        })
        .collect();
    let wanted = [
        (
            "2026-11-20T00:00:00+08:00".to_owned(),
            json!("call"),
            json!(2),
        ),
        (
            "2026-11-21T00:00:00+08:00".to_owned(),
            json!("chat"),
            json!(1),
        ),
    ];
    assert_eq!(rows, wanted);
    let halves = server.get(&format!("{base}&granularity=30m")).await.json();
    let starts: Vec<_> = halves["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["interval_start"].clone())
        .collect();
    assert_eq!(
        starts,
        [
            "2026-11-20T09:00:00+08:00",
            "2026-11-20T09:30:00+08:00",
            "2026-11-21T01:00:00+08:00"
        ]
    );
    let wrong = server
        .get(&format!("{base}&granularity=decade&group_by=agent"))
        .await;
    assert_eq!(wrong.mistake().1, ["/granularity", "/group_by"]);
}

#[actix_web::test]
async fn a_restart_still_knows_what_the_inbox_took() {
    let server = Server::start().await;
    assert_eq!(crate::api::fill_recent(&server.state).await.unwrap(), 0);
}

#[test]
fn every_statement_has_a_header() {
    for folder in ["api", "jobs", "profiles"] {
        let path = format!("{}/queries/{folder}", env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let header = Header::parse(&std::fs::read_to_string(&path).unwrap());
            let header = header.unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            assert_eq!(path.file_stem().unwrap().to_str().unwrap(), header.name);
        }
    }
}
