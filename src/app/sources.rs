//! The sources of the configuration, opened.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};

use crate::config::{Config, DEFAULT_TOPICS, Source as SourceConfig, SourceKind};
use crate::contract::format::Format;
use crate::contract::mapping::{Mapping, MappingOptions};
use crate::disk::replace_private;
use crate::source::{
    Canonical, FileImport, FollowedFile, ForeignRules, KafkaSource, Manifest, RecordFormat, Replay,
    Rules, Source, TopicRule,
};

/// File of the data folder with the lengths that followed files had when first seen.
pub const FOLLOWED: &str = "followed-files.json";
/// Name of the source of the default topics.
const DEFAULT_KAFKA: &str = "kafka";

/// Opens every source of the settings: those of files, and the brokers' topics.
///
/// # Errors
/// When files can't be read or a setting is wrong.
pub fn open(config: &Config) -> anyhow::Result<Vec<Box<dyn Source>>> {
    let mut sources = Vec::new();
    if let Some(kafka) = open_kafka(config)? {
        sources.push(Box::new(kafka) as Box<dyn Source>);
    }
    let files = config.sources.iter();
    for section in files.filter(|section| section.kind != SourceKind::Kafka) {
        open_one(config, section, &mut sources)
            .with_context(|| format!("source `{}` can't be opened", section.name))?;
    }
    Ok(sources)
}

/// One member of the group for all topics: those of the sources of kind
/// `kafka`, or the default ones. `None` without brokers.
///
/// # Errors
/// When a setting is wrong.
pub fn open_kafka(config: &Config) -> anyhow::Result<Option<KafkaSource>> {
    let kafka = &config.kafka;
    if kafka.brokers.is_empty() {
        return Ok(None);
    }
    let mut rules = Vec::new();
    let sections = config.sources.iter();
    for section in sections.filter(|section| section.kind == SourceKind::Kafka) {
        let format = record_format(section)
            .with_context(|| format!("source `{}` can't be opened", section.name))?;
        rules.extend(section.topics.iter().map(|topic| TopicRule {
            source: section.name.as_str().into(),
            topic: topic.clone(),
            format: Arc::clone(&format),
        }));
    }
    if rules.is_empty() {
        let format: Arc<dyn RecordFormat> = Arc::new(Canonical);
        rules.extend(DEFAULT_TOPICS.iter().map(|topic| TopicRule {
            source: DEFAULT_KAFKA.into(),
            topic: (*topic).to_owned(),
            format: Arc::clone(&format),
        }));
    }
    let ours = [&kafka.dead_letters_topic, &kafka.alerts_topic];
    let ignored: Vec<String> = ours
        .into_iter()
        .filter(|topic| !topic.is_empty())
        .cloned()
        .collect();
    let max_bytes = usize::try_from(config.ingest.max_line_bytes.get())?;
    Ok(Some(KafkaSource::open(kafka, rules, &ignored, max_bytes)?))
}

/// How the records of a source's topics become documents.
fn record_format(section: &SourceConfig) -> anyhow::Result<Arc<dyn RecordFormat>> {
    if section.mapping.is_some() {
        bail!("a mapping is for files; topics carry a `format`");
    }
    Ok(match foreign_rules(section)? {
        None => Arc::new(Canonical),
        Some(rules) => Arc::new(rules),
    })
}

fn open_one(
    config: &Config,
    section: &SourceConfig,
    sources: &mut Vec<Box<dyn Source>>,
) -> anyhow::Result<()> {
    let max_line_bytes = usize::try_from(config.ingest.max_line_bytes.get())?;
    let pattern = section.path.as_deref().context("`path` is missing")?;
    let paths = matching(Path::new(pattern))?;
    if section.follow && section.kind == SourceKind::File {
        if section.mapping.is_some() {
            bail!(
                "a followed file has one event or document a line; a mapping needs `follow = false`"
            );
        }
        for path in paths {
            let (mut source, _) = followed(config, &path, max_line_bytes)?;
            if let Some(rules) = foreign_rules(section)? {
                source = source.with_format(rules);
            }
            sources.push(Box::new(source));
        }
        return Ok(());
    }
    let (rules, identity) = rules(section)?;
    let manifest = Manifest::of(&paths, &identity)?;
    let import = FileImport::open(manifest, rules, max_line_bytes)?;
    if section.kind == SourceKind::Replay && section.speed > 0.0 {
        sources.push(Box::new(Replay::new(import, section.speed)));
    } else {
        sources.push(Box::new(import));
    }
    Ok(())
}

