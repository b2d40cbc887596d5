//! Columns made ready to be written as text, value by value.
//!
//! A column is first brought to one of a few types ([`Column::new`]); writing a value is then one match.
//! Invariants: what is not a number in JSON is quoted by the caller's writer (JSON) or not (CSV); NaN and
//! infinities are null. Not here: rows, separators.

use std::fmt::Write as _;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int64Array,
    LargeBinaryArray, LargeListArray, MapArray, StringArray, StructArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, Timelike};
use data_encoding::BASE64;

/// The greatest integer that every JSON reader keeps.
const MAX_SAFE: u64 = 1 << 53;

/// One column of a batch.
pub(super) struct Column {
    name: String,
    nulls: Option<arrow::buffer::NullBuffer>,
    values: Values,
}

enum Values {
    Null,
    Bool(BooleanArray),
    Int(Int64Array),
    Unsigned(UInt64Array),
    Real(Float32Array),
    Double(Float64Array),
    Text(StringArray),
    Binary(LargeBinaryArray),
    Day(Date32Array),
    Micros(TimestampMicrosecondArray, bool),
    Nanos(TimestampNanosecondArray, bool),
    List(LargeListArray, Box<Column>),
    Struct(Vec<Column>),
    Map(MapArray, Box<Column>, Box<Column>),
}

impl Column {
    pub(super) fn new(name: &str, array: &ArrayRef) -> Result<Self, ArrowError> {
        let values = values(array)?;
        Ok(Self {
            name: name.to_owned(),
            nulls: array.logical_nulls(),
            values,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Writes the value as JSON.
    pub(super) fn json(&self, row: usize, out: &mut String) {
        if self.is_null(row) {
            out.push_str("null");
            return;
        }
        match &self.values {
            Values::Text(array) => quote(array.value(row), out),
            Values::Int(array) => {
                let value = array.value(row);
                number(value.unsigned_abs() <= MAX_SAFE, value, out);
            }
            Values::Unsigned(array) => {
                let value = array.value(row);
                number(value <= MAX_SAFE, value, out);
            }
            Values::Binary(_) | Values::Day(_) | Values::Micros(..) | Values::Nanos(..) => {
                out.push('"');
                self.plain(row, out);
                out.push('"');
            }
            Values::List(array, items) => list(array, items, row, out),
            Values::Struct(fields) => object(fields, row, out),
            Values::Map(array, keys, values) => map(array, keys, values, row, out),
            Values::Null | Values::Bool(_) | Values::Real(_) | Values::Double(_) => {
                let before = out.len();
                self.plain(row, out);
                if out.len() == before {
                    out.push_str("null");
                }
            }
        }
    }

    /// Writes the value without quotes; nothing for null. Lists and structs are JSON.
    pub(super) fn plain(&self, row: usize, out: &mut String) {
        if self.is_null(row) {
            return;
        }
        match &self.values {
            Values::Null => {}
            Values::Bool(array) => out.push_str(if array.value(row) { "true" } else { "false" }),
            Values::Int(array) => show(array.value(row), out),
            Values::Unsigned(array) => show(array.value(row), out),
            Values::Real(array) => real(f64::from(array.value(row)), array.value(row), out),
            Values::Double(array) => real(array.value(row), array.value(row), out),
            Values::Text(array) => out.push_str(array.value(row)),
            Values::Binary(array) => BASE64.encode_append(array.value(row), out),
            Values::Day(array) => day(array.value(row), out),
            Values::Micros(array, utc) => {
                time(DateTime::from_timestamp_micros(array.value(row)), *utc, out);
            }
            Values::Nanos(array, utc) => {
                time(
                    Some(DateTime::from_timestamp_nanos(array.value(row))),
                    *utc,
                    out,
                );
            }
            Values::List(..) | Values::Struct(_) | Values::Map(..) => self.json(row, out),
        }
    }

    /// Whether a CSV writer must look for characters to quote.
    pub(super) fn may_need_quotes(&self) -> bool {
        matches!(
            self.values,
            Values::Text(_) | Values::List(..) | Values::Struct(_) | Values::Map(..)
        )
    }

    /// Whether the value is a text without characters, which CSV tells from null by quotes.
    pub(super) fn is_empty_text(&self, row: usize) -> bool {
        match &self.values {
            Values::Text(array) => !self.is_null(row) && array.value(row).is_empty(),
            _ => false,
        }
    }
}

fn values(array: &ArrayRef) -> Result<Values, ArrowError> {
    let to = |kind: &DataType| cast(array, kind);
    let child = |name: &str, array: &ArrayRef| Column::new(name, array).map(Box::new);
    Ok(match array.data_type() {
        DataType::Null => Values::Null,
        DataType::Boolean => Values::Bool(array.as_boolean().clone()),
        DataType::UInt64 => Values::Unsigned(array.as_primitive().clone()),
        kind if kind.is_integer() => Values::Int(to(&DataType::Int64)?.as_primitive().clone()),
        DataType::Float16 | DataType::Float32 => {
            Values::Real(to(&DataType::Float32)?.as_primitive().clone())
        }
        DataType::Float64 => Values::Double(array.as_primitive().clone()),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => {
            Values::Binary(to(&DataType::LargeBinary)?.as_binary().clone())
        }
        DataType::Date32 | DataType::Date64 => {
            Values::Day(to(&DataType::Date32)?.as_primitive().clone())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let naive = to(&DataType::Timestamp(
                TimeUnit::Nanosecond,
                zone.as_ref().map(|_| "UTC".into()),
            ))?;
            Values::Nanos(naive.as_primitive().clone(), zone.is_some())
        }
        DataType::Timestamp(_, zone) => {
            let kind =
                DataType::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| "UTC".into()));
            Values::Micros(to(&kind)?.as_primitive().clone(), zone.is_some())
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let list = to(&DataType::LargeList(item.clone()))?
                .as_list::<i64>()
                .clone();
            let items = child(item.name(), list.values())?;
            Values::List(list, items)
        }
        DataType::ListView(item) | DataType::LargeListView(item) => {
            let list = to(&DataType::LargeList(item.clone()))?
                .as_list::<i64>()
                .clone();
            let items = child(item.name(), list.values())?;
            Values::List(list, items)
        }
        DataType::Struct(_) => Values::Struct(fields(array.as_struct())?),
        DataType::Map(..) => {
            let map = array.as_map().clone();
            let (keys, values) = (child("", map.keys())?, child("", map.values())?);
            Values::Map(map, keys, values)
        }
        DataType::Dictionary(_, value) => return values(&to(value)?),
        DataType::RunEndEncoded(_, value) => return values(&to(value.data_type())?),
        DataType::Interval(_) | DataType::Duration(_) => Values::Text(formatted(array)?),
        _ => Values::Text(to(&DataType::Utf8)?.as_string().clone()),
    })
}

fn formatted(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    let formatter = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default())?;
    let texts = (0..array.len()).map(|row| {
        array
            .is_valid(row)
            .then(|| formatter.value(row).to_string())
    });
    Ok(texts.collect())
}

