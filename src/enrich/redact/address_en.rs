//! Postal addresses in English text: house number, street words, then flat, town, state, code.
//!
//! Invariant: street words begin with capital letters and end with a word such as Street or Ave.

use super::PiiKind;
use super::spans::Spans;
use super::view::View;

const STREETS: [&str; 28] = [
    "street",
    "st",
    "avenue",
    "ave",
    "road",
    "rd",
    "boulevard",
    "blvd",
    "lane",
    "ln",
    "drive",
    "dr",
    "court",
    "ct",
    "way",
    "place",
    "pl",
    "square",
    "sq",
    "terrace",
    "highway",
    "hwy",
    "parkway",
    "pkwy",
    "close",
    "crescent",
    "row",
    "walk",
];
const FLATS: [&str; 6] = ["apt", "apartment", "suite", "unit", "flat", "floor"];

/// Addresses that begin with a house number.
pub(super) fn find(view: &View, spans: &mut Spans) {
    let mut at = 0;
    while at < view.len() {
        let starts = view.at(at).is_ascii_digit() && !view.before(at).is_ascii_alphanumeric();
        match if starts { street_end(view, at) } else { None } {
            Some(end) => {
                let end = tail_end(view, end);
                spans.add(PiiKind::Address, at, end);
                at = end;
            }
            None => at += 1,
        }
    }
}

fn word_end(view: &View, at: usize) -> usize {
    at + view
        .from(at)
        .take(24)
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '\'' | '-'))
        .count()
}

fn is_capital_word(view: &View, start: usize, end: usize) -> bool {
    end > start && view.at(start).is_ascii_uppercase()
}

/// One past the street of `221B Baker Street` at `at`.
fn street_end(view: &View, at: usize) -> Option<usize> {
    let number = view
        .from(at)
        .take(7)
        .take_while(char::is_ascii_digit)
        .count();
    let letter = usize::from(view.at(at + number).is_ascii_alphabetic());
    let mut end = at + number + letter;
    if !(1..=5).contains(&number) {
        return None;
    }
    for words in 0..5 {
        if view.at(end) != ' ' {
            return None;
        }
        let next = word_end(view, end + 1);
        let word = view.string(end + 1, next).to_ascii_lowercase();
        if words > 0 && STREETS.contains(&word.as_str()) {
            return Some(if view.at(next) == '.' && view.at(next + 1) != '\0' {
                next + 1
            } else {
                next
            });
        }
        let ordinal = view.at(end + 1).is_ascii_digit() && word.ends_with(['t', 'h', 'd']);
        if !is_capital_word(view, end + 1, next) && !ordinal {
            return None;
        }
        end = next;
    }
    None
}

/// Flat, town, state and postal code after the street, each behind a comma or a space.
fn tail_end(view: &View, end: usize) -> usize {
    let mut end = end;
    for _ in 0..5 {
        let comma = view.at(end) == ',' && view.at(end + 1) == ' ';
        let at = if comma {
            end + 2
        } else if view.at(end) == ' ' {
            end + 1
        } else {
            return end;
        };
        let next = word_end(view, at);
        let word = view.string(at, next).to_ascii_lowercase();
        let code = next - at == 5 && word.bytes().all(|b| b.is_ascii_digit());
        let state = next - at == 2 && view.slice(at, next).iter().all(char::is_ascii_uppercase);
        end = if FLATS.contains(&word.as_str()) && view.at(next) == ' ' {
            word_end(view, next + 1)
        } else if view.at(at) == '#' {
            word_end(view, at + 1)
        } else if code || state || (comma && is_capital_word(view, at, next)) {
            town_end(view, next, comma)
        } else {
            return end;
        };
    }
    end
}

/// A town may have a second and a third word.
fn town_end(view: &View, end: usize, comma: bool) -> usize {
    let mut end = end;
    while comma && view.at(end) == ' ' {
        let next = word_end(view, end + 1);
        if !is_capital_word(view, end + 1, next) || next - end <= 3 {
            return end;
        }
        end = next;
    }
    end
}
