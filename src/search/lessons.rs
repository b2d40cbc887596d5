//! How the shipped models are learnt from pairs of questions: encoder, pair ranker and P(answered).
//!
//! Pairs that mean the same are joined into made-up bases (the most connected sentence is the question, the rest are
//! similar questions and queries; some groups are withheld as gaps). A part of each corpus is kept from a first
//! encoder, and ranker and P(answered) learn on that part; the shipped encoder then learns from all pairs.
//!
//! Invariants: a pair with a sentence of the excluded ones is never used ([`admit`]); each corpus counts the same;
//! the same input gives the same bytes.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::analysis::{Analysis, Term, analyse};
use super::answered::{Answered, EVIDENCE, Evidence, general};
use super::base::{ArticleId, Base, Without};
use super::encoder::Encoder;
use super::features::{FEATURES, Models, VERSION};
use super::fit::{BaseModel, Shipped, fit};
use super::lexical::LexicalError;
use super::rank::{Example, Ranker};
use super::shipped::Weights;
use super::synonyms;
use super::train::{Generator, Pair, Settings, learn};
use crate::enrich::normalise::for_matching;

/// Every n-th group of a corpus is kept from the first encoder.
const KEPT_FROM_ENCODER: usize = 2;
/// Share of groups that are withheld as gaps, of 1,000.
const GAPS: u64 = 350;
/// Groups that are nearer than this to a bigger one are left out: nobody labelled whether they are the same.
const NEAR: [f32; 2] = [0.4, 0.6];
const MAX_QUERIES: usize = 1_200;
const RANK_ROUNDS: u32 = 500;
const ANSWER_ROUNDS: u32 = 600;
const RIDGE: f32 = 1e-3;
/// A strong pull to 0: features that only some corpora support shall not decide.
const ANSWER_RIDGE: f32 = 1e-2;

/// A sentence as it is compared when pairs are excluded: letters, digits and characters alone.
#[must_use]
pub fn sentence_key(sentence: &str) -> String {
    for_matching(sentence)
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect()
}

/// The pairs without any sentence of `excluded` (as [`sentence_key`]).
#[must_use]
pub fn admit(pairs: Vec<Pair>, excluded: &HashSet<String>) -> Vec<Pair> {
    let is_free = |sentence: &str| !excluded.contains(&sentence_key(sentence));
    pairs
        .into_iter()
        .filter(|pair| is_free(&pair.first) && is_free(&pair.second))
        .filter(|pair| sentence_key(&pair.first) != sentence_key(&pair.second))
        .collect()
}

/// A made-up base: articles with their texts, and queries with their article (`None` = a gap).
#[derive(Debug, Default)]
pub struct MadeUp {
    /// Question first, then similar questions.
    pub articles: Vec<Vec<String>>,
    /// Query and right article.
    pub queries: Vec<(String, Option<usize>)>,
}

/// Learns encoder and weights from corpora of admitted pairs.
///
/// # Errors
/// When an index cannot be made.
pub fn teach(
    corpora: &[Vec<Pair>],
    settings: Settings,
) -> Result<(Encoder, Weights), LexicalError> {
    let mut kept = Vec::new();
    let mut first = Vec::new();
    for corpus in corpora {
        let (own, rest) = part(corpus);
        kept.push(own);
        first.extend(rest);
    }
    let encoder = learn(&first, &[], settings);
    let models = Models {
        encoder: &encoder,
        synonyms: synonyms::shipped(),
    };
    let mut examples: Vec<(Example, f32)> = Vec::new();
    for pairs in &kept {
        let made_up = make_up(pairs, 0, NEAR[1]);
        let mut own = Vec::new();
        for with_similar in [false, true] {
            own.extend(ranking(models, &made_up, with_similar)?);
        }
        let weight = share(own.len());
        examples.extend(own.into_iter().map(|example| (example, weight)));
    }
    let ranker = Ranker::learn(&examples, RANK_ROUNDS, RIDGE);
    let none = Answered {
        weights: vec![0.0; EVIDENCE],
    };
    let shipped = Shipped {
        models,
        ranker: &ranker,
        answered: &none,
    };
    let mut evidence: Vec<(Evidence, bool, f32)> = Vec::new();
    for pairs in &kept {
        let mut own = Vec::new();
        for near in NEAR {
            let made_up = make_up(pairs, GAPS, near);
            for with_similar in [false, true] {
                own.extend(answering(shipped, &made_up, with_similar)?);
            }
        }
        let weight = share(own.len());
        evidence.extend(
            own.into_iter()
                .map(|(numbers, is_answered)| (numbers, is_answered, weight)),
        );
    }
    let answered = Answered::learn(&evidence, None, ANSWER_RIDGE, ANSWER_ROUNDS);
    let all: Vec<Pair> = corpora.iter().flatten().cloned().collect();
    let weights = Weights {
        features_version: VERSION,
        ranker,
        answered,
    };
    Ok((learn(&all, &[], settings), weights))
}

