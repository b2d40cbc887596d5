//! The marts that are stored for closed days: `legs`, `interactions` and the cells of metrics.
//!
//! Invariants: columns and order are those of `queries/marts/`, less `dt`, the
//! day of the interaction, which is the partition (a test of `query` compares
//! them). Rows are made by SQL alone. Not here: when they are made (`jobs`),
//! what is still answered live (`query`).

use super::batch::TableSpec;
use super::table;

/// A relation whose closed days are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MartId {
    /// One row an interaction; written first, because the ids of `legs` are found in it.
    Interactions,
    /// One row a stay with one handler.
    Legs,
    /// One row a metric, quarter of an hour, channel and queue.
    Cells,
}

impl MartId {
    /// Every stored mart, in the order in which they are written.
    pub const ALL: &'static [Self] = &[Self::Interactions, Self::Legs, Self::Cells];

    /// Name and columns.
    pub const fn spec(self) -> &'static TableSpec {
        match self {
            Self::Interactions => &INTERACTIONS,
            Self::Legs => &LEGS,
            Self::Cells => &CELLS,
        }
    }

    /// Name in SQL and in the lake.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }
}

table!(INTERACTIONS, InteractionColumn, "interactions", {
    InteractionId = "interaction_id": Text(required),
    Channel = "channel": Text,
    Direction = "direction": Text,
    CustomerId = "customer_id": Text,
    Entry = "entry": Text,
    StartedAt = "started_at": Time,
    EndedAt = "ended_at": Time,
    IsOpen = "is_open": Bool,
    Queue = "queue": Text,
    Queues = "queues": Texts,
    AgentId = "agent_id": Text,
    Agents = "agents": Texts,
    Offered = "offered": Bool,
    Outcome = "outcome": Text,
    EndReason = "end_reason": Text,
    EndedBy = "ended_by": Text,
    Disposition = "disposition": Text,
    Resolved = "resolved": Bool,
    IvrMs = "ivr_ms": Long,
    WaitMs = "wait_ms": Long,
    RingMs = "ring_ms": Long,
    TalkMs = "talk_ms": Long,
    HoldMs = "hold_ms": Long,
    WrapUpMs = "wrap_up_ms": Long,
    HandleMs = "handle_ms": Long,
    Transfers = "transfers": Long,
    CustomerTurns = "customer_turns": Long,
    AgentTurns = "agent_turns": Long,
    BotTurns = "bot_turns": Long,
    Csat = "csat": Int,
    Nps = "nps": Int,
    SentimentScore = "sentiment_score": Real,
    SentimentShift = "sentiment_shift": Real,
    Dissatisfaction = "dissatisfaction": Real,
    TimeSource = "time_source": Text,
    Attributes = "attributes": Text,
    PreviousId = "previous_id": Text,
    Language = "language": Text,
});

table!(LEGS, LegColumn, "legs", {
    InteractionId = "interaction_id": Text(required),
    Leg = "leg": Long(required),
    Handler = "handler": Text,
    Channel = "channel": Text,
    Queue = "queue": Text,
    AgentId = "agent_id": Text,
    EnqueuedAt = "enqueued_at": Time,
    StartedAt = "started_at": Time,
    EndedAt = "ended_at": Time,
    Outcome = "outcome": Text,
    WaitMs = "wait_ms": Long,
    RingMs = "ring_ms": Long,
    TalkMs = "talk_ms": Long,
    HoldMs = "hold_ms": Long,
    WrapUpMs = "wrap_up_ms": Long,
});

table!(CELLS, CellColumn, "metric_cells", {
    Metric = "metric": Text(required),
    IntervalStart = "interval_start": Time(required),
    Channel = "channel": Text,
    Queue = "queue": Text,
    Eligible = "eligible": Long,
    Analysed = "analysed": Long,
    N = "n": Long,
    Numerator = "numerator": Long,
    Denominator = "denominator": Long,
});
