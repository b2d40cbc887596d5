//! The relations of SQL as of one set of table versions.
//!
//! Schemas: `tingchao` (the default: views and marts), `raw` (the stored logs), `system` (what the process does
//! now). A [`Snapshot`] never changes, so a query sees one state of every table from its first row to its last;
//! a new one is made when a table has moved, sharing the providers of tables that have not. Views are planned
//! on first use and kept with the snapshot. Inside, relations have two scopes: all rows, and the live rows of
//! which stored days know nothing yet (`marts`). Invariants: a role sees only what its permissions allow
//! ([`Access`]); no provider here can be written through. Not here: running queries.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, ScanArgs, ScanResult, SchemaProvider, Session,
    TableProvider,
};
use datafusion::common::{Constraints, Statistics};
use datafusion::config::Dialect;
use datafusion::datasource::{TableType, ViewTable};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use deltalake::DeltaTable;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::cells::CellShelf;
use super::error::QueryError;
use super::files::Library;
use super::marts::{Marts, Stored};
use super::system::System;
use crate::domain::{Micros, Permission, Role};
use crate::lake::Lake;
use crate::tables::{InsightId, MartId, TableId};

/// Name of the catalog and of its default schema.
pub(super) const SCHEMA: &str = "tingchao";
const RAW: &str = "raw";
const SYSTEM: &str = "system";
/// Stored days of marts and what has happened to them; for our own SQL only.
const STORED: &str = "stored";
/// Relations over live rows; for our own SQL only.
const LIVE: &str = "live";

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Views, marts and named queries themselves: everything.
    Everything,
    /// A statement of a caller.
    Role(Role),
}

impl Access {
    fn allows(self, permission: Permission) -> bool {
        match self {
            Self::Everything => true,
            Self::Role(role) => role.allows(permission),
        }
    }
}

/// Which rows relations have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All.
    Whole,
    /// Those that stored days know nothing of.
    Live,
}

/// A relation that is planned when it is first asked for.
type Planned = OnceCell<Arc<dyn TableProvider>>;

/// Table versions, by table.
pub type Versions = BTreeMap<&'static str, i64>;

/// All relations as of one set of table versions.
pub(super) struct Snapshot {
    pub(super) versions: Versions,
    /// The tables that these are the versions of.
    pub(super) logs: Vec<(TableId, Arc<DeltaTable>)>,
    pub(super) stored: Stored,
    raw: HashMap<&'static str, Arc<dyn TableProvider>>,
    whole: HashMap<&'static str, Planned>,
    live: HashMap<&'static str, Planned>,
    live_logs: HashMap<&'static str, Planned>,
    library: Arc<Library>,
    system: Arc<System>,
    base: SessionState,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("versions", &self.versions)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    /// A session over this snapshot, as `access` sees it.
    pub(super) fn session(self: &Arc<Self>, access: Access) -> SessionStateBuilder {
        self.scoped(access, Scope::Whole)
    }

    fn scoped(self: &Arc<Self>, access: Access, scope: Scope) -> SessionStateBuilder {
        let list = Catalogs {
            snapshot: Arc::clone(self),
            access,
            scope,
        };
        SessionStateBuilder::new_from_existing(self.base.clone()).with_catalog_list(Arc::new(list))
    }

    async fn relation(
        self: &Arc<Self>,
        name: &str,
        scope: Scope,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        let cells = match scope {
            Scope::Whole => &self.whole,
            Scope::Live => &self.live,
        };
        let Some(cell) = cells.get(name) else {
            return Ok(None);
        };
        let planned = cell.get_or_try_init(|| self.plan(name, scope)).await?;
        Ok(Some(Arc::clone(planned)))
    }

    async fn plan(self: &Arc<Self>, name: &str, scope: Scope) -> Result<Arc<dyn TableProvider>> {
        let Some(relation) = self.library.relations.get(name) else {
            return Err(DataFusionError::Internal(format!(
                "relation `{name}` is not embedded"
            )));
        };
        let stored = (scope == Scope::Whole)
            .then(|| self.stored.whole(name))
            .flatten();
        if let Some(sql) = stored {
            return self.plan_text(&sql).await;
        }
        let state = self.scoped(Access::Everything, scope).build();
        // Boxed: a relation plans the relations that it reads.
        let plan = Box::pin(state.statement_to_plan(relation.statement.clone())).await?;
        Ok(Arc::new(ViewTable::new(
            plan,
            Some(relation.text.to_owned()),
        )))
    }

