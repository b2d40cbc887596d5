//! The engine behind every read-only door.
//!
//! A query goes through: permission of the role, guard on the parsed statement, admission, planning against one
//! snapshot with the role's relations, a second check on the plan, and a task on the query runtime that owns
//! the rows until the caller takes them. Invariants: no caller can write, read files or lift a limit; every
//! query has its own memory pool, deadline and row limit; a slot is given back only when its task has really
//! ended. Not here: HTTP, the Postgres wire, encodings (`export`).

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;
use serde_json::Value;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, BatchStream, GRACE};
use super::catalog::{Access, Catalog, SCHEMA, Snapshot};
use super::error::QueryError;
use super::files::{Library, NamedQuery};
use super::functions;
use super::header::{Header, Param};
use super::log::{Begun, QueryLog};
use super::metrics::{
    CompareRequest, Compared, Definition, MetricRequest, MetricSettings, Registry,
};
use super::run::{Opened, Task};
use super::system::{Inside, System};
use crate::config;
use crate::domain::{Permission, Role};
use crate::lake::Lake;

/// The limits of every query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From the request to the last row.
    pub timeout: Duration,
    /// Rows of an answer.
    pub max_rows: u64,
    /// Memory of one query, in bytes.
    pub max_memory_bytes: usize,
    /// Queries at once.
    pub max_concurrent: usize,
    /// Queries that wait for a slot; more are refused at once.
    pub max_waiting: usize,
    /// Where sorts and joins may put what does not fit into memory; `None`: nowhere.
    pub spill: Option<Spill>,
}

/// Room on a disk for one query's intermediate rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spill {
    /// A folder that only we use; emptied by whoever starts the process.
    pub folder: PathBuf,
    /// Bytes that one query may take.
    pub max_bytes: u64,
}

impl From<&config::Query> for Limits {
    fn from(section: &config::Query) -> Self {
        let max_concurrent = usize::try_from(section.max_concurrent.get()).unwrap_or(1);
        Self {
            timeout: Duration::from_secs(section.timeout_s.get()),
            max_rows: section.max_rows.get(),
            max_memory_bytes: usize::try_from(section.max_memory_bytes.get()).unwrap_or(usize::MAX),
            max_concurrent,
            max_waiting: max_concurrent * 16,
            spill: None,
        }
    }
}

/// A statement of a caller.
#[derive(Debug, Clone)]
pub struct Request {
    /// One statement that only reads.
    pub sql: String,
    /// The values of `$1`, `$2`, …; bound, never formatted into the statement.
    pub parameters: Vec<Value>,
    /// Who asks.
    pub role: Role,
    /// Which door: `rest`, `pgwire`, `cli` or another closed word, for logs and metrics.
    pub door: &'static str,
    /// Fewer rows than the limit.
    pub max_rows: Option<u64>,
    /// Less time than the limit.
    pub timeout: Option<Duration>,
}

impl Request {
    /// A statement without parameters, under the engine's limits, through the door `rest`.
    pub fn new(sql: impl Into<String>, role: Role) -> Self {
        Self {
            sql: sql.into(),
            parameters: Vec::new(),
            role,
            door: "rest",
            max_rows: None,
            timeout: None,
        }
    }
}

/// A call of a named query.
#[derive(Debug, Clone)]
pub struct NamedRequest {
    /// Its name.
    pub name: String,
    /// Values by parameter name.
    pub parameters: BTreeMap<String, Value>,
    /// Who asks.
    pub role: Role,
    /// Which door, as in [`Request::door`].
    pub door: &'static str,
    /// Fewer rows than the limit.
    pub max_rows: Option<u64>,
    /// Less time than the limit.
    pub timeout: Option<Duration>,
}

impl NamedRequest {
    /// A call under the engine's limits, through the door `rest`.
    pub fn new(name: impl Into<String>, parameters: BTreeMap<String, Value>, role: Role) -> Self {
        Self {
            name: name.into(),
            parameters,
            role,
            door: "rest",
            max_rows: None,
            timeout: None,
        }
    }
}

