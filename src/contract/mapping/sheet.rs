//! Workbooks (XLSX and its relatives) to rows of text cells.
//!
//! Invariants: dates become `2026-11-20 03:15:07`, times of day `03:15:07`,
//! whole numbers lose their `.0`, so a mapping sees what a CSV export would
//! show. A workbook is read whole: the format cannot be streamed.

use std::io::Cursor;

use calamine::{Data, Range, Reader, open_workbook_auto_from_rs};

use super::input::Sheet;

/// Rows of one sheet.
pub(super) struct SheetRows {
    cells: Range<Data>,
    next: usize,
    first_line: u64,
}

impl SheetRows {
    /// `Err` says why in words for the user, with the sheets that exist.
    pub fn open(bytes: Vec<u8>, sheet: &Sheet) -> Result<Self, String> {
        let mut book = open_workbook_auto_from_rs(Cursor::new(bytes))
            .map_err(|error| format!("{error}; is it really a workbook?"))?;
        let names = book.sheet_names();
        let name = match sheet {
            Sheet::Name(name) => names.iter().find(|found| *found == name),
            Sheet::Index(index) => usize::try_from(*index)
                .ok()
                .and_then(|index| names.get(index)),
        };
        let Some(name) = name.cloned() else {
            return Err(format!(
                "it lacks the sheet of [input] sheet; it has {}",
                names.join(", ")
            ));
        };
        let cells = book
            .worksheet_range(&name)
            .map_err(|error| format!("sheet {name}: {error}"))?;
        let first_line = u64::from(cells.start().map_or(0, |(row, _)| row)) + 1;
        Ok(SheetRows {
            cells,
            next: 0,
            first_line,
        })
    }

    /// The next row with its 1-based line in the sheet; empty rows are passed.
    pub fn next_row(&mut self) -> Option<(u64, Vec<String>)> {
        let (height, width) = self.cells.get_size();
        while self.next < height {
            let row = self.next;
            self.next += 1;
            let cells: Vec<String> = (0..width)
                .map(|column| {
                    self.cells
                        .get((row, column))
                        .map_or_else(String::new, cell_text)
                })
                .collect();
            if cells.iter().any(|cell| !cell.is_empty()) {
                let line = self.first_line + u64::try_from(row).unwrap_or(u64::MAX);
                return Some((line, cells));
            }
        }
        None
    }
}

fn cell_text(cell: &Data) -> String {
    match cell {
        Data::Empty | Data::Error(_) => String::new(),
        Data::String(text) => text.trim().to_owned(),
        Data::Float(number) => number.to_string(),
        Data::DateTime(moment) if moment.is_duration() => duration_text(moment.as_f64()),
        Data::DateTime(moment) => date_text(moment.as_f64(), moment.to_ymd_hms_milli()),
        other => other.to_string(),
    }
}

/// `[h]:mm:ss` cells may hold more than a day.
#[allow(clippy::cast_possible_truncation, reason = "a spreadsheet's days fit")]
fn duration_text(days: f64) -> String {
    let seconds = (days * 86_400.0).round() as i64;
    let (sign, seconds) = if seconds < 0 {
        ("-", -seconds)
    } else {
        ("", seconds)
    };
    let (hours, rest) = (seconds / 3600, seconds % 3600);
    format!("{sign}{hours}:{:02}:{:02}", rest / 60, rest % 60)
}

fn date_text(days: f64, parts: (u16, u8, u8, u8, u8, u8, u16)) -> String {
    let (year, month, day, hour, minute, second, milli) = parts;
    let mut clock = format!("{hour:02}:{minute:02}:{second:02}");
    if milli > 0 {
        clock = format!("{clock}.{milli:03}");
    }
    if (0.0..1.0).contains(&days) {
        return clock;
    }
    format!("{year:04}-{month:02}-{day:02} {clock}")
}
