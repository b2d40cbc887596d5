//! A turn against the rules: what was found is kept, and rules whose expression has become true hit.
//!
//! Invariants: the same turns in the same order give the same hits; a rule of `per: interaction` hits once, as soon
//! as nothing that may still come can change its expression; a turn that was heard before changes nothing. Times
//! are those of events: there is no clock. Not here: what is found in a turn (`scan`).

use super::compiled::{CompiledCondition, RuleSet, number, role_place};
use super::expression::Truth;
use super::pairs::Sketch;
use super::rule::{Operator, Per, Side};
use super::scan::{Found, Scratch, compared, source_span};
use super::talk::{Entry, FALSE, FOUND, OPEN, TRUE, Talk};
use crate::domain::{Micros, Speaker};

/// A turn as it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'t> {
    /// Hash of its id in the interaction.
    pub turn: u64,
    /// When.
    pub at: Micros,
    /// When the speaker began, where known.
    pub started_at: Option<Micros>,
    /// When the speaker ended, where known.
    pub ended_at: Option<Micros>,
    /// Who.
    pub speaker: Speaker,
    /// The stored id of who.
    pub speaker_id: Option<&'t str>,
    /// What, redacted.
    pub text: &'t str,
    /// Its mood: -1 negative, 0 neutral, 1 positive; none when nobody knows.
    pub mood: Option<i8>,
}

/// Why a rule has hit: one condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Its name.
    pub condition: String,
    /// Its operator.
    pub operator: &'static str,
    /// Number of the turn, from 1; none for what is missing.
    pub turn: Option<u16>,
    /// Characters of the turn that decided; none of earlier turns.
    pub span: Option<(u32, u32)>,
    /// What was measured: ms, units a minute, likeness, turns in a row.
    pub value: Option<f64>,
}

/// A rule has hit.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Its place among [`RuleSet::rules`].
    pub rule: usize,
    /// Why.
    pub evidence: Vec<Evidence>,
}

/// What was found in the turn that is judged.
struct Now<'t> {
    source: &'t str,
    text: &'t str,
    found: Vec<Found>,
}

impl Now<'_> {
    fn get(&self, condition: u16) -> Option<&Found> {
        let place = self
            .found
            .binary_search_by_key(&condition, |one| one.condition);
        self.found.get(place.ok()?)
    }
}

impl RuleSet {
    /// Judges a turn of an interaction and remembers it.
    pub fn hear(&self, talk: &mut Talk, heard: &Heard<'_>, scratch: &mut Scratch) -> Vec<Hit> {
        if self.is_empty() || !talk.note_turn(heard.turn) {
            return Vec::new();
        }
        begin(talk, heard);
        let text = compared(heard);
        self.scan(talk, heard, &text, scratch);
        let mut now = Now {
            source: heard.text,
            text: &text,
            found: std::mem::take(&mut scratch.found),
        };
        let mut rules = std::mem::take(&mut scratch.rules);
        now.found.retain(|found| self.is_in_place(talk, *found));
        for found in &now.found {
            self.keep(talk, *found, &mut rules);
        }
        self.close_windows(talk, &mut rules);
        self.reach(talk, heard.speaker, &mut rules);
        end(talk, heard, (!self.repeats.is_empty()).then_some(&*text));
        rules.sort_unstable();
        rules.dedup();
        let mut hits = Vec::new();
        for rule in &rules {
            hits.extend(self.decide(talk, *rule, Some(&now)));
        }
        scratch.found = now.found;
        scratch.rules = rules;
        hits
    }

    /// Judges a turn of which the surroundings are not known: only rules that need none hit.
    pub fn hear_alone(
        &self,
        talk: &mut Talk,
        heard: &Heard<'_>,
        scratch: &mut Scratch,
    ) -> Vec<Hit> {
        let mut hits = self.hear(talk, heard, scratch);
        hits.retain(|hit| {
            let compiled = self.compiled.get(hit.rule);
            compiled.is_some_and(|compiled| !compiled.by_absence)
        });
        hits
    }

    /// Judges the end of an interaction: what has not come will not come.
    pub fn end(&self, talk: &mut Talk) -> Vec<Hit> {
        if talk.has_ended {
            return Vec::new();
        }
        talk.has_ended = true;
        let mut hits = Vec::new();
        for rule in &self.at_end {
            hits.extend(self.decide(talk, *rule, None));
        }
        hits
    }

