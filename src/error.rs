//! The table of error codes and the problem document that carries them.
//!
//! Every failure that can leave the product has one [`ErrorCode`]. The code fixes the HTTP status, the
//! SQLSTATE and the title, so that REST, the SQL door and the command line say the same thing. A module's
//! own error type says which code it is through [`Coded`].
//!
//! Invariants: at most 30 codes; a code is never renamed within v1; a failure of class
//! [`ErrorClass::Internal`] never shows its cause to the caller (the cause goes to the log under the same
//! request id). `docs/ERRORS.md` is generated from this table.
//!
//! This module does not hold the codes of refused events: those are words of the event contract and are
//! stored beside the dead letter.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who has to act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The request is wrong: the caller changes it.
    Caller,
    /// The key is missing, unknown or not allowed to do this.
    Auth,
    /// The state has moved on: the caller reads it again.
    Conflict,
    /// A limit is reached: the caller asks for less or later.
    Capacity,
    /// We failed: the operator looks at the log.
    Internal,
}

impl ErrorClass {
    /// The word used in documents and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Auth => "auth",
            Self::Conflict => "conflict",
            Self::Capacity => "capacity",
            Self::Internal => "internal",
        }
    }
}

/// One row per code: the only place where a code is defined.
macro_rules! error_codes {
    ($($variant:ident $code:literal $class:ident $status:literal $sqlstate:literal $title:literal $action:literal;)+) => {
        /// A stable, documented error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ErrorCode {
            $(
                #[doc = concat!("`", $code, "`: ", $title, ".")]
                #[serde(rename = $code)]
                $variant,
            )+
        }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as it stands in JSON, logs and metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// Who has to act.
            #[must_use]
            pub const fn class(self) -> ErrorClass {
                match self { $(Self::$variant => ErrorClass::$class),+ }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// The five characters that the SQL door sends.
            #[must_use]
            pub const fn sqlstate(self) -> &'static str {
                match self { $(Self::$variant => $sqlstate),+ }
            }

            /// A short sentence that is the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// What the receiver should do.
            #[must_use]
            pub const fn action(self) -> &'static str {
                match self { $(Self::$variant => $action),+ }
            }
        }
    };
}

error_codes! {
    MalformedJson "malformed_json" Caller 400 "22P02"
        "The body is not well-formed JSON"
        "Correct the body at the place that `detail` names.";
    InvalidParameter "invalid_parameter" Caller 422 "22023"
        "A parameter has an invalid value"
        "Correct every entry of `errors`.";
    InvalidEvents "invalid_events" Caller 422 "22000"
        "One or more events are invalid, nothing was stored"
        "Correct or remove every event of `errors` and send the batch again.";
    NotFound "not_found" Caller 404 "42704"
        "There is no such thing"
        "Check the path and the id.";
    MethodNotAllowed "method_not_allowed" Caller 405 "0A000"
        "The method is not allowed here"
        "Use a method of the `Allow` header.";
    NotAcceptable "not_acceptable" Caller 406 "0A000"
        "No format of the answer is acceptable"
        "Ask for one of the media types that `detail` names.";
    PayloadTooLarge "payload_too_large" Caller 413 "54000"
        "The body is too large"
        "Stay below the limit that `detail` names, or send NDJSON, which is streamed.";
    UnsupportedMediaType "unsupported_media_type" Caller 415 "0A000"
        "The media type of the body is not supported"
        "Send one of the media types that `detail` names.";
    SqlSyntax "sql_syntax" Caller 400 "42601"
        "The SQL statement cannot be parsed"
        "Correct the statement at the place that `detail` names.";
    SqlForbidden "sql_forbidden" Caller 403 "25006"
        "The SQL statement is not read-only"
        "Send one statement that only reads.";
    SqlInvalid "sql_invalid" Caller 422 "42804"
        "The SQL statement cannot be planned or evaluated"
        "Correct the function, type or value that `detail` names.";
    UnknownTable "unknown_table" Caller 422 "42P01"
        "The SQL statement names an unknown table"
        "List the tables with `SHOW TABLES`.";
    UnknownColumn "unknown_column" Caller 422 "42703"
        "The SQL statement names an unknown column"
        "List the columns with `DESCRIBE`.";
    Unauthenticated "unauthenticated" Auth 401 "28000"
        "A valid API key is needed"
        "Send `Authorization: Bearer <key>` with a key that is not revoked.";
    Forbidden "forbidden" Auth 403 "42501"
        "The role of the key does not allow this"
        "Use a key of a role that `detail` names.";
    Conflict "conflict" Conflict 409 "23505"
        "The request contradicts the present state"
        "Read the thing again and decide.";
    PreconditionFailed "precondition_failed" Conflict 412 "40001"
        "The thing has changed since it was read"
        "Read it again and repeat the change with the new `ETag` in `If-Match`.";
    TooManyRequests "too_many_requests" Capacity 429 "53400"
        "The key has sent too many requests"
        "Wait for the seconds of `Retry-After`.";
    Overloaded "overloaded" Capacity 503 "53000"
        "The server has too much to do"
        "Wait for the seconds of `Retry-After` and send the same request again.";
    NotReady "not_ready" Capacity 503 "57P03"
        "The server is starting or stopping"
        "Wait for the seconds of `Retry-After`; `GET /v1/health/ready` names what is missing.";
    QueryTimeout "query_timeout" Capacity 422 "57014"
        "The query reached its time limit"
        "Read fewer days or columns, or raise `query.timeout_s`.";
    QueryMemory "query_memory" Capacity 422 "53200"
        "The query reached its memory limit"
        "Read fewer days or columns, group by less, or raise `query.max_memory_bytes`.";
    QueryCancelled "query_cancelled" Capacity 503 "57014"
        "The query was cancelled"
        "Send it again.";
    LakeError "lake_error" Internal 500 "58030"
        "The tables could not be read or written"
        "Tell the operator the `request_id`.";
    StoreError "store_error" Internal 500 "58000"
        "The operational store could not be read or written"
        "Tell the operator the `request_id`.";
    Internal "internal" Internal 500 "XX000"
        "Something failed inside the server"
        "Tell the operator the `request_id`.";
}

