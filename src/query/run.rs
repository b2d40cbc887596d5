//! One query from its statement to its last row, on the query runtime.
//!
//! Invariants: what runs was planned from the checked tree and checked again as a plan; the task stops at the
//! deadline, at the row limit, when the caller has gone and at shutdown, whichever is first. Not here:
//! admission (`engine`), the caller's side (`answer`).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{ParamValues, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::sql::parser::Statement;
use futures::{StreamExt, TryFutureExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::answer::Item;
use super::catalog::{Access, Snapshot, Versions};
use super::engine::{Binding, Inner, Job, Source};
use super::error::QueryError;
use super::export::type_name;
use super::guard;
use super::header::Header;
use super::log::{Ended, QueryLog};
use super::metrics::Circumstances;
use super::parameters;
use crate::error::Coded;
use crate::telemetry;

/// What the caller learns before the first row.
pub(super) struct Opened {
    pub(super) schema: SchemaRef,
    pub(super) truncated: Arc<AtomicBool>,
    pub(super) versions: Versions,
}

/// A query that runs.
pub(super) struct Task {
    inner: Arc<Inner>,
    job: Job,
    deadline: Instant,
    limit_s: u64,
    max_rows: u64,
}

/// Says in the log how a query ended, also when its task dies.
struct Record {
    log: Arc<QueryLog>,
    id: i64,
    door: &'static str,
    started: Instant,
    rows: u64,
    code: Option<&'static str>,
}

impl Drop for Record {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        self.log.end(
            self.id,
            Ended {
                code: self.code,
                rows: self.rows,
                duration,
            },
        );
        telemetry::query(self.door, self.code.unwrap_or("ok"), duration);
    }
}

impl Task {
    pub(super) fn new(
        inner: Arc<Inner>,
        job: Job,
        deadline: Instant,
        limit_s: u64,
        max_rows: u64,
    ) -> Self {
        Self {
            inner,
            job,
            deadline,
            limit_s,
            max_rows,
        }
    }

    /// Checks a caller's text; its shape goes to the list of queries.
    fn check(&mut self) -> Result<Statement, QueryError> {
        match &self.job.statement {
            Source::Checked(statement) => Ok(statement.clone()),
            Source::Text(text) => {
                let checked = guard::check(text)?;
                self.job.begun.shape = checked.shape;
                Ok(checked.statement)
            }
        }
    }

    pub(super) async fn run(
        mut self,
        mut ready: oneshot::Sender<Result<Opened, QueryError>>,
        rows: mpsc::Sender<Item>,
    ) {
        let started = Instant::now();
        let statement = self.check();
        let door = self.job.begun.door;
        let mut record = Record {
            log: Arc::clone(&self.inner.log),
            id: self.inner.log.begin(self.job.begun.clone()),
            door,
            started,
            rows: 0,
            code: Some(crate::error::ErrorCode::Internal.as_str()),
        };
        let opened = async { self.open(statement?).await };
        let opened = tokio::select! {
            biased;
            () = ready.closed() => Err(QueryError::Cancelled),
            stop = self.stopped() => Err(stop),
            opened = opened => opened,
        };
        let (stream, opened) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                record.code = Some(error.code().as_str());
                log_internal(&error);
                drop(record);
                // The caller may have gone.
                drop(ready.send(Err(error)));
                return;
            }
        };
        let truncated = Arc::clone(&opened.truncated);
        drop(ready.send(Ok(opened)));
        let ended = self.produce(stream, &rows, &truncated, &mut record).await;
        record.code = ended.as_ref().err().map(|error| error.code().as_str());
        let last = match ended {
            Ok(()) => Item::End,
            Err(error) => {
                log_internal(&error);
                Item::Failed(error)
            }
        };
        drop(record);
        // A full channel of a caller that reads on takes it; one that has gone does not matter.
        tokio::select! {
            biased;
            () = rows.closed() => {}
            _ = rows.send(last) => {}
        }
    }

    /// Ends when the query has to stop.
    async fn stopped(&self) -> QueryError {
        tokio::select! {
            () = self.inner.shutdown.cancelled() => QueryError::Cancelled,
            () = sleep_until(self.deadline) => QueryError::Timeout { limit_s: self.limit_s },
        }
    }

    async fn open(
        &self,
        statement: Statement,
    ) -> Result<(SendableRecordBatchStream, Opened), QueryError> {
        let limit = self.inner.limits.max_memory_bytes;
        let snapshot = match &self.job.snapshot {
            Some(snapshot) => Arc::clone(snapshot),
            None => self.inner.catalog.snapshot().await?,
        };
        let (state, plan) = plan(&self.inner, &snapshot, statement, &self.job).await?;
        let stream = execute_stream(plan, state.task_ctx())
            .map_err(|error| QueryError::execution(error, limit))?;
        let opened = Opened {
            schema: stream.schema(),
            truncated: Arc::new(AtomicBool::new(false)),
            versions: snapshot.versions.clone(),
        };
        Ok((stream, opened))
    }

    async fn produce(
        &self,
        mut stream: SendableRecordBatchStream,
        rows: &mpsc::Sender<Item>,
        truncated: &AtomicBool,
        record: &mut Record,
    ) -> Result<(), QueryError> {
        let limit = self.inner.limits.max_memory_bytes;
        let stopped = self.stopped();
        tokio::pin!(stopped);
        loop {
            let next = tokio::select! {
                biased;
                () = rows.closed() => return Err(QueryError::Cancelled),
                stop = &mut stopped => return Err(stop),
                next = stream.next() => next,
            };
            let Some(batch) = next else { return Ok(()) };
            let batch = batch.map_err(|error| QueryError::execution(error, limit))?;
            if batch.num_rows() == 0 {
                continue;
            }
            let left = self.max_rows.saturating_sub(record.rows);
            let (batch, is_cut) = cut(batch, left);
            if is_cut {
                truncated.store(true, Ordering::Release);
            }
            record.rows += batch.num_rows() as u64;
            let sent = async {
                if batch.num_rows() == 0 {
                    Ok(())
                } else {
                    rows.send(Item::Rows(batch)).await
                }
            };
            tokio::select! {
                biased;
                stop = &mut stopped => return Err(stop),
                sent = sent => sent.map_err(|_| QueryError::Cancelled)?,
            }
            if is_cut {
                return Ok(());
            }
        }
    }
}

