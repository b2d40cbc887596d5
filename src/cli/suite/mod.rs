//! `eval suite`: the figures on the public corpora, as a page with a plain baseline and the goal beside each.
//!
//! Invariants: a corpus that is not there fails the run, nothing is skipped; the page names every file with its
//! SHA-256, the models with their versions, the command, the commit and the day; a baseline is scored in the same
//! run. Not here: figures that need a running product.

mod knowledge;
mod sentiment;
mod speed;
mod topics;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};

use super::{print, read};
use crate::app::now;
use crate::enrich::sentiment::Sentiment;

/// Arguments of `eval suite`.
#[derive(Args)]
#[command(
    after_help = "Example: tingchao eval suite --root corpora --out docs/EVALUATION.md\nPart of it: tingchao eval suite --root corpora --only topics"
)]
pub struct SuiteArgs {
    /// Folder of the corpora.
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Folder with recipes.toml, lines/ and retrieval/.
    #[arg(long, value_name = "DIR", default_value = "models")]
    models: PathBuf,
    /// The page to write; standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only this part; can be repeated.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// The commit that is scored, for the page.
    #[arg(long, default_value = "unknown")]
    commit: String,
}

/// A part of the suite.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Polarity and dissatisfaction.
    Sentiment,
    /// Clustering.
    Topics,
    /// Search and gaps.
    Knowledge,
    /// Texts a second, in this process.
    Speed,
}

impl Part {
    const ALL: [Self; 4] = [Self::Sentiment, Self::Topics, Self::Knowledge, Self::Speed];

    fn title(self) -> &'static str {
        match self {
            Self::Sentiment => "Sentiment",
            Self::Topics => "Topics",
            Self::Knowledge => "Knowledge",
            Self::Speed => "Speed",
        }
    }

    /// What a reader must know of its figures.
    fn about(self) -> &'static str {
        match self {
            Self::Sentiment => {
                "The scored part is a fifth by hash of the text (first byte of its SHA-256 below 51), after \
                de-duplication over all corpora. The baseline is the same n-grams in a plain linear machine, learnt \
                and scored in the same run."
            }
            Self::Topics => {
                "Nothing is learnt from labels. The baseline is TF-IDF of words and characters on its leading axes \
                and k-means, on the same texts with the same number of topics."
            }
            Self::Knowledge => {
                "The encoder, the ranker and P(answered) never saw a sentence of these sets. The baseline is BM25 over \
                words and parts, in the same run."
            }
            Self::Speed => {
                "In this process, on the machine of the run; figures of another machine can't be compared."
            }
        }
    }
}

/// What a figure should reach.
#[derive(Clone, Copy)]
struct Goal {
    /// What it must reach.
    bound: f64,
    /// What is aimed at.
    aim: f64,
    /// Whether smaller is better.
    is_most: bool,
}

impl Goal {
    fn at_least(bound: f64, aim: f64) -> Self {
        Self {
            bound,
            aim,
            is_most: false,
        }
    }

    fn at_most(bound: f64, aim: f64) -> Self {
        Self {
            bound,
            aim,
            is_most: true,
        }
    }

    fn verdict(self, value: f64) -> &'static str {
        let reaches = |goal: f64| {
            if self.is_most {
                value <= goal
            } else {
                value >= goal
            }
        };
        if reaches(self.aim) {
            "aim"
        } else if reaches(self.bound) {
            "yes"
        } else {
            "**no**"
        }
    }
}

/// A row of the page.
struct Row {
    part: Part,
    what: String,
    figure: String,
    n: usize,
    baseline: Option<f64>,
    value: f64,
    goal: Option<Goal>,
}

/// The run: where files are and what was found.
struct Suite<'a> {
    args: &'a SuiteArgs,
    heads: &'static Sentiment,
    part: Part,
    rows: Vec<Row>,
    files: BTreeMap<String, String>,
    models: BTreeMap<String, String>,
}

pub fn run(args: &SuiteArgs) -> anyhow::Result<ExitCode> {
    let heads = Sentiment::shipped().map_err(|error| anyhow!(error))?;
    let mut suite = Suite {
        args,
        heads,
        part: Part::Sentiment,
        rows: Vec::new(),
        files: BTreeMap::new(),
        models: BTreeMap::new(),
    };
    for part in Part::ALL {
        if !args.only.is_empty() && !args.only.contains(&part) {
            continue;
        }
        suite.part = part;
        match part {
            Part::Sentiment => sentiment::run(&mut suite)?,
            Part::Topics => topics::run(&mut suite)?,
            Part::Knowledge => knowledge::run(&mut suite)?,
            Part::Speed => speed::run(&mut suite)?,
        }
    }
    let page = suite.page();
    match &args.out {
        Some(out) => {
            std::fs::write(out, page).with_context(|| format!("writing {}", out.display()))?;
        }
        None => print::line(&page),
    }
    Ok(ExitCode::SUCCESS)
}

