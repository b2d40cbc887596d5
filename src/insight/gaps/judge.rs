//! Cases to outcomes: the evidence of each, gathered over all cases where one alone does not tell.
//!
//! What an article is worth changes with time, so acceptance and what agents say against it are read over all cases
//! before any is judged. A shown article counts as shown for the request only when a full search finds it near:
//! showing something else is a search that did not find. Invariants: pure; the order of cases does not matter.

use std::collections::{BTreeMap, BTreeSet};

use super::case::{Action, Article, ArticleKey, Case, DAY_US, Shelf};
use super::saying::{Saying, Stand};
use crate::insight::gap_type::{Acceptance, Evidence, LEAST_JUDGED, NOTHING_BELOW, Outcome};
use crate::insight::statistics::hypergeometric_tail;

/// Days in which agents' answers count against an article.
const CONTRADICTION_DAYS: i64 = 14;
/// Of the answers that can be compared with an article, so many must contradict it: recognition errs in figures.
const CONTRADICTED_SHARE: f64 = 0.25;
/// Chance below which a fall of acceptance is no accident, for one article over all dates.
const FALL_LEVEL: f64 = 0.005;
/// A shown article among the first so many of the full search is about the request,
const NEAR_PLACES: usize = 3;
/// when it is as likely as this,
const NEAR_FROM: f64 = 0.15;
/// and not much less likely than the best.
const NEAR_SHARE: f64 = 0.5;
/// From this share of interactions on, a bot that logs no search has failed to search.
const LOGS_SEARCHES: f64 = 0.8;
/// Interactions with a bot before its habit is known.
const LEAST_BOT: usize = 20;

/// A case as it was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What became of it.
    pub outcome: Outcome,
    /// Why.
    pub evidence: Evidence,
    /// The article that it is about: shown and near, or else the best that was found to hold an answer.
    pub article: Option<ArticleKey>,
}

/// Judges every case. `out_of_scope` are requests that people have marked as not of this business.
#[must_use]
pub fn judge(cases: &[Case], shelf: &Shelf, out_of_scope: &BTreeSet<String>) -> Vec<Judged> {
    let histories = histories(cases, shelf);
    let bots_log = bots_log_searches(cases);
    cases
        .iter()
        .map(|case| {
            let mut judged = one(case, shelf, &histories, bots_log);
            judged.evidence.is_out_of_scope = out_of_scope.contains(&case.request_id);
            judged.outcome = judged.evidence.outcome();
            judged
        })
        .collect()
}

fn one(
    case: &Case,
    shelf: &Shelf,
    histories: &BTreeMap<ArticleKey, History>,
    bots_log: bool,
) -> Judged {
    let key = |id: &str| (case.matched.base.clone(), id.to_owned());
    let shown = case.shown();
    let near = near(case, &shown, shelf);
    let best = case.matched.best();
    let old = over(case, shelf);
    let about = near
        .map(str::to_owned)
        .or_else(|| {
            best.filter(|best| best.p_answered >= NOTHING_BELOW)
                .map(|best| best.article_id.clone())
        })
        .or_else(|| old.clone());
    let about = about.map(|id| key(&id));
    let history = about.as_ref().and_then(|key| histories.get(key));
    let accepted = case.has(Action::Accepted);
    let evidence = Evidence {
        has_failed: case.has_failed || (bots_log && case.had_bot && case.uses.is_empty()),
        is_out_of_scope: false,
        was_searched: !case.uses.is_empty(),
        was_shown: near.is_some(),
        was_accepted: accepted,
        was_rejected: case.has(Action::Rejected),
        asked_bot: case.had_bot,
        reached_person: case.reached_person,
        came_again: case.came_again,
        is_in_conflict: about
            .as_ref()
            .is_some_and(|key| shelf.rivals(key, case.at_us).next().is_some()),
        was_invalid: near.is_some_and(|id| {
            let article = shelf.articles.get(&key(id));
            article.is_some_and(|article| article.is_over_at(case.at_us))
        }) || (near.is_none() && old.is_some()),
        acceptance: history.map_or_else(Acceptance::default, |history| {
            history.acceptance(case.at_us)
        }),
        contradictions: history.map_or(0, |history| history.contradictions(case.at_us)),
        p_full_search: best.map_or(0.0, |best| best.p_answered),
        best_was_shown: best.is_some_and(|best| shown.contains(best.article_id.as_str())),
    };
    Judged {
        outcome: evidence.outcome(),
        evidence,
        article: about,
    }
}

