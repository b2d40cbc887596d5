//! How urgent a waiting contact is: a weighted score of value, behaviour and emotion, ageing, and what stands apart.
//!
//! Score = weights x parts + ageing x wait / target. Boosts for VIPs and repeated contacts are added to it but told
//! apart; an emergency is a tier of its own that no score reaches. Invariants: parts lie in 0..=1; among contacts
//! without an emergency everybody has a bounded wait, since ageing overtakes every score ([`Weights::bound`]).

use std::cmp::Ordering;

/// How much each part counts, under a name that answers carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Which weights these are.
    pub id: String,
    /// Of the customer's value.
    pub value: f64,
    /// Of the customer's behaviour: contacts again, channels tried, effort so far.
    pub behaviour: f64,
    /// Of negative emotion.
    pub emotion: f64,
    /// Added for each target wait that has passed.
    pub ageing: f64,
    /// Added for a VIP.
    pub vip_boost: f64,
    /// Added for who comes again about the same matter.
    pub repeat_boost: f64,
}

/// The weights without others.
pub const DEFAULT_ID: &str = "default@1";

impl Default for Weights {
    fn default() -> Self {
        Self {
            id: DEFAULT_ID.to_owned(),
            value: 0.5,
            behaviour: 0.3,
            emotion: 0.2,
            ageing: 0.5,
            vip_boost: 0.25,
            repeat_boost: 0.1,
        }
    }
}

impl Weights {
    /// After so many target waits a contact stands before every newcomer that is no emergency; `None` without ageing.
    #[must_use]
    pub fn bound(&self) -> Option<f64> {
        let most = self.value + self.behaviour + self.emotion + self.vip_boost + self.repeat_boost;
        (self.ageing > 0.0).then(|| most / self.ageing)
    }
}

/// Which line a contact stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Payment failed, account locked: always first.
    Emergency,
    /// A VIP: boosted, but in one line with everybody.
    Vip,
    /// Everybody else.
    Usual,
}

impl Tier {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Vip => "vip",
            Self::Usual => "usual",
        }
    }
}

/// What is known of a waiting contact.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Urgency {
    /// The customer's value, 0 to 1.
    pub value: f64,
    /// Behaviour, 0 to 1.
    pub behaviour: f64,
    /// Intensity of negative emotion, 0 to 1.
    pub emotion: f64,
    /// Wait so far, ms.
    pub waited_ms: f64,
    /// The wait that is aimed at, ms.
    pub target_ms: f64,
    /// Whether it is an emergency.
    pub emergency: bool,
    /// Whether the customer is a VIP.
    pub vip: bool,
    /// Whether the customer comes again about the same matter.
    pub repeat: bool,
}

/// What a customer went through in the last week.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Week {
    /// Contacts.
    pub contacts: f64,
    /// Contacts that solved nothing.
    pub unsolved: f64,
    /// Queues given up.
    pub abandoned: f64,
    /// Different channels.
    pub channels: f64,
    /// Cases that are open.
    pub open_cases: f64,
}

/// The effort that a customer has made already, 0 to 1: each thing that happened brings it nearer to 1, an unsolved
/// contact most.
#[must_use]
pub fn behaviour(week: &Week) -> f64 {
    let switches = (week.channels - 1.0).max(0.0);
    let effort = 0.15 * week.contacts
        + 0.35 * week.unsolved
        + 0.3 * week.abandoned
        + 0.15 * switches
        + 0.25 * week.open_cases;
    1.0 - (-effort.max(0.0)).exp()
}

/// A score with what it is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Priority {
    /// The line.
    pub tier: Tier,
    /// Everything added up.
    pub score: f64,
    /// The weighted parts alone.
    pub base: f64,
    /// Weight times value.
    pub value: f64,
    /// Weight times behaviour.
    pub behaviour: f64,
    /// Weight times emotion.
    pub emotion: f64,
    /// What the wait adds.
    pub ageing: f64,
    /// What being a VIP adds.
    pub vip_boost: f64,
    /// What coming again adds.
    pub repeat_boost: f64,
    /// Wait so far, ms: decides among equals.
    pub waited_ms: f64,
}

