//! Columns that a later version of the product has added to a table: the table gets them when it is opened, rows
//! written before are read with nulls in them.
//!
//! Invariants: columns are only added, and may be null; a table with columns that this version does not know, or of
//! other types, is not opened: the product never writes back less than it has read.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{Field, Schema};
use deltalake::DeltaTable;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{StructField, StructType};
use parquet::errors::ParquetError;

use super::LakeError;
use crate::tables::{TableSpec, spec_of};

/// The partition column, which is not in the files.
const DAY: &str = "dt";
const ATTEMPTS: usize = 5;

/// Adds to the opened `table` the columns of `spec` that it lacks. Several processes may do so at once.
///
/// # Errors
/// When the table is of a newer version, or of another one altogether.
pub(super) async fn complete(
    mut table: DeltaTable,
    spec: &'static TableSpec,
    url: &str,
) -> Result<DeltaTable, LakeError> {
    let failed = |source| LakeError::Delta {
        table: spec.name.into(),
        doing: "adding columns",
        source: Box::new(source),
    };
    let mut left = ATTEMPTS;
    loop {
        let missing = missing(&table, spec, url)?;
        if missing.is_empty() {
            return Ok(table);
        }
        tracing::info!(
            table = spec.name,
            columns = missing.len(),
            "columns are added"
        );
        match table.clone().add_columns().with_fields(missing).await {
            Ok(longer) => return Ok(longer),
            // Another process was first, or wrote rows meanwhile.
            Err(error) if left == 0 => return Err(failed(error)),
            Err(_) => left -= 1,
        }
        table.load().await.map_err(failed)?;
    }
}

/// The columns of `spec` that `table` lacks.
fn missing(table: &DeltaTable, spec: &TableSpec, url: &str) -> Result<Vec<StructField>, LakeError> {
    let failed = |source| LakeError::Delta {
        table: spec.name.into(),
        doing: "reading the columns",
        source: Box::new(source),
    };
    let unusable = |what: String| LakeError::Unusable {
        url: url.to_owned(),
        what,
    };
    let stored = table.snapshot().map_err(failed)?.schema();
    let known: StructType = spec.schema().as_ref().try_into_kernel().map_err(|error| {
        unusable(format!(
            "table `{}`: its columns can't be stored: {error}",
            spec.name
        ))
    })?;
    for field in stored.fields().filter(|field| field.name() != DAY) {
        match known.field(field.name()) {
            Some(ours) if ours.data_type() == field.data_type() => {}
            Some(_) => {
                return Err(unusable(format!(
                    "column `{}` of table `{}` has another type than this version writes; use the version that wrote it",
                    field.name(),
                    spec.name
                )));
            }
            None => {
                return Err(unusable(format!(
                    "table `{}` has the column `{}` of a newer version; use that version",
                    spec.name,
                    field.name()
                )));
            }
        }
    }
    let added = known
        .fields()
        .filter(|field| stored.field(field.name()).is_none());
    let added = added.map(|field| StructField::nullable(field.name(), field.data_type().clone()));
    Ok(added.collect())
}

