//! All bases of the process: changes in, answers out, models learnt in the background.
//!
//! Invariants: a base that was never changed and is not in the store does not exist; learning runs on one thread of
//! its own, a while after the last change, and its result is used when it is done; the old model answers meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use super::fit::fit;
use super::lexical::LexicalError;
use super::shelf::{Edit, Shelf};
use super::shipped::{Models, ShippedError};
use super::snippet::{cut, wanted};
use super::{base::Without, synonyms};
use crate::error::{Coded, ErrorCode};
use crate::store::article::{Article, Content, Kind};
use crate::store::{Store, StoreError};

/// Learning begins when nothing has changed for this long, or after [`LONGEST_WAIT`].
const QUIET: Duration = Duration::from_millis(700);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Articles read at once at a start.
const PAGE: u32 = 500;

/// The knowledge bases of the process. Clones are the same bases.
#[derive(Clone)]
pub struct Knowledge(Arc<Inner>);

struct Inner {
    models: Models,
    bases: RwLock<BTreeMap<String, Arc<Shelf>>>,
    learner: Sender<String>,
    writing: tokio::sync::Mutex<()>,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct SearchQuery<'a> {
    /// The base.
    pub base: &'a str,
    /// The question.
    pub query: &'a str,
    /// Most items.
    pub limit: usize,
    /// Only articles for this channel (and for all channels).
    pub channel: Option<&'a str>,
    /// Only articles that are valid at this time, microseconds UTC.
    pub at_us: i64,
}

/// What was found for one query.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResult {
    /// How likely the first item answers, 0 without items.
    pub p_answered: f64,
    /// Best first.
    pub items: Vec<Item>,
}

/// An article that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its id.
    pub article_id: String,
    /// How it answers.
    pub kind: Kind,
    /// Its question.
    pub question: String,
    /// The question or similar question that was found.
    pub matched: String,
    /// The part of the answer that speaks of the query.
    pub snippet: String,
    /// Words of the query in the snippet, in Unicode scalar values: from, to.
    pub highlights: Vec<(usize, usize)>,
    /// Grows with the likeness; comparable within one base and model only.
    pub score: f64,
    /// How likely it answers.
    pub p_answered: f64,
}

/// An article that a full search found, whether it was valid or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its id.
    pub article_id: String,
    /// How likely it answers.
    pub p_answered: f64,
}

/// How a base stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseState {
    /// Articles, drafts and retired ones included.
    pub articles: usize,
    /// Articles that answer.
    pub published: usize,
    /// Texts in the index.
    pub texts: u32,
    /// Counts changes.
    pub index_version: u64,
    /// Counts models of the base; 0 = only the shipped one.
    pub model_version: u64,
    /// Whether the model was learnt from the present index.
    pub model_ready: bool,
}

/// Why a search or a change failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// There is no such base.
    #[error("there is no such knowledge base")]
    UnknownBase,
    /// The index failed.
    #[error(transparent)]
    Index(#[from] LexicalError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The package is damaged.
    #[error(transparent)]
    Models(#[from] ShippedError),
    /// The operating system gave no thread.
    #[error("the thread that learns models could not be started")]
    Thread(#[source] std::io::Error),
}

impl Coded for SearchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownBase => ErrorCode::NotFound,
            Self::Store(error) => error.code(),
            _ => ErrorCode::Internal,
        }
    }
}

impl Knowledge {
    /// No bases yet; starts the thread that learns.
    ///
    /// # Errors
    /// When the package is damaged or no thread can be had.
    pub fn new() -> Result<Self, SearchError> {
        Self::with(Models::shipped()?)
    }

