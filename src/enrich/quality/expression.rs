//! Boolean expressions over conditions: `a and (b or not c)`.
//!
//! Values are three: true, false, not known yet (Kleene's logic), so that a rule may hit as soon as nothing that
//! is still to come can change it. Invariants: an expression names conditions of its rule only, by their place;
//! at most 16 levels deep. `and` binds closer than `or`; `&&`, `||`, `!` are the same words.

use crate::domain::listed;

const MAX_DEPTH: usize = 16;

/// A value of Kleene's logic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not, and never will.
    False,
    /// It may still come.
    Unknown,
}

impl Truth {
    /// Of what is known.
    #[must_use]
    pub const fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    /// Its word; null in JSON when not known.
    #[must_use]
    pub const fn known(self) -> Option<bool> {
        match self {
            Self::True => Some(true),
            Self::False => Some(false),
            Self::Unknown => None,
        }
    }
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A condition, by its place.
    Condition(usize),
    /// Not.
    Not(Box<Expression>),
    /// All of them.
    All(Vec<Expression>),
    /// One of them.
    Any(Vec<Expression>),
}

impl Expression {
    /// Its value, given those of the conditions.
    pub fn value(&self, of: &mut dyn FnMut(usize) -> Truth) -> Truth {
        match self {
            Self::Condition(place) => of(*place),
            Self::Not(inner) => match inner.value(of) {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
            },
            Self::All(parts) => fold(parts, of, Truth::True, Truth::False),
            Self::Any(parts) => fold(parts, of, Truth::False, Truth::True),
        }
    }

    /// The places of its conditions.
    pub fn conditions(&self, found: &mut Vec<usize>) {
        match self {
            Self::Condition(place) => found.push(*place),
            Self::Not(inner) => inner.conditions(found),
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.conditions(found));
            }
        }
    }

    /// Reads an expression over the conditions `names`.
    ///
    /// # Errors
    /// What is wrong, and where: the number of the character, from 1.
    pub fn read(text: &str, names: &[&str]) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser {
            tokens: &tokens,
            at: 0,
            names,
        };
        let read = parser.any(0)?;
        match parser.peek() {
            None => Ok(read),
            Some((place, token)) => Err(format!(
                "expected `and`, `or` or the end at character {place}, found {}",
                token.shown()
            )),
        }
    }

    /// All conditions together.
    #[must_use]
    pub fn all_of(count: usize) -> Self {
        if count == 1 {
            return Self::Condition(0);
        }
        Self::All((0..count).map(Self::Condition).collect())
    }
}

/// `decides` ends it, `empty` is what is left when nothing decided.
fn fold(
    parts: &[Expression],
    of: &mut dyn FnMut(usize) -> Truth,
    empty: Truth,
    decides: Truth,
) -> Truth {
    let mut value = empty;
    for part in parts {
        let one = part.value(of);
        if one == decides {
            return decides;
        }
        if one == Truth::Unknown {
            value = Truth::Unknown;
        }
    }
    value
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Name(String),
}

impl Token {
    fn shown(&self) -> &'static str {
        match self {
            Self::Open => "`(`",
            Self::Close => "`)`",
            Self::And => "`and`",
            Self::Or => "`or`",
            Self::Not => "`not`",
            Self::Name(_) => "a name",
        }
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut found = Vec::new();
    let mut chars = text.chars().enumerate().peekable();
    while let Some((at, c)) = chars.next() {
        let place = at + 1;
        let token = match c {
            c if c.is_whitespace() => continue,
            '(' | '（' => Token::Open,
            ')' | '）' => Token::Close,
            '!' => Token::Not,
            '&' | '|' => {
                // Twice, or once: nobody means anything else by it.
                chars.next_if(|(_, next)| *next == c);
                if c == '&' { Token::And } else { Token::Or }
            }
            c if is_name(c) => {
                let mut name = String::from(c);
                while let Some((_, next)) = chars.next_if(|(_, next)| is_name(*next)) {
                    name.push(next);
                }
                match name.to_ascii_lowercase().as_str() {
                    "and" => Token::And,
                    "or" => Token::Or,
                    "not" => Token::Not,
                    _ => Token::Name(name),
                }
            }
            _ => {
                return Err(format!(
                    "the character at {place} means nothing here; an expression has names of conditions, and, or, not, ( )"
                ));
            }
        };
        found.push((place, token));
    }
    Ok(found)
}

