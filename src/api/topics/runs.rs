//! `/v1/topics/runs`: clustering on demand.
//!
//! A run is over posted texts, which it gives back with their topics, or over the lake, where requests get theirs in the
//! tables. Invariants: posted texts are redacted before they are clustered; the answer to a post is immediate, the run
//! goes on behind it; every text with a word in it gets a topic.

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::auth::Caller;
use super::super::body::{Body, Large};
use super::super::describe::Problems;
use super::super::problem::ApiError;
use super::super::state::State;
use crate::error::ErrorCode;
use crate::insight::topics::Settings;
use crate::jobs::{BUILT_IN, Found, LakeRun, RunDone, RunSettings, RunState, RunText};

/// More topics than people can look at.
const MAX_TOPICS: usize = 500;

/// What is to be clustered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"texts": [{"id": "1", "text": "我要取消宽带"}, {"id": "2", "text": "包裹还没到"}],
    "language": "auto", "topics": null, "seed": 7}))]
pub struct TopicRunRequest {
    /// The texts, in any languages; without it the requests of the lake are clustered and restated.
    #[serde(default)]
    pub texts: Option<Vec<TopicRunText>>,
    /// `auto`, or a BCP 47 tag; texts are read by the script that they are written in.
    #[serde(default)]
    pub language: Option<String>,
    /// How many topics, 1 to 500; null chooses.
    #[serde(default)]
    pub topics: Option<i64>,
    /// The same texts and seed give the same topics.
    #[serde(default)]
    #[schema(default = 7)]
    pub seed: Option<u64>,
}

/// A text to cluster.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopicRunText {
    /// Your id for it; returned with its topic.
    #[schema(example = "1")]
    pub id: String,
    /// What was said.
    #[schema(example = "我要取消宽带")]
    pub text: String,
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub struct TopicRunView {
    /// Its id.
    #[schema(example = "run-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")]
    pub id: String,
    /// `queued`, `running`, `done` or `failed`.
    #[schema(example = "done")]
    pub status: String,
    /// Over the lake: the number of the run in the tables; null over posted texts, until it is done, and when there
    /// was nothing to cluster.
    #[schema(example = 3)]
    pub run: Option<i32>,
    /// The topics, greatest first; empty until it is done.
    pub topics: Vec<TopicRunTopic>,
    /// The topic of each text, in the order in which they were posted; empty until it is done, and over the lake,
    /// where `requests` has them.
    pub assignments: Vec<TopicRunAssignment>,
    /// The model whose vectors parted the texts; empty until it is done.
    #[schema(example = "topics@1")]
    pub encoder: String,
}

/// A topic of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct TopicRunTopic {
    /// Its id within the run; over the lake the stable one.
    #[schema(example = "t-1")]
    pub id: String,
    /// Its first keywords.
    #[schema(example = "取消 · 宽带")]
    pub name: String,
    /// Terms that set it apart, most telling first.
    #[schema(example = json!(["取消", "宽带"]))]
    pub keywords: Vec<String>,
    /// Redacted texts at its middle.
    #[schema(example = json!(["我要取消宽带"]))]
    pub exemplars: Vec<String>,
    /// How many texts it has.
    #[schema(example = 120)]
    pub size: usize,
}

/// The topic of a text.
#[derive(Debug, Serialize, ToSchema)]
pub struct TopicRunAssignment {
    /// The text's id.
    #[schema(example = "1")]
    pub id: String,
    /// Its topic; null only for a text without a word.
    #[schema(example = "t-1")]
    pub topic_id: Option<String>,
    /// How much nearer this topic is than the others, 0 to 1.
    #[schema(example = 0.7)]
    pub confidence: f64,
}

/// Where the run is.
#[derive(Debug, Serialize, ToSchema)]
pub struct TopicRunStarted {
    /// Ask `GET /v1/topics/runs/{id}` for it.
    #[schema(example = "run-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")]
    pub id: String,
}

fn view(id: String, state: &RunState) -> TopicRunView {
    let empty = Found::default();
    let (status, found) = match state {
        RunState::Queued => ("queued", &empty),
        RunState::Running => ("running", &empty),
        RunState::Failed => ("failed", &empty),
        RunState::Done(found) => ("done", found.as_ref()),
    };
    let topics = found.topics.iter().zip(1..);
    let assignments = found.assignments.iter();
    TopicRunView {
        id,
        status: status.to_owned(),
        run: None,
        topics: topics
            .map(|(topic, number)| TopicRunTopic {
                id: topic_id(number),
                name: topic.name.clone(),
                keywords: topic.keywords.clone(),
                exemplars: topic.exemplars.clone(),
                size: topic.size,
            })
            .collect(),
        assignments: assignments
            .map(|(id, given)| TopicRunAssignment {
                id: id.clone(),
                topic_id: given.map(|(topic, _)| topic_id(topic + 1)),
                confidence: given.map_or(0.0, |(_, confidence)| round(confidence)),
            })
            .collect(),
        encoder: found.encoder.clone(),
    }
}

