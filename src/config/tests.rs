//! What a configuration may say, and what is reported when it is wrong.

use super::*;

fn load(file: &str) -> Result<Config, ConfigErrors> {
    Config::load(Some(file), &BTreeMap::new(), &Overrides::default())
}

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    pairs.iter().map(own).collect()
}

/// The keys of all mistakes, in order.
fn mistakes(result: Result<Config, ConfigErrors>) -> Vec<String> {
    let Err(ConfigErrors(errors)) = result else {
        return Vec::new();
    };
    errors.into_iter().map(|error| error.key).collect()
}

#[test]
fn nothing_given_is_the_default() {
    let config = Config::load(None, &BTreeMap::new(), &Overrides::default()).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.http.addr.to_string(), "127.0.0.1:8080");
    assert_eq!(config.sql.addr.to_string(), "127.0.0.1:5433");
    assert_eq!(config.admin.addr.to_string(), "127.0.0.1:9090");
    assert_eq!(config.lake.max_latency_ms.get(), 1_000);
    assert_eq!(config.lake.max_batch_bytes.get(), 33_554_432);
    assert_eq!(config.lake.checkpoint_every_commits.get(), 50);
    assert_eq!(config.query.max_memory_bytes.get(), 1_073_741_824);
    assert_eq!(config.query.max_rows.get(), 1_000_000);
    assert_eq!(config.ingest.max_past_days, 400);
    assert_eq!(config.days.close_after_hours, 6);
    assert_eq!(config.maintenance.rebuild_at.to_string(), "02:00:00");
}

#[test]
fn places_follow_the_data_folder() {
    let config = load("data.dir = \"/srv/t/\"").unwrap();
    assert_eq!(config.lake_url(), LakeUrl::Folder("/srv/t/lake".into()));
    assert_eq!(
        config.store_url(),
        StoreUrl::Sqlite("/srv/t/store.sqlite".into())
    );
    assert_eq!(config.token_key_file(), PathBuf::from("/srv/t.token-key"));
    assert_eq!(mistakes(load("data.dir = \".\"")), ["data.dir"]);
    let file = "data.dir = \"/srv/t\"\nprivacy.token_key_file = \"/srv/t/key\"";
    assert_eq!(mistakes(load(file)), ["privacy.token_key_file"]);
    let file = "data.dir = \"./t\"\nprivacy.token_key_file = \"t/key\"";
    assert_eq!(mistakes(load(file)), ["privacy.token_key_file"]);
}

#[test]
fn flag_wins_over_environment_over_file() {
    let file = "[http]\naddr = \"127.0.0.1:1\"\n[sql]\naddr = \"127.0.0.1:2\"\n[admin]\naddr = \"127.0.0.1:3\"";
    let env = env(&[
        ("TINGCHAO__HTTP__ADDR", "127.0.0.1:11"),
        ("TINGCHAO__SQL__ADDR", "localhost:12"),
        ("TINGCHAO__KAFKA__BROKERS", "a:1, b:2"),
        ("TINGCHAO__LAKE__URL", ""),
        ("TINGCHAO_OTHER", "x"),
    ]);
    let mut overrides = Overrides::default();
    overrides.set("http.addr", "--http", "127.0.0.1:21");
    let config = Config::load(Some(file), &env, &overrides).unwrap();
    assert_eq!(config.http.addr.port(), 21);
    assert_eq!(config.sql.addr.to_string(), "127.0.0.1:12");
    assert_eq!(config.admin.addr.port(), 3);
    assert_eq!(config.kafka.brokers, ["a:1", "b:2"]);
    assert_eq!(config.lake.url, None);
}

