//! Schema `system`: what the process does now, as tables.
//!
//! `batches` (recent commits), `sources`, `jobs`, `queries`. Invariants: rows are made when a query scans the
//! table; statements appear with their literals hidden; nothing here shows customer text. Not here: who may
//! read it (`catalog`).

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use deltalake::DeltaTable;
use deltalake::kernel::Action;
use deltalake::logstore::get_actions;
use serde_json::Value;

use super::log::QueryLog;
use crate::domain::Micros;
use crate::lake::Lake;
use crate::tables::TableId;

/// How far one partition of a source has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    /// Name of the source.
    pub source: String,
    /// Partition, from 0.
    pub partition: i32,
    /// Next offset to read.
    pub offset: i64,
    /// Records not read yet, where the source knows it.
    pub lag: Option<i64>,
    /// The source's watermark.
    pub watermark: Option<Micros>,
    /// `reading`, `finished`, `paused`, `failed`.
    pub state: String,
}

/// One run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Name of the job.
    pub job: String,
    /// `waiting`, `running`, `done`, `failed`.
    pub state: String,
    /// When the run began.
    pub started_at: Option<Micros>,
    /// When it ended.
    pub ended_at: Option<Micros>,
    /// What it did or why it failed; never customer text.
    pub detail: Option<String>,
}

/// What other parts of the process say of themselves. `()` says nothing.
pub trait Inside: Send + Sync {
    /// The sources now.
    fn sources(&self) -> Vec<SourceRow> {
        Vec::new()
    }

    /// The jobs now and lately.
    fn jobs(&self) -> Vec<JobRow> {
        Vec::new()
    }
}

impl Inside for () {}

/// The state of a source that reads.
const READING: &str = "reading";

/// The time before which every source has delivered: the least of the sources that read, else the greatest of
/// the others.
#[must_use]
pub fn watermark(sources: &[SourceRow]) -> Option<Micros> {
    let reading = sources.iter().filter(|source| source.state == READING);
    let least = reading
        .filter_map(|source| source.watermark)
        .min_by_key(|at| at.0);
    least.or_else(|| {
        sources
            .iter()
            .filter_map(|source| source.watermark)
            .max_by_key(|at| at.0)
    })
}

/// The tables of schema `system`.
pub(super) struct System {
    lake: Arc<Lake>,
    inside: Arc<dyn Inside>,
    queries: Arc<QueryLog>,
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("System")
    }
}