/// A run over the lake.
fn lake_view(id: String, state: &LakeRun) -> TopicRunView {
    let empty = RunDone::default();
    let (status, done) = match state {
        LakeRun::Running => ("running", &empty),
        LakeRun::Failed => ("failed", &empty),
        LakeRun::Done(done) => ("done", done.as_ref()),
    };
    let topics = done.topics.iter().map(|topic| TopicRunTopic {
        id: topic.topic_id.clone(),
        name: topic.name.clone(),
        keywords: topic.keywords.clone(),
        exemplars: topic.exemplars.clone(),
        size: usize::try_from(topic.size).unwrap_or_default(),
    });
    TopicRunView {
        id,
        status: status.to_owned(),
        run: (done.run > 0).then_some(done.run),
        topics: topics.collect(),
        assignments: Vec::new(),
        encoder: BUILT_IN.to_owned(),
    }
}

fn topic_id(number: u32) -> String {
    format!("t-{number}")
}

/// Four digits are more than the figure is worth.
fn round(confidence: f32) -> f64 {
    (f64::from(confidence) * 1e4).round() / 1e4
}

/// Cluster texts
///
/// Starts a run over the posted texts, or without `texts` over the requests of the lake, and answers at once; ask for
/// the run until it is `done` or `failed`. Runs wait for each other; an ended run is kept for an hour. Texts are
/// redacted first. A run over the lake aligns its topics with those of the last one and restates history.
#[utoipa::path(
    operation_id = "topic_run_start",
    tag = "topics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("topics"))),
    request_body(content = TopicRunRequest, description = "The texts, at most 64 MiB.", content_type = "application/json"),
    responses(
        (status = 202, description = "It is queued.", body = TopicRunStarted, example = json!({
            "id": "run-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77"
        })),
        Problems,
    ),
)]
#[post("/v1/topics/runs")]
pub(in super::super) async fn topic_run_start(
    state: web::Data<State>,
    caller: Caller,
    body: Large<TopicRunRequest>,
) -> Result<HttpResponse, ApiError> {
    let Body(request) = body;
    let settings = settings(&request)?;
    let id = format!("run-{}", caller.request_id);
    let Some(texts) = request.texts else {
        let settings = RunSettings {
            cluster: Settings {
                sample: state.topics.pace.run.cluster.sample,
                ..settings
            },
            ..state.topics.pace.run
        };
        return if state.topics.start(id.clone(), settings) {
            Ok(HttpResponse::Accepted().json(TopicRunStarted { id }))
        } else {
            Err(overloaded())
        };
    };
    let redactor = state.clone();
    let texts = move || {
        let redacted = texts.into_iter().map(|text| RunText {
            text: redactor.redactor.redactor().text(&text.text).into_owned(),
            id: text.id,
        });
        redacted.collect()
    };
    if !state
        .topic_runs
        .start(id.clone(), settings, Box::new(texts))
    {
        return Err(overloaded());
    }
    Ok(HttpResponse::Accepted().json(TopicRunStarted { id }))
}

fn overloaded() -> ApiError {
    let detail = "other clustering runs wait already; wait and send it again";
    ApiError::new(ErrorCode::Overloaded, detail)
}

fn settings(request: &TopicRunRequest) -> Result<Settings, ApiError> {
    let topics = match request.topics {
        None => None,
        Some(number) => match usize::try_from(number) {
            Ok(number) if (1..=MAX_TOPICS).contains(&number) => Some(number),
            _ => {
                let detail = format!("a number from 1 to {MAX_TOPICS}, or null to choose");
                return Err(ApiError::parameter("/topics", detail));
            }
        },
    };
    if let Some(language) = &request.language {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if language.is_empty() || language.len() > 35 || !language.chars().all(plain) {
            return Err(ApiError::parameter(
                "/language",
                "`auto` or a BCP 47 tag such as `zh`",
            ));
        }
    }
    let standard = Settings::default();
    Ok(Settings {
        topics,
        seed: request.seed.unwrap_or(standard.seed),
        ..standard
    })
}

/// Show a clustering run
///
/// `topics` and `assignments` are there when `status` is `done`.
#[utoipa::path(
    operation_id = "topic_run_get",
    tag = "topics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("topics"))),
    params(("id" = String, Path, description = "The run's id.", example = "run-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")),
    responses(
        (status = 200, description = "How far it is, and what it found.", body = TopicRunView, example = json!({
            "id": "run-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77", "status": "done", "run": null,
            "topics": [{"id": "t-1", "name": "取消 · 宽带", "keywords": ["取消", "宽带"],
                "exemplars": ["我要取消宽带"], "size": 120}],
            "assignments": [{"id": "1", "topic_id": "t-1", "confidence": 0.7}]
        })),
        Problems,
    ),
)]
#[get("/v1/topics/runs/{id}")]
pub(in super::super) async fn topic_run_get(
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<web::Json<TopicRunView>, ApiError> {
    let id = id.into_inner();
    if let Some(found) = state.topics.state(&id) {
        return Ok(web::Json(lake_view(id, &found)));
    }
    let found = state.topic_runs.state(&id);
    let found = found.ok_or_else(|| {
        ApiError::new(
            ErrorCode::NotFound,
            "there is no such run; ended runs are kept for an hour",
        )
    })?;
    Ok(web::Json(view(id, &found)))
}
