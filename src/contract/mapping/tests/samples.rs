//! The committed samples, the documentation and drafts.

use super::*;

#[test]
fn the_call_log_sample_gives_stays_with_their_own_times() {
    let rows = rows_of(CALL_LOG, "call_log.csv", CALL_LOG_CSV);
    assert_eq!(rows.len(), 10);
    let skipped = MappedOutcome::Skipped {
        rule: "phantom".into(),
    };
    assert_eq!(rows[5].outcome, skipped);
    assert_eq!(rows[5].line, 7);

    let direct = events_of(&rows[0]).remove(0);
    assert_eq!(direct["subject"], "LN01-501");
    assert_eq!(direct["time"], "2025-03-03T06:01:10.000Z");
    let legs = &direct["data"]["legs"];
    assert_eq!(legs[1]["queue"], "LOAN");
    assert_eq!(legs[1]["started_at"], legs[1]["ended_at"]);
    assert_eq!(legs[2]["agent_id"], "A07");
    assert_eq!(direct["data"].get("customer"), None);

    let waited = events_of(&rows[1]).remove(0);
    assert_eq!(waited["data"]["customer"]["id"], "K2201");
    assert_eq!(
        waited["data"]["legs"][1]["ended_at"],
        "2025-03-03T06:05:51.000Z"
    );
    let at_once = events_of(&rows[3]).remove(0);
    assert_eq!(at_once["data"]["legs"][1]["outcome"], "abandoned");
    assert_eq!(at_once["data"]["ended"]["ended_by"], "customer");
    let no_ivr = events_of(&rows[4]).remove(0);
    assert_eq!(no_ivr["data"]["legs"][0]["handler"], "queue");
    assert_eq!(no_ivr["time"], "2025-03-03T07:14:52.000Z");
    let unknown = &events_of(&rows[6])[0]["data"]["legs"][2];
    assert_eq!(unknown["handler"], "agent");
    assert_eq!(unknown.get("agent_id"), None);
}

#[test]
fn clock_times_past_midnight_belong_to_the_next_day() {
    let rows = rows_of(CALL_LOG, "call_log.csv", CALL_LOG_CSV);
    let answered = &events_of(&rows[7])[0]["data"]["legs"];
    assert_eq!(answered[1]["started_at"], "2025-03-03T21:58:59.000Z");
    assert_eq!(answered[1]["ended_at"], "2025-03-03T22:00:20.000Z");
    assert_eq!(answered[2]["started_at"], "2025-03-03T22:00:19.000Z");
    assert_eq!(answered[2]["ended_at"], "2025-03-03T22:04:40.000Z");
    let lost = &events_of(&rows[8])[0]["data"]["legs"];
    assert_eq!(lost[1]["ended_at"], "2025-03-03T22:00:30.000Z");
}

