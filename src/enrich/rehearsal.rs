//! Whole dialogues through redaction and quality rules, for those who write rules and those who write messages.
//!
//! Invariants: pure; what is judged is the redacted text with the mood that the stream would give it, so a dialogue
//! has the hits here that it has there. Not here: what a hit means to the caller.

use super::language;
use super::quality::{Heard, Hit, RuleSet, Scratch, Talk};
use super::redact::Redactor;
use super::sentiment::{Label, Sentiment, Symbols};
use crate::domain::{Channel, Micros, Raw, Redacted, Speaker};

/// Time between two lines that say none, ms.
const STEP_MS: i64 = 5_000;

/// One line of a dialogue.
pub struct Line<'a> {
    /// Who says it.
    pub speaker: Speaker,
    /// What.
    pub text: &'a Raw<'a>,
    /// When, ms since the dialogue began; 5 s after the line before when not told.
    pub at_ms: Option<i64>,
    /// Speech: when it begins.
    pub started_ms: Option<i64>,
    /// Speech: when it ends.
    pub ended_ms: Option<i64>,
    /// Its mood (-1, 0, 1), when the caller knows better than the model.
    pub mood: Option<i8>,
    /// BCP 47, where known.
    pub language: Option<&'a str>,
}

/// What the rules say of a dialogue.
pub struct Rehearsal {
    /// The lines, redacted.
    pub texts: Vec<Redacted<'static>>,
    /// Each hit with the place of its line from 0; none for the end.
    pub hits: Vec<(Option<usize>, Hit)>,
    /// What is remembered at the end.
    pub talk: Talk,
}

/// Judges a dialogue. `ends`: whether it is over.
#[must_use]
pub fn rehearse(
    redactor: &Redactor,
    rules: &RuleSet,
    channel: Option<Channel>,
    lines: &[Line<'_>],
    ends: bool,
) -> Rehearsal {
    let (mut talk, mut scratch) = (Talk::default(), Scratch::default());
    if let Some(channel) = channel {
        talk.set_channel(channel);
    }
    let mut rehearsal = Rehearsal {
        texts: Vec::with_capacity(lines.len()),
        hits: Vec::new(),
        talk: Talk::default(),
    };
    let mut next_ms = 0;
    for (place, line) in lines.iter().enumerate() {
        let text = redactor.text(line.text.reveal()).into_owned();
        let at_ms = line.at_ms.or(line.started_ms).unwrap_or(next_ms);
        next_ms = at_ms.saturating_add(STEP_MS);
        let heard = heard(line, place, at_ms, &text);
        if !text.is_empty() {
            let hits = if lines.len() == 1 && !ends {
                rules.hear_alone(&mut talk, &heard, &mut scratch)
            } else {
                rules.hear(&mut talk, &heard, &mut scratch)
            };
            let placed = hits.into_iter().map(|hit| (Some(place), hit));
            rehearsal.hits.extend(placed);
        }
        rehearsal.texts.push(Redacted::vouch(text));
    }
    if ends {
        let hits = rules.end(&mut talk).into_iter();
        rehearsal.hits.extend(hits.map(|hit| (None, hit)));
    }
    rehearsal.talk = talk;
    rehearsal
}

fn heard<'t>(line: &Line<'_>, place: usize, at_ms: i64, text: &'t str) -> Heard<'t> {
    let micros = |ms: i64| Micros(ms.saturating_mul(1_000));
    Heard {
        // The state tells turns apart by the upper half.
        turn: u64::try_from(place + 1).unwrap_or(u64::MAX) << 32,
        at: micros(at_ms),
        started_at: line.started_ms.map(micros),
        ended_at: line.ended_ms.map(micros),
        speaker: line.speaker,
        speaker_id: None,
        text,
        mood: line.mood.or_else(|| label(text, line.language)),
    }
}

/// The mood of a text by its words: -1 negative, 0 neutral, 1 positive; none without words.
#[must_use]
pub fn label(text: &str, tag: Option<&str>) -> Option<i8> {
    let heads = Sentiment::shipped().ok()?;
    let grams = language::grams(tag, text)?;
    let symbols = Symbols::of(text);
    if symbols.items.is_empty() {
        return None;
    }
    Some(number_of(heads.polarity(&symbols, grams).label))
}

/// A label as rules count it.
#[must_use]
pub fn number_of(label: Label) -> i8 {
    match label {
        Label::Negative => -1,
        Label::Neutral => 0,
        Label::Positive => 1,
    }
}
