//! Values in flight and `[values]`: what a mapping derives from columns.
//!
//! Invariants: unknown stays unknown through every step, and never becomes an
//! empty text or a zero. A value that cannot be read as the mapping says is
//! refused with its column, never guessed.

use chrono::{DateTime, SecondsFormat, Utc};
use regex::Regex;
use serde_json::Value as Json;
use toml::Table;

use super::condition::Condition;
use super::error::Refusal;
use super::keys::{Keys, Mistakes, as_text};
use super::record::Name;
use super::scope::Scope;
use super::template::Template;

/// A value while a row is mapped.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Val {
    Unknown,
    Text(String),
    Int(i64),
    Num(f64),
    Bool(bool),
    Time(DateTime<Utc>),
    Json(Json),
}

impl Val {
    pub fn is_unknown(&self) -> bool {
        matches!(self, Val::Unknown)
    }

    /// As it reads inside a longer text; `None` when unknown.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Val::Unknown => None,
            Val::Text(text) => Some(text.clone()),
            Val::Int(number) => Some(number.to_string()),
            Val::Num(number) => Some(number.to_string()),
            Val::Bool(flag) => Some(flag.to_string()),
            Val::Time(time) => Some(rfc3339(time)),
            Val::Json(json) => Some(json.to_string()),
        }
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "comparisons of business numbers"
    )]
    pub fn to_number(&self) -> Option<f64> {
        match self {
            Val::Int(number) => Some(*number as f64),
            Val::Num(number) => Some(*number),
            Val::Text(text) => plain_number(text),
            _ => None,
        }
    }
}

/// Thousands separators are common in exports (`1,204`, `１，２０４` is not).
fn plain_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let parsed = text
        .parse::<f64>()
        .or_else(|_| text.replace(',', "").parse());
    parsed.ok().filter(|number| number.is_finite())
}

