//! The house rules that the compiler does not know, as one test.
//!
//! Invariants: only the standard library is used and only files are read, so it costs milliseconds; all
//! violations are told at once, each with file, line and what to do. Comments and strings are told apart from
//! code by a small scanner of our own; it knows what this crate writes, not all of Rust. Not here: what clippy
//! and rustc check (their levels stand in `Cargo.toml`, the thresholds in `clippy.toml`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `src/`, top to bottom: a module may use those above it, never those below. The table of
/// `docs/ARCHITECTURE.md` has the same order.
const MODULES: &[&str] = &[
    "domain",
    "error",
    "config",
    "telemetry",
    "disk",
    "contract",
    "enrich",
    "tables",
    "source",
    "lake",
    "store",
    "query",
    "pipeline",
    "simulate",
    "api",
    "app",
    "cli",
];

/// Modules that may use fewer modules than their place allows.
const NARROW: &[(&str, &[&str], &str)] = &[
    ("domain", &[], "it is the vocabulary and knows nothing"),
    ("simulate", &["domain", "contract"], "what is measured against it must share nothing with it"),
];

/// Who may name a crate: the crate, the modules, why.
const CRATES: &[(&str, &[&str], &str)] = &[
    ("actix_web", &["api"], "HTTP has one door"),
    ("actix_http", &["api"], "HTTP has one door"),
    ("utoipa", &["error", "telemetry", "api"], "only what leaves the product describes itself"),
    ("utoipa_actix_web", &["api"], "HTTP has one door"),
    ("utoipa_swagger_ui", &["api"], "HTTP has one door"),
    ("deltalake", &["lake", "query"], "commits are made in `lake`; `query` only scans what it publishes"),
    ("object_store", &["lake"], "every write goes through the durable wrapper"),
    ("datafusion", &["query"], "plans and sessions never cross a module border"),
    ("sqlx", &["store"], "the operational store has one door"),
    ("jieba_rs", &["enrich"], "words are cut in one place"),
    ("aho_corasick", &["enrich"], "text is searched for personal data in one place"),
    ("arrow", &["tables", "lake", "query", "pipeline", "api"], "the modules above `tables` can become a crate without it"),
    ("parquet", &["lake", "query"], "data files are written in `lake`, exports in `query`"),
    ("calamine", &["contract"], "foreign formats are read in `contract`"),
    ("encoding_rs", &["contract", "enrich"], "`contract` decodes foreign files, `enrich` recognises damaged text"),
    ("clap", &["cli"], "only the command line knows flags"),
    ("anyhow", &["cli", "main"], "every other module has an error type of its own"),
    ("rand", &["simulate"], "nothing else may be random"),
    ("rand_xoshiro", &["simulate"], "nothing else may be random"),
    ("hmac", &["enrich"], "tokens are made in one place"),
    ("metrics", &["telemetry"], "metrics are reached through typed functions"),
    ("metrics_exporter_prometheus", &["telemetry"], "metrics are reached through typed functions"),
    ("tracing_subscriber", &["telemetry"], "logging is set up in one place"),
];

/// Dependencies that no code names, and why they are there.
const LINKED: &[(&str, &str)] = &[
    ("utoipa-swagger-ui", "its pages are served from the binary"),
];

/// Calls that cross the border of redaction: the call, the modules, why.
const CALLS: &[(&str, &[&str], &str)] = &[
    (".reveal(", &["contract", "enrich"], "raw text is read only to check and to redact it"),
    (".reveal_into(", &["contract", "enrich"], "raw text is read only to check and to redact it"),
    ("Raw::reveal", &["contract", "enrich"], "raw text is read only to check and to redact it"),
    ("Redacted::vouch", &["enrich"], "only the redactor says that a text is redacted"),
];

/// Never in code that ships. In pieces, so that a search for them does not find this list.
const BANNED: &[(&str, &str)] = &[
    (concat!("to", "do!("), "finish it"),
    (concat!("unimple", "mented!("), "finish it"),
    (concat!("db", "g!("), "remove it"),
    (".unwrap()", "return an error"),
    (".expect(", "return an error"),
    (concat!("pan", "ic!("), "return an error"),
    (concat!("unreach", "able!("), "make the state impossible, or return an error"),
    ("println!(", "log it, or print through `cli::print`"),
    ("unsafe ", "find a safe way"),
];

