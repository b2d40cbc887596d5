//! The definitions once more, in plain Rust over events.
//!
//! Written from the published formulas; shares no code with the marts, the registry or the generator. Every metric
//! is a list of units: when, what each adds to numerator and denominator, in which channel.

mod staff;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::world::Happened;
use crate::domain::Micros;

#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) at: i64,
    pub(super) num: f64,
    /// `None`: it should count but is not known.
    pub(super) den: Option<f64>,
    pub(super) channel: Option<String>,
    pub(super) pending: bool,
}

#[derive(Debug, Clone, Default)]
struct Stay {
    handler: &'static str,
    agent: String,
    queue: String,
    start: i64,
    end: i64,
    outcome: String,
    hold: i64,
    wrap: Option<i64>,
}

#[derive(Debug, Clone, Default)]
struct Said {
    at: i64,
    role: String,
    who: String,
    text: String,
    span: Option<(i64, i64)>,
    confidence: Option<f64>,
}

#[derive(Debug, Clone, Default)]
struct Contact {
    id: String,
    channel: String,
    outbound: bool,
    customer: Option<String>,
    entry: String,
    previous: Option<String>,
    start: i64,
    end: i64,
    steps: usize,
    self_served: bool,
    resolved: Option<bool>,
    disposition: Option<String>,
    transfers: Vec<String>,
    stays: Vec<Stay>,
    turns: Vec<Said>,
}

fn word(data: &Value, name: &str) -> Option<String> {
    data.pointer(name)?.as_str().map(str::to_owned)
}

fn ms(data: &Value, name: &str) -> Option<i64> {
    Some(Micros::parse(data.pointer(name)?.as_str()?).unwrap().0 / 1_000)
}

impl Contact {
    fn open(&mut self, handler: &'static str, at: i64) -> &mut Stay {
        self.close(at, "");
        self.stays.push(Stay {
            handler,
            start: at,
            end: i64::MAX,
            ..Stay::default()
        });
        self.stays.last_mut().unwrap()
    }

    fn close(&mut self, at: i64, outcome: &str) {
        if let Some(last) = self.stays.last_mut().filter(|stay| stay.end == i64::MAX) {
            last.end = at;
            last.outcome = outcome.to_owned();
        }
    }

    fn take(&mut self, event: &Happened, held: &mut i64) {
        let (at, data) = (event.at, &event.data);
        match event.kind {
            "interaction.started.v1" => {
                self.start = at;
                self.channel = word(data, "/channel").unwrap();
                self.outbound = data["direction"] == "outbound";
                self.customer = word(data, "/customer/id");
                self.previous = word(data, "/related/previous_id");
                self.entry = word(data, "/entry").unwrap();
                match self.entry.as_str() {
                    "ivr" => {
                        self.open("ivr", at);
                    }
                    "bot" => {
                        self.open("bot", at);
                    }
                    _ => {}
                }
            }
            "interaction.ivr_step.v1" => {
                self.steps += 1;
                self.self_served |= data["action"] == "self_service_completed";
            }
            "interaction.queued.v1" => {
                self.open("queue", at).queue = word(data, "/queue").unwrap();
            }
            "interaction.dequeued.v1" => self.close(at, &word(data, "/outcome").unwrap()),
            "interaction.answered.v1" => {
                self.open("agent", at).agent = word(data, "/agent_id").unwrap();
            }
            "interaction.held.v1" => *held = at,
            "interaction.resumed.v1" => self.stays.last_mut().unwrap().hold += at - *held,
            "interaction.transferred.v1" => {
                self.transfers.push(word(data, "/kind").unwrap());
                self.close(at, "");
            }
            "interaction.ended.v1" => {
                self.close(at, "");
                self.end = at;
                self.resolved = data["resolved"].as_bool();
                self.disposition = word(data, "/disposition");
            }
            "interaction.wrapped_up.v1" => {
                let agent = word(data, "/agent_id").unwrap();
                let own = self.stays.iter_mut().rev().find(|stay| stay.agent == agent);
                own.unwrap().wrap = data["wrap_up_ms"].as_i64();
            }
            "interaction.turn.v1" => self.turns.push(Said {
                at,
                role: word(data, "/speaker/role").unwrap(),
                who: word(data, "/speaker/id").unwrap(),
                text: word(data, "/text").unwrap(),
                span: ms(data, "/started_at").zip(ms(data, "/ended_at")),
                confidence: data.pointer("/asr/confidence").and_then(Value::as_f64),
            }),
            _ => {}
        }
    }

