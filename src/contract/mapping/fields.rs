//! The fields of every canonical event type, as far as a mapping needs them:
//! to find misspelt fields before the first row is read, and to write a cell
//! as the JSON type that the contract asks for.
//!
//! Invariant: the names, types and closed words are those of contract v1.
//! Ranges are not checked here but by the contract's decoder, row by row.

use std::fmt::Display;
use std::str::FromStr;

use crate::domain::{
    Actor, AgentState, CaseStatus, Channel, ContentType, CustomerStatus, Direction, EndReason,
    EndedBy, Entry, Handler, IdentityKind, IvrAction, KnowledgeAction, LegOutcome, Speaker,
    SurveyAbout, TimeSource, TransferKind,
};

/// JSON type of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// A closed word; the function says what is wrong with another one.
    Word(fn(&str) -> Option<String>),
    Integer,
    Number,
    Boolean,
    Time,
    /// Anything, as it comes.
    Free,
    Object(&'static [Field]),
    /// List of things of one kind.
    List(&'static Kind),
}

/// One field of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// The contract refuses the object without it.
    pub required: bool,
}

fn wrong_word<W>(text: &str) -> Option<String>
where
    W: FromStr,
    W::Err: Display,
{
    text.parse::<W>().err().map(|error| error.to_string())
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: false,
    }
}

const fn must(field: Field) -> Field {
    Field {
        required: true,
        ..field
    }
}

const fn text(name: &'static str) -> Field {
    field(name, Kind::Text)
}

const fn time(name: &'static str) -> Field {
    field(name, Kind::Time)
}

const fn integer(name: &'static str) -> Field {
    field(name, Kind::Integer)
}

const fn number(name: &'static str) -> Field {
    field(name, Kind::Number)
}

const CHANNEL: Field = field("channel", Kind::Word(wrong_word::<Channel>));
const DIRECTION: Field = field("direction", Kind::Word(wrong_word::<Direction>));
const ENTRY: Field = field("entry", Kind::Word(wrong_word::<Entry>));
const HANDLER: Field = field("handler", Kind::Word(wrong_word::<Handler>));
const LEG_OUTCOME: Field = field("outcome", Kind::Word(wrong_word::<LegOutcome>));
const CONTENT: Field = field("content_type", Kind::Word(wrong_word::<ContentType>));
const END_REASON: Field = field("reason", Kind::Word(wrong_word::<EndReason>));
const ENDED_BY: Field = field("ended_by", Kind::Word(wrong_word::<EndedBy>));
const ABOUT: Field = field("about", Kind::Word(wrong_word::<SurveyAbout>));
const TEXTS: Kind = Kind::List(&Kind::Text);
const IDENTITIES: Kind = Kind::List(&Kind::Object(&[
    must(field("kind", Kind::Word(wrong_word::<IdentityKind>))),
    must(text("value")),
]));
const CUSTOMER: Field = field(
    "customer",
    Kind::Object(&[text("id"), field("identities", IDENTITIES)]),
);
const RELATED: Field = field(
    "related",
    Kind::Object(&[text("initial_id"), text("previous_id"), text("reason")]),
);
const ATTRIBUTES: Field = field("attributes", Kind::Free);
const RESOLVED: Field = field("resolved", Kind::Boolean);
const SPEAKER: Field = must(field(
    "speaker",
    Kind::Object(&[
        must(field("role", Kind::Word(wrong_word::<Speaker>))),
        text("id"),
    ]),
));
const ASR: Field = field(
    "asr",
    Kind::Object(&[must(number("confidence")), text("engine")]),
);
const SIGNALS: Field = field(
    "signals",
    Kind::Object(&[
        number("arousal"),
        number("loudness_db"),
        text("emotion"),
        number("confidence"),
        text("engine"),
    ]),
);
const LEG: Kind = Kind::Object(&[
    must(HANDLER),
    text("queue"),
    text("agent_id"),
    must(time("started_at")),
    must(time("ended_at")),
    LEG_OUTCOME,
    integer("ring_ms"),
    integer("hold_ms"),
    integer("wrap_up_ms"),
]);
const SPOKEN_TURN: Kind = Kind::Object(&[
    must(time("at")),
    must(text("turn_id")),
    SPEAKER,
    must(text("text")),
    time("started_at"),
    time("ended_at"),
    must(CONTENT),
    ASR,
    SIGNALS,
    text("language"),
]);
const ENDED: Kind = Kind::Object(&[
    must(time("time")),
    must(END_REASON),
    must(ENDED_BY),
    text("disposition"),
    RESOLVED,
    integer("wrap_up_ms"),
]);
const SKILLS: Kind = Kind::List(&Kind::Object(&[must(text("name")), must(number("level"))]));

