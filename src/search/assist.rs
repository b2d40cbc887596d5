//! What to do next in a conversation: answer, offer a choice, ask back, or call a person, and why.
//!
//! Invariants: pure; every decision names its reasons; a person is always one of them away (`asked_for_person`
//! escalates whatever else is known). Word lists are small and reviewed; they are no sentiment model, which the
//! caller may bring (`mood`).

use crate::enrich::normalise::for_matching;

/// From this probability on the first article is the answer.
pub const ANSWER_FROM: f64 = 0.7;
/// From this probability on the articles are offered for choice.
pub const OFFER_FROM: f64 = 0.4;
/// A mood below this is bad, -1 to 1.
const BAD_MOOD: f64 = -0.5;
/// As many contacts in a week speak for a person.
const REPEATED_CONTACTS: i64 = 3;

/// Why a person should take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The customer wants a person.
    AskedForPerson,
    /// Money may be lost: wrong, double or unknown charges, a transfer gone astray.
    Money,
    /// The account or card may be in the wrong hands.
    AccountSecurity,
    /// The customer complains or threatens to.
    Complaint,
    /// The customer is upset.
    BadMood,
    /// The knowledge base probably has no answer.
    LowProbability,
    /// The customer has come again and again, or has an open case.
    OpenIssue,
}

impl Reason {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AskedForPerson => "asked_for_person",
            Self::Money => "money",
            Self::AccountSecurity => "account_security",
            Self::Complaint => "complaint",
            Self::BadMood => "bad_mood",
            Self::LowProbability => "low_p_answered",
            Self::OpenIssue => "open_issue",
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Give the first article.
    Answer,
    /// Show the articles and let the customer choose.
    Offer,
    /// Ask what is meant.
    AskBack,
    /// Call a person.
    Escalate,
}

impl Step {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Offer => "offer_choice",
            Self::AskBack => "ask_back",
            Self::Escalate => "escalate",
        }
    }
}

/// What is known when the decision is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Situation<'a> {
    /// What the customer says.
    pub text: &'a str,
    /// How likely the first article answers.
    pub p_answered: f64,
    /// -1 to 1, when it is known.
    pub mood: Option<f64>,
    /// Contacts of the last 7 days.
    pub contacts: i64,
    /// Open cases.
    pub open_cases: i64,
    /// How often the bot has asked back already.
    pub asked_back: u32,
}

const WORDS: [(Reason, &[&str]); 4] = [
    (
        Reason::AskedForPerson,
        &[
            "转人工",
            "人工客服",
            "找人工",
            "人工服务",
            "要人工",
            "真人",
            "human",
            "real person",
            "speak to an agent",
            "talk to an agent",
            "representative",
            "live agent",
            "operator",
        ],
    ),
    (
        Reason::Money,
        &[
            "多扣",
            "乱扣",
            "重复扣",
            "扣了两次",
            "盗刷",
            "钱没了",
            "钱不见",
            "未到账",
            "没到账",
            "转错",
            "少了钱",
            "charged twice",
            "double charge",
            "wrong amount",
            "unauthorized charge",
            "unauthorised charge",
            "missing money",
            "don't recognise",
            "don't recognize",
            "wrong account",
        ],
    ),
    (
        Reason::AccountSecurity,
        &[
            "被盗",
            "盗号",
            "诈骗",
            "被骗",
            "异地登录",
            "不是我本人",
            "冒用",
            "身份证丢",
            "卡丢",
            "手机丢",
            "stolen",
            "hacked",
            "fraud",
            "phishing",
            "scam",
            "compromised",
            "someone else is using",
            "lost my card",
            "lost card",
        ],
    ),
    (
        Reason::Complaint,
        &[
            "投诉",
            "举报",
            "曝光",
            "消协",
            "银保监",
            "工信部",
            "12315",
            "12378",
            "律师",
            "起诉",
            "骗子",
            "垃圾",
            "complain",
            "complaint",
            "lawyer",
            "sue you",
            "ombudsman",
            "regulator",
            "unacceptable",
            "ridiculous",
        ],
    ),
];

/// Decides.
#[must_use]
pub fn decide(situation: &Situation<'_>) -> (Step, Vec<Reason>) {
    let normal = for_matching(situation.text);
    let mut reasons: Vec<Reason> = WORDS
        .iter()
        .filter(|(_, words)| words.iter().any(|word| normal.contains(word)))
        .map(|(reason, _)| *reason)
        .collect();
    if situation.mood.is_some_and(|mood| mood < BAD_MOOD) {
        reasons.push(Reason::BadMood);
    }
    // One of these alone is enough; the others only when the base does not help.
    let urgent = !reasons.is_empty();
    let is_low = situation.p_answered < OFFER_FROM;
    if is_low {
        reasons.push(Reason::LowProbability);
    }
    let returning = situation.contacts >= REPEATED_CONTACTS || situation.open_cases > 0;
    if returning && situation.p_answered < ANSWER_FROM {
        reasons.push(Reason::OpenIssue);
    }
    let step = if urgent || (is_low && (situation.asked_back > 0 || returning)) {
        Step::Escalate
    } else if situation.p_answered >= ANSWER_FROM {
        Step::Answer
    } else if is_low {
        Step::AskBack
    } else {
        Step::Offer
    };
    (step, reasons)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, p_answered: f64) -> (Step, Vec<Reason>) {
        let situation = Situation {
            text,
            p_answered,
            ..Situation::default()
        };
        decide(&situation)
    }

    #[test]
    fn what_the_base_knows_is_answered() {
        assert_eq!(of("怎么修改密码", 0.9), (Step::Answer, vec![]));
        assert_eq!(of("怎么修改密码", 0.5), (Step::Offer, vec![]));
        assert_eq!(
            of("那个东西", 0.1),
            (Step::AskBack, vec![Reason::LowProbability])
        );
    }

    #[test]
    fn people_are_called_with_a_reason() {
        for (text, reason) in [
            ("转人工", Reason::AskedForPerson),
            ("你们多扣了我两百", Reason::Money),
            ("My card was STOLEN", Reason::AccountSecurity),
            ("我要投诉", Reason::Complaint),
        ] {
            assert_eq!(of(text, 0.95), (Step::Escalate, vec![reason]), "{text}");
        }
        let mut upset = Situation {
            text: "嗯",
            p_answered: 0.9,
            mood: Some(-0.9),
            ..Situation::default()
        };
        assert_eq!(decide(&upset).0, Step::Escalate);
        upset.mood = None;
        (upset.p_answered, upset.asked_back) = (0.2, 1);
        assert_eq!(decide(&upset).0, Step::Escalate);
        (upset.asked_back, upset.open_cases) = (0, 1);
        assert_eq!(
            decide(&upset),
            (
                Step::Escalate,
                vec![Reason::LowProbability, Reason::OpenIssue]
            )
        );
    }
}
