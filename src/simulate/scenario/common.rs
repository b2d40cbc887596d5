//! `common.toml`: the words, values and mishearings that all intents share.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeTable;

use super::grammar::Pattern;
use super::read::{Mistake, Placed, Reader};
use super::{Language, Part, ScenarioFile};

/// The tags, and the names of their tables.
pub(super) const LANGUAGES: [(&str, &str); 2] = [("zh", "zh-CN"), ("en", "en")];

/// Slots that are made up when they are said.
pub(super) const SLOTS: [&str; 18] = [
    "amount",
    "mins",
    "few",
    "day",
    "order",
    "parcel",
    "ticket",
    "tail",
    "surname",
    "name",
    "phone",
    "address",
    "email",
    "id_card",
    "bank_card",
    "agent",
    "query",
    "thing",
];

/// Lists that the slots above draw from; every language has them.
const NEEDED_VALUES: [&str; 9] = [
    "city",
    "product",
    "plan",
    "weekday",
    "month",
    "part_of_day",
    "surname_list",
    "given_list",
    "road",
];

/// The shared part of a library.
pub(super) struct Common {
    pub languages: Vec<Language>,
    /// By language.
    pub rules: Vec<BTreeMap<String, Vec<String>>>,
}

impl Common {
    pub(super) fn read(file: &ScenarioFile, mistakes: &mut Vec<Mistake>) -> Self {
        let mut reader = Reader::new(&file.name, &file.text);
        let document = reader.document();
        let table = document.get_ref();
        reader.keys("common.toml", table, &["zh", "en"]);
        let mut common = Self {
            languages: Vec::new(),
            rules: Vec::new(),
        };
        for (key, tag) in LANGUAGES {
            let mut language = Language {
                tag,
                ..Language::default()
            };
            let mut rules = BTreeMap::new();
            match reader.table(table, key) {
                Some(table) => read_language(&mut reader, table, &mut language, &mut rules),
                None => reader.mistake(1, &format!("the table [{key}] is missing")),
            }
            common.languages.push(language);
            common.rules.push(rules);
        }
        mistakes.append(&mut reader.mistakes);
        common
    }
}

fn read_language<'a>(
    reader: &mut Reader<'a>,
    table: &DeTable<'a>,
    language: &mut Language,
    rules: &mut BTreeMap<String, Vec<String>>,
) {
    let allowed = [
        "rules",
        "values",
        "words",
        "homophones",
        "sounds",
        "dialects",
    ];
    reader.keys("a language", table, &allowed);
    if let Some(inner) = reader.table(table, "rules") {
        *rules = lists(reader, inner);
    }
    if let Some(inner) = reader.table(table, "values") {
        language.values = lists(reader, inner);
    }
    for name in NEEDED_VALUES {
        if language.values(name).is_empty() {
            let told = format!(
                "the list `{name}` of the values of {} is missing",
                language.tag
            );
            reader.mistake(1, &told);
        }
    }
    let names: Vec<&str> = Part::ALL.iter().map(|(_, name)| *name).collect();
    let words = reader.table(table, "words");
    if let Some(inner) = words {
        reader.keys("the words", inner, &names);
    }
    for (_, name) in Part::ALL {
        let texts = words.map_or_else(Vec::new, |inner| reader.texts(inner, name));
        if texts.is_empty() {
            let told = format!("the words of {} need the list `{name}`", language.tag);
            reader.mistake(1, &told);
        }
        let patterns = patterns(reader, &texts, rules, &language.values);
        language.words.push(patterns);
    }
    let heard = reader.texts(table, "homophones");
    language.homophones = pairs(reader, &heard);
    let alike = reader.texts(table, "sounds");
    for set in alike.iter().filter(|set| set.text.chars().count() < 2) {
        let told = format!(
            "`{}`: a set of `sounds` has at least two characters that sound alike",
            set.text
        );
        reader.mistake(set.line, &told);
    }
    let sets: Vec<String> = alike.into_iter().map(|set| set.text).collect();
    language.sounds_alike(&sets);
    if let Some(inner) = reader.table(table, "dialects") {
        let names: Vec<String> = inner.keys().map(|key| key.get_ref().to_string()).collect();
        for name in names {
            let said = reader.texts(inner, &name);
            language.dialects.push(pairs(reader, &said));
        }
    }
}

/// Every list of a table of lists.
pub(super) fn lists<'a>(
    reader: &mut Reader<'a>,
    table: &DeTable<'a>,
) -> BTreeMap<String, Vec<String>> {
    let names: Vec<String> = table.keys().map(|key| key.get_ref().to_string()).collect();
    names
        .into_iter()
        .map(|name| {
            let texts = reader.texts(table, &name);
            (name, texts.into_iter().map(|placed| placed.text).collect())
        })
        .collect()
}

/// Patterns with their slots checked.
pub(super) fn patterns(
    reader: &mut Reader<'_>,
    texts: &[Placed],
    rules: &BTreeMap<String, Vec<String>>,
    values: &BTreeMap<String, Vec<String>>,
) -> Vec<Pattern> {
    let mut found = Vec::with_capacity(texts.len());
    for placed in texts {
        match Pattern::parse(&placed.text, rules) {
            Err(what) => reader.mistake(placed.line, &what),
            Ok(pattern) => {
                let mut slots = BTreeSet::new();
                pattern.slots(&mut slots);
                for slot in slots {
                    if !SLOTS.contains(&slot) && !values.contains_key(slot) {
                        let known: Vec<&str> = SLOTS
                            .into_iter()
                            .chain(values.keys().map(String::as_str))
                            .collect();
                        let told = format!("no slot `{{{slot}}}`; known: {}", known.join(", "));
                        reader.mistake(placed.line, &told);
                    }
                }
                found.push(pattern);
            }
        }
    }
    found
}

/// Pairs written `said=heard`.
fn pairs(reader: &mut Reader<'_>, texts: &[Placed]) -> Vec<(String, String)> {
    let mut found = Vec::with_capacity(texts.len());
    for placed in texts {
        match placed.text.split_once('=') {
            Some((said, heard)) if !said.is_empty() => {
                found.push((said.to_owned(), heard.to_owned()));
            }
            _ => reader.mistake(
                placed.line,
                &format!("`{}`: a pair is written said=heard", placed.text),
            ),
        }
    }
    found
}
