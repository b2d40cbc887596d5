//! One base in memory: its texts, the two candidate indexes, and how a query is answered from them.
//!
//! Invariants: texts belong to articles by number; what [`Base::set`] put in is found by the next search; the order
//! of hits is total (score, then number), so the same query gets the same answer. It knows nothing of ids, status
//! or times of articles.

use std::collections::{HashMap, HashSet};

use super::analysis::{Analysis, analyse};
use super::answered::{Evidence, Found, evidence};
use super::encoder::{Quantised, cosine};
use super::features::{Asked, Counts, Features, Models, Prepared};
use super::fit::{BaseModel, Margins};
use super::lexical::{Lexical, LexicalError, TextId};
use super::rank::Ranker;
use super::synonyms::Synonyms;
use crate::enrich::normalise::for_matching;

/// An article's number within its base.
pub type ArticleId = u32;

const LEXICAL_CANDIDATES: usize = 60;
const VECTOR_CANDIDATES: usize = 30;
const INTENT_CANDIDATES: usize = 10;
/// Texts of an article that its depth is the mean of.
const DEPTH: usize = 3;
/// The score of a missing second article.
const FLOOR: f32 = -5.0;

/// A text of the base.
pub struct Text {
    /// Whose.
    pub article: ArticleId,
    /// As it was written.
    pub words: Box<str>,
    /// As it was taken apart.
    pub analysis: Analysis,
    /// Made ready for comparison.
    pub prepared: Prepared,
}

/// A base.
pub struct Base {
    texts: Vec<Option<Text>>,
    of_article: HashMap<ArticleId, Vec<TextId>>,
    vectors: Vec<(TextId, Quantised)>,
    counts: Counts,
    lexical: Lexical,
}

/// A candidate text with its features.
pub struct Candidate {
    /// The text.
    pub text: TextId,
    /// Whose it is.
    pub article: ArticleId,
    /// Against the query.
    pub features: Features,
}

/// An article that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The article.
    pub article: ArticleId,
    /// Its score: pair score, margin and depth together.
    pub score: f32,
    /// Its best text.
    pub text: TextId,
    /// What speaks for it.
    pub evidence: Evidence,
}

/// A query with what must not answer it; used when a base questions itself.
#[derive(Default)]
pub struct Without {
    /// Texts that are taken out.
    pub texts: HashSet<TextId>,
    /// Their words.
    pub counts: Counts,
}

impl Base {
    /// An empty base.
    ///
    /// # Errors
    /// When the index cannot be made.
    pub fn new() -> Result<Self, LexicalError> {
        Ok(Self {
            texts: Vec::new(),
            of_article: HashMap::new(),
            vectors: Vec::new(),
            counts: Counts::default(),
            lexical: Lexical::new()?,
        })
    }

