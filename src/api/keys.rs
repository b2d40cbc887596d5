//! `/v1/keys`: API keys. Every change is in the audit log of the store, in the same transaction.

use std::str::FromStr;

use actix_web::{HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::Body;
use super::describe::Problems;
use super::problem::ApiError;
use super::state::State;
use crate::domain::{Micros, Role};
use crate::error::ErrorCode;
use crate::store::{Change, Key, Revocation};

/// An API key without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// Its id; not secret.
    #[schema(example = "9f86d081884c7d65")]
    pub id: String,
    /// What people call it.
    #[schema(example = "crm")]
    pub name: String,
    /// What it may do.
    #[schema(example = "integrator")]
    pub role: String,
    /// When it was made.
    #[schema(format = DateTime, example = "2026-11-20T03:15:07Z")]
    pub created_at: String,
    /// When it was revoked; null while it is valid.
    #[schema(format = DateTime, example = json!(null))]
    pub revoked_at: Option<String>,
}

impl From<Key> for KeyView {
    fn from(key: Key) -> Self {
        Self {
            id: key.id,
            name: key.name,
            role: key.role.as_str().to_owned(),
            created_at: Micros(key.created_at_us).to_string(),
            revoked_at: key.revoked_at_us.map(|at_us| Micros(at_us).to_string()),
        }
    }
}

/// All keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyList {
    /// The keys in the order of creation, revoked ones included.
    pub items: Vec<KeyView>,
    /// Always null: the list is whole.
    pub next_cursor: Option<String>,
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "crm", "role": "integrator"}))]
pub struct KeyCreate {
    /// What people call it: 1 to 100 characters, no personal data.
    pub name: String,
    /// `ingest`, `integrator`, `analyst`, `knowledge_manager`, `quality_lead`, `planner`, `executive`, `admin`.
    pub role: String,
}

/// A key that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyCreated {
    /// The key without its secret.
    #[serde(flatten)]
    pub view: KeyView,
    /// The whole key. It is shown this once.
    #[schema(example = "tc_9f86d081884c7d65.<secret>")]
    pub key: String,
}

/// List the keys
///
/// Revoked keys are listed too. Secrets are never shown again.
#[utoipa::path(
    operation_id = "keys_list",
    tag = "keys",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("keys"))),
    responses(
        (status = 200, description = "All keys.", body = KeyList, example = json!({
            "items": [{"id": "9f86d081884c7d65", "name": "crm", "role": "integrator",
                "created_at": "2026-11-20T03:15:07Z", "revoked_at": null}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/keys")]
pub(super) async fn keys_list(state: web::Data<State>) -> Result<web::Json<KeyList>, ApiError> {
    let items = state
        .store
        .list_keys()
        .await?
        .into_iter()
        .map(KeyView::from)
        .collect();
    Ok(web::Json(KeyList {
        items,
        next_cursor: None,
    }))
}

/// Create a key
///
/// The answer is the only place that ever shows the secret.
#[utoipa::path(
    operation_id = "key_create",
    tag = "keys",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("keys"))),
    request_body(content = KeyCreate, description = "Name and role.", content_type = "application/json"),
    responses(
        (status = 201, description = "The key with its secret.", body = KeyCreated, example = json!({
            "id": "9f86d081884c7d65", "name": "crm", "role": "integrator",
            "created_at": "2026-11-20T03:15:07Z", "revoked_at": null,
            "key": "tc_9f86d081884c7d65.<secret>"
        })),
        Problems,
    ),
)]
#[post("/v1/keys")]
pub(super) async fn key_create(
    state: web::Data<State>,
    caller: Caller,
    body: Body<KeyCreate>,
) -> Result<HttpResponse, ApiError> {
    let role = Role::from_str(&body.role)
        .map_err(|error| ApiError::parameter("/role", error.to_string()))?;
    let made = state
        .store
        .create_key(&body.name, role, &change(&state, &caller))
        .await?;
    let key = made.api_key.expose().to_owned();
    Ok(HttpResponse::Created().json(KeyCreated {
        view: made.key.into(),
        key,
    }))
}

/// Revoke a key
///
/// It is refused from now on. Revoking it again changes nothing.
#[utoipa::path(
    operation_id = "key_revoke",
    tag = "keys",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("keys"))),
    params(("id" = String, Path, description = "The key's id, 16 hexadecimal digits.", example = "9f86d081884c7d65")),
    responses(
        (status = 204, description = "It is revoked."),
        Problems,
    ),
)]
#[delete("/v1/keys/{id}")]
pub(super) async fn key_revoke(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    match state
        .store
        .revoke_key(&id, &change(&state, &caller))
        .await?
    {
        Revocation::Revoked | Revocation::AlreadyRevoked => Ok(HttpResponse::NoContent().finish()),
        Revocation::NotFound => Err(ApiError::new(ErrorCode::NotFound, "there is no such key")),
    }
}

fn change<'a>(state: &State, caller: &'a Caller) -> Change<'a> {
    Change {
        actor: &caller.actor,
        request_id: &caller.request_id,
        at_us: (state.clock)().0,
    }
}
