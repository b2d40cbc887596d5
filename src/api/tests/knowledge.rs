//! Articles and search through the door.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Answer, Server, TestRequest, post, post_json};
use crate::domain::Role;

const MANAGER: Role = Role::KnowledgeManager;
const ARTICLES: &str = "/v1/knowledge/articles";
const IMPORT: &str = "/v1/knowledge/articles/import";

async fn import(server: &Server, kind: &str, body: impl Into<bytes::Bytes>) -> Answer {
    server.send_as(MANAGER, post(IMPORT, kind, body)).await
}

async fn search(server: &Server, base: &str, query: &str) -> Value {
    let body = json!({"base": base, "queries": [{"id": "q", "query": query}], "limit": 3});
    let answer = server
        .send_as(Role::Integrator, post_json("/v1/knowledge/search", &body))
        .await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.json()["results"][0].clone()
}

fn put(id: &str, version: Option<&str>, body: &Value) -> TestRequest {
    let request = TestRequest::put()
        .uri(&format!("{ARTICLES}/{id}?base=bank"))
        .insert_header(("content-type", "application/json"))
        .set_payload(body.to_string());
    match version {
        Some(version) => request.insert_header(("if-match", version)),
        None => request,
    }
}

fn three() -> String {
    [
        json!({"id": "a-1", "base": "bank", "question": "怎么修改密码", "answer": "打开**设置**，点修改密码。"}),
        json!({"id": "a-2", "base": "bank", "question": "如何注销账户", "answer": "请到网点办理。"}),
        json!({"id": "花/呗 %", "base": "bank", "question": "花呗怎么还款", "answer": "点我要还款。"}),
    ]
    .map(|article| article.to_string() + "\n")
    .concat()
}

#[actix_web::test]
async fn an_import_is_found_at_once() {
    let server = Server::start().await;
    let answer = import(&server, "application/x-ndjson", three())
        .await
        .json();
    assert_eq!(
        (&answer["created"], &answer["updated"]),
        (&json!(3), &json!(0))
    );
    let found = search(&server, "bank", "更改密码").await;
    assert_eq!(found["id"], "q");
    let first = &found["items"][0];
    assert_eq!(first["article_id"], "a-1");
    assert_eq!(first["p_answered"], found["p_answered"]);
    assert!(first["snippet"].as_str().unwrap().contains("修改密码"));
    assert!(!first["highlights"].as_array().unwrap().is_empty());
    let again = import(&server, "application/x-ndjson", three())
        .await
        .json();
    assert_eq!(
        (&again["created"], &again["updated"]),
        (&json!(0), &json!(3))
    );
    let found = search(&server, "bank", "花呗还钱").await;
    assert_eq!(found["items"][0]["article_id"], "花/呗 %");
    let path = format!("{ARTICLES}/%E8%8A%B1%2F%E5%91%97%20%25?base=bank");
    let read = server.send_as(MANAGER, TestRequest::get().uri(&path)).await;
    assert_eq!(read.json()["id"], "花/呗 %");
}

#[actix_web::test]
async fn a_base_learns_in_the_background() {
    let server = Server::start().await;
    import(&server, "application/x-ndjson", three()).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let get = TestRequest::get().uri("/v1/knowledge/bases/bank");
        let base = server.send_as(Role::Integrator, get).await.json();
        assert_eq!(
            (&base["base"], &base["articles"]),
            (&json!("bank"), &json!(3))
        );
        if base["model_ready"] == true {
            assert!(base["model_version"].as_u64().unwrap() > 0);
            break;
        }
        assert!(Instant::now() < deadline, "{base}");
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn two_editors_do_not_lose_a_change() {
    let server = Server::start().await;
    let body = json!({"question": "怎么修改密码", "answer": "一"});
    let made = server.send_as(MANAGER, put("a-1", None, &body)).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.headers.get("etag").unwrap(), "\"1\"");
    let changed = json!({"question": "怎么重置口令", "answer": "二"});
    for stale in [None, Some("\"7\"")] {
        let refused = server.send_as(MANAGER, put("a-1", stale, &changed)).await;
        assert_eq!(refused.status, 412);
        assert_eq!(refused.json()["code"], "precondition_failed");
    }
    let done = server
        .send_as(MANAGER, put("a-1", Some("\"1\""), &changed))
        .await;
    assert_eq!(
        (done.status.as_u16(), done.json()["version"].as_i64()),
        (200, Some(2))
    );
    assert_eq!(
        search(&server, "bank", "重置口令").await["items"][0]["question"],
        "怎么重置口令"
    );
    let versions = TestRequest::get().uri("/v1/knowledge/articles/a-1/versions?base=bank");
    let versions = server.send_as(MANAGER, versions).await.json();
    assert_eq!(versions["items"][1]["content"]["answer"], "一");
    let path = format!("{ARTICLES}/a-1?base=bank");
    let delete = |version: &'static str| {
        TestRequest::delete()
            .uri(&path)
            .insert_header(("if-match", version))
    };
    assert_eq!(server.send_as(MANAGER, delete("\"1\"")).await.status, 412);
    assert_eq!(server.send_as(MANAGER, delete("\"2\"")).await.status, 204);
    assert_eq!(search(&server, "bank", "重置口令").await["p_answered"], 0.0);
}

