//! Articles as lines of JSON and of CSV.
//!
//! In CSV the lists (similar questions, attachments, channels) stand in one field, one item a line.

use super::view::{ArticleInput, ArticleView};
use crate::contract::delimited::Record;

/// The columns of CSV; only `question` is required, the order is free.
pub(super) const COLUMNS: [&str; 13] = [
    "id",
    "base",
    "kind",
    "question",
    "similar_questions",
    "answer",
    "attachments",
    "channels",
    "language",
    "valid_from",
    "valid_to",
    "owner",
    "status",
];

/// The head of an export.
pub(super) fn csv_head() -> String {
    COLUMNS.join(",") + "\r\n"
}

/// One article as a line of CSV.
pub(super) fn csv_line(article: &ArticleView) -> String {
    let json = serde_json::to_value(article).unwrap_or_default();
    let fields = COLUMNS.map(|column| match json.get(column) {
        Some(serde_json::Value::String(text)) => quoted(text),
        Some(serde_json::Value::Array(items)) => {
            let items: Vec<&str> = items.iter().filter_map(|item| item.as_str()).collect();
            quoted(&items.join("\n"))
        }
        _ => String::new(),
    });
    fields.join(",") + "\r\n"
}

/// One article as a line of JSON.
pub(super) fn json_line(article: &ArticleView) -> String {
    let mut line = serde_json::to_string(article).unwrap_or_default();
    line.push('\n');
    line
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// An article out of a record whose columns are `head`.
pub(super) fn csv_article(head: &[String], record: Record) -> ArticleInput {
    let mut input = ArticleInput::default();
    for (column, field) in head.iter().zip(record.fields) {
        if field.is_empty() {
            continue;
        }
        let list = || {
            let items = field.lines().map(str::trim).filter(|item| !item.is_empty());
            Some(items.map(str::to_owned).collect::<Vec<_>>())
        };
        match column.as_str() {
            "similar_questions" => input.similar_questions = list(),
            "attachments" => input.attachments = list(),
            "channels" => input.channels = list(),
            "id" => input.id = Some(field),
            "base" => input.base = Some(field),
            "kind" => input.kind = Some(field),
            "question" => input.question = Some(field),
            "answer" => input.answer = Some(field),
            "language" => input.language = Some(field),
            "valid_from" => input.valid_from = Some(field),
            "valid_to" => input.valid_to = Some(field),
            "owner" => input.owner = Some(field),
            "status" => input.status = Some(field),
            _ => {}
        }
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_lines_of_a_field() {
        let head = ["id", "question", "similar_questions"].map(str::to_owned);
        let record = Record {
            line: 2,
            fields: vec!["1".into(), "q".into(), "a\n b \n".into()],
        };
        let input = csv_article(&head, record);
        assert_eq!(input.base(), "default");
        assert_eq!(input.similar_questions.unwrap(), ["a", "b"]);
    }
}
