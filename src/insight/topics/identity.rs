//! Which topic of a new run is which of the last: by the requests that both runs saw.
//!
//! Topics are paired so that the sum of their Jaccard coefficients is greatest; a pair of at least [`CONTINUED`] is one
//! topic that goes on under its id. A topic that gives at least [`PART`] of its requests to each of several new ones is
//! split into them; a new one that has at least that share from each of several old ones is merged from them. What is
//! left is new, or retired. People's decisions go before figures: a pinned topic keeps its id in the new topic that has
//! most of it, and a merge that a person made is made again. Invariants: every old and every new topic has a row; an id
//! is given once; equal inputs give equal rows.

use std::collections::{BTreeMap, BTreeSet};

use crate::insight::matching::assign;

/// Jaccard coefficient from which a topic is the same.
pub const CONTINUED: f64 = 0.5;
/// Share of its requests that makes a topic a part of a split or a merge.
pub const PART: f64 = 0.25;

/// What became of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It goes on under its id.
    Continued,
    /// It came out of a topic that was split.
    Split,
    /// A topic went into it.
    Merged,
    /// It was not there before.
    New,
    /// It is no longer there.
    Retired,
}

impl Change {
    /// The word in `topic_lineage`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Continued => "continued",
            Self::Split => "split",
            Self::Merged => "merged",
            Self::New => "new",
            Self::Retired => "retired",
        }
    }
}

/// One row of lineage.
#[derive(Debug, Clone, PartialEq)]
pub struct Lineage {
    /// What happened.
    pub change: Change,
    /// The topic of the last run; `None` for a new one.
    pub from: Option<String>,
    /// The topic of this run; `None` for a retired one.
    pub to: Option<String>,
    /// Requests that both have.
    pub shared: u64,
    /// Requests of both over requests of either, among those that both runs saw.
    pub jaccard: f64,
}

/// What people decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decisions {
    /// Topics that keep their id whatever the figures say.
    pub pinned: BTreeSet<String>,
    /// Topics that are part of another one.
    pub merged: BTreeMap<String, String>,
}

impl Decisions {
    /// The topic that `id` is part of, through all merges; a circle ends where it began.
    #[must_use]
    pub fn root<'d>(&'d self, id: &'d str) -> &'d str {
        let mut at = id;
        for _ in 0..=self.merged.len() {
            match self.merged.get(at) {
                Some(into) if into != id => at = into,
                _ => break,
            }
        }
        at
    }
}

/// The identities of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Aligned {
    /// The id of each topic of the run.
    pub ids: Vec<String>,
    /// What happened, by old topic, then new.
    pub lineage: Vec<Lineage>,
}

/// Aligns a run with the last one. `shared` has the old id and the new place of each request that both saw, `topics`
/// is how many the run has, `known` are the ids of the last run, and `fresh` names a topic that is new.
pub fn align(
    shared: &[(String, usize)],
    topics: usize,
    known: &BTreeSet<String>,
    decisions: &Decisions,
    fresh: impl Fn(usize) -> String,
) -> Aligned {
    let roots: BTreeSet<&str> = known.iter().map(|id| decisions.root(id)).collect();
    let old: Vec<&str> = roots.into_iter().collect();
    let table = Table::new(shared, topics, &old, decisions);
    let taken = table.taken(&old, decisions);
    let ids: Vec<String> = taken
        .iter()
        .enumerate()
        .map(|(place, from)| match from.and_then(|from| old.get(from)) {
            Some(id) => (*id).to_owned(),
            None => fresh(place),
        })
        .collect();
    let lineage = table.lineage(&old, &ids, &taken);
    Aligned { ids, lineage }
}

/// How many requests each old topic shares with each new one.
struct Table {
    both: Vec<Vec<u64>>,
    rows: Vec<u64>,
    columns: Vec<u64>,
}

impl Table {
    fn new(shared: &[(String, usize)], topics: usize, old: &[&str], decisions: &Decisions) -> Self {
        let mut both = vec![vec![0; topics]; old.len()];
        for (id, place) in shared {
            let row = old.binary_search(&decisions.root(id)).ok();
            if let Some(count) = row.and_then(|row| both.get_mut(row)?.get_mut(*place)) {
                *count += 1;
            }
        }
        let rows = both.iter().map(|row: &Vec<u64>| row.iter().sum()).collect();
        let columns = (0..topics)
            .map(|place| both.iter().filter_map(|row| row.get(place)).sum())
            .collect();
        Self {
            both,
            rows,
            columns,
        }
    }

    fn shared(&self, old: usize, new: usize) -> u64 {
        self.both[old][new]
    }

    fn jaccard(&self, old: usize, new: usize) -> f64 {
        let both = self.shared(old, new);
        let either = self.rows[old] + self.columns[new] - both;
        if either == 0 {
            0.0
        } else {
            both as f64 / either as f64
        }
    }

    /// For each new topic the old one whose id it takes.
    fn taken(&self, old: &[&str], decisions: &Decisions) -> Vec<Option<usize>> {
        let topics = self.columns.len();
        // A pin outweighs any sum of coefficients.
        let weight = |i: usize, j: usize| {
            let pinned = old.get(i).is_some_and(|id| decisions.pinned.contains(*id));
            let pin = if pinned && self.shared(i, j) > 0 {
                1e6 * self.shared(i, j) as f64 / self.rows[i] as f64
            } else {
                0.0
            };
            self.jaccard(i, j) + pin
        };
        let values: Vec<Vec<f64>> = (0..old.len())
            .map(|i| (0..topics).map(|j| weight(i, j)).collect())
            .collect();
        let mut taken = vec![None; topics];
        for (i, j) in assign(&values).into_iter().enumerate() {
            let Some(j) = j else { continue };
            let pinned = old.get(i).is_some_and(|id| decisions.pinned.contains(*id));
            if self.jaccard(i, j) >= CONTINUED || (pinned && self.shared(i, j) > 0) {
                taken[j] = Some(i);
            }
        }
        taken
    }

