//! The report as a page and as rows.
//!
//! Invariants: the page is one file without scripts and without anything to fetch; what data say is escaped; the
//! rows (RFC 4180) have the figures unrounded. Not here: the figures.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::words::{Language, Word};
use super::{Figure, Report};

const STYLE: &str = "body{font:15px/1.5 system-ui,'Noto Sans CJK SC',sans-serif;margin:2rem auto;max-width:64rem;\
padding:0 1rem;color:#1b2733}h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;\
width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #dde3e8}td.n,th.n{text-align:right;\
font-variant-numeric:tabular-nums}small{color:#5c6b7a}.met{color:#12703a}.missed{color:#a3261d}";

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A value in its unit, for people.
fn shown(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value else {
        return "–".to_owned();
    };
    match unit {
        "percent" => format!("{value:.1} %"),
        "ms" => format!("{:.1} s", value / 1000.0),
        "count" => format!("{value:.0}"),
        "points" => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Whether less is better.
fn is_burden(metric: &str) -> bool {
    let burdens = [
        "abandon",
        "wait",
        "speed_of_answer",
        "handle_time",
        "transfer",
        "complaint",
        "cost",
    ];
    burdens.iter().any(|word| metric.contains(word))
}

/// The page.
#[must_use]
pub fn html(report: &Report, language: Language) -> String {
    let say = |word| language.say(word);
    let title = format!("{} {}", say(Word::Title), report.month);
    // Writing to a string cannot fail.
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>\
         </head><body>\n<h1>{title}</h1>\n<p><small>{}: {}</small></p>\n",
        language.tag(),
        say(Word::Zone),
        escape(&report.timezone)
    );
    let (all, by_queue): (Vec<&Figure>, Vec<&Figure>) = report
        .figures
        .iter()
        .partition(|figure| figure.queue.is_none());
    figures(&mut page, say(Word::Figures), &all, language);
    figures(&mut page, say(Word::ByQueue), &by_queue, language);
    abandons(&mut page, &report.abandons, language);
    topics(&mut page, &report.topics, language);
    opportunities(&mut page, &report.opportunities, language);
    page.push_str("</body></html>\n");
    page
}

fn table(page: &mut String, title: &str, head: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    let _ = write!(page, "<h2>{title}</h2>\n<table><thead><tr>");
    for (place, word) in head.iter().enumerate() {
        let class = if place == 0 { "" } else { " class=\"n\"" };
        let _ = write!(page, "<th{class}>{word}</th>");
    }
    page.push_str("</tr></thead><tbody>\n");
    for row in rows {
        page.push_str("<tr>");
        for (place, cell) in row.iter().enumerate() {
            let class = if place == 0 { "" } else { " class=\"n\"" };
            let _ = write!(page, "<td{class}>{cell}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table>\n");
}

fn figures(page: &mut String, title: &str, figures: &[&Figure], language: Language) {
    let words = [
        Word::Metric,
        Word::Queue,
        Word::Value,
        Word::Interval,
        Word::Before,
        Word::Change,
        Word::Target,
        Word::Counted,
        Word::Coverage,
        Word::Definition,
    ];
    let head: Vec<&str> = words.iter().map(|word| language.say(*word)).collect();
    let row = |figure: &&Figure| {
        let unit = figure.unit.as_str();
        let interval = match (figure.low, figure.high) {
            (Some(low), Some(high)) => {
                format!("{} – {}", shown(Some(low), unit), shown(Some(high), unit))
            }
            _ => "–".to_owned(),
        };
        let change = figure
            .value
            .zip(figure.before)
            .map(|(now, before)| now - before);
        let change = change.map_or_else(
            || "–".to_owned(),
            |change| {
                format!(
                    "{}{}",
                    if change > 0.0 { "+" } else { "" },
                    shown(Some(change), unit)
                )
            },
        );
        let target = figure.target.map_or_else(
            || "–".to_owned(),
            |target| {
                let is_met = figure
                    .value
                    .is_some_and(|value| (value >= target) != is_burden(&figure.metric));
                let class = if is_met { "met" } else { "missed" };
                format!(
                    "<span class=\"{class}\">{}</span>",
                    shown(Some(target), unit)
                )
            },
        );
        let queue = figure.queue.as_deref().unwrap_or(language.say(Word::All));
        let coverage = figure.coverage.map(|share| 100.0 * share);
        vec![
            escape(&language.metric(&figure.metric)),
            escape(queue),
            shown(figure.value, unit),
            interval,
            shown(figure.before, unit),
            change,
            target,
            figure.n.to_string(),
            shown(coverage, "percent"),
            format!("<small>{}</small>", escape(&figure.definition)),
        ]
    };
    let rows: Vec<Vec<String>> = figures.iter().map(row).collect();
    table(page, title, &head, &rows);
}

fn text(row: &Map<String, Value>, name: &str) -> Option<String> {
    row.get(name).and_then(Value::as_str).map(escape)
}

fn number(row: &Map<String, Value>, name: &str) -> Option<f64> {
    row.get(name).and_then(Value::as_f64)
}

fn examples(row: &Map<String, Value>) -> String {
    let ids = row.get("examples").and_then(Value::as_array);
    let ids = ids.into_iter().flatten().filter_map(Value::as_str).take(3);
    let ids: Vec<String> = ids.map(escape).collect();
    format!("<small>{}</small>", ids.join("<br>"))
}

fn abandons(page: &mut String, rows: &[Map<String, Value>], language: Language) {
    let words = [
        Word::Cause,
        Word::Channel,
        Word::Queue,
        Word::Abandoned,
        Word::Share,
        Word::Examples,
    ];
    let head: Vec<&str> = words.iter().map(|word| language.say(*word)).collect();
    let row = |row: &Map<String, Value>| {
        let cause = row.get("cause").and_then(Value::as_str).unwrap_or_default();
        vec![
            escape(&language.closed(cause)),
            text(row, "channel").unwrap_or_default(),
            text(row, "queue").unwrap_or_default(),
            shown(number(row, "abandons"), "count"),
            shown(number(row, "share"), "percent"),
            examples(row),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    table(page, language.say(Word::Abandons), &head, &rows);
}

fn topics(page: &mut String, rows: &[Map<String, Value>], language: Language) {
    let words = [
        Word::Reason,
        Word::Contacts,
        Word::Share,
        Word::Ratio,
        Word::Negative,
        Word::Repeats,
    ];
    let head: Vec<&str> = words.iter().map(|word| language.say(*word)).collect();
    let row = |row: &Map<String, Value>| {
        let ratio =
            number(row, "ratio").map_or_else(|| "–".to_owned(), |ratio| format!("× {ratio:.2}"));
        vec![
            text(row, "reason").unwrap_or_else(|| language.say(Word::Unknown).to_owned()),
            shown(number(row, "interactions"), "count"),
            shown(number(row, "share"), "percent"),
            ratio,
            shown(number(row, "negative_share"), "percent"),
            shown(number(row, "repeat_share"), "percent"),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    table(page, language.say(Word::Topics), &head, &rows);
}

fn opportunities(page: &mut String, rows: &[Map<String, Value>], language: Language) {
    let words = [
        Word::Kind,
        Word::Reason,
        Word::Contacts,
        Word::Prize,
        Word::Examples,
    ];
    let head: Vec<&str> = words.iter().map(|word| language.say(*word)).collect();
    let row = |row: &Map<String, Value>| {
        let kind = row.get("kind").and_then(Value::as_str).unwrap_or_default();
        vec![
            escape(&language.closed(kind)),
            text(row, "reason").unwrap_or_default(),
            shown(number(row, "interactions"), "count"),
            shown(number(row, "prize_minutes_per_week"), "count"),
            examples(row),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    table(page, language.say(Word::Opportunities), &head, &rows);
}

/// The figures as rows.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut rows = String::from(
        "month,metric,definition,unit,queue,value,low,high,n,coverage,value_month_before,target\r\n",
    );
    for figure in &report.figures {
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let cells = [
            report.month.clone(),
            figure.metric.clone(),
            figure.definition.clone(),
            figure.unit.clone(),
            quoted(figure.queue.as_deref().unwrap_or_default()),
            number(figure.value),
            number(figure.low),
            number(figure.high),
            figure.n.to_string(),
            number(figure.coverage),
            number(figure.before),
            number(figure.target),
        ];
        rows.push_str(&cells.join(","));
        rows.push_str("\r\n");
    }
    rows
}

/// A text that a spreadsheet neither splits nor runs.
fn quoted(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_escapes_and_names_what_it_shows() {
        let figure = Figure {
            metric: "abandonment_rate_a".to_owned(),
            definition: "abandonment_rate_a@1".to_owned(),
            unit: "percent".to_owned(),
            queue: Some("<b>, x".to_owned()),
            value: Some(16.796),
            low: Some(16.2),
            high: Some(17.4),
            n: 17_313,
            coverage: Some(1.0),
            before: Some(18.0),
            target: None,
        };
        let report = Report {
            month: "1999-02".to_owned(),
            timezone: "Asia/Jerusalem".to_owned(),
            figures: vec![figure],
            abandons: Vec::new(),
            topics: Vec::new(),
            opportunities: Vec::new(),
        };
        let page = html(&report, Language::Chinese);
        assert!(
            page.contains("放弃率") && page.contains("16.8 %") && page.contains("-1.2 %"),
            "{page}"
        );
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"));
        assert!(html(&report, Language::English).contains("Abandonment rate"));
        let rows = csv(&report);
        assert!(
            rows.contains("\"<b>, x\",16.796,16.2,17.4,17313,1,18,\r\n"),
            "{rows}"
        );
    }
}
