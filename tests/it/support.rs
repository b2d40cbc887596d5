//! The real binary as a child process, a small HTTP client, and waiting with bounds.
//!
//! Invariants: only children started here are ended, by their handle; at most two run at once, since a test
//! machine may have two cores; whatever is waited for has a bound and a failure shows the child's log.
//! Not here: what the tests expect.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The binary under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_tingchao");

/// The signal of `abort`, by which a failure point ends the process.
pub const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

const AT_ONCE: usize = 2;
const READY_WITHIN: Duration = Duration::from_secs(60);
const ANSWER_WITHIN: Duration = Duration::from_secs(90);

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

thread_local! {
    /// Places that this test holds.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// One of the places for a running child. A test that has one already gets more at once: two tests that waited for
/// each other's would wait for ever.
struct Permit {
    is_first: bool,
}

impl Permit {
    fn take() -> Self {
        let is_first = HELD.replace(HELD.get() + 1) == 0;
        if is_first {
            let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            let mut running = ENDED
                .wait_while(running, |running| *running >= AT_ONCE)
                .unwrap_or_else(PoisonError::into_inner);
            *running += 1;
        }
        Self { is_first }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        HELD.set(HELD.get().saturating_sub(1));
        if self.is_first {
            *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            ENDED.notify_one();
        }
    }
}

/// Waits a moment between two looks at a condition.
#[expect(clippy::disallowed_methods, reason = "a test waits on its own thread")]
pub fn pause(wait: Duration) {
    std::thread::sleep(wait);
}

/// A setting of the test run.
#[expect(
    clippy::disallowed_methods,
    reason = "the length of a run is chosen where it is started"
)]
pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Looks until `found` gives something; fails after `within`.
pub fn wait_for<T>(what: &str, within: Duration, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(
            begun.elapsed() < within,
            "{what}: not within {} s",
            within.as_secs()
        );
        pause(Duration::from_millis(50));
    }
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A temporary folder with a data folder in it, and the settings of the processes that use it.
pub struct Place {
    folder: TempDir,
    settings: BTreeMap<String, String>,
    config: Option<PathBuf>,
}

impl Place {
    /// A new one.
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            settings: BTreeMap::new(),
            config: None,
        }
    }

    /// With a settings file for every process started here.
    pub fn with_config(mut self, text: &str) -> Self {
        self.config = Some(self.file("tingchao.toml", text));
        self
    }

    /// With an environment variable for every process started here.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.insert(name.to_owned(), value.to_string());
        self
    }

    /// Flushes follow each other quickly and say so, so that little time shows many of them.
    pub fn quick(self) -> Self {
        self.with("TINGCHAO__LAKE__MAX_LATENCY_MS", 100)
            .with("TINGCHAO__LAKE__PROGRESS_INTERVAL_S", 1)
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A path beside the data folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file beside the data folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("the file can be written");
        path
    }

    /// A command on the data folder; `faults` is its plan of failures.
    pub fn command(&self, faults: Option<&str>) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .arg("--data")
            .arg(self.data())
            .current_dir(self.folder.path());
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        command
            .envs(&self.settings)
            .env_remove("TINGCHAO_FAULTS")
            .stdin(Stdio::null());
        if let Some(plan) = faults {
            command.env("TINGCHAO_FAULTS", plan);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str], faults: Option<&str>) -> Output {
        let _permit = Permit::take();
        self.command(faults)
            .args(arguments)
            .output()
            .expect("the program starts")
    }

    /// Runs a command that has to succeed; its standard output.
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, None);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Imports and gives the summary.
    pub fn import(&self, arguments: &[&str]) -> Value {
        let arguments = [&["import", "--json"], arguments].concat();
        serde_json::from_str(&self.done(&arguments)).expect("a summary in JSON")
    }

    /// Asks by the command line.
    pub fn query(&self, sql: &str) -> Vec<Vec<Value>> {
        let answer = self.done(&["query", "--format", "json", "--sql", sql]);
        rows_of(&serde_json::from_str(&answer).expect("an answer in JSON"))
    }

    /// Every byte below the data folder, by file.
    pub fn bytes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let (mut folders, mut found) = (vec![self.data()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.is_file() {
                    let content = fs::read(&path).expect("a file");
                    found.push((path, content));
                }
            }
        }
        found
    }
}

/// Bytes as text, for messages.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The rows of an answer of `POST /v1/sql`.
pub fn rows_of(answer: &Value) -> Vec<Vec<Value>> {
    assert_eq!(answer["truncated"], json!(false), "the answer was cut");
    serde_json::from_value(answer["rows"].clone()).expect("rows")
}

/// An answer of the server.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&self.body)))
    }
}

/// A running server.
pub struct Server {
    child: Child,
    key: Option<String>,
    http: String,
    admin: String,
    out: PathBuf,
    _permit: Permit,
}

impl Server {
    /// Starts `serve` (or `demo`) on the place and waits until it is ready.
    pub fn start(place: &Place, faults: Option<&str>, demo: bool) -> Self {
        let key = (!demo).then(|| admin_key(place));
        Self::launch(place, faults, key)
            .unwrap_or_else(|(_, log)| panic!("the server has ended: {log}"))
    }