    /// A relation of our own making.
    async fn plan_text(self: &Arc<Self>, sql: &str) -> Result<Arc<dyn TableProvider>> {
        let state = self.session(Access::Everything).build();
        let statement = state.sql_to_statement(sql, &Dialect::PostgreSQL)?;
        let plan = Box::pin(state.statement_to_plan(statement)).await?;
        Ok(Arc::new(ViewTable::new(plan, Some(sql.to_owned()))))
    }

    /// A stored log, in the live scope without the rows that stored days know.
    async fn log(
        self: &Arc<Self>,
        name: &str,
        scope: Scope,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        let sql = (scope == Scope::Live)
            .then(|| self.stored.live_log(name))
            .flatten();
        let Some((sql, cell)) = sql.zip(self.live_logs.get(name)) else {
            return Ok(self.raw.get(name).cloned());
        };
        let planned = cell.get_or_try_init(|| self.plan_text(&sql)).await?;
        Ok(Some(Arc::clone(planned)))
    }

    /// The same tables with another stored part.
    fn with_stored(&self, stored: Stored) -> Self {
        Self {
            versions: self.versions.clone(),
            logs: self.logs.clone(),
            stored,
            raw: self.raw.clone(),
            whole: cells(&self.library),
            live: cells(&self.library),
            live_logs: log_cells(),
            library: Arc::clone(&self.library),
            system: Arc::clone(&self.system),
            base: self.base.clone(),
        }
    }
}

fn cells(library: &Library) -> HashMap<&'static str, Planned> {
    let names = library.relations.keys();
    names.map(|name| (*name, OnceCell::new())).collect()
}

fn log_cells() -> HashMap<&'static str, Planned> {
    let names = TableId::ALL.iter().map(|id| id.name());
    names.map(|name| (name, OnceCell::new())).collect()
}

/// The newest snapshot, replaced when a table moves.
pub(super) struct Catalog {
    lake: Arc<Lake>,
    library: Arc<Library>,
    system: Arc<System>,
    base: SessionState,
    current: RwLock<Option<Arc<Snapshot>>>,
    /// Held while a snapshot is made.
    marts: Mutex<Marts>,
}

impl Catalog {
    pub(super) fn new(
        lake: Arc<Lake>,
        library: Arc<Library>,
        system: Arc<System>,
        base: SessionState,
    ) -> Self {
        let (current, marts) = (RwLock::new(None), Mutex::default());
        Self {
            lake,
            library,
            system,
            base,
            current,
            marts,
        }
    }

    /// Events before it are expected to have come.
    pub(super) fn watermark(&self) -> Option<Micros> {
        self.system.watermark()
    }

    fn held(&self) -> Option<Arc<Snapshot>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn tables(&self) -> Vec<(TableId, Arc<DeltaTable>)> {
        TableId::ALL
            .iter()
            .map(|id| (*id, self.lake.table(*id).latest()))
            .collect()
    }

