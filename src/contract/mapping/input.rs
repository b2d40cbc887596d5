//! `[input]` and `[columns]`: how the bytes of a file become records. Only
//! the settings; the readers are in `decode`, `delimited`, `lines` and `sheet`.

use encoding_rs::Encoding;
use toml::Table;

use super::keys::{Keys, Mistakes};

/// Layout of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Jsonl,
    Xlsx,
}

impl Format {
    /// By the ending of the name, after `.gz` or `.zst` was taken off.
    pub fn of_file_name(name: &str) -> Option<Format> {
        let lower = name.to_ascii_lowercase();
        let plain = lower
            .strip_suffix(".gz")
            .or_else(|| lower.strip_suffix(".zst"))
            .unwrap_or(&lower);
        let (_, ending) = plain.rsplit_once('.')?;
        match ending {
            "csv" | "tsv" | "tab" | "txt" => Some(Format::Csv),
            "jsonl" | "ndjson" | "json" => Some(Format::Jsonl),
            "xlsx" | "xlsm" | "xlsb" | "xls" | "ods" => Some(Format::Xlsx),
            _ => None,
        }
    }
}

/// Sheet of a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sheet {
    Name(String),
    Index(u64),
}

/// What to do with a row that has more or fewer fields than the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ragged {
    Refuse,
    Fill,
}

/// `[input]`, with defaults filled in.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub format: Option<Format>,
    /// `None`: find out.
    pub encoding: Option<&'static Encoding>,
    /// `None`: find out from the first lines.
    pub delimiter: Option<String>,
    /// `None`: fields are never quoted.
    pub quote: Option<char>,
    pub escape: Option<char>,
    pub header: bool,
    pub columns: Vec<String>,
    pub optional: Vec<String>,
    pub skip_lines: u64,
    pub comment: Option<String>,
    pub trim: bool,
    pub ragged: Ragged,
    pub sheet: Sheet,
    pub null: Vec<String>,
    pub group_by: Vec<String>,
    pub max_row_bytes: usize,
}

const KEYS: &[&str] = &[
    "format",
    "encoding",
    "delimiter",
    "quote",
    "escape",
    "header",
    "columns",
    "optional",
    "skip_lines",
    "comment",
    "trim",
    "ragged",
    "sheet",
    "null",
    "group_by",
    "max_row_bytes",
];

const DEFAULT_MAX_ROW_BYTES: u64 = 4 * 1024 * 1024;

impl Input {
    /// Reads `[input]`; an absent table means all defaults.
    pub fn parse(table: Option<&Table>, mistakes: &Mistakes) -> Input {
        let empty = Table::new();
        let keys = Keys::new(table.unwrap_or(&empty), "input", mistakes, KEYS);
        Input {
            format: format(&keys),
            encoding: encoding(&keys),
            delimiter: delimiter(&keys),
            quote: single(&keys, "quote", Some('"')),
            escape: single(&keys, "escape", None),
            header: keys.bool("header").unwrap_or(true),
            columns: keys.texts("columns"),
            optional: keys.texts("optional"),
            skip_lines: keys.count("skip_lines").unwrap_or(0),
            comment: keys.word("comment"),
            trim: keys.bool("trim").unwrap_or(true),
            ragged: ragged(&keys),
            sheet: sheet(&keys),
            null: keys.texts("null"),
            group_by: keys.names("group_by"),
            max_row_bytes: max_row_bytes(&keys),
        }
    }
}

fn format(keys: &Keys) -> Option<Format> {
    match keys.one_of("format", &["csv", "jsonl", "xlsx"])?.as_str() {
        "csv" => Some(Format::Csv),
        "jsonl" => Some(Format::Jsonl),
        _ => Some(Format::Xlsx),
    }
}

fn encoding(keys: &Keys) -> Option<&'static Encoding> {
    let label = keys.word("encoding")?;
    if label == "auto" {
        return None;
    }
    let found = Encoding::for_label(label.as_bytes());
    if found.is_none() {
        keys.mistake(
            "encoding",
            "is no known encoding; use \"auto\", \"utf-8\", \"gb18030\", \"big5\", \"utf-16le\" or another WHATWG label",
        );
    }
    found
}

fn delimiter(keys: &Keys) -> Option<String> {
    let text = keys.string("delimiter")?;
    if text == "auto" {
        return None;
    }
    if text.is_empty() || text.contains(['\n', '\r', '"']) {
        keys.mistake(
            "delimiter",
            "must be \"auto\" or at least one character, not a quote or line break",
        );
        return None;
    }
    Some(text)
}

/// One character; the empty string switches it off.
fn single(keys: &Keys, key: &str, default: Option<char>) -> Option<char> {
    let Some(text) = keys.string(key) else {
        return default;
    };
    let mut letters = text.chars();
    let first = letters.next();
    if letters.next().is_some() {
        keys.mistake(key, "must be one character, or \"\" for none");
    }
    first
}

fn ragged(keys: &Keys) -> Ragged {
    match keys.one_of("ragged", &["refuse", "fill"]).as_deref() {
        Some("fill") => Ragged::Fill,
        _ => Ragged::Refuse,
    }
}

fn sheet(keys: &Keys) -> Sheet {
    match keys.raw("sheet") {
        Some(toml::Value::String(name)) => Sheet::Name(name.clone()),
        Some(_) => Sheet::Index(keys.count("sheet").unwrap_or(0)),
        None => Sheet::Index(0),
    }
}

fn max_row_bytes(keys: &Keys) -> usize {
    let bytes = keys
        .count("max_row_bytes")
        .unwrap_or(DEFAULT_MAX_ROW_BYTES)
        .clamp(1024, 1 << 30);
    usize::try_from(bytes).unwrap_or(1024)
}
