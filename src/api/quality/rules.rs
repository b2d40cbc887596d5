//! `/v1/rules`: quality rules, with their versions.

use actix_web::http::header::{ETAG, HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::{DEFAULT_LIMIT, MAX_LIMIT, change, changed, check_id, if_match};
use crate::api::auth::Caller;
use crate::api::body::Body;
use crate::api::describe::Problems;
use crate::api::filters::Filters;
use crate::api::problem::ApiError;
use crate::api::state::State;
use crate::domain::Micros;
use crate::enrich::quality::Rule;
use crate::error::ErrorCode;
use crate::jobs::MAX_RULES;
use crate::store::article::Expected;
use crate::store::quality::{Document, DocumentKind, DocumentVersion, Stored};

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageOf {
    /// Items of the page, 1 to 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100, example = 100)]
    pub limit: Option<String>,
    /// Where the page begins: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A rule as people write it. `docs/QUALITY.md` tells the operators and their fields.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "Complaint without apology", "severity": "critical", "alert": true, "when": "a and b",
    "conditions": [
        {"id": "a", "operator": "sensitive_words", "role": "customer", "groups": ["complaint"]},
        {"id": "b", "operator": "missing_phrase", "role": "agent", "phrase": "apology",
            "anchor": {"after": "a", "within_turns": 2}}
    ]
}))]
pub struct RuleDocument {
    /// What people call it, 1 to 200 characters.
    pub name: String,
    /// What it is for.
    pub about: Option<String>,
    /// `info`, `warning` (default) or `critical`.
    pub severity: Option<String>,
    /// `interaction` (default): it hits once an interaction; `turn`: at every turn for which it is true.
    pub per: Option<String>,
    /// Whether a hit is an alert; false by default.
    pub alert: Option<bool>,
    /// What `POST /v1/rules/check` says of a message that it hits: `allow` (default), `warn` or `block`.
    pub check: Option<String>,
    /// Only on these channels; all when empty.
    pub channels: Option<Vec<String>>,
    /// Whether it is in force; true by default.
    pub enabled: Option<bool>,
    /// 1 to 16 conditions: `id` (a, b, c … by default), `operator`, `role`, `range`, `anchor`, and the operator's fields.
    #[schema(value_type = Vec<Object>)]
    pub conditions: Vec<Value>,
    /// How the conditions are combined, such as `a and not (b or c)`; all of them by default.
    pub when: Option<String>,
}

/// A rule with its identity. Its fields are those of [`RuleDocument`].
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleView {
    /// Its id.
    #[schema(example = "complaint-without-apology")]
    pub id: String,
    /// 1, 2, 3 …; findings name it.
    #[schema(example = 1)]
    pub version: i64,
    /// When its first version was written.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When this version was written.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The rule.
    #[serde(flatten)]
    #[schema(value_type = RuleDocument)]
    pub rule: Map<String, Value>,
}

impl From<Document> for RuleView {
    fn from(document: Document) -> Self {
        Self {
            id: document.id,
            version: document.version,
            created_at: Micros(document.created_at_us).to_string(),
            updated_at: Micros(document.updated_at_us).to_string(),
            rule: match document.content {
                Value::Object(rule) => rule,
                _ => Map::new(),
            },
        }
    }
}

/// A page of rules.
#[derive(Debug, Serialize, ToSchema)]
pub struct RulePage {
    /// By id.
    pub items: Vec<RuleView>,
    /// The cursor of the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// A version of a rule.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleVersion {
    /// 1, 2, 3 …
    #[schema(example = 2)]
    pub version: i64,
    /// What it said; null when it was deleted.
    #[schema(value_type = Option<RuleDocument>)]
    pub rule: Option<Value>,
    /// Who wrote it: the id of the key.
    #[schema(example = "9f86d081884c7d65")]
    pub actor: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
}

impl From<DocumentVersion> for RuleVersion {
    fn from(version: DocumentVersion) -> Self {
        Self {
            version: version.version,
            rule: version.content,
            actor: version.actor,
            at: Micros(version.at_us).to_string(),
        }
    }
}

/// The versions of a rule.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleVersions {
    /// Newest first, at most 1,000.
    pub items: Vec<RuleVersion>,
    /// Always null.
    pub next_cursor: Option<String>,
}

