//! Schema `metrics`: the definitions as table functions, and the trees of generated statements.
//!
//! `metrics.<id>(from, to [, granularity [, timezone [, group_by [, filters [, parameters [, business_hours]]]]]])`
//! with positional arguments; `group_by` is a list with commas, `filters` and `parameters` are JSON. A call is
//! replaced by the generated statement as a derived table before the planner sees the statement, because the
//! engine looks a table function up by the first part of its name and resolves tables before it plans relations.
//! Invariants: a replaced call reads what the caller may read; literals enter the tree as values. Not here:
//! what a call means (`ask`, `sql`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, Query,
    Statement as SqlStatement, TableFactor, TypedString, UnaryOperator, Value as SqlValue,
    ValueWithSpan, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use serde_json::Value;

use super::ask::{Literal, MetricRequest, check};
use super::cells::{self, CellDays};
use super::compare::{self, CompareRequest, Compared};
use super::definition::Definition;
use super::registry::Registry;
use super::sql::{self, Generated};
use crate::domain::Micros;
use crate::query::error::QueryError;

const SCHEMA: &str = "metrics";

/// What a statement is expanded with.
pub(in crate::query) struct Circumstances<'a> {
    pub(in crate::query) registry: &'a Registry,
    /// Events before it are expected to have come.
    pub(in crate::query) watermark: Option<Micros>,
    /// The values of `$1`, `$2`, ….
    pub(in crate::query) values: &'a [Value],
}

impl Registry {
    /// The tree of the statement that answers a request.
    ///
    /// # Errors
    /// Every mistake of the request.
    pub(in crate::query) fn statement(
        &self,
        request: &MetricRequest,
        watermark: Option<Micros>,
    ) -> Result<(&Definition, Statement), QueryError> {
        let asked = check(self, request).map_err(QueryError::Parameters)?;
        let query = self.tree(sql::metric(self, &asked, watermark, None))?;
        Ok((asked.definition, statement(query)))
    }

    /// As [`Registry::statement`], from stored cells where they have what is asked for; whether it is so.
    ///
    /// # Errors
    /// Every mistake of the request.
    pub(in crate::query) fn statement_over(
        &self,
        request: &MetricRequest,
        watermark: Option<Micros>,
        days: Option<&CellDays>,
    ) -> Result<(&Definition, Statement, bool), QueryError> {
        let asked = check(self, request).map_err(QueryError::Parameters)?;
        let days = days.filter(|days| cells::can_answer(&asked, days));
        let query = self.tree(sql::metric(self, &asked, watermark, days))?;
        Ok((asked.definition, statement(query), days.is_some()))
    }

    /// The tree of the statement that lists what explains a difference.
    ///
    /// # Errors
    /// Every mistake of the request.
    pub(in crate::query) fn comparison(
        &self,
        request: &CompareRequest,
    ) -> Result<(Compared, Statement), QueryError> {
        let (compared, made) = compare::plan(self, request).map_err(QueryError::Parameters)?;
        Ok((compared, statement(self.tree(made)?)))
    }
}

fn statement(query: Query) -> Statement {
    Statement::Statement(Box::new(SqlStatement::Query(Box::new(query))))
}

impl Registry {
    /// Parses our own text and puts the literals into the tree.
    fn tree(&self, made: Generated) -> Result<Query, QueryError> {
        let broken = || QueryError::Invalid("the statement of a metric cannot be read".to_owned());
        let mut statements = DFParserBuilder::new(made.text.as_str())
            .with_dialect(&PostgreSqlDialect {})
            .with_recursion_limit(RECURSION)
            .build()
            .and_then(|mut parser| parser.parse_statements())
            .map_err(|error| QueryError::internal("reading a metric", error))?;
        let Some(Statement::Statement(inner)) = statements.pop_front() else {
            return Err(broken());
        };
        let SqlStatement::Query(mut query) = *inner else {
            return Err(broken());
        };
        let mut put = Put {
            literals: &made.literals,
            relations: &self.relations,
        };
        match query.visit(&mut put) {
            ControlFlow::Continue(()) => Ok(*query),
            ControlFlow::Break(name) => Err(QueryError::Invalid(format!(
                "the statement of a metric uses the unknown parameter `{name}`"
            ))),
        }
    }
}

/// Depth of our own statements.
const RECURSION: usize = 200;

/// Replaces placeholders by literals, and gives relations their schema: a caller's statement around ours may call
/// something of its own by the same name.
struct Put<'a> {
    literals: &'a BTreeMap<String, Literal>,
    relations: &'a BTreeSet<&'static str>,
}

