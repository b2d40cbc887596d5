//! The settings: file < environment (`TINGCHAO__SECTION__KEY`) < flag.
//!
//! Invariants: [`Config::load`] is pure (the caller reads the file and the environment); every mistake is
//! reported at once; unknown keys are mistakes; secrets are never printed; units stand in the names. Each
//! key is defined once, and the struct field, the parser, [`default_toml`] and `docs/CONFIG.md` come from
//! that definition.
//!
//! A module is given the section that it needs, never the whole. Which formats, queues or files exist is
//! checked by the modules that know them, not here.

mod admin;
mod business_hours;
mod costs;
mod data;
mod days;
mod document;
mod http;
mod ingest;
mod kafka;
mod lake;
mod layers;
mod log;
mod maintenance;
mod models;
mod privacy;
mod problem;
mod query;
mod reader;
mod rules;
mod setting;
mod sources;
mod sql;
mod store;
mod targets;
#[cfg(test)]
mod tests;
mod tls;
mod topics;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use admin::Admin;
pub use business_hours::{BusinessHours, OpenSpan};
pub use costs::Cost;
pub use data::Data;
pub use days::Days;
pub use document::{config_markdown, default_toml};
pub use http::Http;
pub use ingest::Ingest;
pub use kafka::{DEFAULT_TOPICS, Kafka, MissingOffsets, SaslMechanism, SecurityProtocol};
pub use lake::Lake;
pub use layers::Overrides;
pub use log::{Log, LogFormat, LogLevel};
pub use maintenance::Maintenance;
pub use models::{Models, PolarityClass};
pub use privacy::{CustomerIds, Privacy};
pub use problem::{ConfigError, ConfigErrors, Origin};
pub use query::Query;
pub use reader::{KeyDoc, Section, SectionReader};
pub use setting::{LakeUrl, Secret, Setting, StoreUrl};
pub use sources::{Source, SourceKind};
pub use sql::Sql;
pub use store::Store;
pub use targets::Target;
pub use tls::Tls;
pub use topics::Topics;

use layers::Layers;
use reader::Findings;

/// How often a section may stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `[section]`, once.
    Single,
    /// `[[section]]`, any number, in order.
    List,
    /// `[section.<name>]`, any number, by name.
    Map,
}

/// What the documents say about one section.
#[derive(Debug)]
struct SectionDoc {
    name: &'static str,
    shape: Shape,
    about: String,
    keys: Vec<KeyDoc>,
}

macro_rules! config {
    (
        single { $($single:ident: $single_type:ty,)+ }
        list { $($list:ident: $list_type:ty,)+ }
        map { $($map:ident: $map_type:ty,)+ }
    ) => {
        /// All settings of a process.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Config {
            $(#[doc = concat!("`[", stringify!($single), "]`")] pub $single: $single_type,)+
            $(#[doc = concat!("`[[", stringify!($list), "]]`")] pub $list: Vec<$list_type>,)+
            $(#[doc = concat!("`[", stringify!($map), ".<name>]`")]
            pub $map: BTreeMap<String, $map_type>,)+
        }

        impl Config {
            fn read(layers: &mut Layers, findings: &mut Findings) -> Self {
                Self {
                    $($single: layers.single(stringify!($single), findings),)+
                    $($list: layers.list(stringify!($list), findings),)+
                    $($map: layers.map(stringify!($map), findings),)+
                }
            }
        }

        fn sections() -> Vec<SectionDoc> {
            vec![
                $(section_doc::<$single_type>(stringify!($single), Shape::Single),)+
                $(section_doc::<$list_type>(stringify!($list), Shape::List),)+
                $(section_doc::<$map_type>(stringify!($map), Shape::Map),)+
            ]
        }
    };
}

config! {
    single {
        http: Http,
        sql: Sql,
        admin: Admin,
        tls: Tls,
        data: Data,
        log: Log,
        lake: Lake,
        store: Store,
        privacy: Privacy,
        ingest: Ingest,
        query: Query,
        maintenance: Maintenance,
        days: Days,
        topics: Topics,
        kafka: Kafka,
        models: Models,
    }
    list {
        sources: Source,
        costs: Cost,
    }
    map {
        business_hours: BusinessHours,
        targets: Target,
    }
}

fn section_doc<S: Section>(name: &'static str, shape: Shape) -> SectionDoc {
    SectionDoc {
        name,
        shape,
        about: S::about(),
        keys: S::keys(),
    }
}

/// The name of the table that holds for every queue or channel without one of its own.
pub const ANY: &str = "*";

impl Config {
    /// Reads the layers: the text of the file, the environment (only names that begin with `TINGCHAO__`
    /// count, an empty value counts as not set) and the flags.
    ///
    /// # Errors
    /// All mistakes of all layers, each with key, origin, text and what was expected.
    pub fn load(
        file: Option<&str>,
        env: &BTreeMap<String, String>,
        overrides: &Overrides,
    ) -> Result<Self, ConfigErrors> {
        let mut findings = Findings::default();
        let mut layers = Layers::new(file, env, overrides, &mut findings);
        let config = Self::read(&mut layers, &mut findings);
        layers.finish(&mut findings);
        rules::check(&config, &mut findings);
        if findings.problems.is_empty() {
            return Ok(config);
        }
        Err(ConfigErrors(findings.problems))
    }

    /// Where the tables live: `lake.url`, or the folder `lake` in the data folder.
    #[must_use]
    pub fn lake_url(&self) -> LakeUrl {
        let default = || LakeUrl::Folder(self.data.dir.join("lake"));
        self.lake.url.clone().unwrap_or_else(default)
    }

    /// Where the operational state lives: `store.url`, or `store.sqlite` in the data folder.
    #[must_use]
    pub fn store_url(&self) -> StoreUrl {
        let default = || StoreUrl::Sqlite(self.data.dir.join("store.sqlite"));
        self.store.url.clone().unwrap_or_else(default)
    }

    /// Where the key of the tokens lives: `privacy.token_key_file`, or beside the data folder, never in it.
    #[must_use]
    pub fn token_key_file(&self) -> PathBuf {
        if let Some(path) = &self.privacy.token_key_file {
            return path.clone();
        }
        let mut name = self.data.dir.file_name().unwrap_or_default().to_owned();
        name.push(".token-key");
        self.data.dir.with_file_name(name)
    }

    /// The targets of a queue: its own, else those of `"*"`, else the defaults.
    #[must_use]
    pub fn target(&self, queue: &str) -> Target {
        let found = self.targets.get(queue).or_else(|| self.targets.get(ANY));
        found.cloned().unwrap_or_default()
    }

    /// The business hours of a queue: its own, else those of `"*"`, else always open.
    #[must_use]
    pub fn business_hours(&self, queue: &str) -> BusinessHours {
        let hours = &self.business_hours;
        let found = hours.get(queue).or_else(|| hours.get(ANY));
        found.cloned().unwrap_or_default()
    }
}
