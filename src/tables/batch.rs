//! Rows to Arrow columns, cheap for wide and sparse tables.
//!
//! Invariants: a column that a row does not mention is null in that row; only
//! mentioned columns cost time. `finish` leaves the builder empty.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder,
    ListBuilder, RecordBatch, StringBuilder, StructBuilder, TimestampMicrosecondBuilder,
    make_builder,
};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use crate::domain::Micros;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// A list of texts.
    Texts,
    /// 32-bit integer.
    Int,
    /// 64-bit integer.
    Long,
    /// 64-bit float.
    Real,
    /// True or false.
    Bool,
    /// Microseconds, UTC.
    Time,
    /// The legs of a transcript.
    Legs,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Name in SQL.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Whether every row has a value.
    pub required: bool,
}

/// A table: its name and its columns. The partition column `dt` is not among them.
#[derive(Debug)]
pub struct TableSpec {
    /// Name in SQL and in the lake.
    pub name: &'static str,
    /// Columns in order.
    pub columns: &'static [Column],
}

impl TableSpec {
    /// The Arrow schema of the data files: all columns but `dt`.
    pub fn schema(&self) -> SchemaRef {
        let fields = self
            .columns
            .iter()
            .map(|column| Field::new(column.name, data_type(column.kind), !column.required));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

/// The fields of one leg of a transcript, in the order of [`LegValues`].
fn leg_fields() -> Fields {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let time = |name| Field::new(name, data_type(Kind::Time), true);
    let long = |name| Field::new(name, DataType::Int64, true);
    Fields::from(vec![
        text("handler"),
        text("queue"),
        text("agent_id"),
        time("started_at"),
        time("ended_at"),
        text("outcome"),
        long("ring_ms"),
        long("hold_ms"),
        long("wrap_up_ms"),
    ])
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Texts => list(DataType::Utf8),
        Kind::Int => DataType::Int32,
        Kind::Long => DataType::Int64,
        Kind::Real => DataType::Float64,
        Kind::Bool => DataType::Boolean,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Legs => list(DataType::Struct(leg_fields())),
    }
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

/// The values of one leg.
pub struct LegValues<'a> {
    /// `ivr`, `bot`, `queue`, `agent`.
    pub handler: &'a str,
    /// Name of the queue.
    pub queue: Option<&'a str>,
    /// The agent.
    pub agent_id: Option<&'a str>,
    /// Start of the stay.
    pub started_at: Micros,
    /// End of the stay.
    pub ended_at: Micros,
    /// How it ended.
    pub outcome: Option<&'a str>,
    /// Ringing, ms.
    pub ring_ms: Option<i64>,
    /// On hold, ms.
    pub hold_ms: Option<i64>,
    /// After-call work, ms.
    pub wrap_up_ms: Option<i64>,
}

enum Builder {
    Text(StringBuilder),
    Texts(ListBuilder<StringBuilder>),
    Int(Int32Builder),
    Long(Int64Builder),
    Real(Float64Builder),
    Bool(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Legs(ListBuilder<StructBuilder>),
}

impl Builder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Texts => Self::Texts(ListBuilder::new(StringBuilder::new())),
            Kind::Int => Self::Int(Int32Builder::new()),
            Kind::Long => Self::Long(Int64Builder::new()),
            Kind::Real => Self::Real(Float64Builder::new()),
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Legs => Self::Legs(ListBuilder::new(leg_builder())),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(builder) => builder.len(),
            Self::Texts(builder) => builder.len(),
            Self::Int(builder) => builder.len(),
            Self::Long(builder) => builder.len(),
            Self::Real(builder) => builder.len(),
            Self::Bool(builder) => builder.len(),
            Self::Time(builder) => builder.len(),
            Self::Legs(builder) => builder.len(),
        }
    }

    fn pad(&mut self, rows: usize) {
        let missing = rows.saturating_sub(self.len());
        if missing == 0 {
            return;
        }
        match self {
            Self::Text(builder) => builder.append_nulls(missing),
            Self::Texts(builder) => (0..missing).for_each(|_| builder.append_null()),
            Self::Int(builder) => builder.append_nulls(missing),
            Self::Long(builder) => builder.append_nulls(missing),
            Self::Real(builder) => builder.append_nulls(missing),
            Self::Bool(builder) => builder.append_nulls(missing),
            Self::Time(builder) => builder.append_nulls(missing),
            Self::Legs(builder) => (0..missing).for_each(|_| builder.append_null()),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Texts(builder) => Arc::new(builder.finish()),
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Long(builder) => Arc::new(builder.finish()),
            Self::Real(builder) => Arc::new(builder.finish()),
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Legs(builder) => Arc::new(builder.finish()),
        }
    }
}

fn leg_builder() -> StructBuilder {
    let fields = leg_fields();
    let builders = fields
        .iter()
        .map(|field| make_builder(field.data_type(), 0))
        .collect();
    StructBuilder::new(fields, builders)
}

/// Rows of one table and one day, growing.
pub struct Batch {
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: usize,
    bytes: usize,
}

