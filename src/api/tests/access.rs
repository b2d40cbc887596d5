//! Keys, roles, the demo, and what every answer has in common.

use std::net::TcpListener;

use actix_web::http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::api::{Doors, openapi, serve};
use crate::domain::Permission;

/// Every operation: method, path with its parameters filled, permission (`none` without a key).
fn operations() -> Vec<(Method, String, String)> {
    let description = serde_json::to_value(openapi()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // A surplus parameter ends those that read before they ask the engine.
            let path = path.replace("{id}", "x").replace("{name}", "x") + "?surplus=1";
            let needs = operation["x-permission"].as_str().unwrap().to_owned();
            operations.push((method.to_uppercase().parse().unwrap(), path, needs));
        }
    }
    assert!(operations.len() >= 13);
    operations
}

fn request(method: &Method, path: &str) -> TestRequest {
    TestRequest::default().method(method.clone()).uri(path)
}

#[actix_web::test]
async fn no_operation_answers_without_a_key() {
    let server = Server::start().await;
    for (method, path, needs) in operations() {
        let answer = server
            .send(request(&method, &path).peer_addr(loopback()))
            .await;
        if needs == "none" {
            assert_ne!(answer.status.as_u16(), 401, "{method} {path}");
            continue;
        }
        assert_eq!(answer.status.as_u16(), 401, "{method} {path}");
        assert_eq!(answer.mistake().0, "unauthenticated");
        assert_eq!(answer.headers.get("www-authenticate").unwrap(), "Bearer");
        for wrong in [
            "Bearer tc_0000000000000000.AAAA",
            "Bearer",
            "Basic YTpi",
            "tc_1.2",
        ] {
            let request = request(&method, &path).insert_header(("authorization", wrong));
            assert_eq!(
                server.send(request).await.status.as_u16(),
                401,
                "{method} {path} {wrong}"
            );
        }
    }
}

#[actix_web::test]
async fn each_role_may_do_what_its_permissions_say() {
    let server = Server::start().await;
    for role in Role::ALL {
        let key = server.key(role).await;
        for (method, path, needs) in operations()
            .into_iter()
            .filter(|(_, _, needs)| needs != "none")
        {
            let permission = Permission::ALL
                .into_iter()
                .find(|known| known.as_str() == needs)
                .unwrap();
            let request =
                request(&method, &path).insert_header(("authorization", format!("Bearer {key}")));
            let answer = server.send(request).await;
            let refused = answer.status.as_u16() == 403;
            assert_eq!(refused, !role.allows(permission), "{role} {method} {path}");
            assert_ne!(answer.status.as_u16(), 401, "{role} {method} {path}");
            if refused {
                assert!(
                    answer.problem().detail.contains(&needs),
                    "names the permission"
                );
            }
        }
    }
}

#[actix_web::test]
async fn a_revoked_key_is_refused() {
    let server = Server::start().await;
    let made = server
        .send_as(
            Role::Admin,
            post_json("/v1/keys", &json!({"name": "bi", "role": "analyst"})),
        )
        .await;
    assert_eq!(made.status.as_u16(), 201);
    let (id, key) = (made.json()["id"].clone(), made.json()["key"].clone());
    let bearer = format!("Bearer {}", key.as_str().unwrap());
    let ask = || {
        TestRequest::get()
            .uri("/v1/queries")
            .insert_header(("authorization", bearer.clone()))
    };
    assert_eq!(server.send(ask()).await.status.as_u16(), 200);
    let path = format!("/v1/keys/{}", id.as_str().unwrap());
    let revoke = || TestRequest::delete().uri(&path);
    assert_eq!(
        server.send_as(Role::Admin, revoke()).await.status.as_u16(),
        204
    );
    assert_eq!(
        server.send_as(Role::Admin, revoke()).await.status.as_u16(),
        204
    );
    assert_eq!(server.send(ask()).await.status.as_u16(), 401);
    let listed = server
        .send_as(Role::Admin, TestRequest::get().uri("/v1/keys"))
        .await;
    assert!(
        !listed
            .body
            .windows(20)
            .any(|part| key.as_str().unwrap().as_bytes().ends_with(part))
    );
    let audit = server.state.store.list_audit(None, 100).await.unwrap();
    let of_key: Vec<_> = audit
        .iter()
        .filter(|row| id == row.target.as_str())
        .collect();
    assert_eq!(of_key.last().unwrap().action, "key.create");
    assert_eq!(of_key[0].action, "key.revoke");
    let none = server
        .send_as(
            Role::Admin,
            TestRequest::delete().uri("/v1/keys/0000000000000000"),
        )
        .await;
    assert_eq!(none.mistake().0, "not_found");
    let wrong = server
        .send_as(
            Role::Admin,
            post_json("/v1/keys", &json!({"name": "bi", "role": "god"})),
        )
        .await;
    assert_eq!(
        wrong.mistake(),
        ("invalid_parameter".into(), vec!["/role".into()])
    );
}

