//! What the store does with articles, the same for every backend.

use super::article::{Article, ArticleVersion, Content, Expected, Status, Written};
use super::audit::Change;
use super::{Backend, Store, StoreError};

impl Store {
    /// An article as it stands.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn article(&self, base: &str, id: &str) -> Result<Option<Article>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.article(base, id).await,
        }
    }

    /// The articles of a base by id, those after `after` (all when empty).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn articles(
        &self,
        base: &str,
        after: &str,
        status: Option<Status>,
        limit: u32,
    ) -> Result<Vec<Article>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.articles(base, after, status, limit).await,
        }
    }

    /// The versions of an article, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn article_versions(
        &self,
        base: &str,
        id: &str,
    ) -> Result<Vec<ArticleVersion>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.article_versions(base, id).await,
        }
    }

    /// Every base that ever had an article, with how often it changed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn article_bases(&self) -> Result<Vec<(String, i64)>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.article_bases().await,
        }
    }

    /// Writes one article. The same content again makes no new version. Opens no intervention: see
    /// [`Store::publish_article`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write_article(
        &self,
        base: &str,
        id: &str,
        content: Content,
        expected: Expected,
        change: &Change<'_>,
    ) -> Result<Written, StoreError> {
        let target = format!("{base}/{id}");
        let entry = change.audits("article.write", &target);
        let articles = [(id.to_owned(), content)];
        let written = match &self.backend {
            Backend::Sqlite(sqlite) => {
                sqlite
                    .write_articles(base, &articles, expected, None, &entry)
                    .await?
            }
        };
        Ok(written.into_iter().next().unwrap_or(Written::Conflict(0)))
    }

    /// Writes many articles of one base at once: all or none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn import_articles(
        &self,
        base: &str,
        articles: &[(String, Content)],
        change: &Change<'_>,
    ) -> Result<Vec<Written>, StoreError> {
        let entry = change.audits("article.import", base);
        match &self.backend {
            Backend::Sqlite(sqlite) => {
                sqlite
                    .write_articles(base, articles, Expected::Any, None, &entry)
                    .await
            }
        }
    }

    /// Deletes an article; its versions stay. `Err` inside is the present version, 0 without.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_article(
        &self,
        base: &str,
        id: &str,
        expected: Expected,
        change: &Change<'_>,
    ) -> Result<Result<(), i64>, StoreError> {
        let target = format!("{base}/{id}");
        let entry = change.audits("article.delete", &target);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.delete_article(base, id, expected, &entry).await,
        }
    }
}
