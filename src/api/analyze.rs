//! `POST /v1/analyze`: texts in, what `enrich` says of each out.
//!
//! Invariants: a text is read as `Raw` and leaves redacted; offsets count Unicode scalar values of the text as it
//! came; items answer in their order. Not here: the heads (`enrich::sentiment`).

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{self, decode};
use super::describe::Problems;
use super::problem::{ApiError, media_type};
use super::state::State;
use crate::domain::{Raw, Redacted, Speaker};
use crate::enrich::segment::Segmenter;
use crate::enrich::topic::CurrentTopics;
use crate::enrich::{Analyser, Analysis, Said};

/// Largest body, bytes.
const MAX_BYTES: usize = 64 << 20;
/// After so many texts other requests of the worker get a turn.
const TEXTS_AT_ONCE: usize = 64;

/// Texts to analyse.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"items": [
    {"id": "1", "text": "我的电话是13800138000，三天了还没人处理", "speaker": "customer", "previous": "请问有什么可以帮您？"}
]}))]
pub struct AnalyzeRequest<'r> {
    /// The texts; 500 a request are a good number.
    #[serde(borrow)]
    pub items: Vec<AnalyzeItem<'r>>,
}

/// A text with what is known of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnalyzeItem<'r> {
    /// Comes back as it is.
    #[schema(value_type = String)]
    #[serde(borrow)]
    id: Raw<'r>,
    /// What was said.
    #[schema(value_type = String)]
    #[serde(borrow)]
    text: Raw<'r>,
    /// `customer`, `agent`, `bot` or `system`; `customer` without it.
    #[schema(value_type = Option<String>)]
    speaker: Option<Speaker>,
    /// What the other side said before.
    #[schema(value_type = Option<String>)]
    #[serde(borrow)]
    previous: Option<Raw<'r>>,
    /// BCP 47; found out without it.
    language: Option<String>,
}

/// What is known of the texts, in their order.
#[derive(Serialize, ToSchema)]
pub struct AnalyzeAnswer {
    /// One answer a text, in their order.
    items: Vec<AnalyzedItem>,
    /// Which models answered.
    models: Models,
}

/// The models that answered.
#[derive(Serialize, ToSchema)]
pub struct Models {
    /// Name and version of the polarity heads.
    sentiment: String,
    /// Name and version of the dissatisfaction heads.
    dissatisfaction: String,
    /// The run that learnt the topics; null before the first.
    topics: Option<String>,
}

/// One text.
#[derive(Serialize, ToSchema)]
pub struct AnalyzedItem {
    /// The id of the request, redacted.
    #[schema(value_type = String)]
    id: Redacted<'static>,
    /// BCP 47; null without letters.
    language: Option<String>,
    /// Redacted.
    #[schema(value_type = String)]
    text: Redacted<'static>,
    /// Where personal values are in the text of the request, in Unicode scalar values.
    pii: Vec<PiiPlace>,
    /// Polarity.
    sentiment: SentimentAnswer,
    /// Null for other speakers than the customer and for texts without words.
    dissatisfaction: Option<DissatisfactionAnswer>,
    /// The topic by the newest run; null for what a customer does not ask, when no topic is near enough, and before the
    /// first run.
    topic: Option<TopicAnswer>,
    /// Words that the text is about.
    keywords: Vec<String>,
    /// Whether the customer says what he wants; null for other speakers.
    is_request: Option<bool>,
}

/// A personal value.
#[derive(Serialize, ToSchema)]
pub struct PiiPlace {
    /// What it is.
    kind: &'static str,
    /// First character.
    start: usize,
    /// Character after the last.
    end: usize,
}

/// The polarity.
#[derive(Serialize, ToSchema)]
pub struct SentimentAnswer {
    /// `negative`, `neutral` or `positive`.
    label: &'static str,
    /// P(positive) - P(negative) before the neutral gate.
    score: f64,
    /// After the neutral gate.
    probabilities: Probabilities,
    /// The terms that carried it.
    explanation: Vec<TermAnswer>,
}

/// After the neutral gate; they sum to 1.
#[derive(Serialize, ToSchema)]
pub struct Probabilities {
    /// Displeased.
    negative: f64,
    /// Neither.
    neutral: f64,
    /// Pleased.
    positive: f64,
}

/// A term that carried the decision.
#[derive(Serialize, ToSchema)]
pub struct TermAnswer {
    /// The term in its matching form: lower case, simplified characters.
    term: String,
    /// Log-odds that it adds, below zero for negative.
    weight: f32,
}

/// Whether the customer is dissatisfied with the service.
#[derive(Serialize, ToSchema)]
pub struct DissatisfactionAnswer {
    /// 0 to 1, calibrated.
    probability: f64,
}

