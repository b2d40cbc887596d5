//! Back-up and restoration of a data folder: the lake at one version of each table, the inbox, the store.
//!
//! Invariants: a back-up is made beside a process that writes, without stopping it, and holds every event that was
//! acknowledged before it began, once; a folder under the name of a back-up is whole; the token key is never in it;
//! a restoration checks every byte first and overwrites nothing. The inbox is copied before the tables' versions are
//! fixed, so that what it lets go meanwhile is in them, and once more after it, so that no table is ahead of it.
//! Stored marts are left out and made again.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::sources::FOLLOWED;
use super::{DataFolder, now, token_key};
use crate::config::{Config, StoreUrl};
use crate::disk::{Faults, create_folder, sync_folder, write_synced};
use crate::domain::AppId;
use crate::lake::{Lake, MAINTENANCE, Storage, TableVersion, table_version};
use crate::source::{INBOX, copy_inbox};
use crate::store::Store;

const MANIFEST: &str = "backup.json";
const LAKE: &str = "lake";
const STORE: &str = "store.sqlite";
const FORMAT: u32 = 1;
/// Objects of the lake that are no tables.
const SMALL_OBJECTS: &str = "_tingchao";
/// How often a moment is looked for at which inbox and tables go together.
const MOMENTS: u32 = 5;

/// What a back-up holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Shape of a back-up.
    format: u32,
    /// Version of the product that made it.
    pub version: String,
    /// When it was begun, RFC 3339.
    pub made_at: String,
    /// Which lake.
    pub lake: String,
    /// Which token key belongs to it.
    pub token_key_fingerprint: String,
    /// Version of every table.
    pub tables: BTreeMap<String, u64>,
    /// Every file of the back-up by its path.
    files: BTreeMap<String, Copied>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Copied {
    bytes: u64,
    sha256: String,
}

impl Manifest {
    /// How many files.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Their size together, bytes.
    pub fn size_bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }

    fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(MANIFEST);
        let text = fs::read(&path)
            .with_context(|| format!("{} is no back-up: no {MANIFEST}", folder.display()))?;
        let manifest: Self =
            serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        ensure!(
            manifest.format == FORMAT,
            "{} was made by version {}; use that one",
            folder.display(),
            manifest.version
        );
        Ok(manifest)
    }
}

/// Copies the data of `config` into the new folder `target`. Data files that the back-up `earlier` has are linked to
/// it instead of copied.
///
/// # Errors
/// When `target` is there already, or something can't be read or written; nothing stands under its name then.
pub async fn back_up(
    config: &Config,
    target: &Path,
    earlier: Option<&Path>,
) -> anyhow::Result<Manifest> {
    ensure!(
        !target.exists(),
        "{} is there already; a back-up makes a new folder",
        target.display()
    );
    let staging = beside(target)?;
    let earlier = match earlier {
        None => None,
        Some(folder) => Some((folder, Manifest::read(folder)?)),
    };
    let fingerprint = {
        let storage = Storage::at(&config.lake_url(), Arc::new(Faults::none()))?;
        token_key::fingerprint_at(&storage).await?
    };
    let Some(token_key_fingerprint) = fingerprint else {
        bail!("there is no lake at {}", config.lake_url());
    };
    let made_at = now().to_string();
    DirBuilder::new()
        .mode(0o700)
        .create(&staging)
        .with_context(|| staging.display().to_string())?;
    let mut copy = Copy {
        folder: staging.clone(),
        earlier,
        files: BTreeMap::new(),
    };
    let folder = DataFolder::open_shared(config).await?;
    let versions = copy.moment(&folder.lake, &config.data.dir).await?;
    let tables = copy.lake(folder.lake.storage(), versions).await?;
    copy.store(config).await?;
    let followed = config.data.dir.join(FOLLOWED);
    if followed.is_file() {
        copy.write(FOLLOWED, &fs::read(&followed)?)?;
    }
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").into(),
        made_at,
        lake: folder.lake.storage().shown().into(),
        token_key_fingerprint,
        tables,
        files: copy.files,
    };
    let text = serde_json::to_vec_pretty(&manifest)?;
    write(&staging, MANIFEST, &text)?;
    name(&staging, target)?;
    Ok(manifest)
}

/// The name that `target` has until it is whole.
fn beside(target: &Path) -> anyhow::Result<PathBuf> {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let staging = target.with_file_name(name);
    ensure!(
        !staging.exists(),
        "{} is left of an attempt that broke off; remove it",
        staging.display()
    );
    if let Some(parent) = target.parent().filter(|path| !path.as_os_str().is_empty()) {
        create_folder(parent, &Faults::none())?;
    }
    Ok(staging)
}