/// How urgent a contact is.
#[must_use]
pub fn priority(weights: &Weights, contact: &Urgency) -> Priority {
    let part = |weight: f64, part: f64| weight * part.clamp(0.0, 1.0);
    let value = part(weights.value, contact.value);
    let behaviour = part(weights.behaviour, contact.behaviour);
    let emotion = part(weights.emotion, contact.emotion);
    let base = value + behaviour + emotion;
    let waited_ms = contact.waited_ms.max(0.0);
    let ageing = if contact.target_ms > 0.0 {
        weights.ageing * waited_ms / contact.target_ms
    } else {
        0.0
    };
    let boost = |is: bool, boost: f64| if is { boost } else { 0.0 };
    let vip_boost = boost(contact.vip, weights.vip_boost);
    let repeat_boost = boost(contact.repeat, weights.repeat_boost);
    Priority {
        tier: match (contact.emergency, contact.vip) {
            (true, _) => Tier::Emergency,
            (false, true) => Tier::Vip,
            (false, false) => Tier::Usual,
        },
        score: base + ageing + vip_boost + repeat_boost,
        base,
        value,
        behaviour,
        emotion,
        ageing,
        vip_boost,
        repeat_boost,
        waited_ms,
    }
}

impl Priority {
    /// Who is served first comes first: emergencies, then by score, among equals who waits longest.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        let calm = |priority: &Self| priority.tier != Tier::Emergency;
        calm(self)
            .cmp(&calm(other))
            .then_with(|| other.score.total_cmp(&self.score))
            .then_with(|| other.waited_ms.total_cmp(&self.waited_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Urgency = Urgency {
        value: 0.0,
        behaviour: 0.0,
        emotion: 0.0,
        waited_ms: 0.0,
        target_ms: 20_000.0,
        emergency: false,
        vip: false,
        repeat: false,
    };

    #[test]
    fn the_score_is_the_weighted_sum_of_its_parts() {
        let contact = Urgency {
            value: 0.8,
            behaviour: 0.5,
            emotion: 1.0,
            ..CALM
        };
        let found = priority(&Weights::default(), &contact);
        assert!((found.base - (0.4 + 0.15 + 0.2)).abs() < 1e-12);
        assert_eq!(found.score, found.base);
        assert_eq!(found.tier, Tier::Usual);
        // Parts beyond their range count as its end.
        let beyond = priority(
            &Weights::default(),
            &Urgency {
                value: 7.0,
                emotion: -3.0,
                ..contact
            },
        );
        assert!((beyond.base - 0.65).abs() < 1e-12);
    }

    #[test]
    fn effort_grows_towards_one() {
        let mut week = Week::default();
        assert_eq!(behaviour(&week), 0.0);
        let mut before = 0.0;
        for n in 1..20 {
            week.contacts = f64::from(n);
            week.unsolved = f64::from(n / 2);
            let now = behaviour(&week);
            assert!(now > before && now < 1.0);
            before = now;
        }
    }

    #[test]
    fn who_waits_longer_than_the_bound_stands_before_every_newcomer() {
        let weights = Weights::default();
        let bound = weights.bound().unwrap_or(0.0);
        let newcomer = Urgency {
            value: 1.0,
            behaviour: 1.0,
            emotion: 1.0,
            vip: true,
            repeat: true,
            ..CALM
        };
        let waiting = |targets: f64| Urgency {
            waited_ms: targets * CALM.target_ms,
            ..CALM
        };
        let newcomer = priority(&weights, &newcomer);
        let long = priority(&weights, &waiting(bound * 1.001));
        let short = priority(&weights, &waiting(bound * 0.999));
        assert_eq!(long.order(&newcomer), Ordering::Less);
        assert_eq!(short.order(&newcomer), Ordering::Greater);
        let emergency = Urgency {
            emergency: true,
            ..CALM
        };
        assert_eq!(priority(&weights, &emergency).order(&long), Ordering::Less);
    }
}