    fn of(&self, handler: &str) -> impl Iterator<Item = &Stay> {
        self.stays
            .iter()
            .filter(move |stay| stay.handler == handler)
    }

    fn has(&self, handler: &str) -> bool {
        self.of(handler).next().is_some()
    }

    fn outcome(&self) -> &str {
        if self.has("agent") {
            return "answered";
        }
        if let Some(last) = self.of("queue").last() {
            return &last.outcome;
        }
        let is_bot = self.has("bot");
        if self.self_served || (is_bot && self.resolved == Some(true)) {
            "self_served"
        } else if is_bot {
            "left_bot"
        } else {
            "left_ivr"
        }
    }

    fn handle(&self) -> i64 {
        self.of("agent")
            .map(|stay| stay.end - stay.start + stay.wrap.unwrap_or(0))
            .sum()
    }

    fn said_by<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a Said> {
        self.turns.iter().filter(move |turn| turn.role == role)
    }

    fn order(&self) -> (i64, &str) {
        (self.start, &self.id)
    }
}

pub(super) struct Reference {
    contacts: Vec<Contact>,
    others: Vec<Happened>,
}

fn unit(at: i64, channel: &str, num: f64, den: Option<f64>) -> Unit {
    Unit {
        at,
        num,
        den,
        channel: Some(channel.to_owned()),
        pending: false,
    }
}

fn yes(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}

const HOUR: i64 = 3_600_000;
const ONE: Option<f64> = Some(1.0);

impl Reference {
    pub(super) fn new(events: &[Happened]) -> Self {
        let mut contacts: BTreeMap<String, (Contact, i64)> = BTreeMap::new();
        let mut others = Vec::new();
        for event in events {
            if event.kind.starts_with("interaction.") {
                let (contact, held) = contacts.entry(event.subject.clone()).or_default();
                contact.id.clone_from(&event.subject);
                contact.take(event, held);
            } else {
                others.push(event.clone());
            }
        }
        Self {
            contacts: contacts.into_values().map(|(contact, _)| contact).collect(),
            others,
        }
    }

    /// The units of a metric; nothing for a metric that the events say nothing about.
    pub(super) fn units(&self, id: &str) -> Option<Vec<Unit>> {
        self.queue(id)
            .or_else(|| self.agents(id))
            .or_else(|| self.whole(id))
            .or_else(|| self.moved(id))
            .or_else(|| self.again(id))
            .or_else(|| self.told(id))
            .or_else(|| self.said(id))
            .or_else(|| self.spoken(id))
            .or_else(|| self.replies(id))
            .or_else(|| self.asked(id))
            .or_else(|| self.shifts(id))
    }

