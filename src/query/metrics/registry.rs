//! All definitions, and the columns of the marts that they can be grouped by.

use std::collections::{BTreeMap, BTreeSet};

use super::MetricSettings;
use super::definition::Definition;
use crate::domain::listed;
use crate::query::error::QueryError;
use crate::query::files::{File, METRICS};
use crate::query::header::Header;

/// Every metric of the product.
#[derive(Debug, Clone)]
pub struct Registry {
    definitions: BTreeMap<String, Definition>,
    /// Name and type of the columns of a mart, by the mart.
    columns: BTreeMap<&'static str, Vec<(String, String)>>,
    pub(in crate::query) settings: MetricSettings,
    /// The relations that statements read.
    pub(super) relations: BTreeSet<&'static str>,
}

impl Registry {
    /// The embedded definitions; `relations` are the marts by name.
    pub(in crate::query) fn embedded<'a>(
        relations: impl Iterator<Item = (&'static str, &'a Header)>,
        settings: MetricSettings,
    ) -> Result<Self, QueryError> {
        Self::load(METRICS, relations, settings)
    }

    fn load<'a>(
        files: &[File],
        relations: impl Iterator<Item = (&'static str, &'a Header)>,
        settings: MetricSettings,
    ) -> Result<Self, QueryError> {
        let mut definitions = BTreeMap::new();
        for (name, text) in files {
            let broken = |why: String| QueryError::Invalid(format!("metric file `{name}`: {why}"));
            let definition = Definition::parse(text).map_err(broken)?;
            if definition.id != *name {
                return Err(broken("the header has another name".to_owned()));
            }
            definitions.insert(definition.id.clone(), definition);
        }
        let relations: BTreeMap<&'static str, &Header> = relations.collect();
        let names = relations.keys().copied().collect();
        // Columns of other relations can hold what people wrote; those name their dimensions themselves.
        let marts = relations
            .into_iter()
            .filter(|(name, _)| MARTS.contains(name));
        let columns = marts.map(|(name, header)| {
            let columns = header.columns.iter();
            let columns = columns
                .filter(|column| column.name != "attributes")
                .map(|column| (column.name.clone(), column.kind.clone()));
            (name, columns.collect())
        });
        Ok(Self {
            definitions,
            columns: columns.collect(),
            settings,
            relations: names,
        })
    }

    /// Every definition, by id.
    pub fn all(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.values()
    }

    /// The definition of a metric.
    ///
    /// # Errors
    /// A sentence with the known ids, closest first.
    pub fn get(&self, id: &str) -> Result<&Definition, String> {
        self.definitions.get(id).ok_or_else(|| {
            let known = listed(id, self.definitions.keys().map(String::as_str));
            format!("there is no such metric; there are: {known}")
        })
    }

    /// Name and type of every dimension of a metric: what its statement has, what its mart has, and what the
    /// interaction has that it belongs to. The flag says that the last is meant.
    pub(super) fn dimensions<'a>(
        &'a self,
        definition: &'a Definition,
    ) -> Vec<(&'a str, &'a str, bool)> {
        let mut found: Vec<(&str, &str, bool)> = Vec::new();
        let own = definition.dimensions.iter();
        let of = |mart: &str| self.columns.get(mart).into_iter().flatten();
        let marts = of(&definition.grain).map(|column| (column, false));
        let is_interaction = has_interaction(definition);
        let joined = of("interactions")
            .filter(|_| is_interaction)
            .map(|column| (column, true));
        let all = own.map(|column| (column, false)).chain(marts).chain(joined);
        for ((name, kind), is_joined) in all {
            let usable = DIMENSION_TYPES.contains(&kind.as_str());
            if usable && found.iter().all(|(known, ..)| known != name) {
                found.push((name, kind, is_joined));
            }
        }
        found
    }

    /// This registry with another statement for a metric: the `place`-th `from` in it is `to`.
    #[cfg(test)]
    pub(crate) fn mutated(&self, id: &str, place: usize, from: &str, to: &str) -> Option<Self> {
        let mut mutated = self.clone();
        let definition = mutated.definitions.get_mut(id)?;
        let (at, _) = definition.text.match_indices(from).nth(place)?;
        let (head, tail) = definition.text.split_at_checked(at)?;
        let tail = tail.strip_prefix(from)?;
        definition.text = Box::leak(format!("{head}{to}{tail}").into_boxed_str());
        Some(mutated)
    }

    /// The names that a metric can be grouped by, for its description.
    #[must_use]
    pub fn dimension_names(&self, definition: &Definition) -> Vec<String> {
        let found = self.dimensions(definition).into_iter();
        let mut names: Vec<String> = found.map(|(name, ..)| name.to_owned()).collect();
        if has_interaction(definition) {
            names.push("attributes.<key>".to_owned());
        }
        names
    }
}

/// The marts whose columns are dimensions.
const MARTS: [&str; 2] = ["legs", "interactions"];

/// Whether the rows of a metric belong to interactions.
pub(super) fn has_interaction(definition: &Definition) -> bool {
    MARTS.contains(&definition.grain.as_str())
        || definition
            .dimensions
            .iter()
            .any(|(name, _)| name == "interaction_id")
}

/// Types that rows can be grouped by and compared with a value.
const DIMENSION_TYPES: [&str; 7] = [
    "text",
    "bigint",
    "integer",
    "boolean",
    "double precision",
    "timestamptz",
    "date",
];