    /// Starts; with a key it is `serve`, without one `demo`. A server that dies before it is ready gives its
    /// last signal and its log.
    pub fn launch(
        place: &Place,
        faults: Option<&str>,
        key: Option<String>,
    ) -> Result<Self, (Option<i32>, String)> {
        let permit = Permit::take();
        let out = place.path("server.log");
        let log = File::create(&out).expect("a log");
        let mut command = place.command(faults);
        match &key {
            Some(_) => command.arg("serve"),
            None => command.args(["demo", "--interactions", "60", "--days", "1"]),
        };
        command.args(["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.stdout(log.try_clone().expect("a log")).stderr(log);
        let child = command.spawn().expect("the program starts");
        let mut server = Self {
            child,
            key,
            http: String::new(),
            admin: String::new(),
            out,
            _permit: permit,
        };
        let begun = Instant::now();
        while !server.is_ready() {
            if let Some(status) = server.child.try_wait().expect("a status") {
                return Err((status.signal(), server.log()));
            }
            assert!(
                begun.elapsed() < READY_WITHIN,
                "not ready: {}",
                server.log()
            );
            pause(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn is_ready(&mut self) -> bool {
        if self.http.is_empty() {
            let log = self.log();
            let line = log
                .lines()
                .find(|line| line.trim_start().starts_with("REST"));
            let Some((_, address)) = line.and_then(|line| line.split_once("http://")) else {
                return false;
            };
            let host = |address: &str| {
                address
                    .split('/')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned()
            };
            let line = log
                .lines()
                .find(|line| line.trim_start().starts_with("metrics "));
            let Some((_, admin)) = line.and_then(|line| line.split_once("http://")) else {
                return false;
            };
            self.admin = host(admin);
            self.http = host(address);
        }
        self.request("GET", "/v1/health/ready", "", &[])
            .is_ok_and(|answer| answer.status == 200)
    }

    /// Host and port of its REST door.
    pub fn address(&self) -> &str {
        &self.http
    }

    /// The key that it is asked with.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    /// Asks with another key from now on.
    pub fn use_key(&mut self, key: &str) {
        self.key = Some(key.to_owned());
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        fs::read(&self.out)
            .map(|bytes| text(&bytes))
            .unwrap_or_default()
    }

    /// The value of a metric, added up over the series whose labels hold `label`.
    pub fn metric(&self, name: &str, label: &str) -> f64 {
        let answer = self.ask(&self.admin, "GET", "/metrics", "", &[]);
        let text = text(&answer.expect("the metrics").body);
        let series = text
            .lines()
            .filter(|line| line.starts_with(name) && line.contains(label));
        series
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// One request on a connection of its own.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        media: &str,
        body: &[u8],
    ) -> io::Result<Answer> {
        self.ask(&self.http, method, path, media, body)
    }

    fn ask(
        &self,
        address: &str,
        method: &str,
        path: &str,
        media: &str,
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_write_timeout(Some(ANSWER_WITHIN))?;
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        if let Some(key) = &self.key {
            head.push_str(&format!("Authorization: Bearer {key}\r\n"));
        }
        if !media.is_empty() {
            head.push_str(&format!("Content-Type: {media}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "half an answer"))
    }

    /// Posts lines of events.
    pub fn post_ndjson(&self, body: &[u8]) -> io::Result<Answer> {
        self.request("POST", "/v1/events", "application/x-ndjson", body)
    }

    /// Posts lines of events; all of it has to be taken.
    pub fn take(&self, body: &[u8]) -> Value {
        let answer = self
            .post_ndjson(body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.log()));
        assert_eq!(answer.status, 200, "{}", text(&answer.body));
        answer.json()
    }

    /// Runs a statement.
    pub fn sql(&self, sql: &str) -> Vec<Vec<Value>> {
        let body = json!({ "sql": sql }).to_string();
        let answer = self.request("POST", "/v1/sql", "application/json", body.as_bytes());
        let answer = answer.unwrap_or_else(|error| panic!("{sql}: {error}: {}", self.log()));
        assert_eq!(answer.status, 200, "{sql}: {}", text(&answer.body));
        rows_of(&answer.json())
    }

    /// The one number that a statement gives.
    pub fn number(&self, sql: &str) -> i64 {
        number(&self.sql(sql))
    }

    /// Whether the process runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it by SIGKILL, unless it has died already; the signal it died of.
    pub fn kill(mut self) -> Option<i32> {
        // It may have died by itself; the status tells.
        drop(self.child.kill());
        self.child.wait().expect("a status").signal()
    }

    /// Asks it to stop and waits for it.
    pub fn stop(mut self) {
        let id = self.child.id().to_string();
        let asked = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .expect("kill runs");
        assert!(asked.success(), "the server is gone: {}", self.log());
        let status = wait_for("the server's end", READY_WITHIN, || {
            self.child.try_wait().ok().flatten()
        });
        assert!(status.success(), "{status}: {}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left to be done about a child that has gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether a status is that of SIGKILL.
pub fn was_killed(signal: Option<i32>) -> bool {
    signal == Some(SIGKILL)
}

/// A new key of the role `admin`.
pub fn admin_key(place: &Place) -> String {
    place
        .done(&["keys", "create", "--name", "test", "--role", "admin"])
        .trim()
        .to_owned()
}

/// The number of an answer of one row and column.
pub fn number(rows: &[Vec<Value>]) -> i64 {
    let value = rows
        .first()
        .and_then(|row| row.first())
        .unwrap_or_else(|| panic!("no row"));
    value
        .as_i64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = text(answer.get(..end)?).to_ascii_lowercase();
    let body = answer.get(end + 4..)?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    if head.contains("transfer-encoding: chunked") {
        return Some(Answer {
            status,
            body: unchunk(body)?,
        });
    }
    let length = head.lines().find_map(|line| {
        line.strip_prefix("content-length:")?
            .trim()
            .parse::<usize>()
            .ok()
    });
    let whole = length.is_none_or(|length| length == body.len());
    whole.then(|| Answer {
        status,
        body: body.to_vec(),
    })
}

/// `None` when the last chunk is missing.
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size =
            usize::from_str_radix(text(rest.get(..line)?).split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let chunk = rest.get(line + 2..)?;
        body.extend_from_slice(chunk.get(..size)?);
        rest = chunk.get(size + 2..)?;
    }
}
