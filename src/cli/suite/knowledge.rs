//! The figures of search: right articles, synonyms, gaps.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

use super::super::{read, retrieval};
use super::{Goal, Suite};
use crate::search::Models;
use crate::search::measure::{Figures, Labelled, LabelledQuery, Report, Split, measure, split};

const BANK: [&str; 2] = [
    "faq_zh/bq_dev_faq_index.jsonl.gz",
    "faq_zh/bq_dev_faq_queries.jsonl.gz",
];
const EASY: [&str; 2] = [
    "faq_zh/lcqmc_dev_faq_index.jsonl.gz",
    "faq_zh/lcqmc_dev_faq_queries.jsonl.gz",
];
const SYNONYMS: &str = "faq_zh/synonym_pairs_dev.csv.gz";
const BANKING: &str = "faq_en/banking77_train.csv.gz";
const CLINC: &str = "faq_en/clinc150_full_train_val.jsonl.gz";
const ARTEFACTS: [&str; 2] = ["retrieval/encoder.bin", "retrieval/weights.json"];

pub(super) fn run(suite: &mut Suite<'_>) -> anyhow::Result<()> {
    for name in ARTEFACTS {
        let path = suite.args.models.join(name);
        let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        suite.models.insert(name.to_owned(), read::sha256(&bytes));
    }
    let models = Models::shipped()?;
    bank(suite, &models)?;
    let easy = faq(suite, EASY)?;
    let found = measure(models.parts(), &easy, false)?;
    top_1(suite, "FAQ zh, easy (LCQMC)", &found, (0.98, 0.99));
    let file = suite.file(SYNONYMS)?;
    let pairs = retrieval::synonym_pairs(&file)?;
    let found = measure(models.parts(), &pairs, false)?;
    top_1(suite, "synonym pairs zh", &found, (0.44, 0.50));
    top_5(suite, "synonym pairs zh", &found, (0.68, 0.74));
    english(suite, &models)?;
    clinc(suite, &models)
}

fn faq(suite: &mut Suite<'_>, [articles, queries]: [&str; 2]) -> anyhow::Result<Labelled> {
    let (articles, queries) = (suite.file(articles)?, suite.file(queries)?);
    retrieval::faq(&articles, &queries)
}

fn top_1(suite: &mut Suite<'_>, what: &str, found: &Report, (bound, aim): (f64, f64)) {
    let (ours, plain) = (found.search.top_1, found.bm25.top_1);
    suite.row(what, "top-1", found.answerable, Some(plain), ours);
    suite.goal(Goal::at_least(bound, aim));
}

fn top_5(suite: &mut Suite<'_>, what: &str, found: &Report, (bound, aim): (f64, f64)) {
    let (ours, plain) = (found.search.top_5, found.bm25.top_5);
    suite.row(what, "top-5", found.answerable, Some(plain), ours);
    suite.goal(Goal::at_least(bound, aim));
}

fn gaps(suite: &mut Suite<'_>, what: &str, found: &Report, (bound, aim): (f64, f64)) {
    let of = |figures: &Figures| figures.auroc.unwrap_or_default();
    let n = found.answerable + found.gaps;
    suite.row(
        what,
        "AUROC of gaps",
        n,
        Some(of(&found.bm25)),
        of(&found.search),
    );
    suite.goal(Goal::at_least(bound, aim));
}

fn bank(suite: &mut Suite<'_>, models: &Models) -> anyhow::Result<()> {
    let bank = faq(suite, BANK)?;
    let ways = [
        (
            "questions only",
            true,
            [(0.431, 0.49), (0.670, 0.73), (0.28, 0.38), (0.72, 0.80)],
        ),
        (
            "with similar questions",
            false,
            [(0.560, 0.62), (0.786, 0.85), (0.30, 0.40), (0.77, 0.85)],
        ),
    ];
    for (how, questions_only, [first, fifth, low, auroc]) in ways {
        let what = format!("FAQ zh, hard (BQ), {how}");
        let found = measure(models.parts(), &bank, questions_only)?;
        top_1(suite, &what, &found, first);
        top_5(suite, &what, &found, fifth);
        let of = |figures: &Figures| figures.top_1_low_overlap.unwrap_or_default();
        let (ours, plain, n) = (
            of(&found.search),
            of(&found.bm25),
            found.search.n_low_overlap,
        );
        suite.row(&what, "top-1 at overlap below .25", n, Some(plain), ours);
        suite.goal(Goal::at_least(low.0, low.1));
        gaps(suite, &what, &found, auroc);
        let thirds = found
            .search
            .auroc_by_length
            .iter()
            .zip(&found.bm25.auroc_by_length);
        for (third, (ours, plain)) in ["shortest", "middle", "longest"].into_iter().zip(thirds) {
            let figure = format!("AUROC of gaps, {third} third of queries");
            let n = (found.answerable + found.gaps) / 3;
            suite.row(&what, &figure, n, *plain, ours.unwrap_or_default());
        }
    }
    Ok(())
}

