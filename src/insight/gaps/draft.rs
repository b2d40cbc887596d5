//! Material for an answer: the best that people have said to the same question, word for word and with its source.
//!
//! What many agents say to this question and seldom to others is its answer: greetings and checks are said
//! everywhere, mistakes are said once. A turn scores the sum of how telling its parts are (log of their lift in this gap
//! over all answers) times how many interactions of the gap have them, over the root of its length; turns of interactions
//! that ended resolved, without a repeat, count double. Invariants: extracts are stored turns, never changed; two
//! extracts differ in words or in a figure; ties go to the earlier turn.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::case::Case;
use super::saying::Saying;

/// Extracts of a gap at most.
pub const MOST: usize = 3;
/// Cases of a gap that are read at most.
const READ: usize = 400;
/// Two turns that have this much in common, with the same figures, say the same.
const SAME: f64 = 0.75;
/// Shorter turns answer nothing, parts.
const LEAST_PARTS: usize = 4;

/// Words of an agent that may answer a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extract {
    /// What was said, redacted.
    pub text: String,
    /// Where.
    pub interaction_id: String,
    /// Which turn.
    pub turn_id: String,
    /// Who said it.
    pub agent_id: Option<String>,
    /// When the request was made, microseconds UTC.
    pub at_us: i64,
    /// Interactions of the gap in which an agent said about the same.
    pub said_in: u32,
    /// How far it stands out, comparable within a gap.
    pub score: f64,
}

/// How often parts are said in answers to anything.
#[derive(Debug, Clone, Default)]
pub struct Usual {
    of: BTreeMap<u64, u32>,
    turns: u32,
}

impl Usual {
    /// Counts the agents' turns of all cases.
    #[must_use]
    pub fn of(cases: &[Case]) -> Self {
        let mut usual = Self::default();
        for turn in cases.iter().flat_map(|case| &case.answers) {
            usual.turns += 1;
            for part in Saying::of(&turn.text).parts {
                *usual.of.entry(part).or_default() += 1;
            }
        }
        usual
    }

    /// Share of turns that have a part, with half a turn for the unseen.
    fn share(&self, part: u64) -> f64 {
        let count = f64::from(self.of.get(&part).copied().unwrap_or(0));
        (count + 0.5) / (f64::from(self.turns) + 1.0)
    }
}

struct Turn<'c> {
    case: &'c Case,
    place: usize,
    saying: Saying,
    helped: bool,
}

/// The best extracts for the cases of a gap, best first.
#[must_use]
pub fn extracts(cases: &[&Case], usual: &Usual) -> Vec<Extract> {
    let step = cases.len().div_ceil(READ).max(1);
    let turns: Vec<Turn<'_>> = cases
        .iter()
        .step_by(step)
        .flat_map(|case| turns_of(case))
        .collect();
    let interactions: BTreeSet<&str> = turns
        .iter()
        .map(|turn| &*turn.case.interaction_id)
        .collect();
    let all = interactions.len() as f64;
    let mut heard: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    for turn in &turns {
        for part in &turn.saying.parts {
            heard
                .entry(*part)
                .or_default()
                .insert(&turn.case.interaction_id);
        }
    }
    let telling: BTreeMap<u64, f64> = heard
        .iter()
        .map(|(part, said)| {
            let share = said.len() as f64 / all.max(1.0);
            let lift = (share / usual.share(*part)).ln().max(0.0);
            // What one agent said once is his own.
            let backed = if said.len() > 1 || all < 3.0 {
                share
            } else {
                0.0
            };
            (*part, lift * backed)
        })
        .collect();
    let mut scored: Vec<(f64, usize)> = turns
        .iter()
        .enumerate()
        .map(|(place, turn)| {
            let sum: f64 = turn
                .saying
                .parts
                .iter()
                .filter_map(|part| telling.get(part))
                .sum();
            let length = (turn.saying.parts.len() as f64).sqrt();
            let weight = if turn.helped { 2.0 } else { 1.0 };
            (weight * sum / length, place)
        })
        .filter(|(score, _)| *score > 0.0)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    chosen(&scored, &turns)
}

