//! The model of one base, learnt from its own questions: separators, how they are blended with the pair score, what
//! is usual for questions without an article, and P(answered).
//!
//! A base questions itself: a text with itself taken out must find its article, a text with its whole article taken
//! out is a question that the base cannot answer. Invariants: the same texts give the same model; a base that has
//! too little to learn from keeps the shipped model. It runs on a thread of its own and reads the base piece by
//! piece, so changes and searches go on meanwhile.

use std::collections::HashMap;
use std::sync::Arc;

use super::analysis::Analysis;
use super::answered::{Answered, Evidence};
use super::base::{ArticleId, Base, Hit, Without};
use super::features::Models;
use super::intents::{Intents, LEAST_CLASSES, LEAST_TEXTS, Labelled};
use super::lexical::{LexicalError, TextId};
use super::rank::Ranker;
use super::train::Generator;

const SEED: u64 = 23;
const FOLDS: usize = 3;
const ROUNDS: u32 = 10;
const FOLD_ROUNDS: u32 = 6;
/// Questions of one kind that a base asks itself at most.
const MAX_QUESTIONS: usize = 600;
/// With fewer examples of a kind the shipped model stays.
const LEAST_EXAMPLES: usize = 30;
/// Weights of the margin and of the depth that are tried.
const MARGINS: [f32; 7] = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
const DEPTHS: [f32; 3] = [0.0, 0.5, 1.0];
/// Mean and spread of the best score without the right article, for a base that has not been asked.
const USUAL: [f32; 2] = [5.0, 1.5];

/// What the shipped parts are.
#[derive(Clone, Copy)]
pub struct Shipped<'m> {
    /// Encoder and dictionary.
    pub models: Models<'m>,
    /// The pair ranker.
    pub ranker: &'m Ranker,
    /// P(answered) of any base.
    pub answered: &'m Answered,
}

/// The model of one base.
#[derive(Debug, Clone)]
pub struct BaseModel {
    intents: Option<Arc<Intents>>,
    classes: Vec<ArticleId>,
    margin_weight: f32,
    depth_weight: f32,
    /// Mean and spread of the best pair score without the right article.
    pub usual: [f32; 2],
    answered: Option<Answered>,
}

/// The margins of a query.
#[derive(Debug, Clone, Default)]
pub struct Margins {
    by_article: HashMap<ArticleId, f32>,
    /// Best first.
    order: Vec<(ArticleId, f32)>,
}

impl Margins {
    /// Of an article; `None` when it has no separator.
    #[must_use]
    pub fn of(&self, article: ArticleId) -> Option<f32> {
        self.by_article.get(&article).copied()
    }

    /// The articles with the greatest margins.
    #[must_use]
    pub fn best(&self, count: usize) -> Vec<ArticleId> {
        self.order.iter().take(count).map(|one| one.0).collect()
    }

    /// The greatest margin and the greatest of the others; `None` without separators. Seen from `article` the
    /// first is its own when it has one.
    #[must_use]
    pub fn top_two(&self, article: ArticleId) -> Option<[f32; 2]> {
        let first = self.order.first()?;
        let own = self.of(article).unwrap_or(first.1);
        let rival = self.order.iter().find(|one| one.0 != article);
        Some([own, rival.map_or(-1.0, |rival| rival.1)])
    }
}

impl Default for BaseModel {
    fn default() -> Self {
        Self {
            intents: None,
            classes: Vec::new(),
            margin_weight: 0.0,
            depth_weight: 0.0,
            usual: USUAL,
            answered: None,
        }
    }
}

impl BaseModel {
    /// One that has learnt nothing but what is usual.
    #[must_use]
    pub fn with_usual(usual: [f32; 2]) -> Self {
        Self {
            usual,
            ..Self::default()
        }
    }

