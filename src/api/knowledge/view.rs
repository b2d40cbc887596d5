//! Articles in JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::Micros;
use crate::store::article::{Article, ArticleVersion, Content, DEFAULT_BASE, Kind, Status, Wrong};

/// An article as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArticleView {
    /// The knowledge base.
    #[schema(example = "bank")]
    pub base: String,
    /// Its id within the base.
    #[schema(example = "a-1")]
    pub id: String,
    /// Counts its changes; also the `ETag`.
    #[schema(example = 3)]
    pub version: i64,
    /// What people wrote.
    #[serde(flatten)]
    pub content: ContentView,
    /// When its first version was written.
    #[schema(format = DateTime, example = "2026-11-20T03:15:07Z")]
    pub created_at: String,
    /// When this version was written.
    #[schema(format = DateTime, example = "2026-11-20T03:15:07Z")]
    pub updated_at: String,
}

/// What people wrote into an article.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContentView {
    /// `faq`, `steps` or `script`.
    #[schema(value_type = String, example = "faq")]
    pub kind: Kind,
    /// The question as the editor puts it.
    #[schema(example = "怎么修改密码")]
    pub question: String,
    /// Other ways to put it.
    pub similar_questions: Vec<String>,
    /// The answer in Markdown.
    #[schema(example = "打开**设置**，点「修改密码」。")]
    pub answer: String,
    /// Files that belong to it, by address.
    pub attachments: Vec<String>,
    /// Channels on which it is shown; none = all.
    pub channels: Vec<String>,
    /// BCP 47.
    #[schema(example = "zh")]
    pub language: Option<String>,
    /// From when on it is valid; null = always.
    #[schema(format = DateTime)]
    pub valid_from: Option<String>,
    /// Until when it is valid; null = for ever.
    #[schema(format = DateTime)]
    pub valid_to: Option<String>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// `draft`, `published` or `retired`.
    #[schema(value_type = String, example = "published")]
    pub status: Status,
}

/// One version of an article.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// 1, 2, 3 …
    #[schema(example = 2)]
    pub version: i64,
    /// What it said; null when this version is a deletion.
    #[schema(value_type = Option<Object>)]
    pub content: Option<ContentView>,
    /// The key that wrote it.
    #[schema(example = "9f86d081884c7d65")]
    pub actor: String,
    /// When it was written.
    #[schema(format = DateTime, example = "2026-11-20T03:15:07Z")]
    pub at: String,
}

/// An article to write. Unknown fields are ignored, so that an export can be imported.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(example = json!({"id": "a-1", "base": "bank", "kind": "faq", "question": "怎么修改密码",
    "similar_questions": ["更改密码"], "answer": "打开**设置**，点「修改密码」。", "language": "zh"}))]
pub struct ArticleInput {
    /// Its id, any 1 to 200 characters; made up when left out.
    pub id: Option<String>,
    /// The knowledge base, 1 to 64 of `A-Za-z0-9._-`; `default` when left out.
    pub base: Option<String>,
    /// `faq` (default), `steps` or `script`.
    pub kind: Option<String>,
    /// The question, 1 to 1,000 characters.
    pub question: Option<String>,
    /// Other ways to put it, at most 1,000.
    pub similar_questions: Option<Vec<String>>,
    /// The answer in Markdown, at most 1 MiB.
    pub answer: Option<String>,
    /// Addresses of files, at most 50.
    pub attachments: Option<Vec<String>>,
    /// Channels on which it is shown; none = all.
    pub channels: Option<Vec<String>>,
    /// BCP 47.
    pub language: Option<String>,
    /// From when on it is valid, RFC 3339.
    #[schema(format = DateTime)]
    pub valid_from: Option<String>,
    /// Until when it is valid, RFC 3339.
    #[schema(format = DateTime)]
    pub valid_to: Option<String>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// `draft`, `published` (default) or `retired`.
    pub status: Option<String>,
}

impl ArticleInput {
    /// The base that it names.
    pub fn base(&self) -> &str {
        self.base.as_deref().unwrap_or(DEFAULT_BASE)
    }

    /// Its content, or everything that is wrong with it.
    pub fn content(self) -> Result<Content, Vec<Wrong>> {
        let mut mistakes = Vec::new();
        let mut time = |field, text: Option<String>| {
            let text = text.filter(|text| !text.is_empty())?;
            let time = Micros::parse(&text).ok();
            if time.is_none() {
                mistakes.push(wrong(
                    field,
                    "an RFC 3339 time such as 2026-11-20T03:15:07Z",
                ));
            }
            time.map(|time| time.0)
        };
        let valid_from_us = time("valid_from", self.valid_from);
        let valid_to_us = time("valid_to", self.valid_to);
        let kind = match self.kind.as_deref().unwrap_or("faq") {
            "faq" | "" => Kind::Faq,
            "steps" => Kind::Steps,
            "script" => Kind::Script,
            _ => {
                mistakes.push(wrong("kind", "one of faq, steps, script"));
                Kind::Faq
            }
        };
        let status = self.status.as_deref().filter(|word| !word.is_empty());
        let status = Status::parse(status.unwrap_or("published")).unwrap_or_else(|| {
            mistakes.push(wrong("status", "one of draft, published, retired"));
            Status::Draft
        });
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let content = Content {
            kind,
            question: self.question.unwrap_or_default(),
            similar_questions: self.similar_questions.unwrap_or_default(),
            answer: self.answer.unwrap_or_default(),
            attachments: self.attachments.unwrap_or_default(),
            channels: self.channels.unwrap_or_default(),
            language: given(self.language),
            valid_from_us,
            valid_to_us,
            owner: given(self.owner),
            status,
        };
        mistakes.extend(content.check());
        if mistakes.is_empty() {
            Ok(content)
        } else {
            Err(mistakes)
        }
    }
}

fn wrong(field: &'static str, allowed: &str) -> Wrong {
    Wrong {
        field,
        allowed: allowed.to_owned(),
    }
}

fn time(at_us: i64) -> String {
    Micros(at_us).to_string()
}

impl From<Content> for ContentView {
    fn from(content: Content) -> Self {
        Self {
            kind: content.kind,
            question: content.question,
            similar_questions: content.similar_questions,
            answer: content.answer,
            attachments: content.attachments,
            channels: content.channels,
            language: content.language,
            valid_from: content.valid_from_us.map(time),
            valid_to: content.valid_to_us.map(time),
            owner: content.owner,
            status: content.status,
        }
    }
}

impl From<Article> for ArticleView {
    fn from(article: Article) -> Self {
        Self {
            base: article.base,
            id: article.id,
            version: article.version,
            content: article.content.into(),
            created_at: time(article.created_at_us),
            updated_at: time(article.updated_at_us),
        }
    }
}

impl From<ArticleVersion> for VersionView {
    fn from(version: ArticleVersion) -> Self {
        Self {
            version: version.version,
            content: version.content.map(ContentView::from),
            actor: version.actor,
            at: time(version.at_us),
        }
    }
}
