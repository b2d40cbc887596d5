//! What follows an interaction, and what else the house reports: surveys,
//! cases, the CRM, shifts.
//!
//! Invariants: a survey is answered after it was sent; a case that is closed
//! was open.

use std::borrow::Cow;

use super::Interaction;
use super::desk::Desk;
use super::dice::{Dice, Stream};
use super::journey::{Journey, Sheet, Text, source};
use super::phrases::Phrases;
use super::staff::{Agent, HOUR, MS, Queue, SECOND};
use super::stays::bare_state;
use crate::contract::Data;
use crate::contract::event::{
    AgentScheduled, AgentStateChanged, CaseChanged, CustomerUpdated, Skill, SurveyAnswered,
    SurveySent,
};
use crate::domain::{AgentState, CaseStatus, Channel, CustomerStatus, Json, Micros, SurveyAbout};

/// Everything that may follow an interaction that ended at `ended_at`.
pub(super) fn all(journey: &mut Journey, (ended_at, solved): (i64, bool), about: SurveyAbout) {
    survey(journey, ended_at, solved, about);
    if !solved && journey.dice.chance(0.3) {
        case(journey, ended_at);
    }
    if journey.dice.chance(0.04) {
        crm(journey, ended_at);
    }
}

fn survey(journey: &mut Journey, ended_at: i64, solved: bool, about: SurveyAbout) {
    if !journey.dice.chance(0.55) {
        return;
    }
    let id = format!("survey-{}", journey.sheet.id);
    let interaction_id = journey.sheet.id.clone();
    let channel = if journey.channel == Channel::Email {
        Channel::Email
    } else {
        Channel::Wechat
    };
    let sent_at = ended_at + journey.dice.between(20, 180) * SECOND;
    let sent = || SurveySent {
        survey_id: Cow::Borrowed(&*id),
        interaction_id: Some(Cow::Borrowed(&*interaction_id)),
        channel,
        about,
    };
    journey
        .sheet
        .put_beside(source::SURVEYS, &id, sent_at, Data::SurveySent(sent()));
    // Angry and delighted people answer more often than the rest.
    if journey.dice.chance(if journey.upset { 0.3 } else { 0.17 }) {
        answer(journey, sent(), sent_at, solved);
    }
}

fn answer(journey: &mut Journey, sent: SurveySent<Text<'_>>, sent_at: i64, solved: bool) {
    let weights = if solved && !journey.upset {
        [0.02, 0.03, 0.1, 0.3, 0.55]
    } else {
        [0.45, 0.22, 0.16, 0.11, 0.06]
    };
    let csat = journey.dice.weighted(&weights) as u8 + 1;
    let highest = i64::from(csat) * 2;
    let nps = journey.dice.between(highest - 2, highest) as u8;
    let delay = journey.dice.exponential_ms(5_400_000.0) * MS + 10 * SECOND;
    let comment = journey.dice.chance(0.35);
    let comment = comment.then(|| comment_of(journey, csat));
    let id = sent.survey_id.clone();
    let answered = SurveyAnswered {
        survey_id: sent.survey_id,
        interaction_id: sent.interaction_id,
        channel: sent.channel,
        about: sent.about,
        csat: Some(csat),
        nps: journey.dice.chance(0.6).then_some(nps),
        resolved: journey.dice.chance(0.8).then_some(solved),
        comment: comment.map(Cow::Owned),
    };
    let answered = Data::SurveyAnswered(answered);
    journey
        .sheet
        .put_beside(source::SURVEYS, &id, sent_at + delay, answered);
}

fn comment_of(journey: &Journey, csat: u8) -> String {
    let language = journey.matter.language;
    let mut phrases = Phrases {
        matter: &journey.matter,
        person: &journey.person,
        agent_id: "",
        dice: Dice::new(journey.words_seed, Stream::Words, u64::MAX),
    };
    phrases.one_of(if csat >= 4 {
        language.comments
    } else {
        language.comments_upset
    })
}

fn case(journey: &mut Journey, ended_at: i64) {
    let id = format!("case-{}", journey.sheet.id);
    let opened_at = ended_at + journey.dice.between(5, 60) * SECOND;
    let closed_at = opened_at + journey.dice.between(1, 40) * HOUR;
    put_case(journey, &id, opened_at, CaseStatus::Open);
    if journey.dice.chance(0.85) {
        put_case(journey, &id, closed_at, CaseStatus::Closed);
        if journey.dice.chance(0.08) {
            put_case(journey, &id, closed_at + 3 * HOUR, CaseStatus::Reopened);
        }
    }
}

