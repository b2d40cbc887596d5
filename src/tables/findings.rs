//! `findings` and `alerts`: what quality rules hit, one row each.
//!
//! Invariants: a finding's id is made of rule, version and what was judged (the interaction, or the turn), so the
//! same hit has the same id in the stream, after a restart and in a batch; an alert has the id of its finding. A
//! row holds no text of a turn: the evidence tells places in it. Not here: judging (`enrich::quality`), sending
//! (`sink`, `jobs`).

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use serde_json::{Value, json};
use twox_hash::XxHash3_128;

use super::{Pending, TableId, table};
use crate::contract::ALERT_TYPE;
use crate::domain::{Micros, Position};

table!(FINDINGS, F, "findings", {
    FindingId = "finding_id": Text(required),
    RuleId = "rule_id": Text(required),
    RuleVersion = "rule_version": Long(required),
    RuleName = "rule_name": Text(required),
    Severity = "severity": Text(required),
    InteractionId = "interaction_id": Text(required),
    TurnId = "turn_id": Text,
    Speaker = "speaker": Text,
    AgentId = "agent_id": Text,
    Channel = "channel": Text,
    At = "at": Time(required),
    Evidence = "evidence": Text,
    Source = "source": Text(required),
    Partition = "partition": Int(required),
    Offset = "offset": Long(required),
    Item = "item": Int(required),
    IngestedAt = "ingested_at": Time(required),
});

table!(ALERTS, A, "alerts", {
    AlertId = "alert_id": Text(required),
    RuleId = "rule_id": Text(required),
    RuleVersion = "rule_version": Long(required),
    RuleName = "rule_name": Text(required),
    Severity = "severity": Text(required),
    InteractionId = "interaction_id": Text(required),
    TurnId = "turn_id": Text,
    AgentId = "agent_id": Text,
    Channel = "channel": Text,
    At = "at": Time(required),
    RaisedAt = "raised_at": Time(required),
    Source = "source": Text(required),
    Partition = "partition": Int(required),
    Offset = "offset": Long(required),
    Item = "item": Int(required),
});

/// One hit of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// See [`finding_id`].
    pub id: String,
    /// The rule.
    pub rule_id: String,
    /// Its version.
    pub rule_version: i64,
    /// Its name then.
    pub rule_name: String,
    /// How grave.
    pub severity: &'static str,
    /// Whether someone must see it now.
    pub is_alert: bool,
    /// Where.
    pub interaction_id: String,
    /// The turn that decided; none when the end did.
    pub turn_id: Option<String>,
    /// Who spoke it.
    pub speaker: Option<&'static str>,
    /// The agent who spoke last, so far.
    pub agent_id: Option<String>,
    /// The channel, as far as the stream knows it.
    pub channel: Option<&'static str>,
    /// When it was decided, by event time.
    pub at: Micros,
    /// Why, JSON.
    pub evidence: String,
}

/// The id of a hit; `turn_id` is empty for rules that hit once an interaction.
#[must_use]
pub fn finding_id(rule_id: &str, version: i64, interaction_id: &str, turn_id: &str) -> String {
    let text = format!("{rule_id}\0{version}\0{interaction_id}\0{turn_id}");
    format!("f-{:032x}", XxHash3_128::oneshot(text.as_bytes()))
}

/// Where the record of a finding stood.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its position.
    pub position: &'a Position,
    /// Which hit of the record, from 0.
    pub item: i32,
    /// When it was found.
    pub at: Micros,
}

pub(super) fn append(pending: &mut Pending, finding: &Finding, place: Place<'_>) {
    let mut row = pending.batch(TableId::Findings, finding.at.day()).row();
    row.text(F::FindingId as usize, Some(&finding.id));
    row.text(F::RuleId as usize, Some(&finding.rule_id));
    row.long(F::RuleVersion as usize, Some(finding.rule_version));
    row.text(F::RuleName as usize, Some(&finding.rule_name));
    row.text(F::Severity as usize, Some(finding.severity));
    row.text(F::InteractionId as usize, Some(&finding.interaction_id));
    row.text(F::TurnId as usize, finding.turn_id.as_deref());
    row.text(F::Speaker as usize, finding.speaker);
    row.text(F::AgentId as usize, finding.agent_id.as_deref());
    row.text(F::Channel as usize, finding.channel);
    row.time(F::At as usize, Some(finding.at));
    row.text(F::Evidence as usize, Some(&finding.evidence));
    row.text(F::Source as usize, Some(&place.position.source));
    row.int(F::Partition as usize, Some(place.position.partition));
    row.long(F::Offset as usize, Some(place.position.offset));
    row.int(F::Item as usize, Some(place.item));
    row.time(F::IngestedAt as usize, Some(place.at));
}

