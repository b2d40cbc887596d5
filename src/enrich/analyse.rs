//! One text through all of `enrich`: redaction, language, mood, dissatisfaction.
//!
//! Invariants: pure; what is computed is computed on the redacted text, so no personal value reaches a model or
//! an explanation; the same text gives the same answer in the stream and at the door. Not here: topics, which need
//! a run of their own.

use super::language;
use super::models::Models;
use super::redact::{Pii, Redactor};
use super::request;
use super::segment::Segmenter;
use super::sentiment::explain::Term;
use super::sentiment::{Mood, Surroundings, Symbols};
use crate::domain::{Raw, Redacted, Speaker};

/// A text to look at.
pub struct Said<'a> {
    /// What was said.
    pub text: &'a Raw<'a>,
    /// Who said it; a customer when not told.
    pub speaker: Speaker,
    /// What the other side said before.
    pub previous: Option<&'a Raw<'a>>,
    /// BCP 47, where known.
    pub language: Option<&'a str>,
}

/// What is known of it.
pub struct Analysis {
    /// Redacted.
    pub text: Redacted<'static>,
    /// Personal values: offsets into the text as it came, in Unicode scalar values.
    pub pii: Vec<Pii>,
    /// BCP 47; none without letters.
    pub language: Option<String>,
    /// Polarity.
    pub mood: Mood,
    /// Terms that carried it.
    pub explanation: Vec<Term>,
    /// Probability of dissatisfaction with the service; of a customer's words only.
    pub dissatisfaction: Option<f64>,
    /// Words that it is about.
    pub keywords: Vec<String>,
    /// Whether the customer says what he wants; of a customer's words only.
    pub is_request: Option<bool>,
}

/// Keywords of a text at most.
const KEYWORDS: usize = 8;

/// Looks at texts.
#[derive(Clone, Copy)]
pub struct Analyser<'r> {
    redactor: &'r Redactor,
    models: &'r Models,
}

impl<'r> Analyser<'r> {
    /// An analyser with these parts.
    #[must_use]
    pub fn new(redactor: &'r Redactor, models: &'r Models) -> Self {
        Self { redactor, models }
    }

    /// An id as it may be answered.
    #[must_use]
    pub fn id(&self, raw: &Raw<'_>) -> Redacted<'static> {
        Redacted::vouch(self.redactor.id(raw.reveal()).into_owned())
    }

    /// All that is known of a text.
    #[must_use]
    pub fn analyse(&self, said: &Said<'_>) -> Analysis {
        let redaction = self.redactor.text_with_pii(said.text.reveal());
        let text = redaction.text;
        let tag = said.language.filter(|tag| !tag.is_empty());
        let language = language::detect(&text).or(tag).map(str::to_owned);
        let grams = language::grams(tag, &text);
        let mut analysis = Analysis {
            pii: redaction.source_pii,
            language,
            mood: Mood::NONE,
            explanation: Vec::new(),
            dissatisfaction: None,
            keywords: request::keywords(Segmenter::shared(), &text, KEYWORDS),
            is_request: (said.speaker == Speaker::Customer)
                .then(|| self.models.is_request(Segmenter::shared(), &text, grams)),
            text: Redacted::vouch(String::new()),
        };
        if let Some(grams) = grams {
            let symbols = Symbols::of(&text);
            let around = (said.speaker == Speaker::Customer).then(|| {
                let previous = said.previous.map(|raw| self.redactor.text(raw.reveal()));
                Surroundings {
                    previous: previous.filter(|p| !p.is_empty()).map(|p| Symbols::of(&p)),
                    ..Surroundings::default()
                }
            });
            let told = self.models.judge(&text, &symbols, around.as_ref(), grams);
            analysis.mood = told.mood;
            analysis.dissatisfaction = told.dissatisfaction;
            analysis.explanation = self.models.explain(&symbols, grams);
        }
        analysis.text = Redacted::vouch(text);
        analysis
    }
}
