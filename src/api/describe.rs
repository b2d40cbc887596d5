//! The description of the interface, as OpenAPI 3.1, and what all operations share in it.
//!
//! [`openapi`] is the only builder: it runs the same registration as the server. Invariants: `openapi.yaml` in
//! the package equals it (a test), and the test holds it to rules: every operation has an id, a summary, a tag
//! of the list, a permission, an example on success and problem documents on failure; every property is
//! described; every reference resolves.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::App;
use serde::Serialize;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Server};
use utoipa::{IntoResponses, Modify, OpenApi as _, ToSchema};
use utoipa_actix_web::AppExt;

use crate::error::{ErrorCode, FieldError, Problem};

/// The tags of operations, with what they are about.
pub(super) const TAGS: [(&str, &str); 12] = [
    ("events", "Events in."),
    (
        "interactions",
        "Interactions, with their legs, turns and timeline.",
    ),
    (
        "profiles",
        "What is known of customers, agents and the operation.",
    ),
    ("routing", "Who is served next, and by whom."),
    ("metrics", "Definitions of KPIs, and what they say."),
    ("topics", "What customers ask for."),
    ("knowledge", "Articles, and search in them."),
    ("interventions", "Dated changes, and whether they helped."),
    ("sql", "SQL and named queries."),
    ("keys", "API keys."),
    ("analysis", "Texts in, what they say out."),
    ("system", "Health and sources."),
];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Tingchao",
        description = "Contact-centre analytics: interaction events in, redacted rows, metrics and answers out. \
            Every failure is a problem document (RFC 9457) with a stable `code`; see `/docs/errors`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(),
    ),
    components(schemas(Problem, FieldError)),
    modifiers(&Base),
)]
struct Document;

struct Base;

impl Modify for Base {
    fn modify(&self, openapi: &mut OpenApi) {
        openapi.info.contact = None;
        openapi.servers = Some(vec![Server::new("/")]);
        let tags = TAGS.iter().map(|(name, about)| {
            utoipa::openapi::tag::TagBuilder::new()
                .name(*name)
                .description(Some(*about))
                .build()
        });
        openapi.tags = Some(tags.collect());
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("tc_<id>.<secret>")
            .description(Some("An API key. In the demo a loopback peer needs none."))
            .build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
    }
}

/// The description of the interface.
#[must_use]
pub fn openapi() -> OpenApi {
    static BUILT: LazyLock<OpenApi> = LazyLock::new(|| {
        let app = App::new().into_utoipa_app().openapi(Document::openapi());
        app.configure(super::routes).split_for_parts().1
    });
    BUILT.clone()
}

/// [`openapi`] as YAML, as it stands in the package.
///
/// # Errors
/// When it cannot be written as YAML, which a test rules out.
pub fn openapi_yaml() -> Result<String, DescribeError> {
    openapi()
        .to_yaml()
        .map_err(|error| DescribeError(error.to_string()))
}

/// Why the description could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the description of the interface cannot be written: {0}")]
pub struct DescribeError(String);

/// The failures of every operation.
pub(super) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let of = |about: &str, code: ErrorCode, detail: &str| {
            let example = Problem::new(code, detail, "0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77");
            let content = ContentBuilder::new()
                .schema(Some(Ref::from_schema_name("Problem")))
                .example(serde_json::to_value(example).ok())
                .build();
            let response = ResponseBuilder::new().description(about);
            RefOr::T(response.content(Problem::CONTENT_TYPE, content).build())
        };
        let caller = of(
            "The request, the key or the present state does not allow it; `code` says what to do.",
            ErrorCode::InvalidParameter,
            "1 parameter is invalid",
        );
        let server = of(
            "The server is busy (with `Retry-After`) or has failed.",
            ErrorCode::Overloaded,
            "wait and send it again",
        );
        BTreeMap::from([("4XX".to_owned(), caller), ("5XX".to_owned(), server)])
    }
}

/// One event of contract v1. The JSON Schemas of `data` by type stand in `schemas/`.
#[derive(Serialize, ToSchema)]
#[schema(as = Event, example = json!({
    "specversion": "1.0", "id": "01J0", "source": "/pbx/shanghai-1", "type": "interaction.turn.v1",
    "subject": "call-20261120-000123", "time": "2026-11-20T03:15:07.120Z",
    "data": {"turn_id": "1", "speaker": {"role": "customer"}, "text": "我的包裹还没到", "content_type": "text"}
}))]
pub(super) struct Event {
    /// Always `1.0`.
    specversion: String,
    /// With `source` the identity of the event.
    id: String,
    /// Who sends it.
    source: String,
    /// The type, such as `interaction.turn.v1`.
    #[schema(example = "interaction.turn.v1")]
    r#type: String,
    /// The interaction's id for `interaction.*`.
    subject: Option<String>,
    /// When it happened, RFC 3339.
    #[schema(format = DateTime)]
    time: String,
    /// Of equal identities the greatest revision holds.
    revision: Option<i32>,
    /// What happened; its fields depend on the type.
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

/// One event or an array of them.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "stands for a body in the description")]
pub(super) enum Events {
    /// One event.
    One(Event),
    /// Several, taken all or not at all.
    Many(Vec<Event>),
}
