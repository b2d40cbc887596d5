//! What every backend of the store has to pass: functions over a fresh, empty [`Store`] and a second one on
//! the same database. A new backend adds one line to [`for_every_case`]'s callers.

use super::article::{Content, Expected, Status, Written};
use super::gap::{GapAction, GapReview, GapStatus, GapWrite};
use super::intervention::{
    FrozenTopics, Intervention, InterventionFilter, InterventionKind, NewIntervention, Origin,
};
use super::label::{Label, LabelKind, NewLabel, WhichLabels};
use super::topic::{Merging, TopicPatch, Undoing, held};
use super::{Change, Key, Revocation, RiskRun, RiskScore, Store};
use crate::domain::{Day, Role};

fn change(at_us: i64) -> Change<'static> {
    Change {
        actor: "cli",
        request_id: "r-1",
        at_us,
    }
}

async fn key_proves_itself(store: Store, second: Store) {
    let new = store
        .create_key("crm", Role::Integrator, &change(5))
        .await
        .unwrap();
    for handle in [&store, &second, &store] {
        let principal = handle
            .authenticate(new.api_key.expose())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(principal.key_id, new.key.id);
        assert_eq!(principal.name, "crm");
        assert_eq!(principal.role, Role::Integrator);
    }
}

async fn wrong_keys_are_nobody(store: Store, _second: Store) {
    let a = store
        .create_key("a", Role::Admin, &change(5))
        .await
        .unwrap();
    let b = store
        .create_key("b", Role::Ingest, &change(6))
        .await
        .unwrap();
    let secret_of_b = b.api_key.expose().split_once('.').unwrap().1;
    let mixed = format!("tc_{}.{secret_of_b}", a.key.id);
    let unknown = format!("tc_0123456789abcdef.{secret_of_b}");
    for _ in 0..2 {
        for wrong in [
            "",
            "tc_x.y",
            "' OR 1=1 --",
            mixed.as_str(),
            unknown.as_str(),
        ] {
            assert_eq!(store.authenticate(wrong).await.unwrap(), None, "{wrong}");
        }
        // The second round finds the right key in the cache.
        assert!(
            store
                .authenticate(a.api_key.expose())
                .await
                .unwrap()
                .is_some()
        );
    }
}

async fn revoked_key_is_refused_at_once(store: Store, second: Store) {
    let new = store
        .create_key("crm", Role::Admin, &change(5))
        .await
        .unwrap();
    assert!(
        store
            .authenticate(new.api_key.expose())
            .await
            .unwrap()
            .is_some()
    );
    let id = new.key.id.as_str();
    assert_eq!(
        store.revoke_key(id, &change(9)).await.unwrap(),
        Revocation::Revoked
    );
    assert_eq!(
        store.authenticate(new.api_key.expose()).await.unwrap(),
        None
    );
    assert_eq!(
        second.authenticate(new.api_key.expose()).await.unwrap(),
        None
    );
    assert_eq!(
        store.revoke_key(id, &change(10)).await.unwrap(),
        Revocation::AlreadyRevoked
    );
    assert_eq!(
        store.revoke_key("nobody", &change(10)).await.unwrap(),
        Revocation::NotFound
    );
    let keys = store.list_keys().await.unwrap();
    assert_eq!(keys[0].revoked_at_us, Some(9));
    let clone = store.clone();
    let other = store
        .create_key("x", Role::Admin, &change(11))
        .await
        .unwrap();
    assert!(
        clone
            .authenticate(other.api_key.expose())
            .await
            .unwrap()
            .is_some()
    );
    store.revoke_key(&other.key.id, &change(12)).await.unwrap();
    assert_eq!(
        clone.authenticate(other.api_key.expose()).await.unwrap(),
        None
    );
}

async fn keys_are_listed_without_secrets(store: Store, second: Store) {
    let mut expected: Vec<Key> = Vec::new();
    for (at_us, role) in (1..).zip(Role::ALL) {
        let new = store
            .create_key("质检", role, &change(at_us))
            .await
            .unwrap();
        expected.push(new.key);
    }
    assert_eq!(second.list_keys().await.unwrap(), expected);
    let json = serde_json::to_value(&expected[0]).unwrap();
    let mut fields: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(
        fields,
        ["created_at_us", "id", "name", "revoked_at_us", "role"]
    );
}

async fn a_bad_name_leaves_nothing(store: Store, _second: Store) {
    assert!(store.create_key("", Role::Admin, &change(1)).await.is_err());
    assert!(store.list_keys().await.unwrap().is_empty());
    assert!(store.list_audit(None, 10).await.unwrap().is_empty());
}

