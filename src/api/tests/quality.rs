//! Rules, trials, findings, alerts, webhooks and scorecards at the door.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::contract::decode;
use crate::pipeline::{Monitor, Pipeline, Settings, TimeLimits};
use crate::source::{FileImport, InboxEntry, Manifest, Rules};

fn insult() -> Value {
    json!({"id": "insult", "name": "Agent insults", "severity": "critical", "per": "turn", "alert": true,
        "check": "block",
        "conditions": [{"operator": "sensitive_words", "role": "agent", "groups": ["insult"]}]})
}

fn no_greeting() -> Value {
    json!({"id": "no-greeting", "name": "Greeting missing", "conditions": [
        {"operator": "missing_phrase", "role": "agent", "phrase": "greeting", "range": {"turns": {"to": 2}}}]})
}

impl Server {
    async fn lead(&self, request: TestRequest) -> Answer {
        self.send_as(Role::QualityLead, request).await
    }

    /// Takes events in as a file, judged by the rules in force.
    async fn take_in(&self, name: &str, events: &[Value]) {
        let file = self._folder.path().join(format!("{name}.ndjson"));
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        let manifest = Manifest::of(&[file], "canonical").unwrap();
        let import = FileImport::open(manifest, Rules::Canonical, 1 << 20).unwrap();
        let settings = Settings {
            max_latency: Duration::from_millis(10),
            max_batch_bytes: 1 << 20,
            progress_interval: Duration::from_secs(60),
            times: TimeLimits {
                max_past_micros: i64::MAX,
                max_future_micros: i64::MAX,
            },
            clock: noon,
            models: self.state.models.clone(),
        };
        let (lake, redactor) = (Arc::clone(&self.lake), self.state.redactor.clone());
        let (book, alerts) = (self.state.rules.book().clone(), self.state.alerts.clone());
        let taken = RUNTIME.spawn(async move {
            let sources: Vec<Box<dyn Source>> = vec![Box::new(import)];
            Pipeline::start(lake, redactor, sources, settings, Monitor::default())
                .unwrap()
                .judging(book, alerts)
                .run(CancellationToken::new())
                .await
                .unwrap();
        });
        taken.await.unwrap();
    }
}

fn turn(interaction: &str, number: u32, role: &str, text: &str) -> Value {
    json!({
        "specversion": "1.0", "id": format!("{interaction}-{number}"), "source": "/pbx",
        "type": "interaction.turn.v1", "subject": interaction,
        "time": format!("2026-11-20T11:00:{number:02}Z"),
        "data": {"turn_id": number.to_string(), "speaker": {"role": role, "id": format!("{role}-1")}, "text": text,
            "content_type": "text"}
    })
}

fn other(interaction: &str, kind: &str, second: u32, data: Value) -> Value {
    json!({
        "specversion": "1.0", "id": format!("{interaction}-{kind}"), "source": "/pbx",
        "type": format!("interaction.{kind}.v1"), "subject": interaction,
        "time": format!("2026-11-20T11:00:{second:02}Z"), "data": data
    })
}

fn dialogue() -> Vec<Value> {
    let begin = json!({"channel": "chat", "direction": "inbound", "entry": "queue"});
    let end = json!({"reason": "completed", "ended_by": "customer"});
    vec![
        other("c-1", "started", 0, begin),
        turn("c-1", 1, "customer", "我的快递呢"),
        turn("c-1", 2, "agent", "你这个白痴，自己查"),
        turn("c-1", 3, "customer", "你说什么"),
        turn("c-1", 4, "agent", "说你是白痴"),
        other("c-1", "ended", 5, end),
    ]
}

