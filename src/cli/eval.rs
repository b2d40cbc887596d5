//! `eval`: what a model is worth on the user's own labelled data, as one JSON report.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::retrieval::{self, KnowledgeArgs};

/// Arguments of `eval`.
#[derive(Args)]
pub struct EvalArgs {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// Search in a knowledge base: right articles, synonyms, gaps; beside plain BM25.
    Knowledge(Box<KnowledgeArgs>),
}

pub fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    match &args.kind {
        Kind::Knowledge(args) => retrieval::eval(args),
    }
}