async fn changes_are_audited(store: Store, second: Store) {
    let new = store
        .create_key("a", Role::Admin, &change(1))
        .await
        .unwrap();
    store.revoke_key(&new.key.id, &change(2)).await.unwrap();
    store.revoke_key(&new.key.id, &change(3)).await.unwrap();
    store.revoke_key("nobody", &change(4)).await.unwrap();
    second
        .append_audit(&change(5), "erasure.request", "e-1")
        .await
        .unwrap();
    let rows = store.list_audit(None, 10).await.unwrap();
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.at_us, row.action.as_str(), row.target.as_str()))
        .collect();
    let id = new.key.id.as_str();
    assert_eq!(
        seen,
        [
            (5, "erasure.request", "e-1"),
            (2, "key.revoke", id),
            (1, "key.create", id)
        ]
    );
    assert!(
        rows.iter()
            .all(|row| row.actor == "cli" && row.request_id == "r-1")
    );
}

async fn the_audit_log_is_paged(store: Store, _second: Store) {
    for at_us in 0..5 {
        store.append_audit(&change(at_us), "x", "t").await.unwrap();
    }
    let mut times = Vec::new();
    let mut before = None;
    loop {
        let page = store.list_audit(before, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.seq);
        times.extend(page.iter().map(|row| row.at_us));
    }
    assert_eq!(times, [4, 3, 2, 1, 0]);
}

fn content(question: &str) -> Content {
    Content {
        question: question.to_owned(),
        similar_questions: vec!["怎么改密码".to_owned()],
        answer: "**打开**设置".to_owned(),
        ..Content::default()
    }
}

async fn articles_have_versions(store: Store, second: Store) {
    let write = |text: &'static str, expected, at| {
        let store = store.clone();
        async move {
            store
                .write_article("bank", "a/1", content(text), expected, &change(at))
                .await
                .unwrap()
        }
    };
    let Written::Created(first) = write("改密码", Expected::Absent, 1).await else {
        panic!("it was not there");
    };
    assert_eq!((first.version, first.created_at_us), (1, 1));
    assert_eq!(write("x", Expected::Absent, 2).await, Written::Conflict(1));
    assert_eq!(
        write("x", Expected::Version(2), 2).await,
        Written::Conflict(1)
    );
    let Written::Updated(same) = write("改密码", Expected::Version(1), 3).await else {
        panic!("it was there");
    };
    assert_eq!(same, first);
    let Written::Updated(next) = write("修改密码", Expected::Version(1), 4).await else {
        panic!("it was there");
    };
    assert_eq!(
        (next.version, next.created_at_us, next.updated_at_us),
        (2, 1, 4)
    );
    assert_eq!(second.article("bank", "a/1").await.unwrap(), Some(next));
    assert_eq!(second.article("Bank", "a/1").await.unwrap(), None);
    let deleted = store
        .delete_article("bank", "a/1", Expected::Version(1), &change(5))
        .await
        .unwrap();
    assert_eq!(deleted, Err(2));
    let deleted = store
        .delete_article("bank", "a/1", Expected::Version(2), &change(6))
        .await
        .unwrap();
    assert_eq!(deleted, Ok(()));
    let Written::Created(again) = write("改密码", Expected::Any, 7).await else {
        panic!("it was deleted");
    };
    assert_eq!(again.version, 4);
    let versions = second.article_versions("bank", "a/1").await.unwrap();
    let seen: Vec<_> = versions
        .iter()
        .map(|version| (version.version, version.content.is_some(), version.at_us))
        .collect();
    assert_eq!(
        seen,
        [(4, true, 7), (3, false, 6), (2, true, 4), (1, true, 1)]
    );
}

async fn articles_are_listed_by_base_and_status(store: Store, second: Store) {
    let mut draft = content("草稿");
    draft.status = Status::Draft;
    let many = [
        ("b".to_owned(), content("二")),
        ("a".to_owned(), content("一")),
        ("c".to_owned(), draft),
    ];
    let written = store
        .import_articles("bank", &many, &change(1))
        .await
        .unwrap();
    assert_eq!(written.len(), 3);
    store
        .import_articles("shop", &many, &change(2))
        .await
        .unwrap();
    let ids = async |after, status, limit| -> Vec<String> {
        let page = second.articles("bank", after, status, limit).await.unwrap();
        page.into_iter().map(|article| article.id).collect()
    };
    assert_eq!(ids("", None, 2).await, ["a", "b"]);
    assert_eq!(ids("b", None, 2).await, ["c"]);
    assert_eq!(ids("", Some(Status::Published), 9).await, ["a", "b"]);
    let bases = second.article_bases().await.unwrap();
    assert_eq!(bases, [("bank".to_owned(), 1), ("shop".to_owned(), 1)]);
    let audit = second.list_audit(None, 10).await.unwrap();
    assert_eq!(audit.first().unwrap().action, "article.import");
}

