//! A whole mapping as parsed: the sections together, names resolved, checked
//! for what no single section can see.
//!
//! Invariants: value, time and loop names do not clash; no value or time
//! leads back to itself, so evaluation ends.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use toml::Table;

use super::condition::Condition;
use super::error::{MappingErrors, Mistake};
use super::event::EventSpec;
use super::input::Input;
use super::keys::{Keys, Mistakes};
use super::record::Name;
use super::template::Template;
use super::time::{MadeTimes, TimeSpec, parse_zone};
use super::value::ValueSpec;

/// What a name of the mapping stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Value(usize),
    Time(usize),
}

/// `[[skip]]` and `[[refuse]]`.
#[derive(Debug)]
pub(super) struct Rule {
    pub name: String,
    pub when: Condition,
}

/// A parsed mapping.
#[derive(Debug)]
pub(super) struct Spec {
    pub name: String,
    pub source: String,
    pub input: Input,
    /// Sentinels of single columns.
    pub columns: HashMap<String, Vec<String>>,
    pub values: Vec<ValueSpec>,
    pub times: Vec<TimeSpec>,
    names: HashMap<String, Named>,
    pub made: MadeTimes,
    pub skip: Vec<Rule>,
    pub refuse: Vec<Rule>,
    pub events: Vec<EventSpec>,
}

const KEYS: &[&str] = &[
    "name",
    "about",
    "source",
    "zone",
    "interaction_id",
    "input",
    "columns",
    "values",
    "times",
    "made",
    "skip",
    "refuse",
    "events",
];

impl Spec {
    pub fn parse(text: &str) -> Result<Spec, MappingErrors> {
        let table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| MappingErrors {
                mistakes: vec![Mistake {
                    path: String::new(),
                    message: format!("is no TOML: {error}"),
                }],
            })?;
        let mistakes = Mistakes::default();
        let spec = Spec::of_table(&table, &mistakes);
        if let Some(spec) = &spec {
            spec.check(&mistakes);
        }
        match spec {
            Some(spec) if mistakes.is_empty() => Ok(spec),
            _ => Err(MappingErrors {
                mistakes: mistakes.into_vec(),
            }),
        }
    }

    fn of_table(table: &Table, mistakes: &Mistakes) -> Option<Spec> {
        let keys = Keys::new(table, "", mistakes, KEYS);
        let name = keys.word("name");
        if !keys.has("name") {
            keys.mistake("name", "is needed: a short name such as \"call-log\"");
        }
        keys.string("about");
        let zone = parse_zone(&keys);
        let input = Input::parse(keys.table("input"), mistakes);
        let columns = columns(&keys);
        let mut names = HashMap::new();
        let mut values = Vec::new();
        for (name, path, table) in entries(&keys, "values") {
            if let Some(value) = ValueSpec::parse(&name, table, &path, mistakes) {
                names.insert(name, Named::Value(values.len()));
                values.push(value);
            }
        }
        let mut times = Vec::new();
        for (name, path, table) in entries(&keys, "times") {
            if let Some(time) = TimeSpec::parse(table, &path, zone, mistakes) {
                if names.insert(name, Named::Time(times.len())).is_some() {
                    mistakes.add(path, "has the name of a value; choose another");
                }
                times.push(time);
            }
        }
        let made = MadeTimes::parse(keys.table("made"), zone, mistakes);
        let skip = rules(&keys, "skip");
        let refuse = rules(&keys, "refuse");
        let events = events(&keys);
        let name = name?;
        Some(Spec {
            source: keys
                .word("source")
                .unwrap_or_else(|| format!("/import/{name}")),
            name,
            input,
            columns,
            values,
            times,
            names,
            made,
            skip,
            refuse,
            events,
        })
    }

    /// Number of values and times.
    pub fn named_count(&self) -> usize {
        self.values.len() + self.times.len()
    }

    /// The place of a value or time among all of them.
    pub fn slot(&self, named: Named) -> usize {
        match named {
            Named::Value(index) => index,
            Named::Time(index) => self.values.len() + index,
        }
    }

    /// The value or time of a name. Inside its own definition the name means
    /// the column instead; `scope` sees to that.
    pub fn named(&self, name: &Name) -> Option<Named> {
        if name.column_only {
            return None;
        }
        self.names.get(&name.text).copied()
    }

    /// The column behind a name: what a user must look at in the file. Made
    /// times and constants have none, so the name itself remains.
    pub fn column_behind<'s>(&'s self, name: &'s str) -> &'s str {
        let mut at = name;
        let mut seen: Option<Named> = None;
        for _ in 0..self.named_count() {
            let Some(named) = self
                .names
                .get(at)
                .copied()
                .filter(|named| seen != Some(*named))
            else {
                break;
            };
            seen = Some(named);
            let Some(first) = self
                .names_of(named)
                .first()
                .map(|first| first.text.as_str())
            else {
                break;
            };
            at = first;
        }
        at
    }

    /// True when some time is counted up.
    pub fn makes_times(&self) -> bool {
        self.times.iter().any(TimeSpec::is_made)
    }

    /// Columns that the mapping reads from the file, loops left out.
    pub fn columns_read(&self) -> BTreeSet<String> {
        let (names, variables) = self.all_names();
        let outside = names
            .into_iter()
            .filter(|name| self.named(name).is_none())
            .filter(|name| name.column_only || !is_loop_name(name, &variables));
        let own = self.names.values().flat_map(|named| {
            let names = self.names_of(*named).into_iter();
            names.filter(|name| self.named(name) == Some(*named))
        });
        outside
            .chain(own)
            .filter(|name| !name.text.is_empty() && name.text != "rows")
            .map(|name| name.text.clone())
            .chain(self.input.group_by.iter().map(|name| Name::new(name).text))
            .filter(|name| !self.input.optional.contains(name))
            .collect()
    }

    /// Names that one value or time reads.
    fn names_of(&self, named: Named) -> Vec<&Name> {
        let mut read = Vec::new();
        match named {
            Named::Value(index) => {
                if let Some(value) = self.values.get(index) {
                    value.names(&mut read);
                }
            }
            Named::Time(index) => {
                if let Some(time) = self.times.get(index) {
                    time.names(&mut read);
                }
            }
        }
        read
    }

    fn all_names(&self) -> (Vec<&Name>, Vec<&str>) {
        let mut names = Vec::new();
        let mut variables = Vec::new();
        self.values.iter().for_each(|value| value.names(&mut names));
        self.times.iter().for_each(|time| time.names(&mut names));
        for rule in self.skip.iter().chain(&self.refuse) {
            rule.when.names(&mut names);
        }
        for event in &self.events {
            event.names(&mut names, &mut variables);
        }
        (names, variables)
    }

    fn check(&self, mistakes: &Mistakes) {
        let (_, variables) = self.all_names();
        for variable in &variables {
            if self.names.contains_key(*variable) || *variable == "rows" {
                mistakes.add(
                    "events",
                    format!("the loop variable {variable} has the name of a value or time; choose another"),
                );
            }
        }
        self.check_cycles(mistakes);
    }

    fn check_cycles(&self, mistakes: &Mistakes) {
        let ordered: BTreeMap<&String, Named> = self
            .names
            .iter()
            .map(|(name, named)| (name, *named))
            .collect();
        let mut done = vec![false; self.named_count()];
        for (name, named) in ordered {
            let mut path = Vec::new();
            if self.leads_back(named, &mut path, &mut done) {
                let section = match named {
                    Named::Value(_) => "values",
                    Named::Time(_) => "times",
                };
                mistakes.add(
                    format!("{section}.{name}"),
                    "leads back to itself through the names that it reads",
                );
            }
        }
    }

    fn leads_back(&self, named: Named, path: &mut Vec<usize>, done: &mut Vec<bool>) -> bool {
        let slot = self.slot(named);
        if path.contains(&slot) {
            return true;
        }
        if done.get(slot).copied().unwrap_or(true) {
            return false;
        }
        path.push(slot);
        let found = self
            .names_of(named)
            .into_iter()
            .filter_map(|name| self.named(name))
            .filter(|next| *next != named)
            .any(|next| self.leads_back(next, path, done));
        path.pop();
        if let Some(flag) = done.get_mut(slot) {
            *flag = true;
        }
        found
    }
}

