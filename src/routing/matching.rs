//! Which agent fits which contact, and who is taken: one agent for an arrival, one contact for a freed agent, or
//! many for many at once.
//!
//! The fit of a pair is 0 to 1: expected skill (level x probability of each topic), complexity against seniority,
//! and load. Language, queue and free capacity are conditions. Among equals the agent who has been idle longest is
//! taken. Invariants: a pair that breaks a condition is never made; the answer does not depend on the order of the
//! lists but for complete equals, of which the first is taken.

use super::assignment::assign;
use super::priority::{Priority, Tier};

/// How much each side of a fit counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitWeights {
    /// Of the expected skill.
    pub skill: f64,
    /// Of complexity against seniority.
    pub complexity: f64,
    /// Of a light load.
    pub load: f64,
    /// Of the fit against the urgency, when contacts compete.
    pub fit: f64,
    /// Fits closer than this are equals.
    pub equal: f64,
}

impl Default for FitWeights {
    fn default() -> Self {
        Self {
            skill: 0.7,
            complexity: 0.2,
            load: 0.1,
            fit: 1.0,
            equal: 0.005,
        }
    }
}

/// What a topic, a queue and a language are here: numbers that the caller gives to names.
pub type Name = u32;

/// An agent who may be taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Agent {
    /// Level by topic, 0 to 1, by [`Name`]; a topic beyond the end or with a negative level is unknown.
    pub levels: Vec<f32>,
    /// Languages; empty when they are not known, which fits all.
    pub languages: Vec<Name>,
    /// Queues; empty when all are served.
    pub queues: Vec<Name>,
    /// Experience, 0 to 1.
    pub seniority: f64,
    /// Contacts now.
    pub load: u32,
    /// Contacts at most.
    pub capacity: u32,
    /// Idle so long, ms.
    pub idle_ms: f64,
}

/// A contact who waits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contact {
    /// What it may be about, with probabilities.
    pub topics: Vec<(Name, f32)>,
    /// Its language, when known.
    pub language: Option<Name>,
    /// Its queue, when it has one.
    pub queue: Option<Name>,
    /// How complex it is, 0 to 1; `None` when nobody knows.
    pub complexity: Option<f64>,
    /// How urgent it is; 0 without competition.
    pub urgency: f64,
    /// Whether it goes before all that are none.
    pub emergency: bool,
}

impl Contact {
    /// With the urgency of `priority`.
    #[must_use]
    pub fn with_priority(mut self, priority: &Priority) -> Self {
        self.urgency = priority.score;
        self.emergency = priority.tier == Tier::Emergency;
        self
    }
}

/// Level of a topic that nothing is known of.
const UNKNOWN_LEVEL: f64 = 0.3;
/// An emergency is worth more than any sum of urgency and fit.
const EMERGENCY: f64 = 1e5;
/// No urgency counts more, so that emergencies stay first.
const MOST_URGENT: f64 = 1e4;
/// A senior on a simple matter is a waste, but not as bad as a beginner on a hard one.
const WASTE: f64 = 0.3;

/// How well a pair fits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fit {
    /// Everything, 0 to 1.
    pub fit: f64,
    /// Expected skill: sum of probability x level.
    pub skill: f64,
    /// 1 when seniority is as the complexity asks.
    pub complexity: f64,
    /// 1 without load.
    pub load: f64,
}

/// How well the pair fits; `None` when a condition forbids it.
#[must_use]
pub fn fit(weights: &FitWeights, contact: &Contact, agent: &Agent) -> Option<Fit> {
    let has = |list: &[Name], wanted: Option<Name>| {
        wanted.is_none_or(|wanted| list.is_empty() || list.contains(&wanted))
    };
    if agent.load >= agent.capacity
        || !has(&agent.languages, contact.language)
        || !has(&agent.queues, contact.queue)
    {
        return None;
    }
    let skill = expected_skill(contact, agent);
    let seniority = agent.seniority.clamp(0.0, 1.0);
    let complexity = contact.complexity.map_or(1.0, |wanted| {
        let wanted = wanted.clamp(0.0, 1.0);
        1.0 - (wanted - seniority).max(0.0) - WASTE * (seniority - wanted).max(0.0)
    });
    let load = 1.0 - f64::from(agent.load) / f64::from(agent.capacity.max(1));
    let all = weights.skill + weights.complexity + weights.load;
    let sum = weights.skill * skill + weights.complexity * complexity + weights.load * load;
    Some(Fit {
        fit: if all > 0.0 { sum / all } else { 0.0 },
        skill,
        complexity,
        load,
    })
}

