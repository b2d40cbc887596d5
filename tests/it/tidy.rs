//! The house rules that the compiler does not know, as one test.
//!
//! Invariants: only the standard library is used and only files are read, so it costs a second; all
//! violations are told at once, each with file, line and what to do. Comments and strings are told apart from
//! code by a small scanner of our own; it knows what this crate writes, not all of Rust. Not here: what clippy
//! and rustc check (their levels stand in `Cargo.toml`, the thresholds in `clippy.toml`).

#![expect(
    clippy::string_slice,
    reason = "offsets come from searches in the same text, and a wrong one shall fail the test"
)]

#[path = "tidy/scan.rs"]
mod scan;

use std::collections::BTreeSet;
use std::fs;

use scan::{Source, files, functions, heads, line_of, places, relative, root, sources};

/// The modules of `src/`, top to bottom: a module may use those above it, never those below. The table of
/// `docs/ARCHITECTURE.md` has the same order.
const MODULES: &[&str] = &[
    "domain",
    "error",
    "config",
    "telemetry",
    "disk",
    "contract",
    "model",
    "enrich",
    "tables",
    "source",
    "sink",
    "lake",
    "store",
    "query",
    "search",
    "insight",
    "routing",
    "pipeline",
    "jobs",
    "simulate",
    "api",
    "app",
    "cli",
];

/// Modules that may use fewer modules than their place allows.
const NARROW: &[(&str, &[&str], &str)] = &[
    ("domain", &[], "it is the vocabulary and knows nothing"),
    (
        "simulate",
        &["domain", "contract"],
        "what is measured against it must share nothing with it",
    ),
];

/// Who may name a crate: the crate, the modules, why.
const CRATES: &[(&[&str], &[&str], &str)] = &[
    (&["actix_web", "actix_http"], &["api"], "HTTP has one door"),
    (
        &["utoipa_actix_web", "utoipa_swagger_ui"],
        &["api"],
        "HTTP has one door",
    ),
    (
        &["utoipa"],
        &["error", "telemetry", "api"],
        "only what leaves the product describes itself",
    ),
    (
        &["deltalake"],
        &["lake", "query"],
        "`lake` commits, `query` only scans what it publishes",
    ),
    (
        &["object_store"],
        &["lake"],
        "every write goes through the durable wrapper",
    ),
    (
        &["datafusion"],
        &["query"],
        "plans and sessions never cross a module border",
    ),
    (
        &["parquet"],
        &["lake", "query"],
        "data files are written in `lake`, exports in `query`",
    ),
    (
        &["arrow"],
        &["tables", "lake", "query", "pipeline", "api"],
        "the modules above can do without",
    ),
    (
        &["rdkafka"],
        &["source", "sink"],
        "brokers are spoken to where events come in and go out",
    ),
    (&["sqlx"], &["store"], "the operational store has one door"),
    (
        &["rayon"],
        &["insight", "pipeline"],
        "sums in a fixed order are a matter of one place; the pipeline only maps with it",
    ),
    (&["jieba_rs"], &["enrich"], "words are cut in one place"),
    (&["tantivy"], &["search"], "full text has one door"),
    (&["hmac"], &["enrich"], "tokens are made in one place"),
    (
        &["calamine"],
        &["contract"],
        "foreign files are read in one place",
    ),
    (
        &["quick_xml"],
        &["contract"],
        "foreign files are read in one place",
    ),
    (
        &["encoding_rs"],
        &["contract", "enrich"],
        "one decodes, the other recognises damaged text",
    ),
    (
        &["rand", "rand_xoshiro"],
        &["simulate"],
        "nothing else may be random",
    ),
    (
        &["metrics", "metrics_exporter_prometheus"],
        &["telemetry"],
        "metrics have typed functions",
    ),
    (
        &["tracing_subscriber"],
        &["telemetry"],
        "logging is set up in one place",
    ),
    (&["clap"], &["cli"], "only the command line knows flags"),
    (
        &["reqwest"],
        &["model", "cli"],
        "a command calls another server, a listed endpoint is asked by jobs",
    ),
    (
        &["tract_onnx"],
        &["model"],
        "ONNX files are run in one place",
    ),
    (&["rustls"], &["api"], "certificates are read in one place"),
    (
        &["anyhow"],
        &["app", "cli", "main"],
        "every other module has an error type of its own",
    ),
];

