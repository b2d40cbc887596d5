//! Where a lake lies: a folder of this machine or a prefix of an S3 bucket, and
//! the small objects in it that are no tables (`_tingchao/…`).
//!
//! Invariants: `create` is exclusive between processes, on a folder by the link,
//! on S3 by a conditional put that was tested when the lake was opened; what was
//! put is durable. Credentials and endpoint of S3 are those of the environment
//! (`AWS_…`) or of the machine. Not here: tables.

use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::join_all;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    ClientOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, RetryConfig,
};
use url::Url;

use super::{DurableDisk, LakeError};
use crate::config::LakeUrl;
use crate::disk::{Faults, create_folder, sync_folder};

/// A request to the store gives up after this time; the caller tries again.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
const RETRY_FOR: Duration = Duration::from_secs(30);
const RACERS: usize = 16;
const RACES: usize = 3;

/// An opened place for a lake.
#[derive(Clone)]
pub struct Storage {
    /// The store, rooted at the disk's or the bucket's root.
    pub(super) store: Arc<dyn ObjectStore>,
    /// The lake below that root.
    prefix: Path,
    /// With a slash at its end.
    url: Url,
    faults: Arc<Faults>,
}

impl Storage {
    /// The place that `url` names.
    ///
    /// # Errors
    /// When it can't be set up; whether a bucket can be reached shows later.
    pub fn at(url: &LakeUrl, faults: Arc<Faults>) -> Result<Self, LakeError> {
        match url {
            LakeUrl::Folder(root) => Self::folder(root, faults),
            LakeUrl::S3 { bucket, prefix } => Self::s3(bucket, prefix, faults),
        }
    }

    /// Makes sure, before the first write, that of several writers of one
    /// object exactly one succeeds. On a folder the operating system does.
    ///
    /// # Errors
    /// When it can't be reached, or can't keep writers apart.
    pub async fn check_for_writers(&self) -> Result<(), LakeError> {
        if self.url.scheme() == "file" {
            return Ok(());
        }
        self.self_test().await
    }