/// RFC 3339 in UTC with milliseconds.
pub(super) fn rfc3339(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[derive(Debug)]
enum Origin {
    Column(Name),
    Template(Template),
    First(Vec<Name>),
    Between(Name, Name),
    Cases(Vec<(Condition, Template)>, Option<Template>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Keep,
    Text,
    Integer,
    Number,
    Boolean,
    Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Millis(f64),
    Clock,
}

/// One entry of `[values]`.
#[derive(Debug)]
pub(super) struct ValueSpec {
    name: String,
    origin: Origin,
    when: Option<Condition>,
    null: Vec<String>,
    pattern: Option<Regex>,
    lower: Option<bool>,
    map: Option<Table>,
    keep: bool,
    kind: Kind,
    unit: Unit,
    scale: f64,
    offset: f64,
    min: Option<f64>,
    max: Option<f64>,
    split: Option<String>,
    default: Option<Val>,
}

const KEYS: &[&str] = &[
    "column", "template", "first", "between", "cases", "else", "when", "null", "pattern", "case",
    "map", "keep", "default", "as", "unit", "scale", "offset", "min", "max", "split",
];
const ORIGINS: &[&str] = &["column", "template", "first", "between", "cases"];

impl ValueSpec {
    pub fn parse(name: &str, table: &Table, path: &str, mistakes: &Mistakes) -> Option<Self> {
        let keys = Keys::new(table, path, mistakes, KEYS);
        let origin = origin(&keys)?;
        Some(ValueSpec {
            name: name.to_owned(),
            origin,
            when: Condition::parse_key(&keys, "when"),
            null: keys.texts("null"),
            pattern: pattern(&keys),
            lower: keys
                .one_of("case", &["lower", "upper"])
                .map(|case| case == "lower"),
            map: map(&keys),
            keep: keys.bool("keep").unwrap_or(false),
            kind: kind(&keys),
            unit: unit(&keys),
            scale: keys.number("scale").unwrap_or(1.0),
            offset: keys.number("offset").unwrap_or(0.0),
            min: keys.number("min"),
            max: keys.number("max"),
            split: keys.string("split").filter(|mark| !mark.is_empty()),
            default: default(&keys),
        })
    }

    /// Names that this value reads.
    pub fn names<'s>(&'s self, names: &mut Vec<&'s Name>) {
        match &self.origin {
            Origin::Column(name) => names.push(name),
            Origin::Template(template) => template.names(names),
            Origin::First(list) => names.extend(list),
            Origin::Between(from, to) => names.extend([from, to]),
            Origin::Cases(cases, otherwise) => {
                for (condition, template) in cases {
                    condition.names(names);
                    template.names(names);
                }
                if let Some(template) = otherwise {
                    template.names(names);
                }
            }
        }
        if let Some(condition) = &self.when {
            condition.names(names);
        }
    }

    pub fn eval(&self, scope: &Scope) -> Result<Val, Refusal> {
        let found = match &self.when {
            Some(condition) if !condition.holds(scope)? => Val::Unknown,
            _ => self.origin(scope)?,
        };
        let found = self.clean(found);
        let found = self.mapped(found, scope)?;
        let found = self.typed(found, scope)?;
        let found = self.limited(found);
        match (&self.default, found) {
            (Some(default), Val::Unknown) => Ok(default.clone()),
            (_, found) => Ok(found),
        }
    }

    fn origin(&self, scope: &Scope) -> Result<Val, Refusal> {
        match &self.origin {
            Origin::Column(name) => scope.value(name),
            Origin::Template(template) => template.eval(scope),
            Origin::First(names) => {
                for name in names {
                    let found = scope.value(name)?;
                    if !found.is_unknown() {
                        return Ok(found);
                    }
                }
                Ok(Val::Unknown)
            }
            Origin::Between(from, to) => match (scope.value(from)?, scope.value(to)?) {
                (Val::Time(from), Val::Time(to)) => Ok(Val::Int((to - from).num_milliseconds())),
                _ => Ok(Val::Unknown),
            },
            Origin::Cases(cases, otherwise) => {
                for (condition, template) in cases {
                    if condition.holds(scope)? {
                        return template.eval(scope);
                    }
                }
                otherwise
                    .as_ref()
                    .map_or(Ok(Val::Unknown), |template| template.eval(scope))
            }
        }
    }

    /// Sentinels to unknown, then the pattern, then letter case.
    fn clean(&self, found: Val) -> Val {
        let Some(text) = found.to_text() else {
            return Val::Unknown;
        };
        if self.null.iter().any(|null| null == text.trim()) {
            return Val::Unknown;
        }
        if self.pattern.is_none() && self.lower.is_none() {
            return found;
        }
        let mut text = text;
        if let Some(pattern) = &self.pattern {
            let captured = pattern
                .captures(&text)
                .and_then(|groups| groups.get(1).or_else(|| groups.get(0)))
                .map(|group| group.as_str().to_owned());
            let Some(captured) = captured.filter(|text| !text.is_empty()) else {
                return Val::Unknown;
            };
            text = captured;
        }
        match self.lower {
            Some(true) => text = text.to_lowercase(),
            Some(false) => text = text.to_uppercase(),
            None => {}
        }
        Val::Text(text)
    }

    fn mapped(&self, found: Val, scope: &Scope) -> Result<Val, Refusal> {
        let (Some(map), Some(text)) = (&self.map, found.to_text()) else {
            return Ok(found);
        };
        if let Some(hit) = map.get(text.trim()) {
            return Ok(of_toml(hit));
        }
        if self.keep {
            return Ok(found);
        }
        if self.default.is_some() {
            return Ok(Val::Unknown);
        }
        Err(self.refusal(
            "unmapped_value",
            scope,
            "holds a value that the map lacks; add it, or set default or keep",
        ))
    }

    fn typed(&self, found: Val, scope: &Scope) -> Result<Val, Refusal> {
        if let (Some(mark), Val::Text(text)) = (&self.split, &found) {
            let parts = text.split(mark.as_str()).map(str::trim);
            let parts = parts.filter(|part| !part.is_empty());
            return Ok(Val::Json(parts.map(Json::from).collect()));
        }
        if found.is_unknown() {
            return Ok(found);
        }
        match self.kind {
            Kind::Keep => Ok(found),
            Kind::Text => Ok(found.to_text().map_or(Val::Unknown, Val::Text)),
            Kind::Boolean => to_bool(&found)
                .map(Val::Bool)
                .ok_or_else(|| self.refusal("bad_boolean", scope, "is neither true nor false")),
            Kind::Duration => self
                .duration_ms(&found)
                .map(|ms| whole(ms * self.scale + self.offset))
                .ok_or_else(|| self.refusal("bad_duration", scope, "is no duration")),
            Kind::Integer | Kind::Number => {
                let number = found
                    .to_number()
                    .ok_or_else(|| self.refusal("bad_number", scope, "is no number"))?;
                let number = number * self.scale + self.offset;
                Ok(match self.kind {
                    Kind::Integer => whole(number),
                    _ => Val::Num(number),
                })
            }
        }
    }

    fn duration_ms(&self, found: &Val) -> Option<f64> {
        match self.unit {
            Unit::Millis(factor) => found.to_number().map(|number| number * factor),
            Unit::Clock => clock_ms(&found.to_text()?),
        }
    }

    fn limited(&self, found: Val) -> Val {
        if self.min.is_none() && self.max.is_none() {
            return found;
        }
        let Some(number) = found.to_number() else {
            return found;
        };
        let low = self.min.is_some_and(|min| number < min);
        let high = self.max.is_some_and(|max| number > max);
        if low || high { Val::Unknown } else { found }
    }

    fn refusal(&self, code: &'static str, scope: &Scope, what: &str) -> Refusal {
        let name = match &self.origin {
            Origin::Column(name) => &name.text,
            _ => &self.name,
        };
        let line = scope.frame.line;
        Refusal::new(code, name, format!("line {line}: {name} {what}"))
    }
}

fn origin(keys: &Keys) -> Option<Origin> {
    let present = keys.present(ORIGINS);
    let [one] = present.as_slice() else {
        keys.own_mistake(format!(
            "needs exactly one of {}; it has {}",
            ORIGINS.join(", "),
            present.len()
        ));
        return None;
    };
    match *one {
        "column" => keys
            .name("column")
            .map(|name| Origin::Column(Name::new(&name))),
        "template" => Template::parse_key(keys, "template").map(Origin::Template),
        "first" => Some(Origin::First(
            keys.names("first")
                .iter()
                .map(|name| Name::new(name))
                .collect(),
        )),
        "between" => between(keys),
        _ => Some(cases(keys)),
    }
}

fn between(keys: &Keys) -> Option<Origin> {
    let names = keys.names("between");
    if let [from, to] = names.as_slice() {
        return Some(Origin::Between(Name::new(from), Name::new(to)));
    }
    keys.mistake(
        "between",
        "must be two names of [times]: [\"from\", \"to\"]",
    );
    None
}

fn cases(keys: &Keys) -> Origin {
    let mut cases = Vec::new();
    for (path, table) in keys.tables("cases") {
        let case = Keys::new(table, path, keys.mistakes, &["when", "then"]);
        let condition = Condition::parse_key(&case, "when");
        let template = Template::parse_key(&case, "then");
        if !case.has("when") || !case.has("then") {
            case.own_mistake("a case needs when and then");
        }
        if let (Some(condition), Some(template)) = (condition, template) {
            cases.push((condition, template));
        }
    }
    Origin::Cases(cases, Template::parse_key(keys, "else"))
}

fn pattern(keys: &Keys) -> Option<Regex> {
    let text = keys.word("pattern")?;
    Regex::new(&text)
        .map_err(|error| keys.mistake("pattern", format!("is no regular expression: {error}")))
        .ok()
}

fn map(keys: &Keys) -> Option<Table> {
    let map = keys.table("map")?;
    for (word, value) in map {
        if as_text(value).is_none() {
            keys.mistake(
                "map",
                format!("{word} must lead to a string, number or boolean"),
            );
        }
    }
    Some(map.clone())
}

fn kind(keys: &Keys) -> Kind {
    let words = ["text", "integer", "number", "boolean", "duration"];
    match keys.one_of("as", &words).as_deref() {
        Some("text") => Kind::Text,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Boolean,
        Some("duration") => Kind::Duration,
        _ if keys.has("unit") => Kind::Duration,
        _ if keys.has("scale") || keys.has("offset") => Kind::Number,
        _ => Kind::Keep,
    }
}

fn unit(keys: &Keys) -> Unit {
    match keys
        .one_of("unit", &["ms", "s", "min", "h", "clock"])
        .as_deref()
    {
        Some("ms") => Unit::Millis(1.0),
        Some("min") => Unit::Millis(60_000.0),
        Some("h") => Unit::Millis(3_600_000.0),
        Some("clock") => Unit::Clock,
        _ => Unit::Millis(1000.0),
    }
}

fn default(keys: &Keys) -> Option<Val> {
    let value = keys.raw("default")?;
    if as_text(value).is_none() {
        keys.mistake("default", "must be a string, number or boolean");
        return None;
    }
    Some(of_toml(value))
}

/// A plain TOML value; anything else was reported as a mistake before.
fn of_toml(value: &toml::Value) -> Val {
    match value {
        toml::Value::Integer(number) => Val::Int(*number),
        toml::Value::Float(number) => Val::Num(*number),
        toml::Value::Boolean(flag) => Val::Bool(*flag),
        other => as_text(other).map_or(Val::Unknown, Val::Text),
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "saturates; the contract checks ranges"
)]
fn whole(number: f64) -> Val {
    Val::Int(number.round() as i64)
}

pub(super) fn to_bool(found: &Val) -> Option<bool> {
    if let Val::Bool(flag) = found {
        return Some(*flag);
    }
    match found.to_text()?.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "y" | "是" => Some(true),
        "false" | "0" | "no" | "n" | "否" => Some(false),
        _ => None,
    }
}

/// `1:02:03`, `02:03` or `02:03.5` to milliseconds; a leading `-` negates.
fn clock_ms(text: &str) -> Option<f64> {
    let text = text.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let mut seconds = 0.0;
    let mut parts = 0;
    for part in text.split([':', '：']) {
        let number: f64 = part.trim().parse().ok()?;
        seconds = seconds * 60.0 + number;
        parts += 1;
    }
    ((2..=3).contains(&parts) && seconds >= 0.0).then_some(sign * seconds * 1000.0)
}