/// A statement of SQL begins so. Such text belongs in a file below `queries/`.
const SQL: &[&str] = &["select ", "insert into ", "update ", "delete from ", "create table ", "drop table "];

/// Where a statement may stand in code, and why.
const SQL_HOMES: &[(&str, &str)] = &[
    ("src/query/", "it embeds `queries/` and asks the engine about itself"),
    ("src/store/sqlite.rs", "all SQL of that backend"),
];

/// Words that no text of the package holds: it speaks of the product alone. In pieces, as above.
const FOREIGN: &[&str] = &[
    concat!("clau", "de"),
    concat!("anthro", "pic"),
    concat!("/wo", "rk/"),
    concat!("/tm", "p/w"),
    concat!("co-auth", "ored-by"),
];

const MAX_FILE_LINES: usize = 900;
const MAX_FUNCTION_LINES: usize = 70;

/// One source file, with its code told apart from comments and strings.
struct Source {
    /// From the root of the package, with slashes.
    path: String,
    text: String,
    /// The text with comments, the insides of strings and test items blanked out; lines stay where they are.
    code: String,
    /// As `code`, with test items.
    all_code: String,
    /// Strings outside of test items: line and content.
    strings: Vec<(usize, String)>,
    /// The whole file is compiled for tests only.
    is_test: bool,
}

