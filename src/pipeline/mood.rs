//! The mood of each turn on its way to the tables, with what the stream remembers of open interactions.
//!
//! Invariants: a value depends on the turns before it in the order of positions of its partition, never on the
//! clock, the pace or a restart. Per interaction the last 20 turns are kept, at most 4 KB; an interaction is
//! forgotten when no turn of it came for 30 minutes by the partition's event time, a turn when it is 2 hours
//! old; a turn that comes more than 30 minutes late is judged alone and not remembered. So what is remembered
//! is a function of the last 2.5 hours of facts, and [`Moods::restore`] makes it again from them. A whole
//! transcript is judged by its own turns alone.
//! Not here: the heads (`enrich::sentiment`).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use twox_hash::XxHash3_64;

use crate::contract::event::Turn;
use crate::contract::{Data, Event};
use crate::domain::{ContentType, Micros, Redacted, Speaker};
use crate::enrich::sentiment::{Grams, Mood, Surroundings, Symbols, likeness, pairs};
use crate::enrich::{Models, SharedModels, language};
use crate::tables::TurnMood;

const MINUTE: i64 = 60_000_000;
/// Silence after which an interaction is forgotten, and how late a turn may come.
pub(super) const SILENCE_MICROS: i64 = 30 * MINUTE;
/// Age at which a turn is forgotten.
pub(super) const KEPT_MICROS: i64 = 120 * MINUTE;
const KEPT_TURNS: usize = 20;
/// Pairs of symbols kept of a customer's turn, bytes kept of the last agent turn: with 24 bytes a
/// turn, 20 turns are below 4 KB.
const KEPT_PAIRS: usize = 32;
const KEPT_BYTES: usize = 600;
const SWEEP_EVERY: u32 = 50_000;

/// A turn as it is remembered or judged.
#[derive(Clone)]
pub(super) struct Spoken {
    /// Which turn.
    pub turn: u64,
    /// When.
    pub at: Micros,
    /// Whether the customer spoke.
    pub by_customer: bool,
    /// The first bytes of its text.
    pub text: Box<str>,
}

impl Spoken {
    /// A turn that may matter to later ones: words of the customer, an agent or a bot.
    pub fn new(
        turn_id: &str,
        at: Micros,
        speaker: Speaker,
        content: ContentType,
        text: &str,
    ) -> Option<Self> {
        has_words(speaker, content, text).then(|| Self {
            turn: XxHash3_64::oneshot(turn_id.as_bytes()),
            at,
            by_customer: speaker == Speaker::Customer,
            text: cut(text).into(),
        })
    }
}

fn has_words(speaker: Speaker, content: ContentType, text: &str) -> bool {
    let spoken = matches!(
        content,
        ContentType::Text | ContentType::Speech | ContentType::Voice | ContentType::Other
    );
    spoken && speaker != Speaker::System && !text.is_empty()
}

