//! Records of any format as one thing that the rest of a mapping can ask for
//! a name: the cells of a row under a header, or a JSON value.
//!
//! Invariants: a record has one row, or several when the mapping groups rows;
//! names are looked up in its first row. A cell that is empty or holds a word
//! of `[input] null` or `[columns.….] null` is unknown.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value as Json;

/// Names of the columns of a file.
#[derive(Debug, Default)]
pub(super) struct Header {
    names: HashMap<String, usize>,
    /// Number of columns, 0 while unknown.
    pub width: usize,
}

impl Header {
    /// A repeated name gets `_2`, `_3`, …; an empty one has only its index.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut header = Header::default();
        for (index, name) in names.into_iter().enumerate() {
            header.width = index + 1;
            if name.is_empty() {
                continue;
            }
            let mut free = name.clone();
            let mut count = 1;
            while header.names.contains_key(&free) {
                count += 1;
                free = format!("{name}_{count}");
            }
            header.names.insert(free, index);
        }
        header
    }

    /// A column by its name, else by its 0-based index in digits.
    pub fn index(&self, name: &str) -> Option<usize> {
        let named = self.names.get(name).copied();
        named.or_else(|| name.parse().ok().filter(|index| *index < self.width))
    }

    /// Names in the order of the columns.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(_, index)| **index);
        names.into_iter().map(|(name, _)| name.clone()).collect()
    }
}

/// One row of a file.
#[derive(Debug)]
pub(super) enum Row {
    Cells(Vec<String>),
    Json(Json),
}

/// Something that a name stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node<'a> {
    Missing,
    Cell(&'a str),
    Row(&'a Row),
    Json(&'a Json),
}

/// One step of a dotted path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// A name in a mapping: `q_start`, `3`, `turn.sender`, `turns[0].text`, with
/// `#` at its end the position of a loop's item, with `column:` before it the
/// column and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// As written, without `column:`.
    pub text: String,
    /// First step: the name of a loop, value or time, or of a column.
    pub head: String,
    rest: Vec<Step>,
    /// `turn#`: the loop variable whose position is meant, empty for `#`
    /// alone. Without such a loop it is a column like `Call #`.
    pub position_of: Option<String>,
    /// `column:start`: the column even if the mapping has that name too.
    pub column_only: bool,
}

impl Name {
    pub fn new(written: &str) -> Self {
        let written = written.trim();
        let column = written.strip_prefix("column:");
        let column_only = column.is_some();
        let written = column.unwrap_or(written);
        let position_of = written.strip_suffix('#').map(str::to_owned);
        let text = written.to_owned();
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (key, indexes) = part.split_once('[').unwrap_or((part, ""));
            if !key.is_empty() {
                steps.push(Step::Key(key.to_owned()));
            }
            let numbers = indexes
                .split(['[', ']'])
                .filter_map(|digits| digits.parse().ok());
            steps.extend(numbers.map(Step::Index));
        }
        let head = match steps.first() {
            Some(Step::Key(key)) => key.clone(),
            _ => text.clone(),
        };
        let rest = steps.split_off(steps.len().min(1));
        Name {
            text,
            head,
            rest,
            position_of,
            column_only,
        }
    }
}

/// Looks a name up in a row: a CSV column has the whole name as written.
pub(super) fn find<'a>(row: &'a Row, header: &Header, name: &Name) -> Node<'a> {
    match row {
        Row::Cells(cells) => cell(cells, header, &name.text),
        Row::Json(json) => match json.get(&name.text) {
            Some(whole) => Node::Json(whole),
            None => json
                .get(&name.head)
                .map_or(Node::Missing, |first| walk(first, &name.rest)),
        },
    }
}

/// Looks the steps after a loop's name up in the loop's item.
pub(super) fn find_in_item<'a>(item: Node<'a>, header: &Header, name: &Name) -> Node<'a> {
    match item {
        _ if name.rest.is_empty() => item,
        Node::Json(json) | Node::Row(Row::Json(json)) => walk(json, &name.rest),
        Node::Row(Row::Cells(cells)) => {
            let column = name.text.split_once('.').map_or("", |(_, column)| column);
            cell(cells, header, column)
        }
        Node::Cell(_) | Node::Missing => Node::Missing,
    }
}

fn cell<'a>(cells: &'a [String], header: &Header, name: &str) -> Node<'a> {
    let cell = header.index(name).and_then(|index| cells.get(index));
    cell.map_or(Node::Missing, |cell| Node::Cell(cell))
}

fn walk<'a>(json: &'a Json, steps: &[Step]) -> Node<'a> {
    let mut at = json;
    for step in steps {
        let next = match step {
            Step::Key(key) => at.get(key),
            Step::Index(index) => at.get(index),
        };
        let Some(next) = next else {
            return Node::Missing;
        };
        at = next;
    }
    Node::Json(at)
}

/// What a row says under `name`, as text; for grouping rows by a key.
pub(super) fn text_of<'a>(row: &'a Row, header: &Header, name: &Name) -> Cow<'a, str> {
    match find(row, header, name) {
        Node::Cell(text) => Cow::Borrowed(text),
        Node::Json(Json::String(text)) => Cow::Borrowed(text),
        Node::Json(other) => Cow::Owned(other.to_string()),
        Node::Row(_) | Node::Missing => Cow::Borrowed(""),
    }
}
