//! Vendors' documents through the real binary: every fixture in one import, twice; what a recall leaves; refused
//! documents and rows that are taken in again.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Place, repository};

/// A fixture: its path, the events expected of it, the refusals.
struct Fixture {
    path: PathBuf,
    format: String,
    events: usize,
    refused: usize,
}

fn fixtures() -> Vec<Fixture> {
    let mut found = Vec::new();
    for folder in fs::read_dir(repository("tests/fixtures/formats")).expect("the fixtures") {
        let folder = folder.expect("a folder");
        if !folder.path().is_dir() {
            continue;
        }
        for file in fs::read_dir(folder.path()).expect("a folder") {
            let path = file.expect("a file").path();
            let name = path.display().to_string();
            if name.ends_with(".expected.ndjson") {
                continue;
            }
            let expected =
                fs::read_to_string(format!("{name}.expected.ndjson")).expect("what is expected");
            let lines = expected
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
            let count = |field: &str| {
                let lines = lines.clone();
                lines.filter(|line| line.get(field).is_some()).count()
            };
            let others = count("refused") + count("left_out") + count("dropped");
            found.push(Fixture {
                format: folder.file_name().to_string_lossy().into_owned(),
                events: lines.clone().count() - others,
                refused: count("refused"),
                path,
            });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

#[test]
fn a_folder_of_all_formats_is_imported_and_a_second_time_changes_nothing() {
    let place = Place::new();
    let fixtures = fixtures();
    assert!(fixtures.len() >= 23);
    let paths: Vec<String> = fixtures
        .iter()
        .map(|fixture| fixture.path.display().to_string())
        .collect();
    let mut arguments = vec!["--format", "auto"];
    arguments.extend(paths.iter().map(String::as_str));
    let summary = place.import(&arguments);
    let files = summary["files"].as_array().expect("a report a file");
    assert_eq!(files.len(), fixtures.len(), "{summary}");
    for (fixture, file) in fixtures.iter().zip(files) {
        assert_eq!(file["events"], json!(fixture.events), "{file}");
        assert_eq!(file["refused"], json!(fixture.refused), "{file}");
        if fixture.events > 0 {
            assert!(
                file["formats"].get(&fixture.format).is_some(),
                "{} in {file}",
                fixture.format
            );
        }
    }
    let refused: usize = fixtures.iter().map(|fixture| fixture.refused).sum();
    assert_eq!(
        place.query("select count(*) from dead_letters"),
        [[json!(refused)]]
    );
    let events: usize = fixtures.iter().map(|fixture| fixture.events).sum();
    let taken = number(&summary["accepted"]) + number(&summary["repeated"]);
    assert_eq!(taken, events as u64, "{summary}");
    assert_eq!(summary["refused"]["unknown_format"], json!(13), "{summary}");
    let counted = "select (select count(*) from turns) as turns, \
        (select count(*) from interactions) as interactions, \
        (select count(*) from dead_letters) as letters, (select count(*) from surveys) as surveys, \
        (select count(*) from cases) as cases";
    let before = place.query(counted);
    let again = place.import(&arguments);
    assert_eq!(
        [&again["accepted"], &again["repeated"]],
        [&json!(0), &summary["read"]],
        "{again}"
    );
    assert_eq!(place.query(counted), before);
    // Personal values are nowhere in what is kept.
    let mut kept = String::new();
    for table in [
        "raw.turns",
        "raw.interaction_events",
        "raw.dead_letters",
        "raw.customer_updates",
    ] {
        for row in place.query(&format!("select * from {table}")) {
            kept.push_str(&Value::Array(row).to_string());
        }
    }
    for value in [
        "13900001111",
        "13900002222",
        "13900003333",
        "13900005555",
        "ann@example.com",
        "wmAJ2GCAAAme1XQRC",
    ] {
        assert!(!kept.contains(value), "{value} is readable");
    }
}

#[test]
fn a_page_of_wechat_becomes_one_interaction_with_its_journey() {
    let place = Place::new();
    let fixture = |name: &str| {
        repository("tests/fixtures/formats/wechat-kf")
            .join(name)
            .display()
            .to_string()
    };
    place.import(&[
        "--format",
        "wechat-kf",
        &fixture("sync_page.json"),
        &fixture("sent.ndjson"),
    ]);
    let sql = "select channel, direction, entry, outcome, transfers, agents, end_reason, \
        cast(started_at as text) as started, customer_turns, agent_turns from interactions where agents is not null order by started_at";
    let rows = place.query(sql);
    assert_eq!(
        rows[0],
        [
            json!("wechat"),
            json!("inbound"),
            json!("bot"),
            json!("answered"),
            json!(1),
            json!(["ZhangSan", "LiSi"]),
            json!("completed"),
            rows[0][7].clone(),
            // The recalled one was said, too.
            json!(4),
            json!(1)
        ],
        "{rows:?}"
    );
    let said = place.query("select text from turns where turn_id = 'k2'");
    assert_eq!(said, [[Value::Null]], "what was recalled is not shown");
    let queued = "select outcome, wait_ms from legs where handler = 'queue'";
    assert_eq!(place.query(queued), [[json!("abandoned"), json!(60_000)]]);
}

#[test]
fn a_document_refused_under_a_wrong_format_and_a_row_refused_by_a_wrong_mapping_are_replayed() {
    let place = Place::new();
    let record = repository("tests/fixtures/formats/amazon-ctr/answered.json")
        .display()
        .to_string();
    let summary = place.import(&["--format", "genesys", &record]);
    assert_eq!(
        summary["refused"],
        json!({"unknown_format": 1}),
        "{summary}"
    );
    assert_eq!(summary["files"][0]["formats"], json!({"none": 1}));
    let said = place.done(&["replay", "dead-letters"]);
    assert!(said.contains("2 accepted"), "{said}");
    let legs = "select handler, queue, agent_id, talk_ms, wrap_up_ms from legs order by leg";
    let rows = place.query(legs);
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(
        rows[2],
        [
            json!("agent"),
            json!("Refunds"),
            json!("a9e70000-0000-4000-8000-000000000001"),
            json!(100_000),
            json!(15_000)
        ]
    );
    let log = fs::read_to_string(repository("samples/mappings/call_log.csv")).expect("the sample");
    let mapping =
        fs::read_to_string(repository("samples/mappings/call_log.toml")).expect("the sample");
    let wrong = mapping.replace("date = \"date\"", "date = \"customer\"");
    // The customer of the second call is no date.
    let rows: Vec<&str> = log.lines().step_by(2).take(2).collect();
    let file = place
        .file("one.csv", rows.join("\n") + "\n")
        .display()
        .to_string();
    let wrong = place.file("wrong.toml", wrong).display().to_string();
    let summary = place.import(&["--mapping", &wrong, &file]);
    assert_eq!(summary["accepted"], json!(0), "{summary}");
    let right = place.file("right.toml", mapping).display().to_string();
    let said = place.done(&[
        "replay",
        "dead-letters",
        "--code",
        "mapping_failed",
        "--mapping",
        &right,
        "--header",
        rows[0],
    ]);
    assert!(said.contains("1 accepted"), "{said}");
    let sql = "select count(*) from interactions where interaction_id = 'LN01-502'";
    assert_eq!(place.query(sql), [[json!(1)]]);
}
