//! Functions of SQL: ours, and those whose result can be far larger than their arguments, held to a size.
//!
//! The memory limit of a query counts what operators keep, not what one function call allocates, so
//! `repeat('x', 2000000000)` would pass it by. Invariants: each function here refuses a count above its limit
//! before it allocates; everything else of it is the engine's own. No function reads files, the environment or
//! the network: the engine has none, and a test holds the list of table functions.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use serde_json::Value;

/// How the text of a refusal begins.
pub(super) const TOO_LARGE: &str = "the result of";

/// What of the arguments says how large the result will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Measure {
    /// The argument at this place is a count.
    Count(usize),
    /// `range(stop)`, `range(start, stop[, step])` of integers.
    Range,
}

/// Elements or characters that one call may make.
const MAX_ELEMENTS: i64 = 100_000;

/// Elements that one batch of calls may make.
const MAX_ELEMENTS_PER_BATCH: i64 = 20_000_000;

const BOUNDED: [(&str, Measure); 9] = [
    ("repeat", Measure::Count(1)),
    ("lpad", Measure::Count(1)),
    ("rpad", Measure::Count(1)),
    ("array_repeat", Measure::Count(1)),
    ("list_repeat", Measure::Count(1)),
    ("array_resize", Measure::Count(1)),
    ("list_resize", Measure::Count(1)),
    ("range", Measure::Range),
    ("generate_series", Measure::Range),
];

/// Puts the bounded functions in place of the engine's.
pub(super) fn bound(state: &mut SessionState) -> Result<()> {
    state.register_udf(Arc::new(ScalarUDF::new_from_impl(AttributeOf::new())))?;
    for (name, measure) in BOUNDED {
        let Some(inner) = state.scalar_functions().get(name).cloned() else {
            continue;
        };
        if inner.inner().downcast_ref::<Bounded>().is_some() {
            continue;
        }
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(Bounded {
            inner,
            measure,
        })))?;
    }
    Ok(())
}

/// `attribute_of(json, key)`: the value of a key of a JSON object as text; null without it. A text is itself, any
/// other value its JSON.
#[derive(Debug, PartialEq, Eq, Hash)]
struct AttributeOf(Signature);

impl AttributeOf {
    fn new() -> Self {
        let exact = Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable);
        Self(exact)
    }
}

impl ScalarUDFImpl for AttributeOf {
    fn name(&self) -> &str {
        "attribute_of"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [texts, keys] = arrays.as_slice() else {
            return Err(DataFusionError::Execution(
                "attribute_of takes two texts".to_owned(),
            ));
        };
        let (texts, keys) = (texts.as_string_opt::<i32>(), keys.as_string_opt::<i32>());
        let (Some(texts), Some(keys)) = (texts, keys) else {
            return Err(DataFusionError::Execution(
                "attribute_of takes two texts".to_owned(),
            ));
        };
        let found: StringArray = texts
            .iter()
            .zip(keys)
            .map(|(text, key)| attribute(text?, key?))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

fn attribute(text: &str, key: &str) -> Option<String> {
    let mut object: serde_json::Map<String, Value> = serde_json::from_str(text).ok()?;
    match object.remove(key)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

#[derive(Debug)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    measure: Measure,
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Bounded {}

impl Hash for Bounded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        check(self.name(), self.measure, &args)?;
        self.inner.invoke_with_args(args)
    }
}

fn check(name: &str, measure: Measure, args: &ScalarFunctionArgs) -> Result<()> {
    let rows = args.number_rows;
    let integers = |place: usize| -> Result<Option<ArrayRef>> {
        let Some(value) = args.args.get(place) else {
            return Ok(None);
        };
        if !value.data_type().is_integer() {
            return Ok(None);
        }
        let values = value.clone().into_array(rows)?;
        Ok(Some(cast(&values, &DataType::Int64)?))
    };
    let value = |array: &Option<ArrayRef>, row: usize| {
        let array = array.as_ref()?.as_primitive_opt::<Int64Type>()?;
        (row < array.len() && array.is_valid(row)).then(|| array.value(row))
    };
    let count: Box<dyn Fn(usize) -> i64> = match measure {
        Measure::Count(place) => {
            let counts = integers(place)?;
            Box::new(move |row| value(&counts, row).unwrap_or(0))
        }
        Measure::Range => {
            let (first, second, step) = (integers(0)?, integers(1)?, integers(2)?);
            Box::new(move |row| {
                let low = value(&first, row).unwrap_or(0);
                let span = value(&second, row).map_or(low, |high| high.saturating_sub(low));
                let step = value(&step, row).unwrap_or(1).saturating_abs().max(1);
                span.saturating_abs() / step
            })
        }
    };
    let mut sum = 0_i64;
    for row in 0..rows {
        let elements = count(row).max(0);
        sum = sum.saturating_add(elements);
        if elements > MAX_ELEMENTS || sum > MAX_ELEMENTS_PER_BATCH {
            return Err(DataFusionError::Execution(format!(
                "{TOO_LARGE} `{name}` has more than {MAX_ELEMENTS} elements; \
                 use the table function generate_series for long series"
            )));
        }
    }
    Ok(())
}
