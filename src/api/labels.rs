//! `/v1/labels`: people correct what was found in a turn; `train` and `eval` use it.
//!
//! Invariants: a label names a turn of the lake; all labels of a request are stored or none; who said so and when
//! stands with each and in the audit log. Not here: what labels change (`cli::train`).

use std::collections::{HashMap, HashSet};

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::auth::Caller;
use super::body::Body;
use super::describe::Problems;
use super::filters::Filters;
use super::problem::ApiError;
use super::rows::fetch;
use super::state::State;
use crate::domain::{Micros, Speaker};
use crate::enrich::sentiment::Label as Mood;
use crate::error::FieldError;
use crate::store::Change;
use crate::store::label::{Label, LabelKind, MAX_LABEL_ID_CHARS, NewLabel, WhichLabels};

const TURNS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/labelled_turns.sql"
));
/// Between the items of a list that is bound as one text: no id holds it.
const SEPARATOR: &str = "\u{1f}";
/// Most turns of a request.
const MAX_ITEMS: usize = 1_000;
const MAX_LIMIT: u64 = 1_000;
const DEFAULT_LIMIT: u64 = 100;

/// Corrections of turns.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"items": [
    {"interaction_id": "call-20261120-000123", "turn_id": "7", "sentiment": "negative", "is_request": true}
]}))]
pub struct LabelsRequest {
    /// At most 1,000; all are stored or none.
    pub items: Vec<LabelInput>,
}

/// What is right of a turn. A field that is left out says nothing; null takes the label back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelInput {
    /// The interaction.
    interaction_id: String,
    /// The turn in it.
    turn_id: String,
    /// `negative`, `neutral` or `positive`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "negative")]
    sentiment: Option<Option<String>>,
    /// Whether the customer says what he wants; of a customer's turn only.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<bool>)]
    is_request: Option<Option<bool>>,
    /// The topic that it belongs to; of a customer's turn only.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    topic_id: Option<Option<String>>,
}

/// A field that is there, null or not.
fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// What was stored.
#[derive(Debug, Serialize, ToSchema)]
pub struct LabelsAnswer {
    /// Labels written.
    pub written: usize,
    /// Labels taken back.
    pub withdrawn: usize,
}

/// What somebody said of a turn.
#[derive(Debug, Serialize, ToSchema)]
pub struct LabelView {
    /// The interaction.
    #[schema(example = "call-20261120-000123")]
    pub interaction_id: String,
    /// The turn in it.
    #[schema(example = "7")]
    pub turn_id: String,
    /// `sentiment`, `request` or `topic`.
    #[schema(example = "sentiment")]
    pub kind: &'static str,
    /// The sentiment, `true` or `false`, or the topic's id; null where the label was taken back.
    #[schema(example = "negative")]
    pub value: Option<String>,
    /// The key that said so.
    #[schema(example = "9f86d081884c7d65")]
    pub actor: String,
    /// When.
    #[schema(format = DateTime, example = "2026-11-20T03:15:07Z")]
    pub at: String,
}

impl From<Label> for LabelView {
    fn from(label: Label) -> Self {
        Self {
            interaction_id: label.label.interaction_id,
            turn_id: label.label.turn_id,
            kind: label.label.kind.as_str(),
            value: label.label.value,
            actor: label.actor,
            at: Micros(label.at_us).to_string(),
        }
    }
}

