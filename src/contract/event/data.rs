//! The `data` of each event type, field by field as in the contract.
//!
//! `None` stands for "not said"; JSON `null` reads as "not said" too. Durations
//! are milliseconds and not negative. Ranges that types can't express are
//! checked in [`check`](super::super::check).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Actor, AgentState, CaseStatus, Channel, ContentType, CustomerStatus, Direction, EndReason,
    EndedBy, Entry, Handler, IdentityKind, IvrAction, Json, KnowledgeAction, LegOutcome, Micros,
    Speaker, SurveyAbout, TimeSource, TransferKind,
};

/// A duration in milliseconds, not negative.
pub type Millis = u32;

/// One way to reach or recognise a customer; the value is always tokenised.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Identity", bound = "S: JsonSchema")]
pub struct Identity<S> {
    /// What the value is.
    pub kind: IdentityKind,
    /// The number, address or id.
    #[schemars(extend("x-privacy" = "key", "x-tokenised" = "always"))]
    pub value: S,
}

/// The customer as the source knows him.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Customer", bound = "S: JsonSchema")]
pub struct Customer<S> {
    /// The source's customer id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub id: Option<S>,
    /// Phones, addresses and accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identities: Option<Vec<Identity<S>>>,
}

/// How this interaction follows from another.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Related", bound = "S: JsonSchema")]
pub struct Related<S> {
    /// The first interaction of the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub initial_id: Option<S>,
    /// The one just before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub previous_id: Option<S>,
    /// Why it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "text"))]
    pub reason: Option<S>,
}

/// `interaction.started.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(
    serialize = "S: Serialize",
    deserialize = "S: Deserialize<'de>, Json<S>: Deserialize<'de>"
))]
#[schemars(rename = "Started", bound = "S: JsonSchema")]
pub struct Started<S> {
    /// Medium.
    pub channel: Channel,
    /// Who began.
    pub direction: Direction,
    /// Who the customer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer<S>>,
    /// Where the customer entered.
    pub entry: Entry,
    /// BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub language: Option<S>,
    /// The interaction that this one goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<Related<S>>,
    /// The source's own fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Json<S>>,
}

/// `interaction.ivr_step.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "IvrStep", bound = "S: JsonSchema")]
pub struct IvrStep<S> {
    /// The node of the menu tree.
    #[schemars(extend("x-privacy" = "key"))]
    pub node: S,
    /// What happened there.
    pub action: IvrAction,
    /// What the customer pressed or said; longer than 2 digits is kept as its length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "text", "x-kept-as" = "its length when longer than 2 digits"))]
    pub input: Option<S>,
    /// The node's caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "text"))]
    pub label: Option<S>,
}

/// `interaction.queued.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Queued", bound = "S: JsonSchema")]
pub struct Queued<S> {
    /// Name of the queue.
    #[schemars(extend("x-privacy" = "key"))]
    pub queue: S,
    /// Skills asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("items" = {"type": "string", "x-privacy": "key"}))]
    pub skills: Option<Vec<S>>,
    /// The router's priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The wait that was announced, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_wait_ms: Option<Millis>,
}

/// `interaction.dequeued.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Dequeued", bound = "S: JsonSchema")]
pub struct Dequeued<S> {
    /// Name of the queue.
    #[schemars(extend("x-privacy" = "key"))]
    pub queue: S,
    /// How the stay ended.
    pub outcome: LegOutcome,
}

/// `interaction.answered.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Answered", bound = "S: JsonSchema")]
pub struct Answered<S> {
    /// Who answered; unknown when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub agent_id: Option<S>,
    /// From which queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub queue: Option<S>,
    /// How long it rang, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_ms: Option<Millis>,
}

/// `interaction.held.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Held", bound = "S: JsonSchema")]
pub struct Held<S> {
    /// Who held.
    #[schemars(extend("x-privacy" = "key"))]
    pub agent_id: S,
}

/// `interaction.resumed.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Resumed", bound = "S: JsonSchema")]
pub struct Resumed<S> {
    /// Who resumed.
    #[schemars(extend("x-privacy" = "key"))]
    pub agent_id: S,
}

/// `interaction.transferred.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Transferred", bound = "S: JsonSchema")]
pub struct Transferred<S> {
    /// Who handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub from_agent_id: Option<S>,
    /// To which agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub to_agent_id: Option<S>,
    /// To which queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub to_queue: Option<S>,
    /// How.
    pub kind: TransferKind,
}

/// Who spoke.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "SpeakerRef", bound = "S: JsonSchema")]
pub struct SpeakerRef<S> {
    /// On which side.
    pub role: Speaker,
    /// The speaker's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub id: Option<S>,
}

