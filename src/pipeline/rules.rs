//! Turns against the quality rules on their way to the tables, with what is remembered of open interactions.
//!
//! Invariants: a finding depends on the turns before it in the order of positions of its partition, on event time
//! and on the rules, never on the clock, the pace or a restart. An interaction is forgotten when no event of it
//! came for 30 minutes by the partition's event time; a turn that comes more than 30 minutes late, or more than a
//! day after the first of its interaction, is judged alone. So what is remembered is a function of the last 25
//! hours of facts, and [`Judge::restore`] makes it again from them. A whole transcript is judged by itself.
//! Not here: the rules' meaning (`enrich::quality`), where they come from (`jobs`).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::mood::{SILENCE_MICROS, interaction_key, label_of, turn_key};
use crate::contract::event::{SpeakerRef, Transcript};
use crate::contract::{Data, Event};
use crate::domain::{Channel, ContentType, Micros, Redacted, Speaker};
use crate::enrich::quality::{Evidence, Heard, Hit, Per, RuleSet, Scratch, Talk};
use crate::tables::{Finding, TurnMood, finding_id};

/// Age of an interaction after which its turns are judged alone.
pub(super) const JUDGED_MICROS: i64 = 24 * 3_600 * 1_000_000;
const SWEEP_EVERY: u32 = 50_000;

/// The rules in force, for everybody who judges. Clones are the same book.
#[derive(Clone)]
pub struct RuleBook(Arc<Book>);

struct Book {
    set: Mutex<Arc<RuleSet>>,
    edition: AtomicU64,
}

impl Default for RuleBook {
    fn default() -> Self {
        Self(Arc::new(Book {
            set: Mutex::new(Arc::new(RuleSet::none())),
            edition: AtomicU64::new(0),
        }))
    }
}

impl RuleBook {
    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> Arc<RuleSet> {
        Arc::clone(&self.0.set.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the rules in force.
    pub fn replace(&self, set: RuleSet) {
        *self.0.set.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
        self.0.edition.fetch_add(1, Ordering::AcqRel);
    }

    /// Grows with every replacement.
    #[must_use]
    pub fn edition(&self) -> u64 {
        self.0.edition.load(Ordering::Acquire)
    }
}

/// What happened in an interaction, as it is read back from the facts.
pub(super) struct Fact {
    /// The interaction.
    pub interaction: u64,
    /// When.
    pub at: Micros,
    /// What.
    pub what: What,
}

/// What a fact tells.
pub(super) enum What {
    /// It began on this channel.
    Started(Channel),
    /// Somebody spoke.
    Turn(Spoken),
    /// It ended.
    Ended,
}

/// A turn as it is read back.
pub(super) struct Spoken {
    pub turn: u64,
    pub started_at: Option<Micros>,
    pub ended_at: Option<Micros>,
    pub speaker: Speaker,
    pub speaker_id: Option<String>,
    pub text: String,
    pub mood: Option<i8>,
}

impl Spoken {
    fn heard(&self, at: Micros) -> Heard<'_> {
        Heard {
            turn: self.turn,
            at,
            started_at: self.started_at,
            ended_at: self.ended_at,
            speaker: self.speaker,
            speaker_id: self.speaker_id.as_deref(),
            text: &self.text,
            mood: self.mood,
        }
    }
}

/// Whether a turn is one that rules look at.
pub(super) fn is_judged(speaker: Speaker, content: ContentType, text: &str) -> bool {
    super::mood::has_words(speaker, content, text)
}

struct Open {
    talk: Talk,
    heard: Micros,
}

/// What is remembered of one partition.
#[derive(Default)]
struct Partition {
    open: HashMap<u64, Open>,
    newest: Option<Micros>,
    since_sweep: u32,
}

impl Partition {
    /// The talk of an interaction at the time of an event; none when that is to be judged alone.
    fn talk(&mut self, interaction: u64, at: Micros) -> Option<&mut Talk> {
        let now = self.newest.map_or(at, |newest| newest.max(at));
        self.newest = Some(now);
        self.sweep(now);
        if now.0 - at.0 > SILENCE_MICROS {
            return None;
        }
        let open = self.open.entry(interaction).or_insert_with(|| Open {
            talk: Talk::default(),
            heard: at,
        });
        if now.0 - open.heard.0 > SILENCE_MICROS {
            open.talk = Talk::default();
            open.heard = at;
        }
        open.heard = open.heard.max(at);
        let is_old = |first: Micros| at.0 - first.0 > JUDGED_MICROS;
        if open.talk.first_at().is_some_and(is_old) {
            return None;
        }
        Some(&mut open.talk)
    }

