//! What a round found, written to the lake: days of `request_matches` that differ, and the gaps.
//!
//! Invariants: a day is replaced whole; what says the same is not written again; gaps are those of the newest run
//! alone. Texts are redacted, since they come from the lake.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::load::{Loaded, Stored};
use super::{Gaps, GapsError, Told};
use crate::domain::{Day, Micros};
use crate::insight::gaps::{Case, Gap, Judged};
use crate::lake::{Lease, Rewrite};
use crate::tables::{GapRow, InsightId, MatchRow, Matched};

/// Topics that are kept of a gap,
const TOPICS: usize = 5;
/// those that one in so many of its requests has.
const TOPIC_SHARE: usize = 5;

/// Writes what has changed; how many days.
pub(super) async fn write(
    gaps: &Gaps,
    loaded: &Loaded,
    told: &Told,
    lease: &Lease,
) -> Result<usize, GapsError> {
    let mut days: BTreeMap<Day, Vec<MatchRow>> = BTreeMap::new();
    let mut changed: BTreeSet<Day> = BTreeSet::new();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for (place, (case, judged)) in loaded.cases.iter().zip(&told.judged).enumerate() {
        let stored = loaded.stored.get(&case.request_id);
        let mut gap_id = told.gap_of.get(place).cloned().flatten();
        if place < told.first {
            // Before the ranking: the gap that it had.
            gap_id = stored.and_then(|stored| stored.gap_id.clone());
        }
        let matched_at = loaded.matched_at.get(place).copied().flatten();
        let row = row(case, judged, gap_id, matched_at);
        let day = row.at.day();
        if stored.is_none_or(|stored| differs(stored, &row)) {
            changed.insert(day);
        }
        known.insert(&case.request_id);
        days.entry(day).or_default().push(row);
    }
    // Requests that are no more, because their interaction was read again.
    let gone = loaded
        .stored
        .iter()
        .filter(|(id, _)| !known.contains(id.as_str()));
    changed.extend(gone.map(|(_, stored)| stored.day));
    let mut rewrite = Rewrite::begin(gaps.lake.insight(InsightId::RequestMatches)).await?;
    for day in &changed {
        rewrite.take_away(*day);
        let rows = days.remove(day).unwrap_or_default();
        if !rows.is_empty() {
            let batch = MatchRow::batch(&rows).map_err(|error| unwritten(&error))?;
            rewrite.put(*day, batch);
        }
    }
    rewrite.commit(&[], lease, gaps.clock).await?;
    let rows: Vec<GapRow> = (1..)
        .zip(&told.gaps)
        .map(|(rank, gap)| gap_row(rank, gap, loaded, told))
        .collect();
    let run_at = (gaps.clock)();
    let mut rewrite = Rewrite::begin(gaps.lake.insight(InsightId::Gaps)).await?;
    let before: Vec<Day> = rewrite.days().into_keys().collect();
    if changed.is_empty() && before.is_empty() == rows.is_empty() {
        return Ok(0);
    }
    for day in before {
        rewrite.take_away(day);
    }
    if !rows.is_empty() {
        let batch = GapRow::batch(&rows, run_at).map_err(|error| unwritten(&error))?;
        rewrite.put(run_at.day(), batch);
    }
    rewrite.commit(&[], lease, gaps.clock).await?;
    Ok(changed.len())
}

fn unwritten(error: &dyn std::error::Error) -> GapsError {
    GapsError::Broken {
        doing: "writing rows of gaps",
        why: error.to_string(),
    }
}

fn differs(stored: &Stored, row: &MatchRow) -> bool {
    stored.outcome != row.outcome
        || stored.evidence != row.evidence
        || stored.article_id != row.article_id
        || stored.gap_id != row.gap_id
        || stored.day != row.at.day()
        || stored.matched.is_some() != row.matched.is_some()
}

