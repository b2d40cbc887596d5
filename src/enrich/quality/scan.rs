//! What a turn holds, by condition: words, patterns, samples; and what its times and mood say.
//!
//! Invariants: a turn is read once by the automaton of words, once by the set of open patterns, and once by its
//! pairs; a condition is given at most once; conditions of another role are not. Not here: ranges, anchors,
//! expressions (`judge`).

use std::borrow::Cow;

use super::compiled::{CompiledCondition, RuleSet, Threshold, Use, is_spaced, role_place};
use super::judge::Heard;
use super::pairs::{Sketch, clauses, pair_set};
use super::rule::{Operator, SpeedUnit};
use super::talk::Talk;
use crate::domain::Speaker;
use crate::enrich::normalise::{NormalText, for_matching};

/// What was found for a condition in a turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub condition: u16,
    /// Bytes of the text as it was compared.
    pub span: Option<(usize, usize)>,
    /// What was measured: ms, units a minute, likeness, turns in a row.
    pub value: Option<f64>,
    /// Steps of a script that were said.
    pub steps: u16,
}

/// What is gathered of one condition while a turn is read.
#[derive(Clone, Debug, Default)]
struct Gathered {
    any: Option<(usize, usize)>,
    /// Hits of sensitive words, when some are excepted.
    hits: Vec<(usize, usize)>,
    except: Vec<(usize, usize)>,
    all: u32,
    is_forbidden: bool,
    near: Vec<(usize, usize, u8)>,
    steps: u16,
}

/// Room for reading turns; used again and again.
#[derive(Default)]
pub struct Scratch {
    /// The turn for which the place of a condition is valid.
    stamps: Vec<u32>,
    places: Vec<u32>,
    stamp: u32,
    gathered: Vec<(u16, Gathered)>,
    counts: Vec<(u32, u32)>,
    pub(super) found: Vec<Found>,
    pub(super) rules: Vec<u16>,
}

impl Scratch {
    fn begin(&mut self, conditions: usize) {
        if self.stamps.len() != conditions || self.stamp == u32::MAX {
            self.stamps = vec![0; conditions];
            self.places = vec![0; conditions];
            self.stamp = 0;
        }
        self.stamp += 1;
        self.gathered.clear();
        self.found.clear();
        self.rules.clear();
    }

    fn gather(&mut self, condition: u16) -> Option<&mut Gathered> {
        let at = usize::from(condition);
        let stamp = self.stamps.get_mut(at)?;
        if *stamp != self.stamp {
            *stamp = self.stamp;
            *self.places.get_mut(at)? = u32::try_from(self.gathered.len()).ok()?;
            self.gathered.push((condition, Gathered::default()));
        }
        let place = usize::try_from(*self.places.get(at)?).ok()?;
        self.gathered.get_mut(place).map(|(_, gathered)| gathered)
    }

    fn found(&mut self, condition: u16, span: Option<(usize, usize)>, value: Option<f64>) {
        if !self.found.iter().any(|one| one.condition == condition) {
            self.found.push(Found {
                condition,
                span,
                value,
                steps: 0,
            });
        }
    }
}

/// A turn as it is compared.
pub(super) fn compared<'t>(heard: &Heard<'t>) -> Cow<'t, str> {
    for_matching(heard.text)
}

impl RuleSet {
    /// Everything that holds in this turn, by condition, ascending. `talk` has not noted the turn yet, but for its
    /// counts and moods.
    pub(super) fn scan(&self, talk: &Talk, heard: &Heard<'_>, text: &str, scratch: &mut Scratch) {
        scratch.begin(self.conditions.len());
        self.scan_words(heard.speaker, text, scratch);
        self.scan_patterns(heard.speaker, text, scratch);
        self.scan_samples(heard.speaker, text, scratch);
        self.scan_times(talk, heard, text, scratch);
        self.scan_mood(talk, heard, scratch);
        self.scan_repeats(talk, heard, text, scratch);
        for condition in &self.always {
            if self.is_for(*condition, heard.speaker) {
                scratch.gather(*condition);
            }
        }
        self.conclude(text, scratch);
        scratch.found.sort_unstable_by_key(|one| one.condition);
    }