#[actix_web::test]
async fn a_rule_is_written_read_replaced_and_deleted() {
    let server = Server::start().await;
    let made = server.lead(post_json("/v1/rules", &insult())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    assert_eq!(made.headers.get("etag").unwrap(), "\"1\"");
    let again = server.lead(post_json("/v1/rules", &insult())).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let got = server
        .lead(TestRequest::get().uri("/v1/rules/insult"))
        .await
        .json();
    assert_eq!(
        (&got["version"], &got["name"]),
        (&json!(1), &json!("Agent insults"))
    );
    let mut next = got.clone();
    next["name"] = json!("Insults");
    let put = |body: &Value, tag: Option<&str>| {
        let request = TestRequest::put().uri("/v1/rules/insult").set_json(body);
        match tag {
            Some(tag) => request.insert_header(("if-match", tag)),
            None => request,
        }
    };
    let blind = server.lead(put(&next, None)).await;
    assert_eq!(blind.status, StatusCode::PRECONDITION_FAILED);
    let replaced = server.lead(put(&next, Some("\"1\""))).await;
    assert_eq!(replaced.status, StatusCode::OK, "{:?}", replaced.body);
    assert_eq!(replaced.json()["version"], 2);
    assert_eq!(server.state.rules.book().rules().rules()[0].version, 2);
    let list = server
        .lead(TestRequest::get().uri("/v1/rules"))
        .await
        .json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let gone = server
        .lead(TestRequest::delete().uri("/v1/rules/insult"))
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(server.state.rules.book().rules().is_empty());
    let versions = server
        .lead(TestRequest::get().uri("/v1/rules/insult/versions"))
        .await;
    assert_eq!(versions.json()["items"].as_array().unwrap().len(), 3);
    let missing = server
        .lead(TestRequest::get().uri("/v1/rules/insult"))
        .await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let analyst = server
        .send_as(Role::Analyst, post_json("/v1/rules", &insult()))
        .await;
    assert_eq!(analyst.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn bad_rules_say_where_and_what_is_allowed() {
    let server = Server::start().await;
    let bad = json!({"name": "x", "severity": "hihg", "conditions": [{"operator": "keyword", "any": ["a"]}]});
    let answer = server.lead(post_json("/v1/rules", &bad)).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let problem = answer.problem();
    let found: Vec<_> = problem.errors.iter().map(|e| e.pointer.as_str()).collect();
    assert_eq!(found, ["/severity", "/conditions/0/operator"]);
    assert!(
        problem.errors[1]
            .detail
            .starts_with("expected one of keywords, ")
    );
    let tested = json!({"rule": bad, "dialogues": [{"turns": []}]});
    let (_, pointers) = server
        .lead(post_json("/v1/rules/test", &tested))
        .await
        .mistake();
    assert_eq!(pointers, ["/rule/severity", "/rule/conditions/0/operator"]);
    let wrong_id = server
        .lead(post_json("/v1/rules", &json!({"id": "a/b", "name": "x"})))
        .await;
    assert_eq!(wrong_id.mistake().1, ["/id"]);
}

#[actix_web::test]
async fn dialogues_are_judged_and_messages_checked_before_they_are_sent() {
    let server = Server::start().await;
    let body = json!({"rule": no_greeting_document(), "dialogues": [
        {"id": "rude", "turns": [{"speaker": "agent", "text": "什么事"}, {"speaker": "agent", "text": "说"}]},
        {"id": "kind", "turns": [{"speaker": "agent", "text": "您好，我的电话是13812345678"}]},
    ]});
    let answer = server.lead(post_json("/v1/rules/test", &body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let results = answer.json();
    assert_eq!(results["results"][0]["findings"][0]["turn"], 2);
    assert_eq!(results["results"][0]["conditions"][0]["value"], true);
    assert_eq!(results["results"][1]["findings"], json!([]));
    server.lead(post_json("/v1/rules", &insult())).await;
    let check = |text: &str, speaker: &str| {
        post_json(
            "/v1/rules/check",
            &json!({"text": text, "speaker": speaker}),
        )
    };
    let blocked = server
        .lead(check("你这个白痴，打13812345678", "agent"))
        .await
        .json();
    assert_eq!(blocked["decision"], "block");
    assert_eq!(blocked["findings"][0]["evidence"][0]["start"], 3);
    assert!(!blocked.to_string().contains("138123"), "{blocked}");
    assert_eq!(
        server.lead(check("你好", "agent")).await.json()["decision"],
        "allow"
    );
    assert_eq!(
        server.lead(check("白痴", "customer")).await.json()["decision"],
        "allow"
    );
}

fn no_greeting_document() -> Value {
    let mut rule = no_greeting();
    rule.as_object_mut().unwrap().remove("id");
    rule
}

#[actix_web::test]
async fn findings_and_alerts_come_with_the_turns_and_a_repeat_adds_none() {
    let server = Server::start().await;
    for rule in [insult(), no_greeting()] {
        let made = server.lead(post_json("/v1/rules", &rule)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    }
    let mut heard = server.state.alerts.listen();
    server.take_in("first", &dialogue()).await;
    let findings = || async {
        let page = server.lead(TestRequest::get().uri("/v1/findings")).await;
        assert_eq!(page.status, StatusCode::OK, "{:?}", page.body);
        page.json()["items"].as_array().unwrap().clone()
    };
    let first = findings().await;
    let told: Vec<(&str, &str)> = first
        .iter()
        .map(|f| {
            (
                f["rule_id"].as_str().unwrap(),
                f["turn_id"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told.len(), 3, "{first:?}");
    assert!(told.contains(&("no-greeting", "4")) && told.contains(&("insult", "2")));
    assert!(
        first
            .iter()
            .all(|f| f["channel"] == "chat" && f["agent_id"] == "agent-1")
    );
    let alerts = server
        .lead(TestRequest::get().uri("/v1/alerts?severity=critical"))
        .await
        .json();
    assert_eq!(alerts["items"].as_array().unwrap().len(), 2);
    let raised = [heard.try_recv().unwrap(), heard.try_recv().unwrap()];
    assert!(heard.try_recv().is_err());
    assert!(
        raised
            .iter()
            .all(|alert| first.iter().any(|f| f["finding_id"] == alert.id.as_str()))
    );
    // The same events again, from another source.
    server.take_in("again", &dialogue()).await;
    assert_eq!(findings().await, first);
    assert!(heard.try_recv().is_err());
    let one = server
        .lead(TestRequest::get().uri("/v1/interactions/c-1"))
        .await
        .json();
    assert_eq!(one["findings"].as_array().unwrap().len(), 3);
    let page = server
        .lead(TestRequest::get().uri("/v1/findings?limit=2"))
        .await
        .json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = server
        .lead(TestRequest::get().uri(&format!("/v1/findings?limit=2&cursor={cursor}")))
        .await;
    assert_eq!(rest.json()["items"].as_array().unwrap().len(), 1);
    let wrong = server
        .lead(TestRequest::get().uri("/v1/findings?severity=high&from=x"))
        .await;
    assert_eq!(wrong.mistake().1, ["/from", "/severity"]);
}

#[actix_web::test]
async fn a_restart_in_the_middle_changes_no_finding() {
    let rule = json!({"name": "again", "conditions": [{"operator": "repeated_question", "at_least": 0.5}]});
    let mut found = Vec::new();
    for cut in [0, 2, 4] {
        let server = Server::start().await;
        for rule in [insult(), no_greeting(), rule.clone()] {
            let mut rule = rule;
            rule["id"].is_null().then(|| rule["id"] = json!("again"));
            server.lead(post_json("/v1/rules", &rule)).await;
        }
        let mut events = dialogue();
        events[3] = turn("c-1", 3, "customer", "我的快递在哪里呢");
        events[1] = turn("c-1", 1, "customer", "我的快递在哪里");
        // One file that grows is read on by the next process where the tables stand.
        server.take_in_parts("desk", &events, cut).await;
        let mut page = server
            .lead(TestRequest::get().uri("/v1/findings"))
            .await
            .json();
        for item in page["items"].as_array_mut().unwrap() {
            item.as_object_mut().unwrap().remove("at");
        }
        found.push(page["items"].clone());
    }
    assert_eq!(found[0].as_array().unwrap().len(), 4, "{:?}", found[0]);
    for (cut, items) in found.iter().enumerate() {
        assert_eq!(items, &found[0], "restart number {cut}");
    }
}

impl Server {
    /// Takes events in by the inbox, the process restarting after `cut` of them.
    async fn take_in_parts(&self, name: &str, events: &[Value], cut: usize) {
        let folder = self._folder.path().join(format!("inbox-{name}"));
        for part in [&events[..cut], &events[cut..]] {
            if part.is_empty() {
                continue;
            }
            let faults = Arc::new(Faults::none());
            let (inbox, source) = Inbox::open(&folder, 1 << 30, faults).unwrap();
            let entries = part.iter().map(|event| {
                let text = event.to_string();
                let event = self.state.redactor.event(decode(text.as_bytes()).unwrap());
                InboxEntry::event(&event).unwrap()
            });
            inbox.append(entries.collect()).await.unwrap();
            let settings = Settings {
                max_latency: Duration::from_millis(1),
                max_batch_bytes: 1 << 20,
                progress_interval: Duration::from_secs(60),
                times: TimeLimits {
                    max_past_micros: i64::MAX,
                    max_future_micros: i64::MAX,
                },
                clock: noon,
                models: self.state.models.clone(),
            };
            let (lake, redactor) = (Arc::clone(&self.lake), self.state.redactor.clone());
            let book = self.state.rules.book().clone();
            let stop = CancellationToken::new();
            let (ends, monitor) = (stop.clone(), Monitor::default());
            let seen = monitor.clone();
            let run = RUNTIME.spawn(async move {
                let sources: Vec<Box<dyn Source>> = vec![Box::new(source)];
                Pipeline::start(lake, redactor, sources, settings, monitor)
                    .unwrap()
                    .judging(book, AlertHub::default())
                    .run(ends)
                    .await
                    .unwrap();
            });
            let wanted = u64::try_from(part.len()).unwrap();
            while seen.counts("inbox").accepted < wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            stop.cancel();
            run.await.unwrap();
        }
    }
}

#[actix_web::test]
async fn webhooks_are_checked_listed_and_deleted() {
    let server = Server::start().await;
    let forbidden = json!({"url": "http://169.254.169.254/latest", "severities": ["high"]});
    let refused = server.lead(post_json("/v1/webhooks", &forbidden)).await;
    assert_eq!(refused.mistake().1, ["/url", "/severities/0"]);
    let made = server
        .lead(post_json(
            "/v1/webhooks",
            &json!({"url": "http://127.0.0.1:9/x"}),
        ))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    let made = made.json();
    assert!(made["secret"].as_str().unwrap().starts_with("whs_"));
    let list = server.lead(TestRequest::get().uri("/v1/webhooks")).await;
    assert!(!list.json().to_string().contains("whs_"));
    let id = made["id"].as_str().unwrap();
    let path = format!("/v1/webhooks/{id}/test");
    let tested = server.lead(post_json(&path, &json!({}))).await.json();
    assert_eq!(tested["delivered"], false);
    let gone = server
        .lead(TestRequest::delete().uri(&format!("/v1/webhooks/{id}")))
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let gone = server
        .lead(TestRequest::delete().uri(&format!("/v1/webhooks/{id}")))
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn a_scorecard_keeps_both_answers() {
    let server = Server::start().await;
    server.lead(post_json("/v1/rules", &no_greeting())).await;
    server.take_in("first", &dialogue()).await;
    let card = json!({"name": "Service", "questions": [
        {"id": "greeting", "text": "Greeted?", "points": 2, "rule_id": "no-greeting"},
        {"id": "solved", "text": "Solved?", "points": 2},
    ]});
    let put = TestRequest::put()
        .uri("/v1/scorecards/service")
        .set_json(&card);
    let put = server.lead(put).await;
    assert_eq!(put.status, StatusCode::CREATED, "{:?}", put.body);
    let review = |answers: Value| {
        post_json(
            "/v1/scorecards/service/reviews",
            &json!({"interaction_id": "c-1", "answers": answers}),
        )
    };
    let wrong = server.lead(review(json!({"solved": 3}))).await;
    assert_eq!(wrong.mistake().1, ["/answers/solved"]);
    let made = server
        .lead(review(json!({"greeting": 2, "solved": null})))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    let made = made.json();
    assert_eq!(made["machine"], json!({"greeting": 0.0}));
    assert_eq!(made["human"], json!({"greeting": 2.0, "solved": null}));
    assert_eq!(
        (&made["machine_score"], &made["score"]),
        (&json!(0.0), &json!(1.0))
    );
    let summary = server
        .lead(TestRequest::get().uri("/v1/scorecards/service/summary"))
        .await
        .json();
    assert_eq!(
        (&summary["n"], &summary["machine_mean"], &summary["mean"]),
        (&json!(1), &json!(0.0), &json!(1.0))
    );
    assert_eq!(summary["agreement"][0]["n"], 1);
}