    /// The margins of a query.
    #[must_use]
    pub fn margins(&self, analysis: &Analysis) -> Margins {
        let Some(intents) = &self.intents else {
            return Margins::default();
        };
        let scores = intents.scores(analysis);
        let mut order: Vec<(ArticleId, f32)> = self.classes.iter().copied().zip(scores).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        Margins {
            by_article: order.iter().copied().collect(),
            order,
        }
    }

    /// The score of an article: its best pair score, margin and depth.
    #[must_use]
    pub fn blend(&self, pair: f32, margin: Option<f32>, depth: f32) -> f32 {
        pair + self.margin_weight * margin.unwrap_or(-1.0) + self.depth_weight * (depth - pair)
    }

    /// What was chosen, for reports.
    #[must_use]
    pub fn describe(&self) -> String {
        format!(
            "separators {} margin {} depth {} usual {:.2} +- {:.2} own {}",
            self.classes.len(),
            self.margin_weight,
            self.depth_weight,
            self.usual[0],
            self.usual[1],
            self.answered.is_some()
        )
    }

    /// P(answered) by the model of the base, else by the shipped one.
    #[must_use]
    pub fn probability(&self, shipped: &Answered, evidence: &Evidence) -> f32 {
        self.answered
            .as_ref()
            .unwrap_or(shipped)
            .probability(evidence)
    }
}

/// Reads the base under whatever guards it.
pub trait Reading {
    /// Runs `read` on the base.
    fn read<T>(&self, read: impl FnOnce(&Base) -> T) -> T;
}

impl Reading for Base {
    fn read<T>(&self, read: impl FnOnce(&Base) -> T) -> T {
        read(self)
    }
}

/// A question of the base to itself.
struct Question {
    text: TextId,
    article: ArticleId,
    words: String,
}

/// Learns the model of a base.
///
/// # Errors
/// When the index cannot be read.
pub fn fit(base: &impl Reading, shipped: Shipped<'_>) -> Result<BaseModel, LexicalError> {
    let mut generator = Generator(SEED);
    let articles = base.read(Base::articles);
    let classes: Vec<(ArticleId, Vec<TextId>)> = articles
        .iter()
        .filter(|(_, texts)| texts.len() >= LEAST_TEXTS)
        .cloned()
        .collect();
    let mut trials = Trials::default();
    let mut model = BaseModel::default();
    // Where few articles have separators, they would win or lose by that alone.
    if classes.len() >= LEAST_CLASSES && classes.len() * 5 >= articles.len() * 4 {
        for fold in 0..FOLDS {
            question_fold(base, shipped, &classes, fold, &mut generator, &mut trials)?;
        }
        let all: Vec<(ArticleId, TextId)> = classes
            .iter()
            .flat_map(|(article, texts)| texts.iter().map(|text| (*article, *text)))
            .collect();
        let (intents, order) = separators(base, &all, ROUNDS);
        model.intents = Some(Arc::new(intents));
        model.classes = order;
    } else {
        question_all(base, shipped, &articles, &mut generator, &mut trials)?;
    }
    if let Some(usual) = trials.usual() {
        model.usual = usual;
    }
    trials.finish(&mut model, shipped);
    Ok(model)
}

fn words_of(base: &impl Reading, text: TextId) -> Option<String> {
    base.read(|base| base.text(text).map(|text| text.words.to_string()))
}

/// Learns separators from texts.
fn separators(
    base: &impl Reading,
    texts: &[(ArticleId, TextId)],
    rounds: u32,
) -> (Intents, Vec<ArticleId>) {
    let mut order: Vec<ArticleId> = texts.iter().map(|one| one.0).collect();
    order.sort_unstable();
    order.dedup();
    let analyses: Vec<(usize, Analysis)> = base.read(|base| {
        texts
            .iter()
            .filter_map(|(article, text)| {
                let class = order.binary_search(article).ok()?;
                Some((class, base.text(*text)?.analysis.clone()))
            })
            .collect()
    });
    let labelled: Vec<Labelled<'_>> = analyses
        .iter()
        .map(|(class, analysis)| Labelled {
            analysis,
            class: *class,
        })
        .collect();
    (Intents::learn(&labelled, order.len(), rounds), order)
}

