//! The order of a phone menu for one customer, and whether the way to a person comes first.
//!
//! Options are ranked by how likely the customer wants each: what is open or happened lately counts most, then what
//! this customer came for before, then what everybody comes for. Invariants: every option of the list appears once;
//! probabilities add up to 1; the reason names what moved an option. Not here: the options themselves.

/// Something the customer came for.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// The option that it belongs to.
    pub option: usize,
    /// How long ago, days.
    pub age_days: f64,
    /// Whether it ended without a solution.
    pub unsolved: bool,
    /// Whether it is a case that is still open.
    pub open: bool,
}

/// Why an option stands where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A case of the customer is open.
    OpenCase,
    /// The customer's last matter of this kind was not solved.
    Unsolved,
    /// The customer comes for it often.
    Often,
    /// Everybody does.
    Usual,
}

impl Reason {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenCase => "open_case",
            Self::Unsolved => "unsolved_lately",
            Self::Often => "came_for_it_before",
            Self::Usual => "usual",
        }
    }
}

/// An option in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Which option.
    pub option: usize,
    /// How likely the customer wants it.
    pub probability: f64,
    /// What put it there.
    pub reason: Reason,
}

/// How many contacts of everybody weigh as one of the customer's own.
const PRIOR: f64 = 2.0;
/// A matter counts half after so many days.
const HALF_LIFE_DAYS: f64 = 30.0;
/// An open case counts as so many contacts, an unsolved one as so many more.
const OPEN: f64 = 6.0;
const UNSOLVED: f64 = 3.0;
/// An unsolved matter brings the customer back within days.
const UNSOLVED_HALF_LIFE_DAYS: f64 = 4.0;

/// The options, likeliest first. `usual` is how often everybody wants each option; equals keep their order.
#[must_use]
pub fn rank(usual: &[f64], past: &[Past]) -> Vec<Ranked> {
    let total: f64 = usual.iter().map(|share| share.max(0.0)).sum();
    let even = 1.0 / usual.len().max(1) as f64;
    let share = |share: f64| {
        if total > 0.0 {
            share.max(0.0) / total
        } else {
            even
        }
    };
    let mut sums: Vec<[f64; 4]> = usual
        .iter()
        .map(|of| [0.0, 0.0, 0.0, PRIOR * share(*of)])
        .collect();
    for past in past {
        let Some([open, unsolved, often, _]) = sums.get_mut(past.option) else {
            continue;
        };
        let age = past.age_days.max(0.0);
        if past.open {
            *open = OPEN;
        } else {
            *often += (-age / HALF_LIFE_DAYS).exp2();
            if past.unsolved {
                *unsolved += UNSOLVED * (-age / UNSOLVED_HALF_LIFE_DAYS).exp2();
            }
        }
    }
    let all: f64 = sums.iter().flatten().sum();
    let reasons = [
        Reason::OpenCase,
        Reason::Unsolved,
        Reason::Often,
        Reason::Usual,
    ];
    let mut ranked: Vec<Ranked> = sums
        .iter()
        .enumerate()
        .map(|(option, sums)| {
            let greatest = sums.iter().zip(reasons);
            let greatest = greatest.rev().max_by(|a, b| a.0.total_cmp(b.0));
            Ranked {
                option,
                probability: sums.iter().sum::<f64>() / all.max(f64::MIN_POSITIVE),
                reason: greatest.map_or(Reason::Usual, |(_, reason)| reason),
            }
        })
        .collect();
    ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    ranked
}

/// What speaks for a person at once.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mood {
    /// Intensity of negative emotion, 0 to 1.
    pub emotion: f64,
    /// Contacts of the last week that solved nothing.
    pub unsolved: u32,
    /// Queues given up in the last week.
    pub abandoned: u32,
    /// Whether the customer is about to leave.
    pub leaving: bool,
}

/// Why a person should come first; empty when the menu may.
#[must_use]
pub fn person_first(mood: &Mood) -> Vec<&'static str> {
    let signs = [
        (mood.emotion >= 0.5, "bad_mood"),
        (mood.unsolved >= 2, "unsolved_repeatedly"),
        (mood.abandoned >= 2, "gave_up_repeatedly"),
        (mood.leaving, "about_to_leave"),
    ];
    signs
        .into_iter()
        .filter_map(|(is, why)| is.then_some(why))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(option: usize, age_days: f64) -> Past {
        Past {
            option,
            age_days,
            unsolved: false,
            open: false,
        }
    }

    #[test]
    fn own_matters_come_before_what_is_usual() {
        let usual = [50.0, 30.0, 20.0];
        let order = |past: &[Past]| -> Vec<(usize, Reason)> {
            let ranked = rank(&usual, past);
            let sum: f64 = ranked.iter().map(|ranked| ranked.probability).sum();
            assert!((sum - 1.0).abs() < 1e-9);
            ranked.iter().map(|r| (r.option, r.reason)).collect()
        };
        assert_eq!(
            order(&[]),
            [(0, Reason::Usual), (1, Reason::Usual), (2, Reason::Usual)]
        );
        assert_eq!(order(&[past(2, 1.0), past(2, 9.0)])[0], (2, Reason::Often));
        let unsolved = Past {
            unsolved: true,
            ..past(1, 0.5)
        };
        assert_eq!(
            order(&[past(2, 1.0), past(2, 9.0), unsolved])[0],
            (1, Reason::Unsolved)
        );
        let open = Past {
            open: true,
            ..past(2, 20.0)
        };
        assert_eq!(order(&[past(0, 1.0), open])[0], (2, Reason::OpenCase));
        // Long ago is nearly nothing.
        assert_eq!(order(&[past(2, 300.0)])[0].0, 0);
    }

    #[test]
    fn who_is_upset_or_failed_again_gets_a_person() {
        assert!(person_first(&Mood::default()).is_empty());
        let mood = Mood {
            emotion: 0.8,
            unsolved: 2,
            ..Mood::default()
        };
        assert_eq!(person_first(&mood), ["bad_mood", "unsolved_repeatedly"]);
    }
}
