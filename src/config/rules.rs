//! What must hold between keys, checked after every key has been read.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use super::problem::{ConfigError, Origin};
use super::reader::Findings;
use super::setting::quote;
use super::{Config, Source, SourceKind};

pub(super) fn check(config: &Config, findings: &mut Findings) {
    let mut rules = Rules { findings };
    doors(config, &mut rules);
    paths(config, &mut rules);
    times(config, &mut rules);
    kafka(config, &mut rules);
    sources(config, &mut rules);
    numbers(config, &mut rules);
    models(config, &mut rules);
}

struct Rules<'a> {
    findings: &'a mut Findings,
}

impl Rules<'_> {
    fn require(&mut self, holds: bool, key: &str, text: &str, expected: &str) {
        if holds {
            return;
        }
        let origin = self.findings.origins.get(key).cloned();
        self.findings.problems.push(ConfigError {
            key: key.to_owned(),
            origin: origin.unwrap_or(Origin::Default),
            text: text.to_owned(),
            expected: expected.to_owned(),
        });
    }
}

fn doors(config: &Config, rules: &mut Rules<'_>) {
    let tls = &config.tls;
    let has_certificate = tls.cert.is_some() && tls.key.is_some();
    rules.require(
        tls.cert.is_some() == tls.key.is_some(),
        if tls.cert.is_some() {
            "tls.key"
        } else {
            "tls.cert"
        },
        "nothing",
        "tls.cert and tls.key together",
    );
    let proxied = has_certificate || tls.behind_proxy;
    let open = "a loopback address, or tls.cert and tls.key, or tls.behind_proxy = true";
    for (key, addr) in [
        ("http.addr", config.http.addr),
        ("admin.addr", config.admin.addr),
    ] {
        let allowed = addr.ip().is_loopback() || proxied;
        rules.require(allowed, key, &shown(addr), open);
    }
    let sql = config.sql.addr;
    rules.require(
        sql.ip().is_loopback() || has_certificate,
        "sql.addr",
        &shown(sql),
        "a loopback address, or tls.cert and tls.key (a proxy for HTTP does not encrypt this wire)",
    );
    different_ports(config, rules);
}

fn different_ports(config: &Config, rules: &mut Rules<'_>) {
    let doors = [
        ("http.addr", config.http.addr),
        ("sql.addr", config.sql.addr),
        ("admin.addr", config.admin.addr),
    ];
    let mut taken = BTreeSet::new();
    for (key, addr) in doors {
        let free = addr.port() == 0 || taken.insert(addr);
        rules.require(free, key, &shown(addr), "an address that no other door has");
    }
}

fn paths(config: &Config, rules: &mut Rules<'_>) {
    let dir = &config.data.dir;
    if dir.file_name().is_none() && config.privacy.token_key_file.is_none() {
        rules.require(
            false,
            "data.dir",
            &quote(&dir.to_string_lossy()),
            "a path that ends in a folder's name (the token key lies beside it), or privacy.token_key_file",
        );
        return;
    }
    let key_file = config.token_key_file();
    rules.require(
        !plain(&key_file).starts_with(plain(dir)),
        "privacy.token_key_file",
        &quote(&key_file.to_string_lossy()),
        "a path outside data.dir",
    );
}

