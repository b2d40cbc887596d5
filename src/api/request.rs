//! What every request goes through: an id, the gate, problem documents, safe headers, metrics.
//!
//! Invariants: each answer carries `X-Request-Id`; each answer that is no success or redirect is a problem
//! document; logs and metrics name the route's pattern and never the path or the query string.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};

use super::auth::Gate;
use super::problem::{ApiError, from_status};
use super::state::State;
use crate::error::Problem;
use crate::telemetry;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The route of requests that no handler takes, in metrics.
const UNMATCHED: &str = "unmatched";

/// The middleware around every handler.
pub(super) async fn handle(
    state: web::Data<State>,
    gate: web::Data<Gate>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let request_id = uuid::Uuid::now_v7().to_string();
    let method = request.method().clone();
    let route = request.match_pattern();
    let path_is_page = is_page(request.path());

    let mut response = match gate.admit(&state, &request, &request_id).await {
        Err(refused) => request.into_response(refused.into_response(&request_id)),
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            let (http, answer) = next.call(request).await?.into_parts();
            ServiceResponse::new(http, render(answer.map_into_boxed_body(), &request_id))
        }
    };
    set_headers(response.headers_mut(), &request_id, path_is_page);
    let route = route.as_deref().unwrap_or(UNMATCHED);
    let status = response.status().as_u16();
    telemetry::http_request(method.as_str(), route, status, started.elapsed());
    Ok(response)
}

/// The handler's answer, with a problem document in place of every bare failure.
fn render(mut response: HttpResponse, request_id: &str) -> HttpResponse {
    let status = response.status();
    if status.is_success() || status.is_redirection() || status.is_informational() {
        return response;
    }
    if is_problem(response.headers()) {
        return response;
    }
    let failure = response.extensions_mut().remove::<ApiError>();
    failure
        .unwrap_or_else(|| from_status(status))
        .into_response(request_id)
}

fn is_problem(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes() == Problem::CONTENT_TYPE.as_bytes())
}

/// Answers what no handler took.
pub(super) async fn unmatched(
    request: HttpRequest,
    gate: web::Data<Gate>,
) -> Result<HttpResponse, ApiError> {
    Err(gate.unmatched(request.match_pattern().as_deref()))
}

/// Pages are shown by a browser; everything else is data.
fn is_page(path: &str) -> bool {
    path.starts_with("/docs")
}

fn set_headers(headers: &mut HeaderMap, request_id: &str, is_page: bool) {
    let policy = if is_page {
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
    } else {
        "default-src 'none'; frame-ancestors 'none'"
    };
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, policy);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "no-referrer");
    if !is_page {
        set(header::CACHE_CONTROL, "no-store");
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
}
