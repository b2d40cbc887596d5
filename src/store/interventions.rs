//! What the store does with interventions, the same for every backend.

use super::article::{Content, Expected, Status, Written};
use super::audit::Change;
use super::intervention::{
    ArticleLink, FrozenTopics, Intervention, InterventionFilter, InterventionKind, MAX_TITLE_CHARS,
    NewIntervention, Origin,
};
use super::{Backend, Store, StoreError};
use crate::domain::{Day, Micros};

/// What publishing an article opens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) frozen: &'a FrozenTopics,
    pub(super) gap_id: Option<&'a str>,
}

impl Opening<'_> {
    /// The record of a write that publishes; `None` when the write is no publication: the article stays a draft, or
    /// answers as it did before.
    pub(super) fn record(
        self,
        (base, id, version): (&str, &str, i64),
        before: Option<&Content>,
        content: &Content,
        change: (&str, i64),
    ) -> Option<Intervention> {
        let (actor, at_us) = change;
        let was = before.filter(|before| before.status == Status::Published);
        let is_new = was.is_none_or(|was| was.answer != content.answer);
        if content.status != Status::Published || !is_new {
            return None;
        }
        let from = content.valid_from_us.unwrap_or(at_us).max(at_us);
        Some(Intervention {
            id: new_id(),
            content: NewIntervention {
                kind: InterventionKind::Article,
                title: content.question.chars().take(MAX_TITLE_CHARS).collect(),
                day: Micros(from).day(),
                frozen: self.frozen.clone(),
                article: Some(ArticleLink {
                    base: base.to_owned(),
                    id: id.to_owned(),
                    version: Some(version),
                }),
                gap_id: self.gap_id.map(str::to_owned),
            },
            origin: Origin::Published,
            created_by: actor.to_owned(),
            created_at_us: at_us,
        })
    }
}

fn new_id() -> String {
    format!("i-{}", uuid::Uuid::now_v7())
}

impl Store {
    /// Writes one article like [`Store::write_article`]; a write that publishes it opens an intervention in the same
    /// transaction, with these topics and for this gap.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn publish_article(
        &self,
        key: (&str, &str),
        content: Content,
        expected: Expected,
        (frozen, gap_id): (&FrozenTopics, Option<&str>),
        change: &Change<'_>,
    ) -> Result<Written, StoreError> {
        let (base, id) = key;
        let target = format!("{base}/{id}");
        let entry = change.audits("article.write", &target);
        let articles = [(id.to_owned(), content)];
        let opening = Some(Opening { frozen, gap_id });
        let written = match &self.backend {
            Backend::Sqlite(sqlite) => {
                sqlite
                    .write_articles(base, &articles, expected, opening, &entry)
                    .await?
            }
        };
        Ok(written.into_iter().next().unwrap_or(Written::Conflict(0)))
    }

    /// Records a change. What is allowed is checked before: [`NewIntervention::check`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn create_intervention(
        &self,
        new: NewIntervention,
        change: &Change<'_>,
    ) -> Result<Intervention, StoreError> {
        let intervention = Intervention {
            id: new_id(),
            content: new,
            origin: Origin::Recorded,
            created_by: change.actor.to_owned(),
            created_at_us: change.at_us,
        };
        let entry = change.audits("intervention.create", &intervention.id);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.insert_intervention(&intervention, &entry).await?,
        }
        Ok(intervention)
    }

    /// A recorded change.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn intervention(&self, id: &str) -> Result<Option<Intervention>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.intervention(id).await,
        }
    }

    /// Recorded changes, newest day first, those after the record (`day`, `id`) of `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn interventions(
        &self,
        filter: &InterventionFilter,
        after: Option<(Day, &str)>,
        limit: u32,
    ) -> Result<Vec<Intervention>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.interventions(filter, after, limit).await,
        }
    }

    /// Gives a record without topics its topics. False when it has some already, or there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn freeze_topics(
        &self,
        id: &str,
        frozen: &FrozenTopics,
        change: &Change<'_>,
    ) -> Result<bool, StoreError> {
        let entry = change.audits("intervention.topics", id);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.freeze_topics(id, frozen, &entry).await,
        }
    }
}
