//! Files and folders that are on the disk when the call returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Faults;

/// Tells apart the staging files that threads of one process write at once.
static STAGED: AtomicU64 = AtomicU64::new(0);

/// Syncs a folder, so that the entries made in it survive a power cut.
///
/// # Errors
/// When the folder can't be opened or synced.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes `folder` and what is missing above it, and syncs each parent.
///
/// # Errors
/// When a folder can't be made.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = parent_of(folder);
    create_folder(parent)?;
    match fs::create_dir(folder) {
        Ok(()) => sync_folder(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes `chunks` to `staging`, syncs, and gives the file the name `target`;
/// `create` refuses an existing target.
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
    let folder = parent_of(target);
    create_folder(folder)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(staging)?;
    for chunk in chunks {
        faults.disk_write(chunk.len())?;
        file.write_all(chunk)?;
    }
    file.sync_all()?;
    drop(file);
    if create {
        let linked = fs::hard_link(staging, target);
        fs::remove_file(staging)?;
        linked?;
    } else {
        fs::rename(staging, target)?;
    }
    sync_folder(folder)
}

/// Creates `target` with mode 600 and `content`; refuses an existing file.
///
/// # Errors
/// `AlreadyExists`; any failure of the disk.
pub fn write_private(target: &Path, content: &[u8]) -> io::Result<()> {
    let folder = parent_of(target);
    create_folder(folder)?;
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
    let linked = fs::hard_link(&staging, target);
    fs::remove_file(&staging)?;
    linked?;
    sync_folder(folder)
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => Path::new("/"),
    }
}
