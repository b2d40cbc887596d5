//! `[tls]`: certificates.

use std::path::PathBuf;

use super::reader::settings;

settings! {
    /// Certificates of all doors. Without them only loopback addresses are allowed.
    Tls {
        /// A file with the certificate chain, PEM.
        cert: Option<PathBuf> = None, like "\"/etc/tingchao/cert.pem\"";
        /// A file with its private key, PEM.
        key: Option<PathBuf> = None, like "\"/etc/tingchao/key.pem\"";
        /// True when a proxy in front of the HTTP and admin ports encrypts.
        behind_proxy: bool = false;
    }
}
