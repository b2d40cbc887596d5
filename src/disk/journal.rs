//! A record of what has reached the disk, and in which order, for tests.
//!
//! Each line of the journal is one operation that is done: a file synced, a
//! name given, a folder synced, a file removed, a point passed. With it a test
//! checks the order, and takes a folder back to what a power cut would leave:
//! what no line vouches for is gone. Beside the journal, `<journal>.kept/` has
//! a second name for every synced file, so that removed ones can come back.
//!
//! Invariants: a line is written after its operation; the lines of a process
//! are in the order of its operations. Not here: the syncs (`sync`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    file: Mutex<File>,
    kept: PathBuf,
}

impl Journal {
    /// Goes on at the end of `path`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut kept = path.as_os_str().to_owned();
        kept.push(".kept");
        let kept = PathBuf::from(kept);
        fs::create_dir_all(&kept)?;
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            file: Mutex::new(file),
            kept,
        })
    }

    /// The content of `path` is on the disk, `bytes` of it.
    pub(super) fn file_synced(&self, path: &Path, file: &File) -> io::Result<()> {
        let about = file.metadata()?;
        let inode = about.ino();
        match fs::hard_link(path, self.kept.join(inode.to_string())) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        self.write(&json!({
            "op": "file", "path": path.canonicalize()?, "inode": inode, "bytes": about.len()
        }))
    }

    /// What a folder holds: to be taken before its sync.
    pub(super) fn entries(folder: &Path) -> io::Result<Value> {
        let mut entries = Map::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // What is renamed or removed meanwhile is not there for sure.
            let Ok(about) = entry.metadata() else {
                continue;
            };
            let name = entry.file_name().to_string_lossy().into_owned();
            let inode = (!about.is_dir()).then_some(about.ino());
            entries.insert(name, json!(inode));
        }
        Ok(Value::Object(entries))
    }

    /// `entries` of `folder` are on the disk.
    pub(super) fn folder_synced(&self, folder: &Path, entries: &Value) -> io::Result<()> {
        self.write(&json!({"op": "folder", "path": folder.canonicalize()?, "entries": entries}))
    }

    /// Something else has happened to `path`.
    pub(super) fn path(&self, operation: &str, path: &Path) -> io::Result<()> {
        let shown = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.write(&json!({"op": operation, "path": shown}))
    }

    /// A point of the write path was passed.
    pub(super) fn point(&self, name: &str) -> io::Result<()> {
        self.write(&json!({"op": "point", "name": name}))
    }

    fn write(&self, line: &Value) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(format!("{line}\n").as_bytes())
    }
}
