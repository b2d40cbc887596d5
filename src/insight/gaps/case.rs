//! A request with all that is known of what happened to it, and the articles as far as gaps need them.
//!
//! Invariants: plain values; times are microseconds UTC. Not here: where they come from (`jobs`), what follows from
//! them ([`super::judge`]).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::saying::Saying;

/// The key of an article: base and id.
pub type ArticleKey = (String, String);

/// Microseconds of a day.
pub const DAY_US: i64 = 86_400_000_000;

/// What was done with an article or a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Somebody searched.
    Searched,
    /// An article was shown.
    Shown,
    /// It was opened.
    Clicked,
    /// It was taken as the answer.
    Accepted,
    /// It was refused as the answer.
    Rejected,
}

impl Action {
    /// The action of a word of `knowledge.used`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "searched" => Self::Searched,
            "shown" => Self::Shown,
            "clicked" => Self::Clicked,
            "accepted" => Self::Accepted,
            "rejected" => Self::Rejected,
            _ => return None,
        })
    }
}

/// One use of the knowledge base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// When.
    pub at_us: i64,
    /// What was done.
    pub action: Action,
    /// With which article.
    pub article_id: Option<String>,
}

/// An article that a full search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its id.
    pub article_id: String,
    /// How likely it answers.
    pub p_answered: f64,
    /// Whether it was valid when the request was made.
    pub is_valid: bool,
}

/// What a full search over the base finds for a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Match {
    /// The base; empty when there is none.
    pub base: String,
    /// How often the base had been changed when the request was matched.
    pub article_set: i64,
    /// True when it was matched later than it was made, over articles by their validity.
    pub is_restated: bool,
    /// Best first.
    pub candidates: Vec<Candidate>,
}

impl Match {
    /// The best article that was valid.
    #[must_use]
    pub fn best(&self) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.is_valid)
    }

    /// P(answered) of an article, 0 for one that was not found.
    #[must_use]
    pub fn p_of(&self, article_id: &str) -> f64 {
        let found = self
            .candidates
            .iter()
            .find(|one| one.article_id == article_id);
        found.map_or(0.0, |one| one.p_answered)
    }

    /// Place of an article among the candidates, from 0.
    #[must_use]
    pub fn place_of(&self, article_id: &str) -> Option<usize> {
        self.candidates
            .iter()
            .position(|one| one.article_id == article_id)
    }
}

/// What an agent said after the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentTurn {
    /// Its id in the interaction.
    pub turn_id: String,
    /// Who.
    pub agent: Option<String>,
    /// Redacted words.
    pub text: String,
}

/// A request and what happened around it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Case {
    /// Its id.
    pub request_id: String,
    /// Where it was made.
    pub interaction_id: String,
    /// The customer's turn in which it begins.
    pub turn_id: Option<String>,
    /// When.
    pub at_us: i64,
    /// Redacted words.
    pub text: String,
    /// Its topic, if it has one.
    pub topic_id: Option<String>,
    /// Who asked, as a token.
    pub customer: Option<String>,
    /// On which channel.
    pub channel: Option<String>,
    /// Uses of the knowledge base for it, in order.
    pub uses: Vec<Use>,
    /// A bot spoke.
    pub had_bot: bool,
    /// A person spoke or took it.
    pub reached_person: bool,
    /// Search, bot or system broke down while it was handled.
    pub has_failed: bool,
    /// Minutes of people, when it reached one.
    pub handle_minutes: Option<f64>,
    /// It was handed on.
    pub was_transferred: bool,
    /// The customer was negative or dissatisfied.
    pub is_negative: bool,
    /// The matter was called resolved.
    pub resolved: Option<bool>,
    /// The same customer came again with it within 7 days; `None` while they are not over.
    pub came_again: Option<bool>,
    /// The full search.
    pub matched: Match,
    /// What agents said after it.
    pub answers: Vec<AgentTurn>,
}

impl Case {
    /// Articles that were shown, opened or judged.
    #[must_use]
    pub fn shown(&self) -> BTreeSet<&str> {
        let with = |one: &Use| one.action != Action::Searched;
        let uses = self.uses.iter().filter(|one| with(one));
        uses.filter_map(|one| one.article_id.as_deref()).collect()
    }

    /// Whether any article had this done to it.
    #[must_use]
    pub fn has(&self, action: Action) -> bool {
        self.uses.iter().any(|one| one.action == action)
    }
}

/// What is known of an article.
#[derive(Debug, Clone, Default)]
pub struct Article {
    /// Its question.
    pub question: String,
    /// Question and similar questions, taken apart.
    pub questions: Vec<Saying>,
    /// Sentences of its answer, taken apart.
    pub sentences: Vec<Saying>,
    /// Valid from.
    pub valid_from_us: Option<i64>,
    /// Valid until.
    pub valid_to_us: Option<i64>,
    /// Published.
    pub is_published: bool,
}

impl Article {
    /// Whether it answers at a time.
    #[must_use]
    pub fn answers_at(&self, at_us: i64) -> bool {
        self.is_published
            && self.valid_from_us.is_none_or(|from| from <= at_us)
            && self.valid_to_us.is_none_or(|to| at_us < to)
    }

    /// Whether its time was over.
    #[must_use]
    pub fn is_over_at(&self, at_us: i64) -> bool {
        self.valid_to_us.is_some_and(|to| to <= at_us)
    }
}

/// What the bases hold.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    /// Every article that a request may meet.
    pub articles: BTreeMap<ArticleKey, Article>,
    /// Pairs that disagree or say the same twice.
    pub conflicts: BTreeSet<(ArticleKey, ArticleKey)>,
}

impl Shelf {
    /// The articles that an article is in conflict with at a time.
    pub fn rivals<'s>(
        &'s self,
        key: &'s ArticleKey,
        at_us: i64,
    ) -> impl Iterator<Item = &'s ArticleKey> + 's {
        let other = move |(a, b): &'s (ArticleKey, ArticleKey)| match (a == key, b == key) {
            (true, false) => Some(b),
            (false, true) => Some(a),
            _ => None,
        };
        let valid = move |key: &&ArticleKey| {
            self.articles
                .get(*key)
                .is_some_and(|article| article.answers_at(at_us))
        };
        self.conflicts.iter().filter_map(other).filter(valid)
    }
}
