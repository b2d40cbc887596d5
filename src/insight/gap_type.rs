//! What became of a request: answered, or which kind of gap. The first rule that holds, with its evidence.
//!
//! Invariants: pure; a failure of ours is never a gap; without any sign of use a request is `undetermined`, which is
//! counted and never ranked; the order of [`Outcome`] is the order of the rules. It matches nothing itself: match,
//! use and behaviour come in as plain values.

/// From this probability on a full search is taken to hold the answer.
pub const HOLDS_FROM: f64 = 0.7;
/// Below this probability nothing in the base comes near.
pub const NOTHING_BELOW: f64 = 0.3;
/// Judgements that each side needs before acceptance is said to have fallen.
pub const LEAST_JUDGED: u32 = 10;
/// Agents' answers of the last 14 days that have to contradict an article.
pub const LEAST_CONTRADICTIONS: u32 = 3;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Our search, model or bot failed or timed out.
    SystemFailure,
    /// Nothing that this business answers.
    OutOfScope,
    /// Accepted, or shown and no person and no repeat within 7 days.
    Answered,
    /// Two articles disagree or say the same twice.
    Conflict,
    /// The article's time is over, or people stopped to accept it, or agents say otherwise.
    Outdated,
    /// The article was shown, then a person was needed.
    Rejected,
    /// The base has the answer and it was not shown.
    NotFound,
    /// The base has no answer.
    NoContent,
    /// Nothing is known of what happened.
    Undetermined,
}

impl Outcome {
    /// The word in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SystemFailure => "system_failure",
            Self::OutOfScope => "out_of_scope",
            Self::Answered => "answered",
            Self::Conflict => "conflict",
            Self::Outdated => "outdated",
            Self::Rejected => "rejected",
            Self::NotFound => "not_found",
            Self::NoContent => "no_content",
            Self::Undetermined => "undetermined",
        }
    }

    /// Whether it is a gap of the knowledge base.
    #[must_use]
    pub const fn is_gap(self) -> bool {
        matches!(
            self,
            Self::Conflict | Self::Outdated | Self::Rejected | Self::NotFound | Self::NoContent
        )
    }
}

/// Accepted of judged uses of an article, before and since a date.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// Accepted before.
    pub before: u32,
    /// Judged before.
    pub judged_before: u32,
    /// Accepted since.
    pub since: u32,
    /// Judged since.
    pub judged_since: u32,
}

impl Acceptance {
    /// Whether acceptance fell by half or more, with enough judgements on both sides.
    #[must_use]
    pub fn has_fallen(self) -> bool {
        let enough = self.judged_before >= LEAST_JUDGED && self.judged_since >= LEAST_JUDGED;
        let (before, since) = (u64::from(self.before), u64::from(self.since));
        enough
            && before > 0
            && 2 * since * u64::from(self.judged_before) <= before * u64::from(self.judged_since)
    }
}

/// What is known of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact of the evidence"
)]
pub struct Evidence {
    /// Search, model or bot failed or timed out while it was handled.
    pub has_failed: bool,
    /// The topic is marked as not of this business.
    pub is_out_of_scope: bool,
    /// An article was searched for, by bot, agent or customer.
    pub was_searched: bool,
    /// An article was shown or clicked.
    pub was_shown: bool,
    /// The article was accepted.
    pub was_accepted: bool,
    /// The article was rejected.
    pub was_rejected: bool,
    /// A bot was asked.
    pub asked_bot: bool,
    /// A person handled it.
    pub reached_person: bool,
    /// The customer came again with it within 7 days; `None` while these days are not over.
    pub came_again: Option<bool>,
    /// The best two articles disagree or duplicate each other.
    pub is_in_conflict: bool,
    /// The article that was shown, or else matched, was not valid then.
    pub was_invalid: bool,
    /// Acceptance of that article.
    pub acceptance: Acceptance,
    /// Agents' answers of the last 14 days that contradict it.
    pub contradictions: u32,
    /// P(answered) of the best article in a full search over the whole base.
    pub p_full_search: f64,
    /// Whether that article was among those shown.
    pub best_was_shown: bool,
}

