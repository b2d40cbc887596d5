//! `eval desk`: what the product says of a simulated desk against the desk's truth, as JSON.
//!
//! Invariants: the product's side comes from the named queries alone; what is scored and by which labels is written
//! into the answer. Not here: how the run was made (`simulate`), how it came into the data folder (`import`).

#![expect(clippy::cast_precision_loss, reason = "counts of rows and agents")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use futures::TryStreamExt;
use serde_json::{Map, Value, json};

use super::{CommonArgs, print};
use crate::app::DataFolder;
use crate::domain::Role;
use crate::lake::RowsRead;
use crate::query::export::Format;
use crate::query::{Engine, Limits, NamedRequest};

/// Arguments of `eval desk`.
#[derive(Args)]
#[command(
    after_help = "Example: tingchao simulate --months 1 --judge --out months && tingchao import --data desk \
                  months/events/*.ndjson && tingchao eval desk --data desk --truth months/truth"
)]
pub struct DeskArgs {
    /// Folder with the truth of the run: interactions.parquet.
    #[arg(long, value_name = "DIR")]
    truth: PathBuf,
    /// Agents with fewer stays are not scored.
    #[arg(long, value_name = "N", default_value_t = 30)]
    stays: i64,
}

type Row = Map<String, Value>;

/// How the desk calls a cause, and how the product does.
const CAUSES: [(&str, &str); 5] = [
    ("wait_beyond_patience", "own_patience"),
    ("closed", "after_hours"),
    ("lost_in_menu", "ivr_loop"),
    ("gave_up_in_menu", "ivr_depth"),
    ("gave_up_with_bot", "failed_bot"),
];

pub fn run(common: &CommonArgs, args: &DeskArgs) -> anyhow::Result<ExitCode> {
    let config = common.start(&[])?;
    let truth = truths(&args.truth.join("interactions.parquet"))?;
    let runtime = crate::query::runtime()?;
    let handle = runtime.handle().clone();
    let (abandons, agents) = runtime.block_on(async {
        let folder = DataFolder::open_shared(&config).await?;
        let limits = Limits {
            max_rows: u64::MAX,
            timeout: std::time::Duration::from_secs(3_600),
            ..(&config.query).into()
        };
        let engine = Engine::new(folder.lake, limits, Arc::new(()), handle)?;
        let abandons = named(&engine, "abandon_causes").await?;
        let agents = named(&engine, "agent_fair").await?;
        anyhow::Ok((abandons, agents))
    })?;
    let shown = json!({
        "truth": args.truth,
        "abandon_causes": {
            "all": causes(&truth, &abandons, false),
            "judge": causes(&truth, &abandons, true),
        },
        "agent_skill": skills(&truth, &agents, args.stays),
    });
    print::line(&serde_json::to_string_pretty(&shown)?);
    Ok(ExitCode::SUCCESS)
}

/// The columns of the truth that are scored, row by row.
fn truths(path: &Path) -> anyhow::Result<Vec<Row>> {
    let read = RowsRead::open(path)?;
    let text = |name: &str, place: usize| -> Value {
        let column = read.texts.get(name);
        Value::from(
            column
                .and_then(|column| column.get(place))
                .cloned()
                .flatten(),
        )
    };
    let number = |name: &str, place: usize| -> Option<f64> {
        let column = read.numbers.get(name);
        column
            .and_then(|column| column.get(place))
            .copied()
            .flatten()
    };
    let row = |place: usize| {
        let cells = [
            ("interaction_id", text("interaction_id", place)),
            ("abandon_cause", text("abandon_cause", place)),
            ("agent_id", text("agent_id", place)),
            ("judge", Value::from(number("judge", place) == Some(1.0))),
            ("agent_skill", Value::from(number("agent_skill", place))),
        ];
        let cells = cells.into_iter();
        cells.map(|(name, cell)| (name.to_owned(), cell)).collect()
    };
    let rows = read.texts.get("interaction_id").map_or(0, Vec::len);
    Ok((0..rows).map(row).collect())
}

async fn named(engine: &Engine, name: &str) -> anyhow::Result<Vec<Row>> {
    let request = NamedRequest::new(name, BTreeMap::new(), Role::Admin);
    let answer = engine.run_named(request).await?;
    let parts: Vec<bytes::Bytes> = engine
        .export(answer, Format::Ndjson)
        .await?
        .try_collect()
        .await?;
    let text = parts.concat();
    let lines = text.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    let rows: Result<Vec<Row>, _> = lines.map(serde_json::from_slice).collect();
    let mut rows = rows?;
    // The last line says that it is the end.
    rows.pop();
    Ok(rows)
}

fn text<'r>(row: &'r Row, name: &str) -> Option<&'r str> {
    row.get(name).and_then(Value::as_str)
}

fn number(row: &Row, name: &str) -> Option<f64> {
    row.get(name).and_then(Value::as_f64)
}

