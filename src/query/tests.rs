//! The engine over small lakes in temporary folders.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::array::RecordBatch;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::engine::Spill;
use super::export::Format;
use super::files::{File, Library};
use super::*;
use crate::disk::Faults;
use crate::domain::{AppId, Micros, Role};
use crate::error::{Coded, ErrorCode};
use crate::lake::{Lake, Progress, data_file};
use crate::tables::{Batch, TableId};

const VIEWS: &[File] = &[
    (
        "turns",
        "-- name: turns\n-- about: Turns without repeats.\n\
         with marked as (select distinct interaction_id from raw.turns where suspect)\n\
         select interaction_id, turn_id, channel, at, text, dt from raw.turns t\n\
         where not exists (select 1 from marked m where m.interaction_id = t.interaction_id)\n\
         union all\n\
         select interaction_id, turn_id, channel, at, text, dt from (\n\
             select t.*, row_number() over (\n\
                 partition by t.interaction_id, t.turn_id order by t.revision desc, t.\"offset\" desc\n\
             ) as place\n\
             from raw.turns t\n\
             where exists (select 1 from marked m where m.interaction_id = t.interaction_id)\n\
         ) ranked\n\
         where place = 1",
    ),
    (
        "spoken",
        "-- name: spoken\n-- about: Turns by channel.\n-- columns:\n--   channel text\n--   turns bigint\n\
         select channel, count(*) as turns from turns group by channel",
    ),
];

const NAMED: &[File] = &[
    (
        "turns_on",
        "-- name: turns_on\n-- about: Turns of a channel.\n\
         -- params:\n--   channel text\n--   from timestamptz = null\n--   limit bigint = 10\n\
         select turn_id from turns\n\
         where channel = $channel and ($from is null or at >= $from) order by turn_id limit $limit",
    ),
    (
        "logs_on",
        "-- name: logs_on\n-- about: Stored rows of a channel.\n-- needs: operations_profile\n\
         -- params:\n--   channel text\n\
         select count(*) as stored from raw.turns where channel = $1",
    ),
];

fn limits() -> Limits {
    Limits {
        timeout: Duration::from_secs(60),
        max_rows: 1_000_000,
        max_memory_bytes: 256 << 20,
        max_concurrent: 4,
        max_waiting: 4,
        spill: None,
    }
}

struct Fixture {
    lake: Arc<Lake>,
    engine: Engine,
    _folder: tempfile::TempDir,
}

async fn fixture(limits: Limits) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let lake = Arc::new(
        Lake::open(folder.path(), Arc::new(Faults::none()))
            .await
            .unwrap(),
    );
    let library = Library::load(&[VIEWS], NAMED).unwrap();
    let engine = Engine::with_library(
        Arc::clone(&lake),
        limits,
        Arc::new(()),
        Handle::current(),
        library,
    );
    Fixture {
        lake,
        engine: engine.unwrap(),
        _folder: folder,
    }
}

/// A turn: interaction, turn, channel, text, second of 2026-11-20, whether it may be a repeat.
type Row<'a> = (&'a str, &'a str, &'a str, &'a str, i64, bool);

