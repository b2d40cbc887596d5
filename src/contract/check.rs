//! The rules of the contract that types can't express: ids, ranges, order of
//! times.
//!
//! Invariants: pure; the first broken rule is reported with its pointer.

use super::event::{
    Asr, Customer, Data, Event, Identity, Related, Signals, SurveyAnswered, Transcript,
    TranscriptLeg, TranscriptTurn, Turn,
};
use super::reject::{RejectCode, Rejection};
use crate::domain::{Json, Micros, Raw};

const MAX_ID_CHARS: usize = 200;

type Checked = Result<(), Rejection>;

/// Checks one decoded event.
pub(super) fn event(event: &Event<Raw<'_>>) -> Checked {
    id("/id", &event.id)?;
    id("/source", &event.source)?;
    year("/time", event.time)?;
    match &event.subject {
        Some(subject) => id("/subject", subject)?,
        None if event.data.event_type().is_interaction() => {
            let reason = "field `subject` is missing: it is the interaction id";
            return Err(Rejection::new(RejectCode::MissingField, "/subject", reason));
        }
        None => {}
    }
    data(&event.data)
}

fn data(data: &Data<Raw<'_>>) -> Checked {
    match data {
        Data::Started(data) => {
            customer("/data/customer", data.customer.as_ref())?;
            related(data.related.as_ref())?;
            attributes(data.attributes.as_ref())
        }
        Data::Turn(data) => turn("/data", data),
        Data::TurnRecalled(data) => id("/data/turn_id", &data.turn_id),
        Data::Transcript(data) => transcript(data),
        Data::Answered(data) => optional_id("/data/agent_id", data.agent_id.as_ref()),
        Data::Held(data) => id("/data/agent_id", &data.agent_id),
        Data::Resumed(data) => id("/data/agent_id", &data.agent_id),
        Data::WrappedUp(data) => id("/data/agent_id", &data.agent_id),
        Data::Transferred(data) => {
            optional_id("/data/from_agent_id", data.from_agent_id.as_ref())?;
            optional_id("/data/to_agent_id", data.to_agent_id.as_ref())
        }
        Data::SurveySent(data) => {
            id("/data/survey_id", &data.survey_id)?;
            optional_id("/data/interaction_id", data.interaction_id.as_ref())
        }
        Data::SurveyAnswered(data) => survey(data),
        Data::CaseChanged(data) => {
            id("/data/case_id", &data.case_id)?;
            optional_id("/data/customer_id", data.customer_id.as_ref())?;
            each(data.interaction_ids.as_deref(), |index, value| {
                id(&format!("/data/interaction_ids/{index}"), value)
            })
        }
        Data::AgentStateChanged(data) => {
            id("/data/agent_id", &data.agent_id)?;
            each(data.skills.as_deref(), |index, skill| {
                share(&format!("/data/skills/{index}/level"), Some(skill.level))
            })
        }
        Data::AgentScheduled(data) => {
            id("/data/agent_id", &data.agent_id)?;
            order("/data/to", data.from, data.to)
        }
        Data::CustomerUpdated(data) => {
            id("/data/customer_id", &data.customer_id)?;
            identities("/data/identities", data.identities.as_deref())?;
            share("/data/value_score", data.value_score)?;
            attributes(data.attributes.as_ref())
        }
        Data::KnowledgeUsed(data) => {
            optional_id("/data/interaction_id", data.interaction_id.as_ref())
        }
        Data::IvrStep(_) | Data::Queued(_) | Data::Dequeued(_) | Data::Ended(_) => Ok(()),
    }
}

fn survey(data: &SurveyAnswered<Raw<'_>>) -> Checked {
    id("/data/survey_id", &data.survey_id)?;
    optional_id("/data/interaction_id", data.interaction_id.as_ref())?;
    if data.csat.is_some_and(|score| !(1..=5).contains(&score)) {
        return Err(out_of_range("/data/csat", "1 to 5"));
    }
    if data.nps.is_some_and(|score| score > 10) {
        return Err(out_of_range("/data/nps", "0 to 10"));
    }
    Ok(())
}

fn transcript(data: &Transcript<Raw<'_>>) -> Checked {
    customer("/data/customer", data.customer.as_ref())?;
    related(data.related.as_ref())?;
    attributes(data.attributes.as_ref())?;
    each(data.legs.as_deref(), |index, item| {
        leg(&format!("/data/legs/{index}"), item)
    })?;
    each(data.turns.as_deref(), |index, item| {
        transcript_turn(&format!("/data/turns/{index}"), item)
    })?;
    match &data.ended {
        Some(ended) => year("/data/ended/time", ended.time),
        None => Ok(()),
    }
}

fn leg(pointer: &str, leg: &TranscriptLeg<Raw<'_>>) -> Checked {
    optional_id(&format!("{pointer}/agent_id"), leg.agent_id.as_ref())?;
    year(&format!("{pointer}/started_at"), leg.started_at)?;
    order(&format!("{pointer}/ended_at"), leg.started_at, leg.ended_at)
}

fn transcript_turn(pointer: &str, turn: &TranscriptTurn<Raw<'_>>) -> Checked {
    year(&format!("{pointer}/at"), turn.at)?;
    utterance(
        pointer,
        &turn.turn_id,
        turn.speaker.id.as_ref(),
        (turn.started_at, turn.ended_at),
        (turn.asr.as_ref(), turn.signals.as_ref()),
    )
}