#[actix_web::test]
async fn what_is_not_allowed_is_said() {
    let server = Server::start().await;
    let head = import(&server, "text/csv", "question;answer\r\n1;2\r\n").await;
    assert_eq!(head.status, 422);
    assert!(
        head.json()["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("similar_questions")
    );
    let lines = "id,question,answer\r\n1,怎么修改密码,打开\r\n2,,x\r\n3,a\r\n";
    let answer = import(&server, "text/csv", lines).await.json();
    assert_eq!(
        (&answer["created"], &answer["refused_count"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(answer["refused"][0]["line"], 3);
    assert_eq!(answer["refused"][0]["errors"][0]["pointer"], "/question");
    let long = json!({"id": "x", "question": "q", "answer": "长".repeat(5 << 20 >> 1)}).to_string();
    let answer = import(&server, "application/x-ndjson", long.clone())
        .await
        .json();
    assert!(
        answer["refused"][0]["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("1 MiB")
    );
    let posted = server
        .send_as(MANAGER, post(ARTICLES, "application/json", long))
        .await;
    assert_eq!(
        (posted.status.as_u16(), posted.json()["code"].as_str()),
        (413, Some("payload_too_large"))
    );
    let body = json!({"base": "nowhere", "queries": [{"query": "密码"}]});
    let missing = server
        .send_as(MANAGER, post_json("/v1/knowledge/search", &body))
        .await;
    assert_eq!(
        (missing.status.as_u16(), missing.json()["code"].as_str()),
        (404, Some("not_found"))
    );
    let bad = json!({"base": "a b", "question": "q"});
    let bad = server.send_as(MANAGER, post_json(ARTICLES, &bad)).await;
    assert_eq!(bad.json()["errors"][0]["pointer"], "/base");
    let forbidden = server
        .send_as(
            Role::Integrator,
            post(IMPORT, "application/x-ndjson", three()),
        )
        .await;
    assert_eq!(forbidden.status, 403);
}

#[actix_web::test]
async fn an_export_can_be_imported() {
    let server = Server::start().await;
    import(&server, "application/x-ndjson", three()).await;
    for (format, kind) in [("csv", "text/csv"), ("jsonl", "application/x-ndjson")] {
        let uri = format!("/v1/knowledge/bases/bank/export?format={format}");
        let file = server.send_as(MANAGER, TestRequest::get().uri(&uri)).await;
        assert_eq!(file.status, 200);
        let answer = import(&server, kind, file.body).await.json();
        assert_eq!(
            (&answer["updated"], &answer["refused_count"]),
            (&json!(3), &json!(0))
        );
        let page = format!("{ARTICLES}?base=bank&limit=2");
        let page = server
            .send_as(MANAGER, TestRequest::get().uri(&page))
            .await
            .json();
        assert_eq!(
            page["items"][0]["version"], 1,
            "the same content is no new version"
        );
        assert!(page["next_cursor"].is_string());
    }
}

#[actix_web::test]
async fn only_what_is_valid_and_published_answers() {
    let server = Server::start().await;
    let lines = [
        json!({"id": "draft", "base": "b", "question": "怎么修改密码", "status": "draft"}),
        json!({"id": "over", "base": "b", "question": "怎么修改密码", "valid_to": "2026-01-01T00:00:00Z"}),
        json!({"id": "app", "base": "b", "question": "怎么修改密码", "channels": ["app"]}),
    ];
    let body = lines.map(|line| line.to_string() + "\n").concat();
    import(&server, "application/x-ndjson", body).await;
    let found = search(&server, "b", "修改密码").await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(found["items"][0]["article_id"], "app");
    let body = json!({"base": "b", "queries": [{"query": "修改密码"}], "channel": "call"});
    let call = server
        .send_as(MANAGER, post_json("/v1/knowledge/search", &body))
        .await
        .json();
    assert_eq!(call["results"][0]["p_answered"], 0.0);
}
