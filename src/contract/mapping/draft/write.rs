//! Writes the draft's TOML from the guesses.
//!
//! Invariant: what is written parses as a mapping, whatever the file's columns
//! are called.

use std::fmt::Write;

use super::Sample;
use super::roles::{Column, Form, Role, SampledList, named};
use crate::contract::mapping::input::Format;

/// One time of the draft: its name in the mapping and the column it reads.
struct Time<'a> {
    name: String,
    column: &'a Column,
}

pub(in crate::contract::mapping) fn mapping(sample: &Sample) -> String {
    let mut out = String::new();
    head(&mut out, sample);
    let times = times(sample);
    write_times(&mut out, sample, &times);
    write_words(&mut out, sample);
    let messages = rows_are_messages(sample);
    write_event(&mut out, sample, &times, messages);
    out
}

/// `write!` into a `String` cannot fail.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {{
        let _ = writeln!($out, $($text)*);
    }};
}

/// Names that the draft gives to its own values and times.
const OWN: &[&str] = &[
    "start",
    "end",
    "said",
    "queue_end",
    "duration_ms",
    "counted_end",
    "outcome_word",
    "speaker_word",
];

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A column's name in a mapping: told apart from the draft's own names.
fn column_name(name: &str) -> String {
    if OWN.contains(&name) || name.starts_with("time_") {
        return format!("column:{name}");
    }
    name.to_owned()
}

/// A column's name as a TOML string.
fn column(name: &str) -> String {
    quoted(&column_name(name))
}

/// A template with one column.
fn braces(name: &str) -> String {
    quoted(&format!("{{{}}}", column_name(name)))
}

fn rows_are_messages(sample: &Sample) -> bool {
    sample.list.is_none() && first(sample, Role::Text).is_some()
}

fn first(sample: &Sample, role: Role) -> Option<&Column> {
    sample.columns.iter().find(|column| column.role == role)
}

fn id_column(sample: &Sample) -> Option<&Column> {
    let ids = || {
        sample
            .columns
            .iter()
            .filter(|column| column.role == Role::Id)
    };
    let messages = rows_are_messages(sample);
    ids()
        .find(|column| column.unique != messages)
        .or_else(|| ids().next())
        .or_else(|| sample.columns.first())
}

fn head(out: &mut String, sample: &Sample) {
    line!(
        out,
        "# First draft. Lines with GUESS need your eye; docs/MAPPING.md explains every key."
    );
    line!(
        out,
        "# Try it with: tingchao import --mapping THIS.toml --dry-run 5 FILE"
    );
    line!(out, "#");
    line!(out, "# Columns and what they seem to be:");
    for column in &sample.columns {
        let shown = column.name.replace(['\n', '\r'], " ");
        line!(out, "#   {shown}: {:?}, {:?}", column.form, column.role);
    }
    line!(out, "\nname = {}", quoted(&sample.name));
    line!(
        out,
        "source = {}",
        quoted(&format!("/import/{}", sample.name))
    );
    line!(out, "# GUESS: the zone of the clock that wrote the file.");
    line!(out, "zone = \"Asia/Shanghai\"");
    if let Some(id) = id_column(sample) {
        line!(out, "# GUESS: must be different for every interaction.");
        line!(out, "interaction_id = {}", braces(&id.name));
    } else {
        line!(
            out,
            "# GUESS: no column looks like an id; put one between the braces."
        );
        line!(out, "interaction_id = \"{{id}}\"");
    }
    let format = match sample.format {
        Format::Csv => "csv",
        Format::Jsonl => "jsonl",
        Format::Xlsx => "xlsx",
    };
    line!(out, "\n[input]\nformat = \"{format}\"");
    if sample.format != Format::Jsonl {
        line!(out, "header = {}", sample.header);
    }
    if sample.format == Format::Xlsx {
        line!(out, "sheet = {}", sample.sheet);
    }
    if let Some(id) = id_column(sample).filter(|_| rows_are_messages(sample)) {
        line!(out, "# Rows of one interaction follow one another.");
        line!(out, "group_by = [{}]", column(&id.name));
    }
}