    /// Queue stays, with the handler before them.
    fn queue(&self, id: &str) -> Option<Vec<Unit>> {
        let mut units = Vec::new();
        for contact in &self.contacts {
            for (index, stay) in contact.stays.iter().enumerate() {
                if stay.handler != "queue" {
                    continue;
                }
                let wait = stay.end - stay.start;
                let is = |word: &str| stay.outcome == word;
                let before = index
                    .checked_sub(1)
                    .map(|before| contact.stays[before].handler);
                let short = is("abandoned") && wait <= 5_000;
                let (num, den) = match id {
                    "offered" => (1.0, 1.0),
                    "answered" => (yes(is("answered")), 1.0),
                    "abandoned" | "abandonment_rate_a" => (yes(is("abandoned")), 1.0),
                    "short_abandons" => (yes(short), 1.0),
                    "flow_outs" => (yes(is("flow_out") || is("callback")), 1.0),
                    "abandonment_rate_b" => (yes(is("abandoned") && !short), yes(!short)),
                    "abandonment_rate_c" if before == Some("bot") => (yes(is("abandoned")), 1.0),
                    "abandonment_rate_c" => continue,
                    "service_level_amazon" => (yes(wait <= 20_000 && !is("flow_out")), 1.0),
                    "service_level_genesys" => (
                        yes(is("answered") && wait <= 20_000),
                        yes(is("answered") || is("abandoned")),
                    ),
                    "service_level_dynamics" if is("answered") => (yes(wait <= 20_000), 1.0),
                    "service_level_seed" => (yes(is("answered") && wait <= 30_000), 1.0),
                    "average_speed_of_answer"
                    | "speed_of_answer_p50"
                    | "speed_of_answer_p90"
                    | "speed_of_answer_p95"
                    | "speed_of_answer_longest"
                        if is("answered") =>
                    {
                        (wait as f64, 1.0)
                    }
                    "average_abandon_time" if is("abandoned") => (wait as f64, 1.0),
                    "average_wait" | "wait_p50" | "wait_p90" | "wait_p95" | "wait_longest" => {
                        (wait as f64, 1.0)
                    }
                    "service_level_dynamics"
                    | "average_speed_of_answer"
                    | "speed_of_answer_p50"
                    | "speed_of_answer_p90"
                    | "speed_of_answer_p95"
                    | "speed_of_answer_longest"
                    | "average_abandon_time" => continue,
                    _ => return None,
                };
                units.push(unit(stay.start, &contact.channel, num, Some(den)));
            }
        }
        Some(units)
    }

    fn agents(&self, id: &str) -> Option<Vec<Unit>> {
        let mut units = Vec::new();
        for contact in &self.contacts {
            for stay in contact.of("agent") {
                let (length, wrap) = (stay.end - stay.start, stay.wrap.unwrap_or(0));
                let (num, den) = match id {
                    "contacts_handled" => (1, ONE),
                    "average_handle_time" => (length + wrap, ONE),
                    "average_handle_time_voice" if contact.channel == "call" => {
                        (length + wrap, ONE)
                    }
                    "average_handle_time_voice" => continue,
                    "average_talk_time" => (length - stay.hold, ONE),
                    "average_hold_time" => (stay.hold, ONE),
                    "average_hold_time_held" => (stay.hold, Some(yes(stay.hold > 0))),
                    "average_wrap_up_time" => (wrap, stay.wrap.map(|_| 1.0)),
                    _ => return None,
                };
                units.push(unit(stay.start, &contact.channel, num as f64, den));
            }
        }
        Some(units)
    }

    fn whole(&self, id: &str) -> Option<Vec<Unit>> {
        let mut units = Vec::new();
        for contact in &self.contacts {
            let answered = contact.outcome() == "answered";
            let (counts, num, den) = match id {
                "interactions" => (true, 1.0, ONE),
                "average_handle_time_interaction" => (answered, contact.handle() as f64, ONE),
                "bot_to_human_rate" => {
                    let wrote = contact.said_by("customer").next().is_some();
                    (contact.entry == "bot" && wrote, yes(answered), ONE)
                }
                "self_service_rate" => {
                    let shown = self.others.iter().any(|event| {
                        event.kind == "knowledge.used.v1"
                            && event.data["actor"] == "customer"
                            && event.data["interaction_id"] == contact.id.as_str()
                    });
                    (
                        !contact.outbound,
                        yes(contact.entry != "queue" || shown),
                        ONE,
                    )
                }
                "complaint_rate" => {
                    let words = |text: &str| text.contains("投诉") || text.contains("complain");
                    let by_words = contact.said_by("customer").any(|turn| words(&turn.text));
                    let by_code = contact.disposition.as_deref().is_some_and(words);
                    (true, yes(by_words || by_code), ONE)
                }
                "channel_switch_rate" => {
                    let name = contact.previous.as_ref();
                    let before =
                        name.and_then(|name| self.contacts.iter().find(|known| known.id == *name));
                    let switched = before.is_some_and(|before| {
                        before.channel != contact.channel
                            && contact.start - before.start <= 24 * HOUR
                    });
                    (true, yes(switched), ONE)
                }
                "ghost_rate" => {
                    let silent = contact.said_by("customer").next().is_none();
                    (
                        answered,
                        yes(silent),
                        (!contact.turns.is_empty()).then_some(1.0),
                    )
                }
                "cost_per_interaction" => (true, 0.0, None),
                _ => return None,
            };
            if counts {
                units.push(unit(contact.start, &contact.channel, num, den));
            }
        }
        Some(units)
    }