/// What the name of a condition is made of.
pub(super) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    at: usize,
    names: &'a [&'a str],
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a (usize, Token)> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let is_there = self.peek().is_some_and(|(_, token)| token == wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn any(&mut self, depth: usize) -> Result<Expression, String> {
        if depth > MAX_DEPTH {
            return Err(format!(
                "the brackets are more than {MAX_DEPTH} levels deep"
            ));
        }
        let mut parts = vec![self.all(depth)?];
        while self.take(&Token::Or) {
            parts.push(self.all(depth)?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Expression, String> {
        let mut parts = vec![self.not(depth)?];
        while self.take(&Token::And) {
            parts.push(self.not(depth)?);
        }
        Ok(one_or(parts, Expression::All))
    }

    fn not(&mut self, depth: usize) -> Result<Expression, String> {
        if depth > MAX_DEPTH {
            return Err(format!(
                "the brackets are more than {MAX_DEPTH} levels deep"
            ));
        }
        if self.take(&Token::Not) {
            return Ok(Expression::Not(Box::new(self.not(depth + 1)?)));
        }
        let Some((place, token)) = self.peek() else {
            return Err("a condition is missing at the end".to_owned());
        };
        self.at += 1;
        match token {
            Token::Open => {
                let inner = self.any(depth + 1)?;
                if self.take(&Token::Close) {
                    return Ok(inner);
                }
                Err(format!("the bracket at character {place} is not closed"))
            }
            Token::Name(name) => {
                let found = self.names.iter().position(|known| known == name);
                found.map(Expression::Condition).ok_or_else(|| {
                    let known = listed(name, self.names.iter().copied());
                    format!(
                        "there is no condition of the name at character {place}; the conditions are {known}"
                    )
                })
            }
            other => Err(format!(
                "expected a condition at character {place}, found {}",
                other.shown()
            )),
        }
    }
}

fn one_or(
    mut parts: Vec<Expression>,
    many: impl FnOnce(Vec<Expression>) -> Expression,
) -> Expression {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        many(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["a", "b", "c"];

    fn value(text: &str, values: [Truth; 3]) -> Truth {
        let read = Expression::read(text, &NAMES).unwrap();
        read.value(&mut |place| values[place])
    }

    #[test]
    fn and_binds_closer_than_or_and_the_unknown_stays_open() {
        use Truth::{False, True, Unknown};
        assert_eq!(value("a or b and c", [True, False, False]), True);
        assert_eq!(value("(a or b) and c", [True, False, False]), False);
        assert_eq!(value("a && !b || c", [True, False, False]), True);
        assert_eq!(value("a and not b", [True, Unknown, False]), Unknown);
        assert_eq!(value("a and not b", [False, Unknown, False]), False);
        assert_eq!(value("a or b", [Unknown, True, False]), True);
        assert_eq!(value("not not a", [Unknown, True, False]), Unknown);
    }

    #[test]
    fn mistakes_say_where_and_what_is_there() {
        let wrong = |text: &str| Expression::read(text, &NAMES).unwrap_err();
        assert!(wrong("a and").contains("missing at the end"));
        assert!(wrong("(a or b").contains("character 1 is not closed"));
        assert!(wrong("a b").contains("at character 3"));
        assert!(wrong("a + b").contains("character at 3"));
        assert!(wrong("and a").contains("expected a condition at character 1"));
        let unknown = Expression::read("greeting", &["closing", "greetin"]).unwrap_err();
        assert!(unknown.contains("are greetin, closing"), "{unknown}");
        assert!(wrong(&"(".repeat(100)).contains("levels deep"));
        assert!(wrong(&"!".repeat(100)).contains("levels deep"));
    }
}
