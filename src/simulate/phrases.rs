//! Sentences from the scenario library, with their slots filled.
//!
//! Invariants: what belongs to one matter (order, parcel, product, plan, ticket,
//! the thing) is the same in all sentences of an interaction; the places of
//! personal values are those in the finished text, in Unicode scalars.

use super::calendar::parts;
use super::dice::{Dice, Stream};
use super::noise::{self, Piece};
use super::people::Person;
use super::scenario::grammar::{Pattern, Said};
use super::scenario::{Intent, Language, Part};
use crate::domain::Day;

/// A personal value in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planted {
    pub kind: &'static str,
    /// First and one past the last Unicode scalar.
    pub start: usize,
    pub end: usize,
    pub value: String,
}

/// A finished sentence.
#[derive(Clone, Debug, Default)]
pub(super) struct Spoken {
    pub text: String,
    pub planted: Vec<Planted>,
    /// What the recogniser changed.
    pub changes: u32,
}

/// Who says a sentence about what.
pub(super) struct Phrases<'a> {
    pub language: &'a Language,
    pub intent: &'a Intent,
    pub person: &'a Person,
    pub agent_id: &'a str,
    /// What belongs to the matter is drawn from this.
    pub matter: u64,
    pub judge: bool,
    /// Numbers of answers are changed: the facts are others.
    pub other_facts: bool,
    /// What a recogniser does; 0 in writing.
    pub noise: f64,
    /// Days that are spoken of lie around this one.
    pub today: Day,
    pub dice: Dice,
    pieces: Vec<Piece>,
}

impl<'a> Phrases<'a> {
    pub(super) fn new(
        language: &'a Language,
        intent: &'a Intent,
        person: &'a Person,
        matter: u64,
        dice: Dice,
    ) -> Self {
        Self {
            language,
            intent,
            person,
            agent_id: "",
            matter,
            judge: false,
            other_facts: false,
            noise: 0.0,
            today: Day(0),
            dice,
            pieces: Vec::new(),
        }
    }

    /// Adds one of the sentences of a part.
    pub(super) fn add(&mut self, part: Part) -> &mut Self {
        let patterns = self.language.part(part);
        let Some(last) = patterns.len().checked_sub(1) else {
            return self;
        };
        let mut chosen = self.dice.below(patterns.len() as u64) as usize;
        // Nobody at a phone company speaks of parcels: the next one that fits.
        for _ in 0..last {
            let fits = patterns
                .get(chosen)
                .is_none_or(|pattern| self.fits(pattern));
            if fits {
                break;
            }
            chosen = if chosen == last { 0 } else { chosen + 1 };
        }
        if let Some(pattern) = patterns.get(chosen) {
            self.expand(pattern);
        }
        self
    }

    /// Whether a sentence speaks of nothing that the industry leaves out.
    fn fits(&self, pattern: &Pattern) -> bool {
        let names = |slot: &String| pattern.names(slot);
        !self.intent.leaves_out.iter().any(names)
    }

    /// Adds one of the intent's wordings.
    pub(super) fn ask(&mut self) -> &mut Self {
        let intent = self.intent;
        let count = intent.wordings(self.judge).count() as u64;
        let chosen = self.dice.below(count) as usize;
        if let Some(pattern) = intent.wordings(self.judge).nth(chosen) {
            self.expand(pattern);
        }
        self
    }

    /// Adds the true answer, or the one with other facts.
    pub(super) fn answer(&mut self) -> &mut Self {
        let before = self.pieces.len();
        let intent = self.intent;
        self.expand(&intent.answer);
        if self.other_facts {
            for piece in self
                .pieces
                .iter_mut()
                .skip(before)
                .filter(|piece| !piece.fixed)
            {
                piece.text = other_numbers(&piece.text);
            }
        }
        self
    }

    /// Adds words as they stand.
    pub(super) fn plain(&mut self, text: &str) -> &mut Self {
        self.push(text.to_owned(), None, false);
        self
    }

    /// Ends a sentence when another one follows.
    pub(super) fn stop(&mut self) -> &mut Self {
        let ends = |piece: &Piece| piece.text.ends_with(['。', '？', '！', '.', '?', '!']);
        if self.pieces.last().is_some_and(ends) {
            return self;
        }
        let mark = if self.language.is_english() {
            ". "
        } else {
            "。"
        };
        self.plain(mark)
    }

    /// The sentence, as a customer says it.
    pub(super) fn said(&mut self) -> Spoken {
        let mut region = Dice::new(self.person.index, Stream::Person, 77);
        // One in four speaks a dialect.
        if region.chance(0.25) {
            let regions = self.language.dialects.len() as u64;
            let region = region.below(regions) as usize;
            noise::dialect(&mut self.pieces, self.language, region, &mut self.dice);
        }
        self.finished()
    }

    /// The sentence, as it stands.
    pub(super) fn finished(&mut self) -> Spoken {
        let mut pieces = std::mem::take(&mut self.pieces);
        let changes = noise::recognise(&mut pieces, self.language, self.noise, &mut self.dice);
        let mut spoken = Spoken {
            text: String::with_capacity(120),
            planted: Vec::new(),
            changes,
        };
        let mut length = 0;
        for piece in pieces {
            let end = length + piece.text.chars().count();
            if let Some(kind) = piece.kind {
                spoken.planted.push(Planted {
                    kind,
                    start: length,
                    end,
                    value: piece.text.clone(),
                });
            }
            spoken.text.push_str(&piece.text);
            length = end;
        }
        if spoken.text.trim().is_empty() {
            spoken.text = if self.language.is_english() {
                "uh"
            } else {
                "嗯"
            }
            .to_owned();
        }
        spoken
    }

