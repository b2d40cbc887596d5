//! `ingest`: topics into the lake, one of any number of processes.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;

use super::{CommonArgs, print, settings};
use crate::app::ingest;

/// Arguments of `ingest`.
#[derive(Args)]
#[command(
    after_help = "Example: TINGCHAO__KAFKA__BROKERS=broker:9092 TINGCHAO__LAKE__URL=/srv/lake \\\n           tingchao ingest --admin 127.0.0.1:9091"
)]
pub struct IngestArgs {
    /// Address of Prometheus metrics. Not given: none are served.
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
}

pub fn run(common: &CommonArgs, args: &IngestArgs) -> anyhow::Result<ExitCode> {
    let admin = args.admin.map(|addr| addr.to_string());
    let config = common.start(&[("admin.addr", "--admin", admin)])?;
    let admin = args.admin.map(|_| config.admin.addr);
    let group = config.kafka.group.clone();
    ingest(&config, admin, settings::faults()?, move |address| {
        if let Some((scheme, address)) = address {
            print::note(&format!("metrics   {scheme}://{address}/metrics"));
        }
        print::note(&format!("group     {group}"));
    })?;
    Ok(ExitCode::SUCCESS)
}