    /// Transfers and steps in the IVR.
    fn moved(&self, id: &str) -> Option<Vec<Unit>> {
        let mut units = Vec::new();
        for contact in &self.contacts {
            let answered = contact.outcome() == "answered";
            let of = |kind: &str| {
                contact
                    .transfers
                    .iter()
                    .filter(|known| *known == kind)
                    .count()
            };
            let ended_there = !contact.has("queue") && !answered;
            let k = contact.steps;
            let steps = contact.has("ivr").then_some(if k > 0 { ONE } else { None });
            let (counts, num, den) = match id {
                "transfer_rate_session" => {
                    let moved = !contact.transfers.is_empty() || contact.of("agent").count() > 1;
                    (answered, yes(moved), ONE)
                }
                "transfer_rate_call" => (answered, contact.transfers.len() as f64, ONE),
                "transfer_rate_blind" => (answered, of("blind") as f64, ONE),
                "transfer_rate_consult" => (answered, of("consult") as f64, ONE),
                "transfer_rate_queue" => (answered, of("queue") as f64, ONE),
                "transfer_rate_external" => (answered, of("external") as f64, ONE),
                "ivr_direct_exit_rate" => {
                    (steps.is_some(), yes(k == 1 && ended_there), steps.flatten())
                }
                "ivr_direct_to_human_rate" => (
                    steps.is_some(),
                    yes(k > 1 && k <= 3 && !ended_there),
                    steps.flatten(),
                ),
                "ivr_consulted_to_human_rate" => {
                    (steps.is_some(), yes(k > 3 && !ended_there), steps.flatten())
                }
                "ivr_robot_only_rate" => {
                    (steps.is_some(), yes(k > 1 && ended_there), steps.flatten())
                }
                _ => return None,
            };
            if counts {
                units.push(unit(contact.start, &contact.channel, num, den));
            }
        }
        Some(units)
    }

    /// What looks ahead: further contacts within a window.
    fn again(&self, id: &str) -> Option<Vec<Unit>> {
        let is_contained = matches!(id, "containment_rate" | "resolved_containment_rate");
        if !is_contained && !matches!(id, "fcr_nca" | "fcr_ours") {
            return None;
        }
        let window = if is_contained {
            24 * HOUR
        } else {
            7 * 24 * HOUR
        };
        let seen = |contact: &&Contact| is_contained || !contact.outbound;
        let frontier = self
            .contacts
            .iter()
            .filter(seen)
            .map(|contact| contact.end)
            .max();
        let mut units = Vec::new();
        for contact in self.contacts.iter().filter(seen) {
            let outcome = contact.outcome();
            let counts = match id {
                "fcr_nca" => outcome == "answered",
                "fcr_ours" => matches!(outcome, "answered" | "self_served" | "callback"),
                _ => contact.entry != "queue",
            };
            if !counts {
                continue;
            }
            let reason = |contact: &Contact| {
                let queue = contact.of("queue").next().map(|stay| stay.queue.clone());
                contact.disposition.clone().or(queue)
            };
            let came = self.contacts.iter().filter(seen).any(|other| {
                let follows = other.customer == contact.customer
                    && other.order() > contact.order()
                    && other.start <= contact.end + window;
                follows
                    && match id {
                        "fcr_nca" => true,
                        "fcr_ours" => reason(other) == reason(contact),
                        _ => other.outcome() == "answered",
                    }
            });
            let queues: BTreeSet<&str> = contact
                .of("queue")
                .map(|stay| stay.queue.as_str())
                .collect();
            let good = match id {
                "fcr_nca" => !came,
                "fcr_ours" => !came && outcome != "callback" && queues.len() <= 1,
                _ => {
                    let own = !contact.has("queue") && !came;
                    own && (id == "containment_rate" || self.is_resolved(contact))
                }
            };
            let known =
                contact.customer.is_some() && (id != "fcr_ours" || reason(contact).is_some());
            let pending = frontier.unwrap() < contact.end + window;
            let mut found = unit(contact.start, &contact.channel, yes(good), None);
            found.den = (known && !pending).then_some(1.0);
            found.pending = known && pending;
            units.push(found);
        }
        Some(units)
    }

