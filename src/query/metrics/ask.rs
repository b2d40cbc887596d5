//! A request for a metric, checked: every mistake at once, with what is allowed.
//!
//! Invariants: what passes names only known dimensions and parameters, an interval that exists, a zone of the
//! database, and values of the right type. Not here: the statement (`sql`).

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde_json::Value;

use super::definition::{Definition, MetricParam};
use super::registry::{Registry, has_interaction};
use super::zone::{self, DAY, HOUR, MINUTE};
use crate::domain::listed;
use crate::domain::{Day, Micros};
use crate::error::FieldError;
use crate::query::SqlType;

/// A question to one metric, as it comes in.
#[derive(Debug, Clone, Default)]
pub struct MetricRequest {
    /// The metric's id.
    pub metric: String,
    /// First instant: RFC 3339, or a day, which begins at its local midnight.
    pub from: String,
    /// First instant after it, as `from`.
    pub to: String,
    /// `all` (default), `month`, `week`, `day`, `hour`, `30m` or `15m`.
    pub granularity: Option<String>,
    /// IANA name of the zone whose days and hours count; UTC without it.
    pub timezone: Option<String>,
    /// Dimensions, in the order of the answer.
    pub group_by: Vec<String>,
    /// By dimension: a value, a list, or `{"from":…,"to":…}`.
    pub filters: BTreeMap<String, Value>,
    /// By name; what is not given has its default.
    pub parameters: BTreeMap<String, Value>,
    /// Only what happened in the opening hours of its queue.
    pub business_hours: bool,
}

/// A value that goes into a statement as a literal.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Number(String),
    Boolean(bool),
}

/// How time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Granularity {
    All,
    Month,
    /// Whole days, that many; weeks begin on Monday.
    Days(i64),
    /// Microseconds within a day.
    Within(i64),
}

const GRANULARITIES: [(&str, Granularity); 7] = [
    ("all", Granularity::All),
    ("month", Granularity::Month),
    ("week", Granularity::Days(7)),
    ("day", Granularity::Days(1)),
    ("hour", Granularity::Within(HOUR)),
    ("30m", Granularity::Within(30 * MINUTE)),
    ("15m", Granularity::Within(15 * MINUTE)),
];

/// Where a dimension comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A column of the metric's rows.
    Own(String),
    /// A column of their interaction.
    Interaction(String),
    /// A key of the interaction's attributes.
    Attribute(String),
}

/// A dimension of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dimension {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) place: Place,
}

/// What a dimension has to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// One of these; `or_null` lets rows without a value through.
    In { values: Vec<Literal>, or_null: bool },
    /// At least the first, less than the second.
    Between(Option<Literal>, Option<Literal>),
}

/// A checked request.
#[derive(Debug, Clone)]
pub(super) struct Asked<'a> {
    pub(super) definition: &'a Definition,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) granularity: Granularity,
    pub(super) zone: Tz,
    pub(super) group_by: Vec<Dimension>,
    pub(super) filters: Vec<(Dimension, Condition)>,
    pub(super) parameters: BTreeMap<String, Literal>,
    pub(super) business_hours: bool,
}

/// Most intervals of an answer.
const MAX_INTERVALS: i64 = 50_000;

/// The years in which an interval can lie: 1970-01-02 to 2199-12-31.
const YEARS: std::ops::Range<i64> = DAY..7_258_032_000 * zone::SECOND;

/// Collects mistakes.
#[derive(Debug, Default)]
pub(super) struct Mistakes(pub(super) Vec<FieldError>);

impl Mistakes {
    pub(super) fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        });
    }
}

/// Checks a request.
///
/// # Errors
/// Every mistake with its JSON pointer.
pub(super) fn check<'a>(
    registry: &'a Registry,
    request: &MetricRequest,
) -> Result<Asked<'a>, Vec<FieldError>> {
    let mut mistakes = Mistakes::default();
    let definition = match registry.get(&request.metric) {
        Ok(definition) => Some(definition),
        Err(detail) => {
            mistakes.add("/metric", detail);
            None
        }
    };
    let zone = zone_of(request.timezone.as_deref(), &mut mistakes);
    let granularity = granularity_of(request.granularity.as_deref(), &mut mistakes);
    let interval = interval_of(request, zone, granularity, &mut mistakes);
    let Some(definition) = definition else {
        return Err(mistakes.0);
    };
    let mut group_by: Vec<Dimension> = Vec::new();
    for (index, name) in request.group_by.iter().enumerate() {
        let pointer = format!("/group_by/{index}");
        match dimension(registry, definition, name) {
            Ok(dimension) if group_by.contains(&dimension) => {
                mistakes.add(pointer, "it is named twice");
            }
            Ok(dimension) => group_by.push(dimension),
            Err(detail) => mistakes.add(pointer, detail),
        }
    }
    let mut filters = Vec::new();
    for (name, value) in &request.filters {
        let pointer = format!("/filters/{}", escaped(name));
        match dimension(registry, definition, name) {
            Ok(dimension) => {
                if let Some(condition) = condition(&dimension.kind, value, &pointer, &mut mistakes)
                {
                    filters.push((dimension, condition));
                }
            }
            Err(detail) => mistakes.add(pointer, detail),
        }
    }
    let parameters = parameters(definition, &request.parameters, &mut mistakes);
    match interval {
        Some((from, to)) if mistakes.0.is_empty() => Ok(Asked {
            definition,
            from,
            to,
            granularity,
            zone,
            group_by,
            filters,
            parameters,
            business_hours: request.business_hours,
        }),
        _ => Err(mistakes.0),
    }
}

