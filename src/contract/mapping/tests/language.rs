//! Values, conditions, events, mistakes.

use super::*;

const DERIVED: &str = r#"
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

#[test]
fn values_are_derived_step_by_step() {
    let text = "id,score,done,note,tags,prio,t\n1,75,JA,\"a K-42, b\",x; y,3,2026-01-05 09:00\n2,-1,nein,,,,2026-01-05 09:00\n3,50,vielleicht,,,,2026-01-05 09:00\n4,9,ja,,,high,2026-01-05 09:00\n";
    let rows = rows_of(DERIVED, "v.csv", text.as_bytes());
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
        "interaction_id",
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

#[test]
fn debug_forms_hide_what_rows_say() {
    let toml = states("", "column = \"t\"", "agent_id = \"{a}\"");
    let rows = rows_of(&toml, "a.csv", b"a,t\nsecret,never\nsecret,2026-01-05\n");
    assert!(!format!("{rows:?}").contains("secret"));
}

#[test]
fn a_column_may_end_in_a_number_sign_or_hold_dots_and_blanks() {
    let toml = states("", "column = \"Call. at\"", "agent_id = \"{Call #}\"");
    let event = only(&rows_of(
        &toml,
        "a.csv",
        b"Call #,Call. at\nb,2026-01-05 09:00\n",
    ));
    assert_eq!(event["data"]["agent_id"], "b");
}

#[test]
fn wrong_words_are_refused_with_their_column() {
    let toml = states("", "column = \"t\"", "agent_id = \"{a}\"")
        .replace("state = \"available\"", "state = \"{s}\"");
    let rows = rows_of(
        &toml,
        "a.csv",
        b"a,t,s\nb,2026-01-05,gone\nb,2026-01-05,break\n",
    );
    assert_eq!(
        (refusal(&rows[0]).0, refusal(&rows[0]).1),
        ("bad_word", "/s")
    );
    assert!(!refusal(&rows[0]).2.contains("gone"));
    assert_eq!(events_of(&rows[1])[0]["data"]["state"], "break");
}

#[test]
fn made_times_stand_in_only_where_the_file_has_none() {
    let toml = r#"
        name = "m"
        zone = "UTC"
        interaction_id = "{id}"
        [made]
        start = "2026-01-01T00:00:00Z"
        step = "1h"
        [times.known]
        column = "t"
        [times.counted]
        made = "row"
        [times.start]
        first = ["known", "counted"]
        [[events]]
        type = "interaction.transcript.v1"
        time = "{start}"
        [events.data]
        channel = "email"
        direction = "inbound"
        entry = "agent"
    "#;
    let rows = rows_of(
        toml,
        "m.csv",
        b"id,t\n1,2026-02-02 10:00\n2,\n3,2026-02-02 11:00\n",
    );
    let sources: Vec<_> = rows
        .iter()
        .map(|row| events_of(row)[0]["data"].get("time_source").cloned())
        .collect();
    assert_eq!(sources, [None, Some(Value::from("made")), None]);
    assert_eq!(events_of(&rows[1])[0]["time"], "2026-01-01T01:00:00.000Z");
}