impl ErrorCode {
    /// True for codes whose answer carries a `Retry-After` header.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self.http_status(), 429 | 503)
    }

    /// Where the code is explained: `/docs/errors#<code>`.
    #[must_use]
    pub fn type_uri(self) -> String {
        format!("/docs/errors#{}", self.as_str())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error that knows its code. Every error type of a module implements it.
pub trait Coded: std::error::Error {
    /// The code of this failure.
    fn code(&self) -> ErrorCode;

    /// The single mistakes behind it, for answers that list them all.
    fn field_errors(&self) -> Vec<FieldError> {
        Vec::new()
    }
}

/// One mistake in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer to the wrong value in the body, or `/name` of a query or path parameter.
    #[schema(example = "/from")]
    pub pointer: String,
    /// What is wrong with it and what is expected. Never the value itself.
    #[schema(example = "expected an RFC 3339 time")]
    pub detail: String,
}

/// An error answer (RFC 9457, `application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Where the code is explained.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors#invalid_parameter")]
    pub type_uri: String,
    /// A short sentence that is the same for every occurrence of the code.
    #[schema(example = "A parameter has an invalid value")]
    pub title: String,
    /// The HTTP status of the answer.
    #[schema(example = 422)]
    pub status: u16,
    /// What happened this time. Internal failures never show their cause here.
    #[schema(example = "1 parameter is invalid")]
    pub detail: String,
    /// The stable code; new codes may be added.
    #[schema(value_type = String, example = "invalid_parameter")]
    pub code: ErrorCode,
    /// The id under which the log holds more.
    #[schema(example = "0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")]
    pub request_id: String,
    /// Every single mistake of the request; absent when there is none to point at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// The media type of a problem document.
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    /// A problem with the caller's text. `detail` must not hold customer text.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>, request_id: impl Into<String>) -> Self {
        Self {
            type_uri: code.type_uri(),
            title: code.title().to_owned(),
            status: code.http_status(),
            detail: detail.into(),
            code,
            request_id: request_id.into(),
            errors: Vec::new(),
        }
    }

    /// The problem that a caller may see of `error`: its own text, but for internal failures only a
    /// sentence that points to the log.
    #[must_use]
    pub fn from_error(error: &dyn Coded, request_id: impl Into<String>) -> Self {
        let code = error.code();
        if code.class() == ErrorClass::Internal {
            return Self::new(code, "the cause is in the server's log", request_id);
        }
        Self::new(code, error.to_string(), request_id).with_errors(error.field_errors())
    }

    /// Adds the single mistakes.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }
}

