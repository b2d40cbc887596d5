//! Clustering runs through the door.

use serde_json::json;

use super::*;

/// Posts a run and asks for it until it has ended.
async fn run(server: &Server, body: &Value) -> Value {
    let started = server
        .send_as(Role::Analyst, post_json("/v1/topics/runs", body))
        .await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{:?}", started.body);
    let id = started.json()["id"].as_str().unwrap().to_owned();
    loop {
        let path = format!("/v1/topics/runs/{id}");
        let asked = server
            .send_as(Role::Analyst, TestRequest::get().uri(&path))
            .await;
        assert_eq!(asked.status, StatusCode::OK);
        let view = asked.json();
        match view["status"].as_str().unwrap() {
            "done" => return view,
            "queued" | "running" => tokio::task::yield_now().await,
            other => panic!("{other}"),
        }
    }
}

#[actix_web::test]
async fn every_text_with_a_word_has_a_topic_and_no_number_of_a_person() {
    let server = Server::start().await;
    let wants = [
        "宽带断网了 13812345678",
        "我要退款 没到账",
        "cancel my policy",
    ];
    // More than the limit of other bodies.
    let long = "退款".repeat(300_000);
    let mut texts: Vec<Value> = (0..60)
        .map(|i| json!({"id": format!("q{i}"), "text": wants[i % 3]}))
        .collect();
    texts.push(json!({"id": "long", "text": long}));
    texts.push(json!({"id": "none", "text": "😀"}));
    let body = json!({"texts": texts, "language": "auto", "topics": 3, "seed": 7});
    let view = run(&server, &body).await;
    assert_eq!(view["topics"].as_array().unwrap().len(), 3);
    let given = view["assignments"].as_array().unwrap();
    assert_eq!(given.len(), 62);
    for (i, one) in given.iter().take(60).enumerate() {
        assert_eq!(one["id"], format!("q{i}"));
        assert_eq!(one["topic_id"], given[i % 3]["topic_id"], "{i}");
    }
    assert!(given[60]["topic_id"].is_string() && given[61]["topic_id"].is_null());
    let sizes = view["topics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|topic| topic["size"].as_u64().unwrap());
    assert_eq!(sizes.sum::<u64>(), 61);
    assert!(!view.to_string().contains("13812345678"), "{view}");
    assert_eq!(
        run(&server, &body).await["assignments"],
        view["assignments"],
        "the same seed"
    );
}

#[actix_web::test]
async fn empty_and_wrong_runs() {
    let server = Server::start().await;
    let empty = run(&server, &json!({"texts": []})).await;
    assert_eq!(
        (&empty["topics"], &empty["assignments"]),
        (&json!([]), &json!([]))
    );
    for (body, pointer) in [
        (json!({"texts": [], "topics": 0}), "/topics"),
        (json!({"texts": [], "topics": -1}), "/topics"),
        (json!({"texts": [], "topics": 501}), "/topics"),
        (json!({"texts": [], "language": "中文"}), "/language"),
        (json!({"texts": [{"id": 1, "text": ""}]}), "/texts/0/id"),
        (json!({"text": []}), "/text"),
    ] {
        let answer = server
            .send_as(Role::Analyst, post_json("/v1/topics/runs", &body))
            .await;
        assert_eq!(answer.mistake().1, [pointer], "{body}");
    }
    let unknown = TestRequest::get().uri("/v1/topics/runs/run-x");
    assert_eq!(
        server.send_as(Role::Analyst, unknown).await.mistake().0,
        "not_found"
    );
    let planner = post_json("/v1/topics/runs", &json!({"texts": []}));
    assert_eq!(
        server.send_as(Role::Planner, planner).await.status,
        StatusCode::FORBIDDEN
    );
}
