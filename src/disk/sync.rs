//! Files and folders that are on the disk when the call returns.
//!
//! Invariants: this is the one place where the product calls fsync (SQLite has
//! its own); what is synced is told to the journal of a test, if there is one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Faults;

/// Tells apart the staging files that threads of one process write at once.
static STAGED: AtomicU64 = AtomicU64::new(0);

/// Syncs the content of `file`, which stands at `path`.
///
/// # Errors
/// When the disk fails.
pub fn sync_file(file: &File, path: &Path, faults: &Faults) -> io::Result<()> {
    faults.step();
    file.sync_all()?;
    faults.record(|journal| journal.file_synced(path, file))
}

/// Syncs a folder, so that the entries made in it survive a power cut.
///
/// # Errors
/// When the folder can't be opened or synced.
pub fn sync_folder(folder: &Path, faults: &Faults) -> io::Result<()> {
    faults.step();
    let entries = faults.entries(folder)?;
    File::open(folder)?.sync_all()?;
    faults.record(|journal| journal.folder_synced(folder, &entries))
}

/// Makes `folder` and what is missing above it, and syncs its entry: also when
/// it is there already, since who made it may have died before the sync.
///
/// # Errors
/// When a folder can't be made.
pub fn create_folder(folder: &Path, faults: &Faults) -> io::Result<()> {
    let parent = parent_of(folder);
    if folder.is_dir() {
        return match sync_folder(parent, faults) {
            // A parent that we may not even read is not one that we have made it in.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        };
    }
    create_folder(parent, faults)?;
    faults.step();
    match fs::create_dir(folder) {
        Ok(()) => sync_folder(parent, faults),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => sync_folder(parent, faults),
        Err(error) => Err(error),
    }
}

/// Writes `chunks` to `staging`, syncs, and gives the file the name `target`
/// in a folder that is there; `create` refuses an existing target.
///
/// # Errors
/// `AlreadyExists` with `create`; any failure of the disk. Nothing stands under
/// `target` then that was not there before.
pub fn write_synced<'c>(
    staging: &Path,
    target: &Path,
    chunks: impl Iterator<Item = &'c [u8]>,
    create: bool,
    faults: &Faults,
) -> io::Result<()> {
    faults.step();
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(staging)?;
    for chunk in chunks {
        faults.disk_write(chunk.len())?;
        file.write_all(chunk)?;
    }
    sync_file(&file, staging, faults)?;
    drop(file);
    faults.step();
    if create {
        let linked = fs::hard_link(staging, target);
        fs::remove_file(staging)?;
        linked?;
    } else {
        fs::rename(staging, target)?;
    }
    faults.record(|journal| journal.path("named", target))?;
    sync_folder(parent_of(target), faults)
}

/// Removes the file at `path`; after a power cut it may be back.
///
/// # Errors
/// When it can't be removed.
pub fn remove_file(path: &Path, faults: &Faults) -> io::Result<()> {
    faults.step();
    fs::remove_file(path)?;
    faults.record(|journal| journal.path("removed", path))
}

/// Creates `target` with mode 600 and `content`; refuses an existing file.
///
/// # Errors
/// `AlreadyExists`; any failure of the disk.
pub fn write_private(target: &Path, content: &[u8]) -> io::Result<()> {
    let staging = stage_private(target, content)?;
    let linked = fs::hard_link(&staging, target);
    fs::remove_file(&staging)?;
    linked?;
    sync_folder(parent_of(target), &Faults::none())
}

/// Puts `content` with mode 600 under the name `target`, whatever was there.
///
/// # Errors
/// Any failure of the disk; then `target` is what it was before.
pub fn replace_private(target: &Path, content: &[u8]) -> io::Result<()> {
    let staging = stage_private(target, content)?;
    fs::rename(&staging, target)?;
    sync_folder(parent_of(target), &Faults::none())
}

fn stage_private(target: &Path, content: &[u8]) -> io::Result<PathBuf> {
    create_folder(parent_of(target), &Faults::none())?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let serial = STAGED.fetch_add(1, Ordering::Relaxed);
    let staging = target.with_file_name(format!(".{name}.{}.{serial}.staged", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&staging)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(staging)
}

pub(super) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => Path::new("/"),
    }
}