/// A page of labels.
#[derive(Debug, Serialize, ToSchema)]
pub struct LabelPage {
    /// Newest first.
    pub items: Vec<LabelView>,
    /// The cursor of the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// Which labels.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LabelFilters {
    /// `sentiment`, `request` or `topic`; all without it.
    #[param(example = "sentiment")]
    pub kind: Option<String>,
    /// Only labels of this interaction.
    #[param(example = "call-20261120-000123")]
    pub interaction_id: Option<String>,
    /// `true` also lists labels that no longer hold.
    #[param(value_type = Option<bool>, default = false, example = false)]
    pub history: Option<String>,
    /// Items of the page, 1 to 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100, example = 100)]
    pub limit: Option<String>,
    /// Where the page begins: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Correct turns
///
/// Says what is right of a turn: its sentiment, whether it is a request, its topic. The latest label of a turn holds;
/// earlier ones stay in the history. Rows of the lake are not changed: `tingchao train` learns from labels, and what
/// it learns replaces the running model only if it is better on labels that were held back.
#[utoipa::path(
    operation_id = "labels_post",
    tag = "analysis",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("labels_write"))),
    request_body(content = LabelsRequest, description = "The corrections, at most 1,000 turns.",
        content_type = "application/json"),
    responses(
        (status = 200, description = "All are stored.", body = LabelsAnswer,
            example = json!({"written": 2, "withdrawn": 0})),
        Problems,
    ),
)]
#[post("/v1/labels")]
pub(super) async fn labels_post(
    state: web::Data<State>,
    caller: Caller,
    body: Body<LabelsRequest>,
) -> Result<HttpResponse, ApiError> {
    let Body(request) = body;
    let mut asked = Asked::read(&state, &request)?;
    let speakers = speakers(&state, &asked.labels).await?;
    asked.check(&speakers);
    if !asked.errors.is_empty() {
        return Err(ApiError::parameters(asked.errors));
    }
    let labels: Vec<NewLabel> = asked.labels.into_iter().map(|(_, label)| label).collect();
    let change = Change {
        actor: &caller.actor,
        request_id: &caller.request_id,
        at_us: (state.clock)().0,
    };
    state.store.write_labels(&labels, &change).await?;
    let written = labels.iter().filter(|label| label.value.is_some()).count();
    Ok(HttpResponse::Ok().json(LabelsAnswer {
        written,
        withdrawn: labels.len() - written,
    }))
}

