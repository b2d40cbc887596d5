//! A text cut into documents: one or many JSON values (pretty-printed, one a
//! line, one after the other as delivery streams write them, or in a list), XML
//! messages, or a mix.
//!
//! Invariants: every byte that is no space, list bracket or comma between
//! documents belongs to exactly one document, so nothing is lost; text that
//! fits nowhere stays with the object before it, which is then refused as a
//! whole; the n-th document is always the n-th document. Not here: whether a
//! document is sound.

use std::ops::Range;

/// Where a document stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Its bytes.
    pub bytes: Range<usize>,
    /// The line that it begins on, from 1.
    pub line: u64,
}

/// The documents of `text`, in order.
#[must_use]
pub fn cut(text: &[u8]) -> Vec<Cut> {
    let mut cutter = Cutter {
        text,
        at: 0,
        found: Vec::new(),
    };
    cutter.run();
    let mut line = 1;
    let mut counted = 0;
    for cut in &mut cutter.found {
        let skipped = text.get(counted..cut.bytes.start).unwrap_or_default();
        line += memchr::memchr_iter(b'\n', skipped).count() as u64;
        counted = cut.bytes.start;
        cut.line = line;
    }
    cutter.found
}

/// Whether a line holds whole documents only: then a file that begins with it
/// is cut line by line, so that a damaged line spoils no other.
#[must_use]
pub fn is_whole_line(line: &[u8]) -> bool {
    let pieces = cut(line);
    let first = line.iter().find(|byte| !byte.is_ascii_whitespace());
    first != Some(&b'[')
        && !pieces.is_empty()
        && pieces.into_iter().all(|piece| {
            let bytes = line.get(piece.bytes).unwrap_or_default();
            serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
                || (bytes.starts_with(b"<xml") && bytes.ends_with(b"</xml>"))
        })
}

struct Cutter<'a> {
    text: &'a [u8],
    at: usize,
    found: Vec<Cut>,
}

impl Cutter<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn run(&mut self) {
        if self.text.starts_with(b"\xef\xbb\xbf") {
            self.at = 3;
        }
        let mut in_list = false;
        let mut between = true;
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'[' if between && !in_list => {
                    in_list = true;
                    self.at += 1;
                }
                b',' if in_list => {
                    between = true;
                    self.at += 1;
                }
                b']' if in_list => {
                    in_list = false;
                    between = true;
                    self.at += 1;
                }
                _ => {
                    self.document(in_list, between);
                    between = !in_list;
                }
            }
        }
    }

    /// One document. Behind an object, what begins none belongs to it up to the
    /// next line that begins with a bracket: that object ended too early.
    fn document(&mut self, in_list: bool, between: bool) {
        let start = self.at;
        let first = self.peek();
        let begins = matches!(first, Some(b'{' | b'[' | b'<'));
        let object_before = self
            .found
            .last()
            .is_some_and(|last| matches!(self.text.get(last.bytes.start), Some(b'{' | b'[')));
        if !begins && object_before && !(in_list && between) {
            let rest = self
                .text
                .get(start..self.recover(start))
                .unwrap_or_default();
            self.at = start + rest.trim_ascii_end().len().max(1);
            if let Some(last) = self.found.last_mut() {
                last.bytes.end = self.at;
            }
            return;
        }
        let end = match first {
            Some(b'{' | b'[') => self.json_end(start),
            Some(b'<') => self.xml_end(start),
            Some(b'"') => self.string_end(start),
            _ if in_list => self.scalar_end(start),
            _ => self.line_end(start),
        };
        self.at = end.max(start + 1);
        self.found.push(Cut {
            bytes: start..self.at,
            line: 0,
        });
    }

    /// The end of a number or word in a list.
    fn scalar_end(&self, start: usize) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        memchr::memchr3(b',', b']', b'\n', rest).map_or(self.text.len(), |at| start + at)
    }

    fn line_end(&self, start: usize) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        memchr::memchr(b'\n', rest).map_or(self.text.len(), |at| start + at)
    }

    fn string_end(&self, start: usize) -> usize {
        let line_end = self.line_end(start);
        let mut escaped = false;
        for at in start + 1..line_end {
            match self.text.get(at) {
                Some(b'\\') if !escaped => escaped = true,
                Some(b'"') if !escaped => return at + 1,
                _ => escaped = false,
            }
        }
        line_end
    }

    /// The end of an object or list. When it never ends, the next line that
    /// begins with a brace begins the next document: so one that is damaged
    /// does not take the others with it.
    fn json_end(&self, start: usize) -> usize {
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        for (at, byte) in self.text.iter().enumerate().skip(start) {
            if in_string {
                match byte {
                    b'\\' if !escaped => escaped = true,
                    b'"' if !escaped => in_string = false,
                    // No string of JSON goes over a line: its end is missing.
                    b'\n' => in_string = false,
                    _ => escaped = false,
                }
                continue;
            }
            match byte {
                b'"' => in_string = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return at + 1;
                    }
                }
                _ => {}
            }
        }
        self.recover(start)
    }

    fn recover(&self, start: usize) -> usize {
        let mut at = start;
        loop {
            at = self.line_end(at);
            let Some(next) = self.text.get(at + 1) else {
                return self.text.len();
            };
            if matches!(next, b'{' | b'[' | b'<') {
                return at;
            }
            at += 1;
        }
    }

    /// The end of an XML document by the name of its first element.
    fn xml_end(&self, start: usize) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        let Some(name) = first_element(rest) else {
            return self.line_end(start);
        };
        let closing = [b"</".as_slice(), name, b">".as_slice()].concat();
        match memchr::memmem::find(rest, &closing) {
            Some(at) => start + at + closing.len(),
            None => self.recover(start),
        }
    }
}

