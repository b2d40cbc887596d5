//! The runbook: every command of `docs/OPERATIONS.md`, in order, in one shell, against real brokers.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::broker::cluster;
use crate::support::{PROGRAM, Place, repository, text};

/// The commands of all blocks.
fn commands(page: &str) -> String {
    let mut script = String::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => script.push_str(&format!("{line}\n")),
            _ => {}
        }
    }
    script
}

#[test]
fn every_command_of_the_runbook_runs() {
    let Some(cluster) = cluster() else { return };
    let place = Place::new();
    let tools = place.path("tools");
    fs::create_dir(&tools).expect("a folder");
    let kafka = repository("scripts/kafka");
    let shims = [
        ("tingchao", format!("exec {PROGRAM} \"$@\"")),
        (
            "kafka-topics.sh",
            format!("exec {} tool TopicCommand \"$@\"", kafka.display()),
        ),
        (
            "kafka-consumer-groups.sh",
            format!(
                "exec {} tool consumer.group.ConsumerGroupCommand \"$@\"",
                kafka.display()
            ),
        ),
    ];
    for (name, line) in shims {
        let path = tools.join(name);
        fs::write(&path, format!("#!/bin/sh\n{line}\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let page = fs::read_to_string(repository("docs/OPERATIONS.md")).expect("the page");
    let mut script = commands(&page);
    assert!(script.lines().count() > 15, "{script}");
    // Ports and topics of this run alone.
    for port in ["8080", "9090", "9091", "9092"] {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let free = free.local_addr().expect("an address").port();
        script = script.replace(&format!(":{port}"), &format!(":{free}"));
    }
    script = script.replace("tingchao.interactions.call", "tingchao.runbook");
    script = script.replace("--create", "--create --if-not-exists");
    let found = env_path();
    let path = [tools].into_iter().chain(std::env::split_paths(&found));
    let path = std::env::join_paths(path).expect("a path");
    let script = format!("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.path(""))
        .env("PATH", path)
        .env("BROKERS", &cluster.addresses)
        .output()
        .expect("bash runs");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{script}\n{out}\n{err}");
    assert!(out.contains("files compacted"), "{out}\n{err}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tools of the machine are found by it"
)]
fn env_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}
