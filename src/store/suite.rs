//! What every backend of the store has to pass: functions over a fresh, empty [`Store`] and a second one on
//! the same database. A new backend adds one line to [`for_every_case`]'s callers.

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
    ]
);
