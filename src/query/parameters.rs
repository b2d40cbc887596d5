//! Values of a request as typed values of SQL: bound, never formatted into the statement.
//!
//! Invariants: a value that does not fit its type is an error with a JSON pointer and never shown. Not here:
//! where placeholders stand in the statement (the planner knows).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::datatypes::DataType;
use datafusion::common::ParamValues;
use datafusion::common::ScalarValue;
use serde_json::Value;

use super::error::QueryError;
use super::header::{Param, SqlType};
use crate::domain::{Day, Micros};

fn wrong(pointer: String, detail: impl Into<String>) -> QueryError {
    QueryError::Parameter {
        pointer,
        detail: detail.into(),
    }
}

/// Binds `$1`, `$2`, … ; `types` are the placeholders of the plan with the types that it wants, if it knows.
/// `used` are numbers that went into the statement before it was planned.
pub(super) fn positional(
    values: &[Value],
    types: &HashMap<String, Option<DataType>>,
    used: &BTreeSet<usize>,
) -> Result<ParamValues, QueryError> {
    for name in types.keys() {
        let index = name.trim_start_matches('$').parse::<usize>().unwrap_or(0);
        if index == 0 {
            return Err(wrong("/parameters".into(), "placeholders are $1, $2, …"));
        }
        if index > values.len() {
            let detail = format!(
                "the statement uses ${index}, {} values were given",
                values.len()
            );
            return Err(wrong("/parameters".into(), detail));
        }
    }
    let mut bound = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let pointer = format!("/parameters/{index}");
        let Some(wanted) = types.get(&format!("${}", index + 1)) else {
            if used.contains(&(index + 1)) {
                bound.push(plain(value, &pointer)?);
                continue;
            }
            return Err(wrong(pointer, "the statement does not use it"));
        };
        bound.push(fitted(value, wanted.as_ref(), &pointer)?);
    }
    Ok(ParamValues::from(bound))
}

/// A JSON value in the type that the statement wants; numbers keep theirs, the planner compares across types.
fn fitted(
    value: &Value,
    wanted: Option<&DataType>,
    pointer: &str,
) -> Result<ScalarValue, QueryError> {
    let plain = plain(value, pointer)?;
    match (&plain, wanted) {
        (ScalarValue::Null, Some(wanted)) => ScalarValue::try_from(wanted)
            .map_err(|_| wrong(pointer.into(), "null is not possible here")),
        (ScalarValue::Utf8(_), Some(wanted)) => {
            let cast = plain.cast_to(wanted);
            cast.map_err(|_| {
                wrong(
                    pointer.into(),
                    format!("expected {}", super::export::type_name(wanted)),
                )
            })
        }
        _ => Ok(plain),
    }
}

fn plain(value: &Value, pointer: &str) -> Result<ScalarValue, QueryError> {
    let number = |value: &serde_json::Number| {
        let whole = value.as_i64().map(|value| ScalarValue::Int64(Some(value)));
        let whole = whole.or_else(|| value.as_u64().map(|value| ScalarValue::UInt64(Some(value))));
        whole.or_else(|| {
            value
                .as_f64()
                .map(|value| ScalarValue::Float64(Some(value)))
        })
    };
    match value {
        Value::Null => Ok(ScalarValue::Null),
        Value::Bool(value) => Ok(ScalarValue::Boolean(Some(*value))),
        Value::String(text) => Ok(ScalarValue::Utf8(Some(text.clone()))),
        Value::Number(value) => {
            number(value).ok_or_else(|| wrong(pointer.into(), "the number is out of range"))
        }
        Value::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| plain(item, pointer)).collect();
            let items = items?;
            let kind = items.first().map_or(DataType::Utf8, ScalarValue::data_type);
            if items.iter().any(|item| item.data_type() != kind) || kind.is_nested() {
                return Err(wrong(
                    pointer.into(),
                    "an array holds values of one simple type",
                ));
            }
            Ok(ScalarValue::List(ScalarValue::new_list(
                &items, &kind, true,
            )))
        }
        Value::Object(_) => Err(wrong(pointer.into(), "an object cannot be a value")),
    }
}

/// Binds the parameters of a named query by name. In its statement they are `$name`, or `$1`, `$2`, … in the
/// order of the header.
pub(super) fn named(
    declared: &[Param],
    given: &BTreeMap<String, Value>,
) -> Result<ParamValues, QueryError> {
    let pointer =
        |name: &str| format!("/parameters/{}", name.replace('~', "~0").replace('/', "~1"));
    if let Some(unknown) = given
        .keys()
        .find(|name| declared.iter().all(|param| param.name != **name))
    {
        let names: Vec<&str> = declared.iter().map(|param| param.name.as_str()).collect();
        let detail = format!("unknown parameter; there are: {}", names.join(", "));
        return Err(wrong(pointer(unknown), detail));
    }
    let mut bound: HashMap<String, ScalarValue> = HashMap::with_capacity(declared.len());
    for (index, param) in declared.iter().enumerate() {
        let default = || param.default.clone().map_or(Value::Null, Value::String);
        let value = match given.get(&param.name) {
            Some(value) => value.clone(),
            None if param.required => return Err(wrong(pointer(&param.name), "it is required")),
            None => default(),
        };
        let typed = typed(&value, param.kind).ok_or_else(|| {
            wrong(
                pointer(&param.name),
                format!("expected {}", param.kind.as_str()),
            )
        })?;
        bound.insert((index + 1).to_string(), typed.clone());
        bound.insert(param.name.clone(), typed);
    }
    Ok(ParamValues::from(bound))
}

