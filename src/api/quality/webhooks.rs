//! `/v1/webhooks`: where alerts are sent.

use actix_web::{HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::change;
use crate::api::auth::Caller;
use crate::api::body::Body;
use crate::api::describe::Problems;
use crate::api::problem::ApiError;
use crate::api::state::State;
use crate::domain::{Micros, listed};
use crate::enrich::quality::Severity;
use crate::error::{ErrorCode, FieldError};
use crate::sink::Message;
use crate::store::quality::Webhook;

const MAX_WEBHOOKS: usize = 100;
const MAX_RULES: usize = 1_000;
const MAX_URL_CHARS: usize = 2_000;

/// Where alerts shall be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "http://127.0.0.1:9000/alerts", "severities": ["critical"]}))]
pub struct WebhookCreate {
    /// An address whose host is among `webhooks.allowed_hosts` of the settings.
    pub url: String,
    /// Only alerts of these rules; all without it.
    pub rules: Option<Vec<String>>,
    /// Only alerts of these severities; all without it.
    pub severities: Option<Vec<String>>,
}

/// A webhook without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookView {
    /// Its id.
    #[schema(example = "0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")]
    pub id: String,
    /// Its address.
    #[schema(example = "http://127.0.0.1:9000/alerts")]
    pub url: String,
    /// Only alerts of these rules; all when empty.
    pub rules: Vec<String>,
    /// Only alerts of these severities; all when empty.
    pub severities: Vec<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When something arrived last, as far as this process knows.
    #[schema(format = DateTime)]
    pub delivered_at: Option<String>,
    /// Why the last attempt failed; null when it did not.
    pub failure: Option<String>,
    /// Alerts that did not arrive within a day and were given up, since this process began.
    pub given_up: u64,
}

/// A webhook that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookCreated {
    /// The webhook without its secret.
    #[serde(flatten)]
    pub view: WebhookView,
    /// The secret of the signature. It is shown this once.
    #[schema(example = "whs_<secret>")]
    pub secret: String,
}

/// All webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookList {
    /// Oldest first.
    pub items: Vec<WebhookView>,
    /// Always null: the list is whole.
    pub next_cursor: Option<String>,
}

/// What became of a test.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookTested {
    /// Whether the address answered with success.
    pub delivered: bool,
    /// The status of its answer, if it answered.
    #[schema(example = 200)]
    pub status: Option<u16>,
    /// Why it failed.
    pub failure: Option<String>,
}

fn view(state: &State, webhook: Webhook) -> WebhookView {
    let words = |name: &str| {
        let list = webhook.filter.get(name).and_then(Value::as_array);
        let words = list.into_iter().flatten().filter_map(Value::as_str);
        words.map(str::to_owned).collect()
    };
    let known = state.webhooks.state(&webhook.id);
    WebhookView {
        rules: words("rules"),
        severities: words("severities"),
        id: webhook.id,
        url: webhook.url,
        created_at: Micros(webhook.created_at_us).to_string(),
        delivered_at: known.delivered_at.map(|at| at.to_string()),
        failure: known.failure,
        given_up: known.given_up,
    }
}