#[test]
fn all_mistakes_are_reported_at_once_with_their_origin() {
    let file = "\
        [http]\naddr = 8080\nadress = \"x\"\n\
        [lake]\nmax_latency_ms = 0\nretention_hours = -1\n\
        [nonsense]\na = 1\n\
        [days]\nquiet_minutes = \"ten\"\n";
    let env = env(&[
        ("TINGCHAO__QUERY__TIMEOUT_S", "soon"),
        ("TINGCHAO__QUERY__LIMIT", "1"),
        ("TINGCHAO__NOWHERE__X", "1"),
        ("TINGCHAO__ALONE", "1"),
        ("TINGCHAO__SOURCES__NAME", "x"),
    ]);
    let mut overrides = Overrides::default();
    overrides.set("admin.addr", "--admin", "here");
    let errors = Config::load(Some(file), &env, &overrides).unwrap_err();
    let text = errors.to_string();
    for line in [
        "http.addr: expected an address and port, such as 127.0.0.1:8080, got 8080 (from the configuration file)",
        "http.adress: expected one of the keys addr, shutdown_timeout_s, got an unknown key (from the configuration file)",
        "lake.max_latency_ms: expected a whole number, 1 or more, got 0 (from the configuration file)",
        "lake.retention_hours: expected a whole number, 0 or more, got -1 (from the configuration file)",
        "days.quiet_minutes: expected a whole number, 0 or more, got \"ten\" (from the configuration file)",
        "query.timeout_s: expected a whole number, 1 or more, got \"soon\" (from the environment variable TINGCHAO__QUERY__TIMEOUT_S)",
        "(from the environment variable TINGCHAO__QUERY__LIMIT)",
        "nowhere.x: expected one of the sections http, sql,",
        "alone: expected TINGCHAO__SECTION__KEY",
        "sources.name: expected [sources] to be set in the configuration file only",
        "admin.addr: expected an address and port, such as 127.0.0.1:8080, got \"here\" (from the flag --admin)",
    ] {
        assert!(text.contains(line), "{line}\nis not in\n{text}");
    }
    assert!(
        text.starts_with("the configuration has 12 mistakes\n"),
        "{text}"
    );
}

#[test]
fn a_hidden_layer_is_checked_too() {
    let mut overrides = Overrides::default();
    overrides.set("http.addr", "--http", "127.0.0.1:21");
    let result = Config::load(Some("http.addr = \"x\""), &BTreeMap::new(), &overrides);
    assert_eq!(mistakes(result), ["http.addr"]);
}

#[test]
fn broken_toml_names_the_line_and_keeps_looking() {
    let env = env(&[("TINGCHAO__SQL__ADDR", "x")]);
    let result = Config::load(Some("[http]\n\naddr = = 1\n"), &env, &Overrides::default());
    assert_eq!(mistakes(result), ["line 3", "sql.addr"]);
}

#[test]
fn secrets_are_never_shown() {
    let file = "[kafka]\nsasl_password = \"hunter2\"\n[store]\nurl = \"postgres://u:hunter2@h/d\"";
    let config = load(file).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let password = config.kafka.sasl_password.unwrap();
    assert_eq!(password.value().unwrap(), "hunter2");

    let wrong = "[kafka]\nsasl_password = [\"hunter2\"]\nsasl_pasword = \"hunter2\"\n[store]\nurl = \"mysql://u:hunter2@h\"";
    let errors = load(wrong).unwrap_err();
    assert_eq!(errors.0.len(), 3);
    assert!(!errors.to_string().contains("hunter2"), "{errors}");
    assert!(!format!("{errors:?}").contains("hunter2"));
}

#[test]
fn a_secret_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "hunter2\n").unwrap();
    let secret = Secret::new(format!("file:{}", path.display()));
    assert_eq!(secret.value().unwrap(), "hunter2");
    assert!(Secret::new("file:/nowhere/at/all").value().is_err());
}