    /// Only memory: what is dropped here would be forgotten on its next event.
    fn sweep(&mut self, now: Micros) {
        self.since_sweep += 1;
        if self.since_sweep < SWEEP_EVERY {
            return;
        }
        self.since_sweep = 0;
        self.open
            .retain(|_, open| now.0 - open.heard.0 <= SILENCE_MICROS);
    }
}

/// Judges turns against the rules.
pub(super) struct Judge {
    book: RuleBook,
    set: Arc<RuleSet>,
    edition: u64,
    partitions: HashMap<(Arc<str>, i32), Partition>,
    scratch: Scratch,
}

impl Default for Judge {
    fn default() -> Self {
        Self::new(RuleBook::default())
    }
}

impl Judge {
    /// A judge who remembers nothing yet.
    pub fn new(book: RuleBook) -> Self {
        Self {
            set: book.rules(),
            edition: book.edition(),
            book,
            partitions: HashMap::new(),
            scratch: Scratch::default(),
        }
    }

    /// Whether the book has other rules by now: the state has to be made again.
    pub fn is_outdated(&self) -> bool {
        self.edition != self.book.edition()
    }

    /// Takes the rules of the book, and forgets everything.
    pub fn renew(&mut self) {
        self.edition = self.book.edition();
        self.set = self.book.rules();
        self.partitions.clear();
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.partitions.clear();
    }

    /// Whether there is anything to judge by.
    pub fn has_rules(&self) -> bool {
        !self.set.is_empty()
    }

    /// Begins a partition again with the facts that it has, in the order of their positions.
    pub fn restore(
        &mut self,
        source: &Arc<str>,
        partition: i32,
        facts: impl Iterator<Item = Fact>,
    ) {
        let mut state = Partition::default();
        for fact in facts {
            let Some(talk) = state.talk(fact.interaction, fact.at) else {
                continue;
            };
            match fact.what {
                What::Started(channel) => talk.set_channel(channel),
                What::Turn(spoken) => {
                    let heard = spoken.heard(fact.at);
                    self.set.hear(talk, &heard, &mut self.scratch);
                }
                What::Ended => {
                    self.set.end(talk);
                }
            }
        }
        self.partitions
            .insert((Arc::clone(source), partition), state);
    }

    /// The findings of an event. `moods` are those of its turns, when they were judged.
    pub fn judge(
        &mut self,
        source: &Arc<str>,
        partition: i32,
        event: &Event<Redacted<'_>>,
        moods: &[TurnMood],
    ) -> Vec<Finding> {
        if self.set.is_empty() {
            return Vec::new();
        }
        let Some(interaction) = event.subject.as_ref() else {
            return Vec::new();
        };
        if let Data::Transcript(whole) = &event.data {
            return self.transcript(event, interaction.as_str(), whole, moods);
        }
        if !matches!(
            event.data,
            Data::Started(_) | Data::Turn(_) | Data::Ended(_)
        ) {
            return Vec::new();
        }
        let key = (Arc::clone(source), partition);
        let state = self.partitions.entry(key).or_default();
        let talk = state.talk(interaction_key(interaction), event.time);
        match &event.data {
            Data::Started(data) => {
                if let Some(talk) = talk {
                    talk.set_channel(data.channel);
                }
                Vec::new()
            }
            Data::Ended(_) => {
                let Some(talk) = talk else { return Vec::new() };
                let hits = self.set.end(talk);
                let by = Told::end(event.time, talk);
                findings(&self.set, hits, interaction.as_str(), &by)
            }
            Data::Turn(turn) => {
                let said = Said {
                    turn_id: turn.turn_id.as_str(),
                    at: event.time,
                    started_at: turn.started_at,
                    ended_at: turn.ended_at,
                    speaker: &turn.speaker,
                    content: turn.content_type,
                    text: turn.text.as_str(),
                    language: turn.language.as_ref().map(Redacted::as_str),
                };
                let Some(heard) = said.heard(moods.first()) else {
                    return Vec::new();
                };
                let hits = match talk {
                    Some(talk) => {
                        let hits = self.set.hear(talk, &heard, &mut self.scratch);
                        (hits, Told::turn(&said, talk))
                    }
                    None => {
                        let mut alone = Talk::default();
                        let hits = self.set.hear_alone(&mut alone, &heard, &mut self.scratch);
                        (hits, Told::turn(&said, &alone))
                    }
                };
                findings(&self.set, hits.0, interaction.as_str(), &hits.1)
            }
            _ => Vec::new(),
        }
    }

