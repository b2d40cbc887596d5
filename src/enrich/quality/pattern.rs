//! Regular expressions of rules: compiled within limits, and the literals without which they can't match.
//!
//! Invariants: matching takes time linear in the text (the crate `regex` has no backtracking); a pattern matches
//! in the form in which texts are compared, without regard to case; when literals are given, every match of the
//! pattern contains one of them.

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::literal::{ExtractKind, Extractor, Literal};
use regex_syntax::hir::{Hir, HirKind};

use crate::enrich::normalise::{normalise, simplify};

/// Size of a compiled pattern, bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;
const MAX_LITERALS: usize = 32;
const MIN_LITERAL_BYTES: usize = 2;

/// A pattern that can be matched.
pub struct Pattern {
    /// The automaton.
    pub regex: Regex,
    /// One of these stands in every match; none when no such list is known.
    pub literals: Option<Vec<String>>,
}

/// Compiles a pattern.
///
/// # Errors
/// What is wrong with it. The text of the pattern is not in it.
pub fn compile(pattern: &str) -> Result<Pattern, String> {
    let pattern = as_compared(pattern);
    let hir = regex_syntax::Parser::new()
        .parse(&pattern)
        .map_err(|error| explain(&error))?;
    if hir.properties().minimum_len() == Some(0) {
        return Err("it matches the empty text, so it would match every turn".to_owned());
    }
    let regex = RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .size_limit(MAX_COMPILED_BYTES)
        .build();
    let regex = regex.map_err(|_| {
        "it is too large when compiled; shorten its repetitions and lists".to_owned()
    })?;
    Ok(Pattern {
        regex,
        literals: required(&hir),
    })
}

fn explain(error: &regex_syntax::Error) -> String {
    let (what, span) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), *error.span()),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), *error.span()),
        _ => return "it can't be read as a regular expression".to_owned(),
    };
    format!(
        "{what}, at character {}; back-references and look-around are not part of the syntax",
        span.start.column
    )
}

/// The pattern as texts are compared: simplified characters, half width; letters keep their case, because
/// classes such as `\S` have one.
fn as_compared(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        let c = simplify(c);
        let mut buffer = [0; 4];
        let normal = normalise(c.encode_utf8(&mut buffer)).into_owned();
        if normal.len() == c.len_utf8() {
            text.push(c);
            continue;
        }
        for c in normal.chars() {
            if c.is_ascii_punctuation() {
                text.push('\\');
            }
            text.push(c);
        }
    }
    text
}

/// Literals of which one is in every match, lower case.
fn required(hir: &Hir) -> Option<Vec<String>> {
    let mut candidates = vec![prefixes(hir)];
    if let HirKind::Concat(parts) = hir.kind() {
        candidates.extend(parts.iter().map(prefixes));
    }
    let shortest = |found: &Vec<String>| found.iter().map(String::len).min().unwrap_or(0);
    candidates.into_iter().flatten().max_by_key(shortest)
}

fn prefixes(hir: &Hir) -> Option<Vec<String>> {
    let hir = match hir.kind() {
        HirKind::Capture(capture) => &capture.sub,
        _ => hir,
    };
    if hir.properties().minimum_len() == Some(0) {
        return None;
    }
    let mut extractor = Extractor::new();
    extractor.kind(ExtractKind::Prefix);
    let found = extractor.extract(hir);
    let literals = found.literals()?;
    if literals.is_empty() || literals.len() > MAX_LITERALS {
        return None;
    }
    literals.iter().map(usable).collect()
}

fn usable(literal: &Literal) -> Option<String> {
    let text = std::str::from_utf8(literal.as_bytes()).ok()?;
    let has_plain_case = |c: char| c.is_ascii() || c.to_lowercase().eq(c.to_uppercase());
    (text.len() >= MIN_LITERAL_BYTES && text.chars().all(has_plain_case))
        .then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_in_every_match() {
        let of = |pattern: &str| compile(pattern).unwrap().literals;
        assert_eq!(of("退款|赔偿"), Some(vec!["退款".into(), "赔偿".into()]));
        assert_eq!(of(r"\d+元.*退款"), Some(vec!["退款".into()]));
        assert_eq!(of(r"Refund (now|today)").map(|l| l.len()), Some(2));
        assert_eq!(of(r"\d{3,}"), None);
        // Traditional characters and full width are compared as the text is.
        assert!(compile("退貨？").unwrap().regex.is_match("退货?"));
        assert!(compile("REFUND").unwrap().regex.is_match("refund"));
    }

    #[test]
    fn what_does_not_compile_says_why() {
        let wrong = |pattern: &str| compile(pattern).err().unwrap();
        assert!(
            wrong("(退款").contains("unclosed group"),
            "{}",
            wrong("(退款")
        );
        assert!(wrong(r"(a)\1").contains("back-references"));
        assert!(wrong("a*").contains("empty text"));
        assert!(wrong(r"(\w{1,100}){1,100}").contains("too large"));
    }
}