    /// Sets the texts of articles; an article without texts is gone.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn set(
        &mut self,
        models: Models<'_>,
        articles: &[(ArticleId, Vec<&str>)],
    ) -> Result<(), LexicalError> {
        let mut removed = Vec::new();
        let mut added = Vec::new();
        for (article, texts) in articles {
            removed.extend(self.take(*article));
            let mut ids = Vec::new();
            for text in texts {
                let id = TextId::try_from(self.texts.len()).unwrap_or(TextId::MAX);
                let analysis = analyse(text);
                let prepared = Prepared::new(&analysis, models.encoder);
                self.counts.add(&prepared);
                self.vectors.push((id, prepared.vector.clone()));
                self.texts.push(Some(Text {
                    article: *article,
                    words: (*text).into(),
                    analysis,
                    prepared,
                }));
                added.push((id, for_matching(text).into_owned()));
                ids.push(id);
            }
            if !ids.is_empty() {
                self.of_article.insert(*article, ids);
            }
        }
        if !removed.is_empty() {
            let gone: HashSet<TextId> = removed.iter().copied().collect();
            self.vectors.retain(|(id, _)| !gone.contains(id));
        }
        self.lexical.apply(&removed, &added)
    }

    fn take(&mut self, article: ArticleId) -> Vec<TextId> {
        let ids = self.of_article.remove(&article).unwrap_or_default();
        for &id in &ids {
            let slot = usize::try_from(id)
                .ok()
                .and_then(|at| self.texts.get_mut(at));
            if let Some(text) = slot.and_then(Option::take) {
                self.counts.remove(&text.prepared);
            }
        }
        ids
    }

    /// The text with a number.
    #[must_use]
    pub fn text(&self, id: TextId) -> Option<&Text> {
        self.texts.get(usize::try_from(id).ok()?)?.as_ref()
    }

    /// Articles with their texts, by number.
    #[must_use]
    pub fn articles(&self) -> Vec<(ArticleId, Vec<TextId>)> {
        let mut all: Vec<_> = self
            .of_article
            .iter()
            .map(|(article, ids)| (*article, ids.clone()))
            .collect();
        all.sort_unstable_by_key(|article| article.0);
        all
    }

    /// How many texts.
    #[must_use]
    pub fn texts(&self) -> u32 {
        self.counts.texts()
    }

    /// Takes texts out for one question.
    #[must_use]
    pub fn without(&self, texts: &[TextId]) -> Without {
        let mut without = Without {
            texts: texts.iter().copied().collect(),
            ..Without::default()
        };
        for text in texts.iter().filter_map(|&id| self.text(id)) {
            without.counts.add(&text.prepared);
        }
        without
    }

    /// The BM25 of the best text without synonyms, 0 without any.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn best_bm25(&self, query: &str) -> Result<f32, LexicalError> {
        let found =
            self.lexical
                .candidates(&for_matching(query), &Synonyms::default(), &self.counts, 1)?;
        Ok(found.first().map_or(0.0, |first| first.1))
    }

    /// A query made ready.
    #[must_use]
    pub fn ask<'a>(&'a self, models: Models<'a>, query: &str) -> Asked<'a> {
        Asked::new(
            Prepared::new(&analyse(query), models.encoder),
            models,
            &self.counts,
        )
    }

    /// Candidates of both indexes and of the separators, with their features.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn candidates(
        &self,
        models: Models<'_>,
        asked: &Asked<'_>,
        query: &str,
        likely: &[ArticleId],
    ) -> Result<Vec<Candidate>, LexicalError> {
        let normal = for_matching(query);
        let found =
            self.lexical
                .candidates(&normal, models.synonyms, &self.counts, LEXICAL_CANDIDATES)?;
        let best = found.first().map_or(1.0, |first| first.1.max(1e-6));
        let mut scores: HashMap<TextId, f32> = found
            .into_iter()
            .map(|(id, score)| (id, score / best))
            .collect();
        for id in self.nearest(&asked.text.vector) {
            scores.entry(id).or_insert(0.0);
        }
        for article in likely {
            let ids = self.of_article.get(article).into_iter().flatten();
            for &id in ids.take(DEPTH) {
                scores.entry(id).or_insert(0.0);
            }
        }
        let mut ids: Vec<(TextId, f32)> = scores.into_iter().collect();
        ids.sort_unstable_by_key(|candidate| candidate.0);
        Ok(ids
            .into_iter()
            .filter_map(|(id, share)| {
                let text = self.text(id)?;
                Some(Candidate {
                    text: id,
                    article: text.article,
                    features: asked.features(&text.prepared, share),
                })
            })
            .collect())
    }

    fn nearest(&self, query: &Quantised) -> Vec<TextId> {
        let mut all: Vec<(f32, TextId)> = self
            .vectors
            .iter()
            .map(|(id, vector)| (cosine(query, vector), *id))
            .collect();
        let order = |a: &(f32, TextId), b: &(f32, TextId)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if all.len() > VECTOR_CANDIDATES {
            all.select_nth_unstable_by(VECTOR_CANDIDATES, order);
            all.truncate(VECTOR_CANDIDATES);
        }
        all.into_iter().map(|(_, id)| id).collect()
    }

    /// The articles for a query, best first, with what speaks for each.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn find(
        &self,
        models: Models<'_>,
        ranker: &Ranker,
        model: &BaseModel,
        query: &str,
        without: &Without,
    ) -> Result<Vec<Hit>, LexicalError> {
        let analysis = analyse(query);
        let asked = Asked::new(
            Prepared::new(&analysis, models.encoder),
            models,
            &self.counts,
        );
        let margins = model.margins(&analysis);
        let likely: Vec<ArticleId> = margins.best(INTENT_CANDIDATES);
        let mut candidates = self.candidates(models, &asked, query, &likely)?;
        candidates.retain(|candidate| !without.texts.contains(&candidate.text));
        let articles = by_article(&candidates, ranker, model, &margins);
        let known = asked.known(&without.counts);
        let five = mean(articles.iter().take(5).map(|article| article.pair));
        let hits = articles.iter().enumerate().filter_map(|(rank, scored)| {
            let candidate = candidates.get(scored.place)?;
            let rivals = articles
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != rank);
            let second = rivals
                .take(3)
                .map(|(_, rival)| rival.pair)
                .fold(FLOOR, f32::max);
            let found = Found {
                best: &candidate.features,
                scores: [scored.pair, second, five],
                known,
                length: asked.text.length,
                margins: margins.top_two(scored.article),
                usual: model.usual,
                own_margin: margins.of(scored.article).unwrap_or(-1.0),
                depth: scored.depth,
            };
            Some(Hit {
                article: scored.article,
                score: scored.score,
                text: candidate.text,
                evidence: evidence(&found),
            })
        });
        Ok(hits.collect())
    }
}

/// Candidates joined by article, best first.
fn by_article(
    candidates: &[Candidate],
    ranker: &Ranker,
    model: &BaseModel,
    margins: &Margins,
) -> Vec<Scored> {
    let mut grouped: HashMap<ArticleId, Vec<(f32, usize)>> = HashMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        let score = ranker.score(&candidate.features);
        grouped
            .entry(candidate.article)
            .or_default()
            .push((score, place));
    }
    let mut articles: Vec<Scored> = grouped
        .into_iter()
        .filter_map(|(article, mut texts)| {
            texts.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let (pair, place) = *texts.first()?;
            let near = texts.iter().take(DEPTH).map(|text| text.0);
            let depth = mean(near);
            let score = model.blend(pair, margins.of(article), depth);
            Some(Scored {
                article,
                score,
                pair,
                depth,
                place,
            })
        })
        .collect();
    articles.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.article.cmp(&b.article)));
    articles
}

struct Scored {
    article: ArticleId,
    score: f32,
    pair: f32,
    depth: f32,
    place: usize,
}

/// The mean, [`FLOOR`] of nothing.
fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { FLOOR }
}
