//! A rule as it was read and checked: what people wrote, as types.
//!
//! Invariants: a [`Rule`] made by [`Rule::read`] compiles; every name it refers to is one of its own conditions.
//! Not here: reading (`read`), matching (`compiled`, `judge`).

use crate::domain::{Channel, Speaker};

/// Most conditions of a rule.
pub const MAX_CONDITIONS: usize = 16;
/// Most words of one list.
pub const MAX_WORDS: usize = 500;
/// Longest word or phrase, characters.
pub const MAX_WORD_CHARS: usize = 100;
/// Longest regular expression, characters.
pub const MAX_PATTERN_CHARS: usize = 1_000;
/// Most steps of a script.
pub const MAX_STEPS: usize = 16;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// To be looked at.
    Warning,
    /// To be looked at now.
    Critical,
}

impl Severity {
    /// Every word, mildest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The word in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// How often a rule may hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// Once an interaction, when its expression has become true over all that was said.
    Interaction,
    /// At every turn for which its expression is true.
    Turn,
}

impl Per {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interaction => "interaction",
            Self::Turn => "turn",
        }
    }
}

/// What is said of a message that a rule hits before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// It may be sent.
    Allow,
    /// It may be sent after a second look.
    Warn,
    /// It may not be sent.
    Block,
}

impl Check {
    /// Every word, mildest first.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Warn, Self::Block];

    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Block => "block",
        }
    }
}

/// A checked rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What people call it.
    pub name: String,
    /// How grave.
    pub severity: Severity,
    /// How often.
    pub per: Per,
    /// Whether someone must see a hit now.
    pub alert: bool,
    /// What it means for a message before it is sent.
    pub check: Check,
    /// Only on these; all when empty.
    pub channels: Vec<Channel>,
    /// Whether it is in force.
    pub enabled: bool,
    /// What it looks for.
    pub conditions: Vec<Condition>,
    /// How the conditions are combined.
    pub when: super::expression::Expression,
}

/// One condition.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Its name in the expression.
    pub id: String,
    /// Whose turns it looks at; everybody's when none.
    pub role: Option<Speaker>,
    /// Which part of the interaction.
    pub range: Range,
    /// Where it must stand in respect of another condition.
    pub anchor: Option<Anchor>,
    /// What it looks for.
    pub operator: Operator,
}

/// A part of an interaction. Turns are counted from 1, over those of the condition's role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// First turn.
    pub from_turn: Option<u16>,
    /// Last turn.
    pub to_turn: Option<u16>,
    /// Milliseconds since the first turn.
    pub from_ms: Option<u32>,
    /// Milliseconds since the first turn.
    pub to_ms: Option<u32>,
    /// The last turns; known when the interaction has ended.
    pub last_turns: Option<u16>,
}

/// On which side of the other condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Earlier.
    Before,
    /// Later.
    After,
}

/// Where a condition must stand in respect of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Place of the other condition in the rule.
    pub other: usize,
    /// Side.
    pub side: Side,
    /// Turns of the condition's role between them at most.
    pub within_turns: Option<u16>,
    /// Milliseconds between them at most.
    pub within_ms: Option<u32>,
}

/// What a speed is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeedUnit {
    /// Letters and digits, for Chinese.
    Characters,
    /// Words between spaces.
    Words,
}

/// Words close to each other.
#[derive(Clone, Debug)]
pub struct Near {
    /// All of them.
    pub words: Vec<String>,
    /// Characters from the begin of the first to the end of the last, at most.
    pub within_chars: u32,
}

/// What a condition looks for.
#[derive(Clone, Debug)]
pub enum Operator {
    /// Words of the text.
    Keywords {
        /// One of these; not asked for when empty.
        any: Vec<String>,
        /// All of these.
        all: Vec<String>,
        /// Not one of these.
        none: Vec<String>,
        /// These close to each other.
        near: Option<Near>,
    },
    /// A pattern.
    Regex {
        /// In the syntax of the crate `regex`.
        pattern: String,
    },
    /// A sentence like one of these.
    Similarity {
        /// Samples.
        to: Vec<String>,
        /// Dice coefficient of character pairs, 0 to 1.
        at_least: f64,
    },
    /// The customer says the same again.
    RepeatedQuestion {
        /// Jaccard coefficient of character pairs, 0 to 1.
        at_least: f64,
        /// How often it was said before, at least.
        times: u8,
    },
    /// Nobody spoke before the turn.
    Silence {
        /// For so long.
        at_least_ms: i64,
        /// After a turn of this role.
        after: Option<Speaker>,
    },
    /// Speed of a turn that has a begin and an end.
    TalkSpeed {
        /// Unit of the limits, by minute.
        unit: SpeedUnit,
        /// Faster than this.
        above: Option<f64>,
        /// Slower than this.
        below: Option<f64>,
        /// Shorter turns are not judged.
        min_ms: i64,
    },
    /// The turn begins while another role still speaks.
    OverTalk {
        /// For so long.
        at_least_ms: i64,
    },
    /// Turns of one role with the same mood in a row.
    SentimentRun {
        /// -1 negative, 1 positive.
        label: i8,
        /// How many.
        turns: u8,
    },
    /// Something that should have been said was not.
    MissingPhrase {
        /// The phrases that would do.
        phrases: Vec<String>,
        /// A sentence like one of the phrases does too, from this Dice coefficient on.
        similar: Option<f64>,
    },
    /// Words of lists.
    SensitiveWords {
        /// The words.
        words: Vec<String>,
        /// A hit inside one of these is none.
        except: Vec<String>,
        /// Kinds of personal values, as their tokens show them.
        personal: Vec<&'static str>,
    },
    /// Steps said in the wrong order.
    ScriptOrder {
        /// The phrases of each step.
        steps: Vec<Vec<String>>,
        /// Whether a step may be left out.
        allow_skips: bool,
    },
}

impl Operator {
    /// Every operator's name.
    pub const NAMES: [&'static str; 11] = [
        "keywords",
        "regex",
        "similarity",
        "repeated_question",
        "silence",
        "talk_speed",
        "over_talk",
        "sentiment_run",
        "missing_phrase",
        "sensitive_words",
        "script_order",
    ];

    /// Its name in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Keywords { .. } => "keywords",
            Self::Regex { .. } => "regex",
            Self::Similarity { .. } => "similarity",
            Self::RepeatedQuestion { .. } => "repeated_question",
            Self::Silence { .. } => "silence",
            Self::TalkSpeed { .. } => "talk_speed",
            Self::OverTalk { .. } => "over_talk",
            Self::SentimentRun { .. } => "sentiment_run",
            Self::MissingPhrase { .. } => "missing_phrase",
            Self::SensitiveWords { .. } => "sensitive_words",
            Self::ScriptOrder { .. } => "script_order",
        }
    }

    /// True when it holds because something did not happen.
    #[must_use]
    pub const fn is_absence(&self) -> bool {
        matches!(self, Self::MissingPhrase { .. })
    }
}
