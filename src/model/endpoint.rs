//! An encoder behind an OpenAI-compatible endpoint (`POST …/embeddings`), for jobs.
//!
//! Invariants: only a listed host is spoken to, no proxy is asked and no redirect followed; the texts are redacted by
//! whoever calls; a request has a time limit, texts that came back without a vector are asked again with growing
//! pauses and a bounded number of times; the answer is whole or an error. Never in the stream, never on a thread of a
//! runtime: it blocks. Not here: what is done without the endpoint (the built-in model).

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, StatusCode, Url};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::replace::{Model, ModelError, is_whole};

/// Longest answer, bytes.
const MAX_ANSWER_BYTES: usize = 256 << 20;
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How an endpoint is asked.
#[derive(Clone)]
pub struct EndpointSettings {
    /// The address up to and without `/embeddings`, such as `https://models.example/v1`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// The key, sent as `Authorization: Bearer`.
    pub key: Option<String>,
    /// Hosts that may be spoken to.
    pub allowed_hosts: Vec<String>,
    /// Limit of one request.
    pub timeout: Duration,
    /// Texts of one request at most.
    pub batch: usize,
    /// How often a batch is asked at most.
    pub attempts: u32,
    /// Pause after the first failure; it doubles with each.
    pub pause: Duration,
}

/// An encoder behind an endpoint.
pub struct Endpoint {
    id: String,
    address: Url,
    settings: EndpointSettings,
    client: Client,
    runtime: Handle,
}

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    input: Vec<&'a str>,
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

/// Why one request brought nothing, and whether another one may.
struct Failure {
    cause: String,
    is_final: bool,
}