/// What the speech recogniser said of a turn.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Asr", bound = "S: JsonSchema")]
pub struct Asr<S> {
    /// 0 to 1.
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    pub confidence: f64,
    /// Name of the recogniser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub engine: Option<S>,
}

/// What was measured on the voice.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Signals", bound = "S: JsonSchema")]
pub struct Signals<S> {
    /// 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    pub arousal: Option<f64>,
    /// Decibel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loudness_db: Option<f64>,
    /// The engine's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub emotion: Option<S>,
    /// 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    pub confidence: Option<f64>,
    /// Name of the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub engine: Option<S>,
}

/// `interaction.turn.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Turn", bound = "S: JsonSchema")]
pub struct Turn<S> {
    /// Identity of the turn within the interaction.
    #[schemars(extend("x-privacy" = "key"))]
    pub turn_id: S,
    /// Who spoke.
    pub speaker: SpeakerRef<S>,
    /// What was said.
    #[schemars(extend("x-privacy" = "text"))]
    pub text: S,
    /// Start of the utterance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Micros>,
    /// End of the utterance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Micros>,
    /// What the turn carries.
    pub content_type: ContentType,
    /// Speech recognition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asr: Option<Asr<S>>,
    /// Voice measurements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signals: Option<Signals<S>>,
    /// BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub language: Option<S>,
}

/// `interaction.turn_recalled.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "TurnRecalled", bound = "S: JsonSchema")]
pub struct TurnRecalled<S> {
    /// The turn that was taken back.
    #[schemars(extend("x-privacy" = "key"))]
    pub turn_id: S,
}

/// `interaction.ended.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Ended", bound = "S: JsonSchema")]
pub struct Ended<S> {
    /// Why it ended.
    pub reason: EndReason,
    /// Who ended it.
    pub ended_by: EndedBy,
    /// The agent's closing code or words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "text"))]
    pub disposition: Option<S>,
    /// Whether the matter was solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<bool>,
    /// Work after it, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_up_ms: Option<Millis>,
}

/// `interaction.wrapped_up.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "WrappedUp", bound = "S: JsonSchema")]
pub struct WrappedUp<S> {
    /// Who wrapped up.
    #[schemars(extend("x-privacy" = "key"))]
    pub agent_id: S,
    /// How long, ms.
    pub wrap_up_ms: Millis,
    /// The agent's closing code or words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "text"))]
    pub disposition: Option<S>,
}

/// One stay with one handler, with its own times.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "TranscriptLeg", bound = "S: JsonSchema")]
pub struct TranscriptLeg<S> {
    /// Who handled it.
    pub handler: Handler,
    /// Name of the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub queue: Option<S>,
    /// The agent; unknown when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub agent_id: Option<S>,
    /// Start of the stay; for a queue the time of entering it.
    pub started_at: Micros,
    /// End of the stay.
    pub ended_at: Micros,
    /// How a queue stay ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<LegOutcome>,
    /// How long it rang, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_ms: Option<Millis>,
    /// Time on hold, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_ms: Option<Millis>,
    /// Work after it, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_up_ms: Option<Millis>,
}

/// A turn of a transcript.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "TranscriptTurn", bound = "S: JsonSchema")]
pub struct TranscriptTurn<S> {
    /// When it was said.
    pub at: Micros,
    /// Identity of the turn within the interaction.
    #[schemars(extend("x-privacy" = "key"))]
    pub turn_id: S,
    /// Who spoke.
    pub speaker: SpeakerRef<S>,
    /// What was said.
    #[schemars(extend("x-privacy" = "text"))]
    pub text: S,
    /// Start of the utterance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Micros>,
    /// End of the utterance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Micros>,
    /// What the turn carries.
    pub content_type: ContentType,
    /// Speech recognition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asr: Option<Asr<S>>,
    /// Voice measurements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signals: Option<Signals<S>>,
    /// BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub language: Option<S>,
}

/// How a transcript ended.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "TranscriptEnded", bound = "S: JsonSchema")]
pub struct TranscriptEnded<S> {
    /// When it ended.
    pub time: Micros,
    /// Why it ended.
    pub reason: EndReason,
    /// Who ended it.
    pub ended_by: EndedBy,
    /// The agent's closing code or words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "text"))]
    pub disposition: Option<S>,
    /// Whether the matter was solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<bool>,
    /// Work after it, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_up_ms: Option<Millis>,
}