/// The topic of a text.
#[derive(Serialize, ToSchema)]
pub struct TopicAnswer {
    /// Stable id.
    id: String,
    /// Name.
    name: String,
    /// 0 to 1.
    confidence: f64,
}

/// Analyse texts
///
/// Redaction, language, sentiment with its explanation and dissatisfaction of each text; nothing is stored.
#[utoipa::path(
    operation_id = "texts_analyze",
    tag = "analysis",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("analyze"))),
    request_body(content = AnalyzeRequest, description = "At most 64 MiB.", content_type = "application/json"),
    responses(
        (status = 200, description = "One answer a text, in their order.", body = AnalyzeAnswer, example = json!({
            "items": [{
                "id": "1", "language": "zh", "text": "我的电话是<PHONE:abc234>，三天了还没人处理",
                "pii": [{"kind": "phone", "start": 5, "end": 16}],
                "sentiment": {"label": "negative", "score": -0.97,
                    "probabilities": {"negative": 0.97, "neutral": 0.02, "positive": 0.01},
                    "explanation": [{"term": "没人", "weight": -1.8}]},
                "dissatisfaction": {"probability": 0.98},
                "topic": {"id": "t-1-4", "name": "没人 · 处理", "confidence": 0.8}, "keywords": ["没人"], "is_request": true
            }],
            "models": {"sentiment": "polarity-zh@4ccbbca19950 polarity-en@2507fe6b48b2",
                "dissatisfaction": "dissatisfaction-zh@890ca528314a dissatisfaction-en@8a948515f82b",
                "topics": "run-3"}
        })),
        Problems,
    ),
)]
#[post("/v1/analyze")]
pub(super) async fn analyze(
    state: web::Data<State>,
    http: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    if body::essence(&http).as_deref() != Some("application/json") {
        return Err(media_type());
    }
    let bytes = body::read_up_to(payload.into_inner(), MAX_BYTES).await?;
    let request: AnalyzeRequest<'_> = decode(&bytes)?;
    let models = state.models.get();
    let redactor = state.redactor.redactor();
    let analyser = Analyser::new(redactor, &models);
    let topics = state.topics.topics.requests.slot.get();
    let mut items = Vec::with_capacity(request.items.len());
    for part in request.items.chunks(TEXTS_AT_ONCE) {
        for item in part {
            let analysis = analyser.analyse(&Said {
                text: &item.text,
                speaker: item.speaker.unwrap_or(Speaker::Customer),
                previous: item.previous.as_ref(),
                language: item.language.as_deref(),
            });
            let topic = topics
                .as_deref()
                .and_then(|topics| topic_of(topics, &analysis));
            items.push(answer(analyser.id(&item.id), analysis, topic));
        }
        tokio::task::yield_now().await;
    }
    Ok(HttpResponse::Ok().json(AnalyzeAnswer {
        items,
        models: Models {
            sentiment: models.polarity_version(),
            dissatisfaction: models.sentiment().dissatisfaction_version(),
            topics: topics.map(|topics| format!("run-{}", topics.run)),
        },
    }))
}

/// The topic of what a customer asks.
fn topic_of(topics: &CurrentTopics, analysis: &Analysis) -> Option<TopicAnswer> {
    if analysis.is_request != Some(true) {
        return None;
    }
    let judged = topics.judge(Segmenter::shared(), analysis.text.as_str());
    let id = judged.shown?;
    Some(TopicAnswer {
        name: topics.name(&id).unwrap_or(&id).to_owned(),
        id,
        confidence: judged.confidence,
    })
}

fn answer(id: Redacted<'static>, analysis: Analysis, topic: Option<TopicAnswer>) -> AnalyzedItem {
    let pii = analysis.pii.into_iter().map(|found| PiiPlace {
        kind: found.kind.as_str(),
        start: found.start,
        end: found.end,
    });
    let terms = analysis.explanation.into_iter().map(|term| TermAnswer {
        term: term.term,
        weight: term.weight,
    });
    let mood = analysis.mood;
    AnalyzedItem {
        id,
        language: analysis.language,
        text: analysis.text,
        pii: pii.collect(),
        sentiment: SentimentAnswer {
            label: mood.label.as_str(),
            score: mood.score,
            probabilities: Probabilities {
                negative: mood.negative,
                neutral: mood.neutral,
                positive: mood.positive,
            },
            explanation: terms.collect(),
        },
        dissatisfaction: analysis
            .dissatisfaction
            .map(|probability| DissatisfactionAnswer { probability }),
        topic,
        keywords: analysis.keywords,
        is_request: analysis.is_request,
    }
}
