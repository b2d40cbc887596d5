//! Phrasings: a small grammar that stands for many sentences.
//!
//! `(a|b|)` is a choice (an empty branch may be said or not), `{slot}` a value
//! that is filled in when the sentence is said, `<rule>` a list of the rules
//! table, expanded in turn. Invariants: a parsed pattern has no unknown rule
//! and no rule that leads back to itself; expanding never fails.

use std::collections::{BTreeMap, BTreeSet};

use crate::simulate::dice::Dice;

/// One piece of a sentence, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulate) enum Piece {
    /// Said as it stands.
    Text(String),
    /// One branch is said.
    Choice(Vec<Pattern>),
    /// Filled when it is said.
    Slot(String),
}

/// A sentence with choices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::simulate) struct Pattern(pub Vec<Piece>);

/// A piece of an expanded sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulate) enum Said<'a> {
    /// Words.
    Text(&'a str),
    /// A slot to fill.
    Slot(&'a str),
}

/// How deep rules may stand in rules.
const DEPTH: usize = 6;

impl Pattern {
    /// Reads `text`; `rules` are the lists that `<name>` may name.
    ///
    /// # Errors
    /// What is wrong with it, in words for the one who wrote it.
    pub(in crate::simulate) fn parse(
        text: &str,
        rules: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, String> {
        Self::parse_at(text, rules, 0)
    }

    fn parse_at(
        text: &str,
        rules: &BTreeMap<String, Vec<String>>,
        depth: usize,
    ) -> Result<Self, String> {
        let mut rest = text.chars().peekable();
        let (mut branches, closed) = Self::branches(&mut rest, rules, depth, 0)?;
        if closed {
            return Err(format!("`{text}`: `)` without `(`"));
        }
        match branches.pop() {
            Some(only) if branches.is_empty() => Ok(only),
            _ => Err(format!("`{text}`: `|` outside of ( )")),
        }
    }

    /// The branches up to the closing parenthesis, and whether there was one.
    fn branches(
        rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
        rules: &BTreeMap<String, Vec<String>>,
        depth: usize,
        level: usize,
    ) -> Result<(Vec<Self>, bool), String> {
        let mut branches = vec![Self::default()];
        let mut plain = String::new();
        loop {
            let next = rest.next();
            let special = next.is_none_or(|c| "(|)<{".contains(c));
            if let Some(branch) = branches.last_mut().filter(|_| special && !plain.is_empty()) {
                branch.0.push(Piece::Text(std::mem::take(&mut plain)));
            }
            let piece = match next {
                None if level > 0 => return Err("`(` without `)`".to_owned()),
                None => return Ok((branches, false)),
                Some(')') => return Ok((branches, true)),
                Some('|') => {
                    branches.push(Self::default());
                    continue;
                }
                Some('(') => Piece::Choice(Self::branches(rest, rules, depth, level + 1)?.0),
                Some('{') => Piece::Slot(name(rest, '}')?),
                Some('<') => rule(&name(rest, '>')?, rules, depth)?,
                Some(c) => {
                    plain.push(c);
                    continue;
                }
            };
            if let Some(branch) = branches.last_mut() {
                branch.0.push(piece);
            }
        }
    }

    /// One sentence, piece by piece.
    pub(in crate::simulate) fn expand<'a>(&'a self, dice: &mut Dice, out: &mut Vec<Said<'a>>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push(Said::Text(text)),
                Piece::Slot(name) => out.push(Said::Slot(name)),
                Piece::Choice(branches) => dice.pick(branches).expand(dice, out),
            }
        }
    }

    /// The sentences with their slots unfilled, at most `limit` of them.
    pub(in crate::simulate) fn sentences(&self, limit: usize) -> BTreeSet<String> {
        let mut all = BTreeSet::from([String::new()]);
        for piece in &self.0 {
            let ends: BTreeSet<String> = match piece {
                Piece::Text(text) => BTreeSet::from([text.clone()]),
                Piece::Slot(name) => BTreeSet::from([format!("{{{name}}}")]),
                Piece::Choice(branches) => branches
                    .iter()
                    .flat_map(|branch| branch.sentences(limit))
                    .collect(),
            };
            all = all
                .iter()
                .flat_map(|begin| ends.iter().map(move |end| format!("{begin}{end}")))
                .take(limit)
                .collect();
        }
        all
    }

    /// The slots that it names.
    pub(in crate::simulate) fn slots<'a>(&'a self, out: &mut BTreeSet<&'a str>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(_) => {}
                Piece::Slot(name) => {
                    out.insert(name);
                }
                Piece::Choice(branches) => branches.iter().for_each(|branch| branch.slots(out)),
            }
        }
    }

    /// Whether it names the slot, in any of its branches.
    pub(in crate::simulate) fn names(&self, slot: &str) -> bool {
        self.0.iter().any(|piece| match piece {
            Piece::Text(_) => false,
            Piece::Slot(name) => name == slot,
            Piece::Choice(branches) => branches.iter().any(|branch| branch.names(slot)),
        })
    }

    /// Whether words of it hold a digit.
    pub(in crate::simulate) fn has_number(&self) -> bool {
        self.0.iter().any(|piece| match piece {
            Piece::Text(text) => text.contains(|c: char| c.is_ascii_digit()),
            Piece::Slot(_) => false,
            Piece::Choice(branches) => branches.iter().any(Self::has_number),
        })
    }
}

