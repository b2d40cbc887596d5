//! Failed requests to gaps: which belong together, what each gap is called and what it costs.
//!
//! Requests that an article failed belong together by that article; requests for which nothing was found are
//! clustered by their words. An article that people refuse no more often than others is no gap: some always want a
//! person. Invariants: a failed request is in one gap at most; a gap keeps its id (made of its article, or handed on
//! by the requests that two runs share); what people merged and split stays so; the same input gives the same gaps.

use std::collections::{BTreeMap, BTreeSet};

use super::case::{ArticleKey, Case, Shelf};
use super::draft::{Extract, Usual};
use super::impact::Impact;
use super::judge::Judged;
use super::saying::Saying;
use super::told::{Span, gap};
use crate::insight::gap_type::{HOLDS_FROM, Outcome};
use crate::insight::statistics::{Ratio, binomial_tail};
use crate::insight::topics::identity::{Decisions, align};

/// Customers below which a gap is not listed.
pub const LEAST_CUSTOMERS: usize = 3;
/// Evidence that is kept of a gap.
pub const MOST_EVIDENCE: usize = 20;
/// Days of the ranking.
pub const WINDOW_DAYS: i64 = 28;
/// Chance below which an article fails more often than others.
const ABOVE_USUAL: f64 = 0.02;
/// Share of its failures from which a stronger type than `rejected` names a gap.
pub(super) const STRONGER_SHARE: f64 = 0.25;
/// Share of a cluster whose best article is one and the same, so that it was there and not found.
const ONE_ARTICLE: f64 = 0.5;

/// A split that a person made: these requests, and what is nearer to them than to the rest, are a gap of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    /// The gap that was split.
    pub from: String,
    /// The gap that came out of it.
    pub into: String,
    /// Its first requests.
    pub requests: BTreeSet<String>,
}

/// What was there before this run.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// The gap of requests that the last run saw.
    pub gap_of: BTreeMap<String, String>,
    /// Merges by people.
    pub decisions: Decisions,
    /// Splits by people.
    pub splits: Vec<Split>,
}

/// Clusters of the texts of requests: of those that failed without an article, and where others fall.
pub trait Clusters {
    /// The cluster of each of `failed`, and of each of `others` that falls into one.
    fn find(&self, failed: &[&str], others: &[&str]) -> (Vec<Option<usize>>, Vec<Option<usize>>);
}

/// A gap of the knowledge base.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// Its stable id.
    pub id: String,
    /// The base that fails.
    pub base: String,
    /// How.
    pub kind: Outcome,
    /// The article that fails, or that is not found.
    pub article: Option<String>,
    /// The article that it is in conflict with.
    pub rival: Option<String>,
    /// The question at its middle.
    pub title: String,
    /// Places of its failed requests in the cases, newest first.
    pub failed: Vec<usize>,
    /// Requests about the same that were answered.
    pub answered: usize,
    /// Failed requests by outcome.
    pub outcomes: BTreeMap<&'static str, usize>,
    /// What it costs.
    pub impact: Impact,
    /// Rate of the last 7 days to the days before, of all requests.
    pub trend: Ratio,
    /// First and last failed request.
    pub seen_us: (i64, i64),
    /// Places of the cases that show it best.
    pub evidence: Vec<usize>,
    /// What people answered.
    pub drafts: Vec<Extract>,
}

/// What goes into [`form`].
pub struct Input<'a> {
    /// All cases of the window.
    pub cases: &'a [Case],
    /// What became of them, in the same order.
    pub judged: &'a [Judged],
    /// What the bases hold.
    pub shelf: &'a Shelf,
    /// The last run, and people.
    pub before: &'a Before,
    /// The end of the window.
    pub until_us: i64,
}

/// The gaps, those with the greatest lower bound of impact first, and the gap of each case.
#[must_use]
pub fn form(input: &Input<'_>, clusters: &dyn Clusters) -> (Vec<Gap>, Vec<Option<usize>>) {
    let mut groups = by_article(input);
    groups.extend(by_words(input, clusters));
    let groups = decided(input, groups);
    let usual = Usual::of(input.cases);
    let span = Span::of(input);
    let mut gaps: Vec<Gap> = groups
        .into_iter()
        .filter_map(|(id, group)| gap(input, id, &group, &usual, &span))
        .collect();
    gaps.sort_by(|a, b| {
        let (x, y) = (a.impact.minutes_per_week_low, b.impact.minutes_per_week_low);
        y.total_cmp(&x).then_with(|| a.id.cmp(&b.id))
    });
    let mut of = vec![None; input.cases.len()];
    for (place, gap) in gaps.iter().enumerate() {
        for case in &gap.failed {
            if let Some(slot) = of.get_mut(*case) {
                *slot = Some(place);
            }
        }
    }
    (gaps, of)
}

/// Requests that failed for one reason, and those about the same that did not.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub(super) base: String,
    pub(super) article: Option<String>,
    pub(super) failed: Vec<usize>,
    pub(super) answered: Vec<usize>,
}