    fn is_resolved(&self, contact: &Contact) -> bool {
        let about = |event: &&Happened| event.data["interaction_id"] == contact.id.as_str();
        let mut others = self.others.iter().filter(about);
        let praised = others.any(|event| {
            event.data["action"] == "accepted"
                || (event.kind == "survey.answered.v1" && event.data["csat"].as_i64() >= Some(4))
        });
        contact.outcome() == "self_served" || contact.resolved == Some(true) || praised
    }

    /// Surveys, cases, the knowledge base.
    fn told(&self, id: &str) -> Option<Vec<Unit>> {
        let of = |kind: &'static str| self.others.iter().filter(move |event| event.kind == kind);
        let answer = |survey: &str| of("survey.answered.v1").find(|event| event.subject == survey);
        let selfish = |event: &Happened| event.data["about"] == "self_service";
        let mut units = Vec::new();
        let mut add = |event: &Happened, num: f64, den: Option<f64>| {
            let channel = event.data["channel"].as_str().unwrap_or_default();
            units.push(unit(event.at, channel, num, den));
        };
        match id {
            "csat_mean"
            | "csat_share"
            | "csat_middling_share"
            | "csat_dissatisfied_share"
            | "csat_self_service_mean"
            | "csat_self_service_share" => {
                for event in of("survey.answered.v1") {
                    let Some(score) = event.data["csat"].as_i64() else {
                        continue;
                    };
                    if id.contains("self_service") && !selfish(event) {
                        continue;
                    }
                    let num = match id {
                        "csat_share" | "csat_self_service_share" => yes(score >= 4),
                        "csat_middling_share" => yes(score == 3),
                        "csat_dissatisfied_share" => yes(score <= 2),
                        _ => score as f64,
                    };
                    add(event, num, ONE);
                }
            }
            "nps" | "nps_promoters" | "nps_detractors" => {
                for event in of("survey.answered.v1") {
                    let Some(score) = event.data["nps"].as_i64() else {
                        continue;
                    };
                    let (promotes, detracts) = (yes(score >= 9), yes(score <= 6));
                    let num = match id {
                        "nps" => promotes - detracts,
                        "nps_promoters" => promotes,
                        _ => detracts,
                    };
                    add(event, num, ONE);
                }
            }
            "survey_response_rate"
            | "csat_response_rate"
            | "nps_response_rate"
            | "self_service_response_rate" => {
                for event in of("survey.sent.v1") {
                    let found = answer(&event.subject);
                    let counts = found.is_some_and(|found| match id {
                        "csat_response_rate" => found.data["csat"].is_i64(),
                        "nps_response_rate" => found.data["nps"].is_i64(),
                        _ => true,
                    });
                    if id != "self_service_response_rate" || selfish(event) {
                        add(event, yes(counts), ONE);
                    }
                }
            }
            _ => return None,
        }
        Some(units)
    }

    fn said(&self, id: &str) -> Option<Vec<Unit>> {
        if id != "fcr_said" {
            return None;
        }
        let mut units = Vec::new();
        for contact in self
            .contacts
            .iter()
            .filter(|contact| contact.outcome() == "answered")
        {
            let survey = format!("s{}", contact.id);
            let survey = self
                .others
                .iter()
                .find(|event| event.kind == "survey.answered.v1" && event.subject == survey);
            let said = survey.and_then(|event| event.data["resolved"].as_bool());
            let said = said.or(contact.resolved);
            let num = yes(said == Some(true));
            units.push(unit(
                contact.start,
                &contact.channel,
                num,
                said.map(|_| 1.0),
            ));
        }
        Some(units)
    }