impl Endpoint {
    /// An endpoint that is asked on `runtime`. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address is none, or its host is not listed.
    pub fn new(settings: EndpointSettings, runtime: Handle) -> Result<Self, ModelError> {
        let id = format!(
            "endpoint:{}",
            settings.model.replace(char::is_whitespace, "-")
        );
        let unusable = |cause: String| ModelError::Unusable {
            id: id.clone(),
            cause,
        };
        let address = format!("{}/embeddings", settings.url.trim_end_matches('/'));
        let address = Url::parse(&address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| unusable("models.endpoint_url is no http(s) address".to_owned()))?;
        let host = address.host_str().unwrap_or_default().to_owned();
        if !settings
            .allowed_hosts
            .iter()
            .any(|listed| listed.eq_ignore_ascii_case(&host))
        {
            return Err(ModelError::HostNotAllowed { host });
        }
        let client = Client::builder()
            .timeout(settings.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            id,
            address,
            settings,
            client,
            runtime,
        })
    }

    async fn all(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut rows = Vec::with_capacity(texts.len());
        let mut width = None;
        for batch in texts.chunks(self.settings.batch.max(1)) {
            let mut found = self.batch(batch, width).await.map_err(|(missing, cause)| {
                ModelError::Incomplete {
                    id: self.id.clone(),
                    missing,
                    asked: batch.len(),
                    cause,
                }
            })?;
            width = width.or_else(|| found.first().map(Vec::len));
            rows.append(&mut found);
        }
        Ok(rows)
    }

    /// The vectors of a batch; what is missing of an answer is asked again.
    async fn batch(
        &self,
        texts: &[&str],
        mut width: Option<usize>,
    ) -> Result<Vec<Vec<f32>>, (usize, String)> {
        let mut found: Vec<Option<Vec<f32>>> = vec![None; texts.len()];
        let mut cause = String::new();
        let mut pause = self.settings.pause;
        for attempt in 0..self.settings.attempts.max(1) {
            if attempt > 0 {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            let missing: Vec<usize> = (0..texts.len())
                .filter(|place| found.get(*place).is_some_and(Option::is_none))
                .collect();
            let asked: Vec<&str> = missing
                .iter()
                .filter_map(|p| texts.get(*p).copied())
                .collect();
            match self.ask(&asked).await {
                Ok(items) => {
                    for item in items {
                        let place = missing.get(item.index).and_then(|p| found.get_mut(*p));
                        if let Some(place) = place
                            && is_whole(std::slice::from_ref(&item.embedding), 1, width)
                        {
                            width = width.or(Some(item.embedding.len()));
                            *place = Some(item.embedding);
                        }
                    }
                    "the answer had no vector for some texts".clone_into(&mut cause);
                }
                Err(failure) => {
                    cause = failure.cause;
                    if failure.is_final {
                        break;
                    }
                }
            }
            if found.iter().all(Option::is_some) {
                return Ok(found.into_iter().flatten().collect());
            }
        }
        Err((found.iter().filter(|one| one.is_none()).count(), cause))
    }

    async fn ask(&self, texts: &[&str]) -> Result<Vec<Item>, Failure> {
        let again = |cause: String| Failure {
            cause,
            is_final: false,
        };
        let question = Question {
            model: &self.settings.model,
            input: texts.to_vec(),
            encoding_format: "float",
        };
        let body = serde_json::to_vec(&question).map_err(|error| again(error.to_string()))?;
        let mut request = self
            .client
            .post(self.address.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        if let Some(key) = &self.settings.key {
            request = request.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        // Causes name the address at most, never a text.
        let mut response = request.send().await.map_err(|error| {
            again(if error.is_timeout() {
                format!("no answer within {} ms", self.settings.timeout.as_millis())
            } else {
                error.to_string()
            })
        })?;
        let status = response.status();
        if !status.is_success() {
            let is_later = status.is_server_error()
                || matches!(
                    status,
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                );
            return Err(Failure {
                cause: format!("the endpoint answered {}", status.as_u16()),
                is_final: !is_later,
            });
        }
        let mut bytes = Vec::new();
        loop {
            let chunk = response
                .chunk()
                .await
                .map_err(|error| again(error.to_string()))?;
            let Some(chunk) = chunk else { break };
            if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(again("the answer is too long".to_owned()));
            }
            bytes.extend_from_slice(&chunk);
        }
        let answer: Answer = serde_json::from_slice(&bytes)
            .map_err(|_| again("the answer is no list of embeddings".to_owned()))?;
        Ok(answer.data)
    }
}

impl Model for Endpoint {
    fn id(&self) -> &str {
        &self.id
    }

    fn rows(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.runtime.block_on(self.all(texts))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, LazyLock};

    use super::*;

    static RUNTIME: LazyLock<tokio::runtime::Runtime> =
        LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());

    /// Reads one request and gives its texts.
    fn texts_of(stream: &mut TcpStream) -> Option<Vec<String>> {
        let mut all = Vec::new();
        let mut part = [0; 4096];
        loop {
            let n = stream.read(&mut part).ok().filter(|n| *n > 0)?;
            all.extend_from_slice(part.get(..n)?);
            let text = String::from_utf8_lossy(&all).into_owned();
            if let Some((_, body)) = text.split_once("\r\n\r\n")
                && let Ok(body) = serde_json::from_str::<serde_json::Value>(body)
            {
                let input = body.get("input")?.as_array()?.iter();
                return Some(
                    input
                        .filter_map(|t| t.as_str().map(str::to_owned))
                        .collect(),
                );
            }
        }
    }

    fn embedding(text: &str) -> [f32; 2] {
        [f32::from(u8::try_from(text.len()).unwrap()), 1.0]
    }

    /// A server that answers the n-th request as `act` says: a status and how many of the vectors.
    fn server(act: fn(usize) -> Option<(u16, usize)>) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/", listener.local_addr().unwrap());
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(texts) = texts_of(&mut stream) else {
                    continue;
                };
                let Some((status, most)) = act(count.fetch_add(1, Ordering::SeqCst)) else {
                    held.push(stream);
                    continue;
                };
                let items: Vec<_> = texts
                    .iter()
                    .enumerate()
                    .take(most)
                    .map(|(index, text)| serde_json::json!({"index": index, "embedding": embedding(text)}))
                    .collect();
                let body = serde_json::json!({ "data": items }).to_string();
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + &body).as_bytes()).unwrap();
            }
        });
        (url, seen)
    }

    fn endpoint(url: &str) -> Endpoint {
        let settings = EndpointSettings {
            url: url.to_owned(),
            model: "tiny".to_owned(),
            key: None,
            allowed_hosts: vec!["127.0.0.1".to_owned()],
            timeout: Duration::from_millis(300),
            batch: 4,
            attempts: 3,
            pause: Duration::from_millis(1),
        };
        Endpoint::new(settings, RUNTIME.handle().clone()).unwrap()
    }

    const TEXTS: [&str; 6] = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff"];

    fn is_right(rows: &[Vec<f32>]) -> bool {
        rows.len() == 6
            && rows
                .iter()
                .zip(TEXTS)
                .all(|(row, text)| *row == embedding(text))
    }

    #[test]
    fn batches_failures_and_half_answers_come_out_whole() {
        let (url, seen) = server(|_| Some((200, 99)));
        assert!(is_right(&endpoint(&url).rows(&TEXTS).unwrap()));
        assert_eq!(seen.load(Ordering::SeqCst), 2);
        let (url, seen) = server(|n| Some(if n == 0 { (500, 0) } else { (200, 99) }));
        assert!(is_right(&endpoint(&url).rows(&TEXTS).unwrap()));
        assert_eq!(seen.load(Ordering::SeqCst), 3);
        // Half of each batch: the rest is asked again.
        let (url, seen) = server(|_| Some((200, 2)));
        assert!(is_right(&endpoint(&url).rows(&TEXTS).unwrap()));
        assert_eq!(seen.load(Ordering::SeqCst), 3);
        // The first request is never answered.
        let (url, _) = server(|n| (n > 0).then_some((200, 99)));
        assert!(is_right(&endpoint(&url).rows(&TEXTS).unwrap()));
    }

    #[test]
    fn what_stays_broken_is_an_error_that_says_so() {
        let told = |act| {
            let (url, seen) = server(act);
            let error = endpoint(&url).rows(&TEXTS).unwrap_err().to_string();
            (error, seen.load(Ordering::SeqCst))
        };
        let (error, asked) = told(|_| Some((500, 0)));
        assert!(error.contains("500") && error.contains("4 of 4"), "{error}");
        assert_eq!(asked, 3);
        let (error, asked) = told(|_| Some((401, 0)));
        assert!(error.contains("401"), "{error}");
        assert_eq!(asked, 1, "a wrong key does not become right");
        let (error, _) = told(|_| None);
        assert!(error.contains("within 300 ms"), "{error}");
        let (error, _) = told(|n| Some((200, usize::from(n == 0))));
        assert!(error.contains("3 of 4"), "{error}");
    }

    #[test]
    fn only_listed_hosts_are_spoken_to() {
        let of = |url: &str| {
            let mut settings = endpoint("http://127.0.0.1:9/").settings;
            url.clone_into(&mut settings.url);
            Endpoint::new(settings, RUNTIME.handle().clone()).map(drop)
        };
        let error = of("http://models.example/v1").unwrap_err();
        assert!(matches!(error, ModelError::HostNotAllowed { host } if host == "models.example"));
        assert!(of("ftp://127.0.0.1/").is_err() && of("models").is_err());
        assert!(of("http://127.0.0.1.evil.example/").is_err());
        assert!(of("http://127.0.0.1@evil.example/").is_err());
    }
}