impl Batch {
    /// An empty batch of `table`.
    pub fn new(table: &TableSpec) -> Self {
        Self {
            schema: table.schema(),
            builders: table
                .columns
                .iter()
                .map(|column| Builder::new(column.kind))
                .collect(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rough size in memory: texts plus eight bytes a value.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Begins a row; setters after it fill this row.
    pub fn row(&mut self) -> Row<'_> {
        self.rows += 1;
        Row { batch: self }
    }

    /// All rows as one record batch; the builder is empty afterwards.
    ///
    /// # Errors
    /// When a required column was not set in some row: a mistake of ours.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = self.rows;
        let columns = self.builders.iter_mut().map(|builder| {
            builder.pad(rows);
            builder.finish()
        });
        let columns = columns.collect();
        self.rows = 0;
        self.bytes = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

/// The row being filled. A setter of the wrong kind for its column is ignored
/// in release and caught by the tests of the table.
pub struct Row<'b> {
    batch: &'b mut Batch,
}

impl Row<'_> {
    fn builder(&mut self, column: usize, bytes: usize) -> Option<&mut Builder> {
        let before = self.batch.rows - 1;
        self.batch.bytes += bytes;
        let builder = self.batch.builders.get_mut(column)?;
        builder.pad(before);
        Some(builder)
    }

    /// Sets a text.
    pub fn text(&mut self, column: usize, value: Option<&str>) {
        let Some(value) = value else { return };
        if let Some(Builder::Text(builder)) = self.builder(column, value.len() + 8) {
            builder.append_value(value);
        }
    }

    /// Sets a list of texts.
    pub fn texts<'v>(&mut self, column: usize, values: Option<impl Iterator<Item = &'v str>>) {
        let Some(values) = values else { return };
        if let Some(Builder::Texts(builder)) = self.builder(column, 32) {
            for value in values {
                builder.values().append_value(value);
            }
            builder.append(true);
        }
    }

    /// Sets a 32-bit integer.
    pub fn int(&mut self, column: usize, value: Option<i32>) {
        let Some(value) = value else { return };
        if let Some(Builder::Int(builder)) = self.builder(column, 4) {
            builder.append_value(value);
        }
    }

    /// Sets a 64-bit integer.
    pub fn long(&mut self, column: usize, value: Option<i64>) {
        let Some(value) = value else { return };
        if let Some(Builder::Long(builder)) = self.builder(column, 8) {
            builder.append_value(value);
        }
    }

    /// Sets a float.
    pub fn real(&mut self, column: usize, value: Option<f64>) {
        let Some(value) = value else { return };
        if let Some(Builder::Real(builder)) = self.builder(column, 8) {
            builder.append_value(value);
        }
    }

    /// Sets a truth value.
    pub fn bool(&mut self, column: usize, value: Option<bool>) {
        let Some(value) = value else { return };
        if let Some(Builder::Bool(builder)) = self.builder(column, 1) {
            builder.append_value(value);
        }
    }

    /// Sets an instant.
    pub fn time(&mut self, column: usize, value: Option<Micros>) {
        let Some(value) = value else { return };
        if let Some(Builder::Time(builder)) = self.builder(column, 8) {
            builder.append_value(value.0);
        }
    }

    /// Sets the legs of a transcript.
    pub fn legs<'v>(&mut self, column: usize, legs: impl Iterator<Item = LegValues<'v>>) {
        let Some(Builder::Legs(builder)) = self.builder(column, 64) else {
            return;
        };
        for leg in legs {
            append_leg(builder.values(), &leg);
        }
        builder.append(true);
    }
}

fn append_leg(builder: &mut StructBuilder, leg: &LegValues<'_>) {
    let texts = [
        (0, Some(leg.handler)),
        (1, leg.queue),
        (2, leg.agent_id),
        (5, leg.outcome),
    ];
    for (index, value) in texts {
        if let Some(field) = builder.field_builder::<StringBuilder>(index) {
            field.append_option(value);
        }
    }
    for (index, value) in [(3, leg.started_at), (4, leg.ended_at)] {
        if let Some(field) = builder.field_builder::<TimestampMicrosecondBuilder>(index) {
            field.append_value(value.0);
        }
    }
    for (index, value) in [(6, leg.ring_ms), (7, leg.hold_ms), (8, leg.wrap_up_ms)] {
        if let Some(field) = builder.field_builder::<Int64Builder>(index) {
            field.append_option(value);
        }
    }
    builder.append(true);
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};

    const TABLE: TableSpec = TableSpec {
        name: "t",
        columns: &[
            Column {
                name: "id",
                kind: Kind::Text,
                required: true,
            },
            Column {
                name: "wait_ms",
                kind: Kind::Long,
                required: false,
            },
            Column {
                name: "legs",
                kind: Kind::Legs,
                required: false,
            },
        ],
    };

    #[test]
    fn columns_that_a_row_does_not_mention_are_null() {
        let mut batch = Batch::new(&TABLE);
        for id in ["a", "b", "c"] {
            let mut row = batch.row();
            row.text(0, Some(id));
            if id == "b" {
                row.long(1, Some(7));
                row.legs(
                    2,
                    std::iter::once(LegValues {
                        handler: "queue",
                        queue: None,
                        agent_id: None,
                        started_at: Micros(1),
                        ended_at: Micros(2),
                        outcome: Some("answered"),
                        ring_ms: None,
                        hold_ms: None,
                        wrap_up_ms: Some(3),
                    }),
                );
            }
        }
        let rows = batch.finish().unwrap();
        assert_eq!(rows.num_rows(), 3);
        let waits = rows.column(1).as_primitive::<arrow::datatypes::Int64Type>();
        assert_eq!(waits.iter().collect::<Vec<_>>(), [None, Some(7), None]);
        assert_eq!(rows.column(2).null_count(), 2);
        assert_eq!(batch.rows(), 0);
    }

    #[test]
    fn a_required_column_left_out_is_an_error() {
        let mut batch = Batch::new(&TABLE);
        batch.row().long(1, Some(1));
        assert!(batch.finish().is_err());
    }
}
