//! `[data]`: the folder of this process.

use std::path::PathBuf;

use super::reader::settings;

settings! {
    /// The folder of this process.
    Data {
        /// Holds the lake, the operational store and the inbox, unless their own keys say otherwise.
        dir: PathBuf = PathBuf::from("./tingchao-data");
    }
}
