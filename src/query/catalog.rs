//! The relations of SQL as of one set of table versions.
//!
//! Schemas: `tingchao` (the default: views and marts), `raw` (the stored logs), `system` (what the process does
//! now). A [`Snapshot`] never changes, so a query sees one state of every table from its first row to its last;
//! a new one is made when a table has moved, sharing the providers of tables that have not. Views are planned
//! on first use and kept with the snapshot. Invariants: a role sees only what its permissions allow
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
use datafusion::datasource::{TableType, ViewTable};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use deltalake::DeltaTable;
use tokio::sync::{Mutex, OnceCell};

use super::error::QueryError;
use super::files::Library;
use super::system::System;
use crate::domain::{Permission, Role};
use crate::lake::Lake;
use crate::tables::TableId;

/// Name of the catalog and of its default schema.
pub(super) const SCHEMA: &str = "tingchao";
const RAW: &str = "raw";
const SYSTEM: &str = "system";

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

/// Table versions, by table.
pub type Versions = BTreeMap<&'static str, i64>;

/// All relations as of one set of table versions.
pub(super) struct Snapshot {
    pub(super) versions: Versions,
    raw: HashMap<&'static str, Arc<dyn TableProvider>>,
    planned: HashMap<&'static str, OnceCell<Arc<dyn TableProvider>>>,
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
        let list = Catalogs {
            snapshot: Arc::clone(self),
            access,
        };
        SessionStateBuilder::new_from_existing(self.base.clone()).with_catalog_list(Arc::new(list))
    }

    async fn relation(self: &Arc<Self>, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(cell) = self.planned.get(name) else {
            return Ok(None);
        };
        let planned = cell.get_or_try_init(|| self.plan(name)).await?;
        Ok(Some(Arc::clone(planned)))
    }

    async fn plan(self: &Arc<Self>, name: &str) -> Result<Arc<dyn TableProvider>> {
        let Some(relation) = self.library.relations.get(name) else {
            return Err(DataFusionError::Internal(format!(
                "relation `{name}` is not embedded"
            )));
        };
        let state = self.session(Access::Everything).build();
        // Boxed: a relation plans the relations that it reads.
        let plan = Box::pin(state.statement_to_plan(relation.statement.clone())).await?;
        Ok(Arc::new(ViewTable::new(
            plan,
            Some(relation.text.to_owned()),
        )))
    }
}

/// The newest snapshot, replaced when a table moves.
pub(super) struct Catalog {
    lake: Arc<Lake>,
    library: Arc<Library>,
    system: Arc<System>,
    base: SessionState,
    current: RwLock<Option<Arc<Snapshot>>>,
    rebuilding: Mutex<()>,
}

impl Catalog {
    pub(super) fn new(
        lake: Arc<Lake>,
        library: Arc<Library>,
        system: Arc<System>,
        base: SessionState,
    ) -> Self {
        let (current, rebuilding) = (RwLock::new(None), Mutex::new(()));
        Self {
            lake,
            library,
            system,
            base,
            current,
            rebuilding,
        }
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

    /// The snapshot of the newest table versions that this process knows.
    pub(super) async fn snapshot(&self) -> Result<Arc<Snapshot>, QueryError> {
        if let Some(held) = self.held()
            && is_current(&held, &self.tables())
        {
            return Ok(held);
        }
        let _rebuilding = self.rebuilding.lock().await;
        let tables = self.tables();
        let held = self.held();
        if let Some(held) = &held
            && is_current(held, &tables)
        {
            return Ok(Arc::clone(held));
        }
        let built = Arc::new(self.build(&tables, held.as_deref()).await?);
        let mut slot = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::clone(&built));
        Ok(built)
    }

    async fn build(
        &self,
        tables: &[(TableId, Arc<DeltaTable>)],
        before: Option<&Snapshot>,
    ) -> Result<Snapshot, QueryError> {
        let session = Arc::new(self.base.clone());
        let mut versions = Versions::new();
        let mut raw = HashMap::with_capacity(tables.len());
        for (id, table) in tables {
            let version = version_of(table);
            let name = id.name();
            let unchanged = before.filter(|before| before.versions.get(name) == Some(&version));
            let provider = match unchanged.and_then(|before| before.raw.get(name)) {
                Some(provider) => Arc::clone(provider),
                None => provider_of(table, &session).await?,
            };
            versions.insert(name, version);
            raw.insert(name, provider);
        }
        let planned = self
            .library
            .relations
            .keys()
            .map(|name| (*name, OnceCell::new()))
            .collect();
        Ok(Snapshot {
            versions,
            raw,
            planned,
            library: Arc::clone(&self.library),
            system: Arc::clone(&self.system),
            base: self.base.clone(),
        })
    }
}

fn version_of(table: &DeltaTable) -> i64 {
    table
        .version()
        .and_then(|version| i64::try_from(version).ok())
        .unwrap_or(-1)
}

fn is_current(snapshot: &Snapshot, tables: &[(TableId, Arc<DeltaTable>)]) -> bool {
    let same = |(id, table): &(TableId, Arc<DeltaTable>)| {
        snapshot.versions.get(id.name()) == Some(&version_of(table))
    };
    tables.iter().all(same)
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
        };
        (name == SCHEMA).then(|| Arc::new(catalog) as Arc<dyn CatalogProvider>)
    }
}

#[derive(Debug)]
struct Schemas {
    snapshot: Arc<Snapshot>,
    access: Access,
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
            }),
            RAW if self.access.allows(Permission::RawTables) => Arc::new(Logs(snapshot)),
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
        self.snapshot.relation(name).await
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
struct Logs(Arc<Snapshot>);

#[async_trait]
impl SchemaProvider for Logs {
    fn table_names(&self) -> Vec<String> {
        TableId::ALL.iter().map(|id| id.name().to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.0.raw.get(name).cloned())
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.raw.contains_key(name)
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
