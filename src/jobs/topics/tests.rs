//! Requests and topics of a lake in a temporary folder, round by round.
//!
//! Invariants: the clock stands still; what is asked again of equal tables gives equal rows. Not here: the doors
//! (`api::tests::topics_lake`), how topics form (`insight`).

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use super::{Requests, RunDone, RunSettings, Topics};
use crate::domain::Micros;
use crate::enrich::topic::TopicSlot;
use crate::jobs::testing::{import, open_lake, rows};
use crate::lake::Lake;
use crate::query::{Engine, Limits};
use crate::tables::InsightId;

fn now() -> Micros {
    Micros::parse("2026-11-25T00:00:00Z").unwrap()
}

/// Events in the making.
#[derive(Default)]
struct Events(String);

impl Events {
    fn add(&mut self, kind: &str, subject: &str, time: &str, data: &str) {
        let id = self.0.len();
        let line = format!(
            r#"{{"specversion":"1.0","id":"{subject}-{id}","source":"/t","type":"interaction.{kind}.v1","subject":"{subject}","time":"{time}","data":{data}}}"#
        );
        writeln!(self.0, "{line}").unwrap();
    }

    fn begin(&mut self, subject: &str, time: &str) {
        let data = format!(
            r#"{{"channel":"chat","direction":"inbound","entry":"queue","customer":{{"id":"c-{subject}"}}}}"#
        );
        self.add("started", subject, time, &data);
        self.add("queued", subject, time, r#"{"queue":"billing"}"#);
    }

    fn say(&mut self, subject: &str, time: &str, turn: &str, who: &str, text: &str) {
        let data = format!(
            r#"{{"turn_id":"{turn}","speaker":{{"role":"{who}"}},"text":"{text}","content_type":"text"}}"#
        );
        self.add("turn", subject, time, &data);
    }
}

fn engine(lake: &Arc<Lake>) -> Engine {
    // The work of jobs has no caller's limits.
    let limits = Limits {
        timeout: std::time::Duration::from_secs(3_600),
        ..Limits::from(&crate::config::Query::default())
    };
    let handle = tokio::runtime::Handle::current();
    Engine::new(Arc::clone(lake), limits, Arc::new(()), handle).unwrap()
}

fn finder(lake: &Arc<Lake>) -> Requests {
    Requests {
        lake: Arc::clone(lake),
        engine: engine(lake),
        slot: TopicSlot::default(),
        holder: "test".to_owned(),
        clock: now,
        busy: Arc::default(),
    }
}

fn version(lake: &Lake) -> Option<u64> {
    lake.insight(InsightId::Requests).latest().version()
}

async fn take_in(lake: &Arc<Lake>, folder: &Path, name: &str, events: Events) {
    import(lake, folder, name, &events.0).await;
}

const SHOWN: &str = "select interaction_id, number, channel, queue, customer_id, language, text, array_to_string(turn_ids, '+') \
                     from requests order by 1, 2";

#[test]
fn requests_follow_what_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    crate::query::runtime().unwrap().block_on(async {
        let lake = open_lake(folder).await;
        let finder = finder(&lake);
        assert_eq!(finder.round().await.unwrap(), 0, "nothing was said yet");
        let mut first = Events::default();
        first.begin("a", "2026-11-20T23:59:00Z");
        first.say("a", "2026-11-20T23:59:01Z", "t1", "agent", "您好，请问有什么可以帮您");
        first.say("a", "2026-11-20T23:59:02Z", "t2", "customer", "你好");
        first.say("a", "2026-11-20T23:59:03Z", "t3", "customer", "家里的宽带");
        first.say("a", "2026-11-20T23:59:04Z", "t4", "customer", "从昨天就断了");
        first.begin("b", "2026-11-20T10:00:00Z");
        first.say("b", "2026-11-20T10:00:01Z", "t1", "customer", "How do I cancel my order");
        first.begin("silent", "2026-11-20T11:00:00Z");
        first.say("silent", "2026-11-20T11:00:01Z", "t1", "customer", "你好");
        take_in(&lake, folder, "first", first).await;
        assert_eq!(finder.round().await.unwrap(), 3);
        let one = "| a              | 1      | chat    | billing | c-a         | zh       | 家里的宽带 从昨天就断了 | t3+t4";
        let found = rows(&finder.engine, SHOWN).await;
        assert!(found.len() == 2 && squeezed(&found[0]).starts_with(&squeezed(one)), "{found:#?}");
        assert!(found[1].contains("How do I cancel my order") && found[1].contains("en"), "{found:#?}");
        let before = version(&lake);
        assert_eq!((finder.round().await.unwrap(), version(&lake)), (0, before));

        // The open interaction goes on after midnight; a turn of the other one is taken back.
        let mut second = Events::default();
        second.say("a", "2026-11-21T00:00:05Z", "t5", "agent", "已经为您报修");
        second.say("a", "2026-11-21T00:00:06Z", "t6", "customer", "另外我想查一下上个月话费账单");
        second.add("turn_recalled", "b", "2026-11-21T00:01:00Z", r#"{"turn_id":"t1"}"#);
        take_in(&lake, folder, "second", second).await;
        assert_eq!(finder.round().await.unwrap(), 2);
        let found = rows(&finder.engine, SHOWN).await;
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].contains("t3+t4") && found[1].contains("话费账单"), "{found:#?}");
        let ids = rows(&finder.engine, "select request_id from requests order by 1").await;

        // Read from the beginning, everything is as it was.
        let again = open_lake(&folder.join("lake").join("..")).await;
        let fresh = Requests { engine: engine(&again), lake: Arc::clone(&again), ..finder.clone() };
        let now = now();
        let lease = crate::lake::Lease::take(again.storage(), super::LEASE, "test", now, 60).await.unwrap();
        assert_eq!(fresh.everything_for_test(&lease).await, 3);
        assert_eq!(rows(&fresh.engine, SHOWN).await, found);
        assert_eq!(rows(&fresh.engine, "select request_id from requests order by 1").await, ids);
    });
}

