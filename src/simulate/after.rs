//! What follows an interaction, and what else the house reports: surveys,
//! cases, the CRM, shifts.
//!
//! Invariants: a survey is answered after it was sent; a case that is closed
//! was open.

use std::borrow::Cow;

use super::Interaction;
use super::desk::Desk;
use super::dice::Dice;
use super::journey::{Journey, Sheet, Text, source};
use super::phrases::Phrases;
use super::staff::{HOUR, SECOND};
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
    let sent = SurveySent {
        survey_id: Cow::Borrowed(&*id),
        interaction_id: Some(Cow::Borrowed(&*interaction_id)),
        channel,
        about,
    };
    journey
        .sheet
        .put_beside(source::SURVEYS, &id, sent_at, Data::SurveySent(sent));
    // Angry and delighted people answer more often than the rest.
    if !journey.dice.chance(if journey.upset { 0.3 } else { 0.17 }) {
        return;
    }
    let happy = solved && !journey.upset;
    let weights = if happy {
        [0.02, 0.03, 0.1, 0.3, 0.55]
    } else {
        [0.45, 0.22, 0.16, 0.11, 0.06]
    };
    let csat = journey.dice.weighted(&weights) as u8 + 1;
    let nps = journey
        .dice
        .between(i64::from(csat) * 2 - 2, i64::from(csat) * 2) as u8;
    let delay = journey.dice.exponential_ms(5_400_000.0) * 1_000;
    let comment = journey.dice.chance(0.35) && journey.turns;
    let comment = comment.then(|| comment_of(journey, csat));
    let answered = SurveyAnswered {
        survey_id: Cow::Borrowed(&*id),
        interaction_id: Some(Cow::Borrowed(&*interaction_id)),
        channel,
        about,
        csat: Some(csat),
        nps: journey.dice.chance(0.6).then_some(nps),
        resolved: journey.dice.chance(0.8).then_some(solved),
        comment: comment.map(Cow::Owned),
    };
    journey.sheet.put_beside(
        source::SURVEYS,
        &id,
        sent_at + delay + 10 * SECOND,
        Data::SurveyAnswered(answered),
    );
}

fn comment_of(journey: &Journey, csat: u8) -> String {
    let language = journey.matter.language;
    let mut phrases = Phrases {
        matter: &journey.matter,
        person: &journey.person,
        agent_id: "",
        dice: Dice::new(journey.words_seed, super::dice::Stream::Words, u64::MAX),
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
        let (from, until) = agent.shift;
        let parts = [
            (from, agent.rest.0, "work"),
            (agent.rest.0, agent.rest.1, "break"),
            (agent.rest.1, until, "work"),
        ];
        for (from, to, activity) in parts {
            let scheduled = AgentScheduled {
                agent_id: agent.name(),
                from: Micros(from),
                to: Micros(to),
                activity: Cow::Borrowed(activity),
            };
            // The plan of a day is known when it begins.
            sheet.put_beside(
                source::STAFF,
                &agent.id,
                self.day_start(),
                Data::AgentScheduled(scheduled),
            );
        }
        let languages: Vec<Text<'_>> = match agent.queue {
            super::staff::Queue::English => vec!["zh-CN".into(), "en".into()],
            _ => vec!["zh-CN".into()],
        };
        let queue: Text<'_> = agent.queue.as_str().into();
        let profile = AgentStateChanged {
            queues: Some(vec![queue.clone()]),
            skills: Some(vec![Skill {
                name: queue,
                level: agent.level,
            }]),
            languages: Some(languages),
            capacity: Some(agent.queue.capacity()),
            since: Some(agent.since),
            ..bare_state(&agent.id, AgentState::Available)
        };
        sheet.put_beside(
            source::STAFF,
            &agent.id,
            from,
            Data::AgentStateChanged(profile),
        );
        let changes = [
            (agent.rest.0, AgentState::Break),
            (agent.rest.1, AgentState::Available),
            (until, AgentState::Offline),
        ];
        for (at, state) in changes {
            sheet.put_beside(
                source::STAFF,
                &agent.id,
                at,
                Data::AgentStateChanged(bare_state(&agent.id, state)),
            );
        }
        sheet.finish(false)
    }
}