/// Calls that belong in one place: the border of redaction, the syncs of the disk. The call, the modules, why.
const CALLS: &[(&str, &[&str], &str)] = &[
    (
        ".reveal(",
        &["contract", "enrich"],
        "raw text is read only to check and to redact it",
    ),
    (
        ".reveal_into(",
        &["contract", "enrich"],
        "raw text is read only to check and to redact it",
    ),
    (
        "Raw::reveal",
        &["contract", "enrich"],
        "raw text is read only to check and to redact it",
    ),
    (
        ".sync_all(",
        &["disk", "store"],
        "what is synced is told to the journal of the tests in one place",
    ),
    (
        ".sync_data(",
        &["disk", "store"],
        "what is synced is told to the journal of the tests in one place",
    ),
    (
        "Redacted::vouch",
        &["enrich"],
        "only the redactor says that a text is redacted",
    ),
];

/// Never in code that ships. In pieces, so that a search for them does not find this list.
const BANNED: &[(&str, &str)] = &[
    (concat!("to", "do!("), "finish it"),
    (concat!("unimple", "mented!("), "finish it"),
    (concat!("db", "g!("), "remove it"),
    (".unwrap()", "return an error"),
    (".expect(", "return an error"),
    (concat!("pan", "ic!("), "return an error"),
    (
        concat!("unreach", "able!("),
        "make the state impossible, or return an error",
    ),
    ("println!(", "log it, or print through `cli::print`"),
    ("unsafe ", "find a safe way"),
];

/// A statement of SQL begins so. Such text belongs in a file below `queries/`.
const SQL: &[&str] = &[
    "select ",
    "insert into ",
    "update ",
    "delete from ",
    "create table ",
    "drop table ",
];

