//! What is said in one stay, and when.
//!
//! Invariants: turns of one stay don't overlap, lie within it and outside its
//! holds; they are thrown with dice of their own, so that a run without turns
//! is the same run with the turns left out.

use super::contact::{BotEnd, Shown, Stay};
use super::dice::Dice;
use super::phrases::{Phrases, Spoken};
use super::plan::Gap;
use super::scenario::Part;
use super::staff::{MS, SECOND};
use crate::domain::{Channel, Speaker};

/// What kind of sentence it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Greets,
    Asks,
    AsksAgain,
    Checks,
    Personal,
    Follows,
    Nods,
    Answers,
    Unsure,
    Unrelated,
    Reacts,
    Closes,
    BotShows,
    BotFails,
}

impl Act {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Greets => "greeting",
            Self::Asks | Self::AsksAgain => "request",
            Self::Checks => "check",
            Self::Personal => "personal",
            Self::Follows => "follow_up",
            Self::Nods => "nod",
            Self::Answers => "answer",
            Self::Unsure | Self::Unrelated | Self::BotFails => "no_answer",
            Self::Reacts => "reaction",
            Self::Closes => "closing",
            Self::BotShows => "article",
        }
    }
}

/// One utterance.
pub(super) struct Turn {
    pub at: i64,
    pub until: i64,
    pub speaker: Speaker,
    pub act: Act,
    pub mood: f64,
    pub mood_shows: bool,
    pub spoken: Spoken,
}

/// How a stay is talked through.
pub(super) struct Talk<'a> {
    pub channel: Channel,
    pub gap: Gap,
    /// At the begin, and after the answer.
    pub mood: (f64, f64),
    /// Whether the customer has said before what he wants.
    pub asked: bool,
    /// Rate of the recogniser's mistakes; 0 in writing.
    pub noise: f64,
    /// Title of the article that a bot shows.
    pub shown_title: &'a str,
    /// Whether that article holds an answer to the question.
    pub shows_answer: bool,
    /// Whether search and bot are down.
    pub failing: bool,
}

/// Who says what, in order.
type Script = Vec<(Speaker, Act)>;

/// The talk with an agent.
pub(super) fn with_agent(talk: &Talk<'_>, stay: &Stay, phrases: &mut Phrases<'_>) -> Vec<Turn> {
    let script = agent_script(talk, stay, &mut phrases.dice);
    let old_facts = !stay.knows && matches!(talk.gap, Gap::Conflict);
    let new_facts = stay.knows && matches!(talk.gap, Gap::Outdated);
    phrases.other_facts = old_facts || new_facts;
    perform(
        talk,
        script,
        (stay.from, stay.until),
        stay.hold,
        stay.solved,
        phrases,
    )
}

fn agent_script(talk: &Talk<'_>, stay: &Stay, dice: &mut Dice) -> Script {
    let (customer, agent) = (Speaker::Customer, Speaker::Agent);
    let answer = match (stay.knows, talk.gap) {
        (true, _) => Act::Answers,
        // Who trusts the old or the other article answers with it.
        (false, Gap::Outdated | Gap::Conflict) => Act::Answers,
        _ if dice.chance(0.3) && !stay.solved => Act::Unrelated,
        _ => Act::Unsure,
    };
    let ask = if talk.asked {
        Act::AsksAgain
    } else {
        Act::Asks
    };
    if talk.channel == Channel::Email {
        return vec![(customer, ask), (agent, answer)];
    }
    let pace = match talk.channel {
        Channel::Call | Channel::Video => 11 * SECOND,
        _ => 24 * SECOND,
    };
    let count = ((stay.until - stay.from) / pace).clamp(4, 24) as usize;
    let mut script = vec![(agent, Act::Greets), (customer, ask)];
    let rounds = count.saturating_sub(6) / 2;
    let before = rounds / 2;
    for round in 0..rounds {
        if round == before {
            script.push((agent, answer));
            script.push((customer, Act::Reacts));
        }
        if round < before {
            script.push((agent, Act::Checks));
            let said = match dice.weighted(&[0.34, 0.36, 0.18, 0.12]) {
                0 => Act::Personal,
                1 => Act::Follows,
                2 => Act::Nods,
                _ => Act::AsksAgain,
            };
            script.push((customer, said));
        } else {
            script.push((
                customer,
                if dice.chance(0.6) {
                    Act::Follows
                } else {
                    Act::Nods
                },
            ));
            script.push((
                agent,
                if dice.chance(0.35) {
                    answer
                } else {
                    Act::Checks
                },
            ));
        }
    }
    if rounds == 0 {
        script.push((agent, answer));
        script.push((customer, Act::Reacts));
    }
    if !stay.hands_on {
        script.push((agent, Act::Closes));
        script.push((customer, Act::Closes));
    }
    script
}

/// The talk with a bot.
pub(super) fn with_bot(
    talk: &Talk<'_>,
    (from, until): (i64, i64),
    (shown, end): (Shown, BotEnd),
    phrases: &mut Phrases<'_>,
) -> Vec<Turn> {
    let (customer, bot) = (Speaker::Customer, Speaker::Bot);
    let answer = if talk.failing || shown == Shown::Nothing {
        Act::BotFails
    } else {
        Act::BotShows
    };
    let mut script = vec![(bot, Act::Greets), (customer, Act::Asks), (bot, answer)];
    if end != BotEnd::Solved && phrases.dice.chance(0.45) {
        script.push((customer, Act::AsksAgain));
        script.push((bot, answer));
    }
    script.push((customer, Act::Reacts));
    if end == BotEnd::HandedOver {
        script.push((bot, Act::Closes));
    }
    phrases.other_facts = shown == Shown::Contrary;
    let solved = end == BotEnd::Solved;
    perform(talk, script, (from, until), None, solved, phrases)
}