fn turn(pointer: &str, turn: &Turn<Raw<'_>>) -> Checked {
    utterance(
        pointer,
        &turn.turn_id,
        turn.speaker.id.as_ref(),
        (turn.started_at, turn.ended_at),
        (turn.asr.as_ref(), turn.signals.as_ref()),
    )
}

fn utterance(
    pointer: &str,
    turn_id: &Raw<'_>,
    speaker_id: Option<&Raw<'_>>,
    (started_at, ended_at): (Option<Micros>, Option<Micros>),
    (asr, signals): (Option<&Asr<Raw<'_>>>, Option<&Signals<Raw<'_>>>),
) -> Checked {
    id_at(pointer, "/turn_id", turn_id)?;
    if let Some(value) = speaker_id {
        id_at(pointer, "/speaker/id", value)?;
    }
    if let (Some(started_at), Some(ended_at)) = (started_at, ended_at) {
        order(&format!("{pointer}/ended_at"), started_at, ended_at)?;
    }
    if let Some(asr) = asr {
        share(&format!("{pointer}/asr/confidence"), Some(asr.confidence))?;
    }
    let Some(signals) = signals else {
        return Ok(());
    };
    share(&format!("{pointer}/signals/arousal"), signals.arousal)?;
    share(&format!("{pointer}/signals/confidence"), signals.confidence)
}

fn customer(pointer: &str, customer: Option<&Customer<Raw<'_>>>) -> Checked {
    let Some(customer) = customer else {
        return Ok(());
    };
    optional_id(&format!("{pointer}/id"), customer.id.as_ref())?;
    identities(
        &format!("{pointer}/identities"),
        customer.identities.as_deref(),
    )
}

fn related(related: Option<&Related<Raw<'_>>>) -> Checked {
    let Some(related) = related else {
        return Ok(());
    };
    optional_id("/data/related/initial_id", related.initial_id.as_ref())?;
    optional_id("/data/related/previous_id", related.previous_id.as_ref())
}

fn attributes(attributes: Option<&Json<Raw<'_>>>) -> Checked {
    match attributes {
        None | Some(Json::Map(_)) => Ok(()),
        Some(_) => {
            let reason = "expected an object";
            Err(Rejection::new(
                RejectCode::InvalidType,
                "/data/attributes",
                reason,
            ))
        }
    }
}

fn identities(pointer: &str, items: Option<&[Identity<Raw<'_>>]>) -> Checked {
    each(items, |index, identity| {
        let value = identity.value.reveal();
        if value.trim().is_empty() || value.chars().count() > MAX_ID_CHARS {
            return Err(bad_id(
                &format!("{pointer}/{index}/value"),
                "1 to 200 characters",
            ));
        }
        Ok(())
    })
}

fn each<T>(items: Option<&[T]>, mut check: impl FnMut(usize, &T) -> Checked) -> Checked {
    let items = items.unwrap_or_default().iter().enumerate();
    items
        .into_iter()
        .try_for_each(|(index, item)| check(index, item))
}

fn optional_id(pointer: &str, value: Option<&Raw<'_>>) -> Checked {
    value.map_or(Ok(()), |value| id(pointer, value))
}

fn id(pointer: &str, value: &Raw<'_>) -> Checked {
    id_at(pointer, "", value)
}

fn id_at(parent: &str, field: &str, value: &Raw<'_>) -> Checked {
    let text = value.reveal();
    if text.is_empty() || (text.len() > MAX_ID_CHARS && text.chars().count() > MAX_ID_CHARS) {
        return Err(bad_id(&format!("{parent}{field}"), "1 to 200 characters"));
    }
    if text.trim() == text && !has_forbidden(text) {
        return Ok(());
    }
    let reason = "no quotes, semicolons, backslashes, control characters or outer spaces";
    Err(bad_id(&format!("{parent}{field}"), reason))
}

fn has_forbidden(text: &str) -> bool {
    text.chars()
        .any(|c| c.is_control() || matches!(c, '\'' | '"' | '`' | ';' | '\\'))
}

fn bad_id(pointer: &str, expected: &str) -> Rejection {
    Rejection::new(
        RejectCode::InvalidId,
        pointer,
        format!("expected an id: {expected}"),
    )
}

fn out_of_range(pointer: &str, range: &str) -> Rejection {
    Rejection::new(
        RejectCode::InvalidValue,
        pointer,
        format!("expected {range}"),
    )
}

fn share(pointer: &str, value: Option<f64>) -> Checked {
    match value {
        Some(value) if !(0.0..=1.0).contains(&value) => Err(out_of_range(pointer, "0 to 1")),
        _ => Ok(()),
    }
}

fn order(pointer: &str, start: Micros, end: Micros) -> Checked {
    if end < start {
        let reason = "expected an end that is not before its start";
        return Err(Rejection::new(RejectCode::InvalidValue, pointer, reason));
    }
    year(pointer, end)
}

/// Times from 1970 to 9999 fit every reader of the tables.
fn year(pointer: &str, time: Micros) -> Checked {
    const YEAR_10000: i64 = 253_402_300_800_000_000;
    if (0..YEAR_10000).contains(&time.0) {
        return Ok(());
    }
    let reason = "expected a time from 1970-01-01 to 9999-12-31";
    Err(Rejection::new(RejectCode::InvalidTime, pointer, reason))
}