fn share(count: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a count of examples")]
    let count = count.max(1) as f32;
    1.0 / count
}

/// Pairs within every n-th group, and the pairs that touch none of these groups.
fn part(pairs: &[Pair]) -> (Vec<Pair>, Vec<Pair>) {
    let groups = groups(pairs);
    let mut kept = HashSet::new();
    for group in groups.iter().step_by(KEPT_FROM_ENCODER) {
        kept.extend(group.iter().map(String::as_str));
    }
    let inside = |pair: &Pair| {
        [
            kept.contains(pair.first.as_str()),
            kept.contains(pair.second.as_str()),
        ]
    };
    let own = pairs
        .iter()
        .filter(|pair| inside(pair) == [true, true])
        .cloned()
        .collect();
    let rest = pairs
        .iter()
        .filter(|pair| inside(pair) == [false, false])
        .cloned()
        .collect();
    (own, rest)
}

/// Sentences joined by same-meaning pairs, the most connected one first; groups that a different-meaning pair
/// contradicts are left out; big groups first.
fn groups(pairs: &[Pair]) -> Vec<Vec<String>> {
    let mut ids: HashMap<&str, usize> = HashMap::new();
    let mut sentences: Vec<&str> = Vec::new();
    let mut indexed = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let mut id = |sentence| {
            *ids.entry(sentence).or_insert_with(|| {
                sentences.push(sentence);
                sentences.len() - 1
            })
        };
        indexed.push((id(&pair.first), id(&pair.second), pair.same));
    }
    let mut parents: Vec<usize> = (0..sentences.len()).collect();
    let mut degrees = vec![0_usize; sentences.len()];
    for &(a, b, _) in indexed.iter().filter(|pair| pair.2) {
        let (a_root, b_root) = (root(&mut parents, a), root(&mut parents, b));
        if let Some(parent) = parents.get_mut(a_root) {
            *parent = b_root;
        }
        for end in [a, b] {
            if let Some(degree) = degrees.get_mut(end) {
                *degree += 1;
            }
        }
    }
    let mut contradicted = HashSet::new();
    for &(a, b, _) in indexed.iter().filter(|pair| !pair.2) {
        let (a, b) = (root(&mut parents, a), root(&mut parents, b));
        if a == b {
            contradicted.insert(a);
        }
    }
    let mut by_root: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for id in 0..sentences.len() {
        let root = root(&mut parents, id);
        if !contradicted.contains(&root) {
            by_root.entry(root).or_default().push(id);
        }
    }
    let mut groups: Vec<Vec<usize>> = by_root
        .into_values()
        .filter(|group| group.len() > 1)
        .collect();
    for group in &mut groups {
        group.sort_by_key(|&id| (std::cmp::Reverse(degrees.get(id).copied()), id));
    }
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group.first().copied()));
    let words = |id: usize| sentences.get(id).map(|sentence| (*sentence).to_owned());
    groups
        .into_iter()
        .map(|group| group.into_iter().filter_map(words).collect())
        .collect()
}

fn root(parents: &mut [usize], mut id: usize) -> usize {
    while let Some(&parent) = parents.get(id)
        && parent != id
    {
        let above = parents.get(parent).copied().unwrap_or(parent);
        if let Some(slot) = parents.get_mut(id) {
            *slot = above;
        }
        id = above;
    }
    id
}

/// A base out of pairs; `gaps` of 1,000 groups are withheld.
fn make_up(pairs: &[Pair], gaps: u64, near: f32) -> MadeUp {
    let mut generator = Generator(11);
    let mut made = MadeUp::default();
    for mut group in apart(groups(pairs), near) {
        if generator.next_number() % 1_000 < gaps {
            made.queries
                .extend(group.into_iter().take(4).map(|sentence| (sentence, None)));
            continue;
        }
        let queries = group.len().div_ceil(2).min(5).min(group.len() - 1);
        let asked: Vec<String> = group.drain(1..=queries).collect();
        let article = made.articles.len();
        made.queries
            .extend(asked.into_iter().map(|sentence| (sentence, Some(article))));
        made.articles.push(group);
    }
    made
}