fn turns_of<'c>(case: &'c Case) -> impl Iterator<Item = Turn<'c>> {
    let helped = case.resolved != Some(false) && case.came_again != Some(true) && !case.is_negative;
    case.answers
        .iter()
        .enumerate()
        .filter_map(move |(place, turn)| {
            let saying = Saying::of(&turn.text);
            (saying.parts.len() >= LEAST_PARTS).then_some(Turn {
                case,
                place,
                saying,
                helped,
            })
        })
}

fn chosen(scored: &[(f64, usize)], turns: &[Turn<'_>]) -> Vec<Extract> {
    let mut found: Vec<(usize, Extract)> = Vec::new();
    for (score, place) in scored {
        if found.len() >= MOST {
            break;
        }
        let Some(turn) = turns.get(*place) else {
            continue;
        };
        let same = |other: &Turn<'_>| {
            turn.saying.likeness(&other.saying) >= SAME
                && turn.saying.figures == other.saying.figures
        };
        if found.iter().any(|(at, _)| turns.get(*at).is_some_and(same)) {
            continue;
        }
        let Some(said) = turn.case.answers.get(turn.place) else {
            continue;
        };
        let alike: BTreeSet<&str> = turns
            .iter()
            .filter(|other| same(other))
            .map(|other| &*other.case.interaction_id)
            .collect();
        let extract = Extract {
            text: said.text.clone(),
            interaction_id: turn.case.interaction_id.clone(),
            turn_id: said.turn_id.clone(),
            agent_id: said.agent.clone(),
            at_us: turn.case.at_us,
            said_in: u32::try_from(alike.len()).unwrap_or(u32::MAX),
            score: *score,
        };
        found.push((*place, extract));
    }
    found.into_iter().map(|(_, extract)| extract).collect()
}

#[cfg(test)]
mod tests {
    use super::super::case::AgentTurn;
    use super::*;

    fn case(id: usize, said: &[&str]) -> Case {
        Case {
            request_id: format!("r{id}"),
            interaction_id: format!("i{id}"),
            answers: said
                .iter()
                .enumerate()
                .map(|(place, text)| AgentTurn {
                    turn_id: format!("t{place}"),
                    agent: Some(format!("a{id}")),
                    text: (*text).to_owned(),
                })
                .collect(),
            ..Case::default()
        }
    }

    #[test]
    fn the_answer_stands_out_of_what_is_said_everywhere() {
        let greet = "您好，很高兴为您服务，请问有什么可以帮您";
        let check = "麻烦您提供一下手机号码，我这边帮您核实一下";
        let answer = "电子发票可以在订单详情页的右上角申请，24小时内发到邮箱";
        let gap: Vec<Case> = (0..6)
            .map(|id| {
                case(
                    id,
                    &[
                        greet,
                        check,
                        if id == 5 {
                            "这个我也不太清楚，帮您转接"
                        } else {
                            answer
                        },
                    ],
                )
            })
            .collect();
        let other: Vec<Case> = (6..40)
            .map(|id| {
                case(
                    id,
                    &[
                        greet,
                        check,
                        "密码可以在设置里修改",
                        "这个我也不太清楚，帮您转接",
                    ],
                )
            })
            .collect();
        let all: Vec<Case> = gap.iter().chain(&other).cloned().collect();
        let usual = Usual::of(&all);
        let members: Vec<&Case> = gap.iter().collect();
        let found = extracts(&members, &usual);
        assert_eq!(found[0].text, answer);
        assert_eq!((found[0].said_in, found[0].turn_id.as_str()), (5, "t2"));
        assert!(found.len() <= MOST && extracts(&[], &usual).is_empty());
    }
}