async fn decisions_about_gaps_are_versions(store: Store, second: Store) {
    let write = |expected, action, status, undoes| GapWrite {
        gap_id: "g-1",
        expected,
        action,
        review: GapReview {
            status,
            ..GapReview::default()
        },
        undoes,
    };
    assert_eq!(store.gap_review("g-1").await.unwrap(), None);
    let accept = write(Some(0), GapAction::Accept, GapStatus::Accepted, None);
    let first = store.review_gap(accept.clone(), &change(5)).await.unwrap();
    assert_eq!(first.unwrap().version, 1);
    // Whoever has not seen it writes nothing.
    assert_eq!(second.review_gap(accept, &change(6)).await.unwrap(), Err(1));
    let reject = write(Some(1), GapAction::Reject, GapStatus::Rejected, None);
    second
        .review_gap(reject, &change(7))
        .await
        .unwrap()
        .unwrap();
    let undo = write(None, GapAction::Undo, GapStatus::Accepted, Some(2));
    store.review_gap(undo, &change(8)).await.unwrap().unwrap();
    let all = second.gap_reviews().await.unwrap();
    assert_eq!(
        (all.len(), all[0].version, all[0].review.status),
        (1, 3, GapStatus::Accepted)
    );
    let changes = store.gap_changes("g-1").await.unwrap();
    let told: Vec<(i64, &str, bool)> = changes
        .iter()
        .map(|one| (one.version, &*one.action, one.is_undone))
        .collect();
    assert_eq!(
        told,
        [
            (3, "undo", false),
            (2, "reject", true),
            (1, "accept", false)
        ]
    );
    assert_eq!(changes[1].before.status, GapStatus::Accepted);
    let audit = store.list_audit(None, 1).await.unwrap();
    assert_eq!((&*audit[0].action, &*audit[0].target), ("gap.undo", "g-1"));
}

fn new_intervention(title: &str, day: i32) -> NewIntervention {
    NewIntervention {
        kind: InterventionKind::IvrMenu,
        title: title.to_owned(),
        day: Day(day),
        frozen: FrozenTopics {
            topics: vec!["t-1".to_owned(), "t-2".to_owned()],
            run: Some("run-7".to_owned()),
        },
        article: None,
        gap_id: None,
    }
}

async fn interventions_are_kept_and_listed(store: Store, second: Store) {
    for (at, title, day) in [(1, "a", 10), (2, "b", 30), (3, "c", 20), (4, "d", 20)] {
        let new = new_intervention(title, day);
        let made = store.create_intervention(new, &change(at)).await.unwrap();
        assert_eq!(second.intervention(&made.id).await.unwrap(), Some(made));
    }
    assert_eq!(second.intervention("i-0").await.unwrap(), None);
    let any = InterventionFilter::default();
    let all = second.interventions(&any, None, 10).await.unwrap();
    let titles = |page: &[Intervention]| -> Vec<String> {
        page.iter().map(|one| one.content.title.clone()).collect()
    };
    assert_eq!(titles(&all), ["b", "d", "c", "a"]);
    let after = Some((all[1].content.day, all[1].id.as_str()));
    let rest = second.interventions(&any, after, 1).await.unwrap();
    assert_eq!(titles(&rest), ["c"]);
    let filter = InterventionFilter {
        kind: Some(InterventionKind::IvrMenu),
        from: Some(Day(20)),
        to: Some(Day(30)),
        ..any
    };
    let some = second.interventions(&filter, None, 10).await.unwrap();
    assert_eq!(titles(&some), ["d", "c"]);
    let filter = InterventionFilter {
        kind: Some(InterventionKind::App),
        ..filter
    };
    let none = second.interventions(&filter, None, 10).await.unwrap();
    assert!(none.is_empty());
    let audit = second.list_audit(None, 1).await.unwrap();
    assert_eq!(audit[0].action, "intervention.create");
}