#[test]
fn the_dialogue_sample_gives_one_turn_an_utterance_and_counts_the_empty() {
    let rows = rows_of(DIALOGUE, "dialogue.jsonl", DIALOGUE_JSONL);
    let skipped: u64 = rows.iter().map(|row| row.skipped_items).sum();
    assert_eq!((rows.len(), skipped), (3, 2));
    let first = events_of(&rows[0]).remove(0);
    assert_eq!(first["data"]["time_source"], "made");
    assert_eq!(first["data"]["channel"], "social");
    let turns = first["data"]["turns"].as_array().unwrap();
    let ids: Vec<_> = turns
        .iter()
        .map(|turn| turn["turn_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["1.1", "1.2", "2.1", "3.1"]);
    assert_eq!(turns[2]["speaker"]["role"], "agent");
    assert_eq!(turns[3]["at"], "2026-01-01T00:00:40.000Z");
    // The second turn's first utterance is empty: the id of the next one stays.
    let second = events_of(&rows[1]).remove(0);
    assert_eq!(second["data"]["turns"][1]["turn_id"], "2.2");
    assert_eq!(second["time"], "2026-01-01T00:10:00.000Z");
}

#[test]
fn made_times_count_from_the_start_that_the_command_gives() {
    let start = Utc.with_ymd_and_hms(2025, 5, 1, 8, 0, 0).unwrap();
    let options = MappingOptions { start: Some(start) };
    let input = Box::new(Cursor::new(DIALOGUE_JSONL));
    let rows: Vec<_> = mapping(DIALOGUE)
        .reader(input, "d.jsonl", &options)
        .unwrap()
        .collect();
    assert_eq!(events_of(&rows[2])[0]["time"], "2025-05-01T08:20:00.000Z");

    let without = DIALOGUE.replace("start = \"2026-01-01T00:00:00Z\"", "");
    let input = Box::new(Cursor::new(DIALOGUE_JSONL));
    let refused = mapping(&without).reader(input, "d.jsonl", &MappingOptions::default());
    assert!(matches!(refused, Err(MappingError::NoStart)));
}

#[test]
fn importing_again_repeats_ids_and_bytes() {
    let once = rows_of(CALL_LOG, "call_log.csv", CALL_LOG_CSV);
    let again = rows_of(CALL_LOG, "renamed.csv.gz", CALL_LOG_CSV);
    assert_eq!(once, again);
    let id = events_of(&once[0])[0]["id"].clone();
    assert_eq!(id, "LN01-501:interaction.transcript.v1");
}

#[test]
fn drafts_are_valid_mappings_that_read_their_file() {
    let files: [(&str, &[u8]); 4] = [
        ("call_log.csv", CALL_LOG_CSV),
        ("dialogue.jsonl", DIALOGUE_JSONL),
        ("calls.xlsx", CALLS_XLSX),
        ("start.csv", b"call_id,start,end,outcome\n1,2026-01-05 09:00,2026-01-05 09:04,missed\n2,2026-01-05 09:10,2026-01-05 09:14,ok\n"),
    ];
    for (file, bytes) in files {
        let toml = draft(file, &mut Cursor::new(bytes)).unwrap();
        let rows = rows_of(&toml, file, bytes);
        assert!(rows.iter().all(|row| !events_of(row).is_empty()), "{toml}");
    }
    let toml = draft("dialogue.jsonl", &mut Cursor::new(DIALOGUE_JSONL)).unwrap();
    let rows = rows_of(&toml, "dialogue.jsonl", DIALOGUE_JSONL);
    assert_eq!(
        events_of(&rows[0])[0]["data"]["turns"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert!(draft("x.bin", &mut Cursor::new(b"")).is_err());
}

/// The documentation's complete example: first block the file, second the
/// mapping.
#[test]
fn the_example_of_the_documentation_works() {
    let page = include_str!("../../../../docs/MAPPING.md");
    let (_, example) = page.split_once("## A complete example").unwrap();
    let mut blocks = example.split("```");
    let file = blocks.nth(1).unwrap().trim_start();
    let toml = blocks.nth(1).unwrap().strip_prefix("toml").unwrap();
    let rows = rows_of(toml, "acd.csv", file.as_bytes());
    let legs = events_of(&rows[0])[0]["data"]["legs"].clone();
    assert_eq!(legs[0]["ended_at"], "2026-03-01T22:58:40.000Z");
    assert_eq!(legs[1]["ended_at"], "2026-03-01T23:03:15.000Z");
    let lost = events_of(&rows[1])[0]["data"]["legs"].clone();
    assert_eq!(lost.as_array().unwrap().len(), 1);
    assert_eq!(lost[0]["outcome"], "abandoned");
    assert!(matches!(&rows[2].outcome, MappedOutcome::Skipped { rule } if rule == "test calls"));
}

#[test]
fn the_documentation_names_every_key() {
    let page = include_str!("../../../../docs/MAPPING.md");
    let sources = [
        include_str!("../input.rs"),
        include_str!("../time.rs"),
        include_str!("../value.rs"),
        include_str!("../condition.rs"),
        include_str!("../event.rs"),
        include_str!("../spec.rs"),
    ];
    for source in sources {
        let (_, list) = source.split_once("const KEYS: &[&str] = &[").unwrap();
        let (list, _) = list.split_once(']').unwrap();
        for key in list.split('"').skip(1).step_by(2) {
            let told = [
                format!("`{key}`"),
                format!("`[{key}]`"),
                format!("`[[{key}]]`"),
                format!("`[{key}.NAME]`"),
            ];
            assert!(told.iter().any(|form| page.contains(form)), "{key}");
        }
    }
}