/// List the labels
///
/// What people said of turns, newest first.
#[utoipa::path(
    operation_id = "labels_list",
    tag = "analysis",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("labels"))),
    params(LabelFilters),
    responses(
        (status = 200, description = "A page of labels.", body = LabelPage, example = json!({
            "items": [{"interaction_id": "call-20261120-000123", "turn_id": "7", "kind": "sentiment",
                "value": "negative", "actor": "9f86d081884c7d65", "at": "2026-11-20T03:15:07Z"}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/labels")]
pub(super) async fn labels_list(
    state: web::Data<State>,
    query: web::Query<LabelFilters>,
) -> Result<web::Json<LabelPage>, ApiError> {
    let mut filters = Filters::default();
    let limit = filters
        .whole("limit", query.limit.as_deref(), 1..=MAX_LIMIT)
        .unwrap_or(DEFAULT_LIMIT);
    let kind = filters.checked(
        "kind",
        query.kind.as_deref(),
        "expected sentiment, request or topic",
        LabelKind::parse,
    );
    let with_history = filters.boolean("history", query.history.as_deref());
    let before = filters.checked(
        "cursor",
        query.cursor.as_deref(),
        "expected `next_cursor` of a page",
        |text| text.parse().ok(),
    );
    filters.finish()?;
    let redactor = state.redactor.redactor();
    let which = WhichLabels {
        kind,
        interaction_id: query
            .interaction_id
            .as_deref()
            .map(|id| redactor.id(id).into_owned()),
        with_history: with_history.unwrap_or(false),
        before,
    };
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let length = u32::try_from(limit + 1).unwrap_or(u32::MAX);
    let mut found = state.store.labels(&which, length).await?;
    let has_more = found.len() > wanted;
    found.truncate(wanted);
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|last| last.seq.to_string());
    let items = found.into_iter().map(LabelView::from).collect();
    Ok(web::Json(LabelPage { items, next_cursor }))
}

/// The labels of a request with the place of each, and every mistake.
#[derive(Default)]
struct Asked {
    labels: Vec<(usize, NewLabel)>,
    errors: Vec<FieldError>,
}

impl Asked {
    fn read(state: &State, request: &LabelsRequest) -> Result<Self, ApiError> {
        if request.items.is_empty() || request.items.len() > MAX_ITEMS {
            let allowed = format!("expected 1 to {MAX_ITEMS} items");
            return Err(ApiError::parameter("/items", allowed));
        }
        let mut asked = Self::default();
        for (place, item) in request.items.iter().enumerate() {
            asked.item(state, place, item);
        }
        Ok(asked)
    }

    fn item(&mut self, state: &State, place: usize, item: &LabelInput) {
        let redactor = state.redactor.redactor();
        let interaction_id = redactor.id(&item.interaction_id).into_owned();
        let turn_id = redactor.id(&item.turn_id).into_owned();
        for (name, id) in [("interaction_id", &interaction_id), ("turn_id", &turn_id)] {
            if !is_id(id) {
                self.wrong(place, name, "expected 1 to 200 characters");
            }
        }
        let mut add = |kind, value| {
            let label = NewLabel {
                interaction_id: interaction_id.clone(),
                turn_id: turn_id.clone(),
                kind,
                value,
            };
            self.labels.push((place, label));
        };
        if let Some(is_request) = item.is_request {
            add(LabelKind::Request, is_request.map(|is| is.to_string()));
        }
        if let Some(topic) = &item.topic_id {
            let topic = topic.as_ref().map(|id| redactor.id(id).into_owned());
            add(LabelKind::Topic, topic);
        }
        if let Some(sentiment) = &item.sentiment {
            add(LabelKind::Sentiment, sentiment.clone());
        }
        let is_unknown = |word: &String| Mood::parse(word).is_none();
        if item
            .sentiment
            .as_ref()
            .is_some_and(|word| word.as_ref().is_some_and(is_unknown))
        {
            self.wrong(
                place,
                "sentiment",
                "expected negative, neutral, positive or null",
            );
        }
        if item
            .topic_id
            .as_ref()
            .is_some_and(|id| id.as_deref().is_some_and(|id| !is_id(id)))
        {
            self.wrong(place, "topic_id", "expected 1 to 200 characters, or null");
        }
        if item.sentiment.is_none() && item.is_request.is_none() && item.topic_id.is_none() {
            let detail = "expected at least one of sentiment, is_request, topic_id";
            self.errors.push(FieldError {
                pointer: format!("/items/{place}"),
                detail: detail.to_owned(),
            });
        }
    }

    /// Every turn must be there; requests and topics are the customer's.
    fn check(&mut self, speakers: &HashMap<(String, String), Option<String>>) {
        let mut unknown = HashSet::new();
        let labels = std::mem::take(&mut self.labels);
        for (place, label) in &labels {
            let key = (label.interaction_id.clone(), label.turn_id.clone());
            match speakers.get(&key) {
                None if unknown.insert(*place) => {
                    self.wrong(
                        *place,
                        "turn_id",
                        "there is no such turn in this interaction",
                    );
                }
                Some(Some(speaker))
                    if label.kind != LabelKind::Sentiment
                        && speaker != Speaker::Customer.as_str() =>
                {
                    let name = match label.kind {
                        LabelKind::Topic => "topic_id",
                        _ => "is_request",
                    };
                    self.wrong(*place, name, "expected a turn of the customer");
                }
                _ => {}
            }
        }
        self.labels = labels;
    }

    fn wrong(&mut self, place: usize, name: &str, detail: &str) {
        self.errors.push(FieldError {
            pointer: format!("/items/{place}/{name}"),
            detail: detail.to_owned(),
        });
    }
}

fn is_id(id: &str) -> bool {
    (1..=MAX_LABEL_ID_CHARS).contains(&id.chars().count()) && !id.contains(char::is_control)
}

#[derive(Deserialize)]
struct TurnRow {
    interaction_id: String,
    turn_id: String,
    speaker: Option<String>,
}

/// Who said the turns that labels name; those that are not in the lake are left out.
async fn speakers(
    state: &State,
    labels: &[(usize, NewLabel)],
) -> Result<HashMap<(String, String), Option<String>>, ApiError> {
    let joined = |of: fn(&NewLabel) -> &str| {
        let mut ids: Vec<&str> = labels.iter().map(|(_, label)| of(label)).collect();
        ids.sort_unstable();
        ids.dedup();
        json!(ids.join(SEPARATOR))
    };
    let values = vec![
        joined(|label| &label.interaction_id),
        joined(|label| &label.turn_id),
    ];
    // Interactions of one request share ids of turns at most pair by pair.
    let most = u64::try_from(labels.len().pow(2))
        .unwrap_or(u64::MAX)
        .clamp(1, 1_000_000);
    let rows: Vec<TurnRow> = fetch(state, TURNS, values, most).await?;
    Ok(rows
        .into_iter()
        .map(|row| ((row.interaction_id, row.turn_id), row.speaker))
        .collect())
}