/// The shown article that is about the request: accepted, about as likely as the best of the full search, or in nearly
/// the same words.
fn near<'c>(case: &Case, shown: &BTreeSet<&'c str>, shelf: &Shelf) -> Option<&'c str> {
    let accepted = case.uses.iter().find(|one| one.action == Action::Accepted);
    let accepted = accepted.and_then(|one| one.article_id.as_deref());
    let text = Saying::of(&case.text);
    let most = case
        .matched
        .candidates
        .first()
        .map_or(0.0, |first| first.p_answered);
    let is_likely = |id: &str| {
        let p = case.matched.p_of(id);
        let is_first = case
            .matched
            .place_of(id)
            .is_some_and(|place| place < NEAR_PLACES);
        p >= NEAR_FROM && p >= NEAR_SHARE * most && (is_first || p >= NOTHING_BELOW)
    };
    let mut found: Vec<(bool, f64, &str)> = shown
        .iter()
        .copied()
        .filter(|id| {
            let key = (case.matched.base.clone(), (*id).to_owned());
            let same = |article: &Article| {
                article
                    .questions
                    .iter()
                    .any(|q| q.likeness(&text) >= SAME_WORDS)
            };
            Some(*id) == accepted || is_likely(id) || shelf.articles.get(&key).is_some_and(same)
        })
        .map(|id| (Some(id) == accepted, case.matched.p_of(id), id))
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(b.2)));
    found.first().map(|first| first.2)
}

/// Likeness in words from which a shown article is about the request, whatever the search says.
const SAME_WORDS: f64 = 0.6;

/// An article that would have answered but whose time was over, with no other in its place.
fn over(case: &Case, shelf: &Shelf) -> Option<String> {
    let first = case.matched.candidates.first()?;
    let key = (case.matched.base.clone(), first.article_id.clone());
    let is_over = shelf
        .articles
        .get(&key)
        .is_some_and(|article| article.is_over_at(case.at_us));
    let replaced = case
        .matched
        .best()
        .is_some_and(|best| best.p_answered >= NOTHING_BELOW);
    (is_over && first.p_answered >= NOTHING_BELOW && !replaced).then(|| first.article_id.clone())
}

/// Whether interactions with a bot have searches logged as a rule.
fn bots_log_searches(cases: &[Case]) -> bool {
    let with_bot: Vec<&Case> = cases.iter().filter(|case| case.had_bot).collect();
    let logged = with_bot.iter().filter(|case| !case.uses.is_empty()).count();
    with_bot.len() >= LEAST_BOT && logged as f64 >= LOGS_SEARCHES * with_bot.len() as f64
}

/// What happened to an article over time.
#[derive(Debug, Default)]
struct History {
    /// When it was judged, and whether it was accepted; in order of time.
    judged: Vec<(i64, bool)>,
    /// Since when it is accepted less, and the counts around that date.
    fall: Option<(i64, Acceptance)>,
    /// When agents said what contradicts it (true) or agrees with it; in order of time.
    said: Vec<(i64, bool)>,
}

impl History {
    /// Acceptance before and since the date of its fall, for a request after it.
    fn acceptance(&self, at_us: i64) -> Acceptance {
        match self.fall {
            Some((since, acceptance)) if at_us >= since => acceptance,
            _ => Acceptance::default(),
        }
    }

