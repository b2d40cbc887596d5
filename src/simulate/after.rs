//! What follows an interaction, and what else the house reports: surveys,
//! cases, the CRM, shifts.
//!
//! Invariants: a survey is answered after it was sent; a case that is closed
//! was open.

use std::borrow::Cow;

use super::contact::{Contact, Step};
use super::customers::{Facts, Leaver, TIERS};
use super::desk::State;
use super::floor;
use super::people::{Person, has_second};
use super::render::{Pen, World};
use super::scenario::Part;
use super::sheet::{CASES, CRM, Line, STAFF, SURVEYS, Sheet, Text};
use super::staff::{Agent, Duty, HOUR, MS, SECOND};
use crate::contract::Data;
use crate::contract::event::{
    AgentScheduled, AgentStateChanged, CaseChanged, CustomerUpdated, Skill, SurveyAnswered,
    SurveySent,
};
use crate::domain::{AgentState, CaseStatus, Channel, CustomerStatus, Json, Micros, SurveyAbout};

/// Everything that may follow an interaction.
pub(super) fn all(pen: &mut Pen<'_>) {
    let Some(ended_at) = pen.contact.ended_at else {
        return;
    };
    survey(pen, ended_at);
    if !pen.contact.solved && pen.dice.chance(0.3) {
        case(pen, ended_at);
    }
}

fn about(contact: &Contact) -> SurveyAbout {
    let bot = contact
        .steps
        .iter()
        .any(|step| matches!(step, Step::Bot { .. }));
    match (contact.last_stay().is_some(), bot) {
        (true, _) => SurveyAbout::Interaction,
        (false, true) => SurveyAbout::Bot,
        (false, false) => SurveyAbout::SelfService,
    }
}

fn survey(pen: &mut Pen<'_>, ended_at: i64) {
    if !pen.dice.chance(0.55) {
        return;
    }
    let contact = pen.contact;
    let id = format!("survey-{}", contact.id);
    let channel = if contact.channel == Channel::Email {
        Channel::Email
    } else {
        Channel::Wechat
    };
    let sent_at = ended_at + pen.dice.between(20, 180) * SECOND;
    let sent = || SurveySent {
        survey_id: Cow::Borrowed(&*id),
        interaction_id: Some(Cow::Borrowed(&*contact.id)),
        channel,
        about: about(contact),
    };
    pen.sheet
        .put(SURVEYS, Some(&id), sent_at, Data::SurveySent(sent()));
    // Angry and delighted people answer more often than the rest.
    let answers = 0.1 + 0.11 * contact.mood_end.abs();
    if pen.dice.chance(answers) {
        answer(pen, sent(), sent_at);
    }
}

fn answer(pen: &mut Pen<'_>, sent: SurveySent<Text<'_>>, sent_at: i64) {
    let contact = pen.contact;
    let felt = contact.mood_end + 0.6 * pen.dice.normal();
    let csat = match felt {
        felt if felt < -1.7 => 1,
        felt if felt < -1.15 => 2,
        felt if felt < -0.5 => 3,
        felt if felt < 0.15 => 4,
        _ => 5_u8,
    };
    let highest = i64::from(csat) * 2;
    let nps = pen.dice.between(highest - 2, highest) as u8;
    let delay = pen.dice.exponential_ms(5_400_000.0).min(72_000_000) * MS + 10 * SECOND;
    let comment = pen.dice.chance(0.35).then(|| {
        let mut phrases = pen.phrases(u64::MAX, "");
        let part = if csat >= 4 {
            Part::Comments
        } else {
            Part::CommentsBad
        };
        phrases.add(part).finished().text
    });
    let id = sent.survey_id.clone();
    let answered = SurveyAnswered {
        survey_id: sent.survey_id,
        interaction_id: sent.interaction_id,
        channel: sent.channel,
        about: sent.about,
        csat: Some(csat),
        nps: pen.dice.chance(0.6).then_some(nps),
        resolved: pen.dice.chance(0.8).then_some(contact.solved),
        comment: comment.map(Cow::Owned),
    };
    let answered = Data::SurveyAnswered(answered);
    pen.sheet.put(SURVEYS, Some(&id), sent_at + delay, answered);
}

fn case(pen: &mut Pen<'_>, ended_at: i64) {
    let id = format!("case-{}", pen.contact.id);
    let opened_at = ended_at + pen.dice.between(5, 60) * SECOND;
    let closed_at = opened_at + pen.dice.between(1, 18) * HOUR;
    put_case(pen, &id, opened_at, CaseStatus::Open);
    if pen.dice.chance(0.85) {
        put_case(pen, &id, closed_at, CaseStatus::Closed);
        if pen.dice.chance(0.08) {
            put_case(pen, &id, closed_at + 3 * HOUR, CaseStatus::Reopened);
        }
    }
}

fn put_case(pen: &mut Pen<'_>, id: &str, at: i64, status: CaseStatus) {
    let changed = CaseChanged {
        case_id: Cow::Borrowed(id),
        customer_id: Some(Cow::Borrowed(&*pen.person.id)),
        status,
        interaction_ids: Some(vec![Cow::Borrowed(&*pen.contact.id)]),
        category: Some(Cow::Borrowed(&*pen.intent.code)),
    };
    pen.sheet
        .put(CASES, Some(id), at, Data::CaseChanged(changed));
}

