//! The mapping language against small files of many layouts; the committed
//! samples against the contract's own decoder.

use std::io::Cursor;

use chrono::TimeZone;
use serde_json::Value;

use super::*;

const CALL_LOG: &str = include_str!("../../../samples/mappings/call_log.toml");
const CALL_LOG_CSV: &[u8] = include_bytes!("../../../samples/mappings/call_log.csv");
const DIALOGUE: &str = include_str!("../../../samples/mappings/dialogue_jsonl.toml");
const DIALOGUE_JSONL: &[u8] = include_bytes!("../../../samples/mappings/dialogue.jsonl");
const CALLS_XLSX: &[u8] = include_bytes!("../../../tests/fixtures/mapping/calls.xlsx");

/// A mapping of agent states: short, and any cell can be put into it.
fn states(input: &str, times: &str, fields: &str) -> String {
    format!(
        "name = \"t\"\nzone = \"Asia/Shanghai\"\n[input]\n{input}\n[times.at]\n{times}\n[[events]]\n\
         type = \"agent.state_changed.v1\"\ntime = \"{{at}}\"\n[events.data]\nstate = \"available\"\n{fields}\n"
    )
}

fn mapping(toml: &str) -> Mapping {
    Mapping::parse(toml).unwrap_or_else(|errors| panic!("{errors}"))
}

fn rows_of(toml: &str, file: &str, bytes: &[u8]) -> Vec<MappedRow> {
    let input = Box::new(Cursor::new(bytes.to_vec()));
    match mapping(toml).reader(input, file, &MappingOptions::default()) {
        Ok(reader) => reader.collect(),
        Err(error) => panic!("{error}"),
    }
}

fn events_of(row: &MappedRow) -> Vec<Value> {
    let MappedOutcome::Events(events) = &row.outcome else {
        panic!("{row:?}");
    };
    let read = |event: &Vec<u8>| {
        if let Err(rejection) = crate::contract::decode(event) {
            panic!("{} {}", rejection.pointer, rejection.reason);
        }
        serde_json::from_slice(event).unwrap()
    };
    events.iter().map(read).collect()
}

fn only(rows: &[MappedRow]) -> Value {
    assert_eq!(rows.len(), 1, "{rows:?}");
    events_of(&rows[0]).remove(0)
}

fn refusal(row: &MappedRow) -> (&'static str, &str, &str) {
    match &row.outcome {
        MappedOutcome::Refused {
            code,
            pointer,
            reason,
            ..
        } => (code, pointer, reason),
        other => panic!("{other:?}"),
    }
}

fn mistakes(toml: &str) -> Vec<String> {
    let errors = Mapping::parse(toml).map(|_| ()).unwrap_err();
    errors
        .mistakes
        .into_iter()
        .map(|mistake| mistake.path)
        .collect()
}

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
fn a_workbook_reads_like_its_csv() {
    let toml = r#"
        name = "book"
        zone = "Asia/Shanghai"
        interaction_id = "{流水号}"
        [input]
        sheet = "通话记录"
        [times.start]
        column = "开始时间"
        [values.day]
        column = "开始时间"
        pattern = "^\\S+"
        [times.answered]
        date = "day"
        clock = "应答"
        after = "start"
        [values.talk_ms]
        column = "通话时长"
        unit = "clock"
        [times.done]
        from = "answered"
        plus = "talk_ms"
        [[events]]
        type = "interaction.transcript.v1"
        time = "{start}"
        [events.data]
        channel = "call"
        direction = "inbound"
        entry = "agent"
        attributes = { note = "{满意度}" }
        [[events.data.legs]]
        when = { column = "answered", empty = false }
        handler = "agent"
        queue = "{技能组}"
        agent_id = "{坐席}"
        started_at = "{answered}"
        ended_at = "{done}"
    "#;
    let rows = rows_of(toml, "calls.xlsx", CALLS_XLSX);
    assert_eq!(rows.len(), 3);
    let first = events_of(&rows[0]).remove(0);
    assert_eq!(first["time"], "2026-03-01T15:59:30.000Z");
    let leg = &first["data"]["legs"][0];
    assert_eq!(leg["started_at"], "2026-03-01T16:00:15.000Z");
    assert_eq!(leg["ended_at"], "2026-03-01T16:02:20.000Z");
    assert_eq!(leg["agent_id"], "王一");
    assert_eq!(first["data"]["attributes"]["note"], "5");
    assert_eq!(events_of(&rows[1])[0]["data"].get("legs"), None);
    assert_eq!(rows[2].line, 5);
    assert_eq!(events_of(&rows[2])[0]["subject"], "30017");

    let missing = toml.replace("sheet = \"通话记录\"", "sheet = \"x\"");
    let input = Box::new(Cursor::new(CALLS_XLSX));
    let error = mapping(&missing)
        .reader(input, "c.xlsx", &MappingOptions::default())
        .err();
    assert!(error.unwrap().to_string().contains("通话记录"));
}

