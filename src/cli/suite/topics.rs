//! The figures of topics on labelled texts: as written, and as a recogniser of speech would have heard them.

use anyhow::ensure;

use super::super::eval_topics;
use super::{Goal, Suite};
use crate::enrich::segment::Segmenter;
use crate::enrich::sentiment::noise::heard;
use crate::insight::topics::{Scored, Settings, score};

/// A labelled set.
struct Set {
    path: &'static str,
    text: &'static str,
    label: &'static str,
    /// How many topics; none chooses.
    topics: Option<usize>,
    seeds: u64,
    /// Accuracy: goal and aim.
    accuracy: Option<(f64, f64)>,
    /// NMI: goal and aim.
    nmi: Option<(f64, f64)>,
    /// Bounds of the number, when it is chosen.
    number: Option<(usize, usize)>,
    is_chinese: bool,
}

const INSURANCE: &str = "topics_en/dstc11_insurance_test_utterances.jsonl.gz";
const OVERFLOW: &str = "topics_en/stackoverflow_20k.csv.gz";
const COMMANDS: &str = "topics_zh/smp2019_ecdt_nlu.json.gz";
const NEWS: &str = "topics_zh/thucnews_titles_dev.csv.gz";

const PLAIN: Set = Set {
    path: INSURANCE,
    text: "utterance",
    label: "intent",
    topics: None,
    seeds: 1,
    accuracy: None,
    nmi: None,
    number: None,
    is_chinese: false,
};

fn sets() -> [Set; 6] {
    [
        Set {
            accuracy: Some((0.62, 0.70)),
            nmi: Some((0.78, 0.83)),
            number: Some((12, 30)),
            ..PLAIN
        },
        Set {
            path: OVERFLOW,
            text: "title",
            label: "label",
            topics: Some(20),
            nmi: Some((0.74, 0.78)),
            ..PLAIN
        },
        Set {
            path: COMMANDS,
            text: "text",
            label: "domain",
            topics: Some(24),
            seeds: 5,
            accuracy: Some((0.58, 0.65)),
            nmi: Some((0.67, 0.72)),
            is_chinese: true,
            ..PLAIN
        },
        Set {
            path: NEWS,
            text: "title",
            label: "label",
            topics: Some(10),
            seeds: 5,
            accuracy: Some((0.57, 0.62)),
            nmi: Some((0.45, 0.52)),
            is_chinese: true,
            ..PLAIN
        },
        Set {
            path: OVERFLOW,
            text: "title",
            label: "label",
            number: Some((12, 30)),
            ..PLAIN
        },
        Set {
            path: NEWS,
            text: "title",
            label: "label",
            number: Some((6, 16)),
            ..PLAIN
        },
    ]
}

pub(super) fn run(suite: &mut Suite<'_>) -> anyhow::Result<()> {
    for set in sets() {
        one(suite, &set)?;
    }
    Ok(())
}

fn one(suite: &mut Suite<'_>, set: &Set) -> anyhow::Result<()> {
    let full = suite.file(set.path)?;
    let content = suite.text(set.path)?;
    let rows = eval_topics::rows(&content, &full, set.text, set.label)?;
    ensure!(!rows.is_empty(), "{} holds no rows", full.display());
    let labels: Vec<&str> = rows.iter().map(|(_, label)| label.as_str()).collect();
    let texts: Vec<&str> = rows.iter().map(|(text, _)| text.as_str()).collect();
    let scored = scores(set, &texts, &labels);
    let how = match set.topics {
        Some(topics) => format!("{topics} topics given, {} seeds", set.seeds),
        None => "number chosen".to_owned(),
    };
    let what = format!("{}, {how}", set.path);
    let found = (
        mean(&scored, |s| s.found.accuracy),
        mean(&scored, |s| s.found.nmi),
    );
    let plain = (
        mean(&scored, |s| s.plain.accuracy),
        mean(&scored, |s| s.plain.nmi),
    );
    suite.row(&what, "accuracy", texts.len(), Some(plain.0), found.0);
    if let Some((bound, aim)) = set.accuracy {
        suite.goal(Goal::at_least(bound, aim));
    }
    suite.row(&what, "NMI", texts.len(), Some(plain.1), found.1);
    if let Some((bound, aim)) = set.nmi {
        suite.goal(Goal::at_least(bound, aim));
    }
    if let Some((least, most)) = set.number {
        let topics = mean(&scored, |s| count(s.topics));
        suite.row(
            &what,
            &format!("topics ({least} to {most})"),
            texts.len(),
            None,
            topics,
        );
        let is_within = topics >= count(least) && topics <= count(most);
        suite.goal(if is_within {
            Goal::at_least(count(least), count(least))
        } else {
            Goal::at_most(count(most), count(most))
        });
    }
    if set.is_chinese {
        let noisy: Vec<String> = texts.iter().map(|text| heard(text, 0.1, 7)).collect();
        let noisy: Vec<&str> = noisy.iter().map(String::as_str).collect();
        let noisy = scores(set, &noisy, &labels);
        let what = format!("{what}, as heard (10 % homophones, no punctuation, fillers, seed 7)");
        let plain = mean(&noisy, |s| s.plain.nmi);
        suite.row(
            &what,
            "NMI",
            texts.len(),
            Some(plain),
            mean(&noisy, |s| s.found.nmi),
        );
        suite.goal(Goal::at_least(found.1 - 0.05, found.1));
    }
    Ok(())
}

fn scores(set: &Set, texts: &[&str], labels: &[&str]) -> Vec<Scored> {
    (1..=set.seeds)
        .map(|seed| {
            let settings = Settings {
                topics: set.topics,
                seed,
                ..Settings::default()
            };
            score(Segmenter::shared(), texts, labels, settings)
        })
        .collect()
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn mean(scored: &[Scored], of: fn(&Scored) -> f64) -> f64 {
    scored.iter().map(of).sum::<f64>() / count(scored.len().max(1))
}