impl System {
    pub(super) const NAMES: [&'static str; 4] = ["batches", "jobs", "queries", "sources"];

    pub(super) fn new(lake: Arc<Lake>, inside: Arc<dyn Inside>, queries: Arc<QueryLog>) -> Self {
        Self {
            lake,
            inside,
            queries,
        }
    }

    /// See [`watermark`].
    pub(super) fn watermark(&self) -> Option<Micros> {
        watermark(&self.inside.sources())
    }

    pub(super) fn table(self: &Arc<Self>, name: &str) -> Option<Arc<dyn TableProvider>> {
        let name = Self::NAMES.into_iter().find(|known| *known == name)?;
        Some(Arc::new(SystemTable {
            name,
            schema: schema(name),
            system: Arc::clone(self),
        }))
    }

    async fn rows(&self, name: &'static str) -> Result<RecordBatch> {
        let mut rows = Rows::new(schema(name));
        match name {
            "batches" => self.batches(&mut rows).await?,
            "jobs" => {
                for job in self.inside.jobs() {
                    rows.add(&[
                        Cell::Text(Some(&job.job)),
                        Cell::Text(Some(&job.state)),
                        Cell::Time(job.started_at),
                        Cell::Time(job.ended_at),
                        Cell::Text(job.detail.as_deref()),
                    ]);
                }
            }
            "queries" => self.queries.each(|cells| rows.add(cells)),
            _ => {
                for source in self.inside.sources() {
                    rows.add(&[
                        Cell::Text(Some(&source.source)),
                        Cell::Int(source.partition),
                        Cell::Long(Some(source.offset)),
                        Cell::Long(source.lag),
                        Cell::Time(source.watermark),
                        Cell::Text(Some(&source.state)),
                    ]);
                }
            }
        }
        rows.finish()
    }

    async fn batches(&self, rows: &mut Rows) -> Result<()> {
        for id in TableId::ALL {
            let table = self.lake.table(*id).latest();
            for batch in recent_batches(&table).await? {
                rows.add(&[
                    Cell::Text(Some(id.name())),
                    Cell::Long(Some(batch.version)),
                    Cell::Time(batch.committed_at),
                    Cell::Text(batch.operation.as_deref()),
                    Cell::Long(Some(batch.rows_added)),
                    Cell::Long(Some(batch.files_added)),
                    Cell::Long(Some(batch.files_removed)),
                ]);
            }
        }
        Ok(())
    }
}

const RECENT_BATCHES: u64 = 20;

#[derive(Default)]
struct BatchRow {
    version: i64,
    committed_at: Option<Micros>,
    operation: Option<String>,
    rows_added: i64,
    files_added: i64,
    files_removed: i64,
}

async fn recent_batches(table: &DeltaTable) -> Result<Vec<BatchRow>> {
    let Some(newest) = table.version() else {
        return Ok(Vec::new());
    };
    let log_store = table.log_store();
    let mut batches = Vec::new();
    for version in newest.saturating_sub(RECENT_BATCHES - 1)..=newest {
        let entry = log_store.read_commit_entry(version).await;
        // Older entries may have been cleaned up.
        let Some(entry) = entry.map_err(DataFusionError::from)? else {
            continue;
        };
        let actions = get_actions(version, &entry).map_err(DataFusionError::from)?;
        let mut batch = BatchRow {
            version: signed(version),
            ..BatchRow::default()
        };
        actions.iter().for_each(|action| batch.take(action));
        batches.push(batch);
    }
    Ok(batches)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl BatchRow {
    fn take(&mut self, action: &Action) {
        match action {
            Action::Add(add) => {
                let stats: Option<Value> = add
                    .stats
                    .as_deref()
                    .and_then(|stats| serde_json::from_str(stats).ok());
                let rows = stats.and_then(|stats| stats.get("numRecords")?.as_i64());
                self.rows_added += rows.unwrap_or(0);
                self.files_added += 1;
            }
            Action::Remove(_) => self.files_removed += 1,
            Action::CommitInfo(info) => {
                self.committed_at = info
                    .timestamp
                    .map(|at_ms| Micros(at_ms.saturating_mul(1000)));
                self.operation.clone_from(&info.operation);
            }
            _ => {}
        }
    }
}

fn schema(name: &str) -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let long = |name| Field::new(name, DataType::Int64, true);
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let time = |name| Field::new(name, utc.clone(), true);
    let fields = match name {
        "batches" => vec![
            text("table"),
            long("version"),
            time("committed_at"),
            text("operation"),
            long("rows_added"),
            long("files_added"),
            long("files_removed"),
        ],
        "jobs" => {
            vec![
                text("job"),
                text("state"),
                time("started_at"),
                time("ended_at"),
                text("detail"),
            ]
        }
        "queries" => vec![
            long("id"),
            text("door"),
            text("role"),
            text("name"),
            text("shape"),
            text("state"),
            text("code"),
            time("started_at"),
            long("duration_ms"),
            long("rows"),
        ],
        _ => vec![
            text("source"),
            Field::new("partition", DataType::Int32, true),
            long("offset"),
            long("lag"),
            time("watermark"),
            text("state"),
        ],
    };
    Arc::new(Schema::new(fields))
}

/// One value of a row.
pub(super) enum Cell<'a> {
    Text(Option<&'a str>),
    Int(i32),
    Long(Option<i64>),
    Time(Option<Micros>),
}

enum Builder {
    Text(StringBuilder),
    Int(Int32Builder),
    Long(Int64Builder),
    Time(TimestampMicrosecondBuilder),
}

struct Rows {
    schema: SchemaRef,
    builders: Vec<Builder>,
}

impl Rows {
    fn new(schema: SchemaRef) -> Self {
        let builders = schema.fields().iter().map(|field| match field.data_type() {
            DataType::Int32 => Builder::Int(Int32Builder::new()),
            DataType::Int64 => Builder::Long(Int64Builder::new()),
            DataType::Timestamp(..) => {
                Builder::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
            _ => Builder::Text(StringBuilder::new()),
        });
        Self {
            builders: builders.collect(),
            schema,
        }
    }

    fn add(&mut self, cells: &[Cell<'_>]) {
        for (builder, cell) in self.builders.iter_mut().zip(cells) {
            match (builder, cell) {
                (Builder::Text(builder), Cell::Text(value)) => builder.append_option(*value),
                (Builder::Int(builder), Cell::Int(value)) => builder.append_value(*value),
                (Builder::Long(builder), Cell::Long(value)) => builder.append_option(*value),
                (Builder::Time(builder), Cell::Time(value)) => {
                    builder.append_option(value.map(|at| at.0));
                }
                // A row of another shape makes columns of unequal length: `finish` reports it.
                _ => {}
            }
        }
    }

    fn finish(self) -> Result<RecordBatch> {
        let columns = self.builders.into_iter().map(|builder| -> ArrayRef {
            match builder {
                Builder::Text(mut builder) => Arc::new(builder.finish()),
                Builder::Int(mut builder) => Arc::new(builder.finish()),
                Builder::Long(mut builder) => Arc::new(builder.finish()),
                Builder::Time(mut builder) => Arc::new(builder.finish()),
            }
        });
        Ok(RecordBatch::try_new(
            Arc::clone(&self.schema),
            columns.collect(),
        )?)
    }
}

#[derive(Debug)]
struct SystemTable {
    name: &'static str,
    schema: SchemaRef,
    system: Arc<System>,
}

#[async_trait]
impl TableProvider for SystemTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = self.system.rows(self.name).await?;
        let schema = Arc::clone(&self.schema);
        Ok(MemorySourceConfig::try_new_exec(
            &[vec![rows]],
            schema,
            projection.cloned(),
        )?)
    }
}