fn name(staging: &Path, target: &Path) -> anyhow::Result<()> {
    sync_folder(staging, &Faults::none())?;
    fs::rename(staging, target).with_context(|| target.display().to_string())?;
    let parent = target
        .parent()
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    Ok(sync_folder(parent, &Faults::none())?)
}

fn write(folder: &Path, name: &str, content: &[u8]) -> anyhow::Result<()> {
    let none = Faults::none();
    let target = folder.join(name);
    let parent = target.parent().unwrap_or(folder);
    create_folder(parent, &none)?;
    let staged = parent.join(".copying");
    write_synced(&staged, &target, std::iter::once(content), true, &none)
        .with_context(|| target.display().to_string())
}

fn copied(content: &[u8]) -> Copied {
    Copied {
        bytes: content.len() as u64,
        sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(content)),
    }
}

/// A back-up in the making.
struct Copy<'e> {
    folder: PathBuf,
    earlier: Option<(&'e Path, Manifest)>,
    files: BTreeMap<String, Copied>,
}

impl Copy<'_> {
    fn write(&mut self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        write(&self.folder, name, content)?;
        self.files.insert(name.to_owned(), copied(content));
        Ok(())
    }

    /// The inbox, and versions of all tables that go together with it.
    async fn moment(&mut self, lake: &Lake, data: &Path) -> anyhow::Result<Vec<TableVersion>> {
        let (folder, target) = (data.join(INBOX), self.folder.join(INBOX));
        let app = AppId::new(INBOX, 0);
        for _ in 0..MOMENTS {
            copy_inbox(&folder, &target)?;
            lake.refresh().await?;
            let mut versions = Vec::new();
            for table in lake.tables() {
                versions.push(table_version(table, lake.storage(), &app).await?);
            }
            let least = versions.iter().map(|version| version.next).min();
            for table in lake.insights() {
                versions.push(table_version(table, lake.storage(), &app).await?);
            }
            let Some(inbox) = copy_inbox(&folder, &target)? else {
                return Ok(versions);
            };
            if inbox.first <= least.flatten().unwrap_or_default() {
                self.inbox(&target)?;
                return Ok(versions);
            }
            fs::remove_dir_all(&target)?;
        }
        bail!(
            "the inbox moved faster than it could be copied, {MOMENTS} times; try again when less arrives"
        )
    }

    fn inbox(&mut self, folder: &Path) -> anyhow::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            self.files
                .insert(format!("{INBOX}/{name}"), copied(&fs::read(&path)?));
        }
        Ok(())
    }

    async fn lake(
        &mut self,
        storage: &Storage,
        versions: Vec<TableVersion>,
    ) -> anyhow::Result<BTreeMap<String, u64>> {
        let mut tables = BTreeMap::new();
        for version in versions {
            for object in &version.objects {
                self.object(storage, object).await?;
            }
            tables.insert(version.table.to_owned(), version.version);
        }
        for object in storage.objects(SMALL_OBJECTS).await? {
            // A lease is of a process that runs now.
            if !object.starts_with(&format!("{SMALL_OBJECTS}/{MAINTENANCE}/")) {
                self.object(storage, &object).await?;
            }
        }
        Ok(tables)
    }

    async fn object(&mut self, storage: &Storage, object: &str) -> anyhow::Result<()> {
        let name = format!("{LAKE}/{object}");
        if self.link(&name)? {
            return Ok(());
        }
        let Some(content) = storage.get(object).await? else {
            bail!(
                "{object} of the lake was deleted while it was copied; make another back-up, and let tables keep what they no longer need for longer (lake.retention_hours)"
            );
        };
        self.write(&name, &content)
    }

    /// Whether the earlier back-up has this data file; then it is linked.
    fn link(&mut self, name: &str) -> anyhow::Result<bool> {
        let Some((folder, manifest)) = &self.earlier else {
            return Ok(false);
        };
        // Data files are written once under their name; everything else is small.
        let (Some(known), true) = (manifest.files.get(name), is_data(name)) else {
            return Ok(false);
        };
        let target = self.folder.join(name);
        create_folder(target.parent().unwrap_or(&self.folder), &Faults::none())?;
        if fs::hard_link(folder.join(name), &target).is_err() {
            return Ok(false);
        }
        ensure!(
            fs::metadata(&target)?.len() == known.bytes,
            "{} is not the file that was backed up",
            folder.join(name).display()
        );
        self.files.insert(name.to_owned(), known.clone());
        Ok(true)
    }

    async fn store(&mut self, config: &Config) -> anyhow::Result<()> {
        if let StoreUrl::Sqlite(path) = config.store_url()
            && !path.is_file()
        {
            return Ok(());
        }
        let store = Store::open(&config.store_url()).await?;
        let target = self.folder.join(STORE);
        if store.copy_to(&target).await? {
            self.files.insert(STORE.into(), copied(&fs::read(&target)?));
        }
        store.close().await;
        Ok(())
    }
}