/// `interaction.transcript.v1`: a whole finished interaction; the event's `time` is its start.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(
    serialize = "S: Serialize",
    deserialize = "S: Deserialize<'de>, Json<S>: Deserialize<'de>"
))]
#[schemars(rename = "Transcript", bound = "S: JsonSchema")]
pub struct Transcript<S> {
    /// Medium.
    pub channel: Channel,
    /// Who began.
    pub direction: Direction,
    /// Who the customer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer<S>>,
    /// Where the customer entered.
    pub entry: Entry,
    /// BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub language: Option<S>,
    /// The interaction that this one goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<Related<S>>,
    /// The source's own fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Json<S>>,
    /// `made` when a mapping counted the times up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_source: Option<TimeSource>,
    /// The stays; they may overlap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legs: Option<Vec<TranscriptLeg<S>>>,
    /// The turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<Vec<TranscriptTurn<S>>>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<TranscriptEnded<S>>,
}

/// `survey.sent.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "SurveySent", bound = "S: JsonSchema")]
pub struct SurveySent<S> {
    /// Identity of the survey.
    #[schemars(extend("x-privacy" = "key"))]
    pub survey_id: S,
    /// What it asks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub interaction_id: Option<S>,
    /// How it was sent.
    pub channel: Channel,
    /// What it asks about.
    pub about: SurveyAbout,
}

/// `survey.answered.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "SurveyAnswered", bound = "S: JsonSchema")]
pub struct SurveyAnswered<S> {
    /// Identity of the survey.
    #[schemars(extend("x-privacy" = "key"))]
    pub survey_id: S,
    /// What it asks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub interaction_id: Option<S>,
    /// How it was sent.
    pub channel: Channel,
    /// What it asks about.
    pub about: SurveyAbout,
    /// 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 1, "maximum" = 5))]
    pub csat: Option<u8>,
    /// 0 to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 0, "maximum" = 10))]
    pub nps: Option<u8>,
    /// Whether the matter was solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<bool>,
    /// The customer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "text"))]
    pub comment: Option<S>,
}

/// `case.changed.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "CaseChanged", bound = "S: JsonSchema")]
pub struct CaseChanged<S> {
    /// Identity of the case.
    #[schemars(extend("x-privacy" = "key"))]
    pub case_id: S,
    /// Whose case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub customer_id: Option<S>,
    /// Its state.
    pub status: CaseStatus,
    /// The interactions on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("items" = {"type": "string", "x-privacy": "key"}))]
    pub interaction_ids: Option<Vec<S>>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "text"))]
    pub category: Option<S>,
}

/// What an agent can do.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "Skill", bound = "S: JsonSchema")]
pub struct Skill<S> {
    /// Name of the skill.
    #[schemars(extend("x-privacy" = "key"))]
    pub name: S,
    /// 0 to 1.
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    pub level: f64,
}

/// `agent.state_changed.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "AgentStateChanged", bound = "S: JsonSchema")]
pub struct AgentStateChanged<S> {
    /// Which agent.
    #[schemars(extend("x-privacy" = "key"))]
    pub agent_id: S,
    /// The new state.
    pub state: AgentState,
    /// Queues served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("items" = {"type": "string", "x-privacy": "key"}))]
    pub queues: Option<Vec<S>>,
    /// Skills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<Skill<S>>>,
    /// BCP 47 tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("items" = {"type": "string", "x-privacy": "key"}))]
    pub languages: Option<Vec<S>>,
    /// Interactions at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<i32>,
    /// In service since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Micros>,
}

/// `agent.scheduled.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "AgentScheduled", bound = "S: JsonSchema")]
pub struct AgentScheduled<S> {
    /// Which agent.
    #[schemars(extend("x-privacy" = "key"))]
    pub agent_id: S,
    /// Start.
    pub from: Micros,
    /// End.
    pub to: Micros,
    /// What is planned.
    #[schemars(extend("x-privacy" = "key"))]
    pub activity: S,
}

/// `customer.updated.v1`, from the CRM
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(
    serialize = "S: Serialize",
    deserialize = "S: Deserialize<'de>, Json<S>: Deserialize<'de>"
))]
#[schemars(rename = "CustomerUpdated", bound = "S: JsonSchema")]
pub struct CustomerUpdated<S> {
    /// Which customer.
    #[schemars(extend("x-privacy" = "key"))]
    pub customer_id: S,
    /// Phones, addresses and accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identities: Option<Vec<Identity<S>>>,
    /// Service tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub tier: Option<S>,
    /// 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    pub value_score: Option<f64>,
    /// Whether he stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<CustomerStatus>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_at: Option<Micros>,
    /// The CRM's own fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Json<S>>,
}

/// `knowledge.used.v1`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "KnowledgeUsed", bound = "S: JsonSchema")]
pub struct KnowledgeUsed<S> {
    /// Which article.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub article_id: Option<S>,
    /// What was searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "text"))]
    pub query: Option<S>,
    /// What was done.
    pub action: KnowledgeAction,
    /// By whom.
    pub actor: Actor,
    /// During which interaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-privacy" = "key"))]
    pub interaction_id: Option<S>,
}