/// Where a statement may stand in code, and why.
const SQL_HOMES: &[(&str, &str)] = &[
    (
        "src/query/",
        "it embeds `queries/` and asks the engine about itself",
    ),
    ("src/store/sqlite", "all SQL of that backend"),
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

/// The modules of this crate that a file names: line and name.
fn edges(source: &Source) -> Vec<(usize, &str)> {
    let code = source.code.as_str();
    let up = "super::".repeat(source.depth());
    let climbs = |offset: &usize| !code[..*offset].ends_with("super::");
    let mut edges = Vec::new();
    for prefix in ["crate::", "tingchao::", up.as_str()] {
        for offset in places(code, prefix).into_iter().filter(climbs) {
            let line = line_of(code, offset);
            edges.extend(
                heads(&code[offset + prefix.len()..])
                    .into_iter()
                    .map(|head| (line, head)),
            );
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
        violations.push(source.violation(
            1,
            "the module has no place in the order; add it to MODULES and to docs/ARCHITECTURE.md",
        ));
        return;
    };
    let narrow = NARROW.iter().find(|(name, ..)| *name == module);
    for (line, used) in edges(source) {
        if place_of(used).is_some_and(|used| used > place) {
            violations.push(source.violation(
                line,
                &format!("`{module}` uses `{used}`, which stands below it"),
            ));
        }
        let Some((_, allowed, why)) = narrow else {
            continue;
        };
        if used != module && !allowed.contains(&used) {
            violations.push(source.violation(line, &format!("`{module}` uses `{used}`; {why}")));
        }
    }
}

fn borders(source: &Source, violations: &mut Vec<String>) {
    let module = source.module();
    let closed = CRATES.iter().filter(|(_, open, _)| !open.contains(&module));
    for (name, why) in closed.flat_map(|(names, _, why)| names.iter().map(move |name| (name, why)))
    {
        let named = places(&source.code, &format!("{name}::")).into_iter();
        // `deltalake::datafusion::…` goes through the crate in front.
        for offset in named.filter(|offset| !source.code[..*offset].ends_with("::")) {
            let line = line_of(&source.code, offset);
            let what = format!("`{module}` names the crate `{name}`; {why}");
            violations.push(source.violation(line, &what));
        }
    }
    let closed = CALLS
        .iter()
        .filter(|(_, open, _)| !open.contains(&module) && module != "domain");
    for (call, _, why) in closed {
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
    if SQL_HOMES
        .iter()
        .any(|(home, _)| source.path.starts_with(home))
    {
        return;
    }
    for (line, content) in &source.strings {
        let begin = content.trim_start().to_ascii_lowercase();
        if SQL.iter().any(|statement| begin.starts_with(statement)) {
            violations
                .push(source.violation(*line, "SQL in code: put it into a file below queries/"));
        }
    }
}

fn shape(source: &Source, violations: &mut Vec<String>) {
    if !source.text.starts_with("//!") {
        violations.push(source.violation(
            1,
            "no `//!` at the top: say what it is, its invariants, what it does not do",
        ));
    }
    let lines = source.text.lines().count();
    if lines > MAX_FILE_LINES {
        violations.push(source.violation(
            lines,
            &format!("{lines} lines, at most {MAX_FILE_LINES}: split it"),
        ));
    }
    for (line, name, length) in functions(&source.all_code) {
        if length > MAX_FUNCTION_LINES {
            let what =
                format!("`{name}` has {length} lines, at most {MAX_FUNCTION_LINES}: split it");
            violations.push(source.violation(line, &what));
        }
    }
}

/// A handler that takes `Query<T>` must name `T` in `params(…)`, else the description leaves its parameters out.
fn described_queries(source: &Source, violations: &mut Vec<String>) {
    for offset in places(&source.code, "#[utoipa::path(") {
        let rest = &source.code[offset..];
        let signature = rest.find("fn ").unwrap_or(rest.len());
        let (described, handler) = rest.split_at(signature);
        let parameters = handler.split('{').next().unwrap_or(handler);
        let Some((_, taken)) = parameters.split_once("Query<") else {
            continue;
        };
        let Some(taken) = heads(taken).first().copied() else {
            continue;
        };
        let is_listed = described
            .split_once("params(")
            .is_some_and(|(_, listed)| !places(listed, taken).is_empty());
        if !is_listed {
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
        violations.push(format!(
            "docs/ARCHITECTURE.md: the modules are told as {rows:?}, the order is {MODULES:?}"
        ));
    }
    let modules: BTreeSet<&str> = sources
        .iter()
        .map(Source::module)
        .filter(|name| !matches!(*name, "lib" | "main"))
        .collect();
    for missing in MODULES.iter().filter(|name| !modules.contains(**name)) {
        violations.push(format!(
            "src/{missing}: it stands in MODULES and is not there"
        ));
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
                heads(&line[offset + call.len()..].replace('-', "_"))
                    .first()
                    .filter(|_| quoted)
                    .map(|name| name.replace('_', "-"))
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
    let sections = manifest
        .split("\n[")
        .find(|section| section.starts_with("dependencies]"));
    for line in sections.unwrap_or_default().lines() {
        let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let ident = name.replace('-', "_");
        let calls = [
            format!("{ident}::"),
            format!("use {ident}"),
            format!("{ident}!("),
        ];
        let is_named = |source: &Source| {
            calls
                .iter()
                .any(|call| !places(&source.code, call).is_empty())
        };
        if !product.iter().any(is_named) {
            violations.push(format!(
                "Cargo.toml: nothing in src/ names `{name}`: remove it"
            ));
        }
    }
}

/// No text of the package speaks of anything but the product.
fn foreign_words(violations: &mut Vec<String>) {
    let folders = [
        "src",
        "tests",
        "benches",
        "docs",
        "queries",
        "samples",
        "schemas",
        "scripts",
        "packaging",
        ".ci",
    ];
    let single = [
        "README.md",
        "NOTICE",
        "Makefile",
        "Cargo.toml",
        "deny.toml",
        "clippy.toml",
        "openapi.yaml",
    ];
    let all = folders
        .iter()
        .flat_map(|folder| files(folder))
        .chain(single.iter().map(|name| root().join(name)));
    for path in all {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let text = text.to_lowercase();
        for word in FOREIGN {
            for (offset, _) in text.match_indices(word) {
                let line = line_of(&text, offset);
                violations.push(format!(
                    "{}:{line}: `{word}` does not belong in the package",
                    relative(&path)
                ));
            }
        }
    }
}

#[test]
fn house_rules_hold() {
    let mut violations = Vec::new();
    let product = sources("src");
    assert!(
        product.len() > 100,
        "the sources are not found below {}",
        root().display()
    );
    for source in product.iter().filter(|source| !source.is_test) {
        module_order(source, &mut violations);
        borders(source, &mut violations);
        banned(source, &mut violations);
        sql_literals(source, &mut violations);
        described_queries(source, &mut violations);
    }
    for source in product
        .iter()
        .chain(&sources("tests"))
        .chain(&sources("benches"))
    {
        shape(source, &mut violations);
    }
    documented_order(&product, &mut violations);
    told_targets(&mut violations);
    used_dependencies(&product, &mut violations);
    foreign_words(&mut violations);
    violations.sort();
    assert!(
        violations.is_empty(),
        "{} house rules broken:\n{}",
        violations.len(),
        violations.join("\n")
    );
}

fn told(rule: fn(&Source, &mut Vec<String>), text: &str) -> Vec<String> {
    let mut violations = Vec::new();
    rule(
        &Source::new("src/lake/table.rs".into(), text.into()),
        &mut violations,
    );
    violations
}

#[test]
fn the_order_is_seen_through_groups_and_climbing_paths() {
    assert_eq!(
        told(
            module_order,
            "use crate::domain::Day;\nuse crate::tables::{self, TableId};"
        )
        .len(),
        0
    );
    assert_eq!(
        told(
            module_order,
            "use crate::{domain::Day, query::{Engine, Guard}};"
        )
        .len(),
        1
    );
    assert_eq!(
        told(
            module_order,
            "use crate::{\n    domain::Day,\n    query,\n};\nfn f() { crate::api::x() }"
        )
        .len(),
        2
    );
    assert_eq!(
        told(module_order, "use super::super::query::Engine;").len(),
        1
    );
    assert_eq!(
        told(module_order, "use super::query::Engine;").len(),
        0,
        "a part of its own module"
    );
    assert_eq!(
        told(
            module_order,
            "// crate::api\nconst T: &str = \"crate::api::x\";"
        )
        .len(),
        0
    );
    assert_eq!(
        told(
            module_order,
            "#[cfg(test)]\nmod tests {\n    use crate::api::x;\n}"
        )
        .len(),
        0
    );
}

#[test]
fn crates_and_calls_are_seen_where_they_do_not_belong() {
    assert_eq!(told(borders, "use datafusion::prelude::*;").len(), 1);
    assert_eq!(
        told(borders, "use deltalake::datafusion::prelude::*;").len(),
        0
    );
    assert_eq!(
        told(borders, "fn f(x: Raw) { x.reveal(); x.revealed() }").len(),
        1
    );
    assert_eq!(told(borders, "fn f() { Redacted::vouch(x) }").len(), 1);
}

#[test]
fn words_are_found_in_code_and_not_in_comments_or_characters() {
    assert_eq!(told(banned, "fn f() { x.unwrap() } // x.unwrap()").len(), 1);
    assert_eq!(
        told(
            banned,
            "/* x.unwrap() /* y */ .expect( */ fn f<'a>(q: char) { q == '\"'; x.expect(\"\") }"
        )
        .len(),
        1
    );
    assert_eq!(
        told(
            banned,
            "const S: &str = r#\"a \" .unwrap()\"#; const C: char = '中'; fn f() { x.unwrap_or(1) }"
        )
        .len(),
        0
    );
    assert_eq!(
        told(
            banned,
            "fn f() { x.expect_one() } #[expect(dead_code)] fn g() {}"
        )
        .len(),
        0
    );
}

#[test]
fn statements_in_strings_are_seen() {
    assert_eq!(
        told(sql_literals, "const S: &str = \"\n  SELECT 1\";").len(),
        1
    );
    assert_eq!(
        told(sql_literals, "const S: &str = \"selected rows\";").len(),
        0
    );
    assert_eq!(
        told(
            sql_literals,
            "#[schema(example = json!([\"select 1\"]))]\nstruct S;"
        )
        .len(),
        0
    );
}

#[test]
fn long_functions_are_seen_and_signatures_without_body_are_not() {
    let body = "    a();\n".repeat(69);
    assert_eq!(
        told(
            shape,
            &format!("//! T.\ntrait T {{ fn g(&self); }}\nfn f() {{\n{body}}}\n")
        )
        .len(),
        1
    );
    let body = "    a();\n".repeat(68);
    assert_eq!(
        told(shape, &format!("//! T.\nfn f() {{\n{body}}}\n")).len(),
        0
    );
    assert_eq!(told(shape, "use a;\n").len(), 1);
}

#[test]
fn query_parameters_must_be_described() {
    let handler = |params: &str| {
        format!(
            "#[utoipa::path({params})]\n#[get(\"/x\")]\nasync fn x(q: web::Query<Filters>) {{}}"
        )
    };
    assert_eq!(
        told(described_queries, &handler("params(Filters),")).len(),
        0
    );
    assert_eq!(told(described_queries, &handler("tag = \"x\",")).len(), 1);
}
