//! `POST /v1/analyze`: shape, redaction, offsets, degenerate texts, limits.

use serde_json::{Value, json};

use super::*;

async fn analyse(server: &Server, items: Value) -> Value {
    let answer = server
        .send_as(
            Role::Integrator,
            post_json("/v1/analyze", &json!({ "items": items })),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    answer.json()
}

#[actix_web::test]
async fn texts_come_back_redacted_with_their_mood() {
    let server = Server::start().await;
    let text = "😀我的电话是13800138000，三天了还没人处理，太差了";
    let answer = analyse(&server, json!([
        {"id": "1", "text": text, "speaker": "customer", "previous": "请问有什么可以帮您？"},
        {"id": "13900139000", "text": "Thank you so much, great service", "speaker": "agent", "language": "en"},
    ]))
    .await;
    let first = &answer["items"][0];
    assert!(!answer.to_string().contains("13800138000"));
    assert_eq!(first["id"], "1");
    assert_eq!(first["language"], "zh");
    assert_eq!(
        first["pii"][0],
        json!({"kind": "phone", "start": 6, "end": 17})
    );
    assert_eq!(first["sentiment"]["label"], "negative");
    assert!(first["sentiment"]["score"].as_f64().unwrap() < -0.5);
    assert!(first["dissatisfaction"]["probability"].as_f64().unwrap() > 0.5);
    assert!(
        first["sentiment"]["explanation"][0]["weight"]
            .as_f64()
            .unwrap()
            < 0.0
    );
    let second = &answer["items"][1];
    assert!(!second["id"].as_str().unwrap().contains("13900139000"));
    assert_eq!(second["sentiment"]["label"], "positive");
    assert_eq!(second["dissatisfaction"], Value::Null);
    assert!(
        answer["models"]["sentiment"]
            .as_str()
            .unwrap()
            .contains("polarity-zh@")
    );
}

#[actix_web::test]
async fn degenerate_texts_are_answered() {
    let server = Server::start().await;
    let long = "这个服务太差了".repeat(50_000);
    let texts = [
        "",
        "好",
        "😀😀",
        "123",
        "これは本です",
        &long,
        "good 不错 ok",
    ];
    let items: Vec<Value> = texts
        .iter()
        .map(|text| json!({"id": "x", "text": text}))
        .collect();
    let answer = analyse(&server, json!(items)).await;
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items.len(), texts.len());
    for item in items {
        let told = &item["sentiment"]["probabilities"];
        let sum: f64 = ["negative", "neutral", "positive"]
            .iter()
            .map(|k| told[*k].as_f64().unwrap())
            .sum();
        assert!((sum - 1.0).abs() < 1e-6);
    }
    assert_eq!(items[0]["sentiment"]["label"], "neutral");
    assert_eq!(items[0]["language"], Value::Null);
    assert_eq!(items[0]["dissatisfaction"], Value::Null);
    assert_eq!(items[4]["language"], "ja");
    assert_eq!(items[4]["sentiment"]["score"], 0.0);
    assert_eq!(items[5]["sentiment"]["label"], "negative");
    assert_eq!(analyse(&server, json!([])).await["items"], json!([]));
}

#[actix_web::test]
async fn mistakes_are_named_and_never_quoted() {
    let server = Server::start().await;
    let body = json!({"items": [{"id": "1", "text": "a", "speaker": "boss"}]});
    let answer = server
        .send_as(Role::Integrator, post_json("/v1/analyze", &body))
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let body = json!({"items": []});
    let refused = server
        .send_as(Role::Planner, post_json("/v1/analyze", &body))
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