    fn transcript(
        &mut self,
        event: &Event<Redacted<'_>>,
        interaction: &str,
        whole: &Transcript<Redacted<'_>>,
        moods: &[TurnMood],
    ) -> Vec<Finding> {
        let mut talk = Talk::default();
        talk.set_channel(whole.channel);
        let mut turns: Vec<_> = whole.turns.iter().flatten().enumerate().collect();
        turns.sort_by_key(|(_, turn)| turn.at);
        let mut found = Vec::new();
        let mut last_at = event.time;
        for (place, turn) in turns {
            last_at = last_at.max(turn.at);
            let said = Said {
                turn_id: turn.turn_id.as_str(),
                at: turn.at,
                started_at: turn.started_at,
                ended_at: turn.ended_at,
                speaker: &turn.speaker,
                content: turn.content_type,
                text: turn.text.as_str(),
                language: turn.language.as_ref().map(Redacted::as_str),
            };
            let Some(heard) = said.heard(moods.get(place)) else {
                continue;
            };
            let hits = self.set.hear(&mut talk, &heard, &mut self.scratch);
            found.extend(findings(
                &self.set,
                hits,
                interaction,
                &Told::turn(&said, &talk),
            ));
        }
        let ended_at = whole.ended.as_ref().map_or(last_at, |ended| ended.time);
        let hits = self.set.end(&mut talk);
        found.extend(findings(
            &self.set,
            hits,
            interaction,
            &Told::end(ended_at, &talk),
        ));
        found
    }
}

/// A turn of an event.
struct Said<'a> {
    turn_id: &'a str,
    at: Micros,
    started_at: Option<Micros>,
    ended_at: Option<Micros>,
    speaker: &'a SpeakerRef<Redacted<'a>>,
    content: ContentType,
    text: &'a str,
    language: Option<&'a str>,
}

impl Said<'_> {
    fn heard(&self, mood: Option<&TurnMood>) -> Option<Heard<'_>> {
        let role = self.speaker.role;
        if !is_judged(role, self.content, self.text) {
            return None;
        }
        Some(Heard {
            turn: turn_key(self.turn_id),
            at: self.at,
            started_at: self.started_at,
            ended_at: self.ended_at,
            speaker: role,
            speaker_id: self.speaker.id.as_ref().map(Redacted::as_str),
            text: self.text,
            mood: label_of(mood, self.text, self.language),
        })
    }
}

/// What a finding tells besides its rule.
pub(super) struct Told {
    turn_id: Option<String>,
    speaker: Option<&'static str>,
    agent_id: Option<String>,
    channel: Option<&'static str>,
    at: Micros,
}

impl Told {
    fn turn(said: &Said<'_>, talk: &Talk) -> Self {
        Self::of_turn(said.turn_id, said.speaker.role, said.at, talk)
    }

    /// Of a hit that a turn decided.
    pub fn of_turn(turn_id: &str, speaker: Speaker, at: Micros, talk: &Talk) -> Self {
        Self {
            turn_id: Some(turn_id.to_owned()),
            speaker: Some(speaker.as_str()),
            ..Self::end(at, talk)
        }
    }

    /// Of a hit that the end decided.
    pub fn end(at: Micros, talk: &Talk) -> Self {
        Self {
            turn_id: None,
            speaker: None,
            agent_id: talk.agent().map(str::to_owned),
            channel: talk.channel().map(Channel::as_str),
            at,
        }
    }
}

/// Hits as findings.
pub(super) fn findings(
    set: &RuleSet,
    hits: Vec<Hit>,
    interaction: &str,
    told: &Told,
) -> Vec<Finding> {
    let finding = |hit: Hit| {
        let versioned = set.rules().get(hit.rule)?;
        let rule = &versioned.rule;
        let by_turn = rule.per == Per::Turn;
        let turn_id = told.turn_id.as_deref().filter(|_| by_turn);
        Some(Finding {
            id: finding_id(
                &versioned.id,
                versioned.version,
                interaction,
                turn_id.unwrap_or_default(),
            ),
            rule_id: versioned.id.clone(),
            rule_version: versioned.version,
            rule_name: rule.name.clone(),
            severity: rule.severity.as_str(),
            is_alert: rule.alert,
            interaction_id: interaction.to_owned(),
            turn_id: told.turn_id.clone(),
            speaker: told.speaker,
            agent_id: told.agent_id.clone(),
            channel: told.channel,
            at: told.at,
            evidence: evidence_json(&hit.evidence),
        })
    };
    hits.into_iter().filter_map(finding).collect()
}

fn evidence_json(evidence: &[Evidence]) -> String {
    let items = evidence.iter().map(|one| {
        json!({
            "condition": one.condition,
            "operator": one.operator,
            "turn": one.turn,
            "start": one.span.map(|span| span.0),
            "end": one.span.map(|span| span.1),
            "value": one.value,
        })
    });
    serde_json::Value::Array(items.collect()).to_string()
}