fn squeezed(row: &str) -> String {
    row.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn many_commits_of_a_day_stay_few_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    crate::query::runtime().unwrap().block_on(async {
        let lake = open_lake(folder).await;
        let finder = finder(&lake);
        for i in 0..20 {
            let mut events = Events::default();
            let text = format!("帮我查一下第{i}个订单");
            events.say(
                &format!("i{i}"),
                "2026-11-20T10:00:01Z",
                "t",
                "customer",
                &text,
            );
            take_in(&lake, folder, &format!("part{i}"), events).await;
            assert_eq!(finder.round().await.unwrap(), 1);
        }
        assert_eq!(rows(&finder.engine, SHOWN).await.len(), 20);
        let files = lake
            .insight(InsightId::Requests)
            .latest()
            .get_file_uris()
            .unwrap()
            .count();
        assert!(files < 18, "{files}");
    });
}

fn settings(topics: Option<usize>) -> RunSettings {
    RunSettings {
        cluster: crate::insight::topics::Settings {
            topics,
            ..crate::insight::topics::Settings::default()
        },
        window_days: 90,
    }
}

const WANTS: [&str; 3] = [
    "我想取消家里的宽带套餐",
    "请问我的快递包裹为什么还没有到",
    "帮我查一下上个月的话费账单",
];

fn asked(day: u32, count: usize) -> Events {
    let mut events = Events::default();
    for i in 0..count {
        let text = format!("{}，编号{}", WANTS[i % 3], i % 5);
        let time = format!("2026-11-{day:02}T10:00:00Z");
        events.say(&format!("d{day}-{i}"), &time, "t", "customer", &text);
    }
    events
}

async fn topics(lake: &Arc<Lake>, folder: &Path) -> Topics {
    let url = crate::config::StoreUrl::Sqlite(folder.join("store.sqlite"));
    Topics {
        requests: finder(lake),
        store: crate::store::Store::open(&url).await.unwrap(),
    }
}

const GIVEN: &str = "select request_id, topic_id, topic_run, restated_topic_id, restated_run from requests order by 1";

/// Between runs, requests are given to the topics that are known, and others to none.
async fn between_runs(lake: &Arc<Lake>, own: &Path, topics: &Topics) {
    let mut more = asked(2, 30);
    for i in 0..12 {
        let text = format!("小区车位怎么安装充电桩 {i}");
        more.say(
            &format!("new{i}"),
            "2026-11-02T11:00:00Z",
            "t",
            "customer",
            &text,
        );
    }
    take_in(lake, own, "second", more).await;
    assert_eq!(topics.requests.round().await.unwrap(), 42);
    let engine = &topics.requests.engine;
    let open = rows(
        engine,
        "select count(*) from requests where topic_run = 1 and topic_id is null",
    )
    .await;
    assert_eq!(squeezed(&open[0]), "| 12 |");
    assert_eq!(topics.candidates().await.unwrap(), 1);
    let new = rows(
        engine,
        "select name, size from topics where status = 'candidate'",
    )
    .await;
    assert!(
        new.len() == 1 && new[0].contains("充电") && new[0].contains("12"),
        "{new:?}"
    );
}

/// Two runs over the same events in a folder of their own: what requests were given, and the topics.
async fn run_twice(own: &Path) -> (Vec<String>, Vec<String>) {
    let lake = open_lake(own).await;
    let topics = topics(&lake, own).await;
    assert_eq!(
        topics.run(settings(None)).await.unwrap(),
        RunDone::default()
    );
    take_in(&lake, own, "first", asked(1, 60)).await;
    let first = topics.run(settings(Some(3))).await.unwrap();
    assert_eq!((first.run, first.topics.len(), first.requests), (1, 3, 60));
    between_runs(&lake, own, &topics).await;
    let second = topics.run(settings(Some(4))).await.unwrap();
    assert_eq!((second.run, second.requests), (2, 102));
    let ids = |done: &RunDone| -> std::collections::BTreeSet<String> {
        done.topics.iter().map(|row| row.topic_id.clone()).collect()
    };
    assert_eq!(
        ids(&second).intersection(&ids(&first)).count(),
        3,
        "{second:?}"
    );
    let engine = &topics.requests.engine;
    let given = rows(engine, GIVEN).await;
    let listed = rows(engine, "select topic_id, name, size from topics order by 1").await;
    // What was published is found by another process.
    let slot = TopicSlot::default();
    assert!(crate::jobs::load_topics(&lake, &slot).await.unwrap());
    assert_eq!(slot.get().unwrap().run, 2);
    assert!(!crate::jobs::load_topics(&lake, &slot).await.unwrap());
    (given, listed)
}

#[test]
fn runs_keep_ids_and_are_the_same_on_equal_tables() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    crate::query::runtime().unwrap().block_on(async {
        let mut seen = Vec::new();
        for name in ["one", "two"] {
            let own = folder.join(name);
            std::fs::create_dir(&own).unwrap();
            seen.push(run_twice(&own).await);
        }
        assert_eq!(seen[0], seen[1]);
    });
}
