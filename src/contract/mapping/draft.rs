//! `mapping new FILE`: a first mapping from the header and the first rows.
//!
//! Invariants: the draft is a valid mapping; what it guessed says so in a
//! comment. Guesses come from column names (English and Chinese) and from the
//! form of the samples. Of the file's values only short repeated words of an
//! outcome or speaker column are written into it.

mod roles;
mod write;

use std::io::{Cursor, Read};

use super::error::MappingError;
use super::input::{Format, Input, Sheet};
use super::keys::Mistakes;
use super::record::{Header, Name, Node, Row, find};
use super::records::Records;

use roles::{Column, SampledList};

const SAMPLE_BYTES: u64 = 512 * 1024;
const SAMPLE_ROWS: usize = 200;

/// What the sample shows.
pub(super) struct Sample {
    pub name: String,
    pub format: Format,
    pub header: bool,
    /// Index of the first sheet with rows.
    pub sheet: u64,
    pub columns: Vec<Column>,
    /// JSONL: the list that holds the utterances.
    pub list: Option<SampledList>,
}

/// Writes a first mapping for a file. `input` is already decompressed; only
/// its beginning is read (workbooks whole).
///
/// # Errors
/// When the file cannot be read, is of no known format or has no rows.
pub fn draft(file_name: &str, input: &mut dyn Read) -> Result<String, MappingError> {
    let format = Format::of_file_name(file_name).ok_or_else(|| MappingError::UnknownFormat {
        file: file_name.to_owned(),
    })?;
    let bytes = sample_bytes(format, input).map_err(|source| MappingError::Read {
        file: file_name.to_owned(),
        source,
    })?;
    let mut settings = Input::parse(None, &Mistakes::default());
    settings.format = Some(format);
    let (header, rows, sheet) = first_rows(file_name, &bytes, &mut settings)?;
    let names = match format {
        Format::Jsonl => roles::paths(&rows),
        _ if settings.header => header.names(),
        _ => (0..header.width).map(|index| index.to_string()).collect(),
    };
    let columns = names
        .into_iter()
        // Such a name cannot stand in a template.
        .filter(|name| !name.contains(['{', '}', '\n']))
        .map(|name| {
            let key = Name::new(&name);
            let samples = rows.iter().filter_map(|row| shown(row, &header, &key));
            Column::new(name, &samples.collect::<Vec<_>>())
        })
        .collect();
    Ok(write::mapping(&Sample {
        name: stem(file_name),
        format,
        header: settings.header,
        sheet,
        columns,
        list: roles::text_list(&rows),
    }))
}

/// The beginning of the file, up to its last whole line.
fn sample_bytes(format: Format, input: &mut dyn Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if format == Format::Xlsx {
        input.read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    input.take(SAMPLE_BYTES).read_to_end(&mut bytes)?;
    let full = u64::try_from(bytes.len()).unwrap_or(u64::MAX) == SAMPLE_BYTES;
    if full && let Some(end) = memchr::memrchr(b'\n', &bytes) {
        bytes.truncate(end + 1);
    }
    Ok(bytes)
}

/// The rows below the header; of a workbook those of the first sheet that has
/// any.
fn first_rows(
    file: &str,
    bytes: &[u8],
    settings: &mut Input,
) -> Result<(Header, Vec<Row>, u64), MappingError> {
    for sheet in 0_u64.. {
        settings.sheet = Sheet::Index(sheet);
        let json = settings.format == Some(Format::Jsonl);
        settings.header = json || has_header(file, bytes, settings)?;
        match sample_rows(file, bytes, settings) {
            Ok((header, rows)) if !rows.is_empty() => return Ok((header, rows, sheet)),
            Ok(_) | Err(MappingError::NoHeader { .. }) if settings.format == Some(Format::Xlsx) => {
            }
            Ok(_) => break,
            Err(error) => return Err(error),
        }
    }
    Err(MappingError::NoHeader {
        file: file.to_owned(),
    })
}

/// A first row with a number or a time among its cells is data.
fn has_header(file: &str, bytes: &[u8], settings: &Input) -> Result<bool, MappingError> {
    let mut bare = settings.clone();
    bare.header = false;
    let (_, rows) = sample_rows(file, bytes, &bare)?;
    let Some(Row::Cells(cells)) = rows.first() else {
        return Ok(true);
    };
    Ok(!cells.iter().any(|cell| roles::is_number_or_time(cell)))
}

fn sample_rows(
    file: &str,
    bytes: &[u8],
    settings: &Input,
) -> Result<(Header, Vec<Row>), MappingError> {
    let mut records = Records::open(Box::new(Cursor::new(bytes.to_vec())), file, settings)?;
    let mut rows = Vec::new();
    while rows.len() < SAMPLE_ROWS {
        match records.next_record() {
            Ok(Some(record)) => rows.extend(record.rows.unwrap_or_default()),
            _ => break,
        }
    }
    Ok((records.header, rows))
}

fn shown(row: &Row, header: &Header, name: &Name) -> Option<String> {
    let text = match find(row, header, name) {
        Node::Cell(text) => text.to_owned(),
        Node::Json(serde_json::Value::String(text)) => text.clone(),
        Node::Json(value) if !value.is_null() => value.to_string(),
        _ => String::new(),
    };
    let text = text.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The file's name without folders and endings, as a short word.
fn stem(file_name: &str) -> String {
    let base = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let base = base.split('.').next().unwrap_or_default();
    let word: String = base
        .chars()
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .collect();
    let word = word.trim_matches('-').to_lowercase();
    if word.is_empty() {
        "import".to_owned()
    } else {
        word
    }
}
