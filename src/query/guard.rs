//! What every read-only door lets through: one statement that only reads.
//!
//! The text is parsed once; what is planned is the checked tree, never the text again. The list is of what is
//! allowed (`SELECT`, `VALUES`, `EXPLAIN` of them, `SHOW` and `DESCRIBE`), so a statement that a later parser
//! learns stays out. Invariants: exactly one statement; no statement inside a query; names in `SHOW` are plain
//! words (the engine builds SQL text from them); the tree is shallow enough for the stack. A second check on
//! the plan stands in the engine. Not here: which tables a role sees (`catalog`), limits (`engine`).

use std::ops::ControlFlow;

use datafusion::common::format::ExplainStatementOptions;
use datafusion::sql::parser::{DFParserBuilder, ExplainStatement, Statement};
use datafusion::sql::sqlparser::ast::{
    DescribeAlias, Ident, ObjectName, ObjectNamePart, Query, Select, ShowCreateObject,
    ShowStatementIn, ShowStatementOptions, Statement as SqlStatement, Value, ValueWithSpan, Visit,
    VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::error::QueryError;

/// Longest statement in bytes.
pub(super) const MAX_SQL_BYTES: usize = 1 << 20;

/// Most operators and keywords in a statement: what the tree can be deep. A chain of so many takes up to 8 MiB
/// of stack when it is walked in a debug build; threads of [`super::runtime`] have more.
const MAX_DEPTH_TOKENS: usize = 1_000;

/// A statement that may be planned.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    /// The tree to plan.
    pub(super) statement: Statement,
    /// The statement with every literal as `?`, for the list of queries.
    pub(super) shape: String,
}

/// Parses `sql` and lets only one reading statement through. To be called on a thread of [`super::runtime`].
///
/// # Errors
/// [`QueryError::Syntax`] or [`QueryError::NotReadOnly`].
pub(super) fn check(sql: &str) -> Result<Checked, QueryError> {
    check_size(sql)?;
    check_own(sql)
}

/// As [`check`], for a statement of ours: tests plan every one, so none is too deep.
///
/// # Errors
/// As [`check`].
pub(super) fn check_own(sql: &str) -> Result<Checked, QueryError> {
    let mut parser = DFParserBuilder::new(sql)
        .with_dialect(&PostgreSqlDialect {})
        .build()
        .map_err(|error| QueryError::Syntax(error.strip_backtrace()))?;
    let mut statements = parser
        .parse_statements()
        .map_err(|error| QueryError::Syntax(error.strip_backtrace()))?;
    let Some(statement) = statements.pop_front() else {
        return Err(QueryError::Syntax("it is empty".to_owned()));
    };
    if !statements.is_empty() {
        return Err(QueryError::NotReadOnly(
            "more than one statement".to_owned(),
        ));
    }
    let statement = reading(statement)?;
    Ok(Checked {
        shape: shape(&statement),
        statement,
    })
}

/// Refuses what would be too deep a tree before the tree is built.
fn check_size(sql: &str) -> Result<(), QueryError> {
    if sql.len() > MAX_SQL_BYTES {
        return Err(QueryError::Syntax(format!(
            "it is longer than {MAX_SQL_BYTES} bytes"
        )));
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql)
        .tokenize()
        .map_err(|error| QueryError::Syntax(error.to_string()))?;
    if tokens.iter().filter(|token| nests(token)).count() > MAX_DEPTH_TOKENS {
        return Err(QueryError::Syntax(format!(
            "it has more than {MAX_DEPTH_TOKENS} operators and keywords"
        )));
    }
    Ok(())
}

/// Whether a token can make the tree one level deeper.
fn nests(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword,
        Token::EOF
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Comma
        | Token::Whitespace(_)
        | Token::Period
        | Token::SemiColon
        | Token::Placeholder(_) => false,
        _ => true,
    }
}

fn refused(what: &str) -> QueryError {
    QueryError::NotReadOnly(what.to_owned())
}

fn reading(statement: Statement) -> Result<Statement, QueryError> {
    match statement {
        Statement::Statement(inner) => Ok(Statement::Statement(Box::new(reading_sql(*inner)?))),
        Statement::Explain(explain) => reading_explain(explain),
        Statement::CreateExternalTable(_) => Err(refused("CREATE EXTERNAL TABLE")),
        Statement::CopyTo(_) => Err(refused("COPY")),
        Statement::Reset(_) => Err(refused("RESET")),
    }
}

