//! `[[sources]]`: what is read continuously.

use super::reader::settings;
use super::setting::words;

words! {
    /// What a source reads.
    SourceKind {
        /// Files on this machine.
        File = "file",
        /// Topics of the brokers in `[kafka]`.
        Kafka = "kafka",
        /// A recorded data set at its own or a faster pace.
        Replay = "replay",
    }
}

settings! {
    /// One table per source that is read continuously. Events over REST need none.
    Source {
        /// A name that never changes: it is part of the positions. 1 to 64 of a-z, A-Z, 0-9, dot, underscore and hyphen.
        name: String = String::new() => required, like "\"calls\"";
        /// What it reads.
        kind: SourceKind = SourceKind::File => required, like "\"file\"";
        /// For `kafka`: the topics; a pattern begins with `^`.
        topics: Vec<String> = Vec::new();
        /// For `file` and `replay`: a path, wildcards allowed.
        path: Option<String> = None, like "\"/var/spool/calls/*.ndjson\"";
        /// The format of the records: a name of docs/FORMATS.md, or `auto`. Not set: `canonical`.
        format: Option<String> = None, like "\"canonical\"";
        /// A mapping file for tables and foreign JSON, instead of `format`.
        mapping: Option<String> = None, like "\"/etc/tingchao/call_log.toml\"";
        /// For `file`: go on reading what is appended and files that appear.
        follow: bool = false;
        /// For `replay`: how many times faster than recorded; 0 is as fast as possible.
        speed: f64 = 1.0;
    }
}