impl Source {
    fn module(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = below.split('/').next().unwrap_or(below);
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many `super::` lead to the root of the crate.
    fn depth(&self) -> usize {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let parts = below.split('/').count();
        if below.ends_with("/mod.rs") { parts - 1 } else { parts }
    }

    fn violation(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` of the package, sorted; hidden files are left out.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn sources(folder: &str) -> Vec<Source> {
    let paths = files(folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs"));
    let mut sources: Vec<Source> = paths
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let (all_code, strings) = scan(&text);
            let (code, tests) = without_tests(&all_code);
            let strings = shipped(&text, &all_code, strings, &tests);
            Source { path: relative(&path), text, code, all_code, strings, is_test: false }
        })
        .collect();
    let only_tests: Vec<String> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        source.is_test = source.path.starts_with("tests/")
            || only_tests.iter().any(|start| source.path.starts_with(start.as_str()));
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
        !tests.iter().chain(&attributes).any(|(from, to)| (*from..*to).contains(&offset))
    };
    let strings = strings.into_iter().filter(|(offset, _)| outside(*offset));
    strings.map(|(offset, content)| (line_of(text, offset), content)).collect()
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

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
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
            let content = content.trim_start_matches(['r', '#', '"']).trim_end_matches(['#', '"']);
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
    (String::from_utf8(code).unwrap(), strings)
}

fn end_of_line(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
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
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    starts_word && bytes.get(at + 1 + hashes) == Some(&b'"')
}

fn end_of_raw_string(bytes: &[u8], at: usize) -> usize {
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    let close = [&b"\""[..], &vec![b'#'; hashes]].concat();
    let from = at + hashes + 2;
    let found = bytes[from..].windows(close.len()).position(|window| window == close);
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
        Some(_) => (1..=4).find(|length| closes(*length)).filter(|length| {
            *length == 1 || !inside[0].is_ascii()
        }).map_or(at + 1, |length| at + length + 2),
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
    (String::from_utf8(bytes).unwrap(), places)
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
    names.flat_map(|name| [format!("{folder}/{name}.rs"), format!("{folder}/{name}/")]).collect()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Offsets of `wanted` in `code` where no word goes on before it.
fn places(code: &str, wanted: &str) -> Vec<usize> {
    let begins_word = wanted.bytes().next().is_some_and(is_word);
    let apart = |offset: usize| {
        let before = offset.checked_sub(1).map(|before| code.as_bytes()[before]);
        !(begins_word && before.is_some_and(is_word))
    };
    code.match_indices(wanted).map(|(offset, _)| offset).filter(|offset| apart(*offset)).collect()
}

/// The first names of the paths that go on at `rest`: of `{a::x, b}` both `a` and `b`.
fn heads(rest: &str) -> Vec<&str> {
    fn head(text: &str) -> &str {
        let text = text.trim_start();
        let length = text.bytes().take_while(|byte| is_word(*byte)).count();
        &text[..length]
    }
    let Some(group) = rest.trim_start().strip_prefix('{') else { return vec![head(rest)] };
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

/// The modules of this crate that a file names: line and name.
fn edges(source: &Source) -> Vec<(usize, &str)> {
    let code = source.code.as_str();
    let up = "super::".repeat(source.depth());
    let climbs = |offset: &usize| !code[..*offset].ends_with("super::");
    let mut edges = Vec::new();
    for prefix in ["crate::", "tingchao::", up.as_str()] {
        for offset in places(code, prefix).into_iter().filter(climbs) {
            let line = line_of(code, offset);
            edges.extend(heads(&code[offset + prefix.len()..]).into_iter().map(|head| (line, head)));
        }
    }
    edges.retain(|(_, head)| MODULES.contains(head));
    edges
}

fn place_of(module: &str) -> Option<usize> {
    MODULES.iter().position(|known| *known == module)
}

fn module_order(source: &Source, violations: &mut Vec<String>) {
    let module = source.module();
    if matches!(module, "lib" | "main") {
        return;
    }
    let Some(place) = place_of(module) else {
        violations.push(source.violation(1, "the module has no place in the order; add it to MODULES and to docs/ARCHITECTURE.md"));
        return;
    };
    let narrow = NARROW.iter().find(|(name, ..)| *name == module);
    for (line, used) in edges(source) {
        if place_of(used).is_some_and(|used| used > place) {
            violations.push(source.violation(line, &format!("`{module}` uses `{used}`, which stands below it")));
        }
        let Some((_, allowed, why)) = narrow else { continue };
        if used != module && !allowed.contains(&used) {
            violations.push(source.violation(line, &format!("`{module}` uses `{used}`; {why}")));
        }
    }
}

fn borders(source: &Source, violations: &mut Vec<String>) {
    let module = source.module();
    for (name, allowed, why) in CRATES {
        if allowed.contains(&module) {
            continue;
        }
        let named = places(&source.code, &format!("{name}::")).into_iter();
        let local = |offset: &usize| source.code[..*offset].ends_with("::");
        for offset in named.filter(|offset| !local(offset)) {
            let line = line_of(&source.code, offset);
            violations.push(source.violation(line, &format!("`{module}` names the crate `{name}`; {why}")));
        }
    }
    for (call, allowed, why) in CALLS {
        if allowed.contains(&module) || module == "domain" {
            continue;
        }
        for offset in places(&source.code, call) {
            let line = line_of(&source.code, offset);
            violations.push(source.violation(line, &format!("`{module}` calls `{call}`; {why}")));
        }
    }
}

fn banned(source: &Source, violations: &mut Vec<String>) {
    for (word, instead) in BANNED {
        for offset in places(&source.code, word) {
            let line = line_of(&source.code, offset);
            violations.push(source.violation(line, &format!("`{word}`: {instead}")));
        }
    }
}

fn sql_literals(source: &Source, violations: &mut Vec<String>) {
    if SQL_HOMES.iter().any(|(home, _)| source.path.starts_with(home)) {
        return;
    }
    for (line, content) in &source.strings {
        let begin = content.trim_start().to_ascii_lowercase();
        if SQL.iter().any(|statement| begin.starts_with(statement)) {
            violations.push(source.violation(*line, "SQL in code: put it into a file below queries/"));
        }
    }
}

fn shape(source: &Source, violations: &mut Vec<String>) {
    if !source.text.starts_with("//!") {
        violations.push(source.violation(1, "no `//!` at the top: say what it is, its invariants, what it does not do"));
    }
    let lines = source.text.lines().count();
    if lines > MAX_FILE_LINES {
        violations.push(source.violation(lines, &format!("{lines} lines, at most {MAX_FILE_LINES}: split it")));
    }
    for (line, name, length) in functions(&source.all_code) {
        if length > MAX_FUNCTION_LINES {
            let what = format!("`{name}` has {length} lines, at most {MAX_FUNCTION_LINES}: split it");
            violations.push(source.violation(line, &what));
        }
    }
}

/// Functions with a body: line, name, lines from the signature to the closing brace.
fn functions(code: &str) -> Vec<(usize, &str, usize)> {
    let found = places(code, "fn ").into_iter().filter_map(|offset| {
        let name = heads(&code[offset + 3..]).first().copied().filter(|name| !name.is_empty())?;
        let to = end_of_item(code.as_bytes(), offset);
        let (first, last) = (line_of(code, offset), line_of(code, to));
        code[..to].ends_with('}').then_some((first, name, last - first + 1))
    });
    found.collect()
}

/// A handler that takes `Query<T>` must name `T` in `params(…)`, else the description leaves its parameters out.
fn described_queries(source: &Source, violations: &mut Vec<String>) {
    for offset in places(&source.code, "#[utoipa::path(") {
        let rest = &source.code[offset..];
        let signature = rest.find("fn ").unwrap_or(rest.len());
        let (described, handler) = rest.split_at(signature);
        let parameters = handler.split('{').next().unwrap_or(handler);
        let Some((_, taken)) = parameters.split_once("Query<") else { continue };
        let Some(taken) = heads(taken).first().copied() else { continue };
        if !described.contains(&format!("params({taken}")) {
            let what = format!("`{taken}` is taken from the query and is not in `params(…)`");
            violations.push(source.violation(line_of(&source.code, offset), &what));
        }
    }
}

/// The table of the architecture page and the order above are the same list; so are the declared modules.
fn documented_order(sources: &[Source], violations: &mut Vec<String>) {
    let page = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap_or_default();
    let rows = page.lines().filter_map(|line| {
        let name = line.strip_prefix("| `")?.split('`').next()?;
        let name = name.trim_end_matches('/').trim_end_matches(".rs");
        MODULES.contains(&name).then_some(name)
    });
    let rows: Vec<&str> = rows.collect();
    if rows != MODULES {
        violations.push(format!("docs/ARCHITECTURE.md: the modules are told as {rows:?}, the order is {MODULES:?}"));
    }
    let modules: BTreeSet<&str> = sources.iter().map(Source::module).filter(|name| !matches!(*name, "lib" | "main")).collect();
    for missing in MODULES.iter().filter(|name| !modules.contains(**name)) {
        violations.push(format!("src/{missing}: it stands in MODULES and is not there"));
    }
}

/// Every `make x` that the README tells is a target.
fn told_targets(violations: &mut Vec<String>) {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap_or_default();
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', ' ', '#', '.']))
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect();
    for page in ["README.md", "docs/ARCHITECTURE.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            let told = line.match_indices("make ").filter_map(|(offset, call)| {
                let quoted = offset == 0 || line[..offset].ends_with('`');
                heads(&line[offset + call.len()..].replace('-', "_")).first().filter(|_| quoted).map(|name| name.replace('_', "-"))
            });
            for name in told.filter(|name| !name.is_empty() && !targets.contains(name.as_str())) {
                violations.push(format!("{page}:{}: `make {name}` is no target", number + 1));
            }
        }
    }
}

