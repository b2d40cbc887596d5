//! `eval churn`: what the risks of customers are worth, on a data folder, as JSON.
//!
//! Learns as the job does and stores nothing. Beside the truth of a simulated run the directions of planted drivers
//! are compared, and the scores with the true hazards.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::{CommonArgs, print};
use crate::app::{DataFolder, cleaner, risks};
use crate::insight::risk::RiskModel;
use crate::insight::scorecard::Weight;
use crate::jobs::RiskRound;
use crate::lake::RowsRead;
use crate::model::measure::spearman;
use crate::pipeline::Monitor;

/// Arguments of `eval churn`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tingchao eval churn --data ./tingchao-data\n  tingchao eval churn --data ./months-data --truth months/truth"
)]
pub struct ChurnArgs {
    /// Folder `truth` of `simulate --months`, when the data are simulated.
    #[arg(long, value_name = "DIR")]
    truth: Option<PathBuf>,
}

/// The drivers that the simulator plants, by how the features of the product begin, and their signs.
const PLANTED: [(&str, f64); 6] = [
    ("unsolved_", 1.0),
    ("upset_", 1.0),
    ("abandoned_", 1.0),
    ("attributes.contract_months_left", -1.0),
    ("attributes.months_with_us", -1.0),
    ("tier", -1.0),
];

/// The simulator's tiers, lowest first.
const TIERS: [&str; 4] = ["standard", "silver", "gold", "diamond"];

pub fn run(common: &CommonArgs, args: &ChurnArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let runtime = crate::query::runtime()?;
    let handle = runtime.handle().clone();
    let round = runtime.block_on(async {
        let folder = DataFolder::open_shared(&config).await?;
        let cleaner = cleaner(&config, folder.lake, Monitor::default(), handle)?;
        anyhow::Ok(risks(&cleaner).learn().await?)
    })?;
    let models: Vec<Value> = round.learnt.models.iter().map(shown).collect();
    let mut report = json!({
        "kind": "churn", "customers": round.scores.len(), "models": models, "problems": round.learnt.problems,
    });
    if let (Some(folder), Some(all)) = (&args.truth, report.as_object_mut()) {
        all.insert("truth".to_owned(), against(folder, &round)?);
    }
    print::line(&serde_json::to_string_pretty(&report)?);
    Ok(ExitCode::SUCCESS)
}

fn shown(model: &RiskModel) -> Value {
    let weights = model.card.weights.iter().map(|weight| {
        json!({"feature": weight.name, "direction": weight.direction, "coefficient": weight.coefficient,
            "bins": weight.bins.len()})
    });
    json!({
        "kind": model.kind, "horizon_days": model.horizon_days, "half_life_days": model.half_life_days,
        "rows": model.rows, "positives": model.positives, "quality": model.quality,
        "weights": weights.collect::<Vec<Value>>(),
    })
}

/// How the points of a weight move: 1 when they rise with the value, -1 when they fall, else 0.
fn sign(weight: &Weight) -> f64 {
    if weight.name == "tier" {
        let points: Vec<(f64, f64)> = TIERS
            .iter()
            .zip(0_u8..)
            .filter_map(|(tier, place)| {
                let bin = weight
                    .bins
                    .iter()
                    .find(|bin| bin.word.as_deref() == Some(tier))?;
                Some((f64::from(place), bin.points))
            })
            .collect();
        let (places, points): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        return spearman(&places, &points).signum();
    }
    match weight.direction.as_str() {
        "rises" => 1.0,
        "falls" => -1.0,
        _ => 0.0,
    }
}

/// Directions and scores beside what was planted.
fn against(folder: &Path, round: &RiskRound) -> anyhow::Result<Value> {
    let model = round
        .learnt
        .models
        .iter()
        .find(|model| model.kind == "churn");
    let model = model.context("there is no churn model to compare")?;
    let drivers = PLANTED.iter().map(|(name, planted)| {
        let mut weights = model.card.weights.iter();
        let weight = weights.find(|weight| weight.name.starts_with(name));
        let found = weight.map_or(0.0, sign);
        json!({"driver": weight.map_or(*name, |weight| weight.name.as_str()), "planted": planted, "found": found,
            "right": (found - planted).abs() < f64::EPSILON})
    });
    let drivers: Vec<Value> = drivers.collect();
    let right = drivers
        .iter()
        .filter(|driver| driver["right"] == true)
        .count();
    let truth = RowsRead::open(&folder.join("churn.parquet"))?;
    let of = |name: &str| truth.numbers.get(name).cloned().unwrap_or_default();
    let ids = truth.texts.get("customer_id").cloned().unwrap_or_default();
    let hazards: HashMap<String, f64> = ids
        .into_iter()
        .zip(of("hazard"))
        .zip(of("leaving_at"))
        .filter_map(|((id, hazard), leaving)| Some((id?, hazard.filter(|_| leaving.is_none())?)))
        .collect();
    let pairs = round.scores.iter().filter_map(|score| {
        let hazard = hazards.get(&score.customer_id)?;
        Some((score.churn?, *hazard))
    });
    let (scores, hazards): (Vec<f64>, Vec<f64>) = pairs.unzip();
    Ok(json!({
        "drivers": drivers, "right": right, "of": PLANTED.len(), "customers": scores.len(),
        "spearman_with_true_hazard": spearman(&scores, &hazards),
    }))
}