/// The text of `docs/ERRORS.md`.
#[must_use]
pub fn errors_markdown() -> String {
    let rows: Vec<String> = ErrorCode::ALL.iter().map(|code| row(*code)).collect();
    format!("{ERRORS_HEAD}{}", rows.concat())
}

fn row(code: ErrorCode) -> String {
    format!(
        "| <a id=\"{code}\"></a>`{code}` | {class} | {status} | `{sqlstate}` | {title} | {action} |\n",
        class = code.class().as_str(),
        status = code.http_status(),
        sqlstate = code.sqlstate(),
        title = code.title(),
        action = code.action(),
    )
}

const ERRORS_HEAD: &str = "\
# Error codes

<!-- Generated from src/error.rs; a test keeps it equal. Refresh: UPDATE_GENERATED=1 make test -->

Every error answer is a problem document (RFC 9457, `application/problem+json`) with `type`, `title`, `status`,
`detail`, `code`, `request_id` and, where single values are wrong, `errors` (JSON pointer and reason for each).
Act on `code`: titles and details may change. The SQL door sends the SQLSTATE with the same meaning.

The class says who acts: `caller` changes the request, `auth` needs another key, `conflict` reads again,
`capacity` asks for less or later (429 and 503 carry `Retry-After` in seconds), `internal` is for the operator,
who finds the cause in the log under the `request_id`.

Refused events have codes of their own: see the column `code` of `dead_letters`.

| code | class | HTTP | SQLSTATE | meaning | what to do |
|---|---|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("reading /secret/place failed")]
    struct Inner(ErrorCode);

    impl Coded for Inner {
        fn code(&self) -> ErrorCode {
            self.0
        }
    }

    #[test]
    fn the_table_is_consistent() {
        assert!(ErrorCode::ALL.len() <= 30);
        let codes: BTreeSet<_> = ErrorCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(codes.len(), ErrorCode::ALL.len(), "codes are unique");
        for code in ErrorCode::ALL {
            assert_eq!(code.sqlstate().len(), 5, "{code}");
            assert!(!code.title().ends_with('.'), "{code}");
            let internal = code.class() == ErrorClass::Internal;
            assert_eq!(internal, code.http_status() == 500, "{code}");
            let auth_status = matches!(code.http_status(), 401 | 403);
            assert!(code.class() != ErrorClass::Auth || auth_status, "{code}");
            if code.is_retryable() {
                assert_eq!(code.class(), ErrorClass::Capacity, "{code}");
            }
        }
    }

    #[test]
    fn json_names_are_the_codes() {
        for code in ErrorCode::ALL {
            let json = serde_json::to_value(code).unwrap();
            assert_eq!(json, serde_json::json!(code.as_str()));
        }
    }

    #[test]
    fn a_problem_has_the_shape_of_the_interface() {
        let problem = Problem::new(ErrorCode::InvalidParameter, "1 parameter is invalid", "r-1")
            .with_errors(vec![FieldError {
                pointer: "/from".into(),
                detail: "expected an RFC 3339 time".into(),
            }]);
        assert_eq!(
            serde_json::to_value(&problem).unwrap(),
            serde_json::json!({
                "type": "/docs/errors#invalid_parameter",
                "title": "A parameter has an invalid value",
                "status": 422,
                "detail": "1 parameter is invalid",
                "code": "invalid_parameter",
                "request_id": "r-1",
                "errors": [{"pointer": "/from", "detail": "expected an RFC 3339 time"}],
            })
        );
    }

    #[test]
    fn internal_failures_hide_their_cause() {
        for code in ErrorCode::ALL {
            let problem = Problem::from_error(&Inner(*code), "r-1");
            let shown = problem.detail.contains("/secret/place");
            assert_eq!(shown, code.class() != ErrorClass::Internal, "{code}");
        }
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of the test run, not a setting"
    )]
    fn the_document_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ERRORS.md");
        let generated = errors_markdown();
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(committed, generated, "run with UPDATE_GENERATED=1");
    }
}
