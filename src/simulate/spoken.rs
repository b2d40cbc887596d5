//! The spoken part of a contact: its turns as documents, and their truth.
//!
//! Invariants: turn ids count up within an interaction; the places of personal
//! values are those in the written text.

use std::borrow::Cow;

use super::contact::{BotEnd, Shown, Stay};
use super::people::true_id;
use super::plan::Gap;
use super::render::Pen;
use super::sheet::{Text, source};
use super::staff::{MS, SECOND};
use super::talk::{self, Act, Turn};
use super::truth::{InteractionTruth, PiiTruth, TurnTruth};
use crate::contract::Data;
use crate::contract::event::{self, Asr, Signals, SpeakerRef, TurnRecalled};
use crate::domain::{Channel, ContentType, Micros, Speaker};

impl Pen<'_> {
    /// The turns of a stay with an agent.
    pub(super) fn agent_talk(&mut self, stay: &Stay) -> Vec<Turn> {
        let agent_id: &str = &self.world.staff.agents[stay.agent].id;
        let mut phrases = self.phrases(u64::from(self.turns) + 1, agent_id);
        let talk = self.talk_of(Some(stay), "", false);
        talk::with_agent(&talk, stay, &mut phrases)
    }

    /// The talk with the bot.
    pub(super) fn bot(&mut self, stay: (i64, i64), shown: Shown, end: BotEnd) {
        if !self.world.options.turns {
            return;
        }
        let title = self
            .article(shown)
            .map_or("", |(_, intent)| &*intent.question);
        let own = matches!(shown, Shown::Right | Shown::Contrary);
        let useful = own && self.contact.gap != Gap::Rejected;
        let mut phrases = self.phrases(0, "");
        let talk = self.talk_of(None, title, useful);
        for turn in talk::with_bot(&talk, stay, (shown, end), &mut phrases) {
            self.turn(turn, None);
        }
    }

    /// Counts a turn and keeps what is true of it; gives its id.
    pub(super) fn told(&mut self, turn: &Turn) -> String {
        self.turns += 1;
        let turn_id = format!("t{}", self.turns);
        let mood = turn.mood.round() as i64;
        if turn.speaker == Speaker::Customer {
            if matches!(turn.act, Act::Asks | Act::AsksAgain) && self.request.is_none() {
                self.request = Some(turn_id.clone());
                self.asked = true;
            }
            let changes = self.last_mood.is_some_and(|last| last != mood);
            if changes && self.turning.is_none() {
                self.turning = Some(turn_id.clone());
            }
            self.last_mood = Some(mood);
        }
        self.rows.push(
            TurnTruth {
                interaction_id: self.contact.id.clone(),
                turn_id: turn_id.clone(),
                speaker: turn.speaker.as_str(),
                act: turn.act.as_str(),
                mood,
                mood_shows: turn.mood_shows,
                asr_changes: turn.spoken.changes,
            }
            .into(),
        );
        for planted in &turn.spoken.planted {
            let row = PiiTruth {
                interaction_id: self.contact.id.clone(),
                turn_id: turn_id.clone(),
                kind: planted.kind,
                start: planted.start as i64,
                end: planted.end as i64,
                value: planted.value.clone(),
            };
            self.rows.push(row.into());
        }
        turn_id
    }

    /// One turn as a document.
    pub(super) fn turn(&mut self, turn: Turn, agent: Option<&Text<'_>>) {
        let turn_id = self.told(&turn);
        let channel = self.contact.channel;
        let can_recall = matches!(channel, Channel::Chat | Channel::Wechat);
        if can_recall && turn.speaker == Speaker::Customer && self.turn_dice.chance(0.012) {
            let recalled = TurnRecalled {
                turn_id: Cow::Borrowed(&*turn_id),
            };
            let at = turn.at + self.turn_dice.between(2, 60) * SECOND;
            let name = format!("{turn_id}-recalled");
            self.sheet
                .put_turn(source(channel), &name, at, Data::TurnRecalled(recalled));
        }
        let speaker = SpeakerRef {
            role: turn.speaker,
            id: match turn.speaker {
                Speaker::Agent => agent.cloned(),
                Speaker::Bot if channel == Channel::Wechat => Some(Cow::Borrowed("bot-wechat")),
                _ => None,
            },
        };
        let (asr, signals) = self.measured(&turn);
        let voice = asr.is_some();
        let written = event::Turn {
            turn_id: Cow::Borrowed(&*turn_id),
            speaker,
            text: Cow::Borrowed(&*turn.spoken.text),
            started_at: voice.then_some(Micros(turn.at - turn.at.rem_euclid(MS))),
            ended_at: voice.then_some(Micros(turn.until - turn.until.rem_euclid(MS))),
            content_type: if voice {
                ContentType::Speech
            } else {
                ContentType::Text
            },
            asr,
            signals,
            language: None,
        };
        self.sheet
            .put_turn(source(channel), &turn_id, turn.at, Data::Turn(written));
    }

    /// What a recogniser says of a spoken turn.
    fn measured(
        &mut self,
        turn: &Turn,
    ) -> (Option<Asr<Text<'static>>>, Option<Signals<Text<'static>>>) {
        if !self.contact.is_voice() {
            return (None, None);
        }
        let unsure = i64::from(turn.spoken.changes.min(8)) * 2;
        let asr = Asr {
            confidence: (self.turn_dice.between(84, 99) - unsure) as f64 / 100.0,
            engine: Some(Cow::Borrowed("asr-8k")),
        };
        if turn.speaker != Speaker::Customer || !self.turn_dice.chance(0.4) {
            return (Some(asr), None);
        }
        let (low, high) = if turn.mood <= -0.6 {
            (45, 95)
        } else {
            (10, 60)
        };
        let signals = Signals {
            arousal: Some(self.turn_dice.between(low, high) as f64 / 100.0),
            loudness_db: Some(self.turn_dice.between(-320, -120) as f64 / 10.0),
            emotion: None,
            confidence: None,
            engine: None,
        };
        (Some(asr), Some(signals))
    }

    /// What is true of the whole contact.
    pub(super) fn truth(&mut self) {
        let contact = self.contact;
        let stay = contact.last_stay().copied();
        let has_article = !matches!(contact.gap, Gap::NoContent | Gap::OutOfScope);
        let earlier = contact.earlier.as_ref();
        let row = InteractionTruth {
            interaction_id: contact.id.clone(),
            topic: self.intent.code.clone(),
            judge: self.intent.judge,
            true_customer: true_id(contact.customer),
            customer_id: self.person.id.clone(),
            gap_type: contact.gap.as_str(),
            system_failure: contact.failing,
            knowledge_used: contact.used_knowledge,
            article_id: has_article.then(|| self.right_article()),
            request_turn_id: self.request.take(),
            mood_start: contact.mood,
            mood_end: contact.mood_end,
            turning_turn_id: self.turning.take(),
            waited_ms: contact.waited / MS,
            patience_ms: contact.patience.map(|patience| patience / MS),
            abandon_cause: contact.cause,
            solved: contact.solved,
            self_served: contact.solved && stay.is_none(),
            agent_id: stay.map(|stay| self.agent(stay.agent).into_owned()),
            agent_skill: stay.map(|stay| stay.skill),
            agent_knew: stay.map(|stay| stay.knows),
            initial_id: earlier.map(|earlier| earlier.initial.clone()),
            repeats: earlier.map_or(0, |earlier| u32::from(earlier.tries)),
        };
        self.rows.push(row.into());
    }
}
