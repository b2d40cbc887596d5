//! From requests to gaps, decisions and articles, through the door.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Answer, RUNTIME, Server, TestRequest, noon, post, post_json};
use crate::domain::{Micros, Role};
use crate::jobs::{Gaps, GapsDone, Requests};

const MANAGER: Role = Role::KnowledgeManager;
const GAPS: &str = "/v1/knowledge/gaps";

/// Chats with a bot in front, each of another customer.
#[derive(Default)]
struct Chats {
    events: Vec<Value>,
    count: i64,
}

/// What a bot did with a question.
struct Asked<'a> {
    text: &'a str,
    /// None: no search was logged.
    searched: bool,
    shown: Option<&'a str>,
    accepted: bool,
    /// What the agent said who took over.
    agent: Option<&'a str>,
}

impl<'a> Asked<'a> {
    const fn failed(text: &'a str, shown: Option<&'a str>) -> Self {
        Self {
            text,
            searched: true,
            shown,
            accepted: false,
            agent: Some("这个问题我来帮您处理一下"),
        }
    }
}

impl Chats {
    fn add(&mut self, asked: &Asked<'_>) {
        self.count += 1;
        let id = format!("chat-{}", self.count);
        let start = Micros::parse("2026-10-26T08:00:00Z").unwrap().0;
        let start = start + self.count * 7 * 3_600_000_000;
        let steps = asked.steps(&id, &format!("c-{}", self.count));
        for (step, (kind, data)) in (1..).zip(steps) {
            let time = Micros(start + step * 10_000_000).to_string();
            self.events.push(
                json!({"specversion": "1.0", "id": format!("{id}-{step}"), "source": "/t",
                "type": kind, "subject": id, "time": time, "data": data}),
            );
        }
    }
}

impl Asked<'_> {
    /// What happens in the chat, in order.
    fn steps(&self, id: &str, customer: &str) -> Vec<(&'static str, Value)> {
        const TURN: &str = "interaction.turn.v1";
        const USED: &str = "knowledge.used.v1";
        let turn = |number: u32, who: &str, text: &str| {
            json!({"turn_id": format!("t{number}"), "speaker": {"role": who, "id": "x"}, "text": text,
                "content_type": "text"})
        };
        let used = |action: &str, article: Option<&str>| {
            json!({"action": action, "actor": "bot", "interaction_id": id, "query": self.text,
                "article_id": article})
        };
        let started = json!({"channel": "chat", "direction": "inbound", "entry": "bot", "customer": {"id": customer}});
        let mut steps = vec![
            ("interaction.started.v1", started),
            (TURN, turn(1, "bot", "您好，请问有什么可以帮您")),
            (TURN, turn(2, "customer", self.text)),
        ];
        if self.searched {
            steps.push((USED, used("searched", None)));
        }
        if self.shown.is_some() {
            let then = if self.accepted {
                "accepted"
            } else {
                "rejected"
            };
            steps.push((USED, used("shown", self.shown)));
            steps.push((USED, used(then, self.shown)));
        }
        if let Some(words) = self.agent {
            let queue = "help";
            steps.extend([
                ("interaction.queued.v1", json!({"queue": queue})),
                (
                    "interaction.dequeued.v1",
                    json!({"queue": queue, "outcome": "answered"}),
                ),
                (
                    "interaction.answered.v1",
                    json!({"agent_id": "a-1", "queue": queue}),
                ),
                (TURN, turn(3, "agent", words)),
            ]);
        }
        let ended = json!({"reason": "completed", "ended_by": "customer"});
        steps.push(("interaction.ended.v1", ended));
        steps
    }
}

const RIGHT: &str = "小型宠物可以托运，请提前2天打电话预约";

