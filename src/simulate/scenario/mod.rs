//! The scenario library: what people come for and how they say it, as data.
//!
//! Files are TOML; `samples/scenarios` is built in, another folder in the same
//! format can take its place (`docs/SCENARIOS.md`). Invariants: a library that
//! was loaded has at least one queue and one intent, every pattern parses, every
//! slot is known; the same files give the same library. Not here: what happens
//! at the desk.

mod common;
pub(super) mod grammar;
mod industry;
mod read;

use std::collections::{BTreeMap, HashMap};

pub use read::Mistake;

use common::Common;
use grammar::Pattern;

/// Phrasings that every intent must have, slots not counted.
pub const LEAST_PHRASINGS: usize = 40;

/// Every third wording belongs to the judge.
const JUDGE_EVERY: usize = 3;

/// A scenario file: its name and text.
#[derive(Clone, Debug)]
pub struct ScenarioFile {
    /// Path or name, for messages.
    pub name: String,
    /// TOML.
    pub text: String,
}

/// The files that are built in.
const BUILT_IN: &[(&str, &str)] = &[
    (
        "common.toml",
        include_str!("../../../samples/scenarios/common.toml"),
    ),
    (
        "telecom_billing.toml",
        include_str!("../../../samples/scenarios/telecom_billing.toml"),
    ),
    (
        "telecom_network.toml",
        include_str!("../../../samples/scenarios/telecom_network.toml"),
    ),
    (
        "telecom_account.toml",
        include_str!("../../../samples/scenarios/telecom_account.toml"),
    ),
    (
        "shop_orders.toml",
        include_str!("../../../samples/scenarios/shop_orders.toml"),
    ),
    (
        "shop_returns.toml",
        include_str!("../../../samples/scenarios/shop_returns.toml"),
    ),
    (
        "shop_products.toml",
        include_str!("../../../samples/scenarios/shop_products.toml"),
    ),
    (
        "english.toml",
        include_str!("../../../samples/scenarios/english.toml"),
    ),
];

/// The words of one language that all intents share, by part of the talk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Openers,
    Endings,
    Links,
    Tails,
    Fillers,
    FollowUps,
    Personal,
    Nods,
    Goodbyes,
    Greetings,
    Addresses,
    Checks,
    Promises,
    Closings,
    BotGreetings,
    BotShows,
    BotEmpty,
    BotFails,
    BotHandOvers,
    Unsure,
    Unrelated,
    Furious,
    Annoyed,
    Worried,
    Pleased,
    Thanks,
    Unsolved,
    Comments,
    CommentsBad,
}

impl Part {
    pub(super) const ALL: [(Self, &'static str); 29] = [
        (Self::Openers, "openers"),
        (Self::Endings, "endings"),
        (Self::Links, "links"),
        (Self::Tails, "tails"),
        (Self::Fillers, "fillers"),
        (Self::FollowUps, "follow_ups"),
        (Self::Personal, "personal"),
        (Self::Nods, "nods"),
        (Self::Goodbyes, "goodbyes"),
        (Self::Greetings, "greetings"),
        (Self::Addresses, "addresses"),
        (Self::Checks, "checks"),
        (Self::Promises, "promises"),
        (Self::Closings, "closings"),
        (Self::BotGreetings, "bot_greetings"),
        (Self::BotShows, "bot_shows"),
        (Self::BotEmpty, "bot_empty"),
        (Self::BotFails, "bot_fails"),
        (Self::BotHandOvers, "bot_hand_overs"),
        (Self::Unsure, "unsure"),
        (Self::Unrelated, "unrelated"),
        (Self::Furious, "furious"),
        (Self::Annoyed, "annoyed"),
        (Self::Worried, "worried"),
        (Self::Pleased, "pleased"),
        (Self::Thanks, "thanks"),
        (Self::Unsolved, "unsolved"),
        (Self::Comments, "comments"),
        (Self::CommentsBad, "comments_bad"),
    ];
}

/// What all intents of a language share.
#[derive(Debug, Default)]
pub(super) struct Language {
    /// BCP 47 tag.
    pub tag: &'static str,
    /// By [`Part`].
    pub words: Vec<Vec<Pattern>>,
    /// Lists that slots draw from.
    pub values: BTreeMap<String, Vec<String>>,
    /// What a recogniser mixes up: as said, as heard.
    pub homophones: Vec<(String, String)>,
    /// Sets of characters that sound alike, the common ones first.
    pub sounds: Vec<Vec<char>>,
    /// In which of them a character stands.
    pub sound_of: HashMap<char, usize>,
    /// Regional words, list by list: as written, as said.
    pub dialects: Vec<Vec<(String, String)>>,
}

impl Language {
    pub(super) fn part(&self, part: Part) -> &[Pattern] {
        self.words.get(part as usize).map_or(&[], Vec::as_slice)
    }

    /// Takes sets of characters that sound alike; a character's first set counts.
    pub(super) fn sounds_alike(&mut self, sets: &[String]) {
        for set in sets {
            for c in set.chars() {
                self.sound_of.entry(c).or_insert(self.sounds.len());
            }
            self.sounds.push(set.chars().collect());
        }
    }