/// `EXPLAIN` of a query, with none of its options: they can run the query or show files.
fn reading_explain(explain: ExplainStatement) -> Result<Statement, QueryError> {
    if explain.options.analyze {
        return Err(refused("EXPLAIN ANALYZE"));
    }
    let Statement::Statement(inner) = *explain.statement else {
        return Err(refused("EXPLAIN of anything but a query"));
    };
    let SqlStatement::Query(query) = *inner else {
        return Err(refused("EXPLAIN of anything but a query"));
    };
    check_query(&query)?;
    Ok(Statement::Explain(ExplainStatement {
        options: ExplainStatementOptions::default(),
        statement: Box::new(Statement::Statement(Box::new(SqlStatement::Query(query)))),
    }))
}

fn reading_sql(statement: SqlStatement) -> Result<SqlStatement, QueryError> {
    match &statement {
        SqlStatement::Query(query) => check_query(query)?,
        SqlStatement::Explain {
            describe_alias,
            statement,
            ..
        } => {
            let described = matches!(
                describe_alias,
                DescribeAlias::Describe | DescribeAlias::Desc
            );
            match statement.as_ref() {
                SqlStatement::Query(query) if described => check_query(query)?,
                _ => return Err(refused("EXPLAIN of anything but a query")),
            }
        }
        SqlStatement::ExplainTable {
            describe_alias,
            table_name,
            ..
        } => {
            if !matches!(
                describe_alias,
                DescribeAlias::Describe | DescribeAlias::Desc
            ) {
                return Err(refused("EXPLAIN of anything but a query"));
            }
            check_name(table_name)?;
        }
        SqlStatement::ShowTables { show_options, .. } => check_show(show_options)?,
        SqlStatement::ShowColumns { show_options, .. } => check_show(show_options)?,
        SqlStatement::ShowVariable { variable } => check_words(variable)?,
        SqlStatement::ShowCreate {
            obj_type: ShowCreateObject::Table,
            obj_name,
        } => {
            check_name(obj_name)?;
        }
        other => {
            let text = other.to_string();
            let word = text
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_uppercase();
            return Err(QueryError::NotReadOnly(word));
        }
    }
    Ok(statement)
}

fn check_show(options: &ShowStatementOptions) -> Result<(), QueryError> {
    if options.filter_position.is_some()
        || options.starts_with.is_some()
        || options.limit.is_some()
        || options.limit_from.is_some()
    {
        return Err(refused(
            "SHOW with a filter (query information_schema instead)",
        ));
    }
    match &options.show_in {
        Some(ShowStatementIn {
            parent_name: Some(name),
            ..
        }) => check_name(name),
        _ => Ok(()),
    }
}

fn check_name(name: &ObjectName) -> Result<(), QueryError> {
    name.0.iter().try_for_each(|part| match part {
        ObjectNamePart::Identifier(ident) => check_words(std::slice::from_ref(ident)),
        ObjectNamePart::Function(_) => Err(refused("a function as a name")),
    })
}

/// The engine pastes these names between quotes into SQL of its own.
fn check_words(words: &[Ident]) -> Result<(), QueryError> {
    let plain = |word: &Ident| {
        word.value
            .chars()
            .all(|c| c.is_alphanumeric() || "_.".contains(c))
    };
    if words.iter().all(plain) {
        Ok(())
    } else {
        Err(refused("a name with punctuation"))
    }
}

fn check_query(query: &Query) -> Result<(), QueryError> {
    match query.visit(&mut ReadsOnly) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(what) => Err(refused(what)),
    }
}

/// Stops at everything in a query that is more than reading.
struct ReadsOnly;

impl Visitor for ReadsOnly {
    type Break = &'static str;

    fn pre_visit_statement(&mut self, _: &SqlStatement) -> ControlFlow<&'static str> {
        ControlFlow::Break("a statement that writes inside a query")
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<&'static str> {
        if !query.locks.is_empty() {
            return ControlFlow::Break("FOR UPDATE or FOR SHARE");
        }
        if query.settings.is_some() || query.for_clause.is_some() || query.format_clause.is_some() {
            return ControlFlow::Break("SETTINGS, FOR or FORMAT");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<&'static str> {
        if select.into.is_some() {
            return ControlFlow::Break("SELECT INTO");
        }
        ControlFlow::Continue(())
    }
}

/// Replaces literals, which can be personal values, by `?`.
struct HideLiterals;

impl VisitorMut for HideLiterals {
    type Break = ();

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        value.value = Value::Placeholder("?".to_owned());
        ControlFlow::Continue(())
    }
}

const MAX_SHAPE_CHARS: usize = 2_000;