    /// What this process knows of stored days; no snapshot is made meanwhile.
    pub(super) async fn marts(&self) -> MutexGuard<'_, Marts> {
        self.marts.lock().await
    }

    /// `snapshot` with another stored part.
    pub(super) fn variant(&self, snapshot: &Snapshot, stored: Stored) -> Arc<Snapshot> {
        Arc::new(snapshot.with_stored(stored))
    }

    fn is_current(&self, snapshot: &Snapshot, tables: &[(TableId, Arc<DeltaTable>)]) -> bool {
        let same = |name: &str, table: &DeltaTable| {
            snapshot.versions.get(name) == Some(&version_of(table))
        };
        tables.iter().all(|(id, table)| same(id.name(), table))
            && MartId::ALL
                .iter()
                .all(|id| same(id.name(), &self.lake.mart(*id).latest()))
            && InsightId::ALL
                .iter()
                .all(|id| same(id.name(), &self.lake.insight(*id).latest()))
    }

    /// The snapshot of the newest table versions that this process knows.
    pub(super) async fn snapshot(&self) -> Result<Arc<Snapshot>, QueryError> {
        if let Some(held) = self.held()
            && self.is_current(&held, &self.tables())
        {
            return Ok(held);
        }
        let mut marts = self.marts.lock().await;
        let tables = self.tables();
        let held = self.held();
        if let Some(held) = &held
            && self.is_current(held, &tables)
        {
            return Ok(Arc::clone(held));
        }
        let built = Arc::new(self.build(tables, held.as_deref(), &mut marts).await?);
        let mut slot = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::clone(&built));
        Ok(built)
    }

    async fn build(
        &self,
        logs: Vec<(TableId, Arc<DeltaTable>)>,
        before: Option<&Snapshot>,
        marts: &mut Marts,
    ) -> Result<Snapshot, QueryError> {
        let session = Arc::new(self.base.clone());
        let mut versions = Versions::new();
        let mut raw = HashMap::with_capacity(logs.len());
        let derived = InsightId::ALL.iter();
        let derived = derived.map(|id| (id.name(), self.lake.insight(*id).latest()));
        let all = logs
            .iter()
            .map(|(id, table)| (id.name(), Arc::clone(table)));
        for (name, table) in all.chain(derived) {
            let version = version_of(&table);
            let unchanged = before.filter(|before| before.versions.get(name) == Some(&version));
            let provider = match unchanged.and_then(|before| before.raw.get(name)) {
                Some(provider) => Arc::clone(provider),
                None => provider_of(&table, &session).await?,
            };
            versions.insert(name, version);
            raw.insert(name, provider);
        }
        for id in MartId::ALL {
            versions.insert(id.name(), version_of(&self.lake.mart(*id).latest()));
        }
        let mut stored = HashMap::new();
        for (id, table) in marts.advance(&self.lake, &logs).await? {
            stored.insert(id.name(), provider_of(&table, &session).await?);
        }
        let has_cells = stored.contains_key(MartId::Cells.name());
        let mut stored = marts.part(stored)?;
        if has_cells {
            let version = versions.get(MartId::Cells.name()).copied().unwrap_or(-1);
            let known = before.and_then(|before| before.stored.cells.clone());
            let known = known.filter(|known| known.version == version);
            stored.cells = Some(known.unwrap_or_else(|| CellShelf::new(version)));
        }
        Ok(Snapshot {
            versions,
            logs,
            stored,
            raw,
            whole: cells(&self.library),
            live: cells(&self.library),
            live_logs: log_cells(),
            library: Arc::clone(&self.library),
            system: Arc::clone(&self.system),
            base: self.base.clone(),
        })
    }
}

pub(super) fn version_of(table: &DeltaTable) -> i64 {
    table
        .version()
        .and_then(|version| i64::try_from(version).ok())
        .unwrap_or(-1)
}

async fn provider_of(
    table: &DeltaTable,
    session: &Arc<SessionState>,
) -> Result<Arc<dyn TableProvider>, QueryError> {
    let failed =
        |error: DataFusionError| QueryError::internal("opening a table for reading", error);
    let snapshot = table.snapshot().map_err(|error| failed(error.into()))?;
    // A bucket's store is made known to the engine once; that of local files is.
    table
        .update_datafusion_session(session.as_ref())
        .map_err(|error| failed(error.into()))?;
    // The eager snapshot keeps the list of files in memory: no log is read per query.
    let builder = table
        .table_provider()
        .with_eager_snapshot(snapshot.snapshot().clone());
    let scan = builder
        .with_session(Arc::clone(session))
        .build()
        .await
        .map_err(failed)?;
    Ok(Arc::new(ReadOnly(Arc::new(scan))))
}

/// A table that can only be scanned, whatever the provider behind could do.
#[derive(Debug)]
struct ReadOnly(Arc<dyn TableProvider>);

#[async_trait]
impl TableProvider for ReadOnly {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn constraints(&self) -> Option<&Constraints> {
        self.0.constraints()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.scan(state, projection, filters, limit).await
    }

