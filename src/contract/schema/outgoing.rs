//! What leaves through the brokers, for the AsyncAPI document.
//!
//! Invariant: the fields named here are those that are sent; a test of the
//! whole compares them with a record.

use serde_json::{Value, json};

/// Type of an event that tells of a refused record.
pub const DEAD_LETTER_TYPE: &str = "tingchao.dead_letter.v1";

/// A topic that is written.
pub(super) struct OutgoingTopic {
    pub address: &'static str,
    pub about: &'static str,
    pub message: &'static str,
    pub document: Value,
}

/// Type of an event that tells of an alert.
pub const ALERT_TYPE: &str = "tingchao.alert.v1";

pub(super) fn topics() -> [OutgoingTopic; 2] {
    [dead_letters_topic(), alerts_topic()]
}

fn alerts_topic() -> OutgoingTopic {
    OutgoingTopic {
        address: "tingchao.alerts",
        about: "Findings of quality rules that someone must see now; the key and the header `id` are the finding's id. Sent when they are raised, at least once.",
        message: ALERT_TYPE,
        document: alert(),
    }
}

fn dead_letters_topic() -> OutgoingTopic {
    OutgoingTopic {
        address: "tingchao.dead-letters",
        about: "Refused records, redacted; the key and the header `id` are the event's id. Sent after they are in the table `dead_letters`.",
        message: DEAD_LETTER_TYPE,
        document: dead_letter(),
    }
}

fn alert() -> Value {
    let text = |about: &str| json!({"type": "string", "description": about});
    let maybe = |about: &str| json!({"type": ["string", "null"], "description": about});
    json!({
        "name": ALERT_TYPE,
        "title": ALERT_TYPE,
        "summary": "A quality rule hit: which, where, when.",
        "contentType": "application/cloudevents+json",
        "payload": {
            "type": "object",
            "required": ["specversion", "id", "source", "type", "time", "data"],
            "properties": {
                "specversion": {"const": "1.0"},
                "id": text("The id of the finding. The same alert has the same id on every way."),
                "source": {"const": "/tingchao/alerts"},
                "type": {"const": ALERT_TYPE},
                "time": {"type": "string", "format": "date-time", "description": "When it was raised."},
                "data": {
                    "type": "object",
                    "required": ["rule_id", "rule_version", "severity", "interaction_id"],
                    "properties": {
                        "rule_id": text("The rule."),
                        "rule_version": {"type": "integer", "description": "Its version."},
                        "rule_name": maybe("Its name."),
                        "severity": {"enum": ["info", "warning", "critical"], "description": "How grave."},
                        "interaction_id": text("The interaction."),
                        "turn_id": maybe("The turn that decided; null when the end did."),
                        "agent_id": maybe("The agent who spoke last."),
                        "channel": maybe("The channel, as far as it was known."),
                        "at": maybe("When it was decided, by event time.")
                    }
                }
            }
        }
    })
}

fn dead_letter() -> Value {
    let text = |about: &str| json!({"type": "string", "description": about});
    let maybe = |about: &str| json!({"type": ["string", "null"], "description": about});
    let number = |about: &str| json!({"type": "integer", "description": about});
    json!({
        "name": DEAD_LETTER_TYPE,
        "title": DEAD_LETTER_TYPE,
        "summary": "A record was refused: where it stood, why, and what it held.",
        "contentType": "application/cloudevents+json",
        "payload": {
            "type": "object",
            "required": ["specversion", "id", "source", "type", "time", "data"],
            "properties": {
                "specversion": {"const": "1.0"},
                "id": text("The position: source/partition/offset/item. The same letter has the same id."),
                "source": {"const": "/tingchao/dead-letters"},
                "type": {"const": DEAD_LETTER_TYPE},
                "time": {"type": "string", "format": "date-time", "description": "When it was refused."},
                "data": {
                    "type": "object",
                    "required": ["source", "partition", "offset", "item", "code"],
                    "properties": {
                        "source": text("Name of the source; for Kafka `<source>:<topic>`."),
                        "partition": number("Partition within the source."),
                        "offset": number("Offset of the record."),
                        "item": number("Which part of the record, from 0."),
                        "topic": maybe("Kafka topic or file."),
                        "code": text("Code of the refusal, as in `dead_letters.code`."),
                        "pointer": maybe("JSON pointer to the field."),
                        "reason": maybe("What was expected."),
                        "payload": maybe("The record, redacted.")
                    }
                }
            }
        }
    })
}