/// Runs queries; cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(super) struct Inner {
    lake: Arc<Lake>,
    pub(super) library: Arc<Library>,
    pub(super) registry: Registry,
    pub(super) catalog: Catalog,
    pub(super) limits: Limits,
    pub(super) log: Arc<QueryLog>,
    pub(super) shutdown: CancellationToken,
    environment: Arc<RuntimeEnv>,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    runtime: Handle,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

/// Walking the deepest statement that the guard lets through takes up to 8 MiB in a debug build.
const STACK_BYTES: usize = 32 << 20;

/// The runtime that queries have for themselves: one thread for each processor, with room for deep statements.
///
/// # Errors
/// When threads can't be made.
pub fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_name("query")
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
}

/// Footers of Parquet files kept in memory, for all queries together.
const METADATA_CACHE_BYTES: usize = 128 << 20;

impl Engine {
    /// An engine over `lake` whose queries run on `runtime`, which [`super::runtime`] has made.
    ///
    /// # Errors
    /// When an embedded file is broken (a test holds that) or the engine can't be set up.
    pub fn new(
        lake: Arc<Lake>,
        limits: Limits,
        inside: Arc<dyn Inside>,
        runtime: Handle,
    ) -> Result<Self, QueryError> {
        Self::with_library(lake, limits, inside, runtime, Library::embedded()?)
    }

    pub(super) fn with_library(
        lake: Arc<Lake>,
        limits: Limits,
        inside: Arc<dyn Inside>,
        runtime: Handle,
        library: Library,
    ) -> Result<Self, QueryError> {
        let environment = RuntimeEnvBuilder::new()
            .with_metadata_cache_limit(METADATA_CACHE_BYTES)
            .build_arc()
            .map_err(|error| QueryError::internal("setting up the query engine", error))?;
        let base = base_session(Arc::clone(&environment))?;
        let log = Arc::new(QueryLog::default());
        let system = System::new(Arc::clone(&lake), inside, Arc::clone(&log));
        let headers = library.relations.iter();
        let headers = headers.map(|(name, relation)| (*name, &relation.header));
        let registry = Registry::embedded(headers, MetricSettings::default())?;
        let library = Arc::new(library);
        let catalog = Catalog::new(
            Arc::clone(&lake),
            Arc::clone(&library),
            Arc::new(system),
            base,
        );
        Ok(Self(Arc::new(Inner {
            lake,
            library,
            registry,
            catalog,
            slots: Arc::new(Semaphore::new(limits.max_concurrent)),
            limits,
            log,
            shutdown: CancellationToken::new(),
            environment,
            waiting: AtomicUsize::new(0),
            runtime,
        })))
    }

    /// Runs a statement. The answer's rows are of one state of all tables.
    ///
    /// # Errors
    /// See [`QueryError`]; errors found while rows are produced come through the answer's stream.
    pub async fn run(&self, request: Request) -> Result<Answer, QueryError> {
        allow(request.role, Permission::Sql)?;
        let begun = Begun {
            door: request.door,
            role: request.role.as_str(),
            name: None,
            shape: String::new(),
        };
        let job = Job {
            statement: Source::Text(request.sql),
            binding: Binding::Positional(request.parameters),
            access: Access::Role(request.role),
            shows_files: request.role.allows(Permission::RawTables),
            begun,
            max_rows: request.max_rows,
            timeout: request.timeout,
            snapshot: None,
        };
        self.start(job).await
    }

    /// Every named query; `GET /v1/queries` shows those whose `needs` is [`Permission::Queries`].
    #[must_use]
    pub fn named(&self) -> &[NamedQuery] {
        &self.0.library.named
    }

    /// The relations of schema `tingchao` with what their headers say.
    pub fn relations(&self) -> impl Iterator<Item = &Header> {
        self.0
            .library
            .relations
            .values()
            .map(|relation| &relation.header)
    }