    fn push(&mut self, text: String, kind: Option<&'static str>, fixed: bool) {
        self.pieces.push(Piece { text, kind, fixed });
    }

    fn expand(&mut self, pattern: &'a Pattern) {
        let mut said = Vec::with_capacity(12);
        pattern.expand(&mut self.dice, &mut said);
        for piece in said {
            match piece {
                Said::Text(text) => self.push(text.to_owned(), None, false),
                Said::Slot(name) => self.slot(name),
            }
        }
    }

    fn of_matter(&self, name: &str) -> Dice {
        let mut hash = self.matter;
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Dice::new(hash, Stream::Words, 1 << 40)
    }

    fn slot(&mut self, name: &str) {
        let person = self.person;
        let personal = match name {
            "phone" => Some(("phone", person.phone.clone())),
            "name" => Some(("name", person.name.clone())),
            "address" => Some(("address", person.address())),
            "email" => Some(("email", person.email())),
            "id_card" => Some(("id_card", person.id_card())),
            "bank_card" => Some(("bank_card", person.bank_card())),
            _ => None,
        };
        if let Some((kind, value)) = personal {
            self.push(value, Some(kind), true);
            return;
        }
        let text = match name {
            "amount" => self.amount(),
            "mins" => self.dice.between(2, 59).to_string(),
            "few" => self.dice.between(2, 9).to_string(),
            "day" => self.day(),
            "order" => (20_000_000_000 + self.of_matter(name).below(9_000_000_000)).to_string(),
            "parcel" => {
                format!(
                    "YT{}",
                    7_300_000_000_000 + self.of_matter(name).below(900_000_000_000)
                )
            }
            "ticket" => format!("CASE-{:08}", self.of_matter(name).below(100_000_000)),
            "tail" => person.tail().to_owned(),
            "surname" => person.surname.clone(),
            "agent" => self.agent_id.to_owned(),
            "query" => self.intent.query.clone(),
            "thing" => {
                let things = &self.intent.things;
                let chosen = self.of_matter(name).below(things.len() as u64) as usize;
                let thing = things.get(chosen).cloned().unwrap_or_default();
                self.push(thing, None, false);
                return;
            }
            list => {
                let values = self.language.values(list);
                let chosen = self.of_matter(list).below(values.len() as u64) as usize;
                values.get(chosen).cloned().unwrap_or_default()
            }
        };
        self.push(text, None, true);
    }

    fn amount(&mut self) -> String {
        let whole = self.dice.between(5, 899);
        if self.dice.chance(0.4) {
            format!("{whole}.{:02}", self.dice.between(1, 99))
        } else {
            whole.to_string()
        }
    }

    fn day(&mut self) -> String {
        let date = self.today.0 + self.dice.between(-12, 12) as i32;
        let (_, month, day) = parts(date);
        let mut of = |list: &str| {
            let values = self.language.values(list);
            let chosen = self.dice.below(values.len() as u64) as usize;
            values.get(chosen).cloned().unwrap_or_default()
        };
        let (word, part) = (of("weekday"), of("part_of_day"));
        let names = self.language.values("month");
        let name = names
            .get(month.saturating_sub(1) as usize)
            .or_else(|| names.first());
        let name = name.map_or("", String::as_str);
        match (self.dice.chance(0.4), self.language.is_english()) {
            (true, _) => word,
            (false, true) => format!("{name} {day}"),
            (false, false) => format!("{month}月{day}日{part}"),
        }
    }
}

/// The same sentence with other numbers: half as much again and one more.
pub(super) fn other_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let mut digits = String::new();
    let flush = |digits: &mut String, out: &mut String| {
        if let Ok(number) = digits.parse::<u64>() {
            out.push_str(&(number + number / 2 + 1).to_string());
        } else {
            out.push_str(digits);
        }
        digits.clear();
    };
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        flush(&mut digits, &mut out);
        out.push(c);
    }
    flush(&mut digits, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Library;
    use super::*;

    #[test]
    fn other_facts_are_other_numbers() {
        assert_eq!(other_numbers("7天内，收20元"), "11天内，收31元");
        assert_eq!(other_numbers("没有数字"), "没有数字");
    }

    #[test]
    fn personal_values_stand_where_it_is_told_also_behind_noise() {
        let library = Library::built_in().unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        let intent = &library.intents[0];
        let mut kinds = std::collections::BTreeSet::new();
        for index in 0..600 {
            let person = Person::new(4, index, false, &library);
            let dice = Dice::new(4, Stream::Words, index);
            let language = &library.languages[usize::from(index % 5 == 0)];
            let mut phrases = Phrases::new(language, intent, &person, index, dice);
            phrases.noise = 0.2;
            let spoken = phrases
                .add(Part::Links)
                .add(Part::Personal)
                .add(Part::Tails)
                .said();
            assert!(!spoken.planted.is_empty(), "{}", spoken.text);
            assert!(!spoken.text.contains(['{', '}']), "{}", spoken.text);
            for planted in spoken.planted {
                let there: String = spoken
                    .text
                    .chars()
                    .skip(planted.start)
                    .take(planted.end - planted.start)
                    .collect();
                assert_eq!(there, planted.value);
                kinds.insert(planted.kind);
            }
        }
        assert_eq!(kinds.len(), 6, "{kinds:?}");
    }
}