#[test]
fn encodings_are_found_or_told() {
    let text = "坐席,时间\n张三丰,2026-01-05 09:00:00\n";
    let toml = states("", "column = \"时间\"", "agent_id = \"{坐席}\"");
    let (gb, _, _) = encoding_rs::GB18030.encode(text);
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_mark = [b"\xEF\xBB\xBF".as_slice(), text.as_bytes()].concat();
    for bytes in [text.as_bytes(), &gb, &wide, &with_mark] {
        let event = only(&rows_of(&toml, "a.csv", bytes));
        assert_eq!(event["data"]["agent_id"], "张三丰");
        assert_eq!(event["time"], "2026-01-05T01:00:00.000Z");
    }
    let (big5, _, _) = encoding_rs::BIG5.encode("坐席,时间\n張三,2026-01-05 09:00:00\n");
    let told = states(
        "encoding = \"big5\"\nheader = false\nskip_lines = 1\ncolumns = [\"坐席\", \"时间\"]",
        "column = \"时间\"",
        "agent_id = \"{坐席}\"",
    );
    assert_eq!(
        only(&rows_of(&told, "a.csv", &big5))["data"]["agent_id"],
        "張三"
    );
}

#[test]
fn bytes_of_another_encoding_refuse_only_their_row() {
    let toml = states("", "column = \"t\"", "agent_id = \"{a}\"");
    let mut bytes = "a,t\n".as_bytes().to_vec();
    for _ in 0..20 {
        bytes.extend("张三,2026-01-05 09:00\n".as_bytes());
    }
    bytes.extend(b"\xFF\xFEx,2026-01-05 09:00\n");
    bytes.extend("李四,2026-01-05 09:00\n".as_bytes());
    let rows = rows_of(&toml, "a.csv", &bytes);
    assert_eq!(rows.len(), 22);
    assert_eq!(refusal(&rows[20]).0, "bad_encoding");
    assert_eq!(rows[20].line, 22);
    assert_eq!(events_of(&rows[21])[0]["data"]["agent_id"], "李四");
}

#[test]
fn a_gb18030_trail_byte_is_never_a_delimiter() {
    // 億 and 東 end in 0x7C, the vertical bar, in GB18030.
    let text = "a|t\n億東|2026-01-05 09:00\n";
    let (bytes, _, _) = encoding_rs::GB18030.encode(text);
    assert!(bytes.iter().filter(|byte| **byte == b'|').count() > 2);
    let toml = states(
        "delimiter = \"|\"\nencoding = \"gb18030\"",
        "column = \"t\"",
        "agent_id = \"{a}\"",
    );
    assert_eq!(
        only(&rows_of(&toml, "a.csv", &bytes))["data"]["agent_id"],
        "億東"
    );
}

#[test]
fn quoted_line_breaks_and_quotes_are_text_and_lines_are_counted() {
    let toml = states("", "column = \"t\"", "agent_id = \"x\"\nqueues = [\"{a}\"]");
    let text = "a,t\n\"x, \"\"y\"\"\r\nz\",2026-01-05 09:00\r\nb,2026-01-05 09:00\r\n";
    let rows = rows_of(&toml, "a.csv", text.as_bytes());
    assert_eq!(events_of(&rows[0])[0]["data"]["queues"][0], "x, \"y\"\nz");
    assert_eq!((rows[0].line, rows[1].line), (2, 4));
    assert_eq!(events_of(&rows[1])[0]["data"]["queues"][0], "b");
}