    /// Turns of one interaction.
    fn spoken(&self, id: &str) -> Option<Vec<Unit>> {
        let mut units = Vec::new();
        for contact in &self.contacts {
            let channel = contact.channel.as_str();
            match id {
                "asr_confidence" | "asr_low_confidence_share" => {
                    for turn in contact.turns.iter().filter(|turn| turn.span.is_some()) {
                        let confidence = turn.confidence.unwrap_or(0.0);
                        let num = if id == "asr_confidence" {
                            confidence
                        } else {
                            yes(confidence < 0.8)
                        };
                        units.push(unit(turn.at, channel, num, turn.confidence.map(|_| 1.0)));
                    }
                }
                "talk_speed_characters" | "talk_speed_words" => {
                    for turn in contact.said_by("agent") {
                        let Some((start, end)) = turn.span else {
                            continue;
                        };
                        let is_word = turn.text.is_ascii();
                        if is_word != (id == "talk_speed_words") {
                            continue;
                        }
                        let count = if is_word {
                            turn.text.split_whitespace().count()
                        } else {
                            turn.text.chars().filter(|c| !c.is_whitespace()).count()
                        };
                        units.push(unit(
                            turn.at,
                            channel,
                            60_000.0 * count as f64,
                            Some((end - start) as f64),
                        ));
                    }
                }
                "non_talk_time" | "silence_share" | "interruptions" | "over_talk" => {
                    if channel == "call" && contact.outcome() == "answered" {
                        units.push(Self::timed(id, contact));
                    }
                }
                "sentiment_negative_share" | "sentiment_positive_share" => {
                    for turn in contact.said_by("customer") {
                        units.push(unit(turn.at, channel, 0.0, None));
                    }
                }
                "sentiment_score" | "sentiment_shift" => {
                    if contact.said_by("customer").next().is_some() {
                        units.push(unit(contact.start, channel, 0.0, None));
                    }
                }
                _ => return None,
            }
        }
        Some(units)
    }

    fn timed(id: &str, contact: &Contact) -> Unit {
        let mut turns: Vec<(i64, i64, &str)> = contact
            .turns
            .iter()
            .filter_map(|turn| {
                turn.span
                    .map(|(start, end)| (start, end, turn.role.as_str()))
            })
            .collect();
        turns.sort_by_key(|(start, ..)| *start);
        let (mut silence, mut count, mut over) = (0, 0, 0);
        for (index, (start, end, role)) in turns.iter().enumerate() {
            let before = &turns[..index];
            let until = before.iter().map(|(_, end, _)| *end).max();
            let gap = until.map_or(0, |until| start - until);
            silence += if gap > 3_000 { gap } else { 0 };
            let customer = before
                .iter()
                .filter(|(.., role)| *role == "customer")
                .map(|(_, end, _)| *end)
                .max();
            if let Some(until) = customer.filter(|until| *role == "agent" && start < until) {
                count += 1;
                over += until.min(*end) - start;
            }
        }
        let hold: i64 = contact.of("agent").map(|stay| stay.hold).sum();
        let length = turns.iter().map(|(_, end, _)| *end).max().unwrap_or(0)
            - turns.first().map_or(0, |(start, ..)| *start);
        let known = (!turns.is_empty()).then_some(1.0);
        let (num, den) = match id {
            "non_talk_time" => (silence.max(hold), known),
            "silence_share" => (silence, known.map(|_| length as f64)),
            "interruptions" => (count, known),
            _ => (over, known),
        };
        unit(contact.start, &contact.channel, num as f64, den)
    }