/// List the rules
///
/// By id.
#[utoipa::path(
    operation_id = "rules_list",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(PageOf),
    responses(
        (status = 200, description = "The rules.", body = RulePage, example = json!({
            "items": [{"id": "insult", "version": 1, "created_at": "2026-11-20T03:15:07Z",
                "updated_at": "2026-11-20T03:15:07Z", "name": "Agent insults", "severity": "critical", "alert": true,
                "conditions": [{"operator": "sensitive_words", "role": "agent", "groups": ["insult"]}]}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/rules")]
pub(in crate::api) async fn rules_list(
    state: web::Data<State>,
    query: web::Query<PageOf>,
) -> Result<web::Json<RulePage>, ApiError> {
    let (items, next_cursor) = page(&state, DocumentKind::Rule, &query).await?;
    let items = items.into_iter().map(RuleView::from).collect();
    Ok(web::Json(RulePage { items, next_cursor }))
}

/// A page of documents, and the cursor of the next one.
pub(super) async fn page(
    state: &State,
    kind: DocumentKind,
    asked: &PageOf,
) -> Result<(Vec<Document>, Option<String>), ApiError> {
    let mut filters = Filters::default();
    let limit = filters
        .whole("limit", asked.limit.as_deref(), 1..=MAX_LIMIT)
        .unwrap_or(DEFAULT_LIMIT);
    let after = filters.checked(
        "cursor",
        asked.cursor.as_deref(),
        "expected `next_cursor` of a page",
        |text| String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok(),
    );
    filters.finish()?;
    let length = u32::try_from(limit + 1).unwrap_or(u32::MAX);
    let after = after.unwrap_or_default();
    let mut found = state.store.documents(kind, &after, length).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() > wanted;
    found.truncate(wanted);
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|last| BASE64URL_NOPAD.encode(last.id.as_bytes()));
    Ok((found, next_cursor))
}

/// Create a rule
///
/// It is in force when the answer comes, in other processes within 10 seconds; it judges what is said from then on.
/// Without `id` it gets one.
#[utoipa::path(
    operation_id = "rule_create",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    request_body(content = RuleDocument, description = "The rule, and its `id` if you like.",
        content_type = "application/json"),
    responses(
        (status = 201, description = "The rule, its version in `ETag`.", body = RuleView, example = json!({
            "id": "insult", "version": 1, "created_at": "2026-11-20T03:15:07Z", "updated_at": "2026-11-20T03:15:07Z",
            "name": "Agent insults", "severity": "critical", "alert": true,
            "conditions": [{"operator": "sensitive_words", "role": "agent", "groups": ["insult"]}]
        })),
        Problems,
    ),
)]
#[post("/v1/rules")]
pub(in crate::api) async fn rule_create(
    state: web::Data<State>,
    caller: Caller,
    body: Body<Value>,
) -> Result<HttpResponse, ApiError> {
    let Body(mut rule) = body;
    let given = rule.as_object_mut().and_then(|rule| rule.remove("id"));
    let id = match given {
        None => uuid::Uuid::now_v7().to_string(),
        Some(Value::String(id)) => id,
        Some(_) => return Err(ApiError::parameter("/id", "expected a text")),
    };
    match write(&state, &caller, &id, &rule, Expected::Absent).await? {
        Stored::Created(document) | Stored::Updated(document) => Ok(answer(document, true)),
        Stored::Conflict(_) => Err(ApiError::new(
            ErrorCode::Conflict,
            "there is a rule with this id; replace it with PUT and `If-Match`",
        )),
    }
}

/// Show a rule
#[utoipa::path(
    operation_id = "rule_get",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(("id" = String, Path, description = "The rule's id.", example = "insult")),
    responses(
        (status = 200, description = "The rule, its version in `ETag`.", body = RuleView, example = json!({
            "id": "insult", "version": 1, "created_at": "2026-11-20T03:15:07Z", "updated_at": "2026-11-20T03:15:07Z",
            "name": "Agent insults", "severity": "critical", "alert": true,
            "conditions": [{"operator": "sensitive_words", "role": "agent", "groups": ["insult"]}]
        })),
        Problems,
    ),
)]
#[get("/v1/rules/{id}")]
pub(in crate::api) async fn rule_get(
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let found = state.store.document(DocumentKind::Rule, &id).await?;
    let document = found.ok_or_else(|| changed("rule", 0))?;
    Ok(answer(document, false))
}

