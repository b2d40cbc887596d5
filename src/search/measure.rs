//! What search is worth on labelled queries, beside plain BM25 in the same run.
//!
//! Invariants: nothing is learnt from the queries; articles, queries and seed give the same report. Accuracy counts
//! queries that have an article; AUROC and false positives compare P(answered) of these with that of gaps.

use std::collections::BTreeMap;

use serde::Serialize;

use super::base::{ArticleId, Base, Without};
use super::features::FEATURES;
use super::fit::{BaseModel, Shipped, fit};
use super::lexical::LexicalError;
use super::rank::Ranker;
use super::train::Generator;

/// Below this overlap with the texts of its article a query needs more than its words.
pub const LOW_OVERLAP: f64 = 0.25;
/// The place of the BM25 share among the features.
const BM25: usize = 17;

/// Articles and queries.
#[derive(Debug, Clone, Default)]
pub struct Labelled {
    /// The texts of each article, its question first.
    pub articles: Vec<Vec<String>>,
    /// The queries.
    pub queries: Vec<LabelledQuery>,
}

/// A query whose answer is known.
#[derive(Debug, Clone)]
pub struct LabelledQuery {
    /// What is asked.
    pub text: String,
    /// Every article that is right; empty = a gap.
    pub right: Vec<usize>,
    /// Likeness of its characters with the closest text of its article, when it was measured.
    pub overlap: Option<f64>,
}

/// The figures of one way to search.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Share of queries whose first article is right.
    pub top_1: f64,
    /// Share of queries with a right article among the first five.
    pub top_5: f64,
    /// [`Figures::top_1`] of queries with little overlap; null without such queries.
    pub top_1_low_overlap: Option<f64>,
    /// Queries with little overlap.
    pub n_low_overlap: usize,
    /// Area under the curve: answerable queries against gaps; null without gaps.
    pub auroc: Option<f64>,
    /// The same within thirds of the queries by length, shortest first.
    pub auroc_by_length: Vec<Option<f64>>,
    /// Share of gaps that pass where 95 % of answerable queries do.
    pub false_positive_rate_95: Option<f64>,
    /// Mean P(answered) of queries with a right first article, of other queries, and of gaps.
    pub mean_p_answered: [Option<f64>; 3],
}

/// What search is worth.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Articles.
    pub articles: usize,
    /// Texts of all articles.
    pub texts: u32,
    /// Queries with an article.
    pub answerable: usize,
    /// Queries without one.
    pub gaps: usize,
    /// What the base has learnt.
    pub model: String,
    /// The shipped search with the base's own model.
    pub search: Figures,
    /// Full text alone, by BM25 over words and parts.
    pub bm25: Figures,
}

/// Measures; `questions_only` leaves similar questions out.
///
/// # Errors
/// When an index cannot be made.
pub fn measure(
    shipped: Shipped<'_>,
    labelled: &Labelled,
    questions_only: bool,
) -> Result<Report, LexicalError> {
    let mut base = Base::new()?;
    let articles: Vec<(ArticleId, Vec<&str>)> = (0..)
        .zip(&labelled.articles)
        .map(|(number, texts)| {
            let count = if questions_only { 1 } else { texts.len() };
            (
                number,
                texts.iter().take(count).map(String::as_str).collect(),
            )
        })
        .collect();
    base.set(shipped.models, &articles)?;
    let model = fit(&base, shipped)?;
    let plain = plain_ranker();
    let none = BaseModel::default();
    let gaps = labelled
        .queries
        .iter()
        .filter(|query| query.right.is_empty())
        .count();
    Ok(Report {
        articles: articles.len(),
        texts: base.texts(),
        answerable: labelled.queries.len() - gaps,
        gaps,
        model: model.describe(),
        search: figures(&answers(
            &base,
            shipped,
            shipped.ranker,
            &model,
            labelled,
            Score::Probability,
        )?),
        bm25: figures(&answers(
            &base,
            shipped,
            &plain,
            &none,
            labelled,
            Score::Bm25,
        )?),
    })
}

fn plain_ranker() -> Ranker {
    let mut weights = vec![0.0; FEATURES];
    if let Some(weight) = weights.get_mut(BM25) {
        *weight = 1.0;
    }
    Ranker { weights }
}