fn expected_skill(contact: &Contact, agent: &Agent) -> f64 {
    let (mut sum, mut mass) = (0.0, 0.0);
    for (topic, probability) in &contact.topics {
        let probability = f64::from(*probability);
        let level = agent.levels.get(*topic as usize).copied();
        let level = level
            .filter(|level| *level >= 0.0)
            .map_or(UNKNOWN_LEVEL, f64::from);
        sum += probability * level;
        mass += probability;
    }
    // What the probabilities leave open may be anything.
    sum + (1.0 - mass).max(0.0) * UNKNOWN_LEVEL
}

/// The best agent for an arrival, with the fit; among equals the one who is idle longest.
#[must_use]
pub fn best_agent(
    weights: &FitWeights,
    contact: &Contact,
    agents: &[Agent],
) -> Option<(usize, Fit)> {
    let fits = || {
        let agents = agents.iter().enumerate();
        agents.filter_map(|(index, agent)| {
            Some((index, agent.idle_ms, fit(weights, contact, agent)?))
        })
    };
    let greatest = fits()
        .map(|(_, _, fit)| fit.fit)
        .fold(f64::NEG_INFINITY, f64::max);
    let mut best: Option<(usize, f64, Fit)> = None;
    for (index, idle_ms, fit) in fits().filter(|(_, _, fit)| fit.fit >= greatest - weights.equal) {
        if best.is_none_or(|(_, held_ms, _)| idle_ms > held_ms) {
            best = Some((index, idle_ms, fit));
        }
    }
    best.map(|(index, _, fit)| (index, fit))
}

/// The best waiting contact for a freed agent, with the fit: emergencies first, then urgency and fit together.
#[must_use]
pub fn best_contact(
    weights: &FitWeights,
    agent: &Agent,
    contacts: &[Contact],
) -> Option<(usize, Fit)> {
    let mut best: Option<(usize, Fit, f64)> = None;
    for (index, contact) in contacts.iter().enumerate() {
        let Some(found) = fit(weights, contact, agent) else {
            continue;
        };
        let worth = worth(weights, contact, &found);
        if best.is_none_or(|(_, _, held)| worth > held) {
            best = Some((index, found, worth));
        }
    }
    best.map(|(index, fit, _)| (index, fit))
}

fn worth(weights: &FitWeights, contact: &Contact, fit: &Fit) -> f64 {
    let emergency = if contact.emergency { EMERGENCY } else { 0.0 };
    emergency + contact.urgency.clamp(0.0, MOST_URGENT) + weights.fit * fit.fit
}

/// Contacts beyond this many times the free agents can't be among the served unless they are most urgent.
const CROWD: usize = 4;

/// The best pairing of contacts with agents, one each: the agent of each contact with the fit.
///
/// Served are the contacts, and by those agents, that make the sum of urgency and fit greatest.
#[must_use]
pub fn best_pairs(
    weights: &FitWeights,
    contacts: &[Contact],
    agents: &[Agent],
) -> Vec<Option<(usize, Fit)>> {
    // What idle time adds is less than what makes a difference.
    let longest = agents.iter().map(|agent| agent.idle_ms).fold(0.0, f64::max);
    let idle = |agent: &Agent| {
        if longest > 0.0 {
            weights.equal * agent.idle_ms.max(0.0) / longest
        } else {
            0.0
        }
    };
    let gain = |contact: &Contact, agent: &Agent| {
        let found = fit(weights, contact, agent)?;
        Some(worth(weights, contact, &found) + idle(agent))
    };
    let chosen = if contacts.len() > CROWD * agents.len() {
        candidates(contacts, agents, &gain)
    } else {
        (0..contacts.len()).collect()
    };
    let pairs = assign(chosen.len(), agents.len(), |row, column| {
        let contact = chosen.get(row).and_then(|index| contacts.get(*index))?;
        gain(contact, agents.get(column)?)
    });
    let mut found = vec![None; contacts.len()];
    for (index, column) in chosen.into_iter().zip(pairs) {
        let Some(column) = column else { continue };
        let (Some(contact), Some(agent)) = (contacts.get(index), agents.get(column)) else {
            continue;
        };
        if let Some(slot) = found.get_mut(index) {
            *slot = fit(weights, contact, agent).map(|fit| (column, fit));
        }
    }
    found
}