    /// With models other than the package's.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn with(models: Models) -> Result<Self, SearchError> {
        let (learner, asked) = channel();
        let inner = Arc::new(Inner {
            models,
            bases: RwLock::default(),
            learner,
            writing: tokio::sync::Mutex::default(),
        });
        let weak = Arc::downgrade(&inner);
        std::thread::Builder::new()
            .name("knowledge-models".to_owned())
            .spawn(move || learn_forever(&weak, &asked))
            .map_err(SearchError::Thread)?;
        Ok(Self(inner))
    }

    /// Reads every base of the store.
    ///
    /// # Errors
    /// When the store or an index fails.
    pub async fn load(&self, store: &Store) -> Result<(), SearchError> {
        for (base, _) in store.article_bases().await? {
            self.touch(&base)?;
            let mut after = String::new();
            loop {
                let page = store.articles(&base, &after, None, PAGE).await?;
                let Some(last) = page.last() else { break };
                after.clone_from(&last.id);
                self.apply(&base, page.into_iter().map(set).collect())?;
            }
        }
        Ok(())
    }

    /// Held while store and index change, so that both see changes in one order.
    pub async fn writing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.writing.lock().await
    }

    /// Makes sure that a base exists.
    fn touch(&self, base: &str) -> Result<Arc<Shelf>, SearchError> {
        if let Some(shelf) = self.shelf(base) {
            return Ok(shelf);
        }
        let mut bases = self.0.bases.write().unwrap_or_else(PoisonError::into_inner);
        let made = Arc::new(Shelf::new()?);
        Ok(Arc::clone(bases.entry(base.to_owned()).or_insert(made)))
    }

    fn shelf(&self, base: &str) -> Option<Arc<Shelf>> {
        let bases = self.0.bases.read().unwrap_or_else(PoisonError::into_inner);
        bases.get(base).cloned()
    }

    /// Takes articles as they stand now.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn set(&self, base: &str, articles: Vec<Article>) -> Result<(), SearchError> {
        self.apply(base, articles.into_iter().map(set).collect())
    }

    /// Takes an article out.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn remove(&self, base: &str, id: &str) -> Result<(), SearchError> {
        self.apply(base, vec![Edit::Removed(id.to_owned())])
    }

    fn apply(&self, base: &str, edits: Vec<Edit>) -> Result<(), SearchError> {
        let shelf = self.touch(base)?;
        shelf
            .state_mut()
            .apply(self.0.models.parts().models, &edits)?;
        // The receiver lives as long as the bases.
        let _ = self.0.learner.send(base.to_owned());
        Ok(())
    }

    /// How a base stands; `None` when there is none.
    #[must_use]
    pub fn base(&self, base: &str) -> Option<BaseState> {
        let shelf = self.shelf(base)?;
        let state = shelf.state();
        Some(BaseState {
            articles: state.articles(),
            published: state.published(),
            texts: state.base.texts(),
            index_version: state.index_version,
            model_version: state.model_version,
            model_ready: state.learnt_from == state.index_version,
        })
    }

    /// Answers a query.
    ///
    /// # Errors
    /// When there is no such base, or its index fails.
    pub fn search(&self, asked: SearchQuery<'_>) -> Result<SearchResult, SearchError> {
        let shelf = self.shelf(asked.base).ok_or(SearchError::UnknownBase)?;
        let shipped = self.0.models.parts();
        let state = shelf.state();
        let model = Arc::clone(&state.model);
        let nothing = Without::default();
        let hits = state.base.find(
            shipped.models,
            shipped.ranker,
            &model,
            asked.query,
            &nothing,
        )?;
        let terms = wanted(asked.query, synonyms::shipped());
        let items: Vec<Item> = hits
            .into_iter()
            .filter_map(|hit| {
                let entry = state.entry(hit.article)?;
                let content = &entry.content;
                let shown = |channel: &str| {
                    content.channels.is_empty() || content.channels.iter().any(|c| c == channel)
                };
                if !content.answers_at(asked.at_us) || !asked.channel.is_none_or(shown) {
                    return None;
                }
                let matched = state.base.text(hit.text)?;
                let snippet = cut(&content.answer, &terms);
                Some(Item {
                    article_id: entry.id.clone(),
                    kind: content.kind,
                    question: content.question.clone(),
                    matched: matched.words.to_string(),
                    snippet: snippet.text,
                    highlights: snippet.highlights,
                    score: f64::from(hit.score),
                    p_answered: f64::from(model.probability(shipped.answered, &hit.evidence)),
                })
            })
            .take(asked.limit)
            .collect();
        Ok(SearchResult {
            p_answered: items.first().map_or(0.0, |first| first.p_answered),
            items,
        })
    }
}

impl Knowledge {
    /// Everything that a base holds for a query at any time and on any channel, best first: what gaps are judged by.
    ///
    /// # Errors
    /// When there is no such base, or its index fails.
    pub fn probe(&self, base: &str, query: &str, limit: usize) -> Result<Vec<Found>, SearchError> {
        let shelf = self.shelf(base).ok_or(SearchError::UnknownBase)?;
        let shipped = self.0.models.parts();
        let state = shelf.state();
        let model = Arc::clone(&state.model);
        let nothing = Without::default();
        let hits = state
            .base
            .find(shipped.models, shipped.ranker, &model, query, &nothing)?;
        let found = hits.into_iter().filter_map(|hit| {
            Some(Found {
                article_id: state.entry(hit.article)?.id.clone(),
                p_answered: f64::from(model.probability(shipped.answered, &hit.evidence)),
            })
        });
        Ok(found.take(limit).collect())
    }

    /// The articles of a base with their ids; none when there is no such base.
    #[must_use]
    pub fn contents(&self, base: &str) -> Vec<(String, Content)> {
        let Some(shelf) = self.shelf(base) else {
            return Vec::new();
        };
        let state = shelf.state();
        let entries = state.entries();
        entries
            .map(|entry| (entry.id.clone(), entry.content.clone()))
            .collect()
    }
}

fn set(article: Article) -> Edit {
    Edit::Set(Box::new(article))
}

/// Learns the models of changed bases until the bases are gone.
fn learn_forever(bases: &Weak<Inner>, asked: &Receiver<String>) {
    while let Ok(first) = asked.recv() {
        let started = Instant::now();
        let mut changed = BTreeSet::from([first]);
        while started.elapsed() < LONGEST_WAIT {
            match asked.recv_timeout(QUIET) {
                Ok(base) => {
                    changed.insert(base);
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        for base in changed {
            let Some(inner) = bases.upgrade() else { return };
            let started = Instant::now();
            match learn(&Knowledge(inner), &base) {
                Ok(()) => tracing::info!(
                    knowledge.base = base,
                    duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                    "the model of a knowledge base was learnt"
                ),
                Err(error) => tracing::error!(
                    knowledge.base = base,
                    error = &error as &dyn std::error::Error,
                    "the model of a knowledge base could not be learnt; the one before answers"
                ),
            }
        }
    }
}

fn learn(knowledge: &Knowledge, base: &str) -> Result<(), SearchError> {
    let Some(shelf) = knowledge.shelf(base) else {
        return Ok(());
    };
    let from = shelf.state().index_version;
    let model = fit(shelf.as_ref(), knowledge.0.models.parts())?;
    let mut state = shelf.state_mut();
    state.model = Arc::new(model);
    state.model_version += 1;
    state.learnt_from = from;
    Ok(())
}