/// A name as a part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn zone_of(name: Option<&str>, mistakes: &mut Mistakes) -> Tz {
    let Some(name) = name else { return Tz::UTC };
    name.parse().unwrap_or_else(|_| {
        let known = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let known = listed(name, known);
        mistakes.add(
            "/timezone",
            format!("there is no such time zone; there are: {known}"),
        );
        Tz::UTC
    })
}

fn granularity_of(word: Option<&str>, mistakes: &mut Mistakes) -> Granularity {
    let word = word.unwrap_or("all");
    let found = GRANULARITIES.iter().find(|(known, _)| *known == word);
    found.map_or_else(
        || {
            let known = listed(word, GRANULARITIES.map(|(known, _)| known));
            mistakes.add("/granularity", format!("expected one of: {known}"));
            Granularity::All
        },
        |(_, granularity)| *granularity,
    )
}

fn interval_of(
    request: &MetricRequest,
    zone: Tz,
    granularity: Granularity,
    mistakes: &mut Mistakes,
) -> Option<(i64, i64)> {
    let mut read = |pointer: &str, text: &str| {
        let at = instant(text, zone);
        match at {
            None => mistakes.add(
                pointer,
                "expected an RFC 3339 time such as 2026-11-20T00:00:00+08:00, or a day such as 2026-11-20",
            ),
            Some(at) if !YEARS.contains(&at) => {
                mistakes.add(pointer, "expected a time from 1970-01-02 to 2199-12-31");
                return None;
            }
            Some(_) => {}
        }
        at
    };
    let (from, to) = (read("/from", &request.from), read("/to", &request.to));
    let (from, to) = (from?, to?);
    if to <= from {
        mistakes.add(
            "/to",
            "expected a time after `from`; `to` is not part of the interval",
        );
        return None;
    }
    let width = match granularity {
        Granularity::All => i64::MAX,
        Granularity::Month => 28 * DAY,
        Granularity::Days(days) => days * DAY,
        Granularity::Within(width) => width,
    };
    if (to - from) / width > MAX_INTERVALS {
        let detail = format!(
            "the interval has more than {MAX_INTERVALS} parts; ask for a shorter one or a coarser granularity"
        );
        mistakes.add("/granularity", detail);
        return None;
    }
    Some((from, to))
}

/// A time, or a day as its first local instant.
fn instant(text: &str, zone: Tz) -> Option<i64> {
    if let Ok(at) = Micros::parse(text) {
        return Some(at.0);
    }
    let day = Day::parse(text).ok()?;
    Some(zone::instant_of(zone, day.start().0))
}

const ATTRIBUTE: &str = "attributes.";

fn dimension(
    registry: &Registry,
    definition: &Definition,
    name: &str,
) -> Result<Dimension, String> {
    let of = |kind: &str, place| Dimension {
        name: name.to_owned(),
        kind: kind.to_owned(),
        place,
    };
    if let Some(key) = name.strip_prefix(ATTRIBUTE)
        && has_interaction(definition)
        && !key.is_empty()
    {
        return Ok(of("text", Place::Attribute(key.to_owned())));
    }
    let known = registry.dimensions(definition);
    if let Some((_, kind, is_joined)) = known.iter().find(|(known, ..)| *known == name) {
        let place = if *is_joined {
            Place::Interaction(name.to_owned())
        } else {
            Place::Own(name.to_owned())
        };
        return Ok(of(kind, place));
    }
    let names = registry.dimension_names(definition);
    let names = listed(name, names.iter().map(String::as_str));
    Err(format!(
        "`{}` has no such dimension; there are: {names}",
        definition.id
    ))
}

