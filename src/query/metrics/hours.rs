//! Opening hours as a condition of SQL.
//!
//! Invariants: a queue without hours of its own has those of `"*"`, without them it is always open; names of
//! queues are literals of the statement. Not here: calendars of holidays beyond `closed_on`.

use std::collections::BTreeMap;

use chrono::Datelike;

use super::ask::Literal;
use super::zone::{self, DAY, MINUTE};
use crate::config::BusinessHours;

const ANY: &str = "*";

/// A condition that holds when the instant `us` lies in the opening hours of `queue`; nothing when every queue is
/// always open. Names of queues go into `literals` under the placeholders that the text uses.
pub(super) fn open_sql(
    hours: &BTreeMap<String, BusinessHours>,
    queue: &str,
    us: &str,
    span: (i64, i64),
    literals: &mut BTreeMap<String, Literal>,
) -> Option<String> {
    if hours.is_empty() {
        return None;
    }
    let mut cases = String::new();
    let named = hours.iter().filter(|(name, _)| *name != ANY);
    for (index, (name, table)) in named.enumerate() {
        let placeholder = format!("$hours_{index}");
        let condition = condition(table, us, span);
        cases.push_str(&format!(" when {queue} = {placeholder} then {condition}"));
        literals.insert(placeholder, Literal::Text(name.clone()));
    }
    let other = hours
        .get(ANY)
        .map_or_else(|| "true".to_owned(), |table| condition(table, us, span));
    Some(if cases.is_empty() {
        format!("({other})")
    } else {
        format!("case{cases} else {other} end")
    })
}

fn condition(table: &BusinessHours, us: &str, (from, to): (i64, i64)) -> String {
    let pieces = zone::pieces(table.timezone, from, to);
    let local = format!("({us} + {})", zone::offset_sql(&pieces, us));
    let minute = format!("({local} % {DAY} / {MINUTE})");
    let days = [
        &table.monday,
        &table.tuesday,
        &table.wednesday,
        &table.thursday,
        &table.friday,
        &table.saturday,
        &table.sunday,
    ];
    let mut text = format!("(case ({local} / {DAY} + 3) % 7");
    for (index, spans) in days.iter().enumerate() {
        let spans: Vec<String> = spans
            .iter()
            .map(|span| {
                format!(
                    "{minute} >= {} and {minute} < {}",
                    span.from_minute, span.to_minute
                )
            })
            .collect();
        let open = if spans.is_empty() {
            "false".to_owned()
        } else {
            spans.join(" or ")
        };
        text.push_str(&format!(" when {index} then {open}"));
    }
    text.push_str(" end)");
    if !table.closed_on.is_empty() {
        let epoch = chrono::NaiveDate::default().num_days_from_ce();
        let closed: Vec<String> = table
            .closed_on
            .iter()
            .map(|day| (day.num_days_from_ce() - epoch).to_string())
            .collect();
        text.push_str(&format!(
            " and {local} / {DAY} not in ({})",
            closed.join(", ")
        ));
    }
    format!("({text})")
}
