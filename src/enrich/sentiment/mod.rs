//! How a turn feels: polarity, and dissatisfaction with the service.
//!
//! Invariants: pure and deterministic; `score` is P(positive) - P(negative) before the neutral gate; the gate moves
//! mass to `neutral` and keeps positive : negative; a text without a symbol has no mood. Not here: what the stream
//! remembers of an interaction (`pipeline`), learning from files (`train`, `corpus`).

pub mod corpus;
pub mod explain;
pub mod features;
pub mod noise;
pub mod report;
pub mod taught;
#[cfg(test)]
mod tests;
pub mod train;

use std::sync::{Arc, LazyLock};

pub use features::{Grams, Symbols};

use crate::model::linear::{BadModel, Linear, sigmoid};

static POLARITY_ZH: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/polarity-zh.bin"
));
static POLARITY_EN: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/polarity-en.bin"
));
static DISSATISFACTION_ZH: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/dissatisfaction-zh.bin"
));
static DISSATISFACTION_EN: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/dissatisfaction-en.bin"
));

static SHIPPED: LazyLock<Result<Sentiment, BadModel>> = LazyLock::new(|| {
    Ok(Sentiment {
        polarity: [read(POLARITY_ZH)?, read(POLARITY_EN)?],
        dissatisfaction: [read(DISSATISFACTION_ZH)?, read(DISSATISFACTION_EN)?],
    })
});

fn read(artefact: &[u8]) -> Result<Arc<Linear>, BadModel> {
    Linear::read(artefact).map(Arc::new)
}

/// What a turn feels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// Displeased.
    Negative,
    /// Neither, as most of service talk is.
    Neutral,
    /// Pleased.
    Positive,
}

impl Label {
    /// The closed word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Neutral => "neutral",
            Self::Positive => "positive",
        }
    }

    /// The label of a closed word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Negative, Self::Neutral, Self::Positive]
            .into_iter()
            .find(|label| label.as_str() == word)
    }
}

/// The polarity of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mood {
    /// The most probable of the three.
    pub label: Label,
    /// P(positive) - P(negative) before the gate, -1 to 1.
    pub score: f64,
    /// After the gate.
    pub negative: f64,
    /// After the gate.
    pub neutral: f64,
    /// After the gate.
    pub positive: f64,
}

impl Mood {
    /// The mood of a text without words.
    pub const NONE: Self = Self {
        label: Label::Neutral,
        score: 0.0,
        negative: 0.0,
        neutral: 1.0,
        positive: 0.0,
    };
}

/// What surrounds a customer's turn.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The agent's or bot's turn before.
    pub previous: Option<Symbols>,
    /// Customer turns before this one.
    pub position: Option<u32>,
    /// Likeness with the most alike earlier turn of the customer, 0 to 1.
    pub repeated: Option<f32>,
}

/// The four heads. Clones share them.
#[derive(Clone)]
pub struct Sentiment {
    polarity: [Arc<Linear>; 2],
    dissatisfaction: [Arc<Linear>; 2],
}

impl Sentiment {
    /// The heads that are shipped.
    ///
    /// # Errors
    /// When an artefact of the build is damaged.
    pub fn shipped() -> Result<&'static Self, BadModel> {
        SHIPPED.as_ref().map_err(Clone::clone)
    }

    /// Heads from elsewhere: polarity and dissatisfaction, each Chinese and English.
    #[must_use]
    pub fn new(polarity: [Linear; 2], dissatisfaction: [Linear; 2]) -> Self {
        Self {
            polarity: polarity.map(Arc::new),
            dissatisfaction: dissatisfaction.map(Arc::new),
        }
    }

    /// Name and version of the polarity heads, such as `polarity-zh@1a2b… polarity-en@…`.
    #[must_use]
    pub fn polarity_version(&self) -> String {
        versions(&self.polarity)
    }

    /// Name and version of the dissatisfaction heads.
    #[must_use]
    pub fn dissatisfaction_version(&self) -> String {
        versions(&self.dissatisfaction)
    }

    /// The polarity head of a language.
    #[must_use]
    pub fn polarity_head(&self, grams: Grams) -> &Linear {
        of(&self.polarity, grams)
    }

    /// The dissatisfaction head of a language.
    #[must_use]
    pub fn dissatisfaction_head(&self, grams: Grams) -> &Linear {
        of(&self.dissatisfaction, grams)
    }

    /// Uses another polarity head.
    pub fn replace_polarity(&mut self, grams: Grams, head: Arc<Linear>) {
        put(&mut self.polarity, grams, head);
    }

    /// Uses another dissatisfaction head.
    pub fn replace_dissatisfaction(&mut self, grams: Grams, head: Arc<Linear>) {
        put(&mut self.dissatisfaction, grams, head);
    }

    /// The polarity of a text.
    #[must_use]
    pub fn polarity(&self, text: &Symbols, grams: Grams) -> Mood {
        let mut features = Vec::with_capacity(text.items.len() * 4 + 8);
        text.features(grams, &mut features);
        self.polarity_of(&features, grams)
    }

    /// The polarity of a text of which the features are known.
    #[must_use]
    pub fn polarity_of(&self, features: &[u64], grams: Grams) -> Mood {
        let head = of(&self.polarity, grams);
        match head.logit(features, &[]) {
            Some(logit) => gated(logit, head.extra()),
            None => Mood::NONE,
        }
    }

    /// Probability that the customer is dissatisfied with the service; none for a text without
    /// words.
    #[must_use]
    pub fn dissatisfaction(
        &self,
        text: &Symbols,
        around: &Surroundings,
        grams: Grams,
    ) -> Option<f64> {
        let mut features = Vec::new();
        text.features(grams, &mut features);
        self.dissatisfaction_of(&features, around, grams)
    }

    /// The same of a text of which the features are known.
    #[must_use]
    pub fn dissatisfaction_of(
        &self,
        features: &[u64],
        around: &Surroundings,
        grams: Grams,
    ) -> Option<f64> {
        let mut context = Vec::new();
        context_features(around, grams, &mut context);
        let logit = of(&self.dissatisfaction, grams).logit(features, &context)?;
        Some(f64::from(sigmoid(logit)))
    }

    /// Probability from which on a turn counts as dissatisfied: the point of the best F1 in
    /// training.
    #[must_use]
    pub fn dissatisfied_from(&self, grams: Grams) -> f64 {
        let head = of(&self.dissatisfaction, grams);
        f64::from(head.extra().first().copied().unwrap_or(0.5))
    }
}

