//! Who asks, and whether they may.
//!
//! Every operation states in its description (`x-permission`) what it needs; [`Gate`] is built from that
//! description, so an operation that is not described, or whose permission is forgotten, is closed to all.
//! Invariants: the check comes before the body is read; a key that is sent always counts, also in the demo;
//! without a key only a loopback peer of the demo is let in, and only under a loopback name (`Host`, `Origin`),
//! so that a page in a browser cannot reach in through a name of its own. Not here: rows and columns (`query`).

use std::collections::HashMap;
use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures::future::{Ready, ready};

use super::problem::ApiError;
use super::state::State;
use crate::domain::{Permission, Role};
use crate::error::ErrorCode;
use crate::telemetry;

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// The id of the key, or `demo`.
    pub actor: String,
    /// What they may do.
    pub role: Role,
    /// The id of the request.
    pub request_id: String,
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        let caller = request.extensions().get::<Self>().cloned();
        ready(caller.ok_or_else(|| ApiError::internal("a handler without the gate")))
    }
}

/// Through which door a request comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Door {
    /// The HTTP port.
    #[default]
    Network,
    /// The socket in the data folder. The operating system lets nobody but the folder's owner through, who could
    /// as well read and write its files.
    Folder,
}

impl Door {
    /// Who the audit log names for what comes by the socket.
    const FOLDER_ACTOR: &'static str = "cli";
}

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing: health.
    Nothing,
    /// A key whose role has this permission.
    Permission(Permission),
    /// It does not say: nobody may.
    Unsaid,
}

/// The operations, by path pattern and method.
#[derive(Debug, Default)]
pub(super) struct Gate {
    operations: HashMap<String, Vec<(Method, Needs)>>,
}

impl Gate {
    /// Reads the operations from the serialised description.
    pub(super) fn new(openapi: &serde_json::Value) -> Self {
        let mut gate = Self::default();
        let paths = openapi.get("paths").and_then(serde_json::Value::as_object);
        for (path, item) in paths.into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let Ok(method) = method.to_uppercase().parse() else {
                    continue;
                };
                let needs = needs_of(operation);
                gate.operations
                    .entry(path.clone())
                    .or_default()
                    .push((method, needs));
            }
        }
        gate
    }

    /// What the operation needs; `None` when it is not there.
    fn needs(&self, pattern: Option<&str>, method: &Method) -> Option<Needs> {
        let operations = self.operations.get(pattern?)?;
        operations
            .iter()
            .find(|(known, _)| known == method)
            .map(|(_, needs)| *needs)
    }

    /// The failure of a path that no handler took.
    pub(super) fn unmatched(&self, pattern: Option<&str>) -> ApiError {
        let Some(known) = pattern.and_then(|pattern| self.operations.get(pattern)) else {
            return ApiError::new(ErrorCode::NotFound, "there is no such path");
        };
        let methods: Vec<&str> = known.iter().map(|(method, _)| method.as_str()).collect();
        let methods = methods.join(", ");
        let error = ApiError::new(
            ErrorCode::MethodNotAllowed,
            format!("the methods here are {methods}"),
        );
        match HeaderValue::from_str(&methods) {
            Ok(methods) => error.with_header(header::ALLOW, methods),
            Err(_) => error,
        }
    }

    /// Lets the request in, or says why not. `None` is a caller that needs no key.
    ///
    /// # Errors
    /// 401 without a valid key, 403 when its role may not do this.
    pub(super) async fn admit(
        &self,
        state: &State,
        request: &ServiceRequest,
        request_id: &str,
    ) -> Result<Option<Caller>, ApiError> {
        let door = request.app_data::<Door>().copied().unwrap_or_default();
        if state.demo && door == Door::Network {
            check_names(request.headers(), request.uri().host())?;
        }
        if !request.path().starts_with("/v1/") {
            return Ok(None);
        }
        let pattern = request.match_pattern();
        let needs = self.needs(pattern.as_deref(), request.method());
        if needs == Some(Needs::Nothing) {
            return Ok(None);
        }
        let peer = request.peer_addr().map(|peer| peer.ip());
        let (actor, role) = match door {
            Door::Folder => (Door::FOLDER_ACTOR.to_owned(), Role::Admin),
            Door::Network => authenticate(state, request.headers(), peer).await?,
        };
        match needs {
            Some(Needs::Unsaid) => Err(ApiError::internal("an operation without a permission")),
            Some(Needs::Permission(permission)) if !role.allows(permission) => {
                let detail = format!("the role `{role}` has no permission `{permission}`");
                Err(ApiError::new(ErrorCode::Forbidden, detail))
            }
            // What is not there goes on to the handler of unmatched requests.
            _ => Ok(Some(Caller {
                actor,
                role,
                request_id: request_id.to_owned(),
            })),
        }
    }
}

fn needs_of(operation: &serde_json::Value) -> Needs {
    let word = operation
        .get("x-permission")
        .and_then(serde_json::Value::as_str);
    if word == Some("none") {
        return Needs::Nothing;
    }
    let mut all = Permission::ALL.into_iter();
    let found = all.find(|permission| Some(permission.as_str()) == word);
    found.map_or(Needs::Unsaid, Needs::Permission)
}

