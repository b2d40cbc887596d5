//! A run as a folder: `events/` one NDJSON file a day, `knowledge/`, `truth/`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;

use crate::cli::print;
use crate::lake::{RowCell, RowKind, RowsFile};
use crate::simulate::truth::{Cell, Kind, Row, TABLES};
use crate::simulate::{Library, Options, Run, SimulatedDay, counts, documents};

/// Writes the run; with `counts_only` counts by day and topic alone.
pub fn write(
    options: &Options,
    library: &Library,
    out: &Path,
    counts_only: bool,
) -> anyhow::Result<()> {
    let truth = out.join("truth");
    make(&truth)?;
    if counts_only {
        let mut tables = Tables::new(&truth);
        tables.add(counts(options, library))?;
        tables.finish()?;
        print::note(&format!(
            "{} days of counts in {}",
            options.days,
            truth.display()
        ));
        return Ok(());
    }
    make(&out.join("events"))?;
    make(&out.join("knowledge"))?;
    for (name, bytes) in documents(options, library) {
        let path = out.join(name);
        fs::write(&path, bytes).with_context(|| format!("{} can't be written", path.display()))?;
    }
    let mut tables = Tables::new(&truth);
    let (mut interactions, mut events, mut bytes) = (0, 0_u64, 0_u64);
    for day in Run::new(options, library) {
        let path = out.join("events").join(format!("{}.ndjson", day.day));
        bytes += write_day(&path, &day)?;
        events += day.lines.len() as u64;
        interactions += day.interactions;
        tables.add(day.rows)?;
    }
    tables.finish()?;
    print::note(&format!(
        "{interactions} interactions, {events} events, {bytes} bytes in {}",
        out.display()
    ));
    Ok(())
}

/// One file of a day's lines; gives its size.
pub fn write_day(path: &Path, day: &SimulatedDay) -> anyhow::Result<u64> {
    let failed = || format!("{} can't be written", path.display());
    let file = File::create(path).with_context(failed)?;
    let mut output = BufWriter::with_capacity(1 << 20, file);
    let mut bytes = 0;
    for (_, line) in &day.lines {
        output.write_all(line).with_context(failed)?;
        output.write_all(b"\n").with_context(failed)?;
        bytes += line.len() as u64 + 1;
    }
    output.flush().with_context(failed)?;
    Ok(bytes)
}

fn make(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))
}

/// The truth tables that have rows.
struct Tables<'a> {
    folder: &'a Path,
    files: BTreeMap<&'static str, RowsFile>,
}

impl<'a> Tables<'a> {
    const fn new(folder: &'a Path) -> Self {
        Self {
            folder,
            files: BTreeMap::new(),
        }
    }

    fn add(&mut self, rows: Vec<Row>) -> anyhow::Result<()> {
        for row in rows {
            let name = row.table();
            if !self.files.contains_key(name) {
                let path = self.folder.join(format!("{name}.parquet"));
                let file = RowsFile::create(&path, &columns(name))?;
                self.files.insert(name, file);
            }
            if let Some(file) = self.files.get_mut(name) {
                file.add(row.cells().into_iter().map(cell).collect())?;
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        for file in self.files.into_values() {
            file.finish()?;
        }
        Ok(())
    }
}

fn columns(table: &str) -> Vec<(&'static str, RowKind)> {
    let known = TABLES.iter().find(|(name, _)| *name == table);
    let columns = known.map_or(&[][..], |(_, columns)| columns);
    let kind = |kind: &Kind| match kind {
        Kind::Text => RowKind::Text,
        Kind::Integer => RowKind::Integer,
        Kind::Number => RowKind::Number,
        Kind::Flag => RowKind::Flag,
        Kind::Time => RowKind::Time,
    };
    columns.iter().map(|(name, of)| (*name, kind(of))).collect()
}

fn cell(cell: Cell) -> RowCell {
    match cell {
        Cell::Text(text) => RowCell::Text(text),
        Cell::Integer(value) => RowCell::Integer(value),
        Cell::Number(value) => RowCell::Number(value),
        Cell::Flag(value) => RowCell::Flag(value),
        Cell::Time(time) => RowCell::Integer(time.0),
        Cell::Null => RowCell::Null,
    }
}
