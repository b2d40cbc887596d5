//! Failures on their way out: every answer that is no success is a problem document.
//!
//! Invariants: the text of an internal failure reaches the log once and the caller never; a problem never
//! quotes the request. Not here: which code a failure has (the modules know, see [`crate::error`]).

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::error::{PathError, QueryPayloadError};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};

use super::describe::DescribeError;
use crate::error::{Coded, ErrorClass, ErrorCode, FieldError, Problem};
use crate::query::QueryError;
use crate::store::StoreError;

/// Largest body but for NDJSON, bytes.
pub(super) const MAX_BODY_BYTES: usize = 1 << 20;

/// Seconds that a caller is asked to wait before it tries again.
const RETRY_AFTER_S: &str = "2";

/// A failed request.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    code: ErrorCode,
    /// What the caller reads.
    detail: String,
    errors: Vec<FieldError>,
    /// What the operator reads, for failures of ours.
    cause: Option<String>,
    /// Boxed to keep results small.
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl ApiError {
    /// A failure with a text for the caller.
    pub(super) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            cause: None,
            header: None,
        }
    }

    /// A failure of ours: `cause` is for the log.
    pub(super) fn internal(cause: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorCode::Internal, "the cause is in the server's log");
        error.cause = Some(cause.into());
        error
    }

    /// One wrong parameter; `pointer` is `/name`.
    pub(super) fn parameter(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let errors = vec![FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        }];
        Self::parameters(errors)
    }

    /// Several wrong parameters.
    pub(super) fn parameters(errors: Vec<FieldError>) -> Self {
        let detail = match errors.len() {
            1 => "1 parameter is invalid".to_owned(),
            n => format!("{n} parameters are invalid"),
        };
        Self::new(ErrorCode::InvalidParameter, detail).with_errors(errors)
    }

    pub(super) fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// A body beyond its limit.
    pub(super) fn too_large() -> Self {
        Self::too_large_for(MAX_BODY_BYTES)
    }

    /// A body beyond the limit of its operation, which is whole MiB.
    pub(super) fn too_large_for(limit: usize) -> Self {
        let detail = format!("the limit is {limit} bytes ({} MiB)", limit >> 20);
        Self::new(ErrorCode::PayloadTooLarge, detail)
    }

    /// The code of this failure.
    #[cfg(test)]
    pub(super) const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The answer; internal failures are logged here, once.
    pub(super) fn into_response(self, request_id: &str) -> HttpResponse {
        let problem = Problem::new(self.code, self.detail, request_id).with_errors(self.errors);
        if self.code.class() == ErrorClass::Internal {
            let cause = self.cause.unwrap_or_default();
            tracing::error!(request.id = request_id, error.code = %self.code, cause, "request failed");
        }
        respond(&problem, self.header)
    }
}