/// List the webhooks
///
/// Secrets are never shown again.
#[utoipa::path(
    operation_id = "webhooks_list",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    responses(
        (status = 200, description = "All webhooks.", body = WebhookList, example = json!({
            "items": [{"id": "0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77", "url": "http://127.0.0.1:9000/alerts",
                "rules": [], "severities": ["critical"], "created_at": "2026-11-20T03:15:07Z", "delivered_at": null,
                "failure": null, "given_up": 0}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/webhooks")]
pub(in crate::api) async fn webhooks_list(
    state: web::Data<State>,
) -> Result<web::Json<WebhookList>, ApiError> {
    let found = state.store.webhooks().await?;
    let items = found.into_iter().map(|webhook| view(&state, webhook));
    Ok(web::Json(WebhookList {
        items: items.collect(),
        next_cursor: None,
    }))
}

/// Create a webhook
///
/// Alerts that are raised from now on are posted to it, at least once, signed: header `Tingchao-Signature` is `v1=` and
/// the HMAC-SHA-256 of `<Tingchao-Id>.<Tingchao-Timestamp>.<body>` under the secret. What does not arrive is sent again
/// after 1, 2, 4 … 300 seconds, for a day.
#[utoipa::path(
    operation_id = "webhook_create",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    request_body(content = WebhookCreate, description = "Address and filters.", content_type = "application/json"),
    responses(
        (status = 201, description = "The webhook with its secret.", body = WebhookCreated, example = json!({
            "id": "0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77", "url": "http://127.0.0.1:9000/alerts", "rules": [],
            "severities": ["critical"], "created_at": "2026-11-20T03:15:07Z", "delivered_at": null, "failure": null,
            "given_up": 0, "secret": "whs_<secret>"
        })),
        Problems,
    ),
)]
#[post("/v1/webhooks")]
pub(in crate::api) async fn webhook_create(
    state: web::Data<State>,
    caller: Caller,
    body: Body<WebhookCreate>,
) -> Result<HttpResponse, ApiError> {
    let Body(asked) = body;
    check(&state, &asked)?;
    if state.store.webhooks().await?.len() >= MAX_WEBHOOKS {
        let detail = format!("there are {MAX_WEBHOOKS} webhooks already; delete some");
        return Err(ApiError::parameter("", detail));
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| ApiError::internal(error.to_string()))?;
    let webhook = Webhook {
        id: uuid::Uuid::now_v7().to_string(),
        url: asked.url,
        secret: format!("whs_{}", data_encoding::BASE64URL_NOPAD.encode(&secret)),
        filter: json!({
            "rules": asked.rules.unwrap_or_default(),
            "severities": asked.severities.unwrap_or_default(),
        }),
        created_at_us: (state.clock)().0,
    };
    let failed = |error| ApiError::internal(crate::api::problem::chain(&error));
    state.webhooks.begin(&webhook.id).await.map_err(failed)?;
    let change = change(&state, &caller);
    state.store.add_webhook(&webhook, &change).await?;
    state.webhooks.changed();
    let secret = webhook.secret.clone();
    Ok(HttpResponse::Created().json(WebhookCreated {
        view: view(&state, webhook),
        secret,
    }))
}

fn check(state: &State, asked: &WebhookCreate) -> Result<(), ApiError> {
    let mut mistakes = Vec::new();
    let mut wrong = |pointer: String, detail: String| mistakes.push(FieldError { pointer, detail });
    if asked.url.len() > MAX_URL_CHARS {
        wrong(
            "/url".into(),
            format!("expected at most {MAX_URL_CHARS} characters"),
        );
    } else if let Err(why) = state.webhooks.client().allowed().check(&asked.url) {
        wrong("/url".into(), why);
    }
    if asked
        .rules
        .as_ref()
        .is_some_and(|rules| rules.len() > MAX_RULES)
    {
        wrong(
            "/rules".into(),
            format!("expected at most {MAX_RULES} rules"),
        );
    }
    let words = Severity::ALL.map(Severity::as_str);
    for (place, given) in asked.severities.iter().flatten().enumerate() {
        if !words.contains(&given.as_str()) {
            let known = listed(given, words);
            wrong(
                format!("/severities/{place}"),
                format!("expected one of {known}"),
            );
        }
    }
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(ApiError::parameters(mistakes))
    }
}

/// Delete a webhook
///
/// Nothing is sent to it any more.
#[utoipa::path(
    operation_id = "webhook_delete",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(("id" = String, Path, description = "The webhook's id.", example = "0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")),
    responses(
        (status = 204, description = "It is deleted."),
        Problems,
    ),
)]
#[delete("/v1/webhooks/{id}")]
pub(in crate::api) async fn webhook_delete(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let change = change(&state, &caller);
    if !state.store.delete_webhook(&id, &change).await? {
        return Err(missing());
    }
    let failed = |error| ApiError::internal(crate::api::problem::chain(&error));
    state.webhooks.forget(&id).await.map_err(failed)?;
    Ok(HttpResponse::NoContent().finish())
}

fn missing() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "there is no such webhook")
}

/// Test a webhook
///
/// Sends an alert of the type `tingchao.alert.v1` with `data.test` true, signed like any other, once.
#[utoipa::path(
    operation_id = "webhook_test",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(("id" = String, Path, description = "The webhook's id.", example = "0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")),
    responses(
        (status = 200, description = "What became of it.", body = WebhookTested, example = json!({
            "delivered": true, "status": 200, "failure": null
        })),
        Problems,
    ),
)]
#[post("/v1/webhooks/{id}/test")]
pub(in crate::api) async fn webhook_test(
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<web::Json<WebhookTested>, ApiError> {
    let found = state.store.webhooks().await?;
    let webhook = found.into_iter().find(|webhook| webhook.id == *id);
    let webhook = webhook.ok_or_else(missing)?;
    let now = (state.clock)();
    let test_id = format!("test-{}", uuid::Uuid::now_v7());
    let body = json!({
        "specversion": "1.0", "id": test_id, "source": "/tingchao/alerts",
        "type": crate::contract::ALERT_TYPE, "time": now.to_string(), "data": {"test": true},
    })
    .to_string();
    let message = Message {
        id: &test_id,
        at_s: now.0 / 1_000_000,
        body: &body,
    };
    let client = state.webhooks.client();
    let sent = client.deliver(&webhook.url, &webhook.secret, message).await;
    Ok(web::Json(match sent {
        Ok(status) => WebhookTested {
            delivered: true,
            status: Some(status),
            failure: None,
        },
        Err(error) => WebhookTested {
            delivered: false,
            status: error.status(),
            failure: Some(error.to_string()),
        },
    }))
}