impl Suite<'_> {
    /// The text of a corpus, whose hash goes to the page.
    fn text(&mut self, path: &str) -> anyhow::Result<String> {
        let full = self.args.root.join(path);
        self.file(path)?;
        read::text(&full)
    }

    /// The place of a corpus, whose hash goes to the page.
    fn file(&mut self, path: &str) -> anyhow::Result<PathBuf> {
        let full = self.args.root.join(path);
        let bytes = std::fs::read(&full).with_context(|| format!("reading {}", full.display()))?;
        self.files.insert(path.to_owned(), read::sha256(&bytes));
        Ok(full)
    }

    fn row(&mut self, what: &str, figure: &str, n: usize, baseline: Option<f64>, value: f64) {
        let shown = baseline.map_or_else(|| "-".to_owned(), number);
        print::note(&format!(
            "{what}: {figure} {} (baseline {shown})",
            number(value)
        ));
        self.rows.push(Row {
            part: self.part,
            what: what.to_owned(),
            figure: figure.to_owned(),
            n,
            baseline,
            value,
            goal: None,
        });
    }

    /// The goal of the row that was added last.
    fn goal(&mut self, goal: Goal) {
        if let Some(row) = self.rows.last_mut() {
            row.goal = Some(goal);
        }
    }

    fn page(&self) -> String {
        let mut page = String::from(
            "# Evaluation\n\nWritten by `make eval`, which runs `tingchao eval suite --root \"$TINGCHAO_EVAL_DATA\" --out \
            docs/EVALUATION.md`",
        );
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            ", on {}, at commit {}.",
            now().day(),
            self.args.commit
        );
        for part in Part::ALL {
            let rows: Vec<&Row> = self.rows.iter().filter(|row| row.part == part).collect();
            if rows.is_empty() {
                continue;
            }
            let _ = write!(page, "\n## {}\n\n{}\n\n", part.title(), part.about());
            page.push_str("| question | figure | n | baseline | goal | aim | found | reached |\n");
            page.push_str("|---|---|---|---|---|---|---|---|\n");
            for row in rows {
                let _ = writeln!(page, "{}", line(row));
            }
        }
        page.push_str("\n## Models\n\n| model | version or sha256 |\n|---|---|\n");
        let _ = writeln!(page, "| polarity | {} |", self.heads.polarity_version());
        let _ = writeln!(
            page,
            "| dissatisfaction | {} |",
            self.heads.dissatisfaction_version()
        );
        for (model, digest) in &self.models {
            let _ = writeln!(page, "| {model} | `{digest}` |");
        }
        page.push_str("\n## Data\n\n| file | sha256 |\n|---|---|\n");
        for (file, digest) in &self.files {
            let _ = writeln!(page, "| {file} | `{digest}` |");
        }
        page
    }
}

fn line(row: &Row) -> String {
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
    let sign = row
        .goal
        .map_or("", |goal| if goal.is_most { "<= " } else { ">= " });
    format!(
        "| {} | {} | {} | {} | {sign}{} | {sign}{} | {} | {} |",
        row.what,
        row.figure,
        row.n,
        shown(row.baseline),
        shown(row.goal.map(|goal| goal.bound)),
        shown(row.goal.map(|goal| goal.aim)),
        number(row.value),
        row.goal.map_or("-", |goal| goal.verdict(row.value)),
    )
}

/// Four digits for shares, none for what is counted.
fn number(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_told() {
        let least = Goal::at_least(0.5, 0.7);
        assert_eq!(
            [0.4, 0.5, 0.7].map(|v| least.verdict(v)),
            ["**no**", "yes", "aim"]
        );
        let most = Goal::at_most(0.03, 0.01);
        assert_eq!(
            [0.04, 0.03, 0.01].map(|v| most.verdict(v)),
            ["**no**", "yes", "aim"]
        );
        let row = Row {
            part: Part::Topics,
            what: "w".to_owned(),
            figure: "f".to_owned(),
            n: 3,
            baseline: None,
            value: 123_456.7,
            goal: None,
        };
        assert_eq!(line(&row), "| w | f | 3 | - | - | - | 123457 | - |");
    }
}
