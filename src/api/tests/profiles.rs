//! Agents and customers.

use serde_json::json;

use super::*;

/// A chat of `agent` with a customer who is known by a phone, and a rating.
fn chat(
    id: &str,
    start: &str,
    agent: &str,
    customer: Value,
    length_s: i64,
    csat: i64,
) -> [Value; 2] {
    let start_us = Micros::parse(start).unwrap().0;
    let at = |seconds: i64| Micros(start_us + seconds * 1_000_000).to_string();
    let chat = json!({
        "specversion": "1.0", "id": id, "source": "/chat", "type": "interaction.transcript.v1", "subject": id,
        "time": start,
        "data": {"channel": "chat", "direction": "inbound", "entry": "queue", "customer": customer,
            "legs": [
                {"handler": "queue", "queue": "q", "started_at": at(0), "ended_at": at(5), "outcome": "answered"},
                {"handler": "agent", "queue": "q", "agent_id": agent, "started_at": at(5),
                    "ended_at": at(5 + length_s), "hold_ms": 0, "wrap_up_ms": 0}
            ],
            "turns": [],
            "ended": {"time": at(5 + length_s), "reason": "completed", "ended_by": "customer",
                "disposition": "billing", "resolved": csat > 3}}
    });
    let survey = json!({
        "specversion": "1.0", "id": format!("{id}-s"), "source": "/chat", "type": "survey.answered.v1",
        "subject": format!("{id}-s"), "time": at(600),
        "data": {"survey_id": format!("{id}-s"), "interaction_id": id, "channel": "chat", "about": "interaction",
            "csat": csat}
    });
    [chat, survey]
}

async fn desk() -> Server {
    let server = Server::start().await;
    let phone = json!({"kind": "phone", "value": "13812345678"});
    let mail = json!({"kind": "email", "value": "someone@example.com"});
    let mut events = Vec::new();
    for n in 0..6 {
        let start = format!("2026-11-1{n}T09:00:00Z");
        let fast = chat(
            &format!("f{n}"),
            &start,
            "fast",
            json!({"id": format!("c{n}")}),
            60 + n,
            5,
        );
        let slow = chat(
            &format!("s{n}"),
            &start,
            "slow",
            json!({"id": format!("d{n}")}),
            600 + n,
            1 + n % 2,
        );
        events.extend(fast.into_iter().chain(slow));
    }
    let people = [
        json!({"id": "c-1", "identities": [phone, mail]}),
        json!({"id": "c-2", "identities": [mail]}),
        json!({"identities": [phone]}),
    ];
    for (n, customer) in people.into_iter().enumerate() {
        let start = format!("2026-11-18T1{n}:00:00Z");
        events.extend(chat(&format!("p{n}"), &start, "fast", customer, 60, 4));
    }
    server.store(&events).await;
    server
}