impl VisitorMut for Put<'_> {
    type Break = String;

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<String> {
        let is_known = match name.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] => self.relations.contains(ident.value.as_str()),
            _ => false,
        };
        if is_known {
            let schema = Ident::new(crate::query::catalog::SCHEMA);
            name.0.insert(0, ObjectNamePart::Identifier(schema));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<String> {
        let SqlValue::Placeholder(name) = &value.value else {
            return ControlFlow::Continue(());
        };
        let Some(literal) = self.literals.get(name) else {
            return ControlFlow::Break(name.clone());
        };
        value.value = match literal {
            Literal::Text(text) => SqlValue::SingleQuotedString(text.clone()),
            Literal::Number(number) => SqlValue::Number(number.clone(), false),
            Literal::Boolean(truth) => SqlValue::Boolean(*truth),
        };
        ControlFlow::Continue(())
    }
}

/// Replaces the calls in `statement`; the numbers of the placeholders that went into them come with it.
///
/// # Errors
/// An unknown metric, and every mistake of an argument.
pub(in crate::query) fn expand(
    mut found: Statement,
    circumstances: &Circumstances<'_>,
) -> Result<(Statement, BTreeSet<usize>), QueryError> {
    let mut calls = Calls {
        circumstances,
        used: BTreeSet::new(),
    };
    let inner = match &mut found {
        Statement::Statement(inner) => inner,
        Statement::Explain(explain) => match explain.statement.as_mut() {
            Statement::Statement(inner) => inner,
            _ => return Ok((found, calls.used)),
        },
        _ => return Ok((found, calls.used)),
    };
    match inner.visit(&mut calls) {
        ControlFlow::Continue(()) => Ok((found, calls.used)),
        ControlFlow::Break(error) => Err(*error),
    }
}

struct Calls<'a> {
    circumstances: &'a Circumstances<'a>,
    used: BTreeSet<usize>,
}

impl VisitorMut for Calls<'_> {
    type Break = Box<QueryError>;

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        let TableFactor::Table {
            name,
            alias,
            args: Some(args),
            ..
        } = factor
        else {
            return ControlFlow::Continue(());
        };
        let Some(id) = metric_of(name) else {
            return ControlFlow::Continue(());
        };
        match self.call(&id, &args.args) {
            Ok(query) => {
                *factor = TableFactor::Derived {
                    lateral: false,
                    subquery: Box::new(query),
                    alias: alias.take(),
                    sample: None,
                };
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }
}

/// The id in `metrics.<id>` or `tingchao.metrics.<id>`.
fn metric_of(name: &ObjectName) -> Option<String> {
    let parts: Option<Vec<String>> = name
        .0
        .iter()
        .map(|part| part.as_ident().map(|ident| ident.value.to_lowercase()))
        .collect();
    match parts?.as_slice() {
        [schema, id] if schema == SCHEMA => Some(id.clone()),
        [catalog, schema, id] if catalog == crate::query::catalog::SCHEMA && schema == SCHEMA => {
            Some(id.clone())
        }
        _ => None,
    }
}

const ARGUMENTS: [&str; 8] = [
    "from",
    "to",
    "granularity",
    "timezone",
    "group_by",
    "filters",
    "parameters",
    "business_hours",
];

impl Calls<'_> {
    fn call(&mut self, id: &str, args: &[FunctionArg]) -> Result<Query, QueryError> {
        let known = self.circumstances.registry.get(id);
        known.map_err(|detail| QueryError::Invalid(format!("metrics.{id}: {detail}")))?;
        let call = format!("metrics.{id}({})", ARGUMENTS.join(", "));
        if args.len() < 2 || args.len() > ARGUMENTS.len() {
            return Err(QueryError::Invalid(format!(
                "the call is {call}; from `granularity` on they may be left out"
            )));
        }
        let mut values = Vec::with_capacity(args.len());
        for (arg, name) in args.iter().zip(ARGUMENTS) {
            let value = self.value(arg).ok_or_else(|| {
                QueryError::Invalid(format!(
                    "{call}: `{name}` has to be a literal or a parameter"
                ))
            })?;
            values.push(value);
        }
        let request = request(id, &values).map_err(|name| {
            QueryError::Invalid(format!("{call}: `{name}` is not of the right form"))
        })?;
        let registry = self.circumstances.registry;
        let watermark = self.circumstances.watermark;
        let made = registry.statement(&request, watermark);
        let (_, tree) = made.map_err(|error| told(&call, error))?;
        match tree {
            Statement::Statement(inner) => match *inner {
                SqlStatement::Query(query) => Ok(*query),
                _ => Err(QueryError::Invalid(call)),
            },
            _ => Err(QueryError::Invalid(call)),
        }
    }

    fn value(&mut self, arg: &FunctionArg) -> Option<Value> {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg else {
            return None;
        };
        self.literal(expr)
    }

    fn literal(&mut self, expr: &Expr) -> Option<Value> {
        match expr {
            Expr::Value(value) => self.plain(&value.value),
            Expr::TypedString(TypedString { value, .. }) => self.plain(&value.value),
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.literal(inner),
            Expr::UnaryOp {
                op: UnaryOperator::Plus,
                expr,
            } => self.literal(expr),
            _ => None,
        }
    }

    fn plain(&mut self, value: &SqlValue) -> Option<Value> {
        match value {
            SqlValue::SingleQuotedString(text) => Some(Value::String(text.clone())),
            SqlValue::Number(text, _) => serde_json::from_str(text).ok(),
            SqlValue::Boolean(truth) => Some(Value::Bool(*truth)),
            SqlValue::Null => Some(Value::Null),
            SqlValue::Placeholder(name) => {
                let number: usize = name.trim_start_matches('$').parse().ok()?;
                let found = self.circumstances.values.get(number.checked_sub(1)?)?;
                self.used.insert(number);
                Some(found.clone())
            }
            _ => None,
        }
    }
}

