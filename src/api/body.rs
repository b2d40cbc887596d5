//! Bodies of requests: read up to a limit, decoded with the place of every mistake.
//!
//! Invariants: nothing beyond the limit is kept; a mistake is named by its JSON pointer and never quoted. Not
//! here: NDJSON, which has no limit in total (`events`).

use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::future::LocalBoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::problem::{
    ApiError, MAX_BODY_BYTES, MAX_LARGE_BODY_BYTES, explain, malformed, media_type,
};
use crate::error::ErrorCode;

/// A decoded JSON body of at most `LIMIT` bytes.
pub(super) struct Body<T, const LIMIT: usize = MAX_BODY_BYTES>(pub T);

/// The body of an operation that takes many texts.
pub(super) type Large<T> = Body<T, MAX_LARGE_BODY_BYTES>;

impl<T, const LIMIT: usize> Deref for Body<T, LIMIT> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + 'static, const LIMIT: usize> FromRequest for Body<T, LIMIT> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = essence(request).as_deref() == Some("application/json");
        let payload = payload.take();
        Box::pin(async move {
            if !is_json {
                return Err(media_type());
            }
            decode(&read_up_to(payload, LIMIT).await?).map(Self)
        })
    }
}

/// The media type of a request without its parameters, in lower case.
pub(super) fn essence(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase(),
    )
}

/// Reads a body of at most [`MAX_BODY_BYTES`].
pub(super) async fn read(payload: Payload) -> Result<Bytes, ApiError> {
    read_up_to(payload, MAX_BODY_BYTES).await
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read_up_to(mut payload: Payload, limit: usize) -> Result<Bytes, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| broken_off())?;
        if body.len() + chunk.len() > limit {
            return Err(ApiError::larger_than(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The connection ended inside the body, or its framing is wrong.
pub(super) fn broken_off() -> ApiError {
    ApiError::new(
        ErrorCode::MalformedJson,
        "the body ended before its announced end",
    )
}

/// Decodes a JSON body.
pub(super) fn decode<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = pointer(error.path());
        let error = error.into_inner();
        if !error.is_data() {
            return malformed(&error);
        }
        let (field, detail) = explain(&error.to_string());
        ApiError::parameter(format!("{path}{field}"), detail)
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&part);
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Wanted {
        sql: String,
        parameters: Vec<u32>,
    }

    #[test]
    fn mistakes_have_their_place() {
        let code = |text: &str| decode::<Wanted>(text.as_bytes()).unwrap_err().code();
        assert_eq!(code("{"), ErrorCode::MalformedJson);
        assert_eq!(code("{} {}"), ErrorCode::InvalidParameter);
        assert_eq!(
            code(r#"{"sql":"","parameters":[]} x"#),
            ErrorCode::MalformedJson
        );
        let wrong = decode::<Wanted>(br#"{"sql":"","parameters":[1,"secret"]}"#).unwrap_err();
        let shown = format!("{wrong:?}");
        assert!(
            shown.contains("/parameters/1") && !shown.contains("secret"),
            "{shown}"
        );
        let missing = decode::<Wanted>(br#"{"sql":""}"#).unwrap_err();
        assert!(format!("{missing:?}").contains("/parameters"));
    }
}