fn times(sample: &Sample) -> Vec<Time<'_>> {
    let whole = sample
        .columns
        .iter()
        .filter(|column| column.role == Role::Time);
    let clocks = sample
        .columns
        .iter()
        .filter(|column| column.role == Role::Clock && first(sample, Role::Date).is_some());
    let mut columns: Vec<&Column> = whole.collect();
    if columns.is_empty() {
        columns = clocks.collect();
    }
    let number = |(index, column)| Time {
        name: format!("time_{}", index + 1),
        column,
    };
    columns.into_iter().enumerate().map(number).collect()
}

fn write_times(out: &mut String, sample: &Sample, times: &[Time]) {
    if times.is_empty() {
        write_start_without_column(out, sample);
    }
    let date = first(sample, Role::Date);
    for (index, time) in times.iter().enumerate() {
        line!(out, "\n[times.{}]", time.name);
        match (time.column.form, date) {
            (Form::Clock, Some(date)) => {
                line!(out, "date = {}", column(&date.name));
                line!(out, "clock = {}", column(&time.column.name));
                if let Some(before) = index.checked_sub(1).and_then(|before| times.get(before)) {
                    line!(out, "after = {}", quoted(&before.name));
                }
                line!(
                    out,
                    "# GUESS: a clock of zero stands for \"did not happen\"."
                );
                line!(out, "null = [\"0:00:00\", \"00:00:00\"]");
            }
            (form, _) => {
                let form = match form {
                    Form::EpochSeconds => "epoch_s",
                    Form::EpochMillis => "epoch_ms",
                    _ => "auto",
                };
                line!(out, "column = {}", column(&time.column.name));
                line!(out, "format = \"{form}\"");
            }
        }
    }
    if !times.is_empty() {
        let names: Vec<String> = times.iter().map(|time| quoted(&time.name)).collect();
        line!(out, "\n# GUESS: the first known of the times.");
        line!(out, "[times.start]\nfirst = [{}]", names.join(", "));
        write_end(out, sample, times);
    }
    let Some(list) = &sample.list else { return };
    if let Some(time) = &list.time {
        line!(
            out,
            "\n[times.said]\ncolumn = {}",
            quoted(&format!("item.{time}"))
        );
        return;
    }
    line!(out, "\n# The items have no times: they are counted up.");
    if !times.is_empty() {
        line!(out, "[made]\nstart = \"2026-01-01T00:00:00Z\"\n");
    }
    line!(out, "[times.said]\nmade = \"item\"");
}

/// The first item's time, or made times.
fn write_start_without_column(out: &mut String, sample: &Sample) {
    let list = sample.list.as_ref();
    if let Some((list, time)) = list.and_then(|list| Some((list, list.time.as_ref()?))) {
        let path = format!("{}[0].{time}", list.path);
        line!(out, "\n[times.start]\ncolumn = {}", quoted(&path));
        return;
    }
    line!(out, "\n# The file has no times: they are counted up.");
    line!(
        out,
        "[made]\nstart = \"2026-01-01T00:00:00Z\"\nstep = \"10m\"\nitem_step = \"10s\""
    );
    line!(out, "\n[times.start]\nmade = \"row\"");
}

fn write_end(out: &mut String, sample: &Sample, times: &[Time]) {
    line!(
        out,
        "\n# GUESS: the last known of the times, or start and duration."
    );
    let names: Vec<String> = times.iter().rev().map(|time| quoted(&time.name)).collect();
    match (times.len(), first(sample, Role::Duration)) {
        (1, Some(duration)) => {
            let unit = if duration.form == Form::Clock {
                "clock"
            } else {
                "s"
            };
            line!(out, "[times.end]\nfirst = [\"counted_end\", \"start\"]");
            line!(
                out,
                "\n[times.counted_end]\nfrom = \"start\"\nplus = \"duration_ms\""
            );
            line!(out, "\n# GUESS: the unit.\n[values.duration_ms]");
            line!(
                out,
                "column = {}\nunit = \"{unit}\"\nmin = 0",
                column(&duration.name)
            );
        }
        _ => line!(out, "[times.end]\nfirst = [{}]", names.join(", ")),
    }
}

