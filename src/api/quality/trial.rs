//! `POST /v1/rules/test` and `POST /v1/rules/check`: rules against dialogues that the caller sends.
//!
//! Invariants: nothing is stored; what is answered is redacted; a dialogue has the hits here that it has in the
//! stream.

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::body::{self, decode};
use crate::api::describe::Problems;
use crate::api::problem::{ApiError, MAX_BODY_BYTES, media_type};
use crate::api::state::State;
use crate::domain::{Channel, Raw, Redacted, Speaker, listed};
use crate::enrich::quality::{Check, Evidence, Hit, Rule, RuleSet, Versioned};
use crate::enrich::rehearsal::{Line, Rehearsal, rehearse};
use crate::error::FieldError;

const MAX_DIALOGUES: usize = 1_000;
const MAX_TURNS: usize = 1_000;

/// Dialogues to judge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "rule": {"name": "Agent insults", "conditions": [{"operator": "sensitive_words", "role": "agent", "groups": ["insult"]}]},
    "dialogues": [{"id": "1", "channel": "chat", "turns": [{"speaker": "agent", "text": "你这个白痴"}]}]
}))]
pub struct RuleTest<'r> {
    /// A rule that need not be stored; without it the rules in force judge.
    #[schema(value_type = Option<crate::api::quality::rules::RuleDocument>)]
    pub rule: Option<Value>,
    /// Only these of the rules in force; all without it.
    pub rule_ids: Option<Vec<String>>,
    /// 1 to 1,000 dialogues.
    #[serde(borrow)]
    pub dialogues: Vec<Dialogue<'r>>,
}

/// A dialogue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dialogue<'r> {
    /// Comes back as it is.
    #[schema(value_type = Option<String>)]
    #[serde(borrow)]
    id: Option<Raw<'r>>,
    /// Its channel; rules for certain channels need it.
    #[schema(value_type = Option<String>)]
    channel: Option<Channel>,
    /// Whether it is over; true without it. What is missing is known at the end.
    ended: Option<bool>,
    /// Its turns in order, at most 1,000.
    #[serde(borrow)]
    turns: Vec<DialogueTurn<'r>>,
}

/// A turn of a dialogue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DialogueTurn<'r> {
    /// `customer`, `agent`, `bot` or `system`.
    #[schema(value_type = String)]
    speaker: Speaker,
    /// What was said.
    #[schema(value_type = String)]
    #[serde(borrow)]
    text: Raw<'r>,
    /// When, ms since the dialogue began; 5 seconds after the turn before without it.
    at_ms: Option<i64>,
    /// Speech: when it began, ms.
    started_ms: Option<i64>,
    /// Speech: when it ended, ms.
    ended_ms: Option<i64>,
    /// `negative`, `neutral` or `positive`; the model says without it.
    sentiment: Option<String>,
    /// BCP 47; found out without it.
    language: Option<String>,
}

/// What the rules said.
#[derive(Serialize, ToSchema)]
pub struct RuleTestAnswer {
    /// One a dialogue, in their order.
    results: Vec<DialogueResult>,
}

/// What the rules said of a dialogue.
#[derive(Serialize, ToSchema)]
pub struct DialogueResult {
    /// As it was sent, or its number from 1.
    #[schema(value_type = String)]
    id: Redacted<'static>,
    /// Hits in their order.
    findings: Vec<TrialFinding>,
    /// Of a rule that was sent: its conditions at the end, by name.
    conditions: Vec<ConditionValue>,
}

/// A hit.
#[derive(Serialize, ToSchema)]
pub struct TrialFinding {
    /// The rule; `test` for one that was sent.
    #[schema(example = "insult")]
    rule_id: String,
    /// Its version; 0 for one that was sent.
    rule_version: i64,
    /// Its name.
    rule_name: String,
    /// `info`, `warning` or `critical`.
    #[schema(example = "critical")]
    severity: &'static str,
    /// Number of the turn that decided, from 1; null when the end did.
    #[schema(example = 1)]
    turn: Option<usize>,
    /// Why: one a condition that holds.
    evidence: Vec<EvidenceView>,
}