    fn is_for(&self, condition: u16, speaker: Speaker) -> bool {
        self.conditions
            .get(usize::from(condition))
            .is_some_and(|one| one.looks_at(speaker))
    }

    fn scan_words(&self, speaker: Speaker, text: &str, scratch: &mut Scratch) {
        let Some(words) = &self.words else { return };
        let mut tried = Vec::new();
        for hit in words.find_overlapping_iter(text) {
            let (word, from, to) = (hit.pattern().as_usize(), hit.start(), hit.end());
            for gate in slice(&self.gates_from, &self.gates, word) {
                if !tried.contains(gate) {
                    tried.push(*gate);
                    self.try_pattern(*gate, speaker, text, scratch);
                }
            }
            let uses = slice(&self.uses_from, &self.uses, word);
            if uses.is_empty() || !self.stands_alone(word, text, from, to) {
                continue;
            }
            for (condition, how) in uses {
                if self.is_for(*condition, speaker)
                    && let Some(gathered) = scratch.gather(*condition)
                {
                    gathered.add(*how, from, to);
                }
            }
        }
    }

    /// Letters of a word that is written between spaces must not go on.
    fn stands_alone(&self, word: usize, text: &str, from: usize, to: usize) -> bool {
        let Some((begins, ends)) = self.edges.get(word).copied() else {
            return true;
        };
        let before = text.get(..from).and_then(|text| text.chars().next_back());
        let after = text.get(to..).and_then(|text| text.chars().next());
        !(begins && before.is_some_and(is_spaced) || ends && after.is_some_and(is_spaced))
    }

    fn try_pattern(&self, gate: u16, speaker: Speaker, text: &str, scratch: &mut Scratch) {
        let Some((condition, regex)) = self.gated.get(usize::from(gate)) else {
            return;
        };
        if self.is_for(*condition, speaker)
            && let Some(hit) = regex.find(text)
        {
            scratch.found(*condition, Some((hit.start(), hit.end())), None);
        }
    }

    fn scan_patterns(&self, speaker: Speaker, text: &str, scratch: &mut Scratch) {
        let Some(set) = &self.open_patterns else {
            return;
        };
        for place in set.matches(text) {
            let Some((condition, regex)) = self.open_conditions.get(place) else {
                continue;
            };
            if self.is_for(*condition, speaker)
                && let Some(hit) = regex.find(text)
            {
                scratch.found(*condition, Some((hit.start(), hit.end())), None);
            }
        }
    }

    fn scan_samples(&self, speaker: Speaker, text: &str, scratch: &mut Scratch) {
        if self.samples.is_empty() {
            return;
        }
        for clause in clauses(text) {
            let mut counts = std::mem::take(&mut scratch.counts);
            counts.clear();
            let pairs = pair_set(clause);
            for pair in &pairs {
                let samples = self.sample_pairs.get(pair).into_iter().flatten();
                counts.extend(samples.map(|sample| (*sample, 1)));
            }
            counts.sort_unstable();
            for run in counts.chunk_by(|one, other| one.0 == other.0) {
                self.weigh_sample(run, (clause, pairs.len()), (text, speaker), scratch);
            }
            scratch.counts = counts;
        }
    }