    /// Chats: who waits for whom.
    fn replies(&self, id: &str) -> Option<Vec<Unit>> {
        if id == "average_handle_time_async" {
            return Some(self.active());
        }
        let mut units = Vec::new();
        for contact in self
            .contacts
            .iter()
            .filter(|contact| contact.channel != "call")
        {
            let Some(joined) = contact.of("agent").next().map(|stay| stay.start) else {
                continue;
            };
            let after = |role: &'static str, at: i64| {
                contact
                    .said_by(role)
                    .map(|turn| turn.at)
                    .filter(|said| *said >= at)
                    .min()
            };
            let (at, num, den) = match id {
                "agent_greeting_time" => {
                    let greeted = after("agent", joined);
                    (
                        joined,
                        greeted.map_or(0, |at| at - joined) as f64,
                        yes(greeted.is_some()),
                    )
                }
                "first_reply_time" | "reply_rate" => {
                    let Some(asked) = after("customer", joined) else {
                        continue;
                    };
                    let replied = after("agent", asked);
                    if id == "reply_rate" {
                        (asked, yes(replied.is_some()), 1.0)
                    } else {
                        (
                            asked,
                            replied.map_or(0, |at| at - asked) as f64,
                            yes(replied.is_some()),
                        )
                    }
                }
                _ => return None,
            };
            units.push(unit(at, &contact.channel, num, Some(den)));
        }
        Some(units)
    }

    fn active(&self) -> Vec<Unit> {
        let mut written: BTreeMap<&str, Vec<(i64, &str, &str)>> = BTreeMap::new();
        for contact in self
            .contacts
            .iter()
            .filter(|contact| contact.channel != "call")
        {
            for turn in contact.said_by("agent") {
                let entry = written.entry(turn.who.as_str()).or_default();
                entry.push((turn.at, &contact.id, &contact.channel));
            }
        }
        let mut units = Vec::new();
        for mut messages in written.into_values() {
            messages.sort_unstable();
            let mut chats: BTreeMap<&str, (i64, &str, i64)> = BTreeMap::new();
            let mut before: Option<(i64, &str)> = None;
            for (at, chat, channel) in messages {
                let entry = chats.entry(chat).or_insert((at, channel, 0));
                if let Some((last, same)) = before
                    && same == chat
                    && at - last <= 120_000
                {
                    entry.2 += at - last;
                }
                before = Some((at, chat));
            }
            units.extend(
                chats
                    .into_values()
                    .map(|(at, channel, active)| unit(at, channel, active as f64, ONE)),
            );
        }
        units
    }

    /// What is asked of cases and of the knowledge base.
    fn asked(&self, id: &str) -> Option<Vec<Unit>> {
        let channel_of = |id: &str| {
            let found = self.contacts.iter().find(|contact| contact.id == id);
            found.map(|contact| contact.channel.clone())
        };
        let mut units = Vec::new();
        match id {
            "fcr_case" => {
                let mut last: BTreeMap<&str, &Happened> = BTreeMap::new();
                for event in self
                    .others
                    .iter()
                    .filter(|event| event.kind == "case.changed.v1")
                {
                    last.insert(&event.subject, event);
                }
                for event in last.into_values() {
                    let ids: BTreeSet<&str> = event.data["interaction_ids"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .filter_map(Value::as_str)
                        .collect();
                    let closed = event.data["status"] == "closed";
                    units.push(Unit {
                        at: event.at,
                        num: yes(ids.len() == 1),
                        den: closed.then_some(1.0),
                        channel: ids.first().and_then(|id| channel_of(id)),
                        pending: !closed,
                    });
                }
            }
            "knowledge_hit_rate" => {
                let uses: Vec<&Happened> = self
                    .others
                    .iter()
                    .filter(|event| event.kind == "knowledge.used.v1")
                    .collect();
                for event in uses
                    .iter()
                    .filter(|event| event.data["action"] == "searched")
                {
                    let hit = uses.iter().any(|other| {
                        other.data["action"] == "shown" && other.subject == event.subject
                    });
                    let mut found = unit(event.at, "", yes(hit), ONE);
                    found.channel = channel_of(&event.subject);
                    units.push(found);
                }
            }
            _ => return None,
        }
        Some(units)
    }
}