    /// The values of the conditions of a rule as they stand, by name.
    #[must_use]
    pub fn values(&self, talk: &Talk, rule: usize) -> Vec<(&str, Truth)> {
        let Some(compiled) = self.compiled.get(rule) else {
            return Vec::new();
        };
        let places = compiled.first..compiled.first + compiled.count;
        let named = places.filter_map(|place| {
            let condition = self.conditions.get(place)?;
            Some((
                condition.read.id.as_str(),
                value(condition, talk, number(place)),
            ))
        });
        named.collect()
    }

    /// Whether what was found stands in its range, and behind its anchor when it has one.
    fn is_in_place(&self, talk: &Talk, found: Found) -> bool {
        let Some(condition) = self.conditions.get(usize::from(found.condition)) else {
            return false;
        };
        let range = condition.read.range;
        let turn = turns_of(condition, talk);
        let is_in_range = range.from_turn.is_none_or(|from| turn >= from)
            && range.to_turn.is_none_or(|to| turn <= to)
            && range.from_ms.is_none_or(|from| talk.now_ms >= from)
            && range.to_ms.is_none_or(|to| talk.now_ms <= to);
        let follows = || {
            let window = talk.entry(found.condition).filter(|entry| entry.has(OPEN));
            window.is_some_and(|window| is_within(condition, window, talk))
        };
        is_in_range && (side(condition) != Some(Side::After) || follows())
    }

    /// Remembers what was found, as far as it matters later, and opens and decides what is anchored to it.
    fn keep(&self, talk: &mut Talk, found: Found, rules: &mut Vec<u16>) {
        let Some(condition) = self.conditions.get(usize::from(found.condition)) else {
            return;
        };
        rules.push(condition.rule);
        let per = self.per(condition.rule);
        let (role_turn, turn, at_ms) = (turns_of(condition, talk), talk.counts[4], talk.now_ms);
        if condition.is_kept && side(condition) != Some(Side::After) {
            let decides = side(condition).is_none() && !is_script(condition);
            if let Some(entry) = talk.entry_mut(found.condition) {
                entry.flags |= FOUND | if decides { TRUE } else { 0 };
                (entry.role_turn, entry.turn, entry.at_ms) = (role_turn, turn, at_ms);
                follow_script(condition, entry, found.steps);
            }
        } else if side(condition) == Some(Side::After)
            && per == Some(Per::Interaction)
            && let Some(entry) = talk.entry_mut(found.condition)
        {
            entry.flags = FOUND | TRUE;
            (entry.role_turn, entry.turn, entry.at_ms) = (role_turn, turn, at_ms);
        }
        for follower in &condition.followers {
            self.open_window(talk, *follower, per);
        }
        for preceder in &condition.preceders {
            self.decide_before(talk, *preceder);
        }
    }

    fn per(&self, rule: u16) -> Option<Per> {
        let rule = self.rules().get(usize::from(rule))?;
        Some(rule.rule.per)
    }

    /// The anchor of `follower` was found in this turn. An open window is the older demand and stays.
    fn open_window(&self, talk: &mut Talk, follower: u16, per: Option<Per>) {
        let Some(condition) = self.conditions.get(usize::from(follower)) else {
            return;
        };
        let (role_turn, at_ms) = (turns_of(condition, talk), talk.now_ms);
        let Some(entry) = talk.entry_mut(follower) else {
            return;
        };
        if !entry.has(OPEN) || per == Some(Per::Turn) {
            entry.flags = OPEN;
            (entry.role_turn, entry.at_ms) = (role_turn, at_ms);
        }
    }

    /// What should have stood before this turn did, or did not.
    fn decide_before(&self, talk: &mut Talk, preceder: u16) {
        let Some(condition) = self.conditions.get(usize::from(preceder)) else {
            return;
        };
        let this_turn = talk.counts[4];
        let earlier = talk
            .entry(preceder)
            .filter(|e| e.has(FOUND) && e.turn < this_turn);
        let stood = earlier.is_some_and(|earlier| is_within(condition, earlier, talk));
        if let Some(entry) = talk.entry_mut(preceder) {
            entry.flags = (entry.flags & FOUND) | if stood { TRUE } else { FALSE };
        }
    }

