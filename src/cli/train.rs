//! `train`: models learnt from the user's own data.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::retrieval::{self, RetrievalArgs};

/// Arguments of `train`.
#[derive(Args)]
pub struct TrainArgs {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// Encoder, ranker and P(answered) of search, from pairs of questions.
    Retrieval(RetrievalArgs),
}

pub fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    match &args.kind {
        Kind::Retrieval(args) => retrieval::train(args),
    }
}