    /// Contradictions of the days before, 0 while they are a small share of what could be compared.
    fn contradictions(&self, at_us: i64) -> u32 {
        let from = at_us - CONTRADICTION_DAYS * DAY_US;
        let recent = self
            .said
            .iter()
            .filter(|(at, _)| (from..=at_us).contains(at));
        let (mut against, mut all) = (0_u32, 0_u32);
        for (_, contradicts) in recent {
            all += 1;
            against += u32::from(*contradicts);
        }
        if f64::from(against) >= CONTRADICTED_SHARE * f64::from(all) {
            against
        } else {
            0
        }
    }

    fn find_fall(&mut self) {
        self.judged.sort_unstable();
        let all = self.judged.len();
        let accepted = self.judged.iter().filter(|(_, accepted)| *accepted).count();
        let least = LEAST_JUDGED as usize;
        if all < 2 * least {
            return;
        }
        let count = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let (mut before, mut best) = (0, None::<(f64, i64, Acceptance)>);
        let tried = (all - 2 * least + 1) as f64;
        for (place, (at, was_accepted)) in self.judged.iter().enumerate() {
            if place >= least && all - place >= least {
                let acceptance = Acceptance {
                    before: count(before),
                    judged_before: count(place),
                    since: count(accepted - before),
                    judged_since: count(all - place),
                };
                let chance =
                    hypergeometric_tail(before as u64, place as u64, accepted as u64, all as u64);
                if acceptance.has_fallen()
                    && chance * tried.min(20.0) < FALL_LEVEL * 20.0
                    && best.is_none_or(|(least, ..)| chance < least)
                {
                    best = Some((chance, *at, acceptance));
                }
            }
            before += usize::from(*was_accepted);
        }
        self.fall = best
            .filter(|(chance, ..)| *chance < FALL_LEVEL)
            .map(|(_, at, acceptance)| (at, acceptance));
    }
}

fn histories(cases: &[Case], shelf: &Shelf) -> BTreeMap<ArticleKey, History> {
    let mut histories: BTreeMap<ArticleKey, History> = BTreeMap::new();
    for case in cases {
        let key = |id: &str| (case.matched.base.clone(), id.to_owned());
        for one in &case.uses {
            let accepted = match one.action {
                Action::Accepted => true,
                Action::Rejected => false,
                _ => continue,
            };
            if let Some(id) = &one.article_id {
                let history = histories.entry(key(id)).or_default();
                history.judged.push((one.at_us, accepted));
            }
        }
        let Some(about) = about(case) else { continue };
        let key = key(about);
        let Some(article) = shelf.articles.get(&key) else {
            continue;
        };
        let stand = stand(article, case);
        if stand != Stand::Apart {
            let history = histories.entry(key).or_default();
            history.said.push((case.at_us, stand == Stand::Contradicts));
        }
    }
    for history in histories.values_mut() {
        history.said.sort_unstable();
        history.find_fall();
    }
    histories
}

/// The article that agents' answers are held against.
fn about(case: &Case) -> Option<&str> {
    let first = case.matched.candidates.first()?;
    (first.p_answered >= NOTHING_BELOW).then_some(first.article_id.as_str())
}

/// How the agents of one case stand to an article; who says both has corrected himself.
fn stand(article: &Article, case: &Case) -> Stand {
    let with_figures: Vec<&Saying> = article
        .sentences
        .iter()
        .filter(|sentence| !sentence.figures.is_empty())
        .collect();
    if with_figures.is_empty() {
        return Stand::Apart;
    }
    let mut found = Stand::Apart;
    for turn in &case.answers {
        let said = Saying::of(&turn.text);
        for sentence in &with_figures {
            match sentence.stand(&said) {
                Stand::Agrees => return Stand::Agrees,
                Stand::Contradicts => found = Stand::Contradicts,
                Stand::Apart => {}
            }
        }
    }
    found
}