/// F1 of each cause and their mean: over the causes of the truth, and over these and all that the product named.
fn causes(truth: &[Row], found: &[Row], judge_only: bool) -> Value {
    let said: BTreeMap<&str, &str> = found
        .iter()
        .filter_map(|row| Some((text(row, "interaction_id")?, text(row, "cause")?)))
        .collect();
    let is_judged = |row: &&Row| !judge_only || row.get("judge") == Some(&Value::Bool(true));
    let pairs: Vec<(&str, &str)> = truth
        .iter()
        .filter(is_judged)
        .filter_map(|row| {
            let cause = text(row, "abandon_cause")?;
            let (_, name) = CAUSES.iter().find(|(known, _)| *known == cause)?;
            let said = said.get(text(row, "interaction_id")?);
            Some((*name, said.copied().unwrap_or("none")))
        })
        .collect();
    let true_classes: BTreeSet<&str> = pairs.iter().map(|(truth, _)| *truth).collect();
    let said_classes = pairs.iter().map(|(_, said)| *said);
    let all_classes: BTreeSet<&str> = said_classes.chain(true_classes.iter().copied()).collect();
    let mut scores = BTreeMap::new();
    for class in &all_classes {
        let count = |of: fn(bool, bool) -> bool| {
            let hits = pairs
                .iter()
                .filter(|(truth, said)| of(truth == class, said == class));
            hits.count() as f64
        };
        let hit = count(|truth, said| truth && said);
        let wrong = count(|truth, said| truth != said);
        scores.insert(*class, 2.0 * hit / (2.0 * hit + wrong).max(1.0));
    }
    let mean = |classes: &BTreeSet<&str>| {
        let sum: f64 = classes.iter().filter_map(|class| scores.get(class)).sum();
        sum / classes.len().max(1) as f64
    };
    json!({
        "n": pairs.len(), "f1": scores, "macro_f1": mean(&true_classes),
        "macro_f1_with_other_labels": mean(&all_classes),
    })
}

/// Order and intervals of skills; the truth is brought to mean 0 and deviation 1 over the agents.
fn skills(truth: &[Row], agents: &[Row], least: i64) -> Value {
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for row in truth {
        if let (Some(agent), Some(skill)) = (text(row, "agent_id"), number(row, "agent_skill")) {
            let sum = sums.entry(agent).or_default();
            *sum = (sum.0 + skill, sum.1 + 1.0);
        }
    }
    let scored: Vec<[f64; 4]> = agents
        .iter()
        .filter(|row| row.get("stays").and_then(Value::as_i64) >= Some(least))
        .filter_map(|row| {
            let (sum, n) = sums.get(text(row, "agent_id")?)?;
            let skill = number(row, "skill")?;
            Some([
                sum / n,
                skill,
                number(row, "skill_low")?,
                number(row, "skill_high")?,
            ])
        })
        .collect();
    let n = scored.len() as f64;
    let mean = scored.iter().map(|row| row[0]).sum::<f64>() / n.max(1.0);
    let variance = scored
        .iter()
        .map(|row| (row[0] - mean).powi(2))
        .sum::<f64>()
        / n.max(1.0);
    let standard = |value: f64| (value - mean) / variance.sqrt().max(f64::MIN_POSITIVE);
    let covered = scored
        .iter()
        .filter(|[skill, _, low, high]| (*low..=*high).contains(&standard(*skill)));
    let covered = covered.count() as f64 / n.max(1.0);
    let mut balance = 0.0;
    for (place, first) in scored.iter().enumerate() {
        for second in scored.iter().skip(place + 1) {
            let agree = (first[0] - second[0]) * (first[1] - second[1]);
            balance += f64::from(i8::from(agree > 0.0) - i8::from(agree < 0.0));
        }
    }
    json!({
        "agents": scored.len(), "least_stays": least, "kendall_tau": balance / (n * (n - 1.0) / 2.0).max(1.0),
        "nominal": 0.9, "covered": covered,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(value: Value) -> Vec<Row> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn causes_and_skills_are_scored_by_hand() {
        let truth = rows(json!([
            {"interaction_id": "a", "judge": true, "abandon_cause": "closed", "agent_id": null, "agent_skill": null},
            {"interaction_id": "b", "judge": true, "abandon_cause": "closed", "agent_id": "x", "agent_skill": 0.2},
            {"interaction_id": "c", "judge": false, "abandon_cause": "lost_in_menu", "agent_id": "y", "agent_skill": 0.6},
            {"interaction_id": "d", "judge": false, "abandon_cause": "call_back", "agent_id": "z", "agent_skill": 0.4}
        ]));
        let said = rows(json!([
            {"interaction_id": "a", "cause": "after_hours"}, {"interaction_id": "b", "cause": "own_patience"},
            {"interaction_id": "c", "cause": "ivr_loop"}
        ]));
        let all = causes(&truth, &said, false);
        assert_eq!(all["n"], 3);
        assert!(
            (all["macro_f1"].as_f64().unwrap() - (2.0 / 3.0 + 1.0) / 2.0).abs() < 1e-9,
            "{all}"
        );
        assert!(
            (causes(&truth, &said, true)["macro_f1"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9
        );
        let agent = |id: &str, skill: f64| json!({"agent_id": id, "stays": 50, "skill": skill, "skill_low": skill - 0.5, "skill_high": skill + 0.5});
        let agents = rows(json!([agent("x", -1.2), agent("y", 1.2), agent("z", 1.3)]));
        let scored = skills(&truth, &agents, 30);
        assert!(
            (scored["kendall_tau"].as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-9,
            "{scored}"
        );
        assert!((scored["covered"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9);
    }
}
