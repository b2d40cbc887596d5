//! Routing decisions and customers at risk.

use serde_json::json;

use super::*;
use crate::jobs::Risks;

async fn ask(server: &Server, path: &str, body: &Value) -> Answer {
    server
        .send_as(Role::Integrator, post_json(path, body))
        .await
}

fn crm(id: &str, at: &str, status: &str, tier: &str, value: f64) -> Value {
    json!({"specversion": "1.0", "id": format!("{id}-{status}"), "source": "/crm", "type": "customer.updated.v1",
        "subject": id, "time": at,
        "data": {"customer_id": id, "tier": tier, "value_score": value, "status": status,
            "attributes": {"contract_months_left": value}}})
}

fn call(id: &str, start: &str, customer: &str, queue: &str, resolved: bool) -> Value {
    let start_us = Micros::parse(start).unwrap().0;
    let at = |seconds: i64| Micros(start_us + seconds * 1_000_000).to_string();
    json!({"specversion": "1.0", "id": id, "source": "/pbx", "type": "interaction.transcript.v1", "subject": id,
        "time": start,
        "data": {"channel": "call", "direction": "inbound", "entry": "queue", "customer": {"id": customer},
            "legs": [{"handler": "queue", "queue": queue, "started_at": at(0), "ended_at": at(9), "outcome": "answered"},
                {"handler": "agent", "queue": queue, "agent_id": "a-1", "started_at": at(9), "ended_at": at(99)}],
            "turns": [],
            "ended": {"time": at(99), "reason": "completed", "ended_by": "customer", "disposition": queue,
                "resolved": resolved}}})
}

#[actix_web::test]
async fn priority_is_the_weighted_sum_and_tells_where_its_inputs_come_from() {
    let server = Server::start().await;
    let events = [
        crm("c-1", "2026-11-01T08:00:00Z", "active", "diamond", 0.8),
        call("k-1", "2026-11-19T08:00:00Z", "c-1", "billing", false),
        call("k-2", "2026-11-20T08:00:00Z", "c-1", "billing", false),
    ];
    server.store(&events).await;
    let body = json!({"contacts": [
        {"id": "said", "value": 0.2, "behaviour": 0.4, "emotion": 1.0, "waited_ms": 15000},
        {"id": "known", "customer_id": "c-1"},
        {"id": "locked", "value": 0.0, "emergency": "account_locked"},
        {"id": "old", "value": 0.0, "waited_ms": 90000},
    ]});
    let answer = ask(&server, "/v1/routing/priority", &body).await.json();
    let items = &answer["items"];
    let said = &items[0];
    assert!(
        (said["base"].as_f64().unwrap() - 0.42).abs() < 1e-9,
        "{said}"
    );
    assert!(
        (said["score"].as_f64().unwrap() - 0.67).abs() < 1e-9,
        "{said}"
    );
    assert_eq!(said["value"]["source"], "request");
    let known = &items[1];
    assert_eq!(known["value"]["source"], "crm");
    assert_eq!(known["value"]["input"], 0.8);
    assert_eq!(known["value"]["at"], "2026-11-01T08:00:00Z");
    assert_eq!(known["behaviour"]["source"], "profile");
    assert!(known["behaviour"]["input"].as_f64().unwrap() > 0.5);
    assert_eq!(known["tier"], "vip");
    assert_eq!(known["vip_boost"], 0.25);
    assert_eq!(known["repeat_boost"], 0.1);
    let ranks: Vec<i64> = (0..4).map(|n| items[n]["rank"].as_i64().unwrap()).collect();
    assert_eq!(ranks, [4, 3, 1, 2], "{answer}");
    assert_eq!(answer["weights"]["id"], "default@1");
    // Other weights are told by their name.
    let own = json!({"weights": {"id": "mine", "value": 1.0, "behaviour": 0.0, "emotion": 0.0},
        "contacts": [{"id": "a", "value": 0.3}]});
    let own = ask(&server, "/v1/routing/priority", &own).await.json();
    assert_eq!(own["weights"]["id"], "mine");
    assert_eq!(own["items"][0]["base"], 0.3);
}