fn condition(
    kind: &str,
    value: &Value,
    pointer: &str,
    mistakes: &mut Mistakes,
) -> Option<Condition> {
    let mut one = |pointer: String, value: &Value| {
        let read = literal(kind, value);
        if read.is_none() {
            mistakes.add(pointer, format!("expected {kind}"));
        }
        read
    };
    match value {
        Value::Object(bounds) => {
            let mut ends = [None, None];
            for (end, name) in ends.iter_mut().zip(["from", "to"]) {
                if let Some(value) = bounds.get(name) {
                    *end = Some(one(format!("{pointer}/{name}"), value)?);
                }
            }
            let [from, to] = ends;
            if bounds.keys().any(|key| key != "from" && key != "to") || bounds.is_empty() {
                let expected = "expected a value, a list, or an object with `from`, `to` or both";
                mistakes.add(pointer, expected);
                return None;
            }
            Some(Condition::Between(from, to))
        }
        Value::Array(values) => {
            let or_null = values.iter().any(Value::is_null);
            let values = values
                .iter()
                .enumerate()
                .filter(|(_, value)| !value.is_null());
            let values: Option<Vec<Literal>> = values
                .map(|(index, value)| one(format!("{pointer}/{index}"), value))
                .collect();
            Some(Condition::In {
                values: values?,
                or_null,
            })
        }
        Value::Null => Some(Condition::In {
            values: Vec::new(),
            or_null: true,
        }),
        value => Some(Condition::In {
            values: vec![one(pointer.to_owned(), value)?],
            or_null: false,
        }),
    }
}

/// A JSON value as a literal of a dimension's type.
fn literal(kind: &str, value: &Value) -> Option<Literal> {
    let text = value.as_str();
    match kind {
        "text" => {
            let plain = match value {
                Value::Number(number) => Some(number.to_string()),
                Value::Bool(truth) => Some(truth.to_string()),
                _ => None,
            };
            Some(Literal::Text(text.map(str::to_owned).or(plain)?))
        }
        "bigint" | "integer" => {
            let number = value.as_i64().or_else(|| text?.parse().ok())?;
            Some(Literal::Number(number.to_string()))
        }
        "double precision" => {
            let number = value.as_f64().or_else(|| text?.parse().ok())?;
            number
                .is_finite()
                .then(|| Literal::Number(number.to_string()))
        }
        "boolean" => Some(Literal::Boolean(
            value.as_bool().or_else(|| text?.parse().ok())?,
        )),
        "timestamptz" => Some(Literal::Text(Micros::parse(text?).ok()?.to_string())),
        "date" => Day::parse(text?)
            .ok()
            .map(|_| Literal::Text(text.unwrap_or_default().to_owned())),
        _ => None,
    }
}

fn parameters(
    definition: &Definition,
    given: &BTreeMap<String, Value>,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, Literal> {
    for name in given.keys() {
        if definition.params.iter().all(|param| param.name != *name) {
            let known = listed(
                name,
                definition.params.iter().map(|param| param.name.as_str()),
            );
            let detail = if known.is_empty() {
                format!("`{}` has no parameters", definition.id)
            } else {
                format!(
                    "`{}` has no such parameter; there are: {known}",
                    definition.id
                )
            };
            mistakes.add(format!("/parameters/{}", escaped(name)), detail);
        }
    }
    let mut values = BTreeMap::new();
    for param in &definition.params {
        let default = Value::String(param.default.clone());
        let value = given.get(&param.name).unwrap_or(&default);
        match parameter(param, value) {
            Some(value) => {
                values.insert(param.name.clone(), value);
            }
            None => mistakes.add(
                format!("/parameters/{}", escaped(&param.name)),
                expected(param),
            ),
        }
    }
    values
}

/// Whether every parameter has its default.
pub(super) fn is_default(definition: &Definition, values: &BTreeMap<String, Literal>) -> bool {
    definition.params.iter().all(|param| {
        let default = parameter(param, &Value::String(param.default.clone()));
        values.get(&param.name) == default.as_ref()
    })
}

fn parameter(param: &MetricParam, value: &Value) -> Option<Literal> {
    let read = match param.kind {
        SqlType::Text => literal("text", value)?,
        SqlType::Bigint | SqlType::Integer => literal("bigint", value)?,
        SqlType::Double => literal("double precision", value)?,
        SqlType::Boolean => literal("boolean", value)?,
        SqlType::Timestamptz => literal("timestamptz", value)?,
        SqlType::Date => literal("date", value)?,
    };
    let text = match &read {
        Literal::Text(text) | Literal::Number(text) => text.clone(),
        Literal::Boolean(truth) => truth.to_string(),
    };
    let number = text.parse::<f64>().ok();
    let within = param
        .least
        .is_none_or(|least| number.is_some_and(|number| number >= least))
        && param
            .greatest
            .is_none_or(|most| number.is_some_and(|number| number <= most));
    let listed = param.allowed.is_empty() || param.allowed.contains(&text);
    (within && listed).then_some(read)
}

fn expected(param: &MetricParam) -> String {
    let kind = param.kind.as_str();
    if !param.allowed.is_empty() {
        return format!("expected one of: {}", param.allowed.join(", "));
    }
    match (param.least, param.greatest) {
        (Some(least), Some(most)) => format!("expected {kind} from {least} to {most}"),
        (Some(least), None) => format!("expected {kind} of at least {least}"),
        _ => format!("expected {kind}"),
    }
}