pub(super) fn append_alert(pending: &mut Pending, finding: &Finding, place: Place<'_>) {
    let mut row = pending.batch(TableId::Alerts, finding.at.day()).row();
    row.text(A::AlertId as usize, Some(&finding.id));
    row.text(A::RuleId as usize, Some(&finding.rule_id));
    row.long(A::RuleVersion as usize, Some(finding.rule_version));
    row.text(A::RuleName as usize, Some(&finding.rule_name));
    row.text(A::Severity as usize, Some(finding.severity));
    row.text(A::InteractionId as usize, Some(&finding.interaction_id));
    row.text(A::TurnId as usize, finding.turn_id.as_deref());
    row.text(A::AgentId as usize, finding.agent_id.as_deref());
    row.text(A::Channel as usize, finding.channel);
    row.time(A::At as usize, Some(finding.at));
    row.time(A::RaisedAt as usize, Some(place.at));
    row.text(A::Source as usize, Some(&place.position.source));
    row.int(A::Partition as usize, Some(place.position.partition));
    row.long(A::Offset as usize, Some(place.position.offset));
    row.int(A::Item as usize, Some(place.item));
}

/// An alert on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The id of its finding: stable over repeats.
    pub id: String,
    /// The rule.
    pub rule_id: String,
    /// How grave.
    pub severity: String,
    /// When it was raised.
    pub raised_at: Micros,
    /// The event that is sent (`tingchao.alert.v1`).
    pub document: Value,
}

fn document(id: &str, raised_at: Micros, data: &Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": "/tingchao/alerts",
        "type": ALERT_TYPE,
        "time": raised_at.to_string(),
        "data": data,
    })
}

impl Alert {
    /// The alert of a finding that was raised at `raised_at`.
    #[must_use]
    pub fn of(finding: &Finding, raised_at: Micros) -> Self {
        let data = json!({
            "rule_id": finding.rule_id,
            "rule_version": finding.rule_version,
            "rule_name": finding.rule_name,
            "severity": finding.severity,
            "interaction_id": finding.interaction_id,
            "turn_id": finding.turn_id,
            "agent_id": finding.agent_id,
            "channel": finding.channel,
            "at": finding.at.to_string(),
        });
        Self {
            document: document(&finding.id, raised_at, &data),
            id: finding.id.clone(),
            rule_id: finding.rule_id.clone(),
            severity: finding.severity.to_owned(),
            raised_at,
        }
    }

    /// The alert with this id, rule and severity, and the data of its event.
    #[must_use]
    pub fn with_data(
        (id, rule_id, severity): (String, String, String),
        raised_at: Micros,
        data: &Value,
    ) -> Self {
        Self {
            document: document(&id, raised_at, data),
            id,
            rule_id,
            severity,
            raised_at,
        }
    }

    /// The alerts of rows of the table.
    #[must_use]
    pub fn of_rows(rows: &RecordBatch) -> Vec<Self> {
        (0..rows.num_rows())
            .filter_map(|row| Self::of_row(rows, row))
            .collect()
    }

    fn of_row(rows: &RecordBatch, row: usize) -> Option<Self> {
        let text = |name: &str| {
            let column = rows.column_by_name(name)?.as_string_opt::<i32>()?;
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        let time = |name: &str| {
            let column = rows.column_by_name(name)?;
            let column = column.as_primitive_opt::<TimestampMicrosecondType>()?;
            Some(Micros(column.value(row)))
        };
        let version = rows.column_by_name("rule_version")?;
        let version = version.as_primitive_opt::<Int64Type>()?.value(row);
        let (id, rule_id, severity) = (text("alert_id")?, text("rule_id")?, text("severity")?);
        let raised_at = time("raised_at")?;
        let data = json!({
            "rule_id": rule_id,
            "rule_version": version,
            "rule_name": text("rule_name"),
            "severity": severity,
            "interaction_id": text("interaction_id"),
            "turn_id": text("turn_id"),
            "agent_id": text("agent_id"),
            "channel": text("channel"),
            "at": time("at").map(|at| at.to_string()),
        });
        Some(Self::with_data((id, rule_id, severity), raised_at, &data))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn finding() -> Finding {
        Finding {
            id: finding_id("r-1", 2, "c-1", "t-1"),
            rule_id: "r-1".into(),
            rule_version: 2,
            rule_name: "投诉".into(),
            severity: "critical",
            is_alert: true,
            interaction_id: "c-1".into(),
            turn_id: Some("t-1".into()),
            speaker: Some("customer"),
            agent_id: None,
            channel: Some("chat"),
            at: Micros(1_700_000_000_000_000),
            evidence: "[]".into(),
        }
    }

    #[test]
    fn an_alert_of_a_row_is_the_alert_of_the_finding() {
        let mut pending = Pending::default();
        let position = Position {
            source: Arc::from("inbox"),
            partition: 0,
            offset: 7,
        };
        let place = Place {
            position: &position,
            item: 0,
            at: Micros(1_700_000_000_500_000),
        };
        pending.finding(&finding(), place, TableSet::default());
        let rows = pending.take(TableId::Alerts).remove(0).1.finish().unwrap();
        assert_eq!(Alert::of_rows(&rows), [Alert::of(&finding(), place.at)]);
        assert_eq!(pending.take(TableId::Findings).remove(0).1.rows(), 1);
    }

    #[test]
    fn ids_are_stable_and_their_parts_do_not_run_together() {
        let id = finding_id("r", 1, "c", "t");
        assert_eq!(id, finding_id("r", 1, "c", "t"));
        assert_eq!(id.len(), 34);
        for other in [
            finding_id("r", 2, "c", "t"),
            finding_id("r", 1, "ct", ""),
            finding_id("r", 1, "", "ct"),
        ] {
            assert_ne!(id, other);
        }
    }

    use super::super::TableSet;
}