    /// Runs a named query; it takes the query's own permission and reads what the query reads.
    ///
    /// # Errors
    /// As [`Engine::run`], and [`QueryError::UnknownQuery`].
    pub async fn run_named(&self, request: NamedRequest) -> Result<Answer, QueryError> {
        let mut all = self.0.library.named.iter();
        let Some(query) = all.find(|query| query.name() == request.name) else {
            return Err(QueryError::UnknownQuery(
                request.name.chars().take(100).collect(),
            ));
        };
        allow(request.role, query.needs)?;
        let begun = Begun {
            door: request.door,
            role: request.role.as_str(),
            name: Some(request.name),
            shape: String::new(),
        };
        let job = Job {
            statement: Source::Checked(query.statement.clone()),
            binding: Binding::Named(query.params().to_vec(), request.parameters),
            access: Access::Everything,
            shows_files: false,
            begun,
            max_rows: request.max_rows,
            timeout: request.timeout,
            snapshot: None,
        };
        self.start(job).await
    }

    /// This engine with costs and opening hours; to be called before it is shared.
    #[must_use]
    pub fn with_metric_settings(mut self, settings: MetricSettings) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.registry.settings = settings;
        }
        self
    }

    /// Every metric.
    #[must_use]
    pub fn metrics(&self) -> &Registry {
        &self.0.registry
    }

    /// Answers a question to a metric, with the definition that it follows.
    ///
    /// # Errors
    /// As [`Engine::run`]; mistakes of the request are [`QueryError::Parameters`].
    pub async fn run_metric(
        &self,
        request: &MetricRequest,
        max_rows: u64,
        role: Role,
    ) -> Result<(&Definition, Answer), QueryError> {
        allow(role, Permission::Metrics)?;
        let inner = &self.0;
        let watermark = inner.catalog.watermark();
        let snapshot = inner.catalog.snapshot().await?;
        let days = snapshot.stored.cell_days();
        let made = inner
            .registry
            .statement_over(request, watermark, days.as_ref())?;
        let (definition, mut statement, by_cells) = made;
        if by_cells && !self.load_cells(&snapshot, &request.metric).await? {
            (_, statement) = inner.registry.statement(request, watermark)?;
        }
        let answer = self.run_at(statement, &request.metric, max_rows, role, Some(snapshot));
        Ok((definition, answer.await?))
    }

    /// As [`Engine::run_metric`], by definitions of a test.
    #[cfg(test)]
    pub(crate) async fn run_metric_of(
        &self,
        registry: &Registry,
        request: &MetricRequest,
    ) -> Result<Answer, QueryError> {
        let (_, statement) = registry.statement(request, None)?;
        self.run_checked(statement, "test", u64::MAX, Role::Admin)
            .await
    }

    /// What explains the difference of several definitions: a row for each group of interactions that they judge
    /// alike, but differently from each other.
    ///
    /// # Errors
    /// As [`Engine::run_metric`].
    pub async fn run_comparison(
        &self,
        request: &CompareRequest,
        role: Role,
    ) -> Result<(Compared, Answer), QueryError> {
        allow(role, Permission::Metrics)?;
        let (compared, statement) = self.0.registry.comparison(request)?;
        let answer = self.run_checked(statement, "compare", u64::MAX, role);
        Ok((compared, answer.await?))
    }

    /// Runs a statement of ours.
    async fn run_checked(
        &self,
        statement: Statement,
        name: &str,
        max_rows: u64,
        role: Role,
    ) -> Result<Answer, QueryError> {
        self.run_at(statement, name, max_rows, role, None).await
    }

    /// Runs a statement of ours over `snapshot`, or the newest one.
    async fn run_at(
        &self,
        statement: Statement,
        name: &str,
        max_rows: u64,
        role: Role,
        snapshot: Option<Arc<Snapshot>>,
    ) -> Result<Answer, QueryError> {
        let job = Job {
            statement: Source::Checked(statement),
            binding: Binding::Positional(Vec::new()),
            access: Access::Everything,
            shows_files: false,
            begun: Begun {
                door: "rest",
                role: role.as_str(),
                name: Some(name.to_owned()),
                shape: String::new(),
            },
            max_rows: Some(max_rows),
            timeout: None,
            snapshot,
        };
        self.start(job).await
    }

    /// Looks for commits of other processes. Commits of this process are seen without it.
    ///
    /// # Errors
    /// When a log can't be read.
    pub async fn refresh(&self) -> Result<(), QueryError> {
        self.0.lake.refresh().await?;
        self.0.catalog.snapshot().await.map(drop)
    }

    /// Plans every relation and named query and compares the columns with the headers. One sentence for each
    /// mistake; empty when all is well.
    pub async fn explain_check(&self) -> Vec<String> {
        super::run::check_files(&self.0).await
    }

    /// Stops all queries with [`QueryError::Cancelled`]; later ones are stopped at once.
    pub fn shutdown(&self) {
        self.0.shutdown.cancel();
    }

    pub(super) fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    pub(super) fn library(&self) -> &Library {
        &self.0.library
    }

    pub(super) fn lake(&self) -> &Arc<Lake> {
        &self.0.lake
    }

    /// A statement of our own over a snapshot that callers don't see.
    pub(super) async fn maintain_at(
        &self,
        sql: String,
        snapshot: Arc<Snapshot>,
    ) -> Result<Answer, QueryError> {
        let begun = Begun {
            door: "maintenance",
            role: Role::Admin.as_str(),
            name: None,
            shape: String::new(),
        };
        let job = Job {
            statement: Source::Text(sql),
            binding: Binding::Positional(Vec::new()),
            access: Access::Everything,
            shows_files: false,
            begun,
            max_rows: None,
            timeout: None,
            snapshot: Some(snapshot),
        };
        self.start(job).await
    }

    /// Where queries run.
    pub(super) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    async fn start(&self, job: Job) -> Result<Answer, QueryError> {
        let inner = &self.0;
        let timeout = job.timeout.map_or(inner.limits.timeout, |asked| {
            asked.min(inner.limits.timeout)
        });
        let max_rows = job.max_rows.map_or(inner.limits.max_rows, |asked| {
            asked.min(inner.limits.max_rows)
        });
        let limit_s = timeout.as_secs().max(1);
        let deadline = Instant::now() + timeout;
        let permit = inner.admit(deadline).await?;
        let (rows_in, rows_out) = mpsc::channel(CHANNEL_BATCHES);
        let (ready, opened) = oneshot::channel();
        let task = Task::new(Arc::clone(inner), job, deadline, limit_s, max_rows);
        inner.runtime.spawn(async move {
            task.run(ready, rows_in).await;
            drop(permit);
        });
        let Opened {
            schema,
            truncated,
            versions,
        } = match timeout_at(deadline + GRACE, opened).await {
            Ok(Ok(opened)) => opened?,
            // The task died: a panic in the engine, or the runtime is gone.
            Ok(Err(_)) => {
                return Err(QueryError::Internal {
                    what: "planning the query",
                    source: None,
                });
            }
            Err(_) => return Err(QueryError::Timeout { limit_s }),
        };
        let batches = BatchStream::new(rows_out, deadline, limit_s);
        Ok(Answer {
            schema,
            batches,
            truncated,
            max_rows,
            versions,
        })
    }
}