#[actix_web::test]
async fn the_demo_lets_loopback_in_under_loopback_names_alone() {
    let server = Server::start_with(true, 1 << 30).await;
    let ask = |peer: &str, host: &str| {
        TestRequest::get()
            .uri("/v1/keys")
            .peer_addr(peer.parse().unwrap())
            .insert_header(("host", host.to_owned()))
    };
    assert_eq!(
        server
            .send(ask("127.0.0.1:1", "localhost:8080"))
            .await
            .status
            .as_u16(),
        200
    );
    assert_eq!(
        server
            .send(ask("[::1]:1", "[::1]:8080"))
            .await
            .status
            .as_u16(),
        200
    );
    assert_eq!(
        server
            .send(ask("192.0.2.1:1", "localhost"))
            .await
            .status
            .as_u16(),
        401
    );
    assert_eq!(
        server
            .send(ask("127.0.0.1:1", "evil.example"))
            .await
            .status
            .as_u16(),
        403
    );
    let page = ask("127.0.0.1:1", "localhost").insert_header(("origin", "https://evil.example"));
    assert_eq!(server.send(page).await.status.as_u16(), 403);
    let key = server.key(Role::Executive).await;
    let with_key =
        ask("127.0.0.1:1", "localhost").insert_header(("authorization", format!("Bearer {key}")));
    assert_eq!(
        server.send(with_key).await.status.as_u16(),
        403,
        "a key that is sent counts"
    );
    let wrong = ask("127.0.0.1:1", "localhost").insert_header(("authorization", "Bearer tc_1.2"));
    assert_eq!(server.send(wrong).await.status.as_u16(), 401);
}

#[actix_web::test]
async fn paths_and_methods_that_are_not_there_are_problems() {
    let server = Server::start().await;
    for path in ["/nothing", "/v1/nothing", "/docs/nothing.js"] {
        let answer = server
            .send_as(Role::Admin, TestRequest::get().uri(path))
            .await;
        assert_eq!(answer.mistake().0, "not_found", "{path}");
    }
    let answer = server
        .send_as(Role::Admin, TestRequest::put().uri("/v1/keys"))
        .await;
    assert_eq!(answer.mistake().0, "method_not_allowed");
    let allow = answer.headers.get("allow").unwrap().to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    let answer = server
        .send_as(Role::Admin, TestRequest::get().uri("/v1/events"))
        .await;
    assert_eq!(answer.status.as_u16(), 405);
}

#[actix_web::test]
async fn every_answer_carries_safe_headers() {
    let server = Server::start().await;
    for path in ["/v1/health/live", "/docs/", "/nothing"] {
        let answer = server.send(TestRequest::get().uri(path)).await;
        for name in [
            "x-request-id",
            "content-security-policy",
            "x-content-type-options",
        ] {
            assert!(answer.headers.contains_key(name), "{path} {name}");
        }
    }
}

#[actix_web::test]
async fn readiness_names_what_is_missing() {
    let server = Server::start().await;
    let ask = || TestRequest::get().uri("/v1/health/ready");
    let answer = server.send(ask()).await;
    assert_eq!(
        answer.mistake(),
        ("not_ready".into(), vec!["/components/lake".into()])
    );
    server.state.health.ready("lake");
    assert_eq!(server.send(ask()).await.json()["ready"], true);
}

#[actix_web::test]
async fn pages_lead_to_the_documentation() {
    let server = Server::start().await;
    let root = server.send(TestRequest::get().uri("/")).await;
    assert_eq!(root.status.as_u16(), 302);
    assert_eq!(root.headers.get("location").unwrap(), "/docs");
    for (path, part) in [
        ("/docs/", "swagger"),
        ("/docs/errors", "unauthenticated"),
        ("/openapi.yaml", "openapi: 3.1"),
        ("/openapi.json", "events_post"),
    ] {
        let answer = server.send(TestRequest::get().uri(path)).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        let text = String::from_utf8_lossy(&answer.body);
        assert!(text.contains(part), "{path}: {text:.200}");
    }
}

/// One plain HTTP/1.1 exchange.
async fn exchange(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[actix_web::test]
async fn both_ports_answer_until_the_shutdown() {
    let server = Server::start().await;
    let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
    let doors = Doors {
        http: bind(),
        admin: bind(),
        folder: None,
        tls: None,
        shutdown_timeout: Duration::from_secs(1),
    };
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let (http, admin) = (port(&doors.http), port(&doors.admin));
    let shutdown = CancellationToken::new();
    let served = actix_web::rt::spawn(serve(doors, server.state.clone(), shutdown.clone()));
    let get =
        |path: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(
        exchange(http, &get("/v1/health/live"))
            .await
            .starts_with("HTTP/1.1 200")
    );
    let metrics = exchange(admin, &get("/metrics")).await;
    let counted = "route=\"/v1/health/live\",status=\"200\"";
    assert!(metrics.contains(counted), "{metrics}");
    assert!(
        exchange(http, &get("/metrics"))
            .await
            .starts_with("HTTP/1.1 404"),
        "on the admin port alone"
    );

    let key = server.key(Role::Ingest).await;
    let (first, second) = (event("1").to_string(), event("2").to_string());
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let (head, tail) = second.split_at(40);
    let body = [
        chunk(&first),
        chunk("\n"),
        chunk(head),
        chunk(tail),
        "0\r\n\r\n".into(),
    ]
    .concat();
    let request = format!(
        "POST /v1/events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n{body}"
    );
    let answer = exchange(http, &request).await;
    assert!(answer.contains("\"accepted\":2"), "{answer}");

    shutdown.cancel();
    served.await.unwrap().unwrap();
}