fn fields(array: &StructArray) -> Result<Vec<Column>, ArrowError> {
    let DataType::Struct(fields) = array.data_type() else {
        return Ok(Vec::new());
    };
    let named = fields.iter().zip(array.columns());
    named
        .map(|(field, column): (&std::sync::Arc<Field>, _)| Column::new(field.name(), column))
        .collect()
}

fn show(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a string can't fail.
    let _: std::fmt::Result = write!(out, "{value}");
}

fn number(is_safe: bool, value: impl std::fmt::Display, out: &mut String) {
    if is_safe {
        show(value, out);
        return;
    }
    out.push('"');
    show(value, out);
    out.push('"');
}

/// A float as its shortest decimal; nothing for NaN and infinities.
fn real(value: f64, shortest: impl serde::Serialize, out: &mut String) {
    if !value.is_finite() {
        return;
    }
    if let Ok(text) = serde_json::to_string(&shortest) {
        out.push_str(&text);
    }
}

/// A JSON string.
pub(super) fn quote(text: &str, out: &mut String) {
    if let Ok(quoted) = serde_json::to_string(text) {
        out.push_str(&quoted);
    }
}

fn day(days: i32, out: &mut String) {
    if let Some(date) = NaiveDate::from_epoch_days(days) {
        show(date, out);
    }
}

/// RFC 3339, as many digits of the second as it takes; without `Z` when the type has no zone.
fn time(at: Option<DateTime<chrono::Utc>>, is_utc: bool, out: &mut String) {
    let Some(at) = at else { return };
    show(at.format("%Y-%m-%dT%H:%M:%S"), out);
    let nanos = at.nanosecond();
    if nanos > 0 {
        let digits = format!("{nanos:09}");
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
    if is_utc {
        out.push('Z');
    }
}

fn list(array: &LargeListArray, items: &Column, row: usize, out: &mut String) {
    let offsets = array.value_offsets();
    let bound = |index: usize| {
        offsets
            .get(index)
            .and_then(|at| usize::try_from(*at).ok())
            .unwrap_or(0)
    };
    out.push('[');
    for item in bound(row)..bound(row + 1) {
        if item > bound(row) {
            out.push(',');
        }
        items.json(item, out);
    }
    out.push(']');
}

pub(super) fn object(fields: &[Column], row: usize, out: &mut String) {
    out.push('{');
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        quote(field.name(), out);
        out.push(':');
        field.json(row, out);
    }
    out.push('}');
}

fn map(array: &MapArray, keys: &Column, values: &Column, row: usize, out: &mut String) {
    let offsets = array.value_offsets();
    let bound = |index: usize| {
        offsets
            .get(index)
            .and_then(|at| usize::try_from(*at).ok())
            .unwrap_or(0)
    };
    out.push('{');
    for entry in bound(row)..bound(row + 1) {
        if entry > bound(row) {
            out.push(',');
        }
        let mut key = String::new();
        keys.plain(entry, &mut key);
        quote(&key, out);
        out.push(':');
        values.json(entry, out);
    }
    out.push('}');
}