const fn is_known(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Answered) || outcome.is_gap()
}

/// A deterministic id of eight hexadecimal digits.
fn id_of(parts: &[&str]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in parts.iter().flat_map(|part| part.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("g-{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}

/// Gaps of articles: what they failed (shown or contested), and what was not shown though it is there.
fn by_article(input: &Input<'_>) -> BTreeMap<String, Group> {
    let mut failing: BTreeMap<(ArticleKey, bool), Group> = BTreeMap::new();
    let mut known: BTreeMap<&ArticleKey, (Vec<usize>, usize)> = BTreeMap::new();
    for (place, judged) in input.judged.iter().enumerate() {
        let Some(key) = judged.article.as_ref().filter(|_| is_known(judged.outcome)) else {
            continue;
        };
        let entry = known.entry(key).or_default();
        entry.1 += 1;
        if judged.outcome == Outcome::Answered {
            entry.0.push(place);
            continue;
        }
        let unseen = match judged.outcome {
            Outcome::NotFound => true,
            Outcome::NoContent => continue,
            _ => false,
        };
        // Two articles in conflict are one gap.
        let rivals = input.shelf.rivals(key, input.until_us);
        let first = rivals.chain([key]).min().unwrap_or(key).clone();
        let first = if judged.outcome == Outcome::Conflict {
            first
        } else {
            key.clone()
        };
        failing
            .entry((first, unseen))
            .or_default()
            .failed
            .push(place);
    }
    let usual = [false, true].map(|unseen| usual_share(&failing, &known, unseen));
    let mut groups = BTreeMap::new();
    for ((key, unseen), mut group) in failing {
        group.answered = known
            .get(&key)
            .map(|known| known.0.clone())
            .unwrap_or_default();
        let all = known
            .get(&key)
            .map_or(group.failed.len(), |known| known.1.max(group.failed.len()));
        let weak = |place: &&usize| {
            let outcome = input.judged.get(**place).map(|judged| judged.outcome);
            matches!(outcome, Some(Outcome::Rejected | Outcome::NotFound))
        };
        let only_weak = group.failed.iter().filter(weak).count() as f64
            > (1.0 - STRONGER_SHARE) * group.failed.len() as f64;
        let chance = binomial_tail(
            group.failed.len() as u64,
            all as u64,
            usual[usize::from(unseen)],
        );
        if only_weak && chance > ABOVE_USUAL {
            continue;
        }
        let family = if unseen { "unseen" } else { "failed" };
        group.base.clone_from(&key.0);
        group.article = Some(key.1.clone());
        groups.insert(id_of(&[&key.0, family, &key.1]), group);
    }
    groups
}

/// The share that fails of the middle article among those with enough cases.
fn usual_share(
    failing: &BTreeMap<(ArticleKey, bool), Group>,
    known: &BTreeMap<&ArticleKey, (Vec<usize>, usize)>,
    unseen: bool,
) -> f64 {
    let mut shares: Vec<f64> = known
        .iter()
        .filter(|(_, (_, all))| *all >= 5)
        .map(|(key, (_, all))| {
            let failed = failing
                .get(&((*key).clone(), unseen))
                .map_or(0, |group| group.failed.len());
            failed as f64 / *all as f64
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    // With few articles the middle one may be a gap itself.
    let middle = if shares.len() < 8 {
        0.0
    } else {
        shares.get(shares.len() / 2).copied().unwrap_or(0.0)
    };
    middle.max(0.05)
}

/// Gaps of questions for which nothing was found, by base.
fn by_words(input: &Input<'_>, clusters: &dyn Clusters) -> BTreeMap<String, Group> {
    let mut groups = BTreeMap::new();
    let mut bases: BTreeMap<&str, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (place, (case, judged)) in input.cases.iter().zip(input.judged).enumerate() {
        let base = bases.entry(&case.matched.base).or_default();
        match judged.outcome {
            Outcome::NoContent => base.0.push(place),
            Outcome::Answered => base.1.push(place),
            _ => {}
        }
    }
    for (base, (failed, others)) in bases.iter().filter(|(_, (failed, _))| !failed.is_empty()) {
        let text = |places: &[usize]| -> Vec<&str> {
            places
                .iter()
                .filter_map(|place| input.cases.get(*place))
                .map(|case| &*case.text)
                .collect()
        };
        let (labels, fallen) = clusters.find(&text(failed), &text(others));
        let count = labels.iter().flatten().max().map_or(0, |most| most + 1);
        let mut found = vec![Group::default(); count];
        let put =
            |places: &[usize], labels: &[Option<usize>], found: &mut Vec<Group>, answered: bool| {
                for (place, label) in places.iter().zip(labels) {
                    let Some(group) = label.and_then(|label| found.get_mut(label)) else {
                        continue;
                    };
                    if answered {
                        group.answered.push(*place)
                    } else {
                        group.failed.push(*place)
                    }
                }
            };
        put(failed, &labels, &mut found, false);
        put(others, &fallen, &mut found, true);
        for (id, mut group) in identities(input, base, found) {
            (*base).clone_into(&mut group.base);
            group.article = one_article(input, &group);
            groups.insert(id, group);
        }
    }
    groups
}

/// Ids of clusters: of the last run where they share requests with it, else made of their first request.
fn identities(input: &Input<'_>, base: &str, found: Vec<Group>) -> Vec<(String, Group)> {
    let mut shared = Vec::new();
    let mut known = BTreeSet::new();
    for (place, group) in found.iter().enumerate() {
        for case in group.failed.iter().filter_map(|at| input.cases.get(*at)) {
            if let Some(id) = input.before.gap_of.get(&case.request_id) {
                known.insert(id.clone());
                shared.push((id.clone(), place));
            }
        }
    }
    let first = |place: usize| {
        let cases = found.get(place).into_iter().flat_map(|group| &group.failed);
        let ids = cases
            .filter_map(|at| input.cases.get(*at))
            .map(|case| (case.at_us, &*case.request_id));
        ids.min().map_or_else(String::new, |(_, id)| id.to_owned())
    };
    // Merges and pins are applied to all gaps later, and not here.
    let none = Decisions::default();
    let aligned = align(&shared, found.len(), &known, &none, |place| {
        id_of(&[base, "unanswered", &first(place)])
    });
    aligned
        .ids
        .into_iter()
        .zip(found)
        .filter(|(_, group)| !group.failed.is_empty())
        .collect()
}

/// The article that most of a cluster would have been answered by, if there is one.
fn one_article(input: &Input<'_>, group: &Group) -> Option<String> {
    let mut votes: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for case in group
        .failed
        .iter()
        .filter_map(|place| input.cases.get(*place))
    {
        if let Some(best) = case.matched.best() {
            let vote = votes.entry(&best.article_id).or_default();
            vote.0 += 1;
            vote.1 += best.p_answered;
        }
    }
    let (id, (count, sum)) = votes
        .into_iter()
        .max_by(|a, b| a.1.0.cmp(&b.1.0).then(b.0.cmp(a.0)))?;
    let most = count as f64 >= ONE_ARTICLE * group.failed.len() as f64;
    (most && sum / count as f64 >= HOLDS_FROM).then(|| id.to_owned())
}

/// Merges and splits of people applied.
fn decided(input: &Input<'_>, groups: BTreeMap<String, Group>) -> BTreeMap<String, Group> {
    let mut decided: BTreeMap<String, Group> = BTreeMap::new();
    let decisions = &input.before.decisions;
    for (id, group) in groups {
        let root = decisions.root(&id).to_owned();
        match decided.get_mut(&root) {
            None => {
                decided.insert(root, group);
            }
            Some(into) => {
                if root == id {
                    into.article.clone_from(&group.article);
                }
                into.failed.extend(group.failed);
                into.answered.extend(group.answered);
                into.answered.sort_unstable();
                into.answered.dedup();
            }
        }
    }
    for split in &input.before.splits {
        let Some(from) = decided.get_mut(&split.from) else {
            continue;
        };
        let out = split_off(input, from, split);
        if !out.failed.is_empty() {
            decided.insert(split.into.clone(), out);
        }
    }
    decided
}

/// The requests of a split, and those of the gap that are nearer to them than to what stays.
fn split_off(input: &Input<'_>, from: &mut Group, split: &Split) -> Group {
    let case = |place: &usize| input.cases.get(*place);
    let named =
        |place: &usize| case(place).is_some_and(|case| split.requests.contains(&case.request_id));
    let sayings: BTreeMap<usize, Saying> = from
        .failed
        .iter()
        .filter_map(|place| Some((*place, Saying::of(&case(place)?.text))))
        .collect();
    let (out, rest): (Vec<usize>, Vec<usize>) =
        from.failed.iter().copied().partition(|place| named(place));
    let nearest = |place: usize, among: &[usize]| -> f64 {
        let Some(own) = sayings.get(&place) else {
            return 0.0;
        };
        let others = among.iter().filter(|other| **other != place).take(200);
        others
            .filter_map(|other| sayings.get(other))
            .map(|other| own.likeness(other))
            .fold(0.0, f64::max)
    };
    let core: Vec<usize> = rest
        .iter()
        .copied()
        .filter(|place| nearest(*place, &out) < nearest(*place, &rest))
        .collect();
    let (stay, go): (Vec<usize>, Vec<usize>) = rest
        .iter()
        .copied()
        .partition(|place| core.contains(place) || nearest(*place, &out) <= nearest(*place, &core));
    from.failed = stay;
    Group {
        base: from.base.clone(),
        article: None,
        failed: out.into_iter().chain(go).collect(),
        answered: Vec::new(),
    }
}