/// A dependency comes with its first use and goes with its last.
fn used_dependencies(product: &[Source], violations: &mut Vec<String>) {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap_or_default();
    let sections = manifest.split("\n[").find(|section| section.starts_with("dependencies]"));
    for line in sections.unwrap_or_default().lines() {
        let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else { continue };
        let ident = name.replace('-', "_");
        let calls = [format!("{ident}::"), format!("use {ident}"), format!("{ident}!(")];
        let is_named = |source: &Source| calls.iter().any(|call| !places(&source.code, call).is_empty());
        if !product.iter().any(is_named) && !LINKED.iter().any(|(linked, _)| *linked == name) {
            violations.push(format!("Cargo.toml: nothing in src/ names `{name}`: remove it"));
        }
    }
}

/// No text of the package speaks of anything but the product.
fn foreign_words(violations: &mut Vec<String>) {
    let folders = ["src", "tests", "benches", "docs", "queries", "samples", "schemas", "scripts", "packaging", ".ci"];
    let single = ["README.md", "NOTICE", "Makefile", "Cargo.toml", "deny.toml", "clippy.toml", "openapi.yaml"];
    let all = folders.iter().flat_map(|folder| files(folder)).chain(single.iter().map(|name| root().join(name)));
    for path in all {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let text = text.to_lowercase();
        for word in FOREIGN {
            for (offset, _) in text.match_indices(word) {
                let line = line_of(&text, offset);
                violations.push(format!("{}:{line}: `{word}` does not belong in the package", relative(&path)));
            }
        }
    }
}

