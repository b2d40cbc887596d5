//! The mapping language against small files of many layouts; the committed
//! samples against the contract's own decoder.

use std::io::Cursor;

use chrono::TimeZone;
use serde_json::Value;

use super::*;

mod input;
mod language;
mod samples;
mod times;

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
