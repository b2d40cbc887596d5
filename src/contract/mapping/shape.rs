//! `[events.data]`: the JSON that an event carries, with templates as leaves.
//!
//! Invariants: the shape is the contract's own; a field that is unknown in a
//! row is left out, an object or list without content too. `when` leaves an
//! object out, `each` repeats a list's object for the items of an array and
//! counts those that `skip` leaves out.

use serde_json::{Map, Value as Json};
use toml::{Table, Value};

use super::condition::Condition;
use super::error::Refusal;
use super::fields::{Field, Kind};
use super::keys::{Keys, Mistakes, join};
use super::record::Name;
use super::scope::{Binding, Scope};
use super::template::Template;
use super::value::{Val, rfc3339, to_bool};

/// A part of the data, ready to be filled.
#[derive(Debug)]
pub(super) enum Shape {
    Leaf(Template, Kind),
    Object(Box<Object>),
    List(Vec<Shape>),
}

/// An object with its conditions.
#[derive(Debug)]
pub(super) struct Object {
    when: Option<Condition>,
    pub each: Option<Each>,
    fields: Vec<(String, Shape)>,
}

/// Loops around an object or an event, outermost first.
#[derive(Debug)]
pub(super) struct Each {
    loops: Vec<(String, Name)>,
    skip: Option<Condition>,
}

impl Each {
    /// Reads `each` and `skip` of a table.
    pub fn parse(keys: &Keys) -> Option<Each> {
        if keys.has("skip") && !keys.has("each") {
            keys.mistake("skip", "works only beside each");
        }
        if !keys.has("each") {
            return None;
        }
        let mut loops = Vec::new();
        for text in keys.texts("each") {
            match text.split_once(" in ") {
                Some((variable, path)) if is_variable(variable.trim()) => {
                    loops.push((variable.trim().to_owned(), Name::new(path)));
                }
                _ => keys.mistake(
                    "each",
                    "must read \"item in list\", or a list of such loops, outermost first",
                ),
            }
        }
        Some(Each {
            loops,
            skip: Condition::parse_key(keys, "skip"),
        })
    }

    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.loops.iter().map(|(variable, _)| variable.as_str())
    }

    pub fn names<'s>(&'s self, names: &mut Vec<&'s Name>) {
        names.extend(self.loops.iter().map(|(_, name)| name));
        if let Some(skip) = &self.skip {
            skip.names(names);
        }
    }

    /// Calls `visit` for every item that is not skipped.
    pub fn walk<'s: 'a, 'a>(
        &'s self,
        scope: &Scope<'_, 'a>,
        visit: &mut dyn FnMut(&Scope<'_, 'a>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut count = 0;
        self.walk_from(&self.loops, scope, &mut count, visit)
    }

    fn walk_from<'s: 'a, 'a>(
        &'s self,
        loops: &'s [(String, Name)],
        scope: &Scope<'_, 'a>,
        count: &mut u64,
        visit: &mut dyn FnMut(&Scope<'_, 'a>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let Some(((variable, path), inner)) = loops.split_first() else {
            *count += 1;
            let mut here = scope.clone();
            here.item = *count;
            if let Some(skip) = &self.skip
                && skip.holds(&here)?
            {
                let skipped = &scope.frame.skipped_items;
                skipped.set(skipped.get() + 1);
                return Ok(());
            }
            return visit(&here);
        };
        let mut deeper = scope.clone();
        for (item, position) in scope.items(path).into_iter().zip(1..) {
            deeper.bindings.truncate(scope.bindings.len());
            deeper.bindings.push(Binding {
                variable,
                item,
                position,
            });
            self.walk_from(inner, &deeper, count, visit)?;
        }
        Ok(())
    }
}

fn is_variable(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_')
}