#[test]
fn an_open_quote_costs_only_its_own_line() {
    let toml = states("", "column = \"t\"", "agent_id = \"{a}\"");
    let text = "a,t\n\"x,2026-01-05 09:00\nb,2026-01-05 09:00\n\"c\"d,2026-01-05 09:00\ne,2026-01-05 09:00\n";
    let rows = rows_of(&toml, "a.csv", text.as_bytes());
    assert_eq!(rows.len(), 4);
    assert_eq!(refusal(&rows[0]).0, "bad_quote");
    assert_eq!(refusal(&rows[2]).0, "bad_quote");
    assert_eq!((rows[1].line, rows[3].line), (3, 5));
    assert_eq!(events_of(&rows[3])[0]["data"]["agent_id"], "e");
}

#[test]
fn ragged_rows_are_refused_or_filled() {
    let text = b"a,t,x\nb,2026-01-05 09:00\nc,2026-01-05 09:00,1,2\nd,2026-01-05 09:00,1\n";
    let toml = states("", "column = \"t\"", "agent_id = \"{a}\"");
    let rows = rows_of(&toml, "a.csv", text);
    assert_eq!(refusal(&rows[0]).0, "ragged_row");
    assert!(refusal(&rows[1]).2.contains("line 3"));
    events_of(&rows[2]);
    let filled = states("ragged = \"fill\"", "column = \"t\"", "agent_id = \"{a}\"");
    for row in rows_of(&filled, "a.csv", text) {
        events_of(&row);
    }
}

#[test]
fn any_delimiter_and_columns_by_index() {
    let toml = states("header = false", "column = 1", "agent_id = \"{0}\"");
    for text in [
        "b;2026-01-05 09:00\n",
        "b\t2026-01-05 09:00\n",
        "b|2026-01-05 09:00\n",
    ] {
        let event = only(&rows_of(&toml, "a.txt", text.as_bytes()));
        assert_eq!(event["data"]["agent_id"], "b");
    }
    let long = states(
        "header = false\ndelimiter = \"||\"",
        "column = 1",
        "agent_id = \"{0}\"",
    );
    let event = only(&rows_of(&long, "a.csv", b"b|c||2026-01-05 09:00\n"));
    assert_eq!(event["data"]["agent_id"], "b|c");
}

#[test]
fn json_lines_that_are_broken_or_cut_are_refused_alone() {
    let toml = states(
        "",
        "column = \"t\"\nformat = \"epoch_s\"",
        "agent_id = \"{a.id}\"",
    );
    let text = "{\"a\":{\"id\":\"x\"},\"t\":1767574800}\n{\"a\":nope}\n[1]\n{\"a\":{\"id\":7},\"t\":\"1767574800.5\"}\n{\"a\":{\"id\":\"z";
    let rows = rows_of(&toml, "a.jsonl", text.as_bytes());
    assert_eq!(events_of(&rows[0])[0]["time"], "2026-01-05T01:00:00.000Z");
    for bad in [1, 2, 4] {
        assert_eq!(refusal(&rows[bad]).0, "bad_json");
        assert!(!refusal(&rows[bad]).2.contains("nope"));
    }
    let number = events_of(&rows[3]).remove(0);
    assert_eq!(number["data"]["agent_id"], "7");
    assert_eq!(number["time"], "2026-01-05T01:00:00.500Z");
    let MappedOutcome::Refused { raw, .. } = &rows[1].outcome else {
        panic!();
    };
    assert_eq!(raw, b"{\"a\":nope}");
}

