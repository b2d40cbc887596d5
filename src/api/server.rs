//! The HTTP port, the admin port and the socket in the data folder.
//!
//! Invariants: a port is bound before [`serve`] is called, so the caller knows its address; at shutdown running
//! requests get their time, new ones are refused; with a certificate both ports speak TLS and nothing else. Not
//! here: which addresses need TLS (`config`), readiness (the wiring).

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpResponse, HttpServer, get, web};
use tokio_util::sync::CancellationToken;
use utoipa_actix_web::AppExt;

use super::auth::{Door, Gate};
use super::describe::openapi;
use super::pages::pages;
use super::problem::{path_config, query_config};
use super::request::{handle, unmatched};
use super::state::State;
use super::tls::Tls;
use crate::error::{Coded, ErrorCode};
use crate::telemetry::{Health, MetricsHandle};

/// The ports, bound.
#[derive(Debug)]
pub struct Doors {
    /// For the interface.
    pub http: TcpListener,
    /// For Prometheus.
    pub admin: TcpListener,
    /// For the commands of the folder's owner, without a key; the caller sees to it that nobody else can open it.
    pub folder: Option<UnixListener>,
    /// The certificate of both ports; without it they speak plain HTTP.
    pub tls: Option<Tls>,
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
    let folder = doors.folder.map(|socket| {
        let (state, gate) = (state.clone(), gate.clone());
        let folder = HttpServer::new(move || app(state.clone(), gate.clone(), Door::Folder))
            .workers(1)
            .client_request_timeout(HEAD_TIMEOUT)
            .shutdown_timeout(timeout_s)
            .shutdown_signal(shutdown.clone().cancelled_owned())
            .listen_uds(socket);
        folder.map(HttpServer::run)
    });
    let http = HttpServer::new(move || app(state.clone(), gate.clone(), Door::Network))
        .client_request_timeout(HEAD_TIMEOUT)
        .max_connections(MAX_CONNECTIONS)
        .shutdown_timeout(timeout_s)
        .shutdown_signal(shutdown.clone().cancelled_owned());
    let http = match &doors.tls {
        Some(tls) => http.listen_rustls_0_23(doors.http, tls.server_config()),
        None => http.listen(doors.http),
    };
    let http = http.map_err(ServeError::Port)?.run();
    let http = async { http.await.map_err(ServeError::Port) };
    let folder = folder.transpose().map_err(ServeError::Port)?;
    let folder = async {
        match folder {
            Some(folder) => folder.await.map_err(ServeError::Port),
            None => Ok(()),
        }
    };
    let admin = serve_admin(doors.admin, doors.tls.as_ref(), metrics, health, shutdown);
    let ((), (), ()) = futures::try_join!(http, admin, folder)?;
    Ok(())
}

/// Serves the admin port alone until `shutdown` is cancelled; with `tls` it speaks TLS.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve_admin(
    door: TcpListener,
    tls: Option<&Tls>,
    metrics: MetricsHandle,
    health: Health,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let metrics = web::Data::new(metrics);
    let health = web::Data::new(health);
    let admin = HttpServer::new(move || {
        App::new()
            .app_data(metrics.clone())
            .app_data(health.clone())
            .service(prometheus)
    })
    .workers(1)
    .shutdown_timeout(1)
    .shutdown_signal(shutdown.cancelled_owned());
    let admin = match tls {
        Some(tls) => admin.listen_rustls_0_23(door, tls.server_config()),
        None => admin.listen(door),
    };
    let admin = admin.map_err(ServeError::Port)?.run();
    admin.await.map_err(ServeError::Port)
}

/// The permissions of all operations, read from the description.
pub(super) fn gate() -> Result<Gate, ServeError> {
    let description = serde_json::to_value(openapi()).map_err(ServeError::Describe)?;
    Ok(Gate::new(&description))
}

/// The application behind `door`.
pub(super) fn app(
    state: web::Data<State>,
    gate: web::Data<Gate>,
    door: Door,
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
        .app_data(door)
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
