//! What names mean while one record is mapped: loop items first, then the
//! mapping's own values and times, then columns of the file.
//!
//! Invariants: values and times are evaluated when asked for and, outside
//! loops, at most once a record; the use of a made time is remembered until
//! the event that used it is written.

use std::cell::{Cell, RefCell};

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::error::Refusal;
use super::record::{Header, Name, Node, Row, find, find_in_item};
use super::spec::{Named, Spec};
use super::value::Val;

/// One record and what was found out about it so far.
pub(super) struct Frame<'a> {
    pub spec: &'a Spec,
    pub header: &'a Header,
    pub rows: &'a [Row],
    pub line: u64,
    /// 0-based.
    pub row: u64,
    /// Where made times count from.
    pub start: DateTime<Utc>,
    /// Set when a made time was used.
    pub made: Cell<bool>,
    /// Items left out on purpose so far.
    pub skipped_items: Cell<u64>,
    memo: RefCell<Vec<Option<(Val, bool)>>>,
}

/// The item that a loop stands at.
#[derive(Clone)]
pub(super) struct Binding<'a> {
    pub variable: &'a str,
    pub item: Node<'a>,
    /// 1-based.
    pub position: u64,
}

/// A frame with the loops around the place that is evaluated.
#[derive(Clone)]
pub(super) struct Scope<'f, 'a> {
    pub frame: &'f Frame<'a>,
    pub bindings: Vec<Binding<'a>>,
    /// 1-based number of the innermost item over all loops; 0 outside.
    pub item: u64,
    /// The value or time being evaluated: its own name means the column.
    evaluating: Option<Named>,
}

impl<'a> Frame<'a> {
    pub fn new(
        spec: &'a Spec,
        header: &'a Header,
        rows: &'a [Row],
        place: (u64, u64),
        start: DateTime<Utc>,
    ) -> Self {
        Frame {
            spec,
            header,
            rows,
            line: place.0,
            row: place.1,
            start,
            made: Cell::new(false),
            skipped_items: Cell::new(0),
            memo: RefCell::new(vec![None; spec.named_count()]),
        }
    }

    pub fn scope(&self) -> Scope<'_, 'a> {
        Scope {
            frame: self,
            bindings: Vec::new(),
            item: 0,
            evaluating: None,
        }
    }
}

impl<'a> Scope<'_, 'a> {
    /// The value under a name; unknown when the record has nothing there.
    pub fn value(&self, name: &Name) -> Result<Val, Refusal> {
        if let Some(position) = self.position(name) {
            return Ok(position);
        }
        if let Some(binding) = self.binding(name) {
            let node = find_in_item(binding.item, self.frame.header, name);
            return Ok(self.node_value(node, &name.text));
        }
        let named = self.frame.spec.named(name);
        if let Some(named) = named.filter(|named| self.evaluating != Some(*named)) {
            return self.named(named);
        }
        let Some(row) = self.frame.rows.first() else {
            return Ok(Val::Unknown);
        };
        Ok(self.node_value(find(row, self.frame.header, name), &name.text))
    }

    /// What a loop walks: the elements of an array, the rows of a group, or a
    /// single thing as a list of one.
    pub fn items(&self, name: &Name) -> Vec<Node<'a>> {
        let node = match (self.binding(name), self.frame.rows.first()) {
            (Some(binding), _) => find_in_item(binding.item, self.frame.header, name),
            (None, Some(row)) => find(row, self.frame.header, name),
            (None, None) => Node::Missing,
        };
        match node {
            Node::Missing if name.text == "rows" => self.frame.rows.iter().map(Node::Row).collect(),
            Node::Missing | Node::Json(Json::Null) => Vec::new(),
            Node::Json(Json::Array(items)) => items.iter().map(Node::Json).collect(),
            one => vec![one],
        }
    }

    fn binding(&self, name: &Name) -> Option<&Binding<'a>> {
        self.bindings
            .iter()
            .rev()
            .find(|binding| binding.variable == name.head && !name.column_only)
    }

    /// `{turn#}` and `{#}`; `None` for every other name.
    fn position(&self, name: &Name) -> Option<Val> {
        let variable = name.position_of.as_ref().filter(|_| !name.column_only)?;
        let position = if variable.is_empty() {
            self.item
        } else {
            let bindings = self.bindings.iter().rev();
            let mut matching = bindings.filter(|binding| binding.variable == variable);
            matching.next()?.position
        };
        Some(i64::try_from(position).map_or(Val::Unknown, Val::Int))
    }

    fn named(&self, named: Named) -> Result<Val, Refusal> {
        let slot = self.frame.spec.slot(named);
        let remember = self.bindings.is_empty();
        if remember && let Some(Some((value, made))) = self.frame.memo.borrow().get(slot) {
            self.frame.made.set(self.frame.made.get() || *made);
            return Ok(value.clone());
        }
        let before = self.frame.made.replace(false);
        let mut inside = self.clone();
        inside.evaluating = Some(named);
        let value = match named {
            Named::Value(index) => match self.frame.spec.values.get(index) {
                Some(spec) => spec.eval(&inside)?,
                None => Val::Unknown,
            },
            Named::Time(index) => match self.frame.spec.times.get(index) {
                Some(spec) => spec.eval(&inside)?.map_or(Val::Unknown, Val::Time),
                None => Val::Unknown,
            },
        };
        let made = self.frame.made.get();
        self.frame.made.set(before || made);
        if remember && let Some(cell) = self.frame.memo.borrow_mut().get_mut(slot) {
            *cell = Some((value.clone(), made));
        }
        Ok(value)
    }

    fn node_value(&self, node: Node, name: &str) -> Val {
        match node {
            Node::Missing | Node::Row(_) | Node::Json(Json::Null) => Val::Unknown,
            Node::Cell(text) => self.text_value(text, name),
            Node::Json(Json::String(text)) => self.text_value(text, name),
            Node::Json(Json::Bool(flag)) => Val::Bool(*flag),
            Node::Json(Json::Number(number)) => {
                let whole = number.as_i64().map(Val::Int);
                let value = whole.or_else(|| number.as_f64().map(Val::Num));
                match value {
                    Some(value) if !self.is_null(&number.to_string(), name) => value,
                    _ => Val::Unknown,
                }
            }
            Node::Json(other) => Val::Json(other.clone()),
        }
    }

    fn text_value(&self, text: &str, name: &str) -> Val {
        let trimmed = text.trim();
        if trimmed.is_empty() || self.is_null(trimmed, name) {
            return Val::Unknown;
        }
        Val::Text(text.to_owned())
    }

    fn is_null(&self, text: &str, name: &str) -> bool {
        let spec = self.frame.spec;
        let listed = |words: &[String]| words.iter().any(|word| word == text);
        listed(&spec.input.null) || spec.columns.get(name).is_some_and(|words| listed(words))
    }
}