    /// Windows whose last turn or moment this was.
    fn close_windows(&self, talk: &mut Talk, rules: &mut Vec<u16>) {
        let over = |entry: &Entry| {
            let condition = self.conditions.get(usize::from(entry.condition))?;
            let anchor = condition.read.anchor?;
            let turns = turns_of(condition, talk).saturating_sub(entry.role_turn);
            let by_turns = anchor.within_turns.is_some_and(|within| turns >= within);
            let ms = talk.now_ms.saturating_sub(entry.at_ms);
            let by_time = anchor.within_ms.is_some_and(|within| ms > within);
            (by_turns || by_time).then_some(entry.condition)
        };
        let closed: Vec<u16> = talk
            .open_windows()
            .filter_map(|entry| over(&entry))
            .collect();
        for number in closed {
            if let Some(entry) = talk.entry_mut(number) {
                entry.flags = FALSE;
            }
            rules.extend(self.conditions.get(usize::from(number)).map(|c| c.rule));
        }
    }

    /// Rules that may hit because a range is over.
    fn reach(&self, talk: &mut Talk, speaker: Speaker, rules: &mut Vec<u16>) {
        for role in [role_place(Some(speaker)), role_place(None)] {
            let count = talk.counts.get(role).copied().unwrap_or(0);
            if let Some(by_count) = self.by_count.get(role).and_then(|by| by.get(&count)) {
                rules.extend(by_count);
            }
        }
        while let Some((ms, rule)) = self.by_time.get(usize::from(talk.due)) {
            if *ms >= talk.now_ms {
                break;
            }
            rules.push(*rule);
            talk.due += 1;
        }
    }

    /// The hit of a rule, when its expression is true.
    fn decide(&self, talk: &mut Talk, place: u16, now: Option<&Now<'_>>) -> Option<Hit> {
        let rule = &self.rules().get(usize::from(place))?.rule;
        let compiled = self.compiled.get(usize::from(place))?;
        let is_its_channel = rule.channels.is_empty()
            || talk
                .channel
                .is_some_and(|channel| rule.channels.contains(&channel));
        if !is_its_channel || rule.per == Per::Interaction && talk.has_hit(place) {
            return None;
        }
        let condition = |local: usize| number(compiled.first + local);
        let mut of = |local: usize| match (rule.per, self.conditions.get(compiled.first + local)) {
            (Per::Turn, _) => Truth::of(now.is_some_and(|now| now.get(condition(local)).is_some())),
            (Per::Interaction, Some(one)) => value(one, talk, condition(local)),
            (Per::Interaction, None) => Truth::False,
        };
        if rule.when.value(&mut of) != Truth::True {
            return None;
        }
        let mut used = Vec::new();
        rule.when.conditions(&mut used);
        used.sort_unstable();
        used.dedup();
        let true_ones = used.into_iter().filter(|local| of(*local) == Truth::True);
        let evidence = true_ones.filter_map(|local| self.evidence(talk, condition(local), now));
        let evidence = evidence.collect();
        if rule.per == Per::Interaction && !talk.note_hit(place) {
            return None;
        }
        Some(Hit {
            rule: usize::from(place),
            evidence,
        })
    }

    fn evidence(&self, talk: &Talk, condition: u16, now: Option<&Now<'_>>) -> Option<Evidence> {
        let read = &self.conditions.get(usize::from(condition))?.read;
        let found = now.and_then(|now| Some((now, now.get(condition)?)));
        let span =
            found.and_then(|(now, found)| Some(source_span(now.source, now.text, found.span?)));
        let kept = talk.entry(condition).filter(|entry| entry.turn > 0);
        let turn = match found {
            Some(_) => Some(talk.counts[4]),
            None => kept.map(|entry| entry.turn),
        };
        Some(Evidence {
            condition: read.id.clone(),
            operator: read.operator.name(),
            turn: turn.filter(|_| !read.operator.is_absence()),
            span: span.filter(|_| !read.operator.is_absence()),
            value: found.and_then(|(_, found)| found.value),
        })
    }
}

/// Counts and moods of a turn, before it is read.
fn begin(talk: &mut Talk, heard: &Heard<'_>) {
    let first = *talk.first_at.get_or_insert(heard.at);
    let ms = u32::try_from((heard.at.0 - first.0).max(0) / 1_000).unwrap_or(u32::MAX);
    talk.now_ms = talk.now_ms.max(ms);
    let role = role_place(Some(heard.speaker));
    for place in [role, role_place(None)] {
        if let Some(count) = talk.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
    }
    if let Some([negative, positive]) = talk.runs.get_mut(role) {
        let mood = heard.mood.unwrap_or(0);
        *negative = if mood < 0 {
            negative.saturating_add(1)
        } else {
            0
        };
        *positive = if mood > 0 {
            positive.saturating_add(1)
        } else {
            0
        };
    }
}

