//! Sentences from the word lists, with their slots filled.
//!
//! Invariants: every `{slot}` of the lists is known (a test tries each list);
//! what belongs to one matter (order, parcel, product, plan, ticket) is the
//! same in all sentences of an interaction.

use std::fmt::Write;

use super::dice::Dice;
use super::people::Person;
use super::words::{
    CHINESE, CITIES, CITIES_EN, DAYS, DAYS_EN, ENGLISH, Intent, Language, MONTHS_EN, PARTS_OF_DAY,
    PLANS, PLANS_EN, PRODUCTS, PRODUCTS_EN,
};

/// What an interaction is about.
pub(super) struct Matter {
    pub intent: &'static Intent,
    pub language: &'static Language,
    order: u64,
    parcel: u64,
    ticket: u64,
    product: &'static str,
    plan: &'static str,
}

impl Matter {
    /// A new matter of someone who speaks English, or Chinese.
    pub(super) fn new(english: bool, dice: &mut Dice) -> Self {
        let language = if english { &ENGLISH } else { &CHINESE };
        let (products, plans) = if english {
            (PRODUCTS_EN, PLANS_EN)
        } else {
            (PRODUCTS, PLANS)
        };
        Self {
            intent: dice.pick(language.intents),
            language,
            order: 20_000_000_000 + dice.below(9_000_000_000),
            parcel: 7_300_000_000_000 + dice.below(900_000_000_000),
            ticket: dice.below(100_000_000),
            product: *dice.pick(products),
            plan: *dice.pick(plans),
        }
    }

    pub(super) fn is_english(&self) -> bool {
        self.language.tag == ENGLISH.tag
    }
}

/// Who says a sentence about what.
pub(super) struct Phrases<'a> {
    pub matter: &'a Matter,
    pub person: &'a Person,
    pub agent_id: &'a str,
    pub dice: Dice,
}

impl Phrases<'_> {
    /// One of `templates`, filled.
    pub(super) fn one_of(&mut self, templates: &[&'static str]) -> String {
        let template = *self.dice.pick(templates);
        let mut text = String::with_capacity(template.len() + 32);
        self.fill(template, &mut text);
        text
    }

    /// What the customer says first: with a way in, a way out, and anger.
    pub(super) fn ask(&mut self, upset: bool) -> String {
        let language = self.matter.language;
        let mut text = self.joined([language.openers, self.matter.intent.asks, language.endings]);
        if upset {
            let upset = *self.dice.pick(language.upset);
            self.fill(upset, &mut text);
        }
        text
    }

    /// What the customer asks next.
    pub(super) fn follow_up(&mut self) -> String {
        let language = self.matter.language;
        self.joined([language.links, language.follow_ups, language.endings])
    }

    /// A personal value, as customers give them.
    pub(super) fn personal(&mut self) -> String {
        let language = self.matter.language;
        self.joined([language.links, language.personal, language.tails])
    }

    /// What the agent answers, sometimes with a promise.
    pub(super) fn answer(&mut self) -> String {
        let language = self.matter.language;
        let mut text = self.joined([language.addresses, self.matter.intent.answers, &[]]);
        if self.dice.chance(0.15) {
            text.push_str(if self.matter.is_english() {
                ". "
            } else {
                "。"
            });
            text.push_str(&self.one_of(language.promises));
        }
        text
    }

    fn joined(&mut self, lists: [&[&'static str]; 3]) -> String {
        let mut text = String::with_capacity(160);
        for list in lists.into_iter().filter(|list| !list.is_empty()) {
            let template = *self.dice.pick(list);
            self.fill(template, &mut text);
        }
        text
    }

    fn fill(&mut self, template: &'static str, text: &mut String) {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let Some((slot, after)) = after.split_once('}') else {
                break;
            };
            self.slot(slot, text);
            rest = after;
        }
        text.push_str(rest);
    }

    fn slot(&mut self, slot: &str, text: &mut String) {
        let english = self.matter.is_english();
        let pick = |dice: &mut Dice, zh: &[&'static str], en: &[&'static str]| {
            *dice.pick(if english { en } else { zh })
        };
        match slot {
            "amount" => self.amount(text),
            "mins" => number(text, self.dice.between(2, 59)),
            "few" => number(text, self.dice.between(2, 9)),
            "day" => self.day(text),
            "city" => text.push_str(pick(&mut self.dice, CITIES, CITIES_EN)),
            "order" => number(text, self.matter.order),
            "parcel" => number(text, format_args!("YT{}", self.matter.parcel)),
            "ticket" => number(text, format_args!("CASE-{:08}", self.matter.ticket)),
            "product" => text.push_str(self.matter.product),
            "plan" => text.push_str(self.matter.plan),
            "query" => text.push_str(self.matter.intent.query),
            "agent" => text.push_str(self.agent_id),
            "tail" => text.push_str(self.person.tail()),
            "surname" => text.push_str(self.person.surname),
            "name" => text.push_str(&self.person.name),
            "phone" => text.push_str(&self.person.phone),
            "address" => text.push_str(&self.person.address()),
            "email" => text.push_str(&self.person.email()),
            "id_card" => text.push_str(&self.person.id_card()),
            "bank_card" => text.push_str(&self.person.bank_card()),
            _ => text.push_str(slot),
        }
    }
}

