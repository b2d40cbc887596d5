//! What is said, and when.
//!
//! Invariants: turns of one stay don't overlap, lie within it and outside its
//! holds; they are thrown with dice of their own, so that a run without turns
//! is the same run with the turns left out.

use std::borrow::Cow;

use super::dice::{Dice, Stream};
use super::journey::{Journey, Text, source};
use super::phrases::Phrases;
use super::staff::{MS, SECOND};
use crate::contract::Data;
use crate::contract::event::{Asr, Signals, SpeakerRef, TranscriptTurn, Turn, TurnRecalled};
use crate::domain::{Channel, ContentType, Micros, Speaker};

/// One utterance.
pub(super) struct Said {
    pub at: i64,
    pub until: i64,
    pub speaker: Speaker,
    pub turn_id: String,
    pub text: String,
}

/// Who talks to the customer.
#[derive(Clone, Copy)]
pub(super) enum Partner<'a> {
    Bot,
    Agent(&'a str),
}

/// The talk of one stay from `from` to `until`, silent during `holds`.
pub(super) fn dialogue(
    journey: &mut Journey,
    partner: Partner<'_>,
    (from, until): (i64, i64),
    holds: &[(i64, i64)],
) -> Vec<Said> {
    let (speaker, agent_id) = match partner {
        Partner::Bot => (Speaker::Bot, ""),
        Partner::Agent(id) => (Speaker::Agent, id),
    };
    let count = match (speaker, journey.channel) {
        (_, Channel::Email) => 2,
        (Speaker::Bot, _) => (until - from) / (9 * SECOND),
        (_, Channel::Call | Channel::Video) => (until - from) / (11 * SECOND),
        _ => (until - from) / (24 * SECOND),
    };
    let count = count.clamp(2, 22);
    // Who serves begins, but an e-mail begins with the customer.
    let first = i64::from(journey.channel == Channel::Email);
    let pace = (until - from) / count;
    let index = u64::from(journey.turn_count);
    let mut phrases = Phrases {
        matter: &journey.matter,
        person: &journey.person,
        agent_id,
        dice: Dice::new(journey.words_seed, Stream::Words, index),
    };
    let mut said = Vec::with_capacity(count as usize);
    for step in 0..count {
        let at = from + step * pace + phrases.dice.between(0, (pace / 8).max(1));
        let next = from + (step + 1) * pace;
        let speaker = if step % 2 == first {
            speaker
        } else {
            Speaker::Customer
        };
        let text = sentence(&mut phrases, speaker, step, count, journey.upset);
        let spoken = (text.chars().count() as i64 * 210 * MS).max(600 * MS);
        let end = (at + spoken).min(next - 1);
        if holds.iter().any(|hold| at < hold.1 && end > hold.0) {
            continue;
        }
        journey.turn_count += 1;
        let turn_id = format!("t{}", journey.turn_count);
        said.push(Said {
            at,
            until: end,
            speaker,
            turn_id,
            text,
        });
    }
    said
}

fn sentence(
    phrases: &mut Phrases<'_>,
    speaker: Speaker,
    step: i64,
    count: i64,
    upset: bool,
) -> String {
    let language = phrases.matter.language;
    let last = step + 2 >= count;
    match speaker {
        Speaker::Customer if step <= 1 => phrases.ask(upset),
        Speaker::Customer if last => phrases.one_of(language.goodbyes),
        Speaker::Customer => match phrases.dice.weighted(&[0.22, 0.14, 0.06, 0.58]) {
            0 => phrases.ask(false),
            1 => phrases.personal(),
            2 => phrases.one_of(language.nods),
            _ => phrases.follow_up(),
        },
        Speaker::Bot if step == 0 => phrases.one_of(language.bot_greetings),
        Speaker::Bot if last => phrases.one_of(language.bot_hand_overs),
        Speaker::Bot => phrases.one_of(language.bot_answers),
        _ if step == 0 => phrases.one_of(language.greetings),
        _ if count == 2 => phrases.answer(),
        _ if last => phrases.one_of(language.closings),
        _ => match phrases.dice.weighted(&[0.35, 0.45, 0.2]) {
            0 => phrases.one_of(language.checks),
            1 => phrases.answer(),
            _ => phrases.one_of(language.promises),
        },
    }
}