/// Batches that wait for a slow caller.
const CHANNEL_BATCHES: usize = 4;

/// A statement, checked already when it is ours.
pub(super) enum Source {
    Text(String),
    Checked(Statement),
}

/// A statement with all that it takes to run it.
pub(super) struct Job {
    pub(super) statement: Source,
    pub(super) binding: Binding,
    pub(super) access: Access,
    /// Whether EXPLAIN may show the physical plan, which names data files.
    pub(super) shows_files: bool,
    pub(super) begun: Begun,
    max_rows: Option<u64>,
    timeout: Option<Duration>,
    /// The state to read; `None`: the newest.
    pub(super) snapshot: Option<Arc<Snapshot>>,
}

impl Job {
    /// The circumstances under which embedded files are planned, to check them.
    pub(super) fn of_file(binding: Binding) -> Self {
        let (name, shape) = (None, String::new());
        Self {
            statement: Source::Text(String::new()),
            binding,
            access: Access::Everything,
            shows_files: true,
            begun: Begun {
                door: "check",
                role: Role::Admin.as_str(),
                name,
                shape,
            },
            max_rows: None,
            timeout: None,
            snapshot: None,
        }
    }
}

/// Values for placeholders.
pub(super) enum Binding {
    Positional(Vec<Value>),
    Named(Vec<Param>, BTreeMap<String, Value>),
}

