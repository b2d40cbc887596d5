//! `[[events]]`: canonical events out of one record.
//!
//! Invariants: an event's id depends on what the row says, never on the name
//! of the file or the number of the row (made times excepted), so importing a
//! file again repeats identities. An event that used a made time says
//! `time_source: "made"` in its data.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Map, Value as Json};
use toml::Table;

use super::condition::Condition;
use super::error::Refusal;
use super::fields::{distinguishing, happens_once, of_type, subject_field, type_names};
use super::keys::{Keys, Mistakes};
use super::record::Name;
use super::scope::Scope;
use super::shape::{Each, Object};
use super::template::Template;
use super::value::{Val, rfc3339};

/// One entry of `[[events]]`.
#[derive(Debug)]
pub(super) struct EventSpec {
    event_type: String,
    when: Option<Condition>,
    each: Option<Each>,
    subject: Option<Template>,
    id: Option<Template>,
    time: Template,
    revision: Option<Template>,
    data: Object,
}

/// The envelope in the order in which the contract reads it fastest.
#[derive(Serialize)]
struct Document<'a> {
    specversion: &'a str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    subject: &'a str,
    time: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<Json>,
    data: &'a Map<String, Json>,
}

const KEYS: &[&str] = &[
    "type", "when", "each", "skip", "subject", "id", "time", "revision", "data",
];

impl EventSpec {
    pub fn parse(
        table: &Table,
        path: &str,
        interaction_id: Option<&Template>,
        mistakes: &Mistakes,
    ) -> Option<EventSpec> {
        let keys = Keys::new(table, path, mistakes, KEYS);
        let event_type = event_type(&keys);
        let fields = event_type.as_deref().and_then(of_type);
        let time = time_template(&keys);
        let empty = Table::new();
        let table = keys.table("data").unwrap_or(&empty);
        let data = Object::parse(table, fields, &keys.at("data"), mistakes, false);
        let of_interaction = event_type
            .as_deref()
            .is_some_and(|name| name.starts_with("interaction."));
        let own_subject = Template::parse_key(&keys, "subject");
        let subject = own_subject.or_else(|| interaction_id.filter(|_| of_interaction).cloned());
        Some(EventSpec {
            when: Condition::parse_key(&keys, "when"),
            each: Each::parse(&keys),
            id: Template::parse_key(&keys, "id"),
            revision: Template::parse_key(&keys, "revision"),
            event_type: event_type?,
            subject,
            time: time?,
            data,
        })
    }