    async fn scan_with_args<'a>(
        &self,
        state: &dyn Session,
        args: ScanArgs<'a>,
    ) -> Result<ScanResult> {
        self.0.scan_with_args(state, args).await
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        self.0.supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.0.statistics()
    }
}

#[derive(Debug)]
struct Catalogs {
    snapshot: Arc<Snapshot>,
    access: Access,
    scope: Scope,
}

impl CatalogProviderList for Catalogs {
    fn register_catalog(
        &self,
        _name: String,
        _catalog: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![SCHEMA.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        let catalog = Schemas {
            snapshot: Arc::clone(&self.snapshot),
            access: self.access,
            scope: self.scope,
        };
        (name == SCHEMA).then(|| Arc::new(catalog) as Arc<dyn CatalogProvider>)
    }
}

#[derive(Debug)]
struct Schemas {
    snapshot: Arc<Snapshot>,
    access: Access,
    scope: Scope,
}

impl CatalogProvider for Schemas {
    fn schema_names(&self) -> Vec<String> {
        let schemas = [SCHEMA, RAW, SYSTEM].into_iter();
        schemas
            .filter(|name| self.schema(name).is_some())
            .map(str::to_owned)
            .collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let snapshot = Arc::clone(&self.snapshot);
        let schema: Arc<dyn SchemaProvider> = match name {
            SCHEMA => Arc::new(Relations {
                snapshot,
                access: self.access,
                scope: self.scope,
            }),
            RAW if self.access.allows(Permission::RawTables) => Arc::new(Logs {
                snapshot,
                scope: self.scope,
            }),
            LIVE if self.access == Access::Everything => Arc::new(Relations {
                snapshot,
                access: self.access,
                scope: Scope::Live,
            }),
            STORED if self.access == Access::Everything => Arc::new(StoredDays(snapshot)),
            SYSTEM if self.access.allows(Permission::System) => Arc::new(Inside(snapshot)),
            _ => return None,
        };
        Some(schema)
    }
}

/// Schema `tingchao`.
#[derive(Debug)]
struct Relations {
    snapshot: Arc<Snapshot>,
    access: Access,
    scope: Scope,
}

#[async_trait]
impl SchemaProvider for Relations {
    fn table_names(&self) -> Vec<String> {
        let all = self.snapshot.library.relations.iter();
        let seen = all.filter(|(_, relation)| self.access.allows(relation.needs));
        seen.map(|(name, _)| (*name).to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if !self.table_exist(name) {
            return Ok(None);
        }
        self.snapshot.relation(name, self.scope).await
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        let relation = self.snapshot.library.relations.get(name);
        relation.is_some_and(|relation| self.access.allows(relation.needs))
    }
}

/// Schema `raw`.
#[derive(Debug)]
struct Logs {
    snapshot: Arc<Snapshot>,
    scope: Scope,
}

#[async_trait]
impl SchemaProvider for Logs {
    fn table_names(&self) -> Vec<String> {
        let logs = TableId::ALL.iter().map(|id| id.name());
        let derived = InsightId::ALL.iter().map(|id| id.name());
        logs.chain(derived).map(str::to_owned).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.snapshot.log(name, self.scope).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.snapshot.raw.contains_key(name)
    }
}

/// Schema `stored`.
#[derive(Debug)]
struct StoredDays(Arc<Snapshot>);

#[async_trait]
impl SchemaProvider for StoredDays {
    fn table_names(&self) -> Vec<String> {
        self.0
            .stored
            .marts
            .keys()
            .map(|name| (*name).to_owned())
            .collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.0.stored.table(name))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.stored.table(name).is_some()
    }
}

/// Schema `system`.
#[derive(Debug)]
struct Inside(Arc<Snapshot>);

#[async_trait]
impl SchemaProvider for Inside {
    fn table_names(&self) -> Vec<String> {
        System::NAMES
            .iter()
            .map(|name| (*name).to_owned())
            .collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.0.system.table(name))
    }

    fn table_exist(&self, name: &str) -> bool {
        System::NAMES.contains(&name)
    }
}
