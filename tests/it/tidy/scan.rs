//! Source files told apart into code, comments, strings and tests.
//!
//! Invariants: blanking keeps every offset and line where it is; nothing is judged here. It knows what this crate
//! writes, not all of Rust.

use std::fs;
use std::path::{Path, PathBuf};

/// One source file, with its code told apart from comments and strings.
pub struct Source {
    /// From the root of the package, with slashes.
    pub path: String,
    pub text: String,
    /// The text with comments, the insides of strings and test items blanked out; lines stay where they are.
    pub code: String,
    /// As `code`, with test items.
    pub all_code: String,
    /// Strings outside of test items: line and content.
    pub strings: Vec<(usize, String)>,
    /// The whole file is compiled for tests only.
    pub is_test: bool,
}

impl Source {
    /// A file as it would stand at `path`.
    pub fn new(path: String, text: String) -> Self {
        let (all_code, strings) = scan(&text);
        let (code, tests) = without_tests(&all_code);
        let strings = shipped(&text, &all_code, strings, &tests);
        Self {
            path,
            text,
            code,
            all_code,
            strings,
            is_test: false,
        }
    }

    /// The module of `src/` that it belongs to.
    pub fn module(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = below.split('/').next().unwrap_or(below);
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many `super::` lead to the root of the crate.
    pub fn depth(&self) -> usize {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let parts = below.split('/').count();
        if below.ends_with("/mod.rs") {
            parts - 1
        } else {
            parts
        }
    }

    /// What is wrong, with its place.
    pub fn violation(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// The folder of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` of the package, sorted; hidden files are left out.
pub fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// From the root of the package, with slashes.
pub fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}

/// Every Rust file below `folder`.
pub fn sources(folder: &str) -> Vec<Source> {
    let paths = files(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"));
    let mut sources: Vec<Source> = paths
        .map(|path| {
            Source::new(
                relative(&path),
                fs::read_to_string(&path).unwrap_or_default(),
            )
        })
        .collect();
    let only_tests: Vec<String> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        source.is_test = source.path.starts_with("tests/")
            || only_tests
                .iter()
                .any(|start| source.path.starts_with(start.as_str()));
    }
    sources
}

/// The strings outside of test items and attributes, with their lines.
fn shipped(
    text: &str,
    code: &str,
    strings: Vec<(usize, String)>,
    tests: &[(usize, usize)],
) -> Vec<(usize, String)> {
    let attributes = attributes(code);
    let outside = |offset: usize| {
        !tests
            .iter()
            .chain(&attributes)
            .any(|(from, to)| (*from..*to).contains(&offset))
    };
    let strings = strings.into_iter().filter(|(offset, _)| outside(*offset));
    strings
        .map(|(offset, content)| (line_of(text, offset), content))
        .collect()
}

/// Where attributes stand: what is in them describes and does not run.
fn attributes(code: &str) -> Vec<(usize, usize)> {
    let found = code.match_indices("#[").map(|(from, _)| {
        let mut open = 0_usize;
        let length = code[from..].bytes().position(|byte| {
            match byte {
                b'[' => open += 1,
                b']' => open -= 1,
                _ => {}
            }
            byte == b']' && open == 0
        });
        (from, length.map_or(code.len(), |length| from + length))
    });
    found.collect()
}

/// The line of an offset, from 1.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

/// The text with comments and the insides of strings as spaces, and the strings with their offsets.
fn scan(text: &str) -> (String, Vec<(usize, String)>) {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut strings = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => end_of_line(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => end_of_block(bytes, at),
            b'"' => end_of_string(bytes, at),
            b'r' if is_raw_string(bytes, at) => end_of_raw_string(bytes, at),
            b'\'' => end_of_char(bytes, at),
            _ => {
                at += 1;
                continue;
            }
        };
        let is_string = matches!(bytes[at], b'"' | b'r');
        if is_string {
            let content = text.get(at..end).unwrap_or_default();
            let content = content
                .trim_start_matches(['r', '#', '"'])
                .trim_end_matches(['#', '"']);
            strings.push((at, content.to_owned()));
        }
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        if is_string {
            // A string stays visible as one: `concat!("")` is not `concat!()`.
            (code[at], code[end - 1]) = (b'"', b'"');
        }
        at = end;
    }
    (String::from_utf8_lossy(&code).into_owned(), strings)
}

fn end_of_line(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(bytes.len(), |length| at + length)
}

fn end_of_block(bytes: &[u8], at: usize) -> usize {
    let mut open = 0;
    let mut at = at;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (open, at) = (open + 1, at + 2),
            [b'*', b'/', ..] if open == 1 => return at + 2,
            [b'*', b'/', ..] => (open, at) = (open - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn is_raw_string(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
    let starts_word = before == b'b' || !(before.is_ascii_alphanumeric() || before == b'_');
    let hashes = bytes[at + 1..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    starts_word && bytes.get(at + 1 + hashes) == Some(&b'"')
}

fn end_of_raw_string(bytes: &[u8], at: usize) -> usize {
    let hashes = bytes[at + 1..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    let close = [&b"\""[..], &vec![b'#'; hashes]].concat();
    let from = at + hashes + 2;
    let found = bytes[from..]
        .windows(close.len())
        .position(|window| window == close);
    found.map_or(bytes.len(), |length| from + length + close.len())
}

/// The end of a character; of a lifetime only its quote.
fn end_of_char(bytes: &[u8], at: usize) -> usize {
    let inside = &bytes[at + 1..];
    let closes = |length: usize| inside.get(length) == Some(&b'\'');
    match inside.first() {
        Some(b'\\') => {
            let close = inside.iter().skip(2).position(|byte| *byte == b'\'');
            close.map_or(at + 1, |length| at + length + 4)
        }
        Some(_) => (1..=4)
            .find(|length| closes(*length))
            .filter(|length| *length == 1 || !inside[0].is_ascii())
            .map_or(at + 1, |length| at + length + 2),
        None => at + 1,
    }
}

const TEST_ATTRIBUTE: &str = "#[cfg(test)]";

/// The code with test items blanked out, and where they were.
fn without_tests(code: &str) -> (String, Vec<(usize, usize)>) {
    let mut bytes = code.as_bytes().to_vec();
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(found) = code[at..].find(TEST_ATTRIBUTE) {
        let from = at + found;
        let to = end_of_item(code.as_bytes(), from + TEST_ATTRIBUTE.len());
        for byte in &mut bytes[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        places.push((from, to));
        at = to;
    }
    (String::from_utf8_lossy(&bytes).into_owned(), places)
}

/// The end of the item that begins at `at`: its semicolon, or the brace that closes its first one.
fn end_of_item(code: &[u8], at: usize) -> usize {
    let mut open = 0_usize;
    for (offset, byte) in code.iter().enumerate().skip(at) {
        match byte {
            b'{' => open += 1,
            b'}' if open <= 1 => return offset + 1,
            b'}' => open -= 1,
            b';' if open == 0 => return offset + 1,
            _ => {}
        }
    }
    code.len()
}

/// What `#[cfg(test)] mod x;` in a file leaves out: `x.rs` and the folder `x`.
fn test_modules(source: &Source) -> Vec<String> {
    let folder = match source.path.rsplit_once('/') {
        Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder.to_owned(),
        _ => source.path.trim_end_matches(".rs").to_owned(),
    };
    let rests = source.all_code.split(TEST_ATTRIBUTE).skip(1);
    let names = rests.filter_map(|rest| {
        let item = rest.split([';', '{']).next()?;
        let is_file = rest.as_bytes().get(item.len()) == Some(&b';');
        let name = item.rsplit_once("mod ")?.1.trim();
        is_file.then(|| name.to_owned())
    });
    names
        .flat_map(|name| [format!("{folder}/{name}.rs"), format!("{folder}/{name}/")])
        .collect()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Offsets of `wanted` in `code` where no word goes on before it.
pub fn places(code: &str, wanted: &str) -> Vec<usize> {
    let begins_word = wanted.bytes().next().is_some_and(is_word);
    let apart = |offset: usize| {
        let before = offset.checked_sub(1).map(|before| code.as_bytes()[before]);
        !(begins_word && before.is_some_and(is_word))
    };
    code.match_indices(wanted)
        .map(|(offset, _)| offset)
        .filter(|offset| apart(*offset))
        .collect()
}

/// The first names of the paths that go on at `rest`: of `{a::x, b}` both `a` and `b`.
pub fn heads(rest: &str) -> Vec<&str> {
    fn head(text: &str) -> &str {
        let text = text.trim_start();
        let length = text.bytes().take_while(|byte| is_word(*byte)).count();
        &text[..length]
    }
    let Some(group) = rest.trim_start().strip_prefix('{') else {
        return vec![head(rest)];
    };
    let mut heads = vec![head(group)];
    let mut open = 1;
    for (offset, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' if open == 1 => break,
            b'}' => open -= 1,
            b',' if open == 1 => heads.push(head(&group[offset + 1..])),
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

/// Functions with a body: line, name, lines from the signature to the closing brace.
pub fn functions(code: &str) -> Vec<(usize, &str, usize)> {
    let found = places(code, "fn ").into_iter().filter_map(|offset| {
        let name = heads(&code[offset + 3..])
            .first()
            .copied()
            .filter(|name| !name.is_empty())?;
        let to = end_of_item(code.as_bytes(), offset);
        let (first, last) = (line_of(code, offset), line_of(code, to));
        code[..to]
            .ends_with('}')
            .then_some((first, name, last - first + 1))
    });
    found.collect()
}