fn write_words(out: &mut String, sample: &Sample) {
    if let Some(outcome) = first(sample, Role::Outcome) {
        line!(
            out,
            "\n# GUESS: answered, abandoned, flow_out, callback or system for each word."
        );
        line!(
            out,
            "[values.outcome_word]\ncolumn = {}\n[values.outcome_word.map]",
            column(&outcome.name)
        );
        for word in &outcome.words {
            let lost = ["abandon", "hang", "lost", "miss", "放弃", "未接"];
            let lower = word.to_lowercase();
            let guess = if lost.iter().any(|part| lower.contains(part)) {
                "abandoned"
            } else {
                "answered"
            };
            line!(out, "{} = \"{guess}\"", quoted(word));
        }
    }
    let in_rows = first(sample, Role::Speaker)
        .map(|column| (format!("row.{}", column.name), column.words.clone()));
    let in_list = sample.list.as_ref().and_then(|list| {
        let (name, words) = list.speaker.as_ref()?;
        Some((format!("item.{name}"), words.clone()))
    });
    if let Some((name, words)) = in_list.or(in_rows) {
        line!(
            out,
            "\n# GUESS: customer, agent, bot or system for each word."
        );
        line!(
            out,
            "[values.speaker_word]\ncolumn = {}\n[values.speaker_word.map]",
            quoted(&name)
        );
        for word in &words {
            line!(out, "{} = \"{}\"", quoted(word), speaker(word));
        }
    }
}

fn speaker(word: &str) -> &'static str {
    let customer = [
        "customer", "user", "client", "visitor", "客户", "用户", "访客",
    ];
    let lower = word.to_lowercase();
    if customer.iter().any(|part| lower.contains(part)) {
        return "customer";
    }
    if lower.contains("bot") || lower.contains("机器人") {
        return "bot";
    }
    if lower.contains("system") || lower.contains("系统") {
        return "system";
    }
    "agent"
}

fn write_event(out: &mut String, sample: &Sample, times: &[Time], messages: bool) {
    let channel = if messages || sample.list.is_some() {
        "chat"
    } else {
        "call"
    };
    line!(
        out,
        "\n[[events]]\ntype = \"interaction.transcript.v1\"\ntime = \"{{start}}\""
    );
    line!(
        out,
        "\n[events.data]\n# GUESS: call, chat, wechat, video, email, app, social or ticket."
    );
    line!(out, "channel = \"{channel}\"\ndirection = \"inbound\"");
    line!(out, "# ivr, bot, queue or agent.\nentry = \"queue\"");
    if let Some(customer) = first(sample, Role::Customer) {
        line!(out, "customer = {{ id = {} }}", braces(&customer.name));
    }
    write_attributes(out, sample);
    if let Some(list) = &sample.list {
        write_list(out, list);
    } else if let Some(text) = first(sample, Role::Text).filter(|_| messages) {
        write_rows(out, sample, times, &text.name);
    } else if !times.is_empty() {
        write_legs(out, sample, times);
    }
}

fn write_list(out: &mut String, list: &SampledList) {
    line!(out, "\n[[events.data.turns]]");
    let item = format!("item.{}", list.text);
    let path = &list.path;
    let text = if list.text_is_list {
        line!(out, "each = [\"item in {path}\", \"text in {item}\"]");
        line!(out, "turn_id = \"{{item#}}.{{text#}}\"");
        "text".to_owned()
    } else {
        line!(out, "each = \"item in {path}\"\nturn_id = \"{{item#}}\"");
        item
    };
    line!(out, "skip = {{ column = {}, empty = true }}", quoted(&text));
    write_turn(out, "{said}", list.speaker.is_some(), &text);
}