/// A customer as the CRM has him on the first day, each account.
pub(super) fn known(world: World<'_>, at: i64, customer: u64) -> Vec<Line> {
    let mut lines = Vec::new();
    for second in [false, true] {
        if !second || has_second(customer) {
            let status = (CustomerStatus::Active, None);
            lines.extend(updated(world, at, (customer, second), status, "known"));
        }
    }
    lines
}

/// What the CRM writes of one who leaves.
pub(super) fn leaves(world: World<'_>, leaver: &Leaver) -> Vec<Line> {
    let customer = (leaver.customer, false);
    let says = (CustomerStatus::Leaving, Some(leaver.at));
    let mut lines = updated(world, leaver.at, customer, says, "leaving");
    if leaver.left_at < world.options.end_micros() {
        let gone = (CustomerStatus::Left, Some(leaver.left_at));
        lines.extend(updated(world, leaver.left_at, customer, gone, "left"));
    }
    lines
}

fn updated(
    world: World<'_>,
    at: i64,
    (customer, second): (u64, bool),
    (status, status_at): (CustomerStatus, Option<i64>),
    name: &str,
) -> Vec<Line> {
    let person = Person::new(world.seed, customer, second, world.library);
    let facts = Facts::of(world.seed, customer);
    let number = |value: u16| Json::Number(value.into());
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
            number(facts.months_with_us),
        ),
        (
            Cow::Borrowed("contract_months_left"),
            number(facts.contract_months),
        ),
    ]);
    let updated = CustomerUpdated {
        customer_id: Cow::Borrowed(&*person.id),
        identities: Some(person.identities()),
        tier: TIERS
            .get(usize::from(facts.tier))
            .map(|tier| Cow::Borrowed(*tier)),
        value_score: Some(facts.value),
        status: Some(status),
        status_at: status_at.map(|at| Micros(at - at.rem_euclid(SECOND))),
        attributes: Some(attributes),
    };
    let mut sheet = Sheet::new(format!("{}-s{}-{name}", person.id, world.options.seed));
    sheet.put(CRM, Some(&person.id), at, Data::CustomerUpdated(updated));
    sheet.lines
}

/// The plan of an agent's day; known when the day begins.
pub(super) fn planned(world: World<'_>, duty: &Duty) -> Vec<Line> {
    let agent = &world.staff.agents[duty.agent];
    let day = Micros(duty.from).day();
    let mut sheet = Sheet::new(format!("{}-s{}-{day}-plan", agent.id, world.options.seed));
    let rested = duty.rest_at + duty.rest;
    for (from, to, activity) in [
        (duty.from, duty.rest_at, "work"),
        (duty.rest_at, rested, "break"),
        (rested, duty.until, "work"),
    ] {
        let scheduled = AgentScheduled {
            agent_id: Cow::Borrowed(&*agent.id),
            from: Micros(from),
            to: Micros(to),
            activity: Cow::Borrowed(activity),
        };
        let at = day.start().0;
        sheet.put(STAFF, Some(&agent.id), at, Data::AgentScheduled(scheduled));
    }
    sheet.lines
}

/// A change of an agent's state; the first of a shift tells all that is known of him.
pub(super) fn state(world: World<'_>, at: i64, agent: usize, state: State) -> Vec<Line> {
    let agent = &world.staff.agents[agent];
    let (state, begins) = match state {
        State::Floor(floor::Duty::Begins) => (AgentState::Available, true),
        State::Floor(floor::Duty::Free) => (AgentState::Available, false),
        State::Floor(floor::Duty::Rests) => (AgentState::Break, false),
        State::Floor(floor::Duty::Gone) => (AgentState::Offline, false),
        State::Talks => (AgentState::OnInteraction, false),
        State::WrapsUp => (AgentState::WrapUp, false),
    };
    let changed = AgentStateChanged {
        agent_id: Cow::Borrowed(&*agent.id),
        state,
        queues: begins.then(|| queues(world, agent)),
        skills: begins.then(|| skills(world, agent)),
        languages: begins.then(|| languages(world, agent)),
        capacity: begins.then_some(agent.capacity as i32),
        since: begins.then_some(Micros(agent.since)),
    };
    let name = format!(
        "{}-s{}-{at}-{}",
        agent.id,
        world.options.seed,
        state.as_str()
    );
    let mut sheet = Sheet::new(name);
    sheet.put(STAFF, Some(&agent.id), at, Data::AgentStateChanged(changed));
    sheet.lines
}

fn queues<'w>(world: World<'w>, agent: &Agent) -> Vec<Text<'w>> {
    let name = |queue: &usize| Cow::Borrowed(&*world.staff.queues[*queue].name);
    agent.queues.iter().map(name).collect()
}

fn skills<'w>(world: World<'w>, agent: &Agent) -> Vec<Skill<Text<'w>>> {
    let ranked = agent.queues.iter().enumerate();
    ranked
        .map(|(rank, queue)| Skill {
            name: Cow::Borrowed(&*world.staff.queues[*queue].name),
            level: if rank == 0 {
                agent.level
            } else {
                agent.level * 0.8
            },
        })
        .collect()
}

fn languages<'w>(world: World<'w>, agent: &Agent) -> Vec<Text<'w>> {
    let english = agent
        .queues
        .iter()
        .any(|queue| world.staff.queues[*queue].name.contains("english"));
    let tags: &[&str] = if english {
        &["zh-CN", "en"]
    } else {
        &["zh-CN"]
    };
    tags.iter().map(|tag| Cow::Borrowed(*tag)).collect()
}
