//! A running server as a command sees it: over the network with a key, or by
//! the socket in its data folder, which is open to the folder's owner alone.
//!
//! Invariants: only the server that was named is talked to; a failure names
//! the address, and says what the server said. Not here: what is asked.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Method, Url, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Host;

use crate::app::socket_path;
use crate::config::Config;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Longer than a query may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(3600);

/// A running server.
pub struct Client {
    client: reqwest::Client,
    base: Url,
    key: Option<String>,
    /// For messages.
    shown: String,
}

/// The part of a problem document that people read.
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: Option<String>,
}

/// What became of a request.
pub enum Reply {
    /// The answer to read.
    Done(reqwest::Response),
    /// Not now: why, and when the server wants to be asked again.
    Later(String, Option<Duration>),
}

impl Client {
    /// The server at `url`.
    ///
    /// # Errors
    /// When `url` is none, or no encrypted connection could be made.
    pub fn remote(url: &str, key: Option<String>) -> anyhow::Result<Self> {
        // Without it the last part of a path would be replaced, not gone below.
        let whole = format!("{}/", url.trim_end_matches('/'));
        let base = Url::parse(&whole).with_context(|| format!("--url {url}: not an address"))?;
        if !matches!(base.scheme(), "http" | "https") {
            bail!("--url {url}: expected http://… or https://…");
        }
        let is_here = match base.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        // A proxy of the environment leads away from this machine.
        let builder = if is_here {
            builder().no_proxy()
        } else {
            builder()
        };
        Ok(Self {
            client: builder.build().context("no HTTP client")?,
            base,
            key,
            shown: url.to_owned(),
        })
    }

    /// The `serve` that holds the data folder of `config`, if one answers there.
    ///
    /// # Errors
    /// When there is no HTTP client.
    pub fn local(config: &Config) -> anyhow::Result<Option<Self>> {
        let socket = socket_path(config);
        if UnixStream::connect(&socket).is_err() {
            return Ok(None);
        }
        Self::at(&socket).map(Some)
    }

    fn at(socket: &Path) -> anyhow::Result<Self> {
        let client = builder().unix_socket(socket).build();
        Ok(Self {
            client: client.context("no HTTP client")?,
            base: Url::parse("http://localhost/")?,
            key: None,
            shown: socket.display().to_string(),
        })
    }

    /// Sends one request; a refusal that more patience would not help is an error.
    ///
    /// # Errors
    /// What the server said, when it did not do it.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        media: &'static str,
        body: Vec<u8>,
    ) -> anyhow::Result<Reply> {
        let url = self.base.join(path)?;
        let mut request = self.client.request(method, url);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, media).body(body);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_builder() => return Err(error.into()),
            Err(error) => {
                let why = causes(&error);
                // Patience does not help against a certificate that is not trusted.
                if why.contains("certificate") {
                    bail!("{}: {why}", self.shown);
                }
                return Ok(Reply::Later(why, None));
            }
        };
        let status = answer.status();
        if status.is_success() {
            return Ok(Reply::Done(answer));
        }
        let wait = answer
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let said = answer.text().await.unwrap_or_default();
        let said = match serde_json::from_str::<Problem>(&said) {
            Ok(problem) => format!("{}: {}", problem.code, problem.detail.unwrap_or_default()),
            Err(_) => status.to_string(),
        };
        if matches!(status.as_u16(), 429 | 502 | 503 | 504) {
            return Ok(Reply::Later(said, wait));
        }
        bail!("{} refuses: {said}", self.shown)
    }

    /// Sends one request that has to be done at once.
    ///
    /// # Errors
    /// When it is not.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<reqwest::Response> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let sent = self.send(method, path, "application/json", body.into_bytes());
        match sent.await? {
            Reply::Done(answer) => Ok(answer),
            Reply::Later(why, _) => bail!("{} does not answer: {why}", self.shown),
        }
    }

    /// Like [`ask`](Self::ask), with a JSON answer.
    ///
    /// # Errors
    /// When it is not done, or the answer is of another shape.
    pub async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<T> {
        let bytes = self.ask(method, path, body).await?.bytes().await?;
        serde_json::from_slice(&bytes)
            .with_context(|| format!("{} answers in another shape", self.shown))
    }

    /// How messages name the server.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_WITHIN)
        .timeout(ANSWER_WITHIN)
        .user_agent(concat!("tingchao/", env!("CARGO_PKG_VERSION")))
}

/// An error with all its causes, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
