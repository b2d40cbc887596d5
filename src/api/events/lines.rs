//! Chunks of bytes in, lines out, with a bound on what one line may take.
//!
//! Invariants: a line beyond the bound is reported with its head alone, and the next line is whole again; at
//! most one line's bound is kept between chunks. Not here: files (`source` has a reader of its own, which pulls).

use std::mem;

/// One line without its line end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line within the bound.
    Whole(Vec<u8>),
    /// The head of a longer one, cut where a value may begin.
    TooLong(Vec<u8>),
}

/// Of a line that is too long this much is kept for the dead letter, bytes.
const KEPT_BYTES: usize = 16 << 10;

/// Cuts a stream of chunks into lines.
pub(super) struct LineSplitter {
    max_line_bytes: usize,
    partial: Vec<u8>,
    /// The head of the line that is being skipped.
    skipping: Option<Vec<u8>>,
}

impl LineSplitter {
    pub(super) fn new(max_line_bytes: usize) -> Self {
        Self { max_line_bytes, partial: Vec::new(), skipping: None }
    }

    /// Hands the lines that end in `chunk` to `take`.
    pub(super) fn push<E>(
        &mut self,
        chunk: &[u8],
        mut take: impl FnMut(Line) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = chunk;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (content, after) = rest.split_at(at);
            self.extend(content);
            rest = after.get(1..).unwrap_or_default();
            if let Some(line) = self.end() {
                take(line)?;
            }
        }
        self.extend(rest);
        Ok(())
    }

    /// The last line, when it has no line end; also the end of any other.
    pub(super) fn end(&mut self) -> Option<Line> {
        if let Some(head) = self.skipping.take() {
            return Some(Line::TooLong(head));
        }
        let mut line = mem::take(&mut self.partial);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let blank = line.iter().all(u8::is_ascii_whitespace);
        (!blank).then_some(Line::Whole(line))
    }

    fn extend(&mut self, content: &[u8]) {
        if self.skipping.is_some() {
            return;
        }
        self.partial.extend_from_slice(content);
        if self.partial.len() > self.max_line_bytes {
            self.skipping = Some(head(mem::take(&mut self.partial)));
        }
    }
}

/// The head that is kept. It ends before the last comma, so that no value is cut in two: half a number would
/// not be recognised as one.
fn head(mut line: Vec<u8>) -> Vec<u8> {
    line.truncate(KEPT_BYTES);
    let whole = memchr::memrchr(b',', &line).unwrap_or(0);
    line.truncate(whole);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(input: &[u8], chunk_bytes: usize, max: usize) -> Vec<Line> {
        let mut splitter = LineSplitter::new(max);
        let mut lines = Vec::new();
        for chunk in input.chunks(chunk_bytes) {
            let taken: Result<(), ()> = splitter.push(chunk, |line| {
                lines.push(line);
                Ok(())
            });
            taken.unwrap();
        }
        lines.extend(splitter.end());
        lines
    }

    #[test]
    fn chunks_make_no_difference() {
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        for chunk_bytes in [1, 2, 3, 7, 100] {
            let lines = split("一\r\n\n  \nbc\nlast".as_bytes(), chunk_bytes, 20);
            assert_eq!(lines, [whole("一"), whole("bc"), whole("last")], "{chunk_bytes}");
        }
        assert_eq!(split(b"a\n", 1, 20), [whole("a")]);
        assert!(split(b"", 1, 20).is_empty());
    }

    #[test]
    fn a_line_that_is_too_long_costs_only_itself() {
        let mut input = b"{\"a\":1,\"b\":\"".to_vec();
        input.extend(vec![b'x'; 100]);
        input.extend(b"\"}\nnext\n");
        for chunk_bytes in [1, 10, 1000] {
            let lines = split(&input, chunk_bytes, 50);
            let head = Line::TooLong(b"{\"a\":1".to_vec());
            assert_eq!(lines, [head, Line::Whole(b"next".to_vec())], "{chunk_bytes}");
        }
        assert!(matches!(split(&[b'x'; 30], 7, 20)[..], [Line::TooLong(_)]), "also at the end");
        assert!(matches!(split(&[b'x'; 20], 7, 20)[..], [Line::Whole(_)]), "the bound itself is fine");
    }

    #[test]
    fn a_skipped_line_takes_no_memory() {
        let mut splitter = LineSplitter::new(1 << 20);
        let chunk = vec![b'x'; 1 << 16];
        for _ in 0..1_000 {
            splitter.push(&chunk, |_| Err(())).unwrap();
            assert!(splitter.partial.len() <= (1 << 20) + chunk.len());
        }
        assert!(splitter.partial.is_empty() && splitter.skipping.is_some());
    }
}
