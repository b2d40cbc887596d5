//! What every backend of the store has to pass: functions over a fresh, empty [`Store`] and a second one on
//! the same database. A new backend adds one line to [`for_every_case`]'s callers.

use super::article::{Content, Expected, Status, Written};
use super::topic::{Merging, TopicPatch, Undoing, held};
use super::{Change, Key, Revocation, Store};
use crate::domain::Role;

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
        topics_are_named_and_merged,
    ]
);
