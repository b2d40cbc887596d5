//! Made-up events of every table, each with the content that its row must have.
//!
//! Invariants: every identity is unique; texts hold nothing that redaction would change, so that a row can be
//! compared with what was sent, value by value. Not here: who sends them.

use serde_json::{Value, json};

/// A table with the columns that are compared.
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [&'static str],
}

/// Every table that events go to; `dead_letters` is apart.
pub const TABLES: [Table; 8] = [
    Table {
        name: "turns",
        columns: &[
            "interaction_id",
            "turn_id",
            "speaker",
            "text",
            "content_type",
            "at",
        ],
    },
    Table {
        name: "interaction_events",
        columns: &["interaction_id", "type", "end_reason", "at"],
    },
    Table {
        name: "surveys",
        columns: &["survey_id", "status", "comment", "at"],
    },
    Table {
        name: "cases",
        columns: &["case_id", "status", "category", "at"],
    },
    Table {
        name: "agent_states",
        columns: &["agent_id", "state", "at"],
    },
    Table {
        name: "agent_schedules",
        columns: &["agent_id", "activity", "at"],
    },
    Table {
        name: "customer_updates",
        columns: &["customer_id", "tier", "at"],
    },
    Table {
        name: "knowledge_events",
        columns: &["article_id", "query", "action", "at"],
    },
];

/// An event and its row.
#[derive(Clone)]
pub struct Sent {
    pub table: &'static str,
    pub id: String,
    pub line: String,
    /// Values of the table's columns, as text.
    pub content: Vec<String>,
}

const SAID: [&str; 6] = [
    "宽带断了，光猫红灯一直闪",
    "请问怎么办理套餐变更？",
    "好的，谢谢",
    "The router keeps restarting",
    "还是不行",
    "稍等，我看一下",
];

/// `count` events beginning with number `first`, in turn for every table; `at` is their time, to the second.
pub fn events(prefix: &str, first: usize, count: usize, at: &str) -> Vec<Sent> {
    (first..first + count)
        .map(|number| event(prefix, number, at))
        .collect()
}

fn event(prefix: &str, number: usize, at: &str) -> Sent {
    let id = format!("{prefix}-{number}");
    // Turns and starts are the bulk, as in life.
    let kind = match number % 12 {
        kind @ 0..8 => kind,
        8..11 => 0,
        _ => 1,
    };
    let said = format!("{} {prefix} {number}", SAID[number % SAID.len()]);
    let row = |values: &[&str]| {
        values
            .iter()
            .map(ToString::to_string)
            .chain([at.to_owned()])
            .collect()
    };
    let (event_type, data, content): (_, Value, Vec<String>) = match kind {
        0 => (
            "interaction.turn.v1",
            json!({"turn_id": id, "speaker": {"role": "customer"}, "content_type": "text", "text": said}),
            row(&[&id, &id, "customer", &said, "text"]),
        ),
        1 => (
            "interaction.ended.v1",
            json!({"reason": "completed", "ended_by": "customer"}),
            row(&[&id, "interaction.ended.v1", "completed"]),
        ),
        2 => (
            "survey.answered.v1",
            json!({"survey_id": id, "channel": "wechat", "about": "interaction", "csat": 4, "comment": said}),
            row(&[&id, "answered", &said]),
        ),
        3 => (
            "case.changed.v1",
            json!({"case_id": id, "status": "open", "category": "broadband_down"}),
            row(&[&id, "open", "broadband_down"]),
        ),
        4 => (
            "agent.state_changed.v1",
            json!({"agent_id": id, "state": "available"}),
            row(&[&id, "available"]),
        ),
        5 => (
            "agent.scheduled.v1",
            json!({"agent_id": id, "from": at, "to": at, "activity": "work"}),
            row(&[&id, "work"]),
        ),
        6 => (
            "customer.updated.v1",
            json!({"customer_id": id, "tier": "gold"}),
            row(&[&id, "gold"]),
        ),
        _ => (
            "knowledge.used.v1",
            json!({"article_id": id, "query": said, "action": "accepted", "actor": "agent"}),
            row(&[&id, &said, "accepted"]),
        ),
    };
    let line = json!({"specversion": "1.0", "id": id, "source": "/made/up", "type": event_type, "subject": id,
        "time": at, "data": data});
    Sent {
        table: TABLES[kind].name,
        id,
        line: line.to_string(),
        content,
    }
}

/// A line that is refused, its code and what the dead letter must keep of it.
pub fn refused_line(prefix: &str, number: usize, at: &str) -> (String, &'static str) {
    let id = format!("{prefix}-bad-{number}");
    match number % 3 {
        0 => (
            format!(
                r#"{{"specversion":"1.0","id":"{id}","type":"no.such.v1","source":"/made","time":"{at}"}}"#
            ),
            "unknown_type",
        ),
        1 => (
            format!(r#"{{"specversion":"1.0","id":"{id}","time":"#),
            "truncated_json",
        ),
        _ => (
            format!(r#"{{"specversion":"1.0","id":"{id}",,}}"#),
            "malformed_json",
        ),
    }
}

/// The present minus `days`, to the second.
pub fn time(days_ago: i64) -> String {
    let at = chrono::Utc::now() - chrono::TimeDelta::days(days_ago);
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
