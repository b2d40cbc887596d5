//! Canonical events, version 1.
//!
//! Every struct is generic over its string type `S`: [`Raw`](crate::domain::Raw)
//! as decoded, [`Redacted`](crate::domain::Redacted) after `enrich`. Each string
//! carries its privacy class (`key`, `text`, `closed`) in its schema as
//! `x-privacy`; `enrich` treats the field by that class.
//!
//! Within version 1 fields may be added as optional, never renamed or retyped.

mod data;

pub use data::{
    AgentScheduled, AgentStateChanged, Answered, Asr, CaseChanged, Customer, CustomerUpdated,
    Dequeued, Ended, Held, Identity, IvrStep, KnowledgeUsed, Queued, Related, Resumed, Signals,
    Skill, SpeakerRef, Started, SurveyAnswered, SurveySent, Transcript, TranscriptEnded,
    TranscriptLeg, TranscriptTurn, Transferred, Turn, TurnRecalled, WrappedUp,
};

use crate::domain::Micros;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// One event: the CloudEvents attributes that we keep, and its data.
pub struct Event<S> {
    /// CloudEvents `id`; with `source` the identity of the event.
    pub id: S,
    /// CloudEvents `source`.
    pub source: S,
    /// Interaction id for `interaction.*`, else optional.
    pub subject: Option<S>,
    /// When it happened.
    pub time: Micros,
    /// Of equal identities the greatest revision holds.
    pub revision: i32,
    /// What happened.
    pub data: Data<S>,
}

macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident($data:ident) = $name:literal),+ $(,)?) => {
        /// The event types, in the order in which events of equal time are read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType { $($(#[$doc])* $variant),+ }

        impl EventType {
            /// Every type, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The CloudEvents `type`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The type of that name.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// Position in the order of types.
            pub const fn rank(self) -> i32 {
                self as i32
            }

            /// Whether `subject` is an interaction id.
            pub fn is_interaction(self) -> bool {
                self.as_str().starts_with("interaction.")
            }
        }

        /// The `data` of an event, by type.
        pub enum Data<S> { $($(#[$doc])* $variant($data<S>)),+ }

        impl<S> Data<S> {
            /// The type of this event.
            pub const fn event_type(&self) -> EventType {
                match self { $(Self::$variant(_) => EventType::$variant),+ }
            }
        }

        impl<'de, S: serde::Deserialize<'de>> Data<S>
        where
            crate::domain::Json<S>: serde::Deserialize<'de>,
        {
            /// Reads the data of an event of type `event_type`.
            pub(super) fn deserialize_as<D: serde::Deserializer<'de>>(
                event_type: EventType,
                deserializer: D,
            ) -> Result<Self, D::Error> {
                match event_type {
                    $(EventType::$variant => <$data<S> as serde::Deserialize>::deserialize(deserializer).map(Self::$variant)),+
                }
            }
        }

        impl<S: Serialize> Serialize for Data<S> {
            fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                match self { $(Self::$variant(data) => data.serialize(serializer)),+ }
            }
        }

        /// The JSON Schema of the data of each type.
        pub(super) fn data_schemas(
            generator: &mut schemars::SchemaGenerator,
        ) -> Vec<(EventType, schemars::Schema)> {
            vec![$((EventType::$variant, generator.subschema_for::<$data<crate::domain::Raw<'static>>>())),+]
        }
    };
}

event_types! {
    /// An interaction began.
    Started(Started) = "interaction.started.v1",
    /// One IVR node was visited.
    IvrStep(IvrStep) = "interaction.ivr_step.v1",
    /// It entered a queue.
    Queued(Queued) = "interaction.queued.v1",
    /// It left a queue.
    Dequeued(Dequeued) = "interaction.dequeued.v1",
    /// An agent answered.
    Answered(Answered) = "interaction.answered.v1",
    /// The agent put it on hold.
    Held(Held) = "interaction.held.v1",
    /// The hold ended.
    Resumed(Resumed) = "interaction.resumed.v1",
    /// It was handed on.
    Transferred(Transferred) = "interaction.transferred.v1",
    /// Someone said something.
    Turn(Turn) = "interaction.turn.v1",
    /// A turn was taken back.
    TurnRecalled(TurnRecalled) = "interaction.turn_recalled.v1",
    /// It ended.
    Ended(Ended) = "interaction.ended.v1",
    /// The agent finished the work after it.
    WrappedUp(WrappedUp) = "interaction.wrapped_up.v1",
    /// A whole finished interaction.
    Transcript(Transcript) = "interaction.transcript.v1",
    /// A survey was sent.
    SurveySent(SurveySent) = "survey.sent.v1",
    /// A survey was answered.
    SurveyAnswered(SurveyAnswered) = "survey.answered.v1",
    /// A case was opened, closed or reopened.
    CaseChanged(CaseChanged) = "case.changed.v1",
    /// An agent's state changed.
    AgentStateChanged(AgentStateChanged) = "agent.state_changed.v1",
    /// An agent was scheduled.
    AgentScheduled(AgentScheduled) = "agent.scheduled.v1",
    /// The CRM knows something new about a customer.
    CustomerUpdated(CustomerUpdated) = "customer.updated.v1",
    /// The knowledge base was used.
    KnowledgeUsed(KnowledgeUsed) = "knowledge.used.v1",
}

impl<S: Serialize> Serialize for Event<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("specversion", "1.0")?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("source", &self.source)?;
        map.serialize_entry("type", self.data.event_type().as_str())?;
        if let Some(subject) = &self.subject {
            map.serialize_entry("subject", subject)?;
        }
        map.serialize_entry("time", &self.time)?;
        if self.revision != 0 {
            map.serialize_entry("revision", &self.revision)?;
        }
        map.serialize_entry("data", &self.data)?;
        map.end()
    }
}
