//! Delimited text (CSV and its relatives) to rows of fields.
//!
//! Invariants: a quote opens a field only at its beginning; inside, the quote
//! doubled or after the escape character stands for itself and a line break is
//! text. A quote that is never closed refuses only the line in which it
//! opened: the lines after it are read again. Nothing here knows columns.

use std::collections::VecDeque;
use std::io;

use super::decode::{BAD, Line, Lines};
use super::error::Refusal;
use super::input::Input;

/// One row as it stands in the file.
pub(super) struct RawRow {
    /// 1-based line where the row starts.
    pub line: u64,
    /// The text of the row, for the dead letter.
    pub raw: String,
    pub cells: Result<Vec<String>, Refusal>,
}

/// How far an open quote is followed before it counts as never closed.
const MAX_QUOTED_BYTES: usize = 1024 * 1024;

/// Rows of a delimited text.
pub(super) struct Delimited {
    lines: Lines,
    pending: VecDeque<Line>,
    delimiter: Vec<char>,
    quote: Option<char>,
    escape: Option<char>,
    comment: Option<String>,
    trim: bool,
    max_bytes: usize,
}

impl Delimited {
    /// Skips the lines that the mapping says and finds the delimiter.
    pub fn open(mut lines: Lines, input: &Input) -> io::Result<Self> {
        for _ in 0..input.skip_lines {
            lines.next_line()?;
        }
        let mut rows = Delimited {
            lines,
            pending: VecDeque::new(),
            delimiter: vec![','],
            quote: input.quote,
            escape: input.escape,
            comment: input.comment.clone(),
            trim: input.trim,
            max_bytes: input.max_row_bytes.min(MAX_QUOTED_BYTES),
        };
        match &input.delimiter {
            Some(text) => rows.delimiter = text.chars().collect(),
            None => rows.find_delimiter()?,
        }
        Ok(rows)
    }

    /// Of the usual delimiters the one that the first line has most often.
    fn find_delimiter(&mut self) -> io::Result<()> {
        let Some(first) = self.take_line()? else {
            return Ok(());
        };
        let counts = ['\t', ';', '|', ','].map(|mark| {
            let mut quoted = false;
            let count = first
                .text
                .chars()
                .filter(|letter| {
                    quoted ^= Some(*letter) == self.quote;
                    *letter == mark && !quoted
                })
                .count();
            (count, mark)
        });
        if let Some((count, mark)) = counts.into_iter().max_by_key(|(count, _)| *count)
            && count > 0
        {
            self.delimiter = vec![mark];
        }
        self.pending.push_front(first);
        Ok(())
    }

    /// The next line that is neither blank nor a comment.
    fn take_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let Some(line) = self.take_any_line()? else {
                return Ok(None);
            };
            let comment = self
                .comment
                .as_ref()
                .is_some_and(|mark| line.text.starts_with(mark));
            if !comment && !line.text.trim().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    fn take_any_line(&mut self) -> io::Result<Option<Line>> {
        match self.pending.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next_line(),
        }
    }

    /// The next row, or `None` at the end of the file.
    pub fn next_row(&mut self) -> io::Result<Option<RawRow>> {
        let Some(first) = self.take_line()? else {
            return Ok(None);
        };
        let mut splitter = Splitter::new(self);
        splitter.feed(&first.text);
        let mut more: Vec<Line> = Vec::new();
        let mut bytes = first.text.len();
        while splitter.is_open() && splitter.fault.is_none() && !first.cut {
            let next = if bytes > self.max_bytes {
                None
            } else {
                self.take_any_line()?
            };
            let Some(next) = next else {
                splitter.fault = Some("a quoted field is never closed");
                break;
            };
            bytes += next.text.len() + 1;
            splitter.field.push('\n');
            splitter.feed(&next.text);
            more.push(next);
        }
        Ok(Some(self.finish(first, more, splitter)))
    }

    fn finish(&mut self, first: Line, mut more: Vec<Line>, splitter: Splitter) -> RawRow {
        let line = first.number;
        let cut = first.cut || more.iter().any(|line| line.cut);
        let fault = splitter.fault;
        if fault.is_some() {
            for line in more.drain(..).rev() {
                self.pending.push_front(line);
            }
        }
        let mut raw = first.text;
        for next in &more {
            raw.push('\n');
            raw.push_str(&next.text);
        }
        let cells = check_text(&raw, line, cut).and_then(|()| match fault {
            Some(words) => Err(Refusal::new(
                "bad_quote",
                "",
                format!("line {line}: {words}"),
            )),
            None => Ok(splitter.end()),
        });
        RawRow { line, raw, cells }
    }
}

