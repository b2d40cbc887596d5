//! JSON, NDJSON and CSV.
//!
//! Invariants: the parts joined are one valid document; an end line or closing bracket is written only by
//! `end`. Not here: single values (`cell`).

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::cell::{Column, object, quote};
use super::{Format, encoding, type_name};
use crate::query::QueryError;

pub(super) struct TextEncoder {
    format: Format,
    head: String,
    rows: u64,
}

impl TextEncoder {
    pub(super) fn new(format: Format, schema: &SchemaRef) -> Self {
        let head = match format {
            Format::Json => json_head(schema),
            Format::Csv => csv_head(schema),
            _ => String::new(),
        };
        Self {
            format,
            head,
            rows: 0,
        }
    }

    pub(super) fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        let schema = batch.schema();
        let named = schema.fields().iter().zip(batch.columns());
        let columns: Result<Vec<Column>, _> = named
            .map(|(field, array)| Column::new(field.name(), array))
            .collect();
        let columns = columns.map_err(encoding)?;
        let mut out = std::mem::take(&mut self.head);
        for row in 0..batch.num_rows() {
            match self.format {
                Format::Json => {
                    if self.rows > 0 {
                        out.push(',');
                    }
                    json_row(&columns, row, &mut out);
                }
                Format::Csv => csv_row(&columns, row, &mut out),
                _ => {
                    object(&columns, row, &mut out);
                    out.push('\n');
                }
            }
            self.rows += 1;
        }
        Ok(out.into_bytes())
    }

    pub(super) fn end(self, truncated: bool) -> Vec<u8> {
        let (mut out, rows) = (self.head, self.rows);
        match self.format {
            Format::Json => {
                out.push_str(&format!(
                    "],\"row_count\":{rows},\"truncated\":{truncated}}}"
                ));
            }
            Format::Csv => {}
            _ => out.push_str(&format!(
                "{{\"end\":true,\"rows\":{rows},\"truncated\":{truncated}}}\n"
            )),
        }
        out.into_bytes()
    }
}

fn json_head(schema: &SchemaRef) -> String {
    let mut head = String::from("{\"columns\":[");
    for (index, field) in schema.fields().iter().enumerate() {
        if index > 0 {
            head.push(',');
        }
        head.push_str("{\"name\":");
        quote(field.name(), &mut head);
        head.push_str(",\"type\":");
        quote(&type_name(field.data_type()), &mut head);
        head.push('}');
    }
    head.push_str("],\"rows\":[");
    head
}

fn json_row(columns: &[Column], row: usize, out: &mut String) {
    out.push('[');
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        column.json(row, out);
    }
    out.push(']');
}

fn csv_head(schema: &SchemaRef) -> String {
    let mut head = String::new();
    for (index, field) in schema.fields().iter().enumerate() {
        if index > 0 {
            head.push(',');
        }
        csv_text(field.name(), &mut head);
    }
    head.push_str("\r\n");
    head
}

fn csv_row(columns: &[Column], row: usize, out: &mut String) {
    let mut value = String::new();
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if column.is_empty_text(row) {
            out.push_str("\"\"");
        } else if column.may_need_quotes() {
            value.clear();
            column.plain(row, &mut value);
            csv_text(&value, out);
        } else {
            column.plain(row, out);
        }
    }
    out.push_str("\r\n");
}

fn csv_text(text: &str, out: &mut String) {
    if !text.contains(['"', ',', '\r', '\n']) {
        out.push_str(text);
        return;
    }
    out.push('"');
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}
