//! `POST /v1/assist`: answers for a bot or an agent's desk, and whether a person should take over.

use actix_web::{post, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::search::ItemView;
use crate::api::body::Body;
use crate::api::describe::Problems;
use crate::api::filters::Filters;
use crate::api::problem::ApiError;
use crate::api::rows::{fetch, time};
use crate::api::state::State;
use crate::domain::Micros;
use crate::search::assist::{Situation, decide};
use crate::search::{SearchError, SearchQuery};
use crate::store::article::DEFAULT_BASE;

const CUSTOMER: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/assist_customer.sql"
));
const MAX_TEXT_CHARS: usize = 10_000;
const WEEK_US: i64 = 7 * 86_400_000_000;
const DEFAULT_LIMIT: u32 = 3;
const MAX_LIMIT: u32 = 20;

/// What the customer says, and what the caller knows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"base": "bank", "text": "怎么更改密码", "channel": "app", "customer_id": "c-4711"}))]
pub struct AssistBody {
    /// What the customer says; never stored.
    pub text: String,
    /// The knowledge base; `default` when left out.
    pub base: Option<String>,
    /// Where the conversation is.
    pub channel: Option<String>,
    /// Who speaks: contacts and open cases are looked up.
    pub customer_id: Option<String>,
    /// How the customer feels, -1 to 1, when the caller knows.
    #[schema(minimum = -1, maximum = 1)]
    pub mood: Option<f64>,
    /// How often the caller has asked back in this conversation.
    pub asked_back: Option<u32>,
    /// Items, 1 to 20; 3 when left out.
    pub limit: Option<u32>,
}

/// Answers and what to do with them.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssistAnswer {
    /// `answer` (give the first item), `offer_choice`, `ask_back` or `escalate`.
    #[schema(example = "answer")]
    pub next_step: String,
    /// Whether a person should take over.
    #[schema(example = false)]
    pub escalate: bool,
    /// Why: `asked_for_person`, `money`, `account_security`, `complaint`, `bad_mood`, `low_p_answered`, `open_issue`.
    pub reasons: Vec<String>,
    /// How likely the first item answers, 0 to 1.
    #[schema(example = 0.91)]
    pub p_answered: f64,
    /// Best first.
    pub items: Vec<ItemView>,
    /// What is known of the customer; null without `customer_id`.
    #[schema(value_type = Option<Object>)]
    pub customer: Option<AssistCustomer>,
}

/// What is known of the customer.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
pub struct AssistCustomer {
    /// Interactions of the last 7 days.
    #[schema(example = 2)]
    pub contacts: i64,
    /// Cases that are not closed.
    #[schema(example = 1)]
    pub open_cases: i64,
    /// How the last interaction was closed.
    #[schema(example = "password_reset")]
    pub last_disposition: Option<String>,
}

/// Ask for answers
///
/// The base is searched, and the decision is made from the probability of an answer, what is said, how the customer
/// feels, and their contacts and cases.
#[utoipa::path(
    operation_id = "assist_ask",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("assist"))),
    request_body(content = AssistBody, description = "Text and context.", content_type = "application/json"),
    responses(
        (status = 200, description = "Answers and the next step.", body = AssistAnswer, example = json!({
            "next_step": "answer", "escalate": false, "reasons": [], "p_answered": 0.91,
            "items": [{"article_id": "a-1", "kind": "faq", "question": "怎么修改密码", "matched_question": "更改密码",
                "snippet": "打开设置，点修改密码。", "highlights": [{"start": 6, "end": 8}], "score": 12.3,
                "p_answered": 0.91}],
            "customer": {"contacts": 2, "open_cases": 0, "last_disposition": null}
        })),
        Problems,
    ),
)]
#[post("/v1/assist")]
pub(in crate::api) async fn assist_ask(
    state: web::Data<State>,
    body: Body<AssistBody>,
) -> Result<web::Json<AssistAnswer>, ApiError> {
    let Body(asked) = body;
    check(&asked)?;
    let now = (state.clock)();
    let customer = match &asked.customer_id {
        Some(id) => Some(customer(&state, id, now).await?),
        None => None,
    };
    let knowledge = state.knowledge.clone();
    let found = tokio::task::spawn_blocking(move || {
        let found = knowledge.search(SearchQuery {
            base: asked.base.as_deref().unwrap_or(DEFAULT_BASE),
            query: &asked.text,
            limit: usize::try_from(asked.limit.unwrap_or(DEFAULT_LIMIT)).unwrap_or(usize::MAX),
            channel: asked.channel.as_deref(),
            at_us: now.0,
        })?;
        Ok::<_, SearchError>((asked, found))
    });
    let (asked, found) = found
        .await
        .map_err(|_| ApiError::internal("the search was cut off"))??;
    let (step, reasons) = decide(&Situation {
        text: &asked.text,
        p_answered: found.p_answered,
        mood: asked.mood,
        contacts: customer.as_ref().map_or(0, |customer| customer.contacts),
        open_cases: customer.as_ref().map_or(0, |customer| customer.open_cases),
        asked_back: asked.asked_back.unwrap_or(0),
    });
    Ok(web::Json(AssistAnswer {
        next_step: step.as_str().to_owned(),
        escalate: step == crate::search::assist::Step::Escalate,
        reasons: reasons
            .into_iter()
            .map(|reason| reason.as_str().to_owned())
            .collect(),
        p_answered: found.p_answered,
        items: found.items.into_iter().map(ItemView::from).collect(),
        customer,
    }))
}

async fn customer(state: &State, id: &str, now: Micros) -> Result<AssistCustomer, ApiError> {
    let id = state.redactor.redactor().id(id).into_owned();
    let parameters = vec![Value::String(id), time(Some(Micros(now.0 - WEEK_US)))];
    let found: Vec<AssistCustomer> = fetch(state, CUSTOMER, parameters, 1).await?;
    Ok(found.into_iter().next().unwrap_or_default())
}

fn check(asked: &AssistBody) -> Result<(), ApiError> {
    let mut filters = Filters::default();
    if asked.text.chars().nth(MAX_TEXT_CHARS).is_some() {
        filters.wrong(
            "text",
            format!("a text has at most {MAX_TEXT_CHARS} characters"),
        );
    }
    if asked.mood.is_some_and(|mood| !(-1.0..=1.0).contains(&mood)) {
        filters.wrong("mood", "expected a number from -1 to 1");
    }
    if !(1..=MAX_LIMIT).contains(&asked.limit.unwrap_or(DEFAULT_LIMIT)) {
        filters.wrong(
            "limit",
            format!("expected a whole number from 1 to {MAX_LIMIT}"),
        );
    }
    filters.finish()
}
