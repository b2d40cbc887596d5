//! Local disk as an object store that keeps what it has acknowledged.
//!
//! `object_store`'s own local store never calls fsync, so a power cut can lose
//! a committed log entry or leave it pointing at an empty file. This wrapper
//! writes to a staging file, syncs it, links it under its name and syncs the
//! folder before it answers.
//!
//! Invariants: when `put` returns, file and folder entry are on the disk; an
//! object is never visible half written; `PutMode::Create` is atomic between
//! processes. Not here: anything but files on a local disk.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};

use crate::disk::{FaultPoint, Faults, StoreFailure, create_folder, write_synced};

const STORE: &str = "durable local disk";

/// A local file system whose writes are synced; see the module.
#[derive(Debug)]
pub struct DurableDisk {
    inner: LocalFileSystem,
    writes: Arc<Writes>,
}

/// How files come to the disk.
#[derive(Debug)]
struct Writes {
    faults: Arc<Faults>,
    staged: AtomicU64,
    /// Folders whose own entries this process has synced.
    known: Mutex<HashSet<PathBuf>>,
}

impl DurableDisk {
    /// The whole local file system, rooted at `/`.
    pub fn new(faults: Arc<Faults>) -> Self {
        Self {
            inner: LocalFileSystem::new(),
            writes: Arc::new(Writes {
                faults,
                staged: AtomicU64::new(0),
                known: Mutex::default(),
            }),
        }
    }
}

impl Writes {
    /// Puts `payload` under the name `target`; blocks until it is on the disk.
    fn put(&self, target: &FsPath, payload: &[PutPayload], create: bool) -> Result<()> {
        let folder = target.parent().unwrap_or_else(|| FsPath::new("/"));
        self.make_folder(folder).map_err(generic)?;
        let serial = self.staged.fetch_add(1, Ordering::Relaxed);
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let staging =
            target.with_file_name(format!(".{name}.{}.{serial}.staged", std::process::id()));
        let chunks = payload
            .iter()
            .flat_map(|part| part.iter())
            .map(AsRef::as_ref);
        let written = write_synced(&staging, target, chunks, create, &self.faults);
        let Err(error) = written else {
            return Ok(());
        };
        // The staging file is of no use to anyone; a second error says nothing new.
        drop(fs::remove_file(&staging));
        if create && error.kind() == io::ErrorKind::AlreadyExists {
            return Err(object_store::Error::AlreadyExists {
                path: target.display().to_string(),
                source: Box::new(error),
            });
        }
        Err(generic(error))
    }

    /// Does one write of the lake, and fails where a test has planned it.
    async fn put_as_planned(
        self: &Arc<Self>,
        target: PathBuf,
        payload: PutPayload,
        create: bool,
    ) -> Result<()> {
        let failure = self.faults.store_write();
        if failure == Some(StoreFailure::BeforeEffect) {
            return Err(planned());
        }
        let writes = Arc::clone(self);
        blocking(move || writes.put(&target, &[payload], create)).await?;
        if failure == Some(StoreFailure::AfterEffect) {
            return Err(planned());
        }
        Ok(())
    }

    fn make_folder(&self, folder: &FsPath) -> io::Result<()> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known().contains(folder) && folder.is_dir() {
            return Ok(());
        }
        create_folder(folder, &self.faults)?;
        known().insert(folder.to_owned());
        Ok(())
    }
}

impl fmt::Display for DurableDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STORE)
    }
}

/// Runs `write` where it may block.
async fn blocking(write: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    let written = tokio::task::spawn_blocking(write).await;
    written.unwrap_or_else(|error| Err(generic(io::Error::other(error))))
}

fn generic(error: io::Error) -> object_store::Error {
    object_store::Error::Generic {
        store: STORE,
        source: Box::new(error),
    }
}

fn planned() -> object_store::Error {
    generic(io::Error::other("a failure that a test has planned"))
}

#[async_trait]
impl ObjectStore for DurableDisk {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let create = match opts.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => {
                return Err(object_store::Error::NotImplemented {
                    operation: "conditional update".into(),
                    implementer: STORE.into(),
                });
            }
        };
        let target = self.inner.path_to_filesystem(location)?;
        let is_log = location.as_ref().contains("_delta_log/");
        self.writes.faults.hit(if is_log {
            FaultPoint::BeforeLogEntry
        } else {
            FaultPoint::BeforeDataFile
        });
        self.writes.put_as_planned(target, payload, create).await?;
        self.writes.faults.hit(if is_log {
            FaultPoint::AfterLogEntry
        } else {
            FaultPoint::AfterDataFile
        });
        Ok(PutResult {
            e_tag: None,
            version: None,
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(CollectedUpload {
            parts: Vec::new(),
            target: self.inner.path_to_filesystem(location)?,
            writes: Arc::clone(&self.writes),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let content = self.inner.get_opts(from, GetOptions::default()).await?;
        let content = content.bytes().await?;
        let target = self.inner.path_to_filesystem(to)?;
        let create = options.mode == CopyMode::Create;
        self.writes
            .put_as_planned(target, content.into(), create)
            .await
    }
}

/// An upload in parts that becomes a file when it is complete: what is large
/// here are checkpoints of the log, some megabytes.
#[derive(Debug)]
struct CollectedUpload {
    parts: Vec<PutPayload>,
    target: PathBuf,
    writes: Arc<Writes>,
}

#[async_trait]
impl MultipartUpload for CollectedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts.push(data);
        futures::future::ready(Ok(())).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let parts = std::mem::take(&mut self.parts);
        let (target, writes) = (self.target.clone(), Arc::clone(&self.writes));
        blocking(move || writes.put(&target, &parts, false)).await?;
        Ok(PutResult {
            e_tag: None,
            version: None,
        })
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt;

    fn path(folder: &FsPath, name: &str) -> Path {
        Path::from_absolute_path(folder.join(name)).unwrap()
    }

    #[tokio::test]
    async fn create_is_exclusive_and_overwrite_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let disk = DurableDisk::new(Arc::new(Faults::none()));
        let target = path(folder.path(), "a/b/0.json");
        let create = PutOptions::from(PutMode::Create);
        disk.put_opts(&target, "one".into(), create.clone())
            .await
            .unwrap();
        let second = disk.put_opts(&target, "two".into(), create).await;
        assert!(matches!(
            second,
            Err(object_store::Error::AlreadyExists { .. })
        ));
        disk.put(&target, "three".into()).await.unwrap();
        let read = disk.get(&target).await.unwrap().bytes().await.unwrap();
        assert_eq!(&read[..], b"three");
        let left = fs::read_dir(folder.path().join("a/b")).unwrap().count();
        assert_eq!(left, 1, "no staging file stays behind");
    }

    #[tokio::test]
    async fn a_full_disk_leaves_nothing_under_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let disk = DurableDisk::new(Arc::new(Faults::parse("disk_full_after_bytes=4").unwrap()));
        let target = path(folder.path(), "0.json");
        assert!(disk.put(&target, "12345".into()).await.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
