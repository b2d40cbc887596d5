//! `GET /v1/health/*`: for orchestrators, without a key.

use actix_web::{get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::describe::Problems;
use super::problem::ApiError;
use super::state::State;
use crate::error::{ErrorCode, FieldError};
use crate::telemetry::HealthReport;

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alive {
    /// Always true.
    pub alive: bool,
}

/// Whether the process lives
#[utoipa::path(
    operation_id = "health_live",
    tag = "system",
    security(()),
    extensions(("x-permission" = json!("none"))),
    responses(
        (status = 200, description = "It answers.", body = Alive, example = json!({"alive": true})),
        Problems,
    ),
)]
#[get("/v1/health/live")]
pub(super) async fn health_live() -> web::Json<Alive> {
    web::Json(Alive { alive: true })
}

/// Whether events and queries are answered
///
/// 503 names the parts that are missing.
#[utoipa::path(
    operation_id = "health_ready",
    tag = "system",
    security(()),
    extensions(("x-permission" = json!("none"))),
    responses(
        (status = 200, description = "Everything is ready.", body = HealthReport, example = json!({
            "ready": true, "components": [{"name": "lake", "ready": true}]
        })),
        Problems,
    ),
)]
#[get("/v1/health/ready")]
pub(super) async fn health_ready(
    state: web::Data<State>,
) -> Result<web::Json<HealthReport>, ApiError> {
    let report = state.health.report();
    if report.ready {
        return Ok(web::Json(report));
    }
    let missing = report
        .components
        .into_iter()
        .filter(|component| !component.ready);
    let errors: Vec<FieldError> = missing
        .map(|component| FieldError {
            pointer: format!("/components/{}", component.name),
            detail: component.reason.unwrap_or_default(),
        })
        .collect();
    let detail = format!("{} components are not ready", errors.len());
    Err(ApiError::new(ErrorCode::NotReady, detail).with_errors(errors))
}
