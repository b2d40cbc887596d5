//! `keys`: API keys, by the server that holds the folder, or in the store while none runs.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::{CommonArgs, print};
use crate::app::now;
use crate::domain::Role;
use crate::store::{Change, Revocation, Store};

/// Arguments of `keys`.
#[derive(Args)]
#[command(after_help = "Example: tingchao keys create --name crm --role integrator")]
pub struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Make a key; it is printed once, alone, on standard output.
    Create {
        /// What it is for.
        #[arg(long)]
        name: String,
        /// ingest, integrator, analyst, knowledge_manager, quality_lead, planner, executive, admin.
        #[arg(long)]
        role: Role,
    },
    /// List the keys without their secrets.
    List,
    /// Make a key useless.
    Revoke {
        /// The key's id, as listed.
        id: String,
    },
}

pub fn run(common: &CommonArgs, args: &KeysArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        if let Some(server) = Client::local(&config)? {
            return through(&server, &args.command).await;
        }
        let store = Store::open(&config.store_url()).await?;
        let change = Change {
            actor: "cli",
            request_id: "cli",
            at_us: now().0,
        };
        match &args.command {
            KeysCommand::Create { name, role } => {
                let made = store.create_key(name, *role, &change).await?;
                print::line(made.api_key.expose());
            }
            KeysCommand::List => {
                for key in store.list_keys().await? {
                    show(
                        &key.id,
                        key.role.as_str(),
                        key.revoked_at_us.is_some(),
                        &key.name,
                    );
                }
            }
            KeysCommand::Revoke { id } => match store.revoke_key(id, &change).await? {
                Revocation::NotFound => bail!("there is no key {id}; see `tingchao keys list`"),
                Revocation::Revoked | Revocation::AlreadyRevoked => {}
            },
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn show(id: &str, role: &str, is_revoked: bool, name: &str) {
    let state = if is_revoked { "revoked" } else { "valid" };
    print::line(&format!("{id:<24} {role:<18} {state:<8} {name}"));
}

/// A key as the server lists it.
#[derive(Deserialize)]
struct Listed {
    id: String,
    name: String,
    role: String,
    revoked_at: Option<String>,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Listed>,
}

#[derive(Deserialize)]
struct Made {
    key: String,
}

/// The same by the server that holds the folder, which knows of the change at once.
async fn through(server: &Client, command: &KeysCommand) -> anyhow::Result<ExitCode> {
    match command {
        KeysCommand::Create { name, role } => {
            let body = json!({"name": name, "role": role.as_str()});
            let made: Made = server.json(Method::POST, "v1/keys", Some(&body)).await?;
            print::line(&made.key);
        }
        KeysCommand::List => {
            let list: List = server.json(Method::GET, "v1/keys", None).await?;
            for key in list.items {
                show(&key.id, &key.role, key.revoked_at.is_some(), &key.name);
            }
        }
        KeysCommand::Revoke { id } => {
            // As it is listed: hexadecimal digits, so nothing in it could leave the path.
            if !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                bail!("there is no key {id}; see `tingchao keys list`");
            }
            server
                .ask(Method::DELETE, &format!("v1/keys/{id}"), None)
                .await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
