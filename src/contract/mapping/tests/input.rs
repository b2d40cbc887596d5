//! Files to rows: encodings, delimiters, damage, workbooks.

use super::*;

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
    assert!(bytes.ends_with(b"|2026-01-05 09:00\n") && bytes.contains(&0x83));
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
