//! Texts a second, in this process: polarity on one thread, all of `enrich` on two, clustering of many short texts.
//!
//! Texts: pieces of reviews of 30 characters on average, a tenth of them repeats.

use std::time::Instant;

use super::{Goal, Suite};
use crate::domain::{Raw, Speaker};
use crate::enrich::redact::{AllowList, Redactor, TokenKey};
use crate::enrich::segment::Segmenter;
use crate::enrich::sentiment::corpus::labelled;
use crate::enrich::sentiment::{Grams, Symbols};
use crate::enrich::{Analyser, Models, Said};
use crate::insight::topics::{Settings, cluster};

const SHOP: &str = "sentiment_zh/online_shopping_10_cats.csv.gz";
/// Characters of a piece.
const PIECE: usize = 30;
const TEXTS: usize = 100_000;
const MANY: usize = 1_000_000;
const THREADS: usize = 2;

pub(super) fn run(suite: &mut Suite<'_>) -> anyhow::Result<()> {
    let content = suite.text(SHOP)?;
    let pieces = pieces(&content, TEXTS);
    let models = Models::shipped().map_err(|error| anyhow::anyhow!(error))?;
    let begun = Instant::now();
    let mut sum = 0.0;
    for text in &pieces {
        sum += models
            .sentiment()
            .polarity(&Symbols::of(text), Grams::Chinese)
            .score;
    }
    let found = rate(pieces.len(), begun);
    suite.row(
        &format!(
            "polarity, one thread (mean score {:.3})",
            sum / count(pieces.len())
        ),
        "turns/s",
        pieces.len(),
        None,
        found,
    );
    suite.goal(Goal::at_least(150_000.0, 500_000.0));
    enrich(suite, &models, &pieces)?;
    let many = self::pieces(&content, MANY);
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let begun = Instant::now();
    let found = cluster(Segmenter::shared(), &many, Settings::default());
    let seconds = begun.elapsed().as_secs_f64();
    let what = format!(
        "clustering of {} short texts, {} topics",
        many.len(),
        found.topics.len()
    );
    suite.row(&what, "seconds", many.len(), None, seconds);
    suite.goal(Goal::at_most(30.0, 15.0));
    if let Some(gigabytes) = most_memory_gb() {
        suite.row(
            &what,
            "greatest memory of the process, GB",
            many.len(),
            None,
            gigabytes,
        );
        suite.goal(Goal::at_most(3.0, 1.5));
    }
    Ok(())
}

/// Redaction, language, mood with explanation, dissatisfaction, keywords, request or not.
fn enrich(suite: &mut Suite<'_>, models: &Models, pieces: &[String]) -> anyhow::Result<()> {
    let redactor = Redactor::new(TokenKey::generate()?, AllowList::default());
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for part in pieces.chunks(pieces.len().div_ceil(THREADS)) {
            let analyser = Analyser::new(&redactor, models);
            scope.spawn(move || {
                for text in part {
                    std::hint::black_box(analyser.analyse(&Said {
                        text: &Raw::new(text.as_str()),
                        speaker: Speaker::Customer,
                        previous: None,
                        language: Some("zh"),
                    }));
                }
            });
        }
    });
    let found = rate(pieces.len(), begun);
    suite.row(
        "all of enrich as POST /v1/analyze does it, two threads",
        "turns/s",
        pieces.len(),
        None,
        found,
    );
    suite.goal(Goal::at_least(100_000.0, 200_000.0));
    Ok(())
}

/// Pieces of reviews, nine new ones and then one that was there before; when the reviews are used up, again from
/// another character on.
fn pieces(content: &str, most: usize) -> Vec<String> {
    let reviews: Vec<Vec<char>> = labelled(content, "review", "label")
        .into_iter()
        .map(|(text, _)| text.chars().collect())
        .collect();
    let mut pieces: Vec<String> = Vec::with_capacity(most);
    for from in (0..PIECE).step_by(2) {
        for review in &reviews {
            let rest = review.get(from..).unwrap_or_default();
            for piece in rest.chunks(PIECE).filter(|piece| piece.len() > PIECE / 2) {
                if pieces.len() >= most {
                    return pieces;
                }
                if pieces.len() % 10 == 9
                    && let Some(again) = pieces.get(pieces.len() / 2).cloned()
                {
                    pieces.push(again);
                }
                pieces.push(piece.iter().collect());
            }
        }
    }
    pieces
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn rate(n: usize, begun: Instant) -> f64 {
    count(n) / begun.elapsed().as_secs_f64().max(1e-9)
}

/// The greatest memory that the process has had, where the system says so.
fn most_memory_gb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1e6)
}