/// A problem as an answer.
fn respond(problem: &Problem, header: Option<Box<(HeaderName, HeaderValue)>>) -> HttpResponse {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    builder.content_type(Problem::CONTENT_TYPE);
    if problem.code.is_retryable() {
        builder.insert_header((header::RETRY_AFTER, RETRY_AFTER_S));
    }
    if problem.code == ErrorCode::Unauthenticated {
        builder.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    if let Some(header) = header {
        builder.insert_header(*header);
    }
    builder.body(serde_json::to_vec(problem).unwrap_or_default())
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// A bare answer; the middleware that knows the request's id writes the problem.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::new(self.status_code());
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl ApiError {
    /// The failure that `error` is; `cause` is what the log may say of an internal one.
    fn of(error: &dyn Coded, cause: impl FnOnce() -> String) -> Self {
        let code = error.code();
        if code.class() != ErrorClass::Internal {
            return Self::new(code, error.to_string()).with_errors(error.field_errors());
        }
        let mut internal = Self::internal(cause());
        internal.code = code;
        internal
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::of(&error, || chain(&error))
    }
}

impl From<QueryError> for ApiError {
    /// The causes of a query's failure can quote rows, so its own text has to do.
    fn from(error: QueryError) -> Self {
        Self::of(&error, || error.to_string())
    }
}

impl From<DescribeError> for ApiError {
    fn from(error: DescribeError) -> Self {
        Self::internal(error.to_string())
    }
}

/// An error with its causes, for the log.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// The failure that a bare status stands for.
pub(super) fn from_status(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::new(ErrorCode::NotFound, "there is no such path"),
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => media_type(),
        status if status.is_client_error() => {
            ApiError::new(ErrorCode::InvalidParameter, "the request cannot be read")
        }
        status => ApiError::internal(format!("status {status} without a cause")),
    }
}

/// A body of another media type than JSON.
pub(super) fn media_type() -> ApiError {
    ApiError::new(
        ErrorCode::UnsupportedMediaType,
        "send `Content-Type: application/json`",
    )
}

/// How paths that cannot be read are answered.
pub(super) fn path_config() -> web::PathConfig {
    web::PathConfig::default().error_handler(|_: PathError, _: &HttpRequest| {
        ApiError::new(ErrorCode::NotFound, "the path cannot be read").into()
    })
}

/// How query strings that cannot be read are answered.
pub(super) fn query_config() -> web::QueryConfig {
    web::QueryConfig::default().error_handler(|error, _| {
        let QueryPayloadError::Deserialize(error) = error else {
            return ApiError::parameter("", "the query string cannot be read").into();
        };
        let (pointer, detail) = explain(&error.to_string());
        ApiError::parameter(pointer, detail).into()
    })
}

/// A body that is no JSON.
pub(super) fn malformed(error: &serde_json::Error) -> ApiError {
    let what = if error.is_eof() {
        "it stops in the middle"
    } else {
        "it is not JSON"
    };
    let detail = format!("{what}, at line {} column {}", error.line(), error.column());
    ApiError::new(ErrorCode::MalformedJson, detail)
}

/// A deserialiser's message as pointer and detail, without the value that it quotes.
pub(super) fn explain(message: &str) -> (String, String) {
    let between = |prefix: &str| {
        let rest = message.split_once(prefix)?.1;
        rest.split_once('`').map(|(name, _)| name.to_owned())
    };
    if let Some(name) = between("missing field `") {
        return (format!("/{name}"), "it is missing".to_owned());
    }
    if let Some(name) = between("duplicate field `") {
        return (format!("/{name}"), "it is there more than once".to_owned());
    }
    // The name of an unknown field is the caller's text; what is known instead is ours.
    let expected = message.find("expected ").and_then(|at| message.get(at..));
    let expected = expected.and_then(|text| text.split(" at line ").next());
    (
        String::new(),
        expected.unwrap_or("it cannot be read").to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_deserialiser_quotes_is_not_shown() {
        #[derive(serde::Deserialize, Debug)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only read")]
        struct Body {
            limit: u32,
        }
        let explained =
            |text: &str| explain(&serde_json::from_str::<Body>(text).unwrap_err().to_string());
        assert_eq!(explained("{}"), ("/limit".into(), "it is missing".into()));
        for text in [r#"{"limit":"13812345678"}"#, r#"{"13812345678":1}"#] {
            let (_, detail) = explained(text);
            assert!(
                detail.starts_with("expected ") && !detail.contains("138"),
                "{detail}"
            );
        }
    }

    #[test]
    fn what_a_failed_query_has_read_reaches_no_log() {
        let source = datafusion::error::DataFusionError::Execution("13812345678".into());
        let error = QueryError::Internal {
            what: "reading rows",
            source: Some(source.into()),
        };
        assert!(!format!("{:?}", ApiError::from(error)).contains("138"));
    }

    #[test]
    fn causes_of_internal_failures_stay_inside() {
        let error = ApiError::internal("/secret/place");
        assert!(!error.to_string().contains("secret"));
        assert_eq!(error.status_code().as_u16(), 500);
        let response = ApiError::new(ErrorCode::Overloaded, "full").into_response("r-1");
        assert_eq!(
            response.headers().get(header::RETRY_AFTER).unwrap(),
            RETRY_AFTER_S
        );
    }
}