fn rules(section: &SourceConfig) -> anyhow::Result<(Rules, String)> {
    if let Some(path) = &section.mapping {
        let text = fs::read_to_string(path).with_context(|| format!("mapping {path}"))?;
        let mapping = Mapping::parse(&text).with_context(|| format!("mapping {path}"))?;
        let options = Arc::new(MappingOptions::default());
        return Ok((
            Rules::Mapping(Arc::new(mapping), options),
            format!("mapping \n{text}"),
        ));
    }
    Ok(match foreign_rules(section)? {
        None => (Rules::Canonical, "canonical".into()),
        Some(rules) => {
            let name = section.format.as_deref().unwrap_or_default();
            (Rules::Foreign(rules), format!("format {name} "))
        }
    })
}

/// The rules of a vendor's `format`; none for canonical events.
fn foreign_rules(section: &SourceConfig) -> anyhow::Result<Option<ForeignRules>> {
    let name = match section.format.as_deref() {
        None | Some("canonical") => return Ok(None),
        Some(name) => name,
    };
    let wanted = Format::parse(name);
    if wanted.is_none() && name != "auto" {
        bail!(
            "format `{name}`: expected `auto` or one of {}",
            Format::names()
        );
    }
    Ok(Some(ForeignRules {
        wanted,
        start: None,
    }))
}

/// A followed file is known by its head as long as it was when first seen; that
/// length is kept in the data folder.
fn followed(
    config: &Config,
    path: &Path,
    max_line_bytes: usize,
) -> anyhow::Result<(FollowedFile, u64)> {
    let kept = config.data.dir.join(FOLLOWED);
    let mut known: BTreeMap<PathBuf, u64> = match fs::read(&kept) {
        Ok(text) => serde_json::from_slice(&text)?,
        Err(_) => BTreeMap::new(),
    };
    let path = path.canonicalize()?;
    let (source, head_bytes) =
        FollowedFile::open(&path, known.get(&path).copied(), max_line_bytes)?;
    if known.insert(path, head_bytes) != Some(head_bytes) {
        replace_private(&kept, &serde_json::to_vec(&known)?)?;
    }
    Ok((source, head_bytes))
}

/// The files that a path with `*` in its last part stands for, in order.
fn matching(pattern: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let name = pattern
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if !name.contains('*') {
        return Ok(vec![pattern.to_owned()]);
    }
    let folder = pattern.parent().unwrap_or_else(|| Path::new("."));
    let parts: Vec<&str> = name.split('*').collect();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        if fits(&entry.file_name().to_string_lossy(), &parts) {
            found.push(entry.path());
        }
    }
    found.sort();
    if found.is_empty() {
        bail!("no file fits {}", pattern.display());
    }
    Ok(found)
}

/// Whether `name` is `parts` with anything between them.
fn fits(name: &str, parts: &[&str]) -> bool {
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
        return false;
    };
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    for part in parts.iter().skip(1) {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.is_empty() || last.is_empty() || name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_anything_between() {
        let parts: Vec<&str> = "calls-*.ndjson*".split('*').collect();
        assert!(fits("calls-1.ndjson", &parts));
        assert!(fits("calls-1.ndjson.gz", &parts));
        assert!(!fits("chats-1.ndjson", &parts));
        let parts: Vec<&str> = "*.csv".split('*').collect();
        assert!(fits("a.csv.csv", &parts));
        assert!(!fits("a.csv.gz", &parts));
    }
}