/// A condition that holds.
#[derive(Serialize, ToSchema)]
pub struct EvidenceView {
    /// Its name.
    #[schema(example = "a")]
    condition: String,
    /// Its operator.
    #[schema(example = "keywords")]
    operator: &'static str,
    /// Number of the turn in which it was found, from 1; null for what is missing.
    turn: Option<u16>,
    /// First character in the deciding turn (Unicode scalar values of the redacted text).
    start: Option<u32>,
    /// Character after the last.
    end: Option<u32>,
    /// What was measured: ms, units a minute, likeness, turns in a row.
    value: Option<f64>,
}

impl From<Evidence> for EvidenceView {
    fn from(evidence: Evidence) -> Self {
        let (start, end) = evidence.span.unzip();
        Self {
            condition: evidence.condition,
            operator: evidence.operator,
            turn: evidence.turn,
            start,
            end,
            value: evidence.value,
        }
    }
}

/// The value of a condition.
#[derive(Serialize, ToSchema)]
pub struct ConditionValue {
    /// Its name.
    id: String,
    /// Whether it holds; null when that was not known yet.
    value: Option<bool>,
}

/// Test rules
///
/// Against sample dialogues; nothing is stored. Findings tell the turn that decided and the place in it.
#[utoipa::path(
    operation_id = "rules_test",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    request_body(content = RuleTest, description = "A rule, or the rules in force, and dialogues.",
        content_type = "application/json"),
    responses(
        (status = 200, description = "One answer a dialogue, in their order.", body = RuleTestAnswer, example = json!({
            "results": [{"id": "1", "findings": [{"rule_id": "test", "rule_version": 0, "rule_name": "Agent insults",
                "severity": "warning", "turn": 1, "evidence": [{"condition": "a", "operator": "sensitive_words",
                "turn": 1, "start": 3, "end": 5, "value": null}]}], "conditions": [{"id": "a", "value": true}]}]
        })),
        Problems,
    ),
)]
#[post("/v1/rules/test")]
pub(in crate::api) async fn rules_test(
    state: web::Data<State>,
    http: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let bytes = read(&http, payload).await?;
    let request: RuleTest<'_> = decode(&bytes)?;
    if !(1..=MAX_DIALOGUES).contains(&request.dialogues.len()) {
        let detail = format!("expected 1 to {MAX_DIALOGUES} dialogues");
        return Err(ApiError::parameter("/dialogues", detail));
    }
    let own = own_rule(request.rule.as_ref())?;
    let in_force = state.rules.book().rules();
    let rules = own.as_ref().unwrap_or(&in_force);
    let wanted = wanted(rules, request.rule_ids.as_deref())?;
    let mut results = Vec::with_capacity(request.dialogues.len());
    for (place, dialogue) in request.dialogues.iter().enumerate() {
        let pointer = format!("/dialogues/{place}");
        let lines = lines(&dialogue.turns, &pointer)?;
        let ends = dialogue.ended.unwrap_or(true);
        let redactor = state.redactor.redactor();
        let said = rehearse(redactor, rules, dialogue.channel, &lines, ends);
        let values = own.as_ref().map(|own| values(own, &said));
        let number = (place + 1).to_string();
        let number = Raw::new(number.as_str());
        let id = dialogue.id.as_ref().unwrap_or(&number);
        results.push(DialogueResult {
            id: state.redactor.shown_id(id),
            findings: findings(rules, said, &wanted),
            conditions: values.unwrap_or_default(),
        });
        // Other requests of the worker get a turn.
        tokio::task::yield_now().await;
    }
    Ok(HttpResponse::Ok().json(RuleTestAnswer { results }))
}