/// `rows` of a file with the columns `wanted` (empty: all of the table's), nulls where the file is older than a column.
///
/// # Errors
/// When a column is missing that every row must have.
pub(super) fn filled(
    table: &'static str,
    rows: RecordBatch,
    wanted: &[&str],
) -> Result<RecordBatch, ParquetError> {
    let Some(spec) = spec_of(table) else {
        return Ok(rows);
    };
    let is_wanted = |name: &str| wanted.is_empty() || wanted.contains(&name);
    let columns = spec.columns.iter().filter(|column| is_wanted(column.name));
    if rows.num_columns() >= columns.clone().count() {
        return Ok(rows);
    }
    let schema = spec.schema();
    let (mut fields, mut arrays): (Vec<Arc<Field>>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for column in columns {
        let field = schema.field_with_name(column.name)?;
        let array = match rows.column_by_name(column.name) {
            Some(array) => Arc::clone(array),
            None if column.required => {
                return Err(ParquetError::General(format!(
                    "a file has no column `{}`",
                    column.name
                )));
            }
            None => new_null_array(field.data_type(), rows.num_rows()),
        };
        fields.push(Arc::new(field.clone()));
        arrays.push(array);
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::LazyLock;

    use arrow::array::{Array, AsArray};

    use super::*;
    use crate::disk::Faults;
    use crate::domain::Micros;
    use crate::lake::{
        Lake, LakeTable, Lease, MAINTENANCE, Round, Storage, Upkeep, data_file, keep_up,
        read_new_files,
    };
    use crate::tables::{Batch, Column, TableId};

    const NOW: Micros = Micros(1_700_000_000_000_000);

    /// Dead letters of a version that did not know their topic.
    static OLDER: LazyLock<TableSpec> = LazyLock::new(|| {
        let columns = TableId::DeadLetters.spec().columns.iter().copied();
        let columns: Vec<Column> = columns.filter(|column| column.name != "topic").collect();
        TableSpec {
            name: TableId::DeadLetters.name(),
            columns: columns.leak(),
        }
    });

    async fn append(table: &LakeTable, spec: &TableSpec, offset: i64) {
        let mut batch = Batch::new(spec);
        let mut row = batch.row();
        for (index, column) in spec.columns.iter().enumerate() {
            match column.name {
                "offset" => row.long(index, Some(offset)),
                "partition" | "item" => row.int(index, Some(0)),
                "received_at" => row.time(index, Some(NOW)),
                name => row.text(index, Some(name)),
            }
        }
        let mut files = [data_file(&batch.finish().unwrap(), NOW.day()).unwrap()];
        table.upload(&mut files).await.unwrap();
        table.commit(&files, &[], NOW).await.unwrap();
    }

    async fn topics(lake: &Lake) -> Vec<(i64, bool)> {
        let table = lake.table(TableId::DeadLetters);
        let mut found = Vec::new();
        let wanted = ["offset", "topic"];
        read_new_files(table, NOW.day(), &wanted, &mut HashSet::new(), |rows| {
            let offsets = rows.column(0).as_primitive::<arrow::datatypes::Int64Type>();
            for (row, offset) in offsets.values().iter().enumerate() {
                found.push((*offset, rows.column(1).is_valid(row)));
            }
        })
        .await
        .unwrap();
        found.sort_unstable();
        found
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_older_table_gets_the_new_columns_and_keeps_its_rows() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::folder(folder.path(), Arc::new(Faults::none())).unwrap();
        let old = LakeTable::open(&OLDER, &storage).await.unwrap();
        append(&old, &OLDER, 1).await;
        let lake = Lake::on(storage.clone(), Arc::new(Faults::none()))
            .await
            .unwrap();
        let id = TableId::DeadLetters;
        append(lake.table(id), id.spec(), 2).await;
        // A process of the older version goes on writing until it is restarted.
        append(&old, &OLDER, 3).await;
        lake.refresh().await.unwrap();
        let expected = [(1, false), (2, true), (3, false)];
        assert_eq!(topics(&lake).await, expected);
        let lease = Lease::take(lake.storage(), MAINTENANCE, "a", NOW, 60)
            .await
            .unwrap();
        let upkeep = Upkeep {
            small_bytes: 1 << 20,
            min_files: 2,
            crowded_files: 2,
            target_bytes: 1 << 20,
            checkpoint_every: 5,
            retention_hours: 24,
        };
        let done = keep_up(&lake, &lease, &upkeep, Round::Vacuum, || NOW)
            .await
            .unwrap();
        assert_eq!(done.compacted_files, 3);
        lake.refresh().await.unwrap();
        assert_eq!(topics(&lake).await, expected);
        let refused = LakeTable::open(&OLDER, &storage).await.err().unwrap();
        assert!(refused.to_string().contains("newer version"), "{refused}");
    }
}