/// Texts with their labels; none for texts that no label covers.
type Texts = Vec<(String, Option<String>)>;

fn texts(suite: &mut Suite<'_>, path: &str, label: &str) -> anyhow::Result<(Texts, Vec<String>)> {
    let file = suite.file(path)?;
    let (mut all, mut parts) = (Texts::new(), Vec::new());
    for row in retrieval::rows(&file)? {
        let of = |name: &str| row.get(name).and_then(Value::as_str);
        let (Some(text), Some(word)) = (of("text"), of(label)) else {
            continue;
        };
        all.push((text.to_owned(), (word != "oos").then(|| word.to_owned())));
        parts.push(of("split").unwrap_or_default().to_owned());
    }
    Ok((all, parts))
}

/// Means over draws of a figure of search and of the baseline.
fn drawn(
    models: &Models,
    texts: &Texts,
    settings: Split,
    of: fn(&Figures) -> f64,
) -> anyhow::Result<(usize, f64, f64)> {
    let (mut n, mut ours, mut plain) = (0, 0.0, 0.0);
    for seed in 1..=3 {
        let labelled = split(texts.clone(), Split { seed, ..settings });
        let found = measure(models.parts(), &labelled, false)?;
        n = found.answerable + found.gaps;
        ours += of(&found.search) / 3.0;
        plain += of(&found.bm25) / 3.0;
    }
    Ok((n, ours, plain))
}

fn english(suite: &mut Suite<'_>, models: &Models) -> anyhow::Result<()> {
    let (banking, _) = texts(suite, BANKING, "category")?;
    let settings = Split {
        known: 0.8,
        shots: None,
        withheld: 0.0,
        seed: 1,
    };
    let first = |figures: &Figures| figures.top_1;
    let (n, ours, plain) = drawn(models, &banking, settings, first)?;
    suite.row(
        "FAQ en, BANKING77 80/20, mean of 3 splits",
        "top-1 intent",
        n,
        Some(plain),
        ours,
    );
    suite.goal(Goal::at_least(0.91, 0.925));
    let ten = Split {
        shots: Some(10),
        ..settings
    };
    let (n, ours, plain) = drawn(models, &banking, ten, first)?;
    suite.row(
        "FAQ en, BANKING77 10-shot, mean of 3 splits",
        "top-1 intent",
        n,
        Some(plain),
        ours,
    );
    suite.goal(Goal::at_least(0.72, 0.78));
    let (clinc, _) = texts(suite, CLINC, "intent")?;
    let inside: Texts = clinc
        .into_iter()
        .filter(|(_, intent)| intent.is_some())
        .collect();
    let near = Split {
        withheld: 0.25,
        ..settings
    };
    let sets = [
        ("CLINC150", &inside, (0.88, 0.92)),
        ("BANKING77", &banking, (0.87, 0.90)),
    ];
    for (name, set, (bound, aim)) in sets {
        let auroc = |figures: &Figures| figures.auroc.unwrap_or_default();
        let (n, ours, plain) = drawn(models, set, near, auroc)?;
        let what = format!("gaps en, {name}, a quarter of the intents withheld, mean of 3 draws");
        suite.row(&what, "AUROC of gaps", n, Some(plain), ours);
        suite.goal(Goal::at_least(bound, aim));
    }
    Ok(())
}

/// The base is the train part; asked are its val part and texts that no intent covers.
fn clinc(suite: &mut Suite<'_>, models: &Models) -> anyhow::Result<()> {
    let (texts, parts) = texts(suite, CLINC, "intent")?;
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut labelled = Labelled::default();
    let is = |part: &str, word: &str| part == word || part == format!("oos_{word}");
    for ((text, intent), part) in texts.iter().zip(&parts) {
        let Some(intent) = intent.as_ref().filter(|_| is(part, "train")) else {
            continue;
        };
        let place = *places
            .entry(intent.clone())
            .or_insert(labelled.articles.len());
        match labelled.articles.get_mut(place) {
            Some(article) => article.push(text.clone()),
            None => labelled.articles.push(vec![text.clone()]),
        }
    }
    for ((text, intent), part) in texts.iter().zip(&parts) {
        if !is(part, "val") {
            continue;
        }
        let right = intent.as_ref().and_then(|intent| places.get(intent));
        labelled.queries.push(LabelledQuery {
            text: text.clone(),
            right: right.into_iter().copied().collect(),
            overlap: None,
        });
    }
    let found = measure(models.parts(), &labelled, false)?;
    let what = "gaps en, CLINC150, val and oos_val against train";
    gaps(suite, what, &found, (0.95, 0.965));
    let of = |figures: &Figures| figures.false_positive_rate_95.unwrap_or_default();
    let n = found.answerable + found.gaps;
    let (ours, plain) = (of(&found.search), of(&found.bm25));
    suite.row(
        what,
        "gaps that pass where 95 % of the others do",
        n,
        Some(plain),
        ours,
    );
    suite.goal(Goal::at_most(0.22, 0.15));
    Ok(())
}