/// Refuses what the decoder could not read or had to cut.
pub(super) fn check_text(raw: &str, line: u64, cut: bool) -> Result<(), Refusal> {
    if cut {
        return Err(Refusal::new(
            "row_too_long",
            "",
            format!("line {line} is longer than [input] max_row_bytes"),
        ));
    }
    if raw.contains(BAD) {
        return Err(Refusal::new(
            "bad_encoding",
            "",
            format!(
                "line {line} holds bytes that are not text in the file's encoding; set [input] encoding"
            ),
        ));
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Plain,
    Quoted,
    AfterQuote,
}

/// Splits one row, fed line by line.
struct Splitter {
    delimiter: Vec<char>,
    quote: Option<char>,
    escape: Option<char>,
    trim: bool,
    state: State,
    field: String,
    quoted: bool,
    cells: Vec<String>,
    fault: Option<&'static str>,
}

impl Splitter {
    fn new(rows: &Delimited) -> Self {
        Splitter {
            delimiter: rows.delimiter.clone(),
            quote: rows.quote,
            escape: rows.escape,
            trim: rows.trim,
            state: State::Start,
            field: String::new(),
            quoted: false,
            cells: Vec::new(),
            fault: None,
        }
    }

    fn is_open(&self) -> bool {
        self.state == State::Quoted
    }

    fn feed(&mut self, text: &str) {
        let mut rest = text.chars();
        loop {
            if self.state != State::Quoted && self.skip_delimiter(&mut rest) {
                self.end_field();
                continue;
            }
            let Some(letter) = rest.next() else {
                return;
            };
            match self.state {
                State::Quoted => self.quoted_letter(letter, &mut rest),
                State::AfterQuote if letter.is_whitespace() => {}
                State::AfterQuote => {
                    self.fault = Some("text follows the closing quote of a field");
                    return;
                }
                State::Start if Some(letter) == self.quote => {
                    self.state = State::Quoted;
                    self.quoted = true;
                    self.field.clear();
                }
                State::Start if self.trim && letter.is_whitespace() => self.field.push(letter),
                State::Start | State::Plain => {
                    self.state = State::Plain;
                    self.field.push(letter);
                }
            }
        }
    }

    fn skip_delimiter(&self, rest: &mut std::str::Chars) -> bool {
        let mut ahead = rest.clone();
        if self
            .delimiter
            .iter()
            .any(|mark| ahead.next() != Some(*mark))
        {
            return false;
        }
        *rest = ahead;
        true
    }

    fn quoted_letter(&mut self, letter: char, rest: &mut std::str::Chars) {
        let doubled = self.escape == Some(letter) || self.quote == Some(letter);
        if !doubled {
            self.field.push(letter);
            return;
        }
        let mut ahead = rest.clone();
        let next = ahead.next();
        let escaped = self.escape == Some(letter) && next.is_some() || next == self.quote;
        match next {
            Some(next) if escaped => {
                self.field.push(next);
                *rest = ahead;
            }
            _ if self.quote == Some(letter) => self.state = State::AfterQuote,
            _ => self.field.push(letter),
        }
    }

    fn end_field(&mut self) {
        let field = std::mem::take(&mut self.field);
        let trimmed = if self.trim && !self.quoted {
            field.trim().to_owned()
        } else {
            field
        };
        self.cells.push(trimmed);
        self.state = State::Start;
        self.quoted = false;
    }

    fn end(mut self) -> Vec<String> {
        self.end_field();
        self.cells
    }
}
