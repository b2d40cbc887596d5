//! The models of a process: the shipped heads, heads that were taught further, a classifier in place of the polarity
//! head; and how they are exchanged while the process runs.
//!
//! Invariants: a value never mixes two models (one [`Models`] is taken for a whole event or request); where a
//! classifier gives no answer the built-in head does, and the value says so. Not here: where heads are kept
//! (`jobs::models`), files (`app`).

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::request;
use super::segment::Segmenter;
use super::sentiment::explain::Term;
use super::sentiment::{Grams, Label, Mood, Sentiment, Surroundings, Symbols};
use crate::model::linear::{BadModel, Linear};
use crate::model::replace::{Model, is_whole};

/// A head that can be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HeadId {
    /// Polarity of Chinese.
    PolarityZh,
    /// Polarity of English.
    PolarityEn,
    /// Dissatisfaction in Chinese.
    DissatisfactionZh,
    /// Dissatisfaction in English.
    DissatisfactionEn,
    /// Requests in Chinese: what is added to the written rules.
    RequestZh,
    /// Requests in English.
    RequestEn,
}

impl HeadId {
    /// Every head.
    pub const ALL: [Self; 6] = [
        Self::PolarityZh,
        Self::PolarityEn,
        Self::DissatisfactionZh,
        Self::DissatisfactionEn,
        Self::RequestZh,
        Self::RequestEn,
    ];

    /// The name in artefacts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PolarityZh => "polarity-zh",
            Self::PolarityEn => "polarity-en",
            Self::DissatisfactionZh => "dissatisfaction-zh",
            Self::DissatisfactionEn => "dissatisfaction-en",
            Self::RequestZh => "request-zh",
            Self::RequestEn => "request-en",
        }
    }

    /// The head of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|head| head.as_str() == name)
    }

    /// The polarity head of a language.
    #[must_use]
    pub const fn polarity(grams: Grams) -> Self {
        match grams {
            Grams::Chinese => Self::PolarityZh,
            Grams::English => Self::PolarityEn,
        }
    }

    /// The head of requests of a language.
    #[must_use]
    pub const fn request(grams: Grams) -> Self {
        match grams {
            Grams::Chinese => Self::RequestZh,
            Grams::English => Self::RequestEn,
        }
    }
}

/// A classifier in place of the polarity heads.
#[derive(Clone)]
struct Classifier {
    model: Arc<dyn Model>,
    /// What each of its classes means.
    classes: Vec<Label>,
}

impl Classifier {
    /// The mood; none when it does not answer.
    fn mood(&self, text: &str) -> Option<Mood> {
        let rows = self.model.rows(&[text]).ok()?;
        if !is_whole(&rows, 1, Some(self.classes.len())) {
            return None;
        }
        let of = |label: Label| -> f64 {
            let row = rows.iter().flatten();
            let own = row.zip(&self.classes).filter(|(_, class)| **class == label);
            own.map(|(p, _)| f64::from(*p)).sum()
        };
        let (negative, neutral, positive) =
            (of(Label::Negative), of(Label::Neutral), of(Label::Positive));
        let label = if neutral >= negative.max(positive) {
            Label::Neutral
        } else if positive > negative {
            Label::Positive
        } else {
            Label::Negative
        };
        Some(Mood {
            label,
            score: positive - negative,
            negative,
            neutral,
            positive,
        })
    }
}

/// Which models told a mood, ready to be stored: with dissatisfaction and without.
#[derive(Clone)]
struct Ids {
    polarity: Arc<str>,
    both: Arc<str>,
}

/// All models that texts meet.
#[derive(Clone)]
pub struct Models {
    sentiment: Sentiment,
    requests: [Option<Arc<Linear>>; 2],
    classifier: Option<Classifier>,
    /// By language: of the built-in heads, and with the classifier.
    ids: [[Ids; 2]; 2],
}

/// What was told of a turn.
pub struct Told {
    /// Polarity.
    pub mood: Mood,
    /// Probability of dissatisfaction; of a customer's words only.
    pub dissatisfaction: Option<f64>,
    /// The models that told it, `name@version` apart by spaces.
    pub models: Arc<str>,
}

impl Models {
    /// The shipped heads alone.
    ///
    /// # Errors
    /// When an artefact of the build is damaged.
    pub fn shipped() -> Result<Self, BadModel> {
        Self::with(&[])
    }