    fn weigh_sample(
        &self,
        run: &[(u32, u32)],
        (clause, pairs): (&str, usize),
        (text, speaker): (&str, Speaker),
        scratch: &mut Scratch,
    ) {
        let sample = run
            .first()
            .and_then(|(sample, _)| usize::try_from(*sample).ok());
        let Some((condition, size, at_least)) = sample.and_then(|s| self.samples.get(s)) else {
            return;
        };
        let both = u32::try_from(run.len()).unwrap_or(0);
        let together = size + u32::try_from(pairs).unwrap_or(0);
        let dice = 2.0 * f64::from(both) / f64::from(together.max(1));
        if dice < *at_least || !self.is_for(*condition, speaker) {
            return;
        }
        let from = (clause.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        scratch.found(*condition, Some((from, from + clause.len())), Some(dice));
    }

    fn scan_times(&self, talk: &Talk, heard: &Heard<'_>, text: &str, scratch: &mut Scratch) {
        let begun = heard.started_at.unwrap_or(heard.at);
        if !self.silences.is_empty()
            && let Some(last) = talk.ends.iter().flatten().max()
        {
            let gap = (begun.0 - last.0) / 1_000;
            self.reached(&self.silences, gap, heard.speaker, scratch, |one| {
                matches!(&one.read.operator, Operator::Silence { after, .. }
                    if after.is_none() || *after == talk.last_speaker)
            });
        }
        if !self.over_talks.is_empty() && heard.started_at.is_some() {
            let mine = role_place(Some(heard.speaker));
            let others = talk
                .ends
                .iter()
                .enumerate()
                .filter(|(role, _)| *role != mine);
            if let Some(last) = others.filter_map(|(_, end)| *end).max() {
                let over = (last.0 - begun.0) / 1_000;
                self.reached(&self.over_talks, over, heard.speaker, scratch, |_| true);
            }
        }
        let Some((from, to)) = heard.started_at.zip(heard.ended_at) else {
            return;
        };
        let ms = (to.0 - from.0) / 1_000;
        for condition in &self.speeds {
            let read = self.conditions.get(usize::from(*condition));
            if let Some(speed) = read.and_then(|one| too_fast(&one.read.operator, text, ms))
                && self.is_for(*condition, heard.speaker)
            {
                scratch.found(*condition, None, Some(speed));
            }
        }
    }

    /// Conditions whose threshold `value` has reached.
    fn reached(
        &self,
        thresholds: &[Threshold],
        value: i64,
        speaker: Speaker,
        scratch: &mut Scratch,
        and: impl Fn(&CompiledCondition) -> bool,
    ) {
        for (_, condition) in thresholds.iter().take_while(|(least, _)| *least <= value) {
            let one = self.conditions.get(usize::from(*condition));
            if one.is_some_and(|one| one.looks_at(speaker) && and(one)) {
                scratch.found(*condition, None, Some(to_f64(value)));
            }
        }
    }

    fn scan_mood(&self, talk: &Talk, heard: &Heard<'_>, scratch: &mut Scratch) {
        let Some(runs) = talk.runs.get(role_place(Some(heard.speaker))) else {
            return;
        };
        for (thresholds, run) in self.runs.iter().zip(runs) {
            let run = i64::from(*run);
            // Once a run, when it has become long enough.
            let reached = thresholds.iter().filter(|(turns, _)| *turns == run);
            for (_, condition) in reached {
                if self.is_for(*condition, heard.speaker) {
                    scratch.found(*condition, None, Some(to_f64(run)));
                }
            }
        }
    }

    fn scan_repeats(&self, talk: &Talk, heard: &Heard<'_>, text: &str, scratch: &mut Scratch) {
        if self.repeats.is_empty() || heard.speaker != Speaker::Customer {
            return;
        }
        let Some(sketch) = Sketch::of(text) else {
            return;
        };
        for condition in &self.repeats {
            let one = self.conditions.get(usize::from(*condition));
            let Some(Operator::RepeatedQuestion { at_least, times }) =
                one.map(|one| &one.read.operator)
            else {
                continue;
            };
            let likeness = talk.sketches.iter().map(|other| sketch.likeness(other));
            let alike: Vec<f64> = likeness.filter(|like| like >= at_least).collect();
            if alike.len() >= usize::from(*times) {
                let best = alike.into_iter().fold(0.0, f64::max);
                scratch.found(*condition, None, Some(best));
            }
        }
    }

    /// Whether what was gathered of each condition suffices.
    fn conclude(&self, text: &str, scratch: &mut Scratch) {
        let gathered = std::mem::take(&mut scratch.gathered);
        for (number, gathered) in &gathered {
            let Some(condition) = self.conditions.get(usize::from(*number)) else {
                continue;
            };
            if let Some(span) = gathered.suffices(condition, text) {
                scratch.found(*number, span, None);
                if let Some(found) = scratch.found.iter_mut().find(|f| f.condition == *number) {
                    found.steps = gathered.steps;
                }
            }
        }
        scratch.gathered = gathered;
    }
}

impl Gathered {
    fn add(&mut self, how: Use, from: usize, to: usize) {
        match how {
            Use::Any => {
                self.any.get_or_insert((from, to));
                self.hits.push((from, to));
            }
            Use::All(word) => {
                self.any.get_or_insert((from, to));
                self.all |= 1_u32.checked_shl(u32::from(word)).unwrap_or(0);
            }
            Use::None => self.is_forbidden = true,
            Use::Near(word) => self.near.push((from, to, word)),
            Use::Except => self.except.push((from, to)),
            Use::Step(step) => {
                self.any.get_or_insert((from, to));
                self.steps |= 1_u16.checked_shl(u32::from(step)).unwrap_or(0);
            }
        }
    }