async fn read(http: &HttpRequest, payload: web::Payload) -> Result<bytes::Bytes, ApiError> {
    if body::essence(http).as_deref() != Some("application/json") {
        return Err(media_type());
    }
    body::read_up_to(payload.into_inner(), MAX_BODY_BYTES).await
}

/// The rule that was sent, compiled.
fn own_rule(rule: Option<&Value>) -> Result<Option<RuleSet>, ApiError> {
    let Some(rule) = rule else { return Ok(None) };
    let mut rule = Rule::read(rule).map_err(|wrong| {
        let below = wrong.into_iter().map(|wrong| FieldError {
            pointer: format!("/rule{}", wrong.pointer),
            ..wrong
        });
        ApiError::parameters(below.collect())
    })?;
    rule.enabled = true;
    let rule = Versioned {
        id: "test".to_owned(),
        version: 0,
        rule,
    };
    let set = RuleSet::compile(vec![rule]);
    set.map(Some)
        .map_err(|error| ApiError::parameter("/rule", error.to_string()))
}

/// Which rules are answered, by place.
fn wanted(rules: &RuleSet, ids: Option<&[String]>) -> Result<Vec<bool>, ApiError> {
    let Some(ids) = ids else {
        return Ok(vec![true; rules.rules().len()]);
    };
    let known = || rules.rules().iter().map(|rule| rule.id.as_str());
    let unknown = ids.iter().enumerate();
    let unknown = unknown.filter(|(_, id)| !known().any(|known| known == *id));
    let mistakes: Vec<FieldError> = unknown
        .map(|(place, id)| FieldError {
            pointer: format!("/rule_ids/{place}"),
            detail: format!(
                "no rule in force has this id; there are {}",
                listed(id, known())
            ),
        })
        .collect();
    if !mistakes.is_empty() {
        return Err(ApiError::parameters(mistakes));
    }
    Ok(known()
        .map(|known| ids.iter().any(|id| id == known))
        .collect())
}

/// The turns as lines, checked.
fn lines<'a>(turns: &'a [DialogueTurn<'a>], pointer: &str) -> Result<Vec<Line<'a>>, ApiError> {
    if turns.len() > MAX_TURNS {
        let detail = format!("expected at most {MAX_TURNS} turns");
        return Err(ApiError::parameter(format!("{pointer}/turns"), detail));
    }
    let mut mistakes = Vec::new();
    let lines = turns.iter().enumerate().map(|(place, turn)| {
        let words = ["negative", "neutral", "positive"];
        let mood = turn.sentiment.as_deref().and_then(|given| {
            let found = words.iter().position(|word| *word == given);
            if found.is_none() {
                mistakes.push(FieldError {
                    pointer: format!("{pointer}/turns/{place}/sentiment"),
                    detail: format!("expected one of {}", listed(given, words)),
                });
            }
            [-1, 0, 1].get(found?).copied()
        });
        Line {
            speaker: turn.speaker,
            text: &turn.text,
            at_ms: turn.at_ms,
            started_ms: turn.started_ms,
            ended_ms: turn.ended_ms,
            mood,
            language: turn.language.as_deref(),
        }
    });
    let lines = lines.collect();
    if mistakes.is_empty() {
        Ok(lines)
    } else {
        Err(ApiError::parameters(mistakes))
    }
}

fn values(rules: &RuleSet, said: &Rehearsal) -> Vec<ConditionValue> {
    let values = rules.values(&said.talk, 0).into_iter();
    let values = values.map(|(id, value)| ConditionValue {
        id: id.to_owned(),
        value: value.known(),
    });
    values.collect()
}

fn findings(rules: &RuleSet, said: Rehearsal, wanted: &[bool]) -> Vec<TrialFinding> {
    let hits = said.hits.into_iter();
    let hits = hits.filter(|(_, hit)| wanted.get(hit.rule).copied().unwrap_or(false));
    hits.filter_map(|(line, hit)| finding(rules, line, hit))
        .collect()
}

fn finding(rules: &RuleSet, line: Option<usize>, hit: Hit) -> Option<TrialFinding> {
    let versioned = rules.rules().get(hit.rule)?;
    Some(TrialFinding {
        rule_id: versioned.id.clone(),
        rule_version: versioned.version,
        rule_name: versioned.rule.name.clone(),
        severity: versioned.rule.severity.as_str(),
        turn: line.map(|line| line + 1),
        evidence: hit.evidence.into_iter().map(EvidenceView::from).collect(),
    })
}

/// A message before it is sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "这个产品保证收益", "channel": "wechat"}))]
pub struct MessageCheck<'r> {
    /// What is about to be sent.
    #[schema(value_type = String)]
    #[serde(borrow)]
    text: Raw<'r>,
    /// Who sends it; `agent` without it.
    #[schema(value_type = Option<String>)]
    speaker: Option<Speaker>,
    /// The channel; rules for certain channels need it.
    #[schema(value_type = Option<String>)]
    channel: Option<Channel>,
    /// BCP 47; found out without it.
    language: Option<String>,
    /// What was said before, for rules that look at more than one turn.
    #[serde(borrow)]
    turns: Option<Vec<DialogueTurn<'r>>>,
}

