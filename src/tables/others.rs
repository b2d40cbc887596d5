//! The smaller logs: surveys, cases, agents, customers, knowledge.
//!
//! Invariants: one row an event; every table ends in the same nine columns, so
//! that one view definition serves them all. `skills` is JSON text.

use super::batch::Row;
use super::events::{identities, json, text, texts};
use super::{Meta, Pending, Seen, TableId, table};
use crate::contract::event::{SurveyAnswered, SurveySent};
use crate::contract::{Data, Event};
use crate::domain::Redacted;

table!(SURVEYS, Survey, "surveys", {
    SurveyId = "survey_id": Text(required),
    Status = "status": Text(required),
    InteractionId = "interaction_id": Text,
    Channel = "channel": Text,
    About = "about": Text,
    Csat = "csat": Int,
    Nps = "nps": Int,
    Resolved = "resolved": Bool,
    Comment = "comment": Text,
    EventSource = "event_source": Text(required),
    EventId = "event_id": Text(required),
    Revision = "revision": Int(required),
    Source = "source": Text(required),
    Partition = "partition": Int(required),
    Offset = "offset": Long(required),
    IngestedAt = "ingested_at": Time(required),
    Suspect = "suspect": Bool(required),
    At = "at": Time(required),
});

table!(CASES, Case, "cases", {
    CaseId = "case_id": Text(required),
    CustomerId = "customer_id": Text,
    Status = "status": Text(required),
    InteractionIds = "interaction_ids": Texts,
    Category = "category": Text,
    EventSource = "event_source": Text(required),
    EventId = "event_id": Text(required),
    Revision = "revision": Int(required),
    Source = "source": Text(required),
    Partition = "partition": Int(required),
    Offset = "offset": Long(required),
    IngestedAt = "ingested_at": Time(required),
    Suspect = "suspect": Bool(required),
    At = "at": Time(required),
});

table!(AGENT_STATES, State, "agent_states", {
    AgentId = "agent_id": Text(required),
    State = "state": Text(required),
    Queues = "queues": Texts,
    Skills = "skills": Text,
    Languages = "languages": Texts,
    Capacity = "capacity": Int,
    Since = "since": Time,
    EventSource = "event_source": Text(required),
    EventId = "event_id": Text(required),
    Revision = "revision": Int(required),
    Source = "source": Text(required),
    Partition = "partition": Int(required),
    Offset = "offset": Long(required),
    IngestedAt = "ingested_at": Time(required),
    Suspect = "suspect": Bool(required),
    At = "at": Time(required),
});

table!(AGENT_SCHEDULES, Schedule, "agent_schedules", {
    AgentId = "agent_id": Text(required),
    From = "from_at": Time(required),
    To = "to_at": Time(required),
    Activity = "activity": Text(required),
    EventSource = "event_source": Text(required),
    EventId = "event_id": Text(required),
    Revision = "revision": Int(required),
    Source = "source": Text(required),
    Partition = "partition": Int(required),
    Offset = "offset": Long(required),
    IngestedAt = "ingested_at": Time(required),
    Suspect = "suspect": Bool(required),
    At = "at": Time(required),
});

table!(CUSTOMER_UPDATES, Update, "customer_updates", {
    CustomerId = "customer_id": Text(required),
    Identities = "identities": Texts,
    Tier = "tier": Text,
    ValueScore = "value_score": Real,
    Status = "status": Text,
    StatusAt = "status_at": Time,
    Attributes = "attributes": Text,
    EventSource = "event_source": Text(required),
    EventId = "event_id": Text(required),
    Revision = "revision": Int(required),
    Source = "source": Text(required),
    Partition = "partition": Int(required),
    Offset = "offset": Long(required),
    IngestedAt = "ingested_at": Time(required),
    Suspect = "suspect": Bool(required),
    At = "at": Time(required),
});

table!(KNOWLEDGE_EVENTS, Use, "knowledge_events", {
    ArticleId = "article_id": Text,
    Query = "query": Text,
    Action = "action": Text(required),
    Actor = "actor": Text(required),
    InteractionId = "interaction_id": Text,
    EventSource = "event_source": Text(required),
    EventId = "event_id": Text(required),
    Revision = "revision": Int(required),
    Source = "source": Text(required),
    Partition = "partition": Int(required),
    Offset = "offset": Long(required),
    IngestedAt = "ingested_at": Time(required),
    Suspect = "suspect": Bool(required),
    At = "at": Time(required),
});

pub(super) fn append(
    pending: &mut Pending,
    table: TableId,
    event: &Event<Redacted<'_>>,
    meta: &Meta<'_>,
    seen: &mut dyn Seen,
) {
    let day = event.time.day();
    let repeated = seen.seen(table, day, &[event.source.as_str(), event.id.as_str()]);
    let mut row = pending.batch(table, day).row();
    append_data(&mut row, &event.data);
    let first = table.spec().columns.len() - META_COLUMNS;
    row.text(first, Some(event.source.as_str()));
    row.text(first + 1, Some(event.id.as_str()));
    row.int(first + 2, Some(event.revision));
    row.text(first + 3, Some(&meta.position.source));
    row.int(first + 4, Some(meta.position.partition));
    row.long(first + 5, Some(meta.position.offset));
    row.time(first + 6, Some(meta.ingested_at));
    row.bool(first + 7, Some(repeated || event.revision > 0));
    row.time(first + 8, Some(event.time));
}