fn row(case: &Case, judged: &Judged, gap_id: Option<String>, matched_at: Option<i64>) -> MatchRow {
    let matched = matched_at.map(|at_us| {
        let best = case.matched.best();
        Matched {
            base: case.matched.base.clone(),
            article_set: case.matched.article_set,
            is_restated: case.matched.is_restated,
            at: Micros(at_us),
            best: best.map(|best| best.article_id.clone()),
            p_answered: best.map_or(0.0, |best| best.p_answered),
            candidates: serde_json::to_string(&case.matched.candidates).unwrap_or_default(),
        }
    });
    MatchRow {
        request_id: case.request_id.clone(),
        interaction_id: case.interaction_id.clone(),
        turn_id: case.turn_id.clone(),
        at: Micros(case.at_us),
        customer_id: case.customer.clone(),
        matched,
        article_id: judged.article.as_ref().map(|key| key.1.clone()),
        shown: case.shown().into_iter().map(str::to_owned).collect(),
        outcome: judged.outcome.as_str(),
        evidence: evidence(case, judged).to_string(),
        gap_id,
    }
}

/// What an outcome follows from.
fn evidence(case: &Case, judged: &Judged) -> serde_json::Value {
    let known = &judged.evidence;
    json!({
        "has_failed": known.has_failed,
        "was_searched": known.was_searched,
        "was_shown": known.was_shown,
        "was_accepted": known.was_accepted,
        "was_rejected": known.was_rejected,
        "asked_bot": known.asked_bot,
        "reached_person": known.reached_person,
        "was_transferred": case.was_transferred,
        "came_again": known.came_again,
        "is_negative": case.is_negative,
        "is_in_conflict": known.is_in_conflict,
        "was_invalid": known.was_invalid,
        "acceptance_fell": known.acceptance.has_fallen(),
        "contradictions": known.contradictions,
        "best_was_shown": known.best_was_shown,
    })
}

/// The topics of a good part of a gap's requests, most frequent first.
fn topics(gap: &Gap, loaded: &Loaded, told: &Told) -> Vec<String> {
    let case = |place: &usize| loaded.cases.get(told.first + place);
    let mut topics: BTreeMap<&str, usize> = BTreeMap::new();
    for topic in gap
        .failed
        .iter()
        .filter_map(|place| case(place)?.topic_id.as_deref())
    {
        *topics.entry(topic).or_default() += 1;
    }
    let mut topics: Vec<(&str, usize)> = topics.into_iter().collect();
    topics.retain(|(_, requests)| requests * TOPIC_SHARE >= gap.failed.len());
    topics.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let ids = topics.into_iter().take(TOPICS);
    ids.map(|(id, _)| id.to_owned()).collect()
}

fn gap_row(rank: i64, gap: &Gap, loaded: &Loaded, told: &Told) -> GapRow {
    let case = |place: &usize| loaded.cases.get(told.first + place);
    let shown: Vec<serde_json::Value> = gap
        .evidence
        .iter()
        .filter_map(|place| {
            let case = case(place)?;
            let judged = told.judged.get(told.first + place)?;
            let best = case.matched.best();
            Some(json!({
                "request_id": case.request_id,
                "interaction_id": case.interaction_id,
                "turn_id": case.turn_id,
                "at": Micros(case.at_us).to_string(),
                "channel": case.channel,
                "text": case.text,
                "outcome": judged.outcome.as_str(),
                "shown": case.shown(),
                "best_article_id": best.map(|best| &best.article_id),
                "p_answered": best.map_or(0.0, |best| best.p_answered),
                "evidence": evidence(case, judged),
            }))
        })
        .collect();
    let impact = &gap.impact;
    GapRow {
        gap_id: gap.id.clone(),
        rank,
        base: gap.base.clone(),
        kind: gap.kind.as_str().to_owned(),
        title: gap.title.clone(),
        article_id: gap.article.clone(),
        rival_article_id: gap.rival.clone(),
        failed: i64::try_from(gap.failed.len()).unwrap_or(i64::MAX),
        answered: i64::try_from(gap.answered).unwrap_or(i64::MAX),
        figures: [
            impact.minutes_per_week,
            impact.minutes_per_week_low,
            impact.customers_per_week,
            impact.customers_per_week_low,
            impact.p_failed.value,
            impact.p_failed.low,
            impact.handle_minutes,
            impact.repeat_share.value,
            impact.repeat_share.low,
            impact.negative_share.value,
            impact.negative_share.low,
        ],
        trend: [gap.trend.value, gap.trend.low, gap.trend.high],
        seen: gap.seen_us,
        outcomes: serde_json::to_string(&gap.outcomes).unwrap_or_default(),
        topic_ids: topics(gap, loaded, told),
        evidence: serde_json::Value::Array(shown).to_string(),
        drafts: serde_json::to_string(&gap.drafts).unwrap_or_default(),
    }
}
