//! A file of any layout as a stream of records, in file order.
//!
//! Invariants: every row of the file comes out exactly once, good or refused;
//! a refused row never ends the stream, a failing read does. Rows that belong
//! together (`[input] group_by`) come as one record when they follow one
//! another. Memory is bounded by one record, workbooks excepted.

use std::io::{self, Read};

use super::decode::{Line, Lines};
use super::delimited::{Delimited, check_text};
use super::error::{MappingError, Refusal};
use super::input::{Format, Input, Ragged};
use super::record::{Header, Name, Row, text_of};
use super::sheet::SheetRows;

/// One record, or the row that could not become one.
pub(super) struct Record {
    pub line: u64,
    pub raw: String,
    pub rows: Result<Vec<Row>, Refusal>,
}

enum Source {
    Csv(Delimited),
    Jsonl(Lines),
    Sheet(SheetRows),
}

/// Records of one file.
pub(super) struct Records {
    source: Source,
    pub header: Header,
    ragged: Ragged,
    group_by: Vec<Name>,
    /// Rows read ahead: what ended a group comes next.
    ahead: Vec<Record>,
    first: Option<(u64, String, Vec<String>)>,
}

/// A group is cut here, so that a file with one key in all rows stays bounded.
const MAX_GROUP_ROWS: usize = 20_000;

impl Records {
    pub fn open(
        mut bytes: Box<dyn Read + Send>,
        file: &str,
        input: &Input,
    ) -> Result<Self, MappingError> {
        let format = input.format.or_else(|| Format::of_file_name(file));
        let read_failed = |source| MappingError::Read {
            file: file.to_owned(),
            source,
        };
        let source = match format {
            None => return Err(MappingError::UnknownFormat { file: file.into() }),
            Some(Format::Csv) => {
                let lines = Lines::new(bytes, input.encoding, input.max_row_bytes);
                Source::Csv(Delimited::open(lines, input).map_err(read_failed)?)
            }
            Some(Format::Jsonl) => {
                let mut lines = Lines::new(bytes, input.encoding, input.max_row_bytes);
                for _ in 0..input.skip_lines {
                    lines.next_line().map_err(read_failed)?;
                }
                Source::Jsonl(lines)
            }
            Some(Format::Xlsx) => {
                let mut whole = Vec::new();
                bytes.read_to_end(&mut whole).map_err(read_failed)?;
                let mut rows = SheetRows::open(whole, &input.sheet).map_err(|reason| {
                    MappingError::Workbook {
                        file: file.to_owned(),
                        reason,
                    }
                })?;
                for _ in 0..input.skip_lines {
                    rows.next_row();
                }
                Source::Sheet(rows)
            }
        };
        let mut records = Records {
            source,
            header: Header::default(),
            ragged: input.ragged,
            group_by: input.group_by.iter().map(|name| Name::new(name)).collect(),
            ahead: Vec::new(),
            first: None,
        };
        records.read_header(file, input)?;
        Ok(records)
    }

    /// True when records are JSON objects, whose fields may come and go.
    pub fn is_json(&self) -> bool {
        matches!(self.source, Source::Jsonl(_))
    }