/// The name of the first element, behind declarations and comments.
fn first_element(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    loop {
        let open = memchr::memchr(b'<', rest)?;
        rest = rest.get(open + 1..)?;
        if !matches!(rest.first(), Some(b'?' | b'!')) {
            let length = rest
                .iter()
                .position(|byte| !byte.is_ascii_alphanumeric() && !b"_-.:".contains(byte))?;
            return rest.get(..length).filter(|name| !name.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(u64, &str)> {
        let cuts = cut(text.as_bytes()).into_iter();
        cuts.map(|cut| (cut.line, text.get(cut.bytes).unwrap_or_default()))
            .collect()
    }

    #[test]
    fn documents_are_found_however_they_are_laid_out() {
        let cases: &[(&str, &[(u64, &str)])] = &[
            ("", &[]),
            (
                "\u{feff}{\n \"a\": \"}\\\"\"\n}\n",
                &[(1, "{\n \"a\": \"}\\\"\"\n}")],
            ),
            (
                "{\"a\":1}{\"b\":[2]}\n\n{}",
                &[(1, "{\"a\":1}"), (1, "{\"b\":[2]}"), (3, "{}")],
            ),
            (
                "[{\"a\":1},\n {\"b\":2}]\n{}",
                &[(1, "{\"a\":1}"), (2, "{\"b\":2}"), (3, "{}")],
            ),
            (
                "<?xml version=\"1.0\"?>\n<xml><a/></xml><xml>\n</xml>\n",
                &[
                    (1, "<?xml version=\"1.0\"?>\n<xml><a/></xml>"),
                    (2, "<xml>\n</xml>"),
                ],
            ),
            ("name,phone\nx,1\n", &[(1, "name,phone"), (2, "x,1")]),
            ("[1,{},\"a\"]", &[(1, "1"), (1, "{}"), (1, "\"a\"")]),
            ("42\n\"te xt\"\n", &[(1, "42"), (2, "\"te xt\"")]),
        ];
        for (text, expected) in cases {
            assert_eq!(pieces(text), *expected, "{text}");
        }
    }

    #[test]
    fn what_fits_nowhere_stays_with_the_document_before_it() {
        assert_eq!(pieces("{\n}\n}\n"), [(1, "{\n}\n}")]);
        let early = "{\n \"a\": 1 }\n }, \n \"b\": [\n  {\n  }\n ]\n}\n{\"c\":2}\n";
        assert_eq!(
            pieces(early),
            [
                (1, "{\n \"a\": 1 }\n }, \n \"b\": [\n  {\n  }\n ]\n}"),
                (9, "{\"c\":2}")
            ]
        );
        assert_eq!(pieces("[{},{}]]"), [(1, "{}"), (1, "{}]]")]);
    }

    #[test]
    fn a_damaged_document_does_not_take_the_others_with_it() {
        let text = "{\"a\":\"x\n{\"b\":1}\n{\"c\":2}\n";
        assert_eq!(
            pieces(text),
            [(1, "{\"a\":\"x"), (2, "{\"b\":1}"), (3, "{\"c\":2}")]
        );
        let text = "{\"a\":\n{\"b\":1}\n<xml>\n{\"c\":2}\n";
        assert_eq!(
            pieces(text),
            [
                (1, "{\"a\":"),
                (2, "{\"b\":1}"),
                (3, "<xml>"),
                (4, "{\"c\":2}")
            ]
        );
    }
}