    /// Where it was found, when it was: the inner span is none for what has no place.
    fn suffices(
        &self,
        condition: &CompiledCondition,
        text: &str,
    ) -> Option<Option<(usize, usize)>> {
        match &condition.read.operator {
            Operator::Keywords { any, near, .. } => {
                if self.is_forbidden || self.all != condition.all_bits {
                    return None;
                }
                if !any.is_empty() && self.hits.is_empty() {
                    return None;
                }
                let mut span = self.any;
                if let Some(near) = near {
                    span = Some(self.close_together(near.words.len(), near.within_chars, text)?);
                }
                (span.is_some() || condition.by_absence).then_some(span)
            }
            Operator::SensitiveWords { .. } => {
                let inside = |hit: &&(usize, usize)| {
                    !self.except.iter().any(|e| e.0 <= hit.0 && hit.1 <= e.1)
                };
                self.hits.iter().find(inside).map(|hit| Some(*hit))
            }
            _ => self.any.map(Some),
        }
    }

    /// The first place where all words of a group stand within so many characters.
    fn close_together(&self, words: usize, within: u32, text: &str) -> Option<(usize, usize)> {
        let mut hits = self.near.clone();
        hits.sort_unstable();
        let within = usize::try_from(within).unwrap_or(usize::MAX);
        let wanted = (1_u32 << words.min(31)) - 1;
        for (place, (from, _, _)) in hits.iter().enumerate() {
            let mut have = 0_u32;
            let mut to = *from;
            for (_, end, word) in hits.iter().skip(place) {
                let reach = to.max(*end);
                let chars = text
                    .get(*from..reach)
                    .map_or(0, |part| part.chars().count());
                if chars > within {
                    continue;
                }
                have |= 1 << u32::from(*word);
                to = reach;
                if have == wanted {
                    return Some((*from, to));
                }
            }
        }
        None
    }
}

fn slice<'l, T>(from: &[u32], all: &'l [T], place: usize) -> &'l [T] {
    let at = |place: usize| from.get(place).and_then(|at| usize::try_from(*at).ok());
    match (at(place), at(place + 1)) {
        (Some(from), Some(to)) => all.get(from..to).unwrap_or_default(),
        _ => &[],
    }
}

/// Units a minute, when they are outside of the limits.
fn too_fast(operator: &Operator, text: &str, ms: i64) -> Option<f64> {
    let Operator::TalkSpeed {
        unit,
        above,
        below,
        min_ms,
    } = operator
    else {
        return None;
    };
    if ms < *min_ms || ms <= 0 {
        return None;
    }
    let units = match unit {
        SpeedUnit::Characters => text.chars().filter(|c| c.is_alphanumeric()).count(),
        SpeedUnit::Words => text.split_whitespace().count(),
    };
    let speed = f64::from(u32::try_from(units).unwrap_or(u32::MAX)) * 60_000.0 / to_f64(ms);
    let is_out = above.is_some_and(|most| speed > most) || below.is_some_and(|least| speed < least);
    is_out.then_some(speed)
}

/// Durations and counts are far below what a float holds exactly.
fn to_f64(value: i64) -> f64 {
    let value = value.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    i32::try_from(value).map_or(0.0, f64::from)
}

/// A span of the text as it was compared, as characters of the text as it is stored.
pub(super) fn source_span(source: &str, compared: &str, span: (usize, usize)) -> (u32, u32) {
    let before = |to: usize| compared.get(..to).map_or(0, |text| text.chars().count());
    let (from, to) = (before(span.0), before(span.1));
    let count = source.chars().count();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    if compared.chars().count() == count {
        return (number(from), number(to));
    }
    let chars: Vec<char> = source.chars().collect();
    let mut normal = NormalText::default();
    normal.push(&chars, 0);
    let first = normal.from.get(from).copied().unwrap_or(0);
    let last = normal.to.get(to.saturating_sub(1)).copied();
    (first, last.unwrap_or(number(count)))
}
