//! Dated changes through the door.

use serde_json::{Value, json};

use super::{Server, TestRequest, post_json};
use crate::domain::Role;

const MANAGER: Role = Role::KnowledgeManager;
const INTERVENTIONS: &str = "/v1/interventions";

async fn get(server: &Server, path: &str) -> Value {
    let answer = server.send_as(MANAGER, TestRequest::get().uri(path)).await;
    assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
    answer.json()
}

#[actix_web::test]
async fn publishing_an_article_opens_one() {
    let server = Server::start().await;
    let draft = json!({"id": "a-1", "base": "bank", "question": "怎么修改密码", "answer": "一", "status": "draft"});
    let made = server
        .send_as(MANAGER, post_json("/v1/knowledge/articles", &draft))
        .await;
    assert_eq!(made.status, 201);
    let none = get(&server, INTERVENTIONS).await;
    assert_eq!(none, json!({"items": [], "next_cursor": null}));
    let put = TestRequest::put()
        .uri("/v1/knowledge/articles/a-1?base=bank")
        .insert_header(("content-type", "application/json"))
        .insert_header(("if-match", "\"1\""))
        .set_payload(json!({"question": "怎么修改密码", "answer": "一"}).to_string());
    assert_eq!(server.send_as(MANAGER, put).await.status, 200);
    let page = get(
        &server,
        &format!("{INTERVENTIONS}?article_id=a-1&base=bank"),
    )
    .await;
    let opened = &page["items"][0];
    assert_eq!(opened["origin"], "published");
    assert_eq!(
        (&opened["kind"], &opened["date"]),
        (&json!("article"), &json!("2026-11-20"))
    );
    assert_eq!(
        opened["article"],
        json!({"base": "bank", "id": "a-1", "version": 2})
    );
    let id = opened["id"].as_str().unwrap();
    let effect = get(&server, &format!("{INTERVENTIONS}/{id}/effect")).await;
    assert_eq!(effect["verdict"], "too_early");
    assert_eq!(effect["next_verdict_on"], "2026-12-04");
    let of_article = get(&server, "/v1/knowledge/articles/a-1/effect?base=bank").await;
    assert_eq!(of_article["items"][0]["intervention"]["id"], id);
    let other = TestRequest::get().uri("/v1/knowledge/articles/a-9/effect?base=bank");
    assert_eq!(server.send_as(MANAGER, other).await.status, 404);
}

#[actix_web::test]
async fn mistakes_say_what_is_allowed() {
    let server = Server::start().await;
    let wrong = json!({"kind": "menu", "title": " ", "date": "2026-11-21", "topics": ["t-9"],
        "article": {"id": "nothing"}});
    let answer = server
        .send_as(MANAGER, post_json(INTERVENTIONS, &wrong))
        .await;
    let problem = answer.problem();
    let at = |pointer: &str| {
        let found = problem.errors.iter().find(|error| error.pointer == pointer);
        found
            .unwrap_or_else(|| panic!("{pointer}: {problem:?}"))
            .detail
            .clone()
    };
    assert_eq!(answer.status, 422);
    assert!(at("/kind").contains("ivr_menu"));
    assert!(at("/title").contains("300"));
    assert!(at("/date").contains("2026-11-20"));
    assert!(at("/topics/0").contains("no topics yet"));
    assert!(at("/article/id").contains("default"));
    let page = get(&server, INTERVENTIONS).await;
    assert!(page["items"].as_array().unwrap().is_empty());
    for (query, pointer) in [
        ("kind=x", "/kind"),
        ("from=yesterday", "/from"),
        ("cursor=x", "/cursor"),
    ] {
        let request = TestRequest::get().uri(&format!("{INTERVENTIONS}?{query}"));
        let (_, pointers) = server.send_as(MANAGER, request).await.mistake();
        assert_eq!(pointers, [pointer]);
    }
}

#[actix_web::test]
async fn only_those_who_keep_the_knowledge_see_them() {
    let server = Server::start().await;
    for role in [
        Role::Planner,
        Role::Executive,
        Role::Analyst,
        Role::Integrator,
    ] {
        let request = TestRequest::get().uri(INTERVENTIONS);
        assert_eq!(server.send_as(role, request).await.status, 403, "{role}");
    }
    let missing = TestRequest::get().uri("/v1/interventions/i-0/effect");
    assert_eq!(server.send_as(Role::Admin, missing).await.status, 404);
}
