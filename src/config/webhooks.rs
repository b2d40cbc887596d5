//! `[webhooks]`: where alerts may be sent.

use super::reader::settings;

settings! {
    /// Alerts that are sent to addresses (`POST /v1/webhooks`).
    Webhooks {
        /// Hosts that may be spoken to, each `host` or `host:port`. No other host is: an address that a user names can't reach the company's inner network.
        allowed_hosts: Vec<String> = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    }
}
