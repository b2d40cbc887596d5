//! What a file of `queries/metrics/` says about its KPI.
//!
//! The header is the leading comment, `-- key: value`, with indented lines continuing a key. The statement below
//! gives one row for each unit that the metric looks at:
//!
//! - `m_at` timestamptz: the instant by which the unit belongs to an interval;
//! - `m_num`, `m_den`: what it adds to numerator and denominator; `m_den` null: the unit should count, but what
//!   decides about it is not known (it lowers the coverage);
//! - every dimension, and every name of `extras` as a number that is summed beside the metric.
//!
//! `$from` and `$to` are the asked interval as instants, `$name` is a parameter, `costs` the costs of the
//! deployment. Invariants: every key is there but the optional ones; a parameter has a default. Not here: which
//! relation a dimension outside the statement comes from (`ask`).

use serde::Serialize;

use crate::query::SqlType;

/// How numerator and denominator become the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The numerator.
    Count,
    /// 100 × numerator / denominator, both counts of units: Wilson's interval.
    Rate,
    /// 100 × numerator / denominator of amounts: no interval.
    Share,
    /// numerator / denominator.
    Mean,
    /// Nearest rank of the exact values `m_num`, at the parameter `percentile`.
    Percentile,
    /// 100 × (promoters less detractors) / answers: `m_num` is 1, 0 or -1.
    NetScore,
}

impl Kind {
    const ALL: [(&str, Self); 6] = [
        ("count", Self::Count),
        ("rate", Self::Rate),
        ("share", Self::Share),
        ("mean", Self::Mean),
        ("percentile", Self::Percentile),
        ("net_score", Self::NetScore),
    ];

    /// The word in headers and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(word, _)| word)
    }
}

/// A parameter of a metric; every one has a default.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricParam {
    /// Name.
    pub name: String,
    /// Type in the words of PostgreSQL.
    #[serde(rename = "type")]
    pub kind: SqlType,
    /// What holds when it is not given.
    pub default: String,
    /// The only values, when not all of the type are possible.
    pub allowed: Vec<String>,
    /// The least number that is possible.
    pub least: Option<f64>,
    /// The greatest number that is possible.
    pub greatest: Option<f64>,
    /// What it means.
    pub about: String,
}

/// A KPI.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Definition {
    /// The id, which is the file's name.
    pub id: String,
    /// Grows when the meaning changes.
    pub version: u32,
    /// One line.
    pub about: String,
    /// The formula in words.
    pub formula: String,
    /// What is counted or added up.
    pub numerator: String,
    /// Out of what.
    pub denominator: String,
    /// What does not count.
    pub exclusions: String,
    /// The instant by which a unit belongs to an interval.
    pub clock: String,
    /// `percent`, `ms`, `count` and the like.
    pub unit: String,
    /// How numerator and denominator become the value.
    pub kind: Kind,
    /// One row of what is looked at: `legs`, `interactions`, `surveys`, …
    pub grain: String,
    /// Whether numerators and denominators of parts add up to those of the whole.
    pub additive: bool,
    /// Who publishes it so.
    pub source: String,
    /// What is aimed at, in the unit, where a target is published.
    pub target: Option<f64>,
    /// Parameters, in order.
    pub params: Vec<MetricParam>,
    /// Dimensions of the statement itself, beside the columns of its mart.
    pub dimensions: Vec<(String, String)>,
    /// Sums that are answered beside the value.
    pub extras: Vec<String>,
    /// The statement.
    #[serde(skip)]
    pub(super) text: &'static str,
}