#[test]
fn open_addresses_need_tls_or_a_proxy() {
    let open =
        "http.addr = \"0.0.0.0:8080\"\nadmin.addr = \"[::]:9090\"\nsql.addr = \"10.0.0.1:5433\"\n";
    assert_eq!(
        mistakes(load(open)),
        ["http.addr", "admin.addr", "sql.addr"]
    );
    let proxied = format!("{open}tls.behind_proxy = true");
    assert_eq!(mistakes(load(&proxied)), ["sql.addr"]);
    let certified = format!("{open}tls.cert = \"c\"\ntls.key = \"k\"");
    assert_eq!(mistakes(load(&certified)), Vec::<String>::new());
    assert_eq!(mistakes(load("tls.cert = \"c\"")), ["tls.key"]);
    assert_eq!(mistakes(load("tls.key = \"k\"")), ["tls.cert"]);
}

#[test]
fn doors_do_not_share_an_address() {
    let same = "http.addr = \"127.0.0.1:7\"\nadmin.addr = \"127.0.0.1:7\"";
    assert_eq!(mistakes(load(same)), ["admin.addr"]);
    let free = "http.addr = \"127.0.0.1:0\"\nadmin.addr = \"127.0.0.1:0\"";
    assert_eq!(mistakes(load(free)), Vec::<String>::new());
}

#[test]
fn retention_has_a_floor() {
    let file = "lake.retention_hours = 23\nlake.log_retention_hours = 10";
    assert_eq!(
        mistakes(load(file)),
        ["lake.retention_hours", "lake.log_retention_hours"]
    );
}

#[test]
fn sources_are_checked_one_by_one() {
    let good = "\
        [kafka]\nbrokers = [\"b:9092\"]\n\
        [[sources]]\nname = \"calls\"\nkind = \"kafka\"\ntopics = [\"t\"]\n\
        [[sources]]\nname = \"chats\"\nkind = \"file\"\npath = \"/x/*.ndjson\"\nfollow = true\n\
        [[sources]]\nname = \"tape\"\nkind = \"replay\"\npath = \"/x\"\nspeed = 10\n";
    let config = load(good).unwrap();
    assert_eq!(config.sources.len(), 3);
    assert_eq!(config.sources[1].path.as_deref(), Some("/x/*.ndjson"));
    assert!((config.sources[2].speed - 10.0).abs() < f64::EPSILON);

    let bad = "\
        [[sources]]\nname = \"a b\"\nkind = \"kafka\"\n\
        [[sources]]\nname = \"x\"\nkind = \"file\"\ntopics = [\"t\"]\n\
        [[sources]]\nname = \"x\"\nkind = \"replay\"\npath = \"p\"\nformat = \"f\"\nmapping = \"m\"\nfollow = true\n\
        [[sources]]\nkind = \"tape\"\npath = \"p\"\n\
        [[sources]]\nname = \"inbox\"\nkind = \"file\"\npath = \"p\"\n";
    assert_eq!(
        mistakes(load(bad)),
        [
            "sources[3].name",
            "sources[3].kind",
            "kafka.brokers",
            "sources[0].name",
            "sources[0].topics",
            "sources[1].topics",
            "sources[1].path",
            "sources[2].name",
            "sources[2].mapping",
            "sources[2].follow",
            "sources[4].name",
        ]
    );
    assert_eq!(mistakes(load("sources = 1")), ["sources"]);
    assert_eq!(mistakes(load("http = 1")), ["http"]);
}

#[test]
fn passwords_are_asked_for_when_the_protocol_needs_them() {
    let file = "kafka.security_protocol = \"SASL_SSL\"";
    assert_eq!(
        mistakes(load(file)),
        [
            "kafka.sasl_mechanism",
            "kafka.sasl_username",
            "kafka.sasl_password"
        ]
    );
}

