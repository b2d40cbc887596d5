//! Chunks of bytes in, lines out, with a bound on what one line may take.
//!
//! Invariants: a line beyond the bound is reported with its head alone, and the next line is whole again; at
//! most one line's bound is kept between chunks. Not here: files (`source` has a reader of its own, which pulls).

use std::mem;

/// One line without its line end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number in the body, from 1.
    pub number: u64,
    /// What it holds, or the head of it.
    pub bytes: Vec<u8>,
    /// True when it is longer than the bound; the head is cut where a value may begin.
    pub is_too_long: bool,
}

/// Of a line that is too long this much is kept for the dead letter, bytes.
const KEPT_BYTES: usize = 16 << 10;

/// Cuts a stream of chunks into lines.
pub(super) struct LineSplitter {
    max_line_bytes: usize,
    partial: Vec<u8>,
    /// The head of the line that is being skipped.
    skipping: Option<Vec<u8>>,
    /// Lines that have ended.
    ended: u64,
}

impl LineSplitter {
    pub(super) fn new(max_line_bytes: usize) -> Self {
        Self {
            max_line_bytes,
            partial: Vec::new(),
            skipping: None,
            ended: 0,
        }
    }

    /// The lines that end in `chunk`, blank ones left out.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut rest = chunk;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (content, after) = rest.split_at(at);
            self.extend(content);
            rest = after.get(1..).unwrap_or_default();
            lines.extend(self.end());
        }
        self.extend(rest);
        lines
    }

    /// Ends the line that is open; at the end of the body this is the last one, when it has no line end.
    pub(super) fn end(&mut self) -> Option<Line> {
        self.ended += 1;
        let number = self.ended;
        if let Some(bytes) = self.skipping.take() {
            return Some(Line {
                number,
                bytes,
                is_too_long: true,
            });
        }
        let mut bytes = mem::take(&mut self.partial);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let is_blank = bytes.iter().all(u8::is_ascii_whitespace);
        (!is_blank).then_some(Line {
            number,
            bytes,
            is_too_long: false,
        })
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
            lines.extend(splitter.push(chunk));
        }
        lines.extend(splitter.end());
        lines
    }

    fn line(number: u64, text: &str, is_too_long: bool) -> Line {
        Line {
            number,
            bytes: text.as_bytes().to_vec(),
            is_too_long,
        }
    }

    #[test]
    fn chunks_make_no_difference() {
        for chunk_bytes in [1, 2, 3, 7, 100] {
            let lines = split("一\r\n\n  \nbc\nlast".as_bytes(), chunk_bytes, 20);
            let wanted = [
                line(1, "一", false),
                line(4, "bc", false),
                line(5, "last", false),
            ];
            assert_eq!(lines, wanted, "{chunk_bytes}");
        }
        assert_eq!(split(b"a\n", 1, 20), [line(1, "a", false)]);
        assert!(split(b"", 1, 20).is_empty());
    }

    #[test]
    fn a_line_that_is_too_long_costs_only_itself() {
        let mut input = b"{\"a\":1,\"b\":\"".to_vec();
        input.extend(vec![b'x'; 100]);
        input.extend(b"\"}\nnext\n");
        for chunk_bytes in [1, 10, 1000] {
            let lines = split(&input, chunk_bytes, 50);
            let wanted = [line(1, "{\"a\":1", true), line(2, "next", false)];
            assert_eq!(lines, wanted, "{chunk_bytes}");
        }
        assert!(split(&[b'x'; 30], 7, 20)[0].is_too_long, "also at the end");
        assert!(
            !split(&[b'x'; 20], 7, 20)[0].is_too_long,
            "the bound itself is fine"
        );
    }

    #[test]
    fn a_skipped_line_takes_no_memory() {
        let mut splitter = LineSplitter::new(1 << 20);
        let chunk = vec![b'x'; 1 << 16];
        for _ in 0..1_000 {
            assert!(splitter.push(&chunk).is_empty());
            assert!(splitter.partial.len() <= (1 << 20) + chunk.len());
        }
        assert!(splitter.partial.is_empty() && splitter.skipping.is_some());
    }
}
