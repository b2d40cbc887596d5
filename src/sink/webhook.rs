//! Alerts to an address of the company: signed, and only to hosts that the settings allow.
//!
//! Invariants: no host is spoken to that the operator has not named (by default this machine alone); redirects
//! are not followed; a request has a time limit; the secret is in the signature alone. Not here: when it is tried
//! again (`jobs`).

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::{Host, Url};

const TIMEOUT: Duration = Duration::from_secs(10);
/// The header with the signature: `v1=` and 64 hexadecimal digits.
pub const SIGNATURE: &str = "tingchao-signature";
/// The header with the id of the alert.
pub const ID: &str = "tingchao-id";
/// The header with the time of the attempt, seconds since 1970.
pub const TIMESTAMP: &str = "tingchao-timestamp";

/// Which hosts may be spoken to: `host`, or `host:port`.
#[derive(Clone, Debug)]
pub struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    /// The hosts of the settings.
    #[must_use]
    pub fn new(hosts: &[String]) -> Self {
        Self(hosts.iter().map(|host| host.to_ascii_lowercase()).collect())
    }

    /// Whether this is an address that may be spoken to.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, address: &str) -> Result<Url, String> {
        let url = Url::parse(address).map_err(|_| {
            "expected an address such as https://hooks.example.com/alerts".to_owned()
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("expected an address that begins with https:// or http://".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "expected an address without user and password; requests are signed instead"
                    .to_owned(),
            );
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => name.trim_end_matches('.').to_ascii_lowercase(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err("expected an address with a host".to_owned()),
        };
        let port = url.port_or_known_default().unwrap_or(0);
        let with_port = format!("{host}:{port}");
        let bracketed = format!("[{host}]:{port}");
        let is_allowed = |allowed: &String| [&host, &with_port, &bracketed].contains(&allowed);
        if self.0.iter().any(is_allowed) {
            return Ok(url);
        }
        let known = crate::domain::listed(&host, self.0.iter().map(String::as_str));
        Err(format!(
            "this host is not among `webhooks.allowed_hosts`; allowed are {known}"
        ))
    }
}

/// Why something did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Not an address that may be spoken to.
    #[error("{0}")]
    Forbidden(String),
    /// Nobody answered.
    #[error("the address can't be reached: {0}")]
    Unreachable(String),
    /// The answer was no success.
    #[error("the address answered with status {0}")]
    Refused(u16),
    /// No client.
    #[error("the HTTP client can't be set up")]
    Client,
}

impl DeliveryError {
    /// The status of the answer, if there was one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(status) => Some(*status),
            _ => None,
        }
    }
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Stable over attempts.
    pub id: &'a str,
    /// Seconds since 1970 of this attempt.
    pub at_s: i64,
    /// The document.
    pub body: &'a str,
}

/// Speaks to addresses.
#[derive(Clone)]
pub struct WebhookClient {
    client: reqwest::Client,
    allowed: AllowedHosts,
}

impl WebhookClient {
    /// A client for these hosts.
    ///
    /// # Errors
    /// When the operating system has no certificates or sockets to offer.
    pub fn new(allowed: AllowedHosts) -> Result<Self, DeliveryError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .user_agent(concat!("tingchao/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| DeliveryError::Client)?;
        Ok(Self { client, allowed })
    }

    /// The hosts that may be spoken to.
    #[must_use]
    pub fn allowed(&self) -> &AllowedHosts {
        &self.allowed
    }

    /// Sends a message once; the status of the answer.
    ///
    /// # Errors
    /// When it did not arrive, or the answer was no success.
    pub async fn deliver(
        &self,
        address: &str,
        secret: &str,
        message: Message<'_>,
    ) -> Result<u16, DeliveryError> {
        let url = self
            .allowed
            .check(address)
            .map_err(DeliveryError::Forbidden)?;
        let sent = self
            .client
            .post(url)
            .header("content-type", "application/cloudevents+json")
            .header(ID, message.id)
            .header(TIMESTAMP, message.at_s)
            .header(SIGNATURE, signature(secret, message))
            .body(message.body.to_owned())
            .send()
            .await;
        let answer =
            sent.map_err(|error| DeliveryError::Unreachable(error.without_url().to_string()))?;
        let status = answer.status();
        if status.is_success() {
            Ok(status.as_u16())
        } else {
            Err(DeliveryError::Refused(status.as_u16()))
        }
    }
}

/// `v1=` and the HMAC-SHA-256 of `<id>.<timestamp>.<body>` under the secret, hexadecimal.
#[must_use]
pub fn signature(secret: &str, message: Message<'_>) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{}.{}.", message.id, message.at_s).as_bytes());
    mac.update(message.body.as_bytes());
    let digest = mac.finalize().into_bytes();
    format!("v1={}", data_encoding::HEXLOWER.encode(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(hosts: &[&str]) -> AllowedHosts {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        AllowedHosts::new(&hosts)
    }

    #[test]
    fn only_hosts_of_the_settings_are_spoken_to() {
        let loopback = allowed(&["localhost", "127.0.0.1", "::1"]);
        for good in [
            "http://127.0.0.1:9000/hook",
            "http://LOCALHOST/x",
            "http://[::1]:80/",
            // Other spellings of the same address are read as it.
            "http://2130706433/",
        ] {
            assert!(loopback.check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://169.254.169.254/latest/meta-data",
            "http://10.0.0.1/",
            "http://127.0.0.1.example.com/",
            "http://localhost@example.com/",
            "http://user:secret@127.0.0.1/",
            "file:///etc/passwd",
            "ftp://127.0.0.1/",
            "127.0.0.1:9000",
        ] {
            assert!(loopback.check(bad).is_err(), "{bad}");
        }
        let one_port = allowed(&["hooks.example.com:443", "127.0.0.1:9000"]);
        assert!(one_port.check("https://hooks.example.com./a").is_ok());
        assert!(one_port.check("http://hooks.example.com/a").is_err());
        assert!(one_port.check("http://127.0.0.1:9001/").is_err());
        let said = one_port.check("https://hook.example.com/a").unwrap_err();
        assert!(said.contains("allowed are hooks.example.com:443"), "{said}");
    }

    #[test]
    fn the_signature_is_of_id_time_and_body() {
        let message = Message {
            id: "f-1",
            at_s: 1_700_000_000,
            body: "{}",
        };
        let signed = signature("secret", message);
        // printf 'f-1.1700000000.{}' | openssl dgst -sha256 -hmac secret
        assert_eq!(
            signed,
            "v1=1faaa922d0b8c234da0a908d2b348376af97877735d307224bb94cce5a05bf17"
        );
        for other in [
            Message {
                id: "f-2",
                ..message
            },
            Message { at_s: 1, ..message },
            Message {
                body: "[]",
                ..message
            },
        ] {
            assert_ne!(signature("secret", other), signed);
        }
    }
}