#[derive(Clone, Copy)]
enum Score {
    Probability,
    Bm25,
}

/// A query and what came of it.
struct Outcome {
    is_gap: bool,
    rank: Option<usize>,
    p_answered: f64,
    overlap: Option<f64>,
    length: usize,
}

fn answers(
    base: &Base,
    shipped: Shipped<'_>,
    ranker: &Ranker,
    model: &BaseModel,
    labelled: &Labelled,
    score: Score,
) -> Result<Vec<Outcome>, LexicalError> {
    let nothing = Without::default();
    let mut outcomes = Vec::with_capacity(labelled.queries.len());
    for query in &labelled.queries {
        let hits = base.find(shipped.models, ranker, model, &query.text, &nothing)?;
        let is_right = |article: ArticleId| {
            query
                .right
                .iter()
                .any(|right| ArticleId::try_from(*right) == Ok(article))
        };
        let p_answered = match score {
            Score::Probability => hits.first().map_or(0.0, |hit| {
                model.probability(shipped.answered, &hit.evidence)
            }),
            Score::Bm25 => base.best_bm25(&query.text)?,
        };
        outcomes.push(Outcome {
            is_gap: query.right.is_empty(),
            rank: hits.iter().position(|hit| is_right(hit.article)),
            p_answered: f64::from(p_answered),
            overlap: query.overlap,
            length: query.text.chars().count(),
        });
    }
    Ok(outcomes)
}

fn figures(outcomes: &[Outcome]) -> Figures {
    let answerable: Vec<&Outcome> = outcomes.iter().filter(|one| !one.is_gap).collect();
    let within = |places: usize| {
        share(&answerable, |one| {
            one.rank.is_some_and(|rank| rank < places)
        })
    };
    let low: Vec<&Outcome> = answerable
        .iter()
        .filter(|one| one.overlap.is_some_and(|x| x < LOW_OVERLAP))
        .copied()
        .collect();
    let mut by_length: Vec<&Outcome> = outcomes.iter().collect();
    by_length.sort_by_key(|one| one.length);
    let third = by_length.len().div_ceil(3).max(1);
    let mean = |wanted: &dyn Fn(&Outcome) -> bool| {
        let values: Vec<f64> = outcomes
            .iter()
            .filter(|one| wanted(one))
            .map(|one| one.p_answered)
            .collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / to_f64(values.len()))
    };
    Figures {
        top_1: within(1).unwrap_or(0.0),
        top_5: within(5).unwrap_or(0.0),
        top_1_low_overlap: share(&low, |one| one.rank == Some(0)),
        n_low_overlap: low.len(),
        auroc: area(&outcomes.iter().collect::<Vec<_>>()),
        auroc_by_length: by_length.chunks(third).map(area).collect(),
        false_positive_rate_95: false_positives(outcomes),
        mean_p_answered: [
            mean(&|one| !one.is_gap && one.rank == Some(0)),
            mean(&|one| !one.is_gap && one.rank != Some(0)),
            mean(&|one| one.is_gap),
        ],
    }
}

fn to_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn share(outcomes: &[&Outcome], is_counted: impl Fn(&Outcome) -> bool) -> Option<f64> {
    let counted = outcomes.iter().filter(|one| is_counted(one)).count();
    (!outcomes.is_empty()).then(|| to_f64(counted) / to_f64(outcomes.len()))
}

/// Mann-Whitney: the share of pairs of an answerable query and a gap in which the gap has less, equals by half.
fn area(outcomes: &[&Outcome]) -> Option<f64> {
    let mut sorted: Vec<(f64, bool)> = outcomes
        .iter()
        .map(|one| (one.p_answered, one.is_gap))
        .collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let answerable = to_f64(sorted.iter().filter(|one| !one.1).count());
    let gaps = to_f64(sorted.len()) - answerable;
    if answerable == 0.0 || gaps == 0.0 {
        return None;
    }
    let mut ranks = 0.0;
    let mut before = 0;
    for equal in sorted.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let middle = to_f64(before) + (to_f64(equal.len()) + 1.0) / 2.0;
        ranks += middle * to_f64(equal.iter().filter(|one| !one.1).count());
        before += equal.len();
    }
    Some((ranks - answerable * (answerable + 1.0) / 2.0) / (answerable * gaps))
}