fn name(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    close: char,
) -> Result<String, String> {
    let mut name = String::new();
    for c in rest.by_ref() {
        if c == close {
            return Ok(name);
        }
        if !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            return Err(format!(
                "`{name}{c}`: a name holds a-z, 0-9 and _ and ends with `{close}`"
            ));
        }
        name.push(c);
    }
    Err(format!("`{name}`: `{close}` is missing"))
}

fn rule(name: &str, rules: &BTreeMap<String, Vec<String>>, depth: usize) -> Result<Piece, String> {
    let Some(branches) = rules.get(name) else {
        let known: Vec<&str> = rules.keys().map(String::as_str).collect();
        return Err(format!("no rule `{name}`; known: {}", known.join(", ")));
    };
    if depth >= DEPTH {
        return Err(format!(
            "rule `{name}` stands more than {DEPTH} rules deep, or leads back to itself"
        ));
    }
    let branches: Result<_, String> = branches
        .iter()
        .map(|branch| Pattern::parse_at(branch, rules, depth + 1))
        .collect();
    branches.map(Piece::Choice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::dice::Stream;

    fn rules() -> BTreeMap<String, Vec<String>> {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        BTreeMap::from([
            ("why".to_owned(), list(&["为啥", "怎么(就|)"])),
            ("loop".to_owned(), list(&["a<loop>"])),
        ])
    }

    #[test]
    fn choices_rules_and_slots_multiply() {
        let pattern = Pattern::parse("(我|俺)<why>扣了{amount}", &rules()).unwrap();
        let all = pattern.sentences(100);
        assert_eq!(all.len(), 6, "{all:?}");
        assert!(all.contains("俺怎么就扣了{amount}"));
        let mut dice = Dice::new(1, Stream::Words, 0);
        for _ in 0..50 {
            let mut said = Vec::new();
            pattern.expand(&mut dice, &mut said);
            let text: String = said
                .iter()
                .map(|piece| match piece {
                    Said::Text(text) => (*text).to_owned(),
                    Said::Slot(name) => format!("{{{name}}}"),
                })
                .collect();
            assert!(all.contains(&text), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, about) in [
            ("(a|b", "without `)`"),
            ("a)b", "without `(`"),
            ("a|b", "outside"),
            ("{a b}", "a name holds"),
            ("{amount", "is missing"),
            ("<who>", "known: loop, why"),
            ("<loop>", "leads back"),
        ] {
            let told = Pattern::parse(text, &rules()).unwrap_err();
            assert!(told.contains(about), "{text}: {told}");
        }
    }
}