fn cut(text: &str) -> &str {
    let mut end = KEPT_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// A turn of an interaction as it is kept.
struct Kept {
    turn: u64,
    at: Micros,
    /// Of a customer's turn; none of another.
    pairs: Option<Box<[u32]>>,
}

/// What the words of a turn say by themselves.
pub(super) struct Words {
    grams: Grams,
    symbols: Symbols,
    features: Vec<u64>,
    /// And whether a classifier told it.
    mood: (Mood, bool),
}

impl Words {
    fn of(
        models: &Models,
        speaker: Speaker,
        content: ContentType,
        text: &str,
        tag: Option<&Redacted<'_>>,
    ) -> Option<Self> {
        if !has_words(speaker, content, text) {
            return None;
        }
        let tag = tag.map(Redacted::as_str);
        let grams = language::grams(tag, text)?;
        let symbols = Symbols::of(text);
        if symbols.items.is_empty() {
            return None;
        }
        let mut features = Vec::with_capacity(symbols.items.len() * 4 + 8);
        symbols.features(grams, &mut features);
        Some(Self {
            mood: models.mood(text, &features, grams),
            grams,
            symbols,
            features,
        })
    }
}

/// The words of each turn of an event, in their order; none of a turn without words in a known language. Looks at
/// nothing but the event.
pub(super) fn words(models: &Models, event: &Event<Redacted<'_>>) -> Vec<Option<Words>> {
    match &event.data {
        Data::Turn(turn) => vec![Words::of(
            models,
            turn.speaker.role,
            turn.content_type,
            turn.text.as_str(),
            turn.language.as_ref(),
        )],
        Data::Transcript(whole) => {
            let turns = whole.turns.iter().flatten();
            let words = turns.map(|turn| {
                let (role, text) = (turn.speaker.role, turn.text.as_str());
                Words::of(
                    models,
                    role,
                    turn.content_type,
                    text,
                    turn.language.as_ref(),
                )
            });
            words.collect()
        }
        _ => Vec::new(),
    }
}

/// What is remembered of an interaction.
#[derive(Default)]
struct Talk {
    turns: VecDeque<Kept>,
    agent: Option<(Micros, Box<str>)>,
    heard: Option<Micros>,
}

/// The first pairs of a text, hashed, ascending.
fn kept_pairs(text: &Symbols) -> Box<[u32]> {
    let mut pairs: Vec<u32> = pairs(text).take(KEPT_PAIRS).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs.into()
}

impl Talk {
    /// What surrounds a customer's turn.
    fn around(&self, text: &Symbols) -> Surroundings {
        let own = kept_pairs(text);
        let earlier = self.turns.iter().filter_map(|t| t.pairs.as_deref());
        let position = u32::try_from(earlier.clone().count()).ok();
        let repeated = earlier.map(|e| likeness(&own, e)).fold(0.0, f32::max);
        Surroundings {
            previous: self.agent.as_ref().map(|(_, text)| Symbols::of(text)),
            position,
            repeated: Some(repeated),
        }
    }

    fn remember(&mut self, spoken: Spoken) {
        self.heard = self.heard.max(Some(spoken.at));
        if self.turns.iter().any(|t| t.turn == spoken.turn) {
            return;
        }
        let by_customer = spoken.by_customer;
        self.turns.push_back(Kept {
            turn: spoken.turn,
            at: spoken.at,
            pairs: by_customer.then(|| kept_pairs(&Symbols::of(&spoken.text))),
        });
        if !by_customer {
            self.agent = Some((spoken.at, spoken.text));
        }
        if self.turns.len() > KEPT_TURNS {
            self.turns.pop_front();
        }
    }

    /// Forgets what is too old at the partition's time `now`.
    fn age(&mut self, now: Micros) {
        if self.heard.is_some_and(|h| now.0 - h.0 > SILENCE_MICROS) {
            *self = Self::default();
        }
        self.turns.retain(|t| now.0 - t.at.0 <= KEPT_MICROS);
        self.agent.take_if(|(at, _)| now.0 - at.0 > KEPT_MICROS);
    }
}

/// What is remembered of one partition.
#[derive(Default)]
struct Partition {
    talks: HashMap<u64, Talk>,
    newest: Option<Micros>,
    since_sweep: u32,
}

impl Partition {
    /// The talk of an interaction at the time of a turn; none when the turn comes too late.
    fn talk(&mut self, interaction: u64, at: Micros) -> Option<&mut Talk> {
        let now = self.newest.map_or(at, |newest| newest.max(at));
        let is_late = now.0 - at.0 > SILENCE_MICROS;
        self.newest = Some(now);
        self.sweep(now);
        if is_late {
            return None;
        }
        let talk = self.talks.entry(interaction).or_default();
        talk.age(now);
        Some(talk)
    }

    /// Only memory: what is dropped here would be forgotten on its next turn.
    fn sweep(&mut self, now: Micros) {
        self.since_sweep += 1;
        if self.since_sweep < SWEEP_EVERY {
            return;
        }
        self.since_sweep = 0;
        self.talks.retain(|_, talk| {
            talk.heard
                .is_some_and(|heard| now.0 - heard.0 <= SILENCE_MICROS)
        });
    }
}

/// Judges turns.
pub(super) struct Moods {
    models: SharedModels,
    partitions: HashMap<(Arc<str>, i32), Partition>,
}

impl Moods {
    /// Nothing remembered; judged by `models` as they are then.
    pub fn new(models: SharedModels) -> Self {
        Self {
            models,
            partitions: HashMap::new(),
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.partitions.clear();
    }

    /// Begins a partition again with the facts that it has, in the order of their positions.
    pub fn restore(
        &mut self,
        source: &Arc<str>,
        partition: i32,
        facts: impl Iterator<Item = (u64, Spoken)>,
    ) {
        let mut state = Partition::default();
        for (interaction, spoken) in facts {
            if let Some(talk) = state.talk(interaction, spoken.at) {
                talk.remember(spoken);
            }
        }
        self.partitions
            .insert((Arc::clone(source), partition), state);
    }

    /// The models in use.
    pub fn models(&self) -> Arc<Models> {
        self.models.get()
    }

    /// The mood of each turn of an event with its `words`, told by `models`, in their order; remembers live turns.
    pub fn judge(
        &mut self,
        models: &Models,
        source: &Arc<str>,
        partition: i32,
        event: &Event<Redacted<'_>>,
        words: &[Option<Words>],
    ) -> Vec<TurnMood> {
        match &event.data {
            Data::Turn(turn) => {
                let key = (Arc::clone(source), partition);
                let interaction = event.subject.as_ref().map_or(0, interaction_key);
                let state = self.partitions.entry(key).or_default();
                let words = words.first().and_then(Option::as_ref);
                vec![live(models, state, interaction, event.time, turn, words)]
            }
            Data::Transcript(whole) => {
                let mut talk = Talk::default();
                let turns = whole.turns.iter().flatten().zip(words);
                turns
                    .map(|(turn, words)| {
                        let text = turn.text.as_str();
                        let role = turn.speaker.role;
                        let spoken = Spoken::new(
                            turn.turn_id.as_str(),
                            turn.at,
                            role,
                            turn.content_type,
                            text,
                        );
                        let Some(spoken) = spoken else {
                            return TurnMood::default();
                        };
                        let mood = mood(models, words.as_ref(), role, Some(&talk));
                        talk.remember(spoken);
                        mood
                    })
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The key of an interaction.
pub(super) fn interaction_key(id: &Redacted<'_>) -> u64 {
    key_of(id.as_str())
}

/// The key of an interaction's id.
pub(super) fn key_of(id: &str) -> u64 {
    XxHash3_64::oneshot(id.as_bytes())
}

fn live(
    models: &Models,
    state: &mut Partition,
    interaction: u64,
    at: Micros,
    turn: &Turn<Redacted<'_>>,
    words: Option<&Words>,
) -> TurnMood {
    let text = turn.text.as_str();
    let role = turn.speaker.role;
    let Some(spoken) = Spoken::new(turn.turn_id.as_str(), at, role, turn.content_type, text) else {
        return TurnMood::default();
    };
    let talk = state.talk(interaction, at);
    let mood = mood(models, words, role, talk.as_deref());
    if let Some(talk) = talk {
        talk.remember(spoken);
    }
    mood
}

fn mood(models: &Models, words: Option<&Words>, speaker: Speaker, talk: Option<&Talk>) -> TurnMood {
    let Some(words) = words else {
        return TurnMood::default();
    };
    let around = (speaker == Speaker::Customer).then(|| {
        talk.map(|talk| talk.around(&words.symbols))
            .unwrap_or_default()
    });
    let told = models.told(words.mood, &words.features, around.as_ref(), words.grams);
    TurnMood {
        polarity: Some(told.mood),
        dissatisfaction: told.dissatisfaction,
        models: Some(told.models),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: &str = "非常抱歉，请您耐心等待";

    fn spoken(turn: u64, minute: i64, by_customer: bool, text: &str) -> Spoken {
        Spoken {
            turn,
            at: Micros(minute * MINUTE),
            by_customer,
            text: text.into(),
        }
    }

    fn around(facts: Vec<(u64, Spoken)>, at_minute: i64) -> Option<(Option<u32>, bool)> {
        let mut moods = Moods::new(SharedModels::new(Models::shipped().unwrap()));
        let source: Arc<str> = "s".into();
        moods.restore(&source, 0, facts.into_iter());
        let state = moods.partitions.get_mut(&(source, 0))?;
        let talk = state.talk(1, Micros(at_minute * MINUTE))?;
        let found = talk.around(&Symbols::of("还没好"));
        Some((found.position, found.previous.is_some()))
    }

    #[test]
    fn what_is_remembered_is_bounded_by_event_time() {
        let facts = || {
            vec![
                (1, spoken(1, 0, true, "还没好")),
                (1, spoken(2, 1, false, AGENT)),
            ]
        };
        assert_eq!(around(facts(), 2), Some((Some(1), true)));
        assert_eq!(around(facts(), 31), Some((Some(1), true)));
        // Silent for more than 30 minutes.
        assert_eq!(around(facts(), 32), Some((Some(0), false)));
        // Another interaction moves the partition's time on.
        let mut moved = facts();
        moved.push((2, spoken(3, 40, true, "你好")));
        assert_eq!(around(moved.clone(), 39), Some((Some(0), false)));
        // Too late to be remembered.
        assert_eq!(around(moved, 5), None);
    }

    #[test]
    fn a_repeat_is_remembered_once_and_twenty_turns_at_most() {
        let turn = spoken(1, 0, true, "还没好");
        assert_eq!(
            around(vec![(1, turn.clone()), (1, turn)], 1),
            Some((Some(1), false))
        );
        let many: Vec<_> = (0..50).map(|i| (1, spoken(i, 1, true, "嗯"))).collect();
        assert_eq!(around(many, 1), Some((Some(20), false)));
        assert!(cut(&"听".repeat(100)).len() <= KEPT_BYTES);
    }

    #[test]
    fn restoring_from_any_point_gives_the_same() {
        let facts: Vec<_> = (0..200_u64)
            .map(|i| {
                let minute = i64::try_from(i).unwrap() * 2;
                (i % 3, spoken(i, minute, i % 2 == 0, "还没好"))
            })
            .collect();
        let whole = around(facts.clone(), 400);
        // Facts of the last 2.5 hours are enough.
        let late: Vec<_> = facts
            .into_iter()
            .filter(|(_, s)| s.at.0 >= 398 * MINUTE - KEPT_MICROS - SILENCE_MICROS)
            .collect();
        assert_eq!(whole, around(late, 400));
        assert!(matches!(whole, Some((Some(1..), _))));
    }
}
