//! Topics of the lake through the door: a run, what people decide, figures and drivers.

use serde_json::json;

use super::*;

const WANTS: [(&str, &str); 4] = [
    ("我想取消家里的宽带套餐", "取消宽带"),
    ("请问我的快递包裹为什么还没有到", "包裹没到"),
    ("帮我查一下上个月的话费账单", "话费账单"),
    ("手机流量用完了怎么办理加油包", "流量加油包"),
];

/// A chat in which a customer asks one thing; every second one about broadband is abandoned.
fn chat(id: usize) -> Value {
    let want = id % WANTS.len();
    let (text, short) = WANTS[want];
    let day = 1 + id % 20;
    let start = format!("2026-11-{day:02}T01:00:00Z");
    let outcome = if want == 0 && id.is_multiple_of(8) {
        "abandoned"
    } else {
        "answered"
    };
    let text = format!("{text}，{short}，编号{}", id % 7);
    json!({
        "specversion": "1.0", "id": format!("e{id}"), "source": "/chat", "type": "interaction.transcript.v1",
        "subject": format!("i{id}"), "time": start,
        "data": {"channel": "chat", "direction": "inbound", "entry": "queue",
            "legs": [{"handler": "queue", "queue": "all", "started_at": start,
                "ended_at": format!("2026-11-{day:02}T01:01:00Z"), "outcome": outcome}],
            "turns": [
                {"turn_id": "t1", "at": start, "speaker": {"role": "customer"}, "text": text, "content_type": "text"},
                {"turn_id": "t2", "at": format!("2026-11-{day:02}T01:00:30Z"), "speaker": {"role": "agent"},
                    "text": "好的，我帮您处理", "content_type": "text"}],
            "ended": {"time": format!("2026-11-{day:02}T01:02:00Z"), "reason": "completed", "ended_by": "customer"}}
    })
}

impl Server {
    /// Begins a run over the lake and waits for its end.
    async fn lake_run(&self, body: &Value) -> Value {
        let started = self
            .send_as(Role::Analyst, post_json("/v1/topics/runs", body))
            .await;
        assert_eq!(started.status, StatusCode::ACCEPTED, "{:?}", started.body);
        let id = started.json()["id"].as_str().unwrap().to_owned();
        loop {
            let view = self.read(&format!("/v1/topics/runs/{id}")).await;
            match view["status"].as_str().unwrap() {
                "done" => return view,
                "running" => tokio::task::yield_now().await,
                other => panic!("{other}"),
            }
        }
    }

    async fn read(&self, path: &str) -> Value {
        let answer = self
            .send_as(Role::Analyst, TestRequest::get().uri(path))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
        answer.json()
    }

    async fn rows(&self, sql: &str) -> Value {
        let asked = post_json("/v1/sql", &json!({"sql": sql}));
        let answer = self.send_as(Role::Analyst, asked).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        answer.json()["rows"].clone()
    }

    /// What a running server does within seconds.
    async fn publish(&self) {
        let topics = self.state.topics.topics.clone();
        let done = RUNTIME.spawn(async move { topics.publish().await.unwrap() });
        done.await.unwrap();
    }

    async fn decide(&self, request: TestRequest) -> Answer {
        self.send_as(Role::KnowledgeManager, request).await
    }
}

fn change(id: &str, version: &str, body: &Value) -> TestRequest {
    TestRequest::patch()
        .uri(&format!("/v1/topics/{id}"))
        .insert_header(("content-type", "application/json"))
        .insert_header(("if-match", format!("\"{version}\"")))
        .set_payload(body.to_string())
}

#[actix_web::test]
async fn nothing_was_asked_yet() {
    let server = Server::start().await;
    let done = server.lake_run(&json!({})).await;
    assert_eq!((&done["run"], &done["topics"]), (&Value::Null, &json!([])));
    let list = server.read("/v1/topics").await;
    assert_eq!((&list["items"], &list["n"]), (&json!([]), &json!(0)));
    assert_eq!((&list["run"], &list["drift"]), (&Value::Null, &Value::Null));
    let drivers = post_json("/v1/topics/drivers", &json!({"outcome": "abandoned"}));
    let drivers = server.send_as(Role::Analyst, drivers).await.json();
    assert_eq!((&drivers["n"], &drivers["items"]), (&json!(0), &json!([])));
    let unknown = TestRequest::get().uri("/v1/topics/t-1-1");
    let unknown = server.send_as(Role::Analyst, unknown).await;
    assert_eq!(unknown.mistake().0, "not_found");
}