    fn lineage(&self, old: &[&str], ids: &[String], taken: &[Option<usize>]) -> Vec<Lineage> {
        let topics = self.columns.len();
        let gives = |i: usize, j: usize| {
            self.rows[i] > 0 && self.shared(i, j) as f64 >= PART * self.rows[i] as f64
        };
        let has = |i: usize, j: usize| {
            self.columns[j] > 0 && self.shared(i, j) as f64 >= PART * self.columns[j] as f64
        };
        let mut rows = Vec::new();
        let mut explained = vec![false; topics];
        for (i, from) in old.iter().enumerate() {
            let parts: Vec<usize> = (0..topics).filter(|j| gives(i, *j)).collect();
            let mut ends = true;
            for j in 0..topics {
                let sources = (0..old.len()).filter(|k| has(*k, j)).count();
                let change = if taken[j] == Some(i) {
                    Change::Continued
                } else if parts.len() > 1 && parts.contains(&j) {
                    Change::Split
                } else if sources > 1 && has(i, j) {
                    Change::Merged
                } else {
                    continue;
                };
                ends = false;
                explained[j] = true;
                rows.push(Lineage {
                    change,
                    from: Some((*from).to_owned()),
                    to: ids.get(j).cloned(),
                    shared: self.shared(i, j),
                    jaccard: self.jaccard(i, j),
                });
            }
            if ends {
                rows.push(alone(Change::Retired, Some((*from).to_owned()), None));
            }
        }
        for (id, explained) in ids.iter().zip(explained) {
            if !explained {
                rows.push(alone(Change::New, None, Some(id.clone())));
            }
        }
        rows
    }
}

const fn alone(change: Change, from: Option<String>, to: Option<String>) -> Lineage {
    Lineage {
        change,
        from,
        to,
        shared: 0,
        jaccard: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(counts: &[(&str, usize, usize)]) -> Vec<(String, usize)> {
        let one =
            |(id, place, count): &(&str, usize, usize)| vec![((*id).to_owned(), *place); *count];
        counts.iter().flat_map(one).collect()
    }

    fn known(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn told(aligned: &Aligned) -> Vec<String> {
        let name = |id: &Option<String>| id.clone().unwrap_or_default();
        let row = |row: &Lineage| {
            format!(
                "{}>{} {}",
                name(&row.from),
                name(&row.to),
                row.change.as_str()
            )
        };
        aligned.lineage.iter().map(row).collect()
    }

    fn aligned(
        counts: &[(&str, usize, usize)],
        topics: usize,
        ids: &[&str],
        decisions: &Decisions,
    ) -> Aligned {
        align(&shared(counts), topics, &known(ids), decisions, |place| {
            format!("n{place}")
        })
    }

    #[test]
    fn topics_go_on_in_any_order() {
        let found = aligned(
            &[("a", 1, 90), ("a", 0, 10), ("b", 0, 80)],
            2,
            &["a", "b"],
            &Decisions::default(),
        );
        assert_eq!(found.ids, ["b", "a"]);
        assert_eq!(told(&found), ["a>a continued", "b>b continued"]);
        assert!((found.lineage[0].jaccard - 0.9).abs() < 1e-12);
    }

    #[test]
    fn split_in_halves_and_with_a_rest_that_goes_on() {
        let halves = aligned(
            &[("a", 0, 49), ("a", 1, 51), ("b", 1, 10)],
            2,
            &["a", "b"],
            &Decisions::default(),
        );
        assert_eq!(told(&halves), ["a>n0 split", "a>n1 split", "b> retired"]);
        let rest = aligned(
            &[("a", 0, 70), ("a", 1, 30)],
            2,
            &["a"],
            &Decisions::default(),
        );
        assert_eq!(rest.ids, ["a", "n1"]);
        assert_eq!(told(&rest), ["a>a continued", "a>n1 split"]);
    }

    #[test]
    fn merged_new_and_retired() {
        let found = aligned(
            &[("a", 0, 60), ("b", 0, 60), ("c", 1, 5), ("d", 1, 2)],
            3,
            &["a", "b", "c", "d", "e"],
            &Decisions::default(),
        );
        assert_eq!(found.ids, ["a", "c", "n2"]);
        assert_eq!(
            told(&found),
            [
                "a>a continued",
                "b>a merged",
                "c>c continued",
                "d>c merged",
                "e> retired",
                ">n2 new"
            ]
        );
    }

    #[test]
    fn people_go_first() {
        let decisions = Decisions {
            pinned: known(&["a"]),
            merged: BTreeMap::from([("b".to_owned(), "c".to_owned())]),
        };
        let counts = [
            ("a", 0, 40),
            ("a", 1, 60),
            ("d", 1, 100),
            ("b", 2, 30),
            ("c", 2, 30),
        ];
        let found = aligned(&counts, 3, &["a", "b", "c", "d"], &decisions);
        // Without the pin the second topic would be d and a would end.
        assert_eq!(found.ids, ["n0", "a", "c"]);
        assert!(told(&found).contains(&"c>c continued".to_owned()));
        let circle = Decisions {
            merged: BTreeMap::from([
                ("x".to_owned(), "y".to_owned()),
                ("y".to_owned(), "x".to_owned()),
            ]),
            ..Decisions::default()
        };
        assert_eq!(circle.root("x"), "y");
    }
}