fn is_data(name: &str) -> bool {
    name.ends_with(".parquet") && !name.contains("/_delta_log/")
}

/// What a restoration leaves to do.
pub struct Restored {
    /// What was restored.
    pub manifest: Manifest,
    /// Where the token key has to be.
    pub token_key_file: PathBuf,
    /// Whether the right key is there.
    pub has_token_key: bool,
}

/// Makes the data folder, lake and store of `config` from the back-up `source`.
///
/// # Errors
/// When the back-up is damaged, or anything stands where the data shall go; then nothing was changed.
pub async fn restore(config: &Config, source: &Path) -> anyhow::Result<Restored> {
    let manifest = Manifest::read(source)?;
    for (name, expected) in &manifest.files {
        ensure!(
            copied(&read(source, name)?) == *expected,
            "{} is damaged: it is not the file that was backed up",
            source.join(name).display()
        );
    }
    let data = &config.data.dir;
    let is_empty = |folder: &Path| {
        fs::read_dir(folder)
            .map_or_else(|_| !folder.exists(), |mut entries| entries.next().is_none())
    };
    ensure!(
        is_empty(data),
        "{} is not empty; a restoration makes a new data folder",
        data.display()
    );
    let staging = beside(data)?;
    DirBuilder::new()
        .mode(0o700)
        .create(&staging)
        .with_context(|| staging.display().to_string())?;
    let elsewhere = elsewhere(config).await?;
    for name in in_order(&manifest) {
        let content = read(source, name)?;
        match (&elsewhere.lake, name.strip_prefix("lake/")) {
            (Some(storage), Some(object)) => storage.put(object, &content).await?,
            _ => match (&elsewhere.store, name == STORE) {
                (Some(path), true) => {
                    let folder = path.parent().unwrap_or(Path::new("."));
                    let file = path.file_name().unwrap_or_default().to_string_lossy();
                    write(folder, &file, &content)?;
                }
                _ => write(&staging, name, &content)?,
            },
        }
    }
    if data.exists() {
        fs::remove_dir(data)?;
    }
    name(&staging, data)?;
    let token_key_file = config.token_key_file();
    Ok(Restored {
        has_token_key: token_key::is_key(&token_key_file, &manifest.token_key_fingerprint),
        manifest,
        token_key_file,
    })
}

/// Parts that the settings put outside the data folder.
struct Elsewhere {
    lake: Option<Storage>,
    store: Option<PathBuf>,
}

async fn elsewhere(config: &Config) -> anyhow::Result<Elsewhere> {
    let mut places = Elsewhere {
        lake: None,
        store: None,
    };
    if config.lake.url.is_some() {
        let storage = Storage::at(&config.lake_url(), Arc::new(Faults::none()))?;
        ensure!(
            storage.objects("").await?.is_empty(),
            "the lake at {} is not empty; a restoration makes a new one",
            storage.shown()
        );
        places.lake = Some(storage);
    }
    if let (Some(_), StoreUrl::Sqlite(path)) = (&config.store.url, config.store_url()) {
        ensure!(!path.exists(), "{} is there already", path.display());
        places.store = Some(path);
    }
    Ok(places)
}

/// Logs after the data files that they name, and the small objects last: a lake that broke off is not a lake.
fn in_order(manifest: &Manifest) -> Vec<&str> {
    let mut names: Vec<&str> = manifest.files.keys().map(String::as_str).collect();
    names.sort_by_key(|name| {
        (
            name.starts_with(&format!("{LAKE}/{SMALL_OBJECTS}/")),
            name.contains("/_delta_log/"),
        )
    });
    names
}

fn read(folder: &Path, name: &str) -> anyhow::Result<Bytes> {
    let path = folder.join(name);
    let content = fs::read(&path).with_context(|| path.display().to_string())?;
    Ok(content.into())
}