/// Without `./` in front, so that two spellings compare. Links are not followed.
fn plain(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

fn times(config: &Config, rules: &mut Rules<'_>) {
    let lake = &config.lake;
    rules.require(
        lake.retention_hours >= 24,
        "lake.retention_hours",
        &lake.retention_hours.to_string(),
        "at least 24, so that running queries keep their files",
    );
    rules.require(
        lake.log_retention_hours >= lake.retention_hours,
        "lake.log_retention_hours",
        &lake.log_retention_hours.to_string(),
        "at least lake.retention_hours",
    );
    rules.require(
        lake.compact_below_bytes <= lake.target_file_bytes.get(),
        "lake.compact_below_bytes",
        &lake.compact_below_bytes.to_string(),
        "at most lake.target_file_bytes",
    );
}

fn kafka(config: &Config, rules: &mut Rules<'_>) {
    let kafka = &config.kafka;
    let is_used = config.sources.iter().any(|s| s.kind == SourceKind::Kafka);
    rules.require(
        !is_used || !kafka.brokers.is_empty(),
        "kafka.brokers",
        "[]",
        "at least one broker, because a source is of kind \"kafka\"",
    );
    if !kafka.security_protocol.needs_password() {
        return;
    }
    let because = "a value, because kafka.security_protocol needs a password";
    let needed = [
        ("kafka.sasl_mechanism", kafka.sasl_mechanism.is_some()),
        ("kafka.sasl_username", kafka.sasl_username.is_some()),
        ("kafka.sasl_password", kafka.sasl_password.is_some()),
    ];
    for (key, is_set) in needed {
        rules.require(is_set, key, "nothing", because);
    }
}

fn models(config: &Config, rules: &mut Rules<'_>) {
    let models = &config.models;
    rules.require(
        models.endpoint_url.is_none() || models.embedding_onnx.is_none(),
        "models.endpoint_url",
        "an endpoint and models.embedding_onnx",
        "one of them",
    );
    rules.require(
        models.endpoint_url.is_none() || !models.endpoint_model.is_empty(),
        "models.endpoint_model",
        "\"\"",
        "the model's name, because models.endpoint_url is set",
    );
    if let Some(url) = &models.endpoint_url {
        let host = url::Url::parse(url).ok();
        let host = host
            .as_ref()
            .and_then(url::Url::host_str)
            .unwrap_or_default();
        let mut listed = models.allowed_hosts.iter();
        rules.require(
            listed.any(|one| one.eq_ignore_ascii_case(host)),
            "models.allowed_hosts",
            &format!(
                "[{}]",
                models
                    .allowed_hosts
                    .iter()
                    .map(|h| quote(h))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            &format!(
                "the host of models.endpoint_url, {}, among them",
                quote(host)
            ),
        );
    }
    let distinct: BTreeSet<&str> = models.polarity_classes.iter().map(|c| c.as_str()).collect();
    rules.require(
        distinct.len() == models.polarity_classes.len()
            && distinct.contains("negative")
            && distinct.contains("positive"),
        "models.polarity_classes",
        &models.polarity_classes.len().to_string(),
        "negative and positive once each, neutral at most once",
    );
}

fn sources(config: &Config, rules: &mut Rules<'_>) {
    let mut names = BTreeSet::new();
    for (index, source) in config.sources.iter().enumerate() {
        let key = |name: &str| format!("sources[{index}].{name}");
        if !source.name.is_empty() {
            rules.require(
                is_source_name(&source.name),
                &key("name"),
                &quote(&source.name),
                "1 to 64 of a-z, A-Z, 0-9, dot, underscore and hyphen; \"inbox\" and \"import\" are taken",
            );
            let is_new = names.insert(source.name.as_str());
            rules.require(
                is_new,
                &key("name"),
                &quote(&source.name),
                "a name of its own",
            );
        }
        rules.require(
            source.format.is_none() || source.mapping.is_none(),
            &key("mapping"),
            "format and mapping",
            "one of them",
        );
        origin_of_records(source, &key, rules);
    }
}

fn origin_of_records(source: &Source, key: &dyn Fn(&str) -> String, rules: &mut Rules<'_>) {
    let is_kafka = source.kind == SourceKind::Kafka;
    let kind = quote(source.kind.as_str());
    rules.require(
        is_kafka != source.topics.is_empty(),
        &key("topics"),
        if is_kafka { "[]" } else { "topics" },
        &format!("topics for kind \"kafka\" only (the kind is {kind})"),
    );
    rules.require(
        is_kafka == source.path.is_none(),
        &key("path"),
        if is_kafka { "a path" } else { "nothing" },
        &format!("a path for kinds \"file\" and \"replay\" only (the kind is {kind})"),
    );
    rules.require(
        !source.follow || source.kind == SourceKind::File,
        &key("follow"),
        "true",
        "follow = true for kind \"file\" only",
    );
}

fn is_source_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_taken = matches!(name, "inbox" | "import");
    (1..=64).contains(&name.len()) && name.chars().all(is_allowed) && !is_taken
}

fn numbers(config: &Config, rules: &mut Rules<'_>) {
    for (queue, target) in &config.targets {
        let percents = [
            ("service_level_percent", target.service_level_percent),
            ("abandonment_percent", target.abandonment_percent),
            (
                "first_contact_resolution_percent",
                target.first_contact_resolution_percent,
            ),
        ];
        for (name, percent) in percents {
            let key = format!("targets.{queue}.{name}");
            rules.require(percent <= 100.0, &key, &percent.to_string(), "0 to 100");
        }
        let csat = target.csat_mean;
        let key = format!("targets.{queue}.csat_mean");
        rules.require(
            (1.0..=5.0).contains(&csat),
            &key,
            &csat.to_string(),
            "1 to 5",
        );
    }
    let currency = config.costs.first().map(|cost| cost.currency.as_str());
    for (index, cost) in config.costs.iter().enumerate() {
        let is_same = currency == Some(cost.currency.as_str());
        let key = format!("costs[{index}].currency");
        rules.require(
            is_same,
            &key,
            &quote(&cost.currency),
            "one currency in all [[costs]]",
        );
    }
}

fn shown(addr: SocketAddr) -> String {
    quote(&addr.to_string())
}
