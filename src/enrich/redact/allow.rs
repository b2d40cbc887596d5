//! What is never redacted though it looks personal: public hot lines and the tenant's own
//! numbers and addresses.
//!
//! Invariants: entries are compared in canonical form (digits only for numbers, lower case and
//! normalised for the rest). It does not read the configuration; its entries are handed in.

use std::collections::HashSet;

use crate::enrich::normalise::for_matching;

/// Prefixes of public service numbers in China (short codes, 400/800 lines, SMS services) and
/// freephone codes of North America.
const HOT_LINE_PREFIXES: [&str; 6] = ["400", "800", "1010", "106", "95", "96"];
const FREEPHONE: [&str; 7] = ["800", "888", "877", "866", "855", "844", "833"];

/// Exact strings and number prefixes that stay.
#[derive(Debug, Clone, Default)]
pub struct AllowList {
    exact: HashSet<String>,
    suffixes: Vec<String>,
    prefixes: Vec<String>,
}

impl AllowList {
    /// The built-in hot lines and the tenant's `entries`: a number (`021-5555 6666`), a number
    /// prefix (`0215555*`), an address or any other string (`service@bank.example`), or a mail
    /// domain (`@bank.example`). Empty entries are ignored.
    #[must_use]
    pub fn new<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Self {
        let mut list = Self::default();
        for entry in entries {
            list.add(entry.as_ref());
        }
        list
    }

    fn add(&mut self, entry: &str) {
        let entry = for_matching(entry.trim());
        if let Some(prefix) = entry.strip_suffix('*') {
            let digits: String = prefix.chars().filter(char::is_ascii_digit).collect();
            if !digits.is_empty() {
                self.prefixes.push(digits);
            }
        } else if entry.starts_with('@') && entry.len() > 1 {
            self.suffixes.push(entry.into_owned());
        } else if entry.chars().any(char::is_alphanumeric) {
            self.exact.insert(number_or_text(&entry));
        }
    }

    /// Whether a found value stays. `canonical` as used for its token.
    pub(super) fn keeps(&self, canonical: &str) -> bool {
        if self.exact.is_empty() && self.prefixes.is_empty() && self.suffixes.is_empty() {
            return false;
        }
        let value = for_matching(canonical);
        self.exact.contains(&number_or_text(&value))
            || self.suffixes.iter().any(|s| value.ends_with(s.as_str()))
            || (is_number(&value) && self.prefixes.iter().any(|p| value.starts_with(p.as_str())))
    }
}

/// Whether digits are a public service number rather than somebody's.
pub(super) fn is_hot_line(digits: &str) -> bool {
    match digits.len() {
        0..=6 => true,
        7..=8 => HOT_LINE_PREFIXES.iter().any(|p| digits.starts_with(p)),
        10 => digits.starts_with("400") || FREEPHONE.iter().any(|p| digits.starts_with(p)),
        _ => false,
    }
}

fn is_number(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_ascii_digit())
}

/// Numbers lose their separators so that an entry matches every spelling.
fn number_or_text(entry: &str) -> String {
    let numeric = entry
        .chars()
        .all(|c| c.is_ascii_digit() || " -+().".contains(c))
        && entry.matches('.').count() != 3;
    if !numeric {
        return entry.to_owned();
    }
    let digits: String = entry.chars().filter(char::is_ascii_digit).collect();
    super::canonical::strip_country(&digits).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_match_any_spelling() {
        let list = AllowList::new([
            "021-5555 6666",
            "Service@Bank.example",
            "@corp.example",
            "0108888*",
            "+86 138 0000 0000",
            "",
            "*",
        ]);
        for kept in [
            "02155556666",
            "service@bank.example",
            "li@corp.example",
            "01088881234",
            "13800000000",
        ] {
            assert!(list.keeps(kept), "{kept}");
        }
        for other in ["02155556667", "x@bank.example", "1380108888", "10.0.0.1"] {
            assert!(!list.keeps(other), "{other}");
        }
    }

    #[test]
    fn hot_lines() {
        for n in [
            "10086",
            "95588",
            "4008008888",
            "8008208820",
            "10105757",
            "8885550123",
        ] {
            assert!(is_hot_line(n), "{n}");
        }
        for n in ["13800138000", "87654321", "4155552671", "01087654321"] {
            assert!(!is_hot_line(n), "{n}");
        }
    }
}