impl Definition {
    /// `id@version`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}@{}", self.id, self.version)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A sentence that names the key or line that is wrong.
    pub(super) fn parse(text: &'static str) -> Result<Self, String> {
        let head = Head::read(text)?;
        let line = |key: &str| {
            let text = head.lines(key).join(" ");
            if text.is_empty() {
                Err(format!("`-- {key}:` is missing"))
            } else {
                Ok(text)
            }
        };
        let kind = line("kind")?;
        let kind = Kind::ALL.iter().find(|(word, _)| *word == kind);
        let (_, kind) = kind.ok_or_else(|| "`kind` is no word of the list".to_owned())?;
        let dimensions = head.lines("dimensions");
        let dimensions: Result<Vec<_>, String> = dimensions
            .iter()
            .map(|line| {
                let found = line.split_once(char::is_whitespace);
                let (name, kind) =
                    found.ok_or_else(|| format!("a dimension is `name type`, not `{line}`"))?;
                Ok((name.to_owned(), kind.trim().to_owned()))
            })
            .collect();
        let params: Result<Vec<_>, String> = head
            .lines("params")
            .iter()
            .map(|line| param(line))
            .collect();
        let target = head.lines("target").first().map(|text| text.parse());
        Ok(Self {
            id: line("name")?,
            version: line("version")?
                .parse()
                .map_err(|_| "`version` is no number")?,
            about: line("about")?,
            formula: line("formula")?,
            numerator: line("numerator")?,
            denominator: line("denominator")?,
            exclusions: line("exclusions")?,
            clock: line("clock")?,
            unit: line("unit")?,
            kind: *kind,
            grain: line("grain")?,
            additive: line("additive")? == "yes",
            source: line("source")?,
            target: target.transpose().map_err(|_| "`target` is no number")?,
            params: params?,
            dimensions: dimensions?,
            extras: head
                .lines("extras")
                .iter()
                .map(|&line| line.to_owned())
                .collect(),
            text: head.body,
        })
    }
}

const KEYS: [&str; 17] = [
    "name",
    "version",
    "about",
    "formula",
    "numerator",
    "denominator",
    "exclusions",
    "clock",
    "unit",
    "kind",
    "grain",
    "additive",
    "source",
    "target",
    "params",
    "dimensions",
    "extras",
];

/// The lines of a header by key, and the statement below it.
struct Head {
    entries: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

impl Head {
    fn read(text: &'static str) -> Result<Self, String> {
        let mut entries = Vec::new();
        let mut key = None;
        let mut rest = text;
        while let Some((line, after)) = rest.split_once('\n') {
            let Some(comment) = line.strip_prefix("--") else {
                break;
            };
            rest = after;
            let content = comment.trim();
            let continues = comment.starts_with("   ");
            let found = content.split_once(':').filter(|_| !continues);
            let value = match found {
                Some((word, value)) => {
                    let known = KEYS.iter().find(|known| **known == word.trim());
                    key = Some(*known.ok_or_else(|| format!("unknown key `{word}`"))?);
                    value.trim()
                }
                None => content,
            };
            let key = key.ok_or_else(|| format!("no key before `{line}`"))?;
            if !value.is_empty() {
                entries.push((key, value));
            }
        }
        Ok(Self {
            entries,
            body: rest,
        })
    }

    fn lines(&self, key: &str) -> Vec<&'static str> {
        let of_key = self.entries.iter().filter(|(known, _)| *known == key);
        of_key.map(|(_, line)| *line).collect()
    }
}

/// `name type = default [in a|b|c] [from x to y][, about]`.
fn param(line: &str) -> Result<MetricParam, String> {
    let wrong = || format!("a parameter is `name type = default`, not `{line}`");
    let (declaration, rest) = line.split_once('=').ok_or_else(wrong)?;
    let (name, kind) = declaration
        .trim()
        .split_once(char::is_whitespace)
        .ok_or_else(wrong)?;
    let (value, about) = rest.split_once(", ").unwrap_or((rest, ""));
    let (value, range) = value.split_once(" from ").unwrap_or((value, ""));
    let (default, allowed) = value.split_once(" in ").unwrap_or((value, ""));
    let (least, greatest) = range.split_once(" to ").unwrap_or((range, ""));
    Ok(MetricParam {
        name: name.to_owned(),
        kind: kind.parse()?,
        default: default.trim().to_owned(),
        allowed: allowed
            .split('|')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        least: least.trim().parse().ok(),
        greatest: greatest.trim().parse().ok(),
        about: about.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_a_default_and_a_range() {
        let read = param("within_s bigint = 20 in 10|20|30, seconds, or so").unwrap();
        assert_eq!(
            (read.name.as_str(), read.default.as_str()),
            ("within_s", "20")
        );
        assert_eq!(read.allowed, ["10", "20", "30"]);
        assert_eq!(read.about, "seconds, or so");
        let read = param("short_s double precision = 5 from 0 to 60").unwrap();
        assert_eq!((read.least, read.greatest), (Some(0.0), Some(60.0)));
        assert_eq!(read.kind, SqlType::Double);
        assert!(param("short_s").is_err());
        assert!(param("short_s many = 5").is_err());
    }

    #[test]
    fn a_header_lacks_nothing() {
        assert!(
            Definition::parse("-- name: a\nselect 1")
                .unwrap_err()
                .contains("kind")
        );
        assert!(
            Definition::parse("-- nme: a\nselect 1")
                .unwrap_err()
                .contains("nme")
        );
    }
}
