//! `[tls]`: the certificate of the doors.
//!
//! Invariants: certificate and key are read once, at the start, and must fit each other; TLS 1.2 and 1.3 only.
//! Not here: which doors need it (`config`), other doors than HTTP.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};

/// A certificate chain with its private key, ready to be served.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ServerConfig>);

/// Why no TLS can be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that can't be read or holds something else.
    #[error("{setting}: {path} is no PEM file with a {what}")]
    File {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: String,
        /// What it should hold.
        what: &'static str,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// A file without a certificate.
    #[error("tls.cert: {0} holds no certificate")]
    Empty(String),
    /// Certificate and key do not belong together, or are of a kind that is not served.
    #[error("tls.cert {cert} and tls.key {key} can't be served together")]
    Mismatch {
        /// The certificates' file.
        cert: String,
        /// The key's file.
        key: String,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

impl Tls {
    /// Reads the chain in `cert` and the key in `key`, both PEM.
    ///
    /// # Errors
    /// When a file can't be read or the two do not fit.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let (cert_path, key_path) = (cert.display().to_string(), key.display().to_string());
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect)
            .map_err(|source| TlsError::File {
                setting: "tls.cert",
                path: cert_path.clone(),
                what: "certificate chain",
                source,
            })?;
        if chain.is_empty() {
            return Err(TlsError::Empty(cert_path));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::File {
            setting: "tls.key",
            path: key_path.clone(),
            what: "private key",
            source,
        })?;
        // Named, because other crates bring a second provider and rustls would not choose.
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(chain, private)
            })
            .map(|config| Self(Arc::new(config)))
            .map_err(|source| TlsError::Mismatch {
                cert: cert_path,
                key: key_path,
                source,
            })
    }

    pub(super) fn server_config(&self) -> ServerConfig {
        (*self.0).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_does_not_fit_is_refused_with_both_names() {
        let fixtures = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls"));
        let [cert, key, other] =
            ["localhost.crt", "localhost.key", "other.key"].map(|name| fixtures.join(name));
        assert!(Tls::read(&cert, &key).is_ok());
        let error = Tls::read(&cert, &other).unwrap_err();
        assert!(matches!(&error, TlsError::Mismatch { .. }), "{error}");
        let error = Tls::read(&key, &key).unwrap_err();
        assert!(matches!(&error, TlsError::Empty(_)), "{error}");
        let error = Tls::read(&cert, &cert).unwrap_err();
        assert!(error.to_string().starts_with("tls.key: "), "{error}");
        let error = Tls::read(&fixtures.join("absent.crt"), &key).unwrap_err();
        assert!(matches!(&error, TlsError::File { .. }), "{error}");
    }
}
