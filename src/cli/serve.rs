//! `serve`: the whole product in one process.

use std::process::ExitCode;

use clap::Args;

use super::{CommonArgs, print, settings};
use crate::app::{ServeOptions, serve};

/// Arguments of `serve`.
#[derive(Args)]
#[command(after_help = "Example: tingchao serve --data /var/lib/tingchao --http 127.0.0.1:8080")]
pub struct ServeArgs {
    #[command(flatten)]
    doors: DoorArgs,
    /// Take nothing in; only answer.
    #[arg(long)]
    no_ingest: bool,
}

/// Addresses of the doors.
#[derive(Args, Clone)]
pub struct DoorArgs {
    /// Address of the REST door.
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Address of the SQL door (Postgres wire); nothing listens there yet.
    #[arg(long, value_name = "ADDR")]
    sql: Option<String>,
    /// Address of Prometheus metrics.
    #[arg(long, value_name = "ADDR")]
    admin: Option<String>,
}

impl DoorArgs {
    /// As settings: key, flag, text.
    pub fn settings(&self) -> [(&'static str, &'static str, Option<String>); 3] {
        [
            ("http.addr", "--http", self.http.clone()),
            ("sql.addr", "--sql", self.sql.clone()),
            ("admin.addr", "--admin", self.admin.clone()),
        ]
    }
}

pub fn run(common: &CommonArgs, args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&args.doors.settings())?;
    let sql = config.sql.addr;
    let options = ServeOptions {
        no_ingest: args.no_ingest,
        ..ServeOptions::default()
    };
    serve(&config, options, settings::faults()?, move |addresses| {
        print::note(&format!(
            "REST      {}://{}",
            addresses.scheme, addresses.http
        ));
        print::note(&format!(
            "metrics   {}://{}/metrics",
            addresses.scheme, addresses.admin
        ));
        print::note(&format!(
            "SQL       nothing listens on {sql} yet; use POST /v1/sql"
        ));
    })?;
    Ok(ExitCode::SUCCESS)
}