/// Replace a rule
///
/// `If-Match` names the version that is replaced; without it the rule must not exist yet. The new version has findings
/// of its own; those of older versions stay.
#[utoipa::path(
    operation_id = "rule_put",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(
        ("id" = String, Path, description = "The rule's id.", example = "insult"),
        ("If-Match" = Option<String>, Header, description = "The version that is replaced, or *.", example = "\"1\""),
    ),
    request_body(content = RuleDocument, description = "The rule.", content_type = "application/json"),
    responses(
        (status = 200, description = "The rule, its version in `ETag`; 201 when it was created.", body = RuleView,
            example = json!({
            "id": "insult", "version": 2, "created_at": "2026-11-20T03:15:07Z", "updated_at": "2026-11-20T03:15:07Z",
            "name": "Agent insults", "severity": "critical", "alert": true,
            "conditions": [{"operator": "sensitive_words", "role": "agent", "groups": ["insult"]}]
        })),
        Problems,
    ),
)]
#[put("/v1/rules/{id}")]
pub(in crate::api) async fn rule_put(
    state: web::Data<State>,
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
    body: Body<Value>,
) -> Result<HttpResponse, ApiError> {
    let Body(mut rule) = body;
    if let Some(rule) = rule.as_object_mut() {
        // What a GET has answered may be sent back as it is.
        for name in ["id", "version", "created_at", "updated_at"] {
            rule.remove(name);
        }
    }
    let expected = if_match(&request)?.unwrap_or(Expected::Absent);
    match write(&state, &caller, &id, &rule, expected).await? {
        Stored::Created(document) => Ok(answer(document, true)),
        Stored::Updated(document) => Ok(answer(document, false)),
        Stored::Conflict(present) => Err(changed("rule", present)),
    }
}

/// Delete a rule
///
/// Its versions and its findings stay.
#[utoipa::path(
    operation_id = "rule_delete",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(
        ("id" = String, Path, description = "The rule's id.", example = "insult"),
        ("If-Match" = Option<String>, Header, description = "The version that is deleted; any without it.",
            example = "\"1\""),
    ),
    responses(
        (status = 204, description = "It is deleted and no longer in force."),
        Problems,
    ),
)]
#[delete("/v1/rules/{id}")]
pub(in crate::api) async fn rule_delete(
    state: web::Data<State>,
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let expected = if_match(&request)?.unwrap_or(Expected::Any);
    let change = change(&state, &caller);
    let deleted = state
        .store
        .delete_document(DocumentKind::Rule, &id, expected, &change)
        .await?;
    deleted.map_err(|present| changed("rule", present))?;
    state.rules.apply(&state.store).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// List the versions of a rule
///
/// Also of a deleted one. To undo a change, write an older version again.
#[utoipa::path(
    operation_id = "rule_versions",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    params(("id" = String, Path, description = "The rule's id.", example = "insult")),
    responses(
        (status = 200, description = "The versions.", body = RuleVersions, example = json!({
            "items": [{"version": 2, "rule": null, "actor": "9f86d081884c7d65", "at": "2026-11-20T03:15:07Z"}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/rules/{id}/versions")]
pub(in crate::api) async fn rule_versions(
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<web::Json<RuleVersions>, ApiError> {
    let versions = state
        .store
        .document_versions(DocumentKind::Rule, &id)
        .await?;
    if versions.is_empty() {
        return Err(changed("rule", 0));
    }
    Ok(web::Json(RuleVersions {
        items: versions.into_iter().map(RuleVersion::from).collect(),
        next_cursor: None,
    }))
}

async fn write(
    state: &State,
    caller: &Caller,
    id: &str,
    rule: &Value,
    expected: Expected,
) -> Result<Stored, ApiError> {
    check_id(id)?;
    Rule::read(rule).map_err(ApiError::parameters)?;
    let all = state.store.documents(DocumentKind::Rule, "", MAX_RULES);
    let all = all.await?;
    let is_new = !all.iter().any(|known| known.id == id);
    if is_new && all.len() >= usize::try_from(MAX_RULES).unwrap_or(usize::MAX) {
        let detail = format!("there are {MAX_RULES} rules already; delete some");
        return Err(ApiError::parameter("", detail));
    }
    state.rules.check(&state.store, id, rule).await?;
    let change = change(state, caller);
    let stored = state
        .store
        .write_document(DocumentKind::Rule, id, rule, expected, &change)
        .await?;
    if !matches!(stored, Stored::Conflict(_)) {
        state.rules.apply(&state.store).await?;
    }
    Ok(stored)
}

fn answer(document: Document, is_new: bool) -> HttpResponse {
    let mut response = if is_new {
        HttpResponse::Created()
    } else {
        HttpResponse::Ok()
    };
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", document.version)) {
        response.insert_header((ETAG, tag));
    }
    if let Ok(address) = HeaderValue::from_str(&format!("/v1/rules/{}", document.id)) {
        response.insert_header((LOCATION, address));
    }
    response.json(RuleView::from(document))
}