/// At most `left` rows, and whether rows were cut.
fn cut(batch: RecordBatch, left: u64) -> (RecordBatch, bool) {
    let left = usize::try_from(left).unwrap_or(usize::MAX);
    if batch.num_rows() <= left {
        return (batch, false);
    }
    (batch.slice(0, left), true)
}

/// Failures of ours are logged here once, with their cause; the caller sees none of it.
fn log_internal(error: &QueryError) {
    match error {
        QueryError::Internal {
            what,
            source: Some(_),
        } => {
            // The cause can quote rows: its kind is enough to look for, its text stays out.
            tracing::error!(what, "query failed inside the engine");
        }
        QueryError::Lake(source) => {
            tracing::error!(error = %source, "query could not read the lake")
        }
        _ => {}
    }
}

type Planned = (SessionState, Arc<dyn ExecutionPlan>);

async fn plan(
    inner: &Inner,
    snapshot: &Arc<Snapshot>,
    statement: Statement,
    job: &Job,
) -> Result<Planned, QueryError> {
    let limit = inner.limits.max_memory_bytes;
    let state = session(inner, snapshot, job.access, job.shows_files)?;
    let (statement, used) = super::metrics::expand(
        statement,
        &Circumstances {
            registry: &inner.registry,
            watermark: inner.catalog.watermark(),
            values: match &job.binding {
                Binding::Positional(values) => values,
                Binding::Named(..) => &[],
            },
        },
    )?;
    check_tables(&state, &statement)?;
    let planning = |error| QueryError::planning(error, limit);
    let logical = state.statement_to_plan(statement).map_err(planning).await?;
    verify(&logical)?;
    let values = values(&logical, &job.binding, &used, limit)?;
    let logical = logical.with_param_values(values).map_err(planning)?;
    verify(&logical)?;
    let physical = state
        .create_physical_plan(&logical)
        .map_err(planning)
        .await?;
    let physical = yielding(physical).map_err(planning)?;
    Ok((state, physical))
}

/// Makes operators that multiply rows give their thread back now and then. The engine does so only where rows
/// enter, so a join of few rows that makes many would run past its deadline and keep its thread.
fn yielding(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let wrapped = plan.transform_up(|node| {
        let multiplies = node.name().ends_with("JoinExec") || node.name() == "UnnestExec";
        if !multiplies {
            return Ok(Transformed::no(node));
        }
        Ok(Transformed::yes(
            Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>
        ))
    });
    wrapped.map(|wrapped| wrapped.data)
}