/// What the rules say of a message.
#[derive(Serialize, ToSchema)]
pub struct MessageVerdict {
    /// `allow`, `warn` or `block`: the gravest that a rule says.
    #[schema(example = "block")]
    decision: &'static str,
    /// The rules that it hits, if they say `warn` or `block`.
    findings: Vec<TrialFinding>,
    /// The message as it would be stored; places of the evidence count in it.
    #[schema(value_type = String)]
    text: Redacted<'static>,
}

/// Check a message before it is sent
///
/// By the rules in force whose `check` is `warn` or `block`. Nothing is stored.
#[utoipa::path(
    operation_id = "rules_check",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("rules"))),
    request_body(content = MessageCheck, description = "The message.", content_type = "application/json"),
    responses(
        (status = 200, description = "Whether it may be sent.", body = MessageVerdict, example = json!({
            "decision": "block", "text": "这个产品保证收益",
            "findings": [{"rule_id": "promise", "rule_version": 1, "rule_name": "Forbidden promise",
                "severity": "critical", "turn": 1, "evidence": [{"condition": "a", "operator": "sensitive_words",
                "turn": 1, "start": 4, "end": 8, "value": null}]}]
        })),
        Problems,
    ),
)]
#[post("/v1/rules/check")]
pub(in crate::api) async fn rules_check(
    state: web::Data<State>,
    http: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let bytes = read(&http, payload).await?;
    let message: MessageCheck<'_> = decode(&bytes)?;
    let before = message.turns.as_deref().unwrap_or_default();
    let mut lines = lines(before, "")?;
    lines.push(Line {
        speaker: message.speaker.unwrap_or(Speaker::Agent),
        text: &message.text,
        at_ms: None,
        started_ms: None,
        ended_ms: None,
        mood: None,
        language: message.language.as_deref(),
    });
    let last = lines.len() - 1;
    let rules = state.rules.book().rules();
    let redactor = state.redactor.redactor();
    let mut said = rehearse(redactor, &rules, message.channel, &lines, false);
    let check_of = |hit: &Hit| {
        let rule = rules.rules().get(hit.rule);
        rule.map_or(Check::Allow, |rule| rule.rule.check)
    };
    said.hits
        .retain(|(line, hit)| *line == Some(last) && check_of(hit) > Check::Allow);
    let decision = said.hits.iter().map(|(_, hit)| check_of(hit)).max();
    let text = said
        .texts
        .pop()
        .unwrap_or_else(|| state.redactor.shown_id(&Raw::new("")));
    let all = vec![true; rules.rules().len()];
    Ok(HttpResponse::Ok().json(MessageVerdict {
        decision: decision.unwrap_or(Check::Allow).as_str(),
        findings: findings(&rules, said, &all),
        text,
    }))
}