#[actix_web::test]
async fn one_request_is_a_topic() {
    let server = Server::start().await;
    server.store(&[chat(1)]).await;
    let done = server.lake_run(&json!({"topics": 30})).await;
    assert_eq!(done["topics"].as_array().unwrap().len(), 1, "{done}");
    let list = server.read("/v1/topics").await;
    assert_eq!(list["items"][0]["requests"], 1);
}

#[actix_web::test]
async fn topics_of_the_lake_and_what_people_decide() {
    let server = Server::start().await;
    let chats: Vec<Value> = (0..160).map(chat).collect();
    server.store(&chats).await;
    let done = server.lake_run(&json!({"topics": 4})).await;
    assert_eq!(
        (&done["run"], &done["assignments"]),
        (&json!(1), &json!([]))
    );
    let list = server.read("/v1/topics?latest_days=5").await;
    assert_eq!(
        (&list["n"], &list["basis"]),
        (&json!(160), &json!("restated"))
    );
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 4, "{list}");
    assert!(items.iter().all(|item| item["requests"] == 40), "{list}");
    assert!(
        items.iter().all(|item| item["trend"]["rising"] == false),
        "{list}"
    );
    let of = |word: &str| {
        let found = items
            .iter()
            .find(|item| item["keywords"].to_string().contains(word));
        found.unwrap_or_else(|| panic!("{word}: {list}"))["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (broadband, parcel) = (of("宽带"), of("包裹"));
    drivers(&server, &broadband).await;
    analysis(&server, &broadband).await;
    names(&server, &broadband).await;
    merges(&server, &broadband, &parcel).await;
    again(&server, &broadband).await;
}

async fn drivers(server: &Server, broadband: &str) {
    let asked = post_json("/v1/topics/drivers", &json!({"outcome": "abandoned"}));
    let found = server.send_as(Role::Analyst, asked).await.json();
    assert_eq!((&found["n"], &found["outcomes"]), (&json!(160), &json!(20)));
    let items = found["items"].as_array().unwrap();
    let topic = items.iter().find(|item| item["kind"] == "topic").unwrap();
    assert_eq!(topic["topic_id"], broadband);
    assert_eq!(
        (&topic["interactions"], &topic["outcomes"]),
        (&json!(40), &json!(20))
    );
    assert!(
        (topic["lift"].as_f64().unwrap() - 4.0).abs() < 1e-9
            && topic["low"].as_f64().unwrap() > 1.0
    );
    assert!(items.iter().any(|item| item["kind"] == "phrase"), "{found}");
    let field = json!({"field": "queue", "values": ["nowhere"]});
    let none = server
        .send_as(Role::Analyst, post_json("/v1/topics/drivers", &field))
        .await;
    assert_eq!(none.json()["outcomes"], 0);
    for (body, pointer) in [
        (json!({}), "/outcome"),
        (json!({"outcome": "sad"}), "/outcome"),
        (json!({"field": "queue"}), "/values"),
        (json!({"outcome": "abandoned", "basis": "now"}), "/basis"),
        (
            json!({"outcome": "abandoned", "from": "yesterday"}),
            "/from",
        ),
        (json!({"outcome": "abandoned", "limit": 0}), "/limit"),
    ] {
        let answer = server
            .send_as(Role::Analyst, post_json("/v1/topics/drivers", &body))
            .await;
        assert_eq!(answer.mistake().1, [pointer], "{body}");
    }
}

async fn analysis(server: &Server, broadband: &str) {
    let body = json!({"items": [{"id": "1", "text": "我想取消家里的宽带套餐，取消宽带，编号1"}, {"id": "2", "text": "谢谢再见"},
        {"id": "3", "text": "我想取消宽带套餐", "speaker": "agent"}]});
    let answer = server
        .send_as(Role::Integrator, post_json("/v1/analyze", &body))
        .await
        .json();
    assert_eq!(answer["items"][0]["topic"]["id"], broadband, "{answer}");
    assert!(answer["items"][1]["topic"].is_null() && answer["items"][2]["topic"].is_null());
    assert_eq!(answer["models"]["topics"], "run-1");
}

async fn names(server: &Server, id: &str) {
    let named = server
        .decide(change(
            id,
            "0",
            &json!({"name": "退订宽带 13812345678", "pinned": true}),
        ))
        .await;
    assert_eq!(named.headers.get("etag").unwrap(), "\"1\"");
    let named = named.json();
    let name = named["name"].as_str().unwrap();
    assert!(
        name.starts_with("退订宽带 <PHONE:") && named["pinned"] == true,
        "{named}"
    );
    let stale = server.decide(change(id, "0", &json!({"name": "x"}))).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    for wrong in [json!({}), json!({"name": ""}), json!({"name": "a\nb"})] {
        let answer = server.decide(change(id, "1", &wrong)).await;
        assert_eq!(answer.mistake().1, ["/name"], "{wrong}");
    }
    let analyst = server
        .send_as(Role::Analyst, change(id, "1", &json!({"name": "x"})))
        .await;
    assert_eq!(analyst.status, StatusCode::FORBIDDEN);
    server.publish().await;
    let rows = server
        .rows(&format!(
            "select name, pinned from topics where topic_id = '{id}'"
        ))
        .await;
    assert_eq!(rows, json!([[name, true]]));
}

async fn merges(server: &Server, broadband: &str, parcel: &str) {
    let merge = |from: &str, into: &str| {
        post_json(&format!("/v1/topics/{from}/merge"), &json!({"into": into}))
    };
    let merged = server.decide(merge(parcel, broadband)).await.json();
    let list = server.read("/v1/topics").await;
    let of = |list: &Value, id: &str| {
        let items = list["items"].as_array().unwrap().clone();
        items.into_iter().find(|item| item["id"] == id)
    };
    assert_eq!(of(&list, broadband).unwrap()["requests"], 80, "{list}");
    assert!(of(&list, parcel).is_none());
    assert_eq!(
        server.decide(merge(parcel, broadband)).await.status,
        StatusCode::CONFLICT
    );
    assert_eq!(
        server.decide(merge(broadband, parcel)).await.mistake().1,
        ["/into"]
    );
    server.publish().await;
    let counted = "select count(*) from requests where restated_topic_id = ";
    let rows = server.rows(&format!("{counted}'{broadband}'")).await;
    assert_eq!(rows, json!([[80]]));
    let reported = server.read("/v1/topics?basis=as_reported").await;
    assert_eq!(of(&reported, parcel).unwrap()["requests"], 40, "{reported}");
    let done = server.lake_run(&json!({"topics": 4})).await;
    assert_eq!(done["run"], 2);
    let list = server.read("/v1/topics").await;
    assert_eq!(
        of(&list, broadband).unwrap()["requests"],
        80,
        "a merge holds in the next run: {list}"
    );
    let undo = format!("/v1/topics/merges/{}/undo", merged["id"].as_str().unwrap());
    let undone = server.decide(post(&undo, "application/json", "")).await;
    assert_eq!(undone.status, StatusCode::OK, "{:?}", undone.body);
    assert_eq!(
        server
            .decide(post(&undo, "application/json", ""))
            .await
            .status,
        StatusCode::CONFLICT
    );
    server.publish().await;
    let list = server.read("/v1/topics").await;
    assert_eq!(of(&list, parcel).unwrap()["requests"], 40, "{list}");
    let told = server.rows("select change, from_topic_id from topic_lineage where \"by\" = 'person' order by 1 desc").await;
    assert_eq!(told, json!([["unmerged", broadband], ["merged", parcel]]));
}

/// The same requests again, and some more: ids, names and what was reported stay.
async fn again(server: &Server, broadband: &str) {
    let before = server.read(&format!("/v1/topics/{broadband}")).await;
    let done = server.lake_run(&json!({"topics": 4})).await;
    assert_eq!(done["run"], 3);
    let after = server.read(&format!("/v1/topics/{broadband}")).await;
    assert_eq!(
        (&after["name"], &after["requests"]),
        (&before["name"], &before["requests"])
    );
    let changes = after["lineage"].as_array().unwrap();
    let continued = changes
        .iter()
        .filter(|row| row["change"] == "continued")
        .count();
    assert_eq!(continued, 2, "{after}");
    assert_eq!(after["days"].as_array().unwrap().len(), 5);
    let daily = server
        .rows("select basis, cast(sum(requests) as bigint), cast(sum(abandoned) as bigint) from topic_daily group by basis order by 1")
        .await;
    assert_eq!(
        daily,
        json!([["as_reported", 160, 20], ["restated", 160, 20]])
    );
    let first = server
        .rows("select distinct topic_run, restated_run from requests")
        .await;
    assert_eq!(first, json!([[1, 3]]));
}