fn events(keys: &Keys) -> Vec<EventSpec> {
    let interaction_id = Template::parse_key(keys, "interaction_id");
    let tables = keys.tables("events");
    if tables.is_empty() && !keys.has("events") {
        keys.mistake("events", "is needed: at least one [[events]]");
    }
    let without_subject = tables.iter().any(|(_, table)| lacks_subject(table));
    if without_subject && !keys.has("interaction_id") {
        keys.mistake(
            "interaction_id",
            "is needed for events of type interaction.*, or each its own subject",
        );
    }
    let parsed = tables.iter().filter_map(|(path, table)| {
        EventSpec::parse(table, path, interaction_id.as_ref(), keys.mistakes)
    });
    parsed.collect()
}

/// An event of an interaction that does not say which one.
fn lacks_subject(event: &Table) -> bool {
    let event_type = event.get("type").and_then(toml::Value::as_str);
    let of_interaction = event_type.is_some_and(|name| name.starts_with("interaction."));
    of_interaction && !event.contains_key("subject")
}

/// A name that a loop gives: an item, a field of it, or its position.
fn is_loop_name(name: &Name, variables: &[&str]) -> bool {
    let position = name.position_of.as_deref();
    let of_loop =
        position.is_some_and(|variable| variable.is_empty() || variables.contains(&variable));
    of_loop || variables.contains(&name.head.as_str())
}

fn columns(keys: &Keys) -> HashMap<String, Vec<String>> {
    let entries = entries(keys, "columns").into_iter();
    entries
        .map(|(name, path, table)| {
            let column = Keys::new(table, path, keys.mistakes, &["null"]);
            (name, column.texts("null"))
        })
        .collect()
}

/// The named tables of a section, sorted by name.
fn entries<'a>(keys: &Keys<'a>, section: &str) -> Vec<(String, String, &'a Table)> {
    let Some(table) = keys.table(section) else {
        return Vec::new();
    };
    let path = keys.at(section);
    let mut entries = Vec::new();
    for (name, value) in table {
        let path = super::keys::join(&path, name);
        match value.as_table() {
            Some(table) => entries.push((name.clone(), path, table)),
            None => keys.mistakes.add(path, "must be a table"),
        }
    }
    entries
}

fn rules(keys: &Keys, section: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (path, table) in keys.tables(section) {
        let rule = Keys::new(table, path, keys.mistakes, &["name", "when", "reason"]);
        rule.string("reason");
        let name = rule.word("name");
        let when = Condition::parse_key(&rule, "when");
        if !rule.has("name") || !rule.has("when") {
            rule.own_mistake("a rule needs name and when");
        }
        if let (Some(name), Some(when)) = (name, when) {
            rules.push(Rule { name, when });
        }
    }
    rules
}