    fn read_header(&mut self, file: &str, input: &Input) -> Result<(), MappingError> {
        if self.is_json() {
            return Ok(());
        }
        let given = (!input.columns.is_empty()).then(|| input.columns.clone());
        if !input.header && given.is_some() {
            self.header = Header::new(given.unwrap_or_default());
            return Ok(());
        }
        let first = self.next_cells().map_err(|source| MappingError::Read {
            file: file.to_owned(),
            source,
        })?;
        let Some((line, raw, cells)) = first else {
            return if input.header {
                Err(MappingError::NoHeader { file: file.into() })
            } else {
                Ok(())
            };
        };
        let cells = cells.map_err(|refusal| MappingError::Read {
            file: file.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidData, refusal.reason),
        })?;
        if input.header {
            let names = cells.iter().map(|name| name.trim().to_owned());
            self.header = Header::new(given.unwrap_or_else(|| names.collect()));
        } else {
            self.header = Header::new(cells.iter().map(|_| String::new()));
            self.first = Some((line, raw, cells));
        }
        Ok(())
    }

    /// The next row's line, text and cells; not for JSON.
    #[allow(
        clippy::type_complexity,
        reason = "used in two places of this file only"
    )]
    fn next_cells(&mut self) -> io::Result<Option<(u64, String, Result<Vec<String>, Refusal>)>> {
        match &mut self.source {
            Source::Csv(rows) => Ok(rows.next_row()?.map(|row| (row.line, row.raw, row.cells))),
            Source::Sheet(rows) => Ok(rows
                .next_row()
                .map(|(line, cells)| (line, cells.join("\t"), Ok(cells)))),
            Source::Jsonl(_) => Ok(None),
        }
    }

    fn next_single(&mut self) -> io::Result<Option<Record>> {
        if let Source::Jsonl(lines) = &mut self.source {
            return next_json(lines);
        }
        let next = match self.first.take() {
            Some((line, raw, cells)) => Some((line, raw, Ok(cells))),
            None => self.next_cells()?,
        };
        let sheet = matches!(self.source, Source::Sheet(_));
        Ok(next.map(|(line, raw, cells)| {
            let rows = cells
                .and_then(|cells| self.fit(cells, line, sheet))
                .map(|cells| vec![Row::Cells(cells)]);
            Record { line, raw, rows }
        }))
    }

    /// A sheet is a rectangle by nature, so only text can be ragged.
    fn fit(&self, mut cells: Vec<String>, line: u64, sheet: bool) -> Result<Vec<String>, Refusal> {
        let width = self.header.width;
        if cells.len() == width || self.ragged == Ragged::Fill || sheet {
            cells.resize(width, String::new());
            return Ok(cells);
        }
        Err(Refusal::new(
            "ragged_row",
            "",
            format!(
                "line {line} has {} field(s), the header {width}; set [input] ragged = \"fill\" to take such rows",
                cells.len()
            ),
        ))
    }

    /// The next record, or `None` at the end of the file.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        let next = match self.ahead.pop() {
            Some(record) => Some(record),
            None => self.next_single()?,
        };
        let Some(mut record) = next else {
            return Ok(None);
        };
        if self.group_by.is_empty() {
            return Ok(Some(record));
        }
        let Ok(rows) = &mut record.rows else {
            return Ok(Some(record));
        };
        while rows.len() < MAX_GROUP_ROWS {
            let Some(next) = self.next_single()? else {
                break;
            };
            let same = match (rows.first(), &next.rows) {
                (Some(first), Ok(more)) => more.first().is_some_and(|row| self.same(first, row)),
                _ => false,
            };
            let Ok(more) = next.rows else {
                self.ahead.push(next);
                break;
            };
            if !same {
                self.ahead.push(Record {
                    rows: Ok(more),
                    ..next
                });
                break;
            }
            record.raw.push('\n');
            record.raw.push_str(&next.raw);
            rows.extend(more);
        }
        Ok(Some(record))
    }

    fn same(&self, one: &Row, other: &Row) -> bool {
        self.group_by
            .iter()
            .all(|name| text_of(one, &self.header, name) == text_of(other, &self.header, name))
    }
}

fn next_json(lines: &mut Lines) -> io::Result<Option<Record>> {
    loop {
        let Some(Line { text, number, cut }) = lines.next_line()? else {
            return Ok(None);
        };
        if text.trim().is_empty() {
            continue;
        }
        let rows = check_text(&text, number, cut).and_then(|()| parse_json(&text, number));
        return Ok(Some(Record {
            line: number,
            raw: text,
            rows,
        }));
    }
}

fn parse_json(text: &str, line: u64) -> Result<Vec<Row>, Refusal> {
    let refuse = |what: String| Err(Refusal::new("bad_json", "", format!("line {line}{what}")));
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if value.is_object() => Ok(vec![Row::Json(value)]),
        Ok(_) => refuse(" is JSON but no object".to_owned()),
        // The parser's own words may quote the text, so only its place is told.
        Err(error) if error.is_eof() => refuse(" ends in the middle of its JSON".to_owned()),
        Err(error) => refuse(format!(", column {}: is no JSON", error.column())),
    }
}
