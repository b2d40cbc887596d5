//! Search in turns through the door.

use serde_json::{Value, json};

use super::{RUNTIME, Server, TestRequest};
use crate::domain::Role;

const SEARCH: &str = "/v1/turns/search";

fn turn(id: &str, speaker: &str, second: u32, text: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/pbx", "type": "interaction.turn.v1", "subject": "chat-1",
        "time": format!("2026-11-20T03:15:{second:02}Z"),
        "data": {"turn_id": id, "speaker": {"role": speaker}, "text": text, "content_type": "text"}
    })
}

fn recall(id: &str) -> Value {
    json!({
        "specversion": "1.0", "id": format!("r-{id}"), "source": "/pbx", "type": "interaction.turn_recalled.v1",
        "subject": "chat-1", "time": "2026-11-20T03:16:00Z", "data": {"turn_id": id}
    })
}

fn asked(query: &[(&str, &str)]) -> TestRequest {
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    TestRequest::get().uri(&format!("{SEARCH}?{query}"))
}

async fn found(server: &Server, query: &[(&str, &str)]) -> Value {
    // A search waits for turns, but not for as long as a busy machine may need.
    let turns = server.state.turns.clone();
    let caught_up = RUNTIME.spawn(async move { turns.round().await.unwrap() });
    caught_up.await.unwrap();
    let answer = server.send_as(Role::Analyst, asked(query)).await;
    assert_eq!(answer.status, 200, "{query:?}: {:?}", answer.body);
    let page = answer.json();
    assert_eq!(page["complete"], true);
    page
}

fn ids(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item["turn_id"].as_str().unwrap())
        .collect()
}

#[actix_web::test]
async fn what_was_said_is_found_until_it_is_recalled() {
    let server = Server::start().await;
    let said = [
        turn(
            "t1",
            "customer",
            1,
            "我要修改登录密码，我的号码是13812345678",
        ),
        turn("t2", "agent", 2, "好的，请在设置里修改密码"),
        turn("t3", "customer", 3, "密码改好了"),
    ];
    server.store(&said).await;
    let page = found(&server, &[("q", "密码")]).await;
    assert_eq!(ids(&page), ["t3", "t2", "t1"]);
    let oldest = &page["items"][2];
    assert!(!oldest["snippet"].as_str().unwrap().contains("13812345678"));
    assert_eq!(oldest["highlights"][0], json!([6, 8]));
    assert_eq!(
        ids(&found(&server, &[("q", "修改密码"), ("speaker", "agent")]).await),
        ["t2"]
    );
    let early = [("q", "密码"), ("to", "2026-11-20T03:15:02Z")];
    assert_eq!(ids(&found(&server, &early).await), ["t1"]);

    let first = found(&server, &[("q", "密码"), ("limit", "2")]).await;
    assert_eq!(ids(&first), ["t3", "t2"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = found(
        &server,
        &[("q", "密码"), ("limit", "2"), ("cursor", cursor)],
    )
    .await;
    assert_eq!(
        (ids(&second), &second["next_cursor"]),
        (vec!["t1"], &Value::Null)
    );

    server.store_suspect(&[recall("t2")], 10).await;
    assert_eq!(ids(&found(&server, &[("q", "密码")]).await), ["t3", "t1"]);
}

#[actix_web::test]
async fn who_may_not_see_turns_finds_none_and_mistakes_are_named() {
    let server = Server::start().await;
    for role in [
        Role::Planner,
        Role::Executive,
        Role::Integrator,
        Role::Ingest,
    ] {
        let answer = server.send_as(role, asked(&[("q", "密码")])).await;
        assert_eq!(answer.status, 403, "{role}");
    }
    let wrong = asked(&[
        ("q", " "),
        ("channel", "fax"),
        ("speaker", "me"),
        ("cursor", "x"),
    ]);
    let (code, pointers) = server.send_as(Role::Analyst, wrong).await.mistake();
    assert_eq!(code, "invalid_parameter");
    assert_eq!(pointers, ["/q", "/channel", "/speaker", "/cursor"]);
}