#[test]
fn queues_fall_back_to_the_star() {
    let file = "\
        [targets.\"*\"]\nanswer_within_s = 40\n\
        [targets.\"账单\"]\nanswer_within_s = 10\n\
        [business_hours.\"账单\"]\ntimezone = \"Asia/Shanghai\"\nmonday = [\"09:00-12:00\", \"13:30-24:00\"]\nsunday = []\nclosed_on = [2026-10-01, \"2026-10-02\"]\n";
    let config = load(file).unwrap();
    assert_eq!(config.target("账单").answer_within_s, 10);
    assert_eq!(config.target("other").answer_within_s, 40);
    assert_eq!(Config::default().target("other"), Target::default());
    let hours = config.business_hours("账单");
    let span = OpenSpan {
        from_minute: 810,
        to_minute: 1_440,
    };
    assert_eq!(hours.monday.get(1), Some(&span));
    assert!(hours.sunday.is_empty());
    assert_eq!(hours.closed_on.len(), 2);
    assert_eq!(hours.timezone.name(), "Asia/Shanghai");
    assert_eq!(config.business_hours("x"), BusinessHours::default());
    let wrong = "[business_hours.a]\nmonday = [\"12:00-09:00\"]\ntuesday = [\"9-10\"]\ntimezone = \"Mars\"\n[targets.a]\ncsat_mean = 9\nservice_level_percent = 101.0";
    assert_eq!(mistakes(load(wrong)).len(), 5);
}

#[test]
fn costs_have_one_currency_and_a_first_day() {
    let file = "[[costs]]\nvalid_from = 2026-01-01\nper_agent_minute = 0.8\n\
        [[costs]]\nvalid_from = \"2026-02-01\"\nchannel = \"call\"\nper_agent_minute = 1\n";
    let config = load(file).unwrap();
    assert_eq!(config.costs[1].channel, "call");
    assert_eq!(config.costs[0].valid_from.to_string(), "2026-01-01");
    let file = format!("{file}currency = \"USD\"\n[[costs]]\nper_session = -1.0\n");
    assert_eq!(
        mistakes(load(&file)),
        [
            "costs[2].valid_from",
            "costs[2].per_session",
            "costs[1].currency"
        ]
    );
}

#[test]
fn lake_urls_are_folders_or_buckets() {
    let s3 = |bucket: &str, prefix: &str| LakeUrl::S3 {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
    };
    for (text, expected) in [
        ("s3://b/p/q/", Some(s3("b", "p/q"))),
        ("s3://b", Some(s3("b", ""))),
        ("s3://", None),
        ("/srv/lake", Some(LakeUrl::Folder("/srv/lake".into()))),
        (
            "file:///srv/lake",
            Some(LakeUrl::Folder("/srv/lake".into())),
        ),
        ("ftp://x", None),
        ("", None),
    ] {
        assert_eq!(LakeUrl::from_text(text), expected, "{text}");
    }
}

#[test]
fn the_default_file_is_the_defaults() {
    assert_eq!(load(&default_toml()).unwrap(), Config::default());
}

#[test]
fn the_default_file_names_every_key_and_its_examples_are_valid() {
    let text = default_toml();
    for section in sections() {
        for key in section.keys {
            let found = text.lines().any(|line| {
                let line = line.strip_prefix('#').unwrap_or(line);
                line.starts_with(&format!("{} = ", key.name))
            });
            assert!(found, "{}.{}", section.name, key.name);
            assert!(!key.about.is_empty(), "{}.{}", section.name, key.name);
        }
    }
    // `mapping` stands instead of `format`, so both at once are a mistake.
    let uncommented: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("#mapping"))
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => rest,
            _ => line,
        })
        .collect();
    let config = load(&uncommented.join("\n")).unwrap();
    assert_eq!(config.sources.len(), 1);
    assert_eq!(config.costs.len(), 1);
    assert_eq!(config.targets.len(), 1);
    assert_eq!(config.business_hours.len(), 1);
    assert!(config.tls.cert.is_some());
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a switch of the test run, not a setting"
)]
fn the_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIG.md");
    let generated = config_markdown();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed, generated, "run with UPDATE_GENERATED=1");
}
