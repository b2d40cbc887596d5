//! The compose file: checked by parsing, since nothing here runs containers.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::support::repository;

#[test]
fn the_compose_file_names_what_a_trial_needs() {
    let text = fs::read_to_string(repository("docker-compose.yml")).expect("the file");
    let file: BTreeMap<String, Value> = yaml_serde::from_str(&text).expect("YAML");
    let services = file["services"].as_object().expect("services");
    for name in ["kafka", "s3", "postgres", "tingchao"] {
        assert!(services.contains_key(name), "{name}");
    }
    for (name, service) in services {
        assert!(service["image"].is_string(), "{name} has no image");
        let needed = service["depends_on"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for other in needed {
            let other = other.as_str().expect("a name");
            assert!(services.contains_key(other), "{name} needs {other}");
        }
    }
    // Settings have the names that the program reads.
    let ours = services["tingchao"]["environment"]
        .as_object()
        .expect("settings");
    let defaults = fs::read_to_string(repository("docs/CONFIG.md")).expect("the settings");
    for name in ours
        .keys()
        .filter_map(|name| name.strip_prefix("TINGCHAO__"))
    {
        let key = name.to_lowercase().replace("__", ".");
        let (_, last) = key.rsplit_once('.').expect("section and key");
        assert!(defaults.contains(last), "{key}");
    }
    assert!(text.contains("Checked by parsing only"));
}