fn put_case(journey: &mut Journey, id: &str, at: i64, status: CaseStatus) {
    let interaction_id = journey.sheet.id.clone();
    let customer_id = journey.person.id.clone();
    let changed = CaseChanged {
        case_id: Cow::Borrowed(id),
        customer_id: Some(Cow::Borrowed(&*customer_id)),
        status,
        interaction_ids: Some(vec![Cow::Borrowed(&*interaction_id)]),
        category: Some(Cow::Borrowed(journey.matter.intent.code)),
    };
    journey
        .sheet
        .put_beside(source::CASES, id, at, Data::CaseChanged(changed));
}

fn crm(journey: &mut Journey, ended_at: i64) {
    let at = ended_at + journey.dice.between(60, 3_600) * SECOND;
    let status = match journey.dice.weighted(&[0.9, 0.07, 0.03]) {
        0 => CustomerStatus::Active,
        1 => CustomerStatus::Leaving,
        _ => CustomerStatus::Left,
    };
    let person = &journey.person;
    let attributes = Json::Map(vec![
        (
            Cow::Borrowed("name"),
            Json::Text(Cow::Borrowed(&*person.name)),
        ),
        (
            Cow::Borrowed("address"),
            Json::Text(Cow::Owned(person.address())),
        ),
        (
            Cow::Borrowed("months_with_us"),
            Json::Number(journey.dice.between(1, 160).into()),
        ),
    ]);
    let updated = CustomerUpdated {
        customer_id: Cow::Borrowed(&*person.id),
        identities: Some(person.identities()),
        tier: Some(Cow::Borrowed(
            *journey
                .dice
                .pick(&["standard", "silver", "gold", "diamond"]),
        )),
        value_score: Some(journey.dice.between(0, 100) as f64 / 100.0),
        status: Some(status),
        status_at: (status != CustomerStatus::Active).then_some(Micros(at - at % SECOND)),
        attributes: Some(attributes),
    };
    journey
        .sheet
        .put_beside(source::CRM, &person.id, at, Data::CustomerUpdated(updated));
}

impl Desk {
    /// The plan and the changes of state of one agent's day.
    pub(super) fn agent_day(&self, index: usize) -> Interaction {
        let agent = &self.staff.agents[index];
        let day = Micros(self.day_start()).day();
        let mut sheet = Sheet::new(format!("{}-{day}", agent.id));
        let mut put = |at, data| sheet.put_beside(source::STAFF, &agent.id, at, data);
        // The plan of a day is known when it begins.
        for scheduled in plan(agent) {
            put(self.day_start(), Data::AgentScheduled(scheduled));
        }
        put(agent.shift.0, Data::AgentStateChanged(profile(agent)));
        let changes = [
            (agent.rest.0, AgentState::Break),
            (agent.rest.1, AgentState::Available),
            (agent.shift.1, AgentState::Offline),
        ];
        for (at, state) in changes {
            put(at, Data::AgentStateChanged(bare_state(&agent.id, state)));
        }
        sheet.finish(false)
    }
}

fn plan(agent: &Agent) -> [AgentScheduled<Text<'_>>; 3] {
    let part = |from, to, activity| AgentScheduled {
        agent_id: agent.name(),
        from: Micros(from),
        to: Micros(to),
        activity: Cow::Borrowed(activity),
    };
    [
        part(agent.shift.0, agent.rest.0, "work"),
        part(agent.rest.0, agent.rest.1, "break"),
        part(agent.rest.1, agent.shift.1, "work"),
    ]
}

/// The state at the start of the shift, with all that is known of the agent.
fn profile(agent: &Agent) -> AgentStateChanged<Text<'_>> {
    let languages: &[&str] = match agent.queue {
        Queue::English => &["zh-CN", "en"],
        _ => &["zh-CN"],
    };
    let queue: Text<'_> = agent.queue.as_str().into();
    AgentStateChanged {
        queues: Some(vec![queue.clone()]),
        skills: Some(vec![Skill {
            name: queue,
            level: agent.level,
        }]),
        languages: Some(languages.iter().map(|tag| Cow::Borrowed(*tag)).collect()),
        capacity: Some(agent.queue.capacity()),
        since: Some(agent.since),
        ..bare_state(&agent.id, AgentState::Available)
    }
}