fn articles() -> String {
    [
        json!({"id": "pass", "question": "怎么修改密码", "answer": "打开设置，点修改密码，2分钟内生效。"}),
        json!({"id": "back", "question": "退款多久到账", "answer": "退款会在3个工作日内原路退回。"}),
        json!({"id": "fee", "question": "提现手续费是多少", "answer": "提现收取2元手续费。"}),
        json!({"id": "fee-b", "question": "提现的手续费是多少", "answer": "提现收取5元手续费。"}),
        json!({"id": "fair", "question": "春节活动怎么报名参加", "answer": "在活动页面报名即可参加春节活动。",
            "valid_to": "2026-10-01T00:00:00Z"}),
        json!({"id": "points", "question": "积分可以兑换什么礼品", "answer": "请留意公告。"}),
        json!({"id": "bill", "question": "怎么申请开具电子发票", "answer": "在订单详情页申请电子发票。"}),
    ]
    .map(|article| article.to_string() + "\n")
    .concat()
}

fn planted() -> Chats {
    let mut chats = Chats::default();
    for number in 0..6 {
        chats.add(&Asked {
            accepted: true,
            agent: None,
            ..Asked::failed("怎么修改密码", Some("pass"))
        });
        chats.add(&Asked::failed("提现手续费是多少", Some("fee")));
        chats.add(&Asked::failed("春节活动怎么报名参加", Some("fair")));
        chats.add(&Asked::failed("积分可以兑换什么礼品", Some("points")));
        chats.add(&Asked::failed("怎么申请开具电子发票", Some("pass")));
        let words = if number == 0 {
            "这个我要问一下同事"
        } else {
            RIGHT
        };
        chats.add(&Asked {
            agent: Some(words),
            ..Asked::failed("请问家里的猫和狗能不能一起坐飞机", None)
        });
        chats.add(&Asked {
            agent: Some("您好，退款会在7个工作日内原路退回"),
            ..Asked::failed("退款多久到账", Some("back"))
        });
    }
    chats.add(&Asked {
        searched: false,
        ..Asked::failed("怎么修改密码", None)
    });
    chats
}

impl Server {
    /// Finds requests, then gaps, until nothing waits to be matched.
    async fn find_gaps(&self) -> GapsDone {
        let requests = Requests {
            lake: self.lake.clone(),
            engine: self.state.engine.clone(),
            holder: "test".to_owned(),
            slot: crate::enrich::topic::TopicSlot::default(),
            busy: Arc::default(),
            clock: noon,
        };
        // The round holds what no other thread may see, so it has one of its own.
        let read = tokio::task::spawn_blocking(move || RUNTIME.block_on(requests.round()).unwrap());
        read.await.unwrap();
        let job = Gaps {
            lake: self.lake.clone(),
            engine: self.state.engine.clone(),
            knowledge: self.state.knowledge.clone(),
            store: self.state.store.clone(),
            holder: "test".to_owned(),
            clock: noon,
        };
        // A base learns its model first.
        let deadline = Instant::now() + Duration::from_secs(120);
        while self
            .state
            .knowledge
            .base("desk")
            .is_some_and(|base| !base.model_ready)
        {
            assert!(Instant::now() < deadline, "the model is not learnt");
            tokio::task::yield_now().await;
        }
        let done = RUNTIME.spawn(async move { job.round(Duration::from_secs(60)).await.unwrap() });
        let done = done.await.unwrap();
        assert_eq!(done.waiting, 0, "{done:?}");
        done
    }

    async fn see_as_manager(&self, path: &str) -> Value {
        let answer = self.send_as(MANAGER, TestRequest::get().uri(path)).await;
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        answer.json()
    }

    async fn review(&self, gap: &str, version: &str, body: Value) -> Answer {
        let request = TestRequest::patch()
            .uri(&format!("{GAPS}/{gap}"))
            .insert_header(("content-type", "application/json"))
            .insert_header(("if-match", version))
            .set_payload(body.to_string());
        self.send_as(MANAGER, request).await
    }

    async fn undo_review(&self, gap: &str) -> Answer {
        let undo = post(&format!("{GAPS}/{gap}/undo"), "application/json", "");
        self.send_as(MANAGER, undo.insert_header(("if-match", "*")))
            .await
    }

    async fn with_gaps() -> Self {
        let server = Self::start().await;
        server.store(&planted().events).await;
        let import = post(
            "/v1/knowledge/articles/import?base=desk",
            "application/x-ndjson",
            articles(),
        );
        let import = server.send_as(MANAGER, import).await;
        assert_eq!(import.json()["created"], 7);
        server
    }
}

