//! Articles of the knowledge bases: what they are made of and what is allowed in them.
//!
//! Invariants: (`base`, `id`) is the key; a version is never changed, only followed by the next one; every limit
//! of [`Content::check`] holds for what is stored. It does not say who may see an article.

use serde::{Deserialize, Serialize};

/// Longest question or similar question, characters.
pub const MAX_QUESTION_CHARS: usize = 1_000;
/// Longest answer, bytes.
pub const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Most similar questions of one article.
pub const MAX_SIMILAR_QUESTIONS: usize = 1_000;
/// Longest id of an article, characters.
pub const MAX_ID_CHARS: usize = 200;
/// Longest name of a base, characters.
pub const MAX_BASE_CHARS: usize = 64;
/// The base of requests that name none.
pub const DEFAULT_BASE: &str = "default";
const MAX_LIST: usize = 50;
const MAX_WORD_CHARS: usize = 200;
const MAX_URL_CHARS: usize = 2_000;

/// How an article answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A question and its answer.
    #[default]
    Faq,
    /// Steps to follow.
    Steps,
    /// What an agent says.
    Script,
}

/// Whether an article answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not yet.
    Draft,
    /// It does, while it is valid.
    #[default]
    Published,
    /// No longer.
    Retired,
}

impl Status {
    /// The word in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Retired => "retired",
        }
    }

    /// The status of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Draft, Self::Published, Self::Retired]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// What people write into an article.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Content {
    /// How it answers.
    #[serde(default)]
    pub kind: Kind,
    /// The question as the editor puts it.
    pub question: String,
    /// Other ways to put it.
    #[serde(default)]
    pub similar_questions: Vec<String>,
    /// The answer in Markdown.
    #[serde(default)]
    pub answer: String,
    /// Files that belong to it, by address.
    #[serde(default)]
    pub attachments: Vec<String>,
    /// Channels on which it is shown; none = all.
    #[serde(default)]
    pub channels: Vec<String>,
    /// BCP 47.
    #[serde(default)]
    pub language: Option<String>,
    /// From when on it is valid, microseconds UTC.
    #[serde(default)]
    pub valid_from_us: Option<i64>,
    /// Until when it is valid, microseconds UTC.
    #[serde(default)]
    pub valid_to_us: Option<i64>,
    /// Who looks after it.
    #[serde(default)]
    pub owner: Option<String>,
    /// Whether it answers.
    #[serde(default)]
    pub status: Status,
}

/// An article as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// The knowledge base.
    pub base: String,
    /// Its id within the base.
    pub id: String,
    /// 1, 2, 3 …
    pub version: i64,
    /// What people wrote.
    pub content: Content,
    /// When the first version was written, microseconds UTC.
    pub created_at_us: i64,
    /// When this version was written, microseconds UTC.
    pub updated_at_us: i64,
}

/// One version of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleVersion {
    /// 1, 2, 3 …
    pub version: i64,
    /// What it said; `None` when this version is a deletion.
    pub content: Option<Content>,
    /// Who wrote it.
    pub actor: String,
    /// When, microseconds UTC.
    pub at_us: i64,
}

/// What a writer believes about the present version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Any,
    /// There is no such article.
    Absent,
    /// It is this version.
    Version(i64),
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// There was none before.
    Created(Article),
    /// There was one before.
    Updated(Article),
    /// It was not as expected; the present version, 0 without.
    Conflict(i64),
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field, such as `question`.
    pub field: &'static str,
    /// What is allowed.
    pub allowed: String,
}

/// Whether a word may name a base: 1 to 64 of `A-Za-z0-9._-`.
///
/// # Errors
/// What is allowed.
pub fn check_base(base: &str) -> Result<(), Wrong> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=MAX_BASE_CHARS).contains(&base.len()) && base.bytes().all(plain) {
        return Ok(());
    }
    Err(Wrong {
        field: "base",
        allowed: format!("a base has 1 to {MAX_BASE_CHARS} characters of A-Z a-z 0-9 . _ -"),
    })
}

/// Whether a word may be the id of an article: any 1 to 200 characters.
///
/// # Errors
/// What is allowed.
pub fn check_id(id: &str) -> Result<(), Wrong> {
    if (1..=MAX_ID_CHARS).contains(&id.chars().count()) {
        return Ok(());
    }
    Err(Wrong {
        field: "id",
        allowed: format!("an id has 1 to {MAX_ID_CHARS} characters"),
    })
}

impl Content {
    /// Everything that is not allowed in it.
    #[must_use]
    pub fn check(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        let mut check = |is_allowed: bool, field, allowed: String| {
            if !is_allowed {
                wrong.push(Wrong { field, allowed });
            }
        };
        let question = |text: &str| {
            let length = text.chars().count();
            length <= MAX_QUESTION_CHARS && !text.trim().is_empty()
        };
        let questions =
            format!("a question has 1 to {MAX_QUESTION_CHARS} characters and is not blank");
        check(question(&self.question), "question", questions.clone());
        check(
            self.similar_questions.len() <= MAX_SIMILAR_QUESTIONS,
            "similar_questions",
            format!("an article has at most {MAX_SIMILAR_QUESTIONS} similar questions"),
        );
        let all = self.similar_questions.iter().all(|text| question(text));
        check(all, "similar_questions", questions);
        check(
            self.answer.len() <= MAX_ANSWER_BYTES,
            "answer",
            format!(
                "an answer has at most {MAX_ANSWER_BYTES} bytes (1 MiB); link longer files as attachments"
            ),
        );
        let address = |url: &String| {
            url.len() <= MAX_URL_CHARS
                && (url.starts_with("https://") || url.starts_with("http://"))
        };
        check(
            self.attachments.len() <= MAX_LIST && self.attachments.iter().all(address),
            "attachments",
            format!(
                "at most {MAX_LIST} addresses that begin with http:// or https://, each of at most {MAX_URL_CHARS} bytes"
            ),
        );
        let word = |text: &String| (1..=MAX_WORD_CHARS).contains(&text.chars().count());
        check(
            self.channels.len() <= MAX_LIST && self.channels.iter().all(word),
            "channels",
            format!("at most {MAX_LIST} names of 1 to {MAX_WORD_CHARS} characters"),
        );
        for (field, value) in [("owner", &self.owner), ("language", &self.language)] {
            let allowed = format!("1 to {MAX_WORD_CHARS} characters, or left out");
            check(value.as_ref().is_none_or(word), field, allowed);
        }
        let ordered = match (self.valid_from_us, self.valid_to_us) {
            (Some(from), Some(to)) => from < to,
            _ => true,
        };
        check(ordered, "valid_to", "a time after valid_from".to_owned());
        wrong
    }

    /// Whether it answers at a time.
    #[must_use]
    pub fn answers_at(&self, at_us: i64) -> bool {
        self.status == Status::Published
            && self.valid_from_us.is_none_or(|from| from <= at_us)
            && self.valid_to_us.is_none_or(|to| at_us < to)
    }
}