async fn publishing_an_article_opens_an_intervention(store: Store, second: Store) {
    const DAY_US: i64 = 86_400_000_000;
    let frozen = FrozenTopics::default();
    let write = async |answer: &str, status, at| {
        let content = Content {
            answer: answer.to_owned(),
            status,
            ..content("改密码")
        };
        let written = store
            .publish_article(
                ("bank", "a"),
                content,
                Expected::Any,
                (&frozen, Some("g-1")),
                &change(at),
            )
            .await
            .unwrap();
        assert!(!matches!(written, Written::Conflict(_)));
        let filter = InterventionFilter {
            article: Some(("bank".to_owned(), "a".to_owned())),
            ..InterventionFilter::default()
        };
        second.interventions(&filter, None, 10).await.unwrap()
    };
    assert!(write("1", Status::Draft, 1).await.is_empty());
    let opened = write("1", Status::Published, DAY_US).await;
    let [first] = opened.as_slice() else {
        panic!("{opened:?}");
    };
    assert_eq!(
        (first.origin, first.content.day),
        (Origin::Published, Day(1))
    );
    assert_eq!(first.content.article.as_ref().unwrap().version, Some(2));
    assert_eq!(first.content.gap_id.as_deref(), Some("g-1"));
    // The same again, and another answer on the same day, are no second change; a later day is.
    assert_eq!(write("1", Status::Published, DAY_US + 1).await.len(), 1);
    assert_eq!(write("2", Status::Published, DAY_US + 2).await.len(), 1);
    assert_eq!(write("3", Status::Published, 2 * DAY_US).await.len(), 2);
    assert_eq!(write("3", Status::Retired, 3 * DAY_US).await.len(), 2);
    assert_eq!(write("3", Status::Published, 4 * DAY_US).await.len(), 3);
    let topics = new_intervention("", 0).frozen;
    assert!(
        store
            .freeze_topics(&first.id, &topics, &change(9))
            .await
            .unwrap()
    );
    assert!(
        !store
            .freeze_topics(&first.id, &frozen, &change(9))
            .await
            .unwrap()
    );
    let kept = second.intervention(&first.id).await.unwrap().unwrap();
    assert_eq!(kept.content.frozen, topics);
}

async fn topics_are_named_and_merged(store: Store, second: Store) {
    let named = TopicPatch {
        name: Some(Some("退款".to_owned())),
        pinned: None,
    };
    let first = store
        .decide_topic("t-1-1", &named, Some(0), &change(5))
        .await;
    let first = first.unwrap().unwrap();
    assert_eq!((first.version, first.pinned), (1, false));
    let stale = second
        .decide_topic("t-1-1", &named, Some(0), &change(6))
        .await;
    assert_eq!(stale.unwrap(), Err(1));
    let pinned = TopicPatch {
        name: None,
        pinned: Some(true),
    };
    let next = second
        .decide_topic("t-1-1", &pinned, Some(1), &change(7))
        .await;
    let next = next.unwrap().unwrap();
    assert_eq!(
        (next.version, next.name.as_deref(), next.pinned),
        (2, Some("退款"), true)
    );
    assert_eq!(store.topic_decisions().await.unwrap(), [next]);

    let merged = store.merge_topic("m-1", "a", "b", &change(8)).await;
    assert!(matches!(merged.unwrap(), Merging::Merged(_)));
    let again = second.merge_topic("m-2", "a", "c", &change(9)).await;
    assert_eq!(again.unwrap(), Merging::Taken("b".to_owned()));
    let circle = second.merge_topic("m-3", "b", "a", &change(9)).await;
    assert_eq!(circle.unwrap(), Merging::Circle);
    let own = second.merge_topic("m-4", "x", "x", &change(9)).await;
    assert_eq!(own.unwrap(), Merging::Circle);
    let undo = store.undo_topic_merge("m-1", &change(10)).await.unwrap();
    assert!(matches!(undo, Undoing::Undone(_)));
    let undo = store.undo_topic_merge("m-1", &change(11)).await.unwrap();
    assert_eq!(undo, Undoing::Already);
    let undo = store.undo_topic_merge("m-9", &change(11)).await.unwrap();
    assert_eq!(undo, Undoing::NotFound);
    let merges = second.topic_merges().await.unwrap();
    assert!(held(&merges).is_empty() && merges.len() == 1);
}