/// Leaves out groups whose first sentence is near to that of a group before.
fn apart(groups: Vec<Vec<String>>, near: f32) -> Vec<Vec<String>> {
    let analyses: Vec<Analysis> = groups
        .iter()
        .filter_map(|group| group.first())
        .map(|first| analyse(first))
        .collect();
    let mut seen: HashMap<Term, f32> = HashMap::new();
    for term in analyses.iter().flat_map(|analysis| &analysis.parts) {
        *seen.entry(*term).or_default() += 1.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of groups")]
    let count = analyses.len() as f32 + 1.0;
    let squared = |term: &Term| {
        let weight = (count / seen.get(term).copied().unwrap_or(1.0)).ln();
        weight * weight
    };
    let mut kept: Vec<(Vec<Term>, f32)> = Vec::new();
    let mut far = Vec::new();
    for (group, analysis) in groups.into_iter().zip(analyses) {
        let length = analysis.parts.iter().map(squared).sum::<f32>().sqrt();
        let is_far = kept.iter().all(|(parts, other)| {
            let both: f32 = analysis
                .parts
                .iter()
                .filter(|term| parts.binary_search(term).is_ok())
                .map(squared)
                .sum();
            both < near * length * other
        });
        if is_far {
            kept.push((analysis.parts, length));
            far.push(group);
        }
    }
    far
}

fn build(models: Models<'_>, made_up: &MadeUp, with_similar: bool) -> Result<Base, LexicalError> {
    let mut base = Base::new()?;
    let articles: Vec<(ArticleId, Vec<&str>)> = (0..)
        .zip(&made_up.articles)
        .map(|(number, texts)| {
            let count = if with_similar { texts.len() } else { 1 };
            (
                number,
                texts.iter().take(count).map(String::as_str).collect(),
            )
        })
        .collect();
    base.set(models, &articles)?;
    Ok(base)
}

fn is_article(number: ArticleId, wanted: usize) -> bool {
    usize::try_from(number).is_ok_and(|number| number == wanted)
}

fn ranking(
    models: Models<'_>,
    made_up: &MadeUp,
    with_similar: bool,
) -> Result<Vec<Example>, LexicalError> {
    let base = build(models, made_up, with_similar)?;
    let mut examples = Vec::new();
    for (query, article) in sample(&made_up.queries) {
        let Some(wanted) = *article else { continue };
        let asked = base.ask(models, query);
        let candidates = base.candidates(models, &asked, query, &[])?;
        let marked = candidates
            .into_iter()
            .map(|one| (one.features, is_article(one.article, wanted)));
        examples.push(marked.collect());
    }
    Ok(examples)
}

/// Evidence of queries whose first article is right, and of gaps.
fn answering(
    shipped: Shipped<'_>,
    made_up: &MadeUp,
    with_similar: bool,
) -> Result<Vec<(Evidence, bool)>, LexicalError> {
    let base = build(shipped.models, made_up, with_similar)?;
    let usual = fit(&base, shipped)?.usual;
    let model = BaseModel::with_usual(usual);
    let nothing = Without::default();
    let mut found = Vec::new();
    for (query, article) in sample(&made_up.queries) {
        let hits = base.find(shipped.models, shipped.ranker, &model, query, &nothing)?;
        let Some(first) = hits.first() else { continue };
        match article {
            None => found.push((general(&first.evidence), false)),
            Some(wanted) if is_article(first.article, *wanted) => {
                found.push((general(&first.evidence), true))
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

fn sample<T>(queries: &[T]) -> impl Iterator<Item = &T> {
    queries
        .iter()
        .step_by(queries.len().div_ceil(MAX_QUERIES).max(1))
}

/// Kept so that a change of features is noticed here.
const _: () = assert!(FEATURES < EVIDENCE);

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(first: &str, second: &str, same: bool) -> Pair {
        Pair {
            first: first.to_owned(),
            second: second.to_owned(),
            same,
        }
    }

    #[test]
    fn a_pair_with_an_excluded_sentence_is_not_used() {
        let excluded = HashSet::from([sentence_key("怎么修改密码？")]);
        let pairs = vec![
            pair("怎麼修改密碼", "如何改密码", true),
            pair("如何还款", "怎么修改密码!", false),
            pair("如何还款", "怎么还款", true),
            pair("如何还款", "如何还款？", true),
        ];
        let admitted = admit(pairs, &excluded);
        assert_eq!(admitted.len(), 1);
        assert_eq!(admitted[0].second, "怎么还款");
    }

    #[test]
    fn groups_are_joined_and_contradictions_left_out() {
        let pairs = [
            pair("a", "b", true),
            pair("b", "c", true),
            pair("d", "e", true),
            pair("e", "f", true),
            pair("d", "f", false),
            pair("g", "h", false),
        ];
        assert_eq!(groups(&pairs), [["b", "a", "c"]]);
    }

    #[test]
    fn the_same_pairs_teach_the_same() {
        let mut pairs = Vec::new();
        for n in 0..40 {
            pairs.push(pair(
                &format!("如何办理业务{n}号"),
                &format!("怎么开通业务{n}号"),
                true,
            ));
            pairs.push(pair(
                &format!("如何办理业务{n}号"),
                &format!("怎么还款{n}元"),
                false,
            ));
        }
        let settings = Settings {
            epochs: 1,
            ..Settings::default()
        };
        let once = teach(std::slice::from_ref(&pairs), settings).unwrap();
        let again = teach(std::slice::from_ref(&pairs), settings).unwrap();
        assert_eq!(once.0.to_bytes(), again.0.to_bytes());
        assert_eq!(once.1.ranker, again.1.ranker);
        assert_eq!(once.1.answered, again.1.answered);
    }
}