    pub fn names<'s>(&'s self, names: &mut Vec<&'s Name>, variables: &mut Vec<&'s str>) {
        if let Some(condition) = &self.when {
            condition.names(names);
        }
        if let Some(each) = &self.each {
            each.names(names);
            variables.extend(each.variables());
        }
        let templates = [&self.subject, &self.id, &self.revision];
        templates
            .into_iter()
            .flatten()
            .chain([&self.time])
            .for_each(|template| template.names(names));
        self.data.names(names, variables);
    }

    /// Appends the events of one record as canonical JSON documents.
    pub fn write<'s: 'a, 'a>(
        &'s self,
        scope: &Scope<'_, 'a>,
        events: &mut Vec<Vec<u8>>,
    ) -> Result<(), Refusal> {
        let Some(each) = &self.each else {
            events.extend(self.one(scope)?);
            return Ok(());
        };
        each.walk(scope, &mut |here| {
            events.extend(self.one(here)?);
            Ok(())
        })
    }

    fn one<'s: 'a, 'a>(&'s self, scope: &Scope<'_, 'a>) -> Result<Option<Vec<u8>>, Refusal> {
        if let Some(condition) = &self.when
            && !condition.holds(scope)?
        {
            return Ok(None);
        }
        scope.frame.made.set(false);
        let time = self.time(scope)?;
        let mut data = match self.data.build(scope)? {
            Some(Json::Object(data)) => data,
            _ => Map::new(),
        };
        if scope.frame.made.get() {
            data.insert("time_source".to_owned(), Json::from("made"));
        }
        let subject = self.subject(scope, &data)?;
        let id = self.id(scope, &subject, &time, &data)?;
        let revision = self.revision(scope)?;
        let event = Document {
            specversion: "1.0",
            id: &id,
            source: &scope.frame.spec.source,
            event_type: &self.event_type,
            subject: &subject,
            time: &time,
            revision,
            data: &data,
        };
        let written = serde_json::to_vec(&event);
        written
            .map(Some)
            .map_err(|_| missing(scope, &self.time, "the event cannot be written"))
    }

    fn time(&self, scope: &Scope) -> Result<String, Refusal> {
        match self.time.eval(scope)? {
            Val::Time(time) => Ok(rfc3339(&time)),
            Val::Unknown => Err(missing(scope, &self.time, "the event's time is unknown")),
            _ => {
                let name = self.time.first_name().unwrap_or("time");
                Err(Refusal::new(
                    "bad_time",
                    name,
                    format!(
                        "line {}: {name} is no time; define it under [times]",
                        scope.frame.line
                    ),
                ))
            }
        }
    }

    fn revision(&self, scope: &Scope) -> Result<Option<Json>, Refusal> {
        let Some(template) = &self.revision else {
            return Ok(None);
        };
        let value = template.eval(scope)?;
        if value.is_unknown() {
            return Ok(None);
        }
        let whole = value
            .to_number()
            .filter(|number| number.fract() == 0.0 && *number >= 0.0);
        match (value, whole) {
            (Val::Int(number), Some(_)) => Ok(Some(Json::from(number))),
            (value, Some(_)) => Ok(value
                .to_text()
                .and_then(|text| text.trim().parse::<u64>().ok())
                .map(Json::from)),
            _ => Err(missing(
                scope,
                template,
                "the revision is no whole number from 0 on",
            )),
        }
    }

    fn subject(&self, scope: &Scope, data: &Map<String, Json>) -> Result<String, Refusal> {
        let found = match &self.subject {
            Some(template) => template.eval(scope)?.to_text(),
            None => subject_field(&self.event_type)
                .and_then(|field| data.get(field).or_else(|| data.get("interaction_id")))
                .and_then(Json::as_str)
                .map(str::to_owned),
        };
        let found = found.filter(|text| !text.trim().is_empty());
        found.ok_or_else(|| match &self.subject {
            Some(template) => missing(scope, template, "the event's subject is unknown"),
            None => Refusal::new(
                "missing_value",
                subject_field(&self.event_type).unwrap_or("subject"),
                format!("line {}: the event's subject is unknown", scope.frame.line),
            ),
        })
    }

    /// By default subject and type, and for events that happen more than once
    /// their time and what tells them apart.
    fn id(
        &self,
        scope: &Scope,
        subject: &str,
        time: &str,
        data: &Map<String, Json>,
    ) -> Result<String, Refusal> {
        if let Some(template) = &self.id {
            let id = template.eval(scope)?.to_text();
            return id.ok_or_else(|| missing(scope, template, "the event's id is unknown"));
        }
        let mut id = format!("{subject}:{}", self.event_type);
        if happens_once(&self.event_type) {
            return Ok(id);
        }
        let told_apart = distinguishing(&self.event_type);
        let by_turn = told_apart.contains(&"turn_id") && data.contains_key("turn_id");
        if !by_turn {
            id = format!("{id}:{time}");
        }
        for field in told_apart {
            if let Some(text) = data.get(*field).and_then(Json::as_str) {
                id.push(':');
                push_id_text(&mut id, text);
            }
        }
        Ok(id)
    }
}

fn event_type(keys: &Keys) -> Option<String> {
    let known = || type_names().join(", ");
    if !keys.has("type") {
        keys.mistake("type", format!("is needed: one of {}", known()));
    }
    let event_type = keys.word("type")?;
    if of_type(&event_type).is_none() {
        keys.mistake("type", format!("must be one of {}", known()));
    }
    Some(event_type)
}

fn time_template(keys: &Keys) -> Option<Template> {
    let wanted = "the name of a time in braces, such as \"{start}\"";
    if !keys.has("time") {
        keys.mistake("time", format!("is needed: {wanted}"));
    }
    let time = Template::parse_key(keys, "time")?;
    if time.first_name().is_none() {
        keys.mistake("time", format!("must be {wanted}"));
    }
    Some(time)
}

/// The contract's ids know no quotes, semicolons or control characters, but
/// names of queues may.
fn push_id_text(id: &mut String, text: &str) {
    for letter in text.chars() {
        let forbidden = matches!(letter, '\'' | '"' | '`' | ';' | '\\' | '%');
        if forbidden || letter.is_control() || letter.is_whitespace() {
            let _ = write!(id, "%{:02X}", u32::from(letter));
        } else {
            id.push(letter);
        }
    }
}

fn missing(scope: &Scope, template: &Template, what: &str) -> Refusal {
    let name = scope
        .frame
        .spec
        .column_behind(template.first_name().unwrap_or_default());
    let line = scope.frame.line;
    Refusal::new(
        "missing_value",
        name,
        format!("line {line}: {what} because {name} is"),
    )
}