impl Phrases<'_> {
    fn amount(&mut self, text: &mut String) {
        number(text, self.dice.between(5, 899));
        if self.dice.chance(0.4) {
            number(text, format_args!(".{:02}", self.dice.between(1, 99)));
        }
    }

    fn day(&mut self, text: &mut String) {
        let (month, day) = (self.dice.between(1, 12), self.dice.between(1, 28));
        let english = self.matter.is_english();
        if self.dice.chance(0.35) {
            let word = *self.dice.pick(if english { DAYS_EN } else { DAYS });
            text.push_str(word);
        } else if english {
            number(text, format_args!("{} {day}", self.dice.pick(MONTHS_EN)));
        } else {
            let part = *self.dice.pick(PARTS_OF_DAY);
            number(text, format_args!("{month}月{day}日{part}"));
        }
    }
}

/// Writing into a `String` can't fail.
fn number(text: &mut String, value: impl std::fmt::Display) {
    let _ = write!(text, "{value}");
}

#[cfg(test)]
mod tests {
    use super::super::dice::Stream;
    use super::*;

    fn lists(language: &'static Language) -> Vec<&'static [&'static str]> {
        let mut lists = vec![
            language.openers,
            language.links,
            language.tails,
            language.addresses,
            language.endings,
            language.upset,
            language.follow_ups,
            language.personal,
            language.nods,
            language.goodbyes,
            language.greetings,
            language.checks,
            language.promises,
            language.closings,
            language.bot_greetings,
            language.bot_answers,
            language.bot_hand_overs,
            language.comments,
            language.comments_upset,
        ];
        for intent in language.intents {
            lists.extend([intent.asks, intent.answers]);
        }
        lists
    }

    #[test]
    fn every_slot_of_every_list_is_known() {
        const SLOTS: &[&str] = &[
            "amount",
            "mins",
            "few",
            "day",
            "city",
            "order",
            "parcel",
            "ticket",
            "product",
            "plan",
            "query",
            "agent",
            "tail",
            "surname",
            "name",
            "phone",
            "address",
            "email",
            "id_card",
            "bank_card",
        ];
        for template in [&CHINESE, &ENGLISH].into_iter().flat_map(lists).flatten() {
            for slot in template.split('{').skip(1) {
                let name = slot.split_once('}').map(|(name, _)| name);
                assert!(name.is_some_and(|name| SLOTS.contains(&name)), "{template}");
            }
        }
    }

    #[test]
    fn customers_have_at_least_sixty_phrasings() {
        let asks: usize = CHINESE.intents.iter().map(|intent| intent.asks.len()).sum();
        assert!(asks + CHINESE.follow_ups.len() >= 60, "{asks}");
    }

    #[test]
    fn a_filled_sentence_keeps_no_brace() {
        for index in 0..2000 {
            let mut dice = Dice::new(5, Stream::Words, index);
            let matter = Matter::new(index % 5 == 0, &mut dice);
            let person = Person::new(5, index);
            let mut phrases = Phrases {
                matter: &matter,
                person: &person,
                agent_id: "a-1",
                dice,
            };
            for list in lists(matter.language) {
                let text = phrases.one_of(list);
                assert!(!text.contains(['{', '}']), "{text}");
            }
            assert!(!phrases.ask(true).contains('{'));
        }
    }
}