async fn authenticate(
    state: &State,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Result<(String, Role), ApiError> {
    if headers.contains_key(header::AUTHORIZATION) {
        let principal = match bearer(headers) {
            Some(key) => state.store.authenticate(key).await?,
            None => None,
        };
        return principal
            .map(|found| (found.key_id, found.role))
            .ok_or_else(refuse_key);
    }
    if state.demo && peer.is_some_and(|peer| peer.to_canonical().is_loopback()) {
        return Ok(("demo".to_owned(), Role::Admin));
    }
    Err(refuse_key())
}

fn refuse_key() -> ApiError {
    telemetry::refused_key();
    let detail = "send `Authorization: Bearer <key>` with a key that is not revoked";
    ApiError::new(ErrorCode::Unauthenticated, detail)
}

/// The key of the one `Authorization` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// In the demo the server answers to loopback names alone, and only pages of its own may ask.
fn check_names(headers: &HeaderMap, uri_host: Option<&str>) -> Result<(), ApiError> {
    let text = |name: HeaderName| match headers.get(name) {
        Some(value) => value.to_str().map(Some),
        None => Ok(None),
    };
    let (Ok(host), Ok(origin)) = (text(header::HOST), text(header::ORIGIN)) else {
        return Err(foreign_name());
    };
    let host = host.map(host_name).or(uri_host);
    let origin = origin.map(|origin| {
        origin
            .split_once("://")
            .map_or("", |(_, rest)| host_name(rest))
    });
    match (host, origin) {
        (Some(host), None) if is_loopback_name(host) => Ok(()),
        (Some(host), Some(origin)) if is_loopback_name(host) && is_loopback_name(origin) => Ok(()),
        _ => Err(foreign_name()),
    }
}

fn foreign_name() -> ApiError {
    let detail = "the demo answers to localhost, 127.0.0.1 and [::1] alone";
    ApiError::new(ErrorCode::Forbidden, detail)
}

/// `host[:port]` without the port.
fn host_name(authority: &str) -> &str {
    if authority.starts_with('[') {
        return authority.split_inclusive(']').next().unwrap_or(authority);
    }
    authority.split(':').next().unwrap_or(authority)
}

fn is_loopback_name(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn checked(pairs: &[(&str, &str)]) -> bool {
        let mut request = TestRequest::get();
        for pair in pairs {
            request = request.insert_header(*pair);
        }
        check_names(request.to_http_request().headers(), None).is_ok()
    }

    #[test]
    fn only_loopback_names_reach_the_demo() {
        for host in [
            "localhost:8080",
            "LOCALHOST",
            "127.0.0.1:1",
            "[::1]:8080",
            "[::1]",
        ] {
            assert!(checked(&[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:8080",
            "127.0.0.1.nip.example",
            "",
        ] {
            assert!(!checked(&[("host", host)]), "{host}");
        }
        assert!(checked(&[
            ("host", "localhost"),
            ("origin", "http://127.0.0.1:8080")
        ]));
        assert!(!checked(&[
            ("host", "localhost"),
            ("origin", "https://evil.example")
        ]));
        assert!(!checked(&[("host", "localhost"), ("origin", "null")]));
        assert!(!checked(&[]));
    }

    #[test]
    fn one_bearer_header_is_read() {
        let read = |value: &str| {
            let request = TestRequest::get().insert_header(("authorization", value));
            bearer(request.to_http_request().headers()).map(str::to_owned)
        };
        assert_eq!(read("Bearer tc_1.2").as_deref(), Some("tc_1.2"));
        assert_eq!(read("bearer  tc_1.2").as_deref(), Some("tc_1.2"));
        assert_eq!(read("Basic abc"), None);
        assert_eq!(read("Bearer"), None);
        let twice = TestRequest::get()
            .append_header(("authorization", "Bearer a"))
            .append_header(("authorization", "Bearer b"));
        assert_eq!(bearer(twice.to_http_request().headers()), None);
    }

    #[test]
    fn an_operation_without_a_permission_is_closed() {
        let gate = Gate::new(&serde_json::json!({"paths": {
            "/v1/a": {"get": {"x-permission": "sql"}, "post": {}},
            "/v1/b": {"get": {"x-permission": "none"}},
        }}));
        assert_eq!(
            gate.needs(Some("/v1/a"), &Method::GET),
            Some(Needs::Permission(Permission::Sql))
        );
        assert_eq!(
            gate.needs(Some("/v1/a"), &Method::POST),
            Some(Needs::Unsaid)
        );
        assert_eq!(gate.needs(Some("/v1/a"), &Method::PUT), None);
        assert_eq!(
            gate.needs(Some("/v1/b"), &Method::GET),
            Some(Needs::Nothing)
        );
        assert_eq!(
            gate.unmatched(Some("/v1/a")).code(),
            ErrorCode::MethodNotAllowed
        );
        assert_eq!(gate.unmatched(None).code(), ErrorCode::NotFound);
    }
}