fn perform(
    talk: &Talk<'_>,
    script: Script,
    (from, until): (i64, i64),
    hold: Option<(i64, i64)>,
    solved: bool,
    phrases: &mut Phrases<'_>,
) -> Vec<Turn> {
    let count = script.len().max(1) as i64;
    let pace = ((until - from) / count).max(1);
    let mut turns = Vec::with_capacity(script.len());
    let mut answered = false;
    for (index, (speaker, act)) in script.into_iter().enumerate() {
        let begin = from + index as i64 * pace;
        let at = begin + phrases.dice.between(0, (pace / 8).max(1));
        let mood = if answered { talk.mood.1 } else { talk.mood.0 };
        answered |= matches!(
            act,
            Act::Answers | Act::Unsure | Act::Unrelated | Act::BotShows
        );
        let (spoken, mood_shows) = sentence(talk, speaker, act, mood, solved, phrases);
        let long = (spoken.text.chars().count() as i64 * 210 * MS).max(600 * MS);
        let end = (at + long).min(begin + pace - 1).max(at);
        let held = hold.is_some_and(|hold| at < hold.1 && end > hold.0);
        if held && !matches!(act, Act::Asks | Act::Answers) {
            continue;
        }
        turns.push(Turn {
            at,
            until: end,
            speaker,
            act,
            mood,
            mood_shows,
            spoken,
        });
    }
    turns
}

fn sentence(
    talk: &Talk<'_>,
    speaker: Speaker,
    act: Act,
    mood: f64,
    solved: bool,
    phrases: &mut Phrases<'_>,
) -> (Spoken, bool) {
    phrases.noise = talk.noise;
    match speaker {
        Speaker::Customer => customer(talk, act, mood, solved, phrases),
        Speaker::Bot => {
            phrases.noise = 0.0;
            (bot(talk, act, phrases), false)
        }
        _ => {
            // Headsets are better than phones in the street.
            phrases.noise = talk.noise * 0.5;
            (agent(act, solved, phrases), false)
        }
    }
}

fn customer(
    talk: &Talk<'_>,
    act: Act,
    mood: f64,
    solved: bool,
    phrases: &mut Phrases<'_>,
) -> (Spoken, bool) {
    if phrases
        .dice
        .chance(if talk.noise > 0.0 { 0.3 } else { 0.12 })
    {
        phrases.add(Part::Fillers);
    }
    let shows = match act {
        Act::Asks => {
            if phrases.dice.chance(0.75) {
                phrases.add(Part::Openers);
            }
            phrases.ask();
            if phrases.dice.chance(0.65) {
                phrases.add(Part::Endings);
            }
            // Many say what else is on their mind in the same breath.
            if phrases.dice.chance(0.28) {
                phrases.stop().add(Part::FollowUps);
            }
            feeling(talk, mood, phrases)
        }
        Act::AsksAgain => {
            phrases.add(Part::Links).ask();
            feeling(talk, mood, phrases)
        }
        Act::Personal => {
            phrases.add(Part::Links).add(Part::Personal);
            if phrases.dice.chance(0.4) {
                phrases.add(Part::Tails);
            }
            false
        }
        Act::Nods => {
            phrases.add(Part::Nods);
            false
        }
        Act::Reacts if solved => {
            phrases.add(Part::Thanks);
            feeling(talk, mood, phrases)
        }
        Act::Reacts => {
            phrases.add(Part::Unsolved);
            feeling(talk, mood, phrases)
        }
        Act::Closes => {
            phrases.add(Part::Goodbyes);
            false
        }
        _ => {
            phrases.add(Part::Links).add(Part::FollowUps);
            if phrases.dice.chance(0.3) {
                phrases.add(Part::Endings);
            }
            feeling(talk, mood, phrases)
        }
    };
    (phrases.said(), shows)
}

/// A mood shows in words, often, and not always.
fn feeling(talk: &Talk<'_>, mood: f64, phrases: &mut Phrases<'_>) -> bool {
    let part = match mood {
        mood if mood <= -1.25 => Part::Furious,
        mood if mood <= -0.6 => Part::Annoyed,
        mood if mood <= -0.2 => Part::Worried,
        mood if mood >= 0.8 => Part::Pleased,
        _ => return false,
    };
    // In writing people hold back a little more.
    let likely = (0.25 + 0.3 * mood.abs()) * if talk.noise > 0.0 { 1.0 } else { 0.85 };
    let shows = phrases.dice.chance(likely);
    if shows {
        phrases.add(part);
    }
    shows
}

fn agent(act: Act, solved: bool, phrases: &mut Phrases<'_>) -> Spoken {
    let part = match act {
        Act::Answers => {
            phrases.add(Part::Addresses).answer();
            if phrases.dice.chance(0.2) {
                phrases.stop().add(Part::Promises);
            }
            return phrases.finished();
        }
        Act::Greets => Part::Greetings,
        Act::Checks => Part::Checks,
        Act::Unsure if solved => Part::Promises,
        Act::Unsure => Part::Unsure,
        Act::Unrelated => Part::Unrelated,
        _ => Part::Closings,
    };
    phrases.add(part);
    phrases.finished()
}

fn bot(talk: &Talk<'_>, act: Act, phrases: &mut Phrases<'_>) -> Spoken {
    let part = match act {
        Act::BotShows => {
            phrases.add(Part::BotShows).plain(talk.shown_title);
            if talk.shows_answer {
                phrases.stop().answer();
            }
            return phrases.finished();
        }
        Act::Greets => Part::BotGreetings,
        Act::BotFails if talk.failing => Part::BotFails,
        Act::BotFails => Part::BotEmpty,
        _ => Part::BotHandOvers,
    };
    phrases.add(part);
    phrases.finished()
}
