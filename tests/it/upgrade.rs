//! A data folder of an older version is opened by this one: same answers, nothing lost, and it goes on.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::events::events;
use crate::support::{Place, Server, repository, wait_for};

const FOLDER: &str = "tests/fixtures/upgrade/0.1.0-2026-11-21.tar.gz";
const BY_OUTCOME: &str = "select coalesce(outcome, 'none') as outcome, count(*) as n, sum(handle_ms) as handle_ms, \
    sum(wait_ms) as wait_ms, sum(customer_turns) as turns from interactions where started_at < timestamp '2026-11-13' \
    group by 1 order by 1";

#[test]
fn a_data_folder_of_an_older_version_goes_on() {
    // What waits in its inbox gets older with every year.
    let place = Place::new()
        .quick()
        .with("TINGCHAO__INGEST__MAX_PAST_DAYS", 36_500);
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(repository(FOLDER))
        .arg("-C")
        .arg(place.path(""))
        .status()
        .expect("tar runs");
    assert!(unpacked.success());
    let key = fs::read_to_string(place.path("old.key")).expect("a key");
    let server = Server::launch(&place, None, Some(key.trim().to_owned()))
        .unwrap_or_else(|(_, log)| panic!("{log}"));

    let expected = [
        vec![
            json!("answered"),
            json!(13),
            json!(4_146_695),
            json!(42_780),
            json!(108),
        ],
        vec![
            json!("left_ivr"),
            json!(2),
            json!(null),
            json!(null),
            json!(0),
        ],
        vec![
            json!("self_served"),
            json!(3),
            json!(null),
            json!(null),
            json!(4),
        ],
    ];
    assert_eq!(server.sql(BY_OUTCOME), expected);
    let late = "select count(*) from turns where interaction_id = 'late-1'";
    wait_for("what waited in the inbox", Duration::from_secs(60), || {
        (server.number(late) == 5).then_some(())
    });
    assert_eq!(server.number("select count(*) from dead_letters"), 0);
    let article = server
        .request("GET", "/v1/knowledge/articles/a-1", "", &[])
        .expect("an answer");
    assert_eq!(article.json()["question"], "宽带断了怎么办");

    let at = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let new: String = events("new", 0, 24, &at)
        .iter()
        .map(|sent| format!("{}\n", sent.line))
        .collect();
    assert_eq!(server.take(new.as_bytes())["accepted"], 24);
    wait_for("the new turns", Duration::from_secs(60), || {
        (server.number("select count(*) from turns where turn_id like 'new-%'") > 0).then_some(())
    });
    server.stop();
    place.done(&["job", "maintain"]);
    assert_eq!(place.query(BY_OUTCOME), expected);
    assert_eq!(place.query(late), [[json!(5)]]);
}
