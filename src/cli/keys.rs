//! `keys`: API keys, also while no server runs.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

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
                    let state = if key.revoked_at_us.is_some() {
                        "revoked"
                    } else {
                        "valid"
                    };
                    print::line(&format!(
                        "{:<24} {:<18} {:<8} {}",
                        key.id, key.role, state, key.name
                    ));
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