impl Shape {
    /// Reads a part of the data against the field's kind.
    pub fn parse(value: &Value, kind: Kind, path: &str, mistakes: &Mistakes) -> Option<Shape> {
        match (value, kind) {
            (Value::Table(table), Kind::Object(fields)) => Some(Shape::Object(Box::new(
                Object::parse(table, Some(fields), path, mistakes, false),
            ))),
            (Value::Table(table), Kind::Free) => Some(Shape::Object(Box::new(Object::parse(
                table, None, path, mistakes, false,
            )))),
            (Value::Table(table), Kind::List(element)) => {
                let each = table.contains_key("each");
                if !each {
                    mistakes.add(path, "must be a list: write [[ ]] or [ … ] around it");
                }
                Shape::element(&Value::Table(table.clone()), *element, path, mistakes)
                    .map(|shape| Shape::List(vec![shape]))
            }
            (Value::Array(items), Kind::List(_) | Kind::Free) => {
                let element = match kind {
                    Kind::List(element) => *element,
                    _ => Kind::Free,
                };
                let elements = items.iter().enumerate().filter_map(|(index, item)| {
                    Shape::element(item, element, &format!("{path}[{index}]"), mistakes)
                });
                Some(Shape::List(elements.collect()))
            }
            (Value::Array(_) | Value::Table(_), _) => {
                mistakes.add(path, "must be a template such as \"{column}\"; what columns do not say directly is derived under [values]");
                None
            }
            (_, Kind::Object(_)) => {
                mistakes.add(path, "must be a table of fields");
                None
            }
            _ => Shape::leaf(value, kind)
                .map_err(|message| mistakes.add(path, message))
                .ok(),
        }
    }

    /// `Err` is the message of the mistake.
    fn leaf(value: &Value, kind: Kind) -> Result<Shape, String> {
        let template = Template::parse_value(value)?;
        match (kind, template.constant_text()) {
            (Kind::Word(wrong), Some(word)) => wrong(word).map_or(Ok(()), Err)?,
            (Kind::Time, _) if template.first_name().is_none() => {
                return Err("must be the name of a time in braces, such as \"{start}\"".into());
            }
            _ => {}
        }
        Ok(Shape::Leaf(template, kind))
    }

    fn element(value: &Value, kind: Kind, path: &str, mistakes: &Mistakes) -> Option<Shape> {
        match (value, kind) {
            (Value::Table(table), Kind::Object(fields)) => Some(Shape::Object(Box::new(
                Object::parse(table, Some(fields), path, mistakes, true),
            ))),
            (Value::Table(table), Kind::Free) => Some(Shape::Object(Box::new(Object::parse(
                table, None, path, mistakes, true,
            )))),
            _ => Shape::parse(value, kind, path, mistakes),
        }
    }

    /// Names that the shape reads and loop variables that it sets.
    pub fn names<'s>(&'s self, names: &mut Vec<&'s Name>, variables: &mut Vec<&'s str>) {
        match self {
            Shape::Leaf(template, _) => template.names(names),
            Shape::List(elements) => {
                for element in elements {
                    element.names(names, variables);
                }
            }
            Shape::Object(object) => object.names(names, variables),
        }
    }

    fn each(&self) -> Option<&Each> {
        match self {
            Shape::Object(object) => object.each.as_ref(),
            _ => None,
        }
    }

    /// The JSON; `None` when there is nothing to say.
    pub fn build<'s: 'a, 'a>(
        &'s self,
        scope: &Scope<'_, 'a>,
        field: &str,
    ) -> Result<Option<Json>, Refusal> {
        match self {
            Shape::Leaf(template, kind) => leaf(template, *kind, scope, field),
            Shape::Object(object) => object.build(scope),
            Shape::List(elements) => {
                let mut items = Vec::new();
                for element in elements {
                    match element.each() {
                        Some(each) => each.walk(scope, &mut |here| {
                            items.extend(element.build(here, field)?);
                            Ok(())
                        })?,
                        None => items.extend(element.build(scope, field)?),
                    }
                }
                Ok((!items.is_empty()).then_some(Json::Array(items)))
            }
        }
    }
}

impl Object {
    /// `fields` `None`: any field is allowed. Only list elements may have
    /// `each`.
    pub fn parse(
        table: &Table,
        fields: Option<&'static [Field]>,
        path: &str,
        mistakes: &Mistakes,
        in_list: bool,
    ) -> Object {
        let reserved: &[&str] = if in_list {
            &["when", "each", "skip"]
        } else {
            &["when"]
        };
        let own: Table = table
            .iter()
            .filter(|(key, _)| reserved.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let keys = Keys::new(&own, path, mistakes, reserved);
        let rest = table.iter().filter(|(key, _)| !own.contains_key(*key));
        let shapes = rest
            .filter_map(|(key, value)| Some((key.clone(), field(key, value, fields, &keys)?)))
            .collect();
        for field in fields.unwrap_or_default() {
            if field.required && !table.contains_key(field.name) {
                mistakes.add(
                    join(path, field.name),
                    "is needed: the contract refuses events without it",
                );
            }
        }
        Object {
            when: Condition::parse_key(&keys, "when"),
            each: Each::parse(&keys),
            fields: shapes,
        }
    }

    pub fn names<'s>(&'s self, names: &mut Vec<&'s Name>, variables: &mut Vec<&'s str>) {
        if let Some(condition) = &self.when {
            condition.names(names);
        }
        if let Some(each) = &self.each {
            each.names(names);
            variables.extend(each.variables());
        }
        for (_, shape) in &self.fields {
            shape.names(names, variables);
        }
    }