type EventType = (&'static str, &'static [Field]);

const INTERACTION: &[EventType] = &[
    (
        "interaction.started.v1",
        &[
            must(CHANNEL),
            must(DIRECTION),
            CUSTOMER,
            must(ENTRY),
            text("language"),
            RELATED,
            ATTRIBUTES,
        ],
    ),
    (
        "interaction.ivr_step.v1",
        &[
            must(text("node")),
            must(field("action", Kind::Word(wrong_word::<IvrAction>))),
            text("input"),
            text("label"),
        ],
    ),
    (
        "interaction.queued.v1",
        &[
            must(text("queue")),
            field("skills", TEXTS),
            integer("priority"),
            integer("announced_wait_ms"),
        ],
    ),
    (
        "interaction.dequeued.v1",
        &[must(text("queue")), must(LEG_OUTCOME)],
    ),
    (
        "interaction.answered.v1",
        &[text("agent_id"), text("queue"), integer("ring_ms")],
    ),
    ("interaction.held.v1", &[must(text("agent_id"))]),
    ("interaction.resumed.v1", &[must(text("agent_id"))]),
    (
        "interaction.transferred.v1",
        &[
            text("from_agent_id"),
            text("to_agent_id"),
            text("to_queue"),
            must(field("kind", Kind::Word(wrong_word::<TransferKind>))),
        ],
    ),
    (
        "interaction.turn.v1",
        &[
            must(text("turn_id")),
            SPEAKER,
            must(text("text")),
            time("started_at"),
            time("ended_at"),
            must(CONTENT),
            ASR,
            SIGNALS,
            text("language"),
        ],
    ),
    ("interaction.turn_recalled.v1", &[must(text("turn_id"))]),
    (
        "interaction.ended.v1",
        &[
            must(END_REASON),
            must(ENDED_BY),
            text("disposition"),
            RESOLVED,
            integer("wrap_up_ms"),
        ],
    ),
    (
        "interaction.wrapped_up.v1",
        &[
            must(text("agent_id")),
            must(integer("wrap_up_ms")),
            text("disposition"),
        ],
    ),
    (
        "interaction.transcript.v1",
        &[
            must(CHANNEL),
            must(DIRECTION),
            CUSTOMER,
            must(ENTRY),
            text("language"),
            RELATED,
            ATTRIBUTES,
            field("legs", Kind::List(&LEG)),
            field("turns", Kind::List(&SPOKEN_TURN)),
            field("ended", ENDED),
            field("time_source", Kind::Word(wrong_word::<TimeSource>)),
        ],
    ),
];

const OTHER: &[EventType] = &[
    (
        "survey.sent.v1",
        &[
            must(text("survey_id")),
            text("interaction_id"),
            must(CHANNEL),
            must(ABOUT),
        ],
    ),
    (
        "survey.answered.v1",
        &[
            must(text("survey_id")),
            text("interaction_id"),
            must(CHANNEL),
            must(ABOUT),
            integer("csat"),
            integer("nps"),
            RESOLVED,
            text("comment"),
        ],
    ),
    (
        "case.changed.v1",
        &[
            must(text("case_id")),
            text("customer_id"),
            must(field("status", Kind::Word(wrong_word::<CaseStatus>))),
            field("interaction_ids", TEXTS),
            text("category"),
        ],
    ),
    (
        "agent.state_changed.v1",
        &[
            must(text("agent_id")),
            must(field("state", Kind::Word(wrong_word::<AgentState>))),
            field("queues", TEXTS),
            field("skills", SKILLS),
            field("languages", TEXTS),
            integer("capacity"),
            time("since"),
        ],
    ),
    (
        "agent.scheduled.v1",
        &[
            must(text("agent_id")),
            must(time("from")),
            must(time("to")),
            must(text("activity")),
        ],
    ),
    (
        "customer.updated.v1",
        &[
            must(text("customer_id")),
            field("identities", IDENTITIES),
            text("tier"),
            number("value_score"),
            field("status", Kind::Word(wrong_word::<CustomerStatus>)),
            time("status_at"),
            ATTRIBUTES,
        ],
    ),
    (
        "knowledge.used.v1",
        &[
            text("article_id"),
            text("query"),
            must(field("action", Kind::Word(wrong_word::<KnowledgeAction>))),
            must(field("actor", Kind::Word(wrong_word::<Actor>))),
            text("interaction_id"),
        ],
    ),
];

/// The `data` fields of an event type.
pub(super) fn of_type(event_type: &str) -> Option<&'static [Field]> {
    all()
        .find(|(name, _)| *name == event_type)
        .map(|(_, fields)| *fields)
}

/// Names of all event types.
pub(super) fn type_names() -> Vec<&'static str> {
    all().map(|(name, _)| *name).collect()
}