    /// The shipped heads, some of them replaced.
    ///
    /// # Errors
    /// When an artefact of the build is damaged.
    pub fn with(heads: &[(HeadId, Linear)]) -> Result<Self, BadModel> {
        let mut sentiment = Sentiment::shipped()?.clone();
        let mut requests = [None, None];
        for (id, head) in heads {
            let head = Arc::new(head.clone());
            match id {
                HeadId::PolarityZh => sentiment.replace_polarity(Grams::Chinese, head),
                HeadId::PolarityEn => sentiment.replace_polarity(Grams::English, head),
                HeadId::DissatisfactionZh => {
                    sentiment.replace_dissatisfaction(Grams::Chinese, head);
                }
                HeadId::DissatisfactionEn => {
                    sentiment.replace_dissatisfaction(Grams::English, head);
                }
                HeadId::RequestZh => requests[0] = Some(head),
                HeadId::RequestEn => requests[1] = Some(head),
            }
        }
        let ids = ids(&sentiment, None);
        Ok(Self {
            sentiment,
            requests,
            classifier: None,
            ids,
        })
    }

    /// The same with a classifier in place of the polarity heads; `classes` says what its numbers mean.
    #[must_use]
    pub fn with_classifier(mut self, model: Arc<dyn Model>, classes: Vec<Label>) -> Self {
        self.ids = ids(&self.sentiment, Some(model.id()));
        self.classifier = Some(Classifier { model, classes });
        self
    }

    /// The same heads with the classifier of `other`, if it has one.
    #[must_use]
    pub fn with_classifier_of(self, other: &Self) -> Self {
        match &other.classifier {
            Some(known) => self.with_classifier(Arc::clone(&known.model), known.classes.clone()),
            None => self,
        }
    }

    /// The heads.
    #[must_use]
    pub fn sentiment(&self) -> &Sentiment {
        &self.sentiment
    }

    /// A head of requests, when one was taught.
    #[must_use]
    pub fn request_head(&self, grams: Grams) -> Option<&Linear> {
        let [chinese, english] = &self.requests;
        match grams {
            Grams::Chinese => chinese.as_deref(),
            Grams::English => english.as_deref(),
        }
    }

    /// Name and version of what tells polarity.
    #[must_use]
    pub fn polarity_version(&self) -> String {
        match &self.classifier {
            Some(classifier) => classifier.model.id().to_owned(),
            None => self.sentiment.polarity_version(),
        }
    }

    /// Mood and, when `around` is given, dissatisfaction of a redacted text.
    #[must_use]
    pub fn judge(
        &self,
        text: &str,
        symbols: &Symbols,
        around: Option<&Surroundings>,
        grams: Grams,
    ) -> Told {
        let mut features = Vec::with_capacity(symbols.items.len() * 4 + 8);
        symbols.features(grams, &mut features);
        let mood = self.mood(text, &features, grams);
        self.told(mood, &features, around, grams)
    }

    /// The mood of a redacted text of which the features are known, and whether the classifier told it.
    #[must_use]
    pub fn mood(&self, text: &str, features: &[u64], grams: Grams) -> (Mood, bool) {
        match self.classifier.as_ref().and_then(|c| c.mood(text)) {
            Some(mood) => (mood, true),
            None => (self.sentiment.polarity_of(features, grams), false),
        }
    }

    /// What is told of a turn, beginning with what [`mood`](Self::mood) has told.
    #[must_use]
    pub fn told(
        &self,
        (mood, is_replaced): (Mood, bool),
        features: &[u64],
        around: Option<&Surroundings>,
        grams: Grams,
    ) -> Told {
        let [chinese, english] = &self.ids;
        let [built_in, other] = match grams {
            Grams::Chinese => chinese,
            Grams::English => english,
        };
        let ids = if is_replaced { other } else { built_in };
        let dissatisfaction =
            around.and_then(|around| self.sentiment.dissatisfaction_of(features, around, grams));
        let models = if dissatisfaction.is_some() {
            &ids.both
        } else {
            &ids.polarity
        };
        Told {
            mood,
            dissatisfaction,
            models: Arc::clone(models),
        }
    }

    /// The terms that carried the polarity; none where a classifier tells it, which explains nothing.
    #[must_use]
    pub fn explain(&self, symbols: &Symbols, grams: Grams) -> Vec<Term> {
        if self.classifier.is_some() {
            return Vec::new();
        }
        self.sentiment.explain(symbols, grams)
    }

    /// Whether a text says what somebody wants: the written rules, and what people taught.
    #[must_use]
    pub fn is_request(&self, segmenter: &Segmenter, text: &str, grams: Option<Grams>) -> bool {
        let rule = request_rule(segmenter, text);
        let Some((grams, head)) = grams.and_then(|g| Some((g, self.request_head(g)?))) else {
            return rule > 0.0;
        };
        let mut features = Vec::new();
        Symbols::of(text).features(grams, &mut features);
        if features.is_empty() {
            return rule > 0.0;
        }
        rule + head.score(&features, &[]) > 0.0
    }
}

/// What the written rules say of a text: 1 for a request, -1 for none.
#[must_use]
pub fn request_rule(segmenter: &Segmenter, text: &str) -> f32 {
    if request::is_request(segmenter, text) {
        1.0
    } else {
        -1.0
    }
}