async fn write_turns(lake: &Lake, first_offset: i64, rows: &[Row<'_>]) {
    let spec = TableId::Turns.spec();
    let place = |name: &str| {
        spec.columns
            .iter()
            .position(|column| column.name == name)
            .unwrap()
    };
    let midnight = Micros::parse("2026-11-20T00:00:00Z").unwrap();
    let mut batch = Batch::new(spec);
    for (index, (interaction, turn, channel, text, second, suspect)) in rows.iter().enumerate() {
        let offset = first_offset + i64::try_from(index).unwrap();
        let mut row = batch.row();
        row.text(place("interaction_id"), Some(interaction));
        row.text(place("turn_id"), Some(turn));
        row.text(place("channel"), Some(channel));
        row.time(place("at"), Some(Micros(midnight.0 + second * 1_000_000)));
        row.text(place("text"), Some(text));
        row.bool(place("recalled"), Some(false));
        row.bool(place("from_transcript"), Some(false));
        row.text(place("event_source"), Some("/test"));
        row.text(place("event_id"), Some(turn));
        row.int(place("revision"), Some(0));
        row.text(place("source"), Some("test"));
        row.int(place("partition"), Some(0));
        row.long(place("offset"), Some(offset));
        row.int(place("item"), Some(0));
        row.time(place("ingested_at"), Some(midnight));
        row.bool(place("suspect"), Some(*suspect));
    }
    let table = lake.table(TableId::Turns);
    let mut files = [data_file(&batch.finish().unwrap(), midnight.day()).unwrap()];
    table.upload(&mut files).await.unwrap();
    let next = first_offset + i64::try_from(rows.len()).unwrap();
    let progress = [Progress {
        app: AppId::new("test", 0),
        first: first_offset,
        next,
    }];
    table.commit(&files, &progress, midnight).await.unwrap();
}

const TURNS: &[Row<'static>] = &[
    ("i1", "t1", "call", "您好", 1, false),
    ("i1", "t2", "call", "查余额, \"快\"", 2, false),
    ("i2", "t3", "chat", "", 3, true),
    ("i2", "t3", "chat", "again", 3, true),
];

async fn rows_of(answer: Answer) -> Result<Vec<RecordBatch>, QueryError> {
    answer.batches.try_collect().await
}

async fn text_of(fixture: &Fixture, answer: Answer, format: Format) -> Result<Vec<u8>, QueryError> {
    let parts: Vec<bytes::Bytes> = fixture
        .engine
        .export(answer, format)
        .await?
        .try_collect()
        .await?;
    Ok(parts.concat())
}

async fn json_as(fixture: &Fixture, request: Request) -> Result<Value, QueryError> {
    let answer = fixture.engine.run(request).await?;
    let text = text_of(fixture, answer, Format::Json).await?;
    Ok(serde_json::from_slice(&text).unwrap())
}

async fn json_of(fixture: &Fixture, sql: &str) -> Result<Value, QueryError> {
    json_as(fixture, Request::new(sql, Role::Analyst)).await
}

async fn code_of(fixture: &Fixture, sql: &str) -> ErrorCode {
    match json_of(fixture, sql).await {
        Ok(rows) => panic!("{sql} answered {rows}"),
        Err(error) => error.code(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_embedded_relation_and_query_plans_and_its_header_is_true() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Arc::new(
        Lake::open(folder.path(), Arc::new(Faults::none()))
            .await
            .unwrap(),
    );
    let engine = Engine::new(lake, limits(), Arc::new(()), Handle::current()).unwrap();
    assert_eq!(engine.explain_check().await, Vec::<String>::new());
    assert!(!engine.named().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_header_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Arc::new(
        Lake::open(folder.path(), Arc::new(Faults::none()))
            .await
            .unwrap(),
    );
    let wrong: &[File] = &[
        (
            "a",
            "-- name: a\n-- about: a\n-- columns:\n--   n text\nselect 1 as n",
        ),
        ("b", "-- name: b\n-- about: b\nselect missing from a"),
    ];
    let library = Library::load(&[wrong], &[]).unwrap();
    let engine =
        Engine::with_library(lake, limits(), Arc::new(()), Handle::current(), library).unwrap();
    assert_eq!(engine.explain_check().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_clean_repeats_and_a_query_keeps_its_versions() {
    let fixture = fixture(limits()).await;
    write_turns(&fixture.lake, 0, TURNS).await;
    let counts = json_of(&fixture, "select * from spoken order by channel")
        .await
        .unwrap();
    assert_eq!(counts["rows"], json!([["call", 2], ["chat", 1]]));
    let admin = |sql: &str| Request::new(sql, Role::Admin);
    let held = fixture
        .engine
        .run(admin("select count(*) as n from raw.turns"))
        .await
        .unwrap();
    let version = held.versions["turns"];
    write_turns(&fixture.lake, 4, &[("i3", "t9", "call", "后来", 9, false)]).await;
    let held = text_of(&fixture, held, Format::Csv).await.unwrap();
    assert_eq!(held, b"n\r\n4\r\n");
    let later = fixture
        .engine
        .run(admin("select count(*) as n from raw.turns"))
        .await
        .unwrap();
    assert_eq!(later.versions["turns"], version + 1);
    assert_eq!(
        text_of(&fixture, later, Format::Csv).await.unwrap(),
        b"n\r\n5\r\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_exact() {
    let fixture = fixture(limits()).await;
    let sql = "select 9007199254740992 as a, 9007199254740993 as b, cast(1.50 as decimal(10,2)) as c, \
        timestamptz '2026-11-20T03:15:07.120Z' as d, date '2026-11-20' as e, 'q\"你\n' as f, \
        null as g, true as h, [1, null] as i, cast(1.0 as double) / 0 as j, 0.1::real as k, \
        named_struct('x', 1, 'y', 'z') as l, x'00ff' as m, ['a','b'] as n, 7::int as o, \
        timestamp '2026-11-20T03:15:07' as p, -9007199254740993 as q, interval '1 day' as r";
    let answer = fixture
        .engine
        .run(Request::new(sql, Role::Analyst))
        .await
        .unwrap();
    let text = text_of(&fixture, answer, Format::Json).await.unwrap();
    let expected = "{\"columns\":[\
        {\"name\":\"a\",\"type\":\"bigint\"},{\"name\":\"b\",\"type\":\"bigint\"},\
        {\"name\":\"c\",\"type\":\"numeric\"},{\"name\":\"d\",\"type\":\"timestamptz\"},\
        {\"name\":\"e\",\"type\":\"date\"},{\"name\":\"f\",\"type\":\"text\"},\
        {\"name\":\"g\",\"type\":\"unknown\"},{\"name\":\"h\",\"type\":\"boolean\"},\
        {\"name\":\"i\",\"type\":\"bigint[]\"},{\"name\":\"j\",\"type\":\"double precision\"},\
        {\"name\":\"k\",\"type\":\"real\"},{\"name\":\"l\",\"type\":\"json\"},\
        {\"name\":\"m\",\"type\":\"bytea\"},{\"name\":\"n\",\"type\":\"text[]\"},\
        {\"name\":\"o\",\"type\":\"integer\"},{\"name\":\"p\",\"type\":\"timestamp\"},\
        {\"name\":\"q\",\"type\":\"bigint\"},{\"name\":\"r\",\"type\":\"interval\"}],\"rows\":[[\
        9007199254740992,\"9007199254740993\",\"1.50\",\"2026-11-20T03:15:07.12Z\",\"2026-11-20\",\
        \"q\\\"你\\n\",null,true,[1,null],null,0.1,{\"x\":1,\"y\":\"z\"},\"AP8=\",[\"a\",\"b\"],7,\
        \"2026-11-20T03:15:07\",\"-9007199254740993\",\"1 days\"]],\"row_count\":1,\"truncated\":false}";
    assert_eq!(String::from_utf8(text).unwrap(), expected);
    let empty = json_of(&fixture, "select turn_id from turns")
        .await
        .unwrap();
    let expected = json!({
        "columns": [{"name": "turn_id", "type": "text"}], "rows": [], "row_count": 0, "truncated": false
    });
    assert_eq!(empty, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn ndjson_and_csv_are_exact() {
    let fixture = fixture(limits()).await;
    write_turns(&fixture.lake, 0, TURNS).await;
    let sql = "select turn_id, text, case when turn_id = 't1' then null else at end as at \
        from turns order by turn_id";
    let run = || fixture.engine.run(Request::new(sql, Role::Analyst));
    let csv = text_of(&fixture, run().await.unwrap(), Format::Csv)
        .await
        .unwrap();
    let csv = String::from_utf8(csv).unwrap();
    let lines: Vec<_> = csv.split("\r\n").collect();
    assert_eq!(lines[0], "turn_id,text,at");
    assert_eq!(lines[1], "t1,您好,");
    assert_eq!(lines[2], "t2,\"查余额, \"\"快\"\"\",2026-11-20T00:00:02Z");
    assert_eq!(lines.len(), 5);
    let ndjson = text_of(&fixture, run().await.unwrap(), Format::Ndjson)
        .await
        .unwrap();
    let ndjson = String::from_utf8(ndjson).unwrap();
    let lines: Vec<_> = ndjson.lines().collect();
    assert_eq!(lines[0], r#"{"turn_id":"t1","text":"您好","at":null}"#);
    assert_eq!(lines[3], r#"{"end":true,"rows":3,"truncated":false}"#);
    let empty = "select '' as a, cast(null as text) as b";
    let answer = fixture
        .engine
        .run(Request::new(empty, Role::Analyst))
        .await
        .unwrap();
    assert_eq!(
        text_of(&fixture, answer, Format::Csv).await.unwrap(),
        b"a,b\r\n\"\",\r\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn arrow_and_parquet_read_back() {
    let fixture = fixture(Limits {
        max_rows: 20_000,
        ..limits()
    })
    .await;
    let sql = "select value, 'x' as text from generate_series(1, 30000)";
    let run = || fixture.engine.run(Request::new(sql, Role::Analyst));
    let bytes = text_of(&fixture, run().await.unwrap(), Format::Arrow)
        .await
        .unwrap();
    let reader = arrow::ipc::reader::StreamReader::try_new(&bytes[..], None).unwrap();
    let rows: usize = reader.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 20_000);
    let bytes = text_of(&fixture, run().await.unwrap(), Format::Parquet)
        .await
        .unwrap();
    let bytes = bytes::Bytes::from(bytes);
    let builder =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let metadata = builder.metadata().file_metadata();
    assert_eq!(metadata.num_rows(), 20_000);
    let said = metadata
        .key_value_metadata()
        .unwrap()
        .iter()
        .find(|e| e.key == "tingchao.truncated");
    assert_eq!(said.unwrap().value.as_deref(), Some("true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_see_what_they_may() {
    let fixture = fixture(limits()).await;
    write_turns(&fixture.lake, 0, TURNS).await;
    for role in [
        Role::Ingest,
        Role::Integrator,
        Role::Planner,
        Role::Executive,
    ] {
        let refused = fixture
            .engine
            .run(Request::new("select 1", role))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden, "{role}");
    }
    for sql in [
        "select * from raw.turns",
        "select * from tingchao.raw.turns",
        "select * from system.queries",
        "select 1 where exists (select 1 from raw.turns)",
        "with a as (select * from raw.turns) select * from a",
        "explain select * from raw.turns",
        "describe raw.turns",
        "select * from nowhere",
        "select * from other.tingchao.turns",
        "select * from '/etc/passwd'",
        "select * from read_csv('/etc/passwd')",
        "select * from read_parquet('/tmp/x.parquet')",
    ] {
        let code = code_of(&fixture, sql).await;
        assert_eq!(code, ErrorCode::UnknownTable, "{sql}");
    }
    let listed =
        "select count(*) from information_schema.columns where table_schema in ('raw', 'system')";
    assert_eq!(
        json_of(&fixture, listed).await.unwrap()["rows"],
        json!([[0]])
    );
    let seen = json_of(&fixture, "show tables").await.unwrap().to_string();
    assert!(
        seen.contains("spoken") && !seen.contains("\"raw\""),
        "{seen}"
    );
    let admin = Request::new("select count(*) from raw.turns", Role::Admin);
    assert_eq!(
        json_as(&fixture, admin).await.unwrap()["rows"],
        json!([[4]])
    );
    let admin = Request::new(
        "select \"table\", rows_added from system.batches where rows_added > 0",
        Role::Admin,
    );
    assert_eq!(
        json_as(&fixture, admin).await.unwrap()["rows"],
        json!([["turns", 4]])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_queries_hides_literals() {
    let fixture = fixture(limits()).await;
    json_of(&fixture, "select '13812345678' as phone")
        .await
        .unwrap();
    code_of(&fixture, "select missing from turns where text = '王小明'").await;
    let admin = Request::new("select shape, state, code from system.queries", Role::Admin);
    let seen = json_as(&fixture, admin).await.unwrap()["rows"].to_string();
    assert!(
        seen.contains("SELECT ? AS phone") && seen.contains("unknown_column"),
        "{seen}"
    );
    assert!(!seen.contains("138") && !seen.contains('王'), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_codes_and_quote_no_row() {
    let fixture = fixture(limits()).await;
    write_turns(&fixture.lake, 0, TURNS).await;
    for (sql, code) in [
        ("selct 1", ErrorCode::SqlSyntax),
        ("delete from turns", ErrorCode::SqlForbidden),
        ("select * from nowhere", ErrorCode::UnknownTable),
        ("select missing from turns", ErrorCode::UnknownColumn),
        ("select no_function(1)", ErrorCode::SqlInvalid),
        (
            "select cast(text as bigint) from turns",
            ErrorCode::SqlInvalid,
        ),
        (
            "select 1 / (count(*) - 3) from turns",
            ErrorCode::SqlInvalid,
        ),
        ("select $1", ErrorCode::InvalidParameter),
    ] {
        let error = json_of(&fixture, sql).await.unwrap_err();
        assert_eq!(error.code(), code, "{sql}: {error}");
        let text = error.to_string();
        assert!(
            TURNS
                .iter()
                .all(|turn| turn.3.is_empty() || !text.contains(turn.3)),
            "{text}"
        );
    }
    let error = json_of(&fixture, "select missing from turns")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("missing") && error.contains("interaction_id"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_bound_and_never_part_of_the_statement() {
    let fixture = fixture(limits()).await;
    write_turns(&fixture.lake, 0, TURNS).await;
    let hostile = "x' or 1=1; drop table turns --";
    let request = |sql: &str, parameters| Request {
        parameters,
        ..Request::new(sql, Role::Analyst)
    };
    let echoed = json_as(&fixture, request("select $1 as said", vec![json!(hostile)]))
        .await
        .unwrap();
    assert_eq!(echoed["rows"], json!([[hostile]]));
    let sql = "select turn_id from turns where at >= $1 and channel = $2 order by turn_id limit $3";
    let values = vec![json!("2026-11-20T00:00:02Z"), json!("call"), json!(5)];
    assert_eq!(
        json_as(&fixture, request(sql, values)).await.unwrap()["rows"],
        json!([["t2"]])
    );
    let values = vec![json!("yesterday"), json!("call"), json!(5)];
    let error = json_as(&fixture, request(sql, values)).await.unwrap_err();
    assert_eq!(error.field_errors()[0].pointer, "/parameters/0");
}

#[tokio::test(flavor = "multi_thread")]
async fn named_queries_bind_by_name_and_have_their_own_permission() {
    let fixture = fixture(limits()).await;
    write_turns(&fixture.lake, 0, TURNS).await;
    let call = async |name: &str, values: Value, role| {
        let values: BTreeMap<String, Value> = serde_json::from_value(values).unwrap();
        let answer = fixture
            .engine
            .run_named(NamedRequest::new(name, values, role))
            .await?;
        let text = text_of(&fixture, answer, Format::Csv).await?;
        Ok::<_, QueryError>(String::from_utf8(text).unwrap())
    };
    let rows = call("turns_on", json!({"channel": "call"}), Role::Analyst)
        .await
        .unwrap();
    assert_eq!(rows, "turn_id\r\nt1\r\nt2\r\n");
    let values = json!({"channel": "call", "from": "2026-11-20T00:00:02Z", "limit": 1});
    assert_eq!(
        call("turns_on", values, Role::Analyst).await.unwrap(),
        "turn_id\r\nt2\r\n"
    );
    let missing = call("turns_on", json!({}), Role::Analyst)
        .await
        .unwrap_err();
    assert_eq!(missing.code(), ErrorCode::InvalidParameter);
    let unknown = call("nothing", json!({}), Role::Analyst).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::NotFound);
    // An executive may read a figure whose query reads what the executive may not.
    let values = json!({"channel": "chat"});
    assert_eq!(
        call("logs_on", values.clone(), Role::Executive)
            .await
            .unwrap(),
        "stored\r\n2\r\n"
    );
    let refused = call("logs_on", values, Role::Planner).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Forbidden);
}

const ENDLESS: &str = "select a.value, b.value from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b";

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_cut_at_the_limit_and_the_answer_says_so() {
    let fixture = fixture(Limits {
        max_rows: 10_000,
        ..limits()
    })
    .await;
    let answer = fixture
        .engine
        .run(Request::new(ENDLESS, Role::Analyst))
        .await
        .unwrap();
    let truncated = Arc::clone(&answer.truncated);
    let rows: usize = rows_of(answer)
        .await
        .unwrap()
        .iter()
        .map(RecordBatch::num_rows)
        .sum();
    assert_eq!((rows, truncated.load(Ordering::Acquire)), (10_000, true));
    let exactly = "select value from generate_series(1, 10000)";
    let answer = json_of(&fixture, exactly).await.unwrap();
    assert_eq!(
        (&answer["row_count"], &answer["truncated"]),
        (&json!(10_000), &json!(false))
    );
    let fewer = Request {
        max_rows: Some(3),
        ..Request::new(exactly, Role::Analyst)
    };
    let answer = json_as(&fixture, fewer).await.unwrap();
    assert_eq!(
        (&answer["row_count"], &answer["truncated"]),
        (&json!(3), &json!(true))
    );
    let more = Request {
        max_rows: Some(u64::MAX),
        ..Request::new(ENDLESS, Role::Analyst)
    };
    assert_eq!(
        json_as(&fixture, more).await.unwrap()["row_count"],
        json!(10_000)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_covers_planning_and_rows() {
    let fixture = fixture(Limits {
        timeout: Duration::from_millis(300),
        ..limits()
    })
    .await;
    for sql in [
        "with recursive r as (select 1 as n union all select n + 1 from r) select max(n) from r",
        "select count(*) from generate_series(1, 10000000) a cross join generate_series(1, 10000000) b",
    ] {
        assert_eq!(
            code_of(&fixture, sql).await,
            ErrorCode::QueryTimeout,
            "{sql}"
        );
    }
    let longer = Request {
        timeout: Some(Duration::from_secs(3_600)),
        ..Request::new(
            "select count(*) from generate_series(1, 10000000) a cross join generate_series(1, 10000000) b",
            Role::Analyst,
        )
    };
    let error = json_as(&fixture, longer).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::QueryTimeout);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_the_room_for_spilling_are_limited() {
    let heavy = "select value from generate_series(1, 3000000) order by value % 1000, value desc";
    let small = Limits {
        max_memory_bytes: 8 << 20,
        ..limits()
    };
    let fixture_off = fixture(small.clone()).await;
    assert_eq!(code_of(&fixture_off, heavy).await, ErrorCode::QueryMemory);
    let folder = tempfile::tempdir().unwrap();
    let spill = |max_bytes| {
        Some(Spill {
            folder: folder.path().to_owned(),
            max_bytes,
        })
    };
    let tight = fixture(Limits {
        spill: spill(1 << 10),
        ..small
    })
    .await;
    assert_eq!(code_of(&tight, heavy).await, ErrorCode::QueryMemory);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_function_call_cannot_take_all_memory() {
    let fixture = fixture(limits()).await;
    for sql in [
        "select repeat('x', 2000000000)",
        "select lpad('x', 2000000000)",
        "select rpad('x', 2000000000, 'y')",
        "select range(0, 100000000000)",
        "select generate_series(1, 100000000000, 2)",
        "select array_repeat(1, 2000000000)",
        "select array_resize([1], 2000000000)",
        "select length(repeat('x', value * 1000000)) from generate_series(1, 10000)",
    ] {
        assert_eq!(code_of(&fixture, sql).await, ErrorCode::SqlInvalid, "{sql}");
    }
    let sql = "select repeat('ab', 2), lpad('7', 3, '0'), range(0, 3), array_repeat(1, 2)";
    let rows = json_of(&fixture, sql).await.unwrap();
    assert_eq!(rows["rows"], json!([["abab", "007", [0, 1, 2], [1, 1]]]));
}

#[test]
fn the_deepest_statement_that_is_let_through_fits_the_stack() {
    let runtime = runtime().unwrap();
    runtime.block_on(async {
        let fixture = fixture(limits()).await;
        for (part, times) in [
            (" or true", 450),
            (" is not null", 300),
            ("::text", 450),
            (" union all select true", 240),
        ] {
            let sql = format!("select true{}", part.repeat(times));
            let answer = json_of(&fixture, &sql).await;
            assert!(answer.is_ok(), "{part}: {}", answer.unwrap_err());
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_stream_gives_its_slot_back() {
    let fixture = fixture(Limits {
        max_concurrent: 1,
        ..limits()
    })
    .await;
    let mut answer = fixture
        .engine
        .run(Request::new(ENDLESS, Role::Analyst))
        .await
        .unwrap();
    assert!(answer.batches.next().await.unwrap().is_ok());
    drop(answer);
    // There is one slot: this waits until the first query has really stopped.
    assert!(json_of(&fixture, "select 1").await.is_ok());
    let answer = fixture
        .engine
        .run(Request::new(ENDLESS, Role::Analyst))
        .await
        .unwrap();
    let mut bytes = fixture.engine.export(answer, Format::Csv).await.unwrap();
    assert!(bytes.next().await.unwrap().is_ok());
    drop(bytes);
    assert!(json_of(&fixture, "select 1").await.is_ok());
    // A caller that goes away while the query is planned or waits for its first row.
    let sql = "select count(*) from generate_series(1, 10000000) a cross join generate_series(1, 10000000) b";
    let counting = fixture
        .engine
        .run(Request::new(sql, Role::Analyst))
        .await
        .unwrap();
    drop(counting);
    assert!(json_of(&fixture, "select 1").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_queries_are_refused_and_shutdown_stops_the_rest() {
    let fixture = fixture(Limits {
        max_concurrent: 1,
        max_waiting: 0,
        ..limits()
    })
    .await;
    let mut held = fixture
        .engine
        .run(Request::new(ENDLESS, Role::Analyst))
        .await
        .unwrap();
    let refused = fixture
        .engine
        .run(Request::new("select 1", Role::Analyst))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Overloaded);
    fixture.engine.shutdown();
    let last = loop {
        match held.batches.next().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    assert_eq!(last.unwrap().unwrap_err().code(), ErrorCode::QueryCancelled);
}

async fn plan_of(fixture: &Fixture, sql: &str, role: Role) -> String {
    let request = Request::new(format!("explain {sql}"), role);
    let answer = json_as(fixture, request).await.unwrap();
    let lines = answer["rows"].as_array().unwrap().iter();
    lines
        .map(|row| row[1].as_str().unwrap().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_reach_the_scan_through_a_view() {
    let fixture = fixture(limits()).await;
    write_turns(&fixture.lake, 0, TURNS).await;
    let sql = "select count(*) from turns where dt = date '2026-11-20' \
        and at >= timestamptz '2026-11-20T00:00:02Z' and channel = 'call' and text like '%余额%'";
    let plan = plan_of(&fixture, sql, Role::Admin).await;
    let scans: Vec<&str> = plan
        .lines()
        .filter(|line| line.contains("DataSourceExec"))
        .collect();
    let pushed = scans.iter().filter(|scan| {
        ["at@", "channel@", "text@"]
            .iter()
            .all(|column| scan.contains(column))
    });
    assert!(pushed.count() >= 1, "{plan}");
    // Who may not read the stored logs does not learn their files either.
    let plan = plan_of(&fixture, sql, Role::Analyst).await;
    assert!(
        !plan.contains(".parquet") && !plan.contains("DataSourceExec"),
        "{plan}"
    );
}

#[test]
fn stored_marts_have_the_columns_that_their_files_say() {
    let library = Library::embedded().unwrap();
    for id in crate::tables::MartId::ALL {
        let mut said: Vec<String> = library.relations[id.name()]
            .header
            .columns
            .iter()
            .map(|column| format!("{} {}", column.name, column.kind))
            .collect();
        assert_eq!(said.pop().unwrap(), "dt date", "{}", id.name());
        let schema = id.spec().schema();
        let stored = schema.fields().iter();
        let stored: Vec<String> = stored
            .map(|field| {
                format!(
                    "{} {}",
                    field.name(),
                    super::export::type_name(field.data_type())
                )
            })
            .collect();
        assert_eq!(stored, said, "{}", id.name());
    }
}