fn all() -> impl Iterator<Item = &'static EventType> {
    INTERACTION.iter().chain(OTHER)
}

/// Which event types happen at most once in the life of their subject. Ids of
/// the others need more than subject and type.
pub(super) fn happens_once(event_type: &str) -> bool {
    matches!(
        event_type,
        "interaction.started.v1" | "interaction.ended.v1" | "interaction.transcript.v1"
    ) || event_type.starts_with("survey.")
}

/// The data field that holds the subject of an event outside `interaction.*`.
pub(super) fn subject_field(event_type: &str) -> Option<&'static str> {
    let (family, _) = event_type.split_once('.')?;
    match family {
        "survey" => Some("survey_id"),
        "case" => Some("case_id"),
        "agent" => Some("agent_id"),
        "customer" => Some("customer_id"),
        "knowledge" => Some("article_id"),
        _ => None,
    }
}

/// Fields of `data` whose texts tell apart events of one type, subject and
/// time.
pub(super) fn distinguishing(event_type: &str) -> &'static [&'static str] {
    match event_type {
        "interaction.ivr_step.v1" => &["node", "action"],
        "interaction.queued.v1" | "interaction.dequeued.v1" => &["queue"],
        "interaction.transferred.v1" => &["to_agent_id", "to_queue"],
        "interaction.turn.v1" | "interaction.turn_recalled.v1" => &["turn_id"],
        "case.changed.v1" => &["status"],
        "agent.state_changed.v1" => &["state"],
        "agent.scheduled.v1" => &["activity"],
        "knowledge.used.v1" => &["interaction_id", "action", "actor"],
        _ => &["agent_id"],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::contract::schema;

    /// Compares an object of the schema with our fields; what differs goes to `wrong`.
    fn compare(at: &str, schema: &Value, fields: &[Field], wrong: &mut Vec<String>) {
        let properties = schema["properties"].as_object().unwrap();
        let theirs: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        let ours: BTreeSet<&str> = fields.iter().map(|field| field.name).collect();
        for name in theirs.symmetric_difference(&ours) {
            wrong.push(format!("{at}.{name}: in one of contract and mapping only"));
        }
        let required = schema["required"].as_array().into_iter().flatten();
        let required: BTreeSet<&str> = required.filter_map(Value::as_str).collect();
        for field in fields {
            let at = format!("{at}.{}", field.name);
            if field.required != required.contains(field.name) {
                wrong.push(format!("{at}: required is {}", field.required));
            }
            if let Some(theirs) = properties.get(field.name) {
                kind(&at, theirs, field.kind, wrong);
            }
        }
    }

    fn kind(at: &str, schema: &Value, ours: Kind, wrong: &mut Vec<String>) {
        let name = match &schema["type"] {
            Value::Array(several) => several.first().and_then(Value::as_str),
            one => one.as_str(),
        };
        let words: Vec<&str> = schema["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let is_time = schema["format"] == "date-time";
        let fits = match (ours, name) {
            (Kind::Text, Some("string")) => words.is_empty() && !is_time,
            (Kind::Word(check), Some("string")) => {
                let all = words.iter().all(|word| check(word).is_none());
                !words.is_empty() && all && check("no such word").is_some()
            }
            (Kind::Time, Some("string")) => is_time,
            (Kind::Integer, Some("integer"))
            | (Kind::Number, Some("number"))
            | (Kind::Boolean, Some("boolean")) => true,
            (Kind::Free, _) => schema["properties"].is_null(),
            (Kind::Object(fields), Some("object")) => {
                compare(at, schema, fields, wrong);
                true
            }
            (Kind::List(of), Some("array")) => {
                kind(&format!("{at}[]"), &schema["items"], *of, wrong);
                true
            }
            _ => false,
        };
        if !fits {
            wrong.push(format!(
                "{at}: {ours:?} is not what the schema says: {schema}"
            ));
        }
    }

    #[test]
    fn every_field_of_the_contract_can_be_mapped() {
        let mut wrong = Vec::new();
        let mut seen = BTreeSet::new();
        for (path, content) in schema::files() {
            let event_type = path
                .strip_prefix("schemas/events/")
                .and_then(|name| name.strip_suffix(".schema.json"));
            let Some(event_type) = event_type else {
                continue;
            };
            let whole: Value = serde_json::from_str(&content).unwrap();
            match of_type(event_type) {
                Some(fields) => {
                    let data = &whole["properties"]["data"];
                    compare(event_type, data, fields, &mut wrong);
                }
                None => wrong.push(format!("{event_type} can't be mapped")),
            }
            seen.insert(event_type.to_owned());
        }
        for name in type_names() {
            if !seen.contains(name) {
                wrong.push(format!("{name} is not in the contract"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