fn ids(sentiment: &Sentiment, classifier: Option<&str>) -> [[Ids; 2]; 2] {
    [Grams::Chinese, Grams::English].map(|grams| {
        let named = |head: &Linear| format!("{}@{}", head.name(), head.version());
        let dissatisfaction = named(sentiment.dissatisfaction_head(grams));
        let built_in = named(sentiment.polarity_head(grams));
        let other = classifier.map_or_else(|| built_in.clone(), str::to_owned);
        [built_in, other].map(|polarity| Ids {
            both: format!("{polarity} {dissatisfaction}").into(),
            polarity: polarity.into(),
        })
    })
}

/// The models that are in use now. Clones share them; a reader keeps what it took.
#[derive(Clone)]
pub struct SharedModels(Arc<RwLock<Arc<Models>>>);

impl fmt::Debug for SharedModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.get().polarity_version())
    }
}

impl SharedModels {
    /// Begins with `models`.
    #[must_use]
    pub fn new(models: Models) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(models))))
    }

    /// The models in use.
    #[must_use]
    pub fn get(&self) -> Arc<Models> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Uses other models from now on.
    pub fn set(&self, models: Models) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(models);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::replace::ModelError;

    /// Says "positive" to what holds a plus, nothing at all to an empty text.
    struct Plus;

    impl Model for Plus {
        fn id(&self) -> &str {
            "test:plus@1"
        }

        fn rows(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
            let of = |text: &&str| {
                let p = if text.contains('+') { 0.8 } else { 0.1 };
                if text.contains('?') {
                    Vec::new()
                } else {
                    vec![0.9 - p, 0.1, p]
                }
            };
            Ok(texts.iter().map(of).collect())
        }
    }

    fn told(models: &Models, text: &str) -> Told {
        let around = Surroundings::default();
        models.judge(text, &Symbols::of(text), Some(&around), Grams::English)
    }

    #[test]
    fn a_classifier_takes_the_place_of_polarity_and_the_built_in_head_stands_in_for_it() {
        let classes = vec![Label::Negative, Label::Neutral, Label::Positive];
        let models = Models::shipped()
            .unwrap()
            .with_classifier(Arc::new(Plus), classes);
        let plus = told(&models, "terrible awful service +");
        assert_eq!(plus.mood.label, Label::Positive);
        assert!((plus.mood.score - 0.7).abs() < 1e-6);
        assert!(
            plus.models.starts_with("test:plus@1 dissatisfaction-en@"),
            "{}",
            plus.models
        );
        let fallen = told(&models, "terrible awful service ?");
        assert_eq!(fallen.mood.label, Label::Negative);
        assert!(
            fallen.models.starts_with("polarity-en@"),
            "{}",
            fallen.models
        );
        assert!(
            models
                .explain(&Symbols::of("terrible +"), Grams::English)
                .is_empty()
        );
        assert_eq!(models.polarity_version(), "test:plus@1");
        let again = Models::shipped().unwrap().with_classifier_of(&models);
        assert_eq!(told(&again, "+").models, plus.models);
    }

    #[test]
    fn heads_are_replaced_one_by_one_and_for_whoever_asks_next() {
        let shared = SharedModels::new(Models::shipped().unwrap());
        let before = shared.get();
        let head = before.sentiment().polarity_head(Grams::English);
        let weights = vec![0.0; 1 << 8];
        let blank = Linear::quantise("polarity-en", 9.0, &weights, head.calibration(), vec![]);
        shared.set(Models::with(&[(HeadId::PolarityEn, blank.unwrap())]).unwrap());
        let text = "terrible awful service";
        assert_eq!(told(&shared.get(), text).mood.label, Label::Positive);
        assert_eq!(told(&before, text).mood.label, Label::Negative);
        assert_ne!(told(&shared.get(), text).models, told(&before, text).models);
        for id in HeadId::ALL {
            assert_eq!(HeadId::parse(id.as_str()), Some(id));
        }
    }

    #[test]
    fn requests_are_the_rules_and_what_was_taught() {
        let segmenter = Segmenter::shared();
        let of = |heads: &[(HeadId, Linear)], text: &str| {
            let models = Models::with(heads).unwrap();
            models.is_request(segmenter, text, Some(Grams::English))
        };
        assert!(of(&[], "how do I reset it") && !of(&[], "hello there"));
        let plain = crate::model::linear::Calibration {
            slope: 1.0,
            offset: 0.0,
        };
        let always = Linear::quantise("request-en", 2.0, &[0.0; 256], plain, vec![]).unwrap();
        assert!(of(&[(HeadId::RequestEn, always.clone())], "hello there"));
        assert!(!of(&[(HeadId::RequestZh, always)], "hello there"));
    }
}