#[test]
fn a_line_beyond_the_limit_is_refused_and_the_next_is_read() {
    let toml = states(
        "max_row_bytes = 2000",
        "column = \"t\"",
        "agent_id = \"{a}\"",
    );
    let text = format!(
        "a,t\n{},2026-01-05 09:00\nb,2026-01-05 09:00\n",
        "x".repeat(300_000)
    );
    let rows = rows_of(&toml, "a.csv", text.as_bytes());
    assert_eq!(refusal(&rows[0]).0, "row_too_long");
    assert_eq!(events_of(&rows[1])[0]["data"]["agent_id"], "b");
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

#[test]
fn values_are_derived_step_by_step() {
    let toml = r#"
        name = "v"
        zone = "UTC"
        interaction_id = "{id}"
        [columns.score]
        null = ["-1"]
        [values.csat]
        column = "score"
        scale = 0.04
        offset = 1
        as = "integer"
        min = 1
        max = 5
        [values.solved]
        column = "done"
        case = "lower"
        map = { ja = true, nein = false }
        [values.code]
        column = "note"
        pattern = "K-(\\d+)"
        [values.tags]
        column = "tags"
        split = ";"
        [values.level]
        cases = [{ when = { column = "csat", ge = 4 }, then = "good" }]
        else = "other"
        [times.t]
        column = "t"
        [[events]]
        type = "survey.answered.v1"
        time = "{t}"
        [events.data]
        survey_id = "{id}-s"
        interaction_id = "{id}"
        channel = "call"
        about = "interaction"
        csat = "{csat}"
        resolved = "{solved}"
        comment = "{level} {code}"
        [[events]]
        type = "interaction.queued.v1"
        time = "{t}"
        [events.data]
        queue = "q"
        priority = "{prio}"
        skills = "{tags}"
    "#;
    let text = "id,score,done,note,tags,prio,t\n1,75,JA,\"a K-42, b\",x; y,3,2026-01-05 09:00\n2,-1,nein,,,,2026-01-05 09:00\n3,50,vielleicht,,,,2026-01-05 09:00\n4,9,ja,,,high,2026-01-05 09:00\n";
    let rows = rows_of(toml, "v.csv", text.as_bytes());
    let first = events_of(&rows[0]);
    assert_eq!(first[0]["data"]["csat"], 4);
    assert_eq!(first[0]["data"]["resolved"], true);
    assert_eq!(first[0]["data"]["comment"], "good 42");
    assert_eq!(first[0]["subject"], "1-s");
    assert_eq!(first[1]["data"]["skills"], serde_json::json!(["x", "y"]));
    assert_eq!(first[1]["data"]["priority"], 3);
    assert_eq!(
        first[1]["id"],
        "1:interaction.queued.v1:2026-01-05T09:00:00.000Z:q"
    );
    let second = events_of(&rows[1]);
    assert_eq!(second[0]["data"].get("csat"), None);
    assert_eq!(second[0]["data"].get("comment"), None);
    assert_eq!(second[1]["data"].get("skills"), None);
    assert_eq!(refusal(&rows[2]).0, "unmapped_value");
    assert_eq!(refusal(&rows[2]).1, "/done");
    assert_eq!(
        refusal(&rows[3]),
        (
            "bad_number",
            "/prio",
            "line 5: prio for the field priority is no whole number"
        )
    );
}

#[test]
fn conditions_compare_and_combine() {
    let holds = |condition: &str, cell: &str| {
        let toml = format!(
            "{}[[skip]]\nname = \"s\"\nwhen = {condition}\n",
            states("", "column = \"t\"", "agent_id = \"b\"")
        );
        let rows = rows_of(
            &toml,
            "a.csv",
            format!("c,t\n{cell},2026-01-05\n").as_bytes(),
        );
        matches!(rows[0].outcome, MappedOutcome::Skipped { .. })
    };
    let cases = [
        ("{ column = \"c\", is = \"x\" }", "x", ""),
        ("{ column = \"c\", is_not = \"x\" }", "", "x"),
        ("{ column = \"c\", in = [\"x\", 5] }", "5", "y"),
        ("{ column = \"c\", not_in = [\"x\", \"y\"] }", "z", "y"),
        ("{ column = \"c\", matches = \"^a.c$\" }", "abc", "abcd"),
        ("{ column = \"c\", empty = true }", "", "x"),
        ("{ column = \"c\", gt = 3, le = 5 }", "5", "3"),
        ("{ column = \"c\", lt = 0 }", "-2", "abc"),
        ("{ not = { column = \"c\", is = \"x\" } }", "y", "x"),
        (
            "{ any = [{ column = \"c\", is = \"x\" }, { column = \"c\", ge = 7 }] }",
            "7",
            "6",
        ),
        (
            "{ all = [{ column = \"c\", ge = 1 }, { column = \"c\", is_not = \"2\" }] }",
            "1",
            "2",
        ),
        (
            "[{ column = \"c\", ge = 1 }, { column = \"c\", le = 2 }]",
            "2",
            "3",
        ),
    ];
    for (condition, yes, no) in cases {
        assert!(holds(condition, yes), "{condition} {yes}");
        assert!(!holds(condition, no), "{condition} {no}");
    }
}

#[test]
fn rows_that_follow_one_another_become_one_transcript() {
    let toml = r#"
        name = "chat"
        zone = "UTC"
        interaction_id = "{chat}"
        [input]
        group_by = "chat"
        [times.start]
        column = "at"
        [times.said]
        column = "row.at"
        [values.role]
        column = "row.who"
        map = { C = "customer" }
        default = "agent"
        [[events]]
        type = "interaction.transcript.v1"
        time = "{start}"
        [events.data]
        channel = "chat"
        direction = "inbound"
        entry = "agent"
        [[events.data.turns]]
        each = "row in rows"
        skip = { column = "row.text", empty = true }
        turn_id = "{row#}"
        at = "{said}"
        speaker = { role = "{role}" }
        content_type = "text"
        text = "{row.text}"
    "#;
    let text = "chat,who,text,at\n1,C,hi,2026-01-05 09:00:00\n1,A,yes?,2026-01-05 09:00:05\n1,C,,2026-01-05 09:00:06\n2,C,hm,2026-01-05 09:01:00\nbad\n2,A,ok,2026-01-05 09:02:00\n";
    let rows = rows_of(toml, "c.csv", text.as_bytes());
    let lines: Vec<_> = rows.iter().map(|row| row.line).collect();
    assert_eq!(lines, [2, 5, 6, 7]);
    let first = events_of(&rows[0]).remove(0);
    assert_eq!(first["data"]["turns"].as_array().unwrap().len(), 2);
    assert_eq!(first["data"]["turns"][1]["speaker"]["role"], "agent");
    assert_eq!(first["data"]["turns"][1]["at"], "2026-01-05T09:00:05.000Z");
    assert_eq!(rows[0].skipped_items, 1);
    assert_eq!(refusal(&rows[2]).0, "ragged_row");
}

#[test]
fn events_can_repeat_over_a_list_and_keep_their_ids_apart() {
    let toml = r#"
        name = "steps"
        zone = "UTC"
        interaction_id = "{id}"
        [times.at]
        column = "step.at"
        [[events]]
        type = "interaction.ivr_step.v1"
        each = "step in path"
        time = "{at}"
        [events.data]
        node = "{step.node}"
        action = "menu"
    "#;
    let text = r#"{"id":"i","path":[{"node":"a","at":"2026-01-05T09:00:00Z"},{"node":"b","at":"2026-01-05T09:00:00Z"}]}"#;
    let rows = rows_of(toml, "s.jsonl", text.as_bytes());
    let events = events_of(&rows[0]);
    assert_eq!(events.len(), 2);
    assert_ne!(events[0]["id"], events[1]["id"]);
    let none = rows_of(toml, "s.jsonl", b"{\"id\":\"i\",\"path\":[]}");
    let skipped = MappedOutcome::Skipped {
        rule: "no_event".into(),
    };
    assert_eq!(none[0].outcome, skipped);
}

#[test]
fn a_column_keeps_its_name_beside_a_time_of_that_name() {
    let toml = states(
        "",
        "column = \"at\"\n[times.other]\ncolumn = \"column:at\"",
        "agent_id = \"{a}\"\nsince = \"{other}\"",
    );
    let event = only(&rows_of(&toml, "a.csv", b"a,at\nb,2026-01-05 09:00\n"));
    assert_eq!(event["data"]["since"], event["time"]);
}

#[test]
fn all_mistakes_are_told_with_their_paths() {
    let toml = r#"
        name = "m"
        colour = "red"
        [input]
        encoding = "klingon"
        delimiter = ""
        [values.v]
        column = "a"
        template = "b"
        [values.w]
        column = "a"
        as = "integr"
        [times.t]
        column = "t"
        format = "HH:MM"
        [[skip]]
        name = "s"
        when = { column = "c" }
        [[events]]
        type = "interaction.transcript.v1"
        time = "{t"
        [events.data]
        channel = "phone"
        direction = "inbound"
        queu = "{q}"
        [[events.data.legs]]
        handler = "agent"
        each = "x of y"
    "#;
    let found = mistakes(toml);
    for path in [
        "colour",
        "input.encoding",
        "input.delimiter",
        "values.v",
        "values.w.as",
        "times.t.format",
        "times.t.zone",
        "skip[0].when",
        "events[0].time",
        "events[0]",
        "events[0].data.channel",
        "events[0].data.queu",
        "events[0].data.entry",
        "events[0].data.legs[0].each",
        "events[0].data.legs[0].started_at",
        "events[0].data.legs[0].ended_at",
    ] {
        assert!(
            found.iter().any(|known| known == path),
            "{path} not in {found:?}"
        );
    }
    assert_eq!(found.len(), 16, "{found:?}");
}

#[test]
fn names_that_lead_back_to_themselves_are_a_mistake() {
    let toml = states(
        "",
        "from = \"b\"\n[times.b]\nfrom = \"at\"",
        "agent_id = \"{a}\"",
    );
    assert_eq!(mistakes(&toml), ["times.at"]);
    assert_eq!(mistakes("name = "), [""]);
}

#[test]
fn a_file_without_the_columns_is_refused_at_once() {
    let toml = states(
        "optional = [\"c\"]",
        "column = \"t\"",
        "agent_id = \"{a}{b}\"\nqueues = [\"{c}\"]",
    );
    let input = Box::new(Cursor::new(b"x,t\n1,2\n"));
    let error = mapping(&toml)
        .reader(input, "f.csv", &MappingOptions::default())
        .err();
    let Some(MappingError::MissingColumns {
        missing, present, ..
    }) = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(missing, ["a", "b"]);
    assert_eq!(present, ["x", "t"]);
}

#[test]
fn an_unknown_id_or_time_is_refused_with_its_column() {
    let toml = states("", "column = \"t\"\nnull = [\"0\"]", "agent_id = \"{a}\"");
    let rows = rows_of(&toml, "a.csv", b"a,t\nb,0\n,2026-01-05\n");
    assert_eq!(
        (refusal(&rows[0]).0, refusal(&rows[0]).1),
        ("missing_value", "/t")
    );
    assert_eq!(
        (refusal(&rows[1]).0, refusal(&rows[1]).1),
        ("missing_value", "/agent_id")
    );
}

struct Failing(bool);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0 {
            return Err(std::io::Error::other("cut"));
        }
        self.0 = true;
        let bytes = b"a,t\nb,2026-01-05\n";
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

#[test]
fn a_read_that_fails_in_the_middle_is_told() {
    let toml = states("delimiter = \",\"", "column = \"t\"", "agent_id = \"{a}\"");
    let opened = mapping(&toml).reader(
        Box::new(Failing(false)),
        "a.csv",
        &MappingOptions::default(),
    );
    let rows: Vec<_> = opened.unwrap().collect();
    assert_eq!(rows.len(), 2);
    events_of(&rows[0]);
    assert_eq!(refusal(&rows[1]).0, "read_failed");
}

#[test]
fn debug_forms_hide_what_rows_say() {
    let toml = states("", "column = \"t\"", "agent_id = \"{a}\"");
    let rows = rows_of(&toml, "a.csv", b"a,t\nsecret,never\nsecret,2026-01-05\n");
    assert!(!format!("{rows:?}").contains("secret"));
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
    let page = include_str!("../../../docs/MAPPING.md");
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
    let page = include_str!("../../../docs/MAPPING.md");
    let sources = [
        include_str!("input.rs"),
        include_str!("time.rs"),
        include_str!("value.rs"),
        include_str!("condition.rs"),
        include_str!("event.rs"),
        include_str!("spec.rs"),
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