/// Talks, and writes the turns down unless the run is without them.
pub(super) fn speak(
    journey: &mut Journey,
    partner: Partner<'_>,
    stay: (i64, i64),
    holds: &[(i64, i64)],
) {
    if !journey.turns {
        return;
    }
    let said = dialogue(journey, partner, stay, holds);
    let mut dice = Dice::new(
        journey.words_seed,
        Stream::Words,
        u64::from(journey.turn_count) << 32,
    );
    for said in said {
        let from = source::of(journey.channel);
        let can_recall = matches!(journey.channel, Channel::Chat | Channel::Wechat);
        if can_recall && said.speaker == Speaker::Customer && dice.chance(0.012) {
            recall(journey, &said, dice.between(2, 60) * SECOND);
        }
        let speaker = speaker_ref(journey, partner, said.speaker);
        let (asr, signals) = measured(journey.channel, &said, journey.upset, &mut dice);
        let voice = asr.is_some();
        let turn = Turn {
            turn_id: Cow::Borrowed(&*said.turn_id),
            speaker,
            text: Cow::Borrowed(&*said.text),
            started_at: voice.then_some(Micros(said.at - said.at % MS)),
            ended_at: voice.then_some(Micros(said.until - said.until % MS)),
            content_type: if voice {
                ContentType::Speech
            } else {
                ContentType::Text
            },
            asr,
            signals,
            language: None,
        };
        journey
            .sheet
            .put_turn(from, &said.turn_id, said.at, Data::Turn(turn));
    }
}

/// Takes a message back, `after` it was sent.
fn recall(journey: &mut Journey, said: &Said, after: i64) {
    let turn_id = Cow::Borrowed(&*said.turn_id);
    let name = format!("{}-recalled", said.turn_id);
    let recalled = Data::TurnRecalled(TurnRecalled { turn_id });
    let from = source::of(journey.channel);
    journey
        .sheet
        .put_turn(from, &name, said.at + after, recalled);
}

/// The turns as a transcript has them.
pub(super) fn written(
    journey: &mut Journey,
    agent_id: &str,
    stay: (i64, i64),
) -> Vec<TranscriptTurn<Text<'static>>> {
    let partner = Partner::Agent(agent_id);
    let said = dialogue(journey, partner, stay, &[]);
    let turn = |said: Said| TranscriptTurn {
        at: Micros(said.at - said.at % MS),
        turn_id: Cow::Owned(said.turn_id),
        speaker: SpeakerRef {
            role: said.speaker,
            id: (said.speaker == Speaker::Agent).then(|| Cow::Owned(agent_id.to_owned())),
        },
        text: Cow::Owned(said.text),
        started_at: None,
        ended_at: None,
        content_type: ContentType::Text,
        asr: None,
        signals: None,
        language: None,
    };
    said.into_iter().map(turn).collect()
}

fn speaker_ref<'a>(journey: &Journey, partner: Partner<'a>, role: Speaker) -> SpeakerRef<Text<'a>> {
    let id = match (role, partner) {
        (Speaker::Agent, Partner::Agent(id)) => Some(Cow::Borrowed(id)),
        (Speaker::Bot, _) if journey.channel == Channel::Wechat => {
            Some(Cow::Borrowed("bot-wechat"))
        }
        _ => None,
    };
    SpeakerRef { role, id }
}

type Measured<'a> = (Option<Asr<Text<'a>>>, Option<Signals<Text<'a>>>);

/// What a recogniser says of a spoken turn.
fn measured<'a>(channel: Channel, said: &Said, upset: bool, dice: &mut Dice) -> Measured<'a> {
    if !matches!(channel, Channel::Call | Channel::Video) {
        return (None, None);
    }
    let asr = Asr {
        confidence: dice.between(72, 99) as f64 / 100.0,
        engine: Some(Cow::Borrowed("asr-8k")),
    };
    if said.speaker != Speaker::Customer || !dice.chance(0.4) {
        return (Some(asr), None);
    }
    let (low, high) = if upset { (45, 95) } else { (10, 60) };
    let signals = Signals {
        arousal: Some(dice.between(low, high) as f64 / 100.0),
        loudness_db: Some(dice.between(-320, -120) as f64 / 10.0),
        emotion: None,
        confidence: None,
        engine: None,
    };
    (Some(asr), Some(signals))
}