fn session(
    inner: &Inner,
    snapshot: &Arc<Snapshot>,
    access: Access,
    shows_files: bool,
) -> Result<SessionState, QueryError> {
    let mut builder = snapshot
        .session(access)
        .with_runtime_env(inner.environment()?);
    if let Some(settings) = builder.config() {
        settings.options_mut().explain.logical_plan_only = !shows_files;
    }
    Ok(builder.build())
}

/// The second check, on the plan.
fn verify(plan: &LogicalPlan) -> Result<(), QueryError> {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(plan)
        .map_err(|_| QueryError::NotReadOnly("a statement that changes something".to_owned()))
}

/// Names unknown tables before the planner does, so that the caller learns which.
fn check_tables(state: &SessionState, statement: &Statement) -> Result<(), QueryError> {
    let references = state
        .resolve_table_references(statement)
        .map_err(|error| QueryError::planning(error, usize::MAX))?;
    for reference in references {
        if is_known(state, &reference) {
            continue;
        }
        return Err(QueryError::UnknownTable(reference.to_string()));
    }
    Ok(())
}

fn is_known(state: &SessionState, reference: &TableReference) -> bool {
    let is_function = reference.schema().is_none()
        && state
            .table_functions()
            .contains_key(&reference.table().to_lowercase());
    if is_function {
        return true;
    }
    let schema = state.schema_for_ref(reference.clone());
    schema.is_ok_and(|schema| schema.table_exist(reference.table()))
}

fn values(
    plan: &LogicalPlan,
    binding: &Binding,
    used: &BTreeSet<usize>,
    limit_bytes: usize,
) -> Result<ParamValues, QueryError> {
    match binding {
        Binding::Named(declared, given) => parameters::named(declared, given),
        Binding::Positional(given) => {
            let types: HashMap<String, Option<DataType>> = plan
                .get_parameter_types()
                .map_err(|error| QueryError::planning(error, limit_bytes))?;
            parameters::positional(given, &types, used)
        }
    }
}

/// See [`super::Engine::explain_check`].
pub(super) async fn check_files(inner: &Inner) -> Vec<String> {
    let snapshot = match inner.catalog.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(error) => return vec![error.to_string()],
    };
    let mut mistakes = Vec::new();
    for (name, relation) in &inner.library.relations {
        let checked = match guard::check(&format!("select * from {name}")) {
            Ok(checked) => checked.statement,
            Err(error) => {
                mistakes.push(format!("{name}: {error}"));
                continue;
            }
        };
        let job = Job::of_file(Binding::Positional(Vec::new()));
        let schema = plan(inner, &snapshot, checked, &job)
            .await
            .map(|(_, plan)| plan.schema());
        compare(schema, &relation.header, &mut mistakes);
    }
    for query in &inner.library.named {
        let mut params = query.params().to_vec();
        // Required ones are planned as null of their type.
        params.iter_mut().for_each(|param| param.required = false);
        let binding = Binding::Named(params, std::collections::BTreeMap::new());
        let job = Job::of_file(binding);
        let schema = plan(inner, &snapshot, query.statement.clone(), &job)
            .await
            .map(|(_, plan)| plan.schema());
        compare(schema, &query.header, &mut mistakes);
    }
    mistakes
}

fn compare(schema: Result<SchemaRef, QueryError>, header: &Header, mistakes: &mut Vec<String>) {
    let name = &header.name;
    let schema = match schema {
        Ok(schema) => schema,
        Err(error) => {
            let cause = std::error::Error::source(&error);
            let cause = cause.map_or(String::new(), |cause| format!(": {cause}"));
            mistakes.push(format!("{name}: {error}{cause}"));
            return;
        }
    };
    let planned = schema.fields().iter();
    let planned: Vec<String> = planned
        .map(|field| format!("{} {}", field.name(), type_name(field.data_type())))
        .collect();
    let said = header
        .columns
        .iter()
        .map(|column| format!("{} {}", column.name, column.kind));
    let said: Vec<String> = said.collect();
    let fits = if said.is_empty() || !header.is_complete {
        said.iter().all(|column| planned.contains(column))
    } else {
        said == planned
    };
    if !fits {
        let (said, planned) = (said.join(", "), planned.join(", "));
        mistakes.push(format!(
            "{name}: the header says ({said}), the statement gives ({planned})"
        ));
    }
}