fn allow(role: Role, needs: Permission) -> Result<(), QueryError> {
    if role.allows(needs) {
        Ok(())
    } else {
        Err(QueryError::NotAllowed { role, needs })
    }
}

/// One more in the queue while it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Inner {
    async fn admit(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, QueryError> {
        if let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() {
            return Ok(permit);
        }
        let overloaded = |waiting| QueryError::Overloaded {
            running: self.limits.max_concurrent,
            waiting,
        };
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.limits.max_waiting {
            return Err(overloaded(before));
        }
        match timeout_at(deadline, Arc::clone(&self.slots).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(QueryError::Cancelled),
            Err(_) => Err(overloaded(before)),
        }
    }

    /// The environment of one query: shared caches and stores, memory and spill room of its own.
    pub(super) fn environment(&self) -> Result<Arc<RuntimeEnv>, QueryError> {
        use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
        use datafusion::execution::memory_pool::{
            FairSpillPool, GreedyMemoryPool, MemoryPool, TrackConsumersPool,
        };
        let disk = match &self.limits.spill {
            None => DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled),
            Some(spill) => DiskManagerBuilder::default()
                .with_mode(DiskManagerMode::Directories(vec![spill.folder.clone()]))
                .with_max_temp_directory_size(spill.max_bytes),
        };
        let (bytes, top) = (self.limits.max_memory_bytes, std::num::NonZeroUsize::MIN);
        // Fair shares make sense for operators that can spill what is beyond theirs; without room to spill,
        // a plan of many sorts would fail with most of its memory unused.
        let pool: Arc<dyn MemoryPool> = match &self.limits.spill {
            None => Arc::new(TrackConsumersPool::new(GreedyMemoryPool::new(bytes), top)),
            Some(_) => Arc::new(TrackConsumersPool::new(FairSpillPool::new(bytes), top)),
        };
        let builder = RuntimeEnvBuilder::from_runtime_env(&self.environment)
            .with_memory_pool(pool)
            .with_disk_manager_builder(disk);
        builder
            .build_arc()
            .map_err(|error| QueryError::internal("setting up a query", error))
    }
}

/// Functions and settings of every session, without relations.
fn base_session(environment: Arc<RuntimeEnv>) -> Result<SessionState, QueryError> {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let mut settings = SessionConfig::new()
        .with_default_catalog_and_schema(SCHEMA, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true)
        .with_target_partitions(cpus);
    let options = settings.options_mut();
    options.sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    options.sql_parser.enable_ident_normalization = true;
    options.execution.time_zone = Some("UTC".to_owned());
    // Views of strings share buffers, and every batch that refers to one counts it as its own: sorts and joins
    // would reach the memory limit with a third of it in use.
    options.execution.parquet.schema_force_view_types = false;
    // Rows that a filter drops are not decoded; texts are most of a turn.
    options.execution.parquet.pushdown_filters = true;
    // In-lists of a join's keys can panic on dictionary columns; hash lookups do the same work.
    options.optimizer.hash_join_inlist_pushdown_max_size = 0;
    options
        .optimizer
        .hash_join_inlist_pushdown_max_distinct_values = 0;
    let mut state = SessionStateBuilder::new()
        .with_config(settings)
        .with_runtime_env(environment)
        .with_default_features()
        .build();
    functions::bound(&mut state)
        .map_err(|error| QueryError::internal("setting up the query engine", error))?;
    Ok(state)
}
