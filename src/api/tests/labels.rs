//! `/v1/labels`: who may say what of which turn.

use serde_json::json;

use super::*;

fn turn(interaction: &str, turn: &str, speaker: &str) -> Value {
    let mut event = event(&format!("{interaction}-{turn}"));
    event["subject"] = json!(interaction);
    event["data"]["turn_id"] = json!(turn);
    event["data"]["speaker"]["role"] = json!(speaker);
    event
}

async fn with_turns() -> Server {
    let server = Server::start().await;
    let turns = [
        turn("c-1", "1", "customer"),
        turn("c-1", "2", "agent"),
        turn("c-2", "1", "customer"),
    ];
    server.store(&turns).await;
    server
}

async fn say(server: &Server, role: Role, items: Value) -> Answer {
    let request = post_json("/v1/labels", &json!({ "items": items }));
    server.send_as(role, request).await
}

async fn list(server: &Server, query: &str) -> Value {
    let request = TestRequest::get().uri(&format!("/v1/labels{query}"));
    let answer = server.send_as(Role::Analyst, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    answer.json()
}

#[actix_web::test]
async fn labels_are_written_listed_and_taken_back() {
    let server = with_turns().await;
    let items = json!([
        {"interaction_id": "c-1", "turn_id": "1", "sentiment": "negative", "is_request": true, "topic_id": "t-1"},
        {"interaction_id": "c-1", "turn_id": "2", "sentiment": "neutral"},
    ]);
    let answer = say(&server, Role::QualityLead, items).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.json(), json!({"written": 4, "withdrawn": 0}));
    let items = json!([{"interaction_id": "c-1", "turn_id": "1", "sentiment": "positive", "topic_id": null}]);
    let answer = say(&server, Role::KnowledgeManager, items).await;
    assert_eq!(answer.json(), json!({"written": 1, "withdrawn": 1}));

    let all = list(&server, "").await;
    let told: Vec<String> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["turn_id"], one["kind"], one["value"]))
        .collect();
    assert_eq!(
        told,
        [
            r#""1" "sentiment" "positive""#,
            r#""2" "sentiment" "neutral""#,
            r#""1" "request" "true""#
        ]
    );
    assert_eq!(all["items"][0]["at"], "2026-11-20T12:00:00Z");
    assert_eq!(all["items"][0]["actor"].as_str().unwrap().len(), 16);
    let first = list(&server, "?kind=sentiment&history=true&limit=2").await;
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = list(
        &server,
        &format!("?kind=sentiment&history=true&cursor={cursor}"),
    )
    .await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!(rest["items"][0]["value"], "negative");
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[actix_web::test]
async fn every_mistake_is_named_and_nothing_is_stored() {
    let server = with_turns().await;
    let items = json!([
        {"interaction_id": "c-1", "turn_id": "1", "sentiment": "angry"},
        {"interaction_id": "c-2", "turn_id": "2", "sentiment": "negative"},
        {"interaction_id": "c-1", "turn_id": "2", "is_request": false, "topic_id": "t"},
        {"interaction_id": "c-2", "turn_id": "1"},
        {"interaction_id": "c-2", "turn_id": "1", "sentiment": "negative"},
    ]);
    let (code, mut pointers) = say(&server, Role::Admin, items).await.mistake();
    pointers.sort();
    assert_eq!(code, "invalid_parameter");
    assert_eq!(
        pointers,
        [
            "/items/0/sentiment",
            "/items/1/turn_id",
            "/items/2/is_request",
            "/items/2/topic_id",
            "/items/3"
        ]
    );
    assert_eq!(list(&server, "?history=true").await["items"], json!([]));
    let empty = say(&server, Role::Admin, json!([])).await.mistake();
    assert_eq!(empty.1, ["/items"]);
    for role in [Role::Analyst, Role::Integrator, Role::Executive] {
        let items = json!([{"interaction_id": "c-2", "turn_id": "1", "sentiment": "negative"}]);
        assert_eq!(
            say(&server, role, items).await.status,
            StatusCode::FORBIDDEN
        );
    }
}
