//! What can go wrong with a query, in words that a caller may see.
//!
//! Invariants: a text names tables, columns, functions and places in the caller's statement, never a value of
//! a row. Errors of the engine while rows are produced can quote values, so they are replaced by sentences of
//! our own; their cause stays in `source` for the log of internal failures only.

use std::sync::Arc;

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use crate::domain::{Permission, Role};
use crate::error::{Coded, ErrorCode, FieldError};
use crate::lake::LakeError;

/// Why a query has no answer, or no further rows.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueryError {
    /// The text is not SQL.
    #[error("the statement cannot be parsed: {0}")]
    Syntax(String),
    /// The text is SQL, but not one statement that only reads.
    #[error("{0} is not allowed; send one SELECT, EXPLAIN, SHOW or DESCRIBE")]
    NotReadOnly(String),
    /// The role may not do this.
    #[error("the role `{role}` has no permission `{needs}`")]
    NotAllowed {
        /// Who asked.
        role: Role,
        /// What it takes.
        needs: Permission,
    },
    /// No such relation for this role.
    #[error("there is no table `{0}`; `SHOW TABLES` lists them")]
    UnknownTable(String),
    /// No such column.
    #[error("{0}")]
    UnknownColumn(String),
    /// The statement can't be planned or evaluated.
    #[error("{0}")]
    Invalid(String),
    /// A parameter is missing, surplus or of the wrong type.
    #[error("parameter {pointer}: {detail}")]
    Parameter {
        /// JSON pointer into the request.
        pointer: String,
        /// What is expected; never the value.
        detail: String,
    },
    /// Several of them.
    #[error("{}", told(.0))]
    Parameters(Vec<FieldError>),
    /// No such named query.
    #[error("there is no query `{0}`; `GET /v1/queries` lists them")]
    UnknownQuery(String),
    /// The deadline passed.
    #[error("the query did not end within {limit_s} s")]
    Timeout {
        /// The limit in seconds.
        limit_s: u64,
    },
    /// The memory limit was reached.
    #[error("the query needs more than its {limit_bytes} bytes of memory")]
    Memory {
        /// The limit.
        limit_bytes: usize,
    },
    /// Someone stopped it.
    #[error("the query was cancelled")]
    Cancelled,
    /// Too many queries wait already.
    #[error("{running} queries run and {waiting} wait; send it again later")]
    Overloaded {
        /// Queries running.
        running: usize,
        /// Queries waiting.
        waiting: usize,
    },
    /// The tables can't be read.
    #[error("the tables can't be read")]
    Lake(#[source] Arc<LakeError>),
    /// A mistake of ours.
    #[error("{what} failed")]
    Internal {
        /// What was being done.
        what: &'static str,
        /// Why, for the log.
        #[source]
        source: Option<Arc<DataFusionError>>,
    },
}

impl Coded for QueryError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Syntax(_) => ErrorCode::SqlSyntax,
            Self::NotReadOnly(_) => ErrorCode::SqlForbidden,
            Self::NotAllowed { .. } => ErrorCode::Forbidden,
            Self::UnknownTable(_) => ErrorCode::UnknownTable,
            Self::UnknownColumn(_) => ErrorCode::UnknownColumn,
            Self::Invalid(_) => ErrorCode::SqlInvalid,
            Self::Parameter { .. } | Self::Parameters(_) => ErrorCode::InvalidParameter,
            Self::UnknownQuery(_) => ErrorCode::NotFound,
            Self::Timeout { .. } => ErrorCode::QueryTimeout,
            Self::Memory { .. } => ErrorCode::QueryMemory,
            Self::Cancelled => ErrorCode::QueryCancelled,
            Self::Overloaded { .. } => ErrorCode::Overloaded,
            Self::Lake(_) => ErrorCode::LakeError,
            Self::Internal { .. } => ErrorCode::Internal,
        }
    }

    fn field_errors(&self) -> Vec<FieldError> {
        match self {
            Self::Parameter { pointer, detail } => vec![FieldError {
                pointer: pointer.clone(),
                detail: detail.clone(),
            }],
            Self::Parameters(errors) => errors.clone(),
            _ => Vec::new(),
        }
    }
}

fn told(errors: &[FieldError]) -> String {
    match errors.len() {
        1 => "1 parameter is invalid".to_owned(),
        n => format!("{n} parameters are invalid"),
    }
}

impl From<LakeError> for QueryError {
    fn from(error: LakeError) -> Self {
        Self::Lake(Arc::new(error))
    }
}

impl QueryError {
    pub(super) fn internal(what: &'static str, source: DataFusionError) -> Self {
        Self::Internal {
            what,
            source: Some(Arc::new(source)),
        }
    }

    /// An error found before any row was read: its text can only quote the statement.
    pub(super) fn planning(error: DataFusionError, limit_bytes: usize) -> Self {
        match error.find_root() {
            DataFusionError::SchemaError(schema, _) => from_schema(schema),
            DataFusionError::Plan(text) | DataFusionError::NotImplemented(text) => from_plan(text),
            DataFusionError::SQL(parser, _) => Self::Syntax(parser.to_string()),
            _ => Self::execution(error, limit_bytes),
        }
    }

    /// An error found while rows were produced: its text can quote rows and is not shown.
    pub(super) fn execution(error: DataFusionError, limit_bytes: usize) -> Self {
        let invalid = |text: &str| Self::Invalid(text.to_owned());
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => Self::Memory { limit_bytes },
            DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
                ArrowError::DivideByZero => invalid("division by zero"),
                ArrowError::ArithmeticOverflow(_) => invalid("a number is out of range"),
                ArrowError::CastError(_) => invalid("a value cannot be cast to the type wanted"),
                ArrowError::ParseError(_) => invalid("a text cannot be read as the type wanted"),
                ArrowError::InvalidArgumentError(_) | ArrowError::ComputeError(_) => {
                    invalid("a function was given a value that it cannot take")
                }
                _ => Self::internal("reading rows", error),
            },
            DataFusionError::Execution(text) if text.starts_with(super::functions::TOO_LARGE) => {
                Self::Invalid(text.clone())
            }
            DataFusionError::Execution(_) => {
                invalid("a function was given a value that it cannot take")
            }
            DataFusionError::Plan(_) | DataFusionError::NotImplemented(_) => {
                invalid("the statement cannot be evaluated")
            }
            _ => Self::internal("reading rows", error),
        }
    }
}

fn from_schema(error: &SchemaError) -> QueryError {
    match error {
        SchemaError::FieldNotFound {
            field,
            valid_fields,
        } => {
            let mut names: Vec<&str> = valid_fields.iter().map(|column| column.name()).collect();
            names.dedup();
            names.truncate(40);
            let name = field.quoted_flat_name();
            let list = names.join(", ");
            QueryError::UnknownColumn(format!("there is no column `{name}`; there are: {list}"))
        }
        SchemaError::AmbiguousReference { field } => {
            let name = field.quoted_flat_name();
            QueryError::Invalid(format!(
                "the column `{name}` is ambiguous; write it with its table"
            ))
        }
        other => QueryError::Invalid(other.to_string()),
    }
}

fn from_plan(text: &str) -> QueryError {
    // Only the first lines help; the rest lists candidates for functions at length.
    let lines: Vec<&str> = text.lines().take(3).collect();
    QueryError::Invalid(lines.join(" "))
}
