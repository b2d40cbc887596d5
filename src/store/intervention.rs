//! Interventions: dated changes whose effect is measured.
//!
//! Invariants: topics are frozen when they are first known, with the run that knew them, and never change after; every
//! limit of [`NewIntervention::check`] holds for what people record; an article that is published opens one by itself,
//! at most one a day. It does not say whether a topic exists, nor what became of the change.

use serde::{Deserialize, Serialize};

use super::article::Wrong;
use crate::domain::Day;

/// Longest title, characters.
pub const MAX_TITLE_CHARS: usize = 300;
/// Most topics of one change.
pub const MAX_TOPICS: usize = 50;
const MAX_TOPIC_CHARS: usize = 200;

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterventionKind {
    /// An article of the knowledge base.
    Article,
    /// The menu of the telephone.
    IvrMenu,
    /// The app or web site.
    App,
    /// A rule of the house, such as a fee.
    Policy,
    /// What agents say.
    Script,
    /// What agents learnt.
    Training,
}

impl InterventionKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Article,
        Self::IvrMenu,
        Self::App,
        Self::Policy,
        Self::Script,
        Self::Training,
    ];

    /// The word in JSON, SQL and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::IvrMenu => "ivr_menu",
            Self::App => "app",
            Self::Policy => "policy",
            Self::Script => "script",
            Self::Training => "training",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How a record came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Somebody recorded it.
    Recorded,
    /// An article was published.
    Published,
}

impl Origin {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Published => "published",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Recorded, Self::Published]
            .into_iter()
            .find(|origin| origin.as_str() == word)
    }
}

/// The topics of a change, as the topic model of its date knew them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrozenTopics {
    /// Ids of topics; none when nobody knows them yet.
    pub topics: Vec<String>,
    /// The run of that model, if there was one.
    pub run: Option<String>,
}

/// An article that a change is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleLink {
    /// Its base.
    pub base: String,
    /// Its id.
    pub id: String,
    /// Its version, if one is meant.
    pub version: Option<i64>,
}

/// What somebody records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIntervention {
    /// What was changed.
    pub kind: InterventionKind,
    /// What it is called.
    pub title: String,
    /// First UTC day on which customers met the change.
    pub day: Day,
    /// The topics that it is for.
    pub frozen: FrozenTopics,
    /// The article, for changes of the knowledge base.
    pub article: Option<ArticleLink>,
    /// The gap that it closes.
    pub gap_id: Option<String>,
}

impl NewIntervention {
    /// Everything that is not allowed in it, on the day `today`.
    #[must_use]
    pub fn check(&self, today: Day) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        let mut check = |is_allowed: bool, field, allowed: String| {
            if !is_allowed {
                wrong.push(Wrong { field, allowed });
            }
        };
        let title = self.title.trim();
        check(
            !title.is_empty() && title.chars().count() <= MAX_TITLE_CHARS,
            "title",
            format!("1 to {MAX_TITLE_CHARS} characters, not blank"),
        );
        check(
            self.day <= today,
            "date",
            format!("a day not after today ({today}, UTC), as YYYY-MM-DD"),
        );
        let topic = |id: &String| (1..=MAX_TOPIC_CHARS).contains(&id.chars().count());
        check(
            self.frozen.topics.len() <= MAX_TOPICS && self.frozen.topics.iter().all(topic),
            "topics",
            format!("at most {MAX_TOPICS} ids of topics"),
        );
        wrong
    }
}

/// A recorded change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intervention {
    /// Its id.
    pub id: String,
    /// What was recorded.
    pub content: NewIntervention,
    /// How the record came about.
    pub origin: Origin,
    /// The key that made it, or `cli`.
    pub created_by: String,
    /// When it was made, microseconds UTC.
    pub created_at_us: i64,
}

/// Which records are asked for; `None` is any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InterventionFilter {
    /// Of this kind.
    pub kind: Option<InterventionKind>,
    /// Of this article: base and id.
    pub article: Option<(String, String)>,
    /// On this day or later.
    pub from: Option<Day>,
    /// Before this day.
    pub to: Option<Day>,
}
