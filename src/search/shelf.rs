//! One base as it is served: articles by id, the index, and the model that was learnt for it.
//!
//! Invariants: only published articles are indexed; an article keeps its number as long as it is known; the model
//! says which state of the index it was learnt from.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::base::{ArticleId, Base};
use super::features::Models;
use super::fit::{BaseModel, Reading};
use super::lexical::LexicalError;
use crate::store::article::{Article, Content, Status};

/// An article of the base.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// What it says.
    pub content: Content,
}

/// What is served.
pub struct State {
    /// The index.
    pub base: Base,
    entries: Vec<Option<Entry>>,
    numbers: HashMap<String, ArticleId>,
    /// Counts changes.
    pub index_version: u64,
    /// What the base has learnt.
    pub model: Arc<BaseModel>,
    /// Counts models.
    pub model_version: u64,
    /// The index version that the model was learnt from.
    pub learnt_from: u64,
}

/// A base that can be read and changed.
pub struct Shelf(RwLock<State>);

/// A change of one article.
#[derive(Debug, Clone)]
pub enum Edit {
    /// It stands like this.
    Set(Box<Article>),
    /// It is gone.
    Removed(String),
}

impl Shelf {
    /// An empty one.
    ///
    /// # Errors
    /// When the index cannot be made.
    pub fn new() -> Result<Self, LexicalError> {
        Ok(Self(RwLock::new(State {
            base: Base::new()?,
            entries: Vec::new(),
            numbers: HashMap::new(),
            index_version: 0,
            model: Arc::new(BaseModel::default()),
            model_version: 0,
            learnt_from: 0,
        })))
    }

    /// For searching.
    pub fn state(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// For changing.
    pub fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading for Shelf {
    fn read<T>(&self, read: impl FnOnce(&Base) -> T) -> T {
        read(&self.state().base)
    }
}

impl State {
    /// The article with a number.
    #[must_use]
    pub fn entry(&self, number: ArticleId) -> Option<&Entry> {
        self.entries.get(usize::try_from(number).ok()?)?.as_ref()
    }

    /// Every article with its id.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().flatten()
    }

    /// How many articles it knows.
    #[must_use]
    pub fn articles(&self) -> usize {
        self.entries.iter().flatten().count()
    }

    /// How many of them answer, whatever their time.
    #[must_use]
    pub fn published(&self) -> usize {
        let published = |entry: &&Entry| entry.content.status == Status::Published;
        self.entries.iter().flatten().filter(published).count()
    }

    /// Makes changes; they are found by the next search.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn apply(&mut self, models: Models<'_>, edits: &[Edit]) -> Result<(), LexicalError> {
        let mut numbers = Vec::with_capacity(edits.len());
        for edit in edits {
            match edit {
                Edit::Set(article) => {
                    let number = self.number(&article.id);
                    let entry = Entry {
                        id: article.id.clone(),
                        content: article.content.clone(),
                    };
                    self.put(number, Some(entry));
                    numbers.push(number);
                }
                Edit::Removed(id) => {
                    if let Some(number) = self.numbers.remove(id) {
                        self.put(number, None);
                        numbers.push(number);
                    }
                }
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        let entries = &self.entries;
        let texts: Vec<(ArticleId, Vec<&str>)> = numbers
            .iter()
            .map(|&number| {
                let entry = usize::try_from(number)
                    .ok()
                    .and_then(|at| entries.get(at)?.as_ref());
                (number, entry.map(texts).unwrap_or_default())
            })
            .collect();
        self.base.set(models, &texts)?;
        self.index_version += 1;
        Ok(())
    }

    fn number(&mut self, id: &str) -> ArticleId {
        if let Some(&number) = self.numbers.get(id) {
            return number;
        }
        let number = ArticleId::try_from(self.entries.len()).unwrap_or(ArticleId::MAX);
        self.entries.push(None);
        self.numbers.insert(id.to_owned(), number);
        number
    }

    fn put(&mut self, number: ArticleId, entry: Option<Entry>) {
        if let Some(slot) = usize::try_from(number)
            .ok()
            .and_then(|at| self.entries.get_mut(at))
        {
            *slot = entry;
        }
    }
}

/// The texts under which an article is found; none unless it is published.
fn texts(entry: &Entry) -> Vec<&str> {
    if entry.content.status != Status::Published {
        return Vec::new();
    }
    let mut texts = vec![entry.content.question.as_str()];
    for similar in &entry.content.similar_questions {
        if !texts.contains(&similar.as_str()) {
            texts.push(similar);
        }
    }
    texts
}