/// The arguments as a request, or the name of the one that is wrong.
fn request(id: &str, values: &[Value]) -> Result<MetricRequest, &'static str> {
    let at = |index: usize| values.get(index).unwrap_or(&Value::Null);
    let text = |index: usize, name: &'static str| match at(index) {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(name),
    };
    let map = |index: usize, name: &'static str| match text(index, name)? {
        None => Ok(BTreeMap::new()),
        Some(text) => serde_json::from_str::<BTreeMap<String, Value>>(&text).map_err(|_| name),
    };
    let groups = text(4, "group_by")?.unwrap_or_default();
    let groups = groups.split(',').map(str::trim);
    Ok(MetricRequest {
        metric: id.to_owned(),
        from: text(0, "from")?.ok_or("from")?,
        to: text(1, "to")?.ok_or("to")?,
        granularity: text(2, "granularity")?,
        timezone: text(3, "timezone")?,
        group_by: groups
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        filters: map(5, "filters")?,
        parameters: map(6, "parameters")?,
        business_hours: match at(7) {
            Value::Null => false,
            Value::Bool(truth) => *truth,
            _ => return Err("business_hours"),
        },
    })
}

/// Mistakes of a request as a sentence about a call.
fn told(call: &str, error: QueryError) -> QueryError {
    let QueryError::Parameters(mistakes) = error else {
        return error;
    };
    let mistakes: Vec<String> = mistakes
        .iter()
        .map(|mistake| {
            format!(
                "{} {}",
                mistake.pointer.trim_start_matches('/'),
                mistake.detail
            )
        })
        .collect();
    QueryError::Invalid(format!("{call}: {}", mistakes.join("; ")))
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::ast::SetExpr;

    use super::*;
    use crate::query::files::Library;
    use crate::query::guard;
    use crate::query::metrics::MetricSettings;

    fn registry() -> Registry {
        let library = Library::embedded().unwrap();
        let headers = library.relations.iter();
        let headers = headers.map(|(name, relation)| (*name, &relation.header));
        Registry::embedded(headers, MetricSettings::default()).unwrap()
    }

    fn expanded(registry: &Registry, sql: &str, values: &[Value]) -> (Query, BTreeSet<usize>) {
        let circumstances = Circumstances {
            registry,
            watermark: Some(Micros(7)),
            values,
        };
        let checked = guard::check(sql).unwrap();
        let (found, used) = expand(checked.statement, &circumstances).unwrap();
        let Statement::Statement(inner) = found else {
            panic!()
        };
        let SqlStatement::Query(query) = *inner else {
            panic!()
        };
        let SetExpr::Select(select) = *query.body else {
            panic!()
        };
        let TableFactor::Derived { subquery, .. } = select.from[0].relation.clone() else {
            panic!("{:?}", select.from)
        };
        (*subquery, used)
    }

    #[test]
    fn a_call_of_every_metric_is_the_statement_of_the_request() {
        let registry = registry();
        for definition in registry.all() {
            let request = MetricRequest {
                metric: definition.id.clone(),
                from: "2026-03-01".to_owned(),
                to: "2026-12-01".to_owned(),
                granularity: Some("day".to_owned()),
                timezone: Some("Europe/Berlin".to_owned()),
                ..MetricRequest::default()
            };
            let (_, by_rest) = registry.statement(&request, Some(Micros(7))).unwrap();
            let call = format!(
                "select * from metrics.{}($2, date '2026-12-01', 'day', 'Europe/Berlin') as m",
                definition.id
            );
            let values = [Value::Null, Value::from("2026-03-01")];
            let (by_sql, used) = expanded(&registry, &call, &values);
            assert_eq!(statement(by_sql).to_string(), by_rest.to_string());
            assert_eq!(used, BTreeSet::from([2]));
        }
    }

    #[test]
    fn values_of_a_caller_are_literals_of_the_tree() {
        let registry = registry();
        let filters = r#"{"queue": "x' or '1'='1", "attributes.a\"b": ["$from", null]}"#;
        let call = format!(
            "select * from metrics.offered('2026-03-01', '2026-12-01', 'all', null, '', '{}')",
            filters.replace('\'', "''")
        );
        let (query, _) = expanded(&registry, &call, &[]);
        let text = query.to_string();
        assert!(text.contains("'x'' or ''1''=''1'"), "{text}");
        assert!(
            text.contains("'$from'") && text.contains("'a\"b'"),
            "{text}"
        );
    }
}
