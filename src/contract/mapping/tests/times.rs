//! Forms of times, zones, midnight.

use super::*;

#[test]
fn an_hour_from_24_on_belongs_to_the_next_day() {
    let toml = states("", "date = \"d\"\nclock = \"c\"", "agent_id = \"{who}\"");
    let event = only(&rows_of(
        &toml,
        "a.csv",
        b"who,d,c\nx,2026-01-31,25:10:05\n",
    ));
    assert_eq!(event["time"], "2026-01-31T17:10:05.000Z");
}

#[test]
fn zones_know_summer_time() {
    let toml = states(
        "",
        "column = \"t\"\nzone = \"Europe/Berlin\"",
        "agent_id = \"{a}\"",
    );
    let at = |text: &str| {
        let event = only(&rows_of(
            &toml,
            "a.csv",
            format!("a,t\nb,{text}\n").as_bytes(),
        ));
        event["time"].as_str().unwrap().to_owned()
    };
    assert_eq!(at("2026-01-05 09:00"), "2026-01-05T08:00:00.000Z");
    assert_eq!(at("2026-07-05 09:00"), "2026-07-05T07:00:00.000Z");
    // 02:30 does not exist on this day and happens twice on the other.
    assert_eq!(at("2026-03-29 02:30"), "2026-03-29T01:30:00.000Z");
    assert_eq!(at("2026-10-25 02:30"), "2026-10-25T00:30:00.000Z");
    assert_eq!(at("2026-10-25T02:30:00+01:00"), "2026-10-25T01:30:00.000Z");
}

#[test]
fn an_equal_clock_time_after_the_anchor_is_the_second_one() {
    let times = "date = \"d\"\nclock = \"to\"\nafter = \"from\"\nzone = \"Europe/Berlin\"\n\
                 [times.from]\ndate = \"d\"\nclock = \"c\"\nzone = \"Europe/Berlin\"";
    let toml = states("", times, "agent_id = \"{a}\"");
    let event = only(&rows_of(
        &toml,
        "a.csv",
        b"a,d,c,to\nb,2026-10-25,02:50,02:05\n",
    ));
    assert_eq!(event["time"], "2026-10-25T01:05:00.000Z");
}

#[test]
fn a_small_step_back_is_not_a_new_day() {
    let times =
        "date = \"d\"\nclock = \"to\"\nafter = \"from\"\n[times.from]\ndate = \"d\"\nclock = \"c\"";
    let toml = states("", times, "agent_id = \"{a}\"");
    let event = only(&rows_of(
        &toml,
        "a.csv",
        b"a,d,c,to\nb,2026-01-05,09:00:01,09:00:00\n",
    ));
    assert_eq!(event["time"], "2026-01-05T01:00:00.000Z");
}

#[test]
fn time_forms_of_many_exports() {
    let cases = [
        ("", "2026/1/5 9:03", "2026-01-05T01:03:00.000Z"),
        ("", "2026年1月5日 9:03:04", "2026-01-05T01:03:04.000Z"),
        ("", "20260105090304", "2026-01-05T01:03:04.000Z"),
        ("", "2026-01-05T09:03:04.25Z", "2026-01-05T09:03:04.250Z"),
        ("", "2026-01-05 下午9:03", "2026-01-05T13:03:00.000Z"),
        ("", "2026-01-05 12:03 AM", "2026-01-04T16:03:00.000Z"),
        (
            "%d.%m.%Y %H:%M",
            "05.01.2026 09:03",
            "2026-01-05T01:03:00.000Z",
        ),
        (
            "%m/%d/%Y %I:%M:%S %p",
            "1/5/2026 9:03:00 PM",
            "2026-01-05T13:03:00.000Z",
        ),
        (
            "%Y-%m-%d %H:%M:%S %z",
            "2026-01-05 09:03:00 +0100",
            "2026-01-05T08:03:00.000Z",
        ),
        ("epoch_ms", "1767574800123", "2026-01-05T01:00:00.123Z"),
    ];
    for (format, text, wanted) in cases {
        let times = if format.is_empty() {
            "column = \"t\"".to_owned()
        } else {
            format!("column = \"t\"\nformat = \"{format}\"")
        };
        let toml = states("", &times, "agent_id = \"{a}\"");
        let event = only(&rows_of(
            &toml,
            "a.csv",
            format!("a,t\nb,{text}\n").as_bytes(),
        ));
        assert_eq!(event["time"], wanted, "{text}");
    }
    let toml = states("", "column = \"t\"", "agent_id = \"{a}\"");
    for text in [
        "05.01.2026 09:03",
        "2026-13-05 09:03",
        "2026-01-05 09:61",
        "soon",
    ] {
        let rows = rows_of(&toml, "a.csv", format!("a,t\nb,{text}\n").as_bytes());
        let (code, pointer, reason) = refusal(&rows[0]);
        assert_eq!((code, pointer), ("bad_time", "/t"));
        assert!(
            reason.contains("line 2") && !reason.contains(text),
            "{reason}"
        );
    }
}