    /// The characters that sound like `c`, itself among them; none when unknown.
    pub(super) fn alike(&self, c: char) -> &[char] {
        let set = self.sound_of.get(&c);
        set.and_then(|set| self.sounds.get(*set))
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_english(&self) -> bool {
        self.tag == "en"
    }

    pub(super) fn values(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Where calls and chats about some intents wait.
#[derive(Clone, Debug)]
pub(super) struct QueueSpec {
    pub name: String,
    /// Key of the phone menu.
    pub key: String,
    /// Caption of the phone menu.
    pub label: String,
    /// Queue of chats about the same; its own when it is not named.
    pub text: String,
}

/// When an intent has its time of the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Season {
    None,
    MonthStart,
    Double11,
    SpringFestival,
    Holidays,
    Workdays,
}

impl Season {
    const WORDS: [&'static str; 6] = [
        "none",
        "month_start",
        "double11",
        "spring_festival",
        "holidays",
        "workdays",
    ];
    const ALL: [Self; 6] = [
        Self::None,
        Self::MonthStart,
        Self::Double11,
        Self::SpringFestival,
        Self::Holidays,
        Self::Workdays,
    ];
}

/// One thing that customers come for: a topic.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    pub code: String,
    pub name: String,
    pub brand: String,
    /// Whether the calendar of shops moves it.
    pub shop: bool,
    /// Slots of the shared words that nobody says here.
    pub leaves_out: Vec<String>,
    /// Index into [`Library::languages`].
    pub language: usize,
    /// Index into [`Library::queues`].
    pub queue: usize,
    pub share: f64,
    pub judge: bool,
    pub in_scope: bool,
    pub self_service: bool,
    pub season: Season,
    /// What customers say first; every third is the judge's.
    pub asks: Vec<Pattern>,
    /// What only the judge's customers say.
    pub judge_asks: Vec<Pattern>,
    pub answer: Pattern,
    /// What an agent types into the search.
    pub query: String,
    pub question: String,
    pub similar: Vec<String>,
    /// Median talk on the phone, minutes.
    pub minutes: f64,
    /// Probability that a middling agent solves it.
    pub solve: f64,
    /// How the customer feels at the start, -2 to 2.
    pub mood: f64,
    /// What `{thing}` is.
    pub things: Vec<String>,
}

impl Intent {
    /// The wordings of one part.
    pub(super) fn wordings(&self, judge: bool) -> impl Iterator<Item = &Pattern> {
        let of = move |index: usize| (index % JUDGE_EVERY == JUDGE_EVERY - 1) == judge;
        let all = self.asks.len() < JUDGE_EVERY;
        self.asks
            .iter()
            .enumerate()
            .filter(move |(index, _)| all || of(*index))
            .map(|(_, pattern)| pattern)
            .chain(self.judge_asks.iter().filter(move |_| judge))
    }
}

/// Every intent with what it needs.
#[derive(Debug, Default)]
pub struct Library {
    pub(super) intents: Vec<Intent>,
    pub(super) queues: Vec<QueueSpec>,
    pub(super) languages: Vec<Language>,
}

impl Library {
    /// The built-in library.
    ///
    /// # Errors
    /// The mistakes in the built-in files; a test holds that there are none.
    pub fn built_in() -> Result<Self, Vec<Mistake>> {
        Self::load(&[])
    }

    /// How many topics it has, the judge's included.
    pub fn len(&self) -> usize {
        self.intents.len()
    }

    /// Whether it has none; a loaded one has.
    pub fn is_empty(&self) -> bool {
        self.intents.is_empty()
    }

    /// The library of `files`; without a `common.toml` among them the built-in
    /// one is used, without any file the whole built-in library.
    ///
    /// # Errors
    /// Every mistake in every file.
    pub fn load(files: &[ScenarioFile]) -> Result<Self, Vec<Mistake>> {
        let built_in: Vec<ScenarioFile> = BUILT_IN
            .iter()
            .map(|(name, text)| ScenarioFile {
                name: format!("samples/scenarios/{name}"),
                text: (*text).to_owned(),
            })
            .collect();
        let is_common = |file: &&ScenarioFile| is_common(&file.name);
        let own = files.iter().find(is_common);
        let Some(shared) = own.or_else(|| built_in.iter().find(is_common)) else {
            return Ok(Self::default());
        };
        let mut mistakes = Vec::new();
        let common = Common::read(shared, &mut mistakes);
        let mut library = Self {
            languages: common.languages,
            ..Self::default()
        };
        let industries = if files.is_empty() { &built_in } else { files };
        let industries = || industries.iter().filter(|file| !is_common(file));
        // An intent may wait in a queue of any file.
        for file in industries() {
            industry::read_queues(file, &mut library);
        }
        for file in industries() {
            industry::read(file, &common.rules, &mut library, &mut mistakes);
        }
        if library.intents.is_empty() && mistakes.is_empty() {
            mistakes.push(Mistake {
                file: files
                    .first()
                    .map_or_else(String::new, |file| file.name.clone()),
                line: 1,
                what: "no [[intents]] in any file: a library needs at least one".to_owned(),
            });
        }
        if mistakes.is_empty() {
            Ok(library)
        } else {
            mistakes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
            Err(mistakes)
        }
    }
}

fn is_common(name: &str) -> bool {
    name.rsplit(['/', '\\']).next() == Some("common.toml")
}

#[cfg(test)]
mod tests;
