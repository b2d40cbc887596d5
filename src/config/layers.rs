//! The three layers before they are read: which text belongs to which section.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::problem::{ConfigError, Origin};
use super::reader::{Findings, Given, Section, SectionReader, show};

const ENV_PREFIX: &str = "TINGCHAO__";

/// Values from the command line; they win over file and environment.
#[derive(Debug, Clone, Default)]
pub struct Overrides(Vec<(String, String, String)>);

impl Overrides {
    /// Sets `key` (as `section.key`) to `text`, given by `flag` (as `--http`).
    pub fn set(&mut self, key: &str, flag: &str, text: impl Into<String>) {
        self.0.push((key.to_owned(), flag.to_owned(), text.into()));
    }
}

/// Texts by section and key.
type GivenBySection = BTreeMap<String, BTreeMap<String, Vec<Given>>>;

/// What is not read yet.
#[derive(Debug)]
pub(super) struct Layers {
    file: Table,
    given: GivenBySection,
}

impl Layers {
    pub(super) fn new(
        file: Option<&str>,
        env: &BTreeMap<String, String>,
        overrides: &Overrides,
        findings: &mut Findings,
    ) -> Self {
        let mut layers = Self {
            file: parse_file(file.unwrap_or_default(), findings),
            given: BTreeMap::new(),
        };
        for (name, text) in env {
            layers.add_variable(name, text, findings);
        }
        for (key, flag, text) in &overrides.0 {
            let (section, key) = key.split_once('.').unwrap_or((key, ""));
            layers.add(section, key, Origin::Flag(flag.clone()), text);
        }
        layers
    }

    fn add_variable(&mut self, name: &str, text: &str, findings: &mut Findings) {
        let Some(rest) = name.strip_prefix(ENV_PREFIX) else {
            return;
        };
        if text.is_empty() {
            return;
        }
        let rest = rest.to_ascii_lowercase();
        let origin = Origin::Environment(name.to_owned());
        match rest.split_once("__") {
            Some((section, key)) => self.add(section, key, origin, text),
            None => findings.problems.push(ConfigError {
                key: rest,
                origin,
                text: "a name without a key".to_owned(),
                expected: format!("{ENV_PREFIX}SECTION__KEY"),
            }),
        }
    }

    fn add(&mut self, section: &str, key: &str, origin: Origin, text: &str) {
        let keys = self.given.entry(section.to_owned()).or_default();
        keys.entry(key.to_owned()).or_default().push(Given {
            origin,
            text: text.to_owned(),
        });
    }

    /// Reads `[name]`.
    pub(super) fn single<S: Section>(&mut self, name: &str, findings: &mut Findings) -> S {
        let file = match self.file.remove(name) {
            None => Table::new(),
            Some(value) => table(value, name, findings),
        };
        let given = self.given.remove(name).unwrap_or_default();
        read_section(name.to_owned(), file, given, findings)
    }

    /// Reads every `[[name]]`.
    pub(super) fn list<S: Section>(&mut self, name: &str, findings: &mut Findings) -> Vec<S> {
        self.refuse_given(name, findings);
        let rows = match self.file.remove(name) {
            None => Vec::new(),
            Some(Value::Array(rows)) => rows,
            Some(other) => {
                let expected = format!("a list of tables, [[{name}]]");
                findings.problems.push(wrong(name, &other, expected));
                Vec::new()
            }
        };
        let mut sections = Vec::new();
        for (index, row) in rows.into_iter().enumerate() {
            let path = format!("{name}[{index}]");
            let file = table(row, &path, findings);
            sections.push(read_section(path, file, BTreeMap::new(), findings));
        }
        sections
    }

    /// Reads every `[name.<key>]`.
    pub(super) fn map<S: Section>(
        &mut self,
        name: &str,
        findings: &mut Findings,
    ) -> BTreeMap<String, S> {
        self.refuse_given(name, findings);
        let rows = match self.file.remove(name) {
            None => Table::new(),
            Some(value) => table(value, name, findings),
        };
        let mut sections = BTreeMap::new();
        for (key, row) in rows {
            let path = format!("{name}.{key}");
            let file = table(row, &path, findings);
            let section = read_section(path, file, BTreeMap::new(), findings);
            sections.insert(key, section);
        }
        sections
    }

    /// Sections with several tables have no place for a single text.
    fn refuse_given(&mut self, name: &str, findings: &mut Findings) {
        let given = self.given.remove(name).unwrap_or_default();
        for (key, origin) in origins(given) {
            findings.problems.push(ConfigError {
                key: format!("{name}.{key}"),
                origin,
                text: "a single value".to_owned(),
                expected: format!("[{name}] to be set in the configuration file only"),
            });
        }
    }

    /// Reports every section that nobody asked for.
    pub(super) fn finish(self, findings: &mut Findings) {
        let names: Vec<&str> = super::sections().iter().map(|s| s.name).collect();
        let expected = format!("one of the sections {}", names.join(", "));
        let in_file = self.file.into_iter().map(|(name, _)| (name, Origin::File));
        let outside = self.given.into_iter().flat_map(|(section, given)| {
            origins(given).map(move |(key, origin)| (format!("{section}.{key}"), origin))
        });
        for (key, origin) in in_file.chain(outside) {
            findings.problems.push(ConfigError {
                key,
                origin,
                text: "an unknown section".to_owned(),
                expected: expected.clone(),
            });
        }
    }
}

fn origins(given: BTreeMap<String, Vec<Given>>) -> impl Iterator<Item = (String, Origin)> {
    given.into_iter().flat_map(|(key, texts)| {
        texts
            .into_iter()
            .map(move |given| (key.clone(), given.origin))
    })
}

fn parse_file(text: &str, findings: &mut Findings) -> Table {
    match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().and_then(|span| text.get(..span.start));
            let line = line.map_or(1, |head| head.matches('\n').count() + 1);
            findings.problems.push(ConfigError {
                key: format!("line {line}"),
                origin: Origin::File,
                text: error.message().replace('\n', ", "),
                expected: "well-formed TOML".to_owned(),
            });
            Table::new()
        }
    }
}

fn table(value: Value, path: &str, findings: &mut Findings) -> Table {
    match value {
        Value::Table(table) => table,
        other => {
            let expected = format!("a table, [{path}]");
            findings.problems.push(wrong(path, &other, expected));
            Table::new()
        }
    }
}

fn wrong(path: &str, value: &Value, expected: String) -> ConfigError {
    ConfigError {
        key: path.to_owned(),
        origin: Origin::File,
        text: show(value),
        expected,
    }
}

fn read_section<S: Section>(
    path: String,
    file: Table,
    given: BTreeMap<String, Vec<Given>>,
    findings: &mut Findings,
) -> S {
    let mut reader = SectionReader::new(path, file, given, findings);
    let section = S::read(&mut reader);
    reader.finish(&S::keys());
    section
}
