//! Requests that were never matched, searched for in the bases.
//!
//! Which base a request belongs to: that of the article that was shown, else the one that the interaction names in
//! its attribute `knowledge_base`, else the one that answers best. Invariants: no base is searched before its model has
//! learnt from its present articles, so what is stored once was found by the base at its best; requests with a sign of
//! use come first, newest first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::load::{Loaded, repeats};
use super::{GapsError, has_use};
use crate::domain::Micros;
use crate::insight::gaps::saying::{Saying, in_conflict, sentences};
use crate::insight::gaps::{Article, ArticleKey, Candidate, Case, Match, Shelf};
use crate::search::{Knowledge, SearchError};
use crate::store::article::Status;
use crate::store::{Store, StoreError};

/// Candidates that are kept of a search.
const CANDIDATES: usize = 8;
/// Neighbours of an article that are held against it.
const NEIGHBOURS: usize = 4;
/// Questions of an article that are compared with others'.
const QUESTIONS: usize = 12;
/// Requests searched between two looks at the clock.
const AT_ONCE: usize = 16;

/// The bases that can be searched.
pub(super) struct Bases {
    /// How often each was changed, and when for the last time.
    known: BTreeMap<String, (i64, i64)>,
    /// Bases whose model has not caught up.
    learning: bool,
}

/// What searching led to.
pub(super) struct FoundAll {
    pub(super) shelf: Shelf,
    pub(super) matched: usize,
    pub(super) waiting: usize,
}

/// Every base of the store with its state.
pub(super) async fn bases(knowledge: &Knowledge, store: &Store) -> Result<Bases, StoreError> {
    let mut bases = Bases {
        known: BTreeMap::new(),
        learning: false,
    };
    for (base, revision) in store.article_bases().await? {
        let Some(state) = knowledge.base(&base) else {
            continue;
        };
        if state.published > 0 && !state.model_ready {
            bases.learning = true;
        }
        let mut changed_us = 0;
        let mut after = String::new();
        loop {
            let page = store.articles(&base, &after, None, 500).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.id);
            let newest = page.iter().map(|article| article.updated_at_us).max();
            changed_us = changed_us.max(newest.unwrap_or(0));
        }
        bases.known.insert(base, (revision, changed_us));
    }
    Ok(bases)
}

/// Searches for what was never matched, and says who came again.
pub(super) async fn find(
    knowledge: &Knowledge,
    bases: Bases,
    loaded: &mut Loaded,
    search_for: Duration,
    clock: fn() -> Micros,
) -> Result<FoundAll, GapsError> {
    let knowledge = knowledge.clone();
    let mut own = Loaded {
        cases: std::mem::take(&mut loaded.cases),
        matched_at: std::mem::take(&mut loaded.matched_at),
        named_base: std::mem::take(&mut loaded.named_base),
        stored: BTreeMap::new(),
    };
    let searched = tokio::task::spawn_blocking(move || {
        let found = search(&knowledge, &bases, &mut own, search_for, clock);
        (own, found)
    });
    let (own, found) = searched.await.map_err(|error| GapsError::Broken {
        doing: "searching the bases",
        why: error.to_string(),
    })?;
    (loaded.cases, loaded.matched_at, loaded.named_base) =
        (own.cases, own.matched_at, own.named_base);
    Ok(found?)
}

fn search(
    knowledge: &Knowledge,
    bases: &Bases,
    loaded: &mut Loaded,
    search_for: Duration,
    clock: fn() -> Micros,
) -> Result<FoundAll, SearchError> {
    let shelf = shelf(knowledge, bases)?;
    let owners = owners(&shelf);
    let mut order: Vec<usize> = (0..loaded.cases.len())
        .filter(|place| loaded.matched_at.get(*place).is_some_and(Option::is_none))
        .collect();
    order.sort_by_key(|place| {
        let case = loaded.cases.get(*place);
        (
            case.is_none_or(|case| !has_use(case)),
            std::cmp::Reverse(*place),
        )
    });
    let started = Instant::now();
    let mut matched = 0;
    let all = order.len();
    // Without a base there is nothing to find, and nothing to wait for either.
    if !bases.learning && !bases.known.is_empty() {
        for some in order.chunks(AT_ONCE) {
            if started.elapsed() > search_for {
                break;
            }
            for place in some {
                let Some(case) = loaded.cases.get_mut(*place) else {
                    continue;
                };
                let named = loaded.named_base.get(*place).cloned().flatten();
                case.matched = one(knowledge, bases, &shelf, &owners, case, named)?;
                if let Some(slot) = loaded.matched_at.get_mut(*place) {
                    *slot = Some(clock().0);
                }
                matched += 1;
            }
        }
    }
    repeats(&mut loaded.cases);
    let waiting = if bases.known.is_empty() {
        0
    } else {
        all - matched
    };
    Ok(FoundAll {
        shelf,
        matched,
        waiting,
    })
}

