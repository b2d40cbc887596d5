//! Reading data files of a table without SQL: for maintenance and for what the
//! pipeline must know of the past.

#![expect(
    deprecated,
    reason = "the reader over object_store stays until its successor is out"
)]

use std::collections::HashSet;

use deltalake::DeltaTable;
use deltalake::kernel::Add;
use futures::StreamExt;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::{ParquetObjectReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;

use arrow::array::RecordBatch;

use super::LakeError;
use super::columns::filled;
use crate::domain::Day;

const BATCH_ROWS: usize = 8192;

/// The active files of one day.
///
/// # Errors
/// When the snapshot is not loaded.
pub(super) fn files_of_day(
    table: &'static str,
    snapshot: &DeltaTable,
    day: Day,
) -> Result<Vec<Add>, LakeError> {
    let wanted = Some(day.to_string());
    let files = all_files(table, snapshot)?;
    let of_day = |add: &Add| add.partition_values.get("dt") == Some(&wanted);
    Ok(files.into_iter().filter(of_day).collect())
}

/// The day of a file's rows.
pub(super) fn day_of(file: &Add) -> Option<Day> {
    let day = file.partition_values.get("dt")?.as_deref()?;
    Day::parse(day).ok()
}

/// All active files.
///
/// # Errors
/// When the snapshot is not loaded.
pub(super) fn all_files(table: &'static str, snapshot: &DeltaTable) -> Result<Vec<Add>, LakeError> {
    let state = snapshot.snapshot().map_err(|source| LakeError::Delta {
        table: table.into(),
        doing: "listing files",
        source: Box::new(source),
    })?;
    #[expect(deprecated, reason = "an add action is what maintenance writes back")]
    let files = state
        .log_data()
        .iter()
        .map(|file| file.add_action())
        .collect();
    Ok(files)
}

/// Reads one file, batch by batch; `columns` empty means all.
///
/// # Errors
/// When the file can't be read.
pub(super) async fn read_file(
    table: &'static str,
    snapshot: &DeltaTable,
    file: &Add,
    columns: &[&str],
    mut each: impl FnMut(RecordBatch) -> Result<(), ParquetError>,
) -> Result<(), LakeError> {
    let failed = |source| LakeError::Parquet {
        table: table.into(),
        source,
    };
    let path = Path::parse(&file.path)
        .map_err(|error| failed(ParquetError::General(error.to_string())))?;
    let size = u64::try_from(file.size).unwrap_or_default();
    let reader = ParquetObjectReader::new(snapshot.object_store(), path).with_file_size(size);
    let mut builder = ParquetRecordBatchStreamBuilder::new(reader)
        .await
        .map_err(failed)?
        .with_batch_size(BATCH_ROWS);
    if !columns.is_empty() {
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        builder = builder.with_projection(mask);
    }
    let mut batches = builder.build().map_err(failed)?;
    while let Some(batch) = batches.next().await {
        let rows = filled(table, batch.map_err(failed)?, columns).map_err(failed)?;
        each(rows).map_err(failed)?;
    }
    Ok(())
}

/// The days that have files in the newest known version, ascending.
///
/// # Errors
/// When the snapshot is not loaded.
pub fn days_of(table: &super::LakeTable) -> Result<Vec<Day>, LakeError> {
    let snapshot = table.latest();
    let files = all_files(table.name(), &snapshot)?;
    let mut days: Vec<Day> = files.iter().filter_map(day_of).collect();
    days.sort_unstable();
    days.dedup();
    Ok(days)
}

/// Reads some columns of one day of the newest known version.
///
/// # Errors
/// When a file can't be read.
pub async fn read_day(
    table: &super::LakeTable,
    day: Day,
    columns: &[&str],
    each: impl FnMut(&RecordBatch),
) -> Result<(), LakeError> {
    read_new_files(table, day, columns, &mut HashSet::new(), each).await
}

/// Reads some columns of those files of one day, in the newest known version,
/// whose paths are not in `read` yet, and puts them there.
///
/// # Errors
/// When a file can't be read.
pub async fn read_new_files(
    table: &super::LakeTable,
    day: Day,
    columns: &[&str],
    read: &mut HashSet<String>,
    mut each: impl FnMut(&RecordBatch),
) -> Result<(), LakeError> {
    let snapshot = table.latest();
    for file in files_of_day(table.name(), &snapshot, day)? {
        if read.contains(&file.path) {
            continue;
        }
        read_file(table.name(), &snapshot, &file, columns, |batch| {
            each(&batch);
            Ok(())
        })
        .await?;
        read.insert(file.path);
    }
    Ok(())
}