#[actix_web::test]
async fn mistakes_of_routing_are_told_at_once() {
    let server = Server::start().await;
    let body = json!({"contacts": [{"id": "a", "value": 2.0}, {"id": "a", "emergency": "hurry"}],
        "weights": {"id": "", "value": -1.0, "behaviour": 0.0, "emotion": 0.0}});
    let (code, pointers) = ask(&server, "/v1/routing/priority", &body).await.mistake();
    assert_eq!(code, "invalid_parameter");
    assert_eq!(
        pointers,
        [
            "/contacts/0/value",
            "/contacts/1/id",
            "/contacts/1/emergency",
            "/weights/value",
            "/weights/id"
        ]
    );
    let none = ask(&server, "/v1/routing/match", &json!({"contacts": []})).await;
    assert_eq!(none.mistake().1, ["/contacts"]);
    let topics = json!({"contacts": [{"id": "a", "topics": [{"topic": "x", "probability": 0.9},
        {"topic": "y", "probability": 0.9}]}], "agents": [{"agent_id": "a-1", "seniority": 3.0}]});
    let topics = ask(&server, "/v1/routing/match", &topics).await;
    assert_eq!(
        topics.mistake().1,
        ["/contacts/0/topics", "/agents/0/seniority"]
    );
    let refused = server
        .send_as(
            Role::Analyst,
            post_json("/v1/routing/match", &json!({"contacts": []})),
        )
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn one_contact_one_agent_and_many_are_matched() {
    let server = Server::start().await;
    let agent = |id: &str, skill: &str, level: f64| json!({"agent_id": id, "skills": [{"name": skill, "level": level}], "languages": ["zh-CN"]});
    let contact = |id: &str, topic: &str| json!({"id": id, "topics": [{"topic": topic, "probability": 1.0}], "language": "zh"});
    let agents = json!([agent("bill", "billing", 0.9), agent("net", "network", 0.9)]);
    let one = json!({"contacts": [contact("q", "network")], "agents": agents});
    let one = ask(&server, "/v1/routing/match", &one).await.json();
    assert_eq!(one["pairs"][0]["agent_id"], "net", "{one}");
    assert_eq!(one["decided_by"], "best_agent");
    let freed = json!({"contacts": [contact("b", "billing"), contact("n", "network")],
        "agents": [agent("net", "network", 0.9)]});
    let freed = ask(&server, "/v1/routing/match", &freed).await.json();
    assert_eq!(freed["pairs"][0]["contact_id"], "n");
    assert_eq!(freed["unmatched"], json!(["b"]));
    assert_eq!(freed["decided_by"], "best_contact");
    let mut english = contact("e", "billing");
    english["language"] = json!("en");
    let many = json!({"contacts": [contact("n", "network"), contact("b", "billing"), english], "agents": agents});
    let many = ask(&server, "/v1/routing/match", &many).await.json();
    assert_eq!(many["decided_by"], "assignment");
    assert_eq!(many["pairs"][0]["agent_id"], "net");
    assert_eq!(many["pairs"][1]["agent_id"], "bill");
    assert_eq!(many["unmatched"], json!(["e"]));
    // Without agents: who is on duty.
    let state = |id: &str, state: &str, minute: u32| {
        json!({"specversion": "1.0", "id": format!("{id}{minute}"), "source": "/acd",
            "type": "agent.state_changed.v1", "subject": id, "time": format!("2026-11-20T11:{minute}:00Z"),
            "data": {"agent_id": id, "state": state, "queues": ["billing"],
                "skills": [{"name": "billing", "level": 0.7}], "languages": ["zh"], "capacity": 1}})
    };
    let events = [
        state("x", "available", 10),
        state("y", "available", 20),
        state("x", "break", 30),
        state("z", "available", 40),
    ];
    server.store(&events).await;
    let duty = json!({"contacts": [{"id": "q", "queue": "billing"}]});
    let duty = ask(&server, "/v1/routing/match", &duty).await.json();
    assert_eq!(duty["agents"], 2, "{duty}");
    assert_eq!(duty["pairs"][0]["agent_id"], "y");
}

#[actix_web::test]
async fn a_menu_begins_with_what_the_customer_needs() {
    let server = Server::start().await;
    let mut events = Vec::new();
    for n in 0..6 {
        let start = format!("2026-11-1{n}T08:00:00Z");
        events.push(call(
            &format!("b{n}"),
            &start,
            &format!("d-{n}"),
            "billing",
            true,
        ));
    }
    events.push(call("n1", "2026-11-12T09:00:00Z", "d-9", "network", true));
    events.push(call("n2", "2026-11-19T09:00:00Z", "c-1", "network", false));
    for n in 0..3 {
        let start = format!("2026-11-19T1{n}:00:00Z");
        events.push(call(&format!("u{n}"), &start, "c-2", "network", false));
    }
    server.store(&events).await;
    let menu = async |path: &str| {
        server
            .send_as(Role::Integrator, TestRequest::get().uri(path))
            .await
    };
    let usual = menu("/v1/customers/nobody/ivr_menu").await.json();
    assert_eq!(usual["options"][0]["option"], "billing", "{usual}");
    assert_eq!(usual["options"][0]["reason"], "usual");
    assert_eq!(usual["person"]["first"], false);
    let own = menu("/v1/customers/c-1/ivr_menu").await.json();
    assert_eq!(own["options"][0]["option"], "network", "{own}");
    assert_eq!(own["options"][0]["reason"], "unsolved_lately");
    let upset = menu("/v1/customers/c-2/ivr_menu").await.json();
    assert_eq!(upset["person"]["first"], true, "{upset}");
    assert_eq!(upset["person"]["reasons"], json!(["unsolved_repeatedly"]));
    assert_eq!(upset["options"][0]["key"], "2");
    let given = menu("/v1/customers/c-1/ivr_menu?options=sales,network&limit=1")
        .await
        .json();
    assert_eq!(given["options"].as_array().unwrap().len(), 1);
    assert_eq!(
        menu("/v1/customers/c-1/ivr_menu?limit=0").await.mistake().1,
        ["/limit"]
    );
}

/// Of 240 customers every third has trouble each week, and half of these leave in the sixth week.
fn customers_of_whom_some_leave() -> Vec<Value> {
    let mut events = Vec::new();
    for n in 0..240 {
        let id = format!("c-{n}");
        events.push(crm(&id, "2026-09-01T08:00:00Z", "active", "gold", 0.5));
        // Some come every week, some every other one.
        let every = 1 + n / 6 % 2;
        for week in (0..6).filter(|week| week % every == 0) {
            let day = 7 * week + n % 5;
            let at =
                Micros(Micros::parse("2026-09-02T09:00:00Z").unwrap().0 + day * 86_400_000_000);
            let id_of_call = format!("k-{n}-{week}");
            events.push(call(
                &id_of_call,
                &at.to_string(),
                &id,
                "billing",
                n % 3 != 0,
            ));
        }
        if n % 6 == 0 {
            let at = format!("2026-10-{:02}T08:00:00Z", 2 + n % 12);
            events.push(crm(&id, &at, "leaving", "gold", 0.5));
        }
    }
    events
}

fn risks_of(server: &Server) -> Risks {
    let limits = Limits {
        timeout: Duration::from_secs(60),
        max_rows: u64::MAX,
        max_memory_bytes: 1 << 30,
        max_concurrent: 1,
        max_waiting: 4,
        spill: None,
    };
    let runtime = RUNTIME.handle().clone();
    Risks {
        engine: Engine::new(Arc::clone(&server.lake), limits, Arc::new(()), runtime).unwrap(),
        clock: noon,
    }
}

fn at_risk_by_what_was_not_solved(items: &[Value]) {
    for item in items {
        let number = item["customer_id"].as_str().unwrap().get(2..);
        let number: u32 = number.unwrap().parse().unwrap();
        assert_eq!(number % 3, 0, "{item}");
        assert!(
            !number.is_multiple_of(6),
            "who is leaving is not at risk: {item}"
        );
        let reason = item["churn_risk"]["reasons"][0]["driver"].as_str().unwrap();
        assert!(reason.starts_with("unsolved"), "{item}");
        assert_eq!(item["churn_risk"]["trained_on"], "own_data");
        assert_eq!(item["best_hour_utc"], 9);
    }
}

#[actix_web::test]
async fn who_may_leave_is_listed_with_the_reasons() {
    let server = Server::start().await;
    let list = async |server: &Server, path: &str| {
        server
            .send_as(Role::Integrator, TestRequest::get().uri(path))
            .await
    };
    let empty = list(&server, "/v1/customers?churn_at_least=0.5")
        .await
        .json();
    assert_eq!(empty["scored_at"], Value::Null, "{empty}");
    server.store(&customers_of_whom_some_leave()).await;
    let round = risks_of(&server).round(&server.state.store).await.unwrap();
    assert_eq!(round.learnt.models.len(), 2, "{:?}", round.learnt.problems);
    let page = list(&server, "/v1/customers?limit=5").await.json();
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 5);
    at_risk_by_what_was_not_solved(items);
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = list(&server, &format!("/v1/customers?limit=5&cursor={cursor}"))
        .await
        .json();
    assert_ne!(next["items"][0]["customer_id"], items[4]["customer_id"]);
    let id = items[0]["customer_id"].as_str().unwrap();
    let profile = list(&server, &format!("/v1/customers/{id}/profile"))
        .await
        .json();
    assert_eq!(
        profile["churn_risk"]["probability"],
        items[0]["churn_risk"]["probability"]
    );
    let wrong = list(&server, "/v1/customers?churn_at_least=2&cursor=x").await;
    assert_eq!(wrong.mistake().1, ["/churn_at_least", "/cursor"]);
}