    /// The folder `root`, made if it is missing.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn folder(root: &FsPath, faults: Arc<Faults>) -> Result<Self, LakeError> {
        let unusable = |what: String| LakeError::Unusable {
            url: root.display().to_string(),
            what,
        };
        create_folder(root, &faults)
            .map_err(|error| unusable(format!("folder can't be made: {error}")))?;
        let root = root
            .canonicalize()
            .map_err(|error| unusable(format!("folder can't be read: {error}")))?;
        let url = Url::from_directory_path(&root)
            .map_err(|()| unusable("the path is not absolute".into()))?;
        let prefix = Path::from_absolute_path(&root)
            .map_err(|error| unusable(format!("the path can't be used: {error}")))?;
        Ok(Self {
            store: Arc::new(DurableDisk::new(Arc::clone(&faults))),
            prefix,
            url,
            faults,
        })
    }

    fn s3(bucket: &str, prefix: &str, faults: Arc<Faults>) -> Result<Self, LakeError> {
        let shown = format!("s3://{bucket}/{prefix}");
        let unusable = |what: String| LakeError::Unusable {
            url: shown.clone(),
            what,
        };
        let builder = AmazonS3Builder::from_env();
        let is_plain = builder
            .get_config_value(&object_store::aws::AmazonS3ConfigKey::Endpoint)
            .is_some_and(|endpoint| endpoint.starts_with("http://"));
        let options = ClientOptions::new()
            .with_timeout(REQUEST_TIMEOUT)
            .with_allow_http(is_plain);
        let retry = RetryConfig {
            retry_timeout: RETRY_FOR,
            ..RetryConfig::default()
        };
        let store = builder
            .with_bucket_name(bucket)
            .with_client_options(options)
            .with_retry(retry)
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        let url = Url::parse(&format!("s3://{bucket}/"))
            .and_then(|url| {
                if prefix.is_empty() {
                    Ok(url)
                } else {
                    url.join(&format!("{prefix}/"))
                }
            })
            .map_err(|error| unusable(error.to_string()))?;
        let prefix = Path::parse(prefix).map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            store: Arc::new(store),
            prefix,
            url,
            faults,
        })
    }

    /// The place, for messages.
    pub fn shown(&self) -> &str {
        self.url.as_str()
    }

    /// The place of a table, and its store rooted there.
    pub(super) fn table(&self, name: &str) -> Result<(Url, Arc<dyn ObjectStore>), LakeError> {
        let url = self.url.join(&format!("{name}/"));
        let url = url.map_err(|error| self.unusable(error))?;
        if let Some(folder) = self.folder_of(&url)? {
            create_folder(&folder, &self.faults).map_err(|error| self.unusable(error))?;
        }
        let store = PrefixStore::new(Arc::clone(&self.store), self.prefix.clone().join(name));
        Ok((url, Arc::new(store)))
    }

    /// Makes sure that every name in the log of an opened table is on the disk:
    /// a process may have died between giving it and syncing it.
    pub(super) fn settle(&self, table: &str) -> Result<(), LakeError> {
        let url = self.url.join(&format!("{table}/_delta_log/"));
        let url = url.map_err(|error| self.unusable(error))?;
        let Some(folder) = self.folder_of(&url)? else {
            return Ok(());
        };
        sync_folder(&folder, &self.faults)
            .map_err(|error| self.unusable(format_args!("the log can't be synced: {error}")))
    }

    /// The folder that `url` stands for; none in a bucket.
    fn folder_of(&self, url: &Url) -> Result<Option<PathBuf>, LakeError> {
        if url.scheme() != "file" {
            return Ok(None);
        }
        let folder = url.to_file_path();
        folder
            .map(Some)
            .map_err(|()| self.unusable("the path is not absolute"))
    }

    fn unusable(&self, what: impl std::fmt::Display) -> LakeError {
        LakeError::Unusable {
            url: self.shown().to_owned(),
            what: what.to_string(),
        }
    }

    pub(super) fn path(&self, name: &str) -> Path {
        Path::from_iter(self.prefix.parts().chain(Path::from(name).parts()))
    }

    pub(super) fn failed(doing: &'static str) -> impl FnOnce(object_store::Error) -> LakeError {
        move |source| LakeError::Storage {
            table: "_tingchao".into(),
            doing,
            source,
        }
    }

    /// Makes the object `name` with `content`; false when there is one already.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn create(&self, name: &str, content: &[u8]) -> Result<bool, LakeError> {
        let payload = PutPayload::from(content.to_vec());
        let options = PutOptions::from(PutMode::Create);
        match self
            .store
            .put_opts(&self.path(name), payload, options)
            .await
        {
            Ok(_) => Ok(true),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            ) => Ok(false),
            Err(error) => Err(Self::failed("making an object")(error)),
        }
    }

    /// Writes the object `name`, whether there is one or not.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn put(&self, name: &str, content: &[u8]) -> Result<(), LakeError> {
        let payload = PutPayload::from(content.to_vec());
        let put = self.store.put(&self.path(name), payload).await;
        put.map(drop).map_err(Self::failed("writing an object"))
    }

    /// The object `name`, if there is one.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn get(&self, name: &str) -> Result<Option<Bytes>, LakeError> {
        let found = match self.store.get(&self.path(name)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(Self::failed("reading an object")(error)),
        };
        let content = found.bytes().await;
        content.map(Some).map_err(Self::failed("reading an object"))
    }

    /// Removes the object `name`; one that is not there is removed.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn remove(&self, name: &str) -> Result<(), LakeError> {
        match self.store.delete(&self.path(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Self::failed("removing an object")(error)),
        }
    }

    /// Names of the objects right below `folder`.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn names(&self, folder: &str) -> Result<Vec<String>, LakeError> {
        let folder = self.path(folder);
        let mut found = self.store.list(Some(&folder));
        let mut names = Vec::new();
        while let Some(object) = found.next().await {
            let object = object.map_err(Self::failed("listing objects"))?;
            names.extend(object.location.filename().map(ToOwned::to_owned));
        }
        Ok(names)
    }

    /// Lets several writers race for one object, as commits do. Two puts one
    /// after the other would prove nothing: some stores check first and write
    /// then.
    async fn self_test(&self) -> Result<(), LakeError> {
        for _ in 0..RACES {
            let name = format!("_tingchao/self-test/{}", uuid::Uuid::now_v7());
            let racers = (0..RACERS).map(|racer| {
                let (storage, name) = (self.clone(), name.clone());
                tokio::spawn(async move { storage.create(&name, &[racer as u8]).await })
            });
            let mut won = 0;
            for end in join_all(racers).await {
                let end = end.map_err(|error| self.unusable(error))?;
                won += usize::from(end?);
            }
            let late = self.create(&name, b"late").await?;
            self.remove(&name).await?;
            if won != 1 || late {
                let won = won + usize::from(late);
                return Err(self.unusable(format_args!(
                    "of {} conditional puts of one object {won} succeeded, so this store can't keep several writers apart and rows would be lost; use a store where `If-None-Match: *` holds",
                    RACERS + 1
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use async_trait::async_trait;
    use futures::stream::BoxStream;
    use object_store::memory::InMemory;
    use object_store::{
        CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
        PutMultipartOptions, PutResult, Result,
    };

    use super::*;

    /// A store that looks first and writes then, as some do.
    #[derive(Debug)]
    struct Careless(InMemory);

    impl fmt::Display for Careless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("careless")
        }
    }

    #[async_trait]
    impl ObjectStore for Careless {
        async fn put_opts(
            &self,
            location: &Path,
            payload: PutPayload,
            opts: PutOptions,
        ) -> Result<PutResult> {
            let is_there = self.0.head(location).await.is_ok();
            tokio::time::sleep(Duration::from_millis(5)).await;
            if is_there {
                return self.0.put_opts(location, payload, opts).await;
            }
            self.0.put(location, payload).await
        }

        async fn put_multipart_opts(
            &self,
            location: &Path,
            opts: PutMultipartOptions,
        ) -> Result<Box<dyn MultipartUpload>> {
            self.0.put_multipart_opts(location, opts).await
        }

        async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
            self.0.get_opts(location, options).await
        }

        fn delete_stream(
            &self,
            locations: BoxStream<'static, Result<Path>>,
        ) -> BoxStream<'static, Result<Path>> {
            self.0.delete_stream(locations)
        }

        fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
            self.0.list(prefix)
        }

        async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
            self.0.list_with_delimiter(prefix).await
        }

        async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
            self.0.copy_opts(from, to, options).await
        }
    }

    fn bucket(store: Arc<dyn ObjectStore>) -> Storage {
        Storage {
            store,
            prefix: Path::from("the/lake"),
            url: Url::parse("s3://bucket/the/lake/").unwrap(),
            faults: Arc::new(Faults::none()),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_that_lets_several_writers_win_is_refused() {
        let sound = bucket(Arc::new(InMemory::new()));
        sound.check_for_writers().await.unwrap();
        let careless = bucket(Arc::new(Careless(InMemory::new())));
        assert!(careless.create("one", b"1").await.unwrap());
        assert!(
            !careless.create("one", b"2").await.unwrap(),
            "one after the other it holds"
        );
        let refused = careless.check_for_writers().await.unwrap_err().to_string();
        assert!(refused.contains("keep several writers apart"), "{refused}");
    }

    #[tokio::test]
    async fn objects_are_made_once_replaced_listed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let local = Storage::folder(&folder.path().join("lake"), Arc::new(Faults::none())).unwrap();
        for storage in [bucket(Arc::new(InMemory::new())), local] {
            assert!(storage.names("_tingchao/x").await.unwrap().is_empty());
            assert_eq!(storage.get("_tingchao/x/1").await.unwrap(), None);
            assert!(storage.create("_tingchao/x/1", b"a").await.unwrap());
            assert!(!storage.create("_tingchao/x/1", b"b").await.unwrap());
            storage.put("_tingchao/x/1", b"c").await.unwrap();
            let content = storage.get("_tingchao/x/1").await.unwrap().unwrap();
            assert_eq!(&content[..], b"c");
            assert_eq!(storage.names("_tingchao/x").await.unwrap(), ["1"]);
            storage.remove("_tingchao/x/1").await.unwrap();
            storage.remove("_tingchao/x/1").await.unwrap();
            assert!(storage.names("_tingchao/x").await.unwrap().is_empty());
        }
    }
}