/// One fold: a third of the classes is withheld whole, a fifth of the texts of the others.
fn question_fold(
    base: &impl Reading,
    shipped: Shipped<'_>,
    classes: &[(ArticleId, Vec<TextId>)],
    fold: usize,
    generator: &mut Generator,
    trials: &mut Trials,
) -> Result<(), LexicalError> {
    let mut order: Vec<usize> = (0..classes.len()).collect();
    generator.shuffle(&mut order);
    let mut kept = Vec::new();
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for (place, class) in order.iter().enumerate() {
        let Some((article, texts)) = classes.get(*class) else {
            continue;
        };
        let mut texts = texts.clone();
        generator.shuffle(&mut texts);
        let withheld = if place % FOLDS == fold {
            texts.len()
        } else {
            (texts.len() / 5).max(1)
        };
        for (at, text) in texts.into_iter().enumerate() {
            match (at < withheld, place % FOLDS == fold) {
                (_, true) => unknown.push((*article, text)),
                (true, false) => known.push((*article, text)),
                (false, false) => kept.push((*article, text)),
            }
        }
    }
    let (intents, order) = separators(base, &kept, FOLD_ROUNDS);
    let model = BaseModel {
        intents: Some(Arc::new(intents)),
        classes: order,
        ..BaseModel::default()
    };
    let taken: Vec<TextId> = unknown.iter().map(|one| one.1).collect();
    for (mut asked, answerable) in [(known, true), (unknown, false)] {
        generator.shuffle(&mut asked);
        asked.truncate(MAX_QUESTIONS / FOLDS);
        for (article, text) in asked {
            let Some(words) = words_of(base, text) else {
                continue;
            };
            let question = Question {
                text,
                article,
                words,
            };
            let mut out = taken.clone();
            out.push(text);
            trials.ask(base, shipped, &model, &question, &out, answerable)?;
        }
    }
    Ok(())
}

/// A base without classes: every text with itself, then with its article taken out.
fn question_all(
    base: &impl Reading,
    shipped: Shipped<'_>,
    articles: &[(ArticleId, Vec<TextId>)],
    generator: &mut Generator,
    trials: &mut Trials,
) -> Result<(), LexicalError> {
    let model = BaseModel::default();
    let mut all: Vec<(usize, TextId)> = articles
        .iter()
        .enumerate()
        .flat_map(|(at, (_, texts))| texts.iter().map(move |text| (at, *text)))
        .collect();
    generator.shuffle(&mut all);
    for (at, text) in all.into_iter().take(MAX_QUESTIONS) {
        let Some(((article, texts), words)) = articles.get(at).zip(words_of(base, text)) else {
            continue;
        };
        let question = Question {
            text,
            article: *article,
            words,
        };
        if texts.len() > 1 {
            trials.ask(base, shipped, &model, &question, &[question.text], true)?;
        }
        trials.ask(base, shipped, &model, &question, texts, false)?;
    }
    Ok(())
}

/// What the base answered to itself.
#[derive(Default)]
struct Trials {
    /// Right article and hits of answerable questions.
    answerable: Vec<(ArticleId, Vec<Parts>)>,
    /// Best hits of questions without an article.
    without: Vec<Vec<Parts>>,
}

/// A hit taken apart, so that blends can be tried.
struct Parts {
    article: ArticleId,
    pair: f32,
    margin: Option<f32>,
    depth: f32,
    evidence: Evidence,
}

const KEPT_HITS: usize = 12;