async fn labels_hold_until_the_next_one(store: Store, second: Store) {
    let label = |turn: &str, kind, value: Option<&str>| NewLabel {
        interaction_id: "c-1".to_owned(),
        turn_id: turn.to_owned(),
        kind,
        value: value.map(str::to_owned),
    };
    let first = [
        label("1", LabelKind::Sentiment, Some("negative")),
        label("1", LabelKind::Request, Some("true")),
        label("2", LabelKind::Topic, Some("t-1")),
    ];
    store.write_labels(&first, &change(1)).await.unwrap();
    let later = [
        label("1", LabelKind::Sentiment, Some("neutral")),
        label("2", LabelKind::Topic, None),
    ];
    store.write_labels(&later, &change(2)).await.unwrap();
    let told = async |which: WhichLabels, limit| -> Vec<(String, Option<String>, i64)> {
        let found = second.labels(&which, limit).await.unwrap();
        let of = |one: Label| (one.label.turn_id, one.label.value, one.at_us);
        found.into_iter().map(of).collect()
    };
    let row = |turn: &str, value: &str, at| (turn.to_owned(), Some(value.to_owned()), at);
    let present = told(WhichLabels::default(), 9).await;
    assert_eq!(present, [row("1", "neutral", 2), row("1", "true", 1)]);
    let moods = WhichLabels {
        kind: Some(LabelKind::Sentiment),
        with_history: true,
        ..WhichLabels::default()
    };
    let history = told(moods.clone(), 9).await;
    assert_eq!(history, [row("1", "neutral", 2), row("1", "negative", 1)]);
    let newest = second.labels(&moods, 1).await.unwrap();
    let before = WhichLabels {
        before: newest.first().map(|label| label.seq),
        ..moods
    };
    assert_eq!(told(before, 9).await, [row("1", "negative", 1)]);
    let elsewhere = WhichLabels {
        interaction_id: Some("c-2".to_owned()),
        with_history: true,
        ..WhichLabels::default()
    };
    assert!(told(elsewhere, 9).await.is_empty());
    let audit = second.list_audit(None, 1).await.unwrap();
    let last = audit.first().unwrap();
    assert_eq!(
        (last.action.as_str(), last.target.as_str()),
        ("label.withdraw", "c-1/2/topic")
    );
}

/// One test for each case, over the stores that `$open` makes.
macro_rules! for_every_case {
    ($backend:ident, $open:path, [$($case:ident),+ $(,)?]) => {
        mod $backend {
            $(#[tokio::test]
            async fn $case() {
                let (store, second, _guard) = $open().await;
                super::$case(store, second).await;
            })+
        }
    };
}

async fn risks_are_read_from_whole_runs(store: Store, second: Store) {
    assert_eq!(second.risk_run().await.unwrap(), None);
    let run = |run: &str| RiskRun {
        run: run.to_owned(),
        content: "{}".to_owned(),
        scored_us: 7,
    };
    let score = |customer: i64, churn: Option<f64>| RiskScore {
        customer_id: format!("c-{customer}"),
        churn,
        repeat_contact: Some(0.5),
        best_hour_utc: None,
        reasons: "[]".to_owned(),
    };
    let mut scores: Vec<RiskScore> = (0..9)
        .map(|n| score(n, Some(0.1 * (n / 2) as f64)))
        .collect();
    scores.push(score(9, None));
    store.write_risks(&run("a"), &scores).await.unwrap();
    let mut found = Vec::new();
    loop {
        let after = found
            .last()
            .map(|last: &RiskScore| (last.churn.unwrap(), last.customer_id.as_str()));
        let page = second.risk_page(0.1, after, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    let ids: Vec<&str> = found
        .iter()
        .map(|score| score.customer_id.as_str())
        .collect();
    assert_eq!(ids, ["c-8", "c-6", "c-7", "c-4", "c-5", "c-2", "c-3"]);
    assert_eq!(
        second.risk_score("c-9").await.unwrap(),
        Some(score(9, None))
    );
    store
        .write_risks(&run("b"), &[score(1, Some(0.9))])
        .await
        .unwrap();
    assert_eq!(second.risk_run().await.unwrap(), Some(run("b")));
    assert_eq!(second.risk_page(0.0, None, 9).await.unwrap().len(), 1);
    assert_eq!(second.risk_score("c-8").await.unwrap(), None);
}

async fn open_sqlite() -> (Store, Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = crate::config::StoreUrl::Sqlite(folder.path().join("store.sqlite"));
    let store = Store::open(&url).await.unwrap();
    let second = Store::open(&url).await.unwrap();
    (store, second, folder)
}

for_every_case!(
    sqlite,
    super::open_sqlite,
    [
        key_proves_itself,
        wrong_keys_are_nobody,
        revoked_key_is_refused_at_once,
        keys_are_listed_without_secrets,
        a_bad_name_leaves_nothing,
        changes_are_audited,
        the_audit_log_is_paged,
        articles_have_versions,
        articles_are_listed_by_base_and_status,
        decisions_about_gaps_are_versions,
        interventions_are_kept_and_listed,
        publishing_an_article_opens_an_intervention,
        topics_are_named_and_merged,
        labels_hold_until_the_next_one,
        risks_are_read_from_whole_runs,
    ]
);