/// The columns that every table here ends in.
const META_COLUMNS: usize = 9;

fn append_data(row: &mut Row<'_>, data: &Data<Redacted<'_>>) {
    match data {
        Data::SurveySent(data) => append_survey_sent(row, data),
        Data::SurveyAnswered(data) => append_survey_answered(row, data),
        Data::CaseChanged(data) => {
            row.text(Case::CaseId as usize, Some(data.case_id.as_str()));
            row.text(Case::CustomerId as usize, text(data.customer_id.as_ref()));
            row.text(Case::Status as usize, Some(data.status.as_str()));
            row.texts(
                Case::InteractionIds as usize,
                texts(data.interaction_ids.as_ref()),
            );
            row.text(Case::Category as usize, text(data.category.as_ref()));
        }
        Data::AgentStateChanged(data) => {
            row.text(State::AgentId as usize, Some(data.agent_id.as_str()));
            row.text(State::State as usize, Some(data.state.as_str()));
            row.texts(State::Queues as usize, texts(data.queues.as_ref()));
            let skills = data
                .skills
                .as_ref()
                .and_then(|skills| serde_json::to_string(skills).ok());
            row.text(State::Skills as usize, skills.as_deref());
            row.texts(State::Languages as usize, texts(data.languages.as_ref()));
            row.int(State::Capacity as usize, data.capacity);
            row.time(State::Since as usize, data.since);
        }
        Data::AgentScheduled(data) => {
            row.text(Schedule::AgentId as usize, Some(data.agent_id.as_str()));
            row.time(Schedule::From as usize, Some(data.from));
            row.time(Schedule::To as usize, Some(data.to));
            row.text(Schedule::Activity as usize, Some(data.activity.as_str()));
        }
        Data::CustomerUpdated(data) => {
            row.text(Update::CustomerId as usize, Some(data.customer_id.as_str()));
            row.texts(
                Update::Identities as usize,
                identities(data.identities.as_ref()),
            );
            row.text(Update::Tier as usize, text(data.tier.as_ref()));
            row.real(Update::ValueScore as usize, data.value_score);
            row.text(
                Update::Status as usize,
                data.status.map(|status| status.as_str()),
            );
            row.time(Update::StatusAt as usize, data.status_at);
            row.text(
                Update::Attributes as usize,
                json(data.attributes.as_ref()).as_deref(),
            );
        }
        Data::KnowledgeUsed(data) => {
            row.text(Use::ArticleId as usize, text(data.article_id.as_ref()));
            row.text(Use::Query as usize, text(data.query.as_ref()));
            row.text(Use::Action as usize, Some(data.action.as_str()));
            row.text(Use::Actor as usize, Some(data.actor.as_str()));
            row.text(
                Use::InteractionId as usize,
                text(data.interaction_id.as_ref()),
            );
        }
        _ => {}
    }
}

fn append_survey_sent(row: &mut Row<'_>, data: &SurveySent<Redacted<'_>>) {
    row.text(Survey::SurveyId as usize, Some(data.survey_id.as_str()));
    row.text(Survey::Status as usize, Some("sent"));
    row.text(
        Survey::InteractionId as usize,
        text(data.interaction_id.as_ref()),
    );
    row.text(Survey::Channel as usize, Some(data.channel.as_str()));
    row.text(Survey::About as usize, Some(data.about.as_str()));
}

fn append_survey_answered(row: &mut Row<'_>, data: &SurveyAnswered<Redacted<'_>>) {
    row.text(Survey::SurveyId as usize, Some(data.survey_id.as_str()));
    row.text(Survey::Status as usize, Some("answered"));
    row.text(
        Survey::InteractionId as usize,
        text(data.interaction_id.as_ref()),
    );
    row.text(Survey::Channel as usize, Some(data.channel.as_str()));
    row.text(Survey::About as usize, Some(data.about.as_str()));
    row.int(Survey::Csat as usize, data.csat.map(i32::from));
    row.int(Survey::Nps as usize, data.nps.map(i32::from));
    row.bool(Survey::Resolved as usize, data.resolved);
    row.text(Survey::Comment as usize, text(data.comment.as_ref()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::TableSpec;

    #[test]
    fn every_table_here_ends_in_the_common_columns() {
        let tables: [&TableSpec; 6] = [
            &SURVEYS,
            &CASES,
            &AGENT_STATES,
            &AGENT_SCHEDULES,
            &CUSTOMER_UPDATES,
            &KNOWLEDGE_EVENTS,
        ];
        let expected = [
            "event_source",
            "event_id",
            "revision",
            "source",
            "partition",
            "offset",
            "ingested_at",
            "suspect",
            "at",
        ];
        for table in tables {
            let first = table.columns.len() - META_COLUMNS;
            let names: Vec<_> = table.columns[first..]
                .iter()
                .map(|column| column.name)
                .collect();
            assert_eq!(names, expected, "{}", table.name);
        }
    }
}