/// Base by article id, for ids that one base alone has.
fn owners(shelf: &Shelf) -> HashMap<&str, Option<&str>> {
    let mut owners: HashMap<&str, Option<&str>> = HashMap::new();
    for (base, id) in shelf.articles.keys() {
        owners
            .entry(id)
            .and_modify(|owner| *owner = owner.filter(|owner| owner == base))
            .or_insert(Some(base));
    }
    owners
}

fn one(
    knowledge: &Knowledge,
    bases: &Bases,
    shelf: &Shelf,
    owners: &HashMap<&str, Option<&str>>,
    case: &Case,
    named: Option<String>,
) -> Result<Match, SearchError> {
    let shown = case.shown().into_iter().find_map(|id| *owners.get(id)?);
    let named = named.filter(|base| bases.known.contains_key(base));
    let wanted: Vec<&str> = match (shown, &named) {
        (Some(base), _) => vec![base],
        (None, Some(base)) => vec![base],
        _ => bases.known.keys().map(String::as_str).collect(),
    };
    let mut best: Option<Match> = None;
    for base in wanted {
        let (article_set, changed_us) = bases.known.get(base).copied().unwrap_or_default();
        let found = knowledge.probe(base, &case.text, CANDIDATES)?;
        let candidates = found.into_iter().filter_map(|found| {
            let key = (base.to_owned(), found.article_id);
            let article = shelf.articles.get(&key)?;
            Some(Candidate {
                is_valid: article.answers_at(case.at_us),
                p_answered: found.p_answered,
                article_id: key.1,
            })
        });
        let one = Match {
            base: base.to_owned(),
            article_set,
            is_restated: changed_us > case.at_us,
            candidates: candidates.collect(),
        };
        let p = |one: &Match| one.best().map_or(0.0, |best| best.p_answered);
        if best.as_ref().is_none_or(|best| p(&one) > p(best)) {
            best = Some(one);
        }
    }
    Ok(best.unwrap_or_default())
}

/// The articles of all bases, and those that disagree.
fn shelf(knowledge: &Knowledge, bases: &Bases) -> Result<Shelf, SearchError> {
    let mut shelf = Shelf::default();
    for base in bases.known.keys() {
        for (id, content) in knowledge.contents(base) {
            let questions = std::iter::once(&content.question).chain(&content.similar_questions);
            let questions: Vec<Saying> = questions
                .take(QUESTIONS)
                .map(|text| Saying::of(text))
                .collect();
            let sentences = sentences(&content.answer);
            let article = Article {
                question: content.question,
                questions,
                sentences,
                valid_from_us: content.valid_from_us,
                valid_to_us: content.valid_to_us,
                is_published: content.status == Status::Published,
            };
            shelf.articles.insert((base.clone(), id), article);
        }
        let pairs = conflicts(knowledge, base, &shelf)?;
        shelf.conflicts.extend(pairs);
    }
    Ok(shelf)
}

/// Pairs of published articles of a base that answer one question and disagree, or say the same twice.
fn conflicts(
    knowledge: &Knowledge,
    base: &str,
    shelf: &Shelf,
) -> Result<BTreeSet<(ArticleKey, ArticleKey)>, SearchError> {
    let mut pairs = BTreeSet::new();
    let own = shelf
        .articles
        .iter()
        .filter(|(key, article)| key.0 == base && article.is_published);
    for (key, article) in own {
        for found in knowledge.probe(base, &article.question, NEIGHBOURS)? {
            let other = (base.to_owned(), found.article_id);
            let Some(rival) = shelf.articles.get(&other).filter(|_| other != *key) else {
                continue;
            };
            let questions = (article.questions.as_slice(), rival.questions.as_slice());
            let answers = (article.sentences.as_slice(), rival.sentences.as_slice());
            if overlap(article, rival) && in_conflict(questions, answers).is_some() {
                pairs.insert((key.clone().min(other.clone()), key.clone().max(other)));
            }
        }
    }
    Ok(pairs)
}

/// Whether both are valid at some moment.
fn overlap(a: &Article, b: &Article) -> bool {
    let ends_before = |a: &Article, b: &Article| {
        a.valid_to_us
            .zip(b.valid_from_us)
            .is_some_and(|(to, from)| to <= from)
    };
    !ends_before(a, b) && !ends_before(b, a)
}