#[actix_web::test]
async fn agents_stand_beside_what_their_cases_let_one_expect() {
    let server = desk().await;
    let get = async |path: &str| {
        server
            .send_as(Role::QualityLead, TestRequest::get().uri(path))
            .await
    };
    let page = get("/v1/agents?limit=1").await.json();
    assert_eq!(page["items"][0]["agent_id"], "fast", "{page}");
    assert_eq!(page["items"][0]["handled"], 9);
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = get(&format!("/v1/agents?limit=1&cursor={cursor}"))
        .await
        .json();
    assert_eq!(next["items"][0]["agent_id"], "slow");
    assert_eq!(next["next_cursor"], Value::Null);
    let profile = get("/v1/agents/slow/profile").await.json();
    let about = |list: &str| -> Vec<String> {
        let points = profile[list].as_array().unwrap().iter();
        points
            .map(|point| point["about"].as_str().unwrap().to_owned())
            .collect()
    };
    let coaching = about("coaching");
    for point in ["handle_time", "resolved", "csat"] {
        assert!(coaching.iter().any(|about| about == point), "{profile}");
    }
    assert!(about("strengths").is_empty());
    let rated = profile["coaching"].as_array().unwrap().iter();
    let rated = rated
        .clone()
        .find(|point| point["about"] == "csat")
        .unwrap();
    let shown = rated["evidence"].as_array().unwrap();
    assert!(!shown.is_empty() && shown.iter().all(|shown| shown["csat"].as_i64() <= Some(2)));
    let weeks = profile["parts"].as_array().unwrap().iter();
    let weeks: i64 = weeks
        .filter(|part| part["part"] == "week")
        .map(|part| part["handled"].as_i64().unwrap())
        .sum();
    assert_eq!(weeks, 6);
    // Every case was of one kind, so both agents are judged by it.
    let skill = |figures: &Value, end: &str| figures[end].as_f64().unwrap();
    let fair = &profile["fair"];
    assert!(
        skill(fair, "skill_high") < 0.0 && skill(fair, "skill") < 0.0,
        "{fair}"
    );
    assert_eq!(profile["skills_by_reason"][0]["reason"], "billing");
    let fast = get("/v1/agents/fast/profile").await.json();
    assert!(skill(&fast["fair"], "skill_low") > 0.0, "{fast}");
    assert!(fast["coaching"].as_array().unwrap().is_empty());
    let missing = get("/v1/agents/nobody/profile").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let refused = server
        .send_as(Role::Planner, TestRequest::get().uri("/v1/agents"))
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn identities_lead_to_one_customer_with_the_events_that_say_so() {
    let server = desk().await;
    let look = async |kind: &str, value: &str| {
        let body = json!({"kind": kind, "value": value});
        server
            .send_as(Role::Integrator, post_json("/v1/customers/lookup", &body))
            .await
    };
    let found = look("phone", "138 1234 5678").await.json();
    assert_eq!(found["customer_ids"], json!(["c-1", "c-2"]), "{found}");
    assert!(!found.to_string().contains("13812345678"));
    assert_eq!(
        look("phone", "13900000000").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(look("fax", "1").await.mistake().1, ["/kind"]);
    let profile = TestRequest::get().uri("/v1/customers/c-2/profile");
    let profile = server.send_as(Role::Integrator, profile).await.json();
    assert_eq!(profile["summary"]["interactions"], 3, "{profile}");
    assert_eq!(profile["summary"]["preferred_channel"], "chat");
    assert_eq!(profile["summary"]["repeat_contacts"], 2);
    let timeline = profile["timeline"].as_array().unwrap().iter();
    let timeline: Vec<&str> = timeline
        .map(|row| row["interaction_id"].as_str().unwrap())
        .collect();
    assert_eq!(timeline, ["p2", "p1", "p0"]);
    let topic = &profile["topics"][0];
    assert_eq!(
        (&topic["label"], &topic["interactions"]),
        (&json!("billing"), &json!(3))
    );
    assert_eq!(
        (&topic["repeats"], &topic["is_open"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(profile["open_issues"], json!([]));
    assert_eq!(profile["mood"][0]["label"], "2026-11");
    let links = profile["links"].as_array().unwrap();
    assert!(links.iter().all(|link| link["event_source"] == "/chat"));
    let missing = TestRequest::get().uri("/v1/customers/nobody/profile");
    let missing = server.send_as(Role::Integrator, missing).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn the_executive_reads_what_is_behind_the_operation_and_the_month() {
    let server = desk().await;
    let get = async |path: &str| {
        server
            .send_as(Role::Executive, TestRequest::get().uri(path))
            .await
    };
    let profile = "/v1/operations/profile?from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z";
    let whole = get(profile).await.json();
    let parts = &whole["parts"];
    assert_eq!(parts["channels"][0]["channel"], "chat", "{whole}");
    assert_eq!(parts["channels"][0]["interactions"], 15);
    assert_eq!(parts["topics"][0]["reason"], "billing");
    assert_eq!(parts["topics"][0]["share"], 100.0);
    assert_eq!(parts["abandons"], json!([]));
    let cut = get(&format!("{profile}&granularity=day")).await.json();
    assert_eq!(cut.get("parts"), None, "{cut}");
    let months = get("/v1/reports").await.json();
    assert_eq!(months["items"], json!([{"month": "2026-11"}]));
    let report = get("/v1/reports/2026-11").await.json();
    let figures = report["figures"].as_array().unwrap();
    let handled = figures.iter().find(|figure| figure["metric"] == "offered");
    assert_eq!(handled.unwrap()["value"], 15.0, "{report}");
    let wrong = get("/v1/reports/2026-13").await;
    assert_eq!(wrong.status, StatusCode::NOT_FOUND);
    let wrong = get("/v1/reports/2026-11?language=fr").await;
    assert_eq!(wrong.mistake().1, ["/language"]);
}