impl Trials {
    fn ask(
        &mut self,
        base: &impl Reading,
        shipped: Shipped<'_>,
        model: &BaseModel,
        question: &Question,
        out: &[TextId],
        answerable: bool,
    ) -> Result<(), LexicalError> {
        let hits: Vec<Hit> = base.read(|base| {
            let without: Without = base.without(out);
            base.find(
                shipped.models,
                shipped.ranker,
                model,
                &question.words,
                &without,
            )
        })?;
        let parts: Vec<Parts> = hits
            .into_iter()
            .take(KEPT_HITS)
            .map(|hit| Parts::of(&hit))
            .collect();
        if answerable {
            self.answerable.push((question.article, parts));
        } else {
            self.without.push(parts);
        }
        Ok(())
    }

    fn usual(&self) -> Option<[f32; 2]> {
        let best: Vec<f64> = self
            .without
            .iter()
            .filter_map(|hits| {
                hits.iter()
                    .map(|hit| f64::from(hit.pair))
                    .max_by(f64::total_cmp)
            })
            .collect();
        if best.len() < LEAST_EXAMPLES {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of questions")]
        let n = best.len() as f64;
        let mean = best.iter().sum::<f64>() / n;
        let spread = (best.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "scores are small")]
        let usual = [mean as f32, spread as f32];
        Some(usual)
    }

    fn first<'h>(model: &BaseModel, hits: &'h [Parts]) -> Option<&'h Parts> {
        hits.iter().max_by(|a, b| {
            let score = |hit: &Parts| model.blend(hit.pair, hit.margin, hit.depth);
            score(a)
                .total_cmp(&score(b))
                .then(b.article.cmp(&a.article))
        })
    }

    fn right(&self, model: &BaseModel) -> usize {
        self.answerable
            .iter()
            .filter(|(article, hits)| {
                Self::first(model, hits).is_some_and(|hit| hit.article == *article)
            })
            .count()
    }

    /// Chooses the blend, then learns P(answered) for it.
    fn finish(self, model: &mut BaseModel, shipped: Shipped<'_>) {
        if self.answerable.len() < LEAST_EXAMPLES {
            return;
        }
        let mut best = (0, 0.0, 0.0);
        let margins = if model.intents.is_some() {
            MARGINS.as_slice()
        } else {
            &[0.0]
        };
        for &margin_weight in margins {
            for depth_weight in DEPTHS {
                (model.margin_weight, model.depth_weight) = (margin_weight, depth_weight);
                let right = self.right(model);
                if right > best.0 {
                    best = (right, margin_weight, depth_weight);
                }
            }
        }
        (model.margin_weight, model.depth_weight) = (best.1, best.2);
        let usual = model.usual;
        let with_usual = |evidence: &Evidence| super::answered::rebase(evidence, usual);
        let mut examples: Vec<(Evidence, bool, f32)> = Vec::new();
        for (article, hits) in &self.answerable {
            // A wrong first article says nothing about whether there is a right one.
            if let Some(first) = Self::first(model, hits).filter(|first| first.article == *article)
            {
                examples.push((with_usual(&first.evidence), true, 1.0));
            }
        }
        for hits in &self.without {
            if let Some(first) = Self::first(model, hits) {
                examples.push((with_usual(&first.evidence), false, 1.0));
            }
        }
        let count = |wanted| {
            examples
                .iter()
                .filter(|example| example.1 == wanted)
                .count()
        };
        if count(true) >= LEAST_EXAMPLES && count(false) >= LEAST_EXAMPLES {
            model.answered = Some(Answered::learn(
                &examples,
                Some(shipped.answered),
                PULL,
                LEARN_ROUNDS,
            ));
        }
    }
}

/// How strongly the weights of a base are held near the shipped ones.
const PULL: f32 = 2e-3;
const LEARN_ROUNDS: u32 = 300;

impl Parts {
    fn of(hit: &Hit) -> Self {
        let [pair, depth, margin] = super::answered::parts(&hit.evidence);
        Self {
            article: hit.article,
            pair,
            margin: super::answered::has_margin(&hit.evidence).then_some(margin),
            depth,
            evidence: hit.evidence,
        }
    }
}