/// The id of the gap of an article, or of the one without.
fn id_of(page: &Value, article: Option<&str>) -> String {
    let items = page["items"].as_array().unwrap();
    let is = |gap: &&Value| gap["article_id"].as_str() == article;
    let found = items
        .iter()
        .find(is)
        .unwrap_or_else(|| panic!("{article:?}: {page:#}"));
    found["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn every_type_of_gap_is_found_and_told() {
    let server = Server::with_gaps().await;
    let none = server.see_as_manager(GAPS).await;
    assert_eq!((&none["items"], &none["n"]), (&json!([]), &json!(0)));
    let done = server.find_gaps().await;
    assert_eq!((done.requests, done.gaps), (43, 6), "{done:?}");
    let page = server.see_as_manager(GAPS).await;
    let items = page["items"].as_array().unwrap();
    let told: BTreeMap<&str, &str> = items
        .iter()
        .map(|gap| {
            (
                gap["article_id"].as_str().unwrap_or("-"),
                gap["type"].as_str().unwrap(),
            )
        })
        .collect();
    let wanted = BTreeMap::from([
        ("fee", "conflict"),
        ("fair", "outdated"),
        ("back", "outdated"),
        ("points", "rejected"),
        ("bill", "not_found"),
        ("-", "no_content"),
    ]);
    assert_eq!(told, wanted, "{page:#}");
    assert_eq!(
        (
            &page["outcomes"]["system_failure"],
            &page["outcomes"]["answered"]
        ),
        (&json!(1), &json!(6))
    );
    assert_eq!(page["coverage"], 1.0);
    // The articles came after the requests, and that is said.
    assert_eq!(page["restated_share"], 1.0);
    let low = |gap: &Value| gap["impact"]["minutes_per_week"]["low"].as_f64().unwrap();
    assert!(
        items.iter().is_sorted_by(|a, b| low(a) >= low(b)),
        "{page:#}"
    );
    let pets = server
        .see_as_manager(&format!("{GAPS}/{}", id_of(&page, None)))
        .await;
    assert_eq!(pets["drafts"][0]["text"], RIGHT, "{pets:#}");
    assert_eq!(pets["evidence"].as_array().unwrap().len(), 6);
    assert_eq!(pets["evidence"][0]["evidence"]["reached_person"], true);
    let filtered = server
        .see_as_manager(&format!("{GAPS}?type=rejected&base=desk&limit=1"))
        .await;
    assert_eq!(filtered["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn without_news_nothing_is_written_and_uses_are_counted() {
    let server = Server::with_gaps().await;
    server.find_gaps().await;
    let page = server.see_as_manager(GAPS).await;
    // Again without news nothing is written, and everything stays.
    assert_eq!(server.find_gaps().await.days, 0);
    let ids = |page: &Value| -> BTreeSet<String> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|gap| gap["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&server.see_as_manager(GAPS).await), ids(&page));
    let used = server
        .see_as_manager("/v1/knowledge/use?base=desk&from=2026-10-01T00:00:00Z")
        .await;
    let asked = &used["most_asked"];
    assert!(
        asked
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["article_id"] == "bill" && one["failed"] == 6),
        "{used:#}"
    );
    let query = &used["by_query"];
    let of_pass = query
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["query"] == "怎么修改密码")
        .unwrap();
    assert_eq!(
        (&of_pass["searched"], &of_pass["accepted"]),
        (&json!(6), &json!(6)),
        "{used:#}"
    );
}

#[actix_web::test]
async fn decisions_are_versions_and_can_be_undone() {
    let server = Server::with_gaps().await;
    server.find_gaps().await;
    let page = server.see_as_manager(GAPS).await;
    let pets = id_of(&page, None);
    let accept = json!({"action": "accept"});
    let analyst = TestRequest::patch()
        .uri(&format!("{GAPS}/{pets}"))
        .insert_header(("content-type", "application/json"))
        .set_payload(accept.to_string());
    assert_eq!(server.send_as(Role::Analyst, analyst).await.status, 403);
    let done = server.review(&pets, "\"0\"", accept.clone()).await;
    assert_eq!(
        (done.status.as_u16(), done.json()["status"].clone()),
        (200, json!("accepted"))
    );
    let late = server.review(&pets, "\"0\"", accept.clone()).await;
    assert_eq!(
        (late.status.as_u16(), late.json()["code"].clone()),
        (412, json!("precondition_failed"))
    );
    for (body, pointer) in [
        (json!({"action": "reject"}), "/reason"),
        (json!({"action": "reject", "reason": "other"}), "/note"),
        (json!({"action": "praise"}), "/action"),
        (json!({"action": "merge", "into": "g-none"}), "/into"),
        (json!({"action": "merge", "into": pets}), "/into"),
        (
            json!({"action": "split", "title": "x", "requests": ["r-none"]}),
            "/requests/0",
        ),
        (
            json!({"action": "link", "article_id": "none"}),
            "/article_id",
        ),
    ] {
        let refused = server.review(&pets, "\"1\"", body).await;
        assert_eq!(
            refused.mistake(),
            ("invalid_parameter".to_owned(), vec![pointer.to_owned()])
        );
    }
    assert_eq!(server.review("g-none", "*", accept).await.status, 404);
}

#[actix_web::test]
async fn merges_shape_the_next_run_and_go_in_no_circle() {
    let server = Server::with_gaps().await;
    server.find_gaps().await;
    let page = server.see_as_manager(GAPS).await;
    let (pets, bill) = (id_of(&page, None), id_of(&page, Some("bill")));
    // A circle of merges.
    let merged = server
        .review(&bill, "\"0\"", json!({"action": "merge", "into": pets}))
        .await;
    assert_eq!(
        (merged.status.as_u16(), merged.json()["merged_into"].clone()),
        (200, json!(pets))
    );
    let circle = server
        .review(&pets, "\"0\"", json!({"action": "merge", "into": bill}))
        .await;
    assert_eq!(circle.mistake().1, ["/into"]);
    assert!(
        circle.json()["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("circle")
    );
    server.find_gaps().await;
    assert_eq!(
        server.see_as_manager(&format!("{GAPS}/{pets}")).await["failed"],
        12
    );
    let undone = server.undo_review(&bill).await;
    assert_eq!(
        (undone.status.as_u16(), undone.json()["status"].clone()),
        (200, json!("open"))
    );
    assert_eq!(server.undo_review(&bill).await.status, 409);
    server.find_gaps().await;
    assert_eq!(
        server.see_as_manager(&format!("{GAPS}/{pets}")).await["failed"],
        6
    );
}

#[actix_web::test]
async fn a_link_is_written_into_the_article_and_taken_back() {
    let server = Server::with_gaps().await;
    server.find_gaps().await;
    let bill = id_of(&server.see_as_manager(GAPS).await, Some("bill"));
    let linked = server
        .review(
            &bill,
            "*",
            json!({"action": "link", "article_id": "bill", "questions": ["开票"]}),
        )
        .await;
    assert_eq!(linked.json()["article"]["version"], 2);
    let article = server
        .see_as_manager("/v1/knowledge/articles/bill?base=desk")
        .await;
    assert_eq!(article["similar_questions"], json!(["开票"]));
    assert_eq!(server.undo_review(&bill).await.status, 200);
    let article = server
        .see_as_manager("/v1/knowledge/articles/bill?base=desk")
        .await;
    assert_eq!(article["similar_questions"], json!([]));
    let history = server.see_as_manager(&format!("{GAPS}/{bill}")).await["history"].clone();
    let actions: Vec<&str> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["undo", "link"]);
    let audit = server.state.store.list_audit(None, 100).await.unwrap();
    let told = audit.iter().filter(|row| row.target == bill);
    let told: Vec<&str> = told.map(|row| row.action.as_str()).collect();
    assert_eq!(told, ["gap.undo", "gap.link"]);
}

#[actix_web::test]
async fn a_published_article_answers_and_can_be_taken_back() {
    let server = Server::with_gaps().await;
    server.find_gaps().await;
    let page = server.see_as_manager(GAPS).await;
    let pets = id_of(&page, None);
    let publish = |body: Value| {
        post_json(&format!("{GAPS}/{pets}/publish"), &body).insert_header(("if-match", "\"0\""))
    };
    let empty = server.send_as(MANAGER, publish(json!({}))).await;
    assert_eq!(empty.mistake().1, ["/answer"]);
    let taken = server
        .send_as(MANAGER, publish(json!({"id": "pass", "answer": RIGHT})))
        .await;
    assert_eq!(taken.status, 409);
    let done = server
        .send_as(MANAGER, publish(json!({"id": "pets", "answer": RIGHT})))
        .await;
    assert_eq!(done.status, 201, "{:?}", done.body);
    assert_eq!(done.json()["gap"]["status"], "published");
    let any = crate::store::intervention::InterventionFilter::default();
    let opened = server
        .state
        .store
        .interventions(&any, None, 10)
        .await
        .unwrap();
    let about = opened[0].content.article.as_ref().unwrap();
    assert_eq!(
        (
            opened.len(),
            &*about.id,
            opened[0].content.gap_id.as_deref()
        ),
        (1, "pets", Some(&*pets))
    );
    let search =
        json!({"base": "desk", "queries": [{"id": "q", "query": "家里的猫和狗能一起坐飞机吗"}]});
    let search = || post_json("/v1/knowledge/search", &search);
    let found = server.send_as(MANAGER, search()).await.json();
    assert_eq!(found["results"][0]["items"][0]["article_id"], "pets");
    assert!(
        !server.see_as_manager(GAPS).await["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|gap| gap["id"] == pets.as_str())
    );
    assert_eq!(server.undo_review(&pets).await.status, 200);
    let found = server.send_as(MANAGER, search()).await.json();
    assert_ne!(found["results"][0]["items"][0]["article_id"], "pets");
}

#[actix_web::test]
async fn a_rejected_gap_comes_back_when_it_grows() {
    let server = Server::with_gaps().await;
    server.find_gaps().await;
    let points = id_of(&server.see_as_manager(GAPS).await, Some("points"));
    let reject = json!({"action": "reject", "reason": "too_small"});
    assert_eq!(server.review(&points, "\"0\"", reject).await.status, 200);
    let listed = |page: &Value| {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|gap| gap["id"] == points.as_str())
    };
    server.find_gaps().await;
    assert!(!listed(&server.see_as_manager(GAPS).await));
    let mut chats = Chats {
        count: 50,
        ..Chats::default()
    };
    for _ in 0..20 {
        chats.add(&Asked::failed("积分可以兑换什么礼品", Some("points")));
    }
    server.store_suspect(&chats.events, 10_000).await;
    server.find_gaps().await;
    let page = server.see_as_manager(GAPS).await;
    assert!(listed(&page), "{page:#}");
    let back = server.see_as_manager(&format!("{GAPS}/{points}")).await;
    assert_eq!(
        (&back["returned"], &back["status"]),
        (&json!(true), &json!("open"))
    );
}

#[actix_web::test]
async fn articles_travel_as_a_folder_of_markdown() {
    let server = Server::with_gaps().await;
    let export = TestRequest::get().uri("/v1/knowledge/bases/desk/export?format=markdown");
    let archive = server.send_as(MANAGER, export).await;
    assert_eq!(
        archive.headers.get("content-type").unwrap(),
        "application/x-tar"
    );
    let import = |base: &str, body: bytes::Bytes| {
        post(
            &format!("/v1/knowledge/articles/import?base={base}"),
            "application/x-tar",
            body,
        )
    };
    let copied = server
        .send_as(MANAGER, import("copy", archive.body.clone()))
        .await
        .json();
    assert_eq!(
        (&copied["created"], &copied["refused_count"]),
        (&json!(7), &json!(0)),
        "{copied:#}"
    );
    let (mut one, mut other) = (
        server
            .see_as_manager("/v1/knowledge/articles/fair?base=desk")
            .await,
        server
            .see_as_manager("/v1/knowledge/articles/fair?base=copy")
            .await,
    );
    for article in [&mut one, &mut other] {
        article["base"] = Value::Null;
    }
    assert_eq!(one, other);
    let wrong = server
        .send_as(MANAGER, import("copy", "no archive".into()))
        .await;
    assert_eq!(wrong.status, 422);
}
