//! The simulator judges `enrich`, `insight` and `routing`: they share no word list and no sentence.
//!
//! Compared are the lists of `samples/scenarios` with the data files and string literals of these modules. Closed
//! classes of the language (surnames, cities, days) are no invention of either side and are left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Value;

/// Share of a list that another list may have too.
const MOST: f64 = 0.3;
/// Smaller lists are a handful of everyday words with one meaning (why, how, a fee), which any two texts share.
const LEAST: usize = 8;

/// Lists that name what everybody names alike.
const CLOSED: &[&str] = &[
    "surname_list",
    "given_list",
    "city",
    "weekday",
    "month",
    "part_of_day",
    "things",
    "homophones",
    "north",
    "southwest",
    "cantonese",
    "wu",
    "road",
    "estate",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Every list of texts in a document, with its name.
fn lists(name: &str, value: &Value, found: &mut Vec<(String, Vec<String>)>) {
    match value {
        Value::Table(table) => table
            .iter()
            .for_each(|(key, inner)| lists(key, inner, found)),
        Value::Array(items) => {
            let texts: Vec<String> = items
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect();
            if texts.is_empty() {
                items.iter().for_each(|inner| lists(name, inner, found));
            } else {
                found.push((name.to_owned(), texts));
            }
        }
        _ => {}
    }
}

/// The texts of a file: lines and words of a data file, literals of a source.
fn texts(path: &Path) -> BTreeSet<String> {
    let Ok(text) = fs::read_to_string(path) else {
        return BTreeSet::new();
    };
    if path.extension().is_some_and(|ending| ending == "rs") {
        return text
            .split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
    }
    let words = text.split(|c: char| c.is_whitespace() || c == ',');
    words.chain(text.lines()).map(str::to_owned).collect()
}

/// What is shared although it must not be.
fn shared(scenarios: &Path, others: &[PathBuf]) -> Vec<String> {
    let mut named = Vec::new();
    let mut paths = Vec::new();
    files(scenarios, &mut paths);
    for path in &paths {
        let text = fs::read_to_string(path).expect("a scenario file");
        let document: toml::Table = toml::from_str(&text).expect("TOML");
        lists("", &Value::Table(document), &mut named);
    }
    assert!(named.len() > 300, "{} lists", named.len());
    named.retain(|(name, _)| !CLOSED.contains(&name.as_str()));
    let mut violations = Vec::new();
    for other in others {
        let theirs = texts(other);
        for (name, ours) in &named {
            let common: Vec<&String> = ours.iter().filter(|text| theirs.contains(*text)).collect();
            let share = common.len() as f64 / ours.len() as f64;
            if ours.len() >= LEAST && share > MOST {
                violations.push(format!(
                    "{}: {share:.2} of the list `{name}`",
                    other.display()
                ));
            }
            for text in common.into_iter().filter(|text| text.chars().count() >= 10) {
                violations.push(format!("{}: the sentence `{text}`", other.display()));
            }
        }
    }
    violations
}

#[test]
fn the_simulator_and_what_it_judges_share_no_words() {
    let mut others = Vec::new();
    for module in ["enrich", "insight", "routing", "model", "search"] {
        files(&root().join("src").join(module), &mut others);
    }
    assert!(others.len() > 10, "{} files", others.len());
    let violations = shared(&root().join("samples/scenarios"), &others);
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn a_shared_list_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let copied = folder.path().join("words.txt");
    let text = fs::read_to_string(root().join("samples/scenarios/common.toml")).expect("the file");
    let document: toml::Table = toml::from_str(&text).expect("TOML");
    let mut named = Vec::new();
    lists("", &Value::Table(document), &mut named);
    let (_, list) = named
        .iter()
        .find(|(name, _)| name == "furious")
        .expect("a list");
    fs::write(&copied, list.join("\n")).expect("written");
    assert!(!shared(&root().join("samples/scenarios"), &[copied]).is_empty());
}