/// The contacts that a best pairing can hold: each agent needs only as many of the best for it as there are agents,
/// since the others can take at most all but one of these.
fn candidates(
    contacts: &[Contact],
    agents: &[Agent],
    gain: &impl Fn(&Contact, &Agent) -> Option<f64>,
) -> Vec<usize> {
    let mut kept = vec![false; contacts.len()];
    let mut gains: Vec<(f64, usize)> = Vec::with_capacity(contacts.len());
    for agent in agents {
        gains.clear();
        let worths = contacts.iter().enumerate();
        gains.extend(worths.filter_map(|(index, contact)| Some((gain(contact, agent)?, index))));
        let order = |a: &(f64, usize), b: &(f64, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if gains.len() > agents.len() {
            gains.select_nth_unstable_by(agents.len() - 1, order);
            gains.truncate(agents.len());
        }
        for (_, index) in &gains {
            if let Some(slot) = kept.get_mut(*index) {
                *slot = true;
            }
        }
    }
    let indices = kept.into_iter().enumerate();
    indices
        .filter_map(|(index, is)| is.then_some(index))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::topics::random::Random;

    fn agent(levels: &[f32]) -> Agent {
        Agent {
            levels: levels.to_vec(),
            seniority: 0.5,
            capacity: 1,
            ..Agent::default()
        }
    }

    fn about(topic: Name) -> Contact {
        Contact {
            topics: vec![(topic, 1.0)],
            ..Contact::default()
        }
    }

    const WEIGHTS: fn() -> FitWeights = FitWeights::default;

    #[test]
    fn the_skilled_agent_is_taken_and_among_equals_who_is_idle_longest() {
        let mut agents = vec![agent(&[0.9, 0.1]), agent(&[0.2, 0.9]), agent(&[0.9, 0.2])];
        agents[2].idle_ms = 5_000.0;
        let taken = |contact: &Contact, agents: &[Agent]| {
            best_agent(&WEIGHTS(), contact, agents).map(|(index, _)| index)
        };
        assert_eq!(taken(&about(0), &agents), Some(2));
        assert_eq!(taken(&about(1), &agents), Some(1));
        agents.swap(0, 2);
        assert_eq!(taken(&about(0), &agents), Some(0));
        // A mix of topics is served by who is good at the mix.
        let mix = Contact {
            topics: vec![(0, 0.3), (1, 0.7)],
            ..Contact::default()
        };
        assert_eq!(taken(&mix, &agents), Some(1));
    }

    #[test]
    fn conditions_hold_and_hard_matters_go_to_seniors() {
        let mut agents = vec![agent(&[0.8]), agent(&[0.7])];
        agents[0].languages = vec![1];
        let english = Contact {
            language: Some(2),
            ..about(0)
        };
        let taken = |contact: &Contact, agents: &[Agent]| {
            best_agent(&WEIGHTS(), contact, agents).map(|(index, _)| index)
        };
        assert_eq!(taken(&english, &agents), Some(1));
        agents[1].load = 1;
        assert_eq!(taken(&english, &agents), None);
        let mut agents = vec![agent(&[0.6]), agent(&[0.6])];
        agents[0].seniority = 0.1;
        agents[1].seniority = 0.9;
        let of = |complexity: f64| Contact {
            complexity: Some(complexity),
            ..about(0)
        };
        assert_eq!(taken(&of(0.9), &agents), Some(1));
        assert_eq!(taken(&of(0.1), &agents), Some(0));
    }

    #[test]
    fn a_freed_agent_takes_emergencies_then_what_is_urgent_and_fits() {
        let freed = agent(&[0.9, 0.1]);
        let mut contacts = vec![about(1), about(0), about(1)];
        contacts[0].urgency = 0.4;
        contacts[1].urgency = 0.3;
        let taken = |contacts: &[Contact]| {
            best_contact(&WEIGHTS(), &freed, contacts).map(|(index, _)| index)
        };
        assert_eq!(taken(&contacts), Some(1));
        contacts[0].urgency = 2.0;
        assert_eq!(taken(&contacts), Some(0));
        contacts[2].emergency = true;
        assert_eq!(taken(&contacts), Some(2));
        assert_eq!(taken(&[]), None);
    }

    #[test]
    fn leaving_out_hopeless_contacts_changes_no_sum() {
        let mut random = Random::new(3);
        for _ in 0..40 {
            let agents: Vec<Agent> = (0..3)
                .map(|_| agent(&[random.unit() as f32, random.unit() as f32]))
                .collect();
            let contacts: Vec<Contact> = (0..30)
                .map(|_| Contact {
                    urgency: random.unit(),
                    ..about(random.below(2) as Name)
                })
                .collect();
            let weights = WEIGHTS();
            let sum = |pairs: &[Option<(usize, Fit)>]| -> f64 {
                let pairs = pairs.iter().zip(&contacts);
                pairs
                    .filter_map(|(pair, contact)| Some(worth(&weights, contact, &pair.as_ref()?.1)))
                    .sum()
            };
            let found = best_pairs(&weights, &contacts, &agents);
            assert_eq!(found.iter().flatten().count(), 3);
            let all = assign(30, 3, |row, column| {
                let fit = fit(&weights, &contacts[row], &agents[column])?;
                Some(worth(&weights, &contacts[row], &fit))
            });
            let all: Vec<Option<(usize, Fit)>> = all
                .into_iter()
                .enumerate()
                .map(|(row, column)| {
                    Some((column?, fit(&weights, &contacts[row], &agents[column?])?))
                })
                .collect();
            assert!((sum(&found) - sum(&all)).abs() < 1e-9);
        }
    }
}
