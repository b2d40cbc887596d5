//! Names of people in English text: after "my name is", "Mr.", "Name:" and the like.
//!
//! Invariant: where the words before are not decisive, capital letters are asked for.

use super::PiiKind;
use super::spans::Spans;
use super::view::View;

const STOP: [&str; 78] = [
    "a",
    "an",
    "the",
    "and",
    "or",
    "but",
    "on",
    "in",
    "at",
    "from",
    "to",
    "of",
    "for",
    "with",
    "is",
    "are",
    "was",
    "not",
    "no",
    "my",
    "your",
    "his",
    "her",
    "our",
    "their",
    "it",
    "this",
    "that",
    "i",
    "we",
    "you",
    "he",
    "she",
    "they",
    "calling",
    "speaking",
    "here",
    "wrong",
    "right",
    "spelled",
    "misspelled",
    "still",
    "also",
    "so",
    "very",
    "sorry",
    "happy",
    "glad",
    "about",
    "regarding",
    "customer",
    "service",
    "sir",
    "madam",
    "team",
    "support",
    "unknown",
    "listed",
    "missing",
    "second",
    "first",
    "last",
    "time",
    "bill",
    "account",
    "working",
    "just",
    "really",
    "too",
    "because",
    "please",
    "have",
    "need",
    "want",
    "by",
    "as",
    "if",
    "now",
];
const TITLES: [&str; 7] = ["mr", "mrs", "ms", "miss", "dr", "mister", "prof"];

#[derive(Debug)]
struct Word {
    start: usize,
    end: usize,
    lower: String,
    capital: bool,
    /// What stands between the word before and this one is a single space.
    follows: bool,
}

impl Word {
    fn is_stop(&self) -> bool {
        STOP.contains(&self.lower.as_str())
    }
}

fn words(view: &View) -> Vec<Word> {
    let mut found: Vec<Word> = Vec::new();
    let mut at = 0;
    while at < view.len() {
        let length = view
            .from(at)
            .take_while(|c| c.is_ascii_alphabetic() || matches!(c, '\'' | '’'))
            .count();
        if length == 0 || !view.at(at).is_ascii_alphabetic() || view.before(at).is_ascii_digit() {
            at += length.max(1);
            continue;
        }
        let end = at + length;
        let follows = found
            .last()
            .is_some_and(|w| w.end + 1 == at && view.at(w.end) == ' ');
        let lower = view.string(at, end).to_ascii_lowercase();
        found.push(Word {
            start: at,
            end,
            lower,
            capital: view.at(at).is_ascii_uppercase(),
            follows,
        });
        at = end;
    }
    found
}

/// Names after English introductions.
pub(super) fn find(view: &View, spans: &mut Spans) {
    let words = words(view);
    for (i, word) in words.iter().enumerate() {
        let rest = words.get(i + 1..).unwrap_or_default();
        let count = introduced(view, word, i, &words, rest);
        if let (Some(first), Some(last)) =
            (rest.first(), count.checked_sub(1).and_then(|n| rest.get(n)))
        {
            spans.add(PiiKind::Name, first.start, last.end);
        }
    }
}

/// How many words after `word` are a name that it introduces.
fn introduced(view: &View, word: &Word, i: usize, words: &[Word], rest: &[Word]) -> usize {
    let previous = |back: usize| {
        i.checked_sub(back)
            .and_then(|k| words.get(k))
            .map_or("", |w| w.lower.as_str())
    };
    let gap = rest
        .first()
        .map_or_else(String::new, |next| view.string(word.end, next.start));
    match word.lower.as_str() {
        "is" if previous(1) == "name" => any_case(rest, 2),
        "is" if previous(1) == "this" => before_speaking(rest),
        "i'm" | "im" => self_named(view, rest),
        "am" if previous(1) == "i" => self_named(view, rest),
        title if TITLES.contains(&title) && matches!(gap.as_str(), " " | ". " | ".") => {
            capitals(rest, 2, 1)
        }
        "name" | "contact" | "recipient" | "attn" | "attention" | "holder"
            if gap.trim_end() == ":" =>
        {
            capitals(rest, 3, 2)
        }
        "dear" | "with" | "for" | "to" if word.lower == "dear" || previous(1) == "speaking" => {
            capitals(rest, 3, 2)
        }
        _ => 0,
    }
}

/// Capitalised words in a row, at most `most`, 0 when fewer than `least`.
fn capitals(rest: &[Word], most: usize, least: usize) -> usize {
    let count = rest
        .iter()
        .enumerate()
        .take(most)
        .take_while(|(i, w)| {
            w.capital && w.end - w.start >= 2 && !w.is_stop() && (*i == 0 || w.follows)
        })
        .count();
    if count < least { 0 } else { count }
}

/// Speech recognition writes no capitals: then up to `most` words that are no function words.
fn any_case(rest: &[Word], most: usize) -> usize {
    let capital = capitals(rest, 3, 1);
    if capital > 0 {
        return capital;
    }
    rest.iter()
        .take(most)
        .take_while(|w| !w.is_stop() && w.follows)
        .count()
}

fn before_speaking(rest: &[Word]) -> usize {
    let count = rest
        .iter()
        .take(3)
        .take_while(|w| !w.is_stop() && w.follows)
        .count();
    let ends = rest
        .get(count)
        .is_some_and(|w| matches!(w.lower.as_str(), "speaking" | "calling" | "here" | "from"));
    if ends { count } else { capitals(rest, 3, 2) }
}

fn self_named(view: &View, rest: &[Word]) -> usize {
    let count = capitals(rest, 3, 2);
    let end = count
        .checked_sub(1)
        .and_then(|n| rest.get(n))
        .map_or(0, |w| w.end);
    if matches!(view.at(end), ',' | '.' | '!' | '?' | '\0' | ';')
        || view.starts_with(end, " and")
        || view.starts_with(end, " from")
    {
        count
    } else {
        0
    }
}
