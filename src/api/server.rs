//! The HTTP port and the admin port.
//!
//! Invariants: a port is bound before [`serve`] is called, so the caller knows its address; at shutdown running
//! requests get their time, new ones are refused. Not here: TLS (a proxy in front), readiness (the wiring).

use std::net::TcpListener;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpResponse, HttpServer, get, web};
use tokio_util::sync::CancellationToken;
use utoipa_actix_web::AppExt;

use super::auth::Gate;
use super::describe::openapi;
use super::pages::pages;
use super::problem::{path_config, query_config};
use super::request::{handle, unmatched};
use super::state::State;
use crate::error::{Coded, ErrorCode};
use crate::telemetry::{Health, MetricsHandle};

/// The ports, bound.
#[derive(Debug)]
pub struct Doors {
    /// For the interface.
    pub http: TcpListener,
    /// For Prometheus.
    pub admin: TcpListener,
    /// How long running requests may take to end at shutdown.
    pub shutdown_timeout: Duration,
}

/// Why the ports cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The operating system refused.
    #[error("the HTTP ports cannot be served")]
    Port(#[source] std::io::Error),
    /// The description could not be read back.
    #[error("the description of the interface cannot be read")]
    Describe(#[source] serde_json::Error),
}

impl Coded for ServeError {
    fn code(&self) -> ErrorCode {
        ErrorCode::Internal
    }
}

/// The bounds of one connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_CONNECTIONS: usize = 2_048;

/// Serves both ports until `shutdown` is cancelled. To be polled on a Tokio runtime.
///
/// # Errors
/// When a listener cannot be used.
pub async fn serve(
    doors: Doors,
    state: web::Data<State>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let gate = web::Data::new(gate()?);
    let metrics = state.metrics.clone();
    let health = state.health.clone();
    let timeout_s = doors.shutdown_timeout.as_secs();
    let http = HttpServer::new(move || app(state.clone(), gate.clone()))
        .client_request_timeout(HEAD_TIMEOUT)
        .max_connections(MAX_CONNECTIONS)
        .shutdown_timeout(timeout_s)
        .shutdown_signal(shutdown.clone().cancelled_owned())
        .listen(doors.http)
        .map_err(ServeError::Port)?
        .run();
    let http = async { http.await.map_err(ServeError::Port) };
    let admin = serve_admin(doors.admin, metrics, health, shutdown);
    let ((), ()) = futures::try_join!(http, admin)?;
    Ok(())
}

/// Serves the admin port alone until `shutdown` is cancelled.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve_admin(
    door: TcpListener,
    metrics: MetricsHandle,
    health: Health,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let admin = HttpServer::new(move || {
        let metrics = web::Data::new(metrics.clone());
        let health = web::Data::new(health.clone());
        App::new()
            .app_data(metrics)
            .app_data(health)
            .service(prometheus)
    });
    let admin = admin
        .workers(1)
        .shutdown_timeout(1)
        .shutdown_signal(shutdown.cancelled_owned())
        .listen(door)
        .map_err(ServeError::Port)?
        .run();
    admin.await.map_err(ServeError::Port)
}

/// The permissions of all operations, read from the description.
pub(super) fn gate() -> Result<Gate, ServeError> {
    let description = serde_json::to_value(openapi()).map_err(ServeError::Describe)?;
    Ok(Gate::new(&description))
}

/// The application of the HTTP port.
pub(super) fn app(
    state: web::Data<State>,
    gate: web::Data<Gate>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let (app, _) = App::new()
        .into_utoipa_app()
        .configure(super::routes)
        .split_for_parts();
    app.configure(pages)
        .app_data(state)
        .app_data(gate)
        .app_data(path_config())
        .app_data(query_config())
        .default_service(web::to(unmatched))
        .wrap(from_fn(handle))
}

#[get("/metrics")]
async fn prometheus(metrics: web::Data<MetricsHandle>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(metrics.render())
}