fn put(heads: &mut [Arc<Linear>; 2], grams: Grams, head: Arc<Linear>) {
    let [chinese, english] = heads;
    match grams {
        Grams::Chinese => *chinese = head,
        Grams::English => *english = head,
    }
}

fn of(heads: &[Arc<Linear>; 2], grams: Grams) -> &Linear {
    let [chinese, english] = heads;
    match grams {
        Grams::Chinese => chinese,
        Grams::English => english,
    }
}

fn versions(heads: &[Arc<Linear>; 2]) -> String {
    let [chinese, english] = heads;
    format!(
        "{}@{} {}@{}",
        chinese.name(),
        chinese.version(),
        english.name(),
        english.version()
    )
}

/// The gate: `neutral = 1 / (1 + exp(-(a - b |log-odds|)))`; a and b are the head's extra numbers.
fn gated(logit: f32, extra: &[f32]) -> Mood {
    let positive = f64::from(sigmoid(logit));
    let (a, b) = match extra {
        [a, b, ..] => (*a, *b),
        _ => (-20.0, 0.0),
    };
    let neutral = f64::from(sigmoid(b.mul_add(-logit.abs(), a)));
    let rest = 1.0 - neutral;
    let mood = Mood {
        label: Label::Neutral,
        score: 2.0 * positive - 1.0,
        negative: rest * (1.0 - positive),
        neutral,
        positive: rest * positive,
    };
    let label = if mood.neutral >= mood.negative.max(mood.positive) {
        Label::Neutral
    } else if mood.positive > mood.negative {
        Label::Positive
    } else {
        Label::Negative
    };
    Mood { label, ..mood }
}

/// What a dissatisfaction head sees around a turn, appended to `out`.
pub fn context_features(around: &Surroundings, grams: Grams, out: &mut Vec<u64>) {
    if let Some(previous) = &around.previous {
        let mut features = Vec::new();
        previous.features(grams, &mut features);
        out.extend(features.iter().map(|h| elsewhere(*h)));
    }
    // The root of the block's size scales all of it: few facts among many n-grams are said thrice.
    if let Some(position) = around.position {
        out.extend([features::named(3, u64::from(position.min(8))); 3]);
    }
    if let Some(repeated) = around.repeated.filter(|r| *r > 0.0) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 4"
        )]
        let step = (repeated * 4.0) as u64;
        out.extend([features::named(4, step); 3]);
    }
}

/// The same n-gram said by the other side is another feature.
fn elsewhere(hash: u64) -> u64 {
    (hash.rotate_left(31) ^ 0x5555_aaaa_1234_9876).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Likeness of two turns by their sorted [`pairs`]: shared ones over all of both (Jaccard).
#[must_use]
pub fn likeness(a: &[u32], b: &[u32]) -> f32 {
    let shared = a.iter().filter(|x| b.binary_search(x).is_ok()).count();
    let all = a.len() + b.len() - shared;
    #[expect(clippy::cast_precision_loss, reason = "counts of one text")]
    let value = if all == 0 {
        0.0
    } else {
        shared as f32 / all as f32
    };
    value
}

/// The pairs of neighbouring symbols of a text, hashed, in order.
pub fn pairs(text: &Symbols) -> impl Iterator<Item = u32> + '_ {
    text.items.windows(2).filter_map(|w| match w {
        [a, b] => Some(a.code.rotate_left(15).wrapping_mul(0x9e37_79b1) ^ b.code),
        _ => None,
    })
}