#[test]
fn house_rules_hold() {
    let mut violations = Vec::new();
    let product = sources("src");
    assert!(product.len() > 100, "the sources are not found below {}", root().display());
    for source in product.iter().filter(|source| !source.is_test) {
        module_order(source, &mut violations);
        borders(source, &mut violations);
        banned(source, &mut violations);
        sql_literals(source, &mut violations);
        described_queries(source, &mut violations);
    }
    for source in product.iter().chain(&sources("tests")).chain(&sources("benches")) {
        shape(source, &mut violations);
    }
    documented_order(&product, &mut violations);
    told_targets(&mut violations);
    used_dependencies(&product, &mut violations);
    foreign_words(&mut violations);
    violations.sort();
    assert!(violations.is_empty(), "{} house rules broken:\n{}", violations.len(), violations.join("\n"));
}

/// A file of the module `lake`.
fn example(text: &str) -> Source {
    let (all_code, strings) = scan(text);
    let (code, tests) = without_tests(&all_code);
    let strings = shipped(text, &all_code, strings, &tests);
    Source { path: "src/lake/table.rs".into(), text: text.into(), code, all_code, strings, is_test: false }
}

fn told(rule: fn(&Source, &mut Vec<String>), text: &str) -> Vec<String> {
    let mut violations = Vec::new();
    rule(&example(text), &mut violations);
    violations
}

#[test]
fn the_order_is_seen_through_groups_and_climbing_paths() {
    assert_eq!(told(module_order, "use crate::domain::Day;\nuse crate::tables::{self, TableId};").len(), 0);
    assert_eq!(told(module_order, "use crate::{domain::Day, query::{Engine, Guard}};").len(), 1);
    assert_eq!(told(module_order, "use crate::{\n    domain::Day,\n    query,\n};\nfn f() { crate::api::x() }").len(), 2);
    assert_eq!(told(module_order, "use super::super::query::Engine;").len(), 1);
    assert_eq!(told(module_order, "use super::query::Engine;").len(), 0, "a part of its own module");
    assert_eq!(told(module_order, "// crate::api\nconst T: &str = \"crate::api::x\";").len(), 0);
    assert_eq!(told(module_order, "#[cfg(test)]\nmod tests {\n    use crate::api::x;\n}").len(), 0);
}

#[test]
fn crates_and_calls_are_seen_where_they_do_not_belong() {
    assert_eq!(told(borders, "use datafusion::prelude::*;").len(), 1);
    assert_eq!(told(borders, "use deltalake::datafusion::prelude::*;").len(), 0);
    assert_eq!(told(borders, "fn f(x: Raw) { x.reveal(); x.revealed() }").len(), 1);
    assert_eq!(told(borders, "fn f() { Redacted::vouch(x) }").len(), 1);
}

#[test]
fn words_are_found_in_code_and_not_in_comments_or_characters() {
    assert_eq!(told(banned, "fn f() { x.unwrap() } // x.unwrap()").len(), 1);
    assert_eq!(told(banned, "/* x.unwrap() /* y */ .expect( */ fn f<'a>(q: char) { q == '\"'; x.expect(\"\") }").len(), 1);
    assert_eq!(told(banned, "const S: &str = r#\"a \" .unwrap()\"#; const C: char = '中'; fn f() { x.unwrap_or(1) }").len(), 0);
    assert_eq!(told(banned, "fn f() { x.expect_one() } #[expect(dead_code)] fn g() {}").len(), 0);
}

#[test]
fn statements_in_strings_are_seen() {
    assert_eq!(told(sql_literals, "const S: &str = \"\n  SELECT 1\";").len(), 1);
    assert_eq!(told(sql_literals, "const S: &str = \"selected rows\";").len(), 0);
    assert_eq!(told(sql_literals, "#[schema(example = json!([\"select 1\"]))]\nstruct S;").len(), 0);
}

#[test]
fn long_functions_are_seen_and_signatures_without_body_are_not() {
    let body = "    a();\n".repeat(69);
    assert_eq!(told(shape, &format!("//! T.\ntrait T {{ fn g(&self); }}\nfn f() {{\n{body}}}\n")).len(), 1);
    let body = "    a();\n".repeat(68);
    assert_eq!(told(shape, &format!("//! T.\nfn f() {{\n{body}}}\n")).len(), 0);
    assert_eq!(told(shape, "use a;\n").len(), 1);
}

#[test]
fn query_parameters_must_be_described() {
    let handler = |params: &str| format!("#[utoipa::path({params})]\n#[get(\"/x\")]\nasync fn x(q: web::Query<Filters>) {{}}");
    assert_eq!(told(described_queries, &handler("params(Filters),")).len(), 0);
    assert_eq!(told(described_queries, &handler("tag = \"x\",")).len(), 1);
}