fn false_positives(outcomes: &[Outcome]) -> Option<f64> {
    let of = |is_gap: bool| {
        outcomes
            .iter()
            .filter(move |one| one.is_gap == is_gap)
            .map(|one| one.p_answered)
    };
    let mut answerable: Vec<f64> = of(false).collect();
    answerable.sort_by(f64::total_cmp);
    let threshold = answerable.get(answerable.len() / 20)?;
    let gaps = of(true).count();
    (gaps > 0).then(|| to_f64(of(true).filter(|p| p >= threshold).count()) / to_f64(gaps))
}

/// How a set of texts with labels becomes a base.
#[derive(Debug, Clone, Copy)]
pub struct Split {
    /// Share of the texts that the base gets.
    pub known: f64,
    /// At most as many texts of a label; `None` = all.
    pub shots: Option<usize>,
    /// Share of the labels that are withheld as gaps.
    pub withheld: f64,
    /// Of the generator.
    pub seed: u64,
}

/// Makes a base of texts with their label (`None` = outside of every label): each label is an article.
#[must_use]
pub fn split(mut texts: Vec<(String, Option<String>)>, split: Split) -> Labelled {
    let mut generator = Generator(split.seed);
    generator.shuffle(&mut texts);
    let (outside, inside): (Vec<_>, Vec<_>) = texts.into_iter().partition(|one| one.1.is_none());
    let known = portion(inside.len(), split.known);
    let mut by_label: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut asked = Vec::new();
    for (place, (text, label)) in inside.into_iter().enumerate() {
        let label = label.unwrap_or_default();
        if place >= known {
            asked.push((text, label));
            continue;
        }
        let texts = by_label.entry(label).or_default();
        if split.shots.is_none_or(|shots| texts.len() < shots) {
            texts.push(text);
        }
    }
    let mut labels: Vec<String> = by_label.keys().cloned().collect();
    generator.shuffle(&mut labels);
    for label in labels.iter().take(portion(labels.len(), split.withheld)) {
        by_label.remove(label);
    }
    let places: BTreeMap<String, usize> = by_label.keys().cloned().zip(0..).collect();
    let query = |text, right| LabelledQuery {
        text,
        right,
        overlap: None,
    };
    let mut queries: Vec<LabelledQuery> = asked
        .into_iter()
        .map(|(text, label)| query(text, places.get(&label).copied().into_iter().collect()))
        .collect();
    queries.extend(outside.into_iter().map(|(text, _)| query(text, Vec::new())));
    Labelled {
        articles: by_label.into_values().collect(),
        queries,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count, cut off below"
)]
fn portion(count: usize, share: f64) -> usize {
    (to_f64(count) * share.clamp(0.0, 1.0)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(is_gap: bool, p_answered: f64, rank: Option<usize>) -> Outcome {
        Outcome {
            is_gap,
            rank,
            p_answered,
            overlap: Some(0.1),
            length: 3,
        }
    }

    #[test]
    fn figures_are_counted_by_hand() {
        let outcomes = [
            outcome(false, 0.9, Some(0)),
            outcome(false, 0.6, Some(3)),
            outcome(false, 0.5, None),
            outcome(true, 0.5, None),
            outcome(true, 0.1, None),
        ];
        let figures = figures(&outcomes);
        assert!((figures.top_1 - 1.0 / 3.0).abs() < 1e-9);
        assert!((figures.top_5 - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(figures.auroc, Some(5.5 / 6.0));
        assert_eq!(figures.false_positive_rate_95, Some(0.5));
        assert_eq!(figures.n_low_overlap, 3);
    }

    #[test]
    fn withheld_labels_become_gaps() {
        let texts: Vec<_> = (0..80)
            .map(|n| {
                (
                    format!("text {n}"),
                    (n < 72).then(|| format!("label {}", n % 4)),
                )
            })
            .collect();
        let made = split(
            texts,
            Split {
                known: 0.5,
                shots: Some(3),
                withheld: 0.25,
                seed: 1,
            },
        );
        assert_eq!(made.articles.len(), 3);
        assert!(made.articles.iter().all(|texts| texts.len() == 3));
        assert_eq!(made.queries.len(), 36 + 8);
        assert!(
            made.queries
                .iter()
                .filter(|query| query.right.is_empty())
                .count()
                > 8
        );
    }
}