fn write_rows(out: &mut String, sample: &Sample, times: &[Time], text: &str) {
    let text = format!("row.{text}");
    line!(out, "\n[[events.data.turns]]\neach = \"row in rows\"");
    line!(out, "turn_id = \"{{row#}}\"");
    line!(out, "skip = {{ column = {}, empty = true }}", quoted(&text));
    let has_speaker = first(sample, Role::Speaker).is_some();
    write_turn(out, "{said}", has_speaker, &text);
    match times.first() {
        Some(time) => {
            let name = format!("row.{}", time.column.name);
            line!(out, "\n[times.said]\ncolumn = {}", quoted(&name));
        }
        None => line!(out, "\n[times.said]\nmade = \"item\""),
    }
}

fn write_attributes(out: &mut String, sample: &Sample) {
    let others: Vec<String> = sample
        .columns
        .iter()
        .filter(|column| column.role == Role::Other)
        // Keys of the language; an attribute cannot have their names.
        .filter(|column| !matches!(column.name.as_str(), "when" | "each" | "skip"))
        .map(|column| format!("{} = {}", quoted(&column.name), braces(&column.name)))
        .collect();
    if !others.is_empty() {
        line!(out, "attributes = {{ {} }}", others.join(", "));
    }
}

fn write_turn(out: &mut String, at: &str, has_speaker: bool, text: &str) {
    line!(out, "at = \"{at}\"");
    if has_speaker {
        line!(out, "speaker = {{ role = \"{{speaker_word}}\" }}");
    } else {
        line!(
            out,
            "# GUESS: who said it is in no column.\nspeaker = {{ role = \"customer\" }}"
        );
    }
    line!(out, "content_type = \"text\"\ntext = {}", braces(text));
}

fn write_legs(out: &mut String, sample: &Sample, times: &[Time]) {
    let answered = [
        "answer", "answered", "ser", "service", "connect", "talk", "应答", "接听", "接通",
    ];
    let answer = times
        .iter()
        .find(|time| named(&time.column.name, &answered));
    let queue = first(sample, Role::Queue).map(|column| braces(&column.name));
    let outcome = first(sample, Role::Outcome).is_some();
    let end = answer.map_or("end", |time| time.name.as_str());
    line!(
        out,
        "\n# GUESS: waited from the start to the answer.\n[[events.data.legs]]\nhandler = \"queue\""
    );
    if let Some(queue) = &queue {
        line!(out, "queue = {queue}");
    }
    if answer.is_some() {
        line!(
            out,
            "started_at = \"{{start}}\"\nended_at = \"{{queue_end}}\""
        );
    } else {
        line!(out, "started_at = \"{{start}}\"\nended_at = \"{{start}}\"");
    }
    if outcome {
        line!(out, "outcome = \"{{outcome_word}}\"");
    }
    line!(
        out,
        "\n# GUESS: then served by an agent to the end.\n[[events.data.legs]]"
    );
    if outcome {
        line!(
            out,
            "when = {{ column = \"outcome_word\", is = \"answered\" }}"
        );
    }
    line!(out, "handler = \"agent\"");
    if let Some(queue) = &queue {
        line!(out, "queue = {queue}");
    }
    if let Some(agent) = first(sample, Role::Agent) {
        line!(out, "agent_id = {}", braces(&agent.name));
    }
    let served_from = if answer.is_some() {
        "queue_end"
    } else {
        "start"
    };
    line!(
        out,
        "started_at = \"{{{served_from}}}\"\nended_at = \"{{end}}\""
    );
    if answer.is_some() {
        line!(out, "\n[times.queue_end]\nfirst = [\"{end}\", \"end\"]");
    }
}