/// A JSON value as `kind`; numbers may come as text (beyond 2^53 they must).
fn typed(value: &Value, kind: SqlType) -> Option<ScalarValue> {
    if value.is_null() {
        return Some(null_of(kind));
    }
    let text = value.as_str();
    let whole = value.as_i64().or_else(|| text?.parse().ok());
    Some(match kind {
        SqlType::Text => ScalarValue::Utf8(Some(text?.to_owned())),
        SqlType::Bigint => ScalarValue::Int64(Some(whole?)),
        SqlType::Integer => ScalarValue::Int32(Some(i32::try_from(whole?).ok()?)),
        SqlType::Double => {
            let number = value.as_f64().or_else(|| text?.parse().ok())?;
            ScalarValue::Float64(Some(number))
        }
        SqlType::Boolean => {
            ScalarValue::Boolean(Some(value.as_bool().or_else(|| text?.parse().ok())?))
        }
        SqlType::Timestamptz => time(instant(text?)?),
        SqlType::Date => ScalarValue::Date32(Some(Day::parse(text?).ok()?.0)),
    })
}

/// A time, or a day as its first instant.
fn instant(text: &str) -> Option<Micros> {
    Micros::parse(text)
        .ok()
        .or_else(|| Some(Day::parse(text).ok()?.start()))
}

fn time(at: Micros) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(at.0), Some("UTC".into()))
}

fn null_of(kind: SqlType) -> ScalarValue {
    match kind {
        SqlType::Text => ScalarValue::Utf8(None),
        SqlType::Bigint => ScalarValue::Int64(None),
        SqlType::Integer => ScalarValue::Int32(None),
        SqlType::Double => ScalarValue::Float64(None),
        SqlType::Boolean => ScalarValue::Boolean(None),
        SqlType::Timestamptz => ScalarValue::TimestampMicrosecond(None, Some("UTC".into())),
        SqlType::Date => ScalarValue::Date32(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::TimeUnit;
    use serde_json::json;

    fn pointer_of(result: Result<ParamValues, QueryError>) -> String {
        match result {
            Err(QueryError::Parameter { pointer, detail }) => {
                assert!(!detail.contains("秘密"), "the value is not shown");
                pointer
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn positions_are_counted_and_values_fitted() {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let types = HashMap::from([("$1".to_owned(), Some(time)), ("$2".to_owned(), None)]);
        let bound = positional(
            &[json!("2026-11-20T03:15:07Z"), json!([1, 2])],
            &types,
            &BTreeSet::new(),
        )
        .unwrap();
        let ParamValues::List(values) = bound else {
            panic!()
        };
        let expected =
            ScalarValue::TimestampMicrosecond(Some(1_795_144_507_000_000), Some("UTC".into()));
        assert_eq!(values[0].value, expected);
        assert!(matches!(values[1].value, ScalarValue::List(_)));
        assert_eq!(
            pointer_of(positional(
                &[json!("秘密"), json!(1)],
                &types,
                &BTreeSet::new()
            )),
            "/parameters/0"
        );
        assert_eq!(
            pointer_of(positional(&[json!(null)], &types, &BTreeSet::new())),
            "/parameters"
        );
        let three = [json!(null), json!(1), json!(2)];
        assert_eq!(
            pointer_of(positional(&three, &types, &BTreeSet::new())),
            "/parameters/2"
        );
        assert_eq!(
            pointer_of(positional(
                &[json!(null), json!({})],
                &types,
                &BTreeSet::new()
            )),
            "/parameters/1"
        );
    }

    #[test]
    fn a_fraction_is_not_cut_to_fit_an_integer() {
        let types = HashMap::from([("$1".to_owned(), Some(DataType::Int64))]);
        let ParamValues::List(values) =
            positional(&[json!(1.5)], &types, &BTreeSet::new()).unwrap()
        else {
            panic!()
        };
        assert_eq!(values[0].value, ScalarValue::Float64(Some(1.5)));
    }

    #[test]
    fn names_have_types_and_defaults() {
        let param = |name: &str, kind, required, default: Option<&str>| Param {
            name: name.into(),
            kind,
            required,
            default: default.map(str::to_owned),
        };
        let declared = [
            param("from", SqlType::Timestamptz, false, Some("2026-11-20")),
            param("n", SqlType::Bigint, true, None),
        ];
        let given = |value: Value| BTreeMap::from([("n".to_owned(), value)]);
        let ParamValues::Map(bound) = named(&declared, &given(json!("9007199254740993"))).unwrap()
        else {
            panic!()
        };
        assert_eq!(
            bound["n"].value,
            ScalarValue::Int64(Some(9_007_199_254_740_993))
        );
        assert!(!bound["from"].value.is_null());
        assert_eq!(
            pointer_of(named(&declared, &given(json!("秘密")))),
            "/parameters/n"
        );
        assert_eq!(
            pointer_of(named(&declared, &BTreeMap::new())),
            "/parameters/n"
        );
        let unknown = BTreeMap::from([("a/b".to_owned(), json!(1))]);
        assert_eq!(pointer_of(named(&declared, &unknown)), "/parameters/a~1b");
    }
}