impl Evidence {
    /// The outcome: the first rule that holds.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let is_settled = !self.reached_person && self.came_again == Some(false);
        let is_old = self.acceptance.has_fallen() || self.contradictions >= LEAST_CONTRADICTIONS;
        let matches_something = self.was_shown || self.p_full_search >= NOTHING_BELOW;
        let is_unhelped = self.reached_person || self.was_rejected || self.came_again == Some(true);
        if self.has_failed {
            Outcome::SystemFailure
        } else if self.is_out_of_scope {
            Outcome::OutOfScope
        } else if self.was_accepted || (self.was_shown && is_settled && !self.was_rejected) {
            Outcome::Answered
        } else if !self.has_use() {
            Outcome::Undetermined
        } else if self.is_in_conflict && matches_something {
            Outcome::Conflict
        } else if self.was_invalid || (is_old && matches_something) {
            Outcome::Outdated
        } else if self.was_shown && is_unhelped {
            Outcome::Rejected
        } else if self.p_full_search >= HOLDS_FROM && !self.best_was_shown {
            Outcome::NotFound
        } else if !self.was_shown && is_unhelped {
            Outcome::NoContent
        } else {
            Outcome::Undetermined
        }
    }

    /// Whether anything shows that somebody looked for an answer: who went to a person at once never met the base.
    fn has_use(&self) -> bool {
        let by_bot = self.asked_bot && self.reached_person;
        self.was_searched || self.was_shown || self.was_rejected || by_bot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: Evidence = Evidence {
        has_failed: false,
        is_out_of_scope: false,
        was_searched: true,
        was_shown: true,
        was_accepted: false,
        was_rejected: false,
        asked_bot: true,
        reached_person: false,
        came_again: Some(false),
        is_in_conflict: false,
        was_invalid: false,
        acceptance: Acceptance {
            before: 0,
            judged_before: 0,
            since: 0,
            judged_since: 0,
        },
        contradictions: 0,
        p_full_search: 0.8,
        best_was_shown: true,
    };

    #[test]
    fn each_rule_has_its_case() {
        let with = |base: Evidence, change: fn(&mut Evidence)| {
            let mut evidence = base;
            change(&mut evidence);
            evidence
        };
        let person = with(SHOWN, |e| e.reached_person = true);
        let unseen = with(person, |e| (e.was_shown, e.best_was_shown) = (false, false));
        let nothing = Evidence::default();
        let cases = [
            (
                with(person, |e| e.has_failed = true),
                Outcome::SystemFailure,
            ),
            (
                with(person, |e| e.is_out_of_scope = true),
                Outcome::OutOfScope,
            ),
            (SHOWN, Outcome::Answered),
            (with(person, |e| e.was_accepted = true), Outcome::Answered),
            (with(person, |e| e.is_in_conflict = true), Outcome::Conflict),
            (with(person, |e| e.was_invalid = true), Outcome::Outdated),
            (with(person, |e| e.contradictions = 3), Outcome::Outdated),
            (person, Outcome::Rejected),
            (unseen, Outcome::NotFound),
            (with(unseen, |e| e.p_full_search = 0.1), Outcome::NoContent),
            (with(SHOWN, |e| e.came_again = None), Outcome::Undetermined),
            (
                with(nothing, |e| e.p_full_search = 0.9),
                Outcome::Undetermined,
            ),
        ];
        for (evidence, wanted) in cases {
            assert_eq!(evidence.outcome(), wanted, "{evidence:?}");
        }
    }

    #[test]
    fn failures_and_unknowns_are_no_gaps() {
        for outcome in [
            Outcome::SystemFailure,
            Outcome::OutOfScope,
            Outcome::Answered,
            Outcome::Undetermined,
        ] {
            assert!(!outcome.is_gap(), "{outcome:?}");
        }
        assert!(Outcome::NoContent.is_gap() && Outcome::NotFound.is_gap());
    }

    #[test]
    fn acceptance_needs_judgements_on_both_sides() {
        let fallen = Acceptance {
            before: 30,
            judged_before: 40,
            since: 7,
            judged_since: 20,
        };
        assert!(fallen.has_fallen());
        assert!(!Acceptance { since: 8, ..fallen }.has_fallen());
        assert!(
            !Acceptance {
                judged_since: 9,
                since: 0,
                ..fallen
            }
            .has_fallen()
        );
    }
}