    pub fn build<'s: 'a, 'a>(&'s self, scope: &Scope<'_, 'a>) -> Result<Option<Json>, Refusal> {
        if let Some(condition) = &self.when
            && !condition.holds(scope)?
        {
            return Ok(None);
        }
        let mut object = Map::new();
        for (name, shape) in &self.fields {
            if let Some(value) = shape.build(scope, name)? {
                object.insert(name.clone(), value);
            }
        }
        Ok((!object.is_empty()).then_some(Json::Object(object)))
    }
}

/// One field of an object that is no key of its own.
fn field(key: &str, value: &Value, fields: Option<&'static [Field]>, keys: &Keys) -> Option<Shape> {
    let path = keys.at(key);
    let Some(fields) = fields else {
        return Shape::parse(value, Kind::Free, &path, keys.mistakes);
    };
    let Some(field) = fields.iter().find(|field| field.name == key) else {
        let known: Vec<_> = fields.iter().map(|field| field.name).collect();
        let message = format!("unknown field; known here: {}", known.join(", "));
        keys.mistakes.add(path, message);
        return None;
    };
    Shape::parse(value, field.kind, &path, keys.mistakes)
}

/// Writes a value as the JSON type of its field.
fn leaf(
    template: &Template,
    kind: Kind,
    scope: &Scope,
    field: &str,
) -> Result<Option<Json>, Refusal> {
    let value = template.eval(scope)?;
    if value.is_unknown() {
        return Ok(None);
    }
    typed(value, kind).map(Some).map_err(|(code, what)| {
        let named = template.first_name().unwrap_or(field);
        let name = scope.frame.spec.column_behind(named);
        let line = scope.frame.line;
        let reason = format!("line {line}: {name} for the field {field} is {what}");
        Refusal::new(code, name, reason)
    })
}

/// `Err` holds the code and what the value is instead.
fn typed(value: Val, kind: Kind) -> Result<Json, (&'static str, String)> {
    let json = match (kind, value) {
        (Kind::Time, Val::Time(time)) => Json::from(rfc3339(&time)),
        (Kind::Time, _) => {
            return Err(("bad_time", "no time; define it under [times]".to_owned()));
        }
        (Kind::Text | Kind::Word(_), Val::Json(_)) => {
            return Err(("bad_text", "a list or object, not a text".to_owned()));
        }
        (Kind::Word(wrong), value) => {
            let word = value.to_text().unwrap_or_default();
            if let Some(message) = wrong(&word) {
                return Err(("bad_word", format!("another word: {message}")));
            }
            Json::from(word)
        }
        (Kind::Text, value) => value.to_text().map_or(Json::Null, Json::from),
        (Kind::Integer, value) => integer(&value)
            .map(Json::from)
            .ok_or_else(|| ("bad_number", "no whole number".to_owned()))?,
        (Kind::Number, value) => value
            .to_number()
            .map(Json::from)
            .ok_or_else(|| ("bad_number", "no number".to_owned()))?,
        (Kind::Boolean, value) => to_bool(&value)
            .map(Json::from)
            .ok_or_else(|| ("bad_boolean", "neither true nor false".to_owned()))?,
        (Kind::List(_), Val::Json(Json::Array(items))) => Json::Array(items),
        (Kind::List(_), value) => Json::Array(vec![free(value)]),
        (Kind::Object(_), Val::Json(object)) => object,
        (Kind::Object(_), _) => return Err(("bad_object", "no object".to_owned())),
        (Kind::Free, value) => free(value),
    };
    Ok(json)
}

fn free(value: Val) -> Json {
    match value {
        Val::Unknown => Json::Null,
        Val::Text(text) => Json::from(text),
        Val::Int(number) => Json::from(number),
        Val::Num(number) => Json::from(number),
        Val::Bool(flag) => Json::from(flag),
        Val::Time(time) => Json::from(rfc3339(&time)),
        Val::Json(json) => json,
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "checked to be whole and in range"
)]
fn integer(value: &Val) -> Option<i64> {
    if let Val::Int(number) = value {
        return Some(*number);
    }
    let number = value.to_number()?;
    (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(number as i64)
}