/// What later turns want to know of a turn, after it was read. `text` when somebody looks for repeats.
fn end(talk: &mut Talk, heard: &Heard<'_>, text: Option<&str>) {
    let until = heard.ended_at.or(heard.started_at).unwrap_or(heard.at);
    if let Some(end) = talk.ends.get_mut(role_place(Some(heard.speaker))) {
        *end = Some(end.map_or(until, |before| before.max(until)));
    }
    talk.last_speaker = Some(heard.speaker);
    if heard.speaker == Speaker::Agent
        && let Some(agent) = heard.speaker_id
    {
        talk.set_agent(agent);
    }
    let asked = text.filter(|_| heard.speaker == Speaker::Customer);
    if let Some(sketch) = asked.and_then(Sketch::of) {
        talk.note_sketch(sketch);
    }
}

fn turns_of(condition: &CompiledCondition, talk: &Talk) -> u16 {
    let place = role_place(condition.read.role);
    talk.counts.get(place).copied().unwrap_or(0)
}

fn side(condition: &CompiledCondition) -> Option<Side> {
    condition.read.anchor.map(|anchor| anchor.side)
}

fn is_script(condition: &CompiledCondition) -> bool {
    matches!(condition.read.operator, Operator::ScriptOrder { .. })
}

/// Whether this turn is near enough to the moment that `entry` tells.
fn is_within(condition: &CompiledCondition, entry: Entry, talk: &Talk) -> bool {
    let Some(anchor) = condition.read.anchor else {
        return true;
    };
    let turns = turns_of(condition, talk).saturating_sub(entry.role_turn);
    let ms = talk.now_ms.saturating_sub(entry.at_ms);
    anchor.within_turns.is_none_or(|within| turns <= within)
        && anchor.within_ms.is_none_or(|within| ms <= within)
}

/// Steps of a script that were said in this turn, in the order of the script.
fn follow_script(condition: &CompiledCondition, entry: &mut Entry, steps: u16) {
    let Operator::ScriptOrder { allow_skips, .. } = condition.read.operator else {
        return;
    };
    for step in 0..16_u8 {
        let bit = 1_u16 << u32::from(step);
        if steps & bit == 0 || entry.steps & bit != 0 {
            continue;
        }
        let is_late = step + 1 < entry.highest;
        let has_skipped = !allow_skips && entry.steps & (bit - 1) != bit - 1;
        if is_late || has_skipped {
            entry.flags |= TRUE;
        }
        entry.steps |= bit;
        entry.highest = entry.highest.max(step + 1);
    }
}

/// The value of a condition over the interaction so far.
fn value(condition: &CompiledCondition, talk: &Talk, place: u16) -> Truth {
    let entry = talk.entry(place);
    let spoke = turns_of(condition, talk) > 0;
    // What is missing is missing only when there was somebody to say it.
    let absence = condition.read.operator.is_absence();
    let is = |found: bool| Truth::of(found != absence);
    let not_asked = || {
        if talk.has_ended {
            Truth::False
        } else {
            Truth::Unknown
        }
    };
    if absence && !spoke {
        return not_asked();
    }
    match side(condition) {
        Some(Side::After) => match entry {
            Some(entry) if entry.has(TRUE) => is(true),
            Some(entry) if entry.has(FALSE) => is(false),
            Some(entry) if entry.has(OPEN) && talk.has_ended => {
                let had_a_turn = turns_of(condition, talk) > entry.role_turn;
                if absence {
                    Truth::of(had_a_turn)
                } else {
                    Truth::False
                }
            }
            _ => not_asked(),
        },
        Some(Side::Before) => match entry {
            Some(entry) if entry.has(TRUE) => is(true),
            Some(entry) if entry.has(FALSE) => is(false),
            _ => not_asked(),
        },
        None => {
            if let Some(last) = condition.read.range.last_turns {
                let until = turns_of(condition, talk);
                let recent = |entry: Entry| entry.has(FOUND) && entry.role_turn + last > until;
                return if talk.has_ended {
                    is(entry.is_some_and(recent))
                } else {
                    Truth::Unknown
                };
            }
            if entry.is_some_and(|entry| entry.has(TRUE)) {
                return is(true);
            }
            if is_over(condition, talk) {
                is(false)
            } else {
                Truth::Unknown
            }
        }
    }
}

/// Whether the range of a condition lies behind.
fn is_over(condition: &CompiledCondition, talk: &Talk) -> bool {
    let range = condition.read.range;
    talk.has_ended
        || range
            .to_turn
            .is_some_and(|to| turns_of(condition, talk) >= to)
        || range.to_ms.is_some_and(|to| talk.now_ms > to)
}
