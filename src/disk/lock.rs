//! One `serve` or `import` per data folder, held by an OS file lock that dies
//! with its process: after a SIGKILL nothing is to be cleaned.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::{Faults, create_folder};

/// Why the folder is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{folder} is in use by {holder}; stop it first, or use another folder with --data")]
    Held {
        /// The folder.
        folder: String,
        /// What the holder wrote: its command and process id.
        holder: String,
    },
    /// The lock file can't be used.
    #[error("{path}: the lock file can't be used")]
    Disk {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The lock; let go when dropped.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
    path: PathBuf,
}

impl FolderLock {
    /// Takes `folder` for `command` (`serve`, `import`).
    ///
    /// # Errors
    /// [`LockError::Held`] names the process that has it.
    pub fn take(folder: &Path, command: &str) -> Result<Self, LockError> {
        let path = folder.join("lock");
        let disk = |source| LockError::Disk {
            path: path.display().to_string(),
            source,
        };
        create_folder(folder, &Faults::none()).map_err(disk)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(disk)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(disk)?;
                let folder = folder.display().to_string();
                return Err(LockError::Held {
                    folder,
                    holder: holder.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(disk(error)),
        }
        let note = format!("tingchao {command}, process {}\n", std::process::id());
        file.set_len(0).map_err(disk)?;
        file.rewind().map_err(disk)?;
        file.write_all(note.as_bytes()).map_err(disk)?;
        Ok(Self { _file: file, path })
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path(), "serve").unwrap();
        let Err(LockError::Held { holder, .. }) = FolderLock::take(folder.path(), "import") else {
            panic!("two holders");
        };
        assert_eq!(
            holder,
            format!("tingchao serve, process {}", std::process::id())
        );
        drop(first);
        assert!(FolderLock::take(folder.path(), "import").is_ok());
    }
}
