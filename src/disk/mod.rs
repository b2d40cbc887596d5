//! The local disk as something that keeps its promises: synced folders and
//! files, a lock that dies with its process, and the points at which tests make
//! things fail.
//!
//! Invariants: what these functions have written survives a power cut when they
//! return. Not here: object stores (`lake`), queues (`source`).

mod faults;
mod journal;
mod lock;
mod sync;

pub use faults::{FaultPlanError, FaultPoint, Faults, StoreFailure};
pub use lock::{FolderLock, LockError};
pub use sync::{
    create_folder, remove_file, replace_private, sync_file, sync_folder, write_private,
    write_synced,
};
