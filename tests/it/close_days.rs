//! Closed days stored by the real binary: the marts answer the same before, after, and after a death in between.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Place, repository, text, wait_for};

const MARTS: [&str; 2] = [
    "select * from interactions order by interaction_id",
    "select * from legs order by interaction_id, leg",
];

fn marts(place: &Place) -> Vec<Vec<Value>> {
    MARTS.iter().flat_map(|sql| place.query(sql)).collect()
}

#[test]
fn stored_days_answer_the_same_also_when_the_process_dies_between_two_marts() {
    let place = Place::new().with("TINGCHAO__DAYS__QUIET_MINUTES", 0);
    let [file, mapping] = ["call_log.csv", "call_log.toml"].map(|name| {
        let path = repository("samples/mappings").join(name);
        path.display().to_string()
    });
    place.import(&["--mapping", &mapping, &file]);
    let live = marts(&place);
    assert!(live.len() > 9);

    let died = place.run(&["job", "close-days"], Some("between_marts=1"));
    assert_eq!(died.status.code(), None, "{died:?}");
    assert_eq!(marts(&place), live, "one mart is stored, the other is not");

    // The lease of the dead process has to run out first.
    let said = wait_for("the lease", Duration::from_secs(60), || {
        let output = place.run(&["job", "close-days"], None);
        output.status.success().then(|| text(&output.stdout))
    });
    assert!(
        said.contains("0 stored"),
        "what was made is committed, not made again: {said}"
    );
    assert_eq!(marts(&place), live);
    let days = std::fs::read_dir(place.data().join("lake/legs")).unwrap();
    let days = days.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("dt=")
    });
    assert!(days.count() > 0);
}