fn shape(statement: &Statement) -> String {
    let (prefix, inner) = match statement {
        Statement::Statement(inner) => ("", inner),
        Statement::Explain(explain) => match explain.statement.as_ref() {
            Statement::Statement(inner) => ("EXPLAIN ", inner),
            _ => return String::new(),
        },
        _ => return String::new(),
    };
    let mut inner = inner.clone();
    // The visitor never breaks.
    let _: ControlFlow<()> = VisitMut::visit(&mut inner, &mut HideLiterals);
    format!("{prefix}{inner}")
        .chars()
        .take(MAX_SHAPE_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Coded, ErrorCode};

    #[test]
    fn reading_statements_pass() {
        for sql in [
            "select 1",
            "select 1;",
            " /* a */ select 1 -- b",
            "with a as (select 1 as x) select * from a union all values (2) order by 1 limit 3",
            "values (1), (2)",
            "explain select * from interactions",
            "show tables",
            "show columns from interactions",
            "show datafusion.execution.time_zone",
            "describe interactions",
            "desc tingchao.interactions",
            "select 'drop table x; delete from y' as text",
            "select \"insert\" from t",
        ] {
            assert!(check(sql).is_ok(), "{sql}: {:?}", check(sql));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for sql in [
            "insert into turns values (1)",
            "update turns set text = ''",
            "delete from turns",
            "drop table turns",
            "truncate turns",
            "create table x as select 1",
            "create view x as select 1",
            "create external table x stored as csv location '/etc/passwd'",
            "copy (select 1) to '/tmp/x.csv'",
            "copy turns to '/tmp/x.parquet'",
            "set datafusion.runtime.memory_limit = '100G'",
            "set time zone 'Asia/Shanghai'",
            "reset datafusion.execution.batch_size",
            "explain analyze select 1",
            "explain (analyze) select 1",
            "explain delete from turns",
            "explain insert into turns values (1)",
            "explain copy turns to '/tmp/x.csv'",
            "with gone as (delete from turns returning *) select * from gone",
            "with new as (insert into turns values (1) returning *) select * from new",
            "with new as (update turns set text = '' returning *) select * from new",
            "select 1; drop table turns",
            "select 1; select 2",
            "select 1 /* ; */ ; -- ;\n delete from turns",
            "select * into copied from turns",
            "select * from turns for update",
            "prepare p as select 1",
            "execute p",
            "declare c cursor for select 1",
            "begin",
            "commit",
            "call f()",
            "grant select on turns to analyst",
            "show functions like 'a''; drop table turns; --'",
            "show \"a'; select 1; --\"",
            "show columns from \"a' or 1=1 --\"",
            "describe \"x';--\"",
            "merge into a using b on a.x = b.x when matched then delete",
            "vacuum turns",
            "analyze turns",
            "use other",
            "load 'x'",
            "attach 'x' as y",
        ] {
            let Err(error) = check(sql) else {
                panic!("passed: {sql}")
            };
            let code = error.code();
            let known = matches!(code, ErrorCode::SqlForbidden | ErrorCode::SqlSyntax);
            assert!(known, "{sql}: {error}");
        }
    }

    #[test]
    fn writing_is_told_from_bad_syntax() {
        assert_eq!(
            check("delete from turns").unwrap_err().code(),
            ErrorCode::SqlForbidden
        );
        assert_eq!(
            check("select 1; select 2").unwrap_err().code(),
            ErrorCode::SqlForbidden
        );
        for sql in [
            "",
            ";",
            "-- nothing",
            "selct 1",
            "select 'open",
            "select (1",
        ] {
            assert_eq!(
                check(sql).unwrap_err().code(),
                ErrorCode::SqlSyntax,
                "{sql}"
            );
        }
    }

    #[test]
    fn deep_and_long_statements_are_refused() {
        let long = format!("select '{}'", "字".repeat(MAX_SQL_BYTES / 3));
        assert_eq!(check(&long).unwrap_err().code(), ErrorCode::SqlSyntax);
        for part in [
            " or 1",
            " + 1",
            " is null",
            "::int",
            " union all select 1",
            "[1]",
            " collate c",
        ] {
            let deep = format!("select 1{}", part.repeat(100_000));
            assert_eq!(
                check(&deep).unwrap_err().code(),
                ErrorCode::SqlSyntax,
                "{part}"
            );
        }
        let brackets = format!("select {}1{}", "(".repeat(400), ")".repeat(400));
        assert_eq!(check(&brackets).unwrap_err().code(), ErrorCode::SqlSyntax);
    }

    #[test]
    fn the_shape_shows_no_literal() {
        let sql =
            "select 'a', 13812345678, date '2026-01-01' from turns where text like '%王%' limit 7";
        let shape = check(sql).unwrap().shape;
        for literal in ["'a'", "138", "2026", "王", "7"] {
            assert!(!shape.contains(literal), "{literal} in {shape}");
        }
        assert!(shape.contains("FROM turns WHERE text LIKE ?"), "{shape}");
    }
}
