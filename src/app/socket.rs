//! `<data>/admin.sock`: the door for the commands of the folder's owner.
//!
//! Invariants: the socket never stands under its name with a mode other than
//! 600; only the holder of the folder's lock makes it. Not here: what is
//! answered there (`api`), who asks (`cli`).

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::config::Config;

const NAME: &str = "admin.sock";

/// Where the socket of a data folder is.
pub fn socket_path(config: &Config) -> PathBuf {
    config.data.dir.join(NAME)
}

/// The name of the socket, removed when dropped.
#[derive(Debug)]
pub struct Bound(PathBuf);

impl Drop for Bound {
    fn drop(&mut self) {
        // One that stays answers nobody, and the next process takes its place.
        drop(fs::remove_file(&self.0));
    }
}

/// Makes the socket; `None` where that is not possible, which only costs
/// convenience: commands then work on the files as if nobody served.
pub fn bind(config: &Config) -> Option<(Bound, UnixListener)> {
    let path = socket_path(config);
    match bind_at(&config.data.dir, &path) {
        Ok(listener) => Some((Bound(path), listener)),
        Err(error) => {
            tracing::warn!(
                %error,
                "{} can't be made; commands do not reach this process by it",
                path.display()
            );
            None
        }
    }
}

fn bind_at(data: &Path, path: &Path) -> io::Result<UnixListener> {
    // A name in a folder of our own, until the mode is right: bind takes the mode from the process.
    let staging = data.join(format!(".sock-{}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&staging)?;
    let staged = staging.join("s");
    let bound = UnixListener::bind(&staged).and_then(|listener| {
        fs::set_permissions(&staged, Permissions::from_mode(0o600))?;
        fs::rename(&staged, path)?;
        Ok(listener)
    });
    drop(fs::remove_file(&staged));
    drop(fs::remove_dir(&staging));
    bound
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_socket_is_for_its_owner_and_takes_the_place_of_a_dead_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let dead = bind_at(folder.path(), &path).unwrap();
        drop(dead);
        assert!(UnixStream::connect(&path).is_err());
        let _alive = bind_at(folder.path(), &path).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
